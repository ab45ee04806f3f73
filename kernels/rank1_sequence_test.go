package kernels

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// rank1Sequences are sequences of each form for weights of that shape: outer alone, with decays, and with everything.
func rank1Sequences[T Float](rows, cols, samples int) map[string]Sequence[T] {
	r := newRand(uint64(rows*7 + cols))
	g, x := randomMatrix[T](r, samples, rows, 1), randomMatrix[T](r, samples, cols, 2)
	d, c := randomMatrix[T](r, samples, rows, 3), randomMatrix[T](r, samples, cols, 1)
	mask, lows, highs := make([]bool, rows*(cols+1)), make([]T, cols), make([]T, cols)
	for k := range mask {
		mask[k] = r.Uint32()&3 != 0
	}
	for k := range lows {
		lows[k], highs[k] = -1, T(k%3)
	}
	return map[string]Sequence[T]{
		"outer":  {G: g, X: x},
		"decay":  {G: g, X: x, Decay: d},
		"column": {G: g, X: x, ColDecay: c, Every: Update[T]{Bounded: true, Low: -2, High: 1.5}},
		"all":    {G: g, X: x, Decay: d, ColDecay: c, RowAdd: d, ColAdd: c, Every: Update[T]{Mask: mask, MaskStride: cols + 1, Bounded: true, Low: -3, High: 2}},
		"limits": {G: g, X: x, RowAdd: d, Every: Update[T]{Dependence: &Dependence[T]{Soft: true, SoftLow: -2, SoftHigh: 2, Lows: lows, Highs: highs}}},
	}
}

// TestRank1Sequence: the bits of Rank1 in turn.
func TestRank1Sequence(t *testing.T) {
	bothTypes(t, testRank1Sequence[float32], testRank1Sequence[float64])
}

func testRank1Sequence[T Float](t *testing.T) {
	for _, shape := range [][2]int{{1, 1}, {5, 7}, {70, 33}, {3, 4097}, {4, 0}} {
		rows, cols := shape[0], shape[1]
		for _, samples := range []int{0, 1, 5} {
			for name, s := range rank1Sequences[T](rows, cols, samples) {
				w := randomMatrix[T](newRand(5), rows, cols, 2)
				want := clone(w)
				at := func(m Matrix[T], b int) []T {
					if m.Data == nil {
						return nil
					}
					return m.Row(b)
				}
				for b := range samples {
					u := s.Every
					u.G, u.X, u.Decay, u.ColDecay, u.RowAdd, u.ColAdd = at(s.G, b), at(s.X, b), at(s.Decay, b), at(s.ColDecay, b), at(s.RowAdd, b), at(s.ColAdd, b)
					Rank1(want, u)
				}
				Rank1Sequence(w, s)
				require.Negative(t, differ(w.Data, want.Data), "%s, %v, %d samples", name, shape, samples)
			}
		}
	}
}

// TestRank1SequenceRefuses: bad arguments are named and change nothing.
func TestRank1SequenceRefuses(t *testing.T) {
	data := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	w, x, g := MatrixOf(data[:6], 2, 3), MatrixOf(data[6:12], 2, 3), MatrixOf(data[12:16], 2, 2)
	before := slices.Clone(data)
	type S = Sequence[float64]
	for _, c := range []struct {
		arg string
		s   S
	}{
		{"G", S{G: x, X: x}}, {"G", S{X: x}}, {"X", S{G: g, X: g}}, {"X", S{G: g}}, {"X", S{G: g, X: w}},
		{"Decay", S{G: g, X: x, Decay: x}}, {"ColDecay", S{G: g, X: x, ColDecay: g}}, {"RowAdd", S{G: g, X: x, RowAdd: x}},
		{"ColAdd", S{G: g, X: x, ColAdd: MatrixOf(data[6:9], 1, 3)}}, {"Decay", S{G: g, X: x, Decay: MatrixOf(data[:4], 2, 2)}},
		{"Every", S{G: g, X: x, Every: Update[float64]{RowAdd: data[12:14]}}}, {"Every", S{G: g, X: x, Every: Update[float64]{Sums: make([]float64, 2), P: 1}}},
		{"Low", S{G: g, X: x, Every: Update[float64]{Bounded: true, Low: 2, High: 1}}}, {"Mask", S{G: g, X: x, Every: Update[float64]{Mask: make([]bool, 5)}}},
	} {
		e := requireRefused(t, func() { Rank1Sequence(w, c.s) })
		require.Equal(t, c.arg, e.Arg)
		require.Equal(t, before, data)
	}
}
