package engine

import (
	"fmt"
	"math"
	"testing"

	"github.com/hebbkern/hebbkern/kernels"
)

// Each optimizer and decay against the published update on the network's own gradient, over several minibatches.
func TestOptimizers(t *testing.T) { both(t, testOptimizers[float32], testOptimizers[float64]) }

func testOptimizers[T kernels.Float](t *testing.T) {
	const lr, rows = 0.05, 30
	for _, kind := range []OptimizerKind{SGD, MomentumSGD, AdamOptimizer} {
		for _, decay := range [][2]float64{{0, 0}, {0.1, 0}, {0.1, 1}, {0.05, 0.5}, {0.1, 3}} {
			for _, nesterov := range []bool{false, true} {
				if nesterov && kind != MomentumSGD {
					continue
				}
				n := skipping[T](t, source(221), kernels.Activation{Kind: kernels.Tanh})
				x, target := randomMatrix[T](source(222), rows, 8, 1, 1), randomMatrix[T](source(223), rows, 4, 0, 1)
				o := NewOptimizer(n, kind)
				o.Nesterov, o.Eps = nesterov, 1e-4
				var updates int64
				tr := Trainer[T]{LR: lr, Batch: 10, Sum: true, Decay: decay[0], DecayP: decay[1], Optimizer: o, Updates: &updates}
				weights := 0 // parameters that decay: the weights come first
				for q := range n.Projections {
					weights += n.Projections[q].W.Rows * n.Projections[q].W.Cols
				}
				ref := wide(rowVector(snapshot(t, n)))[0]
				m, v := make([]float64, len(ref)), make([]float64, len(ref))
				for step := 1; step <= 3; step++ {
					part := subRows(x, 10*(step-1), 10)
					grad := twin(n)
					_, err := tr.Gradients(n, grad, part, subRows(target, 10*(step-1), 10))
					must(t, err)
					for i, p := range parameters(grad) {
						g := float64(*p)
						if i < weights && decay[0] > 0 {
							p := decay[1]
							if p == 0 {
								p = 2
							}
							a := math.Abs(ref[i])
							ref[i] = math.Copysign(max(a-lr*decay[0]*math.Pow(a, p-1), 0), ref[i])
						}
						switch kind {
						case SGD:
							ref[i] -= lr * g
						case MomentumSGD:
							m[i] = 0.9*m[i] + g
							if nesterov {
								ref[i] -= lr * (g + 0.9*m[i])
							} else {
								ref[i] -= lr * m[i]
							}
						case AdamOptimizer:
							m[i] = 0.9*m[i] + 0.1*g
							v[i] = 0.999*v[i] + 0.001*g*g
							ref[i] -= lr * m[i] / (1 - math.Pow(0.9, float64(step))) / (math.Sqrt(v[i]/(1-math.Pow(0.999, float64(step)))) + 1e-4)
						}
					}
					must(t, tr.Steps(n, x, target, []int{10*step - 10, 10*step - 9, 10*step - 8, 10*step - 7, 10*step - 6, 10*step - 5,
						10*step - 4, 10*step - 3, 10*step - 2, 10*step - 1}, nil))
					// A gradient near ε makes Adam's quotient turn its relative error into an absolute one, of η·ulp(g)/ε.
					near(t, fmt.Sprint(kind, decay, nesterov), rowVector(snapshot(t, n)), [][]float64{ref}, 100*closeness[T]())
				}
				if updates != 3 {
					t.Errorf("%d updates", updates)
				}
			}
		}
	}
}

// A minibatch of several blocks: the mean gradient of all its samples, the same bits in calls of one block each; until
// the last one nothing of the network changes.
func TestBlocks(t *testing.T) {
	const rows = 2*MaxGradientBlock + 40
	x, target := randomMatrix[float32](source(224), rows, 8, 0, 1), classes[float32](225, rows, 4)
	index := make([]int, rows)
	EpochPermutation(index, 3, 0)
	for _, kind := range []OptimizerKind{SGD, MomentumSGD, AdamOptimizer} {
		n, cut := layered[float32](t, source(226), relu(), 8, 6, 4), layered[float32](t, source(226), relu(), 8, 6, 4)
		grad := twin(n)
		mean, err := Gradients(n, grad, SoftmaxCrossEntropy, x, target, nil)
		must(t, err)
		start := snapshot(t, n)
		a := Trainer[float32]{Loss: SoftmaxCrossEntropy, LR: 0.1, Batch: rows, Optimizer: NewOptimizer(n, kind), Updates: new(int64), Decay: 0.01}
		b := Trainer[float32]{Loss: SoftmaxCrossEntropy, LR: 0.1, Batch: rows, Optimizer: NewOptimizer(n, kind), Updates: new(int64), Decay: 0.01,
			Grad: twin(n), Dropout: &Dropout{Rate: make([]float64, 3)}}
		var whole, parts Stats
		must(t, a.Steps(n, x, target, index, &whole))
		calls := 0
		for from := 0; from < rows; calls++ {
			equalBits(t, "before the last block", start, snapshot(t, cut))
			from, err = b.Block(cut, x, target, index, from, &parts)
			must(t, err)
		}
		equalBits(t, "blocks", snapshot(t, n), snapshot(t, cut))
		if whole != parts || calls != 3 || *b.Updates != 1 || math.Abs(whole.Loss()-mean) > 1e-6 {
			t.Errorf("%+v in %d calls, %+v at once", parts, calls, whole)
		}
		if kind == SGD {
			g := parameters(grad)
			for i, w := range parameters(twin(n)) {
				decayed := float64(start[i])
				if i < 8*6+6*4 {
					decayed *= 1 - 0.001
				}
				if want := decayed - 0.1*float64(*g[i]); math.Abs(float64(*w)-want) > 1e-6 {
					t.Fatalf("parameter %d: %v, want %v", i, *w, want)
				}
			}
		}
		_, err = b.Block(cut, x, target, index, 7, nil)
		refused(t, "from", err, "from")
	}
	if big, err := NewLayered[float32]([]int{1000, 4000, 10}, relu(), 1); err != nil || big.GradientBlock() != 64 {
		t.Errorf("a block of %d samples, %v", big.GradientBlock(), err)
	}
}

