package texts

import (
	"math"

	"github.com/hebbkern/hebbkern/gen/ir"
)

// exp2F32 is 2^x = 2^k·(1 + r·q(r)), k the nearest integer, for every x. NaN passes every step.
func exp2F32(b *ir.Builder, x ir.Val) ir.Val {
	x = b.Min(b.Const(129), x)
	x = b.Max(b.Const(-152), x)
	t, k := roundInt(b, x, 254)
	r := b.Sub(x, k)
	return timesPow2(b, horner(b, r, 1, exp2C1, exp2C2, exp2C3, exp2C4, exp2C5, exp2C6), t)
}

// expF32 is e^x for every x.
func expF32(b *ir.Builder, x ir.Val) ir.Val { return expBelowF32(b, b.Min(b.Const(89.5), x)) }

// expBelowF32 is e^x for x ≤ 89.5: x = k·ln 2 + r, then 2^k·(1 + r(1 + r·q(r))).
func expBelowF32(b *ir.Builder, x ir.Val) ir.Val {
	x = b.Max(b.Const(-105), x)
	magic := b.Const(format32.magic + 254)
	t := b.FMA(x, b.Const(log2eF32Hi), magic)
	k := b.Sub(t, magic)
	r := b.FNMA(k, b.Const(ln2F32Hi), x)
	r = b.FNMA(k, b.Const(ln2F32Lo), r)
	return timesPow2(b, horner(b, r, 1, 1, expC2, expC3, expC4, expC5, expC6), t)
}

// logSpecial replaces y by log's value outside (0, +Inf): −Inf at ±0, NaN below, +Inf and NaN as they are.
func logSpecial(b *ir.Builder, x, y ir.Val) ir.Val {
	s := b.Select(b.CmpEQ(x, b.Const(0)), b.Const(math.Inf(-1)), b.Sqrt(x))
	return b.Select(outside(b, x), s, y)
}

// log2F32 is log₂ x = e + (u·c + (u·c′ + u²·q(u))), x = 2^e·(1 + u), c + c′ = log₂ e.
func log2F32(b *ir.Builder, x ir.Val) ir.Val {
	e, m := splitExp(b, x)
	u := b.Sub(m, b.Const(1))
	q := horner(b, u, log2eF32Lo, log2C2, log2C3, log2C4, log2C5, log2C6, log2C7, log2C8, log2C9, log2C10)
	l := b.FMA(u, b.Const(log2eF32Hi), b.Mul(u, q))
	return logSpecial(b, x, b.Add(e, l))
}

// logF32 is ln x = e·ln 2 + u + u²·q(u), x = 2^e·(1 + u); the first two add to s with remainder c.
func logF32(b *ir.Builder, x ir.Val) ir.Val {
	e, m := splitExp(b, x)
	u := b.Sub(m, b.Const(1))
	q := horner(b, u, logC2, logC3, logC4, logC5, logC6, logC7, logC8, logC9, logC10)
	l := b.Mul(b.Mul(u, u), q)
	s := b.FMA(e, b.Const(ln2F32Hi), u)
	c := b.Sub(u, b.FNMA(e, b.Const(ln2F32Hi), s))
	l = b.Add(b.FMA(e, b.Const(ln2F32Lo), l), c)
	return logSpecial(b, x, b.Add(s, l))
}

// The functions from here on run in float64 lanes, for results that are rounded to float32.

// expShort is e^x for −700 ≤ x ≤ 700.
func expShort(b *ir.Builder, x ir.Val) ir.Val {
	t, k, v := expReduce(b, x)
	r := b.FNMA(k, b.Const(ln2F64Lo), v)
	w := b.FMA(b.Mul(r, r), horner(b, r, expQShort[:]...), r)
	return b.Mul(b.Add(w, b.Const(1)), b.IShl(b.ISub(t, b.Bits(1023)), 52))
}

// expAbsShort is E = e^−|x|, with |x| up to 150.
func expAbsShort(b *ir.Builder, x ir.Val) ir.Val {
	return expShort(b, b.Max(b.Const(-150), negAbs(b, x)))
}

