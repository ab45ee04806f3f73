package kernels

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRank1Equation(t *testing.T) {
	bothTypes(t, testRank1Equation[float32], testRank1Equation[float64])
}

// testRank1Equation runs every combination of terms, as vectors and as scalars.
func testRank1Equation[T Float](t *testing.T) {
	r := newRand(1)
	for terms := range 64 {
		for _, scalar := range []bool{false, true} {
			for _, size := range [][2]int{{1, 1}, {3, 5}, {7, 33}, {2, 4097}} {
				rows, cols := size[0], size[1]
				w := randomMatrix[T](r, rows, cols, 3)
				u := Update[T]{P: 1.5}
				vec := func(bit, n int) []T {
					if terms&bit == 0 {
						return nil
					}
					if scalar {
						n = 1
					}
					return randomVector[T](r, n)
				}
				u.G, u.X = vec(1, rows), vec(1, cols)
				u.Decay, u.ColDecay = vec(2, rows), vec(4, cols)
				u.RowAdd, u.ColAdd = vec(8, rows), vec(8, cols)
				if terms&16 != 0 {
					u.Bounded, u.Low, u.High = true, -1, 0.75
				}
				if terms&32 != 0 {
					u.Mask, u.MaskStride = make([]bool, rows*(cols+2)), cols+2
					for k := range u.Mask {
						u.Mask[k] = r.Uint32()&1 == 0
					}
				}
				old := clone(w)
				u.Sums = make([]T, rows)
				Rank1(w, u)
				name := fmt.Sprintf("terms %06b scalar %v %dx%d", terms, scalar, rows, cols)
				checkRank1Result(t, name, old, w, u)
				requireGuards(t, w)

				// The sums equal PowerSums of the result, and asking for them changes no weight.
				sums := make([]T, rows)
				PowerSums(w, u.P, sums, nil)
				requireSameBits(t, sums, u.Sums, name+" sums")
				u.Sums = nil
				again := clone(old)
				Rank1(again, u)
				requireSameBits(t, w.Data, again.Data, name+" without sums")
			}
		}
	}
}

// checkRank1Result compares with the equation in float64. Each of at most six
// roundings in T errs by one unit roundoff of a partial result, which the sum
// of the terms' magnitudes bounds; float64 evaluation here errs as much again
// for T = float64. Clipping brings results no further apart.
func checkRank1Result[T Float](t *testing.T, name string, old, w Matrix[T], u Update[T]) {
	t.Helper()
	for i := range w.Rows {
		for j := range w.Cols {
			wij, d, c := old.at(i, j), spreadAt(u.Decay, i), spreadAt(u.ColDecay, j)
			g, x, a, b := spreadAt(u.G, i), spreadAt(u.X, j), spreadAt(u.RowAdd, i), spreadAt(u.ColAdd, j)
			want := wij*(1-d-c) + g*x + a + b
			size := math.Abs(wij)*(1+math.Abs(d)+math.Abs(c)) + math.Abs(g*x) + math.Abs(a) + math.Abs(b)
			if u.Mask != nil && !u.Mask[i*u.MaskStride+j] {
				want, size = wij, 0
			}
			if u.Bounded {
				want = min(max(want, float64(u.Low)), float64(u.High))
			}
			requireNear(t, want, w.at(i, j), 12*unitRoundoff[T]()*size, name, i, j)
		}
	}
}

// TestRank1Dependence holds every combination of what depends on the weight, with and without decay, mask and limits,
// against the equation in float64.
func TestRank1Dependence(t *testing.T) {
	bothTypes(t, testRank1Dependence[float32], testRank1Dependence[float64])
}

