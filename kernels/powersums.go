package kernels

import (
	"math"

	"github.com/hebbkern/hebbkern/kernels/internal/portable"
)

// exponent is the form in which |w|^p is computed.
type exponent int

const (
	exponentGeneral exponent = iota
	exponentHalf
	exponent1
	exponentThreeHalves
	exponent2
	exponent3
	exponent4
	exponentMax    // p = +Inf: the maximum norm
	exponentSigned // w itself
)

// exponentOf is the direct form of p if it has one.
func exponentOf(p float64) exponent {
	switch p {
	case 0.5:
		return exponentHalf
	case 1:
		return exponent1
	case 1.5:
		return exponentThreeHalves
	case 2:
		return exponent2
	case 3:
		return exponent3
	case 4:
		return exponent4
	case math.Inf(1):
		return exponentMax
	}
	return exponentGeneral
}

// cost is roughly the work of one value in elements of a bandwidth-bound kernel.
func (e exponent) cost() int {
	switch e {
	case exponentGeneral:
		return 8
	case exponentHalf, exponentThreeHalves:
		return 2
	}
	return 1
}

// readsAsOneStream reports whether both sums can read w in one stream at the
// speed of memory.
func (e exponent) readsAsOneStream() bool {
	return e == exponent1 || e == exponent2 || e == exponentSigned
}

func checkExponent(fn, arg string, p float64, infinite bool) {
	if !(p > 0) || (!infinite && math.IsInf(p, 1)) {
		want := "a finite number above 0"
		if infinite {
			want = "a number above 0, or +Inf"
		}
		refuse(fn, arg, ftoa(p), want)
	}
}

// PowerSums sums |w|^p by row, by column, or both in one pass over w:
//
//	rows_i = Σ_j |w_ij|^p        cols_j = Σ_i |w_ij|^p
//
// A nil slice is not wanted. p is above 0; p = +Inf gives the maximum norm
// max|w| (NaN if there is one). p = ½, 1, 3/2, 2, 3, 4 have direct forms.
//
// Rows: blocks of 4096 columns, each over 32 lanes (float32) or 16 (float64),
// halved; blocks added in order in float64, rounded once. Columns: rows in
// order in blocks of 256, blocks added in order in float64, rounded once. A sum
// adds value after value, lane = lane + |w|^p, for p = 2 lane = fma(w, w, lane).
// Sums of nothing are 0. The outputs share no element with w or each other.
func PowerSums[T Float](w Matrix[T], p float64, rows, cols []T) {
	const fn = "PowerSums"
	w.check(fn, "w")
	checkExponent(fn, "p", p, true)
	if rows != nil {
		checkLen(fn, "rows", rows, w.Rows)
		checkApart(fn, "w", w.region(), "rows", vectorRegion(rows))
	}
	if cols != nil {
		checkLen(fn, "cols", cols, w.Cols)
		checkApart(fn, "w", w.region(), "cols", vectorRegion(cols))
		checkApart(fn, "rows", vectorRegion(rows), "cols", vectorRegion(cols))
	}
	f := takeFrame[T]()
	f.powerSums(w, exponentOf(p), p, nil, rows, cols)
	f.give()
}

// PowerSumsWeighted sums |w|^p with a weight on each term, as solving for
// balance needs it without scaling w:
//
//	axis 1: out_i = Σ_j |w_ij|^p·v_j       axis 0: out_j = Σ_i |w_ij|^p·v_i
//
// where v is weights, of length Cols for axis 1 and Rows for axis 0, or of
// length 1. Each term is lane = fma(|w|^p, v, lane) in the order of PowerSums.
// p is above 0 and finite. out shares no element with w or weights.
func PowerSumsWeighted[T Float](w Matrix[T], p float64, weights, out []T, axis int) {
	const fn = "PowerSumsWeighted"
	w.check(fn, "w")
	checkExponent(fn, "p", p, false)
	along, kept := w.Cols, w.Rows
	switch axis {
	case 1:
	case 0:
		along, kept = kept, along
	default:
		refuse(fn, "axis", itoa(axis), "0 or 1")
	}
	if weights == nil {
		refuse(fn, "weights", "nil", "length "+itoa(along)+" or 1")
	}
	checkSpread(fn, "weights", weights, along)
	checkLen(fn, "out", out, kept)
	checkApart(fn, "w", w.region(), "out", vectorRegion(out))
	checkApart(fn, "out", vectorRegion(out), "weights", vectorRegion(weights))
	f := takeFrame[T]()
	if axis == 1 {
		f.powerSums(w, exponentOf(p), p, weights, out, nil)
	} else {
		f.powerSums(w, exponentOf(p), p, weights, nil, out)
	}
	f.give()
}

