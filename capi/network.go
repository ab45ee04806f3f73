//go:build cgo && linux

package main

/*
#include "internal.h"
*/
import "C"

import (
	"time"
	"unsafe"

	"github.com/hebbkern/hebbkern/engine"
	"github.com/hebbkern/hebbkern/kernels"
)

// budget is the time after which a call goes back to its caller, half of what
// the header promises.
const budget = 25 * time.Millisecond

// onNetwork runs a function on networks from *at on and reports whether there
// is more to do.
func onNetwork[T kernels.Float](function int, args unsafe.Pointer, at *C.int64_t) (more bool, err error) {
	switch function {
	case C.HKI_INIT:
		return false, initNetwork[T]((*C.hk_init_args)(args))
	case C.HKI_PREDICT:
		return predict[T]((*C.hk_predict_args)(args), at)
	case C.HKI_GRADIENTS:
		return gradients[T]((*C.hk_gradients_args)(args), at)
	case C.HKI_TRAIN:
		return train[T]((*C.hk_train_args)(args), at)
	case C.HKI_PERMUTATION:
		a := (*C.hk_permutation_args)(args)
		engine.EpochPermutation(integers(a.index, a.count), uint64(a.seed), int(a.epoch))
		return false, nil
	case C.HKI_BALANCE_GRAPH:
		return balanceGraph[T]((*C.hk_balance_graph_args)(args), at)
	case C.HKI_DEFICIT:
		return false, deficit[T]((*C.hk_deficit_args)(args))
	case C.HKI_DEATHS:
		return false, deaths[T]((*C.hk_deaths_args)(args))
	case C.HKI_SPREAD:
		return false, spread[T]((*C.hk_spread_args)(args))
	case C.HKI_SEED:
		a := (*C.hk_seed_args)(args)
		(*engine.RNG)(unsafe.Pointer(a.rng)).Seed(uint64(a.seed), uint64(a.stream))
		return false, nil
	case C.HKI_UNIFORM:
		return uniform[T]((*C.hk_uniform_args)(args), at)
	case C.HKI_ANNEAL:
		return false, anneal((*C.hk_anneal_args)(args))
	case C.HKI_SYNAPTIC_BALANCE:
		return synapticBalance[T]((*C.hk_synaptic_balance_args)(args), at)
	case C.HKI_RNN:
		return runRNN[T]((*C.hk_rnn_args)(args), at)
	case C.HKI_NORMAL:
		return normal[T]((*C.hk_normal_args)(args), at)
	}
	panic("unknown function")
}

// integers is the view of an array of int64, which is Go's int here.
func integers(p *C.int64_t, n C.int64_t) []int {
	if n == 0 {
		return []int{}
	}
	return unsafe.Slice((*int)(unsafe.Pointer(p)), int(n))
}

func doubles(p *C.double, n int) []float64 {
	if n == 0 {
		return []float64{}
	}
	return unsafe.Slice((*float64)(unsafe.Pointer(p)), n)
}

func layers[T kernels.Float](count C.int64_t, weights, biases *C.hk_array) ([]kernels.Matrix[T], [][]T) {
	var w []kernels.Matrix[T]
	var b [][]T
	ws := unsafe.Slice(weights, int(count))
	for l := range ws {
		w = append(w, matrix[T](&ws[l]))
	}
	if biases != nil {
		bs := unsafe.Slice(biases, int(count))
		for l := range bs {
			b = append(b, vector[T](&bs[l]))
		}
	}
	return w, b
}

func networkOf[T kernels.Float](n *C.hk_network) (*engine.Network[T], error) {
	w, b := layers[T](n.layers, n.weights, n.biases)
	return engine.LayeredOver(w, b, activationOf(n.hidden, n.slope, n.shape), activationOf(n.output, n.slope, n.shape))
}

func activationOf(kind C.int64_t, slope, shape C.double) kernels.Activation {
	return kernels.Activation{Kind: kernels.ActKind(kind), Slope: float64(slope), Shape: float64(shape)}
}

func initNetwork[T kernels.Float](a *C.hk_init_args) error {
	n, err := networkOf[T](&a.network)
	if err != nil {
		return err
	}
	sizes := []int{n.Populations[0].Units}
	for _, p := range n.Populations[1:] {
		sizes = append(sizes, p.Units)
	}
	made, err := engine.NewLayered[T](sizes, activationOf(a.network.hidden, a.network.slope, a.network.shape), uint64(a.seed))
	if err != nil {
		return err
	}
	for q := range n.Projections {
		to, from := n.Projections[q].W, made.Projections[q].W
		for i := range to.Rows {
			copy(to.Row(i), from.Row(i))
		}
	}
	for k := range n.Populations {
		clear(n.Populations[k].Bias)
	}
	return nil
}

