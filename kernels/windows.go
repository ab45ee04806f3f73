package kernels

import "math"

// Windows are the windows that a kernel or a pool looks through at images of
// Channels × Height × Width, stored channel after channel, row after row: an
// image is a row of a Matrix, of Image() elements. Pairs are rows, then columns.
//
// The window at (r, c) begins at row r·Stride[0] − Pad[0] and column
// c·Stride[1] − Pad[1] of the image, and its elements are Dilation apart.
// Windows are numbered row after row, and only whole ones count: what is left
// beyond the last one is not looked at.
type Windows struct {
	Channels, Height, Width int
	Size                    [2]int // elements of a window in a channel
	Stride                  [2]int // from a window to the next; 0: 1
	Pad                     [2]int // around the image, above and below, left and right
	Dilation                [2]int // from an element of a window to the next; 0: 1
}

// Image is the number of elements of an image.
func (g Windows) Image() int { return g.Channels * g.Height * g.Width }

// Length is the number of elements of a window, all channels together.
func (g Windows) Length() int { return g.Channels * g.Size[0] * g.Size[1] }

// Positions is the number of windows of an image, in rows and columns.
func (g Windows) Positions() (rows, cols int) {
	return g.along(0, g.Height), g.along(1, g.Width)
}

// along is the number of windows along an axis of n elements.
func (g Windows) along(axis, n int) int {
	return (n+2*g.Pad[axis]-g.reach(axis))/max(1, g.Stride[axis]) + 1
}

// reach is how far a window reaches along an axis.
func (g Windows) reach(axis int) int { return (g.Size[axis]-1)*max(1, g.Dilation[axis]) + 1 }

// largestSide bounds each number of a geometry, so that no product of two
// overflows; products of more are compared with the lengths of arrays.
const largestSide = math.MaxInt32/2 - 1

// check refuses windows that are not.
func (g Windows) check(fn string) {
	pair := func(name string, p [2]int, least int) {
		for _, v := range p {
			if v < least || v > largestSide {
				refuse(fn, name, itoa(p[0])+" × "+itoa(p[1]), "at least "+itoa(least)+", and no overflow")
			}
		}
	}
	if g.Channels < 1 || g.Channels > largestSide {
		refuse(fn, "Channels", itoa(g.Channels), "1 or more, and no overflow")
	}
	pair("Height", [2]int{g.Height, g.Width}, 1)
	pair("Size", g.Size, 1)
	pair("Stride", g.Stride, 0)
	pair("Pad", g.Pad, 0)
	pair("Dilation", g.Dilation, 0)
	for axis, n := range [2]int{g.Height, g.Width} {
		wide := int64(g.Size[axis]-1)*int64(max(1, g.Dilation[axis])) + 1
		if padded := int64(n) + 2*int64(g.Pad[axis]); wide > padded {
			refuse(fn, "Size", itoa(g.Size[0])+" × "+itoa(g.Size[1]), "a window that fits into the padded image")
		}
	}
	area := math.MaxInt / g.Channels
	rows, cols := g.Positions()
	for _, side := range [...][3]int{{g.Height, g.Width}, {g.Size[0], g.Size[1]}, {rows, cols}} {
		if side[0] > area/side[1] {
			refuse(fn, "Size", shape(side[0], side[1]), "no overflow")
		}
	}
}

// checkImages refuses images of another size.
func (g Windows) checkImages(fn, arg string, rows, cols, stride, length int) {
	checkShape(fn, arg, length, rows, cols, stride)
	if cols != g.Image() {
		refuse(fn, arg, "rows of length "+itoa(cols), "images of "+itoa(g.Channels)+" × "+itoa(g.Height)+" × "+itoa(g.Width))
	}
}

// inside is the windows [from, to) of n along an axis whose element that begins
// at `at` in window 0 lies in the image, of size elements.
func inside(at, stride, size, n int) (from, to int) {
	if at < 0 {
		from = min(n, (-at+stride-1)/stride)
	}
	switch {
	case at+(n-1)*stride < size: // mostly, and without a division
		to = n
	case at < size:
		to = (size-1-at)/stride + 1
	}
	return from, max(from, to)
}

// Patches copies windows of images [B, Image()] into the rows of dst, each of
// Length() elements: channel after channel, row after row, zeros beyond the edge
// of the image. Row i of dst is the window first+i, counted image after image.
// So the product of dst and the kernels [K, Length()] of a layer is its
// convolution, and dst is a batch for any rule. dst shares no element with images.
func Patches[T Float](dst, images Matrix[T], g Windows, first int) {
	const fn = "Patches"
	all := checkPatches(fn, dst, images, g)
	if first < 0 || first > all-dst.Rows {
		refuse(fn, "first", itoa(first), "0 to "+itoa(all-dst.Rows)+", that many windows before the last "+itoa(dst.Rows))
	}
	copyPatches(dst, images, g, first, nil)
}

// PatchesAt is Patches of the windows with these numbers, of which any may come
// again. index has an entry a row of dst.
func PatchesAt[T Float](dst, images Matrix[T], g Windows, index []int) {
	const fn = "PatchesAt"
	all := checkPatches(fn, dst, images, g)
	checkLen(fn, "index", index, dst.Rows)
	for k, at := range index {
		if at < 0 || at >= all {
			refuse(fn, "index", itoa(at)+" at "+itoa(k), "0 or more, and less than the "+itoa(all)+" windows")
		}
	}
	checkApart(fn, "dst", dst.region(), "index", vectorRegion(index))
	copyPatches(dst, images, g, 0, index)
}

