package engine

import (
	"slices"
	"unsafe"

	"github.com/hebbkern/hebbkern/kernels"
)

// addTerms makes a term of each block that costs and each exponent, and the memory for the sums. Other blocks are read
// for their being finite.
func (b *balancer[T]) addTerms(fn string) error {
	g, rows, cols := b.g, 1, 1
	parts := b.o.parts()
	b.pref = 1
	if len(parts) == 1 {
		b.pref = parts[0].P
	}
	for q := range g.Blocks {
		block := &g.Blocks[q]
		shape, stored := block.shape(), block.stored()
		rows, cols = max(rows, shape[0]), max(cols, shape[1])
		if b.use[q] != q {
			continue
		}
		if !block.counted() {
			if !finiteMatrix(stored, make([]T, stored.Rows)) {
				return b.nonFinite(q)
			}
			continue
		}
		for _, part := range parts {
			// A is Σ p/pref·α|w|^p: Σα|w|^p for one exponent, Σ w·g′(w) for a mixture.
			t := balanceTerm[T]{block: block, q: q, p: part.P, base: log2(block.Alpha * part.Weight)}
			b.makeSide(&t, 0, block.Rows, shape[0], !block.Transposed)
			b.makeSide(&t, 1, block.Cols, shape[1], block.Transposed)
			if part.P != b.pref {
				t.shift = log2(part.P / b.pref)
			}
			t.loops = b.hasLoops(&t)
			b.terms = append(b.terms, t)
		}
	}
	b.vecT = [4][]T{make([]T, rows), make([]T, cols), make([]T, rows), make([]T, cols)}
	b.vec = [3][]float64{b.floats(rows), b.floats(cols), b.floats(max(rows, cols))}
	for k := range b.units {
		b.units[k] = b.floats(g.Units)
	}
	b.logA, b.logB = b.floats(g.Units), b.floats(g.Units)
	b.rateA, b.rateB = b.floats(g.Units), b.floats(g.Units)
	b.findSingles()
	b.logDegree, b.rho = b.floats(g.Units), b.floats(g.Units)
	for i := range b.logDegree {
		if c := g.degree(i); c != 1 {
			b.logDegree[i] = log2(c)
		}
	}
	for k := range b.terms {
		t := &b.terms[k]
		if t.block.sparse() {
			if err := b.takeSparse(t); err != nil {
				return err
			}
			continue
		}
		size := t.block.W.Rows * t.block.W.Cols
		switch {
		case b.o.Cost != nil:
		case size <= smallBlock || t.loops || t.block.Alphas.Data != nil:
			if err := b.widen(t); err != nil {
				return err
			}
		case !hasDirectForm(t.p):
			if bytes := int64(size) * int64(unsafe.Sizeof(T(0))); bytes <= b.limit {
				b.limit -= bytes
				t.form, t.copy = formPower, b.copyLike(t.block.W)
				for i := range t.copy.Rows {
					kernels.PowAbs(t.copy.Row(i), t.block.W.Row(i), t.p)
				}
			}
		}
	}
	return nil
}

// makeSide maps the rows (columns) of a term to slots.
func (b *balancer[T]) makeSide(t *balanceTerm[T], k int, units []int, n int, post bool) {
	s := &t.side[k]
	s.n, s.post = n, post
	if len(b.slotOf) < b.g.Units {
		b.slotOf = make([]int32, b.g.Units) // 1 + the slot of a unit, 0: none yet
	}
	if len(b.slots) < n {
		b.slots = make([]int32, n)
	}
	identity, slots := true, b.slots[:n]
	s.unit, s.rate = b.mem.ints.take(min(n, b.g.Units))[:0], b.floats(min(n, b.g.Units))[:0]
	for i := range n {
		u, slot := b.unitOf(units, i), int32(-1)
		if u >= 0 {
			if b.slotOf[u] == 0 {
				rate := t.p
				if !post {
					rate = -float64(t.p * b.g.degree(u))
				}
				s.unit, s.rate = append(s.unit, u), append(s.rate, rate)
				b.slotOf[u] = int32(len(s.unit))
			}
			slot = b.slotOf[u] - 1
		}
		slots[i] = slot
		identity = identity && int(slot) == i
	}
	for _, u := range s.unit {
		b.slotOf[u] = 0
	}
	if !identity {
		s.slot = slices.Clone(slots)
	}
	m := len(s.unit)
	s.factor, s.sum, s.log = b.floats(m), b.floats(m), b.floats(m)
	s.share, s.part = b.floats(m), b.floats(m)
	s.raw = b.floats(n)
}

// hasLoops reports whether a term has a row and a column of one unit with c = 1.
func (b *balancer[T]) hasLoops(t *balanceTerm[T]) bool {
	loop := false
	for k, u := range t.side[0].unit {
		b.slotOf[u] = int32(k) + 1
	}
	for _, u := range t.side[1].unit {
		loop = loop || b.slotOf[u] > 0 && b.g.degree(u) == 1
	}
	for _, u := range t.side[0].unit {
		b.slotOf[u] = 0
	}
	return loop
}

// copyLike is memory for a matrix of the shape of w, from that which balancers share unless it is very large.
func (b *balancer[T]) copyLike(w kernels.Matrix[T]) kernels.Matrix[T] {
	n, size := w.Rows*w.Cols, int(unsafe.Sizeof(T(0)))
	if n*size > 64<<20 {
		return kernels.NewMatrix[T](w.Rows, w.Cols)
	}
	wide := b.mem.copies.take((n*size + 7) / 8)
	return kernels.MatrixOf(unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(wide))), n), w.Rows, w.Cols)
}
