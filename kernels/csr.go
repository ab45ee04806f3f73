package kernels

import (
	"math"

	"github.com/hebbkern/hebbkern/kernels/internal/portable"
)

// CSR is a sparse matrix, the weights that exist, row after row: those of row i are Data[Start[i]:Start[i+1]], in the
// columns Indices[Start[i]:Start[i+1]], which ascend. Kernels over it take the stored entries of a row side by side, with
// what belongs to their columns, and give the bits of the dense kernels on these. NewCSR makes one.
type CSR[T Float] struct {
	Data       []T
	Indices    []int32
	Start      []int
	Rows, Cols int
}

// NewCSR is a CSR whose arrays have been checked: it panics with *ArgError unless start has rows + 1 elements that begin
// at 0, do not fall and end at len(data), and the columns of a row ascend from 0 or more to below cols. The arrays are
// the caller's; indices and start must stay as they are, which the kernels do not check again.
func NewCSR[T Float](data []T, indices []int32, start []int, rows, cols int) CSR[T] {
	const fn = "NewCSR"
	switch {
	case rows < 0 || cols < 0 || cols > math.MaxInt32:
		refuse(fn, "cols", "shape "+shape(rows, cols), "no negative size, and at most 2³¹ − 1 columns")
	case len(start) != rows+1:
		refuse(fn, "start", "length "+itoa(len(start)), itoa(rows+1)+", one more than the rows")
	case start[0] != 0 || start[rows] != len(data):
		refuse(fn, "start", itoa(start[0])+" to "+itoa(start[rows]), "0 to "+itoa(len(data))+", the length of data")
	case len(indices) != len(data):
		refuse(fn, "indices", "length "+itoa(len(indices)), "length "+itoa(len(data))+", as data")
	}
	for i := range rows { // all of them, before any is used
		if start[i] > start[i+1] {
			refuse(fn, "start", itoa(start[i+1])+" after "+itoa(start[i]), "numbers that do not fall")
		}
	}
	for i := range rows {
		last := int32(-1)
		for _, j := range indices[start[i]:start[i+1]] {
			if j <= last || int(j) >= cols {
				refuse(fn, "indices", itoa(int(j))+" after "+itoa(int(last))+" in row "+itoa(i), "ascending columns from 0 to "+itoa(cols-1))
			}
			last = j
		}
	}
	return CSR[T]{data, indices, start, rows, cols}
}

// Row is the stored entries of row i and their columns.
func (w CSR[T]) Row(i int) ([]T, []int32) {
	a, b := w.Start[i], w.Start[i+1]
	return w.Data[a:b:b], w.Indices[a:b:b]
}

// Gather is what v [Cols] has for each stored entry: dst_k = v[Indices_k].
func (w CSR[T]) Gather(dst, v []T) {
	checkLen("Gather", "dst", dst, len(w.Indices))
	checkLen("Gather", "v", v, w.Cols)
	gather(dst, v, w.Indices)
}

// GatherRow is what v [Cols] has for the stored entries of row i.
func (w CSR[T]) GatherRow(i int, dst, v []T) {
	_, indices := w.Row(i)
	checkLen("GatherRow", "dst", dst, len(indices))
	checkLen("GatherRow", "v", v, w.Cols)
	gather(dst, v, indices)
}

// ScatterRow is the way back: dst [Cols] receives v at the columns of row i and is left alone elsewhere.
func (w CSR[T]) ScatterRow(i int, dst, v []T) {
	_, indices := w.Row(i)
	checkLen("ScatterRow", "dst", dst, w.Cols)
	checkLen("ScatterRow", "v", v, len(indices))
	for k, j := range indices {
		dst[j] = v[k]
	}
}

// gather goes by eights: that takes half the time.
func gather[T Float](dst, v []T, indices []int32) {
	dst = dst[:len(indices)]
	k := 0
	for ; k+8 <= len(indices); k += 8 {
		i, d := (*[8]int32)(indices[k:]), (*[8]T)(dst[k:])
		a, b, c, e := v[i[0]], v[i[1]], v[i[2]], v[i[3]]
		d[0], d[1], d[2], d[3] = a, b, c, e
		a, b, c, e = v[i[4]], v[i[5]], v[i[6]], v[i[7]]
		d[4], d[5], d[6], d[7] = a, b, c, e
	}
	for ; k < len(indices); k++ {
		dst[k] = v[indices[k]]
	}
}

