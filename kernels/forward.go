package kernels

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
	f := takeFrame[T]()
	j := &f.forward
	threads := threadsFor(w.Rows * (w.Cols + act.cost()))
	cellRows := max(8, min(blockRows, cellElements/max(1, w.Cols)&^7))
	j.grid = newGrid(w.Rows, 1, rowsFor(w.Rows, cellRows, threads), 1)
	j.y, j.w, j.x, j.b, j.act = y, w, x, overRows(b, w.Rows), act
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
	act    Activation
	locals []local[T]
}

func (j *forwardJob[T]) cell(k, who int) {
	i0, i1, _, _ := j.at(k)
	y := j.y[i0:i1]
	dots(y, &j.w, i0, j.x, &j.locals[who])
	finish(y, &j.b, i0, j.act)
}

// dots sets y_k to the dot of x and row i+k of w, len(y) ≤ blockRows.
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
func finish[T Float](y []T, b *span[T], i int, act Activation) {
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
	batchUnits   = 64 // units and samples of one cell of a batch: their rows of w and
	batchSamples = 64 // x stay in the second cache for layers of up to some 1000 inputs
	batchGroup   = 8  // rows of w that stay in the first cache while samples pass
)

// ForwardBatch is a layer's answer to a batch, a sample a row: row n of y is
// Forward of row n of x, bit for bit, for any batch. x is [B, in], w [out, in],
// y [B, out]; b as in Forward. y shares no element with w, x or b.
func ForwardBatch[T Float](y, w, x Matrix[T], b []T, act Activation) {
	const fn = "ForwardBatch"
	w.check(fn, "w")
	x.checkSize(fn, "x", x.Rows, w.Cols)
	y.checkSize(fn, "y", x.Rows, w.Rows)
	checkSpread(fn, "b", b, w.Rows)
	checkActivation[T](fn, act)
	own := y.region()
	checkApart(fn, "y", own, "w", w.region())
	checkApart(fn, "y", own, "x", x.region())
	checkApart(fn, "y", own, "b", vectorRegion(b))
	if y.Rows == 0 || y.Cols == 0 {
		return
	}
	f := takeFrame[T]()
	j := &f.batch
	threads := threadsFor(y.Rows * y.Cols * (w.Cols/fmaPerElement + act.cost()))
	j.grid = newGrid(y.Rows, y.Cols, rowsFor(y.Rows, batchSamples, threads), batchUnits)
	j.y, j.w, j.x, j.b, j.act = y, w, x, overRows(b, w.Rows), act
	j.locals = f.localsFor(threads)
	run(j, j.cells, threads)
	*j = batchJob[T]{}
	f.give()
}

type batchJob[T Float] struct {
	grid
	y, w, x Matrix[T]
	b       span[T]
	act     Activation
	locals  []local[T]
}

func (j *batchJob[T]) cell(k, who int) {
	n0, n1, i0, i1 := j.at(k)
	l := &j.locals[who]
	for i := i0; i < i1; i += batchGroup {
		for n := n0; n < n1; n++ {
			dots(j.y.Row(n)[i:min(i+batchGroup, i1)], &j.w, i, j.x.Row(n), l)
		}
	}
	for n := n0; n < n1; n++ {
		finish(j.y.Row(n)[i0:i1], &j.b, i0, j.act)
	}
}
