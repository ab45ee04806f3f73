package texts

import "github.com/hebbkern/hebbkern/gen/ir"

// solveKernel is the forward substitution of a triangular system with many right-hand sides.
func solveKernel() Kernel {
	return Kernel{Name: "SolveLower", Family: "products", Tail: maskedTail,
		Equation: "for rows i from first on, in order: d_ij = fma(-a_ik, d_kj, d_ij) for k < i in order, then d_ij = d_ij/a_ii",
		Params:   list(slice("a", NoShape), written("d", NoShape), integers("first", "rows", "cols", "aStride", "stride")), Text: solveLower}
}

// solveLower has a strip of row i in registers while the rows above come by, each at its own address in the first cache.
func solveLower(b *ir.Builder) {
	d := b.Param("d")
	each(b, b.Param("cols"), 4, []ir.Val{d}, func(a access) {
		b.Rows("rows", func(row ir.Val) {
			i := b.IPlus(row, b.Param("first"))
			here := b.IPlus(d, b.IShift(b.IMul(i, b.Param("stride")), b.SizeShift()))
			above, at := b.ICopy(d), rowOf(b, "a", "aStride", row)
			u := make([]ir.Val, a.n)
			for q := range u {
				u[q] = b.Var(a.load(here, q))
			}
			b.While(i, 1, func() {
				f := b.LoadU(at, 0)
				for q := range u {
					b.Set(u[q], b.FNMA(f, a.load(above, q), u[q]))
				}
				b.AddRTo(above, strideBytes(b))
				b.AddTo(at, b.Size())
			})
			f := b.LoadU(at, 0)
			for q := range u {
				a.store(here, q, b.Div(u[q], f))
			}
		})
	})
}
