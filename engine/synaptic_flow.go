package engine

import (
	"fmt"
	"math"

	"github.com/hebbkern/hebbkern/kernels"
)

// The pair of Dormand & Prince (1980), J. Comput. Appl. Math. 6: stage s is taken at h + Δt Σ a_si k_i; the last stage
// is at the new h, so its k is the next step's first; dpError is what the solutions of orders 5 and 4 differ by.
var (
	dpStages = [...][6]float64{
		{1.0 / 5},
		{3.0 / 40, 9.0 / 40},
		{44.0 / 45, -56.0 / 15, 32.0 / 9},
		{19372.0 / 6561, -25360.0 / 2187, 64448.0 / 6561, -212.0 / 729},
		{9017.0 / 3168, -355.0 / 33, 46732.0 / 5247, 49.0 / 176, -5103.0 / 18656},
		{35.0 / 384, 0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84},
	}
	dpError = [...]float64{71.0 / 57600, 0, -71.0 / 16695, 71.0 / 1920, -17253.0 / 339200, 22.0 / 525, -1.0 / 40}
)

// longestStep bounds a step by stability, where the error alone would let it grow until the fastest modes no longer
// decay and hide the slow ones: dh/dt linearised is −p·L, whose eigenvalues are at most 2p·max(A + B) (Gershgorin), and
// at 2.5 over this the method damps the fastest mode to a quarter in a step.
const longestStep = 1.25

// flow is one evaluation: an Euler step, or a stage of a step of Dormand & Prince.
func (s *Synaptic[T]) flow() error {
	begins := s.head[atRow] == 0 // else the sums are on their way
	if begins && s.head[atStage] == 0 && !s.attempt() {
		return nil
	}
	dt := s.head[atStep]
	if s.o.Method == Euler {
		if begins {
			for i, g := range s.g {
				s.h[i] += float64(dt * g)
			}
			s.centre(s.h)
		}
		done, ok := s.evaluate(s.h, s.g, s.sum)
		if !done {
			return nil
		}
		if !ok {
			return badArg("SynapticBalance", "dt", fmt.Sprintf("%v, which is unstable: out of range in step %v", s.o.Dt, s.head[atSteps]+1),
				"a smaller step, or method flow or convex")
		}
		s.head[atTime] += dt
		s.finishStep()
		return nil
	}
	stage := int(s.head[atStage])
	y, last := s.direction, stage == len(dpStages)-1
	if begins {
		s.takeStage(stage, y, dt)
		if last {
			s.centre(y)
		}
	}
	switch done, ok := s.evaluate(y, s.k[stage+1], s.sum); {
	case !done:
	case !ok:
		s.head[atStage] = 0
		s.rescale(math.Inf(1))
	case !last:
		s.head[atStage]++
	default:
		s.head[atStage] = 0
		s.decide(y)
	}
	return nil
}

// takeStage writes the h of a stage to y.
func (s *Synaptic[T]) takeStage(stage int, y []float64, dt float64) {
	if stage == 0 {
		copy(s.k[0], s.g)
	}
	for i, h := range s.h {
		sum := 0.0
		for l, a := range dpStages[stage][:stage+1] {
			sum += float64(a * s.k[l][i])
		}
		y[i] = h + float64(dt*sum)
	}
}

// decide takes or refuses the step to y by the two solutions' difference.
func (s *Synaptic[T]) decide(y []float64) {
	worst := 0.0
	for i := range y {
		e := 0.0
		for l, b := range dpError {
			e += float64(b * s.k[l][i])
		}
		worst = max(worst, math.Abs(e))
	}
	worst = float64(worst*s.head[atStep]) / s.o.RTol
	if worst <= 1 {
		s.head[atTime] += s.head[atStep]
		copy(s.h, y)
		copy(s.g, s.k[6])
	}
	if worst <= 1 {
		s.finishStep()
	}
	s.rescale(worst)
}

// rescale chooses the next step, 0.9·error^(−1/5) of this one within [1/5, 5], and no longer than this one after a
// step that was refused.
func (s *Synaptic[T]) rescale(worst float64) {
	factor, most := 0.2, 5.0
	if s.head[atRejected] != 0 {
		most = 1
	}
	if worst-worst == 0 {
		s.one[0] = worst
		kernels.PowAbs(s.one[:], s.one[:], 0.2)
		factor = min(max(0.9/s.one[0], 0.2), most)
	}
	s.head[atRejected] = 0
	if !(worst <= 1) {
		s.head[atRejected] = 1
	}
	s.head[atStep] = min(float64(s.head[atStep]*factor), s.head[atLongest])
}
