package texts

import "github.com/hebbkern/hebbkern/gen/ir"

// The tile of mulTile: 6 rows × 2 vectors of sums, the vectors of b and the elements of a fill the sixteen registers of
// AVX2, and 31 of NEON's 32.
const (
	mulRows    = 6
	mulVectors = 2
	mulUnroll  = 4
)

// Bits of MulTile's flags.
const (
	mulZero = 1
	mulKeep = 2
	mulCols = 4
	// Of MulTileFull only, which has no mulZero.
	mulRowAdd = 8
	mulColAdd = 16
	mulMask   = 32
	mulBounds = 64
)

// mulTile is a product. In full, what an update does after its sums is done while they are in registers; a product without
// such terms takes the kernel that has no branch for them.
func mulTile(b *ir.Builder, full bool) {
	eachHeight(b, func(rows int) { mulRow(b, rows, full) })
}

// eachHeight has a copy of the text for each number of rows, so that no tile computes what nobody asked for.
func eachHeight(b *ir.Builder, text func(rows int)) {
	var from func(rows int)
	from = func(rows int) {
		if rows == 1 {
			text(1)
			return
		}
		b.IfAtLeast(b.Param("m"), int64(rows), func() { text(rows) }, func() { from(rows - 1) })
	}
	from(mulRows)
}

// mulRow runs along the columns of `rows` rows.
func mulRow(b *ir.Builder, rows int, full bool) {
	n, c, p := b.Param("n"), b.Param("c"), b.Param("b")
	for vectors := mulVectors; vectors > 0; vectors-- {
		b.While(n, int64(vectors)*b.Lanes(), func() {
			mulOne(b, access{b: b, n: vectors}, rows, n, c, p, full)
			b.AddTo(c, int64(vectors)*b.VecSize())
			if vectors == mulVectors {
				b.AddRTo(p, bytesOf(b, "bPanel"))
			} else {
				b.AddTo(p, int64(vectors)*b.VecSize())
			}
		})
	}
	b.If(n, 1, func() {
		t := b.Tail(n)
		mulOne(b, access{b: b, n: 1, tail: &t}, rows, n, c, p, full)
	})
}

// mulOne is one tile: its sums, and what they are added to. left is the number of columns from the tile on.
func mulOne(b *ir.Builder, t access, rows int, left, c, panel ir.Val, full bool) {
	sum := zeros(b, rows, t.n)
	if t.n == mulVectors { // c comes while the sums are made
		at := b.ICopy(c)
		for r := range rows {
			b.PrefetchNear(at, 0)
			if r+1 < rows {
				b.AddRTo(at, bytesOf(b, "cStride"))
			}
		}
	}
	k, a, p := b.Param("k"), b.Param("a"), b.ICopy(panel)
	aStep, step := bytesOf(b, "aStride"), bytesOf(b, "bStride")
	chains(b, sum, k, p, a, func() {
		b.AddRTo(p, step)
		b.AddRTo(a, aStep)
	})
	each := func(body func(at ir.Val, r, q int)) {
		at := b.ICopy(c)
		for r := range sum {
			for q := range sum[r] {
				body(at, r, q)
				if !full {
					t.store(at, q, sum[r][q])
				}
			}
			if r+1 < rows {
				b.AddRTo(at, bytesOf(b, "cStride"))
			}
		}
	}
	end := func() { each(func(at ir.Val, r, q int) { b.Set(sum[r][q], b.Add(t.load(at, q), sum[r][q])) }) }
	type start struct {
		bit  int64
		then func()
	}
	starts := []start{
		{mulKeep, func() {
			f, keep := b.Param("f"), ir.Val{}
			each(func(at ir.Val, r, q int) {
				if q == 0 {
					keep = b.LoadU(f, int64(r)*b.Size())
				}
				b.Set(sum[r][q], b.Add(b.Mul(t.load(at, q), keep), sum[r][q]))
			})
		}},
		{mulCols, func() {
			j := b.Param("n")
			b.SubRTo(j, left)
			d := indexed(b, "d", j)
			each(func(at ir.Val, r, q int) {
				keep := b.Sub(b.LoadU(b.Param("f"), int64(r)*b.Size()), t.load(d, q))
				b.Set(sum[r][q], b.Add(b.Mul(t.load(at, q), keep), sum[r][q]))
			})
		}},
	}
	if !full {
		starts = append(starts, start{mulZero, func() { each(func(at ir.Val, r, q int) { b.Set(sum[r][q], b.Add(sum[r][q], b.Const(0))) }) }})
	}
	for _, s := range starts {
		otherwise := end
		end = func() { b.IfElse(b.Param("flags"), s.bit, s.then, otherwise) }
	}
	end()
	if full {
		mulEnding(b, t, sum, left, c)
	}
}

