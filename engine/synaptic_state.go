package engine

import (
	"fmt"
	"math"

	"github.com/hebbkern/hebbkern/kernels"
)

// The state of the solver: a header, vectors over the units, and the costs c_ij at h = 0, [n, n].
const (
	headerSize  = 32
	vectorCount = 18
)

// The numbers of the header. Counters are exact in float64.
const (
	atPhase       = iota
	atRow         // of phases that go over the rows
	atStage       // of a method: where it is within a step
	atSteps       // that moved h
	atAttempts    // with those that were not taken
	atEvaluations // of the sums
	atExponent    // e of |J·2^−e|
	atAlpha       // the exponent by which α is brought near to 1
	atScale       // the costs are relative to 2^scale
	atCost0
	atCost
	atNorm0
	atNorm
	atResidual
	atComponents
	atOffCycle
	atStuck    // steps, one after another, that got nowhere
	atTime     // in units of τ/2^scale
	atStep     // of Flow and Euler, likewise
	atLongest  // of a step of Flow
	atRejected // the attempt before was
	atTogether // steps of that kind
	atCG       // iterations of the last Newton step, 0 after a step of the other kind
	atRZ       // r·z of the conjugate gradients
	atSpan     // max_ij |d_j − d_i| of the last Newton step
	atVisited  // of the search for components: units that it has seen, its path, those open, where it goes on
	atPath
	atOpen
	atRoot
)

// The phases. Costs are formed in float64, first |J|, then its powers, so that the largest is known in between.
const (
	phaseCopy   = 0.0
	phasePower  = 1.0
	phaseGraph  = 2.0
	phaseConvex = 3.0
	phaseFlow   = 4.0
	phaseDone   = 5.0
)

type synapticState struct {
	head               []float64
	h                  []float64    // natural logarithms
	g, sum             []float64    // A − B and A + B at h
	out, in            []float64    // e^{ph} and e^{−ph} at h
	component          []float64    // number of the unit's strongly connected component, −1: the unit is alone
	direction, left, q []float64    // Convex: conjugate gradients, left the residual; Flow: direction is the h of a stage
	k                  [7][]float64 // Flow: the stages; before, the search for components; Convex: weights of the sums
	rowSum, colSum     []float64    // of a pass that may be on its way
	piece              int          // costs read in a tick, about
	cost               kernels.Matrix[float64]
}

func stateOver(v []float64, n int) (s synapticState) {
	s.head, s.piece = v[:headerSize], passElements
	next := v[headerSize:]
	take := func() []float64 {
		piece := next[:n:n]
		next = next[n:]
		return piece
	}
	for _, to := range []*[]float64{&s.h, &s.g, &s.sum, &s.out, &s.in, &s.component, &s.direction, &s.left, &s.q} {
		*to = take()
	}
	for i := range s.k {
		s.k[i] = take()
	}
	s.rowSum, s.colSum = take(), take()
	s.cost = kernels.MatrixOf(next, n, n)
	return s
}

// About how many costs are formed in one tick, and how many are read: a few milliseconds of general powers, or of
// memory's.
const (
	tickElements = 1 << 18
	passElements = 1 << 21
)

// Run makes up to n ticks and reports whether the solver is at its end. A tick takes some milliseconds; a sequence of calls makes the ticks of one call. Errors: *NonFiniteError and *ArgError for what is found in
// J, Alpha or in the course of Euler steps.
func (s *Synaptic[T]) Run(n int) (done bool, err error) {
	defer guard(&err)
	for i := 0; i < n && s.head[atPhase] != phaseDone; i++ {
		switch s.head[atPhase] {
		case phaseCopy:
			err = s.copyRows()
		case phasePower:
			err = s.powerRows()
		case phaseGraph:
			s.graph()
		case phaseConvex:
			err = s.convex()
		case phaseFlow:
			err = s.flow()
		}
		if err != nil {
			return false, err
		}
	}
	return s.head[atPhase] == phaseDone, nil
}

// rows are those of the next tick of a phase that goes over them all; last says that they end it.
func (s *Synaptic[T]) rows() (from, to int, last bool) {
	n := s.cost.Rows
	from = int(s.head[atRow])
	to = min(n, from+max(1, tickElements/max(1, n)))
	s.head[atRow] = float64(to)
	return from, to, to == n
}

