package engine

import (
	"fmt"
	"math"

	"github.com/hebbkern/hebbkern/kernels"
)

// Foldiak is the network of Földiák (Biol. Cybern. 64, 1990), which learns a sparse code of features that are
// independent: Hebbian feedforward weights W, anti-Hebbian lateral weights V and thresholds t. Each answer is the state,
// rounded to 0 or 1, into which
//
//	ẏ*_i = f(Σ_j w_ij x_j + Σ_k v_ik y*_k − t_i) − y*_i,   f(u) = 1/(1 + exp(−λu))
//
// settles from 0: Steps steps of length Step. Then
//
//	Δw_ij = η y_i (x_j − w_ij)
//	Δv_ik = −α (y_i y_k − p²) for i ≠ k,   and v_ik ← min(v_ik, 0)
//	Δt_i  = γ (y_i − p)
//
// V [out, out] and Threshold [out] are the caller's and state; the diagonal of V does not learn and is 0 to begin with.
type Foldiak[T kernels.Float] struct {
	LR          float64 // η ≥ 0 (the paper's β, 0.02)
	LateralLR   float64 // α ≥ 0 (0.1)
	ThresholdLR float64 // γ ≥ 0 (0.02)
	P           float64 // p in (0, 1): how often a unit is to be active
	Slope       float64 // λ > 0 (10)
	Steps       int     // ≥ 1
	Step        float64 // in (0, 1]
	V           kernels.Matrix[T]
	Threshold   []T
}

// Check refuses parameters.
func (r Foldiak[T]) Check() error {
	const fn = "Foldiak"
	for _, p := range []struct {
		arg string
		v   float64
	}{{"lr", r.LR}, {"lateral_lr", r.LateralLR}, {"threshold_lr", r.ThresholdLR}, {"slope", r.Slope}} {
		if err := checkRate[T](fn, p.arg, p.v); err != nil {
			return err
		}
	}
	switch {
	case !(r.P > 0 && r.P < 1):
		return badArg(fn, "p", fmt.Sprint(r.P), "a number between 0 and 1")
	case !(T(r.Slope) > 0):
		return badArg(fn, "slope", fmt.Sprint(r.Slope), "a finite number > 0")
	case r.Steps < 1:
		return badArg(fn, "steps", fmt.Sprint(r.Steps), "1 or more")
	case !(r.Step > 0 && r.Step <= 1):
		return badArg(fn, "step", fmt.Sprint(r.Step), "a number above 0 and at most 1")
	}
	return nil
}

// Update learns from a batch x [B, in] on W [out, in], with y as that of package function Update. With Sum and Mean every
// answer is from the state before the batch, W and V take the sum or the mean of their samples' changes, and V is clipped
// and t moved once, t by the mean. Of o it reads Reduction, Compute, From, To and Scratch. k is the samples that W, V and
// t hold.
func (r Foldiak[T]) Update(w, x, y kernels.Matrix[T], o UpdateOptions[T]) (yOut kernels.Matrix[T], k int, err error) {
	defer guard(&err)
	compute := o.Compute || y.Data == nil
	if err := r.check(w, x, y, &o, compute); err != nil {
		return y, 0, err
	}
	if y.Data == nil {
		y = kernels.NewMatrix[T](x.Rows, w.Rows)
	}
	if o.From == o.To || w.Rows == 0 || w.Cols == 0 {
		return y, o.To - o.From, nil
	}
	s := o.Scratch.ready()
	f := lateral[T]{Foldiak: r, mean: o.Reduction == Mean, buffers: s.t.take(3 * w.Rows), sums: s.t.take(w.Rows)}
	n := 1
	if o.Reduction != Sequential {
		n = x.Rows
	}
	f.g, f.decay, f.total = s.matrix(n, w.Rows), s.t.take(w.Rows), s.wide.take(w.Rows)
	fail := func(what string, sample, done int) (kernels.Matrix[T], int, error) {
		return y, done - o.From, &DivergenceError{Func: "Foldiak", What: what, Sample: sample, Epoch: -1, Layer: -1}
	}
	for at := o.From; at < o.To; at += n {
		for b := at; b < at+n; b++ {
			if !finite(x.Row(b)) {
				return fail("x", b, at)
			}
			if compute && !f.settle(w, x.Row(b), y.Row(b)) {
				return fail("the weights before", b, at)
			}
			if !finite(y.Row(b)) {
				return fail("y", b, at)
			}
		}
		if !f.learn(w, subRows(x, at, n), subRows(y, at, n)) {
			return fail("the weights", at+n-1, at+n)
		}
	}
	return y, o.To - o.From, nil
}

