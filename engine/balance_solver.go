package engine

import (
	"fmt"
	"math"
	"unsafe"

	"github.com/hebbkern/hebbkern/kernels"
)

// balancer solves for the log-scales of a graph. It writes only the state; apply writes the blocks.
type balancer[T kernels.Float] struct {
	g      *BalanceGraph[T]
	o      BalanceOptions
	share  *sharing
	use    []int // by block: the first over its array
	terms  []balanceTerm[T]
	status []UnitStatus
	free   []bool // by unit: representatives that may move
	live   []int  // the free units, ascending
	ground []int  // of each part without a tie to units that stay: one unit, held during a step
	apart  [][]bool
	pref   float64

	state balanceState
	ell   []float64 // by unit: log2 λ, a part of the state
	start bool      // all scales are 1
	limit int64

	logA, logB []float64 // by unit: log2 of A and of B
	rateA      []float64 // by unit: d log2 A / dℓ, p for a single exponent
	rateB      []float64
	logDegree  []float64 // by unit: log2 c
	worst      float64   // max |ρ|
	residual   float64
	cost       float64   // log2 of the cost
	ceiling    []float64 // by block: a bound of log2 |w|, from the sums

	vecT       [4][]T
	vec        [3][]float64
	units      [6][]float64 // scratch by unit
	one        [1]float64
	scratch    []float64
	newton     newtonStep
	coordinate coordinates
}

// newBalancer checks graph and options, takes the sums at the weights as they are and finds the units that cannot be
// scaled. The weights are read once.
func newBalancer[T kernels.Float](fn string, g *BalanceGraph[T], o BalanceOptions) (*balancer[T], error) {
	if err := g.check(fn); err != nil {
		return nil, err
	}
	if err := o.check(fn, single[T]()); err != nil {
		return nil, err
	}
	if n := g.groups(); o.Order != nil && !isPermutation(o.Order, n) {
		return nil, badArg(fn, "order", fmt.Sprint(o.Order), fmt.Sprintf("a permutation of 0 … %d", n-1))
	}
	b := &balancer[T]{g: g, o: o, limit: o.MaxScratch, start: true, ell: make([]float64, g.Units)}
	b.share, b.use = g.share(o.Method == MethodTied)
	b.status, b.free = make([]UnitStatus, g.Units), make([]bool, g.Units)
	for i := range g.Units {
		if g.Held != nil && g.Held[i] {
			b.share.fixed[b.share.find(i)] = true
		}
	}
	for i := range g.Units {
		r := b.share.find(i)
		switch {
		case g.Held != nil && g.Held[i]:
			b.status[i] = UnitHeld
		case b.share.fixed[r]:
			b.status[i] = UnitShared
		default:
			b.free[r] = true
		}
	}
	if err := b.addTerms(fn); err != nil {
		return nil, err
	}
	if err := b.evaluate(); err != nil {
		return nil, err
	}
	b.ceilings()
	b.findDead()
	b.findOffCycle()
	b.listLive()
	b.measure()
	if err := b.openState(fn); err != nil {
		return nil, err
	}
	return b, nil
}

func (b *balancer[T]) listLive() {
	b.live = b.live[:0]
	for i, f := range b.free {
		if f {
			b.live = append(b.live, i)
		}
	}
}

// unitOf is the unit whose scale row i has, −1 for none.
func (b *balancer[T]) unitOf(units []int, i int) int {
	if units == nil || units[i] < 0 {
		return -1
	}
	r := b.share.find(units[i])
	if b.share.fixed[r] {
		return -1
	}
	return r
}

