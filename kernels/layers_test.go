package kernels

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestScale(t *testing.T) {
	bothTypes(t, testScale[float32], testScale[float64])
}

// testScale demands equality: every rounding of the expression is known.
func testScale[T Float](t *testing.T) {
	r := newRand(6)
	for _, size := range [][2]int{{1, 1}, {5, 33}, {2, 4097}, {5000, 2}} {
		rows, cols := randomVector[T](r, size[0]), randomVector[T](r, size[1])
		for name, v := range map[string][2][]T{
			"rows": {rows, nil}, "cols": {nil, cols}, "both": {rows, cols},
			"scalar rows": {rows[:1], nil}, "scalar cols": {nil, cols[:1]}, "scalars": {rows[:1], cols[:1]}, "none": {nil, nil},
		} {
			w := randomMatrix[T](r, size[0], size[1], 2)
			old := clone(w)
			Scale(w, v[0], v[1])
			requireGuards(t, w)
			for i := range w.Rows {
				for j := range w.Cols {
					want := old.Row(i)[j]
					if v[0] != nil {
						want = T(spreadAt(v[0], i)) * want
					}
					if v[1] != nil {
						want *= T(spreadAt(v[1], j))
					}
					require.Equal(t, want, w.Row(i)[j], "%s %v at %d, %d", name, size, i, j)
				}
			}
		}
	}
}

func TestGainRule(t *testing.T) {
	bothTypes(t, testGainRule[float32], testGainRule[float64])
}

func testGainRule[T Float](t *testing.T) {
	r := newRand(7)
	u := unitRoundoff[T]()
	for _, size := range [][2]int{{1, 1}, {5, 33}, {3, 4097}, {5000, 2}} {
		for _, form := range []GainForm{GainLinear, GainExp} {
			for _, limit := range []T{0, 1} {
				for _, scalar := range []bool{false, true} {
					w := randomMatrix[T](r, size[0], size[1], 2)
					post, pre, bias := randomVector[T](r, size[0]), randomVector[T](r, size[1]), randomVector[T](r, size[0])
					if scalar {
						post, pre = post[:1], pre[:1]
					}
					old, oldBias := clone(w), append([]T(nil), bias...)
					const lr = 0.0625
					GainRule(w, post, pre, lr, GainOptions[T]{Form: form, Limit: limit, Bias: bias})
					requireGuards(t, w)
					step := func(w, pre, post float64) float64 {
						d := lr * (pre*pre - post*post)
						if form == GainExp {
							return w * math.Exp(d)
						}
						return w + d*w
					}
					// |σ| < 2, so the exponents are below 1/4 each and their roundings
					// (of the square, the difference, the product: 3 of size 4·lr) count
					// less than 1 each; exp errs by 4 at most, the products by 2: with the
					// linear form's single rounding of the result, 12 covers both.
					name := fmt.Sprint(size, form, limit, scalar)
					for i := range w.Rows {
						for j := range w.Cols {
							want := step(old.at(i, j), spreadAt(pre, j), spreadAt(post, i))
							if limit != 0 {
								want = min(max(want, -float64(limit)), float64(limit))
							}
							requireNear(t, want, w.at(i, j), 12*u*2*math.Abs(old.at(i, j)), name, i, j)
						}
						requireNear(t, step(float64(oldBias[i]), 0, spreadAt(post, i)), float64(bias[i]), 12*u*2*math.Abs(float64(oldBias[i])), name+" bias", i)
					}
				}
			}
		}
	}
}

// TestGainExpKeepsFunction: with σ = 0 at the ends of a chain input → hidden →
// output the product of the weights along a path does not change.
func TestGainExpKeepsFunction(t *testing.T) {
	r := newRand(8)
	in, out := randomMatrix[float64](r, 5, 3, 0), randomMatrix[float64](r, 2, 5, 0)
	sigma := randomVector[float64](r, 5)
	oldIn, oldOut := clone(in), clone(out)
	GainRule(in, sigma, []float64{0}, 0.3, GainOptions[float64]{Form: GainExp})
	GainRule(out, []float64{0}, sigma, 0.3, GainOptions[float64]{Form: GainExp})
	for h := range 5 {
		want := oldIn.at(h, 0) * oldOut.at(1, h)
		requireNear(t, want, in.at(h, 0)*out.at(1, h), 20*0x1p-53*math.Abs(want), "path", h)
	}
}

