package worker

import "syscall"

func hugePages(n int) (memory []byte, free func(), err error) {
	const adviseHuge = 14 // MADV_HUGEPAGE
	memory, err = syscall.Mmap(-1, 0, n, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil, nil, err
	}
	_ = syscall.Madvise(memory, adviseHuge) // a system without them gives small ones, to NumPy too
	return memory, func() { _ = syscall.Munmap(memory) }, nil
}
