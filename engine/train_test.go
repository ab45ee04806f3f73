package engine

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/hebbkern/hebbkern/kernels"
)

// loss64 is the mean loss of a network in plain float64 loops, its definition.
func loss64[T kernels.Float](n *Network[T], loss Loss, x, target [][]float64) float64 {
	total := 0.0
	for b := range x {
		_, a := forward64(n, x[b])
		y := a[len(a)-1]
		sum := 0.0
		for _, v := range y {
			sum += math.Exp(v)
		}
		for k, v := range y {
			switch t := target[b][k]; loss {
			case MSE:
				total += (v - t) * (v - t) / 2
			case SoftmaxCrossEntropy:
				total -= t * math.Log(math.Exp(v)/sum)
			case SigmoidCrossEntropy:
				total -= t*math.Log(sigmoid(v)) + (1-t)*math.Log(1-sigmoid(v))
			}
		}
	}
	return total / float64(len(x))
}

// classes is a batch of one-hot targets.
func classes[T kernels.Float](seed uint64, rows, k int) kernels.Matrix[T] {
	r := source(seed)
	m := kernels.NewMatrix[T](rows, k)
	for b := range rows {
		m.Row(b)[r.IntN(k)] = 1
	}
	return m
}

// twin is a network of the same shape in memory of its own.
func twin[T kernels.Float](n *Network[T]) *Network[T] {
	c := &Network[T]{Populations: append([]Population[T](nil), n.Populations...), Projections: append([]Projection[T](nil), n.Projections...)}
	for k := range c.Populations {
		if b := c.Populations[k].Bias; b != nil {
			c.Populations[k].Bias = append([]T(nil), b...)
		}
	}
	for q := range c.Projections {
		c.Projections[q].W = clone(c.Projections[q].W)
	}
	return c
}

// parameters points at every weight and bias of a network, in the same order for a twin.
func parameters[T kernels.Float](n *Network[T]) (out []*T) {
	for q := range n.Projections {
		for i := range n.Projections[q].W.Rows {
			row := n.Projections[q].W.Row(i)
			for j := range row {
				out = append(out, &row[j])
			}
		}
	}
	for k := range n.Populations {
		for i := range n.Populations[k].Bias {
			out = append(out, &n.Populations[k].Bias[i])
		}
	}
	return out
}

// Every weight and bias, each activation and loss, a network with projections past layers: central differences.
func TestGradients(t *testing.T) {
	for _, c := range activations {
		for _, loss := range []Loss{MSE, SoftmaxCrossEntropy, SigmoidCrossEntropy} {
			for name, n := range map[string]*Network[float64]{
				"layered":  layered[float64](t, source(91), c.act, 8, 6, 5, 4),
				"skipping": skipping[float64](t, source(92), c.act),
			} {
				t.Run(fmt.Sprint(name, c.act, loss), func(t *testing.T) {
					if loss == MSE { // an output activation takes part
						n.Populations[len(n.Populations)-1].Activation = c.act
					}
					x, target := randomMatrix[float64](source(93), 6, 8, 1, 1), classes[float64](94, 6, 4)
					grad := twin(n)
					mean, err := Gradients(n, grad, loss, x, target, nil)
					must(t, err)
					if want := loss64(n, loss, wide(x), wide(target)); math.Abs(mean-want) > 1e-12*want {
						t.Errorf("loss %v, want %v", mean, want)
					}
					got := parameters(grad)
					for i, w := range parameters(n) {
						const h = 1e-5
						old := *w
						*w = old + h
						up := loss64(n, loss, wide(x), wide(target))
						*w = old - h
						down := loss64(n, loss, wide(x), wide(target))
						*w = old
						// Truncation h²/6·f‴ and cancellation ε/h are both near 1e-10 here, relative to a loss or gradient above 1.
						if want := (up - down) / (2 * h); math.Abs(*got[i]-want) > 1e-7*max(1, mean, math.Abs(want)) {
							t.Fatalf("parameter %d: gradient %v, difference quotient %v", i, *got[i], want)
						}
					}
				})
			}
		}
	}
}

