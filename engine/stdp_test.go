package engine

import (
	"math"
	"testing"

	"github.com/hebbkern/hebbkern/kernels"
)

func spikesOf(units int, steps ...[]int) kernels.Spikes {
	s := kernels.Spikes{Data: make([]bool, units*len(steps)), Rows: len(steps), Cols: units, Stride: units}
	for t, at := range steps {
		for _, k := range at {
			s.Data[t*units+k] = true
		}
	}
	return s
}

func wideBounds() Pairing { return Pairing{DT: 0.5, WMin: -10, WMax: 10} }

// One pair of spikes Δt apart changes the weight by the two exponentials of the window; at Δt = 0 the modes differ.
func TestSTDPWindow(t *testing.T) { both(t, testSTDPWindow[float32], testSTDPWindow[float64]) }

func testSTDPWindow[T kernels.Float](t *testing.T) {
	const n, tauPlus, tauMinus, aPlus, aMinus = 21, 4.0, 7.0, 0.3, -0.2
	for mode := kernels.PreFirst; mode <= kernels.NeitherSide; mode++ {
		for lag := -9; lag <= 9; lag++ {
			steps := make([][]int, n)
			post := make([][]int, n)
			steps[10], post[10+lag] = []int{0}, []int{0}
			r := STDP[T]{TauPlus: tauPlus, TauMinus: tauMinus, APlus: aPlus, AMinus: aMinus, Pairing: wideBounds(),
				APre: make([]T, 1), APost: make([]T, 1)}
			r.Coincidence = mode
			w := kernels.NewMatrix[T](1, 1)
			must(t, r.Update(w, spikesOf(1, steps...), spikesOf(1, post...)))
			dt := 0.5 * float64(lag)
			want := 0.0
			switch {
			case dt > 0:
				want = aPlus * math.Exp(-dt/tauPlus)
			case dt < 0:
				want = aMinus * math.Exp(dt/tauMinus)
			case mode == kernels.PreFirst:
				want = aPlus
			case mode == kernels.BothSides:
				want = aPlus + aMinus
			}
			if d := math.Abs(float64(w.Data[0]) - want); d > closeness[T]() {
				t.Errorf("mode %d, Δt %v: %v, want %v", mode, dt, w.Data[0], want)
			}
			// What is left of the traces at the end.
			for k, v := range []float64{aPlus * math.Exp(-0.5*10/tauPlus), aMinus * math.Exp(-0.5*float64(10-lag)/tauMinus)} {
				if got := float64([]T{r.APre[0], r.APost[0]}[k]); math.Abs(got-v) > closeness[T]() {
					t.Errorf("trace %d: %v, want %v", k, got, v)
				}
			}
		}
	}
}

// Three spikes of the triplet rule: the second of two postsynaptic spikes potentiates by A₂⁺ + A₃⁺·exp(−Δ/τ_y), the second
// of two presynaptic ones depresses by A₂⁻ + A₃⁻·exp(−Δ/τ_x).
func TestTripletSTDP(t *testing.T) { both(t, testTripletSTDP[float32], testTripletSTDP[float64]) }

func testTripletSTDP[T kernels.Float](t *testing.T) {
	rule := func() TripletSTDP[T] {
		return TripletSTDP[T]{TauPlus: 4, TauX: 9, TauMinus: 7, TauY: 11, A2Plus: 0.1, A3Plus: 0.2, A2Minus: 0.3, A3Minus: 0.4,
			Pairing: wideBounds(), R1: make([]T, 1), R2: make([]T, 1), O1: make([]T, 1), O2: make([]T, 1)}
	}
	none, at := []int{}, []int{0}
	w := kernels.NewMatrix[T](1, 1)
	must(t, rule().Update(w, spikesOf(1, none, at, none, none), spikesOf(1, at, none, none, at)))
	// post at 0, pre at 0.5, post at 1.5
	want := -math.Exp(-0.5/7)*0.3 + math.Exp(-1./4)*(0.1+0.2*math.Exp(-1.5/11))
	if math.Abs(float64(w.Data[0])-want) > closeness[T]() {
		t.Errorf("post, pre, post: %v, want %v", w.Data[0], want)
	}
	w.Data[0] = 0
	must(t, rule().Update(w, spikesOf(1, at, none, none, at), spikesOf(1, none, at, none, none)))
	want = math.Exp(-0.5/4)*0.1 - math.Exp(-1./7)*(0.3+0.4*math.Exp(-1.5/9))
	if math.Abs(float64(w.Data[0])-want) > closeness[T]() {
		t.Errorf("pre, post, pre: %v, want %v", w.Data[0], want)
	}
}

