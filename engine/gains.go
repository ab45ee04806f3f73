package engine

import (
	"fmt"
	"slices"

	"github.com/hebbkern/hebbkern/kernels"
)

// GainOf says what a gain averages.
type GainOf int

const (
	// OfActivation averages f(I).
	OfActivation GainOf = iota
	// OfDerivative averages f′(I), by which the robustness cost of Stock, Harvey, Ocko & Ganguli (PLoS Comput Biol 2022)
	// weighs what comes from a unit; at 0 that from above, as kernels.Derivative has it: ReLU′(0) = 1, BiLU(a, b)′(0) = b.
	// A BiPU of a power below 1 is refused.
	OfDerivative
)

// Exponential is the exponential average gain of a population (mathematics page, section 2):
//
//	σ ← α·a + (1 − α)·σ,   a = f(I) or f′(I),   σ₀ = 0, no bias correction
//
// Sigma [units] is the caller's and starts at 0.
type Exponential[T kernels.Float] struct {
	Sigma []T
	Alpha float64 // in [0, 1]
	Of    GainOf
}

// Update observes a batch of inputs I = z [B, units] of a population with activation act: with Mean one step
// with the mean of a over the batch, with Sequential one step a row. An empty batch changes nothing.
// Errors: *ArgError. s may be nil.
func (e Exponential[T]) Update(z kernels.Matrix[T], act kernels.Activation, r Reduction, s *Scratch[T]) (err error) {
	defer guard(&err)
	const fn = "Exponential"
	if err := checkAlpha(fn, e.Alpha); err != nil {
		return err
	}
	if err := checkInputs(fn, z, act, len(e.Sigma), e.Of, r); err != nil {
		return err
	}
	if overlap(z, rowVector(e.Sigma)) {
		return badArg(fn, "sigma", "overlapping z", "arrays that share no element")
	}
	s = s.ready()
	e.observe(z, kernels.Matrix[T]{}, act, r, s)
	return nil
}

// checkInputs verifies the inputs of a population and what is averaged of them.
func checkInputs[T kernels.Float](fn string, z kernels.Matrix[T], act kernels.Activation, units int, of GainOf, r Reduction) error {
	if err := checkGain(fn, of, r); err != nil {
		return err
	}
	if err := checkActivation(fn, "activation", act); err != nil {
		return err
	}
	if of == OfDerivative {
		if err := checkDerivative(fn, "activation", act); err != nil {
			return err
		}
	}
	return checkMatrix(fn, "z", z, -1, units)
}

func checkGain(fn string, of GainOf, r Reduction) error {
	switch {
	case of != OfActivation && of != OfDerivative:
		return badArg(fn, "of", fmt.Sprint(int(of)), "activation or derivative")
	case r != Sequential && r != Mean:
		return badArg(fn, "reduction", fmt.Sprint(int(r)), "sequential or mean")
	}
	return nil
}

// averaged is what a gain averages: f′(z), or f(z), which is given in a if it is known already.
func averaged[T kernels.Float](of GainOf, z, a kernels.Matrix[T], act kernels.Activation, s *Scratch[T]) kernels.Matrix[T] {
	if of == OfActivation && a.Data != nil {
		return a
	}
	a = s.matrix(z.Rows, z.Cols)
	for b := range z.Rows {
		if of == OfDerivative {
			kernels.Derivative(a.Row(b), z.Row(b), act)
		} else {
			kernels.Activate(a.Row(b), z.Row(b), act)
		}
	}
	return a
}

// observe makes the step; f(z) is given in a if it is known already.
func (e Exponential[T]) observe(z, a kernels.Matrix[T], act kernels.Activation, r Reduction, s *Scratch[T]) {
	if z.Rows == 0 || z.Cols == 0 {
		return
	}
	if e.Of == OfDerivative && act.Kind == kernels.Identity { // of every sample 1, and so is the mean
		a = s.matrix(1, z.Cols)
		fill(a.Data, 1)
	} else {
		a = averaged(e.Of, z, a, act, s)
	}
	e.average(a, z.Rows, r)
}

// average makes the steps of that many samples, whose last row stands for the rest.
func (e Exponential[T]) average(a kernels.Matrix[T], samples int, r Reduction) {
	if r == Mean {
		kernels.EMABatch(e.Sigma, a, T(e.Alpha), kernels.Value)
		return
	}
	for b := range samples {
		kernels.EMA(e.Sigma, a.Row(min(b, a.Rows-1)), T(e.Alpha), kernels.Value)
	}
}

// GainTraining is the algorithm of the first seed (mathematics page, section 3): forward, average the gains,
// apply the gain rule to every projection, repeat.
//
//	linear:        w_ij ← w_ij + η(σ_j² − σ_i²)w_ij                 exactly as in the note
//	exponential:   w_ij ← w_ij·exp(η(σ_j² − σ_i²)),   b_i ← b_i·exp(−ησ_i²)
//
// The linear form uses the gains of every population, inputs and outputs too (of an identity input: the mean
// of x, resp. 1), and leaves the biases alone. It has no balanced fixed point: with a constant η it raises the
// balance deficit, by orders of magnitude with activation gains and to overflow with derivative gains; Limit
// keeps it finite. To balance a network use Balance, or SynapticBalance for recurrent weights. The exponential
// form takes σ = 0 for input and output units and a bias as a weight from a unit with σ = 0, and so preserves the
// function of a network whose hidden units are homogeneous of degree 1 (without a Limit).
type GainTraining[T kernels.Float] struct {
	Sigma     [][]T     // for each population its gains [units], the caller's, starting at 0
	LR        float64   // η ≥ 0
	Alpha     float64   // in [0, 1]
	Of        GainOf    // what the gains average
	Reduction Reduction // Sequential (one step of σ a sample) or Mean
	Form      kernels.GainForm
	Limit     float64 // |w| ≤ Limit after the step; 0: no limit
}

