package engine

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/hebbkern/hebbkern/kernels"
)

// custom is a rule of the tests: every vector of the pattern, by functions.
type custom[T kernels.Float] struct {
	terms Terms
	lr    float64
	fill  func(v *Vectors[T], x, y []T)
}

func (c custom[T]) Name() string                { return "custom" }
func (c custom[T]) Check() error                { return nil }
func (c custom[T]) Rate() float64               { return c.lr }
func (c custom[T]) Terms() Terms                { return c.terms }
func (c custom[T]) Map(v *Vectors[T], x, y []T) { c.fill(v, x, y) }

// ruleCase pairs a rule with its Δw_ij by its equation, in float64, and with its y where
// that is not Wx.
type ruleCase[T kernels.Float] struct {
	name    string
	rule    Rule[T]
	delta   func(w [][]float64, x, y []float64, i, j int) float64
	respond func(w [][]float64, x []float64) []float64
}

func ruleCases[T kernels.Float]() []ruleCase[T] {
	const lr, lambda = 0.02, 0.013
	eta := float64(T(lr))
	lam := float64(T(lambda))
	fill := func(v []T, f func(k int) float64) {
		for k := range v {
			v[k] = T(f(k))
		}
	}
	cases := []ruleCase[T]{
		{name: "Hebb", rule: Hebb[T]{LR: lr}, delta: func(w [][]float64, x, y []float64, i, j int) float64 { return eta * y[i] * x[j] }},
		{name: "Decay", rule: Decay[T]{LR: lr, Decay: lambda}, delta: func(w [][]float64, x, y []float64, i, j int) float64 {
			return eta*y[i]*x[j] - lam*w[i][j]
		}},
		{name: "Oja", rule: Oja[T]{LR: lr}, delta: func(w [][]float64, x, y []float64, i, j int) float64 {
			return eta * y[i] * (x[j] - y[i]*w[i][j])
		}},
		{name: "Instar", rule: Instar[T]{LR: lr}, delta: instar64(eta)},
		{name: "Sanger", rule: Sanger[T]{LR: lr}, delta: func(w [][]float64, x, y []float64, i, j int) float64 {
			s := x[j]
			for k := 0; k <= i; k++ {
				s -= y[k] * w[k][j]
			}
			return eta * y[i] * s
		}},
		// The pattern is open: a rule that the package does not have, from its vectors alone.
		{name: "gated, all decays", rule: custom[T]{terms: TermX | TermDecay | TermCol, lr: lr, fill: func(v *Vectors[T], x, y []T) {
			fill(v.G, func(k int) float64 { return eta * float64(y[k]) })
			fill(v.X, func(k int) float64 { return float64(x[k]) - 0.25 })
			fill(v.D, func(k int) float64 { return eta * float64(y[k]) * float64(y[k]) })
			fill(v.C, func(k int) float64 { return eta * math.Abs(float64(x[k])) })
		}}, delta: func(w [][]float64, x, y []float64, i, j int) float64 {
			return eta*y[i]*(x[j]-0.25) - eta*(y[i]*y[i]+math.Abs(x[j]))*w[i][j]
		}},
	}
	return append(append(cases, gatedCases[T](lr)...), competitiveCases[T](lr)...)
}

func apply64(w [][]float64, delta [][]float64, f float64) {
	for i := range w {
		for j := range w[i] {
			w[i][j] += f * delta[i][j]
		}
	}
}

func zeros(rows, cols int) [][]float64 {
	z := make([][]float64, rows)
	for i := range z {
		z[i] = make([]float64, cols)
	}
	return z
}

func maxAbs(d [][]float64) float64 {
	m := 0.0
	for _, r := range d {
		for _, v := range r {
			m = math.Max(m, math.Abs(v))
		}
	}
	return m
}

// Every rule, reduction, normalisation, with y given and computed, against its equation in plain loops.
func TestRulesAgainstEquations(t *testing.T) {
	both(t, testRulesAgainstEquations[float32], testRulesAgainstEquations[float64])
}

