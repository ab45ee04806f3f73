package engine

import (
	"fmt"
	"math"
	"testing"

	"github.com/hebbkern/hebbkern/kernels"
)

// memory is the state of a rule in float64: what the oracle keeps, by name.
type memory map[string][]float64

// stateCase is a rule with state and its definition in float64: Δw_ij from the state before the sample, and the step of
// the state, with the samples of a batch.
type stateCase[T kernels.Float] struct {
	name  string
	time  bool // rows are steps in time
	fresh func(in, out int) Rule[T]
	delta func(m memory, w [][]float64, x, y []float64, i, j int) float64
	step  func(m memory, x, y [][]float64)
}

func of[T kernels.Float](n int, v float64) []T {
	s := make([]T, n)
	fill(s, T(v))
	return s
}

// average is one step of a moving average with the mean of f over a batch.
func average(s []float64, batch [][]float64, alpha float64, f func(float64) float64) {
	for k := range s {
		mean := 0.0
		for _, v := range batch {
			mean += f(v[k]) / float64(len(batch))
		}
		s[k] = alpha*mean + (1-alpha)*s[k]
	}
}

func stateCases[T kernels.Float](lr float64) []stateCase[T] {
	const alpha, eps = 0.3, 0.01
	eta, al, ep := float64(T(lr)), float64(T(alpha)), float64(T(eps))
	value := func(v float64) float64 { return v }
	square := func(v float64) float64 { return v * v }
	steps := func(now, before float64) float64 {
		if before != before {
			return 0
		}
		return now - before
	}
	theta := func(m memory, x, y [][]float64) { average(m["theta"], y, al, square) }
	bcm1982 := func(name string, power float64) stateCase[T] {
		return stateCase[T]{name: name, fresh: func(in, out int) Rule[T] {
			return BCM[T]{LR: lr, Alpha: alpha, Decay: eps, Form: BCM1982, Power: power, C0: 0.8, Theta: of[T](out, 0.6)}
		}, delta: func(m memory, w [][]float64, x, y []float64, i, j int) float64 {
			mean := m["y_mean"][i]
			threshold := math.Pow(math.Abs(mean/0.8), power) * mean
			return eta*y[i]*(y[i]-threshold)*x[j] - ep*w[i][j]
		}, step: func(m memory, x, y [][]float64) { average(m["y_mean"], y, al, value) }}
	}
	return []stateCase[T]{
		{name: "Covariance", fresh: func(in, out int) Rule[T] {
			return Covariance[T]{LR: lr, Alpha: alpha, XMean: of[T](in, 0), YMean: of[T](out, 0)}
		}, delta: func(m memory, w [][]float64, x, y []float64, i, j int) float64 {
			return eta * (y[i] - m["y_mean"][i]) * (x[j] - m["x_mean"][j])
		}, step: func(m memory, x, y [][]float64) {
			average(m["x_mean"], x, al, value)
			average(m["y_mean"], y, al, value)
		}},
		{name: "BCM, Intrator", fresh: func(in, out int) Rule[T] {
			return BCM[T]{LR: lr, Alpha: alpha, Theta: of[T](out, 0.5)}
		}, delta: func(m memory, w [][]float64, x, y []float64, i, j int) float64 {
			return eta * y[i] * (y[i] - m["theta"][i]) * x[j]
		}, step: theta},
		{name: "BCM, Law", fresh: func(in, out int) Rule[T] {
			return BCM[T]{LR: lr, Alpha: alpha, Decay: eps, Form: BCMLaw, Theta: of[T](out, 1)}
		}, delta: func(m memory, w [][]float64, x, y []float64, i, j int) float64 {
			return eta*y[i]*(y[i]-m["theta"][i])*x[j]/m["theta"][i] - ep*w[i][j]
		}, step: theta},
		bcm1982("BCM, 1982", 1.7), bcm1982("BCM, 1982, squares", 2), // the one sample by sample, the other in the sweep
		{name: "differential, Kosko", time: true, fresh: func(in, out int) Rule[T] {
			return DifferentialHebbian[T]{LR: lr, PreDifference: true, XBefore: of[T](in, math.NaN()), YBefore: of[T](out, math.NaN())}
		}, delta: func(m memory, w [][]float64, x, y []float64, i, j int) float64 {
			return eta * steps(y[i], m["y_before"][i]) * steps(x[j], m["x_before"][j])
		}, step: func(m memory, x, y [][]float64) { copy(m["x_before"], x[0]); copy(m["y_before"], y[0]) }},
		{name: "differential, Porr", time: true, fresh: func(in, out int) Rule[T] {
			return DifferentialHebbian[T]{LR: lr, YBefore: of[T](out, math.NaN())}
		}, delta: func(m memory, w [][]float64, x, y []float64, i, j int) float64 {
			return eta * steps(y[i], m["y_before"][i]) * x[j]
		}, step: func(m memory, x, y [][]float64) { copy(m["y_before"], y[0]) }},
	}
}

