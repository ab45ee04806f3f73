package kernels

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/hebbkern/hebbkern/gen/ir"
	"github.com/hebbkern/hebbkern/gen/texts"
)

// TestTexts runs the text of every kernel on slices, without an assembler, against its definition: at the 32 bytes of
// both targets and, to prove that no text counts on them, at 16 and 64.
func TestTexts(t *testing.T) {
	if thin() {
		t.Skip("the interpreter is the same on every processor, and slow: its tests are in the runs that are not thinned")
	}
	t.Run("f32", func(t *testing.T) { interpret[float32](t, ir.F32) })
	t.Run("f64", func(t *testing.T) { interpret[float64](t, ir.F64) })
}

func interpret[T Float](t *testing.T, elem ir.Elem) {
	byName := map[string]texts.Kernel{}
	for _, k := range texts.Table() {
		byName[k.Name] = k
	}
	a := newGuarded(t)
	entries := table[T]()
	require.Len(t, byName, len(entries))
	for _, e := range entries {
		t.Run(e.name, func(t *testing.T) {
			for _, vecSize := range []int64{32, 16, 64} {
				// The lanes of a dot are one vector of 32 bytes, a panel is two; masks are loaded as 4 or 8 bytes.
				if vecSize != 32 && (strings.HasPrefix(e.name, "Online") || slices.Contains([]string{"MatVec", "DotTile", "MulTile", "MulTileFull", "LaneTile", "MulPack", "Rank1Any", "Rank1Full", "PairRows"}, e.name)) {
					continue
				}
				f := byName[e.name].Func(elem, vecSize)
				ir.Analyse(f)
				r := rand.New(rand.NewPCG(2, uint64(vecSize)))
				for i, cols := range []int{0, 1, 3, 7, 8, 15, 17, 31, 33, 64, 71} {
					for _, flags := range e.variants(i) {
						a.reset()
						args := build(r, a, e, size{rows: 1 + i%11, cols: cols, pad: i % 3, flags: flags, steps: i, k: i + flags&31}, i%3)
						want := args.ran(e.define, func(args *arguments[T]) { execute(f, args) })
						for s := range args.slices {
							k := differ(args.slices[s], want.slices[s])
							require.Negative(t, k, "vectors of %d bytes, %d columns, flags %d: slice %d", vecSize, cols, flags, s)
						}
						for s := range args.wides {
							require.Negative(t, differ(args.wides[s], want.wides[s]), "vectors of %d bytes, %d columns", vecSize, cols)
						}
					}
				}
			}
		})
	}
}

// execute runs a text on the arguments of a case.
func execute[T Float](f *ir.Func, a *arguments[T]) {
	var m ir.Machine
	next := map[ir.ParamKind]int{}
	args := map[string]uint64{}
	for _, p := range f.Params {
		i := next[p.Kind]
		next[p.Kind]++
		switch p.Kind {
		case ir.Slice:
			args[p.Name] = m.Bytes(raw(a.slices[i]))
		case ir.Bools:
			args[p.Name] = m.Bytes(raw(a.bools[i]))
		case ir.Wide:
			args[p.Name] = m.Bytes(raw(a.wides[i]))
		case ir.List:
			args[p.Name] = m.Bytes(raw(a.lists[i]))
		case ir.Scalar:
			if single[T]() {
				args[p.Name] = uint64(math.Float32bits(float32(a.scalars[i])))
			} else {
				args[p.Name] = math.Float64bits(float64(a.scalars[i]))
			}
		case ir.Integer:
			args[p.Name] = uint64(a.ints[i])
		}
	}
	m.Run(f, args)
}

// raw is the memory of a slice; nil stays nil, an empty slice is no access at all.
func raw[E any](s []E) []byte {
	if s == nil {
		return nil
	}
	var zero E
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(zero)))
}
