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
