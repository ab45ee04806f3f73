package engine

import (
	"fmt"
	"math"

	"github.com/hebbkern/hebbkern/kernels"
)

// FeedbackOptions are the numbers that NewFeedback draws by.
type FeedbackOptions struct {
	Beta       float64 // FAEx: β, 0 means 0.1. FA and DFA: half width, 0 means √(6/(rows + columns))
	Excitatory float64 // FAEx: probability of +β, 0 to 1
}

// NewFeedback makes the feedback for a network: FA and DFA draw uniformly in ±Beta, FAEx draws +β or −β for each
// entry. The numbers come from a stream of the seed that nothing else reads, array after array, row after row.
// Errors: *ArgError.
func NewFeedback[T kernels.Float](n *Network[T], kind FeedbackKind, gate Gate, seed uint64, o FeedbackOptions) (*Feedback[T], error) {
	if err := n.check("NewFeedback"); err != nil {
		return nil, err
	}
	f := &Feedback[T]{Kind: kind, Gate: gate}
	switch kind {
	case FA:
		f.B = make([]kernels.Matrix[T], len(n.Projections))
	case DFA, FAEx:
		f.B = make([]kernels.Matrix[T], len(n.Populations))
	}
	for i := range f.B {
		if rows, cols := n.feedbackShape(kind, i); rows > 0 {
			f.B[i] = kernels.NewMatrix[T](rows, cols)
		}
	}
	if gate == GateDifferential {
		f.Previous = make([][]T, len(n.Populations))
		for k := range f.Previous {
			if n.Populations[k].hidden() {
				f.Previous[k] = make([]T, n.Populations[k].Units)
			}
		}
	}
	return f, f.Draw(n, seed, o)
}

// Draw writes the weights of NewFeedback into B, and keeps the options and the generator. Errors: *ArgError, before
// anything is written.
func (f *Feedback[T]) Draw(n *Network[T], seed uint64, o FeedbackOptions) error {
	const fn = "Feedback"
	if err := checkFeedbackOptions[T](fn, o); err != nil {
		return err
	}
	if err := f.checkShapes(fn, n); err != nil {
		return err
	}
	f.Options, f.RNG = o, NewRNG(seed, feedbackStream)
	for _, b := range f.B {
		drawFeedback(b, f.Kind, o, b.Rows, b.Cols, &f.RNG)
	}
	return nil
}

func checkFeedbackOptions[T kernels.Float](fn string, o FeedbackOptions) error {
	if !(o.Excitatory >= 0 && o.Excitatory <= 1) {
		return badArg(fn, "excitatory", fmt.Sprint(o.Excitatory), "0 to 1")
	}
	return checkRate[T](fn, "beta", o.Beta)
}

// DrawFeedback draws b, a part of the fixed weights [rows, cols] of a kind of feedback, from r: what a population that
// has grown needs. Row after row, as Draw does. Errors: *ArgError, before anything is written.
func DrawFeedback[T kernels.Float](b kernels.Matrix[T], kind FeedbackKind, o FeedbackOptions, rows, cols int, r *RNG) error {
	const fn = "DrawFeedback"
	if err := checkFeedbackOptions[T](fn, o); err != nil {
		return err
	}
	if kind != FA && kind != DFA && kind != FAEx {
		return badArg(fn, "feedback", fmt.Sprint(int(kind)), "FA, DFA or FAEx, which have fixed weights")
	}
	if err := checkMatrix(fn, "b", b, -1, -1); err != nil {
		return err
	}
	if b.Rows > rows || b.Cols > cols {
		return badArg(fn, "b", fmt.Sprintf("[%d, %d]", b.Rows, b.Cols), fmt.Sprintf("a part of [%d, %d]", rows, cols))
	}
	if *r == (RNG{}) {
		return badArg(fn, "rng", "all 0", "the state of a generator")
	}
	drawFeedback(b, kind, o, rows, cols, r)
	return nil
}

