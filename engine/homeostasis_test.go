package engine

import (
	"math"
	"testing"

	"github.com/hebbkern/hebbkern/kernels"
)

func TestThreshold(t *testing.T) { both(t, testThreshold[float32], testThreshold[float64]) }

func testThreshold[T kernels.Float](t *testing.T) {
	const n, samples = 7, 5
	r := source(1)
	y := randomMatrix[T](r, samples, n, 2, 1)
	for _, target := range [][]T{{0.25}, randomVector[T](r, n, 1)} {
		for _, red := range []Reduction{Sequential, Mean} {
			h := Threshold[T]{Theta: randomVector[T](r, n, 1), Target: target, Rate: 0.125}
			want := zeros(1, n)
			for i := range n {
				want[0][i] = float64(h.Theta[i])
				for b := range samples {
					d := 0.125 * (float64(y.Row(b)[i]) - float64(target[i%len(target)]))
					if red == Mean {
						d /= samples
					}
					want[0][i] += d
				}
			}
			must(t, h.Update(y, red, nil))
			near(t, "theta", rowVector(h.Theta), want, closeness[T]())
		}
	}
	// A unit whose mean falls with its threshold comes to the target.
	h := Threshold[T]{Theta: make([]T, 1), Target: []T{0.1}, Rate: 0.05}
	count := 0.0
	for s := range 4000 {
		fires := kernels.NewMatrix[T](1, 1)
		if T(r.NormFloat64()) > h.Theta[0] {
			fires.Data[0] = 1
		}
		must(t, h.Update(fires, Sequential, nil))
		if s >= 1000 {
			count += float64(fires.Data[0]) / 3000
		}
	}
	if math.Abs(count-0.1) > 0.01 {
		t.Errorf("a rate of %v, want 0.1", count)
	}
}

func TestIntrinsicPlasticity(t *testing.T) {
	both(t, testIntrinsicPlasticity[float32], testIntrinsicPlasticity[float64])
}

func testIntrinsicPlasticity[T kernels.Float](t *testing.T) {
	const n, samples, target, rate = 6, 5, 0.25, 0.0625
	r := source(2)
	for _, red := range []Reduction{Sequential, Mean} {
		z, y := randomMatrix[T](r, samples, n, 1, 1), randomMatrix[T](r, samples, n, 2, 0)
		h := IntrinsicPlasticity[T]{Gain: make([]T, n), Bias: randomVector[T](r, n, 1), Target: target, Rate: rate}
		a, b, answers := zeros(1, n), zeros(1, n), zeros(samples, n)
		for i := range n {
			h.Gain[i] = T(0.5 + 0.25*float64(i))
			a[0][i], b[0][i] = float64(h.Gain[i]), float64(h.Bias[i])
			var sa, sb float64
			for s := range samples {
				v := float64(z.Row(s)[i])
				p := sigmoid(a[0][i]*v + b[0][i])
				answers[s][i] = p
				db := rate * (1 - (2+1/target)*p + p*p/target)
				da := rate/a[0][i] + v*db
				if red == Sequential {
					a[0][i], b[0][i] = a[0][i]+da, b[0][i]+db
				}
				sa, sb = sa+da/samples, sb+db/samples
			}
			if red == Mean {
				a[0][i], b[0][i] = a[0][i]+sa, b[0][i]+sb
			}
		}
		must(t, h.Update(z, y, red, nil))
		near(t, "gain", rowVector(h.Gain), a, closeness[T]())
		near(t, "bias", rowVector(h.Bias), b, closeness[T]())
		near(t, "y", y, answers, closeness[T]())
	}
	// The mean of y comes to the target.
	h := IntrinsicPlasticity[T]{Gain: []T{1}, Bias: []T{0}, Target: 0.2, Rate: 0.01}
	mean := 0.0
	for k := range 20 {
		z, y := randomMatrix[T](r, 1000, 1, 0, 1), kernels.NewMatrix[T](1000, 1)
		must(t, h.Update(z, y, Sequential, nil))
		for _, v := range y.Data {
			if k >= 10 {
				mean += float64(v) / 10000
			}
		}
	}
	if math.Abs(mean-0.2) > 0.02 {
		t.Errorf("a mean of %v, want 0.2", mean)
	}
}

