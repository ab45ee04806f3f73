package engine

import (
	"fmt"
	"math"

	"github.com/hebbkern/hebbkern/kernels"
)

// Stats accumulates over minibatches; handing the same Stats from call to call gives the bits of one call.
type Stats struct {
	Samples int
	LossSum float64 // ΣJ over the samples, each at the weights before its minibatch's update
	Correct int     // samples whose output arg-max was the target's
}

// Loss is the mean loss of a sample, 0 without samples.
func (s *Stats) Loss() float64 {
	if s.Samples == 0 {
		return 0
	}
	return s.LossSum / float64(s.Samples)
}

// Accuracy is the fraction of correct samples, 0 without samples. With one output it is always 1.
func (s *Stats) Accuracy() float64 {
	if s.Samples == 0 {
		return 0
	}
	return float64(s.Correct) / float64(s.Samples)
}

// Trainer is minibatch gradient descent by backpropagation:
//
//	δ_out = dJ/dz,   δ_k = (Σ δ_l W_l) ∘ f′(z_k),   W ← W − η δᵀa,   b ← b − η Σ_samples δ
//
// where J is the mean loss of the minibatch, or the sum. Feedback puts other weights into the place of W_l and another
// gate into that of f′, Optimizer another update into the place of the last two. It holds options only: all state is in
// the network, in Updates, and in what Optimizer and Feedback point at, and changes once a minibatch.
type Trainer[T kernels.Float] struct {
	Loss  Loss
	LR    float64 // η ≥ 0
	Batch int     // samples of a minibatch, ≥ 1
	Sum   bool    // J is the sum over the minibatch
	// Decay is λ ≥ 0 of a weight decay by the gradient of (λ/p)Σ|w|^p, p = DecayP > 0 (0 means 2), biases left out. It
	// is decoupled (Loshchilov & Hutter 2019): before each update the weights shrink by ηλ|w|^(p−1), and not beyond 0.
	// It is not part of the loss, of the gradient or of the moments.
	Decay, DecayP float64
	Optimizer     *Optimizer[T] // nil: SGD
	Feedback      *Feedback[T]  // nil: BP by f′
	Dropout       *Dropout      // nil: none
	// Updates is the number of updates so far, raised by each; AdamOptimizer and Dropout need it.
	Updates *int64
	// Gain, if not nil, makes one step of gain training after each minibatch: gains from its forward pass, the
	// rule on the weights after its update.
	Gain *GainTraining[T]
	// Grad is where the gradient is added up if it does not go straight into the weights, as it does in SGD on
	// minibatches of up to GradientBlock samples: a network of the same shape; nil: allocated in Scratch.
	Grad    *Network[T]
	Scratch *Scratch[T] // nil: allocated by the first call
	// Stop, if not nil, is asked every few million multiply-adds of a minibatch; true gives it up: Steps and Block return
	// ErrStopped, and all but Grad is what it was before the block; it is asked no more once weights change. It does not change the bits, and costs a gradient's memory.
	Stop func() bool
}

// Steps trains on the samples index[0], index[1], …, in minibatches of t.Batch (the last may be smaller): rows
// of x [N, InputUnits] and of target [N, OutputUnits]. It adds to stats. A caller that must stay responsive cuts
// index at multiples of Batch; the bits do not depend on the cuts.
//
// Errors: *ArgError, before anything is written (a wrong shape, an index outside, a network without exactly one
// output population, the last one, a softmax loss on another activation than identity, arrays that overlap, a feedback
// through which the loss cannot teach); *DivergenceError naming the layer whose input z is not finite, or "x" and the
// sample (its row in x); the minibatch at fault is not applied. Gain training reports the layer that it drove out of
// range.
func (t *Trainer[T]) Steps(n *Network[T], x, target kernels.Matrix[T], index []int, stats *Stats) (err error) {
	defer guard(&err)
	out, err := t.check(n, x, target, index)
	if err != nil {
		return err
	}
	if stats == nil {
		stats = new(Stats)
	}
	for len(index) > 0 {
		part := index[:min(t.Batch, len(index))]
		index = index[len(part):]
		for from := 0; from < len(part); {
			if from, err = t.block(n, out, x, target, part, from, stats); err != nil {
				return err
			}
		}
	}
	return nil
}