func testRulesAgainstEquations[T kernels.Float](t *testing.T) {
	const in, out, n, lr = 9, 5, 11, 0.02
	for _, c := range ruleCases[T]() {
		for red := Sequential; red <= Mean; red++ {
			for norm := NoNorm; norm <= MaxNorm; norm++ {
				for _, compute := range []bool{false, true} {
					if c.respond != nil && !compute {
						continue // refused: TestResponseRefusesY
					}
					t.Run(fmt.Sprint(c.name, red, norm, compute), func(t *testing.T) {
						r := source(uint64(red)*10 + uint64(norm))
						w := randomMatrix[T](r, out, in, 2, 0.5)
						x := randomMatrix[T](r, n, in, 1, 1)
						var y kernels.Matrix[T]
						if !compute {
							y = randomMatrix[T](r, n, out, 3, 1)
						}
						want, x64 := wide(w), wide(x)
						total, answers := zeros(out, in), zeros(n, out)
						for s := range n {
							y64 := answers[s]
							for i := range y64 {
								if !compute {
									y64[i] = float64(y.Row(s)[i])
									continue
								}
								for j, v := range x64[s] {
									y64[i] += want[i][j] * v
								}
							}
							if c.respond != nil {
								copy(y64, c.respond(want, x64[s]))
							}
							d := zeros(out, in)
							for i := range d {
								for j := range d[i] {
									d[i][j] = c.delta(want, x64[s], y64, i, j)
								}
							}
							if red == Sequential {
								f := 1.0
								if norm == MaxNorm {
									f = lr / math.Max(maxAbs(d), 1e-30)
								}
								apply64(want, d, f)
							} else {
								apply64(total, d, 1)
							}
						}
						if red == Mean {
							mean := zeros(out, in)
							apply64(mean, total, 1./n)
							total = mean
						}
						f := 1.0
						if norm == MaxNorm {
							f = lr / math.Max(maxAbs(total), 1e-30)
						}
						apply64(want, total, f)
						got, k, err := Update(c.rule, w, x, y, UpdateOptions[T]{Reduction: red, Normalize: norm})
						must(t, err)
						if k != n {
							t.Errorf("%d samples done of %d", k, n)
						}
						near(t, "w", w, want, closeness[T]())
						near(t, "y", got, answers, closeness[T]())
						for i := range w.Rows - 1 {
							if v := w.Data[i*w.Stride+w.Cols]; v == v {
								t.Fatal("a gap between rows was written")
							}
						}
					})
				}
			}
		}
	}
}

// The decay of B samples with "sum" is Bλ, with "mean" λ; nothing else moves W at y = 0.
func TestDecayIsPerUpdate(t *testing.T) {
	for _, c := range []struct {
		red  Reduction
		want float64
	}{{Sum, 1 - 8*0.01}, {Mean, 1 - 0.01}, {Sequential, math.Pow(1-0.01, 8)}} {
		w := kernels.MatrixOf([]float64{1}, 1, 1)
		x, y := kernels.NewMatrix[float64](8, 1), kernels.NewMatrix[float64](8, 1)
		_, _, err := Update[float64](Decay[float64]{LR: 1, Decay: 0.01}, w, x, y, UpdateOptions[float64]{Reduction: c.red})
		must(t, err)
		if math.Abs(w.Data[0]-c.want) > 1e-15 {
			t.Errorf("reduction %d: %v, want %v", c.red, w.Data[0], c.want)
		}
	}
}

// A batch in sequence equals single calls and chunks, bit for bit; W, y and k.
func TestSequentialBits(t *testing.T) {
	both(t, testSequentialBits[float32], testSequentialBits[float64])
}

func testSequentialBits[T kernels.Float](t *testing.T) {
	const in, out, n = 70, 40, 7
	for _, c := range ruleCases[T]() {
		for norm := NoNorm; norm <= MaxNorm; norm++ {
			r := source(3)
			start, x := randomMatrix[T](r, out, in, 0, 0.05), randomMatrix[T](r, n, in, 0, 1)
			whole := clone(start)
			y, k, err := Update(c.rule, whole, x, kernels.Matrix[T]{}, UpdateOptions[T]{Normalize: norm})
			must(t, err)
			if k != n {
				t.Fatalf("k = %d", k)
			}
			single, ys := clone(start), kernels.NewMatrix[T](n, out)
			var s Scratch[T]
			for b := range n {
				_, k, err := Update(c.rule, single, subRows(x, b, 1), subRows(ys, b, 1),
					UpdateOptions[T]{Normalize: norm, Compute: true, Scratch: &s})
				must(t, err)
				if k != 1 {
					t.Fatalf("k = %d", k)
				}
			}
			equalBits(t, c.name+": single calls", whole.Data, single.Data)
			equalBits(t, c.name+": y of single calls", y.Data, ys.Data)
			chunks, yc := clone(start), kernels.NewMatrix[T](n, out)
			for _, cut := range [][2]int{{0, 3}, {3, 4}, {4, n}} {
				_, k, err := Update(c.rule, chunks, x, yc, UpdateOptions[T]{Normalize: norm, Compute: true, From: cut[0], To: cut[1]})
				must(t, err)
				if k != cut[1]-cut[0] {
					t.Fatalf("k = %d", k)
				}
			}
			equalBits(t, c.name+": chunks", whole.Data, chunks.Data)
			equalBits(t, c.name+": y of chunks", y.Data, yc.Data)
		}
	}
}

