package engine

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/hebbkern/hebbkern/kernels"
)

// NetworkState is a network and what a run needs to go on with it as if it had never stopped. Its file is that of
// hk.Network in Python, which reads the networks of layers (identity input, biases throughout) that Go has written, and the
// other way round. In the file
//
//	weights.q   are those of projection q,
//	biases.q    of the population into which projection q is the first to go (population.k.bias without one),
//	gains.k     are the average gains of population k,
//
// metadata "kind" is "network", and "options" a JSON object of the rest: "seed", "epoch", "steps" (the updates), "loss",
// "dtype", for layers "sizes" and "activation", else "populations" and "projections"; savedTraining has what belongs to
// Trainer and Living.
type NetworkState[T kernels.Float] struct {
	Network *Network[T]
	Loss    Loss
	Seed    uint64 // FitOptions.Seed
	Epoch   int    // epochs trained so far: FitOptions.From
	Updates int64  // minibatches trained so far: Trainer.Updates
	Gains   [][]T  // GainTraining.Sigma, or nil
	// Position is FitOptions.Position: samples of the epoch to come that a run has learned that was stopped within it.
	Position int

	Optimizer     *Optimizer[T] // nil: SGD
	Feedback      *Feedback[T]  // nil: BP by f′
	Decay, DecayP float64       // of Trainer
	Dropout       *Dropout      // nil: none
	// Living has, in Lives, what stamina has counted, and the map of the inputs. How, Grow and Maximum, and when there is
	// a step, are not in a file, as they are arguments in Python: LoadNetwork gives those of NewLiving.
	Living *Living[T]
	Best   *Best[T] // of early stopping, or nil
	// Options and Tensors are whatever else belongs to the run. They are kept, under names that are not those above, so
	// that a file of Python's loses nothing on its way through Go. Options loaded are raw JSON.
	Options map[string]json.RawMessage
	Tensors []Tensor
}

var lossNames = []string{MSE: "mse", SoftmaxCrossEntropy: "softmax", SigmoidCrossEntropy: "sigmoid"}

// activationName is a kernels.Activation as JSON, in the form that Python has: its name, or with its parameters
// ["leaky_relu", slope], ["bilu", a, b] or ["bipu", c, d].
type activationName kernels.Activation

func (a activationName) MarshalJSON() ([]byte, error) {
	var value any = a.Kind.String()
	switch a.Kind {
	case kernels.LeakyReLU:
		value = []any{value, pyFloat(a.Slope)}
	case kernels.BiLU:
		value = []any{value, pyFloat(a.Slope), pyFloat(a.Shape)}
	case kernels.BiPU:
		value = []any{value, pyFloat(a.Shape), pyFloat(a.Slope)}
	}
	text, err := json.Marshal(value)
	var back activationName
	if err == nil {
		err = back.UnmarshalJSON(text)
	}
	if err == nil && back != a { // a parameter that this form has no place for
		err = fmt.Errorf("the activation %v with %+v has no form in files", a.Kind, a)
	}
	return text, err
}

func (a *activationName) UnmarshalJSON(text []byte) error {
	var name string
	var parts []json.RawMessage
	if err := json.Unmarshal(text, &name); err != nil {
		if err := json.Unmarshal(text, &parts); err != nil {
			return err
		}
		if len(parts) == 0 {
			return fmt.Errorf("an activation without a name: %s", text)
		}
		if err := json.Unmarshal(parts[0], &name); err != nil {
			return err
		}
		parts = parts[1:]
	}
	act, err := kernels.ParseActivation(name)
	if err != nil {
		return err
	}
	var parameters []*float64
	switch act.Kind {
	case kernels.LeakyReLU:
		if parts != nil { // the name alone has the default
			parameters = []*float64{&act.Slope}
		}
	case kernels.BiLU:
		parameters = []*float64{&act.Slope, &act.Shape}
	case kernels.BiPU:
		parameters = []*float64{&act.Shape, &act.Slope}
	}
	if len(parts) != len(parameters) {
		return fmt.Errorf("an activation with %d parameters: %s", len(parts), text)
	}
	for k, p := range parameters {
		if err := json.Unmarshal(parts[k], p); err != nil {
			return err
		}
	}
	*a = activationName(act)
	return nil
}

