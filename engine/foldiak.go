package engine

import (
	"fmt"

	"github.com/hebbkern/hebbkern/kernels"
)

// Foldiak is the network of Földiák (Biol. Cybern. 64, 1990), which learns a sparse code of features that are
// independent: Hebbian feedforward weights W, anti-Hebbian lateral weights V and thresholds t. Each answer is the state,
// rounded to 0 or 1, into which
//
//	ẏ*_i = f(Σ_j w_ij x_j + Σ_k v_ik y*_k − t_i) − y*_i,   f(u) = 1/(1 + exp(−λu))
//
// settles from 0: Steps steps of length Step. Then
//
//	Δw_ij = η y_i (x_j − w_ij)
//	Δv_ik = −α (y_i y_k − p²) for i ≠ k,   and v_ik ← min(v_ik, 0)
//	Δt_i  = γ (y_i − p)
//
// V [out, out] and Threshold [out] are the caller's and state; the diagonal of V does not learn and is 0 to begin with.
//
// A Composition of the options acts on W, with these Δw. Lateral acts on V, where the rule's own bound v ≤ 0 is part of
// its bounds: they allow 0 therefore, and neither a drift to 1 nor a norm that adds to weights goes with it.
type Foldiak[T kernels.Float] struct {
	LR          float64 // η ≥ 0 (the paper's β, 0.02)
	LateralLR   float64 // α ≥ 0 (0.1)
	ThresholdLR float64 // γ ≥ 0 (0.02)
	P           float64 // p in (0, 1): how often a unit is to be active
	Slope       float64 // λ > 0 (10)
	Steps       int     // ≥ 1
	Step        float64 // in (0, 1]
	V           kernels.Matrix[T]
	Threshold   []T
	Lateral     *Composition[T] // of V; nil: none
}

// Check refuses parameters.
func (r Foldiak[T]) Check() error {
	const fn = "Foldiak"
	for _, p := range []struct {
		arg string
		v   float64
	}{{"lr", r.LR}, {"lateral_lr", r.LateralLR}, {"threshold_lr", r.ThresholdLR}, {"slope", r.Slope}} {
		if err := checkRate[T](fn, p.arg, p.v); err != nil {
			return err
		}
	}
	switch {
	case !(r.P > 0 && r.P < 1):
		return badArg(fn, "p", fmt.Sprint(r.P), "a number between 0 and 1")
	case !(T(r.Slope) > 0):
		return badArg(fn, "slope", fmt.Sprint(r.Slope), "a finite number > 0")
	case r.Steps < 1:
		return badArg(fn, "steps", fmt.Sprint(r.Steps), "1 or more")
	case !(r.Step > 0 && r.Step <= 1):
		return badArg(fn, "step", fmt.Sprint(r.Step), "a number above 0 and at most 1")
	}
	return nil
}

// Update learns from a batch x [B, in] on W [out, in], with y as that of package function Update. With Sum and Mean every
// answer is from the state before the batch, W and V take the sum or the mean of their samples' changes, and V is clipped
// and t moved once, t by the mean. Of o it reads Reduction, Compute, From, To, Compose and Scratch. k is the
// samples that W, V and t hold.
func (r Foldiak[T]) Update(w, x, y kernels.Matrix[T], o UpdateOptions[T]) (yOut kernels.Matrix[T], k int, err error) {
	return r.update(updater[T]{w: w}, w, x, y, o)
}

// UpdateCSR is Update on sparse feedforward weights, as package function UpdateCSR.
func (r Foldiak[T]) UpdateCSR(w kernels.CSR[T], x, y kernels.Matrix[T], o UpdateOptions[T]) (yOut kernels.Matrix[T], k int, err error) {
	shape := kernels.Matrix[T]{Rows: w.Rows, Cols: w.Cols, Stride: w.Cols}
	return r.update(updater[T]{w: shape, csr: w, sparseW: true}, rowVector(w.Data), x, y, o)
}

