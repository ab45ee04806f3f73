package texts

import "github.com/hebbkern/hebbkern/gen/ir"

func scaleKernels() []Kernel {
	w, r, c := written("w", Mat), slice("r", PerRow), slice("c", PerCol)
	q, s := slice("q", PerRow), slice("s", PerCol)
	return []Kernel{
		{Name: "ScaleR", Family: "scale", Equation: "w = r_i*w", Tail: maskedTail, Params: list(w, r, matrix()),
			Text: func(b *ir.Builder) { scale(b, true, false) }},
		{Name: "ScaleC", Family: "scale", Equation: "w = w*c_j", Tail: maskedTail, Params: list(w, c, matrix(), integers("far")),
			Text: func(b *ir.Builder) { scale(b, false, true) }},
		{Name: "ScaleRC", Family: "scale", Equation: "w = (r_i*w)*c_j", Tail: maskedTail, Params: list(w, r, c, matrix(), integers("far")),
			Text: func(b *ir.Builder) { scale(b, true, true) }},
		{Name: "GainLinear", Family: "scale", Equation: "w = fma(s_j-q_i, w, w)", Tail: maskedTail,
			Params: list(w, q, s, matrix(), integers("far")), Text: func(b *ir.Builder) { gain(b, false) }},
		{Name: "GainLinearClip", Family: "scale", Equation: "w = clip(fma(s_j-q_i, w, w), lo, hi)", Tail: maskedTail,
			Params: list(w, q, s, scalars("lo", "hi"), matrix(), integers("far")), Text: func(b *ir.Builder) { gain(b, true) }},
		{Name: "Clip", Family: "scale", Equation: "w = clip(w, lo, hi)", Tail: maskedTail,
			Params: list(w, scalars("lo", "hi"), matrix()), Text: clip},
	}
}

func scale(b *ir.Builder, byRow, byCol bool) {
	k := inPlace{tmp: 1, share: true}
	if byRow {
		k.rows = []rowValue{{name: "r"}}
	}
	if byCol {
		k.cols = []string{"c"}
	}
	k.next = func(b *ir.Builder, u ir.Val, row, col []ir.Val) ir.Val {
		if byRow {
			u = b.Mul(row[0], u)
		}
		if byCol {
			u = b.Mul(u, col[0])
		}
		return u
	}
	k.text(b)
}

func gain(b *ir.Builder, bounded bool) {
	k := inPlace{rows: []rowValue{{name: "q"}}, cols: []string{"s"}, tmp: 2, share: true}
	var to ir.Bounds
	if bounded {
		to = b.Bounds(b.ParamUni("lo"), b.ParamUni("hi"))
		k.tmp += 4
	}
	k.next = func(b *ir.Builder, u ir.Val, row, col []ir.Val) ir.Val {
		u = b.FMA(b.Sub(col[0], row[0]), u, u)
		if bounded {
			u = b.Clip(u, to)
		}
		return u
	}
	k.text(b)
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
