package kernels

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// randomCSR keeps each entry with that probability; its first row is empty, its last full.
func randomCSR[T Float](seed uint64, rows, cols int, density float64) CSR[T] {
	r := newRand(seed)
	var indices []int32
	start := []int{0}
	for i := range rows {
		for j := range cols {
			if i == rows-1 || i > 0 && r.Float64() < density {
				indices = append(indices, int32(j))
			}
		}
		start = append(start, len(indices))
	}
	return NewCSR(randomVector[T](r, len(indices)), indices, start, rows, cols)
}

func (w CSR[T]) clone() CSR[T] {
	w.Data = append([]T(nil), w.Data...)
	return w
}

// TestCSR holds every kernel to the dense one on the stored entries of each row, bit for bit.
func TestCSR(t *testing.T) { bothTypes(t, testCSR[float32], testCSR[float64]) }

func testCSR[T Float](t *testing.T) {
	for _, size := range [][2]int{{3, 5}, {40, 70}, {4, 5000}} {
		rows, cols := size[0], size[1]
		w := randomCSR[T](uint64(cols), rows, cols, 0.3)
		r := newRand(9)
		x := randomVector[T](r, cols)
		each := func(v []T, i int) []T {
			if len(v) > 1 {
				return v[i : i+1]
			}
			return v
		}
		gathered := func(v []T, columns []int32) []T {
			if len(v) != cols {
				return v
			}
			g := make([]T, len(columns))
			for k, j := range columns {
				g[k] = v[j]
			}
			return g
		}
		y, sums, want := make([]T, rows), make([]T, rows), make([]T, rows)
		ForwardCSR(y, w, x)
		for i := range rows {
			data, columns := w.Row(i)
			Forward(want[i:i+1], MatrixOf(data, 1, len(data)), gathered(x, columns), nil, Activation{})
		}
		requireSameBits(t, want, y, "forward")
		for _, p := range []float64{0.5, 1, 2, 1.3, inf} {
			PowerSumsCSR(w, p, sums)
			for i := range rows {
				data, _ := w.Row(i)
				PowerSums(MatrixOf(data, 1, len(data)), p, want[i:i+1], nil)
			}
			requireSameBits(t, want, sums, fmt.Sprint("power sums ", p))
		}
		all := make([]T, len(w.Data))
		w.Gather(all, x)
		mask := make([]bool, len(w.Data))
		lows, highs := make([]T, len(w.Data)), make([]T, len(w.Data))
		for k := range mask {
			mask[k], lows[k], highs[k] = k%3 > 0, T(-r.Float64()), T(r.Float64())
		}
		g, d, c := randomVector[T](r, rows), randomVector[T](r, rows), randomVector[T](r, cols)
		for name, u := range map[string]Update[T]{
			"outer": {G: g, X: x}, "decay": {G: g, X: x, Decay: d}, "scalars": {G: g[:1], X: x[:1], ColDecay: c[:1]},
			"all": {G: g, X: x, Decay: d[:1], ColDecay: c, RowAdd: d, ColAdd: c, Bounded: true, Low: -1, High: 1, Mask: mask,
				Sums: make([]T, rows), P: 1.7},
			"dependence": {G: g, X: x, Sums: make([]T, rows), P: 1, Dependence: &Dependence[T]{Soft: true, SoftLow: -2, SoftHigh: 2,
				Bistable: true, Gamma: 0.5, Theta: 0.25, Lows: lows, Highs: highs}},
			"sums": {Sums: make([]T, rows), P: inf},
		} {
			got, dense := w.clone(), w.clone()
			Rank1CSR(got, u)
			for i := range rows {
				data, columns := dense.Row(i)
				at := w.Start[i]
				v := u
				v.G, v.Decay, v.RowAdd = each(u.G, i), each(u.Decay, i), each(u.RowAdd, i)
				v.X, v.ColDecay, v.ColAdd = gathered(u.X, columns), gathered(u.ColDecay, columns), gathered(u.ColAdd, columns)
				if v.Mask != nil {
					v.Mask = mask[at : at+len(data)]
				}
				if v.Sums != nil {
					v.Sums = want[i : i+1]
				}
				if u.Dependence != nil {
					own := *u.Dependence
					own.Lows, own.Highs = lows[at:at+len(data)], highs[at:at+len(data)]
					v.Dependence = &own
				}
				Rank1(MatrixOf(data, 1, len(data)), v)
			}
			requireSameBits(t, dense.Data, got.Data, name)
			if u.Sums != nil {
				requireSameBits(t, want, u.Sums, name+" sums")
			}
			for threads := 2; threads <= 3; threads++ {
				withThreads(t, threads)
				again := w.clone()
				Rank1CSR(again, u)
				requireSameBits(t, got.Data, again.Data, name+" with threads")
			}
			withThreads(t, 1)
		}
	}
}

// TestForwardUpdateCSR holds the sweep to the dense one on the stored entries of each row, bit for bit.
func TestForwardUpdateCSR(t *testing.T) {
	bothTypes(t, testForwardUpdateCSR[float32], testForwardUpdateCSR[float64])
}

