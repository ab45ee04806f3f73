package engine

import (
	"fmt"
	"math"
	"sort"
	"testing"

	"github.com/hebbkern/hebbkern/kernels"
)

// The rules that Update's own test cannot state in one Δw_ij of a sample, or whose Update is their own.

func TestZeroDiagonal(t *testing.T) { both(t, testZeroDiagonal[float32], testZeroDiagonal[float64]) }

func testZeroDiagonal[T kernels.Float](t *testing.T) {
	const n, units, lr = 6, 7, 0.05
	for red := Sequential; red <= Mean; red++ {
		for norm := NoNorm; norm <= MaxNorm; norm++ {
			r := source(4)
			w, x := randomMatrix[T](r, units, units, 1, 0.3), randomMatrix[T](r, n, units, 0, 1)
			for i := range units {
				w.Row(i)[i] = 0
			}
			want, total := wide(w), zeros(units, units)
			eta := float64(T(lr))
			for s, xs := range wide(x) {
				y, d := make([]float64, units), zeros(units, units)
				for i := range y {
					y[i] = dot64(want[i], xs)
				}
				for i := range d {
					for j := range d[i] {
						if i != j {
							d[i][j] = -eta * y[i] * xs[j]
						}
					}
				}
				f := map[Reduction]float64{Sequential: 1, Sum: 1, Mean: 1. / n}[red]
				if red != Sequential {
					apply64(total, d, f)
					if s < n-1 {
						continue
					}
					d = total
				}
				if f = 1; norm == MaxNorm {
					f = lr / maxAbs(d)
				}
				apply64(want, d, f)
			}
			_, _, err := Update[T](AntiHebbian[T]{LR: lr, ZeroDiagonal: true}, w, x, kernels.Matrix[T]{}, UpdateOptions[T]{Reduction: red, Normalize: norm})
			must(t, err)
			near(t, fmt.Sprint("reduction ", red, ", normalisation ", norm), w, want, closeness[T]())
		}
	}
}

func TestKrotovHopfield(t *testing.T) {
	both(t, testKrotovHopfield[float32], testKrotovHopfield[float64])
}

func testKrotovHopfield[T kernels.Float](t *testing.T) {
	const in, out, n, lr, delta = 8, 6, 9, 0.02, 0.4
	for _, q := range []float64{1.25, 2, 3.5, 4} {
		for _, k := range []int{2, 3, 6} {
			for red := Sequential; red <= Mean; red++ {
				r := source(6)
				w, x := randomMatrix[T](r, out, in, 2, 0.7), randomMatrix[T](r, n, in, 0, 1)
				single := clone(w)
				want, batch := wide(w), [][][]float64{wide(x)}
				if red == Sequential {
					batch = nil
					for s := range n {
						batch = append(batch, wide(subRows(x, s, 1)))
					}
				}
				var answers [][]float64
				for _, xs := range batch {
					ds := zeros(out, in)
					for _, sample := range xs {
						current := make([]float64, out) // I
						rank := make([]int, out)
						for i := range want {
							rank[i] = i
							for j, v := range want[i] {
								current[i] += math.Copysign(math.Pow(math.Abs(v), q-1), v) * sample[j]
							}
						}
						sort.SliceStable(rank, func(a, b int) bool { return current[rank[a]] > current[rank[b]] })
						g := make([]float64, out)
						g[rank[0]], g[rank[k-1]] = 1, -float64(T(delta))
						answers = append(answers, g)
						for i := range ds {
							for j := range ds[i] {
								ds[i][j] += g[i]*sample[j] - g[i]*current[i]*want[i][j]
							}
						}
					}
					apply64(want, ds, lr/math.Max(maxAbs(ds), 1e-30))
				}
				y, done, err := Update[T](KrotovHopfield[T]{LR: lr, Q: q, K: k, Delta: delta}, w, x, kernels.Matrix[T]{}, UpdateOptions[T]{Reduction: red})
				must(t, err)
				if done != n {
					t.Fatalf("k = %d", done)
				}
				name := fmt.Sprint("q ", q, ", k ", k, ", reduction ", red)
				near(t, name+": w", w, want, 10*closeness[T]())
				near(t, name+": y", y, answers, closeness[T]())
				if red != Sequential {
					continue
				}
				for s := range n { // the powers of rows that change are kept between samples
					_, _, err := Update[T](KrotovHopfield[T]{LR: lr, Q: q, K: k, Delta: delta}, single, subRows(x, s, 1), kernels.Matrix[T]{}, UpdateOptions[T]{})
					must(t, err)
				}
				equalBits(t, name+": single calls", w.Data, single.Data)
			}
		}
	}
}