// Any number of threads gives the same bits, on weights large enough for four.
func TestUpdateThreads(t *testing.T) { both(t, testUpdateThreads[float32], testUpdateThreads[float64]) }

func testUpdateThreads[T kernels.Float](t *testing.T) {
	const in, out, n = 2500, 220, 2
	r := source(3)
	start, x := randomMatrix[T](r, out, in, 0, 0.05), randomMatrix[T](r, n, in, 0, 1)
	for _, c := range ruleCases[T]() {
		if c.name != "Oja" && c.name != "Sanger" {
			continue // the kernels of the others are theirs
		}
		for _, red := range []Reduction{Sequential, Mean} {
			var want []T
			atThreads(t, func(threads int) {
				w := clone(start)
				y, _, err := Update(c.rule, w, x, kernels.Matrix[T]{}, UpdateOptions[T]{Reduction: red})
				must(t, err)
				got := append(w.Data, y.Data...)
				if threads == 1 {
					want = got
				}
				equalBits(t, fmt.Sprint(c.name, red, ", threads ", threads), want, got)
			})
		}
	}
}

func TestNormalizedTinyUpdate(t *testing.T) {
	// max|Δw| is below the floor of 1e-30, so the change is η·Δw/1e-30; η/1e-30 alone would overflow float32.
	w := kernels.NewMatrix[float32](1, 2)
	x := kernels.MatrixOf([]float32{1e-20, -1e-20}, 1, 2)
	y := kernels.MatrixOf([]float32{1e-28}, 1, 1)
	_, _, err := Update[float32](Hebb[float32]{LR: 1e10}, w, x, y, UpdateOptions[float32]{Normalize: MaxNorm})
	must(t, err)
	for j, want := range []float64{1e2, -1e2} {
		// Δw = 1e10·1e-28·1e-20 = 1e-38, a normal number; three roundings and those of the constants.
		if d := math.Abs(float64(w.Data[j]) - want); d > 1e-4 {
			t.Errorf("w[%d] = %v, want %v", j, w.Data[j], want)
		}
	}
}

// diverged requires a *DivergenceError at the sample.
func diverged(t *testing.T, err error, sample int, what string) {
	t.Helper()
	var e *DivergenceError
	if !errors.As(err, &e) || e.Sample != sample || e.What != what {
		t.Fatalf("error %v, want %s at sample %d", err, what, sample)
	}
}

func TestUpdateDivergence(t *testing.T) {
	both(t, testUpdateDivergence[float32], testUpdateDivergence[float64])
}

