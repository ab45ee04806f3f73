package engine

import (
	"fmt"
	"math"
	"testing"

	"github.com/hebbkern/hebbkern/kernels"
	"github.com/stretchr/testify/require"
)

// TestWinnersAreExact: sequences in order and in blocks are single calls, bit for bit, where responses are equal, closer than
// rounding, subnormal, or beyond what the bound can hold; and a sequence that ends early ends where single calls do.
func TestWinnersAreExact(t *testing.T) {
	t.Run("float32", testWinnersAreExact[float32])
	t.Run("float64", testWinnersAreExact[float64])
}

func testWinnersAreExact[T kernels.Float](t *testing.T) {
	const out, in, n = 7, 19, 70
	g := NewRNG(5, 0)
	noise := func(v []T, scale float64) {
		for i := range v {
			v[i] += T(scale * (2*g.Float64() - 1))
		}
	}
	unit, least, large, _ := roundoff[T]()
	for name, c := range map[string]struct {
		size, w, x float64 // of all, and the noise upon equal rows and samples
		lr         float64
		bad        int // a sample that is not finite, or -1
	}{
		"apart":     {1, 1, 1, 0.1, -1},
		"equal":     {1, 0, 0, 0.1, -1},
		"near":      {1, 20 * unit, 1, 16 * unit, -1},
		"samples":   {1, unit, 1, 0.5, -1},
		"whole":     {1, unit, 8 * unit, 1, -1},
		"subnormal": {40 * least, 0.5, 0.5, 0.25, -1},
		"small":     {math.Sqrt(least) * 8, 1, 1, 0.25, -1},
		"large":     {math.Sqrt(large) / 3, 0.2, 0.2, 0.25, -1},
		"larger":    {math.Sqrt(large) * 4, 0.2, 0.2, 0.25, -1},
		"bad":       {1, 0.1, 0.1, 0.25, 37},
	} {
		w, x := kernels.NewMatrix[T](out, in), kernels.NewMatrix[T](n, in)
		base := make([]T, in)
		noise(base, 1)
		for i := range out {
			copy(w.Row(i), base)
			noise(w.Row(i), c.w)
		}
		for s := range n {
			copy(x.Row(s), base)
			noise(x.Row(s), c.x)
		}
		for _, m := range []kernels.Matrix[T]{w, x} {
			for k := range m.Data {
				m.Data[k] *= T(c.size)
			}
		}
		if c.bad >= 0 {
			x.Row(c.bad)[3] = T(math.Inf(1))
		}
		rule := WTA[T]{LR: c.lr, K: 1}
		want, wantY := clone(w), kernels.NewMatrix[T](n, out)
		end := n
		for s := range n {
			if _, _, err := Update[T](rule, want, x, wantY, UpdateOptions[T]{Compute: true, From: s, To: s + 1}); err != nil {
				end = s
				break
			}
		}
		if c.bad >= 0 {
			require.Equal(t, c.bad, end)
		} else {
			require.Equal(t, n, end, name)
		}
		for _, block := range []int{0, 1, 5, 32, 64} {
			label := fmt.Sprint(name, ", block ", block)
			got, y := clone(w), kernels.NewMatrix[T](n, out)
			_, k, err := Update[T](rule, got, x, y, UpdateOptions[T]{Compute: true, Block: block})
			require.Equal(t, end == n, err == nil, label)
			require.Equal(t, end, k, label)
			equalBits(t, label+", w", got.Data, want.Data)
			equalBits(t, label+", y", y.Data[:end*out], wantY.Data[:end*out])
		}
	}
}
