package kernels

import (
	"slices"

	"github.com/hebbkern/hebbkern/kernels/internal/portable"
)

// Update is the terms of a rank-1 update. A nil slice is an absent term, which
// costs nothing; a slice of length 1 is a scalar for all rows or columns.
type Update[T Float] struct {
	G, X            []T // g_i over rows and x_j over columns; both or neither
	Decay, ColDecay []T // d_i over rows, c_j over columns
	RowAdd, ColAdd  []T // a_i over rows, b_j over columns
	Bounded         bool
	Low, High       T      // bounds, if Bounded; not NaN, Low ≤ High, infinities allowed
	Mask            []bool // element (i, j) at Mask[i*MaskStride+j]: true where w may change
	MaskStride      int    // 0: Cols
	P               float64
	Sums            []T            // if not nil, receives Σ_j |w_ij|^P of the new w by row, as PowerSums would
	Finite          *bool          // if not nil, receives whether every new w is a finite number; goes without Sums
	Dependence      *Dependence[T] // of the change on the weight itself, and limits by element; nil: none
}

// Dependence says how the change of a weight depends on the weight, and what its
// limits are where one pair of bounds is not enough.
type Dependence[T Float] struct {
	Soft              bool // the change times (w − SoftLow)(SoftHigh − w)
	SoftLow, SoftHigh T
	Bistable          bool // a drift γ·w(1 − w)(w − θ)
	Gamma, Theta      T
	// Limits of element (i, j) at i*LimitStride+j, in place of Bounded; both or neither, not NaN, Lows ≤ Highs. Stride 0,
	// with length Cols, is one row for all.
	Lows, Highs []T
	LimitStride int
}

// Rank1 updates the weights by an outer product and the other terms given:
//
//	w_ij ← clip(w_ij·(1 − d_i − c_j) + g_i·x_j + a_i + b_j, Low, High)
//
// Rounding and order, for the terms that are present, an absent one being left
// out and not replaced by zero:
//
//	f = 1;   Decay: f = 1 − d_i;   ColDecay: f = f − c_j
//	with either of them u = round(w_ij·f), else u = w_ij
//	u = fma(g_i, x_j, u);   u = u + a_i;   u = u + b_j
//	Soft: u = fma(u, (w_ij − SoftLow)·(SoftHigh − w_ij), w_ij)
//	Bistable: u = fma((γ·w_ij)·(1 − w_ij), w_ij − θ, u)
//	u = w_ij where the mask is false
//	u = minimum(maximum(u, Low), High)   (IEEE 754-2019: NaN stays, −0 < +0)
//
// with every difference and product of the two lines rounded. With Soft the
// lines above them give the change alone: f starts at 0 and so does u, that is
// u = round(w_ij·f) or +0.
//
// The bounds hold for masked elements too. Sums, and what Finite needs, are taken while the rows are
// in the first cache; P is as in PowerSums. No argument may share an element
// with w, nor with Sums.
func Rank1[T Float](w Matrix[T], u Update[T]) {
	flags := checkRank1("Rank1", w, &u)
	if w.Rows == 0 || w.Cols == 0 {
		clear(u.Sums)
		if u.Finite != nil {
			*u.Finite = true
		}
		return
	}
	summed := u.Sums != nil || u.Finite != nil
	if flags == 0 && !summed {
		return
	}
	// The commonest terms without a job: filling one in for its update takes 22 ns
	// more, a third of a small call.
	common := flags&^portable.Rank1Decay == portable.Rank1Outer && u.Sums == nil
	if common && len(u.X) == w.Cols && direct(&w) {
		g, far := overRows(u.G, w.Rows), w.distance()
		if flags == portable.Rank1Outer && u.Finite == nil {
			kRank1G(w.Data, g.v, u.X, w.Rows, w.Cols, w.Stride, g.step, far)
			return
		}
		var bad [1]T
		var look []T
		if u.Finite != nil {
			look = bad[:]
		}
		rank1Once(w.Data, look, overRows(u.Decay, w.Rows), g, u.X, w.Rows, w.Cols, w.Stride, flags, far)
		if u.Finite != nil {
			*u.Finite = bad[0] == 0
		}
		return
	}
	f := takeFrame[T]()
	j := &f.rank1
	work := w.Rows * w.Cols
	if summed {
		if j.kind = exponentSigned; u.Sums != nil {
			j.kind = exponentOf(u.P)
		}
		work += w.Rows * w.Cols * j.kind.cost() / 2
	}
	threads := threadsFor(work)
	j.grid = gridFor(w.Rows, w.Cols, threads)
	j.w, j.far, j.flags, j.lo, j.hi = w, w.distance(), flags, u.Low, u.High
	j.g, j.d, j.a = overRows(u.G, w.Rows), overRows(u.Decay, w.Rows), overRows(u.RowAdd, w.Rows)
	j.x, j.c, j.b = f.spread(0, u.X, w.Cols, blockCols), f.spread(1, u.ColDecay, w.Cols, blockCols), f.spread(2, u.ColAdd, w.Cols, blockCols)
	j.mask, j.maskStride, j.dependence = u.Mask, u.MaskStride, u.Dependence
	if common && summed {
		j.bad = grow(&f.rowPart, j.cells)
	} else if summed {
		j.exponent, j.locals = f.prepare(j.kind, u.P), f.localsFor(threads)
		j.part = u.Sums
		if j.across > 1 || u.Sums == nil {
			j.part = grow(&f.rowPart, j.across*w.Rows)
		}
	}
	run(j, j.cells, threads)
	if j.across > 1 && u.Sums != nil {
		total(u.Sums, j.part, w.Rows, j.across, j.kind)
	}
	switch {
	case j.bad != nil:
		*u.Finite = !slices.Contains(j.bad, 1)
	case u.Finite != nil:
		*u.Finite = finiteSums(j.part) || finiteAll(w)
	}
	*j = rank1Job[T]{}
	f.give()
}

