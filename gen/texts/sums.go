package texts

import (
	"math"

	"github.com/hebbkern/hebbkern/gen/ir"
)

// power is the value under a sum.
type power struct {
	name, value string
	fn          func(*ir.Builder, ir.Val) ir.Val
	square      bool                                    // unweighted sums take fma(w, w, sum)
	heavy       bool                                    // bound by arithmetic, wherever w lies: fewer copies of the text
	rooted      func(b *ir.Builder, x, s ir.Val) ir.Val // fn of x and s = √|x|, if that takes it
}

func powers() []power {
	return []power{
		{name: "Signed", value: "w", fn: func(b *ir.Builder, x ir.Val) ir.Val { return x }},
		{name: "Half", value: "√|w|", fn: PowHalf, heavy: true, rooted: func(_ *ir.Builder, _, s ir.Val) ir.Val { return s }},
		{name: "1", value: "|w|", fn: Pow1},
		{name: "ThreeHalves", value: "|w|^1.5", fn: PowThreeHalves, heavy: true,
			rooted: func(b *ir.Builder, x, s ir.Val) ir.Val { return threeHalves(b, b.Abs(x), s) }},
		{name: "2", value: "w²", fn: Pow2, square: true},
		{name: "3", value: "|w|³", fn: Pow3, heavy: true},
		{name: "4", value: "w⁴", fn: Pow4, heavy: true},
	}
}

func sumKernels() []Kernel {
	w := slice("w", Mat)
	var all []Kernel
	add := func(k Kernel, family string) {
		k.Family, k.Tail = family, blendedTail
		all = append(all, k)
	}
	for _, p := range powers() {
		add(Kernel{Name: "RowSum" + p.name, Equation: "out_i = Σ_j " + p.value + ", or weighted by v_j",
			Params: list(written("out", PerRow), w, optional("v", PerCol), matrix(), p.place()),
			Text:   func(b *ir.Builder) { rowSum(b, p.under(b)) }}, "rowsums")
	}
	for _, p := range powers() {
		add(Kernel{Name: "ColSum" + p.name, Equation: "acc_j = acc_j + Σ_i " + p.value + ", or weighted by u_i",
			Params: list(written("acc", PerCol), w, optional("u", PerRow), matrix()),
			Text:   func(b *ir.Builder) { colSum(b, p.under(b)) }}, "colsums")
	}
	for _, p := range powers() {
		add(Kernel{Name: "BothSum" + p.name, Equation: "out_i = Σ_j " + p.value + " and acc_j = acc_j + Σ_i of the same",
			Params: list(written("out", PerRow), written("acc", PerCol), w, matrix(), p.place()),
			Text:   func(b *ir.Builder) { bothSum(b, p.under(b)) }}, "bothsums")
	}
	for _, p := range powers() {
		add(Kernel{Name: "BothWeighted" + p.name, Equation: "out_i = Σ_j " + p.value + " v_j and acc_j = acc_j + Σ_i " + p.value + " u_i",
			Params: list(written("out", PerRow), written("acc", PerCol), w, slice("v", PerCol), slice("u", PerRow), matrix(), p.place()),
			Text:   func(b *ir.Builder) { bothWeighted(b, p.under(b)) }}, "bothweighted")
	}
	add(Kernel{Name: "RowMaxAbs", Equation: "out_i = max_j |w|", Params: list(written("out", PerRow), w, matrix()),
		Text: func(b *ir.Builder) { rowMax(b, true) }}, "maxima")
	add(Kernel{Name: "ColMaxAbs", Equation: "acc_j = max(acc_j, max_i |w|)", Params: list(written("acc", PerCol), w, matrix()),
		Text: colMaxAbs}, "maxima")
	add(Kernel{Name: "RowMax", Equation: "out_i = max_j w", Params: list(written("out", PerRow), w, matrix()),
		Text: func(b *ir.Builder) { rowMax(b, false) }}, "maxima")
	return all
}