// Of equal answers the lower index ranks first.
func TestKrotovHopfieldTies(t *testing.T) {
	w, x := kernels.MatrixOf([]float64{1, 1, 1, 1, 1, 1}, 3, 2), kernels.MatrixOf([]float64{1, 1}, 1, 2)
	y, _, err := Update[float64](KrotovHopfield[float64]{Q: 2, K: 2, Delta: 0.5}, w, x, kernels.Matrix[float64]{}, UpdateOptions[float64]{Reduction: Sum})
	must(t, err)
	if y.Data[0] != 1 || y.Data[1] != -0.5 || y.Data[2] != 0 {
		t.Errorf("y = %v", y.Data)
	}
}

// Σ_j |w_ij|^q of a unit that wins tends to 1.
func TestKrotovHopfieldNorm(t *testing.T) {
	for _, q := range []float64{1.5, 3} {
		r := source(11)
		w := randomMatrix[float64](r, 4, 10, 0, 0.3)
		for step := range 1500 {
			x := randomMatrix[float64](r, 20, 10, 0, 1)
			rate := 0.05 / (1 + float64(step)/100)
			_, _, err := Update[float64](KrotovHopfield[float64]{LR: rate, Q: q, K: 2, Delta: 0}, w, x, kernels.Matrix[float64]{}, UpdateOptions[float64]{Reduction: Sum})
			must(t, err)
		}
		for i := range w.Rows {
			sum := 0.0
			for _, v := range w.Row(i) {
				sum += math.Pow(math.Abs(v), q)
			}
			if math.Abs(sum-1) > 0.05 {
				t.Errorf("q = %v: Σ|w|^q of row %d is %v", q, i, sum)
			}
		}
	}
}

func TestContrastive(t *testing.T) { both(t, testContrastive[float32], testContrastive[float64]) }

func testContrastive[T kernels.Float](t *testing.T) {
	const in, out, n, lr = 9, 5, 11, 0.02
	for red := Sequential; red <= Mean; red++ {
		for norm := NoNorm; norm <= MaxNorm; norm++ {
			for _, block := range []int{0, 4} {
				if block > 0 && (red != Sequential || norm != NoNorm) {
					continue
				}
				r := source(7)
				w, x, y := randomMatrix[T](r, out, in, 2, 0.4), randomMatrix[T](r, n, in, 1, 1), randomMatrix[T](r, n, out, 3, 1)
				xFree, yFree := randomMatrix[T](r, n, in, 0, 1), randomMatrix[T](r, n, out, 0, 1)
				want, total, single := wide(w), zeros(out, in), clone(w)
				for s := range n {
					d := zeros(out, in)
					for i := range d {
						for j := range d[i] {
							d[i][j] = float64(T(lr)) * (float64(y.Row(s)[i])*float64(x.Row(s)[j]) - float64(yFree.Row(s)[i])*float64(xFree.Row(s)[j]))
						}
					}
					f := 1.0
					switch {
					case red == Mean:
						apply64(total, d, 1./n)
					case red == Sum:
						apply64(total, d, 1)
					default:
						if norm == MaxNorm {
							f = lr / maxAbs(d)
						}
						apply64(want, d, f)
					}
				}
				if red != Sequential {
					f := 1.0
					if norm == MaxNorm {
						f = lr / maxAbs(total)
					}
					apply64(want, total, f)
				}
				rule, o := ContrastiveHebbian[T]{LR: lr}, UpdateOptions[T]{Reduction: red, Normalize: norm, Block: block}
				k, err := rule.Update(w, x, y, xFree, yFree, o)
				must(t, err)
				if k != n {
					t.Fatalf("k = %d", k)
				}
				name := fmt.Sprint("reduction ", red, ", normalisation ", norm, ", block ", block)
				near(t, name, w, want, closeness[T]())
				if red != Sequential || block > 0 {
					continue
				}
				for s := range n {
					_, err := rule.Update(single, subRows(x, s, 1), subRows(y, s, 1), subRows(xFree, s, 1), subRows(yFree, s, 1), o)
					must(t, err)
				}
				for i := range out {
					equalBits(t, name+": single calls", single.Row(i), w.Row(i))
				}
			}
		}
	}
}

