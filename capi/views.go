//go:build cgo && linux

package main

/*
#include "internal.h"
*/
import "C"

import (
	"unsafe"

	"github.com/hebbkern/hebbkern/kernels"
)

// matrix is the view of a checked array; a vector is a matrix of one row.
func matrix[T kernels.Float](a *C.hk_array) kernels.Matrix[T] {
	m := kernels.Matrix[T]{Rows: int(a.rows), Cols: int(a.cols), Stride: int(a.stride)}
	if m.Rows > 0 && m.Cols > 0 {
		m.Data = unsafe.Slice((*T)(a.data), (m.Rows-1)*m.Stride+m.Cols)
	}
	return m
}

// vector is nil if the argument is absent. An empty one is not nil.
func vector[T kernels.Float](a *C.hk_array) []T {
	switch {
	case a.dtype == C.HK_ABSENT:
		return nil
	case a.cols == 0:
		return []T{}
	}
	return unsafe.Slice((*T)(a.data), int(a.cols))
}

// maskOf is a mask and its stride, nil if it is absent or empty.
func maskOf(a *C.hk_array) ([]bool, int) {
	if a.dtype == C.HK_ABSENT || a.rows == 0 || a.cols == 0 {
		return nil, 0
	}
	stride := int(a.stride)
	return unsafe.Slice((*bool)(a.data), (int(a.rows)-1)*stride+int(a.cols)), stride
}

// integersOf is a vector of integers: the caller's memory if its type is the same, else a copy.
func integersOf[I int32 | int](a *C.hk_array) []I {
	n := int(a.cols)
	if n == 0 {
		return nil
	}
	size := 4
	if a.dtype == C.HK_INT64 {
		size = 8
	}
	if size == int(unsafe.Sizeof(I(0))) {
		return unsafe.Slice((*I)(a.data), n)
	}
	v := make([]I, n)
	if size == 4 {
		for k, j := range unsafe.Slice((*int32)(a.data), n) {
			v[k] = I(j)
		}
	} else {
		for k, j := range unsafe.Slice((*int64)(a.data), n) {
			v[k] = I(j)
		}
	}
	return v
}

// part is the elements [i, j) of a vector over the units that the work is cut
// along; a scalar (length 1 for more units) and an absent one stay whole.
func part[T kernels.Float](a *C.hk_array, i, j int) []T {
	v := vector[T](a)
	if v == nil || a.ndim == 0 {
		return v
	}
	return v[i:j:j]
}

// rowsOf is the rows [i, j) of a matrix.
func rowsOf[T kernels.Float](m kernels.Matrix[T], i, j int) kernels.Matrix[T] {
	r := kernels.Matrix[T]{Rows: j - i, Cols: m.Cols, Stride: m.Stride}
	if r.Rows > 0 && r.Cols > 0 {
		r.Data = m.Data[i*m.Stride : (j-1)*m.Stride+m.Cols]
	}
	return r
}

// colsOf is the columns [i, j) of a matrix.
func colsOf[T kernels.Float](m kernels.Matrix[T], i, j int) kernels.Matrix[T] {
	r := kernels.Matrix[T]{Rows: m.Rows, Cols: j - i, Stride: m.Stride}
	if r.Rows > 0 && r.Cols > 0 {
		r.Data = m.Data[i : (m.Rows-1)*m.Stride+j]
	}
	return r
}
