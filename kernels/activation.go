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
)

// DefaultSlope is the slope of a leaky ReLU named by ParseActivation.
const DefaultSlope = 0.01

var actNames = [...]string{"identity", "relu", "leaky_relu", "sigmoid", "tanh", "softplus", "elu", "gelu"}

// String is the name that ParseActivation reads.
func (k ActKind) String() string {
	if k < 0 || int(k) >= len(actNames) {
		return "ActKind(" + itoa(int(k)) + ")"
	}
	return actNames[k]
}

// Activation is an activation function.
type Activation struct {
	Kind  ActKind
	Slope float64 // of LeakyReLU below 0; finite and not negative
}

// ParseActivation is the activation of that name: identity, relu, leaky_relu
// (with DefaultSlope), sigmoid, tanh, softplus, elu or gelu. The error is a
// *ArgError.
func ParseActivation(name string) (Activation, error) {
	for k, n := range actNames {
		if n == name {
			a := Activation{Kind: ActKind(k)}
			if a.Kind == LeakyReLU {
				a.Slope = DefaultSlope
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
	if a.Kind == LeakyReLU {
		if slope := T(a.Slope); !finite(slope) || a.Slope < 0 {
			refuse(fn, "act", "slope "+ftoa(a.Slope), "a finite slope of 0 or more")
		}
	}
}

// cost is the work of one element in elements of a bandwidth-bound kernel.
func (a Activation) cost() int {
	switch a.Kind {
	case Identity, ReLU, LeakyReLU:
		return 1
	}
	return 8
}

// Activate applies an activation: y_k = f(z_k). y may be z, but not overlap it
// otherwise. NaN stays NaN.
func Activate[T Float](y, z []T, act Activation) {
	const fn = "Activate"
	checkPair(fn, "y", y, "z", z)
	checkActivation[T](fn, act)
	f := takeFrame[T]()
	f.vector.act = act
	f.elementary(opActivate, y, z, act.cost())
}

// Derivative gives the derivative of an activation at the pre-activation z:
// y_k = f′(z_k). At 0 it is 1 for ReLU, leaky ReLU and ELU. y may be z, but not
// overlap it otherwise. NaN stays NaN, but for Identity, whose derivative is 1
// everywhere.
func Derivative[T Float](y, z []T, act Activation) {
	const fn = "Derivative"
	checkPair(fn, "y", y, "z", z)
	checkActivation[T](fn, act)
	f := takeFrame[T]()
	f.vector.act = act
	f.elementary(opDerivative, y, z, act.cost())
}

// activate is y = f(z); y may be z.
func activate[T Float](act Activation, y, z []T) {
	n := len(y)
	switch act.Kind {
	case Identity:
		copy(y, z)
	case ReLU:
		kActReLU(y, z, n)
	case LeakyReLU:
		kActLeakyReLU(y, z, T(act.Slope), n)
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
func derive[T Float](act Activation, y, z []T) {
	n := len(y)
	switch act.Kind {
	case Identity:
		for k := range y {
			y[k] = 1
		}
	case ReLU:
		kDerReLU(y, z, n)
	case LeakyReLU:
		kDerLeakyReLU(y, z, T(act.Slope), n)
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
