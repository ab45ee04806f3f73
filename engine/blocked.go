package engine

import (
	"fmt"

	"github.com/hebbkern/hebbkern/kernels"
)

// The blocked form of a sequence: B samples at the speed of matrix products, equal in real arithmetic to one sample
// at a time (mathematics page, section 1, "The blocked form").
//
// A sample of a rule without terms of columns is W ← A_b·W + g_b·r_bᵀ, where A_b acts on rows and r_b is x_b or the
// rule's X. So after b samples of a block W = A·W₀ + C·R, with R the rows r, and the y of a later sample c is column c
// of V = A·(W₀Xᵀ) + C·(RXᵀ). V starts as W₀Xᵀ, and a sample changes it as it would change W, with row b of K = RXᵀ
// in the place of r_b. W itself is read and written once a block. There are three kinds of rules:
//
//   - rows with a decay each, A_b = diag(1 − d_b): rowsBlock;
//   - rows that see the rows before them (Sanger), A_b lower triangular: residualBlock, in residual.go;
//   - few rows that change a sample (winner-take-all): sparseBlock, where V is not tracked but what changed of it
//     is computed anew, and the bits are those of one sample at a time.
//
// In the first two a product of decays is only ever multiplied by further ones, from the last sample to the first, so
// that it may underflow: to 0, as the weights of one sample at a time would.
//
// Not fit: terms of columns (outstar, any c_j or b_j) and added rows a_i, normalisation, sum and mean.
//
// A block in which anything is not finite is run again one sample at a time, from the weights before it, and so stops
// at the sample, with the error and the weights of the sequential form. Map is called again then; it keeps nothing.
// Only weights that overflow under a y that is given are found at the end of the block.

// MaxBlock is the largest UpdateOptions.Block.
const MaxBlock = 4096

// leafSamples is the samples of a block that are taken one by one; their effect on later ones is a product.
const leafSamples = 16

// trianglePanel is the rows of K in a leaf that are computed at once: few, so that little is left of the diagonal.
const trianglePanel = 4

func (u *updater[T]) checkBlock() error {
	fn, o := u.rule.Name(), &u.o
	badBlock := func(want string) error { return badArg(fn, "block", fmt.Sprint(o.Block), want) }
	_, pre := u.rule.(presynaptic[T])
	switch {
	case o.Block < 0 || o.Block > MaxBlock:
		return badBlock(fmt.Sprintf("1 to %d, or 0 for one sample at a time", MaxBlock))
	case o.Reduction != Sequential:
		return badBlock("0 with sum or mean, which are one update")
	case o.Normalize != NoNorm:
		return badBlock("0 with normalize, which looks at each sample's change")
	case u.terms&(TermCol|TermColAdd|TermRow) != 0:
		return badBlock("0, since the rule changes columns as a whole or adds to rows")
	case u.terms&TermX != 0 && !pre:
		return badBlock("0, since the rule's presynaptic factor is not known before y")
	case u.from%o.Block != 0 || u.to%o.Block != 0 && u.to != u.x.Rows:
		return badArg(fn, "rows", fmt.Sprintf("[%d, %d)", u.from, u.to), fmt.Sprintf("whole blocks of %d", o.Block))
	}
	return nil
}

// blocks is the working memory of the blocked form.
type blocks[T kernels.Float] struct {
	r       kernels.Matrix[T] // [n, in]: R
	v       kernels.Matrix[T] // [n, out]: Vᵀ, which is y where the rule answers with Wx itself
	c       kernels.Matrix[T] // [n, out]: Cᵀ
	k       kernels.Matrix[T] // a part of K, [samples, later samples]
	p       kernels.Matrix[T] // [depth, out]: products of 1 − d of halves of the block
	leaf    kernels.Matrix[T] // [1 + leafSamples, out]
	factors []T               // [1 + leafSamples]
	decay   []T               // [out]
	spare   []T               // [out]
	sums    []T               // [max(n, out)]
	place   []int             // [2·out]

	// Of the block that runs: its first sample, x, R, and Vᵀ.
	first           int
	x, rows, answer kernels.Matrix[T]
}

