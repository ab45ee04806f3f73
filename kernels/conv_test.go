package kernels

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// geometries are windows of all kinds: strides, padding beyond the window, dilation, one element, the whole image,
// sides that no stride divides, several cells an image, dots of several blocks.
func geometries() []Windows {
	all := []Windows{
		{Channels: 1, Height: 1, Width: 1, Size: [2]int{1, 1}},
		{Channels: 1, Height: 5, Width: 7, Size: [2]int{5, 7}},
		{Channels: 2, Height: 6, Width: 5, Size: [2]int{3, 2}},
		{Channels: 3, Height: 7, Width: 9, Size: [2]int{3, 3}, Stride: [2]int{2, 3}, Pad: [2]int{1, 1}},
		{Channels: 1, Height: 4, Width: 4, Size: [2]int{2, 3}, Pad: [2]int{3, 5}, Stride: [2]int{1, 2}},
		{Channels: 2, Height: 9, Width: 11, Size: [2]int{2, 3}, Dilation: [2]int{3, 2}, Pad: [2]int{1, 2}},
		{Channels: 1, Height: 8, Width: 8, Size: [2]int{1, 1}, Stride: [2]int{3, 3}},
		{Channels: 1, Height: 28, Width: 28, Size: [2]int{5, 5}},
		{Channels: 1, Height: 2, Width: 40, Size: [2]int{1, 4}, Stride: [2]int{1, 4}, Pad: [2]int{0, 2}},
	}
	if !thin() {
		all = append(all,
			Windows{Channels: 40, Height: 15, Width: 21, Size: [2]int{3, 3}, Pad: [2]int{1, 1}},
			Windows{Channels: 1, Height: 3, Width: 3000, Size: [2]int{3, 20}, Stride: [2]int{1, 1}})
	}
	return append(all, Windows{Channels: 457, Height: 4, Width: 4, Size: [2]int{3, 3}, Pad: [2]int{0, 1}}) // 4113 terms
}

func (g Windows) String() string {
	return fmt.Sprintf("%d×%d×%d by %v stride %v pad %v dilation %v", g.Channels, g.Height, g.Width, g.Size, g.Stride, g.Pad, g.Dilation)
}

// element is what the window at (r, c) has at (channel, y, x) of the window; ok is false beyond the edge.
func (g Windows) element(r, c, channel, y, x int) (at int, ok bool) {
	i := r*max(1, g.Stride[0]) - g.Pad[0] + y*max(1, g.Dilation[0])
	j := c*max(1, g.Stride[1]) - g.Pad[1] + x*max(1, g.Dilation[1])
	return (channel*g.Height+i)*g.Width + j, i >= 0 && i < g.Height && j >= 0 && j < g.Width
}

// unfolded is all windows by the definition.
func unfolded[T Float](images Matrix[T], g Windows) Matrix[T] {
	rows, cols := g.Positions()
	var data []T
	for b := range images.Rows {
		for p := range rows * cols {
			for channel := range g.Channels {
				for y := range g.Size[0] {
					for x := range g.Size[1] {
						var v T
						if at, ok := g.element(p/cols, p%cols, channel, y, x); ok {
							v = images.Row(b)[at]
						}
						data = append(data, v)
					}
				}
			}
		}
	}
	return MatrixOf(data, images.Rows*rows*cols, g.Length())
}

func TestPositions(t *testing.T) {
	for _, g := range geometries() {
		rows, cols := g.Positions()
		for axis, n := range []int{rows, cols} {
			size := []int{g.Height, g.Width}[axis] + 2*g.Pad[axis]
			var want int
			for at := 0; at+(g.Size[axis]-1)*max(1, g.Dilation[axis]) < size; at += max(1, g.Stride[axis]) {
				want++
			}
			require.Equal(t, want, n, "%v axis %d", g, axis)
		}
	}
}

func TestPatches(t *testing.T) { bothTypes(t, testPatches[float32], testPatches[float64]) }

