package kernels

import (
	"maps"
	"math"
	"math/bits"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hebbkern/hebbkern/kernels/internal/portable"
)

// parameter, entry and arguments are what the generated table is made of.
type parameter struct {
	name              string
	kind, shape       int
	written, optional bool
}

type entry[T Float] struct {
	name        string
	params      []parameter
	define, run func(*arguments[T])
}

type arguments[T Float] struct {
	slices  [][]T
	bools   [][]bool
	wides   [][]float64
	scalars []T
	ints    []int
	lists   [][]int
	scratch []int // of the slices, those in which anything may be left
}

// ran runs a case by its definition and in the way to be tested, and gives back what the definition made of it.
func (a *arguments[T]) ran(define, run func(*arguments[T])) (want *arguments[T]) {
	want = a.clone()
	define(want)
	run(a)
	for _, s := range a.scratch {
		copy(want.slices[s], a.slices[s])
	}
	return want
}

// Kinds and shapes of the table (gen/ir.ParamKind, gen/texts.Shape).
const (
	kindSlice, kindBools, kindWide, kindScalar, kindInt, kindList = 0, 1, 2, 3, 4, 5
	shapeMat, shapeRow, shapeCol, shapeN, shapeExp, shapeStep     = 1, 2, 3, 4, 5, 6
	shapeList, shapeColList, shapeRowList                         = 8, 9, 10
	shapePairMat, shapePairCol, shapePairList, shapeHalfList      = 11, 12, 13, 14
	shapeLimits, shapeOne, shapeScratch                           = 15, 16, 17
)

// size is one shape of a case.
type size struct{ rows, cols, pad, flags, steps, k int }

// special values, drawn often.
func specials[T Float]() []T {
	all := []float64{0, math.Copysign(0, -1), 1, -1, math.Inf(1), math.Inf(-1), math.NaN(), 0.5, 2, 1.5, -0.7, 1e-3}
	out := make([]T, 0, len(all)+6)
	for _, x := range all {
		out = append(out, T(x))
	}
	if single[T]() {
		for _, b := range []uint32{1, 0x80000001, 0x7fffff, 0x800000, 0x7f7fffff, 0x3f800001} {
			out = append(out, T(math.Float32frombits(b)))
		}
	} else {
		for _, b := range []uint64{1, 1<<63 | 1, 1<<52 - 1, 1 << 52, 0x7fefffffffffffff, 0x3ff0000000000001} {
			out = append(out, T(math.Float64frombits(b)))
		}
	}
	return out
}

// draw fills s: class 0 well-scaled values, 1 mostly special values, 2 any bit pattern.
func draw[T Float](r *rand.Rand, s []T, class int) {
	special := specials[T]()
	for i := range s {
		switch {
		case class == 1 && r.IntN(3) > 0 || class == 0 && r.IntN(200) == 0:
			s[i] = special[r.IntN(len(special))]
		case class == 2 && single[T]():
			s[i] = T(math.Float32frombits(r.Uint32()))
		case class == 2:
			s[i] = T(math.Float64frombits(r.Uint64()))
		default:
			s[i] = T(r.NormFloat64())
		}
	}
}

