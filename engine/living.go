package engine

import (
	"fmt"
	"slices"

	"github.com/hebbkern/hebbkern/kernels"
)

// Death is what becomes of a unit that has no stamina left.
type Death int

const (
	// DeathCompacts removes it: the arrays around it shrink, as by KeepUnits.
	DeathCompacts Death = iota
	// DeathMasks silences it where it stands, as MaskUnits does.
	DeathMasks
	// DeathRebirth starts it anew, as RebirthUnits does; not for inputs.
	DeathRebirth
)

// Life is the stamina of one population in Living: what it counts, who dies by it, and how.
type Life[T kernels.Float] struct {
	Stamina[T]
	Mortality
	How   Death
	Alive []bool // [units], false for those that were masked
	RNG   RNG    // of fresh weights
	// Grow units are born in each step, until the population has Maximum of them; not for inputs.
	Grow, Maximum int
}

// NewLife is that of a population of so many units, all alive, with zero-sum penalty of strength 1 and the threshold 0.
func NewLife[T kernels.Float](units int, seed uint64) *Life[T] {
	l := &Life[T]{Stamina: Stamina[T]{Value: make([]T, units), Penalty: Penalty{ZeroSumPenalty, 1}}, RNG: NewRNG(seed, 0), Alive: make([]bool, units)}
	for i := range l.Alive {
		l.Alive[i] = true
	}
	return l
}

// Living is stamina in Fit (mathematics page, section 7): units that are not used die as training goes. A step observes
// the activities, without dropout, at the last samples that were learned, in all populations; then it finds who dies in
// all of them; then they die, from the lowest population up. What belongs to the units goes along: the moments of
// Optimizer, the fixed weights and the previous activities of Feedback, the averages of Gain. A change of units starts
// FitOptions.Best anew.
//
// All of the state is in Lives and Inputs.
type Living[T kernels.Float] struct {
	Lives []*Life[T] // of each population; nil: its units stay. None for an output
	Every int        // a step after every n-th epoch, n ≥ 1
	Steps int        // or, above 0, after every n-th update of an epoch
	// Samples ≥ 1 is the number of samples that a step observes, those of the epoch so far if there are fewer.
	Samples int
	// Inputs is the index map of the inputs: for each column of the samples the input that reads it, −1 for those whose
	// input is gone; nil: every column has its own. Fit makes it when the first one goes; the samples stay as they are.
	Inputs []int
}

// NewLiving gives each hidden population of a network a NewLife, the k-th population of the seed plus k; a step after
// each epoch observes 1024 samples.
func NewLiving[T kernels.Float](n *Network[T], seed uint64) *Living[T] {
	l := &Living[T]{Lives: make([]*Life[T], len(n.Populations)), Every: 1, Samples: 1024}
	for k := range n.Populations {
		if n.Populations[k].hidden() {
			l.Lives[k] = NewLife[T](n.Populations[k].Units, seed+uint64(k))
		}
	}
	return l
}

// Select is x as the inputs of the network read it: the columns of those that are left, at 0 for those that are masked;
// x itself if all are alive. Errors: *ArgError.
func (l *Living[T]) Select(n *Network[T], x kernels.Matrix[T]) (kernels.Matrix[T], error) {
	if l == nil {
		return x, nil
	}
	if l.Inputs != nil {
		if err := checkMatrix("Living", "x", x, -1, len(l.Inputs)); err != nil {
			return x, err
		}
		read := make([]int, 0, len(l.Inputs))
		for c, i := range l.Inputs {
			if i >= 0 {
				read = append(read, c)
			}
		}
		x = pick(x, nil, read)
	}
	silent := make([]int, 0, x.Cols)
	at := 0
	for k := range n.Populations {
		if !n.Populations[k].Input {
			continue
		}
		if life := l.Lives[k]; life != nil {
			for i, alive := range life.Alive {
				if !alive {
					silent = append(silent, at+i)
				}
			}
		}
		at += n.Populations[k].Units
	}
	if len(silent) > 0 {
		if err := checkMatrix("Living", "x", x, -1, at); err != nil {
			return x, err
		}
		if l.Inputs == nil {
			x = pick(x, nil, nil)
		}
		for b := range x.Rows {
			for _, i := range silent {
				x.Row(b)[i] = 0
			}
		}
	}
	return x, nil
}

