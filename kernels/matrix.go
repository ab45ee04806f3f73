package kernels

// Float is the pair of element types.
type Float interface{ float32 | float64 }

// Matrix is a view of a row-major matrix: element (i, j) is Data[i*Stride+j].
// Stride is at least Cols, so a block of columns of a larger matrix is a
// Matrix too. The elements between the rows are never read or written.
type Matrix[T Float] struct {
	Data               []T
	Rows, Cols, Stride int
}

// NewMatrix allocates a contiguous matrix of zeros.
func NewMatrix[T Float](rows, cols int) Matrix[T] {
	if rows < 0 {
		refuse("NewMatrix", "rows", itoa(rows), "0 or more")
	}
	if cols < 0 {
		refuse("NewMatrix", "cols", itoa(cols), "0 or more")
	}
	return Matrix[T]{Data: make([]T, rows*cols), Rows: rows, Cols: cols, Stride: cols}
}

// MatrixOf views data, row after row without gaps, as a matrix. It panics with
// *ArgError unless len(data) is rows·cols.
func MatrixOf[T Float](data []T, rows, cols int) Matrix[T] {
	m := Matrix[T]{Data: data, Rows: rows, Cols: cols, Stride: cols}
	m.check("MatrixOf", "data")
	if len(data) != rows*cols {
		refuse("MatrixOf", "data", "length "+itoa(len(data)), "length "+itoa(rows*cols)+" (rows·cols)")
	}
	return m
}

// Row is row i, of length and capacity Cols.
func (m Matrix[T]) Row(i int) []T {
	k := i * m.Stride
	return m.Data[k : k+m.Cols : k+m.Cols]
}

// from is Data from element (i, j) on.
func (m Matrix[T]) from(i, j int) []T { return m.Data[i*m.Stride+j:] }
