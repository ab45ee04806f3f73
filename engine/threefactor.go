package engine

import (
	"fmt"

	"github.com/hebbkern/hebbkern/kernels"
)

// Drive says how a coincidence enters an eligibility trace.
type Drive int

const (
	Impulse  Drive = iota // as it is, whatever dt
	DriveTau              // divided by τ_e, as BindsNET and ngc-learn do
)

// ThreeFactor is learning by eligibility traces and a modulator M (Gerstner, Lehmann, Liakoni, Corneil & Brea, Front.
// Neural Circuits 12, 2018). In each time step
//
//	e_ij ← e_ij·exp(−dt/τ_e) + y_i x_j     (with DriveTau: + y_i x_j/τ_e)
//	w_ij ← w_ij + η·dt·M·e_ij
//
// The functions f and g of the two activities are the caller's, who gives f(x) and g(y). With TauRise a second trace r with
// that time constant takes the same drive, and w learns from e − r: a trace that rises and falls, exp(−t/τ_e) −
// exp(−t/τ_rise) after a coincidence at t = 0. A step with M = 0 leaves the weights as they are.
//
// With a Composition Δ is η·dt·M·(e − r), rates of rows multiply η, and every step is an update, also with M = 0: drift,
// bounds and normalisation act then too, by step and not times dt. The mask is one of synapses: where it is false a trace
// receives nothing, and only decays, and the weight does not change.
//
// The traces are the caller's, 0 to begin with, and the state between calls.
type ThreeFactor[T kernels.Float] struct {
	LR      float64           // η ≥ 0
	TauE    float64           // τ_e > 0
	TauRise float64           // 0 < TauRise < TauE, or 0: one time constant
	DT      float64           // > 0
	Drive   Drive             // Impulse or DriveTau
	E, R    kernels.Matrix[T] // [out, in], with sparse weights [1, stored]; R only with TauRise
}

// Check refuses parameters.
func (r ThreeFactor[T]) Check() error {
	const fn = "ThreeFactor"
	if err := checkTau[T](fn, "tau_e", r.TauE, r.DT); err != nil {
		return err
	}
	if err := checkRate[T](fn, "lr", r.LR); err != nil {
		return err
	}
	if err := checkRate[T](fn, "dt", r.LR*r.DT); err != nil {
		return err
	}
	if r.TauRise != 0 {
		if err := checkTau[T](fn, "tau_rise", r.TauRise, r.DT); err != nil {
			return err
		}
		if !(r.TauRise < r.TauE) {
			return badArg(fn, "tau_rise", fmt.Sprint(r.TauRise), fmt.Sprintf("a number below tau_e, which is %v", r.TauE))
		}
	}
	if r.Drive != Impulse && r.Drive != DriveTau {
		return badArg(fn, "drive", fmt.Sprint(int(r.Drive)), "impulse or tau")
	}
	return nil
}

// Update runs the steps that are the rows of x [steps, in] and y [steps, out], with the modulator of each step. y is as that
// of package function Update: without data or with o.Compute it is W·x, each from the weights that the step before left.
// Of o it reads Compute, From, To, Compose and Scratch. A sequence equals single steps, bit for bit.
//
// k is the steps that W and the traces hold. *DivergenceError names the step whose x, y or modulator, or whose trace or weights,
// were not finite; in the last two cases it is among the k. Other errors are *ArgError, and nothing was written.
func (r ThreeFactor[T]) Update(w, x, y kernels.Matrix[T], modulator []T, o UpdateOptions[T]) (yOut kernels.Matrix[T], k int, err error) {
	u := updater[T]{w: w}
	return r.update(&u, w, x, y, modulator, o)
}

// UpdateCSR is Update on sparse weights, as package function UpdateCSR, with a trace for each stored entry.
func (r ThreeFactor[T]) UpdateCSR(w kernels.CSR[T], x, y kernels.Matrix[T], modulator []T, o UpdateOptions[T]) (yOut kernels.Matrix[T], k int, err error) {
	u := updater[T]{w: kernels.Matrix[T]{Rows: w.Rows, Cols: w.Cols, Stride: w.Cols}, csr: w, sparseW: true}
	return r.update(&u, rowVector(w.Data), x, y, modulator, o)
}