// blocked is sequence, in blocks.
func (u *updater[T]) blocked() (int, error) {
	most := min(u.o.Block, u.to-u.from)
	switch {
	case u.terms&TermSparse != 0:
		u.prepareSparse(most)
	case u.terms&TermResidual != 0:
		u.prepareResidual(most)
	default:
		u.prepareRows(most)
	}
	for s := u.from; s < u.to; {
		n := min(u.o.Block, u.to-s)
		var done int
		switch {
		case u.terms&TermSparse != 0:
			done = u.sparseBlock(s, n)
		case u.terms&TermResidual != 0:
			done = u.residualBlock(s, n)
		default:
			done = u.rowsBlock(s, n)
		}
		if done < n { // something is not finite
			from, to := u.from, u.to
			u.from, u.to = s+done, s+n
			k, err := u.sequence()
			u.from, u.to = from, to
			if done += k; err != nil {
				return s - u.from + done, err
			}
		}
		s += n
		// With y computed, weights that are not finite show in the next block.
		if (!u.compute || s == u.to) && !finiteMatrix(u.w, u.sums) {
			return s - u.from, u.diverged("the weights", s-1)
		}
	}
	return u.to - u.from, nil
}

// presynaptics is R of the samples [s, s+n): x itself, or what the rule makes of it.
func (u *updater[T]) presynaptics(s, n int) kernels.Matrix[T] {
	x := subRows(u.x, s, n)
	if u.terms&TermX == 0 {
		return x
	}
	pre := u.rule.(presynaptic[T])
	for b := range n {
		pre.Pre(u.b.r.Row(b), x.Row(b))
	}
	return subRows(u.b.r, 0, n)
}

// triangle is K = R·Xᵀ from the diagonal on, by panels of rows; what it writes left of the diagonal is of no use.
func triangle[T kernels.Float](k, x, r kernels.Matrix[T], panel int) {
	n := x.Rows
	for i := 0; i < n; i += panel {
		rows := min(panel, n-i)
		kernels.ForwardBatch(subMatrix(k, i, rows, i, n-i), subRows(x, i, n-i), subRows(r, i, rows), nil, identity)
	}
}

func (u *updater[T]) prepareBlocks(n int) {
	u.b = blocks[T]{sums: u.s.t.take(max(n, u.w.Rows))}
	if u.terms&TermX != 0 {
		u.b.r = u.s.matrix(n, u.w.Cols)
	}
}

func (u *updater[T]) prepareRows(n int) {
	u.prepareBlocks(n)
	out, b := u.w.Rows, &u.b
	if u.terms&TermResponse != 0 {
		b.v = u.s.matrix(n, out)
	}
	b.c = u.s.matrix(n, out)
	leaf := min(leafSamples, n)
	b.leaf, b.factors = u.s.matrix(1+leaf, out), u.s.t.take(1+leaf)
	depth, half := 1, 0
	for m := n; m > leafSamples; m = max(half, m-half) {
		half = firstHalf(m)
		depth++
	}
	b.p, b.decay, b.spare = u.s.matrix(depth, out), u.s.t.take(out), u.s.t.take(out)
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
	u.half(0, n, 0)
	c := subRows(b.c, 0, n)
	if !finiteMatrix(y, b.sums) || !finiteMatrix(c, b.sums) {
		return 0
	}
	if u.terms&TermDecay == 0 {
		kernels.BatchUpdate(u.w, c, b.rows, nil, nil)
		return n
	}
	p := b.p.Row(0)
	if !finite(p) {
		return 0
	}
	if u.decays(p) {
		for i, f := range b.spare {
			if f != 1 {
				kernels.Scale(rowVector(u.w.Row(i)), b.spare[i:i+1], nil)
			}
		}
	}
	kernels.BatchUpdate(u.w, c, b.rows, b.decay, nil)
	return n
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
	}
	u.half(mid, hi, level+1)
	if decay {
		later := b.p.Row(level + 1)
		kernels.Scale(first, nil, later)
		kernels.Scale(rowVector(p), nil, later)
	}
}

