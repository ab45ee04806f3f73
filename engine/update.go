package engine

import (
	"fmt"

	"github.com/hebbkern/hebbkern/kernels"
)

// Reduction says how the samples of a batch become updates.
type Reduction int

const (
	// Sequential: sample after sample, each seeing the weights the one before it left. A batch of B equals B
	// calls with one sample, bit for bit.
	Sequential Reduction = iota
	// Sum: every y from the weights before the batch, one update by the sum of the samples' Δw, decay included.
	Sum
	// Mean: as Sum, divided by B.
	Mean
)

// Normalization of an update.
type Normalization int

const (
	// NoNorm applies Δw as the rule gives it.
	NoNorm Normalization = iota
	// MaxNorm applies η·Δw / max(max|Δw|, 1e-30), after the reduction; Δw is the rule's, its η and λ included,
	// so the largest change is η.
	MaxNorm
)

// UpdateOptions are the options of Update; the zero value is sequential, unnormalised, the whole batch.
type UpdateOptions[T kernels.Float] struct {
	Reduction Reduction
	Normalize Normalization
	// Compute says that y is to be computed into the matrix given; without it a given y is read.
	Compute bool
	// From, To is the chunk [From, To) of the rows to run; To = 0 means all rows. Chunks in order give the bits
	// of one call. Sum and Mean are one update and take the whole batch.
	From, To int
	// Block runs a sequence in blocks of that many samples, 1 to MaxBlock, at the speed of matrix products: see
	// blocked.go for what it computes and which rules fit. 0 is one sample at a time. Blocks are counted from the first
	// row, so From and To are multiples of Block, or the end. It goes with Sequential and without Normalize.
	Block   int
	Compose *Composition[T] // bounds, masks, rates by row, ...; nil: none
	Scratch *Scratch[T]     // nil: allocated
}

// Update applies a rule to W [out, in] for a batch x [B, in].
//
// y is [B, out]: without data it is allocated and computed, y = W·x or what the rule makes of it; with data it is read,
// or with o.Compute computed into it. Sequential computes each y from the weights the sample before left; Sum and Mean
// from the weights before the batch. The returned matrix is y.
//
// k is the number of samples whose update W holds. A *DivergenceError names the sample whose y, or whose update,
// was not finite, and tells it from an x or a W that was not finite to begin with; a sample with a y that is not
// finite is not applied, and W stays as the k samples before left it. Other errors are *ArgError: wrong shapes,
// a W that overlaps x or y, a y to compute that overlaps x, unknown options, bad parameters of the rule; then
// nothing was written.
//
// Sequential allocates nothing per sample, and with a Scratch of its own nothing per call. Cost of a sample: one
// read of W if y is computed, and one read and write; with Block two products at their speed.
func Update[T kernels.Float](rule Rule[T], w, x, y kernels.Matrix[T], o UpdateOptions[T]) (yOut kernels.Matrix[T], k int, err error) {
	defer guard(&err)
	u := updater[T]{rule: rule, w: w, x: x, y: y, o: o, compute: o.Compute || y.Data == nil}
	if err := u.check(); err != nil {
		return y, 0, err
	}
	if u.y.Data == nil {
		u.y = kernels.NewMatrix[T](x.Rows, w.Rows)
	}
	if u.to == u.from || w.Rows == 0 || w.Cols == 0 {
		return u.y, u.to - u.from, nil
	}
	u.allocate()
	if u.terms&TermNorms != 0 {
		kernels.PowerSums(w, 2, u.v.N, nil)
	}
	switch {
	case o.Block > 0:
		k, err = u.blocked()
	case o.Reduction == Sequential:
		k, err = u.sequence()
	default:
		k, err = u.batch()
	}
	return u.y, k, err
}

