// Package amd64 lowers kernels to AVX2 and FMA3 through avo.
package amd64

import (
	"bytes"
	"fmt"
	"sort"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	avo "github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
	"github.com/mmcloughlin/avo/reg"

	"github.com/hebbkern/hebbkern/gen/ir"
)

// VecSize is the number of bytes in a YMM register.
const VecSize = 32

// Needs are the instruction-set extensions behind the gate of this path; Print refuses any other. MMX+ is avo's name for
// what brought the prefetch instructions, which are part of SSE and so of every amd64.
var Needs = []string{"AVX", "AVX2", "FMA3", "MMX+"}

// everywhere is avo's name for what brought PREFETCHT0, which SSE has too and so every amd64.
const everywhere = "MMX+"

// Registers. BP is the frame pointer, and R15 belongs to the linker where code is position-independent. R14 holds the
// goroutine only under Go's register calling convention, whose wrappers restore it.
var general = []reg.GPPhysical{
	reg.RAX, reg.RBX, reg.RCX, reg.RDX, reg.RSI, reg.RDI, reg.R8, reg.R9, reg.R10, reg.R11, reg.R12, reg.R13, reg.R14,
}

var ymm = []reg.VecPhysical{
	reg.Y0, reg.Y1, reg.Y2, reg.Y3, reg.Y4, reg.Y5, reg.Y6, reg.Y7,
	reg.Y8, reg.Y9, reg.Y10, reg.Y11, reg.Y12, reg.Y13, reg.Y14, reg.Y15,
}

func pool(n int) []int {
	p := make([]int, n)
	for i := range p {
		p[i] = i
	}
	return p
}

// Print writes the Go assembly of the functions of one family.
func Print(family string, funcs []*ir.Func, symbol func(*ir.Func) string) ([]byte, error) {
	ctx := build.NewContext()
	ctx.ConstraintExpr("amd64,!purego")
	consts := constants(ctx, family, funcs)
	for _, f := range funcs {
		if f.VecSize != VecSize {
			return nil, fmt.Errorf("%s: a vector of %d bytes", f.Name, f.VecSize)
		}
		ctx.Function(symbol(f))
		ctx.Attributes(attr.NOSPLIT)
		ctx.SignatureExpr("func" + f.Signature())
		lower(ctx, f, consts)
	}
	file, err := ctx.Result()
	if err != nil {
		return nil, err
	}
	if err := pass.Compile.Execute(file); err != nil {
		return nil, err
	}
	if err := checkNeeds(file); err != nil {
		return nil, err
	}
	out, err := printer.NewGoAsm(printer.Config{Name: "github.com/hebbkern/hebbkern/gen", Pkg: "asm"}).Print(file)
	return bytes.TrimSuffix(out, []byte("\n\n")), err
}

// checkNeeds is the proof that the gate covers every instruction.
func checkNeeds(file *avo.File) error {
	gate := map[string]bool{everywhere: true}
	for _, n := range Needs {
		gate[n] = true
	}
	for _, f := range file.Functions() {
		for _, isa := range f.ISA {
			if !gate[isa] {
				return fmt.Errorf("%s needs %s, which its gate does not ask for", f.Name, isa)
			}
		}
	}
	return nil
}

type pattern struct {
	elem ir.Elem
	bits uint64
}

// constants writes the table of all constants of a file, each filling a register.
func constants(ctx *build.Context, family string, funcs []*ir.Func) map[pattern]operand.Mem {
	seen := map[pattern]bool{}
	for _, f := range funcs {
		for _, op := range f.Ops {
			switch op.Code {
			case ir.Const:
				seen[pattern{op.Elem, op.Bits}] = true
			case ir.TailMask:
				seen[laneNumbers(op.Elem)] = true
			}
		}
	}
	if len(seen) == 0 {
		return nil
	}
	var all []pattern
	for p := range seen {
		all = append(all, p)
	}
	sort.Slice(all, func(i, j int) bool {
		if all[i].elem != all[j].elem {
			return all[i].elem < all[j].elem
		}
		return all[i].bits < all[j].bits
	})
	base := ctx.StaticGlobal(family + "Constants")
	ctx.DataAttributes(attr.RODATA | attr.NOPTR)
	at := map[pattern]operand.Mem{}
	for _, p := range all {
		offset := len(at) * VecSize
		at[p] = base.Offset(offset)
		for l := 0; l < VecSize; l += int(p.elem.Size()) {
			bits := p.bits
			if p == laneNumbers(p.elem) {
				bits = uint64(l) / uint64(p.elem.Size())
			}
			if p.elem == ir.F32 {
				ctx.AddDatum(offset+l, operand.U32(bits))
			} else {
				ctx.AddDatum(offset+l, operand.U64(bits))
			}
		}
	}
	return at
}

// laneNumbers stands for the table 0, 1, 2, ... among the constants; no text has this pattern (a NaN).
func laneNumbers(e ir.Elem) pattern {
	if e == ir.F32 {
		return pattern{e, 0xffff1a9e}
	}
	return pattern{e, 0xffffffff_ffff1a9e}
}
