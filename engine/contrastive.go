package engine

import (
	"errors"
	"fmt"
	"math"

	"github.com/hebbkern/hebbkern/kernels"
)

// ContrastiveHebbian is Δw_ij = η (y_i⁺x_j⁺ − y_i⁻x_j⁻) (Movellan, in Connectionist Models, 1991): the activities of the
// clamped phase minus those of the free phase. As a Rule it is the sum over two samples, of which the second has a
// negative y; Update makes the two of each pair.
type ContrastiveHebbian[T kernels.Float] struct {
	LR float64 // η ≥ 0
}

// Update learns from the pairs that are the rows of x, y (clamped) and xFree, yFree, all given. Each piece of work is the sum
// of its samples in one pass over W: a pair in a sequence, o.Block pairs with Block, which is the same but for rounding, and
// the batch of Sum and Mean. k and errors are as those of package function Update, and count pairs. A Composition acts on
// the update of a pair, or of a batch, as one Δ.
func (r ContrastiveHebbian[T]) Update(w, x, y, xFree, yFree kernels.Matrix[T], o UpdateOptions[T]) (k int, err error) {
	return r.update(w, nil, x, y, xFree, yFree, o)
}

// UpdateCSR is Update on sparse weights, as package function UpdateCSR.
func (r ContrastiveHebbian[T]) UpdateCSR(w kernels.CSR[T], x, y, xFree, yFree kernels.Matrix[T], o UpdateOptions[T]) (k int, err error) {
	return r.update(kernels.Matrix[T]{Rows: w.Rows, Cols: w.Cols, Stride: w.Cols}, &w, x, y, xFree, yFree, o)
}

// update is on w, or on sparse weights of its shape.
func (r ContrastiveHebbian[T]) update(w kernels.Matrix[T], sparse *kernels.CSR[T], x, y, xFree, yFree kernels.Matrix[T], o UpdateOptions[T]) (k int, err error) {
	defer guard(&err)
	const fn = "ContrastiveHebbian"
	if err := checkRate[T](fn, "lr", r.LR); err != nil {
		return 0, err
	}
	own := w
	if sparse != nil {
		own = rowVector(sparse.Data)
	} else if err := checkMatrix(fn, "w", w, -1, -1); err != nil {
		return 0, err
	}
	for _, m := range []struct {
		name       string
		m          kernels.Matrix[T]
		rows, cols int
	}{{"x", x, -1, w.Cols}, {"y", y, x.Rows, w.Rows}, {"x_free", xFree, x.Rows, w.Cols}, {"y_free", yFree, x.Rows, w.Rows}} {
		if err := checkMatrix(fn, m.name, m.m, m.rows, m.cols); err != nil {
			return 0, err
		}
		if overlap(own, m.m) {
			return 0, badArg(fn, m.name, "overlapping w", "arrays that share no element")
		}
	}
	if sparse != nil && o.Block != 0 {
		return 0, badArg(fn, "block", fmt.Sprint(o.Block), "0 for sparse weights, which take a batch sample by sample")
	}
	pieces, err := r.options(x.Rows, &o)
	if err != nil {
		return 0, err
	}
	if o.From == o.To || w.Rows == 0 || w.Cols == 0 {
		return o.To - o.From, nil
	}
	first := o.From
	if pieces == 1 && sparse == nil && o.Compose == nil && o.Normalize == NoNorm && o.Reduction == Sequential {
		first = r.pairs(w, [2]kernels.Matrix[T]{x, xFree}, [2]kernels.Matrix[T]{y, yFree}, o)
	}
	for s := first; s < o.To; s += pieces {
		n := min(pieces, o.To-s)
		if err := r.piece(w, sparse, [2]kernels.Matrix[T]{subRows(x, s, n), subRows(xFree, s, n)},
			[2]kernels.Matrix[T]{subRows(y, s, n), subRows(yFree, s, n)}, o); err != nil {
			var d *DivergenceError
			done := s - o.From
			if errors.As(err, &d) {
				if d.What == "the weights" {
					done += n
				}
				d.Sample = s + d.Sample/2
			}
			return done, err
		}
	}
	return o.To - o.From, nil
}

