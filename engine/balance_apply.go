package engine

import (
	"fmt"
	"math"

	"github.com/hebbkern/hebbkern/kernels"
)

// GraphReport is the outcome of balancing a graph. Costs and deficits are those of the scaled sums, without
// self-weights of units with c = 1, which no scaling changes.
type GraphReport struct {
	Lambda        []float64 // by unit: in × λ, out ÷ λ^c; 1 for units that were left alone
	Status        []UnitStatus
	CostBefore    float64 // Σ α|w|^p over the blocks with an Alpha
	CostAfter     float64
	DeficitBefore float64 // Σ_i (A_i − c_iB_i)² over the units that are not held
	DeficitAfter  float64
	Residual      float64 // max |A − cB|/(A + cB) over the live units, after
	Sweeps        int
	Reason        StopReason
}

// Balance scales the units of a graph to A_i = c_iB_i, the unique minimum of the cost over all scalings that
// leave the network's function unchanged (Baldi, Alexos, Domingo & Rahmansetayesh, AIJ 2025), with A_i = Σ α|w|^p over
// the weights into unit i and B_i over those out of it. It solves for log λ and writes the blocks once, at the end.
// Units that have no optimum (A = 0 or B = 0, or on no cycle) are left alone and reported.
//
// Errors, all before anything is written: *ArgError for a bad graph or option, for scales that leave the range of T,
// and for unsuitable methods; *NonFiniteError for NaN or Inf in a block.
func (g *BalanceGraph[T]) Balance(o BalanceOptions) (*GraphReport, error) {
	r, err := NewGraphBalancer(g, o)
	if err != nil {
		return nil, err
	}
	if _, err := r.Run(math.MaxInt); err != nil {
		return nil, err
	}
	report, err := r.Apply()
	r.Close()
	return report, err
}

// GraphBalancer is BalanceGraph.Balance in steps, for callers that want to interrupt or watch: NewGraphBalancer reads the
// weights, Run moves the scales and writes only BalanceOptions.State, Apply writes the weights. These must not change
// in between.
type GraphBalancer[T kernels.Float] struct {
	b    *balancer[T]
	why  StopReason
	done bool
}

// NewGraphBalancer checks graph and options, takes the sums and finds the units that stay. Errors as of BalanceGraph.Balance.
func NewGraphBalancer[T kernels.Float](g *BalanceGraph[T], o BalanceOptions) (r *GraphBalancer[T], err error) {
	defer guard(&err)
	b, err := newBalancer("Balance", g, o)
	if err != nil {
		return nil, err
	}
	return &GraphBalancer[T]{b: b}, nil
}

// Run makes up to n sweeps or steps and reports whether there is nothing left to do. A sequence of calls does what one
// call does, bit for bit.
func (r *GraphBalancer[T]) Run(n int) (done bool, err error) {
	defer guard(&err)
	if n < 0 {
		return r.done, badArg("Balance", "sweeps", fmt.Sprint(n), "a number ≥ 0")
	}
	if !r.done {
		r.done, r.why, err = r.b.run(n)
	}
	return r.done, err
}

// Sweeps is the number of sweeps or steps so far.
func (r *GraphBalancer[T]) Sweeps() int { return int(r.b.state.head[stateSweeps]) }

// Deficits writes the signed deficits A_i − c_iB_i of all units at the present scales, 0 for units that are held.
func (r *GraphBalancer[T]) Deficits(dst []float64) {
	r.b.deficits(dst)
}

// Report is the state as it is, with scales that Apply would write.
func (r *GraphBalancer[T]) Report() *GraphReport {
	b := r.b
	head := b.state.head
	report := &GraphReport{CostBefore: exp2(head[stateCost]), DeficitBefore: head[stateDeficit], CostAfter: exp2(b.cost),
		DeficitAfter: b.deficits(nil), Residual: b.residual, Sweeps: r.Sweeps(), Reason: r.why, Status: b.status, Lambda: make([]float64, b.g.Units)}
	if !r.done {
		report.Reason = SweepsUsedUp
	}
	if b.residual <= b.o.Tol {
		report.Reason = Converged
	}
	for i := range report.Lambda {
		if j := b.root[i]; j >= 0 && b.free[j] {
			report.Lambda[i] = b.ell[j]
		}
	}
	kernels.Exp2(report.Lambda, report.Lambda)
	return report
}

