package engine

import (
	"errors"
	"math"
	"testing"

	"github.com/hebbkern/hebbkern/kernels"
)

// clusters is a task that a small ReLU network solves: a class is the nearest of four random centres.
func clusters[T kernels.Float](rows int) (x, target kernels.Matrix[T]) {
	r := source(110)
	centres := randomMatrix[float64](r, 4, 10, 0, 1)
	x, target = kernels.NewMatrix[T](rows, 10), kernels.NewMatrix[T](rows, 4)
	for b := range rows {
		c := r.IntN(4)
		target.Row(b)[c] = 1
		for j := range x.Cols {
			x.Row(b)[j] = T(centres.Row(c)[j] + 0.3*r.NormFloat64())
		}
	}
	return x, target
}

func fitOptions[T kernels.Float]() FitOptions[T] {
	return FitOptions[T]{Trainer: Trainer[T]{Loss: SoftmaxCrossEntropy, LR: 0.1, Batch: 16}, Epochs: 6, Seed: 4}
}

func freshNet[T kernels.Float](t *testing.T) *Network[T] {
	t.Helper()
	n, err := NewLayered[T]([]int{10, 16, 12, 4}, relu(), 3)
	must(t, err)
	return n
}

// Training learns the task; balancing before and during it does too, and each balancing lowers deficit and cost.
func TestFit(t *testing.T) { both(t, testFit[float32], testFit[float64]) }

func testFit[T kernels.Float](t *testing.T) {
	x, target := clusters[T](300)
	for _, balance := range []*BalanceOptions{nil, {P: 1}, {P: 2, IncludeBias: true}} {
		n, o := freshNet[T](t), fitOptions[T]()
		o.Balance, o.BalanceBefore = balance, balance != nil
		if balance != nil {
			o.BalanceEvery = 2
		}
		seen := 0
		o.Progress = func(e EpochStats) bool { seen++; return true }
		h, err := Fit(n, x, target, o)
		must(t, err)
		if len(h) != 6 || seen != 6 {
			t.Fatalf("%d epochs, %d reported", len(h), seen)
		}
		if h[5].Accuracy < 0.97 || h[5].Loss > h[0].Loss/2 {
			t.Errorf("history %+v", h)
		}
		for i, e := range h {
			if e.Epoch != i || !(e.Deficit > 0) || (e.Balanced != nil) != (balance != nil && i%2 == 1) {
				t.Errorf("epoch %d: %+v", i, e)
			}
			if e.Balanced != nil && (e.Balanced.CostAfter > e.Balanced.CostBefore || e.Balanced.DeficitAfter > 1e-6*e.Deficit ||
				math.Abs(e.Balanced.DeficitBefore-e.Deficit) > 1e-9*e.Deficit) {
				t.Errorf("epoch %d: %+v", i, e.Balanced)
			}
		}
	}
}

// The same bits again, resumed at an epoch, and at any number of threads; also with balancing and gain training.
func TestFitBits(t *testing.T) { both(t, testFitBits[float32], testFitBits[float64]) }

func testFitBits[T kernels.Float](t *testing.T) {
	x, target := clusters[T](100)
	set := func(n *Network[T], o *FitOptions[T]) *GainTraining[T] {
		o.Balance, o.BalanceEvery, o.BalanceBefore = &BalanceOptions{P: 1.5}, 2, true
		o.Gain = NewGainTraining(n, 1e-3, 0.1)
		o.Gain.Form = kernels.GainExp
		return o.Gain
	}
	whole, o := freshNet[T](t), fitOptions[T]()
	gain := set(whole, &o)
	want, err := Fit(whole, x, target, o)
	must(t, err)
	atThreads(t, func(threads int) {
		n, o := freshNet[T](t), fitOptions[T]()
		g := set(n, &o)
		o.Epochs = 3
		first, err := Fit(n, x, target, o)
		must(t, err)
		o.From, o.Epochs = 3, 6
		second, err := Fit(n, x, target, o)
		must(t, err)
		equalBits(t, "resumed", snapshot(t, whole), snapshot(t, n))
		equalBits(t, "gains", gain.Sigma[1], g.Sigma[1])
		for i, e := range append(first, second...) {
			if e.Loss != want[i].Loss || e.Accuracy != want[i].Accuracy || e.Deficit != want[i].Deficit {
				t.Errorf("epoch %d: %+v, want %+v", i, e, want[i])
			}
		}
	})
	// Another seed is another order.
	n, o := freshNet[T](t), fitOptions[T]()
	set(n, &o)
	o.Seed++
	_, err = Fit(n, x, target, o)
	must(t, err)
	if n.Projections[0].W.Data[0] == whole.Projections[0].W.Data[0] {
		t.Error("the seed has no effect")
	}
}

