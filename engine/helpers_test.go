package engine

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/hebbkern/hebbkern/kernels"
)

// both runs a test in float32 and float64.
func both(t *testing.T, f32, f64 func(*testing.T)) {
	t.Helper()
	t.Run("float32", f32)
	t.Run("float64", f64)
}

// closeness is the relative error that a few hundred roundings of T in random directions stay below.
func closeness[T kernels.Float]() float64 {
	if single[T]() {
		return 3e-5
	}
	return 1e-12
}

func source(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 99)) }

// randomMatrix is normal with the given scale, with a stride wider than its columns and sentinels in the gaps.
func randomMatrix[T kernels.Float](r *rand.Rand, rows, cols, gap int, scale float64) kernels.Matrix[T] {
	m := kernels.Matrix[T]{Data: make([]T, rows*(cols+gap)), Rows: rows, Cols: cols, Stride: cols + gap}
	for i := range m.Data {
		m.Data[i] = T(math.NaN())
	}
	for i := range rows {
		for j := range cols {
			m.Data[i*m.Stride+j] = T(scale * r.NormFloat64())
		}
	}
	return m
}

func randomVector[T kernels.Float](r *rand.Rand, n int, scale float64) []T {
	return randomMatrix[T](r, 1, n, 0, scale).Data
}

func clone[T kernels.Float](m kernels.Matrix[T]) kernels.Matrix[T] {
	m.Data = append([]T(nil), m.Data...)
	return m
}

// wide is m as rows of float64.
func wide[T kernels.Float](m kernels.Matrix[T]) [][]float64 {
	out := make([][]float64, m.Rows)
	for i := range out {
		out[i] = make([]float64, m.Cols)
		for j, v := range m.Row(i) {
			out[i][j] = float64(v)
		}
	}
	return out
}

// near compares with an error relative to the largest entry.
func near[T kernels.Float](t *testing.T, what string, got kernels.Matrix[T], want [][]float64, tol float64) {
	t.Helper()
	top := 0.0
	for _, r := range want {
		for _, v := range r {
			top = math.Max(top, math.Abs(v))
		}
	}
	for i, r := range want {
		for j, v := range r {
			if d := math.Abs(float64(got.Row(i)[j]) - v); !(d <= tol*top) {
				t.Fatalf("%s[%d, %d] = %v, want %v", what, i, j, got.Row(i)[j], v)
			}
		}
	}
}

func equalBits[T kernels.Float](t *testing.T, what string, a, b []T) {
	t.Helper()
	if len(a) != len(b) {
		t.Fatalf("%s: %d elements against %d", what, len(a), len(b))
	}
	for i := range a {
		if math.Float64bits(float64(a[i])) != math.Float64bits(float64(b[i])) {
			t.Fatalf("%s: element %d is %v against %v", what, i, a[i], b[i])
		}
	}
}

