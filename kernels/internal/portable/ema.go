package portable

// EMA is one step of an exponential moving average:
//
//	s_k ← fma(alpha, a_k, round(beta·s_k))
//
// where beta is 1 − alpha rounded in T.
func EMA[T Float](s, a []T, alpha, beta T, n int) {
	a = a[:n]
	for k, v := range s[:n] {
		s[k] = FMA(alpha, a[k], T(beta*v))
	}
}

// EMASquare is one step of an exponential moving average of squares:
//
//	s_k ← fma(alpha, round(a_k·a_k), round(beta·s_k))
func EMASquare[T Float](s, a []T, alpha, beta T, n int) {
	a = a[:n]
	for k, v := range s[:n] {
		s[k] = FMA(alpha, T(a[k]*a[k]), T(beta*v))
	}
}

// AddWide adds the sums of one block to totals in float64:
//
//	acc_k ← acc_k + float64(a_k)
func AddWide[T Float](acc []float64, a []T, n int) {
	acc = acc[:n]
	for k, v := range a[:n] {
		acc[k] += float64(v)
	}
}

// WindowMean puts a value into a window and gives the mean of what it holds then:
//
//	v_k = float64(a_k),  sum_k ← sum_k + v_k,  s_k = T((sum_k + next_k)/count)
//
// next is nil where the window holds nothing but the sum.
func WindowMean[T Float](s []T, v, sum, next []float64, a []T, count T, n int) {
	s, v, sum = s[:n], v[:n], sum[:n]
	by := float64(count)
	for k, x := range a[:n] {
		v[k] = float64(x)
		total := sum[k] + v[k]
		sum[k] = total
		if next != nil {
			total += next[k]
		}
		s[k] = T(total / by)
	}
}

// SumWide adds the sums of several blocks in float64 and rounds once, from +0
// on, blocks in order:
//
//	out_j = T(Σ_i float64(part_ij))
func SumWide[T Float](out, part []T, rows, cols, stride int) {
	out = out[:cols]
	for j := range out {
		var sum float64
		for i := range rows {
			sum += float64(part[i*stride+j])
		}
		out[j] = T(sum)
	}
}
