package engine

import (
	"fmt"
	"math"
	"slices"

	"github.com/hebbkern/hebbkern/kernels"
)

// AdditiveCost is a cost Σ α g(|w|) over all weights, by the derivative of g and, if it is known, g. Both write what they
// have for each of the weights w > 0 to dst, which is as long; an error of theirs ends the call, and is its error.
//
// w·g′(w) must increase with w, from 0 to infinity, so that a unit's balance has exactly one solution; that g increases
// is not enough: Σ tanh|w| has up to three (mathematics page, section 4). It is looked at over the weights that there
// are and along the scales that are tried, and refused where it is seen to fall. Where g is a sum of powers,
// BalanceOptions.Mixture is far faster.
type AdditiveCost struct {
	Derivative func(dst, w []float64) error
	Value      func(dst, w []float64) error // nil: the reports' costs are NaN
}

// additive balances for an AdditiveCost, so that for each unit, at the scaled weights,
//
//	A = Σ_in α w g′(w) = c Σ_out α w g′(w) = cB
//
// by sweeps. The units of a group that do not interact go to their roots together, in step, since a g′ that is given
// weights by the thousand costs little beside them.
type additive struct {
	recv, send []float64 // by unit: λ and λ^−c
	// sum is A of all units, then B, then what nobody asks for.
	sum   []float64
	value float64 // Σ α g
	root  []rootSearch
	rate  []float64 // by unit: d(log2 A − log2 B)/dℓ as it was last seen, a part of the state

	w, slope    []float64 // weights on their way through g′
	sent        []sent
	colFactor   []float64 // of the columns of a term
	colTo       []int
	least, most float64 // |w|
	total, at   float64 // Σ α·w·g′(w), and Σ α·w·g′(w)·w
	trial       bool    // the scales are tried, and may be too large for g′
}

// sent is what becomes of α·w·g′(w): where in the sums it is added.
type sent struct {
	alpha    float64
	row, col int
}

// rootSearch is the search of one unit: f = log2 A − log2 cB, which increases with x, what its log-scale has moved by.
type rootSearch struct {
	unit, part   int     // the unit, and the steps that it has made
	start, x     float64 // f at 0, the next x
	from, f      float64 // the x before and f there
	low, high    float64 // f(low) < 0 < f(high)
	below, above bool    // they are known
	done         bool
}

const (
	additiveChunk = 1 << 14 // weights given to g′ at once
	probes        = 257     // weights at which w·g′(w) is looked at
	// rootPart of what a unit is out of balance may be left by a visit, since its neighbours will move as well.
	rootPart = 0.05
)

func (b *balancer[T]) prepareAdditive() {
	n := b.g.Units
	a := &additive{recv: b.floats(n), send: b.floats(n), sum: b.floats(2*n + 1)}
	a.w, a.slope, a.sent = b.floats(additiveChunk)[:0], b.floats(additiveChunk), make([]sent, additiveChunk)
	b.additive = a
}

// setScales sets λ and λ^−c of all units.
func (b *balancer[T]) setScales() {
	a := b.additive
	for i := range a.recv {
		a.recv[i], a.send[i] = 0, 0
		if j := b.root[i]; j >= 0 {
			a.recv[i], a.send[i] = b.ell[j], -float64(b.ell[j]*b.g.degree(i))
		}
	}
	kernels.Exp2(a.recv, a.recv)
	kernels.Exp2(a.send, a.send)
}

// end is the factor of a row (column) of a block, and the place of its unit's sum.
func (b *balancer[T]) end(units []int, i int, post bool) (factor float64, to int) {
	u := b.unitOf(units, i)
	switch {
	case u < 0:
		return 1, 2 * b.g.Units
	case post:
		return b.additive.recv[u], u
	}
	return b.additive.send[u], b.g.Units + u
}

// openTerm takes the factors of a term's columns and the places of their sums, for pushRow and pushCols.
func (b *balancer[T]) openTerm(t *balanceTerm[T]) {
	a, n := b.additive, t.block.shape()[1]
	a.colFactor, a.colTo = slices.Grow(a.colFactor[:0], n)[:n], slices.Grow(a.colTo[:0], n)[:n]
	for j := range n {
		a.colFactor[j], a.colTo[j] = b.end(t.block.Cols, j, t.block.Transposed)
	}
}

