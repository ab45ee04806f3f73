package engine

import "github.com/hebbkern/hebbkern/kernels"

// online is a rule whose g and d follow from y, and a threshold by row, in one of the forms of kernels.ForwardUpdate: a
// sequence of it runs there, bit for bit as Map and one update a sample, and takes the threshold along. ok tells whether
// the parameters allow it.
type online[T kernels.Float] interface {
	Online() (factors kernels.Online[T], ok bool)
}

// onlineSamples is the length of a sequence from which one sweep for all samples repays the copy of W.
const onlineSamples = 4

// sweep runs the sequence row by row if it can; done is false when it did nothing. A y that is not finite ends the
// sequence at its sample, but rows have gone on by then: W and the state are put back, and the sequence runs sample by
// sample up to it.
func (u *updater[T]) sweep() (k int, done bool, err error) {
	rule, fits := u.rule.(online[T])
	if !fits || !u.compute || u.o.Normalize != NoNorm || u.o.Compose != nil || u.to-u.from < onlineSamples {
		return 0, false, nil
	}
	o, ok := rule.Online()
	if !ok {
		return 0, false, nil
	}
	o.Before, o.Sums = u.s.matrix(u.w.Rows, u.w.Cols), u.sums
	x, y := subRows(u.x, u.from, u.to-u.from), subRows(u.y, u.from, u.to-u.from)
	u.saveState()
	kernels.ForwardUpdate(u.w, x, y, o)
	good := u.badState() == ""
	for s := 0; good && s < y.Rows; s++ {
		good = finite(y.Row(s))
	}
	if !good {
		copyRows(u.w, o.Before)
		u.restoreState(u.from, 0)
		return 0, false, nil
	}
	if !finite(u.sums) && !u.finiteW() {
		return y.Rows, true, u.diverged("the weights", u.to-1)
	}
	return y.Rows, true, nil
}

// sweepCSR is sweep, also for one sample: its rows take their part of x once then.
func (u *updater[T]) sweepCSR() (k int, done bool, err error) {
	rule, fits := u.rule.(online[T])
	if !fits || !u.compute || u.o.Normalize != NoNorm || u.o.Compose != nil {
		return 0, false, nil
	}
	o, ok := rule.Online()
	if !ok {
		return 0, false, nil
	}
	o.Before, o.Sums = rowVector(u.s.t.take(len(u.csr.Data))), u.sums
	if len(u.csr.Data) == 0 {
		o.Before = kernels.Matrix[T]{}
	}
	x, y := subRows(u.x, u.from, u.to-u.from), subRows(u.y, u.from, u.to-u.from)
	u.saveState()
	kernels.ForwardUpdateCSR(u.csr, x, y, o)
	good := u.badState() == ""
	for s := 0; good && s < y.Rows; s++ {
		good = finite(y.Row(s))
	}
	if !good {
		copy(u.csr.Data, o.Before.Data)
		u.restoreState(u.from, 0)
		return 0, false, nil
	}
	if !finite(u.sums) && !u.finiteW() {
		return y.Rows, true, u.diverged("the weights", u.to-1)
	}
	return y.Rows, true, nil
}

// Online implements the sweep over a sequence.
func (r Hebb[T]) Online() (kernels.Online[T], bool) { return kernels.Online[T]{Rate: T(r.LR)}, true }

// Online implements the sweep over a sequence.
func (r Decay[T]) Online() (kernels.Online[T], bool) {
	return kernels.Online[T]{Rate: T(r.LR), Form: kernels.DecayConstant, Decay: T(r.Decay)}, true
}

// Online implements the sweep over a sequence.
func (r Oja[T]) Online() (kernels.Online[T], bool) {
	return kernels.Online[T]{Rate: T(r.LR), Form: kernels.DecayGainY}, true
}

// Online implements the sweep over a sequence.
func (r Instar[T]) Online() (kernels.Online[T], bool) {
	return kernels.Online[T]{Rate: T(r.LR), Form: kernels.DecayGain}, true
}
