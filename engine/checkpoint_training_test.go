package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hebbkern/hebbkern/kernels"
)

// A run that is stopped, saved and loaded has the bits of one that is not: with all that training keeps,
// in layers and in a network that is none of layers.
func TestTrainingResumesFromCheckpoint(t *testing.T) {
	both(t, testTrainingResumes[float32], testTrainingResumes[float64])
}

func testTrainingResumes[T kernels.Float](t *testing.T) {
	x, target := randomMatrix[T](source(205), 50, 8, 0, 1), classes[T](206, 50, 4)
	for k, c := range []struct {
		feedback FeedbackKind
		gate     Gate
		kind     OptimizerKind
		how      Death
	}{{BP, GateDerivative, AdamOptimizer, DeathCompacts}, {FA, GateDifferential, MomentumSGD, DeathMasks}, {FAEx, GateDerivative, AdamOptimizer, DeathCompacts},
		{DFA, GateDifferential, SGD, DeathRebirth}} {
		for _, layers := range []bool{true, false} {
			if thin && layers == (k%2 == 0) {
				continue
			}
			start := func() *NetworkState[T] {
				n := skipping[T](t, source(3), relu())
				if layers {
					n = layered[T](t, source(3), relu(), 8, 9, 7, 4)
				}
				f, err := NewFeedback(n, c.feedback, c.gate, 5, FeedbackOptions{Beta: 0.2, Excitatory: 0.5})
				must(t, err)
				s := &NetworkState[T]{Network: n, Seed: 5, Loss: SigmoidCrossEntropy, Feedback: f, Decay: 1e-3, DecayP: 1, Living: NewLiving(n, 5),
					Best: new(Best[T]), Gains: NewGainTraining(n, 0, 0).Sigma}
				if c.kind != SGD {
					s.Optimizer = NewOptimizer(n, c.kind)
					s.Optimizer.Nesterov = c.kind == MomentumSGD
				}
				if c.gate == GateDerivative {
					s.Dropout = &Dropout{Rate: make([]float64, len(n.Populations)), Seed: 5}
					s.Dropout.Rate[1], s.Dropout.Rate[2] = 0.1, 0.2
				}
				for p := range n.Populations {
					if n.Populations[p].Input {
						s.Living.Lives[p] = NewLife[T](n.Populations[p].Units, 5+uint64(p))
					}
					if life := s.Living.Lives[p]; life != nil {
						life.Mortality = Mortality{ByShare: true, Share: 0.2, Minimum: 2, Warmup: 1}
						life.Penalty = Penalty{MeanPenalty, 0.5}
						life.Alpha = 0.5 * float64(k%2)
					}
				}
				s.Living.Lives[len(n.Populations)-2].Prior = randomPriors[T](n.Populations[len(n.Populations)-2].Units)
				return s
			}
			run := func(s *NetworkState[T], epochs int) {
				o := s.FitOptions()
				o.LR, o.Batch, o.Epochs, o.ValidX, o.ValidTarget, o.Patience = 0.02, 8, s.Epoch+epochs, subRows(x, 0, 20), subRows(target, 0, 20), 40
				o.Gain = &GainTraining[T]{Sigma: s.Gains, LR: 1e-4, Alpha: 0.1, Reduction: Mean}
				for p, life := range o.Living.Lives {
					if life != nil && s.Network.Populations[p].Input {
						life.How = min(c.how, DeathMasks)
					} else if life != nil {
						life.How, life.Grow, life.Maximum = c.how, 1, 12
					}
				}
				_, err := Fit(s.Network, x, target, o)
				must(t, err)
				s.Epoch += epochs
			}
			what := fmt.Sprintf("%v, layers %v", c, layers)
			straight, s := start(), start()
			run(straight, 4)
			path := inFolder(t)
			for _, epochs := range []int{1, 3} {
				run(s, epochs)
				must(t, s.Save(path))
				var err error
				s, err = LoadNetwork[T](path)
				must(t, err)
			}
			a, err := straight.Checkpoint()
			must(t, err)
			b, err := s.Checkpoint()
			must(t, err)
			sameTensors(t, b, a.Tensors)
			if !reflect.DeepEqual(a.Metadata, b.Metadata) {
				t.Errorf("%s: options %s\nwant %s", what, b.Metadata["options"], a.Metadata["options"])
			}
			if len(s.Options) > 0 || len(s.Tensors) > 0 {
				t.Errorf("%s: %v and %v are not known", what, s.Options, s.Tensors)
			}
			if len(straight.Living.Inputs) != 8*b2i(c.how == DeathCompacts) {
				t.Errorf("%s: the map %v", what, straight.Living.Inputs)
			}
		}
	}
}

func randomPriors[T kernels.Float](n int) []T {
	f := make([]T, n)
	for i := range f {
		f[i] = T(i+1) / T(n+2)
	}
	return f
}

