package kernels

import (
	"math"

	"github.com/hebbkern/hebbkern/kernels/internal/portable"
)

const (
	// convBytes is what the unfolded windows of a cell of a convolution take: part
	// of a common second cache, through which the kernels pass as well.
	convBytes = 128 << 10
	// convUnits is how many kernels are worked on together, so that their sums are
	// still in a near cache when bias and activation come.
	convUnits = 4 * portable.MulRows
)

// Convolve is a convolutional layer's answer to images [B, Image()] (in signal
// processing a correlation: kernels are not mirrored),
//
//	out_k(r, c) = f(dot + b_k),   dot = Σ_l w_kl·x_l
//
// with w [K, Length()] and x the window at (r, c) as Patches gives it, zeros
// beyond the edge included. out is [B, K·rows·cols]: channel after channel, row
// after row. b is nil, of length K, or a scalar. Every element has the bits that
// ForwardBatch gives with the windows as its x; they are unfolded a cell at a
// time. out shares no element with the others.
func Convolve[T Float](out, w, images Matrix[T], g Windows, b []T, act Activation) {
	convolve("Convolve", out, w, images, g, b, act, 0, -1)
}

// ConvolveRows is the part of Convolve that writes the rows [from, to) of
// windows, counted image after image.
func ConvolveRows[T Float](out, w, images Matrix[T], g Windows, b []T, act Activation, from, to int) {
	convolve("ConvolveRows", out, w, images, g, b, act, from, to)
}

// convolve takes a negative `to` for all rows.
func convolve[T Float](fn string, out, w, images Matrix[T], g Windows, b []T, act Activation, from, to int) {
	g.check(fn)
	rows, cols := g.Positions()
	w.checkSize(fn, "w", w.Rows, g.Length())
	g.checkImages(fn, "images", images.Rows, images.Cols, images.Stride, len(images.Data))
	if w.Rows > 0 && rows*cols > math.MaxInt/w.Rows {
		refuse(fn, "w", shape(w.Rows, w.Cols), "no overflow")
	}
	out.checkSize(fn, "out", images.Rows, w.Rows*rows*cols)
	checkSpread(fn, "b", b, w.Rows)
	checkActivation[T](fn, act)
	to = checkRows(fn, from, to, images.Rows*rows)
	own := out.region()
	checkApart(fn, "out", own, "w", w.region())
	checkApart(fn, "out", own, "images", images.region())
	checkApart(fn, "out", own, "b", vectorRegion(b))
	if from == to || w.Rows == 0 {
		return
	}
	f := takeFrame[T]()
	j := &f.conv
	threads := threadsFor((to - from) * cols * w.Rows * (w.Cols/fmaPerElement + act.cost() + 1))
	j.cut(g.explicit(), from, to, max(portable.PanelCols[T](), convBytes/sizeOf[T]()/w.Cols), threads)
	j.out, j.w, j.images, j.b, j.act = out, w, images, overRows(b, w.Rows), f.function(act, false)
	j.packed, j.places = grow(&f.rowPart, w.Rows*w.Cols), grow(&f.places, w.Cols)
	j.pack()
	j.locals = f.localsFor(threads)
	run(j, j.all, threads)
	*j = convJob[T]{}
	f.give()
}

// checkRows refuses rows [from, to) that are no part of n, and gives the `to`
// that a negative one stands for.
func checkRows(fn string, from, to, n int) int {
	if to < 0 {
		return n
	}
	if from < 0 || from > to || to > n {
		refuse(fn, "from", "rows "+shape(from, to), "a part of "+shape(0, n))
	}
	return to
}

// imageCells cuts the rows [from, to) of windows of all images into cells within
// one image: rows of windows, or part of a row.
type imageCells struct {
	grid     // of the positions in an image
	g        windows
	from, to int
	first    int // image
	all      int // cells of all images
}

// cut makes cells of at most that many positions, but at least one.
func (c *imageCells) cut(g windows, from, to, positions, threads int) {
	c.g, c.from, c.to, c.first = g, from, to, from/g.rows
	cols, rows := max(1, min(g.cols, positions)), 1
	if cols == g.cols {
		rows = min(g.rows, positions/cols)
		if threads > 1 {
			rows = min(rows, (to-from)/(threads*cellsPerThread))
		}
	}
	c.grid = newGrid(g.rows, g.cols, max(1, rows), cols)
	c.all = ((to-1)/g.rows + 1 - c.first) * c.cells
}

// part is cell k: an image, and the rows and columns of its windows; no rows if
// they are not asked for.
func (c *imageCells) part(k int) (image, r0, r1, c0, c1 int) {
	image = c.first + k/c.cells
	r0, r1, c0, c1 = c.at(k % c.cells)
	return image, max(r0, c.from-image*c.g.rows), min(r1, c.to-image*c.g.rows), c0, c1
}

// convJob has the positions, of which there are many, along the vectors: each
// lane of a dot is a product of matrices, of some columns of w and of rows of the
// unfolded windows, and no vector is summed across.
type convJob[T Float] struct {
	imageCells
	out, w, images Matrix[T]
	b              span[T]
	act            function[T]
	packed         []T   // w: see pack
	places         []int // of the terms of a window
	locals         []local[T]
}

// sorted calls do with the terms of a block of a dot, of that many, in the order
// of LaneTile.
func sorted[T Float](terms int, do func(term int)) {
	lanes := portable.DotLanes[T]()
	for s := range lanes {
		for t := portable.LaneAt[T](s); t < terms; t += lanes {
			do(t)
		}
	}
}