// remember is the state of a rule in float64, and states that in T, one after the other.
func remember[T kernels.Float](rule Rule[T]) memory {
	m := memory{}
	for _, a := range rule.(owner[T]).AppendArrays(nil) {
		m[a.Name] = wide(rowVector(a.V))[0]
	}
	return m
}

func states[T kernels.Float](rule Rule[T]) (all []T) {
	for _, a := range rule.(owner[T]).AppendArrays(nil) {
		all = append(all, a.V...)
	}
	return all
}

// run64 is the definition of Update in plain loops. It returns y and leaves w and m as they are after the batch.
func run64[T kernels.Float](c stateCase[T], m memory, w, x, y [][]float64, compute bool, red Reduction, norm Normalization, lr float64) {
	total := zeros(len(w), len(w[0]))
	apply := func(d [][]float64, f float64) {
		if norm == MaxNorm {
			f = lr / math.Max(maxAbs(d), 1e-30)
		}
		apply64(w, d, f)
	}
	for s := range x {
		for i := range y[s] {
			if compute {
				y[s][i] = dot64(w[i], x[s])
			}
		}
		d := zeros(len(w), len(w[0]))
		for i := range d {
			for j := range d[i] {
				d[i][j] = c.delta(m, w, x[s], y[s], i, j)
			}
		}
		if red == Sequential {
			apply(d, 1)
			c.step(m, x[s:s+1], y[s:s+1])
			continue
		}
		f := 1.0
		if red == Mean {
			f /= float64(len(x))
		}
		apply64(total, d, f)
	}
	if red != Sequential {
		apply(total, 1)
		c.step(m, x, y)
	}
}

func TestStateAgainstEquations(t *testing.T) {
	both(t, testStateAgainstEquations[float32], testStateAgainstEquations[float64])
}

func testStateAgainstEquations[T kernels.Float](t *testing.T) {
	const in, out, n, lr = 9, 5, 11, 0.02
	for _, c := range stateCases[T](lr) {
		for red := Sequential; red <= Mean; red++ {
			for norm := NoNorm; norm <= MaxNorm; norm++ {
				for _, compute := range []bool{true, false} {
					if c.time && red != Sequential {
						continue
					}
					name := fmt.Sprint(c.name, ", reduction ", red, ", normalisation ", norm, ", y computed ", compute)
					r := source(7)
					w, x, y := randomMatrix[T](r, out, in, 2, 0.4), randomMatrix[T](r, n, in, 1, 1), randomMatrix[T](r, n, out, 3, 1)
					rule := c.fresh(in, out)
					want, answers, m := wide(w), wide(y), remember(rule)
					run64(c, m, want, wide(x), answers, compute, red, norm, lr)
					got, k, err := Update(rule, w, x, y, UpdateOptions[T]{Reduction: red, Normalize: norm, Compute: compute})
					must(t, err)
					if k != n {
						t.Fatalf("%s: %d samples of %d", name, k, n)
					}
					near(t, name+": w", w, want, closeness[T]())
					near(t, name+": y", got, answers, closeness[T]())
					for _, a := range rule.(owner[T]).AppendArrays(nil) {
						near(t, name+": "+a.Name, rowVector(a.V), [][]float64{m[a.Name]}, closeness[T]())
					}
				}
			}
		}
	}
}

