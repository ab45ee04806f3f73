package portable

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"testing"
)

// References in 256 bits, by series.

const refBits = 256

func bf(x float64) *big.Float { return new(big.Float).SetPrec(refBits).SetFloat64(x) }
func bnew() *big.Float        { return new(big.Float).SetPrec(refBits) }

// small tells that y does not change x any more.
func small(y, x *big.Float) bool {
	return y.Sign() == 0 || y.MantExp(nil) < x.MantExp(nil)-refBits-4
}

// bigAtanh is s + s³/3 + …, for |s| below about ½.
func bigAtanh(s *big.Float) *big.Float {
	z := bnew().Mul(s, s)
	sum, pow := bnew().Set(s), bnew().Set(s)
	for n := int64(3); ; n += 2 {
		pow.Mul(pow, z)
		term := bnew().Quo(pow, bnew().SetInt64(n))
		if small(term, sum) {
			return sum
		}
		sum.Add(sum, term)
	}
}

var (
	bigLn2 = func() *big.Float { // 2·atanh(1/3)
		y := bigAtanh(bnew().Quo(bf(1), bf(3)))
		return y.Mul(y, bf(2))
	}()
	bigPi = func() *big.Float { // Machin: 16·atan(1/5) − 4·atan(1/239)
		atan := func(q float64) *big.Float {
			x := bnew().Quo(bf(1), bf(q))
			z := bnew().Mul(x, x)
			sum, pow := bnew().Set(x), bnew().Set(x)
			for n := int64(3); ; n += 2 {
				pow.Mul(pow, z)
				pow.Neg(pow)
				term := bnew().Quo(pow, bnew().SetInt64(n))
				if small(term, sum) {
					return sum
				}
				sum.Add(sum, term)
			}
		}
		a, b := atan(5), atan(239)
		return a.Sub(a.Mul(a, bf(16)), b.Mul(b, bf(4)))
	}()
)

// bigExpm1 is e^x − 1: x = k·ln 2 + r, Taylor's series of r/2¹⁶ − 1 doubled back.
func bigExpm1(x *big.Float) *big.Float {
	q, _ := bnew().Quo(x, bigLn2).Float64()
	k := math.Round(q)
	r := bnew().Sub(x, bnew().Mul(bf(k), bigLn2))
	r.SetMantExp(r, -16)
	sum, term := bnew().Set(r), bnew().Set(r)
	for n := int64(2); sum.Sign() != 0; n++ {
		term.Mul(term, r)
		term.Quo(term, bnew().SetInt64(n))
		if small(term, sum) {
			break
		}
		sum.Add(sum, term)
	}
	for range 16 { // e^2r − 1 = v(v + 2)
		sum.Mul(sum, bnew().Add(sum, bf(2)))
	}
	if k == 0 {
		return sum
	}
	sum.Add(sum, bf(1))
	sum.SetMantExp(sum, int(k))
	return sum.Sub(sum, bf(1))
}

func bigExp(x *big.Float) *big.Float {
	q, _ := bnew().Quo(x, bigLn2).Float64()
	k := math.Round(q)
	r := bnew().Sub(x, bnew().Mul(bf(k), bigLn2))
	y := bnew().Add(bigExpm1(r), bf(1))
	return y.SetMantExp(y, int(k))
}

func bigLog(x *big.Float) *big.Float {
	m := bnew()
	e := x.MantExp(m)
	if m.Cmp(bf(math.Sqrt2/2)) < 0 {
		m.SetMantExp(m, 1)
		e--
	}
	y := bigAtanh(bnew().Quo(bnew().Sub(m, bf(1)), bnew().Add(m, bf(1))))
	y.Mul(y, bf(2))
	return y.Add(y, bnew().Mul(bf(float64(e)), bigLn2))
}

// bigLog1p is ln(1 + v) for v in [0, 1].
func bigLog1p(v *big.Float) *big.Float {
	y := bigAtanh(bnew().Quo(v, bnew().Add(v, bf(2))))
	return y.Mul(y, bf(2))
}

// bigErfc is erfc(y) for y ≥ 0: Kummer's series below 3, the continued fraction above.
func bigErfc(y *big.Float) *big.Float {
	z := bnew().Mul(y, y)
	g := bnew().Quo(bigExp(bnew().Neg(z)), bnew().Sqrt(bigPi))
	if y.Cmp(bf(3)) < 0 {
		return bnew().Sub(bf(1), bigErfSeries(y, z, g))
	}
	f := bnew().Set(y)
	for n := 400; n > 0; n-- {
		f.Quo(bf(float64(n)/2), f)
		f.Add(f, y)
	}
	return g.Quo(g, f)
}