// A batch of several blocks: the mean of the gradients of its parts, and the same bits block by block.
func TestGradientsOfBlocks(t *testing.T) {
	const rows = 2*MaxGradientBlock + 88
	n := layered[float64](t, source(98), relu(), 8, 6, 4)
	x, target := randomMatrix[float64](source(99), rows, 8, 2, 1), classes[float64](97, rows, 4)
	grad, blocks, part := twin(n), twin(n), twin(n)
	mean, err := Gradients(n, grad, SoftmaxCrossEntropy, x, target, nil)
	must(t, err)
	var s Scratch[float64]
	tr := Trainer[float64]{Loss: SoftmaxCrossEntropy, Scratch: &s}
	sum, want, wantMean := 0.0, make([]float64, len(parameters(n))), 0.0
	for from, next := 0, 0; from < rows; from = next {
		var block float64
		block, next, err = tr.GradientsOf(n, blocks, x, target, from)
		must(t, err)
		sum += block
		count := min(MaxGradientBlock, rows-from)
		m, err := Gradients(n, part, SoftmaxCrossEntropy, subRows(x, from, count), subRows(target, from, count), nil)
		must(t, err)
		share := float64(count) / rows
		wantMean += share * m
		for i, g := range parameters(part) {
			want[i] += share * *g
		}
	}
	if sum/rows != mean || math.Abs(mean-wantMean) > 1e-13*wantMean {
		t.Errorf("loss %v, by blocks %v, of the parts %v", mean, sum/rows, wantMean)
	}
	for i, g := range parameters(grad) {
		// Sums of 600 terms of size 1 over 600: their rounding stays below 600·2⁻⁵³.
		if *g != *parameters(blocks)[i] || math.Abs(*g-want[i]) > 1e-13 {
			t.Fatalf("parameter %d: %v, by blocks %v, of the parts %v", i, *g, *parameters(blocks)[i], want[i])
		}
	}
	for _, from := range []int{-MaxGradientBlock, 1, rows, 3 * MaxGradientBlock} {
		if _, _, err := tr.GradientsOf(n, grad, x, target, from); err == nil {
			t.Errorf("from = %d accepted", from)
		}
	}
}

// A step is W − η·gradient of the minibatch, in float32 too; the statistics are those of the definition.
func TestStepsFollowGradient(t *testing.T) {
	both(t, testStepsFollowGradient[float32], testStepsFollowGradient[float64])
}

func testStepsFollowGradient[T kernels.Float](t *testing.T) {
	const lr = 0.1
	for _, loss := range []Loss{MSE, SoftmaxCrossEntropy, SigmoidCrossEntropy} {
		n := skipping[T](t, source(95), relu())
		x, target := randomMatrix[T](source(96), 10, 8, 2, 1), classes[T](97, 10, 4)
		index := []int{3, 1, 4, 1, 5, 9, 2}
		ref := twin(n)
		lossSum, hits := 0.0, 0
		for from := 0; from < len(index); from += 3 {
			part := index[from:min(from+3, len(index))]
			xb, tb := kernels.NewMatrix[T](len(part), 8), kernels.NewMatrix[T](len(part), 4)
			for b, i := range part {
				copy(xb.Row(b), x.Row(i))
				copy(tb.Row(b), target.Row(i))
				_, a := forward64(ref, wide(x)[i])
				y, best := a[len(a)-1], 0
				for k := range y {
					if y[k] > y[best] {
						best = k
					}
				}
				if tb.Row(b)[best] == 1 {
					hits++
				}
			}
			grad := twin(ref)
			mean, err := Gradients(ref, grad, loss, xb, tb, nil)
			must(t, err)
			lossSum += mean * float64(len(part))
			g := parameters(grad)
			for i, w := range parameters(ref) {
				*w -= T(lr) * *g[i]
			}
		}
		var stats Stats
		tr := Trainer[T]{Loss: loss, LR: lr, Batch: 3}
		must(t, tr.Steps(n, x, target, index, &stats))
		near(t, "parameters", rowVector(snapshot(t, n)), wide(rowVector(snapshot(t, ref))), closeness[T]())
		if stats.Samples != 7 || stats.Correct != hits || math.Abs(stats.LossSum-lossSum) > closeness[T]()*lossSum {
			t.Errorf("stats %+v, want loss %v, correct %d", stats, lossSum, hits)
		}
		// Cut at multiples of the batch, at any number of threads: the same bits.
		atThreads(t, func(int) {
			n2 := skipping[T](t, source(95), relu())
			var s2 Stats
			for from := 0; from < len(index); from += 3 {
				must(t, tr.Steps(n2, x, target, index[from:min(from+3, len(index))], &s2))
			}
			equalBits(t, "cut", snapshot(t, n), snapshot(t, n2))
			if s2 != stats {
				t.Errorf("stats %+v, cut %+v", stats, s2)
			}
		})
	}
}

