package main

import (
	"math"

	"github.com/hebbkern/hebbkern/bench/worker"
	"github.com/hebbkern/hebbkern/kernels"
)

// The kernels that each rule of hebbkern.rules consists of, called one after the other on the data of a sequence: the
// figure that the rule's time is compared with (hebbkern.bench.sequences has the equations, and checks these too). A rule
// whose rows do not interact is one sweep: kernels.ForwardUpdate by its factors, or with y given kernels.Rank1Sequence;
// another is for each sample kernels.Forward if it computes y, and the update. What a rule makes of y and its state is a
// plain loop here.

// vector fills dst by its index.
func vector[T kernels.Float](dst []T, f func(i int) T) {
	for i := range dst {
		dst[i] = f(i)
	}
}

// minus is x − y, of vectors over columns, which are longer than a loop in Go should take.
func minus[T kernels.Float](dst, x, y []T) {
	copy(dst, x)
	one := [1]T{-1}
	kernels.Rank1(rowOf(dst), kernels.Update[T]{G: one[:], X: y})
}

// rowOf is v as a matrix of one row.
func rowOf[T kernels.Float](v []T) kernels.Matrix[T] { return kernels.MatrixOf(v, 1, len(v)) }

var identity = kernels.Activation{Kind: kernels.Identity}

// sweep is a rule that is one call.
func sweep[T kernels.Float](factors func(in *inputs[T]) kernels.Online[T]) map[string]form[T] {
	return map[string]form[T]{"kernels": func(in *inputs[T]) (func(), []worker.Result[T]) {
		w, x := matrix(in, "w"), matrix(in, "X")
		y := kernels.NewMatrix[T](x.Rows, w.Rows)
		return func() { kernels.ForwardUpdate(w, x, y, factors(in)) }, nil
	}}
}

// chunk is the samples whose presynaptic factors are made together.
const chunk = 256

// swept is a sweep with presynaptic factors of its own; pre gives what fills those of the next sample.
func swept[T kernels.Float](factors func(in *inputs[T]) kernels.Online[T], pre func(in *inputs[T], cols int) func(r, x []T)) map[string]form[T] {
	return map[string]form[T]{"kernels": func(in *inputs[T]) (func(), []worker.Result[T]) {
		w, x := matrix(in, "w"), matrix(in, "X")
		y, r := kernels.NewMatrix[T](x.Rows, w.Rows), kernels.NewMatrix[T](chunk, w.Cols)
		return func() {
			o, fill := factors(in), pre(in, w.Cols)
			for k := 0; k < x.Rows; k += chunk {
				n := min(chunk, x.Rows-k)
				xs := rowsOf(x, k, n)
				o.R = rowsOf(r, 0, n)
				for b := range n {
					fill(o.R.Row(b), xs.Row(b))
				}
				kernels.ForwardUpdate(w, xs, rowsOf(y, k, n), o)
			}
		}, nil
	}}
}

// rowsOf is n rows of m from k on.
func rowsOf[T kernels.Float](m kernels.Matrix[T], k, n int) kernels.Matrix[T] {
	m.Data, m.Rows = m.Data[k*m.Stride:], n
	return m
}

// given is a rule whose y is; vectors gives what fills g, and d if it wants one.
func given[T kernels.Float](vectors func(in *inputs[T], lr T, cols int) (fill func(y, g, d []T), decays bool)) map[string]form[T] {
	return map[string]form[T]{"kernels": func(in *inputs[T]) (func(), []worker.Result[T]) {
		w, x, y := matrix(in, "w"), matrix(in, "X"), matrix(in, "Y")
		fill, decays := vectors(in, T(in.Numbers["lr"]), w.Cols)
		g, d := kernels.NewMatrix[T](chunk, w.Rows), kernels.NewMatrix[T](chunk, w.Rows)
		return func() {
			for k := 0; k < x.Rows; k += chunk {
				n := min(chunk, x.Rows-k)
				for b := range n {
					fill(y.Row(k+b), g.Row(b), d.Row(b))
				}
				s := kernels.Sequence[T]{G: rowsOf(g, 0, n), X: rowsOf(x, k, n)}
				if decays {
					s.Decay = rowsOf(d, 0, n)
				}
				kernels.Rank1Sequence(w, s)
			}
		}, nil
	}}
}

// A learner is the update by one sample, number k.
type learner[T kernels.Float] func(x, y []T, k int)

// each is a rule that goes through the samples; y is computed unless the inputs have it.
func each[T kernels.Float](make func(in *inputs[T], w kernels.Matrix[T]) learner[T]) map[string]form[T] {
	return map[string]form[T]{"kernels": func(in *inputs[T]) (func(), []worker.Result[T]) {
		w, xs := matrix(in, "w"), matrix(in, "X")
		ys := kernels.NewMatrix[T](xs.Rows, w.Rows)
		_, given := in.Arrays["Y"]
		if given {
			ys = matrix(in, "Y")
		}
		return func() {
			learn := make(in, w)
			for k := range xs.Rows {
				x, y := xs.Row(k), ys.Row(k)
				if !given {
					kernels.Forward(y, w, x, nil, identity)
				}
				learn(x, y, k)
			}
		}, nil
	}}
}

