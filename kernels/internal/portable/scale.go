package portable

// ScaleR scales the rows: w_ij ← round(r_i·w_ij).
func ScaleR[T Float](w, r []T, rows, cols, stride int) {
	for i := range rows {
		row, ri := w[i*stride:][:cols], r[i]
		for j := range row {
			row[j] *= ri
		}
	}
}

// ScaleC scales the columns: w_ij ← round(w_ij·c_j).
func ScaleC[T Float](w, c []T, rows, cols, stride, _ int) {
	c = c[:cols]
	for i := range rows {
		row := w[i*stride:][:cols]
		for j, cj := range c {
			row[j] *= cj
		}
	}
}

// ScaleRC scales rows, then columns: w_ij ← round(round(r_i·w_ij)·c_j).
func ScaleRC[T Float](w, r, c []T, rows, cols, stride, _ int) {
	c = c[:cols]
	for i := range rows {
		row, ri := w[i*stride:][:cols], r[i]
		for j, cj := range c {
			row[j] = T(ri*row[j]) * cj
		}
	}
}
