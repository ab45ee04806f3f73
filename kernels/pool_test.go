package kernels

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A trial is one call of a kernel on data of its own.
type trial[T Float] struct {
	name    string
	run     func()
	reset   func()
	outputs [][]T
}

// trials is every public kernel on matrices of rows × cols.
func trials[T Float](rows, cols, gap int) []trial[T] {
	var all []trial[T]
	add := func(name string, run func(), outputs ...[]T) {
		var old [][]T
		for _, o := range outputs {
			old = append(old, append([]T(nil), o...))
		}
		reset := func() {
			for k, o := range outputs {
				copy(o, old[k])
			}
		}
		all = append(all, trial[T]{name, run, reset, outputs})
	}
	r := newRand(uint64(rows*31 + cols))
	w := randomMatrix[T](r, rows, cols, gap)
	m := func() Matrix[T] { return clone(w) }
	g, x := randomVector[T](r, rows), randomVector[T](r, cols)
	d, c := randomVector[T](r, rows), randomVector[T](r, cols)
	outR := func() []T { return make([]T, rows) }
	outC := func() []T { return make([]T, cols) }
	one := []T{0.5}
	mask := make([]bool, rows*cols)
	for k := range mask {
		mask[k] = r.Uint32()&1 == 0
	}
	lows, highs := make([]T, rows*cols), make([]T, rows*cols)
	for k := range lows {
		lows[k], highs[k] = -1, T(k%3)
	}
	for name, u := range map[string]Update[T]{
		"soft": {G: g, X: x, Mask: mask, Dependence: &Dependence[T]{Soft: true, SoftLow: -2, SoftHigh: 2, Lows: lows[:cols], Highs: highs[:cols]}},
		"dependent": {G: g, X: x, Decay: d, Sums: outR(), P: 2, Dependence: &Dependence[T]{Soft: true, SoftLow: -2, SoftHigh: 2,
			Bistable: true, Gamma: 0.1, Theta: 0.4, Lows: lows, Highs: highs, LimitStride: cols}},
		"outer":  {G: g, X: x},
		"clip":   {G: g, X: x, Bounded: true, Low: -1, High: 1},
		"decay":  {G: g, X: x, Decay: d},
		"column": {G: g, X: one, ColDecay: c},
		"all":    {G: one, X: x, Decay: d, ColDecay: one, RowAdd: g, ColAdd: c, Bounded: true, Low: -1, High: 1, Mask: mask},
		"sums":   {G: g, X: x, Sums: outR(), P: 2},
		"sums1":  {G: g, X: x, Sums: outR(), P: 1},
		"fine":   {G: g, X: x, Finite: new(bool)},
		"fineD":  {G: one, X: x, Decay: d, Finite: new(bool)},
		"sumsP":  {G: g, X: x, Sums: outR(), P: 1.3},
		"sums/0": {Sums: outR(), P: 1},
	} {
		w := m()
		add("Rank1/"+name, func() { Rank1(w, u) }, w.Data, u.Sums)
	}
	w1, w2, w3 := m(), m(), m()
	add("Scale/rows", func() { Scale(w1, d, nil) }, w1.Data)
	add("Scale/cols", func() { Scale(w2, nil, one) }, w2.Data)
	add("Scale/both", func() { Scale(w3, one, c) }, w3.Data)
	for _, p := range []float64{0.5, 1, 1.5, 2, 3, 4, 2.7, inf} {
		a, b, sr, sc := outR(), outC(), outR(), outC()
		add(fmt.Sprint("PowerSums/", p), func() { PowerSums(w, p, sr, nil); PowerSums(w, p, nil, sc); PowerSums(w, p, a, b) }, a, b, sr, sc)
		if p != inf {
			a, b := outR(), outC()
			add(fmt.Sprint("PowerSumsWeighted/", p), func() { PowerSumsWeighted(w, p, x, a, 1); PowerSumsWeighted(w, p, one, b, 0) }, a, b)
			both, down := outR(), outC()
			add(fmt.Sprint("PowerSumsBothWeighted/", p), func() { PowerSumsBothWeighted(w, p, x, g, both, down) }, both, down)
		}
	}
	for _, of := range []Of{Value, SquareOf} {
		s, e := append([]T(nil), x...), append([]T(nil), x...)
		add(fmt.Sprint("EMA/", of), func() { EMA(s, c, 0.25, of) }, s)
		add(fmt.Sprint("EMABatch/", of), func() { EMABatch(e, w, 0.25, of) }, e)
	}
	for _, nesterov := range []bool{false, true} {
		w, v := outC(), outC()
		o := MomentumStep[T]{Rate: 0.01, Mu: 0.9, Keep: 0.999, Nesterov: nesterov}
		add(fmt.Sprint("Momentum/", nesterov), func() { Momentum(w, v, x, o) }, w, v)
	}
	wa, ma, va := outC(), outC(), outC()
	adam := AdamStep[T]{Rate: 0.01, Beta1: 0.9, Beta2: 0.99, Root: 1.5, Eps: 1e-8, Keep: 0.999}
	add("Adam", func() { Adam(wa, ma, va, x, adam) }, wa, ma, va)
	for _, p := range []float64{0.5, 1, 2.7} {
		w := append([]T(nil), x...)
		add(fmt.Sprint("Shrink/", p), func() { Shrink(w, 0.001, p) }, w)
	}
	sb := outC()
	add("Sign", func() { Sign(sb, x) }, sb)
	for _, window := range []int{1, 3} {
		one, many := outC(), outC()
		values, sum := [2]Matrix[float64]{NewMatrix[float64](window, cols), NewMatrix[float64](window, cols)}, [2][]float64{make([]float64, cols), make([]float64, cols)}
		add(fmt.Sprint("WindowMean/", window), func() {
			for seen := range 7 {
				WindowMean(one, values[0], sum[0], x, seen)
				WindowMeanBatch(many, values[1], sum[1], w, seen)
			}
		}, one, many)
	}
	for _, form := range []GainForm{GainLinear, GainExp} {
		for _, limit := range []T{0, 1} {
			w, bias := m(), append([]T(nil), g...)
			o := GainOptions[T]{Form: form, Limit: limit, Bias: bias}
			add(fmt.Sprint("GainRule/", form, limit), func() { GainRule(w, d, c, 0.01, o) }, w.Data, bias)
		}
	}
	batch := randomMatrix[T](r, 70, cols, 1)
	errs := randomMatrix[T](r, 70, rows, 2)
	for kind := Identity; kind <= lastKind; kind++ {
		act := Activation{kind, 0.1, 1.3}
		y, dy, f := outC(), outC(), outR()
		add(fmt.Sprint("Activate/", kind), func() { Activate(y, x, act); Derivative(dy, x, act) }, y, dy)
		add(fmt.Sprint("Forward/", kind), func() { Forward(f, w, x, d, act) }, f)
	}
	{
		line := Windows{Channels: 1, Height: 1, Width: cols, Size: [2]int{1, min(3, cols)}, Pad: [2]int{0, 1}}
		_, across := line.Positions()
		kernels, patches := randomMatrix[T](r, 7, line.Length(), 1), NewMatrix[T](rows*across, line.Length())
		maps, most, mean := NewMatrix[T](rows, 7*across), NewMatrix[T](rows, across), NewMatrix[T](rows, across)
		add("Patches", func() { Patches(patches, w, line, 0) }, patches.Data)
		add("Convolve", func() { Convolve(maps, kernels, w, line, one, Activation{Kind: ReLU}) }, maps.Data)
		if line.Size[1] > 1 { // a pool's window is wider than the padding
			add("Pool", func() { Pool(most, w, line, MaxPool); Pool(mean, w, line, AveragePool) }, most.Data, mean.Data)
		}
	}
	few := Matrix[T]{Data: batch.Data, Rows: 9, Cols: cols, Stride: batch.Stride}
	for name, o := range onlineForms[T](rows) {
		w, y := m(), NewMatrix[T](9, rows)
		o.Before, o.Sums = NewMatrix[T](rows, cols), outR()
		add("ForwardUpdate/"+name, func() { ForwardUpdate(w, few, y, o) }, w.Data, o.Before.Data, y.Data, o.Sums, o.Theta)
	}
	for name, s := range rank1Sequences[T](rows, cols, 5) {
		w := m()
		add("Rank1Sequence/"+name, func() { Rank1Sequence(w, s) }, w.Data)
	}
	or, pos := outC(), outC()
	add("ReLUOr", func() { ReLUOr(or, x, -0.5); Positive(pos, x) }, or, pos)
	yb := NewMatrix[T](70, rows)
	add("ForwardBatch", func() { ForwardBatch(yb, w, batch, one, Activation{Kind: Tanh}) }, yb.Data)
	yp4 := NewMatrix[T](70, rows)
	add("ForwardBatch/BiPU", func() { ForwardBatch(yp4, w, batch, one, Activation{BiPU, -0.5, 2}) }, yp4.Data)
	zb, fb := NewMatrix[T](70, rows), NewMatrix[T](70, rows)
	add("ForwardBoth", func() { ForwardBoth(fb, zb, w, batch, d, Activation{Kind: ELU}) }, zb.Data, fb.Data)
	wb := m()
	add("BatchUpdate", func() { BatchUpdate(wb, errs, batch, d, one) }, wb.Data)
	for name, u := range map[string]Update[T]{
		"bounds": {Bounded: true, Low: -1, High: 1},
		"all":    {Decay: d, ColDecay: c, RowAdd: one, ColAdd: one, Mask: mask, Bounded: true, Low: -1, High: 1},
		"limits": {RowAdd: g, ColAdd: c, Mask: mask, Dependence: &Dependence[T]{Lows: lows, Highs: highs, LimitStride: cols}},
	} {
		w := m()
		add("BatchUpdateTerms/"+name, func() { BatchUpdateTerms(w, errs, batch, u) }, w.Data)
	}
	for _, mu := range []float64{0, 0.5} {
		w, own := m(), newRand(7)
		u := SpikeUpdate[T]{Pre: randomSpikes(own, 9, cols, 0, 0.1), Post: randomSpikes(own, 9, rows, 0, 0.1),
			R: SpikeTrace[T]{append([]T(nil), x...), 0.9, 0.1}, O: SpikeTrace[T]{append([]T(nil), g...), 0.8, -0.1}, Low: -1, High: 1, Mu: mu}
		add(fmt.Sprint("STDP/", mu), func() { STDP(w, u) }, w.Data, u.R.V, u.O.V)
	}
	prod := NewMatrix[T](70, cols)
	add("MatMul", func() { MatMul(prod, errs, w) }, prod.Data)
	gram, dots := NewMatrix[T](rows, rows), NewMatrix[T](70, rows)
	add("MatMulT", func() { MatMulT(gram, w, w); MatMulT(dots, batch, w) }, gram.Data, dots.Data)
	soft := NewMatrix[T](rows, cols)
	add("Softmax", func() { Softmax(soft, w) }, soft.Data)
	index, found := make([]int, rows), outR()
	add("ArgMax", func() {
		ArgMax(w, index)
		for k, v := range index {
			found[k] = T(v)
		}
	}, found)
	ye, yl, y2, yl2, yp := outC(), outC(), outC(), outC(), outC()
	add("Elementary", func() { Exp(ye, x); Log(yl, x); Exp2(y2, x); Log2(yl2, x); PowAbs(yp, x, 1.3) }, ye, yl, y2, yl2, yp)
	return all
}

