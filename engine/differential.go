package engine

import "github.com/hebbkern/hebbkern/kernels"

// DifferentialHebbian learns from changes in time. With PreDifference it is Δw_ij = η ẏ_i ẋ_j (Kosko 1986), without
// Δw_ij = η ẏ_i x_j (Porr & Wörgötter, Neural Comput. 15, 2003): g = ηẏ, x → ẋ. The derivatives are first differences
// between steps, not divided by dt. The rows of a batch are steps in time, so it has neither sum nor mean.
//
// The activity of the step before is state. NaN in it says that there was none: the difference is 0 then, as at the
// first step.
type DifferentialHebbian[T kernels.Float] struct {
	LR            float64 // η ≥ 0
	PreDifference bool
	XBefore       []T // [in], state, NaN to begin with; only with PreDifference
	YBefore       []T // [out], likewise
}

// Name implements Rule.
func (r DifferentialHebbian[T]) Name() string { return "DifferentialHebbian" }

// Check implements Rule.
func (r DifferentialHebbian[T]) Check() error {
	return checkRate[T]("DifferentialHebbian", "lr", r.LR)
}

// Rate implements Rule.
func (r DifferentialHebbian[T]) Rate() float64 { return r.LR }

// Terms implements Rule.
func (r DifferentialHebbian[T]) Terms() Terms {
	if r.PreDifference {
		return TermTime | TermX
	}
	return TermTime
}

// AppendArrays implements the check of the activities.
func (r DifferentialHebbian[T]) AppendArrays(to []Array[T]) []Array[T] {
	if r.PreDifference {
		to = append(to, Array[T]{Name: "x_before", V: r.XBefore, Side: Pre, State: true, Blank: true})
	}
	return append(to, Array[T]{Name: "y_before", V: r.YBefore, Side: Post, State: true, Blank: true})
}

// AdvancePre implements the step of the activity before.
func (r DifferentialHebbian[T]) AdvancePre(x kernels.Matrix[T]) {
	if r.PreDifference {
		copy(r.XBefore, x.Row(x.Rows-1))
	}
}

// AdvancePost implements the step of the activity before.
func (r DifferentialHebbian[T]) AdvancePost(y kernels.Matrix[T]) { copy(r.YBefore, y.Row(y.Rows-1)) }

// Pre is ẋ.
func (r DifferentialHebbian[T]) Pre(dst, x []T) { difference(dst, x, r.XBefore) }

// Map implements Rule.
func (r DifferentialHebbian[T]) Map(v *Vectors[T], x, y []T) {
	difference(v.G, y, r.YBefore)
	v.times(v.G, T(r.LR), v.G)
	if r.PreDifference {
		r.Pre(v.X, x)
	}
}

// difference writes now − before, 0 where there was nothing before.
func difference[T kernels.Float](dst, now, before []T) {
	dst, before = dst[:len(now)], before[:len(now)]
	for k, b := range before {
		d := now[k] - b
		if b != b {
			d = 0
		}
		dst[k] = d
	}
}