// pack sorts w for LaneTile: block after block of the dot, tile after tile of its
// rows, and there term after term the elements of the rows. It notes where the
// terms of a window come.
func (j *convJob[T]) pack() {
	to := j.packed
	for l := 0; l < j.w.Cols; l += blockCols {
		terms, at := min(blockCols, j.w.Cols-l), l
		sorted[T](terms, func(term int) {
			j.places[l+term] = at
			at++
		})
		for i := 0; i < j.w.Rows; i += portable.MulRows {
			m := min(portable.MulRows, j.w.Rows-i)
			places := j.places[l:][:terms]
			for r := range m {
				for t, v := range j.w.from(i+r, l)[:terms] {
					to[(places[t]-l)*m+r] = v
				}
			}
			to = to[m*terms:]
		}
	}
}

func (j *convJob[T]) cell(k, who int) {
	image, r0, r1, c0, c1 := j.part(k)
	if r0 >= r1 {
		return
	}
	l := &j.locals[who]
	c := convCell[T]{convJob: j, l: l, n: (r1 - r0) * (c1 - c0)}
	// Whole vectors are read; an odd number of lines from a row to the next keeps them in different sets of the caches.
	lines := (c.n*sizeOf[T]() + lineBytes - 1) / lineBytes
	c.stride = (lines | 1) * lineBytes / sizeOf[T]()
	c.x = grow(&l.panels, j.w.Cols*c.stride)
	c.unfold(j.images.Row(image), r0, r1, c0, c1)
	area := j.g.rows * j.g.cols
	for i := 0; i < j.w.Rows; i += convUnits {
		m := min(convUnits, j.w.Rows-i)
		y := j.out.from(image, i*area+r0*j.g.cols+c0)
		c.sums(y, area, i, m)
		if j.b.v != nil {
			kRank1Any(y, nil, nil, nil, nil, j.b.from(i), nil, nil, 0, 0, m, c.n, area, 0, 0, j.b.step, 0, portable.Rank1RowAdd)
		}
		if j.act.Kind != Identity {
			for r := range m {
				v := y[r*area:][:c.n]
				activate(&j.act, v, v)
			}
		}
	}
}

// convCell is a cell at work.
type convCell[T Float] struct {
	*convJob[T]
	l      *local[T]
	x      []T // the unfolded windows, a term a row, sorted as w is; n positions, stride apart
	n      int
	stride int
}

// unfold fills x: a term of the windows in a row of positions is a row of the
// image, or every Stride-th element of it.
func (c *convCell[T]) unfold(image []T, r0, r1, c0, c1 int) {
	g, n, rows := &c.g, c1-c0, r1-r0
	term := 0
	for channel := range g.Channels {
		plane := image[channel*g.Height*g.Width:][:g.Height*g.Width]
		for ky := range g.Size[0] {
			y := r0*g.Stride[0] - g.Pad[0] + ky*g.Dilation[0]
			top, bottom := inside(y, g.Stride[0], g.Height, rows)
			for kx := range g.Size[1] {
				to := c.x[c.places[term]*c.stride:][:c.n]
				term++
				x := c0*g.Stride[1] - g.Pad[1] + kx*g.Dilation[1]
				left, right := inside(x, g.Stride[1], g.Width, n)
				if top > 0 || bottom < rows || left > 0 || right < n {
					clear(to)
				}
				if left == right {
					continue
				}
				if top == bottom {
					continue
				}
				from := plane[(y+top*g.Stride[0])*g.Width+x+left*g.Stride[1]:]
				if g.Stride[1] == 1 {
					kCopyRows(to[top*n+left:], from, bottom-top, right-left, n, g.Stride[0]*g.Width)
					continue
				}
				for r := range bottom - top {
					take(to[(top+r)*n+left:(top+r)*n+right], from[r*g.Stride[0]*g.Width:], g.Stride[1])
				}
			}
		}
	}
}

// take copies every step-th element.
func take[T Float](to, from []T, step int) {
	if step == 1 {
		copy(to, from)
		return
	}
	s := 0
	for k := range to {
		to[k] = from[s]
		s += step
	}
}

// sums writes the dots of m kernels from i on, whose rows in y are stride apart.
func (c *convCell[T]) sums(y []T, stride, i, m int) {
	if c.w.Cols <= blockCols {
		c.dots(y, stride, i, m, 0)
		return
	}
	wide, part := grow(&c.l.wide, m*c.n), grow(&c.l.rows, m*c.n)
	clear(wide)
	for l := 0; l < c.w.Cols; l += blockCols {
		c.dots(part, c.n, i, m, l)
		kAddWide(wide, part, m*c.n)
	}
	for r := range m {
		row := y[r*stride:][:c.n]
		for k := range row {
			row[k] = T(wide[r*c.n+k])
		}
	}
}

// dots is sums of one block of terms.
func (c *convCell[T]) dots(y []T, stride, i, m, block int) {
	lanes, terms := portable.DotLanes[T](), min(blockCols, c.w.Cols-block)
	more := 0 // the lanes that have a term more
	for s := range lanes {
		more *= 2
		if portable.LaneAt[T](s) < terms%lanes {
			more++
		}
	}
	t := grow(&c.l.part, portable.LaneScratch[T]())
	for r := 0; r < m; r += portable.MulRows {
		kLaneTile(y[r*stride:], c.packed[block*c.w.Rows+(i+r)*terms:], c.x[block*c.stride:], t,
			min(portable.MulRows, m-r), c.n, terms/lanes, more, stride, c.stride)
	}
}
