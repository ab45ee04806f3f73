package portable

// The bits of Rank1Any's flags: which terms of the update are present.
const (
	Rank1Decay    = 1 << iota // d_i
	Rank1ColDecay             // c_j
	Rank1Outer                // g_i·x_j
	Rank1RowAdd               // a_i
	Rank1ColAdd               // b_j
	Rank1Bounds               // clip to [lo, hi]
	Rank1Mask                 // only where mask_ij
	// Of Rank1Full only.
	Rank1Limits   // clip to [low_ij, high_ij]
	Rank1Soft     // the change times (w_ij − softLo)(softHi − w_ij)
	Rank1Bistable // plus γ·w_ij(1 − w_ij)(w_ij − θ)
)

// Rank1G adds an outer product:
//
//	w_ij ← fma(g_i, x_j, w_ij)
func Rank1G[T Float](w, g, x []T, rows, cols, stride, gStep, _ int) {
	x = x[:cols]
	for i := range rows {
		addScaled(w[i*stride:][:cols], x, g[i*gStep])
	}
}

// Rank1DG adds an outer product to the weights decayed by row:
//
//	w_ij ← fma(g_i, x_j, round(w_ij·(1 − d_i)))
//
// with 1 − d_i rounded.
func Rank1DG[T Float](w, d, g, x []T, rows, cols, stride, dStep, gStep, _ int) {
	x = x[:cols]
	for i := range rows {
		row, f := w[i*stride:][:cols], 1-d[i*dStep]
		for j, v := range row {
			row[j] = T(v * f)
		}
		addScaled(row, x, g[i*gStep])
	}
}

// Rank1GFinite is Rank1G, and bad = 1 if a new w is not a finite number, else 0.
func Rank1GFinite[T Float](w, bad, g, x []T, rows, cols, stride, gStep, far int) {
	Rank1G(w, g, x, rows, cols, stride, gStep, far)
	notFinite(bad, w, rows, cols, stride)
}

// Rank1DGFinite is Rank1DG, and bad = 1 if a new w is not a finite number, else 0.
func Rank1DGFinite[T Float](w, bad, d, g, x []T, rows, cols, stride, dStep, gStep, far int) {
	Rank1DG(w, d, g, x, rows, cols, stride, dStep, gStep, far)
	notFinite(bad, w, rows, cols, stride)
}

func notFinite[T Float](bad, w []T, rows, cols, stride int) {
	bad[0] = 0
	for i := range rows {
		for _, v := range w[i*stride:][:cols] {
			if v-v != 0 {
				bad[0] = 1
			}
		}
	}
}

// Rank1CG adds an outer product to the weights decayed by column:
//
//	w_ij ← fma(g_i, x_j, round(w_ij·(1 − c_j)))
//
// with 1 − c_j rounded.
func Rank1CG[T Float](w, c, g, x []T, rows, cols, stride, gStep, _ int) {
	c, x = c[:cols], x[:cols]
	for i := range rows {
		row, gi := w[i*stride:][:cols], g[i*gStep]
		for j, xj := range x {
			row[j] = FMA(gi, xj, T(row[j]*(1-c[j])))
		}
	}
}

// Rank1GClip is Rank1G with bounds:
//
//	w_ij ← clip(fma(g_i, x_j, w_ij), lo, hi)
func Rank1GClip[T Float](w, g, x []T, lo, hi T, rows, cols, stride, gStep, _ int) {
	x = x[:cols]
	for i := range rows {
		row, gi := w[i*stride:][:cols], g[i*gStep]
		for j, xj := range x {
			row[j] = clip(FMA(gi, xj, row[j]), lo, hi)
		}
	}
}

// Rank1DGClip is Rank1DG with bounds:
//
//	w_ij ← clip(fma(g_i, x_j, round(w_ij·(1 − d_i))), lo, hi)
func Rank1DGClip[T Float](w, d, g, x []T, lo, hi T, rows, cols, stride, dStep, gStep, _ int) {
	x = x[:cols]
	for i := range rows {
		row, gi := w[i*stride:][:cols], g[i*gStep]
		f := 1 - d[i*dStep]
		for j, xj := range x {
			row[j] = clip(FMA(gi, xj, T(row[j]*f)), lo, hi)
		}
	}
}

