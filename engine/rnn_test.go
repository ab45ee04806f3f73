package engine

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/hebbkern/hebbkern/kernels"
)

func TestRNN(t *testing.T) { both(t, testRNN[float32], testRNN[float64]) }

func testRNN[T kernels.Float](t *testing.T) {
	const n, batch, steps = 6, 3, 9
	for k, a := range activations {
		for _, rate := range []float64{0, 0.25, 1} {
			r := source(uint64(k))
			net := &RNN[T]{Recurrent: *recurrentNet[T](r, n, 0.5, 0.2), Activation: a.act, Rate: rate}
			scale := T(0.3)
			if a.act.Degree() > 1 { // powers grow
				scale = 0.01
			}
			for i := range net.J.Data {
				net.J.Data[i] *= scale
			}
			fresh := func() *RNNRun[T] {
				r := source(uint64(50 + k))
				return &RNNRun[T]{X: randomMatrix[T](r, batch, n, 1, 1), U: randomMatrix[T](r, steps*batch, 3, 2, 1),
					Noise: randomMatrix[T](r, steps*batch, n, 0, 0.1), States: randomMatrix[T](r, steps*batch, n, 1, 1),
					Out: randomMatrix[T](r, steps*batch, 2, 0, 1), Slopes: make([]float64, 2*n)}
			}
			run := fresh()
			x, u, noise := wide(run.X), wide(run.U), wide(run.Noise)
			j, in, out := wide(net.J), wide(net.In), wide(net.Out)
			must(t, net.Run(run, 0, steps, nil))

			var states, outs [][]float64
			slopes := make([]float64, 2*n)
			for s := range steps {
				for b := range batch {
					z := make([]float64, n)
					for i := range n {
						z[i] = float64(net.Bias[i]) + noise[s*batch+b][i]
						for l, v := range x[b] {
							if rate > 0 {
								v = a.f(v)
							}
							z[i] += j[i][l] * v
						}
						for l, v := range u[s*batch+b] {
							z[i] += in[i][l] * v
						}
					}
					y := make([]float64, 2)
					for i := range n {
						at, f := z[i], a.f(z[i])
						if rate > 0 {
							at = (1-rate)*x[b][i] + rate*z[i]
							f = a.f(at)
							x[b][i] = at
						} else {
							x[b][i] = f
						}
						slopes[i] += a.df(at)
						slopes[n+i] += a.df(at) * a.df(at)
						for l := range y {
							y[l] += out[l][i] * f
						}
					}
					states, outs = append(states, append([]float64(nil), x[b]...)), append(outs, y)
				}
			}
			what := fmt.Sprintf("%v, rate %v", a.act.Kind, rate)
			near(t, what+", states", run.States, states, 20*closeness[T]())
			near(t, what+", out", run.Out, outs, 20*closeness[T]())
			near(t, what+", x", run.X, x, 20*closeness[T]())
			near(t, what+", slopes", rowVector(run.Slopes), [][]float64{slopes}, 20*closeness[T]())

			pieces := fresh()
			for s := range steps {
				must(t, net.Run(pieces, s, s+1, nil))
			}
			equalBits(t, what+", in pieces", pieces.States.Data, run.States.Data)
			equalBits(t, what+", in pieces", pieces.Out.Data, run.Out.Data)
			equalBits(t, what+", in pieces", pieces.Slopes, run.Slopes)
		}
	}
}

// Synaptic balancing keeps what a network of ReLUs computes, and the states but for e^{−h}.
func TestSynapticKeepsFunction(t *testing.T) {
	const n, steps = 8, 60
	net := &RNN[float64]{Recurrent: *recurrentNet[float64](source(60), n, 0.6, 0.5), Activation: relu(), Rate: 0.1}
	for i := range net.J.Data {
		net.J.Data[i] *= 0.3
	}
	u := randomMatrix[float64](source(61), steps, 3, 0, 1)
	run := func() (RNNRun[float64], []float64) {
		r := RNNRun[float64]{X: kernels.NewMatrix[float64](1, n), U: u, States: kernels.NewMatrix[float64](steps, n),
			Out: kernels.NewMatrix[float64](steps, 2), Slopes: make([]float64, 2*n)}
		must(t, net.Run(&r, 0, steps, nil))
		return r, r.Slopes
	}
	before, slopes := run()
	alpha := kernels.NewMatrix[float64](1, n)
	for i := range n {
		alpha.Data[i] = slopes[i] / steps
	}
	rep, err := SynapticBalance(&net.Recurrent, SynapticOptions[float64]{P: 2, Alpha: alpha})
	must(t, err)
	if rep.Reason != Converged || rep.CostAfter > 0.9*rep.CostBefore {
		t.Fatalf("%+v", *rep)
	}
	after, again := run()
	near(t, "the outputs", after.Out, wide(before.Out), 1e-12)
	equalBits(t, "the gains", again, slopes)
	for s := range steps {
		for i, h := range rep.H {
			if d := after.States.Row(s)[i] - math.Exp(-h)*before.States.Row(s)[i]; math.Abs(d) > 1e-11*math.Exp(math.Abs(h)) {
				t.Fatalf("state %d in step %d is %v, was %v, h %v", i, s, after.States.Row(s)[i], before.States.Row(s)[i], h)
			}
		}
	}
}

