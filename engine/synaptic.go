package engine

import (
	"fmt"
	"math"

	"github.com/hebbkern/hebbkern/kernels"
)

// SynapticMethod is how SynapticBalance finds the balanced state.
type SynapticMethod int

const (
	// Convex minimises the cost, which is strictly convex in h, by damped Newton steps.
	Convex SynapticMethod = iota
	// Flow follows τ dh/dt = g by the pair of Dormand & Prince (1980), orders 5 and 4, with step control.
	Flow
	// Euler follows it by explicit Euler steps of a fixed dt.
	Euler
)

var synapticMethods = [...]string{"convex", "flow", "euler"}

// SynapticOptions are the options of SynapticBalance.
type SynapticOptions[T kernels.Float] struct {
	P float64 // exponent of the cost: any real p > 0; it has no default
	// Alpha weights the cost, finite and ≥ 0: [n, n]; [1, n], over the presynaptic units, as gains are; [1, 1]; or no
	// rows, 1. A weight with α = 0 is not in the cost.
	Alpha  kernels.Matrix[T]
	Method SynapticMethod
	// Tol is the largest |A − B|/(A + B) of a balanced unit, A its cost in and B its cost out; 0: 1e-9 in float64,
	// 1e-6 in float32. It applies to the sums in float64 before the one write. Parts of a graph that only costs below
	// Tol of their units' own join are balanced against each other no further than it can see.
	Tol      float64
	MaxSteps int     // 0: 100000
	Tau      float64 // Flow and Euler: the time constant τ > 0; 0: 1
	Dt       float64 // Euler: the step > 0, which has no default
	// RTol is what Flow lets the two orders differ by in an h_i in one step, which is relative in the weights; 0: 1e-6.
	// The balanced state does not depend on it, the path does.
	RTol float64
	// State, if not nil, is the state of the solver in the caller's memory, SynapticState(n) long: zeros to begin with,
	// and what a call left in it to go on. It holds the costs, so a call that goes on does not form them again.
	State []float64
}

// The reasons of a stop beside Converged.
const (
	StepsUsedUp StopReason = "max_steps" // MaxSteps were not enough; what was reached is written
)

// SynapticReport is the outcome of synaptic balancing. The costs are those of the scaled sums, in float64, over the
// weights that lie on cycles, self-weights left out.
type SynapticReport struct {
	H              []float64 // J_ij ← e^{h_j − h_i} J_ij; Σh = 0 over each component
	CostBefore     float64   // C = Σ α_ij|J_ij|^p
	CostAfter      float64
	GradientBefore float64 // |g|, g_i = A_i − B_i; dC/dh = −p·g
	GradientAfter  float64
	Residual       float64 // max |A − B|/(A + B), after
	Steps          int     // steps that moved h
	Evaluations    int     // times that the costs were summed, each a pass over n² numbers
	Time           float64 // Flow and Euler: t reached
	Reason         StopReason
	Components     int   // strongly connected components of two or more units
	Held           []int // units on no cycle: h = 0
	OffCycle       int   // weights between different units that lie on no cycle: not in the cost
}

// SynapticBalance brings the recurrent weights to the balanced state of synaptic balancing (Stock, Harvey, Ocko &
// Ganguli, PLoS Comput Biol 2022; mathematics page, section 5), in which each unit's cost in Σ_j c_ij is its cost out
// Σ_j c_ji, c_ij = α_ij|J_ij|^p:
//
//	τ dh/dt = g,   g_i = Σ_j (c_ij − c_ji),   J = e^{−diag h} J₀ e^{diag h}
//
// input rows and biases × e^{−h_i}, output columns × e^{h_j}, which keeps what the network computes if its units are
// homogeneous of degree 1 (identity, ReLU, leaky ReLU) and τ is the same for all. Solved is for h, from which the
// arrays are formed once, at the end. Kept are the eigenvalues of J, J_ii (bit for bit), J_ij·J_ji and the products
// along cycles.
//
// The cost has a minimum only if every weight lies on a directed cycle: what lies on none could be made smaller for
// ever. So each strongly connected component is balanced for itself, with Σh = 0; weights between components are not
// in the cost, and a unit on no cycle keeps h = 0.
//
// Errors, all before anything is written: *ArgError (shapes, overlap, options, an Euler step that is unstable, scales
// that leave the range of T); *NonFiniteError for NaN or Inf in an array.
func SynapticBalance[T kernels.Float](r *Recurrent[T], o SynapticOptions[T]) (*SynapticReport, error) {
	s, err := NewSynaptic(r, o)
	if err != nil {
		return nil, err
	}
	for done := false; !done; {
		if done, err = s.Run(1 << 10); err != nil {
			return nil, err
		}
	}
	return s.Apply()
}

