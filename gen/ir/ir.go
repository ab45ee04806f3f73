// Package ir is the small vector interface in which every kernel is written once.
//
// A kernel's text is a Go function that calls the methods of a Builder. The calls append operations on virtual
// registers to a flat list with labels and jumps; the list is then lowered to AVX2 (package amd64), to NEON (package
// arm64), or run on Go slices (type Machine in this package).
//
// A vector has Bytes/size lanes, whatever the target calls its registers: AVX2 holds it in one YMM register and NEON
// in two V registers, so the lanes of the numeric contract are the same everywhere. A text must take its lane counts
// from the Builder and never assume 32 bytes: the interpreter also runs it at other widths, and a lowering with
// longer registers is meant to be added.
package ir

import "fmt"

// Elem is the element type of a kernel.
type Elem uint8

const (
	F32 Elem = iota
	F64
)

// Size is the element's size in bytes.
func (e Elem) Size() int64 {
	if e == F32 {
		return 4
	}
	return 8
}

// GoType is the element's name in Go.
func (e Elem) GoType() string {
	if e == F32 {
		return "float32"
	}
	return "float64"
}

func (e Elem) String() string {
	if e == F32 {
		return "F32"
	}
	return "F64"
}

// Class says what a value holds.
type Class uint8

const (
	None    Class = iota
	Vec           // one vector
	Uniform       // a vector whose lanes are all equal: NEON needs one register for it instead of two
	Int           // a 64-bit integer or an address
)

// Val is a virtual register. Values that a Builder returns are fresh; only Set and the Int methods whose names end in
// "To" change a value that exists.
type Val struct {
	ID    int
	Class Class
}

// Valid reports whether v is a value at all (the zero Val is not).
func (v Val) Valid() bool { return v.Class != None }

// Code names an operation. The comments give lane-wise semantics; a, b, c are the arguments in order.
type Code uint8

const (
	Nop Code = iota
	Comment

	// Arguments of the function.
	Param    // Int: the argument named Text
	ParamUni // Uniform: the scalar argument named Text in all lanes

	// Memory: address a + Imm bytes.
	Load         // Vec
	LoadM        // Vec: the first lanes only (mask b, count c); the others are +0
	Store        // stores Vec b
	StoreM       // stores the first lanes of b only (mask c, count d)
	LoadS        // Vec: the lanes from addresses a, a + b, a + 2b, ... (b in bytes), Imm of them from each
	StoreS       // stores Imm lanes of Vec b each to addresses a, a + c, a + 2c, ...
	LoadU        // Uniform: one element in all lanes
	LoadE        // Uniform: element Cmp, in all lanes, of Bits consecutive ones that are read together, the first at a + Imm
	LoadSame     // Uniform: a vector of equal elements
	StoreU       // stores lane 0 of b as one element
	StoreSum     // stores the Sums of b, c, d, e as four consecutive elements
	LoadI64      // Int: eight bytes
	LoadI32      // Int: four bytes, zero-extended
	LoadByte     // Int: one byte, zero-extended
	Prefetch     // brings the cache line of the address towards the second cache; any address will do
	PrefetchNear // asks for the line at a in the first cache; any address will do

	// Floating point, correctly rounded.
	Add
	Sub
	Mul
	Div
	Sqrt
	FMA     // a*b + c, one rounding
	FNMA    // c - a*b, one rounding
	Min     // a < b ? a : b
	Max     // a > b ? a : b
	Clip    // IEEE 754-2019 minimum(maximum(a, b), c), b and c not NaN; d and e are Keep and Set of Builder.Bounds
	Maximum // IEEE 754-2019 maximum(a, b) of values with the sign bit clear or of any values but zeros of both signs; NaN propagates

	// Bits.
	And
	AndNot // ^a & b
	Or
	Xor
	IAdd // lanes as integers of the element's width
	ISub
	IShl   // by Imm
	IShr   // logical, by Imm
	IFloat // a as a signed 32-bit integer, rounded to float32

	// Comparisons: all ones where true.
	CmpLT // ordered, quiet
	CmpLE
	CmpEQ
	CmpUN // a or b is NaN
	ICmpEQ
	ICmpGT // signed
	Select // mask a: b, else c

	// Lanes.
	TailMask // Vec: all ones in the first a lanes (Int a)
	Bytes    // Vec: all ones in lane l where byte l of Int a is not 0
	Sum      // Uniform, lane 0 valid: lanes halved, l += l + n/2, then n/4, ...
	MaxLanes // Uniform, lane 0 valid: the same with Maximum
	ZipLo    // lanes of the first halves of a and b in turn: a0 b0 a1 b1 ...
	ZipHi    // ... of the second halves
	Even     // lanes 0, 2, ... of a, then of b
	Odd      // lanes 1, 3, ... of a, then of b
	WidenLo  // float64 Vec of the first half of float32 Vec a
	WidenHi  // ... of the second half
	Narrow   // float32 Vec of the float64 Vecs a (first half) and b, rounded
	Lookup   // of eight float32 at address a + Imm, that which the low three bits of b's lane number

	Const // Uniform: Bits in every lane
	Copy  // Vec or Uniform

	// Integers.
	Any    // not 0 where a lane of the mask a is set
	IConst // Imm
	ICopy
	IAddI // a + Imm
	IAddR // a + b
	ISubR // a - b
	IMulR // a * b
	IShlR // a << Imm
	IShrR // a >> Imm, of a sign
	IOrR  // a | b

	// Control.
	Label  // label Imm
	Jump   // to label Imm
	JumpLT // to label Imm if a < Cmp (signed)
	JumpGE // to label Imm if a >= Cmp
	JumpLR // to label Imm if a < b
	JumpGR // to label Imm if a >= b
	JumpZ  // to label Imm if a & Cmp == 0
	Ret
)

