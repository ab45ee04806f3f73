package engine

import (
	"fmt"
	"math"

	"github.com/hebbkern/hebbkern/kernels"
)

// Population is a group of units with one activation. An input population takes its activity from outside; an
// output population is read from outside. Both flags hold the units at σ = 0 in the exponential gain rule and
// at λ = 1 in balancing. A population with neither flag is hidden.
type Population[T kernels.Float] struct {
	Units         int
	Activation    kernels.Activation
	Bias          []T // [Units], or nil: none
	Input, Output bool
}

// Projection joins population From to population To with dense weights W, [To's units, From's units].
type Projection[T kernels.Float] struct {
	From, To int
	W        kernels.Matrix[T]
}

// Network is populations joined by projections. Its slices are views of the caller's memory. The index of a
// projection is the "layer" that errors name.
//
// The functions of this package run on feed-forward networks: every projection goes from a lower to a higher
// index of Populations (any network without cycles can be listed so).
type Network[T kernels.Float] struct {
	Populations []Population[T]
	Projections []Projection[T]
}

// LayeredOver builds a network of layers over the caller's arrays, without copying: weights[l] is
// [n_{l+1}, n_l], biases is nil or holds for each weight matrix a vector [n_{l+1}] or nil. Population 0 is the
// input (identity), the last one the output with activation output, those between have activation hidden.
// Errors: *ArgError for no weights, shapes that do not chain, or arrays that overlap.
func LayeredOver[T kernels.Float](weights []kernels.Matrix[T], biases [][]T, hidden, output kernels.Activation) (*Network[T], error) {
	const fn = "LayeredOver"
	l := len(weights)
	if l == 0 {
		return nil, badArg(fn, "weights", "an empty list", "at least one matrix")
	}
	if biases != nil && len(biases) != l {
		return nil, badArg(fn, "biases", fmt.Sprintf("a list of %d", len(biases)), fmt.Sprintf("one per weight matrix: %d", l))
	}
	n := &Network[T]{Populations: make([]Population[T], l+1), Projections: make([]Projection[T], l)}
	n.Populations[0] = Population[T]{Units: weights[0].Cols, Input: true}
	for i, w := range weights {
		if i > 0 && w.Cols != weights[i-1].Rows {
			return nil, badArg(fn, fmt.Sprintf("weights[%d]", i), fmt.Sprintf("[%d, %d]", w.Rows, w.Cols),
				fmt.Sprintf("[any, %d], the rows of weights[%d]", weights[i-1].Rows, i-1))
		}
		n.Projections[i] = Projection[T]{From: i, To: i + 1, W: w}
		n.Populations[i+1] = Population[T]{Units: w.Rows, Activation: hidden}
		if biases != nil && biases[i] != nil {
			if err := checkLen(fn, "", biases[i], w.Rows); err != nil {
				return nil, indexed(err, "biases[%d]", i)
			}
			n.Populations[i+1].Bias = biases[i]
		}
	}
	n.Populations[l].Activation, n.Populations[l].Output = output, true
	if err := n.check(fn); err != nil {
		return nil, err
	}
	return n, nil
}

// NewLayered makes a network of layers of the given sizes that owns its memory: identity input, hidden layers
// with the given activation, identity output, biases 0. Weights come from NewRNG(seed, 0), layer after layer,
// row after row: uniform in ±√(6/n_in) into ReLU, ELU and GELU and in ±√(6/(n_in(1+slope²))) into leaky ReLU,
// with the sum of the squares of both slopes in place of 1+slope² into BiLU (He et al. 2015), in ±√(6/(n_in+n_out)) into the others and the output (Glorot & Bengio 2010). Networks in
// float32 and float64 of one seed are roundings of the same numbers. Errors: *ArgError.
func NewLayered[T kernels.Float](sizes []int, hidden kernels.Activation, seed uint64) (*Network[T], error) {
	const fn = "NewLayered"
	if len(sizes) < 2 {
		return nil, badArg(fn, "sizes", fmt.Sprintf("a list of %d", len(sizes)), "at least two sizes")
	}
	for i, n := range sizes {
		if n < 1 || i > 0 && n > math.MaxInt/8/sizes[i-1] {
			return nil, badArg(fn, fmt.Sprintf("sizes[%d]", i), fmt.Sprint(n), "a number of units ≥ 1 whose weights fit in memory")
		}
	}
	if err := checkActivation(fn, "hidden", hidden); err != nil {
		return nil, err
	}
	weights := make([]kernels.Matrix[T], len(sizes)-1)
	biases := make([][]T, len(sizes)-1)
	for l := range weights {
		weights[l], biases[l] = kernels.NewMatrix[T](sizes[l+1], sizes[l]), make([]T, sizes[l+1])
	}
	n, err := LayeredOver(weights, biases, hidden, kernels.Activation{})
	if err != nil {
		return nil, err
	}
	return n, n.Init(seed)
}

