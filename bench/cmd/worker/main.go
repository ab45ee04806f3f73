// Command worker serves hebbkern's own kernels, called from Go, to the benchmark suite (bench/python/suite.py): what a
// Go program gets, without the cost of a call from Python.
package main

import (
	"fmt"
	"maps"
	"os"

	"github.com/hebbkern/hebbkern/bench/worker"
	"github.com/hebbkern/hebbkern/engine"
	"github.com/hebbkern/hebbkern/kernels"
)

func main() {
	// The threads are those of HEBBKERN_NUM_THREADS, which the suite sets.
	versions := map[string]string{"hebbkern": kernels.Version(), "isa": kernels.ISA(), "threads": fmt.Sprint(kernels.Threads())}
	if err := worker.Serve(versions, all[float32](), all[float64]()); err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		os.Exit(1)
	}
}

type (
	inputs[T kernels.Float] = worker.Inputs[T]
	form[T kernels.Float]   = worker.Form[T]
)

func all[T kernels.Float]() worker.Forms[T] {
	together := forms[T]()
	maps.Copy(together, sequences[T]())
	maps.Copy(together, training[T]())
	return together
}

func forms[T kernels.Float]() worker.Forms[T] {
	one := func(name string, f form[T]) map[string]form[T] { return map[string]form[T]{name: f} }
	return worker.Forms[T]{
		"rank1": one("one pass", func(in *inputs[T]) (func(), []worker.Result[T]) {
			w, u := matrix(in, "w"), kernels.Update[T]{G: in.Arrays["g"], X: in.Arrays["x"]}
			return func() { kernels.Rank1(w, u) }, nil
		}),
		"scale": one("one pass", func(in *inputs[T]) (func(), []worker.Result[T]) {
			w, rows, cols := matrix(in, "w"), in.Arrays["rows"], in.Arrays["cols"]
			return func() { kernels.Scale(w, rows, cols) }, nil
		}),
		"gain_rule": one("one pass", func(in *inputs[T]) (func(), []worker.Result[T]) {
			w, post, pre, lr := matrix(in, "w"), in.Arrays["post"], in.Arrays["pre"], T(in.Numbers["lr"])
			return func() { kernels.GainRule(w, post, pre, lr, kernels.GainOptions[T]{}) }, nil
		}),
		"oja_given":  one("one pass", ojaGiven[T]),
		"power_sums": one("one pass", powerSums[T]),
		"forward": one("one call", func(in *inputs[T]) (func(), []worker.Result[T]) {
			w, x := matrix(in, "w"), matrix(in, "X")
			y := kernels.NewMatrix[T](x.Rows, w.Rows)
			return func() { kernels.ForwardBatch(y, w, x, nil, identity) }, []worker.Result[T]{{Data: y.Data, Shape: []int{y.Rows, y.Cols}}}
		}),
		"batch": one("one call", func(in *inputs[T]) (func(), []worker.Result[T]) {
			w, g, x := matrix(in, "w"), matrix(in, "G"), matrix(in, "X")
			decay := make([]T, w.Rows)
			for i := range decay {
				decay[i] = T(in.Numbers["decay"])
			}
			return func() { kernels.BatchUpdate(w, g, x, decay, nil) }, nil
		}),
		"ema": one("one pass", func(in *inputs[T]) (func(), []worker.Result[T]) {
			s, a, alpha := in.Arrays["s"], in.Arrays["a"], T(in.Numbers["alpha"])
			return func() { kernels.EMA(s, a, alpha, kernels.Value) }, nil
		}),
	}
}

// ojaGiven is Oja's update as the engine does it, y given.
func ojaGiven[T kernels.Float](in *inputs[T]) (func(), []worker.Result[T]) {
	w := matrix(in, "w")
	x := kernels.MatrixOf(in.Arrays["x"], 1, w.Cols)
	y := kernels.MatrixOf(in.Arrays["y"], 1, w.Rows)
	var rule engine.Rule[T] = engine.Oja[T]{LR: in.Numbers["lr"]}
	options := engine.UpdateOptions[T]{Scratch: &engine.Scratch[T]{}}
	return func() {
		if _, _, err := engine.Update(rule, w, x, y, options); err != nil {
			panic(err)
		}
	}, nil
}

func powerSums[T kernels.Float](in *inputs[T]) (func(), []worker.Result[T]) {
	w, p := matrix(in, "w"), in.Numbers["p"]
	rows, cols := make([]T, w.Rows), make([]T, w.Cols)
	return func() { kernels.PowerSums(w, p, rows, cols) }, []worker.Result[T]{
		{Data: rows, Shape: []int{len(rows)}}, {Data: cols, Shape: []int{len(cols)}},
	}
}

func matrix[T kernels.Float](in *inputs[T], name string) kernels.Matrix[T] {
	return kernels.MatrixOf(in.Arrays[name], in.Rows(name), in.Cols(name))
}
