package engine

import (
	"errors"
	"fmt"
	"testing"

	"github.com/hebbkern/hebbkern/kernels"
)

// A block that may be stopped has the bits of one that may not; one that is stopped, whenever, changes nothing.
func TestTrainingStops(t *testing.T) { both(t, testTrainingStops[float32], testTrainingStops[float64]) }

func testTrainingStops[T kernels.Float](t *testing.T) {
	defer func(work int) { pieceWork = work }(pieceWork)
	pieceWork = 1 << 16
	const in, hidden = 10, 60
	x, target := randomMatrix[T](source(1), 260, in, 0, 1), classes[T](2, 260, 4)
	for k, kind := range []FeedbackKind{BP, FA, DFA, SignFeedback} {
		if thin && k > 1 {
			break
		}
		optimizer := []OptimizerKind{SGD, AdamOptimizer, SGD, MomentumSGD}[k]
		batch := []int{200, 260, 1, 130}[k]
		start := func() (*Network[T], *Trainer[T]) {
			n, err := NewLayered[T]([]int{in, hidden, 20, 4}, relu(), 3)
			must(t, err)
			f, err := NewFeedback(n, kind, GateDerivative, 5, FeedbackOptions{})
			must(t, err)
			return n, &Trainer[T]{Loss: SoftmaxCrossEntropy, LR: 0.125, Batch: batch, Feedback: f, Optimizer: NewOptimizer(n, optimizer), Updates: new(int64),
				Decay: 0.01, DecayP: float64(2 - k%2)}
		}
		if k == 0 {
			old := start
			start = func() (*Network[T], *Trainer[T]) {
				n, tr := old()
				tr.Gain = NewGainTraining(n, 1e-4, 0.5)
				return n, tr
			}
		}
		index := make([]int, 260)
		EpochPermutation(index, 1, 0)
		index = index[:batch]
		want, tr := start()
		must(t, tr.Steps(want, x, target, index, nil))
		asked := 0
		n, tr := start()
		tr.Stop = func() bool { asked++; return false }
		var stats Stats
		must(t, tr.Steps(n, x, target, index, &stats))
		what := fmt.Sprint(kind)
		equalBits(t, what, snapshot(t, n), snapshot(t, want))
		if asked < 3 {
			t.Fatalf("%s: asked %d times", what, asked)
		}
		for at := range asked {
			if at%3 != 0 && at != asked-1 {
				continue
			}
			n, tr := start()
			before, left := snapshot(t, n), at
			tr.Stop = func() bool { left--; return left < 0 }
			var stats Stats
			if err := tr.Steps(n, x, target, index, &stats); !errors.Is(err, ErrStopped) {
				t.Fatalf("%s, stopped at %d: %v", what, at, err)
			}
			equalBits(t, what+" stopped", snapshot(t, n), before)
			if stats.Samples%256 != 0 || *tr.Updates != 0 || tr.Gain != nil && maxAbs(wide(rowVector(tr.Gain.Sigma[1]))) != 0 {
				t.Fatalf("%s, stopped at %d: %+v", what, at, stats)
			}
			tr.Stop = nil
			must(t, tr.Steps(n, x, target, index, nil))
			equalBits(t, what+" resumed", snapshot(t, n), snapshot(t, want))
		}
	}
}
