package engine

import "github.com/hebbkern/hebbkern/kernels"

// Scratch is working memory that may be kept between calls, so that repeated calls of the same size allocate
// nothing. The zero value is ready. Its contents never affect a result. One Scratch serves one call at a time.
type Scratch[T kernels.Float] struct {
	t      arena[T]
	wide   arena[float64]
	vec    Vectors[T]
	target [2][]int
	exps   []float64
	log    [1]float64
	stop   func() bool // of Trainer.Stop, while a block may be given up
	deriv  []T
	act    Activity[T]
	delta  []kernels.Matrix[T]
	masks  []kernels.Matrix[T] // of dropout, by population
	slopes []kernels.Matrix[T] // f′(z) that gains have averaged, by population
	grad   *Network[T]
	arrays []Array[T]
	pairs  arena[T]

	row     kernels.Dependence[T] // of Composition, of some rows
	windows [2][]T                // windows of images, and y for them
	fine    bool                  // the new weights of an update are finite
}

// arena hands out pieces of one buffer; after a call that outgrew it, the next call finds one that is large
// enough. Pieces are not cleared.
type arena[E any] struct {
	buf       []E
	off, used int
}

func (a *arena[E]) reset() {
	if a.used > len(a.buf) {
		a.buf = make([]E, a.used)
	}
	a.off, a.used = 0, 0
}

func (a *arena[E]) take(n int) []E {
	a.used += n
	if a.off+n > len(a.buf) {
		return make([]E, n)
	}
	v := a.buf[a.off : a.off+n : a.off+n]
	a.off += n
	return v
}

// ready is s with everything free, or a new one where none is given.
func (s *Scratch[T]) ready() *Scratch[T] {
	if s == nil {
		return new(Scratch[T])
	}
	s.reset()
	return s
}

func (s *Scratch[T]) reset() {
	s.t.reset()
	s.wide.reset()
	clear(s.masks)
	clear(s.slopes)
}

// mask is what dropout multiplied the activity of a population by, nil if it did not.
func (s *Scratch[T]) mask(k int) []T {
	if k >= len(s.masks) {
		return nil
	}
	return s.masks[k].Data
}

func (s *Scratch[T]) matrix(rows, cols int) kernels.Matrix[T] {
	return kernels.MatrixOf(s.t.take(rows*cols), rows, cols)
}

// ints returns one of two integer vectors of n elements.
func (s *Scratch[T]) ints(which, n int) []int {
	if cap(s.target[which]) < n {
		s.target[which] = make([]int, n)
	}
	return s.target[which][:n]
}
