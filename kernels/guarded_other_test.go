//go:build !linux

package kernels

import "testing"

// guarded without protected pages: those are tested on Linux.
type guarded struct{}

func newGuarded(*testing.T) *guarded { return &guarded{} }

func (*guarded) reset() {}

func carve[T any](_ *guarded, n int, _ bool) []T { return make([]T, n) }
