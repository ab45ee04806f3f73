package engine

import (
	"fmt"
	"math"
	"sort"
	"testing"

	"github.com/hebbkern/hebbkern/kernels"
)

// jacobi gives the eigenvalues of a symmetric matrix, largest first, and their eigenvectors as rows, by cyclic
// rotations until the off-diagonal part is nothing.
func jacobi(a [][]float64) ([]float64, [][]float64) {
	n := len(a)
	v := zeros(n, n)
	for i := range v {
		v[i][i] = 1
	}
	for range 60 {
		for p := range n {
			for q := p + 1; q < n; q++ {
				if a[p][q] == 0 {
					continue
				}
				theta := math.Atan2(2*a[p][q], a[q][q]-a[p][p]) / 2
				c, s := math.Cos(theta), math.Sin(theta)
				for k := range n {
					a[k][p], a[k][q] = c*a[k][p]-s*a[k][q], s*a[k][p]+c*a[k][q]
				}
				for k := range n {
					a[p][k], a[q][k] = c*a[p][k]-s*a[q][k], s*a[p][k]+c*a[q][k]
				}
				for k := range n {
					v[p][k], v[q][k] = c*v[p][k]-s*v[q][k], s*v[p][k]+c*v[q][k]
				}
			}
		}
	}
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	sort.Slice(order, func(i, j int) bool { return a[order[i]][order[i]] > a[order[j]][order[j]] })
	values, vectors := make([]float64, n), make([][]float64, n)
	for i, o := range order {
		values[i], vectors[i] = a[o][o], v[o]
	}
	return values, vectors
}

// secondMoment is Σ xxᵀ / B.
func secondMoment(x [][]float64) [][]float64 {
	d := len(x[0])
	c := zeros(d, d)
	for _, r := range x {
		for i := range d {
			for j := range d {
				c[i][j] += r[i] * r[j] / float64(len(x))
			}
		}
	}
	return c
}

func dot64(a, b []float64) float64 {
	s := 0.0
	for i := range a {
		s += a[i] * b[i]
	}
	return s
}

// angle between the lines of two vectors.
func angle(a, b []float64) float64 {
	d := dot64(a, b) / dot64(b, b)
	r := 0.0
	for i := range a {
		e := a[i] - d*b[i]
		r += e * e
	}
	return math.Atan2(math.Sqrt(r), math.Abs(d)*math.Sqrt(dot64(b, b)))
}

// largestPrincipalAngle between the row spaces of w and of the orthonormal rows u: its sine is the norm of the
// part of an orthonormal basis of w outside u.
func largestPrincipalAngle(w, u [][]float64) float64 {
	q := [][]float64{}
	for _, r := range w {
		r = append([]float64(nil), r...)
		for range 2 {
			for _, p := range q {
				d := dot64(r, p)
				for i := range r {
					r[i] -= d * p[i]
				}
			}
		}
		n := math.Sqrt(dot64(r, r))
		for i := range r {
			r[i] /= n
		}
		q = append(q, r)
	}
	rest := make([][]float64, len(q))
	for k, r := range q {
		rest[k] = append([]float64(nil), r...)
		for _, p := range u {
			d := dot64(r, p)
			for i := range r {
				rest[k][i] -= d * p[i]
			}
		}
	}
	gram := zeros(len(q), len(q))
	for i := range gram {
		for j := range gram {
			gram[i][j] = dot64(rest[i], rest[j])
		}
	}
	values, _ := jacobi(gram)
	return math.Asin(math.Min(1, math.Sqrt(math.Max(0, values[0]))))
}

func TestJacobi(t *testing.T) {
	values, vectors := jacobi([][]float64{{2, 1, 0}, {1, 2, 1}, {0, 1, 2}})
	for i, want := range []float64{2 + math.Sqrt2, 2, 2 - math.Sqrt2} {
		if math.Abs(values[i]-want) > 1e-14 {
			t.Errorf("eigenvalue %d is %v, want %v", i, values[i], want)
		}
	}
	if a := angle(vectors[0], []float64{1, math.Sqrt2, 1}); a > 1e-14 {
		t.Errorf("first eigenvector off by %v", a)
	}
}

