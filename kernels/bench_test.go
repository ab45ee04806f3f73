package kernels_test

import (
	"fmt"
	"testing"
	"unsafe"

	"github.com/hebbkern/hebbkern/kernels"
)

// The names are Benchmark<Kernel>/shape=…/type=…/impl=…, bytes are the real traffic. To compare two paths:
//
//	go test -run '^$' -bench . -count 10 ./kernels > best.txt
//	HEBBKERN_ISA=portable go test -run '^$' -bench . -count 10 ./kernels > portable.txt
//	benchstat -col /impl best.txt portable.txt
//
// The limits of the machine at the same footprints are in bench/ (make bench).

// How often a kernel passes over the matrix: reading it, or reading and writing it.
const (
	reads  = 1
	writes = 2
)

func benchmark(b *testing.B, passes int, f32 func(benchArgs[float32]) func(), f64 func(benchArgs[float64]) func()) {
	before := kernels.Threads()
	kernels.SetThreads(1)
	defer kernels.SetThreads(before)
	for _, size := range []int{64, 256, 1024, 4096} {
		benchOne(b, size, passes, f32)
		benchOne(b, size, passes, f64)
	}
}

// benchArgs are arguments that leave the matrix near where it started, however often they are applied.
type benchArgs[T kernels.Float] struct {
	w                   kernels.Matrix[T]
	g, x, one, out, alt []T
}

func benchOne[T kernels.Float](b *testing.B, size, passes int, make1 func(benchArgs[T]) func()) {
	var one T
	bytes := int(unsafe.Sizeof(one))
	name := fmt.Sprintf("shape=%dx%d/type=f%d/impl=%s", size, size, 8*bytes, kernels.ISA())
	b.Run(name, func(b *testing.B) {
		a := benchArgs[T]{w: kernels.NewMatrix[T](size, size), g: make([]T, size), x: make([]T, size),
			one: make([]T, size), out: make([]T, size), alt: make([]T, size)}
		for i := range a.w.Data {
			a.w.Data[i] = T(i*7919%2001-1000) / 1000
		}
		for i := range size {
			a.g[i], a.x[i], a.one[i] = 1e-6, T(i%3)-1, 1
		}
		f := make1(a)
		f()
		b.SetBytes(int64(passes * size * size * bytes))
		b.ReportAllocs()
		for b.Loop() {
			f()
		}
	})
}

func rank1Bench[T kernels.Float](a benchArgs[T]) func() {
	return func() { kernels.Rank1(a.w, kernels.Update[T]{G: a.g, X: a.x}) }
}

func BenchmarkRank1(b *testing.B) { benchmark(b, writes, rank1Bench[float32], rank1Bench[float64]) }

func rank1DecayBench[T kernels.Float](a benchArgs[T]) func() {
	return func() { kernels.Rank1(a.w, kernels.Update[T]{G: a.g, X: a.x, Decay: a.g}) }
}

func BenchmarkRank1Decay(b *testing.B) {
	benchmark(b, writes, rank1DecayBench[float32], rank1DecayBench[float64])
}

func rank1SumsBench[T kernels.Float](a benchArgs[T]) func() {
	return func() { kernels.Rank1(a.w, kernels.Update[T]{G: a.g, X: a.x, P: 2, Sums: a.out}) }
}

func BenchmarkRank1Sums(b *testing.B) {
	benchmark(b, writes, rank1SumsBench[float32], rank1SumsBench[float64])
}

func scaleBench[T kernels.Float](a benchArgs[T]) func() {
	return func() { kernels.Scale(a.w, a.one, a.one) }
}

func BenchmarkScale(b *testing.B) { benchmark(b, writes, scaleBench[float32], scaleBench[float64]) }

func gainRuleBench[T kernels.Float](form kernels.GainForm) func(benchArgs[T]) func() {
	return func(a benchArgs[T]) func() {
		return func() { kernels.GainRule(a.w, a.one, a.one, T(1e-3), kernels.GainOptions[T]{Form: form}) }
	}
}

func BenchmarkGainRuleLinear(b *testing.B) {
	benchmark(b, writes, gainRuleBench[float32](kernels.GainLinear), gainRuleBench[float64](kernels.GainLinear))
}

func BenchmarkGainRuleExp(b *testing.B) {
	benchmark(b, writes, gainRuleBench[float32](kernels.GainExp), gainRuleBench[float64](kernels.GainExp))
}

func powerSumsBench[T kernels.Float](p float64, rows, cols bool) func(benchArgs[T]) func() {
	return func(a benchArgs[T]) func() {
		var r, c []T
		if rows {
			r = a.out
		}
		if cols {
			c = a.alt
		}
		return func() { kernels.PowerSums(a.w, p, r, c) }
	}
}

func powerSums(b *testing.B, p float64) {
	for _, axis := range []struct {
		name       string
		rows, cols bool
	}{{"rows", true, false}, {"cols", false, true}, {"both", true, true}} {
		b.Run("axis="+axis.name, func(b *testing.B) {
			benchmark(b, reads, powerSumsBench[float32](p, axis.rows, axis.cols), powerSumsBench[float64](p, axis.rows, axis.cols))
		})
	}
}

