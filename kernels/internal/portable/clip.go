package portable

import "math"

// maximum is the maximum of IEEE 754-2019: NaN if either is NaN, and −0 < +0.
func maximum[T Float](a, b T) T {
	switch {
	case a > b:
		return a
	case a < b:
		return b
	case a != a:
		return a
	case b != b:
		return b
	case math.Signbit(float64(a)): // equal: −0 gives way to either zero
		return b
	}
	return a
}

// minimum is the minimum of IEEE 754-2019: NaN if either is NaN, and −0 < +0.
func minimum[T Float](a, b T) T {
	switch {
	case a < b:
		return a
	case a > b:
		return b
	case a != a:
		return a
	case b != b:
		return b
	case math.Signbit(float64(a)):
		return a
	}
	return b
}

// clip is minimum(maximum(v, lo), hi). A NaN v stays NaN; lo and hi are not NaN
// and lo ≤ hi.
func clip[T Float](v, lo, hi T) T {
	if v > lo && v < hi {
		return v
	}
	return minimum(maximum(v, lo), hi)
}

// Clip bounds a matrix in place:
//
//	w_ij ← minimum(maximum(w_ij, lo), hi)
//
// after IEEE 754-2019, so NaN stays NaN and −0 is below +0.
func Clip[T Float](w []T, lo, hi T, rows, cols, stride int) {
	for i := range rows {
		row := w[i*stride:][:cols]
		for j, v := range row {
			row[j] = clip(v, lo, hi)
		}
	}
}
