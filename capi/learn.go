//go:build cgo && linux

package main

/*
#include "internal.h"
*/
import "C"

import (
	"sync"
	"unsafe"

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

func ruleOf[T kernels.Float](a *C.hk_learn_args, lr float64) engine.Rule[T] {
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
	case C.HK_OUTSTAR:
		return engine.Outstar[T]{LR: lr}
	case C.HK_PREGATED:
		return engine.PreGated[T]{LR: lr, Theta: vector[T](&a.gate)}
	case C.HK_POSTGATED:
		return engine.PostGated[T]{LR: lr, Theta: vector[T](&a.gate)}
	case C.HK_COVARIANCE:
		return engine.Covariance[T]{LR: lr, Alpha: float64(a.alpha), XMean: vector[T](&a.pre), YMean: vector[T](&a.post)}
	case C.HK_BCM:
		return engine.BCM[T]{LR: lr, Decay: float64(a.decay), Alpha: float64(a.alpha), Form: engine.BCMForm(a.form),
			Power: float64(a.power), C0: float64(a.c0), Theta: vector[T](&a.post)}
	case C.HK_DIFFERENTIAL:
		return engine.DifferentialHebbian[T]{LR: lr, PreDifference: a.differentiate != 0, XBefore: vector[T](&a.pre),
			YBefore: vector[T](&a.post)}
	case C.HK_ANTIHEBBIAN:
		return engine.AntiHebbian[T]{LR: lr, ZeroDiagonal: a.zero_diagonal != 0}
	case C.HK_ABCD:
		return engine.ABCD[T]{LR: lr, A: float64(a.a), B: float64(a.b), C: float64(a.c), D: float64(a.d)}
	case C.HK_KROTOV_HOPFIELD:
		return engine.KrotovHopfield[T]{LR: lr, Q: float64(a.q), K: int(a.k), Delta: float64(a.delta)}
	case C.HK_VOJA:
		return engine.Voja[T]{LR: lr, Scale: vector[T](&a.gate)}
	case C.HK_PES:
		return engine.PES[T]{LR: lr}
	}
	return engine.Sanger[T]{LR: lr}
}

// span sets the samples [i, j) in o; empty says that there are none, where To = 0 would be all of them.
func span[T kernels.Float](o *engine.UpdateOptions[T], i, j int) (empty bool) {
	if o.Reduction != engine.Sequential {
		return false
	}
	o.From, o.To = i, j
	return i == j
}

// answers is y, given, if empty: not to be allocated.
func answers[T kernels.Float](a *C.hk_array) kernels.Matrix[T] {
	y := matrix[T](a)
	if y.Data == nil {
		y.Data = []T{}
	}
	return y
}

// parts are what ends the arguments of what composes its updates, by the first array and the first scalar of them.
type parts[T kernels.Float] struct {
	arrays  *C.hki_composed_arrays
	scalars *C.hki_composed_scalars
}

func partsOf[T kernels.Float](rowLR *C.hk_array, soft *C.int64_t) parts[T] {
	return parts[T]{(*C.hki_composed_arrays)(unsafe.Pointer(rowLR)), (*C.hki_composed_scalars)(unsafe.Pointer(soft))}
}

func (p parts[T]) composition() *engine.Composition[T] {
	return composition[T](&p.arrays.parts, p.scalars)
}

// sparse is w as sparse weights; ok is false for dense ones.
func (p parts[T]) sparse(w, x *C.hk_array) (c kernels.CSR[T], ok bool) {
	a := p.arrays
	if a.indices.dtype == C.HK_ABSENT {
		return c, false
	}
	return kernels.CSR[T]{Data: vector[T](w), Indices: integersOf[int32](&a.indices), Start: integersOf[int](&a.indptr),
		Rows: int(a.indptr.cols) - 1, Cols: int(x.cols)}, true
}

