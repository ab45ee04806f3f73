package engine

import (
	"fmt"
	"math"

	"github.com/hebbkern/hebbkern/kernels"
)

// Annealing looks for the strength κ of a penalty by simulated annealing (Kirkpatrick, Gelatt & Vecchi 1983). The
// objective is the caller's, smaller is better: an error after training with κ, a number of units away from the
// wanted one, or both. The notes that stamina is from name this and leave it open, so the walk is hebbkern's own:
//
//	propose  κ′ = min(max(κ·e^{step·u}, Low), High), u uniform in [−1, 1)
//	accept   κ ← κ′ if E(κ′) ≤ E(κ), or with probability e^{−(E(κ′) − E(κ))/Temperature}
//	cool     Temperature ← Cooling·Temperature
//
// The first proposal is κ itself. All of the state is in the struct.
type Annealing struct {
	Strength, Objective float64 // κ and E(κ), +Inf before the first
	Proposed            float64 // κ′
	Best, BestObjective float64
	Temperature         float64 // ≥ 0; at 0 only improvements are accepted
	Cooling             float64 // in (0, 1]; 1 leaves the temperature to the caller
	Step                float64 // > 0
	Low, High           float64 // 0 < Low ≤ High
	RNG                 RNG
}

// NewAnnealing starts at κ = strength, which is the first proposal. Errors: *ArgError.
func NewAnnealing(strength, temperature, cooling, step, low, high float64, seed uint64) (*Annealing, error) {
	a := &Annealing{Strength: strength, Objective: math.Inf(1), Proposed: strength, Best: strength, BestObjective: math.Inf(1),
		Temperature: temperature, Cooling: cooling, Step: step, Low: low, High: high, RNG: NewRNG(seed, 0)}
	return a, a.check()
}

// Report takes the objective of the proposed strength, moves there or not, cools, and makes the next proposal.
// Errors: *ArgError, nothing has changed then.
func (a *Annealing) Report(objective float64) (accepted bool, err error) {
	if err := a.check(); err != nil {
		return false, err
	}
	if objective != objective || math.IsInf(objective, -1) {
		return false, badArg("Annealing", "objective", fmt.Sprint(objective), "a number, or +Inf")
	}
	accepted = objective <= a.Objective
	if !accepted && a.Temperature > 0 {
		accepted = a.RNG.Float64() < exp64(-((objective - a.Objective) / a.Temperature))
	}
	if objective < a.BestObjective {
		a.Best, a.BestObjective = a.Proposed, objective
	}
	if accepted {
		a.Strength, a.Objective = a.Proposed, objective
	}
	a.Temperature *= a.Cooling
	u := float64(2*a.RNG.Float64()) - 1
	a.Proposed = min(max(a.Strength*exp64(a.Step*u), a.Low), a.High)
	return accepted, nil
}

func (a *Annealing) check() error {
	const fn = "Annealing"
	for _, v := range []struct {
		name, want string
		value      float64
		good       bool
	}{
		{"low", "a finite number > 0", a.Low, a.Low > 0 && a.Low <= math.MaxFloat64},
		{"high", "a finite number, at least low", a.High, a.High >= a.Low && a.High <= math.MaxFloat64},
		{"strength", "a number from low to high", a.Strength, a.Strength >= a.Low && a.Strength <= a.High},
		{"proposed", "a number from low to high", a.Proposed, a.Proposed >= a.Low && a.Proposed <= a.High},
		{"temperature", "a finite number ≥ 0", a.Temperature, a.Temperature >= 0 && a.Temperature <= math.MaxFloat64},
		{"cooling", "above 0, at most 1", a.Cooling, a.Cooling > 0 && a.Cooling <= 1},
		{"step", "a finite number > 0", a.Step, a.Step > 0 && a.Step <= math.MaxFloat64},
		{"objective", "a number, or +Inf", a.Objective, a.Objective == a.Objective && !math.IsInf(a.Objective, -1)},
	} {
		if !v.good {
			return badArg(fn, v.name, fmt.Sprint(v.value), v.want)
		}
	}
	return nil
}

// exp64 is e^x with the library's own bits.
func exp64(x float64) float64 {
	v := [1]float64{x}
	kernels.Exp(v[:], v[:])
	return v[0]
}