// Init writes the initial weights of NewLayered, each projection's by the activation that it leads to, and sets the
// biases to 0. Errors: *ArgError.
func (n *Network[T]) Init(seed uint64) error {
	if err := n.check("Init"); err != nil {
		return err
	}
	rng := NewRNG(seed, 0)
	for q := range n.Projections {
		e := &n.Projections[q]
		r := initRange(n.Populations[e.To].Activation, e.W.Cols, e.W.Rows)
		for i := range e.W.Rows {
			Uniform(&rng, e.W.Row(i), -r, r)
		}
	}
	for k := range n.Populations {
		clear(n.Populations[k].Bias)
	}
	return nil
}

// initRange is the half width of the uniform initialisation into a population with activation act.
func initRange(act kernels.Activation, in, out int) float64 {
	switch act.Kind {
	case kernels.ReLU, kernels.ELU, kernels.GELU:
		return math.Sqrt(6 / float64(in))
	case kernels.LeakyReLU:
		return math.Sqrt(6 / (float64(in) * (1 + float64(act.Slope*act.Slope))))
	case kernels.BiLU:
		if squares := float64(act.Slope*act.Slope) + float64(act.Shape*act.Shape); squares > 0 {
			return math.Sqrt(6 / (float64(in) * squares))
		}
	}
	return math.Sqrt(6 / (float64(in) + float64(out)))
}

func checkActivation(fn, arg string, a kernels.Activation) error {
	if a.Kind < kernels.Identity || a.Kind > kernels.BiPU {
		return badArg(fn, arg, fmt.Sprintf("activation %d", int(a.Kind)), "a known activation")
	}
	inRange := func(v float64) bool { return math.Abs(v) <= math.MaxFloat32 }
	switch {
	case a.Kind == kernels.LeakyReLU && !(a.Slope >= 0 && inRange(a.Slope)):
		return badArg(fn, arg, fmt.Sprintf("slope %v", a.Slope), "a finite slope ≥ 0")
	case a.Kind == kernels.BiLU && !(inRange(a.Slope) && inRange(a.Shape)):
		return badArg(fn, arg, fmt.Sprintf("slopes %v and %v", a.Slope, a.Shape), "finite slopes")
	case a.Kind == kernels.BiPU && !(inRange(a.Slope) && inRange(a.Shape) && a.Shape > 0):
		return badArg(fn, arg, fmt.Sprintf("power %v and factor %v", a.Shape, a.Slope), "a finite power > 0 and a finite factor")
	}
	return nil
}

// checkDerivative refuses an activation whose derivative is not bounded near 0.
func checkDerivative(fn, arg string, a kernels.Activation) error {
	if a.Kind == kernels.BiPU && !(a.Shape >= 1 && math.Abs(a.Shape*a.Slope) <= math.MaxFloat32) {
		return badArg(fn, arg, fmt.Sprintf("BiPU of power %v and factor %v, by its derivative", a.Shape, a.Slope),
			"a power ≥ 1 (below it the derivative has no bound at 0), and a finite product")
	}
	return nil
}

// checkDerivatives is checkDerivative for every population, as gradients and gains of the derivative need it.
func (n *Network[T]) checkDerivatives(fn string) error {
	for k := range n.Populations {
		if err := checkDerivative(fn, "", n.Populations[k].Activation); err != nil {
			return indexed(err, "population %d", k)
		}
	}
	return nil
}

// Check verifies the description: units ≥ 1, known activations, biases of the right length and none on an
// input, projections between existing populations from lower to higher index and not into an input, weights of
// the right shape, and no two written arrays that share an element. Every function of the package calls it.
func (n *Network[T]) Check() error { return n.check("Network.Check") }

func (n *Network[T]) check(fn string) error {
	if n == nil || len(n.Populations) == 0 {
		return badArg(fn, "network", "empty", "at least one population")
	}
	for k := range n.Populations {
		p := &n.Populations[k]
		if p.Units < 1 {
			return badArg(fn, fmt.Sprintf("population %d", k), fmt.Sprintf("%d units", p.Units), "at least 1")
		}
		if err := checkActivation(fn, "", p.Activation); err != nil {
			return indexed(err, "population %d", k)
		}
		if p.Bias != nil {
			if p.Input {
				return badArg(fn, fmt.Sprintf("population %d", k), "an input with a bias", "no bias on an input population")
			}
			if err := checkLen(fn, "", p.Bias, p.Units); err != nil {
				return indexed(err, "bias of population %d", k)
			}
		}
	}
	for q := range n.Projections {
		if err := n.checkProjection(fn, q); err != nil {
			return err
		}
	}
	return n.checkOverlap(fn)
}

func (n *Network[T]) checkProjection(fn string, q int) error {
	e := &n.Projections[q]
	if e.From < 0 || e.To >= len(n.Populations) || e.From >= e.To {
		return badArg(fn, fmt.Sprintf("projection %d", q), fmt.Sprintf("from population %d to %d", e.From, e.To),
			"a feed-forward projection, from a lower to a higher index")
	}
	if n.Populations[e.To].Input {
		return badArg(fn, fmt.Sprintf("projection %d", q), fmt.Sprintf("into input population %d", e.To), "an input without projections into it")
	}
	err := checkMatrix(fn, "", e.W, n.Populations[e.To].Units, n.Populations[e.From].Units)
	return indexed(err, "weights[%d]", q)
}

