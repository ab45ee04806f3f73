package engine

import (
	"fmt"

	"github.com/hebbkern/hebbkern/kernels"
)

// Pairing is what the two forms of spike-timing dependent plasticity have in common: how spikes of one time step
// see each other, how traces take a spike, and the bounds of a weight.
type Pairing struct {
	DT          float64             // length of a time step, in the unit of the time constants, > 0
	WMin, WMax  float64             // bounds, finite: a weight is clipped after each of its events
	Mu          float64             // exponent μ ≥ 0 of the weight dependence; 0 is the additive rule
	Coincidence kernels.Coincidence // PreFirst, BothSides or NeitherSide
	Replace     bool                // a spike sets its trace (nearest neighbours) instead of adding to it
}

// STDP is the pair rule of spike-timing dependent plasticity (Song, Miller & Abbott, Nature Neurosci. 3, 2000). In
// each time step
//
//	A_pre ← A_pre·exp(−dt/τ₊),   A_post ← A_post·exp(−dt/τ₋)
//	pre spikes:    w_ij ← clip(w_ij + A_post_i·(w_ij − WMin)^μ),   then A_pre_j += a₊
//	post spikes:   w_ij ← clip(w_ij + A_pre_j·(WMax − w_ij)^μ),    then A_post_i += a₋
//
// in this order (PreFirst): of a simultaneous pair only the potentiation counts. A pair of spikes Δt = t_post − t_pre
// apart changes the weight by a₊·exp(−Δt/τ₊) for Δt > 0, by a₋·exp(Δt/τ₋) for Δt < 0. a₋ carries its sign, so for
// depression it is negative. Only weights with an event are read and written.
//
// The traces are the caller's, 0 to begin with, and the state between calls.
type STDP[T kernels.Float] struct {
	TauPlus, TauMinus float64 // τ > 0
	APlus, AMinus     float64 // a₊, a₋; with Mu > 0 a₊ ≥ 0 ≥ a₋
	Pairing
	APre, APost []T // traces [in] and [out]
}

// TripletSTDP is the triplet rule (Pfister & Gerstner, J. Neurosci. 26, 2006). Four traces decay with
// τ₊, τ_x (presynaptic r₁, r₂) and τ₋, τ_y (postsynaptic o₁, o₂), and a spike adds 1 to both of its unit. In each time step
//
//	pre spikes:    w_ij ← clip(w_ij − o₁_i·(A₂⁻ + A₃⁻·r₂_j)·(w_ij − WMin)^μ)
//	post spikes:   w_ij ← clip(w_ij + r₁_j·(A₂⁺ + A₃⁺·o₂_i)·(WMax − w_ij)^μ)
//
// with the r₂, o₂ before this step's spikes; which r₁, o₁ is said by Coincidence, as in STDP.
type TripletSTDP[T kernels.Float] struct {
	TauPlus, TauX, TauMinus, TauY    float64 // τ > 0
	A2Plus, A3Plus, A2Minus, A3Minus float64 // amplitudes ≥ 0
	Pairing
	R1, R2, O1, O2 []T // traces [in], [in], [out], [out]
}

// Check refuses parameters.
func (r STDP[T]) Check() error {
	const fn = "STDP"
	for _, p := range []struct {
		arg string
		v   float64
	}{{"tau_plus", r.TauPlus}, {"tau_minus", r.TauMinus}} {
		if err := checkTau[T](fn, p.arg, p.v, r.DT); err != nil {
			return err
		}
	}
	for _, p := range []struct {
		arg          string
		v, tau, sign float64
		want         string
	}{
		{"a_plus", r.APlus, r.TauPlus, 1, "a finite number ≥ 0, since mu > 0"},
		{"a_minus", r.AMinus, r.TauMinus, -1, "a finite number ≤ 0, since mu > 0"},
	} {
		if T(p.v)-T(p.v) != 0 {
			return badArg(fn, p.arg, fmt.Sprint(p.v), "a finite number")
		}
		if d := decayOf[T](r.DT, p.tau); !finite([]T{T(p.v) / (1 - d)}) {
			return badArg(fn, p.arg, fmt.Sprint(p.v), "an amplitude whose trace, at a spike in every step, stays finite")
		}
		if r.Mu > 0 && p.v*p.sign < 0 {
			return badArg(fn, p.arg, fmt.Sprint(p.v), p.want)
		}
	}
	return checkPairing[T](fn, r.Pairing)
}

