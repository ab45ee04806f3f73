package engine

import (
	"fmt"
	"math"
	"unsafe"
)

// BalanceMethod is how BalanceGraph and Balance solve. All but MethodTied reach the same weights.
type BalanceMethod int

// The methods.
const (
	// MethodNewton solves for all log-scales together, in a few passes over the weights.
	MethodNewton BalanceMethod = iota
	// MethodSweeps visits the groups in order and sets each unit to its optimum given the others.
	MethodSweeps
	// MethodStochastic sets one unit after another, drawn at random, to its optimum; a sweep is as many draws as
	// there are units that may move.
	MethodStochastic
	// MethodTied has one λ for each group: the closed form for a chain of layers.
	MethodTied
)

// CostTerm is a part Weight·Σ|w|^P of a cost.
type CostTerm struct{ Weight, P float64 }

// BalanceOptions are the options of Balance, BalanceGraph and (P, Mixture, Cost, IncludeBias) of Deficit.
type BalanceOptions struct {
	P       float64    // exponent of the cost Σ|w|^p: any real p > 0; it has no default
	Mixture []CostTerm // instead of P: the cost Σ_k Weight_k·Σ|w|^P_k. A and B are Σ w·g′(w) then
	// Cost, instead of P and Mixture, is any other cost that is a sum over the weights, for MethodSweeps.
	Cost *AdditiveCost
	// IncludeBias counts a unit's bias in its cost in (it is scaled in either case); for Networks.
	IncludeBias bool
	Method      BalanceMethod
	// Order is the order in which a sweep visits the groups, for a Network the hidden populations: a permutation of
	// 0 … G−1. nil: ascending. The result does not depend on it, the sweeps needed do.
	Order []int
	Seed  uint64 // of MethodStochastic
	// Tol is the largest |A − cB|/(A + cB) of a balanced unit; 0: 1e-9 in float64, 1e-6 in float32. It applies to
	// the scaled sums before the one write.
	Tol       float64
	MaxSweeps int // sweeps or steps; 0: 10000
	// MaxScratch bounds the bytes of copies of |W|^p, for exponents without a direct form and for weights α_ij; what
	// does not fit is raised to the power again in each pass. 0: what is needed for weights of up to 64 MiB, and for
	// larger ones a 32nd of their size: there are few passes, and memory is dearer; negative: none.
	MaxScratch int64
	// State, if not nil, is the solver's state in the caller's memory, BalanceStateLen long: its first
	// element 0 to begin, and written by every step, so that a run may be cut into calls.
	State []float64

	fn string
}

// StopReason says why balancing stopped.
type StopReason string

// The reasons of a stop.
const (
	Converged    StopReason = "converged"  // every live unit is balanced to Tol
	SweepsUsedUp StopReason = "max_sweeps" // MaxSweeps were not enough; what was reached is written
	Stalled      StopReason = "rounding"   // rounding of the sums hides what is left to be done; the best that was reached is written
)

func (o *BalanceOptions) parts() []CostTerm {
	switch {
	case len(o.Mixture) > 0:
		return o.Mixture
	case o.Cost != nil:
		return []CostTerm{{1, 1}} // for zeros and connections
	}
	return []CostTerm{{1, o.P}}
}

// check refuses bad options and sets the defaults.
func (o *BalanceOptions) check(fn string, single bool) error {
	o.fn = fn
	switch {
	case o.Cost != nil && (o.P != 0 || len(o.Mixture) > 0):
		return badArg(fn, "cost", "given beside p", "one of the two")
	case o.Cost != nil && o.Cost.Derivative == nil:
		return badArg(fn, "cost", "without a function", "the derivative of g")
	case o.Cost == nil && len(o.Mixture) == 0:
		if err := checkExponent(fn, o.P); err != nil {
			return err
		}
	}
	for k, part := range o.Mixture {
		if err := checkExponent(fn, part.P); err != nil {
			return err
		}
		if !(part.Weight > 0) || math.IsInf(part.Weight, 1) {
			return badArg(fn, "mixture", fmt.Sprintf("%v as weight %d", part.Weight, k), "finite numbers > 0")
		}
	}
	if o.Method < MethodNewton || o.Method > MethodTied {
		return badArg(fn, "method", fmt.Sprint(int(o.Method)), "a known method")
	}
	if o.Cost != nil && o.Method != MethodSweeps {
		return badArg(fn, "method", "another than sweeps for a general cost", "sweeps")
	}
	if !(o.Tol >= 0) || math.IsInf(o.Tol, 1) {
		return badArg(fn, "tol", fmt.Sprint(o.Tol), "a finite number ≥ 0")
	}
	if o.Tol == 0 {
		o.Tol = 1e-9
		if single {
			o.Tol = 1e-6
		}
	}
	if o.MaxSweeps < 0 {
		return badArg(fn, "max_sweeps", fmt.Sprint(o.MaxSweeps), "a number ≥ 0")
	}
	if o.MaxSweeps == 0 {
		o.MaxSweeps = 10000
	}
	return nil
}

// scratch is how many bytes of copies a balancer may make.
func (g *BalanceGraph[T]) scratch(most int64) int64 {
	if most != 0 {
		return max(most, 0)
	}
	bytes := int64(0)
	for q := range g.Blocks {
		if w := g.Blocks[q].stored(); g.Blocks[q].counted() {
			bytes += int64(w.Rows) * int64(w.Cols) * int64(unsafe.Sizeof(T(0)))
		}
	}
	if bytes <= 64<<20 {
		return math.MaxInt64
	}
	return bytes / 32
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
