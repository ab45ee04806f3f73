package kernels

// ForwardUpdateCSR is ForwardUpdate on the stored entries, x [B, Cols], y [B, Rows]: each row takes the x of its columns once
// for the dot and the update of a sample. Before, if it is wanted, is over the stored entries, one row of them.
func ForwardUpdateCSR[T Float](w CSR[T], x, y Matrix[T], o Online[T]) {
	const fn = "ForwardUpdateCSR"
	w.check(fn)
	x.checkSize(fn, "x", x.Rows, w.Cols)
	y.checkSize(fn, "y", x.Rows, w.Rows)
	apart := o.R.Data != nil
	if !apart {
		o.R = x
	}
	o.R.checkSize(fn, "R", x.Rows, w.Cols)
	entries := Matrix[T]{Data: w.Data, Rows: min(1, len(w.Data)), Cols: len(w.Data), Stride: len(w.Data)}
	if o.Before.Data != nil {
		o.Before.checkSize(fn, "Before", entries.Rows, entries.Cols)
	}
	if o.Sums != nil {
		checkLen(fn, "Sums", o.Sums, w.Rows)
	}
	o.check(fn, w.Rows)
	args := [...]struct {
		name    string
		is      region
		written bool
	}{{"x", x.region(), false}, {"R", o.R.region(), false}, {"w", entries.region(), true}, {"y", y.region(), true},
		{"Before", o.Before.region(), true}, {"Sums", vectorRegion(o.Sums), true}, {"Theta", vectorRegion(o.Theta), true}}
	for k, a := range args {
		for _, b := range args[:k] {
			if a.written {
				checkApart(fn, b.name, b.is, a.name, a.is)
			}
		}
	}
	f := takeFrame[T]()
	j := &f.csr
	j.w, j.x, j.y, j.online, j.apart, j.out = w, x, y, o, apart, o.Sums
	j.kind = exponent1
	j.samples = x.Rows
	f.overCSR(csrOnline)
}

// gatherBytes is how much of x a row takes at a time, so that it is in the first cache when it is used.
const gatherBytes = 8 << 10

// learn runs row i through all samples.
func (j *csrJob[T]) learn(i int, l *local[T], locals []local[T]) {
	data, indices := j.w.Row(i)
	n := len(data)
	if before := j.online.Before.Data; before != nil {
		copy(before[j.w.Start[i]:], data)
	}
	row := &l.online
	row.grid = grid{rows: 1, cols: 1, cellRows: 1, cellCols: 1, across: 1, cells: 1}
	row.w = Matrix[T]{Data: data, Rows: 1, Cols: n, Stride: n}
	row.o, row.locals = j.online, locals
	row.o.Before, row.o.Sums = Matrix[T]{}, nil
	if row.o.Theta != nil {
		row.o.Theta = j.online.Theta[i : i+1]
	}
	row.apart = j.apart
	step := max(1, gatherBytes/(max(1, n)*sizeOf[T]()))
	panel := func(to *[]T, of *Matrix[T], s, samples int) Matrix[T] {
		m := Matrix[T]{Data: grow(to, samples*n), Rows: samples, Cols: n, Stride: n}
		for b := range samples {
			gather(m.Data[b*n:][:n], of.Row(s+b), indices)
		}
		return m
	}
	for s := 0; s < j.x.Rows; s += step {
		samples := min(step, j.x.Rows-s)
		row.x = panel(&l.seen[0], &j.x, s, samples)
		row.o.R = row.x
		if j.apart {
			row.o.R = panel(&l.seen[1], &j.online.R, s, samples)
		}
		row.y = Matrix[T]{Data: j.y.from(s, i), Rows: samples, Cols: 1, Stride: j.y.Stride}
		row.cell(0, 0)
	}
}
