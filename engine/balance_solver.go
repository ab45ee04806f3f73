package engine

import (
	"fmt"
	"math"
	"sync"

	"github.com/hebbkern/hebbkern/kernels"
)

// balancer solves for the log-scales of a graph. It writes only the state; apply writes the blocks.
type balancer[T kernels.Float] struct {
	g      *BalanceGraph[T]
	o      BalanceOptions
	share  *sharing
	root   []int // by unit: the unit whose scale it has, −1 if sharing or the caller fixes it
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
	rho        []float64 // by unit: log2 A − log2 cB
	worst      float64   // max |ρ|
	residual   float64
	cost       float64   // log2 of the cost
	ceiling    []float64 // by block: a bound of log2 |w|, from the sums

	vecT       [4][]T
	vec        [3][]float64
	single     [2]bool      // A, B: no unit has more than one sum in it
	units      [3][]float64 // scratch by unit
	scratch    []float64
	mem        *balanceMemory
	slotOf     []int32
	slots      []int32 // scratch of makeSide
	newton     newtonStep
	coordinate coordinates
	additive   *additive // of a general cost
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
	b := &balancer[T]{g: g, o: o, limit: g.scratch(o.MaxScratch), start: true}
	b.takeMemory()
	b.ell = b.floats(g.Units)
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
	b.root = make([]int, g.Units)
	for i := range b.root {
		if b.root[i] = b.share.find(i); b.share.fixed[b.root[i]] {
			b.root[i] = -1
		}
	}
	if err := b.addTerms(fn); err != nil {
		return nil, err
	}
	if err := b.evaluate(); err != nil {
		return nil, err
	}
	b.ceilings()
	if b.o.Cost != nil {
		if err := b.probe(); err != nil {
			return nil, err
		}
	}
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
	return b.root[units[i]]
}

// evaluate takes the sums of all terms at the present scales, and A and B of all units.
func (b *balancer[T]) evaluate() error {
	if b.o.Cost != nil {
		return b.evaluateAdditive()
	}
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

// findSingles notes for A and B whether no unit has more than one sum in it.
func (b *balancer[T]) findSingles() {
	for k, post := range [2]bool{true, false} {
		count := b.units[0]
		clear(count)
		b.single[k] = len(b.o.Mixture) == 0
		b.eachSide(post, func(_ *balanceTerm[T], s *balanceSide) {
			for slot, u := range s.unit {
				count[u]++
				b.single[k] = b.single[k] && count[u] == 1
				s.part[slot] = 1
			}
		})
	}
	for i := range b.logA {
		b.logA[i], b.logB[i] = math.Inf(-1), math.Inf(-1)
		b.rateA[i], b.rateB[i] = b.pref, b.pref
	}
}

// eachSide calls do for the sides that sum into A (post) or B.
func (b *balancer[T]) eachSide(post bool, do func(t *balanceTerm[T], s *balanceSide)) {
	for k := range b.terms {
		for j := range b.terms[k].side {
			if s := &b.terms[k].side[j]; s.post == post && len(s.unit) > 0 {
				do(&b.terms[k], s)
			}
		}
	}
}

// merge adds the sums of all terms into A (post) or B, and says which part of it each is, and how fast it changes with
// the unit's own log-scale.
func (b *balancer[T]) merge(post bool, log, rate []float64) {
	if post && b.single[0] || !post && b.single[1] {
		b.eachSide(post, func(_ *balanceTerm[T], s *balanceSide) {
			for k, u := range s.unit {
				log[u] = s.log[k]
			}
		})
		return
	}
	acc := b.units[1]
	for i := range log {
		log[i], rate[i], acc[i] = math.Inf(-1), 0, 0
	}
	// Relative to the largest.
	b.eachSide(post, func(t *balanceTerm[T], s *balanceSide) {
		for k, u := range s.unit {
			log[u] = max(log[u], s.log[k]+t.shift)
		}
	})
	b.eachSide(post, func(t *balanceTerm[T], s *balanceSide) {
		for k, u := range s.unit {
			s.part[k] = s.log[k] + t.shift - log[u]
			if math.IsInf(log[u], -1) {
				s.part[k] = math.Inf(-1)
			}
		}
		kernels.Exp2(s.part, s.part)
		for k, u := range s.unit {
			acc[u] += s.part[k]
		}
	})
	extra := b.units[2]
	kernels.Log2(extra, acc)
	for u := range log {
		if acc[u] > 0 {
			log[u] += extra[u]
		}
	}
	b.eachSide(post, func(t *balanceTerm[T], s *balanceSide) {
		for k, u := range s.unit {
			if acc[u] > 0 {
				s.part[k] /= acc[u]
			}
			rate[u] += float64(t.p * s.part[k])
		}
	})
}

// measure sets ρ of the live units and the residual, max |A − cB|/(A + cB) = (1 − 2^−|ρ|)/(1 + 2^−|ρ|) over the live units.
func (b *balancer[T]) measure() {
	b.worst = 0
	for _, i := range b.live {
		r := b.logA[i] - b.logB[i] - b.logDegree[i]
		// A sum that has left the range in the course of the steps holds its unit, as a dead one is held.
		if r-r != 0 {
			r = 0
		}
		b.rho[i] = r
		b.worst = max(b.worst, math.Abs(r))
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
	b.ceiling = b.floats(len(b.g.Blocks))
	for q := range b.ceiling {
		b.ceiling[q] = math.NaN()
	}
	for k := range b.terms {
		t := &b.terms[k]
		if t.block.Alphas.Data == nil && !t.loops && b.o.Cost == nil {
			b.ceiling[t.q] = (t.log - log2(t.block.Alpha)) / t.p
		}
	}
}

func (b *balancer[T]) nonFinite(q int) error {
	block := &b.g.Blocks[q]
	for i := range block.shape()[0] {
		row, indices := block.line(i)
		for j, v := range row {
			if v-v != 0 {
				if indices != nil {
					j = int(indices[j])
				}
				return &NonFiniteError{Func: b.o.fn, Array: "weights", Layer: q, Row: i, Col: j, Value: float64(v)}
			}
		}
	}
	panic(fmt.Sprintf("block %d is finite", q))
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

// balanceMemory is what a balancer works in. It goes from one to the next, since balancing in training would else keep
// the garbage collector busy; its contents never affect a result.
type balanceMemory struct {
	floats arena[float64]
	copies arena[float64]
	ints   arena[int]
}

var balanceMemories sync.Pool

func (b *balancer[T]) takeMemory() {
	b.mem, _ = balanceMemories.Get().(*balanceMemory)
	if b.mem == nil {
		b.mem = &balanceMemory{}
	}
	b.mem.floats.reset()
	b.mem.copies.reset()
	b.mem.ints.reset()
}

// floats is n zeros.
func (b *balancer[T]) floats(n int) []float64 {
	v := b.mem.floats.take(n)
	clear(v)
	return v
}
