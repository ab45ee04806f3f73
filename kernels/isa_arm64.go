//go:build !purego

package kernels

// detectISA needs to ask nothing: NEON is part of every arm64.
func detectISA() string { return isaNEON }
