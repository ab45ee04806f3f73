package engine

import (
	"errors"
	"math"
	"testing"

	"github.com/hebbkern/hebbkern/kernels"
)

// csrOf is the weights of a matrix that are not zero.
func csrOf[T kernels.Float](w kernels.Matrix[T]) kernels.CSR[T] {
	var data []T
	var indices []int32
	start := []int{0}
	for i := range w.Rows {
		for j, v := range w.Row(i) {
			if v != 0 {
				data, indices = append(data, v), append(indices, int32(j))
			}
		}
		start = append(start, len(data))
	}
	return kernels.NewCSR(data, indices, start, w.Rows, w.Cols)
}

func denseOf[T kernels.Float](w kernels.CSR[T]) kernels.Matrix[T] {
	m := kernels.NewMatrix[T](w.Rows, w.Cols)
	for i := range w.Rows {
		row, indices := w.Row(i)
		for k, v := range row {
			m.Row(i)[indices[k]] = v
		}
	}
	return m
}

// sparseGraph is a network with dense blocks whose weights are mostly zero: a layer, recurrent units, outputs, a bias,
// and an average of gradients. `at` are the arrays of the blocks.
func sparseGraph[T kernels.Float](seed uint64, acyclic bool) *BalanceGraph[T] {
	r, units := source(seed), make([]int, 24)
	for i := range units {
		units[i] = i
	}
	thin := func(rows, cols int) kernels.Matrix[T] {
		m := randomMatrix[T](r, rows, cols, 0, 1)
		for k := range m.Data {
			if k%3 != 0 && k%cols != k/cols%cols {
				m.Data[k] = 0
			}
		}
		return m
	}
	g := &BalanceGraph[T]{Units: 24, Degree: make([]float64, 24), Group: make([]int, 24)}
	for i := range units {
		g.Degree[i], g.Group[i] = 1+0.5*float64(i%5/4), i/12
	}
	if acyclic {
		g.Blocks = append(g.Blocks, BalanceBlock[T]{W: thin(12, 12), Rows: units[12:], Cols: units[:12], Alpha: 2})
	} else {
		g.Degree = nil
		g.Blocks = append(g.Blocks, BalanceBlock[T]{W: thin(24, 24), Rows: units, Cols: units, Alpha: 2})
	}
	in := thin(24, 9)
	g.Blocks = append(g.Blocks, BalanceBlock[T]{W: in, Rows: units, Alpha: 1}, BalanceBlock[T]{W: thin(24, 9), Rows: units, Cols: nil, Transposed: true, Alpha: 1},
		BalanceBlock[T]{W: thin(24, 9), Rows: units, Power: -1}, BalanceBlock[T]{W: rowVector(randomVector[T](r, 24, 1)), Cols: units, Transposed: true, Alpha: 0.5})
	return g
}

// thinned is the graph with its matrices as sparse ones.
func thinned[T kernels.Float](g *BalanceGraph[T]) *BalanceGraph[T] {
	s := *g
	s.Blocks = nil
	for _, b := range g.Blocks {
		if b.W.Rows > 1 {
			b.Sparse, b.W = csrOf(b.W), kernels.Matrix[T]{}
		}
		s.Blocks = append(s.Blocks, b)
	}
	return &s
}

func blockData[T kernels.Float](g *BalanceGraph[T]) (v []T) {
	for _, b := range g.Blocks {
		if b.sparse() {
			b.W = denseOf(b.Sparse)
		}
		for i := range b.W.Rows {
			v = append(v, b.W.Row(i)...)
		}
	}
	return v
}

// Sparse weights end where the same matrix with zeros does, whatever the solver, the cost and the number of threads.
func TestBalanceSparse(t *testing.T) { both(t, testBalanceSparse[float32], testBalanceSparse[float64]) }

func testBalanceSparse[T kernels.Float](t *testing.T) {
	tol, bound := 1e-14, 1e-13
	if single[T]() {
		tol, bound = 1e-7, 1e-6
	}
	cost := &AdditiveCost{Derivative: vectorised(func(w float64) float64 { return 1 + w })}
	for _, o := range []BalanceOptions{{P: 2}, {P: 1.3}, {P: 2, Method: MethodSweeps}, {P: 0.5, Method: MethodStochastic}, {P: 3, Method: MethodTied},
		{Mixture: []CostTerm{{1, 1}, {0.3, 2}}}, {Cost: cost, Method: MethodSweeps}} {
		for _, acyclic := range []bool{true, false} {
			o.Tol = tol
			dense, sparse := sparseGraph[T](5, acyclic), thinned(sparseGraph[T](5, acyclic))
			if acyclic { // weights of the elements
				a := kernels.NewMatrix[T](12, 12)
				for k := range a.Data {
					a.Data[k] = T(k%7) / 2
				}
				dense.Blocks[0].Alphas = a
				entries := kernels.NewMatrix[T](1, len(sparse.Blocks[0].Sparse.Data))
				for i, k := 0, 0; i < 12; i++ {
					_, indices := sparse.Blocks[0].Sparse.Row(i)
					for _, j := range indices {
						entries.Data[k] = a.Row(i)[j]
						k++
					}
				}
				sparse.Blocks[0].Alphas = entries
			}
			rd, err := dense.Balance(o)
			must(t, err)
			rs, err := sparse.Balance(o)
			must(t, err)
			near(t, "weights", rowVector(blockData(sparse)), wide(rowVector(blockData(dense))), bound)
			if math.Abs(rs.CostAfter-rd.CostAfter) > 10*bound*rd.CostAfter || math.Abs(rs.DeficitBefore-rd.DeficitBefore) > 10*bound*rd.DeficitBefore {
				t.Errorf("reports %+v\n%+v", rs, rd)
			}
			for i := range rs.Status {
				if rs.Status[i] != rd.Status[i] {
					t.Errorf("unit %d: status %v, %v", i, rs.Status[i], rd.Status[i])
				}
			}
			atThreads(t, func(int) {
				again := thinned(sparseGraph[T](5, acyclic))
				again.Blocks[0].Alphas = sparse.Blocks[0].Alphas
				_, err := again.Balance(o)
				must(t, err)
				equalBits(t, "threads", blockData(again), blockData(sparse))
			})
		}
	}
}