// Op is one operation.
type Op struct {
	Code Code
	Dst  Val
	Args []Val
	Imm  int64  // displacement, shift, label
	Cmp  int64  // constant of a comparison; the number of a LoadE
	Bits uint64 // of a Const; the count of a LoadE
	Text string // of a Comment or a Param
	Elem Elem   // element type of the operation
}

// ParamKind is the Go type of a parameter.
type ParamKind uint8

const (
	Slice   ParamKind = iota // []T, passed as *T
	Bools                    // []bool, passed as *bool
	Wide                     // []float64, passed as *float64
	Scalar                   // T
	Integer                  // int
	List                     // []int, passed as *int
)

// Func is a kernel's text, built for one element type.
type Func struct {
	Name    string
	Elem    Elem
	Params  []FuncParam
	Ops     []Op
	Vals    []Class // class of each value
	labels  int64
	VecSize int64 // bytes of a vector
}

// FuncParam is one parameter of a Func.
type FuncParam struct {
	Name string
	Kind ParamKind
}

// GoType is the parameter's type in the assembly's Go declaration.
func (p FuncParam) GoType(e Elem) string {
	switch p.Kind {
	case Slice:
		return "*" + e.GoType()
	case Bools:
		return "*bool"
	case Wide:
		return "*float64"
	case Scalar:
		return e.GoType()
	case List:
		return "*int"
	}
	return "int"
}

// Size is the parameter's size in bytes.
func (p FuncParam) Size(e Elem) int64 {
	if p.Kind == Scalar {
		return e.Size()
	}
	return 8
}

// Offsets returns each parameter's offset from FP under Go's ABI0 and the size of all.
func (f *Func) Offsets() (map[string]int64, int64) {
	offsets := map[string]int64{}
	var at int64
	for _, p := range f.Params {
		n := p.Size(f.Elem)
		at = (at + n - 1) / n * n
		offsets[p.Name] = at
		at += n
	}
	return offsets, at
}

// Signature is the Go signature of the assembly function, without its name.
func (f *Func) Signature() string {
	s := "("
	for i, p := range f.Params {
		if i > 0 {
			s += ", "
		}
		s += p.Name
		if i+1 == len(f.Params) || f.Params[i+1].GoType(f.Elem) != p.GoType(f.Elem) {
			s += " " + p.GoType(f.Elem)
		}
	}
	return s + ")"
}

func (f *Func) param(name string, scalar bool) {
	for _, p := range f.Params {
		if p.Name == name && (p.Kind == Scalar) == scalar {
			return
		}
	}
	panic(fmt.Sprintf("%s: no such parameter: %s", f.Name, name))
}
