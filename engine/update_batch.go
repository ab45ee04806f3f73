package engine

import (
	"math"

	"github.com/hebbkern/hebbkern/kernels"
)

// batch is Sum and Mean: G and X' of all samples, the decays summed in float64, then one batch update.
func (u *updater[T]) batch() (int, error) {
	n := u.x.Rows
	answer := u.y
	if u.terms&TermResponse != 0 {
		answer = u.s.matrix(n, u.w.Rows)
	}
	if u.compute {
		kernels.ForwardBatch(answer, u.answering(), u.x, nil, identity)
	}
	for s := range n {
		if !finite(answer.Row(s)) || !finite(u.v.N) {
			return 0, u.blame(s)
		}
	}
	g, x := u.s.matrix(n, u.w.Rows), u.x
	if u.terms&TermX != 0 {
		x = u.s.matrix(n, u.w.Cols)
	}
	d, c, a, b := u.collect(g, x, answer)
	for s := range n {
		if u.terms&TermResponse != 0 && !finite(u.y.Row(s)) {
			return 0, u.diverged("y", s)
		}
	}
	switch {
	case u.o.Normalize == MaxNorm || u.terms&TermResidual != 0 || u.apart:
		u.batchDelta(g, x, d, c, a, b)
		if u.o.Normalize == MaxNorm {
			if err := u.applyNormalized(n - 1); err != nil {
				return 0, err
			}
			break
		}
		u.one[0] = 1
		u.addDelta()
	default:
		u.addBatch(g, x, d, c, a, b)
	}
	fine := finiteMatrix(u.w, u.sums)
	var err error
	if fine {
		err = u.normalizeRows(n - 1)
	}
	u.holdDiagonal()
	u.advance(u.x, u.y)
	switch {
	case !fine:
		return n, u.diverged("the weights", n-1)
	case err != nil:
		return n, err
	}
	if name := u.badState(); name != "" {
		return n, u.diverged(name, n-1)
	}
	return n, nil
}

// addBatch is the update by a batch whose Δ is not wanted by itself.
func (u *updater[T]) addBatch(g, x kernels.Matrix[T], d, c, a, b []T) {
	k := kernels.Update[T]{Decay: d, ColDecay: c, RowAdd: a, ColAdd: b}
	u.constrain(&k, 0)
	kernels.BatchUpdateTerms(u.w, g, x, k)
}

// collect maps every sample into the rows of g and x and returns the reduced vectors, absent ones nil. They are
// summed in float64 in the order of the samples and rounded once.
func (u *updater[T]) collect(g, x, answer kernels.Matrix[T]) (d, c, a, b []T) {
	out, in := u.w.Rows, u.w.Cols
	v := u.v
	acc := [4][]float64{}
	src := [4][]T{u.has(TermDecay, v.D), u.has(TermCol, v.C), u.has(TermRow, v.A), u.has(TermColAdd, v.B)}
	for i, n := range [4]int{out, in, out, in} {
		if src[i] != nil {
			acc[i] = u.s.wide.take(n)
			clear(acc[i])
		}
	}
	div := 1.0
	if u.o.Reduction == Mean {
		div = float64(u.x.Rows)
	}
	for s := range u.x.Rows {
		if u.terms&TermResponse != 0 {
			v.U = answer.Row(s)
		}
		if u.terms&TermSparse != 0 {
			u.clearRows()
		}
		u.mapSample(s, u.x.Row(s), u.y.Row(s))
		row := g.Row(s)
		copy(row, v.G)
		if div != 1 {
			for i := range row {
				row[i] /= T(div)
			}
		}
		if u.terms&TermX != 0 {
			copy(x.Row(s), v.X)
		}
		for i := range acc {
			for j := range acc[i] {
				acc[i][j] += float64(src[i][j])
			}
		}
	}
	for i := range acc {
		for j := range acc[i] {
			src[i][j] = T(acc[i][j] / div)
		}
	}
	return src[0], src[1], src[2], src[3]
}

// sampleDelta writes Δw of one sample into delta.
func (u *updater[T]) sampleDelta(x, y []T) {
	if u.terms&TermResidual != 0 {
		clear(u.delta.Data)
		u.residual(u.delta, u.w, u.v.G, y, x, nil)
		return
	}
	u.decayDelta(u.has(TermDecay, u.v.D), u.has(TermCol, u.v.C))
	k := kernels.Update[T]{G: u.v.G, X: x, RowAdd: u.has(TermRow, u.v.A)}
	u.addColumns(&k, u.has(TermColAdd, u.v.B))
	kernels.Rank1(u.delta, k)
}

