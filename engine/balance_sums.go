package engine

import (
	"math"

	"github.com/hebbkern/hebbkern/kernels"
)

// balanceSide is the rows or the columns of a term. Rows (columns) of one unit are a slot; those of no unit, or of
// one that is not scaled, have none.
type balanceSide struct {
	n    int
	post bool      // the units receive, and sum into A; else they send, into B
	unit []int     // by slot
	slot []int32   // by row: its slot or −1; nil: row i is slot i
	rate []float64 // by slot: exponent of λ in the sums, p for post, −p·c for pre

	top    float64   // log2 of the largest factor
	factor []float64 // by slot: 2^(rate·ℓ − top)
	rest   float64   // the factor of rows without slot, 2^−top
	raw    []float64 // by row: Σ over the other side of |w|^p and its factors
	sum    []float64 // by slot: of raw
	log    []float64 // by slot: log2 of the cost with all factors, −Inf for 0
	share  []float64 // by slot: part of the term's cost
	part   []float64 // by slot: part of the unit's A or B
}

// balanceTerm is the cost α·Σ α_ij|w_ij|^p of one block for one exponent, as a function of the log-scales:
//
//	Σ_ij 2^(base + rate_i·ℓ_i + rate_j·ℓ_j)·t_ij
//
// The t_ij are read in one of three forms. direct: |w_ij|^p of W itself, in T, for exponents that have a direct form
// and matrices that are large; power: |w|^p raised once into a copy in T, for other exponents; wide:
// α_ij|w_ij·2^−e|^p in float64, for small matrices, for elements with weights, for self-weights, which are left out, and
// wherever T would overflow or lose a unit. A wide copy that does not fit into the limit is formed anew, 256 rows at a time.
// Sparse weights have the wide form for what is stored.
type balanceTerm[T kernels.Float] struct {
	block *BalanceBlock[T]
	q     int // index of the block
	p     float64
	base  float64 // log2 of the constant factor
	shift float64 // log2 of the term's share p/pref in A
	exp   float64 // e of the wide form
	form  termForm
	copy  kernels.Matrix[T]       // power
	wide  kernels.Matrix[float64] // wide, without data: formed anew
	thin  *sparseTerm             // sparse
	side  [2]balanceSide          // rows, columns
	log   float64                 // log2 of the cost
	loops bool                    // has self-weights of a unit with c = 1
	fresh bool                    // raw sums have been taken
}

type termForm int

const (
	formDirect termForm = iota
	formPower
	formWide
	formSparse
)

// smallBlock is the number of elements up to which |W|^p is kept in float64.
const smallBlock = 1 << 14

// hasDirectForm says that |w|^p costs about what reading w does.
func hasDirectForm(p float64) bool {
	switch p {
	case 0.5, 1, 1.5, 2, 3, 4:
		return true
	}
	return false
}

// factors sets the factors of a side to the log-scales.
func (s *balanceSide) factors(ell []float64) {
	top := 0.0
	if s.slot == nil && len(s.unit) > 0 {
		top = math.Inf(-1)
	}
	for k, u := range s.unit {
		s.factor[k] = float64(s.rate[k] * ell[u])
		top = max(top, s.factor[k])
	}
	for k := range s.factor {
		s.factor[k] -= top
	}
	kernels.Exp2(s.factor, s.factor)
	one := []float64{-top}
	kernels.Exp2(one, one)
	s.top, s.rest = top, one[0]
}

// at is the factor of row i.
func (s *balanceSide) at(i int) float64 {
	if s.slot == nil {
		return s.factor[i]
	}
	if k := s.slot[i]; k >= 0 {
		return s.factor[k]
	}
	return s.rest
}

// spreadFactors writes the factors of all rows to v, or returns nil if there is no unit and all are 1.
func spreadFactors[E kernels.Float](s *balanceSide, v []E) []E {
	if len(s.unit) == 0 {
		return nil
	}
	v = v[:s.n]
	if s.slot == nil {
		for i, f := range s.factor {
			v[i] = E(f)
		}
		return v
	}
	for i := range v {
		v[i] = E(s.at(i))
	}
	return v
}

