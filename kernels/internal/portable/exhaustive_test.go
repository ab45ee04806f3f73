package portable_test

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"sync"
	"testing"

	"github.com/hebbkern/hebbkern/kernels"
	"github.com/hebbkern/hebbkern/kernels/internal/portable"
)

// TestExhaustiveFloat32 bounds the error of exp2, log2, exp, log and |x|^p over the float32 inputs, on the path in use,
// whose bits are those of the definition. With HEBBKERN_EXHAUSTIVE=1 it takes all 2³² of them, of |x|^p the half
// without the sign; else one block of 2¹⁴ in each 2048.
func TestExhaustiveFloat32(t *testing.T) {
	every := uint64(2048)
	if os.Getenv("HEBBKERN_EXHAUSTIVE") == "1" {
		every = 1
	}
	threads := kernels.Threads()
	kernels.SetThreads(1) // the inputs are what is shared out
	defer kernels.SetThreads(threads)
	check := func(name string, inputs uint64, fn func(y, x []float32), ref func(float64) float64) {
		t.Helper()
		const block = 1 << 14
		var mu sync.Mutex
		var wg sync.WaitGroup
		var most float64
		var at float32
		workers := uint64(runtime.GOMAXPROCS(0))
		for g := range workers {
			wg.Go(func() {
				x, y := make([]float32, block), make([]float32, block)
				var worst float64
				var where float32
				for b := g * every; b < inputs/block; b += workers * every {
					at := (b + b/every*1237%every) * block // another part of each stretch
					for i := range x {
						x[i] = math.Float32frombits(uint32(at + uint64(i)))
					}
					fn(y, x)
					for i, v := range x {
						if u := portable.ULP32(y[i], ref(float64(v))); u > worst {
							worst, where = u, v
						}
					}
				}
				mu.Lock()
				defer mu.Unlock()
				if worst > most {
					most, at = worst, where
				}
			})
		}
		wg.Wait()
		line := fmt.Sprintf("%-8s %d inputs, max error %.4f ULP at %g (bits %08x)", name, inputs/every, most, at, math.Float32bits(at))
		t.Log(line)
		if !(most <= 1) {
			t.Errorf("%s: %.4f ULP at %g, want at most 1", name, most, at)
		}
	}
	check("exp2", 1<<32, kernels.Exp2[float32], math.Exp2)
	check("log2", 1<<32, kernels.Log2[float32], portable.RefLog2)
	check("exp", 1<<32, kernels.Exp[float32], math.Exp)
	check("log", 1<<32, kernels.Log[float32], math.Log)
	for _, p := range portable.CheckedExponents {
		check(fmt.Sprintf("|x|^%g", p), 1<<31, func(y, x []float32) { kernels.PowAbs(y, x, p) }, func(x float64) float64 { return math.Pow(x, p) })
	}
}
