package engine

import (
	"fmt"

	"github.com/hebbkern/hebbkern/kernels"
)

// Feedback, stamina and early stopping in the file of a network: savedTraining says how.

func (s *NetworkState[T]) saveFeedback(fn string, o *savedTraining) (tensors []Tensor, err error) {
	f, n := s.Feedback, s.Network
	if err := f.check(fn, n, s.Loss); err != nil || f == nil || f.Kind == BP && f.Gate == GateDerivative {
		return nil, err
	}
	o.Feedback, o.Gate = feedbackNames[f.Kind], gateNames[f.Gate]
	if f.Kind == FAEx {
		share := pyNumber(f.Options.Excitatory)
		o.Excitatory = &share
	}
	if f.B != nil && f.Options.Beta > 0 {
		beta := pyNumber(f.Options.Beta)
		o.Beta = &beta
	}
	for _, b := range f.B {
		if b.Rows > 0 {
			tensors = append(tensors, Tensor{fmt.Sprintf("feedback_weights.%d", len(tensors)), []int{b.Rows, b.Cols}, contiguous(b)})
		}
	}
	if len(tensors) > 0 && f.RNG != (RNG{}) {
		o.Drawn = &savedArray{"feedback_rng"}
		tensors = append(tensors, Tensor{o.Drawn.Array, []int{4}, f.RNG[:]})
	}
	if f.Gate == GateDifferential {
		o.Started, o.Previous = f.Started, &pyList[savedArray]{List: []savedArray{}}
		for k, p := range f.Previous {
			if n.Populations[k].hidden() {
				t := Tensor{fmt.Sprintf("previous.%d", len(o.Previous.List)), []int{len(p)}, p}
				o.Previous.List, tensors = append(o.Previous.List, savedArray{t.Name}), append(tensors, t)
			}
		}
	}
	return tensors, nil
}

func (s *NetworkState[T]) loadFeedback(o *savedTraining, rest map[string]*Tensor) error {
	kind, gate := 0, 0
	var err error
	if o.Feedback != "" {
		if kind, err = fromName(feedbackNames, o.Feedback, "feedback"); err != nil {
			return err
		}
	}
	if o.Gate != "" {
		if gate, err = fromName(gateNames, o.Gate, "gate"); err != nil {
			return err
		}
	}
	if FeedbackKind(kind) == BP && Gate(gate) == GateDerivative {
		return nil
	}
	var options FeedbackOptions
	if o.Beta != nil {
		options.Beta = float64(*o.Beta)
	}
	if o.Excitatory != nil && FeedbackKind(kind) == FAEx {
		options.Excitatory = float64(*o.Excitatory)
	}
	f, err := NewFeedback(s.Network, FeedbackKind(kind), Gate(gate), s.Seed, options)
	if err != nil {
		return err
	}
	next := 0
	for i, b := range f.B {
		if b.Rows > 0 {
			data, err := takeTensor[T](rest, fmt.Sprintf("feedback_weights.%d", next), b.Rows, b.Cols)
			if err != nil {
				return err
			}
			f.B[i] = kernels.MatrixOf(data, b.Rows, b.Cols)
			next++
		}
	}
	if o.Drawn != nil {
		words, err := takeTensor[uint64](rest, o.Drawn.Array, 4)
		if err != nil {
			return err
		}
		f.RNG = RNG(words)
	}
	if f.Gate == GateDifferential {
		f.Started = o.Started
		next = 0
		for k, p := range f.Previous {
			if p == nil {
				continue
			}
			if o.Previous == nil || next >= len(o.Previous.List) {
				return fmt.Errorf("has no previous activity of population %d", k)
			}
			if f.Previous[k], err = takeTensor[T](rest, o.Previous.List[next].Array, len(p)); err != nil {
				return err
			}
			next++
		}
	}
	s.Feedback = f
	return f.check("LoadNetwork", s.Network, s.Loss)
}

func (s *NetworkState[T]) saveLiving(fn string, o *savedTraining) (tensors []Tensor, err error) {
	l, n := s.Living, s.Network
	if err := l.check(fn, n); err != nil || l == nil {
		return nil, err
	}
	_, _, layers := n.layers()
	list := &pyList[*pyObject[savedStamina]]{List: []*pyObject[savedStamina]{}}
	some := false
	for k, life := range l.Lives {
		p := &n.Populations[k]
		switch {
		case layers && p.Input && life != nil:
			o.InputStamina = life.saved("input_stamina", &tensors)
		case !layers || p.hidden():
			var one *pyObject[savedStamina]
			if life != nil {
				some = true
				one = life.saved(fmt.Sprintf("%s.%d", map[bool]string{true: "stamina", false: "lives"}[layers], len(list.List)), &tensors)
			}
			list.List = append(list.List, one)
		}
	}
	if layers && (some || o.InputStamina != nil) {
		o.Stamina = list
	} else if some {
		o.Lives = list
	}
	if l.Inputs != nil {
		o.Inputs = &savedArray{"inputs"}
		at := make([]int64, len(l.Inputs))
		for c, i := range l.Inputs {
			at[c] = int64(i)
		}
		tensors = append(tensors, Tensor{o.Inputs.Array, []int{len(at)}, at})
	}
	return tensors, nil
}