func testUpdateDivergence[T kernels.Float](t *testing.T) {
	const in, out, n = 6, 4, 9
	fresh := func() (w, x kernels.Matrix[T]) {
		r := source(8)
		return randomMatrix[T](r, out, in, 0, 1), randomMatrix[T](r, n, in, 0, 1)
	}
	t.Run("x", func(t *testing.T) {
		for red := Sequential; red <= Mean; red++ {
			w, x := fresh()
			before, _ := fresh()
			x.Row(5)[2] = T(math.NaN())
			_, k, err := Update[T](Oja[T]{LR: 0.01}, w, x, kernels.Matrix[T]{}, UpdateOptions[T]{Reduction: red})
			diverged(t, err, 5, "x")
			done := 5
			if red != Sequential {
				done = 0
			}
			if k != done {
				t.Fatalf("k = %d, want %d", k, done)
			}
			if done > 0 {
				_, _, err = Update[T](Oja[T]{LR: 0.01}, before, subRows(x, 0, 5), kernels.Matrix[T]{}, UpdateOptions[T]{})
				must(t, err)
			}
			equalBits(t, "w after k samples", before.Data, w.Data)
		}
	})
	t.Run("weights in sequence", func(t *testing.T) {
		// Oja with a rate far beyond 2/y² grows doubly exponentially.
		for _, rule := range []Rule[T]{Oja[T]{LR: 1e5}, Sanger[T]{LR: 1e5}} {
			w, x := fresh()
			y, k, err := Update(rule, w, x, kernels.Matrix[T]{}, UpdateOptions[T]{})
			var e *DivergenceError
			if !errors.As(err, &e) || e.Sample < 0 || e.Sample > k {
				t.Fatalf("k = %d, error %v", k, err)
			}
			for s := range k {
				if !finite(y.Row(s)) {
					t.Fatalf("y of sample %d is not finite, k = %d", s, k)
				}
			}
		}
	})
	t.Run("weights, y given", func(t *testing.T) {
		w, x := fresh()
		y := kernels.NewMatrix[T](n, out)
		top := math.MaxFloat64
		if single[T]() {
			top = math.MaxFloat32
		}
		for i := range out {
			y.Row(3)[i] = T(top)
		}
		x.Row(3)[1] = 4
		_, k, err := Update[T](Hebb[T]{LR: 1}, w, x, y, UpdateOptions[T]{})
		diverged(t, err, 3, "the weights")
		if k != 4 {
			t.Fatalf("k = %d, want 4", k)
		}
	})
	t.Run("y given", func(t *testing.T) {
		w, x := fresh()
		y := kernels.NewMatrix[T](n, out)
		y.Row(2)[1] = T(math.Inf(-1))
		_, k, err := Update[T](Hebb[T]{LR: 1}, w, x, y, UpdateOptions[T]{})
		diverged(t, err, 2, "y")
		if k != 2 {
			t.Fatalf("k = %d, want 2", k)
		}
	})
	t.Run("weights before", func(t *testing.T) {
		w, x := fresh()
		w.Row(1)[1] = T(math.NaN())
		_, k, err := Update[T](Hebb[T]{LR: 1}, w, x, kernels.Matrix[T]{}, UpdateOptions[T]{})
		diverged(t, err, 0, "the weights before")
		if k != 0 {
			t.Fatalf("k = %d, want 0", k)
		}
	})
	t.Run("last sample", func(t *testing.T) {
		w := kernels.MatrixOf([]T{1}, 1, 1)
		x := kernels.MatrixOf([]T{1e30}, 1, 1)
		rate := 1e30
		if !single[T]() {
			rate = 1e300
		}
		_, k, err := Update[T](Hebb[T]{LR: rate}, w, x, kernels.Matrix[T]{}, UpdateOptions[T]{})
		diverged(t, err, 0, "the weights")
		if k != 1 {
			t.Fatalf("k = %d, want 1", k)
		}
	})
}

// A sum of |w| beyond float32 is no divergence as long as every weight is finite.
func TestLargeFiniteWeights(t *testing.T) {
	w := kernels.NewMatrix[float32](1, 4)
	for j := range w.Data {
		w.Data[j] = 3e38
	}
	x, y := kernels.NewMatrix[float32](1, 4), kernels.NewMatrix[float32](1, 1)
	_, _, err := Update[float32](Hebb[float32]{LR: 1}, w, x, y, UpdateOptions[float32]{})
	must(t, err)
}