// check refuses arrays that do not belong together.
func (w *CSR[T]) check(fn string) {
	if len(w.Start) != w.Rows+1 || len(w.Indices) != len(w.Data) || w.Start[w.Rows] != len(w.Data) {
		refuse(fn, "w", "arrays of lengths "+itoa(len(w.Data))+", "+itoa(len(w.Indices))+" and "+itoa(len(w.Start)), "what NewCSR has checked")
	}
}

// ForwardCSR is Forward with the identity and without a bias: y_i is the dot of the stored entries of row i with the x of
// their columns.
func ForwardCSR[T Float](y []T, w CSR[T], x []T) {
	const fn = "ForwardCSR"
	w.check(fn)
	checkLen(fn, "y", y, w.Rows)
	checkLen(fn, "x", x, w.Cols)
	checkApart(fn, "y", vectorRegion(y), "w", vectorRegion(w.Data))
	checkApart(fn, "y", vectorRegion(y), "x", vectorRegion(x))
	f := takeFrame[T]()
	j := &f.csr
	j.w, j.out, j.u.X = w, y, x
	f.overCSR(csrForward)
}

// Rank1CSR is Rank1 on the stored entries: X, ColDecay and ColAdd are over the columns [Cols], or of length 1, G, Decay,
// RowAdd and Sums over the rows; Mask, and Lows and Highs of Dependence, are over the stored entries, as Data.
func Rank1CSR[T Float](w CSR[T], u Update[T]) {
	const fn = "Rank1CSR"
	w.check(fn)
	own := vectorRegion(w.Data)
	vector := func(arg string, v []T, want int) {
		checkSpread(fn, arg, v, want)
		checkApart(fn, "w", own, arg, vectorRegion(v))
	}
	vector("X", u.X, w.Cols)
	vector("ColDecay", u.ColDecay, w.Cols)
	vector("ColAdd", u.ColAdd, w.Cols)
	vector("G", u.G, w.Rows)
	vector("Decay", u.Decay, w.Rows)
	vector("RowAdd", u.RowAdd, w.Rows)
	if u.Finite != nil {
		refuse(fn, "Finite", "given", "nil: only Rank1 has it")
	}
	if u.Sums != nil {
		checkLen(fn, "Sums", u.Sums, w.Rows)
		checkExponent(fn, "P", u.P, true)
		checkApart(fn, "w", own, "Sums", vectorRegion(u.Sums))
	}
	// What is left of the checks is that of all entries as one row. Its columns have lengths of their own, and its
	// vectors over rows are scalars.
	row := u
	row.Sums, row.MaskStride = nil, 0
	if row.Mask != nil {
		checkLen(fn, "Mask", row.Mask, len(w.Data))
	}
	row.X, row.G, row.ColDecay, row.ColAdd, row.Decay, row.RowAdd = first(u.X), first(u.G), first(u.ColDecay), first(u.ColAdd), first(u.Decay), first(u.RowAdd)
	flags := checkRank1(fn, Matrix[T]{Data: w.Data, Rows: min(1, len(w.Data)), Cols: len(w.Data), Stride: len(w.Data)}, &row)
	f := takeFrame[T]()
	j := &f.csr
	j.w, j.out, j.u, j.flags = w, u.Sums, u, flags
	if u.Sums != nil {
		j.kind = exponentOf(u.P)
		j.exponent = f.prepare(j.kind, u.P)
	}
	f.overCSR(csrUpdate)
}

// PowerSumsCSR is Σ_j |w_ij|^p over the stored entries of each row, as PowerSums has it.
func PowerSumsCSR[T Float](w CSR[T], p float64, rows []T) {
	const fn = "PowerSumsCSR"
	w.check(fn)
	checkLen(fn, "rows", rows, w.Rows)
	checkExponent(fn, "p", p, true)
	checkApart(fn, "rows", vectorRegion(rows), "w", vectorRegion(w.Data))
	f := takeFrame[T]()
	j := &f.csr
	j.w, j.out, j.kind = w, rows, exponentOf(p)
	j.exponent = f.prepare(j.kind, p)
	f.overCSR(csrSums)
}

func first[T any](v []T) []T { return v[:min(1, len(v))] }

const (
	csrForward = iota
	csrUpdate
	csrSums
	csrOnline
	// csrCost is how many elements of a bandwidth-bound kernel take the time of a stored entry.
	csrCost = 4
)

type csrJob[T Float] struct {
	grid
	what     int
	w        CSR[T]
	out      []T // by row: y, or sums, which may be absent
	u        Update[T]
	flags    int
	kind     exponent
	exponent []T
	locals   []local[T]
	x, y     Matrix[T] // of a sequence
	online   Online[T]
	samples  int
	apart    bool // R of online is not x
}

