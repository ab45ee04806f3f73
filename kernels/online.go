package kernels

import (
	"math"

	"github.com/hebbkern/hebbkern/kernels/internal/portable"
)

// DecayForm says how the decay of an update follows from its factors.
type DecayForm int

const (
	DecayNone     DecayForm = iota // no decay, left out
	DecayConstant                  // d_i = Decay
	DecayGain                      // d_i = g_i
	DecayGainY                     // d_i = round(g_i·y_i)
	DecayColumn                    // c_j = round(Rate·r_j)
)

// FactorForm says how g_i follows from y_i and a threshold θ_i of the row, every
// operation rounded.
type FactorForm int

const (
	FactorY       FactorForm = iota // g_i = Rate·y_i
	FactorAbove                     // g_i = Rate·(y_i − θ_i)
	FactorProduct                   // g_i = (Rate·y_i)·(y_i − θ_i)
	FactorLaw                       // that divided by θ_i
	FactorAffine                    // g_i = Rate·(GA·y_i + GB), and to the row is added a_i = Rate·(AA·y_i + AB)
)

// ThetaStep says how the threshold of a row moves after a sample.
type ThetaStep int

const (
	ThetaHeld   ThetaStep = iota
	ThetaMean             // the moving average of y_i: EMA by Alpha
	ThetaSquare           // the moving average of y_i²
	// ThetaLast is y_i. NaN says that there is none yet, and makes y_i − θ_i 0.
	ThetaLast
)

// Online are the factors of ForwardUpdate and what else it gives while it has
// the rows at hand.
//
// A decay other than DecayNone and DecayConstant goes with FactorY, and with
// FactorAffine none. Theta is there for the forms that name it, and only for
// them.
type Online[T Float] struct {
	Rate   T
	Factor FactorForm
	Form   DecayForm
	Decay  T // with DecayConstant

	GA, GB, AA, AB T // with FactorAffine

	Theta []T // θ [rows], written
	Step  ThetaStep
	Alpha T // in [0, 1]
	Cube  T // not 0, with FactorAbove and FactorProduct: the threshold is q²·θ_i, q = Cube·θ_i, in their place

	R      Matrix[T] // with data: what the rows learn from in the place of x, [B, in]
	Before Matrix[T] // with data: receives W as it was
	Sums   []T       // not nil: receives Σ_j |w_ij| of the new W as PowerSums has it
}

// ForwardUpdate is a sequence of forward passes and updates, x [B, in],
// y [B, out], for each sample s in order
//
//	y_s = W·x_s;   w_ij ← fma(g_i, r_sj, round(w_ij·(1 − d_i))) + a_i
//
// with r = x unless R is given, each sample seeing the weights that the one
// before it left: bit for bit Forward with the identity and Rank1 with G = g,
// X = r_s and the decay, or RowAdd = a, in turn. Rows stay in the first cache
// while the samples pass, so that W is read from memory once a call. Matrices
// and vectors that are written share no element with the others.
func ForwardUpdate[T Float](w, x, y Matrix[T], o Online[T]) {
	const fn = "ForwardUpdate"
	w.check(fn, "w")
	x.checkSize(fn, "x", x.Rows, w.Cols)
	y.checkSize(fn, "y", x.Rows, w.Rows)
	apart := o.R.Data != nil
	if !apart {
		o.R = x
	}
	o.R.checkSize(fn, "R", x.Rows, w.Cols)
	if o.Before.Data != nil {
		o.Before.checkSize(fn, "Before", w.Rows, w.Cols)
	}
	if o.Sums != nil {
		checkLen(fn, "Sums", o.Sums, w.Rows)
	}
	o.check(fn, w.Rows)
	args := [...]struct {
		name    string
		is      region
		written bool
	}{{"x", x.region(), false}, {"R", o.R.region(), false}, {"w", w.region(), true}, {"y", y.region(), true},
		{"Before", o.Before.region(), true}, {"Sums", vectorRegion(o.Sums), true}, {"Theta", vectorRegion(o.Theta), true}}
	for k, a := range args {
		for _, b := range args[:k] {
			if a.written {
				checkApart(fn, b.name, b.is, a.name, a.is)
			}
		}
	}
	if w.Rows == 0 {
		return
	}
	f := takeFrame[T]()
	j := &f.online
	threads := threadsFor(w.Rows * x.Rows * (1 + 3*w.Cols/(2*fmaPerElement)))
	cellRows := max(onlineTurn, cellElements/max(1, w.Cols)/onlineTurn*onlineTurn)
	j.grid = newGrid(w.Rows, 1, rowsFor(w.Rows, cellRows, threads), 1)
	j.w, j.x, j.y, j.o, j.apart = w, x, y, o, apart
	j.locals = f.localsFor(threads)
	run(j, j.cells, threads)
	*j = onlineJob[T]{}
	if o.Sums != nil && w.Cols > blockCols {
		f.powerSums(w, exponent1, 1, nil, o.Sums, nil)
	}
	f.give()
}

