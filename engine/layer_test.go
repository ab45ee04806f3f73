package engine

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/hebbkern/hebbkern/kernels"
)

func everyRule[T kernels.Float]() []Rule[T] {
	return []Rule[T]{Hebb[T]{LR: 0.01}, Decay[T]{LR: 0.01, Decay: 0.125}, Oja[T]{LR: 0.01}, Sanger[T]{LR: 0.01}, Instar[T]{LR: 0.01},
		WTA[T]{LR: 0.1, K: 2, Score: Euclid}, SoftHebb[T]{LR: 0.1, Temperature: 0.5, Anti: true}}
}

// rules with vectors of their own, as parameters and as state
func rulesWithArrays[T kernels.Float]() []Rule[T] {
	return []Rule[T]{PreGated[T]{LR: 0.01, Theta: []T{0.25}}, PostGated[T]{LR: 0.01, Theta: []T{0.5, 0, 0.25, 1, 2}},
		Covariance[T]{LR: 0.01, Alpha: 0.1, XMean: make([]T, 5), YMean: make([]T, 4)},
		BCM[T]{LR: 0.01, Alpha: 0.1, Form: BCM1982, Power: 2, C0: 1, Theta: []T{1, 1, 1, 1}}, ABCD[T]{LR: 0.01, A: 1, D: -0.5},
		AntiHebbian[T]{LR: 0.01}, KrotovHopfield[T]{LR: 0.01, Q: 2, K: 2, Delta: 0.5}, Outstar[T]{LR: 0.01}}
}

// Rules with state are loaded with it, in memory of their own.
func TestLayerKeepsState(t *testing.T) {
	both(t, testLayerKeepsState[float32], testLayerKeepsState[float64])
}

func testLayerKeepsState[T kernels.Float](t *testing.T) {
	x := randomMatrix[T](source(307), 24, 5, 0, 1)
	path := inFolder(t)
	for k := range rulesWithArrays[T]() {
		l, want := newLayer(t, rulesWithArrays[T]()[k]), newLayer(t, rulesWithArrays[T]()[k])
		o := UpdateOptions[T]{}
		if _, ok := l.Rule.(KrotovHopfield[T]); ok {
			o.Reduction = Sum
		}
		for b := 0; b < x.Rows; b += 8 {
			for _, a := range []*Layer[T]{l, want} {
				_, _, err := a.Learn(subRows(x, b, 8), kernels.Matrix[T]{}, o)
				must(t, err)
			}
			must(t, l.Save(path))
			loaded, err := LoadLayer[T](path, nil)
			must(t, err)
			l = loaded
		}
		equalBits(t, l.Rule.Name(), l.W.Data, want.W.Data)
		if a, b := fmt.Sprintf("%#v", l.Rule), fmt.Sprintf("%#v", want.Rule); a != b {
			t.Errorf("got %s, want %s", a, b)
		}
	}
}

func newLayer[T kernels.Float](t *testing.T, rule Rule[T]) *Layer[T] {
	t.Helper()
	l, err := NewLayer(5, 4, rule, kernels.Activation{Kind: kernels.Tanh}, 3)
	must(t, err)
	l.Gain = Exponential[T]{Sigma: make([]T, 4), Alpha: 0.1, Of: OfDerivative}
	return l
}

// A layer is its parts, used one after the other; saved and loaded after each batch, it goes on with the same bits.
func TestLayer(t *testing.T) { both(t, testLayer[float32], testLayer[float64]) }

