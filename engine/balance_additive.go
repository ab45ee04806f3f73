package engine

import (
	"math"

	"github.com/hebbkern/hebbkern/kernels"
)

// AdditiveCost is a cost Σ g(|w|) over all weights by g and its derivative, both for w > 0. w·g′(w) must increase with
// w and go from 0 to infinity, so that a unit's balance has exactly one solution; that g increases is not enough: Σ tanh|w|
// has up to three (mathematics page, section 4).
type AdditiveCost struct{ Cost, Derivative func(w float64) float64 }

// BalanceAdditive balances a graph for a general additive cost, so that for each unit with scale λ
//
//	A = Σ_in w g′(w) = c Σ_out w g′(w) = cB
//
// at the scaled weights: units one after another, by groups in the order of Order, each by a bracketed root in log λ. A
// sweep evaluates g′ of every weight some tens of times; where g is a sum of powers, BalanceOptions.Mixture is far
// faster. It reads Order, Tol and MaxSweeps of o. Report and errors are those of Balance; *ArgError also where the root
// is not bracketed within λ of 2^±400.
func (g *BalanceGraph[T]) BalanceAdditive(cost AdditiveCost, o BalanceOptions) (report *GraphReport, err error) {
	defer guard(&err)
	const fn = "BalanceAdditive"
	if cost.Cost == nil || cost.Derivative == nil {
		return nil, badArg(fn, "cost", "without a function", "g and its derivative")
	}
	// Zeros and connections are those of any cost.
	b, err := newBalancer(fn, g, BalanceOptions{P: 1, Method: MethodSweeps, Order: o.Order, Tol: o.Tol, MaxSweeps: o.MaxSweeps})
	if err != nil {
		return nil, err
	}
	b.prepareCoordinates()
	a := &additive[T]{b: b, cost: cost, recv: make([]float64, g.Units), send: make([]float64, g.Units)}
	for i := range a.recv {
		a.recv[i], a.send[i] = 1, 1
	}
	before, deficitBefore := a.total()
	sweeps, reason := 0, SweepsUsedUp
	for ; ; sweeps++ {
		worst := 0.0
		for _, units := range b.coordinate.groups {
			for _, u := range units {
				r, err := a.visit(fn, u, sweeps < b.o.MaxSweeps)
				if err != nil {
					return nil, err
				}
				worst = max(worst, r)
			}
		}
		b.residual = worst
		if worst <= b.o.Tol {
			reason = Converged
		}
		if worst <= b.o.Tol || sweeps == b.o.MaxSweeps {
			break
		}
	}
	run := &GraphBalancer[T]{b: b, why: reason, done: true}
	after, deficitAfter := a.total()
	if report, err = run.Apply(); err != nil {
		return nil, err
	}
	report.CostBefore, report.DeficitBefore, report.CostAfter, report.DeficitAfter = before, deficitBefore, after, deficitAfter
	report.Sweeps, report.Reason = sweeps, reason
	return report, nil
}

type additive[T kernels.Float] struct {
	b          *balancer[T]
	cost       AdditiveCost
	recv, send []float64 // by unit: λ and λ^−c
	in, out    []weighted
}

// weighted is a scaled weight, > 0, and its weight in the cost.
type weighted struct{ w, alpha float64 }

func (a *additive[T]) factor(units []int, i int, post bool) float64 {
	u := a.b.unitOf(units, i)
	switch {
	case u < 0:
		return 1
	case post:
		return a.recv[u]
	}
	return a.send[u]
}

