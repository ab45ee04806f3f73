package engine

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/hebbkern/hebbkern/kernels"
)

// smallParts has ConvLearn unfold few windows at a time.
func smallParts(t *testing.T) {
	old := convElements
	convElements = 1
	t.Cleanup(func() { convElements = old })
}

var convGeometry = kernels.Windows{Channels: 2, Height: 7, Width: 6, Size: [2]int{3, 2}, Stride: [2]int{1, 1}, Pad: [2]int{1, 0}} // 35 windows of 12

// TestConvLearnBits: a sequence of parts has the bits of one Update over all windows, each sample or in blocks, and so
// does Sum or Mean over as many images.
func TestConvLearnBits(t *testing.T) { both(t, testConvLearnBits[float32], testConvLearnBits[float64]) }

func testConvLearnBits[T kernels.Float](t *testing.T) {
	smallParts(t)
	r := source(41)
	const images, units = 6, 5
	g := convGeometry
	x := randomMatrix[T](r, images, g.Image(), 3, 0.5)
	rows, cols := g.Positions()
	w0 := randomMatrix[T](r, units, g.Length(), 1, 0.3)
	for _, rule := range []Rule[T]{Hebb[T]{LR: 1e-4}, Decay[T]{LR: 1e-3, Decay: 1e-3}, Oja[T]{LR: 1e-2}, Sanger[T]{LR: 1e-2}, Instar[T]{LR: 1e-2},
		WTA[T]{LR: 1e-2, K: 2, Score: Euclid}, SoftHebb[T]{LR: 1e-2, Temperature: 0.5, Anti: true}} {
		for _, draw := range []Draw{{}, {Count: 13, Seed: 5, First: 2}} {
			each := rows * cols
			if draw.Count > 0 {
				each = draw.Count
			}
			all := kernels.NewMatrix[T](images*each, g.Length())
			must(t, Patches(all, x, g, draw, 0, nil))
			for _, o := range []UpdateOptions[T]{{}, {Block: 7}, {Block: 64}, {Block: 500}, {Normalize: MaxNorm}} {
				want, got := clone(w0), clone(w0)
				_, k, err := Update(rule, want, all, kernels.Matrix[T]{}, o)
				must(t, err)
				n, err := ConvLearn(rule, got, x, g, ConvOptions[T]{UpdateOptions: o, Draw: draw})
				must(t, err)
				if n != k {
					t.Errorf("%s: %d windows, want %d", rule.Name(), n, k)
				}
				sameWeights(t, fmt.Sprint(rule, o, draw), got, want)
			}
			for _, o := range []UpdateOptions[T]{{Reduction: Sum}, {Reduction: Mean, Normalize: MaxNorm}} {
				want, got := clone(w0), clone(w0)
				for from := 0; from < images; from += 4 {
					part := subRows(all, from*each, min(4, images-from)*each)
					_, _, err := Update(rule, want, part, kernels.Matrix[T]{}, o)
					must(t, err)
				}
				n, err := ConvLearn(rule, got, x, g, ConvOptions[T]{UpdateOptions: o, Draw: draw, Images: 4})
				must(t, err)
				if n != all.Rows {
					t.Errorf("%s: %d windows, want %d", rule.Name(), n, all.Rows)
				}
				sameWeights(t, fmt.Sprint(rule, o, draw), got, want)
			}
		}
	}
}

func sameWeights[T kernels.Float](t *testing.T, what string, got, want kernels.Matrix[T]) {
	t.Helper()
	for i := range want.Rows {
		equalBits(t, what, got.Row(i), want.Row(i))
	}
}

// TestConvLearnAgainstLoops is SoftHebb on windows by its equation, in plain float64 loops over the images.
func TestConvLearnAgainstLoops(t *testing.T) {
	r := source(42)
	g := kernels.Windows{Channels: 2, Height: 6, Width: 7, Size: [2]int{3, 3}, Stride: [2]int{2, 1}, Pad: [2]int{0, 1}}
	const units, eta, temperature = 4, 0.02, 0.7
	x := randomMatrix[float64](r, 5, g.Image(), 0, 1)
	w := randomMatrix[float64](r, units, g.Length(), 0, 0.4)
	want := wide(w)
	_, err := ConvLearn[float64](SoftHebb[float64]{LR: eta, Temperature: temperature}, w, x, g, ConvOptions[float64]{})
	must(t, err)
	for b := range x.Rows {
		for top := 0; top+3 <= 6; top += 2 {
			for left := -1; left+3 <= 8; left++ {
				var window []float64
				for c := range 2 {
					for i := top; i < top+3; i++ {
						for j := left; j < left+3; j++ {
							v := 0.0
							if j >= 0 && j < 7 {
								v = x.Row(b)[(c*6+i)*7+j]
							}
							window = append(window, v)
						}
					}
				}
				u, y, sum := make([]float64, units), make([]float64, units), 0.0
				for k := range u {
					for l, v := range window {
						u[k] += want[k][l] * v
					}
				}
				for k := range u {
					y[k] = math.Exp((u[k] - slices.Max(u)) / temperature)
					sum += y[k]
				}
				for k := range u {
					for l, v := range window {
						want[k][l] += eta * y[k] / sum * (v - u[k]*want[k][l])
					}
				}
			}
		}
	}
	near(t, "w", w, want, closeness[float64]())
}

