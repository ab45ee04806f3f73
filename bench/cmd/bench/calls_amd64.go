//go:build cgo && !purego

package main

import (
	"github.com/hebbkern/hebbkern/asm"
	"github.com/hebbkern/hebbkern/kernels"
)

// calls are those of an EMA, a rank-1 update and a scaling, nil where the kernels do not take the assembly.
func calls(run int, set settings) []call {
	if kernels.ISA() != "avx2" {
		return nil
	}
	const n = 8
	s, a := constants[float32](n, 1), constants[float32](n, 1)
	w := kernels.NewMatrix[float32](n, n)
	g, x, one := constants[float32](n, 1e-9), constants[float32](n, 1), constants[float32](n, 1)
	return []call{
		compareCalls(run, "EMA", "8", set,
			func() { kernels.EMA(s, a, 0.01, kernels.Value) },
			func() { asm.EMAF32AVX2(&s[0], &a[0], 0.01, 0.99, n) }),
		compareCalls(run, "rank-1", "8²", set,
			func() { kernels.Rank1(w, kernels.Update[float32]{G: g, X: x}) },
			func() { asm.Rank1GF32AVX2(&w.Data[0], &g[0], &x[0], n, n, n, 1, 0) }),
		compareCalls(run, "scale", "8²", set,
			func() { kernels.Scale(w, one, one) },
			func() { asm.ScaleRCF32AVX2(&w.Data[0], &one[0], &one[0], n, n, n, 0) }),
	}
}
