//go:build cgo

// Command bench measures the kernels beside the limits of the machine (package limits) in one interleaved run: every
// round times each form of each limit and each kernel once, on the same buffer, and the minimum over the rounds counts.
// It prints a table and writes a JSON file; bench/python/report.py writes it into bench/RESULTS.md.
//
// It exits with status 1 when a kernel beats its limit by more than 3 %: then the limit is weak, and no ratio counts.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/hebbkern/hebbkern/bench/limits"
	"github.com/hebbkern/hebbkern/kernels"
)

// A kernel faster than its limit by more than this shows that the limit is not one.
const weakLimit = 1.03

func main() {
	out := flag.String("json", "", "file to write the measurements to")
	sizes := flag.String("sizes", "256,1024,4096", "sides of the square matrices, or none")
	threads := flag.String("threads", "1,2", "thread counts")
	runs := flag.Int("runs", 5, "independent runs; a target is met when it holds in three of five")
	rounds := flag.Int("rounds", 5, "interleaved rounds a run; the minimum counts")
	slice := flag.Float64("slice", 0.002, "seconds of one timing, at least one call")
	products := flag.Bool("products", true, "measure the matrix products too")
	only := flag.String("only", "", "measure only kernels whose name contains this")
	flag.Parse()

	if !limits.Supported() {
		fail("this processor has no AVX2 with FMA: the limit loops cannot run, so there are no ratios to report")
	}
	set := settings{
		sizes: ints(*sizes), threads: ints(*threads),
		runs: *runs, rounds: *rounds, slice: *slice, only: *only, products: *products,
	}
	res := results{Machine: describe(), Command: strings.Join(append([]string{"bench"}, os.Args[1:]...), " ")}
	res.Machine.ISA, res.Machine.Library = kernels.ISA(), kernels.Version()
	res.Machine.Features = kernels.Features()
	for run := range set.runs {
		fmt.Fprintf(os.Stderr, "run %d of %d\n", run+1, set.runs)
		res.Registers = append(res.Registers, registerLimits(run, set)...)
		res.Calls = append(res.Calls, calls(run, set)...)
		if set.products {
			res.Products = append(res.Products, measureProducts[float32](run, set)...)
			res.Products = append(res.Products, measureProducts[float64](run, set)...)
		}
		for _, size := range set.sizes {
			for _, n := range set.threads {
				res.Rows = append(res.Rows, measure[float32](run, size, n, set)...)
				res.Rows = append(res.Rows, measure[float64](run, size, n, set)...)
			}
		}
	}
	res.finish()
	res.print(os.Stdout)
	if *out != "" {
		text, err := json.MarshalIndent(res, "", " ")
		if err == nil {
			err = os.WriteFile(*out, append(text, '\n'), 0o644)
		}
		if err != nil {
			fail(err.Error())
		}
	}
	if weak := res.weak(); len(weak) > 0 {
		fail("a kernel beats its limit by more than 3 %, so the limit is weak: " + strings.Join(weak, "; "))
	}
}

type settings struct {
	sizes, threads []int
	runs, rounds   int
	slice          float64
	only           string
	products       bool
}

func ints(list string) []int {
	var v []int
	if list == "" {
		return v
	}
	for _, f := range strings.Split(list, ",") {
		n, err := strconv.Atoi(f)
		if err != nil || n < 1 {
			fail("not a list of positive numbers: " + list)
		}
		v = append(v, n)
	}
	return v
}

func fail(text string) {
	fmt.Fprintln(os.Stderr, "bench: "+text)
	os.Exit(1)
}
