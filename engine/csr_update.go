package engine

import (
	"math"
	"slices"

	"github.com/hebbkern/hebbkern/kernels"
)

// Updates of sparse weights. What acts on weights by themselves acts on all stored entries as on one vector; the rest goes
// row by row.

// allocateCSR is what allocate does for dense weights only.
func (u *updater[T]) allocateCSR() {
	w := u.csr
	if u.o.Normalize == MaxNorm || u.apart || u.o.Reduction != Sequential {
		u.change = u.s.t.take(len(w.Data))
	}
	if u.power != 1 {
		u.powers = rowVector(u.s.t.take(len(w.Data)))
	}
	if u.terms&TermDiagonal != 0 {
		u.diagonal, u.entries = u.s.t.take(w.Rows), u.s.ints(1, w.Rows)
		for i := range w.Rows {
			row, columns := w.Row(i)
			k, there := slices.BinarySearch(columns, int32(i))
			u.entries[i] = -1
			if there {
				u.entries[i], u.diagonal[i] = w.Start[i]+k, row[k]
			}
		}
	}
}

// answeringCSR is answering.
func (u *updater[T]) answeringCSR() kernels.CSR[T] {
	w := u.csr
	if u.power != 1 {
		u.raise(u.powers, rowVector(w.Data))
		w.Data = u.powers.Data
	}
	return w
}

// holdEntries is holdDiagonal.
func (u *updater[T]) holdEntries() {
	for i, k := range u.entries {
		if k >= 0 {
			u.csr.Data[k] = u.diagonal[i]
		}
	}
}

// limitsCSR is a bound by stored entry, an absent one being infinite with the given sign.
func (u *updater[T]) limitsCSR(m kernels.Matrix[T], sign int) []T {
	w := u.csr
	v := u.s.t.take(len(w.Data))
	switch {
	case m.Data == nil:
		fill(v, T(math.Inf(sign)))
	case forAll(m):
		fill(v, m.Data[0])
	default:
		for i := range w.Rows {
			w.GatherRow(i, v[w.Start[i]:w.Start[i+1]], m.Row(min(i, m.Rows-1)))
		}
	}
	return v
}

// constrainEntries is constrain of the stored entries [from, to).
func (u *updater[T]) constrainEntries(k *kernels.Update[T], from, to int) {
	u.constrain(k, 0)
	if d := k.Dependence; d != nil && d.Lows != nil {
		d.Lows, d.Highs, d.LimitStride = d.Lows[from:to], d.Highs[from:to], to-from
	}
}

// sampleEntries adds the product of a sample, or what a rule with a residual has in its place, to change.
func (u *updater[T]) sampleEntries(g, x, y []T) {
	if u.terms&TermResidual != 0 {
		u.residualCSR(u.change, g, x, y)
		return
	}
	change := u.csr
	change.Data = u.change
	kernels.Rank1CSR(change, kernels.Update[T]{G: g, X: x})
}

// products is GᵀX of samples in change.
func (u *updater[T]) products(g, x kernels.Matrix[T]) {
	change := u.csr
	change.Data = u.change
	kernels.ProductCSR(change, g, x)
}

// residualCSR is residual over dst, which is the stored entries or differences of them.
func (u *updater[T]) residualCSR(dst, g, x, y []T) {
	w := u.csr
	over := len(dst) > 0 && &dst[0] == &w.Data[0]
	copy(u.r, x)
	for i := range w.Rows {
		row, _ := w.Row(i)
		if len(row) == 0 {
			continue
		}
		from, to := w.Start[i], w.Start[i+1]
		r := u.seen[:len(row)]
		w.GatherRow(i, r, u.r)
		u.one[0] = -y[i]
		kernels.Rank1(rowVector(r), kernels.Update[T]{G: u.one, X: row})
		w.ScatterRow(i, u.r, r)
		k := kernels.Update[T]{G: g[i : i+1], X: r}
		if over {
			u.constrainEntries(&k, from, to)
		}
		kernels.Rank1(rowVector(dst[from:to]), k)
	}
}

