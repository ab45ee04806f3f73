package texts

import "github.com/hebbkern/hebbkern/gen/ir"

// The elementary functions repeat package portable's definitions bit for bit, NaN payloads excepted. They may differ
// from them in form where no result can change: a negation moves into a fused operation, a clamp that cannot take
// effect is left out. A function of float32 that portable computes in float64 widens to two float64 vectors.

// floatFormat is what the functions need of an element type.
type floatFormat struct {
	mant, bias    int64   // bits of the significand without the leading one, bias of the exponent
	magic         float64 // 1.5·2^mant: adding it rounds to an integer, which the low bits then hold
	minNormal     float64
	up            int64  // 2^up makes every subnormal normal
	one, sqrtHalf uint64 // the bits of 1 and √½
	integer       uint64 // the bits of 2^mant
	top           uint64 // the largest signed integer of the width
	outside       uint64 // see outside
}

func formatOf(b *ir.Builder) *floatFormat {
	if b.Elem() == ir.F32 {
		return &format32
	}
	return &format64
}

var format32 = floatFormat{
	mant: 23, bias: 127, magic: 0x1.8p23, minNormal: 0x1p-126, up: 24,
	one: 0x3f800000, sqrtHalf: 0x3f3504f3, integer: 0x4b000000, top: 1<<31 - 1, outside: 1<<32 - 0x800002,
}

var format64 = floatFormat{
	mant: 52, bias: 1023, magic: 0x1.8p52, minNormal: 0x1p-1022, up: 54,
	one: 0x3ff0000000000000, sqrtHalf: 0x3fe6a09e667f3bcd, integer: 0x4330000000000000, top: 1<<63 - 1,
	outside: 1<<64 - 0x10000000000002,
}

// halves runs f on float64 lanes and rounds its results to float32.
func halves(b *ir.Builder, x ir.Val, f Function) ir.Val {
	if x.Class == ir.Uniform {
		x = b.Var(x)
	}
	lo, hi := b.Widen(x)
	b.As64(func() { lo = f(b, lo) })
	b.As64(func() { hi = f(b, hi) })
	return b.Narrow(lo, hi)
}

// horner is c[0] + c[1]·x + … by fma from the highest power down.
func horner(b *ir.Builder, x ir.Val, c ...float64) ir.Val {
	y := b.Const(c[len(c)-1])
	for i := len(c) - 2; i >= 0; i-- {
		y = b.FMA(y, x, b.Const(c[i]))
	}
	return y
}

// negAbs is −|x|.
func negAbs(b *ir.Builder, x ir.Val) ir.Val { return b.Or(x, b.Sign()) }

// signOf is y ≥ +0 with the sign bit of x.
func signOf(b *ir.Builder, y, x ir.Val) ir.Val { return b.Or(y, b.And(x, b.Sign())) }

// roundInt splits x into t = x + magic + offset, whose low bits hold the rounded x, and that as a number k.
func roundInt(b *ir.Builder, x ir.Val, offset int64) (t, k ir.Val) {
	m := b.Const(formatOf(b).magic + float64(offset))
	t = b.Add(x, m)
	return t, b.Sub(t, m)
}

// timesPow2 is y·2^k for t = magic + 2·bias + k, in two factors 2^⌊k/2⌉ and the rest, since 2^k itself may be out of range.
func timesPow2(b *ir.Builder, y, t ir.Val) ir.Val {
	f := formatOf(b)
	h := b.IShr(t, 1)
	y = b.Mul(y, b.IShl(h, f.mant))
	return b.Mul(y, b.IShl(b.ISub(t, h), f.mant))
}

// splitExp is x = 2^e·m, m in [√½, √2), for x in (0, +Inf), subnormals included; for other x e and m are finite and of no
// meaning.
func splitExp(b *ir.Builder, x ir.Val) (e, m ir.Val) {
	f := formatOf(b)
	tiny := b.CmpLT(x, b.Const(f.minNormal))
	y := b.Select(tiny, b.Mul(x, b.Const(float64(int64(1)<<f.up))), x)
	bias := float64(int64(1)<<f.mant + f.bias)
	return normalParts(b, y, b.Select(tiny, b.Const(bias+float64(f.up)), b.Const(bias)))
}

// normalParts is splitExp for normal x; bias is 2^mant plus the exponent's bias.
func normalParts(b *ir.Builder, x, bias ir.Val) (e, m ir.Val) {
	f := formatOf(b)
	d := b.IAdd(x, b.Bits(f.one-f.sqrtHalf)) // the carry into the exponent comes at √½ and not at 1
	m = b.IAdd(b.And(d, b.Bits(1<<f.mant-1)), b.Bits(f.sqrtHalf))
	e = b.Sub(b.Or(b.IShr(d, f.mant), b.Bits(f.integer)), bias)
	return e, m
}

// outside masks the x that are not in (0, +Inf): ±0, negative, +Inf, NaN. One signed comparison after an addition that
// wraps.
func outside(b *ir.Builder, x ir.Val) ir.Val {
	f := formatOf(b)
	return b.ICmpGT(b.IAdd(x, b.Bits(f.top)), b.Bits(f.outside))
}

