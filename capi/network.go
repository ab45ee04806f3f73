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
	case C.HKI_EVALUATE:
		return evaluate[T]((*C.hk_evaluate_args)(args), at)
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
	case C.HKI_DRAW_FEEDBACK:
		a := (*C.hk_draw_feedback_args)(args)
		o := engine.FeedbackOptions{Beta: float64(a.beta), Excitatory: float64(a.excitatory)}
		return false, engine.DrawFeedback(matrix[T](&a.out), engine.FeedbackKind(a.kind), o, int(a.rows), int(a.cols), (*engine.RNG)(unsafe.Pointer(a.rng)))
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
	net, err := engine.LayeredOver(w, b, activationOf(n.hidden, n.slope, n.shape), activationOf(n.output, n.slope, n.shape))
	if err == nil && n.activations != nil {
		for l, a := range unsafe.Slice(n.activations, int(n.layers)) {
			net.Populations[l+1].Activation = activationOf(a.kind, a.slope, a.shape)
		}
	}
	return net, err
}

func activationOf(kind C.int64_t, slope, shape C.double) kernels.Activation {
	return kernels.Activation{Kind: kernels.ActKind(kind), Slope: float64(slope), Shape: float64(shape)}
}

func initNetwork[T kernels.Float](a *C.hk_init_args) error {
	n, err := networkOf[T](&a.network)
	if err != nil {
		return err
	}
	if err := n.Init(uint64(a.seed)); err != nil || a.feedback == nil {
		return err
	}
	f := feedbackOf[T](a.feedback, len(n.Projections))
	err = f.Draw(n, uint64(a.seed), engine.FeedbackOptions{Beta: float64(a.beta), Excitatory: float64(a.excitatory)})
	if err == nil && a.rng != nil {
		*(*engine.RNG)(unsafe.Pointer(a.rng)) = f.RNG
	}
	return err
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
