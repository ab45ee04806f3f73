package texts

import (
	"slices"

	"github.com/hebbkern/hebbkern/gen/ir"
)

// inPlace is a kernel w_ij = f(w_ij; values of row i, values of column j): memory is its bound, and the values of the
// columns must not be what it reads most.
type inPlace struct {
	rows   []rowValue
	cols   []string // the slices of values of the columns
	next   func(b *ir.Builder, u ir.Val, row, col []ir.Val) ir.Val
	tmp    int    // registers that next needs
	share  bool   // from the third cache two rows share the values of the columns that they load
	finite string // if not empty: a slice that receives 1 if a new w is not finite, else 0
}

// rowValue is a value of a row: an element of a slice, whose step of 0 or 1 is a parameter if stepped, prepared.
type rowValue struct {
	name    string
	stepped bool
	prepare func(b *ir.Builder, v ir.Val) ir.Val
}

// text reads w in the order that suits the place where it lies. What an order reaches is given as its part of scaling by
// a constant, on Zen 4, float32, rank 1:
//
//   - From the second cache two rows at once, so that the values of the columns are loaded once for both: a load and a
//     store a cycle are then the bound, as they are of scaling by a constant. A few vectors of the one row go before
//     those of the other (256², 0.94; in turn 0.88).
//   - From farther away rows that lie apart, eight vectors of each in turn, whose loads all come before the stores: two
//     rows from the third cache (1024², 0.86 to 0.88; one row after the other is 0.91 at first and 0.83 in the long
//     run), four from memory (4096², 0.91; one row after the other 0.72, eight rows in panels 0.80). Neighbouring rows,
//     which one prefetcher takes for one stream, are slower than one row (0.77, and 0.65 from memory). Where two rows
//     share what they load of the columns' values, scaling (2000×784) gains from 0.88 to 0.96 and rank 1 falls to 0.83.
func (k inPlace) text(b *ir.Builder) {
	rows, w := b.Param("rows"), b.Param("w")
	at := make([]ir.Val, len(k.rows))
	for i, r := range k.rows {
		at[i] = b.ICopy(b.Param(r.name))
	}
	free := 16 - k.tmp
	var sums [2]ir.Val
	if k.finite != "" {
		sums[0], sums[1] = b.Var(b.Const(0)), b.Var(b.Const(0))
		free -= 3
	}
	wide := min(8, max(2, (free-2-len(k.rows))/max(1, len(k.cols))))
	wide -= wide % 2
	pair := wide / 2
	// store stores new values, and adds them up if their sum is wanted: two at a time, or the additions would wait for
	// each other.
	store := func(a access, p ir.Val, q int, us []ir.Val) {
		for i, u := range us {
			a.store(p, q+i, u)
		}
		for i := 0; i < len(us) && k.finite != ""; i += 2 {
			sum, u := sums[i/2%2], us[i]
			if i+1 < len(us) {
				u = b.Add(u, us[i+1])
			}
			if u = b.Add(sum, u); a.tail != nil {
				u = b.Select(a.tail.Mask, u, sum)
			}
			b.Set(sum, u)
		}
	}

	line := func(count, vectors int) {
		cursors, row := k.columns(b), make([][]ir.Val, count)
		var ws []ir.Val
		for r := range row {
			ws = append(ws, b.ICopy(w))
			b.AddRTo(w, strideBytes(b))
			row[r] = k.rowValues(b, at)
		}
		each(b, b.Param("cols"), vectors, append(slices.Clone(ws), cursors...), func(a access) {
			for q := 0; q < a.n; q += pair {
				col := make([][]ir.Val, min(pair, a.n-q))
				for p := range col {
					col[p] = loads(a, cursors, q+p)
				}
				for r := range ws {
					us := make([]ir.Val, len(col))
					for p := range col {
						us[p] = k.next(b, a.load(ws[r], q+p), row[r], col[p])
						if k.finite == "" {
							store(a, ws[r], q+p, us[p:p+1])
						}
					}
					if k.finite != "" {
						store(a, ws[r], q, us)
					}
				}
			}
		})
	}
	// apart works on 2^shift rows at once that lie as far apart as the rows allow.
	apart := func(shift int64) {
		gap := func() ir.Val { return b.IShiftDown(rows, shift) }
		vectors := min(8, free-len(k.rows)<<shift)
		vectors -= vectors % 2
		share := k.share && shift == 1
		if share {
			vectors = (free - 2*len(k.rows)) / (2 + len(k.cols))
		}
		left := gap()
		b.While(left, 1, func() {
			ws, row := make([]ir.Val, 1<<shift), make([][]ir.Val, 1<<shift)
			here, far := b.ICopy(w), b.IMul(gap(), strideBytes(b))
			for r := range ws {
				ws[r], row[r] = b.ICopy(here), make([]ir.Val, len(k.rows))
				b.AddRTo(here, far)
			}
			b.AddRTo(w, strideBytes(b))
			for i, value := range k.rows {
				here, far := b.ICopy(at[i]), b.IMul(gap(), value.step(b))
				for r := range row {
					row[r][i] = value.load(b, here)
					b.AddRTo(here, far)
				}
				b.AddRTo(at[i], value.step(b))
			}
			cursors := k.columns(b)
			news := func(a access, r int, col func(q int) []ir.Val) []ir.Val {
				us := make([]ir.Val, a.n)
				for q := range us {
					us[q] = k.next(b, a.load(ws[r], q), row[r], col(q))
				}
				return us
			}
			each(b, b.Param("cols"), vectors, append(slices.Clone(ws), cursors...), func(a access) {
				if !share {
					for r := range ws {
						store(a, ws[r], 0, news(a, r, func(q int) []ir.Val { return loads(a, cursors, q) }))
					}
					return
				}
				col, us := make([][]ir.Val, a.n), make([][]ir.Val, len(ws))
				for q := range col {
					col[q] = loads(a, cursors, q)
					for c := range col[q] {
						col[q][c] = b.Keep(col[q][c])
					}
				}
				for r := range ws {
					us[r] = news(a, r, func(q int) []ir.Val { return col[q] })
				}
				for r := range ws {
					store(a, ws[r], 0, us[r])
				}
			})
		})
		done := b.IShift(gap(), shift)
		others := b.ICopy(done)
		b.SubRTo(others, gap())
		b.AddRTo(w, b.IMul(others, strideBytes(b)))
		for i, value := range k.rows {
			b.AddRTo(at[i], b.IMul(others, value.step(b)))
		}
		b.SubRTo(rows, done)
	}
	if len(k.cols) == 0 {
		b.While(rows, 1, func() { line(1, unroll) })
	} else {
		far := b.Param("far")
		b.If(far, inMemory, func() { apart(2) })
		b.If(far, inThird, func() { apart(1) })
		b.While(rows, 2, func() { line(2, pair) })
		b.While(rows, 1, func() { line(1, wide) })
	}
	if k.finite != "" {
		k.finish(b, b.Add(sums[0], sums[1]))
	}
}

