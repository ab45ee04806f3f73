package engine

import (
	"math"
	"testing"

	"github.com/hebbkern/hebbkern/kernels"
)

// Gradients and gains of the derivative need one that has a bound.
func TestUnboundedDerivativesAreRefused(t *testing.T) {
	act := kernels.Activation{Kind: kernels.BiPU, Slope: 1, Shape: 0.5}
	n := layered[float64](t, source(1), act, 3, 4, 2)
	before := snapshot(t, n)
	x, y := randomMatrix[float64](source(2), 5, 3, 0, 1), randomMatrix[float64](source(3), 5, 2, 0, 1)
	trainer := Trainer[float64]{LR: 0.1, Batch: 5}
	refused(t, "training", trainer.Steps(n, x, y, []int{0, 1}, nil), "population 1")
	g := NewGainTraining(n, 0.1, 0.5)
	must(t, n.Predict(kernels.NewMatrix[float64](5, 2), x, nil))
	g.Of = OfDerivative
	refused(t, "gains", g.Step(n, x, nil), "population 1")
	equalBits(t, "weights", before, snapshot(t, n))
	rnn := RNN[float64]{Recurrent: Recurrent[float64]{J: kernels.NewMatrix[float64](2, 2)}, Activation: act}
	run := RNNRun[float64]{X: kernels.MatrixOf([]float64{1, 2}, 1, 2)}
	must(t, rnn.Run(&run, 0, 1, nil))
	run.Slopes = make([]float64, 4)
	refused(t, "slopes", rnn.Run(&run, 0, 1, nil), "activation")
}

// Units of degree c end at A = cB, and the network computes what it did.
func TestBalanceOfBiLUAndBiPU(t *testing.T) {
	for _, act := range []kernels.Activation{{Kind: kernels.BiLU, Slope: -0.5, Shape: 1.5}, {Kind: kernels.BiPU, Slope: 0.5, Shape: 0.5},
		{Kind: kernels.BiPU, Slope: -0.5, Shape: 2}} {
		n := layered[float64](t, source(1), act, 4, 6, 5, 3)
		x := randomMatrix[float64](source(2), 9, 4, 0, 1)
		before, after := kernels.NewMatrix[float64](9, 3), kernels.NewMatrix[float64](9, 3)
		must(t, n.Predict(before, x, nil))
		r, err := Balance(n, BalanceOptions{P: 1.5})
		must(t, err)
		must(t, n.Predict(after, x, nil))
		near(t, "function", after, wide(before), closeness[float64]())
		if r.Residual > 1e-9 || len(r.Excluded) > 0 || r.CostAfter >= r.CostBefore {
			t.Errorf("%v: %+v", act, r)
		}
		for i := range 6 { // by the definition of A and B
			a, b := 0.0, 0.0
			for _, v := range n.Projections[0].W.Row(i) {
				a += math.Pow(math.Abs(v), 1.5)
			}
			for k := range 5 {
				b += math.Pow(math.Abs(n.Projections[1].W.Row(k)[i]), 1.5)
			}
			if c := act.Degree(); math.Abs(a-c*b) > 1e-8*(a+c*b) {
				t.Errorf("%v unit %d: A %v, cB %v", act, i, a, c*b)
			}
		}
	}
}