// Where w lies, the argument "far" of the sums that memory bounds: it chooses the order in which w is read, which
// depends on what the prefetchers of that distance can follow, and leaves the result alone.
const (
	inThird  = 1 // in the third cache; in the second one below
	inMemory = 2
)

// place is the parameter of where w lies.
func (p power) place() []Param {
	if p.heavy {
		return nil
	}
	return integers("far")
}

// summand is a power as the sums use it.
type summand struct {
	value  func(b *ir.Builder, x ir.Val) ir.Val
	square bool
	panel  int // vectors of a column panel of a sum bound by arithmetic; 0 if memory is the bound
	rooted func(b *ir.Builder, x, s ir.Val) ir.Val
}

func (p power) under(b *ir.Builder) summand {
	if p.name == "1" {
		mask := b.Keep(b.AbsMask())
		return summand{value: func(b *ir.Builder, x ir.Val) ir.Val { return b.And(x, mask) }}
	}
	panel := 0
	if p.heavy {
		panel = 4
	}
	return summand{p.fn, p.square, panel, p.rooted}
}

// add is sum + value, fma(x, x, sum) for the square, and fma(value, weight, sum) with a weight.
func (p summand) add(b *ir.Builder, sum, x, weight ir.Val) ir.Val {
	switch {
	case weight.Valid():
		return b.FMA(p.value(b, x), weight, sum)
	case p.square:
		return b.FMA(x, x, sum)
	}
	return b.Add(sum, p.value(b, x))
}

// lanesOf is the number of lanes of a reduction (item 2 of the numeric contract) in vectors.
func lanesOf(b *ir.Builder) int { return int(128 / b.VecSize()) }

// whenGiven builds two copies of a text: with the optional slice, whose address is not 0, and without.
func whenGiven(b *ir.Builder, name string, text func(given bool)) {
	b.IfAtLeast(b.Param(name), 1, func() { text(true) }, func() { text(false) })
}

// strip is the accumulators of one reduction, a vector for each part of its lanes.
type strip struct {
	b   *ir.Builder
	sum []ir.Val
}

func newStrip(b *ir.Builder, start float64) strip {
	s := strip{b: b, sum: make([]ir.Val, lanesOf(b))}
	for q := range s.sum {
		s.sum[q] = b.Var(b.Const(start))
	}
	return s
}

// at is the accumulator that vector q of a step goes to, and put gives it its new value. Behind the last whole strip the
// accumulators take turns: halving pairs lane l with l + n/2, and turning them keeps those pairs.
func (s strip) at(a access, q int) ir.Val {
	if parts := len(s.sum); a.n >= parts {
		return s.sum[q%parts]
	}
	return s.sum[0]
}

func (s strip) put(a access, q int, next ir.Val) {
	b, parts := s.b, len(s.sum)
	switch {
	case a.n >= parts:
		b.Set(s.sum[q%parts], next)
	case a.tail != nil:
		b.Set(s.sum[0], b.Select(a.tail.Mask, next, s.sum[0]))
	default:
		last := b.Var(next)
		for k := 0; k+1 < parts; k++ {
			b.Set(s.sum[k], s.sum[k+1])
		}
		b.Set(s.sum[parts-1], last)
	}
}

// over runs step over n elements of several rows at once, whose chains of additions overlap; step returns the new value
// of the accumulator of row r that it is given.
func over(b *ir.Builder, n ir.Val, twice bool, cursors []ir.Val, rows []strip, step func(a access, r, q int, sum ir.Val) ir.Val) {
	parts := len(rows[0].sum)
	body := func(a access) {
		for q := 0; q < a.n; q++ {
			for r, s := range rows {
				s.put(a, q, step(a, r, q, s.at(a, q)))
			}
		}
	}
	if twice {
		steps(b, n, 2*parts, cursors, body)
	}
	each(b, n, parts, cursors, body)
}

