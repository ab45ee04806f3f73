package texts

import "github.com/hebbkern/hebbkern/gen/ir"

func elementwiseKernels() []Kernel {
	y, x, z := written("y", PerN), slice("x", PerN), slice("z", PerN)
	s, a := written("s", PerN), slice("a", PerN)
	n := integers("n")
	all := []Kernel{
		{Name: "Square", Family: "ema", Equation: "y = x*x", Params: list(y, x, n),
			Text: mapped("x", func(b *ir.Builder) Function { return Pow2 })},
		{Name: "EMA", Family: "ema", Equation: "s = fma(alpha, a, beta*s)", Params: list(s, a, scalars("alpha", "beta"), n),
			Text: func(b *ir.Builder) { ema(b, false) }},
		{Name: "EMASquare", Family: "ema", Equation: "s = fma(alpha, a*a, beta*s)", Params: list(s, a, scalars("alpha", "beta"), n),
			Text: func(b *ir.Builder) { ema(b, true) }},
		{Name: "AddWide", Family: "ema", Equation: "acc = acc + float64(a)",
			Params: list(Param{Name: "acc", Kind: ir.Wide, Shape: PerN, Written: true}, slice("a", PerN), n), Text: addWide},
		{Name: "SumWide", Family: "ema", Equation: "out_j = T(Σ_i float64(part_ij))",
			Params: list(written("out", PerCol), slice("part", Mat), matrix()), Text: sumWide},
		{Name: "ExpShift", Family: "softmax", Equation: "y = exp(x - shift)", Params: list(y, x, scalars("shift"), n),
			Text: mapped("x", func(b *ir.Builder) Function {
				shift := b.ParamUni("shift")
				return func(b *ir.Builder, x ir.Val) ir.Val { return Exp(b, b.Sub(x, shift)) }
			})},
		{Name: "Divide", Family: "softmax", Equation: "y = y / s", Params: list(y, scalars("s"), n),
			Text: mapped("y", func(b *ir.Builder) Function {
				s := b.ParamUni("s")
				return func(b *ir.Builder, y ir.Val) ir.Val { return b.Div(y, s) }
			})},
		{Name: "PowAbsV", Family: "elementary", Equation: "y = |x|^p", Params: list(y, x, slice("e", Exponent), written("t", Scratch), n),
			Text: func(b *ir.Builder) {
				PowRoutes(b, b.Param("e"), func(p *Pow) { powV(b, p) })
			}},
	}
	for _, f := range []struct {
		name, equation, of string
		fn                 Function
	}{
		{"Exp2V", "y = 2^x", "x", Exp2}, {"Log2V", "y = log2 x", "x", Log2}, {"ExpV", "y = e^x", "x", Exp}, {"LogV", "y = log x", "x", Log},
		{"ActReLU", "y = max(z, +0)", "z", ReLU}, {"ActSigmoid", "y = 1/(1+e^-z)", "z", Sigmoid}, {"ActTanh", "y = tanh z", "z", Tanh},
		{"ActSoftplus", "y = log(1+e^z)", "z", Softplus}, {"ActELU", "y = z > 0 ? z : e^z-1", "z", ELU}, {"ActGELU", "y = z(1+erf(z/√2))/2", "z", GELU},
		{"DerReLU", "y = z >= 0 ? 1 : 0", "z", DerReLU}, {"DerSigmoid", "y = sigmoid'(z)", "z", DerSigmoid}, {"DerTanh", "y = tanh'(z)", "z", DerTanh},
		{"DerSoftplus", "y = softplus'(z)", "z", DerSoftplus}, {"DerELU", "y = z >= 0 ? 1 : e^z", "z", DerELU}, {"DerGELU", "y = GELU'(z)", "z", DerGELU},
	} {
		family := "elementary"
		in := x
		if f.of == "z" {
			family, in = "activation", z
		}
		all = append(all, Kernel{Name: f.name, Family: family, Equation: f.equation, Params: list(y, in, n),
			Text: mapped(f.of, func(*ir.Builder) Function { return f.fn })})
	}
	for _, f := range []struct {
		name, equation string
		fn             func(lower, upper ir.Val) Function
	}{
		{"ActBiLU", "y = (z >= 0 ? upper : lower)*z", BiLU}, {"DerBiLU", "y = z >= 0 ? upper : lower", DerBiLU},
	} {
		all = append(all, Kernel{Name: f.name, Family: "activation", Equation: f.equation, Params: list(y, z, scalars("lower", "upper"), n),
			Text: mapped("z", func(b *ir.Builder) Function { return f.fn(b.ParamUni("lower"), b.ParamUni("upper")) })})
	}
	all = append(all,
		Kernel{Name: "BiPU", Family: "activation", Equation: "y = (z >= 0 ? upper : lower)*p", Text: bipu,
			Params: list(y, z, slice("p", PerN), scalars("lower", "upper"), n)},
		Kernel{Name: "ReLUOr", Family: "activation", Equation: "y = z > 0 ? z : p", Params: list(y, z, scalars("p"), n),
			Text: mapped("z", func(b *ir.Builder) Function { return reluOr(b.ParamUni("p")) })},
		Kernel{Name: "Positive", Family: "activation", Equation: "y = z > 0 ? 1 : 0", Params: list(y, z, n),
			Text: mapped("z", func(*ir.Builder) Function { return positive })},
		Kernel{Name: "WindowMean", Family: "ema", Equation: "v = float64(a), sum = sum + v, s = T((sum + next)/count)", Text: windowMean,
			Params: list(s, wide("v", true), wide("sum", true), wide("next", false), a, scalars("count"), n)})
	for i := range all {
		all[i].Tail = maskedTail
	}
	return all
}

