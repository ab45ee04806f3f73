//go:build cgo && linux

package main

/*
#include "internal.h"
*/
import "C"

import (
	"errors"
	"time"
	"unsafe"

	"github.com/hebbkern/hebbkern/engine"
	"github.com/hebbkern/hebbkern/kernels"
)

// hebbkernBalanceState is the length of the state of hk_balance_graph, or -1.
//
//export hebbkernBalanceState
func hebbkernBalanceState(units, blocks, parts C.int64_t) (n C.int64_t) {
	var status C.int32_t
	defer func() {
		if status != C.HK_OK {
			n = -1
		}
	}()
	defer fault(nil, &status)
	const top = 1 << 40
	if units < 0 || blocks < 0 || parts < 1 || units > top || blocks > top || parts > 1<<10 {
		return -1
	}
	return C.int64_t(engine.BalanceStateLen(int(units), int(blocks), int(parts)))
}

func graphOf[T kernels.Float](a *C.hk_balance_graph_args) *engine.BalanceGraph[T] {
	units := int(a.units)
	g := &engine.BalanceGraph[T]{Units: units}
	if a.degree != nil {
		g.Degree = doubles((*C.double)(a.degree), units)
	}
	if a.held != nil && units > 0 {
		g.Held = make([]bool, units)
		for i, h := range unsafe.Slice((*byte)(unsafe.Pointer(a.held)), units) {
			g.Held[i] = h != 0
		}
	}
	if a.group != nil {
		g.Group = integers((*C.int64_t)(a.group), a.units)
	}
	for _, b := range unsafe.Slice(a.block, int(a.blocks)) {
		block := engine.BalanceBlock[T]{Transposed: b.transposed != 0, Alpha: float64(b.alpha), Power: float64(b.power)}
		rows, cols := b.w.rows, b.w.cols
		if b.indices.dtype == C.HK_ABSENT {
			block.W = matrix[T](&b.w)
		} else {
			rows, cols = b.indptr.cols-1, b.width
			block.Sparse = kernels.CSR[T]{Data: vector[T](&b.w), Indices: integersOf[int32](&b.indices), Start: integersOf[int](&b.indptr),
				Rows: int(rows), Cols: int(cols)}
		}
		if b.rows != nil {
			block.Rows = integers((*C.int64_t)(b.rows), rows)
		}
		if b.cols != nil {
			block.Cols = integers((*C.int64_t)(b.cols), cols)
		}
		if b.alphas.dtype != C.HK_ABSENT {
			block.Alphas = matrix[T](&b.alphas)
		}
		g.Blocks = append(g.Blocks, block)
	}
	return g
}

// setCost sets what is to be made small.
func setCost(a *C.hk_balance_graph_args, o *engine.BalanceOptions) {
	if a.derivative != nil {
		o.Cost = &engine.AdditiveCost{Derivative: func(dst, w []float64) error {
			if C.hki_derivative(a.derivative, a.context, (*C.double)(&w[0]), (*C.double)(&dst[0]), C.int64_t(len(w))) != 0 {
				return errors.New("derivative has ended the call")
			}
			return nil
		}}
		return
	}
	weight, p := doubles((*C.double)(a.weight), int(a.parts)), doubles((*C.double)(a.p), int(a.parts))
	if len(p) == 1 && weight[0] == 1 {
		o.P = p[0]
		return
	}
	for k := range p {
		o.Mixture = append(o.Mixture, engine.CostTerm{Weight: weight[k], P: p[k]})
	}
}

// balanceGraph makes steps on the state in the caller's memory and, when they are at their end, writes the blocks. A
// call does at least four times the work of taking the state up, which is a pass over the weights or two.
func balanceGraph[T kernels.Float](a *C.hk_balance_graph_args, at *C.int64_t) (more bool, err error) {
	began := time.Now()
	g, units := graphOf[T](a), int(a.units)
	o := engine.BalanceOptions{Method: engine.BalanceMethod(a.method), Seed: uint64(a.seed), Tol: float64(a.tol), MaxSweeps: int(a.max_sweeps),
		State: doubles(a.state, engine.BalanceStateLen(units, len(g.Blocks), int(a.parts)))}
	setCost(a, &o)
	if a.order != nil {
		o.Order = integers((*C.int64_t)(a.order), a.groups)
	}
	if *at == 0 {
		o.State[0] = 0
	}
	b, err := engine.NewGraphBalancer(g, o)
	if err != nil {
		return false, err
	}
	defer b.Close()
	if *at == 0 {
		b.Deficits(doubles(a.deficit, units))
	}
	for limit := max(budget, 4*time.Since(began)); a.measure == 0; {
		done, err := b.Run(1)
		if err != nil {
			return false, err
		}
		*at = C.int64_t(b.Sweeps())
		if done {
			break
		}
		if time.Since(began) > limit && *at > 0 {
			return true, nil
		}
	}
	var r *engine.GraphReport
	if a.measure != 0 {
		r = b.Report()
	} else if r, err = b.Apply(); err != nil {
		return false, err
	}
	reasons := map[engine.StopReason]C.int64_t{engine.Converged: C.HK_CONVERGED, engine.SweepsUsedUp: C.HK_STEPS_USED_UP, engine.Stalled: C.HK_ROUNDING}
	*a.report = C.hk_balance_report{
		cost_before: C.double(r.CostBefore), cost_after: C.double(r.CostAfter),
		deficit_before: C.double(r.DeficitBefore), deficit_after: C.double(r.DeficitAfter),
		residual: C.double(r.Residual), sweeps: C.int64_t(r.Sweeps), reason: reasons[r.Reason],
	}
	if units > 0 {
		copy(doubles(a.lambda, units), r.Lambda)
		status := unsafe.Slice((*byte)(unsafe.Pointer(a.status)), units)
		for i, s := range r.Status {
			status[i] = byte(s)
		}
	}
	return false, nil
}
