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

func recurrentOf[T kernels.Float](n *C.hk_recurrent) engine.Recurrent[T] {
	return engine.Recurrent[T]{J: matrix[T](&n.j), In: matrix[T](&n.w_in), Bias: vector[T](&n.bias), Out: matrix[T](&n.w_out)}
}

// synapticBalance works on the state in the caller's memory and, when it is at
// its end, writes the network.
func synapticBalance[T kernels.Float](a *C.hk_synaptic_balance_args, at *C.int64_t) (more bool, err error) {
	r := recurrentOf[T](&a.network)
	n := r.J.Rows
	o := engine.SynapticOptions[T]{P: float64(a.p), Alpha: matrix[T](&a.alpha), Method: engine.SynapticMethod(a.method),
		Tol: float64(a.tol), MaxSteps: int(a.max_steps), Tau: float64(a.tau), Dt: float64(a.dt), RTol: float64(a.rtol),
		State: doubles(a.state, engine.SynapticState(n))}
	if *at == 0 {
		clear(o.State[:len(o.State)-n*n]) // the costs are written before they are read
	}
	s, err := engine.NewSynaptic(&r, o)
	if err != nil {
		return false, err
	}
	for began := time.Now(); ; {
		done, err := s.Run(1)
		if err != nil {
			return false, err
		}
		*at++
		if time.Since(began) > budget { // also of a solver that is at its end: writing takes its time
			return true, nil
		}
		if done {
			break
		}
	}
	rep, err := s.Apply()
	if err != nil {
		return false, err
	}
	reason := map[engine.StopReason]C.int64_t{engine.Converged: C.HK_CONVERGED, engine.StepsUsedUp: C.HK_STEPS_USED_UP,
		engine.Stalled: C.HK_ROUNDING}[rep.Reason]
	*a.report = C.hk_synaptic_report{
		cost_before: C.double(rep.CostBefore), cost_after: C.double(rep.CostAfter),
		gradient_before: C.double(rep.GradientBefore), gradient_after: C.double(rep.GradientAfter),
		residual: C.double(rep.Residual), time: C.double(rep.Time), steps: C.int64_t(rep.Steps),
		evaluations: C.int64_t(rep.Evaluations), reason: reason, components: C.int64_t(rep.Components),
		off_cycle: C.int64_t(rep.OffCycle),
	}
	if n == 0 {
		return false, nil
	}
	copy(doubles(a.h, n), rep.H)
	held := unsafe.Slice((*byte)(unsafe.Pointer(a.held)), n)
	clear(held)
	for _, i := range rep.Held {
		held[i] = 1
	}
	return false, nil
}

func runRNN[T kernels.Float](a *C.hk_rnn_args, at *C.int64_t) (more bool, err error) {
	r := engine.RNN[T]{Recurrent: recurrentOf[T](&a.network), Activation: activationOf(a.activation, a.slope, a.shape), Rate: float64(a.rate)}
	run := engine.RNNRun[T]{X: matrix[T](&a.x), U: matrix[T](&a.u), Noise: matrix[T](&a.noise), States: matrix[T](&a.states),
		Out: matrix[T](&a.out)}
	if a.slopes != nil {
		run.Slopes = doubles(a.slopes, 2*r.J.Rows)
	}
	steps := int(a.steps)
	// The arrays are checked for all steps at first, then for those that are made.
	if err := r.Run(&run, steps, steps, nil); err != nil {
		return false, err
	}
	err = withScratch(func(s *engine.Scratch[T]) error {
		for began := time.Now(); int(*at) < steps; {
			i := int(*at)
			if err := r.Run(&run, i, i+1, s); err != nil {
				return err
			}
			*at = C.int64_t(i + 1)
			if time.Since(began) > budget {
				break
			}
		}
		return nil
	})
	return err == nil && int(*at) < steps, err
}

// normal draws in even pieces, since numbers come in pairs.
func normal[T kernels.Float](a *C.hk_normal_args, at *C.int64_t) (more bool, err error) {
	const piece = 1 << 16
	out := vector[T](&a.out)
	r := (*engine.RNG)(unsafe.Pointer(a.generator))
	if *at == 0 {
		r.Seed(uint64(a.seed), uint64(a.stream))
	}
	for began := time.Now(); int(*at) < len(out); {
		i := int(*at)
		j := min(i+piece, len(out))
		engine.Normal(r, out[i:j], float64(a.std))
		*at = C.int64_t(j)
		if time.Since(began) > budget {
			break
		}
	}
	return int(*at) < len(out), nil
}
