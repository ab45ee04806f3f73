package engine

import (
	"fmt"
	"math"
	"slices"
	"unsafe"

	"github.com/hebbkern/hebbkern/kernels"
)

// BalanceGraph is what balancing needs to know of any network: units that may be scaled, and blocks of weights that
// join them. Layers, skip connections, recurrence, convolutions (a unit is a channel) and shared weights (a unit is
// all that must have one λ) are all descriptions of this kind. Scaling unit i by λ_i multiplies its incoming weights
// by λ_i and its outgoing ones by λ_i^−c_i, which leaves the network's function as it is if the unit's activation
// is homogeneous of degree c_i, f(λx) = λ^c f(x).
//
// Two blocks over one and the same array are two uses of shared weights: the weights cost once, and the units of
// both uses get one λ, position by position. Used both as W and as Wᵀ, its units are left at λ = 1.
type BalanceGraph[T kernels.Float] struct {
	Units  int
	Degree []float64 // [Units], c > 0; nil: 1
	Held   []bool    // [Units], units that must stay as they are; nil: none
	// Group [Units] is the order of sweeps and the sharing of MethodTied: units of one group are visited together
	// and groups in ascending order, 0 … G−1. nil: one group for each unit.
	Group  []int
	Blocks []BalanceBlock[T]
}

// BalanceBlock is a matrix of weights from the units of its columns to those of its rows.
type BalanceBlock[T kernels.Float] struct {
	W kernels.Matrix[T]
	// Sparse, of kernels.NewCSR, is instead of W: the weights that exist. Their indices and starts are read only.
	Sparse kernels.CSR[T]
	// Rows and Cols are the unit of each row and column, −1 where there is none: an input, an output, a constant.
	// nil: −1 for all. A bias is a row of weights from a constant with Transposed set, or a column without.
	Rows, Cols []int
	// Transposed: the weights go from the units of the rows to those of the columns.
	Transposed bool
	Alpha      float64           // the weight of the block in the cost; 0: it is scaled along and costs nothing
	Alphas     kernels.Matrix[T] // the weight of each element besides, ≥ 0; without data: 1. A mask is 0 and 1. Sparse: [1, stored]
	// Power of the factor λ_post·λ_pre^−c that the block is scaled by; 0: 1. A gradient or its average has −1, an
	// average of squared gradients −2. Blocks with a Power other than 1 cost nothing.
	Power float64
}

// UnitStatus says what balancing did with a unit.
type UnitStatus uint8

// The status of a unit.
const (
	UnitFree     UnitStatus = iota
	UnitHeld                // left alone as BalanceGraph.Held asks
	UnitDead                // A = 0 or B = 0
	UnitOffCycle            // on no directed cycle of weights (through units that stay): no minimum exists for it
	UnitShared              // shared weights force λ = 1
)

func (b *BalanceBlock[T]) power() float64 {
	if b.Power == 0 {
		return 1
	}
	return b.Power
}

func (b *BalanceBlock[T]) counted() bool { return b.Alpha > 0 && b.power() == 1 }

func (b *BalanceBlock[T]) sparse() bool { return b.Sparse.Start != nil }

// shape is the rows and columns.
func (b *BalanceBlock[T]) shape() [2]int {
	if b.sparse() {
		return [2]int{b.Sparse.Rows, b.Sparse.Cols}
	}
	return [2]int{b.W.Rows, b.W.Cols}
}

// stored is the weights that exist, as a matrix of some shape.
func (b *BalanceBlock[T]) stored() kernels.Matrix[T] {
	if b.sparse() {
		return rowVector(b.Sparse.Data)
	}
	return b.W
}

// line is row i, and the columns of what is stored; nil: all.
func (b *BalanceBlock[T]) line(i int) ([]T, []int32) {
	if b.sparse() {
		return b.Sparse.Row(i)
	}
	return b.W.Row(i), nil
}

