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
	"oja_given": {"Scal, Ger": func(in *inputs) (func(), []result) {
		w, x, y := general(in, "w"), vector(in, "x"), vector(in, "y")
		lr, g := float32(in.Numbers["lr"]), newVector(w.Rows)
		return func() { ojaUpdate(w, x, y, g, lr) }, nil
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
	"oja": {"Gemv, Scal, Ger": func(in *inputs) (func(), []result) {
		w, xs := general(in, "w"), general(in, "X")
		lr, y, g := float32(in.Numbers["lr"]), newVector(w.Rows), newVector(w.Rows)
		return func() {
			for b := range xs.Rows {
				x := blas32.Vector{N: xs.Cols, Inc: 1, Data: xs.Data[b*xs.Stride : b*xs.Stride+xs.Cols]}
				blas32.Gemv(blas.NoTrans, 1, w, x, 0, y)
				ojaUpdate(w, x, y, g, lr)
			}
		}, nil
	}},
}

// ojaUpdate scales each row and adds the outer product.
func ojaUpdate(w blas32.General, x, y, g blas32.Vector, lr float32) {
	for i, v := range y.Data {
		g.Data[i] = lr * v
		blas32.Scal(1-g.Data[i]*v, blas32.Vector{N: w.Cols, Inc: 1, Data: w.Data[i*w.Stride : i*w.Stride+w.Cols]})
	}
	blas32.Ger(1, g, x, w)
}

func general(in *inputs, name string) blas32.General {
	return blas32.General{Rows: in.Rows(name), Cols: in.Cols(name), Stride: in.Cols(name), Data: in.Arrays[name]}
}

func vector(in *inputs, name string) blas32.Vector {
	return blas32.Vector{N: len(in.Arrays[name]), Inc: 1, Data: in.Arrays[name]}
}

func newVector(n int) blas32.Vector { return blas32.Vector{N: n, Inc: 1, Data: make([]float32, n)} }
