package engine

import (
	"fmt"
	"math"

	"github.com/hebbkern/hebbkern/kernels"
)

// Recurrent is a recurrent network: n units with weights among themselves, from inputs and to outputs. Parts that
// are not there are left zero. Views of the caller's arrays, which share no element.
type Recurrent[T kernels.Float] struct {
	J    kernels.Matrix[T] // [n, n], J_ij from unit j to unit i
	In   kernels.Matrix[T] // [n, inputs]
	Bias []T               // [n]
	Out  kernels.Matrix[T] // [outputs, n]
}

// parts are the arrays with their names, a bias as a column would be read: one row.
func (r *Recurrent[T]) parts() (names [4]string, m [4]kernels.Matrix[T]) {
	names = [4]string{"j", "w_in", "bias", "w_out"}
	m = [4]kernels.Matrix[T]{r.J, r.In, rowVector(r.Bias), r.Out}
	return names, m
}

func (r *Recurrent[T]) check(fn string) error {
	n := r.J.Rows
	if err := checkMatrix(fn, "j", r.J, n, n); err != nil {
		return err
	}
	if r.In.Rows != 0 || r.In.Cols != 0 {
		if err := checkMatrix(fn, "w_in", r.In, n, -1); err != nil {
			return err
		}
	}
	if r.Bias != nil {
		if err := checkLen(fn, "bias", r.Bias, n); err != nil {
			return err
		}
	}
	if r.Out.Rows != 0 || r.Out.Cols != 0 {
		if err := checkMatrix(fn, "w_out", r.Out, -1, n); err != nil {
			return err
		}
	}
	names, m := r.parts()
	for a := range m {
		for b := range a {
			if overlap(m[a], m[b]) {
				return badArg(fn, names[a], "overlapping "+names[b], "arrays that share no element")
			}
		}
	}
	return nil
}

// checkFinite names the first NaN or Inf of the arrays other than J.
func (r *Recurrent[T]) checkFinite(fn string) error {
	names, m := r.parts()
	for a := 1; a < len(m); a++ {
		for i := range m[a].Rows {
			if err := finiteRow(fn, names[a], i, m[a].Row(i)); err != nil {
				if e := err.(*NonFiniteError); names[a] == "bias" {
					e.Row, e.Col = e.Col, -1
				}
				return err
			}
		}
	}
	return nil
}

// finiteRow names the first NaN or Inf of row i of an array.
func finiteRow[T kernels.Float](fn, name string, i int, row []T) error {
	for j, v := range row {
		if v-v != 0 {
			return &NonFiniteError{Func: fn, Array: name, Layer: -1, Row: i, Col: j, Value: float64(v)}
		}
	}
	return nil
}

// maximum is the largest |v| of a matrix, NaN if one is. tmp holds rows elements.
func maximum[T kernels.Float](m kernels.Matrix[T], tmp []T) (top float64) {
	if m.Rows == 0 || m.Cols == 0 {
		return 0
	}
	kernels.PowerSums(m, math.Inf(1), tmp[:m.Rows], nil)
	for _, v := range tmp[:m.Rows] {
		top = max(top, float64(v))
	}
	return top
}

// largest is the exponent e with max|v| in [2^(e−1), 2^e) over a matrix, 0 if it holds zeros only.
func largest[T kernels.Float](m kernels.Matrix[T]) float64 {
	_, e := math.Frexp(maximum(m, make([]T, m.Rows)))
	return float64(e)
}

// RNN is a recurrent network that runs. x are the states, φ the activation, u the inputs, ξ an optional noise:
//
//	rate:      τ dx/dt = −x + J·φ(x) + W_in·u + b + ξ     by Euler steps, x ← (1 − dt/τ)·x + dt/τ·(J·φ(x) + …)
//	discrete:  x ← φ(J·x + W_in·u + b + ξ)
//	outputs:   y = W_out·φ(x), of the discrete form W_out·x, after the step
//
// The first is the network of Stock et al. 2022, the second an Elman network.
type RNN[T kernels.Float] struct {
	Recurrent[T]
	Activation kernels.Activation
	Rate       float64 // dt/τ in (0, 1]; 0: the discrete form
}

// RNNRun is what a run of S steps of B networks side by side reads and writes. Row s·B + b of a matrix is network b in
// step s. What is not there is left zero.
type RNNRun[T kernels.Float] struct {
	X      kernels.Matrix[T] // [B, n], the states, written: a run goes on from where the last one ended
	U      kernels.Matrix[T] // [S·B, inputs], or none: no input
	Noise  kernels.Matrix[T] // [S·B, n], ξ, or none
	States kernels.Matrix[T] // [S·B, n], x after each step, written, or none
	Out    kernels.Matrix[T] // [S·B, outputs], y after each step, written, or none
	// Slopes, if not nil, [2n], gets the sums of φ′ and of φ′² of each unit over steps and networks added, φ′ at what
	// φ is taken of: x after the step, in the discrete form the sum that it came from.
	Slopes []float64
}

// Run makes the steps from … to−1; a sequence of calls makes the steps of one call. Errors: *ArgError, before
// anything is written; *DivergenceError naming the step as its sample. s may be nil.
func (r *RNN[T]) Run(run *RNNRun[T], from, to int, s *Scratch[T]) (err error) {
	defer guard(&err)
	const fn = "RNN"
	if err := r.check(fn); err != nil {
		return err
	}
	if err := run.check(fn, r, from, to); err != nil {
		return err
	}
	if s == nil {
		s = new(Scratch[T])
	}
	for step := from; step < to; step++ {
		s.reset()
		if err := r.step(run, step, s); err != nil {
			return err
		}
	}
	return nil
}

