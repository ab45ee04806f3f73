package engine

import (
	"fmt"
	"math"

	"github.com/hebbkern/hebbkern/kernels"
)

// UnitID names a unit of a network.
type UnitID struct{ Population, Unit int }

// BalanceReport is the outcome of balancing a network; see GraphReport.
type BalanceReport struct {
	Lambda        [][]float64 // for each hidden population the λ of its units: in × λ, bias × λ, out ÷ λ^c
	CostBefore    float64     // Σ|w|^p over all weights (and biases, if counted)
	CostAfter     float64
	DeficitBefore float64 // Σ_i (A_i − c_iB_i)² over the hidden units that are not excluded
	DeficitAfter  float64
	Residual      float64 // max |A − cB|/(A + cB) over the live units, after
	Sweeps        int     // sweeps or steps
	Reason        StopReason
	Dead          []UnitID // hidden units with A = 0 or B = 0, left as they were
	OffCycle      []UnitID // hidden units for which no minimum exists, likewise
	Excluded      []int    // hidden populations whose activation is not homogeneous, likewise
}

// homogeneous is the degree c of f(λx) = λ^c f(x), λ > 0, and false for an activation that is not homogeneous.
func homogeneous(a kernels.Activation) (c float64, ok bool) {
	c = a.Degree()
	return c, c > 0
}

// Graph describes a network for balancing: unit u of hidden population h, in order, is a unit of the graph, with h as
// its group. Units whose activation is not homogeneous are held. Block q is projection q; the biases follow, in the
// order of the populations, counted on request.
func (n *Network[T]) Graph(countBias bool) *BalanceGraph[T] {
	g := &BalanceGraph[T]{Units: n.HiddenUnits(), Degree: []float64{}, Held: []bool{}, Group: []int{}}
	units, h := make([][]int, len(n.Populations)), 0
	for k := range n.Populations {
		p := &n.Populations[k]
		if !p.hidden() {
			continue
		}
		c, ok := homogeneous(p.Activation)
		if !ok {
			c = 1
		}
		for range p.Units {
			units[k] = append(units[k], len(g.Degree))
			g.Degree, g.Held, g.Group = append(g.Degree, c), append(g.Held, !ok), append(g.Group, h)
		}
		h++
	}
	for q := range n.Projections {
		e := &n.Projections[q]
		g.Blocks = append(g.Blocks, BalanceBlock[T]{W: e.W, Rows: units[e.To], Cols: units[e.From], Alpha: 1})
	}
	for k := range n.Populations {
		if p := &n.Populations[k]; p.Bias != nil {
			b := BalanceBlock[T]{W: rowVector(p.Bias), Cols: units[k], Transposed: true}
			if countBias {
				b.Alpha = 1
			}
			g.Blocks = append(g.Blocks, b)
		}
	}
	return g
}

// Balance scales the hidden units of a network to A_i = c_iB_i, see BalanceGraph.Balance. Hidden populations whose
// activation is not homogeneous are left as they are and listed in the report.
//
// Errors, all before anything is written: *ArgError (p not a positive number, an Order that is no permutation, a
// negative Tol or MaxSweeps, scales that leave the range of T); *NonFiniteError for NaN or Inf in weights or biases.
func Balance[T kernels.Float](n *Network[T], o BalanceOptions) (*BalanceReport, error) {
	const fn = "Balance"
	if err := n.check(fn); err != nil {
		return nil, err
	}
	if err := n.checkBalance(o); err != nil {
		return nil, err
	}
	var hidden []int
	for k := range n.Populations {
		if n.Populations[k].hidden() {
			hidden = append(hidden, k)
		}
	}
	g := n.Graph(o.IncludeBias)
	r, err := g.Balance(o)
	if err != nil {
		return nil, n.placed(err)
	}
	report := &BalanceReport{CostBefore: r.CostBefore, CostAfter: r.CostAfter, DeficitBefore: r.DeficitBefore, DeficitAfter: r.DeficitAfter,
		Residual: r.Residual, Sweeps: r.Sweeps, Reason: r.Reason}
	first := 0
	for _, k := range hidden {
		units := n.Populations[k].Units
		report.Lambda = append(report.Lambda, r.Lambda[first:first+units])
		if _, ok := homogeneous(n.Populations[k].Activation); !ok {
			report.Excluded = append(report.Excluded, k)
		}
		for i, s := range r.Status[first : first+units] {
			switch s {
			case UnitDead:
				report.Dead = append(report.Dead, UnitID{k, i})
			case UnitOffCycle:
				report.OffCycle = append(report.OffCycle, UnitID{k, i})
			}
		}
		first += units
	}
	return report, nil
}

// checkBalance refuses options that do not fit the network.
func (n *Network[T]) checkBalance(o BalanceOptions) error {
	const fn = "Balance"
	hidden := 0
	for k := range n.Populations {
		if n.Populations[k].hidden() {
			hidden++
		}
	}
	if o.Order != nil && !isPermutation(o.Order, hidden) {
		return badArg(fn, "order", fmt.Sprint(o.Order), fmt.Sprintf("a permutation of 0 … %d", hidden-1))
	}
	return o.check(fn, single[T]())
}

