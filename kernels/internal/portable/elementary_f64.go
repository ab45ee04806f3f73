package portable

import "math"

// The float64 functions, straight lines of vector operations as the float32
// ones: 64-bit lanes, the low bits of x + 1.5·2⁵² for conversions.

const magic64 = 0x1.8p52

const sqrtHalfBits64 = 0x3fe6a09e667f3bcd // the bits of √½

func min64(a, b float64) float64 {
	if a < b {
		return a
	}
	return b
}

func max64(a, b float64) float64 {
	if a > b {
		return a
	}
	return b
}

func abs64(x float64) float64 {
	return math.Float64frombits(math.Float64bits(x) &^ (1 << 63))
}

// signOf64 is y with the sign bit of x, for y ≥ +0.
func signOf64(y, x float64) float64 {
	return math.Float64frombits(math.Float64bits(y) | math.Float64bits(x)&(1<<63))
}

// horner64 is c[0] + c[1]·x + … by fma from the highest power down.
func horner64(x float64, c []float64) float64 {
	y := c[len(c)-1]
	for i := len(c) - 2; i >= 0; i-- {
		y = math.FMA(x, y, c[i])
	}
	return y
}

// scale64 is y·2^k for t = 1.5·2⁵² + 2046 + k, in two factors as scale32.
func scale64(y, t float64) float64 {
	h := math.Float64bits(t) >> 1
	s1 := math.Float64frombits(h << 52)
	s2 := math.Float64frombits((math.Float64bits(t) - h) << 52)
	return float64(float64(y*s1) * s2)
}

// exp2F64 is 2^x = 2^k·(1 + r·q(r)), q of degree 10. 22 operations.
func exp2F64(x float64) float64 {
	x = min64(1025, x)
	x = max64(-1077, x)
	t := x + (magic64 + 2046)
	k := t - (magic64 + 2046)
	r := x - k
	return scale64(math.FMA(r, horner64(r, exp2QF64[:]), 1), t)
}

// expSplit64 is x = k·ln 2 + r + l with t = 1.5·2⁵² + 2046 + k and l below half
// a unit of r. The product with the first part of ln 2 is exact. 6 operations,
// 4 without l.
func expSplit64(x float64) (t, r, l float64) {
	t = math.FMA(x, log2eF64Hi, magic64+2046)
	k := t - (magic64 + 2046)
	v := math.FMA(-k, ln2F64Hi, x)
	r = math.FMA(-k, ln2F64Lo, v)
	l = math.FMA(-k, ln2F64Lo, v-r)
	return t, r, l
}

// expF64 is e^x = 2^k·(1 + (r + (l + r²·q(r)))), q of degree 9. 27 operations.
func expF64(x float64) float64 {
	x = min64(710, x)
	x = max64(-746, x)
	t, r, l := expSplit64(x)
	l = math.FMA(float64(r*r), horner64(r, expQF64[:]), l)
	return scale64(1+(r+l), t)
}

// expm1Of64 is e^x − 1 for −50 ≤ x ≤ 710 with the coefficients c of q:
// 2((2^(k−1)·r + (2^(k−1) − ½)) + 2^(k−1)·(l + r²·q)), whose first factor never
// overflows.
func expm1Of64(x float64, c []float64) float64 {
	t, r, l := expSplit64(x)
	l = math.FMA(float64(r*r), horner64(r, c), l)
	s := math.Float64frombits((math.Float64bits(t) - 1024) << 52)
	b := math.FMA(s, r, s-0.5)
	return float64(2 * math.FMA(s, l, b))
}

// expm1F64 is e^x − 1 with the sign of x.
func expm1F64(x float64) float64 {
	a := min64(710, x)
	a = max64(-50, a)
	y := expm1Of64(a, expQF64[:])
	if abs64(x) < 0x1p-60 {
		y = x // also keeps −0 and the subnormals
	}
	return y
}

// tanhF64 is v/(v + 2), v = e^(2|x|) − 1, with the sign of x; the quotient is
// corrected by the exact remainder over v + 2 = d + l.
func tanhF64(x float64) float64 {
	a := min64(40, float64(2*abs64(x)))
	v := expm1Of64(a, expQF64[:])
	d := v + 2
	l := v - (d - 2)
	w := 1 / d
	y := float64(v * w)
	r := math.FMA(-y, d, v)
	r = math.FMA(-y, l, r)
	y = math.FMA(r, w, y)
	if a < 0x1p-60 {
		y = abs64(x)
	}
	return signOf64(y, x)
}

// sigmoidF64 is 1/(1 + E) for x ≥ 0 and E/(1 + E) below, E = e^−|x|.
func sigmoidF64(x float64) float64 {
	e := expF64(-abs64(x))
	n := 1.0
	if x < 0 {
		n = e
	}
	return n / (1 + e)
}

// logistic64 is E/(1 + E)², the square corrected by its remainders.
func logistic64(e, n float64) float64 {
	d := 1 + e
	l := e - (d - 1)
	q := float64(d * d)
	r := math.FMA(d, d, -q)
	r = math.FMA(float64(2*d), l, r)
	return n / (q + r)
}

// sigmoidDerivativeF64 is E/(1 + E)², E = e^−|x|.
func sigmoidDerivativeF64(x float64) float64 {
	e := expF64(-abs64(x))
	return logistic64(e, e)
}

// tanhDerivativeF64 is 4E/(1 + E)², E = e^(−2|x|).
func tanhDerivativeF64(x float64) float64 {
	e := expF64(float64(-2 * abs64(x)))
	return logistic64(e, float64(4*e))
}

