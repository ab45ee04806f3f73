package kernels

import "github.com/hebbkern/hebbkern/kernels/internal/portable"

// Forward is a layer's answer to one sample:
//
//	y_i = f(dot_i + b_i),   dot_i = Σ_j w_ij·x_j
//
// x has length Cols; b is nil (left out), of length Rows, or a scalar. A dot is
// taken in blocks of 4096 columns, each over 8 lanes (float32) or 4 (float64)
// with lane = fma(w_ij, x_j, lane), halved; the blocks are added in order in
// float64 and rounded once to T; then b_i is added with a rounding of its own.
// y shares no element with w, x or b.
func Forward[T Float](y []T, w Matrix[T], x, b []T, act Activation) {
	const fn = "Forward"
	w.check(fn, "w")
	checkLen(fn, "y", y, w.Rows)
	checkLen(fn, "x", x, w.Cols)
	checkSpread(fn, "b", b, w.Rows)
	checkActivation[T](fn, act)
	own := vectorRegion(y)
	checkApart(fn, "y", own, "w", w.region())
	checkApart(fn, "y", own, "x", vectorRegion(x))
	checkApart(fn, "y", own, "b", vectorRegion(b))
	if w.Rows == 0 {
		return
	}
	if direct(&w) && act.Kind != BiPU { // which keeps its exponent in a frame
		dots(y, &w, 0, x, nil)
		bias := overRows(b, w.Rows)
		finish(y, &bias, 0, &function[T]{Activation: act})
		return
	}
	f := takeFrame[T]()
	j := &f.forward
	threads := threadsFor(w.Rows * (w.Cols + act.cost()))
	cellRows := max(8, min(blockRows, cellElements/max(1, w.Cols)&^7))
	j.grid = newGrid(w.Rows, 1, rowsFor(w.Rows, cellRows, threads), 1)
	j.y, j.w, j.x, j.b, j.act = y, w, x, overRows(b, w.Rows), f.function(act, false)
	j.locals = f.localsFor(threads)
	run(j, j.cells, threads)
	*j = forwardJob[T]{}
	f.give()
}

type forwardJob[T Float] struct {
	grid
	y      []T
	w      Matrix[T]
	x      []T
	b      span[T]
	act    function[T]
	locals []local[T]
}

func (j *forwardJob[T]) cell(k, who int) {
	i0, i1, _, _ := j.at(k)
	y := j.y[i0:i1]
	dots(y, &j.w, i0, j.x, &j.locals[who])
	finish(y, &j.b, i0, &j.act)
}

// dots sets y_k to the dot of x and row i+k of w. Only for several blocks of
// columns it needs the scratch l, and len(y) ≤ blockRows.
func dots[T Float](y []T, w *Matrix[T], i int, x []T, l *local[T]) {
	rows := len(y)
	if w.Cols <= blockCols {
		if w.Cols == 0 {
			clear(y)
			return
		}
		kMatVec(y, w.from(i, 0), x, rows, w.Cols, w.Stride)
		return
	}
	part, wide := l.part[:rows], l.wide[:rows]
	clear(wide)
	for j := 0; j < w.Cols; j += blockCols {
		kMatVec(part, w.from(i, j), x[j:], rows, min(blockCols, w.Cols-j), w.Stride)
		kAddWide(wide, part, rows)
	}
	for k, v := range wide {
		y[k] = T(v)
	}
}

// finish turns dots of the units from i on into their activations.
func finish[T Float](y []T, b *span[T], i int, act *function[T]) {
	if b.v != nil {
		v, step := b.from(i), b.step
		for k := range y {
			y[k] += v[k*step]
		}
	}
	if act.Kind != Identity {
		activate(act, y, y)
	}
}

const (
	// A cell of a batch: each vector of w that comes from memory serves all of its
	// samples, each copied row of x all of its units. Fewer units where the lanes
	// of all outputs are kept between the pieces of a row.
	batchSamples = 64
	batchUnits   = 256
	pieceUnits   = 128
	// pieceBytes is how much of a row is worked on at a time, so that four rows of
	// w, the next four and three of x stay in the first cache, and the samples of
	// the cell in the second; aliasBytes where all rows fall into the same sets.
	pieceBytes = 4096
	aliasBytes = 2048
	// copyUnits repay the copying of x.
	copyUnits = 64
	// cellUnits is how many units a cell keeps when threads share them.
	cellUnits = 32
	lineBytes = 64
)

