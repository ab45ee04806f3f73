package amd64

import (
	"fmt"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/hebbkern/hebbkern/gen/ir"
	"github.com/hebbkern/hebbkern/gen/mach"
)

// lowering is the state of one function's instruction selection.
type lowering struct {
	ctx      *build.Context
	f        *ir.Func
	flow     ir.Flow
	code     mach.Code
	regs     []mach.Reg // of each value; constants and folded loads have none
	has      []bool
	consts   map[pattern]operand.Mem
	constant map[int]pattern // values that are constants
	folded   map[int]ir.Op   // loads that their one user takes as a memory operand
	heads    map[int64]bool  // labels at the top of loops
	phys     func(mach.Reg) int
}

func lower(ctx *build.Context, f *ir.Func, consts map[pattern]operand.Mem) {
	f = f.Staged()
	l := &lowering{
		ctx: ctx, f: f, flow: ir.Analyse(f), code: mach.Code{Name: f.Name}, consts: consts,
		regs: make([]mach.Reg, len(f.Vals)), has: make([]bool, len(f.Vals)),
		constant: map[int]pattern{}, folded: map[int]ir.Op{},
	}
	l.heads = loopHeads(f)
	for i := range f.Ops {
		l.op(i)
	}
	phys := l.code.Allocate(map[mach.Kind][]int{mach.GP: pool(len(general)), mach.FP: pool(len(ymm))})
	l.phys = func(r mach.Reg) int { return phys[r] }
	for _, in := range l.code.Insts {
		if in.Move && phys[in.Defs[0]] == phys[in.Uses[0]] {
			continue
		}
		if in.Emit != nil {
			in.Emit(l.phys)
		}
	}
}

// loopHeads are the labels that are jumped to from behind. Loops begin at half a cache line, so that how fast they run does
// not hang on what stands before them: a sum of squares was seen to lose a tenth.
func loopHeads(f *ir.Func) map[int64]bool {
	placed, heads := map[int64]bool{}, map[int64]bool{}
	for _, op := range f.Ops {
		switch op.Code {
		case ir.Label:
			placed[op.Imm] = true
		case ir.Jump, ir.JumpLT, ir.JumpGE, ir.JumpLR, ir.JumpGR, ir.JumpZ:
			if placed[op.Imm] {
				heads[op.Imm] = true
			}
		}
	}
	return heads
}

// src is a source operand: a register, or memory when mem is set.
type src struct {
	reg mach.Reg
	mem func() operand.Op // the address, once registers are known
	use []mach.Reg        // registers that the operand reads
}

func (s src) inMemory() bool { return s.mem != nil }

func (l *lowering) y(r mach.Reg) reg.VecPhysical { return ymm[l.phys(r)] }
func (l *lowering) x(r mach.Reg) reg.Register    { return ymm[l.phys(r)].AsX() }
func (l *lowering) g(r mach.Reg) reg.GPPhysical  { return general[l.phys(r)] }

// operand is what the instruction gets for s.
func (l *lowering) operand(s src) operand.Op {
	if s.inMemory() {
		return s.mem()
	}
	return l.y(s.reg)
}

func (l *lowering) inst(defs, uses []mach.Reg, emit func()) {
	l.code.Insts = append(l.code.Insts, mach.Inst{Defs: defs, Uses: uses, Emit: func(func(mach.Reg) int) { emit() }})
}

func (l *lowering) temp() mach.Reg { return l.code.Reg(mach.FP) }

// dst is the register of a value that an operation defines.
func (l *lowering) dst(v ir.Val) mach.Reg {
	if !l.has[v.ID] {
		kind := mach.FP
		if v.Class == ir.Int {
			kind = mach.GP
		}
		l.regs[v.ID], l.has[v.ID] = l.code.Reg(kind), true
	}
	return l.regs[v.ID]
}

// source is a value as an operand that may stay in memory.
func (l *lowering) source(v ir.Val) src {
	if p, ok := l.constant[v.ID]; ok {
		mem := l.consts[p]
		return src{mem: func() operand.Op { return mem }}
	}
	if op, ok := l.folded[v.ID]; ok {
		base := l.in(op.Args[0])
		return src{mem: func() operand.Op { return operand.Mem{Base: l.g(base), Disp: int(op.Imm)} }, use: []mach.Reg{base}}
	}
	r := l.in(v)
	return src{reg: r, use: []mach.Reg{r}}
}