var trialSizes = [][2]int{{3, 5}, {17, 64}, {70, 33}, {255, 9}, {256, 8}, {257, 40}, {513, 3}, {5, 4095}, {4, 4096}, {9, 4097}, {3, 8193}, {2, 9000}, {1, 66000}}

func TestThreadsSameBits(t *testing.T) {
	bothTypes(t, testThreadsSameBits[float32], testThreadsSameBits[float64])
}

func testThreadsSameBits[T Float](t *testing.T) {
	sizes := trialSizes
	if thin() {
		sizes = [][2]int{{257, 40}, {3, 4100}}
	}
	for _, size := range sizes {
		for _, c := range trials[T](size[0], size[1], 3) {
			var want [][]T
			for threads := 1; threads <= 4; threads++ {
				c.reset()
				withThreads(t, threads)
				c.run()
				for k, o := range c.outputs {
					if threads == 1 {
						want = append(want, append([]T(nil), o...))
					} else {
						requireSameBits(t, want[k], o, fmt.Sprintf("%s %v, %d threads", c.name, size, threads))
					}
				}
			}
		}
	}
}

// TestStrideSameBits: the same numbers without gaps between the rows.
func TestStrideSameBits(t *testing.T) {
	bothTypes(t, testStrideSameBits[float32], testStrideSameBits[float64])
}

