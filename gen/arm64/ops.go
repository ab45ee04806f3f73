package arm64

import (
	"fmt"
	"math/bits"

	"github.com/hebbkern/hebbkern/gen/ir"
	"github.com/hebbkern/hebbkern/gen/mach"
)

// simple lists the operations that are one instruction of arguments in order, or in reverse.
var simple = map[ir.Code]struct {
	name    string
	reverse bool
}{
	ir.Add:     {"FADD", false},
	ir.Sub:     {"FSUB", false},
	ir.Mul:     {"FMUL", false},
	ir.Div:     {"FDIV", false},
	ir.Sqrt:    {"FSQRT", false},
	ir.IFloat:  {"SCVTF", false},
	ir.Maximum: {"FMAX", false},
	ir.CmpLT:   {"FCMGT", true},
	ir.CmpLE:   {"FCMGE", true},
	ir.CmpEQ:   {"FCMEQ", false},
	ir.ICmpGT:  {"CMGT", false},
	ir.AndNot:  {"BIC", true},
}

// native lists those that Go's assembler knows; it has the sources in the reverse of ARM's order.
var native = map[ir.Code]string{
	ir.And:    "VAND",
	ir.Or:     "VORR",
	ir.Xor:    "VEOR",
	ir.IAdd:   "VADD",
	ir.ISub:   "VSUB",
	ir.ICmpEQ: "VCMEQ",
}

// op lowers one operation.
func (l *lowering) op(op *ir.Op) {
	switch op.Code {
	case ir.Nop, ir.Const:
	case ir.Comment:
		l.effect(nil, nil, "// %s", op.Text)
	case ir.Ret:
		l.add(mach.Inst{Stop: true, Emit: l.text("RET", nil)}, true)
	case ir.Label:
		l.place(op.Imm)
	case ir.Jump, ir.JumpLT, ir.JumpGE, ir.JumpLR, ir.JumpGR, ir.JumpZ:
		l.jump(op)
	case ir.Param, ir.LoadI64, ir.LoadI32, ir.LoadByte, ir.IConst, ir.ICopy, ir.IAddI, ir.IAddR, ir.ISubR, ir.IMulR,
		ir.IShlR, ir.IShrR, ir.IOrR:
		l.integers(op)
	case ir.Prefetch:
		p := l.halves[op.Args[0].ID][0]
		l.effect(nil, regs(p), "PRFM %s(R%d), PLDL2KEEP", disp(op.Imm), p)
	case ir.ParamUni, ir.Load, ir.LoadM, ir.LoadS, ir.Store, ir.StoreM, ir.StoreS, ir.LoadU, ir.LoadE, ir.LoadSame, ir.StoreU, ir.StoreSum, ir.PrefetchNear:
		l.memory(op)
	case ir.ZipLo, ir.ZipHi, ir.Even, ir.Odd, ir.TailMask, ir.Bytes, ir.Sum, ir.MaxLanes, ir.WidenLo, ir.WidenHi, ir.Narrow:
		l.across(op)
	case ir.Lookup:
		l.lookup(op)
	case ir.Any: // both halves, then the half of what is left that is not in its lower bits
		t, upper, dst := l.vector(), l.vector(), l.halves[op.Dst.ID][0]
		a, b := l.reg(op.Args[0], 0), l.reg(op.Args[0], 1)
		l.ins(regs(t), regs(a, b), "VORR V%d.B16, V%d.B16, V%d.B16", b, a, t)
		l.ins(regs(upper), regs(t), "VEXT $8, V%d.B16, V%d.B16, V%d.B16", t, t, upper)
		l.ins(regs(t), regs(t, upper), "VORR V%d.B16, V%d.B16, V%d.B16", upper, t, t)
		l.ins(regs(dst), regs(t), "VMOV V%d.D[0], R%d", t, dst)
	default:
		l.lanewise(op, 0)
		if op.Dst.Class == ir.Vec {
			l.lanewise(op, 1)
		}
	}
}