// update has the weights in u; own is the memory that they are in.
func (r Foldiak[T]) update(u updater[T], own, x, y kernels.Matrix[T], o UpdateOptions[T]) (yOut kernels.Matrix[T], k int, err error) {
	defer guard(&err)
	const fn = "Foldiak"
	compute := o.Compute || y.Data == nil
	f := lateral[T]{Foldiak: r, w: u, v: updater[T]{w: r.V}, mean: o.Reduction == Mean}
	if err := f.check(own, x, y, &o, compute); err != nil {
		return y, 0, err
	}
	out := u.w.Rows
	if y.Data == nil {
		y = kernels.NewMatrix[T](x.Rows, out)
	}
	if o.From == o.To || out == 0 || u.w.Cols == 0 {
		return y, o.To - o.From, nil
	}
	s := o.Scratch.ready()
	f.w.compose(fn, o.Compose, s)
	f.v.compose(fn, f.inhibition(s), s)
	n := 1
	if o.Reduction != Sequential {
		n = x.Rows
	}
	f.buffers, f.g, f.decay, f.add, f.total = s.t.take(3*out), s.matrix(n, out), s.t.take(out), s.t.take(out), s.wide.take(out)
	fail := func(what string, sample, done int) (kernels.Matrix[T], int, error) {
		return y, done - o.From, f.w.diverged(what, sample)
	}
	for at := o.From; at < o.To; at += n {
		for b := at; b < at+n; b++ {
			if !finite(x.Row(b)) {
				return fail("x", b, at)
			}
			if compute && !f.settle(x.Row(b), y.Row(b)) {
				if b > o.From && n == 1 && !f.w.finite() {
					return fail("the weights", b-1, at)
				}
				return fail("the weights before", b, at)
			}
			if !finite(y.Row(b)) {
				return fail("y", b, at)
			}
		}
		// Where the next sample computes its answer, a W that is no longer finite shows there.
		f.unseen = n == 1 && compute && o.Compose == nil && at+1 < o.To
		if err := f.learn(subRows(x, at, n), subRows(y, at, n), at+n-1); err != nil {
			return y, at + n - o.From, err
		}
	}
	return y, o.To - o.From, nil
}

// inhibition is the composition of V, with the rule's bound.
func (f *lateral[T]) inhibition(s *Scratch[T]) *Composition[T] {
	c := Composition[T]{High: Bound[T](0)}
	if f.Lateral == nil {
		return &c
	}
	c = *f.Lateral
	high := c.High
	switch {
	case high.Data == nil || forAll(high):
		c.High = Bound(min(0, append(high.Data, 0)[0]))
	default:
		c.High = s.matrix(high.Rows, high.Cols)
		for i := range high.Rows {
			for j, h := range high.Row(i) {
				c.High.Row(i)[j] = min(h, 0)
			}
		}
	}
	return &c
}

// checkLateral refuses a composition that V cannot have.
func (f *lateral[T]) checkLateral(fn string, w kernels.Matrix[T]) error {
	c := f.Lateral
	if c == nil {
		return nil
	}
	if e, is := f.v.checkComposed(fn, c, w, rowVector(f.Threshold)).(*ArgError); is {
		e.Arg = "lateral " + e.Arg
		return e
	}
	switch {
	case c.Gamma != 0:
		return badArg(fn, "lateral gamma", fmt.Sprint(c.Gamma), "0: a drift to 0 or 1 has no meaning for weights that are at most 0")
	case c.Norm.Kind == Subtractive:
		return badArg(fn, "lateral weight norm", "subtractive", "multiplicative: a term that all weights of a row share takes them above 0")
	}
	for i := range c.Low.Rows {
		for _, low := range c.Low.Row(i) {
			if low > 0 {
				return badArg(fn, "lateral low", fmt.Sprint(low), "at most 0, which lateral weights are")
			}
		}
	}
	return nil
}

