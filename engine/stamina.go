package engine

import (
	"fmt"
	"slices"

	"github.com/hebbkern/hebbkern/kernels"
)

// PenaltyMode says what a silent unit of a sample loses in the balanced ReLU: with x the activities after ReLU of
// the n units of a layer, n₊ of them above 0 and n₀ not, and μ their mean,
type PenaltyMode int

const (
	// ConstantPenalty is 1.
	ConstantPenalty PenaltyMode = iota
	// MeanPenalty is μ.
	MeanPenalty
	// ZeroSumPenalty is μ·n/n₀: the outputs of a sample sum to zero.
	ZeroSumPenalty
	// RatioPenalty is μ·n₀/n₊.
	RatioPenalty
	// BatchPenalty is mean(x)·B/n₊ with x the whole batch, B its samples and n₊ its entries above 0.
	BatchPenalty
)

// Penalty is a mode and its strength κ ≥ 0.
type Penalty struct {
	Mode     PenaltyMode
	Strength float64
}

func (p Penalty) check(fn string) error {
	if p.Mode < ConstantPenalty || p.Mode > BatchPenalty {
		return badArg(fn, "mode", fmt.Sprint(int(p.Mode)), "constant, mean, zero_sum, ratio or batch")
	}
	return checkRate[float64](fn, "strength", p.Strength)
}

// BalancedReLU is the balanced ReLU of a batch x [B, units] (mathematics page, section 7):
//
//	y = x where x > 0, else −κ·penalty
//
// The penalty is taken in float64 and rounded once to T. A sample without a silent unit stays as it is; one without
// an active unit has the penalty 0, but 1 with ConstantPenalty; with BatchPenalty it is 0 only if no entry of the
// batch is active. NaN stays NaN and makes the penalty NaN, but for ConstantPenalty. y may be x.
// Errors: *ArgError. s may be nil.
func BalancedReLU[T kernels.Float](y, x kernels.Matrix[T], p Penalty, s *Scratch[T]) (err error) {
	defer guard(&err)
	const fn = "BalancedReLU"
	if err := p.check(fn); err != nil {
		return err
	}
	if err := checkMatrix(fn, "x", x, -1, -1); err != nil {
		return err
	}
	if err := checkMatrix(fn, "y", y, x.Rows, x.Cols); err != nil {
		return err
	}
	s = s.ready()
	if x.Rows == 0 || x.Cols == 0 {
		return nil
	}
	if &y.Data[0] != &x.Data[0] || y.Stride != x.Stride {
		if overlap(y, x) {
			return badArg(fn, "y", "overlapping x", "x itself, or arrays that share no element")
		}
	}
	balancedReLU(y, x, p, s)
	return nil
}

func balancedReLU[T kernels.Float](y, x kernels.Matrix[T], p Penalty, s *Scratch[T]) {
	sums, active := s.t.take(x.Rows), s.t.take(x.Rows)
	ones := s.matrix(x.Rows, x.Cols)
	for b := range x.Rows {
		kernels.Activate(y.Row(b), x.Row(b), kernels.Activation{Kind: kernels.ReLU})
		kernels.Positive(ones.Row(b), y.Row(b))
	}
	kernels.PowerSums(y, 1, sums, nil)
	kernels.PowerSums(ones, 1, active, nil)
	var batchSum, batchActive float64
	for b := range x.Rows {
		batchSum += float64(sums[b])
		batchActive += float64(active[b])
	}
	n := float64(x.Cols)
	for b := range x.Rows {
		sum, on := float64(sums[b]), float64(active[b])
		off := n - on
		if off == 0 {
			continue
		}
		penalty := 0.0
		switch p.Mode {
		case ConstantPenalty:
			penalty = 1
		case MeanPenalty:
			penalty = sum / n
		case ZeroSumPenalty:
			penalty = sum / off
		case RatioPenalty:
			if on > 0 {
				penalty = sum / n * (off / on)
			}
		case BatchPenalty:
			if batchActive > 0 {
				penalty = batchSum / n / batchActive
			}
		}
		silent := T(0) // of either sign it would be the same number, but not the same bits
		if v := p.Strength * penalty; v != 0 {
			silent = T(-v)
		}
		kernels.ReLUOr(y.Row(b), y.Row(b), silent)
	}
}