// PowerSumsBothWeighted sums |w|^p with weights by row and by column in one pass
// over w:
//
//	rows_i = Σ_j |w_ij|^p·v_j        cols_j = Σ_i |w_ij|^p·u_i
//
// with the bits of PowerSumsWeighted of either axis. v has length Cols and u
// length Rows, or 1. The outputs share no element with w, the weights or each
// other.
func PowerSumsBothWeighted[T Float](w Matrix[T], p float64, v, u, rows, cols []T) {
	const fn = "PowerSumsBothWeighted"
	w.check(fn, "w")
	checkExponent(fn, "p", p, false)
	for _, c := range [2]struct {
		name string
		v    []T
		n    int
	}{{"v", v, w.Cols}, {"u", u, w.Rows}} {
		if c.v == nil {
			refuse(fn, c.name, "nil", "length "+itoa(c.n)+" or 1")
		}
		checkSpread(fn, c.name, c.v, c.n)
		checkApart(fn, "rows", vectorRegion(rows), c.name, vectorRegion(c.v))
		checkApart(fn, "cols", vectorRegion(cols), c.name, vectorRegion(c.v))
	}
	checkLen(fn, "rows", rows, w.Rows)
	checkLen(fn, "cols", cols, w.Cols)
	checkApart(fn, "w", w.region(), "rows", vectorRegion(rows))
	checkApart(fn, "w", w.region(), "cols", vectorRegion(cols))
	checkApart(fn, "rows", vectorRegion(rows), "cols", vectorRegion(cols))
	f := takeFrame[T]()
	f.sums.both = f.spread(1, v, w.Cols, blockCols)
	f.powerSums(w, exponentOf(p), p, u, rows, cols)
	f.give()
}

// powerSums is PowerSums and PowerSumsWeighted after the checks. Weights go
// with one of rows and cols, or with cols and, for rows, in f.sums.both.
func (f *frame[T]) powerSums(w Matrix[T], kind exponent, p float64, weights, rows, cols []T) {
	if w.Rows == 0 || w.Cols == 0 {
		clear(rows)
		clear(cols)
		f.sums.both = span[T]{}
		return
	}
	if rows == nil && cols == nil {
		return
	}
	j := f.sumUp(w, kind, p, weights, rows, cols)
	if rows != nil && j.across > 1 {
		total(rows, j.rowPart, w.Rows, j.across, kind)
	}
	if down := j.blocksDown(); cols != nil && down > 1 {
		total(cols, j.colPart, w.Cols, down, kind)
	}
	*j = sumsJob[T]{}
}

// streamOf is how many elements a call reads as one stream, that far away: from
// memory so many that its rows can lie apart.
func streamOf(far int) int {
	if far == 2 {
		return 2 * streamElements
	}
	return streamElements
}

