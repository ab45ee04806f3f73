package engine

import (
	"math"
	"strings"
	"testing"

	"github.com/hebbkern/hebbkern/kernels"
)

// step64 is one step of a layered network on a minibatch in plain float64 loops: the
// signal of hidden unit i is Σ_k through(l, k, i)·d_k of the layer after it, or of the output if direct; its gate is
// f′(z_i), or the change of y_i since the sample before. It returns the new weights and biases.
func step64[T kernels.Float](n *Network[T], x, target [][]float64, lr float64, direct bool, through func(l, k, i int) float64,
	before [][]float64) (w [][][]float64, b [][]float64) {
	layers := len(n.Projections)
	for l := range layers {
		w = append(w, wide(n.Projections[l].W))
		b = append(b, wide(rowVector(n.Populations[l+1].Bias))[0])
	}
	dw, db := make([][][]float64, layers), make([][]float64, layers)
	for l := range layers {
		db[l] = make([]float64, len(b[l]))
		dw[l] = make([][]float64, len(w[l]))
		for i := range dw[l] {
			dw[l][i] = make([]float64, len(w[l][i]))
		}
	}
	for s := range x {
		z, a := forward64(n, x[s])
		e := make([]float64, len(a[layers]))
		for k, y := range a[layers] {
			e[k] = (y - target[s][k]) * activation64(n.Populations[layers].Activation).df(z[layers][k])
		}
		d := e
		for l := layers - 1; l >= 0; l-- {
			for i := range d {
				db[l][i] += d[i]
				for j := range a[l] {
					dw[l][i][j] += d[i] * a[l][j]
				}
			}
			if l == 0 {
				break
			}
			if direct {
				d = e
			}
			next := make([]float64, len(a[l]))
			for i := range next {
				for k := range d {
					next[i] += through(l, k, i) * d[k]
				}
				switch {
				case before == nil:
					next[i] *= activation64(n.Populations[l].Activation).df(z[l][i])
				case before[l] == nil:
					next[i] = 0
				default:
					next[i] *= a[l][i] - before[l][i]
				}
			}
			d = next
		}
		if before != nil {
			copy(before, a)
		}
	}
	for l := range layers {
		for i := range b[l] {
			b[l][i] -= lr * db[l][i] / float64(len(x))
			for j := range w[l][i] {
				w[l][i][j] -= lr * dw[l][i][j] / float64(len(x))
			}
		}
	}
	return w, b
}

// Two steps of each feedback with each gate, against the derivation; the output activation takes part.
func TestFeedbackSteps(t *testing.T) { both(t, testFeedbackSteps[float32], testFeedbackSteps[float64]) }

func testFeedbackSteps[T kernels.Float](t *testing.T) {
	for _, kind := range []FeedbackKind{BP, FA, DFA, SignFeedback, FAEx} {
		for _, gate := range []Gate{GateDerivative, GateDifferential} {
			n := layered[T](t, source(201), kernels.Activation{Kind: kernels.Tanh}, 6, 7, 5, 3)
			n.Populations[3].Activation = kernels.Activation{Kind: kernels.Sigmoid}
			f, err := NewFeedback(n, kind, gate, 5, FeedbackOptions{Excitatory: 0.6})
			must(t, err)
			x, target := randomMatrix[T](source(202), 9, 6, 1, 1), randomMatrix[T](source(203), 9, 3, 0, 1)
			var before [][]float64
			if gate == GateDifferential {
				before = make([][]float64, 4)
			}
			tr := Trainer[T]{LR: 0.25, Batch: 5, Feedback: f}
			for _, index := range [][]int{{0, 1, 2, 3, 4}, {5, 6, 7, 8}} {
				from, to := index[0], index[len(index)-1]+1
				w, b := step64(n, wide(x)[from:to], wide(target)[from:to], 0.25, kind == DFA || kind == FAEx, func(l, k, i int) float64 {
					v := float64(n.Projections[l].W.Row(k)[i])
					switch kind {
					case FA, DFA, FAEx:
						return float64(f.B[l].Row(k)[i])
					case SignFeedback:
						return math.Copysign(1, v)
					}
					return v
				}, before)
				must(t, tr.Steps(n, x, target, index, nil))
				for l := range w {
					near(t, "weights", n.Projections[l].W, w[l], closeness[T]())
					near(t, "biases", rowVector(n.Populations[l+1].Bias), [][]float64{b[l]}, closeness[T]())
				}
			}
		}
	}
}

