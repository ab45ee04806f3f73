package engine

import (
	"math"

	"github.com/hebbkern/hebbkern/kernels"
)

// balanceState is the solver's state in the caller's memory: what it needs to go on from where a call ended.
type balanceState struct {
	head    []float64
	widened []float64      // by term: 1 if it has been widened
	best    []float64      // the log-scales of the least residual so far
	pairs   [][2][]float64 // s and y of L-BFGS, a ring
}

// The places in the head of the state.
const (
	stateOpen = iota
	stateSweeps
	stateCost    // log2 of the cost before
	stateDeficit // before
	statePairs   // pairs held
	stateNext    // where the next goes
	stateShift   // of the gradients in the pairs
	stateShifted // 1: stateShift is set
	stateBest    // the least residual so far
	stateStale   // steps without progress
	stateLeast   // log2 of the cost at the last progress
	stateNear    // 1 from where the steps are those near balance
	stateHead
)

// BalanceStateLen is the length of BalanceOptions.State for a graph with that many units and blocks.
func BalanceStateLen(units, blocks, exponents int) int {
	return stateHead + blocks*exponents + units*(2+2*history)
}

// openState takes up a state that a call before has left, or begins one.
func (b *balancer[T]) openState(fn string) error {
	units, mem := b.g.Units, b.o.State
	want := BalanceStateLen(units, len(b.g.Blocks), len(b.o.parts()))
	if mem == nil {
		mem = b.floats(want)
	} else if err := checkLen(fn, "state", mem, want); err != nil {
		return err
	}
	take := func(n int) []float64 {
		v := mem[:n:n]
		mem = mem[n:]
		return v
	}
	s := &b.state
	s.head = take(stateHead)
	s.widened = take(len(b.g.Blocks) * len(b.o.parts()))
	ell := take(units)
	s.best = take(units)
	for range history {
		s.pairs = append(s.pairs, [2][]float64{take(units), take(units)})
	}
	switch s.head[stateOpen] {
	case 0:
		clear(s.head)
		clear(s.widened)
		copy(ell, b.ell)
		b.ell = ell
		s.head[stateOpen], s.head[stateCost], s.head[stateDeficit] = 1, b.cost, b.deficits(nil)
		s.head[stateBest], s.head[stateLeast] = b.residual, b.cost
		return nil
	case 1:
	default:
		return badArg(fn, "state", "of no call before", "zeros, or what the call before has left")
	}
	if !finite(ell) {
		return badArg(fn, "state", "not finite", "zeros, or what the call before has left")
	}
	b.ell = ell
	for k := range b.terms {
		if t := &b.terms[k]; s.widened[k] == 1 && t.form != formWide {
			if err := b.widen(t); err != nil {
				return err
			}
		}
	}
	return b.refresh()
}

// refresh measures the present scales.
func (b *balancer[T]) refresh() error {
	b.start, b.newton.fresh = false, false
	if err := b.evaluate(); err != nil {
		return err
	}
	for k := range b.terms {
		if b.terms[k].form == formWide {
			b.state.widened[k] = 1
		}
	}
	b.measure()
	return nil
}

// deficits writes A_i − c_iB_i of all units, 0 of those that are held, and returns the sum of their squares. Units that
// share a scale have one deficit, which counts once.
func (b *balancer[T]) deficits(dst []float64) (sum float64) {
	a, c := b.units[0], b.units[1]
	kernels.Exp2(a, b.logA)
	for i := range c {
		c[i] = b.logB[i] + b.logDegree[i]
	}
	kernels.Exp2(c, c)
	for i := range a {
		j := b.root[i]
		if dst != nil {
			dst[i] = 0
		}
		if j < 0 {
			continue
		}
		d := a[j] - c[j]
		if dst != nil {
			dst[i] = d
		}
		if i == j {
			sum += float64(d * d)
		}
	}
	return sum
}

