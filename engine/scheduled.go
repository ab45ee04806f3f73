package engine

import (
	"fmt"

	"github.com/hebbkern/hebbkern/kernels"
)

// UpdateScheduled is Update with a learning rate that changes from sample to sample: rates [B], which rule makes into
// rules. Sample s is learnt with rule(rates[s]), so that a sequence has the bits of single calls. Sum and Mean are one
// update and take the one rate of a batch: Update. Blocks want one rate, too, and are refused. Errors as in Update.
func UpdateScheduled[T kernels.Float](rule func(lr float64) Rule[T], rates []float64, w, x, y kernels.Matrix[T], o UpdateOptions[T]) (kernels.Matrix[T], int, error) {
	const fn = "UpdateScheduled"
	if rule == nil {
		return y, 0, badArg(fn, "rule", "nil", "a function that makes a rule of a rate")
	}
	switch {
	case len(rates) != x.Rows:
		return y, 0, badArg(fn, "rates", fmt.Sprintf("length %d", len(rates)), fmt.Sprintf("a rate for each of the %d samples", x.Rows))
	case o.Reduction != Sequential:
		return y, 0, badArg(fn, "rates", "given", "none with sum or mean, which are one update")
	case o.Block != 0:
		return y, 0, badArg(fn, "block", fmt.Sprint(o.Block), "0 with a rate by sample")
	}
	from, to := o.From, o.To
	if to == 0 {
		to = len(rates)
	}
	if from < 0 || to > len(rates) || from > to {
		return y, 0, badArg(fn, "rows", fmt.Sprintf("[%d, %d)", from, to), fmt.Sprintf("a part of [0, %d)", len(rates)))
	}
	for _, r := range rates {
		if err := checkRate[T](fn, "rates", r); err != nil {
			return y, 0, err
		}
	}
	if from == to {
		return y, 0, nil
	}
	if y.Data == nil {
		y, o.Compute = kernels.NewMatrix[T](x.Rows, w.Rows), true
	}
	done := 0
	for s := from; s < to; {
		end := s + 1
		for end < to && rates[end] == rates[s] {
			end++
		}
		o.From, o.To = s, end
		_, k, err := Update(rule(rates[s]), w, x, y, o)
		if done += k; err != nil {
			return y, done, err
		}
		s = end
	}
	return y, done, nil
}
