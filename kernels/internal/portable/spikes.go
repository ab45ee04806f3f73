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
