package engine

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/hebbkern/hebbkern/kernels"
)

// recurrentNet has weights of very different sizes on a ring, so that it is strongly connected, and on a share of the
// other pairs; self-weights, inputs, biases and outputs.
func recurrentNet[T kernels.Float](r *rand.Rand, n int, share, spread float64) *Recurrent[T] {
	net := &Recurrent[T]{J: randomMatrix[T](r, n, n, 3, 1), In: randomMatrix[T](r, n, 3, 1, 1),
		Bias: randomVector[T](r, n, 1), Out: randomMatrix[T](r, 2, n, 0, 1)}
	for i := range n {
		for j := range n {
			if v := &net.J.Row(i)[j]; i == j || j == (i+1)%n || r.Float64() < share {
				*v = T(float64(*v) * math.Exp(spread*r.NormFloat64()))
			} else {
				*v = 0
			}
		}
	}
	return net
}

func (r *Recurrent[T]) clone() *Recurrent[T] {
	return &Recurrent[T]{J: clone(r.J), In: clone(r.In), Bias: append([]T(nil), r.Bias...), Out: clone(r.Out)}
}

// equalNets compares the arrays bit for bit, the gaps between rows too.
func equalNets[T kernels.Float](t *testing.T, what string, a, b *Recurrent[T]) {
	t.Helper()
	equalBits(t, what+", j", a.J.Data, b.J.Data)
	equalBits(t, what+", w_in", a.In.Data, b.In.Data)
	equalBits(t, what+", bias", a.Bias, b.Bias)
	equalBits(t, what+", w_out", a.Out.Data, b.Out.Data)
}

// synapticCosts are A and B of section 5 by plain loops.
func synapticCosts(j [][]float64, alpha func(i, j int) float64, p float64) (in, out []float64, cost float64) {
	n := len(j)
	in, out = make([]float64, n), make([]float64, n)
	for i := range n {
		for k := range n {
			if i != k {
				c := alpha(i, k) * math.Pow(math.Abs(j[i][k]), p)
				in[i] += c
				out[k] += c
				cost += c
			}
		}
	}
	return in, out, cost
}

func TestSynapticBalance(t *testing.T) {
	both(t, testSynapticBalance[float32], testSynapticBalance[float64])
}

func testSynapticBalance[T kernels.Float](t *testing.T) {
	const n = 9
	for _, p := range []float64{0.5, 1, 1.7, 2, 3} {
		for form := range 4 {
			r := source(uint64(10*p) + uint64(form))
			net := recurrentNet[T](r, n, 0.4, 1.5)
			start := net.clone()
			o := SynapticOptions[T]{P: p, Tol: 1e-13}
			switch form {
			case 1:
				o.Alpha = randomMatrix[T](r, 1, 1, 0, 1)
			case 2:
				o.Alpha = randomMatrix[T](r, 1, n, 0, 1)
			case 3:
				o.Alpha = randomMatrix[T](r, n, n, 2, 1)
			}
			for i := range o.Alpha.Rows {
				for j, v := range o.Alpha.Row(i) {
					o.Alpha.Row(i)[j] = T(0.1 + math.Abs(float64(v)))
				}
			}
			alpha := func(i, j int) float64 {
				if o.Alpha.Rows == 0 {
					return 1
				}
				row := o.Alpha.Row(min(i, o.Alpha.Rows-1))
				return float64(row[min(j, len(row)-1)])
			}
			rep, err := SynapticBalance(net, o)
			must(t, err)
			what := fmt.Sprintf("p %v, form %d of alpha", p, form)
			if rep.Reason != Converged || rep.Residual > 1e-13 || rep.Components != 1 || len(rep.Held) != 0 || rep.OffCycle != 0 {
				t.Fatalf("%s: %+v", what, *rep)
			}
			checkMoved(t, what, start, net, rep.H)
			a, b, cost := synapticCosts(wide(net.J), alpha, p)
			for i := range a {
				if math.Abs(a[i]-b[i]) > 4*p*closeness[T]()*(a[i]+b[i]) {
					t.Fatalf("%s: unit %d has cost in %v and out %v", what, i, a[i], b[i])
				}
			}
			a, b, before := synapticCosts(wide(start.J), alpha, p)
			norm := 0.0
			for i := range a {
				norm += (a[i] - b[i]) * (a[i] - b[i])
			}
			// The report is of the scaled sums in float64, for float32 weights too.
			if !closeTo(rep.CostBefore, before, 1e-13) || !closeTo(rep.CostAfter, cost, 4*p*closeness[T]()) ||
				!closeTo(rep.GradientBefore, math.Sqrt(norm), 1e-12) || rep.GradientAfter > 1e-12*rep.CostAfter || cost >= before {
				t.Fatalf("%s: cost %v → %v, gradient %v; %+v", what, before, cost, math.Sqrt(norm), *rep)
			}
		}
	}
}