// Dropout: the share of silent units, the others scaled so that the mean stays; the gradient is that of the network
// with these units; a function of seed and updates alone.
func TestDropout(t *testing.T) {
	const rows = 20
	n := layered[float64](t, source(227), kernels.Activation{Kind: kernels.Tanh}, 30, 50, 4)
	x, target := randomMatrix[float64](source(228), rows, 30, 0, 1), randomMatrix[float64](source(229), rows, 4, 0, 1)
	d := &Dropout{Rate: []float64{0.2, 0.5, 0}, Seed: 7}
	var s Scratch[float64]
	r := d.rng(5, 0)
	s.reset()
	n.forwardDropping(x, &s.act, d, &r, &s)
	var masks [2][]float64
	for k, rate := range d.Rate[:2] {
		silent := 0
		masks[k] = append([]float64(nil), s.mask(k)...)
		for _, v := range s.mask(k) {
			switch v {
			case 0:
				silent++
			case 1 / (1 - rate):
			default:
				t.Fatalf("factor %v", v)
			}
		}
		// Binomial, six standard deviations.
		if count := float64(len(s.mask(k))); math.Abs(float64(silent)-rate*count) > 6*math.Sqrt(count*rate*(1-rate)) {
			t.Errorf("population %d: %d of %v silent", k, silent, count)
		}
	}
	// The loss of the thinned network, and its difference quotients.
	loss := func() float64 {
		total := 0.0
		for b := range rows {
			in := make([]float64, 30)
			for j := range in {
				in[j] = x.Row(b)[j] * masks[0][b*30+j]
			}
			hidden := make([]float64, 50)
			for i := range hidden {
				z := n.Populations[1].Bias[i]
				for j, v := range in {
					z += n.Projections[0].W.Row(i)[j] * v
				}
				hidden[i] = math.Tanh(z) * masks[1][b*50+i]
			}
			for k := range 4 {
				y := n.Populations[2].Bias[k]
				for i, v := range hidden {
					y += n.Projections[1].W.Row(k)[i] * v
				}
				total += (y - target.Row(b)[k]) * (y - target.Row(b)[k]) / 2
			}
		}
		return total / rows
	}
	index := make([]int, rows)
	for i := range index {
		index[i] = i
	}
	updates := int64(5)
	moved := twin(n)
	var stats Stats
	tr := Trainer[float64]{LR: 1, Batch: rows, Dropout: d, Updates: &updates}
	must(t, tr.Steps(moved, x, target, index, &stats))
	if want := loss(); math.Abs(stats.Loss()-want) > 1e-12*want {
		t.Errorf("loss %v, want %v", stats.Loss(), want)
	}
	after := parameters(moved)
	for i, w := range parameters(n) {
		if i%37 != 0 {
			continue
		}
		const h = 1e-5
		old := *w
		*w = old + h
		up := loss()
		*w = old - h
		down := loss()
		*w = old
		if want := (up - down) / (2 * h); math.Abs(old-*after[i]-want) > 1e-7 {
			t.Fatalf("parameter %d: gradient %v, difference quotient %v", i, old-*after[i], want)
		}
	}
	again, count := twin(n), int64(5)
	must(t, (&Trainer[float64]{LR: 1, Batch: rows, Dropout: d, Updates: &count}).Steps(again, x, target, index, nil))
	equalBits(t, "again", snapshot(t, moved), snapshot(t, again))
	other := twin(n)
	must(t, (&Trainer[float64]{LR: 1, Batch: rows, Dropout: d, Updates: &count}).Steps(other, x, target, index, nil))
	if other.Projections[1].W.Data[0] == moved.Projections[1].W.Data[0] {
		t.Error("the next update drops the same units")
	}
}

func TestSchedules(t *testing.T) {
	for _, c := range []struct {
		s    Schedule
		want map[int]float64
	}{
		{StepSchedule(0.5, 3, 0.5), map[int]float64{0: 0.5, 2: 0.5, 3: 0.25, 8: 0.125}},
		{InverseSchedule(0.5, 1), map[int]float64{0: 0.5, 1: 0.25, 3: 0.125}},
		{RampSchedule(0.5, 11, 0, 0, false), map[int]float64{0: 0.5, 5: 0.25, 10: 0, 20: 0}},
		{RampSchedule(0.5, 15, 4, 0.25, false), map[int]float64{0: 0.125, 3: 0.5, 4: 0.5, 9: 0.375, 14: 0.25}},
	} {
		for epoch, want := range c.want {
			if got := c.s(epoch); got != want {
				t.Errorf("epoch %d: %v, want %v", epoch, got, want)
			}
		}
	}
	smooth := RampSchedule(1, 101, 0, 0, true)
	for epoch := range 101 {
		if want := (1 + math.Cos(math.Pi*float64(epoch)/100)) / 2; math.Abs(smooth(epoch)-want) > 0.011 {
			t.Errorf("epoch %d: %v, half a cosine is %v", epoch, smooth(epoch), want)
		}
	}
}