func bigErfSeries(y, z, g *big.Float) *big.Float {
	sum, term := bnew().Set(y), bnew().Set(y)
	for n := int64(1); sum.Sign() != 0; n++ {
		term.Mul(term, z)
		term.Mul(term, bf(2))
		term.Quo(term, bnew().SetInt64(2*n+1))
		if small(term, sum) {
			break
		}
		sum.Add(sum, term)
	}
	sum.Mul(sum, g)
	return sum.Mul(sum, bf(2))
}

func bigErf(y *big.Float) *big.Float {
	a := bnew().Abs(y)
	var r *big.Float
	if a.Cmp(bf(3)) < 0 {
		z := bnew().Mul(a, a)
		r = bigErfSeries(a, z, bnew().Quo(bigExp(bnew().Neg(z)), bnew().Sqrt(bigPi)))
	} else {
		r = bnew().Sub(bf(1), bigErfc(a))
	}
	if y.Sign() < 0 {
		r.Neg(r)
	}
	return r
}

// bigPhi is Φ(x).
func bigPhi(x *big.Float) *big.Float {
	y := bnew().Quo(bnew().Abs(x), bnew().Sqrt(bf(2)))
	h := bnew().Quo(bigErfc(y), bf(2))
	if x.Sign() > 0 {
		h.Sub(bf(1), h)
	}
	return h
}

func bigSigmoid(x *big.Float) *big.Float {
	e := bigExp(bnew().Neg(x))
	return bnew().Quo(bf(1), e.Add(e, bf(1)))
}

func bigLogistic(x *big.Float) *big.Float { // E/(1+E)², E = e^−|x|
	e := bigExp(bnew().Neg(bnew().Abs(x)))
	d := bnew().Add(e, bf(1))
	return e.Quo(e, d.Mul(d, d))
}

// ulp64 is |got − want| in units of the last place of want rounded to float64.
func ulp64(got float64, want *big.Float) float64 {
	r, _ := want.Float64()
	if got == r {
		if math.IsInf(r, 0) {
			return 0
		}
	} else if got != got || math.IsInf(got, 0) || math.IsInf(r, 0) {
		return math.Inf(1)
	}
	_, e := math.Frexp(r)
	e = max(e, -1021) - 53
	d := bnew().Sub(bf(got), want)
	d.SetMantExp(d, -e)
	u, _ := d.Float64()
	return math.Abs(u)
}

// points64 are n numbers of both signs (or one) with magnitudes from 2^lo to
// 2^hi, evenly in the exponent, and n evenly in the magnitude.
func points64(r *rand.Rand, n, lo, hi int, signs string) []float64 {
	var xs []float64
	for i := range 2 * n {
		x := math.Exp2(float64(lo) + r.Float64()*float64(hi-lo))
		if i%2 == 1 {
			x = r.Float64() * math.Exp2(float64(hi))
		}
		if signs == "-" || signs == "±" && r.IntN(2) == 1 {
			x = -x
		}
		xs = append(xs, x)
	}
	return xs
}

