package engine

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/hebbkern/hebbkern/kernels"
)

// spikeStep is one time step of the pair rule, of the first order of events, in plain loops: Δ of each weight.
func spikeStep(w [][]float64, r, o []float64, pre, post []bool, fade, up, down, low, high, mu float64) [][]float64 {
	delta := zeros(len(w), len(r))
	clip := func(v float64) float64 { return math.Min(math.Max(v, low), high) }
	for j := range r {
		r[j] *= fade
	}
	for i := range o {
		o[i] *= fade
	}
	for i := range w {
		for j, v := range w[i] {
			if pre[j] {
				v = clip(v + o[i]*math.Pow(clip(v)-low, mu))
			}
			if post[i] {
				learnt := r[j]
				if pre[j] {
					learnt += up
				}
				v = clip(v + learnt*math.Pow(high-clip(v), mu))
			}
			delta[i][j] = v - w[i][j]
		}
	}
	for j := range r {
		if pre[j] {
			r[j] += up
		}
	}
	for i := range o {
		if post[i] {
			o[i] += down
		}
	}
	return delta
}

// Every part of a composition, and rates by step, with a rule of spikes, against plain loops; a sequence is its single steps.
func TestComposedSTDP(t *testing.T) { both(t, testComposedSTDP[float32], testComposedSTDP[float64]) }

func testComposedSTDP[T kernels.Float](t *testing.T) {
	const in, out, steps, tau = 9, 5, 12, 4.0
	fade := float64(decayOf[T](1, tau))
	for _, p := range append(compositions[T](out, in), composition[T]{name: "nothing"}) {
		for _, mu := range []float64{0, 1} {
			for _, scheduled := range []bool{false, true} {
				what := fmt.Sprint(p.name, ", mu ", mu, ", scheduled ", scheduled)
				r := source(21)
				w := randomMatrix[T](r, out, in, 2, 0.4)
				pre, post := make([][]bool, steps), make([][]bool, steps)
				flat := func(of [][]bool, units int) kernels.Spikes {
					for t := range of {
						of[t] = make([]bool, units)
						for k := range of[t] {
							of[t][k] = r.Float64() < 0.3
						}
					}
					return kernels.Spikes{Data: slices.Concat(of...), Rows: steps, Cols: units, Stride: units}
				}
				x, y := flat(pre, in), flat(post, out)
				fresh := func() STDP[T] {
					return STDP[T]{TauPlus: tau, TauMinus: tau, APlus: 0.125, AMinus: -0.0625, APre: make([]T, in), APost: make([]T, out),
						Pairing: Pairing{DT: 1, WMin: -2, WMax: 2, Mu: mu}}
				}
				o := SpikeOptions[T]{Compose: &p.c}
				if p.name == "nothing" {
					o.Compose = nil
				}
				if scheduled {
					o.Rates = make([]T, steps)
					for t := range o.Rates {
						o.Rates[t] = T(t%4) / 2
					}
				}
				want, traces := wide(w), [2][]float64{make([]float64, in), make([]float64, out)}
				single, one := clone(w), fresh()
				for t0 := range steps {
					delta := spikeStep(want, traces[0], traces[1], pre[t0], post[t0], fade, 0.125, -0.0625, -2, 2, mu)
					if scheduled {
						for _, row := range delta {
							for j := range row {
								row[j] *= float64(o.Rates[t0])
							}
						}
					}
					p.rate(delta, want, 0)
					p.apply(want, delta)
				}
				rule := fresh()
				k, err := rule.UpdateComposed(w, x, y, o)
				must(t, err)
				if k != steps {
					t.Fatalf("%s: %d steps", what, k)
				}
				near(t, what+": w", w, want, 2*closeness[T]())
				near(t, what+": A_pre", rowVector(rule.APre), [][]float64{traces[0]}, closeness[T]())
				near(t, what+": A_post", rowVector(rule.APost), [][]float64{traces[1]}, closeness[T]())
				for t0 := range steps {
					step := o
					if scheduled {
						step.Rates = o.Rates[t0 : t0+1]
					}
					x1, y1 := x, y
					x1.Data, x1.Rows, y1.Data, y1.Rows = x.Data[t0*in:], 1, y.Data[t0*out:], 1
					_, err := one.UpdateComposed(single, x1, y1, step)
					must(t, err)
				}
				for i := range out {
					equalBits(t, what+": single steps", w.Row(i), single.Row(i))
				}
				equalBits(t, what+": traces of single steps", append(rule.APre, rule.APost...), append(one.APre, one.APost...))
			}
		}
	}
}