// Check refuses parameters.
func (r TripletSTDP[T]) Check() error {
	const fn = "TripletSTDP"
	for _, p := range []struct {
		arg string
		v   float64
	}{{"tau_plus", r.TauPlus}, {"tau_x", r.TauX}, {"tau_minus", r.TauMinus}, {"tau_y", r.TauY}} {
		if err := checkTau[T](fn, p.arg, p.v, r.DT); err != nil {
			return err
		}
	}
	for _, p := range []struct {
		arg    string
		v, tau float64
	}{{"a2_plus", r.A2Plus, r.TauMinus}, {"a3_plus", r.A3Plus, r.TauY}, {"a2_minus", r.A2Minus, r.TauPlus}, {"a3_minus", r.A3Minus, r.TauX}} {
		if err := checkRate[T](fn, p.arg, p.v); err != nil {
			return err
		}
		if d := decayOf[T](r.DT, p.tau); !finite([]T{T(p.v) / (1 - d)}) {
			return badArg(fn, p.arg, fmt.Sprint(p.v), "an amplitude whose product with its trace, at a spike in every step, stays finite")
		}
	}
	return checkPairing[T](fn, r.Pairing)
}

// checkTau requires τ > 0 of which exp(−dt/τ) is below 1 in T: a trace that does not decay grows without bound.
func checkTau[T kernels.Float](fn, arg string, tau, dt float64) error {
	if !(dt > 0) || dt-dt != 0 {
		return badArg(fn, "dt", fmt.Sprint(dt), "a finite number > 0")
	}
	if !(tau > 0) || tau-tau != 0 {
		return badArg(fn, arg, fmt.Sprint(tau), "a finite number > 0")
	}
	if decayOf[T](dt, tau) >= 1 {
		return badArg(fn, arg, fmt.Sprint(tau), "a time constant with exp(-dt/tau) below 1 in the weights' type")
	}
	return nil
}

// decayOf is exp(−dt/τ), in float64 and rounded.
func decayOf[T kernels.Float](dt, tau float64) T {
	v := [1]float64{-dt / tau}
	kernels.Exp(v[:], v[:])
	return T(v[0])
}

func checkPairing[T kernels.Float](fn string, p Pairing) error {
	low, high := T(p.WMin), T(p.WMax)
	switch {
	case low-low != 0:
		return badArg(fn, "w_min", fmt.Sprint(p.WMin), "a finite number")
	case high-high != 0:
		return badArg(fn, "w_max", fmt.Sprint(p.WMax), "a finite number")
	case low > high:
		return badArg(fn, "w_min", fmt.Sprint(p.WMin), fmt.Sprintf("at most w_max, which is %v", p.WMax))
	case p.Coincidence < kernels.PreFirst || p.Coincidence > kernels.NeitherSide:
		return badArg(fn, "coincidence", fmt.Sprint(int(p.Coincidence)), "pre first, both or none")
	}
	if err := checkRate[T](fn, "mu", p.Mu); err != nil {
		return err
	}
	if p.Mu > 0 {
		v := [1]T{high - low}
		kernels.PowAbs(v[:], v[:], p.Mu)
		if !finite(v[:]) {
			return badArg(fn, "mu", fmt.Sprint(p.Mu), "an exponent with a finite (w_max - w_min)^mu")
		}
	}
	return nil
}

// Update runs the time steps that are the rows of pre [steps, in] and post [steps, out] on W [out, in]. A sequence
// equals single steps, bit for bit. Errors: *ArgError, and nothing was written: wrong shapes, arrays that share
// elements, bad parameters, a trace that is not finite. A weight that is NaN stays NaN; all else stays finite.
func (r STDP[T]) Update(w kernels.Matrix[T], pre, post kernels.Spikes) (err error) {
	_, err = r.UpdateComposed(w, pre, post, SpikeOptions[T]{})
	return err
}

func (r *STDP[T]) spikes(pre, post kernels.Spikes) kernels.SpikeUpdate[T] {
	return kernels.SpikeUpdate[T]{
		Pre: pre, Post: post,
		R: kernels.SpikeTrace[T]{V: r.APre, Decay: decayOf[T](r.DT, r.TauPlus), Step: T(r.APlus)},
		O: kernels.SpikeTrace[T]{V: r.APost, Decay: decayOf[T](r.DT, r.TauMinus), Step: T(r.AMinus)},
	}
}

// Update is as that of STDP.
func (r TripletSTDP[T]) Update(w kernels.Matrix[T], pre, post kernels.Spikes) (err error) {
	_, err = r.UpdateComposed(w, pre, post, SpikeOptions[T]{})
	return err
}

