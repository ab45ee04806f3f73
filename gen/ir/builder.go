package ir

import (
	"fmt"
	"math"
)

// Builder appends the operations of one kernel.
type Builder struct {
	F *Func
}

// Build runs a kernel's text for one element type and vector size in bytes.
func Build(name string, e Elem, vecSize int64, params []FuncParam, text func(*Builder)) *Func {
	f := &Func{Name: name, Elem: e, Params: params, VecSize: vecSize}
	b := &Builder{F: f}
	text(b)
	f.Ops = append(f.Ops, Op{Code: Ret})
	return f
}

// Elem is the element type for which the text is being built.
func (b *Builder) Elem() Elem { return b.F.Elem }

// Size is the element's size in bytes.
func (b *Builder) Size() int64 { return b.F.Elem.Size() }

// SizeShift is the shift that turns a number of elements into bytes.
func (b *Builder) SizeShift() int64 {
	if b.F.Elem == F32 {
		return 2
	}
	return 3
}

// Lanes is the number of elements in a vector.
func (b *Builder) Lanes() int64 { return b.F.VecSize / b.F.Elem.Size() }

// VecSize is the number of bytes in a vector.
func (b *Builder) VecSize() int64 { return b.F.VecSize }

func (b *Builder) fresh(c Class) Val {
	v := Val{len(b.F.Vals), c}
	b.F.Vals = append(b.F.Vals, c)
	return v
}

func (b *Builder) emit(op Op) { b.F.Ops = append(b.F.Ops, op) }

func (b *Builder) def(c Class, op Op) Val {
	op.Dst = b.fresh(c)
	b.emit(op)
	return op.Dst
}

// lanewise appends an operation whose result is uniform when all arguments are.
func (b *Builder) lanewise(code Code, imm int64, args ...Val) Val {
	class := Uniform
	for _, a := range args {
		switch a.Class {
		case Vec:
			class = Vec
		case Uniform:
		default:
			panic(fmt.Sprintf("%s: %v of a value that is no vector", b.F.Name, code))
		}
	}
	return b.def(class, Op{Code: code, Args: args, Imm: imm, Elem: b.F.Elem})
}

// Comment leaves a line of explanation in the generated assembly.
func (b *Builder) Comment(format string, args ...any) {
	b.emit(Op{Code: Comment, Text: fmt.Sprintf(format, args...)})
}

// Param is an integer or pointer argument.
func (b *Builder) Param(name string) Val {
	b.F.param(name, false)
	return b.def(Int, Op{Code: Param, Text: name})
}

// ParamUni is a scalar argument in all lanes.
func (b *Builder) ParamUni(name string) Val {
	b.F.param(name, true)
	return b.def(Uniform, Op{Code: ParamUni, Text: name, Elem: b.F.Elem})
}

// Load is the vector at p + disp bytes.
func (b *Builder) Load(p Val, disp int64) Val {
	return b.def(Vec, Op{Code: Load, Args: []Val{p}, Imm: disp, Elem: b.F.Elem})
}

// Store writes the vector v to p + disp bytes.
func (b *Builder) Store(p Val, disp int64, v Val) {
	b.emit(Op{Code: Store, Args: []Val{p, v}, Imm: disp, Elem: b.F.Elem})
}

// LoadS is the vector whose lanes lie in groups of one or two, the groups stride bytes apart, from p on.
func (b *Builder) LoadS(p, stride Val, group int64) Val {
	return b.def(Vec, Op{Code: LoadS, Args: []Val{p, stride}, Imm: group, Elem: b.F.Elem})
}

// StoreS writes the lanes of v in groups of one or two, the groups stride bytes apart, from p on.
func (b *Builder) StoreS(p, v, stride Val, group int64) {
	b.emit(Op{Code: StoreS, Args: []Val{p, v, stride}, Imm: group, Elem: b.F.Elem})
}

// Tail stands for the first N lanes of a vector, 0 < N < Lanes.
type Tail struct{ Mask, N Val }

