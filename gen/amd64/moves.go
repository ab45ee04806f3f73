package amd64

import (
	"fmt"

	avo "github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"

	"github.com/hebbkern/hebbkern/gen/ir"
	"github.com/hebbkern/hebbkern/gen/mach"
)

func label(n int64) string { return fmt.Sprintf("l%d", n) }

func (l *lowering) control(op ir.Op) bool {
	c := l.ctx
	add := func(in mach.Inst, emit func()) {
		in.Emit = func(func(mach.Reg) int) { emit() }
		l.code.Insts = append(l.code.Insts, in)
	}
	jump := func(uses []mach.Reg, emit func(target operand.Op)) {
		add(mach.Inst{Uses: uses, Jump: op.Imm}, func() { emit(operand.LabelRef(label(op.Imm))) })
	}
	switch op.Code {
	case ir.Nop:
	case ir.Comment:
		add(mach.Inst{}, func() { c.Comment(op.Text) })
	case ir.Label:
		add(mach.Inst{Label: op.Imm}, func() {
			if l.heads[op.Imm] {
				c.Instruction(&avo.Instruction{Opcode: "PCALIGN", Operands: []operand.Op{operand.Imm(32)}})
			}
			c.Label(label(op.Imm))
		})
	case ir.Jump:
		add(mach.Inst{Jump: op.Imm, Stop: true}, func() { c.JMP(operand.LabelRef(label(op.Imm))) })
	case ir.JumpLT, ir.JumpGE:
		a := l.in(op.Args[0])
		jump([]mach.Reg{a}, func(to operand.Op) {
			c.CMPQ(l.g(a), immediate(op.Cmp))
			if op.Code == ir.JumpLT {
				c.JLT(to)
			} else {
				c.JGE(to)
			}
		})
	case ir.JumpLR, ir.JumpGR:
		a, b := l.in(op.Args[0]), l.in(op.Args[1])
		jump([]mach.Reg{a, b}, func(to operand.Op) {
			c.CMPQ(l.g(a), l.g(b))
			if op.Code == ir.JumpLR {
				c.JLT(to)
			} else {
				c.JGE(to)
			}
		})
	case ir.JumpZ:
		a := l.in(op.Args[0])
		jump([]mach.Reg{a}, func(to operand.Op) {
			if op.Cmp == -1 {
				c.TESTQ(l.g(a), l.g(a))
			} else {
				c.TESTQ(operand.U32(op.Cmp), l.g(a))
			}
			c.JEQ(to)
		})
	case ir.Ret:
		add(mach.Inst{Stop: true}, func() {
			c.VZEROUPPER()
			c.RET()
		})
	default:
		return false
	}
	return true
}

// immediate is n as the constant of a comparison, of one byte if it can be.
func immediate(n int64) operand.Op {
	if n < 128 {
		return operand.Imm(uint64(n))
	}
	return operand.I32(n)
}

func (l *lowering) argument(name string) operand.Mem {
	offsets, _ := l.f.Offsets()
	return operand.NewParamAddr(name, int(offsets[name]))
}

