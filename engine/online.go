package engine

import "github.com/hebbkern/hebbkern/kernels"

// online is a rule whose g, d and a follow from y, and a threshold by row, in one of the forms of kernels.ForwardUpdate: a
// sequence of it runs there, bit for bit as Map and one update a sample, and takes the threshold along. With TermX the
// rule is presynaptic, too, and the sequence is one of Pre. ok tells whether the parameters allow it.
type online[T kernels.Float] interface {
	Online() (factors kernels.Online[T], ok bool)
}

const (
	// onlineSamples is the length of a sequence from which one sweep for all samples repays the copy of W.
	onlineSamples = 4
	// onlineChunk is the samples whose X is kept at once, and whose state is put back if one of them fails.
	onlineChunk = 256
)

// sweep runs the sequence row by row if it can, up to the sample that it returns: the end, or where a chunk begins that is
// to run sample by sample. A y that is not finite ends the sequence at its sample, but rows have gone on by then: W and
// the state are put back to the beginning of the chunk. On sparse weights one sample goes this way, too: its rows take their
// part of x once then.
func (u *updater[T]) sweep() (int, error) {
	if u.compute && u.o.Normalize == NoNorm {
		if to := u.sweepWinners(); to > u.from {
			return to, nil
		}
	}
	rule, fits := u.rule.(online[T])
	if !fits || !u.compute || u.o.Normalize != NoNorm || u.o.Compose != nil || !u.sparseW && u.to-u.from < onlineSamples {
		return u.from, nil
	}
	o, ok := rule.Online()
	if !ok {
		return u.from, nil
	}
	o.Sums = u.sums
	if !u.sparseW {
		o.Before = u.s.matrix(u.w.Rows, u.w.Cols)
	} else if n := len(u.csr.Data); n > 0 {
		o.Before = u.s.matrix(1, n)
	}
	if o.Theta != nil && o.Step == kernels.ThetaHeld { // a parameter: one for all, or memory that it shares
		theta := u.s.t.take(u.w.Rows)
		for i := range theta {
			theta[i] = o.Theta[min(i, len(o.Theta)-1)]
		}
		o.Theta = theta
	}
	chunk := u.to - u.from
	largest := u.s.t.take(chunk)
	var r kernels.Matrix[T]
	if u.terms&TermX != 0 {
		chunk = min(chunk, onlineChunk)
		r = u.s.matrix(chunk, u.w.Cols)
	}
	for s := u.from; s < u.to; s += chunk {
		x, y := subRows(u.x, s, min(chunk, u.to-s)), subRows(u.y, s, min(chunk, u.to-s))
		u.saveState()
		if r.Data != nil {
			o.R = subRows(r, 0, x.Rows)
			u.pre(o.R, x)
		}
		if u.sparseW {
			kernels.ForwardUpdateCSR(u.csr, x, y, o)
		} else {
			kernels.ForwardUpdate(u.w, x, y, o)
		}
		if u.badState() != "" || !finiteMatrix(y, largest) {
			if u.sparseW {
				copy(u.csr.Data, o.Before.Data)
			} else {
				copyRows(u.w, o.Before)
			}
			u.restoreState(s, 0)
			return s, nil
		}
	}
	if !finite(u.sums) && !u.finiteW() {
		return u.to, u.diverged("the weights", u.to-1)
	}
	return u.to, nil
}

// pre makes the X of samples and takes the state of the presynaptic units along.
func (u *updater[T]) pre(r, x kernels.Matrix[T]) {
	rule := u.rule.(presynaptic[T])
	for s := range x.Rows {
		rule.Pre(r.Row(s), x.Row(s))
		if u.state != nil {
			u.state.AdvancePre(subRows(x, s, 1))
		}
	}
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

// Online implements the sweep over a sequence.
func (r Outstar[T]) Online() (kernels.Online[T], bool) {
	return kernels.Online[T]{Rate: T(r.LR), Form: kernels.DecayColumn}, true
}

// Online implements the sweep over a sequence.
func (r PreGated[T]) Online() (kernels.Online[T], bool) {
	return kernels.Online[T]{Rate: T(r.LR), Factor: kernels.FactorAbove, Theta: r.Theta}, true
}

// Online implements the sweep over a sequence.
func (r PostGated[T]) Online() (kernels.Online[T], bool) {
	return kernels.Online[T]{Rate: T(r.LR)}, true
}

// Online implements the sweep over a sequence.
func (r AntiHebbian[T]) Online() (kernels.Online[T], bool) {
	return kernels.Online[T]{Rate: -T(r.LR)}, !r.ZeroDiagonal
}

// Online implements the sweep over a sequence.
func (r ABCD[T]) Online() (kernels.Online[T], bool) {
	return kernels.Online[T]{Rate: T(r.LR), Factor: kernels.FactorAffine, GA: T(r.A), GB: T(r.B), AA: T(r.C), AB: T(r.D)}, true
}

// Online implements the sweep over a sequence.
func (r DifferentialHebbian[T]) Online() (kernels.Online[T], bool) {
	return kernels.Online[T]{Rate: T(r.LR), Factor: kernels.FactorAbove, Theta: r.YBefore, Step: kernels.ThetaLast}, true
}

// Online implements the sweep over a sequence.
func (r Covariance[T]) Online() (kernels.Online[T], bool) {
	return kernels.Online[T]{Rate: T(r.LR), Factor: kernels.FactorAbove, Theta: r.YMean, Step: kernels.ThetaMean, Alpha: T(r.Alpha)}, true
}

// Online implements the sweep over a sequence. That of 1982 has its powers other than 2 sample by sample.
func (r BCM[T]) Online() (kernels.Online[T], bool) {
	o := kernels.Online[T]{Rate: T(r.LR), Factor: kernels.FactorProduct, Theta: r.Theta, Step: kernels.ThetaSquare, Alpha: T(r.Alpha)}
	switch r.Form {
	case BCMLaw:
		o.Factor = kernels.FactorLaw
	case BCM1982:
		o.Step, o.Cube = kernels.ThetaMean, T(1/r.C0)
	}
	if r.Decay != 0 {
		o.Form, o.Decay = kernels.DecayConstant, T(r.Decay)
	}
	return o, r.Form != BCM1982 || r.Power == 2 && o.Cube != 0
}