// Tail prepares the mask for the first n lanes.
func (b *Builder) Tail(n Val) Tail {
	return Tail{b.def(Vec, Op{Code: TailMask, Args: []Val{n}, Elem: b.F.Elem}), n}
}

// LoadM reads the tail's lanes at p + disp bytes and touches no other memory; the other lanes are +0.
func (b *Builder) LoadM(p Val, disp int64, t Tail) Val {
	return b.def(Vec, Op{Code: LoadM, Args: []Val{p, t.Mask, t.N}, Imm: disp, Elem: b.F.Elem})
}

// StoreM writes the tail's lanes of v and touches no other memory.
func (b *Builder) StoreM(p Val, disp int64, v Val, t Tail) {
	b.emit(Op{Code: StoreM, Args: []Val{p, v, t.Mask, t.N}, Imm: disp, Elem: b.F.Elem})
}

// LoadU is the element at p + disp bytes in all lanes.
func (b *Builder) LoadU(p Val, disp int64) Val {
	return b.def(Uniform, Op{Code: LoadU, Args: []Val{p}, Imm: disp, Elem: b.F.Elem})
}

// Element is the element i, in all lanes, of n consecutive ones from p + disp bytes on, which are asked for in order from
// 0 on. NEON reads all of them with the first, and as factors of FMA they cost it no instruction of their own.
func (b *Builder) Element(p Val, disp int64, i, n int) Val {
	return b.def(Uniform, Op{Code: LoadE, Args: []Val{p}, Imm: disp, Cmp: int64(i), Bits: uint64(n), Elem: b.F.Elem})
}

// LoadSame is the vector at p + disp bytes, whose elements are equal: with instructions that take a vector from memory
// as an argument, it costs no register and no operation of its own.
func (b *Builder) LoadSame(p Val, disp int64) Val {
	return b.def(Uniform, Op{Code: LoadSame, Args: []Val{p}, Imm: disp, Elem: b.F.Elem})
}

// StoreU writes lane 0 of v as one element.
func (b *Builder) StoreU(p Val, disp int64, v Val) {
	b.emit(Op{Code: StoreU, Args: []Val{p, v}, Imm: disp, Elem: b.F.Elem})
}

// StoreSums writes the Sums of four vectors as four consecutive elements; together they cost half of what four cost.
func (b *Builder) StoreSums(p Val, disp int64, v [4]Val) {
	b.emit(Op{Code: StoreSum, Args: []Val{p, v[0], v[1], v[2], v[3]}, Imm: disp, Elem: b.F.Elem})
}

// PrefetchNear asks for the cache line at p + disp bytes in the first cache. The address may lie anywhere.
func (b *Builder) PrefetchNear(p Val, disp int64) {
	b.emit(Op{Code: PrefetchNear, Args: []Val{p}, Imm: disp})
}

// Const is the number x, rounded to the element type, in all lanes. It lives in memory and costs no register.
func (b *Builder) Const(x float64) Val {
	if b.F.Elem == F32 {
		return b.Bits(uint64(math.Float32bits(float32(x))))
	}
	return b.Bits(math.Float64bits(x))
}

// Bits is a bit pattern of the element's width in all lanes.
func (b *Builder) Bits(x uint64) Val {
	if b.F.Elem == F32 && x>>32 != 0 {
		panic(fmt.Sprintf("%s: constant %#x does not fit", b.F.Name, x))
	}
	for i := range b.F.Ops { // one value a pattern: lowerings keep a table
		if op := &b.F.Ops[i]; op.Code == Const && op.Bits == x && op.Elem == b.F.Elem {
			return op.Dst
		}
	}
	op := Op{Code: Const, Bits: x, Elem: b.F.Elem, Dst: b.fresh(Uniform)}
	b.F.Ops = append([]Op{op}, b.F.Ops...) // at the entry, so that it reaches every use
	return op.Dst
}

// Keep holds a constant in a register.
func (b *Builder) Keep(v Val) Val { return b.lanewise(Copy, 0, v) }

