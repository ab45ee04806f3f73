package engine

import (
	"math"

	"github.com/hebbkern/hebbkern/kernels"
)

// Coordinate solvers: a unit, or all units of a group that do not interact, is set to its optimum given the others.

// place is where a unit stands in a term.
type place struct {
	term, side int32
	slot       int32
}

// coordinates is what the coordinate solvers keep.
type coordinates struct {
	places  [][]place // by unit
	rows    [][][]int // by term and side, then slot: its rows (columns); nil: row = slot
	groups  [][]int   // live units by group, in the order of the sweep
	alone   []bool    // by group: its units interact, and are visited one by one
	touches [][]int   // by group: the terms that its units are in
	a, b    []contribution
}

// contribution is a part 2^(log + rate·x) of A (or of cB, with a negative rate) as the unit's log-scale moves by x.
type contribution struct{ log, rate float64 }

func (b *balancer[T]) prepareCoordinates() {
	c := &b.coordinate
	if c.places != nil {
		return
	}
	c.places = make([][]place, b.g.Units)
	c.rows = make([][][]int, 2*len(b.terms))
	for k := range b.terms {
		for s := range b.terms[k].side {
			side := &b.terms[k].side[s]
			for slot, u := range side.unit {
				c.places[u] = append(c.places[u], place{int32(k), int32(s), int32(slot)})
			}
			if side.slot != nil {
				rows := make([][]int, len(side.unit))
				for i, slot := range side.slot {
					if slot >= 0 {
						rows[slot] = append(rows[slot], i)
					}
				}
				c.rows[2*k+s] = rows
			}
		}
	}
	count := b.g.groups()
	group := func(i int) int { return i }
	if b.g.Group != nil {
		group = func(i int) int { return b.g.Group[i] }
	}
	order := b.o.Order
	if order == nil {
		order = make([]int, count)
		for k := range order {
			order[k] = k
		}
	}
	at := make([]int, count)
	for k, g := range order {
		at[g] = k
	}
	c.groups, c.alone, c.touches = make([][]int, count), make([]bool, count), make([][]int, count)
	for _, i := range b.live {
		k := at[group(i)]
		c.groups[k] = append(c.groups[k], i)
	}
	for k, units := range c.groups {
		in := make(map[int]int) // term → the sides that the group is on, as bits
		for _, u := range units {
			for _, p := range c.places[u] {
				in[int(p.term)] |= 1 << p.side
			}
		}
		for t := range b.terms {
			if in[t] != 0 {
				c.touches[k] = append(c.touches[k], t)
				c.alone[k] = c.alone[k] || in[t] == 3
			}
		}
	}
}

// groupSweep visits the groups in order.
func (b *balancer[T]) groupSweep() error {
	b.prepareCoordinates()
	c := &b.coordinate
	for k, units := range c.groups {
		if c.alone[k] {
			for _, u := range units {
				b.unitStep(u)
			}
			continue
		}
		for _, t := range c.touches[k] {
			if err := b.sumUp(&b.terms[t]); err != nil {
				return err
			}
		}
		b.start = false
		for _, u := range units {
			c.a, c.b = c.a[:0], c.b[:0]
			for _, p := range c.places[u] {
				b.contribute(p, b.terms[p.term].side[p.side].log[p.slot])
			}
			b.ell[u] += b.optimum(u)
		}
	}
	return b.refresh()
}

// randomSweep makes as many visits to units drawn at random as there are live ones. Draws are a function of seed and
// sweep.
func (b *balancer[T]) randomSweep(sweep int) error {
	b.prepareCoordinates()
	rng := NewRNG(b.o.Seed, uint64(sweep))
	for range b.live {
		b.unitStep(b.live[rng.IntN(len(b.live))])
	}
	return b.refresh()
}

// contribute adds the log2 of a sum to the unit's A or B.
func (b *balancer[T]) contribute(p place, log float64) {
	t := &b.terms[p.term]
	s := &t.side[p.side]
	if math.IsInf(log, -1) {
		return
	}
	v := contribution{log: log, rate: s.rate[p.slot]}
	if t.p != b.pref {
		v.log += log2(t.p / b.pref)
	}
	if s.post {
		b.coordinate.a = append(b.coordinate.a, v)
	} else {
		b.coordinate.b = append(b.coordinate.b, v)
	}
}

