package engine

import (
	"fmt"
	"math"
	"unsafe"

	"github.com/hebbkern/hebbkern/kernels"
)

// ArgError is the error of a refused argument: the function, the argument, what it was and what is wanted.
// It is the type that package kernels panics with, so one errors.As finds both.
type ArgError = kernels.ArgError

// NonFiniteError says where a NaN or an Inf stands in the weights or biases of a network. Nothing was written.
type NonFiniteError struct {
	Func  string  // the function that refused it
	Array string  // "weights" or "biases" of a network; else the argument
	Layer int     // index of the projection; for a bias, of the first projection into its population; -1: no network
	Row   int     // postsynaptic unit
	Col   int     // presynaptic unit; 0 for a bias of a network, -1 for an argument that is a vector
	Value float64 // NaN, +Inf or -Inf
}

func (e *NonFiniteError) Error() string {
	if e.Layer < 0 {
		if e.Col < 0 {
			return fmt.Sprintf("%s: %s is %v at element %d, want finite numbers", e.Func, e.Array, e.Value, e.Row)
		}
		return fmt.Sprintf("%s: %s is %v at row %d, column %d, want finite numbers", e.Func, e.Array, e.Value, e.Row, e.Col)
	}
	if e.Array == "biases" {
		return fmt.Sprintf("%s: biases of layer %d hold %v at unit %d, want finite numbers", e.Func, e.Layer, e.Value, e.Row)
	}
	return fmt.Sprintf("%s: weights of layer %d hold %v at row %d, column %d, want finite numbers",
		e.Func, e.Layer, e.Value, e.Row, e.Col)
}

// DivergenceError says where learning left the finite numbers. A field that does not apply is -1.
type DivergenceError struct {
	Func   string // the rule or the function
	What   string // what is not finite: "x", "y", "the weights", "the update", "the loss", ...
	Sample int    // index of the sample, counted from the first row of the batch
	Epoch  int    // index of the epoch
	Layer  int    // index of the projection
}

func (e *DivergenceError) Error() string {
	s := e.Func + ": " + e.What + " not finite"
	if e.Epoch >= 0 {
		s += fmt.Sprintf(" in epoch %d", e.Epoch)
	}
	if e.Layer >= 0 {
		s += fmt.Sprintf(" in layer %d", e.Layer)
	}
	if e.Sample >= 0 {
		s += fmt.Sprintf(" at sample %d", e.Sample)
	}
	return s
}

// guard turns the typed panic of package kernels into an error. The engine checks its arguments first, so it
// is the second net; any other panic is a defect and goes on.
func guard(err *error) {
	switch e := recover().(type) {
	case nil:
	case *kernels.ArgError:
		*err = e
	default:
		panic(e)
	}
}

func badArg(fn, arg, got, want string) error {
	return &ArgError{Func: fn, Arg: arg, Got: got, Want: want}
}

// indexed names the argument of a refusal by its index, which costs nothing on the way of a good argument.
func indexed(err error, format string, i int) error {
	if e, ok := err.(*ArgError); ok {
		e.Arg = fmt.Sprintf(format, i)
	}
	return err
}

// checkMatrix requires shape [rows, cols] (-1: any), a stride ≥ cols and data that holds the last row.
func checkMatrix[T kernels.Float](fn, arg string, m kernels.Matrix[T], rows, cols int) error {
	if m.Rows < 0 || m.Cols < 0 || rows >= 0 && m.Rows != rows || cols >= 0 && m.Cols != cols {
		return badArg(fn, arg, fmt.Sprintf("[%d, %d]", m.Rows, m.Cols), fmt.Sprintf("[%s, %s]", dim(rows), dim(cols)))
	}
	if m.Rows == 0 || m.Cols == 0 {
		return nil
	}
	if m.Rows > 1 && m.Stride < m.Cols {
		return badArg(fn, arg, fmt.Sprintf("row stride %d", m.Stride), fmt.Sprintf("at least %d columns", m.Cols))
	}
	// (Rows-1)*Stride+Cols <= len, written so that it cannot overflow.
	if len(m.Data) < m.Cols || m.Rows > 1 && (len(m.Data)-m.Cols)/(m.Rows-1) < m.Stride {
		return badArg(fn, arg, fmt.Sprintf("%d elements", len(m.Data)),
			fmt.Sprintf("%d rows of stride %d", m.Rows, m.Stride))
	}
	return nil
}

func dim(n int) string {
	if n < 0 {
		return "any"
	}
	return fmt.Sprint(n)
}

func checkLen[T any](fn, arg string, v []T, n int) error {
	if len(v) != n {
		return badArg(fn, arg, fmt.Sprintf("of length %d", len(v)), fmt.Sprintf("length %d", n))
	}
	return nil
}

// checkRate requires a finite number ≥ 0 that stays finite in T.
func checkRate[T kernels.Float](fn, arg string, v float64) error {
	if !(v >= 0) || T(v)-T(v) != 0 {
		return badArg(fn, arg, fmt.Sprint(v), "a finite number ≥ 0")
	}
	return nil
}

// overlap reports whether two strided matrices share an element: w[:, :10] and w[:, 10:] do not.
func overlap[T kernels.Float](a, b kernels.Matrix[T]) bool {
	if a.Rows == 0 || a.Cols == 0 || b.Rows == 0 || b.Cols == 0 {
		return false
	}
	if a.Rows > b.Rows {
		a, b = b, a
	}
	size := unsafe.Sizeof(T(0))
	a0, b0 := uintptr(unsafe.Pointer(unsafe.SliceData(a.Data))), uintptr(unsafe.Pointer(unsafe.SliceData(b.Data)))
	if a0+extent(a)*size <= b0 || b0+extent(b)*size <= a0 {
		return false
	}
	// The last row of b that begins before a row of a ends is the only one that can reach into it: those before
	// end before it begins.
	step, width := uintptr(b.Stride)*size, uintptr(b.Cols)*size
	for i := range uintptr(a.Rows) {
		lo := a0 + i*uintptr(a.Stride)*size
		hi := lo + uintptr(a.Cols)*size
		if hi <= b0 {
			continue
		}
		k := uintptr(0)
		if b.Rows > 1 {
			k = min((hi-1-b0)/step, uintptr(b.Rows-1))
		}
		if b0+k*step+width > lo {
			return true
		}
	}
	return false
}

func extent[T kernels.Float](m kernels.Matrix[T]) uintptr {
	return uintptr((m.Rows-1)*m.Stride + m.Cols)
}

// single says that T is float32.
func single[T kernels.Float]() bool { return unsafe.Sizeof(T(0)) == 4 }

func rowVector[T kernels.Float](v []T) kernels.Matrix[T] { return kernels.MatrixOf(v, 1, len(v)) }

func finite[T kernels.Float](v []T) bool {
	for _, x := range v {
		if x-x != 0 {
			return false
		}
	}
	return true
}

// finiteMatrix reads W once. tmp holds rows elements.
func finiteMatrix[T kernels.Float](m kernels.Matrix[T], tmp []T) bool {
	if m.Rows == 0 || m.Cols == 0 {
		return true
	}
	kernels.PowerSums(m, math.Inf(1), tmp[:m.Rows], nil)
	return finite(tmp[:m.Rows])
}

func fill[T kernels.Float](v []T, s T) {
	for k := range v {
		v[k] = s
	}
}