func testStrideSameBits[T Float](t *testing.T) {
	const rows, cols = 37, 70
	tight := trials[T](rows, cols, 0)
	byName := map[string]trial[T]{}
	for _, c := range trials[T](rows, cols, 5) {
		byName[c.name] = c
	}
	for _, c := range tight {
		c.run()
		s := byName[c.name]
		s.run()
		for k, o := range c.outputs {
			got := s.outputs[k]
			if len(got) > len(o) {
				m := Matrix[T]{got, rows, cols, cols + 5}
				requireGuards(t, m)
				got = nil
				for i := range rows {
					got = append(got, m.Row(i)...)
				}
			}
			requireSameBits(t, o, got, c.name)
		}
	}
}

func TestNoAllocations(t *testing.T) {
	if raceEnabled {
		t.Log("the race detector allocates by itself: the counts are taken in the other runs")
		return
	}
	if os.Getenv("HEBBKERN_TEST_EXEC") != "" && !useNEON {
		t.Skip("what the portable path allocates is counted natively")
	}
	bothTypes(t, testNoAllocations[float32], testNoAllocations[float64])
}

func testNoAllocations[T Float](t *testing.T) {
	for _, threads := range []int{1, 4} {
		withThreads(t, threads)
		for _, size := range [][2]int{{5, 7}, {300, 40}, {3, 4100}} {
			for _, c := range trials[T](size[0], size[1], 1) {
				c.run()
				// The counter is the whole process's, and the Go runtime itself now and
				// then allocates when it wakes a thread: a kernel that allocates does so
				// in every attempt.
				allocs := 1.0
				for attempt := 0; attempt < 5 && allocs > 0; attempt++ {
					allocs = testing.AllocsPerRun(5, c.run)
				}
				require.Zero(t, allocs, "%s %v, %d threads", c.name, size, threads)
			}
		}
	}
}