func testPatches[T Float](t *testing.T) {
	r := newRand(31)
	for _, g := range geometries() {
		images := randomMatrix[T](r, 3, g.Image(), 2)
		images.Row(1)[0] = T(math.NaN())
		want := unfolded(images, g)
		for _, threads := range []int{1, 3} {
			withThreads(t, threads)
			for _, part := range [][2]int{{0, want.Rows}, {1, 0}, {want.Rows / 3, want.Rows / 2}, {want.Rows - 1, 1}} {
				dst := randomMatrix[T](r, part[1], g.Length(), 3)
				Patches(dst, images, g, part[0])
				requireGuards(t, dst)
				for i := range dst.Rows {
					requireSameBits(t, want.Row(part[0]+i), dst.Row(i), fmt.Sprint(g, part, i))
				}
			}
			index := make([]int, 9)
			for k := range index {
				index[k] = r.IntN(want.Rows)
			}
			dst := randomMatrix[T](r, len(index), g.Length(), 1)
			PatchesAt(dst, images, g, index)
			for i, at := range index {
				requireSameBits(t, want.Row(at), dst.Row(i), fmt.Sprint(g, i, at))
			}
		}
	}
}

func TestConvolve(t *testing.T) { bothTypes(t, testConvolve[float32], testConvolve[float64]) }

// testConvolve demands the bits of ForwardBatch over the unfolded windows, and closeness to plain loops in float64.
func testConvolve[T Float](t *testing.T) {
	r := newRand(32)
	for n, g := range geometries() {
		const images = 2
		rows, cols := g.Positions()
		x := randomMatrix[T](r, images, g.Image(), 2)
		for _, kernels := range []int{1, 6, 31} {
			w := randomMatrix[T](r, kernels, g.Length(), 1)
			b := randomVector[T](r, kernels)
			act := Activation{Kind: Identity}
			switch (n + kernels) % 3 {
			case 0:
				b, act = nil, Activation{Kind: Tanh}
			case 1:
				b, act = b[:1], Activation{Kind: LeakyReLU, Slope: 0.25}
				if kernels == 31 {
					act = Activation{BiPU, -0.5, 1.7}
				}
			}
			patches := unfolded(x, g)
			want := NewMatrix[T](patches.Rows, kernels)
			ForwardBatch(want, w, patches, b, act)
			for _, threads := range []int{1, 3} {
				withThreads(t, threads)
				out := randomMatrix[T](r, images, kernels*rows*cols, 3)
				Convolve(out, w, x, g, b, act)
				requireGuards(t, out)
				for image := range images {
					requireSameBits(t, byUnit(want, image*rows*cols, rows*cols), out.Row(image), fmt.Sprint(g, ": image ", image))
				}
				// Rows of windows in pieces, whatever they are cut into.
				parts := randomMatrix[T](r, images, kernels*rows*cols, 3)
				for at := 0; at < images*rows; at += 1 + at%4 {
					ConvolveRows(parts, w, x, g, b, act, at, min(at+1+at%4, images*rows))
				}
				some := randomMatrix[T](r, images, kernels*rows*cols, 0)
				rest := clone(some)
				from := rows - 1
				ConvolveRows(some, w, x, g, b, act, from, rows+1)
				requireRows(t, g, kernels, out, rest, some, from, rows+1)
				requireSameBits(t, out.Data[:out.Cols], parts.Data[:out.Cols], "in pieces")
				requireSameBits(t, out.Row(1), parts.Row(1), "in pieces")
			}
			if act.Kind != Identity || kernels != 6 {
				continue
			}
			out := NewMatrix[T](images, kernels*rows*cols)
			Convolve(out, w, x, g, b, act)
			for p := range rows * cols {
				var dot, size float64
				for channel := range g.Channels {
					for i := range g.Size[0] {
						for j := range g.Size[1] {
							if at, ok := g.element(p/cols, p%cols, channel, i, j); ok {
								v := w.at(2, (channel*g.Size[0]+i)*g.Size[1]+j) * float64(x.Row(1)[at])
								dot, size = dot+v, size+math.Abs(v)
							}
						}
					}
				}
				bias := spreadAt(b, 2)
				n := float64(g.Length() + 12)
				requireNear(t, dot+bias, out.at(1, 2*rows*cols+p), n*unitRoundoff[T]()*(size+math.Abs(bias)), "convolution", g, p)
			}
		}
	}
}

