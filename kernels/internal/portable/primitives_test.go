package portable

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func random[T Float](r *rand.Rand, n int) []T {
	v := make([]T, n)
	for k := range v {
		v[k] = T(r.NormFloat64())
	}
	return v
}

func bits[T Float](v T) uint64 {
	if v != v {
		return math.Float64bits(math.NaN())
	}
	return math.Float64bits(float64(v))
}

func requireBits[T Float](t *testing.T, want, got []T, what string) {
	t.Helper()
	require.Len(t, got, len(want))
	for k := range want {
		require.Equal(t, bits(want[k]), bits(got[k]), "%s: element %d: %v, want %v", what, k, got[k], want[k])
	}
}

// special are values whose every pair a selection must get right.
func special[T Float]() []T {
	inf := T(math.Inf(1))
	return []T{T(math.NaN()), -inf, -1, T(math.Copysign(0, -1)), 0, 1, inf}
}

// TestMaximumMinimum follows the table of IEEE 754-2019, 9.6.
func TestMaximumMinimum(t *testing.T) {
	order := special[float64]()
	for i, a := range order {
		for j, b := range order {
			lo, hi := order[min(i, j)], order[max(i, j)]
			if i == 0 || j == 0 {
				lo, hi = math.NaN(), math.NaN()
			}
			require.Equal(t, bits(hi), bits(maximum(a, b)), "maximum(%v, %v)", a, b)
			require.Equal(t, bits(lo), bits(minimum(a, b)), "minimum(%v, %v)", a, b)
			require.Equal(t, bits(float32(hi)), bits(maximum(float32(a), float32(b))))
			require.Equal(t, bits(float32(lo)), bits(minimum(float32(a), float32(b))))
		}
	}
	for _, v := range order {
		for i, lo := range order[1:] {
			for _, hi := range order[1+i:] {
				require.Equal(t, bits(minimum(maximum(v, lo), hi)), bits(clip(v, lo, hi)), "clip(%v, %v, %v)", v, lo, hi)
			}
		}
	}
	// Equal bounds of opposite sign, high below low in sign only.
	require.Equal(t, bits(math.Copysign(0, -1)), bits(clip(1, 0, math.Copysign(0, -1))))
}

func TestRank1Variants(t *testing.T) {
	t.Run("float32", testRank1Variants[float32])
	t.Run("float64", testRank1Variants[float64])
}

// testRank1Variants compares each specialised update with Rank1Any, special
// values included.
func testRank1Variants[T Float](t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const rows, stride = 7, 20
	for cols := 0; cols < 18; cols++ {
		for _, step := range []int{0, 1} {
			w0 := random[T](r, rows*stride)
			d, g, c, x := random[T](r, rows), random[T](r, rows), random[T](r, cols), random[T](r, cols)
			for k, v := range special[T]() {
				w0[r.IntN(len(w0))], g[k] = v, v
			}
			const lo, hi = -0.5, 0.75
			for name, f := range map[string]struct {
				flags int
				run   func(w []T)
			}{
				"G":      {Rank1Outer, func(w []T) { Rank1G(w, g, x, rows, cols, stride, step, 0) }},
				"DG":     {Rank1Outer | Rank1Decay, func(w []T) { Rank1DG(w, d, g, x, rows, cols, stride, step, step, 0) }},
				"CG":     {Rank1Outer | Rank1ColDecay, func(w []T) { Rank1CG(w, c, g, x, rows, cols, stride, step, 0) }},
				"GClip":  {Rank1Outer | Rank1Bounds, func(w []T) { Rank1GClip(w, g, x, lo, hi, rows, cols, stride, step, 0) }},
				"DGClip": {Rank1Outer | Rank1Decay | Rank1Bounds, func(w []T) { Rank1DGClip(w, d, g, x, lo, hi, rows, cols, stride, step, step, 0) }},
				"CGClip": {Rank1Outer | Rank1ColDecay | Rank1Bounds, func(w []T) { Rank1CGClip(w, c, g, x, lo, hi, rows, cols, stride, step, 0) }},
				"Clip":   {Rank1Bounds, func(w []T) { Clip(w, lo, hi, rows, cols, stride) }},
			} {
				want, got := append([]T(nil), w0...), append([]T(nil), w0...)
				Rank1Any(want, d, c, g, x, nil, nil, nil, lo, hi, rows, cols, stride, step, step, 0, 0, f.flags)
				f.run(got)
				requireBits(t, want, got, fmt.Sprint(name, cols, step))
			}
		}
	}
}

