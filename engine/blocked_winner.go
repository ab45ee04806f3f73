package engine

import (
	"math"

	"github.com/hebbkern/hebbkern/kernels"
)

// The blocked form of rules of which one row learns a sample, that of the largest response; see blocked.go.
//
// Only which response is the largest matters. So the responses of rows that have changed are not computed anew for each
// sample, but changed as the row is, with K = XXᵀ in the place of x, and that is done again exactly, as the dot product
// with the row, only where rounding may decide between two of them. The bits are those of one sample at a time.
//
// Let u be the unit roundoff and P = R·max |x|, R the largest 2-norm of a row of W before the call or of an x. With η ≤ 1
// a row stays a mean of what it was and of some x, no longer than R, and so
//
//	a dot product is off by at most g·u·P, g = in/4 + 16: four lanes at least, their sums, and those of blocks;
//	so is a response to begin with, and a change of it adds the roundings of w, of K and of the response: 6u·P, while the
//	errors that it brings together, those of the response and of K, have a mean no larger than either.
//
// In all a response differs from the dot product by less than (2g + 6n)·u·P. Twice that is allowed, for the roundings of the
// norms and of the bound itself. Subnormal numbers add an absolute error: in·(n + 8) times the least of them times 1 + R.

// awarding is a rule whose one winner a sample is the row of the largest response, of equal ones that of the lowest
// index, and learns as w ← (1 − η)w + ηx. Award does what Map would, for a winner that is known; ok is false where the
// parameters are of another rule.
type awarding[T kernels.Float] interface {
	Awards() (eta T, ok bool)
	Award(v *Vectors[T], winner int, y []T)
}

// Awards implements the blocked form.
func (r WTA[T]) Awards() (T, bool) { return T(r.LR), r.K == 1 && r.Score == Dot && T(r.LR) <= 1 }

// Award implements the blocked form.
func (r WTA[T]) Award(v *Vectors[T], winner int, y []T) {
	clear(y)
	v.Rows = append(v.Rows[:0], winner)
	r.award(v, y)
}

// winnerSamples is how many samples' responses are kept up to date: of more, K and the changes of responses take longer
// than larger products gain. (Zen 4, float32, WTA, samples/s: 64×784 with 16 673,000, with 64 563,000; 1024² 41,800 and
// 44,600.)
func winnerSamples(out int) int {
	if out < 256 {
		return 16
	}
	return 64
}

func (u *updater[T]) prepareWinner(n int) {
	rule, fits := u.rule.(awarding[T])
	if !fits || u.o.Compose != nil || u.state != nil || u.numbered != nil {
		return
	}
	if _, ok := rule.Awards(); !ok {
		return
	}
	kernels.PowerSums(u.w, 2, u.b.spare, nil)
	for _, square := range u.b.spare {
		u.b.longest = max(u.b.longest, float64(square)) // NaN stays
	}
	if _, _, large, _ := roundoff[T](); !(u.b.longest <= large) {
		return
	}
	n = min(n, winnerSamples(u.w.Rows))
	u.b.award, u.b.k, u.b.changed = rule, u.s.matrix(n, n), u.s.t.take(u.w.Rows)
}

// sweepWinners is sweep for such rules.
func (u *updater[T]) sweepWinners() int {
	if _, fits := u.rule.(awarding[T]); !fits || u.sparseW || u.o.Block != 0 || u.to-u.from < onlineSamples {
		return u.from
	}
	n := winnerSamples(u.w.Rows)
	u.prepareBlocks(n)
	u.b.v, u.b.spare = u.s.matrix(n, u.w.Rows), u.s.t.take(u.w.Rows)
	u.prepareWinner(n)
	if u.b.award == nil {
		return u.from
	}
	return u.from + u.winnerBlock(u.from, u.to-u.from)
}

// winnerBlock runs the samples [s, s+n), up to the one from which on sparseBlock must run them, here and in later blocks.
func (u *updater[T]) winnerBlock(s, n int) (done int) {
	for most := u.b.k.Rows; done < n; {
		part := min(most, n-done)
		k := u.winners(s+done, part)
		if done += k; k < part {
			u.b.award = nil
			break
		}
	}
	return done
}

// winners is winnerBlock for the samples of one K.
func (u *updater[T]) winners(s, n int) (done int) {
	b, w, x := &u.b, u.w, subRows(u.x, s, n)
	v, k := subRows(b.v, 0, n), subMatrix(b.k, 0, n, 0, n)
	kernels.ForwardBatch(v, w, x, nil, identity)
	triangle(k, x, x, trianglePanel)
	squares := 0.0
	for c := range n {
		squares = max(squares, float64(k.Row(c)[c]))
	}
	b.longest = max(b.longest, squares)
	unit, least, large, small := roundoff[T]()
	in, length := float64(w.Cols), math.Sqrt(b.longest)
	if !(b.longest <= large && squares >= in*small) || !finiteMatrix(v, b.sums) {
		return 0
	}
	b.longest *= 1 + 8*unit*float64(n) // what the rows may gain by rounding
	bound := unit*(in/2+6*float64(n)+32)*length*math.Sqrt(squares) + in*float64(n+8)*least*(1+length)
	margin := T(4 * bound) // of two responses
	eta, _ := b.award.Awards()
	keep := 1 - eta
	changed := b.changed
	clear(changed)
	for ; done < n; done++ {
		scores := v.Row(done)
		winner, second := firstTwo(scores)
		if done > 0 && !(scores[winner]-second > margin) {
			near := scores[winner] - margin
			for i, a := range scores {
				if changed[i] != 0 && a >= near {
					kernels.Forward(scores[i:i+1], subRows(w, i, 1), x.Row(done), nil, identity)
				}
			}
			winner, _ = firstTwo(scores)
		}
		b.award.Award(u.v, winner, u.y.Row(s+done))
		kernels.Rank1(subRows(w, winner, 1), kernels.Update[T]{G: u.v.G[winner : winner+1], Decay: u.v.D[winner : winner+1], X: x.Row(done)})
		changed[winner] = 1
		row := k.Row(done)
		for c := done + 1; c < n; c++ {
			at := &v.Data[c*v.Stride+winner]
			*at = T(*at*keep) + T(eta*row[c])
		}
	}
	return done
}

// firstTwo is the index of the largest, the lowest of equal ones, and the second largest, which may equal it.
func firstTwo[T kernels.Float](v []T) (first int, second T) {
	top := v[0]
	second = T(math.Inf(-1))
	for i, a := range v[1:] {
		if a > second {
			if a > top {
				first, top, a = i+1, a, top
			}
			second = a
		}
	}
	return first, second
}

// roundoff is the unit roundoff of the type, its least number > 0, and the bounds within which a sum of squares is known
// to a few digits, the lower one for each of its terms.
func roundoff[T kernels.Float]() (unit, least, large, small float64) {
	if single[T]() {
		return 0x1p-24, math.SmallestNonzeroFloat32, 0x1p120, 0x1p-110
	}
	return 0x1p-53, math.SmallestNonzeroFloat64, 0x1p1000, 0x1p-1000
}