func closeTo(a, b, tol float64) bool { return math.Abs(a-b) <= tol*math.Abs(b) }

// checkMoved holds the arrays against e^{h_j − h_i}, and the conserved quantities against the start.
func checkMoved[T kernels.Float](t *testing.T, what string, start, net *Recurrent[T], h []float64) {
	t.Helper()
	sum := 0.0
	for _, v := range h {
		sum += v
	}
	if math.Abs(sum) > 1e-12 {
		t.Fatalf("%s: Σh = %v", what, sum)
	}
	eps := 4 * math.Pow(2, -52)
	if single[T]() {
		eps = 4 * math.Pow(2, -23)
	}
	want := func(name string, got T, was T, factor float64) {
		if !(math.Abs(float64(got)-float64(was)*factor) <= eps*math.Abs(float64(was)*factor)) {
			t.Fatalf("%s: %s is %v, want %v × %v", what, name, got, was, factor)
		}
	}
	for i := range h {
		for j := range h {
			want(fmt.Sprintf("J[%d, %d]", i, j), net.J.Row(i)[j], start.J.Row(i)[j], math.Exp(h[j]-h[i]))
			want("J_ij·J_ji", net.J.Row(i)[j]*net.J.Row(j)[i], start.J.Row(i)[j]*start.J.Row(j)[i], 1)
		}
		if net.J.Row(i)[i] != start.J.Row(i)[i] {
			t.Fatalf("%s: J[%d, %d] changed from %v to %v", what, i, i, start.J.Row(i)[i], net.J.Row(i)[i])
		}
		for j := range net.In.Cols {
			want("w_in", net.In.Row(i)[j], start.In.Row(i)[j], math.Exp(-h[i]))
		}
		if net.Bias != nil {
			want("bias", net.Bias[i], start.Bias[i], math.Exp(-h[i]))
		}
		for k := range net.Out.Rows {
			want("w_out", net.Out.Row(k)[i], start.Out.Row(k)[i], math.Exp(h[i]))
		}
	}
}

func TestSynapticMethodsAgree(t *testing.T) {
	r := source(3)
	const n, p = 10, 2.0
	start := recurrentNet[float64](r, n, 0.7, 0.4)
	alpha := randomMatrix[float64](r, 1, n, 0, 1)
	for j, v := range alpha.Data {
		alpha.Data[j] = 0.2 + math.Abs(v)
	}
	top := 0.0
	in, out, _ := synapticCosts(wide(start.J), func(_, j int) float64 { return alpha.Data[j] }, p)
	for i := range in {
		top = max(top, in[i]+out[i])
	}
	var first *Recurrent[float64]
	for _, o := range []SynapticOptions[float64]{
		{Method: Convex}, {Method: Flow}, {Method: Flow, RTol: 1e-3, Tau: 7}, {Method: Euler, Dt: 3 * 0.5 / (p * top), Tau: 3},
	} {
		o.P, o.Tol, o.Alpha = p, 1e-12, alpha
		net := start.clone()
		rep, err := SynapticBalance(net, o)
		must(t, err)
		if rep.Reason != Converged || (rep.Time > 0) != (o.Method != Convex) {
			t.Fatalf("%s: %+v", synapticMethods[o.Method], *rep)
		}
		checkMoved(t, synapticMethods[o.Method], start, net, rep.H)
		if first == nil {
			first = net
			continue
		}
		near(t, synapticMethods[o.Method], net.J, wide(first.J), 1e-10)
		near(t, synapticMethods[o.Method], net.In, wide(first.In), 1e-10)
	}
}