func testLayer[T kernels.Float](t *testing.T) {
	x := randomMatrix[T](source(301), 24, 5, 2, 1)
	path := inFolder(t)
	for _, rule := range everyRule[T]() {
		for _, o := range []UpdateOptions[T]{{}, {Reduction: Mean}, {Block: 4}} {
			l := newLayer(t, rule)
			w, gain := clone(l.W), Exponential[T]{Sigma: make([]T, 4), Alpha: 0.1, Of: OfDerivative}
			for b := 0; b < x.Rows; b += 8 {
				part := subRows(x, b, 8)
				y, k, err := l.Learn(part, kernels.Matrix[T]{}, o)
				must(t, err)
				want, _, err := Update(rule, w, part, kernels.Matrix[T]{}, o)
				must(t, err)
				z := kernels.NewMatrix[T](8, 4)
				kernels.ForwardBatch(z, w, part, nil, identity)
				how := Sequential
				if o.Reduction == Mean {
					how = Mean
				}
				must(t, gain.Update(z, l.Activation, how, nil))
				if k != 8 {
					t.Fatalf("%s: %d samples", rule.Name(), k)
				}
				equalBits(t, rule.Name(), y.Data, want.Data)
				must(t, l.Save(path))
				loaded, err := LoadLayer[T](path, nil)
				must(t, err)
				if fmt.Sprintf("%#v", loaded.Rule) != fmt.Sprintf("%#v", rule) || loaded.Activation != l.Activation || loaded.Seed != 3 {
					t.Fatalf("got %#v, want %#v", loaded.Rule, rule)
				}
				l = loaded
			}
			equalBits(t, rule.Name(), l.W.Data, w.Data)
			equalBits(t, rule.Name(), l.Gain.(Exponential[T]).Sigma, gain.Sigma)
		}
	}
}

func TestLayerForward(t *testing.T) {
	l := newLayer[float64](t, Oja[float64]{LR: 1})
	x := randomMatrix[float64](source(302), 3, 5, 1, 1)
	y, want := kernels.NewMatrix[float64](3, 4), kernels.NewMatrix[float64](3, 4)
	must(t, l.Forward(y, x))
	kernels.ForwardBatch(want, l.W, x, nil, l.Activation)
	equalBits(t, "forward", y.Data, want.Data)
	n, err := NewLayered[float64]([]int{5, 4}, relu(), 3)
	must(t, err)
	equalBits(t, "initial weights", l.W.Data, n.Projections[0].W.Data)
}

func TestStack(t *testing.T) {
	x := randomMatrix[float64](source(303), 20, 5, 0, 1)
	make2 := func() Stack[float64] {
		a := newLayer[float64](t, Sanger[float64]{LR: 0.01})
		b, err := NewLayer(4, 3, Rule[float64](WTA[float64]{LR: 0.1, K: 1}), relu(), 4)
		must(t, err)
		return Stack[float64]{a, b}
	}
	s, want := make2(), make2()
	h := kernels.NewMatrix[float64](20, 4)
	for range 2 {
		_, _, err := want[0].Learn(x, kernels.Matrix[float64]{}, UpdateOptions[float64]{})
		must(t, err)
		must(t, want[0].Forward(h, x))
		wantY, _, err := want[1].Learn(h, kernels.Matrix[float64]{}, UpdateOptions[float64]{})
		must(t, err)
		y, k, err := s.Learn(x, -1, UpdateOptions[float64]{})
		must(t, err)
		if k != 20 {
			t.Errorf("%d samples", k)
		}
		equalBits(t, "y", y.Data, wantY.Data)
		path := inFolder(t)
		must(t, s.Save(path))
		s, err = LoadStack[float64](path, nil)
		must(t, err)
	}
	_, _, err := s.Learn(x, 1, UpdateOptions[float64]{})
	must(t, err)
	_, _, err = want[1].Learn(h, kernels.Matrix[float64]{}, UpdateOptions[float64]{})
	must(t, err)
	y, wantY := kernels.NewMatrix[float64](20, 3), kernels.NewMatrix[float64](20, 3)
	must(t, s.Forward(y, x))
	must(t, want[1].Forward(wantY, h))
	equalBits(t, "forward", y.Data, wantY.Data)
	for k := range s {
		equalBits(t, "w", s[k].W.Data, want[k].W.Data)
	}
}