// check refuses forms that do not go together.
func (o *Online[T]) check(fn string, rows int) {
	if o.Factor < FactorY || o.Factor > FactorAffine {
		refuse(fn, "Factor", itoa(int(o.Factor)), "a FactorForm")
	}
	if o.Form < DecayNone || o.Form > DecayColumn {
		refuse(fn, "Form", itoa(int(o.Form)), "a DecayForm")
	}
	switch gated := o.gated(); {
	case gated && o.Form > DecayConstant:
		refuse(fn, "Form", itoa(int(o.Form)), "DecayNone or DecayConstant with Theta")
	case o.Factor == FactorAffine && o.Form != DecayNone:
		refuse(fn, "Form", itoa(int(o.Form)), "DecayNone with FactorAffine")
	case o.Step < ThetaHeld || o.Step > ThetaLast:
		refuse(fn, "Step", itoa(int(o.Step)), "a ThetaStep")
	case gated:
		checkLen(fn, "Theta", o.Theta, rows)
		checkEMA(fn, o.Alpha, SquareOf)
	case o.Theta != nil:
		refuse(fn, "Theta", "given", "none without a Factor that has a threshold")
	}
	if o.Cube != 0 && o.Factor != FactorAbove && o.Factor != FactorProduct {
		refuse(fn, "Cube", ftoa(o.Cube), "0 without a threshold, and with one that divides")
	}
}

// gated reports whether rows have a threshold.
func (o *Online[T]) gated() bool { return o.Factor >= FactorAbove && o.Factor <= FactorLaw }

// gate is the flags of OnlineGated.
func (o *Online[T]) gate() int {
	flags := [...]int{FactorAbove: 0, FactorProduct: portable.GateProduct, FactorLaw: portable.GateProduct | portable.GateLaw}[o.Factor] |
		[...]int{ThetaHeld: 0, ThetaMean: portable.GateMean, ThetaSquare: portable.GateSquare, ThetaLast: portable.GateLast}[o.Step]
	if o.Cube != 0 {
		flags |= portable.GateCube
	}
	return flags
}

const (
	// Rows that a call takes in turn: while some wait for the sums of their dot
	// products, others are swept.
	onlineTurn = 8
	// Samples that repay a copy of the rows which is laid out better; see apartFrom.
	onlineAliased, onlineCrossing = 32, 8
	apartLines                    = 5
	// Samples of a call: each call has the dot products of the first and the update
	// of the last apart, and none takes longer than half a millisecond.
	onlineLeast, onlineMost = 16, 4096
)

type onlineJob[T Float] struct {
	grid
	w, x, y Matrix[T]
	o       Online[T]
	apart   bool // R is not x
	locals  []local[T]
}

// cell takes its rows through a few samples at a time, so that these come from
// the second cache for each group of rows, beside the rows of the cell.
func (j *onlineJob[T]) cell(k, who int) {
	i0, i1, _, _ := j.at(k)
	l, cols := &j.locals[who], j.w.Cols
	rows := Matrix[T]{j.w.from(i0, 0), i1 - i0, cols, j.w.Stride}
	if j.o.Before.Data != nil {
		kCopyRows(j.o.Before.from(i0, 0), rows.Data, rows.Rows, cols, j.o.Before.Stride, rows.Stride)
	}
	if cols == 0 || cols > blockCols {
		j.each(i0, i1, l)
		return
	}
	copied := j.x.Rows >= apartFrom(&j.w)
	if copied {
		const line = lineBytes
		stride := (cols*sizeOf[T]() + line - 1) / line * line / sizeOf[T]()
		if aliased[T](stride) {
			stride += apartLines * line / sizeOf[T]()
		}
		rows.Data, rows.Stride = grow(&l.rows, rows.Rows*stride), stride
		kCopyRows(rows.Data, j.w.from(i0, 0), rows.Rows, cols, stride, j.w.Stride)
	}
	share := secondCache / 2
	if j.apart {
		share /= 2
	}
	together := min(onlineMost, max(onlineLeast, share/(cols*sizeOf[T]())))
	for s := 0; s < j.x.Rows; s += together {
		for i := 0; i < rows.Rows; i += onlineTurn {
			j.turn(rows.from(i, 0), rows.Stride, i0+i, min(onlineTurn, rows.Rows-i), s, min(together, j.x.Rows-s))
		}
	}
	if j.o.Sums != nil {
		rowSums(exponent1, j.o.Sums[i0:], rows.Data, nil, rows.Rows, cols, rows.Stride, 0)
	}
	if copied {
		kCopyRows(j.w.from(i0, 0), rows.Data, rows.Rows, cols, j.w.Stride, rows.Stride)
	}
}

