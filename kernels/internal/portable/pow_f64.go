package portable

import "math"

// |x|^p in float64 is built as powWide32, for every p: y = k + rc + l with rc
// a multiple of 2⁻⁴⁴.

// pow64 is |x|^p for a prepared exponent: 64 operations.
func pow64(x float64, e []float64) float64 {
	a := abs64(x)
	ex, m := split64(a)
	u := m - 1
	s := u / (m + 1)
	z := float64(s * s)
	tail := math.FMA(z, horner64(z, e[powC:powC+8]), e[powALo])
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
func powPrepare64(p float64, e *[PowLen]float64) {
	p = min(p, 16384)
	e[powRoute] = PowWide
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
		e[powC+i] = float64(a*c) / 2
	}
}