// Diverging at a sample leaves weights and gains that hold those before it.
func TestLayerDiverges(t *testing.T) {
	x := randomMatrix[float64](source(304), 9, 5, 0, 1)
	x.Row(6)[2] = math.Inf(1)
	l, want := newLayer[float64](t, Oja[float64]{LR: 0.01}), newLayer[float64](t, Oja[float64]{LR: 0.01})
	_, k, err := l.Learn(x, kernels.Matrix[float64]{}, UpdateOptions[float64]{})
	var div *DivergenceError
	if !errors.As(err, &div) || k != 6 {
		t.Fatalf("%d samples, %v", k, err)
	}
	_, _, err = want.Learn(subRows(x, 0, 6), kernels.Matrix[float64]{}, UpdateOptions[float64]{})
	must(t, err)
	equalBits(t, "w", l.W.Data, want.W.Data)
	equalBits(t, "gains", l.Gain.(Exponential[float64]).Sigma, want.Gain.(Exponential[float64]).Sigma)
}

// traced is a rule of a user's, with a vector as state, a function and a number that JSON cannot say.
type traced struct {
	Hebb[float64]
	LR, TauE float64
	Trace    []float64
	Bound    float64
	Shape    func(float64) float64
}

func (r traced) Map(v *Vectors[float64], x, y []float64) {
	for i := range r.Trace {
		r.Trace[i] = r.Trace[i]/2 + r.Shape(y[i])
		v.G[i] = r.LR * r.Trace[i]
	}
}

func TestLayerOfAUsersRule(t *testing.T) {
	x := randomMatrix[float64](source(305), 8, 5, 0, 1)
	make1 := func(lr float64) traced {
		return traced{LR: lr, TauE: 2, Trace: make([]float64, 4), Bound: math.Inf(-1), Shape: math.Abs}
	}
	l, want := newLayer[float64](t, make1(0.25)), newLayer[float64](t, make1(0.25))
	path := inFolder(t)
	for range 2 {
		for _, a := range []*Layer[float64]{l, want} {
			_, _, err := a.Learn(x, kernels.Matrix[float64]{}, UpdateOptions[float64]{})
			must(t, err)
		}
		must(t, l.Save(path))
		if _, err := LoadLayer[float64](path, nil); err == nil || !strings.Contains(err.Error(), `"traced", which is not known`) {
			t.Fatal(err)
		}
		loaded, err := LoadLayer[float64](path, make1(9))
		must(t, err)
		l = loaded
	}
	if r := l.Rule.(traced); r.LR != 0.25 || r.TauE != 2 || !math.IsInf(r.Bound, -1) {
		t.Errorf("got %+v", r)
	}
	equalBits(t, "w", l.W.Data, want.W.Data)
	equalBits(t, "trace", l.Rule.(traced).Trace, want.Rule.(traced).Trace)
}

func TestLayerRefuses(t *testing.T) {
	oja := Oja[float64]{LR: 0.1}
	for arg, make1 := range map[string]func() error{
		"sizes[0]":   func() error { _, err := NewLayer[float64](0, 2, oja, relu(), 1); return err },
		"rule":       func() error { _, err := NewLayer[float64](2, 2, nil, relu(), 1); return err },
		"lr":         func() error { _, err := NewLayer[float64](2, 2, Oja[float64]{LR: -1}, relu(), 1); return err },
		"activation": func() error { _, err := NewLayer[float64](2, 2, oja, kernels.Activation{Kind: 99}, 1); return err },
		"layers":     func() error { return Stack[float64]{}.Save("none") },
		"layers[0]":  func() error { return Stack[float64]{nil}.Save("none") },
		"layers[1]":  func() error { l := newLayer[float64](t, oja); return Stack[float64]{l, l}.Save("none") },
		"only": func() error {
			_, _, err := Stack[float64]{newLayer[float64](t, oja)}.Learn(kernels.NewMatrix[float64](1, 5), 1, UpdateOptions[float64]{})
			return err
		},
		"from": func() error {
			_, _, err := Stack[float64]{newLayer[float64](t, oja)}.Learn(kernels.NewMatrix[float64](1, 5), 0, UpdateOptions[float64]{To: 1})
			return err
		},
		"y": func() error {
			return newLayer[float64](t, oja).Forward(kernels.NewMatrix[float64](1, 5), kernels.NewMatrix[float64](1, 5))
		},
	} {
		refused(t, arg, make1(), arg)
	}
	// Gains that do not fit are refused before anything is learned.
	l := newLayer[float64](t, oja)
	l.Gain = Exponential[float64]{Sigma: make([]float64, 3), Alpha: 0.1}
	before := clone(l.W)
	_, _, err := l.Learn(randomMatrix[float64](source(306), 4, 5, 0, 1), kernels.Matrix[float64]{}, UpdateOptions[float64]{})
	refused(t, "gain", err, "z")
	equalBits(t, "w", l.W.Data, before.Data)
}

