// Package kernels is the numeric core of hebbkern: in-place kernels over slices
// and strided row-major matrices, for float32 and float64. It knows no learning
// rules and keeps no state but the number of threads.
//
// # Families
//
//	Rank1                 w ← clip(w(1 − d_i − c_j) + g_i x_j + a_i + b_j, lo, hi), every term optional, masked, with power sums;
//	                      the change may depend on w (soft bounds, drift), and bounds be those of each element
//	Rank1CSR, ForwardCSR  the same, y = Wx and Σ|w|^p over the stored entries of a sparse W; PowerSumsCSR, Gather
//	Scale                 w ← r_i w c_j
//	GainRule              w ← w + η(σ_j² − σ_i²)w, and its exponential form
//	PowerSums, …Weighted  Σ|w|^p by row, by column or both in one pass, any real p > 0, with weights too; max|w|
//	EMA, EMABatch         s ← αa + (1 − α)s of a value, a square, a batch's mean
//	WindowMean, …Batch    the mean of the last values, without drift
//	Forward, ForwardBatch y = f(Wx + b); ForwardBoth keeps z = Wx + b too
//	BatchUpdate           w ← w(1 − d_i − c_j) + gᵀx
//	Momentum, Adam        steps of training; Shrink is L_p decay; Sign
//	MatMul, MatMulT       a·b; a·bᵀ, in the order of Forward
//	Patches, Convolve     windows of images as rows of a matrix; a convolutional layer; Pool: their maximum or mean
//	Activate, Derivative  f(z), f′(z); ReLUOr, Positive; Softmax; ArgMax
//	Exp, Log, Exp2, Log2, PowAbs
//
// w is [out, in]: row i is one postsynaptic unit.
//
// # The same bits everywhere
//
// A result is a function of the inputs alone: never of the instruction set, the
// number of threads, alignment, stride or batch size. Each function's comment
// gives its expression with every rounding; package internal/portable is the
// definition, which assembly equals bit for bit. fma(a, b, c) is a·b + c rounded
// once. Rounding is to nearest even, subnormals are kept, and NaN gives NaN,
// with any payload. Sums run in a fixed order (see PowerSums, Forward and
// MatMul), and threads divide only independent outputs or whole blocks.
//
// # Arguments
//
// Bad arguments make a kernel panic with a *ArgError before it writes anything:
// a wrong length, shape or stride, a negative or non-finite parameter, bounds
// that are NaN or in the wrong order, and an output that shares an element with
// another argument where the order of the work would show. Sharing is judged by
// element, so one block of columns of a matrix may be updated with another.
// NaN and infinities in data are not errors. A vector over rows or columns may
// have length 1 where its function says so: one value for all. Empty matrices
// are valid; sums over nothing are 0.
//
// # Threads
//
// Threads gives the number of threads that a call may use, set at start by
// HEBBKERN_NUM_THREADS, else OMP_NUM_THREADS, else the number of cores, and
// later by SetThreads. Small work stays on the caller. All functions may be
// called from several goroutines at once, on different outputs: the first
// caller has the workers, the others compute on their own thread meanwhile.
// A panic in a worker is raised in its caller.
//
// A worker that has finished watches for the next call for 100 µs, about what
// waking it would take, and then sleeps. Calls of less than some 300 µs wake the
// workers only when they come close upon one another.
//
// No kernel allocates once it has run at its size: the scratch it needs (two
// vectors at most; for sums down columns 1/256 of the matrix; for products
// copies of up to 4 M elements of a and half a megabyte a thread, for
// convolutions a copy of w and 200 kB or so a thread) is kept.
// Slices given to a kernel escape to the heap, since other threads work on them.
package kernels
