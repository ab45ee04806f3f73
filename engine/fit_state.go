package engine

import (
	"errors"

	"github.com/hebbkern/hebbkern/kernels"
)

// fitState is what Fit goes back to.
type fitState[T kernels.Float] struct {
	good     []T // parameters after the last good epoch
	beside   []T // gains, moments and previous activities, likewise
	updates  int64
	started  bool
	standing standing[T]
}

// save keeps a copy of the parameters and of all that the training changes beside them.
func (f *fit[T]) save() (err error) {
	if len(f.good) != f.n.Parameters() {
		f.good = nil
	}
	if f.good, err = f.n.Snapshot(f.good); err != nil {
		return err
	}
	f.stand()
	f.beside = f.beside[:0]
	f.eachBeside(func(live []T) { f.beside = append(f.beside, live...) })
	if f.o.Updates != nil {
		f.updates = *f.o.Updates
	}
	if f.o.Feedback != nil {
		f.started = f.o.Feedback.Started
	}
	return nil
}

// eachBeside visits gains, moments and previous activities, and what stamina changes.
func (f *fit[T]) eachBeside(visit func(live []T)) {
	if f.o.Gain != nil {
		for _, s := range f.o.Gain.Sigma {
			visit(s)
		}
	}
	if o := f.o.Optimizer; o != nil && o.Kind != SGD {
		for _, of := range []*Network[T]{o.First, o.Second} {
			if of == nil {
				continue
			}
			for q := range of.Projections {
				eachVector(func(v [4][]T) { visit(v[0]) }, of.Projections[q].W)
			}
			for k := range of.Populations {
				visit(of.Populations[k].Bias)
			}
		}
	}
	if f.o.Feedback != nil {
		for _, p := range f.o.Feedback.Previous {
			visit(p)
		}
	}
	if f.o.Living == nil {
		return
	}
	for _, life := range f.o.Living.Lives {
		if life != nil {
			visit(life.Value)
		}
	}
	if f.o.Feedback != nil {
		for _, b := range f.o.Feedback.B {
			for i := range b.Rows {
				visit(b.Row(i))
			}
		}
	}
}

// rollBack restores the last good copy and turns the error into one that names the epoch. The last update of an
// epoch shows only afterwards, as weights that are not finite.
func (f *fit[T]) rollBack(err error, epoch int) error {
	f.standBack()
	if e := f.n.Restore(f.good); e != nil {
		return e
	}
	rest := f.beside
	f.eachBeside(func(live []T) {
		copy(live, rest)
		rest = rest[len(live):]
	})
	if f.o.Updates != nil {
		*f.o.Updates = f.updates
	}
	if f.o.Feedback != nil {
		f.o.Feedback.Started = f.started
	}
	var div *DivergenceError
	var bad *NonFiniteError
	var extinct *ExtinctionError
	switch {
	case errors.As(err, &extinct):
		extinct.Func, extinct.Epoch = "Fit", epoch
	case errors.As(err, &div):
		div.Func, div.Epoch = "Fit", epoch
	case errors.As(err, &bad):
		return &DivergenceError{Func: "Fit", What: "the " + bad.Array, Sample: -1, Epoch: epoch, Layer: bad.Layer}
	}
	return err
}

// standing is where the arrays stand that units take along when they change, and the numbers beside them.
type standing[T kernels.Float] struct {
	nets     []*Network[T]
	were     []Network[T]
	sigma    [][]T
	b        []kernels.Matrix[T]
	previous [][]T
	drawn    RNG
	lives    []Life[T]
	inputs   []int
	best     Best[T]
}

// stand keeps it for rollBack.
func (f *fit[T]) stand() {
	l, st := f.o.Living, &f.standing
	if l == nil {
		return
	}
	*st = standing[T]{nets: append(f.twins(), f.n), inputs: l.Inputs}
	for _, n := range st.nets {
		st.were = append(st.were, Network[T]{append([]Population[T](nil), n.Populations...), append([]Projection[T](nil), n.Projections...)})
	}
	if f.o.Gain != nil {
		st.sigma = append(st.sigma, f.o.Gain.Sigma...)
	}
	if fb := f.o.Feedback; fb != nil {
		st.b, st.previous, st.drawn = append(st.b, fb.B...), append(st.previous, fb.Previous...), fb.RNG
	}
	for _, life := range l.Lives {
		var was Life[T]
		if life != nil {
			was = *life
			was.Alive = append([]bool(nil), life.Alive...)
		}
		st.lives = append(st.lives, was)
	}
	if f.o.Best != nil {
		st.best = *f.o.Best
	}
}

// standBack puts the arrays back where they stood; what was in them is not looked at.
func (f *fit[T]) standBack() {
	l, st := f.o.Living, &f.standing
	if l == nil {
		return
	}
	for i, n := range st.nets {
		copy(n.Populations, st.were[i].Populations)
		copy(n.Projections, st.were[i].Projections)
	}
	if f.o.Gain != nil {
		copy(f.o.Gain.Sigma, st.sigma)
	}
	if fb := f.o.Feedback; fb != nil {
		copy(fb.B, st.b)
		copy(fb.Previous, st.previous)
		fb.RNG = st.drawn
	}
	for k, life := range l.Lives {
		if life != nil {
			*life = st.lives[k]
		}
	}
	l.Inputs = st.inputs
	if f.o.Best != nil {
		*f.o.Best = st.best
	}
}