// TestConcurrentCallers has several goroutines call at once, while another
// changes the number of threads.
func TestConcurrentCallers(t *testing.T) {
	withThreads(t, 3)
	cases := make([][]trial[float32], 4)
	var want [][][]float32
	for k := range cases {
		cases[k] = trials[float32](300, 50, 1)
	}
	for _, c := range cases[0] {
		c.run()
		var o [][]float32
		for _, v := range c.outputs {
			o = append(o, append([]float32(nil), v...))
		}
		want = append(want, o)
		c.reset()
	}
	byName := map[string][][]float32{}
	for k, c := range cases[0] {
		byName[c.name] = want[k]
	}
	stop := make(chan struct{})
	var changer, callers sync.WaitGroup
	changer.Go(func() {
		for n := 1; ; n = n%4 + 1 {
			select {
			case <-stop:
				return
			default:
				SetThreads(n)
			}
		}
	})
	bad := make(chan string, 1000)
	for _, own := range cases {
		callers.Go(func() {
			for _, c := range own {
				c.run()
				for k, o := range c.outputs {
					if !sameBits(byName[c.name][k], o) {
						bad <- c.name
					}
				}
			}
		})
	}
	callers.Wait()
	close(stop)
	changer.Wait()
	close(bad)
	for name := range bad {
		t.Errorf("%s gave other bits when called concurrently", name)
	}
}

// faulty panics in the first cell of one thread, the caller's or a worker's,
// while the other thread is in its own first cell; that one ends when the run
// has stopped handing out cells.
type faulty struct {
	started chan struct{}
	worker  bool
	cells   atomic.Int32
	stopped atomic.Bool
}

func (f *faulty) cell(_, who int) {
	f.cells.Add(1)
	if f.worker == (who > 0) {
		<-f.started
		panic("cell failed")
	}
	close(f.started)
	for begin := time.Now(); time.Since(begin) < time.Minute; runtime.Gosched() {
		if workers.next.Load() >= workers.cells {
			f.stopped.Store(true)
			return
		}
	}
	panic("cells are handed out a minute after a panic")
}

func TestPanicReachesCaller(t *testing.T) {
	withThreads(t, 2)
	for _, worker := range []bool{false, true} {
		f := &faulty{started: make(chan struct{}), worker: worker}
		require.PanicsWithValue(t, "cell failed", func() { run(f, 100, 2) })
		require.True(t, f.stopped.Load())
		require.Equal(t, int32(2), f.cells.Load(), "one cell a thread")

		// The pool works on.
		w := NewMatrix[float32](300, 300)
		Rank1(w, Update[float32]{G: []float32{1}, X: []float32{2}})
		require.Equal(t, float32(2), w.Data[len(w.Data)-1])
	}
}

