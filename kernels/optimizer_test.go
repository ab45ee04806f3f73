package kernels

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMomentum(t *testing.T) { bothTypes(t, testMomentum[float32], testMomentum[float64]) }

// testMomentum follows three steps in float64; each rounds a value of its size twice.
func testMomentum[T Float](t *testing.T) {
	r, u := newRand(31), unitRoundoff[T]()
	for _, nesterov := range []bool{false, true} {
		for _, n := range []int{1, 33, 5000} {
			w, v := randomVector[T](r, n), make([]T, n)
			wide, moment := make([]float64, n), make([]float64, n)
			for k := range w {
				wide[k] = float64(w[k])
			}
			o := MomentumStep[T]{Rate: 0.125, Mu: 0.75, Keep: 0.875, Nesterov: nesterov}
			for range 3 {
				g := randomVector[T](r, n)
				Momentum(w, v, g, o)
				for k := range w {
					moment[k] = 0.75*moment[k] + float64(g[k])
					along := moment[k]
					if nesterov {
						along = 0.75*moment[k] + float64(g[k])
					}
					wide[k] = 0.875*wide[k] - 0.125*along
					requireNear(t, moment[k], float64(v[k]), 40*u, "v", n, k)
					requireNear(t, wide[k], float64(w[k]), 40*u, "w", n, k)
				}
			}
		}
	}
}

func TestAdam(t *testing.T) { bothTypes(t, testAdam[float32], testAdam[float64]) }

// testAdam follows three steps of the published algorithm, bias corrections and all, in float64. Where the second
// moment is tiny the quotient is at most 1/√(1 − β₂), so absolute errors of some ulps hold.
func testAdam[T Float](t *testing.T) {
	r, u := newRand(32), unitRoundoff[T]()
	const lr, b1, b2, eps, keep = 0.0625, 0.875, 0.96875, 0x1p-20, 0.9375
	for _, n := range []int{1, 33, 5000} {
		w, m, v := randomVector[T](r, n), make([]T, n), make([]T, n)
		wide, first, second := make([]float64, n), make([]float64, n), make([]float64, n)
		for k := range w {
			wide[k] = float64(w[k])
		}
		for step := 1.0; step <= 3; step++ {
			g := randomVector[T](r, n)
			Adam(w, m, v, g, AdamStep[T]{Rate: T(lr / (1 - math.Pow(b1, step))), Beta1: b1, Beta2: b2,
				Root: T(1 / math.Sqrt(1-math.Pow(b2, step))), Eps: eps, Keep: keep})
			for k := range w {
				d := float64(g[k])
				first[k] = b1*first[k] + (1-b1)*d
				second[k] = b2*second[k] + (1-b2)*d*d
				wide[k] = keep*wide[k] - lr*(first[k]/(1-math.Pow(b1, step)))/(math.Sqrt(second[k]/(1-math.Pow(b2, step)))+eps)
				requireNear(t, first[k], float64(m[k]), 20*u, "m", n, k)
				requireNear(t, second[k], float64(v[k]), 20*u*(1+second[k]), "v", n, k)
				requireNear(t, wide[k], float64(w[k]), 60*u, "w", n, k)
			}
		}
	}
}

func TestShrink(t *testing.T) { bothTypes(t, testShrink[float32], testShrink[float64]) }

func testShrink[T Float](t *testing.T) {
	r, u := newRand(33), unitRoundoff[T]()
	for _, p := range []float64{0.5, 1, 1.3, 2, 3} {
		for _, rate := range []T{0, 0.125, 0.5} {
			w := randomVector[T](r, 700)
			w[3], w[4], w[5] = 0, T(math.Copysign(0, -1)), T(inf)
			old := append([]T(nil), w...)
			old[6], w[6] = T(nan), T(nan)
			Shrink(w, rate, p)
			for k, v := range old {
				a := math.Abs(float64(v))
				switch step := float64(rate) * math.Pow(a, p-1); {
				case k == 5 && rate > 0:
					require.False(t, w[k]-w[k] == 0, "an infinite weight shows: %v", w[k])
				case k == 5:
				case k == 6:
					require.True(t, w[k] != w[k], "NaN stays")
				case a == 0:
					require.Equal(t, math.Signbit(float64(v)), math.Signbit(float64(w[k])))
					require.Zero(t, w[k])
				default:
					requireNear(t, math.Copysign(max(a-step, 0), float64(v)), float64(w[k]), 6*u*(a+step), "w", p, rate, k)
					require.Equal(t, math.Signbit(float64(v)), math.Signbit(float64(w[k])), "the sign stays")
				}
			}
		}
	}
	s := make([]T, 5)
	Sign(s, []T{2, -0.5, 0, T(math.Copysign(0, -1)), T(inf)})
	require.Equal(t, []T{1, -1, 0, 0, 1}, s)
	require.True(t, math.Signbit(float64(s[3])))
	Sign(s[:1], []T{T(nan)})
	require.True(t, s[0] != s[0])
}
