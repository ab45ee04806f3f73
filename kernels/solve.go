package kernels

// SolveLower is D ← A⁻¹·D for a lower triangular A, by forward substitution:
//
//	for i in order:   d_ij ← fma(−a_ik, d_kj, d_ij) for k < i in order;   d_ij ← d_ij / a_ii
//
// a is [n, n]; what it holds right of the
// diagonal is not read. d is [n, any], and shares no element with a. A zero on
// the diagonal gives infinities or NaN. The result does not depend on threads.
func SolveLower[T Float](a, d Matrix[T]) {
	const fn = "SolveLower"
	a.check(fn, "a")
	d.check(fn, "d")
	if a.Rows != a.Cols {
		refuse(fn, "a", "["+itoa(a.Rows)+", "+itoa(a.Cols)+"]", "a square matrix")
	}
	if d.Rows != a.Rows {
		refuse(fn, "d", itoa(d.Rows)+" rows", itoa(a.Rows)+" rows, as a has")
	}
	checkApart(fn, "d", d.region(), "a", a.region())
	if d.Rows == 0 || d.Cols == 0 {
		return
	}
	f := takeFrame[T]()
	j := &f.solve
	threads := threadsFor(d.Rows * d.Rows / 2 * d.Cols)
	panel := min(blockCols, (d.Cols/threads+1+maxStrip-1)/maxStrip*maxStrip)
	j.grid = newGrid(d.Rows, d.Cols, d.Rows, min(panel, d.Cols))
	j.a, j.d = a, d
	run(j, j.cells, threads)
	*j = solveJob[T]{}
	f.give()
}

type solveJob[T Float] struct {
	grid
	a, d Matrix[T]
}

func (j *solveJob[T]) cell(k, _ int) {
	_, rows, j0, j1 := j.at(k)
	step := max(1, 8*cellElements/(rows*(j1-j0)))
	for i := 0; i < rows; i += step {
		kSolveLower(j.a.from(i, 0), j.d.from(0, j0), i, min(step, rows-i), j1-j0, j.a.Stride, j.d.Stride)
	}
}
