package engine

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/hebbkern/hebbkern/kernels"
)

// A sequence with y given equals single calls bit for bit, with every rule and composition, over several chunks.
func TestGivenSweep(t *testing.T) { both(t, testGivenSweep[float32], testGivenSweep[float64]) }

func testGivenSweep[T kernels.Float](t *testing.T) {
	const in, out, n = 9, 5, onlineChunk + 6
	fresh := map[string]func() Rule[T]{}
	for _, c := range ruleCases[T]() {
		if c.rule.Terms()&TermResponse == 0 {
			fresh[c.name] = func() Rule[T] { return c.rule }
		}
	}
	for _, c := range stateCases[T](0.01) {
		fresh[c.name] = func() Rule[T] { return c.fresh(in, out) }
	}
	for _, p := range append(compositions[T](out, in), composition[T]{name: "nothing"}) {
		for name, make := range fresh {
			samples := onlineSamples + 1
			if p.name == "nothing" || p.name == "Dale" {
				samples = n
			}
			r := source(4)
			whole, x, y := randomMatrix[T](r, out, in, 2, 0.4), randomMatrix[T](r, samples, in, 1, 0.3), randomMatrix[T](r, samples, out, 3, 0.3)
			single, one, all := clone(whole), make(), make()
			_, k, err := Update(all, whole, x, y, UpdateOptions[T]{Compose: &p.c})
			must(t, err)
			if k != samples {
				t.Fatalf("%s, %s: k = %d", p.name, name, k)
			}
			for s := range samples {
				_, _, err := Update(one, single, subRows(x, s, 1), subRows(y, s, 1), UpdateOptions[T]{Compose: &p.c})
				must(t, err)
			}
			equalBits(t, p.name+", "+name+": w", whole.Data, single.Data)
			if _, has := all.(stateful[T]); has {
				equalBits(t, p.name+", "+name+": state", states(all), states(one))
			}
		}
	}
}

// What is not finite, or comes to be so, is found at its sample: w, the state and the count are those of single calls.
func TestGivenSweepDiverges(t *testing.T) {
	const in, out, n, bad = 6, 4, onlineChunk + 40, onlineChunk + 21
	r := source(12)
	w, x, y := randomMatrix[float32](r, out, in, 0, 1), randomMatrix[float32](r, n, in, 0, 1), randomMatrix[float32](r, n, out, 0, 1)
	huge, inf := float32(1e30), float32(math.Inf(1))
	for what, c := range map[string]struct {
		spoil func(w, x, y kernels.Matrix[float32])
		fails string
	}{
		"a y":                {func(w, x, y kernels.Matrix[float32]) { y.Row(bad)[1] = inf }, "y"},
		"an x":               {func(w, x, y kernels.Matrix[float32]) { x.Row(bad)[1] = inf }, "the weights"},
		"an overflow":        {func(w, x, y kernels.Matrix[float32]) { x.Row(bad)[1], y.Row(bad)[1] = huge, huge }, "the weights"},
		"large, but finite":  {func(w, x, y kernels.Matrix[float32]) { x.Row(bad)[1], y.Row(bad)[1] = huge, 3e8 }, ""},
		"w was not to begin": {func(w, x, y kernels.Matrix[float32]) { w.Row(2)[3] = inf }, "the weights"},
	} {
		one, whole, x, y := clone(w), clone(w), clone(x), clone(y)
		c.spoil(one, x, y)
		c.spoil(whole, x, y)
		rules := [2]Covariance[float32]{}
		for k := range rules {
			rules[k] = Covariance[float32]{LR: 0.5, Alpha: 0.5, XMean: make([]float32, in), YMean: make([]float32, out)}
		}
		if what == "an x" || what == "a y" { // averages would be at fault before the weights
			rules[0].Alpha, rules[1].Alpha = 0, 0
		}
		_, k, err := Update[float32](rules[0], whole, x, y, UpdateOptions[float32]{})
		done, at := 0, -1
		var single *DivergenceError
		for s := range n {
			_, n, err := Update[float32](rules[1], one, subRows(x, s, 1), subRows(y, s, 1), UpdateOptions[float32]{})
			done += n
			if errors.As(err, &single) {
				at = s
				break
			}
		}
		if c.fails == "" {
			must(t, err)
		} else {
			diverged(t, err, at, c.fails)
		}
		if k != done {
			t.Errorf("%s: k = %d, single calls %d", what, k, done)
		}
		equalBits(t, what+": w", whole.Data, one.Data)
		equalBits(t, what+": state", states[float32](rules[0]), states[float32](rules[1]))
	}
}

// The same of pairs of phases.
func TestPairsDiverge(t *testing.T) {
	const in, out, n, bad = 6, 4, onlineChunk + 30, onlineChunk + 11
	for _, v := range []float32{3e8, 1e30, float32(math.NaN())} {
		r := source(13)
		whole, x, y := randomMatrix[float32](r, out, in, 1, 1), randomMatrix[float32](r, n, in, 0, 1), randomMatrix[float32](r, n, out, 2, 1)
		free, rule, one := randomMatrix[float32](r, n, in, 0, 1), ContrastiveHebbian[float32]{LR: 0.5}, clone(whole)
		free.Row(bad)[1], y.Row(bad)[2] = 1e30, v
		k, err := rule.Update(whole, x, y, free, y, UpdateOptions[float32]{})
		done := 0
		var single error
		for s := 0; s < n && single == nil; s++ {
			var k int
			k, single = rule.Update(one, subRows(x, s, 1), subRows(y, s, 1), subRows(free, s, 1), subRows(y, s, 1), UpdateOptions[float32]{})
			done += k
		}
		if (err == nil) != (single == nil) || k != done {
			t.Errorf("y of %v: %v after %d pairs, single calls %v after %d", v, err, k, single, done)
		}
		equalBits(t, fmt.Sprint("y of ", v), whole.Data, one.Data)
	}
}
