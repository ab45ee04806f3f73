package portable

// SpikeCols changes the columns whose presynaptic unit has spiked: for every k
// and row i, with j = at[k]
//
//	w_ij ← clip(fma(a_i, c_k, w_ij), lo, hi)
//
// No other element is read or written.
func SpikeCols[T Float](w, a, c []T, at []int, lo, hi T, rows, stride, count int) {
	a, c = a[:rows], c[:count]
	for k, j := range at[:count] {
		ck := c[k]
		for i, ai := range a {
			w[i*stride+j] = clip(FMA(ai, ck, w[i*stride+j]), lo, hi)
		}
	}
}

// SpikeMask is SpikeCols for the columns j with m_j > 0, c_j being theirs:
//
//	w_ij ← clip(fma(a_i, c_j, w_ij), lo, hi) where m_j > 0, else w_ij
func SpikeMask[T Float](w, a, c, m []T, lo, hi T, rows, cols, stride int) {
	c, m = c[:cols], m[:cols]
	for i := range rows {
		row, ai := w[i*stride:][:cols], a[i]
		for j, mj := range m {
			if mj > 0 {
				row[j] = clip(FMA(ai, c[j], row[j]), lo, hi)
			}
		}
	}
}

// SpikeRows changes the rows whose postsynaptic unit has spiked: for every k and
// column j, with i = at[k]
//
//	w_ij ← clip(fma(s_k, r_j, w_ij), lo, hi)
//
// No other row is read or written.
func SpikeRows[T Float](w, s, r []T, at []int, lo, hi T, cols, stride, count int) {
	s, r = s[:count], r[:cols]
	for k, i := range at[:count] {
		row, sk := w[i*stride:][:cols], s[k]
		for j, rj := range r {
			row[j] = clip(FMA(sk, rj, row[j]), lo, hi)
		}
	}
}

// Pair lays the rows of a matrix together by twos:
//
//	p_i,2j ← w_2i,j;   p_i,2j+1 ← w_2i+1,j
//
// so that a column's elements of both rows are neighbours. p has no gaps.
func Pair[T Float](p, w []T, pairs, cols, stride int) {
	for i := range pairs {
		x, y, to := w[2*i*stride:][:cols], w[(2*i+1)*stride:][:cols], p[2*i*cols:][:2*cols]
		for j, v := range x {
			to[2*j], to[2*j+1] = v, y[j]
		}
	}
}

// Unpair undoes Pair.
func Unpair[T Float](w, p []T, pairs, cols, stride int) {
	for i := range pairs {
		x, y, from := w[2*i*stride:][:cols], w[(2*i+1)*stride:][:cols], p[2*i*cols:][:2*cols]
		for j := range x {
			x[j], y[j] = from[2*j], from[2*j+1]
		}
	}
}

// PairCols is SpikeCols on rows in pairs: for every k, row i of the matrix and
// j = at[k], with q = i mod 2
//
//	p_(i/2),(2j+q) ← clip(fma(a_i, c_k, p_(i/2),(2j+q)), lo, hi)
func PairCols[T Float](p, a, c []T, at []int, lo, hi T, pairs, cols, count int) {
	a, c = a[:2*pairs], c[:count]
	for k, j := range at[:count] {
		ck := c[k]
		for i, ai := range a {
			v := &p[i/2*2*cols+2*j+i%2]
			*v = clip(FMA(ai, ck, *v), lo, hi)
		}
	}
}

// PairRows is SpikeRows on rows in pairs, r holding every element twice: for
// every k, row i = at[k] of p and element j of it for which byte j mod 2 of
// half[k] is not 0
//
//	p_ij ← clip(fma(s_k, r_j, p_ij), lo, hi)
//
// Bytes 2 to 7 of half[k] repeat the first two, for vectors.
func PairRows[T Float](p, s, r []T, at, half []int, lo, hi T, cols, count int) {
	s, r = s[:count], r[:2*cols]
	for k, i := range at[:count] {
		row, sk := p[i*2*cols:][:2*cols], s[k]
		for j, rj := range r {
			if half[k]>>(8*(j&1))&0xff != 0 {
				row[j] = clip(FMA(sk, rj, row[j]), lo, hi)
			}
		}
	}
}
