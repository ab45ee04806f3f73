package engine

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/hebbkern/hebbkern/kernels"
)

// composition pairs a Composition with what it does in float64, in the order that Composition states.
type composition[T kernels.Float] struct {
	name string
	c    Composition[T]
	// bounds, signs and presence of a weight; nil: none
	low, high func(i, j int) float64
	sign      func(i, j int) int8
	present   func(i, j int) bool
}

// compositions are each part alone and several together, for weights [out, in] of size ½ or so.
func compositions[T kernels.Float](out, in int) []composition[T] {
	constant := func(v float64) func(i, j int) float64 { return func(i, j int) float64 { return v } }
	present := func(i, j int) bool { return (3*i+5*j)%7 < 4 }
	mask := make([]bool, out*(in+3))
	for i := range out {
		for j := range in {
			mask[i*(in+3)+j] = present(i, j)
		}
	}
	rates := make([]T, out)
	for i := range rates {
		rates[i] = T(0.25 * float64(i))
	}
	dale := func(_, j int) int8 { return int8(j%3 - 1) }
	each := func(i, j int) int8 { return int8((i+j)%3 - 1) }
	signs := func(sign func(i, j int) int8, rows int, low, high T) (l, h kernels.Matrix[T]) {
		s := make([]int8, rows*in)
		for k := range s {
			s[k] = sign(k/in, k%in)
		}
		l, h, err := SignLimits(low, high, s, rows)
		if err != nil {
			panic(err)
		}
		return l, h
	}
	daleLow, daleHigh := signs(dale, 1, T(math.Inf(-1)), T(math.Inf(1)))
	eachLow, eachHigh := signs(each, out, -0.4, 0.6)
	wideHigh := kernels.Matrix[T]{Data: make([]T, out*(in+2)), Rows: out, Cols: in, Stride: in + 2}
	high := func(i, j int) float64 { return 0.1 * float64(1+(i+2*j)%5) }
	for i := range out {
		for j := range in {
			wideHigh.Row(i)[j] = T(high(i, j))
		}
	}
	return []composition[T]{
		{name: "bounds", c: Composition[T]{Low: Bound[T](-0.5), High: Bound[T](0.75)}, low: constant(-0.5), high: constant(0.75)},
		{name: "lower bound", c: Composition[T]{Low: Bound[T](0)}, low: constant(0)},
		{name: "bounds by weight", c: Composition[T]{Low: Bound[T](-0.5), High: wideHigh}, low: constant(-0.5),
			high: func(i, j int) float64 { return float64(T(high(i, j))) }},
		{name: "Dale", c: Composition[T]{Low: daleLow, High: daleHigh}, sign: dale},
		{name: "signs", c: Composition[T]{Low: eachLow, High: eachHigh}, low: constant(float64(T(-0.4))), high: constant(float64(T(0.6))), sign: each},
		{name: "soft", c: Composition[T]{Soft: true, SoftLow: -2, SoftHigh: 1.5}},
		{name: "bistable", c: Composition[T]{Gamma: 0.125, Theta: 0.25}},
		{name: "mask", c: Composition[T]{Mask: mask, MaskStride: in + 3}, present: present},
		{name: "rates", c: Composition[T]{RowRate: rates}},
		{name: "a rate", c: Composition[T]{RowRate: []T{0.5}}},
		{name: "norm", c: Composition[T]{Norm: WeightNorm[T]{Multiplicative, 2, 1.5}}},
		{name: "norm of p 1.3, rates", c: Composition[T]{RowRate: rates, Norm: WeightNorm[T]{Multiplicative, 1.3, 2}}},
		{name: "largest weight", c: Composition[T]{Norm: WeightNorm[T]{Multiplicative, math.Inf(1), 0.5}}},
		{name: "subtractive", c: Composition[T]{Norm: WeightNorm[T]{Kind: Subtractive, Target: -0.5}}},
		{name: "mask, norm", c: Composition[T]{Mask: mask, MaskStride: in + 3, Norm: WeightNorm[T]{Multiplicative, 1, 1.5}}, present: present},
		{name: "mask, subtractive", c: Composition[T]{Mask: mask, MaskStride: in + 3, Norm: WeightNorm[T]{Kind: Subtractive, Target: 1}}, present: present},
		{name: "all", c: Composition[T]{Low: eachLow, High: eachHigh, Soft: true, SoftLow: -1.5, SoftHigh: 2, Gamma: 0.125, Theta: 0.25,
			Mask: mask, MaskStride: in + 3, RowRate: rates, Norm: WeightNorm[T]{Multiplicative, 2, 1}},
			low: constant(float64(T(-0.4))), high: constant(float64(T(0.6))), sign: each, present: present},
	}
}