// aliased reports whether rows that far apart fall into few sets of a cache.
func aliased[T Float](stride int) bool { return stride*sizeOf[T]()%2048 == 0 }

// ForwardBatch is a layer's answer to a batch, a sample a row: row n of y is
// Forward of row n of x, bit for bit, for any batch. x is [B, in], w [out, in],
// y [B, out]; b as in Forward. y shares no element with w, x or b.
func ForwardBatch[T Float](y, w, x Matrix[T], b []T, act Activation) {
	forwardBatch("ForwardBatch", y, Matrix[T]{}, w, x, b, act)
}

// ForwardBoth is ForwardBatch for training, which needs z beside y = f(z):
// z [B, out] receives the bits of ForwardBatch with Identity, and y those of
// Activate on them, in one pass. y and z share no element with one another nor
// with w, x or b.
func ForwardBoth[T Float](y, z, w, x Matrix[T], b []T, act Activation) {
	const fn = "ForwardBoth"
	z.checkSize(fn, "z", x.Rows, w.Rows)
	forwardBatch(fn, y, z, w, x, b, act)
}

// forwardBatch leaves z out if it has no rows.
func forwardBatch[T Float](fn string, y, z, w, x Matrix[T], b []T, act Activation) {
	w.check(fn, "w")
	x.checkSize(fn, "x", x.Rows, w.Cols)
	y.checkSize(fn, "y", x.Rows, w.Rows)
	checkSpread(fn, "b", b, w.Rows)
	checkActivation[T](fn, act)
	for _, out := range [...]struct {
		name string
		m    Matrix[T]
	}{{"y", y}, {"z", z}} {
		own := out.m.region()
		checkApart(fn, out.name, own, "w", w.region())
		checkApart(fn, out.name, own, "x", x.region())
		checkApart(fn, out.name, own, "b", vectorRegion(b))
	}
	checkApart(fn, "y", y.region(), "z", z.region())
	if y.Rows == 0 || y.Cols == 0 {
		return
	}
	f := takeFrame[T]()
	f.batch.b, f.batch.act = overRows(b, w.Rows), f.function(act, false)
	if z.Rows > 0 {
		f.batch.f = y
		y = z
	}
	f.dotBatch(y, x, w)
	f.give()
}

// MatMulT is a matrix product with the second factor transposed, a [m, k],
// b [n, k], dst [m, n]:
//
//	dst_ij = Σ_l a_il·b_jl
//
// in the order of Forward's dots: MatMulT(y, x, w) is ForwardBatch without bias
// and activation. b may be a, whose Gram matrix dst becomes. dst shares no
// element with a or b.
func MatMulT[T Float](dst, a, b Matrix[T]) {
	const fn = "MatMulT"
	a.check(fn, "a")
	b.checkSize(fn, "b", b.Rows, a.Cols)
	dst.checkSize(fn, "dst", a.Rows, b.Rows)
	own := dst.region()
	checkApart(fn, "dst", own, "a", a.region())
	checkApart(fn, "dst", own, "b", b.region())
	if dst.Rows == 0 || dst.Cols == 0 {
		return
	}
	f := takeFrame[T]()
	f.dotBatch(dst, a, b)
	f.give()
}

// dotBatch runs the batch job that the caller has filled in but for its
// matrices.
func (f *frame[T]) dotBatch(y, x, w Matrix[T]) {
	j := &f.batch
	j.y, j.w, j.x = y, w, x
	threads := threadsFor(y.Rows * y.Cols * (w.Cols/fmaPerElement + j.act.cost()))
	j.piece = pieceOf[T](min(w.Cols, blockCols), w.Stride)
	units := batchUnits
	if w.Cols > j.piece {
		units = pieceUnits
	}
	samples := min(y.Rows, batchSamples)
	if threads > 1 { // units first, since cells beside each other read the same rows of w
		down := (y.Rows + samples - 1) / samples
		across := (threads*cellsPerThread + down - 1) / down
		units = min(units, max(cellUnits, ((y.Cols+across-1)/across+3)&^3))
		across = (y.Cols + units - 1) / units
		samples = rowsFor(y.Rows, samples, threads*cellsPerThread/across)
	}
	j.grid = newGrid(y.Rows, y.Cols, samples, units)
	j.locals = f.localsFor(threads)
	run(j, j.cells, threads)
	*j = batchJob[T]{}
}