// TestDraw: no window twice, another order for each image, and a run that goes on is the run that never stopped.
func TestDraw(t *testing.T) {
	g := convGeometry
	rows, cols := g.Positions()
	const images, count = 4, 20
	x := kernels.NewMatrix[float32](images, g.Image())
	for i := range x.Data {
		x.Data[i] = float32(i + 1)
	}
	all, drawn := kernels.NewMatrix[float32](images*rows*cols, g.Length()), kernels.NewMatrix[float32](images*count, g.Length())
	must(t, Patches(all, x, g, Draw{}, 0, nil))
	must(t, Patches(drawn, x, g, Draw{Count: count, Seed: 3, First: 7}, 0, nil))
	orders := map[string]bool{}
	for b := range images {
		var order []int
		for i := range count {
			at := -1
			for p := range rows * cols {
				if slices.Equal(all.Row(b*rows*cols+p), drawn.Row(b*count+i)) {
					at = p
				}
			}
			if at < 0 || slices.Contains(order, at) {
				t.Fatalf("image %d, draw %d: window %d after %v", b, i, at, order)
			}
			order = append(order, at)
		}
		want := make([]int, rows*cols)
		EpochPermutation(want, 3, 7+b)
		if !slices.Equal(order, want[:count]) {
			t.Errorf("image %d: windows %v, want %v", b, order, want[:count])
		}
		orders[fmt.Sprint(order)] = true
	}
	if len(orders) != images {
		t.Errorf("%d orders for %d images", len(orders), images)
	}
	rest := kernels.NewMatrix[float32](images*count-33, g.Length())
	must(t, Patches(rest, x, g, Draw{Count: count, Seed: 3, First: 7}, 33, nil))
	equalBits(t, "from the middle on", rest.Data, drawn.Data[33*g.Length():])
	later := kernels.NewMatrix[float32](2*count, g.Length())
	must(t, Patches(later, subRows(x, 2, 2), g, Draw{Count: count, Seed: 3, First: 9}, 0, nil))
	equalBits(t, "of the later images", later.Data, drawn.Data[2*count*g.Length():])
}

func TestConvLearnDivergence(t *testing.T) {
	smallParts(t)
	r := source(43)
	g := convGeometry
	x := randomMatrix[float64](r, 4, g.Image(), 0, 1)
	x.Row(2)[0] = math.NaN() // seen by the windows at (0, 0) and (1, 0), which begin above it and with it
	for _, o := range []UpdateOptions[float64]{{}, {Block: 16}} {
		w, want := randomMatrix[float64](source(1), 3, g.Length(), 0, 0.1), randomMatrix[float64](source(1), 3, g.Length(), 0, 0.1)
		k, err := ConvLearn[float64](Oja[float64]{LR: 1e-3}, w, x, g, ConvOptions[float64]{UpdateOptions: o})
		diverged(t, err, 70, "x")
		if k != 70 {
			t.Errorf("%d windows applied, want 70", k)
		}
		_, err = ConvLearn[float64](Oja[float64]{LR: 1e-3}, want, subRows(x, 0, 2), g, ConvOptions[float64]{})
		must(t, err)
		near(t, "w", w, wide(want), closeness[float64]())
	}
}

