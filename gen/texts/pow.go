package texts

import (
	"math"

	"github.com/hebbkern/hebbkern/gen/ir"
)

// The direct forms of |x|^p correct the rounding of their first step by its exact remainder, which an fma gives. Only
// where the result overflows can the correction be NaN or infinite; the lowest finite value then takes the place of
// NaN and −Inf, so that +Inf comes out.

// PowHalf is |x|^½.
func PowHalf(b *ir.Builder, x ir.Val) ir.Val { return b.Sqrt(b.Abs(x)) }

// Pow1 is |x|.
func Pow1(b *ir.Builder, x ir.Val) ir.Val { return b.Abs(x) }

// PowThreeHalves is |x|^(3/2): s = √a, r = a − s², a·s + ½s·r.
func PowThreeHalves(b *ir.Builder, x ir.Val) ir.Val {
	a := b.Abs(x)
	s := b.Sqrt(a)
	c := b.Mul(b.Mul(s, b.Const(0.5)), b.FNMA(s, s, a))
	return b.FMA(a, s, atLeastLowest(b, c))
}

// Pow2 is x².
func Pow2(b *ir.Builder, x ir.Val) ir.Val { return b.Mul(x, x) }

// Pow3 is |x|³ with n = −|x|: q = n², r = q − n², r·n − q·n.
func Pow3(b *ir.Builder, x ir.Val) ir.Val {
	n := negAbs(b, x)
	q := b.Mul(n, n)
	c := b.Mul(b.FNMA(n, n, q), n)
	return b.FNMA(q, n, atLeastLowest(b, c))
}

// Pow4 is x⁴: q = x², r = q − x², q² + q·(−2r).
func Pow4(b *ir.Builder, x ir.Val) ir.Val {
	q := b.Mul(x, x)
	r := b.FNMA(x, x, q)
	c := b.Mul(q, b.Mul(r, b.Const(-2)))
	return b.FMA(q, q, atLeastLowest(b, c))
}

// atLeastLowest is the maximum of c and the lowest finite value, which also takes the place of NaN.
func atLeastLowest(b *ir.Builder, c ir.Val) ir.Val {
	lowest := -math.MaxFloat64
	if b.Elem() == ir.F32 {
		lowest = -math.MaxFloat32
	}
	return b.Max(c, b.Const(lowest))
}

// Places in a prepared exponent, as portable.PowPrepare fills it.
const (
	powHi = 1 + iota
	powLo
	powA
	powALo
	powAHalf
	powQuantum
	powC
	powLen = 16
)

// Pow is |x|^p for a prepared exponent, by one of its routes.
type Pow struct {
	e     ir.Val
	kept  [powLen]ir.Val
	value func(p *Pow, b *ir.Builder, x ir.Val) ir.Val
}

// powKept are the values that stay in registers, those that are read twice. To read one again costs a broadcast load,
// and a sum of powers on AVX2 has no more registers to give.
var powKept = [...]int{powHi, powA}

func newPow(b *ir.Builder, e ir.Val, value func(*Pow, *ir.Builder, ir.Val) ir.Val) *Pow {
	p := &Pow{e: e, value: value}
	for _, i := range powKept {
		p.kept[i] = p.at(b, i)
	}
	return p
}

// at is element i of the prepared exponent: kept in a register or read again.
func (p *Pow) at(b *ir.Builder, i int) ir.Val {
	if p.kept[i].Valid() {
		return p.kept[i]
	}
	return b.LoadU(p.e, int64(i)*b.Size())
}

// Value is |x|^p: 0 at ±0, +Inf at ±Inf.
func (p *Pow) Value(b *ir.Builder, x ir.Val) ir.Val { return p.value(p, b, x) }

// PowLight prepares the float32 route of p ≤ 0.84 for the exponent at address e.
func PowLight(b *ir.Builder, e ir.Val) *Pow { return newPow(b, e, (*Pow).light) }

// PowMid prepares the float32 route of 1.2 ≤ p ≤ 5.5 for the exponent at address e.
func PowMid(b *ir.Builder, e ir.Val) *Pow { return newPow(b, e, (*Pow).mid) }

// PowWide prepares the float32 route of every other p, and the only one of float64, for the exponent at address e.
func PowWide(b *ir.Builder, e ir.Val) *Pow { return newPow(b, e, (*Pow).wide) }

// PowRoutes emits body once for each route, of which the one runs that the exponent at address e is prepared for. The
// route is a float32 0, 1 or 2: its highest byte is 0, 0x3f or 0x40.
func PowRoutes(b *ir.Builder, e ir.Val, body func(p *Pow)) {
	if b.Elem() == ir.F64 {
		body(PowWide(b, e))
		return
	}
	route := b.LoadByte(e, 3)
	b.IfElse(route, 0x40, func() { body(PowWide(b, e)) }, func() {
		b.IfElse(route, 0x3f, func() { body(PowMid(b, e)) }, func() { body(PowLight(b, e)) })
	})
}