func predict[T kernels.Float](a *C.hk_predict_args, at *C.int64_t) (more bool, err error) {
	n, err := networkOf[T](&a.network)
	if err != nil {
		return false, err
	}
	x, out := matrix[T](&a.x), matrix[T](&a.out)
	if x.Rows != out.Rows {
		return false, &engine.ArgError{Func: "predict", Arg: "out", Got: "of another number of samples than x", Want: "as many"}
	}
	block := predictBlock(n)
	err = withScratch(func(s *engine.Scratch[T]) error {
		for start := time.Now(); ; {
			i := int(*at)
			j := min(i+block, x.Rows)
			if i < 0 || i > j {
				return &engine.ArgError{Func: "predict", Arg: "at", Got: "outside of the samples", Want: "0 for a new call"}
			}
			if err := n.Predict(rowsOf(out, i, j), rowsOf(x, i, j), s); err != nil {
				return err
			}
			*at = C.int64_t(j)
			if more = j < x.Rows; !more || time.Since(start) > budget {
				return nil
			}
		}
	})
	return more, err
}

// predictBlock is a number of samples that take less than the budget, at most
// the engine's own block; the bits do not depend on it.
func predictBlock[T kernels.Float](n *engine.Network[T]) int {
	each := 0.3 // nanoseconds for a weight, on one slow core
	if kernels.ISA() == "portable" {
		each = 12
	}
	return min(max(int(float64(budget)/(each*float64(n.Parameters()))), 1), 256)
}

// gradients keeps the sum of the losses in mean_loss until it is at its end.
func gradients[T kernels.Float](a *C.hk_gradients_args, at *C.int64_t) (more bool, err error) {
	n, err := networkOf[T](&a.network)
	if err != nil {
		return false, err
	}
	w, b := layers[T](a.network.layers, a.dweights, a.dbiases)
	grad, err := engine.LayeredOver(w, b, activationOf(a.network.hidden, a.network.slope, a.network.shape), activationOf(a.network.output, a.network.slope, a.network.shape))
	if err != nil {
		return false, err
	}
	x, target := matrix[T](&a.x), matrix[T](&a.target)
	err = withScratch(func(s *engine.Scratch[T]) error {
		for start := time.Now(); ; {
			i := int(*at)
			sum, err := engine.GradientsOf(n, grad, engine.Loss(a.loss), x, target, i, s)
			if err != nil {
				return err
			}
			if i == 0 {
				*a.mean_loss = 0
			}
			*a.mean_loss += C.double(sum)
			j := min(i+engine.GradientBlock, x.Rows)
			*at = C.int64_t(j)
			if more = j < x.Rows; !more {
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

func train[T kernels.Float](a *C.hk_train_args, at *C.int64_t) (more bool, err error) {
	n, err := networkOf[T](&a.network)
	if err != nil {
		return false, err
	}
	t := engine.Trainer[T]{Loss: engine.Loss(a.loss), LR: float64(a.lr), Batch: int(a.batch)}
	if g := a.gain; g != nil {
		t.Gain = &engine.GainTraining[T]{LR: float64(g.lr), Alpha: float64(g.alpha), Of: engine.GainOf(g.gain_of),
			Reduction: engine.Reduction(g.reduction), Form: kernels.GainForm(g.form), Limit: float64(g.limit)}
		sigma := unsafe.Slice(g.sigma, int(a.network.layers)+1)
		for k := range sigma {
			t.Gain.Sigma = append(t.Gain.Sigma, vector[T](&sigma[k]))
		}
	}
	x, target, index := matrix[T](&a.x), matrix[T](&a.target), integers(a.index, a.count)
	stats := engine.Stats{Samples: int(a.stats.samples), LossSum: float64(a.stats.loss), Correct: int(a.stats.correct)}
	err = withScratch(func(s *engine.Scratch[T]) error {
		t.Scratch = s
		for start := time.Now(); ; {
			// The arguments are checked in full by the first call, the others' part by part.
			i := int(*at)
			part := index[i:min(i+max(t.Batch, 1), len(index))]
			if i == 0 {
				if err := t.Steps(n, x, target, index[:0], nil); err != nil {
					return err
				}
				if err := checkIndex(index, x.Rows); err != nil {
					return err
				}
			}
			if err := t.Steps(n, x, target, part, &stats); err != nil {
				return err
			}
			*at = C.int64_t(i + len(part))
			if more = i+len(part) < len(index); !more || time.Since(start) > budget {
				return nil
			}
		}
	})
	a.stats.samples, a.stats.loss, a.stats.correct = C.int64_t(stats.Samples), C.double(stats.LossSum), C.int64_t(stats.Correct)
	return more, err
}

func checkIndex(index []int, rows int) error {
	for _, i := range index {
		if i < 0 || i >= rows {
			return &engine.ArgError{Func: "train", Arg: "index", Got: "outside of x", Want: "rows of x"}
		}
	}
	return nil
}

func deficit[T kernels.Float](a *C.hk_deficit_args) error {
	n, err := networkOf[T](&a.network)
	if err != nil {
		return err
	}
	o := engine.BalanceOptions{P: float64(a.p), IncludeBias: a.include_bias != 0}
	// A result that is refused half-way must not be seen.
	unit, total, err := engine.Deficit(n, o, nil)
	if err != nil {
		return err
	}
	copy(doubles(a.deficit, len(unit)), unit)
	*a.total = C.double(total)
	return nil
}
