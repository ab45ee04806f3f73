package worker

import "unsafe"

// huge is the size from which NumPy asks the system for huge pages. What is compared with it must lie on the same: at
// 4096² the pages decide on more than the code.
const huge = 4 << 20

// pages returns n bytes that start at a page, and what gives them back.
func pages(n int) (memory []byte, free func(), err error) {
	if n >= huge {
		return hugePages(n)
	}
	return smallPages(n)
}

func smallPages(n int) (memory []byte, free func(), err error) {
	const page = 4096
	all := make([]byte, n+page)
	skip := (page - int(uintptr(unsafe.Pointer(&all[0]))%page)) % page
	return all[skip : skip+n : skip+n], func() {}, nil
}
