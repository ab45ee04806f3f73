package worker

import (
	"syscall"
	"unsafe"
)

// huge is the size from which NumPy asks the system for huge pages. What is compared with it must lie on the same: at
// 4096² the pages decide on more than the code.
const huge = 4 << 20

// pages returns n bytes that start at a page, and what gives them back.
func pages(n int) (memory []byte, free func(), err error) {
	const page, adviseHuge = 4096, 14 // MADV_HUGEPAGE
	if n < huge {
		all := make([]byte, n+page)
		skip := (page - int(uintptr(unsafe.Pointer(&all[0]))%page)) % page
		return all[skip : skip+n : skip+n], func() {}, nil
	}
	memory, err = syscall.Mmap(-1, 0, n, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil, nil, err
	}
	_ = syscall.Madvise(memory, adviseHuge) // a system without them gives small ones, to NumPy too
	return memory, func() { _ = syscall.Munmap(memory) }, nil
}
