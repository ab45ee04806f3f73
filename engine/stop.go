package engine

import (
	"errors"

	"github.com/hebbkern/hebbkern/kernels"
)

// ErrStopped says that Trainer.Stop has ended a block of a minibatch, of which nothing is learned.
var ErrStopped = errors.New("Train: stopped")

// errStop is the panic that ends a block.
var errStop = errors.New("stop")

// pieceWork is the number of multiply-adds between two questions whether to stop: some 50 ms of the portable path. Tests
// ask more often.
var pieceWork = 1 << 22

// pieces runs do over n independent outputs that take `each` multiply-adds; all at once if nobody may stop it.
func (s *Scratch[T]) pieces(n, each int, do func(from, count int)) {
	if s.stop == nil {
		do(0, n)
		return
	}
	step := max(pieceWork/max(each, 1), 1)
	for from := 0; from < n; from += step {
		if s.stop() {
			panic(errStop)
		}
		do(from, min(step, n-from))
	}
}

// straight is an update of SGD whose gradient goes into the weights, of the last forward pass. Where it may be stopped it
// is kept beside them until it is whole: then w ← w(1 − decay) + sum has the roundings of kernels.BatchUpdate.
func (t *Trainer[T]) straight(n *Network[T], delta kernels.Matrix[T], s *Scratch[T]) {
	if s.stop == nil || delta.Rows == 1 || delta.Rows > MaxGradientBlock {
		s.stop = nil
		n.backward(t.Feedback, n, &s.act, delta, -T(t.LR), t, s)
		return
	}
	grad := t.gradient(n, s)
	grad.clear()
	n.backward(t.Feedback, grad, &s.act, delta, -T(t.LR), nil, s)
	s.stop = nil
	u := kernels.Update[T]{G: s.t.take(1)}
	u.G[0] = 1
	for k := range n.Populations {
		if b := n.Populations[k].Bias; b != nil {
			u.X = grad.Populations[k].Bias
			kernels.Rank1(rowVector(b), u)
		}
	}
	if t.decay() != 0 {
		u.Decay = s.t.take(1)
		u.Decay[0] = t.decay()
	}
	for q := range n.Projections {
		w := n.Projections[q].W
		t.shrink(w)
		eachVector(func(v [4][]T) {
			u.X = v[1]
			kernels.Rank1(rowVector(v[0]), u)
		}, w, grad.Projections[q].W)
	}
}
