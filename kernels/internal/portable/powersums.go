package portable

// power names the value of a sum: w itself, or |w|^p in one of the direct
// forms. Sums of other powers are sums of values of their own (PowAbsV).
type power int

const (
	powerSigned power = iota // w
	powerHalf                // √|w|
	power1                   // |w|
	powerThreeHalves
	power2
	power3
	power4
)

// powers sets y_k to the value of x_k. len(y) = len(x).
func powers[T Float](kind power, y, x []T) {
	y = y[:len(x)]
	switch kind {
	case powerSigned:
		copy(y, x)
	case powerHalf:
		for k, v := range x {
			y[k] = PowHalf(v)
		}
	case power1:
		for k, v := range x {
			y[k] = Pow1(v)
		}
	case powerThreeHalves:
		for k, v := range x {
			y[k] = PowThreeHalves(v)
		}
	case power2:
		for k, v := range x {
			y[k] = Pow2(v)
		}
	case power3:
		for k, v := range x {
			y[k] = Pow3(v)
		}
	case power4:
		for k, v := range x {
			y[k] = Pow4(v)
		}
	}
}

// accumulate adds the values of a strip to as many sums: sum += value, for
// power2 fma(w, w, sum), and with weights fma(value, v, sum).
func accumulate[T Float](kind power, sum, strip, v, scratch []T) {
	sum = sum[:len(strip)]
	if v == nil && kind == power2 {
		for l, a := range strip {
			sum[l] = FMA(a, a, sum[l])
		}
		return
	}
	value := scratch[:len(strip)]
	powers(kind, value, strip)
	if v == nil {
		for l, a := range value {
			sum[l] += a
		}
		return
	}
	v = v[:len(strip)]
	for l, a := range value {
		sum[l] = FMA(a, v[l], sum[l])
	}
}

// rowSum is every RowSum primitive.
func rowSum[T Float](kind power, out, w, v []T, rows, cols, stride int) {
	var lane, value [maxLanes]T
	n := lanes[T]()
	for i := range rows {
		row := w[i*stride:][:cols]
		clear(lane[:])
		for k := 0; k < cols; k += n {
			var weights []T
			if v != nil {
				weights = v[k:]
			}
			accumulate(kind, lane[:], row[k:min(k+n, cols)], weights, value[:])
		}
		out[i] = halve(lane[:n])
	}
}

// colSum is every ColSum primitive.
func colSum[T Float](kind power, acc, w, u []T, rows, cols, stride int) {
	var value, weight [maxLanes]T
	for i := range rows {
		row := w[i*stride:][:cols]
		var weights []T
		if u != nil {
			for l := range weight {
				weight[l] = u[i]
			}
			weights = weight[:]
		}
		for k := 0; k < cols; k += maxLanes {
			accumulate(kind, acc[k:], row[k:min(k+maxLanes, cols)], weights, value[:])
		}
	}
}

// bothSum is every BothSum primitive.
func bothSum[T Float](kind power, out, acc, w []T, rows, cols, stride int) {
	for i := range rows {
		row := w[i*stride:][:cols]
		rowSum(kind, out[i:], row, nil, 1, cols, cols)
		colSum(kind, acc, row, nil, 1, cols, cols)
	}
}

// bothWeighted is every BothWeighted primitive.
func bothWeighted[T Float](kind power, out, acc, w, v, u []T, rows, cols, stride int) {
	for i := range rows {
		row := w[i*stride:][:cols]
		rowSum(kind, out[i:], row, v[:cols], 1, cols, cols)
		colSum(kind, acc, row, u[i:], 1, cols, cols)
	}
}

// RowMaxAbs is the maximum norm of the rows:
//
//	out_i = max_j |w_ij|
//
// NaN if the row holds a NaN, +0 for an empty row.
func RowMaxAbs[T Float](out, w []T, rows, cols, stride int) {
	for i := range rows {
		var most T
		for _, v := range w[i*stride:][:cols] {
			most = maximum(most, Pow1(v))
		}
		out[i] = most
	}
}

// ColMaxAbs carries the maximum norm of the columns on over rows:
//
//	acc_j ← max(acc_j, max_i |w_ij|)
//
// NaN if acc_j or the column holds one.
func ColMaxAbs[T Float](acc, w []T, rows, cols, stride int) {
	acc = acc[:cols]
	for i := range rows {
		for j, v := range w[i*stride:][:cols] {
			acc[j] = maximum(acc[j], Pow1(v))
		}
	}
}