// pushRow sends the weights of row i of a term, or those of some columns of it, through g′, to be added to the sum of
// the row's unit, of the columns' or of both.
func (b *balancer[T]) pushRow(t *balanceTerm[T], i int, cols []int, toRow, toCols bool) error {
	none := 2 * b.g.Units
	factor, to := b.end(t.block.Rows, i, !t.block.Transposed)
	if !toRow {
		to = none
	}
	row, indices := t.block.line(i)
	first := i * t.block.Alphas.Stride // of the weights α
	if indices != nil {
		first = t.block.Sparse.Start[i]
	}
	n := len(row)
	if cols != nil {
		n = len(cols)
	}
	for k := range n {
		at, j := k, k
		switch {
		case cols != nil:
			at, j = cols[k], cols[k]
		case indices != nil:
			j = int(indices[k])
		}
		if err := b.push(t, i, j, row[at], first+at, factor, to, toCols); err != nil {
			return err
		}
	}
	return nil
}

// pushCols is pushRow of whole columns.
func (b *balancer[T]) pushCols(t *balanceTerm[T], cols []int) error {
	if !t.block.sparse() {
		for i := range t.block.W.Rows {
			if err := b.pushRow(t, i, cols, false, true); err != nil {
				return err
			}
		}
		return nil
	}
	w := t.thin.side[1]
	for _, j := range cols {
		for k := w.Start[j]; k < w.Start[j+1]; k++ {
			i, at := int(w.Indices[k]), t.thin.at[k]
			factor, _ := b.end(t.block.Rows, i, !t.block.Transposed)
			if err := b.push(t, i, j, t.block.Sparse.Data[at], at, factor, 2*b.g.Units, true); err != nil {
				return err
			}
		}
	}
	return nil
}

// push sends w_ij through g′, to be added to the sum at `to` and, toCol, the column's; k is where its α is. Weights of 0
// and self-weights with c = 1 are left out.
func (b *balancer[T]) push(t *balanceTerm[T], i, j int, w T, k int, factor float64, to int, toCol bool) error {
	a, alpha := b.additive, t.block.Alpha
	if t.block.Alphas.Data != nil {
		alpha *= float64(t.block.Alphas.Data[k])
	}
	if w == 0 || alpha == 0 || t.loops && b.isLoop(t, i, j) {
		return nil
	}
	n := len(a.w)
	if n == additiveChunk {
		if err := b.flush(); err != nil {
			return err
		}
		n = 0
	}
	col := 2 * b.g.Units
	if toCol {
		col = a.colTo[j]
	}
	a.w, a.sent[n] = a.w[:n+1], sent{alpha, to, col}
	a.w[n] = float64(float64(math.Abs(float64(w))*factor) * a.colFactor[j])
	return nil
}

// isLoop reports whether a weight is of a unit with c = 1 to itself.
func (b *balancer[T]) isLoop(t *balanceTerm[T], i, j int) bool {
	u := b.unitOf(t.block.Rows, i)
	return u >= 0 && u == b.unitOf(t.block.Cols, j) && b.g.degree(u) == 1
}

// flush adds α·w·g′(w) of the weights that have been sent to the sums, in order.
func (b *balancer[T]) flush() error {
	a := b.additive
	n := len(a.w)
	if n == 0 {
		return nil
	}
	slope := a.slope[:n]
	if err := b.o.Cost.Derivative(slope, a.w); err != nil {
		return err
	}
	for k, w := range a.w {
		s := float64(w * slope[k])
		if !(slope[k] >= 0) || !a.trial && math.IsInf(s, 1) {
			return b.badCost(fmt.Sprintf("%v at |w| = %v", slope[k], w), "a finite number ≥ 0")
		}
		to := &a.sent[k]
		s *= to.alpha
		a.sum[to.row] += s
		a.sum[to.col] += s
		if !a.trial {
			a.least, a.most = min(a.least, w), max(a.most, w)
			a.total += s
			a.at += float64(s * w)
		}
	}
	if b.o.Cost.Value != nil && !a.trial {
		if err := b.o.Cost.Value(slope, a.w); err != nil {
			return err
		}
		for k, v := range slope {
			a.value += float64(a.sent[k].alpha * v)
		}
	}
	a.w = a.w[:0]
	return nil
}

