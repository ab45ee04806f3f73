package engine

import "github.com/hebbkern/hebbkern/kernels"

// The blocked form of rules whose rows decay each by itself; see blocked.go.

func (u *updater[T]) prepareRows(n int) {
	u.prepareBlocks(n)
	out, b := u.w.Rows, &u.b
	if u.terms&TermResponse != 0 {
		b.v = u.s.matrix(n, out)
	}
	b.c = u.s.matrix(n, out)
	leaf := min(leafSamples, n)
	b.fixed = 1
	if u.terms&TermRow != 0 {
		b.fixed = 2
	}
	b.leaf, b.factors = u.s.matrix(b.fixed+leaf, out), u.s.t.take(b.fixed+leaf)
	depth, half := 1, 0
	for m := n; m > leafSamples; m = max(half, m-half) {
		half = firstHalf(m)
		depth++
	}
	b.p, b.decay, b.spare = u.s.matrix(depth, out), u.s.t.take(out), u.s.t.take(out)
	if u.terms&TermRow != 0 {
		b.a, b.xsums, b.ones = u.s.matrix(depth, out), u.s.t.take(n), u.s.t.take(u.w.Cols)
		fill(b.ones, 1)
	}
	half = 0
	if n > leafSamples {
		half = firstHalf(n)
	}
	b.k = u.s.matrix(1, max(leaf*leaf, half*(n-half)))
}

// firstHalf is where n > leafSamples samples are cut: after whole leaves.
func firstHalf(n int) int {
	leaves := (n + leafSamples - 1) / leafSamples
	return leaves / 2 * leafSamples
}

// rowsBlock runs the samples [s, s+n) of a rule whose rows decay each by itself: V and C are kept transposed, a
// sample a row, so that they are what ForwardBatch gives and BatchUpdate takes.
func (u *updater[T]) rowsBlock(s, n int) (done int) {
	b := &u.b
	y := subRows(u.y, s, n)
	b.first, b.x, b.rows, b.answer = s, subRows(u.x, s, n), u.presynaptics(s, n), y
	if u.terms&TermResponse != 0 {
		b.answer = subRows(b.v, 0, n)
	}
	if u.compute {
		kernels.ForwardBatch(b.answer, u.w, b.x, nil, identity)
	} else if !finiteMatrix(b.rows, b.sums) {
		return 0
	}
	if u.terms&TermRow != 0 && u.compute {
		kernels.Forward(b.xsums[:n], b.x, b.ones, nil, identity)
	}
	u.half(0, n, 0)
	c := subRows(b.c, 0, n)
	if !finiteMatrix(y, b.sums) || !finiteMatrix(c, b.sums) || u.terms&TermRow != 0 && !finite(b.a.Row(0)) {
		return 0
	}
	if u.terms&TermDecay != 0 && !finite(b.p.Row(0)) {
		return 0
	}
	u.write(c)
	return n
}

// write makes the block's one update of W: by its coefficients, the products of its decays and its additions to rows.
func (u *updater[T]) write(c kernels.Matrix[T]) {
	b := &u.b
	var decay []T
	if u.terms&TermDecay != 0 {
		decay = b.decay
		if u.decays(b.p.Row(0)) {
			for i, f := range b.spare {
				if f != 1 {
					kernels.Scale(rowVector(u.w.Row(i)), b.spare[i:i+1], nil)
				}
			}
		}
	}
	kernels.BatchUpdate(u.w, c, b.rows, decay, nil)
	if u.terms&TermRow != 0 {
		kernels.Rank1(u.w, kernels.Update[T]{RowAdd: b.a.Row(0)})
	}
}

// decays splits factors p into decay and spare, such that 1 − decay is exact, (1 − decay)·spare = p and one of the two
// factors is 1; it reports whether spare is not all ones. From ½ to 2 the difference 1 − p is exact, and so is 1 minus
// it; beyond, it would lose the bits of p.
func (u *updater[T]) decays(p []T) (spare bool) {
	for i, f := range p {
		d, rest := 1-f, T(1)
		if !(f >= 0.5 && f <= 2) {
			d, rest, spare = 0, f, true
		}
		u.b.decay[i], u.b.spare[i] = d, rest
	}
	return spare
}