// apply is w ← clip(sign(w + mask∘(s(w)·Δ + bistable))), then the normalisation, in plain loops.
func (p *composition[T]) apply(w, delta [][]float64) {
	c := &p.c
	for i := range w {
		for j, v := range w[i] {
			change := delta[i][j]
			if c.Soft {
				change *= (v - float64(c.SoftLow)) * (float64(c.SoftHigh) - v)
			}
			if c.Gamma != 0 {
				change += float64(c.Gamma) * v * (1 - v) * (v - float64(c.Theta))
			}
			if p.present == nil || p.present(i, j) {
				v += change
			}
			if p.sign != nil {
				switch s := p.sign(i, j); {
				case s > 0:
					v = math.Max(v, 0)
				case s < 0:
					v = math.Min(v, 0)
				}
			}
			if p.low != nil {
				v = math.Max(v, p.low(i, j))
			}
			if p.high != nil {
				v = math.Min(v, p.high(i, j))
			}
			w[i][j] = v
		}
		var sum, norm, n float64
		for j, v := range w[i] {
			if p.present != nil && !p.present(i, j) {
				continue
			}
			n++
			sum += v
			if math.IsInf(c.Norm.P, 1) {
				norm = math.Max(norm, math.Abs(v))
			} else {
				norm += math.Pow(math.Abs(v), c.Norm.P)
			}
		}
		if !math.IsInf(c.Norm.P, 1) {
			norm = math.Pow(norm, 1/c.Norm.P)
		}
		for j := range w[i] {
			switch {
			case p.present != nil && !p.present(i, j):
			case c.Norm.Kind == Multiplicative:
				w[i][j] *= float64(c.Norm.Target) / norm
			case c.Norm.Kind == Subtractive:
				w[i][j] += (float64(c.Norm.Target) - sum) / n
			}
		}
	}
}

// rate is Δ with η by row: λ of Decay is not multiplied by η.
func (p *composition[T]) rate(delta [][]float64, w [][]float64, fixed float64) {
	for i := range delta {
		r := 1.0
		if n := len(p.c.RowRate); n > 0 {
			r = float64(p.c.RowRate[min(i, n-1)])
		}
		for j := range delta[i] {
			delta[i][j] = r*(delta[i][j]+fixed*w[i][j]) - fixed*w[i][j]
		}
	}
}

// Every part of a composition with every rule, reduction and normalisation, against plain loops.
func TestCompositionAgainstEquations(t *testing.T) {
	both(t, testCompositionAgainstEquations[float32], testCompositionAgainstEquations[float64])
}

func testCompositionAgainstEquations[T kernels.Float](t *testing.T) {
	const in, out, n, lr = 9, 5, 6, 0.02
	for _, p := range compositions[T](out, in) {
		for _, c := range ruleCases[T]() {
			fixed := 0.0
			if d, is := c.rule.(Decay[T]); is {
				fixed = float64(T(d.Decay))
			}
			for red := Sequential; red <= Mean; red++ {
				for norm := NoNorm; norm <= MaxNorm; norm++ {
					if thin && norm == MaxNorm && p.name != "all" {
						continue
					}
					what := fmt.Sprint(p.name, ", ", c.name, ", ", red, norm)
					r := source(uint64(red)*10 + 3)
					w, x := randomMatrix[T](r, out, in, 2, 0.5), randomMatrix[T](r, n, in, 1, 1)
					start := clone(w)
					want, x64, answers := wide(w), wide(x), zeros(n, out)
					scaled := func(d [][]float64) [][]float64 {
						f := 1.0
						if norm == MaxNorm {
							f = lr / math.Max(maxAbs(d), 1e-30)
						}
						s := zeros(out, in)
						apply64(s, d, f)
						return s
					}
					total := zeros(out, in)
					for s := range n {
						for i := range answers[s] {
							answers[s][i] = dot64(want[i], x64[s])
						}
						if c.respond != nil {
							copy(answers[s], c.respond(want, x64[s]))
						}
						d := zeros(out, in)
						for i := range d {
							for j := range d[i] {
								d[i][j] = c.delta(want, x64[s], answers[s], i, j)
							}
						}
						p.rate(d, want, fixed)
						if red == Sequential {
							p.apply(want, scaled(d))
						} else {
							apply64(total, d, 1)
						}
					}
					if red == Mean {
						mean := zeros(out, in)
						apply64(mean, total, 1./n)
						total = mean
					}
					if red != Sequential {
						p.apply(want, scaled(total))
					}
					y, k, err := Update(c.rule, w, x, kernels.Matrix[T]{}, UpdateOptions[T]{Reduction: red, Normalize: norm, Compose: &p.c})
					if err != nil || k != n {
						t.Fatalf("%s: %d samples, %v", what, k, err)
					}
					near(t, what+": w", w, want, 2*closeness[T]())
					near(t, what+": y", y, answers, 2*closeness[T]())
					p.check(t, what, start, w)
				}
			}
		}
	}
}

