//go:build cgo

package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/hebbkern/hebbkern/bench/limits"
	"github.com/hebbkern/hebbkern/kernels"
)

// samples is the batch of the matrix products.
const samples = 64

// shapes are the [out, in] of their weights.
var shapes = [][2]int{{256, 256}, {64, 784}, {1024, 1024}, {2000, 784}, {4096, 4096}}

// A product is one timing of a matrix product: its bound is the rate of fused multiply-adds in registers, of as many
// threads, in the same rounds.
type product struct {
	Run     int     `json:"run"`
	Name    string  `json:"name"`
	Rows    int     `json:"rows"`
	Cols    int     `json:"cols"`
	Type    string  `json:"type"`
	Threads int     `json:"threads"`
	Seconds float64 `json:"seconds"`
	GFlops  float64 `json:"gflop_s"`
	Ratio   float64 `json:"ratio"` // to the peak of that many threads
	Gain    float64 `json:"gain"`  // over one thread, as a ratio to what the peak gains; 1 on one thread
}

// A productTarget is what is wanted of a product; Held counts the runs in which it held.
type productTarget struct {
	Name   string    `json:"name"`
	Shape  string    `json:"shape"`
	Type   string    `json:"type"`
	Wanted string    `json:"wanted"`
	Ratios []float64 `json:"ratios"`
	Held   int       `json:"held"`
	Met    bool      `json:"met"`
}

type productCell struct {
	product
	call func()
	reps int
}

// productCells lists the products on one shape; repeating them leaves the weights near where they started.
func productCells[T kernels.Float](out, in int) []*productCell {
	matrix := func(rows, cols int, scale float64) kernels.Matrix[T] {
		m := kernels.MatrixOf(aligned[T](rows*cols), rows, cols)
		for i := range m.Data {
			m.Data[i] = T(scale * float64(i%17-8))
		}
		return m
	}
	w, x := matrix(out, in, 1e-2), matrix(samples, in, 0.1)
	g, y, z, back := matrix(samples, out, 1e-6), matrix(samples, out, 0), matrix(samples, out, 0), matrix(samples, in, 0)
	gram := matrix(samples, samples, 0)
	decay, bias := constants[T](out, 1e-6), constants[T](out, 0.1)
	var list []*productCell
	add := func(name string, call func()) {
		list = append(list, &productCell{product: product{Name: name, Rows: out, Cols: in, Type: typeName[T]()}, call: call})
	}
	relu := kernels.Activation{Kind: kernels.ReLU}
	add("forward", func() { kernels.ForwardBatch(y, w, x, bias, relu) })
	add("forward both", func() { kernels.ForwardBoth(y, z, w, x, bias, relu) })
	add("batch update decay", func() { kernels.BatchUpdate(w, g, x, decay, nil) })
	add("back", func() { kernels.MatMul(back, g, w) })
	add("gram", func() { kernels.MatMulT(gram, x, x) })
	return list
}

// terms is the number of fused multiply-adds.
func (p *product) terms() float64 {
	if p.Name == "gram" {
		return samples * samples * float64(p.Cols)
	}
	return samples * float64(p.Rows) * float64(p.Cols)
}

// measureProducts times the products on every shape, one and more threads in turn within a round.
func measureProducts[T kernels.Float](run int, set settings) []product {
	before := kernels.Threads()
	defer kernels.SetThreads(before)
	var list []product
	for _, shape := range shapes {
		byThreads := make([][]*productCell, len(set.threads))
		peak := make([]float64, len(set.threads))
		for t, n := range set.threads {
			kernels.SetThreads(n)
			for _, c := range productCells[T](shape[0], shape[1]) {
				if !matches(c.Name, set.only) {
					continue
				}
				c.Run, c.Threads = run, n
				c.call() // scratch and pages
				begin := time.Now()
				c.call()
				c.Seconds = time.Since(begin).Seconds()
				c.reps = max(1, int(set.slice/c.Seconds))
				byThreads[t] = append(byThreads[t], c)
			}
		}
		for range set.rounds {
			for t, n := range set.threads {
				kernels.SetThreads(n)
				peak[t] = max(peak[t], peakOf[T](n))
				for _, c := range byThreads[t] {
					c.call() // warm, and the workers awake
					begin := time.Now()
					for range c.reps {
						c.call()
					}
					c.Seconds = min(c.Seconds, time.Since(begin).Seconds()/float64(c.reps))
				}
			}
		}
		for t, cells := range byThreads {
			for i, c := range cells {
				c.GFlops = 2e-9 * c.terms() / c.Seconds
				c.Ratio = c.terms() / c.Seconds / peak[t]
				c.Gain = c.Ratio / byThreads[0][i].Ratio
				list = append(list, c.product)
			}
		}
	}
	return list
}

