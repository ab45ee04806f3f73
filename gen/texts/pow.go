package texts

import (
	"math"

	"github.com/hebbkern/hebbkern/gen/ir"
)

// The direct forms of |x|^p correct the rounding of their first step by its exact remainder, which an fma gives. Only
// where the result overflows can the correction be NaN or infinite; the lowest finite value then takes the place of
// NaN and −Inf, so that +Inf comes out.

// PowHalf is |x|^½.
func PowHalf(b *ir.Builder, x ir.Val) ir.Val { return root(b, x) }

// root is √|x|.
func root(b *ir.Builder, x ir.Val) ir.Val { return b.Sqrt(b.Abs(x)) }

// Pow1 is |x|.
func Pow1(b *ir.Builder, x ir.Val) ir.Val { return b.Abs(x) }

// PowThreeHalves is |x|^(3/2): s = √a, r = a − s², a·s + ½s·r.
func PowThreeHalves(b *ir.Builder, x ir.Val) ir.Val {
	a := b.Abs(x)
	return threeHalves(b, a, b.Sqrt(a))
}

func threeHalves(b *ir.Builder, a, s ir.Val) ir.Val {
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
	powRoute = iota
	powHi
	powLo
	powA
	powALo
	powQuantum
	powC
	powAHalf   = powC // of float64
	powAtanh   = powAHalf + 1
	powTableC  = 16 // of float32
	powTableHi = 24
	powTableLo = 32
	powSpread  = 40 // from here on the elements once more, each powEach bytes long
	powEach    = 64
)

// PowScratch is how many elements of scratch PowAbsV takes: so many it works on in one go.
const PowScratch = 1024

// Pow is |x|^p for a prepared exponent, by one of its routes: in one go by value, or of float32 with p ≥ 1.2 by two
// passes, the first of which finds p·log₂ x as g + w.
type Pow struct {
	e     ir.Val
	kept  map[int]ir.Val
	value func(p *Pow, b *ir.Builder, x ir.Val) ir.Val
	log   func(p *Pow, b *ir.Builder, x ir.Val) (g, w ir.Val)

	abs, shift, exponent, minusOne ir.Val   // constants of the first pass
	magic, most                    ir.Val   // of the second
	series                         []ir.Val // 2^r, from r on up
}

// newPow keeps some elements in registers; the others are read again, as arguments in memory.
func newPow(b *ir.Builder, e ir.Val, value func(*Pow, *ir.Builder, ir.Val) ir.Val, keep ...int) *Pow {
	p := &Pow{e: e, value: value}
	p.firstPass(b, asArgument)
	p.secondPass(b, asArgument)
	p.keep(b, keep...)
	return p
}

// inPasses is a route of two passes.
func inPasses(b *ir.Builder, e ir.Val, log func(*Pow, *ir.Builder, ir.Val) (g, w ir.Val)) *Pow {
	p := newPow(b, e, func(p *Pow, b *ir.Builder, x ir.Val) ir.Val {
		g, w := p.log(p, b, x)
		y, t := p.exp2(b, g, w)
		return p.everywhere(b, y, t)
	})
	p.log = log
	return p
}

// asArgument leaves a constant in memory, where instructions find it; Builder.Keep puts it into a register.
func asArgument(v ir.Val) ir.Val { return v }

// firstPass sets the constants of the first pass.
func (p *Pow) firstPass(b *ir.Builder, place func(ir.Val) ir.Val) {
	p.abs = place(b.AbsMask())
	if b.Elem() == ir.F32 {
		p.shift, p.exponent, p.minusOne = place(b.Bits(1<<32-(oneBits-powShift))), place(b.Bits(signAndExp)), place(b.Const(-1))
	}
}

// secondPass sets the constants of the second pass. There are registers for some.
func (p *Pow) secondPass(b *ir.Builder, place func(ir.Val) ir.Val) {
	if b.Elem() == ir.F64 {
		return
	}
	p.magic, p.most = place(b.Const(format32.magic)), place(b.Const(0.6875))
	p.series = nil
	for i, c := range []float64{powE1, powE2, powE3, powE4, powE5, powE6} {
		v := b.Const(c)
		if i >= 3 {
			v = place(v)
		}
		p.series = append(p.series, v)
	}
}

// keep puts these elements of the exponent, and no others, into registers.
func (p *Pow) keep(b *ir.Builder, elements ...int) {
	p.kept = nil
	kept := map[int]ir.Val{}
	for _, i := range elements {
		kept[i] = p.at(b, i)
	}
	p.kept = kept
}

