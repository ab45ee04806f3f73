//go:build cgo && linux

package main

/*
#include "internal.h"
*/
import "C"

import (
	"math"
	"unsafe"

	"github.com/hebbkern/hebbkern/engine"
	"github.com/hebbkern/hebbkern/kernels"
)

// call runs the units [i, j) of a kernel; which units these are is said by
// hki_estimate in table.c. An error comes with the unit that was reached.
func call[T kernels.Float](kernel int, args unsafe.Pointer, i, j int) (int, error) {
	switch kernel {
	case C.HKI_RANK1:
		rank1[T]((*C.hk_rank1_args)(args), i, j)
	case C.HKI_BATCH_UPDATE:
		batchUpdate[T]((*C.hk_batch_update_args)(args), i, j)
	case C.HKI_FORWARD:
		forward[T]((*C.hk_forward_args)(args), i, j)
	case C.HKI_POWER_SUMS:
		powerSums[T]((*C.hk_power_sums_args)(args), i, j)
	case C.HKI_SCALE:
		a := (*C.hk_scale_args)(args)
		kernels.Scale(rowsOf(matrix[T](&a.w), i, j), part[T](&a.rows, i, j), vector[T](&a.cols))
	case C.HKI_EMA:
		ema[T]((*C.hk_ema_args)(args), i, j)
	case C.HKI_GAIN_RULE:
		a := (*C.hk_gain_rule_args)(args)
		kernels.GainRule(rowsOf(matrix[T](&a.w), i, j), part[T](&a.post_gain, i, j), vector[T](&a.pre_gain), T(a.lr),
			kernels.GainOptions[T]{Form: kernels.GainForm(a.form), Limit: T(a.limit), Bias: part[T](&a.bias, i, j)})
	case C.HKI_LEARN:
		return learn[T]((*C.hk_learn_args)(args), i, j)
	case C.HKI_GIVEN:
		return given[T]((*C.hk_given_args)(args), i, j)
	case C.HKI_CONTRASTIVE:
		return contrastive[T]((*C.hk_contrastive_args)(args), i, j)
	case C.HKI_THREE_FACTOR:
		return threeFactor[T]((*C.hk_three_factor_args)(args), i, j)
	case C.HKI_FOLDIAK:
		return foldiak[T]((*C.hk_foldiak_args)(args), i, j)
	case C.HKI_AVERAGE_GAIN:
		return i, averageGain[T]((*C.hk_average_gain_args)(args), i, j)
	case C.HKI_THRESHOLD:
		a := (*C.hk_threshold_args)(args)
		h := engine.Threshold[T]{Theta: vector[T](&a.theta), Target: vector[T](&a.target), Rate: float64(a.rate)}
		return i, withScratch(func(s *engine.Scratch[T]) error { return h.Update(matrix[T](&a.y), engine.Reduction(a.reduction), s) })
	case C.HKI_INTRINSIC_PLASTICITY:
		a := (*C.hk_intrinsic_plasticity_args)(args)
		h := engine.IntrinsicPlasticity[T]{Gain: vector[T](&a.gain), Bias: vector[T](&a.bias), Target: float64(a.target), Rate: float64(a.rate)}
		return i, withScratch(func(s *engine.Scratch[T]) error {
			return h.Update(matrix[T](&a.z), matrix[T](&a.y), engine.Reduction(a.reduction), s)
		})
	case C.HKI_BALANCED_RELU:
		return i, balancedReLU[T]((*C.hk_balanced_relu_args)(args), i, j)
	case C.HKI_STAMINA:
		return i, stamina[T]((*C.hk_stamina_args)(args))
	case C.HKI_WINDOWED_GAIN:
		return i, windowedGain[T]((*C.hk_windowed_gain_args)(args), i, j)
	case C.HKI_STDP:
		a := (*C.hk_stdp_args)(args)
		return inTime(i, j, int(a.w.rows*a.w.cols), spikesComposed(kernel, args, &a.row_lr, &a.rates), func(from, to int) (int, error) { return stdp[T](a, from, to) })
	case C.HKI_TRIPLET_STDP:
		a := (*C.hk_triplet_stdp_args)(args)
		return inTime(i, j, int(a.w.rows*a.w.cols), spikesComposed(kernel, args, &a.row_lr, &a.rates), func(from, to int) (int, error) { return tripletSTDP[T](a, from, to) })
	case C.HKI_PATCHES:
		return j, patches[T]((*C.hk_patches_args)(args), i, j)
	case C.HKI_CONV_FORWARD:
		convForward[T]((*C.hk_conv_forward_args)(args), i, j)
	case C.HKI_POOL:
		a := (*C.hk_pool_args)(args)
		kernels.PoolRows(matrix[T](&a.out), matrix[T](&a.images), windowsOf(&a.windows), kernels.PoolKind(a.kind), i, j)
	default:
		panic("unknown kernel")
	}
	return j, nil
}

