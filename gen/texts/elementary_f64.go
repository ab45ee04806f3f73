package texts

import (
	"math"

	"github.com/hebbkern/hebbkern/gen/ir"
)

// exp2F64 is 2^x = 2^k·(1 + r·q(r)), k the nearest integer, for every x. NaN passes every step.
func exp2F64(b *ir.Builder, x ir.Val) ir.Val {
	x = b.Min(b.Const(1025), x)
	x = b.Max(b.Const(-1077), x)
	t, k := roundInt(b, x, 2046)
	r := b.Sub(x, k)
	return timesPow2(b, b.FMA(horner(b, r, exp2QF64[:]...), r, b.Const(1)), t)
}

// expReduce is x = k·ln 2 + v − k·ln2F64Lo with t = magic + 2046 + k; v is exact up to the cut of ln 2.
func expReduce(b *ir.Builder, x ir.Val) (t, k, v ir.Val) {
	magic := b.Const(format64.magic + 2046)
	t = b.FMA(x, b.Const(log2eF64Hi), magic)
	k = b.Sub(t, magic)
	return t, k, b.FNMA(k, b.Const(ln2F64Hi), x)
}

// expSplit64 is x = k·ln 2 + r + l with t = magic + 2046 + k and l below half a unit of r.
func expSplit64(b *ir.Builder, x ir.Val) (t, r, l ir.Val) {
	t, k, v := expReduce(b, x)
	r = b.FNMA(k, b.Const(ln2F64Lo), v)
	return t, r, b.FNMA(k, b.Const(ln2F64Lo), b.Sub(v, r))
}

// expF64 is e^x for every x.
func expF64(b *ir.Builder, x ir.Val) ir.Val { return expBelowF64(b, b.Min(b.Const(710), x)) }

// expBelowF64 is e^x for x ≤ 710.
func expBelowF64(b *ir.Builder, x ir.Val) ir.Val {
	t, r, l := expSplit64(b, b.Max(b.Const(-746), x))
	return expJoin(b, t, r, l)
}

// expJoin is 2^k·(1 + (r + (l + r²·q(r)))).
func expJoin(b *ir.Builder, t, r, l ir.Val) ir.Val {
	l = b.FMA(b.Mul(r, r), horner(b, r, expQF64[:]...), l)
	return timesPow2(b, b.Add(b.Add(r, l), b.Const(1)), t)
}

// expm1Of64 is e^x − 1 for −50 ≤ x ≤ 710 with the coefficients c of q:
// 2((2^(k−1)·r + (2^(k−1) − ½)) + 2^(k−1)·(l + r²·q)).
func expm1Of64(b *ir.Builder, x ir.Val, c []float64) ir.Val {
	t, r, l := expSplit64(b, x)
	l = b.FMA(b.Mul(r, r), horner(b, r, c...), l)
	s := b.IShl(b.ISub(t, b.Bits(1024)), 52)
	y := b.FMA(s, r, b.Sub(s, b.Const(0.5)))
	y = b.FMA(s, l, y)
	return b.Add(y, y)
}

// expm1F64 is e^x − 1 for every x.
func expm1F64(b *ir.Builder, x ir.Val) ir.Val {
	a := b.Min(b.Const(710), x)
	y := expm1Of64(b, b.Max(b.Const(-50), a), expQF64[:])
	return b.Select(b.CmpLT(b.Abs(x), b.Const(0x1p-60)), x, y)
}

// eluF64 is x for x > −2⁻⁶⁰, else e^x − 1, which needs no upper clamp.
func eluF64(b *ir.Builder, x ir.Val) ir.Val {
	y := expm1Of64(b, b.Max(b.Const(-50), x), expQF64[:])
	return b.Select(b.CmpLT(b.Const(-0x1p-60), x), x, y)
}