// Stamina is what keeps the units of a layer, or its inputs, alive ("use it or lose it"; mathematics page, section
// 7): each update adds the batch sum of their balanced ReLU, or moves an average by it. The penalty is part of this
// bookkeeping; a forward pass has it only if it is itself a BalancedReLU, whose input is then to be given here, not
// its output: a penalty would count twice.
//
// All of the state is in Value, which is the caller's and starts at 0, and in Updates.
type Stamina[T kernels.Float] struct {
	Value   []T // [units]
	Updates int
	Alpha   float64 // 0: value += sum; above: value ← α·sum + (1 − α)·value, at most 1
	Penalty Penalty
	// Prior, if not nil, is how often each unit should fire, [units], a number between 0 and 1 each: the penalty of
	// unit i is multiplied by f_i/(1 − f_i). So one that fires as often as it should breaks even if its activity is
	// κ·penalty when it does, and one that is meant to be rare is not starved by its silence. f = ½ changes nothing.
	Prior []T
}

// Update observes a batch x [B, units] of inputs of the ReLU, or of activities after it. An empty batch changes
// nothing. Errors: *ArgError; *DivergenceError if the stamina is not finite any more; nothing is written then.
// s may be nil.
func (st *Stamina[T]) Update(x kernels.Matrix[T], s *Scratch[T]) (err error) {
	defer guard(&err)
	const fn = "Stamina"
	if err := st.check(fn); err != nil {
		return err
	}
	if err := checkMatrix(fn, "x", x, -1, len(st.Value)); err != nil {
		return err
	}
	if overlap(x, rowVector(st.Value)) {
		return badArg(fn, "value", "overlapping x", "arrays that share no element")
	}
	if x.Rows == 0 || x.Cols == 0 {
		return nil
	}
	s = s.ready()
	y, value, rate := s.matrix(x.Rows, x.Cols), s.t.take(x.Cols), s.t.take(1)
	balancedReLU(y, x, st.Penalty, s)
	copy(value, st.Value)
	var decay []T
	rate[0] = 1
	if st.Alpha > 0 {
		rate[0] = T(st.Alpha)
		decay = rate
	}
	add := func(y kernels.Matrix[T], g T, decay []T) {
		each := s.matrix(y.Rows, 1)
		for b := range each.Data {
			each.Data[b] = g
		}
		kernels.BatchUpdate(rowVector(value), each, y, decay, nil)
	}
	if st.Prior == nil {
		add(y, rate[0], decay)
	} else { // what was lost, and then what was gained
		lost, weight, minus := s.matrix(x.Rows, x.Cols), s.t.take(x.Cols), s.t.take(1)
		for i, f := range st.Prior {
			weight[i] = T(float64(f) / (1 - float64(f)))
		}
		minus[0] = -1
		for b := range x.Rows {
			copy(lost.Row(b), y.Row(b))
		}
		kernels.Scale(lost, minus, nil)
		for _, m := range []kernels.Matrix[T]{lost, y} {
			for b := range m.Rows {
				kernels.Activate(m.Row(b), m.Row(b), kernels.Activation{Kind: kernels.ReLU})
			}
		}
		kernels.Scale(lost, nil, weight)
		add(y, rate[0], decay)
		add(lost, -rate[0], nil)
	}
	if !finite(value) {
		return &DivergenceError{Func: fn, What: "the stamina", Sample: -1, Epoch: -1, Layer: -1}
	}
	copy(st.Value, value)
	st.Updates++
	return nil
}

func (st *Stamina[T]) check(fn string) error {
	if err := st.Penalty.check(fn); err != nil {
		return err
	}
	if err := checkAlpha(fn, st.Alpha); err != nil {
		return err
	}
	if st.Updates < 0 {
		return badArg(fn, "updates", fmt.Sprint(st.Updates), "0 or more")
	}
	if st.Prior == nil {
		return nil
	}
	if err := checkLen(fn, "prior", st.Prior, len(st.Value)); err != nil {
		return err
	}
	if overlap(rowVector(st.Prior), rowVector(st.Value)) {
		return badArg(fn, "prior", "overlapping value", "arrays that share no element")
	}
	for i, f := range st.Prior {
		if !(f > 0 && f < 1) {
			return badArg(fn, "prior", fmt.Sprintf("%v for unit %d", f, i), "numbers between 0 and 1")
		}
	}
	return nil
}

