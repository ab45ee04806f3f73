// Command probe prints what this processor has, which path hebbkern takes on it, and a digest of the bits that every
// kernel gives there, one name=value a line. Each test leg reads it first: a leg whose processor has other features
// than it thinks fails, and so does one whose bits differ from another's, or whose path the processor cannot run.
package main

import (
	"fmt"
	"runtime"

	"github.com/klauspost/cpuid/v2"

	"github.com/hebbkern/hebbkern/kernels"
)

func main() {
	fmt.Printf("arch=%s\n", runtime.GOARCH)
	fmt.Printf("avx2=%t\n", cpuid.CPU.Supports(cpuid.AVX2))
	fmt.Printf("fma3=%t\n", cpuid.CPU.Supports(cpuid.FMA3))
	fmt.Printf("osxsave=%t\n", cpuid.CPU.Supports(cpuid.OSXSAVE))
	fmt.Printf("isa=%s\n", kernels.ISA())
	fmt.Printf("digest=%016x\n", digest())
}