// at is element i of the prepared exponent: kept in a register or read again.
func (p *Pow) at(b *ir.Builder, i int) ir.Val {
	if v, ok := p.kept[i]; ok {
		return v
	}
	return b.LoadSame(p.e, powSpread*b.Size()+powEach*int64(i))
}

// Value is |x|^p: 0 at ±0, +Inf at ±Inf.
func (p *Pow) Value(b *ir.Builder, x ir.Val) ir.Val { return p.value(p, b, x) }

// PowRoutes emits body once for each route, of which the one runs that the exponent at address e is prepared for. The
// route is a float32 0, 1 or 2: its highest byte is 0, 0x3f or 0x40.
func PowRoutes(b *ir.Builder, e ir.Val, body func(p *Pow)) {
	if b.Elem() == ir.F64 {
		body(newPow(b, e, (*Pow).wide, powHi, powA))
		return
	}
	route := b.LoadByte(e, 3)
	b.IfElse(route, 0x40, func() { body(inPasses(b, e, (*Pow).high)) }, func() {
		b.IfElse(route, 0x3f, func() { body(inPasses(b, e, (*Pow).mid)) }, func() { body(newPow(b, e, (*Pow).low)) })
	})
}

// Bits of float32.
const (
	powShift   = 0xf5000
	oneBits    = 0x3f800000
	signAndExp = 0xff800000
)

// split is x = 2^e·m as 2²³·e, m, and the number of m's interval in the low three bits of i.
func (p *Pow) split(b *ir.Builder, x ir.Val) (ex, m, i ir.Val) {
	d := b.IAdd(x, p.shift)
	k := b.And(d, p.exponent)
	return b.IFloat(k), b.ISub(x, k), b.IShr(d, 20)
}

// table is the entry of the table at place `at` for interval i.
func (p *Pow) table(b *ir.Builder, at int, i ir.Val) ir.Val {
	return b.Lookup(p.e, int64(at)*b.Size(), i)
}

// terms is what all routes of float32 need of the logarithm: r = m·c − 1, g, and w without the leading term r·powA.
func (p *Pow) terms(b *ir.Builder, ex, m, i, minusOne ir.Val) (r, g, w ir.Val) {
	r = b.FMA(m, p.table(b, powTableC, i), minusOne)
	g = b.FMA(ex, p.at(b, powHi), p.table(b, powTableHi, i))
	w = b.FMA(ex, p.at(b, powLo), p.table(b, powTableLo, i))
	if p.log != nil {
		b.Stage()
	}
	tail := p.at(b, powC+3)
	for k := powC + 2; k >= powC; k-- {
		tail = b.FMA(tail, r, p.at(b, k))
	}
	tail = b.FMA(tail, r, p.at(b, powALo))
	return r, g, b.FMA(r, tail, w)
}

// exp2 is y·2^k = 2^(g + w) with t = magic + k. With rc what g leaves, 1 + 11/16·rc is exact, and the rest is small.
func (p *Pow) exp2(b *ir.Builder, g, w ir.Val) (y, t ir.Val) {
	t = b.Add(b.Add(g, w), p.magic)
	rc := b.Sub(g, b.Sub(t, p.magic))
	r := b.Add(rc, w)
	if p.log != nil {
		b.Stage()
	}
	most := b.FMA(rc, p.most, b.Const(1))
	q := p.series[len(p.series)-1]
	for i := len(p.series) - 2; i >= 0; i-- {
		q = b.FMA(q, r, p.series[i])
	}
	return b.Add(most, b.FMA(r, q, b.Mul(w, p.most))), t
}

// everywhere is y·2^k for any t = magic + k: beyond the range +Inf and 0.
func (p *Pow) everywhere(b *ir.Builder, y, t ir.Val) ir.Val {
	return timesPow2(b, y, clamped(b, b.Add(t, b.Const(float64(2*format32.bias)))))
}

// The exponents k with which y·2^k is normal for any y from ½ to 2.
const (
	leastPlain = -125
	mostPlain  = 126
)

// plain is y·2^k for t = magic + k with k from leastPlain to mostPlain: the exponent's field grows by k.
func (p *Pow) plain(b *ir.Builder, y, t ir.Val) ir.Val { return b.IAdd(y, b.IShl(t, format32.mant)) }

// notPlain masks the other t: one signed comparison after an addition that wraps.
func (p *Pow) notPlain(b *ir.Builder, t ir.Val) ir.Val {
	const least, range32 = magicBits + leastPlain, 1 << 32
	return b.ICmpGT(b.IAdd(t, b.Bits((1<<31+range32-least)%range32)), b.Bits(1<<31+mostPlain-leastPlain))
}

