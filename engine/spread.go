package engine

import (
	"fmt"
	"math"

	"github.com/hebbkern/hebbkern/kernels"
)

// OutputSpread measures how equally the units of a layer take part, by their mean outputs m = mean [units], which are not
// negative (after a ReLU): the entropy
//
//	H = −Σ_i p_i ln p_i,   p_i = m_i/Σ_k m_k
//
// which is at most ln(units), where all are equal, and 0 if no unit gives anything. The pull to that maximum is the
// scale, if not nil, [units]: units far in the right tail, whose mean is more than `tail` times that of the units that
// give anything, get λ_i = tail·mean/m_i, the others 1. Scaling a unit's incoming weights and bias by λ_i and its
// outgoing weights by 1/λ_i (ScaleUnits) keeps what a network of ReLU units computes; units in the left tail are left to
// their stamina. In float64, each λ rounded once to T.
// Errors: *ArgError for a mean that is negative or not finite, or a tail below 1.
func OutputSpread[T kernels.Float](mean, scale []T, tail float64) (entropy float64, err error) {
	defer guard(&err)
	const fn = "OutputSpread"
	if scale != nil {
		if err := checkLen(fn, "scale", scale, len(mean)); err != nil {
			return 0, err
		}
		if !(tail >= 1 && tail <= math.MaxFloat64) {
			return 0, badArg(fn, "tail", fmt.Sprint(tail), "a finite number ≥ 1")
		}
	}
	total, giving := 0.0, 0.0
	for i, v := range mean {
		if !(v >= 0) || v-v != 0 {
			return 0, badArg(fn, "mean", fmt.Sprintf("%v for unit %d", v, i), "finite numbers ≥ 0")
		}
		total += float64(v)
		if v > 0 {
			giving++
		}
	}
	limit := tail * (total / giving)
	for i := range scale {
		scale[i] = 1
		if v := float64(mean[i]); v > limit {
			scale[i] = T(limit / v)
		}
	}
	if total == 0 {
		return 0, nil
	}
	logs := make([]float64, len(mean))
	for i, v := range mean {
		logs[i] = max(float64(v)/total, math.SmallestNonzeroFloat64) // 0·ln 0 = 0
	}
	kernels.Log(logs, logs)
	for i, v := range mean {
		entropy -= float64(float64(v) / total * logs[i])
	}
	return entropy, nil
}

// ScaleUnits multiplies the incoming weights and biases of a population by λ [units] and its outgoing weights by 1/λ,
// which keeps what the network computes if the population is homogeneous of degree 1.
// Errors: *ArgError for another activation, an input or output population, or a λ that is not a positive number with a
// finite inverse.
func (n *Network[T]) ScaleUnits(pop int, lambda []T) (err error) {
	defer guard(&err)
	const fn = "ScaleUnits"
	if err := n.check(fn); err != nil {
		return err
	}
	if pop < 0 || pop >= len(n.Populations) || !n.Populations[pop].hidden() {
		return badArg(fn, "pop", fmt.Sprint(pop), "a hidden population")
	}
	p := &n.Populations[pop]
	if p.Activation.Degree() != 1 {
		return badArg(fn, "activation", p.Activation.Kind.String(), "one that is homogeneous of degree 1")
	}
	if err := checkLen(fn, "lambda", lambda, p.Units); err != nil {
		return err
	}
	inverse := make([]T, len(lambda))
	for i, v := range lambda {
		inverse[i] = 1 / v
		if !(v > 0) || v-v != 0 || inverse[i]-inverse[i] != 0 {
			return badArg(fn, "lambda", fmt.Sprintf("%v for unit %d", v, i), "numbers > 0 with a finite inverse")
		}
	}
	if err := n.checkData(fn, "lambda", rowVector(lambda)); err != nil {
		return err
	}
	for q := range n.Projections {
		e := &n.Projections[q]
		if e.To == pop {
			kernels.Scale(e.W, lambda, nil)
		}
		if e.From == pop {
			kernels.Scale(e.W, nil, inverse)
		}
	}
	if p.Bias != nil {
		kernels.Scale(rowVector(p.Bias), nil, lambda)
	}
	return nil
}