// updater is one call of Update.
type updater[T kernels.Float] struct {
	rule     Rule[T]
	fn       string   // its name
	numbered numbered // nil: it does not ask for the number of a sample
	terms    Terms
	w, x, y  kernels.Matrix[T]
	o        UpdateOptions[T]
	compute  bool
	start    int // the first sample of the call
	from, to int // the samples to run, all or a part of those of the call

	s            *Scratch[T]
	v            *Vectors[T]
	sums, r, one []T               // [out], [in], [1]
	delta, lower kernels.Matrix[T] // [out, in], [out, out]
	b            blocks[T]
	rb           residualBlocks[T]

	state    stateful[T] // nil without state
	arrays   []Array[T]
	before   []T               // the state before a block
	diagonal []T               // with TermDiagonal
	power    float64           // of powered, else 1
	powers   kernels.Matrix[T] // sign(w)·|w|^power where power is not 1
	raised   bool              // powers are those of W

	// Of the composition: see compose.go.
	constrained, bounded, dependent bool
	apart                           bool // Δ is made apart from W
	rates                           []T
	dependence                      kernels.Dependence[T]
	normOf, ones, present           []T // [out], [in], [in]

	csr     kernels.CSR[T] // the weights where they are sparse; w is their shape then
	sparseW bool
	change  []T   // Δ by stored entry
	seen    []T   // [in], what the entries of a row see
	entries []int // with TermDiagonal: the stored entry of each row, or -1
}

func (u *updater[T]) check() error {
	if u.rule == nil {
		return badArg("Update", "rule", "nil", "a rule")
	}
	fn, o := u.rule.Name(), &u.o
	u.fn = fn
	u.numbered, _ = u.rule.(numbered)
	if err := u.rule.Check(); err != nil {
		return err
	}
	u.terms = u.rule.Terms()
	badTerms := func(want string) error { return badArg(fn, "terms", fmt.Sprintf("%#x", uint(u.terms)), want) }
	switch {
	case u.terms&TermResidual != 0 && u.terms&^(TermResidual|TermX) != 0:
		return badTerms("a residual without decay or addition")
	case u.terms&(TermNorms|TermSparse) != 0 && u.terms&TermResponse == 0:
		return badTerms("norms and sparse rows with a response only")
	case u.terms&TermSparse != 0 && u.terms&(TermCol|TermRow|TermColAdd) != 0:
		return badTerms("sparse rows without terms of columns or addition")
	case u.terms&TermResponse != 0 && !u.compute:
		return badArg(fn, "y", "given", "no y, since the rule computes it")
	case u.terms&TermGiven != 0 && u.compute:
		return badArg(fn, "y", "not given", "a y, since the rule computes none")
	case u.terms&TermTime != 0 && o.Reduction != Sequential:
		return badArg(fn, "reduction", fmt.Sprint(int(o.Reduction)), "sequential, since rows are steps in time")
	case u.terms&TermMaxNorm != 0:
		o.Normalize = MaxNorm
	}
	if !u.sparseW {
		if err := checkMatrix(fn, "w", u.w, -1, -1); err != nil {
			return err
		}
	}
	if r, ok := u.rule.(shapeChecker); ok {
		if err := r.CheckShape(u.w.Rows, u.w.Cols); err != nil {
			return err
		}
	}
	if u.terms&TermDiagonal != 0 && u.w.Rows != u.w.Cols {
		return badArg(fn, "w", fmt.Sprintf("[%d, %d]", u.w.Rows, u.w.Cols), "a square matrix, since its diagonal is held")
	}
	if err := checkMatrix(fn, "x", u.x, -1, u.w.Cols); err != nil {
		return err
	}
	if u.y.Data != nil {
		if err := checkMatrix(fn, "y", u.y, u.x.Rows, u.w.Rows); err != nil {
			return err
		}
	}
	switch {
	case overlap(u.w, u.x):
		return badArg(fn, "w", "overlapping x", "arrays that share no element")
	case overlap(u.w, u.y):
		return badArg(fn, "w", "overlapping y", "arrays that share no element")
	case u.compute && overlap(u.y, u.x):
		return badArg(fn, "y", "overlapping x", "arrays that share no element")
	case o.Reduction < Sequential || o.Reduction > Mean:
		return badArg(fn, "reduction", fmt.Sprint(int(o.Reduction)), "sequential, sum or mean")
	case o.Normalize < NoNorm || o.Normalize > MaxNorm:
		return badArg(fn, "normalize", fmt.Sprint(int(o.Normalize)), "none or max")
	}
	if err := u.checkArrays(); err != nil {
		return err
	}
	u.from, u.to = o.From, o.To
	if u.to == 0 {
		u.to = u.x.Rows
	}
	if u.from < 0 || u.to > u.x.Rows || u.from > u.to {
		return badArg(fn, "rows", fmt.Sprintf("[%d, %d)", u.from, u.to), fmt.Sprintf("a part of [0, %d)", u.x.Rows))
	}
	if o.Reduction != Sequential && u.to-u.from != u.x.Rows {
		return badArg(fn, "rows", fmt.Sprintf("[%d, %d)", u.from, u.to), "the whole batch with sum or mean, which are one update")
	}
	u.start = u.from
	if o.Compose != nil {
		if err := o.Compose.check(fn, u.w); err != nil {
			return err
		}
	}
	if o.Block != 0 {
		return u.checkBlock()
	}
	return nil
}

