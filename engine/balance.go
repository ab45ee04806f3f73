package engine

import (
	"fmt"
	"math"

	"github.com/hebbkern/hebbkern/kernels"
)

// BalanceOptions are the options of Balance, of a Balancer and (P, IncludeBias) of Deficit.
type BalanceOptions struct {
	P           float64 // exponent of the cost Σ|w|^p: any real p > 0; it has no default
	IncludeBias bool    // count a unit's bias in its cost in (it is scaled in either case)
	// Order is the order in which a sweep visits the hidden populations: a permutation of 0 … H−1, where h is
	// the h-th hidden population. nil: 0, 1, …, H−1. The result does not depend on it, the sweeps needed do.
	Order []int
	// Tol is the largest |A − B|/(A + B) of a balanced unit; 0: 1e-9 in float64, 1e-6 in float32. It applies to
	// the scaled sums, in float64, before the one write.
	Tol       float64
	MaxSweeps int // 0: 10000
	// MaxScratch bounds the bytes in which |W|^p is kept as float64; a projection that does not fit is raised
	// to the power again in each sweep, with the same bits. 0: 1 GiB; negative: nothing is kept.
	MaxScratch int64
	// LogScale, if not nil, is the state of the solver in the caller's memory: log2 λ of every hidden unit,
	// population after population, HiddenUnits() long. It is the starting point (zeros: the weights as they
	// are) and is written by every sweep, so that a run may be cut into calls.
	LogScale []float64
}

// StopReason says why balancing stopped.
type StopReason string

// The reasons of a stop.
const (
	Converged    StopReason = "converged"  // every live unit is balanced to Tol
	SweepsUsedUp StopReason = "max_sweeps" // MaxSweeps sweeps were not enough; what was reached is written
)

// UnitID names a unit of a network.
type UnitID struct{ Population, Unit int }

// BalanceReport is the outcome of balancing. Costs and deficits are those of the scaled sums in float64.
type BalanceReport struct {
	Lambda        [][]float64 // for each hidden population the λ of its units: in × λ, bias × λ, out ÷ λ
	CostBefore    float64     // Σ|w|^p over all weights (and biases, if counted)
	CostAfter     float64
	DeficitBefore float64 // Σ_i (A_i − B_i)² over the hidden units
	DeficitAfter  float64
	Residual      float64 // max |A − B|/(A + B) over the live units, after
	Sweeps        int     // sweeps that changed a scale
	Reason        StopReason
	Dead          []UnitID // hidden units with A = 0 or B = 0, left as they were
}

// Balance scales the hidden units of a network to A_i = B_i, the unique minimum of Σ|w|^p over all scalings that
// leave the network's function unchanged (Baldi, Alexos, Domingo & Rahmansetayesh, AIJ 2025; mathematics page,
// section 4). A sweep visits the hidden populations in order and sets each live unit to its optimum given the
// others, λ ← λ·(B/A)^{1/(2p)}; units of one population do not interact. It solves for log λ on the fixed
// |W|^p and writes weights and biases once, at the end. A unit with A = 0 or B = 0 is left alone and reported.
//
// Errors, all before anything is written: *ArgError (p not a positive number, a hidden activation that is not
// homogeneous of degree 1: identity, ReLU, leaky ReLU and BiLU are, an Order that is no permutation, a negative Tol or
// MaxSweeps, scales that leave the range of T); *NonFiniteError for NaN or Inf in weights or biases.
func Balance[T kernels.Float](n *Network[T], o BalanceOptions) (*BalanceReport, error) {
	b, err := NewBalancer(n, o)
	if err != nil {
		return nil, err
	}
	if _, err := b.Sweep(b.maxSweeps); err != nil {
		return nil, err
	}
	return b.Apply()
}