// A sequence equals single calls and chunks bit for bit, the state included, so that a run that is stopped and taken up
// again is one that was not; and in blocks it is the same but for rounding.
func TestStateBits(t *testing.T) { both(t, testStateBits[float32], testStateBits[float64]) }

func testStateBits[T kernels.Float](t *testing.T) {
	const in, out, n = 30, 20, 70
	for _, c := range stateCases[T](0.5 / in / n) {
		r := source(3)
		start, x := randomMatrix[T](r, out, in, 0, 0.3), randomMatrix[T](r, n, in, 0, 1)
		rule, whole := c.fresh(in, out), clone(start)
		y, _, err := Update(rule, whole, x, kernels.Matrix[T]{}, UpdateOptions[T]{})
		must(t, err)
		for _, step := range []int{1, 23} {
			again, w := c.fresh(in, out), clone(start)
			for at := 0; at < n; at += step {
				to := min(at+step, n)
				part, _, err := Update(again, w, subRows(x, at, to-at), kernels.Matrix[T]{}, UpdateOptions[T]{})
				must(t, err)
				equalBits(t, c.name+": y", subRows(y, at, to-at).Data[:(to-at)*out], part.Data)
			}
			equalBits(t, c.name+": w", whole.Data, w.Data)
			equalBits(t, c.name+": state", states(rule), states(again))
		}
		for _, compute := range []bool{true, false} {
			plain, w0 := c.fresh(in, out), clone(start)
			given := randomMatrix[T](r, n, out, 0, 1)
			y0 := clone(given)
			_, _, err := Update(plain, w0, x, y0, UpdateOptions[T]{Compute: compute})
			must(t, err)
			for _, block := range []int{1, 16, 33, 64, 1000} {
				name := fmt.Sprintf("%s, blocks of %d, y computed %v", c.name, block, compute)
				blocked, w, yb := c.fresh(in, out), clone(start), clone(given)
				_, k, err := Update(blocked, w, x, yb, UpdateOptions[T]{Block: block, Compute: compute})
				must(t, err)
				if k != n {
					t.Fatalf("%s: %d samples", name, k)
				}
				tolerance := blockedTolerance[T](in, out, n)
				near(t, name+": w", w, wide(w0), tolerance)
				near(t, name+": y", yb, wide(y0), 4*tolerance)
				near(t, name+": state", rowVector(states(blocked)), wide(rowVector(states(plain))), 4*tolerance)
			}
		}
	}
}

// A sweep is cut into chunks where it keeps the X of a rule: the bits of one sample a call, and after a sample that
// diverges those of the samples before it.
func TestSweepChunks(t *testing.T) { both(t, testSweepChunks[float32], testSweepChunks[float64]) }

func testSweepChunks[T kernels.Float](t *testing.T) {
	const in, out, n, bad = longVector + 3, 3, onlineChunk + 20, onlineChunk + 9
	for _, c := range stateCases[T](0.01 / in) {
		r := source(9)
		w, x := randomMatrix[T](r, out, in, 0, 0.05), randomMatrix[T](r, n, in, 0, 1)
		w0, w1 := clone(w), clone(w)
		single, whole, broken := c.fresh(in, out), c.fresh(in, out), c.fresh(in, out)
		y := kernels.NewMatrix[T](n, out)
		var k int
		var err error
		for s := range n {
			_, _, err = Update(single, w0, subRows(x, s, 1), subRows(y, s, 1), UpdateOptions[T]{Compute: true})
			must(t, err)
			if s == bad-1 {
				cut := clone(x)
				cut.Row(bad)[1] = T(math.NaN())
				_, k, err = Update(broken, w1, cut, kernels.Matrix[T]{}, UpdateOptions[T]{})
				diverged(t, err, bad, "x")
				if k != bad {
					t.Fatalf("%s: k = %d", c.name, k)
				}
				equalBits(t, c.name+": w before the bad sample", w1.Data, w0.Data)
				equalBits(t, c.name+": state before the bad sample", states(broken), states(single))
			}
		}
		got, _, err := Update(whole, w, x, kernels.Matrix[T]{}, UpdateOptions[T]{})
		must(t, err)
		equalBits(t, c.name+": w", w.Data, w0.Data)
		equalBits(t, c.name+": y", got.Data, y.Data)
		equalBits(t, c.name+": state", states(whole), states(single))
	}
}

