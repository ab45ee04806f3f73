package kernels

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/hebbkern/hebbkern/kernels/internal/portable"
)

// plainSTDP is the rule as its documentation has it: all synapses of a step one after the other, nothing listed.
func plainSTDP[T Float](w Matrix[T], u SpikeUpdate[T]) {
	bound := func(v T) T { return min(max(v, u.Low), u.High) }
	pow := func(v T) T {
		y := []T{v}
		PowAbs(y, y, u.Mu)
		return y[0]
	}
	spike := func(t SpikeTrace[T], s Spikes, step int) {
		for k := range t.V {
			if s.Data[step*s.Stride+k] && u.Replace {
				t.V[k] = t.Step
			} else if s.Data[step*s.Stride+k] {
				t.V[k] += t.Step
			}
		}
	}
	for t := range u.Pre.Rows {
		for _, trace := range []SpikeTrace[T]{u.R, u.O, u.R2, u.O2} {
			for k, v := range trace.V {
				trace.V[k] = T(trace.Decay * v)
			}
		}
		before := [4][]T{slices.Clone(u.R.V), slices.Clone(u.O.V), slices.Clone(u.R2.V), slices.Clone(u.O2.V)}
		spike(u.R, u.Pre, t)
		spike(u.R2, u.Pre, t)
		spike(u.O, u.Post, t)
		spike(u.O2, u.Post, t)
		r, o := u.R.V, before[1]
		switch u.Coincidence {
		case BothSides:
			o = u.O.V
		case NeitherSide:
			r = before[0]
		}
		for i := range w.Rows {
			for j := range w.Cols {
				v := &w.Data[i*w.Stride+j]
				old := *v
				if u.Pre.Data[t*u.Pre.Stride+j] {
					c := T(1)
					if u.R2.V != nil {
						c = portable.FMA(u.C[1], before[2][j], u.C[0])
					}
					if u.Mu > 0 {
						*v = bound(*v + T(T(o[i]*pow(bound(*v)-u.Low))*c))
					} else {
						*v = bound(portable.FMA(o[i], c, *v))
					}
				}
				if u.Post.Data[t*u.Post.Stride+i] {
					s := T(1)
					if u.O2.V != nil {
						s = portable.FMA(u.S[1], before[3][i], u.S[0])
					}
					if u.Coincidence != BothSides {
						old = *v
					}
					if u.Mu > 0 {
						*v = bound(*v + T(T(s*pow(u.High-bound(old)))*r[j]))
					} else {
						*v = bound(portable.FMA(s, r[j], *v))
					}
				}
			}
		}
	}
}

type stdpShape struct{ out, in, steps, gap int }

func randomSpikes(r *rand.Rand, steps, units, gap int, rate float64) Spikes {
	s := Spikes{make([]bool, steps*(units+gap)), steps, units, units + gap}
	for t := range steps {
		p := rate
		if r.IntN(9) == 0 {
			p = []float64{0, 0.5, 1}[r.IntN(3)] // silence, bursts, everything at once
		}
		for k := range units {
			s.Data[t*s.Stride+k] = r.Float64() < p
		}
		for k := range gap {
			s.Data[t*s.Stride+units+k] = true // must not be read
		}
	}
	return s
}

// stdpCase makes the arguments of one case; weights lie outside of the bounds now and then.
func stdpCase[T Float](seed uint64, z stdpShape, triplet bool) (Matrix[T], SpikeUpdate[T]) {
	r := rand.New(rand.NewPCG(seed, 5))
	w := Matrix[T]{make([]T, z.out*(z.in+z.gap)), z.out, z.in, z.in + z.gap}
	draw(r, w.Data, 0)
	trace := func(n int, decay, step float64) SpikeTrace[T] {
		v := make([]T, n)
		for k := range v {
			v[k] = T(r.Float64() * step)
		}
		return SpikeTrace[T]{v, T(decay), T(step)}
	}
	u := SpikeUpdate[T]{Pre: randomSpikes(r, z.steps, z.in, z.gap, 0.07), Post: randomSpikes(r, z.steps, z.out, z.gap, 0.1),
		R: trace(z.in, 0.9, 0.11), O: trace(z.out, 0.8, -0.13), Low: -1.5, High: 0.75}
	if triplet {
		u.O.Step = 1
		u.R2, u.O2 = trace(z.in, 0.97, 1), trace(z.out, 0.95, 1)
		u.C, u.S = [2]T{T(-0.02), T(-0.01)}, [2]T{T(0.01), T(0.03)}
	}
	return w, u
}

func (u SpikeUpdate[T]) clone() SpikeUpdate[T] {
	for _, t := range []*SpikeTrace[T]{&u.R, &u.O, &u.R2, &u.O2} {
		t.V = slices.Clone(t.V)
	}
	return u
}