// checkOverlap compares every pair of the arrays that learning writes.
func (n *Network[T]) checkOverlap(fn string) error {
	at := func(i int) (kernels.Matrix[T], bool) {
		if i < len(n.Projections) {
			return n.Projections[i].W, true
		}
		b := n.Populations[i-len(n.Projections)].Bias
		return rowVector(b), b != nil
	}
	name := func(i int) string {
		if i < len(n.Projections) {
			return fmt.Sprintf("weights[%d]", i)
		}
		return fmt.Sprintf("bias of population %d", i-len(n.Projections))
	}
	for i := range len(n.Projections) + len(n.Populations) {
		a, ok := at(i)
		for j := 0; ok && j < i; j++ {
			if b, ok := at(j); ok && overlap(a, b) {
				return badArg(fn, name(i), "overlapping "+name(j), "arrays that share no element")
			}
		}
	}
	return nil
}

// checkData refuses a batch that overlaps an array of the network: learning would write what it reads.
func (n *Network[T]) checkData(fn, arg string, m kernels.Matrix[T]) error {
	for q := range n.Projections {
		if overlap(m, n.Projections[q].W) {
			return badArg(fn, arg, fmt.Sprintf("overlapping weights[%d]", q), "arrays that share no element")
		}
	}
	for k := range n.Populations {
		if b := n.Populations[k].Bias; b != nil && overlap(m, rowVector(b)) {
			return badArg(fn, arg, fmt.Sprintf("overlapping the bias of population %d", k), "arrays that share no element")
		}
	}
	return nil
}

// InputUnits counts the units of all input populations.
func (n *Network[T]) InputUnits() int {
	return n.count(func(p *Population[T]) bool { return p.Input })
}

// OutputUnits counts the units of all output populations.
func (n *Network[T]) OutputUnits() int {
	return n.count(func(p *Population[T]) bool { return p.Output })
}

// HiddenUnits counts the units of all hidden populations: the length of Deficit's result.
func (n *Network[T]) HiddenUnits() int { return n.count((*Population[T]).hidden) }

func (n *Network[T]) count(which func(*Population[T]) bool) int {
	c := 0
	for k := range n.Populations {
		if which(&n.Populations[k]) {
			c += n.Populations[k].Units
		}
	}
	return c
}

func (p *Population[T]) hidden() bool { return !p.Input && !p.Output }

// Parameters is the number of weights and biases: the length of a Snapshot.
func (n *Network[T]) Parameters() int {
	c := 0
	for q := range n.Projections {
		c += n.Projections[q].W.Rows * n.Projections[q].W.Cols
	}
	for k := range n.Populations {
		c += len(n.Populations[k].Bias)
	}
	return c
}

// Snapshot copies weights (projection after projection, row after row), then biases, into dst, which holds
// Parameters() elements (nil: allocated), and returns it.
func (n *Network[T]) Snapshot(dst []T) ([]T, error) {
	if dst == nil {
		dst = make([]T, n.Parameters())
	}
	if err := checkLen("Snapshot", "dst", dst, n.Parameters()); err != nil {
		return nil, err
	}
	n.eachSlice(dst, func(live, saved []T) { copy(saved, live) })
	return dst, nil
}

// Restore copies a Snapshot back into the caller's arrays.
func (n *Network[T]) Restore(src []T) error {
	if err := checkLen("Restore", "src", src, n.Parameters()); err != nil {
		return err
	}
	n.eachSlice(src, func(live, saved []T) { copy(live, saved) })
	return nil
}

func (n *Network[T]) eachSlice(flat []T, do func(live, saved []T)) {
	next := func(live []T) {
		do(live, flat[:len(live)])
		flat = flat[len(live):]
	}
	for q := range n.Projections {
		w := n.Projections[q].W
		for i := range w.Rows {
			next(w.Row(i))
		}
	}
	for k := range n.Populations {
		next(n.Populations[k].Bias)
	}
}

// layerOf is the index by which errors name a population: its first incoming projection, or -1.
func (n *Network[T]) layerOf(pop int) int {
	for q := range n.Projections {
		if n.Projections[q].To == pop {
			return q
		}
	}
	return -1
}

// checkFinite finds the first NaN or Inf in weights and biases. tmp holds the largest number of rows.
func (n *Network[T]) checkFinite(fn string, tmp []T) error {
	for q := range n.Projections {
		w := n.Projections[q].W
		if finiteMatrix(w, tmp) {
			continue
		}
		for i := range w.Rows {
			for j, v := range w.Row(i) {
				if v-v != 0 {
					return &NonFiniteError{Func: fn, Array: "weights", Layer: q, Row: i, Col: j, Value: float64(v)}
				}
			}
		}
	}
	for k := range n.Populations {
		for i, v := range n.Populations[k].Bias {
			if v-v != 0 {
				return &NonFiniteError{Func: fn, Array: "biases", Layer: n.layerOf(k), Row: i, Value: float64(v)}
			}
		}
	}
	return nil
}

func (n *Network[T]) maxUnits() int {
	m := 0
	for k := range n.Populations {
		m = max(m, n.Populations[k].Units)
	}
	return m
}
