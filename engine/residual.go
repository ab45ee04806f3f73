package engine

import (
	"math"

	"github.com/hebbkern/hebbkern/kernels"
)

// The blocked form of a rule with TermResidual (blocked.go). A sample acts on W by a lower triangular A_b, so that
// after some samples W = A·W₀ + C·R, and the product A·W₀ costs as much as out samples do. It is put off: W is kept as
// A·V, where V is in the memory of W. With A the product of all A_b of the block so far,
//
//	A·V' = A·V + C·R,   V' = V + (A⁻¹C)·R
//
// so V needs no more than a batch update with the solution of a small triangular system, and A·V is formed once a
// block. Rounding errors of V' grow by A, so this holds only while A⁻¹C is not much larger than C; where a few samples
// change W a lot, A·V + C·R is formed at once, which loses nothing.

// residualLeaf is the samples between two updates of V: K grows with their square, what surrounds an update is shared.
const residualLeaf = 32

// residualPanel is the rows of W that a product with A makes: few, so that little of A's zeros is multiplied.
const residualPanel = 24

// residualGrowth is how much larger ‖A‖·max|A⁻¹C| may be than max|C|.
const residualGrowth = 4

// residualBlocks is the working memory.
type residualBlocks[T kernels.Float] struct {
	m       kernels.Matrix[T] // [out, leaf + out]: (V or C | A) of a leaf
	a       kernels.Matrix[T] // [out, out]
	d       kernels.Matrix[T] // [out, leaf]: V·Xᵀ, then A⁻¹C
	dt      kernels.Matrix[T] // [leaf, out]
	k       kernels.Matrix[T] // [leaf, leaf]
	rows    kernels.Matrix[T] // [leaf + out, in]: R over V
	before  kernels.Matrix[T] // [out, in]: W before the block
	x       []T               // [leaf + out]
	pending bool              // W is A·V and not V
}

func (u *updater[T]) prepareResidual(n int) {
	u.prepareBlocks(n)
	out, in, leaf := u.w.Rows, u.w.Cols, min(residualLeaf, n)
	u.rb = residualBlocks[T]{
		m: u.s.matrix(out, leaf+out), a: u.s.matrix(out, out), d: u.s.matrix(out, leaf), dt: u.s.matrix(leaf, out),
		k: u.s.matrix(leaf, leaf), rows: u.s.matrix(leaf+out, in), before: u.s.matrix(out, in), x: u.s.t.take(leaf + out),
	}
}

// residualBlock runs the samples [s, s+n). If anything is not finite it does nothing and returns 0.
func (u *updater[T]) residualBlock(s, n int) (done int) {
	b := &u.rb
	copyRows(b.before, u.w)
	b.pending = false
	for at := 0; at < n; at += residualLeaf {
		if !u.residualSamples(s+at, min(residualLeaf, n-at)) {
			copyRows(u.w, b.before)
			return 0
		}
	}
	if b.pending {
		u.residualProduct(b.a, kernels.Matrix[T]{})
	}
	return n
}

// residualSamples runs the samples [s, s+n) of a leaf. The rule runs on m as on W, with (0 … 0, 1, K | 0) in the place
// of x: a column of m is V·x of a sample until its turn comes, is cleared then, and holds its coefficients from then on.
func (u *updater[T]) residualSamples(s, n int) (finite bool) {
	out, b := u.w.Rows, &u.rb
	x, r, y := subRows(u.x, s, n), u.presynaptics(s, n), subRows(u.y, s, n)
	m := kernels.MatrixOf(b.m.Data[:out*(n+out)], out, n+out)
	c, a, d := subCols(m, 0, n), subCols(m, n, out), subCols(b.d, 0, n)
	if b.pending {
		copyRows(a, b.a)
	} else {
		for i := range out {
			row := a.Row(i)
			clear(row)
			row[i] = 1
		}
	}
	switch {
	case !u.compute:
		if !finiteMatrix(r, u.b.sums) {
			return false
		}
		for i := range out {
			clear(c.Row(i))
		}
	case b.pending:
		kernels.ForwardBatch(d, x, u.w, nil, identity)
		kernels.MatMul(c, b.a, d)
	default:
		kernels.ForwardBatch(c, x, u.w, nil, identity)
	}
	k := kernels.MatrixOf(b.k.Data[:n*n], n, n)
	if u.compute {
		triangle(k, x, r, 8)
	}
	in := b.x[:n+out]
	for t := range n {
		yt, at := y.Row(t), m.Data[t:]
		for i := range yt {
			if u.compute {
				yt[i] = at[i*m.Stride]
			}
			at[i*m.Stride] = 0
		}
		u.mapSample(s+t, x.Row(t), yt)
		clear(in)
		in[t] = 1
		if u.compute {
			copy(in[t+1:], k.Row(t)[t+1:])
		}
		kernels.Rank1Residual(m, in, u.v.G, yt)
		u.advancePost(s + t)
	}
	if !finiteMatrix(y, u.b.sums) || !finiteMatrix(m, u.b.sums) {
		return false
	}
	copyRows(d, c)
	kernels.SolveLower(a, d)
	if !(u.largest(d, math.Inf(1))*u.largest(a, 1) <= residualGrowth*u.largest(c, math.Inf(1))) {
		u.residualProduct(m, r)
		b.pending = false
		return true
	}
	copyRows(b.a, a)
	b.pending = true
	dt := subRows(b.dt, 0, n)
	for i := range out {
		for t, v := range d.Row(i) {
			dt.Data[t*dt.Stride+i] = v
		}
	}
	kernels.BatchUpdate(u.w, dt, r, nil, nil)
	return true
}

// residualProduct is W ← m·(R over W) by panels of rows, since the last columns of m are lower triangular.
func (u *updater[T]) residualProduct(m, r kernels.Matrix[T]) {
	out, b := u.w.Rows, &u.rb
	copyRows(b.rows, r)
	copyRows(subRows(b.rows, r.Rows, out), u.w)
	for i := 0; i < out; i += residualPanel {
		rows := min(residualPanel, out-i)
		terms := r.Rows + i + rows
		kernels.MatMul(subRows(u.w, i, rows), subMatrix(m, i, rows, 0, terms), subRows(b.rows, 0, terms))
	}
}

// largest is the largest Σ_j |m_ij|^p of a row i, or |m_ij| for p = ∞.
func (u *updater[T]) largest(m kernels.Matrix[T], p float64) float64 {
	sums := u.b.sums[:m.Rows]
	kernels.PowerSums(m, p, sums, nil)
	most := T(0)
	for _, s := range sums {
		most = max(most, s)
	}
	return float64(most)
}

func copyRows[T kernels.Float](to, from kernels.Matrix[T]) {
	for i := range from.Rows {
		copy(to.Row(i), from.Row(i))
	}
}