// same reports whether two blocks are one array.
func (b *BalanceBlock[T]) same(o *BalanceBlock[T]) bool {
	if b.sparse() || o.sparse() {
		return b.sparse() && o.sparse() && b.shape() == o.shape() && len(b.Sparse.Data) > 0 &&
			unsafe.SliceData(b.Sparse.Data) == unsafe.SliceData(o.Sparse.Data) &&
			slices.Equal(b.Sparse.Start, o.Sparse.Start) && slices.Equal(b.Sparse.Indices, o.Sparse.Indices)
	}
	return b.W.Rows == o.W.Rows && b.W.Cols == o.W.Cols && b.W.Stride == o.W.Stride &&
		b.W.Rows > 0 && b.W.Cols > 0 && unsafe.SliceData(b.W.Data) == unsafe.SliceData(o.W.Data)
}

// degree is c of unit i.
func (g *BalanceGraph[T]) degree(i int) float64 {
	if g.Degree == nil {
		return 1
	}
	return g.Degree[i]
}

func (g *BalanceGraph[T]) check(fn string) error {
	if g == nil || g.Units < 0 {
		return badArg(fn, "graph", "nil or of negative size", "a graph")
	}
	if g.Degree != nil {
		if err := checkLen(fn, "degree", g.Degree, g.Units); err != nil {
			return err
		}
		for i, c := range g.Degree {
			if !(c > 0) || math.IsInf(c, 1) {
				return badArg(fn, "degree", fmt.Sprintf("%v of unit %d", c, i), "a finite number > 0")
			}
		}
	}
	if g.Held != nil {
		if err := checkLen(fn, "held", g.Held, g.Units); err != nil {
			return err
		}
	}
	if g.Group != nil {
		if err := checkLen(fn, "group", g.Group, g.Units); err != nil {
			return err
		}
		for i, k := range g.Group {
			if k < 0 || k >= g.Units {
				return badArg(fn, "group", fmt.Sprintf("%d of unit %d", k, i), "0 … units − 1")
			}
		}
	}
	for q := range g.Blocks {
		if err := g.checkBlock(fn, q); err != nil {
			return err
		}
	}
	return g.checkBlockOverlap(fn)
}

func (g *BalanceGraph[T]) checkBlock(fn string, q int) error {
	b := &g.Blocks[q]
	if err := checkMatrix(fn, "", b.W, -1, -1); err != nil {
		return indexed(err, "weights[%d]", q)
	}
	shape, stored := b.shape(), [2]int{b.W.Rows, b.W.Cols}
	if s := &b.Sparse; b.sparse() {
		if b.W.Data != nil || len(s.Start) != s.Rows+1 || len(s.Indices) != len(s.Data) || s.Start[s.Rows] != len(s.Data) {
			return badArg(fn, fmt.Sprintf("weights[%d]", q), "sparse beside a W, or no CSR of kernels.NewCSR", "one")
		}
		stored = [2]int{1, len(s.Data)}
	}
	for _, side := range []struct {
		name  string
		units []int
		n     int
	}{{"rows", b.Rows, shape[0]}, {"cols", b.Cols, shape[1]}} {
		if side.units == nil {
			continue
		}
		if err := checkLen(fn, "", side.units, side.n); err != nil {
			return indexed(err, side.name+" of block %d", q)
		}
		for i, u := range side.units {
			if u < -1 || u >= g.Units {
				return badArg(fn, fmt.Sprintf("%s of block %d", side.name, q), fmt.Sprintf("unit %d at %d", u, i), fmt.Sprintf("-1 … %d", g.Units-1))
			}
		}
	}
	if !(b.Alpha >= 0) || math.IsInf(b.Alpha, 1) {
		return badArg(fn, fmt.Sprintf("alpha of block %d", q), fmt.Sprint(b.Alpha), "a finite number ≥ 0")
	}
	if b.Power-b.Power != 0 {
		return badArg(fn, fmt.Sprintf("power of block %d", q), fmt.Sprint(b.Power), "a finite number")
	}
	if b.Alphas.Data == nil {
		return nil
	}
	if err := checkMatrix(fn, "", b.Alphas, stored[0], stored[1]); err != nil {
		return indexed(err, "alphas[%d]", q)
	}
	for i := range b.Alphas.Rows {
		for j, a := range b.Alphas.Row(i) {
			if !(a >= 0) || a-a != 0 {
				return badArg(fn, fmt.Sprintf("alphas[%d]", q), fmt.Sprintf("%v at row %d, column %d", a, i, j), "finite numbers ≥ 0")
			}
		}
	}
	return nil
}

