package texts

import (
	"slices"

	"github.com/hebbkern/hebbkern/gen/ir"
)

// Terms of the rank-1 update, the bits of Rank1Any's flags.
const (
	termDecay    = 1
	termColDecay = 2
	termOuter    = 4
	termRowAdd   = 8
	termColAdd   = 16
	termBounds   = 32
	termMask     = 64
	// Of Rank1Full only.
	termLimits   = 128
	termSoft     = 256
	termBistable = 512

	termFinite = 1024 // of the specialised kernels only: whether each new w is finite
)

// The vector g_i is named gs, since g is a register in Go assembly.
func rank1Kernels() []Kernel {
	specialised := func(name, equation string, terms int, slices ...Param) []Kernel {
		row := []string{"gsStep"}
		if terms&termDecay != 0 {
			row = []string{"dStep", "gsStep"}
		}
		plain := Kernel{Name: name, Family: "rank1", Equation: equation, Tail: maskedTail,
			Params: list(slices, matrix(), integers(row...), integers("far")),
			Text:   func(b *ir.Builder) { rank1(b, terms) }}
		clip := plain
		clip.Name += "Clip"
		clip.Equation += ", then clip to [lo, hi]"
		clip.Params = list(slices, scalars("lo", "hi"), matrix(), integers(row...), integers("far"))
		clip.Text = func(b *ir.Builder) { rank1(b, terms|termBounds) }
		return []Kernel{plain, clip}
	}
	checked := func(k Kernel, terms int) Kernel {
		k.Name += "Finite"
		k.Equation += ", and bad = 1 if a new w is not finite, else 0"
		k.Params = append(slices.Clone(k.Params[:1:1]), append([]Param{written("bad", One)}, k.Params[1:]...)...)
		k.Text = func(b *ir.Builder) { rank1(b, terms|termFinite) }
		return k
	}
	w, d, g, c, x := written("w", Mat), slice("d", StepRow), slice("gs", StepRow), slice("c", PerCol), slice("x", PerCol)
	var all []Kernel
	all = append(all, specialised("Rank1G", "w = fma(g_i, x_j, w)", termOuter, w, g, x)...)
	all = append(all, specialised("Rank1DG", "w = fma(g_i, x_j, w*(1-d_i))", termDecay|termOuter, w, d, g, x)...)
	all = append(all, specialised("Rank1CG", "w = fma(g_i, x_j, w*(1-c_j))", termColDecay|termOuter, w, c, g, x)...)
	all = append(all, checked(all[0], termOuter), checked(all[2], termDecay|termOuter))
	all = append(all, Kernel{Name: "Rank1Residual", Family: "rank1", Tail: maskedTail,
		Equation: "for rows in order: r_j = fma(-y_i, w_ij, r_j), then w_ij = fma(g_i, r_j, w_ij)",
		Params:   list(w, written("r", PerCol), slice("gs", PerRow), slice("y", PerRow), matrix()), Text: rank1Residual})
	terms := list(w, optional("d", StepRow), optional("c", PerCol), optional("gs", StepRow), optional("x", PerCol),
		optional("a", StepRow), optional("b", PerCol))
	mask := Param{Name: "mask", Kind: ir.Bools, Shape: MaskMat, Optional: true}
	return append(all, Kernel{
		Name: "Rank1Any", Family: "rank1", Tail: maskedTail,
		Equation: "w = clip(mask ? fma(g_i, x_j, w*(1-d_i-c_j)) + a_i + b_j : w), each term present by its flag",
		Params:   list(terms, mask, scalars("lo", "hi"), matrix(), integers("dStep", "gsStep", "aStep", "maskStride", "flags")),
		Text:     func(b *ir.Builder) { rank1Any(b, false) },
	}, Kernel{
		Name: "Rank1Full", Family: "rank1", Tail: maskedTail,
		Equation: "Rank1Any, the change times (w-softLo)(softHi-w), plus gamma*w(1-w)(w-theta), clipped to [low_ij, high_ij], by flags",
		Params: list(terms, optional("low", LimitMat), optional("high", LimitMat), mask,
			scalars("lo", "hi", "softLo", "softHi", "gamma", "theta"), matrix(),
			integers("dStep", "gsStep", "aStep", "limitStride", "maskStride", "flags")),
		Text: func(b *ir.Builder) { rank1Any(b, true) },
	})
}

