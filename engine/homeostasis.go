package engine

import (
	"fmt"

	"github.com/hebbkern/hebbkern/kernels"
)

// Homeostasis goes with any rule: it sees the activity of the units and moves what makes it, so that each unit comes to a
// target of its own. The caller's arrays are its state.

// Threshold is a homeostatic threshold,
//
//	θ_i ← θ_i + rate·(y_i − target_i)
//
// for units whose input is u − θ (Földiák 1990, who has it for his own rule). Where y falls with θ its mean tends to
// the target.
type Threshold[T kernels.Float] struct {
	Theta  []T     // [n], the caller's
	Target []T     // [n] or [1]
	Rate   float64 // ≥ 0
}

// Update observes y [B, n]: with Sequential one step a sample, with Mean one with the mean of the batch, in T:
// θ ← fma(rate, y, θ) + round(−rate·target). Errors: *ArgError, *DivergenceError for a y that is not finite, at the sample
// named, whose predecessors have taken effect with Sequential. s may be nil.
func (h Threshold[T]) Update(y kernels.Matrix[T], r Reduction, s *Scratch[T]) (err error) {
	defer guard(&err)
	const fn = "Threshold"
	n := len(h.Theta)
	if err := checkHomeostasis(fn, h.Rate, r); err != nil {
		return err
	}
	if err := checkMatrix(fn, "y", y, -1, n); err != nil {
		return err
	}
	switch {
	case len(h.Target) != n && len(h.Target) != 1:
		return badArg(fn, "target", fmt.Sprintf("length %d", len(h.Target)), fmt.Sprintf("length %d or 1", n))
	case !finite(h.Target):
		return badArg(fn, "target", "a number that is not finite", "finite numbers")
	case overlap(y, rowVector(h.Theta)):
		return badArg(fn, "theta", "overlapping y", "arrays that share no element")
	case overlap(rowVector(h.Target), rowVector(h.Theta)):
		return badArg(fn, "target", "overlapping theta", "arrays that share no element")
	}
	s = s.ready()
	rate, down := s.t.take(1), s.t.take(len(h.Target))
	rate[0] = T(h.Rate)
	for i, t := range h.Target {
		down[i] = T(-rate[0] * t)
	}
	step := func(y []T) {
		kernels.Rank1(rowVector(h.Theta), kernels.Update[T]{G: rate, X: y, ColAdd: down})
	}
	for b := range y.Rows {
		if !finite(y.Row(b)) {
			return &DivergenceError{Func: fn, What: "y", Sample: b, Epoch: -1, Layer: -1}
		}
		if r == Sequential {
			step(y.Row(b))
		}
	}
	if r == Mean && y.Rows > 0 {
		mean := s.t.take(n)
		clear(mean)
		kernels.EMABatch(mean, y, 1, kernels.Value)
		step(mean)
	}
	return nil
}

// IntrinsicPlasticity fits the gain a and the bias b of units y = sigmoid(a·z + b) to an exponential distribution of y with
// the mean target (Triesch 2005):
//
//	Δb_i = rate·(1 − (2 + 1/target)·y_i + y_i²/target),   Δa_i = rate/a_i + z_i·Δb_i
type IntrinsicPlasticity[T kernels.Float] struct {
	Gain, Bias []T     // [n], the caller's: a, which starts above 0, and b
	Target     float64 // above 0, below 1
	Rate       float64 // ≥ 0
}

// Update observes z [B, n] and writes y [B, n]. With Sequential each sample's y is from the a and b that the sample before
// left, with Mean all are from those before the batch, and the step is the mean of the samples'. a·z + b is rounded
// after the product, the steps are taken in float64 and rounded once. Errors: *ArgError, *DivergenceError for a z, or a
// new a or b, that is not finite, at the sample named. s may be nil.
func (h IntrinsicPlasticity[T]) Update(z, y kernels.Matrix[T], r Reduction, s *Scratch[T]) (err error) {
	defer guard(&err)
	const fn = "IntrinsicPlasticity"
	n := len(h.Gain)
	if err := h.check(fn, z, y, r); err != nil {
		return err
	}
	s = s.ready()
	da, db := s.wide.take(n), s.wide.take(n)
	clear(da)
	clear(db)
	samples := 1.0
	if r == Mean {
		samples = float64(z.Rows)
	}
	step := func(sample int) error {
		for i := range n {
			h.Gain[i] = T(float64(h.Gain[i]) + float64(h.Rate*(da[i]/samples)))
			h.Bias[i] = T(float64(h.Bias[i]) + float64(h.Rate*(db[i]/samples)))
		}
		clear(da)
		clear(db)
		if !finite(h.Gain) || !finite(h.Bias) {
			return &DivergenceError{Func: fn, What: "the gain or the bias", Sample: sample, Epoch: -1, Layer: -1}
		}
		return nil
	}
	for b := range z.Rows {
		in, out := z.Row(b), y.Row(b)
		if !finite(in) {
			return &DivergenceError{Func: fn, What: "z", Sample: b, Epoch: -1, Layer: -1}
		}
		for i, v := range in {
			out[i] = T(h.Gain[i]*v) + h.Bias[i]
		}
		kernels.Activate(out, out, kernels.Activation{Kind: kernels.Sigmoid})
		for i, v := range out {
			a := float64(v)
			d := 1 - float64((2+1/h.Target)*a) + float64(a*a)/h.Target
			db[i] += d
			da[i] += 1/float64(h.Gain[i]) + float64(float64(in[i])*d)
		}
		if r == Sequential {
			if err := step(b); err != nil {
				return err
			}
		}
	}
	if r == Mean && z.Rows > 0 {
		return step(z.Rows - 1)
	}
	return nil
}

func (h IntrinsicPlasticity[T]) check(fn string, z, y kernels.Matrix[T], r Reduction) error {
	n := len(h.Gain)
	if err := checkHomeostasis(fn, h.Rate, r); err != nil {
		return err
	}
	if !(h.Target > 0 && h.Target < 1) {
		return badArg(fn, "target", fmt.Sprint(h.Target), "a number above 0 and below 1")
	}
	if len(h.Bias) != n {
		return badArg(fn, "bias", fmt.Sprintf("length %d", len(h.Bias)), fmt.Sprintf("length %d", n))
	}
	if err := checkMatrix(fn, "z", z, -1, n); err != nil {
		return err
	}
	if err := checkMatrix(fn, "y", y, z.Rows, n); err != nil {
		return err
	}
	written := []struct {
		arg string
		m   kernels.Matrix[T]
	}{{"z", z}, {"gain", rowVector(h.Gain)}, {"bias", rowVector(h.Bias)}, {"y", y}}
	for k, a := range written {
		for _, b := range written[k+1:] {
			if overlap(a.m, b.m) {
				return badArg(fn, b.arg, "overlapping "+a.arg, "arrays that share no element")
			}
		}
	}
	return nil
}

func checkHomeostasis(fn string, rate float64, r Reduction) error {
	if r != Sequential && r != Mean {
		return badArg(fn, "reduction", fmt.Sprint(int(r)), "sequential or mean")
	}
	if !(rate >= 0) || rate-rate != 0 {
		return badArg(fn, "rate", fmt.Sprint(rate), "a finite number ≥ 0")
	}
	return nil
}
