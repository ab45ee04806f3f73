package texts

import (
	"slices"

	"github.com/hebbkern/hebbkern/gen/ir"
)

// rowSum takes two rows at once from the second cache, where the latency of their additions is the bound. From the third
// one row after the other is faster: w is then one stream, which the prefetchers follow across the rows. From memory there
// are two such streams.
func rowSum(b *ir.Builder, p summand) {
	whenGiven(b, "v", func(weighted bool) {
		rows, w, out := b.Param("rows"), b.Param("w"), b.Param("out")
		group := func(count int, ahead int64) {
			at, sums := rowGroup(b, w, count)
			cursors := slices.Clone(at)
			var v ir.Val
			if weighted {
				v = b.Param("v")
				cursors = append(cursors, v)
			}
			over(b, b.Param("cols"), false, cursors, sums, func(a access, r, q int, sum ir.Val) ir.Val {
				var weight ir.Val
				if ahead > 0 && int64(q)*b.VecSize()%lineBytes == 0 {
					b.Prefetch(at[r], ahead+int64(q)*b.VecSize())
				}
				if weighted {
					weight = a.load(v, q)
				}
				return p.add(b, sum, a.load(at[r], q), weight)
			})
			for r := range sums {
				b.StoreU(out, int64(r)*b.Size(), sums[r].total(b.Add, b.Sum))
			}
			b.AddTo(out, int64(count)*b.Size())
		}
		if p.panel > 0 {
			var v ir.Val
			var along []ir.Val
			b.While(rows, 1, func() {
				if weighted {
					v = b.Param("v")
					along = []ir.Val{v}
				}
				// The square-root unit is the bound, and on small pages asking ahead costs (4096² float32, p = 1.5: 3.1 ms
				// to 3.5).
				heavyRow(b, p, p.rooted == nil, w, out, along, func(a access, q int, x, sum ir.Val, _ func() ir.Val) ir.Val {
					if weighted {
						return b.FMA(x, a.load(v, q), sum)
					}
					return b.Add(sum, x)
				})
			})
			return
		}
		far := b.Param("far")
		b.If(far, inMemory, func() {
			rowsApart(b, p, weighted, rows, w, out)
			b.While(rows, 1, func() { group(1, 2048) })
		})
		b.IfBelow(far, inThird, func() { b.While(rows, 2, func() { group(2, 0) }) })
		b.While(rows, 1, func() { group(1, 0) })
	})
}

// apart is how many rows lie between the two that are summed up at once from memory.
const apart = 64

// rowsApart is the sums of rows from memory, as long as there are two blocks of them: one row of each at once. Two
// streams that the prefetchers follow from row to row are faster than one, or than two rows that adjoin, whose streams
// end with every row.
func rowsApart(b *ir.Builder, p summand, weighted bool, rows, w, out ir.Val) {
	b.While(rows, 2*apart, func() {
		left, stride, below := b.IConst(apart), strideBytes(b), b.IMul(strideBytes(b), b.IConst(apart))
		b.While(left, 1, func() {
			at := []ir.Val{b.ICopy(w), b.IPlus(w, below)}
			sums := []strip{newStrip(b, 0), newStrip(b, 0)}
			cursors := slices.Clone(at)
			var v ir.Val
			if weighted {
				v = b.Param("v")
				cursors = append(cursors, v)
			}
			each(b, b.Param("cols"), lanesOf(b), cursors, func(a access) {
				for r, s := range sums {
					for q := range a.n {
						var weight ir.Val
						if weighted {
							weight = a.load(v, q)
						}
						s.put(a, q, p.add(b, s.at(a, q), a.load(at[r], q), weight))
					}
				}
			})
			for r, s := range sums {
				b.StoreU(out, int64(r)*apart*b.Size(), s.total(b.Add, b.Sum))
			}
			b.AddTo(out, b.Size())
			b.AddRTo(w, stride)
		})
		b.AddRTo(w, below)
		b.AddTo(out, apart*b.Size())
	})
}

// heavyRow is the sum of one row, with ahead the next row on its way to the second cache meanwhile: for values that are bound by
// arithmetic, and for both weighted sums from memory. There it is fastest when the loads do not run so far ahead that
// they keep the requests for the next row out: |w|³ takes less time than |w| (Zen 4, 4096² float32). So step may load
// once more, by again, what it has.
//
// The roots of a strip are taken before the values of the strip that precedes it are: what follows a root is then ready
// when it comes, and seldom in the way of the next root, for which the unit is free every five cycles (Zen 4).
func heavyRow(b *ir.Builder, p summand, ahead bool, w, out ir.Val, along []ir.Val, step func(a access, q int, x, sum ir.Val, again func() ir.Val) ir.Val) {
	n, s, parts := b.Param("cols"), newStrip(b, 0), lanesOf(b)
	at := b.ICopy(w)
	b.AddRTo(w, strideBytes(b))
	next := b.ICopy(w)
	cursors := append([]ir.Val{at, next}, along...)
	one := func(a access, q int, x ir.Val) {
		if at := int64(q) * b.VecSize(); ahead && at%lineBytes == 0 {
			b.Prefetch(next, at)
		}
		again := func() ir.Val {
			if p.panel > 0 {
				return x
			}
			return p.value(b, a.load(at, q))
		}
		s.put(a, q, step(a, q, x, s.at(a, q), again))
	}
	if p.rooted != nil {
		strip, a := int64(parts)*b.Lanes(), access{b: b, n: parts}
		b.If(n, strip, func() {
			roots := make([]ir.Val, parts)
			for q := range roots {
				roots[q] = b.Var(root(b, a.load(at, q)))
			}
			value := func(q int) ir.Val { return p.rooted(b, a.load(at, q), roots[q]) }
			advance := func() {
				for _, c := range cursors {
					b.AddTo(c, int64(parts)*b.VecSize())
				}
			}
			b.AddTo(n, -strip)
			b.While(n, strip, func() {
				for q := range roots {
					one(a, q, value(q))
					b.Set(roots[q], root(b, a.load(at, q+parts)))
				}
				advance()
			})
			for q := range roots {
				one(a, q, value(q))
			}
			advance()
		})
	}
	each(b, n, parts, cursors, func(a access) {
		for q := range a.n {
			one(a, q, p.value(b, a.load(at, q)))
		}
	})
	b.StoreU(out, 0, s.total(b.Add, b.Sum))
	b.AddTo(out, b.Size())
}

// rowGroup is cursors and accumulators for the next rows of w, which moves on behind them.
func rowGroup(b *ir.Builder, w ir.Val, count int) (at []ir.Val, sums []strip) {
	stride := strideBytes(b)
	for range count {
		at, sums = append(at, b.ICopy(w)), append(sums, newStrip(b, 0))
		b.AddRTo(w, stride)
	}
	return at, sums
}
