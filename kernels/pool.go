package kernels

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// maxThreads bounds the pool; more than a machine's cores brings nothing.
const maxThreads = 1024

// A job is work cut into cells that may run in any order and on any thread
// without a change of the result. who numbers the threads of one run from 0.
type job interface{ cell(k, who int) }

type order int8

const (
	orderWork order = iota
	orderQuit
)

// pool is the workers that all calls share. One caller at a time has them; a
// second caller does not wait but computes alone, so that concurrent callers
// never block each other and the machine is not oversubscribed. A call hands
// out cells through one counter: a worker that the system wakes late finds
// fewer cells, or none, and delays nobody. Idle workers sleep on a channel.
type pool struct {
	mu      sync.Mutex // held by the caller that has the workers
	started int        // workers alive
	orders  chan order
	left    chan struct{} // a worker's answer to orderQuit

	job     job
	cells   int64
	next    atomic.Int64  // the next cell to hand out
	joined  atomic.Int32  // workers that took part so far
	pending atomic.Int32  // orders not finished, plus one for the caller
	done    chan struct{} // the last worker's word to a waiting caller

	faultMu sync.Mutex
	fault   any // the first panic of a run
}

var (
	workers = pool{
		orders: make(chan order, maxThreads),
		left:   make(chan struct{}),
		done:   make(chan struct{}, 1),
	}
	threadCount atomic.Int32
)

func init() { threadCount.Store(int32(threadsAtStart(os.Getenv, runtime.NumCPU()))) }

// threadsAtStart is the number of threads before any SetThreads.
// OMP_NUM_THREADS may be a list by nesting level; its first entry counts. A
// value that is not a positive number is passed over.
func threadsAtStart(getenv func(string) string, cores int) int {
	for _, name := range []string{"HEBBKERN_NUM_THREADS", "OMP_NUM_THREADS"} {
		first, _, _ := strings.Cut(getenv(name), ",")
		if n, err := strconv.Atoi(strings.TrimSpace(first)); err == nil && n > 0 {
			return min(n, maxThreads)
		}
	}
	return min(cores, maxThreads)
}

// Threads is the number of threads that a call may use, its caller's included.
func Threads() int { return int(threadCount.Load()) }

// SetThreads sets the number of threads that a call may use, its caller's
// included: 1 to 1024. It waits for a call that has the workers; workers beyond
// the new number end. Results do not depend on it.
func SetThreads(n int) {
	if n < 1 || n > maxThreads {
		refuse("SetThreads", "n", itoa(n), "1 to "+itoa(maxThreads))
	}
	workers.mu.Lock()
	defer workers.mu.Unlock()
	threadCount.Store(int32(n))
	for workers.started > n-1 {
		workers.orders <- orderQuit
		<-workers.left
		workers.started--
	}
}

// minShare is the work that makes a thread worth waking, in elements of a
// bandwidth-bound kernel: AVX2 updates 2^17 weights in some 20 µs. A sleeping
// worker, locked to its thread, starts 30 to 170 µs after the order (measured
// on two virtual cores); one that is late costs its caller 1.2 µs, to give the
// order and to take it back. (A variable so that tests can share small work.)
var minShare = 1 << 17

// threadsFor is the number of threads for that much work.
func threadsFor(work int) int {
	return max(1, min(Threads(), work/minShare))
}

// run does all cells of a job, on up to that many threads, and returns when
// all are done. A panic in a worker is raised again in the caller.
func run(j job, cells, threads int) {
	if threads = min(threads, cells); threads > 1 && workers.mu.TryLock() {
		workers.share(j, cells, threads)
		return
	}
	for k := range cells {
		j.cell(k, 0)
	}
}

// share runs a job with the workers; the caller holds p.mu, share releases it.
func (p *pool) share(j job, cells, threads int) {
	extra := min(threads, Threads()) - 1 // SetThreads may have come in between
	p.job, p.cells = j, int64(cells)
	p.next.Store(0)
	p.joined.Store(0)
	p.pending.Store(int32(extra + 1))
	for ; p.started < extra; p.started++ {
		go p.work()
	}
	for range extra {
		p.orders <- orderWork
	}
	p.take(0)
	unread := p.withdraw()
	if p.pending.Add(-int32(unread+1)) > 0 {
		<-p.done
	}
	p.job = nil
	fault := p.fault
	p.fault = nil
	p.mu.Unlock()
	if fault != nil {
		panic(fault)
	}
}

// withdraw takes back the orders that no worker has read yet. They are all of
// this run: whoever holds p.mu leaves the channel empty.
func (p *pool) withdraw() (unread int) {
	for {
		select {
		case <-p.orders:
			unread++
		default:
			return unread
		}
	}
}

// work is a worker's life. It keeps its thread, whose floating-point mode is
// set once; the thread ends with it.
func (p *pool) work() {
	runtime.LockOSThread()
	fpmodeDefault()
	for <-p.orders == orderWork {
		p.take(int(p.joined.Add(1)))
		if p.pending.Add(-1) == 0 {
			p.done <- struct{}{}
		}
	}
	p.left <- struct{}{}
}

// take works on cells until there are none left.
func (p *pool) take(who int) {
	defer p.keepFault()
	for {
		k := p.next.Add(1) - 1
		if k >= p.cells {
			return
		}
		p.job.cell(int(k), who)
	}
}

// keepFault stores the first panic of a run and stops handing out cells.
func (p *pool) keepFault() {
	if r := recover(); r != nil {
		p.next.Store(p.cells)
		p.faultMu.Lock()
		if p.fault == nil {
			p.fault = r
		}
		p.faultMu.Unlock()
	}
}
