package engine

import (
	"github.com/hebbkern/hebbkern/kernels"
)

// SpikeOptions are the options of the spiking rules' UpdateComposed; the zero value is Update.
type SpikeOptions[T kernels.Float] struct {
	// Compose is what a rule of spikes is joined with. A time step is an update: its Δ is what its events make of a weight,
	// each followed by the rule's own bounds. What Compose has is done after it, on all of W, and in every step.
	Compose *Composition[T]
	Rates   []T         // [steps], ≥ 0: factors of Δ by step; nil: 1
	Scratch *Scratch[T] // nil: allocated
}

// UpdateComposed is Update composed: see SpikeOptions. k is the number of steps that W and the traces hold. Errors: those
// of Update, and a *DivergenceError that names the step whose weights, or their norm, were not finite.
//
// A step takes the time of its events and a pass over W for bounds, two for the weight normalisation and four for soft
// bounds, drift and rates; a mask alone takes no pass by step.
func (r STDP[T]) UpdateComposed(w kernels.Matrix[T], pre, post kernels.Spikes, o SpikeOptions[T]) (k int, err error) {
	defer guard(&err)
	if err := r.Check(); err != nil {
		return 0, err
	}
	return updateSpikes("STDP", w, r.spikes(pre, post), r.Pairing, o, [4]string{"a_pre", "a_post"})
}

// UpdateComposed is as that of STDP.
func (r TripletSTDP[T]) UpdateComposed(w kernels.Matrix[T], pre, post kernels.Spikes, o SpikeOptions[T]) (k int, err error) {
	defer guard(&err)
	if err := r.Check(); err != nil {
		return 0, err
	}
	return updateSpikes("TripletSTDP", w, r.spikes(pre, post), r.Pairing, o, [4]string{"r1", "o1", "r2", "o2"})
}

// spiking is a sequence of time steps, composed.
type spiking[T kernels.Float] struct {
	updater[T]
	u     kernels.SpikeUpdate[T]
	rates []T
}

// check refuses what does not fit, before anything is written.
func (s *spiking[T]) check(fn string, o SpikeOptions[T]) error {
	var others []kernels.Matrix[T]
	for _, t := range [...]kernels.SpikeTrace[T]{s.u.R, s.u.O, s.u.R2, s.u.O2} {
		others = append(others, rowVector(t.V))
	}
	if err := s.checkComposed(fn, o.Compose, others...); err != nil || o.Rates == nil {
		return err
	}
	if err := checkLen(fn, "rates", o.Rates, s.u.Pre.Rows); err != nil {
		return err
	}
	for _, rate := range o.Rates {
		if err := checkRate[T](fn, "rates", float64(rate)); err != nil {
			return err
		}
	}
	for _, m := range append(others, s.w) {
		if overlap(m, rowVector(o.Rates)) {
			return badArg(fn, "rates", "overlapping an array that is written", "arrays that share no element")
		}
	}
	return nil
}

// run is the sequence; it returns the steps that are done.
func (s *spiking[T]) run(fn string, o SpikeOptions[T]) (int, error) {
	steps, c := s.u.Pre.Rows, o.Compose
	if steps == 0 || s.w.Rows == 0 || s.w.Cols == 0 {
		kernels.STDP(s.w, s.u)
		return steps, nil
	}
	scratch := o.Scratch.ready()
	s.compose(fn, c, scratch)
	s.rates = o.Rates
	if s.rates != nil || s.updater.rates != nil || c.perWeight() {
		return s.changes()
	}
	// Weights do not see each other's events. So what the mask leaves out is put back, and clipped, at the end.
	var kept kernels.Matrix[T]
	if c.Mask != nil {
		kept = scratch.matrix(s.w.Rows, s.w.Cols)
		copyRows(kept, s.w)
		defer s.putBack(kept)
	}
	limited := c.Low.Data != nil || c.High.Data != nil
	if !limited && c.Norm.Kind == NoWeightNorm {
		kernels.STDP(s.w, s.u)
		return steps, nil
	}
	for t := range steps {
		kernels.STDP(s.w, s.step(t))
		if limited {
			s.clip()
		}
		if err := s.normalizeRows(t); err != nil {
			return t + 1, err
		}
	}
	return steps, nil
}

// step is the update by step t alone.
func (s *spiking[T]) step(t int) kernels.SpikeUpdate[T] {
	one := s.u
	row := func(of kernels.Spikes) kernels.Spikes {
		of.Data, of.Rows = of.Data[t*of.Stride:], 1
		return of
	}
	one.Pre, one.Post = row(s.u.Pre), row(s.u.Post)
	return one
}

// clip is the bounds for all of W.
func (s *spiking[T]) clip() {
	var k kernels.Update[T]
	s.constrain(&k, 0)
	k.Mask = nil
	kernels.Rank1(s.w, k)
}

// putBack makes the weights that the mask leaves out what they were, within the bounds.
func (s *spiking[T]) putBack(kept kernels.Matrix[T]) {
	c := s.o.Compose
	for i := range s.w.Rows {
		old, row := kept.Row(i), s.w.Row(i)
		for j, may := range c.Mask[i*c.maskStride(s.w):][:len(row)] {
			if !may {
				row[j] = old[j]
			}
		}
	}
	if c.Low.Data != nil || c.High.Data != nil {
		s.clip()
	}
}

// changes goes by the Δ of each step, apart from W.
func (s *spiking[T]) changes() (int, error) {
	if s.delta.Data == nil {
		s.delta = s.s.matrix(s.w.Rows, s.w.Cols)
	}
	factors := s.s.t.take(1)
	if len(s.updater.rates) > 1 {
		factors = s.s.t.take(s.w.Rows)
	}
	for t := range s.u.Pre.Rows {
		copyRows(s.delta, s.w)
		kernels.STDP(s.delta, s.step(t))
		for i := range s.w.Rows {
			kernels.Rank1(rowVector(s.delta.Row(i)), kernels.Update[T]{G: minusOne[T](), X: s.w.Row(i)})
		}
		rate := T(1)
		if s.rates != nil {
			rate = s.rates[t]
		}
		for i := range factors {
			factors[i] = rate
			if s.updater.rates != nil {
				factors[i] = T(rate * s.rate(i))
			}
		}
		s.addRows(s.delta, factors, &s.s.fine)
		err := s.normalizeRows(t)
		switch {
		case !s.s.fine:
			return t + 1, s.diverged("the weights", t)
		case err != nil:
			return t + 1, err
		}
	}
	return s.u.Pre.Rows, nil
}