func sequences[T kernels.Float]() worker.Forms[T] {
	rate := func(in *inputs[T]) T { return T(in.Numbers["lr"]) }
	return worker.Forms[T]{
		"rule Hebb":        sweep(func(in *inputs[T]) kernels.Online[T] { return kernels.Online[T]{Rate: rate(in)} }),
		"rule AntiHebbian": sweep(func(in *inputs[T]) kernels.Online[T] { return kernels.Online[T]{Rate: -rate(in)} }),
		"rule Decay": sweep(func(in *inputs[T]) kernels.Online[T] {
			return kernels.Online[T]{Rate: rate(in), Form: kernels.DecayConstant, Decay: T(in.Numbers["decay"])}
		}),
		"oja": sweep(func(in *inputs[T]) kernels.Online[T] {
			return kernels.Online[T]{Rate: rate(in), Form: kernels.DecayGainY}
		}),
		"rule Instar": sweep(func(in *inputs[T]) kernels.Online[T] {
			return kernels.Online[T]{Rate: rate(in), Form: kernels.DecayGain}
		}),
		"rule BCM":      sweep(func(in *inputs[T]) kernels.Online[T] { return sliding(in, false) }),
		"rule BCM, law": sweep(func(in *inputs[T]) kernels.Online[T] { return sliding(in, true) }),
		"rule BCM, 1982": sweep(func(in *inputs[T]) kernels.Online[T] {
			o := sliding(in, false)
			o.Step, o.Cube = kernels.ThetaMean, 1
			return o
		}),
		"rule Outstar": sweep(func(in *inputs[T]) kernels.Online[T] {
			return kernels.Online[T]{Rate: rate(in), Form: kernels.DecayColumn}
		}),
		"rule PreGated": sweep(func(in *inputs[T]) kernels.Online[T] {
			return kernels.Online[T]{Rate: rate(in), Factor: kernels.FactorAbove, Theta: filled(in, T(in.Numbers["theta"]))}
		}),
		"rule PostGated": swept(func(in *inputs[T]) kernels.Online[T] { return kernels.Online[T]{Rate: rate(in)} },
			func(in *inputs[T], _ int) func(r, x []T) {
				less := kernels.Update[T]{RowAdd: []T{-T(in.Numbers["theta"])}}
				return func(r, x []T) {
					copy(r, x)
					kernels.Rank1(rowOf(r), less)
				}
			}),
		"rule ABCD": sweep(func(in *inputs[T]) kernels.Online[T] {
			a, b, c, d := T(in.Numbers["a"]), T(in.Numbers["b"]), T(in.Numbers["c"]), T(in.Numbers["d"])
			return kernels.Online[T]{Rate: rate(in), Factor: kernels.FactorAffine, GA: a, GB: b, AA: c, AB: d}
		}),
		"rule Covariance": swept(func(in *inputs[T]) kernels.Online[T] {
			return kernels.Online[T]{Rate: rate(in), Factor: kernels.FactorAbove, Theta: filled(in, 0), Step: kernels.ThetaMean, Alpha: T(in.Numbers["alpha"])}
		}, func(in *inputs[T], cols int) func(r, x []T) {
			mean, alpha := make([]T, cols), T(in.Numbers["alpha"])
			return func(r, x []T) {
				minus(r, x, mean)
				kernels.EMA(mean, x, alpha, kernels.Value)
			}
		}),
		"rule DifferentialHebbian": swept(func(in *inputs[T]) kernels.Online[T] {
			return kernels.Online[T]{Rate: rate(in), Factor: kernels.FactorAbove, Theta: filled(in, T(math.NaN())), Step: kernels.ThetaLast}
		}, func(*inputs[T], int) func(r, x []T) {
			var before []T
			return func(r, x []T) {
				if before == nil {
					before = x
				}
				minus(r, x, before)
				before = x
			}
		}),
		"rule Voja": given(func(in *inputs[T], lr T, _ int) (func(y, g, d []T), bool) {
			scale := T(in.Numbers["scale"])
			return func(y, g, d []T) {
				vector(d, func(i int) T { return lr * y[i] })
				vector(g, func(i int) T { return scale * d[i] })
			}, true
		}),
		"rule PES": given(func(_ *inputs[T], lr T, cols int) (func(y, g, d []T), bool) {
			f := -lr / T(cols)
			return func(y, g, _ []T) { vector(g, func(i int) T { return f * y[i] }) }, false
		}),
		"rule Custom": given(func(_ *inputs[T], lr T, _ int) (func(y, g, d []T), bool) {
			return func(y, g, d []T) {
				vector(g, func(i int) T { return lr * y[i] })
				vector(d, func(i int) T { return g[i] * y[i] })
			}, true
		}),
		"softhebb": each(func(in *inputs[T], w kernels.Matrix[T]) learner[T] {
			u := kernels.Update[T]{G: make([]T, w.Rows), Decay: make([]T, w.Rows)}
			lr, t := T(in.Numbers["lr"]), T(1/in.Numbers["temperature"])
			return func(x, y []T, _ int) {
				u.X = x
				vector(u.G, func(i int) T { return t * y[i] })
				kernels.Softmax(rowOf(u.G), rowOf(u.G))
				vector(u.G, func(i int) T { return lr * u.G[i] })
				vector(u.Decay, func(i int) T { return u.G[i] * y[i] })
				kernels.Rank1(w, u)
			}
		}),
		"wta":                     each(winner[T]),
		"rule Sanger":             each(sanger[T]),
		"rule KrotovHopfield":     each(krotovHopfield[T]),
		"rule ContrastiveHebbian": each(contrastive[T]),
		"rule ThreeFactor":        each(threeFactor[T]),
		"rule Foldiak":            each(foldiak[T]),
		"stdp":                    {"kernels": pairs[T]},
		"rule TripletSTDP":        {"kernels": triplets[T]},
		"the two products of 60,000 samples": {"two calls": func(in *inputs[T]) (func(), []worker.Result[T]) {
			w, x, y, g := matrix(in, "w"), matrix(in, "X"), matrix(in, "Y"), matrix(in, "G")
			return func() {
				kernels.ForwardBatch(y, w, x, nil, identity)
				kernels.BatchUpdate(w, g, x, nil, nil)
			}, nil
		}},
	}
}

