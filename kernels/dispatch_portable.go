package kernels

import "github.com/hebbkern/hebbkern/kernels/internal/portable"

// Which assembly this version holds.
const haveAVX2, haveNEON = false, false

// The primitives that the public kernels are made of, one k<Name> for each
// portable.<Name> with the same arguments.

func kRank1G[T Float](w, g, x []T, rows, cols, stride, gStep int) {
	portable.Rank1G(w, g, x, rows, cols, stride, gStep)
}

func kRank1DG[T Float](w, d, g, x []T, rows, cols, stride, dStep, gStep int) {
	portable.Rank1DG(w, d, g, x, rows, cols, stride, dStep, gStep)
}

func kRank1CG[T Float](w, c, g, x []T, rows, cols, stride, gStep int) {
	portable.Rank1CG(w, c, g, x, rows, cols, stride, gStep)
}

func kRank1GClip[T Float](w, g, x []T, lo, hi T, rows, cols, stride, gStep int) {
	portable.Rank1GClip(w, g, x, lo, hi, rows, cols, stride, gStep)
}

func kRank1DGClip[T Float](w, d, g, x []T, lo, hi T, rows, cols, stride, dStep, gStep int) {
	portable.Rank1DGClip(w, d, g, x, lo, hi, rows, cols, stride, dStep, gStep)
}

func kRank1CGClip[T Float](w, c, g, x []T, lo, hi T, rows, cols, stride, gStep int) {
	portable.Rank1CGClip(w, c, g, x, lo, hi, rows, cols, stride, gStep)
}

func kRank1Any[T Float](w, d, c, g, x, a, b []T, mask []bool, lo, hi T, rows, cols, stride, dStep, gStep, aStep, maskStride, flags int) {
	portable.Rank1Any(w, d, c, g, x, a, b, mask, lo, hi, rows, cols, stride, dStep, gStep, aStep, maskStride, flags)
}

func kClip[T Float](w []T, lo, hi T, rows, cols, stride int) {
	portable.Clip(w, lo, hi, rows, cols, stride)
}

func kScaleR[T Float](w, r []T, rows, cols, stride int) {
	portable.ScaleR(w, r, rows, cols, stride)
}

func kScaleC[T Float](w, c []T, rows, cols, stride int) {
	portable.ScaleC(w, c, rows, cols, stride)
}

func kScaleRC[T Float](w, r, c []T, rows, cols, stride int) {
	portable.ScaleRC(w, r, c, rows, cols, stride)
}

func kGainLinear[T Float](w, q, s []T, eta T, rows, cols, stride int) {
	portable.GainLinear(w, q, s, eta, rows, cols, stride)
}

func kGainLinearClip[T Float](w, q, s []T, eta, lo, hi T, rows, cols, stride int) {
	portable.GainLinearClip(w, q, s, eta, lo, hi, rows, cols, stride)
}

func kSquare[T Float](y, x []T, n int) {
	portable.Square(y, x, n)
}

func kEMA[T Float](s, a []T, alpha, beta T, n int) {
	portable.EMA(s, a, alpha, beta, n)
}

func kEMASquare[T Float](s, a []T, alpha, beta T, n int) {
	portable.EMASquare(s, a, alpha, beta, n)
}

func kAddWide[T Float](acc []float64, a []T, n int) {
	portable.AddWide(acc, a, n)
}

func kRowSumSigned[T Float](out, w, v []T, rows, cols, stride int) {
	portable.RowSumSigned(out, w, v, rows, cols, stride)
}

func kRowSumHalf[T Float](out, w, v []T, rows, cols, stride int) {
	portable.RowSumHalf(out, w, v, rows, cols, stride)
}

func kRowSum1[T Float](out, w, v []T, rows, cols, stride int) {
	portable.RowSum1(out, w, v, rows, cols, stride)
}

func kRowSumThreeHalves[T Float](out, w, v []T, rows, cols, stride int) {
	portable.RowSumThreeHalves(out, w, v, rows, cols, stride)
}

func kRowSum2[T Float](out, w, v []T, rows, cols, stride int) {
	portable.RowSum2(out, w, v, rows, cols, stride)
}

func kRowSum3[T Float](out, w, v []T, rows, cols, stride int) {
	portable.RowSum3(out, w, v, rows, cols, stride)
}

func kRowSum4[T Float](out, w, v []T, rows, cols, stride int) {
	portable.RowSum4(out, w, v, rows, cols, stride)
}

func kRowSumP[T Float](out, w, v, e []T, rows, cols, stride int) {
	portable.RowSumP(out, w, v, e, rows, cols, stride)
}

func kColSumSigned[T Float](acc, w, u []T, rows, cols, stride int) {
	portable.ColSumSigned(acc, w, u, rows, cols, stride)
}

func kColSumHalf[T Float](acc, w, u []T, rows, cols, stride int) {
	portable.ColSumHalf(acc, w, u, rows, cols, stride)
}

func kColSum1[T Float](acc, w, u []T, rows, cols, stride int) {
	portable.ColSum1(acc, w, u, rows, cols, stride)
}

func kColSumThreeHalves[T Float](acc, w, u []T, rows, cols, stride int) {
	portable.ColSumThreeHalves(acc, w, u, rows, cols, stride)
}

