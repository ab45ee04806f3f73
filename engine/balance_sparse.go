package engine

import (
	"math"

	"github.com/hebbkern/hebbkern/kernels"
)

// sparseTerm is the wide form of a sparse block, α_k|w_k·2^−e|^p of the stored weights, by rows and again by columns, so
// that both sums are sums along rows: they are independent, and each is added up in one order.
type sparseTerm struct {
	side [2]kernels.CSR[float64]
	at   []int // by columns: the place of an entry in the block's data
}

// takeSparse forms a sparse term, if its weights are finite.
func (b *balancer[T]) takeSparse(t *balanceTerm[T]) error {
	w, stored, top := t.block.Sparse, t.block.stored(), []T{0}
	if len(w.Data) > 0 {
		kernels.PowerSums(stored, math.Inf(1), top, nil)
	}
	if !finite(top) {
		return b.nonFinite(t.q)
	}
	t.form, t.exp = formSparse, exponent(top)
	t.base += float64(t.p * t.exp)
	rows := kernels.CSR[float64]{Data: b.floats(len(w.Data)), Indices: w.Indices, Start: w.Start, Rows: w.Rows, Cols: w.Cols}
	if len(w.Data) > 0 {
		b.raise(rowVector(rows.Data), t, 0)
	}
	cols := kernels.CSR[float64]{Data: b.floats(len(w.Data)), Indices: make([]int32, len(w.Data)), Start: make([]int, w.Cols+1), Rows: w.Cols, Cols: w.Rows}
	for _, j := range w.Indices {
		cols.Start[j+1]++
	}
	for j := range w.Cols {
		cols.Start[j+1] += cols.Start[j]
	}
	next, at := append([]int(nil), cols.Start...), make([]int, len(w.Data))
	for i := range w.Rows {
		own := b.unitOf(t.block.Rows, i)
		cut := t.loops && own >= 0 && b.g.degree(own) == 1
		for k := w.Start[i]; k < w.Start[i+1]; k++ {
			j := w.Indices[k]
			if cut && b.unitOf(t.block.Cols, int(j)) == own {
				rows.Data[k] = 0
			}
			to := next[j]
			next[j]++
			cols.Data[to], cols.Indices[to], at[to] = rows.Data[k], int32(i), k
		}
	}
	t.thin = &sparseTerm{[2]kernels.CSR[float64]{rows, cols}, at}
	return nil
}

// sumSparse takes the sums.
func (b *balancer[T]) sumSparse(t *balanceTerm[T], needRows, needCols bool) {
	need := [2]bool{needRows, needCols}
	for side := range t.side {
		if other := &t.side[1-side]; need[side] {
			kernels.ForwardCSR(t.side[side].raw, t.thin.side[side], ones(spreadFactors(other, b.vec[2]), b.vec[2][:other.n]))
		}
	}
}

// ones is v, or ones in its place.
func ones(v, memory []float64) []float64 {
	if v == nil {
		fill(memory, 1)
		return memory
	}
	return v
}

// line is the weighted sum of row (column) i.
func (s *sparseTerm) line(side, i int, weights []float64) float64 {
	w, out := s.side[side], [1]float64{}
	from, to := w.Start[i], w.Start[i+1]
	one := kernels.CSR[float64]{Data: w.Data[from:to], Indices: w.Indices[from:to], Start: []int{0, to - from}, Rows: 1, Cols: w.Cols}
	kernels.ForwardCSR(out[:], one, weights)
	return out[0]
}

// scaleCSR is kernels.Scale on the stored weights.
func scaleCSR[T kernels.Float](w kernels.CSR[T], rows, cols []T) {
	if len(w.Data) == 0 || rows == nil && cols == nil {
		return
	}
	var spread []T
	if cols != nil {
		spread = make([]T, len(w.Data))
		w.Gather(spread, cols)
	}
	for i := range w.Rows {
		from, to := w.Start[i], w.Start[i+1]
		if from == to {
			continue
		}
		var r, c []T
		if rows != nil {
			r = rows[i : i+1]
		}
		if cols != nil {
			c = spread[from:to]
		}
		kernels.Scale(rowVector(w.Data[from:to]), r, c)
	}
}

// reachSparse is a pass of reach over a sparse block.
func (b *balancer[T]) reachSparse(t *balanceTerm[T], marked []bool, forward bool, is func(u int) bool) (any bool) {
	w := t.block.Sparse
	rowsGain := t.block.Transposed != forward
	for i := range w.Rows {
		for k := w.Start[i]; k < w.Start[i+1]; k++ {
			if w.Data[k] == 0 || t.block.Alphas.Data != nil && t.block.Alphas.Data[k] == 0 {
				continue
			}
			from, to := b.unitOf(t.block.Cols, int(w.Indices[k])), b.unitOf(t.block.Rows, i)
			if !rowsGain {
				from, to = to, from
			}
			if to >= 0 && b.free[to] && !marked[to] && is(from) {
				marked[to], any = true, true
			}
		}
	}
	return any
}
