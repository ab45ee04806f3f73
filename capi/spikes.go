//go:build cgo && linux

package main

/*
#include "internal.h"
*/
import "C"

import (
	"sync"
	"time"
	"unsafe"

	"github.com/hebbkern/hebbkern/engine"
	"github.com/hebbkern/hebbkern/kernels"
)

// inTime runs the steps [i, j), or as many as go into the budget, and returns
// the step that it came to. A step's work is that of its spikes: pieces begin
// short enough for every unit to spike in every step, and grow while they are
// quick. A piece costs a copy of the weights, so they should be few.
func inTime(i, j, weights int, composed bool, run func(from, to int) (int, error)) (int, error) {
	const quick = 2 * time.Millisecond
	each := 2.0 // nanoseconds for a weight with two events, on one slow core
	if kernels.ISA() == "portable" {
		each = 40
	}
	if composed {
		each *= 4 // copied, subtracted, added and clipped, whether there is an event or not
	}
	n := max(int(float64(budget/2)/(each*float64(max(weights, 1)))), 1)
	for start := time.Now(); i < j; {
		to, before := min(i+n, j), time.Now()
		if k, err := run(i, to); err != nil {
			return i + k, err
		}
		i = to
		now := time.Now()
		if now.Sub(start) > budget {
			break
		}
		if now.Sub(before) < quick {
			n *= 2
		}
	}
	return i, nil
}

func pairingOf(dt, low, high, mu C.double, coincidence, trace C.int64_t) engine.Pairing {
	return engine.Pairing{DT: float64(dt), WMin: float64(low), WMax: float64(high), Mu: float64(mu),
		Coincidence: kernels.Coincidence(coincidence), Replace: trace == C.HK_TRACE_REPLACE}
}

// spikesComposed reports whether each step has more to do than its events.
func spikesComposed(kernel int, args unsafe.Pointer, rowLR, rates *C.hk_array) bool {
	return rowLR.dtype != C.HK_ABSENT || rates.dtype != C.HK_ABSENT || C.hki_composed(C.int(kernel), args) != 0
}

// composedSpikes is what the steps [i, j) of spikes are composed with.
func composedSpikes[T kernels.Float](rowLR *C.hk_array, soft *C.int64_t, i, j int) engine.SpikeOptions[T] {
	p := partsOf[T](rowLR, soft)
	o := engine.SpikeOptions[T]{Compose: p.composition(), Rates: vector[T](&p.arrays.rates)}
	if o.Rates != nil {
		o.Rates = o.Rates[i:j]
	}
	return o
}

func stdp[T kernels.Float](a *C.hk_stdp_args, i, j int) (int, error) {
	rule := engine.STDP[T]{TauPlus: float64(a.tau_plus), TauMinus: float64(a.tau_minus), APlus: float64(a.a_plus), AMinus: float64(a.a_minus),
		Pairing: pairingOf(a.dt, a.w_min, a.w_max, a.mu, a.coincidence, a.trace), APre: vector[T](&a.a_pre), APost: vector[T](&a.a_post)}
	o := composedSpikes[T](&a.row_lr, &a.soft, i, j)
	return withSpikes(&a.pre, &a.post, i, j, o, func(pre, post kernels.Spikes, o engine.SpikeOptions[T]) (int, error) {
		return rule.UpdateComposed(matrix[T](&a.w), pre, post, o)
	})
}

func tripletSTDP[T kernels.Float](a *C.hk_triplet_stdp_args, i, j int) (int, error) {
	rule := engine.TripletSTDP[T]{TauPlus: float64(a.tau_plus), TauX: float64(a.tau_x), TauMinus: float64(a.tau_minus), TauY: float64(a.tau_y),
		A2Plus: float64(a.a2_plus), A3Plus: float64(a.a3_plus), A2Minus: float64(a.a2_minus), A3Minus: float64(a.a3_minus),
		Pairing: pairingOf(a.dt, a.w_min, a.w_max, a.mu, a.coincidence, a.trace),
		R1:      vector[T](&a.r1), R2: vector[T](&a.r2), O1: vector[T](&a.o1), O2: vector[T](&a.o2)}
	o := composedSpikes[T](&a.row_lr, &a.soft, i, j)
	return withSpikes(&a.pre, &a.post, i, j, o, func(pre, post kernels.Spikes, o engine.SpikeOptions[T]) (int, error) {
		return rule.UpdateComposed(matrix[T](&a.w), pre, post, o)
	})
}

// bools is memory for the spikes of one call that are given as numbers.
type bools struct{ pre, post []bool }

var boolPool = sync.Pool{New: func() any { return new(bools) }}

// withSpikes runs do on the steps [i, j) of checked spikes.
func withSpikes[T kernels.Float](pre, post *C.hk_array, i, j int, o engine.SpikeOptions[T],
	do func(pre, post kernels.Spikes, o engine.SpikeOptions[T]) (int, error)) (k int, err error) {
	b := boolPool.Get().(*bools)
	x, y := spikes(pre, i, j, &b.pre), spikes(post, i, j, &b.post)
	if o.Compose == nil && o.Rates == nil {
		k, err = do(x, y, o)
	} else {
		err = withScratch(func(s *engine.Scratch[T]) error {
			o.Scratch = s
			k, err = do(x, y, o)
			return err
		})
	}
	boolPool.Put(b)
	return k, err
}

// spikes is the steps [i, j); numbers become bools in the buffer.
func spikes(a *C.hk_array, i, j int, buffer *[]bool) kernels.Spikes {
	s := kernels.Spikes{Rows: j - i, Cols: int(a.cols), Stride: int(a.stride)}
	if s.Rows == 0 || s.Cols == 0 {
		return s
	}
	if a.dtype == C.HK_BOOL {
		s.Data = unsafe.Slice((*bool)(unsafe.Add(a.data, i*s.Stride)), (s.Rows-1)*s.Stride+s.Cols)
		return s
	}
	if n := s.Rows * s.Cols; len(*buffer) < n {
		*buffer = make([]bool, n)
	}
	s.Data, s.Stride = *buffer, s.Cols
	C.hki_spikes_as_bytes(a, C.int64_t(i), C.int64_t(j), (*C.uchar)(unsafe.Pointer(unsafe.SliceData(*buffer))))
	return s
}