// sumUp takes the sums of both sides that have units. A side whose other side has none does not change with the
// scales: it is summed once.
func (b *balancer[T]) sumUp(t *balanceTerm[T]) error {
	rows, cols := &t.side[0], &t.side[1]
	rows.factors(b.ell)
	cols.factors(b.ell)
	needRows := len(rows.unit) > 0 && !(t.fresh && len(cols.unit) == 0)
	needCols := len(cols.unit) > 0 && !(t.fresh && len(rows.unit) == 0)
	if !t.fresh && !needCols {
		needRows = true // a block without units still costs
	}
	if needRows || needCols {
		t.fresh = true
		if t.form == formSparse {
			b.sumSparse(t, needRows, needCols)
		} else if t.form == formWide {
			b.sumWide(t, needRows, needCols)
		} else if !b.sumDirect(t, needRows, needCols) {
			if err := b.widen(t); err != nil {
				return err
			}
			b.sumWide(t, needRows, needCols)
		}
	}
	total := rows.weigh()
	if len(rows.unit) == 0 && len(cols.unit) > 0 {
		total = cols.weigh() // the rows have not been summed
	} else if len(cols.unit) > 0 {
		cols.weigh()
	}
	rows.collect(total, cols.top+t.base, b.ell)
	cols.collect(total, rows.top+t.base, b.ell)
	t.log = log2(total) + rows.top + cols.top + t.base
	return nil
}

// weigh turns the sums by row into those by slot, leaves in share what each slot costs, and returns the sum of it over
// all rows.
func (s *balanceSide) weigh() (total float64) {
	if s.slot == nil && len(s.unit) > 0 {
		s.sum = s.raw
		for k, v := range s.sum {
			s.share[k] = float64(v * s.factor[k])
			total += s.share[k]
		}
		return total
	}
	clear(s.sum)
	for i, v := range s.raw {
		if s.slot != nil {
			if k := s.slot[i]; k >= 0 {
				s.sum[k] += v
				continue
			}
		}
		total += float64(v * s.rest)
	}
	for k, v := range s.sum {
		s.share[k] = float64(v * s.factor[k])
		total += s.share[k]
	}
	return total
}

// collect sets the logarithms of the costs by slot, and the slots' shares of the total.
func (s *balanceSide) collect(total, base float64, ell []float64) {
	if len(s.unit) == 0 {
		return
	}
	part := 0.0
	if total > 0 {
		part = 1 / total
	}
	kernels.Log2(s.log, s.sum)
	for k, u := range s.unit {
		s.log[k] += float64(s.rate[k]*ell[u]) + base
		s.share[k] *= part
	}
}

// sumDirect sums in T. It reports false if a sum is not finite, or if a unit's sum is so small that T has lost part of
// it.
func (b *balancer[T]) sumDirect(t *balanceTerm[T], needRows, needCols bool) bool {
	w, p := t.block.W, t.p
	if t.form == formPower {
		w, p = t.copy, 1
	}
	rows, cols := &t.side[0], &t.side[1]
	var u, v, r, c []T
	if !b.start {
		u, v = spreadFactors(rows, b.vecT[0]), spreadFactors(cols, b.vecT[1])
	}
	if needRows {
		r = b.vecT[2][:w.Rows]
	}
	if needCols {
		c = b.vecT[3][:w.Cols]
	}
	weightedSums(w, p, u, v, r, c)
	for i, x := range r {
		rows.raw[i] = float64(x)
	}
	for j, x := range c {
		cols.raw[j] = float64(x)
	}
	return (!needRows || b.faithful(t, 0)) && (!needCols || b.faithful(t, 1))
}

// weightedSums takes the sums by row weighted by v and those by column weighted by u, those that are not nil, in one
// pass; nil weights are 1.
func weightedSums[E kernels.Float](w kernels.Matrix[E], p float64, u, v, rows, cols []E) {
	switch {
	case rows != nil && cols != nil && (u != nil || v != nil):
		if u == nil {
			u = []E{1}
		}
		if v == nil {
			v = []E{1}
		}
		kernels.PowerSumsBothWeighted(w, p, v, u, rows, cols)
	case rows != nil && cols == nil && v != nil:
		kernels.PowerSumsWeighted(w, p, v, rows, 1)
	case rows == nil && u != nil:
		kernels.PowerSumsWeighted(w, p, u, cols, 0)
	default:
		kernels.PowerSums(w, p, rows, cols)
	}
}

// faithful judges the sums of a side that were taken in T: all finite, and those of units far above the smallest
// number, or zero for want of a weight.
func (b *balancer[T]) faithful(t *balanceTerm[T], side int) bool {
	s, floor := &t.side[side], 0x1p-900
	if single[T]() {
		floor = 0x1p-80
	}
	for i, v := range s.raw {
		if v-v != 0 {
			return false
		}
		if v < floor && (s.slot == nil && len(s.unit) > 0 || s.slot != nil && s.slot[i] >= 0) && !t.zero(side, i) {
			return false
		}
	}
	return true
}