// addColumns makes b, by the rate of each row, part of an update of delta.
func (u *updater[T]) addColumns(k *kernels.Update[T], b []T) {
	if b == nil || u.rates == nil {
		k.ColAdd = b
		return
	}
	kernels.Rank1(u.delta, kernels.Update[T]{G: u.rates, X: b})
}

// batchDelta writes Δw of the batch into delta.
func (u *updater[T]) batchDelta(g, x kernels.Matrix[T], d, c, a, b []T) {
	if u.terms&TermResidual != 0 {
		clear(u.delta.Data)
		u.residualBatch(u.delta, u.w, g, x, u.y)
		return
	}
	u.decayDelta(d, c)
	kernels.BatchUpdate(u.delta, g, x, nil, nil)
	if a != nil || b != nil {
		k := kernels.Update[T]{RowAdd: a}
		u.addColumns(&k, b)
		kernels.Rank1(u.delta, k)
	}
}

// decayDelta writes −(d_i + c_j)·w_ij into delta, c_j by the rate of the row; 1 − d would lose the low bits of a small d.
func (u *updater[T]) decayDelta(d, c []T) {
	if d == nil && c == nil {
		clear(u.delta.Data)
		return
	}
	for i := range u.w.Rows {
		row := u.delta.Row(i)
		copy(row, u.w.Row(i))
		var di T
		if d != nil {
			di = d[i]
		}
		if c == nil {
			u.one[0] = -di
			kernels.Scale(rowVector(row), u.one, nil)
			continue
		}
		rate := T(1)
		if u.rates != nil {
			rate = u.rate(i)
		}
		for j := range u.r {
			u.r[j] = -(di + T(rate*c[j]))
		}
		kernels.Scale(rowVector(row), nil, u.r)
	}
}

// applyNormalized is w ← fma(η/max(max|Δw|, 1e-30), Δw, w), the quotient in float64. A Δw that is not finite
// is an error and W is left alone.
func (u *updater[T]) applyNormalized(sample int) error {
	for i := range u.diagonal {
		u.delta.Row(i)[i] = 0
	}
	if err := u.normalizeChange(u.delta, sample); err != nil {
		return err
	}
	u.addDelta()
	return nil
}

// normalizeChange finds what Δ is to be multiplied by, and leaves it in one.
func (u *updater[T]) normalizeChange(delta kernels.Matrix[T], sample int) error {
	kernels.PowerSums(delta, math.Inf(1), u.sums[:delta.Rows], nil)
	m := 1e-30
	for _, v := range u.sums[:delta.Rows] {
		if v-v != 0 {
			return u.diverged("the update", sample)
		}
		m = max(m, float64(v))
	}
	scale := u.rule.Rate() / m
	u.one[0] = T(scale)
	if T(scale)-T(scale) != 0 {
		// η/max|Δw| alone is beyond T for a tiny Δw; the two steps stay in range, since |Δw|/max|Δw| ≤ 1.
		u.one[0] = T(1 / m)
		kernels.Scale(rowVector(delta.Data), u.one, nil)
		u.one[0] = T(u.rule.Rate())
	}
	return nil
}

// addDelta is w ← fma(one, Δw, w), composed.
func (u *updater[T]) addDelta() { u.addRows(u.delta, u.one, nil) }

// addRows is w_i ← fma(g_i, Δ_i, w_i), composed; one g stands for all rows. fine, if wanted, says whether the new w is finite.
// Matrices without gaps are one row.
func (u *updater[T]) addRows(delta kernels.Matrix[T], g []T, fine *bool) {
	w := u.w
	if len(g) == 1 && u.flat() && delta.Stride == w.Cols {
		n := w.Rows * w.Cols
		k := kernels.Update[T]{G: g, X: delta.Data[:n]}
		u.constrain(&k, 0)
		k.MaskStride = 0
		if k.Dependence != nil && k.Dependence.Lows != nil {
			k.Dependence.LimitStride = n
		}
		k.Finite = fine
		kernels.Rank1(rowVector(w.Data[:n]), k)
		return
	}
	all := true
	for i := range w.Rows {
		k := kernels.Update[T]{G: g, X: delta.Row(i)}
		if len(g) > 1 {
			k.G = g[i : i+1]
		}
		u.constrain(&k, i)
		k.Finite = fine
		kernels.Rank1(rowVector(w.Row(i)), k)
		if fine != nil {
			all = all && *fine
		}
	}
	if fine != nil {
		*fine = all
	}
}

// flat reports whether W, and what is composed with it by weight, has no gaps.
func (u *updater[T]) flat() bool {
	c, in := u.o.Compose, u.w.Cols
	return u.w.Stride == in && (c == nil || c.Mask == nil || c.maskStride(u.w) == in) &&
		(u.dependence.Lows == nil || u.dependence.LimitStride == in)
}
