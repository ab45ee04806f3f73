//go:build cgo && linux

package main

/*
#include "internal.h"
*/
import "C"

import (
	"github.com/hebbkern/hebbkern/engine"
	"github.com/hebbkern/hebbkern/kernels"
)

func windowsOf(g *C.hk_windows) kernels.Windows {
	pair := func(v [2]C.int64_t) [2]int { return [2]int{int(v[0]), int(v[1])} }
	return kernels.Windows{Channels: int(g.channels), Height: int(g.height), Width: int(g.width),
		Size: pair(g.size), Stride: pair(g.stride), Pad: pair(g.padding), Dilation: pair(g.dilation)}
}

// patches copies the rows [i, j).
func patches[T kernels.Float](a *C.hk_patches_args, i, j int) error {
	d := engine.Draw{Count: int(a.draw), Seed: uint64(a.seed), First: int(a.drawn)}
	return withScratch(func(s *engine.Scratch[T]) error {
		return engine.Patches(rowsOf(matrix[T](&a.out), i, j), matrix[T](&a.images), windowsOf(&a.windows), d, int(a.first)+i, s)
	})
}

// convForward runs the rows [i, j) of windows of all images.
func convForward[T kernels.Float](a *C.hk_conv_forward_args, i, j int) {
	act := activationOf(a.activation, a.slope, a.shape)
	kernels.ConvolveRows(matrix[T](&a.out), matrix[T](&a.w), matrix[T](&a.images), windowsOf(&a.windows), vector[T](&a.b), act, i, j)
}