// each calls do for the weights of row (column) i of a term that are not zero, and not self-weights with c = 1.
func (a *additive[T]) each(t *balanceTerm[T], side, i int, do func(weighted)) {
	block := t.block
	from, to, step := i*block.W.Stride, block.W.Cols, 1
	if side == 1 {
		from, to, step = i, block.W.Rows, block.W.Stride
	}
	for k := range to {
		r, c := i, k
		if side == 1 {
			r, c = k, i
		}
		w := math.Abs(float64(block.W.Data[from+k*step]))
		alpha := block.Alpha
		if block.Alphas.Data != nil {
			alpha *= float64(block.Alphas.Data[r*block.Alphas.Stride+c])
		}
		u := a.b.unitOf(block.Rows, r)
		if w == 0 || alpha == 0 || u >= 0 && u == a.b.unitOf(block.Cols, c) && a.b.g.degree(u) == 1 {
			continue
		}
		do(weighted{float64(float64(w*a.factor(block.Rows, r, !block.Transposed)) * a.factor(block.Cols, c, block.Transposed)), alpha})
	}
}

// slopes is Σ α·w·g′(w) of weights times f.
func (a *additive[T]) slopes(v []weighted, f float64) (sum float64) {
	for _, e := range v {
		w := float64(e.w * f)
		sum += float64(e.alpha * float64(w*a.cost.Derivative(w)))
	}
	return sum
}

func (a *additive[T]) gather(u int) {
	a.in, a.out = a.in[:0], a.out[:0]
	c := &a.b.coordinate
	for _, p := range c.places[u] {
		t := &a.b.terms[p.term]
		lines := []int{int(p.slot)}
		if rows := c.rows[2*p.term+p.side]; rows != nil {
			lines = rows[p.slot]
		}
		to := &a.out
		if t.side[p.side].post {
			to = &a.in
		}
		for _, i := range lines {
			a.each(t, int(p.side), i, func(e weighted) { *to = append(*to, e) })
		}
	}
}

// visit measures unit u, |A − cB|/(A + cB), and with move sets it to its optimum if that exceeds the tolerance.
func (a *additive[T]) visit(fn string, u int, move bool) (float64, error) {
	a.gather(u)
	c := a.b.g.degree(u)
	value := func(x float64) float64 { // log2 A − log2 cB with the unit's log-scale moved by x
		return log2(a.slopes(a.in, exp2(x))) - log2(c*a.slopes(a.out, exp2(-float64(c*x))))
	}
	f := value(0)
	r := exp2(-math.Abs(f))
	if r = (1 - r) / (1 + r); !move || r <= a.b.o.Tol {
		return r, nil
	}
	// f increases with x: go against its sign until it changes, then halve, by Illinois' false position.
	low, flow, high, fhigh := 0.0, f, 0.0, f
	for step := 1.0; flow > 0 || fhigh < 0; step *= 2 {
		if step > 400 {
			return 0, badArg(fn, "cost", "without a balance of a unit", "w·g′(w) that increases from 0 to infinity")
		}
		if f > 0 {
			high, fhigh = low, flow
			low = -step
			flow = value(low)
		} else {
			low, flow = high, fhigh
			high = step
			fhigh = value(high)
		}
	}
	x := low
	for k := 0; k < 200 && flow != 0 && high-low > 1e-15*(1+math.Abs(low)); k++ {
		x = low - flow*(high-low)/(fhigh-flow)
		if k%3 == 2 || !(x > low && x < high) {
			x = 0.5 * (low + high)
		}
		if v := value(x); v > 0 {
			high, fhigh = x, v
			flow *= 0.5
		} else {
			low, flow = x, v
			fhigh *= 0.5
		}
	}
	a.b.ell[u] += x
	a.recv[u] = exp2(a.b.ell[u])
	a.send[u] = exp2(-float64(c * a.b.ell[u]))
	return r, nil
}

// total is the cost, and the deficit over the units that may move.
func (a *additive[T]) total() (cost, deficit float64) {
	for k := range a.b.terms {
		for i := range a.b.terms[k].block.W.Rows {
			a.each(&a.b.terms[k], 0, i, func(e weighted) { cost += float64(e.alpha * a.cost.Cost(e.w)) })
		}
	}
	for _, u := range a.b.live {
		a.gather(u)
		d := a.slopes(a.in, 1) - float64(a.b.g.degree(u)*a.slopes(a.out, 1))
		deficit += float64(d * d)
	}
	return cost, deficit
}
