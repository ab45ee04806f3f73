package engine

import "github.com/hebbkern/hebbkern/kernels"

// Rule is a Hebbian learning rule: a value that holds its parameters (and, if it has any, views of state in the
// caller's memory) and maps one sample to the vectors of the one pattern that every rule is (mathematics page,
// section 1):
//
//	w_ij ← w_ij·(1 − d_i − c_j) + g_i·x_j + a_i + b_j
//
// Update does the rest: reductions, normalisation, the check for divergence. So a new rule is a few lines of Go
// on vectors of length out and in, and needs no kernel of its own.
type Rule[T kernels.Float] interface {
	// Name is what errors call the rule.
	Name() string
	// Check refuses parameters: *ArgError, before anything is written.
	Check() error
	// Rate is η, with which normalize="max" multiplies.
	Rate() float64
	// Terms says which vectors Map fills; the others are absent from the update, not zero.
	Terms() Terms
	// Map fills v for one sample, x [in] and y [out], from the state before the sample.
	Map(v *Vectors[T], x, y []T)
}

// A rule may say more about itself by further methods:
type (
	// shapeChecker refuses weights of the wrong shape.
	shapeChecker interface{ CheckShape(out, in int) error }
	// presynaptic is a rule with TermX whose X depends on x and not on y. Pre writes the X that Map would: the blocked
	// form wants those of a block before it knows any y.
	presynaptic[T kernels.Float] interface{ Pre(dst, x []T) }
	// owner has vectors in the caller's memory, which Update checks: AppendArrays adds them to the list.
	owner[T kernels.Float] interface {
		AppendArrays(to []Array[T]) []Array[T]
	}
	// stateful is an owner with state. Map and Pre read it as it was before the sample. After the weights hold a sample,
	// AdvancePre and AdvancePost are called with x and y of it; after a sum or a mean once, with those of all samples, and
	// take their mean. In blocks, AdvancePre runs ahead of Map: of the vectors only X may come from what it writes.
	stateful[T kernels.Float] interface {
		owner[T]
		AdvancePre(x kernels.Matrix[T])
		AdvancePost(y kernels.Matrix[T])
	}
	// powered is a rule with TermResponse whose U comes from sign(w)·|w|^Power, Power > 0, in the place of w.
	powered interface{ Power() float64 }
	// numbered is told before each Map which sample of the call it is for.
	numbered interface{ Number(sample int) }
)

// Side is what the elements of an Array belong to.
type Side int

const (
	Pre  Side = iota // presynaptic units: length in
	Post             // postsynaptic units: length out
)

// Array is a vector of a rule in the caller's memory. Update refuses a wrong length, elements that are not finite and
// memory that W shares, and for State memory that x, y or another array shares.
type Array[T kernels.Float] struct {
	Name  string
	V     []T
	Side  Side
	State bool // written; else a parameter, and one element stands for all
	Blank bool // NaN is allowed: nothing is known of the unit yet
}

// Terms is the set of vectors that a rule fills beside G.
type Terms uint

// The terms of the pattern.
const (
	TermX      Terms = 1 << iota // X, in place of x
	TermDecay                    // D, decay of a row
	TermCol                      // C, decay of a column
	TermRow                      // A, added to a row
	TermColAdd                   // B, added to a column
	// TermResidual makes the rows interact as Sanger's do: row i learns from the residual that the rows up to
	// and including it leave of x, G_i·(X − Σ_{k≤i} y_k w_k). It excludes the terms of decay and addition.
	TermResidual
	// TermResponse makes y the rule's own function of U = Wx: Map reads U and writes y. A y that is given is refused.
	TermResponse
	// TermNorms goes with TermResponse: Map is given N_i = |w_i|² too.
	TermNorms
	// TermSparse goes with TermResponse: Map sets Rows to the rows that change, ascending, and fills G and D for them
	// only. A sample of a sequence touches these rows only. It excludes the terms of columns and addition.
	TermSparse
	// TermTime: rows are steps in time, so there is no sum or mean of them.
	TermTime
	// TermGiven: y is the caller's and never computed.
	TermGiven
	// TermDiagonal keeps the diagonal of W, which is square, as it is: Δw_ii = 0.
	TermDiagonal
	// TermMaxNorm makes MaxNorm a part of the rule.
	TermMaxNorm
	// TermFixedDecay says of D that it is per update and not multiplied by η, and so not by the rates of rows.
	TermFixedDecay
)

// Vectors are the vectors of the pattern for one sample. Map writes into them and keeps none. Map may use U as working
// memory; N is only read.
type Vectors[T kernels.Float] struct {
	G []T // [out], the postsynaptic factor
	X []T // [in], the presynaptic factor with TermX
	D []T // [out] with TermDecay
	C []T // [in] with TermCol
	A []T // [out] with TermRow
	B []T // [in] with TermColAdd

	U    []T   // [out] with TermResponse
	N    []T   // [out] with TermNorms
	Rows []int // of length ≤ out and capacity out, with TermSparse

	scalar []T // [1], working memory of times
}