// apartFrom is the number of samples for which a copy of the rows of w repays
// itself.
//
//   - Rows that do not start at a vector's multiple have loads and stores that
//     cross lines, and large arrays often lie so, behind a header of their
//     allocator: 64×784 float32 takes 1.5 times as long (Zen 4).
//   - Rows that fall into the same sets of the first cache push each other out of
//     it, and a processor that compares the low bits of addresses takes a load of
//     one row to depend on the store to another: at 1024² a vector takes 2.3
//     cycles in place of 1.6, and 1.66 with four rows in turn.
func apartFrom[T Float](w *Matrix[T]) int {
	const vector = 32
	switch {
	case w.region().base%vector != 0 || w.Stride*sizeOf[T]()%vector != 0:
		return onlineCrossing
	case aliased[T](w.Stride):
		return onlineAliased
	}
	return math.MaxInt
}

// turn is n samples from s on for some rows from row i on, which lie in w.
func (j *onlineJob[T]) turn(w []T, wStride, i, rows, s, n int) {
	o := &j.o
	x, r, y := j.x.from(s, 0), o.R.from(s, 0), j.y.from(s, i)
	cols, xStride, rStride, yStride := j.w.Cols, j.x.Stride, o.R.Stride, j.y.Stride
	switch {
	case o.gated() && o.Form == DecayNone:
		kOnlineGated(w, x, r, y, o.Theta[i:], o.Rate, o.Cube, o.Alpha, 1-o.Alpha, rows, cols, wStride, n, xStride, rStride, yStride, o.gate())
	case o.gated():
		kOnlineGatedD(w, x, r, y, o.Theta[i:], o.Rate, o.Cube, o.Alpha, 1-o.Alpha, o.Decay, rows, cols, wStride, n, xStride, rStride, yStride, o.gate())
	case o.Factor == FactorAffine:
		kOnlineGA(w, x, r, y, o.Rate, o.GA, o.GB, o.AA, o.AB, rows, cols, wStride, n, xStride, rStride, yStride)
	case o.Form == DecayNone:
		kOnlineG(w, x, r, y, o.Rate, rows, cols, wStride, n, xStride, rStride, yStride)
	case o.Form == DecayConstant:
		kOnlineDG(w, x, r, y, o.Rate, o.Decay, rows, cols, wStride, n, xStride, rStride, yStride)
	case o.Form == DecayGain:
		kOnlineGG(w, x, r, y, o.Rate, rows, cols, wStride, n, xStride, rStride, yStride)
	case o.Form == DecayGainY:
		kOnlineGY(w, x, r, y, o.Rate, rows, cols, wStride, n, xStride, rStride, yStride)
	default:
		kOnlineCG(w, x, r, y, o.Rate, rows, cols, wStride, n, xStride, rStride, yStride)
	}
}

// each goes through the samples one by one, for rows of several blocks.
func (j *onlineJob[T]) each(i0, i1 int, l *local[T]) {
	o, cols := &j.o, j.w.Cols
	rate := [1]T{o.Rate}
	var g, d, a [1]T
	var c []T
	if o.Form == DecayColumn {
		c = grow(&l.rows, cols)
	}
	for s := range j.x.Rows {
		x, r := j.x.Row(s), o.R.Row(s)
		if c != nil {
			copy(c, r)
			for k := 0; k < cols; k += blockCols {
				kScaleR(c[k:], rate[:], 1, min(blockCols, cols-k), cols)
			}
		}
		for i := i0; i < i1; i++ {
			y := j.y.Row(s)[i : i+1]
			dots(y, &j.w, i, x, l)
			switch {
			case o.gated():
				g[0] = portable.Gate(&o.Theta[i], y[0], o.Rate, o.Cube, o.Alpha, 1-o.Alpha, o.gate())
			case o.Factor == FactorAffine:
				g[0], a[0] = T(o.Rate*(T(o.GA*y[0])+o.GB)), T(o.Rate*(T(o.AA*y[0])+o.AB))
			default:
				g[0] = T(o.Rate * y[0])
			}
			switch o.Form {
			case DecayConstant:
				d[0] = o.Decay
			case DecayGain:
				d[0] = g[0]
			case DecayGainY:
				d[0] = T(g[0] * y[0])
			}
			for k := 0; k < cols; k += blockCols {
				w, n := j.w.from(i, k), min(blockCols, cols-k)
				switch {
				case o.Factor == FactorAffine:
					kRank1Any(w, nil, nil, g[:], r[k:], a[:], nil, nil, 0, 0, 1, n, j.w.Stride, 0, 0, 0, 0, portable.Rank1Outer|portable.Rank1RowAdd)
				case o.Form == DecayNone:
					kRank1G(w, g[:], r[k:], 1, n, j.w.Stride, 0, 0)
				case o.Form == DecayColumn:
					kRank1CG(w, c[k:], g[:], r[k:], 1, n, j.w.Stride, 0, 0)
				default:
					kRank1DG(w, d[:], g[:], r[k:], 1, n, j.w.Stride, 0, 0, 0)
				}
			}
		}
	}
}
