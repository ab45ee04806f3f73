//go:build cgo

package main

import (
	"math/rand/v2"
	"time"
	"unsafe"

	"github.com/hebbkern/hebbkern/bench/limits"
	"github.com/hebbkern/hebbkern/kernels"
)

// A cell is one thing that is timed: a form of a limit, or a kernel.
type cell struct {
	name  string
	limit limits.Op // the memory limit that bounds it, or the limit that it is a form of
	roots float64   // square roots an element
	form  int       // >= 0: a form of the limit
	call  func(reps int) float64
	reps  int
	best  float64 // seconds of one pass, the minimum over the rounds
}

// kernelCells lists the kernels on w; its buffer is shared with the limits, so footprints agree. Arguments are chosen
// so that w stays near where it started, however often they are applied.
func kernelCells[T kernels.Float](buf []T, size int) []cell {
	w := kernels.MatrixOf(buf, size, size)
	half := len(buf) / 2
	a, s := buf[:half], buf[half:]
	g, x, d, one := constants[T](size, 1e-6), constants[T](size, 1), constants[T](size, 1e-6), constants[T](size, 1)
	gain := constants[T](size, 0.5)
	rowOut, colOut, y := make([]T, size), make([]T, size), make([]T, size)
	for i := range x {
		x[i] = T(i%3) - 1
	}
	var list []cell
	add := func(name string, op limits.Op, roots float64, f func()) {
		list = append(list, cell{name: name, limit: op, roots: roots, form: -1, call: func(reps int) float64 {
			begin := time.Now()
			for range reps {
				f()
			}
			return time.Since(begin).Seconds()
		}})
	}
	rw := limits.ReadWrite
	add("rank1", rw, 0, func() { kernels.Rank1(w, kernels.Update[T]{G: g, X: x}) })
	add("rank1 decay", rw, 0, func() { kernels.Rank1(w, kernels.Update[T]{G: g, X: x, Decay: d}) })
	add("rank1 decay clip", rw, 0, func() {
		kernels.Rank1(w, kernels.Update[T]{G: g, X: x, Decay: d, Bounded: true, Low: -2, High: 2})
	})
	add("rank1 sums p=2", rw, 0, func() { kernels.Rank1(w, kernels.Update[T]{G: g, X: x, P: 2, Sums: rowOut}) })
	add("rank1 decay sums p=1", rw, 0, func() { kernels.Rank1(w, kernels.Update[T]{G: g, X: x, Decay: d, P: 1, Sums: rowOut}) })
	add("scale rows", rw, 0, func() { kernels.Scale(w, one, nil) })
	add("scale rows cols", rw, 0, func() { kernels.Scale(w, one, one) })
	add("gain rule linear", rw, 0, func() { kernels.GainRule(w, gain, gain, T(1e-3), kernels.GainOptions[T]{}) })
	add("gain rule linear limit", rw, 0, func() {
		kernels.GainRule(w, gain, gain, T(1e-3), kernels.GainOptions[T]{Limit: 2})
	})
	add("gain rule exp", rw, 0, func() {
		kernels.GainRule(w, gain, gain, T(1e-3), kernels.GainOptions[T]{Form: kernels.GainExp})
	})
	for _, e := range []struct {
		name  string
		p     float64
		roots float64
	}{{"1", 1, 0}, {"2", 2, 0}, {"1.5", 1.5, 1}, {"0.5", 0.5, 1}, {"2.7", 2.7, 0}} {
		add("power sums p="+e.name+" rows", limits.Read, e.roots, func() { kernels.PowerSums(w, e.p, rowOut, nil) })
		add("power sums p="+e.name+" cols", limits.Read, e.roots, func() { kernels.PowerSums(w, e.p, nil, colOut) })
		add("power sums p="+e.name+" both", limits.Read, e.roots, func() { kernels.PowerSums(w, e.p, rowOut, colOut) })
	}
	add("ema value", limits.ReadReadWrite, 0, func() { kernels.EMA(s, a, T(1e-6), kernels.Value) })
	add("ema square", limits.ReadReadWrite, 0, func() { kernels.EMA(s, a, T(1e-6), kernels.SquareOf) })
	add("forward", limits.Read, 0, func() { kernels.Forward(y, w, x, nil, kernels.Activation{Kind: kernels.Identity}) })
	add("forward relu", limits.Read, 0, func() { kernels.Forward(y, w, x, g, kernels.Activation{Kind: kernels.ReLU}) })
	return list
}

