package engine

import (
	"fmt"
	"math"
	"sort"
	"testing"

	"github.com/hebbkern/hebbkern/kernels"
)

func instar64(eta float64) func(w [][]float64, x, y []float64, i, j int) float64 {
	return func(w [][]float64, x, y []float64, i, j int) float64 { return eta * y[i] * (x[j] - w[i][j]) }
}

// winners64 is the indicator of the k best scores, by a stable sort: of equals the lowest index.
func winners64(score []float64, k int) []float64 {
	order := make([]int, len(score))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(a, b int) bool { return score[order[a]] > score[order[b]] })
	y := make([]float64, len(score))
	for _, i := range order[:k] {
		y[i] = 1
	}
	return y
}

// competitiveCases are the rules whose y is not Wx; their scores are those of the definitions, the distance to the
// row and not |w|²/2 for euclid.
func competitiveCases[T kernels.Float](lr float64) (cases []ruleCase[T]) {
	eta := float64(T(lr))
	for _, k := range []int{1, 3} {
		cases = append(cases,
			ruleCase[T]{name: fmt.Sprint("WTA, dot, ", k), rule: WTA[T]{LR: lr, K: k}, delta: instar64(eta),
				respond: func(w [][]float64, x []float64) []float64 {
					score := make([]float64, len(w))
					for i := range w {
						score[i] = dot64(w[i], x)
					}
					return winners64(score, k)
				}},
			ruleCase[T]{name: fmt.Sprint("WTA, euclid, ", k), rule: WTA[T]{LR: lr, K: k, Score: Euclid}, delta: instar64(eta),
				respond: func(w [][]float64, x []float64) []float64 {
					score := make([]float64, len(w))
					for i := range w {
						for j, v := range w[i] {
							score[i] -= (x[j] - v) * (x[j] - v)
						}
					}
					return winners64(score, k)
				}})
	}
	for _, anti := range []bool{false, true} {
		for _, temperature := range []float64{1, 0.25} {
			name := "SoftHebb"
			if anti || temperature != 1 {
				name += fmt.Sprint(anti, temperature)
			}
			cases = append(cases, ruleCase[T]{name: name, rule: SoftHebb[T]{LR: lr, Temperature: temperature, Anti: anti},
				delta: func(w [][]float64, x, y []float64, i, j int) float64 {
					return eta * y[i] * (x[j] - dot64(w[i], x)*w[i][j])
				},
				respond: func(w [][]float64, x []float64) []float64 {
					y, sum, best := make([]float64, len(w)), 0.0, 0
					for i := range w {
						y[i] = math.Exp(dot64(w[i], x) / temperature)
						sum += y[i]
						if y[i] > y[best] {
							best = i
						}
					}
					for i := range y {
						y[i] /= sum
						if anti && i != best {
							y[i] = -y[i]
						}
					}
					return y
				}})
		}
	}
	return cases
}

// Of equal scores the lowest index wins, −0 being equal to +0; the rows that do not win keep every bit.
func TestTies(t *testing.T) { both(t, testTies[float32], testTies[float64]) }

func testTies[T kernels.Float](t *testing.T) {
	negative := T(math.Copysign(0, -1))
	for _, c := range []struct {
		score []T
		k     int
		want  []int
	}{
		{[]T{1, 2, 2, 0}, 1, []int{1}},
		{[]T{negative, 0, negative}, 1, []int{0}},
		{[]T{negative, 0, negative}, 2, []int{0, 1}},
		{[]T{5, 5, 5, 5, 5}, 3, []int{0, 1, 2}},
		{[]T{1, 3, 2, 3, 1, 3, 2, 2}, 4, []int{1, 2, 3, 5}},
		{[]T{1, 3, 2, 3, 1, 3, 2, 2}, 5, []int{1, 2, 3, 5, 6}},
		{[]T{0, 1, 2, 3}, 4, []int{0, 1, 2, 3}},
		{[]T{-3, T(math.Inf(-1)), -2}, 2, []int{0, 2}},
	} {
		if got := winners(make([]int, 0, len(c.score)), c.score, c.k); fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%d winners of %v are %v, want %v", c.k, c.score, got, c.want)
		}
	}
	// Small whole numbers tie often; every k against a stable sort.
	r := source(5)
	for trial := range 300 {
		score, wanted := make([]T, 1+trial%37), []float64(nil)
		for i := range score {
			score[i] = T(r.IntN(4))
			wanted = append(wanted, float64(score[i]))
		}
		k := 1 + r.IntN(len(score))
		y := make([]float64, len(score))
		last := -1
		for _, i := range winners(make([]int, 0, len(score)), score, k) {
			if i <= last {
				t.Fatal("winners not in ascending order")
			}
			last, y[i] = i, 1
		}
		equalBits(t, fmt.Sprint(k, " winners of ", score), y, winners64(wanted, k))
	}
	for block := range 2 {
		// Rows 1 and 2 are equal and win; only row 1 moves, and the −0 of row 0, which 0·x would make +0, stays.
		w := kernels.MatrixOf([]T{negative, 1, 2, 2, 2, 2}, 3, 2)
		x := kernels.MatrixOf([]T{1, 1}, 1, 2)
		y, _, err := Update[T](WTA[T]{LR: 0.5, K: 1}, w, x, kernels.Matrix[T]{}, UpdateOptions[T]{Block: block})
		must(t, err)
		equalBits(t, "w", w.Data, []T{negative, 1, 1.5, 1.5, 2, 2})
		equalBits(t, "y", y.Data, []T{0, 1, 0})
		// SoftHebb's winner is the row with the highest u, also where the softmax cannot tell two rows apart.
		tiny := T(math.Ldexp(1, -100))
		w = kernels.MatrixOf([]T{0, tiny, 0}, 3, 1)
		y, _, err = Update[T](SoftHebb[T]{LR: 0.5, Temperature: 1, Anti: true}, w, kernels.MatrixOf([]T{1}, 1, 1), kernels.Matrix[T]{}, UpdateOptions[T]{Block: block})
		must(t, err)
		third := T(1) / 3
		equalBits(t, "y", y.Data, []T{-third, third, -third})
	}
}

