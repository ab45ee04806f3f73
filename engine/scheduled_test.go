package engine

import (
	"math"
	"testing"

	"github.com/hebbkern/hebbkern/kernels"
)

// A sequence with a rate by sample has the bits of single calls with these rates, whole and in parts.
func TestUpdateScheduled(t *testing.T) {
	const in, out, n = 20, 6, 7
	rates := []float64{0.1, 0.1, 0.05, 0, 0.05, 0.2, 0.2}
	rule := func(lr float64) Rule[float32] { return Oja[float32]{LR: lr} }
	r := source(4)
	start, x := randomMatrix[float32](r, out, in, 1, 0.2), randomMatrix[float32](r, n, in, 2, 1)
	whole, single, parts := clone(start), clone(start), clone(start)
	y, k, err := UpdateScheduled(rule, rates, whole, x, kernels.Matrix[float32]{}, UpdateOptions[float32]{})
	must(t, err)
	ys := kernels.NewMatrix[float32](n, out)
	for s, lr := range rates {
		_, _, err := Update(rule(lr), single, subRows(x, s, 1), subRows(ys, s, 1), UpdateOptions[float32]{Compute: true})
		must(t, err)
	}
	equalBits(t, "single calls", whole.Data, single.Data)
	equalBits(t, "y", y.Data, ys.Data)
	if k != n {
		t.Errorf("%d samples of %d", k, n)
	}
	for _, cut := range [][2]int{{0, 3}, {3, n}} {
		o := UpdateOptions[float32]{Compute: true, From: cut[0], To: cut[1]}
		_, k, err := UpdateScheduled(rule, rates, parts, x, ys, o)
		must(t, err)
		if k != cut[1]-cut[0] {
			t.Errorf("%d samples of %v", k, cut)
		}
	}
	equalBits(t, "parts", whole.Data, parts.Data)

	x.Row(4)[1] = float32(math.Inf(1))
	_, k, err = UpdateScheduled(rule, rates, whole, x, kernels.Matrix[float32]{}, UpdateOptions[float32]{})
	diverged(t, err, 4, "x")
	if k != 4 {
		t.Errorf("k = %d", k)
	}
}

func TestUpdateScheduledRefuses(t *testing.T) {
	rule := func(lr float64) Rule[float64] { return Hebb[float64]{LR: lr} }
	w, x, none := kernels.NewMatrix[float64](2, 3), kernels.NewMatrix[float64](2, 3), kernels.Matrix[float64]{}
	for _, c := range []struct {
		arg   string
		rule  func(float64) Rule[float64]
		rates []float64
		o     UpdateOptions[float64]
	}{
		{arg: "rule", rates: []float64{1, 1}},
		{arg: "rates", rule: rule, rates: []float64{1}},
		{arg: "rates", rule: rule, rates: []float64{1, -1}},
		{arg: "rates", rule: rule, rates: []float64{1, math.NaN()}},
		{arg: "rates", rule: rule, rates: []float64{1, 1}, o: UpdateOptions[float64]{Reduction: Mean}},
		{arg: "block", rule: rule, rates: []float64{1, 1}, o: UpdateOptions[float64]{Block: 2}},
		{arg: "rows", rule: rule, rates: []float64{1, 1}, o: UpdateOptions[float64]{From: 1, To: 3}},
	} {
		_, k, err := UpdateScheduled(c.rule, c.rates, w, x, none, c.o)
		refused(t, c.arg, err, c.arg)
		if k != 0 {
			t.Errorf("k = %d", k)
		}
	}
}
