package main

import "github.com/viterin/vek/vek32"

// vekForms are the workloads in vek32, whose functions take whole slices: a matrix goes row by row, which keeps the
// temporary in the first-level cache; long vectors go by pieces of as many elements, for the same reason.
var vekForms = forms{
	"rank1": {"rows": func(in *inputs) (func(), []result) {
		w, g, x := in.Arrays["w"], in.Arrays["g"], in.Arrays["x"]
		cols := in.Cols("w")
		t := make([]float32, cols)
		return func() {
			for i, v := range g {
				vek32.MulNumber_Into(t, x, v)
				vek32.Add_Inplace(w[i*cols:(i+1)*cols], t)
			}
		}, nil
	}},
	"scale": {"rows": func(in *inputs) (func(), []result) {
		w, rows, c := in.Arrays["w"], in.Arrays["rows"], in.Arrays["cols"]
		cols := in.Cols("w")
		return func() {
			for i, r := range rows {
				row := w[i*cols : (i+1)*cols]
				vek32.MulNumber_Inplace(row, r)
				vek32.Mul_Inplace(row, c)
			}
		}, nil
	}},
	"gain_rule": {"rows": func(in *inputs) (func(), []result) {
		w, post, pre, lr := in.Arrays["w"], in.Arrays["post"], in.Arrays["pre"], float32(in.Numbers["lr"])
		cols := len(pre)
		factor, t := make([]float32, cols), make([]float32, cols)
		return func() {
			vek32.Mul_Into(factor, pre, pre)
			vek32.MulNumber_Inplace(factor, lr)
			for i, v := range post {
				vek32.AddNumber_Into(t, factor, 1-lr*v*v)
				vek32.Mul_Inplace(w[i*cols:(i+1)*cols], t)
			}
		}, nil
	}},
	"oja_given": {"rows": func(in *inputs) (func(), []result) {
		w, x, y, lr := in.Arrays["w"], in.Arrays["x"], in.Arrays["y"], float32(in.Numbers["lr"])
		cols, t := len(x), make([]float32, len(x))
		return func() {
			for i, v := range y {
				ojaVek(w[i*cols:(i+1)*cols], x, t, v, lr)
			}
		}, nil
	}},
	"oja": {"rows outer": func(in *inputs) (func(), []result) {
		w, xs, lr := in.Arrays["w"], in.Arrays["X"], float32(in.Numbers["lr"])
		cols, t := in.Cols("w"), make([]float32, in.Cols("w"))
		return func() {
			for i := 0; i < len(w); i += cols {
				row := w[i : i+cols]
				for b := 0; b < len(xs); b += cols {
					x := xs[b : b+cols]
					ojaVek(row, x, t, vek32.Dot(row, x), lr)
				}
			}
		}, nil
	}},
	"ema": {"pieces": func(in *inputs) (func(), []result) {
		s, a, alpha := in.Arrays["s"], in.Arrays["a"], float32(in.Numbers["alpha"])
		const piece = 2048
		t := make([]float32, piece)
		return func() {
			for i := 0; i < len(s); i += piece {
				n := min(piece, len(s)-i)
				part := s[i : i+n]
				vek32.MulNumber_Inplace(part, 1-alpha)
				vek32.MulNumber_Into(t[:n], a[i:i+n], alpha)
				vek32.Add_Inplace(part, t[:n])
			}
		}, nil
	}},
}

// ojaVek is Oja's update of one row; t is a temporary.
func ojaVek(row, x, t []float32, y, lr float32) {
	vek32.MulNumber_Inplace(row, 1-lr*y*y)
	vek32.MulNumber_Into(t, x, lr*y)
	vek32.Add_Inplace(row, t)
}