// activationNames are those of the layers: one of the hidden layers, whose output is the identity, or each, the output's
// last, as {"list": [...]}.
type activationNames struct {
	names []activationName
	each  bool
}

func (a activationNames) MarshalJSON() ([]byte, error) {
	if !a.each {
		return json.Marshal(a.names[0])
	}
	return json.Marshal(map[string][]activationName{"list": a.names})
}

func (a *activationNames) UnmarshalJSON(text []byte) error {
	var list struct{ List []activationName }
	if err := json.Unmarshal(text, &list); err == nil {
		a.names, a.each = list.List, true
		return nil
	}
	a.names, a.each = make([]activationName, 1), false
	return json.Unmarshal(text, &a.names[0])
}

// networkOptions are the options that this package knows.
type networkOptions struct {
	Seed        uint64            `json:"seed"`
	Epoch       int               `json:"epoch"`
	Steps       int64             `json:"steps"`
	Loss        string            `json:"loss"`
	DType       string            `json:"dtype"`
	Sizes       []int             `json:"sizes,omitempty"`
	Activation  *activationNames  `json:"activation,omitempty"`
	Populations []savedPopulation `json:"populations,omitempty"`
	Projections [][2]int          `json:"projections,omitempty"` // from, to
}

type savedPopulation struct {
	Units      int            `json:"units"`
	Activation activationName `json:"activation"`
	Bias       bool           `json:"bias"`
	Input      bool           `json:"input"`
	Output     bool           `json:"output"`
}

func dtypeName[T kernels.Float]() string {
	if single[T]() {
		return "float32"
	}
	return "float64"
}

// Checkpoint is the state as tensors, which are views where the memory has no gaps, and metadata. Errors: *ArgError.
func (s *NetworkState[T]) Checkpoint() (*Checkpoint, error) {
	const fn = "NetworkState"
	n := s.Network
	if err := n.check(fn); err != nil {
		return nil, err
	}
	if s.Loss < 0 || int(s.Loss) >= len(lossNames) {
		return nil, badArg(fn, "loss", fmt.Sprint(int(s.Loss)), "a known loss")
	}
	if s.Epoch < 0 || s.Updates < 0 {
		return nil, badArg(fn, "epoch", fmt.Sprintf("%d after %d updates", s.Epoch, s.Updates), "numbers ≥ 0")
	}
	o := networkOptions{Seed: s.Seed, Epoch: s.Epoch, Steps: s.Updates, Loss: lossNames[s.Loss], DType: dtypeName[T]()}
	if sizes, names, ok := n.layers(); ok {
		o.Sizes, o.Activation = sizes, &names
	} else {
		for k := range n.Populations {
			p := &n.Populations[k]
			o.Populations = append(o.Populations, savedPopulation{p.Units, activationName(p.Activation), p.Bias != nil, p.Input, p.Output})
		}
		for q := range n.Projections {
			o.Projections = append(o.Projections, [2]int{n.Projections[q].From, n.Projections[q].To})
		}
	}
	c := &Checkpoint{Tensors: n.tensors()}
	training, tensors, err := s.saveTraining(fn)
	if err != nil {
		return nil, err
	}
	c.Tensors = append(c.Tensors, tensors...)
	if s.Gains != nil {
		if err := checkLen(fn, "gains", s.Gains, len(n.Populations)); err != nil {
			return nil, err
		}
	}
	for k, g := range s.Gains {
		if err := checkLen(fn, "", g, n.Populations[k].Units); err != nil {
			return nil, indexed(err, "gains[%d]", k)
		}
		c.Tensors = append(c.Tensors, Tensor{fmt.Sprintf("gains.%d", k), []int{len(g)}, g})
	}
	c.Tensors = append(c.Tensors, s.Tensors...)
	options := map[string]json.RawMessage{}
	for key, value := range s.Options {
		options[key] = value
	}
	for _, part := range []any{training, o} {
		var known []byte
		if known, err = json.Marshal(part); err == nil {
			err = json.Unmarshal(known, &options) // over those of the caller
		}
		if err != nil {
			break
		}
	}
	if err != nil {
		return nil, badArg(fn, "options", err.Error(), "values that JSON can say")
	}
	text, err := json.Marshal(options)
	if err != nil {
		return nil, badArg(fn, "options", err.Error(), "JSON")
	}
	c.Metadata = map[string]string{"kind": "network", "options": string(text)}
	return c, c.check(fn)
}