func (b *balancer[T]) addTerms(fn string) error {
	g, rows, cols := b.g, 1, 1
	parts := b.o.parts()
	b.pref = 1
	if len(parts) == 1 {
		b.pref = parts[0].P
	}
	for q := range g.Blocks {
		block := &g.Blocks[q]
		rows, cols = max(rows, block.W.Rows), max(cols, block.W.Cols)
		if b.use[q] != q {
			continue
		}
		if !block.counted() {
			if !finiteMatrix(block.W, make([]T, block.W.Rows)) {
				return b.nonFinite(q)
			}
			continue
		}
		for _, part := range parts {
			// A is Σ p/pref·α|w|^p: Σα|w|^p for one exponent, Σ w·g′(w) for a mixture.
			t := balanceTerm[T]{block: block, q: q, p: part.P, base: log2(block.Alpha * part.Weight)}
			b.makeSide(&t, 0, block.Rows, block.W.Rows, !block.Transposed)
			b.makeSide(&t, 1, block.Cols, block.W.Cols, block.Transposed)
			t.loops = b.hasLoops(&t)
			b.terms = append(b.terms, t)
		}
	}
	b.vecT = [4][]T{make([]T, rows), make([]T, cols), make([]T, rows), make([]T, cols)}
	b.vec = [3][]float64{make([]float64, rows), make([]float64, cols), make([]float64, cols)}
	for k := range b.units {
		b.units[k] = make([]float64, g.Units)
	}
	b.logA, b.logB = make([]float64, g.Units), make([]float64, g.Units)
	b.rateA, b.rateB = make([]float64, g.Units), make([]float64, g.Units)
	b.logDegree = make([]float64, g.Units)
	for i := range b.logDegree {
		b.logDegree[i] = log2(g.degree(i))
	}
	for k := range b.terms {
		t := &b.terms[k]
		size := t.block.W.Rows * t.block.W.Cols
		switch {
		case size <= smallBlock || t.loops || t.block.Alphas.Data != nil:
			if err := b.widen(t); err != nil {
				return err
			}
		case !hasDirectForm(t.p):
			if bytes := int64(size) * int64(unsafe.Sizeof(T(0))); bytes <= b.limit {
				b.limit -= bytes
				t.form, t.copy = formPower, kernels.NewMatrix[T](t.block.W.Rows, t.block.W.Cols)
				for i := range t.copy.Rows {
					kernels.PowAbs(t.copy.Row(i), t.block.W.Row(i), t.p)
				}
			}
		}
	}
	return nil
}

// log2 and exp2 are those of package kernels, which have the same bits everywhere, of one number.
func log2(x float64) float64 {
	v := []float64{x}
	kernels.Log2(v, v)
	return v[0]
}

func exp2(x float64) float64 {
	v := []float64{x}
	kernels.Exp2(v, v)
	return v[0]
}

// makeSide maps the rows (columns) of a term to slots.
func (b *balancer[T]) makeSide(t *balanceTerm[T], k int, units []int, n int, post bool) {
	s := &t.side[k]
	s.n, s.post = n, post
	slotOf, identity := make(map[int]int32), true
	slots := make([]int32, n)
	last, lastSlot := -2, int32(-1) // rows of one unit are mostly neighbours
	for i := range n {
		u := b.unitOf(units, i)
		if u != last {
			last, lastSlot = u, -1
			if u >= 0 {
				known, ok := slotOf[u]
				if !ok {
					known = int32(len(s.unit))
					slotOf[u] = known
					s.unit = append(s.unit, u)
					rate := t.p
					if !post {
						rate = -float64(t.p * b.g.degree(u))
					}
					s.rate = append(s.rate, rate)
				}
				lastSlot = known
			}
		}
		slots[i] = lastSlot
		identity = identity && int(lastSlot) == i
	}
	if !identity {
		s.slot = slots
	}
	m := len(s.unit)
	s.factor, s.sum, s.log = make([]float64, m), make([]float64, m), make([]float64, m)
	s.share, s.part = make([]float64, m), make([]float64, m)
	s.raw = make([]float64, n)
}

// hasLoops reports whether a term has a row and a column of one unit with c = 1.
func (b *balancer[T]) hasLoops(t *balanceTerm[T]) bool {
	has := make(map[int]bool, len(t.side[0].unit))
	for _, u := range t.side[0].unit {
		has[u] = b.g.degree(u) == 1
	}
	for _, u := range t.side[1].unit {
		if has[u] {
			return true
		}
	}
	return false
}

// evaluate takes the sums of all terms at the present scales, and A and B of all units.
func (b *balancer[T]) evaluate() error {
	for k := range b.terms {
		if err := b.sumUp(&b.terms[k]); err != nil {
			return err
		}
	}
	b.merge(true, b.logA, b.rateA)
	b.merge(false, b.logB, b.rateB)
	logs := b.block(2 * len(b.terms))
	top := math.Inf(-1)
	for k := range b.terms {
		logs[k] = b.terms[k].log
		top = max(top, logs[k])
	}
	b.cost = logSum(logs[:len(b.terms)], top)
	return nil
}

// logSum is log2 Σ 2^x, for x ≤ top. It overwrites x.
func logSum(x []float64, top float64) float64 {
	if len(x) == 0 || math.IsInf(top, -1) {
		return math.Inf(-1)
	}
	for k := range x {
		x[k] -= top
	}
	kernels.Exp2(x, x)
	sum := []float64{0}
	for _, v := range x {
		sum[0] += v
	}
	kernels.Log2(sum, sum)
	return top + sum[0]
}

