package engine

import (
	"math"
	"testing"

	"github.com/hebbkern/hebbkern/kernels"
)

// The first outputs of xoshiro256** from the state 1, 2, 3, 4, as its authors' C code gives them.
func TestRNGReference(t *testing.T) {
	r := RNG{1, 2, 3, 4}
	for i, want := range []uint64{11520, 0, 1509978240, 1215971899390074240, 1216172134540287360, 607988272756665600,
		16172922978634559625, 8476171486693032832, 10595114339597558777, 2904607092377533576} {
		if got := r.Uint64(); got != want {
			t.Fatalf("output %d is %d, want %d", i, got, want)
		}
	}
}

// Seeds and streams by an independent implementation (integer arithmetic in Python).
func TestRNGSeed(t *testing.T) {
	for _, c := range []struct{ seed, stream, first uint64 }{{0, 0, 5457089906467787396}, {1, 0, 14665244073012486770}, {1, 1, 3585088544198299947}, {18446744073709551615, 12345, 14456095057553531395}} {
		r := NewRNG(c.seed, c.stream)
		if got := r.Uint64(); got != c.first {
			t.Errorf("seed %d, stream %d: %d, want %d", c.seed, c.stream, got, c.first)
		}
	}
}

func TestRNGStateResumes(t *testing.T) {
	a := NewRNG(5, 0)
	a.Uint64()
	b := a
	if a.Uint64() != b.Uint64() {
		t.Error("a copied state goes on differently")
	}
}

func TestPermAndIntN(t *testing.T) {
	r := NewRNG(1, 0)
	counts := [7]int{}
	const n = 70000
	for range n {
		counts[r.IntN(7)]++
	}
	// Binomial with mean 10000 and standard deviation 93: five of them.
	for v, c := range counts {
		if math.Abs(float64(c)-n/7) > 465 {
			t.Errorf("IntN(7) gave %d %d times of %d", v, c, n)
		}
	}
	a, b, c := make([]int, 100), make([]int, 100), make([]int, 100)
	EpochPermutation(a, 3, 4)
	EpochPermutation(b, 3, 4)
	EpochPermutation(c, 3, 5)
	same := 0
	seen := map[int]bool{}
	for i := range a {
		if a[i] != b[i] {
			t.Fatal("an epoch's permutation changed")
		}
		if a[i] == c[i] {
			same++
		}
		seen[a[i]] = true
	}
	if len(seen) != 100 || same > 20 {
		t.Errorf("%d distinct indices, %d at the place of the next epoch", len(seen), same)
	}
}

func TestUniform(t *testing.T) {
	var f32 [1000]float32
	var f64 [1000]float64
	r := NewRNG(1, 0)
	Uniform(&r, f32[:], -2, 3)
	r.Seed(1, 0)
	Uniform(&r, f64[:], -2, 3)
	for i, v := range f64 {
		if v < -2 || v >= 3 || f32[i] != float32(v) {
			t.Fatalf("element %d: %v in float64, %v in float32", i, v, f32[i])
		}
	}
}

func TestNewLayeredInitialisation(t *testing.T) {
	for _, c := range []struct {
		act           kernels.Activation
		hidden, final float64
	}{
		{relu(), math.Sqrt(6. / 40), math.Sqrt(6. / 80)},
		{kernels.Activation{Kind: kernels.LeakyReLU, Slope: 1}, math.Sqrt(3. / 40), math.Sqrt(6. / 80)},
		{kernels.Activation{Kind: kernels.BiLU, Slope: -1, Shape: 2}, math.Sqrt(6. / 200), math.Sqrt(6. / 80)},
		{kernels.Activation{Kind: kernels.BiLU}, math.Sqrt(6. / 100), math.Sqrt(6. / 80)},
		{kernels.Activation{Kind: kernels.Tanh}, math.Sqrt(6. / 100), math.Sqrt(6. / 80)},
	} {
		n, err := NewLayered[float64]([]int{40, 60, 20}, c.act, 7)
		must(t, err)
		if c.act.Kind == kernels.ReLU { // by the same independent implementation as the seeds
			equalBits(t, "first weights", n.Projections[0].W.Data[:3], []float64{0.26865993256875964, 0.2483295891271049, -0.11545999767736176})
		}
		for l, want := range []float64{c.hidden, c.final} {
			top, sum := 0.0, 0.0
			for _, v := range n.Projections[l].W.Data {
				top, sum = math.Max(top, math.Abs(v)), sum+v
			}
			// Of 1200 or more uniform numbers the largest is within 1 %, the mean within 0.06 of the half width.
			if top > want || top < 0.99*want || math.Abs(sum) > 0.06*want*float64(len(n.Projections[l].W.Data)) {
				t.Errorf("%v layer %d: largest %v, mean %v, want half width %v", c.act, l, top, sum, want)
			}
		}
	}
}
