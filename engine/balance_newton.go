package engine

import (
	"math"
	"slices"

	"github.com/hebbkern/hebbkern/kernels"
)

// The solver minimises R(ℓ), the cost as a function of the log-scales, with one pass over the weights a step. What
// makes the steps few is a model of each matrix that costs no pass: with its scaled sums by row r and by column s
// and their total S, |w_ij|^p is taken for r_i·s_j/S. The model has the true gradient, the true diagonal of the
// Hessian, and is exact for scales that are equal within each population: those are the slow modes of sweeps. Its
// Hessian is diagonal but for two dense vectors a matrix, so a step is solved over 2 unknowns a matrix.
//
//	far from balance   Newton's step on ρ_i = log A_i − log cB_i, which is linear in what layers have in common
//	near it            L-BFGS with the model's Hessian as the first guess, and a line search on R
//
// R is convex, so L-BFGS with that line search converges from anywhere (Nocedal & Wright, Numerical Optimization,
// sections 6.4 and 7.2); where neither step lowers R, each unit goes half-way to its own optimum.
type newtonStep struct {
	fresh   bool        // grad, a and b are those of the present scales
	coupled []int       // terms with free units on both sides
	meets   [][][2]int  // by side of a coupled term, 2k + side: the sides (k, side) of coupled terms with a unit in common
	lu      [][]float64 // the small system
	rhs     []float64
	grad    []float64 // ∂R/∂ℓ/(pref·ln 2) relative to 2^shift, by unit
	a, b    []float64 // A and c·B relative to 2^shift
	dir     []float64
	half    []float64 // half the way to each unit's own optimum
	oldEll  []float64
	oldGrad []float64
	wa, wb  []float64
	res     [4][]float64
}

const (
	history   = 6   // pairs kept
	farPhase  = 0.5 // residual above which the step is Newton's on ρ
	denseMost = 128 // coupled terms up to which the model is solved exactly, and by conjugate gradients above
)

func (b *balancer[T]) prepareNewton() {
	n := &b.newton
	if n.grad != nil {
		return
	}
	for k := range b.terms {
		t := &b.terms[k]
		if b.anyFree(&t.side[0]) && b.anyFree(&t.side[1]) {
			n.coupled = append(n.coupled, k)
		}
	}
	if len(n.coupled) <= denseMost {
		m := 2 * len(n.coupled)
		n.rhs = b.floats(m)
		for range m {
			n.lu = append(n.lu, b.floats(m))
		}
		b.findMeetings()
	}
	for _, v := range []*[]float64{&n.grad, &n.a, &n.b, &n.dir, &n.half, &n.oldEll, &n.oldGrad, &n.wa, &n.wb, &n.res[0], &n.res[1], &n.res[2], &n.res[3]} {
		*v = b.floats(b.g.Units)
	}
}

func (b *balancer[T]) findMeetings() {
	n := &b.newton
	n.meets = make([][][2]int, 2*len(n.coupled))
	marked := make([]bool, b.g.Units)
	for k, t := range n.coupled {
		for s := range b.terms[t].side {
			for _, u := range b.terms[t].side[s].unit {
				marked[u] = b.free[u]
			}
			for kk, other := range n.coupled {
				for ss := range b.terms[other].side {
					if slices.ContainsFunc(b.terms[other].side[ss].unit, func(u int) bool { return marked[u] }) {
						n.meets[2*k+s] = append(n.meets[2*k+s], [2]int{kk, ss})
					}
				}
			}
			for _, u := range b.terms[t].side[s].unit {
				marked[u] = false
			}
		}
	}
}

func (b *balancer[T]) anyFree(s *balanceSide) bool {
	for _, u := range s.unit {
		if b.free[u] {
			return true
		}
	}
	return false
}

// linear sets A, cB and the gradient of the live units relative to 2^shift.
func (b *balancer[T]) linear(shift float64) {
	n := &b.newton
	for _, i := range b.live {
		n.a[i] = b.logA[i] - shift
		n.b[i] = b.logB[i] - shift
	}
	kernels.Exp2(n.a, n.a)
	kernels.Exp2(n.b, n.b)
	for _, i := range b.live {
		n.b[i] *= b.g.degree(i)
		n.grad[i] = n.a[i] - n.b[i]
	}
}

