//go:build cgo && linux

package main

/*
#include "internal.h"
*/
import "C"

import (
	"fmt"
	"time"
	"unsafe"

	"github.com/hebbkern/hebbkern/engine"
	"github.com/hebbkern/hebbkern/kernels"
)

func balancedReLU[T kernels.Float](a *C.hk_balanced_relu_args, i, j int) error {
	x, out := matrix[T](&a.x), matrix[T](&a.out)
	p := engine.Penalty{Mode: engine.PenaltyMode(a.mode), Strength: float64(a.strength)}
	if p.Mode == engine.BatchPenalty { // one unit: the whole batch
		i, j = 0, x.Rows
	}
	return withScratch(func(s *engine.Scratch[T]) error {
		return engine.BalancedReLU(rowsOf(out, i, j), rowsOf(x, i, j), p, s)
	})
}

func stamina[T kernels.Float](a *C.hk_stamina_args) error {
	st := engine.Stamina[T]{Value: vector[T](&a.value), Alpha: float64(a.alpha), Prior: vector[T](&a.prior),
		Penalty: engine.Penalty{Mode: engine.PenaltyMode(a.mode), Strength: float64(a.strength)}}
	return withScratch(func(s *engine.Scratch[T]) error { return st.Update(matrix[T](&a.x), s) })
}

func deaths[T kernels.Float](a *C.hk_deaths_args) error {
	st := engine.Stamina[T]{Value: vector[T](&a.value), Updates: int(a.updates), Penalty: engine.Penalty{Strength: float64(a.strength)}}
	m := engine.Mortality{ByShare: a.by_share != 0, Threshold: float64(a.threshold), Share: float64(a.share), Minimum: int(a.minimum),
		Warmup: int(a.warmup)}
	flags := func(p *C.uchar) []byte { return unsafe.Slice((*byte)(unsafe.Pointer(p)), len(st.Value)) }
	var alive []bool
	if a.alive != nil {
		alive = make([]bool, len(st.Value))
		for i, v := range flags(a.alive) {
			alive[i] = v != 0
		}
	}
	units, err := st.Deaths(m, alive)
	if err != nil {
		return err
	}
	dead := flags(a.dead)
	clear(dead)
	for _, i := range units {
		dead[i] = 1
	}
	return nil
}

func spread[T kernels.Float](a *C.hk_spread_args) error {
	entropy, err := engine.OutputSpread(vector[T](&a.mean), vector[T](&a.scale), float64(a.tail))
	if err == nil {
		*a.entropy = C.double(entropy)
	}
	return err
}

func uniform[T kernels.Float](a *C.hk_uniform_args, at *C.int64_t) (more bool, err error) {
	out, r := matrix[T](&a.out), (*engine.RNG)(unsafe.Pointer(a.rng))
	if *r == (engine.RNG{}) {
		return false, &engine.ArgError{Func: "uniform", Arg: "rng", Got: "all 0", Want: "the state of hk_seed"}
	}
	for start := time.Now(); ; {
		i := int(*at)
		if i < 0 || i > out.Rows {
			return false, &engine.ArgError{Func: "uniform", Arg: "at", Got: fmt.Sprint(i), Want: "0 for a new call"}
		}
		if i == out.Rows {
			return false, nil
		}
		engine.Uniform(r, out.Row(i), float64(a.low), float64(a.high))
		*at++
		if i+1 < out.Rows && time.Since(start) > budget {
			return true, nil
		}
	}
}

func anneal(a *C.hk_anneal_args) error {
	s := a.state
	m := engine.Annealing{Strength: float64(s.strength), Objective: float64(s.objective), Proposed: float64(s.proposed),
		Best: float64(s.best), BestObjective: float64(s.best_objective), Temperature: float64(s.temperature), Cooling: float64(s.cooling),
		Step: float64(s.step), Low: float64(s.low), High: float64(s.high), RNG: *(*engine.RNG)(unsafe.Pointer(&s.rng))}
	accepted, err := m.Report(float64(a.objective))
	if err != nil {
		return err
	}
	s.strength, s.objective, s.proposed = C.double(m.Strength), C.double(m.Objective), C.double(m.Proposed)
	s.best, s.best_objective, s.temperature = C.double(m.Best), C.double(m.BestObjective), C.double(m.Temperature)
	*(*engine.RNG)(unsafe.Pointer(&s.rng)) = m.RNG
	*a.accepted = 0
	if accepted {
		*a.accepted = 1
	}
	return nil
}