func TestEMA(t *testing.T) {
	bothTypes(t, testEMA[float32], testEMA[float64])
}

func testEMA[T Float](t *testing.T) {
	r := newRand(9)
	u := unitRoundoff[T]()
	for _, n := range []int{1, 7, 33, 5000} {
		for _, of := range []Of{Value, SquareOf} {
			value := func(a float64) float64 {
				if of == SquareOf {
					return a * a
				}
				return a
			}
			for _, alpha := range []T{0, 0.1, 1} {
				s, a := randomVector[T](r, n), randomVector[T](r, n)
				old := append([]T(nil), s...)
				EMA(s, a, alpha, of)
				for k := range s {
					v := value(float64(a[k]))
					want := float64(alpha)*v + (1-float64(alpha))*float64(old[k])
					requireNear(t, want, float64(s[k]), 8*u*(math.Abs(v)+math.Abs(float64(old[k]))), "EMA", n, alpha, k)
				}
				for _, batch := range []int{1, 2, 256, 257} {
					x := randomMatrix[T](r, batch, n, 1)
					s := append([]T(nil), old...)
					EMABatch(s, x, alpha, of)
					if batch == 1 {
						one := append([]T(nil), old...)
						EMA(one, x.Row(0), alpha, of)
						requireSameBits(t, one, s, "a batch of one")
					}
					for k := range s {
						var mean, size float64
						for i := range batch {
							v := value(x.at(i, k))
							mean += v / float64(batch)
							size += math.Abs(v) / float64(batch)
						}
						want := float64(alpha)*mean + (1-float64(alpha))*float64(old[k])
						bound := (min(float64(batch), 256)+8)*u*size + 8*u*math.Abs(float64(old[k])) + 2*float64(batch)*0x1p-53*size
						requireNear(t, want, float64(s[k]), bound, "EMABatch", n, batch, k)
					}
				}
			}
		}
	}
}

var activationOf = map[ActKind][2]func(z float64) float64{
	Identity:  {func(z float64) float64 { return z }, func(float64) float64 { return 1 }},
	ReLU:      {func(z float64) float64 { return max(z, 0) }, func(z float64) float64 { return step(z, 0, 1) }},
	LeakyReLU: {func(z float64) float64 { return z * step(z, 0.125, 1) }, func(z float64) float64 { return step(z, 0.125, 1) }},
	Sigmoid:   {sigmoid, func(z float64) float64 { return sigmoid(z) * sigmoid(-z) }},
	Tanh:      {math.Tanh, func(z float64) float64 { c := math.Cosh(z); return 1 / (c * c) }},
	Softplus:  {func(z float64) float64 { return max(z, 0) + math.Log1p(math.Exp(-math.Abs(z))) }, sigmoid},
	ELU:       {func(z float64) float64 { return step(z, math.Expm1(z), z) }, func(z float64) float64 { return step(z, math.Exp(z), 1) }},
	BiLU:      {func(z float64) float64 { return z * step(z, 0.125, 0.75) }, func(z float64) float64 { return step(z, 0.125, 0.75) }},
	BiPU: {func(z float64) float64 { return step(z, 0.125, 1) * math.Pow(math.Abs(z), 1.25) },
		func(z float64) float64 { return step(z, -1.25*0.125, 1.25) * math.Pow(math.Abs(z), 0.25) }},
	GELU: {func(z float64) float64 { return z * normal(z) },
		func(z float64) float64 { return normal(z) + z*math.Exp(-z*z/2)/math.Sqrt(2*math.Pi) }},
}

func step(z, below, above float64) float64 {
	if z < 0 {
		return below
	}
	return above
}