// check is what a composition promises to the bit: weights that are left out keep theirs within the bounds, and signs
// and bounds hold, unless the normalisation comes after them.
func (p *composition[T]) check(t *testing.T, what string, start, w kernels.Matrix[T]) {
	t.Helper()
	for i := range w.Rows {
		for j, v := range w.Row(i) {
			if p.present != nil && !p.present(i, j) && p.low == nil && math.Float64bits(float64(v)) != math.Float64bits(float64(start.Row(i)[j])) {
				t.Fatalf("%s: the absent weight [%d, %d] has changed from %v to %v", what, i, j, start.Row(i)[j], v)
			}
			if p.sign != nil && float64(p.sign(i, j))*float64(v) < 0 {
				t.Fatalf("%s: w[%d, %d] = %v against the sign %d", what, i, j, v, p.sign(i, j))
			}
			if p.c.Norm.Kind == NoWeightNorm && (p.low != nil && float64(v) < p.low(i, j) || p.high != nil && float64(v) > p.high(i, j)) {
				t.Fatalf("%s: w[%d, %d] = %v is out of its bounds", what, i, j, v)
			}
		}
		if w.Stride > w.Cols && i < w.Rows-1 {
			if v := w.Data[i*w.Stride+w.Cols]; v == v {
				t.Fatalf("%s: a gap between rows was written", what)
			}
		}
	}
}

// A batch in sequence has the bits of single calls and of chunks.
func TestCompositionSequentialBits(t *testing.T) {
	both(t, testCompositionSequentialBits[float32], testCompositionSequentialBits[float64])
}

func testCompositionSequentialBits[T kernels.Float](t *testing.T) {
	const in, out, n = 41, 12, 6
	for _, p := range compositions[T](out, in) {
		for _, c := range ruleCases[T]() {
			r := source(3)
			start, x := randomMatrix[T](r, out, in, 0, 0.2), randomMatrix[T](r, n, in, 0, 1)
			whole := clone(start)
			y, _, err := Update(c.rule, whole, x, kernels.Matrix[T]{}, UpdateOptions[T]{Compose: &p.c})
			must(t, err)
			single, ys := clone(start), kernels.NewMatrix[T](n, out)
			for b := range n {
				_, _, err := Update(c.rule, single, subRows(x, b, 1), subRows(ys, b, 1), UpdateOptions[T]{Compute: true, Compose: &p.c})
				must(t, err)
			}
			equalBits(t, p.name+", "+c.name+": single calls", whole.Data, single.Data)
			equalBits(t, p.name+", "+c.name+": y of single calls", y.Data, ys.Data)
		}
	}
}

// What constrains nothing changes no bit: bounds at infinity, a mask of all, a rate of 1, free signs.
func TestCompositionWithoutEffect(t *testing.T) {
	const in, out, n = 20, 6, 5
	mask := make([]bool, out*in)
	for k := range mask {
		mask[k] = true
	}
	lows, highs, err := SignLimits(float32(-50), 50, make([]int8, in), 1)
	must(t, err)
	for name, compose := range map[string]*Composition[float32]{
		"bounds": {Low: Bound(float32(math.Inf(-1))), High: Bound(float32(50))}, "mask": {Mask: mask}, "rate": {RowRate: []float32{1}},
		"signs": {Low: lows, High: highs}, "nothing": {},
	} {
		for _, c := range ruleCases[float32]() {
			for red := Sequential; red <= Mean; red++ {
				if name == "mask" && red != Sequential || name == "rate" && c.rule.Terms()&(TermCol|TermColAdd) != 0 {
					continue // Δ is rounded before it is added
				}
				r := source(5)
				w, x := randomMatrix[float32](r, out, in, 0, 0.2), randomMatrix[float32](r, n, in, 0, 1)
				composed := clone(w)
				_, _, err := Update(c.rule, w, x, kernels.Matrix[float32]{}, UpdateOptions[float32]{Reduction: red})
				must(t, err)
				_, _, err = Update(c.rule, composed, x, kernels.Matrix[float32]{}, UpdateOptions[float32]{Reduction: red, Compose: compose})
				must(t, err)
				equalBits(t, fmt.Sprint(name, ", ", c.name, red), w.Data, composed.Data)
			}
		}
	}
}

