package engine

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/hebbkern/hebbkern/kernels"
)

// savedPart is a rule or a gain.
type savedPart struct {
	Class   string                     `json:"class"`
	Options map[string]json.RawMessage `json:"options"`
}

// enumerations are the options that Python calls by a name.
var enumerations = map[reflect.Type][]string{
	reflect.TypeFor[Score]():   {Dot: "dot", Euclid: "euclid"},
	reflect.TypeFor[BCMForm](): {BCMIntrator: "intrator", BCMLaw: "law", BCM1982: "1982"},
	reflect.TypeFor[GainOf]():  {OfActivation: "activation", OfDerivative: "derivative"},
}

// knownParts are the rules and gains that are made from a file.
func knownParts[T kernels.Float](class string) any {
	for _, part := range []any{Hebb[T]{}, Decay[T]{}, Oja[T]{}, Sanger[T]{}, Instar[T]{}, Outstar[T]{}, PreGated[T]{}, PostGated[T]{},
		Covariance[T]{}, BCM[T]{}, DifferentialHebbian[T]{}, AntiHebbian[T]{}, ABCD[T]{}, KrotovHopfield[T]{}, WTA[T]{},
		SoftHebb[T]{}, Voja[T]{}, PES[T]{}, Exponential[T]{}, &Windowed[T]{}} {
		if className(part) == class {
			return part
		}
	}
	return nil
}

// className is the name of a type without its package and type parameters.
func className(part any) string {
	t := reflect.TypeOf(part)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	name, _, _ := strings.Cut(t.Name(), "[")
	return name
}

