package engine

import (
	"fmt"
	"math"
	"testing"

	"github.com/hebbkern/hebbkern/kernels"
)

// What composes learning that is no Rule, against plain loops, and sequences against single calls.

func TestComposedThreeFactor(t *testing.T) {
	both(t, testComposedThreeFactor[float32], testComposedThreeFactor[float64])
}

func testComposedThreeFactor[T kernels.Float](t *testing.T) {
	const in, out, steps, lr, dt, tau = 9, 5, 7, 0.02, 0.5, 3
	for _, p := range compositions[T](out, in) {
		for _, rise := range []float64{0, 0.6} {
			what := fmt.Sprint(p.name, ", rise ", rise)
			r := source(7)
			w, x := randomMatrix[T](r, out, in, 2, 0.4), randomMatrix[T](r, steps, in, 1, 1)
			m := randomVector[T](r, steps, 1)
			m[3] = 0
			rule := ThreeFactor[T]{LR: lr, TauE: tau, TauRise: rise, DT: dt, E: randomMatrix[T](r, out, in, 1, 0.1), R: randomMatrix[T](r, out, in, 0, 0.1)}
			single, w1, start := rule, clone(w), clone(w)
			single.E, single.R = clone(rule.E), clone(rule.R)
			want, e, fast := wide(w), wide(rule.E), wide(rule.R)
			for s, xs := range wide(x) {
				delta, y := zeros(out, in), make([]float64, out)
				for i := range want {
					y[i] = dot64(want[i], xs)
				}
				for i := range want {
					for j := range xs {
						drive := y[i] * xs[j]
						if p.present != nil && !p.present(i, j) {
							drive = 0
						}
						e[i][j] = e[i][j]*math.Exp(-dt/tau) + drive
						delta[i][j] = e[i][j]
						if rise > 0 {
							fast[i][j] = fast[i][j]*math.Exp(-dt/rise) + drive
							delta[i][j] -= fast[i][j]
						}
						delta[i][j] *= lr * dt * float64(m[s])
					}
				}
				p.rate(delta, want, 0)
				p.apply(want, delta)
			}
			y, k, err := rule.Update(w, x, kernels.Matrix[T]{}, m, UpdateOptions[T]{Compose: &p.c})
			must(t, err)
			if k != steps {
				t.Fatalf("%s: %d steps", what, k)
			}
			near(t, what+": w", w, want, 2*closeness[T]())
			near(t, what+": e", rule.E, e, 2*closeness[T]())
			p.check(t, what, start, w)
			for s := range steps {
				ys, _, err := single.Update(w1, subRows(x, s, 1), kernels.Matrix[T]{}, m[s:s+1], UpdateOptions[T]{Compose: &p.c})
				must(t, err)
				equalBits(t, what+": y of single steps", y.Row(s), ys.Row(0))
			}
			for i := range out {
				equalBits(t, what+": w of single steps", w.Row(i), w1.Row(i))
				equalBits(t, what+": e of single steps", rule.E.Row(i), single.E.Row(i))
			}
		}
	}
}

func TestComposedFoldiak(t *testing.T) {
	both(t, testComposedFoldiak[float32], testComposedFoldiak[float64])
}

