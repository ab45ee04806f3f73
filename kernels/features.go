package kernels

import "github.com/klauspost/cpuid/v2"

// Features lists the vector features of this machine by their usual names, in
// use or not.
func Features() []string {
	var names []string
	for _, f := range []struct {
		id   cpuid.FeatureID
		name string
	}{
		{cpuid.SSE42, "sse4.2"},
		{cpuid.AVX, "avx"},
		{cpuid.AVX2, "avx2"},
		{cpuid.FMA3, "fma3"},
		{cpuid.AVX512F, "avx512f"},
		{cpuid.AVX512DQ, "avx512dq"},
		{cpuid.AVX512BW, "avx512bw"},
		{cpuid.AVX512VL, "avx512vl"},
		{cpuid.ASIMD, "neon"},
		{cpuid.SVE, "sve"},
	} {
		if cpuid.CPU.Supports(f.id) {
			names = append(names, f.name)
		}
	}
	return names
}
