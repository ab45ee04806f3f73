package engine

import (
	"fmt"
	"slices"

	"github.com/hebbkern/hebbkern/kernels"
)

// savedTraining are the options of a network's file that belong to Trainer, Living and Best. An array stands in them as
// {"array": NAME}, NAME being the path to it; of a list that is one for each parameter or unit the order is that of
//
//	moments.KIND_weights.q    projection q,
//	moments.KIND_biases.i     populations with a bias,
//	feedback_weights.i        the matrices of Feedback.B that are not empty (not in the options),
//	previous.i, stamina.i     hidden populations; input_stamina is of the one input population,
//
// and lives.k, of networks that are none of layers, has the stamina of population k.
type savedTraining struct {
	Position     int                              `json:"position,omitempty"`
	Optimizer    *savedOptimizer                  `json:"optimizer,omitempty"`
	Moments      map[string]pyList[savedArray]    `json:"moments,omitempty"`
	Feedback     string                           `json:"feedback,omitempty"`
	Gate         string                           `json:"gate,omitempty"`
	Excitatory   *pyNumber                        `json:"excitatory,omitempty"`
	Beta         *pyNumber                        `json:"beta,omitempty"`
	Drawn        *savedArray                      `json:"feedback_rng,omitempty"`
	Started      bool                             `json:"started,omitempty"`
	Previous     *pyList[savedArray]              `json:"previous,omitempty"`
	Decay        *[2]pyNumber                     `json:"weight_decay,omitempty"`
	Dropout      *pyList[pyNumber]                `json:"dropout,omitempty"`
	Stamina      *pyList[*pyObject[savedStamina]] `json:"stamina,omitempty"`
	InputStamina *pyObject[savedStamina]          `json:"input_stamina,omitempty"`
	Lives        *pyList[*pyObject[savedStamina]] `json:"lives,omitempty"`
	Inputs       *savedArray                      `json:"inputs,omitempty"`
	Best         *pyObject[savedBest]             `json:"best,omitempty"`
}

// pyNumber is a float as Python has it.
type pyNumber float64

func (v pyNumber) MarshalJSON() ([]byte, error) { return pyFloat(float64(v)), nil }

func (v *pyNumber) UnmarshalJSON(text []byte) error {
	f, err := fromPyFloat(text)
	*v = pyNumber(f)
	return err
}

type savedArray struct {
	Array string `json:"array"`
}

type pyList[E any] struct {
	List []E `json:"list"`
}

type pyObject[E any] struct {
	Class   string `json:"class"`
	Options E      `json:"options"`
}

type savedOptimizer struct {
	Name     string    `json:"name"`
	Momentum *pyNumber `json:"momentum,omitempty"`
	Beta1    *pyNumber `json:"beta1,omitempty"`
	Beta2    *pyNumber `json:"beta2,omitempty"`
	Eps      *pyNumber `json:"eps,omitempty"`
}

type savedStamina struct {
	Mode      string      `json:"mode"`
	By        string      `json:"by"`
	Strength  pyNumber    `json:"strength"`
	Alpha     *pyNumber   `json:"alpha"`
	Threshold pyNumber    `json:"threshold"`
	Share     pyNumber    `json:"share"`
	Warmup    int         `json:"warmup"`
	Minimum   int         `json:"minimum"`
	RNG       savedArray  `json:"rng"`
	Value     savedArray  `json:"value"`
	Alive     savedArray  `json:"alive"`
	Updates   int         `json:"updates"`
	Prior     *savedArray `json:"prior"`
}

type savedBest struct {
	Loss    pyNumber           `json:"loss"`
	Epoch   int                `json:"epoch"`
	Weights pyList[savedArray] `json:"weights"`
	Biases  pyList[savedArray] `json:"biases"`
}

const (
	staminaClass = "hebbkern.stamina.Stamina"
	bestClass    = "hebbkern._history.Best"
)

var (
	feedbackNames = []string{BP: "bp", FA: "fa", DFA: "dfa", SignFeedback: "sign", FAEx: "fa_ex"}
	gateNames     = []string{GateDerivative: "derivative", GateDifferential: "differential"}
	penaltyNames  = []string{ConstantPenalty: "constant", MeanPenalty: "mean", ZeroSumPenalty: "zero_sum", RatioPenalty: "ratio", BatchPenalty: "batch"}
)