// zero reports whether row (column) i of the block is all zeros.
func (t *balanceTerm[T]) zero(side, i int) bool {
	w := t.block.W
	if side == 0 {
		for _, v := range w.Row(i) {
			if v != 0 {
				return false
			}
		}
		return true
	}
	for k := range w.Rows {
		if w.Data[k*w.Stride+i] != 0 {
			return false
		}
	}
	return true
}

// sumWide sums in float64.
func (b *balancer[T]) sumWide(t *balanceTerm[T], needRows, needCols bool) {
	rows, cols := &t.side[0], &t.side[1]
	var u, v []float64
	if !b.start {
		u, v = spreadFactors(rows, b.vec[0]), spreadFactors(cols, b.vec[1])
	}
	if needCols {
		clear(cols.raw)
	}
	for i := 0; i < t.block.W.Rows; i += blockRows {
		n := min(blockRows, t.block.W.Rows-i)
		tile := kernels.Matrix[float64]{Rows: n, Cols: t.block.W.Cols, Stride: t.block.W.Cols}
		if t.wide.Data != nil {
			tile.Data = t.wide.Data[i*tile.Stride : (i+n)*tile.Stride]
		} else {
			tile.Data = b.block(n * tile.Cols)
			b.raise(tile, t, i)
		}
		var r, c []float64
		if needRows {
			r = rows.raw[i : i+n]
		}
		if needCols {
			c = b.vec[2][:len(cols.raw)]
		}
		rowFactors := u
		if u != nil {
			rowFactors = u[i : i+n]
		}
		weightedSums(tile, 1, rowFactors, v, r, c)
		for j, x := range c {
			cols.raw[j] += x
		}
	}
}

// widen turns a term into the wide form, if its weights are finite.
func (b *balancer[T]) widen(t *balanceTerm[T]) error {
	w, top := t.block.W, make([]T, t.block.W.Rows)
	kernels.PowerSums(w, math.Inf(1), top, nil)
	if !finite(top) {
		return b.nonFinite(t.q)
	}
	t.form, t.copy = formWide, kernels.Matrix[T]{}
	t.exp = exponent(top)
	t.base += float64(t.p * t.exp)
	if size := int64(t.block.W.Rows) * int64(t.block.W.Cols) * 8; size <= b.limit {
		b.limit -= size
		t.wide = kernels.NewMatrix[float64](t.block.W.Rows, t.block.W.Cols)
		b.raise(t.wide, t, 0)
	}
	return nil
}

// raise writes α_ij|w_ij·2^−e|^p of the rows from i on, and 0 for self-weights. The scaling is exact but for terms far
// below 2^−1000 of the largest.
func (b *balancer[T]) raise(dst kernels.Matrix[float64], t *balanceTerm[T], i int) {
	// In two factors, since 2^−e itself may leave the range.
	h := int(t.exp) / 2
	f, g := math.Ldexp(1, -h), math.Ldexp(1, h-int(t.exp))
	w := t.block.stored()
	for k := range dst.Rows {
		row := dst.Row(k)
		for j, x := range w.Row(i + k) {
			row[j] = float64(float64(float64(x)*f) * g)
		}
		kernels.PowAbs(row, row, t.p)
		if t.block.Alphas.Data != nil {
			for j, a := range t.block.Alphas.Row(i + k) {
				row[j] *= float64(a)
			}
		}
		if t.block.sparse() {
			continue // all are one row, and takeSparse cuts the loops
		}
		if t.loops {
			b.cutLoops(row, t, i+k)
		}
	}
}

// cutLoops clears the self-weights of row i: with c = 1 they are invariant, and left out of A and B.
func (b *balancer[T]) cutLoops(row []float64, t *balanceTerm[T], i int) {
	u := b.unitOf(t.block.Rows, i)
	if u < 0 || b.g.degree(u) != 1 {
		return
	}
	for j := range row {
		if b.unitOf(t.block.Cols, j) == u {
			row[j] = 0
		}
	}
}

func (b *balancer[T]) block(n int) []float64 {
	if cap(b.scratch) < n {
		b.scratch = make([]float64, n)
	}
	return b.scratch[:n]
}

// exponent is the e for which the largest |v| is in [2^(e−1), 2^e), 0 if all are zero.
func exponent[T kernels.Float](v []T) float64 {
	m := 0.0
	for _, x := range v {
		m = max(m, math.Abs(float64(x)))
	}
	_, e := math.Frexp(m)
	return float64(e)
}

// blockRows is the number of rows of |W|^p worked on at a time when it is not kept. It is the block of the numeric
// contract for sums down a column, so the bits do not depend on whether |W|^p is kept.
const blockRows = 256
