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

// IndexOf is the first place of v, a NaN being any NaN; −0 equals +0. It is len(x)
// if there is none.
func IndexOf[T Float](x []T, v T) int {
	if v != v {
		for k, u := range x {
			if u != u {
				return k
			}
		}
		return len(x)
	}
	for k, u := range x {
		if u == v {
			return k
		}
	}
	return len(x)
}