func TestUpdateRefuses(t *testing.T) {
	type m = kernels.Matrix[float64]
	r := source(1)
	base := randomVector[float64](r, 400, 1)
	fresh := func() (w, x, y m) {
		return kernels.MatrixOf(base[:20], 4, 5), kernels.MatrixOf(base[100:135], 7, 5), kernels.MatrixOf(base[200:228], 7, 4)
	}
	for _, c := range []struct {
		name, arg string
		change    func(rule *Rule[float64], w, x, y *m, o *UpdateOptions[float64])
	}{
		{"no rule", "rule", func(rule *Rule[float64], w, x, y *m, o *UpdateOptions[float64]) { *rule = nil }},
		{"negative rate", "lr", func(rule *Rule[float64], w, x, y *m, o *UpdateOptions[float64]) { *rule = Oja[float64]{LR: -1} }},
		{"NaN rate", "lr", func(rule *Rule[float64], w, x, y *m, o *UpdateOptions[float64]) {
			*rule = Sanger[float64]{LR: math.NaN()}
		}},
		{"infinite rate", "lr", func(rule *Rule[float64], w, x, y *m, o *UpdateOptions[float64]) {
			*rule = Hebb[float64]{LR: math.Inf(1)}
		}},
		{"negative decay", "decay", func(rule *Rule[float64], w, x, y *m, o *UpdateOptions[float64]) {
			*rule = Decay[float64]{LR: 1, Decay: -1e-9}
		}},
		{"residual with decay", "terms", func(rule *Rule[float64], w, x, y *m, o *UpdateOptions[float64]) {
			*rule = custom[float64]{terms: TermResidual | TermDecay}
		}},
		{"columns of x", "x", func(rule *Rule[float64], w, x, y *m, o *UpdateOptions[float64]) { x.Cols = 4 }},
		{"short x", "x", func(rule *Rule[float64], w, x, y *m, o *UpdateOptions[float64]) { x.Data = x.Data[:34] }},
		{"rows of y", "y", func(rule *Rule[float64], w, x, y *m, o *UpdateOptions[float64]) { y.Rows = 6 }},
		{"stride of w", "w", func(rule *Rule[float64], w, x, y *m, o *UpdateOptions[float64]) { w.Stride = 4 }},
		{"negative rows", "w", func(rule *Rule[float64], w, x, y *m, o *UpdateOptions[float64]) { w.Rows = -1 }},
		{"w over x", "w", func(rule *Rule[float64], w, x, y *m, o *UpdateOptions[float64]) { w.Data = base[120:140] }},
		{"w over y", "w", func(rule *Rule[float64], w, x, y *m, o *UpdateOptions[float64]) { w.Data = base[190:210] }},
		{"y over x", "y", func(rule *Rule[float64], w, x, y *m, o *UpdateOptions[float64]) {
			y.Data, o.Compute = base[130:158], true
		}},
		{"reduction", "reduction", func(rule *Rule[float64], w, x, y *m, o *UpdateOptions[float64]) { o.Reduction = 3 }},
		{"normalize", "normalize", func(rule *Rule[float64], w, x, y *m, o *UpdateOptions[float64]) { o.Normalize = -1 }},
		{"rows beyond", "rows", func(rule *Rule[float64], w, x, y *m, o *UpdateOptions[float64]) { o.To = 8 }},
		{"rows reversed", "rows", func(rule *Rule[float64], w, x, y *m, o *UpdateOptions[float64]) { o.From, o.To = 3, 2 }},
		{"part of a sum", "rows", func(rule *Rule[float64], w, x, y *m, o *UpdateOptions[float64]) { o.Reduction, o.To = Sum, 3 }},
	} {
		w, x, y := fresh()
		rule, o := Rule[float64](Oja[float64]{LR: 0.1}), UpdateOptions[float64]{}
		c.change(&rule, &w, &x, &y, &o)
		before := append([]float64(nil), base...)
		_, k, err := Update(rule, w, x, y, o)
		refused(t, c.name, err, c.arg)
		if k != 0 {
			t.Errorf("%s: k = %d", c.name, k)
		}
		equalBits(t, c.name, before, base)
	}
	// float32: a rate that is finite in float64 only.
	_, _, err := Update[float32](Hebb[float32]{LR: 1e300}, kernels.NewMatrix[float32](1, 1), kernels.NewMatrix[float32](1, 1), kernels.Matrix[float32]{}, UpdateOptions[float32]{})
	refused(t, "rate beyond float32", err, "lr")
}

func TestOverlap(t *testing.T) {
	d := make([]float32, 100)
	m := func(from, rows, cols, stride int) kernels.Matrix[float32] {
		return kernels.Matrix[float32]{Data: d[from:], Rows: rows, Cols: cols, Stride: stride}
	}
	for _, c := range []struct {
		a, b kernels.Matrix[float32]
		want bool
	}{
		{m(0, 5, 10, 20), m(10, 5, 10, 20), false}, // w[:, :10], w[:, 10:]
		{m(0, 5, 11, 20), m(10, 5, 10, 20), true},
		{m(0, 5, 10, 20), m(30, 4, 10, 20), false},
		{m(0, 5, 10, 20), m(30, 3, 11, 20), true},
		{m(0, 2, 10, 10), m(20, 2, 10, 10), false},
		{m(0, 2, 10, 10), m(19, 1, 1, 1), true},
		{m(0, 5, 10, 20), m(10, 1, 10, 10), false}, // a vector in a gap
		{m(0, 5, 10, 20), m(10, 1, 11, 11), true},
		{m(0, 5, 3, 20), m(3, 9, 1, 10), false}, // different strides that miss each other
		{m(0, 5, 4, 20), m(3, 9, 1, 10), true},
		{m(0, 0, 4, 20), m(0, 9, 1, 10), false},
	} {
		if got := overlap(c.a, c.b); got != c.want || overlap(c.b, c.a) != c.want {
			t.Errorf("overlap of [%d, %d]/%d and [%d, %d]/%d = %v", c.a.Rows, c.a.Cols, c.a.Stride, c.b.Rows, c.b.Cols, c.b.Stride, got)
		}
	}
}

