package portable

import "math"

// Momentum is one step of gradient descent with momentum:
//
//	v_k ← fma(mu, v_k, g_k)
//	w_k ← fma(−step, v_k, round(keep·w_k))
func Momentum[T Float](w, v, g []T, mu, step, keep T, n int) {
	v, g = v[:n], g[:n]
	for k, u := range w[:n] {
		v[k] = FMA(mu, v[k], g[k])
		w[k] = FMA(-step, v[k], T(keep*u))
	}
}

// Nesterov is Momentum that looks a step ahead:
//
//	v_k ← fma(mu, v_k, g_k)
//	w_k ← fma(−step, fma(mu, v_k, g_k), round(keep·w_k))
func Nesterov[T Float](w, v, g []T, mu, step, keep T, n int) {
	v, g = v[:n], g[:n]
	for k, u := range w[:n] {
		v[k] = FMA(mu, v[k], g[k])
		w[k] = FMA(-step, FMA(mu, v[k], g[k]), T(keep*u))
	}
}

// Adam is one step of Adam:
//
//	m_k ← fma(d1, g_k, round(b1·m_k))
//	v_k ← fma(d2, round(g_k·g_k), round(b2·v_k))
//	w_k ← fma(−step, round(m_k / fma(root, round(√v_k), eps)), round(keep·w_k))
func Adam[T Float](w, m, v, g []T, b1, d1, b2, d2, step, root, eps, keep T, n int) {
	m, v, g = m[:n], v[:n], g[:n]
	for k, u := range w[:n] {
		d := g[k]
		m[k] = FMA(d1, d, T(b1*m[k]))
		v[k] = FMA(d2, T(d*d), T(b2*v[k]))
		// Exact for float32: float64 has more than twice the digits.
		q := m[k] / FMA(root, T(math.Sqrt(float64(v[k]))), eps)
		w[k] = FMA(-step, q, T(keep*u))
	}
}

// Shrink moves each weight towards 0 and not beyond, q_k being |w_k|^p:
//
//	t = round(rate·round(q_k/|w_k|))
//	w_k ← sign(w_k)·round(|w_k| − t), or 0 with the sign of w_k if |w_k| ≤ t or w_k is 0
func Shrink[T Float](w, q []T, rate T, n int) {
	q = q[:n]
	for k, u := range w[:n] {
		a := T(math.Abs(float64(u)))
		t := T(rate * T(q[k]/a))
		d := a - t
		if a <= t || a == 0 {
			d = 0
		}
		w[k] = T(math.Copysign(float64(d), float64(u)))
	}
}

// SignV is the sign: y_k = 1 above 0, −1 below, and x_k itself if it is ±0 or
// NaN.
func SignV[T Float](y, x []T, n int) {
	y = y[:n]
	for k, v := range x[:n] {
		switch {
		case v > 0:
			v = 1
		case v < 0:
			v = -1
		}
		y[k] = v
	}
}
