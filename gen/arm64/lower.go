package arm64

import (
	"bytes"
	"fmt"

	"github.com/hebbkern/hebbkern/gen/ir"
	"github.com/hebbkern/hebbkern/gen/mach"
)

// lowering is the state in which one function becomes machine instructions.
type lowering struct {
	f       *ir.Func
	flow    ir.Flow
	code    mach.Code
	keep    []bool // for each instruction: it does more than write registers
	table   *table
	tab     mach.Reg // address of the table, or -1
	out     *bytes.Buffer
	halves  [][2]mach.Reg // registers of each value: low and high half; both the same for Uniform and Int
	consts  map[int]ir.Op // by value
	offsets map[string]int64
	label   int64 // the last one in use
	at      int   // the operation that is being lowered

	loaded  map[int]mach.Reg    // constants and elements that the operation has in registers of their own
	group   []laneOf            // the elements that were read last
	element map[int]laneOf      // by value
	numbers map[int][2]mach.Reg // places in the table of the last lookups, by the value that numbers the lanes
}

// laneOf is where a value read by LoadE is.
type laneOf struct {
	reg  mach.Reg
	lane int
}

// lower appends the instructions of f to out.
func lower(f *ir.Func, t *table, out *bytes.Buffer) {
	l := &lowering{
		f: f, flow: ir.Analyse(f), code: mach.Code{Name: f.Name}, table: t, tab: -1, out: out,
		halves: make([][2]mach.Reg, len(f.Vals)), consts: map[int]ir.Op{}, element: map[int]laneOf{}, numbers: map[int][2]mach.Reg{},
	}
	l.offsets, _ = f.Offsets()
	for _, op := range f.Ops {
		switch {
		case op.Code == ir.Const:
			l.consts[op.Dst.ID] = op
		case op.Code == ir.Label:
			l.label = max(l.label, op.Imm)
		}
	}
	for i, c := range f.Vals {
		switch c {
		case ir.Vec:
			l.halves[i] = [2]mach.Reg{l.vector(), l.vector()}
		case ir.Uniform:
			r := l.vector()
			l.halves[i] = [2]mach.Reg{r, r}
		case ir.Int:
			r := l.integer()
			l.halves[i] = [2]mach.Reg{r, r}
		}
	}
	if l.needsTable() {
		l.tab = l.integer()
		l.ins(regs(l.tab), nil, "MOVD $%s<>(SB), R%d", t.name, l.tab)
	}
	for i := range f.Ops {
		op := &f.Ops[i]
		if _, ok := l.consts[op.Dst.ID]; ok && op.Dst.Valid() && op.Code != ir.Const {
			panic(fmt.Sprintf("%s: %v assigns to a constant", f.Name, op.Code))
		}
		if _, ok := l.element[op.Dst.ID]; ok && op.Dst.Valid() {
			panic(fmt.Sprintf("%s: %v assigns to an element", f.Name, op.Code))
		}
		l.at, l.loaded = i, map[int]mach.Reg{}
		l.op(op)
		if op.Dst.Valid() {
			delete(l.numbers, op.Dst.ID)
		} else if op.Code == ir.Label {
			clear(l.numbers)
		}
	}
	l.prune()
	phys := l.code.Allocate(pools)
	for _, in := range l.code.Insts {
		in.Emit(func(r mach.Reg) int { return phys[r] })
	}
}

func (l *lowering) vector() mach.Reg  { return l.code.Reg(mach.FP) }
func (l *lowering) integer() mach.Reg { return l.code.Reg(mach.GP) }

func regs(r ...mach.Reg) []mach.Reg { return r }

// needsTable reports whether the function has anything in the table at all; if its uses turn out to be dead, so does
// the address.
func (l *lowering) needsTable() bool {
	for _, op := range l.f.Ops {
		if op.Code == ir.TailMask || op.Code == ir.Lookup || op.Code == ir.Const && op.Bits != 0 {
			return true
		}
	}
	return false
}

func (l *lowering) add(in mach.Inst, keep bool) {
	l.code.Insts = append(l.code.Insts, in)
	l.keep = append(l.keep, keep)
}

// text is an instruction's line: registers among args stand for their numbers.
func (l *lowering) text(format string, args []any) func(func(mach.Reg) int) {
	return func(phys func(mach.Reg) int) {
		actual := make([]any, len(args))
		for i, a := range args {
			actual[i] = a
			switch a := a.(type) {
			case mach.Reg:
				actual[i] = phys(a)
			case entry:
				actual[i] = l.table.offset(a)
			}
		}
		fmt.Fprintf(l.out, "\t"+format+"\n", actual...)
	}
}

// ins adds an instruction without effects but on the registers defs.
func (l *lowering) ins(defs, uses []mach.Reg, format string, args ...any) {
	l.add(mach.Inst{Defs: defs, Uses: uses, Emit: l.text(format, args)}, false)
}

// effect adds an instruction that must stay: it writes memory or flags.
func (l *lowering) effect(defs, uses []mach.Reg, format string, args ...any) {
	l.add(mach.Inst{Defs: defs, Uses: uses, Emit: l.text(format, args)}, true)
}