// Var is a new vector variable that starts as a copy of v, for use with Set.
func (b *Builder) Var(v Val) Val {
	return b.def(Vec, Op{Code: Copy, Args: []Val{v}, Elem: b.F.Elem})
}

// Set assigns v to the variable dst.
func (b *Builder) Set(dst, v Val) {
	if dst.Class == Int || v.Class == Int || dst.Class == Uniform && v.Class == Vec {
		panic(b.F.Name + ": Set of values that do not match")
	}
	if dst == v {
		return
	}
	// A value that was computed just now and has no other name is computed into dst directly.
	if last := &b.F.Ops[len(b.F.Ops)-1]; last.Dst == v && v.Class == dst.Class && last.Code != Const {
		last.Dst = dst
		return
	}
	b.emit(Op{Code: Copy, Dst: dst, Args: []Val{v}, Elem: b.F.Elem})
}

func (b *Builder) Add(x, y Val) Val     { return b.lanewise(Add, 0, x, y) }
func (b *Builder) Sub(x, y Val) Val     { return b.lanewise(Sub, 0, x, y) }
func (b *Builder) Mul(x, y Val) Val     { return b.lanewise(Mul, 0, x, y) }
func (b *Builder) Div(x, y Val) Val     { return b.lanewise(Div, 0, x, y) }
func (b *Builder) Sqrt(x Val) Val       { return b.lanewise(Sqrt, 0, x) }
func (b *Builder) FMA(x, y, z Val) Val  { return b.lanewise(FMA, 0, x, y, z) }
func (b *Builder) FNMA(x, y, z Val) Val { return b.lanewise(FNMA, 0, x, y, z) }
func (b *Builder) Min(x, y Val) Val     { return b.lanewise(Min, 0, x, y) }
func (b *Builder) Max(x, y Val) Val     { return b.lanewise(Max, 0, x, y) }
func (b *Builder) Maximum(x, y Val) Val { return b.lanewise(Maximum, 0, x, y) }
func (b *Builder) And(x, y Val) Val     { return b.lanewise(And, 0, x, y) }
func (b *Builder) AndNot(x, y Val) Val  { return b.lanewise(AndNot, 0, x, y) }
func (b *Builder) Or(x, y Val) Val      { return b.lanewise(Or, 0, x, y) }
func (b *Builder) Xor(x, y Val) Val     { return b.lanewise(Xor, 0, x, y) }
func (b *Builder) IAdd(x, y Val) Val    { return b.lanewise(IAdd, 0, x, y) }
func (b *Builder) ISub(x, y Val) Val    { return b.lanewise(ISub, 0, x, y) }
func (b *Builder) CmpLT(x, y Val) Val   { return b.lanewise(CmpLT, 0, x, y) }
func (b *Builder) CmpLE(x, y Val) Val   { return b.lanewise(CmpLE, 0, x, y) }
func (b *Builder) CmpEQ(x, y Val) Val   { return b.lanewise(CmpEQ, 0, x, y) }
func (b *Builder) CmpUN(x, y Val) Val   { return b.lanewise(CmpUN, 0, x, y) }
func (b *Builder) ICmpEQ(x, y Val) Val  { return b.lanewise(ICmpEQ, 0, x, y) }
func (b *Builder) ICmpGT(x, y Val) Val  { return b.lanewise(ICmpGT, 0, x, y) }

// IShl shifts integer lanes left by n bits.
func (b *Builder) IShl(x Val, n int64) Val { return b.lanewise(IShl, n, x) }

// IShr shifts integer lanes right by n bits, filling with zeros.
func (b *Builder) IShr(x Val, n int64) Val { return b.lanewise(IShr, n, x) }

// IFloat is the integer lanes of x as float32.
func (b *Builder) IFloat(x Val) Val {
	b.only32(IFloat)
	return b.lanewise(IFloat, 0, x)
}

// Lookup is, in each lane, the element of the table of eight float32 at p + disp bytes that the low three bits of the
// integer lane i number.
func (b *Builder) Lookup(p Val, disp int64, i Val) Val {
	b.only32(Lookup)
	return b.def(i.Class, Op{Code: Lookup, Args: []Val{p, i}, Imm: disp, Elem: F32})
}