func (s strip) total(pair func(x, y ir.Val) ir.Val, halve func(ir.Val) ir.Val) ir.Val {
	for n := len(s.sum) / 2; n > 0; n /= 2 {
		for q := 0; q < n; q++ {
			s.b.Set(s.sum[q], pair(s.sum[q], s.sum[q+n]))
		}
	}
	return halve(s.sum[0])
}

func colSum(b *ir.Builder, p summand) {
	whenGiven(b, "u", func(weighted bool) {
		if p.panel > 0 {
			down(b, p.panel, func(sum, x, u ir.Val) ir.Val { return p.add(b, sum, x, u) }, weighted)
			return
		}
		streams(b, p, weighted)
	})
}

// streams adds four whole rows at once to the sums, which are read and written once for all of them. More rows are more
// streams than the prefetchers follow.
func streams(b *ir.Builder, p summand, weighted bool) {
	rows, w := b.Param("rows"), b.Param("w")
	var us ir.Val
	if weighted {
		us = b.Param("u")
	}
	group := func(count int) {
		acc := b.Param("acc")
		at, weight := make([]ir.Val, count), make([]ir.Val, count)
		for r := range at {
			at[r] = b.ICopy(w)
			b.AddRTo(w, strideBytes(b))
			if weighted {
				weight[r] = b.LoadU(us, int64(r)*b.Size())
			}
		}
		if weighted {
			b.AddTo(us, int64(count)*b.Size())
		}
		each(b, b.Param("cols"), unroll, append([]ir.Val{acc}, at...), func(a access) {
			sum := make([]ir.Val, a.n)
			for q := range sum {
				sum[q] = b.Var(a.load(acc, q))
			}
			for r := range at {
				for q := range sum {
					b.Set(sum[q], p.add(b, sum[q], a.load(at[r], q), weight[r]))
				}
			}
			for q := range sum {
				a.store(acc, q, sum[q])
			}
		})
	}
	b.While(rows, 4, func() { group(4) })
	b.While(rows, 1, func() { group(1) })
}

// lineBytes is the size of a cache line.
const lineBytes = 64

// down accumulates the rows of w in order, a panel of some vectors and four rows at a time: enough to repay reading and
// writing the sums where arithmetic is the bound.
func down(b *ir.Builder, vectors int, step func(sum, x, u ir.Val) ir.Val, weighted bool) {
	rows, from := b.Param("rows"), b.Param("w")
	var us ir.Val
	if weighted {
		us = b.Param("u")
	}
	group := func(count int64) {
		w, acc := b.ICopy(from), b.Param("acc")
		each(b, b.Param("cols"), vectors, []ir.Val{w, acc}, func(a access) {
			sum := make([]ir.Val, a.n)
			for q := range sum {
				sum[q] = b.Var(a.load(acc, q))
			}
			at, left, stride := b.ICopy(w), b.IConst(count), strideBytes(b)
			next := b.IPlus(at, b.IMul(stride, b.IConst(count)))
			var u ir.Val
			if weighted {
				u = b.ICopy(us)
			}
			b.While(left, 1, func() {
				var weight ir.Val
				if weighted {
					weight = b.LoadU(u, 0)
					b.AddTo(u, b.Size())
				}
				for q := range sum {
					if to := int64(q) * b.VecSize(); to%lineBytes == 0 {
						b.Prefetch(next, to)
					}
					b.Set(sum[q], step(sum[q], a.load(at, q), weight))
				}
				b.AddRTo(at, stride)
				b.AddRTo(next, stride)
			})
			for q := range sum {
				a.store(acc, q, sum[q])
			}
		})
		b.AddRTo(from, b.IMul(strideBytes(b), b.IConst(count)))
		if weighted {
			b.AddTo(us, count*b.Size())
		}
	}
	b.While(rows, 4, func() { group(4) })
	b.While(rows, 1, func() { group(1) })
}

