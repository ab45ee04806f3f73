// Package texts holds the text of every kernel and the one table of them, from which the assembly, its Go
// declarations, the dispatch, the conformance tests and the index in the documentation come.
package texts

import "github.com/hebbkern/hebbkern/gen/ir"

// Shape says how long a slice argument is.
type Shape uint8

const (
	NoShape  Shape = iota
	Mat            // rows × cols elements, stride apart
	PerRow         // rows elements
	PerCol         // cols elements
	PerN           // n elements
	Exponent       // the prepared exponent of |w|^p
	StepRow        // rows elements, or one: the parameter named after it with "Step" is 1 or 0
	MaskMat        // rows × cols bools, maskStride apart
	PerList        // count elements
	ColList        // count numbers of columns
	RowList        // count numbers of rows
	PairMat        // pairs × 2·cols elements, without gaps: two rows of a matrix in turn
	PairCol        // 2·cols elements, each twice
	PairList       // count numbers of pairs
	HalfList       // count masks of the lanes of a pair's one row or the other
	LimitMat       // rows × cols elements, limitStride apart: 0 is one row for all
	One            // one element
	Scratch        // min(n, PowScratch) elements, with anything in them before and after
)

// Param is a kernel's parameter.
type Param struct {
	Name     string
	Kind     ir.ParamKind
	Shape    Shape
	Written  bool
	Optional bool // may be nil
}

// Kernel describes one kernel: the portable function of the same name is its definition.
type Kernel struct {
	Name     string
	Family   string // the file that it goes to
	Equation string
	Tail     string // how the elements behind the last whole vector are treated
	Params   []Param
	Text     func(*ir.Builder)
}

// Func builds a kernel's text.
func (k Kernel) Func(e ir.Elem, vecSize int64) *ir.Func {
	params := make([]ir.FuncParam, len(k.Params))
	for i, p := range k.Params {
		params[i] = ir.FuncParam{Name: p.Name, Kind: p.Kind}
	}
	return ir.Build(k.Name, e, vecSize, params, k.Text)
}

// Elems are the element types that every kernel is built for.
var Elems = []ir.Elem{ir.F32, ir.F64}

// Table lists the kernels in the order of their files.
func Table() []Kernel {
	var all []Kernel
	for _, family := range [][]Kernel{rank1Kernels(), scaleKernels(), spikeKernels(), sumKernels(), productKernels(), onlineKernels(),
		elementwiseKernels(), optimizerKernels()} {
		all = append(all, family...)
	}
	return all
}

// Ways to treat the elements behind the last whole vector.
const (
	maskedTail  = "masked: no other element is read or written"
	blendedTail = "masked: the other lanes of the sum keep their bits"
)

func slice(name string, s Shape) Param { return Param{Name: name, Kind: ir.Slice, Shape: s} }
func written(name string, s Shape) Param {
	return Param{Name: name, Kind: ir.Slice, Shape: s, Written: true}
}
func optional(name string, s Shape) Param {
	return Param{Name: name, Kind: ir.Slice, Shape: s, Optional: true}
}

// wide is a slice of float64 whatever the element type; one that is only read may be nil.
func wide(name string, isWritten bool) Param {
	return Param{Name: name, Kind: ir.Wide, Shape: PerN, Written: isWritten, Optional: !isWritten}
}

func scalars(names ...string) []Param  { return several(ir.Scalar, names) }
func integers(names ...string) []Param { return several(ir.Integer, names) }

func several(kind ir.ParamKind, names []string) []Param {
	out := make([]Param, len(names))
	for i, n := range names {
		out[i] = Param{Name: n, Kind: kind}
	}
	return out
}

func list(parts ...any) []Param {
	var out []Param
	for _, p := range parts {
		switch p := p.(type) {
		case Param:
			out = append(out, p)
		case []Param:
			out = append(out, p...)
		}
	}
	return out
}

// matrix is what ends the parameters of a kernel over a matrix.
func matrix() []Param { return integers("rows", "cols", "stride") }

// rowOf is the address of row i of a matrix parameter.
func rowOf(b *ir.Builder, name, stride string, i ir.Val) ir.Val {
	return indexed(b, name, b.IMul(i, b.Param(stride)))
}

// indexed is the address of element i of a slice parameter.
func indexed(b *ir.Builder, name string, i ir.Val) ir.Val {
	return b.IPlus(b.Param(name), b.IShift(i, b.SizeShift()))
}

// stepped is the address of element i of a slice parameter whose elements are `name`Step apart.
func stepped(b *ir.Builder, name string, i ir.Val) ir.Val {
	return indexed(b, name, b.IMul(i, b.Param(name+"Step")))
}

// access reads and writes the vectors of one step of a loop over elements.
type access struct {
	b    *ir.Builder
	n    int      // vectors in the step
	tail *ir.Tail // the step is the masked tail
}

func (a access) load(p ir.Val, i int) ir.Val {
	if a.tail != nil {
		return a.b.LoadM(p, 0, *a.tail)
	}
	return a.b.Load(p, int64(i)*a.b.VecSize())
}

func (a access) store(p ir.Val, i int, v ir.Val) {
	if a.tail != nil {
		a.b.StoreM(p, 0, v, *a.tail)
	} else {
		a.b.Store(p, int64(i)*a.b.VecSize(), v)
	}
}

// storeAll stores the vectors of a step behind all of its loads, which then need not wait for a store to the same place
// of another page (Zen 4, momentum over 4 M weights: 0.91 of the time).
func (a access) storeAll(p ir.Val, vs []ir.Val) {
	for q, v := range vs {
		a.store(p, q, v)
	}
}

// each runs body over n elements: steps of `unroll` vectors, then single vectors, then a masked tail. The cursors, one
// for each slice, are advanced.
func each(b *ir.Builder, n ir.Val, unroll int, cursors []ir.Val, body func(access)) {
	if unroll > 1 {
		steps(b, n, unroll, cursors, body)
	}
	steps(b, n, 1, cursors, body)
	b.If(n, 1, func() {
		t := b.Tail(n)
		body(access{b: b, n: 1, tail: &t})
	})
}

// steps runs body while there are that many vectors left.
func steps(b *ir.Builder, n ir.Val, vectors int, cursors []ir.Val, body func(access)) {
	b.While(n, int64(vectors)*b.Lanes(), func() {
		body(access{b: b, n: vectors})
		for _, c := range cursors {
			b.AddTo(c, int64(vectors)*b.VecSize())
		}
	})
}

// unroll is how many vectors a step of a loop bound by memory takes: a strip of the numeric contract. More did not
// help, since the loads of several steps are under way at once.
const unroll = 4