// exact is a·b + c rounded once to T, with ties to even, by big.Float.
func exact[T Float](a, b, c T) T {
	wide := func(v T) *big.Float { return new(big.Float).SetPrec(5000).SetFloat64(float64(v)) }
	s := wide(a)
	s.Mul(s, wide(b)).Add(s, wide(c))
	if is32[T]() {
		v, _ := s.Float32()
		return T(v)
	}
	v, _ := s.Float64()
	return T(v)
}

// TestRank1AnyRounding recomputes one element from the expression, each of its
// roundings done by big.Float.
func TestRank1AnyRounding(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 20_000 {
		v := random[float32](r, 8)
		w, d, c, g, x, a, b := v[0], v[1], v[2], v[3], v[4], v[5], v[6]
		f := exact(-1, d, 1)
		f = exact(-1, c, f)
		u := exact(w, f, 0)
		u = exact(g, x, u)
		u = exact(1, a, u)
		u = exact(1, b, u)
		got := []float32{w}
		Rank1Any(got, []float32{d}, []float32{c}, []float32{g}, []float32{x}, []float32{a}, []float32{b}, nil, 0, 0, 1, 1, 1, 0, 0, 0, 0, 31)
		require.Equal(t, u, got[0])
	}
}

func TestReductions(t *testing.T) {
	t.Run("float32", testReductions[float32])
	t.Run("float64", testReductions[float64])
}

