package kernels

// Of says what an average is taken of.
type Of int

const (
	Value    Of = iota // a
	SquareOf           // a²
)

func checkEMA[T Float](fn string, alpha T, of Of) {
	checkUnit(fn, "alpha", alpha)
	if of != Value && of != SquareOf {
		refuse(fn, "of", itoa(int(of)), "Value or SquareOf")
	}
}

func (o Of) op() vectorOp {
	if o == SquareOf {
		return opEMASquare
	}
	return opEMA
}

// EMA is one step of an exponential moving average, of a or of its square:
//
//	s_k ← fma(α, a_k, round(β·s_k))        s_k ← fma(α, round(a_k·a_k), round(β·s_k))
//
// with β = 1 − α rounded and 0 ≤ α ≤ 1. a has the length of s; it may be s, but
// not overlap it otherwise.
func EMA[T Float](s, a []T, alpha T, of Of) {
	const fn = "EMA"
	checkLen(fn, "a", a, len(s))
	checkSameOrApart(fn, "s", vectorRegion(s), "a", vectorRegion(a))
	checkEMA(fn, alpha, of)
	f := takeFrame[T]()
	f.average(s, a, alpha, of.op())
	f.give()
}

func (f *frame[T]) average(s, a []T, alpha T, op vectorOp) {
	j := &f.vector
	j.op, j.y, j.x, j.alpha, j.beta = op, s, a, alpha, 1-alpha
	f.each(1)
}

// EMABatch is one step of an exponential moving average with the mean of a
// batch, a[n, k] being sample n of unit k:
//
//	m_k = Σ_n a_nk / B,   or Σ_n a_nk² / B
//	s_k ← fma(α, m_k, round(β·s_k))
//
// The sum is that down a column of PowerSums (of a instead of |a|^p; of squares
// with p = 2) before its rounding to T; it is divided by B in float64 and
// rounded once. A batch of one sample is EMA of that sample; an empty batch
// leaves s alone. a shares no element with s.
func EMABatch[T Float](s []T, a Matrix[T], alpha T, of Of) {
	const fn = "EMABatch"
	a.check(fn, "a")
	checkLen(fn, "s", s, a.Cols)
	checkApart(fn, "s", vectorRegion(s), "a", a.region())
	checkEMA(fn, alpha, of)
	if a.Rows == 0 || a.Cols == 0 {
		return
	}
	f := takeFrame[T]()
	if a.Rows == 1 {
		f.average(s, a.Row(0), alpha, of.op())
	} else {
		f.average(s, f.columnMeans(a, of), alpha, opEMA)
	}
	f.give()
}

// columnMeans is the m_k of EMABatch.
func (f *frame[T]) columnMeans(a Matrix[T], of Of) []T {
	kind := exponentSigned
	if of == SquareOf {
		kind = exponent2
	}
	mean := grow(&f.vec[1], a.Cols)
	j := f.sumUp(a, kind, 0, nil, nil, mean)
	for k, v := range f.totalWide(j.colPart, a.Cols, j.blocksDown()) {
		mean[k] = T(v / float64(a.Rows))
	}
	*j = sumsJob[T]{}
	return mean
}
