package engine

import (
	"errors"
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/hebbkern/hebbkern/kernels"
)

// thin cuts what a test goes through, for where everything is tens of times slower.
var thin = os.Getenv("HEBBKERN_TEST_THIN") != ""

// gated is post-gated Hebb with decay, x → x − θ: a rule whose presynaptic factor is known before y.
type gated[T kernels.Float] struct{ custom[T] }

func (gated[T]) Pre(dst, x []T) {
	for j, v := range x {
		dst[j] = v - 0.25
	}
}

func newGated[T kernels.Float](terms Terms, lr float64) gated[T] {
	return gated[T]{custom[T]{terms: terms, lr: lr, fill: func(v *Vectors[T], x, y []T) {
		gated[T]{}.Pre(v.X, x)
		for i, a := range y {
			v.G[i] = T(lr) * a
			if v.D != nil {
				v.D[i] = T(lr) * (1 + a)
			}
			if v.A != nil {
				v.A[i] = T(lr) * (a - 0.5)
			}
		}
	}}}
}

// fitting are the rules without state that fit the blocked form.
func fitting[T kernels.Float](lr float64) []Rule[T] {
	return []Rule[T]{
		Hebb[T]{LR: lr}, Decay[T]{LR: lr, Decay: 0.01}, Oja[T]{LR: lr}, Sanger[T]{LR: lr}, Instar[T]{LR: lr},
		SoftHebb[T]{LR: 10 * lr, Temperature: 0.5}, SoftHebb[T]{LR: 10 * lr, Temperature: 1, Anti: true},
		WTA[T]{LR: 0.05, K: 1}, WTA[T]{LR: 0.05, K: 2}, WTA[T]{LR: 0.05, K: 1, Score: Euclid}, WTA[T]{LR: 0.05, K: 2, Score: Euclid},
		PreGated[T]{LR: lr, Theta: []T{0.4}}, PostGated[T]{LR: lr, Theta: []T{-0.3}}, AntiHebbian[T]{LR: lr},
		ABCD[T]{LR: lr, A: 1, B: 0.5, C: -0.4, D: 0.3}, Voja[T]{LR: lr, Scale: []T{1.5}},
	}
}

// exact says that the blocked form keeps the bits of the rule.
func exact[T kernels.Float](rule Rule[T]) bool {
	_, winners := rule.(WTA[T])
	return winners
}

// blockedTolerance is relative to the largest weight. In both forms a y carries the roundings of a dot of in terms and
// of up to n updates of its weights; the blocked form adds those of a product over the block and, for Sanger, over the
// rows. A sample passes an error of W on with a factor of at most 1 + 3η|x|², which for the rates here grows to less
// than 20 over all samples.
func blockedTolerance[T kernels.Float](in, out, n int) float64 {
	eps := 0x1p-52
	if single[T]() {
		eps = 0x1p-23
	}
	return 20 * eps * float64(in+out+2*n)
}

// The blocked form against one sample at a time, for every rule that fits, sizes, blocks, y given and computed.
func TestBlockedAgainstSequential(t *testing.T) {
	both(t, testBlockedAgainstSequential[float32], testBlockedAgainstSequential[float64])
}