// snake is Python's name for a field: LR is lr, XMean x_mean.
func snake(field string) string {
	var b strings.Builder
	runes := []rune(field)
	for i, r := range runes {
		if i > 0 && unicode.IsUpper(r) && (unicode.IsLower(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// fileNamed is a rule with a field that Python does not call by its name in snake case.
type fileNamed interface{ fileName(field string) string }

// BCM keeps its one average in Theta.
func (r BCM[T]) fileName(field string) string {
	if field == "Theta" && r.Form == BCM1982 {
		return "y_mean"
	}
	return snake(field)
}

func (r DifferentialHebbian[T]) fileName(field string) string {
	if field == "PreDifference" {
		return "pre"
	}
	return snake(field)
}

// parameterVectors are the vectors that are no state of a rule: in Python, one element for all is a number.
func parameterVectors[T kernels.Float](part any) map[string]bool {
	found := map[string]bool{}
	if own, ok := part.(owner[T]); ok {
		for _, a := range own.AppendArrays(nil) {
			found[a.Name] = !a.State
		}
	}
	return found
}

// fieldsOf calls do for each exported field of a struct, or of what a pointer to one points at, in their order.
func fieldsOf(part reflect.Value, do func(name string, field reflect.Value) error) error {
	part = reflect.Indirect(part)
	if part.Kind() != reflect.Struct {
		return fmt.Errorf("is no struct")
	}
	for i := range part.NumField() {
		f := part.Type().Field(i)
		if !f.IsExported() {
			continue
		}
		name := snake(f.Name)
		if n, ok := part.Interface().(fileNamed); ok { // asked now: it may depend on the fields before
			name = n.fileName(f.Name)
		}
		if err := do(name, part.Field(i)); err != nil {
			return err
		}
	}
	return nil
}

// fieldNames are those of the fields of a part.
func fieldNames(part any) map[string]bool {
	found := map[string]bool{}
	_ = fieldsOf(reflect.ValueOf(part), func(name string, _ reflect.Value) error { // no struct: no fields
		found[name] = true
		return nil
	})
	return found
}

// pyFloat is a number as Python has it, whose floats are none of its integers: 2.0 and {"float": "inf"}.
func pyFloat(v float64) json.RawMessage {
	text := strconv.FormatFloat(v, 'g', -1, 64)
	switch {
	case v-v != 0:
		text = fmt.Sprintf(`{"float": %q}`, strings.ToLower(strings.TrimPrefix(text, "+")))
	case !strings.ContainsAny(text, ".e"):
		text += ".0"
	}
	return json.RawMessage(text)
}

// fromPyFloat is the way back.
func fromPyFloat(text json.RawMessage) (v float64, err error) {
	var special struct{ Float string }
	if json.Unmarshal(text, &special) == nil && special.Float != "" {
		return strconv.ParseFloat(special.Float, 64)
	}
	err = json.Unmarshal(text, &v)
	return v, err
}

// savePart takes the numbers of a rule or gain as options and its vectors as tensors. Functions are left out.
func savePart[T kernels.Float](part any, name string) (*savedPart, []Tensor, error) {
	parameter := parameterVectors[T](part)
	saved := &savedPart{Class: className(part), Options: map[string]json.RawMessage{}}
	var tensors []Tensor
	err := fieldsOf(reflect.ValueOf(part), func(key string, field reflect.Value) error {
		if field.Kind() == reflect.Func {
			return nil
		}
		value := field.Interface()
		if m, ok := value.(kernels.Matrix[float64]); ok { // the values of a window, which Python knows by their number, too
			saved.Options["window"] = json.RawMessage(fmt.Sprint(m.Rows))
			tensors = append(tensors, Tensor{name + "." + key, []int{m.Rows, m.Cols}, contiguous(m)})
			return nil
		}
		if _, _, n, ok := tensorType(value); ok {
			if v, ok := value.([]T); ok && n == 1 && parameter[key] {
				saved.Options[key] = pyFloat(float64(v[0]))
			} else if !field.IsNil() {
				tensors = append(tensors, Tensor{name + "." + key, []int{n}, value})
			}
			return nil
		}
		if names, ok := enumerations[field.Type()]; ok {
			if i := field.Int(); i < 0 || int(i) >= len(names) {
				return badArg("Save", name+"."+key, fmt.Sprint(i), "a known one")
			}
			value = names[field.Int()]
		}
		if v, ok := value.(float64); ok {
			value = pyFloat(v)
		}
		text, err := json.Marshal(value)
		if err != nil {
			return badArg("Save", name+"."+key, err.Error(), "a number or a vector")
		}
		saved.Options[key] = text
		return nil
	})
	return saved, tensors, err
}

// loadPart makes a rule or gain anew, or gives the caller's its state.
func loadPart[T kernels.Float](saved *savedPart, tensors map[string]*Tensor, name string, given any) (any, error) {
	if given == nil {
		if given = knownParts[T](saved.Class); given == nil {
			return nil, fmt.Errorf("has a %s of the class %q, which is not known: give it", name, saved.Class)
		}
	} else if className(given) != saved.Class {
		return nil, fmt.Errorf("has the state of a %s, and a %s is given", saved.Class, className(given))
	}
	made := reflect.New(reflect.TypeOf(given)).Elem() // to be set: what is in an interface cannot
	made.Set(reflect.ValueOf(given))
	// Python's gains know the layer's activation, BCM what a new state starts at, and rules the updates of a schedule so far.
	known := map[string]bool{"activation": name == "gain", "window": name == "gain", "theta0": name == "rule", "step": name == "rule"}
	err := fieldsOf(made, func(key string, field reflect.Value) error {
		known[key] = true
		if t := tensors[name+"."+key]; t != nil {
			delete(tensors, name+"."+key)
			if data, ok := t.Data.([]float64); ok && field.Type() == reflect.TypeFor[kernels.Matrix[float64]]() && len(t.Shape) == 2 {
				field.Set(reflect.ValueOf(kernels.MatrixOf(data, t.Shape[0], t.Shape[1])))
				return nil
			}
			if reflect.TypeOf(t.Data) != field.Type() || len(t.Shape) != 1 {
				return fmt.Errorf("has %q as %s, which is no %s", t.Name, describeTensor(t), field.Type())
			}
			field.Set(reflect.ValueOf(t.Data))
			return nil
		}
		text, ok := saved.Options[key]
		if !ok {
			return nil
		}
		if names, ok := enumerations[field.Type()]; ok {
			var chosen string
			if err := json.Unmarshal(text, &chosen); err != nil || !slices.Contains(names, chosen) {
				return fmt.Errorf("has %s.%s as %s; one of %s is wanted", name, key, text, strings.Join(names, ", "))
			}
			field.SetInt(int64(slices.Index(names, chosen)))
			return nil
		}
		if v, ok := field.Interface().([]T); ok {
			if string(text) == "null" {
				return nil
			}
			one, err := fromPyFloat(text)
			if err != nil {
				return fmt.Errorf("has %s.%s as %s: %v", name, key, text, err)
			}
			field.Set(reflect.ValueOf(append(v[:0:0], T(one))))
			return nil
		}
		if field.Kind() == reflect.Float64 {
			v, err := fromPyFloat(text)
			if err != nil {
				return fmt.Errorf("has %s.%s as %s: %v", name, key, text, err)
			}
			field.SetFloat(v)
			return nil
		}
		if err := json.Unmarshal(text, field.Addr().Interface()); err != nil {
			return fmt.Errorf("has %s.%s as %s: %v", name, key, text, err)
		}
		return nil
	})
	for key, text := range saved.Options {
		if !known[key] && string(text) != "null" && string(text) != "false" && err == nil {
			err = fmt.Errorf("has %s.%s as %s, which a %s of this package has not", name, key, text, saved.Class)
		}
	}
	return made.Interface(), err
}