func (u *updater[T]) allocate() {
	u.s = u.o.Scratch.ready()
	out, in := u.w.Rows, u.w.Cols
	u.v = &u.s.vec
	*u.v = Vectors[T]{G: u.s.t.take(out), scalar: u.s.t.take(1)}
	for _, t := range []struct {
		bit Terms
		v   *[]T
		n   int
	}{{TermX, &u.v.X, in}, {TermDecay, &u.v.D, out}, {TermCol, &u.v.C, in}, {TermRow, &u.v.A, out}, {TermColAdd, &u.v.B, in},
		{TermResponse, &u.v.U, out}, {TermNorms, &u.v.N, out}} {
		if u.terms&t.bit != 0 {
			*t.v = u.s.t.take(t.n)
		}
	}
	if u.terms&TermResponse != 0 {
		u.v.Rows = u.s.ints(0, out)[:0]
	}
	u.sums, u.one = u.s.t.take(out), u.s.t.take(1)
	u.prepareComposition()
	batchResidual := u.terms&TermResidual != 0 && u.o.Reduction != Sequential
	if u.terms&TermResidual != 0 || u.terms&TermCol != 0 {
		u.r = u.s.t.take(in)
	}
	u.power = 1
	if p, ok := u.rule.(powered); ok {
		u.power = p.Power()
	}
	if u.sparseW {
		u.seen = u.s.t.take(in)
		u.allocateCSR()
		return
	}
	if u.o.Normalize == MaxNorm || batchResidual || u.apart {
		u.delta = u.s.matrix(out, in)
	}
	if batchResidual {
		u.lower = u.s.matrix(out, out)
	}
	if u.terms&TermDiagonal != 0 {
		u.diagonal = u.s.t.take(out)
		for i := range out {
			u.diagonal[i] = u.w.Row(i)[i]
		}
	}
	if u.power != 1 {
		u.powers = u.s.matrix(out, in)
	}
}

// answering is the matrix that U comes from.
func (u *updater[T]) answering() kernels.Matrix[T] {
	if u.power == 1 {
		return u.w
	}
	if !u.raised {
		u.raise(u.powers, u.w)
		u.raised = true
	}
	return u.powers
}

// changed brings the powers up to date after a sample: those of the rows of a rule with TermSparse, else when they are needed.
func (u *updater[T]) changed() {
	switch {
	case u.power == 1:
	case u.terms&TermSparse == 0 || u.everywhere():
		u.raised = false
	default:
		for _, i := range u.v.Rows {
			u.raise(subRows(u.powers, i, 1), subRows(u.w, i, 1))
		}
	}
}

// raise is sign(w)·|w|^power.
func (u *updater[T]) raise(to, w kernels.Matrix[T]) {
	for i := range w.Rows {
		kernels.Activate(to.Row(i), w.Row(i), kernels.Activation{Kind: kernels.BiPU, Slope: -1, Shape: u.power})
	}
}

// holdDiagonal undoes what an update has done to the diagonal of W.
func (u *updater[T]) holdDiagonal() {
	for i, v := range u.diagonal {
		u.w.Row(i)[i] = v
	}
}

