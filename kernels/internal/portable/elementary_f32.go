package portable

import "math"

const magic32 = 0x1.8p23 // adding it rounds to an integer, which the low bits then hold

const sqrtHalfBits32 = 0x3f3504f3 // the bits of √½

// The float32 functions below are straight lines of operations that exist on
// every vector unit: +, −, ·, ÷, √, fma, bit operations and shifts on 32-bit
// lanes, comparisons and selects. An if in them stands for a select: both
// sides are computed, one is taken. Their order is the definition.
//
// min32 and max32 are the vector unit's: the second operand when either is NaN.

func min32(a, b float32) float32 {
	if a < b {
		return a
	}
	return b
}

func max32(a, b float32) float32 {
	if a > b {
		return a
	}
	return b
}

// exp2Poly32 is 2^r on [−½, ½] as 1 + r·q(r), q of degree 5: 6 operations.
// Error before the last rounding: 0.28 ULP from the rounding of q, 0.02 to
// 0.05 ULP from the polynomial.
func exp2Poly32(r float32) float32 {
	q := fma32(r, exp2C6, exp2C5)
	q = fma32(r, q, exp2C4)
	q = fma32(r, q, exp2C3)
	q = fma32(r, q, exp2C2)
	q = fma32(r, q, exp2C1)
	return fma32(r, q, 1)
}

// scale32 is y·2^k for t = 1.5·2²³ + 254 + k, −252 ≤ k ≤ 254, in two factors,
// since 2^k itself may be out of range: 2^⌊k/2⌉ and the rest. y is near 1, so
// a subnormal result is rounded once more in the last product, and an error
// of e ULP in y becomes at most ½ + e/2. 6 operations.
func scale32(y, t float32) float32 {
	h := math.Float32bits(t) >> 1 // its low bits are 127 + ⌊k/2⌋
	s1 := math.Float32frombits(h << 23)
	s2 := math.Float32frombits((math.Float32bits(t) - h) << 23)
	return float32(float32(y*s1) * s2)
}

// exp2F32 is 2^x. Beyond the clamps the result is +Inf or 0; NaN passes every
// step. 17 operations: 2 clamp, 3 split x = k + r, 6 polynomial, 6 scale.
// 0.868 ULP over all inputs.
func exp2F32(x float32) float32 {
	x = min32(129, x)
	x = max32(-152, x)
	t := x + (magic32 + 254)
	k := t - (magic32 + 254)
	r := x - k
	return scale32(exp2Poly32(r), t)
}

// expF32 is e^x: x = k·ln 2 + r with ln 2 in two parts, the first of 17 bits
// so that k times it is exact, then 1 + r(1 + r·q(r)). 18 operations: 2 clamp,
// 4 split, 6 polynomial, 6 scale. 0.889 ULP over all inputs.
func expF32(x float32) float32 {
	x = min32(89.5, x)
	x = max32(-105, x)
	t := fma32(x, log2eF32Hi, magic32+254)
	k := t - (magic32 + 254)
	r := fma32(-k, ln2F32Hi, x)
	r = fma32(-k, ln2F32Lo, r)
	q := fma32(r, expC6, expC5)
	q = fma32(r, q, expC4)
	q = fma32(r, q, expC3)
	q = fma32(r, q, expC2)
	q = fma32(r, q, 1)
	return scale32(fma32(r, q, 1), t)
}

// split32 is x = 2^e·m, m in [√½, √2), for x in (0, +Inf), subnormals
// included; for other x e and m are finite and of no meaning. 10 operations:
// 4 bring subnormals up, 6 take the parts.
func split32(x float32) (e, m float32) {
	y, bias := x, float32(0x1p23+127)
	if x < 0x1p-126 {
		y, bias = float32(x*0x1p24), 0x1p23+127+24
	}
	d := math.Float32bits(y) + (0x3f800000 - sqrtHalfBits32) // the carry into the exponent comes at √½ and not at 1
	m = math.Float32frombits(d&0x007fffff + sqrtHalfBits32)
	e = math.Float32frombits(d>>23|0x4b000000) - bias // 0x4b000000 is 2²³
	return e, m
}

// outside32 tells the x that are not in (0, +Inf): ±0, negative, +Inf, NaN.
// 2 operations, one signed comparison after an addition that wraps.
func outside32(x float32) bool {
	return int32(math.Float32bits(x)+0x7fffffff) > -0x800002
}

// logSpecial32 replaces y by log's value outside (0, +Inf): −Inf at ±0, NaN
// below, +Inf and NaN as they are. 6 operations with outside32.
func logSpecial32(x, y float32) float32 {
	s := sqrt32(x)
	if x == 0 {
		s = float32(math.Inf(-1))
	}
	if outside32(x) {
		y = s
	}
	return y
}

func sqrt32(x float32) float32 { return float32(math.Sqrt(float64(x))) }

// log2F32 is log₂ x: with u = m − 1 the sum e + (u·c + (u·c′ + u²·q(u))),
// c + c′ = log₂ e, q of degree 8. 29 operations: 10 split, 12 log₂ m, 1 sum,
// 6 special values. 0.965 ULP over all inputs.
func log2F32(x float32) float32 {
	e, m := split32(x)
	u := m - 1
	q := fma32(u, log2C10, log2C9)
	q = fma32(u, q, log2C8)
	q = fma32(u, q, log2C7)
	q = fma32(u, q, log2C6)
	q = fma32(u, q, log2C5)
	q = fma32(u, q, log2C4)
	q = fma32(u, q, log2C3)
	q = fma32(u, q, log2C2)
	q = fma32(u, q, log2eF32Lo)
	l := fma32(u, log2eF32Hi, float32(u*q))
	return logSpecial32(x, e+l)
}