func sigmoid(z float64) float64 { return 1 / (1 + math.Exp(-z)) }
func normal(z float64) float64  { return math.Erfc(-z/math.Sqrt2) / 2 }

func TestActivations(t *testing.T) {
	bothTypes(t, testActivations[float32], testActivations[float64])
}

// testActivations checks which function is which and the special values; the
// accuracy of the functions has tests of its own beside their definition. The
// bound is 16 roundoffs of 1 + |z|, which covers cancellation in GELU's
// derivative.
func testActivations[T Float](t *testing.T) {
	var z []T
	for v := -9.0; v <= 9; v += 1.0 / 64 {
		z = append(z, T(v))
	}
	z = append(z, T(math.Copysign(0, -1)), T(nan))
	y, d := make([]T, len(z)), make([]T, len(z))
	for kind, f := range activationOf {
		act := Activation{Kind: kind, Slope: 0.125, Shape: 0.75}
		if kind == BiPU {
			act.Shape = 1.25
		}
		Activate(y, z, act)
		Derivative(d, z, act)
		for k, v := range z {
			if v != v {
				require.True(t, y[k] != y[k], kind)
				require.True(t, d[k] != d[k] || kind == Identity, kind)
				continue
			}
			bound := 16 * unitRoundoff[T]() * (1 + math.Abs(float64(v)))
			requireNear(t, f[0](float64(v)), float64(y[k]), bound, kind.String(), v)
			requireNear(t, f[1](float64(v)), float64(d[k]), bound, kind.String()+" derivative", v)
		}
		in := append([]T(nil), z...)
		Activate(in, in, act)
		requireSameBits(t, y, in, kind.String()+" in place")

		parsed, err := ParseActivation(kind.String())
		require.NoError(t, err)
		require.Equal(t, kind, parsed.Kind)
	}
}

func TestForward(t *testing.T) {
	bothTypes(t, testForward[float32], testForward[float64])
}

func testForward[T Float](t *testing.T) {
	r := newRand(10)
	for _, size := range [][2]int{{1, 1}, {3, 5}, {9, 33}, {300, 17}, {17, 4095}, {9, 4096}, {9, 4097}, {3, 8193}, {4, 0}} {
		w := randomMatrix[T](r, size[0], size[1], 3)
		b := randomVector[T](r, w.Rows)
		samples := 67 // beyond one cell of a batch
		if w.Cols > 1000 {
			samples = 9
		}
		x := randomMatrix[T](r, samples, w.Cols, 2)
		batch := randomMatrix[T](r, x.Rows, w.Rows, 1)
		one := make([]T, w.Rows)
		z, both := randomMatrix[T](r, x.Rows, w.Rows, 2), randomMatrix[T](r, x.Rows, w.Rows, 1)
		for _, bias := range [][]T{nil, b[:1], b} {
			for _, kind := range []ActKind{Identity, ReLU, Tanh} {
				act := Activation{Kind: kind}
				ForwardBatch(batch, w, x, bias, act)
				requireGuards(t, batch)
				ForwardBoth(both, z, w, x, bias, act)
				requireGuards(t, z)
				requireSameBits(t, batch.Data, both.Data, fmt.Sprint(size, " y of both"))
				ForwardBatch(both, w, x, bias, Activation{})
				for n := range x.Rows {
					requireSameBits(t, both.Row(n), z.Row(n), fmt.Sprint(size, " z of both"))
				}
				for n := range x.Rows {
					Forward(one, w, x.Row(n), bias, act)
					requireSameBits(t, one, batch.Row(n), fmt.Sprint(size, " batch row ", n))
				}
				for i := range w.Rows {
					var dot, big float64
					for j := range w.Cols {
						dot += w.at(i, j) * x.at(samples-1, j)
						big += math.Abs(w.at(i, j) * x.at(samples-1, j))
					}
					v := spreadAt(bias, i)
					// A lane has at most 4096/4 terms and is halved 3 times at most; f has
					// slope 1 at most and errs by 4 roundoffs.
					bound := (1024+3+2)*unitRoundoff[T]()*big + float64(w.Cols)*0x1p-53*big + 8*unitRoundoff[T]()*(math.Abs(v)+1)
					requireNear(t, activationOf[kind][0](dot+v), float64(one[i]), bound, fmt.Sprint(size, kind), i)
				}
			}
		}
	}
}

