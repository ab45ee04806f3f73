package kernels

import "github.com/hebbkern/hebbkern/kernels/internal/portable"

const (
	// panelBytes is what the columns of b that a cell runs over take, packed: a
	// quarter of a common second cache, since w passes through it as well.
	panelBytes = 256 << 10
	// packTiles is how many tiles of rows repay the packing of b; aliasTiles if its
	// rows fall into the same sets of the caches.
	packTiles  = 24
	aliasTiles = 4
	// packCols is how many columns repay the packing of rows of a that lie along
	// the tiles anyway.
	packCols = 512
	// shareRows is the same for a cell when threads share the rows.
	shareRows = 10
	// cellPanels is how many panels of columns a cell keeps when threads share
	// them, so that a call of the primitive still takes a microsecond.
	cellPanels = 8

	// packTogether is how many tiles of a are packed at once.
	packTogether = 8
	// packedElements bounds what is packed of a at once.
	packedElements = 1 << 22

	// fmaPerElement is how many multiply-adds take the time of one element of a
	// bandwidth-bound kernel.
	fmaPerElement = 8
)

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
	j.a, j.aRow, j.aCol, j.b = a, a.Stride, 1, b
	j.flags = portable.MulZero
	f.multiply(dst, a.Cols)
	f.give()
}

// multiply runs the product job that the caller has filled in but for its
// output and depth, block by block of the depth.
func (f *frame[T]) multiply(w Matrix[T], depth int) {
	j := &f.product
	j.w, j.depth = w, depth
	tiles := (w.Rows + portable.MulRows - 1) / portable.MulRows
	deep := min(depth, blockDeep)
	threads := threadsFor(w.Rows * w.Cols * (1 + depth/fmaPerElement))
	panel := portable.PanelCols[T]()
	panels := (w.Cols + panel - 1) / panel
	across, down := max(1, min(panels, panelBytes/(max(1, deep)*panel*sizeOf[T]()))), tiles
	if threads > 1 {
		across, down = shareTiles(panels, tiles, across, threads)
	}
	j.grid = newGrid(tiles, w.Cols, down, across*panel)
	j.pack = down >= packTiles || down >= aliasTiles && aliased[T](j.b.Stride)
	j.straight = j.aRow == 1 && w.Cols < packCols && !aliased[T](j.a.Stride)
	j.locals = f.localsFor(threads)
	group := max(1, packedElements/(w.Rows*blockDeep)) * blockDeep
	for l := 0; l < depth || l == 0; l += group {
		j.first, j.end = l, min(depth, l+group)
		if j.across > 1 && !j.straight { // cells beside one another share the rows of a
			j.packed = grow(&f.rowPart, w.Rows*(j.end-l))
			j.packRows(j.packed, 0, tiles)
		}
		run(j, j.cells, threads)
		j.flags = 0
	}
	*j = productJob[T]{}
}

// shareTiles lowers the tiles and panels of a cell until each thread gets
// several cells: rows of tiles as long as they repay the packing of their
// panels, which cells below one another do anew, then panels.
func shareTiles(panels, tiles, across, threads int) (int, int) {
	cells := threads * cellsPerThread
	down := max(1, min(cells, tiles/shareRows))
	beside := (cells + down - 1) / down
	across = min(across, max(cellPanels, (panels+beside-1)/beside))
	return across, (tiles + down - 1) / down
}

// productJob adds the blocks of Σ_l a_il·b_lj from l = first to end, in order,
// to w, or to w decayed, or to 0; a_il is at a.Data[i*aRow+l*aCol]. Its grid has
// a row for each tile of rows.
type productJob[T Float] struct {
	grid
	w, a, b    Matrix[T]
	aRow, aCol int
	depth      int // terms in all
	first, end int
	keep, c    []T // factor by row, what is subtracted from it by column
	flags      int // of the first block
	ending     batchEnding[T]
	packed     []T  // all rows of a, packed; nil: each cell packs its own
	straight   bool // a is read where it is
	pack       bool // b is packed too
	locals     []local[T]
}

// tile is where tile t begins: the rows are dealt out evenly, since a tile of
// one or two takes as long as one of four, the higher tiles first.
func (p *productJob[T]) tile(t int) int { return t*(p.w.Rows/p.rows) + min(t, p.w.Rows%p.rows) }

// packRows copies the rows of a that belong to the tiles from t0 to t1, block
// after block and in each tile after tile: element (i, l) of a tile of m rows
// goes to l*m+i.
func (p *productJob[T]) packRows(to []T, t0, t1 int) {
	for l := p.first; l < p.end; l += blockDeep {
		k := min(blockDeep, p.end-l)
		for t := t0; t < t1; {
			// Tiles of the same height together, so that a row of a that lies along
			// them is read a few lines at a time.
			i, m, count := p.tile(t), p.tile(t+1)-p.tile(t), 1
			for count < packTogether && t+count < t1 && p.tile(t+count+1)-p.tile(t+count) == m {
				count++
			}
			a := p.a.Data[i*p.aRow+l*p.aCol:]
			if p.aRow == 1 {
				packAlong(to, a, m, count, k, p.aCol)
			} else {
				for c := range count {
					packAcross(to[c*m*k:], a[c*m*p.aRow:], m, k, p.aRow)
				}
			}
			to = to[count*m*k:]
			t += count
		}
	}
}