// tanhF64 is v/(v + 2), v = e^(2|x|) − 1, with the sign of x; the quotient is corrected by the exact remainder over
// v + 2 = d + l.
func tanhF64(b *ir.Builder, x ir.Val) ir.Val {
	abs := b.Abs(x)
	a := b.Min(b.Const(40), b.Add(abs, abs))
	v := expm1Of64(b, a, expQF64[:])
	d := b.Add(v, b.Const(2))
	l := b.Sub(v, b.Sub(d, b.Const(2)))
	w := b.Div(b.Const(1), d)
	y := b.Mul(v, w)
	r := b.FNMA(y, d, v)
	r = b.FNMA(y, l, r)
	y = b.FMA(r, w, y)
	return signOf(b, b.Select(b.CmpLT(a, b.Const(0x1p-60)), abs, y), x)
}

// sigmoidOf is 1/(1 + E) for x ≥ 0 and E/(1 + E) below.
func sigmoidOf(b *ir.Builder, x, e ir.Val) ir.Val {
	n := b.Select(b.CmpLT(x, b.Const(0)), e, b.Const(1))
	return b.Div(n, b.Add(e, b.Const(1)))
}

// sigmoidF64 is 1/(1 + E) for x ≥ 0 and E/(1 + E) below, E = e^−|x|.
func sigmoidF64(b *ir.Builder, x ir.Val) ir.Val {
	return sigmoidOf(b, x, expBelowF64(b, negAbs(b, x)))
}

// logistic64 is n/(1 + e)², the square corrected by its remainders.
func logistic64(b *ir.Builder, e, n ir.Val) ir.Val {
	d := b.Add(e, b.Const(1))
	l := b.Sub(e, b.Sub(d, b.Const(1)))
	q := b.Mul(d, d)
	r := b.FNMA(d, d, q) // q − d², the remainder's negative
	r = b.FNMA(b.Add(d, d), l, r)
	return b.Div(n, b.Sub(q, r))
}

// derSigmoidF64 is E/(1 + E)², E = e^−|x|.
func derSigmoidF64(b *ir.Builder, x ir.Val) ir.Val {
	e := expBelowF64(b, negAbs(b, x))
	return logistic64(b, e, e)
}

// derTanhF64 is 4E/(1 + E)², E = e^(−2|x|).
func derTanhF64(b *ir.Builder, x ir.Val) ir.Val {
	a := negAbs(b, x)
	e := expBelowF64(b, b.Add(a, a))
	return logistic64(b, e, b.Mul(e, b.Const(4)))
}

// log1pOf64 is ln(1 + E), 0 ≤ E ≤ 1: E − (½E² − s(½E² + s²·q(s²))), s = E/(2+E).
func log1pOf64(b *ir.Builder, e ir.Val, c []float64) ir.Val {
	return b.Sub(e, logTail64(b, e, b.Add(e, b.Const(2)), c))
}

// softplusF64 is max(x, 0) + ln(1 + e^−|x|).
func softplusF64(b *ir.Builder, x ir.Val) ir.Val {
	l := log1pOf64(b, expBelowF64(b, negAbs(b, x)), log1pQF64[:])
	return b.Add(b.Max(x, b.Const(0)), l)
}

// logTail64 is u − ln(1 + u) with s = u/d, d = 2 + u: h − s(h + s²·q(s²)), h = ½u².
func logTail64(b *ir.Builder, u, d ir.Val, c []float64) ir.Val {
	s := b.Div(u, d)
	z := b.Mul(s, s)
	h := b.Mul(b.Mul(u, b.Const(0.5)), u)
	w := b.FMA(horner(b, z, c...), z, h)
	return b.FNMA(s, w, h)
}

// logF64 is ln x, summed as logF32.
func logF64(b *ir.Builder, x ir.Val) ir.Val {
	e, m := splitExp(b, x)
	u := b.Sub(m, b.Const(1))
	n := logTail64(b, u, b.Add(m, b.Const(1)), atanhQF64[:])
	s := b.FMA(e, b.Const(ln2F64Hi), u)
	c := b.Sub(u, b.FNMA(e, b.Const(ln2F64Hi), s))
	l := b.Sub(c, b.FNMA(e, b.Const(ln2F64Lo), n))
	return logSpecial(b, x, b.Add(s, l))
}

