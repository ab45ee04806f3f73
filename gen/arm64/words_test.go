package arm64

import (
	"encoding/binary"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/arch/arm64/arm64asm"

	"github.com/hebbkern/hebbkern/gen/ir"
)

func decode(t *testing.T, word uint32) string {
	t.Helper()
	inst, err := arm64asm.Decode(binary.LittleEndian.AppendUint32(nil, word))
	require.NoError(t, err, "%#x", word)
	return inst.String()
}

func TestEncodings(t *testing.T) {
	for _, c := range []struct {
		name string
		e    ir.Elem
		regs []int
		word uint32 // as another assembler has it
		text string
	}{
		{"FADD", ir.F32, []int{0, 1, 2}, 0x4e22d420, "FADD V0.4S, V1.4S, V2.4S"},
		{"FADD", ir.F64, []int{0, 1, 2}, 0x4e62d420, "FADD V0.2D, V1.2D, V2.2D"},
		{"FSUB", ir.F32, []int{0, 1, 2}, 0x4ea2d420, "FSUB V0.4S, V1.4S, V2.4S"},
		{"FMUL", ir.F32, []int{0, 1, 2}, 0x6e22dc20, "FMUL V0.4S, V1.4S, V2.4S"},
		{"FDIV", ir.F32, []int{0, 1, 2}, 0x6e22fc20, "FDIV V0.4S, V1.4S, V2.4S"},
		{"FMAX", ir.F32, []int{0, 1, 2}, 0x4e22f420, "FMAX V0.4S, V1.4S, V2.4S"},
		{"FMIN", ir.F32, []int{0, 1, 2}, 0x4ea2f420, "FMIN V0.4S, V1.4S, V2.4S"},
		{"FCMGT", ir.F32, []int{0, 1, 2}, 0x6ea2e420, "FCMGT V0.4S, V1.4S, V2.4S"},
		{"FCMGE", ir.F32, []int{0, 1, 2}, 0x6e22e420, "FCMGE V0.4S, V1.4S, V2.4S"},
		{"FCMEQ", ir.F32, []int{0, 1, 2}, 0x4e22e420, "FCMEQ V0.4S, V1.4S, V2.4S"},
		{"CMGT", ir.F32, []int{0, 1, 2}, 0x4ea23420, "CMGT V0.4S, V1.4S, V2.4S"},
		{"CMGT", ir.F64, []int{0, 1, 2}, 0x4ee23420, "CMGT V0.2D, V1.2D, V2.2D"},
		{"MUL", ir.F32, []int{0, 1, 2}, 0x4ea29c20, "MUL V0.4S, V1.4S, V2.4S"},
		{"SCVTF", ir.F32, []int{0, 1}, 0x4e21d820, "SCVTF V0.4S, V1.4S"},
		{"FSQRT", ir.F32, []int{0, 1}, 0x6ea1f820, "FSQRT V0.4S, V1.4S"},
		{"FSQRT", ir.F64, []int{0, 1}, 0x6ee1f820, "FSQRT V0.2D, V1.2D"},
		{"BIC", ir.F32, []int{0, 1, 2}, 0x4e621c20, "BIC V0.16B, V1.16B, V2.16B"},
		{"BIC", ir.F64, []int{0, 1, 2}, 0x4e621c20, "BIC V0.16B, V1.16B, V2.16B"},
		{"MVN", ir.F64, []int{0, 1}, 0x6e205820, "MVN V0.16B, V1.16B"},
		{"FCVTL", ir.F32, []int{0, 1}, 0x0e617820, "FCVTL V0.2D, V1.2S"},
		{"FCVTL2", ir.F32, []int{0, 1}, 0x4e617820, "FCVTL2 V0.2D, V1.4S"},
		{"FCVTN", ir.F32, []int{0, 1}, 0x0e616820, "FCVTN V0.2S, V1.2D"},
		{"FCVTN2", ir.F32, []int{0, 1}, 0x4e616820, "FCVTN2 V0.4S, V1.2D"},
		{"FADDP", ir.F32, []int{0, 1}, 0x7e30d820, "FADDP S0, V1.2S"},
		{"FADDP", ir.F64, []int{0, 1}, 0x7e70d820, "FADDP D0, V1.2D"},
		{"FADDP.V", ir.F32, []int{0, 1, 2}, 0x6e22d420, "FADDP V0.4S, V1.4S, V2.4S"},
		{"FADDP.V", ir.F64, []int{0, 1, 2}, 0x6e62d420, "FADDP V0.2D, V1.2D, V2.2D"},
		{"FMLA.L", ir.F32, []int{0, 1, 18, 3}, 0x4fb21820, "FMLA V0.4S, V1.4S, V18.S[3]"},
		{"FMLS.L", ir.F32, []int{0, 1, 2, 1}, 0x4fa25020, "FMLS V0.4S, V1.4S, V2.S[1]"},
		{"FMLA.L", ir.F64, []int{0, 1, 2, 1}, 0x4fc21820, "FMLA V0.2D, V1.2D, V2.D[1]"},
		{"FMAXP", ir.F32, []int{0, 1}, 0x7e30f820, "FMAXP S0, V1.2S"},
		{"FMAXP", ir.F64, []int{0, 1}, 0x7e70f820, "FMAXP D0, V1.2D"},
	} {
		word, text := encode(c.name, c.e, c.regs...)
		require.Equal(t, c.text, text)
		require.Equal(t, c.word, word, c.text)
	}
}