func testComposedFoldiak[T kernels.Float](t *testing.T) {
	const in, out, n, p = 9, 5, 6, 0.3
	inhibition := compositions[T](out, out)
	for at, c := range compositions[T](out, in) {
		for red := Sequential; red <= Mean; red++ {
			l := inhibition[at]
			if l.c.Gamma != 0 || l.c.Norm.Kind == Subtractive || l.c.Soft || l.sign != nil {
				l = composition[T]{name: "nothing"}
			}
			what := fmt.Sprint(c.name, ", ", red)
			r := source(7)
			w, x, y := randomMatrix[T](r, out, in, 2, 0.4), randomMatrix[T](r, n, in, 1, 1), randomMatrix[T](r, n, out, 0, 1)
			v := randomMatrix[T](r, out, out, 1, 0.3)
			for i := range out {
				for j := range out {
					v.Row(i)[j] = -T(math.Abs(float64(v.Row(i)[j])))
				}
				v.Row(i)[i] = 0
			}
			for s := range n {
				for i, a := range y.Row(s) {
					y.Row(s)[i] = 0
					if a > 0 {
						y.Row(s)[i] = 1
					}
				}
			}
			rule := Foldiak[T]{LR: 0.05, LateralLR: 0.04, ThresholdLR: 0.1, P: p, Slope: 10, Steps: 5, Step: 0.2, V: v, Threshold: make([]T, out), Lateral: &l.c}
			want, lateral, start := wide(w), wide(v), clone(w)
			dw, dv := zeros(out, in), zeros(out, out)
			for s := range n {
				part := 1.0
				if red == Mean {
					part = 1. / n
				}
				if red == Sequential {
					dw, dv = zeros(out, in), zeros(out, out)
				}
				for i := range out {
					yi := float64(y.Row(s)[i])
					for j := range in {
						dw[i][j] += part * 0.05 * yi * (float64(x.Row(s)[j]) - want[i][j])
					}
					for k := range out {
						if i != k {
							dv[i][k] -= part * 0.04 * (yi*float64(y.Row(s)[k]) - p*p)
						}
					}
				}
				if red != Sequential && s < n-1 {
					continue
				}
				c.rate(dw, want, 0)
				c.apply(want, dw)
				l.rate(dv, lateral, 0)
				// The rule's bound is one of the bounds, and so comes before the norm.
				bounds := l
				high := l.high
				bounds.high = func(i, j int) float64 {
					if high == nil {
						return 0
					}
					return math.Min(high(i, j), 0)
				}
				if l.low != nil {
					low := l.low
					bounds.low = func(i, j int) float64 {
						if i == j {
							return 0
						}
						return low(i, j)
					}
				}
				diagonal := bounds.high
				bounds.high = func(i, j int) float64 {
					if i == j {
						return 0
					}
					return diagonal(i, j)
				}
				bounds.apply(lateral, dv)
			}
			_, k, err := rule.Update(w, x, y, UpdateOptions[T]{Reduction: red, Compose: &c.c})
			must(t, err)
			if k != n {
				t.Fatalf("%s: %d samples", what, k)
			}
			near(t, what+": w", w, want, 2*closeness[T]())
			near(t, what+": v", v, lateral, 2*closeness[T]())
			c.check(t, what, start, w)
		}
	}
}