// zeros are the sums of a tile before its first term.
func zeros(b *ir.Builder, rows, vectors int) [][]ir.Val {
	sum := make([][]ir.Val, rows)
	for r := range sum {
		for range vectors {
			sum[r] = append(sum[r], b.Var(b.Const(0)))
		}
	}
	return sum
}

// chains adds k terms to the sums of a tile, the vectors at p times the elements at a, which next brings to the next term.
func chains(b *ir.Builder, sum [][]ir.Val, k, p, a ir.Val, next func()) {
	for _, steps := range []int{mulUnroll, 1} {
		b.While(k, int64(steps), func() {
			for range steps {
				bs := make([]ir.Val, len(sum[0]))
				for q := range bs {
					bs[q] = b.Load(p, int64(q)*b.VecSize()) // a whole vector in the tail too
				}
				for r := range sum {
					ar := b.Element(a, 0, r, len(sum))
					for q := range bs {
						b.Set(sum[r][q], b.FMA(bs[q], ar, sum[r][q]))
					}
				}
				next()
			}
		})
	}
}

// mulEnding is what an update does after its sums, and the store.
func mulEnding(b *ir.Builder, t access, sum [][]ir.Val, left, c ir.Val) {
	rows := len(sum)
	flags := b.Param("flags")
	b.IfBits(flags, mulRowAdd, func() {
		a := b.Param("ra")
		for r := range sum {
			v := b.LoadU(a, int64(r)*b.Size())
			for q := range sum[r] {
				b.Set(sum[r][q], b.Add(sum[r][q], v))
			}
		}
	})
	b.IfBits(flags, mulColAdd, func() {
		j := b.Param("n")
		b.SubRTo(j, left)
		a := indexed(b, "ca", j)
		for q := range t.n {
			v := t.load(a, q)
			for r := range sum {
				b.Set(sum[r][q], b.Add(sum[r][q], v))
			}
		}
	})
	b.IfBits(flags, mulMask, func() {
		mask := b.Param("n")
		b.SubRTo(mask, left)
		b.AddRTo(mask, b.Param("mask"))
		at := b.ICopy(c)
		for r := range sum {
			for q := range sum[r] {
				b.Set(sum[r][q], b.Select(b.Bytes(maskBytes(b, t, mask, left, q)), sum[r][q], t.load(at, q)))
			}
			if r+1 < rows {
				b.AddRTo(at, bytesOf(b, "cStride"))
				b.AddRTo(mask, b.Param("maskStride"))
			}
		}
	})
	b.IfBits(flags, mulBounds, func() {
		to := b.Bounds(b.ParamUni("lo"), b.ParamUni("hi"))
		for r := range sum {
			for q := range sum[r] {
				b.Set(sum[r][q], b.Clip(sum[r][q], to))
			}
		}
	})
	at := b.ICopy(c)
	for r := range sum {
		for q := range sum[r] {
			t.store(at, q, sum[r][q])
		}
		if r+1 < rows {
			b.AddRTo(at, bytesOf(b, "cStride"))
		}
	}
}

// mulPack copies rows into panels of mulVectors vectors, row after row, so that memory is read as it lies.
func mulPack(b *ir.Builder) {
	k, from, to := b.Param("k"), b.Param("b"), b.Param("p")
	panel := bytesOf(b, "bPanel")
	zero := b.Keep(b.Const(0))
	b.While(k, 1, func() {
		n, row, p := b.Param("n"), b.ICopy(from), b.ICopy(to)
		// Rows are far apart, each too short for a prefetcher: ask for those to come.
		ahead := b.IPlus(row, b.IShift(bytesOf(b, "bStride"), 3))
		b.While(n, mulVectors*b.Lanes(), func() {
			for q := range int64(mulVectors) {
				b.Store(p, q*b.VecSize(), b.Load(row, q*b.VecSize()))
			}
			b.PrefetchNear(ahead, 0)
			b.AddTo(ahead, mulVectors*b.VecSize())
			b.AddTo(row, mulVectors*b.VecSize())
			b.AddRTo(p, panel)
		})
		b.While(n, b.Lanes(), func() {
			b.Store(p, 0, b.Load(row, 0))
			b.Store(p, b.VecSize(), zero)
			b.AddTo(row, b.VecSize())
			b.AddTo(p, b.VecSize())
			b.If(n, b.Lanes()+1, func() {
				left := b.ICopy(n)
				b.AddTo(left, -b.Lanes())
				b.Store(p, 0, b.LoadM(row, 0, b.Tail(left)))
				b.SetI(n, b.IConst(b.Lanes()))
			})
		})
		b.If(n, 1, func() {
			b.Store(p, 0, b.LoadM(row, 0, b.Tail(n)))
			b.Store(p, b.VecSize(), zero)
		})
		b.AddTo(to, mulVectors*b.VecSize())
		b.AddRTo(from, bytesOf(b, "bStride"))
	})
}
