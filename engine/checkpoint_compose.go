package engine

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/hebbkern/hebbkern/kernels"
)

// A composition in the file of a layer stands among the options and tensors of the rule, under the names that Python has
// for its parts: "bound" (numbers, null or arrays), "soft", "bistable", "mask", "sign", "normalize_weights", "row_lr". The
// signs come back as the bounds that they stand for; a soft bound, which is of numbers, is written with the signs that
// make the bounds of those.

const normClass = "hebbkern._compose.WeightNorm"

type savedNorm struct {
	P      pyNumber `json:"p"`
	Target pyNumber `json:"target"`
	How    string   `json:"how"`
}

var normNames = []string{Multiplicative: "multiplicative", Subtractive: "subtractive"}

// saved adds the composition to the options of a rule and returns its tensors.
func (c *Composition[T]) saved(fn string, rule *savedPart, w kernels.Matrix[T]) (tensors []Tensor, err error) {
	if c == nil {
		return nil, nil
	}
	if err := c.check(fn, w); err != nil {
		return nil, err
	}
	put := func(key string, value any) {
		if rule.Options[key] != nil && err == nil {
			err = badArg(fn, "rule."+key, "of the rule and of the composition", "one of them")
		}
		if err == nil {
			rule.Options[key], err = json.Marshal(value)
		}
	}
	add := func(name string, shape []int, data any) {
		tensors = append(tensors, Tensor{"rule." + name, shape, data})
	}
	bounds := [2]any{}
	for i, m := range []kernels.Matrix[T]{c.Low, c.High} {
		switch {
		case c.Soft:
			bounds[i] = pyFloat(float64([]T{c.SoftLow, c.SoftHigh}[i]))
		case m.Data == nil:
		case forAll(m):
			if v := float64(m.Data[0]); !math.IsInf(v, 0) {
				bounds[i] = pyFloat(v)
			}
		default:
			name := fmt.Sprintf("bound.%d", i)
			bounds[i] = savedArray{name}
			add(name, shapeOf(m), asFloat64(m))
		}
	}
	if bounds != [2]any{} {
		put("bound", bounds)
	}
	if c.Soft {
		put("soft", true)
		sign, shape, e := c.signs(w)
		if e != nil {
			return nil, e
		}
		if sign != nil {
			put("sign", map[string]string{"array": "sign", "dtype": "int8"})
			add("sign", shape, sign)
		}
	}
	if c.Gamma != 0 || c.Theta != 0 {
		put("bistable", [2]json.RawMessage{pyFloat(float64(c.Gamma)), pyFloat(float64(c.Theta))})
	}
	if c.Mask != nil {
		mask := make([]bool, 0, w.Rows*w.Cols)
		for i := range w.Rows {
			mask = append(mask, c.Mask[i*c.maskStride(w):][:w.Cols]...)
		}
		add("mask", []int{w.Rows, w.Cols}, mask)
	}
	if c.Norm.Kind != NoWeightNorm {
		p := c.Norm.P
		if c.Norm.Kind == Subtractive && !(p > 0) {
			p = 2 // not read
		}
		put("normalize_weights", pyObject[savedNorm]{normClass, savedNorm{pyNumber(p), pyNumber(c.Norm.Target), normNames[c.Norm.Kind]}})
	}
	if len(c.RowRate) == 1 {
		put("row_lr", pyFloat(float64(c.RowRate[0])))
	} else if c.RowRate != nil {
		add("row_lr", []int{len(c.RowRate)}, asFloat64(rowVector(c.RowRate)))
	}
	return tensors, err
}

// shapeOf is that of a bound in Python.
func shapeOf[T kernels.Float](m kernels.Matrix[T]) []int {
	if m.Rows == 1 {
		return []int{m.Cols}
	}
	return []int{m.Rows, m.Cols}
}

func asFloat64[T kernels.Float](m kernels.Matrix[T]) []float64 {
	data := make([]float64, 0, m.Rows*m.Cols)
	for i := range m.Rows {
		for _, v := range m.Row(i) {
			data = append(data, float64(v))
		}
	}
	return data
}

