package engine

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/hebbkern/hebbkern/kernels"
)

// σ of each activation, of both kinds and reductions, against σ ← αa + (1 − α)σ from σ₀ = 0 in plain loops.
func TestExponentialGains(t *testing.T) {
	both(t, testExponentialGains[float32], testExponentialGains[float64])
}

func testExponentialGains[T kernels.Float](t *testing.T) {
	const units, alpha = 7, 0.3
	for _, c := range activations {
		for of := OfActivation; of <= OfDerivative; of++ {
			for _, red := range []Reduction{Sequential, Mean} {
				g := Exponential[T]{Sigma: make([]T, units), Alpha: alpha, Of: of}
				want := make([]float64, units)
				r := source(11)
				for batch := 1; batch <= 5; batch++ {
					z := randomMatrix[T](r, batch, units, batch%2, 1.5)
					z.Row(0)[0] = 0 // ReLU′(0) = 1
					must(t, g.Update(z, c.act, red, nil))
					mean := make([]float64, units)
					for b := range batch {
						for j, v := range z.Row(b) {
							a := c.f(float64(v))
							if of == OfDerivative {
								a = c.df(float64(v))
							}
							mean[j] += a / float64(batch)
							if red == Sequential {
								want[j] = alpha*a + (1-alpha)*want[j]
							}
						}
					}
					if red == Mean {
						for j, a := range mean {
							want[j] = alpha*a + (1-alpha)*want[j]
						}
					}
				}
				near(t, fmt.Sprint(c.act, of, red), rowVector(g.Sigma), [][]float64{want}, closeness[T]())
			}
		}
	}
}

func TestExponentialRefuses(t *testing.T) {
	sigma := []float64{1, 2}
	base := []float64{1, 2, 3, 4}
	z := kernels.MatrixOf(base, 2, 2)
	for _, c := range []struct {
		arg string
		g   Exponential[float64]
		z   kernels.Matrix[float64]
		act kernels.Activation
		red Reduction
	}{
		{"alpha", Exponential[float64]{sigma, -0.1, OfActivation}, z, relu(), Mean},
		{"alpha", Exponential[float64]{sigma, 1.1, OfActivation}, z, relu(), Mean},
		{"alpha", Exponential[float64]{sigma, math.NaN(), OfActivation}, z, relu(), Mean},
		{"of", Exponential[float64]{sigma, 0.5, 2}, z, relu(), Mean},
		{"reduction", Exponential[float64]{sigma, 0.5, OfActivation}, z, relu(), Sum},
		{"activation", Exponential[float64]{sigma, 0.5, OfActivation}, z, kernels.Activation{Kind: 99}, Mean},
		{"activation", Exponential[float64]{sigma, 0.5, OfActivation}, z, kernels.Activation{Kind: kernels.LeakyReLU, Slope: math.NaN()}, Mean},
		{"activation", Exponential[float64]{sigma, 0.5, OfActivation}, z, kernels.Activation{Kind: kernels.BiLU, Shape: math.Inf(1)}, Mean},
		{"activation", Exponential[float64]{sigma, 0.5, OfActivation}, z, kernels.Activation{Kind: kernels.BiPU, Shape: -1}, Mean},
		{"activation", Exponential[float64]{sigma, 0.5, OfDerivative}, z, kernels.Activation{Kind: kernels.BiPU, Slope: 1, Shape: 0.9}, Mean},
		{"activation", Exponential[float64]{sigma, 0.5, OfDerivative}, z, kernels.Activation{Kind: kernels.BiPU, Slope: 1e30, Shape: 1e30}, Mean},
		{"z", Exponential[float64]{sigma[:1], 0.5, OfActivation}, z, relu(), Mean},
		{"sigma", Exponential[float64]{base[1:3], 0.5, OfActivation}, z, relu(), Mean},
	} {
		refused(t, c.arg, c.g.Update(c.z, c.act, c.red, nil), c.arg)
	}
	equalBits(t, "sigma", sigma, []float64{1, 2})
	equalBits(t, "z", base, []float64{1, 2, 3, 4})
	g := Exponential[float64]{sigma, 0.5, OfActivation}
	must(t, g.Update(kernels.NewMatrix[float64](0, 2), relu(), Mean, nil))
	equalBits(t, "an empty batch", sigma, []float64{1, 2})
}

// A step of the linear form equals forward, averages and formula in plain loops; biases stay.
func TestGainTrainingLinear(t *testing.T) {
	both(t, testGainTrainingLinear[float32], testGainTrainingLinear[float64])
}