// each runs the samples [o.From, o.To), or the whole batch of a sum or a mean, with the learning rate of each sample, in runs of
// the same rate; lr is that of all where none are given.
func (p parts[T]) each(lr C.double, o engine.UpdateOptions[T], update func(lr float64, o engine.UpdateOptions[T]) (int, error)) (done int, err error) {
	rates := vector[T](&p.arrays.rates)
	if rates == nil {
		return update(float64(lr), o)
	}
	for s, to := o.From, o.To; s < to; {
		end := s + 1
		for end < to && rates[end] == rates[s] {
			end++
		}
		o.From, o.To = s, end
		k, err := update(float64(rates[s]), o)
		if done += k; err != nil {
			return done, err
		}
		s = end
	}
	return done, nil
}

func given[T kernels.Float](a *C.hk_given_args, i, j int) (int, error) {
	p := partsOf[T](&a.row_lr, &a.soft)
	o := engine.UpdateOptions[T]{Reduction: engine.Reduction(a.reduction), Normalize: engine.Normalization(a.normalize), Block: int(a.block),
		Compose: p.composition()}
	if span(&o, i, j) {
		return j, nil
	}
	w, sparse := p.sparse(&a.w, &a.x)
	rule := engine.Given[T]{G: matrix[T](&a.g), X: matrix[T](&a.x), D: matrix[T](&a.decay), C: matrix[T](&a.col_decay),
		A: matrix[T](&a.row_add), B: matrix[T](&a.col_add)}
	k := 0
	err := withScratch(func(s *engine.Scratch[T]) (err error) {
		o.Scratch = s
		k, err = p.each(a.lr, o, func(lr float64, o engine.UpdateOptions[T]) (int, error) {
			rule.LR = lr
			if sparse {
				return rule.UpdateCSR(w, o)
			}
			return rule.Update(matrix[T](&a.w), o)
		})
		return err
	})
	return i + k, err
}

func contrastive[T kernels.Float](a *C.hk_contrastive_args, i, j int) (int, error) {
	p := partsOf[T](&a.row_lr, &a.soft)
	o := engine.UpdateOptions[T]{Reduction: engine.Reduction(a.reduction), Normalize: engine.Normalization(a.normalize), Block: int(a.block),
		Compose: p.composition()}
	if span(&o, i, j) {
		return j, nil
	}
	w, sparse := p.sparse(&a.w, &a.x)
	x, y, xFree, yFree := matrix[T](&a.x), matrix[T](&a.y), matrix[T](&a.x_free), matrix[T](&a.y_free)
	k := 0
	err := withScratch(func(s *engine.Scratch[T]) (err error) {
		o.Scratch = s
		k, err = p.each(a.lr, o, func(lr float64, o engine.UpdateOptions[T]) (int, error) {
			rule := engine.ContrastiveHebbian[T]{LR: lr}
			if sparse {
				return rule.UpdateCSR(w, x, y, xFree, yFree, o)
			}
			return rule.Update(matrix[T](&a.w), x, y, xFree, yFree, o)
		})
		return err
	})
	return i + k, err
}

func threeFactor[T kernels.Float](a *C.hk_three_factor_args, i, j int) (int, error) {
	p := partsOf[T](&a.row_lr, &a.soft)
	o := engine.UpdateOptions[T]{Compute: a.compute != 0, Compose: p.composition()}
	if span(&o, i, j) {
		return j, nil
	}
	rule := engine.ThreeFactor[T]{TauE: float64(a.tau_e), TauRise: float64(a.tau_rise), DT: float64(a.dt),
		Drive: engine.Drive(a.drive), E: matrix[T](&a.e), R: matrix[T](&a.r)}
	modulator := vector[T](&a.modulator)
	if n := int(a.x.rows); len(modulator) != n { // one for all
		one := modulator[0]
		modulator = make([]T, n)
		for k := range modulator {
			modulator[k] = one
		}
	}
	w, sparse := p.sparse(&a.w, &a.x)
	k := 0
	err := withScratch(func(s *engine.Scratch[T]) (err error) {
		o.Scratch = s
		k, err = p.each(a.lr, o, func(lr float64, o engine.UpdateOptions[T]) (k int, err error) {
			rule.LR = lr
			if sparse {
				_, k, err = rule.UpdateCSR(w, matrix[T](&a.x), answers[T](&a.y), modulator, o)
			} else {
				_, k, err = rule.Update(matrix[T](&a.w), matrix[T](&a.x), answers[T](&a.y), modulator, o)
			}
			return k, err
		})
		return err
	})
	return i + k, err
}

