package engine

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/hebbkern/hebbkern/kernels"
)

var allPenalties = []PenaltyMode{ConstantPenalty, MeanPenalty, ZeroSumPenalty, RatioPenalty, BatchPenalty}

// balanced64 is the balanced ReLU from its definition, in plain float64 loops.
func balanced64(x [][]float64, p Penalty) [][]float64 {
	count := func(v []float64) (sum, active float64) {
		for _, e := range v {
			if e > 0 {
				sum, active = sum+e, active+1
			}
		}
		return sum, active
	}
	var batchSum, batchActive float64
	for _, row := range x {
		sum, active := count(row)
		batchSum, batchActive = batchSum+sum, batchActive+active
	}
	var y [][]float64
	for _, row := range x {
		n := float64(len(row))
		sum, active := count(row)
		mu, silent := sum/n, n-active
		penalty := 0.0
		switch {
		case p.Mode == ConstantPenalty:
			penalty = 1
		case p.Mode == BatchPenalty && batchActive > 0:
			penalty = batchSum / (n * float64(len(x))) * float64(len(x)) / batchActive
		case active == 0:
		case p.Mode == MeanPenalty:
			penalty = mu
		case p.Mode == ZeroSumPenalty:
			penalty = mu * n / silent
		case p.Mode == RatioPenalty:
			penalty = mu * silent / active
		}
		out := slices.Clone(row)
		for i, v := range row {
			if !(v > 0) {
				out[i] = -p.Strength * penalty
			}
		}
		y = append(y, out)
	}
	return y
}

// edges are batches with a row that has no silent unit, one that has no active one, zeros of both signs, and one in
// which nothing is active at all.
func edges[T kernels.Float]() []kernels.Matrix[T] {
	random := randomMatrix[T](source(5), 6, 9, 2, 1)
	for i := range 9 {
		random.Row(1)[i] = T(i + 1)
		random.Row(2)[i] = -T(i)
	}
	random.Row(3)[4] = T(math.Copysign(0, -1))
	return []kernels.Matrix[T]{random, subRows(random, 2, 1), randomMatrix[T](source(6), 1, 5, 0, 1)}
}

func TestBalancedReLU(t *testing.T) { both(t, testBalancedReLU[float32], testBalancedReLU[float64]) }

func testBalancedReLU[T kernels.Float](t *testing.T) {
	for _, mode := range allPenalties {
		for _, strength := range []float64{0, 1, 2.5} {
			for k, x := range edges[T]() {
				name := fmt.Sprint(mode, strength, k)
				p := Penalty{mode, strength}
				y := kernels.NewMatrix[T](x.Rows, x.Cols)
				must(t, BalancedReLU(y, x, p, nil))
				want := balanced64(wide(x), p)
				near(t, name, y, want, closeness[T]())
				for b := range y.Rows {
					silent := slices.ContainsFunc(x.Row(b), func(v T) bool { return !(v > 0) })
					sum, size := 0.0, 0.0
					for i, v := range y.Row(b) {
						sum, size = sum+float64(v), size+math.Abs(float64(v))
						if v == 0 && math.Signbit(float64(v)) {
							t.Errorf("%s: -0 at %d, %d", name, b, i)
						}
					}
					if mode == ZeroSumPenalty && strength == 1 && silent && math.Abs(sum) > closeness[T]()*size {
						t.Errorf("%s: row %d sums to %v", name, b, sum)
					}
				}
				must(t, BalancedReLU(x, x, p, new(Scratch[T])))
				for b := range y.Rows {
					equalBits(t, name+" in place", x.Row(b), y.Row(b))
				}
			}
		}
	}
}

func TestStamina(t *testing.T) { both(t, testStamina[float32], testStamina[float64]) }

// The bookkeeping of every mode as sum and as moving average, with a prior and without.
func testStamina[T kernels.Float](t *testing.T) {
	const units = 9
	prior := make([]T, units)
	for i := range prior {
		prior[i] = T(i+1) / (units + 1)
	}
	for _, mode := range allPenalties {
		for _, alpha := range []float64{0, 0.25} {
			for _, f := range [][]T{nil, prior} {
				st := Stamina[T]{Value: make([]T, units), Alpha: alpha, Penalty: Penalty{mode, 0.75}, Prior: f}
				want := make([]float64, units)
				r := source(3)
				for step := range 6 {
					x := randomMatrix[T](r, step, units, step%2, 1)
					sum := make([]float64, units)
					for _, row := range balanced64(wide(x), st.Penalty) {
						for i, v := range row {
							if v < 0 && f != nil {
								v *= float64(f[i]) / (1 - float64(f[i]))
							}
							sum[i] += v
						}
					}
					for i := range want {
						if step > 0 && alpha > 0 {
							want[i] = alpha*sum[i] + (1-alpha)*want[i]
						} else {
							want[i] += sum[i]
						}
					}
					resumed := st
					resumed.Value = slices.Clone(st.Value)
					must(t, st.Update(x, nil))
					must(t, resumed.Update(x, new(Scratch[T])))
					equalBits(t, "resumed", st.Value, resumed.Value)
					near(t, fmt.Sprint(mode, alpha, f != nil, step), rowVector(st.Value), [][]float64{want}, 4*closeness[T]())
				}
				if st.Updates != 5 {
					t.Errorf("%d updates, want 5: an empty batch is none", st.Updates)
				}
			}
		}
	}
}

