package portable

// MatVec is a matrix-vector product of one block of columns, cols ≤ 4096:
//
//	y_i = Σ_j w_ij·x_j
//
// over V lanes (8 float32, 4 float64): lane = fma(w_ij, x_j, lane), then the
// lanes are halved.
func MatVec[T Float](y, w, x []T, rows, cols, stride int) {
	var lane [maxDotLanes]T
	v := dotLanes[T]()
	for i := range rows {
		row := w[i*stride:][:cols]
		clear(lane[:])
		for k := 0; k < cols; k += v {
			strip := row[k:min(k+v, cols)]
			xs, sum := x[k:][:len(strip)], lane[:len(strip)]
			for l, a := range strip {
				sum[l] = FMA(a, xs[l], sum[l])
			}
		}
		y[i] = halve(lane[:v])
	}
}

// MulAcc adds a matrix product of at most 256 terms:
//
//	c_ij ← c_ij + s_k,   s_0 = +0,   s_{l+1} = fma(a_il, b_lj, s_l)
//
// for i < m, j < n, l < k in order, with a_il at a[i*aRowStep+l*aColStep] and
// b_lj at b[l*bStride+j]. The sum with c_ij is rounded in T.
func MulAcc[T Float](c, a, b []T, m, n, k, cStride, aRowStep, aColStep, bStride int) {
	var chain [64]T // the chains of 64 neighbouring outputs, so that b is read along its rows
	for i := range m {
		for j := 0; j < n; j += len(chain) {
			out := c[i*cStride+j:][:min(len(chain), n-j)]
			sum := chain[:len(out)]
			clear(sum)
			for l := range k {
				ail, bl := a[i*aRowStep+l*aColStep], b[l*bStride+j:][:len(sum)]
				for o, blj := range bl {
					sum[o] = FMA(ail, blj, sum[o])
				}
			}
			for o, s := range sum {
				out[o] += s
			}
		}
	}
}