// checkRank1 refuses bad arguments, fills in the mask's stride and gives the
// flags of the terms present.
func checkRank1[T Float](fn string, w Matrix[T], u *Update[T]) (flags int) {
	w.check(fn, "w")
	if (u.G == nil) != (u.X == nil) {
		arg, other := "G", "X"
		if u.G != nil {
			arg, other = "X", "G"
		}
		refuse(fn, arg, "nil", "a vector, since "+other+" is one")
	}
	own := w.region()
	// Absent vectors without a call: those of a small update would take a fifth of its time.
	if u.G != nil {
		checkTerm(fn, own, u.Sums, "G", u.G, w.Rows)
		checkTerm(fn, own, u.Sums, "X", u.X, w.Cols)
		flags = portable.Rank1Outer
	}
	if u.Decay != nil {
		checkTerm(fn, own, u.Sums, "Decay", u.Decay, w.Rows)
		flags |= portable.Rank1Decay
	}
	if u.ColDecay != nil {
		checkTerm(fn, own, u.Sums, "ColDecay", u.ColDecay, w.Cols)
		flags |= portable.Rank1ColDecay
	}
	if u.RowAdd != nil {
		checkTerm(fn, own, u.Sums, "RowAdd", u.RowAdd, w.Rows)
		flags |= portable.Rank1RowAdd
	}
	if u.ColAdd != nil {
		checkTerm(fn, own, u.Sums, "ColAdd", u.ColAdd, w.Cols)
		flags |= portable.Rank1ColAdd
	}
	if u.Bounded {
		switch {
		case u.Low != u.Low:
			refuse(fn, "Low", "NaN", "a number")
		case u.High != u.High:
			refuse(fn, "High", "NaN", "a number")
		case u.Low > u.High:
			refuse(fn, "Low", ftoa(u.Low), "at most High, which is "+ftoa(u.High))
		}
		flags |= portable.Rank1Bounds
	}
	if u.Mask != nil {
		if u.MaskStride == 0 {
			u.MaskStride = w.Cols
		}
		checkShape(fn, "Mask", len(u.Mask), w.Rows, w.Cols, u.MaskStride)
		mask := stridedRegion(u.Mask, w.Rows, w.Cols, u.MaskStride)
		checkApart(fn, "w", own, "Mask", mask)
		checkApart(fn, "Sums", vectorRegion(u.Sums), "Mask", mask)
		flags |= portable.Rank1Mask
	}
	if u.Dependence != nil {
		flags |= u.Dependence.check(fn, w, u)
	}
	if u.Finite != nil && u.Sums != nil {
		refuse(fn, "Finite", "given with Sums", "one of them")
	}
	if u.Sums != nil {
		checkLen(fn, "Sums", u.Sums, w.Rows)
		checkApart(fn, "w", own, "Sums", vectorRegion(u.Sums))
		checkExponent(fn, "P", u.P, true)
	}
	return flags
}