// options checks o, sets its rows and gives the pairs of a piece.
func (r ContrastiveHebbian[T]) options(rows int, o *UpdateOptions[T]) (pieces int, err error) {
	const fn = "ContrastiveHebbian"
	if o.To == 0 {
		o.To = rows
	}
	switch {
	case o.Reduction < Sequential || o.Reduction > Mean:
		return 0, badArg(fn, "reduction", fmt.Sprint(int(o.Reduction)), "sequential, sum or mean")
	case o.From < 0 || o.To > rows || o.From > o.To || o.Reduction != Sequential && o.To-o.From != rows:
		return 0, badArg(fn, "rows", fmt.Sprintf("[%d, %d)", o.From, o.To), fmt.Sprintf("a part of [0, %d), or all with sum or mean", rows))
	case o.Block < 0 || o.Block > MaxBlock || o.Block > 0 && (o.Reduction != Sequential || o.Normalize != NoNorm):
		return 0, badArg(fn, "block", fmt.Sprint(o.Block), fmt.Sprintf("1 to %d without sum, mean and normalize, or 0", MaxBlock))
	case o.Block > 1 && o.Compose.unfit() != "":
		return 0, badArg(fn, "block", fmt.Sprint(o.Block), "0 or 1 with "+o.Compose.unfit()+", which acts at every update")
	case o.Block > 0 && (o.From%o.Block != 0 || o.To%o.Block != 0 && o.To != rows):
		return 0, badArg(fn, "rows", fmt.Sprintf("[%d, %d)", o.From, o.To), fmt.Sprintf("whole blocks of %d", o.Block))
	case o.Reduction != Sequential:
		return max(1, rows), nil
	}
	return max(1, o.Block), nil
}

// pairs runs the sequence, one product a pair as piece does, up to the pair that it returns: the end, or where a few begin
// that go by piece, since they are not finite, or so large that W might not stay so. As in sweepGiven, that is seen
// beforehand, and no pair is followed by a look at W.
func (r ContrastiveHebbian[T]) pairs(w kernels.Matrix[T], x, y [2]kernels.Matrix[T], o UpdateOptions[T]) int {
	if o.To-o.From < onlineSamples {
		return o.From
	}
	s := o.Scratch.ready()
	chunk := min(onlineChunk, o.To-o.From)
	g, two := s.matrix(2*chunk, w.Rows), s.matrix(2, w.Cols)
	wide, narrow, rows := s.t.take(2*chunk), s.t.take(2*chunk), s.t.take(w.Rows)
	v := Vectors[T]{scalar: s.t.take(1)}
	for at := o.From; at < o.To; at += chunk {
		n := min(chunk, o.To-at)
		for phase, sign := range [2]T{1, -1} {
			kernels.PowerSums(subRows(x[phase], at, n), math.Inf(1), wide[phase*chunk:][:n], nil)
			kernels.PowerSums(subRows(y[phase], at, n), math.Inf(1), narrow[phase*chunk:][:n], nil)
			for b := range n {
				v.times(g.Row(2*b+phase), sign*T(r.LR), y[phase].Row(at+b))
			}
		}
		most := maximum(w, rows)
		for b := range n {
			for k := b; k < 2*chunk; k += chunk {
				most += r.LR * float64(narrow[k]) * float64(wide[k])
			}
		}
		if !(most < overflow[T]()) {
			return at
		}
		for b := range n {
			copy(two.Row(0), x[0].Row(at+b))
			copy(two.Row(1), x[1].Row(at+b))
			kernels.BatchUpdate(w, subRows(g, 2*b, 2), two, nil, nil)
		}
	}
	return o.To
}

// piece is one update by pairs, as samples whose order is clamped, free, clamped, free.
func (r ContrastiveHebbian[T]) piece(w kernels.Matrix[T], sparse *kernels.CSR[T], x, y [2]kernels.Matrix[T], o UpdateOptions[T]) error {
	if o.Scratch == nil {
		o.Scratch = new(Scratch[T])
	}
	n := x[0].Rows
	pairs := &o.Scratch.pairs
	pairs.reset()
	xs := kernels.MatrixOf(pairs.take(2*n*w.Cols), 2*n, w.Cols)
	ys := kernels.MatrixOf(pairs.take(2*n*w.Rows), 2*n, w.Rows)
	for s := range n {
		for phase := range 2 {
			copy(xs.Row(2*s+phase), x[phase].Row(s))
			copy(ys.Row(2*s+phase), y[phase].Row(s))
		}
		free := ys.Row(2*s + 1)
		for i := range free {
			free[i] = -free[i]
		}
	}
	rule := contrast[T]{Hebb[T]{LR: r.LR}, 1}
	if o.Reduction == Mean {
		rule.factor = 1 / float64(n)
	}
	o = UpdateOptions[T]{Reduction: Sum, Normalize: o.Normalize, Compose: o.Compose, Scratch: o.Scratch}
	var err error
	if sparse != nil {
		_, _, err = UpdateCSR[T](&rule, *sparse, xs, ys, o)
	} else {
		_, _, err = Update[T](&rule, w, xs, ys, o)
	}
	return err
}

// contrast is Hebb whose y counts by a factor: Mean is over pairs, not over their halves.
type contrast[T kernels.Float] struct {
	Hebb[T]
	factor float64
}

func (r *contrast[T]) Name() string { return "ContrastiveHebbian" }

func (r *contrast[T]) Map(v *Vectors[T], x, y []T) { v.times(v.G, T(r.LR*r.factor), y) }