// in is a value in a register.
func (l *lowering) in(v ir.Val) mach.Reg {
	_, isConst := l.constant[v.ID]
	_, isLoad := l.folded[v.ID]
	if !isConst && !isLoad {
		if !l.has[v.ID] {
			panic(fmt.Sprintf("%s: value %d has no register", l.f.Name, v.ID))
		}
		return l.regs[v.ID]
	}
	t := l.temp()
	l.load(t, l.source(v))
	return t
}

func (l *lowering) load(t mach.Reg, s src) {
	l.inst([]mach.Reg{t}, s.use, func() { l.ctx.VMOVUPS(l.operand(s), l.y(t)) })
}

func (l *lowering) move(to, from mach.Reg) {
	if to == from {
		return
	}
	l.code.Insts = append(l.code.Insts, mach.Inst{Defs: []mach.Reg{to}, Uses: []mach.Reg{from}, Move: true,
		Emit: func(func(mach.Reg) int) { l.ctx.VMOVAPS(l.y(from), l.y(to)) }})
}

func join(defs []mach.Reg, more ...[]mach.Reg) []mach.Reg {
	out := append([]mach.Reg(nil), defs...)
	for _, m := range more {
		out = append(out, m...)
	}
	return out
}

// two appends a three-operand instruction d = a op b, where b may be in memory: fn gets b, a, d in Go's order.
func (l *lowering) two(d mach.Reg, a mach.Reg, b src, fn func(b, a, d operand.Op)) {
	l.inst([]mach.Reg{d}, join([]mach.Reg{a}, b.use), func() { fn(l.operand(b), l.y(a), l.y(d)) })
}

// pick chooses the float32 or the float64 form of an instruction.
func pick[F any](e ir.Elem, f32, f64 F) F {
	if e == ir.F32 {
		return f32
	}
	return f64
}

func (l *lowering) binary(e ir.Elem, code ir.Code) (fn func(b, a, d operand.Op), commutes bool) {
	c := l.ctx
	wrap := func(f func(...operand.Op)) func(b, a, d operand.Op) {
		return func(b, a, d operand.Op) { f(b, a, d) }
	}
	compare := func(imm uint64) func(b, a, d operand.Op) {
		return func(b, a, d operand.Op) {
			if e == ir.F32 {
				c.VCMPPS(operand.U8(imm), b, a, d)
			} else {
				c.VCMPPD(operand.U8(imm), b, a, d)
			}
		}
	}
	switch code {
	case ir.Add:
		return wrap(pick(e, c.VADDPS, c.VADDPD)), true
	case ir.Sub:
		return wrap(pick(e, c.VSUBPS, c.VSUBPD)), false
	case ir.Mul:
		return wrap(pick(e, c.VMULPS, c.VMULPD)), true
	case ir.Div:
		return wrap(pick(e, c.VDIVPS, c.VDIVPD)), false
	case ir.Min: // x86 returns the second operand when it is a NaN, or both are, or both are zeros
		return wrap(pick(e, c.VMINPS, c.VMINPD)), false
	case ir.Max:
		return wrap(pick(e, c.VMAXPS, c.VMAXPD)), false
	case ir.And:
		return wrap(pick(e, c.VANDPS, c.VANDPD)), true
	case ir.AndNot:
		return wrap(pick(e, c.VANDNPS, c.VANDNPD)), false
	case ir.Or:
		return wrap(pick(e, c.VORPS, c.VORPD)), true
	case ir.Xor:
		return wrap(pick(e, c.VXORPS, c.VXORPD)), true
	case ir.IAdd:
		return wrap(pick(e, c.VPADDD, c.VPADDQ)), true
	case ir.ISub:
		return wrap(pick(e, c.VPSUBD, c.VPSUBQ)), false
	case ir.ICmpEQ:
		return pick(e, func(b, a, d operand.Op) { c.VPCMPEQD(b, a, d) }, func(b, a, d operand.Op) { c.VPCMPEQQ(b, a, d) }), true
	case ir.ICmpGT:
		return pick(e, func(b, a, d operand.Op) { c.VPCMPGTD(b, a, d) }, func(b, a, d operand.Op) { c.VPCMPGTQ(b, a, d) }), false
	case ir.CmpLT:
		return compare(0x11), false
	case ir.CmpLE:
		return compare(0x12), false
	case ir.CmpEQ:
		return compare(0), true
	case ir.CmpUN:
		return compare(3), true
	}
	return nil, false
}

