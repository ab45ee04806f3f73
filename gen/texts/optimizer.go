package texts

import "github.com/hebbkern/hebbkern/gen/ir"

// optimizerKernels are the elementwise steps of training: one pass over the weights, their gradient and their moments.
func optimizerKernels() []Kernel {
	w, v, m, g := written("w", PerN), written("v", PerN), written("m", PerN), slice("dw", PerN)
	n := integers("n")
	all := []Kernel{
		{Name: "Momentum", Equation: "v = fma(mu, v, dw); w = fma(-step, v, keep*w)",
			Params: list(w, v, g, scalars("mu", "step", "keep"), n), Text: func(b *ir.Builder) { momentum(b, false) }},
		{Name: "Nesterov", Equation: "v = fma(mu, v, dw); w = fma(-step, fma(mu, v, dw), keep*w)",
			Params: list(w, v, g, scalars("mu", "step", "keep"), n), Text: func(b *ir.Builder) { momentum(b, true) }},
		{Name: "Adam", Equation: "m = fma(d1, dw, b1*m); v = fma(d2, dw*dw, b2*v); w = fma(-step, m/fma(root, sqrt(v), eps), keep*w)",
			Params: list(w, m, v, g, scalars("b1", "d1", "b2", "d2", "step", "root", "eps", "keep"), n), Text: adam},
		{Name: "Shrink", Equation: "t = rate*(q/|w|); w = |w| <= t or w = 0 ? sign(w)*0 : sign(w)*(|w|-t)",
			Params: list(w, slice("q", PerN), scalars("rate"), n), Text: shrink},
		{Name: "SignV", Equation: "y = x > 0 ? 1 : x < 0 ? -1 : x", Params: list(written("y", PerN), slice("x", PerN), n),
			Text: mapped("x", func(*ir.Builder) Function { return sign })},
	}
	for i := range all {
		all[i].Family, all[i].Tail = "optimizer", maskedTail
	}
	return all
}

func momentum(b *ir.Builder, nesterov bool) {
	mu, step, keep := b.ParamUni("mu"), b.ParamUni("step"), b.ParamUni("keep")
	w, v, g := b.Param("w"), b.Param("v"), b.Param("dw")
	each(b, b.Param("n"), unroll, []ir.Val{w, v, g}, func(at access) {
		vs, ws := make([]ir.Val, at.n), make([]ir.Val, at.n)
		for q := range vs {
			d := at.load(g, q)
			vs[q] = b.FMA(mu, at.load(v, q), d)
			u := vs[q]
			if nesterov {
				u = b.FMA(mu, u, d)
			}
			ws[q] = b.FNMA(step, u, b.Mul(keep, at.load(w, q)))
		}
		at.storeAll(v, vs)
		at.storeAll(w, ws)
	})
}

// adam waits for the divider and the square root, whose throughput no unrolling raises.
func adam(b *ir.Builder) {
	b1, d1, b2, d2 := b.ParamUni("b1"), b.ParamUni("d1"), b.ParamUni("b2"), b.ParamUni("d2")
	step, root, eps, keep := b.ParamUni("step"), b.ParamUni("root"), b.ParamUni("eps"), b.ParamUni("keep")
	w, m, v, g := b.Param("w"), b.Param("m"), b.Param("v"), b.Param("dw")
	each(b, b.Param("n"), 1, []ir.Val{w, m, v, g}, func(at access) {
		d := at.load(g, 0)
		mean := b.FMA(d1, d, b.Mul(b1, at.load(m, 0)))
		square := b.FMA(d2, b.Mul(d, d), b.Mul(b2, at.load(v, 0)))
		kept := b.Mul(keep, at.load(w, 0))
		at.store(m, 0, mean)
		at.store(v, 0, square)
		at.store(w, 0, b.FNMA(step, b.Div(mean, b.FMA(root, b.Sqrt(square), eps)), kept))
	})
}

func shrink(b *ir.Builder) {
	rate := b.ParamUni("rate")
	w, q := b.Param("w"), b.Param("q")
	each(b, b.Param("n"), 1, []ir.Val{w, q}, func(at access) {
		u := at.load(w, 0)
		a := b.Abs(u)
		t := b.Mul(rate, b.Div(at.load(q, 0), a))
		gone := b.Or(b.CmpLE(a, t), b.CmpEQ(a, b.Const(0)))
		at.store(w, 0, b.Or(b.AndNot(gone, b.Sub(a, t)), b.And(u, b.Sign())))
	})
}

func sign(b *ir.Builder, x ir.Val) ir.Val {
	one := b.Or(b.Const(1), b.And(x, b.Sign()))
	return b.Select(b.Or(b.CmpEQ(x, b.Const(0)), b.CmpUN(x, x)), x, one)
}