func (b *balancer[T]) badCost(got, want string) error { return badArg(b.o.fn, "cost", got, want) }

// evaluateAdditive takes A, B and the cost at the present scales, in one pass.
func (b *balancer[T]) evaluateAdditive() error {
	if b.additive == nil {
		for q := range b.g.Blocks {
			if w := b.g.Blocks[q].stored(); !finiteMatrix(w, make([]T, w.Rows)) {
				return b.nonFinite(q)
			}
		}
		b.prepareAdditive()
	}
	a := b.additive
	b.setScales()
	clear(a.sum)
	a.trial, a.value, a.least, a.most, a.total, a.at = false, 0, math.Inf(1), 0, 0, 0
	for k := range b.terms {
		b.openTerm(&b.terms[k])
		for i := range b.terms[k].block.shape()[0] {
			if err := b.pushRow(&b.terms[k], i, nil, true, true); err != nil {
				return err
			}
		}
	}
	if err := b.flush(); err != nil {
		return err
	}
	n := b.g.Units
	kernels.Log2(b.logA, a.sum[:n])
	kernels.Log2(b.logB, a.sum[n:2*n])
	b.cost = math.NaN()
	if b.o.Cost.Value != nil {
		b.cost = log2(a.value)
	}
	return nil
}

// probe looks whether w·g′(w) increases over the weights that there are.
func (b *balancer[T]) probe() error {
	a := b.additive
	if !(a.most > a.least) {
		return nil
	}
	w, slope := make([]float64, probes), make([]float64, probes)
	from, to := log2(a.least), log2(a.most)
	for k := range w {
		w[k] = from + float64((to-from)*float64(k))/(probes-1)
	}
	kernels.Exp2(w, w)
	if err := b.o.Cost.Derivative(slope, w); err != nil {
		return err
	}
	for k := range w {
		slope[k] = float64(w[k] * slope[k])
		if !(slope[k] >= 0) || k > 0 && slope[k] < float64(slope[k-1]*(1-1e-12)) {
			return b.badCost(fmt.Sprintf("such that w·g′(w) is %v at w = %v, after %v", slope[k], w[k], slope[max(k-1, 0)]), increasing)
		}
	}
	return nil
}

const increasing = "a g′ for which w·g′(w) increases from 0 to infinity"

// additiveSweep visits the groups in order.
func (b *balancer[T]) additiveSweep() error {
	b.prepareCoordinates()
	a, c := b.additive, &b.coordinate
	a.rate = b.state.pairs[0][0]
	if b.state.head[stateSweeps] == 0 {
		p, err := b.nearPower()
		if err != nil {
			return err
		}
		if err := b.startFrom(p); err != nil {
			return err
		}
		for i := range a.rate {
			a.rate[i] = float64(p * (1 + b.g.degree(i)))
		}
	}
	for k, units := range c.groups {
		if !c.alone[k] {
			if err := b.seekRoots(units); err != nil {
				return err
			}
			continue
		}
		for i := range units {
			if err := b.seekRoots(units[i : i+1]); err != nil {
				return err
			}
		}
	}
	return b.refresh()
}

// nearPower is the p for which |w|^p changes as w·g′(w) does at the mean weight, by what weights cost.
func (b *balancer[T]) nearPower() (float64, error) {
	a := b.additive
	mean := a.at / a.total
	if !(mean > 0) || math.IsInf(mean, 1) {
		return 1, nil
	}
	w, slope := []float64{0.75 * mean, 1.5 * mean}, []float64{0, 0}
	if err := b.o.Cost.Derivative(slope, w); err != nil {
		return 0, err
	}
	p := 1 + log2(slope[1]) - log2(slope[0])
	if !(p >= 0.25 && p <= 8) {
		return 1, nil // far from all powers: any is as good
	}
	return p, nil
}

// startFrom sets the scales to the balance of Σ|w|^p, which costs little and spares most of the sweeps.
func (b *balancer[T]) startFrom(p float64) error {
	near, err := newBalancer(b.o.fn, b.g, BalanceOptions{P: p, Tol: 1e-3, MaxSweeps: 20})
	if err != nil {
		return err
	}
	defer balanceMemories.Put(near.mem)
	if _, _, err := near.run(near.o.MaxSweeps); err != nil {
		return err
	}
	near.centre()
	for _, i := range b.live {
		b.ell[i] = near.ell[i]
	}
	return nil
}

