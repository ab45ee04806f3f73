package engine

import (
	"fmt"
	"math"

	"github.com/hebbkern/hebbkern/kernels"
)

// The rules whose state is a moving average (mathematics page, section 1). The average is read as it was before a sample
// and takes the sample, by kernels.EMA, after the weights have; a sum or a mean holds it and gives it the batch mean
// once.

// Covariance is Δw_ij = η (y_i − ⟨y_i⟩)(x_j − ⟨x_j⟩) (Sejnowski, J. Math. Biol. 4, 1977): g = η(y − ⟨y⟩), x → x − ⟨x⟩.
// The averages move by α and start at 0. For samples that do not depend on each other the expectation of Δw is
// η·covariance·(1 + α/(2 − α)).
type Covariance[T kernels.Float] struct {
	LR    float64 // η ≥ 0
	Alpha float64 // α in [0, 1]
	XMean []T     // ⟨x⟩ [in], state, 0 to begin with
	YMean []T     // ⟨y⟩ [out], likewise
}

// Name implements Rule.
func (r Covariance[T]) Name() string { return "Covariance" }

// Check implements Rule.
func (r Covariance[T]) Check() error {
	if err := checkAlpha("Covariance", r.Alpha); err != nil {
		return err
	}
	return checkRate[T]("Covariance", "lr", r.LR)
}

func checkAlpha(fn string, alpha float64) error {
	if !(alpha >= 0 && alpha <= 1) {
		return badArg(fn, "alpha", fmt.Sprint(alpha), "a number in [0, 1]")
	}
	return nil
}

// Rate implements Rule.
func (r Covariance[T]) Rate() float64 { return r.LR }

// Terms implements Rule.
func (r Covariance[T]) Terms() Terms { return TermX }

// AppendArrays implements the check of the averages.
func (r Covariance[T]) AppendArrays(to []Array[T]) []Array[T] {
	return append(to, Array[T]{Name: "x_mean", V: r.XMean, Side: Pre, State: true},
		Array[T]{Name: "y_mean", V: r.YMean, Side: Post, State: true})
}

// AdvancePre implements the step of ⟨x⟩.
func (r Covariance[T]) AdvancePre(x kernels.Matrix[T]) {
	kernels.EMABatch(r.XMean, x, T(r.Alpha), kernels.Value)
}

// AdvancePost implements the step of ⟨y⟩.
func (r Covariance[T]) AdvancePost(y kernels.Matrix[T]) {
	kernels.EMABatch(r.YMean, y, T(r.Alpha), kernels.Value)
}

// Pre is x − ⟨x⟩.
func (r Covariance[T]) Pre(dst, x []T) { subtract(dst, x, r.XMean) }

// Map implements Rule.
func (r Covariance[T]) Map(v *Vectors[T], x, y []T) {
	subtract(v.G, y, r.YMean)
	v.times(v.G, T(r.LR), v.G)
	subtract(v.X, x, r.XMean)
}

// BCMForm is one of the forms that a BCM rule has in the literature.
type BCMForm int

const (
	BCMIntrator BCMForm = iota // Intrator & Cooper 1992
	BCMLaw                     // Law & Cooper 1994
	BCM1982                    // Bienenstock, Cooper & Munro 1982
)

// BCM is the rule of Bienenstock, Cooper & Munro, with a threshold θ that slides with the activity, so that rows become
// selective:
//
//	BCMIntrator   Δw_ij = η y_i (y_i − θ_i) x_j − ε w_ij,          θ_i the moving average of y_i²
//	BCMLaw        Δw_ij = η y_i (y_i − θ_i) x_j / θ_i − ε w_ij,    the same θ_i
//	BCM1982       Δw_ij = η y_i (y_i − θ_i) x_j − ε w_ij,          θ_i = |ȳ_i/C0|^Power ȳ_i, ȳ_i the moving average of y_i
//
// (Intrator & Cooper, Neural Networks 5, 1992; Law & Cooper, PNAS 91, 1994; Bienenstock, Cooper & Munro, J. Neurosci. 2,
// 1982). The last is one φ(y, θ) of those that the paper allows: it fixes only the sign, negative between 0 and θ. ε is per
// update and not multiplied by η. g = ηy(y − θ), for BCMLaw divided by θ; d = ε.
type BCM[T kernels.Float] struct {
	LR    float64 // η ≥ 0
	Decay float64 // ε ≥ 0
	Alpha float64 // of the moving average, in [0, 1]
	Form  BCMForm
	Power float64 // of BCM1982, > 0
	C0    float64 // of BCM1982, > 0
	Theta []T     // [out], state: θ, above 0 with BCMLaw; with BCM1982 ȳ
}