// Rates by row go with the blocked form, for all kinds of rules.
func TestCompositionBlocked(t *testing.T) {
	const in, out, n = 20, 6, 40
	rates := make([]float64, out)
	for i := range rates {
		rates[i] = 0.3 * float64(i)
	}
	for _, c := range ruleCases[float64]() {
		if c.rule.Terms()&(TermCol|TermColAdd|TermRow|TermX) != 0 {
			continue
		}
		r := source(5)
		w, x := randomMatrix[float64](r, out, in, 0, 0.2), randomMatrix[float64](r, n, in, 0, 1)
		blocked := clone(w)
		o := UpdateOptions[float64]{Compose: &Composition[float64]{RowRate: rates}}
		_, _, err := Update(c.rule, w, x, kernels.Matrix[float64]{}, o)
		must(t, err)
		o.Block = 17
		_, _, err = Update(c.rule, blocked, x, kernels.Matrix[float64]{}, o)
		must(t, err)
		near(t, c.name, blocked, wide(w), 1e-11)
	}
}

// Clipping is that of IEEE 754-2019; a weight that is NaN stays so and is reported.
func TestCompositionSpecial(t *testing.T) {
	minus := math.Copysign(0, -1)
	run := func(c *Composition[float64], w ...float64) ([]float64, error) {
		m := kernels.MatrixOf(w, 1, len(w))
		x, y := kernels.NewMatrix[float64](1, len(w)), kernels.MatrixOf([]float64{minus}, 1, 1)
		_, _, err := Update[float64](Hebb[float64]{LR: 1}, m, x, y, UpdateOptions[float64]{Compose: c})
		return w, err
	}
	w, err := run(&Composition[float64]{Low: Bound(0.), High: Bound(1.)}, minus, 0, 2, -3)
	must(t, err)
	equalBits(t, "a lower bound of +0", []float64{0, 0, 1, 0}, w)
	lows, highs, err := SignLimits(math.Inf(-1), math.Inf(1), []int8{1, -1, 0, 1}, 1)
	must(t, err)
	w, err = run(&Composition[float64]{Low: lows, High: highs}, minus, 0, minus, -3)
	must(t, err)
	equalBits(t, "signs", []float64{0, 0, minus, 0}, w)
	if _, err = run(&Composition[float64]{Low: Bound(0.), High: Bound(1.)}, math.NaN()); err == nil {
		t.Error("a NaN passed the bounds")
	}
	var e *DivergenceError
	if !errors.As(err, &e) {
		t.Errorf("%v", err)
	}
	// Rows without a norm stay; one whose norm is beyond T is reported.
	norm := &Composition[float64]{Norm: WeightNorm[float64]{Multiplicative, 2, 1}}
	w, err = run(norm, 0, minus)
	must(t, err)
	equalBits(t, "a dead row", []float64{0, minus}, w)
	if _, err = run(norm, 1e300, 1e300); !errors.As(err, &e) || e.What != "the norm of the weights" {
		t.Errorf("a norm that overflows: %v", err)
	}
}