// build makes a case's arguments. Every slice ends, or begins, at a page that faults.
func build[T Float](r *rand.Rand, a *guarded, e entry[T], z size, class int) *arguments[T] {
	stride := z.cols + z.pad
	mat := 0
	if z.rows > 0 {
		mat = (z.rows-1)*stride + z.cols
	}
	var out arguments[T]
	named := map[string]int{"rows": z.rows, "cols": z.cols, "stride": stride, "n": z.cols, "maskStride": stride, "flags": z.flags, "far": z.flags >> 1,
		"dStep": z.steps & 1, "gsStep": z.steps >> 1 & 1, "aStep": z.steps >> 2 & 1, "count": min(z.k, z.cols), "limitStride": z.steps >> 1 & 1 * stride}
	if e.name == "SpikeRows" {
		named["count"] = min(z.k, z.rows)
	}
	pairs := z.rows / 2
	named["pairs"] = pairs
	if e.name == "PairRows" {
		named["count"] = min(z.k, pairs)
	}
	given := z.flags&1 != 0
	lengths := map[string]int{}
	products(e.name, z, named, lengths, sizeOf[T]())
	if strings.HasPrefix(e.name, "Online") { // x and r [samples, cols], y [samples, rows]
		samples, xStride, rStride, yStride := 1+z.k%3, z.cols+z.pad, z.cols+2*z.pad, z.rows+z.pad
		named["samples"], named["xStride"], named["rStride"], named["yStride"] = samples, xStride, rStride, yStride
		lengths["x"], lengths["r"], lengths["y"] = (samples-1)*xStride+z.cols, (samples-1)*rStride+z.cols, (samples-1)*yStride+z.rows
	}
	if e.name == "SolveLower" {
		first, aStride := z.k%5, z.rows+z.k%5+z.pad
		named["first"], named["aStride"] = first, aStride
		if z.rows > 0 {
			lengths["a"], lengths["d"] = (z.rows-1)*aStride+first+z.rows, (first+z.rows-1)*stride+z.cols
		}
	}
	lo, hi := T(-0.5), T(0.75)
	switch r.IntN(4) {
	case 0:
		lo, hi = 0, T(math.Inf(1))
	case 1:
		lo, hi = T(math.Inf(-1)), T(math.Copysign(0, -1))
	}
	for _, p := range e.params {
		length := 0
		switch p.shape {
		case shapeMat:
			length = mat
		case shapeRow:
			length = z.rows
		case shapeCol, shapeN:
			length = z.cols
		case shapePairMat:
			length = pairs * 2 * z.cols
		case shapePairCol:
			length = 2 * z.cols
		case shapeList, shapeColList, shapeRowList, shapePairList, shapeHalfList:
			length = named["count"]
		case shapeStep:
			length = 1
			if named[p.name+"Step"] == 1 {
				length = z.rows
			}
		case shapeOne:
			length = 1
		case shapeScratch:
			length = min(z.cols, portable.PowScratch)
			out.scratch = append(out.scratch, len(out.slices))
		case shapeLimits:
			length = mat
			if named["limitStride"] == 0 {
				length = min(z.cols, mat)
			}
		default:
			length = lengths[p.name]
		}
		switch p.kind {
		case kindSlice:
			if p.optional && !given && !slices.Contains([]string{"Rank1Any", "Rank1Full", "MulTile", "MulTileFull"}, e.name) {
				out.slices = append(out.slices, nil)
				break
			}
			if p.shape == shapeExp {
				s := make([]T, portable.PowLen)
				portable.PowPrepare([]float64{0.3, 0.9, 1.7, 2.7, 7.3}[z.k%5], s)
				out.slices = append(out.slices, s)
				break
			}
			s := carve[T](a, length, r.IntN(4) == 0)
			draw(r, s, class)
			if p.shape == shapeLimits {
				makeLimits(s, out.slices, p.name == "high")
			}
			out.slices = append(out.slices, s)
		case kindBools:
			length := mat
			if n, ok := lengths[p.name]; ok {
				length = n
			}
			s := carve[bool](a, length, false)
			for i := range s {
				s[i] = r.IntN(2) == 0
			}
			out.bools = append(out.bools, s)
		case kindWide:
			if p.optional && !given {
				out.wides = append(out.wides, nil)
				break
			}
			s := carve[float64](a, length, false)
			draw(r, s, class)
			out.wides = append(out.wides, s)
		case kindScalar:
			v := T(r.NormFloat64())
			switch p.name {
			case "lo":
				v = lo
			case "hi":
				v = hi
			case "slope":
				v = 0.01
			}
			out.scalars = append(out.scalars, v)
		case kindList:
			s := carve[int](a, length, false)
			units := z.cols
			switch p.shape {
			case shapeRowList:
				units = z.rows
			case shapePairList:
				units = pairs
			}
			copy(s, r.Perm(units)) // in any order, each once
			for k := range s {
				if p.shape == shapeHalfList {
					s[k] = halves[r.IntN(2)]
				}
			}
			out.lists = append(out.lists, s)
		case kindInt:
			n, ok := named[p.name]
			if !ok {
				panic(e.name + ": no value for " + p.name)
			}
			out.ints = append(out.ints, n)
		}
	}
	return &out
}

// makeLimits makes limits of what was drawn: no NaN, and the upper ones, which come after the lower ones, above these.
func makeLimits[T Float](s []T, before [][]T, upper bool) {
	for i, v := range s {
		if v != v {
			s[i] = 0
		}
		if low := before[len(before)-1]; upper && s[i] < low[i] {
			s[i] = low[i]
		}
	}
}