// An epoch is Steps over EpochPermutation(seed, epoch), as a caller that cuts it into calls runs it.
func TestFitIsSteps(t *testing.T) {
	x, target := clusters[float32](50)
	n, o := freshNet[float32](t), fitOptions[float32]()
	h, err := Fit(n, x, target, o)
	must(t, err)
	m, index := freshNet[float32](t), make([]int, 50)
	for epoch := range o.Epochs {
		var stats Stats
		EpochPermutation(index, o.Seed, epoch)
		must(t, o.Steps(m, x, target, index[:32], &stats))
		must(t, o.Steps(m, x, target, index[32:], &stats))
		if stats.Loss() != h[epoch].Loss || stats.Accuracy() != h[epoch].Accuracy {
			t.Errorf("epoch %d: %+v, want %+v", epoch, stats, h[epoch])
		}
	}
	equalBits(t, "weights", snapshot(t, n), snapshot(t, m))
}

func TestFitProgressStops(t *testing.T) {
	x, target := clusters[float64](50)
	n, o := freshNet[float64](t), fitOptions[float64]()
	o.Progress = func(e EpochStats) bool { return e.Epoch < 1 }
	h, err := Fit(n, x, target, o)
	must(t, err)
	if len(h) != 2 {
		t.Errorf("%d epochs", len(h))
	}
}

// Divergence names epoch and layer and restores the last good epoch.
func TestFitDivergence(t *testing.T) { both(t, testFitDivergence[float32], testFitDivergence[float64]) }

func testFitDivergence[T kernels.Float](t *testing.T) {
	x, target := clusters[T](64)
	n, o := freshNet[T](t), fitOptions[T]()
	o.Loss, o.LR, o.Epochs = MSE, 0.01, 2
	_, err := Fit(n, x, target, o)
	must(t, err)
	good := snapshot(t, n)
	o.From, o.Epochs, o.LR = 2, 50, 1e4
	h, err := Fit(n, x, target, o)
	var e *DivergenceError
	if !errors.As(err, &e) || e.Epoch != 2+len(h) || e.Layer < 0 || e.Func != "Fit" {
		t.Fatalf("error %v after %d epochs", err, len(h))
	}
	if len(h) == 0 {
		equalBits(t, "restored", good, snapshot(t, n))
	}
	if !finite(snapshot(t, n)) {
		t.Error("the restored weights are not finite")
	}
	// The gains of gain training go back too. Its linear form with a large rate drives the weights out of range.
	n, o = freshNet[T](t), fitOptions[T]()
	o.Gain = NewGainTraining(n, 1e30, 1)
	start := snapshot(t, n)
	h, err = Fit(n, x, target, o)
	if !errors.As(err, &e) || e.Epoch != 0 || len(h) != 0 {
		t.Fatalf("error %v after %d epochs", err, len(h))
	}
	equalBits(t, "restored", start, snapshot(t, n))
	for k := range o.Gain.Sigma {
		if maxAbs(wide(rowVector(o.Gain.Sigma[k]))) != 0 {
			t.Errorf("gains of population %d were not restored", k)
		}
	}
}

// One minibatch an epoch: its update makes weights that are not finite, which no forward pass of the epoch sees.
func TestFitDivergenceInTheLastUpdate(t *testing.T) {
	n, o := freshNet[float32](t), fitOptions[float32]()
	x, target := clusters[float32](16)
	o.Loss, o.LR = MSE, 3e38
	start := snapshot(t, n)
	_, err := Fit(n, x, target, o)
	var e *DivergenceError
	if !errors.As(err, &e) || e.Epoch != 0 || e.Layer < 0 {
		t.Fatalf("error %v", err)
	}
	equalBits(t, "restored", start, snapshot(t, n))
}