func rank1[T kernels.Float](a *C.hk_rank1_args, i, j int) {
	u := kernels.Update[T]{
		G: part[T](&a.g, i, j), X: vector[T](&a.x),
		Decay: part[T](&a.decay, i, j), ColDecay: vector[T](&a.col_decay),
		RowAdd: part[T](&a.row_add, i, j), ColAdd: vector[T](&a.col_add),
	}
	limit(&u, &a.low, &a.high, &a.mask, i, j)
	kernels.Rank1(rowsOf(matrix[T](&a.w), i, j), u)
}

func batchUpdate[T kernels.Float](a *C.hk_batch_update_args, i, j int) {
	u := kernels.Update[T]{
		Decay: part[T](&a.decay, i, j), ColDecay: vector[T](&a.col_decay),
		RowAdd: part[T](&a.row_add, i, j), ColAdd: vector[T](&a.col_add),
	}
	limit(&u, &a.low, &a.high, &a.mask, i, j)
	kernels.BatchUpdateTerms(rowsOf(matrix[T](&a.w), i, j), colsOf(matrix[T](&a.g), i, j), matrix[T](&a.x), u)
}

// limit gives an update of the rows [i, j) its bounds and mask.
func limit[T kernels.Float](u *kernels.Update[T], low, high, mask *C.hk_array, i, j int) {
	if low, high := vector[T](low), vector[T](high); low != nil || high != nil {
		u.Bounded, u.Low, u.High = true, T(math.Inf(-1)), T(math.Inf(1))
		if low != nil {
			u.Low = low[0]
		}
		if high != nil {
			u.High = high[0]
		}
	}
	if m, stride := maskOf(mask); m != nil && i < j {
		u.Mask, u.MaskStride = m[i*stride:(j-1)*stride+int(mask.cols)], stride
	}
}

func forward[T kernels.Float](a *C.hk_forward_args, i, j int) {
	act := activationOf(a.activation, a.slope, a.shape)
	w, x, out := matrix[T](&a.w), matrix[T](&a.x), matrix[T](&a.out)
	if a.x.ndim == 1 {
		kernels.Forward(vector[T](&a.out)[i:j:j], rowsOf(w, i, j), vector[T](&a.x), part[T](&a.b, i, j), act)
		return
	}
	kernels.ForwardBatch(rowsOf(out, i, j), w, rowsOf(x, i, j), vector[T](&a.b), act)
}

func powerSums[T kernels.Float](a *C.hk_power_sums_args, i, j int) {
	w, p := matrix[T](&a.w), float64(a.p)
	rows, cols, weights := vector[T](&a.rows), vector[T](&a.cols), vector[T](&a.weights)
	switch n := w.Rows; {
	case rows != nil && cols != nil && i == 0 && j == n+w.Cols:
	case rows != nil && cols != nil:
		// Too long for one pass in one call: rows first, columns after.
		c0, c1 := max(i-n, 0), max(j-n, 0)
		r0, r1 := min(i, n), min(j, n)
		if r0 < r1 {
			sums(rowsOf(w, r0, r1), p, rows[r0:r1], nil, nil, a.root != 0)
		}
		if c0 < c1 {
			sums(colsOf(w, c0, c1), p, nil, cols[c0:c1], nil, a.root != 0)
		}
		return
	case rows != nil:
		w, rows = rowsOf(w, i, j), rows[i:j]
	default:
		w, cols = colsOf(w, i, j), cols[i:j]
	}
	sums(w, p, rows, cols, weights, a.root != 0)
}

func sums[T kernels.Float](w kernels.Matrix[T], p float64, rows, cols, weights []T, root bool) {
	switch {
	case weights != nil && rows != nil:
		kernels.PowerSumsWeighted(w, p, weights, rows, 1)
	case weights != nil:
		kernels.PowerSumsWeighted(w, p, weights, cols, 0)
	default:
		kernels.PowerSums(w, p, rows, cols)
	}
	if root && p != 1 && !math.IsInf(p, 1) {
		kernels.PowAbs(rows, rows, 1/p)
		kernels.PowAbs(cols, cols, 1/p)
	}
}

func ema[T kernels.Float](a *C.hk_ema_args, i, j int) {
	s, of := vector[T](&a.s)[i:j:j], kernels.Of(a.of)
	if a.a.ndim == 1 {
		kernels.EMA(s, vector[T](&a.a)[i:j:j], T(a.alpha), of)
		return
	}
	kernels.EMABatch(s, colsOf(matrix[T](&a.a), i, j), T(a.alpha), of)
}