func requireSame[T Float](t *testing.T, w, want Matrix[T], u, wantU SpikeUpdate[T], what string) {
	t.Helper()
	k := differ(w.Data, want.Data)
	require.Negative(t, k, "%s: weight %d", what, k)
	for i, v := range [][]T{u.R.V, u.O.V, u.R2.V, u.O2.V} {
		require.Negative(t, differ(v, [][]T{wantU.R.V, wantU.O.V, wantU.R2.V, wantU.O2.V}[i]), "%s: trace %d", what, i)
	}
}

// TestSTDP: the plain rule, bit for bit, in every mode; a sequence equals its steps; the gaps between rows stay.
func TestSTDP(t *testing.T) {
	t.Run("f32", stdpModes[float32])
	t.Run("f64", stdpModes[float64])
}

func stdpModes[T Float](t *testing.T) {
	shapes := []stdpShape{{1, 1, 3, 0}, {5, 3, 40, 1}, {70, 37, 45, 2}, {3, 200, 70, 0}, {130, 9, 33, 3}}
	if thin() {
		shapes = shapes[:3]
	}
	for seed, z := range shapes {
		for mode := PreFirst; mode <= NeitherSide; mode++ {
			for _, replace := range []bool{false, true} {
				for _, triplet := range []bool{false, true} {
					for _, mu := range []float64{0, 1, 0.3} {
						what := fmt.Sprintf("%+v mode %d replace %t triplet %t mu %v", z, mode, replace, triplet, mu)
						w, u := stdpCase[T](uint64(seed), z, triplet)
						u.Coincidence, u.Replace, u.Mu = mode, replace, mu
						want, wantU := w, u.clone()
						want.Data = slices.Clone(w.Data)
						single, singleU := want, u.clone()
						single.Data = slices.Clone(w.Data)
						plainSTDP(want, wantU)
						STDP(w, u)
						requireSame(t, w, want, u, wantU, what)
						for step := range z.steps {
							one := singleU
							one.Pre = Spikes{singleU.Pre.Data[step*u.Pre.Stride:], 1, z.in, u.Pre.Stride}
							one.Post = Spikes{singleU.Post.Data[step*u.Post.Stride:], 1, z.out, u.Post.Stride}
							STDP(single, one)
						}
						requireSame(t, single, want, singleU, wantU, what+": step by step")
					}
				}
			}
		}
	}
}

// TestSTDPThreads: the plain rule for any number of threads.
func TestSTDPThreads(t *testing.T) {
	defer SetThreads(Threads())
	defer func(n int) { minShare = n }(minShare)
	minShare = 16
	for _, mu := range []float64{0, 2} {
		w, u := stdpCase[float32](3, stdpShape{150, 40, 50, 1}, false)
		u.Mu = mu
		want, wantU := w, u.clone()
		want.Data = slices.Clone(w.Data)
		plainSTDP(want, wantU)
		for threads := 1; threads <= 4; threads++ {
			SetThreads(threads)
			got, gotU := w, u.clone()
			got.Data = slices.Clone(w.Data)
			STDP(got, gotU)
			requireSame(t, got, want, gotU, wantU, fmt.Sprint(threads, " threads"))
		}
	}
}

// TestSTDPOutside: a weight outside of the bounds stays there, with its bits, until its first event.
func TestSTDPOutside(t *testing.T) {
	w := MatrixOf([]float64{5, -5, 5, -5, 5, -5}, 2, 3)
	u := SpikeUpdate[float64]{
		Pre:  Spikes{[]bool{false, true, false}, 1, 3, 3},
		Post: Spikes{[]bool{false, true}, 1, 2, 2},
		R:    SpikeTrace[float64]{make([]float64, 3), 0.5, 0.25}, O: SpikeTrace[float64]{make([]float64, 2), 0.5, -0.25}, High: 1,
	}
	STDP(w, u)
	require.Equal(t, []float64{5, 0, 5, 0, 1, 0}, w.Data)
	require.Equal(t, []float64{0, 0.25, 0}, u.R.V)
	require.Equal(t, []float64{0, -0.25}, u.O.V)
}