// finish stores whether all numbers are finite: those whose sum is so are. Another sum may have overflowed; they are
// looked at one by one then.
func (k inPlace) finish(b *ir.Builder, sum ir.Val) {
	bad := b.Param(k.finite)
	store := func(nan ir.Val) { b.StoreU(bad, 0, b.MaxLanes(b.And(nan, b.Const(1)))) }
	store(b.Sub(sum, sum)) // +0, or NaN, whose exponent has all bits of that of 1
	b.IfBits(b.LoadByte(bad, b.Size()-1), 0x3f, func() {
		nan := b.Var(b.Const(0))
		b.Rows("rows", func(i ir.Val) {
			w := rowOf(b, "w", "stride", i)
			each(b, b.Param("cols"), 1, []ir.Val{w}, func(a access) {
				u := a.load(w, 0)
				b.Set(nan, b.Or(nan, b.Sub(u, u)))
			})
		})
		store(nan)
	})
}

// columns are cursors over the values of the columns.
func (k inPlace) columns(b *ir.Builder) []ir.Val {
	cursors := make([]ir.Val, len(k.cols))
	for c, name := range k.cols {
		cursors[c] = b.Param(name)
	}
	return cursors
}

// rowValues are the values of the row that the cursors point at, which move on to the next one.
func (k inPlace) rowValues(b *ir.Builder, at []ir.Val) []ir.Val {
	values := make([]ir.Val, len(at))
	for i, r := range k.rows {
		values[i] = r.load(b, at[i])
		b.AddRTo(at[i], r.step(b))
	}
	return values
}

func (r rowValue) load(b *ir.Builder, at ir.Val) ir.Val {
	v := b.LoadU(at, 0)
	if r.prepare != nil {
		v = r.prepare(b, v)
	}
	return v
}

// step is the distance to the value of the next row in bytes.
func (r rowValue) step(b *ir.Builder) ir.Val {
	if r.stepped {
		return bytesOf(b, r.name+"Step")
	}
	return b.IConst(b.Size())
}

func loads(a access, cursors []ir.Val, q int) []ir.Val {
	v := make([]ir.Val, len(cursors))
	for c := range v {
		v[c] = a.load(cursors[c], q)
	}
	return v
}