// A minibatch whose products are shared among threads.
func TestStepsThreads(t *testing.T) {
	var want []float32
	atThreads(t, func(threads int) {
		n := layered[float32](t, source(107), relu(), 300, 256, 10)
		x, target := randomMatrix[float32](source(108), 64, 300, 0, 1), classes[float32](109, 64, 10)
		index := make([]int, 64)
		EpochPermutation(index, 0, 0)
		tr := Trainer[float32]{Loss: SoftmaxCrossEntropy, LR: 0.1, Batch: 64}
		must(t, tr.Steps(n, x, target, index, nil))
		if threads == 1 {
			want = snapshot(t, n)
		}
		equalBits(t, "weights", want, snapshot(t, n))
	})
}

// The cross-entropy stays finite and exact where the softmax underflows: J = 200 for logits 200 apart.
func TestCrossEntropyFarLogits(t *testing.T) {
	w := []kernels.Matrix[float32]{kernels.MatrixOf([]float32{100, -100}, 2, 1)}
	n, err := LayeredOver(w, nil, relu(), kernels.Activation{})
	must(t, err)
	grad := twin(n)
	mean, err := Gradients(n, grad, SoftmaxCrossEntropy, kernels.MatrixOf([]float32{1}, 1, 1), kernels.MatrixOf([]float32{0, 1}, 1, 2), nil)
	must(t, err)
	if mean != 200 {
		t.Errorf("J = %v, want 200", mean)
	}
	equalBits(t, "gradient", grad.Projections[0].W.Data, []float32{1, -1})
}

func TestStepsDivergence(t *testing.T) {
	both(t, testStepsDivergence[float32], testStepsDivergence[float64])
}

func testStepsDivergence[T kernels.Float](t *testing.T) {
	x, target := randomMatrix[T](source(98), 10, 5, 0, 1), classes[T](99, 10, 3)
	tr := Trainer[T]{Loss: MSE, LR: 0.1, Batch: 2}
	var e *DivergenceError
	n := layered[T](t, source(100), relu(), 5, 6, 4, 3)
	n.Projections[1].W.Row(2)[1] = T(math.Inf(1))
	before := snapshot(t, n)
	err := tr.Steps(n, x, target, []int{4, 5}, nil)
	if !errors.As(err, &e) || e.Layer != 1 || e.Error() == "" {
		t.Errorf("error %v, want layer 1", err)
	}
	equalBits(t, "weights", before, snapshot(t, n))

	n = layered[T](t, source(100), relu(), 5, 6, 4, 3)
	before = snapshot(t, n)
	x.Row(7)[2] = T(math.NaN())
	err = tr.Steps(n, x, target, []int{7, 5}, nil)
	if !errors.As(err, &e) || e.What != "x" || e.Sample != 7 {
		t.Errorf("error %v, want x at sample 7", err)
	}
	equalBits(t, "weights", before, snapshot(t, n))
}

