package portable

import (
	"math"
	"unsafe"
)

// Float is the pair of element types of the kernels.
type Float interface{ float32 | float64 }

// is32 reports whether T is float32. It is a constant of each instantiation,
// so a branch on it costs nothing.
func is32[T Float]() bool {
	var z T
	return unsafe.Sizeof(z) == 4
}

// FMA returns a·b + c with one rounding, for both element types: the vector
// operation of VFMADD (AVX2) and FMLA (NEON), subnormals, infinities and NaN
// included.
func FMA[T Float](a, b, c T) T {
	if is32[T]() {
		return T(fma32(float32(a), float32(b), float32(c)))
	}
	return T(math.FMA(float64(a), float64(b), float64(c)))
}

// fma32 is the float32 fused multiply-add. The product of two float32 is exact
// in float64, so a·b + c is rounded twice: to float64, then to float32. The
// two roundings differ from one only when the float64 sum is a midpoint
// between two float32, because every such midpoint is a float64 and so none
// lies strictly between the exact sum and its rounding. A midpoint, of normal
// or subnormal float32, has its 28 low bits zero; those sums take oddSum.
func fma32(a, b, c float32) float32 {
	s := float64(a)*float64(b) + float64(c)
	if math.Float64bits(s)<<36 == 0 {
		s = oddSum(a, b, c)
	}
	return float32(s)
}

// addScaled is y_k ← fma(g, x_k, y_k) over two vectors of one length: the FMA
// of most of the work, in loops of one type each, which take a quarter of the
// time of the function of both types.
func addScaled[T Float](y, x []T, g T) {
	if is32[T]() {
		addScaled32(as[float32](y), as[float32](x), float32(g))
	} else {
		addScaled64(as[float64](y), as[float64](x), float64(g))
	}
}

// as is v itself, whose type is known to be []U.
func as[U, T Float](v []T) []U {
	return unsafe.Slice((*U)(unsafe.Pointer(unsafe.SliceData(v))), len(v))
}

func addScaled64(y, x []float64, g float64) {
	x = x[:len(y)]
	for k, v := range x {
		y[k] = math.FMA(g, v, y[k])
	}
}

// addScaled32 is four fma32 at once, so that one test finds the rare midpoint.
func addScaled32(y, x []float32, g float32) {
	x = x[:len(y)]
	wide := float64(g)
	const low = 1<<28 - 1
	for len(x) >= 4 && len(y) >= 4 {
		s0, s1 := wide*float64(x[0])+float64(y[0]), wide*float64(x[1])+float64(y[1])
		s2, s3 := wide*float64(x[2])+float64(y[2]), wide*float64(x[3])+float64(y[3])
		if math.Float64bits(s0)&low == 0 || math.Float64bits(s1)&low == 0 || math.Float64bits(s2)&low == 0 || math.Float64bits(s3)&low == 0 {
			s0, s1 = oddSum(g, x[0], y[0]), oddSum(g, x[1], y[1])
			s2, s3 = oddSum(g, x[2], y[2]), oddSum(g, x[3], y[3])
		}
		y[0], y[1], y[2], y[3] = float32(s0), float32(s1), float32(s2), float32(s3)
		x, y = x[4:], y[4:]
	}
	for k, v := range x {
		y[k] = fma32(g, v, y[k])
	}
}

// oddSum is a·b + c rounded to odd in float64: of the two float64 around an
// inexact sum the one with an odd last bit is never a midpoint, and lies on
// the side of the exact sum.
//
//go:noinline
func oddSum(a, b, c float32) float64 {
	p, z := float64(a)*float64(b), float64(c)
	s := p + z
	t := s - p
	e := (p - (s - t)) + (z - t) // TwoSum (Knuth): s + e = p + z exactly; NaN if s is not finite
	bits := math.Float64bits(s)
	if (e > 0 || e < 0) && bits&1 == 0 {
		if (e > 0) == (s > 0) {
			bits++
		} else {
			bits--
		}
	}
	return math.Float64frombits(bits)
}