func TestFloat64WithinTwoULP(t *testing.T) {
	n := 1000
	if os.Getenv("HEBBKERN_TEST_THIN") != "" {
		n = 200
	}
	r := rand.New(rand.NewPCG(3, 4))
	check := func(name string, bound float64, xs []float64, f func(float64) float64, ref func(*big.Float) *big.Float) {
		t.Helper()
		var most, at float64
		for _, x := range xs {
			want := ref(bf(x))
			if w, _ := want.Float64(); math.IsInf(w, 0) {
				if got := f(x); got != w {
					t.Errorf("%s(%g) = %g, want %g", name, x, got, w)
				}
				continue
			}
			if u := ulp64(f(x), want); !(u <= most) {
				most, at = u, x
			}
		}
		line := fmt.Sprintf("%-12s %d points, max error %.4f ULP at %v", name, len(xs), most, at)
		if testing.Verbose() {
			fmt.Println(line)
		}
		if !(most <= bound) {
			t.Errorf("%s, want at most %g", line, bound)
		}
	}
	near1 := func(xs []float64) []float64 {
		for i := range n {
			xs = append(xs, 1+(r.Float64()-0.5)*math.Exp2(-float64(i%52)))
		}
		return xs
	}
	anywhere := near1(points64(r, n, -1074, 1023, "+"))
	check("exp2", 2, append(points64(r, n, -60, 10, "±"), points64(r, n, 0, 1, "±")...), exp2F64, func(x *big.Float) *big.Float { return bigExp(x.Mul(x, bigLn2)) })
	check("exp", 2, append(points64(r, n, -60, 9, "±"), points64(r, n, 8, 9, "-")...), expF64, bigExp)
	check("log2", 2, anywhere, log2F64, func(x *big.Float) *big.Float { y := bigLog(x); return y.Quo(y, bigLn2) })
	check("log", 2, anywhere, logF64, bigLog)
	check("expm1", 2, append(points64(r, n, -1074, 6, "-"), points64(r, n, -100, 9, "+")...), expm1F64, bigExpm1)
	check("tanh", 2, append(points64(r, n, -1074, 5, "±"), points64(r, n, -3, 2, "±")...), tanhF64, func(x *big.Float) *big.Float {
		v := bigExpm1(x.Mul(x, bf(2)))
		return bnew().Quo(v, bnew().Add(v, bf(2)))
	})
	check("tanh'", 2, points64(r, n, -30, 8, "±"), tanhDerivativeF64, func(x *big.Float) *big.Float {
		y := bigLogistic(x.Mul(x, bf(2)))
		return y.Mul(y, bf(4))
	})
	check("sigmoid", 2, append(points64(r, n, -30, 9, "±"), points64(r, n, -3, 3, "±")...), sigmoidF64, bigSigmoid)
	check("sigmoid'", 2, append(points64(r, n, -30, 9, "±"), points64(r, n, -3, 3, "±")...), sigmoidDerivativeF64, bigLogistic)
	check("softplus", 2, append(points64(r, n, -30, 9, "±"), points64(r, n, -3, 3, "±")...), softplusF64, func(x *big.Float) *big.Float {
		y := bigLog1p(bigExp(bnew().Neg(bnew().Abs(x))))
		if x.Sign() > 0 {
			y.Add(y, x)
		}
		return y
	})
	check("erf", 2, append(points64(r, n, -1000, 3, "±"), points64(r, n, -2, 1, "±")...), erfF64, bigErf)
	check("gelu", 5, append(points64(r, n, -300, 5, "±"), points64(r, n, -2, 2, "±")...), geluF64, func(x *big.Float) *big.Float { return bnew().Mul(x, bigPhi(x)) })
	// Error in units of the larger term, Φ(x) or |x|φ(x).
	var most float64
	for _, x := range append(points64(r, n, -300, 5, "±"), points64(r, n, -2, 2, "±")...) {
		phi := bigPhi(bf(x))
		d := bigExp(bnew().Quo(bnew().Mul(bf(x), bf(-x)), bf(2)))
		d.Mul(d, bf(x))
		d.Quo(d, bnew().Sqrt(bnew().Mul(bigPi, bf(2))))
		larger := bnew().Abs(d)
		if larger.Cmp(phi) < 0 {
			larger.Set(phi)
		}
		want := bnew().Add(phi, d)
		e := bnew().Sub(bf(geluDerivativeF64(x)), want)
		if w, _ := larger.Float64(); w > 0x1p-1000 {
			u, _ := e.SetMantExp(e, 52-exponent(w)).Float64()
			most = max(most, math.Abs(u))
		}
	}
	if testing.Verbose() {
		fmt.Printf("gelu'        max error %.4f ULP of the larger term\n", most)
	}
	if !(most <= 5) {
		t.Errorf("gelu': %.3f ULP of the larger term", most)
	}

	for _, p := range []float64{0.01, 0.3, 0.5, 0.9, 1, 1.5, 2, 2.7, 3, 4, 7.3, 12} {
		e := make([]float64, PowLen)
		PowPrepare(p, e)
		reach := 1100 / p // the results leave the range beyond
		lo, hi := int(max(-1074, -reach)), int(min(1023, reach))
		xs := near1(append(points64(r, n, lo, hi, "±"), points64(r, n, -2, 2, "±")...))
		ref := func(x *big.Float) *big.Float {
			y := bigLog(bnew().Abs(x))
			return bigExp(y.Mul(y, bf(p)))
		}
		check(fmt.Sprintf("|x|^%g", p), 2, xs, func(x float64) float64 { return PowAbs(x, e) }, ref)
		if f := powDirect[float64](p); f != nil {
			check(fmt.Sprintf("|x|^%g direct", p), 1, xs, f, ref)
		}
	}
}
