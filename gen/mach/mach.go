// Package mach holds machine instructions on virtual registers, assigns physical registers to them, and proves that no
// assignment lets one value overwrite another that is still needed. Both lowerings use it.
package mach

import (
	"fmt"
	"sort"

	"github.com/hebbkern/hebbkern/gen/ir"
)

// Kind is a class of physical registers.
type Kind uint8

const (
	GP Kind = iota // general purpose
	FP             // vector
)

// Reg is a virtual register, a number in its Code.
type Reg int

// Inst is one machine instruction. A register that the instruction both reads and writes stands in Defs and in Uses.
type Inst struct {
	Defs, Uses []Reg
	Label      int64 // placed here, or 0
	Jump       int64 // target, or 0
	Stop       bool  // control does not fall through
	Move       bool  // copies Uses[0] to Defs[0]: dropped when both get the same register
	Emit       func(phys func(Reg) int)
}

// Code is a function's instructions.
type Code struct {
	Name  string
	Insts []Inst
	Kinds []Kind // of each virtual register
}

// Reg makes a virtual register.
func (c *Code) Reg(k Kind) Reg {
	c.Kinds = append(c.Kinds, k)
	return Reg(len(c.Kinds) - 1)
}

func ints(regs []Reg) []int {
	out := make([]int, len(regs))
	for i, r := range regs {
		out[i] = int(r)
	}
	return out
}

// Allocate assigns a physical register to each virtual one, from pools[kind], by colouring the interference graph
// (Chaitin and Briggs, without spilling: a kernel that needs more registers than there are is an error in its text).
func (c *Code) Allocate(pools map[Kind][]int) []int {
	nodes := make([]ir.Node, len(c.Insts))
	for i, in := range c.Insts {
		nodes[i] = ir.Node{Defs: ints(in.Defs), Uses: ints(in.Uses), Label: in.Label, Jump: in.Jump, Stop: in.Stop}
	}
	n := len(c.Kinds)
	live := ir.Liveness(nodes, n)
	graph := make([]ir.Set, n)
	for i := range graph {
		graph[i] = ir.NewSet(n)
	}
	hints := make([][]int, n)
	used := make([]bool, n)
	for i, in := range c.Insts {
		for _, d := range in.Defs {
			used[d] = true
			for v := 0; v < n; v++ {
				if v == int(d) || c.Kinds[v] != c.Kinds[d] {
					continue
				}
				together := false
				for _, d2 := range in.Defs {
					together = together || v == int(d2)
				}
				if !together && !live[i].Has(v) {
					continue
				}
				graph[d].Add(v)
				graph[v].Add(int(d))
			}
		}
		if in.Move {
			d, s := int(in.Defs[0]), int(in.Uses[0])
			hints[d] = append(hints[d], s)
			hints[s] = append(hints[s], d)
		}
	}
	// Simplify: the node with the fewest neighbours left goes first and is coloured last.
	degree := make([]int, n)
	for v := range graph {
		for u := 0; u < n; u++ {
			if graph[v].Has(u) {
				degree[v]++
			}
		}
	}
	var stack []int
	gone := make([]bool, n)
	for len(stack) < n {
		best := -1
		for v := 0; v < n; v++ {
			if !gone[v] && (best < 0 || degree[v] < degree[best]) {
				best = v
			}
		}
		gone[best] = true
		stack = append(stack, best)
		for u := 0; u < n; u++ {
			if graph[best].Has(u) {
				degree[u]--
			}
		}
	}
	phys := make([]int, n)
	for i := range phys {
		phys[i] = -1
	}
	for k := len(stack) - 1; k >= 0; k-- {
		v := stack[k]
		if !used[v] {
			continue
		}
		taken := map[int]bool{}
		for u := 0; u < n; u++ {
			if graph[v].Has(u) && phys[u] >= 0 {
				taken[phys[u]] = true
			}
		}
		for _, h := range hints[v] {
			if phys[h] >= 0 && !taken[phys[h]] {
				phys[v] = phys[h]
				break
			}
		}
		for _, p := range pools[c.Kinds[v]] {
			if phys[v] >= 0 {
				break
			}
			if !taken[p] {
				phys[v] = p
			}
		}
		if phys[v] < 0 {
			panic(fmt.Sprintf("%s: no register left (kind %d)", c.Name, c.Kinds[v]))
		}
	}
	c.check(phys)
	return phys
}

// check follows the contents of the physical registers along every path and panics when an instruction reads one that
// does not hold the value meant. It shares nothing with the allocator but the instructions.
func (c *Code) check(phys []int) {
	type slot struct {
		kind Kind
		reg  int
	}
	at := map[int64]int{}
	for i, in := range c.Insts {
		if in.Label != 0 {
			at[in.Label] = i
		}
	}
	const unknown = -1
	state := make([]map[slot]Reg, len(c.Insts)+1) // contents before an instruction; nil: not reached yet
	state[0] = map[slot]Reg{}
	merge := func(i int, s map[slot]Reg) bool {
		if state[i] == nil {
			state[i] = map[slot]Reg{}
			for k, v := range s {
				state[i][k] = v
			}
			return true
		}
		changed := false
		for k, v := range state[i] {
			if w, ok := s[k]; v != unknown && (!ok || w != v) {
				state[i][k] = unknown
				changed = true
			}
		}
		return changed
	}
	work := []int{0}
	for len(work) > 0 {
		i := work[len(work)-1]
		work = work[:len(work)-1]
		in := c.Insts[i]
		now := map[slot]Reg{}
		for k, v := range state[i] {
			now[k] = v
		}
		for _, u := range in.Uses {
			if got, ok := now[slot{c.Kinds[u], phys[u]}]; !ok || got != u {
				panic(fmt.Sprintf("%s: instruction %d reads register %d for value %d, but it holds %d", c.Name, i, phys[u], u, got))
			}
		}
		for _, d := range in.Defs {
			now[slot{c.Kinds[d], phys[d]}] = d
		}
		if !in.Stop && i+1 < len(c.Insts) && merge(i+1, now) {
			work = append(work, i+1)
		}
		if in.Jump != 0 && merge(at[in.Jump], now) {
			work = append(work, at[in.Jump])
		}
	}
}

// Used returns the physical registers of a kind that the assignment uses, in order.
func (c *Code) Used(phys []int, k Kind) []int {
	set := map[int]bool{}
	for v, p := range phys {
		if p >= 0 && c.Kinds[v] == k {
			set[p] = true
		}
	}
	var out []int
	for p := range set {
		out = append(out, p)
	}
	sort.Ints(out)
	return out
}