// signs are those with which the soft bounds give Low and High; nil for none.
func (c *Composition[T]) signs(w kernels.Matrix[T]) (sign []int64, shape []int, err error) {
	rows, cols := max(c.Low.Rows, c.High.Rows, 1), max(c.Low.Cols, c.High.Cols, 1)
	at := func(m kernels.Matrix[T], i, j int) T { return m.Row(min(i, m.Rows-1))[min(j, m.Cols-1)] }
	sign = make([]int64, 0, rows*cols)
	for i := range rows {
		for j := range cols {
			if c.Low.Data == nil || c.High.Data == nil {
				return nil, nil, badArg("Save", "low and high", "not given with soft bounds", "the soft bounds, which a file has for both")
			}
			low, high := at(c.Low, i, j), at(c.High, i, j)
			s := int64(0)
			if low == 0 && low != c.SoftLow {
				s = 1
			} else if high == 0 && high != c.SoftHigh {
				s = -1
			}
			if s != 1 && low != c.SoftLow || s != -1 && high != c.SoftHigh {
				return nil, nil, badArg("Save", "low and high", fmt.Sprintf("%v and %v with the soft bounds %v and %v", low, high, c.SoftLow, c.SoftHigh),
					"the soft bounds, or those with signs, which a file has for both")
			}
			sign = append(sign, s)
		}
	}
	if !slices.ContainsFunc(sign, func(s int64) bool { return s != 0 }) {
		return nil, nil, nil
	}
	if rows == 1 {
		return sign, []int{cols}, nil
	}
	return sign, []int{rows, cols}, nil
}

// compositionFrom is the way back. It takes its options and tensors from those of the rule, but for those that the rule
// has itself; nil: there is none.
func compositionFrom[T kernels.Float](rule *savedPart, own map[string]bool, tensors map[string]*Tensor) (*Composition[T], error) {
	c, some := &Composition[T]{}, false
	take := func(key string, into any) (bool, error) {
		if own[key] {
			return false, nil
		}
		text, ok := rule.Options[key]
		delete(rule.Options, key)
		if !ok || string(text) == "null" || string(text) == "false" {
			return false, nil
		}
		some = true
		if err := json.Unmarshal(text, into); err != nil {
			return false, fmt.Errorf("has rule.%s as %s: %v", key, text, err)
		}
		return true, nil
	}
	tensor := func(name string) *Tensor {
		t := tensors["rule."+name]
		if own[name] {
			return nil
		}
		if t != nil {
			delete(tensors, "rule."+name)
			some = true
		}
		return t
	}
	var bound [2]json.RawMessage
	if _, err := take("bound", &bound); err != nil {
		return nil, err
	}
	for i, m := range []*kernels.Matrix[T]{&c.Low, &c.High} {
		var err error
		if *m, err = boundFrom[T](bound[i], tensor); err != nil {
			return nil, err
		}
	}
	if _, err := take("soft", &c.Soft); err != nil {
		return nil, err
	}
	if c.Soft {
		if c.Low.Data == nil || c.High.Data == nil || !forAll(c.Low) || !forAll(c.High) {
			return nil, fmt.Errorf("has soft bounds that are no numbers")
		}
		c.SoftLow, c.SoftHigh = c.Low.Data[0], c.High.Data[0]
	}
	var drift [2]pyNumber
	if _, err := take("bistable", &drift); err != nil {
		return nil, err
	}
	c.Gamma, c.Theta = T(drift[0]), T(drift[1])
	var norm pyObject[savedNorm]
	if ok, err := take("normalize_weights", &norm); err != nil {
		return nil, err
	} else if ok {
		kind := slices.Index(normNames, norm.Options.How)
		if kind < int(Multiplicative) || norm.Class != normClass {
			return nil, fmt.Errorf("has the weight normalisation %+v, which is not known", norm)
		}
		c.Norm = WeightNorm[T]{Kind: WeightNormKind(kind), P: float64(norm.Options.P), Target: T(norm.Options.Target)}
	}
	if t := tensor("row_lr"); t != nil {
		data, ok := t.Data.([]float64)
		if !ok {
			return nil, fmt.Errorf("has rule.row_lr as %s; F64 is wanted", describeTensor(t))
		}
		for _, v := range data {
			c.RowRate = append(c.RowRate, T(v))
		}
	}
	var rate pyNumber
	if ok, err := take("row_lr", &rate); err != nil {
		return nil, err
	} else if ok {
		c.RowRate = []T{T(rate)}
	}
	if t := tensor("mask"); t != nil {
		mask, ok := t.Data.([]bool)
		if !ok || len(t.Shape) != 2 {
			return nil, fmt.Errorf("has rule.mask as %s; BOOL of two axes is wanted", describeTensor(t))
		}
		c.Mask, c.MaskStride = mask, t.Shape[1]
	}
	var of savedArray
	if ok, err := take("sign", &of); err != nil {
		return nil, err
	} else if ok {
		if err := c.join(tensor(of.Array)); err != nil {
			return nil, err
		}
	}
	if !some {
		return nil, nil
	}
	return c, nil
}