// FitOptions are those to go on with: LR, Batch and Epochs, and what else is an argument in Python, are the caller's to
// set. They point at the state itself, of which Fit raises Updates; Epoch and Position are the caller's.
func (s *NetworkState[T]) FitOptions() FitOptions[T] {
	return FitOptions[T]{Trainer: Trainer[T]{Loss: s.Loss, Decay: s.Decay, DecayP: s.DecayP, Optimizer: s.Optimizer, Feedback: s.Feedback,
		Dropout: s.Dropout, Updates: &s.Updates}, Seed: s.Seed, From: s.Epoch, Position: s.Position, Living: s.Living, Best: s.Best}
}

// tensorsOf are the parameters of a twin of the network as tensors by these names, and their places.
func (n *Network[T]) tensorsOf(weights, biases string) (w, b pyList[savedArray], tensors []Tensor) {
	w.List, b.List = []savedArray{}, []savedArray{}
	for q := range n.Projections {
		m := n.Projections[q].W
		tensors = append(tensors, Tensor{fmt.Sprintf("%s.%d", weights, q), []int{m.Rows, m.Cols}, contiguous(m)})
		w.List = append(w.List, savedArray{tensors[len(tensors)-1].Name})
	}
	for k := range n.Populations {
		if bias := n.Populations[k].Bias; bias != nil {
			tensors = append(tensors, Tensor{fmt.Sprintf("%s.%d", biases, len(b.List)), []int{len(bias)}, bias})
			b.List = append(b.List, savedArray{tensors[len(tensors)-1].Name})
		}
	}
	return w, b, tensors
}

// takeTwin is the way back: a network of the same shape with the tensors that are named.
func (n *Network[T]) takeTwin(w, b pyList[savedArray], rest map[string]*Tensor) (twin *Network[T], err error) {
	twin = &Network[T]{Populations: append([]Population[T](nil), n.Populations...), Projections: append([]Projection[T](nil), n.Projections...)}
	if len(w.List) != len(n.Projections) {
		return nil, fmt.Errorf("has %d arrays for the weights of %d projections", len(w.List), len(n.Projections))
	}
	for q := range twin.Projections {
		e := &twin.Projections[q]
		data, err := takeTensor[T](rest, w.List[q].Array, e.W.Rows, e.W.Cols)
		if err != nil {
			return nil, err
		}
		e.W = kernels.MatrixOf(data, e.W.Rows, e.W.Cols)
	}
	for k := range twin.Populations {
		p := &twin.Populations[k]
		if p.Bias == nil {
			continue
		}
		if len(b.List) == 0 {
			return nil, fmt.Errorf("has no array for the bias of population %d", k)
		}
		if p.Bias, err = takeTensor[T](rest, b.List[0].Array, p.Units); err != nil {
			return nil, err
		}
		b.List = b.List[1:]
	}
	if len(b.List) > 0 {
		return nil, fmt.Errorf("has the array %q for a bias that is not there", b.List[0].Array)
	}
	return twin, nil
}

func (s *NetworkState[T]) saveTraining(fn string) (o savedTraining, tensors []Tensor, err error) {
	n := s.Network
	if s.Position < 0 {
		return o, nil, badArg(fn, "position", fmt.Sprint(s.Position), "a number ≥ 0")
	}
	o.Position = s.Position
	if s.Decay != 0 || s.DecayP != 0 {
		p := s.DecayP
		if p == 0 {
			p = 2
		}
		o.Decay = &[2]pyNumber{pyNumber(s.Decay), pyNumber(p)}
	}
	if s.Dropout != nil {
		if err := checkDropout(s.Dropout, fn, n); err != nil {
			return o, nil, err
		}
		if s.Dropout.Seed != s.Seed {
			return o, nil, badArg(fn, "dropout seed", fmt.Sprint(s.Dropout.Seed), fmt.Sprintf("that of the run, %d", s.Seed))
		}
		o.Dropout = &pyList[pyNumber]{}
		for k, r := range s.Dropout.Rate {
			if k < len(n.Populations)-1 || !n.Populations[k].Output {
				o.Dropout.List = append(o.Dropout.List, pyNumber(r))
			}
		}
	}
	for _, part := range []func(string, *savedTraining) ([]Tensor, error){s.saveOptimizer, s.saveFeedback, s.saveLiving, s.saveBest} {
		more, err := part(fn, &o)
		if err != nil {
			return o, nil, err
		}
		tensors = append(tensors, more...)
	}
	return o, tensors, nil
}

