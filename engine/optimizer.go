package engine

import (
	"fmt"
	"math"

	"github.com/hebbkern/hebbkern/kernels"
)

// OptimizerKind says what becomes of a gradient.
type OptimizerKind int

const (
	SGD           OptimizerKind = iota // w ← w − ηg
	MomentumSGD                        // v ← μv + g, w ← w − ηv; Nesterov: w ← w − η(μv + g)
	AdamOptimizer                      // Adam, by the moments of g
)

// Optimizer is the form of the update and its state; the rounding of each form is that of kernels.Momentum and
// kernels.Adam.
type Optimizer[T kernels.Float] struct {
	Kind         OptimizerKind
	Mu           float64 // μ of MomentumSGD, 0 to 1
	Nesterov     bool
	Beta1, Beta2 float64 // of AdamOptimizer, 0 ≤ β < 1
	Eps          float64 // of AdamOptimizer, ≥ 0
	// First holds the velocity of MomentumSGD or the first moments of AdamOptimizer, Second its second moments:
	// networks of the trained one's shape, starting at 0. Not read for SGD.
	First, Second *Network[T]
}

// NewOptimizer is an optimizer for n with moments at 0 and the customary constants: μ 0.9, β₁ 0.9, β₂ 0.999,
// ε 1e-8.
func NewOptimizer[T kernels.Float](n *Network[T], kind OptimizerKind) *Optimizer[T] {
	o := &Optimizer[T]{Kind: kind, Mu: 0.9, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}
	if kind != SGD {
		o.First = n.zeros()
	}
	if kind == AdamOptimizer {
		o.Second = n.zeros()
	}
	return o
}

// zeros is a network of the same shape in memory of its own, all parameters 0.
func (n *Network[T]) zeros() *Network[T] {
	z := &Network[T]{Populations: append([]Population[T](nil), n.Populations...), Projections: append([]Projection[T](nil), n.Projections...)}
	for k := range z.Populations {
		if b := z.Populations[k].Bias; b != nil {
			z.Populations[k].Bias = make([]T, len(b))
		}
	}
	for q := range z.Projections {
		w := z.Projections[q].W
		z.Projections[q].W = kernels.NewMatrix[T](w.Rows, w.Cols)
	}
	return z
}

func (o *Optimizer[T]) check(fn string, n *Network[T]) error {
	if o == nil {
		return nil
	}
	switch o.Kind {
	case SGD:
		return nil
	case MomentumSGD:
		if !(o.Mu >= 0 && o.Mu <= 1) {
			return badArg(fn, "momentum", fmt.Sprint(o.Mu), "0 to 1")
		}
	case AdamOptimizer:
		if !(o.Beta1 >= 0 && T(o.Beta1) < 1) {
			return badArg(fn, "beta1", fmt.Sprint(o.Beta1), "0 to 1, and below 1")
		}
		if !(o.Beta2 >= 0 && T(o.Beta2) < 1) {
			return badArg(fn, "beta2", fmt.Sprint(o.Beta2), "0 to 1, and below 1")
		}
		if err := checkRate[T](fn, "eps", o.Eps); err != nil {
			return err
		}
	default:
		return badArg(fn, "optimizer", fmt.Sprint(int(o.Kind)), "SGD, MomentumSGD or AdamOptimizer")
	}
	if err := n.checkTwin(fn, "moments", o.First); err != nil || o.Kind == MomentumSGD {
		return err
	}
	if err := n.checkTwin(fn, "moments", o.Second); err != nil {
		return err
	}
	return o.First.checkApart(fn, "moments", o.Second)
}

// power is b^t by squaring: unlike math.Pow it has the same bits everywhere.
func power(b float64, t int64) float64 {
	p := 1.0
	for ; t > 0; t >>= 1 {
		if t&1 == 1 {
			p *= b
		}
		b *= b
	}
	return p
}

