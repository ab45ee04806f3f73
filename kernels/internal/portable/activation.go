package portable

// Activations y_k = f(z_k) of n elements. y may be z.

// ActReLU is y = maximum(z, +0): NaN stays NaN, −0 gives +0.
func ActReLU[T Float](y, z []T, n int) {
	y = y[:n]
	for k, v := range z[:n] {
		y[k] = maximum(v, 0)
	}
}

// ActBiLU is y = round(upper·z) for z ≥ 0, else round(lower·z); a factor of 1 is
// exact.
func ActBiLU[T Float](y, z []T, lower, upper T, n int) {
	y = y[:n]
	for k, v := range z[:n] {
		y[k] = branch(v, lower, upper) * v
	}
}

// BiPU is y = round(upper·p) for z ≥ 0, else round(lower·p), where p is a power
// of |z|; y may be z, not p.
func BiPU[T Float](y, z, p []T, lower, upper T, n int) {
	y, p = y[:n], p[:n]
	for k, v := range z[:n] {
		y[k] = branch(v, lower, upper) * p[k]
	}
}

// branch is upper for z ≥ 0 (zero of either sign included), else lower.
func branch[T Float](z, lower, upper T) T {
	if z >= 0 {
		return upper
	}
	return lower
}

// ActSigmoid is y = Sigmoid(z).
func ActSigmoid[T Float](y, z []T, n int) {
	y = y[:n]
	for k, v := range z[:n] {
		y[k] = Sigmoid(v)
	}
}

// ActTanh is y = Tanh(z).
func ActTanh[T Float](y, z []T, n int) {
	y = y[:n]
	for k, v := range z[:n] {
		y[k] = Tanh(v)
	}
}

// ActSoftplus is y = Softplus(z).
func ActSoftplus[T Float](y, z []T, n int) {
	y = y[:n]
	for k, v := range z[:n] {
		y[k] = Softplus(v)
	}
}

// ActELU is y = z for z ≥ 0, else Expm1(z).
func ActELU[T Float](y, z []T, n int) {
	y = y[:n]
	for k, v := range z[:n] {
		if v >= 0 {
			y[k] = v
		} else {
			y[k] = Expm1(v)
		}
	}
}

// ActGELU is y = GELU(z), the form with erf.
func ActGELU[T Float](y, z []T, n int) {
	y = y[:n]
	for k, v := range z[:n] {
		y[k] = GELU(v)
	}
}

// Derivatives y_k = f′(z_k) at the pre-activation z, n elements. y may be z.

// DerReLU is y = 1 for z ≥ 0 (zero of either sign included), else 0; NaN stays
// NaN.
func DerReLU[T Float](y, z []T, n int) {
	DerBiLU(y, z, 0, 1, n)
}

// DerBiLU is y = upper for z ≥ 0, lower for z < 0; NaN stays NaN.
func DerBiLU[T Float](y, z []T, lower, upper T, n int) {
	y = y[:n]
	for k, v := range z[:n] {
		if v == v {
			v = branch(v, lower, upper)
		}
		y[k] = v
	}
}

// DerSigmoid is y = SigmoidDerivative(z).
func DerSigmoid[T Float](y, z []T, n int) {
	y = y[:n]
	for k, v := range z[:n] {
		y[k] = SigmoidDerivative(v)
	}
}

// DerTanh is y = TanhDerivative(z).
func DerTanh[T Float](y, z []T, n int) {
	y = y[:n]
	for k, v := range z[:n] {
		y[k] = TanhDerivative(v)
	}
}

// DerSoftplus is y = Sigmoid(z).
func DerSoftplus[T Float](y, z []T, n int) {
	ActSigmoid(y, z, n)
}

// DerELU is y = ELUDerivative(z).
func DerELU[T Float](y, z []T, n int) {
	y = y[:n]
	for k, v := range z[:n] {
		y[k] = ELUDerivative(v)
	}
}

// DerGELU is y = GELUDerivative(z).
func DerGELU[T Float](y, z []T, n int) {
	y = y[:n]
	for k, v := range z[:n] {
		y[k] = GELUDerivative(v)
	}
}

// ReLUOr is y = z for z > 0, else p; NaN stays NaN.
func ReLUOr[T Float](y, z []T, p T, n int) {
	y = y[:n]
	for k, v := range z[:n] {
		if v <= 0 {
			v = p
		}
		y[k] = v
	}
}

// Positive is y = 1 for z > 0, else 0; NaN stays NaN.
func Positive[T Float](y, z []T, n int) {
	y = y[:n]
	for k, v := range z[:n] {
		switch {
		case v > 0:
			v = 1
		case v <= 0:
			v = 0
		}
		y[k] = v
	}
}

// Elementary functions of n elements. y may be x.

// ExpV is y = Exp(x).
func ExpV[T Float](y, x []T, n int) {
	y = y[:n]
	for k, v := range x[:n] {
		y[k] = Exp(v)
	}
}

// LogV is y = Log(x).
func LogV[T Float](y, x []T, n int) {
	y = y[:n]
	for k, v := range x[:n] {
		y[k] = Log(v)
	}
}

// Exp2V is y = Exp2(x).
func Exp2V[T Float](y, x []T, n int) {
	y = y[:n]
	for k, v := range x[:n] {
		y[k] = Exp2(v)
	}
}

// Log2V is y = Log2(x).
func Log2V[T Float](y, x []T, n int) {
	y = y[:n]
	for k, v := range x[:n] {
		y[k] = Log2(v)
	}
}

// PowScratch is the most scratch that PowAbsV uses.
const PowScratch = 1024

// PowAbsV is y = PowAbs(x, e) = |x|^p, with e the exponent as PowPrepare left
// it. The assembly leaves something in t, of length min(n, PowScratch).
func PowAbsV[T Float](y, x, e, _ []T, n int) {
	y = y[:n]
	for k, v := range x[:n] {
		y[k] = PowAbs(v, e)
	}
}