func (l *lowering) integer(op ir.Op) bool {
	c := l.ctx
	var a, b mach.Reg
	switch op.Code {
	case ir.Param, ir.IConst, ir.ICopy, ir.IAddI, ir.IAddR, ir.ISubR, ir.IMulR, ir.IShlR, ir.IShrR, ir.IOrR, ir.LoadI64, ir.LoadI32, ir.LoadByte:
	default:
		return false
	}
	if len(op.Args) > 0 {
		a = l.in(op.Args[0])
	}
	if len(op.Args) > 1 {
		b = l.in(op.Args[1])
	}
	d := l.dst(op.Dst)
	defs := []mach.Reg{d}
	// modify copies a to d and then lets fn change d.
	modify := func(more []mach.Reg, fn func()) {
		if d != a {
			for _, m := range more {
				if m == d {
					panic(l.f.Name + ": the second operand of an integer operation is overwritten")
				}
			}
			l.code.Insts = append(l.code.Insts, mach.Inst{Defs: defs, Uses: []mach.Reg{a}, Move: true,
				Emit: func(func(mach.Reg) int) { c.MOVQ(l.g(a), l.g(d)) }})
		}
		l.inst(defs, join(defs, more), fn)
	}
	at := func() operand.Op { return operand.Mem{Base: l.g(a), Disp: int(op.Imm)} }
	switch op.Code {
	case ir.Param:
		mem := l.argument(op.Text)
		l.inst(defs, nil, func() { c.MOVQ(mem, l.g(d)) })
	case ir.IConst:
		switch {
		case op.Imm == 0:
			l.inst(defs, nil, func() { c.XORL(l.g(d).As32(), l.g(d).As32()) })
		case int64(uint32(op.Imm)) == op.Imm:
			l.inst(defs, nil, func() { c.MOVQ(operand.U32(op.Imm), l.g(d)) })
		default:
			l.inst(defs, nil, func() { c.MOVQ(operand.U64(op.Imm), l.g(d)) })
		}
	case ir.ICopy:
		l.code.Insts = append(l.code.Insts, mach.Inst{Defs: defs, Uses: []mach.Reg{a}, Move: true,
			Emit: func(func(mach.Reg) int) { c.MOVQ(l.g(a), l.g(d)) }})
	case ir.IAddI:
		modify(nil, func() { c.ADDQ(operand.I32(op.Imm), l.g(d)) })
	case ir.IAddR:
		if d == a {
			modify([]mach.Reg{b}, func() { c.ADDQ(l.g(b), l.g(d)) })
		} else {
			l.inst(defs, []mach.Reg{a, b}, func() { c.LEAQ(operand.Mem{Base: l.g(a), Index: l.g(b), Scale: 1}, l.g(d)) })
		}
	case ir.ISubR:
		modify([]mach.Reg{b}, func() { c.SUBQ(l.g(b), l.g(d)) })
	case ir.IMulR:
		modify([]mach.Reg{b}, func() { c.IMULQ(l.g(b), l.g(d)) })
	case ir.IOrR:
		modify([]mach.Reg{b}, func() { c.ORQ(l.g(b), l.g(d)) })
	case ir.IShlR:
		modify(nil, func() { c.SHLQ(operand.U8(op.Imm), l.g(d)) })
	case ir.IShrR:
		modify(nil, func() { c.SARQ(operand.U8(op.Imm), l.g(d)) })
	case ir.LoadI64:
		l.inst(defs, []mach.Reg{a}, func() { c.MOVQ(at(), l.g(d)) })
	case ir.LoadI32:
		l.inst(defs, []mach.Reg{a}, func() { c.MOVL(at(), l.g(d).As32()) })
	case ir.LoadByte:
		l.inst(defs, []mach.Reg{a}, func() { c.MOVBQZX(at(), l.g(d)) })
	}
	return true
}