func TestRNNRefusals(t *testing.T) {
	r := source(70)
	net := RNN[float64]{Recurrent: *recurrentNet[float64](r, 3, 1, 0), Activation: relu(), Rate: 0.5}
	run := RNNRun[float64]{X: randomMatrix[float64](r, 2, 3, 0, 1), U: randomMatrix[float64](r, 8, 3, 0, 1)}
	was := clone(run.X)
	bad := func(arg string, change func(*RNN[float64], *RNNRun[float64])) {
		t.Helper()
		n, u := net, run
		change(&n, &u)
		refused(t, arg, n.Run(&u, 0, 4, nil), arg)
		equalBits(t, arg, run.X.Data, was.Data)
	}
	type (
		netOf = *RNN[float64]
		runOf = *RNNRun[float64]
	)
	bad("j", func(n netOf, _ runOf) { n.J.Rows = 2 })
	bad("rate", func(n netOf, _ runOf) { n.Rate = 1.5 })
	bad("rate", func(n netOf, _ runOf) { n.Rate = math.NaN() })
	bad("activation", func(n netOf, _ runOf) { n.Activation.Kind = 99 })
	bad("x", func(_ netOf, u runOf) { u.X.Cols = 2 })
	bad("u", func(_ netOf, u runOf) { u.U.Rows = 7 })
	bad("u", func(_ netOf, u runOf) { u.U.Cols = 2 })
	bad("noise", func(_ netOf, u runOf) { u.Noise = kernels.NewMatrix[float64](8, 2) })
	bad("x", func(_ netOf, u runOf) {
		u.States = kernels.MatrixOf(make([]float64, 24), 8, 3)
		u.X = subRows(u.States, 0, 2)
	})
	bad("out", func(n netOf, u runOf) { u.Out = kernels.NewMatrix[float64](8, 3) })
	bad("states", func(_ netOf, u runOf) { u.States = u.U })
	bad("x", func(n netOf, u runOf) { u.X = subRows(n.J, 0, 2) })
	bad("slopes", func(_ netOf, u runOf) { u.Slopes = make([]float64, 3) })
	refused(t, "steps", net.Run(&run, 2, 1, nil), "steps")

	net.J.Row(0)[0] = 1e300
	for i := range run.X.Data {
		run.X.Data[i] = 1e300
	}
	var e *DivergenceError
	if err := net.Run(&run, 0, 4, nil); !errors.As(err, &e) || e.Sample != 0 {
		t.Fatalf("%v", err)
	}
}

func TestNormal(t *testing.T) {
	const n = 20001
	a, b := make([]float64, n), make([]float32, n)
	r, s := NewRNG(3, 4), NewRNG(3, 4)
	Normal(&r, a, 2)
	Normal(&s, b, 2)
	sum, squares, fourth := 0.0, 0.0, 0.0
	for i, v := range a {
		if b[i] != float32(v) {
			t.Fatalf("element %d: %v in float32, %v in float64", i, b[i], v)
		}
		v /= 2
		sum += v
		squares += v * v
		fourth += v * v * v * v
	}
	// Within five standard errors: 1, 2 and 96 over n.
	for _, c := range []struct{ got, want, variance float64 }{{sum / n, 0, 1}, {squares / n, 1, 2}, {fourth / n, 3, 96}} {
		if math.Abs(c.got-c.want) > 5*math.Sqrt(c.variance/n) {
			t.Errorf("moment %v, want %v", c.got, c.want)
		}
	}
	if r != s {
		t.Error("the generators are in different states")
	}
}