// Save writes the state to path, as Checkpoint.Save does. Errors: as there, and *ArgError for a bad network.
func (s *NetworkState[T]) Save(path string) error {
	c, err := s.Checkpoint()
	if err != nil {
		return err
	}
	return c.Save(path)
}

// LoadNetwork reads a state in memory of its own. Errors: as LoadCheckpoint; *CheckpointError also for a file that
// holds something else than a network in T.
func LoadNetwork[T kernels.Float](path string) (*NetworkState[T], error) {
	c, err := LoadCheckpoint(path)
	if err != nil {
		return nil, err
	}
	s, err := networkFrom[T](c)
	if err != nil {
		return nil, &CheckpointError{Path: path, Place: "network", Found: err.Error()}
	}
	return s, nil
}

func networkFrom[T kernels.Float](c *Checkpoint) (*NetworkState[T], error) {
	if kind := c.Metadata["kind"]; kind != "network" {
		return nil, fmt.Errorf("is not what the file holds, but %q", kind)
	}
	s := &NetworkState[T]{Network: new(Network[T])}
	var o networkOptions
	text := []byte(c.Metadata["options"])
	if err := json.Unmarshal(text, &o); err != nil {
		return nil, fmt.Errorf("has wrong options: %v", err)
	}
	var training savedTraining
	for _, into := range []any{&training, &s.Options} {
		if err := json.Unmarshal(text, into); err != nil {
			return nil, fmt.Errorf("has wrong options: %v", err)
		}
	}
	for _, part := range []any{o, training} {
		for i := range reflect.TypeOf(part).NumField() {
			key, _, _ := strings.Cut(reflect.TypeOf(part).Field(i).Tag.Get("json"), ",")
			delete(s.Options, key)
		}
	}
	if o.DType != dtypeName[T]() {
		return nil, fmt.Errorf("is %s; %s is wanted", o.DType, dtypeName[T]())
	}
	loss := slices.Index(lossNames, o.Loss)
	if loss < 0 || o.Epoch < 0 {
		return nil, fmt.Errorf("has the loss %q and the epoch %d; one of %s and a number ≥ 0 are wanted", o.Loss, o.Epoch,
			strings.Join(lossNames, ", "))
	}
	s.Loss, s.Seed, s.Epoch, s.Updates = Loss(loss), o.Seed, o.Epoch, o.Steps
	if a := o.Activation; a != nil && a.each && len(a.names) != len(o.Sizes)-1 {
		return nil, fmt.Errorf("has %d activations for %d layers", len(a.names), len(o.Sizes)-1)
	}
	s.Network.shape(&o)
	rest, err := s.Network.take(c)
	if err != nil {
		return nil, err
	}
	if c.Tensor("gains.0") != nil {
		s.Gains = make([][]T, len(s.Network.Populations))
		for k := range s.Gains {
			if s.Gains[k], err = takeTensor[T](rest, fmt.Sprintf("gains.%d", k), s.Network.Populations[k].Units); err != nil {
				return nil, err
			}
		}
	}
	if err := s.loadTraining(&training, rest); err != nil {
		return nil, err
	}
	for i := range c.Tensors {
		if rest[c.Tensors[i].Name] != nil {
			s.Tensors = append(s.Tensors, c.Tensors[i])
		}
	}
	return s, s.Network.check("LoadNetwork")
}

// shape makes the populations and projections that the options describe, without their arrays.
func (n *Network[T]) shape(o *networkOptions) {
	if o.Populations == nil {
		for k, units := range o.Sizes {
			p := savedPopulation{Units: units, Bias: k > 0, Input: k == 0, Output: k == len(o.Sizes)-1}
			if a := o.Activation; a != nil && k > 0 {
				if a.each {
					p.Activation = a.names[k-1]
				} else if !p.Output {
					p.Activation = a.names[0]
				}
			}
			o.Populations = append(o.Populations, p)
			if k > 0 {
				o.Projections = append(o.Projections, [2]int{k - 1, k})
			}
		}
	}
	for _, p := range o.Populations {
		n.Populations = append(n.Populations, Population[T]{Units: p.Units, Activation: kernels.Activation(p.Activation), Input: p.Input, Output: p.Output})
		if p.Bias {
			n.Populations[len(n.Populations)-1].Bias = []T{} // to be filled
		}
	}
	for _, e := range o.Projections {
		n.Projections = append(n.Projections, Projection[T]{From: e[0], To: e[1]})
	}
}