// magicBits are the bits of format32.magic.
const magicBits = 0x4b400000

// clamped is t of timesPow2 where the result overflows or vanishes.
func clamped(b *ir.Builder, t ir.Val) ir.Val {
	high, low := 129.0, -152.0
	if b.Elem() == ir.F64 {
		high, low = 1025, -1077
	}
	offset := formatOf(b).magic + float64(2*formatOf(b).bias)
	t = b.Min(b.Const(offset+high), t)
	return b.Max(b.Const(offset+low), t)
}

// low brings subnormals up, and takes ±0 and +Inf as they are.
func (p *Pow) low(b *ir.Builder, x ir.Val) ir.Val {
	a := b.And(x, p.abs)
	tiny := b.CmpLT(a, b.Const(format32.minNormal))
	ex, m, i := p.split(b, b.Select(tiny, b.Mul(a, b.Const(0x1p24)), a))
	r, g, w := p.terms(b, b.Sub(ex, b.And(tiny, b.Const(24*0x1p23))), m, i, p.minusOne)
	w = b.FMA(r, p.at(b, powA), w)
	b.Stage()
	y, t := p.exp2(b, g, w)
	y = timesPow2(b, y, b.Add(t, b.Const(float64(2*format32.bias))))
	a = b.Abs(b.Again(x))
	return b.Select(outside(b, a), a, y)
}

// mid has ±0, subnormal x and +Inf beyond the clamps.
func (p *Pow) mid(b *ir.Builder, x ir.Val) (g, w ir.Val) {
	r, g, w := p.termsOrNaN(b, x)
	return g, b.FMA(r, p.at(b, powA), w)
}

// high splits the leading term into h, a multiple of a small power of two, and the remainder −n.
func (p *Pow) high(b *ir.Builder, x ir.Val) (g, w ir.Val) {
	r, g, w := p.termsOrNaN(b, x)
	lead, quantum := p.at(b, powA), p.at(b, powQuantum)
	h := b.Sub(b.FMA(r, lead, quantum), quantum)
	n := b.FNMA(r, lead, h)
	return b.Add(g, h), b.Sub(w, n)
}

// termsOrNaN is terms of |x|, where r and w are NaN where x is: Min takes its second argument then.
func (p *Pow) termsOrNaN(b *ir.Builder, x ir.Val) (r, g, w ir.Val) {
	a := b.And(x, p.abs)
	ex, m, i := p.split(b, a)
	return p.terms(b, ex, m, i, b.Min(p.minusOne, a))
}

// wide is the only route of float64. The quotient s = u/(m + 1), u = m − 1, is split into a multiple of a small power of
// two and the exact remainder over m + 1, where 1/(m+1) = (1 − s)/2; p·log₂ x is held as k + rc + l.
func (p *Pow) wide(b *ir.Builder, x ir.Val) ir.Val {
	abs := b.Abs(x)
	ex, m := splitExp(b, abs)
	u := b.Sub(m, b.Const(1))
	s := b.Div(u, b.Add(m, b.Const(1)))
	z := b.Mul(s, s)
	tail := p.at(b, powAtanh+7)
	for i := powAtanh + 6; i >= powAtanh; i-- {
		tail = b.FMA(tail, z, p.at(b, i))
	}
	tail = b.FMA(tail, z, p.at(b, powALo))
	quantum, a := p.at(b, powQuantum), p.at(b, powA)
	sc := b.Sub(b.Add(s, quantum), quantum)
	rem := b.FNMA(sc, m, b.Sub(u, sc))
	c := b.FNMA(rem, s, rem)
	h := b.Mul(sc, a)
	l := b.FMA(c, p.at(b, powAHalf), b.Mul(s, tail))
	l = b.FMA(ex, p.at(b, powLo), l)
	hi := p.at(b, powHi)
	t, k := roundInt(b, b.Add(b.FMA(ex, hi, h), l), 2*format64.bias)
	rc := b.Sub(h, b.FNMA(ex, hi, k))
	// 2^(rc+l): 1 + 11/16·rc is exact, and the rest is small.
	r := b.Add(rc, l)
	q := horner(b, r, powQF64[:]...)
	y := b.Add(b.FMA(rc, b.Const(0.6875), b.Const(1)), b.FMA(r, q, b.Mul(l, b.Const(0.6875))))
	return b.Select(outside(b, abs), abs, timesPow2(b, y, clamped(b, t)))
}
