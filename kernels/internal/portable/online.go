package portable

// The forward pass and the update of several samples, one after the other, for
// rules whose rows do not interact: for each sample s in order and every row i
//
//	y_si = MatVec of w_i and x_s
//
// and then the update that the name says. Row s of x starts at x[s*xStride], of
// r, from which the rows learn, at r[s*rStride], of y at y[s*yStride];
// cols ≤ 4096. OnlineG adds the outer product alone:
//
//	g = round(eta·y_si);   w_ij ← fma(g, r_sj, w_ij)
func OnlineG[T Float](w, x, r, y []T, eta T, rows, cols, stride, samples, xStride, rStride, yStride int) {
	online(w, x, r, y, rows, cols, stride, samples, xStride, rStride, yStride, func(row, r []T, y T, _ int) {
		addScaled(row, r, T(eta*y))
	})
}

// OnlineDG decays by a constant:
//
//	w_ij ← fma(g, r_sj, round(w_ij·(1 − d)))
//
// with 1 − d rounded.
func OnlineDG[T Float](w, x, r, y []T, eta, d T, rows, cols, stride, samples, xStride, rStride, yStride int) {
	online(w, x, r, y, rows, cols, stride, samples, xStride, rStride, yStride, func(row, r []T, y T, _ int) {
		decayed(row, r, T(eta*y), d)
	})
}

// OnlineGG is OnlineDG with d = g.
func OnlineGG[T Float](w, x, r, y []T, eta T, rows, cols, stride, samples, xStride, rStride, yStride int) {
	online(w, x, r, y, rows, cols, stride, samples, xStride, rStride, yStride, func(row, r []T, y T, _ int) {
		decayed(row, r, T(eta*y), T(eta*y))
	})
}

// OnlineGY is OnlineDG with d = round(g·y_si).
func OnlineGY[T Float](w, x, r, y []T, eta T, rows, cols, stride, samples, xStride, rStride, yStride int) {
	online(w, x, r, y, rows, cols, stride, samples, xStride, rStride, yStride, func(row, r []T, y T, _ int) {
		g := T(eta * y)
		decayed(row, r, g, T(g*y))
	})
}

// OnlineCG decays by column, c_j = round(eta·r_sj):
//
//	w_ij ← fma(g, r_sj, round(w_ij·(1 − c_j)))
//
// with 1 − c_j rounded.
func OnlineCG[T Float](w, x, r, y []T, eta T, rows, cols, stride, samples, xStride, rStride, yStride int) {
	online(w, x, r, y, rows, cols, stride, samples, xStride, rStride, yStride, func(row, r []T, y T, _ int) {
		g := T(eta * y)
		for j, v := range row {
			row[j] = FMA(g, r[j], T(v*(1-T(eta*r[j]))))
		}
	})
}

// OnlineGA is OnlineG with factors that are affine in y, and an addition to the
// row:
//
//	g = round(eta·(ga·y_si + gb));   a = round(eta·(aa·y_si + ab))
//	w_ij ← fma(g, r_sj, w_ij) + a
//
// with every product and sum rounded.
func OnlineGA[T Float](w, x, r, y []T, eta, ga, gb, aa, ab T, rows, cols, stride, samples, xStride, rStride, yStride int) {
	online(w, x, r, y, rows, cols, stride, samples, xStride, rStride, yStride, func(row, r []T, y T, _ int) {
		g, a := T(eta*(T(ga*y)+gb)), T(eta*(T(aa*y)+ab))
		addScaled(row, r, g)
		for j := range row {
			row[j] += a
		}
	})
}

// The bits of OnlineGated's flags.
const (
	GateCube    = 1 << iota // the threshold is a cube of what theta holds
	GateProduct             // g has y as a factor
	GateLaw                 // and theta as a divisor; not with GateCube
	GateMean                // theta is a moving average of y,
	GateSquare              // of y²,
	GateLast                // or the y before; NaN: there was none
)

// OnlineGated is OnlineG with a threshold of each row, which moves. t is
// theta_i before the sample, h the threshold:
//
//	h = t, with cube round(round(q·q)·t), q = round(cube·t)
//	v = y_si − h, with last 0 where t is NaN
//	g = round(eta·v), with product round(round(eta·y_si)·v), with law divided by t
//	theta_i ← fma(alpha, a, round(beta·t)) with mean, a = y_si, or square, a = round(y_si²)
//	theta_i ← y_si with last
//
// with every difference and quotient rounded.
func OnlineGated[T Float](w, x, r, y, theta []T, eta, cube, alpha, beta T, rows, cols, stride, samples, xStride, rStride, yStride, flags int) {
	online(w, x, r, y, rows, cols, stride, samples, xStride, rStride, yStride, func(row, r []T, y T, i int) {
		addScaled(row, r, Gate(&theta[i], y, eta, cube, alpha, beta, flags))
	})
}

// OnlineGatedD is OnlineGated with the decay of OnlineDG.
func OnlineGatedD[T Float](w, x, r, y, theta []T, eta, cube, alpha, beta, d T, rows, cols, stride, samples, xStride, rStride, yStride, flags int) {
	online(w, x, r, y, rows, cols, stride, samples, xStride, rStride, yStride, func(row, r []T, y T, i int) {
		decayed(row, r, Gate(&theta[i], y, eta, cube, alpha, beta, flags), d)
	})
}

// Gate is g of OnlineGated for one row and sample, and moves its threshold.
func Gate[T Float](theta *T, y, eta, cube, alpha, beta T, flags int) T {
	t := *theta
	h := t
	if flags&GateCube != 0 {
		q := T(cube * t)
		h = T(T(q*q) * t)
	}
	v := y - h
	if flags&GateLast != 0 && t != t {
		v = 0
	}
	g := T(eta * v)
	if flags&GateProduct != 0 {
		g = T(T(eta*y) * v)
	}
	if flags&GateLaw != 0 {
		g /= t
	}
	switch {
	case flags&GateMean != 0:
		*theta = FMA(alpha, y, T(beta*t))
	case flags&GateSquare != 0:
		*theta = FMA(alpha, T(y*y), T(beta*t))
	case flags&GateLast != 0:
		*theta = y
	}
	return g
}

// decayed is the update of a row with a decay.
func decayed[T Float](row, x []T, g, d T) {
	f := 1 - d
	for j, v := range row {
		row[j] = T(v * f)
	}
	addScaled(row, x, g)
}

func online[T Float](w, x, r, y []T, rows, cols, stride, samples, xStride, rStride, yStride int, update func(row, r []T, y T, i int)) {
	for i := range rows {
		row := w[i*stride:][:cols]
		for s := range samples {
			ys := y[s*yStride+i:][:1]
			MatVec(ys, row, x[s*xStride:][:cols], 1, cols, cols)
			update(row, r[s*rStride:][:cols], ys[0], i)
		}
	}
}
