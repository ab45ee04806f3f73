package engine

import (
	"fmt"

	"github.com/hebbkern/hebbkern/kernels"
)

// Convolutional layers: a kernel is a unit that looks at every window of an image, so a rule learns from the windows
// as from any samples, with w [K, Length] for the kernels [K, channels, rows, columns]. The forward pass is
// kernels.Convolve, and kernels.Pool goes between layers.

// Draw chooses windows of images. Its zero value is all of them, in order.
type Draw struct {
	// Count is how many windows are drawn of each image, no window twice, in random order; 0: all, in order.
	Count int
	// Seed and First say which: of image n those with the numbers that EpochPermutation(Seed, First+n) begins with. So
	// a run that goes on counts the images that it has drawn from, and that is its whole state.
	Seed  uint64
	First int
}

// each is the number of windows drawn of an image.
func (d Draw) each(fn string, positions int) (int, error) {
	switch {
	case d.Count < 0 || d.Count > positions:
		return 0, badArg(fn, "count", fmt.Sprint(d.Count), fmt.Sprintf("1 to the %d windows of an image, or 0 for all in order", positions))
	case d.First < 0:
		return 0, badArg(fn, "first", fmt.Sprint(d.First), "0 or more")
	case d.Count == 0:
		return positions, nil
	}
	return d.Count, nil
}

// Patches fills the rows of dst with the windows of images that d draws, from number first on, counted image after
// image. See kernels.Patches for what a row holds. Errors: *ArgError, also for a dst that overlaps images. s may be nil.
func Patches[T kernels.Float](dst, images kernels.Matrix[T], g kernels.Windows, d Draw, first int, s *Scratch[T]) (err error) {
	defer guard(&err)
	if d.Count == 0 {
		kernels.Patches(dst, images, g, first)
		return nil
	}
	const fn = "Patches"
	kernels.Patches(kernels.Matrix[T]{Cols: g.Length()}, images, g, 0) // g and images are what they should be
	rows, cols := g.Positions()
	each, err := d.each(fn, rows*cols)
	if err != nil {
		return err
	}
	if all := images.Rows * each; first < 0 || first > all-dst.Rows {
		return badArg(fn, "first", fmt.Sprint(first), fmt.Sprintf("0 to %d, that many windows before the last %d", all-dst.Rows, dst.Rows))
	}
	if s == nil {
		s = new(Scratch[T])
	}
	index, order := s.ints(0, dst.Rows), s.ints(1, rows*cols)
	for k := 0; k < len(index); {
		image, from := (first+k)/each, (first+k)%each
		EpochPermutation(order, d.Seed, d.First+image)
		n := min(each-from, len(index)-k)
		for i, at := range order[from : from+n] {
			index[k+i] = image*rows*cols + at
		}
		k += n
	}
	kernels.PatchesAt(dst, images, g, index)
	return nil
}

// ConvOptions are the options of ConvLearn. From, To and Compute of UpdateOptions stay 0: y is computed.
type ConvOptions[T kernels.Float] struct {
	UpdateOptions[T]
	Draw
	// Images is how many images an update of Sum or Mean is made of, all their windows that are drawn together; 0: one.
	// The windows of that many images are unfolded at once. Sequential does not read it.
	Images int
}

// convElements is about how many elements of windows and of y a sequence unfolds at once. (A variable so that tests see
// several parts of few windows.)
var convElements = 1 << 17

// convSamples is how many windows it takes at least, so that what Update prepares is repaid.
const convSamples = 64

// ConvLearn applies a rule to the kernels w [K, g.Length()] of a convolutional layer for images [B, g.Image()]: it is
// Update with the windows as samples, in the order of Draw. Sequential, with Block or without, has the bits of one
// Update with all windows as x, though few are unfolded at a time. Sum and Mean are one update for each o.Images
// images, by the sum or the mean over all their windows.
//
// k is the number of windows whose updates w holds. Errors are those of Update; a *DivergenceError counts samples over
// the windows of all images. A w that overlaps images is refused before anything is written.
func ConvLearn[T kernels.Float](rule Rule[T], w, images kernels.Matrix[T], g kernels.Windows, o ConvOptions[T]) (k int, err error) {
	defer guard(&err)
	const fn = "ConvLearn"
	kernels.Patches(kernels.Matrix[T]{Cols: g.Length()}, images, g, 0) // g and images are what they should be
	if err := checkMatrix(fn, "w", w, -1, g.Length()); err != nil {
		return 0, err
	}
	rows, cols := g.Positions()
	each, err := o.Draw.each(fn, rows*cols)
	switch {
	case err != nil:
		return 0, err
	case overlap(w, images):
		return 0, badArg(fn, "w", "overlapping images", "arrays that share no element")
	case o.From != 0 || o.To != 0:
		return 0, badArg(fn, "rows", fmt.Sprintf("[%d, %d)", o.From, o.To), "0, 0: all images")
	case o.Images < 0:
		return 0, badArg(fn, "images", fmt.Sprint(o.Images), "1 or more images an update, or 0 for one")
	}
	s := o.Scratch
	if s == nil {
		s = new(Scratch[T])
	}
	u := o.UpdateOptions
	u.Scratch, u.Compute = s, true
	all, n := images.Rows*each, max(1, min(o.Images, images.Rows))*each
	if o.Reduction == Sequential {
		n = max(convSamples, convElements/(g.Length()+w.Rows))
		if b := o.Block; b > 0 {
			n = max(1, n/b) * b
		}
	}
	n = min(n, all)
	x, y := s.window(0, n, g.Length()), s.window(1, n, w.Rows)
	for {
		m := min(n, all-k)
		if err := Patches(subRows(x, 0, m), images, g, o.Draw, k, s); err != nil {
			return k, err
		}
		_, done, err := Update(rule, w, subRows(x, 0, m), subRows(y, 0, m), u)
		if e, ok := err.(*DivergenceError); ok && e.Sample >= 0 {
			e.Sample += k
		}
		if k += done; err != nil || k == all {
			return k, err
		}
	}
}

// window returns one of two matrices that no call of reset takes back.
func (s *Scratch[T]) window(which, rows, cols int) kernels.Matrix[T] {
	if v := &s.windows[which]; cap(*v) < rows*cols {
		*v = make([]T, rows*cols)
	}
	return kernels.MatrixOf(s.windows[which][:rows*cols], rows, cols)
}
