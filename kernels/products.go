package kernels

import "github.com/hebbkern/hebbkern/kernels/internal/portable"

const (
	tileRows = 64  // rows and columns of one cell of a product: with 256 terms a
	tileCols = 128 // call of the primitive does 2^21 multiply-adds, 1/2 ms at 4 a ns

	// fmaPerElement is how many multiply-adds take the time of one element of a
	// bandwidth-bound kernel.
	fmaPerElement = 4
)

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
	w.check(fn, "w")
	g.checkSize(fn, "g", g.Rows, w.Rows)
	x.checkSize(fn, "x", g.Rows, w.Cols)
	checkSpread(fn, "decay", decay, w.Rows)
	checkSpread(fn, "colDecay", colDecay, w.Cols)
	own := w.region()
	checkApart(fn, "w", own, "g", g.region())
	checkApart(fn, "w", own, "x", x.region())
	checkApart(fn, "w", own, "decay", vectorRegion(decay))
	checkApart(fn, "w", own, "colDecay", vectorRegion(colDecay))
	if w.Rows == 0 || w.Cols == 0 {
		return
	}
	f := takeFrame[T]()
	j := &f.product
	j.d, j.c = overRows(decay, w.Rows), f.spread(0, colDecay, w.Cols, tileCols)
	if decay != nil {
		j.flags |= portable.Rank1Decay
	}
	if colDecay != nil {
		j.flags |= portable.Rank1ColDecay
	}
	j.a, j.aRow, j.aCol = g, 1, g.Stride
	j.b = x
	f.multiply(w, g.Rows)
	f.give()
}

// MatMul is a matrix product, a [m, k], b [k, n], dst [m, n]:
//
//	dst_ij = Σ_l a_il·b_lj
//
// over l in order in blocks of 256, a block being a chain of fma from +0; the
// blocks are added to +0 in order, in T. dst shares no element with a or b.
func MatMul[T Float](dst, a, b Matrix[T]) {
	const fn = "MatMul"
	a.check(fn, "a")
	b.checkSize(fn, "b", a.Cols, b.Cols)
	dst.checkSize(fn, "dst", a.Rows, b.Cols)
	checkApart(fn, "dst", dst.region(), "a", a.region())
	checkApart(fn, "dst", dst.region(), "b", b.region())
	if dst.Rows == 0 || dst.Cols == 0 {
		return
	}
	f := takeFrame[T]()
	j := &f.product
	j.zero = true
	j.a, j.aRow, j.aCol = a, a.Stride, 1
	j.b = b
	f.multiply(dst, a.Cols)
	f.give()
}

// multiply runs the product job that the caller has filled in but for its
// output and depth.
func (f *frame[T]) multiply(w Matrix[T], depth int) {
	j := &f.product
	j.w, j.depth = w, depth
	threads := threadsFor(w.Rows * w.Cols * (1 + depth/fmaPerElement))
	j.grid = newGrid(w.Rows, w.Cols, rowsFor(w.Rows, tileRows, threads), tileCols)
	run(j, j.cells, threads)
	*j = productJob[T]{}
}

// productJob adds Σ_l a_il·b_lj to w, after clearing or decaying it; a_il is at
// a.Data[i*aRow+l*aCol].
type productJob[T Float] struct {
	grid
	w, a, b    Matrix[T]
	aRow, aCol int
	depth      int
	zero       bool
	d, c       span[T]
	flags      int
}

func (p *productJob[T]) cell(k, _ int) {
	i0, i1, j0, j1 := p.at(k)
	m, n := i1-i0, j1-j0
	w := p.w.from(i0, j0)
	switch {
	case p.zero:
		for i := i0; i < i1; i++ {
			clear(p.w.Row(i)[j0:j1])
		}
	case p.flags != 0:
		kRank1Any(w, p.d.from(i0), p.c.from(j0), nil, nil, nil, nil, nil, 0, 0, m, n, p.w.Stride, p.d.step, 0, 0, 0, p.flags)
	}
	for l := 0; l < p.depth; l += blockDeep {
		kMulAcc(w, p.a.Data[i0*p.aRow+l*p.aCol:], p.b.from(l, j0), m, n, min(blockDeep, p.depth-l), p.w.Stride, p.aRow, p.aCol, p.b.Stride)
	}
}