// overCSR runs the job that the caller has filled in, and gives the frame.
func (f *frame[T]) overCSR(what int) {
	j := &f.csr
	work := (csrCost*len(j.w.Data) + 8*j.w.Rows) * max(1, j.samples)
	threads := threadsFor(work)
	j.what = what
	if j.w.Rows > 0 {
		j.grid = newGrid(j.w.Rows, 1, rowsFor(j.w.Rows, max(1, cellElements*j.w.Rows/work), threads), 1)
		j.locals = f.localsFor(threads)
		run(j, j.cells, threads)
	}
	*j = csrJob[T]{}
	f.give()
}

func (j *csrJob[T]) cell(k, who int) {
	i0, i1, _, _ := j.at(k)
	l := &j.locals[who]
	for i := i0; i < i1; i++ {
		data, indices := j.w.Row(i)
		row := Matrix[T]{Data: data, Rows: 1, Cols: len(data), Stride: len(data)}
		switch j.what {
		case csrForward:
			x := grow(&l.rows, len(data))
			gather(x, j.u.X, indices)
			dots(j.out[i:i+1], &row, 0, x, l)
			continue
		case csrOnline:
			j.learn(i, l, j.locals[who:who+1])
		case csrUpdate:
			j.update(i, row, indices, l)
		}
		if j.out != nil {
			j.out[i] = j.sum(data, l)
		}
	}
	l.row, l.online = rank1Job[T]{}, onlineJob[T]{}
}

// update is the update of row i.
func (j *csrJob[T]) update(i int, row Matrix[T], indices []int32, l *local[T]) {
	if len(indices) == 0 || j.flags == 0 {
		return
	}
	u, r, at := &j.u, &l.row, j.w.Start[i]
	if n := len(indices); j.flags&^portable.Rank1Decay == portable.Rank1Outer && len(u.X) > 1 && n <= blockCols {
		// The commonest terms, whose preparation would take as long as themselves.
		x, g := grow(&l.rows, n), overRow(u.G, i)
		gather(x, u.X, indices)
		if j.flags == portable.Rank1Outer {
			kRank1G(row.Data, g, x, 1, n, n, 0, 0)
		} else {
			kRank1DG(row.Data, overRow(u.Decay, i), g, x, 1, n, n, 0, 0, 0)
		}
		return
	}
	r.w, r.flags, r.lo, r.hi, r.maskStride = row, j.flags, u.Low, u.High, row.Stride
	columns := func(to *[]T, v []T) span[T] {
		if v == nil {
			return span[T]{}
		}
		s := grow(to, len(indices))
		if len(v) == 1 {
			for k := range s {
				s[k] = v[0]
			}
		} else {
			gather(s, v, indices)
		}
		return span[T]{s, 1}
	}
	r.x, r.c, r.b = columns(&l.rows, u.X), columns(&l.panels, u.ColDecay), columns(&l.lanes, u.ColAdd)
	r.g, r.d, r.a = span[T]{overRow(u.G, i), 0}, span[T]{overRow(u.Decay, i), 0}, span[T]{overRow(u.RowAdd, i), 0}
	if u.Mask != nil {
		r.mask = u.Mask[at : at+len(indices)]
	}
	if u.Dependence != nil {
		l.dependence = *u.Dependence
		if d := &l.dependence; d.Lows != nil {
			d.Lows, d.Highs, d.LimitStride = d.Lows[at:at+len(indices)], d.Highs[at:at+len(indices)], row.Stride
		}
		r.dependence = &l.dependence
	}
	for c := 0; c < row.Cols; c += blockCols {
		r.update(0, 1, c, min(blockCols, row.Cols-c))
	}
}

// overRow is what a vector over rows, or a scalar, has for row i.
func overRow[T Float](v []T, i int) []T {
	if len(v) > 1 {
		return v[i : i+1]
	}
	return v
}

// sum is the power sum of one row.
func (j *csrJob[T]) sum(data []T, l *local[T]) T {
	part, wide := l.part[:1], l.wide[:1]
	wide[0], part[0] = 0, 0
	most := T(0)
	for c := 0; c < len(data); c += blockCols {
		n := min(blockCols, len(data)-c)
		v, stride, kind := l.terms(j.kind, data[c:c+n], j.exponent, 1, n, n)
		rowSums(kind, part, v, nil, 1, n, stride, 0)
		if len(data) <= blockCols {
			return part[0]
		}
		if kind == exponentMax {
			if !(part[0] <= most) { // NaN stays
				most = part[0]
			}
			if most != most {
				return most
			}
			continue
		}
		kAddWide(wide, part, 1)
	}
	if j.kind == exponentMax {
		return most
	}
	return T(wide[0])
}
