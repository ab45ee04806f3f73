package portable

import "math"

// PowLen is the length of the slice that PowPrepare fills.
const PowLen = powSpread + 10*16

// The routes of |x|^p in float32, the first value of a prepared exponent. Which
// one is taken depends on p alone.
const (
	PowLow  = 0 // p < 1.2: a subnormal x counts
	PowMid  = 1 // 1.2 ≤ p ≤ 3: it gives 0
	PowHigh = 2 // p > 3: the same, and p·log₂ x takes a few more digits
)

// Places in a prepared exponent, after the route: p = powHi + powLo, the
// leading coefficient powA + powALo, the coefficients of the series times it
// from powC on, and powQuantum, the rounding constant of the leading term. Then
// for float32 three tables of eight entries, one an interval of the significand.
// From powSpread on each value stands once more, repeated to the length of the
// longest vector register (powEach bytes), for the kernels.
const (
	powRoute = iota
	powHi
	powLo
	powA
	powALo
	powQuantum
	powC
	powTableC  = 16 // c
	powTableHi = 24 // −p·log₂ c, the first part
	powTableLo = 32 // and the rest
	powSpread  = 40
	powEach    = 64
)

// |x|^p in float32 is 2^y, y = p·log₂ x held as g + w: g a multiple of
// 2⁻¹⁶, w small. x = 2^e·m, and the interval of m has a number c near 1/m of so
// few bits that r = m·c − 1, |r| < 0.06, is exact:
//
//	log₂ x = e − log₂ c + (r − r²/2 + r³/3 − …)/ln 2
//
// g has the first two terms as far as they are multiples of 2⁻¹⁶, w the rest;
// p is multiplied into the numbers when the exponent is prepared. Around x = 1
// c is 1.
//
// Error in ULP of the result: ½ for the last rounding, 0.15 for 2^y, and up to
// 0.12 for the rounding of w, whose largest part goes to g where p > 3. A
// subnormal result adds up to 0.15. Largest errors on every 1997th x: 0.65 at
// p = 0.5, 0.77 at 1.3, 0.84 at 2.7, 0.88 at 3, 0.78 at 7.3, 0.75 at 16, 0.94
// at 64, 1.2 at 100, 8 at 1000. p above 16384 counts as 16384.

// powShift32 moves the bounds of the intervals, an eighth of a binade each:
// that around 1 goes from 0.940 to 1.0054. powC32 is its c, then those above.
const powShift32 = 0xf5000

var powC32 = [8]float64{1, 0.9375, 0.84375, 0.75, 0.6875, 0.625, 0.59375, 0.5625}

// powSplit32 is x = 2^e·m, m from 0.940 to 1.880, with 2²³·e and the number of
// m's interval: 5 operations.
func powSplit32(x float32) (ex, m float32, i uint32) {
	d := math.Float32bits(x) - (0x3f800000 - powShift32)
	k := d & 0xff800000
	return float32(int32(k)), math.Float32frombits(math.Float32bits(x) - k), d >> 20 & 7
}

// powTerms32 is what all routes need of the logarithm: r, g, and w without the
// leading term of the series. 11 operations.
func powTerms32(ex, m float32, i uint32, e []float32) (r, g, w float32) {
	r = fma32(m, e[powTableC+i], -1)
	tail := fma32(r, e[powC+3], e[powC+2])
	tail = fma32(r, tail, e[powC+1])
	tail = fma32(r, tail, e[powC])
	tail = fma32(r, tail, e[powALo])
	w = fma32(ex, e[powLo], e[powTableLo+i])
	w = fma32(r, tail, w)
	g = fma32(ex, e[powHi], e[powTableHi+i])
	return r, g, w
}

// powExp2F32 is y·2^k = 2^(g + w) with t = 1.5·2²³ + 254 + k. What g
// leaves is a multiple of 2⁻¹⁶, so that b = 1 + 11/16 of it is exact, and the
// rest is small: only the last sum rounds at full size. 14 operations.
func powExp2F32(g, w float32) (y, t float32) {
	t = (g + w) + (magic32 + 254)
	k := t - (magic32 + 254)
	rc := g - k
	r := rc + w
	q := fma32(r, powE6, powE5)
	q = fma32(r, q, powE4)
	q = fma32(r, q, powE3)
	q = fma32(r, q, powE2)
	q = fma32(r, q, powE1)
	b := fma32(rc, 0.6875, 1)
	return b + fma32(r, q, float32(w*0.6875)), t
}

