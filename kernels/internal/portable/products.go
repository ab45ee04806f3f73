package portable

// MatVec is a matrix-vector product of one block of columns, cols ≤ 4096:
//
//	y_i = Σ_j w_ij·x_j
//
// over V lanes (8 float32, 4 float64): lane = fma(w_ij, x_j, lane), then the
// lanes are halved.
func MatVec[T Float](y, w, x []T, rows, cols, stride int) {
	var lane [maxDotLanes]T
	v := DotLanes[T]()
	for i := range rows {
		clear(lane[:])
		dotLane(lane[:v], w[i*stride:][:cols], x)
		y[i] = halve(lane[:v])
	}
}

// dotLane adds the products of w and x to the lanes.
func dotLane[T Float](lane, w, x []T) {
	v := len(lane)
	for k := 0; k < len(w); k += v {
		strip := w[k:min(k+v, len(w))]
		xs, sum := x[k:][:len(strip)], lane[:len(strip)]
		for l, a := range strip {
			sum[l] = FMA(a, xs[l], sum[l])
		}
	}
}

// The bits of DotTile's flags.
const (
	DotMore = 1 << iota // the lanes start as an earlier call left them, not at +0
	DotKeep             // the lanes are kept for a later call, y is not written
)

// DotTile is a product of two matrices whose rows are both contiguous, or a
// piece of one, all of it within one block of columns:
//
//	y_ij = Σ_l x_il·w_jl   for i < m, j < n, l < k
//
// over V lanes as MatVec, whose bits a row of y has. A longer sum may be cut
// where l is a multiple of V: the lanes of output i, j go to
// lanes[(j*m+i)*V:] and on from there. ahead has no part in the result: it is
// how many cache lines of the rows of w behind those at work are asked for with
// each row of x.
func DotTile[T Float](y, x, w, lanes []T, m, n, k, yStride, xStride, wStride, ahead, flags int) {
	var own [maxDotLanes]T
	v := DotLanes[T]()
	for i := range m {
		xi := x[i*xStride:][:k]
		for j := range n {
			lane := own[:v]
			clear(lane)
			if flags&DotMore != 0 {
				copy(lane, lanes[(j*m+i)*v:])
			}
			dotLane(lane, w[j*wStride:][:k], xi)
			if flags&DotKeep != 0 {
				copy(lanes[(j*m+i)*v:], lane)
			} else {
				y[i*yStride+j] = halve(lane)
			}
		}
	}
}

const (
	MulRows      = 6  // rows of a tile of MulTile, at most
	maxPanelCols = 16 // columns of its panels in float32: two vectors
)

// PanelCols is the number of columns of a panel of MulTile's b.
func PanelCols[T Float]() int {
	if is32[T]() {
		return maxPanelCols
	}
	return maxPanelCols / 2
}

// The bits of MulTile's flags: what the sums are added to. Without any it is c.
const (
	MulZero = 1 << iota // +0: c is not read
	MulKeep             // c_ij·f_i
	MulCols             // c_ij·(f_i − d_j)
	// Of MulTileFull only, which does not start at +0: what is done to the new
	// element.
	MulRowAdd // + ra_i
	MulColAdd // + ca_j
	MulMask   // c_ij stays where mask_ij is false
	MulBounds // clip to [lo, hi]
)

// MulTile is at most MulRows rows of a matrix product, or of one block of its
// terms, k ≤ 256:
//
//	c_ij ← start + s_k,   s_0 = +0,   s_{l+1} = fma(a_il, b_lj, s_l)
//
// for i < m, j < n, l < k in order. start is c_ij; or +0; or c_ij·f_i or
// c_ij·(f_i − d_j), the difference and the product rounded. a_il is at
// a[l*aStride+i]. b is in panels of PanelCols columns, bPanel apart, within which row
// l starts at l*bStride; the columns behind the last one, up to a whole vector
// of V, are read and may have any value.
func MulTile[T Float](c, a, b, f, d []T, m, n, k, cStride, aStride, bStride, bPanel, flags int) {
	MulTileFull(c, a, b, f, d, nil, nil, nil, 0, 0, m, n, k, cStride, aStride, bStride, bPanel, 0, flags)
}