// testReductions adds up element by element in the stated order, lane k mod L.
func testReductions[T Float](t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	const rows = 3
	type sum struct {
		value func(T) T
		row   func(out, w, v []T, cols, stride int)
		col   func(acc, w, u []T, cols, stride int)
		both  func(out, acc, w []T, cols, stride int)
		fused bool
	}
	sums := map[string]sum{
		"signed": {func(v T) T { return v },
			func(o, w, v []T, n, s int) { RowSumSigned(o, w, v, rows, n, s, 0) }, func(a, w, u []T, n, s int) { ColSumSigned(a, w, u, rows, n, s) },
			func(o, a, w []T, n, s int) { BothSumSigned(o, a, w, rows, n, s, 0) }, false},
		"half": {PowHalf[T],
			func(o, w, v []T, n, s int) { RowSumHalf(o, w, v, rows, n, s) }, func(a, w, u []T, n, s int) { ColSumHalf(a, w, u, rows, n, s) },
			func(o, a, w []T, n, s int) { BothSumHalf(o, a, w, rows, n, s) }, false},
		"1": {func(v T) T { return T(math.Abs(float64(v))) },
			func(o, w, v []T, n, s int) { RowSum1(o, w, v, rows, n, s, 0) }, func(a, w, u []T, n, s int) { ColSum1(a, w, u, rows, n, s) },
			func(o, a, w []T, n, s int) { BothSum1(o, a, w, rows, n, s, 0) }, false},
		"3/2": {PowThreeHalves[T],
			func(o, w, v []T, n, s int) { RowSumThreeHalves(o, w, v, rows, n, s) }, func(a, w, u []T, n, s int) { ColSumThreeHalves(a, w, u, rows, n, s) },
			func(o, a, w []T, n, s int) { BothSumThreeHalves(o, a, w, rows, n, s) }, false},
		"2": {func(v T) T { return T(v * v) },
			func(o, w, v []T, n, s int) { RowSum2(o, w, v, rows, n, s, 0) }, func(a, w, u []T, n, s int) { ColSum2(a, w, u, rows, n, s) },
			func(o, a, w []T, n, s int) { BothSum2(o, a, w, rows, n, s, 0) }, true},
		"3": {Pow3[T],
			func(o, w, v []T, n, s int) { RowSum3(o, w, v, rows, n, s) }, func(a, w, u []T, n, s int) { ColSum3(a, w, u, rows, n, s) },
			func(o, a, w []T, n, s int) { BothSum3(o, a, w, rows, n, s) }, false},
		"4": {Pow4[T],
			func(o, w, v []T, n, s int) { RowSum4(o, w, v, rows, n, s) }, func(a, w, u []T, n, s int) { ColSum4(a, w, u, rows, n, s) },
			func(o, a, w []T, n, s int) { BothSum4(o, a, w, rows, n, s) }, false},
	}
	pairs := map[string]func(o, a, w, v, u []T, n, s int){
		"signed": func(o, a, w, v, u []T, n, s int) { BothWeightedSigned(o, a, w, v, u, rows, n, s, 0) },
		"half":   func(o, a, w, v, u []T, n, s int) { BothWeightedHalf(o, a, w, v, u, rows, n, s) },
		"1":      func(o, a, w, v, u []T, n, s int) { BothWeighted1(o, a, w, v, u, rows, n, s, 0) },
		"3/2":    func(o, a, w, v, u []T, n, s int) { BothWeightedThreeHalves(o, a, w, v, u, rows, n, s) },
		"2":      func(o, a, w, v, u []T, n, s int) { BothWeighted2(o, a, w, v, u, rows, n, s, 0) },
		"3":      func(o, a, w, v, u []T, n, s int) { BothWeighted3(o, a, w, v, u, rows, n, s) },
		"4":      func(o, a, w, v, u []T, n, s int) { BothWeighted4(o, a, w, v, u, rows, n, s) },
	}
	L := 32 / sizeRatio[T]()
	for _, cols := range []int{0, 1, 2, L/2 + 1, L - 1, L, L + 1, 2*L - 1, 2*L + 3, 4096} {
		stride := cols + 2
		w, v, u := random[T](r, rows*stride), random[T](r, cols), random[T](r, rows)
		start := random[T](r, cols)
		for name, s := range sums {
			for _, weighted := range []bool{false, true} {
				add := func(sum, w, weight T) T {
					switch {
					case weighted:
						return FMA(s.value(w), weight, sum)
					case s.fused:
						return FMA(w, w, sum)
					}
					return sum + s.value(w)
				}
				wantRow, wantCol := make([]T, rows), append([]T(nil), start...)
				for i := range rows {
					lane := make([]T, L)
					for j := range cols {
						lane[j%L] = add(lane[j%L], w[i*stride+j], v[j])
						wantCol[j] = add(wantCol[j], w[i*stride+j], u[i])
					}
					wantRow[i] = tree(lane)
				}
				row, col := make([]T, rows), append([]T(nil), start...)
				if weighted {
					pairs[name](row, col, w, v, u, cols, stride)
					requireBits(t, wantRow, row, fmt.Sprint("both rows, weighted ", name, cols))
					requireBits(t, wantCol, col, fmt.Sprint("both columns, weighted ", name, cols))
					copy(col, start)
					s.row(row, w, v, cols, stride)
					s.col(col, w, u, cols, stride)
				} else {
					s.both(row, col, w, cols, stride)
					requireBits(t, wantRow, row, fmt.Sprint("both rows ", name, cols))
					requireBits(t, wantCol, col, fmt.Sprint("both columns ", name, cols))
					copy(col, start)
					s.row(row, w, nil, cols, stride)
					s.col(col, w, nil, cols, stride)
				}
				requireBits(t, wantRow, row, fmt.Sprint("rows ", name, cols, weighted))
				requireBits(t, wantCol, col, fmt.Sprint("columns ", name, cols, weighted))
			}
		}
		V := L / 4
		want, got := make([]T, rows), make([]T, rows)
		for i := range rows {
			lane := make([]T, V)
			for j := range cols {
				lane[j%V] = FMA(w[i*stride+j], v[j], lane[j%V])
			}
			want[i] = tree(lane)
		}
		MatVec(got, w, v, rows, cols, stride)
		requireBits(t, want, got, fmt.Sprint("MatVec ", cols))
	}
}

func sizeRatio[T Float]() int {
	if is32[T]() {
		return 1
	}
	return 2
}

// tree halves the lanes: lane l meets lane l + n/2.
func tree[T Float](lane []T) T {
	n := len(lane)
	if n == 1 {
		return lane[0]
	}
	next := make([]T, n/2)
	for l := range next {
		next[l] = lane[l] + lane[l+n/2]
	}
	return tree(next)
}

