package kernels

import "github.com/klauspost/cpuid/v2"

// Sizes of a core's second cache and of the third one in bytes; for those that
// the processor does not tell, small common ones.
var (
	secondCache = known(cpuid.CPU.Cache.L2, 512<<10)
	thirdCache  = known(cpuid.CPU.Cache.L3, 8<<20)
)

func known(size, otherwise int) int {
	if size > 0 {
		return size
	}
	return otherwise
}

// distance is how far away a matrix is likely to lie, as the primitives that
// memory bounds take it: 0 the second cache, 1 the third, 2 memory. It decides
// the order in which they read, never a result.
func (m *Matrix[T]) distance() int {
	switch bytes := m.Rows * m.Cols * sizeOf[T](); {
	case bytes <= secondCache:
		return 0
	case bytes <= thirdCache/4*3: // the rest of the machine has its share
		return 1
	}
	return 2
}
