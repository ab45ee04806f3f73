package texts

import (
	"math"
	"slices"

	"github.com/hebbkern/hebbkern/gen/ir"
)

// power is the value under a sum.
type power struct {
	name, value string
	fn          func(*ir.Builder, ir.Val) ir.Val
	square      bool // unweighted sums take fma(w, w, sum)
	heavy       bool // bound by arithmetic: fewer copies of the text
}

func powers() []power {
	return []power{
		{name: "Signed", value: "w", fn: func(b *ir.Builder, x ir.Val) ir.Val { return x }},
		{name: "Half", value: "√|w|", fn: PowHalf, heavy: true},
		{name: "1", value: "|w|", fn: Pow1},
		{name: "ThreeHalves", value: "|w|^1.5", fn: PowThreeHalves, heavy: true},
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
			Params: list(written("out", PerRow), w, optional("v", PerCol), matrix()),
			Text:   func(b *ir.Builder) { rowSum(b, p.under(b)) }}, "rowsums")
	}
	for _, p := range powers() {
		add(Kernel{Name: "ColSum" + p.name, Equation: "acc_j = acc_j + Σ_i " + p.value + ", or weighted by u_i",
			Params: list(written("acc", PerCol), w, optional("u", PerRow), matrix()),
			Text:   func(b *ir.Builder) { colSum(b, p.under(b)) }}, "colsums")
	}
	for _, p := range powers() {
		add(Kernel{Name: "BothSum" + p.name, Equation: "out_i = Σ_j " + p.value + " and acc_j = acc_j + Σ_i of the same",
			Params: list(written("out", PerRow), written("acc", PerCol), w, matrix()),
			Text:   func(b *ir.Builder) { bothSum(b, p.under(b)) }}, "bothsums")
	}
	add(Kernel{Name: "RowSumP", Equation: "out_i = Σ_j |w|^p, or weighted by v_j",
		Params: list(written("out", PerRow), w, optional("v", PerCol), slice("e", Exponent), matrix()),
		Text:   func(b *ir.Builder) { eachRoute(b, func(p summand) { rowSum(b, p) }) }}, "powsums")
	add(Kernel{Name: "ColSumP", Equation: "acc_j = acc_j + Σ_i |w|^p, or weighted by u_i",
		Params: list(written("acc", PerCol), w, optional("u", PerRow), slice("e", Exponent), matrix()),
		Text:   func(b *ir.Builder) { eachRoute(b, func(p summand) { colSum(b, p) }) }}, "powsums")
	add(Kernel{Name: "BothSumP", Equation: "out_i = Σ_j |w|^p and acc_j = acc_j + Σ_i of the same",
		Params: list(written("out", PerRow), written("acc", PerCol), w, slice("e", Exponent), matrix()),
		Text:   func(b *ir.Builder) { eachRoute(b, func(p summand) { bothSum(b, p) }) }}, "powsums")
	add(Kernel{Name: "RowMaxAbs", Equation: "out_i = max_j |w|", Params: list(written("out", PerRow), w, matrix()),
		Text: func(b *ir.Builder) { rowMax(b, true) }}, "maxima")
	add(Kernel{Name: "ColMaxAbs", Equation: "acc_j = max(acc_j, max_i |w|)", Params: list(written("acc", PerCol), w, matrix()),
		Text: colMaxAbs}, "maxima")
	add(Kernel{Name: "RowMax", Equation: "out_i = max_j w", Params: list(written("out", PerRow), w, matrix()),
		Text: func(b *ir.Builder) { rowMax(b, false) }}, "maxima")
	return all
}

// summand is a power as the sums use it.
type summand struct {
	value  func(b *ir.Builder, x ir.Val) ir.Val
	square bool
	unroll int  // vectors of a column panel
	rows   int  // rows at a time, for their row sums
	staged bool // value calls Stage
}

// inTurn runs body for the n vectors of one step, which do not depend on each other.
func inTurn(b *ir.Builder, staged bool, n int, body func(q int)) {
	if !staged || n == 1 {
		for q := range n {
			body(q)
		}
		return
	}
	lines := make([]func(), n)
	for q := range lines {
		lines[q] = func() { body(q) }
	}
	b.InStages(lines...)
}

func (p power) under(b *ir.Builder) summand {
	if p.name == "1" {
		mask := b.Keep(b.AbsMask())
		return summand{func(b *ir.Builder, x ir.Val) ir.Val { return b.And(x, mask) }, p.square, 8, 2, false}
	}
	if p.heavy {
		return summand{p.fn, p.square, 4, 1, false}
	}
	return summand{p.fn, p.square, 8, 2, false}
}