// With α = 1 the balanced state is the stationary point A = B of section 4, here by coordinates one after another.
func TestSynapticIsNeuralBalance(t *testing.T) {
	for _, p := range []float64{1, 2} {
		net := recurrentNet[float64](source(5), 8, 0.5, 1)
		j := wide(net.J)
		for range 2000 {
			for k := range j {
				a, b := 0.0, 0.0
				for i := range j {
					if i != k {
						a += math.Pow(math.Abs(j[k][i]), p)
						b += math.Pow(math.Abs(j[i][k]), p)
					}
				}
				lambda := math.Pow(b/a, 1/(2*p))
				for i := range j {
					if i != k {
						j[k][i] *= lambda
						j[i][k] /= lambda
					}
				}
			}
		}
		_, err := SynapticBalance(net, SynapticOptions[float64]{P: p, Tol: 1e-12})
		must(t, err)
		near(t, fmt.Sprintf("p = %v", p), net.J, j, 1e-10)
	}
}

// τ dh/dt = g and dC/dt = −(p/τ)|g|², by a short step; and the adaptive path against many short ones.
func TestSynapticFlow(t *testing.T) {
	const p, tau, dt = 1.5, 2.0, 1e-6
	start := recurrentNet[float64](source(6), 7, 0.5, 0.7)
	run := func(o SynapticOptions[float64]) *SynapticReport {
		o.P, o.Tau = p, tau
		rep, err := SynapticBalance(start.clone(), o)
		must(t, err)
		return rep
	}
	rep := run(SynapticOptions[float64]{Method: Euler, Dt: dt, MaxSteps: 1})
	in, out, _ := synapticCosts(wide(start.J), func(int, int) float64 { return 1 }, p)
	squares := 0.0
	for i, h := range rep.H {
		squares += (in[i] - out[i]) * (in[i] - out[i])
		if !(math.Abs(h-dt/tau*(in[i]-out[i])) <= 1e-12*dt*math.Sqrt(squares)) {
			t.Fatalf("h[%d] = %v after dt, want %v", i, h, dt/tau*(in[i]-out[i]))
		}
	}
	if slope := (rep.CostAfter - rep.CostBefore) / dt; !closeTo(slope, -p/tau*squares, 1e-3) || rep.Reason != StepsUsedUp || rep.Steps != 1 || !closeTo(rep.Time, dt, 1e-14) {
		t.Fatalf("dC/dt = %v, want %v; %+v", slope, -p/tau*squares, *rep)
	}
	adaptive := run(SynapticOptions[float64]{Method: Flow, RTol: 1e-10, MaxSteps: 20})
	steps := 2000
	fixed := run(SynapticOptions[float64]{Method: Euler, Dt: adaptive.Time / float64(steps), MaxSteps: steps})
	finer := run(SynapticOptions[float64]{Method: Euler, Dt: adaptive.Time / float64(2*steps), MaxSteps: 2 * steps})
	moved := 0.0
	for i := range fixed.H {
		moved = max(moved, math.Abs(fixed.H[i]))
		extrapolated := 2*finer.H[i] - fixed.H[i] // Euler's error is proportional to dt
		if math.Abs(adaptive.H[i]-extrapolated) > 1e-4*moved {
			t.Fatalf("h[%d] = %v at t = %v, Euler gives %v", i, adaptive.H[i], adaptive.Time, extrapolated)
		}
	}
	if moved < 0.05 {
		t.Fatalf("h has moved by %v only", moved)
	}
}