// TestForwardBatchPieces: what a batch does for the sake of the caches, rows cut
// into pieces whose lanes are kept, copied rows of x, cells of many units, has
// the bits of a single sample. The strides fall into the same sets of a cache.
func TestForwardBatchPieces(t *testing.T) {
	bothTypes(t, testForwardBatchPieces[float32], testForwardBatchPieces[float64])
}

func testForwardBatchPieces[T Float](t *testing.T) {
	r := newRand(20)
	alias := 2048 / sizeOf[T]()
	for _, size := range [][3]int{{70, alias - 3, 4}, {66, 2*alias + 9, 3}, {70, 3*alias + 1, 67}, {5, 4096 + alias, 6}, {130, 2100, 2}, {3, 700, 131}} {
		units, cols, samples := size[0], size[1], size[2]
		gap := alias - cols%alias
		w, x := randomMatrix[T](r, units, cols, gap), randomMatrix[T](r, samples, cols, gap)
		b, one := randomVector[T](r, units), make([]T, units)
		y, dots := randomMatrix[T](r, samples, units, 3), randomMatrix[T](r, samples, units, 0)
		require.True(t, aliased[T](w.Stride) && aliased[T](x.Stride))
		ForwardBatch(y, w, x, b, Activation{Kind: ReLU})
		MatMulT(dots, x, w)
		requireGuards(t, y)
		for n := range samples {
			Forward(one, w, x.Row(n), b, Activation{Kind: ReLU})
			requireSameBits(t, one, y.Row(n), fmt.Sprint(size, " sample ", n))
			Forward(one, w, x.Row(n), nil, Activation{})
			requireSameBits(t, one, dots.Row(n), fmt.Sprint(size, " dots of sample ", n))
		}
	}
}

// TestMatMulTGram: the product of a matrix with itself is symmetric to the bit,
// and its diagonal the sums of squares.
func TestMatMulTGram(t *testing.T) {
	bothTypes(t, testMatMulTGram[float32], testMatMulTGram[float64])
}

func testMatMulTGram[T Float](t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {7, 33}, {70, 500}, {9, 5000}} {
		x := randomMatrix[T](newRand(21), size[0], size[1], 1)
		k := randomMatrix[T](newRand(22), size[0], size[0], 2)
		MatMulT(k, x, x)
		requireGuards(t, k)
		for i := range k.Rows {
			for j := range k.Cols {
				var want, size float64
				for l := range x.Cols {
					want += x.at(i, l) * x.at(j, l)
					size += math.Abs(x.at(i, l) * x.at(j, l))
				}
				// As in testForward.
				bound := (1024+3+2)*unitRoundoff[T]()*size + float64(x.Cols)*0x1p-53*size
				requireNear(t, want, k.at(i, j), bound, "Gram", size, i, j)
				require.Equal(t, k.Row(i)[j], k.Row(j)[i])
			}
		}
	}
}

// TestDotOrder pins the lanes of a dot: element 8 meets element 0 in lane 0
// (float32), and blocks of 4096 meet in float64.
func TestDotOrder(t *testing.T) {
	w := NewMatrix[float32](1, 5000)
	x := make([]float32, 5000)
	for k := range x {
		x[k] = 1
	}
	y := make([]float32, 1)
	dot := func(at map[int]float32) float32 {
		clear(w.Data)
		for k, v := range at {
			w.Data[k] = v
		}
		Forward(y, w, x, nil, Activation{})
		return y[0]
	}
	const big = 1 << 24
	require.EqualValues(t, big, dot(map[int]float32{0: big, 8: 1, 16: 1}))
	require.EqualValues(t, big+2, dot(map[int]float32{0: big, 9: 1, 17: 1}))
	require.EqualValues(t, big, dot(map[int]float32{0: big, 2048: 1, 4088: 1}))
	require.EqualValues(t, big+2, dot(map[int]float32{0: big, 4096: 1, 4104: 1}))
	require.EqualValues(t, big, dot(map[int]float32{0: big, 4: 1, 2: 1})) // lane 4 joins lane 0 before lane 2 does
}

