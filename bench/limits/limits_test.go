//go:build cgo

package limits

import "testing"

// Every form of every loop leaves the values alone and stays inside its buffer (guard values on both sides).
func TestFormsTouchNothing(t *testing.T) {
	if !Supported() {
		t.Log("this processor has no AVX2 with FMA: the loops cannot run here")
		return
	}
	testForms[float32](t, 4)
	testForms[float64](t, 8)
}

func testForms[T float32 | float64](t *testing.T, size int) {
	for _, op := range []Op{Read, ReadWrite, ReadReadWrite} {
		if Variants(op) < 4 {
			t.Errorf("%v has %d forms", op, Variants(op))
		}
		for v := range Variants(op) {
			const guard = 64
			n := 3 * Grain / size
			all := make([]T, n+2*guard)
			for i := range all {
				all[i] = T(i%97) - 48
			}
			if s := Seconds(op, v, all[guard:guard+n], 3, 1); s <= 0 {
				t.Errorf("%v form %d took %g s", op, v, s)
			}
			if s := Seconds(op, v, all[guard:guard+n/3*2], 3, 2); s <= 0 {
				t.Errorf("%v form %d took %g s on two threads", op, v, s)
			}
			for i := range all {
				if all[i] != T(i%97)-48 {
					t.Fatalf("%v form %d changed element %d", op, v, i-guard)
				}
			}
		}
	}
	for _, op := range []Op{FMA, Sqrt} {
		for v := range Variants(op) {
			if s := RegisterSeconds[T](op, v, 24000); s <= 0 {
				t.Errorf("%v form %d took %g s", op, v, s)
			}
		}
	}
}
