package engine

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/hebbkern/hebbkern/kernels"
)

// living is a run of clusters with stamina, Adam, gain training and a feedback.
type livingRun[T kernels.Float] struct {
	n *Network[T]
	o FitOptions[T]
}

func newLivingRun[T kernels.Float](t *testing.T, kind FeedbackKind, how Death) *livingRun[T] {
	t.Helper()
	n := freshNet[T](t)
	o := fitOptions[T]()
	f, err := NewFeedback(n, kind, GateDerivative, 3, FeedbackOptions{Excitatory: 0.5})
	must(t, err)
	o.Feedback, o.Optimizer, o.Updates, o.LR, o.Epochs = f, NewOptimizer(n, AdamOptimizer), new(int64), 0.01, 3
	o.Gain = NewGainTraining(n, 1e-4, 0.1)
	o.Living = NewLiving(n, 4)
	for _, life := range o.Living.Lives {
		if life != nil {
			life.How, life.ByShare, life.Share, life.Penalty = how, true, 0.15, Penalty{MeanPenalty, 0.5}
		}
	}
	return &livingRun[T]{n, o}
}

func (r *livingRun[T]) fit(t *testing.T, x, target kernels.Matrix[T], from, to int) []EpochStats {
	t.Helper()
	r.o.From, r.o.Epochs = from, to
	h, err := Fit(r.n, x, target, r.o)
	must(t, err)
	return h
}

// same requires all that training has changed to be equal.
func (r *livingRun[T]) same(t *testing.T, what string, other *livingRun[T]) {
	t.Helper()
	equalBits(t, what+" weights", snapshot(t, r.n), snapshot(t, other.n))
	equalBits(t, what+" moments", snapshot(t, r.o.Optimizer.Second), snapshot(t, other.o.Optimizer.Second))
	for k := range r.n.Populations {
		if r.n.Populations[k].Units != other.n.Populations[k].Units {
			t.Fatalf("%s: %d units in population %d, want %d", what, r.n.Populations[k].Units, k, other.n.Populations[k].Units)
		}
		equalBits(t, what+" gains", r.o.Gain.Sigma[k], other.o.Gain.Sigma[k])
		a, b := r.o.Living.Lives[k], other.o.Living.Lives[k]
		if a == nil {
			continue
		}
		equalBits(t, what+" stamina", a.Value, b.Value)
		if !slices.Equal(a.Alive, b.Alive) || a.RNG != b.RNG || a.Stamina.Updates != b.Stamina.Updates {
			t.Errorf("%s: population %d has %v, want %v", what, k, a, b)
		}
	}
	for i := range r.o.Feedback.B {
		equalBits(t, what+" feedback", contiguous(r.o.Feedback.B[i]), contiguous(other.o.Feedback.B[i]))
	}
	if !slices.Equal(r.o.Living.Inputs, other.o.Living.Inputs) || r.o.Feedback.RNG != other.o.Feedback.RNG {
		t.Errorf("%s: inputs %v, want %v, or another generator", what, r.o.Living.Inputs, other.o.Living.Inputs)
	}
}

func TestFitLives(t *testing.T) { both(t, testFitLives[float32], testFitLives[float64]) }

// A run is epochs of training with steps by hand between them: observe, then see who dies, then let them die.
func testFitLives[T kernels.Float](t *testing.T) {
	x, target := clusters[T](90)
	for _, c := range []struct {
		kind FeedbackKind
		how  Death
	}{{BP, DeathCompacts}, {FA, DeathCompacts}, {DFA, DeathRebirth}, {FA, DeathMasks}} {
		what := fmt.Sprint(c)
		r, hand := newLivingRun[T](t, c.kind, c.how), newLivingRun[T](t, c.kind, c.how)
		r.o.Living.Samples = 40
		lives := hand.o.Living.Lives
		hand.o.Living = nil
		for epoch, e := range r.fit(t, x, target, 0, 3) {
			hand.fit(t, x, target, epoch, epoch+1)
			index := make([]int, x.Rows)
			EpochPermutation(index, hand.o.Seed, epoch)
			var act Activity[T]
			must(t, hand.n.Forward(pick(x, index[50:], nil), &act, nil))
			var dead [4][]int
			for k := 1; k < 3; k++ { // the masked give 0, and as they take no part they are not in the means
				l := lives[k]
				part := Stamina[T]{Value: make([]T, 0), Penalty: l.Penalty}
				for i, alive := range l.Alive {
					if alive {
						part.Value = append(part.Value, l.Value[i])
					}
				}
				must(t, part.Update(pick(act.A[k], nil, living(l.Alive)), nil))
				for j, i := range living(l.Alive) {
					l.Value[i] = part.Value[j]
				}
				l.Stamina.Updates++
			}
			for k := 1; k < 3; k++ {
				var err error
				dead[k], err = lives[k].Deaths(lives[k].Mortality, lives[k].Alive)
				must(t, err)
			}
			for k := 1; k < 3; k++ {
				handed(t, hand, k, lives[k], dead[k])
				if e.Alive[k] != len(living(lives[k].Alive)) {
					t.Errorf("%s: epoch %d: %v alive", what, epoch, e.Alive)
				}
			}
			if e.Alive[0] != 10 || e.Alive[3] != 4 {
				t.Errorf("%s: epoch %d: %v alive", what, epoch, e.Alive)
			}
		}
		hand.o.Living = &Living[T]{Lives: lives}
		r.same(t, what, hand)
		if units := r.n.Populations[1].Units; (units < 16) != (c.how == DeathCompacts) {
			t.Errorf("%s: %d units are left", what, units)
		}
	}
}

