package engine

import (
	"fmt"

	"github.com/hebbkern/hebbkern/kernels"
)

// Dropout silences units at random during training (Srivastava et al. 2014): with probability r a unit's activity is 0
// for a sample, else it is divided by 1 − r, so that its expectation stays. Nothing is changed at prediction.
//
// The units that are silent are a function of Seed, the number of updates so far and the place in the minibatch: a run
// that is resumed draws what it would have drawn.
type Dropout struct {
	Rate []float64 // r of each population, 0 ≤ r < 1; 0 for outputs
	Seed uint64
}

func checkDropout[T kernels.Float](d *Dropout, fn string, n *Network[T]) error {
	if d == nil {
		return nil
	}
	if len(d.Rate) != len(n.Populations) {
		return badArg(fn, "dropout", fmt.Sprintf("a list of %d", len(d.Rate)), fmt.Sprintf("one for each population: %d", len(n.Populations)))
	}
	for k, r := range d.Rate {
		if !(r >= 0 && r < 1) || r > 0 && n.Populations[k].Output {
			return badArg(fn, "dropout", fmt.Sprintf("%v for population %d", r, k), "0 to 1, below 1, and 0 for an output")
		}
	}
	return nil
}

// Streams of a network's seed: 0 is NewLayered's, epoch + 1 the order of an epoch.
const (
	feedbackStream = 1 << 62
	dropoutStream  = 1 << 63
)

// rng is the generator of block `block` of the minibatch after `updates` updates.
func (d *Dropout) rng(updates int64, block int) RNG {
	return NewRNG(d.Seed, dropoutStream|uint64(updates)<<16|uint64(block)&0xffff)
}

// silence returns a with some of its elements at 0 and keeps the factors of the elements for the way back.
func silence[T kernels.Float](a kernels.Matrix[T], rate float64, r *RNG, mask *kernels.Matrix[T], s *Scratch[T]) kernels.Matrix[T] {
	*mask = s.matrix(a.Rows, a.Cols)
	factor := T(1 / (1 - rate))
	for i := range mask.Data {
		mask.Data[i] = 0
		if r.Float64() >= rate {
			mask.Data[i] = factor
		}
	}
	out := s.matrix(a.Rows, a.Cols)
	for b := range a.Rows {
		copy(out.Row(b), a.Row(b))
	}
	kernels.Scale(rowVector(out.Data), nil, mask.Data)
	return out
}