// The dot-product winner is not the nearest row. Rows of different lengths.
func TestEuclidWinnerIsTheNearestRow(t *testing.T) {
	const in, out, n = 3, 6, 300
	r := source(11)
	x := randomMatrix[float64](r, n, in, 0, 1)
	start := randomMatrix[float64](r, out, in, 0, 1)
	for i := range start.Data {
		start.Data[i] *= float64(1 + i/in%3)
	}
	wrong := 0
	for _, score := range []Score{Dot, Euclid} {
		w := clone(start)
		y, _, err := Update[float64](WTA[float64]{K: 1, Score: score}, w, x, kernels.Matrix[float64]{}, UpdateOptions[float64]{})
		must(t, err)
		equalBits(t, "w with η = 0", w.Data, start.Data)
		for s := range n {
			best, nearest := math.Inf(1), 0
			for i := range out {
				d := 0.0
				for j, v := range start.Row(i) {
					d += (x.Row(s)[j] - v) * (x.Row(s)[j] - v)
				}
				if d < best {
					best, nearest = d, i
				}
			}
			switch {
			case y.Row(s)[nearest] == 1:
			case score == Euclid:
				t.Fatalf("sample %d: row %d is the nearest, y is %v", s, nearest, y.Row(s))
			default:
				wrong++
			}
		}
	}
	if wrong < n/5 {
		t.Errorf("the dot-product winner was wrong for %d samples of %d only: the test does not show the trap", wrong, n)
	}
}

// Rows of the instar tend to Σyx/Σy, and with the nearest row as the winner to the means of clusters.
func TestInstarAndWTAMeans(t *testing.T) {
	const in, groups, each = 4, 3, 60
	r := source(12)
	x := kernels.NewMatrix[float64](groups*each, in)
	y := kernels.NewMatrix[float64](groups*each, groups)
	mean, weighted, total := zeros(groups, in), zeros(groups, in), make([]float64, groups)
	for s := range x.Rows {
		g := s % groups
		for j := range in {
			v := 0.3 * r.NormFloat64()
			if j == g {
				v += 5
			}
			x.Row(s)[j] = v
			mean[g][j] += v / each
		}
		for i := range groups {
			a := r.Float64()
			y.Row(s)[i] = a
			total[i] += a
			for j, v := range x.Row(s) {
				weighted[i][j] += a * v
			}
		}
	}
	for i := range weighted {
		for j := range weighted[i] {
			weighted[i][j] /= total[i]
		}
	}
	w := randomMatrix[float64](r, groups, in, 0, 1)
	for range 200 {
		_, _, err := Update[float64](Instar[float64]{LR: 0.3}, w, x, y, UpdateOptions[float64]{Reduction: Mean})
		must(t, err)
	}
	near(t, "rows of the instar", w, weighted, 1e-9)
	// Online, η falling as 1/epoch; the start has one row nearest to each cluster and rows of very different lengths.
	w = kernels.MatrixOf([]float64{1, 0, 0, 0, 0, 9, 0, 0, 0, 0, 2, 0}, groups, in)
	for epoch := range 400 {
		_, _, err := Update[float64](WTA[float64]{LR: 0.05 / (1 + float64(epoch)), K: 1, Score: Euclid}, w, x, kernels.Matrix[float64]{},
			UpdateOptions[float64]{Block: 32})
		must(t, err)
	}
	near(t, "rows of WTA", w, mean, 2e-3)
}

