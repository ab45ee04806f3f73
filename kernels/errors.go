package kernels

import (
	"strconv"
	"unsafe"
)

// ArgError says which argument of which function was refused. The kernels panic
// with a *ArgError before they write anything.
type ArgError struct {
	Func string // the function, as "Rank1"
	Arg  string // the parameter or field, as "w" or "ColDecay"
	Got  string // what was given
	Want string // what is accepted
}

func (e *ArgError) Error() string {
	return "kernels." + e.Func + ": " + e.Arg + ": got " + e.Got + ", want " + e.Want
}

//go:noinline
func refuse(fn, arg, got, want string) {
	panic(&ArgError{Func: fn, Arg: arg, Got: got, Want: want})
}

func itoa(n int) string { return strconv.Itoa(n) }

func ftoa[T Float](v T) string { return strconv.FormatFloat(float64(v), 'g', -1, 64) }

// finite reports whether v is neither NaN nor infinite.
func finite[T Float](v T) bool { return v-v == 0 }

// check refuses a matrix whose fields do not describe memory inside Data.
func (m Matrix[T]) check(fn, arg string) {
	checkShape(fn, arg, len(m.Data), m.Rows, m.Cols, m.Stride)
}

func checkShape(fn, arg string, length, rows, cols, stride int) {
	switch {
	case rows < 0 || cols < 0:
		refuse(fn, arg, "shape "+shape(rows, cols), "no negative size")
	case rows > 1 && stride < cols:
		refuse(fn, arg, "stride "+itoa(stride), "at least the "+itoa(cols)+" columns")
	case rows == 0 || cols == 0:
		return
	case cols > length || (rows > 1 && (length-cols)/(rows-1) < stride):
		refuse(fn, arg, "length "+itoa(length), shape(rows, cols)+" elements at stride "+itoa(stride))
	}
}

func shape(rows, cols int) string { return "[" + itoa(rows) + ", " + itoa(cols) + "]" }

// checkSize refuses a matrix of another shape.
func (m Matrix[T]) checkSize(fn, arg string, rows, cols int) {
	m.check(fn, arg)
	if m.Rows != rows || m.Cols != cols {
		refuse(fn, arg, "shape "+shape(m.Rows, m.Cols), "shape "+shape(rows, cols))
	}
}

// checkLen refuses a vector of another length.
func checkLen[T any](fn, arg string, v []T, want int) {
	if len(v) != want {
		refuse(fn, arg, "length "+itoa(len(v)), "length "+itoa(want))
	}
}

// checkSpread refuses a vector that is neither absent, nor a scalar, nor of the
// wanted length.
func checkSpread[T any](fn, arg string, v []T, want int) {
	if v != nil && len(v) != want && len(v) != 1 {
		refuse(fn, arg, "length "+itoa(len(v)), "length "+itoa(want)+" or 1")
	}
}

// checkNonNegative refuses a parameter that is negative, NaN or infinite.
func checkNonNegative[T Float](fn, arg string, v T) {
	if !(v >= 0) || !finite(v) {
		refuse(fn, arg, ftoa(v), "a finite number of 0 or more")
	}
}

// region is the memory of a matrix, in bytes.
type region struct {
	base                uintptr
	rows, width, stride uintptr
}

func vectorRegion[T any](v []T) region {
	return region{uintptr(unsafe.Pointer(unsafe.SliceData(v))), 1, uintptr(len(v)) * unsafe.Sizeof(*new(T)), 0}
}

func stridedRegion[T any](v []T, rows, cols, stride int) region {
	size := unsafe.Sizeof(*new(T))
	return region{uintptr(unsafe.Pointer(unsafe.SliceData(v))), uintptr(rows), uintptr(cols) * size, uintptr(stride) * size}
}

func (m Matrix[T]) region() region { return stridedRegion(m.Data, m.Rows, m.Cols, m.Stride) }

// end is the first address behind the region.
func (r region) end() uintptr { return r.base + (r.rows-1)*r.stride + r.width }

// overlaps reports whether the two regions share a byte. Rows of one region
// that lie in the gaps of the other share nothing.
func (r region) overlaps(s region) bool {
	if r.rows == 0 || s.rows == 0 || r.width == 0 || s.width == 0 || r.end() <= s.base || s.end() <= r.base {
		return false
	}
	if r.rows > s.rows {
		r, s = s, r
	}
	for i := range r.rows {
		lo := r.base + i*r.stride
		if s.touches(lo, lo+r.width) {
			return true
		}
	}
	return false
}

// touches reports whether a row of r shares a byte with [lo, hi). The row that
// holds the last byte of the interval, or else the last row before it, decides:
// rows before that one end even lower.
func (r region) touches(lo, hi uintptr) bool {
	if hi <= r.base {
		return false
	}
	k := uintptr(0)
	if r.rows > 1 {
		k = min((hi-1-r.base)/r.stride, r.rows-1)
	}
	return r.base+k*r.stride+r.width > lo
}

// same reports whether two regions are one.
func (r region) same(s region) bool {
	return r.base == s.base && r.rows == s.rows && r.width == s.width && (r.stride == s.stride || r.rows <= 1)
}

// checkApart refuses memory shared between a written and another argument.
func checkApart(fn, written string, w region, arg string, r region) {
	if w.overlaps(r) {
		refuse(fn, arg, "memory shared with "+written, "no element in common")
	}
}

// checkSameOrApart is checkApart for elementwise work, where the two may also
// be one and the same.
func checkSameOrApart(fn, written string, w region, arg string, r region) {
	if !w.same(r) {
		checkApart(fn, written, w, arg, r)
	}
}
