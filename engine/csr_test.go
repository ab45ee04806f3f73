package engine

import (
	"fmt"
	"math"
	"testing"

	"github.com/hebbkern/hebbkern/kernels"
)

// sparsePair is a CSR and the dense W under its mask that it stands for; the first row is empty.
func sparsePair[T kernels.Float](seed uint64, out, in int) (kernels.CSR[T], kernels.Matrix[T], []bool) {
	r := source(seed)
	dense, mask := kernels.NewMatrix[T](out, in), make([]bool, out*in)
	var data []T
	var indices []int32
	start := []int{0}
	for i := range out {
		for j := range in {
			if i > 0 && r.Float64() < 0.4 {
				v := T(0.5 * r.NormFloat64())
				dense.Row(i)[j], mask[i*in+j] = v, true
				data, indices = append(data, v), append(indices, int32(j))
			}
		}
		start = append(start, len(data))
	}
	return kernels.NewCSR(data, indices, start, out, in), dense, mask
}

// sparse reports whether sparse weights take it.
func (c composition[T]) sparse() bool {
	return c.present == nil
}

// Sparse weights learn as dense ones under their mask do, with every rule and composition that they take.
func TestCSRIsTheMaskedW(t *testing.T) {
	both(t, testCSRIsTheMaskedW[float32], testCSRIsTheMaskedW[float64])
}

func testCSRIsTheMaskedW[T kernels.Float](t *testing.T) {
	const in, out, n = 30, 7, 5
	x := randomMatrix[T](source(2), n, in, 1, 1)
	all := append(compositions[T](out, in), composition[T]{name: "nothing"})
	for _, p := range all {
		if !p.sparse() {
			continue
		}
		for _, c := range ruleCases[T]() {
			for red := Sequential; red <= Mean; red++ {
				what := fmt.Sprint(p.name, ", ", c.name, ", ", red)
				w, dense, mask := sparsePair[T](3, out, in)
				masked := p.c
				masked.Mask = mask
				y, k, err := UpdateCSR(c.rule, w, x, kernels.Matrix[T]{}, UpdateOptions[T]{Reduction: red, Compose: &p.c})
				must(t, err)
				want, _, err := Update(c.rule, dense, x, kernels.Matrix[T]{}, UpdateOptions[T]{Reduction: red, Compose: &masked})
				must(t, err)
				if k != n {
					t.Errorf("%s: %d samples", what, k)
				}
				got := kernels.NewMatrix[T](out, in)
				for i := range out {
					row, columns := w.Row(i)
					for e, j := range columns {
						got.Row(i)[j] = row[e]
					}
					for j := range in { // a bound above 0 moves what the mask leaves out
						if !mask[i*in+j] {
							dense.Row(i)[j] = 0
						}
					}
				}
				near(t, what+": w", got, wide(dense), 2*closeness[T]())
				near(t, what+": y", y, wide(want), 2*closeness[T]())
				if red != Sequential {
					continue
				}
				single, _, _ := sparsePair[T](3, out, in)
				for s := range n {
					_, _, err := UpdateCSR(c.rule, single, subRows(x, s, 1), kernels.Matrix[T]{}, UpdateOptions[T]{Compose: &p.c})
					must(t, err)
				}
				equalBits(t, what+": single calls", w.Data, single.Data)
			}
		}
	}
}

// The largest change is that of the entries that are stored: those left out have none.
func TestCSRMaxNorm(t *testing.T) {
	const in, out, n, lr = 30, 7, 5, 0.02
	x := randomMatrix[float64](source(2), n, in, 1, 1)
	rates := randomVector[float64](source(4), out, 1)
	for i, r := range rates {
		rates[i] = math.Abs(r)
	}
	for _, c := range ruleCases[float64]() {
		for red := Sequential; red <= Mean; red++ {
			for _, compose := range []*Composition[float64]{nil, {RowRate: rates}} {
				batch := x
				if red == Sequential {
					batch = subRows(x, 0, 1)
				}
				w, _, _ := sparsePair[float64](3, out, in)
				start := append([]float64(nil), w.Data...)
				o := UpdateOptions[float64]{Reduction: red, Compose: compose}
				_, _, err := UpdateCSR(c.rule, w, batch, kernels.Matrix[float64]{}, o)
				must(t, err)
				want, most := append([]float64(nil), w.Data...), 0.0
				for k := range want {
					want[k] -= start[k]
					most = math.Max(most, math.Abs(want[k]))
				}
				for k := range want {
					want[k] = start[k] + lr*want[k]/most
				}
				copy(w.Data, start)
				o.Normalize = MaxNorm
				_, _, err = UpdateCSR(c.rule, w, batch, kernels.Matrix[float64]{}, o)
				must(t, err)
				near(t, fmt.Sprint(c.name, red, compose != nil), rowVector(w.Data), [][]float64{want}, 1e-12)
			}
		}
	}
}

