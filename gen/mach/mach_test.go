package mach

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func inst(defs, uses []Reg) Inst { return Inst{Defs: defs, Uses: uses} }

func r(regs ...Reg) []Reg { return regs }

// twoValues defines two values and reads both.
func twoValues() (*Code, Reg, Reg) {
	c := &Code{Name: "test"}
	a, b := c.Reg(FP), c.Reg(FP)
	c.Insts = []Inst{inst(r(a), nil), inst(r(b), nil), inst(nil, r(a, b)), {Stop: true}}
	return c, a, b
}

func TestCheckFindsAClash(t *testing.T) {
	c, _, _ := twoValues()
	require.NotPanics(t, func() { c.check([]int{0, 1}) })
	require.Panics(t, func() { c.check([]int{1, 1}) })
}

func TestCheckKeepsKindsApart(t *testing.T) {
	c := &Code{Name: "test"}
	a, b := c.Reg(FP), c.Reg(GP)
	c.Insts = []Inst{inst(r(a), nil), inst(r(b), nil), inst(nil, r(a, b)), {Stop: true}}
	require.NotPanics(t, func() { c.check([]int{3, 3}) })
}

func TestCheckFindsAReadOfNothing(t *testing.T) {
	c := &Code{Name: "test"}
	a := c.Reg(GP)
	c.Insts = []Inst{inst(nil, r(a)), {Stop: true}}
	require.Panics(t, func() { c.check([]int{0}) })
}

// A clash that happens only in the second round of a loop.
func TestCheckFollowsLoops(t *testing.T) {
	c := &Code{Name: "test"}
	a, b := c.Reg(FP), c.Reg(FP)
	c.Insts = []Inst{
		inst(r(a), nil),
		{Label: 1},
		inst(nil, r(a)),
		inst(r(b), nil),
		inst(nil, r(b)),
		{Jump: 1},
		{Stop: true},
	}
	require.NotPanics(t, func() { c.check([]int{0, 1}) })
	require.Panics(t, func() { c.check([]int{0, 0}) })
	phys := c.Allocate(map[Kind][]int{FP: {5, 6}})
	require.NotEqual(t, phys[a], phys[b])
	require.Equal(t, []int{5, 6}, c.Used(phys, FP))
	require.Empty(t, c.Used(phys, GP))
}

// A clash on one of two paths that meet.
func TestCheckFollowsBothPaths(t *testing.T) {
	c := &Code{Name: "test"}
	a, b := c.Reg(FP), c.Reg(FP)
	c.Insts = []Inst{
		inst(r(a), nil),
		{Jump: 1},
		inst(r(b), nil),
		inst(nil, r(b)),
		{Label: 1},
		inst(nil, r(a)),
		{Stop: true},
	}
	require.NotPanics(t, func() { c.check([]int{0, 1}) })
	require.Panics(t, func() { c.check([]int{0, 0}) })
}

func TestTooManyValues(t *testing.T) {
	c, _, _ := twoValues()
	require.Panics(t, func() { c.Allocate(map[Kind][]int{FP: {0}}) })
	require.NotPanics(t, func() { c.Allocate(map[Kind][]int{FP: {0, 7}}) })
}

func TestMoves(t *testing.T) {
	build := func(sourceLives bool) (*Code, Reg, Reg) {
		c := &Code{Name: "test"}
		a, b := c.Reg(FP), c.Reg(FP)
		c.Insts = []Inst{inst(r(a), nil), {Defs: r(b), Uses: r(a), Move: true}, inst(nil, r(b))}
		if sourceLives {
			c.Insts = append(c.Insts, inst(nil, r(a)))
		}
		c.Insts = append(c.Insts, Inst{Stop: true})
		return c, a, b
	}
	c, a, b := build(false)
	phys := c.Allocate(map[Kind][]int{FP: {0, 1}})
	require.Equal(t, phys[a], phys[b], "the move goes away")
	c, _, _ = build(true)
	require.NotPanics(t, func() { c.Allocate(map[Kind][]int{FP: {0, 1}}) })
}

func TestResultsOfOneInstructionDiffer(t *testing.T) {
	c := &Code{Name: "test"}
	a, b := c.Reg(FP), c.Reg(FP)
	c.Insts = []Inst{inst(r(a, b), nil), inst(nil, r(a)), {Stop: true}} // b is not read
	phys := c.Allocate(map[Kind][]int{FP: {0, 1}})
	require.NotEqual(t, phys[a], phys[b])
}

// Random programs compute the same with virtual registers and with the physical ones.
func TestAllocationKeepsMeaning(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		c := &Code{Name: "random"}
		values := 3 + rng.IntN(12)
		for range values {
			c.Reg(FP)
		}
		for v := range values {
			c.Insts = append(c.Insts, inst(r(Reg(v)), nil))
		}
		pick := func() Reg { return Reg(rng.IntN(values)) }
		for range 40 {
			switch rng.IntN(8) {
			case 0:
				c.Insts = append(c.Insts, Inst{Jump: int64(1 + rng.IntN(3))})
			case 1:
				c.Insts = append(c.Insts, Inst{Defs: r(pick()), Uses: r(pick()), Move: true})
			default:
				c.Insts = append(c.Insts, inst(r(pick()), r(pick(), pick())))
			}
		}
		for label := range int64(3) { // labels behind the definitions
			at := values + rng.IntN(len(c.Insts)-values)
			c.Insts = append(c.Insts[:at], append([]Inst{{Label: label + 1}}, c.Insts[at:]...)...)
		}
		c.Insts = append(c.Insts, inst(nil, r(pick(), pick())), Inst{Stop: true})
		phys := c.Allocate(map[Kind][]int{FP: {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14}})
		seed := rng.Uint64()
		virtual := trace(c, func(v Reg) int { return int(v) }, seed)
		require.Equal(t, virtual, trace(c, func(v Reg) int { return phys[v] }, seed))
	}
}

// trace runs the code with registers where the function says, jumps being taken by the seed, and returns all that the
// instructions read.
func trace(c *Code, at func(Reg) int, seed uint64) (read []uint64) {
	labels := map[int64]int{}
	for i, in := range c.Insts {
		if in.Label != 0 {
			labels[in.Label] = i
		}
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	var file [64]uint64
	for i, steps := 0, 0; i < len(c.Insts) && steps < 300; i, steps = i+1, steps+1 {
		in := c.Insts[i]
		hash := uint64(i)
		if in.Move {
			hash = file[at(in.Uses[0])]
		} else {
			for _, u := range in.Uses {
				read = append(read, file[at(u)])
				hash = hash*0x9e3779b97f4a7c15 + file[at(u)]
			}
		}
		for k, d := range in.Defs {
			file[at(d)] = hash + uint64(k)
		}
		if in.Jump != 0 && rng.IntN(2) == 0 {
			i = labels[in.Jump]
		}
	}
	return read
}
