package engine

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/hebbkern/hebbkern/kernels"
)

// A layer's file has the tensors "w", and "rule.NAME" and "gain.NAME" for the vectors of rule and gain; metadata "kind" is
// "layer" and "options" a JSON object with "seed", "activation", and "rule" and "gain": their class and options. Of a
// stack's file the kind is "stack", the tensors of layer k begin with "k.", and the options are {"layers": […]}. The
// names are those of Python: the Go type's, and of the exported fields in snake case. A composition is among the options
// and tensors of the rule.

type savedLayer struct {
	Seed       uint64         `json:"seed"`
	Activation activationName `json:"activation"`
	Rule       *savedPart     `json:"rule"`
	Gain       *savedPart     `json:"gain"`
}

// saved describes the layer, with prefix before the names of its tensors.
func (l *Layer[T]) saved(fn, prefix string) (*savedLayer, []Tensor, error) {
	if err := l.check(fn); err != nil {
		return nil, nil, err
	}
	s := &savedLayer{Seed: l.Seed, Activation: activationName(l.Activation)}
	tensors := []Tensor{{"w", []int{l.W.Rows, l.W.Cols}, contiguous(l.W)}}
	var err error
	take := func(part any, name string) (about *savedPart) {
		var more []Tensor
		if err == nil {
			about, more, err = savePart[T](part, name)
			tensors = append(tensors, more...)
		}
		return about
	}
	s.Rule = take(l.Rule, "rule")
	if err == nil {
		var more []Tensor
		more, err = l.Compose.saved(fn, s.Rule, l.W)
		tensors = append(tensors, more...)
	}
	if l.Gain != nil {
		s.Gain = take(l.Gain, "gain")
	}
	if err == nil && s.Gain != nil {
		s.Gain.Options["activation"], err = json.Marshal(s.Activation) // Python's gains know it
	}
	if err != nil {
		return nil, nil, err
	}
	for i := range tensors {
		tensors[i].Name = prefix + tensors[i].Name
	}
	return s, tensors, nil
}

// layerFrom is the way back. It takes the tensors that it finds.
func layerFrom[T kernels.Float](s *savedLayer, tensors map[string]*Tensor, rule Rule[T]) (*Layer[T], error) {
	w := tensors["w"]
	if w == nil || len(w.Shape) != 2 || s.Rule == nil {
		return nil, fmt.Errorf("has no matrix of weights, or no rule")
	}
	data, err := takeTensor[T](tensors, "w", w.Shape...)
	if err != nil {
		return nil, err
	}
	l := &Layer[T]{W: kernels.MatrixOf(data, w.Shape[0], w.Shape[1]), Activation: kernels.Activation(s.Activation), Seed: s.Seed}
	var given any
	if rule != nil {
		given = rule
	}
	like := given
	if like == nil {
		like = knownParts[T](s.Rule.Class)
	}
	if like != nil { // else the rule is refused
		if l.Compose, err = compositionFrom[T](s.Rule, fieldNames(like), tensors); err != nil {
			return nil, err
		}
	}
	made, err := loadPart[T](s.Rule, tensors, "rule", given)
	if err != nil {
		return nil, err
	}
	ok := true
	if l.Rule, ok = made.(Rule[T]); !ok {
		return nil, fmt.Errorf("has a %s as its rule", s.Rule.Class)
	}
	if s.Gain != nil {
		if made, err = loadPart[T](s.Gain, tensors, "gain", nil); err != nil {
			return nil, err
		}
		if l.Gain, ok = made.(Gain[T]); !ok {
			return nil, fmt.Errorf("has a %s as its gain", s.Gain.Class)
		}
	}
	if l.Gain != nil {
		if err := l.Gain.Update(kernels.Matrix[T]{Cols: l.W.Rows}, l.Activation, Mean, nil); err != nil {
			return nil, err
		}
	}
	for name := range tensors {
		return nil, fmt.Errorf("has the tensor %q, which does not belong to a layer", name)
	}
	return l, l.check("LoadLayer")
}

