package portable

import "math"

// RowMax is the signed maximum of the rows, after IEEE 754-2019:
//
//	out_i = max_j w_ij
//
// NaN if the row holds a NaN, −Inf for an empty row.
func RowMax[T Float](out, w []T, rows, cols, stride int) {
	for i := range rows {
		most := T(math.Inf(-1))
		for _, v := range w[i*stride:][:cols] {
			most = maximum(most, v)
		}
		out[i] = most
	}
}

// ExpShift is y_k = Exp(x_k − shift), the difference rounded. y may be x.
func ExpShift[T Float](y, x []T, shift T, n int) {
	y = y[:n]
	for k, v := range x[:n] {
		y[k] = Exp(v - shift)
	}
}

// Divide is y_k ← y_k / s, rounded.
func Divide[T Float](y []T, s T, n int) {
	y = y[:n]
	for k := range y {
		y[k] /= s
	}
}

// ArgMax gives the column of each row's maximum: the lowest one of equals
// (−0 equals +0), and the first NaN if the row holds one, as NumPy does. Rows
// are not empty.
func ArgMax[T Float](w []T, rows, cols, stride int, out []int) {
	for i := range rows {
		row := w[i*stride:][:cols]
		at, most := 0, row[0]
		for j, v := range row {
			if most != most {
				break
			}
			if v > most || v != v {
				at, most = j, v
			}
		}
		out[i] = at
	}
}
