package engine

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/hebbkern/hebbkern/kernels"
)

var exponents = []float64{0.5, 1, 1.5, 2, 2.7, 3}

// inOut64 is A and B of the units of a hidden population in plain loops.
func inOut64[T kernels.Float](n *Network[T], k int, p float64, bias bool) (a, b []float64) {
	units := n.Populations[k].Units
	a, b = make([]float64, units), make([]float64, units)
	for i := range units {
		if bias && n.Populations[k].Bias != nil {
			a[i] += math.Pow(math.Abs(float64(n.Populations[k].Bias[i])), p)
		}
		for _, e := range n.Projections {
			for r := range e.W.Rows {
				for c, w := range e.W.Row(r) {
					v := math.Pow(math.Abs(float64(w)), p)
					if e.To == k && r == i {
						a[i] += v
					}
					if e.From == k && c == i {
						b[i] += v
					}
				}
			}
		}
	}
	return a, b
}

func cost64[T kernels.Float](n *Network[T], p float64, bias bool) (cost float64) {
	for _, e := range n.Projections {
		for i := range e.W.Rows {
			for _, w := range e.W.Row(i) {
				cost += math.Pow(math.Abs(float64(w)), p)
			}
		}
	}
	for k := range n.Populations {
		for _, b := range n.Populations[k].Bias {
			if bias {
				cost += math.Pow(math.Abs(float64(b)), p)
			}
		}
	}
	return cost
}

func residual64[T kernels.Float](n *Network[T], p float64, bias bool) (worst float64) {
	for k := range n.Populations {
		if n.Populations[k].hidden() {
			a, b := inOut64(n, k, p, bias)
			for i := range a {
				if a[i] != 0 && b[i] != 0 {
					worst = math.Max(worst, math.Abs(a[i]-b[i])/(a[i]+b[i]))
				}
			}
		}
	}
	return worst
}

// rescale moves a network along its orbit: the function stays, the balance does not.
func rescale[T kernels.Float](n *Network[T], seed uint64, spread float64) {
	r := source(seed)
	for k := range n.Populations {
		if !n.Populations[k].hidden() {
			continue
		}
		for i := range n.Populations[k].Units {
			l := math.Exp(spread * r.NormFloat64())
			if n.Populations[k].Bias != nil {
				n.Populations[k].Bias[i] = T(float64(n.Populations[k].Bias[i]) * l)
			}
			for _, e := range n.Projections {
				if e.To == k {
					for j := range e.W.Row(i) {
						e.W.Row(i)[j] = T(float64(e.W.Row(i)[j]) * l)
					}
				}
				if e.From == k {
					for o := range e.W.Rows {
						e.W.Row(o)[i] = T(float64(e.W.Row(o)[i]) / l)
					}
				}
			}
		}
	}
}

func matmul64(a, b [][]float64) [][]float64 {
	out := zeros(len(a), len(b[0]))
	for i := range a {
		for k := range b {
			for j := range b[k] {
				out[i][j] += a[i][k] * b[k][j]
			}
		}
	}
	return out
}

func abs64(a [][]float64) [][]float64 {
	for i := range a {
		for j := range a[i] {
			a[i][j] = math.Abs(a[i][j])
		}
	}
	return a
}

// writeError is the relative error of a power sum after the write, by the rounding of each scaled weight: three
// roundings (two products and the factors) raised to p.
func writeError[T kernels.Float](p float64) float64 {
	if single[T]() {
		return 4 * p * 0x1p-24
	}
	return 4 * p * 0x1p-53
}

// Balancing for every p, activation and network: the function, the invariants, the balance, the cost, the report.
func TestBalance(t *testing.T) { both(t, testBalance[float32], testBalance[float64]) }

