//go:build cgo && linux && hebbkernfault

package main

// beforeCall panics in every call: the library that the tests of recover load.
func beforeCall() { panic("a deliberate fault") }
