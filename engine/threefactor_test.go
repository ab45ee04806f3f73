package engine

import (
	"fmt"
	"math"
	"testing"

	"github.com/hebbkern/hebbkern/kernels"
)

func TestThreeFactor(t *testing.T) { both(t, testThreeFactor[float32], testThreeFactor[float64]) }

func testThreeFactor[T kernels.Float](t *testing.T) {
	const in, out, steps, lr, dt, tau = 9, 5, 20, 0.02, 0.5, 8
	for _, drive := range []Drive{Impulse, DriveTau} {
		for _, rise := range []float64{0, 3, 0.2} { // exp(−dt/0.2) is below ½, where decays go another way
			for _, compute := range []bool{true, false} {
				name := fmt.Sprint("drive ", drive, ", rise ", rise, ", y computed ", compute)
				r := source(7)
				w, x, y := randomMatrix[T](r, out, in, 2, 0.4), randomMatrix[T](r, steps, in, 1, 1), randomMatrix[T](r, steps, out, 3, 1)
				e, fast := randomMatrix[T](r, out, in, 1, 0.1), randomMatrix[T](r, out, in, 0, 0.1)
				m := randomVector[T](r, steps, 1)
				m[3], m[4] = 0, 0
				rule := ThreeFactor[T]{LR: lr, TauE: tau, TauRise: rise, DT: dt, Drive: drive, E: e, R: fast}
				fresh := func() ThreeFactor[T] {
					again := rule
					again.E, again.R = clone(e), clone(fast)
					return again
				}
				single, w1, y1 := fresh(), clone(w), clone(y)

				want, we, wf, answers := wide(w), wide(e), wide(fast), wide(y)
				for s, xs := range wide(x) {
					for i := range want {
						if compute {
							answers[s][i] = dot64(want[i], xs)
						}
					}
					for i := range want {
						for j := range xs {
							d := answers[s][i] * xs[j]
							if drive == DriveTau {
								d /= tau
							}
							we[i][j] = we[i][j]*math.Exp(-dt/tau) + d
							trace := we[i][j]
							if rise > 0 {
								wf[i][j] = wf[i][j]*math.Exp(-dt/rise) + d
								trace -= wf[i][j]
							}
							want[i][j] += lr * dt * float64(m[s]) * trace
						}
					}
				}
				got, k, err := rule.Update(w, x, y, m, UpdateOptions[T]{Compute: compute})
				must(t, err)
				if k != steps {
					t.Fatalf("%s: %d steps", name, k)
				}
				near(t, name+": w", w, want, closeness[T]())
				near(t, name+": y", got, answers, closeness[T]())
				near(t, name+": e", e, we, closeness[T]())
				if rise > 0 {
					near(t, name+": r", fast, wf, closeness[T]())
				}
				for s := range steps {
					_, _, err := single.Update(w1, subRows(x, s, 1), subRows(y1, s, 1), m[s:s+1], UpdateOptions[T]{Compute: compute})
					must(t, err)
				}
				for i := range out {
					equalBits(t, name+": w of single steps", w.Row(i), w1.Row(i))
					equalBits(t, name+": e of single steps", e.Row(i), single.E.Row(i))
				}
			}
		}
	}
}

// Without a modulator the weights keep their bits while the trace fills; a reward afterwards finds it decayed.
func TestThreeFactorDelayedReward(t *testing.T) {
	w, x, y := kernels.NewMatrix[float64](1, 1), kernels.NewMatrix[float64](11, 1), kernels.NewMatrix[float64](11, 1)
	w.Data[0] = math.Copysign(0, -1)
	x.Data[0], y.Data[0] = 2, 3
	m := make([]float64, 11)
	e := kernels.NewMatrix[float64](1, 1)
	rule := ThreeFactor[float64]{LR: 0.1, TauE: 5, DT: 1, E: e}
	_, _, err := rule.Update(w, subRows(x, 0, 10), subRows(y, 0, 10), m[:10], UpdateOptions[float64]{})
	must(t, err)
	if math.Float64bits(w.Data[0]) != 1<<63 {
		t.Fatalf("w = %v without a modulator", w.Data[0])
	}
	m[10] = 1
	_, _, err = rule.Update(w, subRows(x, 10, 1), subRows(y, 10, 1), m[10:], UpdateOptions[float64]{})
	must(t, err)
	if want := 0.1 * 6 * math.Exp(-2); math.Abs(w.Data[0]-want) > 1e-14 {
		t.Errorf("w = %v, want %v", w.Data[0], want)
	}
}

