package kernels

// GainForm is the form of the gain rule.
type GainForm int

const (
	GainLinear GainForm = iota
	GainExp
)

// GainOptions are the options of GainRule.
type GainOptions[T Float] struct {
	Form  GainForm
	Limit T   // bound |w_ij| ≤ Limit after the update; 0: none
	Bias  []T // if not nil, the biases of the postsynaptic units, changed as weights from a unit of gain 0
}

// GainRule moves each weight by the difference of the squared average gains,
// presynaptic minus postsynaptic; post is σ_i over rows, pre σ_j over columns,
// each of full length or a scalar:
//
//	GainLinear   w_ij ← w_ij + η(σ_j² − σ_i²)·w_ij
//	             computed fma(round(s_j − q_i), w_ij, w_ij), s_j = round(η·round(σ_j·σ_j)), q_i = round(η·round(σ_i·σ_i))
//	GainExp      w_ij ← w_ij·exp(η(σ_j² − σ_i²))
//	             computed round(round(r_i·w_ij)·c_j), r_i = Exp(−q_i), c_j = Exp(s_j)
//	bias         linear b_i ← fma(0 − q_i, b_i, b_i); exponential b_i ← round(b_i·r_i)
//
// then the bound on |w| if there is one; biases have none. lr is η, finite and
// not negative.
//
// The rule has no balanced fixed point: iterated with a constant η it can drive
// the weights apart and overflow, hence the bound. With σ = 0 for input and
// output units the exponential form keeps the function of a network whose
// hidden units are homogeneous of degree 1.
func GainRule[T Float](w Matrix[T], post, pre []T, lr T, o GainOptions[T]) {
	checkGain(w, post, pre, lr, &o)
	if w.Rows == 0 || (w.Cols == 0 && len(o.Bias) == 0) {
		return
	}
	f := takeFrame[T]()
	q, s := f.squares(0, post, w.Rows), f.squares(1, pre, w.Cols)
	if o.Form == GainExp {
		f.times(q, -lr)
		f.times(s, lr)
		f.exp(q)
		f.exp(s)
		if w.Cols > 0 {
			f.scaleBy(w, span[T]{q, 1}, span[T]{s, 1}, o.Limit)
		}
		for i := 0; i < len(o.Bias); i += cellElements {
			b := o.Bias[i:min(i+cellElements, len(o.Bias))]
			kScaleC(b, q[i:], 1, len(b), len(b), 0)
		}
	} else {
		f.times(q, lr)
		f.times(s, lr)
		f.gainLinear(w, q, s, o.Limit)
		if o.Bias != nil {
			f.gainLinear(Matrix[T]{o.Bias, len(o.Bias), 1, 1}, q, f.constant(0, 0, 1), 0)
		}
	}
	f.give()
}

func checkGain[T Float](w Matrix[T], post, pre []T, lr T, o *GainOptions[T]) {
	const fn = "GainRule"
	w.check(fn, "w")
	own := w.region()
	for _, v := range [...]struct {
		arg    string
		v      []T
		length int
	}{{"post", post, w.Rows}, {"pre", pre, w.Cols}} {
		if v.v == nil && v.length > 0 {
			refuse(fn, v.arg, "nil", "length "+itoa(v.length)+" or 1")
		}
		checkSpread(fn, v.arg, v.v, v.length)
		checkApart(fn, "w", own, v.arg, vectorRegion(v.v))
		checkApart(fn, "Bias", vectorRegion(o.Bias), v.arg, vectorRegion(v.v))
	}
	checkNonNegative(fn, "lr", lr)
	checkNonNegative(fn, "Limit", o.Limit)
	if o.Form != GainLinear && o.Form != GainExp {
		refuse(fn, "Form", itoa(int(o.Form)), "GainLinear or GainExp")
	}
	if o.Bias != nil {
		checkLen(fn, "Bias", o.Bias, w.Rows)
		checkApart(fn, "w", own, "Bias", vectorRegion(o.Bias))
	}
}

// squares is the squares of a vector of n gains, or of one gain for all.
func (f *frame[T]) squares(slot int, v []T, n int) []T {
	y := grow(&f.vec[slot], n)
	if len(v) == 1 && n > 1 {
		kSquare(y, v, 1)
		for k := 1; k < n; k++ {
			y[k] = y[0]
		}
		return y
	}
	for k := 0; k < n; k += cellElements {
		kSquare(y[k:], v[k:], min(cellElements, n-k))
	}
	return y
}

// times is v_k ← round(eta·v_k).
func (f *frame[T]) times(v []T, eta T) {
	by := f.constant(2, eta, 1)
	for k := 0; k < len(v); k += cellElements {
		n := min(cellElements, len(v)-k)
		kScaleR(v[k:], by, 1, n, n)
	}
}

// exp is v_k ← Exp(v_k).
func (f *frame[T]) exp(v []T) {
	f.vector.op, f.vector.y, f.vector.x = opExp, v, v
	f.each(4)
}

func (f *frame[T]) gainLinear(w Matrix[T], q, s []T, limit T) {
	if w.Rows == 0 || w.Cols == 0 {
		return
	}
	j := &f.gain
	threads := threadsFor(w.Rows * w.Cols)
	j.grid = gridFor(w.Rows, w.Cols, threads)
	j.w, j.q, j.s, j.limit = w, q, s, limit
	j.far = w.distance()
	run(j, j.cells, threads)
	*j = gainJob[T]{}
}

type gainJob[T Float] struct {
	grid
	w     Matrix[T]
	q, s  []T
	limit T
	far   int
}

func (g *gainJob[T]) cell(k, _ int) {
	i0, i1, j0, j1 := g.at(k)
	w, q, s := g.w.from(i0, j0), g.q[i0:], g.s[j0:]
	if g.limit != 0 {
		kGainLinearClip(w, q, s, -g.limit, g.limit, i1-i0, j1-j0, g.w.Stride, g.far)
	} else {
		kGainLinear(w, q, s, i1-i0, j1-j0, g.w.Stride, g.far)
	}
}
