package main

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"math/rand/v2"

	"github.com/hebbkern/hebbkern/kernels"
)

// digest runs every kernel with its options on matrices of several shapes, in both types, with ordinary and special
// values, and hashes the bits of the results, all NaN as one. The numeric contract says that it is the same number on
// every processor and path.
func digest() uint64 {
	h := fnv.New64a()
	add := func(bits uint64) {
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], bits)
		_, _ = h.Write(b[:])
	}
	for _, shape := range [][2]int{{1, 1}, {3, 5}, {7, 67}, {5, 300}, {300, 37}, {2, 4200}} {
		for _, special := range []bool{false, true} {
			all[float32](shape[0], shape[1], special, func(v float32) {
				if v != v {
					v = float32(math.NaN())
				}
				add(uint64(math.Float32bits(v)))
			}, add)
			all[float64](shape[0], shape[1], special, func(v float64) {
				if v != v {
					v = math.NaN()
				}
				add(math.Float64bits(v))
			}, add)
		}
	}
	return h.Sum64()
}

func all[T kernels.Float](rows, cols int, special bool, put func(T), putInt func(uint64)) {
	rng := rand.New(rand.NewPCG(uint64(rows), uint64(cols)))
	vector := func(n int) []T {
		v := make([]T, n)
		for i := range v {
			v[i] = T(rng.IntN(2001)-1000) / 512
			if special && rng.IntN(40) == 0 {
				v[i] = []T{T(math.Inf(1)), T(math.Inf(-1)), T(math.NaN()), T(math.Copysign(0, -1)), 0, T(1e-40), T(-3e38)}[rng.IntN(7)]
			}
		}
		return v
	}
	matrix := func() kernels.Matrix[T] { return kernels.MatrixOf(vector(rows*cols), rows, cols) }
	out := func(vs ...[]T) {
		for _, v := range vs {
			for _, x := range v {
				put(x)
			}
		}
	}
	g, x, d, c := vector(rows), vector(cols), vector(rows), vector(cols)
	mask := make([]bool, rows*cols)
	for i := range mask {
		mask[i] = rng.IntN(3) > 0
	}
	sums, colSums := make([]T, rows), make([]T, cols)

	for _, u := range []kernels.Update[T]{
		{G: g, X: x},
		{G: g, X: x, Decay: d},
		{G: g, X: x, ColDecay: c},
		{G: g, X: x, Bounded: true, Low: -1, High: 1.5},
		{G: g, X: x, Decay: d, Bounded: true, Low: -1, High: 1.5},
		{G: g, X: x, ColDecay: c, Bounded: true, Low: -1, High: 1.5},
		{G: g, X: x, Decay: d, ColDecay: c, RowAdd: d, ColAdd: c, Mask: mask, Bounded: true, Low: 0, High: 2},
		{RowAdd: d, Mask: mask},
		{G: g, X: x, P: 2, Sums: sums},
	} {
		w := matrix()
		kernels.Rank1(w, u)
		out(w.Data, u.Sums)
	}
	for _, terms := range [][2][]T{{g, nil}, {nil, x}, {g, x}} {
		w := matrix()
		kernels.Scale(w, terms[0], terms[1])
		out(w.Data)
	}
	w := matrix()
	for _, p := range []float64{0.3, 0.5, 1, 1.5, 2, 2.7, 3, 4, math.Inf(1)} {
		kernels.PowerSums(w, p, sums, nil)
		out(sums)
		kernels.PowerSums(w, p, nil, colSums)
		out(colSums)
		kernels.PowerSums(w, p, sums, colSums)
		out(sums, colSums)
		if !math.IsInf(p, 1) {
			kernels.PowerSumsWeighted(w, p, x, sums, 1)
			kernels.PowerSumsWeighted(w, p, g, colSums, 0)
			out(sums, colSums)
		}
	}
	for _, of := range []kernels.Of{kernels.Value, kernels.SquareOf} {
		s := vector(cols)
		kernels.EMA(s, x, T(0.125), of)
		out(s)
		kernels.EMABatch(s, w, T(0.3), of)
		out(s)
	}
	for _, nesterov := range []bool{false, true} {
		w, v := vector(cols), vector(cols)
		kernels.Momentum(w, v, x, kernels.MomentumStep[T]{Rate: T(0.1), Mu: T(0.9), Keep: T(0.99), Nesterov: nesterov})
		out(w, v)
	}
	aw, am, av := vector(cols), vector(cols), vector(cols)
	kernels.Adam(aw, am, av, x, kernels.AdamStep[T]{Rate: T(0.1), Beta1: T(0.9), Beta2: T(0.99), Root: 2, Eps: T(1e-8), Keep: T(0.99)})
	out(aw, am, av)
	kernels.Shrink(aw, T(0.01), 1.3)
	kernels.Sign(am, x)
	out(aw, am)
	mean, values, sum := make([]T, cols), kernels.NewMatrix[float64](2, cols), make([]float64, cols)
	for seen := range 5 {
		kernels.WindowMean(mean, values, sum, w.Row(seen%rows), seen)
		out(mean)
	}
	kernels.ReLUOr(mean, x, -1)
	out(mean)
	kernels.Positive(mean, x)
	out(mean)
	for _, o := range []kernels.GainOptions[T]{{}, {Limit: 1}, {Form: kernels.GainExp}, {Form: kernels.GainExp, Limit: 1, Bias: vector(rows)}} {
		w := matrix()
		kernels.GainRule(w, ordinary[T](rows), ordinary[T](cols), T(0.01), o)
		out(w.Data, o.Bias)
	}
	for kind := kernels.Identity; kind <= kernels.BiPU; kind++ {
		act := kernels.Activation{Kind: kind}
		switch kind {
		case kernels.LeakyReLU:
			act.Slope = 0.01
		case kernels.BiLU, kernels.BiPU:
			act.Slope, act.Shape = 0.01, 1.3
		}
		y, z := make([]T, rows), make([]T, cols)
		kernels.Forward(y, w, x, g, act)
		out(y)
		kernels.Activate(z, x, act)
		out(z)
		kernels.Derivative(z, x, act)
		out(z)
	}
	batch, y := kernels.MatrixOf(vector(6*cols), 6, cols), kernels.NewMatrix[T](6, rows)
	kernels.ForwardBatch(y, w, batch, g, kernels.Activation{Kind: kernels.ReLU})
	out(y.Data)
	w = matrix()
	kernels.BatchUpdate(w, kernels.MatrixOf(vector(6*rows), 6, rows), batch, d, c)
	out(w.Data)
	product := kernels.NewMatrix[T](rows, 9)
	kernels.MatMul(product, w, kernels.MatrixOf(vector(cols*9), cols, 9))
	out(product.Data)
	spikes := func(units int) kernels.Spikes {
		s := kernels.Spikes{Data: make([]bool, 5*units), Rows: 5, Cols: units, Stride: units}
		for k := range s.Data {
			s.Data[k] = rng.IntN(4) == 0
		}
		return s
	}
	for mode := kernels.PreFirst; mode <= kernels.NeitherSide; mode++ {
		for _, mu := range []float64{0, 0.4} {
			w, r, o := matrix(), ordinary[T](cols), ordinary[T](rows)
			kernels.STDP(w, kernels.SpikeUpdate[T]{Pre: spikes(cols), Post: spikes(rows), R: kernels.SpikeTrace[T]{V: r, Decay: 0.9, Step: 0.1},
				O: kernels.SpikeTrace[T]{V: o, Decay: 0.8, Step: -0.1}, Coincidence: mode, Low: -1, High: 1, Mu: mu})
			out(w.Data, r, o)
		}
	}
	gram := kernels.NewMatrix[T](6, 6)
	kernels.MatMulT(gram, batch, batch)
	out(gram.Data)
	soft, at := kernels.NewMatrix[T](rows, cols), make([]int, rows)
	kernels.Softmax(soft, w)
	kernels.ArgMax(w, at)
	out(soft.Data)
	for _, i := range at {
		putInt(uint64(i))
	}
	for _, f := range []func(y, x []T){kernels.Exp[T], kernels.Log[T], kernels.Exp2[T], kernels.Log2[T]} {
		f(colSums, x)
		out(colSums)
	}
	kernels.PowAbs(colSums, x, 2.7)
	out(colSums)

	line := kernels.Windows{Channels: 1, Height: 1, Width: cols, Size: [2]int{1, min(9, cols)}}
	_, across := line.Positions()
	maps := kernels.NewMatrix[T](rows, 7*across)
	kernels.Convolve(maps, kernels.MatrixOf(vector(7*line.Length()), 7, line.Length()), w, line, nil, kernels.Activation{})
	pooled := kernels.NewMatrix[T](rows, across)
	for kind := kernels.MaxPool; kind <= kernels.AveragePool; kind++ {
		kernels.Pool(pooled, w, line, kind)
		out(maps.Data, pooled.Data)
	}
}

// ordinary is a vector of gains, which must be finite.
func ordinary[T kernels.Float](n int) []T {
	v := make([]T, n)
	for i := range v {
		v[i] = T(i%17) / 8
	}
	return v
}