// Calls in turn carry on from the traces; the weight dependence keeps weights inside of the bounds without clipping.
func TestSTDPStateAndDependence(t *testing.T) {
	r := source(4)
	const in, out, steps = 11, 7, 60
	draw := func(units int) kernels.Spikes {
		s := kernels.Spikes{Data: make([]bool, steps*units), Rows: steps, Cols: units, Stride: units}
		for k := range s.Data {
			s.Data[k] = r.Float64() < 0.2
		}
		return s
	}
	pre, post := draw(in), draw(out)
	rule := STDP[float64]{TauPlus: 20, TauMinus: 20, APlus: 0.05, AMinus: -0.05, APre: make([]float64, in), APost: make([]float64, out),
		Pairing: Pairing{DT: 1, WMin: 0.25, WMax: 0.75, Mu: 1}}
	whole := kernels.NewMatrix[float64](out, in)
	for k := range whole.Data {
		whole.Data[k] = 0.25 + 0.5*r.Float64()
	}
	parts, second := clone(whole), rule
	second.APre, second.APost = make([]float64, in), make([]float64, out)
	must(t, rule.Update(whole, pre, post))
	for _, cut := range [][2]int{{0, 7}, {7, 40}, {40, 40}, {40, steps}} {
		part := func(s kernels.Spikes) kernels.Spikes {
			return kernels.Spikes{Data: s.Data[cut[0]*s.Cols : cut[1]*s.Cols], Rows: cut[1] - cut[0], Cols: s.Cols, Stride: s.Stride}
		}
		must(t, second.Update(parts, part(pre), part(post)))
	}
	equalBits(t, "w", whole.Data, parts.Data)
	equalBits(t, "A_pre", rule.APre, second.APre)
	equalBits(t, "A_post", rule.APost, second.APost)
	for _, v := range whole.Data {
		if !(v > 0.25 && v < 0.75) {
			t.Fatalf("a weight reached its bound: %v", v)
		}
	}
}

