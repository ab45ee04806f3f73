package engine

import (
	"fmt"

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

// Trainer is plain minibatch stochastic gradient descent by backpropagation:
//
//	δ_out = dJ/dz,   δ_k = (Σ δ_l W_l) ∘ f′(z_k),   W ← W − η δᵀa,   b ← b − η Σ_samples δ
//
// where J is the mean loss of the minibatch. It holds options only: all state is in the network.
type Trainer[T kernels.Float] struct {
	Loss  Loss
	LR    float64 // η ≥ 0
	Batch int     // samples of a minibatch, ≥ 1
	// Gain, if not nil, makes one step of gain training after each minibatch: gains from its forward pass, the
	// rule on the weights after its gradient step.
	Gain    *GainTraining[T]
	Scratch *Scratch[T] // nil: allocated in each call
}

// Steps trains on the samples index[0], index[1], …, in minibatches of t.Batch (the last may be smaller): rows
// of x [N, InputUnits] and of target [N, OutputUnits]. It adds to stats. A caller that must stay responsive cuts
// index at multiples of Batch; the bits do not depend on the cuts.
//
// Errors: *ArgError, before anything is written (a wrong shape, an index outside, a network without exactly one
// output population, the last one, a softmax loss on another activation than identity, arrays that overlap);
// *DivergenceError naming the layer whose input z is not finite, or "x" and the sample (its row in x); the
// minibatch at fault is not applied. Gain training reports the layer that it drove out of range.
func (t *Trainer[T]) Steps(n *Network[T], x, target kernels.Matrix[T], index []int, stats *Stats) (err error) {
	defer guard(&err)
	const fn = "Train"
	out, err := t.check(fn, n, x, target, index)
	if err != nil {
		return err
	}
	if stats == nil {
		stats = new(Stats)
	}
	s := t.Scratch
	if s == nil {
		s = new(Scratch[T])
	}
	for len(index) > 0 {
		part := index[:min(t.Batch, len(index))]
		index = index[len(part):]
		s.reset()
		xb, tb := s.matrix(len(part), x.Cols), s.matrix(len(part), target.Cols)
		for b, i := range part {
			copy(xb.Row(b), x.Row(i))
			copy(tb.Row(b), target.Row(i))
		}
		n.forward(xb, &s.act, s)
		delta := s.matrix(tb.Rows, tb.Cols)
		loss := lossAndDelta(t.Loss, &n.Populations[out], s.act.Z[out], s.act.A[out], tb, delta, T(len(part)), s)
		if err := t.checkStep(n, loss, xb, part, s); err != nil {
			return err
		}
		stats.Samples += len(part)
		stats.LossSum += loss
		stats.Correct += correct(s.act.A[out], tb, s)
		if t.Gain != nil {
			t.Gain.observe(n, &s.act, s)
		}
		n.backward(n, &s.act, delta, -T(t.LR), s)
		if t.Gain != nil {
			if err := t.Gain.apply(n, s); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *Trainer[T]) check(fn string, n *Network[T], x, target kernels.Matrix[T], index []int) (int, error) {
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
	if t.Gain != nil {
		if err := t.Gain.check(fn, n); err != nil {
			return 0, err
		}
	}
	return out, nil
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

// GradientBlock is the number of samples that the gradient is summed over at once: a block of the numeric contract.
const GradientBlock = 256

// Gradients writes the exact gradient of the mean loss over all rows of x [B, InputUnits] and target
// [B, OutputUnits] into grad, a network of the same shape whose weights and biases receive dW and db, and
// returns the mean loss. Errors: as of Steps; also a grad of another shape or one that overlaps. s may be nil.
// Cost: the activity of GradientBlock samples is held, whatever B.
func Gradients[T kernels.Float](n, grad *Network[T], loss Loss, x, target kernels.Matrix[T], s *Scratch[T]) (mean float64, err error) {
	if s == nil {
		s = new(Scratch[T])
	}
	sum := 0.0
	for from := 0; from == 0 || from < x.Rows; from += GradientBlock {
		part, err := GradientsOf(n, grad, loss, x, target, from, s)
		if err != nil {
			return 0, err
		}
		sum += part
	}
	return sum / float64(x.Rows), nil
}

// GradientsOf is one block of Gradients, the rows [from, from+GradientBlock) as far as there are such: the block
// from 0 starts grad anew, the others, in order, add to it. It returns the sum of the block's losses. So a caller
// that must stay responsive gets the bits of Gradients.
func GradientsOf[T kernels.Float](n, grad *Network[T], loss Loss, x, target kernels.Matrix[T], from int, s *Scratch[T]) (sum float64, err error) {
	defer guard(&err)
	const fn = "Gradients"
	out, err := checkTask(fn, n, loss, x, target)
	if err != nil {
		return 0, err
	}
	if err := n.checkTwin(fn, grad, x, target); err != nil {
		return 0, err
	}
	if x.Rows == 0 {
		return 0, badArg(fn, "x", "[0, …]", "at least one sample")
	}
	if from < 0 || from >= x.Rows || from%GradientBlock != 0 {
		return 0, badArg(fn, "from", fmt.Sprint(from), fmt.Sprintf("a multiple of %d below the %d samples", GradientBlock, x.Rows))
	}
	if s == nil {
		s = new(Scratch[T])
	}
	s.reset()
	rows := min(GradientBlock, x.Rows-from)
	xb, tb := subRows(x, from, rows), subRows(target, from, rows)
	n.forward(xb, &s.act, s)
	delta := s.matrix(rows, target.Cols)
	sum = lossAndDelta(loss, &n.Populations[out], s.act.Z[out], s.act.A[out], tb, delta, T(x.Rows), s)
	if from == 0 {
		for q := range grad.Projections {
			for i := range grad.Projections[q].W.Rows {
				clear(grad.Projections[q].W.Row(i))
			}
		}
		for k := range grad.Populations {
			clear(grad.Populations[k].Bias)
		}
	}
	n.backward(grad, &s.act, delta, 1, s)
	return sum, nil
}

// checkTwin requires grad to be a network of the same shape in memory of its own.
func (n *Network[T]) checkTwin(fn string, grad *Network[T], x, target kernels.Matrix[T]) error {
	if err := grad.check(fn); err != nil {
		return err
	}
	same := len(grad.Populations) == len(n.Populations) && len(grad.Projections) == len(n.Projections)
	for k := 0; same && k < len(n.Populations); k++ {
		a, b := &n.Populations[k], &grad.Populations[k]
		same = a.Units == b.Units && len(a.Bias) == len(b.Bias)
	}
	for q := 0; same && q < len(n.Projections); q++ {
		same = n.Projections[q].From == grad.Projections[q].From && n.Projections[q].To == grad.Projections[q].To
	}
	if !same {
		return badArg(fn, "grad", "a network of another shape", "the populations and projections of the network")
	}
	for q := range grad.Projections {
		if err := n.checkData(fn, "", grad.Projections[q].W); err != nil {
			return indexed(err, "grad weights[%d]", q)
		}
	}
	for k := range grad.Populations {
		if b := grad.Populations[k].Bias; b != nil {
			if err := n.checkData(fn, "", rowVector(b)); err != nil {
				return indexed(err, "grad bias of population %d", k)
			}
		}
	}
	if err := grad.checkData(fn, "x", x); err != nil {
		return err
	}
	return grad.checkData(fn, "target", target)
}

// backward adds factor·gradient to the weights and biases of dst (the network itself, or one that collects the
// gradient), given dJ/dz of the output population. Populations run from last to first; the signal to a
// population is complete, and every weight that carries it read, before a weight into that population changes.
func (n *Network[T]) backward(dst *Network[T], act *Activity[T], outDelta kernels.Matrix[T], factor T, s *Scratch[T]) {
	if len(s.delta) != len(n.Populations) {
		s.delta = make([]kernels.Matrix[T], len(n.Populations))
	}
	clear(s.delta)
	last := len(n.Populations) - 1
	s.delta[last] = outDelta
	ones := s.matrix(outDelta.Rows, 1)
	for b := range ones.Data {
		ones.Data[b] = 1
	}
	scale := s.t.take(1)
	scale[0] = factor
	for k := last; k >= 0; k-- {
		p, d := &n.Populations[k], s.delta[k]
		if p.Input || d.Data == nil {
			continue
		}
		if k != last {
			timesDerivative(d, act.Z[k], p.Activation, s)
		}
		for q := range n.Projections {
			if e := &n.Projections[q]; e.To == k && !n.Populations[e.From].Input {
				n.sendBack(e, d, s)
			}
		}
		if factor != 1 {
			kernels.Scale(rowVector(d.Data), scale, nil)
		}
		for q := range n.Projections {
			if e := &n.Projections[q]; e.To == k {
				kernels.BatchUpdate(dst.Projections[q].W, d, act.A[e.From], nil, nil)
			}
		}
		if b := dst.Populations[k].Bias; b != nil {
			kernels.BatchUpdate(rowVector(b), ones, d, nil, nil)
		}
	}
}

// sendBack adds d·W to the signal of the presynaptic population.
func (n *Network[T]) sendBack(e *Projection[T], d kernels.Matrix[T], s *Scratch[T]) {
	t := s.matrix(d.Rows, e.W.Cols)
	kernels.MatMul(t, d, e.W)
	if s.delta[e.From].Data == nil {
		s.delta[e.From] = t
		return
	}
	addInto(s.delta[e.From].Data, t.Data, s)
}