// series is the quotient s = u/(m+1) and the tail coefficient powALo + s²·(…), u = m − 1.
func (p *Pow) series(b *ir.Builder, u, m ir.Val) (s, tail ir.Val) {
	s = b.Div(u, b.Add(m, b.Const(1)))
	z := b.Mul(s, s)
	last := powC + 2
	if b.Elem() == ir.F64 {
		last = powC + 7
	}
	tail = p.at(b, last)
	for i := last - 1; i >= powC; i-- {
		tail = b.FMA(tail, z, p.at(b, i))
	}
	return s, b.FMA(tail, z, p.at(b, powALo))
}

// log is p·log₂ of 2^ex·m, held as k + rc + l with t = magic + 2·bias + k. The quotient is split into a multiple of a
// small power of two and the exact remainder over m + 1, where 1/(m+1) = (1 − s)/2. t comes out clamped for timesPow2.
func (p *Pow) log(b *ir.Builder, ex, m ir.Val) (t, rc, l ir.Val) {
	u := b.Sub(m, b.Const(1))
	s, tail := p.series(b, u, m)
	quantum, a := p.at(b, powQuantum), p.at(b, powA)
	sc := b.Sub(b.Add(s, quantum), quantum)
	rem := b.FNMA(sc, m, b.Sub(u, sc))
	c := b.FNMA(rem, s, rem)
	h := b.Mul(sc, a)
	l = b.FMA(c, p.at(b, powAHalf), b.Mul(s, tail))
	l = b.FMA(ex, p.at(b, powLo), l)
	hi := p.at(b, powHi)
	t, k := roundInt(b, b.Add(b.FMA(ex, hi, h), l), 2*formatOf(b).bias)
	rc = b.Sub(h, b.FNMA(ex, hi, k))
	high, low := 129.0, -152.0
	if b.Elem() == ir.F64 {
		high, low = 1025, -1077
	}
	offset := formatOf(b).magic + float64(2*formatOf(b).bias)
	t = b.Min(b.Const(offset+high), t)
	return b.Max(b.Const(offset+low), t), rc, l
}

// powExp2 is 2^(rc+l) with r = rc + l and l16 = 11/16·l: 1 + 11/16·rc is exact, and the rest is small.
func powExp2(b *ir.Builder, rc, r, l16 ir.Val) ir.Val {
	c := powQF64[:]
	if b.Elem() == ir.F32 {
		c = []float64{powE1, powE2, powE3, powE4, powE5, powE6}
	}
	q := horner(b, r, c...)
	return b.Add(b.FMA(rc, b.Const(0.6875), b.Const(1)), b.FMA(r, q, l16))
}

// powOf is powExp2 for l itself.
func powOf(b *ir.Builder, rc, l ir.Val) ir.Val {
	return powExp2(b, rc, b.Add(rc, l), b.Mul(l, b.Const(0.6875)))
}

// light computes with n = −l, so that the fused operations need no negation.
func (p *Pow) light(b *ir.Builder, x ir.Val) ir.Val {
	abs := b.Abs(x)
	ex, m := splitExp(b, abs)
	s, tail := p.series(b, b.Sub(m, b.Const(1)), m)
	a, hi := p.at(b, powA), p.at(b, powHi)
	h := b.Sub(b.FMA(s, a, b.Const(24)), b.Const(24)) // s·powA to a multiple of 2⁻¹⁹
	n := b.FNMA(s, a, h)
	n = b.FNMA(s, tail, n)
	n = b.FNMA(ex, p.at(b, powLo), n)
	t, k := roundInt(b, b.FMA(ex, hi, h), format32.bias)
	rc := b.Sub(h, b.FNMA(ex, hi, k))
	y := powExp2(b, rc, b.Sub(rc, n), b.Mul(n, b.Const(-0.6875)))
	y = b.Mul(y, b.IShl(t, format32.mant))
	return b.Select(outside(b, abs), abs, y)
}

// mid uses the power of two in x as one of the two factors of the result: 0, subnormal x and +Inf need no more.
func (p *Pow) mid(b *ir.Builder, x ir.Val) ir.Val {
	a := b.Abs(x)
	ex, m := normalParts(b, a, b.Const(0x1p23+127))
	t, rc, l := p.log(b, ex, m)
	y := powOf(b, rc, l)
	f := b.And(a, b.Bits(0x7f800000))
	y = b.Mul(y, b.ISub(b.IShl(t, format32.mant), f))
	y = b.Mul(y, f)
	return b.Select(b.CmpUN(a, a), a, y)
}

// wide takes every x through both steps that the other routes save: subnormals and a scale in two factors.
func (p *Pow) wide(b *ir.Builder, x ir.Val) ir.Val {
	a := b.Abs(x)
	ex, m := splitExp(b, a)
	t, rc, l := p.log(b, ex, m)
	y := timesPow2(b, powOf(b, rc, l), t)
	return b.Select(outside(b, a), a, y)
}