func testBalance[T kernels.Float](t *testing.T) {
	for _, p := range exponents {
		for _, bias := range []bool{false, true} {
			for _, act := range []kernels.Activation{relu(), {Kind: kernels.LeakyReLU, Slope: 0.3}, {Kind: kernels.Identity}, {Kind: kernels.BiLU, Slope: -0.5, Shape: 1.5}} {
				for name, n := range map[string]*Network[T]{
					"layered":  layered[T](t, source(41), act, 6, 12, 9, 7, 3),
					"skipping": skipping[T](t, source(42), act),
				} {
					t.Run(fmt.Sprint(name, p, bias, act), func(t *testing.T) { checkBalance(t, n, p, bias) })
				}
			}
		}
	}
}

func checkBalance[T kernels.Float](t *testing.T, n *Network[T], p float64, bias bool) {
	rescale(n, 43, 1)
	x := randomMatrix[T](source(44), 25, n.InputUnits(), 0, 1)
	before, after := kernels.NewMatrix[T](25, n.OutputUnits()), kernels.NewMatrix[T](25, n.OutputUnits())
	must(t, n.Predict(before, x, nil))
	invariants := func() (out [][][]float64) {
		product := abs64(wide(n.Projections[0].W))
		for _, e := range n.Projections[1:] {
			if e.From != e.To-1 || len(product) != e.W.Cols {
				return nil
			}
			product = matmul64(abs64(wide(e.W)), product)
		}
		out = append(out, product)
		for l := 1; l < len(n.Populations)-1; l++ {
			b := make([][]float64, n.Populations[l].Units)
			for i, v := range n.Populations[l].Bias {
				b[i] = []float64{float64(v)}
			}
			for _, e := range n.Projections[l:] {
				b = matmul64(wide(e.W), b)
			}
			out = append(out, b)
		}
		return out
	}
	inv := invariants()
	start := clone64(n)
	costBefore := cost64(n, p, bias)
	r, err := Balance(n, BalanceOptions{P: p, IncludeBias: bias})
	must(t, err)
	if r.Reason != Converged || len(r.Dead) != 0 || r.Sweeps < 1 {
		t.Fatalf("report %+v", r)
	}
	must(t, n.Predict(after, x, nil))
	near(t, "outputs", after, wide(before), closeness[T]())
	for i, want := range inv {
		got := invariants()[i]
		for a := range want {
			for b := range want[a] {
				if d := math.Abs(got[a][b] - want[a][b]); d > closeness[T]()*(math.Abs(want[a][b])+1e-3) {
					t.Fatalf("invariant %d[%d, %d] is %v, was %v", i, a, b, got[a][b], want[a][b])
				}
			}
		}
	}
	tol := 1e-9
	if single[T]() {
		tol = 1e-6
	}
	if !(r.Residual <= tol) {
		t.Errorf("residual %v", r.Residual)
	}
	if got := residual64(n, p, bias); got > tol+writeError[T](p) {
		t.Errorf("residual of the written weights %v", got)
	}
	costAfter := cost64(n, p, bias)
	if math.Abs(r.CostBefore-costBefore) > 1e-12*costBefore || math.Abs(r.CostAfter-costAfter) > (1e-12+writeError[T](p))*costAfter || costAfter >= costBefore {
		t.Errorf("cost %v → %v, report %v → %v", costBefore, costAfter, r.CostBefore, r.CostAfter)
	}
	if !(r.DeficitAfter < 1e-10*r.DeficitBefore) {
		t.Errorf("deficit %v → %v", r.DeficitBefore, r.DeficitAfter)
	}
	// The weights are the start scaled by the reported λ.
	h := map[int][]float64{}
	for k := range n.Populations {
		if n.Populations[k].hidden() {
			h[k] = r.Lambda[len(h)]
		}
	}
	lambda := func(k, i int) float64 {
		if l := h[k]; l != nil {
			return l[i]
		}
		return 1
	}
	for q, e := range n.Projections {
		for i := range e.W.Rows {
			for j, w := range e.W.Row(i) {
				want := start[q][i][j] * lambda(e.To, i) / lambda(e.From, j)
				if math.Abs(float64(w)-want) > 4*writeError[T](1)*math.Abs(want) {
					t.Fatalf("weights[%d][%d, %d] = %v, want %v", q, i, j, w, want)
				}
			}
		}
	}
	// A balanced network changes by no bit.
	bits := snapshot(t, n)
	r, err = Balance(n, BalanceOptions{P: p, IncludeBias: bias, Tol: 2*tol + writeError[T](p)})
	must(t, err)
	if r.Sweeps != 0 || r.Reason != Converged {
		t.Errorf("balancing again took %d sweeps", r.Sweeps)
	}
	equalBits(t, "balanced again", bits, snapshot(t, n))
}