// SynapticState is the length of SynapticOptions.State for n units.
func SynapticState(n int) int { return headerSize + vectorCount*n + n*n }

// Synaptic is SynapticBalance in steps, for callers that want to interrupt or watch: Run works on the state alone and
// Apply writes the network. The network must not change in between.
type Synaptic[T kernels.Float] struct {
	r *Recurrent[T]
	o SynapticOptions[T]
	synapticState
	scratch [2][]float64 // what a tick does not leave behind
	one     [1]float64
}

// NewSynaptic checks the arguments. Errors as of SynapticBalance, but for what Run finds in J and Alpha.
func NewSynaptic[T kernels.Float](r *Recurrent[T], o SynapticOptions[T]) (s *Synaptic[T], err error) {
	defer guard(&err)
	const fn = "SynapticBalance"
	if err := r.check(fn); err != nil {
		return nil, err
	}
	n := r.J.Rows
	if err := o.check(fn, r); err != nil {
		return nil, err
	}
	if o.State == nil {
		o.State = make([]float64, SynapticState(n))
	} else if err := checkLen(fn, "state", o.State, SynapticState(n)); err != nil {
		return nil, err
	}
	s = &Synaptic[T]{r: r, o: o, synapticState: stateOver(o.State, n)}
	s.scratch = [2][]float64{make([]float64, n), make([]float64, n)}
	if phase := s.head[atPhase]; phase == 0 {
		if err := r.checkFinite(fn); err != nil {
			return nil, err
		}
	} else if !(phase > 0 && phase <= phaseDone) {
		return nil, badArg(fn, "state", "not what a call has left", "zeros to begin with")
	}
	return s, nil
}

func (o *SynapticOptions[T]) check(fn string, r *Recurrent[T]) error {
	if err := checkExponent(fn, o.P); err != nil {
		return err
	}
	n, a := r.J.Rows, o.Alpha
	switch {
	case a.Rows == 0 && a.Cols == 0:
	case a.Rows == 1 && (a.Cols == 1 || a.Cols == n):
		if err := checkMatrix(fn, "alpha", a, 1, -1); err != nil {
			return err
		}
	default:
		if err := checkMatrix(fn, "alpha", a, n, n); err != nil {
			return err
		}
	}
	names, m := r.parts()
	for k := range m {
		if overlap(a, m[k]) {
			return badArg(fn, "alpha", "overlapping "+names[k], "arrays that share no element")
		}
	}
	if o.Method < Convex || o.Method > Euler {
		return badArg(fn, "method", fmt.Sprint(int(o.Method)), "convex, flow or euler")
	}
	positive := func(name string, v *float64, otherwise float64) error {
		if !(*v >= 0) || math.IsInf(*v, 1) {
			return badArg(fn, name, fmt.Sprint(*v), "a finite number > 0")
		}
		if *v == 0 {
			*v = otherwise
		}
		return nil
	}
	tol := 1e-9
	if single[T]() {
		tol = 1e-6
	}
	if err := positive("tol", &o.Tol, tol); err != nil {
		return err
	}
	if err := positive("tau", &o.Tau, 1); err != nil {
		return err
	}
	if err := positive("rtol", &o.RTol, 1e-6); err != nil {
		return err
	}
	if err := positive("dt", &o.Dt, 0); err != nil {
		return err
	}
	if o.Method == Euler && o.Dt == 0 {
		return badArg(fn, "dt", "0", "a finite number > 0, the step of euler")
	}
	if o.MaxSteps < 0 {
		return badArg(fn, "max_steps", fmt.Sprint(o.MaxSteps), "a number ≥ 0")
	}
	if o.MaxSteps == 0 {
		o.MaxSteps = 100000
	}
	return nil
}