// TestMulTile recomputes every output from the expression, each rounding done by
// big.Float, from panels that MulPack made and from plain rows.
func TestMulTile(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	P := PanelCols[float32]()
	for _, size := range [][3]int{{1, 1, 1}, {3, 5, 0}, {2, P - 1, 4}, {6, P, 7}, {5, P + 1, 256}, {4, 3*P + 9, 3}} {
		m, n, k := size[0], size[1], size[2]
		a, b := random[float32](r, (m+1)*k), random[float32](r, (k+1)*(n+2*P))
		f, d := random[float32](r, m), random[float32](r, n)
		bPanel := k*P + 3
		packed := make([]float32, (n+P-1)/P*bPanel)
		for i := range packed {
			packed[i] = float32(math.NaN())
		}
		MulPack(packed, b, n, k, n+2*P, bPanel)
		for l := range k {
			for j := range (n + P - 1) / P * P {
				want := float32(0)
				if j < n {
					want = b[l*(n+2*P)+j]
				}
				require.Equal(t, want, packed[j/P*bPanel+l*P+j%P], "panel %v: %d, %d", size, l, j)
			}
		}
		for _, flags := range []int{0, MulZero, MulKeep, MulCols} {
			c := random[float32](r, m*(n+3))
			if flags == MulZero {
				c[0] = float32(math.NaN())
			}
			want := append([]float32(nil), c...)
			for i := range m {
				for j := range n {
					var s float32
					for l := range k {
						s = exact(a[l*(m+1)+i], b[l*(n+2*P)+j], s)
					}
					at := &want[i*(n+3)+j]
					switch flags {
					case MulZero:
						*at = 0
					case MulKeep:
						*at = exact(*at, f[i], 0)
					case MulCols:
						*at = exact(*at, exact(-1, d[j], f[i]), 0)
					}
					*at = exact(1, s, *at)
				}
			}
			straight := append([]float32(nil), c...)
			MulTile(c, a, packed, f, d, m, n, k, n+3, m+1, P, bPanel, flags)
			requireBits(t, want, c, fmt.Sprint("packed ", size, flags))
			MulTile(straight, a, b, f, d, m, n, k, n+3, m+1, n+2*P, P, flags)
			requireBits(t, want, straight, fmt.Sprint("straight ", size, flags))
		}
	}
}

func TestDotTile(t *testing.T) {
	t.Run("float32", testDotTile[float32])
	t.Run("float64", testDotTile[float64])
}

// testDotTile demands MatVec's bits, in one piece and cut in two.
func testDotTile[T Float](t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	V := DotLanes[T]()
	for _, size := range [][3]int{{1, 1, 1}, {2, 3, V}, {5, 6, 3*V + 1}, {3, 4, 4096}} {
		m, n, k := size[0], size[1], size[2]
		x, w := random[T](r, m*(k+1)), random[T](r, n*(k+2))
		want, got := make([]T, m*n), make([]T, m*n)
		for i := range m {
			MatVec(want[i*n:], w, x[i*(k+1):], n, k, k+2)
		}
		DotTile(got, x, w, nil, m, n, k, n, k+1, k+2, 1, 0)
		requireBits(t, want, got, fmt.Sprint(size))
		clear(got)
		lanes := random[T](r, m*n*V)
		cut := k / 2 / V * V
		DotTile(nil, x, w, lanes, m, n, cut, n, k+1, k+2, 0, DotKeep)
		for i := range m {
			for j := range n {
				lane := make([]T, V)
				for l := range cut {
					lane[l%V] = FMA(x[i*(k+1)+l], w[j*(k+2)+l], lane[l%V])
				}
				requireBits(t, lane, lanes[(j*m+i)*V:][:V], fmt.Sprint("lanes ", size))
			}
		}
		DotTile(got, x[cut:], w[cut:], lanes, m, n, k-cut, n, k+1, k+2, 0, DotMore)
		requireBits(t, want, got, fmt.Sprint("cut ", size))
	}
}

