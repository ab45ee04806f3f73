package portable

import "math"

// Places in a prepared exponent of float64, beside those that it shares with
// float32: half of powA, and the coefficients.
const (
	powAHalf = powC
	powAtanh = powAHalf + 1
)

// |x|^p in float64 is 2^y, y = p·log₂ x held as k + rc + l: k an integer, rc a
// multiple of 2⁻⁴⁴ within ±½, l small. With x = 2^e·m, u = m − 1, s = u/(m + 1):
//
//	log₂ x = e + (2/ln 2)·(s + s³/3 + s⁵/5 + …)
//
// and p is multiplied into the coefficients when the exponent is prepared. The
// quotient is split into a multiple of a small power of two and the exact
// remainder over m + 1, where 1/(m+1) = (1 − s)/2.

// pow64 is |x|^p for a prepared exponent: 64 operations.
func pow64(x float64, e []float64) float64 {
	a := abs64(x)
	ex, m := split64(a)
	u := m - 1
	s := u / (m + 1)
	z := float64(s * s)
	tail := math.FMA(z, horner64(z, e[powAtanh:powAtanh+8]), e[powALo])
	sc := (s + e[powQuantum]) - e[powQuantum]
	rem := math.FMA(-sc, m, u-sc)
	c := math.FMA(-rem, s, rem)
	h := float64(sc * e[powA])
	l := math.FMA(c, e[powAHalf], float64(s*tail))
	l = math.FMA(ex, e[powLo], l)
	t := (math.FMA(ex, e[powHi], h) + l) + (magic64 + 2046)
	k := t - (magic64 + 2046)
	rc := math.FMA(ex, e[powHi], -k) + h
	t = min64(magic64+2046+1025, t)
	t = max64(magic64+2046-1077, t)
	r := rc + l
	b := math.FMA(rc, 0.6875, 1)
	y := b + math.FMA(r, horner64(r, powQF64[:]), float64(l*0.6875))
	y = scale64(y, t)
	if outside64(a) {
		y = a
	}
	return y
}

// powPrepare64 fills e for the exponent p.
func powPrepare64(p float64, e *[powSpread]float64) {
	p = min(p, 16384)
	// 2p/ln 2 = a + b.
	a := float64(p * twoOverLn2Hi)
	b := math.FMA(p, twoOverLn2Hi, -a) + float64(p*twoOverLn2Lo)
	q := -20 - max(exponent(a), 1)
	e[powHi] = roundTo(p, max(exponent(p)-37, -40))
	e[powLo] = p - e[powHi]
	e[powA] = roundTo(a, -44-q)
	e[powALo] = (a - e[powA]) + b
	e[powAHalf] = e[powA] / 2
	e[powQuantum] = ldexp(1.5, 52+q)
	for i, c := range atanhQF64 {
		e[powAtanh+i] = float64(a*c) / 2
	}
}