func TestStaminaRefuses(t *testing.T) {
	value := []float64{1, 2, 3}
	x := randomMatrix[float64](source(1), 2, 3, 0, 1)
	for _, c := range []struct {
		arg   string
		spoil func(st *Stamina[float64], x *kernels.Matrix[float64])
	}{
		{"mode", func(st *Stamina[float64], _ *kernels.Matrix[float64]) { st.Penalty.Mode = 5 }},
		{"strength", func(st *Stamina[float64], _ *kernels.Matrix[float64]) { st.Penalty.Strength = -1 }},
		{"strength", func(st *Stamina[float64], _ *kernels.Matrix[float64]) { st.Penalty.Strength = math.Inf(1) }},
		{"alpha", func(st *Stamina[float64], _ *kernels.Matrix[float64]) { st.Alpha = 1.5 }},
		{"updates", func(st *Stamina[float64], _ *kernels.Matrix[float64]) { st.Updates = -1 }},
		{"prior", func(st *Stamina[float64], _ *kernels.Matrix[float64]) { st.Prior = []float64{0.5} }},
		{"prior", func(st *Stamina[float64], _ *kernels.Matrix[float64]) { st.Prior = []float64{0.5, 0.5, 1} }},
		{"prior", func(st *Stamina[float64], _ *kernels.Matrix[float64]) { st.Prior = st.Value }},
		{"x", func(_ *Stamina[float64], x *kernels.Matrix[float64]) { x.Cols = 2 }},
		{"value", func(_ *Stamina[float64], x *kernels.Matrix[float64]) { *x = rowVector(value) }},
	} {
		st, m := Stamina[float64]{Value: value, Penalty: Penalty{MeanPenalty, 1}}, x
		c.spoil(&st, &m)
		refused(t, c.arg, st.Update(m, nil), c.arg)
		if st.Updates > 0 {
			t.Errorf("%s: an update was counted", c.arg)
		}
	}
	for _, bad := range []float64{math.NaN(), math.Inf(1)} {
		st := Stamina[float64]{Value: value, Penalty: Penalty{MeanPenalty, 1}}
		var e *DivergenceError
		if err := st.Update(kernels.MatrixOf([]float64{1, bad, -1}, 1, 3), nil); !errors.As(err, &e) || st.Updates != 0 {
			t.Errorf("%v: error %v, want a divergence", bad, err)
		}
	}
	equalBits(t, "value", value, []float64{1, 2, 3})
	y := kernels.NewMatrix[float64](2, 3)
	refused(t, "y", BalancedReLU(y, subRows(x, 0, 1), Penalty{}, nil), "y")
	refused(t, "y", BalancedReLU(subRows(x, 0, 1), kernels.MatrixOf(x.Data[1:4], 1, 3), Penalty{}, nil), "y")
	refused(t, "mode", BalancedReLU(y, x, Penalty{Mode: -1}, nil), "mode")
}