// Name implements Rule.
func (r BCM[T]) Name() string { return "BCM" }

// Check implements Rule.
func (r BCM[T]) Check() error {
	switch {
	case r.Form < BCMIntrator || r.Form > BCM1982:
		return badArg("BCM", "form", fmt.Sprint(int(r.Form)), "Intrator's, Law's or that of 1982")
	case r.Form == BCM1982 && !(r.Power > 0 && !math.IsInf(r.Power, 1)):
		return badArg("BCM", "power", fmt.Sprint(r.Power), "a finite number > 0")
	case r.Form == BCM1982 && !(T(r.C0) > 0 && T(1/r.C0)-T(1/r.C0) == 0):
		return badArg("BCM", "c0", fmt.Sprint(r.C0), "a number > 0 whose inverse is finite")
	}
	if err := checkAlpha("BCM", r.Alpha); err != nil {
		return err
	}
	if err := checkRate[T]("BCM", "decay", r.Decay); err != nil {
		return err
	}
	return checkRate[T]("BCM", "lr", r.LR)
}

// CheckShape refuses thresholds that cannot be divided by.
func (r BCM[T]) CheckShape(out, in int) error {
	for _, v := range r.Theta {
		if r.Form == BCMLaw && !(v > 0) {
			return badArg("BCM", "theta", fmt.Sprint(v), "numbers > 0, which the rule divides by")
		}
	}
	return nil
}

// Rate implements Rule.
func (r BCM[T]) Rate() float64 { return r.LR }

// Terms implements Rule.
func (r BCM[T]) Terms() Terms {
	if r.Decay == 0 {
		return 0
	}
	return TermDecay | TermFixedDecay
}

// AppendArrays implements the check of the threshold.
func (r BCM[T]) AppendArrays(to []Array[T]) []Array[T] {
	name := "theta"
	if r.Form == BCM1982 {
		name = "y_mean"
	}
	return append(to, Array[T]{Name: name, V: r.Theta, Side: Post, State: true})
}

// AdvancePre implements the step of the state: there is none of presynaptic units.
func (r BCM[T]) AdvancePre(x kernels.Matrix[T]) {}

// AdvancePost implements the step of θ or ȳ.
func (r BCM[T]) AdvancePost(y kernels.Matrix[T]) {
	of := kernels.SquareOf
	if r.Form == BCM1982 {
		of = kernels.Value
	}
	kernels.EMABatch(r.Theta, y, T(r.Alpha), of)
}

// Map implements Rule.
func (r BCM[T]) Map(v *Vectors[T], x, y []T) {
	lr, g, theta := T(r.LR), v.G[:len(y)], r.Theta[:len(y)]
	switch r.Form {
	case BCM1982:
		v.times(g, T(1/r.C0), theta)
		kernels.PowAbs(g, g, r.Power)
		for i, s := range y {
			g[i] = T(lr*s) * (s - T(g[i]*theta[i]))
		}
	case BCMLaw:
		for i, s := range y {
			g[i] = T(T(lr*s)*(s-theta[i])) / theta[i]
		}
	default:
		for i, s := range y {
			g[i] = T(lr*s) * (s - theta[i])
		}
	}
	for i := range v.D {
		v.D[i] = T(r.Decay)
	}
}