// NewGainTraining allocates gains of 0 for a network: linear form, gains of the activation, batch mean.
func NewGainTraining[T kernels.Float](n *Network[T], lr, alpha float64) *GainTraining[T] {
	g := &GainTraining[T]{Sigma: make([][]T, len(n.Populations)), LR: lr, Alpha: alpha, Reduction: Mean}
	for k := range g.Sigma {
		g.Sigma[k] = make([]T, n.Populations[k].Units)
	}
	return g
}

// Step makes one step of training on a batch x [B, InputUnits]: the gains see the batch, then all projections
// change by the new gains. Errors: *ArgError, before anything is written; *DivergenceError naming the layer
// whose weights are no longer finite. s may be nil.
func (g *GainTraining[T]) Step(n *Network[T], x kernels.Matrix[T], s *Scratch[T]) (err error) {
	defer guard(&err)
	const fn = "GainTraining"
	if err := n.check(fn); err != nil {
		return err
	}
	if err := g.check(fn, n); err != nil {
		return err
	}
	if err := checkMatrix(fn, "x", x, -1, n.InputUnits()); err != nil {
		return err
	}
	if err := n.checkData(fn, "x", x); err != nil {
		return err
	}
	if x.Rows == 0 {
		return nil
	}
	s = s.ready()
	var act Activity[T]
	n.forward(x, &act, s)
	g.observe(n, &act, s)
	return g.apply(n, s)
}

func (g *GainTraining[T]) check(fn string, n *Network[T]) error {
	if err := checkAlpha(fn, g.Alpha); err != nil {
		return err
	}
	if err := checkGain(fn, g.Of, g.Reduction); err != nil {
		return err
	}
	if g.Of == OfDerivative {
		if err := n.checkDerivatives(fn); err != nil {
			return err
		}
	}
	if err := checkRate[T](fn, "lr", g.LR); err != nil {
		return err
	}
	if err := checkRate[T](fn, "limit", g.Limit); err != nil {
		return err
	}
	if g.Form != kernels.GainLinear && g.Form != kernels.GainExp {
		return badArg(fn, "form", fmt.Sprint(int(g.Form)), "linear or exp")
	}
	if err := checkLen(fn, "sigma", g.Sigma, len(n.Populations)); err != nil {
		return err
	}
	for k, sigma := range g.Sigma {
		if err := checkLen(fn, "", sigma, n.Populations[k].Units); err != nil {
			return indexed(err, "sigma[%d]", k)
		}
		if err := n.checkData(fn, "", rowVector(sigma)); err != nil {
			return indexed(err, "sigma[%d]", k)
		}
	}
	return nil
}

// observe averages the gains of every population from a forward pass, and keeps the derivatives of hidden ones for a
// backward pass.
func (g *GainTraining[T]) observe(n *Network[T], act *Activity[T], s *Scratch[T]) {
	s.slopes = slices.Grow(s.slopes[:0], len(n.Populations))[:len(n.Populations)]
	clear(s.slopes)
	for k := range n.Populations {
		e, p := Exponential[T]{Sigma: g.Sigma[k], Alpha: g.Alpha, Of: g.Of}, &n.Populations[k]
		if z := act.Z[k]; g.Of == OfDerivative && p.hidden() && p.Activation.Kind != kernels.Identity && z.Rows > 0 && z.Cols > 0 {
			s.slopes[k] = averaged(g.Of, z, kernels.Matrix[T]{}, p.Activation, s)
			e.average(s.slopes[k], z.Rows, g.Reduction)
			continue
		}
		e.observe(act.Z[k], act.A[k], p.Activation, g.Reduction, s)
	}
}

// apply runs the gain rule on every projection. A bias takes part once, with the first projection into its
// population.
func (g *GainTraining[T]) apply(n *Network[T], s *Scratch[T]) error {
	tmp := s.t.take(n.maxUnits())
	zero := s.t.take(n.maxUnits())
	clear(zero)
	sigma := func(k int) []T {
		if p := &n.Populations[k]; g.Form == kernels.GainExp && !p.hidden() {
			return zero[:p.Units]
		}
		return g.Sigma[k]
	}
	for q := range n.Projections {
		e := &n.Projections[q]
		o := kernels.GainOptions[T]{Form: g.Form, Limit: T(g.Limit)}
		if g.Form == kernels.GainExp && n.layerOf(e.To) == q {
			o.Bias = n.Populations[e.To].Bias
		}
		kernels.GainRule(e.W, sigma(e.To), sigma(e.From), T(g.LR), o)
	}
	for q := range n.Projections {
		if !finiteMatrix(n.Projections[q].W, tmp) {
			return &DivergenceError{Func: "GainTraining", What: "the weights", Sample: -1, Epoch: -1, Layer: q}
		}
	}
	return nil
}