// log1pOf64 is ln(1 + E), 0 ≤ E ≤ 1: E − (½E² − s(½E² + s²·q(s²))), s = E/(2+E).
func log1pOf64(e float64, c []float64) float64 {
	s := e / (2 + e)
	z := float64(s * s)
	h := float64(float64(0.5*e) * e)
	w := math.FMA(z, horner64(z, c), h)
	return e - math.FMA(-s, w, h)
}

// softplusF64 is max(x, 0) + ln(1 + e^−|x|).
func softplusF64(x float64) float64 {
	return max64(x, 0) + log1pOf64(expF64(-abs64(x)), log1pQF64[:])
}

// split64 is x = 2^e·m, m in [√½, √2), as split32.
func split64(x float64) (e, m float64) {
	y, bias := x, float64(0x1p52+1023)
	if x < 0x1p-1022 {
		y, bias = float64(x*0x1p54), 0x1p52+1023+54
	}
	d := math.Float64bits(y) + (0x3ff0000000000000 - sqrtHalfBits64)
	m = math.Float64frombits(d&(1<<52-1) + sqrtHalfBits64)
	e = math.Float64frombits(d>>52|0x4330000000000000) - bias // 2⁵²
	return e, m
}

// outside64 tells the x that are not in (0, +Inf).
func outside64(x float64) bool {
	return int64(math.Float64bits(x)+(1<<63-1)) > -0x10000000000002
}

func logSpecial64(x, y float64) float64 {
	s := math.Sqrt(x)
	if x == 0 {
		s = math.Inf(-1)
	}
	if outside64(x) {
		y = s
	}
	return y
}

// logTail64 is u − ln(1 + u) with s = u/(2 + u): h − s(h + s²·q(s²)), h = ½u².
func logTail64(u, m float64) float64 {
	s := u / (m + 1)
	z := float64(s * s)
	h := float64(float64(0.5*u) * u)
	w := math.FMA(z, horner64(z, atanhQF64[:]), h)
	return math.FMA(-s, w, h)
}

// logF64 is ln x, summed as logF32. 37 operations.
func logF64(x float64) float64 {
	e, m := split64(x)
	u := m - 1
	n := logTail64(u, m)
	b := math.FMA(e, ln2F64Hi, u)
	c := math.FMA(e, ln2F64Hi, -b) + u
	l := math.FMA(e, ln2F64Lo, -n) + c
	return logSpecial64(x, b+l)
}

// log2F64 is e + log₂ m. 35 operations.
func log2F64(x float64) float64 {
	e, m := split64(x)
	u := m - 1
	n := logTail64(u, m)
	l := math.FMA(u, log2eF64Lo, -float64(n*log2eF64Hi))
	l = math.FMA(u, log2eF64Hi, l)
	return logSpecial64(x, e+l)
}

// tailF64 is Φ(−a) = e·q for 0 ≤ a ≤ 39: e = e^(−a²/2), q = q(t)·v with v = 1/(a + c), t =
// 1 − 2c·v. The remainder of the square goes into the exponent. With a/√2 for
// a, h = 1 and c = 4/√2 it is Φ(−a)/√2, a being that before.
func tailF64(a, h, c float64) (e, q float64) {
	s := float64(a * a)
	d := math.FMA(a, a, -s)
	t, r, l := expSplit64(float64(-h * s))
	r = math.FMA(-h, d, r)
	l = math.FMA(float64(r*r), horner64(r, expQF64[:]), l)
	v := 1 / (a + c)
	return scale64(1+(r+l), t), float64(horner64(math.FMA(-2*c, v, 1), tailQF64[:]) * v)
}

// erfF64 is x·q(x²) for |x| < 0.75, else ±(1 − 2Φ(−√2|x|)).
func erfF64(x float64) float64 {
	a := min64(6, abs64(x))
	z := float64(a * a)
	y := float64(a * horner64(z, erfQF64[:]))
	e, q := tailF64(a, 1, 4/math.Sqrt2)
	g := math.FMA(float64(-math.Sqrt2*e), q, 1)
	if a >= 0.75 {
		y = g
	}
	if x != x {
		y = x
	}
	return signOf64(y, x)
}

// nearPhi64 is Φ(−a) = ½ − ½erf(a/√2) for 0 ≤ a < 0.75.
func nearPhi64(a float64) float64 {
	const c = -0.5 / math.Sqrt2
	return math.FMA(float64(a*c), horner64(float64(float64(a*a)*0.5), erfQF64[:]), 0.5)
}

// geluF64 is x·(1 − h) for x ≥ 0 and x·h below, h = Φ(−|x|). Its error is
// within 5 ULP, which is that of tailF64 and larger than the others' because
// 24 steps of Horner's scheme run at nearly full size; within 2 for |x| < 0.75.
func geluF64(x float64) float64 {
	a := min64(39, abs64(x))
	e, q := tailF64(a, 0.5, 4)
	n := nearPhi64(a)
	down := float64(float64(-a*q) * e)
	up := math.FMA(-e, q, 1)
	if a < 0.75 {
		down = float64(-a * n)
		up = 1 - n
	}
	up = float64(x * up)
	if x < 0 {
		up = down
	}
	return up
}

// geluDerivativeF64 is 1 − g for x ≥ 0 and g below, g = Φ(−|x|) − |x|φ(x) =
// e^(−x²/2)·(q − |x|/√(2π)).
func geluDerivativeF64(x float64) float64 {
	a := min64(39, abs64(x))
	e, q := tailF64(a, 0.5, 4)
	g := float64(e * math.FMA(-a, invSqrt2Pi, q))
	if a < 0.75 {
		g = math.FMA(float64(-a*e), invSqrt2Pi, nearPhi64(a))
	}
	up := 1 - g
	if x < 0 {
		up = g
	}
	return up
}
