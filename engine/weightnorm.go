package engine

import (
	"fmt"
	"math"

	"github.com/hebbkern/hebbkern/kernels"
)

// WeightNorm is a normalisation of the rows of W. It takes a weight past a bound where it must, until the next update.
// Weights that the mask leaves out neither count nor change.
type WeightNorm[T kernels.Float] struct {
	Kind WeightNormKind
	P    float64 // of Multiplicative: > 0, infinity being max|w|
	// Target is what the norm, above 0, resp. the sum is brought to.
	Target T
}

// WeightNormKind says how a row comes to its norm.
type WeightNormKind int

const (
	NoWeightNorm WeightNormKind = iota
	// Multiplicative: w_i ← w_i·(Target / (Σ_j |w_ij|^P)^(1/P)). A row of norm 0, or so small that the factor is not
	// finite, stays.
	Multiplicative
	// Subtractive: w_ij ← w_ij + (Target − Σ_j w_ij)/n over the n weights of the row (Miller & MacKay 1994).
	Subtractive
)

func (n *WeightNorm[T]) check(fn string) error {
	if n.Kind < NoWeightNorm || n.Kind > Subtractive {
		return badArg(fn, "weight norm", fmt.Sprint(int(n.Kind)), "none, multiplicative or subtractive")
	}
	if n.Kind == Multiplicative && !(n.P > 0) {
		return badArg(fn, "p", fmt.Sprint(n.P), "a number > 0")
	}
	if n.Kind != NoWeightNorm && (n.Target-n.Target != 0 || n.Kind == Multiplicative && n.Target <= 0) {
		return badArg(fn, "target", fmt.Sprint(n.Target), "a finite number, of a norm above 0")
	}
	return nil
}

// normalizeRows is the weight normalisation, if any.
func (u *updater[T]) normalizeRows(sample int) error {
	c := u.o.Compose
	if c == nil || c.Norm.Kind == NoWeightNorm {
		return nil
	}
	if c.Mask != nil {
		return u.normalizePresent(sample)
	}
	to := u.normOf
	if c.Norm.Kind == Subtractive {
		kernels.Forward(to, u.w, u.ones, nil, identity)
	} else {
		u.norm(u.w, to)
	}
	if !finite(to) {
		return u.diverged("the norm of the weights", sample)
	}
	for i, v := range to {
		to[i] = c.Norm.step(v, u.w.Cols)
	}
	if c.Norm.Kind == Subtractive {
		kernels.Rank1(u.w, kernels.Update[T]{RowAdd: to})
	} else {
		kernels.Scale(u.w, to, nil)
	}
	return nil
}

// norm is (Σ_j |w_ij|^P)^(1/P) by row.
func (u *updater[T]) norm(w kernels.Matrix[T], to []T) {
	p := u.o.Compose.Norm.P
	kernels.PowerSums(w, p, to, nil)
	if p != 1 && !math.IsInf(p, 1) {
		kernels.PowAbs(to, to, 1/p)
	}
}

// step is what a row of n weights with this norm or sum is multiplied by, resp. what is added to its weights.
func (n *WeightNorm[T]) step(norm T, weights int) T {
	if n.Kind == Subtractive {
		if weights == 0 {
			return 0
		}
		return (n.Target - norm) / T(weights)
	}
	if f := n.Target / norm; f-f == 0 {
		return f
	}
	return 1
}

// normalizePresent is normalizeRows of the weights that the mask lets change.
func (u *updater[T]) normalizePresent(sample int) error {
	c := u.o.Compose
	stride := c.maskStride(u.w)
	one := u.one
	for i := range u.w.Rows {
		mask, w := c.Mask[i*stride:][:u.w.Cols], rowVector(u.w.Row(i))
		present, to := rowVector(u.present), u.normOf[i:i+1]
		clear(u.present)
		one[0] = 1
		kernels.Rank1(present, kernels.Update[T]{G: one, X: w.Data, Mask: mask})
		if c.Norm.Kind == Subtractive {
			kernels.Forward(to, present, u.ones, nil, identity)
		} else {
			u.norm(present, to)
		}
		if !finite(to) {
			return u.diverged("the norm of the weights", sample)
		}
		n := 0
		for _, m := range mask {
			if m {
				n++
			}
		}
		to[0] = c.Norm.step(to[0], n)
		if c.Norm.Kind == Subtractive {
			kernels.Rank1(w, kernels.Update[T]{RowAdd: to, Mask: mask})
			continue
		}
		// There is no masked scaling: w·0 + the scaled row.
		kernels.Scale(present, to, nil)
		kernels.Rank1(w, kernels.Update[T]{Decay: one, G: one, X: u.present, Mask: mask})
	}
	return nil
}