func TestThreeFactorEnds(t *testing.T) {
	fresh := func() (r ThreeFactor[float64], w, x, y kernels.Matrix[float64], m []float64) {
		s := source(5)
		r = ThreeFactor[float64]{LR: 0.1, TauE: 4, TauRise: 1, DT: 1, E: kernels.NewMatrix[float64](3, 4), R: kernels.NewMatrix[float64](3, 4)}
		return r, randomMatrix[float64](s, 3, 4, 0, 1), randomMatrix[float64](s, 6, 4, 0, 1), randomMatrix[float64](s, 6, 3, 0, 1), of[float64](6, 1)
	}
	type o = UpdateOptions[float64]
	for _, c := range []struct {
		arg    string
		change func(r *ThreeFactor[float64], w, x, y *kernels.Matrix[float64], m *[]float64, opt *o)
	}{
		{"lr", func(r *ThreeFactor[float64], w, x, y *kernels.Matrix[float64], m *[]float64, opt *o) { r.LR = -1 }},
		{"dt", func(r *ThreeFactor[float64], w, x, y *kernels.Matrix[float64], m *[]float64, opt *o) { r.DT = 0 }},
		{"tau_e", func(r *ThreeFactor[float64], w, x, y *kernels.Matrix[float64], m *[]float64, opt *o) { r.TauE = 1e17 }},
		{"tau_rise", func(r *ThreeFactor[float64], w, x, y *kernels.Matrix[float64], m *[]float64, opt *o) { r.TauRise = 4 }},
		{"drive", func(r *ThreeFactor[float64], w, x, y *kernels.Matrix[float64], m *[]float64, opt *o) { r.Drive = 2 }},
		{"e", func(r *ThreeFactor[float64], w, x, y *kernels.Matrix[float64], m *[]float64, opt *o) { r.E = *x }},
		{"e", func(r *ThreeFactor[float64], w, x, y *kernels.Matrix[float64], m *[]float64, opt *o) { r.E = *w }},
		{"r", func(r *ThreeFactor[float64], w, x, y *kernels.Matrix[float64], m *[]float64, opt *o) { r.R = r.E }},
		{"x", func(r *ThreeFactor[float64], w, x, y *kernels.Matrix[float64], m *[]float64, opt *o) { *x = *y }},
		{"y", func(r *ThreeFactor[float64], w, x, y *kernels.Matrix[float64], m *[]float64, opt *o) { *y = *x }},
		{"modulator", func(r *ThreeFactor[float64], w, x, y *kernels.Matrix[float64], m *[]float64, opt *o) { *m = (*m)[:5] }},
		{"modulator", func(r *ThreeFactor[float64], w, x, y *kernels.Matrix[float64], m *[]float64, opt *o) { *m = w.Data[:6] }},
		{"reduction", func(r *ThreeFactor[float64], w, x, y *kernels.Matrix[float64], m *[]float64, opt *o) {
			opt.Reduction = Sum
		}},
		{"block", func(r *ThreeFactor[float64], w, x, y *kernels.Matrix[float64], m *[]float64, opt *o) { opt.Block = 2 }},
		{"rows", func(r *ThreeFactor[float64], w, x, y *kernels.Matrix[float64], m *[]float64, opt *o) { opt.To = 7 }},
	} {
		r, w, x, y, m := fresh()
		var opt o
		kept := clone(w)
		c.change(&r, &w, &x, &y, &m, &opt)
		_, k, err := r.Update(w, x, y, m, opt)
		refused(t, c.arg, err, c.arg)
		if k != 0 || maxAbs(wide(r.R)) != 0 && c.arg != "r" && c.arg != "e" {
			t.Errorf("%s: wrote", c.arg)
		}
		equalBits(t, c.arg, kept.Data, w.Data)
	}
	for _, c := range []struct {
		what   string
		done   int
		change func(x, y kernels.Matrix[float64], m []float64)
	}{
		{"x", 4, func(x, y kernels.Matrix[float64], m []float64) { x.Row(4)[1] = math.NaN() }},
		{"y", 4, func(x, y kernels.Matrix[float64], m []float64) { y.Row(4)[1] = math.Inf(1) }},
		{"modulator", 4, func(x, y kernels.Matrix[float64], m []float64) { m[4] = math.NaN() }},
		{"the trace", 5, func(x, y kernels.Matrix[float64], m []float64) { x.Row(4)[1], y.Row(4)[1] = 1e300, 1e300 }},
		{"the weights", 5, func(x, y kernels.Matrix[float64], m []float64) { m[4] = math.MaxFloat64; y.Row(4)[1] = 1e10 }},
	} {
		r, w, x, y, m := fresh()
		c.change(x, y, m)
		_, k, err := r.Update(w, x, y, m, o{})
		diverged(t, err, 4, c.what)
		if k != c.done {
			t.Errorf("%s: k = %d", c.what, k)
		}
	}
}