// Hebb is Δw_ij = η y_i x_j (Hebb, The Organization of Behavior, 1949): g = ηy. Its weights grow without bound.
type Hebb[T kernels.Float] struct {
	LR float64 // η ≥ 0
}

// Name implements Rule.
func (r Hebb[T]) Name() string { return "Hebb" }

// Check implements Rule.
func (r Hebb[T]) Check() error { return checkRate[T]("Hebb", "lr", r.LR) }

// Rate implements Rule.
func (r Hebb[T]) Rate() float64 { return r.LR }

// Terms implements Rule.
func (r Hebb[T]) Terms() Terms { return 0 }

// Map implements Rule.
func (r Hebb[T]) Map(v *Vectors[T], x, y []T) { v.times(v.G, T(r.LR), y) }

// Decay is Hebb with decay, Δw_ij = η y_i x_j − λ w_ij (Gerstner & Kistler, Biol. Cybern. 87, 2002: two terms of eq. 3):
// g = ηy, d = λ. λ is per update and not multiplied by η, so the reduction "sum" of B samples decays by Bλ. With y = Wx
// the weights stay bounded for λ > η·λ_max(E[xxᵀ]).
type Decay[T kernels.Float] struct {
	LR    float64 // η ≥ 0
	Decay float64 // λ ≥ 0
}

// Name implements Rule.
func (r Decay[T]) Name() string { return "Decay" }

// Check implements Rule.
func (r Decay[T]) Check() error {
	if err := checkRate[T]("Decay", "lr", r.LR); err != nil {
		return err
	}
	return checkRate[T]("Decay", "decay", r.Decay)
}

// Rate implements Rule.
func (r Decay[T]) Rate() float64 { return r.LR }

// Terms implements Rule.
func (r Decay[T]) Terms() Terms { return TermDecay | TermFixedDecay }

// Map implements Rule.
func (r Decay[T]) Map(v *Vectors[T], x, y []T) {
	v.times(v.G, T(r.LR), y)
	for i := range v.D {
		v.D[i] = T(r.Decay)
	}
}

// Oja is Δw_ij = η y_i (x_j − y_i w_ij) (Oja, J. Math. Biol. 15, 1982): g = ηy, d = g·y. A row converges to ± the first
// principal component of x with norm 1: to any precision with the reduction "mean" on fixed data or η → 0, only near it
// with a constant η online.
type Oja[T kernels.Float] struct {
	LR float64 // η ≥ 0
}

// Name implements Rule.
func (r Oja[T]) Name() string { return "Oja" }

// Check implements Rule.
func (r Oja[T]) Check() error { return checkRate[T]("Oja", "lr", r.LR) }

// Rate implements Rule.
func (r Oja[T]) Rate() float64 { return r.LR }

// Terms implements Rule.
func (r Oja[T]) Terms() Terms { return TermDecay }

// Map implements Rule.
func (r Oja[T]) Map(v *Vectors[T], x, y []T) {
	v.times(v.G, T(r.LR), y)
	v.multiply(v.D, v.G, y)
}

// longVector is from where on a kernel's call costs less than a loop.
const longVector = 512

// times writes g = s·y, rounded.
func (v *Vectors[T]) times(g []T, s T, y []T) {
	g = g[:len(y)]
	if len(y) >= longVector && v.scalar != nil {
		copy(g, y)
		v.scalar[0] = s
		kernels.Scale(rowVector(g), v.scalar, nil)
		return
	}
	for i, a := range y {
		g[i] = T(s * a)
	}
}

// multiply writes d_i = g_i·u_i, rounded.
func (v *Vectors[T]) multiply(d, g, u []T) {
	d, g = d[:len(u)], g[:len(u)]
	if len(u) >= longVector {
		copy(d, g)
		kernels.Scale(rowVector(d), nil, u)
		return
	}
	for i, a := range u {
		d[i] = T(g[i] * a)
	}
}

// subtract writes dst = a − b, rounded; a b of length 1 stands for all.
func subtract[T kernels.Float](dst, a, b []T) {
	dst = dst[:len(a)]
	if len(b) == 1 {
		s := b[0]
		for k, x := range a {
			dst[k] = x - s
		}
		return
	}
	if len(a) >= longVector {
		copy(dst, a)
		kernels.Rank1(rowVector(dst), kernels.Update[T]{G: minusOne[T](), X: b})
		return
	}
	b = b[:len(a)]
	for k, x := range a {
		dst[k] = x - b[k]
	}
}

var minusOne32, minusOne64 = []float32{-1}, []float64{-1}

// minusOne is the one-element vector −1, which is only read.
func minusOne[T kernels.Float]() []T {
	if v, ok := any(&minusOne32).(*[]T); ok {
		return *v
	}
	return *any(&minusOne64).(*[]T)
}
