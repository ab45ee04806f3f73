package arm64

import (
	"fmt"

	"github.com/hebbkern/hebbkern/gen/ir"
)

// otherPrograms covers memory, lanes, integers and control.
func otherPrograms(e ir.Elem) []program {
	s := &suite{e: e}
	s.memory()
	s.tails()
	s.integers()
	s.control()
	s.conversions()
	if e == ir.F32 {
		s.lookups()
	}
	return s.programs
}

// suite collects the programs of one element type.
type suite struct {
	e        ir.Elem
	programs []program
}

func (s *suite) lanes() int64 { return 32 / s.e.Size() }

func (s *suite) add(name string, p program, text func(b *ir.Builder, dst ir.Val)) {
	p.f = ir.Build(name+s.e.String(), s.e, 32, params, func(b *ir.Builder) {
		b.Comment("test of %s, 100%%", name)
		text(b, b.Param("dst"))
	})
	s.programs = append(s.programs, p)
}

func span64(first, last int64) []int64 {
	var out []int64
	for n := first; n <= last; n++ {
		out = append(out, n)
	}
	return out
}

var exact = program{exact: true}

func (s *suite) memory() {
	for _, d := range []int64{0, 8, 12, 16, 64, 1008, 1024, 1400} {
		s.add(fmt.Sprint("Load", d), exact, func(b *ir.Builder, dst ir.Val) { b.Store(dst, 0, b.Load(b.Param("a"), d)) })
		s.add(fmt.Sprint("Store", d), exact, func(b *ir.Builder, dst ir.Val) { b.Store(dst, d, b.Load(b.Param("a"), 0)) })
		s.add(fmt.Sprint("LoadU", d), exact, func(b *ir.Builder, dst ir.Val) { b.Store(dst, 0, b.LoadU(b.Param("a"), d)) })
		s.add(fmt.Sprint("StoreU", d), exact, func(b *ir.Builder, dst ir.Val) { b.StoreU(dst, d, b.Load(b.Param("a"), 0)) })
	}
	for n := 1; n <= 6; n++ {
		// Each element as either factor, as what is added, negated, as both factors, and by itself; a behind them is
		// not read.
		s.add(fmt.Sprint("Element", n), program{counts: []int64{int64(n)}, short: 1}, func(b *ir.Builder, dst ir.Val) {
			a, x := b.Param("a"), b.Load(b.Param("b"), 0)
			sum, left := b.Var(x), b.Var(x)
			for i := range n {
				e := b.Element(a, 0, i, n)
				b.Set(sum, b.FMA(x, e, sum))
				b.Set(left, b.FNMA(e, x, left))
				b.Store(dst, 160*int64(i), b.FMA(x, x, e))
				b.Store(dst, 160*int64(i)+32, b.Mul(b.FMA(e, e, e), x))
				b.Store(dst, 160*int64(i)+64, e)
				b.Store(dst, 160*int64(i)+96, sum)
				b.Store(dst, 160*int64(i)+128, left)
			}
		})
	}
	for _, d := range []int64{0, 24, 1400} {
		s.add(fmt.Sprint("StoreSums", d), program{}, func(b *ir.Builder, dst ir.Val) {
			a, u := b.Param("a"), b.LoadU(b.Param("b"), 8)
			b.PrefetchNear(a, -d)
			b.StoreSums(dst, d, [4]ir.Val{b.Load(a, 0), b.Load(a, 32), u, b.Load(a, 96)})
			b.StoreSums(dst, d+64, [4]ir.Val{u, b.Const(3), b.Load(a, 64), u})
		})
	}
	s.add("Prefetch", exact, func(b *ir.Builder, dst ir.Val) {
		p := b.ICopy(b.Param("a"))
		b.Prefetch(p, 0)
		b.Prefetch(p, 2048+64)
		b.AddTo(p, -1<<40) // no memory of this process
		b.Prefetch(p, 64)
		b.Store(dst, 0, b.Load(b.Param("a"), 0))
	})
	s.add("LoadSame", exact, func(b *ir.Builder, dst ir.Val) {
		for d := range int64(3) {
			b.StoreU(dst, 1024+8*d, b.LoadU(b.Param("a"), 8*d))
			for i := range 32 / b.Size() {
				b.StoreU(dst, 512*(d%2)+i*b.Size(), b.LoadU(b.Param("a"), 8*d))
			}
			b.Store(dst, 64*d+128, b.LoadSame(dst, 512*(d%2)))
		}
	})
	for _, stride := range []int64{16, 24, 40} {
		for group := int64(1); group <= 2; group++ {
			s.add(fmt.Sprint("LoadS", stride, "Group", group), exact, func(b *ir.Builder, dst ir.Val) {
				b.Store(dst, 0, b.LoadS(b.Param("a"), b.IConst(stride), group))
			})
			s.add(fmt.Sprint("StoreS", stride, "Group", group), exact, func(b *ir.Builder, dst ir.Val) {
				b.StoreS(dst, b.Load(b.Param("a"), 0), b.IConst(stride), group)
			})
		}
	}
	s.add("Zip", exact, func(b *ir.Builder, dst ir.Val) {
		lo, hi := b.Zip(b.Load(b.Param("a"), 0), b.Load(b.Param("a"), 32))
		b.Store(dst, 0, lo)
		b.Store(dst, 32, hi)
		x, y := b.Unzip(b.Load(b.Param("a"), 64), b.Load(b.Param("a"), 96))
		b.Store(dst, 64, x)
		b.Store(dst, 96, y)
	})
	s.add("NegativeDisplacement", exact, func(b *ir.Builder, dst ir.Val) {
		p := b.ICopy(b.Param("a"))
		b.AddTo(p, 1200)
		b.Store(dst, 0, b.Load(p, -64))
		b.Store(dst, 32, b.Load(p, -1064))
		b.Store(dst, 64, b.LoadU(p, -1200))
		b.Store(dst, 96, b.Load(p, -24))
	})
	s.add("Constants", exact, func(b *ir.Builder, dst ir.Val) {
		b.StoreU(dst, 0, b.Const(3))
		b.Store(dst, 32, b.Const(1./3))
		b.Store(dst, 64, b.Const(0))
		v := b.Var(b.Const(-7))
		b.Set(v, b.Const(9))
		b.Store(dst, 96, v)
		k := b.Keep(b.Bits(0x7fc01234))
		b.Store(dst, 128, k)
		b.Store(dst, 160, b.Neg(b.Abs(b.Load(b.Param("a"), 0))))
	})
	s.add("ParamUni", exact, func(b *ir.Builder, dst ir.Val) { b.Store(dst, 0, b.ParamUni("s")) })
	s.add("Variables", exact, func(b *ir.Builder, dst ir.Val) {
		u := b.LoadU(b.Param("a"), 0)
		v, w := b.Var(u), b.Var(u)
		b.Set(w, b.Xor(w, b.Load(b.Param("b"), 0)))
		x := b.Var(w)
		b.Set(x, v)
		y := b.Var(x)
		b.Store(dst, 0, v)
		b.Store(dst, 32, w)
		b.Store(dst, 64, x)
		b.Store(dst, 96, y)
		b.Store(dst, 128, u)
	})
	s.add("Bounds", program{}, func(b *ir.Builder, dst ir.Val) {
		to := b.Bounds(b.ParamUni("s"), b.Const(2))
		b.Store(dst, 0, b.Clip(b.Load(b.Param("a"), 0), to))
	})
}

