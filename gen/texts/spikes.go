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
		{Name: "Pair", Family: "spikes", Equation: "p_i,2j = w_2i,j and p_i,2j+1 = w_2i+1,j", Tail: "element by element",
			Params: list(written("p", PairMat), slice("w", Mat), integers("pairs", "cols", "stride")), Text: func(b *ir.Builder) { pair(b, false) }},
		{Name: "Unpair", Family: "spikes", Equation: "w_2i,j = p_i,2j and w_2i+1,j = p_i,2j+1", Tail: "element by element",
			Params: list(w, slice("p", PairMat), integers("pairs", "cols", "stride")), Text: func(b *ir.Builder) { pair(b, true) }},
		{Name: "PairCols", Family: "spikes", Equation: "SpikeCols on rows in pairs", Tail: "rows one by one",
			Params: list(written("p", PairMat), a, slice("c", PerList), numbers(ColList), bounds, integers("pairs", "cols", "count")), Text: pairCols},
		{Name: "PairRows", Family: "spikes", Equation: "p = clip(fma(s_k, r_j, p), lo, hi) in the rows i = at_k, where byte j mod 2 of half_k is not 0", Tail: maskedTail,
			Params: list(written("p", PairMat), slice("s", PerList), slice("r", PairCol), numbers(PairList),
				Param{Name: "half", Kind: ir.List, Shape: HalfList}, bounds, integers("cols", "count")), Text: pairRows},
	}
}

// pair interleaves two rows, or parts them again.
func pair(b *ir.Builder, undo bool) {
	b.Rows("pairs", func(i ir.Val) {
		first := b.IShift(i, 1)
		x := rowOf(b, "w", "stride", first)
		y := b.IPlus(x, b.IShift(b.Param("stride"), b.SizeShift()))
		p := indexed(b, "p", b.IMul(first, b.Param("cols")))
		n := b.Param("cols")
		step := func(lanes int64, move func()) {
			b.While(n, lanes, func() {
				move()
				b.AddTo(x, lanes*b.Size())
				b.AddTo(y, lanes*b.Size())
				b.AddTo(p, 2*lanes*b.Size())
			})
		}
		if undo {
			step(b.Lanes(), func() {
				u, v := b.Unzip(b.Load(p, 0), b.Load(p, b.VecSize()))
				b.Store(x, 0, u)
				b.Store(y, 0, v)
			})
			step(1, func() {
				b.StoreU(x, 0, b.LoadU(p, 0))
				b.StoreU(y, 0, b.LoadU(p, b.Size()))
			})
			return
		}
		step(b.Lanes(), func() {
			lo, hi := b.Zip(b.Load(x, 0), b.Load(y, 0))
			b.Store(p, 0, lo)
			b.Store(p, b.VecSize(), hi)
		})
		step(1, func() {
			b.StoreU(p, 0, b.LoadU(x, 0))
			b.StoreU(p, b.Size(), b.LoadU(y, 0))
		})
	})
}

// pairCols is spikeCols where two rows lie together, so that a vector takes half as many moves.
func pairCols(b *ir.Builder) {
	to := b.Bounds(b.ParamUni("lo"), b.ParamUni("hi"))
	stride := b.IShift(b.Param("cols"), b.SizeShift()+1)
	step := b.IMul(stride, b.IConst(b.Lanes()/2))
	at, c, count := b.Param("at"), b.Param("c"), b.Param("count")
	b.While(count, 1, func() {
		p, a, n := indexed(b, "p", b.IShift(b.LoadInt(at, 0), 1)), b.Param("a"), b.Param("pairs")
		factor := b.LoadU(c, 0)
		b.While(n, b.Lanes()/2, func() {
			b.StoreS(p, b.Clip(b.FMA(factor, b.Load(a, 0), b.LoadS(p, stride, 2)), to), stride, 2)
			b.AddRTo(p, step)
			b.AddTo(a, b.VecSize())
		})
		b.While(n, 1, func() {
			for q := int64(0); q < 2*b.Size(); q += b.Size() {
				b.StoreU(p, q, b.Clip(b.FMA(factor, b.LoadU(a, q), b.LoadU(p, q)), to))
			}
			b.AddRTo(p, stride)
			b.AddTo(a, 2*b.Size())
		})
		b.AddTo(at, 8)
		b.AddTo(c, b.Size())
	})
}

// pairRows is spikeRows where two rows lie together: the lanes of the other row keep their bits.
func pairRows(b *ir.Builder) {
	to := b.Bounds(b.ParamUni("lo"), b.ParamUni("hi"))
	width := b.IShift(b.Param("cols"), 1)
	at, half, s, count := b.Param("at"), b.Param("half"), b.Param("s"), b.Param("count")
	b.While(count, 1, func() {
		p, r := indexed(b, "p", b.IMul(b.LoadInt(at, 0), width)), b.Param("r")
		factor, mask := b.LoadU(s, 0), b.Bytes(b.LoadInt(half, 0))
		each(b, b.ICopy(width), unroll, []ir.Val{p, r}, func(at access) {
			for q := 0; q < at.n; q++ {
				old := at.load(p, q)
				at.store(p, q, b.Select(mask, b.Clip(b.FMA(factor, at.load(r, q), old), to), old))
			}
		})
		b.AddTo(at, 8)
		b.AddTo(half, 8)
		b.AddTo(s, b.Size())
	})
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
			b.StoreS(w, b.Clip(b.FMA(factor, b.Load(a, 0), b.LoadS(w, stride, 1)), to), stride, 1)
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
