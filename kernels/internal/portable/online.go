package portable

// The forward pass and the update of several samples, one after the other, for
// rules whose rows do not interact: for each sample s in order and every row i
//
//	y_si = MatVec of w_i and x_s;   g = round(eta·y_si)
//
// and then the update that the name says. Row s of x starts at x[s*xStride], of
// y at y[s*yStride]; cols ≤ 4096. OnlineG adds the outer product alone:
//
//	w_ij ← fma(g, x_sj, w_ij)
func OnlineG[T Float](w, x, y []T, eta T, rows, cols, stride, samples, xStride, yStride int) {
	online(w, x, y, eta, rows, cols, stride, samples, xStride, yStride, nil)
}

// OnlineDG decays by a constant:
//
//	w_ij ← fma(g, x_sj, round(w_ij·(1 − d)))
//
// with 1 − d rounded.
func OnlineDG[T Float](w, x, y []T, eta, d T, rows, cols, stride, samples, xStride, yStride int) {
	online(w, x, y, eta, rows, cols, stride, samples, xStride, yStride, func(_, _ T) T { return d })
}

// OnlineGG is OnlineDG with d = g.
func OnlineGG[T Float](w, x, y []T, eta T, rows, cols, stride, samples, xStride, yStride int) {
	online(w, x, y, eta, rows, cols, stride, samples, xStride, yStride, func(g, _ T) T { return g })
}

// OnlineGY is OnlineDG with d = round(g·y_si).
func OnlineGY[T Float](w, x, y []T, eta T, rows, cols, stride, samples, xStride, yStride int) {
	online(w, x, y, eta, rows, cols, stride, samples, xStride, yStride, func(g, y T) T { return T(g * y) })
}

func online[T Float](w, x, y []T, eta T, rows, cols, stride, samples, xStride, yStride int, decay func(g, y T) T) {
	var g, d [1]T
	for i := range rows {
		row := w[i*stride:][:cols]
		for s := range samples {
			xs, ys := x[s*xStride:][:cols], y[s*yStride+i:][:1]
			MatVec(ys, row, xs, 1, cols, cols)
			g[0] = T(eta * ys[0])
			if decay == nil {
				Rank1G(row, g[:], xs, 1, cols, cols, 0, 0)
				continue
			}
			d[0] = decay(g[0], ys[0])
			Rank1DG(row, d[:], g[:], xs, 1, cols, cols, 0, 0, 0)
		}
	}
}
