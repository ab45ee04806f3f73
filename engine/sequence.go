package engine

import (
	"math"
	"slices"

	"github.com/hebbkern/hebbkern/kernels"
)

// A sequence whose y is given: no vector of the update depends on W, so that those of many samples are made first and each
// row takes them all in one go, kernels.Rank1Sequence, bit for bit one update a sample.

// sweepTerms are what kernels.Rank1Sequence knows, and what does not concern it.
const sweepTerms = TermX | TermDecay | TermCol | TermRow | TermColAdd | TermGiven | TermTime | TermDiagonal | TermFixedDecay

// sweepGiven runs the sequence row by row if it can, up to the sample that it returns: the end, or where a chunk begins that
// is to run sample by sample, since its vectors are not finite, or so large that W might not stay so. That W stays finite is
// seen beforehand, from the largest magnitudes, and so needs neither a look at W after every sample nor a copy to go back to.
func (u *updater[T]) sweepGiven() int {
	if u.compute || u.sparseW || u.apart || u.o.Normalize != NoNorm || u.terms&^sweepTerms != 0 || u.to-u.from < onlineSamples || !u.tame() {
		return u.from
	}
	out, in := u.w.Rows, u.w.Cols
	chunk := min(onlineChunk, u.to-u.from)
	q := kernels.Sequence[T]{G: u.s.matrix(chunk, out)}
	u.constrain(&q.Every, 0)
	var others [5]kernels.Matrix[T]
	parts := [5]struct {
		term  Terms
		of    *[]T
		to    *kernels.Matrix[T]
		width int
	}{{TermX, &u.v.X, &q.X, in}, {TermDecay, &u.v.D, &q.Decay, out}, {TermCol, &u.v.C, &q.ColDecay, in}, {TermRow, &u.v.A, &q.RowAdd, out},
		{TermColAdd, &u.v.B, &q.ColAdd, in}}
	for k, p := range parts {
		if u.terms&p.term != 0 {
			others[k] = u.s.matrix(chunk, p.width)
		}
	}
	magnitudes := u.s.matrix(6, chunk)
	for s := u.from; s < u.to; s += chunk {
		n := min(chunk, u.to-s)
		x, y := subRows(u.x, s, n), subRows(u.y, s, n)
		if !finiteMatrix(y, magnitudes.Row(0)) {
			return s
		}
		own := *u.v
		g := q.G
		q.G, q.X = subRows(g, 0, n), x
		u.saveState()
		for b := range n {
			u.v.G = q.G.Row(b)
			for k, p := range parts {
				if others[k].Data != nil {
					*p.of = others[k].Row(b)
				}
			}
			u.mapSample(s+b, x.Row(b), y.Row(b))
			u.advance(subRows(x, b, 1), subRows(y, b, 1))
		}
		*u.v = own
		for k, p := range parts {
			if others[k].Data != nil {
				*p.to = subRows(others[k], 0, n)
			}
		}
		if u.badState() != "" || !u.staysFinite(&q, magnitudes) {
			u.restoreState(s, 0)
			return s
		}
		kernels.Rank1Sequence(u.w, q)
		u.holdDiagonal()
		q.G = g
	}
	return u.to
}

// tame reports whether what is composed keeps finite weights finite, and acts on a weight without regard to its row.
func (u *updater[T]) tame() bool {
	c := u.o.Compose
	if c == nil {
		return true
	}
	if c.Soft || c.Gamma != 0 || c.Norm.Kind != NoWeightNorm || c.Low.Rows > 1 || c.High.Rows > 1 {
		return false // limits by weight have not been checked
	}
	// A bound at the wrong infinity would make every weight one.
	never := func(m kernels.Matrix[T], sign int) bool {
		return m.Data == nil || !slices.Contains(m.Row(0), T(math.Inf(sign)))
	}
	return never(c.Low, 1) && never(c.High, -1)
}

// staysFinite reports whether W, its magnitudes and those of the vectors being what they are, can not overflow.
func (u *updater[T]) staysFinite(q *kernels.Sequence[T], magnitudes kernels.Matrix[T]) bool {
	n := q.G.Rows
	var by [6][]T
	for k, m := range [6]kernels.Matrix[T]{q.G, q.X, q.Decay, q.ColDecay, q.RowAdd, q.ColAdd} {
		if m.Data != nil {
			by[k] = magnitudes.Row(k)[:n]
			kernels.PowerSums(m, math.Inf(1), by[k], nil)
		}
	}
	of := func(k, s int) float64 {
		if by[k] == nil {
			return 0
		}
		return float64(by[k][s])
	}
	most, limit := maximum(u.w, u.sums), overflow[T]()
	for s := range n {
		most = most*(1+of(2, s)+of(3, s)) + of(0, s)*of(1, s) + of(4, s) + of(5, s)
		if !(most < limit) {
			return false
		}
	}
	return true
}

// overflow is a quarter of the largest number: more than all roundings on the way together.
func overflow[T kernels.Float]() float64 {
	if single[T]() {
		return math.MaxFloat32 / 4
	}
	return math.MaxFloat64 / 4
}
