package engine

import (
	"errors"
	"math"
	"testing"

	"github.com/hebbkern/hebbkern/kernels"
)

// vectorised is a function of many weights.
func vectorised(f func(float64) float64) func(dst, w []float64) error {
	return func(dst, w []float64) error {
		for k, v := range w {
			dst[k] = f(v)
		}
		return nil
	}
}

// A cost of powers is the mixture, whatever the network, and the calls that it is cut into.
func TestBalanceAdditive(t *testing.T) {
	both(t, testBalanceAdditive[float32], testBalanceAdditive[float64])
}

func testBalanceAdditive[T kernels.Float](t *testing.T) {
	tol, bound := 1e-12, 1e-10
	if single[T]() {
		tol, bound = 1e-6, 3e-6
	}
	powers := &AdditiveCost{vectorised(func(w float64) float64 { return 0.5 + 6*w*w }), vectorised(func(w float64) float64 { return 0.5*w + 2*w*w*w })}
	mixture := []CostTerm{{0.5, 1}, {2, 3}}
	made := []func() *BalanceGraph[T]{
		func() *BalanceGraph[T] { return skipping[T](t, source(108), relu()).Graph(true) },
		func() *BalanceGraph[T] { // units that interact, self-weights, weights of the elements, a degree, shared weights
			g := &BalanceGraph[T]{Units: 6, Degree: []float64{1, 1, 1, 1, 1, 2}}
			j, w, v := randomMatrix[T](source(110), 4, 4, 0, 1), randomMatrix[T](source(111), 6, 3, 0, 2), randomMatrix[T](source(112), 3, 6, 0, 1)
			alphas := kernels.NewMatrix[T](6, 3)
			for k := range alphas.Data {
				alphas.Data[k] = T(k % 4)
			}
			all := []int{0, 1, 2, 3, 4, 5}
			g.Blocks = []BalanceBlock[T]{{W: j, Rows: all[:4], Cols: all[:4], Alpha: 1}, {W: w, Rows: all, Alpha: 0.5, Alphas: alphas},
				{W: v, Cols: []int{0, 1, 2, 4, 4, 5}, Alpha: 1}, {W: rowVector([]T{3, 1, 2, 1, 4, 1}), Cols: all, Transposed: true}}
			return g
		},
	}
	weights := func(g *BalanceGraph[T]) (v []T) {
		for _, b := range g.Blocks {
			for i := range b.W.Rows {
				v = append(v, b.W.Row(i)...)
			}
		}
		return v
	}
	for k, make := range made {
		a, b, cut := make(), make(), make()
		ra, err := a.Balance(BalanceOptions{Cost: powers, Method: MethodSweeps, Tol: tol})
		must(t, err)
		rb, err := b.Balance(BalanceOptions{Mixture: mixture, Tol: tol})
		must(t, err)
		near(t, "weights", rowVector(weights(a)), wide(rowVector(weights(b))), bound)
		same := func(x, y float64) bool { return math.Abs(x-y) <= bound*math.Abs(y) }
		if ra.Reason != Converged || !same(ra.CostAfter, rb.CostAfter) || !same(ra.CostBefore, rb.CostBefore) || !same(ra.DeficitBefore, rb.DeficitBefore) {
			t.Errorf("network %d: reports %+v\n%+v", k, ra, rb)
		}
		o := BalanceOptions{Cost: &AdditiveCost{Derivative: powers.Derivative}, Method: MethodSweeps, Tol: tol,
			State: make64(BalanceStateLen(cut.Units, len(cut.Blocks), 1))}
		for done := false; !done; {
			run, err := NewGraphBalancer(cut, o)
			must(t, err)
			done, err = run.Run(1)
			must(t, err)
			if done {
				r, err := run.Apply()
				must(t, err)
				if !math.IsNaN(r.CostAfter) || r.Sweeps != ra.Sweeps {
					t.Errorf("cut: %+v", r)
				}
			}
		}
		equalBits(t, "cut", weights(a), weights(cut))
	}
}

func make64(n int) []float64 { return make([]float64, n) }

