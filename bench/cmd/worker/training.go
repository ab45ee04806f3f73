package main

import (
	"github.com/hebbkern/hebbkern/bench/worker"
	"github.com/hebbkern/hebbkern/kernels"
)

// training is what training consists of beside the products: convolutions, windows of images, steps of optimizers.
func training[T kernels.Float]() worker.Forms[T] {
	one := func(name string, f form[T]) map[string]form[T] { return map[string]form[T]{name: f} }
	return worker.Forms[T]{
		"conv2d": one("one call", func(in *inputs[T]) (func(), []worker.Result[T]) {
			images, g := images(in)
			shape := in.Shapes["w"]
			w := kernels.MatrixOf(in.Arrays["w"], shape[0], g.Length())
			rows, cols := g.Positions()
			out := kernels.NewMatrix[T](images.Rows, w.Rows*rows*cols)
			return func() { kernels.Convolve(out, w, images, g, nil, identity) },
				[]worker.Result[T]{{Data: out.Data, Shape: []int{images.Rows, w.Rows, rows, cols}}}
		}),
		"patches": one("one call", func(in *inputs[T]) (func(), []worker.Result[T]) {
			images, g := images(in)
			rows, cols := g.Positions()
			out := kernels.NewMatrix[T](images.Rows*rows*cols, g.Length())
			return func() { kernels.Patches(out, images, g, 0) },
				[]worker.Result[T]{{Data: out.Data, Shape: []int{out.Rows, out.Cols}}}
		}),
		"sgd": one("one pass", func(in *inputs[T]) (func(), []worker.Result[T]) {
			w, u := rowOf(in.Arrays["w"]), kernels.Update[T]{G: []T{-T(in.Numbers["lr"])}, X: in.Arrays["g"]}
			return func() { kernels.Rank1(w, u) }, nil
		}),
		"momentum": one("one pass", func(in *inputs[T]) (func(), []worker.Result[T]) {
			w, m, g := in.Arrays["w"], in.Arrays["m"], in.Arrays["g"]
			step := kernels.MomentumStep[T]{Rate: T(in.Numbers["lr"]), Mu: T(in.Numbers["mu"]), Keep: 1}
			return func() { kernels.Momentum(w, m, g, step) }, nil
		}),
		"adam": one("one pass", func(in *inputs[T]) (func(), []worker.Result[T]) {
			w, m, v, g, a := in.Arrays["w"], in.Arrays["m"], in.Arrays["v"], in.Arrays["g"], in.Numbers
			step := kernels.AdamStep[T]{Rate: T(a["rate"]), Beta1: T(a["beta1"]), Beta2: T(a["beta2"]), Root: T(a["root"]), Eps: T(a["eps"]), Keep: 1}
			return func() { kernels.Adam(w, m, v, g, step) }, nil
		}),
	}
}

// images are those of the inputs, and the windows of a size with zeros around that keep the answer's.
func images[T kernels.Float](in *inputs[T]) (kernels.Matrix[T], kernels.Windows) {
	shape, size := in.Shapes["images"], int(in.Numbers["size"])
	g := kernels.Windows{Channels: shape[1], Height: shape[2], Width: shape[3], Size: [2]int{size, size}, Pad: [2]int{size / 2, size / 2}}
	return kernels.MatrixOf(in.Arrays["images"], shape[0], g.Image()), g
}
