package engine

import (
	"fmt"

	"github.com/hebbkern/hebbkern/kernels"
)

// Composition is what any rule may be joined with (mathematics page, section 1, "Composition order"):
//
//	w ← clip(sign(w + mask∘(s(w)·Δ + bistable))),   then the weight normalisation
//
// with Δ as the rule, the reduction and MaxNorm give it. Each part is absent unless given; the zero value is none. A
// sample is one pass over W for the rules without residual but for MaxNorm, for rates by row of a rule with terms of
// columns, and for the normalisation. The sum or mean of a batch is its product and, for soft bounds and drift, a pass
// that adds it.
//
// The parts act on all of W at every update, also on the rows that a rule with TermSparse leaves alone.
type Composition[T kernels.Float] struct {
	// Low and High are the bounds of clip, IEEE 754-2019 minimum(maximum(w, low), high): [1, 1] for all weights, [1, in]
	// by column or [out, in]; without Data: none. They may be infinite, not NaN, and Low ≤ High, which is not checked for
	// [out, in]. A constraint of sign, as Dale's law, is a bound of 0: see SignLimits. Weights that the mask leaves out are
	// clipped too.
	Low, High kernels.Matrix[T]

	// Soft multiplies the whole Δ by s(w) = (w − SoftLow)(SoftHigh − w), finite and SoftLow < SoftHigh (Lagani 2023). A
	// Δ that is too large still leaves these bounds, so they are usually given as Low and High too.
	Soft              bool
	SoftLow, SoftHigh T

	// Gamma > 0 adds the drift γw(1 − w)(w − θ) at every update, to 0 or to 1 as w is below or above Theta (Lagani 2023).
	// It is not multiplied by η.
	Gamma, Theta T

	// Mask is true where a weight may change; element (i, j) is at i*MaskStride+j, MaskStride 0 being in. nil: everywhere.
	Mask       []bool
	MaskStride int

	// RowRate multiplies η by row, and so every part of Δ but a decay that is per update: [out] or [1], ≥ 0; nil: 1.
	RowRate []T

	// Norm keeps the rows to a norm after every update.
	Norm WeightNorm[T]
}

// Bound is a bound for all weights, for Composition.
func Bound[T kernels.Float](v T) kernels.Matrix[T] { return kernels.MatrixOf([]T{v}, 1, 1) }

// SignLimits are the bounds low and high joined with constraints of sign [rows, in], row after row: above 0 the weight
// may not be negative, below 0 not positive, 0 leaves it free. One row constrains columns, that is presynaptic units
// (Dale's law), out rows each weight. Errors: *ArgError, also where a bound leaves no weight of that sign.
func SignLimits[T kernels.Float](low, high T, sign []int8, rows int) (lows, highs kernels.Matrix[T], err error) {
	const fn = "SignLimits"
	switch {
	case !(low <= high):
		return lows, highs, badArg(fn, "low", fmt.Sprint(low), fmt.Sprintf("at most high, which is %v", high))
	case rows < 1 || len(sign)%rows != 0:
		return lows, highs, badArg(fn, "sign", fmt.Sprintf("length %d", len(sign)), fmt.Sprintf("whole rows, of which there are %d", rows))
	}
	lows, highs = kernels.NewMatrix[T](rows, len(sign)/rows), kernels.NewMatrix[T](rows, len(sign)/rows)
	for k, s := range sign {
		lows.Data[k], highs.Data[k] = low, high
		switch {
		case s > 0 && high < 0 || s < 0 && low > 0:
			return lows, highs, badArg(fn, "sign", fmt.Sprintf("%d at %d", s, k), fmt.Sprintf("a sign that the bounds %v and %v allow", low, high))
		case s > 0 && low <= 0:
			lows.Data[k] = 0
		case s < 0 && high >= 0:
			highs.Data[k] = 0
		}
	}
	return lows, highs, nil
}

// constrains reports whether any part but rates and the norm is there.
func (c *Composition[T]) constrains() bool {
	return c != nil && (c.Low.Data != nil || c.High.Data != nil || c.Soft || c.Gamma != 0 || c.Mask != nil)
}

// perWeight reports whether the Δ of a batch must be known apart from W.
func (c *Composition[T]) perWeight() bool {
	return c != nil && (c.Soft || c.Gamma != 0)
}

