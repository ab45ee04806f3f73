package engine

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/hebbkern/hebbkern/kernels"
)

func TestKeepUnits(t *testing.T) { both(t, testKeepUnits[float32], testKeepUnits[float64]) }

// Survivors compute what they did, bit for bit; what is behind them gets the sums over them; twins shrink along.
func testKeepUnits[T kernels.Float](t *testing.T) {
	for name, pop := range map[string]int{"layered": 1, "skipping": 2, "inputs": 0} {
		make := func() *Network[T] {
			if name == "skipping" {
				return skipping[T](t, source(1), relu())
			}
			return layered[T](t, source(1), relu(), 6, 8, 5, 3)
		}
		n, old := make(), make()
		twin := make()
		kept := []int{4, 0, 3}
		x := randomMatrix[T](source(2), 7, n.InputUnits(), 0, 1)
		index, err := n.KeepUnits(pop, kept, twin)
		must(t, err)
		want := make().Populations[pop].Units
		if len(index) != want || index[4] != 0 || index[0] != 1 || index[3] != 2 || index[1] != -1 {
			t.Errorf("%s: index %v", name, index)
		}
		must(t, n.Check())
		equalBits(t, "twin", snapshot(t, n), snapshot(t, twin))
		if pop == 0 {
			for q, e := range n.Projections {
				if e.From == 0 {
					equalBits(t, "columns", e.W.Data, pick(old.Projections[q].W, nil, kept).Data)
				}
			}
			continue
		}
		var a, b Activity[T]
		must(t, n.Forward(x, &a, nil))
		must(t, old.Forward(x, &b, nil))
		equalBits(t, name, a.A[pop].Data, pick(b.A[pop], nil, kept).Data)
		// Masked where they stand, the others give the same outputs, but for the order of the sums.
		dead := []int{1, 2}
		for i := 5; i < want; i++ {
			dead = append(dead, i)
		}
		must(t, old.MaskUnits(pop, dead))
		masked, compact := kernels.NewMatrix[T](7, n.OutputUnits()), kernels.NewMatrix[T](7, n.OutputUnits())
		must(t, old.Predict(masked, x, nil))
		must(t, n.Predict(compact, x, nil))
		near(t, name+" output", compact, wide(masked), closeness[T]())
	}
}

func TestRebirthAndGrowth(t *testing.T) {
	n, twin := layered[float32](t, source(1), relu(), 6, 8, 5, 3), layered[float32](t, source(2), relu(), 6, 8, 5, 3)
	masked := layered[float32](t, source(1), relu(), 6, 8, 5, 3)
	must(t, masked.MaskUnits(1, []int{2, 7}))
	r := NewRNG(9, 0)
	first := r
	must(t, n.RebirthUnits(1, []int{2, 7}, &r, twin))
	want := make([]float32, 12)
	Uniform(&first, want, -1, 1) // √(6/6)
	equalBits(t, "fresh", append(slices.Clone(n.Projections[0].W.Row(2)), n.Projections[0].W.Row(7)...), want)
	if r != first {
		t.Error("another number of draws")
	}
	x := randomMatrix[float32](source(3), 5, 6, 0, 1)
	predict := func(n *Network[float32]) []float32 {
		y := kernels.NewMatrix[float32](5, 3)
		must(t, n.Predict(y, x, nil))
		return y.Data
	}
	equalBits(t, "the newborn are not heard yet", predict(n), predict(masked))
	for _, i := range []int{2, 7} {
		if n.Populations[1].Bias[i] != 0 || twin.Populations[1].Bias[i] != 0 || maxAbs([][]float64{wide(twin.Projections[0].W)[i]}) != 0 {
			t.Errorf("unit %d is not new in every array", i)
		}
	}
	if twin.Populations[1].Bias[1] == 0 || twin.Projections[0].W.Row(1)[0] == 0 {
		t.Error("a moment of another unit is gone")
	}
	before := predict(n)
	must(t, n.GrowUnits(1, 8, &r, twin))
	must(t, n.Check())
	if n.Populations[1].Units != 16 || twin.Projections[1].W.Cols != 16 || twin.Projections[0].W.Rows != 16 {
		t.Errorf("%d units", n.Populations[1].Units)
	}
	near(t, "growth", rowVector(predict(n)), [][]float64{wide(rowVector(before))[0]}, closeness[float32]())
	if maxAbs(wide(subRows(n.Projections[0].W, 8, 8))) == 0 || maxAbs(wide(subRows(twin.Projections[0].W, 8, 8))) != 0 {
		t.Error("new units without weights, or moments that are not 0")
	}
}

