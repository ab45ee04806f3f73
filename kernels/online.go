package kernels

// DecayForm says how the decay d_i of an update follows from g_i and y_i.
type DecayForm int

const (
	DecayNone     DecayForm = iota // no decay, left out
	DecayConstant                  // d_i = Decay
	DecayGain                      // d_i = g_i
	DecayGainY                     // d_i = round(g_i·y_i)
)

// Online are the factors of ForwardUpdate, g_i = round(Rate·y_i) and d_i by
// Form, and what else it gives while it has the rows at hand.
//
// With Theta a row has a threshold that slides with the square of its y, as
// that of BCM does: after each sample
//
//	g_i = round(round(Rate·y_i)·(y_i − θ_i)),   divided by θ_i and rounded with Law
//	θ_i ← fma(Alpha, round(y_i²), round((1 − Alpha)·θ_i))
//
// which is EMA; Form is then DecayNone or DecayConstant.
type Online[T Float] struct {
	Rate  T
	Form  DecayForm
	Decay T // with DecayConstant

	Theta []T // θ [rows], written; nil: none
	Alpha T   // in [0, 1]
	Law   bool

	Before Matrix[T] // with data: receives W as it was
	Sums   []T       // not nil: receives Σ_j |w_ij| of the new W as PowerSums has it
}

// ForwardUpdate is a sequence of forward passes and updates, x [B, in],
// y [B, out], for each sample s in order
//
//	y_s = W·x_s;   w_ij ← fma(g_i, x_sj, round(w_ij·(1 − d_i)))
//
// each sample seeing the weights that the one before it left: bit for bit
// Forward with the identity and Rank1 with G = g, X = x_s and Decay = d in
// turn. Rows stay in the first cache while the samples pass, so that W is read
// from memory once a call. None of the matrices and Sums share an element.
func ForwardUpdate[T Float](w, x, y Matrix[T], o Online[T]) {
	const fn = "ForwardUpdate"
	w.check(fn, "w")
	x.checkSize(fn, "x", x.Rows, w.Cols)
	y.checkSize(fn, "y", x.Rows, w.Rows)
	checkApart(fn, "w", w.region(), "x", x.region())
	checkApart(fn, "w", w.region(), "y", y.region())
	checkApart(fn, "y", y.region(), "x", x.region())
	if o.Before.Data != nil {
		o.Before.checkSize(fn, "Before", w.Rows, w.Cols)
		for _, m := range [...]struct {
			arg string
			is  *Matrix[T]
		}{{"w", &w}, {"x", &x}, {"y", &y}} {
			checkApart(fn, m.arg, m.is.region(), "Before", o.Before.region())
		}
	}
	if o.Sums != nil {
		checkLen(fn, "Sums", o.Sums, w.Rows)
		for _, m := range [...]struct {
			arg string
			is  *Matrix[T]
		}{{"w", &w}, {"x", &x}, {"y", &y}, {"Before", &o.Before}} {
			checkApart(fn, m.arg, m.is.region(), "Sums", vectorRegion(o.Sums))
		}
	}
	if o.Form < DecayNone || o.Form > DecayGainY {
		refuse(fn, "Form", itoa(int(o.Form)), "a DecayForm")
	}
	if o.Theta != nil {
		checkTheta(fn, &w, &x, &y, &o)
	}
	if w.Rows == 0 {
		return
	}
	f := takeFrame[T]()
	j := &f.online
	threads := threadsFor(w.Rows * x.Rows * (1 + 3*w.Cols/(2*fmaPerElement)))
	cellRows := max(onlineRows, cellElements/max(1, w.Cols)/onlineRows*onlineRows)
	j.grid = newGrid(w.Rows, 1, rowsFor(w.Rows, cellRows, threads), 1)
	j.w, j.x, j.y, j.o = w, x, y, o
	j.locals = f.localsFor(threads)
	run(j, j.cells, threads)
	*j = onlineJob[T]{}
	if o.Sums != nil && w.Cols > blockCols {
		f.powerSums(w, exponent1, 1, nil, o.Sums, nil)
	}
	f.give()
}

func checkTheta[T Float](fn string, w, x, y *Matrix[T], o *Online[T]) {
	checkLen(fn, "Theta", o.Theta, w.Rows)
	checkEMA(fn, o.Alpha, SquareOf)
	if o.Form > DecayConstant {
		refuse(fn, "Form", itoa(int(o.Form)), "DecayNone or DecayConstant with Theta")
	}
	for _, m := range [...]struct {
		arg string
		is  *Matrix[T]
	}{{"w", w}, {"x", x}, {"y", y}, {"Before", &o.Before}} {
		checkApart(fn, m.arg, m.is.region(), "Theta", vectorRegion(o.Theta))
	}
	checkApart(fn, "Sums", vectorRegion(o.Sums), "Theta", vectorRegion(o.Theta))
}