func testBlockedAgainstSequential[T kernels.Float](t *testing.T) {
	sizes := [][3]int{{1, 1, 5}, {2, 9, 17}, {5, 3, 40}, {40, 7, 70}, {17, 33, 100}, {64, 70, 131}}
	blocks := []int{1, 2, 15, 16, 17, 31, 33, 48, 64, 100, 1000}
	if thin {
		sizes, blocks = sizes[2:5], []int{1, 16, 33, 64, 1000}
	}
	for _, size := range sizes {
		out, in, n := size[0], size[1], size[2]
		for _, compute := range []bool{true, false} {
			// η|x|² summed over the samples is about 1; y that is given does not feed errors back.
			rate := 1 / float64(n*in)
			if !compute {
				rate *= 20
			}
			rules := fitting[T](rate)
			rules = append(rules, newGated[T](TermX|TermDecay, rate), newGated[T](TermX, rate), newGated[T](TermX|TermResidual, rate),
				newGated[T](TermX|TermDecay|TermRow, rate))
			for _, rule := range rules {
				if w, ok := rule.(WTA[T]); ok && w.K > out || rule.Terms()&TermResponse != 0 && !compute {
					continue
				}
				r := source(uint64(out))
				start, x, y := randomMatrix[T](r, out, in, 3, 0.5), randomMatrix[T](r, n, in, 2, 1), randomMatrix[T](r, n, out, 1, 1)
				plain, yPlain := clone(start), clone(y)
				_, _, err := Update(rule, plain, x, yPlain, UpdateOptions[T]{Compute: compute})
				must(t, err)
				moved := 0.0
				for i := range out {
					for j, v := range plain.Row(i) {
						moved = math.Max(moved, math.Abs(float64(v-start.Row(i)[j])))
					}
				}
				for _, block := range blocks {
					name := fmt.Sprintf("%s %v, terms %#x, blocks of %d, y computed %v", rule.Name(), size, rule.Terms(), block, compute)
					w, yBlock := clone(start), clone(y)
					_, k, err := Update(rule, w, x, yBlock, UpdateOptions[T]{Compute: compute, Block: block})
					must(t, err)
					if k != n {
						t.Fatalf("%s: %d samples of %d", name, k, n)
					}
					tolerance := blockedTolerance[T](in, out, n)
					if moved < 10*tolerance {
						t.Fatalf("%s: W moves by %v only, so that nothing is tested", name, moved)
					}
					near(t, name+": w", w, wide(plain), tolerance)
					near(t, name+": y", yBlock, wide(yPlain), 4*tolerance)
					if exact(rule) {
						equalBits(t, name+": w", w.Data, plain.Data)
						equalBits(t, name+": y", yBlock.Data, yPlain.Data)
					}
					for i := range out - 1 {
						if v := w.Data[i*w.Stride+in]; v == v {
							t.Fatalf("%s: a gap between rows was written", name)
						}
					}
				}
			}
		}
	}
}

// float32 in blocks is as near to the exact sequence as float32 one sample at a time.
func TestBlockedAccuracy(t *testing.T) {
	const out, in, n = 24, 200, 256
	rules32, rules64 := fitting[float32](0.2/in), fitting[float64](0.2/in)
	for at, rule := range rules32 {
		if exact(rule) {
			continue
		}
		switch rule.(type) {
		case Hebb[float32], PreGated[float32], PostGated[float32], ABCD[float32]:
			continue // grow without bound, and every error with them
		}
		r := source(21)
		start, x := randomMatrix[float32](r, out, in, 0, 0.05), randomMatrix[float32](r, n, in, 0, 1)
		widen := func(m kernels.Matrix[float32]) kernels.Matrix[float64] {
			d := kernels.NewMatrix[float64](m.Rows, m.Cols)
			for i, v := range m.Data {
				d.Data[i] = float64(v)
			}
			return d
		}
		ideal := widen(start)
		_, _, err := Update(rules64[at], ideal, widen(x), kernels.Matrix[float64]{}, UpdateOptions[float64]{})
		must(t, err)
		distance := func(block int) float64 {
			w := clone(start)
			_, _, err := Update(rule, w, x, kernels.Matrix[float32]{}, UpdateOptions[float32]{Block: block})
			must(t, err)
			d := 0.0
			for i, v := range w.Data {
				d += math.Pow(float64(v)-ideal.Data[i], 2)
			}
			return math.Sqrt(d / float64(len(w.Data)))
		}
		plain := distance(0)
		for _, block := range []int{16, 64, 128, 256} {
			if d := distance(block); d > 1.5*plain {
				t.Errorf("%+v, blocks of %d: distance %.3g to the sequence in float64, one at a time %.3g", rule, block, d, plain)
			}
		}
	}
}