func TestHomeostasisRefuses(t *testing.T) {
	type m = kernels.Matrix[float64]
	base := make([]float64, 60)
	z, y := kernels.MatrixOf(base[:12], 3, 4), kernels.MatrixOf(base[12:24], 3, 4)
	good := IntrinsicPlasticity[float64]{Gain: base[24:28], Bias: base[28:32], Target: 0.5}
	for _, c := range []struct {
		arg string
		err error
	}{
		{"rate", Threshold[float64]{Theta: base[24:28], Target: []float64{0}, Rate: -1}.Update(y, Mean, nil)},
		{"rate", Threshold[float64]{Theta: base[24:28], Target: []float64{0}, Rate: math.NaN()}.Update(y, Mean, nil)},
		{"reduction", Threshold[float64]{Theta: base[24:28], Target: []float64{0}}.Update(y, Sum, nil)},
		{"target", Threshold[float64]{Theta: base[24:28], Target: []float64{0, 0}}.Update(y, Mean, nil)},
		{"target", Threshold[float64]{Theta: base[24:28], Target: []float64{math.Inf(1)}}.Update(y, Mean, nil)},
		{"target", Threshold[float64]{Theta: base[24:28], Target: base[27:28]}.Update(y, Mean, nil)},
		{"theta", Threshold[float64]{Theta: base[20:24], Target: []float64{0}}.Update(y, Mean, nil)},
		{"y", Threshold[float64]{Theta: base[24:27], Target: []float64{0}}.Update(y, Mean, nil)},
		{"target", IntrinsicPlasticity[float64]{Gain: good.Gain, Bias: good.Bias, Target: 1}.Update(z, y, Mean, nil)},
		{"target", IntrinsicPlasticity[float64]{Gain: good.Gain, Bias: good.Bias, Target: math.NaN()}.Update(z, y, Mean, nil)},
		{"rate", IntrinsicPlasticity[float64]{Gain: good.Gain, Bias: good.Bias, Target: 0.5, Rate: math.Inf(1)}.Update(z, y, Mean, nil)},
		{"bias", IntrinsicPlasticity[float64]{Gain: good.Gain, Bias: base[28:31], Target: 0.5}.Update(z, y, Mean, nil)},
		{"bias", IntrinsicPlasticity[float64]{Gain: good.Gain, Bias: good.Gain, Target: 0.5}.Update(z, y, Mean, nil)},
		{"y", good.Update(z, m{Data: base[32:], Rows: 2, Cols: 4, Stride: 4}, Mean, nil)},
		{"y", good.Update(z, z, Mean, nil)},
		{"z", good.Update(m{Data: base, Rows: 3, Cols: 3, Stride: 3}, y, Mean, nil)},
	} {
		refused(t, c.arg, c.err, c.arg)
	}
	for k, v := range base {
		if v != 0 {
			t.Fatalf("element %d was written", k)
		}
	}
	bad := kernels.MatrixOf([]float64{0, 0, math.NaN()}, 3, 1)
	h := Threshold[float64]{Theta: []float64{1}, Target: []float64{1}, Rate: 1}
	diverged(t, h.Update(bad, Sequential, nil), 2, "y")
	if h.Theta[0] != -1 {
		t.Errorf("theta %v after two samples, want -1", h.Theta[0])
	}
	diverged(t, h.Update(bad, Mean, nil), 2, "y")
	if h.Theta[0] != -1 {
		t.Errorf("theta %v, which a batch with NaN is to leave", h.Theta[0])
	}
	i := IntrinsicPlasticity[float64]{Gain: []float64{1}, Bias: []float64{0}, Target: 0.5, Rate: 1}
	diverged(t, i.Update(bad, kernels.NewMatrix[float64](3, 1), Mean, nil), 2, "z")
	if i.Gain[0] != 1 || i.Bias[0] != 0 {
		t.Errorf("gain %v and bias %v after a batch with NaN", i.Gain[0], i.Bias[0])
	}
}
