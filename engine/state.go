package engine

import (
	"fmt"

	"github.com/hebbkern/hebbkern/kernels"
)

// The vectors that a rule has in the caller's memory: parameters, and state, which outlives the call.

// checkArrays finds the rule's vectors and refuses bad ones.
func (u *updater[T]) checkArrays() error {
	own, ok := u.rule.(owner[T])
	if !ok {
		return nil
	}
	u.state, _ = u.rule.(stateful[T])
	var list []Array[T]
	if u.o.Scratch != nil {
		list = u.o.Scratch.arrays[:0]
	}
	u.arrays = own.AppendArrays(list)
	if u.o.Scratch != nil {
		u.o.Scratch.arrays = u.arrays
	}
	fn := u.rule.Name()
	for k, a := range u.arrays {
		n := u.w.Cols
		if a.Side == Post {
			n = u.w.Rows
		}
		if len(a.V) != n && (a.State || len(a.V) != 1) {
			return badArg(fn, a.Name, fmt.Sprintf("of length %d", len(a.V)), fmt.Sprintf("length %d", n))
		}
		if !a.fine() {
			return badArg(fn, a.Name, "not finite", "finite numbers")
		}
		v := rowVector(a.V)
		apart := func(name string, shared bool) error {
			if shared {
				return badArg(fn, a.Name, "overlapping "+name, "arrays that share no element")
			}
			return nil
		}
		if err := apart("w", overlap(v, u.w)); err != nil {
			return err
		}
		if a.State {
			if err := apart("x", overlap(v, u.x)); err != nil {
				return err
			}
		}
		if a.State || u.compute {
			if err := apart("y", overlap(v, u.y)); err != nil {
				return err
			}
		}
		for _, b := range u.arrays[:k] {
			if err := apart(b.Name, (a.State || b.State) && overlap(v, rowVector(b.V))); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *Array[T]) fine() bool {
	if !a.Blank {
		return finite(a.V)
	}
	for _, v := range a.V {
		if v == v && v-v != 0 {
			return false
		}
	}
	return true
}

// advance is the step of the state that follows an update of the weights.
func (u *updater[T]) advance(x, y kernels.Matrix[T]) {
	if u.state != nil {
		u.state.AdvancePre(x)
		u.state.AdvancePost(y)
	}
}

// badState is the name of a state that is no longer finite, or "".
func (u *updater[T]) badState() string {
	for k := range u.arrays {
		if a := &u.arrays[k]; a.State && !a.fine() {
			return a.Name
		}
	}
	return ""
}

// saveState keeps the state as it is before a block.
func (u *updater[T]) saveState() {
	if u.state == nil {
		return
	}
	if u.before == nil {
		n := 0
		for _, a := range u.arrays {
			n += len(a.V)
		}
		u.before = u.s.t.take(n)
	}
	at := u.before
	for _, a := range u.arrays {
		at = at[copy(at, a.V):]
	}
}

// restoreState is the state after the first `done` samples of a block that begins at sample s.
func (u *updater[T]) restoreState(s, done int) {
	if u.state == nil {
		return
	}
	at := u.before
	for _, a := range u.arrays {
		if a.State {
			copy(a.V, at)
		}
		at = at[len(a.V):]
	}
	for b := s; b < s+done; b++ {
		u.advance(subRows(u.x, b, 1), subRows(u.y, b, 1))
	}
}
