package engine

import (
	"github.com/hebbkern/hebbkern/kernels"
)

var identity = kernels.Activation{Kind: kernels.Identity}

// Activity is what a forward pass leaves: for each population the input Z = Σ W a + b (of an input population,
// x itself) and the activity A = f(Z), both [B, units]. They are scratch, valid until the next pass.
type Activity[T kernels.Float] struct {
	Z, A []kernels.Matrix[T]
}

// Forward runs a batch x [B, InputUnits] through the network and fills act. Input populations take consecutive
// columns of x in their order. Row b depends on row b of x alone, bit for bit the same for any batch.
// Errors: *ArgError. s may be nil.
func (n *Network[T]) Forward(x kernels.Matrix[T], act *Activity[T], s *Scratch[T]) (err error) {
	defer guard(&err)
	if err := n.check("Forward"); err != nil {
		return err
	}
	if err := checkMatrix("Forward", "x", x, -1, n.InputUnits()); err != nil {
		return err
	}
	s = s.ready()
	n.forward(x, act, s)
	return nil
}

// Predict writes the activity of the output populations for a batch x [B, InputUnits] into y [B, OutputUnits],
// the populations side by side. Errors: *ArgError, also for a y that overlaps x or the network. s may be nil.
func (n *Network[T]) Predict(y, x kernels.Matrix[T], s *Scratch[T]) (err error) {
	defer guard(&err)
	const fn = "Predict"
	if err := n.check(fn); err != nil {
		return err
	}
	if err := checkMatrix(fn, "x", x, -1, n.InputUnits()); err != nil {
		return err
	}
	if err := checkMatrix(fn, "y", y, x.Rows, n.OutputUnits()); err != nil {
		return err
	}
	if overlap(y, x) {
		return badArg(fn, "y", "overlapping x", "arrays that share no element")
	}
	if err := n.checkData(fn, "y", y); err != nil {
		return err
	}
	if s == nil {
		s = new(Scratch[T])
	}
	// Rows are independent, so a block bounds the memory without touching the bits.
	const block = 256
	var act Activity[T]
	for b := 0; b < x.Rows; b += block {
		s.reset()
		rows := min(block, x.Rows-b)
		n.forward(subRows(x, b, rows), &act, s)
		col := 0
		for k := range n.Populations {
			if p := &n.Populations[k]; p.Output {
				for i := range rows {
					copy(y.Row(b + i)[col:], act.A[k].Row(i))
				}
				col += p.Units
			}
		}
	}
	return nil
}

// subMatrix is the view of rows [i, i+rows) and columns [j, j+cols).
func subMatrix[T kernels.Float](m kernels.Matrix[T], i, rows, j, cols int) kernels.Matrix[T] {
	v := kernels.Matrix[T]{Rows: rows, Cols: cols, Stride: m.Stride}
	if rows > 0 && cols > 0 {
		at := i*m.Stride + j
		v.Data = m.Data[at : at+(rows-1)*m.Stride+cols]
	}
	return v
}

func subRows[T kernels.Float](m kernels.Matrix[T], from, rows int) kernels.Matrix[T] {
	return subMatrix(m, from, rows, 0, m.Cols)
}

func subCols[T kernels.Float](m kernels.Matrix[T], from, cols int) kernels.Matrix[T] {
	return subMatrix(m, 0, m.Rows, from, cols)
}

// part is elements [from, from+count) of v, nil of nil.
func part[T any](v []T, from, count int) []T {
	if v == nil {
		return nil
	}
	return v[from : from+count]
}

func (n *Network[T]) forward(x kernels.Matrix[T], act *Activity[T], s *Scratch[T]) {
	n.forwardDropping(x, act, nil, nil, s)
}

// forwardDropping is forward with dropout: the activities in act are those that the next populations see.
func (n *Network[T]) forwardDropping(x kernels.Matrix[T], act *Activity[T], d *Dropout, r *RNG, s *Scratch[T]) {
	if len(act.Z) != len(n.Populations) {
		act.Z = make([]kernels.Matrix[T], len(n.Populations))
		act.A = make([]kernels.Matrix[T], len(n.Populations))
	}
	col := 0
	for k := range n.Populations {
		if n.Populations[k].Input {
			act.Z[k] = subCols(x, col, n.Populations[k].Units)
			col += n.Populations[k].Units
		}
		n.activate(k, x.Rows, act, s)
		if d != nil && d.Rate[k] > 0 {
			for len(s.masks) < len(n.Populations) {
				s.masks = append(s.masks, kernels.Matrix[T]{})
			}
			act.A[k] = silence(act.A[k], d.Rate[k], r, &s.masks[k], s)
		}
	}
}

// activate computes Z, but of an input population, and A of population k.
func (n *Network[T]) activate(k, batch int, act *Activity[T], s *Scratch[T]) {
	p := &n.Populations[k]
	if !p.Input {
		if e := n.only(k); e != nil && p.Activation.Kind != kernels.Identity {
			act.Z[k], act.A[k] = s.matrix(batch, p.Units), s.matrix(batch, p.Units)
			s.pieces(p.Units, batch*e.W.Cols, func(i, m int) {
				kernels.ForwardBoth(subCols(act.A[k], i, m), subCols(act.Z[k], i, m), subRows(e.W, i, m), act.A[e.From], part(p.Bias, i, m), p.Activation)
			})
			return
		}
		act.Z[k] = n.gather(k, batch, act, s)
	}
	if p.Activation.Kind == kernels.Identity {
		act.A[k] = act.Z[k]
		return
	}
	act.A[k] = s.matrix(batch, p.Units)
	for b := range batch {
		kernels.Activate(act.A[k].Row(b), act.Z[k].Row(b), p.Activation)
	}
}

// only is the projection into population k if there is one and no other.
func (n *Network[T]) only(k int) *Projection[T] {
	var found *Projection[T]
	for q := range n.Projections {
		if e := &n.Projections[q]; e.To == k {
			if found != nil {
				return nil
			}
			found = e
		}
	}
	return found
}

// gather computes Z of population k: the bias joins the first projection, further projections are added in
// their order, each rounded to T.
func (n *Network[T]) gather(k, batch int, act *Activity[T], s *Scratch[T]) kernels.Matrix[T] {
	p := &n.Populations[k]
	z := s.matrix(batch, p.Units)
	first := true
	for q := range n.Projections {
		e := &n.Projections[q]
		if e.To != k {
			continue
		}
		if first {
			s.pieces(p.Units, batch*e.W.Cols, func(i, m int) {
				kernels.ForwardBatch(subCols(z, i, m), subRows(e.W, i, m), act.A[e.From], part(p.Bias, i, m), identity)
			})
			first = false
			continue
		}
		t := s.matrix(batch, p.Units)
		s.pieces(p.Units, batch*e.W.Cols, func(i, m int) {
			kernels.ForwardBatch(subCols(t, i, m), subRows(e.W, i, m), act.A[e.From], nil, identity)
		})
		addInto(z.Data, t.Data, s)
	}
	if first { // no projection into it: the bias alone
		for b := range batch {
			clear(z.Row(b))
			copy(z.Row(b), p.Bias)
		}
	}
	return z
}

// addInto adds t to z: fma(1, t, z) is the rounded sum.
func addInto[T kernels.Float](z, t []T, s *Scratch[T]) {
	one := s.t.take(1)
	one[0] = 1
	kernels.Rank1(rowVector(z), kernels.Update[T]{G: one, X: t})
}