// MulTileFull is MulTile from c_ij, decayed or not, whose result is u, followed by the terms that flags
// name, in this order:
//
//	rows:    u = u + ra_i
//	columns: u = u + ca_j
//	mask:    u = c_ij where mask_ij is false
//	bounds:  u = clip(u, lo, hi)
//	c_ij ← u
//
// every sum rounded. Row i of the mask starts at mask[i*maskStride]. Slices of
// missing terms are not read.
func MulTileFull[T Float](c, a, b, f, d, ra, ca []T, mask []bool, lo, hi T, m, n, k, cStride, aStride, bStride, bPanel, maskStride, flags int) {
	var chain [maxPanelCols]T
	for j := 0; j < n; j += PanelCols[T]() {
		panel := b[j/PanelCols[T]()*bPanel:]
		sum := chain[:min(PanelCols[T](), n-j)]
		for i := range m {
			clear(sum)
			l := 0
			for ; l+1 < k; l += 2 { // two terms for each load and store of a sum
				b0, b1 := panel[l*bStride:][:len(sum)], panel[(l+1)*bStride:][:len(sum)]
				a0, a1 := a[l*aStride+i], a[(l+1)*aStride+i]
				for o, v := range b0 {
					sum[o] = FMA(a1, b1[o], FMA(a0, v, sum[o]))
				}
			}
			if l < k {
				for o, v := range panel[l*bStride:][:len(sum)] {
					sum[o] = FMA(a[l*aStride+i], v, sum[o])
				}
			}
			out := c[i*cStride+j:][:len(sum)]
			for o, s := range sum {
				start := out[o]
				switch {
				case flags&MulZero != 0:
					start = 0
				case flags&MulCols != 0:
					start = T(start * (f[i] - d[j+o]))
				case flags&MulKeep != 0:
					start = T(start * f[i])
				}
				u := start + s
				if flags&MulRowAdd != 0 {
					u += ra[i]
				}
				if flags&MulColAdd != 0 {
					u += ca[j+o]
				}
				if flags&MulMask != 0 && !mask[i*maskStride+j+o] {
					u = out[o]
				}
				if flags&MulBounds != 0 {
					u = clip(u, lo, hi)
				}
				out[o] = u
			}
		}
	}
}

// LaneAt is the lane that comes at place s of 0 to V − 1 when lanes are sorted
// for LaneTile: s with the order of its bits reversed.
func LaneAt[T Float](s int) int {
	lane := 0
	for bit := DotLanes[T]() / 2; bit > 0; bit /= 2 {
		lane |= s & 1 * bit
		s >>= 1
	}
	return lane
}

// LaneScratch is the length of LaneTile's t: sums of 1, 2, … V/2 lanes wait for
// others.
func LaneScratch[T Float]() int {
	levels := 0
	for n := 1; n < DotLanes[T](); n *= 2 {
		levels++
	}
	return levels * MulRows * PanelCols[T]()
}

// LaneTile is at most MulRows rows of a product of matrices:
//
//	y_ij = Σ_l w_il·x_lj   for i < m, j < n
//
// each sum a block of a dot as in MatVec, over V lanes that are halved. The terms
// are sorted by lane, the lanes as LaneAt has them, so that a sum of lanes is
// always added to the one before it. A lane has k terms, and one more where more
// has bit V−1−s, s its place. w_il is at w[l*m+i], x_lj at x[l*xStride+j]; the
// columns behind the last one, up to a whole vector of V, are read and may have
// any value. In t, sums wait: those of level, row and column in a panel, in this
// order; what was in it is not read.
func LaneTile[T Float](y, w, x, t []T, m, n, k, more, yStride, xStride int) {
	var chain [maxPanelCols]T
	lanes, panel := DotLanes[T](), PanelCols[T]()
	for j, cols := 0, 0; j < n; j += cols {
		cols = min(panel, n-j)
		if lanes < cols && cols < panel { // a vector, then the rest
			cols = lanes
		}
		sum := chain[:cols]
		for i := range m {
			l := 0
			for s := range lanes {
				clear(sum)
				for end := l + k + more>>(lanes-1-s)&1; l < end; l++ {
					a := w[l*m+i]
					for o, v := range x[l*xStride+j:][:len(sum)] {
						sum[o] = FMA(a, v, sum[o])
					}
				}
				level := 0
				for ; s>>level&1 != 0; level++ {
					for o, v := range t[(level*MulRows+i)*panel:][:len(sum)] {
						sum[o] = v + sum[o]
					}
				}
				if s+1 < lanes {
					copy(t[(level*MulRows+i)*panel:], sum)
				}
			}
			copy(y[i*yStride+j:], sum)
		}
	}
}

// CopyRows copies rows: y_ij = x_ij. y and x share no element.
func CopyRows[T Float](y, x []T, rows, cols, yStride, xStride int) {
	for i := range rows {
		copy(y[i*yStride:][:cols], x[i*xStride:])
	}
}

// MulPack copies rows of b into panels for MulTile: element (l, j), for l < k
// and j < n, to p[j/PanelCols*bPanel + l*PanelCols + j%PanelCols]. The columns
// behind the last one, to the end of its panel, are +0.
func MulPack[T Float](p, b []T, n, k, bStride, bPanel int) {
	width := PanelCols[T]()
	for j := 0; j < n; j += width {
		count := min(width, n-j)
		for l := range k {
			row := p[j/width*bPanel+l*width:][:width]
			copy(row, b[l*bStride+j:][:count])
			clear(row[count:])
		}
	}
}
