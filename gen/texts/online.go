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

// online takes rows through the samples: one sweep updates some of them by a sample and takes their dot products with
// the next one. Then a row waits for the sum of its dot product and for the factors that follow from it, some fifty
// cycles: so the rows of a call, which stay in the first cache, are swept in turn, and others pass meanwhile (Zen 4,
// 64×784 float32, eight rows: 1.54 cycles a vector, of which fma alone takes 1.5; four rows 1.61).
func online(b *ir.Builder, form onlineForm) {
	samples, y := b.Param("samples"), b.Param("y")
	// sample is the row of x or r of the sample that many behind the present one: no register keeps them.
	sample := func(name string, behind int64) ir.Val {
		s := b.Param("samples")
		b.SubRTo(s, samples)
		b.AddTo(s, behind)
		return rowOf(b, name, name+"Stride", s)
	}
	inTurn := func(text func(o *onlineGroup)) {
		left, w, at := b.Param("rows"), b.Param("w"), b.ICopy(y)
		for _, count := range []int{onlineRows, 1} {
			b.While(left, int64(count), func() {
				o := &onlineGroup{b: b, onlineForm: form, w: rowsFrom(b, w, count), sum: make([]ir.Val, count), y: at}
				text(o)
				b.AddRTo(w, b.IMul(strideBytes(b), b.IConst(int64(count))))
				b.AddTo(at, int64(count)*b.Size())
			})
		}
	}

	inTurn(func(o *onlineGroup) {
		first := sample("x", 0)
		o.begin()
		each(b, b.Param("cols"), 1, append([]ir.Val{first}, o.w...), func(a access) {
			xs := a.load(first, 0)
			for r := range o.w {
				o.accumulate(a, r, a.load(o.w[r], 0), xs)
			}
		})
		o.answer(o.y)
	})
	b.While(samples, 2, func() {
		inTurn(func(o *onlineGroup) {
			o.factors(y)
			o.begin()
			now, next := sample("r", 0), sample("x", 1)
			each(b, b.Param("cols"), 2, append([]ir.Val{now, next}, o.w...), func(a access) {
				for q := 0; q < a.n; q++ {
					rs, xn := a.load(now, q), a.load(next, q)
					keep := o.column(rs)
					for r := range o.w {
						u := o.update(a.load(o.w[r], q), rs, keep, r)
						a.store(o.w[r], q, u)
						o.accumulate(a, r, u, xn)
					}
				}
			})
			o.answer(b.IPlus(o.y, bytesOf(b, "yStride")))
		})
		b.AddRTo(y, bytesOf(b, "yStride"))
		b.AddTo(samples, 1) // While takes two, the sample one
	})
	inTurn(func(o *onlineGroup) {
		o.factors(y)
		last := sample("r", 0)
		each(b, b.Param("cols"), 2, append([]ir.Val{last}, o.w...), func(a access) {
			for q := 0; q < a.n; q++ {
				rs := a.load(last, q)
				keep := o.column(rs)
				for r := range o.w {
					a.store(o.w[r], q, o.update(a.load(o.w[r], q), rs, keep, r))
				}
			}
		})
	})
}

// rowsFrom are the cursors of some rows from w on.
func rowsFrom(b *ir.Builder, w ir.Val, count int) []ir.Val {
	at := []ir.Val{b.ICopy(w)}
	for len(at) < count {
		at = append(at, b.IPlus(at[len(at)-1], strideBytes(b)))
	}
	return at
}

// onlineGroup are rows that are swept together: their cursors, the sums of their dot products, the address of their y of
// the present sample, and their factors for it.
type onlineGroup struct {
	onlineForm
	b            *ir.Builder
	w, sum       []ir.Val
	y            ir.Val
	g, keep, add []ir.Val
}

func (o *onlineGroup) begin() {
	for r := range o.sum {
		o.sum[r] = o.b.Var(o.b.Const(0))
	}
}

func (o *onlineGroup) accumulate(a access, r int, u, x ir.Val) {
	s := o.b.FMA(x, u, o.sum[r])
	if a.tail != nil {
		s = o.b.Select(a.tail.Mask, s, o.sum[r])
	}
	o.b.Set(o.sum[r], s)
}

// answer stores the dot products.
func (o *onlineGroup) answer(y ir.Val) {
	if len(o.sum) == 4 {
		o.b.StoreSums(y, 0, [4]ir.Val(o.sum))
		return
	}
	for r, s := range o.sum {
		o.b.StoreU(y, int64(r)*o.b.Size(), o.b.Sum(s))
	}
}

// factors makes those of the present sample, whose y begins at first.
func (o *onlineGroup) factors(first ir.Val) {
	b, eta := o.b, ir.Val{}
	o.g = make([]ir.Val, len(o.w))
	y := func(r int) ir.Val { return b.LoadU(o.y, int64(r)*b.Size()) }
	if !o.gated {
		eta = b.ParamUni("eta")
	}
	switch {
	case o.gated:
		o.gate(first)
	case o.affine:
		for r := range o.w {
			yr := y(r)
			o.g[r] = b.Mul(eta, b.Add(b.Mul(b.ParamUni("ga"), yr), b.ParamUni("gb")))
			o.add = append(o.add, b.Mul(eta, b.Add(b.Mul(b.ParamUni("aa"), yr), b.ParamUni("ab"))))
		}
	default:
		for r := range o.w {
			o.g[r] = b.Mul(eta, y(r))
		}
	}
	if o.decay != nil {
		one := b.Const(1)
		for r := range o.w {
			o.keep = append(o.keep, b.Sub(b.Keep(one), o.decay(b, o.g[r], y(r))))
		}
	}
}

// column is what a vector of a row is multiplied by, from what the rows learn.
func (o *onlineGroup) column(rs ir.Val) (keep ir.Val) {
	if o.columns {
		keep = o.b.Sub(o.b.Const(1), o.b.Mul(rs, o.b.ParamUni("eta")))
	}
	return keep
}

func (o *onlineGroup) update(u, rs, keep ir.Val, r int) ir.Val {
	if o.columns {
		u = o.b.Mul(u, keep)
	}
	if o.decay != nil {
		u = o.b.Mul(u, o.keep[r])
	}
	u = o.b.FMA(o.g[r], rs, u)
	if o.affine {
		u = o.b.Add(u, o.add[r])
	}
	return u
}

// gate makes g of the rows from y and their thresholds, which lie as far into theta as y does into first, and moves the
// thresholds. A branch on a flag is for all rows.
func (o *onlineGroup) gate(first ir.Val) {
	b, g, y := o.b, o.g, o.y
	theta := b.ICopy(y)
	b.SubRTo(theta, first)
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
