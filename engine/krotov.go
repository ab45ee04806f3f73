package engine

import (
	"fmt"
	"math"

	"github.com/hebbkern/hebbkern/kernels"
)

// KrotovHopfield is the competitive rule of Krotov & Hopfield (PNAS 116, 2019, eqs. 3, 9 and 10), in the form of their
// program. With
//
//	I = X·(sign(W)·|W|^{q−1})ᵀ
//	g = 1 for the unit with the highest I of a sample, −Δ for the K-th of the ranking, 0 for the others
//	S = GᵀX − (Σ_b g∘I)∘W
//	W ← W + η·S/max(max|S|, 1e-30)
//
// it is a rule of a batch, by Sum: the scaling is a part of it, and with Mean it is the same but for the floor; a sequence
// is batches of one sample. Of equal I the lower index ranks first. Units that win tend to Σ_j |w_ij|^q = 1, whatever q > 1
// (the paper has q ≥ 2; at 1 the power 0 of a weight that is 0 has no value). It computes y itself, which is g, and takes none.
type KrotovHopfield[T kernels.Float] struct {
	LR    float64 // η ≥ 0: the largest change of a weight
	Q     float64 // q > 1
	K     int     // 2 ≤ K ≤ rows of W
	Delta float64 // Δ ≥ 0
}

// Name implements Rule.
func (r KrotovHopfield[T]) Name() string { return "KrotovHopfield" }

// Check implements Rule.
func (r KrotovHopfield[T]) Check() error {
	const fn = "KrotovHopfield"
	if !(r.Q > 1) || math.IsInf(r.Q, 1) {
		return badArg(fn, "q", fmt.Sprint(r.Q), "a finite number > 1")
	}
	if r.K < 2 {
		return badArg(fn, "k", fmt.Sprint(r.K), "2 or more")
	}
	if err := checkRate[T](fn, "delta", r.Delta); err != nil {
		return err
	}
	return checkRate[T](fn, "lr", r.LR)
}

// CheckShape refuses a rank beyond the rows.
func (r KrotovHopfield[T]) CheckShape(out, in int) error {
	if r.K > out {
		return badArg("KrotovHopfield", "k", fmt.Sprint(r.K), fmt.Sprintf("at most the %d rows of w", out))
	}
	return nil
}

// Rate implements Rule.
func (r KrotovHopfield[T]) Rate() float64 { return r.LR }

// Terms implements Rule.
func (r KrotovHopfield[T]) Terms() Terms { return TermDecay | TermResponse | TermMaxNorm }

// Power makes U the I of the rule.
func (r KrotovHopfield[T]) Power() float64 { return r.Q - 1 }

// Map implements Rule.
func (r KrotovHopfield[T]) Map(v *Vectors[T], x, y []T) {
	v.Rows = winners(v.Rows, v.U, r.K)
	first, last := v.Rows[0], v.Rows[0] // of the K best, which come by index
	for _, i := range v.Rows[1:] {
		if v.U[i] > v.U[first] {
			first = i
		}
		if v.U[i] <= v.U[last] {
			last = i
		}
	}
	clear(y)
	y[first], y[last] = 1, -T(r.Delta)
	copy(v.G, y)
	clear(v.D)
	v.D[first], v.D[last] = v.U[first], T(y[last]*v.U[last])
}
