package engine

import (
	"math"
	"testing"

	"github.com/hebbkern/hebbkern/kernels"
)

// foldiak64 is the definition in plain loops: state and answers.
func foldiak64[T kernels.Float](r Foldiak[T], w, v [][]float64, t []float64, x, y [][]float64, compute bool, red Reduction) {
	answer := func(x, y []float64) {
		state := make([]float64, len(w))
		for range r.Steps {
			next := make([]float64, len(w))
			for i := range next {
				u := dot64(w[i], x) - t[i] + dot64(v[i], state)
				next[i] = state[i] + r.Step*(1/(1+math.Exp(-r.Slope*u))-state[i])
			}
			state = next
		}
		for i, s := range state {
			y[i] = math.Round(s)
		}
	}
	learn := func(x, y [][]float64, f float64) {
		n := float64(len(x))
		dw, dv := zeros(len(w), len(w[0])), zeros(len(v), len(v))
		for s := range x {
			for i := range w {
				for j := range w[i] {
					dw[i][j] += f * r.LR * y[s][i] * (x[s][j] - w[i][j])
				}
				for k := range v {
					if k != i {
						dv[i][k] -= f * r.LateralLR * (y[s][i]*y[s][k] - r.P*r.P)
					}
				}
				t[i] += r.ThresholdLR * (y[s][i] - r.P) / n
			}
		}
		apply64(w, dw, 1)
		apply64(v, dv, 1)
		for i := range v {
			for k := range v[i] {
				v[i][k] = math.Min(v[i][k], 0)
			}
		}
	}
	if red == Sequential {
		for s := range x {
			if compute {
				answer(x[s], y[s])
			}
			learn(x[s:s+1], y[s:s+1], 1)
		}
		return
	}
	for s := range x {
		if compute {
			answer(x[s], y[s])
		}
	}
	f := 1.0
	if red == Mean {
		f /= float64(len(x))
	}
	learn(x, y, f)
}

func TestFoldiak(t *testing.T) { both(t, testFoldiak[float32], testFoldiak[float64]) }

func testFoldiak[T kernels.Float](t *testing.T) {
	const in, out, n = 9, 5, 12
	for red := Sequential; red <= Mean; red++ {
		for _, compute := range []bool{true, false} {
			s := source(3)
			w, x, y := randomMatrix[T](s, out, in, 2, 0.4), randomMatrix[T](s, n, in, 1, 1), randomMatrix[T](s, n, out, 3, 1)
			v := randomMatrix[T](s, out, out, 1, 0.1)
			for i := range out {
				for k := range out {
					v.Row(i)[k] = -T(math.Abs(float64(v.Row(i)[k])))
				}
				v.Row(i)[i] = 0
			}
			rule := Foldiak[T]{LR: 0.02, LateralLR: 0.1, ThresholdLR: 0.05, P: 0.25, Slope: 10, Steps: 40, Step: 0.125, V: v, Threshold: of[T](out, 0.3)}
			single, w1, y1 := rule, clone(w), clone(y)
			single.V, single.Threshold = clone(v), of[T](out, 0.3)
			want, wv, wt, answers := wide(w), wide(v), wide(rowVector(rule.Threshold))[0], wide(y)
			foldiak64(rule, want, wv, wt, wide(x), answers, compute, red)
			got, k, err := rule.Update(w, x, y, UpdateOptions[T]{Reduction: red, Compute: compute})
			must(t, err)
			if k != n {
				t.Fatalf("k = %d", k)
			}
			near(t, "y", got, answers, closeness[T]())
			near(t, "w", w, want, closeness[T]())
			near(t, "lateral", v, wv, closeness[T]())
			near(t, "threshold", rowVector(rule.Threshold), [][]float64{wt}, closeness[T]())
			if red != Sequential {
				continue
			}
			for b := range n {
				_, _, err := single.Update(w1, subRows(x, b, 1), subRows(y1, b, 1), UpdateOptions[T]{Compute: compute})
				must(t, err)
			}
			equalBits(t, "thresholds of single calls", rule.Threshold, single.Threshold)
			for i := range out {
				equalBits(t, "w of single calls", w.Row(i), w1.Row(i))
				equalBits(t, "lateral of single calls", v.Row(i), single.V.Row(i))
			}
		}
	}
}

