package engine

import (
	"fmt"

	"github.com/hebbkern/hebbkern/kernels"
)

// MaxGradientBlock is the most samples that the gradient is summed over at once: a block of the numeric contract.
const MaxGradientBlock = 256

// GradientBlock is the number of samples that the gradient of this network is summed over at once: MaxGradientBlock,
// for large networks less, so that a block takes some 25 ms; at least 32, which repay the pass over the gradient.
func (n *Network[T]) GradientBlock() int {
	block := MaxGradientBlock
	for ; block > 32 && n.Parameters() > 1<<28/block; block /= 2 {
	}
	return block
}

// Gradients writes the exact gradient of the mean loss over all rows of x [B, InputUnits] and target
// [B, OutputUnits] into grad, a network of the same shape whose weights and biases receive dW and db, and
// returns the mean loss. Errors: as of Steps; also a grad of another shape or one that overlaps. s may be nil.
// Cost: the activity of GradientBlock samples is held, whatever B.
func Gradients[T kernels.Float](n, grad *Network[T], loss Loss, x, target kernels.Matrix[T], s *Scratch[T]) (mean float64, err error) {
	t := Trainer[T]{Loss: loss, Scratch: s}
	return t.Gradients(n, grad, x, target)
}

// Gradients is what t.Feedback takes for the gradient of the mean loss (with t.Sum of the sum), without dropout and
// decay; t.LR, t.Batch and t.Optimizer are not read. Δy of GateDifferential is taken from row to row, and nothing is
// kept. Otherwise as the function Gradients.
func (t *Trainer[T]) Gradients(n, grad *Network[T], x, target kernels.Matrix[T]) (mean float64, err error) {
	sum := 0.0
	for from := 0; from == 0 || from < x.Rows; {
		part, next, err := t.GradientsOf(n, grad, x, target, from)
		if err != nil {
			return 0, err
		}
		sum, from = sum+part, next
	}
	return sum / float64(x.Rows), nil
}

// GradientsOf is one block of Gradients, the rows from `from` on, up to GradientBlock of them: the block from 0 starts
// grad anew, the others, in order, add to it. It returns the sum of the block's losses and where the next one begins.
// So a caller that must stay responsive gets the bits of Gradients.
func (t *Trainer[T]) GradientsOf(n, grad *Network[T], x, target kernels.Matrix[T], from int) (sum float64, next int, err error) {
	defer guard(&err)
	const fn = "Gradients"
	out, err := checkTask(fn, n, t.Loss, x, target)
	if err != nil {
		return 0, from, err
	}
	if err := n.checkTwin(fn, "grad", grad); err != nil {
		return 0, from, err
	}
	if err := grad.checkData(fn, "x", x); err != nil {
		return 0, from, err
	}
	if err := grad.checkData(fn, "target", target); err != nil {
		return 0, from, err
	}
	if err := t.Feedback.check(fn, n, t.Loss); err != nil {
		return 0, from, err
	}
	if x.Rows == 0 {
		return 0, from, badArg(fn, "x", "[0, …]", "at least one sample")
	}
	rows := n.GradientBlock()
	if t.whole() {
		rows = x.Rows
	}
	if from < 0 || from >= x.Rows || from%rows != 0 {
		return 0, from, badArg(fn, "from", fmt.Sprint(from), fmt.Sprintf("a multiple of %d below the %d samples", rows, x.Rows))
	}
	if t.Scratch == nil {
		t.Scratch = new(Scratch[T])
	}
	s := t.Scratch
	s.reset()
	rows = min(rows, x.Rows-from)
	xb, tb := subRows(x, from, rows), subRows(target, from, rows)
	n.forward(xb, &s.act, s)
	delta := s.matrix(rows, target.Cols)
	div := T(x.Rows)
	if t.Sum {
		div = 1
	}
	sum = lossAndDelta(t.Loss, &n.Populations[out], s.act.Z[out], s.act.A[out], tb, delta, div, s)
	if from == 0 {
		grad.clear()
	}
	n.backward(t.Feedback, grad, &s.act, delta, 1, nil, s)
	return sum, from + rows, nil
}

