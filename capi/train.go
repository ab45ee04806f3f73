//go:build cgo && linux

package main

/*
#include "internal.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/hebbkern/hebbkern/engine"
	"github.com/hebbkern/hebbkern/kernels"
)

// twinOf is the network over a list of arrays for the parameters of another.
func twinOf[T kernels.Float](n *C.hk_network, weights, biases *C.hk_array) (*engine.Network[T], error) {
	w, b := layers[T](n.layers, weights, biases)
	return engine.LayeredOver(w, b, kernels.Activation{}, kernels.Activation{})
}

// feedbackOf puts the hidden layers' arrays where the engine has them: l of
// them at projection l (feedback alignment) or at population l.
func feedbackOf[T kernels.Float](f *C.hk_feedback, layers int) *engine.Feedback[T] {
	if f == nil {
		return nil
	}
	found := &engine.Feedback[T]{Kind: engine.FeedbackKind(f.kind), Gate: engine.Gate(f.gate)}
	switch found.Kind {
	case engine.FA:
		found.B = make([]kernels.Matrix[T], layers)
	case engine.DFA, engine.FAEx:
		found.B = make([]kernels.Matrix[T], layers+1)
	}
	hidden := func(list *C.hk_array) []C.hk_array {
		if list == nil {
			return nil
		}
		return unsafe.Slice(list, layers-1)
	}
	if found.B != nil {
		arrays := hidden(f.b)
		for l := range arrays {
			found.B[l+1] = matrix[T](&arrays[l])
		}
	}
	if found.Gate == engine.GateDifferential {
		found.Started = *f.started != 0
		found.Previous = make([][]T, layers+1)
		arrays := hidden(f.previous)
		for l := range arrays {
			found.Previous[l+1] = vector[T](&arrays[l])
		}
	}
	return found
}

func optimizerOf[T kernels.Float](n *C.hk_network, o *C.hk_optimizer) (*engine.Optimizer[T], error) {
	if o == nil || o.kind == C.HK_SGD {
		return nil, nil
	}
	found := &engine.Optimizer[T]{Kind: engine.OptimizerKind(o.kind), Mu: float64(o.momentum), Nesterov: o.nesterov != 0,
		Beta1: float64(o.beta1), Beta2: float64(o.beta2), Eps: float64(o.eps)}
	var err error
	if found.First, err = twinOf[T](n, o.first_weights, o.first_biases); err != nil || found.Kind != engine.AdamOptimizer {
		return found, err
	}
	found.Second, err = twinOf[T](n, o.second_weights, o.second_biases)
	return found, err
}

// gradients keeps the sum of the losses in mean_loss until it is at its end.
func gradients[T kernels.Float](a *C.hk_gradients_args, at *C.int64_t) (more bool, err error) {
	n, err := networkOf[T](&a.network)
	if err != nil {
		return false, err
	}
	grad, err := twinOf[T](&a.network, a.dweights, a.dbiases)
	if err != nil {
		return false, err
	}
	x, target := matrix[T](&a.x), matrix[T](&a.target)
	t := engine.Trainer[T]{Loss: engine.Loss(a.loss), Feedback: feedbackOf[T](a.feedback, len(n.Projections))}
	err = withScratch(func(s *engine.Scratch[T]) error {
		t.Scratch = s
		for start := time.Now(); ; {
			i := int(*at)
			sum, next, err := t.GradientsOf(n, grad, x, target, i)
			if err != nil {
				return err
			}
			if i == 0 {
				*a.mean_loss = 0
			}
			*a.mean_loss += C.double(sum)
			*at = C.int64_t(next)
			if more = next < x.Rows; !more {
				*a.mean_loss /= C.double(x.Rows)
				return nil
			}
			if time.Since(start) > budget {
				return nil
			}
		}
	})
	return more, err
}

func evaluate[T kernels.Float](a *C.hk_evaluate_args, at *C.int64_t) (more bool, err error) {
	n, err := networkOf[T](&a.network)
	if err != nil {
		return false, err
	}
	x, target, stats := matrix[T](&a.x), matrix[T](&a.target), statsOf(a.stats)
	err = withScratch(func(s *engine.Scratch[T]) error {
		for start := time.Now(); ; {
			next, err := engine.EvaluateBlock(n, engine.Loss(a.loss), x, target, int(*at), &stats, s)
			if err != nil {
				return err
			}
			*at = C.int64_t(next)
			if more = next < x.Rows; !more || time.Since(start) > budget {
				return nil
			}
		}
	})
	keepStats(a.stats, &stats)
	return more, err
}

func statsOf(s *C.hk_stats) engine.Stats {
	return engine.Stats{Samples: int(s.samples), LossSum: float64(s.loss), Correct: int(s.correct)}
}

func keepStats(to *C.hk_stats, s *engine.Stats) {
	to.samples, to.loss, to.correct = C.int64_t(s.Samples), C.double(s.LossSum), C.int64_t(s.Correct)
}

func train[T kernels.Float](a *C.hk_train_args, at *C.int64_t) (more bool, err error) {
	n, err := networkOf[T](&a.network)
	if err != nil {
		return false, err
	}
	t := engine.Trainer[T]{Loss: engine.Loss(a.loss), LR: float64(a.lr), Batch: int(a.batch), Sum: a.sum != 0,
		Decay: float64(a.decay), DecayP: float64(a.decay_p), Feedback: feedbackOf[T](a.feedback, len(n.Projections))}
	if t.Optimizer, err = optimizerOf[T](&a.network, a.optimizer); err != nil {
		return false, err
	}
	if a.dweights != nil {
		if t.Grad, err = twinOf[T](&a.network, a.dweights, a.dbiases); err != nil {
			return false, err
		}
	}
	if a.updates != nil {
		t.Updates = (*int64)(unsafe.Pointer(a.updates))
	}
	if a.dropout != nil {
		t.Dropout = &engine.Dropout{Rate: append(append([]float64(nil), doubles(a.dropout, len(n.Projections))...), 0), Seed: uint64(a.seed)}
	}
	if g := a.gain; g != nil {
		t.Gain = &engine.GainTraining[T]{LR: float64(g.lr), Alpha: float64(g.alpha), Of: engine.GainOf(g.gain_of),
			Reduction: engine.Reduction(g.reduction), Form: kernels.GainForm(g.form), Limit: float64(g.limit)}
		sigma := unsafe.Slice(g.sigma, int(a.network.layers)+1)
		for k := range sigma {
			t.Gain.Sigma = append(t.Gain.Sigma, vector[T](&sigma[k]))
		}
	}
	if a.stop != nil {
		t.Stop = func() bool { return atomic.LoadInt32((*int32)(unsafe.Pointer(a.stop))) != 0 }
	}
	x, target, index := matrix[T](&a.x), matrix[T](&a.target), integers(a.index, a.count)
	stats := statsOf(a.stats)
	err = withScratch(func(s *engine.Scratch[T]) error {
		t.Scratch = s
		defer func() { t.Scratch = nil }()
		for start := time.Now(); ; {
			// The arguments are checked in full by the first call, the others' part by part.
			i := int(*at)
			if i == 0 {
				if err := t.Steps(n, x, target, index[:0], nil); err != nil {
					return err
				}
				if err := checkIndex(index, x.Rows); err != nil {
					return err
				}
			}
			if i >= len(index) {
				return nil
			}
			batch := max(t.Batch, 1)
			first := i / batch * batch
			part := index[first:min(first+batch, len(index))]
			next, err := t.Block(n, x, target, part, i-first, &stats)
			if errors.Is(err, engine.ErrStopped) {
				more = true
				return nil
			}
			if err != nil {
				return err
			}
			*at = C.int64_t(first + next)
			if more = first+next < len(index); !more || time.Since(start) > budget {
				return nil
			}
		}
	})
	keepStats(a.stats, &stats)
	if t.Feedback != nil && t.Feedback.Started {
		*a.feedback.started = 1
	}
	return more, err
}

func checkIndex(index []int, rows int) error {
	for _, i := range index {
		if i < 0 || i >= rows {
			return &engine.ArgError{Func: "train", Arg: "index", Got: fmt.Sprint(i), Want: fmt.Sprintf("a row of x, 0 to %d,", rows-1)}
		}
	}
	return nil
}
