package kernels

// Scale scales rows and columns:
//
//	w_ij ← round(round(r_i·w_ij)·c_j)
//
// rows is r, cols is c; either may be nil (left out, one rounding fewer) or of
// length 1 (a scalar). Neither may share an element with w.
func Scale[T Float](w Matrix[T], rows, cols []T) {
	const fn = "Scale"
	w.check(fn, "w")
	checkSpread(fn, "rows", rows, w.Rows)
	checkSpread(fn, "cols", cols, w.Cols)
	checkApart(fn, "w", w.region(), "rows", vectorRegion(rows))
	checkApart(fn, "w", w.region(), "cols", vectorRegion(cols))
	if w.Rows == 0 || w.Cols == 0 || (rows == nil && cols == nil) {
		return
	}
	if whole(rows, w.Rows) && whole(cols, w.Cols) && direct(&w) {
		scaleOnce(w.Data, rows, cols, w.Rows, w.Cols, w.Stride, w.distance())
		return
	}
	f := takeFrame[T]()
	f.scaleBy(w, f.spread(0, rows, w.Rows, maxCellRows), f.spread(1, cols, w.Cols, blockCols), 0)
	f.give()
}

// scaleBy is Scale after the checks, with a bound |w| ≤ limit if limit is not 0.
func (f *frame[T]) scaleBy(w Matrix[T], r, c span[T], limit T) {
	j := &f.scale
	threads := threadsFor(w.Rows * w.Cols)
	j.grid = gridFor(w.Rows, w.Cols, threads)
	j.w, j.r, j.c, j.limit, j.far = w, r, c, limit, w.distance()
	run(j, j.cells, threads)
	*j = scaleJob[T]{}
}

type scaleJob[T Float] struct {
	grid
	w     Matrix[T]
	r, c  span[T]
	limit T
	far   int
}

func (s *scaleJob[T]) cell(k, _ int) {
	i0, i1, j0, j1 := s.at(k)
	cols, step := j1-j0, i1-i0
	if s.limit != 0 {
		step = l1Rows[T](cols)
	}
	for ; i0 < i1; i0 += step {
		w, rows := s.w.from(i0, j0), min(step, i1-i0)
		scaleOnce(w, s.r.from(i0), s.c.from(j0), rows, cols, s.w.Stride, s.far)
		if s.limit != 0 {
			kClip(w, -s.limit, s.limit, rows, cols, s.w.Stride)
		}
	}
}

// scaleOnce is one call of the primitive for the vectors given; an absent one is
// nil.
func scaleOnce[T Float](w, r, c []T, rows, cols, stride, far int) {
	switch {
	case c == nil:
		kScaleR(w, r, rows, cols, stride)
	case r == nil:
		kScaleC(w, c, rows, cols, stride, far)
	default:
		kScaleRC(w, r, c, rows, cols, stride, far)
	}
}