// filled is a new vector over rows.
func filled[T kernels.Float](in *inputs[T], v T) []T {
	of := make([]T, in.Rows("w"))
	vector(of, func(int) T { return v })
	return of
}

func sliding[T kernels.Float](in *inputs[T], law bool) kernels.Online[T] {
	o := kernels.Online[T]{Rate: T(in.Numbers["lr"]), Factor: kernels.FactorProduct, Theta: filled(in, 1), Step: kernels.ThetaSquare, Alpha: T(in.Numbers["alpha"])}
	if law {
		o.Factor = kernels.FactorLaw
	}
	return o
}

func sanger[T kernels.Float](in *inputs[T], w kernels.Matrix[T]) learner[T] {
	r, g, lr := make([]T, w.Cols), make([]T, w.Rows), T(in.Numbers["lr"])
	return func(x, y []T, _ int) {
		copy(r, x)
		vector(g, func(i int) T { return lr * y[i] })
		kernels.Rank1Residual(w, r, g, y)
	}
}

func winner[T kernels.Float](in *inputs[T], w kernels.Matrix[T]) learner[T] {
	lr, at := []T{T(in.Numbers["lr"])}, make([]int, 1)
	return func(x, y []T, _ int) {
		kernels.ArgMax(rowOf(y), at)
		kernels.Rank1(rowOf(w.Row(at[0])), kernels.Update[T]{G: lr, X: x, Decay: lr})
	}
}

// krotovHopfield touches the two rows that change: their Δw, its largest element, and the step.
func krotovHopfield[T kernels.Float](in *inputs[T], w kernels.Matrix[T]) learner[T] {
	delta, largest, at := kernels.NewMatrix[T](2, w.Cols), make([]T, 2), make([]int, 1)
	return func(x, y []T, _ int) {
		var g, d, step [1]T
		var rows [2]int
		for k, factor := range [2]T{1, -T(in.Numbers["delta"])} {
			kernels.ArgMax(rowOf(y), at)
			rows[k] = at[0]
			row := delta.Row(k)
			copy(row, w.Row(at[0]))
			g[0], d[0] = factor, 1+factor*y[at[0]]
			kernels.Rank1(rowOf(row), kernels.Update[T]{G: g[:], X: x, Decay: d[:]})
			y[at[0]] = T(math.Inf(-1)) // the next best is the second
		}
		kernels.PowerSums(delta, math.Inf(1), largest, nil)
		step[0] = T(in.Numbers["lr"]) / max(largest[0], largest[1])
		for k, i := range rows {
			kernels.Rank1(rowOf(w.Row(i)), kernels.Update[T]{G: step[:], X: delta.Row(k)})
		}
	}
}