// Rank1CGClip is Rank1CG with bounds:
//
//	w_ij ← clip(fma(g_i, x_j, round(w_ij·(1 − c_j))), lo, hi)
func Rank1CGClip[T Float](w, c, g, x []T, lo, hi T, rows, cols, stride, gStep, _ int) {
	c, x = c[:cols], x[:cols]
	for i := range rows {
		row, gi := w[i*stride:][:cols], g[i*gStep]
		for j, xj := range x {
			row[j] = clip(FMA(gi, xj, T(row[j]*(1-c[j]))), lo, hi)
		}
	}
}

// Rank1Any is the update with any of the first seven of its terms, the present
// ones named by flags: Rank1Full without limits, soft bounds and drift.
func Rank1Any[T Float](w, d, c, g, x, a, b []T, mask []bool, lo, hi T, rows, cols, stride, dStep, gStep, aStep, maskStride, flags int) {
	Rank1Full(w, d, c, g, x, a, b, nil, nil, mask, lo, hi, 0, 0, 0, 0, rows, cols, stride, dStep, gStep, aStep, 0, maskStride, flags)
}

// Rank1Full is the update with any of its terms, the present ones named by
// flags. For each element, in this order, a missing term being left out:
//
//	f = 1, or 0 with soft;   d: f = f − d_i;   c: f = f − c_j
//	d or c:   u = round(w_ij·f),   else u = w_ij, or +0 with soft
//	g·x:      u = fma(g_i, x_j, u)
//	a:        u = u + a_i
//	b:        u = u + b_j
//	soft:     u = fma(u, (w_ij − softLo)·(softHi − w_ij), w_ij)
//	bistable: u = fma((γ·w_ij)·(1 − w_ij), w_ij − θ, u)
//	mask:     u = w_ij where mask_ij is false
//	bounds:   u = clip(u, lo, hi)
//	limits:   u = clip(u, low_ij, high_ij)
//	w_ij ← u
//
// every sum, difference and product rounded. Row i of the mask starts at
// mask[i*maskStride], that of low and high at i*limitStride. Slices of missing
// terms are not read.
func Rank1Full[T Float](w, d, c, g, x, a, b, low, high []T, mask []bool, lo, hi, softLo, softHi, gamma, theta T,
	rows, cols, stride, dStep, gStep, aStep, limitStride, maskStride, flags int) {
	for i := range rows {
		row := w[i*stride:][:cols]
		start := T(1)
		if flags&Rank1Soft != 0 {
			start = 0
		}
		var di, gi, ai T
		if flags&Rank1Decay != 0 {
			di = d[i*dStep]
		}
		if flags&Rank1Outer != 0 {
			gi = g[i*gStep]
		}
		if flags&Rank1RowAdd != 0 {
			ai = a[i*aStep]
		}
		for j, wij := range row {
			u := wij
			if flags&(Rank1Decay|Rank1ColDecay) != 0 {
				f := start
				if flags&Rank1Decay != 0 {
					f = start - di
				}
				if flags&Rank1ColDecay != 0 {
					f = f - c[j]
				}
				u = T(wij * f)
			} else if flags&Rank1Soft != 0 {
				u = 0
			}
			if flags&Rank1Outer != 0 {
				u = FMA(gi, x[j], u)
			}
			if flags&Rank1RowAdd != 0 {
				u += ai
			}
			if flags&Rank1ColAdd != 0 {
				u += b[j]
			}
			if flags&Rank1Soft != 0 {
				u = FMA(u, T((wij-softLo)*(softHi-wij)), wij)
			}
			if flags&Rank1Bistable != 0 {
				u = FMA(T(T(gamma*wij)*(1-wij)), wij-theta, u)
			}
			if flags&Rank1Mask != 0 && !mask[i*maskStride+j] {
				u = wij
			}
			if flags&Rank1Bounds != 0 {
				u = clip(u, lo, hi)
			}
			if flags&Rank1Limits != 0 {
				u = clip(u, low[i*limitStride+j], high[i*limitStride+j])
			}
			row[j] = u
		}
	}
}

// Rank1Residual is one sample of a rule whose rows see what the rows before
// them left of the input (Sanger 1989). For the rows i in order and every j
//
//	r_j = fma(−y_i, w_ij, r_j);   w_ij = fma(g_i, r_j, w_ij)
//
// where the first line reads the w_ij that the second replaces.
func Rank1Residual[T Float](w, r, g, y []T, rows, cols, stride int) {
	r = r[:cols]
	for i := range rows {
		row := w[i*stride:][:cols]
		for j, v := range row {
			r[j] = FMA(-y[i], v, r[j])
			row[j] = FMA(g[i], r[j], v)
		}
	}
}
