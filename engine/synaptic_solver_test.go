package engine

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/hebbkern/hebbkern/kernels"
)

// Rings and other graphs whose weights span many decades.
func TestSynapticHardProblems(t *testing.T) {
	for k, c := range []struct {
		n             int
		share, spread float64
		p             float64
		steps         int
	}{{40, 0, 4, 2, 60}, {40, 0.05, 8, 1, 60}, {30, 1, 10, 2, 60}, {25, 0.2, 20, 3, 150}, {2, 0, 30, 0.5, 60}} {
		net := recurrentNet[float64](source(uint64(20+k)), c.n, c.share, c.spread)
		rep, err := SynapticBalance(net, SynapticOptions[float64]{P: c.p})
		must(t, err)
		t.Logf("%+v: %d steps, %d evaluations, residual %.1e, cost %.3g → %.3g", c, rep.Steps, rep.Evaluations, rep.Residual, rep.CostBefore, rep.CostAfter)
		if rep.Reason != Converged || rep.Steps > c.steps {
			t.Errorf("%+v: %v after %d steps, residual %v", c, rep.Reason, rep.Steps, rep.Residual)
		}
	}
}

// The ticks of many calls, each with a solver of its own, are those of one; the bits do not depend on the threads.
func TestSynapticInPieces(t *testing.T) {
	for _, method := range []SynapticMethod{Convex, Flow} {
		start := recurrentNet[float32](source(30), 12, 0.5, 1)
		o := SynapticOptions[float32]{P: 1.3, Method: method, MaxSteps: 40}
		whole := start.clone()
		want, err := SynapticBalance(whole, o)
		must(t, err)
		atThreads(t, func(threads int) {
			net := start.clone()
			o := o
			o.State = make([]float64, SynapticState(12))
			for done := false; !done; {
				s, err := NewSynaptic(net, o)
				must(t, err)
				if done, err = s.Run(1 + threads); err != nil {
					t.Fatal(err)
				}
				equalNets(t, "before the end", net, start)
			}
			s, err := NewSynaptic(net, o)
			must(t, err)
			rep, err := s.Apply()
			must(t, err)
			equalNets(t, synapticMethods[method], net, whole)
			if fmt.Sprint(*rep) != fmt.Sprint(*want) {
				t.Fatalf("report %+v, in one %+v", *rep, *want)
			}
		})
	}
}

// Passes over the costs may be cut anywhere between blocks of rows, and the search for components anywhere.
func TestSynapticInPiecesOfRows(t *testing.T) {
	const n = 2*blockRows + 5
	for _, method := range []SynapticMethod{Convex, Flow, Euler} {
		start := recurrentNet[float64](source(31), n, 0.01, 1) // of several components
		o := SynapticOptions[float64]{P: 2, Method: method, MaxSteps: 3, Dt: 1e-4}
		whole, cut := start.clone(), start.clone()
		want, err := SynapticBalance(whole, o)
		must(t, err)
		o.State = make([]float64, SynapticState(n))
		ticks := 0
		for done := false; !done; ticks++ {
			s, err := NewSynaptic(cut, o)
			must(t, err)
			s.piece = 1 + ticks%1000
			if done, err = s.Run(1); err != nil {
				t.Fatal(err)
			}
		}
		s, err := NewSynaptic(cut, o)
		must(t, err)
		got, err := s.Apply()
		must(t, err)
		equalNets(t, synapticMethods[method], cut, whole)
		if fmt.Sprint(*got) != fmt.Sprint(*want) || want.Components == 0 || want.Components == n || ticks < 3*want.Evaluations {
			t.Fatalf("%d ticks, report %+v, in one %+v", ticks, *got, *want)
		}
	}
}