func (c *Composition[T]) check(fn string, w kernels.Matrix[T]) error {
	if err := c.checkBounds(fn, w); err != nil {
		return err
	}
	if c.Soft {
		if !(c.SoftLow < c.SoftHigh) || c.SoftLow-c.SoftLow != 0 || c.SoftHigh-c.SoftHigh != 0 {
			return badArg(fn, "soft bounds", fmt.Sprintf("%v and %v", c.SoftLow, c.SoftHigh), "finite ones, the lower below the upper")
		}
	}
	if err := checkRate[T](fn, "gamma", float64(c.Gamma)); err != nil {
		return err
	}
	if c.Theta-c.Theta != 0 {
		return badArg(fn, "theta", fmt.Sprint(c.Theta), "a finite number")
	}
	if stride := c.maskStride(w); c.Mask != nil && w.Rows > 0 && w.Cols > 0 && (stride < w.Cols || len(c.Mask) < (w.Rows-1)*stride+w.Cols) {
		return badArg(fn, "mask", fmt.Sprintf("length %d at stride %d", len(c.Mask), stride), fmt.Sprintf("the shape of w, [%d, %d]", w.Rows, w.Cols))
	}
	if c.RowRate != nil {
		if len(c.RowRate) != w.Rows && len(c.RowRate) != 1 {
			return badArg(fn, "row_lr", fmt.Sprintf("length %d", len(c.RowRate)), fmt.Sprintf("length %d or 1", w.Rows))
		}
		for _, r := range c.RowRate {
			if err := checkRate[T](fn, "row_lr", float64(r)); err != nil {
				return err
			}
		}
		if overlap(w, rowVector(c.RowRate)) {
			return badArg(fn, "row_lr", "overlapping w", "arrays that share no element")
		}
	}
	return c.Norm.check(fn)
}

func (c *Composition[T]) checkBounds(fn string, w kernels.Matrix[T]) error {
	for _, b := range []struct {
		arg string
		m   kernels.Matrix[T]
	}{{"low", c.Low}, {"high", c.High}} {
		m := b.m
		if m.Data == nil {
			continue
		}
		if err := checkMatrix(fn, b.arg, m, -1, -1); err != nil {
			return err
		}
		if !(m.Rows == 1 && m.Cols == 1 || m.Cols == w.Cols && (m.Rows == 1 || m.Rows == w.Rows)) {
			return badArg(fn, b.arg, fmt.Sprintf("shape [%d, %d]", m.Rows, m.Cols), fmt.Sprintf("[1, 1], [1, %d] or [%d, %d]", w.Cols, w.Rows, w.Cols))
		}
		if overlap(w, m) {
			return badArg(fn, b.arg, "overlapping w", "arrays that share no element")
		}
		if m.Rows == 1 {
			for _, v := range m.Row(0) {
				if v != v {
					return badArg(fn, b.arg, "NaN", "a number")
				}
			}
		}
	}
	if c.Low.Rows != 1 || c.High.Rows != 1 {
		return nil
	}
	low, high := c.Low.Row(0), c.High.Row(0)
	for j := range max(len(low), len(high)) * min(len(low), len(high), 1) { // none without columns
		if l, h := low[min(j, len(low)-1)], high[min(j, len(high)-1)]; l > h {
			return badArg(fn, "low", fmt.Sprint(l), fmt.Sprintf("at most high, which is %v", h))
		}
	}
	return nil
}

// forAll reports whether a bound is one value, or absent.
func forAll[T kernels.Float](m kernels.Matrix[T]) bool {
	return m.Data == nil || m.Rows == 1 && m.Cols == 1
}

func (c *Composition[T]) maskStride(w kernels.Matrix[T]) int {
	if c.MaskStride == 0 {
		return w.Cols
	}
	return c.MaskStride
}

// unfit names what keeps a sequence from running in blocks, "" for nothing. Rates by row are part of g and d.
func (c *Composition[T]) unfit() string {
	switch {
	case c == nil:
		return ""
	case c.Low.Data != nil || c.High.Data != nil:
		return "bounds"
	case c.Soft:
		return "soft bounds"
	case c.Gamma != 0:
		return "a bistable drift"
	case c.Mask != nil:
		return "a mask"
	case c.Norm.Kind != NoWeightNorm:
		return "weight normalisation"
	}
	return ""
}