func TestFilesThatHoldNoLayer(t *testing.T) {
	path := inFolder(t)
	l := newLayer[float64](t, WTA[float64]{LR: 0.1, K: 1})
	for words, change := range map[string]func(c *Checkpoint){
		`is "other"`:                     func(c *Checkpoint) { c.Metadata["kind"] = "other" },
		"options are wrong":              func(c *Checkpoint) { c.Metadata["options"] = "[]" },
		"no matrix of weights":           func(c *Checkpoint) { c.Tensor("w").Name = "v" },
		`"extra", which does not belong`: func(c *Checkpoint) { c.Tensors = append(c.Tensors, Tensor{"extra", []int{0}, []bool{}}) },
		"rule.score as \"sum\"": func(c *Checkpoint) {
			c.Metadata["options"] = strings.ReplaceAll(c.Metadata["options"], `"dot"`, `"sum"`)
		},
		"rule.k as \"x\"": func(c *Checkpoint) {
			c.Metadata["options"] = strings.ReplaceAll(c.Metadata["options"], `"k":1`, `"k":"x"`)
		},
		"rule.mask as 3, which a WTA": func(c *Checkpoint) {
			c.Metadata["options"] = strings.ReplaceAll(c.Metadata["options"], `"k":1`, `"k":1,"mask":3`)
		},
		"a Exponential as its rule": func(c *Checkpoint) { c.Metadata["options"] = `{"rule":{"class":"Exponential","options":{}}}` },
		`"gain.sigma" as F64 [2 2]`: func(c *Checkpoint) { c.Tensor("gain.sigma").Shape = []int{2, 2} },
		"got 0, want 1 or more": func(c *Checkpoint) {
			c.Metadata["options"] = strings.ReplaceAll(c.Metadata["options"], `"k":1`, `"k":0`)
		},
	} {
		must(t, l.Save(path))
		c, err := LoadCheckpoint(path)
		must(t, err)
		change(c)
		must(t, c.Save(path))
		_, err = LoadLayer[float64](path, nil)
		var bad *CheckpointError
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v", words, err)
		}
	}
	must(t, l.Save(path))
	if _, err := LoadLayer[float32](path, nil); err == nil || !strings.Contains(err.Error(), "F32 [4 5] is wanted") {
		t.Error(err)
	}
	if _, err := LoadLayer[float64](path, Rule[float64](Oja[float64]{})); err == nil || !strings.Contains(err.Error(), "a Oja is given") {
		t.Error(err)
	}
	if _, err := LoadStack[float64](path, nil); err == nil || !strings.Contains(err.Error(), `"stack" is wanted`) {
		t.Error(err)
	}
	must(t, Stack[float64]{l}.Save(path))
	if _, err := LoadStack(path, []Rule[float64]{nil, nil}); err == nil || !strings.Contains(err.Error(), "1 layers, and 2 rules") {
		t.Error(err)
	}
}