// handed lets units die by the functions for networks, and what belongs to them.
func handed[T kernels.Float](t *testing.T, r *livingRun[T], k int, l *Life[T], dead []int) {
	t.Helper()
	for _, i := range dead {
		l.Alive[i] = l.How == DeathRebirth
	}
	kept := living(l.Alive)
	twins := []*Network[T]{r.o.Optimizer.First, r.o.Optimizer.Second}
	b := r.o.Feedback.B
	switch l.How {
	case DeathCompacts:
		_, err := r.n.KeepUnits(k, kept, twins...)
		must(t, err)
		l.Value, l.Alive = pick(rowVector(l.Value), nil, kept).Data, l.Alive[:len(kept)]
		for i := range l.Alive {
			l.Alive[i] = true
		}
		r.o.Gain.Sigma[k] = pick(rowVector(r.o.Gain.Sigma[k]), nil, kept).Data
		if b != nil { // of FA: [units of the next, units]
			b[k] = pick(b[k], nil, kept)
			if k == 2 {
				b[1] = pick(b[1], kept, nil)
			}
		}
	case DeathMasks:
		must(t, r.n.MaskUnits(k, dead, twins...))
		for row := range b[k].Rows {
			for _, i := range dead {
				b[k].Row(row)[i] = 0
			}
		}
	default:
		must(t, r.n.RebirthUnits(k, dead, &l.RNG, twins...))
		for _, i := range dead {
			l.Value[i], r.o.Gain.Sigma[k][i] = 0, 0
		}
	}
}