func foldiak[T kernels.Float](a *C.hk_foldiak_args, i, j int) (int, error) {
	p := partsOf[T](&a.row_lr, &a.soft)
	o := engine.UpdateOptions[T]{Reduction: engine.Reduction(a.reduction), Compute: a.compute != 0, Compose: p.composition()}
	if span(&o, i, j) {
		return j, nil
	}
	rule := engine.Foldiak[T]{LateralLR: float64(a.lateral_lr), ThresholdLR: float64(a.threshold_lr), P: float64(a.p),
		Slope: float64(a.slope), Steps: int(a.steps), Step: float64(a.step), V: matrix[T](&a.lateral), Threshold: vector[T](&a.threshold),
		Lateral: composition[T]((*C.hki_parts)(unsafe.Pointer(&a.lateral_row_lr)), (*C.hki_composed_scalars)(unsafe.Pointer(&a.lateral_soft)))}
	w, sparse := p.sparse(&a.w, &a.x)
	k := 0
	err := withScratch(func(s *engine.Scratch[T]) (err error) {
		o.Scratch = s
		k, err = p.each(a.lr, o, func(lr float64, o engine.UpdateOptions[T]) (k int, err error) {
			rule.LR = lr
			if sparse {
				_, k, err = rule.UpdateCSR(w, matrix[T](&a.x), answers[T](&a.y), o)
			} else {
				_, k, err = rule.Update(matrix[T](&a.w), matrix[T](&a.x), answers[T](&a.y), o)
			}
			return k, err
		})
		return err
	})
	return i + k, err
}

// learn runs the samples [i, j), or the whole batch of a sum or a mean.
func learn[T kernels.Float](a *C.hk_learn_args, i, j int) (int, error) {
	p := partsOf[T](&a.row_lr, &a.soft)
	o := engine.UpdateOptions[T]{
		Reduction: engine.Reduction(a.reduction), Normalize: engine.Normalization(a.normalize), Compute: a.compute != 0,
		Block: int(a.block), Compose: p.composition(),
	}
	if span(&o, i, j) {
		return j, nil
	}
	w, sparse := p.sparse(&a.w, &a.x)
	x, y := matrix[T](&a.x), answers[T](&a.y)
	k := 0
	err := withScratch(func(s *engine.Scratch[T]) (err error) {
		o.Scratch = s
		k, err = p.each(a.lr, o, func(lr float64, o engine.UpdateOptions[T]) (k int, err error) {
			rule := ruleOf[T](a, lr)
			if sparse {
				_, k, err = engine.UpdateCSR(rule, w, x, y, o)
			} else {
				_, k, err = engine.Update(rule, matrix[T](&a.w), x, y, o)
			}
			return k, err
		})
		return err
	})
	return i + k, err
}

// composition is what an update is composed with, nil if nothing.
func composition[T kernels.Float](a *C.hki_parts, s *C.hki_composed_scalars) *engine.Composition[T] {
	if a.row_lr.dtype == C.HK_ABSENT && a.low.dtype == C.HK_ABSENT && a.high.dtype == C.HK_ABSENT && a.mask.dtype == C.HK_ABSENT &&
		s.soft == 0 && s.gamma == 0 && s.norm == C.HK_NO_NORM {
		return nil
	}
	c := &engine.Composition[T]{
		RowRate: vector[T](&a.row_lr), Gamma: T(s.gamma), Theta: T(s.theta),
		Norm: engine.WeightNorm[T]{Kind: engine.WeightNormKind(s.norm), P: float64(s.norm_p), Target: T(s.norm_target)},
	}
	if s.soft != 0 {
		c.Soft, c.SoftLow, c.SoftHigh = true, T(s.soft_low), T(s.soft_high)
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