// SoftHebb's rows tend to norm 1 where they win: y_i(x − u_i w_i) has its fixed point on the unit sphere.
func TestSoftHebbNorms(t *testing.T) {
	r := source(13)
	x := randomMatrix[float64](r, 400, 6, 0, 1)
	w := randomMatrix[float64](r, 4, 6, 0, 0.2)
	for epoch := range 60 {
		_, _, err := Update[float64](SoftHebb[float64]{LR: 0.1 / (1 + float64(epoch)), Temperature: 0.2}, w, x, kernels.Matrix[float64]{}, UpdateOptions[float64]{Block: 50})
		must(t, err)
	}
	for i := range w.Rows {
		n := 0.0
		for _, v := range w.Row(i) {
			n += v * v
		}
		if math.Abs(math.Sqrt(n)-1) > 0.05 {
			t.Errorf("row %d has norm %v", i, math.Sqrt(n))
		}
	}
}

func TestResponseRefusesY(t *testing.T) {
	w, x, y := kernels.MatrixOf([]float64{1, 2, 3, 4}, 2, 2), kernels.NewMatrix[float64](3, 2), kernels.NewMatrix[float64](3, 2)
	type o = UpdateOptions[float64]
	for _, c := range []struct {
		rule Rule[float64]
		y    kernels.Matrix[float64]
		o    o
		arg  string
	}{
		{WTA[float64]{LR: 0.1, K: 1}, y, o{}, "y"},
		{SoftHebb[float64]{LR: 0.1, Temperature: 1}, y, o{Reduction: Mean}, "y"},
		{WTA[float64]{LR: 0.1, K: 3}, y, o{Compute: true}, "k"},
		{WTA[float64]{LR: 0.1}, y, o{Compute: true}, "k"},
		{WTA[float64]{LR: 0.1, K: -1}, y, o{Compute: true}, "k"},
		{WTA[float64]{LR: 0.1, K: 1, Score: 2}, y, o{Compute: true}, "score"},
		{WTA[float64]{LR: -0.1, K: 1}, y, o{Compute: true}, "lr"},
		{Instar[float64]{LR: math.NaN()}, y, o{}, "lr"},
		{SoftHebb[float64]{LR: math.Inf(1), Temperature: 1}, y, o{Compute: true}, "lr"},
		{SoftHebb[float64]{LR: 0.1}, y, o{Compute: true}, "temperature"},
		{SoftHebb[float64]{LR: 0.1, Temperature: -1}, y, o{Compute: true}, "temperature"},
		{SoftHebb[float64]{LR: 0.1, Temperature: math.NaN()}, y, o{Compute: true}, "temperature"},
		{SoftHebb[float64]{LR: 0.1, Temperature: math.Inf(1)}, y, o{Compute: true}, "temperature"},
		{SoftHebb[float64]{LR: 0.1, Temperature: 1e-309}, y, o{Compute: true}, "temperature"},
		{custom[float64]{terms: TermSparse}, y, o{Compute: true}, "terms"},
		{custom[float64]{terms: TermNorms}, y, o{Compute: true}, "terms"},
		{custom[float64]{terms: TermResponse | TermSparse | TermCol}, y, o{Compute: true}, "terms"},
	} {
		_, k, err := Update(c.rule, w, x, c.y, c.o)
		refused(t, fmt.Sprintf("%+v", c.rule), err, c.arg)
		if k != 0 || fmt.Sprint(w.Data) != "[1 2 3 4]" || maxAbs(wide(y)) != 0 {
			t.Errorf("%+v wrote", c.rule)
		}
	}
	_, _, err := Update[float32](SoftHebb[float32]{LR: 0.1, Temperature: 1e-39}, kernels.NewMatrix[float32](1, 1), kernels.NewMatrix[float32](1, 1), kernels.Matrix[float32]{}, UpdateOptions[float32]{})
	refused(t, "1/temperature beyond float32", err, "temperature")
}

// Squared norms that overflow are named as a y that is not finite, before anything is written.
func TestEuclidNormsOverflow(t *testing.T) {
	for block := range 2 {
		w := kernels.MatrixOf([]float32{1e30, 0, 1, 1}, 2, 2)
		x := kernels.MatrixOf([]float32{0, 1}, 1, 2)
		_, k, err := Update[float32](WTA[float32]{LR: 0.1, K: 1, Score: Euclid}, w, x, kernels.Matrix[float32]{}, UpdateOptions[float32]{Block: block})
		diverged(t, err, 0, "y")
		if k != 0 || fmt.Sprint(w.Data) != "[1e+30 0 1 1]" {
			t.Errorf("k = %d, w = %v", k, w.Data)
		}
	}
}