// Function is a function of each lane.
type Function = func(*ir.Builder, ir.Val) ir.Val

// mapped is y = f(from); make builds what is the same for all elements first.
func mapped(from string, make func(*ir.Builder) Function) func(*ir.Builder) {
	return func(b *ir.Builder) {
		f := make(b)
		y := b.Param("y")
		x, cursors := y, []ir.Val{y}
		if from != "y" {
			x = b.Param(from)
			cursors = append(cursors, x)
		}
		each(b, b.Param("n"), 1, cursors, func(a access) { a.store(y, 0, f(b, a.load(x, 0))) })
	}
}

// bipu is BiLU with a power of |z| in place of z.
func bipu(b *ir.Builder) {
	lower, upper := b.ParamUni("lower"), b.ParamUni("upper")
	y, z, p := b.Param("y"), b.Param("z"), b.Param("p")
	each(b, b.Param("n"), 1, []ir.Val{y, z, p}, func(a access) {
		a.store(y, 0, b.Mul(branch(b, a.load(z, 0), lower, upper), a.load(p, 0)))
	})
}

// reluOr is x for x > 0, p for the others; NaN stays NaN.
func reluOr(p ir.Val) Function {
	return func(b *ir.Builder, x ir.Val) ir.Val { return b.Select(b.CmpLE(x, b.Const(0)), p, x) }
}

// positive is 1 for x > 0, 0 for the others; NaN stays NaN.
func positive(b *ir.Builder, x ir.Val) ir.Val {
	return b.Or(b.AndNot(b.CmpLE(x, b.Const(0)), b.Const(1)), b.CmpUN(x, x))
}

// powV is y = |x|^p, by one route; the vectors of a step advance stage by stage.
func powV(b *ir.Builder, p *Pow) {
	y, x, n := b.Param("y"), b.Param("x"), b.Param("n")
	one := 4
	if p.log != nil {
		powPasses(b, p, y, x, n)
		one = 1
	}
	each(b, n, one, []ir.Val{y, x}, func(a access) {
		lines := make([]func(), a.n)
		for q := range lines {
			lines[q] = func() { a.store(y, q, p.Value(b, a.load(x, q))) }
		}
		b.InStages(lines...)
	})
}

