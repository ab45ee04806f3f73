package kernels

import (
	"sync"
	"unsafe"

	"github.com/hebbkern/hebbkern/kernels/internal/portable"
)

const (
	blockCols = 4096 // columns of one block of a row sum or dot: part of the contract
	blockRows = 256  // rows of one block of a sum down a column: part of the contract
	blockDeep = 256  // terms of one block of a matrix product: part of the contract

	// cellElements bounds one call of a primitive: at the slowest, some 10 ns an
	// element, 2^16 elements stay under a millisecond, the longest that assembly
	// may run since it cannot be preempted; at the fastest a cell still takes
	// 5 µs, a thousand times the cost of handing it out.
	cellElements = 1 << 16
	maxCellRows  = 4096
	// streamElements bounds a call of those that memory bounds, with every term
	// of Rank1 some 1 ns an element. Between two calls the stream of w stands
	// still for 100 ns: over 1024 × 1024 that is 1 % with four calls, and 3 %
	// with sixteen.
	streamElements = 1 << 18
	// cellsPerThread is what a run is cut into at least, for an even end.
	cellsPerThread = 4
	// l1Bytes is the part of the first cache that one piece of a fused pass
	// uses: half of the smallest common one.
	l1Bytes = 16 << 10
)

// grid cuts rows × cols into cells of at most cellRows × cellCols.
type grid struct {
	rows, cols, cellRows, cellCols, across, cells int
}

// newGrid cuts into the given cells.
func newGrid(rows, cols, cellRows, cellCols int) grid {
	g := grid{rows: rows, cols: cols, cellRows: cellRows, cellCols: cellCols}
	g.across = (cols + cellCols - 1) / cellCols
	g.cells = (rows + cellRows - 1) / cellRows * g.across
	return g
}

// gridFor cuts for kernels without sums down the columns: into blocks of
// columns and as many rows as a call may take, fewer when threads share them.
func gridFor(rows, cols, threads int) grid { return gridOf(rows, cols, streamElements, threads) }

// gridOf is gridFor with cells of at most that many elements.
func gridOf(rows, cols, elements, threads int) grid {
	cellCols := max(1, min(cols, blockCols))
	cellRows := min(elements/cellCols, maxCellRows)
	return newGrid(rows, cols, rowsFor(rows, cellRows, threads), cellCols)
}

// rowsFor lowers the rows of a cell so that each thread gets several cells, in
// eights, which are the groups that matrix-vector products work in.
func rowsFor(rows, cellRows, threads int) int {
	if threads > 1 {
		even := (rows + threads*cellsPerThread - 1) / (threads * cellsPerThread)
		cellRows = min(cellRows, (even+7)&^7)
	}
	return max(1, cellRows)
}

// direct reports whether a kernel over w is one call of a primitive on the
// caller's thread, which then needs no frame: of a small update, setting up a
// job is half the time.
func direct[T Float](w *Matrix[T]) bool {
	work := w.Rows * w.Cols
	return work <= cellElements && w.Cols <= blockCols && w.Rows <= maxCellRows && threadsFor(work) == 1
}

// at is the rows and columns of cell k, cells being numbered along the rows.
func (g *grid) at(k int) (i0, i1, j0, j1 int) {
	i0, j0 = k/g.across*g.cellRows, k%g.across*g.cellCols
	return i0, min(i0+g.cellRows, g.rows), j0, min(j0+g.cellCols, g.cols)
}

func sizeOf[T Float]() int { return int(unsafe.Sizeof(*new(T))) }

// l1Rows is the number of rows of that many columns that a fused pass keeps in
// the first cache.
func l1Rows[T Float](cols int) int {
	return max(1, l1Bytes/(max(1, cols)*sizeOf[T]()))
}

// span is a vector, or with step 0 one value for all.
type span[T Float] struct {
	v    []T
	step int
}

// whole reports whether a vector is absent or has all of its n elements.
func whole[T Float](v []T, n int) bool { return len(v) == n || len(v) == 0 }

// from is the span from element k on; that of an absent vector is nil.
func (s *span[T]) from(k int) []T { return s.v[k*s.step:] }

// behind is the span without its first k elements.
func (s *span[T]) behind(k int) span[T] { return span[T]{s.from(k), s.step} }

// overRows is the span of a vector over rows: primitives take the step.
func overRows[T Float](v []T, rows int) span[T] {
	if len(v) == rows {
		return span[T]{v, 1}
	}
	return span[T]{v, 0}
}