// The sample is named, and state and weights are those of the samples before it.
func TestStateDivergence(t *testing.T) {
	const in, out, n, bad = 8, 5, 60, 37
	for _, c := range stateCases[float64](0.01 / in) {
		for _, block := range []int{0, 16, 64} {
			r := source(8)
			w, x := randomMatrix[float64](r, out, in, 0, 0.5), randomMatrix[float64](r, n, in, 0, 1)
			good, w0 := c.fresh(in, out), clone(w)
			_, _, err := Update(good, w0, subRows(x, 0, bad), kernels.Matrix[float64]{}, UpdateOptions[float64]{})
			must(t, err)
			x.Row(bad)[3] = math.NaN()
			rule := c.fresh(in, out)
			_, k, err := Update(rule, w, x, kernels.Matrix[float64]{}, UpdateOptions[float64]{Block: block})
			diverged(t, err, bad, "x")
			if k != bad {
				t.Fatalf("%s: k = %d", c.name, k)
			}
			near(t, c.name+": w", w, wide(w0), 1e-12)
			near(t, c.name+": state", rowVector(states(rule)), wide(rowVector(states(good))), 1e-12)
		}
	}
	// y² of a y that is finite is beyond float32, while the weights stay: the rate is 0.
	rule := BCM[float32]{Alpha: 0.1, Theta: []float32{1}}
	w, x, y := kernels.NewMatrix[float32](1, 1), kernels.NewMatrix[float32](3, 1), kernels.NewMatrix[float32](3, 1)
	y.Data[1] = 1e20
	_, k, err := Update[float32](rule, w, x, y, UpdateOptions[float32]{})
	diverged(t, err, 1, "theta")
	if k != 2 {
		t.Fatalf("k = %d", k)
	}
	// The same in the sweep over a longer sequence, which is taken back then.
	w.Data[0], rule.Theta[0] = 1e20, 1
	x = kernels.MatrixOf([]float32{0, 0, 1, 0, 0, 0}, 6, 1)
	_, k, err = Update[float32](rule, w, x, kernels.Matrix[float32]{}, UpdateOptions[float32]{})
	diverged(t, err, 2, "theta")
	if k != 3 || w.Data[0] != 1e20 {
		t.Fatalf("k = %d, w = %v", k, w.Data)
	}
}