// The sign of the rule: with B = Wᵀ each form is backpropagation, bit for bit, and one step lowers the error; with
// reversed signs it would raise it.
func TestFeedbackThroughOwnWeights(t *testing.T) {
	for _, kind := range []FeedbackKind{FA, DFA} {
		x, target := randomMatrix[float64](source(205), 8, 6, 0, 1), randomMatrix[float64](source(206), 8, 2, 0, 1)
		bp, fa := layered[float64](t, source(204), relu(), 6, 9, 2), layered[float64](t, source(204), relu(), 6, 9, 2)
		f, err := NewFeedback(fa, kind, GateDerivative, 1, FeedbackOptions{})
		must(t, err)
		b := f.B[len(f.B)-1] // of projection 1
		if kind == DFA {
			b = f.B[1]
		}
		for i := range b.Rows {
			copy(b.Row(i), fa.Projections[1].W.Row(i))
		}
		before, err := Evaluate(fa, MSE, x, target, nil)
		must(t, err)
		index := []int{0, 1, 2, 3, 4, 5, 6, 7}
		must(t, (&Trainer[float64]{LR: 0.01, Batch: 8}).Steps(bp, x, target, index, nil))
		tr := Trainer[float64]{LR: 0.01, Batch: 8, Feedback: f}
		cos, err := tr.Alignment(fa, x, target)
		must(t, err)
		for q, c := range cos {
			if math.Abs(c-1) > 1e-12 {
				t.Errorf("projection %d: cosine %v, want 1", q, c)
			}
		}
		must(t, tr.Steps(fa, x, target, index, nil))
		equalBits(t, "weights", snapshot(t, bp), snapshot(t, fa))
		after, err := Evaluate(fa, MSE, x, target, nil)
		must(t, err)
		if !(after.Loss() < before.Loss()) {
			t.Errorf("loss %v, then %v", before.Loss(), after.Loss())
		}
	}
}

// A softmax cannot teach through weights that are equal for all outputs: its errors add up to 0. They are refused with
// the alternatives, which work.
func TestFeedbackThatCannotTeach(t *testing.T) {
	x, target := randomMatrix[float64](source(207), 40, 6, 0, 1), classes[float64](208, 40, 3)
	index := make([]int, 40)
	EpochPermutation(index, 0, 0)
	for _, c := range []struct {
		loss       Loss
		excitatory float64
		refused    bool
	}{{SoftmaxCrossEntropy, 1, true}, {SoftmaxCrossEntropy, 0, true}, {SoftmaxCrossEntropy, 0.5, false}, {MSE, 1, false},
		{SigmoidCrossEntropy, 1, false}} {
		n := layered[float64](t, source(209), relu(), 6, 9, 3)
		f, err := NewFeedback(n, FAEx, GateDerivative, 3, FeedbackOptions{Excitatory: c.excitatory})
		must(t, err)
		before := snapshot(t, n)
		tr := Trainer[float64]{Loss: c.loss, LR: 0.1, Batch: 8, Feedback: f}
		err = tr.Steps(n, x, target, index, nil)
		if !c.refused {
			must(t, err)
			if n.Projections[0].W.Data[3] == before[3] {
				t.Errorf("%+v: the hidden layer does not learn", c)
			}
			continue
		}
		refused(t, "softmax", err, "feedback_weights[1]")
		for _, way := range []string{"squared error", "sigmoid", "signs drawn per entry"} {
			if !strings.Contains(err.Error(), way) {
				t.Errorf("%v does not name %q", err, way)
			}
		}
		equalBits(t, "weights", before, snapshot(t, n))
		// What would have happened: the update of the hidden layer is rounding alone.
		grad := twin(n)
		grad.clear()
		tr.Scratch = new(Scratch[float64])
		s := tr.Scratch
		n.forward(x, &s.act, s)
		delta := s.matrix(40, 3)
		lossAndDelta(c.loss, &n.Populations[2], s.act.Z[2], s.act.A[2], target, delta, 40, s)
		n.backward(f, grad, &s.act, delta, 1, nil, s)
		for _, v := range grad.Projections[0].W.Data {
			if math.Abs(v) > 1e-16 {
				t.Fatalf("hidden update %v", v)
			}
		}
	}
}

