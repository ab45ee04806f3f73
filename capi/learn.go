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
		Block: int(a.block), Compose: composition[T](a),
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
		if a.indices.dtype != C.HK_ABSENT {
			k, err = learnSparse(a, y, o)
			return err
		}
		if rates := rates[T](a); rates != nil {
			each := func(lr float64) engine.Rule[T] {
				b := *a
				b.lr = C.double(lr)
				return ruleOf[T](&b)
			}
			_, k, err = engine.UpdateScheduled(each, rates, matrix[T](&a.w), matrix[T](&a.x), y, o)
			return err
		}
		_, k, err = engine.Update(ruleOf[T](a), matrix[T](&a.w), matrix[T](&a.x), y, o)
		return err
	})
	return i + k, err
}

// learnSparse is learn on sparse weights, which have been checked. Rates by sample are runs of calls, as in
// engine.UpdateScheduled.
func learnSparse[T kernels.Float](a *C.hk_learn_args, y kernels.Matrix[T], o engine.UpdateOptions[T]) (done int, err error) {
	w := kernels.CSR[T]{Data: vector[T](&a.w), Indices: integersOf[int32](&a.indices), Start: integersOf[int](&a.indptr),
		Rows: int(a.indptr.cols) - 1, Cols: int(a.x.cols)}
	rates := rates[T](a)
	if rates == nil {
		_, k, err := engine.UpdateCSR(ruleOf[T](a), w, matrix[T](&a.x), y, o)
		return k, err
	}
	for from, to := o.From, o.To; from < to; from++ {
		b := *a
		b.lr = C.double(rates[from])
		o.From, o.To = from, from+1
		_, k, err := engine.UpdateCSR(ruleOf[T](&b), w, matrix[T](&a.x), y, o)
		if done += k; err != nil {
			return done, err
		}
	}
	return done, nil
}

// rates is the learning rate of each sample, nil where there is one for all.
func rates[T kernels.Float](a *C.hk_learn_args) []float64 {
	v := vector[T](&a.rates)
	if v == nil {
		return nil
	}
	wide := make([]float64, len(v))
	for k, r := range v {
		wide[k] = float64(r)
	}
	return wide
}

// composition is what hk_learn joins with its rule, nil if nothing.
func composition[T kernels.Float](a *C.hk_learn_args) *engine.Composition[T] {
	if a.row_lr.dtype == C.HK_ABSENT && a.low.dtype == C.HK_ABSENT && a.high.dtype == C.HK_ABSENT && a.mask.dtype == C.HK_ABSENT &&
		a.soft == 0 && a.gamma == 0 && a.norm == C.HK_NO_NORM {
		return nil
	}
	c := &engine.Composition[T]{
		RowRate: vector[T](&a.row_lr), Gamma: T(a.gamma), Theta: T(a.theta),
		Norm: engine.WeightNorm[T]{Kind: engine.WeightNormKind(a.norm), P: float64(a.norm_p), Target: T(a.norm_target)},
	}
	if a.soft != 0 {
		c.Soft, c.SoftLow, c.SoftHigh = true, T(a.soft_low), T(a.soft_high)
	}
	if a.low.dtype != C.HK_ABSENT {
		c.Low = matrix[T](&a.low)
	}
	if a.high.dtype != C.HK_ABSENT {
		c.High = matrix[T](&a.high)
	}
	c.Mask, c.MaskStride = maskOf(&a.mask)
	return c
}

func averageGain[T kernels.Float](a *C.hk_average_gain_args, i, j int) error {
	e := engine.Exponential[T]{Sigma: vector[T](&a.sigma)[i:j:j], Alpha: float64(a.alpha), Of: engine.GainOf(a.gain_of)}
	act := kernels.Activation{Kind: kernels.ActKind(a.activation), Slope: float64(a.slope)}
	return withScratch(func(s *engine.Scratch[T]) error {
		return e.Update(colsOf(matrix[T](&a.z), i, j), act, engine.Reduction(a.reduction), s)
	})
}