// run makes up to n sweeps, or steps, and reports whether it is at its end, and why.
func (b *balancer[T]) run(n int) (done bool, why StopReason, err error) {
	head := b.state.head
	for range n {
		switch {
		case b.residual <= b.o.Tol:
			return true, Converged, nil
		case int(head[stateSweeps]) >= b.o.MaxSweeps:
			return true, SweepsUsedUp, nil
		case head[stateStale] >= staleMost:
			copy(b.ell, b.state.best)
			return true, Stalled, b.refresh()
		}
		switch b.o.Method {
		case MethodNewton, MethodTied:
			err = b.newtonSweep()
		case MethodSweeps:
			if b.o.Cost != nil {
				err = b.additiveSweep()
			} else {
				err = b.groupSweep()
			}
		case MethodStochastic:
			err = b.randomSweep(int(head[stateSweeps]))
		}
		if err != nil {
			return true, "", err
		}
		head[stateSweeps]++
		head[stateStale]++
		if b.residual < 0.99*head[stateBest] || b.cost < head[stateLeast]-10*b.rounding() {
			head[stateStale], head[stateLeast] = 0, b.cost
		}
		if b.residual < head[stateBest] {
			if b.o.Method == MethodSweeps || b.o.Method == MethodStochastic {
				head[stateStale] = 0 // these may go slowly
			}
			head[stateBest] = b.residual
			copy(b.state.best, b.ell)
		}
	}
	return b.residual <= b.o.Tol, Converged, nil
}

// rounding is what rounding of the sums may change in log2 of the cost.
func (b *balancer[T]) rounding() float64 {
	if single[T]() {
		return 3e-7
	}
	return 1e-13
}

// staleMost is the number of steps without a smaller residual or a lower cost after which the solver gives up: what is left is the
// rounding of the sums.
const staleMost = 60

// newtonSweep makes one step. It never raises the cost by more than its rounding.
func (b *balancer[T]) newtonSweep() error {
	b.prepareNewton()
	n, head := &b.newton, b.state.head
	copy(n.oldEll, b.ell)
	for _, i := range b.live {
		n.half[i] = -b.rho[i] / (2 * (b.rateA[i] + float64(b.g.degree(i)*b.rateB[i])))
	}
	if b.residual <= farPhase && head[stateSweeps] > 0 {
		head[stateNear] = 1
	}
	far := head[stateNear] == 0
	if far || head[stateShifted] == 0 {
		n.fresh = false
		head[stateShift] = math.Inf(-1)
		for _, i := range b.live {
			if v := max(b.logA[i], b.logB[i]); v-v == 0 {
				head[stateShift] = max(head[stateShift], v)
			}
		}
		head[stateShifted] = 1
	}
	if !n.fresh {
		b.linear(head[stateShift])
	}
	if far {
		b.farDirection()
	} else {
		b.nearDirection()
	}
	worst := b.worst
	ok, err := b.lineSearch(far)
	if err != nil {
		return err
	}
	if !ok {
		head[statePairs], head[stateNear] = 0, 1
		for _, i := range b.live {
			b.ell[i] = n.oldEll[i]
			if d := n.half[i]; d-d == 0 {
				b.ell[i] += d
			}
		}
		return b.refresh()
	}
	switch {
	case !far:
		b.remember()
	case b.worst > 0.7*worst:
		head[stateNear] = 1 // the model leads no further
	}
	return nil
}

// farDirection is Newton's step on ρ with the model for the weights.
func (b *balancer[T]) farDirection() {
	n := &b.newton
	if len(n.coupled) > denseMost {
		// Conjugate gradients want the symmetric form: the gradient as it would be near balance.
		for _, i := range b.live {
			n.wa[i], n.wb[i] = n.a[i], n.b[i]
			weight := (float64(n.a[i]*b.rateA[i]) + float64(float64(b.g.degree(i)*n.b[i])*b.rateB[i]))
			n.dir[i] = float64(2*n.half[i]) * weight
			if n.dir[i]-n.dir[i] != 0 {
				n.dir[i] = 0
			}
		}
	} else {
		for _, i := range b.live {
			n.wa[i], n.wb[i] = 1, 1
			n.dir[i] = -b.rho[i]
		}
	}
	b.modelSolve(n.wa, n.wb, n.dir, n.dir)
}