// Errors that the caller gives act as those of the squared error do.
func TestGivenError(t *testing.T) {
	a, b := layered[float64](t, source(210), relu(), 6, 9, 3), layered[float64](t, source(210), relu(), 6, 9, 3)
	x, target := randomMatrix[float64](source(211), 8, 6, 0, 1), randomMatrix[float64](source(212), 8, 3, 0, 1)
	y := kernels.NewMatrix[float64](8, 3)
	must(t, a.Predict(y, x, nil))
	for i := range y.Data {
		y.Data[i] -= target.Data[i]
	}
	index := []int{0, 1, 2, 3, 4, 5, 6, 7}
	var own, given Stats
	must(t, (&Trainer[float64]{LR: 0.1, Batch: 8}).Steps(a, x, target, index, &own))
	must(t, (&Trainer[float64]{Loss: GivenError, LR: 0.1, Batch: 8}).Steps(b, x, y, index, &given))
	equalBits(t, "weights", snapshot(t, a), snapshot(t, b))
	if own.LossSum != given.LossSum {
		t.Errorf("%v, %v", own, given)
	}
	b.Projections[1].W.Data[0] = math.Inf(1)
	if err := (&Trainer[float64]{Loss: GivenError, LR: 0.1, Batch: 8}).Steps(b, x, y, index, nil); err == nil {
		t.Error("an activity that is not finite went unseen")
	}
}

// The weights are drawn as documented: the range, the share of signs, and the same numbers from one seed in both types.
func TestNewFeedback(t *testing.T) {
	n, m := layered[float32](t, source(213), relu(), 5, 40, 30, 20), layered[float64](t, source(213), relu(), 5, 40, 30, 20)
	for kind, scale := range map[FeedbackKind]float64{FA: math.Sqrt(6.0 / 50), DFA: math.Sqrt(6.0 / 50), FAEx: 0.1} {
		f, err := NewFeedback(n, kind, GateDerivative, 9, FeedbackOptions{Excitatory: 0.8})
		must(t, err)
		g, err := NewFeedback(m, kind, GateDerivative, 9, FeedbackOptions{Excitatory: 0.8})
		must(t, err)
		last := len(f.B) - 1
		if kind != FA {
			last = 2
		}
		most, plus := 0.0, 0
		for i, v := range f.B[last].Data {
			if v != float32(g.B[last].Data[i]) {
				t.Fatalf("%v: float32 %v, float64 %v", kind, v, g.B[last].Data[i])
			}
			most = max(most, math.Abs(float64(v)))
			if v > 0 {
				plus++
			}
		}
		if most > scale*(1+1e-6) || most < 0.98*scale {
			t.Errorf("%v: up to %v, want %v", kind, most, scale)
		}
		// 600 draws with P = 0.8 (0.5 for the uniform ones): six standard deviations are 60 (74).
		if share := 480; kind == FAEx && (plus < share-60 || plus > share+60) || kind != FAEx && (plus < 226 || plus > 374) {
			t.Errorf("%v: %d of 600 are positive", kind, plus)
		}
	}
	_, err := NewFeedback(n, FAEx, GateDerivative, 9, FeedbackOptions{Excitatory: 1.5})
	refused(t, "share", err, "excitatory")
	_, err = NewFeedback(n, FAEx, GateDerivative, 9, FeedbackOptions{Beta: -1})
	refused(t, "beta", err, "beta")
	_, err = NewFeedback(n, 9, GateDerivative, 9, FeedbackOptions{})
	refused(t, "kind", err, "feedback")
}
