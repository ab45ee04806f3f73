//go:build !purego

package kernels

// detectISA needs to ask nothing of the processor: NEON is part of every arm64.
func detectISA() string {
	if haveNEON {
		return isaNEON
	}
	return isaPortable
}