// seekRoots sets units that do not interact to their optima, by steps of the secant within a bracket.
func (b *balancer[T]) seekRoots(units []int) error {
	a := b.additive
	a.root = a.root[:0]
	for _, u := range units {
		a.root = append(a.root, rootSearch{unit: u})
	}
	near := max(0.7*b.o.Tol, 1e-15) // |f| of a residual of about a quarter of Tol
	for open := true; open; {
		if err := b.measureRoots(); err != nil {
			return err
		}
		open = false
		for k := range a.root {
			r := &a.root[k]
			if r.done {
				continue
			}
			if r.part == 0 {
				r.start = r.f
			}
			r.done = math.Abs(r.f) <= max(near, rootPart*math.Abs(r.start)) || r.part == 0 && r.f-r.f != 0
			if !r.done {
				if err := b.nextTrial(r); err != nil {
					return err
				}
			}
			open = open || !r.done
		}
	}
	for _, r := range a.root {
		b.ell[r.unit] += r.x
	}
	return nil
}

// nextTrial moves x: along the secant, and in the middle of the bracket if that leaves it or every third time.
func (b *balancer[T]) nextTrial(r *rootSearch) error {
	if r.f != r.f {
		return b.badCost("infinite both ways", increasing)
	}
	if r.f < 0 {
		r.low, r.below = r.x, true
	} else {
		r.high, r.above = r.x, true
	}
	r.part++
	x := r.x - r.f/b.additive.rate[r.unit]
	switch both := r.below && r.above; {
	case both && r.high-r.low <= 1e-15*(1+math.Abs(r.x)):
		r.done = true
		return nil
	case both && (r.part%3 == 0 || !(x > r.low && x < r.high)):
		x = 0.5 * (r.low + r.high)
	case !both && r.part > 3:
		// However flat f is: twice as far with each step.
		x = r.x + math.Copysign(math.Ldexp(1, r.part-4), -r.f)
	}
	if !(math.Abs(x) <= 400) {
		return b.badCost(fmt.Sprintf("without a balance of unit %d", r.unit), increasing)
	}
	r.x = x
	return nil
}

// measureRoots takes f of the open searches at their x, and how fast it changes.
func (b *balancer[T]) measureRoots() error {
	a, n := b.additive, b.g.Units
	c := &b.coordinate
	b.setScales()
	a.trial = true
	lines := make(map[[2]int][]int) // by term and side
	for _, r := range a.root {
		if r.done {
			continue
		}
		u := r.unit
		a.sum[u], a.sum[n+u] = 0, 0
		x := []float64{r.x, -float64(r.x * b.g.degree(u))}
		kernels.Exp2(x, x)
		a.recv[u] *= x[0]
		a.send[u] *= x[1]
		for _, p := range c.places[u] {
			at := [2]int{int(p.term), int(p.side)}
			if rows := c.rows[2*p.term+p.side]; rows != nil {
				lines[at] = append(lines[at], rows[p.slot]...)
			} else {
				lines[at] = append(lines[at], int(p.slot))
			}
		}
	}
	for k := range b.terms {
		t, rows, cols := &b.terms[k], lines[[2]int{k, 0}], lines[[2]int{k, 1}]
		if rows == nil && cols == nil {
			continue
		}
		b.openTerm(t)
		for _, i := range rows {
			if err := b.pushRow(t, i, nil, true, false); err != nil {
				return err
			}
		}
		if cols != nil {
			if err := b.pushCols(t, cols); err != nil {
				return err
			}
		}
	}
	if err := b.flush(); err != nil {
		return err
	}
	for k := range a.root {
		r := &a.root[k]
		if r.done {
			continue
		}
		u := r.unit
		f := log2(a.sum[u]) - log2(a.sum[n+u]) - b.logDegree[u]
		if r.part > 0 && r.x != r.from {
			slope := (f - r.f) / (r.x - r.from)
			if slope <= 0 && math.Abs(f-r.f) > 1e-12 || f == r.f && r.part > 3 {
				return b.badCost(fmt.Sprintf("such that Σ w·g′(w) does not increase with the scale of unit %d", u), increasing)
			}
			if slope > 0 && slope-slope == 0 {
				a.rate[u] = slope
			}
		}
		r.f, r.from = f, r.x
	}
	return nil
}
