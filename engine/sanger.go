package engine

import "github.com/hebbkern/hebbkern/kernels"

// Sanger is the generalised Hebbian algorithm, Δw_ij = η y_i (x_j − Σ_{k≤i} y_k w_kj) (Sanger, Neural Networks 2,
// 1989). Its rows converge to the leading principal components of x in order, with norm 1, under the conditions of Oja.
type Sanger[T kernels.Float] struct {
	LR float64 // η ≥ 0
}

// Name implements Rule.
func (r Sanger[T]) Name() string { return "Sanger" }

// Check implements Rule.
func (r Sanger[T]) Check() error { return checkRate[T]("Sanger", "lr", r.LR) }

// Rate implements Rule.
func (r Sanger[T]) Rate() float64 { return r.LR }

// Terms implements Rule.
func (r Sanger[T]) Terms() Terms { return TermResidual }

// Map implements Rule.
func (r Sanger[T]) Map(v *Vectors[T], x, y []T) { v.times(v.G, T(r.LR), y) }

// residual runs one sample of a rule with TermResidual over dst, which is W or an array of differences:
//
//	r ← x;   for each row i in order:   r ← fma(−y_i, w_i, r) with the old w_i;   dst_i ← fma(g_i, r, dst_i)
//
// Over W itself that is one pass by one kernel; differences, and what a composition is to act on, take two calls a row.
func (u *updater[T]) residual(dst, w kernels.Matrix[T], g, y, x, sums []T) {
	copy(u.r, x)
	over := &dst.Data[0] == &w.Data[0]
	if over && !u.constrained {
		kernels.Rank1Residual(w, u.r, g, y)
		if sums != nil {
			kernels.PowerSums(w, 1, sums, nil)
		}
		return
	}
	r := rowVector(u.r)
	for i := range w.Rows {
		u.one[0] = -y[i]
		kernels.Rank1(r, kernels.Update[T]{G: u.one, X: w.Row(i)})
		k := kernels.Update[T]{G: g[i : i+1], X: u.r}
		if over {
			u.constrain(&k, i)
			if sums != nil {
				k.P, k.Sums = 1, sums[i:i+1]
			}
		}
		kernels.Rank1(rowVector(dst.Row(i)), k)
	}
}

// residualBatch adds GᵀX − L·W to delta, L_ik = Σ_b g_bi y_bk for k ≤ i: the batch form of residual. L is kept
// transposed and negated, so that the product is one more batch update.
func (u *updater[T]) residualBatch(delta, w, g, x, y kernels.Matrix[T]) {
	out := w.Rows
	clear(u.lower.Data[:out*out])
	kernels.BatchUpdate(u.lower, y, g, nil, nil) // [k, i] = Σ_b y_bk g_bi
	for k := range out {
		row := u.lower.Row(k)
		clear(row[:k])
		for i := k; i < out; i++ {
			row[i] = -row[i]
		}
	}
	kernels.BatchUpdate(delta, u.lower, w, nil, nil)
	kernels.BatchUpdate(delta, g, x, nil, nil)
}