func testForwardUpdateCSR[T Float](t *testing.T) {
	for _, size := range [][3]int{{5, 7, 1}, {12, 70, 30}, {3, 5000, 3}} {
		rows, cols, samples := size[0], size[1], size[2]
		w := randomCSR[T](uint64(cols), rows, cols, 0.3)
		r := newRand(9)
		x := MatrixOf(randomVector[T](r, samples*cols), samples, cols)
		other, theta := MatrixOf(randomVector[T](r, samples*cols), samples, cols), make([]T, rows)
		for i := range theta {
			theta[i] = T(1 + r.Float64())
		}
		for name, o := range map[string]Online[T]{
			"none": {Rate: 0.01}, "constant": {Rate: 0.01, Form: DecayConstant, Decay: 0.1}, "gain": {Rate: -0.01, Form: DecayGain},
			"gain y": {Rate: 0.001, Form: DecayGainY}, "slides": {Rate: 0.001, Factor: FactorLaw, Theta: theta, Step: ThetaSquare, Alpha: 0.25},
			"column": {Rate: 0.01, Form: DecayColumn}, "affine": {Rate: 0.01, Factor: FactorAffine, GA: 1, GB: 0.5, AA: 2, AB: 0.25}, "apart": {Rate: 0.01, R: other},
		} {
			start, y, want := w.clone(), NewMatrix[T](samples, rows), NewMatrix[T](samples, rows)
			dense, slid := w.clone(), append([]T(nil), o.Theta...)
			sums := make([]T, rows)
			for i := range rows {
				data, columns := dense.Row(i)
				seen, each := NewMatrix[T](samples, len(data)), o
				for s := range samples {
					dense.GatherRow(i, seen.Row(s), x.Row(s))
					for k, j := range columns {
						if seen.Row(s)[k] != x.Row(s)[j] {
							t.Fatal("GatherRow")
						}
					}
				}
				if o.R.Data != nil {
					each.R = NewMatrix[T](samples, len(data))
					for s := range samples {
						dense.GatherRow(i, each.R.Row(s), o.R.Row(s))
					}
				}
				if o.Theta != nil {
					each.Theta = slid[i : i+1]
				}
				each.Sums = sums[i : i+1]
				ForwardUpdate(MatrixOf(data, 1, len(data)), seen, Matrix[T]{Data: want.Data[i:], Rows: samples, Cols: 1, Stride: rows}, each)
			}
			for threads := 1; threads <= 3; threads++ {
				withThreads(t, threads)
				got, all := w.clone(), o
				all.Before, all.Sums = MatrixOf(make([]T, len(w.Data)), 1, len(w.Data)), make([]T, rows)
				all.Theta = append([]T(nil), o.Theta...)
				ForwardUpdateCSR(got, x, y, all)
				requireSameBits(t, dense.Data, got.Data, name)
				requireSameBits(t, want.Data, y.Data, name+" y")
				requireSameBits(t, sums, all.Sums, name+" sums")
				requireSameBits(t, start.Data, all.Before.Data, name+" before")
				requireSameBits(t, slid, all.Theta, name+" theta")
			}
			withThreads(t, 1)
		}
		row, columns := w.Row(rows - 1)
		spread := make([]T, cols)
		w.ScatterRow(rows-1, spread, row)
		for k, j := range columns {
			require.Equal(t, row[k], spread[j])
		}
	}
}

func TestCSRThreads(t *testing.T) {
	w := randomCSR[float32](3, 300, 400, 0.5)
	x := randomVector[float32](newRand(1), 400)
	g := randomVector[float32](newRand(2), 300)
	var want []float32
	for threads := 1; threads <= 4; threads++ {
		withThreads(t, threads)
		got, y := w.clone(), make([]float32, 300)
		Rank1CSR(got, Update[float32]{G: g, X: x})
		ForwardCSR(y, got, x)
		got.Data = append(got.Data, y...)
		if want == nil {
			want = got.Data
		}
		requireSameBits(t, want, got.Data, fmt.Sprint("threads ", threads))
	}
}

func TestCSRAllocatesNothing(t *testing.T) {
	w := randomCSR[float64](3, 30, 40, 0.5)
	x, y := randomVector[float64](newRand(1), 40), make([]float64, 30)
	require.Zero(t, testing.AllocsPerRun(20, func() {
		ForwardCSR(y, w, x)
		Rank1CSR(w, Update[float64]{G: y[:1], X: x, ColDecay: x, Sums: y[:30], P: 2})
		PowerSumsCSR(w, 1.3, y)
	}))
}