func TestCSRDivergence(t *testing.T) {
	for red := Sequential; red <= Mean; red++ {
		w, _, _ := sparsePair[float64](3, 4, 9)
		x := randomMatrix[float64](source(2), 5, 9, 0, 1)
		for j := range 9 {
			x.Row(2)[j] = math.Inf(1)
		}
		before := append([]float64(nil), w.Data...)
		_, k, err := UpdateCSR[float64](Oja[float64]{LR: 0.1}, w, x, kernels.Matrix[float64]{}, UpdateOptions[float64]{Reduction: red})
		diverged(t, err, 2, "x")
		if red != Sequential {
			equalBits(t, "w", before, w.Data)
		} else if k != 2 {
			t.Errorf("k = %d", k)
		}
	}
}

func TestCSRRefusals(t *testing.T) {
	w, _, mask := sparsePair[float64](3, 4, 9)
	x := randomMatrix[float64](source(2), 5, 9, 0, 1)
	before := append([]float64(nil), w.Data...)
	oja := Rule[float64](Oja[float64]{LR: 0.1})
	type c = Composition[float64]
	for _, bad := range []struct {
		arg  string
		rule Rule[float64]
		w    kernels.CSR[float64]
		x, y kernels.Matrix[float64]
		o    UpdateOptions[float64]
	}{
		{arg: "rule", w: w, x: x},
		{arg: "w", rule: oja, x: kernels.NewMatrix[float64](2, 0)},
		{arg: "w", rule: oja, w: w, x: kernels.MatrixOf(w.Data[:9], 1, 9)},
		{arg: "w", rule: oja, w: w, x: subRows(x, 0, 1), y: kernels.MatrixOf(w.Data[:4], 1, 4)},
		{arg: "x", rule: oja, w: w, x: kernels.NewMatrix[float64](5, 8)},
		{arg: "y", rule: oja, w: w, x: x, y: kernels.NewMatrix[float64](5, 3)},
		{arg: "block", rule: oja, w: w, x: x, o: UpdateOptions[float64]{Block: 2}},
		{arg: "mask", rule: oja, w: w, x: x, o: UpdateOptions[float64]{Compose: &c{Mask: mask}}},
		{arg: "low", rule: oja, w: w, x: x, o: UpdateOptions[float64]{Compose: &c{Low: kernels.NewMatrix[float64](3, 9)}}},
		{arg: "high", rule: oja, w: w, x: x, o: UpdateOptions[float64]{Compose: &c{High: kernels.MatrixOf(w.Data[:9], 1, 9)}}},
		{arg: "row_lr", rule: oja, w: w, x: x, o: UpdateOptions[float64]{Compose: &c{RowRate: make([]float64, 5)}}},
	} {
		_, k, err := UpdateCSR(bad.rule, bad.w, bad.x, bad.y, bad.o)
		refused(t, bad.arg, err, bad.arg)
		if k != 0 {
			t.Errorf("k = %d", k)
		}
		equalBits(t, bad.arg, before, w.Data)
	}
}

func TestCSRUpdateAllocatesNothing(t *testing.T) {
	w, _, _ := sparsePair[float32](3, 20, 30)
	x, y := randomMatrix[float32](source(2), 5, 30, 0, 1), kernels.NewMatrix[float32](5, 20)
	for red := Sequential; red <= Mean; red++ {
		var s Scratch[float32]
		o := UpdateOptions[float32]{Compute: true, Reduction: red, Scratch: &s, Compose: &Composition[float32]{
			Low: Bound[float32](-1), Soft: true, SoftHigh: 1, Norm: WeightNorm[float32]{Multiplicative, 2, 1}}}
		n := testing.AllocsPerRun(5, func() {
			if _, _, err := UpdateCSR[float32](Oja[float32]{LR: 1e-4}, w, x, y, o); err != nil {
				t.Fatal(err)
			}
		})
		if n != 0 {
			t.Errorf("reduction %d: %v allocations a call", red, n)
		}
	}
}
