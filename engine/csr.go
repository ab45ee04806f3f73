package engine

import (
	"fmt"

	"github.com/hebbkern/hebbkern/kernels"
)

// UpdateCSR is Update on sparse weights: the entries that are stored learn, as those of a dense W under a mask do whose other
// weights are 0, and the others do not exist. Its arithmetic is that of the dense kernels on the stored entries of a row, side
// by side; so y, and with it W, are those of the masked W to rounding. The sum or mean of a batch is added up entry by
// entry, sample by sample. Bounds by weight are those of the entries of [out, in] that are stored, and the largest change of
// MaxNorm is that of a stored entry, while a mask does not keep Δ of the weights that it leaves out from being the largest.
//
// Refused are masks, which sparse weights are themselves, and blocks: each row sees its own part of x, so that there is no
// product XXᵀ that rows could share. w must come from kernels.NewCSR.
func UpdateCSR[T kernels.Float](rule Rule[T], w kernels.CSR[T], x, y kernels.Matrix[T], o UpdateOptions[T]) (yOut kernels.Matrix[T], k int, err error) {
	defer guard(&err)
	shape := kernels.Matrix[T]{Rows: w.Rows, Cols: w.Cols, Stride: w.Cols}
	u := updater[T]{rule: rule, csr: w, sparseW: true, w: shape, x: x, y: y, o: o, compute: o.Compute || y.Data == nil}
	if err := u.check(); err != nil {
		return y, 0, err
	}
	if err := u.checkCSR(); err != nil {
		return y, 0, err
	}
	if u.y.Data == nil {
		u.y = kernels.NewMatrix[T](x.Rows, w.Rows)
	}
	if u.to == u.from || w.Rows == 0 || w.Cols == 0 {
		return u.y, u.to - u.from, nil
	}
	u.allocate()
	if u.terms&TermNorms != 0 {
		kernels.PowerSumsCSR(w, 2, u.v.N)
	}
	if o.Reduction == Sequential {
		k, err = u.sequenceCSR()
	} else {
		k, err = u.batchCSR()
	}
	return u.y, k, err
}

func (u *updater[T]) checkCSR() error {
	fn, w, c := u.rule.Name(), rowVector(u.csr.Data), u.o.Compose
	switch {
	case len(u.csr.Start) != u.csr.Rows+1:
		return badArg(fn, "w", "no CSR of kernels.NewCSR", "one")
	case u.o.Block != 0:
		return badArg(fn, "block", fmt.Sprint(u.o.Block), "0 for sparse weights, whose rows share no product of samples, since each sees its own part of x")
	case overlap(w, u.x):
		return badArg(fn, "w", "overlapping x", "arrays that share no element")
	case overlap(w, u.y):
		return badArg(fn, "w", "overlapping y", "arrays that share no element")
	case c == nil:
		return nil
	case c.Mask != nil:
		return badArg(fn, "mask", "given", "none for sparse weights, which are their own")
	}
	for _, b := range []struct {
		arg string
		m   kernels.Matrix[T]
	}{{"low", c.Low}, {"high", c.High}, {"row_lr", rowVector(c.RowRate)}} {
		if overlap(w, b.m) {
			return badArg(fn, b.arg, "overlapping w", "arrays that share no element")
		}
	}
	return nil
}

func (u *updater[T]) sequenceCSR() (int, error) {
	first, err := u.sweep()
	if err != nil {
		return first - u.from, err
	}
	w := u.csr
	for s := first; s < u.to; s++ {
		x, y := u.x.Row(s), u.y.Row(s)
		answer := y
		if u.terms&TermResponse != 0 {
			answer = u.v.U
		}
		if u.compute {
			kernels.ForwardCSR(answer, u.answeringCSR(), x)
		}
		if !finite(answer) || !finite(u.v.N) {
			return s - u.from, u.blame(s)
		}
		if u.terms&TermSparse != 0 {
			u.clearRows()
		}
		u.mapSample(s, x, y)
		if u.terms&TermResponse != 0 && !finite(y) {
			return s - u.from, u.diverged("y", s)
		}
		if u.terms&TermX != 0 {
			x = u.v.X
		}
		switch {
		case u.o.Normalize == MaxNorm || u.apart:
			clear(u.change)
			u.sampleEntries(u.v.G, x, y)
			u.addOthers(u.has(TermDecay, u.v.D), u.has(TermCol, u.v.C), u.has(TermRow, u.v.A), u.has(TermColAdd, u.v.B))
			if err := u.applyEntries(s); err != nil {
				return s - u.from, err
			}
		case u.terms&TermResidual != 0:
			u.residualCSR(w.Data, u.v.G, x, y)
		default:
			k := kernels.Update[T]{G: u.v.G, X: x, Decay: u.has(TermDecay, u.v.D), ColDecay: u.has(TermCol, u.v.C),
				RowAdd: u.has(TermRow, u.v.A), ColAdd: u.has(TermColAdd, u.v.B)}
			u.constrain(&k, 0)
			kernels.Rank1CSR(w, k)
		}
		err := u.normalizeCSR(s)
		u.holdEntries()
		if u.terms&TermNorms != 0 {
			kernels.PowerSumsCSR(w, 2, u.v.N)
		}
		u.advance(subRows(u.x, s, 1), subRows(u.y, s, 1))
		if err != nil {
			return s - u.from + 1, err
		}
		// As in sequence: with y computed, weights that are not finite show in the next one.
		if (!u.compute || s == u.to-1) && !u.finiteW() {
			return s - u.from + 1, u.diverged("the weights", s)
		}
		if name := u.badState(); name != "" {
			return s - u.from + 1, u.diverged(name, s)
		}
	}
	return u.to - u.from, nil
}

// batchCSR is batch: the products of the samples are summed up in the structure of W.
func (u *updater[T]) batchCSR() (int, error) {
	n := u.x.Rows
	answer := u.y
	if u.terms&TermResponse != 0 {
		answer = u.s.matrix(n, u.w.Rows)
	}
	if u.compute {
		kernels.ForwardBatchCSR(answer, u.answeringCSR(), u.x)
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
	if u.terms&TermResidual != 0 {
		clear(u.change)
		for s := range n {
			u.sampleEntries(g.Row(s), x.Row(s), u.y.Row(s))
		}
	} else {
		u.products(g, x)
	}
	if u.o.Normalize == MaxNorm || u.rates != nil && (c != nil || b != nil) {
		u.addOthers(d, c, a, b)
		if err := u.applyEntries(n - 1); err != nil {
			return 0, err
		}
	} else {
		u.applyCSR(u.change, d, c, a, b)
	}
	fine := u.finiteW()
	var err error
	if fine {
		err = u.normalizeCSR(n - 1)
	}
	u.holdEntries()
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
