package engine

import (
	"fmt"
	"math"
	"slices"

	"github.com/hebbkern/hebbkern/kernels"
)

// Changes of the units of one population. `twins` are networks of the same shape in memory of their own, such as the
// moments of an optimizer: they shrink and grow along, and what is new or dead in them is 0. Networks that share no
// slice with another are left whole on an error, which is an *ArgError.

// FreshRange is the half width of new incoming weights of units with n inputs: He et al. 2015 for ReLU-like units.
func FreshRange(n int) float64 { return math.Sqrt(6 / float64(n)) }

// KeepUnits makes population pop smaller, to the units `kept` in that order: rows of the weights into it, columns of
// those out of it and elements of its bias are copied into new arrays that hold nothing else, and every surviving unit
// computes what it did, bit for bit. It returns the index map, the new number of each old unit, -1 for the dead.
// The population must not be an output.
func (n *Network[T]) KeepUnits(pop int, kept []int, twins ...*Network[T]) ([]int, error) {
	const fn = "KeepUnits"
	if err := n.checkUnits(fn, pop, kept, twins); err != nil {
		return nil, err
	}
	if len(kept) == 0 {
		return nil, badArg(fn, "kept", "no unit", "at least one")
	}
	index := make([]int, n.Populations[pop].Units)
	for i := range index {
		index[i] = slices.Index(kept, i)
	}
	for _, m := range append([]*Network[T]{n}, twins...) {
		for q := range m.Projections {
			e := &m.Projections[q]
			if e.To == pop {
				e.W = pick(e.W, kept, nil)
			}
			if e.From == pop {
				e.W = pick(e.W, nil, kept)
			}
		}
		p := &m.Populations[pop]
		if p.Bias != nil {
			p.Bias = pick(rowVector(p.Bias), nil, kept).Data
		}
		p.Units = len(kept)
	}
	return index, nil
}

// MaskUnits silences units where they stand: their incoming weights and biases, and what goes out of them, become 0.
func (n *Network[T]) MaskUnits(pop int, dead []int, twins ...*Network[T]) error {
	if err := n.checkUnits("MaskUnits", pop, dead, twins); err != nil {
		return err
	}
	for _, m := range append([]*Network[T]{n}, twins...) {
		m.eachUnit(pop, dead, func(incoming []T) { clear(incoming) })
	}
	return nil
}

// RebirthUnits starts units anew: their incoming weights are drawn from r uniformly in ±FreshRange of their number of
// inputs, unit after unit in the order given and projection after projection; their biases and what goes out of them
// become 0, so that what the network computes is first what it is without them.
func (n *Network[T]) RebirthUnits(pop int, units []int, r *RNG, twins ...*Network[T]) error {
	if err := n.checkUnits("RebirthUnits", pop, units, twins); err != nil {
		return err
	}
	if n.Populations[pop].Input {
		return badArg("RebirthUnits", "pop", "an input population", "one with incoming weights")
	}
	n.eachUnit(pop, units, func(incoming []T) {
		h := FreshRange(len(incoming))
		Uniform(r, incoming, -h, h)
	})
	for _, m := range twins {
		m.eachUnit(pop, units, func(incoming []T) { clear(incoming) })
	}
	return nil
}

// GrowUnits adds `more` units behind those of population pop, born as by RebirthUnits, in new arrays.
func (n *Network[T]) GrowUnits(pop, more int, r *RNG, twins ...*Network[T]) error {
	const fn = "GrowUnits"
	if err := n.checkUnits(fn, pop, nil, twins); err != nil {
		return err
	}
	if more < 1 || more > 1<<30 {
		return badArg(fn, "more", fmt.Sprint(more), "1 to 2^30")
	}
	if n.Populations[pop].Input {
		return badArg(fn, "pop", "an input population", "one with incoming weights")
	}
	old := n.Populations[pop].Units
	born := make([]int, more)
	for i := range born {
		born[i] = old + i
	}
	for _, m := range append([]*Network[T]{n}, twins...) {
		for q := range m.Projections {
			e := &m.Projections[q]
			if e.To == pop {
				e.W = enlarged(e.W, old+more, e.W.Cols)
			}
			if e.From == pop {
				e.W = enlarged(e.W, e.W.Rows, old+more)
			}
		}
		p := &m.Populations[pop]
		if p.Bias != nil {
			p.Bias = enlarged(rowVector(p.Bias), 1, old+more).Data
		}
		p.Units = old + more
	}
	return n.RebirthUnits(pop, born, r)
}

// eachUnit visits the incoming weights of units, and clears their biases and what goes out of them.
func (n *Network[T]) eachUnit(pop int, units []int, incoming func([]T)) {
	for _, i := range units {
		for q := range n.Projections {
			if e := &n.Projections[q]; e.To == pop {
				incoming(e.W.Row(i))
			}
		}
		for q := range n.Projections {
			if e := &n.Projections[q]; e.From == pop {
				for k := range e.W.Rows {
					e.W.Row(k)[i] = 0
				}
			}
		}
		if b := n.Populations[pop].Bias; b != nil {
			b[i] = 0
		}
	}
}

// checkUnits verifies the network, its twins, the population and a list of its units, each once at most.
func (n *Network[T]) checkUnits(fn string, pop int, units []int, twins []*Network[T]) error {
	if err := n.check(fn); err != nil {
		return err
	}
	if pop < 0 || pop >= len(n.Populations) || n.Populations[pop].Output {
		return badArg(fn, "pop", fmt.Sprint(pop), fmt.Sprintf("a population of the %d that is no output", len(n.Populations)))
	}
	for k, m := range twins {
		if err := n.checkTwin(fn, fmt.Sprintf("twins[%d]", k), m); err != nil {
			return err
		}
	}
	seen := make([]bool, n.Populations[pop].Units)
	for _, i := range units {
		if i < 0 || i >= len(seen) || seen[i] {
			return badArg(fn, "units", fmt.Sprint(i), fmt.Sprintf("units of the %d, each once at most", len(seen)))
		}
		seen[i] = true
	}
	return nil
}

// pick copies rows and columns of m, in the order given; nil: all.
func pick[T kernels.Float](m kernels.Matrix[T], rows, cols []int) kernels.Matrix[T] {
	all := func(list []int, n int) []int {
		if list != nil {
			return list
		}
		list = make([]int, n)
		for i := range list {
			list[i] = i
		}
		return list
	}
	rows, cols = all(rows, m.Rows), all(cols, m.Cols)
	out := kernels.NewMatrix[T](len(rows), len(cols))
	for i, from := range rows {
		row := m.Row(from)
		for j, c := range cols {
			out.Row(i)[j] = row[c]
		}
	}
	return out
}

// enlarged copies m into a larger matrix of zeros.
func enlarged[T kernels.Float](m kernels.Matrix[T], rows, cols int) kernels.Matrix[T] {
	out := kernels.NewMatrix[T](rows, cols)
	copyRows(out, m)
	return out
}