// TestProductOrder pins the blocks of 256 terms: 1 vanishes beside 2^24 in the
// chain of its block, 2 from the next block does not.
func TestProductOrder(t *testing.T) {
	const big = 1 << 24
	for _, c := range []struct {
		at   [3]int
		want float32
	}{{[3]int{0, 128, 255}, big}, {[3]int{0, 256, 257}, big + 2}} {
		a, b, dst := NewMatrix[float32](1, 300), NewMatrix[float32](300, 1), NewMatrix[float32](1, 1)
		for k := range b.Data {
			b.Data[k] = 1
		}
		a.Data[c.at[0]], a.Data[c.at[1]], a.Data[c.at[2]] = big, 1, 1
		MatMul(dst, a, b)
		require.Equal(t, c.want, dst.Data[0])
		dst.Data[0] = 0
		BatchUpdate(dst, Matrix[float32]{a.Data, 300, 1, 1}, b, nil, nil)
		require.Equal(t, c.want, dst.Data[0])
	}
}

func TestBatchUpdate(t *testing.T) {
	bothTypes(t, testBatchUpdate[float32], testBatchUpdate[float64])
}

func testBatchUpdate[T Float](t *testing.T) {
	r := newRand(11)
	for _, size := range [][3]int{{1, 1, 1}, {5, 7, 3}, {65, 129, 10}, {3, 5, 256}, {3, 5, 257}, {9, 4097, 2}, {4, 4, 0}, {70, 3, 513}, {20, 560, 300}, {150, 20, 5}} {
		rows, cols, batch := size[0], size[1], size[2]
		g, x := randomMatrix[T](r, batch, rows, 1), randomMatrix[T](r, batch, cols, 2)
		d, c := randomVector[T](r, rows), randomVector[T](r, cols)
		for name, v := range map[string][2][]T{"none": {nil, nil}, "rows": {d, nil}, "cols": {nil, c}, "both": {d, c}, "scalars": {d[:1], c[:1]}} {
			w := randomMatrix[T](r, rows, cols, 3)
			old := clone(w)
			BatchUpdate(w, g, x, v[0], v[1])
			requireGuards(t, w)
			for i := range rows {
				for j := range cols {
					di, cj := spreadAt(v[0], i), spreadAt(v[1], j)
					want := old.at(i, j) * (1 - di - cj)
					size := math.Abs(old.at(i, j)) * (1 + math.Abs(di) + math.Abs(cj))
					for n := range batch {
						want += g.at(n, i) * x.at(n, j)
						size += math.Abs(g.at(n, i) * x.at(n, j))
					}
					// A chain of at most 256 fma, then a sum a block; as many in float64 here.
					bound := (min(float64(batch), 256)+float64(batch/256)+6)*unitRoundoff[T]()*size + float64(batch+4)*0x1p-53*size
					requireNear(t, want, w.at(i, j), bound, name, i, j)
				}
			}
		}
		// Without decay the update of zeros is the product.
		w, product := NewMatrix[T](rows, cols), NewMatrix[T](rows, cols)
		BatchUpdate(w, g, x, nil, nil)
		transposed := NewMatrix[T](rows, batch)
		for n := range batch {
			for i := range rows {
				transposed.Row(i)[n] = g.Row(n)[i]
			}
		}
		for k := range product.Data {
			product.Data[k] = T(nan)
		}
		MatMul(product, transposed, x)
		requireSameBits(t, w.Data, product.Data, "MatMul")
	}
}

func TestSoftmax(t *testing.T) {
	bothTypes(t, testSoftmax[float32], testSoftmax[float64])
}