func TestCSRRefuses(t *testing.T) {
	data, indices, start := []float64{1, 2, 3}, []int32{0, 2, 1}, []int{0, 2, 3}
	w := NewCSR(data, indices, start, 2, 3)
	one, two, three := make([]float64, 1), make([]float64, 2), make([]float64, 3)
	for name, f := range map[string]func(){
		"NewCSR start":            func() { NewCSR(data, indices, start[:2], 2, 3) },
		"NewCSR start end":        func() { NewCSR(data, indices, []int{0, 2, 2}, 2, 3) },
		"NewCSR start begin":      func() { NewCSR(data, indices, []int{1, 2, 3}, 2, 3) },
		"NewCSR start falls":      func() { NewCSR(data, indices, []int{0, 4, 1, 3}, 3, 3) },
		"NewCSR start negative":   func() { NewCSR(data, indices, []int{0, -1, 3}, 2, 3) },
		"NewCSR indices":          func() { NewCSR(data, indices[:2], start, 2, 3) },
		"NewCSR indices high":     func() { NewCSR(data, []int32{0, 3, 1}, start, 2, 3) },
		"NewCSR indices negative": func() { NewCSR(data, []int32{-1, 2, 1}, start, 2, 3) },
		"NewCSR indices twice":    func() { NewCSR(data, []int32{2, 2, 1}, start, 2, 3) },
		"NewCSR cols":             func() { NewCSR(data, indices, start, 2, -3) },
		"ForwardCSR w": func() {
			ForwardCSR(two, CSR[float64]{Data: data, Indices: indices, Start: start, Rows: 3, Cols: 3}, three)
		},
		"ForwardCSR y":             func() { ForwardCSR(three, w, three) },
		"ForwardCSR x":             func() { ForwardCSR(two, w, two) },
		"ForwardCSR w shared":      func() { ForwardCSR(data[:2], w, three) },
		"Rank1CSR G":               func() { Rank1CSR(w, Update[float64]{G: three, X: three}) },
		"Rank1CSR X":               func() { Rank1CSR(w, Update[float64]{G: two, X: two}) },
		"Rank1CSR X missing":       func() { Rank1CSR(w, Update[float64]{G: two}) },
		"Rank1CSR ColDecay":        func() { Rank1CSR(w, Update[float64]{ColDecay: two}) },
		"Rank1CSR Mask":            func() { Rank1CSR(w, Update[float64]{G: two, X: three, Mask: make([]bool, 6)}) },
		"Rank1CSR X shared":        func() { Rank1CSR(w, Update[float64]{G: two, X: data}) },
		"Rank1CSR Low":             func() { Rank1CSR(w, Update[float64]{Bounded: true, Low: 1}) },
		"Rank1CSR Lows":            func() { Rank1CSR(w, Update[float64]{Dependence: &Dependence[float64]{Lows: two, Highs: three}}) },
		"Rank1CSR Sums":            func() { Rank1CSR(w, Update[float64]{Sums: three, P: 1}) },
		"Rank1CSR Finite":          func() { Rank1CSR(w, Update[float64]{Finite: new(bool)}) },
		"Rank1CSR P":               func() { Rank1CSR(w, Update[float64]{Sums: two}) },
		"PowerSumsCSR rows":        func() { PowerSumsCSR(w, 2, one) },
		"PowerSumsCSR p":           func() { PowerSumsCSR(w, 0, two) },
		"PowerSumsCSR rows shared": func() { PowerSumsCSR(w, 2, data[1:]) },
		"ForwardUpdateCSR x":       func() { ForwardUpdateCSR(w, MatrixOf(two, 1, 2), MatrixOf(two, 1, 2), Online[float64]{}) },
		"ForwardUpdateCSR y":       func() { ForwardUpdateCSR(w, MatrixOf(three, 1, 3), MatrixOf(one, 1, 1), Online[float64]{}) },
		"ForwardUpdateCSR w":       func() { ForwardUpdateCSR(w, MatrixOf(data, 1, 3), MatrixOf(two, 1, 2), Online[float64]{}) },
		"ForwardUpdateCSR Form":    func() { ForwardUpdateCSR(w, MatrixOf(three, 1, 3), MatrixOf(two, 1, 2), Online[float64]{Form: 9}) },
		"ForwardUpdateCSR Sums":    func() { ForwardUpdateCSR(w, MatrixOf(three, 1, 3), MatrixOf(two, 1, 2), Online[float64]{Sums: one}) },
		"ForwardUpdateCSR Theta": func() {
			ForwardUpdateCSR(w, MatrixOf(three, 1, 3), MatrixOf(two, 1, 2), Online[float64]{Factor: FactorAbove, Theta: one})
		},
		"ForwardUpdateCSR Before": func() {
			ForwardUpdateCSR(w, MatrixOf(three, 1, 3), MatrixOf(two, 1, 2), Online[float64]{Before: MatrixOf(one, 1, 1)})
		},
		"GatherRow dst":  func() { w.GatherRow(0, one, three) },
		"GatherRow v":    func() { w.GatherRow(0, two, two) },
		"ScatterRow dst": func() { w.ScatterRow(0, two, two) },
		"ScatterRow v":   func() { w.ScatterRow(0, three, one) },
		"Gather dst":     func() { w.Gather(two, three) },
		"Gather v":       func() { w.Gather(three, two) },
	} {
		t.Run(name, func(t *testing.T) {
			requireRefused(t, f)
			require.Equal(t, []float64{1, 2, 3}, data)
		})
	}
}