func TestTrainRefuses(t *testing.T) {
	for _, c := range []struct {
		arg    string
		change func(n *Network[float64], tr *Trainer[float64], x, target *kernels.Matrix[float64], index *[]int)
	}{
		{"lr", func(n *Network[float64], tr *Trainer[float64], x, target *kernels.Matrix[float64], index *[]int) {
			tr.LR = math.NaN()
		}},
		{"weight_decay", func(n *Network[float64], tr *Trainer[float64], x, target *kernels.Matrix[float64], index *[]int) {
			tr.Decay = -1
		}},
		{"weight_decay", func(n *Network[float64], tr *Trainer[float64], x, target *kernels.Matrix[float64], index *[]int) {
			tr.Decay, tr.DecayP = 1, math.Inf(1)
		}},
		{"momentum", func(n *Network[float64], tr *Trainer[float64], x, target *kernels.Matrix[float64], index *[]int) {
			tr.Optimizer = NewOptimizer(n, MomentumSGD)
			tr.Optimizer.Mu = 1.5
		}},
		{"beta1", func(n *Network[float64], tr *Trainer[float64], x, target *kernels.Matrix[float64], index *[]int) {
			tr.Optimizer, tr.Updates = NewOptimizer(n, AdamOptimizer), new(int64)
			tr.Optimizer.Beta1 = 1
		}},
		{"beta2", func(n *Network[float64], tr *Trainer[float64], x, target *kernels.Matrix[float64], index *[]int) {
			tr.Optimizer, tr.Updates = NewOptimizer(n, AdamOptimizer), new(int64)
			tr.Optimizer.Beta2 = math.NaN()
		}},
		{"eps", func(n *Network[float64], tr *Trainer[float64], x, target *kernels.Matrix[float64], index *[]int) {
			tr.Optimizer, tr.Updates = NewOptimizer(n, AdamOptimizer), new(int64)
			tr.Optimizer.Eps = -1
		}},
		{"updates", func(n *Network[float64], tr *Trainer[float64], x, target *kernels.Matrix[float64], index *[]int) {
			tr.Optimizer = NewOptimizer(n, AdamOptimizer)
		}},
		{"moments weights[0]", func(n *Network[float64], tr *Trainer[float64], x, target *kernels.Matrix[float64], index *[]int) {
			tr.Optimizer = NewOptimizer(n, MomentumSGD)
			tr.Optimizer.First.Projections[0].W = n.Projections[0].W
		}},
		{"moments weights[1]", func(n *Network[float64], tr *Trainer[float64], x, target *kernels.Matrix[float64], index *[]int) {
			tr.Optimizer, tr.Updates = NewOptimizer(n, AdamOptimizer), new(int64)
			tr.Optimizer.Second.Projections[1].W = tr.Optimizer.First.Projections[1].W
		}},
		{"moments weights[0]", func(n *Network[float64], tr *Trainer[float64], x, target *kernels.Matrix[float64], index *[]int) {
			tr.Optimizer = NewOptimizer(n, MomentumSGD)
			tr.Grad = tr.Optimizer.First
		}},
		{"x", func(n *Network[float64], tr *Trainer[float64], x, target *kernels.Matrix[float64], index *[]int) {
			tr.Optimizer = NewOptimizer(n, MomentumSGD)
			*x = kernels.MatrixOf(tr.Optimizer.First.Projections[0].W.Data[:30], 6, 5)
			target.Rows = 6
		}},
		{"target", func(n *Network[float64], tr *Trainer[float64], x, target *kernels.Matrix[float64], index *[]int) {
			tr.Feedback, _ = NewFeedback(n, BP, GateDifferential, 1, FeedbackOptions{})
			*target = kernels.MatrixOf(tr.Feedback.Previous[1][:3], 1, 3)
			x.Rows, *index = 1, []int{0}
		}},
		{"optimizer", func(n *Network[float64], tr *Trainer[float64], x, target *kernels.Matrix[float64], index *[]int) {
			tr.Optimizer = &Optimizer[float64]{Kind: 7}
		}},
		{"dropout", func(n *Network[float64], tr *Trainer[float64], x, target *kernels.Matrix[float64], index *[]int) {
			tr.Dropout, tr.Updates = &Dropout{Rate: []float64{0, 1, 0}}, new(int64)
		}},
		{"dropout", func(n *Network[float64], tr *Trainer[float64], x, target *kernels.Matrix[float64], index *[]int) {
			tr.Dropout, tr.Updates = &Dropout{Rate: []float64{0, 0.5, 0.5}}, new(int64)
		}},
		{"feedback", func(n *Network[float64], tr *Trainer[float64], x, target *kernels.Matrix[float64], index *[]int) {
			tr.Feedback = &Feedback[float64]{Kind: 9}
		}},
		{"feedback_weights", func(n *Network[float64], tr *Trainer[float64], x, target *kernels.Matrix[float64], index *[]int) {
			tr.Feedback = &Feedback[float64]{Kind: FA}
		}},
		{"feedback_weights[1]", func(n *Network[float64], tr *Trainer[float64], x, target *kernels.Matrix[float64], index *[]int) {
			tr.Feedback = &Feedback[float64]{Kind: FA, B: []kernels.Matrix[float64]{{}, kernels.NewMatrix[float64](6, 3)}}
		}},
		{"previous", func(n *Network[float64], tr *Trainer[float64], x, target *kernels.Matrix[float64], index *[]int) {
			tr.Feedback = &Feedback[float64]{Gate: GateDifferential}
		}},
		{"batch", func(n *Network[float64], tr *Trainer[float64], x, target *kernels.Matrix[float64], index *[]int) {
			tr.Batch = 0
		}},
		{"loss", func(n *Network[float64], tr *Trainer[float64], x, target *kernels.Matrix[float64], index *[]int) {
			tr.Loss = 9
		}},
		{"loss", func(n *Network[float64], tr *Trainer[float64], x, target *kernels.Matrix[float64], index *[]int) {
			tr.Loss = SoftmaxCrossEntropy
			n.Populations[2].Activation = relu()
		}},
		{"index", func(n *Network[float64], tr *Trainer[float64], x, target *kernels.Matrix[float64], index *[]int) {
			*index = []int{0, 10}
		}},
		{"index", func(n *Network[float64], tr *Trainer[float64], x, target *kernels.Matrix[float64], index *[]int) {
			*index = []int{-1}
		}},
		{"x", func(n *Network[float64], tr *Trainer[float64], x, target *kernels.Matrix[float64], index *[]int) {
			x.Cols = 4
		}},
		{"x", func(n *Network[float64], tr *Trainer[float64], x, target *kernels.Matrix[float64], index *[]int) {
			*x = kernels.MatrixOf(n.Projections[0].W.Data[:10], 2, 5)
			target.Rows = 2
		}},
		{"target", func(n *Network[float64], tr *Trainer[float64], x, target *kernels.Matrix[float64], index *[]int) {
			target.Rows = 9
		}},
		{"target", func(n *Network[float64], tr *Trainer[float64], x, target *kernels.Matrix[float64], index *[]int) {
			*target = kernels.MatrixOf(n.Populations[2].Bias, 1, 3)
			x.Rows = 1
		}},
		{"network", func(n *Network[float64], tr *Trainer[float64], x, target *kernels.Matrix[float64], index *[]int) {
			n.Populations[1].Output = true
		}},
		{"lr", func(n *Network[float64], tr *Trainer[float64], x, target *kernels.Matrix[float64], index *[]int) {
			tr.Gain = NewGainTraining(n, -1, 0.1)
		}},
	} {
		n := layered[float64](t, source(101), relu(), 5, 6, 3)
		x, target := randomMatrix[float64](source(102), 10, 5, 0, 1), classes[float64](103, 10, 3)
		tr, index := Trainer[float64]{Loss: MSE, LR: 0.1, Batch: 2}, []int{0, 1, 2}
		c.change(n, &tr, &x, &target, &index)
		before := snapshot(t, n)
		refused(t, c.arg, tr.Steps(n, x, target, index, nil), c.arg)
		equalBits(t, c.arg, before, snapshot(t, n))
	}
	n, other := layered[float64](t, source(101), relu(), 5, 6, 3), layered[float64](t, source(101), relu(), 5, 7, 3)
	x, target := randomMatrix[float64](source(102), 10, 5, 0, 1), classes[float64](103, 10, 3)
	_, err := Gradients(n, other, MSE, x, target, nil)
	refused(t, "another shape", err, "grad")
	_, err = Gradients(n, n, MSE, x, target, nil)
	refused(t, "itself", err, "grad weights[0]")
	_, err = Gradients(n, twin(n), MSE, subRows(x, 0, 0), subRows(target, 0, 0), nil)
	refused(t, "no sample", err, "x")
}