// contrastive is one product of the two phases of a pair.
func contrastive[T kernels.Float](in *inputs[T], w kernels.Matrix[T]) learner[T] {
	lr, xFree, yFree := T(in.Numbers["lr"]), matrix(in, "X_free"), matrix(in, "Y_free")
	x2, g2 := kernels.NewMatrix[T](2, w.Cols), kernels.NewMatrix[T](2, w.Rows)
	return func(x, y []T, k int) {
		copy(x2.Row(0), x)
		copy(x2.Row(1), xFree.Row(k))
		vector(g2.Row(0), func(i int) T { return lr * y[i] })
		vector(g2.Row(1), func(i int) T { return -lr * yFree.Row(k)[i] })
		kernels.BatchUpdate(w, g2, x2, nil, nil)
	}
}

func threeFactor[T kernels.Float](in *inputs[T], w kernels.Matrix[T]) learner[T] {
	trace := kernels.NewMatrix[T](w.Rows, w.Cols)
	fade := []T{T(1 - math.Exp(-1/in.Numbers["tau"]))}
	lr, modulator, step := T(in.Numbers["lr"]), in.Arrays["modulator"], make([]T, 1)
	return func(x, y []T, k int) {
		kernels.Rank1(trace, kernels.Update[T]{G: y, X: x, Decay: fade})
		step[0] = lr * modulator[k]
		kernels.Rank1(rowOf(w.Data), kernels.Update[T]{G: step, X: trace.Data})
	}
}

func foldiak[T kernels.Float](in *inputs[T], w kernels.Matrix[T]) learner[T] {
	n := w.Rows
	lateral, threshold := kernels.NewMatrix[T](n, n), make([]T, n)
	state, next, g, drive := make([]T, n), make([]T, n), make([]T, n), make([]T, n)
	vector(threshold, func(int) T { return T(in.Numbers["threshold"]) })
	lr, alpha, gamma, p := T(in.Numbers["lr"]), T(in.Numbers["lateral_lr"]), T(in.Numbers["threshold_lr"]), T(in.Numbers["p"])
	add := []T{alpha * p * p}
	return func(x, y []T, _ int) {
		vector(drive, func(i int) T { return y[i] - threshold[i] })
		clear(state)
		for range 50 {
			kernels.Forward(next, lateral, state, drive, identity)
			vector(next, func(i int) T { return 10 * next[i] })
			kernels.Activate(next, next, kernels.Activation{Kind: kernels.Sigmoid})
			kernels.EMA(state, next, 0.2, kernels.Value)
		}
		vector(y, func(i int) T {
			if state[i] > 0.5 {
				return 1
			}
			return 0
		})
		vector(g, func(i int) T { return lr * y[i] })
		kernels.Rank1(w, kernels.Update[T]{G: g, X: x, Decay: g})
		vector(g, func(i int) T { return -alpha * y[i] })
		kernels.Rank1(lateral, kernels.Update[T]{G: g, X: y, RowAdd: add, Bounded: true, Low: T(math.Inf(-1))})
		for i := range n {
			lateral.Row(i)[i] = 0
			threshold[i] += gamma * (y[i] - p)
		}
	}
}

func spikes[T kernels.Float](in *inputs[T], name string) kernels.Spikes {
	v := in.Arrays[name]
	s := kernels.Spikes{Data: make([]bool, len(v)), Rows: in.Rows(name), Cols: in.Cols(name), Stride: in.Cols(name)}
	for i, is := range v {
		s.Data[i] = is != 0
	}
	return s
}

func trace[T kernels.Float](n int, tau, step float64) kernels.SpikeTrace[T] {
	return kernels.SpikeTrace[T]{V: make([]T, n), Decay: T(math.Exp(-1 / tau)), Step: T(step)}
}

func pairs[T kernels.Float](in *inputs[T]) (func(), []worker.Result[T]) {
	w, pre, post, a := matrix(in, "w"), spikes(in, "pre"), spikes(in, "post"), in.Numbers
	return func() {
		kernels.STDP(w, kernels.SpikeUpdate[T]{
			Pre: pre, Post: post, R: trace[T](w.Cols, a["tau"], a["a_plus"]), O: trace[T](w.Rows, a["tau"], a["a_minus"]), High: 1,
		})
	}, nil
}

func triplets[T kernels.Float](in *inputs[T]) (func(), []worker.Result[T]) {
	w, pre, post, a := matrix(in, "w"), spikes(in, "pre"), spikes(in, "post"), in.Numbers
	return func() {
		kernels.STDP(w, kernels.SpikeUpdate[T]{
			Pre: pre, Post: post, High: 1,
			R: trace[T](w.Cols, a["tau_plus"], 1), R2: trace[T](w.Cols, a["tau_x"], 1),
			O: trace[T](w.Rows, a["tau_minus"], 1), O2: trace[T](w.Rows, a["tau_y"], 1),
			C: [2]T{-T(a["a2_minus"]), -T(a["a3_minus"])}, S: [2]T{T(a["a2_plus"]), T(a["a3_plus"])},
		})
	}, nil
}
