package kernels

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hebbkern/hebbkern/kernels/internal/portable"
)

var someExponents = []float64{0.3, 0.5, 0.9, 1, 1.5, 2, 2.7, 3, 4, 7.3}

func TestPowerSumsEquation(t *testing.T) {
	bothTypes(t, testPowerSumsEquation[float32], testPowerSumsEquation[float64])
}

func testPowerSumsEquation[T Float](t *testing.T) {
	r := newRand(3)
	for _, size := range [][2]int{{1, 1}, {5, 31}, {3, 33}, {9, 100}, {256, 7}, {257, 5}, {513, 3}, {2, 4095}, {2, 4096}, {3, 4097}, {1, 8193}, {0, 4}, {4, 0}} {
		for _, p := range someExponents {
			w := randomMatrix[T](r, size[0], size[1], 2)
			name := fmt.Sprintf("%v p=%v", size, p)
			rows, cols := make([]T, w.Rows), make([]T, w.Cols)
			PowerSums(w, p, rows, cols)
			checkSums(t, name, w, p, nil, nil, rows, cols)

			alone := make([]T, w.Rows)
			PowerSums(w, p, alone, nil)
			requireSameBits(t, rows, alone, name+" rows alone")
			alone = make([]T, w.Cols)
			PowerSums(w, p, nil, alone)
			requireSameBits(t, cols, alone, name+" columns alone")

			v, u := randomVector[T](r, w.Cols), randomVector[T](r, w.Rows)
			PowerSumsWeighted(w, p, v, rows, 1)
			PowerSumsWeighted(w, p, u, cols, 0)
			checkSums(t, name+" weighted", w, p, v, u, rows, cols)
			both, down := make([]T, w.Rows), make([]T, w.Cols)
			PowerSumsBothWeighted(w, p, v, u, both, down)
			requireSameBits(t, rows, both, name+" rows of both")
			requireSameBits(t, cols, down, name+" columns of both")
			PowerSumsWeighted(w, p, v[:min(1, len(v))], rows, 1)
			PowerSumsWeighted(w, p, u[:min(1, len(u))], cols, 0)
			checkSums(t, name+" one weight", w, p, v[:min(1, len(v))], u[:min(1, len(u))], rows, cols)
			PowerSumsBothWeighted(w, p, v[:min(1, len(v))], u[:min(1, len(u))], both, down)
			requireSameBits(t, rows, both, name+" rows of both, one weight")
			requireSameBits(t, cols, down, name+" columns of both, one weight")
		}
	}
}

// checkSums compares with sums in float64. A row's lane holds at most
// 4096/16 = 256 terms and is then halved at most 5 times, a column's block at
// most 256; each addition errs by one unit roundoff of the sum of magnitudes,
// each value by at most 4, a weight's product is fused, blocks are added in
// float64 (n roundoffs of it, here and there), and the last rounding is one.
func checkSums[T Float](t *testing.T, name string, w Matrix[T], p float64, v, u, rows, cols []T) {
	t.Helper()
	value := func(i, j int) float64 { return math.Pow(math.Abs(w.at(i, j)), p) }
	weight := func(v []T, k int) float64 {
		if v == nil {
			return 1
		}
		return spreadAt(v, k)
	}
	bound := func(n int) float64 { return (256+5+4+1)*unitRoundoff[T]() + float64(2*n+8)*0x1p-53 }
	for i, got := range rows {
		var sum, size float64
		for j := range w.Cols {
			sum += value(i, j) * weight(v, j)
			size += value(i, j) * math.Abs(weight(v, j))
		}
		requireNear(t, sum, float64(got), bound(w.Cols)*size, name+" row", i)
	}
	for j, got := range cols {
		var sum, size float64
		for i := range w.Rows {
			sum += value(i, j) * weight(u, i)
			size += value(i, j) * math.Abs(weight(u, i))
		}
		requireNear(t, sum, float64(got), bound(w.Rows)*size, name+" column", j)
	}
}

// TestPowerSumsOrder pins the order of a sum with terms that another order
// would lose. 2^24 and 1 in different lanes of one block meet in float32, where
// a single 1 vanishes; in different blocks they meet in float64.
func TestPowerSumsOrder(t *testing.T) {
	const big = 1 << 24
	row := make([]float32, 4096+64)
	out := make([]float32, 1)
	sum := func() float32 {
		PowerSums(MatrixOf(row, 1, len(row)), 1, out, nil)
		return out[0]
	}
	row[0], row[1], row[2] = big, 1, 1 // lanes 0, 1, 2: 0 takes lane 2 before lane 1
	require.EqualValues(t, big, sum())
	row[0], row[1], row[2], row[33] = big, 1, 0, 1 // lane 1 holds 2
	require.EqualValues(t, big+2, sum())
	clear(row)
	row[0], row[2048], row[4064] = big, 1, 1 // all in lane 0 of one block
	require.EqualValues(t, big, sum())
	clear(row)
	row[0], row[4096], row[4097] = big, 1, 1 // a second block holds 2
	require.EqualValues(t, big+2, sum())

	col := make([]float32, 300)
	down := func() float32 {
		PowerSums(MatrixOf(col, len(col), 1), 1, nil, out)
		return out[0]
	}
	col[0], col[1], col[255] = big, 1, 1
	require.EqualValues(t, big, down())
	col[0], col[1], col[255], col[256], col[257] = big, 0, 0, 1, 1
	require.EqualValues(t, big+2, down())
}

