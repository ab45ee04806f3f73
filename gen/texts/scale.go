package texts

import "github.com/hebbkern/hebbkern/gen/ir"

func scaleKernels() []Kernel {
	w, r, c := written("w", Mat), slice("r", PerRow), slice("c", PerCol)
	q, s := slice("q", PerRow), slice("s", PerCol)
	return []Kernel{
		{Name: "ScaleR", Family: "scale", Equation: "w = r_i*w", Tail: maskedTail, Params: list(w, r, matrix()),
			Text: func(b *ir.Builder) { scale(b, true, false) }},
		{Name: "ScaleC", Family: "scale", Equation: "w = w*c_j", Tail: maskedTail, Params: list(w, c, matrix()),
			Text: func(b *ir.Builder) { scale(b, false, true) }},
		{Name: "ScaleRC", Family: "scale", Equation: "w = (r_i*w)*c_j", Tail: maskedTail, Params: list(w, r, c, matrix()),
			Text: func(b *ir.Builder) { scale(b, true, true) }},
		{Name: "GainLinear", Family: "scale", Equation: "w = fma(eta*(s_j-q_i), w, w)", Tail: maskedTail,
			Params: list(w, q, s, scalars("eta"), matrix()), Text: func(b *ir.Builder) { gain(b, false) }},
		{Name: "GainLinearClip", Family: "scale", Equation: "w = clip(fma(eta*(s_j-q_i), w, w), lo, hi)", Tail: maskedTail,
			Params: list(w, q, s, scalars("eta", "lo", "hi"), matrix()), Text: func(b *ir.Builder) { gain(b, true) }},
		{Name: "Clip", Family: "scale", Equation: "w = clip(w, lo, hi)", Tail: maskedTail,
			Params: list(w, scalars("lo", "hi"), matrix()), Text: clip},
	}
}

func scale(b *ir.Builder, byRow, byCol bool) {
	b.Rows("rows", func(i ir.Val) {
		w := rowOf(b, "w", "stride", i)
		cursors := []ir.Val{w}
		var r, c ir.Val
		if byRow {
			r = b.LoadU(indexed(b, "r", i), 0)
		}
		if byCol {
			c = b.Param("c")
			cursors = append(cursors, c)
		}
		each(b, b.Param("cols"), unroll, cursors, func(a access) {
			for q := 0; q < a.n; q++ {
				u := a.load(w, q)
				if byRow {
					u = b.Mul(r, u)
				}
				if byCol {
					u = b.Mul(u, a.load(c, q))
				}
				a.store(w, q, u)
			}
		})
	})
}

func gain(b *ir.Builder, bounded bool) {
	var to ir.Bounds
	if bounded {
		to = b.Bounds(b.ParamUni("lo"), b.ParamUni("hi"))
	}
	eta := b.ParamUni("eta")
	b.Rows("rows", func(i ir.Val) {
		w, s := rowOf(b, "w", "stride", i), b.Param("s")
		post := b.LoadU(indexed(b, "q", i), 0)
		each(b, b.Param("cols"), unroll, []ir.Val{w, s}, func(a access) {
			for q := 0; q < a.n; q++ {
				u := a.load(w, q)
				u = b.FMA(b.Mul(eta, b.Sub(a.load(s, q), post)), u, u)
				if bounded {
					u = b.Clip(u, to)
				}
				a.store(w, q, u)
			}
		})
	})
}

func clip(b *ir.Builder) {
	to := b.Bounds(b.ParamUni("lo"), b.ParamUni("hi"))
	b.Rows("rows", func(i ir.Val) {
		w := rowOf(b, "w", "stride", i)
		each(b, b.Param("cols"), unroll, []ir.Val{w}, func(a access) {
			for q := 0; q < a.n; q++ {
				a.store(w, q, b.Clip(a.load(w, q), to))
			}
		})
	})
}
