package engine

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/hebbkern/hebbkern/kernels"
)

// large is a network whose inner matrix is read as it is, in T.
func large[T kernels.Float](t *testing.T) *Network[T] {
	n := layered[T](t, source(101), relu(), 9, 130, 128, 7)
	if n.Projections[1].W.Rows*n.Projections[1].W.Cols <= smallBlock {
		t.Fatal("the matrix is small")
	}
	rescale(n, 102, 1)
	return n
}

// All methods and all forms of the sums lead to one state, each with the same bits at any number of threads and however
// the run is cut.
func TestBalanceMethods(t *testing.T) {
	both(t, testBalanceMethods[float32], testBalanceMethods[float64])
}

func testBalanceMethods[T kernels.Float](t *testing.T) {
	tol, near1 := 1e-12, 1e-10
	if single[T]() {
		tol, near1 = 1e-6, 1e-4
	}
	for _, p := range []float64{1.7, 2} {
		if thin && p == 2 {
			continue
		}
		var want []T
		for _, o := range []BalanceOptions{
			{}, {MaxScratch: -1}, {Method: MethodSweeps}, {Method: MethodSweeps, Order: []int{1, 0}},
			{Method: MethodStochastic, Seed: 3},
		} {
			if thin && o.Method == MethodStochastic {
				continue // its single sums are slow where each kernel is
			}
			o.P, o.Tol = p, tol
			what := fmt.Sprintf("p = %v, %+v", p, o)
			run := func(at int) []T {
				n := large[T](t)
				g := n.Graph(false)
				o.State = make([]float64, BalanceStateLen(g.Units, len(g.Blocks), 1))
				for {
					b, err := NewGraphBalancer(g, o)
					must(t, err)
					done, err := b.Run(at)
					must(t, err)
					if !done {
						continue // a call of its own, from the state
					}
					r, err := b.Apply()
					must(t, err)
					if r.Reason != Converged || !(r.Residual <= tol) {
						t.Fatalf("%s: %v after %d, residual %v", what, r.Reason, r.Sweeps, r.Residual)
					}
					return snapshot(t, n)
				}
			}
			got := run(math.MaxInt)
			if want == nil {
				want = got
			}
			near(t, what, rowVector(got), wide(rowVector(want)), near1)
			equalBits(t, what+" cut", got, run(3))
			if o.Method == MethodNewton && o.MaxScratch == 0 {
				atThreads(t, func(int) { equalBits(t, what+" threads", got, run(math.MaxInt)) })
			}
		}
		// Elements with weights of 1 are summed in float64.
		n := large[T](t)
		g := n.Graph(false)
		for q := range g.Blocks {
			if b := &g.Blocks[q]; b.Alpha > 0 {
				b.Alphas = kernels.NewMatrix[T](b.W.Rows, b.W.Cols)
				for i := range b.Alphas.Data {
					b.Alphas.Data[i] = 1
				}
			}
		}
		_, err := g.Balance(BalanceOptions{P: p, Tol: tol})
		must(t, err)
		near(t, "with weights", rowVector(snapshot(t, n)), wide(rowVector(want)), near1)
	}
}

