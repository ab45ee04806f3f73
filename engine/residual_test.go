package engine

import (
	"testing"

	"github.com/hebbkern/hebbkern/kernels"
)

// A leaf that changes W little is put off, one that changes it a lot is not; both give the weights of the sequence.
func TestResidualProductPutOff(t *testing.T) {
	const out, in, n = 9, 40, residualLeaf
	for _, c := range []struct {
		rate    float64
		pending bool
	}{{1e-3, true}, {0.1, false}} {
		r := source(7)
		w, x := randomMatrix[float64](r, out, in, 1, 0.3), randomMatrix[float64](r, n, in, 0, 0.5)
		want := clone(w)
		_, _, err := Update(Sanger[float64]{LR: c.rate}, want, x, kernels.Matrix[float64]{}, UpdateOptions[float64]{})
		must(t, err)
		u := updater[float64]{rule: Sanger[float64]{LR: c.rate}, w: w, x: x, y: kernels.NewMatrix[float64](n, out), compute: true,
			o: UpdateOptions[float64]{Block: n}}
		must(t, u.check())
		u.allocate()
		u.prepareResidual(n)
		if !u.residualSamples(0, n) {
			t.Fatalf("rate %v: not finite", c.rate)
		}
		if u.rb.pending != c.pending {
			t.Fatalf("rate %v: put off %v, want %v", c.rate, u.rb.pending, c.pending)
		}
		if u.rb.pending {
			u.residualProduct(u.rb.a, kernels.Matrix[float64]{})
		}
		near(t, "w", w, wide(want), 1e-9)
	}
}