func (s *Synaptic[T]) next(phase float64) {
	s.head[atPhase], s.head[atRow], s.head[atStage] = phase, 0, 0
}

// copyRows copies J without its diagonal.
func (s *Synaptic[T]) copyRows() error {
	from, to, last := s.rows()
	for i := from; i < to; i++ {
		row := s.r.J.Row(i)
		if err := finiteRow("SynapticBalance", "j", i, row); err != nil {
			return err
		}
		c := s.cost.Row(i)
		for j, v := range row {
			c[j] = float64(v)
		}
		c[i] = 0
	}
	// The largest so far, and at the end their exponents.
	a := s.o.Alpha
	if a.Rows > 1 {
		a = subRows(a, from, to-from)
	} else if from > 0 {
		a = kernels.Matrix[T]{}
	}
	s.head[atExponent] = max(s.head[atExponent], maximum(subRows(s.cost, from, to-from), make([]float64, to-from)))
	s.head[atAlpha] = max(s.head[atAlpha], maximum(a, make([]T, a.Rows)))
	if last {
		_, e := math.Frexp(s.head[atExponent])
		_, small := math.Frexp(s.head[atAlpha])
		s.head[atExponent] = float64(e)
		// An exponent below −1022 would not fit into one factor, and is near enough.
		s.head[atAlpha] = max(float64(small), -1022)
		s.next(phasePower)
	}
	return nil
}

// powerRows makes α·|J·2^−e|^p of the copies. The costs are relative to 2^{pe} and a power of two near the largest α,
// so that neither large weights nor a large p overflow; a cost below 2^−1074 of the largest possible counts as zero.
func (s *Synaptic[T]) powerRows() error {
	from, to, last := s.rows()
	// In two factors, since 2^−e itself may leave the range.
	e := int(s.head[atExponent])
	f, g := math.Ldexp(1, -(e/2)), math.Ldexp(1, e/2-e)
	a := s.o.Alpha
	small := math.Ldexp(1, -int(s.head[atAlpha]))
	for i := from; i < to; i++ {
		c := s.cost.Row(i)
		for j := range c {
			c[j] = float64(float64(c[j]*f) * g)
		}
		kernels.PowAbs(c, c, s.o.P)
		if a.Rows == 0 {
			continue
		}
		weights := a.Row(min(i, a.Rows-1))
		for j := range c {
			v := float64(weights[min(j, len(weights)-1)])
			if !(v >= 0) || math.IsInf(v, 1) {
				at := fmt.Sprintf("%v at row %d, column %d", v, min(i, a.Rows-1), min(j, len(weights)-1))
				return badArg("SynapticBalance", "alpha", at, "finite numbers ≥ 0")
			}
			c[j] = float64(c[j] * float64(v*small))
		}
	}
	if last {
		s.head[atScale] = float64(s.o.P*s.head[atExponent]) + s.head[atAlpha]
		s.next(phaseGraph)
	}
	return nil
}

// graph finds the components and takes the weights between them out of the costs; then it measures the start.
func (s *Synaptic[T]) graph() {
	switch s.head[atStage] {
	case stageBegin, stageSearch:
		if s.findComponents(s.head[atStage] == stageBegin) {
			s.head[atStage] = stageSeparate
		} else {
			s.head[atStage] = stageSearch
		}
		return
	case stageSeparate:
		if s.separate() {
			s.head[atStage] = stageMeasure
		}
		return
	}
	if done, _ := s.evaluate(s.h, s.g, s.sum); !done {
		return
	}
	s.measure()
	s.head[atCost0], s.head[atNorm0] = s.head[atCost], s.head[atNorm]
	if s.o.Method == Convex {
		s.next(phaseConvex)
	} else {
		s.next(phaseFlow)
		s.head[atStep] = 0.1 * s.head[atLongest]
		if s.o.Method == Euler {
			s.head[atStep] = s.o.Dt / s.o.Tau * s.power(s.head[atScale])
		}
	}
	if s.head[atResidual] <= s.o.Tol {
		s.next(phaseDone)
	}
}

// The stages of phaseGraph.
const (
	stageBegin = iota
	stageSearch
	stageSeparate
	stageMeasure
)