// Units on no cycle and dead ones are found in what is stored, and entries that are zero are no weights.
func TestBalanceSparseStructure(t *testing.T) {
	// 0 ← 1; 1 ← 0 by a weight of 0, 1 ← 2; 2 ← 2: unit 0 sends nothing, and unit 2 gets nothing but from itself.
	w := kernels.NewCSR([]float64{2, 0, 8, 3}, []int32{1, 0, 2, 2}, []int{0, 1, 3, 4}, 3, 3)
	g := &BalanceGraph[float64]{Units: 3, Blocks: []BalanceBlock[float64]{{Sparse: w, Rows: []int{0, 1, 2}, Cols: []int{0, 1, 2}, Alpha: 1}}}
	r, err := g.Balance(BalanceOptions{P: 2})
	must(t, err)
	if r.Status[0] != UnitDead || r.Status[1] != UnitFree || r.Status[2] != UnitDead || math.Abs(w.Data[0]-4) > 1e-12 {
		t.Errorf("status %v, weights %v", r.Status, w.Data)
	}
	// 0 ↔ 1, and 2 alone; then without the way back.
	w = kernels.NewCSR([]float64{2, 8, 3}, []int32{1, 0, 2}, []int{0, 1, 2, 3}, 3, 3)
	g.Blocks[0] = BalanceBlock[float64]{Sparse: w, Rows: []int{0, 1, 2}, Cols: []int{0, 1, 2}, Alpha: 1}
	r, err = g.Balance(BalanceOptions{P: 2})
	must(t, err)
	if math.Abs(w.Data[0]-4) > 1e-12 || math.Abs(w.Data[1]-4) > 1e-12 || w.Data[2] != 3 || r.Status[2] != UnitDead {
		t.Errorf("weights %v, status %v", w.Data, r.Status)
	}
	w = kernels.NewCSR([]float64{2, 8, 3, 1}, []int32{2, 0, 1, 2}, []int{0, 1, 2, 4}, 3, 3) // 0 ← 2, 1 ← 0, 2 ← 1, 2 ← 2: a cycle
	g.Blocks[0].Sparse = w
	r, err = g.Balance(BalanceOptions{P: 2})
	must(t, err)
	if r.Status[0] != UnitFree || math.Abs(w.Data[0]-w.Data[1]) > 1e-8 || math.Abs(w.Data[1]-w.Data[2]) > 1e-8 || math.Abs(w.Data[3]-1) > 1e-15 {
		t.Errorf("status %v, weights %v", r.Status, w.Data)
	}
	// Shared sparse weights have one λ.
	shared := kernels.NewCSR([]float64{1, 2, 3}, []int32{0, 1, 0}, []int{0, 2, 3}, 2, 2)
	g = &BalanceGraph[float64]{Units: 4, Blocks: []BalanceBlock[float64]{{Sparse: shared, Rows: []int{0, 1}, Alpha: 1}, {Sparse: shared, Rows: []int{2, 3}, Alpha: 1},
		{W: randomMatrix[float64](source(3), 3, 4, 0, 1), Cols: []int{0, 1, 2, 3}, Alpha: 1}}}
	r, err = g.Balance(BalanceOptions{P: 2})
	must(t, err)
	if r.Lambda[0] != r.Lambda[2] || r.Lambda[1] != r.Lambda[3] || r.Lambda[0] == r.Lambda[1] || r.Reason != Converged {
		t.Errorf("report %+v", r)
	}
}

func TestBalanceSparseRefuses(t *testing.T) {
	g := thinned(sparseGraph[float64](7, true))
	data := g.Blocks[0].Sparse.Data
	kept := append([]float64(nil), data...)
	for name, spoil := range map[string]func(b *BalanceBlock[float64]){
		"a W too": func(b *BalanceBlock[float64]) { b.W = kernels.NewMatrix[float64](12, 12) },
		"no CSR":  func(b *BalanceBlock[float64]) { b.Sparse.Data = b.Sparse.Data[1:] },
		"overlap": func(b *BalanceBlock[float64]) {
			b.W, b.Sparse = rowVector(g.Blocks[1].Sparse.Data), kernels.CSR[float64]{}
			b.Rows, b.Cols = nil, nil
		},
		"alphas":   func(b *BalanceBlock[float64]) { b.Alphas = kernels.NewMatrix[float64](12, 12) },
		"rows":     func(b *BalanceBlock[float64]) { b.Rows = b.Rows[1:] },
		"infinite": func(b *BalanceBlock[float64]) { data[5] = math.Inf(-1) },
	} {
		bad := *g
		bad.Blocks = append([]BalanceBlock[float64](nil), g.Blocks...)
		spoil(&bad.Blocks[0])
		_, err := bad.Balance(BalanceOptions{P: 2})
		var e *NonFiniteError
		switch {
		case err == nil:
			t.Errorf("%s is not refused", name)
		case name == "infinite":
			if i, j := 0, g.Blocks[0].Sparse.Indices[5]; !errors.As(err, &e) || e.Layer != 0 || e.Col != int(j) || e.Row < i {
				t.Errorf("%v", err)
			}
			data[5] = kept[5]
		}
		equalBits(t, name, data, kept)
	}
}