// update has the weights in u; own is the memory that they are in.
func (r ThreeFactor[T]) update(u *updater[T], own, x, y kernels.Matrix[T], modulator []T, o UpdateOptions[T]) (yOut kernels.Matrix[T], k int, err error) {
	defer guard(&err)
	const fn = "ThreeFactor"
	compute := o.Compute || y.Data == nil
	if err := r.check(u, own, x, y, modulator, &o, compute); err != nil {
		return y, 0, err
	}
	if y.Data == nil {
		y = kernels.NewMatrix[T](x.Rows, u.w.Rows)
	}
	if o.From == o.To || u.w.Rows == 0 || u.w.Cols == 0 {
		return y, o.To - o.From, nil
	}
	s := o.Scratch.ready()
	u.compose(fn, o.Compose, s)
	drive := T(1)
	if r.Drive == DriveTau {
		drive = T(1 / r.TauE)
	}
	slow, fast, rate := decayOf[T](r.DT, r.TauE), T(0), T(r.LR*r.DT)
	if r.TauRise != 0 {
		fast = decayOf[T](r.DT, r.TauRise)
	}
	t := traces[T]{u: u, g: s.t.take(u.w.Rows), keep: s.t.take(1)}
	if u.rates != nil {
		t.rates = s.t.take(u.w.Rows)
	}
	if o.Compose != nil && r.TauRise != 0 {
		t.difference = kernels.Matrix[T]{Data: s.t.take(r.E.Rows * r.E.Cols), Rows: r.E.Rows, Cols: r.E.Cols, Stride: r.E.Cols}
	}
	fail := func(what string, step, done int) (kernels.Matrix[T], int, error) {
		return y, done - o.From, u.diverged(what, step)
	}
	for step := o.From; step < o.To; step++ {
		xs, ys, m := x.Row(step), y.Row(step), modulator[step]
		if compute {
			u.forward(ys, xs)
		}
		switch {
		case !finite(xs):
			return fail("x", step, step)
		case !finite(ys) && compute && !u.finite():
			return fail("the weights before", step, step)
		case !finite(ys):
			return fail("y", step, step)
		case m-m != 0:
			return fail("modulator", step, step)
		}
		for i, v := range ys {
			t.g[i] = T(drive * v)
		}
		fine := t.decay(r.E, xs, slow)
		if r.TauRise != 0 {
			fine = t.decay(r.R, xs, fast) && fine
		}
		if !fine {
			return fail("the trace", step, step+1)
		}
		switch {
		case o.Compose != nil:
			fine = t.compose(r.E, r.R, T(rate*m))
		case m == 0:
			continue
		default:
			fine = t.learn(r.E, T(rate*m))
			if r.TauRise != 0 {
				fine = t.learn(r.R, -T(rate*m))
			}
		}
		if !fine {
			return fail("the weights", step, step+1)
		}
		if err := u.normalizeAny(step); err != nil {
			return y, step + 1 - o.From, err
		}
	}
	return y, o.To - o.From, nil
}