func kColSum2[T Float](acc, w, u []T, rows, cols, stride int) {
	portable.ColSum2(acc, w, u, rows, cols, stride)
}

func kColSum3[T Float](acc, w, u []T, rows, cols, stride int) {
	portable.ColSum3(acc, w, u, rows, cols, stride)
}

func kColSum4[T Float](acc, w, u []T, rows, cols, stride int) {
	portable.ColSum4(acc, w, u, rows, cols, stride)
}

func kColSumP[T Float](acc, w, u, e []T, rows, cols, stride int) {
	portable.ColSumP(acc, w, u, e, rows, cols, stride)
}

func kBothSumSigned[T Float](out, acc, w []T, rows, cols, stride int) {
	portable.BothSumSigned(out, acc, w, rows, cols, stride)
}

func kBothSumHalf[T Float](out, acc, w []T, rows, cols, stride int) {
	portable.BothSumHalf(out, acc, w, rows, cols, stride)
}

func kBothSum1[T Float](out, acc, w []T, rows, cols, stride int) {
	portable.BothSum1(out, acc, w, rows, cols, stride)
}

func kBothSumThreeHalves[T Float](out, acc, w []T, rows, cols, stride int) {
	portable.BothSumThreeHalves(out, acc, w, rows, cols, stride)
}

func kBothSum2[T Float](out, acc, w []T, rows, cols, stride int) {
	portable.BothSum2(out, acc, w, rows, cols, stride)
}

func kBothSum3[T Float](out, acc, w []T, rows, cols, stride int) {
	portable.BothSum3(out, acc, w, rows, cols, stride)
}

func kBothSum4[T Float](out, acc, w []T, rows, cols, stride int) {
	portable.BothSum4(out, acc, w, rows, cols, stride)
}

func kBothSumP[T Float](out, acc, w, e []T, rows, cols, stride int) {
	portable.BothSumP(out, acc, w, e, rows, cols, stride)
}

func kRowMaxAbs[T Float](out, w []T, rows, cols, stride int) {
	portable.RowMaxAbs(out, w, rows, cols, stride)
}

func kColMaxAbs[T Float](acc, w []T, rows, cols, stride int) {
	portable.ColMaxAbs(acc, w, rows, cols, stride)
}

func kMatVec[T Float](y, w, x []T, rows, cols, stride int) {
	portable.MatVec(y, w, x, rows, cols, stride)
}

func kMulAcc[T Float](c, a, b []T, m, n, k, cStride, aRowStep, aColStep, bStride int) {
	portable.MulAcc(c, a, b, m, n, k, cStride, aRowStep, aColStep, bStride)
}

func kActReLU[T Float](y, z []T, n int) {
	portable.ActReLU(y, z, n)
}

func kActLeakyReLU[T Float](y, z []T, slope T, n int) {
	portable.ActLeakyReLU(y, z, slope, n)
}

func kActSigmoid[T Float](y, z []T, n int) {
	portable.ActSigmoid(y, z, n)
}

func kActTanh[T Float](y, z []T, n int) {
	portable.ActTanh(y, z, n)
}

func kActSoftplus[T Float](y, z []T, n int) {
	portable.ActSoftplus(y, z, n)
}

func kActELU[T Float](y, z []T, n int) {
	portable.ActELU(y, z, n)
}

func kActGELU[T Float](y, z []T, n int) {
	portable.ActGELU(y, z, n)
}

func kDerReLU[T Float](y, z []T, n int) {
	portable.DerReLU(y, z, n)
}

func kDerLeakyReLU[T Float](y, z []T, slope T, n int) {
	portable.DerLeakyReLU(y, z, slope, n)
}

func kDerSigmoid[T Float](y, z []T, n int) {
	portable.DerSigmoid(y, z, n)
}

func kDerTanh[T Float](y, z []T, n int) {
	portable.DerTanh(y, z, n)
}

func kDerSoftplus[T Float](y, z []T, n int) {
	portable.DerSoftplus(y, z, n)
}

func kDerELU[T Float](y, z []T, n int) {
	portable.DerELU(y, z, n)
}

func kDerGELU[T Float](y, z []T, n int) {
	portable.DerGELU(y, z, n)
}

func kExpV[T Float](y, x []T, n int) {
	portable.ExpV(y, x, n)
}

func kLogV[T Float](y, x []T, n int) {
	portable.LogV(y, x, n)
}

func kExp2V[T Float](y, x []T, n int) {
	portable.Exp2V(y, x, n)
}

func kLog2V[T Float](y, x []T, n int) {
	portable.Log2V(y, x, n)
}

func kPowAbsV[T Float](y, x, e []T, n int) {
	portable.PowAbsV(y, x, e, n)
}

func kRowMax[T Float](out, w []T, rows, cols, stride int) {
	portable.RowMax(out, w, rows, cols, stride)
}

func kExpShift[T Float](y, x []T, shift T, n int) {
	portable.ExpShift(y, x, shift, n)
}

func kDivide[T Float](y []T, s T, n int) {
	portable.Divide(y, s, n)
}

func kArgMax[T Float](w []T, rows, cols, stride int, out []int) {
	portable.ArgMax(w, rows, cols, stride, out)
}
