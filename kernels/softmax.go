package kernels

import (
	"math"

	"github.com/hebbkern/hebbkern/kernels/internal/portable"
)

// Softmax is by row
//
//	y_j = e_j / s,   e_j = Exp(z_j − max z),   s = Σ_j e_j
//
// where the difference and the quotient are rounded, and s is summed as a row
// of PowerSums: blocks of 4096 over 32 or 16 lanes, blocks in order in float64,
// rounded once. A row that holds NaN or +Inf, or only −Inf, gives NaN. y may be
// z, but not overlap it otherwise.
func Softmax[T Float](y, z Matrix[T]) {
	const fn = "Softmax"
	z.check(fn, "z")
	y.checkSize(fn, "y", z.Rows, z.Cols)
	checkSameOrApart(fn, "y", y.region(), "z", z.region())
	if z.Rows == 0 || z.Cols == 0 {
		return
	}
	f := takeFrame[T]()
	j := &f.softmax
	const cost = 4
	threads := threadsFor(z.Rows * z.Cols * cost)
	cellRows := max(1, min(blockRows, cellElements/cost/z.Cols))
	j.grid = newGrid(z.Rows, 1, rowsFor(z.Rows, cellRows, threads), 1)
	j.y, j.z = y, z
	j.locals = f.localsFor(threads)
	run(j, j.cells, threads)
	*j = softmaxJob[T]{}
	f.give()
}

type softmaxJob[T Float] struct {
	grid
	y, z   Matrix[T]
	locals []local[T]
}

func (j *softmaxJob[T]) cell(k, who int) {
	i0, i1, _, _ := j.at(k)
	part := j.locals[who].part
	cols := j.z.Cols
	if cols > blockCols {
		for i := i0; i < i1; i++ {
			softmaxLong(j.y.Row(i), j.z.Row(i), part)
		}
		return
	}
	for step := l1Rows[T](cols); i0 < i1; i0 += step {
		rows := min(step, i1-i0)
		kRowMax(part, j.z.from(i0, 0), rows, cols, j.z.Stride)
		for r := range rows {
			kExpShift(j.y.from(i0+r, 0), j.z.from(i0+r, 0), part[r], cols)
		}
		kRowSumSigned(part, j.y.from(i0, 0), nil, rows, cols, j.y.Stride, 0)
		for r := range rows {
			kDivide(j.y.from(i0+r, 0), part[r], cols)
		}
	}
}

// softmaxLong is Softmax of a row of several blocks; part holds one element.
func softmaxLong[T Float](y, z, part []T) {
	n := len(z)
	most := maximumOf(z, part)
	var sum float64
	for k := 0; k < n; k += blockCols {
		cols := min(blockCols, n-k)
		kExpShift(y[k:], z[k:], most, cols)
		kRowSumSigned(part, y[k:], nil, 1, cols, n, 0)
		sum += float64(part[0])
	}
	for k := 0; k < n; k += blockCols {
		kDivide(y[k:], T(sum), min(blockCols, n-k))
	}
}

// maximumOf is the maximum of z, NaN if it holds one; part holds one element.
func maximumOf[T Float](z, part []T) T {
	n := len(z)
	most := T(math.Inf(-1))
	for k := 0; k < n; k += blockCols {
		kRowMax(part, z[k:], 1, min(blockCols, n-k), n)
		if part[0] > most || part[0] != part[0] {
			most = part[0]
		}
		if most != most {
			break
		}
	}
	return most
}

// ArgMax sets out_i to the column of the largest element of row i: the lowest
// of equals (−0 equals +0), and the first NaN if there is one, as NumPy does.
// An empty row has none, so a matrix of rows without columns is refused. out
// has length Rows and shares no memory with w.
func ArgMax[T Float](w Matrix[T], out []int) {
	const fn = "ArgMax"
	w.check(fn, "w")
	checkLen(fn, "out", out, w.Rows)
	checkApart(fn, "out", vectorRegion(out), "w", w.region())
	if w.Rows == 0 {
		return
	}
	if w.Cols == 0 {
		refuse(fn, "w", "shape "+shape(w.Rows, 0), "at least one column")
	}
	f := takeFrame[T]()
	j := &f.argMax
	threads := threadsFor(w.Rows * w.Cols)
	cellRows := max(1, cellElements/w.Cols)
	j.grid = newGrid(w.Rows, 1, rowsFor(w.Rows, cellRows, threads), 1)
	j.w, j.out = w, out
	j.locals = f.localsFor(threads)
	run(j, j.cells, threads)
	*j = argMaxJob[T]{}
	f.give()
}

type argMaxJob[T Float] struct {
	grid
	w      Matrix[T]
	out    []int
	locals []local[T]
}

func (j *argMaxJob[T]) cell(k, who int) {
	i0, i1, _, _ := j.at(k)
	for i := i0; i < i1; i++ {
		row := j.w.Row(i)
		j.out[i] = portable.IndexOf(row, maximumOf(row, j.locals[who].part))
	}
}
