package texts

import (
	"math"

	"github.com/hebbkern/hebbkern/gen/ir"
)

func productKernels() []Kernel {
	return []Kernel{
		{Name: "MatVec", Family: "products", Equation: "y_i = Σ_j w_ij*x_j by fma in the lanes of one vector", Tail: blendedTail,
			Params: list(written("y", PerRow), slice("w", Mat), slice("x", PerCol), matrix()), Text: matVec},
		{Name: "DotTile", Family: "products", Equation: "y_ij = Σ_l x_il*w_jl by fma in the lanes of one vector", Tail: blendedTail,
			Params: list(written("y", NoShape), slice("x", NoShape), slice("w", NoShape), written("lanes", NoShape),
				integers("m", "n", "k", "yStride", "xStride", "wStride", "ahead", "flags")), Text: dotTile},
		{Name: "MulTile", Family: "products", Equation: "c_ij = c_ij*(f_i-d_j) + Σ_l a_il*b_lj, an fma chain from +0 in order of l, each term present by its flag",
			Tail: maskedTail, Params: list(written("c", NoShape), slice("a", NoShape), slice("b", NoShape), optional("f", NoShape), optional("d", NoShape),
				integers("m", "n", "k", "cStride", "aStride", "bStride", "bPanel", "flags")), Text: func(b *ir.Builder) { mulTile(b, false) }},
		{Name: "MulTileFull", Family: "products", Equation: "MulTile, then + ra_i, + ca_j, c_ij where the mask is false, clip to [lo, hi], by flags",
			Tail: maskedTail, Params: list(written("c", NoShape), slice("a", NoShape), slice("b", NoShape), optional("f", NoShape), optional("d", NoShape),
				optional("ra", NoShape), optional("ca", NoShape), Param{Name: "mask", Kind: ir.Bools, Shape: NoShape, Optional: true}, scalars("lo", "hi"),
				integers("m", "n", "k", "cStride", "aStride", "bStride", "bPanel", "maskStride", "flags")),
			Text: func(b *ir.Builder) { mulTile(b, true) }},
		{Name: "LaneTile", Family: "products", Equation: "y_ij = Σ_l w_il*x_lj as MatVec sums it up, the terms sorted by lane", Tail: maskedTail,
			Params: list(written("y", NoShape), slice("w", NoShape), slice("x", NoShape), written("t", NoShape),
				integers("m", "n", "k", "more", "yStride", "xStride")), Text: laneTile},
		{Name: "MulPack", Family: "products", Equation: "p = b, in panels of two vectors of columns", Tail: "masked, then +0 to the end of the panel",
			Params: list(written("p", NoShape), slice("b", NoShape), integers("n", "k", "bStride", "bPanel")), Text: mulPack},
		{Name: "CopyRows", Family: "products", Equation: "y_ij = x_ij", Tail: "the last whole vector of the row again, or masked",
			Params: list(written("y", NoShape), slice("x", NoShape), integers("rows", "cols", "yStride", "xStride")), Text: copyRows},
		solveKernel(),
	}
}

// matVec works on eight rows at once: two fma a cycle with a latency of four need eight chains.
func matVec(b *ir.Builder) {
	rows, w, y := b.Param("rows"), b.Param("w"), b.Param("y")
	for _, count := range []int{8, 4, 2, 1} {
		b.While(rows, int64(count), func() {
			x := b.Param("x")
			at, sum := make([]ir.Val, count), make([]ir.Val, count)
			for r := range at {
				at[r], sum[r] = b.ICopy(w), b.Var(b.Const(0))
				b.AddRTo(w, strideBytes(b))
			}
			each(b, b.Param("cols"), 1, append([]ir.Val{x}, at...), func(a access) {
				xs := a.load(x, 0)
				for r := range sum {
					next := b.FMA(xs, a.load(at[r], 0), sum[r])
					if a.tail != nil {
						next = b.Select(a.tail.Mask, next, sum[r])
					}
					b.Set(sum[r], next)
				}
			})
			for r := range sum {
				b.StoreU(y, int64(r)*b.Size(), b.Sum(sum[r]))
			}
			b.AddTo(y, int64(count)*b.Size())
		})
	}
}

