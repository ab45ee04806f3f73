package engine

import (
	"fmt"
	"testing"

	"github.com/hebbkern/hebbkern/kernels"
)

// BenchmarkSequence gives samples a second of online rules, one sample at a time (block 0) and in blocks.
func BenchmarkSequence(b *testing.B) {
	for _, size := range [][2]int{{64, 784}, {1024, 1024}, {2000, 784}, {4096, 4096}} {
		out, in := size[0], size[1]
		rate := 0.01 / float64(in)
		rules := []Rule[float32]{Oja[float32]{LR: rate}, SoftHebb[float32]{LR: rate, Temperature: 1}, WTA[float32]{LR: 0.01, K: 1}, WTA[float32]{LR: 0.01, K: 1, Score: Euclid}}
		if out < 100 {
			rules = append(rules, Sanger[float32]{LR: rate})
		}
		for _, rule := range rules {
			for _, block := range []int{0, 16, 32, 64, 128, 256} {
				name := rule.Name()
				if w, ok := rule.(WTA[float32]); ok && w.Score == Euclid {
					name += "-euclid"
				}
				b.Run(fmt.Sprintf("%s/%dx%d/block=%d", name, out, in, block), func(b *testing.B) {
					r := source(1)
					n := 256
					w, x := randomMatrix[float32](r, out, in, 0, 1/float64(in)), randomMatrix[float32](r, n, in, 0, 1)
					y := kernels.NewMatrix[float32](n, out)
					var s Scratch[float32]
					samples := 0
					for b.Loop() {
						if _, _, err := Update(rule, w, x, y, UpdateOptions[float32]{Compute: true, Block: block, Scratch: &s}); err != nil {
							b.Fatal(err)
						}
						samples += n
					}
					b.ReportMetric(float64(samples)/b.Elapsed().Seconds(), "samples/s")
					b.ReportMetric(0, "ns/op")
				})
			}
		}
	}
}
