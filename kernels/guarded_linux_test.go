package kernels

import (
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// guarded hands out slices that end, or begin, at a page that faults.
type guarded struct {
	pages [][]byte // each: guard, room, guard
	used  int
}

const (
	guardedSlots = 12
	guardedRoom  = 1 << 20
)

func newGuarded(t *testing.T) *guarded {
	page := syscall.Getpagesize()
	a := &guarded{}
	for range guardedSlots {
		m, err := syscall.Mmap(-1, 0, guardedRoom+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
		require.NoError(t, err)
		require.NoError(t, syscall.Mprotect(m[:page], syscall.PROT_NONE))
		require.NoError(t, syscall.Mprotect(m[page+guardedRoom:], syscall.PROT_NONE))
		a.pages = append(a.pages, m)
		t.Cleanup(func() { require.NoError(t, syscall.Munmap(m)) })
	}
	return a
}

func (a *guarded) reset() { a.used = 0 }

func carve[T any](a *guarded, n int, front bool) []T {
	m := a.pages[a.used]
	a.used++
	page := (len(m) - guardedRoom) / 2
	room := m[page : page+guardedRoom]
	var zero T
	bytes := n * int(unsafe.Sizeof(zero))
	if !front {
		room = room[guardedRoom-bytes:]
	}
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(room))), n)
}