// merge adds the sums of all terms into A (post) or B, and says which part of it each is.
func (b *balancer[T]) merge(post bool, log, rate []float64) {
	top, acc, count := b.units[0], b.units[1], b.units[2]
	for i := range top {
		top[i], acc[i], count[i] = math.Inf(-1), 0, 0
	}
	each := func(do func(t *balanceTerm[T], s *balanceSide)) {
		for k := range b.terms {
			for j := range b.terms[k].side {
				if s := &b.terms[k].side[j]; s.post == post && len(s.unit) > 0 {
					do(&b.terms[k], s)
				}
			}
		}
	}
	shift := func(t *balanceTerm[T]) float64 { // log2 of p/pref
		if t.p == b.pref {
			return 0
		}
		return log2(t.p / b.pref)
	}
	each(func(t *balanceTerm[T], s *balanceSide) {
		d := shift(t)
		for k, u := range s.unit {
			if v := s.log[k] + d; !math.IsInf(v, -1) {
				top[u], count[u] = max(top[u], v), count[u]+1
			}
		}
	})
	copy(log, top)
	each(func(t *balanceTerm[T], s *balanceSide) {
		d := shift(t)
		for k, u := range s.unit {
			s.part[k] = s.log[k] + d - top[u]
			if count[u] == 0 {
				s.part[k] = math.Inf(-1)
			}
		}
		kernels.Exp2(s.part, s.part)
		for k, u := range s.unit {
			acc[u] += s.part[k]
		}
	})
	several := false
	for u, c := range count {
		several = several || c > 1
		rate[u] = b.pref
		if c == 0 {
			acc[u] = 1
		}
	}
	if !several && len(b.o.Mixture) == 0 {
		return
	}
	extra := b.units[3]
	kernels.Log2(extra, acc)
	for u := range log {
		if count[u] > 1 {
			log[u] += extra[u]
		}
		rate[u] = 0
	}
	each(func(t *balanceTerm[T], s *balanceSide) {
		for k, u := range s.unit {
			s.part[k] /= acc[u]
			rate[u] += float64(t.p * s.part[k])
		}
	})
}

// imbalance is ρ_i = log2 A_i − log2 c_iB_i of a live unit.
func (b *balancer[T]) imbalance(i int) float64 {
	r := b.logA[i] - b.logB[i]
	if c := b.g.degree(i); c != 1 {
		r -= b.logDegree[i]
	}
	return r
}

// measure sets the residual, max |A − cB|/(A + cB) = (1 − 2^−|ρ|)/(1 + 2^−|ρ|) over the live units.
func (b *balancer[T]) measure() {
	b.worst = 0
	for _, i := range b.live {
		// A sum that has left the range in the course of the steps holds its unit, as a dead one is held.
		if r := math.Abs(b.imbalance(i)); r-r == 0 {
			b.worst = max(b.worst, r)
		}
	}
	r := exp2(-b.worst)
	b.residual = (1 - r) / (1 + r)
}

func (b *balancer[T]) findDead() {
	for i, free := range b.free {
		if free && (math.IsInf(b.logA[i], -1) || math.IsInf(b.logB[i], -1)) {
			b.hold(i, UnitDead)
		}
	}
}

// hold fixes a unit, and all that share its scale, at λ = 1.
func (b *balancer[T]) hold(i int, why UnitStatus) {
	b.free[i] = false
	for k := range b.status {
		if b.status[k] == UnitFree && b.share.find(k) == i {
			b.status[k] = why
		}
	}
}

// ceilings bounds the weights of each block from its first sums.
func (b *balancer[T]) ceilings() {
	b.ceiling = make([]float64, len(b.g.Blocks))
	for q := range b.ceiling {
		b.ceiling[q] = math.NaN()
	}
	for k := range b.terms {
		t := &b.terms[k]
		if t.block.Alphas.Data == nil && !t.loops {
			b.ceiling[t.q] = (t.log - log2(t.block.Alpha)) / t.p
		}
	}
}

func (b *balancer[T]) nonFinite(q int) error {
	w := b.g.Blocks[q].W
	for i := range w.Rows {
		for j, v := range w.Row(i) {
			if v-v != 0 {
				return &NonFiniteError{Func: b.o.fn, Array: "weights", Layer: q, Row: i, Col: j, Value: float64(v)}
			}
		}
	}
	panic(fmt.Sprintf("block %d is finite", q))
}