func TestEncodingsAgreeWithTheDecoder(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(codings)) {
		c := codings[name]
		for _, e := range []ir.Elem{ir.F32, ir.F64} {
			for i := range 32 {
				regs := []int{i, (3*i + 5) % 32, (7*i + 11) % 32}[:c.registers()]
				if c.shape == lane {
					regs = append(regs, i%int(16/e.Size()))
				}
				word, text := encode(name, e, regs...)
				require.Equal(t, decode(t, word), text)
			}
		}
	}
	require.Panics(t, func() { encode("FADD", ir.F32, 0, 1) })
	require.Panics(t, func() { encode("FADD", ir.F32, 0, 1, 32) })
	require.Panics(t, func() { encode("FRINTN", ir.F32, 0, 1) })
	require.Panics(t, func() { encode("FADD", ir.F32, 0, 1, 2, 3) })
	require.Panics(t, func() { encode("FMLA.L", ir.F32, 0, 1, 2) })
	require.Panics(t, func() { encode("FMLA.L", ir.F64, 0, 1, 2, 2) })
}

var wordLine = regexp.MustCompile(`(?m)^\tWORD \$(0x[0-9a-f]{8}) // (.*)$`)

func TestEveryWordIsWhatItsCommentSays(t *testing.T) {
	seen := 0
	for _, all := range programs() {
		text, err := Print("test", funcs(all), symbol)
		require.NoError(t, err)
		require.Len(t, regexp.MustCompile(`\bWORD\b`).FindAllIndex(text, -1), len(wordLine.FindAllIndex(text, -1)))
		for _, m := range wordLine.FindAllSubmatch(text, -1) {
			word, err := strconv.ParseUint(string(m[1]), 0, 32)
			require.NoError(t, err)
			require.Equal(t, decode(t, uint32(word)), string(m[2]))
			seen++
		}
	}
	t.Log(seen, "words")
}

func TestPrintRefuses(t *testing.T) {
	text := func(b *ir.Builder) { b.Store(b.Param("dst"), 0, b.Const(1)) }
	f := ir.Build("f", ir.F32, 32, params, text)
	_, err := Print("test", []*ir.Func{f, f}, symbol)
	require.Error(t, err)
	require.Panics(t, func() { _, _ = Print("test", []*ir.Func{ir.Build("f", ir.F32, 64, params, text)}, symbol) })
}
