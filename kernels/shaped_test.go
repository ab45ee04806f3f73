package kernels

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// shaped are the kinds that take a shape, each with several.
var shaped = []struct {
	act   Activation
	f, df func(z float64) float64 // df nil: refused
}{
	{Activation{BiLU, -0.25, 1.5}, func(z float64) float64 { return z * step(z, -0.25, 1.5) }, func(z float64) float64 { return step(z, -0.25, 1.5) }},
	{Activation{BiLU, 3, 0}, func(z float64) float64 { return z * step(z, 3, 0) }, func(z float64) float64 { return step(z, 3, 0) }},
	powered(-0.5, 2), powered(0.75, 3), powered(2, 1), powered(0, 1.5), powered(-1, 2.7), powered(1, 1.2), powered(0.5, 4), powered(-2, 5),
	powered(1, 0.5), powered(-1, 0.3),
}

// powered is BiPU(c, d): z^c for z > 0, d|z|^c else.
func powered(d, c float64) (p struct {
	act   Activation
	f, df func(z float64) float64
}) {
	p.act = Activation{BiPU, d, c}
	p.f = func(z float64) float64 { return step(z, d, 1) * math.Pow(math.Abs(z), c) }
	if c >= 1 {
		p.df = func(z float64) float64 { return step(z, -c*d, c) * math.Pow(math.Abs(z), c-1) }
	}
	return p
}

// The bound: 2 roundings of the product, 4 ULP of the power.
func TestShapedActivations(t *testing.T) {
	bothTypes(t, testShapedActivations[float32], testShapedActivations[float64])
}

func testShapedActivations[T Float](t *testing.T) {
	var z []T
	for v := -3.0; v <= 3; v += 1.0 / 64 {
		z = append(z, T(v), T(v*1e-3))
	}
	z = append(z, T(math.Copysign(0, -1)), T(nan))
	y, d := make([]T, len(z)), make([]T, len(z))
	for _, c := range shaped {
		Activate(y, z, c.act)
		if c.df != nil {
			Derivative(d, z, c.act)
		}
		for k, v := range z {
			if v != v {
				require.True(t, y[k] != y[k] && (c.df == nil || d[k] != d[k]), c.act)
				continue
			}
			want := c.f(float64(v))
			requireNear(t, want, float64(y[k]), 12*unitRoundoff[T]()*math.Abs(want), fmt.Sprint(c.act), v)
			if c.df != nil {
				want := c.df(float64(v))
				requireNear(t, want, float64(d[k]), 12*unitRoundoff[T]()*math.Abs(want), fmt.Sprint(c.act, " derivative"), v)
			}
		}
		in := append([]T(nil), z...)
		Activate(in, in, c.act)
		requireSameBits(t, y, in, "in place")
		if c.df != nil {
			copy(in, z)
			Derivative(in, in, c.act)
			requireSameBits(t, d, in, "derivative in place")
		}
		// Fused into a forward pass: one unit a row, and a batch of one unit. A dot of -0 is +0.
		z[len(z)-2] = 0
		Activate(y, z, c.act)
		w, out := Matrix[T]{z, len(z), 1, 1}, make([]T, len(z))
		Forward(out, w, []T{1}, nil, c.act)
		requireSameBits(t, y, out, "Forward")
		batch := NewMatrix[T](len(z), 1)
		ForwardBatch(batch, MatrixOf([]T{1}, 1, 1), w, nil, c.act)
		requireSameBits(t, y, batch.Data, "ForwardBatch")
		z[len(z)-2] = T(math.Copysign(0, -1))
	}
	// A leaky ReLU is a BiLU, and a BiPU of power 1 one with the other sign below.
	for _, same := range [][2]Activation{{{Kind: LeakyReLU, Slope: 0.2}, {BiLU, 0.2, 1}}, {{BiPU, 0.7, 1}, {BiLU, -0.7, 1}}} {
		for _, f := range []func(y, z []T, a Activation){Activate[T], Derivative[T]} {
			n := len(z) - 2 // the power's zero is +0
			f(y[:n], z[:n], same[0])
			f(d[:n], z[:n], same[1])
			requireSameBits(t, y[:n], d[:n], fmt.Sprint(same))
		}
	}
}

func TestDegree(t *testing.T) {
	for kind := range activationOf {
		a := Activation{kind, 0.3, 2.5}
		c := a.Degree()
		for _, z := range []float64{-2, -0.5, 0.25, 3} {
			x := []float64{z, 2 * z}
			Activate(x, x, a)
			if scaled := math.Abs(x[1]-math.Pow(2, c)*x[0]) < 1e-12; c > 0 {
				require.True(t, scaled, "%v at %v", kind, z)
			} else {
				require.False(t, scaled, "%v at %v", kind, z)
			}
		}
	}
}