// peakOf is the rate of fused multiply-adds of that many threads at once, in elements a second.
func peakOf[T kernels.Float](threads int) float64 {
	const n = 3_600_000 // a multiple of every unroll factor
	var one T
	lanes := limits.VectorBytes() / int(unsafe.Sizeof(one))
	best := 0.0
	for v := range limits.Variants(limits.FMA) {
		var started atomic.Int32
		var done sync.WaitGroup
		seconds := make([]float64, threads)
		for t := range threads {
			done.Go(func() {
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				for started.Add(1); int(started.Load()) < threads; { // all are awake before any begins
				}
				seconds[t] = limits.RegisterSeconds[T](limits.FMA, v, n)
			})
		}
		done.Wait()
		best = max(best, float64(threads*n*lanes)/slices.Max(seconds))
	}
	return best
}

func (p *product) shape() string { return fmt.Sprintf("%d×%d", p.Rows, p.Cols) }

// productTargets are those of the suite, float32.
func productTargets(list []product) []productTarget {
	var targets []productTarget
	at := map[string]int{}
	note := func(p product, wanted string, value float64, holds bool) {
		key := p.Name + p.shape() + wanted
		k, seen := at[key]
		if !seen {
			k = len(targets)
			at[key] = k
			targets = append(targets, productTarget{Name: p.Name, Shape: p.shape(), Type: p.Type, Wanted: wanted})
		}
		t := &targets[k]
		t.Ratios = append(t.Ratios, value)
		if holds {
			t.Held++
		}
		t.Met = 5*t.Held >= 3*len(t.Ratios)
	}
	for _, p := range list {
		if p.Type != "float32" {
			continue
		}
		wanted := map[string]float64{"forward": 0.85, "batch update decay": 0.80}[p.Name]
		if p.Name == "forward" && p.Rows >= 4096 {
			wanted = 0.80
		}
		switch {
		case p.Threads == 1 && wanted > 0:
			note(p, fmt.Sprintf("≥ %.2f of the FMA peak", wanted), p.Ratio, p.Ratio >= wanted)
		case p.Threads == 2:
			if wanted > 0 && p.Rows*p.Cols >= 1<<20 {
				note(p, "2 threads ≥ 0.93 of the peak's gain", p.Gain, p.Gain >= 0.93)
			}
			for _, one := range list {
				if one.Run == p.Run && one.Name == p.Name && one.shape() == p.shape() && one.Type == p.Type && one.Threads == 1 {
					value := one.Seconds / p.Seconds
					note(p, "2 threads no slower than 1", value, value >= 0.97) // the noise of equal times
				}
			}
		}
	}
	return targets
}

// printProducts writes the minimum over the runs and the median ratios.
func (res *results) printProducts(out io.Writer) {
	if len(res.Products) == 0 {
		return
	}
	type key struct {
		name, shape, typ string
		threads          int
	}
	var order []key
	groups := map[key][]product{}
	for _, p := range res.Products {
		k := key{p.Name, p.shape(), p.Type, p.Threads}
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], p)
	}
	slices.SortStableFunc(order, func(a, b key) int { return strings.Compare(a.name, b.name) })
	fmt.Fprintf(out, "\n%-28s %-8s %10s %3s %12s %9s  %s\n", fmt.Sprintf("products, %d samples", samples), "type", "shape", "thr", "µs", "GFLOP/s", "of the FMA peak, of its gain")
	for _, k := range order {
		rows := groups[k]
		best := rows[0]
		var ratios, gains []float64
		for _, p := range rows {
			ratios, gains = append(ratios, p.Ratio), append(gains, p.Gain)
			if p.Seconds < best.Seconds {
				best = p
			}
		}
		slices.Sort(ratios)
		slices.Sort(gains)
		gain := ""
		if k.threads > 1 {
			gain = fmt.Sprintf("  %.2f", gains[len(gains)/2])
		}
		fmt.Fprintf(out, "%-28s %-8s %10s %3d %12.2f %9.1f  %.2f%s\n", k.name, k.typ, k.shape, k.threads, best.Seconds*1e6, best.GFlops, ratios[len(ratios)/2], gain)
	}
	fmt.Fprintf(out, "\ntargets of the products (float32)\n")
	for _, t := range res.ProductTargets {
		fmt.Fprintf(out, "%-20s %10s  %-36s held in %d of %d runs: %s  %.2f\n", t.Name, t.Shape, t.Wanted, t.Held, len(t.Ratios), verdict(t.Met), t.Ratios)
	}
}
