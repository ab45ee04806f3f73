package kernels

// Rank1Residual updates the weights by one sample of a rule whose row i sees
// what the rows up to i left of the input, in one pass over W:
//
//	for i in order:   r_j ← fma(−y_i, w_ij, r_j);   w_ij ← fma(g_i, r_j, w_ij)
//
// with the old w_ij in the first line. With r = x and g = ηy that is Sanger's
// rule (Sanger 1989). w is [out, in], r [in] and overwritten, g and y [out].
// w and r may not share elements with each other nor with g and y.
func Rank1Residual[T Float](w Matrix[T], r, g, y []T) {
	const fn = "Rank1Residual"
	w.check(fn, "w")
	checkLen(fn, "r", r, w.Cols)
	checkLen(fn, "g", g, w.Rows)
	checkLen(fn, "y", y, w.Rows)
	own, residual := w.region(), vectorRegion(r)
	checkApart(fn, "w", own, "r", residual)
	checkApart(fn, "w", own, "g", vectorRegion(g))
	checkApart(fn, "w", own, "y", vectorRegion(y))
	checkApart(fn, "r", residual, "g", vectorRegion(g))
	checkApart(fn, "r", residual, "y", vectorRegion(y))
	if w.Rows == 0 || w.Cols == 0 {
		return
	}
	threads := threadsFor(w.Rows * w.Cols)
	if threads == 1 && w.Cols <= blockCols && w.Rows*w.Cols <= cellElements { // one call of the primitive needs no job
		kRank1Residual(w.Data, r, g, y, w.Rows, w.Cols, w.Stride)
		return
	}
	f := takeFrame[T]()
	j := &f.residual
	// Rows depend on the rows before them and columns on nothing: cells are panels of columns, in whole strips.
	panel := min(blockCols, (w.Cols/threads+1+maxStrip-1)/maxStrip*maxStrip)
	j.grid = newGrid(w.Rows, w.Cols, w.Rows, min(panel, w.Cols))
	j.w, j.r, j.g, j.y = w, r, g, y
	run(j, j.cells, threads)
	*j = residualJob[T]{}
	f.give()
}

// maxStrip is the lanes of a reduction in float32, a multiple of every vector.
const maxStrip = 32

type residualJob[T Float] struct {
	grid
	w       Matrix[T]
	r, g, y []T
}

func (j *residualJob[T]) cell(k, _ int) {
	i0, i1, j0, j1 := j.at(k)
	for step := max(1, cellElements/(j1-j0)); i0 < i1; i0 += step {
		rows := min(step, i1-i0)
		kRank1Residual(j.w.from(i0, j0), j.r[j0:], j.g[i0:], j.y[i0:], rows, j1-j0, j.w.Stride)
	}
}