// meeting is cells of which each waits until every thread of the run has one.
type meeting struct {
	there atomic.Int32
	all   int32
}

func (m *meeting) cell(int, int) {
	m.there.Add(1)
	for begin := time.Now(); m.there.Load() < m.all; runtime.Gosched() {
		if time.Since(begin) > 20*time.Second {
			panic("a worker did not come")
		}
	}
}

// TestWorkersCome calls after pauses of all lengths, so that the workers are met
// watching, falling asleep and asleep: none may sleep through a call.
func TestWorkersCome(t *testing.T) {
	rounds := 500
	if thin() {
		rounds = 100
	}
	for _, threads := range []int{2, 3} {
		withThreads(t, threads)
		for k := range rounds {
			run(&meeting{all: int32(threads)}, threads, threads)
			for begin := time.Now(); time.Since(begin) < time.Duration(k%50)*5*time.Microsecond; {
			}
		}
	}
}

func TestSetThreads(t *testing.T) {
	withThreads(t, 1)
	for _, n := range []int{1, 4, 2, 1, 3, 1} {
		SetThreads(n)
		require.Equal(t, n, Threads())
		Rank1(NewMatrix[float64](200, 200), Update[float64]{G: []float64{1}, X: []float64{2}})
		workers.mu.Lock()
		require.Less(t, workers.started, n)
		workers.mu.Unlock()
	}
	for _, n := range []int{0, -1, maxThreads + 1} {
		requireRefused(t, func() { SetThreads(n) })
		require.Equal(t, 1, Threads())
	}
}

func TestThreadsAtStart(t *testing.T) {
	for _, c := range []struct {
		hebbkern, omp string
		want          int
	}{
		{"", "", 6}, {"3", "", 3}, {"3", "2", 3}, {"", "2", 2}, {"", "5,2", 5}, {" 4 ", "", 4},
		{"0", "", 6}, {"-1", "2", 2}, {"many", "", 6}, {"", "x", 6}, {"99999", "", maxThreads},
	} {
		env := map[string]string{"HEBBKERN_NUM_THREADS": c.hebbkern, "OMP_NUM_THREADS": c.omp}
		require.Equal(t, c.want, threadsAtStart(func(k string) string { return env[k] }, 6), "%+v", c)
	}
}

func TestLowerISA(t *testing.T) {
	for _, c := range [][3]string{
		{"avx2", "", "avx2"}, {"avx2", "portable", "portable"}, {"avx2", "avx2", "avx2"}, {"avx2", "neon", "avx2"}, {"avx2", "sse", "avx2"},
		{"neon", "portable", "portable"}, {"neon", "avx2", "neon"}, {"portable", "avx2", "portable"}, {"portable", "neon", "portable"},
	} {
		require.Equal(t, c[2], lowerISA(c[0], c[1]), "%v", c)
	}
	require.Contains(t, []string{"avx2", "neon", "portable"}, ISA())
	require.False(t, useAVX2 && useNEON)
	require.NotEmpty(t, Version())
	if ISA() == "avx2" {
		require.Subset(t, Features(), []string{"avx2", "fma3"})
	}
}

// TestEnvironment starts the test binary anew under each setting.
func TestEnvironment(t *testing.T) {
	const report = "HEBBKERN_TEST_REPORT"
	if os.Getenv(report) != "" {
		fmt.Printf("isa=%s threads=%d\n", ISA(), Threads())
		return
	}
	self, err := os.Executable()
	require.NoError(t, err)
	for _, c := range [][2]string{
		{"HEBBKERN_ISA=portable HEBBKERN_NUM_THREADS=3", "isa=portable threads=3\n"},
		{"HEBBKERN_ISA=avx512 HEBBKERN_NUM_THREADS=1", "isa=" + detectISA() + " threads=1\n"},
	} {
		// Under an emulator the new process needs it too.
		line := append(strings.Fields(os.Getenv("HEBBKERN_TEST_EXEC")), self, "-test.run=^TestEnvironment$")
		cmd := exec.Command(line[0], line[1:]...)
		cmd.Env = append(append(os.Environ(), report+"=1"), strings.Fields(c[0])...)
		out, err := cmd.Output()
		require.NoError(t, err)
		require.Contains(t, string(out), c[1])
	}
}