// optimum is the x at which Σ2^(a.log + a.rate·x) = c Σ2^(b.log + b.rate·x), by the contributions of a unit. For one
// exponent it is ρ/(−p(1 + c)); else the difference of the logarithms, which rises with x at a slope between the
// least and the largest p(1 + c), has its root by Newton's method within a bracket.
func (b *balancer[T]) optimum(u int) float64 {
	c := &b.coordinate
	value := func(x float64) (f, slope float64) {
		fa, ra := total(c.a, x)
		fb, rb := total(c.b, x)
		return fa - fb - b.logDegree[u], ra - rb
	}
	x, low, high := 0.0, math.Inf(-1), math.Inf(1)
	for range 100 {
		f, slope := value(x)
		if f-f != 0 || !(slope > 0) {
			return 0 // out of range: the unit stands still
		}
		next := x - f/slope
		if math.Abs(next-x) <= 1e-15*(1+math.Abs(next)) || len(b.o.Mixture) == 0 {
			return next
		}
		if f > 0 {
			high = x
		} else {
			low = x
		}
		if !(next > low && next < high) {
			next = 0.5 * (low + high)
		}
		x = next
	}
	return x
}

// total is log2 Σ2^(log + rate·x) and its derivative by x.
func total(v []contribution, x float64) (log, rate float64) {
	if len(v) == 1 {
		return v[0].log + float64(v[0].rate*x), v[0].rate
	}
	top := math.Inf(-1)
	for _, c := range v {
		top = max(top, c.log+float64(c.rate*x))
	}
	sum := 0.0
	for _, c := range v {
		e := exp2(c.log + float64(c.rate*x) - top)
		sum += e
		rate += float64(c.rate * e)
	}
	return top + log2(sum), rate / sum
}

// unitStep sets one unit to its optimum from the sums of its own rows and columns, and the factors of all terms to its
// new scale.
func (b *balancer[T]) unitStep(u int) {
	c := &b.coordinate
	c.a, c.b = c.a[:0], c.b[:0]
	for _, p := range c.places[u] {
		b.contribute(p, b.sumOfUnit(p))
	}
	b.ell[u] += b.optimum(u)
	for _, p := range c.places[u] {
		s := &b.terms[p.term].side[p.side]
		s.factor[p.slot] = exp2(float64(s.rate[p.slot]*b.ell[u]) - s.top)
	}
	b.start = false
}

// sumOfUnit is log2 of the cost of the rows (columns) of one slot, by the present factors.
func (b *balancer[T]) sumOfUnit(p place) float64 {
	t := &b.terms[p.term]
	s, other := &t.side[p.side], &t.side[1-p.side]
	one := []int{int(p.slot)}
	if rows := b.coordinate.rows[2*p.term+p.side]; rows != nil {
		one = rows[p.slot]
	}
	sum := 0.0
	for _, i := range one {
		switch {
		case t.form == formSparse:
			sum += t.thin.line(int(p.side), i, ones(spreadFactors(other, b.vec[1-p.side]), b.vec[1-p.side][:other.n]))
		case t.form == formWide && t.wide.Data != nil:
			sum += lineSum(t.wide, 1, int(p.side), i, spreadFactors(other, b.vec[1-p.side]))
		case t.form == formWide:
			sum += b.wideLine(t, int(p.side), i)
		case t.form == formPower:
			sum += float64(lineSum(t.copy, 1, int(p.side), i, spreadFactors(other, b.vecT[1-p.side])))
		default:
			sum += float64(lineSum(t.block.W, t.p, int(p.side), i, spreadFactors(other, b.vecT[1-p.side])))
		}
	}
	return log2(sum) + float64(s.rate[p.slot]*b.ell[s.unit[p.slot]]) + other.top + t.base
}

// lineSum is the weighted sum of row i (side 0) or column i of |w|^p.
func lineSum[E kernels.Float](w kernels.Matrix[E], p float64, side, i int, weights []E) E {
	var out [1]E
	line, axis := kernels.Matrix[E]{Data: w.Data[i:], Rows: w.Rows, Cols: 1, Stride: w.Stride}, 0
	if side == 0 {
		line, axis = rowVector(w.Row(i)), 1
	}
	if weights == nil {
		weights = []E{1}
	}
	kernels.PowerSumsWeighted(line, p, weights, out[:], axis)
	return out[0]
}

// wideLine is lineSum of a wide term that is not kept.
func (b *balancer[T]) wideLine(t *balanceTerm[T], side, i int) (sum float64) {
	rows, cols := &t.side[0], &t.side[1]
	from, to := i, i+1
	if side == 1 {
		from, to = 0, rows.n
	}
	row := kernels.MatrixOf(b.block(cols.n), 1, cols.n)
	for k := from; k < to; k++ {
		b.raise(row, t, k)
		if side == 1 {
			sum += float64(row.Data[i] * rows.at(k))
			continue
		}
		for j, v := range row.Data {
			sum += float64(v * cols.at(j))
		}
	}
	return sum
}