// word adds an instruction that Go's assembler does not know.
func (l *lowering) word(name string, e ir.Elem, dst mach.Reg, src ...mach.Reg) {
	l.wordUsing(src, name, e, dst, src...)
}

// wordUsing is word for an instruction whose uses are not only its sources.
func (l *lowering) wordUsing(uses []mach.Reg, name string, e ir.Elem, dst mach.Reg, src ...mach.Reg) {
	l.add(mach.Inst{Defs: regs(dst), Uses: uses, Emit: func(phys func(mach.Reg) int) {
		numbers := []int{phys(dst)}
		for _, s := range src {
			numbers = append(numbers, phys(s))
		}
		word, spelling := encode(name, e, numbers...)
		fmt.Fprintf(l.out, "\tWORD $%#08x // %s\n", word, spelling)
	}}, false)
}

// move copies a register of either kind.
func (l *lowering) move(dst, src mach.Reg) {
	if dst == src {
		return
	}
	line := l.text("VMOV V%d.B16, V%d.B16", []any{src, dst})
	if l.code.Kinds[dst] == mach.GP {
		line = l.text("MOVD R%d, R%d", []any{src, dst})
	}
	l.add(mach.Inst{Defs: regs(dst), Uses: regs(src), Move: true, Emit: func(phys func(mach.Reg) int) {
		if phys(dst) != phys(src) {
			line(phys)
		}
	}}, false)
}

// place puts a label here.
func (l *lowering) place(label int64) {
	l.add(mach.Inst{Label: label, Emit: func(func(mach.Reg) int) {
		fmt.Fprintf(l.out, "L%d:\n", label)
	}}, true)
}

// branch adds a jump; format starts the line, which the label ends.
func (l *lowering) branch(label int64, uses []mach.Reg, format string, args ...any) {
	l.add(mach.Inst{Uses: uses, Jump: label, Emit: l.text(format+fmt.Sprintf("L%d", label), args)}, true)
}

// prune removes the instructions whose results nobody reads.
func (l *lowering) prune() {
	for {
		live := l.live()
		var insts []mach.Inst
		var keep []bool
		for i, in := range l.code.Insts {
			needed := l.keep[i]
			for _, d := range in.Defs {
				needed = needed || live[i].Has(int(d))
			}
			if needed {
				insts, keep = append(insts, in), append(keep, l.keep[i])
			}
		}
		done := len(insts) == len(l.code.Insts)
		l.code.Insts, l.keep = insts, keep
		if done {
			return
		}
	}
}

func (l *lowering) live() []ir.Set {
	nodes := make([]ir.Node, len(l.code.Insts))
	for i, in := range l.code.Insts {
		n := ir.Node{Label: in.Label, Jump: in.Jump, Stop: in.Stop}
		for _, d := range in.Defs {
			n.Defs = append(n.Defs, int(d))
		}
		for _, u := range in.Uses {
			n.Uses = append(n.Uses, int(u))
		}
		nodes[i] = n
	}
	return ir.Liveness(nodes, len(l.code.Kinds))
}

// arrangement is the spelling of all lanes of a V register in Go's assembler.
func arrangement(e ir.Elem) string {
	if e == ir.F32 {
		return "S4"
	}
	return "D2"
}

// letter is the spelling of one lane.
func letter(e ir.Elem) string {
	if e == ir.F32 {
		return "S"
	}
	return "D"
}

// load fills dst with a constant.
func (l *lowering) load(dst mach.Reg, c ir.Op) {
	if c.Bits == 0 {
		l.zero(dst)
		return
	}
	l.ins(regs(dst), regs(l.tab), "FMOVQ %d(R%d), F%d", constant(c.Bits, c.Elem), l.tab, dst)
}

func (l *lowering) zero(dst mach.Reg) { l.ins(regs(dst), nil, "VMOVI $0, V%d.B16", dst) }

// reg is the register of one half of an argument; a constant is loaded, and an element spread, once for the operation.
func (l *lowering) reg(v ir.Val, half int) mach.Reg {
	_, isConst := l.consts[v.ID]
	_, isElement := l.element[v.ID]
	if !isConst && !isElement {
		return l.halves[v.ID][half]
	}
	r, ok := l.loaded[v.ID]
	if !ok {
		r = l.vector()
		l.fill(r, v, half)
		l.loaded[v.ID] = r
	}
	return r
}

// fill copies one half of an argument to dst; a constant is loaded there, an element spread.
func (l *lowering) fill(dst mach.Reg, v ir.Val, half int) {
	if c, ok := l.consts[v.ID]; ok {
		l.load(dst, c)
		return
	}
	if at, ok := l.element[v.ID]; ok {
		e := l.f.Ops[l.at].Elem
		l.ins(regs(dst), regs(at.reg), "VDUP V%d.%s[%d], V%d.%s", at.reg, letter(e), at.lane, dst, arrangement(e))
		return
	}
	l.move(dst, l.halves[v.ID][half])
}

// free reports whether an argument's register may be overwritten, or is none yet: nobody reads it after the operation.
func (l *lowering) free(v ir.Val) bool {
	_, isConst := l.consts[v.ID]
	return isConst || !l.flow.LiveOut[l.at].Has(v.ID)
}
