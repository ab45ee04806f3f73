package engine

import (
	"fmt"

	"github.com/hebbkern/hebbkern/kernels"
)

// FeedbackKind says by what the output error reaches the hidden populations.
type FeedbackKind int

const (
	// BP is backpropagation: a projection carries the signal back through its own weights.
	BP FeedbackKind = iota
	// FA is feedback alignment (Lillicrap et al. 2016): through fixed random weights of the same shape, projection
	// after projection.
	FA
	// DFA is direct feedback alignment (Nøkland 2016): each hidden population gets the output error through fixed
	// random weights of its own.
	DFA
	// SignFeedback goes through sign(W) of the current weights (Liao, Leibo & Poggio 2016), projection after
	// projection.
	SignFeedback
	// FAEx is DFA with ±β for weights, + for a given share of them: 1 is all excitatory (Konishi, Igarashi & Miura,
	// Front. Neurosci. 2023).
	FAEx
)

// Gate is what the signal to a hidden unit is multiplied by.
type Gate int

const (
	// GateDerivative is f′(z).
	GateDerivative Gate = iota
	// GateDifferential is Δy, the unit's activity minus that at the sample before; 0 at the first sample. What is
	// before the first sample of a minibatch is kept in Feedback.Previous.
	GateDifferential
)

// Feedback is the way of the error: a hidden population k learns by
//
//	ΔW_ij = −η · s_i · gate_i · x_j,   Δb_i = −η · s_i · gate_i
//
// as it does with backpropagation, but with s = d·B in place of d·W, where d is the signal of the population
// after it (FA; SignFeedback with sign(W)), or that of the output itself (DFA, FAEx). The output population learns by its own error in any case.
type Feedback[T kernels.Float] struct {
	Kind FeedbackKind
	// B are the fixed weights. FA: one for each projection, of the shape of its W, empty where it comes from an input.
	// DFA and FAEx: one for each population, [output units, units], empty for those that are not hidden. Else nil.
	B    []kernels.Matrix[T]
	Gate Gate
	// Previous is the activity of each hidden population at the last sample, nil for the others; Started says that
	// there was one. Both are read and written with GateDifferential only.
	Previous [][]T
	Started  bool
	// Options are the numbers that B was drawn by, and RNG the generator as it was left: what a population that grows
	// needs of B is drawn by them.
	Options FeedbackOptions
	RNG     RNG
}

// check also refuses a feedback through which a softmax cannot teach.
func (f *Feedback[T]) check(fn string, n *Network[T], loss Loss) error {
	if f == nil {
		return nil
	}
	if err := f.checkShapes(fn, n); err != nil {
		return err
	}
	for i := range f.B {
		if err := n.checkData(fn, "", f.B[i]); err != nil {
			return indexed(err, "feedback_weights[%d]", i)
		}
		if loss == SoftmaxCrossEntropy && f.fromOutput(n, i) && constantDown(f.B[i]) {
			return badArg(fn, fmt.Sprintf("feedback_weights[%d]", i), "equal for all outputs, through which a softmax, whose "+
				"errors add up to 0, would give every hidden unit an update of exactly 0",
				"a squared error, sigmoid outputs, or signs drawn per entry (0 < excitatory < 1)")
		}
	}
	switch f.Gate {
	case GateDerivative:
		return nil
	case GateDifferential:
	default:
		return badArg(fn, "gate", fmt.Sprint(int(f.Gate)), "GateDerivative or GateDifferential")
	}
	if len(f.Previous) != len(n.Populations) {
		return badArg(fn, "previous", fmt.Sprintf("a list of %d", len(f.Previous)), fmt.Sprintf("one for each population: %d", len(n.Populations)))
	}
	for k := range f.Previous {
		if n.Populations[k].hidden() {
			if err := checkLen(fn, "", f.Previous[k], n.Populations[k].Units); err != nil {
				return indexed(err, "previous[%d]", k)
			}
			if err := n.checkData(fn, "", rowVector(f.Previous[k])); err != nil {
				return indexed(err, "previous[%d]", k)
			}
		}
	}
	return nil
}

// fromOutput reports whether B[i] is what the output's error goes through.
func (f *Feedback[T]) fromOutput(n *Network[T], i int) bool {
	if f.B[i].Rows == 0 {
		return false
	}
	return f.Kind != FA || n.Projections[i].To == len(n.Populations)-1
}

// constantDown reports whether all rows are equal.
func constantDown[T kernels.Float](m kernels.Matrix[T]) bool {
	first := m.Row(0)
	for i := 1; i < m.Rows; i++ {
		for j, v := range m.Row(i) {
			if v != first[j] {
				return false
			}
		}
	}
	return true
}

// sendBack gives the presynaptic populations of k their signals, given k's own.
func (f *Feedback[T]) sendBack(n *Network[T], k int, d kernels.Matrix[T], s *Scratch[T]) {
	kind := BP
	if f != nil {
		kind = f.Kind
	}
	if kind == DFA || kind == FAEx {
		if k == len(n.Populations)-1 {
			for j := range f.B {
				if f.B[j].Rows > 0 {
					s.delta[j] = s.matrix(d.Rows, f.B[j].Cols)
					s.pieces(d.Rows, f.B[j].Rows*f.B[j].Cols, func(i, m int) {
						kernels.MatMul(subRows(s.delta[j], i, m), subRows(d, i, m), f.B[j])
					})
				}
			}
		}
		return
	}
	for q := range n.Projections {
		e := &n.Projections[q]
		if e.To != k || n.Populations[e.From].Input {
			continue
		}
		through := e.W
		switch kind {
		case FA:
			through = f.B[q]
		case SignFeedback:
			through = s.matrix(e.W.Rows, e.W.Cols)
			eachVector(func(v [4][]T) { kernels.Sign(v[0], v[1]) }, through, e.W)
		}
		t := s.matrix(d.Rows, through.Cols)
		s.pieces(d.Rows, through.Rows*through.Cols, func(i, m int) {
			kernels.MatMul(subRows(t, i, m), subRows(d, i, m), through)
		})
		if s.delta[e.From].Data == nil {
			s.delta[e.From] = t
		} else {
			addInto(s.delta[e.From].Data, t.Data, s)
		}
	}
}

// gate multiplies the signal of hidden population k by its gate.
func (f *Feedback[T]) gate(n *Network[T], k int, d kernels.Matrix[T], act *Activity[T], s *Scratch[T]) {
	if f == nil || f.Gate == GateDerivative {
		if k < len(s.slopes) && s.slopes[k].Data != nil {
			for b := range d.Rows {
				kernels.Scale(rowVector(d.Row(b)), nil, s.slopes[k].Row(b))
			}
			return
		}
		timesDerivative(d, act.Z[k], n.Populations[k].Activation, s)
		return
	}
	before := f.Previous[k]
	change := s.t.take(d.Cols)
	for b := range d.Rows {
		a := act.A[k].Row(b)
		for j := range change {
			change[j] = a[j] - before[j]
		}
		if b == 0 && !f.Started {
			clear(change)
		}
		kernels.Scale(rowVector(d.Row(b)), nil, change)
		before = a
	}
}

// keep remembers the last sample of a minibatch that was learned.
func (f *Feedback[T]) keep(act *Activity[T]) {
	if f == nil || f.Gate != GateDifferential {
		return
	}
	for k, p := range f.Previous {
		if p != nil {
			copy(p, act.A[k].Row(act.A[k].Rows-1))
		}
	}
	f.Started = true
}
