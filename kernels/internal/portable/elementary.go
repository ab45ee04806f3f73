package portable

import (
	"math"
	"unsafe"
)

// The elementary functions of both types: float32 within 1 ULP, float64
// within 2, except where the concrete function says otherwise.

// Exp2 is 2^x.
func Exp2[T Float](x T) T {
	if is32[T]() {
		return T(exp2F32(float32(x)))
	}
	return T(exp2F64(float64(x)))
}

// Exp is e^x.
func Exp[T Float](x T) T {
	if is32[T]() {
		return T(expF32(float32(x)))
	}
	return T(expF64(float64(x)))
}

// Log2 is log₂ x: −Inf at ±0, NaN below.
func Log2[T Float](x T) T {
	if is32[T]() {
		return T(log2F32(float32(x)))
	}
	return T(log2F64(float64(x)))
}

// Log is ln x: −Inf at ±0, NaN below.
func Log[T Float](x T) T {
	if is32[T]() {
		return T(logF32(float32(x)))
	}
	return T(logF64(float64(x)))
}

// Expm1 is e^x − 1, the negative branch of ELU; −0 at −0.
func Expm1[T Float](x T) T {
	if is32[T]() {
		return T(expm1F32(float32(x)))
	}
	return T(expm1F64(float64(x)))
}

// Tanh is the hyperbolic tangent.
func Tanh[T Float](x T) T {
	if is32[T]() {
		return T(tanhF32(float32(x)))
	}
	return T(tanhF64(float64(x)))
}

// TanhDerivative is 1 − tanh² x, without cancellation.
func TanhDerivative[T Float](x T) T {
	if is32[T]() {
		return T(tanhDerivativeF32(float32(x)))
	}
	return T(tanhDerivativeF64(float64(x)))
}

// Sigmoid is 1/(1 + e^−x), also the derivative of Softplus.
func Sigmoid[T Float](x T) T {
	if is32[T]() {
		return T(sigmoidF32(float32(x)))
	}
	return T(sigmoidF64(float64(x)))
}

// SigmoidDerivative is σ(x)(1 − σ(x)), without cancellation.
func SigmoidDerivative[T Float](x T) T {
	if is32[T]() {
		return T(sigmoidDerivativeF32(float32(x)))
	}
	return T(sigmoidDerivativeF64(float64(x)))
}

// Softplus is ln(1 + e^x).
func Softplus[T Float](x T) T {
	if is32[T]() {
		return T(softplusF32(float32(x)))
	}
	return T(softplusF64(float64(x)))
}

// Erf is the error function.
func Erf[T Float](x T) T {
	if is32[T]() {
		return T(erfF32(float32(x)))
	}
	return T(erfF64(float64(x)))
}

// GELU is x·Φ(x) = ½x(1 + erf(x/√2)); −0 at −Inf. In float64 within 5 ULP.
func GELU[T Float](x T) T {
	if is32[T]() {
		return T(geluF32(float32(x)))
	}
	return T(geluF64(float64(x)))
}

// GELUDerivative is Φ(x) + x·φ(x). In float64 its error is 5 ULP of the larger
// of the two terms, so near its zero at −0.7518 more than that of the result.
func GELUDerivative[T Float](x T) T {
	if is32[T]() {
		return T(geluDerivativeF32(float32(x)))
	}
	return T(geluDerivativeF64(float64(x)))
}

// ELUDerivative is 1 for x ≥ 0, else e^x.
func ELUDerivative[T Float](x T) T {
	if x >= 0 {
		return 1
	}
	return Exp(x)
}

// PowPrepare fills e, at least PowLen long, for the exponent p > 0. Only
// arithmetic of this package is used, so e is the same everywhere.
func PowPrepare[T Float](p float64, e []T) {
	var v [powSpread]float64
	if is32[T]() {
		powPrepare32(p, &v)
	} else {
		powPrepare64(p, &v)
	}
	for i, c := range v {
		e[i] = T(c)
	}
	each := powEach / int(unsafe.Sizeof(e[0]))
	for i := powSpread; i < PowLen; i++ {
		e[i] = e[(i-powSpread)/each]
	}
}

// PowAbs is |x|^p for an e from PowPrepare: 0 at ±0, +Inf at ±Inf.
func PowAbs[T Float](x T, e []T) T {
	if is32[T]() {
		return T(pow32(float32(x), *(*[]float32)(unsafe.Pointer(&e))))
	}
	return T(pow64(float64(x), *(*[]float64)(unsafe.Pointer(&e))))
}

// The direct forms correct the rounding of their first step by its exact
// remainder, which an fma gives. Only where the result overflows can the
// correction be NaN or infinite; the lowest finite value then takes the place
// of NaN and −Inf, so that +Inf comes out.

// PowHalf is |x|^½.
func PowHalf[T Float](x T) T { return T(math.Sqrt(math.Abs(float64(x)))) }

// Pow1 is |x|.
func Pow1[T Float](x T) T { return T(math.Abs(float64(x))) }

// PowThreeHalves is |x|^(3/2): s = √a, r = a − s², a·s + ½s·r. 7 operations.
func PowThreeHalves[T Float](x T) T {
	a := Pow1(x)
	s := PowHalf(x)
	c := T(T(0.5*s) * FMA(-s, s, a))
	return FMA(a, s, atLeastLowest(c))
}

// Pow2 is x². 1 operation.
func Pow2[T Float](x T) T { return T(x * x) }

// Pow3 is |x|³: q = a², r = a² − q, q·a + r·a. 6 operations.
func Pow3[T Float](x T) T {
	a := Pow1(x)
	q := T(a * a)
	c := T(FMA(a, a, -q) * a)
	return FMA(q, a, atLeastLowest(c))
}

// Pow4 is x⁴: q = x², r = x² − q, q² + q·2r. 6 operations.
func Pow4[T Float](x T) T {
	q := T(x * x)
	r := FMA(x, x, -q)
	c := T(q * (r + r))
	return FMA(q, q, atLeastLowest(c))
}

// atLeastLowest is the vector maximum of c and the lowest finite value, which
// also takes the place of NaN.
func atLeastLowest[T Float](c T) T {
	lowest := -math.MaxFloat64
	if is32[T]() {
		lowest = -math.MaxFloat32
	}
	if c > T(lowest) {
		return c
	}
	return T(lowest)
}
