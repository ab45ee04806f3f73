package ir

import (
	"testing"

	"github.com/stretchr/testify/require"
)

var stagedParams = []FuncParam{{Name: "y"}, {Name: "x"}}

// shifts lists the amounts of a function's shifts, which name its operations.
func shifts(f *Func) (all []int64) {
	for _, op := range f.Ops {
		if op.Code == IShl {
			all = append(all, op.Imm)
		}
	}
	return all
}

func TestStaged(t *testing.T) {
	f := Build("f", F32, 32, stagedParams, func(b *Builder) {
		x := b.Load(b.Param("x"), 0)
		b.Stage() // outside InStages, of no effect
		var lines []func()
		for k := range int64(3) {
			lines = append(lines, func() {
				v := b.IShl(b.IShl(x, 3*k), 3*k+1)
				b.Stage()
				b.Store(b.Param("y"), 32*k, b.IShl(v, 3*k+2))
			})
		}
		b.InStages(lines...)
		b.Store(b.Param("y"), 96, b.IShl(x, 9))
	})
	require.Equal(t, []int64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, shifts(f))
	staged := f.Staged()
	require.Equal(t, []int64{0, 1, 3, 4, 6, 7, 2, 5, 8, 9}, shifts(staged))
	var m Machine
	x, want, got := make([]byte, 32), make([]byte, 128), make([]byte, 128)
	for i := range x {
		x[i] = byte(i*i + 1)
	}
	m.Run(f, map[string]uint64{"x": m.Bytes(x), "y": m.Bytes(want)})
	m.Run(staged, map[string]uint64{"x": m.Bytes(x), "y": m.Bytes(got)})
	require.Equal(t, want, got)
	require.NotEqual(t, make([]byte, 128), got)
}

func TestStagedRefuses(t *testing.T) {
	for name, lines := range map[string]func(b *Builder, x Val) []func(){
		"one value": func(b *Builder, x Val) []func() {
			v := b.Var(x)
			set := func() { b.Set(v, b.Add(v, x)) }
			return []func(){set, set}
		},
		"a value of the other line": func(b *Builder, x Val) []func() {
			var v Val
			return []func(){func() { v = b.Add(x, x) }, func() { b.Store(b.Param("y"), 0, v) }}
		},
		"a branch": func(b *Builder, x Val) []func() {
			return []func(){func() { b.If(b.Param("n"), 1, func() {}) }}
		},
	} {
		f := Build("f", F32, 32, append(stagedParams, FuncParam{Name: "n", Kind: Integer}), func(b *Builder) {
			b.InStages(lines(b, b.Load(b.Param("x"), 0))...)
		})
		require.Panics(t, func() { f.Staged() }, name)
	}
}