// Mortality says which units die.
type Mortality struct {
	// ByShare takes the lowest ⌊Share·living⌋ units; else those at or below Threshold.
	ByShare          bool
	Threshold, Share float64
	// Minimum is a number of units that stay alive whatever their stamina, the strongest of them; 0: none is stated,
	// and a layer that would die altogether is an error.
	Minimum int
	Warmup  int // updates before the first death
}

// ExtinctionError says that every unit of a layer would die.
type ExtinctionError struct {
	Func              string
	Units             int
	Threshold         float64
	Updates           int
	Penalty           Penalty
	Population, Epoch int // in Fit, else -1
}

func (e *ExtinctionError) Error() string {
	if e.Epoch < 0 {
		return e.Func + ": " + e.Reason()
	}
	return fmt.Sprintf("%s: in epoch %d in population %d %s", e.Func, e.Epoch, e.Population, e.Reason())
}

// Reason is the error without the name of the function.
func (e *ExtinctionError) Reason() string {
	return fmt.Sprintf("all %d units are at or below the threshold %g after %d updates: lower the strength of the penalty, which is %g, "+
		"or the threshold, raise warmup, or state a minimum of units", e.Units, e.Threshold, e.Updates, e.Penalty.Strength)
}

// Deaths lists the units that die now, in ascending order. alive [units] marks those that live, nil: all do. Of equal
// stamina the lowest index is the stronger. Nothing is changed: what death means is up to KeepUnits, MaskUnits or
// RebirthUnits. Errors: *ArgError; *ExtinctionError if no unit would be left.
func (st *Stamina[T]) Deaths(m Mortality, alive []bool) ([]int, error) {
	const fn = "Stamina"
	if err := m.check(fn); err != nil {
		return nil, err
	}
	if alive != nil {
		if err := checkLen(fn, "alive", alive, len(st.Value)); err != nil {
			return nil, err
		}
	}
	if i := slices.IndexFunc(st.Value, func(v T) bool { return v != v }); i >= 0 {
		return nil, badArg(fn, "value", fmt.Sprintf("NaN for unit %d", i), "numbers")
	}
	var living []int // the strongest first
	for i := range st.Value {
		if alive == nil || alive[i] {
			living = append(living, i)
		}
	}
	if st.Updates < m.Warmup {
		return nil, nil
	}
	slices.SortStableFunc(living, func(i, j int) int {
		switch {
		case st.Value[i] > st.Value[j]:
			return -1
		case st.Value[i] < st.Value[j]:
			return 1
		}
		return 0
	})
	keep := len(living) - int(m.Share*float64(len(living)))
	if !m.ByShare {
		keep = 0
		for keep < len(living) && float64(st.Value[living[keep]]) > m.Threshold {
			keep++
		}
	}
	keep = max(keep, min(m.Minimum, len(living)))
	if keep == 0 && len(living) > 0 {
		return nil, &ExtinctionError{fn, len(living), m.Threshold, st.Updates, st.Penalty, -1, -1}
	}
	dead := living[keep:]
	slices.Sort(dead)
	return dead, nil
}

func (m Mortality) check(fn string) error {
	switch {
	case m.Threshold-m.Threshold != 0:
		return badArg(fn, "threshold", fmt.Sprint(m.Threshold), "a finite number")
	case !(m.Share >= 0 && m.Share < 1):
		return badArg(fn, "share", fmt.Sprint(m.Share), "at least 0 and below 1")
	case m.Minimum < 0:
		return badArg(fn, "minimum", fmt.Sprint(m.Minimum), "0 or more")
	case m.Warmup < 0:
		return badArg(fn, "warmup", fmt.Sprint(m.Warmup), "0 or more")
	}
	return nil
}