// byUnit is n rows of y from the first on, a column after the other.
func byUnit[T Float](y Matrix[T], first, n int) []T {
	var all []T
	for k := range y.Cols {
		for p := range n {
			all = append(all, y.Row(first + p)[k])
		}
	}
	return all
}

// requireRows demands the rows [from, to) of windows from one matrix of maps, and the others from another.
func requireRows[T Float](t *testing.T, g Windows, channels int, within, outside, got Matrix[T], from, to int) {
	t.Helper()
	rows, cols := g.Positions()
	for b := range got.Rows {
		for k := range channels * rows {
			want := outside
			if at := b*rows + k%rows; at >= from && at < to {
				want = within
			}
			requireSameBits(t, want.Row(b)[k*cols:][:cols], got.Row(b)[k*cols:][:cols], fmt.Sprint(g, ": image ", b, ", row ", k))
		}
	}
}

// TestConvolveLanes: sums that are ±0, infinite or NaN go through the lanes as they do in a dot.
func TestConvolveLanes(t *testing.T) {
	bothTypes(t, testConvolveLanes[float32], testConvolveLanes[float64])
}

func testConvolveLanes[T Float](t *testing.T) {
	tiny := T(math.SmallestNonzeroFloat32)
	special := []T{0, T(math.Copysign(0, -1)), 1, -1, tiny, -tiny, T(inf), T(-inf), T(nan), 3e38, -3e38}
	least := tiny
	if sizeOf[T]() == 8 {
		least = T(math.SmallestNonzeroFloat64)
	}
	for seed := range uint64(40) {
		r := newRand(seed)
		choose := func(rows, cols int) Matrix[T] {
			m := NewMatrix[T](rows, cols)
			for k := range m.Data {
				m.Data[k] = special[r.IntN(6)]
				if seed%4 == 0 && r.IntN(10) == 0 {
					m.Data[k] = special[r.IntN(len(special))]
				}
			}
			return m
		}
		size := 1 + int(seed)%20
		g := Windows{Channels: 1, Height: 2, Width: size + 20, Size: [2]int{1, size}}
		x, w := choose(1, g.Image()), choose(7, size)
		if seed%4 == 1 { // products of kernel 3 that vanish: each lane's sum is −0
			for k := range x.Data {
				x.Data[k] = least
			}
			for k := range w.Row(3) {
				w.Row(3)[k] = -least
			}
		}
		patches := unfolded(x, g)
		want, out := NewMatrix[T](patches.Rows, 7), NewMatrix[T](1, 7*patches.Rows)
		ForwardBatch(want, w, patches, nil, Activation{})
		Convolve(out, w, x, g, nil, Activation{})
		requireSameBits(t, byUnit(want, 0, patches.Rows), out.Data, fmt.Sprint(seed))
	}
}

func TestPool(t *testing.T) { bothTypes(t, testPool[float32], testPool[float64]) }

