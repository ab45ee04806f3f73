package engine

import (
	"math"

	"github.com/hebbkern/hebbkern/kernels"
)

// prepareComposition allocates, after the scratch has been reset.
func (u *updater[T]) prepareComposition() {
	c, in := u.o.Compose, u.w.Cols
	if c == nil {
		return
	}
	u.rates = c.RowRate
	u.constrained = c.constrains()
	u.apart = c.perWeight() && u.o.Reduction != Sequential || u.rates != nil && u.terms&(TermCol|TermColAdd) != 0
	d := &u.dependence
	*d = kernels.Dependence[T]{Soft: c.Soft, SoftLow: c.SoftLow, SoftHigh: c.SoftHigh, Bistable: c.Gamma != 0, Gamma: c.Gamma, Theta: c.Theta}
	given := c.Low.Data != nil || c.High.Data != nil
	u.bounded = given && forAll(c.Low) && forAll(c.High)
	if given && !u.bounded {
		rows := max(c.Low.Rows, c.High.Rows)
		switch {
		case u.sparseW:
			d.Lows, d.Highs, d.LimitStride = u.limitsCSR(c.Low, -1), u.limitsCSR(c.High, 1), len(u.csr.Data)
		case rows == 1:
			d.Lows, d.Highs, d.LimitStride = u.limits(c.Low, 1, -1), u.limits(c.High, 1, 1), 0
		default:
			d.Lows, d.Highs, d.LimitStride = u.limits(c.Low, rows, -1), u.limits(c.High, rows, 1), in
		}
	}
	u.dependent = d.Soft || d.Bistable || d.Lows != nil
	if c.Norm.Kind == NoWeightNorm {
		return
	}
	u.normOf = u.s.t.take(u.w.Rows)
	if c.Norm.Kind == Subtractive || c.Mask != nil {
		u.ones = u.s.t.take(in)
		for j := range u.ones {
			u.ones[j] = 1
		}
	}
	if c.Mask != nil {
		u.present = u.s.t.take(in)
	}
}

// limits is a bound as rows of in elements without gaps, an absent one being infinite with the given sign.
func (u *updater[T]) limits(m kernels.Matrix[T], rows, sign int) []T {
	in := u.w.Cols
	if m.Data != nil && m.Rows == rows && m.Cols == in && (m.Stride == in || rows == 1) {
		return m.Data[:rows*in]
	}
	v := u.s.t.take(rows * in)
	for i := range rows {
		row := v[i*in:][:in]
		if m.Data != nil && m.Cols == in {
			copy(row, m.Row(min(i, m.Rows-1)))
			continue
		}
		one := T(math.Inf(sign))
		if m.Data != nil {
			one = m.Data[0]
		}
		for j := range row {
			row[j] = one
		}
	}
	return v
}

// everywhere reports whether the composition may change rows that a rule with TermSparse leaves alone.
func (u *updater[T]) everywhere() bool { return u.constrained || u.normOf != nil }

// mapSample is the rule's Map of sample s of the call, with the rates by row.
func (u *updater[T]) mapSample(s int, x, y []T) {
	if u.numbered != nil {
		u.numbered.Number(s)
	}
	u.rule.Map(u.v, x, y)
	if u.rates == nil {
		return
	}
	scale := func(v []T) {
		if u.terms&TermSparse != 0 {
			for _, i := range u.v.Rows {
				v[i] = T(v[i] * u.rate(i))
			}
			return
		}
		for i := range v {
			v[i] = T(v[i] * u.rate(i))
		}
	}
	scale(u.v.G)
	if u.terms&TermDecay != 0 && u.terms&TermFixedDecay == 0 {
		scale(u.v.D)
	}
	if u.terms&TermRow != 0 {
		scale(u.v.A)
	}
}

func (u *updater[T]) rate(i int) T {
	if len(u.rates) == 1 {
		return u.rates[0]
	}
	return u.rates[i]
}

// constrain makes an update of the rows of W from row i on obey the composition.
func (u *updater[T]) constrain(k *kernels.Update[T], i int) {
	if !u.constrained {
		return
	}
	u.limit(k, i)
	if c := u.o.Compose; c.Mask != nil {
		k.MaskStride = c.maskStride(u.w)
		k.Mask = c.Mask[i*k.MaskStride:]
	}
	if u.dependent {
		d := &u.s.row
		*d = u.dependence
		if d.Lows != nil {
			d.Lows, d.Highs = d.Lows[i*d.LimitStride:], d.Highs[i*d.LimitStride:]
		}
		k.Dependence = d
	}
}

// limit is the bounds for all of constrain.
func (u *updater[T]) limit(k *kernels.Update[T], i int) {
	if !u.bounded {
		return
	}
	c := u.o.Compose
	k.Bounded, k.Low, k.High = true, T(math.Inf(-1)), T(math.Inf(1))
	if c.Low.Data != nil {
		k.Low = c.Low.Data[0]
	}
	if c.High.Data != nil {
		k.High = c.High.Data[0]
	}
}

// idle is the update of the rows of W that a rule with TermSparse leaves alone: drift and bounds. What is clipped
// stays so, so that without drift the first sample of a call does it for all.
func (u *updater[T]) idle(first bool) {
	drift := u.o.Compose.Gamma != 0
	if !u.constrained || !drift && !(first && (u.bounded || u.dependence.Lows != nil)) {
		return
	}
	rows := u.v.Rows
	for i := range u.w.Rows {
		if len(rows) > 0 && rows[0] == i {
			rows = rows[1:]
			continue
		}
		var k kernels.Update[T]
		u.constrain(&k, i)
		kernels.Rank1(rowVector(u.w.Row(i)), k)
	}
}
