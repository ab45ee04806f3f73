package engine

import "github.com/hebbkern/hebbkern/kernels"

// Composition of learning that is no Rule, ThreeFactor and Foldiak: an updater without a rule, which adds what they have made.

// compose makes u an updater of w, dense or sparse, whose updates are those of fn, composed by c, which has been checked.
func (u *updater[T]) compose(fn string, c *Composition[T], s *Scratch[T]) {
	u.fn, u.s, u.o.Compose, u.o.Reduction = fn, s, c, Sum
	u.sums, u.one, u.seen = s.t.take(u.w.Rows), s.t.take(1), s.t.take(u.w.Cols)
	u.prepareComposition()
	switch {
	case u.sparseW:
		u.change = s.t.take(len(u.csr.Data))
	case u.apart:
		u.delta = s.matrix(u.w.Rows, u.w.Cols)
	}
}

// checkComposed refuses a composition that does not fit w. others are arrays that are written beside it.
func (u *updater[T]) checkComposed(fn string, c *Composition[T], others ...kernels.Matrix[T]) error {
	if c == nil {
		return nil
	}
	if err := c.check(fn, u.w); err != nil {
		return err
	}
	if u.sparseW {
		others = append(others, rowVector(u.csr.Data))
		if c.Mask != nil {
			return badArg(fn, "mask", "given", "none for sparse weights, which are their own")
		}
	}
	for _, b := range []struct {
		arg string
		m   kernels.Matrix[T]
	}{{"low", c.Low}, {"high", c.High}, {"row_lr", rowVector(c.RowRate)}} {
		for _, w := range others {
			if overlap(w, b.m) {
				return badArg(fn, b.arg, "overlapping an array that is written", "arrays that share no element")
			}
		}
	}
	return nil
}

// forward is y = W·x.
func (u *updater[T]) forward(y, x []T) {
	if u.sparseW {
		kernels.ForwardCSR(y, u.csr, x)
		return
	}
	kernels.Forward(y, u.w, x, nil, identity)
}

// finite reports whether all weights are.
func (u *updater[T]) finite() bool {
	if u.sparseW {
		return finite(u.csr.Data)
	}
	return finiteMatrix(u.w, u.sums)
}

// rated is v by the rates of rows, in its own memory.
func (u *updater[T]) rated(v []T) []T {
	for i := range v {
		if u.rates != nil {
			v[i] = T(v[i] * u.rate(i))
		}
	}
	return v
}

// addSamples is the update by samples, w ← w(1 − d_i) + Σ_b g_bi x_bj + a_i, composed: one sample in one pass over W. The
// normalisation is the caller's to call.
func (u *updater[T]) addSamples(g, x kernels.Matrix[T], d, a []T) {
	switch {
	case u.sparseW && g.Rows == 1:
		k := kernels.Update[T]{G: g.Row(0), X: x.Row(0), Decay: d, RowAdd: a}
		u.constrain(&k, 0)
		kernels.Rank1CSR(u.csr, k)
	case u.sparseW:
		u.products(g, x)
		u.applyCSR(u.change, d, nil, a, nil)
	case g.Rows == 1:
		k := kernels.Update[T]{G: g.Row(0), X: x.Row(0), Decay: d, RowAdd: a}
		u.constrain(&k, 0)
		kernels.Rank1(u.w, k)
	case u.apart:
		u.batchDelta(g, x, d, nil, a, nil)
		u.one[0] = 1
		u.addDelta()
	default:
		u.addBatch(g, x, d, nil, a, nil)
	}
}

// normalizeAny is the weight normalisation of dense or sparse weights.
func (u *updater[T]) normalizeAny(sample int) error {
	if u.sparseW {
		return u.normalizeCSR(sample)
	}
	return u.normalizeRows(sample)
}