func (l *lowering) memory(i int, op ir.Op) bool {
	c := l.ctx
	address := func(base mach.Reg) operand.Op { return operand.Mem{Base: l.g(base), Disp: int(op.Imm)} }
	switch op.Code {
	case ir.Const:
		l.constant[op.Dst.ID] = pattern{op.Elem, op.Bits}
	case ir.ParamUni:
		mem, d := l.argument(op.Text), l.dst(op.Dst)
		fn := pick(op.Elem, c.VBROADCASTSS, c.VBROADCASTSD)
		l.inst([]mach.Reg{d}, nil, func() { fn(mem, l.y(d)) })
	case ir.Load, ir.LoadSame:
		if l.foldable(i, op) {
			l.folded[op.Dst.ID] = op
			break
		}
		p, d := l.in(op.Args[0]), l.dst(op.Dst)
		l.inst([]mach.Reg{d}, []mach.Reg{p}, func() { c.VMOVUPS(address(p), l.y(d)) })
	case ir.Store:
		p, v := l.in(op.Args[0]), l.in(op.Args[1])
		l.inst(nil, []mach.Reg{p, v}, func() { c.VMOVUPS(l.y(v), address(p)) })
	case ir.Prefetch:
		p := l.in(op.Args[0])
		l.inst(nil, []mach.Reg{p}, func() { c.PREFETCHT1(address(p)) })
	case ir.LoadM:
		p, m, d := l.in(op.Args[0]), l.in(op.Args[1]), l.dst(op.Dst)
		fn := pick(op.Elem, c.VMASKMOVPS, c.VMASKMOVPD)
		l.inst([]mach.Reg{d}, []mach.Reg{p, m}, func() { fn(address(p), l.y(m), l.y(d)) })
	case ir.StoreM:
		p, v, m := l.in(op.Args[0]), l.in(op.Args[1]), l.in(op.Args[2])
		fn := pick(op.Elem, c.VMASKMOVPS, c.VMASKMOVPD)
		l.inst(nil, []mach.Reg{p, v, m}, func() { fn(l.y(v), l.y(m), address(p)) })
	case ir.LoadS:
		p, s, d, t := l.in(op.Args[0]), l.in(op.Args[1]), l.dst(op.Dst), l.temp()
		l.strided(op, p, s, func(half int, at func(lane int) operand.Mem, uses []mach.Reg) {
			v := []mach.Reg{d, t}[half]
			into := join([]mach.Reg{v}, uses)
			switch groupBytes(op) {
			case 16:
				l.inst([]mach.Reg{v}, uses, func() { c.VMOVUPS(at(0), l.x(v)) })
			case 8:
				l.inst([]mach.Reg{v}, uses, func() { c.VMOVSD(at(0), l.x(v)) })
				l.inst([]mach.Reg{v}, into, func() { c.VMOVHPD(at(1), l.x(v), l.x(v)) })
			default:
				l.inst([]mach.Reg{v}, uses, func() { c.VMOVSS(at(0), l.x(v)) })
				for lane := 1; lane < 4; lane++ {
					l.inst([]mach.Reg{v}, into, func() { c.VINSERTPS(operand.U8(lane<<4), at(lane), l.x(v), l.x(v)) })
				}
			}
		})
		l.inst([]mach.Reg{d}, []mach.Reg{d, t}, func() { c.VINSERTF128(operand.U8(1), l.x(t), l.y(d), l.y(d)) })
	case ir.StoreS:
		p, v, s, t := l.in(op.Args[0]), l.in(op.Args[1]), l.in(op.Args[2]), l.temp()
		l.inst([]mach.Reg{t}, []mach.Reg{v}, func() { c.VEXTRACTF128(operand.U8(1), l.y(v), l.x(t)) })
		l.strided(op, p, s, func(half int, at func(lane int) operand.Mem, uses []mach.Reg) {
			x := []mach.Reg{v, t}[half]
			uses = join(uses, []mach.Reg{x})
			switch groupBytes(op) {
			case 16:
				l.inst(nil, uses, func() { c.VMOVUPS(l.x(x), at(0)) })
			case 8:
				l.inst(nil, uses, func() { c.VMOVSD(l.x(x), at(0)) })
				l.inst(nil, uses, func() { c.VMOVHPD(l.x(x), at(1)) })
			default:
				l.inst(nil, uses, func() { c.VMOVSS(l.x(x), at(0)) })
				for lane := 1; lane < 4; lane++ {
					l.inst(nil, uses, func() { c.VEXTRACTPS(operand.U8(lane), l.x(x), at(lane)) })
				}
			}
		})
	case ir.LoadU:
		p, d := l.in(op.Args[0]), l.dst(op.Dst)
		fn := pick(op.Elem, c.VBROADCASTSS, c.VBROADCASTSD)
		l.inst([]mach.Reg{d}, []mach.Reg{p}, func() { fn(address(p), l.y(d)) })
	case ir.LoadE:
		p, d := l.in(op.Args[0]), l.dst(op.Dst)
		fn := pick(op.Elem, c.VBROADCASTSS, c.VBROADCASTSD)
		l.inst([]mach.Reg{d}, []mach.Reg{p}, func() {
			fn(operand.Mem{Base: l.g(p), Disp: int(op.Imm + op.Cmp*op.Elem.Size())}, l.y(d))
		})
	case ir.StoreSum:
		l.storeSums(op, address)
	case ir.PrefetchNear:
		p := l.in(op.Args[0])
		l.inst(nil, []mach.Reg{p}, func() { c.PREFETCHT0(address(p)) })
	case ir.Lookup: // the instruction heeds no other bits of the index, and takes the table from memory
		p, i, d := l.in(op.Args[0]), l.in(op.Args[1]), l.dst(op.Dst)
		l.inst([]mach.Reg{d}, []mach.Reg{p, i}, func() { c.VPERMPS(address(p), l.y(i), l.y(d)) })
	case ir.StoreU:
		p, v := l.in(op.Args[0]), l.in(op.Args[1])
		l.inst(nil, []mach.Reg{p, v}, func() {
			if op.Elem == ir.F32 {
				c.VMOVSS(l.x(v), address(p))
			} else {
				c.VMOVSD(l.x(v), address(p))
			}
		})
	default:
		return false
	}
	return true
}