func TestUpdateEmpty(t *testing.T) {
	w := kernels.MatrixOf([]float64{1, 2}, 1, 2)
	y, k, err := Update[float64](Oja[float64]{LR: 0.1}, w, kernels.NewMatrix[float64](0, 2), kernels.Matrix[float64]{}, UpdateOptions[float64]{Reduction: Mean})
	must(t, err)
	if k != 0 || y.Rows != 0 || w.Data[0] != 1 || w.Data[1] != 2 {
		t.Errorf("an empty batch: k %d, y %v, w %v", k, y, w.Data)
	}
}

func TestUpdateAllocatesNothing(t *testing.T) {
	r := source(2)
	w, x, y := randomMatrix[float32](r, 16, 64, 0, 0.1), randomMatrix[float32](r, 20, 64, 0, 1), kernels.NewMatrix[float32](20, 16)
	square := randomMatrix[float32](r, 64, 64, 0, 0.1)
	wide := kernels.NewMatrix[float32](20, 64)
	for _, rule := range []Rule[float32]{Hebb[float32]{LR: 1e-4}, Decay[float32]{LR: 1e-4, Decay: 1e-4}, Oja[float32]{LR: 1e-4}, Sanger[float32]{LR: 1e-4},
		PreGated[float32]{LR: 1e-4, Theta: []float32{1}}, PostGated[float32]{LR: 1e-4, Theta: []float32{1}}, AntiHebbian[float32]{LR: 1e-4},
		ABCD[float32]{LR: 1e-4, A: 1, B: 1, C: 1, D: 1}, Voja[float32]{LR: 1e-4, Scale: []float32{2}},
		Covariance[float32]{LR: 1e-4, Alpha: 0.1, XMean: make([]float32, 64), YMean: make([]float32, 16)},
		BCM[float32]{Alpha: 0.1, Theta: make([]float32, 16)}, BCM[float32]{Alpha: 0.1, Form: BCM1982, Power: 2, C0: 1, Theta: make([]float32, 16)},
		KrotovHopfield[float32]{LR: 1e-4, Q: 3, K: 2, Delta: 0.4}, AntiHebbian[float32]{LR: 1e-4, ZeroDiagonal: true},
		DifferentialHebbian[float32]{LR: 1e-4, PreDifference: true, XBefore: make([]float32, 64), YBefore: make([]float32, 16)},
		Instar[float32]{LR: 1e-4}, WTA[float32]{LR: 1e-4, K: 3, Score: Euclid}, SoftHebb[float32]{LR: 1e-4, Temperature: 1, Anti: true}} {
		w, y := clone(w), y
		if rule.Terms()&TermDiagonal != 0 {
			w, y = square, wide
		}
		for norm := NoNorm; norm <= MaxNorm; norm++ {
			var s Scratch[float32]
			n := testing.AllocsPerRun(20, func() {
				if _, _, err := Update(rule, w, x, y, UpdateOptions[float32]{Compute: true, Normalize: norm, Scratch: &s}); err != nil {
					t.Fatal(err)
				}
			})
			if n != 0 {
				t.Errorf("%s, normalisation %d: %v allocations a call", rule.Name(), norm, n)
			}
		}
		for _, block := range []int{1, 7, 20} {
			if rule.Terms()&(TermDiagonal|TermMaxNorm) != 0 {
				continue
			}
			var s Scratch[float32]
			n := testing.AllocsPerRun(20, func() {
				if _, _, err := Update(rule, w, x, y, UpdateOptions[float32]{Compute: true, Block: block, Scratch: &s}); err != nil {
					t.Fatal(err)
				}
			})
			if n != 0 {
				t.Errorf("%s, blocks of %d: %v allocations a call", rule.Name(), block, n)
			}
		}
	}
}
