package kernels

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestForwardUpdate: the bits of Forward and Rank1 in turn, W as it was, and its new row sums.
func TestForwardUpdate(t *testing.T) {
	bothTypes(t, testForwardUpdate[float32], testForwardUpdate[float64])
}

func testForwardUpdate[T Float](t *testing.T) {
	for _, shape := range [][2]int{{1, 1}, {3, 7}, {4, 8}, {9, 100}, {5, 4095}, {6, 4096}, {5, 4097}, {2, 9000}, {7, 0}} {
		for _, samples := range []int{0, 1, 2, 13} {
			for form := DecayNone; form <= DecayGainY+4; form++ {
				slides, law, form := form > DecayGainY, form&1 != 0, form
				if slides { // with and without a decay, divided by the threshold or not
					form = (form - DecayGainY - 1) >> 1
				}
				r := newRand(uint64(shape[1]*31 + samples))
				rows, cols := shape[0], shape[1]
				w, x := randomMatrix[T](r, rows, cols, 3), randomMatrix[T](r, samples, cols, 1)
				want, wantY := clone(w), NewMatrix[T](samples, rows)
				g, d, theta := make([]T, rows), make([]T, rows), make([]T, rows)
				for i := range theta {
					theta[i] = T(i+1) / 4
				}
				found := slices.Clone(theta)
				for s := range samples {
					y := wantY.Row(s)
					Forward(y, want, x.Row(s), nil, Activation{Kind: Identity})
					for i := range g {
						g[i] = T(T(0.01) * y[i])
						if slides {
							g[i] = T(g[i] * (y[i] - theta[i]))
							if law {
								g[i] /= theta[i]
							}
						}
						d[i] = map[DecayForm]T{DecayConstant: 0.02, DecayGain: g[i], DecayGainY: T(g[i] * y[i])}[form]
					}
					u := Update[T]{G: g, X: x.Row(s), Decay: d}
					if form == DecayNone {
						u.Decay = nil
					}
					Rank1(want, u)
					if slides {
						EMA(theta, y, T(0.25), SquareOf)
					}
				}
				wantSums := make([]T, rows)
				PowerSums(want, 1, wantSums, nil)

				y, before, sums := NewMatrix[T](samples, rows), NewMatrix[T](rows, cols), make([]T, rows)
				old := clone(w)
				o := Online[T]{Rate: 0.01, Form: form, Decay: 0.02, Before: before, Sums: sums}
				if slides {
					o.Theta, o.Alpha, o.Law = found, 0.25, law
				}
				ForwardUpdate(w, x, y, o)
				require.Negative(t, differ(found, theta), "theta, %v, %d samples, form %d", shape, samples, form)
				require.Negative(t, differ(w.Data, want.Data), "w, %v, %d samples, form %d", shape, samples, form)
				require.Negative(t, differ(y.Data, wantY.Data), "y, %v, %d samples, form %d", shape, samples, form)
				require.Negative(t, differ(sums, wantSums), "sums, %v, %d samples, form %d", shape, samples, form)
				for i := range rows {
					require.Equal(t, old.Row(i), before.Row(i))
				}
			}
		}
	}
}

// TestForwardUpdateRefuses: bad arguments are named and change nothing.
func TestForwardUpdateRefuses(t *testing.T) {
	data := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	w, x, y := MatrixOf(data[:6], 2, 3), MatrixOf(data[6:12], 2, 3), NewMatrix[float64](2, 2)
	before := slices.Clone(data)
	for arg, call := range map[string]func(){
		"x":      func() { ForwardUpdate(w, y, y, Online[float64]{}) },
		"y":      func() { ForwardUpdate(w, x, w, Online[float64]{}) },
		"Form":   func() { ForwardUpdate(w, x, y, Online[float64]{Form: 4}) },
		"Before": func() { ForwardUpdate(w, x, y, Online[float64]{Before: w}) },
		"Sums":   func() { ForwardUpdate(w, x, y, Online[float64]{Sums: data[:2]}) },
		"Theta":  func() { ForwardUpdate(w, x, y, Online[float64]{Theta: data[6:8]}) },
		"alpha":  func() { ForwardUpdate(w, x, y, Online[float64]{Theta: make([]float64, 2), Alpha: 1.5}) },
	} {
		func() {
			defer func() {
				err, ok := recover().(*ArgError)
				require.True(t, ok, arg)
				require.Equal(t, arg, err.Arg)
			}()
			call()
		}()
	}
	shared := MatrixOf(data[:6], 2, 3)
	require.Panics(t, func() { ForwardUpdate(w, shared, y, Online[float64]{}) })
	require.Equal(t, before, data)
}