// groupBytes is the size of what LoadS and StoreS move at once.
func groupBytes(op ir.Op) int64 { return op.Imm * op.Elem.Size() }

// strided runs body for each half of a vector with the address of a group of that half, groups being s bytes apart from p
// on. Pointers two groups apart reach each group with s as an index, which cannot be scaled by three.
func (l *lowering) strided(op ir.Op, p, s mach.Reg, body func(half int, at func(group int) operand.Mem, uses []mach.Reg)) {
	groups := int(16 / groupBytes(op)) // in a half
	from := p
	for half := range 2 {
		pairs := []mach.Reg{from}
		for range (groups - 1) / 2 {
			pairs = append(pairs, l.beyond(pairs[len(pairs)-1], s))
		}
		first := 0
		if groups == 1 && half == 1 {
			first = 1
		}
		body(half, func(group int) operand.Mem {
			m := operand.Mem{Base: l.g(pairs[(group+first)/2])}
			if (group+first)%2 == 1 {
				m.Index, m.Scale = l.g(s), 1
			}
			return m
		}, join(pairs, []mach.Reg{s}))
		if half == 0 && groups > 1 {
			from = l.beyond(pairs[len(pairs)-1], s)
		}
	}
}

// beyond is the address two strides behind p.
func (l *lowering) beyond(p, s mach.Reg) mach.Reg {
	t := l.code.Reg(mach.GP)
	l.inst([]mach.Reg{t}, []mach.Reg{p, s}, func() { l.ctx.LEAQ(operand.Mem{Base: l.g(p), Index: l.g(s), Scale: 2}, l.g(t)) })
	return t
}

// foldable reports whether the load at i is read once, in the same straight line, by an instruction that takes a memory
// operand, and whether nothing between them could change what is read.
func (l *lowering) foldable(i int, op ir.Op) bool {
	if l.flow.Uses[op.Dst.ID] != 1 {
		return false
	}
	for k := i + 1; k < len(l.f.Ops); k++ {
		next := l.f.Ops[k]
		for n, a := range next.Args {
			if a == op.Dst {
				switch next.Code {
				case ir.Add, ir.Mul, ir.FMA, ir.FNMA, ir.And, ir.Or, ir.Xor:
					return true
				case ir.Sub, ir.Div, ir.Min, ir.Max, ir.AndNot:
					return n == 1
				}
				return false
			}
		}
		if next.Dst == op.Args[0] || next.Dst == op.Dst {
			return false
		}
		switch next.Code {
		case ir.Store, ir.StoreM, ir.StoreS, ir.StoreU, ir.StoreSum, ir.Label, ir.Jump, ir.JumpLT, ir.JumpGE, ir.JumpLR, ir.JumpGR, ir.JumpZ, ir.Ret:
			return false
		}
	}
	return false
}