// powPasses is powV as long as there are two vectors, a block of at most PowScratch elements after the other: a first
// pass leaves g in y and w in the scratch, and a second one takes them from there. A processor has room for the results
// of some 160 vector operations that are not done with (Zen 4). |x|^p is 45 of them in a chain of a hundred cycles, and
// so in one go it waits for its own results: 19.5 cycles a vector. In passes half as deep, with more of the constants
// in registers, it takes 15.
func powPasses(b *ir.Builder, p *Pow, y, x, n ir.Val) {
	const vectors = 2
	t := b.Param("t")
	b.While(n, vectors*b.Lanes(), func() {
		block := b.ICopy(n)
		b.If(block, PowScratch, func() { b.SetI(block, b.IConst(PowScratch)) })
		left, g, w := b.ICopy(block), b.ICopy(y), b.ICopy(t)
		p.firstPass(b, b.Keep)
		p.keep(b, powHi, powLo, powC+3)
		steps(b, left, vectors, []ir.Val{x, g, w}, func(a access) {
			lines := make([]func(), a.n)
			for q := range lines {
				lines[q] = func() {
					most, rest := p.log(p, b, a.load(x, q))
					a.store(g, q, most)
					a.store(w, q, rest)
				}
			}
			b.InStages(lines...)
		})
		b.SubRTo(block, left)
		b.SubRTo(n, block)
		b.AddTo(n, vectors*b.Lanes()) // which While takes off
		w = b.ICopy(t)
		p.keep(b)
		p.secondPass(b, b.Keep)
		steps(b, block, vectors, []ir.Val{y, w}, func(a access) { powOf(b, p, a, y, w) })
	})
	p.firstPass(b, asArgument)
	p.secondPass(b, asArgument)
}

// powOf is the second pass, from g in y and w.
func powOf(b *ir.Builder, p *Pow, a access, y, w ir.Val) {
	ys, ts, lines := make([]ir.Val, a.n), make([]ir.Val, a.n), make([]func(), a.n)
	for q := range lines {
		lines[q] = func() { ys[q], ts[q] = p.exp2(b, a.load(y, q), a.load(w, q)) }
	}
	b.InStages(lines...)
	others := p.notPlain(b, ts[0])
	for _, t := range ts[1:] {
		others = b.Or(others, p.notPlain(b, t))
	}
	finish := func(times func(b *ir.Builder, y, t ir.Val) ir.Val) func() {
		return func() {
			for q := range ys {
				a.store(y, q, times(b, ys[q], ts[q]))
			}
		}
	}
	b.IfElse(b.Any(others), -1, finish(p.everywhere), finish(p.plain))
}

func ema(b *ir.Builder, square bool) {
	alpha, beta := b.ParamUni("alpha"), b.ParamUni("beta")
	s, a := b.Param("s"), b.Param("a")
	each(b, b.Param("n"), unroll, []ir.Val{s, a}, func(at access) {
		next := make([]ir.Val, at.n)
		for q := range next {
			x := at.load(a, q)
			if square {
				x = b.Mul(x, x)
			}
			next[q] = b.FMA(alpha, x, b.Mul(beta, at.load(s, q)))
		}
		at.storeAll(s, next)
	})
}

// addWide adds float32 in halves; the tail goes element by element in the portable code's order, through one lane.
func addWide(b *ir.Builder) {
	acc, a, n := b.Param("acc"), b.Param("a"), b.Param("n")
	if b.Elem() == ir.F64 {
		each(b, n, unroll, []ir.Val{acc, a}, func(at access) {
			for q := 0; q < at.n; q++ {
				at.store(acc, q, b.Add(at.load(acc, q), at.load(a, q)))
			}
		})
		return
	}
	b.While(n, b.Lanes(), func() {
		lo, hi := b.Widen(b.Load(a, 0))
		b.As64(func() {
			b.Store(acc, 0, b.Add(b.Load(acc, 0), lo))
			b.Store(acc, b.VecSize(), b.Add(b.Load(acc, b.VecSize()), hi))
		})
		b.AddTo(a, b.VecSize())
		b.AddTo(acc, 2*b.VecSize())
	})
	b.While(n, 1, func() {
		lo, _ := b.Widen(b.Var(b.LoadU(a, 0)))
		b.As64(func() { b.StoreU(acc, 0, b.Add(b.LoadU(acc, 0), lo)) })
		b.AddTo(a, 4)
		b.AddTo(acc, 8)
	})
}