// nearDirection is the L-BFGS step. Gradients are in units of pref·ln 2 and Hessians of pref·(ln 2)², so that the
// step is in units of 1/ln 2 too large, which is put right at its end: log-scales are to base 2.
func (b *balancer[T]) nearDirection() {
	n, head := &b.newton, b.state.head
	copy(n.dir, n.grad)
	pairs := int(head[statePairs])
	var alpha [history]float64
	at := func(k int) (s, y []float64) { // the k-th latest
		p := b.state.pairs[(int(head[stateNext])-1-k+2*history)%history]
		return p[0], p[1]
	}
	for k := range pairs {
		s, y := at(k)
		alpha[k] = b.dot(s, n.dir) / b.dot(s, y)
		b.add(n.dir, -alpha[k], y)
	}
	for _, i := range b.live {
		n.wa[i], n.wb[i] = n.a[i], n.b[i]
		n.dir[i] /= math.Ln2
	}
	b.modelSolve(n.wa, n.wb, n.dir, n.dir)
	for k := pairs - 1; k >= 0; k-- {
		s, y := at(k)
		b.add(n.dir, alpha[k]-b.dot(y, n.dir)/b.dot(s, y), s)
	}
	for _, i := range b.live {
		n.dir[i] = -n.dir[i]
		if n.a[i] == 0 || n.b[i] == 0 {
			n.dir[i] = n.half[i] // too small beside the others for their arithmetic
		}
	}
}

func (b *balancer[T]) dot(x, y []float64) (sum float64) {
	for _, i := range b.live {
		sum += float64(x[i] * y[i])
	}
	return sum
}

func (b *balancer[T]) add(y []float64, f float64, x []float64) {
	for _, i := range b.live {
		y[i] += float64(f * x[i])
	}
}

// lineSearch moves the scales along the direction to a point that lowers the cost and, near balance, has at most
// nine tenths of the slope (the strong condition of Wolfe), or a smaller residual. It reports false, with the sums at
// any point, if it finds none.
func (b *balancer[T]) lineSearch(far bool) (bool, error) {
	n := &b.newton
	shift, cost, residual, worst := b.state.head[stateShift], b.cost, b.residual, b.worst
	rounding := b.rounding()
	slope := b.dot(n.grad, n.dir)
	if !(slope-slope == 0) || !far && !(slope < 0) {
		return false, nil
	}
	copy(n.oldGrad, n.grad)
	low, high, t := 0.0, math.Inf(1), 1.0
	for range 12 {
		for _, i := range b.live {
			b.ell[i] = n.oldEll[i] + float64(t*n.dir[i])
		}
		if err := b.refresh(); err != nil {
			return false, err
		}
		b.linear(shift)
		n.fresh = true
		at := b.dot(n.grad, n.dir)
		lower := b.cost <= cost+rounding
		switch {
		case far && lower && (b.worst < 0.9*worst || b.cost < cost-rounding):
			return true, nil
		case !far && lower && (b.residual < 0.5*residual || math.Abs(at) <= -0.9*slope):
			return true, nil
		case far && !lower, !(at-at == 0):
			high, t = t, low+0.25*(t-low)
		case far:
			return false, nil
		case at > 0 || !lower:
			high = t
			f := 0.5
			if at > 0 {
				f = min(max(-slope/(at-slope), 0.1), 0.9)
			}
			t = low + float64(f*(high-low))
		default:
			low = t
			if math.IsInf(high, 1) {
				t *= 2
			} else {
				t = 0.5 * (low + high)
			}
		}
	}
	return false, nil
}

// remember keeps the last step and its change of the gradient.
func (b *balancer[T]) remember() {
	n, head := &b.newton, b.state.head
	p := b.state.pairs[int(head[stateNext])]
	for _, i := range b.live {
		p[0][i] = b.ell[i] - n.oldEll[i]
		p[1][i] = n.grad[i] - n.oldGrad[i]
	}
	if sy := b.dot(p[0], p[1]); !(float64(sy*sy) > 1e-20*float64(b.dot(p[0], p[0])*b.dot(p[1], p[1]))) || !(sy > 0) {
		return
	}
	head[stateNext] = float64((int(head[stateNext]) + 1) % history)
	head[statePairs] = min(head[statePairs]+1, history)
}
