package engine

import (
	"fmt"
	"math"

	"github.com/hebbkern/hebbkern/kernels"
)

// The convex problem: C(h) = Σ c_ij e^{p(h_j − h_i)} with ∂C/∂h = −p·g and the Hessian p²L, L = diag(A + B) − S − Sᵀ the
// Laplacian of the graph with weights S + Sᵀ, S the scaled costs. Both kinds of step below lower C for certain, so no
// step is ever taken back:
//
//   - Coordinates together: e^{p(x_j − x_i)} ≤ (e^{2px_j} + e^{−2px_i})/2 parts the units, and the bound is least for
//     x_i = ln(A_i/B_i)/(4p). A step is one evaluation and halves what is out of balance locally, so some of them
//     begin, and one goes between the steps of the other kind as long as units are far off; what is out of balance
//     between far parts of the graph they would only let seep through.
//   - Newton: L·d = g by conjugate gradients with diag(A + B) for preconditioner, to an error that falls with the
//     residual, then h += t·d/p with t = ln(1 + m)/m, m = max_ij |d_j − d_i|. Along d the third derivative of C is at
//     most m times the second, whence C(h + t·d/p) ≤ C − t·λ² + λ²(e^{mt} − 1 − mt)/m², λ² = g·d = d·L·d, whose least
//     value this t is (a truncated run of the conjugate gradients keeps g·d = d·L·d). Near the end t → 1, and the
//     steps converge quadratically.

const (
	togetherSteps    = 8   // to begin with, at most
	togetherResidual = 0.5 // above which they are worth their evaluation
	forcing          = 0.1 // the error of d, at most
	stuckSteps       = 3   // one after another that get nowhere
)

// The stages of a step.
const (
	stageChoose    = iota
	stageGradients // of a Newton step
	stageTogether  // to where a step of either kind has led
	stageNewton
)

func (s *Synaptic[T]) convex() error {
	switch {
	case s.head[atStage] == stageGradients:
		return s.gradients()
	case s.head[atStage] != stageChoose:
		return s.arrive()
	case !s.attempt():
		return nil
	case s.head[atResidual] > togetherResidual && (s.head[atTogether] < togetherSteps || s.head[atCG] > 0):
		s.head[atTogether]++
		s.head[atCG] = 0
		return s.together()
	}
	s.startGradients()
	return nil
}

func (s *Synaptic[T]) together() error {
	ratio, b := s.scratch[0], s.scratch[1]
	for i, v := range s.sum {
		// What rounding leaves of A and B; it bounds the step of a unit with almost nothing on one side.
		ratio[i], b[i] = 1, 1
		if v > 0 {
			ratio[i], b[i] = max(v+s.g[i], v*0x1p-52), max(v-s.g[i], v*0x1p-52)
		}
	}
	kernels.Log(ratio, ratio)
	kernels.Log(b, b)
	for i := range s.h {
		s.h[i] += (ratio[i] - b[i]) / float64(4*s.o.P)
	}
	s.centre(s.h)
	s.head[atStage] = stageTogether
	return s.arrive()
}

// arrive evaluates the h that a step has led to.
func (s *Synaptic[T]) arrive() error {
	done, ok := s.evaluate(s.h, s.g, s.sum)
	if !done {
		return nil
	}
	if !ok {
		return badArg("SynapticBalance", "j", fmt.Sprintf("weights of too different size, out of range in step %v", s.head[atSteps]+1),
			"weights whose balanced form has scales e^{±ph} within float64")
	}
	newton, before := s.head[atStage] == stageNewton, s.head[atResidual]
	s.head[atStage] = stageChoose
	s.finishStep()
	if !newton || s.head[atPhase] == phaseDone {
		return nil
	}
	// So near to the end a step leaves about a tenth or less, if it can still be seen.
	if s.head[atSpan] < 1e-4 && !(s.head[atResidual] < 0.5*before) {
		s.head[atStuck]++
		if s.head[atStuck] == stuckSteps {
			s.next(phaseDone)
		}
	} else {
		s.head[atStuck] = 0
	}
	return nil
}

// precondition writes z = r/(A + B) into dst and returns r·z and max|z|, which is the residual as the stop rule
// measures it: a component whose costs are small counts like the others.
func (s *Synaptic[T]) precondition(dst []float64) (rz, worst float64) {
	for i, v := range s.sum {
		dst[i] = 0
		if v > 0 {
			dst[i] = s.left[i] / v
			rz += float64(s.left[i] * dst[i])
			worst = max(worst, math.Abs(dst[i]))
		}
	}
	return rz, worst
}

func (s *Synaptic[T]) startGradients() {
	clear(s.direction)
	copy(s.left, s.g)
	s.head[atRZ], _ = s.precondition(s.q)
	s.head[atCG], s.head[atStage] = 0, stageGradients
}

// gradients is one iteration of the conjugate gradients.
func (s *Synaptic[T]) gradients() error {
	t := s.k[0]
	if s.head[atRow] == 0 {
		for i, v := range s.q {
			t[i], s.k[1][i] = float64(s.out[i]*v), float64(s.in[i]*v)
		}
	}
	if !s.pass(t, s.k[1]) {
		return nil
	}
	lq, curvature := s.scratch[1], 0.0
	for i, v := range s.q {
		lq[i] = float64(s.sum[i]*v) - float64(s.in[i]*s.rowSum[i]) - float64(s.out[i]*s.colSum[i])
		curvature += float64(v * lq[i])
	}
	s.head[atCG]++
	if !(curvature > 0) { // rounding has used up q
		return s.newton()
	}
	a := s.head[atRZ] / curvature
	for i, v := range s.q {
		s.direction[i] += float64(a * v)
		s.left[i] -= float64(a * lq[i])
	}
	rz, worst := s.precondition(t)
	if worst <= float64(min(forcing, s.head[atResidual])*s.head[atResidual]) || s.head[atCG] >= float64(4*len(s.h)+50) {
		return s.newton()
	}
	beta := rz / s.head[atRZ]
	for i, z := range t {
		s.q[i] = z + float64(beta*s.q[i])
	}
	s.head[atRZ] = rz
	return nil
}

// newton makes the step that the conjugate gradients have found.
func (s *Synaptic[T]) newton() error {
	s.head[atStage] = stageNewton
	low, high := s.scratch[0], s.scratch[1]
	for i := range low {
		low[i], high[i] = math.Inf(1), math.Inf(-1)
	}
	for i, c := range s.component {
		if c >= 0 {
			low[int(c)] = min(low[int(c)], s.direction[i])
			high[int(c)] = max(high[int(c)], s.direction[i])
		}
	}
	m := 0.0
	for c := range low {
		m = max(m, high[c]-low[c])
	}
	t := 1.0
	if m > 1e-8 { // below, 1 − t is less than m
		s.one[0] = 1 + m
		kernels.Log(s.one[:], s.one[:])
		t = s.one[0] / m
	}
	for i, d := range s.direction {
		s.h[i] += float64(t*d) / s.o.P
	}
	s.head[atSpan] = m
	s.centre(s.h)
	return s.arrive()
}
