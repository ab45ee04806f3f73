package kernels

// ActKind names an activation function.
type ActKind int

const (
	Identity  ActKind = iota
	ReLU              // max(z, 0); derivative 1 at 0
	LeakyReLU         // z for z ≥ 0, slope·z below; derivative 1 at 0
	Sigmoid           // 1/(1 + e^−z)
	Tanh
	Softplus // ln(1 + e^z)
	ELU      // z for z ≥ 0, e^z − 1 below; derivative 1 at 0
	GELU     // z·Φ(z), the form with erf
	BiLU     // Slope·z below 0, Shape·z from 0 on; derivative Shape at 0
	BiPU     // Slope·|z|^Shape below 0, z^Shape from 0 on; derivative 0 at 0 for Shape > 1
)

// lastKind is the highest of the kinds.
const lastKind = BiPU

// DefaultSlope is the slope of a leaky ReLU named by ParseActivation.
const DefaultSlope = 0.01

var actNames = [...]string{"identity", "relu", "leaky_relu", "sigmoid", "tanh", "softplus", "elu", "gelu", "bilu", "bipu"}

// String is the name that ParseActivation reads.
func (k ActKind) String() string {
	if k < 0 || int(k) >= len(actNames) {
		return "ActKind(" + itoa(int(k)) + ")"
	}
	return actNames[k]
}

// Activation is an activation function. BiLU(a, b) of the literature has Slope a
// and Shape b, BiPU(c, d) has Slope d and Shape c.
type Activation struct {
	Kind  ActKind
	Slope float64 // the factor below 0: of LeakyReLU, finite and not negative; of BiLU and BiPU, finite
	Shape float64 // of BiLU the slope from 0 on, finite; of BiPU the power, finite and above 0
}

// Degree is the c for which f(λz) = λ^c·f(z) for every λ > 0: 1 of the BiLU
// class, which has identity, ReLU and leaky ReLU in it, and the power of BiPU.
// It is 0 where there is none.
func (a Activation) Degree() float64 {
	switch a.Kind {
	case Identity, ReLU, LeakyReLU, BiLU:
		return 1
	case BiPU:
		return a.Shape
	}
	return 0
}

// ParseActivation is the activation of that name: identity, relu, leaky_relu
// (with DefaultSlope), sigmoid, tanh, softplus, elu, gelu, bilu or bipu (whose
// Slope and Shape are the caller's to set: here they are 0 and 1). The error is
// a *ArgError.
func ParseActivation(name string) (Activation, error) {
	for k, n := range actNames {
		if n == name {
			a := Activation{Kind: ActKind(k)}
			switch a.Kind {
			case LeakyReLU:
				a.Slope = DefaultSlope
			case BiLU, BiPU:
				a.Shape = 1
			}
			return a, nil
		}
	}
	want := actNames[0]
	for _, n := range actNames[1:] {
		want += ", " + n
	}
	return Activation{}, &ArgError{Func: "ParseActivation", Arg: "name", Got: name, Want: "one of " + want}
}

func checkActivation[T Float](fn string, a Activation) {
	if a.Kind < 0 || int(a.Kind) >= len(actNames) {
		refuse(fn, "act", a.Kind.String(), "an activation of this package")
	}
	switch a.Kind {
	case LeakyReLU:
		if slope := T(a.Slope); !finite(slope) || a.Slope < 0 {
			refuse(fn, "act", "slope "+ftoa(a.Slope), "a finite slope of 0 or more")
		}
	case BiLU:
		if !finite(T(a.Slope)) || !finite(T(a.Shape)) {
			refuse(fn, "act", "slopes "+ftoa(a.Slope)+" and "+ftoa(a.Shape), "finite slopes")
		}
	case BiPU:
		if !finite(T(a.Slope)) {
			refuse(fn, "act", "slope "+ftoa(a.Slope), "a finite slope")
		}
		if !finite(a.Shape) || !(a.Shape > 0) {
			refuse(fn, "act", "power "+ftoa(a.Shape), "a finite power above 0")
		}
	}
}

// checkDerivative refuses what has none that is finite at 0, or none in T.
func checkDerivative[T Float](fn string, a Activation) {
	if a.Kind != BiPU {
		return
	}
	if a.Shape < 1 {
		refuse(fn, "act", "power "+ftoa(a.Shape), "a power of 1 or more, since the derivative is unbounded at 0 below that")
	}
	if !finite(T(a.Shape)) || !finite(T(a.Shape*a.Slope)) {
		refuse(fn, "act", "power "+ftoa(a.Shape)+" and slope "+ftoa(a.Slope), "a product that is finite")
	}
}

// function is an activation, or its derivative, and what BiPU needs for its
// |z|^p: p is its power, or one less.
type function[T Float] struct {
	Activation
	kind     exponent
	exponent []T
}

// power is the exponent of BiPU.
func (a Activation) power(derivative bool) float64 {
	if derivative {
		return a.Shape - 1
	}
	return a.Shape
}

