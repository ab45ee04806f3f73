package texts

import "github.com/hebbkern/hebbkern/gen/ir"

// laneTile has the tiles of mulTile. The lanes of a dot come one after the other, each of them in all registers.
func laneTile(b *ir.Builder) {
	eachHeight(b, func(rows int) {
		n, y, x := b.Param("n"), b.Param("y"), b.Param("x")
		for vectors := mulVectors; vectors > 0; vectors-- {
			b.While(n, int64(vectors)*b.Lanes(), func() {
				laneOne(access{b: b, n: vectors}, rows, y, x)
				b.AddTo(y, int64(vectors)*b.VecSize())
				b.AddTo(x, int64(vectors)*b.VecSize())
			})
		}
		b.If(n, 1, func() {
			t := b.Tail(n)
			laneOne(access{b: b, n: 1, tail: &t}, rows, y, x)
		})
	})
}

// laneOne is one tile. The lanes are added as they are halved, which in the order that they come in is counting in
// binary: the sum of 2^i of them waits at level i of t for the sum of the next 2^i. One waits where the bit i of V − left,
// the number of lanes that have come before, is 1 with all below it: left then has a 1 at bit 0, and 0 at the others.
func laneOne(t access, rows int, y, column ir.Val) {
	b := t.b
	w, x, step := b.Param("w"), b.ICopy(column), bytesOf(b, "xStride")
	left, more := b.IConst(b.Lanes()), b.Param("more")
	b.While(left, 1, func() {
		sum, k := zeros(b, rows, t.n), b.Param("k")
		b.IfBits(more, 1<<(b.Lanes()-1), func() { b.AddTo(k, 1) })
		b.AddRTo(more, more)
		chains(b, sum, k, x, w, func() {
			b.AddRTo(x, step)
			b.AddTo(w, int64(rows)*b.Size())
		})
		waiting := func(level int64, body func(at ir.Val, r, q int)) {
			at := b.Param("t")
			b.AddTo(at, level*mulRows*mulVectors*b.VecSize())
			for r := range sum {
				for q := range sum[r] {
					body(at, r, q)
				}
				b.AddTo(at, mulVectors*b.VecSize())
			}
		}
		var carry func(level int64)
		carry = func(level int64) {
			if 1<<level == b.Lanes() {
				at := b.ICopy(y)
				for r := range sum {
					for q := range sum[r] {
						t.store(at, q, sum[r][q])
					}
					if r+1 < rows {
						b.AddRTo(at, bytesOf(b, "yStride"))
					}
				}
				return
			}
			wait := func() { waiting(level, func(at ir.Val, r, q int) { t.store(at, q, sum[r][q]) }) }
			add := func() {
				waiting(level, func(at ir.Val, r, q int) { b.Set(sum[r][q], b.Add(t.load(at, q), sum[r][q])) })
				carry(level + 1)
			}
			if level == 0 {
				b.IfElse(left, 1, add, wait)
			} else {
				b.IfElse(left, 1<<level, wait, add)
			}
		}
		carry(0)
	})
}