func TestStateRefuses(t *testing.T) {
	type o = UpdateOptions[float64]
	base := of[float64](100, 1)
	w, x, y := kernels.MatrixOf(base[:6], 2, 3), kernels.MatrixOf(base[10:22], 4, 3), kernels.MatrixOf(base[30:38], 4, 2)
	nan, inf := math.NaN(), math.Inf(1)
	a3, a2 := base[50:53], base[60:62]
	for _, c := range []struct {
		name, arg string
		rule      Rule[float64]
		o         o
	}{
		{"theta's length", "theta", PreGated[float64]{Theta: a3}, o{}},
		{"no theta", "theta", PostGated[float64]{}, o{}},
		{"theta not finite", "theta", PostGated[float64]{Theta: []float64{nan}}, o{}},
		{"theta in w", "theta", PostGated[float64]{Theta: base[:3]}, o{}},
		{"one average for all", "x_mean", Covariance[float64]{XMean: a3[:1], YMean: a2}, o{}},
		{"average's length", "y_mean", Covariance[float64]{XMean: a3, YMean: a3}, o{}},
		{"average not finite", "y_mean", Covariance[float64]{XMean: a3, YMean: []float64{0, nan}}, o{}},
		{"average in x", "x_mean", Covariance[float64]{XMean: base[12:15], YMean: a2}, o{}},
		{"average in y", "y_mean", Covariance[float64]{XMean: a3, YMean: base[31:33]}, o{}},
		{"averages in each other", "y_mean", Covariance[float64]{XMean: a3, YMean: base[51:53]}, o{}},
		{"alpha", "alpha", Covariance[float64]{Alpha: 1.01, XMean: a3, YMean: a2}, o{}},
		{"BCM's alpha", "alpha", BCM[float64]{Alpha: nan, Theta: a2}, o{}},
		{"BCM's form", "form", BCM[float64]{Form: 3, Theta: a2}, o{}},
		{"BCM's power", "power", BCM[float64]{Form: BCM1982, C0: 1, Theta: a2}, o{}},
		{"BCM's c0", "c0", BCM[float64]{Form: BCM1982, Power: 1, C0: -1, Theta: a2}, o{}},
		{"BCM's decay", "decay", BCM[float64]{Decay: -1, Theta: a2}, o{}},
		{"Law's threshold", "theta", BCM[float64]{Form: BCMLaw, Theta: []float64{1, 0}}, o{}},
		{"infinite past", "x_before", DifferentialHebbian[float64]{PreDifference: true, XBefore: []float64{nan, 1, inf}, YBefore: a2}, o{}},
		{"sum of steps", "reduction", DifferentialHebbian[float64]{YBefore: a2}, o{Reduction: Sum}},
		{"mean of steps", "reduction", DifferentialHebbian[float64]{YBefore: a2}, o{Reduction: Mean}},
		{"a", "a", ABCD[float64]{A: nan}, o{}},
		{"d", "d", ABCD[float64]{D: inf}, o{}},
		{"scale", "scale", Voja[float64]{Scale: a3}, o{}},
		{"no error for PES", "y", PES[float64]{LR: 1}, o{Compute: true}},
		{"not square", "w", AntiHebbian[float64]{ZeroDiagonal: true}, o{}},
		{"q", "q", KrotovHopfield[float64]{Q: 1, K: 2}, o{Compute: true}},
		{"k", "k", KrotovHopfield[float64]{Q: 2, K: 1}, o{Compute: true}},
		{"k of rows", "k", KrotovHopfield[float64]{Q: 2, K: 3}, o{Compute: true}},
		{"delta", "delta", KrotovHopfield[float64]{Q: 2, K: 2, Delta: -1}, o{Compute: true}},
		{"y given", "y", KrotovHopfield[float64]{Q: 2, K: 2}, o{}},
	} {
		before := append([]float64(nil), base...)
		_, k, err := Update(c.rule, w, x, y, c.o)
		refused(t, c.name, err, c.arg)
		if k != 0 {
			t.Errorf("%s: k = %d", c.name, k)
		}
		equalBits(t, c.name, before, base)
	}
}

// Thresholds and scales by unit.
func TestParametersByUnit(t *testing.T) {
	const in, out = 600, 520 // beyond the length from where on vectors go through kernels
	r := source(5)
	start, x, y := randomMatrix[float64](r, out, in, 0, 1), randomMatrix[float64](r, 1, in, 0, 1), randomMatrix[float64](r, 1, out, 0, 1)
	pre, post := randomVector[float64](r, in, 1), randomVector[float64](r, out, 1)
	for _, c := range []struct {
		rule  Rule[float64]
		delta func(i, j int) float64
	}{
		{PreGated[float64]{LR: 0.5, Theta: post}, func(i, j int) float64 { return 0.5 * (y.Data[i] - post[i]) * x.Data[j] }},
		{PostGated[float64]{LR: 0.5, Theta: pre}, func(i, j int) float64 { return 0.5 * y.Data[i] * (x.Data[j] - pre[j]) }},
		{Voja[float64]{LR: 0.5, Scale: post}, func(i, j int) float64 { return 0.5 * y.Data[i] * (post[i]*x.Data[j] - start.Row(i)[j]) }},
	} {
		w, want := clone(start), wide(start)
		_, _, err := Update(c.rule, w, x, y, UpdateOptions[float64]{})
		must(t, err)
		for i := range want {
			for j := range want[i] {
				want[i][j] += c.delta(i, j)
			}
		}
		near(t, c.rule.Name(), w, want, 1e-14)
	}
}
