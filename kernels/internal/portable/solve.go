package portable

// SolveLower is the rows first, first+1, …, first+rows−1 of a forward
// substitution whose rows before first are done: for these i in order
//
//	d_ij = (… fma(−a_i1, d_1j, fma(−a_i0, d_0j, d_ij)) …) / a_ii,   k < i
//
// a begins at row first, d at row 0.
func SolveLower[T Float](a, d []T, first, rows, cols, aStride, stride int) {
	for i := first; i < first+rows; i++ {
		row, ai := d[i*stride:][:cols], a[(i-first)*aStride:]
		for k := range i {
			f := -ai[k]
			for j, v := range d[k*stride:][:cols] {
				row[j] = FMA(f, v, row[j])
			}
		}
		for j := range row {
			row[j] /= ai[i]
		}
	}
}