func (r ThreeFactor[T]) check(u *updater[T], w, x, y kernels.Matrix[T], modulator []T, o *UpdateOptions[T], compute bool) error {
	const fn = "ThreeFactor"
	if err := r.Check(); err != nil {
		return err
	}
	shape := u.w
	given := []struct {
		name       string
		m          kernels.Matrix[T]
		rows, cols int
		written    bool
	}{{"w", w, -1, -1, true}, {"x", x, -1, shape.Cols, false}, {"y", y, x.Rows, shape.Rows, compute}, {"e", r.E, w.Rows, w.Cols, true},
		{"r", r.R, w.Rows, w.Cols, true}}
	if r.TauRise == 0 {
		given = given[:4]
	}
	for k, a := range given {
		if a.name == "y" && a.m.Data == nil && compute {
			continue
		}
		if err := checkMatrix(fn, a.name, a.m, a.rows, a.cols); err != nil {
			return err
		}
		for _, b := range given[:k] {
			if (a.written || b.written) && overlap(a.m, b.m) {
				return badArg(fn, a.name, "overlapping "+b.name, "arrays that share no element")
			}
		}
	}
	if err := checkLen(fn, "modulator", modulator, x.Rows); err != nil {
		return err
	}
	for _, a := range given {
		if (a.written && a.name != "y") && overlap(a.m, rowVector(modulator)) {
			return badArg(fn, "modulator", "overlapping "+a.name, "arrays that share no element")
		}
	}
	if err := u.checkComposed(fn, o.Compose, r.E, r.R); err != nil {
		return err
	}
	if o.To == 0 {
		o.To = x.Rows
	}
	switch {
	case o.From < 0 || o.To > x.Rows || o.From > o.To:
		return badArg(fn, "rows", fmt.Sprintf("[%d, %d)", o.From, o.To), fmt.Sprintf("a part of [0, %d)", x.Rows))
	case o.Reduction != Sequential:
		return badArg(fn, "reduction", fmt.Sprint(int(o.Reduction)), "sequential, since rows are steps in time")
	case o.Normalize != NoNorm || o.Block != 0:
		return badArg(fn, "block", fmt.Sprint(o.Block), "neither block nor normalize, since weights learn from traces")
	}
	return nil
}

// traces is the working memory of a call.
type traces[T kernels.Float] struct {
	u              *updater[T]
	g, keep, rates []T               // [out], [1], [out]
	difference     kernels.Matrix[T] // e − r
}

// decay is e ← fma(g_i, x_j, round(e·f)), and reports whether e is finite.
func (t *traces[T]) decay(e kernels.Matrix[T], x []T, f T) bool {
	u := t.u
	k := kernels.Update[T]{G: t.g, X: x}
	masked := u.o.Compose != nil && u.o.Compose.Mask != nil
	t.keep[0] = f
	if f >= 0.5 && !masked { // 1 − f and 1 minus it are exact
		t.keep[0] = 1 - f
		k.Decay = t.keep
	} else {
		kernels.Scale(e, t.keep, nil)
	}
	if u.sparseW {
		w := u.csr
		w.Data = e.Data[:len(w.Data)]
		kernels.Rank1CSR(w, k)
		return finite(w.Data)
	}
	if masked {
		k.Mask, k.MaskStride = u.o.Compose.Mask, u.o.Compose.maskStride(u.w)
	}
	k.Finite = &u.s.fine
	kernels.Rank1(e, k)
	return u.s.fine
}

// learn is w ← fma(rate, e, w), and reports whether w is finite.
func (t *traces[T]) learn(e kernels.Matrix[T], rate T) bool {
	u := t.u
	u.one[0] = rate
	if u.sparseW {
		u.addEntries(e.Data[:len(u.csr.Data)], u.one)
		return u.finite()
	}
	u.addRows(e, u.one, &u.s.fine)
	return u.s.fine
}

// compose is learn from e − r by the rates of rows, composed.
func (t *traces[T]) compose(e, r kernels.Matrix[T], rate T) bool {
	u := t.u
	if d := t.difference; d.Data != nil {
		u.one[0] = -1
		for i := range e.Rows {
			row := d.Row(i)
			copy(row, e.Row(i))
			kernels.Rank1(rowVector(row), kernels.Update[T]{G: u.one, X: r.Row(i)})
		}
		e = d
	}
	if t.rates == nil {
		return t.learn(e, rate)
	}
	fill(t.rates, rate)
	g := u.rated(t.rates)
	if u.sparseW {
		u.addEntries(e.Data[:len(u.csr.Data)], g)
		return u.finite()
	}
	u.addRows(e, g, &u.s.fine)
	return u.s.fine
}