func testPool[T Float](t *testing.T) {
	r := newRand(33)
	for _, g := range geometries() {
		if g.Pad[0] >= g.Size[0] || g.Pad[1] >= g.Size[1] {
			continue
		}
		g.Dilation = [2]int{}
		rows, cols := g.Positions()
		x := randomMatrix[T](r, 3, g.Image(), 2)
		for k, v := range []T{T(nan), T(math.Copysign(0, -1)), 0, T(-inf), T(inf), T(math.Copysign(0, -1))} {
			x.Row(k % 3)[r.IntN(g.Image())] = v
		}
		for _, kind := range []PoolKind{MaxPool, AveragePool} {
			want := NewMatrix[T](3, g.Channels*rows*cols)
			for b := range 3 {
				for channel := range g.Channels {
					for p := range rows * cols {
						want.Row(b)[channel*rows*cols+p] = poolOne(x.Row(b), g, kind, channel, p/cols, p%cols)
					}
				}
			}
			for _, threads := range []int{1, 3} {
				withThreads(t, threads)
				out := randomMatrix[T](r, 3, want.Cols, 2)
				Pool(out, x, g, kind)
				requireGuards(t, out)
				parts := randomMatrix[T](r, 3, want.Cols, 2)
				for at := 0; at < 3*rows; at += 1 + at%4 {
					PoolRows(parts, x, g, kind, at, min(at+1+at%4, 3*rows))
				}
				some := randomMatrix[T](r, 3, want.Cols, 0)
				rest := clone(some)
				from := 2*rows - 1
				PoolRows(some, x, g, kind, from, 2*rows+1)
				requireRows(t, g, g.Channels, want, rest, some, from, 2*rows+1)
				for b := range 3 {
					requireSameBits(t, want.Row(b), out.Row(b), fmt.Sprint(g, kind, b))
					requireSameBits(t, want.Row(b), parts.Row(b), fmt.Sprint(g, kind, b, " in pieces"))
				}
			}
		}
	}
}

// poolOne is a window's number, by the definition.
func poolOne[T Float](image []T, g Windows, kind PoolKind, channel, r, c int) T {
	var most, sum T
	n, columns := 0, 0
	hasNaN, plusZero := false, false
	for x := range g.Size[1] {
		var column T
		inside := 0
		for y := range g.Size[0] {
			at, ok := g.element(r, c, channel, y, x)
			if !ok {
				continue
			}
			v := image[at]
			hasNaN = hasNaN || v != v
			plusZero = plusZero || v == 0 && !math.Signbit(float64(v))
			if n == 0 || v > most {
				most = v
			}
			if inside == 0 {
				column = v
			} else {
				column += v
			}
			inside++
			n++
		}
		if inside > 0 {
			if columns == 0 {
				sum = column
			} else {
				sum += column
			}
			columns++
		}
	}
	switch {
	case kind == AveragePool:
		return sum / T(n)
	case hasNaN:
		return T(nan)
	case most == 0 && plusZero:
		return 0
	}
	return most
}

// BenchmarkConvolve is a first and a second layer on 64 images; ForwardBatch has the unfolded windows for nothing.
func BenchmarkConvolve(b *testing.B) {
	r := newRand(1)
	for _, c := range []struct {
		g       Windows
		kernels int
	}{
		{Windows{Channels: 1, Height: 28, Width: 28, Size: [2]int{5, 5}}, 32},
		{Windows{Channels: 32, Height: 14, Width: 14, Size: [2]int{3, 3}, Pad: [2]int{1, 1}}, 64},
	} {
		x, w := randomMatrix[float32](r, 64, c.g.Image(), 0), randomMatrix[float32](r, c.kernels, c.g.Length(), 0)
		rows, cols := c.g.Positions()
		out := NewMatrix[float32](64, c.kernels*rows*cols)
		patches := NewMatrix[float32](64*rows*cols, c.g.Length())
		y := NewMatrix[float32](patches.Rows, c.kernels)
		fma := float64(patches.Rows) * float64(c.kernels) * float64(c.g.Length())
		for _, f := range []struct {
			name string
			run  func()
		}{
			{"Convolve", func() { Convolve(out, w, x, c.g, nil, Activation{}) }},
			{"Patches", func() { Patches(patches, x, c.g, 0) }},
			{"ForwardBatch", func() { ForwardBatch(y, w, patches, nil, Activation{}) }},
			{"Pool", func() {
				g := Windows{Channels: c.g.Channels, Height: c.g.Height, Width: c.g.Width, Size: [2]int{2, 2}, Stride: [2]int{2, 2}}
				Pool(MatrixOf(out.Data[:64*g.Image()/4], 64, g.Image()/4), x, g, MaxPool)
			}},
		} {
			b.Run(fmt.Sprintf("%s/%d", f.name, c.g.Length()), func(b *testing.B) {
				for b.Loop() {
					f.run()
				}
				b.ReportMetric(fma*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "fma/ns")
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(patches.Rows), "ns/window")
			})
		}
	}
}