// function readies an activation; the derivative of a BiPU of power 1, which is
// a BiLU, needs no power.
func (f *frame[T]) function(act Activation, derivative bool) function[T] {
	g := function[T]{Activation: act}
	if act.Kind != BiPU {
		return g
	}
	if p := act.power(derivative); p > 0 {
		g.kind = exponentOf(p)
		g.exponent = f.prepare(g.kind, p)
	}
	return g
}

// cost is the work of one element in elements of a bandwidth-bound kernel.
func (a Activation) cost() int {
	switch a.Kind {
	case Identity, ReLU, LeakyReLU, BiLU:
		return 1
	}
	return 8
}

// Activate applies an activation: y_k = f(z_k). y may be z, but not overlap it
// otherwise. NaN stays NaN. BiPU is round(u·|z|^c) with u = 1 for z ≥ 0 and Slope
// below, |z|^c as PowAbs has it.
func Activate[T Float](y, z []T, act Activation) {
	const fn = "Activate"
	checkPair(fn, "y", y, "z", z)
	checkActivation[T](fn, act)
	f := takeFrame[T]()
	f.vector.act = f.function(act, false)
	f.elementary(opActivate, y, z, act.cost())
}

// Derivative gives the derivative of an activation at the pre-activation z:
// y_k = f′(z_k). At 0 it is that from above: 1 for ReLU, leaky ReLU and ELU, b
// for BiLU(a, b), and for BiPU(c, d) 0 if c > 1, 1 if c = 1; c < 1 is refused.
// BiPU's is round(u·|z|^(c−1)), u being c for z ≥ 0 and −c·d, rounded once, below.
// y may be z, but not overlap it otherwise. NaN stays NaN, but for Identity,
// whose derivative is 1 everywhere.
func Derivative[T Float](y, z []T, act Activation) {
	const fn = "Derivative"
	checkPair(fn, "y", y, "z", z)
	checkActivation[T](fn, act)
	checkDerivative[T](fn, act)
	f := takeFrame[T]()
	f.vector.act = f.function(act, true)
	f.elementary(opDerivative, y, z, act.cost())
}

// activate is y = f(z); y may be z.
func activate[T Float](act *function[T], y, z []T) {
	n := len(y)
	switch act.Kind {
	case Identity:
		copy(y, z)
	case ReLU:
		kActReLU(y, z, n)
	case LeakyReLU:
		kActBiLU(y, z, T(act.Slope), 1, n)
	case BiLU:
		kActBiLU(y, z, T(act.Slope), T(act.Shape), n)
	case BiPU:
		act.bipu(y, z, T(act.Slope), 1)
	case Sigmoid:
		kActSigmoid(y, z, n)
	case Tanh:
		kActTanh(y, z, n)
	case Softplus:
		kActSoftplus(y, z, n)
	case ELU:
		kActELU(y, z, n)
	case GELU:
		kActGELU(y, z, n)
	}
}

// derive is y = f′(z); y may be z.
func derive[T Float](act *function[T], y, z []T) {
	n := len(y)
	switch act.Kind {
	case Identity:
		for k := range y {
			y[k] = 1
		}
	case ReLU:
		kDerReLU(y, z, n)
	case LeakyReLU:
		kDerBiLU(y, z, T(act.Slope), 1, n)
	case BiLU:
		kDerBiLU(y, z, T(act.Slope), T(act.Shape), n)
	case BiPU:
		lower := T(-(act.Shape * act.Slope))
		if act.Shape == 1 {
			kDerBiLU(y, z, lower, 1, n)
			return
		}
		act.bipu(y, z, lower, T(act.Shape))
	case Sigmoid:
		kDerSigmoid(y, z, n)
	case Tanh:
		kDerTanh(y, z, n)
	case Softplus:
		kDerSoftplus(y, z, n)
	case ELU:
		kDerELU(y, z, n)
	case GELU:
		kDerGELU(y, z, n)
	}
}

// bipu is y = upper·|z|^p for z ≥ 0, lower·|z|^p below; y may be z.
func (g *function[T]) bipu(y, z []T, lower, upper T) {
	var block [256]T
	for k := 0; k < len(y); k += len(block) {
		p := block[:min(len(block), len(y)-k)]
		powAbs(g.kind, p, z[k:k+len(p)], g.exponent)
		kBiPU(y[k:], z[k:], p, lower, upper, len(p))
	}
}

// ReLUOr is y_k = z_k for z_k > 0, else p; NaN stays NaN. y may be z, but not
// overlap it otherwise.
func ReLUOr[T Float](y, z []T, p T) {
	checkPair("ReLUOr", "y", y, "z", z)
	f := takeFrame[T]()
	f.vector.alpha = p
	f.elementary(opReLUOr, y, z, 1)
}

// Positive is y_k = 1 for z_k > 0, else 0; NaN stays NaN. y may be z, but not
// overlap it otherwise.
func Positive[T Float](y, z []T) {
	checkPair("Positive", "y", y, "z", z)
	takeFrame[T]().elementary(opPositive, y, z, 1)
}