func clone64[T kernels.Float](n *Network[T]) (out [][][]float64) {
	for _, e := range n.Projections {
		out = append(out, wide(e.W))
	}
	return out
}

// The same W* from any order and any start on the orbit; from blocks as from kept |W|^p, by any cut of the sweeps
// and at any number of threads the same bits.
func TestBalanceUnique(t *testing.T) {
	for _, p := range exponents {
		fresh := func() *Network[float64] { return layered[float64](t, source(51), relu(), 5, 9, 8, 7, 6, 4) }
		run := func(n *Network[float64], o BalanceOptions) []float64 {
			o.P, o.Tol = p, 1e-13
			r, err := Balance(n, o)
			must(t, err)
			if r.Reason != Converged {
				t.Fatalf("p = %v: %v after %d sweeps, residual %v", p, r.Reason, r.Sweeps, r.Residual)
			}
			return snapshot(t, n)
		}
		want := run(fresh(), BalanceOptions{})
		for _, order := range [][]int{{3, 2, 1, 0}, {1, 3, 0, 2}, {0, 2, 1, 3}} {
			got := run(fresh(), BalanceOptions{Order: order})
			near(t, fmt.Sprint("order ", order), rowVector(got), [][]float64{want}, 1e-10)
		}
		for seed := range uint64(3) {
			n := fresh()
			rescale(n, 60+seed, 2)
			near(t, "start on the orbit", rowVector(run(n, BalanceOptions{})), [][]float64{want}, 1e-10)
		}
		equalBits(t, "blocks", want, run(fresh(), BalanceOptions{MaxScratch: -1}))
		atThreads(t, func(int) { equalBits(t, "threads", want, run(fresh(), BalanceOptions{})) })
		// Cut into calls of two steps, with the state in the caller's memory.
		n := fresh()
		g := n.Graph(false)
		state := make([]float64, BalanceStateLen(g.Units, len(g.Blocks), 1))
		for done := false; !done; {
			b, err := NewGraphBalancer(g, BalanceOptions{P: p, Tol: 1e-13, State: state})
			must(t, err)
			done, err = b.Run(2)
			must(t, err)
			if done {
				_, err = b.Apply()
				must(t, err)
			}
		}
		equalBits(t, "cut", want, snapshot(t, n))
	}
}

// |W|^p of more than one block of rows, kept and not kept, at any number of threads.
func TestBalanceBlocks(t *testing.T) {
	fresh := func() *Network[float32] { return layered[float32](t, source(52), relu(), 3, 600, 500, 2) }
	a, b := fresh(), fresh()
	ra, err := Balance(a, BalanceOptions{P: 1.7, IncludeBias: true})
	must(t, err)
	rb, err := Balance(b, BalanceOptions{P: 1.7, IncludeBias: true, MaxScratch: 600 * 3 * 8})
	must(t, err)
	equalBits(t, "weights", snapshot(t, a), snapshot(t, b))
	if ra.CostAfter != rb.CostAfter || ra.Sweeps != rb.Sweeps {
		t.Errorf("reports differ: %v %v, %v %v", ra.CostAfter, ra.Sweeps, rb.CostAfter, rb.Sweeps)
	}
	atThreads(t, func(int) {
		c := fresh()
		_, err := Balance(c, BalanceOptions{P: 1.7, IncludeBias: true})
		must(t, err)
		equalBits(t, "threads", snapshot(t, a), snapshot(t, c))
	})
}