// rank1 is the update with a fixed set of terms, g·x among them.
func rank1(b *ir.Builder, terms int) {
	k := inPlace{rows: []rowValue{{name: "gs", stepped: true}}, cols: []string{"x"}, tmp: 1}
	if terms&termFinite != 0 {
		k.finite = "bad"
	}
	var to ir.Bounds
	if terms&termBounds != 0 {
		to = b.Bounds(b.ParamUni("lo"), b.ParamUni("hi"))
		k.tmp += 4
	}
	if terms&termDecay != 0 {
		k.rows = append(k.rows, rowValue{"d", true, func(b *ir.Builder, d ir.Val) ir.Val { return b.Sub(b.Const(1), d) }})
	}
	var one ir.Val
	if terms&termColDecay != 0 {
		one = b.Keep(b.Const(1))
		k.tmp++
		k.cols = append(k.cols, "c")
	}
	k.next = func(b *ir.Builder, u ir.Val, row, col []ir.Val) ir.Val {
		if terms&termColDecay != 0 {
			u = b.Mul(u, b.Sub(one, col[1]))
		} else if terms&termDecay != 0 {
			u = b.Mul(u, row[1])
		}
		u = b.FMA(row[0], col[0], u)
		if terms&termBounds != 0 {
			u = b.Clip(u, to)
		}
		return u
	}
	k.text(b)
}

func rank1Residual(b *ir.Builder) {
	rows, w, g, y := b.Param("rows"), b.Param("w"), b.Param("gs"), b.Param("y")
	// Panels of rows, in which a strip of r stays in registers: what is left for an element is a load, a store and two
	// products. A strip is long enough that the rows, which wait for each other, hide their latency.
	panel := func(count int64) {
		left, r := b.ICopy(w), b.Param("r")
		each(b, b.Param("cols"), 8, []ir.Val{left, r}, func(a access) {
			rest := make([]ir.Val, a.n)
			for q := range rest {
				rest[q] = b.Var(a.load(r, q))
			}
			here, gs, ys, i := b.ICopy(left), b.ICopy(g), b.ICopy(y), b.IConst(count)
			b.While(i, 1, func() {
				gi, yi := b.LoadU(gs, 0), b.LoadU(ys, 0)
				for q := range rest {
					u := a.load(here, q)
					b.Set(rest[q], b.FNMA(yi, u, rest[q]))
					a.store(here, q, b.FMA(gi, rest[q], u))
				}
				b.AddRTo(here, strideBytes(b))
				b.AddTo(gs, b.Size())
				b.AddTo(ys, b.Size())
			})
			for q := range rest {
				a.store(r, q, rest[q])
			}
		})
		b.AddRTo(w, b.IMul(strideBytes(b), b.IConst(count)))
		b.AddTo(g, count*b.Size())
		b.AddTo(y, count*b.Size())
	}
	b.While(rows, 8, func() { panel(8) })
	b.While(rows, 1, func() { panel(1) })
}