// Block is a part of a step for a caller that must stay responsive: of the one minibatch index, the samples from
// index[from] on, up to GradientBlock of them, and with the last one the update. It returns the from of the next call.
// The calls for one minibatch, in order and with the same Grad, have the bits of Steps; nothing but Grad and stats
// changes before the last. Errors: as of Steps.
func (t *Trainer[T]) Block(n *Network[T], x, target kernels.Matrix[T], index []int, from int, stats *Stats) (next int, err error) {
	defer guard(&err)
	out, err := t.check(n, x, target, index)
	if err != nil {
		return from, err
	}
	if from < 0 || from >= len(index) || from%n.GradientBlock() != 0 {
		return from, badArg("Train", "from", fmt.Sprint(from), fmt.Sprintf("a multiple of %d below the %d samples", n.GradientBlock(), len(index)))
	}
	return t.block(n, out, x, target, index, from, stats)
}

func (t *Trainer[T]) block(n *Network[T], out int, x, target kernels.Matrix[T], index []int, from int, stats *Stats) (next int, err error) {
	if t.Scratch == nil {
		t.Scratch = new(Scratch[T])
	}
	s := t.Scratch
	s.reset()
	before := *stats
	if t.Stop != nil {
		s.stop = t.Stop
		defer func() {
			s.stop = nil
			if e := recover(); e == errStop {
				next, err, *stats = from, ErrStopped, before
			} else if e != nil {
				panic(e)
			}
		}()
	}
	part := index[from:min(from+n.GradientBlock(), len(index))]
	if t.whole() {
		part = index[from:]
	}
	updates := int64(0)
	if t.Updates != nil {
		updates = *t.Updates
	}
	xb, tb := s.matrix(len(part), x.Cols), s.matrix(len(part), target.Cols)
	for b, i := range part {
		copy(xb.Row(b), x.Row(i))
		copy(tb.Row(b), target.Row(i))
	}
	if t.Dropout != nil {
		r := t.Dropout.rng(updates, from/n.GradientBlock())
		n.forwardDropping(xb, &s.act, t.Dropout, &r, s)
	} else {
		n.forward(xb, &s.act, s)
	}
	delta := s.matrix(tb.Rows, tb.Cols)
	div := T(len(index))
	if t.Sum {
		div = 1
	}
	loss := lossAndDelta(t.Loss, &n.Populations[out], s.act.Z[out], s.act.A[out], tb, delta, div, s)
	if err := t.checkStep(n, loss, xb, part, s); err != nil {
		return from, err
	}
	stats.Samples += len(part)
	stats.LossSum += loss
	stats.Correct += correct(s.act.A[out], tb, s)
	last := from+len(part) == len(index)
	if straight := t.Optimizer == nil || t.Optimizer.Kind == SGD; straight && from == 0 && last {
		t.straight(n, delta, s)
	} else {
		grad := t.gradient(n, s)
		if from == 0 {
			grad.clear()
		}
		n.backward(t.Feedback, grad, &s.act, delta, 1, nil, s)
		if last {
			s.stop = nil // from here on it changes what it learns
			t.apply(n, grad, updates+1, s)
		}
	}
	if !last {
		return from + len(part), nil
	}
	t.Feedback.keep(&s.act)
	if t.Updates != nil {
		*t.Updates = updates + 1
	}
	if t.Gain != nil {
		t.Gain.observe(n, &s.act, s)
		if err := t.Gain.apply(n, s); err != nil {
			return len(index), err
		}
	}
	return len(index), nil
}

// whole says that a minibatch is not cut: the gains and Δy are those of all its samples.
func (t *Trainer[T]) whole() bool {
	return t.Gain != nil || t.Feedback != nil && t.Feedback.Gate == GateDifferential
}

// gradient is where the gradient is added up.
func (t *Trainer[T]) gradient(n *Network[T], s *Scratch[T]) *Network[T] {
	if t.Grad != nil {
		return t.Grad
	}
	if s.grad == nil || !n.sameShape(s.grad) {
		s.grad = n.zeros()
	}
	return s.grad
}

func (n *Network[T]) clear() {
	for q := range n.Projections {
		for i := range n.Projections[q].W.Rows {
			clear(n.Projections[q].W.Row(i))
		}
	}
	for k := range n.Populations {
		clear(n.Populations[k].Bias)
	}
}

func (t *Trainer[T]) check(n *Network[T], x, target kernels.Matrix[T], index []int) (int, error) {
	const fn = "Train"
	out, err := checkTask(fn, n, t.Loss, x, target)
	if err != nil {
		return 0, err
	}
	if err := checkRate[T](fn, "lr", t.LR); err != nil {
		return 0, err
	}
	if t.Batch < 1 {
		return 0, badArg(fn, "batch", fmt.Sprint(t.Batch), "a number ≥ 1")
	}
	for _, i := range index {
		if i < 0 || i >= x.Rows {
			return 0, badArg(fn, "index", fmt.Sprint(i), fmt.Sprintf("a row of x, 0 … %d", x.Rows-1))
		}
	}
	if err := t.checkOptions(fn, n); err != nil {
		return 0, err
	}
	if err := t.checkBeside(fn, "x", x); err != nil {
		return 0, err
	}
	return out, t.checkBeside(fn, "target", target)
}

