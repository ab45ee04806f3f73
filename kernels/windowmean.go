package kernels

// WindowMean adds one value to a windowed mean of units: s becomes the mean of the
// last window values, or of all while there are fewer.
//
// seen is the number of values before this one. values is [window, units] and
// sum [units], in float64 whatever T, both 0 at the beginning; they hold a sum
// of two stacks, so that nothing is ever subtracted and no error is carried on.
// With k = seen mod window, m = min(seen + 1, window):
//
//	values_k = a,  sum ← sum + a,  s = T((sum + values_{k+1})/m)
//
// in float64 and rounded once to T: the rows up to k are the values of this
// round, and those after k sums of the values of the last round, each from its
// row to the end; the last of a round has no values_{k+1}. Behind it the round
// is summed from its end, values_j ← values_j + values_{j+1}, and sum is 0
// again: a step a value, two in the mean.
//
// a has the length of s. Nothing that is written shares an element with another
// argument.
func WindowMean[T Float](s []T, values Matrix[float64], sum []float64, a []T, seen int) {
	const fn = "WindowMean"
	checkLen(fn, "a", a, len(s))
	checkWindow(fn, s, values, sum, vectorRegion(a), seen)
	f := takeFrame[T]()
	f.slide(s, values, sum, a, seen)
	f.give()
}

// WindowMeanBatch is WindowMean with the mean of a batch, a[n, k] being sample n of
// unit k, as EMABatch has it; an empty batch leaves everything alone.
func WindowMeanBatch[T Float](s []T, values Matrix[float64], sum []float64, a Matrix[T], seen int) {
	const fn = "WindowMeanBatch"
	a.check(fn, "a")
	checkLen(fn, "s", s, a.Cols)
	checkWindow(fn, s, values, sum, a.region(), seen)
	if a.Rows == 0 || a.Cols == 0 {
		return
	}
	f := takeFrame[T]()
	if a.Rows == 1 {
		f.slide(s, values, sum, a.Row(0), seen)
	} else {
		f.slide(s, values, sum, f.columnMeans(a, Value), seen)
	}
	f.give()
}

func checkWindow[T Float](fn string, s []T, values Matrix[float64], sum []float64, a region, seen int) {
	const most = 1 << 24 // what float32 counts to
	if values.Rows < 1 || values.Rows > most {
		refuse(fn, "values", "shape "+shape(values.Rows, values.Cols), "1 to "+itoa(most)+" rows")
	}
	values.checkSize(fn, "values", values.Rows, len(s))
	checkLen(fn, "sum", sum, len(s))
	if seen < 0 {
		refuse(fn, "seen", itoa(seen), "0 or more")
	}
	own := [...]struct {
		name string
		r    region
	}{{"s", vectorRegion(s)}, {"values", values.region()}, {"sum", vectorRegion(sum)}}
	for k, w := range own {
		checkApart(fn, w.name, w.r, "a", a)
		for _, v := range own[:k] {
			checkApart(fn, w.name, w.r, v.name, v.r)
		}
	}
}

// slide moves the window on by the value a.
func (f *frame[T]) slide(s []T, values Matrix[float64], sum []float64, a []T, seen int) {
	if len(s) == 0 {
		return
	}
	j := &f.mean
	j.at, j.count = seen%values.Rows, min(seen, values.Rows-1)+1
	j.s, j.a, j.values, j.sum = s, a, values, sum
	cost := 4
	if j.at == values.Rows-1 {
		cost += 2 * values.Rows
	}
	threads := threadsFor(len(s) * cost)
	j.grid = newGrid(1, len(s), 1, min(blockCols, max(1, (len(s)+threads-1)/threads)))
	run(j, j.cells, threads)
	*j = meanJob[T]{}
}

type meanJob[T Float] struct {
	grid
	s, a      []T
	values    Matrix[float64]
	sum       []float64
	at, count int
}

func (j *meanJob[T]) cell(k, _ int) {
	_, _, j0, j1 := j.grid.at(k)
	n, last := j1-j0, j.values.Rows-1
	var next []float64
	if j.at < last {
		next = j.values.from(j.at+1, j0)
	}
	sum := j.sum[j0:j1]
	kWindowMean(j.s[j0:j1], j.values.from(j.at, j0), sum, next, j.a[j0:j1], T(j.count), n)
	if j.at < last {
		return
	}
	for i := last - 1; i >= 0; i-- {
		kAddWide(j.values.from(i, j0), j.values.from(i+1, j0), n)
	}
	clear(sum)
}