// byElem is the function of the element type for which the text is being built.
func byElem(f32, f64 Function) Function {
	return func(b *ir.Builder, x ir.Val) ir.Val {
		if b.Elem() == ir.F32 {
			return f32(b, x)
		}
		return f64(b, x)
	}
}

// widened is byElem for a float32 function that is computed in float64 lanes.
func widened(short, f64 Function) Function {
	return byElem(func(b *ir.Builder, x ir.Val) ir.Val { return halves(b, x, short) }, f64)
}

// Exp2 is 2^x: +Inf and 0 beyond the range.
func Exp2(b *ir.Builder, x ir.Val) ir.Val { return byElem(exp2F32, exp2F64)(b, x) }

// Exp is e^x: +Inf and 0 beyond the range.
func Exp(b *ir.Builder, x ir.Val) ir.Val { return byElem(expF32, expF64)(b, x) }

// Log2 is log₂ x: −Inf at ±0, NaN below.
func Log2(b *ir.Builder, x ir.Val) ir.Val { return byElem(log2F32, log2F64)(b, x) }

// Log is ln x: −Inf at ±0, NaN below.
func Log(b *ir.Builder, x ir.Val) ir.Val { return byElem(logF32, logF64)(b, x) }

// Expm1 is e^x − 1, −0 at −0.
func Expm1(b *ir.Builder, x ir.Val) ir.Val { return byElem(expm1F32, expm1F64)(b, x) }

// Erf is the error function.
func Erf(b *ir.Builder, x ir.Val) ir.Val { return widened(erfShort, erfF64)(b, x) }

// Tanh is the hyperbolic tangent.
func Tanh(b *ir.Builder, x ir.Val) ir.Val { return widened(tanhShort, tanhF64)(b, x) }

// DerTanh is 1 − tanh² x = 4E/(1 + E)², E = e^(−2|x|).
func DerTanh(b *ir.Builder, x ir.Val) ir.Val { return widened(derTanhShort, derTanhF64)(b, x) }

// Sigmoid is 1/(1 + e^−x).
func Sigmoid(b *ir.Builder, x ir.Val) ir.Val { return widened(sigmoidShort, sigmoidF64)(b, x) }

// DerSigmoid is σ(x)(1 − σ(x)) = E/(1 + E)², E = e^−|x|.
func DerSigmoid(b *ir.Builder, x ir.Val) ir.Val { return widened(derSigmoidShort, derSigmoidF64)(b, x) }

// Softplus is ln(1 + e^x).
func Softplus(b *ir.Builder, x ir.Val) ir.Val { return widened(softplusShort, softplusF64)(b, x) }

// DerSoftplus is the derivative of Softplus, which is Sigmoid.
func DerSoftplus(b *ir.Builder, x ir.Val) ir.Val { return Sigmoid(b, x) }

// GELU is x·Φ(x) = ½x(1 + erf(x/√2)).
func GELU(b *ir.Builder, x ir.Val) ir.Val { return widened(geluShort, geluF64)(b, x) }

// DerGELU is Φ(x) + x·φ(x). In float32, too, it needs all of float64 near its zero at −0.7518.
func DerGELU(b *ir.Builder, x ir.Val) ir.Val { return widened(derGELUF64, derGELUF64)(b, x) }

// ELU is x for x ≥ 0, else e^x − 1.
func ELU(b *ir.Builder, x ir.Val) ir.Val { return byElem(eluF32, eluF64)(b, x) }

// DerELU is 1 for x ≥ 0, else e^x: both are e^min(0, x), since e^0 comes out as 1.
func DerELU(b *ir.Builder, x ir.Val) ir.Val {
	x = b.Min(b.Const(0), x)
	if b.Elem() == ir.F32 {
		return expBelowF32(b, x)
	}
	return expBelowF64(b, x)
}

// ReLU is IEEE 754-2019 maximum(x, +0): NaN stays NaN, −0 gives +0.
func ReLU(b *ir.Builder, x ir.Val) ir.Val { return b.AndNot(b.CmpLE(x, b.Const(0)), x) }

// BiLU is round(upper·x) for x ≥ 0, else round(lower·x).
func BiLU(lower, upper ir.Val) Function {
	return func(b *ir.Builder, x ir.Val) ir.Val { return b.Mul(branch(b, x, lower, upper), x) }
}

// branch is upper for x ≥ 0, zeros of both signs included, else lower, also for NaN.
func branch(b *ir.Builder, x, lower, upper ir.Val) ir.Val {
	return b.Select(b.CmpLE(b.Const(0), x), upper, lower)
}

// DerReLU is 1 for x ≥ 0, zeros of both signs included, and 0 below; NaN stays NaN.
func DerReLU(b *ir.Builder, x ir.Val) ir.Val {
	return b.Or(b.AndNot(b.CmpLT(x, b.Const(0)), b.Const(1)), b.CmpUN(x, x))
}

// DerBiLU is upper for x ≥ 0 and lower below; NaN stays NaN.
func DerBiLU(lower, upper ir.Val) Function {
	return func(b *ir.Builder, x ir.Val) ir.Val {
		return b.Or(branch(b, x, lower, upper), b.CmpUN(x, x))
	}
}