// batchJob is y_ij = f(dot of x_i and w_j + b_j), or without f there and with it
// in a matrix of its own.
type batchJob[T Float] struct {
	grid
	y, w, x Matrix[T]
	f       Matrix[T] // no rows: y itself
	b       span[T]
	act     function[T]
	piece   int // columns worked on at a time
	locals  []local[T]
}

func (j *batchJob[T]) cell(k, who int) {
	n0, n1, i0, i1 := j.at(k)
	l := &j.locals[who]
	m, n := n1-n0, i1-i0
	switch {
	case j.w.Cols == 0:
		for s := n0; s < n1; s++ {
			clear(j.y.Row(s)[i0:i1])
		}
	case m == 1: // rows of w in place of samples hide the latency
		dots(j.y.Row(n0)[i0:i1], &j.w, i0, j.x.Row(n0), l)
	case j.w.Cols <= blockCols:
		j.dots(j.y.from(n0, i0), j.y.Stride, n0, m, i0, n, 0, j.w.Cols, l)
	default:
		part, wide := grow(&l.part, m*n), grow(&l.wide, m*n)
		clear(wide)
		for c := 0; c < j.w.Cols; c += blockCols {
			j.dots(part, n, n0, m, i0, n, c, min(blockCols, j.w.Cols-c), l)
			kAddWide(wide, part, m*n)
		}
		for s := range m {
			y := j.y.Row(n0 + s)[i0:i1]
			for u := range y {
				y[u] = T(wide[s*n+u])
			}
		}
	}
	if j.b.v != nil {
		flags := portable.Rank1ColAdd
		if j.b.step == 0 {
			flags = portable.Rank1RowAdd
		}
		b := j.b.from(i0)
		kRank1Any(j.y.from(n0, i0), nil, nil, nil, nil, b, b, nil, 0, 0, m, n, j.y.Stride, 0, 0, 0, 0, flags)
	}
	to := j.f
	if to.Rows == 0 {
		if j.act.Kind == Identity {
			return
		}
		to = j.y
	}
	for s := n0; s < n1; s++ {
		activate(&j.act, to.Row(s)[i0:i1], j.y.Row(s)[i0:i1])
	}
}

// pieceOf is how many of a row's columns are worked on at a time: equal pieces
// of whole vectors.
func pieceOf[T Float](cols, stride int) int {
	bytes := cols * sizeOf[T]()
	most := pieceBytes
	if bytes > pieceBytes && aliased[T](stride) {
		most = aliasBytes
	}
	pieces := max(1, (bytes+most-1)/most)
	const lanes = 8
	return ((cols+pieces-1)/pieces + lanes - 1) &^ (lanes - 1)
}

// dots is one block of columns from c on: the dots of m samples from s on with n
// units from u on.
func (j *batchJob[T]) dots(y []T, yStride, s, m, u, n, c, cols int, l *local[T]) {
	var lanes []T
	flags := 0
	if cols > j.piece {
		lanes = grow(&l.lanes, m*n*portable.DotLanes[T]())
		flags = portable.DotKeep
	}
	for end := c + cols; c < end; c += j.piece {
		k := min(j.piece, end-c)
		if c+k == end {
			flags &^= portable.DotKeep
		}
		x, xStride := j.x.from(s, c), j.x.Stride
		if n >= copyUnits && aliased[T](xStride) {
			x, xStride = j.spread(x, m, k, l)
		}
		ahead := (k*sizeOf[T]() + lineBytes*m - 1) / (lineBytes * m) // to be through with the last sample
		kDotTile(y, x, j.w.from(u, c), lanes, m, n, k, yStride, xStride, j.w.Stride, ahead, flags)
		flags |= portable.DotMore
	}
}

// spread copies k columns of m rows of x to where their rows fall into
// different sets of the caches.
func (j *batchJob[T]) spread(x []T, m, k int, l *local[T]) ([]T, int) {
	stride := (k*sizeOf[T]()+lineBytes-1)&^(lineBytes-1)/sizeOf[T]() + lineBytes/sizeOf[T]()
	rows := grow(&l.panels, m*stride)
	for i := range m {
		copy(rows[i*stride:][:k], x[i*j.x.Stride:])
	}
	return rows, stride
}