func strideBytes(b *ir.Builder) ir.Val {
	if b.Elem() == ir.F32 {
		return b.IShift(b.Param("stride"), 2)
	}
	return b.IShift(b.Param("stride"), 3)
}

// bothSum takes two rows at once from the second cache, to read and write the column sums once for both, and one row
// after the other from farther away (see rowSum).
func bothSum(b *ir.Builder, p summand) {
	rows, w, out := b.Param("rows"), b.Param("w"), b.Param("out")
	one := func() {
		value := p.value
		if p.square {
			value = func(_ *ir.Builder, x ir.Val) ir.Val { return x }
		}
		rowThenColumns(b, value, w, out, nil, func(_ access, _ int, x, sum ir.Val) ir.Val {
			if p.square {
				return b.FMA(x, x, sum)
			}
			return b.Add(sum, x)
		}, func(x, sum ir.Val) ir.Val {
			if p.square {
				return b.FMA(x, x, sum)
			}
			return b.Add(x, sum)
		})
	}
	group := func(count int, ahead bool) {
		acc := b.Param("acc")
		at, sums := rowGroup(b, w, count)
		var next ir.Val
		cursors := append([]ir.Val{acc}, at...)
		if ahead { // w is at the next row now
			next = b.ICopy(w)
			cursors = append(cursors, next)
		}
		var col ir.Val
		over(b, b.Param("cols"), ahead, cursors, sums, func(a access, r, q int, sum ir.Val) ir.Val {
			if r == 0 {
				col = b.Var(a.load(acc, q))
			}
			if at := int64(q) * b.VecSize(); ahead && at%lineBytes == 0 {
				b.Prefetch(next, at)
			}
			x := a.load(at[r], q)
			forCol := x
			if ahead {
				forCol = a.load(at[r], q) // a load of its own was measured 1.3 times faster there
			}
			var total ir.Val
			if p.square {
				total = b.FMA(x, x, sum)
				b.Set(col, b.FMA(forCol, forCol, col))
			} else {
				v := p.value(b, x)
				total = b.Add(sum, v)
				if ahead {
					v = p.value(b, forCol)
				}
				b.Set(col, b.Add(col, v))
			}
			if r == count-1 {
				a.store(acc, q, col)
			}
			return total
		})
		for r := range sums {
			b.StoreU(out, int64(r)*b.Size(), sums[r].total(b.Add, b.Sum))
		}
		b.AddTo(out, int64(count)*b.Size())
	}
	if p.panel == 0 {
		far := b.Param("far")
		b.If(far, inMemory, func() { b.While(rows, 1, func() { group(1, true) }) })
		b.IfBelow(far, inThird, func() { b.While(rows, 2, func() { group(2, false) }) })
		b.While(rows, 1, one)
		return
	}
	b.While(rows, 1, func() {
		acc := b.Param("acc")
		heavyRow(b, p, true, w, out, []ir.Val{acc}, func(a access, q int, x, sum ir.Val, _ func() ir.Val) ir.Val {
			a.store(acc, q, b.Add(a.load(acc, q), x))
			return b.Add(sum, x)
		})
	})
}