// refused requires an *ArgError that names the argument.
func refused(t *testing.T, what string, err error, arg string) {
	t.Helper()
	var e *ArgError
	if !errors.As(err, &e) {
		t.Fatalf("%s: error %v, want *ArgError", what, err)
	}
	if e.Arg != arg {
		t.Fatalf("%s: %v names %q, want %q", what, err, e.Arg, arg)
	}
	if e.Func == "" || e.Got == "" || e.Want == "" {
		t.Fatalf("%s: incomplete error %+v", what, *e)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// atThreads runs f with each number of threads and gives the setting back.
func atThreads(t *testing.T, f func(threads int)) {
	t.Helper()
	old := kernels.Threads()
	defer kernels.SetThreads(old)
	for n := 1; n <= 4; n++ {
		kernels.SetThreads(n)
		f(n)
	}
}

// layered is a random network of the given sizes with biases.
func layered[T kernels.Float](t *testing.T, r *rand.Rand, hidden kernels.Activation, sizes ...int) *Network[T] {
	t.Helper()
	var w []kernels.Matrix[T]
	var b [][]T
	for l := 1; l < len(sizes); l++ {
		w = append(w, randomMatrix[T](r, sizes[l], sizes[l-1], l%3, 1/math.Sqrt(float64(sizes[l-1]))))
		b = append(b, randomVector[T](r, sizes[l], 0.3))
	}
	n, err := LayeredOver(w, b, hidden, kernels.Activation{})
	must(t, err)
	return n
}

// skipping is a network with a projection past a layer and two projections into one population.
func skipping[T kernels.Float](t *testing.T, r *rand.Rand, hidden kernels.Activation) *Network[T] {
	t.Helper()
	n := &Network[T]{
		Populations: []Population[T]{
			{Units: 5, Input: true}, {Units: 3, Input: true},
			{Units: 7, Activation: hidden, Bias: randomVector[T](r, 7, 0.3)},
			{Units: 6, Activation: hidden, Bias: randomVector[T](r, 6, 0.3)},
			{Units: 4, Output: true, Bias: randomVector[T](r, 4, 0.3)},
		},
		Projections: []Projection[T]{
			{From: 0, To: 2, W: randomMatrix[T](r, 7, 5, 1, 0.5)},
			{From: 1, To: 3, W: randomMatrix[T](r, 6, 3, 0, 0.5)},
			{From: 2, To: 3, W: randomMatrix[T](r, 6, 7, 2, 0.5)},
			{From: 3, To: 4, W: randomMatrix[T](r, 4, 6, 0, 0.5)},
			{From: 2, To: 4, W: randomMatrix[T](r, 4, 7, 0, 0.5)},
			{From: 0, To: 4, W: randomMatrix[T](r, 4, 5, 0, 0.5)},
		},
	}
	must(t, n.Check())
	return n
}

func snapshot[T kernels.Float](t *testing.T, n *Network[T]) []T {
	t.Helper()
	s, err := n.Snapshot(nil)
	must(t, err)
	return s
}

func relu() kernels.Activation { return kernels.Activation{Kind: kernels.ReLU} }

// activations are all kinds of package kernels with their definitions, from package math.
var activations = []struct {
	act   kernels.Activation
	f, df func(z float64) float64
}{
	{kernels.Activation{Kind: kernels.Identity}, func(z float64) float64 { return z }, func(float64) float64 { return 1 }},
	{kernels.Activation{Kind: kernels.ReLU}, func(z float64) float64 { return math.Max(z, 0) }, func(z float64) float64 { return leak(z, 0) }},
	{kernels.Activation{Kind: kernels.LeakyReLU, Slope: 0.2}, func(z float64) float64 { return z * leak(z, 0.2) }, func(z float64) float64 { return leak(z, 0.2) }},
	{kernels.Activation{Kind: kernels.Sigmoid}, sigmoid, func(z float64) float64 { return sigmoid(z) * sigmoid(-z) }},
	{kernels.Activation{Kind: kernels.Tanh}, math.Tanh, func(z float64) float64 { return 1 / math.Pow(math.Cosh(z), 2) }},
	{kernels.Activation{Kind: kernels.Softplus}, func(z float64) float64 { return math.Log1p(math.Exp(z)) }, sigmoid},
	{kernels.Activation{Kind: kernels.ELU}, func(z float64) float64 {
		if z < 0 {
			return math.Expm1(z)
		}
		return z
	}, func(z float64) float64 { return math.Exp(math.Min(z, 0)) }},
	{kernels.Activation{Kind: kernels.GELU}, func(z float64) float64 { return z * normal(z) },
		func(z float64) float64 { return normal(z) + z*math.Exp(-z*z/2)/math.Sqrt(2*math.Pi) }},
	shaped(kernels.Activation{Kind: kernels.BiLU, Slope: -0.3, Shape: 1.25}),
	shaped(kernels.Activation{Kind: kernels.BiPU, Slope: -0.5, Shape: 2}),
	shaped(kernels.Activation{Kind: kernels.BiPU, Slope: 0.25, Shape: 2.4}),
}

// definition is an activation with its definition.
type definition = struct {
	act   kernels.Activation
	f, df func(z float64) float64
}

// shaped is BiLU(a, b), a·z for z < 0, b·z else, or BiPU(c, d), z^c for z > 0, d|z|^c else.
func shaped(act kernels.Activation) definition {
	if act.Kind == kernels.BiLU {
		df := func(z float64) float64 {
			if z < 0 {
				return act.Slope
			}
			return act.Shape
		}
		return definition{act, func(z float64) float64 { return z * df(z) }, df}
	}
	c, d := act.Shape, act.Slope
	return definition{act, func(z float64) float64 {
		if z > 0 {
			return math.Pow(z, c)
		}
		return d * math.Pow(-z, c)
	}, func(z float64) float64 {
		switch {
		case z > 0:
			return c * math.Pow(z, c-1)
		case z < 0:
			return -d * c * math.Pow(-z, c-1)
		}
		return 0
	}}
}

func leak(z, slope float64) float64 {
	if z < 0 {
		return slope
	}
	return 1
}
func sigmoid(z float64) float64 { return 1 / (1 + math.Exp(-z)) }
func normal(z float64) float64  { return math.Erfc(-z/math.Sqrt2) / 2 }

// forward64 is the network in plain float64 loops: Z and A of each population for one sample.
func forward64[T kernels.Float](n *Network[T], x []float64) (z, a [][]float64) {
	for k := range n.Populations {
		p := &n.Populations[k]
		zk := make([]float64, p.Units)
		if p.Input {
			copy(zk, x)
			x = x[p.Units:]
		}
		for i, b := range p.Bias {
			zk[i] = float64(b)
		}
		for _, e := range n.Projections {
			if e.To == k {
				for i := range zk {
					for j, w := range e.W.Row(i) {
						zk[i] += float64(w) * a[e.From][j]
					}
				}
			}
		}
		ak := make([]float64, p.Units)
		for i, v := range zk {
			ak[i] = activation64(p.Activation).f(v)
		}
		z, a = append(z, zk), append(a, ak)
	}
	return z, a
}

func activation64(act kernels.Activation) (found struct{ f, df func(float64) float64 }) {
	for _, c := range activations {
		if c.act.Kind == act.Kind {
			found.f, found.df = c.f, c.df
		}
	}
	if act.Kind == kernels.BiLU || act.Kind == kernels.BiPU {
		found.f, found.df = shaped(act).f, shaped(act).df
	}
	if act.Kind == kernels.LeakyReLU {
		found.f = func(z float64) float64 { return z * leak(z, act.Slope) }
		found.df = func(z float64) float64 { return leak(z, act.Slope) }
	}
	return found
}