func TestDeaths(t *testing.T) {
	value := []float64{3, 0, -1, 5, 0, 2, -1, 1}
	all := func(v bool) []bool { return slices.Repeat([]bool{v}, len(value)) }
	half := all(true)
	half[0], half[2], half[3] = false, false, false
	for _, c := range []struct {
		name  string
		m     Mortality
		alive []bool
		want  []int
	}{
		{"threshold", Mortality{}, nil, []int{1, 2, 4, 6}},
		{"a higher one", Mortality{Threshold: 2}, nil, []int{1, 2, 4, 5, 6, 7}},
		{"the living", Mortality{}, half, []int{1, 4, 6}},
		{"minimum", Mortality{Threshold: 9, Minimum: 3}, nil, []int{1, 2, 4, 6, 7}},
		{"minimum, the lowest index of equals wins", Mortality{Minimum: 5}, nil, []int{2, 4, 6}},
		{"minimum above all", Mortality{Threshold: 9, Minimum: 99}, nil, nil},
		{"share", Mortality{ByShare: true, Share: 0.25}, nil, []int{2, 6}},
		{"share of equals", Mortality{ByShare: true, Share: 0.15}, nil, []int{6}},
		{"share of the living", Mortality{ByShare: true, Share: 0.6}, half, []int{1, 4, 6}},
		{"share and minimum", Mortality{ByShare: true, Share: 0.9, Minimum: 7}, nil, []int{6}},
		{"warmup", Mortality{Warmup: 11}, nil, nil},
		{"after warmup", Mortality{Warmup: 10, Threshold: -1}, nil, []int{2, 6}},
		{"none lives", Mortality{}, all(false), nil},
	} {
		st := Stamina[float64]{Value: value, Updates: 10, Penalty: Penalty{MeanPenalty, 7}}
		dead, err := st.Deaths(c.m, c.alive)
		must(t, err)
		if !slices.Equal(dead, c.want) {
			t.Errorf("%s: %v die, want %v", c.name, dead, c.want)
		}
	}
	st := Stamina[float64]{Value: value, Updates: 10, Penalty: Penalty{MeanPenalty, 7}}
	var e *ExtinctionError
	if _, err := st.Deaths(Mortality{Threshold: 5}, nil); !errors.As(err, &e) || e.Units != 8 || e.Penalty.Strength != 7 {
		t.Errorf("error %v, want an extinction of 8 units", err)
	}
	for arg, m := range map[string]Mortality{"threshold": {Threshold: math.NaN()}, "share": {Share: 1}, "minimum": {Minimum: -1}, "warmup": {Warmup: -1}} {
		_, err := st.Deaths(m, nil)
		refused(t, arg, err, arg)
	}
	_, err := st.Deaths(Mortality{}, half[:3])
	refused(t, "alive", err, "alive")
	st.Value = []float64{1, math.NaN()}
	_, err = st.Deaths(Mortality{}, nil)
	refused(t, "value", err, "value")
}

func TestAnnealing(t *testing.T) {
	// A valley in log κ whose bottom is at 3, with a barrier at the start.
	objective := func(k float64) float64 {
		d := math.Log(k / 3)
		return d*d + 0.3*math.Cos(6*d)
	}
	a, err := NewAnnealing(0.05, 2, 0.97, 0.8, 0.01, 100, 5)
	must(t, err)
	b := *a
	if a.Proposed != 0.05 {
		t.Errorf("first proposal %v", a.Proposed)
	}
	uphill, low, high := 0, math.Inf(1), 0.0
	for range 200 {
		low, high = min(low, a.Proposed), max(high, a.Proposed)
		before := a.Objective
		accepted, err := a.Report(objective(a.Proposed))
		must(t, err)
		if accepted && a.Objective > before {
			uphill++
		}
		if low < 0.01 || high > 100 {
			t.Fatalf("a proposal beyond the bounds: %v, %v", low, high)
		}
	}
	best := math.Inf(1)
	for k := 0.01; k < 100; k *= 1.001 {
		best = min(best, objective(k))
	}
	if a.BestObjective > best+0.05 || objective(a.Best) != a.BestObjective {
		t.Errorf("best %v at κ = %v, want %v", a.BestObjective, a.Best, best)
	}
	if uphill == 0 {
		t.Error("no step uphill was accepted")
	}
	if want := 2 * math.Pow(0.97, 200); math.Abs(a.Temperature-want) > 1e-12 {
		t.Errorf("temperature %v, want %v", a.Temperature, want)
	}
	// A copy goes the same way; without temperature nothing goes uphill.
	b.Temperature = 0
	for range 50 {
		c := b
		before := b.Objective
		_, err := b.Report(objective(b.Proposed))
		must(t, err)
		_, err = c.Report(objective(c.Proposed))
		must(t, err)
		if c != b || b.Objective > before {
			t.Fatal("another way, or uphill")
		}
	}
	for arg, spoil := range map[string]func(a *Annealing){
		"low": func(a *Annealing) { a.Low = 0 }, "high": func(a *Annealing) { a.High = 0.001 },
		"strength": func(a *Annealing) { a.Strength = 1e9 }, "temperature": func(a *Annealing) { a.Temperature = -1 },
		"cooling": func(a *Annealing) { a.Cooling = 1.1 }, "step": func(a *Annealing) { a.Step = math.NaN() },
	} {
		c := *a
		spoil(&c)
		before := c.RNG
		_, err := c.Report(1)
		refused(t, arg, err, arg)
		if c.RNG != before {
			t.Error("a refusal drew a number")
		}
	}
	_, err = a.Report(math.NaN())
	refused(t, "objective", err, "objective")
}