func TestFitRefuses(t *testing.T) {
	for _, c := range []struct {
		arg    string
		change func(n *Network[float64], o *FitOptions[float64])
	}{
		{"epochs", func(n *Network[float64], o *FitOptions[float64]) { o.From = 7 }},
		{"epochs", func(n *Network[float64], o *FitOptions[float64]) { o.From = -1 }},
		{"balance_every", func(n *Network[float64], o *FitOptions[float64]) { o.BalanceEvery = -1 }},
		{"balance", func(n *Network[float64], o *FitOptions[float64]) { o.BalanceEvery = 1 }},
		{"balance", func(n *Network[float64], o *FitOptions[float64]) { o.BalanceBefore = true }},
		{"p", func(n *Network[float64], o *FitOptions[float64]) { o.Balance = &BalanceOptions{} }},
		{"batch", func(n *Network[float64], o *FitOptions[float64]) { o.Batch = -1 }},
		{"method", func(n *Network[float64], o *FitOptions[float64]) { o.Balance = &BalanceOptions{P: 1, Method: 9} }},
	} {
		n, o := freshNet[float64](t), fitOptions[float64]()
		x, target := clusters[float64](20)
		c.change(n, &o)
		before := snapshot(t, n)
		_, err := Fit(n, x, target, o)
		refused(t, c.arg, err, c.arg)
		equalBits(t, c.arg, before, snapshot(t, n))
	}
	n, o := freshNet[float64](t), fitOptions[float64]()
	x, target := clusters[float64](20)
	_, err := Fit(n, subRows(x, 0, 0), subRows(target, 0, 0), o)
	refused(t, "no samples", err, "x")
	n.Projections[1].W.Data[3] = math.NaN()
	_, err = Fit(n, x, target, o)
	var e *NonFiniteError
	if !errors.As(err, &e) || e.Layer != 1 {
		t.Errorf("error %v", err)
	}
}

// Everything at once, resumed and at any number of threads: the same bits.
func TestFitBitsOfAllState(t *testing.T) {
	x, target := clusters[float32](60)
	run := func(parts ...int) (*Network[float32], *FitOptions[float32], []EpochStats) {
		n, o := freshNet[float32](t), fitOptions[float32]()
		f, err := NewFeedback(n, FA, GateDerivative, 2, FeedbackOptions{})
		must(t, err)
		o.Feedback, o.Optimizer, o.Updates = f, NewOptimizer(n, AdamOptimizer), new(int64)
		o.Dropout = &Dropout{Rate: []float64{0.1, 0.2, 0, 0}, Seed: 8}
		o.Decay, o.DecayP = 1e-3, 1
		o.ValidX, o.ValidTarget, o.Patience, o.Best = x, target, 50, new(Best[float32])
		o.Schedule, o.Alignment = InverseSchedule(0.01, 0.1), true
		var history []EpochStats
		for _, end := range parts {
			o.From, o.Epochs = o.Epochs%6, end
			h, err := Fit(n, x, target, o)
			must(t, err)
			history = append(history, h...)
		}
		return n, &o, history
	}
	n, o, want := run(6)
	atThreads(t, func(int) {
		m, p, got := run(3, 6)
		equalBits(t, "weights", snapshot(t, n), snapshot(t, m))
		equalBits(t, "moments", snapshot(t, o.Optimizer.Second), snapshot(t, p.Optimizer.Second))
		equalBits(t, "best", o.Best.Parameters, p.Best.Parameters)
		for i := range want {
			if got[i].ValidLoss != want[i].ValidLoss || got[i].Loss != want[i].Loss || got[i].Alignment[0] != want[i].Alignment[0] {
				t.Errorf("epoch %d: %+v, want %+v", i, got[i], want[i])
			}
		}
	})
	if c := want[5].Alignment; c[2] < 1-1e-6 || math.Abs(c[0]) > 0.99 || c[0] == 0 {
		t.Errorf("alignment %v", want[5].Alignment)
	}
}

