package engine

import "errors"

// The steps of stamina in Fit.

// look takes the samples as the inputs read them now.
func (f *fit[T]) look() (err error) {
	if f.x, err = f.o.Living.Select(f.n, f.given); err == nil && f.o.ValidX.Rows > 0 {
		f.validX, err = f.o.Living.Select(f.n, f.o.ValidX)
	}
	return err
}

// live makes the step that is due after `made` of the epoch's updates, which have learned f.index[:at].
func (f *fit[T]) live(made, at, epoch int) error {
	l := f.o.Living
	if l == nil {
		return nil
	}
	due := at == len(f.index) && (epoch+1)%max(l.Every, 1) == 0
	if l.Steps > 0 {
		due = made%l.Steps == 0
	}
	if !due {
		return nil
	}
	return f.liveOn(f.index[max(0, at-l.Samples):at])
}

func (f *fit[T]) liveOn(samples []int) error {
	x := pick(f.x, samples, nil)
	s := f.o.Scratch.ready()
	f.n.forward(x, &s.act, s)
	for k, life := range f.o.Living.Lives {
		if life != nil {
			if err := life.observe(s.act.A[k], &f.scratch); err != nil {
				return err
			}
		}
	}
	dead := make([][]int, len(f.n.Populations))
	for k, life := range f.o.Living.Lives {
		if life != nil {
			var err error
			if dead[k], err = life.Deaths(life.Mortality, life.Alive); err != nil {
				var extinct *ExtinctionError
				if errors.As(err, &extinct) {
					extinct.Population = k
				}
				return err
			}
		}
	}
	for k, life := range f.o.Living.Lives {
		if life != nil {
			if err := f.change(k, life, dead[k]); err != nil {
				return err
			}
		}
	}
	return nil
}

// twins are the networks that the units of the trained one have, too.
func (f *fit[T]) twins() (twins []*Network[T]) {
	if f.o.Grad != nil {
		twins = append(twins, f.o.Grad)
	}
	if o := f.o.Optimizer; o != nil && o.Kind != SGD {
		twins = append(twins, o.First)
		if o.Kind == AdamOptimizer {
			twins = append(twins, o.Second)
		}
	}
	return twins
}

// change lets units of population k die, and new ones be born.
func (f *fit[T]) change(k int, life *Life[T], dead []int) (err error) {
	units := f.n.Populations[k].Units
	if life.How == DeathCompacts {
		units -= len(dead)
	}
	more := 0
	if life.Grow > 0 {
		more = min(life.Grow, life.Maximum-units)
	}
	if len(dead) == 0 && more <= 0 {
		return nil
	}
	if len(dead) > 0 {
		switch life.How {
		case DeathCompacts:
			err = f.compact(k, life, dead)
		case DeathMasks:
			err = f.mask(k, life, dead)
		case DeathRebirth:
			err = f.rebirth(k, life, dead)
		}
	}
	if err == nil && more > 0 {
		err = f.grow(k, life, more)
	}
	if f.o.Best != nil {
		*f.o.Best = Best[T]{} // of other units
	}
	if err == nil && f.n.Populations[k].Input {
		err = f.look()
	}
	return err
}

// compact removes units, and those that were masked before.
func (f *fit[T]) compact(k int, life *Life[T], dead []int) error {
	for _, i := range dead {
		life.Alive[i] = false
	}
	kept := living(life.Alive)
	index, err := f.n.KeepUnits(k, kept, f.twins()...)
	if err != nil {
		return err
	}
	if f.n.Populations[k].Input {
		f.o.Living.removeInputs(f.n, k, index, f.given.Cols)
	}
	life.Value = pick(rowVector(life.Value), nil, kept).Data
	if life.Prior != nil {
		life.Prior = pick(rowVector(life.Prior), nil, kept).Data
	}
	life.Alive = make([]bool, len(kept))
	for i := range life.Alive {
		life.Alive[i] = true
	}
	f.o.Feedback.keepUnits(f.n, k, kept)
	f.eachOfUnits(k, func(v *[]T) { *v = pick(rowVector(*v), nil, kept).Data })
	return nil
}

func (f *fit[T]) mask(k int, life *Life[T], dead []int) error {
	if err := f.n.MaskUnits(k, dead, f.twins()...); err != nil {
		return err
	}
	for _, i := range dead {
		life.Alive[i] = false
	}
	f.o.Feedback.silenceUnits(f.n, k, dead)
	return nil
}

func (f *fit[T]) rebirth(k int, life *Life[T], dead []int) error {
	if err := f.n.RebirthUnits(k, dead, &life.RNG, f.twins()...); err != nil {
		return err
	}
	clearAt := func(v []T) {
		for _, i := range dead {
			v[i] = 0
		}
	}
	f.deafen(k, dead)
	clearAt(life.Value)
	f.eachOfUnits(k, func(v *[]T) { clearAt(*v) })
	if fb := f.o.Feedback; fb != nil && k < len(fb.Previous) && fb.Previous[k] != nil {
		clearAt(fb.Previous[k])
	}
	return nil
}

func (f *fit[T]) grow(k int, life *Life[T], more int) error {
	if err := f.n.GrowUnits(k, more, &life.RNG, f.twins()...); err != nil {
		return err
	}
	born := make([]int, more)
	for i := range born {
		born[i] = len(life.Value) + i
	}
	f.deafen(k, born)
	f.o.Feedback.growUnits(f.n, k, more)
	life.Value = append(life.Value[:len(life.Value):len(life.Value)], make([]T, more)...)
	for range more {
		life.Alive = append(life.Alive, true)
		if life.Prior != nil {
			life.Prior = append(life.Prior[:len(life.Prior):len(life.Prior)], 0.5)
		}
	}
	f.eachOfUnits(k, func(v *[]T) { *v = append((*v)[:len(*v):len(*v)], make([]T, more)...) })
	return nil
}

// deafen clears the fresh weights of newborn units from units that are masked.
func (f *fit[T]) deafen(k int, born []int) {
	for q := range f.n.Projections {
		e := &f.n.Projections[q]
		from := f.o.Living.Lives[e.From]
		if e.To != k || from == nil {
			continue
		}
		for i, alive := range from.Alive {
			for _, unit := range born {
				if !alive {
					e.W.Row(unit)[i] = 0
				}
			}
		}
	}
}

// eachOfUnits visits the vectors over the units of population k that follow them.
func (f *fit[T]) eachOfUnits(k int, visit func(v *[]T)) {
	if f.o.Gain != nil {
		visit(&f.o.Gain.Sigma[k])
	}
}

// removeInputs follows the index map of input population k, which has become smaller, in the map of all inputs.
func (l *Living[T]) removeInputs(n *Network[T], k int, index []int, columns int) {
	first := 0
	for j := range k {
		if n.Populations[j].Input {
			first += n.Populations[j].Units
		}
	}
	gone := len(index) - n.Populations[k].Units
	old := l.Inputs
	l.Inputs = make([]int, columns)
	for c := range l.Inputs {
		i := c
		if old != nil {
			i = old[c]
		}
		switch {
		case i < first:
		case i < first+len(index):
			if i = index[i-first]; i >= 0 {
				i += first
			}
		default:
			i -= gone
		}
		l.Inputs[c] = i
	}
}
