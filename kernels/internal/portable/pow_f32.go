package portable

import "math"

// PowLen is the length of the slice that PowPrepare fills.
const PowLen = 16

// The routes of |x|^p, the first value of a prepared exponent. Which one is
// taken depends on p alone.
const (
	PowLight = 0 // p ≤ 0.84: no subnormal and no infinite result, log₂ x to 2⁻²⁵
	PowMid   = 1 // float32, 1.2 ≤ p ≤ 5.5: a subnormal x gives 0
	PowWide  = 2 // every other p
)

// Places in a prepared exponent, after the route: p = powHi + powLo, the
// leading coefficient 2p/ln 2 = powA + powALo, half of powA, the coefficients
// of the odd series times 2p/ln 2 from powC on, and the rounding constant of
// the quotient.
const (
	powRoute = iota
	powHi
	powLo
	powA
	powALo
	powAHalf
	powQuantum
	powC
)

// |x|^p in float32 is 2^y, y = p·log₂ x held as k + rc + l: k an integer, rc a
// multiple of 2⁻¹⁹ within ±½, l small. With x = 2^e·m, u = m − 1, s = u/(m + 1):
//
//	log₂ x = e + (2/ln 2)·(s + s³/3 + s⁵/5 + …)
//
// and p is multiplied into the coefficients when the exponent is prepared.
//
// Error in ULP of the result: ½ for the last rounding, 0.15 for 2^(rc+l), and
// in the light route 0.3·p for the rounding of s, which the others correct. A
// subnormal result adds up to 0.15. Largest errors over all x: light 0.75 at
// p = 0.3, 0.96 at 0.84; mid 0.80 at 1.5, 2, 2.7, 3 and 4; wide 0.81 at 7.3,
// 0.87 at 12. On every 487th x: 0.90 at 16, 0.996 at 20, 1.1 at 32, 1.6 at 64.
// So 1 ULP holds for 0 < p ≤ 16 as far as exponents were tried, and not above
// 20. p above 16384 counts as 16384.

// powSeries32 gives the quotient s = u/(m+1) and the tail coefficient
// powALo + s²·(…): 6 operations.
func powSeries32(u, m float32, e []float32) (s, tail float32) {
	s = u / (m + 1)
	z := float32(s * s)
	tail = fma32(e[powC+2], z, e[powC+1])
	tail = fma32(tail, z, e[powC])
	tail = fma32(tail, z, e[powALo])
	return s, tail
}

// powExp2F32 is 2^(rc+l): b = 1 + 11/16·rc is exact because rc is a multiple
// of 2⁻¹⁹, and the rest is small, so that only the last sum rounds at full
// size. 10 operations.
func powExp2F32(rc, l float32) float32 {
	r := rc + l
	q := fma32(r, powE6, powE5)
	q = fma32(r, q, powE4)
	q = fma32(r, q, powE3)
	q = fma32(r, q, powE2)
	q = fma32(r, q, powE1)
	b := fma32(rc, 0.6875, 1)
	return b + fma32(r, q, float32(l*0.6875))
}

// powLight32: 43 operations. 1 abs, 10 split, 7 u and series, 5 logarithm,
// 5 reduction, 10 power of two, 2 scale, 3 special values.
func powLight32(x float32, e []float32) float32 {
	a := abs32(x)
	x2, m := split32(a)
	u := m - 1
	s, tail := powSeries32(u, m, e)
	h := fma32(s, e[powA], 24) - 24 // s·powA to a multiple of 2⁻¹⁹
	l := fma32(s, e[powA], -h)
	l = fma32(s, tail, l)
	l = fma32(x2, e[powLo], l)
	t := fma32(x2, e[powHi], h) + (magic32 + 127)
	k := t - (magic32 + 127)
	rc := fma32(x2, e[powHi], -k) + h
	y := float32(powExp2F32(rc, l) * math.Float32frombits(math.Float32bits(t)<<23))
	if outside32(a) {
		y = a
	}
	return y
}