func (r Foldiak[T]) check(w, x, y kernels.Matrix[T], o *UpdateOptions[T], compute bool) error {
	const fn = "Foldiak"
	if err := r.Check(); err != nil {
		return err
	}
	if o.Compose != nil {
		return badArg(fn, "compose", "given", "none")
	}
	given := []struct {
		name       string
		m          kernels.Matrix[T]
		rows, cols int
		written    bool
	}{{"w", w, -1, -1, true}, {"x", x, -1, w.Cols, false}, {"lateral", r.V, w.Rows, w.Rows, true},
		{"threshold", rowVector(r.Threshold), 1, w.Rows, true}, {"y", y, x.Rows, w.Rows, compute}}
	if y.Data == nil && compute {
		given = given[:4]
	}
	for k, a := range given {
		if err := checkMatrix(fn, a.name, a.m, a.rows, a.cols); err != nil {
			return err
		}
		for _, b := range given[:k] {
			if (a.written || b.written) && overlap(a.m, b.m) {
				return badArg(fn, a.name, "overlapping "+b.name, "arrays that share no element")
			}
		}
	}
	for i := range r.V.Rows {
		if row := r.V.Row(i); !finite(row) || row[i] != 0 {
			return badArg(fn, "lateral", fmt.Sprintf("not finite, or not 0 on the diagonal, in row %d", i), "finite numbers and a diagonal of 0")
		}
	}
	if !finite(r.Threshold) {
		return badArg(fn, "threshold", "not finite", "finite numbers")
	}
	if o.To == 0 {
		o.To = x.Rows
	}
	switch {
	case o.Reduction < Sequential || o.Reduction > Mean:
		return badArg(fn, "reduction", fmt.Sprint(int(o.Reduction)), "sequential, sum or mean")
	case o.From < 0 || o.To > x.Rows || o.From > o.To || o.Reduction != Sequential && o.To-o.From != x.Rows:
		return badArg(fn, "rows", fmt.Sprintf("[%d, %d)", o.From, o.To), fmt.Sprintf("a part of [0, %d), or all with sum or mean", x.Rows))
	case o.Normalize != NoNorm || o.Block != 0:
		return badArg(fn, "block", fmt.Sprint(o.Block), "neither block nor normalize, since answers depend on the lateral weights")
	}
	return nil
}

// lateral is one call.
type lateral[T kernels.Float] struct {
	Foldiak[T]
	mean                 bool
	g                    kernels.Matrix[T] // [samples of an update, out]
	buffers, decay, sums []T               // [3·out], [out], [out]
	total                []float64         // [out]
}

// settle writes the answer to x, and reports whether the sums that it rests on are finite.
func (f *lateral[T]) settle(w kernels.Matrix[T], x, y []T) bool {
	n := len(y)
	drive, state, next := f.buffers[:n], f.buffers[n:2*n], f.buffers[2*n:]
	kernels.Forward(drive, w, x, nil, identity)
	for i, t := range f.Threshold {
		drive[i] -= t
	}
	if !finite(drive) {
		return false
	}
	clear(state)
	slope := T(f.Slope)
	for range f.Steps {
		kernels.Forward(next, f.V, state, drive, identity)
		for i, u := range next {
			next[i] = T(slope * u)
		}
		kernels.Activate(next, next, kernels.Activation{Kind: kernels.Sigmoid})
		kernels.EMA(state, next, T(f.Step), kernels.Value)
	}
	for i, s := range state {
		y[i] = 0
		if s > 0.5 {
			y[i] = 1
		}
	}
	return true
}

// learn is the update by the samples of x and y, and reports whether all is finite.
func (f *lateral[T]) learn(w, x, y kernels.Matrix[T]) bool {
	n, part := float64(x.Rows), 1.0
	if f.mean {
		part = 1 / n
	}
	clear(f.total)
	for b := range x.Rows {
		for i, v := range y.Row(b) {
			f.total[i] += float64(v)
		}
	}
	scale := func(s float64) {
		for b := range x.Rows {
			g := f.g.Row(b)
			for i, v := range y.Row(b) {
				g[i] = T(T(s*part) * v)
			}
		}
	}
	scale(f.LR)
	for i, v := range f.total {
		f.decay[i] = T(f.LR * part * v)
	}
	kernels.BatchUpdate(w, f.g, x, f.decay, nil)
	scale(-f.LateralLR)
	kernels.BatchUpdate(f.V, f.g, y, nil, nil)
	add := [1]T{T(f.LateralLR * f.P * f.P * part * n)}
	kernels.Rank1(f.V, kernels.Update[T]{RowAdd: add[:], Bounded: true, Low: T(math.Inf(-1))})
	for i, v := range f.total {
		f.V.Row(i)[i] = 0
		f.Threshold[i] += T(f.ThresholdLR * (v/n - f.P))
	}
	return finiteMatrix(w, f.sums) && finiteMatrix(f.V, f.sums) && finite(f.Threshold)
}