// apply is update number `updates` (from 1 on) of the network by the gradient in grad.
func (t *Trainer[T]) apply(n, grad *Network[T], updates int64, s *Scratch[T]) {
	var o Optimizer[T]
	if t.Optimizer != nil {
		o = *t.Optimizer
	}
	step := parameterStep[T]{kind: o.Kind, momentum: kernels.MomentumStep[T]{Rate: T(t.LR), Mu: T(o.Mu), Nesterov: o.Nesterov}}
	if o.Kind == AdamOptimizer {
		step.adam = kernels.AdamStep[T]{Rate: T(t.LR / (1 - power(o.Beta1, updates))), Beta1: T(o.Beta1), Beta2: T(o.Beta2),
			Root: T(1 / math.Sqrt(1-power(o.Beta2, updates))), Eps: T(o.Eps)}
	}
	step.rate = s.t.take(1)
	step.rate[0] = -T(t.LR)
	step.decay = s.t.take(1)
	step.decay[0] = t.decay()
	moment := func(of *Network[T], q int) kernels.Matrix[T] {
		if of == nil {
			return kernels.Matrix[T]{}
		}
		return of.Projections[q].W
	}
	for q := range n.Projections {
		w := n.Projections[q].W
		t.shrink(w)
		step.matrix(w, moment(o.First, q), moment(o.Second, q), grad.Projections[q].W)
	}
	step.decay[0] = 0 // biases do not decay
	for k := range n.Populations {
		if b := n.Populations[k].Bias; b != nil {
			var m, v []T
			if o.First != nil {
				m = o.First.Populations[k].Bias
			}
			if o.Second != nil {
				v = o.Second.Populations[k].Bias
			}
			step.vector(b, m, v, grad.Populations[k].Bias)
		}
	}
}

// decay is the share of a weight that an update takes away in the closed form of p = 2, at most all of it.
func (t *Trainer[T]) decay() T {
	if t.DecayP != 0 && t.DecayP != 2 {
		return 0
	}
	return T(min(t.LR*t.Decay, 1))
}

// shrink is the decay of any other p.
func (t *Trainer[T]) shrink(w kernels.Matrix[T]) {
	if t.Decay == 0 || t.LR == 0 || t.DecayP == 0 || t.DecayP == 2 {
		return
	}
	eachVector(func(v [4][]T) { kernels.Shrink(v[0], T(t.LR*t.Decay), t.DecayP) }, w)
}

// parameterStep is an update with its numbers.
type parameterStep[T kernels.Float] struct {
	kind        OptimizerKind
	momentum    kernels.MomentumStep[T]
	adam        kernels.AdamStep[T]
	rate, decay []T // one element each: −η, and the share that decays
}

func (p *parameterStep[T]) matrix(w, m, v, g kernels.Matrix[T]) {
	switch p.kind {
	case SGD:
		eachVector(func(x [4][]T) { p.vector(x[0], nil, nil, x[1]) }, w, g)
	case MomentumSGD:
		eachVector(func(x [4][]T) { p.vector(x[0], x[1], nil, x[2]) }, w, m, g)
	default:
		eachVector(func(x [4][]T) { p.vector(x[0], x[1], x[2], x[3]) }, w, m, v, g)
	}
}

func (p *parameterStep[T]) vector(w, m, v, g []T) {
	switch p.kind {
	case SGD:
		u := kernels.Update[T]{G: p.rate, X: g}
		if p.decay[0] != 0 {
			u.Decay = p.decay
		}
		kernels.Rank1(rowVector(w), u)
	case MomentumSGD:
		o := p.momentum
		o.Keep = 1 - p.decay[0]
		kernels.Momentum(w, m, g, o)
	default:
		o := p.adam
		o.Keep = 1 - p.decay[0]
		kernels.Adam(w, m, v, g, o)
	}
}

// eachVector runs do over the elements of matrices of one shape: all at once if none has gaps between its rows, else
// row by row.
func eachVector[T kernels.Float](do func(v [4][]T), m ...kernels.Matrix[T]) {
	var v [4][]T
	whole := true
	for i := range m {
		whole = whole && (m[i].Stride == m[i].Cols || m[i].Rows == 1)
	}
	if m[0].Rows == 0 || m[0].Cols == 0 {
		return
	}
	if whole {
		for i := range m {
			v[i] = m[i].Data[:m[i].Rows*m[i].Cols]
		}
		do(v)
		return
	}
	for r := range m[0].Rows {
		for i := range m {
			v[i] = m[i].Row(r)
		}
		do(v)
	}
}