func TestFoldiakEnds(t *testing.T) {
	type o = UpdateOptions[float64]
	fresh := func() (r Foldiak[float64], w, x, y kernels.Matrix[float64]) {
		s := source(5)
		r = Foldiak[float64]{LR: 0.1, P: 0.5, Slope: 1, Steps: 3, Step: 0.5, V: kernels.NewMatrix[float64](3, 3), Threshold: make([]float64, 3)}
		return r, randomMatrix[float64](s, 3, 4, 0, 1), randomMatrix[float64](s, 6, 4, 0, 1), kernels.NewMatrix[float64](6, 3)
	}
	for _, c := range []struct {
		arg    string
		change func(r *Foldiak[float64], w, x, y *kernels.Matrix[float64], opt *o)
	}{
		{"lr", func(r *Foldiak[float64], w, x, y *kernels.Matrix[float64], opt *o) { r.LR = -1 }},
		{"lateral_lr", func(r *Foldiak[float64], w, x, y *kernels.Matrix[float64], opt *o) { r.LateralLR = math.NaN() }},
		{"threshold_lr", func(r *Foldiak[float64], w, x, y *kernels.Matrix[float64], opt *o) { r.ThresholdLR = math.Inf(1) }},
		{"p", func(r *Foldiak[float64], w, x, y *kernels.Matrix[float64], opt *o) { r.P = 1 }},
		{"slope", func(r *Foldiak[float64], w, x, y *kernels.Matrix[float64], opt *o) { r.Slope = 0 }},
		{"steps", func(r *Foldiak[float64], w, x, y *kernels.Matrix[float64], opt *o) { r.Steps = 0 }},
		{"step", func(r *Foldiak[float64], w, x, y *kernels.Matrix[float64], opt *o) { r.Step = 1.1 }},
		{"lateral", func(r *Foldiak[float64], w, x, y *kernels.Matrix[float64], opt *o) { r.V = *w }},
		{"lateral", func(r *Foldiak[float64], w, x, y *kernels.Matrix[float64], opt *o) {
			r.V = kernels.MatrixOf(of[float64](9, -1), 3, 3)
		}},
		{"threshold", func(r *Foldiak[float64], w, x, y *kernels.Matrix[float64], opt *o) { r.Threshold = nil }},
		{"threshold", func(r *Foldiak[float64], w, x, y *kernels.Matrix[float64], opt *o) { r.Threshold = w.Row(1)[:3] }},
		{"threshold", func(r *Foldiak[float64], w, x, y *kernels.Matrix[float64], opt *o) {
			r.Threshold = of[float64](3, math.NaN())
		}},
		{"x", func(r *Foldiak[float64], w, x, y *kernels.Matrix[float64], opt *o) { *x = *y }},
		{"y", func(r *Foldiak[float64], w, x, y *kernels.Matrix[float64], opt *o) { *y = *x }},
		{"reduction", func(r *Foldiak[float64], w, x, y *kernels.Matrix[float64], opt *o) { opt.Reduction = 3 }},
		{"rows", func(r *Foldiak[float64], w, x, y *kernels.Matrix[float64], opt *o) { opt.To, opt.Reduction = 3, Mean }},
		{"block", func(r *Foldiak[float64], w, x, y *kernels.Matrix[float64], opt *o) { opt.Block = 3 }},
	} {
		r, w, x, y := fresh()
		opt := o{Compute: true}
		kept := clone(w)
		c.change(&r, &w, &x, &y, &opt)
		_, k, err := r.Update(w, x, y, opt)
		refused(t, c.arg, err, c.arg)
		if k != 0 {
			t.Errorf("%s: k = %d", c.arg, k)
		}
		equalBits(t, c.arg, kept.Data, w.Data)
	}
	r, w, x, y := fresh()
	x.Row(2)[0] = math.NaN()
	_, k, err := r.Update(w, x, y, o{Compute: true})
	diverged(t, err, 2, "x")
	if k != 2 {
		t.Errorf("k = %d", k)
	}
	r, w, x, y = fresh()
	y.Row(3)[1] = math.Inf(-1)
	_, k, err = r.Update(w, x, y, o{})
	diverged(t, err, 3, "y")
	if k != 3 {
		t.Errorf("k = %d", k)
	}
	x.Row(0)[0], y.Row(0)[0] = math.MaxFloat64, 1e10
	_, k, err = r.Update(w, x, y, o{})
	diverged(t, err, 0, "the weights")
	if k != 1 {
		t.Errorf("k = %d", k)
	}
	// Weights that overflow are found at their sample also where the answer to the next one shows it.
	r, w, x, _ = fresh()
	r.LR = 2
	for i := range w.Rows {
		w.Row(i)[0] = 0.5
	}
	x.Row(1)[0] = math.MaxFloat64
	_, k, err = r.Update(w, x, kernels.Matrix[float64]{}, o{})
	diverged(t, err, 1, "the weights")
	if k != 2 {
		t.Errorf("k = %d", k)
	}
}
