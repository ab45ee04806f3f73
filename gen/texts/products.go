package texts

import "github.com/hebbkern/hebbkern/gen/ir"

func productKernels() []Kernel {
	return []Kernel{
		{Name: "MatVec", Family: "products", Equation: "y_i = Σ_j w_ij*x_j by fma in the lanes of one vector", Tail: blendedTail,
			Params: list(written("y", PerRow), slice("w", Mat), slice("x", PerCol), matrix()), Text: matVec},
		{Name: "MulAcc", Family: "products", Equation: "c_ij = c_ij + Σ_l a_il*b_lj, an fma chain from +0 in order of l", Tail: maskedTail,
			Params: list(written("c", NoShape), slice("a", NoShape), slice("b", NoShape),
				integers("m", "n", "k", "cStride", "aRowStep", "aColStep", "bStride")), Text: mulAcc},
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

// The tile of mulAcc: 4 rows × 3 vectors of sums, 3 vectors of b and one broadcast fill the sixteen registers.
const (
	tileRows    = 4
	tileVectors = 3
)

func mulAcc(b *ir.Builder) {
	i := b.IConst(0)
	left := b.Param("m")
	for _, rows := range []int{tileRows, 1} {
		b.While(left, int64(rows), func() {
			n, bj := b.Param("n"), b.Param("b")
			cj := rowOf(b, "c", "cStride", i)
			each(b, n, tileVectors, []ir.Val{bj, cj}, func(t access) {
				sum := make([][]ir.Val, rows)
				for r := range sum {
					for q := 0; q < t.n; q++ {
						sum[r] = append(sum[r], b.Var(b.Const(0)))
					}
				}
				bl, k := b.ICopy(bj), b.Param("k")
				a := make([]ir.Val, rows)
				for r := range a {
					if r == 0 {
						a[0] = rowOf(b, "a", "aRowStep", i)
					} else {
						a[r] = b.IPlus(a[r-1], bytesOf(b, "aRowStep"))
					}
				}
				b.While(k, 1, func() {
					bs := make([]ir.Val, t.n)
					for q := range bs {
						bs[q] = t.load(bl, q)
					}
					step := bytesOf(b, "aColStep")
					for r := range a {
						ar := b.LoadU(a[r], 0)
						for q := range bs {
							b.Set(sum[r][q], b.FMA(ar, bs[q], sum[r][q]))
						}
						b.AddRTo(a[r], step)
					}
					b.AddRTo(bl, bytesOf(b, "bStride"))
				})
				c := b.ICopy(cj)
				for r := range sum {
					for q := range sum[r] {
						t.store(c, q, b.Add(t.load(c, q), sum[r][q]))
					}
					if r+1 < len(sum) {
						b.AddRTo(c, bytesOf(b, "cStride"))
					}
				}
			})
			b.AddTo(i, int64(rows))
		})
	}
}

// bytesOf is a stride parameter in bytes.
func bytesOf(b *ir.Builder, name string) ir.Val {
	if b.Elem() == ir.F32 {
		return b.IShift(b.Param(name), 2)
	}
	return b.IShift(b.Param(name), 3)
}
