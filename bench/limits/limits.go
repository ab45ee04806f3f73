//go:build cgo

// Package limits measures what a machine can do at all: the bandwidth of reading, of reading and writing in place, and
// of reading one array while updating another, at a given footprint, and the throughput of fused multiply-add and of
// square root in registers. The loops are C intrinsics (loops.h), several unrollings of each; a limit is the best of
// them. They run in this process, so that a benchmark can interleave them with the kernels it judges.
//
// Nothing that is shipped may import this package: it needs cgo.
package limits

/*
#cgo CFLAGS: -O2 -std=gnu11 -Wall -Wextra
#cgo LDFLAGS: -lm
#include "limits.h"
*/
import "C"

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// Op is a limit.
type Op int

const (
	Read          Op = C.LIMIT_READ            // the buffer is read once
	ReadWrite     Op = C.LIMIT_READ_WRITE      // the buffer is read and written once
	ReadReadWrite Op = C.LIMIT_READ_READ_WRITE // the first half is read, the second half read and written
	FMA           Op = C.LIMIT_FMA             // vector fused multiply-adds in registers
	Sqrt          Op = C.LIMIT_SQRT            // vector square roots in registers
)

// Grain is the number of bytes that a buffer's length must be a multiple of.
const Grain = C.LIMIT_GRAIN

var opNames = [...]string{"read", "read+write", "read+read+write", "fma", "sqrt"}

func (op Op) String() string { return opNames[op] }

// Traffic is the number of bytes moved by one pass over a buffer of n bytes.
func (op Op) Traffic(n int) int {
	switch op {
	case Read:
		return n
	case ReadWrite:
		return 2 * n
	case ReadReadWrite:
		return n + n/2
	}
	return 0
}

// Supported says whether this processor can run the loops.
func Supported() bool { return C.limit_supported() != 0 }

// VectorBytes is the length of the vectors in the loops.
func VectorBytes() int { return int(C.limit_vector_bytes()) }

// Variants is the number of forms of a limit's loop.
func Variants(op Op) int {
	buf := make([]float32, Grain/4)
	for v := 0; ; v++ {
		if Seconds(op, v, buf, 1, 1) < 0 {
			return v
		}
	}
}

// Seconds runs form v of a loop reps times over buf (its length in bytes a multiple of Grain) and returns the wall
// time of all of it, the buffer cut into equal parts for the given number of threads. It is negative when there is no
// such form. The values in buf stay as they are.
func Seconds[T float32 | float64](op Op, v int, buf []T, reps, threads int) float64 {
	var one T
	size := int(unsafe.Sizeof(one))
	if threads < 1 || len(buf)*size%(Grain*threads) != 0 {
		panic("limits: the buffer is not whole grains for every thread")
	}
	if threads == 1 {
		return run(op, v, buf, len(buf), reps)
	}
	part := len(buf) / threads
	var ready, done sync.WaitGroup
	var start atomic.Bool // watched: waking a thread may take longer than a pass
	for t := 1; t < threads; t++ {
		ready.Add(1)
		done.Add(1)
		go func() {
			defer done.Done()
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			ready.Done()
			for !start.Load() {
			}
			run(op, v, buf[t*part:(t+1)*part], part, reps)
		}()
	}
	ready.Wait()
	begin := time.Now()
	start.Store(true)
	bad := run(op, v, buf[:part], part, reps) < 0
	done.Wait()
	if bad {
		return -1
	}
	return time.Since(begin).Seconds()
}

// RegisterSeconds runs form v of FMA or Sqrt for n vector operations of type T on one thread.
func RegisterSeconds[T float32 | float64](op Op, v, n int) float64 {
	return run[T](op, v, nil, n, 1)
}

func run[T float32 | float64](op Op, v int, buf []T, n, reps int) float64 {
	var one T
	wide := C.int(0)
	if unsafe.Sizeof(one) == 8 {
		wide = 1
	}
	return float64(C.limit_run(C.int(op), C.int(v), wide, unsafe.Pointer(unsafe.SliceData(buf)), C.size_t(n), C.size_t(reps)))
}
