package kernels

import "unsafe"

// single reports whether T is float32; the compiler knows.
func single[T Float]() bool { return unsafe.Sizeof(T(0)) == 4 }