// The state of early stopping, and a run that was stopped within an epoch.
func TestFitResumesWithinAnEpoch(t *testing.T) {
	x, target := clusters[float32](90)
	run := func(n *Network[float32], best *Best[float32], updates *int64, position int) FitOptions[float32] {
		o := fitOptions[float32]()
		o.Position, o.ValidX, o.ValidTarget, o.Patience, o.Best, o.Updates = position, x, target, 9, best, updates
		o.Callbacks = []Callback{{Every: 3, Do: func(int) error { n.Projections[0].W.Data[0] *= 0.5; return nil }}}
		return o
	}
	straight, count, best := freshNet[float32](t), int64(0), new(Best[float32])
	_, err := Fit(straight, x, target, run(straight, best, &count, 0))
	must(t, err)
	n, part, index := freshNet[float32](t), int64(0), make([]int, 90)
	o := run(n, nil, &part, 0)
	EpochPermutation(index, o.Seed, 0)
	must(t, o.Steps(n, x, target, index[:48], nil))
	must(t, o.Callbacks[0].Do(0))
	must(t, o.Steps(n, x, target, index[48:64], nil))
	s := &NetworkState[float32]{Network: n, Seed: 4, Loss: SoftmaxCrossEntropy, Updates: part, Position: 64}
	path := inFolder(t)
	must(t, s.Save(path))
	s, err = LoadNetwork[float32](path)
	must(t, err)
	later := new(Best[float32])
	_, err = Fit(s.Network, x, target, run(s.Network, later, &s.Updates, s.Position))
	must(t, err)
	equalBits(t, "weights", snapshot(t, s.Network), snapshot(t, straight))
	if s.Updates != count || later.Loss != best.Loss || later.Epoch != best.Epoch {
		t.Errorf("%d updates, %+v; want %d, %+v", s.Updates, later, count, best)
	}
	s.Best = later
	must(t, s.Save(path))
	s, err = LoadNetwork[float32](path)
	must(t, err)
	if s.Best.Epoch != later.Epoch || s.Best.Loss != later.Loss {
		t.Errorf("%+v", s.Best)
	}
	equalBits(t, "best", s.Best.Parameters, later.Parameters)
	o.Position, o.Best = 50, new(Best[float32])
	_, err = Fit(n, x, target, o)
	refused(t, "position", err, "position")
}

func TestTrainingStateRefuses(t *testing.T) {
	path := inFolder(t)
	good := func() *NetworkState[float64] {
		n := layered[float64](t, source(1), relu(), 3, 5, 4, 2)
		f, err := NewFeedback(n, FA, GateDifferential, 1, FeedbackOptions{})
		must(t, err)
		return &NetworkState[float64]{Network: n, Seed: 1, Optimizer: NewOptimizer(n, AdamOptimizer), Feedback: f, Living: NewLiving(n, 1),
			Dropout: &Dropout{Rate: []float64{0, 0.5, 0.5, 0}, Seed: 1}}
	}
	for arg, change := range map[string]func(s *NetworkState[float64]){
		"position":                func(s *NetworkState[float64]) { s.Position = -1 },
		"dropout seed":            func(s *NetworkState[float64]) { s.Dropout.Seed = 2 },
		"beta1":                   func(s *NetworkState[float64]) { s.Optimizer.Beta1 = 2 },
		"feedback_weights":        func(s *NetworkState[float64]) { s.Feedback.B = nil },
		"stamina of population 1": func(s *NetworkState[float64]) { s.Living.Lives[1].Alive = nil },
		"best":                    func(s *NetworkState[float64]) { s.Best = &Best[float64]{Parameters: []float64{1}} },
	} {
		s := good()
		change(s)
		refused(t, arg, s.Save(path), arg)
	}
	for words, change := range map[string]func(c *Checkpoint, o map[string]any){
		"the optimizer \"rprop\"":      func(c *Checkpoint, o map[string]any) { o["optimizer"].(map[string]any)["name"] = "rprop" },
		"without beta2":                func(c *Checkpoint, o map[string]any) { delete(o["optimizer"].(map[string]any), "beta2") },
		"0 arrays for the weights":     func(c *Checkpoint, o map[string]any) { delete(o, "moments") },
		"the feedback \"hebb\"":        func(c *Checkpoint, o map[string]any) { o["feedback"] = "hebb" },
		"the gate \"open\"":            func(c *Checkpoint, o map[string]any) { o["gate"] = "open" },
		"no previous activity":         func(c *Checkpoint, o map[string]any) { delete(o, "previous") },
		"no tensor \"feedback_weights": func(c *Checkpoint, o map[string]any) { drop(c, "feedback_weights.1") },
		"no tensor \"stamina.0.value":  func(c *Checkpoint, o map[string]any) { drop(c, "stamina.0.value") },
		"no stamina of population 2": func(c *Checkpoint, o map[string]any) {
			l := o["stamina"].(map[string]any)
			l["list"] = l["list"].([]any)[:1]
		},
		"rates of dropout": func(c *Checkpoint, o map[string]any) { o["dropout"] = map[string]any{"list": []int{0, 0, 0, 0, 1}} },
		"the position -1":  func(c *Checkpoint, o map[string]any) { o["position"] = -1 },
		"best of the class \"Worst\"": func(c *Checkpoint, o map[string]any) {
			o["best"] = map[string]any{"class": "Worst", "options": map[string]any{}}
		},
		"no map \"inputs\"": func(c *Checkpoint, o map[string]any) { o["inputs"] = map[string]string{"array": "inputs"} },
		"has wrong options": func(c *Checkpoint, o map[string]any) { o["moments"] = 3 },
	} {
		c, err := good().Checkpoint()
		must(t, err)
		var o map[string]any
		must(t, json.Unmarshal([]byte(c.Metadata["options"]), &o))
		change(c, o)
		text, err := json.Marshal(o)
		must(t, err)
		c.Metadata["options"] = string(text)
		must(t, c.Save(path))
		_, err = LoadNetwork[float64](path)
		var bad *CheckpointError
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v", words, err)
		}
	}
}