func BenchmarkPowerSums1(b *testing.B)   { powerSums(b, 1) }
func BenchmarkPowerSums2(b *testing.B)   { powerSums(b, 2) }
func BenchmarkPowerSums1_5(b *testing.B) { powerSums(b, 1.5) }
func BenchmarkPowerSums0_5(b *testing.B) { powerSums(b, 0.5) }
func BenchmarkPowerSums2_7(b *testing.B) { powerSums(b, 2.7) }

// EMA reads a and reads and writes s, each as long as the matrix.
func emaBench[T kernels.Float](a benchArgs[T]) func() {
	s, v := a.w.Data, make([]T, len(a.w.Data))
	return func() { kernels.EMA(s, v, T(1e-6), kernels.Value) }
}

func BenchmarkEMA(b *testing.B) { benchmark(b, reads+writes, emaBench[float32], emaBench[float64]) }

// Adam reads g and reads and writes w, m and v, each as long as the matrix.
func adamBench[T kernels.Float](a benchArgs[T]) func() {
	n := len(a.w.Data)
	m, v, g := make([]T, n), make([]T, n), make([]T, n)
	o := kernels.AdamStep[T]{Rate: T(1e-6), Beta1: T(0.9), Beta2: T(0.999), Root: 1, Eps: T(1e-8), Keep: 1}
	return func() { kernels.Adam(a.w.Data, m, v, g, o) }
}

func BenchmarkAdam(b *testing.B) {
	benchmark(b, 3*(reads+writes), adamBench[float32], adamBench[float64])
}

func forwardBench[T kernels.Float](a benchArgs[T]) func() {
	return func() { kernels.Forward(a.out, a.w, a.x, nil, kernels.Activation{Kind: kernels.Identity}) }
}

func BenchmarkForward(b *testing.B) {
	benchmark(b, reads, forwardBench[float32], forwardBench[float64])
}

// The matrix products of a batch of 64; their bound is the rate of fused multiply-adds, in the metric of theirs.
func products(b *testing.B, f32 func(productArgs[float32]) func(), f64 func(productArgs[float64]) func()) {
	before := kernels.Threads()
	kernels.SetThreads(1)
	defer kernels.SetThreads(before)
	for _, shape := range [][2]int{{256, 256}, {64, 784}, {1024, 1024}, {2000, 784}, {4096, 4096}} {
		productOne(b, shape[0], shape[1], f32)
		productOne(b, shape[0], shape[1], f64)
	}
}

// productArgs are a batch for weights [out, in] that stay near where they started.
type productArgs[T kernels.Float] struct {
	w, g, x, y, back kernels.Matrix[T]
	d                []T
}

func productOne[T kernels.Float](b *testing.B, out, in int, make1 func(productArgs[T]) func()) {
	const samples = 64
	var one T
	name := fmt.Sprintf("shape=%dx%d/type=f%d/impl=%s", out, in, 8*int(unsafe.Sizeof(one)), kernels.ISA())
	b.Run(name, func(b *testing.B) {
		a := productArgs[T]{kernels.NewMatrix[T](out, in), kernels.NewMatrix[T](samples, out), kernels.NewMatrix[T](samples, in),
			kernels.NewMatrix[T](samples, out), kernels.NewMatrix[T](samples, in), make([]T, out)}
		for i := range a.w.Data {
			a.w.Data[i] = T(i*7919%2001-1000) / 1000
		}
		for i := range a.g.Data {
			a.g.Data[i] = T(i%5-2) * 1e-6
		}
		for i := range a.x.Data {
			a.x.Data[i] = T(i%3) - 1
		}
		for i := range a.d {
			a.d[i] = 1e-6
		}
		f := make1(a)
		f()
		b.ReportAllocs()
		for b.Loop() {
			f()
		}
		b.ReportMetric(2e-9*samples*float64(out*in)*float64(b.N)/b.Elapsed().Seconds(), "GFLOP/s")
	})
}

func forwardBatchBench[T kernels.Float](a productArgs[T]) func() {
	return func() { kernels.ForwardBatch(a.y, a.w, a.x, a.d, kernels.Activation{Kind: kernels.ReLU}) }
}

func BenchmarkForwardBatch(b *testing.B) {
	products(b, forwardBatchBench[float32], forwardBatchBench[float64])
}

func batchUpdateBench[T kernels.Float](a productArgs[T]) func() {
	return func() { kernels.BatchUpdate(a.w, a.g, a.x, a.d, nil) }
}

func BenchmarkBatchUpdate(b *testing.B) {
	products(b, batchUpdateBench[float32], batchUpdateBench[float64])
}

func matMulBench[T kernels.Float](a productArgs[T]) func() {
	return func() { kernels.MatMul(a.back, a.g, a.w) }
}

func BenchmarkMatMul(b *testing.B) { products(b, matMulBench[float32], matMulBench[float64]) }