// The tile of dotTile: 3 rows of x by 4 of w, the widest whose sums leave room in sixteen registers for a vector of each
// row of x and one of w. It reads 7 vectors for 12 fma, so that loads do not bound it.
const (
	dotRows   = 3
	dotCols   = 4
	dotUnroll = 4
)

// Bits of DotTile's flags.
const (
	dotMore = 1
	dotKeep = 2
)

func dotTile(b *ir.Builder) {
	colsLeft := b.Param("n")
	for _, cols := range []int{dotCols, dotCols / 2, 1} {
		b.While(colsLeft, int64(cols), func() {
			rowsLeft := b.Param("m")
			b.While(rowsLeft, 1, func() {
				// Four rows are two and two: one row has too few chains to hide their latency.
				rows, beyond := b.ICopy(rowsLeft), b.ICopy(rowsLeft)
				b.AddTo(beyond, -4)
				b.IfElse(beyond, math.MaxInt32, func() {}, func() { b.SetI(rows, b.IConst(2)) })
				tile := func(count int) func() {
					return func() {
						dotOne(b, rowsLeft, colsLeft, count, cols)
						b.AddTo(rowsLeft, int64(1-count))
					}
				}
				b.IfAtLeast(rows, dotRows, tile(dotRows), func() { b.IfAtLeast(rows, 2, tile(2), tile(1)) })
			})
		})
	}
}

// dotOne is the tile of rows × cols outputs whose first is m − rowsLeft, n − colsLeft.
func dotOne(b *ir.Builder, rowsLeft, colsLeft ir.Val, rows, cols int) {
	at := func(name, count string, left ir.Val, stride string, n int) []ir.Val {
		i := b.Param(count)
		b.SubRTo(i, left)
		all := []ir.Val{rowOf(b, name, stride, i)}
		for len(all) < n {
			all = append(all, b.IPlus(all[len(all)-1], bytesOf(b, stride)))
		}
		return all
	}
	if rows == dotRows && cols == dotCols {
		dotAhead(b, rowsLeft, colsLeft)
	}
	sum := make([][]ir.Val, rows)
	for r := range sum {
		for range cols {
			sum[r] = append(sum[r], b.Var(b.Const(0)))
		}
	}
	// lanes runs over the kept lanes, column by column, so that the tiles below one another find theirs in a row.
	lanes := func(body func(p ir.Val, r, c int)) {
		m := b.Param("m")
		i, j := b.ICopy(m), b.Param("n")
		b.SubRTo(i, rowsLeft)
		b.SubRTo(j, colsLeft)
		p := b.IPlus(b.Param("lanes"), b.IMul(b.IPlus(b.IMul(j, m), i), b.IConst(b.VecSize())))
		for c := range cols {
			for r := range rows {
				body(p, r, c)
			}
			if c+1 < cols {
				b.AddRTo(p, b.IMul(b.Param("m"), b.IConst(b.VecSize())))
			}
		}
	}
	b.IfBits(b.Param("flags"), dotMore, func() {
		lanes(func(p ir.Val, r, c int) { b.Set(sum[r][c], b.Load(p, int64(r)*b.VecSize())) })
	})
	x, w := at("x", "m", rowsLeft, "xStride", rows), at("w", "n", colsLeft, "wStride", cols)
	k := b.Param("k")
	for _, steps := range []int{dotUnroll, 1} {
		b.While(k, int64(steps)*b.Lanes(), func() {
			for s := range steps {
				xs := make([]ir.Val, rows)
				for r := range xs {
					xs[r] = b.Load(x[r], int64(s)*b.VecSize())
				}
				for c := range w {
					ws := b.Load(w[c], int64(s)*b.VecSize())
					for r := range xs {
						b.Set(sum[r][c], b.FMA(xs[r], ws, sum[r][c]))
					}
				}
			}
			for _, p := range append(x[:rows:rows], w...) {
				b.AddTo(p, int64(steps)*b.VecSize())
			}
		})
	}
	b.If(k, 1, func() {
		// Lanes behind the end multiply −0 by +0, and adding the −0 changes no lane: no mask in the way of the sums.
		t := b.Tail(k)
		pad := b.AndNot(t.Mask, b.Sign())
		for r := range x {
			xs := b.Or(b.LoadM(x[r], 0, t), pad)
			for c := range w {
				b.Set(sum[r][c], b.FMA(xs, b.LoadM(w[c], 0, t), sum[r][c]))
			}
		}
	})
	b.IfElse(b.Param("flags"), dotKeep, func() {
		lanes(func(p ir.Val, r, c int) { b.Store(p, int64(r)*b.VecSize(), sum[r][c]) })
	}, func() {
		i, j := b.Param("m"), b.Param("n")
		b.SubRTo(i, rowsLeft)
		b.SubRTo(j, colsLeft)
		y := indexed(b, "y", b.IPlus(b.IMul(i, b.Param("yStride")), j))
		for r := range sum {
			if cols == 4 {
				b.StoreSums(y, 0, [4]ir.Val(sum[r]))
			} else {
				for c := range sum[r] {
					b.StoreU(y, int64(c)*b.Size(), b.Sum(sum[r][c]))
				}
			}
			if r+1 < rows {
				b.AddRTo(y, bytesOf(b, "yStride"))
			}
		}
	})
}

