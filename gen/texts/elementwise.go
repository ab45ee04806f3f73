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
		{Name: "PowAbsV", Family: "elementary", Equation: "y = |x|^p", Params: list(y, x, slice("e", Exponent), n),
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
		fn             func(slope ir.Val) Function
	}{
		{"ActLeakyReLU", "y = z >= 0 ? z : slope*z", LeakyReLU}, {"DerLeakyReLU", "y = z >= 0 ? 1 : slope", DerLeakyReLU},
	} {
		all = append(all, Kernel{Name: f.name, Family: "activation", Equation: f.equation, Params: list(y, z, scalars("slope"), n),
			Text: mapped("z", func(b *ir.Builder) Function { return f.fn(b.ParamUni("slope")) })})
	}
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

// powV is y = |x|^p, by one route; the vectors of a step advance stage by stage.
func powV(b *ir.Builder, p *Pow) {
	y, x := b.Param("y"), b.Param("x")
	each(b, b.Param("n"), 4, []ir.Val{y, x}, func(a access) {
		lines := make([]func(), a.n)
		for q := range lines {
			lines[q] = func() { a.store(y, q, p.Value(b, a.load(x, q))) }
		}
		b.InStages(lines...)
	})
}

func ema(b *ir.Builder, square bool) {
	alpha, beta := b.ParamUni("alpha"), b.ParamUni("beta")
	s, a := b.Param("s"), b.Param("a")
	each(b, b.Param("n"), unroll, []ir.Val{s, a}, func(at access) {
		for q := 0; q < at.n; q++ {
			x := at.load(a, q)
			if square {
				x = b.Mul(x, x)
			}
			at.store(s, q, b.FMA(alpha, x, b.Mul(beta, at.load(s, q))))
		}
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