func TestStepsAllocateNothing(t *testing.T) {
	n := layered[float32](t, source(104), relu(), 20, 16, 8, 4)
	x, target := randomMatrix[float32](source(105), 40, 20, 0, 1), classes[float32](106, 40, 4)
	index := make([]int, 40)
	EpochPermutation(index, 1, 0)
	for _, kind := range []FeedbackKind{BP, FA, DFA, SignFeedback} {
		for _, optimizer := range []OptimizerKind{SGD, MomentumSGD, AdamOptimizer} {
			f, err := NewFeedback(n, kind, GateDerivative, 1, FeedbackOptions{})
			must(t, err)
			tr := Trainer[float32]{Loss: SoftmaxCrossEntropy, LR: 1e-3, Batch: 8, Scratch: new(Scratch[float32]), Feedback: f,
				Optimizer: NewOptimizer(n, optimizer), Updates: new(int64), Dropout: &Dropout{Rate: []float64{0, 0.5, 0, 0}},
				Decay: 0.1, DecayP: 1}
			var stats Stats
			allocs := testing.AllocsPerRun(10, func() { must(t, tr.Steps(n, x, target, index, &stats)) })
			if allocs != 0 {
				t.Errorf("feedback %v, optimizer %v: %v allocations for five minibatches", kind, optimizer, allocs)
			}
		}
	}
}