func (r *RNN[T]) check(fn string) error {
	if err := r.Recurrent.check(fn); err != nil {
		return err
	}
	if err := checkActivation(fn, "activation", r.Activation); err != nil {
		return err
	}
	if !(r.Rate >= 0 && r.Rate <= 1) {
		return badArg(fn, "rate", fmt.Sprint(r.Rate), "a number in (0, 1], or 0 for the discrete form")
	}
	return nil
}

func (run *RNNRun[T]) check(fn string, r *RNN[T], from, to int) error {
	n := r.J.Rows
	if err := checkMatrix(fn, "x", run.X, -1, n); err != nil {
		return err
	}
	if from < 0 || to < from {
		return badArg(fn, "steps", fmt.Sprintf("%d … %d", from, to), "0 ≤ from ≤ to")
	}
	rows := to * run.X.Rows
	arrays := []struct {
		name    string
		m       kernels.Matrix[T]
		cols    int
		written bool
	}{
		{"x", run.X, n, true}, {"states", run.States, n, true}, {"out", run.Out, r.Out.Rows, true},
		{"u", run.U, r.In.Cols, false}, {"noise", run.Noise, n, false},
		{"j", r.J, -1, false}, {"w_in", r.In, -1, false}, {"bias", rowVector(r.Bias), -1, false}, {"w_out", r.Out, -1, false},
	}
	for k, a := range arrays {
		if k > 0 && k < 5 && (a.m.Rows != 0 || a.m.Cols != 0) {
			if err := checkMatrix(fn, a.name, a.m, -1, a.cols); err != nil {
				return err
			}
			if a.m.Rows < rows {
				return badArg(fn, a.name, fmt.Sprintf("of %d rows", a.m.Rows), fmt.Sprintf("%d, one for each step and network", rows))
			}
		}
		if !a.written {
			continue
		}
		for l, b := range arrays {
			if l != k && overlap(a.m, b.m) {
				return badArg(fn, a.name, "overlapping "+b.name, "arrays that share no element")
			}
		}
	}
	if run.Slopes != nil {
		if err := checkDerivative(fn, "activation", r.Activation); err != nil {
			return err
		}
		return checkLen(fn, "slopes", run.Slopes, 2*n)
	}
	return nil
}

// step makes one step. The order of the sum is J·φ(x) + b, then W_in·u, then ξ, each rounded to T.
func (r *RNN[T]) step(run *RNNRun[T], step int, s *Scratch[T]) error {
	x := run.X
	z := s.matrix(x.Rows, x.Cols)
	a := x
	if r.Rate > 0 && r.Activation.Kind != kernels.Identity {
		a = s.matrix(x.Rows, x.Cols)
		for b := range x.Rows {
			kernels.Activate(a.Row(b), x.Row(b), r.Activation)
		}
	}
	kernels.ForwardBatch(z, r.J, a, r.Bias, identity)
	if run.U.Cols > 0 {
		t := s.matrix(x.Rows, x.Cols)
		kernels.ForwardBatch(t, r.In, subRows(run.U, step*x.Rows, x.Rows), nil, identity)
		addInto(z.Data, t.Data, s)
	}
	if run.Noise.Rows > 0 {
		for b := range x.Rows {
			addInto(z.Row(b), run.Noise.Row(step*x.Rows+b), s)
		}
	}
	for b := range x.Rows {
		if r.Rate > 0 {
			kernels.EMA(x.Row(b), z.Row(b), T(r.Rate), kernels.Value)
		} else {
			kernels.Activate(x.Row(b), z.Row(b), r.Activation)
		}
		if !finite(x.Row(b)) {
			return &DivergenceError{Func: "RNN", What: "the states", Sample: step, Epoch: -1, Layer: -1}
		}
	}
	if run.States.Rows > 0 {
		for b := range x.Rows {
			copy(run.States.Row(step*x.Rows+b), x.Row(b))
		}
	}
	if run.Slopes != nil {
		at := z
		if r.Rate > 0 {
			at = x
		}
		r.addSlopes(run.Slopes, at, s)
	}
	if run.Out.Rows > 0 {
		if a = x; r.Rate > 0 && r.Activation.Kind != kernels.Identity {
			a = z // no longer needed
			for b := range x.Rows {
				kernels.Activate(a.Row(b), x.Row(b), r.Activation)
			}
		}
		kernels.ForwardBatch(subRows(run.Out, step*x.Rows, x.Rows), r.Out, a, nil, identity)
	}
	return nil
}

func (r *RNN[T]) addSlopes(sums []float64, at kernels.Matrix[T], s *Scratch[T]) {
	slope := s.t.take(at.Cols)
	squares := sums[at.Cols:]
	for b := range at.Rows {
		kernels.Derivative(slope, at.Row(b), r.Activation)
		for i, v := range slope {
			sums[i] += float64(v)
			squares[i] += float64(float64(v) * float64(v))
		}
	}
}

// Normal fills dst with normal numbers of mean 0 and standard deviation std, by the polar method (Marsaglia & Bray
// 1964): pairs of uniform draws in order, the same for either type but for the rounding to it.
func Normal[T kernels.Float](r *RNG, dst []T, std float64) {
	var l [1]float64
	for i := 0; i < len(dst); i += 2 {
		var u, v, q float64
		for q == 0 || q >= 1 {
			u, v = float64(2*r.Float64())-1, float64(2*r.Float64())-1
			q = float64(u*u) + float64(v*v)
		}
		l[0] = q
		kernels.Log(l[:], l[:])
		f := float64(std * math.Sqrt(-2*l[0]/q))
		dst[i] = T(float64(f * u))
		if i+1 < len(dst) {
			dst[i+1] = T(float64(f * v))
		}
	}
}
