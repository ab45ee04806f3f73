package portable

// The sums by row, by column and both. In the comments, value is the function
// that the name says, of one element; block order is that of the package
// comment. The last argument of those that memory bounds says where w lies, 0
// for the second cache, 1 for the third, 2 for memory: it tells the assembly in
// which order to read w and does not change the result.

// RowSumSigned is Σ_j w_ij by row, in one block of L lanes, cols ≤ 4096:
//
//	v nil:  lane = lane + w_ij
//	else:   lane = fma(w_ij, v_j, lane)
//	out_i = the lanes, halved
func RowSumSigned[T Float](out, w, v []T, rows, cols, stride, _ int) {
	rowSum(powerSigned, out, w, v, rows, cols, stride)
}

// RowSumHalf is Σ_j √|w_ij| by row, in one block of L lanes, cols ≤ 4096:
//
//	v nil:  lane = lane + PowHalf(w_ij)
//	else:   lane = fma(PowHalf(w_ij), v_j, lane)
//	out_i = the lanes, halved
func RowSumHalf[T Float](out, w, v []T, rows, cols, stride int) {
	rowSum(powerHalf, out, w, v, rows, cols, stride)
}

// RowSum1 is Σ_j |w_ij| by row, in one block of L lanes, cols ≤ 4096:
//
//	v nil:  lane = lane + Pow1(w_ij)
//	else:   lane = fma(Pow1(w_ij), v_j, lane)
//	out_i = the lanes, halved
func RowSum1[T Float](out, w, v []T, rows, cols, stride, _ int) {
	rowSum(power1, out, w, v, rows, cols, stride)
}

// RowSumThreeHalves is Σ_j |w_ij|^1.5 by row, in one block of L lanes, cols ≤ 4096:
//
//	v nil:  lane = lane + PowThreeHalves(w_ij)
//	else:   lane = fma(PowThreeHalves(w_ij), v_j, lane)
//	out_i = the lanes, halved
func RowSumThreeHalves[T Float](out, w, v []T, rows, cols, stride int) {
	rowSum(powerThreeHalves, out, w, v, rows, cols, stride)
}

// RowSum2 is Σ_j w_ij² by row, in one block of L lanes, cols ≤ 4096:
//
//	v nil:  lane = fma(w_ij, w_ij, lane)
//	else:   lane = fma(Pow2(w_ij), v_j, lane)
//	out_i = the lanes, halved
func RowSum2[T Float](out, w, v []T, rows, cols, stride, _ int) {
	rowSum(power2, out, w, v, rows, cols, stride)
}

// RowSum3 is Σ_j |w_ij|³ by row, in one block of L lanes, cols ≤ 4096:
//
//	v nil:  lane = lane + Pow3(w_ij)
//	else:   lane = fma(Pow3(w_ij), v_j, lane)
//	out_i = the lanes, halved
func RowSum3[T Float](out, w, v []T, rows, cols, stride int) {
	rowSum(power3, out, w, v, rows, cols, stride)
}

// RowSum4 is Σ_j w_ij⁴ by row, in one block of L lanes, cols ≤ 4096:
//
//	v nil:  lane = lane + Pow4(w_ij)
//	else:   lane = fma(Pow4(w_ij), v_j, lane)
//	out_i = the lanes, halved
func RowSum4[T Float](out, w, v []T, rows, cols, stride int) {
	rowSum(power4, out, w, v, rows, cols, stride)
}

// ColSumSigned adds Σ_i w_ij by column to acc, rows in order:
//
//	u nil:  acc_j ← acc_j + w_ij
//	else:   acc_j ← fma(w_ij, u_i, acc_j)
func ColSumSigned[T Float](acc, w, u []T, rows, cols, stride int) {
	colSum(powerSigned, acc, w, u, rows, cols, stride)
}

// ColSumHalf adds Σ_i √|w_ij| by column to acc, rows in order:
//
//	u nil:  acc_j ← acc_j + PowHalf(w_ij)
//	else:   acc_j ← fma(PowHalf(w_ij), u_i, acc_j)
func ColSumHalf[T Float](acc, w, u []T, rows, cols, stride int) {
	colSum(powerHalf, acc, w, u, rows, cols, stride)
}

// ColSum1 adds Σ_i |w_ij| by column to acc, rows in order:
//
//	u nil:  acc_j ← acc_j + Pow1(w_ij)
//	else:   acc_j ← fma(Pow1(w_ij), u_i, acc_j)
func ColSum1[T Float](acc, w, u []T, rows, cols, stride int) {
	colSum(power1, acc, w, u, rows, cols, stride)
}

// ColSumThreeHalves adds Σ_i |w_ij|^1.5 by column to acc, rows in order:
//
//	u nil:  acc_j ← acc_j + PowThreeHalves(w_ij)
//	else:   acc_j ← fma(PowThreeHalves(w_ij), u_i, acc_j)
func ColSumThreeHalves[T Float](acc, w, u []T, rows, cols, stride int) {
	colSum(powerThreeHalves, acc, w, u, rows, cols, stride)
}

// ColSum2 adds Σ_i w_ij² by column to acc, rows in order:
//
//	u nil:  acc_j ← fma(w_ij, w_ij, acc_j)
//	else:   acc_j ← fma(Pow2(w_ij), u_i, acc_j)
func ColSum2[T Float](acc, w, u []T, rows, cols, stride int) {
	colSum(power2, acc, w, u, rows, cols, stride)
}

