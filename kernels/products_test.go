package kernels

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMatMulNegativeZero: a product that underflows to -0 is added to +0, so the sum is +0.
func TestMatMulNegativeZero(t *testing.T) {
	bothTypes(t, testMatMulNegativeZero[float32], testMatMulNegativeZero[float64])
}

func testMatMulNegativeZero[T Float](t *testing.T) {
	tiny := T(1e-30)
	if !single[T]() {
		tiny = T(1e-200)
	}
	for rows := 1; rows <= 13; rows++ {
		for _, cols := range []int{1, 7, 8, 33} {
			a, b, dst := NewMatrix[T](rows, 1), NewMatrix[T](1, cols), NewMatrix[T](rows, cols)
			for i := range a.Data {
				a.Data[i] = -tiny
			}
			for j := range b.Data {
				b.Data[j] = tiny
			}
			MatMul(dst, a, b)
			for k, v := range dst.Data {
				require.False(t, v != 0 || math.Signbit(float64(v)), "%d×%d: element %d is %v", rows, cols, k, v)
			}
		}
	}
}

// TestBatchUpdateTerms: the bits of BatchUpdate, of the other terms by Rank1 after it, of the old weights where the mask
// is false, and of clipping.
func TestBatchUpdateTerms(t *testing.T) {
	bothTypes(t, testBatchUpdateTerms[float32], testBatchUpdateTerms[float64])
}

func testBatchUpdateTerms[T Float](t *testing.T) {
	for k, shape := range [][3]int{{1, 1, 0}, {7, 40, 3}, {13, 33, 0}, {5, 17, 300}, {160, 130, 2}, {6, 5000, 1}, {3, 0, 2}} {
		if thin() && shape[0]*shape[1] > 5000 {
			continue
		}
		rows, cols, n := shape[0], shape[1], shape[2]
		r := newRand(uint64(k))
		w := randomMatrix[T](r, rows, cols, 3)
		g, x := randomMatrix[T](r, n, rows, 1), randomMatrix[T](r, n, cols, 2)
		mask, lows, highs := make([]bool, rows*(cols+1)), make([]T, rows*cols), make([]T, rows*cols)
		for i := range mask {
			mask[i] = r.IntN(3) > 0
		}
		for i := range lows {
			lows[i], highs[i] = -T(r.IntN(3))/2, T(r.IntN(3))/2
		}
		for terms := range 64 {
			u := Update[T]{}
			if terms&1 != 0 {
				u.Decay = randomVector[T](r, rows)
			}
			if terms&2 != 0 {
				u.ColDecay = []T{0.25}
			}
			if terms&4 != 0 {
				u.RowAdd = [][]T{randomVector[T](r, rows), {0.5}}[terms>>4&1]
			}
			if terms&8 != 0 {
				u.ColAdd = [][]T{randomVector[T](r, cols), {-0.25}}[terms>>5]
			}
			if terms&16 != 0 {
				u.Mask, u.MaskStride = mask, cols+1
			}
			switch terms >> 5 * (1 + terms%3) {
			case 1:
				u.Bounded, u.Low, u.High = true, -0.5, 0
			case 2:
				u.Dependence = &Dependence[T]{Lows: lows[:cols], Highs: highs[:cols]}
			case 3:
				u.Dependence = &Dependence[T]{Lows: lows, Highs: highs, LimitStride: cols}
			}
			want, got := clone(w), clone(w)
			BatchUpdate(want, g, x, u.Decay, u.ColDecay)
			Rank1(want, Update[T]{RowAdd: u.RowAdd, ColAdd: u.ColAdd})
			if u.Mask != nil {
				for i := range rows {
					for j := range cols {
						if !mask[i*(cols+1)+j] {
							want.Row(i)[j] = w.Row(i)[j]
						}
					}
				}
			}
			Rank1(want, Update[T]{Bounded: u.Bounded, Low: u.Low, High: u.High, Dependence: u.Dependence})
			BatchUpdateTerms(got, g, x, u)
			require.Negative(t, differ(got.Data, want.Data), "%v, terms %d", shape, terms)
		}
	}
}
