package engine

import (
	"fmt"
	"math"

	"github.com/hebbkern/hebbkern/kernels"
)

// csrTerms are what rules may use on sparse weights: all but a residual, which mixes rows of different structure.
const csrTerms = TermX | TermDecay | TermCol | TermRow | TermColAdd | TermResponse | TermNorms | TermSparse | TermFixedDecay | TermGiven | TermTime

// UpdateCSR is Update on sparse weights: the entries that are stored learn, as those of a dense W under a mask do, and the
// others do not exist. Its arithmetic is that of the dense kernels on the stored entries of a row, side by side; so y, and
// with it W, are those of the masked W to rounding. The sum or mean of a batch is added up entry by entry, sample by
// sample.
//
// Refused are rules with a residual (Sanger), blocks, MaxNorm, and in a Composition masks, bounds of [out, in] and rates of
// rows for rules with terms of columns; w must come from kernels.NewCSR.
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
	case u.terms&^csrTerms != 0:
		return badArg(fn, "w", "sparse", "a dense matrix, since rows of the rule interact or have what sparse ones lack")
	case u.o.Block != 0:
		return badArg(fn, "block", fmt.Sprint(u.o.Block), "0 for sparse weights")
	case u.o.Normalize != NoNorm:
		return badArg(fn, "normalize", "max", "none for sparse weights")
	case c != nil && c.RowRate != nil && u.terms&(TermCol|TermColAdd) != 0:
		return badArg(fn, "row_lr", "given", "none for sparse weights with a rule that changes columns as a whole")
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
		if b.m.Rows > 1 {
			return badArg(fn, b.arg, fmt.Sprintf("shape [%d, %d]", b.m.Rows, b.m.Cols), fmt.Sprintf("[1, 1] or [1, %d] for sparse weights", u.w.Cols))
		}
		if overlap(w, b.m) {
			return badArg(fn, b.arg, "overlapping w", "arrays that share no element")
		}
	}
	return nil
}

func (u *updater[T]) sequenceCSR() (int, error) {
	w := u.csr
	for s := u.from; s < u.to; s++ {
		x, y := u.x.Row(s), u.y.Row(s)
		answer := y
		if u.terms&TermResponse != 0 {
			answer = u.v.U
		}
		if u.compute {
			kernels.ForwardCSR(answer, w, x)
		}
		if !finite(answer) || !finite(u.v.N) {
			return s - u.from, u.blame(s)
		}
		if u.terms&TermSparse != 0 {
			u.clearRows()
		}
		u.mapSample(x, y)
		if u.terms&TermResponse != 0 && !finite(y) {
			return s - u.from, u.diverged("y", s)
		}
		if u.terms&TermX != 0 {
			x = u.v.X
		}
		k := kernels.Update[T]{G: u.v.G, X: x, Decay: u.has(TermDecay, u.v.D), ColDecay: u.has(TermCol, u.v.C),
			RowAdd: u.has(TermRow, u.v.A), ColAdd: u.has(TermColAdd, u.v.B)}
		u.constrain(&k, 0)
		kernels.Rank1CSR(w, k)
		err := u.normalizeCSR(s)
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

// batchCSR is batch: the products of the samples are added up in the structure of W, in order.
func (u *updater[T]) batchCSR() (int, error) {
	n, w := u.x.Rows, u.csr
	answer := u.y
	if u.terms&TermResponse != 0 {
		answer = u.s.matrix(n, u.w.Rows)
	}
	for s := range n {
		if u.compute {
			kernels.ForwardCSR(answer.Row(s), w, u.x.Row(s))
		}
		if !finite(answer.Row(s)) || !finite(u.v.N) {
			return 0, u.blame(s)
		}
	}
	g, x := u.s.matrix(n, u.w.Rows), u.x
	if u.terms&TermX != 0 {
		x = u.s.matrix(n, u.w.Cols)
	}
	d, c, a, b := u.collect(g, x, answer)
	sum := w
	sum.Data = u.s.t.take(len(w.Data))
	clear(sum.Data)
	for s := range n {
		if u.terms&TermResponse != 0 && !finite(u.y.Row(s)) {
			return 0, u.diverged("y", s)
		}
		kernels.Rank1CSR(sum, kernels.Update[T]{G: g.Row(s), X: x.Row(s)})
	}
	u.applyCSR(sum.Data, d, c, a, b)
	u.advance(u.x, u.y)
	if !u.finiteW() {
		return n, u.diverged("the weights", n-1)
	}
	if err := u.normalizeCSR(n - 1); err != nil {
		return n, err
	}
	if name := u.badState(); name != "" {
		return n, u.diverged(name, n-1)
	}
	return n, nil
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
		u.constrain(&k, 0)
		if dep := k.Dependence; dep != nil && dep.Lows != nil {
			dep.Lows, dep.Highs, dep.LimitStride = dep.Lows[from:to], dep.Highs[from:to], to-from
		}
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
	switch {
	case c.Norm.Kind == Subtractive:
		kernels.ForwardCSR(to, w, u.ones)
	default:
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