// Runs that stop after any epoch and go on have the bits of one that does not; also with inputs that die, growth, and
// steps within an epoch.
func TestFitLivesOn(t *testing.T) {
	x, target := clusters[float32](90)
	for _, c := range []struct {
		kind   FeedbackKind
		how    Death
		inputs Death
		grow   int
		steps  int
	}{{BP, DeathCompacts, DeathCompacts, 0, 0}, {FA, DeathCompacts, DeathMasks, 3, 0}, {DFA, DeathMasks, DeathCompacts, 2, 2}, {FAEx, DeathRebirth, DeathCompacts, 3, 0}} {
		make := func() *livingRun[float32] {
			r := newLivingRun[float32](t, c.kind, c.how)
			in := NewLife[float32](10, 4)
			in.ByShare, in.Share, in.How, in.Minimum = true, 0.15, c.inputs, 6
			r.o.Living.Lives[0], r.o.Living.Steps, r.o.ValidX, r.o.ValidTarget = in, c.steps, x, target
			for _, life := range r.o.Living.Lives[1:3] {
				life.Grow, life.Maximum = c.grow, 18
			}
			return r
		}
		straight, parts := make(), make()
		h := straight.fit(t, x, target, 0, 4)
		for epoch := range 4 {
			e := parts.fit(t, x, target, epoch, epoch+1)[0]
			if e.Loss != h[epoch].Loss || e.ValidLoss != h[epoch].ValidLoss || !slices.Equal(e.Alive, h[epoch].Alive) {
				t.Errorf("%v: epoch %d: %+v, want %+v", c, epoch, e, h[epoch])
			}
		}
		straight.same(t, fmt.Sprint(c), parts)
		must(t, straight.n.Check())
		if left := h[3].Alive[0]; left >= 9 || left < 6 || (straight.n.Populations[0].Units == left) != (c.inputs == DeathCompacts) {
			t.Errorf("%v: %d inputs of %d", c, left, straight.n.Populations[0].Units)
		}
		if len(straight.o.Living.Inputs) != 10*b2i(c.inputs == DeathCompacts) {
			t.Errorf("%v: the map %v", c, straight.o.Living.Inputs)
		}
		if c.inputs == DeathMasks {
			for i, alive := range straight.o.Living.Lives[0].Alive {
				for row := range straight.n.Projections[0].W.Rows {
					if w := straight.n.Projections[0].W.Row(row)[i]; !alive && w != 0 {
						t.Fatalf("%v: a weight of input %d is %v", c, i, w)
					}
				}
			}
		}
		// What is left of the inputs is the network's function of the samples as they were given.
		read, err := straight.o.Living.Select(straight.n, x)
		must(t, err)
		stats, err := Evaluate(straight.n, straight.o.Loss, read, target, nil)
		must(t, err)
		if c.steps == 0 && stats.Loss() == 0 || stats.Loss()-stats.Loss() != 0 {
			t.Errorf("%v: loss %v", c, stats.Loss())
		}
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// The map of two input populations that shrink, each by its own.
func TestInputsMap(t *testing.T) {
	n := skipping[float32](t, source(1), relu()) // inputs of 5 and of 3
	l := NewLiving(n, 1)
	for _, step := range []struct {
		pop  int
		kept []int
		want []int
	}{{0, []int{0, 2, 3}, []int{0, -1, 1, 2, -1, 3, 4, 5}}, {1, []int{1, 2}, []int{0, -1, 1, 2, -1, -1, 3, 4}}, {0, []int{1, 2}, []int{-1, -1, 0, 1, -1, -1, 2, 3}}} {
		index, err := n.KeepUnits(step.pop, step.kept)
		must(t, err)
		l.removeInputs(n, step.pop, index, 8)
		if !slices.Equal(l.Inputs, step.want) {
			t.Errorf("%v: %v", step, l.Inputs)
		}
		l.Lives[2], l.Lives[3] = NewLife[float32](7, 1), NewLife[float32](6, 1)
		must(t, l.check("test", n))
	}
	x := randomMatrix[float32](source(2), 4, 8, 0, 1)
	read, err := l.Select(n, x)
	must(t, err)
	equalBits(t, "columns", read.Data, pick(x, nil, []int{2, 3, 6, 7}).Data)
}

// Growth draws the feedback that the new units need by the generator of the start, and leaves the old.
func TestFeedbackGrows(t *testing.T) {
	for _, kind := range []FeedbackKind{FA, DFA, FAEx} {
		n, err := NewLayered[float64]([]int{4, 5, 6, 3}, relu(), 1)
		must(t, err)
		o := FeedbackOptions{Excitatory: 0.5}
		f, err := NewFeedback(n, kind, GateDifferential, 2, o)
		must(t, err)
		r, before := f.RNG, slices.Clone(f.B)
		must(t, n.GrowUnits(2, 2, &RNG{1}))
		f.growUnits(n, 2, 2)
		must(t, f.check("test", n, MSE))
		if kind == FA { // new rows of the first, then new columns of the second
			rows := kernels.NewMatrix[float64](2, 5)
			h := math.Sqrt(6. / (8 + 5))
			Uniform(&r, rows.Data, -h, h)
			equalBits(t, "rows", contiguous(subRows(f.B[1], 6, 2)), rows.Data)
			equalBits(t, "old rows", contiguous(subRows(f.B[1], 0, 6)), contiguous(before[1]))
		}
		for row := range 3 {
			want := make([]float64, 2)
			for j := range want {
				if kind == FAEx {
					want[j] = 0.1
					if r.Float64() >= 0.5 {
						want[j] = -0.1
					}
					continue
				}
				h := math.Sqrt(6. / (3 + 8))
				Uniform(&r, want[j:j+1], -h, h)
			}
			equalBits(t, "columns", f.B[2].Row(row)[6:], want)
			equalBits(t, "old columns", f.B[2].Row(row)[:6], before[2].Row(row))
		}
		if f.RNG != r || len(f.Previous[2]) != 8 {
			t.Errorf("%v: another number of draws, or previous %v", kind, f.Previous)
		}
	}
	b, r := kernels.NewMatrix[float32](2, 2), NewRNG(1, 0)
	for arg, err := range map[string]error{
		"excitatory": DrawFeedback(b, FAEx, FeedbackOptions{Excitatory: 2}, 2, 2, &r), "feedback": DrawFeedback(b, BP, FeedbackOptions{}, 2, 2, &r),
		"b": DrawFeedback(b, FA, FeedbackOptions{}, 1, 2, &r), "rng": DrawFeedback(b, FA, FeedbackOptions{}, 2, 2, new(RNG)),
	} {
		refused(t, arg, err, arg)
	}
}

// A divergence, and a population that would die altogether, give back the arrays of the last whole epoch.
func TestFitLivesRollsBack(t *testing.T) {
	x, target := clusters[float32](90)
	make := func() *livingRun[float32] {
		r := newLivingRun[float32](t, FA, DeathCompacts)
		r.o.Living.Steps, r.o.Living.Lives[0] = 2, NewLife[float32](10, 4)
		r.o.Living.Lives[0].Mortality = Mortality{ByShare: true, Share: 0.1}
		r.o.ValidX, r.o.ValidTarget, r.o.Patience, r.o.Best = x, target, 20, new(Best[float32])
		r.fit(t, x, target, 0, 2)
		return r
	}
	want, r := make(), make()
	r.o.Callbacks = []Callback{{Every: 5, Do: func(int) error {
		if r.n.Populations[1].Units == want.n.Populations[1].Units {
			t.Error("nobody has died yet")
		}
		r.n.Projections[0].W.Data[0] = float32(math.NaN())
		return nil
	}}}
	r.o.From, r.o.Epochs = 2, 4
	h, err := Fit(r.n, x, target, r.o)
	var div *DivergenceError
	if !errors.As(err, &div) || div.Epoch != 2 || len(h) != 0 {
		t.Fatalf("%v after %d epochs", err, len(h))
	}
	r.same(t, "divergence", want)
	if r.o.Best.Loss != want.o.Best.Loss || *r.o.Updates != *want.o.Updates {
		t.Error("best or updates are not those of the last epoch")
	}
	r.o.Callbacks, r.o.Living.Lives[2].Mortality = nil, Mortality{Threshold: 1e30}
	_, err = Fit(r.n, x, target, r.o)
	var extinct *ExtinctionError
	if !errors.As(err, &extinct) || extinct.Epoch != 2 || extinct.Population != 2 || extinct.Func != "Fit" {
		t.Fatalf("%v", err)
	}
	r.o.Living.Lives[2].Mortality = want.o.Living.Lives[2].Mortality
	r.same(t, "extinction", want)
}

func TestLivingRefuses(t *testing.T) {
	x, target := clusters[float64](20)
	for _, c := range []struct {
		arg    string
		change func(n *Network[float64], l *Living[float64])
	}{
		{"stamina", func(n *Network[float64], l *Living[float64]) { l.Lives = l.Lives[:2] }},
		{"stamina", func(n *Network[float64], l *Living[float64]) { clear(l.Lives) }},
		{"stamina samples", func(n *Network[float64], l *Living[float64]) { l.Samples = 0 }},
		{"stamina steps", func(n *Network[float64], l *Living[float64]) { l.Every = 0 }},
		{"stamina of population 3", func(n *Network[float64], l *Living[float64]) { l.Lives[3] = NewLife[float64](4, 1) }},
		{"stamina of population 0", func(n *Network[float64], l *Living[float64]) {
			l.Lives[0] = NewLife[float64](10, 1)
			l.Lives[0].How = DeathRebirth
		}},
		{"stamina of population 1", func(n *Network[float64], l *Living[float64]) { l.Lives[1].Grow = 1 }},
		{"stamina of population 1", func(n *Network[float64], l *Living[float64]) { l.Lives[1].How = 9 }},
		{"stamina of population 1", func(n *Network[float64], l *Living[float64]) { l.Lives[1].Alive = nil }},
		{"stamina of population 2", func(n *Network[float64], l *Living[float64]) { l.Lives[2].RNG, l.Lives[2].How = RNG{}, DeathRebirth }},
		{"stamina of population 2", func(n *Network[float64], l *Living[float64]) {
			n.Populations[2].Activation.Kind, l.Lives[2].How = kernels.Sigmoid, DeathMasks
		}},
		{"inputs", func(n *Network[float64], l *Living[float64]) { l.Inputs = []int{1, 0} }},
		{"inputs", func(n *Network[float64], l *Living[float64]) { l.Inputs = []int{0, 1} }},
	} {
		n, o := freshNet[float64](t), fitOptions[float64]()
		o.Living = NewLiving(n, 1)
		c.change(n, o.Living)
		before := snapshot(t, n)
		_, err := Fit(n, x, target, o)
		refused(t, c.arg, err, c.arg)
		equalBits(t, c.arg, before, snapshot(t, n))
	}
	// A map wants the columns that it maps.
	n, o := freshNet[float64](t), fitOptions[float64]()
	o.Living = NewLiving(n, 1)
	o.Living.Inputs = []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, -1}
	_, err := Fit(n, x, target, o)
	refused(t, "columns", err, "x")
}