// addOthers adds −(d_i + c_j)·w_ij + a_i + b_j to change, terms of columns by the rate of the row.
func (u *updater[T]) addOthers(d, c, a, b []T) {
	w := u.csr
	for i := range w.Rows {
		row, _ := w.Row(i)
		if len(row) == 0 {
			continue
		}
		change := rowVector(u.change[w.Start[i]:w.Start[i+1]])
		rate := T(1)
		if u.rates != nil {
			rate = u.rate(i)
		}
		by := u.seen[:len(row)]
		if d != nil || c != nil {
			clear(by)
			if c != nil {
				w.GatherRow(i, by, c)
			}
			for k, v := range by {
				by[k] = T(rate * v)
				if d != nil {
					by[k] += d[i]
				}
				by[k] = -by[k]
			}
			kernels.Scale(rowVector(by), nil, row)
			u.one[0] = 1
			kernels.Rank1(change, kernels.Update[T]{G: u.one, X: by})
		}
		if a != nil {
			kernels.Rank1(change, kernels.Update[T]{RowAdd: a[i : i+1]})
		}
		if b != nil {
			w.GatherRow(i, by, b)
			u.one[0] = rate
			kernels.Rank1(change, kernels.Update[T]{G: u.one, X: by})
		}
	}
}

// applyEntries adds change to W, with MaxNorm as applyNormalized.
func (u *updater[T]) applyEntries(sample int) error {
	u.one[0] = 1
	if u.o.Normalize == MaxNorm {
		for _, k := range u.entries {
			if k >= 0 {
				u.change[k] = 0
			}
		}
		if err := u.normalizeChange(rowVector(u.change), sample); err != nil {
			return err
		}
	}
	u.addEntries(u.change, u.one)
	return nil
}

// addEntries is w ← fma(g_i, Δ, w) on the stored entries, composed; one g stands for all rows.
func (u *updater[T]) addEntries(delta, g []T) {
	w := u.csr
	if len(g) == 1 {
		k := kernels.Update[T]{G: g, X: delta}
		u.constrainEntries(&k, 0, len(w.Data))
		kernels.Rank1(rowVector(w.Data), k)
		return
	}
	for i := range w.Rows {
		from, to := w.Start[i], w.Start[i+1]
		if from < to {
			k := kernels.Update[T]{G: g[i : i+1], X: delta[from:to]}
			u.constrainEntries(&k, from, to)
			kernels.Rank1(rowVector(w.Data[from:to]), k)
		}
	}
}

// applyCSR adds the products that have been summed up, and the other terms, to W, row by row.
func (u *updater[T]) applyCSR(sum, d, c, a, b []T) {
	w := u.csr
	entries := func(v []T) []T {
		if v == nil {
			return nil
		}
		e := u.s.t.take(len(w.Data))
		w.Gather(e, v)
		return e
	}
	c, b = entries(c), entries(b)
	part := func(v []T, from, to int) []T {
		if v == nil {
			return nil
		}
		return v[from:to]
	}
	u.one[0] = 1
	for i := range w.Rows {
		from, to := w.Start[i], w.Start[i+1]
		if from == to {
			continue
		}
		k := kernels.Update[T]{G: u.one, X: sum[from:to], Decay: part(d, i, i+1), ColDecay: part(c, from, to),
			RowAdd: part(a, i, i+1), ColAdd: part(b, from, to)}
		u.constrainEntries(&k, from, to)
		kernels.Rank1(rowVector(w.Data[from:to]), k)
	}
}

// normalizeCSR is normalizeRows.
func (u *updater[T]) normalizeCSR(sample int) error {
	c, w := u.o.Compose, u.csr
	if c == nil || c.Norm.Kind == NoWeightNorm {
		return nil
	}
	to, p := u.normOf, c.Norm.P
	if c.Norm.Kind == Subtractive {
		kernels.ForwardCSR(to, w, u.ones)
	} else {
		kernels.PowerSumsCSR(w, p, to)
		if p != 1 && !math.IsInf(p, 1) {
			kernels.PowAbs(to, to, 1/p)
		}
	}
	if !finite(to) {
		return u.diverged("the norm of the weights", sample)
	}
	for i, v := range to {
		row, _ := w.Row(i)
		to[i] = c.Norm.step(v, len(row))
		if c.Norm.Kind == Multiplicative {
			kernels.Scale(rowVector(row), to[i:i+1], nil)
		}
	}
	if c.Norm.Kind == Subtractive {
		kernels.Rank1CSR(w, kernels.Update[T]{RowAdd: to})
	}
	return nil
}