// separate clears the costs between components, row by row, and reports whether it is done.
func (s *Synaptic[T]) separate() bool {
	from, to, last := s.rows()
	for i := from; i < to; i++ {
		row := s.cost.Row(i)
		for j := range row {
			if s.component[j] != s.component[i] && row[j] > 0 {
				row[j] = 0
				s.head[atOffCycle]++
			}
		}
	}
	if !last {
		return false
	}
	s.head[atRow] = 0
	size := s.k[5]
	for i, c := range s.component {
		if size[int(c)] == 1 {
			s.component[i] = -1
		}
	}
	for _, units := range size {
		if units > 1 {
			s.head[atComponents]++
		}
	}
	return true
}

// evaluate sums the costs at h: g = A − B and sum = A + B, and leaves e^{±ph} in out and in. It reports whether it is
// done, which takes large networks several calls, and whether all sums are finite.
func (s *Synaptic[T]) evaluate(h, g, sum []float64) (done, ok bool) {
	if s.head[atRow] == 0 {
		for i, v := range h {
			s.out[i] = float64(s.o.P * v)
			s.in[i] = -s.out[i]
		}
		kernels.Exp(s.out, s.out)
		kernels.Exp(s.in, s.in)
	}
	if !s.pass(s.out, s.in) {
		return false, true
	}
	ok = true
	for i := range h {
		a, b := float64(s.in[i]*s.rowSum[i]), float64(s.out[i]*s.colSum[i])
		g[i] = a - b
		sum[i] = a + b
		ok = ok && sum[i]-sum[i] == 0
	}
	return true, ok
}

// pass takes the sums of the costs by row, weighted by v over the columns, and by column, weighted by u over the rows,
// some rows a call, and reports whether it is done. Calls are cut where the sums by column have their blocks, so the bits
// do not depend on it.
func (s *Synaptic[T]) pass(v, u []float64) bool {
	n := s.cost.Rows
	from := int(s.head[atRow])
	to := min(n, from+max(1, s.piece/max(1, n*blockRows))*blockRows)
	if from == 0 {
		s.head[atEvaluations]++
		clear(s.colSum)
	}
	if from < to {
		cols := s.scratch[0]
		kernels.PowerSumsBothWeighted(subRows(s.cost, from, to-from), 1, v, u[from:to], s.rowSum[from:to], cols)
		for j, x := range cols {
			s.colSum[j] += x
		}
	}
	s.head[atRow] = float64(to)
	if to < n {
		return false
	}
	s.head[atRow] = 0
	return true
}

// measure takes cost, |g|, the residual and the bound on Flow's steps from g and sum. A unit that is alone has neither.
func (s *Synaptic[T]) measure() {
	cost, squares, worst, top := 0.0, 0.0, 0.0, 0.0
	for i, v := range s.sum {
		cost += v
		top = max(top, v)
		squares += float64(s.g[i] * s.g[i])
		if v > 0 {
			worst = max(worst, math.Abs(s.g[i])/v)
		}
	}
	s.head[atCost], s.head[atNorm], s.head[atResidual] = cost/2, math.Sqrt(squares), worst
	s.head[atLongest] = longestStep / float64(s.o.P*top)
}

// finishStep counts a step that moved h and stops where it is time to.
func (s *Synaptic[T]) finishStep() {
	s.head[atSteps]++
	s.measure()
	if s.head[atResidual] <= s.o.Tol {
		s.next(phaseDone)
	}
}

// attempt counts a step before it is made and says whether it may be.
func (s *Synaptic[T]) attempt() bool {
	if s.head[atAttempts] >= float64(s.o.MaxSteps) {
		s.next(phaseDone)
		return false
	}
	s.head[atAttempts]++
	return true
}

// centre makes Σh = 0 over each component.
func (s *Synaptic[T]) centre(h []float64) {
	sum, count := s.scratch[0], s.scratch[1]
	clear(sum)
	clear(count)
	for i, c := range s.component {
		if c >= 0 {
			sum[int(c)] += h[i]
			count[int(c)]++
		}
	}
	for i, c := range s.component {
		if c >= 0 {
			h[i] -= sum[int(c)] / count[int(c)]
		} else {
			h[i] = 0
		}
	}
}