// packAlong packs tiles of m rows whose elements (i, l) are at l*step+i.
func packAlong[T Float](to, a []T, m, tiles, k, step int) {
	for l := range k {
		row := a[l*step:][:tiles*m]
		if m != portable.MulRows {
			for t := range tiles {
				tile := to[(t*k+l)*m:][:m]
				for i, v := range row[t*m:][:m] { // fewer than a call of copy is worth
					tile[i] = v
				}
			}
			continue
		}
		for at := l * portable.MulRows; len(row) >= portable.MulRows; at += k * portable.MulRows {
			t, v := (*[portable.MulRows]T)(to[at:]), (*[portable.MulRows]T)(row)
			t[0], t[1], t[2], t[3], t[4], t[5] = v[0], v[1], v[2], v[3], v[4], v[5] // the arrays would be a call of memmove
			row = row[portable.MulRows:]
		}
	}
}

// packAcross packs a tile of m rows whose elements (i, l) are at i*step+l.
func packAcross[T Float](to, a []T, m, k, step int) {
	if m != portable.MulRows {
		for i := range m {
			for l, v := range a[i*step:][:k] {
				to[l*m+i] = v
			}
		}
		return
	}
	r0, r1, r2 := a[:k], a[step:][:k], a[2*step:][:k]
	r3, r4, r5 := a[3*step:][:k], a[4*step:][:k], a[5*step:][:k]
	for l := 0; l < len(r0) && len(to) >= portable.MulRows; l++ {
		t := (*[portable.MulRows]T)(to)
		t[0], t[1], t[2], t[3], t[4], t[5] = r0[l], r1[l], r2[l], r3[l], r4[l], r5[l]
		to = to[portable.MulRows:]
	}
}

func (p *productJob[T]) cell(k, who int) {
	t0, t1, j0, j1 := p.at(k)
	b := block[T]{p: p, t0: t0, t1: t1, packed: p.packed, rows: p.w.Rows, flags: p.flags, l: &p.locals[who]}
	if p.packed == nil && !p.straight {
		b.row = p.tile(t0)
		b.rows = p.tile(t1) - b.row
		b.packed = grow(&b.l.rows, b.rows*(p.end-p.first))
		p.packRows(b.packed, t0, t1)
	}
	if p.first == p.end { // no terms: w is cleared or decayed
		b.last = true
		b.tiles(j0, j1-j0, nil, 0, 0)
		return
	}
	for l := p.first; l < p.end; l += blockDeep {
		b.from, b.k = l, min(blockDeep, p.end-l)
		b.last = l+b.k == p.depth
		b.columns(j0, j1-j0)
		b.flags = 0
		if !p.straight {
			b.packed = b.packed[b.rows*b.k:]
		}
	}
}

// block is one block of terms of a cell of a product.
type block[T Float] struct {
	p       *productJob[T]
	t0, t1  int // tiles
	from, k int // terms
	packed  []T // rows of a from the given one on
	row     int
	rows    int
	flags   int
	last    bool
	l       *local[T]
}

// columns is n columns from j on.
func (b *block[T]) columns(j, n int) {
	panel := portable.PanelCols[T]()
	if b.p.pack {
		b.panels(j, n)
		return
	}
	// Straight from the rows, but for the last columns, of which whole vectors are read.
	whole := n &^ (panel/2 - 1)
	if whole > 0 {
		b.tiles(j, whole, b.p.b.from(b.from, j), b.p.b.Stride, panel)
	}
	if whole < n {
		b.panels(j+whole, n-whole)
	}
}

// panels packs n columns of b from j on and runs over them. The panels are a
// line further apart than they are long, which is often a power of two, so that
// they do not share the sets of the caches.
func (b *block[T]) panels(j, n int) {
	panel := portable.PanelCols[T]()
	step := b.k*panel + lineBytes/sizeOf[T]()
	to := grow(&b.l.panels, (n+panel-1)/panel*step)
	kMulPack(to, b.p.b.from(b.from, j), n, b.k, b.p.b.Stride, step)
	b.tiles(j, n, to, panel, step)
}

// tiles runs over n columns from j on, with b given.
func (b *block[T]) tiles(j, n int, from []T, bStride, bPanel int) {
	p, c := b.p, b.p.c
	if c != nil {
		c = c[j:]
	}
	for t := b.t0; t < b.t1; t++ {
		i0, i1 := p.tile(t), p.tile(t+1)
		keep := p.keep
		if keep != nil {
			keep = keep[i0:]
		}
		var a []T
		aStride := i1 - i0
		switch {
		case b.k == 0:
		case p.straight:
			a, aStride = p.a.from(b.from, i0), p.a.Stride
		default:
			a = b.packed[(i0-b.row)*b.k:]
		}
		if p.ending.flags != 0 {
			b.full(i0, i1-i0, j, n, a, from, keep, c, aStride, bStride, bPanel)
			continue
		}
		kMulTile(p.w.from(i0, j), a, from, keep, c, i1-i0, n, b.k, p.w.Stride, aStride, bStride, bPanel, b.flags)
	}
}