// Apply writes the scaled weights w_ij ← (f_i·w_ij)·f_j, each product rounded, and reports. Where all factors of a block
// are 1 nothing is written, so balancing a balanced network changes no bit. Errors: *ArgError if a scale leaves the
// range of T, before anything is written. Call it once.
func (r *GraphBalancer[T]) Apply() (report *GraphReport, err error) {
	defer guard(&err)
	b := r.b
	b.centre()
	for q := range b.g.Blocks {
		if err := b.checkRange(q); err != nil {
			return nil, err
		}
	}
	for q := range b.g.Blocks {
		if b.use[q] == q {
			rows, cols := b.blockFactors(q, 0), b.blockFactors(q, 1)
			if block := &b.g.Blocks[q]; block.sparse() {
				scaleCSR(block.Sparse, rows, cols)
			} else if rows != nil || cols != nil {
				kernels.Scale(block.W, rows, cols)
			}
		}
	}
	return r.Report(), nil
}

// Close gives the working memory to the next balancer; this one must not be used any more.
func (r *GraphBalancer[T]) Close() {
	if r.b != nil {
		balanceMemories.Put(r.b.mem)
		r.b = nil
	}
}

// exponents writes the log2 of the factors of a side of a block, and reports whether any is not 0.
func (b *balancer[T]) exponents(q, side int, dst []float64) (moved bool) {
	block := &b.g.Blocks[q]
	units, post := block.Rows, !block.Transposed
	if side == 1 {
		units, post = block.Cols, block.Transposed
	}
	power := block.power()
	for i := range dst {
		dst[i] = 0
		if u := b.unitOf(units, i); u >= 0 && b.free[u] {
			l := float64(power * b.ell[u])
			if !post {
				l = -float64(l * b.g.degree(u))
			}
			dst[i], moved = l, moved || l != 0
		}
	}
	return moved
}

func (b *balancer[T]) blockFactors(q, side int) []T {
	n := b.g.Blocks[q].shape()[side]
	e := b.block(n)
	if !b.exponents(q, side, e) {
		return nil
	}
	kernels.Exp2(e, e)
	f := make([]T, n)
	for i := range f {
		f[i] = T(e[i])
	}
	return f
}

// checkRange makes sure that no factor and no product of the one write leaves the normal numbers of T upward:
// |w| < 2^e times 2^ℓ, before the factor of the column.
func (b *balancer[T]) checkRange(q int) error {
	limit := 1022.0
	if single[T]() {
		limit = 126
	}
	w := b.g.Blocks[q].stored()
	largest := [2]float64{}
	for side, n := range b.g.Blocks[q].shape() {
		e := b.block(n)
		b.exponents(q, side, e)
		for _, l := range e {
			if math.Abs(l) > limit {
				return b.outOfRange(q, math.NaN(), l)
			}
			largest[side] = max(largest[side], l)
		}
	}
	e := b.ceiling[q]
	if need := largest[0] + largest[1]; need > 0 && !(e+need <= limit) {
		top := make([]T, w.Rows)
		kernels.PowerSums(w, math.Inf(1), top, nil)
		if e = exponent(top); e+largest[0] > limit {
			return b.outOfRange(q, e, largest[0])
		}
	}
	return nil
}

func (b *balancer[T]) outOfRange(q int, e, l float64) error {
	got := fmt.Sprintf("with a scale of 2^%.4g", l)
	if e == e {
		got = fmt.Sprintf("up to 2^%v %s", e, got)
	}
	return badArg("Balance", fmt.Sprintf("weights[%d]", q), got, "weights whose balanced form fits the element type")
}