func drop(c *Checkpoint, name string) {
	c.Tensors = slices.DeleteFunc(c.Tensors, func(t Tensor) bool { return t.Name == name })
}

// Layers with windowed gains and compositions learn on with the same bits from a file.
func TestComposedLayerResumes(t *testing.T) {
	both(t, testComposedLayer[float32], testComposedLayer[float64])
}

func testComposedLayer[T kernels.Float](t *testing.T) {
	x := randomMatrix[T](source(9), 12, 5, 0, 1)
	lows, highs, err := SignLimits(T(-0.5), T(0.5), []int8{1, -1, 0, 1, -1}, 1)
	must(t, err)
	all := randomMatrix[T](source(10), 4, 5, 2, 0.2)
	mask := make([]bool, 4*7)
	for k := range mask {
		mask[k] = k%3 > 0
	}
	for k, c := range []*Composition[T]{
		{Low: Bound(T(-0.25)), High: Bound(T(math.Inf(1)))}, {High: all, Mask: mask, MaskStride: 7},
		{Low: lows, High: highs, Soft: true, SoftLow: -0.5, SoftHigh: 0.5}, {Low: lows, High: highs, Gamma: 0.25, Theta: 0.5, RowRate: []T{0.5}},
		{RowRate: []T{1, 0, 2, 0.5}, Norm: WeightNorm[T]{Kind: Multiplicative, P: math.Inf(1), Target: 0.75}},
		{Norm: WeightNorm[T]{Kind: Subtractive, Target: 0.5}},
	} {
		straight, err := NewLayer[T](5, 4, Oja[T]{LR: 0.125}, relu(), 3)
		must(t, err)
		straight.Compose = c
		straight.Gain, err = NewWindowed[T](4, 5, OfDerivative)
		must(t, err)
		_, _, err = straight.Learn(subRows(x, 0, 7), kernels.Matrix[T]{}, UpdateOptions[T]{})
		must(t, err)
		path := inFolder(t)
		must(t, straight.Save(path))
		l, err := LoadLayer[T](path, nil)
		must(t, err)
		for _, one := range []*Layer[T]{straight, l} {
			_, _, err = one.Learn(subRows(x, 7, 5), kernels.Matrix[T]{}, UpdateOptions[T]{})
			must(t, err)
		}
		equalBits(t, fmt.Sprint("weights ", k), contiguous(l.W), contiguous(straight.W))
		a, b := straight.Gain.(*Windowed[T]), l.Gain.(*Windowed[T])
		equalBits(t, "values", a.Values.Data, b.Values.Data)
		equalBits(t, "sigma", a.Sigma, b.Sigma)
		if a.Seen != b.Seen || a.Of != b.Of {
			t.Errorf("%+v, want %+v", b, a)
		}
		again := inFolder(t)
		must(t, l.Save(again))
		first, err := LoadCheckpoint(again)
		must(t, err)
		must(t, straight.Save(path))
		second, err := LoadCheckpoint(path)
		must(t, err)
		sameTensors(t, first, second.Tensors)
	}
	l, err := NewLayer[T](5, 4, Oja[T]{LR: 0.125}, relu(), 3)
	must(t, err)
	l.Compose = &Composition[T]{Soft: true, SoftLow: -1, SoftHigh: 1}
	refused(t, "soft alone", l.Save(inFolder(t)), "low and high")
	l.Compose = &Composition[T]{Soft: true, SoftLow: -1, SoftHigh: 1, Low: Bound(T(-2)), High: Bound(T(1))}
	refused(t, "wider bounds", l.Save(inFolder(t)), "low and high")
	l.Compose = &Composition[T]{Gamma: -1}
	refused(t, "composition", l.Save(inFolder(t)), "gamma")
}