func testRank1Dependence[T Float](t *testing.T) {
	const rows, most, lo, hi, gamma, theta = 3, 4099, -2.5, 2.25, 0.5, 0.25
	r := newRand(4)
	mask := make([]bool, rows*most)
	lows, highs := make([]T, rows*most), make([]T, rows*most)
	for k := range mask {
		mask[k] = r.Uint32()&1 == 0
		lows[k], highs[k] = T(-r.Float64()), T(r.Float64())
	}
	for terms := range 64 {
		cols := 37
		if terms%13 == 0 {
			cols = most
		}
		w := randomMatrix[T](r, rows, cols, 3)
		u := Update[T]{G: randomVector[T](r, rows), X: randomVector[T](r, cols), Dependence: new(Dependence[T])}
		d := u.Dependence
		if terms&1 != 0 {
			u.Decay = randomVector[T](r, rows)
		}
		if d.Soft = terms&2 != 0; d.Soft {
			d.SoftLow, d.SoftHigh = lo, hi
		}
		if d.Bistable = terms&4 != 0; d.Bistable {
			d.Gamma, d.Theta = gamma, theta
		}
		if terms&8 != 0 {
			u.Mask, u.MaskStride = mask, most
		}
		switch {
		case terms&48 == 16: // a row of limits for all
			d.Lows, d.Highs = lows[:cols], highs[:cols]
		case terms&48 == 32:
			d.Lows, d.Highs, d.LimitStride = lows, highs, most
		case terms&48 == 48:
			u.Bounded, u.Low, u.High = true, -0.5, 0.75
		}
		old := clone(w)
		Rank1(w, u)
		requireGuards(t, w)
		for i := range rows {
			for j := range cols {
				v := old.at(i, j)
				decay, gx := spreadAt(u.Decay, i)*v, spreadAt(u.G, i)*spreadAt(u.X, j)
				change, size := gx-decay, math.Abs(gx)+math.Abs(decay)
				if d.Soft {
					s := (v - lo) * (hi - v)
					change, size = change*s, size*(math.Abs(v)-lo)*(hi+math.Abs(v))
				}
				if d.Bistable {
					drift := gamma * v * (1 - v) * (v - theta)
					change, size = change+drift, size+math.Abs(drift)*3+math.Abs(v)
				}
				want := v + change
				if u.Mask != nil && !mask[i*most+j] {
					want, size = v, 0
				}
				switch {
				case d.Lows != nil:
					k := i*d.LimitStride + j
					want = min(max(want, float64(lows[k])), float64(highs[k]))
				case u.Bounded:
					want = min(max(want, -0.5), 0.75)
				}
				requireNear(t, want, w.at(i, j), 12*unitRoundoff[T]()*(size+math.Abs(v)), fmt.Sprint(terms), i, j)
			}
		}
	}

	// Limits by element after IEEE 754-2019, and NaN stays.
	zero, top := T(math.Copysign(0, -1)), T(math.Inf(1))
	w := MatrixOf([]T{zero, 0, T(nan), zero, 3}, 1, 5)
	Rank1(w, Update[T]{Dependence: &Dependence[T]{Lows: []T{0, -top, 0, -1, -1}, Highs: []T{top, zero, 1, 0, 2}}})
	requireSameBits(t, []T{0, zero, T(nan), zero, 2}, w.Data, "limits")
}

func TestRank1Special(t *testing.T) {
	bothTypes(t, testRank1Special[float32], testRank1Special[float64])
}

func testRank1Special[T Float](t *testing.T) {
	inf, nan, zero := T(math.Inf(1)), T(math.NaN()), T(math.Copysign(0, -1))

	// The product and the sum are rounded once: with (1+e)(1−e) = 1 − e² the
	// result of fma on w = −1 is −e², which two roundings lose.
	e := T(0x1p-14)
	if sizeOf[T]() == 8 {
		e = 0x1p-28
	}
	w := MatrixOf([]T{-1}, 1, 1)
	Rank1(w, Update[T]{G: []T{1 + e}, X: []T{1 - e}})
	require.Equal(t, -float64(e)*float64(e), float64(w.Data[0]))

	// An absent term is left out: −0 stays −0, where adding +0 would lose it.
	w = MatrixOf([]T{zero}, 1, 1)
	Rank1(w, Update[T]{Decay: []T{0}})
	require.True(t, math.Signbit(float64(w.Data[0])))

	// Bounds after IEEE 754-2019.
	w = MatrixOf([]T{zero, 0, nan, inf, -inf}, 1, 5)
	Rank1(w, Update[T]{Bounded: true, Low: 0, High: inf})
	requireSameBits(t, []T{0, 0, nan, inf, 0}, w.Data, "low +0")
	w = MatrixOf([]T{zero, 0, nan, inf, -inf}, 1, 5)
	Rank1(w, Update[T]{Bounded: true, Low: -inf, High: zero})
	requireSameBits(t, []T{zero, zero, nan, zero, -inf}, w.Data, "high -0")

	// A masked element keeps its bits whatever the update would be, and is bounded.
	w = MatrixOf([]T{1, 5}, 1, 2)
	Rank1(w, Update[T]{G: []T{inf}, X: []T{0}, Mask: []bool{false, false}, Bounded: true, Low: 0, High: 2})
	requireSameBits(t, []T{1, 2}, w.Data, "masked")

	// Subnormals are kept.
	tiny := T(math.SmallestNonzeroFloat64)
	if sizeOf[T]() == 4 {
		tiny = T(math.SmallestNonzeroFloat32)
	}
	w = MatrixOf([]T{3 * tiny}, 1, 1)
	Rank1(w, Update[T]{G: []T{tiny}, X: []T{2}})
	require.Equal(t, 5*tiny, w.Data[0])
}