// checkTwin requires a network of the same shape in memory of its own.
func (n *Network[T]) checkTwin(fn, name string, twin *Network[T]) error {
	if err := twin.check(fn); err != nil {
		return err
	}
	if !n.sameShape(twin) {
		return badArg(fn, name, "a network of another shape", "the populations and projections of the network")
	}
	return n.checkApart(fn, name, twin)
}

// checkApart requires that two networks share no element.
func (n *Network[T]) checkApart(fn, name string, other *Network[T]) error {
	for q := range other.Projections {
		if err := n.checkData(fn, "", other.Projections[q].W); err != nil {
			return indexed(err, name+" weights[%d]", q)
		}
	}
	for k := range other.Populations {
		if b := other.Populations[k].Bias; b != nil {
			if err := n.checkData(fn, "", rowVector(b)); err != nil {
				return indexed(err, name+" bias of population %d", k)
			}
		}
	}
	return nil
}

// sameShape compares the populations' units and biases and the projections.
func (n *Network[T]) sameShape(other *Network[T]) bool {
	same := len(other.Populations) == len(n.Populations) && len(other.Projections) == len(n.Projections)
	for k := 0; same && k < len(n.Populations); k++ {
		a, b := &n.Populations[k], &other.Populations[k]
		same = a.Units == b.Units && len(a.Bias) == len(b.Bias)
	}
	for q := 0; same && q < len(n.Projections); q++ {
		same = n.Projections[q].From == other.Projections[q].From && n.Projections[q].To == other.Projections[q].To
	}
	return same
}

// backward adds factor·gradient to the weights and biases of dst (the network itself, or one that collects the
// gradient), given dJ/dz of the output population; decay, if not nil, is the trainer whose weight decay comes first.
// Populations run from last to first; the signal to a population is complete, and every weight that carries it read,
// before a weight into that population changes.
func (n *Network[T]) backward(f *Feedback[T], dst *Network[T], act *Activity[T], outDelta kernels.Matrix[T], factor T, decay *Trainer[T], s *Scratch[T]) {
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
	var share []T
	if decay != nil && decay.decay() != 0 {
		share = s.t.take(1)
		share[0] = decay.decay()
	}
	for k := last; k >= 0; k-- {
		p, d := &n.Populations[k], s.delta[k]
		if p.Input || d.Data == nil {
			continue
		}
		if k != last {
			f.gate(n, k, d, act, s)
			if mask := s.mask(k); mask != nil {
				kernels.Scale(rowVector(d.Data), nil, mask)
			}
		}
		f.sendBack(n, k, d, s)
		if factor != 1 {
			kernels.Scale(rowVector(d.Data), scale, nil)
		}
		for q := range n.Projections {
			if e := &n.Projections[q]; e.To == k {
				if decay != nil {
					decay.shrink(dst.Projections[q].W)
				}
				w := dst.Projections[q].W
				s.pieces(w.Rows, d.Rows*w.Cols, func(i, m int) {
					addGradient(subRows(w, i, m), subCols(d, i, m), act.A[e.From], share)
				})
			}
		}
		if b := dst.Populations[k].Bias; b != nil {
			addGradient(rowVector(b), ones, d, nil)
		}
	}
}

// addGradient is w ← w(1 − decay) + dᵀa: one pass over w either way, of which that of a single sample has no blocks.
func addGradient[T kernels.Float](w, d, a kernels.Matrix[T], decay []T) {
	if d.Rows == 1 {
		kernels.Rank1(w, kernels.Update[T]{G: d.Row(0), X: a.Row(0), Decay: decay})
		return
	}
	kernels.BatchUpdate(w, d, a, decay, nil)
}
