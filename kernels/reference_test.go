package kernels

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// guard fills the memory between rows; no kernel may touch it.
const guard = 12345.5

func unitRoundoff[T Float]() float64 {
	if sizeOf[T]() == 4 {
		return 0x1p-24
	}
	return 0x1p-53
}

// bothTypes runs a generic test for float32 and float64.
func bothTypes(t *testing.T, f32, f64 func(t *testing.T)) {
	t.Run("float32", f32)
	t.Run("float64", f64)
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 7)) }

// randomVector has elements in ±[0.25, 2).
func randomVector[T Float](r *rand.Rand, n int) []T {
	v := make([]T, n)
	for k := range v {
		v[k] = T(0.25 + 1.75*r.Float64())
		if r.Uint32()&1 == 0 {
			v[k] = -v[k]
		}
	}
	return v
}

// randomMatrix has rows of random elements with guards between them.
func randomMatrix[T Float](r *rand.Rand, rows, cols, gap int) Matrix[T] {
	m := Matrix[T]{Data: make([]T, rows*(cols+gap)), Rows: rows, Cols: cols, Stride: cols + gap}
	for k := range m.Data {
		m.Data[k] = guard
	}
	for i := range rows {
		copy(m.Row(i), randomVector[T](r, cols))
	}
	return m
}

func clone[T Float](m Matrix[T]) Matrix[T] {
	m.Data = append([]T(nil), m.Data...)
	return m
}

func (m Matrix[T]) at(i, j int) float64 { return float64(m.Data[i*m.Stride+j]) }

func requireGuards[T Float](t *testing.T, m Matrix[T]) {
	t.Helper()
	for i := range m.Rows {
		for j := m.Cols; j < m.Stride && i*m.Stride+j < len(m.Data); j++ {
			require.Equal(t, T(guard), m.Data[i*m.Stride+j], "gap after row %d", i)
		}
	}
}

// bitsOf is the bits of v, all NaN being one.
func bitsOf[T Float](v T) uint64 {
	if v != v {
		return math.Float64bits(math.NaN())
	}
	return math.Float64bits(float64(v))
}

func sameBits[T Float](a, b []T) bool {
	if len(a) != len(b) {
		return false
	}
	for k := range a {
		if bitsOf(a[k]) != bitsOf(b[k]) {
			return false
		}
	}
	return true
}

func requireSameBits[T Float](t *testing.T, want, got []T, what string) {
	t.Helper()
	if sameBits(want, got) {
		return
	}
	require.Len(t, got, len(want), what)
	for k := range want {
		require.Equal(t, bitsOf(want[k]), bitsOf(got[k]), "%s: element %d: %v, want %v", what, k, got[k], want[k])
	}
}

// requireNear compares with a bound that the caller derived.
func requireNear(t *testing.T, want, got, bound float64, what string, at ...any) {
	t.Helper()
	if !(math.Abs(got-want) <= bound) {
		require.Failf(t, what, "at %v: got %v, want %v ± %v", at, got, want, bound)
	}
}

// withThreads sets the threads, and shares even the smallest work among them.
func withThreads(t testing.TB, n int) {
	threads, share := Threads(), minShare
	SetThreads(n)
	if n > 1 {
		minShare = 1
	}
	t.Cleanup(func() {
		SetThreads(threads)
		minShare = share
	})
}

// spreadAt is element k of a vector or scalar.
func spreadAt[T Float](v []T, k int) float64 {
	switch len(v) {
	case 0:
		return 0
	case 1:
		return float64(v[0])
	}
	return float64(v[k])
}
