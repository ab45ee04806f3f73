//go:build (amd64 || arm64) && !purego

package kernels

import "unsafe"

// pF32 and pF64 are the address of a slice's elements for the assembly. They are called only where T is that type.
func pF32[T Float](s []T) *float32 { return (*float32)(unsafe.Pointer(unsafe.SliceData(s))) }
func pF64[T Float](s []T) *float64 { return (*float64)(unsafe.Pointer(unsafe.SliceData(s))) }
