package engine

import (
	"math"

	"github.com/hebbkern/hebbkern/kernels"
)

// Recurrent is a recurrent network: n units with weights among themselves, from inputs and to outputs. Parts that
// are not there are left zero. Views of the caller's arrays, which share no element.
type Recurrent[T kernels.Float] struct {
	J    kernels.Matrix[T] // [n, n], J_ij from unit j to unit i
	In   kernels.Matrix[T] // [n, inputs]
	Bias []T               // [n]
	Out  kernels.Matrix[T] // [outputs, n]
}

// parts are the arrays with their names, a bias as a column would be read: one row.
func (r *Recurrent[T]) parts() (names [4]string, m [4]kernels.Matrix[T]) {
	names = [4]string{"j", "w_in", "bias", "w_out"}
	m = [4]kernels.Matrix[T]{r.J, r.In, rowVector(r.Bias), r.Out}
	return names, m
}

func (r *Recurrent[T]) check(fn string) error {
	n := r.J.Rows
	if err := checkMatrix(fn, "j", r.J, n, n); err != nil {
		return err
	}
	if r.In.Rows != 0 || r.In.Cols != 0 {
		if err := checkMatrix(fn, "w_in", r.In, n, -1); err != nil {
			return err
		}
	}
	if r.Bias != nil {
		if err := checkLen(fn, "bias", r.Bias, n); err != nil {
			return err
		}
	}
	if r.Out.Rows != 0 || r.Out.Cols != 0 {
		if err := checkMatrix(fn, "w_out", r.Out, -1, n); err != nil {
			return err
		}
	}
	names, m := r.parts()
	for a := range m {
		for b := range a {
			if overlap(m[a], m[b]) {
				return badArg(fn, names[a], "overlapping "+names[b], "arrays that share no element")
			}
		}
	}
	return nil
}

// checkFinite names the first NaN or Inf of the arrays other than J.
func (r *Recurrent[T]) checkFinite(fn string) error {
	names, m := r.parts()
	for a := 1; a < len(m); a++ {
		for i := range m[a].Rows {
			if err := finiteRow(fn, names[a], i, m[a].Row(i)); err != nil {
				if e := err.(*NonFiniteError); names[a] == "bias" {
					e.Row, e.Col = e.Col, -1
				}
				return err
			}
		}
	}
	return nil
}

// finiteRow names the first NaN or Inf of row i of an array.
func finiteRow[T kernels.Float](fn, name string, i int, row []T) error {
	for j, v := range row {
		if v-v != 0 {
			return &NonFiniteError{Func: fn, Array: name, Layer: -1, Row: i, Col: j, Value: float64(v)}
		}
	}
	return nil
}

// largest is the exponent e with max|v| in [2^(e−1), 2^e) over a matrix, 0 if it holds zeros only.
func largest[T kernels.Float](m kernels.Matrix[T]) float64 {
	if m.Rows == 0 || m.Cols == 0 {
		return 0
	}
	rows := make([]T, m.Rows)
	kernels.PowerSums(m, math.Inf(1), rows, nil)
	return exponent(rows)
}