// Save writes the layer with the state of its rule and gain to path, as Checkpoint.Save does.
func (l *Layer[T]) Save(path string) error {
	s, tensors, err := l.saved("Layer.Save", "")
	if err != nil {
		return err
	}
	return saveKind(path, "layer", s, tensors)
}

// Save writes the layers to one file.
func (s Stack[T]) Save(path string) error {
	if err := s.check("Stack.Save"); err != nil {
		return err
	}
	var options struct {
		Layers []*savedLayer `json:"layers"`
	}
	var tensors []Tensor
	for k, l := range s {
		about, more, err := l.saved("Stack.Save", fmt.Sprintf("%d.", k))
		if err != nil {
			return err
		}
		options.Layers, tensors = append(options.Layers, about), append(tensors, more...)
	}
	return saveKind(path, "stack", options, tensors)
}

func saveKind(path, kind string, options any, tensors []Tensor) error {
	text, err := json.Marshal(options)
	if err != nil {
		return err
	}
	c := Checkpoint{Tensors: tensors, Metadata: map[string]string{"kind": kind, "options": string(text)}}
	return c.Save(path)
}

// loadKind reads a file of a kind and its options.
func loadKind(path, kind string, options any) (*Checkpoint, error) {
	c, err := LoadCheckpoint(path)
	if err != nil {
		return nil, err
	}
	if got := c.Metadata["kind"]; got != kind {
		return nil, &CheckpointError{Path: path, Place: "metadata kind", Found: fmt.Sprintf("is %q; %q is wanted", got, kind)}
	}
	if err := json.Unmarshal([]byte(c.Metadata["options"]), options); err != nil {
		return nil, &CheckpointError{Path: path, Place: "metadata options", Found: "are wrong: " + err.Error()}
	}
	return c, nil
}

// LoadLayer reads a layer, whose learning goes on with the bits of one that was never saved. rule is one of the type
// that was saved, which takes the parameters and vectors in the file; nil does for the rules of this package. Errors:
// as LoadCheckpoint; *CheckpointError also for a file that holds no such layer in T.
func LoadLayer[T kernels.Float](path string, rule Rule[T]) (*Layer[T], error) {
	var s savedLayer
	c, err := loadKind(path, "layer", &s)
	if err != nil {
		return nil, err
	}
	tensors := map[string]*Tensor{}
	for i := range c.Tensors {
		tensors[c.Tensors[i].Name] = &c.Tensors[i]
	}
	l, err := layerFrom(&s, tensors, rule)
	if err != nil {
		return nil, &CheckpointError{Path: path, Place: "layer", Found: err.Error()}
	}
	return l, nil
}

// LoadStack reads the layers of a Stack. rules has for each layer what LoadLayer takes; nil does for the rules of this
// package. Errors: as of LoadLayer.
func LoadStack[T kernels.Float](path string, rules []Rule[T]) (Stack[T], error) {
	var options struct {
		Layers []savedLayer `json:"layers"`
	}
	c, err := loadKind(path, "stack", &options)
	if err != nil {
		return nil, err
	}
	bad := func(format string, args ...any) (Stack[T], error) {
		return nil, &CheckpointError{Path: path, Place: "stack", Found: fmt.Sprintf(format, args...)}
	}
	if rules != nil && len(rules) != len(options.Layers) {
		return bad("has %d layers, and %d rules are given", len(options.Layers), len(rules))
	}
	var stack Stack[T]
	for k := range options.Layers {
		tensors, prefix := map[string]*Tensor{}, fmt.Sprintf("%d.", k)
		for i := range c.Tensors {
			if name, ok := strings.CutPrefix(c.Tensors[i].Name, prefix); ok {
				tensors[name] = &c.Tensors[i]
			}
		}
		var rule Rule[T]
		if rules != nil {
			rule = rules[k]
		}
		l, err := layerFrom(&options.Layers[k], tensors, rule)
		if err != nil {
			return bad("in layer %d %v", k, err)
		}
		stack = append(stack, l)
	}
	if err := stack.check("LoadStack"); err != nil {
		return bad("cannot be used: %v", err)
	}
	return stack, nil
}
