//go:build cgo && linux

package main

/*
#include "internal.h"
*/
import "C"

import (
	"sync"

	"github.com/hebbkern/hebbkern/engine"
	"github.com/hebbkern/hebbkern/kernels"
)

// Working memory between calls; what it holds never affects a result.
var scratch32, scratch64 = sync.Pool{New: func() any { return new(engine.Scratch[float32]) }},
	sync.Pool{New: func() any { return new(engine.Scratch[float64]) }}

func scratches[T kernels.Float]() *sync.Pool {
	var zero T
	if _, single := any(zero).(float32); single {
		return &scratch32
	}
	return &scratch64
}

// withScratch is not deferred on a panic: what was in use then is left to the
// garbage collector.
func withScratch[T kernels.Float](do func(s *engine.Scratch[T]) error) error {
	pool := scratches[T]()
	s := pool.Get().(*engine.Scratch[T])
	err := do(s)
	pool.Put(s)
	return err
}

func ruleOf[T kernels.Float](a *C.hk_learn_args) engine.Rule[T] {
	lr := float64(a.lr)
	switch a.rule {
	case C.HK_HEBB:
		return engine.Hebb[T]{LR: lr}
	case C.HK_DECAY:
		return engine.Decay[T]{LR: lr, Decay: float64(a.decay)}
	case C.HK_OJA:
		return engine.Oja[T]{LR: lr}
	case C.HK_INSTAR:
		return engine.Instar[T]{LR: lr}
	case C.HK_WTA:
		return engine.WTA[T]{LR: lr, K: int(a.k), Score: engine.Score(a.score)}
	case C.HK_SOFTHEBB:
		return engine.SoftHebb[T]{LR: lr, Temperature: float64(a.temperature), Anti: a.anti != 0}
	}
	return engine.Sanger[T]{LR: lr}
}

// learn runs the samples [i, j), or the whole batch of a sum or a mean.
func learn[T kernels.Float](a *C.hk_learn_args, i, j int) (int, error) {
	o := engine.UpdateOptions[T]{
		Reduction: engine.Reduction(a.reduction), Normalize: engine.Normalization(a.normalize), Compute: a.compute != 0,
		Block: int(a.block),
	}
	if o.Reduction == engine.Sequential {
		if i == j { // no samples; To = 0 would be all of them
			return j, nil
		}
		o.From, o.To = i, j
	}
	k := 0
	err := withScratch(func(s *engine.Scratch[T]) (err error) {
		o.Scratch = s
		y := matrix[T](&a.y)
		if y.Data == nil {
			y.Data = []T{} // given, if empty: not to be allocated
		}
		_, k, err = engine.Update(ruleOf[T](a), matrix[T](&a.w), matrix[T](&a.x), y, o)
		return err
	})
	return i + k, err
}

func averageGain[T kernels.Float](a *C.hk_average_gain_args, i, j int) error {
	e := engine.Exponential[T]{Sigma: vector[T](&a.sigma)[i:j:j], Alpha: float64(a.alpha), Of: engine.GainOf(a.gain_of)}
	return withScratch(func(s *engine.Scratch[T]) error {
		return e.Update(colsOf(matrix[T](&a.z), i, j), activationOf(a.activation, a.slope, a.shape), engine.Reduction(a.reduction), s)
	})
}

// windowedGain is of some units, whose state depends on no other unit's.
func windowedGain[T kernels.Float](a *C.hk_windowed_gain_args, i, j int) error {
	w := engine.Windowed[T]{Sigma: vector[T](&a.sigma)[i:j:j], Values: colsOf(matrix[float64](&a.values), i, j),
		Sum: vector[float64](&a.sum)[i:j:j], Seen: int(a.seen), Of: engine.GainOf(a.gain_of)}
	return withScratch(func(s *engine.Scratch[T]) error {
		return w.Update(colsOf(matrix[T](&a.z), i, j), activationOf(a.activation, a.slope, a.shape), engine.Reduction(a.reduction), s)
	})
}
