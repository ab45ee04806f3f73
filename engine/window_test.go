package engine

import (
	"fmt"
	"math"
	"testing"

	"github.com/hebbkern/hebbkern/kernels"
)

// The mean of the last values in plain loops, of each activation, of both kinds and reductions; from a copy of the
// state it goes on with the same bits.
func TestWindowedGains(t *testing.T) { both(t, testWindowedGains[float32], testWindowedGains[float64]) }

func testWindowedGains[T kernels.Float](t *testing.T) {
	const units, window = 7, 4
	for _, c := range activations {
		for of := OfActivation; of <= OfDerivative; of++ {
			for _, red := range []Reduction{Sequential, Mean} {
				g, err := NewWindowed[T](units, window, of)
				must(t, err)
				var seen [][]float64
				r := source(11)
				for batch := 0; batch <= 5; batch++ {
					z := randomMatrix[T](r, batch, units, batch%2, 1.5)
					if batch > 0 {
						z.Row(0)[0] = 0 // the derivative at 0
					}
					resumed := Windowed[T]{append([]T(nil), g.Sigma...), kernels.MatrixOf(append([]float64(nil), g.Values.Data...), window, units),
						append([]float64(nil), g.Sum...), g.Seen, of}
					must(t, g.Update(z, c.act, red, nil))
					must(t, resumed.Update(z, c.act, red, new(Scratch[T])))
					equalBits(t, "resumed", g.Sigma, resumed.Sigma)
					mean := make([]float64, units)
					for b := range batch {
						row := make([]float64, units)
						for j, v := range z.Row(b) {
							row[j] = c.f(float64(v))
							if of == OfDerivative {
								row[j] = c.df(float64(v))
							}
							mean[j] += row[j] / float64(batch)
						}
						if red == Sequential {
							seen = append(seen, row)
						}
					}
					if red == Mean && batch > 0 {
						seen = append(seen, mean)
					}
					want := make([]float64, units)
					last := seen[max(0, len(seen)-window):]
					for _, v := range last {
						for j := range want {
							want[j] += v[j] / float64(len(last))
						}
					}
					near(t, fmt.Sprint(c.act, of, red), rowVector(g.Sigma), [][]float64{want}, closeness[T]())
				}
				if g.Seen != len(seen) {
					t.Fatalf("%d values seen, want %d", g.Seen, len(seen))
				}
			}
		}
	}
}

func TestWindowedRefuses(t *testing.T) {
	sigma, base := []float64{1, 2}, []float64{1, 2, 3, 4}
	state := make([]float64, 8)
	z := kernels.MatrixOf(base, 2, 2)
	type call struct {
		w   Windowed[float64]
		z   kernels.Matrix[float64]
		act kernels.Activation
		red Reduction
	}
	for _, c := range []struct {
		arg   string
		spoil func(c *call)
	}{
		{"of", func(c *call) { c.w.Of = 2 }},
		{"seen", func(c *call) { c.w.Seen = -1 }},
		{"sum", func(c *call) { c.w.Sum = c.w.Sum[:1] }},
		{"sum", func(c *call) { c.w.Sum = state[5:7] }},
		{"values", func(c *call) { c.w.Values.Rows = 0 }},
		{"values", func(c *call) { c.w.Values.Cols = 1 }},
		{"values or sum", func(c *call) { c.w.Sigma = state[5:7] }},
		{"values or sum", func(c *call) { c.z = kernels.MatrixOf(state[4:], 2, 2) }},
		{"sigma", func(c *call) { c.w.Sigma = base[1:3] }},
		{"z", func(c *call) { c.z.Cols = 1 }},
		{"reduction", func(c *call) { c.red = Sum }},
		{"activation", func(c *call) { c.act.Kind = -1 }},
		{"activation", func(c *call) { c.w.Of, c.act = OfDerivative, kernels.Activation{Kind: kernels.BiPU, Shape: 0.5} }},
	} {
		w := Windowed[float64]{sigma, kernels.MatrixOf(state[:6], 3, 2), state[6:], 1, OfActivation}
		bad := call{w, z, relu(), Mean}
		c.spoil(&bad)
		refused(t, c.arg, bad.w.Update(bad.z, bad.act, bad.red, nil), c.arg)
	}
	equalBits(t, "sigma", sigma, []float64{1, 2})
	equalBits(t, "z", base, []float64{1, 2, 3, 4})
	equalBits(t, "state", state, make([]float64, 8))
	for _, c := range []struct {
		arg           string
		units, window int
		of            GainOf
	}{{"units", 0, 1, OfActivation}, {"window", 1, 0, OfActivation}, {"window", 1, math.MaxInt, OfActivation}, {"of", 1, 1, -1}} {
		_, err := NewWindowed[float64](c.units, c.window, c.of)
		refused(t, c.arg, err, c.arg)
	}
}