// Products of decays that underflow, factors of 0, and negative ones, against one sample at a time.
func TestBlockedDecays(t *testing.T) { both(t, testBlockedDecays[float32], testBlockedDecays[float64]) }

func testBlockedDecays[T kernels.Float](t *testing.T) {
	const out, in, n = 5, 6, 300
	r := source(31)
	start, x := randomMatrix[T](r, out, in, 0, 1), randomMatrix[T](r, n, in, 0, 1)
	y := kernels.NewMatrix[T](n, out)
	for s := range n {
		for i := range out {
			y.Row(s)[i] = []T{0, 1, 0.5, 1, 1e-3}[(s/50+i)%5]
		}
	}
	// f = 1 − ηy: 0.001^50, 0 and −0.5^50 within a block.
	for _, rule := range []Rule[T]{Instar[T]{LR: 0.999}, Instar[T]{LR: 1}, Instar[T]{LR: 1.5}, Decay[T]{LR: 0.1, Decay: 0.999}, Decay[T]{LR: 0.1, Decay: 1}} {
		plain := clone(start)
		_, _, err := Update(rule, plain, x, y, UpdateOptions[T]{})
		must(t, err)
		for _, block := range []int{16, 64, n} {
			w := clone(start)
			_, _, err := Update(rule, w, x, y, UpdateOptions[T]{Block: block})
			must(t, err)
			near(t, fmt.Sprintf("%+v, blocks of %d", rule, block), w, wide(plain), blockedTolerance[T](in, out, n))
		}
	}
	// y = 0: W is only scaled, by powers far below ½, and keeps its relative accuracy: a rounding a sample and its like
	// in the product.
	rule, count := Decay[T]{Decay: 0.25}, 120
	still := kernels.NewMatrix[T](count, out)
	plain := clone(start)
	_, _, err := Update(rule, plain, subRows(x, 0, count), still, UpdateOptions[T]{})
	must(t, err)
	for _, block := range []int{7, 40, count} {
		w := clone(start)
		_, _, err := Update(rule, w, subRows(x, 0, count), still, UpdateOptions[T]{Block: block})
		must(t, err)
		eps := 0x1p-52
		if single[T]() {
			eps = 0x1p-23
		}
		for i, v := range w.Data {
			want := float64(plain.Data[i])
			if d := math.Abs(float64(v) - want); d > float64(2*count)*eps*math.Abs(want) {
				t.Fatalf("blocks of %d: w[%d] = %v, want %v", block, i, v, want)
			}
		}
	}
	// SoftHebb's competition after its rows have been all but forgotten.
	soft := SoftHebb[T]{LR: 0.9, Temperature: 1}
	for k := range x.Data {
		x.Data[k] *= 0.3
	}
	plain, w := clone(start), clone(start)
	_, _, err = Update(soft, plain, subRows(x, 0, 40), kernels.Matrix[T]{}, UpdateOptions[T]{})
	must(t, err)
	_, _, err = Update(soft, w, subRows(x, 0, 40), kernels.Matrix[T]{}, UpdateOptions[T]{Block: 40})
	must(t, err)
	tolerance := 1e-9 // errors grow on the way, the rate being far from small
	if single[T]() {
		tolerance = 1e-2
	}
	near(t, "SoftHebb", w, wide(plain), tolerance)
}

// For a given block the bits depend neither on threads nor on where calls are cut.
func TestBlockedThreadsAndChunks(t *testing.T) {
	both(t, testBlockedThreadsAndChunks[float32], testBlockedThreadsAndChunks[float64])
}