// powLow32: 46 operations. 1 abs, 5 subnormals, 5 split, 12 logarithm, 14 power
// of two, 6 scale, 3 special values.
func powLow32(x float32, e []float32) float32 {
	a := abs32(x)
	n, up := a, float32(0)
	if a < 0x1p-126 {
		n, up = float32(a*0x1p24), 24*0x1p23
	}
	ex, m, i := powSplit32(n)
	r, g, w := powTerms32(ex-up, m, i, e)
	w = fma32(r, e[powA], w)
	y := scale32(powExp2F32(g, w))
	if outside32(a) {
		y = a
	}
	return y
}

// powMid32: 42 operations. 1 abs, 5 split, 2 NaN, 12 logarithm, 14 power of
// two, 2 clamp, 6 scale. 0, subnormal x and +Inf are beyond the clamps.
func powMid32(x float32, e []float32) float32 {
	a := abs32(x)
	ex, m, i := powSplit32(a)
	if a != a {
		ex = a
	}
	r, g, w := powTerms32(ex, m, i, e)
	w = fma32(r, e[powA], w)
	y, t := powExp2F32(g, w)
	t = min32(magic32+254+129, t)
	t = max32(magic32+254-152, t)
	return scale32(y, t)
}

// powHigh32 is powMid32 with the leading term r·powA as h, a multiple of a small
// power of two, and the exact remainder −n. 46 operations, 16 in the logarithm.
func powHigh32(x float32, e []float32) float32 {
	a := abs32(x)
	ex, m, i := powSplit32(a)
	if a != a {
		ex = a
	}
	r, g, w := powTerms32(ex, m, i, e)
	h := fma32(r, e[powA], e[powQuantum]) - e[powQuantum]
	n := fma32(-r, e[powA], h)
	y, t := powExp2F32(g+h, w-n)
	t = min32(magic32+254+129, t)
	t = max32(magic32+254-152, t)
	return scale32(y, t)
}

func abs32(x float32) float32 {
	return math.Float32frombits(math.Float32bits(x) & 0x7fffffff)
}

// pow32 is |x|^p for a prepared exponent.
func pow32(x float32, e []float32) float32 {
	switch e[powRoute] {
	case PowLow:
		return powLow32(x, e)
	case PowMid:
		return powMid32(x, e)
	}
	return powHigh32(x, e)
}

// powPrepare32 fills e for the exponent p; each value is a float32.
func powPrepare32(p float64, e *[powSpread]float64) {
	p = min(p, 16384)
	route := PowHigh
	switch {
	case p < 1.2:
		route = PowLow
	case p <= 3:
		route = PowMid
	}
	e[powRoute] = float64(route)
	// hi and lo are the two parts of a number in g and w; g takes 24 bits.
	hi := func(v float64) float64 { return roundTo(v, max(exponent(v)-23, -16)) }
	lo := func(v float64) float64 { return v - hi(v) }
	e[powHi] = hi(p) * 0x1p-23
	e[powLo] = lo(p) * 0x1p-23
	for i, c := range powC32 {
		v := float64(p * powLog2C32[i])
		e[powTableC+i], e[powTableHi+i], e[powTableLo+i] = c, hi(v), lo(v)
	}
	a := float64(p*twoOverLn2Hi) / 2
	if route == PowHigh {
		e[powQuantum] = ldexp(1.5, max(7, exponent(a)+3))
	}
	e[powA] = float64(float32(a))
	e[powALo] = a - e[powA]
	for i, c := range powLog {
		e[powC+i] = float64(a * c)
	}
}

// exponent is ⌊log₂ v⌋ of a normal |v|, and −1023 below.
func exponent(v float64) int {
	return int(math.Float64bits(v)>>52&2047) - 1023
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
