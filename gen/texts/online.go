package texts

import "github.com/hebbkern/hebbkern/gen/ir"

func onlineKernels() []Kernel {
	make1 := func(name, equation string, form onlineForm, more ...any) Kernel {
		return Kernel{Name: name, Family: "online", Tail: blendedTail, Equation: "for samples in order: y_si = Σ_j w_ij*x_sj, then " + equation,
			Params: list(append(append([]any{written("w", Mat), slice("x", NoShape), slice("r", NoShape), written("y", NoShape)}, more...),
				matrix(), integers("samples", "xStride", "rStride", "yStride"))...),
			Text: func(b *ir.Builder) { online(b, form) }}
	}
	constant := func(b *ir.Builder, _, _ ir.Val) ir.Val { return b.ParamUni("d") }
	// g by flags, from y and the threshold, which moves.
	gated := func(name, equation string, decay []string, form onlineForm) Kernel {
		form.gated = true
		k := make1(name, equation, form, written("theta", PerRow), scalars("eta", "cube", "alpha", "beta"), scalars(decay...))
		k.Params = append(k.Params, integers("flags")...)
		return k
	}
	return []Kernel{
		make1("OnlineG", "w = fma(g, r_sj, w), g = eta*y_si", onlineForm{}, scalars("eta")),
		make1("OnlineDG", "w = fma(g, r_sj, w*(1-d)), g = eta*y_si", onlineForm{decay: constant}, scalars("eta", "d")),
		make1("OnlineGG", "w = fma(g, r_sj, w*(1-g)), g = eta*y_si", onlineForm{decay: func(_ *ir.Builder, g, _ ir.Val) ir.Val { return g }}, scalars("eta")),
		make1("OnlineGY", "w = fma(g, r_sj, w*(1-g*y_si)), g = eta*y_si",
			onlineForm{decay: func(b *ir.Builder, g, y ir.Val) ir.Val { return b.Mul(g, y) }}, scalars("eta")),
		make1("OnlineCG", "w = fma(g, r_sj, w*(1-eta*r_sj)), g = eta*y_si", onlineForm{columns: true}, scalars("eta")),
		make1("OnlineGA", "w = fma(g, r_sj, w) + a, g = eta*(ga*y_si+gb), a = eta*(aa*y_si+ab)", onlineForm{affine: true}, scalars("eta", "ga", "gb", "aa", "ab")),
		gated("OnlineGated", "w = fma(g, r_sj, w), g from y_si and theta_i by flags, and theta_i its next value", nil, onlineForm{}),
		gated("OnlineGatedD", "OnlineGated with w*(1-d)", []string{"d"}, onlineForm{decay: constant}),
	}
}

// onlineForm is what the kernels differ in: the factors of a row, and the update.
type onlineForm struct {
	decay   func(b *ir.Builder, g, y ir.Val) ir.Val // d of a row; nil: none
	columns bool                                    // a decay by column
	affine  bool                                    // g, and what is added to a row, are affine in y
	gated   bool                                    // g has a threshold, which moves
}

// Bits of the flags of OnlineGated.
const (
	gateCube    = 1
	gateProduct = 2
	gateLaw     = 4
	gateMean    = 8
	gateSquare  = 16
	gateLast    = 32
)

// onlineRows is how many rows are worked on at once. Each has one chain of fma, whose latency of four cycles four rows
// hide: they take six of a step's cycles for the update with a decay and the dot product, on two ports. Their factors
// and sums leave registers for two vectors of x and one of w.
const onlineRows = 4

// online keeps rows in the first cache while the samples pass: one sweep updates them by a sample and takes their dot
// products with the next one. So memory is read once for all samples, and W is not read twice for each.
func online(b *ir.Builder, form onlineForm) {
	left, w, out := b.Param("rows"), b.Param("w"), b.Param("y")
	for _, count := range []int{onlineRows, 1} {
		b.While(left, int64(count), func() {
			onlineGroup(b, w, out, count, form)
			b.AddRTo(w, b.IMul(strideBytes(b), b.IConst(int64(count))))
			b.AddTo(out, int64(count)*b.Size())
		})
	}
}

// onlineFactors are the factors of some rows for one sample.
type onlineFactors struct{ g, keep, add []ir.Val }