func limitCells[T kernels.Float](buf []T, threads int) []cell {
	var list []cell
	for _, op := range []limits.Op{limits.Read, limits.ReadWrite, limits.ReadReadWrite} {
		for v := range limits.Variants(op) {
			list = append(list, cell{name: op.String(), limit: op, form: v, call: func(reps int) float64 {
				return limits.Seconds(op, v, buf, reps, threads)
			}})
		}
	}
	return list
}

// measure times every limit and kernel on one size × type × thread count.
func measure[T kernels.Float](run, size, threads int, set settings) []row {
	buf := aligned[T](size * size)
	rng := rand.New(rand.NewPCG(1, uint64(size)))
	fill := func() {
		for i := range buf {
			buf[i] = T(2*rng.Float64() - 1)
		}
	}
	fill()
	before := kernels.Threads()
	kernels.SetThreads(threads)
	defer kernels.SetThreads(before)

	list := limitCells(buf, threads)
	for _, c := range kernelCells(buf, size) {
		if matches(c.name, set.only) {
			list = append(list, c)
		}
	}
	interleave(list, set)

	var one T
	bytes := len(buf) * int(unsafe.Sizeof(one))
	base := row{Run: run, Size: size, Type: typeName[T](), Threads: threads}
	rows := make([]row, 0, len(list))
	bounds := map[limits.Op]int{}
	for _, c := range list {
		r := base
		r.Name, r.Limit, r.Seconds, r.Roots = c.name, c.limit.String(), c.best, c.roots
		r.GBs = float64(c.limit.Traffic(bytes)) / c.best * 1e-9
		r.Gelem = float64(len(buf)) / c.best * 1e-9
		if c.form < 0 {
			rows = append(rows, r)
			continue
		}
		r.IsLimit, r.Form = true, c.form
		if k, seen := bounds[c.limit]; !seen {
			bounds[c.limit] = len(rows)
			rows = append(rows, r)
		} else if r.Seconds < rows[k].Seconds {
			rows[k] = r
		}
	}
	return rows
}

// interleave times each cell once a round and keeps the minimum. The first round is a warm-up that also sets the
// number of repetitions.
func interleave(list []cell, set settings) {
	for i := range list {
		c := &list[i]
		once := max(c.call(1), 1e-9)
		if once < set.slice { // a second, warm call: the first one may have met cold caches or a pool's start
			once = max(c.call(1), 1e-9)
		}
		c.reps = max(1, int(set.slice/once))
		c.best = once
	}
	for range set.rounds {
		for i := range list {
			c := &list[i]
			c.best = min(c.best, c.call(c.reps)/float64(c.reps))
		}
	}
}

func registerLimits(run int, set settings) []register {
	return append(registersOf[float32](run, set), registersOf[float64](run, set)...)
}

func registersOf[T kernels.Float](run int, set settings) []register {
	var one T
	lanes := limits.VectorBytes() / int(unsafe.Sizeof(one))
	var list []register
	for _, op := range []limits.Op{limits.FMA, limits.Sqrt} {
		r := register{Run: run, Name: op.String(), Type: typeName[T](), Lanes: lanes}
		for range set.rounds {
			for v := range limits.Variants(op) {
				const n = 1_200_000 // a multiple of every unroll factor
				r.GVectors = max(r.GVectors, n/limits.RegisterSeconds[T](op, v, n)*1e-9)
			}
		}
		list = append(list, r)
	}
	return list
}

// aligned returns n elements that start at a page, as NumPy's and a C caller's large arrays nearly do.
func aligned[T kernels.Float](n int) []T {
	var one T
	const page = 4096
	size := int(unsafe.Sizeof(one))
	all := make([]T, n+page/size)
	skip := (page - int(uintptr(unsafe.Pointer(&all[0]))%page)) % page / size
	return all[skip : skip+n : skip+n]
}

func constants[T kernels.Float](n int, v T) []T {
	s := make([]T, n)
	for i := range s {
		s[i] = v
	}
	return s
}

func typeName[T kernels.Float]() string {
	var one T
	if unsafe.Sizeof(one) == 4 {
		return "float32"
	}
	return "float64"
}
