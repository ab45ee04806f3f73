package texts

import "github.com/hebbkern/hebbkern/gen/ir"

func spikeKernels() []Kernel {
	w, a, bounds := written("w", Mat), slice("a", PerRow), scalars("lo", "hi")
	numbers := func(of Shape) Param { return Param{Name: "at", Kind: ir.List, Shape: of} }
	return []Kernel{
		{Name: "SpikeCols", Family: "spikes", Equation: "w = clip(fma(a_i, c_k, w), lo, hi) in the columns j = at_k", Tail: "rows one by one",
			Params: list(w, a, slice("c", PerList), numbers(ColList), bounds, integers("rows", "stride", "count")), Text: spikeCols},
		{Name: "SpikeMask", Family: "spikes", Equation: "w = clip(fma(a_i, c_j, w), lo, hi) in the columns with m_j > 0", Tail: maskedTail,
			Params: list(w, a, slice("c", PerCol), slice("m", PerCol), bounds, matrix()), Text: spikeMask},
		{Name: "SpikeRows", Family: "spikes", Equation: "w = clip(fma(s_k, r_j, w), lo, hi) in the rows i = at_k", Tail: maskedTail,
			Params: list(w, slice("s", PerList), slice("r", PerCol), numbers(RowList), bounds, integers("cols", "stride", "count")), Text: spikeRows},
	}
}

// spikeCols goes down one column after the other: the number of columns changes from call to call, and that of rows does
// not, so that the end of the inner loop is foreseen.
func spikeCols(b *ir.Builder) {
	to := b.Bounds(b.ParamUni("lo"), b.ParamUni("hi"))
	stride := b.IShift(b.Param("stride"), b.SizeShift())
	step := b.IMul(stride, b.IConst(b.Lanes()))
	at, c, count := b.Param("at"), b.Param("c"), b.Param("count")
	b.While(count, 1, func() {
		w, a, n := indexed(b, "w", b.LoadInt(at, 0)), b.Param("a"), b.Param("rows")
		factor := b.LoadU(c, 0)
		b.While(n, b.Lanes(), func() {
			b.StoreS(w, b.Clip(b.FMA(factor, b.Load(a, 0), b.LoadS(w, stride)), to), stride)
			b.AddRTo(w, step)
			b.AddTo(a, b.VecSize())
		})
		b.While(n, 1, func() {
			b.StoreU(w, 0, b.Clip(b.FMA(factor, b.LoadU(a, 0), b.LoadU(w, 0)), to))
			b.AddRTo(w, stride)
			b.AddTo(a, b.Size())
		})
		b.AddTo(at, 8)
		b.AddTo(c, b.Size())
	})
}

// spikeMask is for steps in which so many units spike that whole vectors are cheaper than their elements.
func spikeMask(b *ir.Builder) {
	to := b.Bounds(b.ParamUni("lo"), b.ParamUni("hi"))
	zero := b.Keep(b.Const(0))
	b.Rows("rows", func(i ir.Val) {
		w, c, m := rowOf(b, "w", "stride", i), b.Param("c"), b.Param("m")
		a := b.LoadU(indexed(b, "a", i), 0)
		each(b, b.Param("cols"), 2, []ir.Val{w, c, m}, func(at access) {
			for q := 0; q < at.n; q++ {
				old := at.load(w, q)
				u := b.Clip(b.FMA(a, at.load(c, q), old), to)
				at.store(w, q, b.Select(b.CmpLT(zero, at.load(m, q)), u, old))
			}
		})
	})
}

func spikeRows(b *ir.Builder) {
	to := b.Bounds(b.ParamUni("lo"), b.ParamUni("hi"))
	at, s, count := b.Param("at"), b.Param("s"), b.Param("count")
	b.While(count, 1, func() {
		w, r := rowOf(b, "w", "stride", b.LoadInt(at, 0)), b.Param("r")
		factor := b.LoadU(s, 0)
		each(b, b.Param("cols"), unroll, []ir.Val{w, r}, func(at access) {
			for q := 0; q < at.n; q++ {
				at.store(w, q, b.Clip(b.FMA(factor, at.load(r, q), at.load(w, q)), to))
			}
		})
		b.AddTo(at, 8)
		b.AddTo(s, b.Size())
	})
}