func testBlockedThreadsAndChunks[T kernels.Float](t *testing.T) {
	const in, out, n, block = 256, 130, 100, 64
	rules := fitting[T](0.5 / in / n)
	if thin {
		rules = []Rule[T]{Oja[T]{LR: 0.5 / in / n}, Sanger[T]{LR: 0.5 / in / n}, SoftHebb[T]{LR: 0.1, Temperature: 1}, WTA[T]{LR: 0.05, K: 2, Score: Euclid}}
	}
	r := source(41)
	start, x := randomMatrix[T](r, out, in, 0, 0.05), randomMatrix[T](r, n, in, 0, 1)
	for _, rule := range rules {
		var want []T
		atThreads(t, func(threads int) {
			w := clone(start)
			y, _, err := Update(rule, w, x, kernels.Matrix[T]{}, UpdateOptions[T]{Block: block})
			must(t, err)
			got := append(w.Data, y.Data...)
			if threads == 1 {
				want = got
			}
			equalBits(t, fmt.Sprintf("%+v, threads %d", rule, threads), want, got)
		})
		w, y := clone(start), kernels.NewMatrix[T](n, out)
		var s Scratch[T]
		for _, cut := range [][2]int{{0, block}, {block, n}} {
			_, k, err := Update(rule, w, x, y, UpdateOptions[T]{Compute: true, Block: block, From: cut[0], To: cut[1], Scratch: &s})
			must(t, err)
			if k != cut[1]-cut[0] {
				t.Fatalf("k = %d", k)
			}
		}
		equalBits(t, fmt.Sprintf("%+v, in chunks", rule), want, append(w.Data, y.Data...))
	}
}

// A sample that is not finite is named as by one sample at a time, and W is as the samples before it left it.
func TestBlockedDivergence(t *testing.T) {
	both(t, testBlockedDivergence[float32], testBlockedDivergence[float64])
}

func testBlockedDivergence[T kernels.Float](t *testing.T) {
	const in, out, n = 8, 5, 60
	rules := fitting[T](1. / n / in)
	for _, rule := range rules {
		for _, bad := range []int{0, 1, 15, 31, 32, 59} {
			for _, block := range []int{0, 10, 32, 64} {
				r := source(8)
				w, x := randomMatrix[T](r, out, in, 0, 0.5), randomMatrix[T](r, n, in, 0, 1)
				good := clone(w)
				if bad > 0 {
					_, _, err := Update(rule, good, subRows(x, 0, bad), kernels.Matrix[T]{}, UpdateOptions[T]{})
					must(t, err)
				}
				x.Row(bad)[3] = T(math.NaN())
				y, k, err := Update(rule, w, x, kernels.Matrix[T]{}, UpdateOptions[T]{Block: block})
				diverged(t, err, bad, "x")
				if k != bad {
					t.Fatalf("%+v, blocks of %d: k = %d, want %d", rule, block, k, bad)
				}
				near(t, fmt.Sprintf("%+v, blocks of %d: w", rule, block), w, wide(good), blockedTolerance[T](in, out, n))
				if !finite(y.Data[:bad*out]) {
					t.Fatalf("%+v, blocks of %d: a y before the sample is not finite", rule, block)
				}
			}
		}
	}
	t.Run("weights before", func(t *testing.T) {
		for _, rule := range rules {
			r := source(8)
			w, x := randomMatrix[T](r, out, in, 0, 0.5), randomMatrix[T](r, n, in, 0, 1)
			w.Row(2)[2] = T(math.Inf(1))
			_, k, err := Update(rule, w, x, kernels.Matrix[T]{}, UpdateOptions[T]{Block: 16})
			diverged(t, err, 0, "the weights before")
			if k != 0 {
				t.Fatalf("k = %d", k)
			}
		}
	})
	t.Run("on the way", func(t *testing.T) {
		// Rates far too large: the sample and the cause are those of one sample at a time.
		for _, rule := range []Rule[T]{Oja[T]{LR: 100}, Sanger[T]{LR: 100}, SoftHebb[T]{LR: 1e8, Temperature: 1}, Hebb[T]{LR: 1e4}} {
			var want *DivergenceError
			for _, block := range []int{0, 7, 64} {
				r := source(9)
				w, x := randomMatrix[T](r, out, in, 0, 0.5), randomMatrix[T](r, 200, in, 0, 1)
				_, k, err := Update(rule, w, x, kernels.Matrix[T]{}, UpdateOptions[T]{Block: block})
				var e *DivergenceError
				if !errors.As(err, &e) {
					t.Fatalf("%+v: error %v", rule, err)
				}
				if block == 0 {
					want = e
				}
				if *e != *want || k > e.Sample+1 || k < e.Sample {
					t.Errorf("%+v, blocks of %d: %v, k = %d; one at a time: %v", rule, block, e, k, want)
				}
			}
		}
	})
	t.Run("y given", func(t *testing.T) {
		w, x, y := kernels.NewMatrix[T](out, in), kernels.NewMatrix[T](n, in), kernels.NewMatrix[T](n, out)
		y.Row(20)[1] = T(math.Inf(-1))
		_, k, err := Update[T](Oja[T]{LR: 0.1}, w, x, y, UpdateOptions[T]{Block: 16})
		diverged(t, err, 20, "y")
		if k != 20 {
			t.Fatalf("k = %d", k)
		}
		y.Row(20)[1], x.Row(9)[4] = 0, T(math.NaN())
		for _, rule := range []Rule[T]{Oja[T]{LR: 0.1}, Sanger[T]{LR: 0.1}} {
			clear(w.Data)
			_, k, err = Update(rule, w, x, y, UpdateOptions[T]{Block: 16})
			diverged(t, err, 9, "the weights")
			if k != 10 {
				t.Fatalf("k = %d", k)
			}
		}
		// Every y and coefficient is finite, and the sum over the block is not.
		top := math.MaxFloat64
		if single[T]() {
			top = math.MaxFloat32
		}
		x.Row(9)[4] = 0
		for s := range n {
			x.Row(s)[0], y.Row(s)[0] = T(top/4), 1
		}
		clear(w.Data)
		_, k, err = Update[T](Hebb[T]{LR: 1}, w, x, y, UpdateOptions[T]{Block: 16})
		diverged(t, err, 15, "the weights")
		if k != 16 {
			t.Fatalf("k = %d", k)
		}
	})
}