// logF32 is ln x: with u = m − 1 the sum e·ln 2 + u + u²·q(u), q of degree 8.
// The first two add to b with remainder c, because for e = −1 and m near √2
// half of b cancels and one rounding more would show. 33 operations:
// 10 split, 11 for u²·q, 6 sum, 6 special values. 0.905 ULP over all inputs.
func logF32(x float32) float32 {
	e, m := split32(x)
	u := m - 1
	q := fma32(u, logC10, logC9)
	q = fma32(u, q, logC8)
	q = fma32(u, q, logC7)
	q = fma32(u, q, logC6)
	q = fma32(u, q, logC5)
	q = fma32(u, q, logC4)
	q = fma32(u, q, logC3)
	q = fma32(u, q, logC2)
	w := float32(u * u)
	l := float32(w * q)
	b := fma32(e, ln2F32Hi, u)
	c := fma32(e, ln2F32Hi, -b) + u
	l = fma32(e, ln2F32Lo, l) + c
	return logSpecial32(x, b+l)
}

// The float32 functions from here on run in float64 lanes with coefficients of
// float32 quality, and are rounded once at the end: relative errors of about
// 2⁻³⁰ before that, 0.53 ULP or less after it (measured on every 127th input).

// expShort is e^x for −700 ≤ x ≤ 700. 15 operations.
func expShort(x float64) float64 {
	t, r, _ := expSplit64(x)
	w := math.FMA(float64(r*r), horner64(r, expQShort[:]), r)
	return float64((1 + w) * math.Float64frombits((math.Float64bits(t)-1023)<<52))
}

// expm1F32 is e^x − 1.
func expm1F32(x float32) float32 {
	a := min64(100, float64(x))
	a = max64(-50, a)
	y := float32(expm1Of64(a, expQShort[:]))
	if x == 0 {
		y = x
	}
	return y
}

// tanhF32 is v/(v + 2), v = e^(2|x|) − 1, with the sign of x.
func tanhF32(x float32) float32 {
	v := expm1Of64(min64(40, float64(2*abs64(float64(x)))), expQShort[:])
	return float32(signOf64(v/(v+2), float64(x)))
}

// negAbs is −min(|x|, 150) in float64; NaN stays NaN.
func negAbs(x float32) float64 { return -min64(150, abs64(float64(x))) }

// sigmoidF32 is 1/(1 + E) for x ≥ 0 and E/(1 + E) below, E = e^−|x|.
func sigmoidF32(x float32) float32 {
	e := expShort(negAbs(x))
	n := 1.0
	if x < 0 {
		n = e
	}
	return float32(n / (1 + e))
}

// sigmoidDerivativeF32 is E/(1 + E)², E = e^−|x|.
func sigmoidDerivativeF32(x float32) float32 {
	e := expShort(negAbs(x))
	d := 1 + e
	return float32(e / float64(d*d))
}

// tanhDerivativeF32 is 4E/(1 + E)², E = e^(−2|x|).
func tanhDerivativeF32(x float32) float32 {
	e := expShort(2 * negAbs(x))
	d := 1 + e
	return float32(float64(4*e) / float64(d*d))
}

// softplusF32 is max(x, 0) + ln(1 + e^−|x|).
func softplusF32(x float32) float32 {
	return float32(max64(float64(x), 0) + log1pOf64(expShort(negAbs(x)), log1pQShort[:]))
}

// tailShort is e^(−h·a²)·q(t)·v with v = 1/(a + c), t = 1 − 2c·v: with h = ½,
// c = 3 it is Φ(−a), a ≤ 14.5.
func tailShort(a, h, c float64) float64 {
	v := 1 / (a + c)
	q := float64(horner64(math.FMA(-2*c, v, 1), tailQShort[:]) * v)
	return float64(expShort(float64(-h*float64(a*a))) * q)
}

// erfF32 is x·q(x²) for |x| < 0.75, else ±(1 − 2Φ(−√2|x|)).
func erfF32(x float32) float32 {
	a := min64(10, abs64(float64(x)))
	y := float64(a * horner64(float64(a*a), erfQShort[:]))
	g := 1 - float64(math.Sqrt2*tailShort(a, 1, 3/math.Sqrt2))
	if a >= 0.75 {
		y = g
	}
	if x != x {
		y = float64(x)
	}
	return float32(signOf64(y, float64(x)))
}

// geluF32 is x·(1 − h) for x ≥ 0 and x·h below, h = Φ(−|x|).
func geluF32(x float32) float32 {
	a := min64(14.5, abs64(float64(x)))
	h := tailShort(a, 0.5, 3)
	if x < 0 {
		return float32(-a * h)
	}
	return float32(float64(x) * (1 - h))
}

// geluDerivativeF32 needs all of float64 near its zero at −0.7518.
func geluDerivativeF32(x float32) float32 { return float32(geluDerivativeF64(float64(x))) }