// modelSolve solves the model's system
//
//	(wa_i·p̄A_i + c_i·wb_i·p̄B_i)·x_i = rhs_i + wa_i Σ_t p_t·partA_ti·m_t + wb_i Σ_t p_t·partB_ti·n_t
//	m_t = Σ_j share_tj·c_j·x_j over the senders, n_t = Σ_i share_ti·x_i over the receivers of term t
//
// for x over the live units, the grounded ones 0. wa = wb = 1 with rhs = −ρ is Newton's step on ρ; wa = A, wb = cB is
// the model's Hessian over pref·(ln 2)². rhs and x may be one slice.
func (b *balancer[T]) modelSolve(wa, wb, rhs, x []float64) {
	n := &b.newton
	inverse := n.res[0]
	for _, i := range b.live {
		inverse[i] = 1 / (float64(wa[i]*b.rateA[i]) + float64(float64(b.g.degree(i)*wb[i])*b.rateB[i]))
		// A unit whose sums have left the range stands still.
		if inverse[i]-inverse[i] != 0 {
			inverse[i] = 0
		}
	}
	for _, i := range b.ground {
		inverse[i] = 0
	}
	if len(n.coupled) > denseMost {
		b.modelIterate(wa, wb, rhs, x, inverse)
		return
	}
	for _, i := range b.live {
		x[i] = float64(rhs[i] * inverse[i])
	}
	if len(n.coupled) == 0 {
		return
	}
	// Unknown 2k is m, 2k+1 is n of coupled term k; y = f + K y.
	for _, row := range n.lu {
		clear(row)
	}
	column := n.res[1] // of the units of one side, 0 elsewhere
	clear(column)
	for k, at := range n.coupled {
		t := &b.terms[at]
		for s := range t.side {
			n.rhs[2*k+unknown(&t.side[s])] = b.average(&t.side[s], x)
		}
	}
	for k, at := range n.coupled {
		t := &b.terms[at]
		for s := range t.side {
			// The receivers' x depends on m, the senders' on n.
			side := &t.side[s]
			col := 2*k + 1 - unknown(side)
			w := wb
			if side.post {
				w = wa
			}
			for slot, u := range side.unit {
				if b.free[u] {
					column[u] = float64(float64(float64(t.p*side.part[slot])*w[u]) * inverse[u])
				}
			}
			for _, meet := range n.meets[2*k+s] {
				o, sum := &b.terms[n.coupled[meet[0]]].side[meet[1]], 0.0
				for slot, u := range o.unit {
					if b.free[u] {
						sum += float64(float64(o.share[slot]*b.sendDegree(o, u)) * column[u])
					}
				}
				n.lu[2*meet[0]+unknown(o)][col] = -sum
			}
			for _, u := range side.unit {
				column[u] = 0
			}
		}
	}
	for k := range n.lu {
		n.lu[k][k]++
	}
	luSolve(n.lu, n.rhs)
	for k, at := range n.coupled {
		t := &b.terms[at]
		for s := range t.side {
			side := &t.side[s]
			y, w := n.rhs[2*k+1-unknown(side)], wb
			if side.post {
				w = wa
			}
			for slot, u := range side.unit {
				if b.free[u] {
					x[u] += float64(float64(float64(float64(t.p*side.part[slot])*w[u])*inverse[u]) * y)
				}
			}
		}
	}
}

// unknown is which of a term's two unknowns a side's average is: 0 for m, the senders', 1 for n.
func unknown(s *balanceSide) int {
	if s.post {
		return 1
	}
	return 0
}

func (b *balancer[T]) sendDegree(s *balanceSide, u int) float64 {
	if s.post {
		return 1
	}
	return b.g.degree(u)
}

// average is m or n of a side.
func (b *balancer[T]) average(s *balanceSide, x []float64) (sum float64) {
	for slot, u := range s.unit {
		if b.free[u] {
			sum += float64(float64(s.share[slot]*b.sendDegree(s, u)) * x[u])
		}
	}
	return sum
}

// modelIterate solves the system by iteration, for graphs of very many matrices: by conjugate gradients on the
// symmetric form, whose rows are those of the other form with other weights.
func (b *balancer[T]) modelIterate(wa, wb, rhs, x, inverse []float64) {
	n := &b.newton
	r, d, h := n.res[1], n.res[2], n.res[3]
	// y ← H̃ v / diagonal weights: rows of the system as they stand.
	apply := func(v, y []float64) {
		for _, i := range b.live {
			if inverse[i] != 0 {
				y[i] = v[i] / inverse[i]
			} else {
				y[i] = 0
			}
		}
		for _, at := range n.coupled {
			t := &b.terms[at]
			for s := range t.side {
				side := &t.side[s]
				m := b.average(&t.side[1-s], v)
				w := wb
				if side.post {
					w = wa
				}
				for slot, u := range side.unit {
					if b.free[u] && inverse[u] != 0 {
						y[u] -= float64(float64(float64(t.p*side.part[slot])*w[u]) * m)
					}
				}
			}
		}
	}
	sum, first := 0.0, 0.0
	for _, i := range b.live {
		r[i], x[i] = rhs[i], 0
		if inverse[i] == 0 {
			r[i] = 0
		}
		d[i] = float64(r[i] * inverse[i])
		sum += float64(r[i] * d[i])
	}
	first = sum
	for range 300 {
		if !(sum > 1e-12*first) {
			return
		}
		apply(d, h)
		curve := 0.0
		for _, i := range b.live {
			curve += float64(d[i] * h[i])
		}
		if !(curve > 0) {
			return
		}
		step, next := sum/curve, 0.0
		for _, i := range b.live {
			x[i] += float64(step * d[i])
			r[i] -= float64(step * h[i])
			next += float64(float64(r[i]*r[i]) * inverse[i])
		}
		for _, i := range b.live {
			d[i] = float64(r[i]*inverse[i]) + float64(next/sum*d[i])
		}
		sum = next
	}
}

// luSolve solves a x = y in place, by Gaussian elimination with row pivots; a is overwritten. A column without a pivot
// leaves its unknown at 0.
func luSolve(a [][]float64, y []float64) {
	n := len(y)
	for k := range n {
		best := k
		for i := k + 1; i < n; i++ {
			if math.Abs(a[i][k]) > math.Abs(a[best][k]) {
				best = i
			}
		}
		a[k], a[best] = a[best], a[k]
		y[k], y[best] = y[best], y[k]
		if math.Abs(a[k][k]) < 1e-14 {
			a[k][k] = math.Inf(1)
			continue
		}
		for i := k + 1; i < n; i++ {
			f := a[i][k] / a[k][k]
			if f == 0 {
				continue
			}
			for j := k + 1; j < n; j++ {
				a[i][j] -= float64(f * a[k][j])
			}
			y[i] -= float64(f * y[k])
		}
	}
	for k := n - 1; k >= 0; k-- {
		s := y[k]
		for j := k + 1; j < n; j++ {
			s -= float64(a[k][j] * y[j])
		}
		y[k] = s / a[k][k]
	}
}