func (s *suite) tails() {
	tails := span64(1, s.lanes())
	s.add("TailMask", program{exact: true, counts: span64(0, s.lanes()+2)}, func(b *ir.Builder, dst ir.Val) {
		b.Store(dst, 0, b.Tail(b.Param("n")).Mask)
	})
	for _, d := range []int64{0, 8, 24} {
		s.add(fmt.Sprint("LoadM", d), program{exact: true, counts: tails, short: d/s.e.Size() + 1},
			func(b *ir.Builder, dst ir.Val) {
				b.Store(b.Param("dst"), 0, b.LoadM(b.Param("a"), d, b.Tail(b.Param("n"))))
			})
		s.add(fmt.Sprint("StoreM", d), program{exact: true, counts: tails}, func(b *ir.Builder, dst ir.Val) {
			t := b.Tail(b.Param("n"))
			b.StoreM(dst, d, b.Load(b.Param("a"), 0), t)
			b.StoreM(dst, d+64, b.LoadU(b.Param("b"), 0), t)
			b.StoreM(dst, d+128, b.Const(5), t)
		})
	}
	s.add("LoadMInMask", program{exact: true, counts: tails, short: 1}, func(b *ir.Builder, dst ir.Val) {
		t := b.Tail(b.Param("n"))
		b.Set(t.Mask, b.LoadM(b.Param("a"), 0, t))
		b.Store(dst, 0, t.Mask)
	})
	s.add("Bytes", exact, func(b *ir.Builder, dst ir.Val) { b.Store(dst, 0, b.Bytes(b.LoadBytes(b.Param("m"), 0))) })
	s.add("BytesMore", exact, func(b *ir.Builder, dst ir.Val) {
		x := b.LoadBytes(b.Param("m"), 16)
		b.OrTo(x, b.LoadBytes(b.Param("m"), 3))
		b.Store(dst, 0, b.Bytes(x))
	})
	s.add("Any", exact, func(b *ir.Builder, dst ir.Val) {
		found := b.IConst(0)
		for l := range b.Lanes() {
			b.IfBits(b.Any(b.Bytes(b.IConst(1<<(8*l)))), -1, func() { b.AddTo(found, 8) })
		}
		x := b.Load(b.Param("a"), 0)
		b.IfBits(b.Any(b.CmpLT(x, x)), -1, func() { b.AddTo(found, 4) })
		b.Store(b.IPlus(dst, found), 0, x)
	})
	s.add("Sum", program{}, func(b *ir.Builder, dst ir.Val) {
		x := b.Load(b.Param("a"), 0)
		b.StoreU(dst, 0, b.Sum(x))
		b.StoreU(dst, 8, b.MaxLanes(x))
		b.StoreU(dst, 16, b.Sum(b.LoadU(b.Param("b"), 0)))
	})
}