// boundFrom is one bound: null, a number or an array.
func boundFrom[T kernels.Float](text json.RawMessage, tensor func(string) *Tensor) (m kernels.Matrix[T], err error) {
	var of savedArray
	switch {
	case text == nil || string(text) == "null":
		return m, nil
	case json.Unmarshal(text, &of) == nil && of.Array != "":
		t := tensor(of.Array)
		if t == nil || len(t.Shape) < 1 || len(t.Shape) > 2 {
			return m, fmt.Errorf("has no array %q for a bound", of.Array)
		}
		data, ok := t.Data.([]float64)
		if !ok {
			return m, fmt.Errorf("has %q as %s; F64 is wanted", t.Name, describeTensor(t))
		}
		m = kernels.NewMatrix[T](len(data)/max(t.Shape[len(t.Shape)-1], 1), t.Shape[len(t.Shape)-1])
		for i, v := range data {
			m.Data[i] = T(v)
		}
		return m, nil
	}
	v, err := fromPyFloat(text)
	if err != nil {
		return m, fmt.Errorf("has a bound as %s: %v", text, err)
	}
	return Bound(T(v)), nil
}

// join makes signs [in] or [out, in] part of the bounds.
func (c *Composition[T]) join(t *Tensor) error {
	if t == nil || len(t.Shape) < 1 || len(t.Shape) > 2 {
		return fmt.Errorf("has no array of signs")
	}
	sign, ok := t.Data.([]int64)
	if !ok {
		return fmt.Errorf("has rule.sign as %s; I64 is wanted", describeTensor(t))
	}
	cols := t.Shape[len(t.Shape)-1]
	rows := len(sign) / max(cols, 1)
	if c.Low.Data == nil {
		c.Low = Bound(T(math.Inf(-1)))
	}
	if c.High.Data == nil {
		c.High = Bound(T(math.Inf(1)))
	}
	for _, m := range []kernels.Matrix[T]{c.Low, c.High} {
		rows = max(rows, m.Rows)
		if m.Cols != 1 && m.Cols != cols || len(t.Shape) == 2 && m.Rows > 1 && m.Rows != t.Shape[0] {
			return fmt.Errorf("has bounds %v and signs %v", shapeOf(m), t.Shape)
		}
	}
	lows, highs := kernels.NewMatrix[T](rows, cols), kernels.NewMatrix[T](rows, cols)
	at := func(m kernels.Matrix[T], i, j int) T { return m.Row(min(i, m.Rows-1))[min(j, m.Cols-1)] }
	for i := range rows {
		for j := range cols {
			l, h, err := SignLimits(at(c.Low, i, j), at(c.High, i, j), []int8{int8(sign[min(i, len(sign)/cols-1)*cols+j])}, 1)
			if err != nil {
				return err
			}
			lows.Row(i)[j], highs.Row(i)[j] = l.Data[0], h.Data[0]
		}
	}
	c.Low, c.High = lows, highs
	return nil
}