// Oja's rows and Sanger's rows, with the mean rule on fixed data, against exact PCA: principal angles < 1e-3 rad,
// norm 1.
func TestOjaSangerPCA(t *testing.T) { both(t, testOjaSangerPCA[float32], testOjaSangerPCA[float64]) }

func testOjaSangerPCA[T kernels.Float](t *testing.T) {
	const in, n, comps = 8, 120, 4
	r := source(18)
	x := randomMatrix[T](r, n, in, 0, 1)
	mix := randomMatrix[T](r, in, in, 0, 1)
	for b := range n { // different variances in oblique directions
		row := append([]T(nil), x.Row(b)...)
		for j := range row {
			v := 0.0
			for k := range row {
				v += float64(row[k]) * float64(mix.Row(k)[j]) * math.Pow(0.75, float64(k)) * 0.6
			}
			x.Row(b)[j] = T(v)
		}
	}
	values, vectors := jacobi(secondMoment(wide(x)))
	for i := range comps {
		if values[i+1] > 0.9*values[i] {
			t.Fatalf("eigenvalues %v are not apart", values)
		}
	}
	for _, c := range []struct {
		rule Rule[T]
		own  func(i int) []float64
	}{
		{Oja[T]{LR: 0.2 / values[0]}, func(int) []float64 { return vectors[0] }},
		{Sanger[T]{LR: 0.2 / values[0]}, func(i int) []float64 { return vectors[i] }},
	} {
		w := randomMatrix[T](source(5), comps, in, 0, 0.3)
		var s Scratch[T]
		y := kernels.NewMatrix[T](n, comps)
		for range 4000 {
			_, _, err := Update(c.rule, w, x, y, UpdateOptions[T]{Reduction: Mean, Compute: true, Scratch: &s})
			must(t, err)
		}
		rows := wide(w)
		for i, row := range rows {
			if a := angle(row, c.own(i)); a > 1e-3 {
				t.Errorf("%s row %d is %v rad from its component", c.rule.Name(), i, a)
			}
			if norm := math.Sqrt(dot64(row, row)); math.Abs(norm-1) > 1e-3 {
				t.Errorf("%s row %d has norm %v", c.rule.Name(), i, norm)
			}
		}
		if c.rule.Name() == "Sanger" {
			if a := largestPrincipalAngle(rows, vectors[:comps]); a > 1e-3 {
				t.Errorf("Sanger's subspace is %v rad from the principal one", a)
			}
			continue
		}
		// Online with a constant rate Oja only comes near.
		online := randomMatrix[T](source(6), 1, in, 0, 0.3)
		for range 30 {
			_, _, err := Update(Rule[T](Oja[T]{LR: 0.002 / values[0]}), online, x, kernels.Matrix[T]{}, UpdateOptions[T]{})
			must(t, err)
		}
		if a := angle(wide(online)[0], vectors[0]); a > 0.2 {
			t.Errorf("online Oja is %v rad from the first component", a)
		}
	}
}

// Plain Hebb grows without bound, with decay beyond η·λ_max it stays bounded.
func TestHebbGrowsDecayBounds(t *testing.T) {
	r := source(4)
	x := randomMatrix[float64](r, 50, 6, 0, 1)
	values, _ := jacobi(secondMoment(wide(x)))
	const lr = 0.01
	norm := func(rule Rule[float64]) float64 {
		w := randomMatrix[float64](source(9), 2, 6, 0, 0.1)
		for range 100 {
			_, _, err := Update(rule, w, x, kernels.Matrix[float64]{}, UpdateOptions[float64]{Reduction: Mean})
			must(t, err)
		}
		return maxAbs(wide(w))
	}
	if n := norm(Hebb[float64]{LR: lr}); n < 0.2 {
		t.Error(fmt.Sprint("Hebb did not grow: ", n))
	}
	if n := norm(Decay[float64]{LR: lr, Decay: 1.1 * lr * values[0]}); n > 0.3 {
		t.Error(fmt.Sprint("Hebb with decay grew: ", n))
	}
}
