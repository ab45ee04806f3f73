package kernels

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// maxThreads bounds the pool; more than a machine's cores brings nothing.
const maxThreads = 1024

// A job is work cut into cells that may run in any order and on any thread
// without a change of the result. who numbers the threads of one run from 0.
type job interface{ cell(k, who int) }

type order int8

const (
	orderWake order = iota
	orderQuit
)

// pool is the workers that all calls share. One caller at a time has them; a
// second caller does not wait but computes alone, so that concurrent callers
// never block each other and the machine is not oversubscribed. A call offers
// places and hands out cells through one counter: a worker that the system
// wakes late finds fewer cells, or no place, and delays nobody. A worker that
// has finished watches for the next call for about as long as waking it would
// take; then it sleeps on a channel.
type pool struct {
	mu      sync.Mutex // held by the caller that has the workers
	started int        // workers alive
	orders  chan order
	left    chan struct{} // a worker's answer to orderQuit

	job     job
	cells   int64
	next    atomic.Int64  // cells handed out
	back    atomic.Int64  // of them to workers
	joined  atomic.Int32  // workers that took part so far
	places  atomic.Int32  // for workers that have not joined yet
	pending atomic.Int32  // places not given back, plus one for the caller
	done    chan struct{} // the last worker's word to a waiting caller
	awake   atomic.Int32  // workers that watch for a place
	asleep  atomic.Int32  // workers on the channel, but for those that an order is on its way to
	asked   atomic.Int64  // when work for several threads last met sleeping workers

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

// minShare is the work that makes a thread worth having while it watches, in
// elements of a bandwidth-bound kernel: AVX2 updates 2^17 weights in some 20 µs.
// (A variable so that tests can share small work.)
var minShare = 1 << 17

const (
	// watch is how long a worker that has finished watches for the next call. A
	// sleeping one starts some 100 µs after the order (the median measured on two
	// virtual cores), so watching costs at most as much again.
	watch = 100 * time.Microsecond
	// wakeShares is how many shares of work make a sleeping worker worth waking
	// for one call: several times what the waking takes.
	wakeShares = 16
	// dense is how soon after one another calls with less than that come when they
	// wake the workers all the same: these will then be watching.
	dense = 2 * watch
)

var clock = time.Now() // the monotonic clock is read as the time since

// threadsFor is the number of threads for that much work.
func threadsFor(work int) int {
	threads := min(Threads(), work/minShare)
	if threads <= 1 {
		return 1
	}
	if work < wakeShares*minShare && minShare > 1 && workers.awake.Load() == 0 {
		now := int64(time.Since(clock))
		if last := workers.asked.Swap(now); last == 0 || now-last > int64(dense) {
			return 1
		}
	}
	return threads
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
	p.back.Store(0)
	p.joined.Store(0)
	p.pending.Store(int32(extra + 1))
	p.places.Store(int32(extra))
	for ; p.started < extra; p.started++ {
		go p.work()
	}
	for n := extra - int(p.awake.Load()); n > 0 && p.rouse(); n-- {
	}
	p.take(0)
	unread := p.places.Swap(0)
	if p.pending.Add(-(unread + 1)) > 0 {
		p.await()
	}
	p.job = nil
	fault := p.fault
	p.fault = nil
	p.mu.Unlock()
	if fault != nil {
		panic(fault)
	}
}

// rouse wakes a sleeping worker, if there is one.
func (p *pool) rouse() bool {
	if !lower(&p.asleep) {
		return false
	}
	p.orders <- orderWake
	return true
}

// lower takes 1 from a count above 0.
func lower(count *atomic.Int32) bool {
	for n := count.Load(); n > 0; n = count.Load() {
		if count.CompareAndSwap(n, n-1) {
			return true
		}
	}
	return false
}

// await waits for the last worker: mostly for part of a cell, so it watches first.
func (p *pool) await() {
	for begin := time.Now(); time.Since(begin) < watch; {
		for range 8 {
			select {
			case <-p.done:
				return
			default:
				pause()
			}
		}
	}
	<-p.done
}

// work is a worker's life. It keeps its thread, whose floating-point mode is
// set once; the thread ends with it.
func (p *pool) work() {
	runtime.LockOSThread()
	fpmodeDefault()
	for {
		for p.place() {
			p.take(int(p.joined.Add(1)))
			if p.pending.Add(-1) == 0 {
				p.done <- struct{}{}
			}
		}
		p.asleep.Add(1)
		// A caller that counted this worker as watching has offered its places by now.
		if p.places.Load() > 0 && lower(&p.asleep) {
			continue
		}
		if <-p.orders == orderQuit {
			p.asleep.Add(-1)
			p.left <- struct{}{}
			return
		}
	}
}

// place watches for a place in a run and takes it. It does not watch where that
// would take the processor from a caller.
func (p *pool) place() bool {
	if lower(&p.places) {
		return true
	}
	if runtime.GOMAXPROCS(0) < int(p.awake.Load())+2 {
		return false
	}
	p.awake.Add(1)
	defer p.awake.Add(-1)
	for begin := time.Now(); time.Since(begin) < watch; {
		for range 8 {
			if lower(&p.places) {
				return true
			}
			pause()
		}
	}
	return false
}

// take works on cells until there are none left. The caller takes them from the
// first on and workers from the last on, so that in repeated calls either meets
// the rows that its cache has.
func (p *pool) take(who int) {
	defer p.keepFault()
	for k := 0; p.next.Add(1) <= p.cells; k++ { // the caller's; a worker has one with the others
		if who > 0 {
			k = int(p.cells - p.back.Add(1))
		}
		p.job.cell(k, who)
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