func TestSTDPRefuses(t *testing.T) {
	for name, change := range map[string]func(w *Matrix[float64], u *SpikeUpdate[float64]){
		"w stride":            func(w *Matrix[float64], u *SpikeUpdate[float64]) { w.Stride = 2 },
		"Pre columns":         func(w *Matrix[float64], u *SpikeUpdate[float64]) { u.Pre.Cols = 2 },
		"Pre short":           func(w *Matrix[float64], u *SpikeUpdate[float64]) { u.Pre.Data = u.Pre.Data[1:] },
		"Pre stride":          func(w *Matrix[float64], u *SpikeUpdate[float64]) { u.Pre.Stride = 2 },
		"Post steps":          func(w *Matrix[float64], u *SpikeUpdate[float64]) { u.Post.Rows = 1 },
		"Post negative":       func(w *Matrix[float64], u *SpikeUpdate[float64]) { u.Post.Cols = -1 },
		"R length":            func(w *Matrix[float64], u *SpikeUpdate[float64]) { u.R.V = u.O.V },
		"O length":            func(w *Matrix[float64], u *SpikeUpdate[float64]) { u.O.V = nil },
		"R2 length":           func(w *Matrix[float64], u *SpikeUpdate[float64]) { u.O2.V = make([]float64, 2) },
		"O2 length":           func(w *Matrix[float64], u *SpikeUpdate[float64]) { u.R2.V = make([]float64, 3) },
		"R Decay":             func(w *Matrix[float64], u *SpikeUpdate[float64]) { u.R.Decay = 1.5 },
		"O Decay NaN":         func(w *Matrix[float64], u *SpikeUpdate[float64]) { u.O.Decay = nan },
		"R Step":              func(w *Matrix[float64], u *SpikeUpdate[float64]) { u.R.Step = inf },
		"C NaN":               func(w *Matrix[float64], u *SpikeUpdate[float64]) { u.C[1] = nan },
		"S infinite":          func(w *Matrix[float64], u *SpikeUpdate[float64]) { u.S[0] = inf },
		"Coincidence unknown": func(w *Matrix[float64], u *SpikeUpdate[float64]) { u.Coincidence = 3 },
		"Low above High":      func(w *Matrix[float64], u *SpikeUpdate[float64]) { u.Low = 2 },
		"Low infinite":        func(w *Matrix[float64], u *SpikeUpdate[float64]) { u.Low = -inf },
		"High NaN":            func(w *Matrix[float64], u *SpikeUpdate[float64]) { u.High = nan },
		"Mu negative":         func(w *Matrix[float64], u *SpikeUpdate[float64]) { u.Mu = -1 },
		"Mu NaN":              func(w *Matrix[float64], u *SpikeUpdate[float64]) { u.Mu = nan },
		"R in w":              func(w *Matrix[float64], u *SpikeUpdate[float64]) { u.R.V = w.Row(1) },
		"O with R":            func(w *Matrix[float64], u *SpikeUpdate[float64]) { u.O.V = u.R.V[1:] },
		"Pre in w": func(w *Matrix[float64], u *SpikeUpdate[float64]) {
			u.Pre.Data = unsafe.Slice((*bool)(unsafe.Pointer(&w.Data[2])), 6)
		},
		"Post with R": func(w *Matrix[float64], u *SpikeUpdate[float64]) {
			u.Post.Data = unsafe.Slice((*bool)(unsafe.Pointer(&u.R.V[0])), 4)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := MatrixOf([]float64{1, 2, 3, 4, 5, 6}, 2, 3)
			u := SpikeUpdate[float64]{Pre: Spikes{make([]bool, 6), 2, 3, 3}, Post: Spikes{make([]bool, 4), 2, 2, 2},
				R: SpikeTrace[float64]{V: []float64{1, 2, 3}}, O: SpikeTrace[float64]{V: []float64{4, 5}}, High: 1}
			changed, r, o := w, u.R.V, u.O.V
			change(&changed, &u)
			e := requireRefused(t, func() { STDP(changed, u) })
			require.Equal(t, "STDP", e.Func)
			require.Regexp(t, "^"+e.Arg+" ", name)
			require.Equal(t, []float64{1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5}, append(append(slices.Clone(w.Data), r...), o...))
		})
	}
}

// TestSTDPEmpty: without rows or columns the traces run on; without steps nothing does.
func TestSTDPEmpty(t *testing.T) {
	for _, shape := range [][2]int{{0, 3}, {3, 0}, {0, 0}} {
		out, in := shape[0], shape[1]
		u := SpikeUpdate[float32]{Pre: Spikes{make([]bool, 2*in), 2, in, in}, Post: Spikes{make([]bool, 2*out), 2, out, out},
			R: SpikeTrace[float32]{make([]float32, in), 0.5, 1}, O: SpikeTrace[float32]{make([]float32, out), 0.5, 1}}
		for _, v := range [][]bool{u.Pre.Data, u.Post.Data} {
			for k := range v {
				v[k] = true
			}
		}
		STDP(NewMatrix[float32](out, in), u)
		for _, v := range append(slices.Clone(u.R.V), u.O.V...) {
			require.Equal(t, float32(1.5), v)
		}
		u.Pre.Rows, u.Post.Rows = 0, 0
		STDP(NewMatrix[float32](out, in), u)
		for _, v := range append(slices.Clone(u.R.V), u.O.V...) {
			require.Equal(t, float32(1.5), v)
		}
	}
}
