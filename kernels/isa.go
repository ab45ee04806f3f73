package kernels

import "os"

// The instruction sets, lowest first.
const (
	isaPortable = "portable"
	isaNEON     = "neon"
	isaAVX2     = "avx2"
)

// isa is the instruction set in use, chosen once at start. useAVX2 and useNEON
// are what dispatch branches on.
var (
	isa     = lowerISA(detectISA(), os.Getenv("HEBBKERN_ISA"))
	useAVX2 = isa == isaAVX2
	useNEON = isa == isaNEON
	// useVectors: what only spares vectors some moves is worth it.
	useVectors = useAVX2 || useNEON
)

// lowerISA applies HEBBKERN_ISA, which can only go down: "portable" is always
// granted; anything else, the name of an instruction set that this machine or
// build lacks included, leaves what was detected. ISA tells the outcome.
func lowerISA(detected, wish string) string {
	if wish == isaPortable {
		return isaPortable
	}
	return detected
}

// ISA is the instruction set that the kernels run on: "avx2" (which means AVX2
// and FMA3 and an operating system that keeps the YMM registers), "neon" or
// "portable". HEBBKERN_ISA=portable at start and the build tag purego choose
// portable Go.
func ISA() string { return isa }

// Version is the version of the library.
func Version() string { return "0.1.0" }