// Triplets take the same way; what does not fit is refused with everything unchanged; a step that diverges is named.
func TestComposedSpikesEnds(t *testing.T) {
	const in, out = 4, 3
	base := of[float64](60, 0.25)
	w, x, y := kernels.MatrixOf(base[:12], out, in), spikesOf(in, []int{0, 2}, []int{1}, []int{0, 1, 2, 3}), spikesOf(out, []int{}, []int{1, 2}, []int{0})
	rule := TripletSTDP[float64]{TauPlus: 4, TauX: 9, TauMinus: 7, TauY: 11, A2Plus: 0.1, A3Plus: 0.2, A2Minus: 0.3, A3Minus: 0.4, Pairing: wideBounds(),
		R1: base[20:24], R2: base[24:28], O1: base[30:33], O2: base[33:36]}
	kept := slices.Clone(base)
	type c = Composition[float64]
	for _, bad := range []struct {
		arg string
		o   SpikeOptions[float64]
	}{
		{"low", SpikeOptions[float64]{Compose: &c{Low: Bound(1.0), High: Bound(0.0)}}},
		{"low", SpikeOptions[float64]{Compose: &c{Low: rowVector(base[20:24])}}},
		{"mask", SpikeOptions[float64]{Compose: &c{Mask: make([]bool, 11)}}},
		{"row_lr", SpikeOptions[float64]{Compose: &c{RowRate: []float64{1, 2}}}},
		{"rates", SpikeOptions[float64]{Rates: []float64{1, 2}}},
		{"rates", SpikeOptions[float64]{Rates: []float64{1, -1, 1}}},
		{"rates", SpikeOptions[float64]{Rates: base[9:12]}},
		{"target", SpikeOptions[float64]{Compose: &c{Norm: WeightNorm[float64]{Kind: Multiplicative, P: 1}}}},
	} {
		k, err := rule.UpdateComposed(w, x, y, bad.o)
		refused(t, bad.arg, err, bad.arg)
		if k != 0 {
			t.Errorf("%s: k = %d", bad.arg, k)
		}
		equalBits(t, bad.arg, base, kept)
	}
	// All of a rate, or of a mask that lets everything change, is the rule alone.
	alone := slices.Clone(base)
	plain := rule
	plain.R1, plain.R2, plain.O1, plain.O2 = alone[20:24], alone[24:28], alone[30:33], alone[33:36]
	must(t, plain.Update(kernels.MatrixOf(alone[:12], out, in), x, y))
	all := make([]bool, out*in)
	for k := range all {
		all[k] = true
	}
	_, err := rule.UpdateComposed(w, x, y, SpikeOptions[float64]{Compose: &c{Mask: all}})
	must(t, err)
	equalBits(t, "a mask of all", base, alone)
	// A change that overflows at the second step, which has the first one.
	pairs := STDP[float64]{TauPlus: 1, TauMinus: 1, APlus: 1e200, Pairing: Pairing{DT: 1, WMin: -1, WMax: math.MaxFloat64}, APre: make([]float64, 2), APost: make([]float64, 1)}
	huge := kernels.MatrixOf([]float64{1e150, 1}, 1, 2)
	k, err := pairs.UpdateComposed(huge, spikesOf(2, []int{0, 1}, []int{1}), spikesOf(1, []int{}, []int{0}),
		SpikeOptions[float64]{Compose: &c{Soft: true, SoftLow: 0, SoftHigh: 2}})
	diverged(t, err, 1, "the weights")
	if k != 2 {
		t.Errorf("k = %d", k)
	}
}
