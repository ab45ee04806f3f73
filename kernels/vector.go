package kernels

import "github.com/hebbkern/hebbkern/kernels/internal/portable"

// vectorOp is the work of a vectorJob.
type vectorOp int

const (
	opExp vectorOp = iota
	opLog
	opExp2
	opLog2
	opPow
	opEMA
	opEMASquare
	opActivate
	opDerivative
	opSign
	opReLUOr
	opPositive
)

// vectorJob is elementwise work y ← op(y, x) over a vector.
type vectorJob[T Float] struct {
	grid
	op          vectorOp
	y, x        []T
	alpha, beta T
	act         function[T]
	kind        exponent
	exponent    []T
}

// each runs the job that the caller has filled in. cost is the work of an
// element in elements of a bandwidth-bound kernel.
func (f *frame[T]) each(cost int) {
	j := &f.vector
	threads := threadsFor(len(j.y) * cost)
	cell := cellElements / 4
	if threads > 1 {
		cell = min(cell, max(blockCols, len(j.y)/(threads*cellsPerThread)))
	}
	j.grid = newGrid(1, len(j.y), 1, cell)
	run(j, j.cells, threads)
	*j = vectorJob[T]{}
}

func (v *vectorJob[T]) cell(k, _ int) {
	_, _, j0, j1 := v.at(k)
	y, x, n := v.y[j0:j1], v.x[j0:j1], j1-j0
	switch v.op {
	case opExp:
		kExpV(y, x, n)
	case opLog:
		kLogV(y, x, n)
	case opExp2:
		kExp2V(y, x, n)
	case opLog2:
		kLog2V(y, x, n)
	case opPow:
		powAbs(v.kind, y, x, v.exponent)
	case opEMA:
		kEMA(y, x, v.alpha, v.beta, n)
	case opEMASquare:
		kEMASquare(y, x, v.alpha, v.beta, n)
	case opActivate:
		activate(&v.act, y, x)
	case opDerivative:
		derive(&v.act, y, x)
	case opSign:
		kSignV(y, x, n)
	case opReLUOr:
		kReLUOr(y, x, v.alpha, n)
	case opPositive:
		kPositive(y, x, n)
	}
}

// powAbs is |x|^p by the form of kind. A direct form is the sum down a column
// of one row, added to +0, which changes no bit of a value that is not negative.
func powAbs[T Float](kind exponent, y, x, e []T) {
	if kind == exponentGeneral {
		if len(y) <= 256 { // making the whole scratch zero takes 36 ns
			var t [256]T
			kPowAbsV(y, x, e, t[:], len(y))
			return
		}
		var t [portable.PowScratch]T
		kPowAbsV(y, x, e, t[:], len(y))
		return
	}
	var block [256]T // y may be x, so the sums start from elsewhere
	for k := 0; k < len(y); k += len(block) {
		n := min(len(block), len(y)-k)
		clear(block[:n])
		colSums(kind, block[:n], x[k:], nil, 1, n, n)
		copy(y[k:], block[:n])
	}
}

// checkPair refuses vectors of different lengths or that overlap in part.
func checkPair[T Float](fn, out string, y []T, in string, x []T) {
	checkLen(fn, out, y, len(x))
	checkSameOrApart(fn, out, vectorRegion(y), in, vectorRegion(x))
}

func (f *frame[T]) elementary(op vectorOp, y, x []T, cost int) {
	f.vector.op, f.vector.y, f.vector.x = op, y, x
	f.each(cost)
	f.give()
}

// Exp sets y_k = e^x_k, within 1 ULP (float32) or 2 (float64). y may be x, but
// not overlap it otherwise; so it is for all elementary functions.
func Exp[T Float](y, x []T) {
	checkPair("Exp", "y", y, "x", x)
	takeFrame[T]().elementary(opExp, y, x, 4)
}

// Log sets y_k = ln x_k, within 1 ULP (float32) or 2 (float64); NaN below 0,
// −Inf at 0.
func Log[T Float](y, x []T) {
	checkPair("Log", "y", y, "x", x)
	takeFrame[T]().elementary(opLog, y, x, 4)
}

// Exp2 sets y_k = 2^x_k, within 1 ULP (float32) or 2 (float64).
func Exp2[T Float](y, x []T) {
	checkPair("Exp2", "y", y, "x", x)
	takeFrame[T]().elementary(opExp2, y, x, 4)
}

// Log2 sets y_k = log₂ x_k, within 1 ULP (float32) or 2 (float64).
func Log2[T Float](y, x []T) {
	checkPair("Log2", "y", y, "x", x)
	takeFrame[T]().elementary(opLog2, y, x, 4)
}

// PowAbs sets y_k = |x_k|^p for a finite p above 0, within 1 ULP (float32) or 2
// (float64): the values that PowerSums adds up.
func PowAbs[T Float](y, x []T, p float64) {
	const fn = "PowAbs"
	checkPair(fn, "y", y, "x", x)
	checkExponent(fn, "p", p, false)
	f := takeFrame[T]()
	f.vector.kind = exponentOf(p)
	f.vector.exponent = f.prepare(f.vector.kind, p)
	f.elementary(opPow, y, x, f.vector.kind.cost())
}
