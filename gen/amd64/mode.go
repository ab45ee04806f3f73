package amd64

import (
	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
)

// defaultMXCSR is the processor's start-up value: all exceptions masked, round to nearest, subnormals kept.
const defaultMXCSR = 0x1f80

// Mode writes SetFPMode and Pause.
func Mode() ([]byte, error) {
	ctx := build.NewContext()
	ctx.ConstraintExpr("amd64,!purego")
	mode := ctx.StaticGlobal("fpmode")
	ctx.DataAttributes(attr.RODATA | attr.NOPTR)
	ctx.AddDatum(0, operand.U32(defaultMXCSR))
	ctx.Function("SetFPMode")
	ctx.Attributes(attr.NOSPLIT)
	ctx.SignatureExpr("func()")
	ctx.LDMXCSR(mode)
	ctx.RET()
	ctx.Function("Pause")
	ctx.Attributes(attr.NOSPLIT)
	ctx.SignatureExpr("func()")
	ctx.PAUSE()
	ctx.RET()
	file, err := ctx.Result()
	if err != nil {
		return nil, err
	}
	if err := pass.Compile.Execute(file); err != nil {
		return nil, err
	}
	return printer.NewGoAsm(printer.Config{Name: "github.com/hebbkern/hebbkern/gen", Pkg: "asm"}).Print(file)
}