// layers says whether the network is one of layers as hk.Network is, with its sizes and activations.
func (n *Network[T]) layers() (sizes []int, names activationNames, ok bool) {
	last := len(n.Populations) - 1
	if last < 1 || len(n.Projections) != last {
		return nil, names, false
	}
	one := n.Populations[last].Activation.Kind == kernels.Identity
	for k := range n.Populations {
		p := &n.Populations[k]
		sizes = append(sizes, p.Units)
		if p.Input != (k == 0) || p.Output != (k == last) || (p.Bias == nil) != (k == 0) ||
			k == 0 && p.Activation.Kind != kernels.Identity ||
			k > 0 && (n.Projections[k-1].From != k-1 || n.Projections[k-1].To != k) {
			return nil, names, false
		}
		if k > 0 {
			names.names = append(names.names, activationName(p.Activation))
		}
		one = one && (k <= 1 || k == last || names.names[k-1] == names.names[0])
	}
	names.each = !one
	return sizes, names, true
}

func (n *Network[T]) biasName(pop int) string {
	if q := n.layerOf(pop); q >= 0 {
		return fmt.Sprintf("biases.%d", q)
	}
	return fmt.Sprintf("population.%d.bias", pop)
}

// contiguous is a matrix's elements, copied if there are gaps between its rows.
func contiguous[T kernels.Float](w kernels.Matrix[T]) []T {
	if w.Stride == w.Cols || w.Rows == 0 || w.Cols == 0 {
		return w.Data[:w.Rows*w.Cols]
	}
	data := make([]T, 0, w.Rows*w.Cols)
	for i := range w.Rows {
		data = append(data, w.Row(i)...)
	}
	return data
}

// tensors are the weights and biases.
func (n *Network[T]) tensors() []Tensor {
	var all []Tensor
	for q := range n.Projections {
		w := n.Projections[q].W
		all = append(all, Tensor{fmt.Sprintf("weights.%d", q), []int{w.Rows, w.Cols}, contiguous(w)})
	}
	for k := range n.Populations {
		if b := n.Populations[k].Bias; b != nil {
			all = append(all, Tensor{n.biasName(k), []int{len(b)}, b})
		}
	}
	return all
}

// take gives the network the arrays of a checkpoint and returns the others by their names.
func (n *Network[T]) take(c *Checkpoint) (rest map[string]*Tensor, err error) {
	rest = map[string]*Tensor{}
	for i := range c.Tensors {
		rest[c.Tensors[i].Name] = &c.Tensors[i]
	}
	for q := range n.Projections {
		e := &n.Projections[q]
		if e.From < 0 || e.To < 0 || max(e.From, e.To) >= len(n.Populations) {
			return nil, fmt.Errorf("has a projection from population %d to %d of %d", e.From, e.To, len(n.Populations))
		}
		rows, cols := n.Populations[e.To].Units, n.Populations[e.From].Units
		data, err := takeTensor[T](rest, fmt.Sprintf("weights.%d", q), rows, cols)
		if err != nil {
			return nil, err
		}
		e.W = kernels.MatrixOf(data, rows, cols)
	}
	for k := range n.Populations {
		if p := &n.Populations[k]; p.Bias != nil {
			if p.Bias, err = takeTensor[T](rest, n.biasName(k), p.Units); err != nil {
				return nil, err
			}
		}
	}
	return rest, nil
}

// takeTensor removes a tensor from the rest and returns its elements.
func takeTensor[T any](rest map[string]*Tensor, name string, shape ...int) ([]T, error) {
	t := rest[name]
	if t == nil {
		return nil, fmt.Errorf("has no tensor %q", name)
	}
	delete(rest, name)
	data, ok := t.Data.([]T)
	if !ok || !slices.Equal(t.Shape, shape) {
		want := Tensor{Shape: shape, Data: []T(nil)}
		return nil, fmt.Errorf("has the tensor %q as %s; %s is wanted", name, describeTensor(t), describeTensor(&want))
	}
	return data, nil
}