// bothWeighted is bothSum with weights: v goes along with the row, and each row has one u.
func bothWeighted(b *ir.Builder, p summand) {
	rows, w, out, us := b.Param("rows"), b.Param("w"), b.Param("out"), b.Param("u")
	one := func() {
		v, weight := b.Param("v"), b.LoadU(us, 0)
		b.AddTo(us, b.Size())
		rowThenColumns(b, p.value, w, out, []ir.Val{v}, func(a access, q int, x, sum ir.Val) ir.Val {
			return b.FMA(x, a.load(v, q), sum)
		}, func(x, sum ir.Val) ir.Val { return b.FMA(x, weight, sum) })
	}
	group := func(count int) {
		acc, v := b.Param("acc"), b.Param("v")
		at, sums := rowGroup(b, w, count)
		weight := make([]ir.Val, count)
		for r := range weight {
			weight[r] = b.LoadU(us, int64(r)*b.Size())
		}
		b.AddTo(us, int64(count)*b.Size())
		var col ir.Val
		over(b, b.Param("cols"), false, append([]ir.Val{acc, v}, at...), sums, func(a access, r, q int, sum ir.Val) ir.Val {
			if r == 0 {
				col = b.Var(a.load(acc, q))
			}
			x := p.value(b, a.load(at[r], q))
			total := b.FMA(x, a.load(v, q), sum)
			b.Set(col, b.FMA(x, weight[r], col))
			if r == count-1 {
				a.store(acc, q, col)
			}
			return total
		})
		for r := range sums {
			b.StoreU(out, int64(r)*b.Size(), sums[r].total(b.Add, b.Sum))
		}
		b.AddTo(out, int64(count)*b.Size())
	}
	alone := func() {
		b.While(rows, 1, func() {
			acc, v, weight := b.Param("acc"), b.Param("v"), b.LoadU(us, 0)
			b.AddTo(us, b.Size())
			heavyRow(b, p, true, w, out, []ir.Val{acc, v}, func(a access, q int, x, sum ir.Val, again func() ir.Val) ir.Val {
				a.store(acc, q, b.FMA(again(), weight, a.load(acc, q)))
				return b.FMA(x, a.load(v, q), sum)
			})
		})
	}
	if p.panel == 0 {
		far := b.Param("far")
		b.If(far, inMemory, alone)
		b.IfBelow(far, inThird, func() { b.While(rows, 2, func() { group(2) }) })
		b.While(rows, 1, one)
		return
	}
	alone()
}

// rowThenColumns is one row of both sums from the third cache: of two strips all loads of w, then what they add to the
// sum of the row, then to those of the columns, whose own loads and stores so do not come between those of w: on Zen 4,
// 1024² float32, 0.94 of the speed of reading w, and 0.78 with them in between.
func rowThenColumns(b *ir.Builder, value func(*ir.Builder, ir.Val) ir.Val, w, out ir.Val, more []ir.Val,
	row func(a access, q int, x, sum ir.Val) ir.Val, column func(x, sum ir.Val) ir.Val) {
	acc, s, n := b.Param("acc"), newStrip(b, 0), b.Param("cols")
	at := b.ICopy(w)
	b.AddRTo(w, strideBytes(b))
	cursors := append([]ir.Val{acc, at}, more...)
	body := func(a access) {
		xs := make([]ir.Val, a.n)
		for q := range xs {
			xs[q] = b.Keep(value(b, a.load(at, q)))
		}
		for q, x := range xs {
			s.put(a, q, row(a, q, x, s.at(a, q)))
		}
		for q, x := range xs {
			a.store(acc, q, column(x, a.load(acc, q)))
		}
	}
	steps(b, n, 2*lanesOf(b), cursors, body)
	each(b, n, lanesOf(b), cursors, body)
	b.StoreU(out, 0, s.total(b.Add, b.Sum))
	b.AddTo(out, b.Size())
}

func rowMax(b *ir.Builder, abs bool) {
	b.Rows("rows", func(i ir.Val) {
		w := rowOf(b, "w", "stride", i)
		start := math.Inf(-1)
		if abs {
			start = 0
		}
		s := newStrip(b, start)
		over(b, b.Param("cols"), false, []ir.Val{w}, []strip{s}, func(a access, _, q int, most ir.Val) ir.Val {
			x := a.load(w, q)
			if abs {
				x = b.Abs(x)
			}
			return b.Maximum(most, x)
		})
		b.StoreU(indexed(b, "out", i), 0, s.total(b.Maximum, b.MaxLanes))
	})
}

func colMaxAbs(b *ir.Builder) {
	down(b, 4, func(most, x, _ ir.Val) ir.Val { return b.Maximum(most, b.Abs(x)) }, false)
}
