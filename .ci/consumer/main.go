// A program outside hebbkern's module: it takes kernels and engine by import alone, without cgo. `make test-module`
// builds and runs it.
package main

import (
	"errors"
	"fmt"
	"math"
	"os"

	"github.com/hebbkern/hebbkern/engine"
	"github.com/hebbkern/hebbkern/kernels"
)

func main() {
	w := kernels.NewMatrix[float32](3, 5)
	g, x := []float32{1, 2, 3}, []float32{1, 0, -1, 0.5, 2}
	kernels.Rank1(w, kernels.Update[float32]{G: g, X: x})
	for i := range g {
		for j := range x {
			require(w.Row(i)[j] == g[i]*x[j], "rank-1 update of zeros is the outer product")
		}
	}
	y := make([]float32, 3)
	kernels.Forward(y, w, x, nil, kernels.Activation{Kind: kernels.ReLU})
	require(y[0] == 6.25 && y[1] == 12.5 && y[2] == 18.75, "forward is W x")

	// Balancing leaves the function of a ReLU network as it was and lowers the cost.
	net, err := engine.NewLayered[float64]([]int{4, 7, 3}, kernels.Activation{Kind: kernels.ReLU}, 1)
	require(err == nil, "NewLayered")
	in := kernels.MatrixOf([]float64{1, -2, 0.5, 3, -1, 1, 2, -0.25}, 2, 4)
	before, after := kernels.NewMatrix[float64](2, 3), kernels.NewMatrix[float64](2, 3)
	require(net.Predict(before, in, nil) == nil, "Predict")
	report, err := engine.Balance(net, engine.BalanceOptions{P: 2})
	require(err == nil && report.Reason == engine.Converged, "Balance converges")
	require(report.CostAfter < report.CostBefore, "balancing lowers the cost")
	require(net.Predict(after, in, nil) == nil, "Predict")
	for i, v := range before.Data {
		require(math.Abs(after.Data[i]-v) <= 1e-12*(1+math.Abs(v)), "balancing keeps the function")
	}

	_, err = engine.Balance(net, engine.BalanceOptions{P: -1})
	var arg *engine.ArgError
	require(errors.As(err, &arg), "a negative p is an *engine.ArgError")
	fmt.Printf("   hebbkern %s (%s) from another module\n", kernels.Version(), kernels.ISA())
}

func require(ok bool, what string) {
	if !ok {
		fmt.Fprintln(os.Stderr, "consumer: not so: "+what)
		os.Exit(1)
	}
}
