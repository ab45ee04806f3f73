package kernels

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCSRBatch: the answers have the bits of ForwardCSR for each sample, whatever the number of samples and threads, and the
// products those of dots over blocks of samples.
func TestCSRBatch(t *testing.T) { bothTypes(t, testCSRBatch[float32], testCSRBatch[float64]) }

func testCSRBatch[T Float](t *testing.T) {
	sizes := [][3]int{{3, 5, 1}, {40, 70, 7}, {9, 33, 64}, {70, 40, 259}, {3, 4500, 19}, {4, 0, 3}, {0, 4, 3}, {5, 3, 0}}
	if thin() {
		sizes = sizes[1:5]
	}
	for _, size := range sizes {
		rows, cols, n := size[0], size[1], size[2]
		w := randomCSR[T](uint64(cols), rows, cols, 0.3)
		r := newRand(uint64(n))
		x, g := randomMatrix[T](r, n, cols, 3), randomMatrix[T](r, n, rows, 2)
		want := NewMatrix[T](n, rows)
		for s := range n {
			ForwardCSR(want.Row(s), w, x.Row(s))
		}
		products := w.clone()
		for i := range rows {
			data, columns := products.Row(i)
			for e, j := range columns {
				for s := 0; s < n || s == 0; s += batchSamplesCSR {
					var a, b []T
					for k := s; k < min(s+batchSamplesCSR, n); k++ {
						a, b = append(a, x.Row(k)[j]), append(b, g.Row(k)[i])
					}
					dot := make([]T, 1)
					Forward(dot, MatrixOf(a, 1, len(a)), b, nil, Activation{})
					if s == 0 {
						data[e] = dot[0]
					} else {
						data[e] += dot[0]
					}
				}
			}
		}
		for threads := 1; threads <= 3; threads++ {
			withThreads(t, threads)
			name := fmt.Sprint(size, ", threads ", threads)
			y, got := randomMatrix[T](r, n, rows, 1), w.clone()
			ForwardBatchCSR(y, w, x)
			for s := range n {
				requireSameBits(t, want.Row(s), y.Row(s), name)
			}
			requireGuards(t, y)
			ProductCSR(got, g, x)
			requireSameBits(t, products.Data, got.Data, name)
		}
	}
}

// TestCSRBatchEnds: nothing is allocated, and bad arguments are named and change nothing.
func TestCSRBatchEnds(t *testing.T) {
	w := randomCSR[float64](4, 30, 20, 0.4)
	x, g := randomMatrix[float64](newRand(1), 9, 20, 0), randomMatrix[float64](newRand(2), 9, 30, 0)
	y := NewMatrix[float64](9, 30)
	if !raceEnabled {
		require.Zero(t, testing.AllocsPerRun(5, func() { ForwardBatchCSR(y, w, x); ProductCSR(w, g, x) }))
	}
	before := append([]float64(nil), w.Data...)
	inW := MatrixOf(w.Data[:40], 2, 20)
	for _, c := range []struct {
		arg string
		run func()
	}{
		{"x", func() { ForwardBatchCSR(y, w, g) }}, {"y", func() { ForwardBatchCSR(x, w, x) }}, {"w", func() { ForwardBatchCSR(y, CSR[float64]{Data: before}, x) }},
		{"w", func() { ForwardBatchCSR(MatrixOf(w.Data[:30], 1, 30), w, NewMatrix[float64](1, 20)) }},
		{"x", func() { ProductCSR(w, g, g) }}, {"g", func() { ProductCSR(w, x, x) }}, {"x", func() { ProductCSR(w, NewMatrix[float64](2, 30), inW) }},
	} {
		require.Equal(t, c.arg, requireRefused(t, c.run).Arg)
		require.Equal(t, before, w.Data)
	}
}