// lanes lowers the operations that cross lanes or change their width.
func (l *lowering) lanes(op ir.Op) bool {
	c := l.ctx
	switch op.Code {
	case ir.TailMask, ir.Bytes, ir.Sum, ir.MaxLanes, ir.WidenLo, ir.WidenHi, ir.Narrow:
	case ir.Any:
		a, d := l.in(op.Args[0]), l.dst(op.Dst)
		fn := pick(op.Elem, c.VMOVMSKPS, c.VMOVMSKPD)
		l.inst([]mach.Reg{d}, []mach.Reg{a}, func() { fn(l.y(a), l.g(d).As32()) })
		return true
	case ir.ZipLo, ir.ZipHi, ir.Even, ir.Odd:
		l.zip(op)
		return true
	default:
		return false
	}
	a := l.in(op.Args[0])
	d := l.dst(op.Dst)
	one := []mach.Reg{d}
	t := l.temp()
	ts := []mach.Reg{t}
	switch op.Code {
	case ir.TailMask:
		numbers := l.consts[laneNumbers(op.Elem)]
		if op.Elem == ir.F32 {
			l.inst(ts, []mach.Reg{a}, func() { c.VMOVD(l.g(a).As32(), l.x(t)) })
			l.inst(ts, ts, func() { c.VPBROADCASTD(l.x(t), l.y(t)) })
			l.inst(one, ts, func() { c.VPCMPGTD(numbers, l.y(t), l.y(d)) })
		} else {
			l.inst(ts, []mach.Reg{a}, func() { c.VMOVQ(l.g(a), l.x(t)) })
			l.inst(ts, ts, func() { c.VPBROADCASTQ(l.x(t), l.y(t)) })
			l.inst(one, ts, func() { c.VPCMPGTQ(numbers, l.y(t), l.y(d)) })
		}
	case ir.Bytes:
		z := l.temp()
		l.inst([]mach.Reg{z}, nil, func() { c.VPXOR(l.y(z), l.y(z), l.y(z)) })
		l.inst(ts, []mach.Reg{a}, func() { c.VMOVQ(l.g(a), l.x(t)) })
		if op.Elem == ir.F32 {
			l.inst(ts, ts, func() { c.VPMOVZXBD(l.x(t), l.y(t)) })
			l.inst(one, []mach.Reg{t, z}, func() { c.VPCMPGTD(l.y(z), l.y(t), l.y(d)) })
		} else {
			l.inst(ts, ts, func() { c.VPMOVZXBQ(l.x(t), l.y(t)) })
			l.inst(one, []mach.Reg{t, z}, func() { c.VPCMPGTQ(l.y(z), l.y(t), l.y(d)) })
		}
	case ir.Sum, ir.MaxLanes:
		l.halve(op, d, a)
	case ir.WidenLo:
		l.inst(one, []mach.Reg{a}, func() { c.VCVTPS2PD(l.x(a), l.y(d)) })
	case ir.WidenHi:
		l.inst(ts, []mach.Reg{a}, func() { c.VEXTRACTF128(operand.U8(1), l.y(a), l.x(t)) })
		l.inst(one, ts, func() { c.VCVTPS2PD(l.x(t), l.y(d)) })
	case ir.Narrow:
		b, u := l.in(op.Args[1]), l.temp()
		l.inst(ts, []mach.Reg{a}, func() { c.VCVTPD2PSY(l.y(a), l.x(t)) })
		l.inst([]mach.Reg{u}, []mach.Reg{b}, func() { c.VCVTPD2PSY(l.y(b), l.x(u)) })
		l.inst(one, []mach.Reg{t, u}, func() { c.VINSERTF128(operand.U8(1), l.x(u), l.y(t), l.y(d)) })
	}
	return true
}

// zip lowers the operations that take lanes of two vectors in turn: within halves by one instruction, then across them.
func (l *lowering) zip(op ir.Op) {
	c := l.ctx
	a, b, d, t, u := l.in(op.Args[0]), l.in(op.Args[1]), l.dst(op.Dst), l.temp(), l.temp()
	two := []mach.Reg{a, b}
	low, high := pick(op.Elem, c.VUNPCKLPS, c.VUNPCKLPD), pick(op.Elem, c.VUNPCKHPS, c.VUNPCKHPD)
	switch op.Code {
	case ir.ZipLo, ir.ZipHi:
		l.inst([]mach.Reg{t}, two, func() { low(l.y(b), l.y(a), l.y(t)) })
		l.inst([]mach.Reg{u}, two, func() { high(l.y(b), l.y(a), l.y(u)) })
		half := operand.U8(0x20)
		if op.Code == ir.ZipHi {
			half = 0x31
		}
		l.inst([]mach.Reg{d}, []mach.Reg{t, u}, func() { c.VPERM2F128(half, l.y(u), l.y(t), l.y(d)) })
	default:
		l.inst([]mach.Reg{t}, two, func() {
			switch {
			case op.Elem == ir.F32 && op.Code == ir.Even:
				c.VSHUFPS(operand.U8(0x88), l.y(b), l.y(a), l.y(t))
			case op.Elem == ir.F32:
				c.VSHUFPS(operand.U8(0xdd), l.y(b), l.y(a), l.y(t))
			case op.Code == ir.Even:
				low(l.y(b), l.y(a), l.y(t))
			default:
				high(l.y(b), l.y(a), l.y(t))
			}
		})
		l.inst([]mach.Reg{d}, []mach.Reg{t}, func() { c.VPERMPD(operand.U8(0xd8), l.y(t), l.y(d)) })
	}
}