// half runs the samples [lo, hi) of the block. After it the rows lo to hi of c are the coefficients after sample
// hi − 1, and row level of p the products of 1 − d of these samples.
func (u *updater[T]) half(lo, hi, level int) {
	b := &u.b
	if hi-lo <= leafSamples {
		u.leaf(lo, hi, level)
		return
	}
	mid := lo + firstHalf(hi-lo)
	u.half(lo, mid, level)
	first := subRows(b.c, lo, mid-lo)
	p := b.p.Row(level)
	decay := u.terms&TermDecay != 0
	if u.compute {
		// V of the second half ← P∘V + (part of K)ᵀ·C of the first.
		k := kernels.MatrixOf(b.k.Data[:(mid-lo)*(hi-mid)], mid-lo, hi-mid)
		kernels.ForwardBatch(k, subRows(b.x, mid, hi-mid), subRows(b.rows, lo, mid-lo), nil, identity)
		v := subRows(b.answer, mid, hi-mid)
		if decay {
			if u.decays(p) {
				kernels.Scale(v, nil, b.spare)
			}
			kernels.BatchUpdate(v, k, first, nil, b.decay)
		} else {
			kernels.BatchUpdate(v, k, first, nil, nil)
		}
		if u.terms&TermRow != 0 {
			kernels.Rank1(v, kernels.Update[T]{G: b.xsums[mid:hi], X: b.a.Row(level)})
		}
	}
	u.half(mid, hi, level+1)
	if decay {
		later := b.p.Row(level + 1)
		kernels.Scale(first, nil, later)
		kernels.Scale(rowVector(p), nil, later)
		if u.terms&TermRow != 0 {
			kernels.Scale(rowVector(b.a.Row(level)), nil, later)
		}
	}
	if u.terms&TermRow != 0 {
		kernels.Rank1(rowVector(b.a.Row(level)), kernels.Update[T]{ColAdd: b.a.Row(level + 1)})
	}
}

// leaf is half for a few samples, one after the other. Its matrix has fixed rows, the product of 1 − d, which starts at 1,
// and with TermRow the coefficients of the row of ones, which start at 0; and a row a sample: V of the sample until its
// turn comes, its coefficients from then on. A sample is one update of all rows, its g entering the
// fixed rows by 0, rows before its own by 0, its own, which is cleared, by 1, and later ones by K; its a, if the rule
// has one, enters the second fixed row by 1 and later samples by the sum of their x.
func (u *updater[T]) leaf(lo, hi, level int) {
	b, n := &u.b, hi-lo
	m := subRows(b.leaf, 0, b.fixed+n)
	fill(m.Row(0), 1)
	if u.terms&TermRow != 0 {
		clear(m.Row(1))
	}
	samples := subRows(m, b.fixed, n)
	k := kernels.MatrixOf(b.k.Data[:n*n], n, n)
	if u.compute {
		for c := range n {
			copy(samples.Row(c), b.answer.Row(lo+c))
		}
		triangle(k, subRows(b.x, lo, n), subRows(b.rows, lo, n), trianglePanel)
	} else {
		clear(samples.Data)
	}
	factor := b.factors[:b.fixed+n]
	update := kernels.Update[T]{G: factor, X: u.v.G, ColDecay: u.has(TermDecay, u.v.D)}
	add := kernels.Update[T]{G: factor, X: u.v.A}
	for c := range n {
		row, y := samples.Row(c), u.y.Row(b.first+lo+c)
		switch {
		case u.terms&TermResponse != 0:
			u.v.U = row
		case u.compute:
			copy(y, row)
		}
		u.mapSample(b.first+lo+c, b.x.Row(lo+c), y)
		clear(row)
		clear(factor)
		factor[b.fixed+c] = 1
		if u.compute {
			copy(factor[b.fixed+c+1:], k.Row(c)[c+1:])
		}
		kernels.Rank1(m, update)
		if u.terms&TermRow != 0 {
			clear(factor)
			factor[1] = 1
			if u.compute {
				copy(factor[b.fixed+c+1:], b.xsums[lo+c+1:hi])
			}
			kernels.Rank1(m, add)
		}
		u.advancePost(b.first + lo + c)
	}
	for c := range n {
		copy(b.c.Row(lo+c), samples.Row(c))
	}
	copy(b.p.Row(level), m.Row(0))
	if u.terms&TermRow != 0 {
		copy(b.a.Row(level), m.Row(1))
	}
}
