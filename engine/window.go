package engine

import (
	"fmt"

	"github.com/hebbkern/hebbkern/kernels"
)

// Windowed is the windowed average gain of a population: the mean of the last
// values of a = f(I) or f′(I), as many as Values has rows, and of all while there are fewer. A step costs the same
// whatever the window, and nothing is subtracted, so that no error stays; kernels.WindowMean has the arithmetic.
//
// All of its state is in the arrays, which are the caller's and start at 0, and in Seen.
type Windowed[T kernels.Float] struct {
	Sigma  []T                     // [units], the gains
	Values kernels.Matrix[float64] // [window, units]
	Sum    []float64               // [units]
	Seen   int                     // values so far
	Of     GainOf
}

// NewWindowed allocates a windowed average gain. Errors: *ArgError for fewer than one unit or a window that is not
// 1 to 2^24.
func NewWindowed[T kernels.Float](units, window int, of GainOf) (*Windowed[T], error) {
	const fn = "NewWindowed"
	if units < 1 {
		return nil, badArg(fn, "units", fmt.Sprint(units), "at least 1")
	}
	if window < 1 || window > 1<<24 {
		return nil, badArg(fn, "window", fmt.Sprint(window), "1 to 2^24")
	}
	if err := checkGain(fn, of, Mean); err != nil {
		return nil, err
	}
	return &Windowed[T]{Sigma: make([]T, units), Values: kernels.NewMatrix[float64](window, units), Sum: make([]float64, units), Of: of}, nil
}

// Update observes a batch of inputs I = z [B, units] of a population with activation act: with Mean the mean of a
// over the batch is one value, with Sequential each row is. An empty batch changes nothing.
// Errors: *ArgError, before anything is written. s may be nil.
func (w *Windowed[T]) Update(z kernels.Matrix[T], act kernels.Activation, r Reduction, s *Scratch[T]) (err error) {
	defer guard(&err)
	const fn = "Windowed"
	if err := w.check(fn, z, act, r); err != nil {
		return err
	}
	if z.Rows == 0 || z.Cols == 0 {
		return nil
	}
	s = s.ready()
	a := averaged(w.Of, z, kernels.Matrix[T]{}, act, s)
	if r == Mean {
		kernels.WindowMeanBatch(w.Sigma, w.Values, w.Sum, a, w.Seen)
		w.Seen++
		return nil
	}
	for b := range a.Rows {
		kernels.WindowMean(w.Sigma, w.Values, w.Sum, a.Row(b), w.Seen)
		w.Seen++
	}
	return nil
}

func (w *Windowed[T]) check(fn string, z kernels.Matrix[T], act kernels.Activation, r Reduction) error {
	if err := checkInputs(fn, z, act, len(w.Sigma), w.Of, r); err != nil {
		return err
	}
	if w.Values.Rows < 1 || w.Values.Rows > 1<<24 {
		return badArg(fn, "values", fmt.Sprintf("of %d rows", w.Values.Rows), "a window of 1 to 2^24")
	}
	if err := checkMatrix(fn, "values", w.Values, -1, len(w.Sigma)); err != nil {
		return err
	}
	if err := checkLen(fn, "sum", w.Sum, len(w.Sigma)); err != nil {
		return err
	}
	if w.Seen < 0 {
		return badArg(fn, "seen", fmt.Sprint(w.Seen), "0 or more")
	}
	if overlap(z, rowVector(w.Sigma)) {
		return badArg(fn, "sigma", "overlapping z", "arrays that share no element")
	}
	for _, m := range []kernels.Matrix[float64]{w.Values, rowVector(w.Sum)} {
		if state, same := any(m).(kernels.Matrix[T]); same && (overlap(z, state) || overlap(rowVector(w.Sigma), state)) {
			return badArg(fn, "values or sum", "overlapping z or sigma", "arrays that share no element")
		}
	}
	if overlap(w.Values, rowVector(w.Sum)) {
		return badArg(fn, "sum", "overlapping values", "arrays that share no element")
	}
	return nil
}