// fma lowers d = a*b + c or c - a*b. The instruction overwrites one source: the accumulator itself if it is one,
// else a source that dies here, else a copy.
func (l *lowering) fma(i int, op ir.Op) {
	a, b, c := l.source(op.Args[0]), l.source(op.Args[1]), l.source(op.Args[2])
	inMemory := 0
	for k, s := range []*src{&a, &b, &c} {
		if s.inMemory() {
			if inMemory++; inMemory > 1 {
				r := l.in(op.Args[k])
				*s = src{reg: r, use: []mach.Reg{r}}
			}
		}
	}
	d := l.dst(op.Dst)
	dies := func(k int, s src) bool {
		return !s.inMemory() && (!l.has[op.Args[k].ID] || !l.flow.LiveOut[i].Has(op.Args[k].ID))
	}
	which := -1
	for k, s := range []src{c, a, b} {
		if !s.inMemory() && s.reg == d {
			which = k
			break
		}
	}
	order := []int{2, 0, 1} // argument numbers of c, a, b
	if which < 0 {
		for k, s := range []src{c, a, b} {
			if dies(order[k], s) {
				which = k
				break
			}
		}
	}
	if which < 0 {
		for k, s := range []src{c, a, b} {
			if !s.inMemory() {
				which = k
				break
			}
		}
	}
	// d may be another source too (x*x + y into x): then the copy must not destroy it.
	target := d
	overwritten := []src{c, a, b}[which]
	if overwritten.reg != d {
		for k, s := range []src{c, a, b} {
			if k != which && !s.inMemory() && s.reg == d {
				target = l.temp()
			}
		}
	}
	l.move(target, overwritten.reg)
	x := l.ctx
	f231, f213 := pick(op.Elem, x.VFMADD231PS, x.VFMADD231PD), pick(op.Elem, x.VFMADD213PS, x.VFMADD213PD)
	f132 := pick(op.Elem, x.VFMADD132PS, x.VFMADD132PD)
	if op.Code == ir.FNMA {
		f231, f213 = pick(op.Elem, x.VFNMADD231PS, x.VFNMADD231PD), pick(op.Elem, x.VFNMADD213PS, x.VFNMADD213PD)
		f132 = pick(op.Elem, x.VFNMADD132PS, x.VFNMADD132PD)
	}
	emit := func(fn func(...operand.Op), third, second src) {
		// A source that is the overwritten register itself is read as the target.
		regs := join([]mach.Reg{target}, third.use, second.use)
		l.inst([]mach.Reg{target}, regs, func() { fn(l.operand(third), l.operand(second), l.y(target)) })
	}
	alias := func(s src) src {
		if !s.inMemory() && s.reg == overwritten.reg && target != overwritten.reg {
			return src{reg: target, use: []mach.Reg{target}}
		}
		return s
	}
	switch which {
	case 0: // c + a*b into c
		if a.inMemory() {
			a, b = b, a
		}
		emit(f231, alias(b), alias(a))
	default: // the product's factor is overwritten
		other := b
		if which == 2 {
			other = a
		}
		if other.inMemory() {
			emit(f132, other, alias(c))
		} else {
			emit(f213, alias(c), alias(other))
		}
	}
	l.move(d, target)
}