// Where T cannot hold the sums of a large matrix, float64 does.
func TestBalanceLeavesTheElementType(t *testing.T) {
	n, ref := large[float32](t), large[float32](t)
	_, err := Balance(ref, BalanceOptions{P: 3})
	must(t, err)
	kernels.Scale(n.Projections[0].W, []float32{1e25}, nil)
	kernels.Scale(rowVector(n.Populations[1].Bias), nil, []float32{1e25})
	kernels.Scale(n.Projections[1].W, []float32{1e-25}, nil)
	r, err := Balance(n, BalanceOptions{P: 3})
	must(t, err)
	if r.Reason != Converged || len(r.Dead) != 0 {
		t.Errorf("report %+v", r)
	}
	near(t, "underflow", rowVector(snapshot(t, n)), wide(rowVector(snapshot(t, ref))), 1e-4)
	n = large[float32](t)
	kernels.Scale(n.Projections[1].W, []float32{1e25}, nil)
	kernels.Scale(rowVector(n.Populations[2].Bias), nil, []float32{1e25})
	kernels.Scale(n.Projections[2].W, []float32{1e-25}, nil)
	_, err = Balance(n, BalanceOptions{P: 3})
	must(t, err)
	near(t, "overflow", rowVector(snapshot(t, n)), wide(rowVector(snapshot(t, ref))), 1e-4)
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(-1))} {
		n = large[float32](t)
		n.Projections[1].W.Row(77)[99] = bad
		before := snapshot(t, n)
		_, err = Balance(n, BalanceOptions{P: 2})
		var e *NonFiniteError
		if !errors.As(err, &e) || e.Layer != 1 || e.Row != 77 || e.Col != 99 {
			t.Errorf("error %v", err)
		}
		equalBits(t, "not finite", before, snapshot(t, n))
	}
}

// A hidden population that is not homogeneous is left alone and listed; the others are balanced around it.
func TestBalanceExcludes(t *testing.T) {
	n := layered[float64](t, source(103), relu(), 5, 7, 6, 8, 3)
	n.Populations[2].Activation = kernels.Activation{Kind: kernels.Tanh}
	rescale(n, 104, 0.1)
	x := randomMatrix[float64](source(105), 20, 5, 0, 1)
	before, after := kernels.NewMatrix[float64](20, 3), kernels.NewMatrix[float64](20, 3)
	must(t, n.Predict(before, x, nil))
	r, err := Balance(n, BalanceOptions{P: 1.5})
	must(t, err)
	must(t, n.Predict(after, x, nil))
	near(t, "outputs", after, wide(before), 1e-13)
	if len(r.Excluded) != 1 || r.Excluded[0] != 2 || r.Lambda[1][3] != 1 || r.Reason != Converged {
		t.Errorf("report %+v", r)
	}
	for _, k := range []int{1, 3} {
		a, b := inOut64(n, k, 1.5, false)
		for i := range a {
			if math.Abs(a[i]-b[i]) > 1e-8*(a[i]+b[i]) {
				t.Errorf("unit %d of population %d: %v and %v", i, k, a[i], b[i])
			}
		}
	}
}

// More matrices than the model is solved for exactly: groups of a convolution, a block each.
func TestBalanceManyBlocks(t *testing.T) {
	const groups, each = 90, 3
	r := source(106)
	g := &BalanceGraph[float64]{Units: 2 * groups * each}
	units := func(from int) []int {
		u := make([]int, each)
		for i := range u {
			u[i] = from + i
		}
		return u
	}
	for k := range groups {
		a, b := units(k*each), units(groups*each+k*each)
		g.Blocks = append(g.Blocks, []BalanceBlock[float64]{
			{W: randomMatrix[float64](r, each, 2, 0, math.Exp(r.NormFloat64())), Rows: a, Alpha: 1},
			{W: randomMatrix[float64](r, each, each, 0, 1), Rows: b, Cols: a, Alpha: 1},
			{W: randomMatrix[float64](r, each, each, 0, 1), Rows: b, Cols: a, Alpha: 2},
			{W: randomMatrix[float64](r, 2, each, 0, math.Exp(r.NormFloat64())), Cols: b, Alpha: 1},
		}...)
	}
	report, err := g.Balance(BalanceOptions{P: 2, Tol: 1e-12})
	must(t, err)
	if report.Reason != Converged || report.Sweeps > 60 {
		t.Fatalf("%v after %d steps, residual %v", report.Reason, report.Sweeps, report.Residual)
	}
	for k := range groups {
		for i := range each {
			in, out := 0.0, 0.0
			for _, w := range g.Blocks[4*k].W.Row(i) {
				in += w * w
			}
			for q, alpha := range []float64{1, 2} {
				for j := range each {
					w := g.Blocks[4*k+1+q].W.Row(j)[i]
					out += alpha * w * w
				}
			}
			if math.Abs(in-out) > 1e-9*(in+out) {
				t.Fatalf("unit %d of group %d: %v in, %v out", i, k, in, out)
			}
		}
	}
}