func TestCompositionRefuses(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	base := make([]float64, 100)
	for k := range base {
		base[k] = float64(k)
	}
	w := kernels.MatrixOf(base[:20], 4, 5)
	type c = Composition[float64]
	m := func(rows, cols int) kernels.Matrix[float64] { return kernels.NewMatrix[float64](rows, cols) }
	for _, bad := range []struct {
		arg   string
		c     c
		block int
	}{
		{arg: "low", c: c{Low: m(1, 4)}},
		{arg: "low", c: c{Low: m(3, 5)}},
		{arg: "low", c: c{Low: Bound(nan)}},
		{arg: "low", c: c{Low: Bound(1.), High: Bound(0.)}},
		{arg: "low", c: c{Low: kernels.MatrixOf([]float64{0, 0, 0, 0, 1e-9}, 1, 5), High: Bound(0.)}},
		{arg: "low", c: c{Low: kernels.MatrixOf(base[3:8], 1, 5)}},
		{arg: "high", c: c{High: kernels.Matrix[float64]{Data: base[50:53], Rows: 4, Cols: 5, Stride: 5}}},
		{arg: "high", c: c{High: kernels.MatrixOf([]float64{0, 0, 0, 0, nan}, 1, 5)}},
		{arg: "soft bounds", c: c{Soft: true}},
		{arg: "soft bounds", c: c{Soft: true, SoftHigh: inf}},
		{arg: "soft bounds", c: c{Soft: true, SoftLow: nan, SoftHigh: 1}},
		{arg: "gamma", c: c{Gamma: -1}},
		{arg: "gamma", c: c{Gamma: nan}},
		{arg: "theta", c: c{Gamma: 1, Theta: inf}},
		{arg: "mask", c: c{Mask: make([]bool, 19)}},
		{arg: "mask", c: c{Mask: make([]bool, 20), MaskStride: 4}},
		{arg: "row_lr", c: c{RowRate: make([]float64, 5)}},
		{arg: "row_lr", c: c{RowRate: []float64{0, 1, -1, 0}}},
		{arg: "row_lr", c: c{RowRate: []float64{nan}}},
		{arg: "row_lr", c: c{RowRate: base[4:8]}},
		{arg: "weight norm", c: c{Norm: WeightNorm[float64]{Kind: 3}}},
		{arg: "p", c: c{Norm: WeightNorm[float64]{Kind: Multiplicative, Target: 1}}},
		{arg: "target", c: c{Norm: WeightNorm[float64]{Kind: Multiplicative, P: 2}}},
		{arg: "target", c: c{Norm: WeightNorm[float64]{Kind: Subtractive, Target: inf}}},
		{arg: "block", block: 2, c: c{Low: Bound(0.)}},
		{arg: "block", block: 2, c: c{Soft: true, SoftHigh: 1}},
		{arg: "block", block: 2, c: c{Gamma: 1}},
		{arg: "block", block: 2, c: c{Mask: make([]bool, 20)}},
		{arg: "block", block: 2, c: c{Norm: WeightNorm[float64]{Kind: Subtractive}}},
	} {
		before := append([]float64(nil), base...)
		_, k, err := Update[float64](Oja[float64]{LR: 0.1}, w, m(3, 5), kernels.Matrix[float64]{}, UpdateOptions[float64]{Block: bad.block, Compose: &bad.c})
		refused(t, fmt.Sprintf("%+v", bad.c), err, bad.arg)
		if k != 0 {
			t.Errorf("k = %d", k)
		}
		equalBits(t, bad.arg, before, base)
	}
	for _, bad := range []struct {
		arg       string
		low, high float64
		sign      []int8
		rows      int
	}{{"low", 1, 0, []int8{0}, 1}, {"low", nan, 0, []int8{0}, 1}, {"sign", 0, 1, []int8{0, 0, 0}, 2}, {"sign", 0, 1, nil, 0},
		{"sign", 0.5, 1, []int8{0, -1}, 1}, {"sign", -1, -0.5, []int8{1}, 1}} {
		_, _, err := SignLimits(bad.low, bad.high, bad.sign, bad.rows)
		refused(t, fmt.Sprint(bad), err, bad.arg)
	}
}

func TestCompositionAllocatesNothing(t *testing.T) {
	const in, out = 64, 16
	r := source(2)
	w, x, y := randomMatrix[float32](r, out, in, 0, 0.1), randomMatrix[float32](r, 4, in, 0, 1), kernels.NewMatrix[float32](4, out)
	for _, p := range compositions[float32](out, in) {
		for _, rule := range []Rule[float32]{Oja[float32]{LR: 1e-4}, Sanger[float32]{LR: 1e-4}, WTA[float32]{LR: 1e-4, K: 3, Score: Euclid}} {
			for red := Sequential; red <= Mean; red++ {
				var s Scratch[float32]
				n := testing.AllocsPerRun(5, func() {
					if _, _, err := Update(rule, w, x, y, UpdateOptions[float32]{Compute: true, Reduction: red, Compose: &p.c, Scratch: &s}); err != nil {
						t.Fatal(err)
					}
				})
				if n != 0 {
					t.Errorf("%s, %s, %d: %v allocations a call", p.name, rule.Name(), red, n)
				}
			}
		}
	}
}