// checkBeside refuses data that overlap what training writes beside the network.
func (t *Trainer[T]) checkBeside(fn, arg string, data kernels.Matrix[T]) error {
	written := [3]*Network[T]{t.Grad}
	if t.Optimizer != nil {
		written[1], written[2] = t.Optimizer.First, t.Optimizer.Second
	}
	for _, n := range written {
		if n != nil {
			if err := n.checkData(fn, arg, data); err != nil {
				return err
			}
		}
	}
	if t.Feedback != nil && t.Feedback.Gate == GateDifferential {
		for k, p := range t.Feedback.Previous {
			if overlap(data, rowVector(p)) {
				return badArg(fn, arg, fmt.Sprintf("overlapping previous[%d]", k), "arrays that share no element")
			}
		}
	}
	return nil
}

func (t *Trainer[T]) checkOptions(fn string, n *Network[T]) error {
	if err := checkRate[T](fn, "weight_decay", t.Decay); err != nil {
		return err
	}
	if err := checkRate[T](fn, "weight_decay", t.LR*t.Decay); err != nil {
		return err
	}
	if t.DecayP != 0 && !(t.DecayP > 0 && t.DecayP <= math.MaxFloat64) {
		return badArg(fn, "weight_decay", fmt.Sprintf("p = %v", t.DecayP), "a finite p > 0")
	}
	if err := t.Optimizer.check(fn, n); err != nil {
		return err
	}
	if err := t.Feedback.check(fn, n, t.Loss); err != nil {
		return err
	}
	if err := checkDropout(t.Dropout, fn, n); err != nil {
		return err
	}
	if t.Dropout != nil && t.Feedback != nil && t.Feedback.Gate == GateDifferential {
		return badArg(fn, "dropout", "given with gate differential", "gate derivative: Δy would be that of the dropping")
	}
	if needs := t.Dropout != nil || t.Optimizer != nil && t.Optimizer.Kind == AdamOptimizer; needs && t.Updates == nil {
		return badArg(fn, "updates", "nil", "a count, for Adam and for dropout")
	}
	if t.Updates != nil && *t.Updates < 0 {
		return badArg(fn, "updates", fmt.Sprint(*t.Updates), "a number ≥ 0")
	}
	if t.Grad != nil {
		if err := n.checkTwin(fn, "grad", t.Grad); err != nil {
			return err
		}
		if o := t.Optimizer; o != nil && o.Kind != SGD {
			if err := t.Grad.checkApart(fn, "moments", o.First); err != nil {
				return err
			}
			if o.Kind == AdamOptimizer {
				if err := t.Grad.checkApart(fn, "moments", o.Second); err != nil {
					return err
				}
			}
		}
	}
	if t.Gain != nil {
		return t.Gain.check(fn, n)
	}
	return nil
}

// checkTask verifies a network, its loss, and data for it.
func checkTask[T kernels.Float](fn string, n *Network[T], loss Loss, x, target kernels.Matrix[T]) (int, error) {
	if err := n.check(fn); err != nil {
		return 0, err
	}
	out, err := n.output(fn, loss)
	if err != nil {
		return 0, err
	}
	if err := n.checkDerivatives(fn); err != nil {
		return 0, err
	}
	if err := checkMatrix(fn, "x", x, -1, n.InputUnits()); err != nil {
		return 0, err
	}
	if err := checkMatrix(fn, "target", target, x.Rows, n.Populations[out].Units); err != nil {
		return 0, err
	}
	if err := n.checkData(fn, "x", x); err != nil {
		return 0, err
	}
	return out, n.checkData(fn, "target", target)
}

// checkStep finds what makes a loss not finite, before the step that would spread it.
func (t *Trainer[T]) checkStep(n *Network[T], loss float64, x kernels.Matrix[T], part []int, s *Scratch[T]) error {
	if loss-loss == 0 {
		return nil
	}
	e := &DivergenceError{Func: "Train", What: "the loss", Sample: -1, Epoch: -1, Layer: -1}
	for b := range x.Rows {
		if !finite(x.Row(b)) {
			e.What, e.Sample = "x", part[b]
			return e
		}
	}
	for k := range n.Populations {
		for b := range x.Rows {
			if !finite(s.act.Z[k].Row(b)) {
				e.What, e.Layer, e.Sample = "the activity", n.layerOf(k), part[b]
				return e
			}
		}
	}
	e.Layer = n.layerOf(len(n.Populations) - 1) // the squares of finite errors overflowed
	return e
}