func TestBalanceGraphRefuses(t *testing.T) {
	for _, c := range []struct {
		arg    string
		change func(g *BalanceGraph[float64], o *BalanceOptions)
	}{
		{"degree", func(g *BalanceGraph[float64], o *BalanceOptions) { g.Degree = g.Degree[1:] }},
		{"degree", func(g *BalanceGraph[float64], o *BalanceOptions) { g.Degree[2] = 0 }},
		{"held", func(g *BalanceGraph[float64], o *BalanceOptions) { g.Held = g.Held[1:] }},
		{"group", func(g *BalanceGraph[float64], o *BalanceOptions) { g.Group = g.Group[1:] }},
		{"group", func(g *BalanceGraph[float64], o *BalanceOptions) { g.Group[0] = -1 }},
		{"rows of block 1", func(g *BalanceGraph[float64], o *BalanceOptions) { g.Blocks[1].Rows = g.Blocks[1].Rows[1:] }},
		{"cols of block 1", func(g *BalanceGraph[float64], o *BalanceOptions) { g.Blocks[1].Cols = []int{0, 1, 2, 3, 4, g.Units} }},
		{"alpha of block 0", func(g *BalanceGraph[float64], o *BalanceOptions) { g.Blocks[0].Alpha = -1 }},
		{"alpha of block 0", func(g *BalanceGraph[float64], o *BalanceOptions) { g.Blocks[0].Alpha = math.NaN() }},
		{"power of block 3", func(g *BalanceGraph[float64], o *BalanceOptions) { g.Blocks[3].Power = math.Inf(1) }},
		{"alphas[1]", func(g *BalanceGraph[float64], o *BalanceOptions) {
			g.Blocks[1].Alphas = kernels.NewMatrix[float64](2, 2)
		}},
		{"alphas[1]", func(g *BalanceGraph[float64], o *BalanceOptions) {
			g.Blocks[1].Alphas = kernels.NewMatrix[float64](6, 6)
			g.Blocks[1].Alphas.Data[7] = -1
		}},
		{"weights[1]", func(g *BalanceGraph[float64], o *BalanceOptions) { g.Blocks[1].W.Data = g.Blocks[0].W.Data[1:] }},
		{"weights[1]", func(g *BalanceGraph[float64], o *BalanceOptions) { g.Blocks[1].W, g.Blocks[1].Alpha = g.Blocks[0].W, 2 }},
		{"method", func(g *BalanceGraph[float64], o *BalanceOptions) { o.Method = 4 }},
		{"mixture", func(g *BalanceGraph[float64], o *BalanceOptions) { o.Mixture = []CostTerm{{0, 1}} }},
		{"p", func(g *BalanceGraph[float64], o *BalanceOptions) { o.Mixture = []CostTerm{{1, -1}} }},
		{"order", func(g *BalanceGraph[float64], o *BalanceOptions) { o.Order = []int{0, 2} }},
	} {
		n := layered[float64](t, source(107), relu(), 6, 6, 6, 6)
		before := snapshot(t, n)
		g, o := n.Graph(false), BalanceOptions{P: 2}
		c.change(g, &o)
		_, err := g.Balance(o)
		refused(t, c.arg, err, c.arg)
		equalBits(t, c.arg, before, snapshot(t, n))
	}
	var none *BalanceGraph[float64]
	_, err := none.Balance(BalanceOptions{P: 2})
	refused(t, "nil", err, "graph")
	n := layered[float64](t, source(107), relu(), 6, 6, 6, 6)
	b, err := NewGraphBalancer(n.Graph(false), BalanceOptions{P: 2})
	must(t, err)
	_, err = b.Run(-1)
	refused(t, "sweeps", err, "sweeps")
}
