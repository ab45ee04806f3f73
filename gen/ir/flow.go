package ir

import "fmt"

// Flow is what the lowerings need to know of a function's control flow.
type Flow struct {
	// LiveOut holds, for each operation, the values that are read later.
	LiveOut []Set
	// Uses counts the operations that read a value.
	Uses []int
}

// Set is a set of value numbers.
type Set []uint64

// NewSet is an empty set for numbers below n.
func NewSet(n int) Set { return make(Set, (n+63)/64) }

func (s Set) Has(i int) bool { return s[i/64]>>(i%64)&1 != 0 }
func (s Set) Add(i int)      { s[i/64] |= 1 << (i % 64) }
func (s Set) Remove(i int)   { s[i/64] &^= 1 << (i % 64) }

// Union adds o and reports whether s grew.
func (s Set) Union(o Set) bool {
	grew := false
	for i, x := range o {
		if x&^s[i] != 0 {
			s[i] |= x
			grew = true
		}
	}
	return grew
}

// Node is what liveness needs of an instruction of any level.
type Node struct {
	Defs, Uses []int
	Label      int64 // placed here, or 0
	Jump       int64 // target, or 0
	Stop       bool  // control does not fall through
}

// Liveness returns, for each instruction, the values that are read after it.
func Liveness(nodes []Node, values int) []Set {
	at := map[int64]int{}
	for i, n := range nodes {
		if n.Label != 0 {
			at[n.Label] = i
		}
	}
	in := make([]Set, len(nodes)+1)
	out := make([]Set, len(nodes))
	for i := range in {
		in[i] = NewSet(values)
	}
	for i := range out {
		out[i] = NewSet(values)
	}
	for changed := true; changed; {
		changed = false
		for i := len(nodes) - 1; i >= 0; i-- {
			n := nodes[i]
			if !n.Stop {
				out[i].Union(in[i+1])
			}
			if n.Jump != 0 {
				target, ok := at[n.Jump]
				if !ok {
					panic(fmt.Sprintf("jump to label %d, which is nowhere", n.Jump))
				}
				out[i].Union(in[target])
			}
			live := NewSet(values)
			copy(live, out[i])
			for _, d := range n.Defs {
				live.Remove(d)
			}
			for _, u := range n.Uses {
				live.Add(u)
			}
			if in[i].Union(live) {
				changed = true
			}
		}
	}
	return out
}

// Analyse computes a function's Flow. It panics when a value can be read before it was written, which is an error in
// the kernel's text.
func Analyse(f *Func) Flow {
	nodes := make([]Node, len(f.Ops))
	flow := Flow{Uses: make([]int, len(f.Vals))}
	for i, op := range f.Ops {
		n := &nodes[i]
		if op.Dst.Valid() {
			n.Defs = []int{op.Dst.ID}
		}
		for _, a := range op.Args {
			n.Uses = append(n.Uses, a.ID)
			flow.Uses[a.ID]++
		}
		switch op.Code {
		case Label:
			n.Label = op.Imm
		case Jump:
			n.Jump, n.Stop = op.Imm, true
		case JumpLT, JumpGE, JumpLR, JumpGR, JumpZ:
			n.Jump = op.Imm
		case Ret:
			n.Stop = true
		}
	}
	flow.LiveOut = Liveness(nodes, len(f.Vals))
	entry := NewSet(len(f.Vals))
	copy(entry, flow.LiveOut[0])
	for _, d := range nodes[0].Defs {
		entry.Remove(d)
	}
	for _, u := range nodes[0].Uses {
		entry.Add(u)
	}
	for v := range f.Vals {
		if entry.Has(v) {
			panic(fmt.Sprintf("%s: value %d may be read before it is written", f.Name, v))
		}
	}
	return flow
}
