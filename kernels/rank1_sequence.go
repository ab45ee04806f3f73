package kernels

import "github.com/hebbkern/hebbkern/kernels/internal/portable"

// Sequence is the terms of a sequence of rank-1 updates: the vectors of sample s are the rows s of matrices. Without data
// a term is absent.
type Sequence[T Float] struct {
	G, X            Matrix[T] // [B, rows], [B, cols]
	Decay, ColDecay Matrix[T] // [B, rows], [B, cols]
	RowAdd, ColAdd  Matrix[T] // [B, rows], [B, cols]
	Every           Update[T] // bounds, mask and dependence of every update; no vectors, no Sums and no Finite
}

// Rank1Sequence is Rank1 for each sample in order, bit for bit. Rows stay in the second cache while the samples pass, so
// that W is read from memory once a call. No argument may share an element with w.
func Rank1Sequence[T Float](w Matrix[T], s Sequence[T]) {
	const fn = "Rank1Sequence"
	flags := s.check(fn, w)
	if w.Rows == 0 || w.Cols == 0 || s.G.Rows == 0 {
		return
	}
	f := takeFrame[T]()
	j := &f.sequence
	threads := threadsFor(w.Rows * s.G.Rows * (1 + w.Cols))
	cellCols := min(w.Cols, blockCols)
	cellRows := max(1, min(cellElements, secondCache/4/sizeOf[T]())/cellCols)
	j.grid = newGrid(w.Rows, w.Cols, rowsFor(w.Rows, cellRows, threads), cellCols)
	j.w, j.s, j.flags = w, s, flags
	j.locals = f.localsFor(threads)
	run(j, j.cells, threads)
	*j = sequenceJob[T]{}
	f.give()
}

// check refuses bad arguments and gives the flags of the terms present.
func (s *Sequence[T]) check(fn string, w Matrix[T]) (flags int) {
	if e := &s.Every; e.Sums != nil || e.Finite != nil || e.G != nil || e.X != nil || e.Decay != nil || e.ColDecay != nil || e.RowAdd != nil || e.ColAdd != nil {
		refuse(fn, "Every", "with vectors, Sums or Finite", "bounds, a mask and a dependence alone")
	}
	flags = checkRank1(fn, w, &s.Every)
	for _, v := range [...]struct {
		arg      string
		m        Matrix[T]
		cols     int
		flag     int
		required bool
	}{{"G", s.G, w.Rows, portable.Rank1Outer, true}, {"X", s.X, w.Cols, portable.Rank1Outer, true},
		{"Decay", s.Decay, w.Rows, portable.Rank1Decay, false}, {"ColDecay", s.ColDecay, w.Cols, portable.Rank1ColDecay, false},
		{"RowAdd", s.RowAdd, w.Rows, portable.Rank1RowAdd, false}, {"ColAdd", s.ColAdd, w.Cols, portable.Rank1ColAdd, false}} {
		if v.m.Data == nil && !v.required {
			continue
		}
		v.m.checkSize(fn, v.arg, s.G.Rows, v.cols)
		checkApart(fn, "w", w.region(), v.arg, v.m.region())
		flags |= v.flag
	}
	return flags
}

type sequenceJob[T Float] struct {
	grid
	w      Matrix[T]
	s      Sequence[T]
	flags  int
	locals []local[T]
}

// cell takes its rows, which lie in the second cache, through the samples.
func (j *sequenceJob[T]) cell(k, who int) {
	i0, i1, j0, j1 := j.at(k)
	s, r := &j.s, &j.locals[who].row
	r.w, r.flags = j.w, j.flags
	r.lo, r.hi, r.mask, r.maskStride, r.dependence = s.Every.Low, s.Every.High, s.Every.Mask, s.Every.MaskStride, s.Every.Dependence
	over := func(m *Matrix[T], b int) span[T] {
		if m.Data == nil {
			return span[T]{}
		}
		return span[T]{m.Row(b), 1}
	}
	for b := range s.G.Rows {
		r.g, r.x, r.d, r.c = over(&s.G, b), over(&s.X, b), over(&s.Decay, b), over(&s.ColDecay, b)
		r.a, r.b = over(&s.RowAdd, b), over(&s.ColAdd, b)
		r.update(i0, i1-i0, j0, j1-j0)
	}
	*r = rank1Job[T]{}
}