func TestUnitsRefuse(t *testing.T) {
	n := layered[float64](t, source(1), relu(), 3, 4, 2)
	other := layered[float64](t, source(1), relu(), 3, 5, 2)
	r := NewRNG(1, 0)
	before := snapshot(t, n)
	keep := func(pop int, kept []int, twins ...*Network[float64]) error {
		_, err := n.KeepUnits(pop, kept, twins...)
		return err
	}
	for _, c := range []struct {
		arg string
		err error
	}{
		{"pop", keep(2, []int{0})}, {"pop", keep(-1, []int{0})}, {"kept", keep(1, nil)}, {"units", keep(1, []int{4})},
		{"units", keep(1, []int{1, 1})}, {"twins[0]", keep(1, []int{1}, other)}, {"units", n.MaskUnits(1, []int{-1})},
		{"pop", n.RebirthUnits(0, []int{0}, &r)}, {"units", n.RebirthUnits(1, []int{9}, &r)}, {"more", n.GrowUnits(1, 0, &r)},
		{"pop", n.GrowUnits(0, 1, &r)}, {"pop", n.ScaleUnits(0, []float64{1, 1, 1})}, {"lambda", n.ScaleUnits(1, []float64{1, 1, 1})},
		{"lambda", n.ScaleUnits(1, []float64{1, 0, 1, 1})}, {"lambda", n.ScaleUnits(1, []float64{1, 1e-310, 1, 1})},
	} {
		refused(t, c.arg, c.err, c.arg)
	}
	equalBits(t, "weights", before, snapshot(t, n))
	n.Populations[1].Activation.Kind = kernels.Tanh
	refused(t, "tanh", n.ScaleUnits(1, []float64{1, 1, 1, 1}), "activation")
}

func TestOutputSpread(t *testing.T) {
	for _, c := range []struct {
		m    []float64
		want float64
	}{
		{[]float64{1, 1, 1, 1}, math.Log(4)}, {[]float64{0, 3}, 0}, {[]float64{0, 0}, 0}, {nil, 0},
		{[]float64{1, 3}, -0.25*math.Log(0.25) - 0.75*math.Log(0.75)},
	} {
		h, err := OutputSpread(c.m, nil, 0)
		must(t, err)
		if math.Abs(h-c.want) > 1e-15 {
			t.Errorf("%v: entropy %v, want %v", c.m, h, c.want)
		}
	}
	// Means 1, 1, 10 and a dead unit: their average is 4, so a tail of 2 ends at 8.
	scale := make([]float64, 4)
	before, err := OutputSpread([]float64{1, 1, 10, 0}, scale, 2)
	must(t, err)
	equalBits(t, "scale", scale, []float64{1, 1, 0.8, 1})
	after, err := OutputSpread([]float64{1, 1, 8, 0}, nil, 0)
	must(t, err)
	if after <= before {
		t.Errorf("the entropy fell from %v to %v", before, after)
	}
	for _, m := range [][]float64{{1, -1}, {1, math.NaN()}, {math.Inf(1), 1}} {
		_, err := OutputSpread(m, nil, 0)
		refused(t, fmt.Sprint(m), err, "mean")
	}
	_, err = OutputSpread([]float64{1, 2}, scale[:1], 2)
	refused(t, "scale", err, "scale")
	_, err = OutputSpread([]float64{1}, scale[:1], 0.5)
	refused(t, "tail", err, "tail")

	n := layered[float64](t, source(4), relu(), 5, 6, 4, 3)
	x := randomMatrix[float64](source(5), 9, 5, 0, 1)
	y, z := kernels.NewMatrix[float64](9, 3), kernels.NewMatrix[float64](9, 3)
	must(t, n.Predict(y, x, nil))
	var old, now Activity[float64]
	must(t, n.Forward(x, &old, nil))
	want := wide(old.A[1])
	lambda := []float64{1, 0.5, 0.3, 1, 2, 0.9}
	must(t, n.ScaleUnits(1, lambda))
	must(t, n.Predict(z, x, nil))
	near(t, "function", z, wide(y), closeness[float64]())
	must(t, n.Forward(x, &now, nil))
	for b := range want {
		for i := range want[b] {
			want[b][i] *= lambda[i]
		}
	}
	near(t, "activity", now.A[1], want, closeness[float64]())
}
