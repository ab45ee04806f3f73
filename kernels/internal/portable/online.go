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

// OnlineSlide is OnlineDG with a threshold of each row, which slides with the
// square of y: in the place of g
//
//	g = round(round(eta·y_si)·(y_si − theta_i))
//	theta_i ← fma(alpha, round(y_si²), round(beta·theta_i))
func OnlineSlide[T Float](w, x, y, theta []T, eta, d, alpha, beta T, rows, cols, stride, samples, xStride, yStride int) {
	slide(w, x, y, theta, eta, d, alpha, beta, rows, cols, stride, samples, xStride, yStride, false)
}

// OnlineSlideLaw is OnlineSlide with g divided by theta_i, and rounded.
func OnlineSlideLaw[T Float](w, x, y, theta []T, eta, d, alpha, beta T, rows, cols, stride, samples, xStride, yStride int) {
	slide(w, x, y, theta, eta, d, alpha, beta, rows, cols, stride, samples, xStride, yStride, true)
}

func slide[T Float](w, x, y, theta []T, eta, d, alpha, beta T, rows, cols, stride, samples, xStride, yStride int, law bool) {
	var g [1]T
	decay := [1]T{d}
	for i := range rows {
		row, t := w[i*stride:][:cols], theta[i:i+1]
		for s := range samples {
			xs, ys := x[s*xStride:][:cols], y[s*yStride+i:][:1]
			MatVec(ys, row, xs, 1, cols, cols)
			g[0] = T(T(eta*ys[0]) * (ys[0] - t[0]))
			if law {
				g[0] /= t[0]
			}
			EMASquare(t, ys, alpha, beta, 1)
			Rank1DG(row, decay[:], g[:], xs, 1, cols, cols, 0, 0, 0)
		}
	}
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