func testSoftmax[T Float](t *testing.T) {
	r := newRand(12)
	u := unitRoundoff[T]()
	for _, size := range [][2]int{{1, 1}, {5, 10}, {300, 7}, {3, 4097}, {2, 9000}} {
		z := randomMatrix[T](r, size[0], size[1], 2)
		y := NewMatrix[T](z.Rows, z.Cols)
		Softmax(y, z)
		for i := range z.Rows {
			var sum float64
			for j := range z.Cols {
				sum += math.Exp(z.at(i, j))
			}
			for j := range z.Cols {
				want := math.Exp(z.at(i, j)) / sum
				// The shift rounds a number below 4 (4 roundoffs in e), exp errs by 4,
				// the sum by 4 + 4 + 256 + 5, the quotient by 1; float64 here by n.
				requireNear(t, want, y.at(i, j), (2*8+261+2)*u*want+float64(z.Cols+8)*0x1p-53*want, "softmax", size, i, j)
			}
		}
		Softmax(z, z)
		requireGuards(t, z)
		for i := range z.Rows {
			requireSameBits(t, y.Row(i), z.Row(i), "in place")
		}
	}
	y := MatrixOf([]T{1000, 1000, T(-inf), T(-inf), T(-inf), T(-inf), T(inf), 0, 1, T(nan), 0, 1}, 4, 3)
	Softmax(y, y)
	requireSameBits(t, []T{0.5, 0.5, 0}, y.Row(0), "large")
	for i := 1; i < 4; i++ { // only −Inf; an +Inf; a NaN
		for j, v := range y.Row(i) {
			require.True(t, v != v || (i == 2 && j > 0), "row %d: %v", i, y.Row(i))
		}
	}
}

func TestArgMax(t *testing.T) {
	bothTypes(t, testArgMax[float32], testArgMax[float64])
}

func testArgMax[T Float](t *testing.T) {
	r := newRand(13)
	for _, cols := range []int{1, 2, 33, 4097, 65536, 65537, 200_000} {
		w := randomMatrix[T](r, 3, cols, 1)
		w.Row(1)[cols-1], w.Row(1)[cols/2] = 9, 9
		w.Row(2)[cols-1], w.Row(2)[cols/2] = T(inf), T(nan)
		out := make([]int, 3)
		ArgMax(w, out)
		best := 0
		for j, v := range w.Row(0) {
			if v > w.Row(0)[best] {
				best = j
			}
		}
		require.Equal(t, []int{best, cols / 2, cols / 2}, out, cols)
	}
	out := make([]int, 1)
	ArgMax(MatrixOf([]T{T(math.Copysign(0, -1)), 0}, 1, 2), out)
	require.Equal(t, 0, out[0], "zeros are equal")
	long := NewMatrix[T](1, 200_000)
	long.Data[150_000], long.Data[70_000] = T(nan), T(nan)
	ArgMax(long, out)
	require.Equal(t, 70_000, out[0], "the first NaN")
}

func TestElementary(t *testing.T) {
	bothTypes(t, testElementary[float32], testElementary[float64])
}

// log2 does without math.Log2, which cancels just above 1.
func log2(x float64) float64 { return math.Log(x) / math.Ln2 }

// testElementary checks which function is which; their accuracy is tested
// beside their definition.
func testElementary[T Float](t *testing.T) {
	x := make([]T, 20_000)
	r := newRand(14)
	for k := range x {
		x[k] = T(0.01 + 20*r.Float64())
	}
	y := make([]T, len(x))
	for name, f := range map[string]struct {
		kernel func(y, x []T)
		real   func(float64) float64
	}{"exp": {Exp[T], math.Exp}, "log": {Log[T], math.Log}, "exp2": {Exp2[T], math.Exp2}, "log2": {Log2[T], log2}} {
		f.kernel(y, x)
		for k, v := range x {
			want := f.real(float64(v))
			requireNear(t, want, float64(y[k]), 8*unitRoundoff[T]()*math.Abs(want), name, v)
		}
	}
}