// leaf is half for a few samples, one after the other. Its matrix has a row for the product of 1 − d, which starts at
// 1, and a row a sample: V of the sample until its turn comes, its coefficients from then on. A sample is one update
// of all rows, its g entering the first row by 0, rows before its own by 0, its own, which is cleared, by 1, and later
// ones by K.
func (u *updater[T]) leaf(lo, hi, level int) {
	b, n := &u.b, hi-lo
	m := subRows(b.leaf, 0, 1+n)
	one := m.Row(0)
	for i := range one {
		one[i] = 1
	}
	k := kernels.MatrixOf(b.k.Data[:n*n], n, n)
	if u.compute {
		for c := range n {
			copy(m.Row(1+c), b.answer.Row(lo+c))
		}
		triangle(k, subRows(b.x, lo, n), subRows(b.rows, lo, n), trianglePanel)
	} else {
		clear(m.Data[m.Stride:])
	}
	factor := b.factors[:1+n]
	clear(factor)
	update := kernels.Update[T]{G: factor, X: u.v.G, ColDecay: u.has(TermDecay, u.v.D)}
	for c := range n {
		row, y := m.Row(1+c), u.y.Row(b.first+lo+c)
		switch {
		case u.terms&TermResponse != 0:
			u.v.U = row
		case u.compute:
			copy(y, row)
		}
		u.rule.Map(u.v, b.x.Row(lo+c), y)
		clear(row)
		factor[c], factor[1+c] = 0, 1
		if u.compute {
			copy(factor[2+c:], k.Row(c)[c+1:])
		}
		kernels.Rank1(m, update)
	}
	for c := range n {
		copy(b.c.Row(lo+c), m.Row(1+c))
	}
	copy(b.p.Row(level), one)
}

func (u *updater[T]) prepareSparse(n int) {
	u.prepareBlocks(n)
	out, b := u.w.Rows, &u.b
	b.v = u.s.matrix(n, out)
	b.c = u.s.matrix(out, u.w.Cols) // written, and so brought into memory, only as far as rows change
	b.spare = u.s.t.take(out)
	b.place = u.s.ints(1, 2*out)
}

// finiteRow is finite, by a kernel if v is long.
func (u *updater[T]) finiteRow(v []T) bool {
	if len(v) <= 256 {
		return finite(v)
	}
	return finiteMatrix(rowVector(v), u.b.sums)
}

// sparseBlock runs the samples [s, s+n) of a rule with TermSparse: V = W₀Xᵀ at once, and for a sample only the dots
// with rows that have changed since, whose new values stand side by side in c until the block ends. These are the
// dots and the updates of one sample at a time, so the bits are too.
func (u *updater[T]) sparseBlock(s, n int) (done int) {
	out, b, w := u.w.Rows, &u.b, u.w
	x, r, v := subRows(u.x, s, n), u.presynaptics(s, n), subRows(b.v, 0, n)
	kernels.ForwardBatch(v, w, x, nil, identity)
	if !finiteMatrix(v, b.sums) {
		return 0
	}
	place, changed := b.place[:out], b.place[out:out] // where row i stands in c, plus 1; the rows that stand there
	clear(place)
	for ; done < n && u.finiteRow(u.v.N); done++ {
		u.v.U = v.Row(done)
		if len(changed) > 0 {
			dots := b.spare[:len(changed)]
			kernels.Forward(dots, subRows(b.c, 0, len(changed)), x.Row(done), nil, identity)
			if !finite(dots) {
				break
			}
			for k, i := range changed {
				u.v.U[i] = dots[k]
			}
		}
		y := u.y.Row(s + done)
		u.rule.Map(u.v, x.Row(done), y)
		if !u.finiteRow(y) {
			break
		}
		for _, i := range u.v.Rows {
			if place[i] == 0 {
				copy(b.c.Row(len(changed)), w.Row(i))
				changed = append(changed, i)
				place[i] = len(changed)
			}
		}
		u.sparse(b.c, place, r.Row(done), nil)
		u.norms(b.c, place)
	}
	for k, i := range changed {
		copy(w.Row(i), b.c.Row(k))
	}
	return done
}
