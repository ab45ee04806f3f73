package arm64

import (
	"fmt"
	"strings"

	"github.com/hebbkern/hebbkern/gen/ir"
)

// shape is how an instruction's operands are spelt.
type shape uint8

const (
	same3   shape = iota // Vd.T, Vn.T, Vm.T
	same2                // Vd.T, Vn.T
	words3               // Vd.4S, Vn.4S, Vm.4S
	bits3                // Vd.16B, Vn.16B, Vm.16B
	bits2                // Vd.16B, Vn.16B
	pair                 // Sd, Vn.2S or Dd, Vn.2D
	long                 // Vd.2D, Vn.2S
	long2                // Vd.2D, Vn.4S
	narrow               // Vd.2S, Vn.2D
	narrow2              // Vd.4S, Vn.2D
	lane                 // Vd.T, Vn.T, Vm.S[i] or Vm.D[i]
)

// coding is an instruction that Go's assembler does not know. The opcode has all registers 0 and, where the element
// type matters, float32 lanes. In its name, what follows a dot tells forms of one spelling apart.
type coding struct {
	opcode uint32
	shape  shape
}

// wide is the bit that turns 32-bit lanes into 64-bit ones in every opcode of shape same3, same2, pair or lane.
const wide = 1 << 22

var codings = map[string]coding{
	"FADD":    {0x4e20d400, same3},
	"FSUB":    {0x4ea0d400, same3},
	"FMUL":    {0x6e20dc00, same3},
	"FDIV":    {0x6e20fc00, same3},
	"FMAX":    {0x4e20f400, same3},
	"FMIN":    {0x4ea0f400, same3},
	"FCMGT":   {0x6ea0e400, same3},
	"FCMGE":   {0x6e20e400, same3},
	"FCMEQ":   {0x4e20e400, same3},
	"CMGT":    {0x4ea03400, same3},
	"FSQRT":   {0x6ea1f800, same2},
	"BIC":     {0x4e601c00, bits3},
	"MVN":     {0x6e205800, bits2},
	"FADDP":   {0x7e30d800, pair},
	"FADDP.V": {0x6e20d400, same3},
	"FMLA.L":  {0x4f801000, lane},
	"FMLS.L":  {0x4f805000, lane},
	"FMAXP":   {0x7e30f800, pair},
	"FCVTL":   {0x0e617800, long},
	"FCVTL2":  {0x4e617800, long2},
	"FCVTN":   {0x0e616800, narrow},
	"FCVTN2":  {0x4e616800, narrow2},
	"SCVTF":   {0x4e21d800, same2},
	"MUL":     {0x4ea09c00, words3},
}

// registers is how many registers an instruction names.
func (c coding) registers() int {
	switch c.shape {
	case same3, words3, bits3, lane:
		return 3
	}
	return 2
}

// encode is an instruction's word and its spelling in ARM's syntax. regs are the destination and the sources, and for
// shape lane the lane's number.
func encode(name string, e ir.Elem, regs ...int) (uint32, string) {
	c, ok := codings[name]
	if !ok {
		panic("no encoding of " + name)
	}
	count, index := c.registers(), -1
	if c.shape == lane && len(regs) == count+1 {
		regs, index = regs[:count], regs[count]
	}
	if len(regs) != count || (c.shape == lane) != (index >= 0) {
		panic(fmt.Sprintf("%s takes %d registers", name, count))
	}
	word := c.opcode
	for i, r := range regs {
		if r < 0 || r > 31 {
			panic(fmt.Sprintf("%s: no register V%d", name, r))
		}
		word |= uint32(r) << [...]uint{0, 5, 16}[i]
	}
	name, _, _ = strings.Cut(name, ".")
	var d, n, s string // arrangements of destination and sources, name of the scalar register
	switch c.shape {
	case same3, same2, pair, lane:
		d, n, s = "4S", "2S", "S"
		if e == ir.F64 {
			word |= wide
			d, n, s = "2D", "2D", "D"
		}
		if c.shape == lane {
			bits := 2 // of the lane's number: H and L, or H
			letter := "S"
			if e == ir.F64 {
				bits, letter = 1, "D"
			}
			if index >= 1<<bits {
				panic(fmt.Sprintf("%s: no lane %d", name, index))
			}
			index <<= 2 - bits
			word |= uint32(index>>1)<<11 | uint32(index&1)<<21
			return word, fmt.Sprintf("%s V%d.%s, V%d.%s, V%d.%s[%d]", name, regs[0], d, regs[1], d, regs[2], letter, index>>(2-bits))
		}
		if c.shape == pair {
			return word, fmt.Sprintf("%s %s%d, V%d.%s", name, s, regs[0], regs[1], n)
		}
		n = d
	case words3:
		d, n = "4S", "4S"
	case bits3, bits2:
		d, n = "16B", "16B"
	case long:
		d, n = "2D", "2S"
	case long2:
		d, n = "2D", "4S"
	case narrow:
		d, n = "2S", "2D"
	case narrow2:
		d, n = "4S", "2D"
	}
	text := fmt.Sprintf("%s V%d.%s, V%d.%s", name, regs[0], d, regs[1], n)
	if count == 3 {
		text += fmt.Sprintf(", V%d.%s", regs[2], n)
	}
	return word, text
}
