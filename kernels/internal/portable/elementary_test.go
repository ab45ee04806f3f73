package portable

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// named lists every function of one argument.
func named[T Float]() map[string]func(T) T {
	return map[string]func(T) T{
		"exp2": Exp2[T], "exp": Exp[T], "log2": Log2[T], "log": Log[T], "expm1": Expm1[T],
		"tanh": Tanh[T], "tanh'": TanhDerivative[T], "sigmoid": Sigmoid[T], "sigmoid'": SigmoidDerivative[T],
		"softplus": Softplus[T], "erf": Erf[T], "gelu": GELU[T], "gelu'": GELUDerivative[T], "elu'": ELUDerivative[T],
		"half": PowHalf[T], "1": Pow1[T], "3/2": PowThreeHalves[T], "2": Pow2[T], "3": Pow3[T], "4": Pow4[T],
	}
}

func TestSpecialValues(t *testing.T) {
	t.Run("float32", testSpecialValues[float32])
	t.Run("float64", testSpecialValues[float64])
}

func testSpecialValues[T Float](t *testing.T) {
	inf, zero := math.Inf(1), math.Copysign(0, -1)
	nan := math.NaN()
	// values at −Inf, −0, +0, +Inf, and a subnormal that keeps its value (1) or not (0)
	want := map[string][4]float64{
		"exp2": {0, 1, 1, inf}, "exp": {0, 1, 1, inf}, "log2": {nan, -inf, -inf, inf}, "log": {nan, -inf, -inf, inf},
		"expm1": {-1, zero, 0, inf}, "tanh": {-1, zero, 0, 1}, "tanh'": {0, 1, 1, 0}, "sigmoid": {0, 0.5, 0.5, 1},
		"sigmoid'": {0, 0.25, 0.25, 0}, "softplus": {0, float64(T(math.Ln2)), float64(T(math.Ln2)), inf}, "erf": {-1, zero, 0, 1},
		"gelu": {zero, zero, 0, inf}, "gelu'": {zero, 0.5, 0.5, 1}, "elu'": {0, 1, 1, 1},
		"half": {inf, 0, 0, inf}, "1": {inf, 0, 0, inf}, "3/2": {inf, 0, 0, inf}, "2": {inf, 0, 0, inf}, "3": {inf, 0, 0, inf}, "4": {inf, 0, 0, inf},
	}
	at := [4]float64{-inf, zero, 0, inf}
	same := func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) || a != a && b != b }
	for name, f := range named[T]() {
		if y := f(T(nan)); y == y {
			t.Errorf("%s(NaN) = %g", name, y)
		}
		for i, x := range at {
			if got := float64(f(T(x))); !same(got, want[name][i]) {
				t.Errorf("%s(%g) = %g, want %g", name, x, got, want[name][i])
			}
		}
	}
	tiny := T(math.SmallestNonzeroFloat64)
	if is32[T]() {
		m := float32(math.SmallestNonzeroFloat32)
		tiny = T(m)
	}
	for _, x := range []T{tiny, -tiny, 77 * tiny} {
		for _, name := range []string{"tanh", "expm1"} {
			if y := named[T]()[name](x); y != x {
				t.Errorf("%s(%g) = %g, want the same", name, x, y)
			}
		}
	}
	for _, p := range []float64{1e-300, 0.001, 0.3, 0.84, 0.85, 1, 1.19, 1.2, 2.7, 5.5, 5.6, 16, 1000, 1e9} {
		e := make([]T, PowLen)
		PowPrepare(p, e)
		for _, x := range []T{0, T(zero), T(inf), T(-inf), 1, -1} {
			if got, want := PowAbs(x, e), T(math.Abs(float64(x))); math.Signbit(float64(got)) || got != want {
				t.Errorf("|%g|^%g = %g, want %g", x, p, got, want)
			}
		}
		if y := PowAbs(T(nan), e); y == y {
			t.Errorf("|NaN|^%g = %g", p, y)
		}
	}
}

// TestPowAnyExponent samples exponents of every route and around the places
// where the route changes.
func TestPowAnyExponent(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	ps := []float64{1e-9, 0.001, 0.01, 0.1, 0.7, 0.84, 0.8400001, 0.99, 1.01, 1.19, 1.1999, 1.2, 1.3, 1.8, 2.5, 3.3, 5, 5.5, 5.51, 6.25, 9, 12, 14, 16}
	for range 12 {
		ps = append(ps, 6*r.Float64())
	}
	e := make([]float32, PowLen)
	for _, p := range ps {
		PowPrepare(p, e)
		w := sweep(32749, true, even(func(x float32) float32 { return PowAbs(x, e) }), func(x float64) float64 { return math.Pow(x, p) })
		if !(w.ulp <= 1) {
			t.Errorf("|x|^%g: %.4f ULP at %g", p, w.ulp, w.at)
		}
	}
}

// TestDigest pins every bit: the same digest on each architecture, with
// GOAMD64=v3 and with GODEBUG=cpu.fma=off.
func TestDigest(t *testing.T) {
	const want32, want64 = 0xd172f1cd9f6e51cc, 0x29cbe53d02667366
	if got := digest[float32](); got != want32 {
		t.Errorf("float32: %#x, want %#x", got, uint64(want32))
	}
	if got := digest[float64](); got != want64 {
		t.Errorf("float64: %#x, want %#x", got, uint64(want64))
	}
}

func digest[T Float]() uint64 {
	r := rand.New(rand.NewPCG(9, 10))
	fs := named[T]()
	var names []string
	for name := range fs {
		names = append(names, name)
	}
	slices.Sort(names)
	var es [][]T
	for _, p := range []float64{0.01, 0.3, 0.9, 1.1, 1.5, 2.7, 4, 7.3, 16} {
		e := make([]T, PowLen)
		PowPrepare(p, e)
		es = append(es, e)
	}
	h := fnv.New64a()
	var b [8]byte
	add := func(y T) {
		if y != y {
			y = T(math.NaN())
		}
		bits := math.Float64bits(float64(y))
		if y != y {
			bits = 0
		}
		binary.LittleEndian.PutUint64(b[:], bits)
		h.Write(b[:])
	}
	for i := range 20000 {
		var x T
		switch {
		case i%2 == 0:
			x = T((r.Float64() - 0.5) * 40)
		case is32[T]():
			x = T(math.Float32frombits(r.Uint32()))
		default:
			v := math.Float64frombits(r.Uint64())
			x = T(v)
		}
		for _, name := range names {
			add(fs[name](x))
		}
		for _, e := range es {
			add(PowAbs(x, e))
		}
		add(FMA(x, T(r.Float64()), T(r.Float64())))
	}
	for _, e := range es {
		for _, v := range e {
			add(v)
		}
	}
	return h.Sum64()
}
