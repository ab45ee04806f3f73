package kernels

import "github.com/hebbkern/hebbkern/kernels/internal/portable"

// Batches over sparse weights. Samples stand side by side then: what a stored entry sees of them is a vector, the row of xᵀ of
// its column, and no element is gathered by itself.

// batchSamplesCSR is the samples that are worked on at once: blocks of ProductCSR, and so part of the contract.
const batchSamplesCSR = 256

// ForwardBatchCSR is ForwardCSR for each sample, x [B, Cols], y [B, Rows], bit for bit.
func ForwardBatchCSR[T Float](y Matrix[T], w CSR[T], x Matrix[T]) {
	const fn = "ForwardBatchCSR"
	w.check(fn)
	x.checkSize(fn, "x", x.Rows, w.Cols)
	y.checkSize(fn, "y", x.Rows, w.Rows)
	checkApart(fn, "y", y.region(), "w", vectorRegion(w.Data))
	checkApart(fn, "y", y.region(), "x", x.region())
	overSamples(w, x, y, csrForward)
}

// ProductCSR is GᵀX at the stored entries, g [B, Rows], x [B, Cols]:
//
//	w_ij ← Σ_b g_bi·x_bj
//
// in blocks of 256 samples, each of them a dot as Forward has it, which are added in order in the element type. What w
// held is not read.
func ProductCSR[T Float](w CSR[T], g, x Matrix[T]) {
	const fn = "ProductCSR"
	w.check(fn)
	x.checkSize(fn, "x", x.Rows, w.Cols)
	g.checkSize(fn, "g", x.Rows, w.Rows)
	checkApart(fn, "w", vectorRegion(w.Data), "g", g.region())
	checkApart(fn, "w", vectorRegion(w.Data), "x", x.region())
	if x.Rows == 0 {
		clear(w.Data)
		return
	}
	overSamples(w, x, g, csrProduct)
}

const csrProduct = csrOnline + 1

type csrBatchJob[T Float] struct {
	grid
	what    int
	w       CSR[T]
	x, y    Matrix[T] // y is g of a product
	xt      []T       // [Cols, stride], of the samples at hand
	first   int       // of these
	n       int       // and their number
	stride  int       // whole vectors
	locals  []local[T]
	columns []T // memory of xt
}

// overSamples runs the job over the samples, some at a time.
func overSamples[T Float](w CSR[T], x, y Matrix[T], what int) {
	if w.Rows == 0 || x.Rows == 0 {
		return
	}
	f := takeFrame[T]()
	j := &f.csrBatch
	lanes := portable.DotLanes[T]()
	j.what, j.w, j.x, j.y = what, w, x, y
	for j.first = 0; j.first < x.Rows; j.first += j.n {
		j.n = min(batchSamplesCSR, x.Rows-j.first)
		j.stride = (j.n + lanes - 1) / lanes * lanes
		j.turn()
		// An entry's part is a copy and as many multiply-adds.
		work := (len(w.Data)*(j.stride+8) + w.Rows*j.stride) / 8
		threads := threadsFor(work)
		j.grid = newGrid(w.Rows, 1, rowsFor(w.Rows, max(1, cellElements*w.Rows/max(1, work)), threads), 1)
		j.locals = f.localsFor(threads)
		run(j, j.cells, threads)
	}
	*j = csrBatchJob[T]{columns: j.columns}
	f.give()
}

// turn makes xᵀ of the samples at hand.
func (j *csrBatchJob[T]) turn() {
	cols, stride := j.w.Cols, j.stride
	j.xt = grow(&j.columns, cols*stride)
	s := 0
	for ; s+4 <= j.n; s += 4 {
		a, b := j.x.Row(j.first+s), j.x.Row(j.first+s+1)
		c, d := j.x.Row(j.first+s+2), j.x.Row(j.first+s+3)
		for k := range a {
			to := (*[4]T)(j.xt[k*stride+s:])
			to[0], to[1], to[2], to[3] = a[k], b[k], c[k], d[k]
		}
	}
	for ; s < j.n; s++ {
		for k, v := range j.x.Row(j.first + s) {
			j.xt[k*stride+s] = v
		}
	}
}

func (j *csrBatchJob[T]) cell(k, who int) {
	i0, i1, _, _ := j.grid.at(k)
	l := &j.locals[who]
	for i := i0; i < i1; i++ {
		data, indices := j.w.Row(i)
		if j.what == csrProduct {
			j.product(i, data, indices, l)
		} else {
			j.answer(i, data, indices, l)
		}
	}
}

// product is the entries of row i: the dots of what they see with the g of the row.
func (j *csrBatchJob[T]) product(i int, data []T, indices []int32, l *local[T]) {
	n, stride := j.n, j.stride
	g := grow(&l.rows, n)
	for s := range g {
		g[s] = j.y.Data[(j.first+s)*j.y.Stride+i]
	}
	step := max(1, cellElements/stride)
	for k := 0; k < len(data); k += step {
		part := indices[k:min(k+step, len(data))]
		panel := grow(&l.panels, len(part)*stride)
		for e, c := range part {
			copy(panel[e*stride:][:stride], j.xt[int(c)*stride:])
		}
		if j.first == 0 {
			kMatVec(data[k:], panel, g, len(part), n, stride)
			continue
		}
		sums := grow(&l.lanes, len(part))
		kMatVec(sums, panel, g, len(part), n, stride)
		for e, v := range sums {
			data[k+e] += v
		}
	}
}

// answer is y of unit i.
func (j *csrBatchJob[T]) answer(i int, data []T, indices []int32, l *local[T]) {
	y := grow(&l.lanes, 2*j.stride)
	sums, part := y[:j.n], y[j.stride:][:j.n]
	if len(data) == 0 {
		clear(sums)
	} else if len(data) <= blockCols {
		j.dots(sums, data, indices, l)
	} else {
		wide := grow(&l.wide, j.n)
		clear(wide)
		for k := 0; k < len(data); k += blockCols {
			to := min(k+blockCols, len(data))
			j.dots(part, data[k:to], indices[k:to], l)
			kAddWide(wide, part, j.n)
		}
		for s, v := range wide {
			sums[s] = T(v)
		}
	}
	for s, v := range sums {
		j.y.Data[(j.first+s)*j.y.Stride+i] = v
	}
}

// dots is one block of a dot for each sample, with the terms in the order of LaneTile.
func (j *csrBatchJob[T]) dots(y, data []T, indices []int32, l *local[T]) {
	lanes, terms, stride := portable.DotLanes[T](), len(data), j.stride
	w, panel := grow(&l.rows, terms), grow(&l.panels, terms*stride)
	at, more := 0, 0 // the lanes that have a term more
	for s := range lanes {
		lane := portable.LaneAt[T](s)
		more *= 2
		if lane < terms%lanes {
			more++
		}
		for k := lane; k < terms; k += lanes {
			w[at] = data[k]
			copy(panel[at*stride:][:stride], j.xt[int(indices[k])*stride:])
			at++
		}
	}
	kLaneTile(y, w, panel, grow(&l.part, portable.LaneScratch[T]()), 1, j.n, terms/lanes, more, stride, stride)
}