func TestSTDPRefuses(t *testing.T) {
	const in, out = 3, 2
	type rule = STDP[float32]
	for name, c := range map[string]struct {
		arg    string
		change func(r *rule, w *kernels.Matrix[float32], pre, post *kernels.Spikes)
	}{
		"tau":             {"tau_plus", func(r *rule, _ *kernels.Matrix[float32], _, _ *kernels.Spikes) { r.TauPlus = 0 }},
		"NaN tau":         {"tau_minus", func(r *rule, _ *kernels.Matrix[float32], _, _ *kernels.Spikes) { r.TauMinus = math.NaN() }},
		"no decay":        {"tau_minus", func(r *rule, _ *kernels.Matrix[float32], _, _ *kernels.Spikes) { r.TauMinus = 1e9 }},
		"dt":              {"dt", func(r *rule, _ *kernels.Matrix[float32], _, _ *kernels.Spikes) { r.DT = -1 }},
		"a":               {"a_plus", func(r *rule, _ *kernels.Matrix[float32], _, _ *kernels.Spikes) { r.APlus = 1e39 }},
		"a in sum":        {"a_minus", func(r *rule, _ *kernels.Matrix[float32], _, _ *kernels.Spikes) { r.AMinus = -1e38 }},
		"sign":            {"a_minus", func(r *rule, _ *kernels.Matrix[float32], _, _ *kernels.Spikes) { r.Mu, r.AMinus = 1, 0.1 }},
		"bounds":          {"w_min", func(r *rule, _ *kernels.Matrix[float32], _, _ *kernels.Spikes) { r.WMin = 2 }},
		"no bound":        {"w_max", func(r *rule, _ *kernels.Matrix[float32], _, _ *kernels.Spikes) { r.WMax = math.Inf(1) }},
		"mu":              {"mu", func(r *rule, _ *kernels.Matrix[float32], _, _ *kernels.Spikes) { r.Mu = -1 }},
		"power":           {"mu", func(r *rule, _ *kernels.Matrix[float32], _, _ *kernels.Spikes) { r.Mu, r.WMax = 50, 100 }},
		"coincidence":     {"coincidence", func(r *rule, _ *kernels.Matrix[float32], _, _ *kernels.Spikes) { r.Coincidence = 7 }},
		"shape of w":      {"w", func(_ *rule, w *kernels.Matrix[float32], _, _ *kernels.Spikes) { w.Stride = 1 }},
		"columns of pre":  {"pre", func(_ *rule, _ *kernels.Matrix[float32], pre, _ *kernels.Spikes) { pre.Cols = 2 }},
		"short pre":       {"pre", func(_ *rule, _ *kernels.Matrix[float32], pre, _ *kernels.Spikes) { pre.Data = pre.Data[:5] }},
		"stride of post":  {"post", func(_ *rule, _ *kernels.Matrix[float32], _, post *kernels.Spikes) { post.Stride = 1 }},
		"steps of post":   {"post", func(_ *rule, _ *kernels.Matrix[float32], _, post *kernels.Spikes) { post.Rows = 1 }},
		"length of trace": {"a_pre", func(r *rule, _ *kernels.Matrix[float32], _, _ *kernels.Spikes) { r.APre = r.APre[:2] }},
		"no trace":        {"a_post", func(r *rule, _ *kernels.Matrix[float32], _, _ *kernels.Spikes) { r.APost = nil }},
		"trace in w":      {"a_pre", func(r *rule, w *kernels.Matrix[float32], _, _ *kernels.Spikes) { r.APre = w.Row(0) }},
		"NaN trace": {"a_post", func(r *rule, _ *kernels.Matrix[float32], _, _ *kernels.Spikes) {
			r.APost = []float32{0, float32(math.NaN())}
		}},
	} {
		r := rule{TauPlus: 20, TauMinus: 20, APlus: 0.1, AMinus: -0.1, Pairing: Pairing{DT: 1, WMax: 1},
			APre: []float32{1, 2, 3}, APost: []float32{4, 5}}
		w := kernels.MatrixOf([]float32{1, 2, 3, 4, 5, 6}, out, in)
		pre, post := spikesOf(in, []int{0}, []int{1, 2}), spikesOf(out, []int{0, 1}, nil)
		held := [][]float32{w.Data, r.APre, r.APost}
		before := [][]float32{append([]float32(nil), w.Data...), {1, 2, 3}, {4, 5}}
		c.change(&r, &w, &pre, &post)
		refused(t, name, r.Update(w, pre, post), c.arg)
		for k := range held {
			equalBits(t, name, before[k], held[k])
		}
	}
	for name, arg := range map[string]string{"r2": "r2", "tau_y": "tau_y", "a3_plus": "a3_plus"} {
		r := TripletSTDP[float32]{TauPlus: 1, TauX: 1, TauMinus: 1, TauY: 1, Pairing: Pairing{DT: 1, WMax: 1},
			R1: make([]float32, in), R2: make([]float32, in), O1: make([]float32, out), O2: make([]float32, out)}
		switch name {
		case "r2":
			r.R2 = nil
		case "tau_y":
			r.TauY = -1
		case "a3_plus":
			r.A3Plus = -1
		}
		refused(t, name, r.Update(kernels.NewMatrix[float32](out, in), spikesOf(in, nil), spikesOf(out, nil)), arg)
	}
}
