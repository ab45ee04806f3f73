package kernels

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWindowMean(t *testing.T) { bothTypes(t, testWindowMean[float32], testWindowMean[float64]) }

// testWindowMean holds means against sums taken afresh. A large value that has left
// the window leaves no error behind. State is carried from call to call by the
// slices alone.
func testWindowMean[T Float](t *testing.T) {
	r := newRand(21)
	for _, n := range []int{1, 7, 33, 5000} {
		for _, window := range []int{1, 2, 5, 8} {
			s, values, sum := make([]T, n), NewMatrix[float64](window, n), make([]float64, n)
			bs, bvalues, bsum := make([]T, n), NewMatrix[float64](window, n), make([]float64, n)
			var all [][]float64
			for seen := range 3*window + 2 {
				batch := randomMatrix[T](r, 3, n, 1)
				if seen == 1 {
					batch.Row(0)[n-1] = 1e30
				}
				mean := make([]float64, n)
				for k := range mean {
					mean[k] = float64(batch.Row(0)[k])
				}
				all = append(all, mean)
				WindowMean(s, values, sum, batch.Row(0), seen)
				WindowMeanBatch(bs, bvalues, bsum, subRow(batch), seen)
				requireSameBits(t, s, bs, "a batch of one")
				last := all[max(0, len(all)-window):]
				for k := range s {
					want, size := 0.0, 0.0
					for _, v := range last {
						want += v[k] / float64(len(last))
						size += math.Abs(v[k]) / float64(len(last))
					}
					requireNear(t, want, float64(s[k]), unitRoundoff[T]()*math.Abs(want)+40*0x1p-53*size, "WindowMean", n, window, seen, k)
				}
			}
		}
	}
	// The mean of a batch is one value.
	s, values, sum := []T{0, 0}, NewMatrix[float64](2, 2), make([]float64, 2)
	WindowMeanBatch(s, values, sum, MatrixOf([]T{1, 2, 3, 6}, 2, 2), 0)
	require.Equal(t, []T{2, 4}, s)
	WindowMeanBatch(s, values, sum, MatrixOf([]T{0, 1, 0, 1, 0, 1}, 3, 2), 1)
	require.Equal(t, []T{1, 2.5}, s)
}

// subRow is the first row as a batch of one.
func subRow[T Float](m Matrix[T]) Matrix[T] { return Matrix[T]{m.Row(0), 1, m.Cols, m.Cols} }
