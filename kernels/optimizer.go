package kernels

// MomentumStep is the numbers of one step of Momentum.
type MomentumStep[T Float] struct {
	Rate     T    // η, finite and not negative
	Mu       T    // share of the velocity that stays, 0 to 1
	Keep     T    // factor of the old weight, 0 to 1; 1: no decay
	Nesterov bool // step along g + μv with the new v, instead of v
}

// Momentum is one step of gradient descent with momentum in one pass over the
// weights w, their velocity v and their gradient g (Polyak 1964; the form of
// Sutskever et al. 2013 that other libraries have):
//
//	v_k ← fma(μ, v_k, g_k)
//	w_k ← fma(−η, u_k, round(κ·w_k)),   u_k = v_k, with Nesterov fma(μ, v_k, g_k)
//
// where v_k is the new one and κ is Keep. The vectors have one length and share
// no element.
func Momentum[T Float](w, v, g []T, o MomentumStep[T]) {
	const fn = "Momentum"
	checkLen(fn, "v", v, len(w))
	checkLen(fn, "g", g, len(w))
	own, moment, gradient := vectorRegion(w), vectorRegion(v), vectorRegion(g)
	checkApart(fn, "w", own, "v", moment)
	checkApart(fn, "w", own, "g", gradient)
	checkApart(fn, "v", moment, "g", gradient)
	checkNonNegative(fn, "Rate", o.Rate)
	checkUnit(fn, "Mu", o.Mu)
	checkUnit(fn, "Keep", o.Keep)
	f := takeFrame[T]()
	j := &f.optimizer
	j.op, j.w, j.v, j.g = opMomentum, w, v, g
	if o.Nesterov {
		j.op = opNesterov
	}
	j.step, j.b1, j.keep = o.Rate, o.Mu, o.Keep
	f.optimize(2)
}

// AdamStep is the numbers of one step of Adam.
type AdamStep[T Float] struct {
	Rate         T // η/(1 − β₁ᵗ) at step t = 1, 2, …; finite and not negative
	Beta1, Beta2 T // shares of the moments that stay, 0 to 1
	Root         T // 1/√(1 − β₂ᵗ); finite and not negative
	Eps          T // ε; finite and not negative
	Keep         T // factor of the old weight, 0 to 1; 1: no decay
}

// Adam is one step of Adam in one pass over the weights w, their moments m and
// v, and their gradient g (Kingma & Ba 2015; with Keep < 1 the decoupled decay
// of Loshchilov & Hutter 2019):
//
//	m_k ← fma(1 − β₁, g_k, round(β₁·m_k))
//	v_k ← fma(1 − β₂, round(g_k·g_k), round(β₂·v_k))
//	w_k ← fma(−η, round(m_k / fma(ρ, round(√v_k), ε)), round(κ·w_k))
//
// where 1 − β is rounded, ρ is Root and κ is Keep. The vectors have one length
// and share no element.
func Adam[T Float](w, m, v, g []T, o AdamStep[T]) {
	const fn = "Adam"
	checkLen(fn, "m", m, len(w))
	checkLen(fn, "v", v, len(w))
	checkLen(fn, "g", g, len(w))
	own, first, second, gradient := vectorRegion(w), vectorRegion(m), vectorRegion(v), vectorRegion(g)
	checkApart(fn, "w", own, "m", first)
	checkApart(fn, "w", own, "v", second)
	checkApart(fn, "w", own, "g", gradient)
	checkApart(fn, "m", first, "v", second)
	checkApart(fn, "m", first, "g", gradient)
	checkApart(fn, "v", second, "g", gradient)
	checkNonNegative(fn, "Rate", o.Rate)
	checkUnit(fn, "Beta1", o.Beta1)
	checkUnit(fn, "Beta2", o.Beta2)
	checkNonNegative(fn, "Root", o.Root)
	checkNonNegative(fn, "Eps", o.Eps)
	checkUnit(fn, "Keep", o.Keep)
	f := takeFrame[T]()
	j := &f.optimizer
	j.op, j.w, j.m, j.v, j.g = opAdam, w, m, v, g
	j.step, j.b1, j.b2, j.root, j.eps, j.keep = o.Rate, o.Beta1, o.Beta2, o.Root, o.Eps, o.Keep
	f.optimize(6)
}

// Shrink moves each weight towards 0 along the gradient of Σ|w|^p/p, and not
// beyond 0:
//
//	t = round(r·round(|w_k|^p / |w_k|))
//	w_k ← sign(w_k)·round(|w_k| − t) if t < |w_k|, else 0 with the sign of w_k
//
// with |w|^p of PowAbs, for a finite p above 0 and a finite r ≥ 0: p = 2 is a
// decay by r, p = 1 the soft threshold r.
func Shrink[T Float](w []T, r T, p float64) {
	const fn = "Shrink"
	checkNonNegative(fn, "r", r)
	checkExponent(fn, "p", p, false)
	f := takeFrame[T]()
	j := &f.optimizer
	j.op, j.w, j.step = opShrink, w, r
	j.kind = exponentOf(p)
	j.exponent = f.prepare(j.kind, p)
	f.optimize(j.kind.cost() + 4)
}

// Sign sets y_k to 1 for x_k > 0, to −1 for x_k < 0, and to x_k itself for ±0 and
// NaN. y may be x, but not overlap it otherwise.
func Sign[T Float](y, x []T) {
	checkPair("Sign", "y", y, "x", x)
	takeFrame[T]().elementary(opSign, y, x, 1)
}

func checkUnit[T Float](fn, arg string, v T) {
	if !(v >= 0 && v <= 1) {
		refuse(fn, arg, ftoa(v), "0 to 1")
	}
}

type optimizerOp int

const (
	opMomentum optimizerOp = iota
	opNesterov
	opAdam
	opShrink
)

// optimizerJob is a step of training over the elements of a weight vector.
type optimizerJob[T Float] struct {
	grid
	op                            optimizerOp
	w, m, v, g                    []T
	step, b1, b2, root, eps, keep T
	kind                          exponent
	exponent                      []T
}

// optimize runs the job that the caller has filled in; cost is the work of an
// element in elements of a bandwidth-bound kernel.
func (f *frame[T]) optimize(cost int) {
	j := &f.optimizer
	threads := threadsFor(len(j.w) * cost)
	cell := cellElements / 4
	if threads > 1 {
		cell = min(cell, max(blockCols, len(j.w)/(threads*cellsPerThread)))
	}
	j.grid = newGrid(1, len(j.w), 1, cell)
	run(j, j.cells, threads)
	*j = optimizerJob[T]{}
	f.give()
}

func (j *optimizerJob[T]) cell(k, _ int) {
	_, _, j0, j1 := j.at(k)
	w, n := j.w[j0:j1], j1-j0
	switch j.op {
	case opMomentum:
		kMomentum(w, j.v[j0:], j.g[j0:], j.b1, j.step, j.keep, n)
	case opNesterov:
		kNesterov(w, j.v[j0:], j.g[j0:], j.b1, j.step, j.keep, n)
	case opAdam:
		kAdam(w, j.m[j0:], j.v[j0:], j.g[j0:], j.b1, 1-j.b1, j.b2, 1-j.b2, j.step, j.root, j.eps, j.keep, n)
	case opShrink:
		var power [256]T
		for len(w) > 0 {
			q := power[:min(len(power), len(w))]
			powAbs(j.kind, q, w, j.exponent)
			kShrink(w, q, j.step, len(q))
			w = w[len(q):]
		}
	}
}