func (l *Living[T]) check(fn string, n *Network[T]) error {
	if l == nil {
		return nil
	}
	if err := checkLen(fn, "stamina", l.Lives, len(n.Populations)); err != nil {
		return err
	}
	switch {
	case l.Samples < 1:
		return badArg(fn, "stamina samples", fmt.Sprint(l.Samples), "1 or more")
	case l.Steps < 0 || l.Steps == 0 && l.Every < 1:
		return badArg(fn, "stamina steps", fmt.Sprintf("%d, and every %d", l.Steps, l.Every), "steps after updates or every n-th epoch")
	}
	some := false
	for k, life := range l.Lives {
		if life == nil {
			continue
		}
		some = true
		if err := life.check(fn, n, k); err != nil {
			return indexed(err, "stamina of population %d", k)
		}
	}
	if !some && l.Inputs == nil {
		return badArg(fn, "stamina", "of no population", "at least one")
	}
	next := 0
	for _, i := range l.Inputs {
		if i == next {
			next++
		} else if i != -1 {
			return badArg(fn, "inputs", fmt.Sprint(l.Inputs), "the numbers of the inputs in their order, -1 between them")
		}
	}
	if l.Inputs != nil && next != n.InputUnits() {
		return badArg(fn, "inputs", fmt.Sprintf("a map to %d", next), fmt.Sprintf("one to %d inputs", n.InputUnits()))
	}
	return nil
}

func (life *Life[T]) check(fn string, n *Network[T], k int) error {
	p := &n.Populations[k]
	if err := life.Stamina.check(fn); err != nil {
		return err
	}
	if err := life.Mortality.check(fn); err != nil {
		return err
	}
	if err := checkLen(fn, "", life.Value, p.Units); err != nil {
		return err
	}
	if err := checkLen(fn, "", life.Alive, p.Units); err != nil {
		return err
	}
	switch {
	case p.Output:
		return badArg(fn, "", "an output", "nil, or the population of an input or hidden")
	case life.How < DeathCompacts || life.How > DeathRebirth:
		return badArg(fn, "", fmt.Sprintf("death %d", int(life.How)), "DeathCompacts, DeathMasks or DeathRebirth")
	case p.Input && (life.How == DeathRebirth || life.Grow != 0):
		return badArg(fn, "", "of inputs, to be born", "DeathCompacts or DeathMasks, without growth: inputs cannot be born")
	case life.Grow < 0 || life.Grow > 0 && life.Maximum < 1:
		return badArg(fn, "", fmt.Sprintf("of growth by %d to %d", life.Grow, life.Maximum), "0, or a number with a maximum")
	case (life.Grow > 0 || life.How == DeathRebirth) && life.RNG == RNG{}:
		return badArg(fn, "", "without a generator", "NewRNG, for fresh weights")
	case p.hidden() && life.How == DeathMasks:
		at := [1]T{}
		kernels.Activate(at[:], at[:], p.Activation)
		if at[0] != 0 {
			return badArg(fn, "", fmt.Sprintf("by mask with the activation %v, which is not 0 at 0: training would move those that are masked", p.Activation.Kind),
				"DeathCompacts")
		}
	}
	if err := n.checkData(fn, "", rowVector(life.Value)); err != nil {
		return err
	}
	return nil
}

// observe updates the stamina by the activities x [B, units]; masked units take no part, as if they were gone. x must not
// be scratch of s.
func (life *Life[T]) observe(x kernels.Matrix[T], s *Scratch[T]) error {
	if !slices.Contains(life.Alive, false) {
		return life.Update(x, s)
	}
	living := living(life.Alive)
	part := life.Stamina
	part.Value = pick(rowVector(life.Value), nil, living).Data
	if part.Prior != nil {
		part.Prior = pick(rowVector(life.Prior), nil, living).Data
	}
	if err := part.Update(pick(x, nil, living), s); err != nil {
		return err
	}
	for j, i := range living {
		life.Value[i] = part.Value[j]
	}
	life.Updates = part.Updates
	return nil
}

// living are the units that are alive.
func living(alive []bool) []int {
	list := make([]int, 0, len(alive))
	for i, a := range alive {
		if a {
			list = append(list, i)
		}
	}
	return list
}

// count is the number of units of population k that are alive.
func (l *Living[T]) count(n *Network[T], k int) int {
	if life := l.Lives[k]; life != nil {
		return len(living(life.Alive))
	}
	return n.Populations[k].Units
}