// checkTerm refuses a vector of the update of the wrong length, or that shares
// elements with w or the sums.
func checkTerm[T Float](fn string, w region, sums []T, arg string, v []T, want int) {
	checkSpread(fn, arg, v, want)
	checkApart(fn, "w", w, arg, vectorRegion(v))
	if sums != nil {
		checkApart(fn, "Sums", vectorRegion(sums), arg, vectorRegion(v))
	}
}

// finiteSums reports whether the sums of w are finite, and so w. They may
// overflow where w is finite.
func finiteSums[T Float](part []T) bool {
	var most [1]T
	for k := 0; k < len(part); k += cellElements {
		n := min(cellElements, len(part)-k)
		if kRowMaxAbs(most[:], part[k:], 1, n, n); !finite(most[0]) {
			return false
		}
	}
	return true
}

func finiteAll[T Float](w Matrix[T]) bool {
	for i := range w.Rows {
		for _, v := range w.Row(i) {
			if !finite(v) {
				return false
			}
		}
	}
	return true
}

// check refuses a bad dependence and gives the flags of its terms.
func (d *Dependence[T]) check(fn string, w Matrix[T], u *Update[T]) (flags int) {
	number := func(arg string, v T) {
		if !finite(v) {
			refuse(fn, arg, ftoa(v), "a finite number")
		}
	}
	if d.Soft {
		number("SoftLow", d.SoftLow)
		number("SoftHigh", d.SoftHigh)
		flags |= portable.Rank1Soft
	}
	if d.Bistable {
		number("Gamma", d.Gamma)
		number("Theta", d.Theta)
		flags |= portable.Rank1Bistable
	}
	if d.Lows == nil && d.Highs == nil {
		return flags
	}
	if u.Bounded {
		refuse(fn, "Lows", "given with Bounded", "one of them")
	}
	rows := w.Rows
	if d.LimitStride == 0 {
		rows = min(rows, 1)
	}
	for _, v := range [...]struct {
		arg  string
		data []T
	}{{"Lows", d.Lows}, {"Highs", d.Highs}} {
		if v.data == nil {
			refuse(fn, v.arg, "nil", "limits, since the others are given")
		}
		if d.LimitStride == 0 {
			checkLen(fn, v.arg, v.data, w.Cols)
		}
		checkShape(fn, v.arg, len(v.data), rows, w.Cols, d.LimitStride)
		region := stridedRegion(v.data, rows, w.Cols, d.LimitStride)
		checkApart(fn, "w", w.region(), v.arg, region)
		checkApart(fn, "Sums", vectorRegion(u.Sums), v.arg, region)
	}
	if d.LimitStride == 0 {
		for j, low := range d.Lows {
			if !(low <= d.Highs[j]) {
				refuse(fn, "Lows", ftoa(low)+" at "+itoa(j), "at most Highs, which is "+ftoa(d.Highs[j]))
			}
		}
	}
	return flags | portable.Rank1Limits
}

// farRows is how many rows of a matrix in memory are updated before their sums are
// taken, which then come from the second cache: the primitives want rows that lie
// apart.
const farRows = 16

type rank1Job[T Float] struct {
	grid
	w          Matrix[T]
	g, d, a    span[T] // over rows
	x, c, b    span[T] // over columns
	mask       []bool
	maskStride int
	dependence *Dependence[T]
	lo, hi     T
	flags      int
	kind       exponent
	exponent   []T
	part       []T // sums by block of columns, nil: not wanted
	bad        []T // by cell: 1 if a new w is not finite
	far        int
	locals     []local[T]
}