func TestBlockedRefuses(t *testing.T) {
	type o = UpdateOptions[float64]
	fill := func(*Vectors[float64], []float64, []float64) { panic("reached") }
	for _, c := range []struct {
		name string
		rule Rule[float64]
		o    o
		arg  string
	}{
		{"negative", Oja[float64]{}, o{Block: -1}, "block"},
		{"too large", Oja[float64]{}, o{Block: MaxBlock + 1}, "block"},
		{"sum", Oja[float64]{}, o{Block: 4, Reduction: Sum}, "block"},
		{"mean", Oja[float64]{}, o{Block: 4, Reduction: Mean}, "block"},
		{"normalize", Oja[float64]{}, o{Block: 4, Normalize: MaxNorm}, "block"},
		{"outstar", custom[float64]{terms: TermCol, fill: fill}, o{Block: 4}, "block"},
		{"Outstar", Outstar[float64]{}, o{Block: 4}, "block"},
		{"column terms", custom[float64]{terms: TermColAdd, fill: fill}, o{Block: 4}, "block"},
		{"diagonal", AntiHebbian[float64]{ZeroDiagonal: true}, o{Block: 4}, "block"},
		{"Krotov-Hopfield", KrotovHopfield[float64]{Q: 2, K: 2}, o{Block: 4}, "block"},
		{"unknown x", custom[float64]{terms: TermX, fill: fill}, o{Block: 4}, "block"},
		{"from", Oja[float64]{}, o{Block: 4, From: 2}, "rows"},
		{"to", Oja[float64]{}, o{Block: 4, To: 6}, "rows"},
	} {
		w, x, y := kernels.MatrixOf([]float64{1, 2, 3, 4}, 2, 2), kernels.NewMatrix[float64](9, 2), kernels.NewMatrix[float64](9, 2)
		c.o.Compute = true
		_, k, err := Update(c.rule, w, x, y, c.o)
		refused(t, c.name, err, c.arg)
		if k != 0 || fmt.Sprint(w.Data) != "[1 2 3 4]" || maxAbs(wide(y)) != 0 {
			t.Errorf("%s: wrote", c.name)
		}
	}
}