func (r *TripletSTDP[T]) spikes(pre, post kernels.Spikes) kernels.SpikeUpdate[T] {
	trace := func(v []T, tau float64) kernels.SpikeTrace[T] {
		return kernels.SpikeTrace[T]{V: v, Decay: decayOf[T](r.DT, tau), Step: 1}
	}
	r2, o2 := r.R2, r.O2
	if r2 == nil {
		r2 = []T{} // absent would make it a rule of pairs
	}
	if o2 == nil {
		o2 = []T{}
	}
	return kernels.SpikeUpdate[T]{
		Pre: pre, Post: post,
		R: trace(r.R1, r.TauPlus), R2: trace(r2, r.TauX), O: trace(r.O1, r.TauMinus), O2: trace(o2, r.TauY),
		C: [2]T{-T(r.A2Minus), -T(r.A3Minus)}, S: [2]T{T(r.A2Plus), T(r.A3Plus)},
	}
}

// updateSpikes checks what Check cannot see, by the names of the rule, and runs the kernel. The traces' names are in
// the order R, O, R2, O2.
func updateSpikes[T kernels.Float](fn string, w kernels.Matrix[T], u kernels.SpikeUpdate[T], p Pairing, o SpikeOptions[T], names [4]string) (k int, err error) {
	if err := checkMatrix(fn, "w", w, -1, -1); err != nil {
		return 0, err
	}
	if err := checkSpikes(fn, "pre", u.Pre, -1, w.Cols); err != nil {
		return 0, err
	}
	if err := checkSpikes(fn, "post", u.Post, u.Pre.Rows, w.Rows); err != nil {
		return 0, err
	}
	for k, t := range [...]struct {
		v []T
		n int
	}{{u.R.V, w.Cols}, {u.O.V, w.Rows}, {u.R2.V, w.Cols}, {u.O2.V, w.Rows}} {
		if names[k] == "" {
			break
		}
		if err := checkLen(fn, names[k], t.v, t.n); err != nil {
			return 0, err
		}
		if !finite(t.v) {
			return 0, badArg(fn, names[k], "not finite", "finite traces")
		}
	}
	u.Low, u.High, u.Mu, u.Coincidence, u.Replace = T(p.WMin), T(p.WMax), p.Mu, p.Coincidence, p.Replace
	if err := spikes(w, u); err != nil {
		// Only memory in common is left to refuse; the kernel's names are those of its own arguments.
		kernel := [...]string{"R", "O", "R2", "O2", "Pre", "Post"}
		for k, name := range [...]string{names[0], names[1], names[2], names[3], "pre", "post"} {
			if err.Arg == kernel[k] {
				err.Arg = name
				break
			}
		}
		err.Func = fn
		return 0, err
	}
	if o.Compose == nil && o.Rates == nil {
		kernels.STDP(w, u)
		return u.Pre.Rows, nil
	}
	s := spiking[T]{updater: updater[T]{w: w}, u: u}
	if err := s.check(fn, o); err != nil {
		return 0, err
	}
	return s.run(fn, o)
}

// spikes is the refusal of kernels.STDP, returned.
func spikes[T kernels.Float](w kernels.Matrix[T], u kernels.SpikeUpdate[T]) (refused *ArgError) {
	defer func() {
		switch e := recover().(type) {
		case nil:
		case *ArgError:
			refused = e
		default:
			panic(e)
		}
	}()
	u.Check(w)
	return nil
}

func checkSpikes(fn, arg string, s kernels.Spikes, rows, cols int) error {
	if s.Rows < 0 || s.Cols < 0 || rows >= 0 && s.Rows != rows || s.Cols != cols {
		return badArg(fn, arg, fmt.Sprintf("[%d, %d]", s.Rows, s.Cols), fmt.Sprintf("[%s, %d]", dim(rows), cols))
	}
	if s.Rows == 0 || s.Cols == 0 {
		return nil
	}
	if s.Rows > 1 && s.Stride < s.Cols {
		return badArg(fn, arg, fmt.Sprintf("row stride %d", s.Stride), fmt.Sprintf("at least %d columns", s.Cols))
	}
	if len(s.Data) < s.Cols || s.Rows > 1 && (len(s.Data)-s.Cols)/(s.Rows-1) < s.Stride {
		return badArg(fn, arg, fmt.Sprintf("%d elements", len(s.Data)), fmt.Sprintf("%d rows of stride %d", s.Rows, s.Stride))
	}
	return nil
}