func (r *rank1Job[T]) cell(k, who int) {
	i0, i1, j0, j1 := r.at(k)
	switch {
	case r.bad != nil:
		rank1Once(r.w.from(i0, j0), r.bad[k:k+1], r.d.behind(i0), r.g.behind(i0), r.x.from(j0), i1-i0, j1-j0, r.w.Stride, r.flags, r.far)
		return
	case r.part == nil:
		r.update(i0, i1-i0, j0, j1-j0)
		return
	}
	part := r.part[j0/r.cellCols*r.rows:]
	step := l1Rows[T](j1 - j0)
	if r.far == 2 {
		step = max(step, farRows)
	}
	for ; i0 < i1; i0 += step {
		rows := min(step, i1-i0)
		r.update(i0, rows, j0, j1-j0)
		w, stride, kind := r.locals[who].terms(r.kind, r.w.from(i0, j0), r.exponent, rows, j1-j0, r.w.Stride)
		rowSums(kind, part[i0:], w, nil, rows, j1-j0, stride, 0)
	}
}

// rank1Once is one call of the primitive for an outer product and maybe decay,
// with a look for what is not finite if bad is not nil.
func rank1Once[T Float](w, bad []T, d, g span[T], x []T, rows, cols, stride, flags, far int) {
	switch decay := flags&portable.Rank1Decay != 0; {
	case decay && bad != nil:
		kRank1DGFinite(w, bad, d.v, g.v, x, rows, cols, stride, d.step, g.step, far)
	case decay:
		kRank1DG(w, d.v, g.v, x, rows, cols, stride, d.step, g.step, far)
	case bad != nil:
		kRank1GFinite(w, bad, g.v, x, rows, cols, stride, g.step, far)
	default:
		kRank1G(w, g.v, x, rows, cols, stride, g.step, far)
	}
}

// update takes the specialised primitive where the terms have one; all of them
// equal Rank1Full.
func (r *rank1Job[T]) update(i, rows, j, cols int) {
	const (
		outer    = portable.Rank1Outer
		decay    = portable.Rank1Decay
		colDecay = portable.Rank1ColDecay
		bounds   = portable.Rank1Bounds
	)
	w, stride := r.w.from(i, j), r.w.Stride
	switch r.flags {
	case 0:
	case outer, outer | decay:
		rank1Once(w, nil, r.d.behind(i), r.g.behind(i), r.x.from(j), rows, cols, stride, r.flags, r.far)
	case outer | colDecay:
		kRank1CG(w, r.c.from(j), r.g.from(i), r.x.from(j), rows, cols, stride, r.g.step, r.far)
	case outer | bounds:
		kRank1GClip(w, r.g.from(i), r.x.from(j), r.lo, r.hi, rows, cols, stride, r.g.step, r.far)
	case outer | decay | bounds:
		kRank1DGClip(w, r.d.from(i), r.g.from(i), r.x.from(j), r.lo, r.hi, rows, cols, stride, r.d.step, r.g.step, r.far)
	case outer | colDecay | bounds:
		kRank1CGClip(w, r.c.from(j), r.g.from(i), r.x.from(j), r.lo, r.hi, rows, cols, stride, r.g.step, r.far)
	case bounds:
		kClip(w, r.lo, r.hi, rows, cols, stride)
	default:
		var mask []bool
		if r.mask != nil {
			mask = r.mask[i*r.maskStride+j:]
		}
		if r.dependence != nil {
			r.full(i, rows, j, cols)
			return
		}
		kRank1Any(w, r.d.from(i), r.c.from(j), r.g.from(i), r.x.from(j), r.a.from(i), r.b.from(j), mask, r.lo, r.hi,
			rows, cols, stride, r.d.step, r.g.step, r.a.step, r.maskStride, r.flags)
	}
}

// full is update with a dependence.
func (r *rank1Job[T]) full(i, rows, j, cols int) {
	d := r.dependence
	var low, high []T
	if d.Lows != nil {
		low, high = d.Lows[i*d.LimitStride+j:], d.Highs[i*d.LimitStride+j:]
	}
	var mask []bool
	if r.mask != nil {
		mask = r.mask[i*r.maskStride+j:]
	}
	kRank1Full(r.w.from(i, j), r.d.from(i), r.c.from(j), r.g.from(i), r.x.from(j), r.a.from(i), r.b.from(j), low, high, mask,
		r.lo, r.hi, d.SoftLow, d.SoftHigh, d.Gamma, d.Theta, rows, cols, r.w.Stride, r.d.step, r.g.step, r.a.step,
		d.LimitStride, r.maskStride, r.flags)
}