// One hidden layer: λ* = (B/A)^{1/(2p)} in one sweep, and the cost falls by Σ(√A − √B)².
func TestBalanceClosedForm(t *testing.T) {
	for _, p := range exponents {
		n := layered[float64](t, source(71), relu(), 5, 8, 4)
		a, b := inOut64(n, 1, p, true)
		before := cost64(n, p, true)
		r, err := Balance(n, BalanceOptions{P: p, IncludeBias: true})
		must(t, err)
		if r.Sweeps != 1 {
			t.Errorf("p = %v: %d sweeps", p, r.Sweeps)
		}
		fall := 0.0
		for i := range a {
			want := math.Pow(b[i]/a[i], 1/(2*p))
			if math.Abs(r.Lambda[0][i]-want) > 1e-12*want {
				t.Errorf("p = %v, unit %d: λ = %v, want %v", p, i, r.Lambda[0][i], want)
			}
			d := math.Sqrt(a[i]) - math.Sqrt(b[i])
			fall += d * d
		}
		if got := before - cost64(n, p, true); math.Abs(got-fall) > 1e-12*before || math.Abs(r.CostBefore-r.CostAfter-fall) > 1e-12*before {
			t.Errorf("p = %v: the cost fell by %v, report %v, want %v", p, got, r.CostBefore-r.CostAfter, fall)
		}
	}
}

// The solver's A and B are the gradient: ∂R/∂ log Λ_i = p(A_i − B_i), by central differences of the cost.
func TestDeficitIsGradient(t *testing.T) {
	for _, p := range exponents {
		n := skipping[float64](t, source(72), relu())
		d, total, err := Deficit(n, BalanceOptions{P: p, IncludeBias: true}, nil)
		must(t, err)
		sum, u := 0.0, 0
		for k := range n.Populations {
			if !n.Populations[k].hidden() {
				continue
			}
			a, b := inOut64(n, k, p, true)
			for i := range a {
				if math.Abs(d[u]-(a[i]-b[i])) > 1e-12*(a[i]+b[i]) {
					t.Errorf("deficit of unit %d is %v, want %v", u, d[u], a[i]-b[i])
				}
				const h = 1e-5
				at := func(l float64) float64 { // the cost with unit i of k scaled by e^l
					return cost64(n, p, true) + (math.Exp(p*l)-1)*a[i] + (math.Exp(-p*l)-1)*b[i]
				}
				if g := (at(h) - at(-h)) / (2 * h); math.Abs(g-p*d[u]) > 1e-6*p*(a[i]+b[i]) {
					t.Errorf("gradient %v, want %v", g, p*d[u])
				}
				sum += d[u] * d[u]
				u++
			}
		}
		if math.Abs(total-sum) > 1e-12*sum || u != len(d) {
			t.Errorf("network deficit %v, want %v", total, sum)
		}
	}
}

// Dead units are skipped and listed, never NaN; a bias revives the cost in only when it is counted.
func TestBalanceDeadUnits(t *testing.T) {
	for _, bias := range []bool{false, true} {
		n := layered[float64](t, source(73), relu(), 5, 6, 6, 3)
		clear(n.Projections[0].W.Row(2)) // no input: A = 0 but for the bias
		for i := range n.Projections[2].W.Rows {
			n.Projections[2].W.Row(i)[4] = 0 // no output: B = 0
		}
		in2 := n.Populations[1].Bias[2]
		r, err := Balance(n, BalanceOptions{P: 2, IncludeBias: bias})
		must(t, err)
		want := []UnitID{{1, 2}, {2, 4}}
		if bias {
			want = want[1:]
		}
		if !slices.Equal(r.Dead, want) || r.Reason != Converged || math.IsNaN(r.CostAfter+r.DeficitAfter+r.Residual) {
			t.Errorf("bias %v: report %+v", bias, r)
		}
		if !finite(snapshot(t, n)) {
			t.Error("balancing made a NaN")
		}
		if r.Lambda[1][4] != 1 || !bias && (r.Lambda[0][2] != 1 || n.Populations[1].Bias[2] != in2) {
			t.Errorf("a dead unit was scaled: %v", r.Lambda)
		}
		if bias && r.Lambda[0][2] == 1 {
			t.Error("a unit with a counted bias is not dead")
		}
	}
	// All dead: nothing to do.
	n := layered[float32](t, source(74), relu(), 5, 6, 3)
	clear(n.Projections[1].W.Data)
	before := snapshot(t, n)
	r, err := Balance(n, BalanceOptions{P: 1})
	must(t, err)
	if len(r.Dead) != 6 || r.Sweeps != 0 || r.Reason != Converged {
		t.Errorf("report %+v", r)
	}
	equalBits(t, "all dead", before, snapshot(t, n))
}

