package texts

import "github.com/hebbkern/hebbkern/gen/ir"

// inPlace is a kernel w_ij = f(w_ij; values of row i, values of column j): memory is its bound, and the values of the
// columns must not be what it reads most.
type inPlace struct {
	rows []rowValue
	cols []string // the slices of values of the columns
	next func(b *ir.Builder, u ir.Val, row, col []ir.Val) ir.Val
	tmp  int    // registers that next needs
	sums string // if not empty: receives Σ_j w_ij of the new w by row, as RowSumSigned has it
}

// rowValue is a value of a row: an element of a slice, whose step of 0 or 1 is a parameter if stepped, prepared.
type rowValue struct {
	name    string
	stepped bool
	prepare func(b *ir.Builder, v ir.Val) ir.Val
}

// text reads w in the order that suits the place where it lies:
//
//   - From the second cache two rows at once, so that the values of the columns are loaded once for both: a load and a
//     store a cycle are then the bound, as they are of scaling by a constant. A few vectors of the one row go before
//     those of the other (Zen 4, 256² float32, rank 1: 0.98 of scaling by a constant; in turn 0.92).
//   - From the third cache one row after the other, one stream for the prefetchers, whose loads all come before the
//     stores, parted from them by the steps of the cursors (1024², 0.93; in turn 0.84; without anything between the
//     loads and the stores 0.87).
//   - From memory eight rows a panel, its values of the columns in registers: a row of 16 KiB and as many values would
//     throw each other out of the first cache. The prefetch is two pages of a row ahead.
//
// On Zen 4, 4096² float32, rank 1, the panel runs at 1.8 times the speed of whole rows; at 1024² at 0.65 times.
func (k inPlace) text(b *ir.Builder) {
	rows, w := b.Param("rows"), b.Param("w")
	at := make([]ir.Val, len(k.rows))
	for i, r := range k.rows {
		at[i] = b.ICopy(b.Param(r.name))
	}
	wide := min(8, max(2, (14-len(k.rows)-k.tmp)/max(1, len(k.cols))))
	wide -= wide % 2
	pair := wide / 2
	together := pair
	var out ir.Val
	if k.sums != "" { // whole strips; the accumulators take the registers
		out = b.Param(k.sums)
		wide, pair, together = lanesOf(b), lanesOf(b), 1
	}

	line := func(count, vectors int) {
		cursors, row := k.columns(b), make([][]ir.Val, count)
		var ws []ir.Val
		var sums []strip
		for r := range row {
			ws = append(ws, b.ICopy(w))
			b.AddRTo(w, strideBytes(b))
			row[r] = k.rowValues(b, at)
			if k.sums != "" {
				sums = append(sums, newStrip(b, 0))
			}
		}
		all, n := append(ws, cursors...), b.Param("cols")
		tally := func(a access, r, q int, u ir.Val) {
			if k.sums != "" {
				sums[r].put(a, q, b.Add(sums[r].at(a, q), u))
			}
		}
		if count == 1 { // all loads, the cursors, all stores
			a := access{b: b, n: vectors}
			b.While(n, int64(vectors)*b.Lanes(), func() {
				us := make([]ir.Val, vectors)
				for q := range us {
					us[q] = k.next(b, a.load(ws[0], q), row[0], loads(a, cursors, q))
				}
				for _, c := range all {
					b.AddTo(c, int64(vectors)*b.VecSize())
				}
				for q, u := range us {
					b.Store(ws[0], int64(q-vectors)*b.VecSize(), u)
					tally(a, 0, q, u)
				}
			})
			vectors = 1
		}
		each(b, n, vectors, all, func(a access) {
			for q := 0; q < a.n; q += together {
				col := make([][]ir.Val, min(together, a.n-q))
				for p := range col {
					col[p] = loads(a, cursors, q+p)
				}
				for r := range ws {
					for p := range col {
						u := k.next(b, a.load(ws[r], q+p), row[r], col[p])
						a.store(ws[r], q+p, u)
						tally(a, r, q+p, u)
					}
				}
			}
		})
		for r := range sums {
			b.StoreU(out, int64(r)*b.Size(), sums[r].total(b.Add, b.Sum))
		}
		if k.sums != "" {
			b.AddTo(out, int64(count)*b.Size())
		}
	}
	const panelRows = 8
	panel := func() {
		cursors, left := k.columns(b), b.ICopy(w)
		var last []ir.Val
		each(b, b.Param("cols"), wide, append([]ir.Val{left}, cursors...), func(a access) {
			col := make([][]ir.Val, a.n)
			for q := range col {
				col[q] = loads(a, cursors, q)
				for c := range col[q] {
					col[q][c] = b.Keep(col[q][c])
				}
			}
			here, i := b.ICopy(left), b.IConst(panelRows)
			last = make([]ir.Val, len(at))
			for k := range at {
				last[k] = b.ICopy(at[k])
			}
			b.While(i, 1, func() {
				row := k.rowValues(b, last)
				for q := range col {
					if at := int64(q) * b.VecSize(); at%lineBytes == 0 {
						b.Prefetch(here, at+2048)
					}
					a.store(here, q, k.next(b, a.load(here, q), row, col[q]))
				}
				b.AddRTo(here, strideBytes(b))
			})
		})
		b.AddRTo(w, b.IMul(strideBytes(b), b.IConst(panelRows)))
		for i, r := range k.rows {
			if r.stepped {
				b.AddRTo(at[i], b.IMul(bytesOf(b, r.name+"Step"), b.IConst(panelRows)))
			} else {
				b.AddTo(at[i], panelRows*b.Size())
			}
		}
	}
	if len(k.cols) == 0 {
		b.While(rows, 1, func() { line(1, unroll) })
		return
	}
	far := b.Param("far")
	if k.sums == "" { // a panel has no accumulators for its rows
		b.If(far, inMemory, func() { b.While(rows, panelRows, panel) })
	}
	b.IfBelow(far, inThird, func() { b.While(rows, 2, func() { line(2, pair) }) })
	b.While(rows, 1, func() { line(1, wide) })
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
		values[i] = b.LoadU(at[i], 0)
		if r.prepare != nil {
			values[i] = r.prepare(b, values[i])
		}
		if r.stepped {
			b.AddRTo(at[i], bytesOf(b, r.name+"Step"))
		} else {
			b.AddTo(at[i], b.Size())
		}
	}
	return values
}

func loads(a access, cursors []ir.Val, q int) []ir.Val {
	v := make([]ir.Val, len(cursors))
	for c := range v {
		v[c] = a.load(cursors[c], q)
	}
	return v
}
