package main

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

// gonumForms are the workloads in blas32, Gonum's own BLAS.
var gonumForms = forms{
	"rank1": {"Ger": func(in *inputs) (func(), []result) {
		w, g, x := general(in, "w"), vector(in, "g"), vector(in, "x")
		return func() { blas32.Ger(1, g, x, w) }, nil
	}},
	"oja_given": {"Scal, Axpy of each row": func(in *inputs) (func(), []result) {
		w, x, y := general(in, "w"), vector(in, "x"), in.Arrays["y"]
		lr := float32(in.Numbers["lr"])
		return func() {
			for i, v := range y {
				ojaRow(row(w, i), x, v, lr)
			}
		}, nil
	}},
	"forward": {"Gemm": func(in *inputs) (func(), []result) {
		w, x := general(in, "w"), general(in, "X")
		y := blas32.General{Rows: x.Rows, Cols: w.Rows, Stride: w.Rows, Data: make([]float32, x.Rows*w.Rows)}
		return func() { blas32.Gemm(blas.NoTrans, blas.Trans, 1, x, w, 0, y) }, []result{{Data: y.Data, Shape: []int{y.Rows, y.Cols}}}
	}},
	"batch": {"Gemm with beta": func(in *inputs) (func(), []result) {
		w, g, x := general(in, "w"), general(in, "G"), general(in, "X")
		keep := float32(1 - in.Numbers["decay"])
		return func() { blas32.Gemm(blas.Trans, blas.NoTrans, 1, g, x, keep, w) }, nil
	}},
	"ema": {"Scal, Axpy": func(in *inputs) (func(), []result) {
		s, a, alpha := vector(in, "s"), vector(in, "a"), float32(in.Numbers["alpha"])
		return func() {
			blas32.Scal(1-alpha, s)
			blas32.Axpy(alpha, a, s)
		}, nil
	}},
	// Rows outer, samples inner: a row stays in the first-level cache, and rows do not interact.
	"oja": {"rows outer": func(in *inputs) (func(), []result) {
		w, xs, lr := general(in, "w"), general(in, "X"), float32(in.Numbers["lr"])
		return func() {
			for i := range w.Rows {
				v := row(w, i)
				for b := range xs.Rows {
					x := row(xs, b)
					ojaRow(v, x, blas32.Dot(v, x), lr)
				}
			}
		}, nil
	}},
}

func ojaRow(v, x blas32.Vector, y, lr float32) {
	blas32.Scal(1-lr*y*y, v)
	blas32.Axpy(lr*y, x, v)
}

func row(w blas32.General, i int) blas32.Vector {
	return blas32.Vector{N: w.Cols, Inc: 1, Data: w.Data[i*w.Stride : i*w.Stride+w.Cols]}
}

func general(in *inputs, name string) blas32.General {
	return blas32.General{Rows: in.Rows(name), Cols: in.Cols(name), Stride: in.Cols(name), Data: in.Arrays[name]}
}

func vector(in *inputs, name string) blas32.Vector {
	return blas32.Vector{N: len(in.Arrays[name]), Inc: 1, Data: in.Arrays[name]}
}