// checkBlockOverlap refuses arrays that share some of their elements; blocks over one whole array are shared weights.
func (g *BalanceGraph[T]) checkBlockOverlap(fn string) error {
	for q := range g.Blocks {
		for k := range q {
			a, b := &g.Blocks[q], &g.Blocks[k]
			if !a.same(b) && overlap(a.stored(), b.stored()) {
				return badArg(fn, fmt.Sprintf("weights[%d]", q), fmt.Sprintf("overlapping weights[%d]", k), "arrays that share no element, or one array")
			}
			if a.same(b) && (a.power() != b.power() || a.Alpha != b.Alpha) {
				return badArg(fn, fmt.Sprintf("weights[%d]", q), fmt.Sprintf("the array of weights[%d] with another alpha or power", k), "the same for each use")
			}
		}
	}
	return nil
}

// groups is the number of groups.
func (g *BalanceGraph[T]) groups() int {
	if g.Group == nil {
		return g.Units
	}
	n := 0
	for _, k := range g.Group {
		n = max(n, k+1)
	}
	return n
}

// sharing gives each unit the representative of those that must have its λ, and marks those that must keep 1; tied
// merges each group besides. Units that differ in degree share λ = 1.
type sharing struct {
	parent []int
	fixed  []bool // by representative
}

func newSharing(n int) *sharing {
	s := &sharing{parent: make([]int, n), fixed: make([]bool, n)}
	for i := range s.parent {
		s.parent[i] = i
	}
	return s
}

func (s *sharing) find(i int) int {
	for s.parent[i] != i {
		s.parent[i] = s.parent[s.parent[i]]
		i = s.parent[i]
	}
	return i
}

// join makes units a and b one; −1 is what is never scaled.
func (s *sharing) join(a, b int) {
	switch {
	case a < 0 && b < 0:
	case a < 0:
		s.fixed[s.find(b)] = true
	case b < 0:
		s.fixed[s.find(a)] = true
	default:
		// The lower index represents, whatever the order of the calls.
		a, b = s.find(a), s.find(b)
		a, b = min(a, b), max(a, b)
		s.parent[b] = a
		s.fixed[a] = s.fixed[a] || s.fixed[b]
	}
}

func unitAt(units []int, i int) int {
	if units == nil {
		return -1
	}
	return units[i]
}

// share finds which units have one λ. use[q] is the first block over the array of block q.
func (g *BalanceGraph[T]) share(tied bool) (s *sharing, use []int) {
	s, use = newSharing(g.Units), make([]int, len(g.Blocks))
	for q := range g.Blocks {
		b := &g.Blocks[q]
		use[q] = q
		for k := range q {
			if f := &g.Blocks[k]; b.same(f) {
				use[q] = k
				for _, side := range [2][2][]int{{b.Rows, f.Rows}, {b.Cols, f.Cols}} {
					n := max(len(side[0]), len(side[1]))
					for i := range n {
						if b.Transposed == f.Transposed {
							s.join(unitAt(side[0], i), unitAt(side[1], i))
						} else {
							s.join(unitAt(side[0], i), -1)
							s.join(unitAt(side[1], i), -1)
						}
					}
				}
				break
			}
		}
	}
	if tied && g.Group != nil {
		first := make(map[int]int)
		for i, k := range g.Group {
			if g.Held != nil && g.Held[i] {
				continue
			}
			if j, ok := first[k]; ok {
				s.join(j, i)
			} else {
				first[k] = i
			}
		}
	}
	for i := range g.Units {
		if r := s.find(i); g.degree(i) != g.degree(r) {
			s.fixed[r] = true
		}
	}
	return s, use
}