// When the free phase is the clamped one, nothing is left to learn; the pair at fault is named; bad pairs are refused.
func TestContrastiveEnds(t *testing.T) {
	r := source(2)
	w, x, y := randomMatrix[float64](r, 3, 4, 0, 1), randomMatrix[float64](r, 6, 4, 0, 1), randomMatrix[float64](r, 6, 3, 0, 1)
	before, rule := clone(w), ContrastiveHebbian[float64]{LR: 0.1}
	_, err := rule.Update(w, x, y, x, y, UpdateOptions[float64]{Reduction: Sum})
	must(t, err)
	near(t, "equal phases", w, wide(before), 1e-15)
	bad := clone(y)
	bad.Row(4)[1] = math.Inf(1)
	w = clone(before)
	k, err := rule.Update(w, x, y, x, bad, UpdateOptions[float64]{})
	diverged(t, err, 4, "y")
	if k != 4 {
		t.Errorf("k = %d", k)
	}
	for _, c := range []struct {
		arg                string
		x, y, xFree, yFree kernels.Matrix[float64]
		o                  UpdateOptions[float64]
	}{
		{"x", y, y, x, y, UpdateOptions[float64]{}},
		{"y", x, x, x, y, UpdateOptions[float64]{}},
		{"x_free", x, y, subRows(x, 0, 5), y, UpdateOptions[float64]{}},
		{"y_free", x, y, x, subRows(y, 0, 5), UpdateOptions[float64]{}},
		{"block", x, y, x, y, UpdateOptions[float64]{Block: 2, Reduction: Sum}},
		{"rows", x, y, x, y, UpdateOptions[float64]{To: 2, Reduction: Sum}},
		{"reduction", x, y, x, y, UpdateOptions[float64]{Reduction: 7}},
		{"y_free", x, y, x, kernels.Matrix[float64]{}, UpdateOptions[float64]{}},
	} {
		kept := clone(w)
		k, err := rule.Update(w, c.x, c.y, c.xFree, c.yFree, c.o)
		refused(t, "contrastive", err, c.arg)
		if k != 0 {
			t.Errorf("%s: k = %d", c.arg, k)
		}
		equalBits(t, c.arg, kept.Data, w.Data)
	}
}

// The error of decoders that learn by PES shrinks by 1 − η|a|²/n a sample.
func TestPES(t *testing.T) {
	const n, dims, eta = 20, 3, 0.5
	r := source(9)
	w, a, target := randomMatrix[float64](r, dims, n, 0, 1), randomMatrix[float64](r, 1, n, 0, 1), randomVector[float64](r, dims, 1)
	factor := 1 - eta*dot64(a.Row(0), a.Row(0))/n
	e := make([]float64, dims)
	for step := range 10 {
		for k := range e {
			now := dot64(w.Row(k), a.Row(0)) - target[k]
			if step > 0 && math.Abs(now-factor*e[k]) > 1e-12 {
				t.Fatalf("step %d: error %v, want %v", step, now, factor*e[k])
			}
			e[k] = now
		}
		_, _, err := Update[float64](PES[float64]{LR: eta}, w, a, rowVector(e), UpdateOptions[float64]{})
		must(t, err)
	}
	if math.Abs(factor) >= 1 {
		t.Fatalf("the factor is %v, so nothing shrinks", factor)
	}
}