// placed turns the block of an error into the array of the network.
func (n *Network[T]) placed(err error) error {
	e, ok := err.(*NonFiniteError)
	if !ok || e.Layer < len(n.Projections) {
		return err
	}
	q := len(n.Projections)
	for k := range n.Populations {
		if n.Populations[k].Bias != nil {
			if q == e.Layer {
				return &NonFiniteError{Func: e.Func, Array: "biases", Layer: n.layerOf(k), Row: e.Col, Value: e.Value}
			}
			q++
		}
	}
	return err
}

// Deficit returns the signed deficits A_i − c_iB_i of all hidden units (c = 1 where the activation is not homogeneous),
// population after population, into dst (nil: allocated, else HiddenUnits() long), and the network's deficit, the sum
// of their squares, a measure of the progress of training under L_p regularisation. It reads P, Mixture, Cost, Method and IncludeBias of o.
// Sums are in float64. The network is not changed. Errors: *ArgError, *NonFiniteError.
func Deficit[T kernels.Float](n *Network[T], o BalanceOptions, dst []float64) (unit []float64, total float64, err error) {
	defer guard(&err)
	const fn = "Deficit"
	if err := n.check(fn); err != nil {
		return nil, 0, err
	}
	power := o.Cost == nil && len(o.Mixture) == 0
	if o.Cost != nil {
		o.Method = MethodSweeps
	}
	if power {
		if err := checkExponent(fn, o.P); err != nil {
			return nil, 0, err
		}
	}
	if dst == nil {
		dst = make([]float64, n.HiddenUnits())
	}
	if err := checkLen(fn, "dst", dst, n.HiddenUnits()); err != nil {
		return nil, 0, err
	}
	if !power || !n.plainDeficit(o, dst) {
		g := n.Graph(o.IncludeBias)
		clear(g.Held)
		b, err := newBalancer(fn, g, o)
		if err != nil {
			return nil, 0, n.placed(err)
		}
		(&GraphBalancer[T]{b: b}).Deficits(dst)
	}
	for _, d := range dst {
		total += float64(d * d)
	}
	return dst, total, nil
}

// plainDeficit sums |w|^p in float64 as it is. It reports false if a sum leaves the range of float64, upward or, down
// to where digits are lost, downward: then logarithms are needed.
func (n *Network[T]) plainDeficit(o BalanceOptions, dst []float64) bool {
	m := n.maxUnits()
	in, out := make([]float64, m), make([]float64, m)
	first := make([]int, len(n.Populations))
	at := 0
	for k := range n.Populations {
		first[k] = -1
		if n.Populations[k].hidden() {
			first[k], at = at, at+n.Populations[k].Units
		}
	}
	clear(dst)
	fine := func(v float64) bool { return v == 0 || v > 0x1p-900 && v < math.Inf(1) }
	var scratch []float64
	for q := range n.Projections {
		e := &n.Projections[q]
		to, from := first[e.To], first[e.From]
		for i := 0; i < e.W.Rows; i += blockRows {
			rows := min(blockRows, e.W.Rows-i)
			tile, ok := any(e.W).(kernels.Matrix[float64])
			if ok {
				tile.Data, tile.Rows = tile.Data[i*tile.Stride:], rows
			} else {
				if len(scratch) < rows*e.W.Cols {
					scratch = make([]float64, rows*e.W.Cols)
				}
				tile = kernels.MatrixOf(scratch[:rows*e.W.Cols], rows, e.W.Cols)
				for r := range rows {
					dst := tile.Row(r)
					for j, v := range e.W.Row(i + r) {
						dst[j] = float64(v)
					}
				}
			}
			kernels.PowerSums(tile, o.P, in[:rows], out[:e.W.Cols])
			for r, v := range in[:rows] {
				if !fine(v) || v == 0 && !allZero(e.W.Row(i+r)) {
					return false
				}
				if to >= 0 {
					dst[to+i+r] += v
				}
			}
			for j, v := range out[:e.W.Cols] {
				if from < 0 {
					break
				}
				dst[from+j] -= v
			}
		}
	}
	for k := range n.Populations {
		bias := n.Populations[k].Bias
		if !finite(bias) {
			return false
		}
		if !o.IncludeBias || bias == nil || first[k] < 0 {
			continue
		}
		for i, v := range bias {
			in[i] = float64(v)
		}
		kernels.PowAbs(in[:len(bias)], in[:len(bias)], o.P)
		for i, v := range in[:len(bias)] {
			if !fine(v) {
				return false
			}
			dst[first[k]+i] += v
		}
	}
	return true
}

func allZero[T kernels.Float](v []T) bool {
	for _, x := range v {
		if x != 0 {
			return false
		}
	}
	return true
}
