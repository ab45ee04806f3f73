package kernels

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMatMulNegativeZero: a product that underflows to -0 is added to +0, so the sum is +0.
func TestMatMulNegativeZero(t *testing.T) {
	bothTypes(t, testMatMulNegativeZero[float32], testMatMulNegativeZero[float64])
}

func testMatMulNegativeZero[T Float](t *testing.T) {
	tiny := T(1e-30)
	if !single[T]() {
		tiny = T(1e-200)
	}
	for rows := 1; rows <= 13; rows++ {
		for _, cols := range []int{1, 7, 8, 33} {
			a, b, dst := NewMatrix[T](rows, 1), NewMatrix[T](1, cols), NewMatrix[T](rows, cols)
			for i := range a.Data {
				a.Data[i] = -tiny
			}
			for j := range b.Data {
				b.Data[j] = tiny
			}
			MatMul(dst, a, b)
			for k, v := range dst.Data {
				require.False(t, v != 0 || math.Signbit(float64(v)), "%d×%d: element %d is %v", rows, cols, k, v)
			}
		}
	}
}