func TestConvLearnRefuses(t *testing.T) {
	g := convGeometry
	r := source(44)
	x, w := randomMatrix[float64](r, 3, g.Image(), 0, 1), randomMatrix[float64](r, 4, g.Length(), 0, 0.1)
	oja := Oja[float64]{LR: 0.1}
	bad := func(change func(*kernels.Windows)) kernels.Windows {
		v := g
		change(&v)
		return v
	}
	inside := kernels.MatrixOf(x.Data[:4*g.Length()], 4, g.Length())
	for _, c := range []struct {
		arg  string
		rule Rule[float64]
		w, x kernels.Matrix[float64]
		g    kernels.Windows
		o    ConvOptions[float64]
	}{
		{"rule", nil, w, x, g, ConvOptions[float64]{}},
		{"lr", Oja[float64]{LR: -1}, w, x, g, ConvOptions[float64]{}},
		{"w", oja, subCols(w, 0, 3), x, g, ConvOptions[float64]{}},
		{"w", oja, inside, x, g, ConvOptions[float64]{}},
		{"images", oja, w, subCols(x, 0, 7), g, ConvOptions[float64]{}},
		{"Size", oja, w, x, bad(func(g *kernels.Windows) { g.Size[0] = 99 }), ConvOptions[float64]{}},
		{"Stride", oja, w, x, bad(func(g *kernels.Windows) { g.Stride[0] = -1 }), ConvOptions[float64]{}},
		{"count", oja, w, x, g, ConvOptions[float64]{Draw: Draw{Count: 36}}},
		{"count", oja, w, x, g, ConvOptions[float64]{Draw: Draw{Count: -1}}},
		{"first", oja, w, x, g, ConvOptions[float64]{Draw: Draw{Count: 3, First: -1}}},
		{"images", oja, w, x, g, ConvOptions[float64]{Images: -1}},
		{"lr", Oja[float64]{LR: -1}, w, x, g, ConvOptions[float64]{Images: math.MaxInt}},
		{"rows", oja, w, x, g, ConvOptions[float64]{UpdateOptions: UpdateOptions[float64]{To: 3}}},
		{"block", oja, w, x, g, ConvOptions[float64]{UpdateOptions: UpdateOptions[float64]{Block: -3}}},
		{"block", oja, w, x, g, ConvOptions[float64]{UpdateOptions: UpdateOptions[float64]{Block: MaxBlock + 1}}},
		{"reduction", oja, w, x, g, ConvOptions[float64]{UpdateOptions: UpdateOptions[float64]{Reduction: 7}}},
		{"reduction", oja, w, subRows(x, 0, 0), g, ConvOptions[float64]{UpdateOptions: UpdateOptions[float64]{Reduction: 7}}},
	} {
		oldW, oldX := slices.Clone(w.Data), slices.Clone(x.Data)
		k, err := ConvLearn(c.rule, c.w, c.x, c.g, c.o)
		refused(t, "ConvLearn", err, c.arg)
		if k != 0 {
			t.Errorf("%s: %d windows applied", c.arg, k)
		}
		equalBits(t, "w", w.Data, oldW)
		equalBits(t, "x", x.Data, oldX)
	}
	refused(t, "Patches", Patches(kernels.NewMatrix[float64](10, g.Length()), x, g, Draw{Count: 3}, 0, nil), "first")
	refused(t, "Patches", Patches(kernels.NewMatrix[float64](3, 5), x, g, Draw{Count: 3}, 0, nil), "dst")
	n, err := ConvLearn[float64](oja, w, subRows(x, 0, 0), g, ConvOptions[float64]{})
	must(t, err)
	if n != 0 {
		t.Errorf("%d windows of no image", n)
	}
}

func TestConvLearnMemory(t *testing.T) {
	r := source(45)
	g := kernels.Windows{Channels: 1, Height: 64, Width: 64, Size: [2]int{5, 5}}
	x, w := randomMatrix[float32](r, 3, g.Image(), 0, 0.1), randomMatrix[float32](r, 4, g.Length(), 0, 0.1)
	var s Scratch[float32]
	learn := func(o ConvOptions[float32]) {
		o.Scratch = &s
		_, err := ConvLearn[float32](WTA[float32]{LR: 1e-3, K: 1}, w, x, g, o)
		must(t, err)
	}
	learn(ConvOptions[float32]{})
	// 10,800 windows of 25 elements, and 4 of y: no more at once than convElements.
	if held := cap(s.windows[0]) + cap(s.windows[1]); held > convElements {
		t.Errorf("%d elements are kept, want %d at most", held, convElements)
	}
	for _, o := range []ConvOptions[float32]{{}, {Draw: Draw{Count: 50}}, {UpdateOptions: UpdateOptions[float32]{Reduction: Mean}}} {
		if n := testing.AllocsPerRun(3, func() { learn(o) }); n != 0 {
			t.Errorf("%+v: %v allocations a call", o.Draw, n)
		}
	}
}
