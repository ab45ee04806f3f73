//go:build cgo && (!amd64 || purego)

package main

// calls are measured on amd64 only.
func calls(int, settings) []call { return nil }