func (b *Builder) only32(code Code) {
	if b.F.Elem != F32 {
		panic(fmt.Sprintf("%s: %v of %v", b.F.Name, code, b.F.Elem))
	}
}

// Select is x where the mask's lane is all ones, else y.
func (b *Builder) Select(mask, x, y Val) Val { return b.lanewise(Select, 0, mask, x, y) }

// Abs clears the sign.
func (b *Builder) Abs(x Val) Val { return b.And(x, b.AbsMask()) }

// Neg flips the sign.
func (b *Builder) Neg(x Val) Val { return b.Xor(x, b.Sign()) }

// Sign is the sign bit in all lanes, the number -0.
func (b *Builder) Sign() Val { return b.Const(math.Copysign(0, -1)) }

// AbsMask is all ones but the sign bit. A loop bound by loads does better with Keep of it than with Abs.
func (b *Builder) AbsMask() Val {
	if b.F.Elem == F32 {
		return b.Bits(math.MaxInt32)
	}
	return b.Bits(math.MaxInt64)
}

// Bounds is a pair of uniform bounds with what Clip needs beside them.
type Bounds struct{ Low, High, Keep, Set Val }

// Bounds prepares clipping. x86's maximum and minimum return their second operand, the element, when both are zeros. So
// a -0 would survive a lower bound of +0, and a +0 an upper bound of -0. But nothing above a bound of +0 has the sign bit
// set, and everything below one of -0 has: an And with Keep and an Or with Set mend it and do nothing for other bounds.
func (b *Builder) Bounds(low, high Val) Bounds {
	keep := b.Or(b.AbsMask(), b.AndNot(b.ICmpEQ(low, b.Bits(0)), b.Sign()))
	return Bounds{low, high, b.Keep(keep), b.Keep(b.And(b.ICmpEQ(high, b.Sign()), b.Sign()))}
}

// Clip is IEEE 754-2019 minimum(maximum(x, low), high).
func (b *Builder) Clip(x Val, to Bounds) Val {
	return b.lanewise(Clip, 0, x, to.Low, to.High, to.Keep, to.Set)
}

// Sum adds the lanes of x, halving: l += l + n/2, l += l + n/4, ... Lane 0 of the result is the sum.
func (b *Builder) Sum(x Val) Val {
	return b.def(Uniform, Op{Code: Sum, Args: []Val{x}, Elem: b.F.Elem})
}

// Any is an integer that is not 0 where a lane of the mask x is set, and 0 where none is.
func (b *Builder) Any(x Val) Val { return b.def(Int, Op{Code: Any, Args: []Val{x}, Elem: b.F.Elem}) }

// MaxLanes is the Maximum over the lanes of x, in lane 0.
func (b *Builder) MaxLanes(x Val) Val {
	return b.def(Uniform, Op{Code: MaxLanes, Args: []Val{x}, Elem: b.F.Elem})
}

// Zip is the lanes of x and y in turn, x0 y0 x1 y1 ...: the first half of them and the second.
func (b *Builder) Zip(x, y Val) (lo, hi Val) { return b.cross(ZipLo, x, y), b.cross(ZipHi, x, y) }

// Unzip undoes Zip.
func (b *Builder) Unzip(lo, hi Val) (x, y Val) { return b.cross(Even, lo, hi), b.cross(Odd, lo, hi) }

func (b *Builder) cross(code Code, x, y Val) Val {
	return b.def(Vec, Op{Code: code, Args: []Val{x, y}, Elem: b.F.Elem})
}

// Widen converts a float32 vector to two float64 vectors.
func (b *Builder) Widen(x Val) (lo, hi Val) {
	lo = b.def(Vec, Op{Code: WidenLo, Args: []Val{x}, Elem: F32})
	hi = b.def(Vec, Op{Code: WidenHi, Args: []Val{x}, Elem: F32})
	return lo, hi
}