// Balancer is Balance in steps, for callers that want to interrupt or watch: NewBalancer reads the network,
// Sweep moves the scales and writes only BalanceOptions.LogScale, Apply writes the network. The weights must not
// change in between.
type Balancer[T kernels.Float] struct {
	n         *Network[T]
	c         *costs[T]
	hidden    []int // populations
	order     []int
	tol       float64
	maxSweeps int
	alive     []bool // by hidden unit
	in, out   []float64
	state     []float64 // the caller's LogScale
	before    [2]float64
	sweeps    int
	residual  float64
	done      bool
}

// NewBalancer checks arguments and network, forms |W|^p and finds the dead units. Errors as of Balance.
func NewBalancer[T kernels.Float](n *Network[T], o BalanceOptions) (b *Balancer[T], err error) {
	defer guard(&err)
	const fn = "Balance"
	if err := n.check(fn); err != nil {
		return nil, err
	}
	b = &Balancer[T]{n: n, tol: o.Tol, maxSweeps: o.MaxSweeps, state: o.LogScale}
	if err := b.checkOptions(fn, &o); err != nil {
		return nil, err
	}
	b.c, err = newCosts(fn, n, o.P, o.IncludeBias, o.MaxScratch)
	if err != nil {
		return nil, err
	}
	// Dead is a matter of zeros, not of scale, so it is decided at λ = 1.
	m := n.maxUnits()
	b.in, b.out = make([]float64, m), make([]float64, m)
	b.alive = make([]bool, len(b.c.ell))
	for _, k := range b.hidden {
		b.c.costIn(k, b.in[:n.Populations[k].Units])
		b.c.costOut(k, b.out[:n.Populations[k].Units])
		for i := range n.Populations[k].Units {
			b.alive[b.c.offset[k]+i] = !math.IsInf(b.in[i], -1) && !math.IsInf(b.out[i], -1)
		}
	}
	for i, l := range b.state {
		if b.alive[i] {
			b.c.ell[i] = l
		}
	}
	b.before[0], b.before[1] = b.c.total()
	b.residual = math.NaN() // not measured yet
	return b, nil
}

func (b *Balancer[T]) checkOptions(fn string, o *BalanceOptions) error {
	if err := checkExponent(fn, o.P); err != nil {
		return err
	}
	for k := range b.n.Populations {
		p := &b.n.Populations[k]
		if !p.hidden() {
			continue
		}
		if p.Activation.Degree() != 1 {
			return badArg(fn, "activation", fmt.Sprintf("%v on hidden population %d", p.Activation.Kind, k),
				"identity, relu, leaky_relu or bilu, which are homogeneous of degree 1")
		}
		b.hidden = append(b.hidden, k)
	}
	b.order = o.Order
	if o.Order == nil {
		b.order = make([]int, len(b.hidden))
		for h := range b.order {
			b.order[h] = h
		}
	} else if !isPermutation(o.Order, len(b.hidden)) {
		return badArg(fn, "order", fmt.Sprint(o.Order), fmt.Sprintf("a permutation of 0 … %d", len(b.hidden)-1))
	}
	if !(o.Tol >= 0) || math.IsInf(o.Tol, 1) {
		return badArg(fn, "tol", fmt.Sprint(o.Tol), "a finite number ≥ 0")
	}
	if b.tol == 0 {
		b.tol = 1e-9
		if single[T]() {
			b.tol = 1e-6
		}
	}
	if o.MaxSweeps < 0 {
		return badArg(fn, "max_sweeps", fmt.Sprint(o.MaxSweeps), "a number ≥ 0")
	}
	if b.maxSweeps == 0 {
		b.maxSweeps = 10000
	}
	if o.MaxScratch == 0 {
		o.MaxScratch = 1 << 30
	}
	if o.LogScale != nil {
		if err := checkLen(fn, "log_scale", o.LogScale, b.n.HiddenUnits()); err != nil {
			return err
		}
		if !finite(o.LogScale) {
			return badArg(fn, "log_scale", "not finite", "finite numbers")
		}
	}
	return nil
}

func checkExponent(fn string, p float64) error {
	if !(p > 0) || math.IsInf(p, 1) {
		return badArg(fn, "p", fmt.Sprint(p), "a finite number > 0")
	}
	return nil
}

