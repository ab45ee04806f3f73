package kernels

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// onlineForms are the forms of ForwardUpdate for weights of that many rows.
func onlineForms[T Float](rows int) map[string]Online[T] {
	forms := map[string]Online[T]{
		"plain": {}, "constant": {Form: DecayConstant, Decay: 0.02}, "gain": {Form: DecayGain}, "gainY": {Form: DecayGainY},
		"column": {Form: DecayColumn}, "affine": {Factor: FactorAffine, GA: 0.5, GB: -2, AA: 0.25, AB: 1},
		"held": {Factor: FactorAbove}, "mean": {Factor: FactorAbove, Step: ThetaMean, Alpha: 0.25},
		"last": {Factor: FactorAbove, Step: ThetaLast}, "square": {Factor: FactorProduct, Step: ThetaSquare, Alpha: 0.25},
		"law":  {Factor: FactorLaw, Step: ThetaSquare, Alpha: 0.25, Form: DecayConstant, Decay: 0.02},
		"cube": {Factor: FactorProduct, Step: ThetaMean, Alpha: 0.25, Cube: 1.5, Form: DecayConstant, Decay: 0.02},
	}
	for name, o := range forms {
		o.Rate = 0.01
		if o.gated() {
			o.Theta = make([]T, rows)
			for i := range o.Theta {
				o.Theta[i] = T(i%7+1) / 4
				if i%3 == 1 && o.Step == ThetaLast {
					o.Theta[i] = T(nan)
				}
			}
		}
		forms[name] = o
	}
	return forms
}

// onlineFactors is g, d and a of one sample, as the comments of the forms have it, and the next thresholds.
func onlineFactors[T Float](o *Online[T], theta, y, g, d, a []T) {
	for i, v := range y {
		t, above := T(0), v
		if theta != nil {
			t = theta[i]
			above = v - t
		}
		if o.Cube != 0 {
			q := T(o.Cube * t)
			above = v - T(T(q*q)*t)
		}
		if o.Step == ThetaLast && t != t {
			above = 0
		}
		switch o.Factor {
		case FactorProduct, FactorLaw:
			g[i] = T(T(o.Rate*v) * above)
			if o.Factor == FactorLaw {
				g[i] /= t
			}
		case FactorAffine:
			g[i], a[i] = T(o.Rate*(T(o.GA*v)+o.GB)), T(o.Rate*(T(o.AA*v)+o.AB))
		default:
			g[i] = T(o.Rate * above)
		}
		d[i] = map[DecayForm]T{DecayConstant: o.Decay, DecayGain: g[i], DecayGainY: T(g[i] * v)}[o.Form]
	}
	switch o.Step {
	case ThetaMean:
		EMA(theta, y, o.Alpha, Value)
	case ThetaSquare:
		EMA(theta, y, o.Alpha, SquareOf)
	case ThetaLast:
		copy(theta, y)
	}
}

// TestForwardUpdate: the bits of Forward and Rank1 in turn, W as it was, and its new row sums.
func TestForwardUpdate(t *testing.T) {
	bothTypes(t, testForwardUpdate[float32], testForwardUpdate[float64])
}

func testForwardUpdate[T Float](t *testing.T) {
	for _, shape := range [][2]int{{1, 1}, {3, 7}, {4, 8}, {9, 100}, {5, 4095}, {6, 4096}, {5, 4097}, {2, 9000}, {7, 0}, {13, 512}} {
		counts := []int{0, 1, 2, 13}
		if shape[1] == 512 { // in a copy
			counts = []int{onlineAliased}
		}
		for _, samples := range counts {
			for name, o := range onlineForms[T](shape[0]) {
				r := newRand(uint64(shape[1]*31 + samples))
				rows, cols := shape[0], shape[1]
				w, x := randomMatrix[T](r, rows, cols, 3), randomMatrix[T](r, samples, cols, 1)
				learnt := x
				if samples%2 == 1 {
					learnt = randomMatrix[T](r, samples, cols, 2)
					o.R = learnt
				}
				want, wantY := clone(w), NewMatrix[T](samples, rows)
				g, d, a, c, theta := make([]T, rows), make([]T, rows), make([]T, rows), make([]T, cols), slices.Clone(o.Theta)
				for s := range samples {
					y := wantY.Row(s)
					Forward(y, want, x.Row(s), nil, Activation{Kind: Identity})
					onlineFactors(&o, theta, y, g, d, a)
					u := Update[T]{G: g, X: learnt.Row(s)}
					switch {
					case o.Factor == FactorAffine:
						u.RowAdd = a
					case o.Form == DecayColumn:
						for j, v := range u.X {
							c[j] = T(o.Rate * v)
						}
						u.ColDecay = c
					case o.Form != DecayNone:
						u.Decay = d
					}
					Rank1(want, u)
				}
				wantSums := make([]T, rows)
				PowerSums(want, 1, wantSums, nil)

				y := NewMatrix[T](samples, rows)
				old := clone(w)
				o.Before, o.Sums = NewMatrix[T](rows, cols), make([]T, rows)
				ForwardUpdate(w, x, y, o)
				require.Negative(t, differ(o.Theta, theta), "theta, %v, %d samples, %s", shape, samples, name)
				require.Negative(t, differ(w.Data, want.Data), "w, %v, %d samples, %s", shape, samples, name)
				require.Negative(t, differ(y.Data, wantY.Data), "y, %v, %d samples, %s", shape, samples, name)
				require.Negative(t, differ(o.Sums, wantSums), "sums, %v, %d samples, %s", shape, samples, name)
				for i := range rows {
					require.Equal(t, old.Row(i), o.Before.Row(i))
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
		"Factor": func() { ForwardUpdate(w, x, y, Online[float64]{Factor: FactorAffine + 1}) },
		"Form":   func() { ForwardUpdate(w, x, y, Online[float64]{Form: DecayColumn + 1}) },
		"Step":   func() { ForwardUpdate(w, x, y, Online[float64]{Step: -1}) },
		"Cube":   func() { ForwardUpdate(w, x, y, Online[float64]{Cube: 2}) },
		"R":      func() { ForwardUpdate(w, x, y, Online[float64]{R: y}) },
		"Before": func() { ForwardUpdate(w, x, y, Online[float64]{Before: w}) },
		"Sums":   func() { ForwardUpdate(w, x, y, Online[float64]{Sums: data[:2]}) },
		"Theta":  func() { ForwardUpdate(w, x, y, Online[float64]{Factor: FactorAbove, Theta: data[6:8]}) },
		"alpha": func() {
			ForwardUpdate(w, x, y, Online[float64]{Factor: FactorLaw, Theta: make([]float64, 2), Alpha: 1.5})
		},
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
	for _, o := range []Online[float64]{{R: shared}, {Theta: make([]float64, 2)}, {Factor: FactorAbove}, {Factor: FactorAffine, Form: DecayConstant},
		{Factor: FactorAbove, Theta: make([]float64, 2), Form: DecayGain}, {Factor: FactorLaw, Theta: make([]float64, 2), Cube: 1}} {
		require.Panics(t, func() { ForwardUpdate(w, x, y, o) })
	}
	require.Panics(t, func() { ForwardUpdate(w, shared, y, Online[float64]{}) })
	require.Equal(t, before, data)
}