func TestMaxNorm(t *testing.T) {
	bothTypes(t, testMaxNorm[float32], testMaxNorm[float64])
}

func testMaxNorm[T Float](t *testing.T) {
	r := newRand(4)
	for _, size := range [][2]int{{3, 5}, {257, 9}, {2, 4097}, {600, 40}, {3, 0}, {0, 3}} {
		w := randomMatrix[T](r, size[0], size[1], 1)
		rows, cols := make([]T, w.Rows), make([]T, w.Cols)
		wantRows, wantCols := make([]T, w.Rows), make([]T, w.Cols)
		for i := range w.Rows {
			for j := range w.Cols {
				a := T(math.Abs(w.at(i, j)))
				wantRows[i], wantCols[j] = max(wantRows[i], a), max(wantCols[j], a)
			}
		}
		PowerSums(w, math.Inf(1), rows, cols)
		requireSameBits(t, wantRows, rows, fmt.Sprint(size, " rows"))
		requireSameBits(t, wantCols, cols, fmt.Sprint(size, " columns"))
	}
	nan := T(math.NaN())
	w := NewMatrix[T](300, 4100)
	w.Row(1)[4099], w.Row(299)[2] = nan, T(math.Inf(-1))
	rows, cols := make([]T, 300), make([]T, 4100)
	PowerSums(w, math.Inf(1), rows, cols)
	require.True(t, rows[1] != rows[1] && cols[4099] != cols[4099])
	require.True(t, math.IsInf(float64(rows[299]), 1) && math.IsInf(float64(cols[2]), 1))
}

func TestPowAbs(t *testing.T) {
	bothTypes(t, testPowAbs[float32], testPowAbs[float64])
}

func testPowAbs[T Float](t *testing.T) {
	r := newRand(5)
	for _, p := range someExponents {
		x := append(randomVector[T](r, 5000), 0, T(math.Copysign(0, -1)), T(math.Inf(1)), T(math.Inf(-1)), T(math.NaN()))
		y := make([]T, len(x))
		PowAbs(y, x, p)
		sum := make([]T, 1)
		for k, v := range x {
			want := math.Pow(math.Abs(float64(v)), p)
			if v != v || math.IsInf(want, 0) {
				require.Equal(t, bitsOf(T(want)), bitsOf(y[k]))
				continue
			}
			// 2 ULP are 4 roundoffs; math.Pow multiplies up integer powers and errs by some 8.
			requireNear(t, want, float64(y[k]), 4*unitRoundoff[T]()*want+8*0x1p-53*want, "PowAbs", p, v)
			if k%97 == 0 { // the sum of one element is its value
				PowerSums(MatrixOf(x[k:k+1], 1, 1), p, sum, nil)
				require.Equal(t, bitsOf(y[k]), bitsOf(sum[0]))
			}
		}
		in := append([]T(nil), x...)
		PowAbs(in, in, p)
		requireSameBits(t, y, in, "in place")
	}
}

// TestPowAbsAtTheEndsOfTheRange takes x whose |x|^p lie around the least and the
// largest normal number, all of a piece at the same end: few others there.
func TestPowAbsAtTheEndsOfTheRange(t *testing.T) {
	r := newRand(6)
	e, y := make([]float32, portable.PowLen), make([]float32, 64)
	x, want := make([]float32, len(y)), make([]float32, len(y))
	for _, p := range []float64{0.9, 1.2, 1.3, 2.7, 7.3, 40} {
		portable.PowPrepare(p, e)
		for _, end := range []float64{-149, -126, 127} {
			for k := end - 4; k <= end+4; k++ {
				for i := range x {
					x[i] = float32(math.Exp2((k + r.Float64() - 0.5) / p))
				}
				PowAbs(y, x, p)
				portable.PowAbsV(want, x, e, nil, len(x))
				requireSameBits(t, want, y, fmt.Sprintf("p = %v around 2^%v", p, k))
			}
		}
	}
}

func FuzzPowerSums(f *testing.F) {
	f.Add(uint64(1), uint16(300), uint16(40), uint8(2), 2.5, 1.0)
	f.Add(uint64(2), uint16(3), uint16(4099), uint8(0), 1.0, math.NaN())
	f.Fuzz(func(t *testing.T, seed uint64, rows, cols uint16, gap uint8, p, special float64) {
		m, n := int(rows%700), int(cols%9000)
		if m*n > 200_000 {
			m = 200_000 / n
		}
		r := newRand(seed)
		w := randomMatrix[float64](r, m, n, int(gap%8))
		if m*n > 0 {
			w.Data[r.IntN(m)*w.Stride+r.IntN(n)] = special
		}
		byRow, byCol := make([]float64, m), make([]float64, n)
		if !(p > 0) {
			requireRefused(t, func() { PowerSums(w, p, byRow, byCol) })
			return
		}
		withThreads(t, 1)
		PowerSums(w, p, byRow, byCol)
		requireGuards(t, w)
		again, againCol := make([]float64, m), make([]float64, n)
		PowerSums(w, p, nil, againCol)
		requireSameBits(t, byCol, againCol, "columns alone")
		withThreads(t, 3)
		PowerSums(w, p, again, againCol)
		requireSameBits(t, byRow, again, "rows with threads")
		requireSameBits(t, byCol, againCol, "columns with threads")
	})
}