// ColSum3 adds Σ_i |w_ij|³ by column to acc, rows in order:
//
//	u nil:  acc_j ← acc_j + Pow3(w_ij)
//	else:   acc_j ← fma(Pow3(w_ij), u_i, acc_j)
func ColSum3[T Float](acc, w, u []T, rows, cols, stride int) {
	colSum(power3, acc, w, u, rows, cols, stride)
}

// ColSum4 adds Σ_i w_ij⁴ by column to acc, rows in order:
//
//	u nil:  acc_j ← acc_j + Pow4(w_ij)
//	else:   acc_j ← fma(Pow4(w_ij), u_i, acc_j)
func ColSum4[T Float](acc, w, u []T, rows, cols, stride int) {
	colSum(power4, acc, w, u, rows, cols, stride)
}

// BothSumSigned is RowSumSigned into out and ColSumSigned into acc, without weights, in
// one pass; cols ≤ 4096.
func BothSumSigned[T Float](out, acc, w []T, rows, cols, stride, _ int) {
	bothSum(powerSigned, out, acc, w, rows, cols, stride)
}

// BothSumHalf is RowSumHalf into out and ColSumHalf into acc, without weights, in
// one pass; cols ≤ 4096.
func BothSumHalf[T Float](out, acc, w []T, rows, cols, stride int) {
	bothSum(powerHalf, out, acc, w, rows, cols, stride)
}

// BothSum1 is RowSum1 into out and ColSum1 into acc, without weights, in
// one pass; cols ≤ 4096.
func BothSum1[T Float](out, acc, w []T, rows, cols, stride, _ int) {
	bothSum(power1, out, acc, w, rows, cols, stride)
}

// BothSumThreeHalves is RowSumThreeHalves into out and ColSumThreeHalves into acc, without weights, in
// one pass; cols ≤ 4096.
func BothSumThreeHalves[T Float](out, acc, w []T, rows, cols, stride int) {
	bothSum(powerThreeHalves, out, acc, w, rows, cols, stride)
}

// BothSum2 is RowSum2 into out and ColSum2 into acc, without weights, in
// one pass; cols ≤ 4096.
func BothSum2[T Float](out, acc, w []T, rows, cols, stride, _ int) {
	bothSum(power2, out, acc, w, rows, cols, stride)
}

// BothSum3 is RowSum3 into out and ColSum3 into acc, without weights, in
// one pass; cols ≤ 4096.
func BothSum3[T Float](out, acc, w []T, rows, cols, stride int) {
	bothSum(power3, out, acc, w, rows, cols, stride)
}

// BothSum4 is RowSum4 into out and ColSum4 into acc, without weights, in
// one pass; cols ≤ 4096.
func BothSum4[T Float](out, acc, w []T, rows, cols, stride int) {
	bothSum(power4, out, acc, w, rows, cols, stride)
}

// BothWeightedSigned is RowSumSigned into out with weights v and ColSumSigned into acc with weights u, in
// one pass; cols ≤ 4096.
func BothWeightedSigned[T Float](out, acc, w, v, u []T, rows, cols, stride, _ int) {
	bothWeighted(powerSigned, out, acc, w, v, u, rows, cols, stride)
}

// BothWeightedHalf is RowSumHalf into out with weights v and ColSumHalf into acc with weights u, in
// one pass; cols ≤ 4096.
func BothWeightedHalf[T Float](out, acc, w, v, u []T, rows, cols, stride int) {
	bothWeighted(powerHalf, out, acc, w, v, u, rows, cols, stride)
}

// BothWeighted1 is RowSum1 into out with weights v and ColSum1 into acc with weights u, in
// one pass; cols ≤ 4096.
func BothWeighted1[T Float](out, acc, w, v, u []T, rows, cols, stride, _ int) {
	bothWeighted(power1, out, acc, w, v, u, rows, cols, stride)
}

// BothWeightedThreeHalves is RowSumThreeHalves into out with weights v and ColSumThreeHalves into acc with weights u, in
// one pass; cols ≤ 4096.
func BothWeightedThreeHalves[T Float](out, acc, w, v, u []T, rows, cols, stride int) {
	bothWeighted(powerThreeHalves, out, acc, w, v, u, rows, cols, stride)
}

// BothWeighted2 is RowSum2 into out with weights v and ColSum2 into acc with weights u, in
// one pass; cols ≤ 4096.
func BothWeighted2[T Float](out, acc, w, v, u []T, rows, cols, stride, _ int) {
	bothWeighted(power2, out, acc, w, v, u, rows, cols, stride)
}

// BothWeighted3 is RowSum3 into out with weights v and ColSum3 into acc with weights u, in
// one pass; cols ≤ 4096.
func BothWeighted3[T Float](out, acc, w, v, u []T, rows, cols, stride int) {
	bothWeighted(power3, out, acc, w, v, u, rows, cols, stride)
}

// BothWeighted4 is RowSum4 into out with weights v and ColSum4 into acc with weights u, in
// one pass; cols ≤ 4096.
func BothWeighted4[T Float](out, acc, w, v, u []T, rows, cols, stride int) {
	bothWeighted(power4, out, acc, w, v, u, rows, cols, stride)
}