func (f *lateral[T]) check(w, x, y kernels.Matrix[T], o *UpdateOptions[T], compute bool) error {
	const fn = "Foldiak"
	r, shape := &f.Foldiak, f.w.w
	if err := r.Check(); err != nil {
		return err
	}
	given := []struct {
		name       string
		m          kernels.Matrix[T]
		rows, cols int
		written    bool
	}{{"w", w, -1, -1, true}, {"x", x, -1, shape.Cols, false}, {"lateral", r.V, shape.Rows, shape.Rows, true},
		{"threshold", rowVector(r.Threshold), 1, shape.Rows, true}, {"y", y, x.Rows, shape.Rows, compute}}
	if y.Data == nil && compute {
		given = given[:4]
	}
	for k, a := range given {
		if err := checkMatrix(fn, a.name, a.m, a.rows, a.cols); err != nil {
			return err
		}
		for _, b := range given[:k] {
			if (a.written || b.written) && overlap(a.m, b.m) {
				return badArg(fn, a.name, "overlapping "+b.name, "arrays that share no element")
			}
		}
	}
	for i := range r.V.Rows {
		if row := r.V.Row(i); !finite(row) || row[i] != 0 {
			return badArg(fn, "lateral", fmt.Sprintf("not finite, or not 0 on the diagonal, in row %d", i), "finite numbers and a diagonal of 0")
		}
	}
	if !finite(r.Threshold) {
		return badArg(fn, "threshold", "not finite", "finite numbers")
	}
	if err := f.w.checkComposed(fn, o.Compose, r.V, rowVector(r.Threshold)); err != nil {
		return err
	}
	if err := f.checkLateral(fn, w); err != nil {
		return err
	}
	if o.To == 0 {
		o.To = x.Rows
	}
	switch {
	case o.Reduction < Sequential || o.Reduction > Mean:
		return badArg(fn, "reduction", fmt.Sprint(int(o.Reduction)), "sequential, sum or mean")
	case o.From < 0 || o.To > x.Rows || o.From > o.To || o.Reduction != Sequential && o.To-o.From != x.Rows:
		return badArg(fn, "rows", fmt.Sprintf("[%d, %d)", o.From, o.To), fmt.Sprintf("a part of [0, %d), or all with sum or mean", x.Rows))
	case o.Normalize != NoNorm || o.Block != 0:
		return badArg(fn, "block", fmt.Sprint(o.Block), "neither block nor normalize, since answers depend on the lateral weights")
	}
	return nil
}

// lateral is one call.
type lateral[T kernels.Float] struct {
	Foldiak[T]
	w, v                updater[T]
	mean                bool
	unseen              bool              // W need not be looked at after the update
	g                   kernels.Matrix[T] // [samples of an update, out]
	buffers, decay, add []T               // [3·out], [out], [out]
	total               []float64         // [out]
}

// settle writes the answer to x, and reports whether the sums that it rests on are finite.
func (f *lateral[T]) settle(x, y []T) bool {
	n := len(y)
	drive, state, next := f.buffers[:n], f.buffers[n:2*n], f.buffers[2*n:]
	f.w.forward(drive, x)
	for i, t := range f.Threshold {
		drive[i] -= t
	}
	if !finite(drive) {
		return false
	}
	clear(state)
	slope := T(f.Slope)
	for range f.Steps {
		kernels.Forward(next, f.V, state, drive, identity)
		for i, u := range next {
			next[i] = T(slope * u)
		}
		kernels.Activate(next, next, kernels.Activation{Kind: kernels.Sigmoid})
		kernels.EMA(state, next, T(f.Step), kernels.Value)
	}
	for i, s := range state {
		y[i] = 0
		if s > 0.5 {
			y[i] = 1
		}
	}
	return true
}

// learn is the update by the samples of x and y, of which the last is named by errors.
func (f *lateral[T]) learn(x, y kernels.Matrix[T], sample int) error {
	n, part := float64(x.Rows), 1.0
	if f.mean {
		part = 1 / n
	}
	clear(f.total)
	for b := range x.Rows {
		for i, v := range y.Row(b) {
			f.total[i] += float64(v)
		}
	}
	scale := func(s float64, u *updater[T]) {
		for b := range x.Rows {
			g := f.g.Row(b)
			for i, v := range y.Row(b) {
				g[i] = T(T(s*part) * v)
			}
			u.rated(g)
		}
	}
	scale(f.LR, &f.w)
	for i, v := range f.total {
		f.decay[i] = T(f.LR * part * v)
	}
	f.w.addSamples(f.g, x, f.w.rated(f.decay), nil)
	scale(-f.LateralLR, &f.v)
	fill(f.add, T(f.LateralLR*f.P*f.P*part*n))
	f.v.addSamples(f.g, y, nil, f.v.rated(f.add))
	for i, v := range f.total {
		f.V.Row(i)[i] = 0
		f.Threshold[i] += T(f.ThresholdLR * (v/n - f.P))
	}
	if !f.unseen && !f.w.finite() || !f.v.finite() || !finite(f.Threshold) {
		return f.w.diverged("the weights", sample)
	}
	if err := f.w.normalizeAny(sample); err != nil {
		return err
	}
	return f.v.normalizeAny(sample)
}