// log2F64 is e + log₂ m.
func log2F64(b *ir.Builder, x ir.Val) ir.Val {
	e, m := splitExp(b, x)
	u := b.Sub(m, b.Const(1))
	n := logTail64(b, u, b.Add(m, b.Const(1)), atanhQF64[:])
	l := b.FMA(u, b.Const(log2eF64Lo), b.Mul(n, b.Const(-log2eF64Hi)))
	l = b.FMA(u, b.Const(log2eF64Hi), l)
	return logSpecial(b, x, b.Add(e, l))
}

// tailF64 is Φ(−|a|) = e·q for |a| ≤ 39: e = e^(−a²/2), q = q(t)·v with v = 1/d, d = |a| + c, t = 1 − 2c·v. The
// remainder of the square goes into the exponent. With a/√2 for a, h = 1 and c = 4/√2 it is Φ(−a)/√2, a being that
// before.
func tailF64(b *ir.Builder, a, d ir.Val, h, c float64) (e, q ir.Val) {
	s := b.Mul(a, a)
	n := b.FNMA(a, a, s) // s − a²
	t, r, l := expSplit64(b, b.Mul(s, b.Const(-h)))
	if h == 1 {
		r = b.Add(n, r)
	} else {
		r = b.FMA(n, b.Const(h), r)
	}
	e = expJoin(b, t, r, l)
	v := b.Div(b.Const(1), d)
	return e, b.Mul(horner(b, b.FMA(v, b.Const(-2*c), b.Const(1)), tailQF64[:]...), v)
}

// erfF64 is x·q(x²) for |x| < 0.75, else ±(1 − 2Φ(−√2|x|)).
func erfF64(b *ir.Builder, x ir.Val) ir.Val {
	const c = 4 / math.Sqrt2
	a := b.Min(b.Const(6), b.Abs(x))
	y := b.Mul(a, horner(b, b.Mul(a, a), erfQF64[:]...))
	e, q := tailF64(b, a, b.Add(a, b.Const(c)), 1, c)
	g := b.FMA(b.Mul(e, b.Const(-math.Sqrt2)), q, b.Const(1))
	return signOf(b, b.Select(b.CmpLE(b.Const(0.75), a), g, y), x)
}

// nearPhi64 is Φ(a) = ½ + ½erf(a/√2) for −0.75 < a ≤ 0.
func nearPhi64(b *ir.Builder, a ir.Val) ir.Val {
	q := horner(b, b.Mul(b.Mul(a, a), b.Const(0.5)), erfQF64[:]...)
	return b.FMA(b.Mul(a, b.Const(0.5/math.Sqrt2)), q, b.Const(0.5))
}

// geluF64 is x·(1 − h) for x ≥ 0 and x·h below, h = Φ(−|x|).
func geluF64(b *ir.Builder, x ir.Val) ir.Val {
	a := b.Max(b.Const(-39), negAbs(b, x)) // −|x|
	e, q := tailF64(b, a, b.Sub(b.Const(4), a), 0.5, 4)
	n := nearPhi64(b, a)
	near := b.CmpLT(b.Const(-0.75), a)
	down := b.Select(near, b.Mul(a, n), b.Mul(b.Mul(a, q), e))
	up := b.Select(near, b.Sub(b.Const(1), n), b.FNMA(e, q, b.Const(1)))
	return b.Select(b.CmpLT(x, b.Const(0)), down, b.Mul(x, up))
}

// derGELUF64 is 1 − g for x ≥ 0 and g below, g = Φ(−|x|) − |x|φ(x) = e^(−x²/2)·(q − |x|/√(2π)).
func derGELUF64(b *ir.Builder, x ir.Val) ir.Val {
	a := b.Max(b.Const(-39), negAbs(b, x)) // −|x|
	e, q := tailF64(b, a, b.Sub(b.Const(4), a), 0.5, 4)
	far := b.Mul(e, b.FMA(a, b.Const(invSqrt2Pi), q))
	near := b.FMA(b.Mul(a, e), b.Const(invSqrt2Pi), nearPhi64(b, a))
	g := b.Select(b.CmpLT(b.Const(-0.75), a), near, far)
	return b.Select(b.CmpLT(x, b.Const(0)), g, b.Sub(b.Const(1), g))
}