func (l *lowering) op(i int) {
	op := l.f.Ops[i]
	if l.control(op) || l.integer(op) || l.memory(i, op) || l.lanes(op) {
		return
	}
	switch op.Code {
	case ir.FMA, ir.FNMA:
		l.fma(i, op)
	case ir.Sqrt:
		s, d := l.source(op.Args[0]), l.dst(op.Dst)
		fn := pick(op.Elem, l.ctx.VSQRTPS, l.ctx.VSQRTPD)
		l.inst([]mach.Reg{d}, s.use, func() { fn(l.operand(s), l.y(d)) })
	case ir.IFloat:
		s, d := l.source(op.Args[0]), l.dst(op.Dst)
		l.inst([]mach.Reg{d}, s.use, func() { l.ctx.VCVTDQ2PS(l.operand(s), l.y(d)) })
	case ir.Copy:
		if p, ok := l.constant[op.Args[0].ID]; ok && p.bits == 0 {
			d := l.dst(op.Dst)
			l.inst([]mach.Reg{d}, nil, func() { l.ctx.VXORPS(l.y(d), l.y(d), l.y(d)) })
		} else if s := l.source(op.Args[0]); s.inMemory() {
			l.load(l.dst(op.Dst), s)
		} else {
			l.move(l.dst(op.Dst), s.reg)
		}
	case ir.IShl, ir.IShr:
		a, d := l.in(op.Args[0]), l.dst(op.Dst)
		fn := pick(op.Elem, l.ctx.VPSLLD, l.ctx.VPSLLQ)
		if op.Code == ir.IShr {
			fn = pick(op.Elem, l.ctx.VPSRLD, l.ctx.VPSRLQ)
		}
		l.inst([]mach.Reg{d}, []mach.Reg{a}, func() { fn(operand.U8(op.Imm), l.y(a), l.y(d)) })
	case ir.Select:
		m, c := l.in(op.Args[0]), l.in(op.Args[2])
		b, d := l.source(op.Args[1]), l.dst(op.Dst)
		fn := pick(op.Elem, l.ctx.VBLENDVPS, l.ctx.VBLENDVPD)
		l.inst([]mach.Reg{d}, join([]mach.Reg{m, c}, b.use), func() { fn(l.y(m), l.operand(b), l.y(c), l.y(d)) })
	case ir.Maximum:
		l.maximum(op.Elem, l.dst(op.Dst), l.in(op.Args[0]), l.in(op.Args[1]))
	case ir.Clip:
		l.clip(op)
	default:
		fn, commutes := l.binary(op.Elem, op.Code)
		if fn == nil {
			panic(fmt.Sprintf("%s: %v cannot be lowered", l.f.Name, op.Code))
		}
		a, b := l.source(op.Args[0]), l.source(op.Args[1])
		first := op.Args[0]
		if commutes && a.inMemory() && !b.inMemory() {
			a, b, first = b, a, op.Args[1]
		}
		r := a.reg
		if a.inMemory() {
			r = l.in(first)
		}
		l.two(l.dst(op.Dst), r, b, fn)
	}
}

// inReg makes a source of a register.
func inReg(r mach.Reg) src { return src{reg: r, use: []mach.Reg{r}} }

// maximum is IEEE 754-2019 maximum: both orders of x86's maximum agree but for zeros, where And clears a sign that one
// of them lacks, and NaN, which the comparison puts back.
func (l *lowering) maximum(e ir.Elem, d, a, b mach.Reg) {
	max, _ := l.binary(e, ir.Max)
	and, _ := l.binary(e, ir.And)
	or, _ := l.binary(e, ir.Or)
	unordered, _ := l.binary(e, ir.CmpUN)
	t, u, n := l.temp(), l.temp(), l.temp()
	l.two(t, a, inReg(b), max)
	l.two(u, b, inReg(a), max)
	l.two(n, a, inReg(b), unordered)
	l.two(t, t, inReg(u), and)
	l.two(d, t, inReg(n), or)
}

// clip is IEEE 754-2019 minimum(maximum(x, low), high) for bounds that are no NaN. x86's maximum with x as the second
// operand, and the minimum likewise, keep a NaN and x's own zero, whose sign the And and the Or mend (ir.Builder.Bounds).
func (l *lowering) clip(op ir.Op) {
	e := op.Elem
	max, _ := l.binary(e, ir.Max)
	min, _ := l.binary(e, ir.Min)
	and, _ := l.binary(e, ir.And)
	or, _ := l.binary(e, ir.Or)
	low, high, keep, set := l.in(op.Args[1]), l.in(op.Args[2]), l.source(op.Args[3]), l.source(op.Args[4])
	d := l.dst(op.Dst)
	t := d // no register beside those of the bounds, unless the result takes the place of one
	for _, used := range join([]mach.Reg{high}, keep.use, set.use) {
		if used == d {
			t = l.temp()
		}
	}
	l.two(t, low, l.source(op.Args[0]), max)
	l.two(t, t, keep, and)
	l.two(t, high, inReg(t), min)
	l.two(d, t, set, or)
}