func testGainTrainingLinear[T kernels.Float](t *testing.T) {
	const lr, alpha = 0.05, 0.4
	for of := OfActivation; of <= OfDerivative; of++ {
		for _, make := range []func(*testing.T) *Network[T]{
			func(t *testing.T) *Network[T] { return layered[T](t, source(1), relu(), 6, 8, 8, 4) },
			func(t *testing.T) *Network[T] {
				return skipping[T](t, source(1), kernels.Activation{Kind: kernels.Tanh})
			},
		} {
			n := make(t)
			g := NewGainTraining(n, lr, alpha)
			g.Of = of
			r := source(2)
			sigma := zeros(len(n.Populations), 8)
			for range 3 {
				x := randomMatrix[T](r, 5, n.InputUnits(), 0, 1)
				mean := zeros(len(n.Populations), 8)
				for b := range x.Rows {
					z, a := forward64(n, wide(x)[b])
					for k := range a {
						for i := range a[k] {
							v := a[k][i]
							if of == OfDerivative {
								v = activation64(n.Populations[k].Activation).df(z[k][i])
							}
							mean[k][i] += v / float64(x.Rows)
						}
					}
				}
				for k := range sigma {
					for i := range sigma[k] {
						sigma[k][i] = alpha*mean[k][i] + (1-alpha)*sigma[k][i]
					}
				}
				var want [][][]float64
				for _, e := range n.Projections {
					w := wide(e.W)
					for i := range w {
						for j := range w[i] {
							w[i][j] += lr * (sigma[e.From][j]*sigma[e.From][j] - sigma[e.To][i]*sigma[e.To][i]) * w[i][j]
						}
					}
					want = append(want, w)
				}
				bias := append([]T(nil), n.Populations[2].Bias...)
				must(t, g.Step(n, x, nil))
				for q, e := range n.Projections {
					near(t, fmt.Sprint("weights ", q), e.W, want[q], closeness[T]())
				}
				for k := range n.Populations {
					near(t, fmt.Sprint("gains ", k), rowVector(g.Sigma[k]), [][]float64{sigma[k][:n.Populations[k].Units]}, closeness[T]())
				}
				equalBits(t, "bias", bias, n.Populations[2].Bias)
			}
		}
	}
}

// The linear form has no balanced fixed point: with a constant η the deficit grows by orders of magnitude with
// gains of the activation, and the weights overflow with gains of the derivative, which is an error that names
// the layer. A limit keeps the weights finite.
func TestGainTrainingLinearIsUnstable(t *testing.T) {
	run := func(of GainOf, lr, limit float64) (ratio float64, err error) {
		n := layered[float64](t, source(21), relu(), 6, 8, 8, 4)
		_, before, err := Deficit(n, BalanceOptions{P: 2}, nil)
		must(t, err)
		g := NewGainTraining(n, lr, 0.05)
		g.Of, g.Limit = of, limit
		r := source(22)
		var s Scratch[float64]
		for step := 0; step < 3000 && err == nil; step++ {
			err = g.Step(n, randomMatrix[float64](r, 10, 6, 0, 1), &s)
		}
		for q := range n.Projections {
			if limit > 0 && maxAbs(wide(n.Projections[q].W)) > limit {
				t.Errorf("a weight beyond the limit in layer %d", q)
			}
		}
		if err != nil {
			return 0, err
		}
		_, after, err := Deficit(n, BalanceOptions{P: 2}, nil)
		return after / before, err
	}
	ratio, err := run(OfActivation, 0.01, 0)
	if err == nil && ratio < 1000 {
		t.Errorf("the deficit grew only %v-fold", ratio)
	}
	_, err = run(OfDerivative, 0.5, 0)
	var e *DivergenceError
	if !errors.As(err, &e) || e.Layer < 0 {
		t.Errorf("gains of the derivative: error %v, want a divergence that names the layer", err)
	}
	if _, err = run(OfDerivative, 0.5, 10); err != nil {
		t.Errorf("with a limit: %v", err)
	}
}

// The exponential form preserves the function of networks of homogeneous units, biases included.
func TestGainTrainingExpPreservesFunction(t *testing.T) {
	both(t, testGainTrainingExp[float32], testGainTrainingExp[float64])
}

func testGainTrainingExp[T kernels.Float](t *testing.T) {
	for _, act := range []kernels.Activation{relu(), {Kind: kernels.LeakyReLU, Slope: 0.1}, {Kind: kernels.Identity}} {
		for _, n := range []*Network[T]{layered[T](t, source(31), act, 6, 8, 8, 4), skipping[T](t, source(32), act)} {
			test := randomMatrix[T](source(33), 20, n.InputUnits(), 0, 1)
			before := kernels.NewMatrix[T](20, 4)
			must(t, n.Predict(before, test, nil))
			start := snapshot(t, n)
			g := NewGainTraining(n, 0.02, 0.2)
			g.Form, g.Reduction = kernels.GainExp, Sequential
			r := source(34)
			for range 40 {
				must(t, g.Step(n, randomMatrix[T](r, 4, n.InputUnits(), 0, 1), nil))
			}
			after := kernels.NewMatrix[T](20, 4)
			must(t, n.Predict(after, test, nil))
			// 40 steps of three roundings a weight.
			near(t, "outputs", after, wide(before), 10*closeness[T]())
			moved := 0.0
			for i, v := range snapshot(t, n) {
				moved = math.Max(moved, math.Abs(float64(v-start[i])))
			}
			if moved < 0.01 {
				t.Errorf("%v: the weights did not move", act)
			}
			if g.Sigma[0][0] == 0 {
				t.Error("input units have a gain too, though the rule takes 0")
			}
		}
	}
}