// Narrow rounds two float64 vectors to one float32 vector.
func (b *Builder) Narrow(lo, hi Val) Val {
	return b.def(Vec, Op{Code: Narrow, Args: []Val{lo, hi}, Elem: F32})
}

// As64 runs fn with float64 as the element type of the operations.
func (b *Builder) As64(fn func()) {
	old := b.F.Elem
	b.F.Elem = F64
	fn()
	b.F.Elem = old
}

// Bytes is all ones in the lanes whose byte of the integer x (lowest first) is not zero.
func (b *Builder) Bytes(x Val) Val {
	return b.def(Vec, Op{Code: Bytes, Args: []Val{x}, Elem: b.F.Elem})
}

// LoadBytes reads one byte a lane into an integer.
func (b *Builder) LoadBytes(p Val, disp int64) Val {
	code := LoadI32
	switch b.Lanes() {
	case 4:
	case 8:
		code = LoadI64
	default:
		panic("LoadBytes: no load of that many bytes")
	}
	return b.def(Int, Op{Code: code, Args: []Val{p}, Imm: disp})
}

// LoadInt reads an int of a List.
func (b *Builder) LoadInt(p Val, disp int64) Val {
	return b.def(Int, Op{Code: LoadI64, Args: []Val{p}, Imm: disp})
}

// LoadByte reads one byte.
func (b *Builder) LoadByte(p Val, disp int64) Val {
	return b.def(Int, Op{Code: LoadByte, Args: []Val{p}, Imm: disp})
}

// Prefetch asks for the cache line at p + disp bytes in the second cache. The address need not be one of the kernel's.
func (b *Builder) Prefetch(p Val, disp int64) {
	b.emit(Op{Code: Prefetch, Args: []Val{p}, Imm: disp})
}

// IConst is an integer variable that starts at n.
func (b *Builder) IConst(n int64) Val { return b.def(Int, Op{Code: IConst, Imm: n}) }

// ICopy is an integer variable that starts at x.
func (b *Builder) ICopy(x Val) Val { return b.def(Int, Op{Code: ICopy, Args: []Val{x}}) }

// IMul is x * y.
func (b *Builder) IMul(x, y Val) Val { return b.def(Int, Op{Code: IMulR, Args: []Val{x, y}}) }

// IPlus is x + y.
func (b *Builder) IPlus(x, y Val) Val { return b.def(Int, Op{Code: IAddR, Args: []Val{x, y}}) }

// IShift is x << n.
func (b *Builder) IShift(x Val, n int64) Val {
	return b.def(Int, Op{Code: IShlR, Args: []Val{x}, Imm: n})
}

// IShiftDown is x >> n, rounded towards minus infinity.
func (b *Builder) IShiftDown(x Val, n int64) Val {
	return b.def(Int, Op{Code: IShrR, Args: []Val{x}, Imm: n})
}

// AddTo adds n to the integer variable x.
func (b *Builder) AddTo(x Val, n int64) {
	b.emit(Op{Code: IAddI, Dst: x, Args: []Val{x}, Imm: n})
}

// AddRTo adds y to the integer variable x.
func (b *Builder) AddRTo(x, y Val) { b.emit(Op{Code: IAddR, Dst: x, Args: []Val{x, y}}) }

// SubRTo subtracts y from the integer variable x.
func (b *Builder) SubRTo(x, y Val) { b.emit(Op{Code: ISubR, Dst: x, Args: []Val{x, y}}) }

// ShlTo shifts the integer variable x left.
func (b *Builder) ShlTo(x Val, n int64) {
	b.emit(Op{Code: IShlR, Dst: x, Args: []Val{x}, Imm: n})
}

// OrTo ors y into the integer variable x.
func (b *Builder) OrTo(x, y Val) { b.emit(Op{Code: IOrR, Dst: x, Args: []Val{x, y}}) }

// SetI assigns y to the integer variable x.
func (b *Builder) SetI(x, y Val) { b.emit(Op{Code: ICopy, Dst: x, Args: []Val{y}}) }

