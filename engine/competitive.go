package engine

import (
	"fmt"
	"slices"

	"github.com/hebbkern/hebbkern/kernels"
)

// Instar is Δw_ij = η y_i (x_j − w_ij) (Grossberg, Biol. Cybern. 23, 1976): g = ηy, d = g. With y ≥ 0 a row tends to
// Σyx/Σy, the mean of the inputs weighted by its own activity.
type Instar[T kernels.Float] struct {
	LR float64 // η ≥ 0
}

// Name implements Rule.
func (r Instar[T]) Name() string { return "Instar" }

// Check implements Rule.
func (r Instar[T]) Check() error { return checkRate[T]("Instar", "lr", r.LR) }

// Rate implements Rule.
func (r Instar[T]) Rate() float64 { return r.LR }

// Terms implements Rule.
func (r Instar[T]) Terms() Terms { return TermDecay }

// Map implements Rule.
func (r Instar[T]) Map(v *Vectors[T], x, y []T) {
	v.times(v.G, T(r.LR), y)
	copy(v.D, v.G)
}

// Score is what units compete by.
type Score int

const (
	Dot    Score = iota // w_i·x: the winner is the nearest row only if rows and inputs are normalised
	Euclid              // w_i·x − |w_i|²/2: the winner is the row nearest to x
)

// WTA is winner-take-all (Rumelhart & Zipser, Cogn. Sci. 9, 1985): the instar with y_i = 1 for the K rows of the highest
// score and 0 for the others (of equal scores the lowest index wins), so Δw_ij = η (x_j − w_ij) for the winners; the
// other rows are not touched. With Euclid and K = 1 it is online k-means, and a row tends to the mean of the inputs that
// it is nearest to. It computes y itself and takes none.
type WTA[T kernels.Float] struct {
	LR    float64 // η ≥ 0
	K     int     // winners, 1 ≤ K ≤ rows of W
	Score Score
}

// Name implements Rule.
func (r WTA[T]) Name() string { return "WTA" }

// Check implements Rule.
func (r WTA[T]) Check() error {
	if r.K < 1 {
		return badArg("WTA", "k", fmt.Sprint(r.K), "1 or more")
	}
	if r.Score != Dot && r.Score != Euclid {
		return badArg("WTA", "score", fmt.Sprint(int(r.Score)), "dot or euclid")
	}
	return checkRate[T]("WTA", "lr", r.LR)
}

// CheckShape refuses more winners than rows.
func (r WTA[T]) CheckShape(out, in int) error {
	if r.K > out {
		return badArg("WTA", "k", fmt.Sprint(r.K), fmt.Sprintf("at most the %d rows of w", out))
	}
	return nil
}

// Rate implements Rule.
func (r WTA[T]) Rate() float64 { return r.LR }

// Terms implements Rule.
func (r WTA[T]) Terms() Terms {
	if r.Score == Euclid {
		return TermDecay | TermResponse | TermSparse | TermNorms
	}
	return TermDecay | TermResponse | TermSparse
}

// Map implements Rule.
func (r WTA[T]) Map(v *Vectors[T], x, y []T) {
	if r.Score == Euclid {
		for i, n := range v.N {
			v.U[i] -= T(n / 2)
		}
	}
	v.Rows = winners(v.Rows, v.U, r.K)
	clear(y)
	r.award(v, y)
}

// award fills what the winners learn and answer.
func (r WTA[T]) award(v *Vectors[T], y []T) {
	for _, i := range v.Rows {
		y[i], v.G[i], v.D[i] = 1, T(r.LR), T(r.LR)
	}
}

// winners is the indices of the k highest scores in ascending order, in the memory of rows; of equal scores the
// lowest index wins.
func winners[T kernels.Float](rows []int, score []T, k int) []int {
	rows = rows[:k]
	if k == 1 {
		kernels.ArgMax(rowVector(score), rows)
		return rows
	}
	// A heap of the best so far with the worst on top. Scores come by index, so that an equal one never displaces.
	worse := func(a, b int) bool { return score[a] < score[b] || score[a] == score[b] && a > b }
	sink := func(at int) {
		for {
			child := 2*at + 1
			if child >= k {
				return
			}
			if child+1 < k && worse(rows[child+1], rows[child]) {
				child++
			}
			if !worse(rows[child], rows[at]) {
				return
			}
			rows[at], rows[child] = rows[child], rows[at]
			at = child
		}
	}
	for i := range rows {
		rows[i] = i
	}
	for i := k/2 - 1; i >= 0; i-- {
		sink(i)
	}
	for i := k; i < len(score); i++ {
		if score[i] > score[rows[0]] {
			rows[0] = i
			sink(0)
		}
	}
	slices.Sort(rows)
	return rows
}