// halve folds the upper half of the lanes onto the lower until one is left.
func (l *lowering) halve(op ir.Op, d, a mach.Reg) {
	c := l.ctx
	add, _ := l.binary(op.Elem, ir.Add)
	acc := a
	fold := func(other mach.Reg, last bool) {
		to := l.temp()
		if last {
			to = d
		}
		if op.Code == ir.Sum {
			x, y := acc, other
			l.inst([]mach.Reg{to}, []mach.Reg{x, y}, func() { add(l.x(y), l.x(x), l.x(to)) })
		} else {
			l.maximum(op.Elem, to, acc, other)
		}
		acc = to
	}
	t := l.temp()
	from := acc
	l.inst([]mach.Reg{t}, []mach.Reg{from}, func() { c.VEXTRACTF128(operand.U8(1), l.y(from), l.x(t)) })
	fold(t, false)
	if op.Elem == ir.F64 {
		u, from := l.temp(), acc
		l.inst([]mach.Reg{u}, []mach.Reg{from}, func() { c.VPERMILPD(operand.U8(1), l.x(from), l.x(u)) })
		fold(u, true)
		return
	}
	u, from2 := l.temp(), acc
	l.inst([]mach.Reg{u}, []mach.Reg{from2}, func() { c.VPERMILPS(operand.U8(0x0e), l.x(from2), l.x(u)) })
	fold(u, false)
	v, from3 := l.temp(), acc
	l.inst([]mach.Reg{v}, []mach.Reg{from3}, func() { c.VPERMILPS(operand.U8(1), l.x(from3), l.x(v)) })
	fold(v, true)
}

// storeSums halves four vectors at once: they are transposed on the way, two halves of 128 bits to a register, then two
// pairs, so that each addition works on all of its lanes. Which of the two it adds to which makes no difference, so that
// one of each pair of moves can be a blend, which any port does.
func (l *lowering) storeSums(op ir.Op, address func(mach.Reg) operand.Op) {
	c := l.ctx
	add, _ := l.binary(op.Elem, ir.Add)
	p := l.in(op.Args[0])
	var v [4]mach.Reg
	for i := range v {
		v[i] = l.in(op.Args[1+i])
	}
	// both is the halves of x and y side by side: [x.low + x.high, y.high + y.low], in groups of the width that the two
	// moves leave whole.
	both := func(x, y mach.Reg, blend, cross func(b, a, d operand.Op)) mach.Reg {
		straight, crossed, sum := l.temp(), l.temp(), l.temp()
		l.two(straight, x, inReg(y), blend)
		l.two(crossed, x, inReg(y), cross)
		l.two(sum, straight, inReg(crossed), add)
		return sum
	}
	blendHalves := func(b, a, d operand.Op) { c.VBLENDPD(operand.U8(0b1100), b, a, d) }
	crossHalves := func(b, a, d operand.Op) { c.VPERM2F128(operand.U8(0x21), b, a, d) }
	blendPairs := func(b, a, d operand.Op) { c.VBLENDPD(operand.U8(0b1010), b, a, d) }
	crossPairs := func(b, a, d operand.Op) { c.VSHUFPD(operand.U8(0b0101), b, a, d) }
	even, odd := both(v[0], v[2], blendHalves, crossHalves), both(v[1], v[3], blendHalves, crossHalves)
	sum := both(even, odd, blendPairs, crossPairs)
	if op.Elem == ir.F64 {
		l.inst(nil, []mach.Reg{p, sum}, func() { c.VMOVUPD(l.y(sum), address(p)) })
		return
	}
	upper, first, second, total := l.temp(), l.temp(), l.temp(), l.temp()
	l.inst([]mach.Reg{upper}, []mach.Reg{sum}, func() { c.VEXTRACTF128(operand.U8(1), l.y(sum), l.x(upper)) })
	l.inst([]mach.Reg{first}, []mach.Reg{sum, upper}, func() { c.VSHUFPS(operand.U8(0x88), l.x(upper), l.x(sum), l.x(first)) })
	l.inst([]mach.Reg{second}, []mach.Reg{sum, upper}, func() { c.VSHUFPS(operand.U8(0xdd), l.x(upper), l.x(sum), l.x(second)) })
	l.inst([]mach.Reg{total}, []mach.Reg{first, second}, func() { add(l.x(second), l.x(first), l.x(total)) })
	l.inst(nil, []mach.Reg{p, total}, func() { c.VMOVUPS(l.x(total), address(p)) })
}