func TestComposedRefusals(t *testing.T) {
	w, x := kernels.NewMatrix[float64](3, 4), kernels.NewMatrix[float64](2, 4)
	sparse, _, mask := sparsePair[float64](3, 3, 4)
	e, v, theta := kernels.NewMatrix[float64](3, 4), kernels.NewMatrix[float64](3, 3), make([]float64, 3)
	type c = Composition[float64]
	none := kernels.Matrix[float64]{}
	traces := ThreeFactor[float64]{LR: 0.1, TauE: 4, DT: 1, E: e}
	lateral := func(c *c) Foldiak[float64] {
		return Foldiak[float64]{LR: 0.1, LateralLR: 0.1, P: 0.5, Slope: 1, Steps: 1, Step: 1, V: v, Threshold: theta, Lateral: c}
	}
	o := func(c *c) UpdateOptions[float64] { return UpdateOptions[float64]{Compose: c} }
	for _, bad := range []struct {
		arg string
		do  func() error
	}{
		{"mask", func() error { _, _, err := traces.Update(w, x, none, theta[:2], o(&c{Mask: mask[:3]})); return err }},
		{"low", func() error { _, _, err := traces.Update(w, x, none, theta[:2], o(&c{Low: e})); return err }},
		{"e", func() error { _, _, err := traces.UpdateCSR(sparse, x, none, theta[:2], o(nil)); return err }},
		{"gamma", func() error { _, _, err := lateral(nil).Update(w, x, none, o(&c{Gamma: -1})); return err }},
		{"high", func() error {
			_, _, err := lateral(nil).Update(w, x, none, o(&c{High: kernels.MatrixOf(v.Data[:4], 1, 4)}))
			return err
		}},
		{"mask", func() error { _, _, err := lateral(nil).UpdateCSR(sparse, x, none, o(&c{Mask: mask})); return err }},
		{"lateral low", func() error { _, _, err := lateral(&c{Low: Bound(0.5)}).Update(w, x, none, o(nil)); return err }},
		{"lateral gamma", func() error { _, _, err := lateral(&c{Gamma: 1}).Update(w, x, none, o(nil)); return err }},
		{"lateral mask", func() error { _, _, err := lateral(&c{Mask: mask[:5]}).Update(w, x, none, o(nil)); return err }},
		{"lateral weight norm", func() error {
			_, _, err := lateral(&c{Norm: WeightNorm[float64]{Kind: Subtractive}}).Update(w, x, none, o(nil))
			return err
		}},
		{"decay", func() error {
			_, err := Given[float64]{G: v, X: kernels.NewMatrix[float64](3, 4), D: x}.Update(w, o(nil))
			return err
		}},
		{"y", func() error { _, err := Given[float64]{X: x}.Update(w, o(nil)); return err }},
		{"block", func() error {
			_, err := ContrastiveHebbian[float64]{}.UpdateCSR(sparse, x, kernels.NewMatrix[float64](2, 3), x, kernels.NewMatrix[float64](2, 3), UpdateOptions[float64]{Block: 1})
			return err
		}},
	} {
		before := append([]float64(nil), sparse.Data...)
		refused(t, bad.arg, bad.do(), bad.arg)
		equalBits(t, bad.arg, before, sparse.Data)
		if maxAbs(wide(w)) != 0 || maxAbs(wide(e)) != 0 || maxAbs(wide(v)) != 0 {
			t.Fatalf("%s: wrote", bad.arg)
		}
	}
}

// Given has the bits of the rule that its vectors are from, in a sequence, a batch and blocks, and after a block that overflows.
func TestGiven(t *testing.T) {
	const in, out, n = 20, 6, 40
	r := source(5)
	start, x, y := randomMatrix[float64](r, out, in, 1, 0.2), randomMatrix[float64](r, n, in, 0, 1), randomMatrix[float64](r, n, out, 0, 1)
	oja := Oja[float64]{LR: 0.1}
	g, d := kernels.NewMatrix[float64](n, out), kernels.NewMatrix[float64](n, out)
	for s := range n {
		oja.Map(&Vectors[float64]{G: g.Row(s), D: d.Row(s)}, x.Row(s), y.Row(s))
	}
	for _, o := range []UpdateOptions[float64]{{}, {Reduction: Mean}, {Block: 16}, {From: 16, To: 32, Block: 16},
		{Compose: &Composition[float64]{Low: Bound(-0.5), RowRate: []float64{0.5}}}} {
		want, got := clone(start), clone(start)
		_, _, err := Update[float64](oja, want, x, y, o)
		must(t, err)
		k, err := Given[float64]{G: g, X: x, D: d}.Update(got, o)
		must(t, err)
		if all := o.To - o.From; k != all && k != n {
			t.Errorf("%d samples", k)
		}
		for i := range out {
			equalBits(t, fmt.Sprintf("%+v", o), want.Row(i), got.Row(i))
		}
	}
	d.Row(37)[2] = math.Inf(1)
	w := clone(start)
	k, err := Given[float64]{G: g, X: x, D: d}.Update(w, UpdateOptions[float64]{Block: 16})
	diverged(t, err, 37, "the weights")
	if k != 38 {
		t.Errorf("k = %d", k)
	}
}