// rank1Any takes its terms from flags: a branch a strip and term, which the processor predicts, in place of a variant
// for each of the 127 sets. In full, with what makes a change depend on the weight, it has more arguments than there are
// registers for: the cursors are one offset then, and the arguments are read anew where they are used.
func rank1Any(b *ir.Builder, full bool) {
	var to ir.Bounds
	bounds := func() ir.Bounds { return b.Bounds(b.ParamUni("lo"), b.ParamUni("hi")) }
	if !full {
		to = bounds()
	}
	keep, g, add := b.Var(b.Const(1)), b.Var(b.Const(0)), b.Var(b.Const(0))
	b.Rows("rows", func(i ir.Val) {
		b.Set(keep, b.Keep(b.Const(1)))
		if full { // the change alone is wanted
			b.IfBits(b.Param("flags"), termSoft, func() { b.Set(keep, b.Keep(b.Const(0))) })
		}
		b.IfBits(b.Param("flags"), termDecay, func() { b.Set(keep, b.Sub(keep, b.LoadU(stepped(b, "d", i), 0))) })
		b.IfBits(b.Param("flags"), termOuter, func() { b.Set(g, b.LoadU(stepped(b, "gs", i), 0)) })
		b.IfBits(b.Param("flags"), termRowAdd, func() { b.Set(add, b.LoadU(stepped(b, "a", i), 0)) })
		w := rowOf(b, "w", "stride", i)
		cursors := []ir.Val{w}
		var at func(name string) ir.Val
		if full {
			offset := b.IConst(0)
			cursors = append(cursors, offset)
			at = func(name string) ir.Val { return b.IPlus(b.Param(name), offset) }
		} else {
			of := map[string]ir.Val{"x": b.Param("x"), "c": b.Param("c"), "b": b.Param("b")}
			cursors = append(cursors, of["x"], of["c"], of["b"])
			at = func(name string) ir.Val { return of[name] }
		}
		mask := b.IPlus(b.Param("mask"), b.IMul(i, b.Param("maskStride")))
		n := b.Param("cols")
		each(b, n, unroll, cursors, func(a access) {
			u := make([]ir.Val, a.n)
			for q := range u {
				if at := int64(q) * b.VecSize(); full && a.n > 1 && at%lineBytes == 0 { // on Zen 4 limits by column at 4096² run 1.5 times as fast
					b.Prefetch(w, at+2048)
				}
				u[q] = b.Var(a.load(w, q))
			}
			all := func(name string, fn func(q int, p ir.Val)) func() {
				return func() {
					var p ir.Val
					if name != "" {
						p = at(name)
					}
					for q := range u {
						fn(q, p)
					}
				}
			}
			flags := b.Param("flags")
			b.IfElse(flags, termColDecay,
				all("c", func(q int, c ir.Val) { b.Set(u[q], b.Mul(u[q], b.Sub(keep, a.load(c, q)))) }),
				func() {
					kept := all("", func(q int, _ ir.Val) { b.Set(u[q], b.Mul(u[q], keep)) })
					if !full {
						b.IfBits(flags, termDecay, kept)
						return
					}
					b.IfElse(flags, termDecay, kept, func() {
						b.IfBits(flags, termSoft, all("", func(q int, _ ir.Val) { b.Set(u[q], b.Keep(b.Const(0))) }))
					})
				})
			b.IfBits(flags, termOuter, all("x", func(q int, x ir.Val) { b.Set(u[q], b.FMA(g, a.load(x, q), u[q])) }))
			b.IfBits(flags, termRowAdd, all("", func(q int, _ ir.Val) { b.Set(u[q], b.Add(u[q], add)) }))
			b.IfBits(flags, termColAdd, all("b", func(q int, col ir.Val) { b.Set(u[q], b.Add(u[q], a.load(col, q))) }))
			if full {
				weightDependence(b, a, flags, w, u)
			}
			b.IfBits(flags, termMask, func() {
				for q := range u {
					b.Set(u[q], b.Select(b.Bytes(maskBytes(b, a, mask, n, q)), u[q], a.load(w, q)))
				}
				b.AddTo(mask, int64(a.n)*b.Lanes())
			})
			b.IfBits(flags, termBounds, func() {
				if full {
					to = bounds()
				}
				for q := range u {
					b.Set(u[q], b.Clip(u[q], to))
				}
			})
			if full {
				b.IfBits(flags, termLimits, func() {
					row := b.IShift(b.IMul(i, b.Param("limitStride")), b.SizeShift())
					low, high := b.IPlus(at("low"), row), b.IPlus(at("high"), row)
					for q := range u {
						b.Set(u[q], b.Clip(u[q], b.Bounds(a.load(low, q), a.load(high, q))))
					}
				})
			}
			for q := range u {
				a.store(w, q, u[q])
			}
		})
	})
}

// weightDependence makes a weight of its change u, and adds the drift towards 0 or 1.
func weightDependence(b *ir.Builder, a access, flags, w ir.Val, u []ir.Val) {
	b.IfBits(flags, termSoft, func() {
		low, high := b.ParamUni("softLo"), b.ParamUni("softHi")
		for q := range u {
			old := a.load(w, q)
			b.Set(u[q], b.FMA(u[q], b.Mul(b.Sub(old, low), b.Sub(high, old)), old))
		}
	})
	b.IfBits(flags, termBistable, func() {
		gamma, theta, one := b.ParamUni("gamma"), b.ParamUni("theta"), b.Const(1)
		for q := range u {
			old := a.load(w, q)
			b.Set(u[q], b.FMA(b.Mul(b.Mul(gamma, old), b.Sub(one, old)), b.Sub(old, theta), u[q]))
		}
	})
}

// maskBytes is one byte a lane of vector q of the step; of a tail, byte by byte, so that none behind the end is read.
func maskBytes(b *ir.Builder, a access, mask, n ir.Val, q int) ir.Val {
	if a.tail == nil {
		return b.LoadBytes(mask, int64(q)*b.Lanes())
	}
	bits, left := b.IConst(0), b.ICopy(n)
	at := b.IPlus(mask, n)
	b.While(left, 1, func() {
		b.AddTo(at, -1)
		b.ShlTo(bits, 8)
		b.OrTo(bits, b.LoadByte(at, 0))
	})
	return bits
}
