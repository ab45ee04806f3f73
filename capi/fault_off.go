//go:build cgo && linux && !hebbkernfault

package main

// beforeCall is where the tests' library (build tag hebbkernfault) panics.
func beforeCall() {}