// Patience ends the run and brings back the parameters of the least validation loss.
func TestFitStopsEarly(t *testing.T) {
	x, target := clusters[float64](60)
	n, o := freshNet[float64](t), fitOptions[float64]()
	o.ValidX, o.ValidTarget = x, classes[float64](231, 60, 4) // labels of another task: learning can but harm
	o.Epochs, o.Patience, o.Best = 100, 4, new(Best[float64])
	h, err := Fit(n, x, target, o)
	must(t, err)
	best := 0
	for i := range h {
		if h[i].ValidLoss < h[best].ValidLoss {
			best = i
		}
	}
	if len(h) != best+5 || o.Best.Epoch != best || o.Best.Loss != h[best].ValidLoss {
		t.Errorf("%d epochs, the best is %d, kept %d with %v", len(h), best, o.Best.Epoch, o.Best.Loss)
	}
	stats, err := Evaluate(n, o.Loss, o.ValidX, o.ValidTarget, nil)
	must(t, err)
	if stats.Loss() != h[best].ValidLoss || stats.Accuracy() != h[best].ValidAccuracy {
		t.Errorf("%+v after the run, want %+v", stats, h[best])
	}
	o.Best = nil
	_, err = Fit(n, x, target, o)
	refused(t, "no Best", err, "patience")
}

func TestFitCallbacks(t *testing.T) {
	x, target := clusters[float64](50) // four updates an epoch
	n, o := freshNet[float64](t), fitOptions[float64]()
	calls := [3]int{}
	stop := errors.New("enough")
	o.Callbacks = []Callback{
		{Do: func(epoch int) error { calls[0]++; return nil }},
		{Every: 2, Do: func(epoch int) error { calls[1]++; return nil }},
		{Every: 3, Do: func(epoch int) error {
			if calls[2]++; epoch == 2 {
				return stop
			}
			return nil
		}},
	}
	before := freshNet[float64](t)
	want := fitOptions[float64]()
	want.Epochs = 2
	_, err := Fit(before, x, target, want)
	must(t, err)
	h, err := Fit(n, x, target, o)
	if err != stop || len(h) != 2 || calls != [3]int{2, 5, 3} {
		t.Errorf("%v after %d epochs, calls %v", err, len(h), calls)
	}
	equalBits(t, "the last whole epoch", snapshot(t, before), snapshot(t, n))
}

// Balancing in training divides the averages of gradients by the scale of their weight, those of squares by its square.
func TestFitBalancesMoments(t *testing.T) {
	x, target := clusters[float64](50)
	run := func(every int) (*Network[float64], *Optimizer[float64], []EpochStats) {
		n, o := freshNet[float64](t), fitOptions[float64]()
		o.Epochs, o.Balance, o.BalanceEvery = 1, &BalanceOptions{P: 2}, every
		o.Optimizer, o.Updates, o.LR = NewOptimizer(n, AdamOptimizer), new(int64), 0.01
		h, err := Fit(n, x, target, o)
		must(t, err)
		return n, o.Optimizer, h
	}
	plain, before, _ := run(0)
	balanced, after, h := run(1)
	if h[0].Balanced == nil || h[0].Balanced.CostAfter >= h[0].Balanced.CostBefore {
		t.Fatalf("%+v", h[0].Balanced)
	}
	w, first, second := parameters(plain), parameters(before.First), parameters(before.Second)
	first2, second2 := parameters(after.First), parameters(after.Second)
	for i, v := range parameters(balanced) {
		if *w[i] == 0 {
			continue
		}
		scale := *v / *w[i]
		if math.Abs(*first2[i]*scale-*first[i]) > 1e-9*math.Abs(*first[i]) ||
			math.Abs(*second2[i]*scale*scale-*second[i]) > 1e-9*math.Abs(*second[i]) {
			t.Fatalf("parameter %d: scale %v, first %v to %v, second %v to %v", i, scale, *first[i], *first2[i], *second[i], *second2[i])
		}
	}
}