// powLog32 is y = p·log₂ of 2^ex·m as t, k, rc, l with t = 1.5·2²³ + 254 + k.
// The quotient is split into a multiple of a small power of two and the exact
// remainder over m + 1, where 1/(m+1) = (1 − s)/2. 22 operations.
func powLog32(ex, m float32, e []float32) (t, rc, l float32) {
	u := m - 1
	s, tail := powSeries32(u, m, e)
	sc := (s + e[powQuantum]) - e[powQuantum]
	rem := fma32(-sc, m, u-sc)
	c := fma32(-rem, s, rem)
	h := float32(sc * e[powA])
	l = fma32(c, e[powAHalf], float32(s*tail))
	l = fma32(ex, e[powLo], l)
	t = (fma32(ex, e[powHi], h) + l) + (magic32 + 254)
	k := t - (magic32 + 254)
	rc = fma32(ex, e[powHi], -k) + h
	return t, rc, l
}

// powMid32: 48 operations (1 abs, 6 split, 22 logarithm, 2 clamp, 10 power of
// two, 5 scale, 2 NaN). The power-of-two part of x itself is one of the
// two factors of the scale, so that 0, subnormal x and +Inf need no more.
func powMid32(x float32, e []float32) float32 {
	a := abs32(x)
	d := math.Float32bits(a) + (0x3f800000 - sqrtHalfBits32)
	m := math.Float32frombits(d&0x007fffff + sqrtHalfBits32)
	ex := math.Float32frombits(d>>23|0x4b000000) - (0x1p23 + 127)
	t, rc, l := powLog32(ex, m, e)
	t = min32(magic32+254+129, t)
	t = max32(magic32+254-152, t)
	y := powExp2F32(rc, l)
	f := math.Float32bits(a) & 0x7f800000
	y = float32(y * math.Float32frombits(math.Float32bits(t)<<23-f))
	y = float32(y * math.Float32frombits(f))
	if a != a {
		y = a
	}
	return y
}

// powWide32: 54 operations (1 abs, 10 split, 22 logarithm, 2 clamp, 10 power of
// two, 6 scale, 3 special values).
func powWide32(x float32, e []float32) float32 {
	a := abs32(x)
	ex, m := split32(a)
	t, rc, l := powLog32(ex, m, e)
	t = min32(magic32+254+129, t)
	t = max32(magic32+254-152, t)
	y := scale32(powExp2F32(rc, l), t)
	if outside32(a) {
		y = a
	}
	return y
}

func abs32(x float32) float32 {
	return math.Float32frombits(math.Float32bits(x) & 0x7fffffff)
}

// pow32 is |x|^p for a prepared exponent.
func pow32(x float32, e []float32) float32 {
	switch e[powRoute] {
	case PowLight:
		return powLight32(x, e)
	case PowMid:
		return powMid32(x, e)
	}
	return powWide32(x, e)
}

// powPrepare32 fills e for the exponent p; each value is a float32.
func powPrepare32(p float64, e *[PowLen]float64) {
	p = min(p, 16384)
	route := PowWide
	switch {
	case p <= 0.84:
		route = PowLight
	case p >= 1.2 && p <= 5.5:
		route = PowMid
	}
	e[powRoute] = float64(route)
	// powHi has 15 bits and none below 2⁻¹⁷: its product with an exponent is exact.
	e[powHi] = roundTo(p, max(exponent(p)-14, -17))
	e[powLo] = p - e[powHi]
	a := float64(p * twoOverLn2Hi)
	if route == PowLight {
		e[powA] = float64(float32(a))
	} else {
		// The quotient is rounded to 2^q and powA to 2^(−19−q).
		q := -8 - max(exponent(a), 1)
		e[powA] = roundTo(a, -19-q)
		e[powQuantum] = ldexp(1.5, 23+q)
	}
	e[powALo] = a - e[powA]
	e[powAHalf] = e[powA] / 2
	for i, c := range [...]float64{atanhC3, atanhC5, atanhC7} {
		e[powC+i] = float64(a * c)
	}
}

// exponent is ⌊log₂ v⌋ of a positive normal v, and −1023 below.
func exponent(v float64) int {
	return int(math.Float64bits(v)>>52) - 1023
}

// ldexp is v·2^k for 2^k in the normal range.
func ldexp(v float64, k int) float64 {
	return v * math.Float64frombits(uint64(k+1023)<<52)
}

// roundTo rounds v to a multiple of 2^k, ties to even.
func roundTo(v float64, k int) float64 {
	m := ldexp(1.5, 52+k)
	return (v + m) - m
}