func TestGainTrainingRefuses(t *testing.T) {
	n := layered[float64](t, source(1), relu(), 3, 4, 2)
	good := randomMatrix[float64](source(2), 5, 3, 0, 1)
	for _, c := range []struct {
		arg    string
		change func(g *GainTraining[float64], x *kernels.Matrix[float64])
	}{
		{"alpha", func(g *GainTraining[float64], x *kernels.Matrix[float64]) { g.Alpha = 2 }},
		{"lr", func(g *GainTraining[float64], x *kernels.Matrix[float64]) { g.LR = -1 }},
		{"limit", func(g *GainTraining[float64], x *kernels.Matrix[float64]) { g.Limit = math.Inf(1) }},
		{"form", func(g *GainTraining[float64], x *kernels.Matrix[float64]) { g.Form = 7 }},
		{"of", func(g *GainTraining[float64], x *kernels.Matrix[float64]) { g.Of = -1 }},
		{"reduction", func(g *GainTraining[float64], x *kernels.Matrix[float64]) { g.Reduction = Sum }},
		{"sigma", func(g *GainTraining[float64], x *kernels.Matrix[float64]) { g.Sigma = g.Sigma[:2] }},
		{"sigma[1]", func(g *GainTraining[float64], x *kernels.Matrix[float64]) { g.Sigma[1] = g.Sigma[1][:3] }},
		{"sigma[1]", func(g *GainTraining[float64], x *kernels.Matrix[float64]) { g.Sigma[1] = n.Projections[0].W.Data[:4] }},
		{"x", func(g *GainTraining[float64], x *kernels.Matrix[float64]) { x.Cols = 2 }},
		{"x", func(g *GainTraining[float64], x *kernels.Matrix[float64]) {
			*x = kernels.MatrixOf(n.Projections[0].W.Data[:9], 3, 3)
		}},
	} {
		g, x := NewGainTraining(n, 0.1, 0.5), good
		before := snapshot(t, n)
		c.change(g, &x)
		refused(t, c.arg, g.Step(n, x, nil), c.arg)
		equalBits(t, c.arg, before, snapshot(t, n))
	}
}

// Gains of the derivative share it with the backward pass: with a rate of 0 training has the bits of training without
// them, and they are those of the inputs of each minibatch.
func TestGainsInTraining(t *testing.T) {
	both(t, testGainsInTraining[float32], testGainsInTraining[float64])
}

func testGainsInTraining[T kernels.Float](t *testing.T) {
	const n, in, out = 7, 9, 4
	for _, act := range []kernels.Activation{{Kind: kernels.ReLU}, {Kind: kernels.Tanh}, {Kind: kernels.Identity}} {
		for _, r := range []Reduction{Sequential, Mean} {
			rng := source(5)
			x, target := randomMatrix[T](rng, n, in, 0, 1), randomMatrix[T](rng, n, out, 0, 1)
			index := []int{0, 1, 2, 3, 4, 5, 6}
			train := func(g func(net *Network[T]) *GainTraining[T]) *Network[T] {
				net, err := NewLayered[T]([]int{in, 6, 5, out}, act, 3)
				must(t, err)
				tr := Trainer[T]{Loss: MSE, LR: 0.1, Batch: n, Gain: g(net)}
				var want [][]T
				for range 3 {
					if tr.Gain != nil {
						var a Activity[T]
						must(t, net.Forward(x, &a, nil))
						for k := range net.Populations {
							if want == nil || len(want) <= k {
								want = append(want, make([]T, net.Populations[k].Units))
							}
							must(t, Exponential[T]{Sigma: want[k], Alpha: 0.3, Of: OfDerivative}.Update(a.Z[k], net.Populations[k].Activation, r, nil))
						}
					}
					must(t, tr.Steps(net, x, target, index, new(Stats)))
				}
				for k := range want {
					equalBits(t, fmt.Sprintf("%v: gains of population %d", act, k), tr.Gain.Sigma[k], want[k])
				}
				return net
			}
			plain := train(func(*Network[T]) *GainTraining[T] { return nil })
			with := train(func(net *Network[T]) *GainTraining[T] {
				g := NewGainTraining(net, 0, 0.3)
				g.Of, g.Reduction = OfDerivative, r
				return g
			})
			for q := range plain.Projections {
				equalBits(t, fmt.Sprintf("%v: projection %d", act, q), with.Projections[q].W.Data, plain.Projections[q].W.Data)
			}
		}
	}
}