// expm1F32 is e^x − 1 for every x.
func expm1F32(b *ir.Builder, x ir.Val) ir.Val {
	y := halves(b, x, func(b *ir.Builder, x ir.Val) ir.Val {
		x = b.Min(b.Const(100), x)
		return expm1Of64(b, b.Max(b.Const(-50), x), expQShort[:])
	})
	return b.Select(b.CmpEQ(x, b.Const(0)), x, y)
}

// eluF32 is x for x ≥ 0, else e^x − 1, which needs no upper clamp.
func eluF32(b *ir.Builder, x ir.Val) ir.Val {
	y := halves(b, x, func(b *ir.Builder, x ir.Val) ir.Val {
		return expm1Of64(b, b.Max(b.Const(-50), x), expQShort[:])
	})
	return b.Select(b.CmpLE(b.Const(0), x), x, y)
}

// tanhShort is v/(v + 2), v = e^(2|x|) − 1, with the sign of x.
func tanhShort(b *ir.Builder, x ir.Val) ir.Val {
	a := b.Abs(x)
	v := expm1Of64(b, b.Min(b.Const(40), b.Add(a, a)), expQShort[:])
	return signOf(b, b.Div(v, b.Add(v, b.Const(2))), x)
}

// derTanhShort is 4E/(1 + E)², E = e^(−2|x|).
func derTanhShort(b *ir.Builder, x ir.Val) ir.Val {
	a := b.Max(b.Const(-150), negAbs(b, x))
	e := expShort(b, b.Add(a, a))
	d := b.Add(e, b.Const(1))
	return b.Div(b.Mul(e, b.Const(4)), b.Mul(d, d))
}

// sigmoidShort is 1/(1 + E) for x ≥ 0 and E/(1 + E) below, E = e^−|x|.
func sigmoidShort(b *ir.Builder, x ir.Val) ir.Val { return sigmoidOf(b, x, expAbsShort(b, x)) }

// derSigmoidShort is E/(1 + E)², E = e^−|x|.
func derSigmoidShort(b *ir.Builder, x ir.Val) ir.Val {
	e := expAbsShort(b, x)
	d := b.Add(e, b.Const(1))
	return b.Div(e, b.Mul(d, d))
}

// softplusShort is max(x, 0) + ln(1 + e^−|x|).
func softplusShort(b *ir.Builder, x ir.Val) ir.Val {
	l := log1pOf64(b, expAbsShort(b, x), log1pQShort[:])
	return b.Add(b.Max(x, b.Const(0)), l)
}

// tailShort is e^(−h·a²)·q(t)·v with v = 1/d, d = |a| + c, t = 1 − 2c·v: with h = ½, c = 3 it is Φ(−|a|), |a| ≤ 14.5.
func tailShort(b *ir.Builder, a, d ir.Val, h, c float64) ir.Val {
	v := b.Div(b.Const(1), d)
	q := b.Mul(horner(b, b.FMA(v, b.Const(-2*c), b.Const(1)), tailQShort[:]...), v)
	return b.Mul(expShort(b, b.Mul(b.Mul(a, a), b.Const(-h))), q)
}

// erfShort is x·q(x²) for |x| < 0.75, else ±(1 − 2Φ(−√2|x|)).
func erfShort(b *ir.Builder, x ir.Val) ir.Val {
	const c = 3 / math.Sqrt2
	a := b.Min(b.Const(10), b.Abs(x))
	y := b.Mul(a, horner(b, b.Mul(a, a), erfQShort[:]...))
	h := tailShort(b, a, b.Add(a, b.Const(c)), 1, c)
	g := b.Sub(b.Const(1), b.Mul(h, b.Const(math.Sqrt2)))
	return signOf(b, b.Select(b.CmpLE(b.Const(0.75), a), g, y), x)
}

// geluShort is x·(1 − h) for x ≥ 0 and x·h below, h = Φ(−|x|).
func geluShort(b *ir.Builder, x ir.Val) ir.Val {
	a := b.Max(b.Const(-14.5), negAbs(b, x)) // −|x|
	h := tailShort(b, a, b.Sub(b.Const(3), a), 0.5, 3)
	up := b.Mul(x, b.Sub(b.Const(1), h))
	return b.Select(b.CmpLT(x, b.Const(0)), b.Mul(a, h), up)
}
