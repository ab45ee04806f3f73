// Package portable is the definition of hebbkern's kernels: plain Go, generic
// over float32 and float64, from which every other path may differ in no bit.
//
// Each primitive works on slices that start at its first element. A matrix is
// w []T with rows, cols and a stride, element (i, j) at w[i*stride+j]. A vector
// over the rows carries an element step: 1 for one value a row, 0 for one value
// for all rows. Arguments come in the order slices, scalars of type T, ints.
// Nothing is checked here beyond Go's own bounds: package kernels checks.
//
// Expressions in the doc comments name every rounding:
//
//	fma(a, b, c)   a·b + c rounded once (function FMA)
//	round(a·b)     a product rounded by itself
//	a + b, a − b   rounded once
//
// A product that is not fused is written T(a*b) in the code: the conversion
// keeps Go from fusing it with a following sum, as it may on arm64 and with
// GOAMD64=v3. Rounding is to nearest, ties to even, and subnormals are kept.
// NaN gives NaN; its payload is not promised.
//
// # Reductions
//
// Row sums use L lanes (32 float32, 16 float64), dots whose operands are both
// contiguous use V lanes (8 and 4). Lanes start at +0; lane l takes the
// elements l, l+L, … in order; a partial strip leaves the other lanes alone;
// then the lanes are halved in T (lane l += lane l+L/2, and so on down to one).
// That is one block of at most 4096 columns. Sums down a column take the rows
// in order, one block being at most 256 rows. Adding the blocks, in order in
// float64 with one rounding to T at the end, is the caller's part.
package portable