// dotAhead asks for a piece of the next rows of w, "ahead" lines of each for each row of x, so that they have come when
// their turn does: w streams through, and a processor's prefetchers do not see it coming while its rows are worked on.
func dotAhead(b *ir.Builder, rowsLeft, colsLeft ir.Val) {
	const line = 64
	i, j := b.Param("m"), b.Param("n")
	b.SubRTo(i, rowsLeft)
	b.SubRTo(j, colsLeft)
	b.AddTo(j, dotCols)
	ahead := b.IShift(b.Param("ahead"), 6)
	from := b.IMul(i, ahead)
	left := bytesOf(b, "k")
	b.SubRTo(left, from)
	b.If(left, 1, func() {
		w := b.IPlus(rowOf(b, "w", "wStride", j), from)
		for c := range dotCols {
			count, p := b.Param("ahead"), b.ICopy(w)
			b.While(count, 1, func() {
				for r := range int64(dotRows) {
					b.PrefetchNear(p, r*line)
				}
				b.AddTo(p, dotRows*line)
			})
			if c+1 < dotCols {
				b.AddRTo(w, bytesOf(b, "wStride"))
			}
		}
	})
}

// copyRows copies rows that are too short for a call each. A row shorter than a vector has a masked tail; of others the
// last vector is copied whole, since masked stores are slow.
func copyRows(b *ir.Builder) {
	rows, y, x := b.Param("rows"), b.Param("y"), b.Param("x")
	b.While(rows, 1, func() {
		n, to, from := b.Param("cols"), b.ICopy(y), b.ICopy(x)
		b.IfAtLeast(n, b.Lanes(), func() {
			steps(b, n, 1, []ir.Val{to, from}, func(a access) { a.store(to, 0, a.load(from, 0)) })
			b.If(n, 1, func() {
				left := b.IShift(n, b.SizeShift())
				for _, p := range []ir.Val{to, from} {
					b.AddRTo(p, left)
					b.AddTo(p, -b.VecSize())
				}
				b.Store(to, 0, b.Load(from, 0))
			})
		}, func() {
			b.If(n, 1, func() {
				t := b.Tail(n)
				b.StoreM(to, 0, b.LoadM(from, 0, t), t)
			})
		})
		b.AddRTo(y, bytesOf(b, "yStride"))
		b.AddRTo(x, bytesOf(b, "xStride"))
	})
}

// bytesOf is a stride parameter in bytes.
func bytesOf(b *ir.Builder, name string) ir.Val {
	if b.Elem() == ir.F32 {
		return b.IShift(b.Param(name), 2)
	}
	return b.IShift(b.Param(name), 3)
}