func TestSynapticRefusals(t *testing.T) {
	r := source(40)
	net := recurrentNet[float64](r, 4, 1, 1)
	start := net.clone()
	bad := func(arg string, change func(n *Recurrent[float64], o *SynapticOptions[float64])) {
		t.Helper()
		n, o := *net, SynapticOptions[float64]{P: 2}
		change(&n, &o)
		_, err := SynapticBalance(&n, o)
		refused(t, arg, err, arg)
		equalNets(t, arg, net, start)
	}
	type (
		netOf = *Recurrent[float64]
		opts  = *SynapticOptions[float64]
	)
	ones := func(rows, cols int) kernels.Matrix[float64] {
		m := kernels.NewMatrix[float64](rows, cols)
		for i := range m.Data {
			m.Data[i] = 1
		}
		return m
	}
	bad("j", func(n netOf, _ opts) { n.J.Cols-- })
	bad("w_in", func(n netOf, _ opts) { n.In.Rows-- })
	bad("bias", func(n netOf, _ opts) { n.Bias = n.Bias[:3] })
	bad("w_out", func(n netOf, _ opts) { n.Out.Cols-- })
	bad("bias", func(n netOf, _ opts) { n.Bias = n.J.Row(1) })
	bad("alpha", func(n netOf, o opts) { o.Alpha = n.J })
	bad("alpha", func(_ netOf, o opts) { o.Alpha = ones(1, 3) })
	bad("alpha", func(_ netOf, o opts) { o.Alpha = ones(4, 1) })
	for _, v := range []float64{-1, math.NaN(), math.Inf(1)} {
		bad("alpha", func(_ netOf, o opts) { o.Alpha = ones(4, 4); o.Alpha.Row(2)[1] = v })
		bad("p", func(_ netOf, o opts) { o.P = v })
		bad("tol", func(_ netOf, o opts) { o.Tol = v })
		bad("tau", func(_ netOf, o opts) { o.Tau = v })
		bad("rtol", func(_ netOf, o opts) { o.RTol = v })
		bad("dt", func(_ netOf, o opts) { o.Dt = v })
	}
	bad("p", func(_ netOf, o opts) { o.P = 0 })
	bad("max_steps", func(_ netOf, o opts) { o.MaxSteps = -1 })
	bad("method", func(_ netOf, o opts) { o.Method = 3 })
	bad("dt", func(_ netOf, o opts) { o.Method = Euler })
	bad("dt", func(_ netOf, o opts) { o.Method, o.Dt = Euler, 100 }) // unstable
	bad("state", func(_ netOf, o opts) { o.State = make([]float64, 3) })
	bad("state", func(_ netOf, o opts) { o.State = make([]float64, SynapticState(4)); o.State[0] = 77 })
	big := &Recurrent[float64]{J: kernels.MatrixOf([]float64{0, 1e-100, 1e100, 0}, 2, 2), Bias: []float64{1, 1e-100}, Out: ones(1, 2)}
	big.Out.Data[1] = 1e300
	_, err := SynapticBalance(big, SynapticOptions[float64]{P: 1})
	refused(t, "an output out of range", err, "w_out")
	if big.J.Data[1] != 1e-100 || big.Bias[1] != 1e-100 {
		t.Fatal("written before it was refused")
	}

	for _, c := range []struct {
		name     string
		row, col int
		at       func(netOf) *float64
	}{
		{"j", 2, 1, func(n netOf) *float64 { return &n.J.Row(2)[1] }},
		{"w_in", 3, 2, func(n netOf) *float64 { return &n.In.Row(3)[2] }},
		{"bias", 1, -1, func(n netOf) *float64 { return &n.Bias[1] }},
		{"w_out", 0, 3, func(n netOf) *float64 { return &n.Out.Row(0)[3] }},
	} {
		for _, v := range []float64{math.NaN(), math.Inf(-1)} {
			n := start.clone()
			*c.at(n) = v
			was := n.clone()
			_, err := SynapticBalance(n, SynapticOptions[float64]{P: 2})
			var e *NonFiniteError
			if !errors.As(err, &e) || e.Array != c.name || e.Row != c.row || e.Col != c.col || !(e.Value == v || v != v && e.Value != e.Value) {
				t.Fatalf("%s: %v", c.name, err)
			}
			equalNets(t, c.name, n, was)
		}
	}
	s, err := NewSynaptic(net, SynapticOptions[float64]{P: 2})
	must(t, err)
	_, err = s.Apply()
	refused(t, "Apply before Run", err, "state")
}