// plainRows is a flag of a case of MulTile: b is not in panels.
const plainRows = 1 << 16

// products adds the integers and lengths of the kernels of matrix products: rows × cols outputs, k terms, or for
// DotTile k rows of x, rows of w and cols terms. Their slices end where the last element that may be read is.
func products(name string, z size, named, lengths map[string]int, bytes int) {
	vector := 32 / bytes
	panels := (z.cols + 2*vector - 1) / (2 * vector)
	span := func(rows, cols, stride int) int {
		return max(0, (rows-1)*stride+cols)
	}
	set := func(ints, lens map[string]int) {
		maps.Copy(named, ints)
		maps.Copy(lengths, lens)
	}
	switch name {
	case "DotTile":
		m, n, k := z.k, z.rows, z.cols
		set(map[string]int{"m": m, "n": n, "k": k, "yStride": n + z.pad, "xStride": k + z.pad, "wStride": k + z.pad + 1, "ahead": z.steps % 3, "flags": z.flags},
			map[string]int{"y": span(m, n, n+z.pad), "x": span(m, k, k+z.pad), "w": span(n, k, k+z.pad+1), "lanes": m * n * vector})
	case "MulTile", "MulTileFull": // from panels, or from plain rows of whole vectors
		m := 1 + (z.rows+z.steps+z.k)%portable.MulRows
		stride, step := 2*vector, z.k*2*vector+z.pad
		if z.flags&plainRows != 0 {
			stride, step = z.cols+z.pad+vector, 2*vector
		}
		last := (z.cols - max(0, panels-1)*2*vector + vector - 1) / vector * vector // columns read of the last panel
		b := max(0, panels-1)*step + span(z.k, last, stride)
		if z.k == 0 {
			b = max(0, panels-1) * step
		}
		set(map[string]int{"m": m, "n": z.cols, "k": z.k, "cStride": z.cols + z.pad, "aStride": m + z.pad, "bStride": stride, "bPanel": step, "flags": z.flags &^ plainRows},
			map[string]int{"c": span(m, z.cols, z.cols+z.pad), "a": span(z.k, m, m+z.pad), "b": b, "f": m, "d": z.cols,
				"ra": m, "ca": z.cols, "mask": span(m, z.cols, z.cols+z.pad)})
	case "LaneTile":
		m := 1 + (z.rows+z.steps+z.k)%portable.MulRows
		scratch := portable.LaneScratch[float32]()
		if bytes == 8 {
			scratch = portable.LaneScratch[float64]()
		}
		more := (z.steps*37 + z.k*5) % (1 << vector)
		terms, read := z.k*vector+bits.OnesCount(uint(more)), (z.cols+vector-1)/vector*vector
		set(map[string]int{"m": m, "n": z.cols, "k": z.k, "more": more, "yStride": z.cols + z.pad, "xStride": read + z.pad},
			map[string]int{"y": span(m, z.cols, z.cols+z.pad), "w": terms * m, "x": span(terms, read, read+z.pad), "t": scratch})
	case "CopyRows":
		set(map[string]int{"yStride": z.cols + z.pad, "xStride": z.cols + 2*z.pad},
			map[string]int{"y": span(z.rows, z.cols, z.cols+z.pad), "x": span(z.rows, z.cols, z.cols+2*z.pad)})
	case "MulPack":
		step := z.k*2*vector + z.pad
		set(map[string]int{"n": z.cols, "k": z.k, "bStride": z.cols + z.pad, "bPanel": step},
			map[string]int{"p": max(0, (panels-1)*step+z.k*2*vector), "b": span(z.k, z.cols, z.cols+z.pad)})
	}
}

func (a *arguments[T]) clone() *arguments[T] {
	c := &arguments[T]{scalars: a.scalars, ints: a.ints, bools: a.bools, lists: a.lists}
	for _, s := range a.slices {
		c.slices = append(c.slices, slices.Clone(s))
	}
	for _, s := range a.wides {
		c.wides = append(c.wides, slices.Clone(s))
	}
	return c
}

func differ[T Float](x, y []T) int {
	for i := range x {
		if x[i] != y[i] && !(x[i] != x[i] && y[i] != y[i]) || x[i] == 0 && math.Signbit(float64(x[i])) != math.Signbit(float64(y[i])) {
			return i
		}
	}
	return -1
}

// thin reports whether the lengths are thinned, on emulators.
func thin() bool { return os.Getenv("HEBBKERN_TEST_THIN") != "" }

