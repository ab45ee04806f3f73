package texts

import "github.com/hebbkern/hebbkern/gen/ir"

func onlineKernels() []Kernel {
	make1 := func(name, equation string, decay func(b *ir.Builder, g, y ir.Val) ir.Val, more ...string) Kernel {
		return Kernel{Name: name, Family: "online", Tail: blendedTail,
			Equation: "for samples in order: y_si = Σ_j w_ij*x_sj, g = eta*y_si, then w = fma(g, x_sj, " + equation + ")",
			Params: list(written("w", Mat), slice("x", NoShape), written("y", NoShape), scalars("eta"), scalars(more...), matrix(),
				integers("samples", "xStride", "yStride")),
			Text: func(b *ir.Builder) { online(b, onlineForm{decay: decay}) }}
	}
	sliding := func(name, factor string, law bool) Kernel {
		d := func(b *ir.Builder, _, _ ir.Val) ir.Val { return b.ParamUni("d") }
		return Kernel{Name: name, Family: "online", Tail: blendedTail,
			Equation: "for samples in order: y_si = Σ_j w_ij*x_sj, g = " + factor + ", theta_i = fma(alpha, y_si*y_si, beta*theta_i), " +
				"then w = fma(g, x_sj, w*(1-d))",
			Params: list(written("w", Mat), slice("x", NoShape), written("y", NoShape), written("theta", PerRow),
				scalars("eta", "d", "alpha", "beta"), matrix(), integers("samples", "xStride", "yStride")),
			Text: func(b *ir.Builder) { online(b, onlineForm{decay: d, slides: true, law: law}) }}
	}
	return []Kernel{
		make1("OnlineG", "w", nil),
		make1("OnlineDG", "w*(1-d)", func(b *ir.Builder, _, _ ir.Val) ir.Val { return b.ParamUni("d") }, "d"),
		make1("OnlineGG", "w*(1-g)", func(_ *ir.Builder, g, _ ir.Val) ir.Val { return g }),
		make1("OnlineGY", "w*(1-g*y_si)", func(b *ir.Builder, g, y ir.Val) ir.Val { return b.Mul(g, y) }),
		sliding("OnlineSlide", "eta*y_si*(y_si-theta_i)", false),
		sliding("OnlineSlideLaw", "eta*y_si*(y_si-theta_i)/theta_i", true),
	}
}

// onlineForm is what the kernels differ in.
type onlineForm struct {
	decay  func(b *ir.Builder, g, y ir.Val) ir.Val // d of a row; nil: none
	slides bool                                    // g has a threshold, which takes the square of y
	law    bool                                    // g is divided by it
}

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

func onlineGroup(b *ir.Builder, w, out ir.Val, count int, form onlineForm) {
	at, sum := make([]ir.Val, count), make([]ir.Val, count)
	g, keep := make([]ir.Val, count), make([]ir.Val, count)
	x, y, samples := b.Param("x"), b.ICopy(out), b.Param("samples")
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
	accumulate := func(a access, r int, u, next ir.Val) {
		s := b.FMA(next, u, sum[r])
		if a.tail != nil {
			s = b.Select(a.tail.Mask, s, sum[r])
		}
		b.Set(sum[r], s)
	}
	// answer stores y of the sample that the sums are of, and makes its factors.
	answer := func() {
		eta, one := b.ParamUni("eta"), b.Const(1)
		for r := range sum {
			b.StoreU(y, int64(r)*b.Size(), b.Sum(sum[r]))
		}
		var theta ir.Val
		if form.slides { // as far into theta as out is into y, made anew each time: the loops leave no register for it
			theta = b.ICopy(out)
			b.SubRTo(theta, b.Param("y"))
			b.AddRTo(theta, b.Param("theta"))
		}
		for r := range sum {
			yr := b.LoadU(y, int64(r)*b.Size())
			g[r] = b.Mul(eta, yr)
			if form.slides {
				t := b.LoadU(theta, int64(r)*b.Size())
				g[r] = b.Mul(g[r], b.Sub(yr, t))
				if form.law {
					g[r] = b.Div(g[r], t)
				}
				b.StoreU(theta, int64(r)*b.Size(), b.FMA(b.ParamUni("alpha"), b.Mul(yr, yr), b.Mul(b.ParamUni("beta"), t)))
			}
			if form.decay != nil {
				keep[r] = b.Sub(b.Keep(one), form.decay(b, g[r], yr))
			}
		}
	}
	update := func(u, xs ir.Val, r int) ir.Val {
		if form.decay != nil {
			u = b.Mul(u, keep[r])
		}
		return b.FMA(g[r], xs, u)
	}

	first := b.ICopy(x)
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
		next := b.IPlus(x, bytesOf(b, "xStride"))
		now := b.ICopy(x)
		b.SetI(x, next)
		each(b, b.Param("cols"), 2, append([]ir.Val{now, next}, at...), func(a access) {
			for q := 0; q < a.n; q++ {
				xs, xn := a.load(now, q), a.load(next, q)
				for r := range at {
					u := update(a.load(at[r], q), xs, r)
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
	each(b, b.Param("cols"), 2, append([]ir.Val{x}, at...), func(a access) {
		for q := 0; q < a.n; q++ {
			xs := a.load(x, q)
			for r := range at {
				a.store(at[r], q, update(a.load(at[r], q), xs, r))
			}
		}
	})
}
