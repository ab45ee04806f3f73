package kernels

// PoolKind says what is made of the elements of a window.
type PoolKind int

const (
	MaxPool     PoolKind = iota // their maximum
	AveragePool                 // their mean
)

// Pool makes one number of each window of each channel of images [B, Image()];
// out is [B, Channels·rows·cols], channel after channel, row after row. Windows
// may overlap; what is beyond the edge of the image is left out of them.
//
//	MaxPool      out = maximum x, of IEEE 754-2019: NaN if one is, −0 below +0
//	AveragePool  out = (Σ_c Σ_r x_rc) / n
//
// The columns are summed from top to bottom, then these sums from left to right,
// and divided by the number n of elements inside the image, each step rounded. A
// window has no dilation, and more elements along an axis than the image is
// padded by. out shares no element with images.
func Pool[T Float](out, images Matrix[T], g Windows, kind PoolKind) {
	poolWindows("Pool", out, images, g, kind, 0, -1)
}

// PoolRows is the part of Pool that writes the rows [from, to) of windows,
// counted image after image.
func PoolRows[T Float](out, images Matrix[T], g Windows, kind PoolKind, from, to int) {
	poolWindows("PoolRows", out, images, g, kind, from, to)
}

// poolWindows takes a negative `to` for all rows.
func poolWindows[T Float](fn string, out, images Matrix[T], g Windows, kind PoolKind, from, to int) {
	g.check(fn)
	pair := func(p [2]int) string { return itoa(p[0]) + " × " + itoa(p[1]) }
	for axis := range 2 {
		if g.Dilation[axis] > 1 {
			refuse(fn, "Dilation", pair(g.Dilation), "windows of a pool without dilation")
		}
		if g.Pad[axis] >= g.Size[axis] {
			refuse(fn, "Pad", pair(g.Pad), "less than the window's "+pair(g.Size))
		}
	}
	if kind != MaxPool && kind != AveragePool {
		refuse(fn, "kind", itoa(int(kind)), "MaxPool or AveragePool")
	}
	g.checkImages(fn, "images", images.Rows, images.Cols, images.Stride, len(images.Data))
	rows, cols := g.Positions()
	out.checkSize(fn, "out", images.Rows, g.Channels*rows*cols)
	to = checkRows(fn, from, to, images.Rows*rows)
	checkApart(fn, "out", out.region(), "images", images.region())
	if from == to {
		return
	}
	f := takeFrame[T]()
	j := &f.pool
	const cost = 8
	threads := threadsFor((to - from) * cols * g.Channels * (cost + g.Size[0]*g.Size[1]))
	j.cut(g.explicit(), from, to, max(1, cellElements/g.Channels), threads)
	j.out, j.images, j.kind = out, images, kind
	j.locals = f.localsFor(threads)
	run(j, j.all, threads)
	*j = windowJob[T]{}
	f.give()
}

// windowJob is a pool of windows.
type windowJob[T Float] struct {
	imageCells
	out, images Matrix[T]
	kind        PoolKind
	locals      []local[T]
}

func (j *windowJob[T]) cell(k, who int) {
	image, r0, r1, c0, c1 := j.part(k)
	g := &j.g
	// The columns of the image that the windows see.
	x0 := max(0, c0*g.Stride[1]-g.Pad[1])
	x1 := min(g.Width, (c1-1)*g.Stride[1]-g.Pad[1]+g.Size[1])
	line := grow(&j.locals[who].panels, x1-x0)
	for channel := range g.Channels {
		plane := j.images.Row(image)[channel*g.Height*g.Width:][:g.Height*g.Width]
		to := j.out.Row(image)[channel*g.rows*g.cols:][:g.rows*g.cols]
		for r := r0; r < r1; r++ {
			y0 := r*g.Stride[0] - g.Pad[0]
			y1 := min(y0+g.Size[0], g.Height)
			y0 = max(y0, 0)
			copy(line, plane[y0*g.Width+x0:])
			for y := y0 + 1; y < y1; y++ {
				row := plane[y*g.Width+x0:][:len(line)]
				if j.kind == MaxPool {
					for x, v := range row {
						line[x] = max(line[x], v)
					}
				} else {
					for x, v := range row {
						line[x] += v
					}
				}
			}
			j.across(to[r*g.cols+c0:r*g.cols+c1], line, c0*g.Stride[1]-g.Pad[1]-x0, y1-y0)
		}
	}
}

// across makes the windows of a row from what is left of its columns; the first
// window begins at x, and n rows are in them.
func (j *windowJob[T]) across(to, line []T, x, n int) {
	for c := range to {
		window := line[max(x, 0):min(x+j.g.Size[1], len(line))]
		v := window[0]
		if j.kind == MaxPool {
			for _, u := range window[1:] {
				v = max(v, u)
			}
		} else {
			for _, u := range window[1:] {
				v += u
			}
			v /= T(n * len(window))
		}
		to[c] = v
		x += j.g.Stride[1]
	}
}
