// Command peers-go serves Gonum or vek to the benchmark suite (bench/python/suite.py): peers-go gonum|vek. Both work on
// float32 here; neither has threads for these operations but Gonum's gemm.
package main

import (
	"fmt"
	"os"
	"runtime/debug"

	"github.com/hebbkern/hebbkern/bench/worker"
)

type (
	inputs = worker.Inputs[float32]
	forms  = worker.Forms[float32]
	result = worker.Result[float32]
)

func main() {
	peers := map[string]struct {
		module string
		forms  forms
	}{
		"gonum": {"gonum.org/v1/gonum", gonumForms},
		"vek":   {"github.com/viterin/vek", vekForms},
	}
	peer, known := peers[append(os.Args, "")[1]]
	if !known {
		fmt.Fprintln(os.Stderr, "usage: peers-go gonum|vek")
		os.Exit(2)
	}
	if err := worker.Serve(map[string]string{peer.module: version(peer.module)}, peer.forms, nil); err != nil {
		fmt.Fprintln(os.Stderr, "peers-go:", err)
		os.Exit(1)
	}
}

func version(module string) string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == module {
				return m.Version
			}
		}
	}
	return "unknown"
}