func isPermutation(v []int, n int) bool {
	if len(v) != n {
		return false
	}
	seen := make([]bool, n)
	for _, i := range v {
		if i < 0 || i >= n || seen[i] {
			return false
		}
		seen[i] = true
	}
	return true
}

// Sweep makes up to n sweeps and reports whether every live unit is balanced to Tol. A population is moved only
// if one of its units misses Tol; a sweep that moves none has measured all of them at one and the same state,
// which is the stop rule. A sequence of calls makes the sweeps of one call.
func (b *Balancer[T]) Sweep(n int) (done bool, err error) {
	defer guard(&err)
	if n < 0 {
		return b.done, badArg("Balance", "sweeps", fmt.Sprint(n), "a number ≥ 0")
	}
	for i := 0; i < n && !b.done; i++ {
		worst, moved := 0.0, false
		for _, h := range b.order {
			r := b.visit(h, true)
			worst = max(worst, r)
			moved = moved || r > b.tol
		}
		if moved {
			b.sweeps++
			b.residual = math.NaN()
		} else {
			b.residual, b.done = worst, true
		}
	}
	return b.done, nil
}

// visit measures hidden population h, max |A − B|/(A + B), and with move sets its live units to their optimum
// if that exceeds the tolerance. With ρ = log2(B/A) the residual is (1 − 2^−|ρ|)/(1 + 2^−|ρ|).
func (b *Balancer[T]) visit(h int, move bool) float64 {
	k := b.hidden[h]
	units := b.n.Populations[k].Units
	rho, t := b.in[:units], b.out[:units]
	b.c.costIn(k, rho)
	b.c.costOut(k, t)
	off := b.c.offset[k]
	ell := b.c.ell[off : off+units]
	for i := range rho {
		r := t[i] - rho[i] - float64(2*float64(b.c.p*ell[i]))
		// A sum that has left the range in the course of the sweeps holds its unit, as a dead one is held.
		if !b.alive[off+i] || r-r != 0 {
			r = 0
		}
		rho[i], t[i] = r, -math.Abs(r)
	}
	kernels.Exp2(t, t)
	worst := 0.0
	for _, v := range t {
		worst = max(worst, (1-v)/(1+v))
	}
	if move && worst > b.tol {
		for i, r := range rho {
			ell[i] += r / float64(2*b.c.p)
			if b.state != nil {
				b.state[off+i] = ell[i]
			}
		}
	}
	return worst
}

// LogScale returns log2 λ of every hidden unit, population after population: a view of the solver's state.
func (b *Balancer[T]) LogScale() []float64 { return b.c.ell }

// Sweeps returns the number of sweeps so far that changed a scale.
func (b *Balancer[T]) Sweeps() int { return b.sweeps }

// Apply writes the scaled weights w_ij ← (λ_i·w_ij)·(1/λ_j) and biases b_i ← λ_i·b_i, each product rounded, and
// reports. Where all λ of a projection are 1 nothing is written, so balancing a balanced network changes no bit.
// Errors: *ArgError if a scale leaves the range of T, before anything is written. Call it once.
func (b *Balancer[T]) Apply() (r *BalanceReport, err error) {
	defer guard(&err)
	if !b.done {
		b.residual = 0
		for _, h := range b.order {
			b.residual = max(b.residual, b.visit(h, false))
		}
	}
	r = &BalanceReport{CostBefore: b.before[0], DeficitBefore: b.before[1], Residual: b.residual, Sweeps: b.sweeps, Reason: SweepsUsedUp}
	if b.residual <= b.tol {
		r.Reason = Converged
	}
	r.CostAfter, r.DeficitAfter = b.c.total()
	if err := b.checkRange(); err != nil {
		return nil, err
	}
	for _, k := range b.hidden {
		off, u := b.c.offset[k], b.n.Populations[k].Units
		lambda := make([]float64, u)
		kernels.Exp2(lambda, b.c.ell[off:off+u])
		r.Lambda = append(r.Lambda, lambda)
		for i := range u {
			if !b.alive[off+i] {
				r.Dead = append(r.Dead, UnitID{Population: k, Unit: i})
			}
		}
	}
	b.write()
	return r, nil
}

