package engine

import (
	"fmt"
	"math"

	"github.com/hebbkern/hebbkern/kernels"
)

// Loss is what training minimises: the mean of J over the samples of a minibatch.
type Loss int

const (
	// MSE is the squared error J = Σ_k (y_k − t_k)²/2 of the output activity y.
	MSE Loss = iota
	// SoftmaxCrossEntropy is J = −Σ_k t_k log softmax(z)_k of the output z, whose population has activation
	// identity. The rows of t are distributions: t ≥ 0, Σ_k t_k = 1 (a class is a 1 among zeros). The gradient in z
	// is softmax(z) − t.
	SoftmaxCrossEntropy
	// SigmoidCrossEntropy is J = −Σ_k (t_k log σ(z_k) + (1 − t_k) log(1 − σ(z_k))) = Σ_k (log(1 + e^z_k) − t_k z_k) of
	// the output z, whose population has activation identity; 0 ≤ t_k ≤ 1. The gradient in z is σ(z) − t.
	SigmoidCrossEntropy
	// GivenError is for errors that come from elsewhere, such as a modulator or a reward: the rows of t are themselves
	// e = dJ/dy, against which the output activity y moves. Its J is reported as Σ_k e_k²/2.
	GivenError
)

// output is the single output population that training needs: the last one, without projections out of it.
func (n *Network[T]) output(fn string, loss Loss) (int, error) {
	out := len(n.Populations) - 1
	for k := range n.Populations {
		if n.Populations[k].Output != (k == out) {
			return 0, badArg(fn, "network", fmt.Sprintf("population %d with output flag %v", k, n.Populations[k].Output),
				"one output population, the last one")
		}
	}
	if n.Populations[out].Input {
		return 0, badArg(fn, "network", "an output that is an input", "projections between them")
	}
	switch loss {
	case MSE, GivenError:
	case SoftmaxCrossEntropy, SigmoidCrossEntropy:
		if a := n.Populations[out].Activation; a.Kind != kernels.Identity {
			name := [...]string{SoftmaxCrossEntropy: "softmax", SigmoidCrossEntropy: "sigmoid"}[loss]
			return 0, badArg(fn, "loss", name, "an identity output population, on which the loss applies the "+name)
		}
	default:
		return 0, badArg(fn, "loss", fmt.Sprint(int(loss)), "mse, softmax, sigmoid or given errors")
	}
	return out, nil
}

// lossAndDelta returns ΣJ over the rows of a batch and writes dJ/dz of the output, divided by div, into delta.
// Sums over samples and units are in float64, in order.
func lossAndDelta[T kernels.Float](loss Loss, p *Population[T], z, y, t, delta kernels.Matrix[T], div T, s *Scratch[T]) float64 {
	total := 0.0
	switch loss {
	case MSE, GivenError:
		for b := range y.Rows {
			d, yb := delta.Row(b), y.Row(b)
			for k, tk := range t.Row(b) {
				e := tk
				if loss == MSE {
					e = yb[k] - tk
				}
				total += float64(float64(e)*float64(e)/2) + float64(yb[k]-yb[k]) // the latter 0, or NaN for an output that is not finite
				d[k] = e / div
			}
		}
		timesDerivative(delta, z, p.Activation, s)
		return total
	case SoftmaxCrossEntropy:
		kernels.Softmax(delta, z)
		for b := range z.Rows {
			total += crossEntropy(z.Row(b), t.Row(b), s)
		}
	case SigmoidCrossEntropy:
		for b := range z.Rows {
			total += binaryEntropy(z.Row(b), t.Row(b), s)
			kernels.Activate(delta.Row(b), z.Row(b), kernels.Activation{Kind: kernels.Sigmoid})
		}
	}
	for b := range z.Rows {
		tb, db := t.Row(b), delta.Row(b)
		for k, d := range db {
			db[k] = (d - tb[k]) / div
		}
	}
	return total
}

// binaryEntropy is Σ_k (log(1 + e^z_k) − t_k z_k) in float64.
func binaryEntropy[T kernels.Float](z, t []T, s *Scratch[T]) float64 {
	if cap(s.exps) < len(z) {
		s.exps = make([]float64, len(z))
	}
	e := s.exps[:len(z)]
	for k, v := range z {
		e[k] = float64(v)
	}
	kernels.Activate(e, e, kernels.Activation{Kind: kernels.Softplus})
	total := 0.0
	for k, v := range e {
		total += v - float64(float64(t[k])*float64(z[k]))
	}
	return total
}

// crossEntropy is Σ_k t_k (log Σ_m exp(z_m − max z) − (z_k − max z)) in float64, finite for any finite z.
func crossEntropy[T kernels.Float](z, t []T, s *Scratch[T]) float64 {
	if cap(s.exps) < len(z) {
		s.exps = make([]float64, len(z))
	}
	e, top := s.exps[:len(z)], math.Inf(-1)
	for _, v := range z {
		top = max(top, float64(v))
	}
	for k, v := range z {
		e[k] = float64(v) - top
	}
	kernels.Exp(e, e)
	sum := 0.0
	for _, v := range e {
		sum += v
	}
	s.log[0] = sum
	kernels.Log(s.log[:], s.log[:])
	total := 0.0
	for k, v := range t {
		total += float64(float64(v) * (s.log[0] - (float64(z[k]) - top)))
	}
	return total
}

// timesDerivative is delta ← delta ∘ f′(z).
func timesDerivative[T kernels.Float](delta, z kernels.Matrix[T], act kernels.Activation, s *Scratch[T]) {
	if act.Kind == kernels.Identity {
		return
	}
	if cap(s.deriv) < z.Cols {
		s.deriv = make([]T, z.Cols)
	}
	d := s.deriv[:z.Cols]
	for b := range z.Rows {
		kernels.Derivative(d, z.Row(b), act)
		kernels.Scale(rowVector(delta.Row(b)), nil, d)
	}
}

// correct counts the rows whose arg-max agrees with the target's (ties: the lowest index).
func correct[T kernels.Float](y, t kernels.Matrix[T], s *Scratch[T]) int {
	a, b := s.ints(0, y.Rows), s.ints(1, y.Rows)
	kernels.ArgMax(y, a)
	kernels.ArgMax(t, b)
	n := 0
	for i := range a {
		if a[i] == b[i] {
			n++
		}
	}
	return n
}