// add is sum + value, fma(x, x, sum) for the square, and fma(value, weight, sum) with a weight, which is asked for when
// the value is there.
func (p summand) add(b *ir.Builder, sum, x ir.Val, weight func() ir.Val) ir.Val {
	switch {
	case weight != nil:
		v := p.value(b, x)
		return b.FMA(v, weight(), sum)
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

func rowSum(b *ir.Builder, p summand) {
	whenGiven(b, "v", func(weighted bool) {
		rows, w, out := b.Param("rows"), b.Param("w"), b.Param("out")
		group := func(count int) {
			at, sums := rowGroup(b, w, count)
			cursors := slices.Clone(at)
			var v ir.Val
			if weighted {
				v = b.Param("v")
				cursors = append(cursors, v)
			}
			over(b, b.Param("cols"), cursors, sums, p.staged, func(a access, r, q int, sum ir.Val) ir.Val {
				var weight func() ir.Val
				if weighted {
					weight = func() ir.Val { return a.load(v, q) }
				}
				return p.add(b, sum, a.load(at[r], q), weight)
			})
			for r := range sums {
				b.StoreU(out, int64(r)*b.Size(), sums[r].total(b.Add, b.Sum))
			}
			b.AddTo(out, int64(count)*b.Size())
		}
		if p.rows > 1 {
			b.While(rows, int64(p.rows), func() { group(p.rows) })
		}
		b.While(rows, 1, func() { group(1) })
	})
}

// rowGroup is cursors and accumulators for the next rows of w, which moves on behind them.
func rowGroup(b *ir.Builder, w ir.Val, count int) (at []ir.Val, sums []strip) {
	stride := strideBytes(b)
	for range count {
		at, sums = append(at, b.ICopy(w)), append(sums, newStrip(b, 0))
		b.AddRTo(w, stride)
	}
	return at, sums
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

// over runs step over n elements of several rows at once, whose chains of additions overlap; step returns the new value
// of accumulator q of row r. Behind the last whole strip the accumulators take turns: halving pairs lane l with
// l + n/2, and turning them keeps those pairs.
func over(b *ir.Builder, n ir.Val, cursors []ir.Val, rows []strip, staged bool,
	step func(a access, r, q int, sum ir.Val) ir.Val) {
	parts := len(rows[0].sum)
	each(b, n, parts, cursors, func(a access) {
		inTurn(b, staged, a.n, func(q int) {
			for r, s := range rows {
				next := step(a, r, q, s.sum[q])
				switch {
				case a.n == parts:
					b.Set(s.sum[q], next)
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
		})
	})
}

func (s strip) total(pair func(x, y ir.Val) ir.Val, halve func(ir.Val) ir.Val) ir.Val {
	for n := len(s.sum) / 2; n > 0; n /= 2 {
		for q := 0; q < n; q++ {
			s.b.Set(s.sum[q], pair(s.sum[q], s.sum[q+n]))
		}
	}
	return halve(s.sum[0])
}

// colRows is how many rows a column panel goes down before the next panel: as many streams as the prefetchers follow,
// and enough to repay reading and writing the sums.
const colRows = 32

func colSum(b *ir.Builder, p summand) {
	whenGiven(b, "u", func(weighted bool) {
		vectors := p.unroll
		if weighted && p.staged {
			vectors-- // the weight takes the register
		}
		down(b, vectors, p.staged, func(a access, q int, sum, x, u ir.Val) ir.Val {
			var weight func() ir.Val
			if weighted {
				weight = func() ir.Val { return u }
			}
			return p.add(b, sum, x, weight)
		}, weighted)
	})
}

// down accumulates the rows of w in order, a panel of `vectors` vectors at a time.
func down(b *ir.Builder, vectors int, staged bool, step func(a access, q int, sum, x, u ir.Val) ir.Val, weighted bool) {
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
				inTurn(b, staged, a.n, func(q int) { b.Set(sum[q], step(a, q, sum[q], a.load(at, q), weight)) })
				b.AddRTo(at, stride)
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
	b.While(rows, colRows, func() { group(colRows) })
	b.While(rows, 1, func() { group(1) })
}

func strideBytes(b *ir.Builder) ir.Val {
	if b.Elem() == ir.F32 {
		return b.IShift(b.Param("stride"), 2)
	}
	return b.IShift(b.Param("stride"), 3)
}

func bothSum(b *ir.Builder, p summand) {
	rows, w, out := b.Param("rows"), b.Param("w"), b.Param("out")
	group := func(count int) {
		acc := b.Param("acc")
		at, sums := rowGroup(b, w, count)
		var col ir.Val
		over(b, b.Param("cols"), append([]ir.Val{acc}, at...), sums, p.staged, func(a access, r, q int, sum ir.Val) ir.Val {
			x, v := a.load(at[r], q), ir.Val{}
			if !p.square {
				v = p.value(b, x)
			}
			if r == 0 { // no sooner than it is needed
				col = b.Var(a.load(acc, q))
			}
			var next ir.Val
			if p.square {
				next = b.FMA(x, x, sum)
				b.Set(col, b.FMA(x, x, col))
			} else {
				next = b.Add(sum, v)
				b.Set(col, b.Add(col, v))
			}
			if r == count-1 {
				a.store(acc, q, col)
			}
			return next
		})
		for r := range sums {
			b.StoreU(out, int64(r)*b.Size(), sums[r].total(b.Add, b.Sum))
		}
		b.AddTo(out, int64(count)*b.Size())
	}
	if p.rows > 1 {
		b.While(rows, int64(p.rows), func() { group(p.rows) })
	}
	b.While(rows, 1, func() { group(1) })
}

func rowMax(b *ir.Builder, abs bool) {
	b.Rows("rows", func(i ir.Val) {
		w := rowOf(b, "w", "stride", i)
		start := math.Inf(-1)
		if abs {
			start = 0
		}
		s := newStrip(b, start)
		over(b, b.Param("cols"), []ir.Val{w}, []strip{s}, false, func(a access, _, q int, most ir.Val) ir.Val {
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
	down(b, 4, false, func(a access, q int, most, x, _ ir.Val) ir.Val { return b.Maximum(most, b.Abs(x)) }, false)
}