// saved describes a stamina, with name before those of its tensors.
func (life *Life[T]) saved(name string, tensors *[]Tensor) *pyObject[savedStamina] {
	o := savedStamina{Mode: penaltyNames[life.Penalty.Mode], By: "threshold", Strength: pyNumber(life.Penalty.Strength), Threshold: pyNumber(life.Threshold),
		Share: pyNumber(life.Share), Warmup: life.Warmup, Minimum: life.Minimum, Updates: life.Stamina.Updates,
		RNG: savedArray{name + ".rng"}, Value: savedArray{name + ".value"}, Alive: savedArray{name + ".alive"}}
	if life.ByShare {
		o.By = "share"
	}
	if life.Alpha != 0 {
		alpha := pyNumber(life.Alpha)
		o.Alpha = &alpha
	}
	*tensors = append(*tensors, Tensor{o.RNG.Array, []int{4}, life.RNG[:]}, Tensor{o.Value.Array, []int{len(life.Value)}, life.Value},
		Tensor{o.Alive.Array, []int{len(life.Alive)}, life.Alive})
	if life.Prior != nil {
		o.Prior = &savedArray{name + ".prior"}
		*tensors = append(*tensors, Tensor{o.Prior.Array, []int{len(life.Prior)}, life.Prior})
	}
	return &pyObject[savedStamina]{staminaClass, o}
}

func (s *NetworkState[T]) loadLiving(o *savedTraining, rest map[string]*Tensor) (err error) {
	if o.Stamina == nil && o.InputStamina == nil && o.Lives == nil && o.Inputs == nil {
		return nil
	}
	n := s.Network
	l := NewLiving(n, s.Seed)
	clear(l.Lives)
	var from []*pyObject[savedStamina]
	if o.Stamina != nil {
		from = o.Stamina.List
	}
	if o.Lives != nil {
		from = o.Lives.List
	}
	next := 0
	for k := range n.Populations {
		var one *pyObject[savedStamina]
		switch p := &n.Populations[k]; {
		case o.Lives == nil && p.Input:
			one = o.InputStamina
		case o.Lives != nil || p.hidden() && from != nil:
			if next >= len(from) {
				return fmt.Errorf("has no stamina of population %d", k)
			}
			one = from[next]
			next++
		}
		if one != nil {
			if l.Lives[k], err = lifeFrom[T](one, n.Populations[k].Units, rest); err != nil {
				return err
			}
		}
	}
	if o.Inputs != nil {
		t := rest[o.Inputs.Array]
		if t == nil || len(t.Shape) != 1 {
			return fmt.Errorf("has no map %q of the inputs", o.Inputs.Array)
		}
		at, err := takeTensor[int64](rest, t.Name, t.Shape[0])
		if err != nil {
			return err
		}
		for _, i := range at {
			l.Inputs = append(l.Inputs, int(i))
		}
	}
	s.Living = l
	return l.check("LoadNetwork", n)
}

func lifeFrom[T kernels.Float](saved *pyObject[savedStamina], units int, rest map[string]*Tensor) (*Life[T], error) {
	o := &saved.Options
	if saved.Class != staminaClass || o.By != "threshold" && o.By != "share" {
		return nil, fmt.Errorf("has a stamina of the class %q by %q", saved.Class, o.By)
	}
	mode, err := fromName(penaltyNames, o.Mode, "penalty")
	if err != nil {
		return nil, err
	}
	life := &Life[T]{Stamina: Stamina[T]{Updates: o.Updates, Penalty: Penalty{PenaltyMode(mode), float64(o.Strength)}},
		Mortality: Mortality{ByShare: o.By == "share", Threshold: float64(o.Threshold), Share: float64(o.Share), Minimum: o.Minimum, Warmup: o.Warmup}}
	if o.Alpha != nil {
		life.Alpha = float64(*o.Alpha)
	}
	if life.Value, err = takeTensor[T](rest, o.Value.Array, units); err != nil {
		return nil, err
	}
	if life.Alive, err = takeTensor[bool](rest, o.Alive.Array, units); err != nil {
		return nil, err
	}
	words, err := takeTensor[uint64](rest, o.RNG.Array, 4)
	if err != nil {
		return nil, err
	}
	life.RNG = RNG(words)
	if o.Prior != nil {
		life.Prior, err = takeTensor[T](rest, o.Prior.Array, units)
	}
	return life, err
}

func (s *NetworkState[T]) saveBest(fn string, o *savedTraining) ([]Tensor, error) {
	if s.Best == nil || s.Best.Parameters == nil {
		return nil, nil
	}
	if err := checkLen(fn, "best", s.Best.Parameters, s.Network.Parameters()); err != nil {
		return nil, err
	}
	twin := s.Network.zeros()
	if err := twin.Restore(s.Best.Parameters); err != nil {
		return nil, err
	}
	w, b, tensors := twin.tensorsOf("best.weights", "best.biases")
	o.Best = &pyObject[savedBest]{bestClass, savedBest{pyNumber(s.Best.Loss), s.Best.Epoch, w, b}}
	return tensors, nil
}

func (s *NetworkState[T]) loadBest(o *savedTraining, rest map[string]*Tensor) error {
	if o.Best == nil {
		return nil
	}
	b := &o.Best.Options
	if o.Best.Class != bestClass {
		return fmt.Errorf("has a best of the class %q", o.Best.Class)
	}
	twin, err := s.Network.takeTwin(b.Weights, b.Biases, rest)
	if err != nil {
		return err
	}
	s.Best = &Best[T]{Loss: float64(b.Loss), Epoch: b.Epoch}
	s.Best.Parameters, err = twin.Snapshot(nil)
	return err
}
