//go:build !purego

package kernels

import "github.com/klauspost/cpuid/v2"

// detectISA asks for AVX2, which cpuid reports only if the operating system
// keeps the YMM registers (XCR0), and for FMA3.
func detectISA() string {
	if cpuid.CPU.Supports(cpuid.AVX2, cpuid.FMA3) {
		return isaAVX2
	}
	return isaPortable
}
