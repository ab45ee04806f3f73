package engine

import (
	"fmt"

	"github.com/hebbkern/hebbkern/kernels"
)

// The blocked form of a sequence: B samples at the speed of matrix products, equal in real arithmetic to one sample
// at a time.
//
// A sample of a rule without terms of columns is W ← A_b·W + g_b·r_bᵀ, where A_b acts on rows and r_b is x_b or the
// rule's X. So after b samples of a block W = A·W₀ + C·R, with R the rows r, and the y of a later sample c is column c
// of V = A·(W₀Xᵀ) + C·(RXᵀ). V starts as W₀Xᵀ, and a sample changes it as it would change W, with row b of K = RXᵀ
// in the place of r_b. W itself is read and written once a block. There are three kinds of rules:
//
//   - rows with a decay each, A_b = diag(1 − d_b): rowsBlock;
//   - rows that see the rows before them (Sanger), A_b lower triangular: residualBlock, in residual.go;
//   - few rows that change a sample (winner-take-all): sparseBlock, where V is not tracked but what changed of it
//     is computed anew, and the bits are those of one sample at a time; with one winner by its dot product, winnerBlock,
//     in blocked_winner.go, which a sequence in order takes, too.
//
// A row's addition a_b·1ᵀ is a sample whose r is a row of ones, the same for all: one more coefficient a row, and in V
// the sums of the x. State of the rule depends on x and y alone and so is no obstacle.
//
// In the first two a product of decays is only ever multiplied by further ones, from the last sample to the first, so
// that it may underflow: to 0, as the weights of one sample at a time would.
//
// Not fit: terms of columns (outstar, any c_j or b_j), normalisation, a diagonal that is held, sum and mean, and what acts
// on single weights: bounds, soft bounds, drift, masks.
//
// A block in which anything is not finite is run again one sample at a time, from the weights before it, and so stops
// at the sample, with the error, the weights and the state of the sequential form. Map is called again then.
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
	case o.Compose.unfit() != "":
		return badBlock("0 with " + o.Compose.unfit() + ", which acts on every single weight")
	case u.terms&(TermCol|TermColAdd) != 0:
		return badBlock("0, since the rule changes columns as a whole")
	case u.terms&TermDiagonal != 0:
		return badBlock("0, since the rule holds the diagonal")
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
	a       kernels.Matrix[T] // [depth, out]: coefficients of the row of ones, with TermRow
	xsums   []T               // [n]: the sums of the x, with TermRow
	ones    []T               // [in]
	fixed   int               // fixed rows of leaf
	leaf    kernels.Matrix[T] // [fixed + leafSamples, out]
	factors []T               // [fixed + leafSamples]
	decay   []T               // [out]
	spare   []T               // [out]
	sums    []T               // [max(n, out)]
	place   []int             // [2·out]
	award   awarding[T]       // nil: not such a rule
	changed []T               // [out]: not 0 if the row has changed
	longest float64           // and the largest |w_i|² and |x|² so far

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
		u.saveState()
		var done int
		switch {
		case u.terms&TermSparse != 0:
			if u.b.award != nil {
				done = u.winnerBlock(s, n)
			}
			if done < n {
				done += u.sparseBlock(s+done, n-done)
			}
		case u.terms&TermResidual != 0:
			done = u.residualBlock(s, n)
		default:
			done = u.rowsBlock(s, n)
		}
		if done < n { // something is not finite
			u.restoreState(s, done)
			from, to := u.from, u.to
			u.from, u.to = s+done, s+n
			k, err := u.sequence()
			u.from, u.to = from, to
			if done += k; err != nil {
				return s - u.from + done, err
			}
		}
		s += n
		// With y computed, weights that are not finite show in the next block; those of winners are means of finite ones.
		if (!u.compute || s == u.to && u.b.award == nil) && !finiteMatrix(u.w, u.sums) {
			return s - u.from, u.diverged("the weights", s-1)
		}
		if name := u.badState(); name != "" {
			return s - u.from, u.diverged(name, s-1)
		}
	}
	return u.to - u.from, nil
}

// presynaptics is R of the samples [s, s+n): x itself, or what the rule makes of it. State of presynaptic units is after
// the block then.
func (u *updater[T]) presynaptics(s, n int) kernels.Matrix[T] {
	x := subRows(u.x, s, n)
	if u.terms&TermX == 0 {
		for b := 0; u.state != nil && b < n; b++ {
			u.state.AdvancePre(subRows(x, b, 1))
		}
		return x
	}
	pre := u.rule.(presynaptic[T])
	for b := range n {
		pre.Pre(u.b.r.Row(b), x.Row(b))
		if u.state != nil {
			u.state.AdvancePre(subRows(x, b, 1))
		}
	}
	return subRows(u.b.r, 0, n)
}

// advancePost is the step of the state of postsynaptic units after sample s of the call.
func (u *updater[T]) advancePost(s int) {
	if u.state != nil {
		u.state.AdvancePost(subRows(u.y, s, 1))
	}
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

func (u *updater[T]) prepareSparse(n int) {
	u.prepareBlocks(n)
	out, b := u.w.Rows, &u.b
	b.v = u.s.matrix(n, out)
	b.c = u.s.matrix(out, u.w.Cols) // written, and so brought into memory, only as far as rows change
	b.spare = u.s.t.take(out)
	b.place = u.s.ints(1, 2*out)
	u.prepareWinner(n)
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
		u.mapSample(s+done, x.Row(done), y)
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
		u.advancePost(s + done)
	}
	for k, i := range changed {
		copy(w.Row(i), b.c.Row(k))
	}
	return done
}
