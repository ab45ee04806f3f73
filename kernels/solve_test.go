package kernels

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSolveLower(t *testing.T) { bothTypes(t, testSolveLower[float32], testSolveLower[float64]) }

// testSolveLower multiplies back, and cuts the work in every way.
func testSolveLower[T Float](t *testing.T) {
	defer SetThreads(Threads())
	defer func(n int) { minShare = n }(minShare)
	minShare = 64
	for _, size := range [][2]int{{1, 1}, {3, 70}, {70, 33}, {130, 5}} {
		n, cols := size[0], size[1]
		a := randomMatrix[T](newRand(1), n, n, 2)
		for i := range n {
			for j := range n {
				a.Row(i)[j] /= T(n)
			}
			a.Row(i)[i] = 1 + T(i%3)/4
			for j := i + 1; j < n; j++ {
				a.Row(i)[j] = T(math.NaN()) // not read
			}
		}
		right := randomMatrix[T](newRand(2), n, cols, 3)
		var first []T
		for threads := 1; threads <= 4; threads++ {
			SetThreads(threads)
			d := Matrix[T]{slices.Clone(right.Data), n, cols, right.Stride}
			SolveLower(a, d)
			requireGuards(t, d)
			if first == nil {
				first = d.Data
			}
			require.Negative(t, differ(d.Data, first), "%v, %d threads", size, threads)
			for i := range n {
				for j := range cols {
					back, size := 0.0, math.Abs(right.at(i, j))
					for k := range i + 1 {
						back += a.at(i, k) * d.at(k, j)
						size += math.Abs(a.at(i, k) * d.at(k, j))
					}
					// Forward substitution is backward stable: each term keeps a relative error of i+2 roundings.
					requireNear(t, right.at(i, j), back, float64(i+2)*unitRoundoff[T]()*size, "A·d", i, j)
				}
			}
		}
	}
}

func TestSolveLowerRefuses(t *testing.T) {
	data := []float64{1, 2, 3, 4, 5, 6, 7, 8}
	a, d := MatrixOf(data[:4], 2, 2), MatrixOf(data[4:], 2, 2)
	for _, c := range []struct {
		arg  string
		call func()
	}{
		{"a", func() { SolveLower(Matrix[float64]{data[:6], 2, 3, 3}, Matrix[float64]{data[6:], 2, 1, 1}) }},
		{"d", func() { SolveLower(a, Matrix[float64]{data[4:], 1, 2, 2}) }},
		{"a", func() { SolveLower(a, MatrixOf(data[2:6], 2, 2)) }},
		{"d", func() { SolveLower(a, Matrix[float64]{data[4:6], 2, 2, 2}) }},
	} {
		func() {
			defer func() {
				err, ok := recover().(*ArgError)
				require.True(t, ok, c.arg)
				require.Equal(t, c.arg, err.Arg)
			}()
			c.call()
		}()
	}
	require.Equal(t, []float64{1, 2, 3, 4, 5, 6, 7, 8}, data)
	SolveLower(Matrix[float64]{}, Matrix[float64]{})
	require.Zero(t, testing.AllocsPerRun(20, func() { SolveLower(a, d) }))
}