// lengths are all up to two strips and around the blocks' edges.
func lengths[T Float]() []int {
	lanes := 32
	if !single[T]() {
		lanes = 16
	}
	if thin() && !useAVX2 && !useNEON { // the definition beside itself: that it runs, tails and all
		return []int{0, 1, 2, 3, 5, 8, lanes - 1, lanes, lanes + 1, 2*lanes + 3, 257, 4097}
	}
	var all []int
	for n := 0; n <= 2*lanes+3; n++ {
		if !thin() || n < 12 || n%5 == 0 || n%lanes < 2 {
			all = append(all, n)
		}
	}
	return append(all, 255, 257, 4095, 4096)
}

// TestConformance holds every kernel of the path in use against its definition, bit for bit, in buffers that end at
// protected pages.
func TestConformance(t *testing.T) {
	if raceEnabled {
		t.Skip("primitives have one thread, so the race detector has nothing to see: the other runs do this")
	}
	t.Run("f32", conform[float32])
	t.Run("f64", conform[float64])
}

func conform[T Float](t *testing.T) {
	a := newGuarded(t)
	for _, e := range table[T]() {
		t.Run(e.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, uint64(len(e.name))))
			for i, cols := range lengths[T]() {
				sizes := []size{{rows: 1, cols: cols}, {rows: 3, cols: cols, pad: 5, steps: 7}, {rows: 18, cols: cols, pad: 1, steps: i}}
				if cols > 300 {
					sizes = sizes[:2]
				}
				if i == 0 {
					sizes = append(sizes, size{rows: 0, cols: 7})
				}
				if i == 3 && e.has("far") { // two blocks of rows that are read at once from memory
					sizes = append(sizes, size{rows: 131, cols: 37, pad: 2})
				}
				for _, z := range sizes {
					for _, flags := range e.variants(i) {
						z.flags, z.k = flags, i%7+flags&31
						for class := range 3 {
							a.reset()
							args := build(r, a, e, z, class)
							want := args.ran(e.define, e.run)
							for s := range args.slices {
								if k := differ(args.slices[s], want.slices[s]); k >= 0 {
									require.Failf(t, "other bits", "%+v class %d: slice %d element %d is %v (%x), defined as %v", z, class, s, k,
										args.slices[s][k], args.slices[s][k], want.slices[s][k])
								}
							}
							for s := range args.wides {
								if k := differ(args.wides[s], want.wides[s]); k >= 0 {
									require.Failf(t, "other bits", "%+v class %d: wide %d element %d is %v, defined as %v", z, class, s, k, args.wides[s][k], want.wides[s][k])
								}
							}
						}
					}
				}
			}
		})
	}
}

// variants is the values of flags that a case is tried with: Rank1Any and Rank1Full all sets of terms, spread over the lengths;
// MulTile each start, and from plain rows too; the others without and with their optional slice, those that are told
// how far away w lies for each distance.
func (e entry[T]) variants(i int) []int {
	switch e.name {
	case "Rank1Any":
		var all []int
		for f := i % 8; f < 128; f += 8 {
			all = append(all, f)
		}
		return all
	case "Rank1Full":
		var all []int
		for f := i * 37 % 128; f < 1024; f += 128 {
			all = append(all, f)
		}
		return all
	case "OnlineGated", "OnlineGatedD": // each step of the threshold, each factor in turn
		return []int{i * 5 % 8, i*3%8 | portable.GateMean, i*7%8 | portable.GateSquare, i%8 | portable.GateLast}
	case "DotTile":
		return []int{0, portable.DotKeep, portable.DotMore, portable.DotMore | portable.DotKeep}
	case "MulTile":
		return []int{0, plainRows | portable.MulZero, portable.MulKeep, plainRows | portable.MulCols}
	case "MulTileFull": // each start and each set of terms, in turn
		var all []int
		for k, start := range []int{0, portable.MulKeep, portable.MulCols} {
			all = append(all, (i+k)%3/2*plainRows|start|(i*5+k*3)%16*portable.MulRowAdd)
		}
		return all
	}
	if e.has("far") {
		return []int{0, 1, 2, 3, 4, 5}
	}
	return []int{0, 1}
}

func (e entry[T]) has(parameterName string) bool {
	return slices.ContainsFunc(e.params, func(p parameter) bool { return p.name == parameterName })
}
