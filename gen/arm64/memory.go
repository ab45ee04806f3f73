package arm64

import (
	"fmt"

	"github.com/hebbkern/hebbkern/gen/ir"
	"github.com/hebbkern/hebbkern/gen/mach"
)

// disp is a displacement as Go's assembler has it.
func disp(n int64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// frame is the place of the function's argument. Go's assembler takes g for the register of the goroutine; the dot of a
// package's symbol makes it a plain name.
func (l *lowering) frame(name string) string {
	at, ok := l.offsets[name]
	if !ok {
		panic(fmt.Sprintf("%s: no argument %s", l.f.Name, name))
	}
	if name == "g" {
		name = "·g"
	}
	return fmt.Sprintf("%s+%d(FP)", name, at)
}

// memory lowers scalar arguments, loads and stores.
func (l *lowering) memory(op *ir.Op) {
	e, letter := op.Elem, letter(op.Elem)
	var lo, hi, p mach.Reg
	if op.Dst.Valid() {
		lo, hi = l.halves[op.Dst.ID][0], l.halves[op.Dst.ID][1]
	}
	if len(op.Args) > 0 {
		p = l.halves[op.Args[0].ID][0]
	}
	switch op.Code {
	case ir.ParamUni:
		if e != l.f.Elem {
			panic(fmt.Sprintf("%s: argument %s is no %v", l.f.Name, op.Text, e))
		}
		t := l.vector()
		l.ins(regs(t), nil, "FMOV%s %s, F%d", letter, l.frame(op.Text), t)
		l.spread(lo, t, e)
	case ir.LoadU:
		if op.Imm == 0 {
			l.ins(regs(lo), regs(p), "VLD1R (R%d), [V%d.%s]", p, lo, arrangement(e))
			return
		}
		t := l.vector()
		l.ins(regs(t), regs(p), "FMOV%s %s(R%d), F%d", letter, disp(op.Imm), p, t)
		l.spread(lo, t, e)
	case ir.LoadE:
		if op.Cmp == 0 {
			l.elements(p, op.Imm, int(op.Bits), e)
		}
		l.element[op.Dst.ID] = l.group[op.Cmp]
	case ir.StoreSum:
		l.storeSums(op, p)
	case ir.PrefetchNear:
		t := p
		if op.Imm != 0 {
			t = l.integer()
			l.plus(t, p, op.Imm)
		}
		l.effect(nil, regs(t), "PRFM (R%d), PLDL1KEEP", t)
	case ir.LoadSame:
		l.ins(regs(lo), regs(p), "FMOVQ %s(R%d), F%d", disp(op.Imm), p, lo)
	case ir.StoreU:
		v := l.reg(op.Args[1], 0)
		l.effect(nil, regs(p, v), "FMOV%s F%d, %s(R%d)", letter, v, disp(op.Imm), p)
	case ir.LoadS:
		at, s := l.integer(), l.halves[op.Args[1].ID][0]
		l.move(at, p)
		l.groups(op, lo, hi, func(v mach.Reg, lane string, i int) {
			uses := regs(at, s, v)
			if i == 0 { // the other lanes are still to come
				uses = regs(at, s)
			}
			if lane == "Q" {
				l.ins(regs(v), uses, "FMOVQ (R%d), F%d", at, v)
				l.ins(regs(at), regs(at, s), "ADD R%d, R%d, R%d", s, at, at)
				return
			}
			l.ins(regs(v, at), uses, "VLD1.P (R%d)(R%d), V%d.%s[%d]", at, s, v, lane, i)
		})
	case ir.StoreS:
		at, s := l.integer(), l.halves[op.Args[2].ID][0]
		l.move(at, p)
		l.groups(op, l.reg(op.Args[1], 0), l.reg(op.Args[1], 1), func(v mach.Reg, lane string, i int) {
			if lane == "Q" {
				l.effect(nil, regs(at, v), "FMOVQ F%d, (R%d)", v, at)
				l.ins(regs(at), regs(at, s), "ADD R%d, R%d, R%d", s, at, at)
				return
			}
			l.effect(regs(at), regs(at, s, v), "VST1.P V%d.%s[%d], (R%d)(R%d)", v, lane, i, at, s)
		})
	case ir.Load:
		if paired(op.Imm) {
			l.ins(regs(lo, hi), regs(p), "FLDPQ %s(R%d), (F%d, F%d)", disp(op.Imm), p, lo, hi)
			return
		}
		l.ins(regs(lo), regs(p), "FMOVQ %s(R%d), F%d", disp(op.Imm), p, lo)
		l.ins(regs(hi), regs(p), "FMOVQ %s(R%d), F%d", disp(op.Imm+16), p, hi)
	case ir.Store:
		lo, hi = l.reg(op.Args[1], 0), l.reg(op.Args[1], 1)
		if paired(op.Imm) {
			l.effect(nil, regs(p, lo, hi), "FSTPQ (F%d, F%d), %s(R%d)", lo, hi, disp(op.Imm), p)
			return
		}
		l.effect(nil, regs(p, lo), "FMOVQ F%d, %s(R%d)", lo, disp(op.Imm), p)
		l.effect(nil, regs(p, hi), "FMOVQ F%d, %s(R%d)", hi, disp(op.Imm+16), p)
	case ir.LoadM:
		l.zero(lo)
		l.zero(hi)
		l.tail(op, l.halves[op.Args[2].ID][0], func(lane int, at mach.Reg) {
			v, i := half(lo, hi, e, lane)
			l.ins(regs(v, at), regs(v, at), "VLD1.P %d(R%d), V%d.%s[%d]", e.Size(), at, v, letter, i)
		})
	case ir.StoreM:
		lo, hi = l.reg(op.Args[1], 0), l.reg(op.Args[1], 1)
		l.tail(op, l.halves[op.Args[3].ID][0], func(lane int, at mach.Reg) {
			v, i := half(lo, hi, e, lane)
			l.effect(regs(at), regs(v, at), "VST1.P V%d.%s[%d], %d(R%d)", v, letter, i, e.Size(), at)
		})
	}
}

// elements reads n elements into as few registers as hold them, and nothing behind them.
func (l *lowering) elements(p mach.Reg, at int64, n int, e ir.Elem) {
	l.group = nil
	for len(l.group) < n {
		count, width := int(16/e.Size()), 16
		for count > n-len(l.group) {
			count, width = count/2, width/2
		}
		r := l.vector()
		l.ins(regs(r), regs(p), "FMOV%s %s(R%d), F%d", map[int]string{16: "Q", 8: "D", 4: "S"}[width], disp(at), p, r)
		for i := range count {
			l.group = append(l.group, laneOf{r, i})
		}
		at += int64(width)
	}
}

// storeSums halves four arguments at once, transposing them on the way.
func (l *lowering) storeSums(op *ir.Op, p mach.Reg) {
	e := op.Elem
	three := func(name string, a, b mach.Reg) mach.Reg {
		d := l.vector()
		l.word(name, e, d, a, b)
		return d
	}
	var v [4]mach.Reg // the upper half added to the lower one
	for i := range v {
		v[i] = three("FADD", l.reg(op.Args[1+i], 0), l.reg(op.Args[1+i], 1))
	}
	if e == ir.F64 {
		lo, hi := three("FADDP.V", v[0], v[1]), three("FADDP.V", v[2], v[3])
		l.effect(nil, regs(p, lo), "FMOVQ F%d, %s(R%d)", lo, disp(op.Imm), p)
		l.effect(nil, regs(p, hi), "FMOVQ F%d, %s(R%d)", hi, disp(op.Imm+16), p)
		return
	}
	both := func(a, b mach.Reg) mach.Reg {
		lower, upper := l.vector(), l.vector()
		l.ins(regs(lower), regs(a, b), "VZIP1 V%d.D2, V%d.D2, V%d.D2", b, a, lower)
		l.ins(regs(upper), regs(a, b), "VZIP2 V%d.D2, V%d.D2, V%d.D2", b, a, upper)
		return three("FADD", lower, upper)
	}
	total := three("FADDP.V", both(v[0], v[1]), both(v[2], v[3]))
	l.effect(nil, regs(p, total), "FMOVQ F%d, %s(R%d)", total, disp(op.Imm), p)
}

// lookup takes each lane's four bytes from the table. Two instructions for a table of one register each need no pair of
// neighbouring registers, unlike that for a table of two.
func (l *lowering) lookup(op *ir.Op) {
	p, i, dst := l.halves[op.Args[0].ID][0], op.Args[1], l.halves[op.Dst.ID]
	if _, ok := l.numbers[i.ID]; !ok {
		l.numbers[i.ID] = [2]mach.Reg{l.number(i, 0), l.number(i, 1)}
	}
	lo, hi := l.vector(), l.vector()
	l.ins(regs(lo), regs(p), "FMOVQ %s(R%d), F%d", disp(op.Imm), p, lo)
	l.ins(regs(hi), regs(p), "FMOVQ %s(R%d), F%d", disp(op.Imm+16), p, hi)
	for half, first := range l.numbers[i.ID] {
		t := l.vector()
		l.ins(regs(t), regs(lo, first), "VTBL V%d.B16, [V%d.B16], V%d.B16", first, lo, t)
		second := l.withConst("VSUB", "B16", first, 0x10101010) // above 15 for the first half of the table
		l.ins(regs(t), regs(t, hi, second), "VTBX V%d.B16, [V%d.B16], V%d.B16", second, hi, t)
		l.move(dst[half], t)
		if op.Dst.Class == ir.Uniform {
			return
		}
	}
}

// number is 4i + {0, 1, 2, 3} in the bytes of one half, for the low three bits i of its lanes.
func (l *lowering) number(v ir.Val, half int) mach.Reg {
	i, d, c := l.withConst("VAND", "B16", l.reg(v, half), 7), l.vector(), l.vector()
	l.load(c, ir.Op{Bits: 0x04040404, Elem: ir.F32})
	l.word("MUL", ir.F32, d, i, c)
	return l.withConst("VADD", "S4", d, 0x03020100)
}

// withConst is an instruction whose second argument is a constant.
func (l *lowering) withConst(name, lane string, a mach.Reg, bits uint64) mach.Reg {
	d, c := l.vector(), l.vector()
	l.load(c, ir.Op{Bits: bits, Elem: ir.F32})
	l.ins(regs(d), regs(a, c), "%s V%d.%s, V%d.%s, V%d.%s", name, c, lane, a, lane, d, lane)
	return d
}

// groups runs body for what LoadS and StoreS move at once: the register, the spelling of its lanes, and which of these.
func (l *lowering) groups(op *ir.Op, lo, hi mach.Reg, body func(v mach.Reg, lane string, i int)) {
	size := op.Imm * op.Elem.Size()
	lane := map[int64]string{4: "S", 8: "D", 16: "Q"}[size]
	for k := range int(VecSize / size) {
		v := lo
		if k >= int(16/size) {
			v = hi
		}
		body(v, lane, k%int(16/size))
	}
}

// paired reports whether a displacement fits the instructions for pairs of V registers.
func paired(n int64) bool { return n%16 == 0 && n >= -1024 && n <= 1008 }

// half is the register of a lane and its index there.
func half(lo, hi mach.Reg, e ir.Elem, lane int) (mach.Reg, int) {
	if n := int(16 / e.Size()); lane >= n {
		return hi, lane - n
	}
	return lo, lane
}

// spread copies the lowest lane of src to all lanes of dst.
func (l *lowering) spread(dst, src mach.Reg, e ir.Elem) {
	l.ins(regs(dst), regs(src), "VDUP V%d.%s[0], V%d.%s", src, letter(e), dst, arrangement(e))
}

// tail runs body for the lanes below count, with the address of the lane, which body must advance.
func (l *lowering) tail(op *ir.Op, count mach.Reg, body func(lane int, at mach.Reg)) {
	l.label++
	end, at := l.label, l.integer()
	l.plus(at, l.halves[op.Args[0].ID][0], op.Imm)
	for lane := range int(VecSize / op.Elem.Size()) {
		l.effect(nil, regs(count), "CMP $%d, R%d", lane, count)
		l.branch(end, nil, "BLE ")
		body(lane, at)
	}
	l.place(end)
}

// across lowers the operations that move data between lanes.
func (l *lowering) across(op *ir.Op) {
	e := op.Elem
	lo, hi := l.halves[op.Dst.ID][0], l.halves[op.Dst.ID][1]
	switch op.Code {
	case ir.TailMask:
		n, numbers := l.halves[op.Args[0].ID][0], l.vector()
		l.ins(regs(numbers), regs(n), "VDUP R%d, V%d.%s", n, numbers, arrangement(e))
		for i, dst := range regs(lo, hi) {
			t := l.vector()
			first := uint64(i) * uint64(16/e.Size())
			l.ins(regs(t), regs(l.tab), "FMOVQ %d(R%d), F%d", lanes(first, e), l.tab, t)
			l.word("CMGT", e, dst, numbers, t)
		}
	case ir.Bytes: // bytes to 0 or ff, then each doubled until it fills a lane
		x, t, mask, pairs := l.halves[op.Args[0].ID][0], l.vector(), l.vector(), l.vector()
		l.ins(regs(t), regs(x), "FMOVD R%d, F%d", x, t)
		l.ins(regs(mask), regs(t), "VCMTST V%d.B8, V%d.B8, V%d.B8", t, t, mask)
		l.zip(1, pairs, mask, "B16")
		width := "H8"
		if e == ir.F64 {
			quads := l.vector()
			l.zip(1, quads, pairs, width)
			pairs, width = quads, "S4"
		}
		l.zip(1, lo, pairs, width)
		l.zip(2, hi, pairs, width)
	case ir.ZipLo, ir.ZipHi: // both halves of the result come from one half of each argument
		half := int(op.Code - ir.ZipLo)
		a, b := l.reg(op.Args[0], half), l.reg(op.Args[1], half)
		for i, dst := range regs(lo, hi) {
			l.ins(regs(dst), regs(a, b), "VZIP%d V%d.%s, V%d.%s, V%d.%s", i+1, b, arrangement(e), a, arrangement(e), dst, arrangement(e))
		}
	case ir.Even, ir.Odd: // each half of the result comes from one argument
		for i, dst := range regs(lo, hi) {
			a, b := l.reg(op.Args[i], 0), l.reg(op.Args[i], 1)
			l.ins(regs(dst), regs(a, b), "VUZP%d V%d.%s, V%d.%s, V%d.%s", 1+op.Code-ir.Even, b, arrangement(e), a, arrangement(e), dst, arrangement(e))
		}
	case ir.Sum:
		l.fold("FADD", lo, op)
	case ir.MaxLanes:
		l.fold("FMAX", lo, op)
	case ir.WidenLo: // the half that may be the argument's is written last
		x := l.reg(op.Args[0], 0)
		l.word("FCVTL2", e, hi, x)
		l.word("FCVTL", e, lo, x)
	case ir.WidenHi:
		x := l.reg(op.Args[0], 1)
		l.word("FCVTL", e, lo, x)
		l.word("FCVTL2", e, hi, x)
	case ir.Narrow:
		var t [2]mach.Reg
		for i, v := range op.Args {
			a, b := l.reg(v, 0), l.reg(v, 1)
			t[i] = l.vector()
			l.word("FCVTN", e, t[i], a)
			l.wordUsing(regs(t[i], b), "FCVTN2", e, t[i], b)
		}
		l.move(lo, t[0])
		l.move(hi, t[1])
	}
}

// zip interleaves the lower (1) or upper (2) half of src with itself.
func (l *lowering) zip(half int, dst, src mach.Reg, lane string) {
	l.ins(regs(dst), regs(src), "VZIP%d V%d.%s, V%d.%s, V%d.%s", half, src, lane, src, lane, dst, lane)
}

// fold halves an argument's lanes until one is left.
func (l *lowering) fold(name string, dst mach.Reg, op *ir.Op) {
	e, x := op.Elem, l.vector()
	l.word(name, e, x, l.reg(op.Args[0], 0), l.reg(op.Args[0], 1))
	if e == ir.F32 {
		upper, t := l.vector(), l.vector()
		l.ins(regs(upper), regs(x), "VEXT $8, V%d.B16, V%d.B16, V%d.B16", x, x, upper)
		l.word(name, e, t, x, upper)
		x = t
	}
	l.word(name+"P", e, dst, x)
}