// lanewise lowers one half of an operation on lanes. The halves do not meet, so that a destination which is also an
// argument needs care only within its half.
func (l *lowering) lanewise(op *ir.Op, half int) {
	dst, e := l.halves[op.Dst.ID][half], op.Elem
	arg := func(i int) mach.Reg { return l.reg(op.Args[i], half) }
	if s, ok := simple[op.Code]; ok {
		var src []mach.Reg
		for i := range op.Args {
			src = append(src, arg(i))
		}
		if s.reverse {
			src[0], src[1] = src[1], src[0]
		}
		l.word(s.name, e, dst, src...)
		return
	}
	if name, ok := native[op.Code]; ok {
		lane := "B16"
		if op.Code == ir.IAdd || op.Code == ir.ISub || op.Code == ir.ICmpEQ {
			lane = arrangement(e)
		}
		a, b := arg(0), arg(1)
		l.ins(regs(dst), regs(a, b), "%s V%d.%s, V%d.%s, V%d.%s", name, b, lane, a, lane, dst, lane)
		return
	}
	switch op.Code {
	case ir.Copy:
		l.fill(dst, op.Args[0], half)
	case ir.IShl, ir.IShr:
		if op.Imm == 0 {
			l.fill(dst, op.Args[0], half)
			return
		}
		if op.Imm < 0 || op.Imm >= 8*e.Size() {
			panic(fmt.Sprintf("%s: shift by %d", l.f.Name, op.Imm))
		}
		name, a := "VSHL", arg(0)
		if op.Code == ir.IShr {
			name = "VUSHR"
		}
		l.ins(regs(dst), regs(a), "%s $%d, V%d.%s, V%d.%s", name, op.Imm, a, arrangement(e), dst, arrangement(e))
	case ir.FMA:
		l.fma("VFMLA", op, dst, half)
	case ir.FNMA:
		l.fma("VFMLS", op, dst, half)
	case ir.Clip: // FMAX and FMIN order the zeros as IEEE 754-2019 does
		t := l.vector()
		l.word("FMAX", e, t, arg(0), arg(1))
		l.word("FMIN", e, dst, t, arg(2))
	case ir.Min, ir.Max: // a comparison and a choice: b where the two are equal or unordered
		a, b := arg(0), arg(1)
		mask := dst
		if dst == a || dst == b {
			mask = l.vector()
		}
		if op.Code == ir.Min {
			l.word("FCMGT", e, mask, b, a)
		} else {
			l.word("FCMGT", e, mask, a, b)
		}
		switch dst {
		case b:
			l.choose("VBIT", dst, a, mask)
		case a:
			l.choose("VBIF", dst, b, mask)
		default:
			l.choose("VBSL", dst, a, b)
		}
	case ir.CmpUN: // not (a equals itself and b equals itself)
		t := l.vector()
		a, b := arg(0), arg(1)
		l.word("FCMEQ", e, t, a, a)
		if a != b {
			u, both := l.vector(), l.vector()
			l.word("FCMEQ", e, u, b, b)
			l.ins(regs(both), regs(t, u), "VAND V%d.B16, V%d.B16, V%d.B16", u, t, both)
			t = both
		}
		l.word("MVN", e, dst, t)
	case ir.Select:
		l.sel(op, dst, half)
	default:
		panic(fmt.Sprintf("%s: no lowering of %v", l.f.Name, op.Code))
	}
}

// fma accumulates into the register of the third argument's copy. A factor that is an element stays one lane of its
// register.
func (l *lowering) fma(name string, op *ir.Op, dst mach.Reg, half int) {
	x, y := op.Args[0], op.Args[1]
	if _, ok := l.element[x.ID]; ok {
		x, y = y, x
	}
	at, byElement := l.element[y.ID]
	a, acc := l.reg(x, half), dst
	b := at.reg
	if !byElement {
		b = l.reg(y, half)
	}
	if c := op.Args[2]; l.halves[c.ID][half] != dst {
		if dst == a || dst == b {
			acc = l.vector()
		}
		l.fill(acc, c, half)
	}
	t := arrangement(op.Elem)
	if byElement {
		l.add(mach.Inst{Defs: regs(acc), Uses: regs(acc, a, b), Emit: func(phys func(mach.Reg) int) {
			word, spelling := encode(name[1:]+".L", op.Elem, phys(acc), phys(a), phys(b), at.lane)
			fmt.Fprintf(l.out, "\tWORD $%#08x // %s\n", word, spelling)
		}}, false)
		l.move(dst, acc)
		return
	}
	l.ins(regs(acc), regs(acc, a, b), "%s V%d.%s, V%d.%s, V%d.%s", name, b, t, a, t, acc, t)
	l.move(dst, acc)
}

// choose adds one of the instructions that choose by bits; dst is also its third source:
// VBSL: dst ? n : m, VBIT: m ? n : dst, VBIF: m ? dst : n.
func (l *lowering) choose(name string, dst, n, m mach.Reg) {
	l.ins(regs(dst), regs(dst, n, m), "%s V%d.B16, V%d.B16, V%d.B16", name, m, n, dst)
}