// TestRank1Blocks crosses the edges of the blocks of columns and of the cells.
func TestRank1Blocks(t *testing.T) {
	for _, size := range [][2]int{{3, 4095}, {3, 4096}, {3, 4097}, {2, 8193}, {255, 16}, {257, 300}, {5000, 1}, {1, 70001}} {
		r := newRand(2)
		w := randomMatrix[float32](r, size[0], size[1], 1)
		old := clone(w)
		u := Update[float32]{G: randomVector[float32](r, size[0]), X: randomVector[float32](r, size[1]), Decay: []float32{0.125}, ColDecay: []float32{0.25}}
		Rank1(w, u)
		checkRank1Result(t, fmt.Sprint(size), old, w, u)
		requireGuards(t, w)
	}
}

func FuzzRank1(f *testing.F) {
	f.Add(uint64(1), uint8(5), uint16(40), uint8(2), uint8(0xff), 1.0, -1.0, 2.5)
	f.Add(uint64(2), uint8(1), uint16(4099), uint8(0), uint8(3), math.Inf(1), 0.0, 0.5)
	f.Fuzz(func(t *testing.T, seed uint64, rows uint8, cols uint16, gap, terms uint8, special, low, p float64) {
		withThreads(t, 1)
		m, n := int(rows%40), int(cols%9000)
		r := newRand(seed)
		w := randomMatrix[float32](r, m, n, int(gap%8))
		if m*n > 0 {
			w.Data[r.IntN(m)*w.Stride+r.IntN(n)] = float32(special)
		}
		u := Update[float32]{P: p}
		if terms&1 != 0 {
			u.G, u.X = randomVector[float32](r, m), randomVector[float32](r, n)
		}
		if terms&2 != 0 {
			u.Decay = randomVector[float32](r, m)
		}
		if terms&4 != 0 {
			u.ColDecay = randomVector[float32](r, n)
		}
		if terms&8 != 0 {
			u.RowAdd, u.ColAdd = randomVector[float32](r, m), []float32{float32(special)}
		}
		if terms&16 != 0 {
			u.Bounded, u.Low, u.High = true, float32(low), 1
		}
		if terms&32 != 0 {
			u.Mask = make([]bool, m*n)
			for k := range u.Mask {
				u.Mask[k] = r.Uint32()&1 == 0
			}
		}
		if terms&64 != 0 {
			u.Sums = make([]float32, m)
		}
		refused := (u.Bounded && !(u.Low <= u.High)) || (u.Sums != nil && !(p > 0))
		old := clone(w)
		if refused {
			requireRefused(t, func() { Rank1(w, u) })
			requireSameBits(t, old.Data, w.Data, "refused")
			return
		}
		Rank1(w, u)
		requireGuards(t, w)

		// Any number of threads gives the same bits.
		sums := append([]float32(nil), u.Sums...)
		withThreads(t, 3)
		Rank1(old, u)
		requireSameBits(t, w.Data, old.Data, "threads")
		requireSameBits(t, sums, u.Sums, "sums with threads")
	})
}

func TestRank1Finite(t *testing.T) { bothTypes(t, testRank1Finite[float32], testRank1Finite[float64]) }

// testRank1Finite asks at each set of terms that has a kernel of its own, and at one that has none, with a weight that
// becomes infinite or NaN and with finite ones whose sum overflows.
func testRank1Finite[T Float](t *testing.T) {
	most := T(math.MaxFloat32)
	if _, wide := any(most).(float64); wide {
		huge := math.MaxFloat64
		most = T(huge)
	}
	inf := T(math.Inf(1))
	for _, cols := range []int{1, 7, 70, 4099} {
		rows := 3
		g, x, d := make([]T, rows), make([]T, cols), make([]T, rows)
		for name, u := range map[string]Update[T]{
			"outer": {G: g, X: x}, "decay": {G: g, X: x, Decay: d}, "added": {RowAdd: d}, "none": {},
		} {
			for _, c := range []struct {
				weight T
				fine   bool
			}{{1, true}, {most, true}, {inf, false}, {-inf, false}, {inf - inf, false}} {
				w := NewMatrix[T](rows, cols)
				for k := range w.Data {
					w.Data[k] = most // of one sign: every sum overflows, or is taken of one weight
				}
				w.Data[rows*cols/2] = c.weight
				fine := !c.fine
				u.Finite = &fine
				Rank1(w, u)
				require.Equal(t, c.fine, fine, "%s %d columns, a weight %v", name, cols, c.weight)
			}
		}
	}
	fine := false
	Rank1(Matrix[T]{}, Update[T]{Finite: &fine})
	require.True(t, fine)
}