// windowMean adds as addWide does, and gives the mean at once; without `next` the sum alone is divided.
func windowMean(b *ir.Builder) {
	whenGiven(b, "next", func(given bool) {
		s, v, sum, a, n := b.Param("s"), b.Param("v"), b.Param("sum"), b.Param("a"), b.Param("n")
		count := b.Var(b.ParamUni("count"))
		if b.Elem() == ir.F32 {
			count, _ = b.Widen(count)
		}
		wides := []ir.Val{v, sum}
		var next ir.Val
		if given {
			next = b.Param("next")
			wides = append(wides, next)
		}
		// half is the mean of the doubles at `disp` bytes, x being the new values.
		half := func(x ir.Val, load func(p ir.Val) ir.Val, store func(p, x ir.Val)) (mean ir.Val) {
			b.As64(func() {
				store(v, x)
				mean = b.Add(load(sum), x)
				store(sum, mean)
				if given {
					mean = b.Add(mean, load(next))
				}
				mean = b.Div(mean, count)
			})
			return mean
		}
		at := func(disp int64) (func(p ir.Val) ir.Val, func(p, x ir.Val)) {
			return func(p ir.Val) ir.Val { return b.Load(p, disp) }, func(p, x ir.Val) { b.Store(p, disp, x) }
		}
		one := func(p ir.Val) ir.Val { return b.LoadU(p, 0) }
		put := func(p, x ir.Val) { b.StoreU(p, 0, x) }
		if b.Elem() == ir.F64 {
			each(b, n, 1, append(wides, s, a), func(m access) {
				m.store(s, 0, half(m.load(a, 0), func(p ir.Val) ir.Val { return m.load(p, 0) }, func(p, x ir.Val) { m.store(p, 0, x) }))
			})
			return
		}
		b.While(n, b.Lanes(), func() {
			lo, hi := b.Widen(b.Load(a, 0))
			loadLo, storeLo := at(0)
			loadHi, storeHi := at(b.VecSize())
			b.Store(s, 0, b.Narrow(half(lo, loadLo, storeLo), half(hi, loadHi, storeHi)))
			for _, c := range wides {
				b.AddTo(c, 2*b.VecSize())
			}
			b.AddTo(s, b.VecSize())
			b.AddTo(a, b.VecSize())
		})
		b.While(n, 1, func() {
			lo, _ := b.Widen(b.Var(b.LoadU(a, 0)))
			mean := half(lo, one, put)
			b.StoreU(s, 0, b.Narrow(mean, mean))
			for _, c := range wides {
				b.AddTo(c, 8)
			}
			b.AddTo(s, 4)
			b.AddTo(a, 4)
		})
	})
}

// sumWide keeps the float64 sums of a vector of columns in registers.
func sumWide(b *ir.Builder) {
	out, part := b.Param("out"), b.Param("part")
	each(b, b.Param("cols"), 2, []ir.Val{out, part}, func(a access) {
		single := b.Elem() == ir.F32
		sums := make([][2]ir.Val, a.n) // of the halves of a float32 vector
		b.As64(func() {
			for q := range sums {
				sums[q] = [2]ir.Val{b.Var(b.Const(0)), b.Var(b.Const(0))}
			}
		})
		at, left := b.ICopy(part), b.ICopy(b.Param("rows"))
		b.While(left, 1, func() {
			for q, sum := range sums {
				x := a.load(at, q)
				if !single {
					b.Set(sum[0], b.Add(sum[0], x))
					continue
				}
				lo, hi := b.Widen(x)
				b.As64(func() {
					b.Set(sum[0], b.Add(sum[0], lo))
					b.Set(sum[1], b.Add(sum[1], hi))
				})
			}
			b.AddRTo(at, strideBytes(b))
		})
		for q, sum := range sums {
			total := sum[0]
			if single {
				total = b.Narrow(sum[0], sum[1])
			}
			a.store(out, q, total)
		}
	})
}
