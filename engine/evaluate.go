package engine

import (
	"fmt"
	"math"

	"github.com/hebbkern/hebbkern/kernels"
)

// Evaluate is loss and accuracy over all rows of x [N, InputUnits] and target [N, OutputUnits]. Errors: *ArgError; NaN
// and Inf are not errors, the loss shows them. s may be nil.
func Evaluate[T kernels.Float](n *Network[T], loss Loss, x, target kernels.Matrix[T], s *Scratch[T]) (stats Stats, err error) {
	for from, next := 0, -1; err == nil && next < x.Rows; from = next {
		next, err = EvaluateBlock(n, loss, x, target, from, &stats, s)
	}
	return stats, err
}

// EvaluateBlock adds the rows of Evaluate from `from` on, up to GradientBlock of them, to stats, and returns where the
// next block begins: for a caller that must stay responsive.
func EvaluateBlock[T kernels.Float](n *Network[T], loss Loss, x, target kernels.Matrix[T], from int, stats *Stats, s *Scratch[T]) (next int, err error) {
	defer guard(&err)
	out, err := checkTask("Evaluate", n, loss, x, target)
	if err != nil {
		return from, err
	}
	s = s.ready()
	rows := min(n.GradientBlock(), x.Rows-from)
	if from < 0 || rows < 0 {
		return from, badArg("Evaluate", "from", fmt.Sprint(from), fmt.Sprintf("0 … %d", x.Rows))
	}
	if rows == 0 {
		return from, nil
	}
	tb := subRows(target, from, rows)
	n.forward(subRows(x, from, rows), &s.act, s)
	delta := s.matrix(rows, target.Cols)
	stats.LossSum += lossAndDelta(loss, &n.Populations[out], s.act.Z[out], s.act.A[out], tb, delta, 1, s)
	stats.Correct += correct(s.act.A[out], tb, s)
	stats.Samples += rows
	return from + rows, nil
}

// Alignment is the cosine of the angle between the update of each projection's weights that t.Feedback makes and the
// one along the gradient, for a batch: 1 is backpropagation itself, above 0 the loss falls. It is 0 where either is 0.
// Errors: as of Gradients.
func (t *Trainer[T]) Alignment(n *Network[T], x, target kernels.Matrix[T]) ([]float64, error) {
	taught, exact := n.zeros(), n.zeros()
	by := Trainer[T]{Loss: t.Loss, Feedback: t.Feedback, Sum: t.Sum}
	if _, err := by.Gradients(n, taught, x, target); err != nil {
		return nil, err
	}
	by.Feedback = nil
	if _, err := by.Gradients(n, exact, x, target); err != nil {
		return nil, err
	}
	cos := make([]float64, len(n.Projections))
	for q := range cos {
		a, b := taught.Projections[q].W, exact.Projections[q].W
		ab, aa, bb := dot(a, b), dot(a, a), dot(b, b)
		if aa > 0 && bb > 0 {
			cos[q] = ab / (math.Sqrt(aa) * math.Sqrt(bb))
		}
	}
	return cos, nil
}

// dot is Σ a_ij b_ij, row by row.
func dot[T kernels.Float](a, b kernels.Matrix[T]) float64 {
	sum := 0.0
	var row [1]T
	for i := range a.Rows {
		kernels.Forward(row[:], rowVector(a.Row(i)), b.Row(i), nil, identity)
		sum += float64(row[0])
	}
	return sum
}