func (s *NetworkState[T]) loadTraining(o *savedTraining, rest map[string]*Tensor) error {
	n := s.Network
	s.Position = o.Position
	if o.Decay != nil {
		s.Decay, s.DecayP = float64(o.Decay[0]), float64(o.Decay[1])
	}
	if s.Position < 0 {
		return fmt.Errorf("has the position %d", s.Position)
	}
	if o.Dropout != nil && slices.ContainsFunc(o.Dropout.List, func(r pyNumber) bool { return r != 0 }) {
		s.Dropout = &Dropout{Rate: make([]float64, len(n.Populations)), Seed: s.Seed}
		if len(o.Dropout.List) > len(n.Populations) {
			return fmt.Errorf("has %d rates of dropout", len(o.Dropout.List))
		}
		for k, r := range o.Dropout.List {
			s.Dropout.Rate[k] = float64(r)
		}
		if err := checkDropout(s.Dropout, "LoadNetwork", n); err != nil {
			return err
		}
	}
	for _, part := range []func(*savedTraining, map[string]*Tensor) error{s.loadOptimizer, s.loadFeedback, s.loadLiving, s.loadBest} {
		if err := part(o, rest); err != nil {
			return err
		}
	}
	return nil
}

func (s *NetworkState[T]) saveOptimizer(fn string, o *savedTraining) ([]Tensor, error) {
	t := s.Optimizer
	if err := t.check(fn, s.Network); err != nil || t == nil || t.Kind == SGD {
		return nil, err
	}
	number := func(v float64) *pyNumber { n := pyNumber(v); return &n }
	o.Moments = map[string]pyList[savedArray]{}
	w, b, tensors := t.First.tensorsOf("moments.first_weights", "moments.first_biases")
	o.Moments["first_weights"], o.Moments["first_biases"] = w, b
	if t.Kind == MomentumSGD {
		o.Optimizer = &savedOptimizer{Name: "momentum", Momentum: number(t.Mu)}
		if t.Nesterov {
			o.Optimizer.Name = "nesterov"
		}
		return tensors, nil
	}
	o.Optimizer = &savedOptimizer{Name: "adam", Beta1: number(t.Beta1), Beta2: number(t.Beta2), Eps: number(t.Eps)}
	w, b, more := t.Second.tensorsOf("moments.second_weights", "moments.second_biases")
	o.Moments["second_weights"], o.Moments["second_biases"] = w, b
	return append(tensors, more...), nil
}

func (s *NetworkState[T]) loadOptimizer(o *savedTraining, rest map[string]*Tensor) (err error) {
	if o.Optimizer == nil || o.Optimizer.Name == "sgd" {
		return nil
	}
	t := &Optimizer[T]{}
	set := func(to *float64, v *pyNumber, name string) {
		if v == nil {
			err = fmt.Errorf("has the optimizer %q without %s", o.Optimizer.Name, name)
			return
		}
		*to = float64(*v)
	}
	switch o.Optimizer.Name {
	case "momentum", "nesterov":
		t.Kind, t.Nesterov = MomentumSGD, o.Optimizer.Name == "nesterov"
		set(&t.Mu, o.Optimizer.Momentum, "momentum")
	case "adam":
		t.Kind = AdamOptimizer
		set(&t.Beta1, o.Optimizer.Beta1, "beta1")
		set(&t.Beta2, o.Optimizer.Beta2, "beta2")
		set(&t.Eps, o.Optimizer.Eps, "eps")
	default:
		return fmt.Errorf("has the optimizer %q; sgd, momentum, nesterov or adam is wanted", o.Optimizer.Name)
	}
	if err != nil {
		return err
	}
	if t.First, err = s.Network.takeTwin(o.Moments["first_weights"], o.Moments["first_biases"], rest); err != nil {
		return err
	}
	if t.Kind == AdamOptimizer {
		if t.Second, err = s.Network.takeTwin(o.Moments["second_weights"], o.Moments["second_biases"], rest); err != nil {
			return err
		}
	}
	s.Optimizer = t
	return t.check("LoadNetwork", s.Network)
}

// fromName finds a name in a list.
func fromName(names []string, name, what string) (int, error) {
	i := slices.Index(names, name)
	if i < 0 {
		return 0, fmt.Errorf("has the %s %q; one of %v is wanted", what, name, names)
	}
	return i, nil
}
