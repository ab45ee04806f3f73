package portable

// GainLinear is the gain rule in its linear form, with q_i = ησ_i² of the
// postsynaptic and s_j = ησ_j² of the presynaptic units:
//
//	w_ij ← fma(round(s_j − q_i), w_ij, w_ij)
func GainLinear[T Float](w, q, s []T, rows, cols, stride, _ int) {
	s = s[:cols]
	for i := range rows {
		row, qi := w[i*stride:][:cols], q[i]
		for j, sj := range s {
			row[j] = FMA(sj-qi, row[j], row[j])
		}
	}
}

// GainLinearClip is GainLinear with bounds:
//
//	w_ij ← clip(fma(round(s_j − q_i), w_ij, w_ij), lo, hi)
func GainLinearClip[T Float](w, q, s []T, lo, hi T, rows, cols, stride, _ int) {
	s = s[:cols]
	for i := range rows {
		row, qi := w[i*stride:][:cols], q[i]
		for j, sj := range s {
			row[j] = clip(FMA(sj-qi, row[j], row[j]), lo, hi)
		}
	}
}

// Square squares a vector: y_k = round(x_k·x_k). y may be x.
func Square[T Float](y, x []T, n int) {
	y = y[:n]
	for k, v := range x[:n] {
		y[k] = v * v
	}
}