// lookups has several tables for one vector of numbers, whose upper bits do not count.
func (s *suite) lookups() {
	for _, d := range []int64{0, 8, 64, 1008} {
		s.add(fmt.Sprint("Lookup", d), exact, func(b *ir.Builder, dst ir.Val) {
			a, i := b.Param("a"), b.Load(b.Param("b"), 0)
			b.Store(dst, 0, b.Lookup(a, d, i))
			b.Store(dst, 32, b.Lookup(a, d+16, i))
			b.Store(dst, 64, i)
		})
	}
	s.add("LookupOthers", exact, func(b *ir.Builder, dst ir.Val) {
		a, u, i := b.Param("a"), b.LoadU(b.Param("b"), 0), b.Var(b.Load(b.Param("b"), 0))
		b.Store(dst, 0, b.Lookup(a, 0, u))
		b.Store(dst, 32, b.Lookup(a, 0, b.Bits(0x12345675)))
		b.Store(dst, 64, b.Lookup(a, 0, i))
		b.Set(i, b.IShr(i, 3))
		b.Store(dst, 96, b.Lookup(a, 0, i))
		b.Set(i, b.Lookup(a, 0, i))
		b.Store(dst, 128, i)
		b.Store(dst, 160, b.Lookup(a, 32, i))
		b.IfBits(b.LoadByte(b.Param("m"), 0), 1, func() { b.Set(i, b.IShr(i, 6)) })
		b.Store(dst, 192, b.Lookup(a, 64, i))
	})
}

// integers uses each result as a displacement, which shows it.
func (s *suite) integers() {
	results := map[string]func(b *ir.Builder, x, y ir.Val) ir.Val{
		"LoadByte":   func(b *ir.Builder, x, y ir.Val) ir.Val { return x },
		"IMulPlus":   func(b *ir.Builder, x, y ir.Val) ir.Val { return b.IPlus(b.IMul(x, y), y) },
		"IShift":     func(b *ir.Builder, x, y ir.Val) ir.Val { return b.IPlus(b.IShift(x, 4), b.IShift(y, 1)) },
		"IShiftDown": func(b *ir.Builder, x, y ir.Val) ir.Val { return b.IPlus(b.IShiftDown(x, 2), b.IShiftDown(y, 1)) },
		"IConst": func(b *ir.Builder, x, y ir.Val) ir.Val {
			c, big := b.IConst(-3), b.IConst(0x123456789abcdef)
			b.AddRTo(c, big)
			b.SubRTo(c, big)
			b.AddTo(c, 103)
			b.AddTo(c, -20)
			return b.IPlus(c, x)
		},
		"Variables": func(b *ir.Builder, x, y ir.Val) ir.Val {
			z := b.ICopy(x)
			b.ShlTo(z, 3)
			b.OrTo(z, y)
			u := b.ICopy(z)
			b.AddTo(z, 40)
			b.SubRTo(z, u)
			b.SetI(u, z)
			b.AddRTo(u, u)
			b.AddTo(u, 0x12345678)
			b.AddTo(u, -0x12345678)
			return b.IPlus(u, z)
		},
		"If": func(b *ir.Builder, x, y ir.Val) ir.Val {
			r := b.IConst(0)
			b.If(x, 3, func() { b.AddTo(r, 16) })
			b.IfBits(y, 5, func() { b.AddTo(r, 32) })
			b.IfBits(y, 2, func() { b.AddTo(r, 64) })
			b.IfBits(x, -1, func() { b.AddTo(r, 1) })
			b.IfElse(x, 1, func() { b.AddTo(r, 2) }, func() { b.AddTo(r, 4) })
			b.If(r, -5, func() { b.AddTo(r, 8) })
			return r
		},
	}
	for name, result := range results {
		s.add("Int"+name, program{exact: true, small: true}, func(b *ir.Builder, dst ir.Val) {
			m := b.Param("m")
			at := b.IPlus(dst, result(b, b.LoadByte(m, 0), b.LoadByte(m, 1)))
			b.Store(at, 0, b.Load(b.Param("a"), 0))
		})
	}
}