func drawFeedback[T kernels.Float](b kernels.Matrix[T], kind FeedbackKind, o FeedbackOptions, rows, cols int, r *RNG) {
	beta := o.Beta
	switch {
	case beta > 0:
	case kind == FAEx:
		beta = 0.1
	default:
		beta = math.Sqrt(6 / float64(rows+cols))
	}
	for row := range b.Rows {
		if kind != FAEx {
			Uniform(r, b.Row(row), -beta, beta)
			continue
		}
		for j := range b.Cols {
			v := T(beta)
			if r.Float64() >= o.Excitatory {
				v = -v
			}
			b.Row(row)[j] = v
		}
	}
}

// keepUnits follows KeepUnits of population k: what belongs to a unit that is gone goes.
func (f *Feedback[T]) keepUnits(n *Network[T], k int, kept []int) {
	if f == nil {
		return
	}
	f.eachOf(n, k, func(i int, post bool) {
		if post {
			f.B[i] = pick(f.B[i], kept, nil)
		} else {
			f.B[i] = pick(f.B[i], nil, kept)
		}
	})
	if k < len(f.Previous) && f.Previous[k] != nil {
		f.Previous[k] = pick(rowVector(f.Previous[k]), nil, kept).Data
	}
}

// growUnits follows GrowUnits of population k by `more` units: what the new ones need is drawn as Draw does, by the
// shape that the whole then has.
func (f *Feedback[T]) growUnits(n *Network[T], k, more int) {
	if f == nil {
		return
	}
	f.eachOf(n, k, func(i int, post bool) {
		b := f.B[i]
		if post {
			f.B[i] = enlarged(b, b.Rows+more, b.Cols)
			b = subRows(f.B[i], b.Rows, more)
		} else {
			f.B[i] = enlarged(b, b.Rows, b.Cols+more)
			b = subCols(f.B[i], b.Cols, more)
		}
		drawFeedback(b, f.Kind, f.Options, f.B[i].Rows, f.B[i].Cols, &f.RNG)
	})
	if k < len(f.Previous) && f.Previous[k] != nil {
		p := f.Previous[k]
		f.Previous[k] = enlarged(rowVector(p), 1, len(p)+more).Data
	}
}

// silenceUnits follows MaskUnits of population k: no error reaches them any more.
func (f *Feedback[T]) silenceUnits(n *Network[T], k int, dead []int) {
	if f == nil {
		return
	}
	f.eachOf(n, k, func(i int, post bool) {
		for row := 0; row < f.B[i].Rows && !post; row++ {
			for _, j := range dead {
				f.B[i].Row(row)[j] = 0
			}
		}
	})
}

// eachOf visits the fixed weights of which the rows (post) or the columns belong to the units of population k.
func (f *Feedback[T]) eachOf(n *Network[T], k int, visit func(i int, post bool)) {
	for i := range f.B {
		switch {
		case f.B[i].Rows == 0:
		case f.Kind != FA && i == k || f.Kind == FA && n.Projections[i].From == k:
			visit(i, false)
		case f.Kind == FA && n.Projections[i].To == k:
			visit(i, true)
		}
	}
}

// feedbackShape is the shape of B[i], 0 and 0 if there is none.
func (n *Network[T]) feedbackShape(kind FeedbackKind, i int) (rows, cols int) {
	if kind == FA {
		e := &n.Projections[i]
		if n.Populations[e.From].Input {
			return 0, 0
		}
		return e.W.Rows, e.W.Cols
	}
	if !n.Populations[i].hidden() {
		return 0, 0
	}
	return n.Populations[len(n.Populations)-1].Units, n.Populations[i].Units
}

func (f *Feedback[T]) checkShapes(fn string, n *Network[T]) error {
	want := 0
	switch f.Kind {
	case BP, SignFeedback:
	case FA:
		want = len(n.Projections)
	case DFA, FAEx:
		want = len(n.Populations)
	default:
		return badArg(fn, "feedback", fmt.Sprint(int(f.Kind)), "BP, FA, DFA, SignFeedback or FAEx")
	}
	if len(f.B) != want {
		return badArg(fn, "feedback_weights", fmt.Sprintf("a list of %d", len(f.B)), fmt.Sprintf("a list of %d", want))
	}
	for i := range f.B {
		rows, cols := n.feedbackShape(f.Kind, i)
		if err := checkMatrix(fn, "", f.B[i], rows, cols); err != nil {
			return indexed(err, "feedback_weights[%d]", i)
		}
	}
	return nil
}