// SoftHebb is Δw_ij = η y_i (x_j − u_i w_ij) with u = Wx and y = softmax(u/temperature) (Moraitis, Toichkin, Journé, Chua
// & Guo, Neuromorph. Comput. Eng. 2, 2022): g = ηy, d = g·u. With Anti every y but that of the winner, the lowest index
// of the highest u, is negated, and it is this y that Update gives. It computes y itself and takes none.
type SoftHebb[T kernels.Float] struct {
	LR          float64 // η ≥ 0
	Temperature float64 // > 0
	Anti        bool
}

// Name implements Rule.
func (r SoftHebb[T]) Name() string { return "SoftHebb" }

// Check implements Rule.
func (r SoftHebb[T]) Check() error {
	if t := T(1 / r.Temperature); !(r.Temperature > 0) || !(t > 0) || t-t != 0 {
		return badArg("SoftHebb", "temperature", fmt.Sprint(r.Temperature), "a number > 0 whose inverse is finite and not 0")
	}
	return checkRate[T]("SoftHebb", "lr", r.LR)
}

// Rate implements Rule.
func (r SoftHebb[T]) Rate() float64 { return r.LR }

// Terms implements Rule.
func (r SoftHebb[T]) Terms() Terms { return TermDecay | TermResponse }

// Map implements Rule.
func (r SoftHebb[T]) Map(v *Vectors[T], x, y []T) {
	v.times(y, T(1/r.Temperature), v.U)
	row := rowVector(y)
	kernels.Softmax(row, row)
	if r.Anti {
		v.Rows = winners(v.Rows, v.U, 1)
		win := v.Rows[0]
		keep := y[win]
		for i := range y {
			y[i] = -y[i]
		}
		y[win] = keep
	}
	v.times(v.G, T(r.LR), y)
	v.multiply(v.D, v.G, v.U)
}

// sparse is the update of one sample of a rule with TermSparse. Row i of W is row i of w, or row place[i] − 1 of a w
// that holds some rows only. sums receives Σ_j |w_ij| of the rows that changed.
func (u *updater[T]) sparse(w kernels.Matrix[T], place []int, x, sums []T) {
	clear(sums)
	for _, i := range u.v.Rows {
		k := kernels.Update[T]{G: u.v.G[i : i+1], X: x}
		if u.terms&TermDecay != 0 {
			k.Decay = u.v.D[i : i+1]
		}
		if sums != nil {
			k.P, k.Sums = 1, sums[i:i+1]
		}
		u.constrain(&k, i)
		kernels.Rank1(rowVector(w.Row(at(i, place))), k)
	}
}

// sparseNormalized is sampleDelta and applyNormalized of a rule with TermSparse: the first rows of delta are the Δ of the
// rows of W that change, the bits those of all rows.
func (u *updater[T]) sparseNormalized(x []T, sample int) error {
	rows, in := u.v.Rows, u.w.Cols
	delta := kernels.MatrixOf(u.delta.Data[:len(rows)*in], len(rows), in)
	factors := u.sums[:len(rows)]
	if u.terms&TermDecay == 0 {
		clear(delta.Data)
	} else {
		for r, i := range rows {
			copy(delta.Row(r), u.w.Row(i))
			factors[r] = -u.v.D[i]
		}
		kernels.Scale(delta, factors, nil)
	}
	for r, i := range rows {
		factors[r] = u.v.G[i]
	}
	kernels.Rank1(delta, kernels.Update[T]{G: factors, X: x})
	for r, i := range rows {
		if u.diagonal != nil {
			delta.Row(r)[i] = 0
		}
	}
	if err := u.normalizeChange(delta, sample); err != nil {
		return err
	}
	for r, i := range rows {
		k := kernels.Update[T]{G: u.one, X: delta.Row(r)}
		u.constrain(&k, i)
		kernels.Rank1(rowVector(u.w.Row(i)), k)
	}
	if u.constrained {
		u.idle(sample == u.from)
	}
	return nil
}

// clearRows makes the rows absent from Rows rows of zeros, where all rows are updated.
func (u *updater[T]) clearRows() {
	clear(u.v.G)
	clear(u.v.D)
}

// norms brings N up to date after an update of W, whose rows are where sparse has them.
func (u *updater[T]) norms(w kernels.Matrix[T], place []int) {
	switch {
	case u.terms&TermNorms == 0:
	case u.terms&TermSparse != 0 && !u.everywhere():
		for _, i := range u.v.Rows {
			kernels.PowerSums(rowVector(w.Row(at(i, place))), 2, u.v.N[i:i+1], nil)
		}
	default:
		kernels.PowerSums(w, 2, u.v.N, nil)
	}
}

func at(i int, place []int) int {
	if place == nil {
		return i
	}
	return place[i] - 1
}