func TestMaximumNorms(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	w := []float64{-3, 2, 9, nan, 1, 9, -inf, math.Copysign(0, -1), 9}
	out, acc := make([]float64, 3), []float64{2, 5}
	RowMaxAbs(out, w, 3, 2, 3)
	requireBits(t, []float64{3, nan, inf}, out, "rows")
	ColMaxAbs(acc, w, 3, 2, 3)
	requireBits(t, []float64{nan, 5}, acc, "columns")
	RowMax(out, w, 3, 2, 3)
	requireBits(t, []float64{2, nan, math.Copysign(0, -1)}, out, "signed")
	RowMaxAbs(out, w, 1, 0, 3)
	RowMax(out[1:], w, 1, 0, 3)
	requireBits(t, []float64{0, -inf}, out[:2], "empty")
}

func TestActivationEdges(t *testing.T) {
	nan, inf, zero := math.NaN(), math.Inf(1), math.Copysign(0, -1)
	z := []float64{nan, -inf, -2, zero, 0, 2, inf}
	y := make([]float64, len(z))
	n := len(z)
	check := func(name string, want ...float64) {
		t.Helper()
		requireBits(t, want, y, name)
	}
	ActReLU(y, z, n)
	check("relu", nan, 0, 0, 0, 0, 2, inf)
	ActBiLU(y, z, 0.5, 1, n)
	check("leaky", nan, -inf, -1, zero, 0, 2, inf)
	ActBiLU(y, z, -2, 3, n)
	check("bilu", nan, inf, 4, zero, 0, 6, inf)
	BiPU(y, z, []float64{nan, inf, 4, 0, 0, 4, inf}, -0.5, 1, n)
	check("bipu", nan, -inf, -2, 0, 0, 4, inf)
	ReLUOr(y, z, -7, n)
	check("relu or", nan, -7, -7, -7, -7, 2, inf)
	Positive(y, z, n)
	check("positive", nan, 0, 0, 0, 0, 1, 1)
	DerReLU(y, z, n)
	check("relu'", nan, 0, 0, 1, 1, 1, 1)
	DerBiLU(y, z, 0.5, 1, n)
	check("leaky'", nan, 0.5, 0.5, 1, 1, 1, 1)
	DerBiLU(y, z, -2, 3, n)
	check("bilu'", nan, -2, -2, 3, 3, 3, 3)
	ActELU(y, z, n)
	require.Equal(t, []uint64{bits(-1.0), bits(zero), bits(0.0), bits(2.0), bits(inf)}, []uint64{bits(y[1]), bits(y[3]), bits(y[4]), bits(y[5]), bits(y[6])})
	DerELU(y, z, n)
	require.Equal(t, []float64{0, 1, 1, 1, 1}, []float64{y[1], y[3], y[4], y[5], y[6]})
}

func TestLaneTile(t *testing.T) {
	t.Run("float32", testLaneTile[float32])
	t.Run("float64", testLaneTile[float64])
}

// testLaneTile demands MatVec's bits of every column, for dots with fewer terms than lanes too.
func testLaneTile[T Float](t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	P, V := PanelCols[T](), DotLanes[T]()
	for _, size := range [][3]int{{1, 1, 1}, {3, 5, 0}, {2, P - 1, 3}, {6, P, V}, {5, P + 1, 75}, {4, 3*P + V + 2, 4*V + 1}} {
		m, n, terms := size[0], size[1], size[2]
		w, x := random[T](r, m*terms+1), random[T](r, n*terms+1) // rows of terms
		var sortedW, sortedX []T
		more := 0
		for s := range V {
			more *= 2
			if LaneAt[T](s) < terms%V {
				more++
			}
			for l := LaneAt[T](s); l < terms; l += V {
				for i := range m {
					sortedW = append(sortedW, w[i*terms+l])
				}
				for j := range n {
					sortedX = append(sortedX, x[j*terms+l])
				}
			}
		}
		want, got := make([]T, m), make([]T, m*(n+2))
		LaneTile(got, sortedW, sortedX, make([]T, LaneScratch[T]()), m, n, terms/V, more, n+2, n)
		for j := range n {
			MatVec(want, w, x[j*terms:], m, terms, terms)
			for i := range m {
				require.Equal(t, want[i], got[i*(n+2)+j], "%v: %d, %d", size, i, j)
			}
		}
	}
}