// frame is what one call needs beside its arguments: its job, where workers can
// read it, and its scratch. Frames are kept for later calls, so that no kernel
// allocates once it has run at its size; the scratch only grows.
type frame[T Float] struct {
	rank1     rank1Job[T]
	scale     scaleJob[T]
	sums      sumsJob[T]
	gain      gainJob[T]
	vector    vectorJob[T]
	optimizer optimizerJob[T]
	forward   forwardJob[T]
	batch     batchJob[T]
	product   productJob[T]
	softmax   softmaxJob[T]
	argMax    argMaxJob[T]
	residual  residualJob[T]
	solve     solveJob[T]
	online    onlineJob[T]
	stdp      stdpJob[T]
	patches   patchesJob[T]
	conv      convJob[T]
	pool      windowJob[T]
	csr       csrJob[T]
	mean      meanJob[T]
	sequence  sequenceJob[T]
	csrBatch  csrBatchJob[T]

	fill     [3][]T    // scalars spread over a block
	exponent []T       // a prepared exponent
	rowPart  []T       // row results by block of columns
	places   []int     // of the terms of a window
	colPart  []T       // column results by block of rows
	wide     []float64 // totals
	vec      [3][]T    // vectors made from arguments
	locals   []local[T]
}

// local is the scratch of one thread of a run: results of one block and totals,
// for up to blockRows rows or a cell of a batch; and what products need.
type local[T Float] struct {
	part   []T
	wide   []float64
	lanes  []T // kept lanes of a cell of a batch
	panels []T // columns of a cell of a product, or rows of a batch
	rows   []T // rows of a cell of a product
	power  []T // a piece of |w|^p, which only grows
	passes []T // between the passes in which that is computed

	row        rank1Job[T] // of a row of a sparse matrix
	online     onlineJob[T]
	seen       [2][]T // what such a row sees of samples
	dependence Dependence[T]
}

type frameList[T Float] struct {
	mu   sync.Mutex
	free []*frame[T]
}

var (
	frames32 frameList[float32]
	frames64 frameList[float64]
)

func framesOf[T Float]() *frameList[T] {
	if l, ok := any(&frames32).(*frameList[T]); ok {
		return l
	}
	return any(&frames64).(*frameList[T])
}

// takeFrame gets a free frame; give returns it, with its job cleared so that it
// holds on to no memory of the caller.
func takeFrame[T Float]() *frame[T] {
	l := framesOf[T]()
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.free); n > 0 {
		f := l.free[n-1]
		l.free = l.free[:n-1]
		return f
	}
	return new(frame[T])
}

func (f *frame[T]) give() {
	l := framesOf[T]()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.free = append(l.free, f)
}

// grow returns s with length n, its elements of any value.
func grow[E any](s *[]E, n int) []E {
	if cap(*s) < n {
		*s = make([]E, n)
	}
	*s = (*s)[:cap(*s)]
	return (*s)[:n]
}

// constant is n copies of v in one of the frame's three blocks.
func (f *frame[T]) constant(slot int, v T, n int) []T {
	block := grow(&f.fill[slot], n)
	for k := range block {
		block[k] = v
	}
	return block
}

// spread is the span of a vector over n elements whose scalars primitives need
// written out, up to block of them at once.
func (f *frame[T]) spread(slot int, v []T, n, block int) span[T] {
	if whole(v, n) {
		return span[T]{v, min(1, len(v))}
	}
	return span[T]{f.constant(slot, v[0], min(n, block)), 0}
}

// prepare readies the exponent of a sum.
func (f *frame[T]) prepare(kind exponent, p float64) []T {
	if kind != exponentGeneral {
		return nil
	}
	e := grow(&f.exponent, portable.PowLen)
	portable.PowPrepare(p, e)
	return e
}

// localsFor readies the scratch of that many threads.
func (f *frame[T]) localsFor(threads int) []local[T] {
	for len(f.locals) < threads {
		f.locals = append(f.locals, local[T]{part: make([]T, blockRows), wide: make([]float64, blockRows)})
	}
	return f.locals
}

// total adds the results of blocks, part[b*n+k] for block b, in order in
// float64, and rounds once into out; for the maximum norm it takes the maximum.
func total[T Float](out, part []T, n, blocks int, kind exponent) {
	if kind == exponentMax {
		clear(out)
		for b := range blocks {
			kColMaxAbs(out, part[b*n:], 1, n, n)
		}
		return
	}
	kSumWide(out, part, blocks, n, n)
}

// totalWide is the sums that total rounds.
func (f *frame[T]) totalWide(part []T, n, blocks int) []float64 {
	wide := grow(&f.wide, n)
	clear(wide)
	for b := range blocks {
		kAddWide(wide, part[b*n:], n)
	}
	return wide
}