// H returns the h reached so far, a view of the state.
func (s *Synaptic[T]) H() []float64 { return s.h }

// Apply writes the network, J_ij ← (e^{−h_i}·J_ij)·e^{h_j} with each product rounded, and reports. It is called once,
// when Run is done or for what it has reached by then. Errors: *ArgError if a scale leaves the range of T, before
// anything is written.
func (s *Synaptic[T]) Apply() (_ *SynapticReport, err error) {
	defer guard(&err)
	if s.head[atPhase] < phaseConvex {
		return nil, badArg("SynapticBalance", "state", "before the first step", "a state that Run has brought to a step")
	}
	if err := s.checkRange(); err != nil {
		return nil, err
	}
	unit := s.power(s.head[atScale]) // the costs of the state are relative to it
	rep := &SynapticReport{
		H:          append([]float64(nil), s.h...),
		CostBefore: s.head[atCost0] * unit, CostAfter: s.head[atCost] * unit,
		GradientBefore: s.head[atNorm0] * unit, GradientAfter: s.head[atNorm] * unit,
		Residual: s.head[atResidual], Steps: int(s.head[atSteps]), Evaluations: int(s.head[atEvaluations]),
		Reason: StepsUsedUp, Components: int(s.head[atComponents]), OffCycle: int(s.head[atOffCycle]),
	}
	if s.o.Method != Convex {
		rep.Time = s.head[atTime] * s.o.Tau / unit
	}
	switch {
	case s.head[atResidual] <= s.o.Tol:
		rep.Reason = Converged
	case s.head[atStuck] == stuckSteps:
		rep.Reason = Stalled
	}
	for i, c := range s.component {
		if c < 0 {
			rep.Held = append(rep.Held, i)
		}
	}
	s.write()
	return rep, nil
}

func (s *Synaptic[T]) write() {
	n := s.r.J.Rows
	diagonal, in, out := make([]T, n), make([]T, n), make([]T, n)
	kernels.Exp(s.scratch[0], s.h)
	for i, v := range s.scratch[0] {
		out[i] = T(v)
		s.scratch[1][i] = -s.h[i]
		diagonal[i] = s.r.J.Row(i)[i]
	}
	kernels.Exp(s.scratch[1], s.scratch[1])
	for i, v := range s.scratch[1] {
		in[i] = T(v)
	}
	kernels.Scale(s.r.J, in, out)
	for i, v := range diagonal {
		s.r.J.Row(i)[i] = v
	}
	if s.r.In.Cols > 0 {
		kernels.Scale(s.r.In, in, nil)
	}
	if s.r.Bias != nil {
		kernels.Scale(rowVector(s.r.Bias), nil, in)
	}
	if s.r.Out.Rows > 0 {
		kernels.Scale(s.r.Out, nil, out)
	}
}

// checkRange makes sure that no factor and no product of the one write leaves the normal numbers of T upward.
func (s *Synaptic[T]) checkRange() error {
	limit := 1022.0
	if single[T]() {
		limit = 126
	}
	names, m := s.r.parts()
	for k := range m {
		e := s.head[atExponent] // of J, without the diagonal, which stays
		if k > 0 {
			e = largest(m[k])
		}
		for _, h := range s.h {
			// log2 of the first factor: e^h for the output's columns, e^{−h} for the rest. Of J the second factor
			// brings a product back that is too small, but not one that is too large.
			l := float64(h * math.Log2E)
			up := -l
			if names[k] == "w_out" {
				up = l
			}
			if math.Abs(l) > limit || up+e > limit {
				return badArg("SynapticBalance", names[k], fmt.Sprintf("up to 2^%v with a scale of e^%v", e, -h),
					"weights whose balanced form fits the element type")
			}
		}
	}
	return nil
}

// power is 2^e.
func (s *Synaptic[T]) power(e float64) float64 {
	s.one[0] = e
	kernels.Exp2(s.one[:], s.one[:])
	return s.one[0]
}