// sel lowers Select with the instruction that overwrites an argument which is not needed any more.
func (l *lowering) sel(op *ir.Op, dst mach.Reg, half int) {
	at := func(i int) mach.Reg { return l.halves[op.Args[i].ID][half] }
	mask := func() mach.Reg { return l.reg(op.Args[0], half) }
	yes := func() mach.Reg { return l.reg(op.Args[1], half) }
	no := func() mach.Reg { return l.reg(op.Args[2], half) }
	switch {
	case dst == at(0):
		l.choose("VBSL", dst, yes(), no())
	case dst == at(2):
		l.choose("VBIT", dst, yes(), mask())
	case dst == at(1):
		l.choose("VBIF", dst, no(), mask())
	case !l.free(op.Args[0]) && l.free(op.Args[2]):
		l.fill(dst, op.Args[2], half)
		l.choose("VBIT", dst, yes(), mask())
	case !l.free(op.Args[0]) && l.free(op.Args[1]):
		l.fill(dst, op.Args[1], half)
		l.choose("VBIF", dst, no(), mask())
	default:
		l.fill(dst, op.Args[0], half)
		l.choose("VBSL", dst, yes(), no())
	}
}

// integers lowers the operations whose result is an integer.
func (l *lowering) integers(op *ir.Op) {
	dst := l.halves[op.Dst.ID][0]
	arg := func(i int) mach.Reg { return l.halves[op.Args[i].ID][0] }
	two := func(name string) {
		l.ins(regs(dst), regs(arg(0), arg(1)), name+" R%d, R%d, R%d", arg(1), arg(0), dst)
	}
	switch op.Code {
	case ir.Param:
		l.ins(regs(dst), nil, "MOVD %s, R%d", l.frame(op.Text), dst)
	case ir.LoadI64:
		l.ins(regs(dst), regs(arg(0)), "MOVD %s(R%d), R%d", disp(op.Imm), arg(0), dst)
	case ir.LoadI32:
		l.ins(regs(dst), regs(arg(0)), "MOVWU %s(R%d), R%d", disp(op.Imm), arg(0), dst)
	case ir.LoadByte:
		l.ins(regs(dst), regs(arg(0)), "MOVBU %s(R%d), R%d", disp(op.Imm), arg(0), dst)
	case ir.IConst:
		l.ins(regs(dst), nil, "MOVD $%d, R%d", op.Imm, dst)
	case ir.ICopy:
		l.move(dst, arg(0))
	case ir.IAddI:
		l.plus(dst, arg(0), op.Imm)
	case ir.IAddR:
		two("ADD")
	case ir.ISubR:
		two("SUB")
	case ir.IMulR:
		two("MUL")
	case ir.IOrR:
		two("ORR")
	case ir.IShlR:
		l.ins(regs(dst), regs(arg(0)), "LSL $%d, R%d, R%d", op.Imm, arg(0), dst)
	case ir.IShrR:
		l.ins(regs(dst), regs(arg(0)), "ASR $%d, R%d, R%d", op.Imm, arg(0), dst)
	}
}

// plus is dst = src + n.
func (l *lowering) plus(dst, src mach.Reg, n int64) {
	switch {
	case n == 0:
		l.move(dst, src)
	case n < 0 && -n > 0:
		l.ins(regs(dst), regs(src), "SUB $%d, R%d, R%d", -n, src, dst)
	default:
		l.ins(regs(dst), regs(src), "ADD $%d, R%d, R%d", n, src, dst)
	}
}

// jump lowers the branches.
func (l *lowering) jump(op *ir.Op) {
	if op.Code == ir.Jump {
		l.add(mach.Inst{Jump: op.Imm, Stop: true, Emit: l.text("JMP L%d", []any{op.Imm})}, true)
		return
	}
	a := l.halves[op.Args[0].ID][0]
	switch op.Code {
	case ir.JumpZ:
		switch {
		case op.Cmp == -1:
			l.branch(op.Imm, regs(a), "CBZ R%d, ", a)
		case bits.OnesCount64(uint64(op.Cmp)) == 1:
			l.branch(op.Imm, regs(a), "TBZ $%d, R%d, ", bits.TrailingZeros64(uint64(op.Cmp)), a)
		default:
			l.effect(nil, regs(a), "TST $%d, R%d", op.Cmp, a)
			l.branch(op.Imm, nil, "BEQ ")
		}
		return
	case ir.JumpLT, ir.JumpGE:
		l.effect(nil, regs(a), "CMP $%d, R%d", op.Cmp, a)
	default:
		b := l.halves[op.Args[1].ID][0]
		l.effect(nil, regs(a, b), "CMP R%d, R%d", b, a)
	}
	if op.Code == ir.JumpLT || op.Code == ir.JumpLR {
		l.branch(op.Imm, nil, "BLT ")
	} else {
		l.branch(op.Imm, nil, "BGE ")
	}
}