// Two components, a bridge between them, a unit before and one after, and one alone but for its self-weight.
func TestSynapticComponents(t *testing.T) {
	r := source(8)
	parts := []*Recurrent[float64]{recurrentNet[float64](r, 4, 0.5, 1), recurrentNet[float64](r, 3, 0.5, 1)}
	const n = 10
	place := [][]int{{7, 0, 3, 5}, {1, 8, 2}}
	net := &Recurrent[float64]{J: kernels.NewMatrix[float64](n, n)}
	for k, part := range parts {
		for i, a := range place[k] {
			for j, b := range place[k] {
				net.J.Row(a)[b] = part.J.Row(i)[j]
			}
		}
	}
	net.J.Row(8)[3] = 2  // from the first to the second
	net.J.Row(0)[4] = -3 // from 4
	net.J.Row(9)[1] = 1  // to 9
	net.J.Row(6)[6] = 5
	start := net.clone()
	o := SynapticOptions[float64]{P: 2, Tol: 1e-13}
	rep, err := SynapticBalance(net, o)
	must(t, err)
	if fmt.Sprint(rep.Held) != "[4 6 9]" || rep.Components != 2 || rep.OffCycle != 3 || rep.Reason != Converged {
		t.Fatalf("%+v", *rep)
	}
	cost := 0.0
	for k, part := range parts {
		alone, err := SynapticBalance(part, o)
		must(t, err)
		cost += alone.CostAfter
		for i, a := range place[k] {
			if math.Abs(rep.H[a]-alone.H[i]) > 1e-11 {
				t.Fatalf("h[%d] = %v, and %v when its component is alone", a, rep.H[a], alone.H[i])
			}
		}
	}
	if !closeTo(rep.CostAfter, cost, 1e-12) || rep.H[4] != 0 || rep.H[6] != 0 || rep.H[9] != 0 {
		t.Fatalf("cost %v, want %v; h %v", rep.CostAfter, cost, rep.H)
	}
	checkMoved(t, "components", start, net, rep.H)

	// A gain of 0 takes a unit's outgoing weights out of the cost.
	alpha := kernels.MatrixOf([]float64{1, 1, 0}, 1, 3)
	ring := &Recurrent[float64]{J: kernels.MatrixOf([]float64{0, 4, 0, 1, 0, 7, 2, 0, 0}, 3, 3)}
	rep, err = SynapticBalance(ring, SynapticOptions[float64]{P: 2, Alpha: alpha})
	must(t, err)
	if fmt.Sprint(rep.Held) != "[2]" || rep.OffCycle != 1 || math.Abs(math.Abs(ring.J.Row(0)[1])-2) > 1e-8 {
		t.Fatalf("%+v, J = %v", *rep, ring.J.Data)
	}

	// Nothing on a cycle: nothing changes.
	chain := &Recurrent[float64]{J: kernels.MatrixOf([]float64{3, 0, 1, 0}, 2, 2)}
	rep, err = SynapticBalance(chain, SynapticOptions[float64]{P: 2})
	must(t, err)
	equalBits(t, "a chain", chain.J.Data, []float64{3, 0, 1, 0})
	if len(rep.Held) != 2 || rep.Steps != 0 || rep.CostAfter != 0 || rep.OffCycle != 1 {
		t.Fatalf("%+v", *rep)
	}
	// No unit at all.
	if rep, err = SynapticBalance(&Recurrent[float64]{}, SynapticOptions[float64]{P: 2}); err != nil || rep.Steps != 0 || rep.Reason != Converged {
		t.Fatalf("%+v, %v", rep, err)
	}
}