func (s *suite) control() {
	lanes := s.lanes()
	counts := span64(0, 4*lanes)
	s.add("While", program{counts: counts, short: 1}, func(b *ir.Builder, dst ir.Val) {
		n, p := b.Param("n"), b.Param("a")
		q := b.ICopy(dst)
		sum, top := b.Var(b.Const(0)), b.Var(b.Const(-1))
		b.While(n, lanes, func() {
			x := b.Load(p, 0)
			b.Store(q, 64, b.FNMA(x, b.Const(3), sum))
			b.Set(sum, b.Add(sum, x))
			b.Set(top, b.Max(x, top))
			b.AddTo(p, 32)
			b.AddTo(q, 32)
		})
		b.If(n, 1, func() {
			t := b.Tail(n)
			x := b.LoadM(p, 0, t)
			b.Set(sum, b.Add(sum, x))
			b.StoreM(q, 64, x, t)
		})
		b.StoreU(dst, 0, b.Sum(sum))
		b.Store(dst, 32, top)
	})
	s.add("Rows", program{counts: counts}, func(b *ir.Builder, dst ir.Val) {
		p, q := b.Param("a"), b.ICopy(dst)
		b.Rows("n", func(i ir.Val) {
			x := b.LoadU(p, 8)
			b.StoreU(q, 0, b.Add(x, b.Const(1)))
			b.AddTo(p, b.Size())
			b.AddTo(q, b.Size())
		})
	})
	s.add("ManyValues", program{}, func(b *ir.Builder, dst ir.Val) { // 15 vectors and a uniform value at a time
		var v []ir.Val
		u := b.ParamUni("s")
		for i := range int64(15) {
			v = append(v, b.Load(b.Param("a"), 32*i))
		}
		for i := range v {
			b.Set(v[i], b.FMA(v[i], u, v[(i+7)%15]))
		}
		for i := range v {
			b.Store(dst, 32*int64(i), v[i])
		}
	})
}

// raw appends an operation whose result goes into dst.
func raw(b *ir.Builder, code ir.Code, dst ir.Val, args ...ir.Val) {
	b.F.Ops = append(b.F.Ops, ir.Op{Code: code, Dst: dst, Args: args, Elem: ir.F32})
}

// as32 runs fn with float32 as the element type of the operations.
func as32(b *ir.Builder, fn func()) {
	old := b.F.Elem
	b.F.Elem = ir.F32
	fn()
	b.F.Elem = old
}

func load32(b *ir.Builder, param string) (v ir.Val) {
	as32(b, func() { v = b.Load(b.Param(param), 0) })
	return v
}

func (s *suite) conversions() {
	s.add("Widen", program{}, func(b *ir.Builder, dst ir.Val) {
		w := b.Param("w")
		lo, hi := b.Widen(load32(b, "a"))
		b.As64(func() {
			b.Store(w, 0, b.FMA(lo, b.Const(1./3), hi))
			b.Store(w, 32, hi)
			b.Store(w, 64, lo)
			b.StoreU(w, 96, b.Sum(b.Mul(lo, hi)))
		})
		var u ir.Val
		as32(b, func() { u, _ = b.Widen(b.LoadU(b.Param("b"), 0)) })
		b.As64(func() { b.Store(w, 128, u) })
	})
	for name, code := range map[string]ir.Code{"WidenLoInto": ir.WidenLo, "WidenHiInto": ir.WidenHi} {
		s.add(name, program{}, func(b *ir.Builder, dst ir.Val) {
			x := load32(b, "a")
			raw(b, code, x, x)
			b.As64(func() { b.Store(b.Param("w"), 0, x) })
		})
	}
	narrow := program{}
	s.add("Narrow", narrow, func(b *ir.Builder, dst ir.Val) {
		w := b.Param("w")
		var x, y ir.Val
		b.As64(func() { x, y = b.Load(w, 0), b.Load(w, 32) })
		lo, hi := b.Widen(b.Narrow(x, y))
		b.As64(func() {
			b.Store(w, 64, lo)
			b.Store(w, 96, hi)
		})
	})
	for i, pick := range [][3]int{{0, 0, 1}, {1, 0, 1}, {0, 0, 0}, {0, 1, 0}} {
		s.add(fmt.Sprint("NarrowInto", i), narrow, func(b *ir.Builder, dst ir.Val) {
			w := b.Param("w")
			var v [2]ir.Val
			b.As64(func() { v[0], v[1] = b.Load(w, 0), b.Load(w, 32) })
			raw(b, ir.Narrow, v[pick[0]], v[pick[1]], v[pick[2]])
			lo, hi := b.Widen(v[pick[0]])
			b.As64(func() {
				b.Store(w, 64, lo)
				b.Store(w, 96, hi)
			})
		})
	}
}