const (
	onlineRows = 4 // rows that the primitive works on at once
	// onlineElements bounds one call of the primitive to some half a millisecond.
	onlineElements = 1 << 23
)

type onlineJob[T Float] struct {
	grid
	w, x, y Matrix[T]
	o       Online[T]
	locals  []local[T]
}

func (j *onlineJob[T]) cell(k, who int) {
	i0, i1, _, _ := j.at(k)
	cols := j.w.Cols
	for i := i0; i < i1; i += onlineRows {
		rows := min(onlineRows, i1-i)
		if j.o.Before.Data != nil {
			for r := i; r < i+rows; r++ {
				copy(j.o.Before.Row(r), j.w.Row(r))
			}
		}
		if cols == 0 || cols > blockCols {
			j.each(i, i+rows, &j.locals[who])
			continue
		}
		for s, step := 0, max(1, onlineElements/(rows*cols)); s < j.x.Rows; s += step {
			w, x, y, n := j.w.from(i, 0), j.x.from(s, 0), j.y.from(s, i), min(step, j.x.Rows-s)
			switch {
			case j.o.Theta != nil && j.o.Law:
				kOnlineSlideLaw(w, x, y, j.o.Theta[i:], j.o.Rate, j.o.constant(), j.o.Alpha, 1-j.o.Alpha, rows, cols, j.w.Stride, n, j.x.Stride, j.y.Stride)
			case j.o.Theta != nil:
				kOnlineSlide(w, x, y, j.o.Theta[i:], j.o.Rate, j.o.constant(), j.o.Alpha, 1-j.o.Alpha, rows, cols, j.w.Stride, n, j.x.Stride, j.y.Stride)
			case j.o.Form == DecayNone:
				kOnlineG(w, x, y, j.o.Rate, rows, cols, j.w.Stride, n, j.x.Stride, j.y.Stride)
			case j.o.Form == DecayConstant:
				kOnlineDG(w, x, y, j.o.Rate, j.o.Decay, rows, cols, j.w.Stride, n, j.x.Stride, j.y.Stride)
			case j.o.Form == DecayGain:
				kOnlineGG(w, x, y, j.o.Rate, rows, cols, j.w.Stride, n, j.x.Stride, j.y.Stride)
			default:
				kOnlineGY(w, x, y, j.o.Rate, rows, cols, j.w.Stride, n, j.x.Stride, j.y.Stride)
			}
		}
		if j.o.Sums != nil {
			rowSums(exponent1, j.o.Sums[i:], j.w.from(i, 0), nil, rows, cols, j.w.Stride, 0)
		}
	}
}

// constant is the decay of a row with a threshold; 0 is that of none, since a
// product with 1 changes no bit.
func (o *Online[T]) constant() T {
	if o.Form == DecayConstant {
		return o.Decay
	}
	return 0
}

// each goes through the samples one by one, for rows of several blocks.
func (j *onlineJob[T]) each(i0, i1 int, l *local[T]) {
	var g, d [1]T
	cols := j.w.Cols
	for s := range j.x.Rows {
		x := j.x.Row(s)
		for i := i0; i < i1; i++ {
			y := j.y.Row(s)[i : i+1]
			dots(y, &j.w, i, x, l)
			g[0] = T(j.o.Rate * y[0])
			if j.o.Theta != nil {
				t := j.o.Theta[i : i+1]
				g[0] = T(g[0] * (y[0] - t[0]))
				if j.o.Law {
					g[0] /= t[0]
				}
				kEMASquare(t, y, j.o.Alpha, 1-j.o.Alpha, 1)
			}
			switch j.o.Form {
			case DecayConstant:
				d[0] = j.o.Decay
			case DecayGain:
				d[0] = g[0]
			case DecayGainY:
				d[0] = T(g[0] * y[0])
			}
			for c := 0; c < cols; c += blockCols {
				n := min(blockCols, cols-c)
				if j.o.Form == DecayNone {
					kRank1G(j.w.from(i, c), g[:], x[c:], 1, n, j.w.Stride, 0, 0)
				} else {
					kRank1DG(j.w.from(i, c), d[:], g[:], x[c:], 1, n, j.w.Stride, 0, 0, 0)
				}
			}
		}
	}
}
