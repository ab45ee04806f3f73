package portable

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// exactFMA32 is a·b + c for finite arguments, rounded once by math/big.
func exactFMA32(a, b, c float32) float32 {
	x := new(big.Float).SetPrec(1000).SetFloat64(float64(a))
	x.Mul(x, new(big.Float).SetFloat64(float64(b)))
	x.Add(x, new(big.Float).SetFloat64(float64(c)))
	if x.Sign() == 0 {
		return float32(math.FMA(float64(a), float64(b), float64(c))) // the sign of an exact zero
	}
	y, _ := x.Float32()
	return y
}

func checkFMA32(t *testing.T, a, b, c float32) {
	t.Helper()
	got, want := FMA(a, b, c), exactFMA32(a, b, c)
	if math.Float32bits(got) != math.Float32bits(want) {
		t.Errorf("FMA(%x, %x, %x) = %x, want %x", a, b, c, got, want)
	}
}

// Sums just beside a midpoint of two float32, nearer than half a unit of
// float64, so that rounding to float64 first lands on the midpoint.
func TestFMA32NearTies(t *testing.T) {
	wrong, cases := 0, 0
	for n := uint64(1<<23 + 1); n < 1<<23+1<<16; n += 2 {
		m := (1<<47 + n/2) / n
		d := int64(n*m - 1<<47)
		if d == 0 || d < -1<<17 || d > 1<<17 || m >= 1<<24 {
			continue
		}
		// a·b = 2⁻²⁴(1 + d·2⁻⁴⁷), half a unit of c = ±1, and of a subnormal c.
		a, b := float32(n)*0x1p-23, float32(m)*0x1p-48
		for _, c := range []float32{1, -1, 1 + 0x1p-23, -1 - 0x1p-23, 1.5} {
			cases++
			checkFMA32(t, a, b, c)
			checkFMA32(t, -a, b, c)
			if float32(float64(a)*float64(b)+float64(c)) != FMA(a, b, c) {
				wrong++
			}
		}
		for _, k := range []float32{0, 1, 2, 3} {
			checkFMA32(t, float32(a*0x1p-63), float32(b*0x1p-63), float32(k*0x1p-149))
		}
	}
	if cases < 1000 || wrong < cases/4 {
		t.Errorf("%d of %d cases are wrong with plain double rounding: the cases miss the point", wrong, cases)
	}
}

func TestFMA32Random(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	finite := func() float32 {
		for {
			x := math.Float32frombits(r.Uint32())
			if x-x == 0 {
				return x
			}
		}
	}
	for range 200000 {
		a, b, c := finite(), finite(), finite()
		checkFMA32(t, a, b, c)
		// c near the product, exponents that meet
		p := float64(a) * float64(b)
		c = float32(p * (1 + float64(r.IntN(64)-32)*0x1p-24) * math.Ldexp(1, r.IntN(60)-30))
		if c-c == 0 {
			checkFMA32(t, a, b, c)
			checkFMA32(t, a, b, -c)
		}
		// few bits: exact sums, ties and zeros
		checkFMA32(t, float32(r.IntN(64)-32), float32(r.IntN(1<<20)), float32(int(r.Uint32()>>6)))
	}
}

func TestFMASpecial(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	values := []float64{0, math.Copysign(0, -1), 1, -1, inf, -inf, nan,
		math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32, 0x1p-126, 0x1p127}
	for _, a := range values {
		for _, b := range values {
			for _, c := range values {
				got := FMA(float32(a), float32(b), float32(c))
				want := float32(math.FMA(a, b, c)) // exact enough: no case here is near a midpoint but the overflowing one
				if got != want && (got == got || want == want) || math.Signbit(float64(got)) != math.Signbit(float64(want)) && got == got {
					t.Errorf("FMA(%g, %g, %g) = %g, want %g", a, b, c, got, want)
				}
				g, w := FMA(a, b, c), math.FMA(a, b, c)
				if math.Float64bits(g) != math.Float64bits(w) && (g == g || w == w) {
					t.Errorf("FMA(%g, %g, %g) = %g, want %g", a, b, c, g, w)
				}
			}
		}
	}
	// 2¹²⁸ − 2¹⁰³ is the midpoint above the largest float32.
	checkFMA32(t, 0x1p64, 0x1p64, -0x1p103)
	checkFMA32(t, 0x1p64, 0x1.fffffep63, 0x1p103)
	checkFMA32(t, 0x1p64, 0x1.fffffep63, 0x1.fffffep102)
}