// checkPatches gives the number of windows of all images.
func checkPatches[T Float](fn string, dst, images Matrix[T], g Windows) int {
	g.check(fn)
	g.checkImages(fn, "images", images.Rows, images.Cols, images.Stride, len(images.Data))
	dst.checkSize(fn, "dst", dst.Rows, g.Length())
	checkApart(fn, "dst", dst.region(), "images", images.region())
	rows, cols := g.Positions()
	if images.Rows > math.MaxInt/(rows*cols) {
		refuse(fn, "images", shape(images.Rows, images.Cols), "no overflow")
	}
	return images.Rows * rows * cols
}

func copyPatches[T Float](dst, images Matrix[T], g Windows, first int, index []int) {
	if dst.Rows == 0 {
		return
	}
	f := takeFrame[T]()
	j := &f.patches
	threads := threadsFor(dst.Rows * dst.Cols)
	j.grid = newGrid(dst.Rows, 1, rowsFor(dst.Rows, max(1, cellElements/dst.Cols), threads), 1)
	j.dst, j.images, j.g, j.first, j.index = dst, images, g.explicit(), first, index
	run(j, j.cells, threads)
	*j = patchesJob[T]{}
	f.give()
}

// explicit is g with its numbers of positions, and 1 in the place of 0.
func (g Windows) explicit() windows {
	w := windows{Windows: g}
	for axis := range 2 {
		w.Stride[axis] = max(1, g.Stride[axis])
		w.Dilation[axis] = max(1, g.Dilation[axis])
	}
	w.rows, w.cols = g.Positions()
	return w
}

// windows are Windows made explicit.
type windows struct {
	Windows
	rows, cols int // positions
}

type patchesJob[T Float] struct {
	grid
	g           windows
	dst, images Matrix[T]
	first       int
	index       []int // in place of first, first+1, …
}

func (j *patchesJob[T]) cell(k, _ int) {
	i0, i1, _, _ := j.at(k)
	for i0 < i1 {
		at, n := j.first+i0, i1-i0
		if j.index != nil {
			at, n = j.index[i0], 1
		}
		r, c := at/j.g.cols%j.g.rows, at%j.g.cols
		n = min(n, j.g.cols-c) // along a row of windows
		j.along(j.dst.from(i0, 0), j.images.Row(at/j.g.cols/j.g.rows), r, c, n)
		i0 += n
	}
}

// along copies n windows of an image from (r, c) on. Those that lie inside it from
// left to right are copied row by row of a window, the others element by element.
func (j *patchesJob[T]) along(dst, image []T, r, c, n int) {
	g, step := &j.g, j.dst.Stride
	wide, x, y0 := g.Size[1], c*g.Stride[1]-g.Pad[1], r*g.Stride[0]-g.Pad[0]
	from, _ := inside(x, g.Stride[1], g.Width, n)
	_, to := inside(x+(wide-1)*g.Dilation[1], g.Stride[1], g.Width, n)
	from = min(from, to)
	k := 0
	for channel := range g.Channels {
		plane := image[channel*g.Height*g.Width:][:g.Height*g.Width]
		for ky := range g.Size[0] {
			y := y0 + ky*g.Dilation[0]
			if y < 0 || y >= g.Height {
				for p := range n {
					clear(dst[p*step+k:][:wide])
				}
			} else {
				line := plane[y*g.Width:][:g.Width]
				for p := range from {
					j.edge(dst[p*step+k:][:wide], line, x+p*g.Stride[1])
				}
				if from < to {
					j.rows(dst[from*step+k:], line[x+from*g.Stride[1]:], to-from)
				}
				for p := to; p < n; p++ {
					j.edge(dst[p*step+k:][:wide], line, x+p*g.Stride[1])
				}
			}
			k += wide
		}
	}
}

// edge copies a row of a window that begins at x of a line, or beyond its ends.
func (j *patchesJob[T]) edge(to, line []T, x int) {
	for k := range to {
		to[k] = 0
		if x >= 0 && x < len(line) {
			to[k] = line[x]
		}
		x += j.g.Dilation[1]
	}
}

// rows copies a row of each of n windows. The sizes that layers have most are
// written out: a loop, or a call of copy, for so few takes several times as long.
func (j *patchesJob[T]) rows(dst, line []T, n int) {
	g, step, s := &j.g, j.dst.Stride, 0
	switch {
	case g.Dilation[1] > 1:
		for p := range n {
			take(dst[p*step:][:g.Size[1]], line[s:], g.Dilation[1])
			s += g.Stride[1]
		}
	case g.Size[1] == 3:
		for p := range n {
			to, from := (*[3]T)(dst[p*step:]), (*[3]T)(line[s:])
			to[0], to[1], to[2] = from[0], from[1], from[2]
			s += g.Stride[1]
		}
	case g.Size[1] == 5:
		for p := range n {
			to, from := (*[5]T)(dst[p*step:]), (*[5]T)(line[s:])
			to[0], to[1], to[2], to[3], to[4] = from[0], from[1], from[2], from[3], from[4]
			s += g.Stride[1]
		}
	default:
		for p := range n {
			to := dst[p*step:][:g.Size[1]]
			for k, v := range line[s:][:len(to)] {
				to[k] = v
			}
			s += g.Stride[1]
		}
	}
}