func onlineGroup(b *ir.Builder, w, out ir.Val, count int, form onlineForm) {
	at, sum := make([]ir.Val, count), make([]ir.Val, count)
	f := onlineFactors{make([]ir.Val, count), make([]ir.Val, count), make([]ir.Val, count)}
	y, samples := b.ICopy(out), b.Param("samples")
	for r := range at {
		at[r], sum[r] = b.ICopy(w), b.Var(b.Const(0))
	}
	begin := func() {
		b.SetI(at[0], w)
		for r := range at[1:] {
			b.SetI(at[r+1], at[r])
			b.AddRTo(at[r+1], strideBytes(b))
		}
		for r := range sum {
			b.Set(sum[r], b.Const(0))
		}
	}
	// sample is the row of x or r of the sample that many behind the present one: no register keeps them.
	sample := func(name string, behind int64) ir.Val {
		s := b.Param("samples")
		b.SubRTo(s, samples)
		b.AddTo(s, behind)
		return rowOf(b, name, name+"Stride", s)
	}
	accumulate := func(a access, r int, u, next ir.Val) {
		s := b.FMA(next, u, sum[r])
		if a.tail != nil {
			s = b.Select(a.tail.Mask, s, sum[r])
		}
		b.Set(sum[r], s)
	}
	// answer stores y of the sample that the sums are of, and makes its factors.
	answer := func() {
		for r := range sum {
			b.StoreU(y, int64(r)*b.Size(), b.Sum(sum[r]))
		}
		switch {
		case form.gated:
			onlineGate(b, f.g, out, y)
		case form.affine:
			eta := b.ParamUni("eta")
			for r := range sum {
				yr := b.LoadU(y, int64(r)*b.Size())
				f.g[r] = b.Mul(eta, b.Add(b.Mul(b.ParamUni("ga"), yr), b.ParamUni("gb")))
				f.add[r] = b.Mul(eta, b.Add(b.Mul(b.ParamUni("aa"), yr), b.ParamUni("ab")))
			}
		default:
			eta := b.ParamUni("eta")
			for r := range sum {
				f.g[r] = b.Mul(eta, b.LoadU(y, int64(r)*b.Size()))
			}
		}
		if form.decay != nil {
			one := b.Const(1)
			for r := range sum {
				f.keep[r] = b.Sub(b.Keep(one), form.decay(b, f.g[r], b.LoadU(y, int64(r)*b.Size())))
			}
		}
	}
	// columns is what a vector of a row is multiplied by, from what the rows learn.
	columns := func(rs ir.Val) (keep ir.Val) {
		if form.columns {
			keep = b.Sub(b.Const(1), b.Mul(rs, b.ParamUni("eta")))
		}
		return keep
	}
	update := func(u, rs, keep ir.Val, r int) ir.Val {
		if form.columns {
			u = b.Mul(u, keep)
		}
		if form.decay != nil {
			u = b.Mul(u, f.keep[r])
		}
		u = b.FMA(f.g[r], rs, u)
		if form.affine {
			u = b.Add(u, f.add[r])
		}
		return u
	}

	first := sample("x", 0)
	begin()
	each(b, b.Param("cols"), 1, append([]ir.Val{first}, at...), func(a access) {
		xs := a.load(first, 0)
		for r := range at {
			accumulate(a, r, a.load(at[r], 0), xs)
		}
	})
	b.While(samples, 2, func() {
		answer()
		begin()
		now, next := sample("r", 0), sample("x", 1)
		each(b, b.Param("cols"), 2, append([]ir.Val{now, next}, at...), func(a access) {
			for q := 0; q < a.n; q++ {
				rs, xn := a.load(now, q), a.load(next, q)
				keep := columns(rs)
				for r := range at {
					u := update(a.load(at[r], q), rs, keep, r)
					a.store(at[r], q, u)
					accumulate(a, r, u, xn)
				}
			}
		})
		b.AddRTo(y, bytesOf(b, "yStride"))
		b.AddTo(samples, 1) // While takes two, the group one
	})
	answer()
	begin()
	last := sample("r", 0)
	each(b, b.Param("cols"), 2, append([]ir.Val{last}, at...), func(a access) {
		for q := 0; q < a.n; q++ {
			rs := a.load(last, q)
			keep := columns(rs)
			for r := range at {
				a.store(at[r], q, update(a.load(at[r], q), rs, keep, r))
			}
		}
	})
}

// onlineGate makes g of the rows from y and their thresholds, which lie as far into theta as out does into y, and moves
// the thresholds. A branch on a flag is for all rows.
func onlineGate(b *ir.Builder, g []ir.Val, out, y ir.Val) {
	theta := b.ICopy(out)
	b.SubRTo(theta, b.Param("y"))
	b.AddRTo(theta, b.Param("theta"))
	each := func(body func(r int, at int64)) func() {
		return func() {
			for r := range g {
				body(r, int64(r)*b.Size())
			}
		}
	}
	flags := b.Param("flags")
	each(func(r int, at int64) { g[r] = b.Keep(b.LoadU(theta, at)) })()
	b.IfBits(flags, gateCube, each(func(r int, at int64) {
		q := b.Mul(b.ParamUni("cube"), g[r])
		b.Set(g[r], b.Mul(b.Mul(q, q), g[r]))
	}))
	each(func(r int, at int64) { b.Set(g[r], b.Sub(b.LoadU(y, at), g[r])) })()
	b.IfBits(flags, gateLast, each(func(r int, at int64) {
		t := b.LoadU(theta, at)
		b.Set(g[r], b.Select(b.CmpUN(t, t), b.Keep(b.Const(0)), g[r]))
	}))
	b.IfElse(flags, gateProduct, each(func(r int, at int64) {
		b.Set(g[r], b.Mul(b.Mul(b.ParamUni("eta"), b.LoadU(y, at)), g[r]))
	}), each(func(r int, at int64) { b.Set(g[r], b.Mul(b.ParamUni("eta"), g[r])) }))
	b.IfBits(flags, gateLaw, each(func(r int, at int64) { b.Set(g[r], b.Div(g[r], b.LoadU(theta, at))) }))
	move := func(of func(a ir.Val) ir.Val) func() {
		return each(func(r int, at int64) {
			a := of(b.LoadU(y, at))
			b.StoreU(theta, at, b.FMA(b.ParamUni("alpha"), a, b.Mul(b.ParamUni("beta"), b.LoadU(theta, at))))
		})
	}
	b.IfBits(flags, gateMean, move(func(a ir.Val) ir.Val { return a }))
	b.IfBits(flags, gateSquare, move(func(a ir.Val) ir.Val { return b.Mul(a, a) }))
	b.IfBits(flags, gateLast, each(func(r int, at int64) { b.StoreU(theta, at, b.LoadU(y, at)) }))
}