// factors returns Λ^sign of a population in T, or nil if it is not scaled or all its Λ are 1.
func (b *Balancer[T]) factors(k int, sign float64) []T {
	off := b.c.offset[k]
	if off < 0 {
		return nil
	}
	f := make([]T, b.n.Populations[k].Units)
	moved := false
	for i := range f {
		l := b.c.ell[off+i]
		moved = moved || l != 0
		b.c.tmp[i] = float64(sign * l)
	}
	if !moved {
		return nil
	}
	kernels.Exp2(b.c.tmp[:len(f)], b.c.tmp[:len(f)])
	for i := range f {
		f[i] = T(b.c.tmp[i])
	}
	return f
}

func (b *Balancer[T]) write() {
	for q := range b.n.Projections {
		e := &b.n.Projections[q]
		rows, cols := b.factors(e.To, 1), b.factors(e.From, -1)
		if rows != nil || cols != nil {
			kernels.Scale(e.W, rows, cols)
		}
	}
	for k := range b.n.Populations {
		if bias := b.n.Populations[k].Bias; bias != nil {
			if f := b.factors(k, 1); f != nil {
				kernels.Scale(rowVector(bias), nil, f)
			}
		}
	}
}

// checkRange makes sure that no factor and no product of the one write leaves the normal numbers of T upward:
// |w| < 2^e times 2^ℓ, before the division by the presynaptic λ.
func (b *Balancer[T]) checkRange() error {
	limit := 1022.0
	if single[T]() {
		limit = 126
	}
	check := func(what string, e float64, k int) error {
		off := b.c.offset[k]
		if off < 0 {
			return nil
		}
		for _, l := range b.c.ell[off : off+b.n.Populations[k].Units] {
			if math.Abs(l) > limit || l+e > limit {
				return badArg("Balance", what, fmt.Sprintf("up to 2^%v with a scale of 2^%v", e, l),
					"weights whose balanced form fits the element type")
			}
		}
		return nil
	}
	for q := range b.n.Projections {
		if err := check(fmt.Sprintf("weights[%d]", q), b.c.exp[q], b.n.Projections[q].To); err != nil {
			return err
		}
	}
	for k := range b.n.Populations {
		if bias := b.n.Populations[k].Bias; bias != nil {
			if err := check(fmt.Sprintf("bias of population %d", k), exponent(bias), k); err != nil {
				return err
			}
		}
	}
	return nil
}

// Deficit returns the signed deficits A_i − B_i of all hidden units, population after population, into dst (nil:
// allocated, else HiddenUnits() long), and the network's deficit Σ_i (A_i − B_i)², a measure of the progress of
// training under L_p regularisation. It reads P and IncludeBias of o, and takes any activation. The network is
// not changed. Errors: *ArgError, *NonFiniteError.
func Deficit[T kernels.Float](n *Network[T], o BalanceOptions, dst []float64) (unit []float64, total float64, err error) {
	defer guard(&err)
	const fn = "Deficit"
	if err := n.check(fn); err != nil {
		return nil, 0, err
	}
	if err := checkExponent(fn, o.P); err != nil {
		return nil, 0, err
	}
	if dst == nil {
		dst = make([]float64, n.HiddenUnits())
	}
	if err := checkLen(fn, "dst", dst, n.HiddenUnits()); err != nil {
		return nil, 0, err
	}
	// Each sum is needed once, so only blocks of |W|^p are formed.
	c, err := newCosts(fn, n, o.P, o.IncludeBias, -1)
	if err != nil {
		return nil, 0, err
	}
	b := make([]float64, n.maxUnits())
	for k := range n.Populations {
		if off := c.offset[k]; off >= 0 {
			a := dst[off : off+n.Populations[k].Units]
			c.inOut(k, a, b[:len(a)])
			for i := range a {
				a[i] -= b[i]
				total += float64(a[i] * a[i])
			}
		}
	}
	return dst, total, nil
}
