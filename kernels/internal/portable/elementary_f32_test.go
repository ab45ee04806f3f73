package portable

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// ulp32 is |got − want| in units of the last place of want rounded to float32.
// Where want rounds to ±Inf, or got is, the last binade's unit counts; a NaN on
// one side only, or a wrong infinity, is +Inf ULP.
func ulp32(got float32, want float64) float64 {
	r := float32(want)
	if r != r || got != got {
		if r != r && got != got {
			return 0
		}
		return math.Inf(1)
	}
	if got == r {
		if math.IsInf(float64(r), 0) {
			return 0
		}
	}
	g, w := float64(got), want
	if math.IsInf(g, 0) {
		g = math.Copysign(0x1p128, g)
	}
	if math.IsInf(w, 0) || math.Abs(w) > 0x1.8p128 {
		w = math.Copysign(0x1.8p128, w)
		if math.IsInf(float64(got), 0) && g*w > 0 {
			return 0
		}
	}
	e := int(math.Float32bits(r)>>23) & 255
	e = min(max(e, 1), 254)
	return math.Abs(g-w) * ldexp(1, 150-e)
}

// worst is the largest error of a function over inputs, and where it is.
type worst struct {
	ulp float64
	at  float32
}

func (w *worst) see(x, got float32, want float64) {
	if u := ulp32(got, want); u > w.ulp {
		w.ulp, w.at = u, x
	}
}

// sweep runs see over the float32 whose bits are from, from+step, … below to,
// in parallel, and the first and last 64 of each binade besides; only those
// without the sign bit if positive.
func sweep(step uint64, positive bool, f func(float32) float32, ref func(float64) float64) worst {
	var mu sync.Mutex
	var all worst
	var wg sync.WaitGroup
	n := uint64(runtime.GOMAXPROCS(0))
	binades := uint64(512)
	if positive {
		binades = 256
	}
	for g := range n {
		wg.Go(func() {
			var w worst
			for b := g; b < binades; b += n {
				lo, hi := b<<23, (b+1)<<23
				for i := lo + (b*7919)%step; i < hi; i += step {
					x := math.Float32frombits(uint32(i))
					w.see(x, f(x), ref(float64(x)))
				}
				if step == 1 {
					continue
				}
				for i := range uint64(64) {
					x := math.Float32frombits(uint32(lo + i))
					w.see(x, f(x), ref(float64(x)))
					x = math.Float32frombits(uint32(hi - 1 - i))
					w.see(x, f(x), ref(float64(x)))
				}
			}
			mu.Lock()
			defer mu.Unlock()
			if w.ulp > all.ulp {
				all = w
			}
		})
	}
	wg.Wait()
	return all
}

// even is f, or NaN where f(−x) is not f(x) bit for bit.
func even(f func(float32) float32) func(float32) float32 {
	return func(x float32) float32 {
		y := f(x)
		if x == x && math.Float32bits(f(-x)) != math.Float32bits(y) {
			return float32(math.NaN())
		}
		return y
	}
}

// The exponents whose |x|^p is checked over all inputs.
var checkedExponents = []float64{0.3, 0.5, 0.9, 1, 1.5, 2, 2.7, 3, 4, 7.3}

// powDirect is the direct form of |x|^p, if p has one.
func powDirect[T Float](p float64) func(T) T {
	switch p {
	case 0.5:
		return PowHalf[T]
	case 1:
		return Pow1[T]
	case 1.5:
		return PowThreeHalves[T]
	case 2:
		return Pow2[T]
	case 3:
		return Pow3[T]
	case 4:
		return Pow4[T]
	}
	return nil
}

// TestFloat32WithinOneULP bounds the error of the float32 functions against
// float64 ones, whose own error of about 1e-16 does not matter here: 2²⁴ and
// more inputs in all. TestExhaustiveFloat32 takes every float32.
func TestFloat32WithinOneULP(t *testing.T) {
	step := uint64(2039)
	if os.Getenv("HEBBKERN_TEST_THIN") != "" {
		step = 65521
	}
	check := func(name string, bound float64, f func(float32) float32, ref func(float64) float64) {
		t.Helper()
		half := strings.HasPrefix(name, "|x|") // even functions: the other half by even
		w := sweep(step, half, f, ref)
		line := fmt.Sprintf("%-22s max error %.4f ULP at %g (bits %08x)", name, w.ulp, w.at, math.Float32bits(w.at))
		if testing.Verbose() {
			fmt.Println(line)
		}
		if !(w.ulp <= bound) {
			t.Errorf("%s, want at most %g", line, bound)
		}
	}
	check("exp2", 1, exp2F32, math.Exp2)
	check("log2", 1, log2F32, refLog2)
	check("exp", 1, expF32, math.Exp)
	check("log", 1, logF32, math.Log)
	check("tanh", 1, tanhF32, math.Tanh)
	check("sigmoid", 1, sigmoidF32, refSigmoid)
	check("softplus", 1, softplusF32, refSoftplus)
	check("expm1", 1, expm1F32, math.Expm1)
	check("erf", 1, erfF32, math.Erf)
	check("gelu", 1, geluF32, refGELU)
	check("sigmoid'", 1, sigmoidDerivativeF32, func(x float64) float64 {
		e := math.Exp(-math.Abs(x))
		return e / ((1 + e) * (1 + e))
	})
	check("tanh'", 1, tanhDerivativeF32, func(x float64) float64 {
		e := math.Exp(-2 * math.Abs(x))
		return 4 * e / ((1 + e) * (1 + e))
	})
	// The reference is the difference of two float64 near the zero at −0.7518.
	check("gelu'", 1, geluDerivativeF32, func(x float64) float64 {
		if x < -40 {
			return math.Copysign(0, -1)
		}
		if x > 40 {
			return 1
		}
		return 0.5*math.Erfc(-x/math.Sqrt2) + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi)
	})
	for _, p := range checkedExponents {
		e := make([]float32, PowLen)
		PowPrepare(p, e)
		ref := func(x float64) float64 { return math.Pow(x, p) }
		check(fmt.Sprintf("|x|^%g", p), 1, even(func(x float32) float32 { return PowAbs(x, e) }), ref)
		if f := powDirect[float32](p); f != nil {
			check(fmt.Sprintf("|x|^%g direct", p), 1, even(f), ref)
		}
	}
}

func refSigmoid(x float64) float64 {
	if x < 0 {
		e := math.Exp(x)
		return e / (1 + e)
	}
	return 1 / (1 + math.Exp(-x))
}

func refSoftplus(x float64) float64 {
	return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x)))
}

func refGELU(x float64) float64 {
	if x < -40 {
		return math.Copysign(0, -1)
	}
	return 0.5 * x * math.Erfc(-x/math.Sqrt2)
}

// refLog2 is log₂ x without the cancellation of math.Log2 below 1.
func refLog2(x float64) float64 {
	if !(x > 0) || math.IsInf(x, 0) {
		return math.Log(x)
	}
	f, e := math.Frexp(x)
	if f < math.Sqrt2/2 {
		f, e = f*2, e-1
	}
	return float64(e) + math.Log(f)/math.Ln2
}