// has returns v if the rule has the term, else nil: an absent term is omitted.
func (u *updater[T]) has(t Terms, v []T) []T {
	if u.terms&t != 0 {
		return v
	}
	return nil
}

func (u *updater[T]) sequence() (int, error) {
	first, err := u.sweep()
	if err != nil {
		return first - u.from, err
	}
	if !u.compute {
		first = u.sweepGiven()
	}
	for s := first; s < u.to; s++ {
		x, y := u.x.Row(s), u.y.Row(s)
		answer := y
		if u.terms&TermResponse != 0 {
			answer = u.v.U
		}
		if u.compute {
			kernels.Forward(answer, u.answering(), x, nil, identity)
		}
		if !finite(answer) || !finite(u.v.N) {
			return s - u.from, u.blame(s)
		}
		u.mapSample(s, x, y)
		if u.terms&TermResponse != 0 && !finite(y) {
			return s - u.from, u.diverged("y", s)
		}
		px := x
		if u.terms&TermX != 0 {
			px = u.v.X
		}
		// Sums of the new w ride on the pass that writes W. With y computed, a W that is no longer finite
		// shows in the next y, so only the last sample of the call needs them.
		var sums []T
		overflow := false
		if !u.compute || s == u.to-1 {
			sums = u.sums
		}
		switch {
		case u.o.Normalize == MaxNorm && u.terms&TermSparse != 0:
			if err := u.sparseNormalized(px, s); err != nil {
				return s - u.from, err
			}
			sums = nil
		case u.o.Normalize == MaxNorm:
			u.sampleDelta(px, y)
			if err := u.applyNormalized(s); err != nil {
				return s - u.from, err
			}
			sums = nil
		case u.apart:
			u.sampleDelta(px, y)
			u.one[0] = 1
			u.addDelta()
			if sums != nil {
				kernels.PowerSums(u.w, 1, sums, nil)
			}
		case u.terms&TermResidual != 0:
			u.residual(u.w, u.w, u.v.G, y, px, sums)
		case u.terms&TermSparse != 0:
			u.sparse(u.w, nil, px, sums)
			if u.constrained {
				u.idle(s == u.from)
			}
		default:
			k := kernels.Update[T]{G: u.v.G, X: px, Decay: u.has(TermDecay, u.v.D), ColDecay: u.has(TermCol, u.v.C),
				RowAdd: u.has(TermRow, u.v.A), ColAdd: u.has(TermColAdd, u.v.B)}
			if sums != nil {
				k.Finite = &u.s.fine
			}
			u.constrain(&k, 0)
			kernels.Rank1(u.w, k)
			overflow, sums = sums != nil && !u.s.fine, nil
		}
		err := u.normalizeRows(s)
		u.holdDiagonal()
		u.norms(u.w, nil)
		u.changed()
		u.advance(subRows(u.x, s, 1), subRows(u.y, s, 1))
		if err != nil {
			return s - u.from + 1, err
		}
		if (overflow || sums != nil && !finite(sums)) && !u.finiteW() {
			return s - u.from + 1, u.diverged("the weights", s)
		}
		if name := u.badState(); name != "" {
			return s - u.from + 1, u.diverged(name, s)
		}
	}
	return u.to - u.from, nil
}

func (u *updater[T]) diverged(what string, sample int) error {
	return &DivergenceError{Func: u.fn, What: what, Sample: sample, Epoch: -1, Layer: -1}
}

func (u *updater[T]) finiteW() bool {
	if u.sparseW {
		return finite(u.csr.Data)
	}
	for i := range u.w.Rows {
		if !finite(u.w.Row(i)) {
			return false
		}
	}
	return true
}

// blame names the cause of a y that is not finite: x itself, the weights that the sample before left (or that
// were given), or else the product.
func (u *updater[T]) blame(s int) error {
	switch {
	case !finite(u.x.Row(s)):
		return u.diverged("x", s)
	case u.compute && !u.finiteW():
		if s > u.start && u.o.Reduction == Sequential {
			return u.diverged("the weights", s-1)
		}
		return u.diverged("the weights before", s)
	}
	return u.diverged("y", s)
}