// Marks that Nop operations leave for Func.Staged.
const (
	lineMark = 1 + iota
	stageMark
	endMark
)

// InStages builds straight lines of operations that do not depend on each other and which Stage divides. A lowering may
// take them in turn, or by Func.Staged the first stage of every line, then the second of every line, and so on.
func (b *Builder) InStages(lines ...func()) {
	for _, line := range lines {
		b.emit(Op{Code: Nop, Imm: lineMark})
		line()
	}
	b.emit(Op{Code: Nop, Imm: endMark})
}

// Stage begins the next stage of a line of InStages, and does nothing elsewhere.
func (b *Builder) Stage() { b.emit(Op{Code: Nop, Imm: stageMark}) }

// Again is the vector x, loaded once more if it was loaded, so that no register holds it meanwhile. Nothing may have
// changed its address or the memory there.
func (b *Builder) Again(x Val) Val {
	for i := len(b.F.Ops) - 1; i >= 0; i-- {
		op := b.F.Ops[i]
		if op.Dst != x {
			continue
		}
		switch op.Code {
		case Load, LoadM, LoadU:
			return b.def(x.Class, op)
		}
		break
	}
	return x
}

func (b *Builder) label() int64 {
	b.F.labels++
	return b.F.labels
}

func (b *Builder) place(label int64) { b.emit(Op{Code: Label, Imm: label}) }

// While repeats body while count >= step, subtracting step after each round.
func (b *Builder) While(count Val, step int64, body func()) {
	top, end := b.label(), b.label()
	b.emit(Op{Code: JumpLT, Args: []Val{count}, Cmp: step, Imm: end})
	b.place(top)
	body()
	b.AddTo(count, -step)
	b.emit(Op{Code: JumpGE, Args: []Val{count}, Cmp: step, Imm: top})
	b.place(end)
}

// Rows repeats body for the integer variable i = 0, 1, ... below the parameter n, which is read anew in each round.
func (b *Builder) Rows(n string, body func(i Val)) {
	i := b.IConst(0)
	top, end := b.label(), b.label()
	b.emit(Op{Code: JumpGR, Args: []Val{i, b.Param(n)}, Imm: end})
	b.place(top)
	body(i)
	b.AddTo(i, 1)
	b.emit(Op{Code: JumpLR, Args: []Val{i, b.Param(n)}, Imm: top})
	b.place(end)
}

// If runs body when x >= n.
func (b *Builder) If(x Val, n int64, body func()) {
	end := b.label()
	b.emit(Op{Code: JumpLT, Args: []Val{x}, Cmp: n, Imm: end})
	body()
	b.place(end)
}

// IfBelow runs body when x < n.
func (b *Builder) IfBelow(x Val, n int64, body func()) {
	end := b.label()
	b.emit(Op{Code: JumpGE, Args: []Val{x}, Cmp: n, Imm: end})
	body()
	b.place(end)
}

// IfBits runs body when x has any of the bits set.
func (b *Builder) IfBits(x Val, bits int64, body func()) {
	end := b.label()
	b.emit(Op{Code: JumpZ, Args: []Val{x}, Cmp: bits, Imm: end})
	body()
	b.place(end)
}

// IfAtLeast runs then when x >= n, else otherwise.
func (b *Builder) IfAtLeast(x Val, n int64, then, otherwise func()) {
	other, end := b.label(), b.label()
	b.emit(Op{Code: JumpLT, Args: []Val{x}, Cmp: n, Imm: other})
	then()
	b.emit(Op{Code: Jump, Imm: end})
	b.place(other)
	otherwise()
	b.place(end)
}

// IfElse runs then when x has any of the bits set, else otherwise.
func (b *Builder) IfElse(x Val, bits int64, then, otherwise func()) {
	other, end := b.label(), b.label()
	b.emit(Op{Code: JumpZ, Args: []Val{x}, Cmp: bits, Imm: other})
	then()
	b.emit(Op{Code: Jump, Imm: end})
	b.place(other)
	otherwise()
	b.place(end)
}
