package kernels

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hebbkern/hebbkern/kernels/internal/portable"
)

// TestRank1ResidualThreads: the same bits for any number of threads and any cut into panels.
func TestRank1ResidualThreads(t *testing.T) {
	defer SetThreads(Threads())
	defer func(n int) { minShare = n }(minShare)
	minShare = 64
	r := rand.New(rand.NewPCG(3, 4))
	for _, shape := range [][2]int{{1, 1}, {5, 31}, {7, 97}, {19, 4097}, {3, 9000}} {
		rows, cols := shape[0], shape[1]
		stride := cols + 3
		w, res, g, y := make([]float32, rows*stride), make([]float32, cols), make([]float32, rows), make([]float32, rows)
		for _, s := range [][]float32{w, res, g, y} {
			draw(r, s, 0)
		}
		wantW, wantR := slices.Clone(w), slices.Clone(res)
		portable.Rank1Residual(wantW, wantR, g, y, rows, cols, stride)
		for threads := 1; threads <= 4; threads++ {
			SetThreads(threads)
			gotW, gotR := slices.Clone(w), slices.Clone(res)
			m := Matrix[float32]{gotW, rows, cols, stride}
			Rank1Residual(m, gotR, g, y)
			require.Negative(t, differ(gotW, wantW), "w, %v, %d threads", shape, threads)
			require.Negative(t, differ(gotR, wantR), "r, %v, %d threads", shape, threads)
		}
	}
}

// TestRank1ResidualRefuses: arguments of the wrong length or sharing elements change nothing.
func TestRank1ResidualRefuses(t *testing.T) {
	data := []float64{1, 2, 3, 4, 5, 6}
	w := MatrixOf(data, 2, 3)
	three, two := []float64{7, 8, 9}, []float64{1, 1}
	for _, c := range []struct {
		arg  string
		call func()
	}{
		{"r", func() { Rank1Residual(w, two, two, two) }},
		{"g", func() { Rank1Residual(w, three, three, two) }},
		{"y", func() { Rank1Residual(w, three, two, nil) }},
		{"r", func() { Rank1Residual(w, data[:3], two, two) }},
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
	require.Equal(t, []float64{1, 2, 3, 4, 5, 6}, data)
	require.Zero(t, testing.AllocsPerRun(20, func() { Rank1Residual(w, three, two, two) }))
}
