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

// fma64 is the float64 fused multiply-add.
func fma64(a, b, c float64) float64 { return math.FMA(a, b, c) }

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