// sumUp runs the sums block by block. A single block of a direction lands in
// rows or cols itself, several in the frame's partial results.
func (f *frame[T]) sumUp(w Matrix[T], kind exponent, p float64, weights, rows, cols []T) *sumsJob[T] {
	j := &f.sums
	j.far = w.distance()
	threads := threadsFor(w.Rows * w.Cols * kind.cost())
	if cols == nil {
		j.grid = gridOf(w.Rows, w.Cols, streamOf(j.far), threads)
		j.weights = f.spread(0, weights, w.Cols, blockCols)
	} else {
		cellCols := min(w.Cols, blockCols)
		if down := (w.Rows + blockRows - 1) / blockRows; rows == nil && down < threads*cellsPerThread {
			// Columns are independent: cut them finer when there are few blocks of rows.
			cellCols = min(cellCols, blockCols/4)
		}
		j.grid = newGrid(w.Rows, w.Cols, blockRows, cellCols)
		j.weights = f.spread(0, weights, w.Rows, blockRows)
	}
	j.w, j.kind, j.exponent, j.rowPart, j.colPart = w, kind, f.prepare(kind, p), rows, cols
	if rows != nil && j.across > 1 {
		j.rowPart = grow(&f.rowPart, j.across*w.Rows)
	}
	if down := j.blocksDown(); cols != nil && down > 1 {
		j.colPart = grow(&f.colPart, down*w.Cols)
	}
	j.oneStream = rows == nil && weights == nil && j.far > 0 && kind.readsAsOneStream()
	j.locals = f.localsFor(threads)
	run(j, j.cells, threads)
	return j
}

type sumsJob[T Float] struct {
	grid
	w                Matrix[T]
	kind             exponent
	exponent         []T
	weights, both    span[T] // both: of the rows, when both sums have weights
	rowPart, colPart []T     // by block, nil: not wanted
	far              int
	oneStream        bool // the row sums are taken too, for nobody
	locals           []local[T]
}

func (s *sumsJob[T]) blocksDown() int { return (s.rows + blockRows - 1) / blockRows }

func (s *sumsJob[T]) cell(k, who int) {
	i0, i1, j0, j1 := s.at(k)
	n := j1 - j0
	var out, acc, weights []T
	if s.rowPart != nil {
		out = s.rowPart[j0/s.cellCols*s.rows:]
	}
	if s.colPart != nil {
		acc = s.colPart[i0/blockRows*s.cols+j0:][:n]
		clear(acc)
	}
	step, l := max(1, cellElements/n), &s.locals[who]
	switch {
	case s.kind.readsAsOneStream():
		step = max(1, streamOf(s.far)/n)
	case s.kind == exponentMax && out != nil && acc != nil:
		step = l1Rows[T](n) // two calls a piece
	case s.kind == exponentGeneral:
		step = max(1, powElements/n)
	}
	for ; i0 < i1; i0 += step {
		rows := min(step, i1-i0)
		w, stride, kind := l.terms(s.kind, s.w.from(i0, j0), s.exponent, rows, n, s.w.Stride)
		switch {
		case acc == nil:
			if s.weights.v != nil {
				weights = s.weights.from(j0)
			}
			rowSums(kind, out[i0:], w, weights, rows, n, stride, s.far)
		case s.oneStream:
			// From beyond the second cache, both sums in one stream of rows are
			// faster than the columns alone in four: 0.82 of the read limit and
			// 0.70 from memory, 0.90 and 0.86 from the third cache.
			bothSums(kind, l.part, acc, w, rows, n, stride, s.far)
		case out == nil:
			if s.weights.v != nil {
				weights = s.weights.from(i0)
			}
			colSums(kind, acc, w, weights, rows, n, stride)
		case s.both.v != nil:
			bothWeighted(kind, out[i0:], acc, w, s.both.from(j0), s.weights.from(i0), rows, n, stride, s.far)
		default:
			bothSums(kind, out[i0:], acc, w, rows, n, stride, s.far)
		}
	}
}

// powElements is how many powers are computed before they are summed: 8 KiB of
// float32 in the first cache.
const powElements = 2048