// Sums far beyond the element type: weights of 1e30 and 1e-30 in float32 with p = 3, in float64 of 1e±200.
func TestBalanceExtremeScales(t *testing.T) {
	n := layered[float32](t, source(75), relu(), 5, 6, 7, 3)
	ref := layered[float32](t, source(75), relu(), 5, 6, 7, 3)
	_, err := Balance(ref, BalanceOptions{P: 3})
	must(t, err)
	for q, f := range []float32{1e30, 1e-30, 1} {
		kernels.Scale(n.Projections[q].W, []float32{f}, nil)
	}
	kernels.Scale(rowVector(n.Populations[1].Bias), nil, []float32{1e30})
	r, err := Balance(n, BalanceOptions{P: 3})
	must(t, err)
	if r.Reason != Converged || len(r.Dead) != 0 {
		t.Errorf("report %+v", r)
	}
	near(t, "float32", rowVector(snapshot(t, n)), wide(rowVector(snapshot(t, ref))), 1e-5)

	m := layered[float64](t, source(75), relu(), 5, 6, 7, 3)
	mref := layered[float64](t, source(75), relu(), 5, 6, 7, 3)
	_, err = Balance(mref, BalanceOptions{P: 3})
	must(t, err)
	for q, f := range []float64{1e200, 1e-200, 1} {
		kernels.Scale(m.Projections[q].W, []float64{f}, nil)
	}
	kernels.Scale(rowVector(m.Populations[1].Bias), nil, []float64{1e200})
	r, err = Balance(m, BalanceOptions{P: 3})
	must(t, err)
	if r.Reason != Converged || len(r.Dead) != 0 {
		t.Errorf("report %+v", r)
	}
	near(t, "float64", rowVector(snapshot(t, m)), wide(rowVector(snapshot(t, mref))), 1e-6)
}

func TestBalanceStops(t *testing.T) {
	n := layered[float64](t, source(76), relu(), 5, 9, 8, 7, 4)
	rescale(n, 77, 2)
	before := cost64(n, 2, false)
	r, err := Balance(n, BalanceOptions{P: 2, MaxSweeps: 2})
	must(t, err)
	if r.Reason != SweepsUsedUp || r.Sweeps != 2 || !(r.Residual > 1e-9) {
		t.Errorf("report %+v", r)
	}
	if got := residual64(n, 2, false); math.Abs(got-r.Residual) > 1e-12 {
		t.Errorf("residual %v, report %v", got, r.Residual)
	}
	if after := cost64(n, 2, false); after >= before || math.Abs(after-r.CostAfter) > 1e-12*after {
		t.Errorf("cost %v → %v, report %v", before, after, r.CostAfter)
	}
}

