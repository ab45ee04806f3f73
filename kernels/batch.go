package kernels

import "github.com/hebbkern/hebbkern/kernels/internal/portable"

// BatchUpdate is the update of a whole batch, g [B, out], x [B, in]:
//
//	w_ij ← w_ij·(1 − d_i − c_j) + Σ_n g_ni·x_nj
//
// decay is d, of length Rows, a scalar, or nil (left out); colDecay is c, of
// length Cols, a scalar, or nil. The decay is rounded as in Rank1. Each sum runs
// over the samples in order in blocks of 256, a block being a chain of fma from
// +0, and the blocks are added to the decayed weight in order, in T:
//
//	u = round(w_ij·f);   u = u + S_1;   u = u + S_2;   …
//
// w shares no element with the others.
func BatchUpdate[T Float](w, g, x Matrix[T], decay, colDecay []T) {
	const fn = "BatchUpdate"
	checkBatch(fn, w, g, x)
	checkSpread(fn, "decay", decay, w.Rows)
	checkSpread(fn, "colDecay", colDecay, w.Cols)
	own := w.region()
	checkApart(fn, "w", own, "decay", vectorRegion(decay))
	checkApart(fn, "w", own, "colDecay", vectorRegion(colDecay))
	if w.Rows == 0 || w.Cols == 0 {
		return
	}
	f := takeFrame[T]()
	f.batchUpdate(w, g, x, decay, colDecay)
	f.give()
}

// BatchUpdateTerms is BatchUpdate with the terms of Rank1, in the one pass that
// writes w: after the sums
//
//	u = u + a_i;   u = u + b_j
//	u = w_ij where the mask is false
//	u = minimum(maximum(u, Low), High), or with the limits of Dependence
//
// each for the term that is present; an absent one costs nothing. The products
// take the place of u.G and u.X, which are nil, and so are u.Sums and all of
// u.Dependence but the limits: what depends on the weight wants the sum first.
func BatchUpdateTerms[T Float](w, g, x Matrix[T], u Update[T]) {
	const fn = "BatchUpdateTerms"
	checkBatch(fn, w, g, x)
	flags := checkRank1(fn, w, &u)
	switch {
	case u.G != nil:
		refuse(fn, "G", "given", "none beside the batch")
	case u.Sums != nil:
		refuse(fn, "Sums", "given", "none of a batch")
	case flags&(portable.Rank1Soft|portable.Rank1Bistable) != 0:
		refuse(fn, "Dependence", "given", "limits alone for a batch")
	}
	if w.Rows == 0 || w.Cols == 0 {
		return
	}
	f := takeFrame[T]()
	e := &f.product.ending
	if u.RowAdd != nil {
		e.rowAdd, e.flags = filled(&f.vec[1], u.RowAdd, w.Rows), portable.MulRowAdd
	}
	if u.ColAdd != nil {
		e.colAdd, e.flags = filled(&f.vec[2], u.ColAdd, w.Cols), e.flags|portable.MulColAdd
	}
	if u.Mask != nil {
		e.mask, e.maskStride, e.flags = u.Mask, u.MaskStride, e.flags|portable.MulMask
	}
	if u.Bounded {
		e.lo, e.hi, e.flags = u.Low, u.High, e.flags|portable.MulBounds
	}
	if flags&portable.Rank1Limits != 0 {
		d := u.Dependence
		e.lows, e.highs, e.limitStride, e.flags = d.Lows, d.Highs, d.LimitStride, e.flags|batchLimits
	}
	f.batchUpdate(w, g, x, u.Decay, u.ColDecay)
	f.give()
}

func checkBatch[T Float](fn string, w, g, x Matrix[T]) {
	w.check(fn, "w")
	g.checkSize(fn, "g", g.Rows, w.Rows)
	x.checkSize(fn, "x", g.Rows, w.Cols)
	checkApart(fn, "w", w.region(), "g", g.region())
	checkApart(fn, "w", w.region(), "x", x.region())
}

// batchUpdate is the product of an update, with the ending that the caller has
// filled in.
func (f *frame[T]) batchUpdate(w, g, x Matrix[T], decay, colDecay []T) {
	j := &f.product
	j.a, j.aRow, j.aCol, j.b = g, 1, g.Stride, x
	if decay != nil || colDecay != nil {
		j.keep = grow(&f.vec[0], w.Rows)
		j.flags = portable.MulKeep
		d := overRows(decay, w.Rows)
		for i := range j.keep {
			j.keep[i] = 1
			if decay != nil {
				j.keep[i] -= d.v[i*d.step]
			}
			if len(colDecay) == 1 {
				j.keep[i] -= colDecay[0]
			}
		}
		if len(colDecay) > 1 {
			j.flags, j.c = portable.MulCols, colDecay
		}
	}
	f.multiply(w, g.Rows)
}

// filled is a vector of n elements, made in scratch where one stands for all.
func filled[T Float](scratch *[]T, v []T, n int) []T {
	if len(v) == n {
		return v
	}
	all := grow(scratch, n)
	for k := range all {
		all[k] = v[0]
	}
	return all
}

// batchLimits is a flag of an ending beside those of MulTileFull.
const batchLimits = portable.MulBounds << 1

// batchEnding is what is done to the elements of a product after their sums.
type batchEnding[T Float] struct {
	flags          int
	rowAdd, colAdd []T // whole
	mask           []bool
	maskStride     int
	lo, hi         T
	lows, highs    []T
	limitStride    int
}

// full is a row of tiles, n columns from j on, with the ending: what a mask
// leaves alone stays so in every block of terms, the other terms follow the
// last. Limits by element need more registers than the sums leave, and are a
// pass over the tiles while they are in the cache.
func (b *block[T]) full(i, m, j, n int, a, from, keep, c []T, aStride, bStride, bPanel int) {
	e := &b.p.ending
	var rowAdd, colAdd []T
	var mask []bool
	flags := b.flags | e.flags&portable.MulMask
	if b.last {
		flags |= e.flags &^ batchLimits
	}
	if e.rowAdd != nil {
		rowAdd = e.rowAdd[i:]
	}
	if e.colAdd != nil {
		colAdd = e.colAdd[j:]
	}
	if e.mask != nil {
		mask = e.mask[i*e.maskStride+j:]
	}
	w, stride := b.p.w.from(i, j), b.p.w.Stride
	kMulTileFull(w, a, from, keep, c, rowAdd, colAdd, mask, e.lo, e.hi, m, n, b.k, stride, aStride, bStride, bPanel, e.maskStride, flags)
	if b.last && e.lows != nil {
		at := i*e.limitStride + j
		kRank1Full(w, nil, nil, nil, nil, nil, nil, e.lows[at:], e.highs[at:], nil, 0, 0, 0, 0, 0, 0,
			m, n, stride, 0, 0, 0, e.limitStride, 0, portable.Rank1Limits)
	}
}