// terms is a piece as the sums of a direct exponent take it: itself, or in
// general its powers in the thread's scratch, row after row, to be summed as
// they are.
func (l *local[T]) terms(kind exponent, w, e []T, rows, cols, stride int) ([]T, int, exponent) {
	if kind != exponentGeneral {
		return w, stride, kind
	}
	y, t := grow(&l.power, rows*cols), grow(&l.passes, portable.PowScratch)
	if stride == cols {
		kPowAbsV(y, w, e, t, rows*cols)
	} else {
		for i := range rows {
			kPowAbsV(y[i*cols:], w[i*stride:], e, t, cols)
		}
	}
	return y, cols, exponentSigned
}

// rowSums, colSums and bothSums are the primitives of the direct exponents.
func rowSums[T Float](kind exponent, out, w, v []T, rows, cols, stride, far int) {
	switch kind {
	case exponentHalf:
		kRowSumHalf(out, w, v, rows, cols, stride)
	case exponent1:
		kRowSum1(out, w, v, rows, cols, stride, far)
	case exponentThreeHalves:
		kRowSumThreeHalves(out, w, v, rows, cols, stride)
	case exponent2:
		kRowSum2(out, w, v, rows, cols, stride, far)
	case exponent3:
		kRowSum3(out, w, v, rows, cols, stride)
	case exponent4:
		kRowSum4(out, w, v, rows, cols, stride)
	case exponentMax:
		kRowMaxAbs(out, w, rows, cols, stride)
	case exponentSigned:
		kRowSumSigned(out, w, v, rows, cols, stride, far)
	}
}

func colSums[T Float](kind exponent, acc, w, u []T, rows, cols, stride int) {
	switch kind {
	case exponentHalf:
		kColSumHalf(acc, w, u, rows, cols, stride)
	case exponent1:
		kColSum1(acc, w, u, rows, cols, stride)
	case exponentThreeHalves:
		kColSumThreeHalves(acc, w, u, rows, cols, stride)
	case exponent2:
		kColSum2(acc, w, u, rows, cols, stride)
	case exponent3:
		kColSum3(acc, w, u, rows, cols, stride)
	case exponent4:
		kColSum4(acc, w, u, rows, cols, stride)
	case exponentMax:
		kColMaxAbs(acc, w, rows, cols, stride)
	case exponentSigned:
		kColSumSigned(acc, w, u, rows, cols, stride)
	}
}

func bothSums[T Float](kind exponent, out, acc, w []T, rows, cols, stride, far int) {
	switch kind {
	case exponentHalf:
		kBothSumHalf(out, acc, w, rows, cols, stride)
	case exponent1:
		kBothSum1(out, acc, w, rows, cols, stride, far)
	case exponentThreeHalves:
		kBothSumThreeHalves(out, acc, w, rows, cols, stride)
	case exponent2:
		kBothSum2(out, acc, w, rows, cols, stride, far)
	case exponent3:
		kBothSum3(out, acc, w, rows, cols, stride)
	case exponent4:
		kBothSum4(out, acc, w, rows, cols, stride)
	case exponentMax:
		kRowMaxAbs(out, w, rows, cols, stride)
		kColMaxAbs(acc, w, rows, cols, stride)
	case exponentSigned:
		kBothSumSigned(out, acc, w, rows, cols, stride, far)
	}
}

func bothWeighted[T Float](kind exponent, out, acc, w, v, u []T, rows, cols, stride, far int) {
	switch kind {
	case exponentHalf:
		kBothWeightedHalf(out, acc, w, v, u, rows, cols, stride)
	case exponent1:
		kBothWeighted1(out, acc, w, v, u, rows, cols, stride, far)
	case exponentThreeHalves:
		kBothWeightedThreeHalves(out, acc, w, v, u, rows, cols, stride)
	case exponent2:
		kBothWeighted2(out, acc, w, v, u, rows, cols, stride, far)
	case exponent3:
		kBothWeighted3(out, acc, w, v, u, rows, cols, stride)
	case exponent4:
		kBothWeighted4(out, acc, w, v, u, rows, cols, stride)
	case exponentSigned:
		kBothWeightedSigned(out, acc, w, v, u, rows, cols, stride, far)
	}
}