func TestBalanceRefuses(t *testing.T) {
	for _, c := range []struct {
		arg    string
		change func(n *Network[float64], o *BalanceOptions)
	}{
		{"p", func(n *Network[float64], o *BalanceOptions) { o.P = 0 }},
		{"p", func(n *Network[float64], o *BalanceOptions) { o.P = -1 }},
		{"p", func(n *Network[float64], o *BalanceOptions) { o.P = math.NaN() }},
		{"p", func(n *Network[float64], o *BalanceOptions) { o.P = math.Inf(1) }},
		{"order", func(n *Network[float64], o *BalanceOptions) { o.Order = []int{0} }},
		{"order", func(n *Network[float64], o *BalanceOptions) { o.Order = []int{0, 0} }},
		{"order", func(n *Network[float64], o *BalanceOptions) { o.Order = []int{1, 2} }},
		{"tol", func(n *Network[float64], o *BalanceOptions) { o.Tol = -1 }},
		{"tol", func(n *Network[float64], o *BalanceOptions) { o.Tol = math.NaN() }},
		{"max_sweeps", func(n *Network[float64], o *BalanceOptions) { o.MaxSweeps = -1 }},
		{"state", func(n *Network[float64], o *BalanceOptions) { o.State = make([]float64, 3) }},
		{"state", func(n *Network[float64], o *BalanceOptions) {
			o.State = make([]float64, BalanceStateLen(n.HiddenUnits(), 6, 1))
			o.State[0], o.State[stateHead+6] = 1, math.Inf(1)
		}},
		{"state", func(n *Network[float64], o *BalanceOptions) {
			o.State = make([]float64, BalanceStateLen(n.HiddenUnits(), 6, 1))
			o.State[0] = 7
		}},
		{"weights[1]", func(n *Network[float64], o *BalanceOptions) { n.Projections[1].W.Cols-- }},
		{"weights[2]", func(n *Network[float64], o *BalanceOptions) { n.Projections[2].W = n.Projections[0].W }},
		{"bias of population 1", func(n *Network[float64], o *BalanceOptions) { n.Populations[1].Bias = make([]float64, 3) }},
		{"projection 1", func(n *Network[float64], o *BalanceOptions) { n.Projections[1].To = 1 }},
	} {
		n := layered[float64](t, source(78), relu(), 6, 6, 6, 6)
		before := snapshot(t, n)
		saved := *n
		saved.Populations, saved.Projections = slices.Clone(n.Populations), slices.Clone(n.Projections)
		o := BalanceOptions{P: 2}
		c.change(n, &o)
		_, err := Balance(n, o)
		refused(t, c.arg, err, c.arg)
		equalBits(t, c.arg, before, snapshot(t, &saved))
	}
	// Scales that the element type cannot hold.
	n := layered[float32](t, source(79), relu(), 4, 4, 4)
	kernels.Scale(n.Projections[0].W, []float32{1e-38}, nil)
	kernels.Scale(n.Projections[1].W, []float32{1e38}, nil)
	before := snapshot(t, n)
	_, err := Balance(n, BalanceOptions{P: 2})
	refused(t, "range", err, "weights[0]")
	equalBits(t, "range", before, snapshot(t, n))
	if _, _, err := Deficit(n, BalanceOptions{}, nil); err == nil {
		t.Error("Deficit took p = 0")
	}
	_, _, err = Deficit(n, BalanceOptions{P: 1}, make([]float64, 3))
	refused(t, "dst", err, "dst")
}

func TestBalanceNonFinite(t *testing.T) {
	both(t, testBalanceNonFinite[float32], testBalanceNonFinite[float64])
}

func testBalanceNonFinite[T kernels.Float](t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		n := layered[T](t, source(80), relu(), 5, 6, 7, 3)
		n.Projections[1].W.Row(3)[4] = T(bad)
		before := snapshot(t, n)
		_, err := Balance(n, BalanceOptions{P: 2})
		var e *NonFiniteError
		if !errors.As(err, &e) || e.Array != "weights" || e.Layer != 1 || e.Row != 3 || e.Col != 4 || e.Error() == "" {
			t.Errorf("%v: error %v", bad, err)
		}
		equalBits(t, "weights", before, snapshot(t, n))
		n = layered[T](t, source(80), relu(), 5, 6, 7, 3)
		n.Populations[2].Bias[5] = T(bad)
		_, err = Balance(n, BalanceOptions{P: 2})
		if !errors.As(err, &e) || e.Array != "biases" || e.Layer != 1 || e.Row != 5 || e.Error() == "" {
			t.Errorf("%v: error %v", bad, err)
		}
	}
}