// The balance of a cost that is no sum of powers, g = w + log(1 + w²), and its gradient: A − cB is dR/dℓ.
func TestBalanceAdditiveOdd(t *testing.T) {
	slope := func(w float64) float64 { return 1 + 2*w/(1+w*w) }
	odd := &AdditiveCost{vectorised(slope), vectorised(func(w float64) float64 { return w + math.Log1p(w*w) })}
	n := skipping[float64](t, source(109), relu())
	before := abs64(wide(n.Projections[0].W))
	deficits, total, err := Deficit(n, BalanceOptions{Cost: odd}, nil)
	must(t, err)
	r, err := Balance(n, BalanceOptions{Cost: odd, Method: MethodSweeps, Tol: 1e-11})
	must(t, err)
	if r.Reason != Converged || !(r.CostAfter < r.CostBefore) || !(r.DeficitAfter < 1e-15*r.DeficitBefore) ||
		math.Abs(total-r.DeficitBefore) > 1e-12*total || len(deficits) != n.HiddenUnits() {
		t.Errorf("report %+v, deficit %v", r, total)
	}
	cost := func(w float64) float64 { w = math.Abs(w); return w * slope(w) }
	for u := range 7 { // population 2
		in, out := 0.0, 0.0
		for j, w := range n.Projections[0].W.Row(u) {
			in += cost(w)
			if math.Abs(math.Abs(w)-before[u][j]*r.Lambda[0][u]) > 1e-12*math.Abs(w) {
				t.Fatalf("weight %d of unit %d is %v", j, u, w)
			}
		}
		for _, q := range []int{2, 4} {
			for i := range n.Projections[q].W.Rows {
				out += cost(n.Projections[q].W.Row(i)[u])
			}
		}
		if math.Abs(in-out) > 1e-10*(in+out) {
			t.Errorf("unit %d: %v in, %v out", u, in, out)
		}
	}
}

func TestBalanceAdditiveRefuses(t *testing.T) {
	n := skipping[float64](t, source(109), relu())
	kept := snapshot(t, n)
	late := errors.New("late")
	calls := 0
	for name, c := range map[string]struct {
		cost AdditiveCost
		arg  string
	}{
		"flat":     {AdditiveCost{Derivative: vectorised(func(w float64) float64 { return 1 / w })}, "cost"},
		"falling":  {AdditiveCost{Derivative: vectorised(func(w float64) float64 { return 1 / math.Pow(math.Cosh(3*w), 2) })}, "cost"},
		"negative": {AdditiveCost{Derivative: vectorised(func(w float64) float64 { return -w })}, "cost"},
		"NaN":      {AdditiveCost{Derivative: vectorised(func(w float64) float64 { return math.NaN() })}, "cost"},
		"infinite": {AdditiveCost{Derivative: vectorised(func(w float64) float64 { return math.Inf(1) })}, "cost"},
		"bounded":  {AdditiveCost{Derivative: vectorised(func(w float64) float64 { return 1 / (1 + w) })}, ""},
		"none":     {AdditiveCost{}, "cost"},
		"failing": {AdditiveCost{Derivative: func(dst, w []float64) error {
			if calls++; calls == 6 {
				return late
			}
			return vectorised(func(w float64) float64 { return w })(dst, w)
		}}, ""},
	} {
		_, err := Balance(n, BalanceOptions{Cost: &c.cost, Method: MethodSweeps})
		switch {
		case c.arg != "":
			refused(t, name, err, c.arg)
		case name == "failing" && !errors.Is(err, late), err == nil && name == "failing":
			t.Errorf("%s: %v", name, err)
		}
		if name != "bounded" || err != nil {
			equalBits(t, name, kept, snapshot(t, n))
		} else {
			n = skipping[float64](t, source(109), relu())
		}
	}
	good := &AdditiveCost{Derivative: vectorised(func(w float64) float64 { return w })}
	_, err := Balance(n, BalanceOptions{Cost: good})
	refused(t, "newton", err, "method")
	_, err = Balance(n, BalanceOptions{Cost: good, P: 2, Method: MethodSweeps})
	refused(t, "p too", err, "cost")
	n.Projections[1].W.Data[3] = math.Inf(1)
	var e *NonFiniteError
	if _, err = Balance(n, BalanceOptions{Cost: good, Method: MethodSweeps}); !errors.As(err, &e) || e.Layer != 1 {
		t.Errorf("not finite: %v", err)
	}
}
