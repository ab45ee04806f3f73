package kernels

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

var inf, nan = math.Inf(1), math.NaN()

// requireRefused gives the *ArgError that f panics with.
func requireRefused(t *testing.T, f func()) *ArgError {
	t.Helper()
	var got any
	func() {
		defer func() { got = recover() }()
		f()
	}()
	e, ok := got.(*ArgError)
	require.True(t, ok, "got %v, want a panic with *ArgError", got)
	require.NotEmpty(t, e.Got)
	require.NotEmpty(t, e.Want)
	require.True(t, strings.HasPrefix(e.Error(), "kernels."+e.Func+": "+e.Arg+": got "), e.Error())
	return e
}

// arena is the one array that all arguments of a refusal are cut from, so that
// any write shows.
type arena struct {
	data []float64
	next int
}

func (a *arena) vec(n int) []float64 {
	v := a.data[a.next : a.next+n : a.next+n]
	a.next += n + 1
	return v
}

func (a *arena) mat(rows, cols int) Matrix[float64] { return MatrixOf(a.vec(rows*cols), rows, cols) }

func TestRefusals(t *testing.T) {
	const rows, cols = 4, 6
	type M = Matrix[float64]
	type U = Update[float64]
	type D = Dependence[float64]
	var (
		a    arena
		w, z M
		r, c []float64
	)
	mask := make([]bool, rows*cols)
	maskInW := func() []bool { return unsafe.Slice((*bool)(unsafe.Pointer(&w.Data[3])), rows*cols) }
	id := Activation{}
	win := Windows{Channels: 1, Height: 2, Width: 4, Size: [2]int{2, 2}}
	for name, f := range map[string]func(){
		// Shapes and strides.
		"Rank1 w negative":              func() { Rank1(M{w.Data, -1, cols, cols}, U{}) },
		"Rank1 w columns":               func() { Rank1(M{w.Data, rows, -1, cols}, U{}) },
		"Rank1 w stride":                func() { Rank1(M{w.Data, rows, cols, cols - 1}, U{}) },
		"Rank1 w stride negative":       func() { Rank1(M{w.Data, rows, cols, -cols}, U{}) },
		"Rank1 w short":                 func() { Rank1(M{w.Data[1:], rows, cols, cols}, U{}) },
		"Rank1 w huge":                  func() { Rank1(M{w.Data, math.MaxInt / 2, cols, math.MaxInt / 2}, U{}) },
		"Rank1 G":                       func() { Rank1(w, U{G: c, X: c}) },
		"Rank1 X":                       func() { Rank1(w, U{G: r, X: r}) },
		"Rank1 X nil":                   func() { Rank1(w, U{G: r}) },
		"Rank1 G nil":                   func() { Rank1(w, U{X: c}) },
		"Rank1 G empty":                 func() { Rank1(w, U{G: r[:0], X: c}) },
		"Rank1 Decay":                   func() { Rank1(w, U{G: r, X: c, Decay: c}) },
		"Rank1 ColDecay":                func() { Rank1(w, U{G: r, X: c, ColDecay: r}) },
		"Rank1 RowAdd":                  func() { Rank1(w, U{G: r, X: c, RowAdd: c}) },
		"Rank1 ColAdd":                  func() { Rank1(w, U{G: r, X: c, ColAdd: r}) },
		"Rank1 Mask":                    func() { Rank1(w, U{G: r, X: c, Mask: mask[1:]}) },
		"Rank1 Mask stride":             func() { Rank1(w, U{G: r, X: c, Mask: mask, MaskStride: cols - 1}) },
		"Rank1 Sums":                    func() { Rank1(w, U{G: r, X: c, Sums: a.vec(cols), P: 1}) },
		"Scale rows":                    func() { Scale(w, c, nil) },
		"Scale cols":                    func() { Scale(w, nil, r) },
		"Scale w":                       func() { Scale(M{w.Data, rows, cols, 1}, r, nil) },
		"PowerSums rows":                func() { PowerSums(w, 2, c, nil) },
		"PowerSums rows scalar":         func() { PowerSums(w, 2, r[:1], nil) },
		"PowerSums cols":                func() { PowerSums(w, 2, nil, r) },
		"PowerSums w":                   func() { PowerSums(M{nil, rows, cols, cols}, 2, r, c) },
		"PowerSumsWeighted weights":     func() { PowerSumsWeighted(w, 2, a.vec(3), r, 1) },
		"PowerSumsWeighted weights nil": func() { PowerSumsWeighted(w, 2, nil, r, 1) },
		"PowerSumsWeighted out":         func() { PowerSumsWeighted(w, 2, c, a.vec(cols), 1) },
		"PowerSumsWeighted out down":    func() { PowerSumsWeighted(w, 2, r, a.vec(rows), 0) },
		"PowerSumsWeighted axis":        func() { PowerSumsWeighted(w, 2, c, r, 2) },
		"PowerSumsBothWeighted v":       func() { PowerSumsBothWeighted(w, 2, a.vec(3), r, a.vec(rows), a.vec(cols)) },
		"PowerSumsBothWeighted v nil":   func() { PowerSumsBothWeighted(w, 2, nil, r, a.vec(rows), a.vec(cols)) },
		"PowerSumsBothWeighted u":       func() { PowerSumsBothWeighted(w, 2, c, c, a.vec(rows), a.vec(cols)) },
		"PowerSumsBothWeighted u nil":   func() { PowerSumsBothWeighted(w, 2, c, nil, a.vec(rows), a.vec(cols)) },
		"PowerSumsBothWeighted rows":    func() { PowerSumsBothWeighted(w, 2, c, r, nil, a.vec(cols)) },
		"PowerSumsBothWeighted cols":    func() { PowerSumsBothWeighted(w, 2, c, r, a.vec(rows), a.vec(3)) },
		"EMA a":                         func() { EMA(r, c, 0.5, Value) },
		"WindowMean a":                  func() { WindowMean(c, w, a.vec(cols), r, 0) },
		"WindowMean values columns":     func() { WindowMean(r, w, a.vec(rows), a.vec(rows), 0) },
		"WindowMean sum":                func() { WindowMean(c, w, r, a.vec(cols), 0) },
		"WindowMeanBatch s":             func() { WindowMeanBatch(r, w, c, w, 0) },
		"WindowMeanBatch a":             func() { WindowMeanBatch(c, z, a.vec(cols), M{w.Data, rows, cols, 2}, 0) },
		"ReLUOr y":                      func() { ReLUOr(r, c, 0) },
		"Positive y":                    func() { Positive(r, c) },
		"EMABatch s":                    func() { EMABatch(r, w, 0.5, Value) },
		"EMABatch a":                    func() { EMABatch(c, M{w.Data, rows, cols, 2}, 0.5, Value) },
		"GainRule post":                 func() { GainRule(w, c, c, 0.1, GainOptions[float64]{}) },
		"GainRule pre":                  func() { GainRule(w, r, r, 0.1, GainOptions[float64]{}) },
		"GainRule pre nil":              func() { GainRule(w, r, nil, 0.1, GainOptions[float64]{}) },
		"GainRule Bias":                 func() { GainRule(w, r, c, 0.1, GainOptions[float64]{Bias: a.vec(cols)}) },
		"Forward y":                     func() { Forward(c, w, a.vec(cols), nil, id) },
		"Forward x":                     func() { Forward(r, w, a.vec(rows), nil, id) },
		"Forward b":                     func() { Forward(r, w, c, a.vec(cols), id) },
		"ForwardBatch x":                func() { ForwardBatch(a.mat(4, rows), w, a.mat(4, rows), nil, id) },
		"ForwardBatch y":                func() { ForwardBatch(a.mat(3, rows), w, z, nil, id) },
		"ForwardBatch b":                func() { ForwardBatch(a.mat(rows, rows), w, z, c, id) },
		"Activate y":                    func() { Activate(r, c, id) },
		"Derivative y":                  func() { Derivative(r, c, id) },
		"BatchUpdate g":                 func() { BatchUpdate(w, a.mat(2, cols), a.mat(2, cols), nil, nil) },
		"BatchUpdate x":                 func() { BatchUpdate(w, a.mat(2, rows), a.mat(3, cols), nil, nil) },
		"BatchUpdate decay":             func() { BatchUpdate(w, a.mat(2, rows), a.mat(2, cols), c, nil) },
		"BatchUpdate colDecay":          func() { BatchUpdate(w, a.mat(2, rows), a.mat(2, cols), nil, r) },
		"BatchUpdateTerms x":            func() { BatchUpdateTerms(w, a.mat(2, rows), a.mat(3, cols), U{}) },
		"BatchUpdateTerms G":            func() { BatchUpdateTerms(w, a.mat(2, rows), a.mat(2, cols), U{G: r, X: c}) },
		"BatchUpdateTerms Sums":         func() { BatchUpdateTerms(w, a.mat(2, rows), a.mat(2, cols), U{Sums: a.vec(rows), P: 1}) },
		"BatchUpdateTerms RowAdd":       func() { BatchUpdateTerms(w, a.mat(2, rows), a.mat(2, cols), U{RowAdd: c}) },
		"BatchUpdateTerms Mask":         func() { BatchUpdateTerms(w, a.mat(2, rows), a.mat(2, cols), U{Mask: mask[1:]}) },
		"BatchUpdateTerms Dependence": func() {
			BatchUpdateTerms(w, a.mat(2, rows), a.mat(2, cols), U{Dependence: &D{Soft: true, SoftHigh: 1}})
		},
		"MatMul b":             func() { MatMul(a.mat(2, 3), a.mat(2, 3), a.mat(2, 3)) },
		"ForwardBoth z":        func() { ForwardBoth(a.mat(rows, rows), a.mat(rows, cols), w, z, nil, id) },
		"ForwardBoth y":        func() { ForwardBoth(a.mat(cols, rows), a.mat(rows, rows), w, z, nil, id) },
		"ForwardBoth x":        func() { ForwardBoth(a.mat(rows, rows), a.mat(rows, rows), w, a.mat(rows, rows), nil, id) },
		"ForwardBoth act":      func() { ForwardBoth(a.mat(rows, rows), a.mat(rows, rows), w, z, nil, Activation{Kind: 99}) },
		"MatMulT b":            func() { MatMulT(a.mat(2, 2), a.mat(2, 3), a.mat(2, 4)) },
		"MatMulT dst":          func() { MatMulT(a.mat(2, 3), a.mat(2, 3), a.mat(2, 3)) },
		"MatMulT a":            func() { MatMulT(a.mat(2, 2), M{nil, 2, 3, 3}, a.mat(2, 3)) },
		"MatMul dst":           func() { MatMul(a.mat(2, 3), a.mat(2, 4), a.mat(4, 2)) },
		"Softmax y":            func() { Softmax(a.mat(cols, rows), w) },
		"ArgMax out":           func() { ArgMax(w, make([]int, cols)) },
		"ArgMax w":             func() { ArgMax(M{nil, 2, 0, 0}, make([]int, 2)) },
		"Exp y":                func() { Exp(r, c) },
		"Log y":                func() { Log(r, c) },
		"Exp2 y":               func() { Exp2(r, c) },
		"Log2 y":               func() { Log2(r, c) },
		"PowAbs y":             func() { PowAbs(r, c, 2) },
		"Patches images":       func() { Patches(a.mat(2, 4), a.mat(2, 7), win, 0) },
		"Patches images short": func() { Patches(a.mat(2, 4), M{a.vec(15), 2, 8, 8}, win, 0) },
		"Patches dst":          func() { Patches(a.mat(2, 3), a.mat(2, 8), win, 0) },
		"Convolve w":           func() { Convolve(a.mat(2, 9), a.mat(3, 3), a.mat(2, 8), win, nil, id) },
		"Convolve images":      func() { Convolve(a.mat(2, 9), a.mat(3, 4), a.mat(2, 9), win, nil, id) },
		"Convolve out":         func() { Convolve(a.mat(2, 8), a.mat(3, 4), a.mat(2, 8), win, nil, id) },
		"Convolve b":           func() { Convolve(a.mat(2, 9), a.mat(3, 4), a.mat(2, 8), win, a.vec(2), id) },
		"Pool images":          func() { Pool(a.mat(2, 3), a.mat(2, 9), win, MaxPool) },
		"Pool out":             func() { Pool(a.mat(2, 4), a.mat(2, 8), win, MaxPool) },
		"NewMatrix rows":       func() { NewMatrix[float32](-1, 2) },
		"NewMatrix cols":       func() { NewMatrix[float32](1, -2) },
		"MatrixOf data":        func() { MatrixOf(r, 2, 3) },
		"MatrixOf data long":   func() { MatrixOf(c, 1, 3) },

		// Training.
		"Momentum v":        func() { Momentum(c, r, c, MomentumStep[float64]{}) },
		"Momentum g":        func() { Momentum(c, a.vec(cols), r, MomentumStep[float64]{}) },
		"Adam m":            func() { Adam(c, r, c, c, AdamStep[float64]{}) },
		"Adam v":            func() { Adam(c, a.vec(cols), r, c, AdamStep[float64]{}) },
		"Adam g":            func() { Adam(c, a.vec(cols), a.vec(cols), r, AdamStep[float64]{}) },
		"Sign y":            func() { Sign(r, c) },
		"Momentum Rate":     func() { Momentum(c, a.vec(cols), a.vec(cols), MomentumStep[float64]{Rate: inf}) },
		"Momentum Mu":       func() { Momentum(c, a.vec(cols), a.vec(cols), MomentumStep[float64]{Mu: 1.5}) },
		"Momentum Keep":     func() { Momentum(c, a.vec(cols), a.vec(cols), MomentumStep[float64]{Keep: nan}) },
		"Adam Rate":         func() { Adam(c, a.vec(cols), a.vec(cols), a.vec(cols), AdamStep[float64]{Rate: -1}) },
		"Adam Beta1":        func() { Adam(c, a.vec(cols), a.vec(cols), a.vec(cols), AdamStep[float64]{Beta1: -0.1}) },
		"Adam Beta2":        func() { Adam(c, a.vec(cols), a.vec(cols), a.vec(cols), AdamStep[float64]{Beta2: nan}) },
		"Adam Root":         func() { Adam(c, a.vec(cols), a.vec(cols), a.vec(cols), AdamStep[float64]{Root: inf}) },
		"Adam Eps":          func() { Adam(c, a.vec(cols), a.vec(cols), a.vec(cols), AdamStep[float64]{Eps: -1}) },
		"Adam Keep":         func() { Adam(c, a.vec(cols), a.vec(cols), a.vec(cols), AdamStep[float64]{Keep: 2}) },
		"Shrink r":          func() { Shrink(c, -1, 2) },
		"Shrink p":          func() { Shrink(c, 1, inf) },
		"Momentum v with w": func() { Momentum(c, c, a.vec(cols), MomentumStep[float64]{}) },
		"Momentum g with w": func() { Momentum(c, a.vec(cols), c, MomentumStep[float64]{}) },
		"Momentum g with v": func() { v := a.vec(cols); Momentum(c, v, v, MomentumStep[float64]{}) },
		"Adam m with w":     func() { Adam(c, c, a.vec(cols), a.vec(cols), AdamStep[float64]{}) },
		"Adam v with w":     func() { Adam(c, a.vec(cols), c, a.vec(cols), AdamStep[float64]{}) },
		"Adam g with w":     func() { Adam(c, a.vec(cols), a.vec(cols), c, AdamStep[float64]{}) },
		"Adam v with m":     func() { v := a.vec(cols); Adam(c, v, v, a.vec(cols), AdamStep[float64]{}) },
		"Adam g with m":     func() { v := a.vec(cols); Adam(c, v, a.vec(cols), v, AdamStep[float64]{}) },
		"Adam g with v":     func() { v := a.vec(cols); Adam(c, a.vec(cols), v, v, AdamStep[float64]{}) },
		"Sign x shifted":    func() { Sign(c[:5], c[1:]) },

		// Parameters.
		"Rank1 Low":            func() { Rank1(w, U{G: r, X: c, Bounded: true, Low: nan, High: 1}) },
		"Rank1 High":           func() { Rank1(w, U{G: r, X: c, Bounded: true, Low: 0, High: nan}) },
		"Rank1 Low above High": func() { Rank1(w, U{G: r, X: c, Bounded: true, Low: 1, High: 0}) },
		"Rank1 SoftLow":        func() { Rank1(w, U{G: r, X: c, Dependence: &D{Soft: true, SoftLow: -inf, SoftHigh: 1}}) },
		"Rank1 SoftHigh":       func() { Rank1(w, U{G: r, X: c, Dependence: &D{Soft: true, SoftHigh: nan}}) },
		"Rank1 Gamma":          func() { Rank1(w, U{Dependence: &D{Bistable: true, Gamma: nan}}) },
		"Rank1 Theta":          func() { Rank1(w, U{Dependence: &D{Bistable: true, Theta: inf}}) },
		"Rank1 Lows":           func() { Rank1(w, U{Dependence: &D{Highs: c}}) },
		"Rank1 Highs":          func() { Rank1(w, U{Dependence: &D{Lows: c}}) },
		"Rank1 Lows short":     func() { Rank1(w, U{Dependence: &D{Lows: r, Highs: c}}) },
		"Rank1 Highs short":    func() { Rank1(w, U{Dependence: &D{Lows: a.vec(rows * cols), Highs: c, LimitStride: cols}}) },
		"Rank1 Lows stride": func() {
			Rank1(w, U{Dependence: &D{Lows: a.vec(rows * cols), Highs: a.vec(rows * cols), LimitStride: cols - 1}})
		},
		"Rank1 Lows Bounded": func() { Rank1(w, U{Bounded: true, Dependence: &D{Lows: c, Highs: c}}) },
		"Rank1 Lows above": func() {
			Rank1(w, U{Dependence: &D{Lows: []float64{0, 0, 0, 0, 0, 1}, Highs: []float64{0, 0, 0, 0, 0, 0.5}}})
		},
		"Rank1 Lows NaN": func() {
			Rank1(w, U{Dependence: &D{Lows: []float64{0, 0, 0, 0, 0, nan}, Highs: []float64{0, 0, 0, 0, 0, 0}}})
		},
		"Rank1 Lows in w":      func() { Rank1(w, U{Dependence: &D{Lows: w.Row(1), Highs: c}}) },
		"Rank1 Highs in w":     func() { Rank1(w, U{Dependence: &D{Lows: c, Highs: w.Row(1)}}) },
		"Rank1 Lows with Sums": func() { Rank1(w, U{P: 1, Sums: c[:rows], Dependence: &D{Lows: c, Highs: a.vec(cols)}}) },
		"Rank1 P":              func() { Rank1(w, U{G: r, X: c, Sums: a.vec(rows)}) },
		"Rank1 Finite":         func() { Rank1(w, U{G: r, X: c, Sums: a.vec(rows), P: 1, Finite: new(bool)}) },
		"PowerSums p":          func() { PowerSums(w, 0, r, c) },
		"PowerSums p negative": func() { PowerSums(w, -1, r, c) },
		"PowerSums p NaN":      func() { PowerSums(w, nan, r, c) },
		"PowerSumsWeighted p":  func() { PowerSumsWeighted(w, inf, c, r, 1) },
		"PowAbs p":             func() { PowAbs(c, c, inf) },
		"EMA alpha":            func() { EMA(r, r, -0.1, Value) },
		"EMA alpha above 1":    func() { EMA(r, r, 1.5, Value) },
		"EMA alpha NaN":        func() { EMA(r, r, nan, Value) },
		"EMA of":               func() { EMA(r, r, 0.5, 2) },
		"EMABatch alpha":       func() { EMABatch(c, w, inf, Value) },
		"GainRule lr":          func() { GainRule(w, r, c, -0.1, GainOptions[float64]{}) },
		"GainRule lr NaN":      func() { GainRule(w, r, c, nan, GainOptions[float64]{}) },
		"GainRule lr infinite": func() { GainRule(w, r, c, inf, GainOptions[float64]{}) },
		"GainRule Limit":       func() { GainRule(w, r, c, 0.1, GainOptions[float64]{Limit: -1}) },
		"GainRule Limit NaN":   func() { GainRule(w, r, c, 0.1, GainOptions[float64]{Limit: nan}) },
		"GainRule Form":        func() { GainRule(w, r, c, 0.1, GainOptions[float64]{Form: 2}) },
		"Forward act":          func() { Forward(r, w, c, nil, Activation{Kind: 99}) },
		"ForwardBatch act":     func() { ForwardBatch(a.mat(rows, rows), w, z, nil, Activation{Kind: -1}) },
		"Activate act":         func() { Activate(r, r, Activation{Kind: LeakyReLU, Slope: -1}) },
		"Activate act NaN":     func() { Activate(r, r, Activation{Kind: LeakyReLU, Slope: nan}) },
		"Patches Channels":     func() { g := win; g.Channels = 0; Patches(a.mat(2, 4), a.mat(2, 8), g, 0) },
		"Patches Height":       func() { g := win; g.Width = -4; Patches(a.mat(2, 4), a.mat(2, 8), g, 0) },
		"Patches Size":         func() { g := win; g.Size[0] = 3; Patches(a.mat(2, 4), a.mat(2, 8), g, 0) },
		"Patches Size huge": func() {
			g := Windows{1 << 29, 1 << 29, 1 << 29, win.Size, win.Stride, win.Pad, win.Dilation}
			Patches(a.mat(2, 4), a.mat(2, 8), g, 0)
		},
		"Patches Stride":          func() { g := win; g.Stride[1] = -1; Patches(a.mat(2, 4), a.mat(2, 8), g, 0) },
		"Patches Stride huge":     func() { g := win; g.Stride[1] = math.MaxInt; Patches(a.mat(2, 4), a.mat(2, 8), g, 0) },
		"Patches Pad":             func() { g := win; g.Pad[0] = -1; Patches(a.mat(2, 4), a.mat(2, 8), g, 0) },
		"Patches Dilation":        func() { g := win; g.Dilation[0] = -1; Patches(a.mat(2, 4), a.mat(2, 8), g, 0) },
		"Patches first":           func() { Patches(a.mat(2, 4), a.mat(2, 8), win, 5) },
		"Patches first below":     func() { Patches(a.mat(2, 4), a.mat(2, 8), win, -1) },
		"PatchesAt index":         func() { PatchesAt(a.mat(2, 4), a.mat(2, 8), win, []int{0, 6}) },
		"PatchesAt index few":     func() { PatchesAt(a.mat(2, 4), a.mat(2, 8), win, []int{0}) },
		"Convolve act":            func() { Convolve(a.mat(2, 9), a.mat(3, 4), a.mat(2, 8), win, nil, Activation{Kind: 99}) },
		"ConvolveRows from":       func() { ConvolveRows(a.mat(2, 9), a.mat(3, 4), a.mat(2, 8), win, nil, id, 1, 3) },
		"Pool kind":               func() { Pool(a.mat(2, 3), a.mat(2, 8), win, 2) },
		"Pool Pad":                func() { g := win; g.Pad[0] = 2; Pool(a.mat(2, 3), a.mat(2, 8), g, MaxPool) },
		"Pool Dilation":           func() { g := win; g.Dilation[1] = 2; Pool(a.mat(2, 2), a.mat(2, 8), g, MaxPool) },
		"PoolRows from":           func() { PoolRows(a.mat(2, 3), a.mat(2, 8), win, MaxPool, 2, 1) },
		"Derivative act":          func() { Derivative(r, r, Activation{Kind: LeakyReLU, Slope: inf}) },
		"PowerSumsBothWeighted p": func() { PowerSumsBothWeighted(w, inf, c, r, a.vec(rows), a.vec(cols)) },
		"Activate act slope":      func() { Activate(r, r, Activation{BiLU, nan, 1}) },
		"Activate act upper":      func() { Activate(r, r, Activation{BiLU, 1, inf}) },
		"Forward act power":       func() { Forward(r, w, c, nil, Activation{BiPU, 1, 0}) },
		"Activate act power":      func() { Activate(r, r, Activation{BiPU, 1, inf}) },
		"Activate act factor":     func() { Activate(r, r, Activation{BiPU, -inf, 2}) },
		"Derivative act power":    func() { Derivative(r, r, Activation{BiPU, 1, 0.5}) },
		"Derivative act large":    func() { Derivative(r, r, Activation{BiPU, 1e300, 1e300}) },
		"WindowMean values":       func() { WindowMean(c, M{}, a.vec(cols), a.vec(cols), 0) },
		"WindowMean seen":         func() { WindowMean(c, w, a.vec(cols), a.vec(cols), -1) },

		// Shared elements.
		"Rank1 X in w":                       func() { Rank1(w, U{G: r, X: w.Row(2)}) },
		"Rank1 G in w":                       func() { Rank1(w, U{G: w.Data[20:24], X: c}) },
		"Rank1 Decay in w":                   func() { Rank1(w, U{Decay: w.Data[:1]}) },
		"Rank1 ColDecay in w":                func() { Rank1(w, U{ColDecay: w.Row(0)}) },
		"Rank1 RowAdd in w":                  func() { Rank1(w, U{RowAdd: w.Data[23:24]}) },
		"Rank1 ColAdd in w":                  func() { Rank1(w, U{ColAdd: w.Row(3)}) },
		"Rank1 Mask in w":                    func() { Rank1(w, U{G: r, X: c, Mask: maskInW()}) },
		"Rank1 Sums in w":                    func() { Rank1(w, U{G: r, X: c, Sums: w.Data[2:6], P: 1}) },
		"Rank1 G with Sums":                  func() { Rank1(w, U{G: r, X: c, Sums: r, P: 1}) },
		"Rank1 X last column":                func() { Rank1(M{w.Data, rows, 5, 6}, U{G: r, X: w.Data[9:14]}) },
		"Scale rows in w":                    func() { Scale(w, w.Data[:4], nil) },
		"Scale cols in w":                    func() { Scale(w, nil, w.Row(1)) },
		"PowerSums rows in w":                func() { PowerSums(w, 2, w.Data[:4], nil) },
		"PowerSums cols in w":                func() { PowerSums(w, 2, nil, w.Row(3)) },
		"PowerSums cols with rows":           func() { PowerSums(w, 2, c[:4], c) },
		"PowerSumsWeighted out in w":         func() { PowerSumsWeighted(w, 2, c, w.Data[:4], 1) },
		"PowerSumsWeighted weights with out": func() { PowerSumsWeighted(w, 2, c, c[2:6], 1) },
		"EMA a shifted":                      func() { EMA(c[:4], c[1:5], 0.5, Value) },
		"EMABatch a with s":                  func() { EMABatch(w.Row(1), w, 0.5, Value) },
		"GainRule post in w":                 func() { GainRule(w, w.Data[:4], c, 0.1, GainOptions[float64]{}) },
		"GainRule pre in w":                  func() { GainRule(w, r, w.Row(0), 0.1, GainOptions[float64]{}) },
		"GainRule Bias in w":                 func() { GainRule(w, r, c, 0.1, GainOptions[float64]{Bias: w.Data[:4]}) },
		"GainRule post with Bias":            func() { GainRule(w, r, c, 0.1, GainOptions[float64]{Bias: r}) },
		"Forward w with y":                   func() { Forward(w.Data[:4], w, c, nil, id) },
		"Forward x with y":                   func() { Forward(c[:4], w, c, nil, id) },
		"Forward b with y":                   func() { Forward(r, w, c, r, id) },
		"ForwardBatch w with y":              func() { ForwardBatch(M{w.Data, rows, rows, 6}, w, z, nil, id) },
		"ForwardBatch x with y":              func() { ForwardBatch(M{z.Data, rows, rows, 6}, w, z, nil, id) },
		"ForwardBatch b with y":              func() { v := a.vec(16); ForwardBatch(MatrixOf(v, 4, 4), w, z, v[4:8], id) },
		"Activate z shifted":                 func() { Activate(c[:5], c[1:], id) },
		"Derivative z shifted":               func() { Derivative(c[1:], c[:5], id) },
		"BatchUpdate g in w":                 func() { BatchUpdate(w, M{w.Data, 2, rows, rows}, a.mat(2, cols), nil, nil) },
		"BatchUpdate x in w":                 func() { BatchUpdate(w, a.mat(2, rows), M{w.Data, 2, cols, cols}, nil, nil) },
		"BatchUpdate decay in w":             func() { BatchUpdate(w, a.mat(2, rows), a.mat(2, cols), w.Data[:4], nil) },
		"BatchUpdate colDecay in w":          func() { BatchUpdate(w, a.mat(2, rows), a.mat(2, cols), nil, w.Row(2)) },
		"MatMul a with dst":                  func() { v := a.mat(3, 3); MatMul(v, v, a.mat(3, 3)) },
		"MatMul b with dst":                  func() { v := a.mat(3, 3); MatMul(v, a.mat(3, 3), v) },
		"ForwardBoth z with y":               func() { v := a.vec(20); ForwardBoth(MatrixOf(v[4:], 4, 4), MatrixOf(v[:16], 4, 4), w, z, nil, id) },
		"ForwardBoth w with z":               func() { ForwardBoth(a.mat(rows, rows), M{w.Data, rows, rows, 6}, w, z, nil, id) },
		"ForwardBoth x with z":               func() { ForwardBoth(a.mat(rows, rows), M{z.Data, rows, rows, 6}, w, z, nil, id) },
		"ForwardBoth b with z":               func() { v := a.vec(16); ForwardBoth(a.mat(4, 4), MatrixOf(v, 4, 4), w, z, v[4:8], id) },
		"MatMulT a with dst":                 func() { v := a.mat(3, 3); MatMulT(v, v, a.mat(3, 3)) },
		"MatMulT b with dst":                 func() { v := a.mat(3, 3); MatMulT(v, a.mat(3, 3), v) },
		"Softmax z shifted":                  func() { Softmax(M{w.Data[1:], 3, cols, cols}, M{w.Data, 3, cols, cols}) },
		"Softmax z other stride":             func() { Softmax(M{w.Data, 3, 4, 6}, M{w.Data, 3, 4, 5}) },
		"ArgMax w with out":                  func() { ArgMax(w, unsafe.Slice((*int)(unsafe.Pointer(&w.Data[0])), rows)) },
		"Patches images with dst":            func() { v := a.vec(20); Patches(MatrixOf(v[:8], 2, 4), MatrixOf(v[4:], 2, 8), win, 0) },
		"Convolve w with out": func() {
			v := a.vec(20)
			Convolve(MatrixOf(v[:18], 2, 9), MatrixOf(v[8:], 3, 4), a.mat(2, 8), win, nil, id)
		},
		"Convolve images with out": func() {
			v := a.vec(20)
			Convolve(MatrixOf(v[:18], 2, 9), a.mat(3, 4), MatrixOf(v[4:], 2, 8), win, nil, id)
		},
		"Convolve b with out":                  func() { v := a.vec(20); Convolve(MatrixOf(v[:18], 2, 9), a.mat(3, 4), a.mat(2, 8), win, v[:3], id) },
		"Pool images with out":                 func() { v := a.vec(20); Pool(MatrixOf(v[14:], 2, 3), MatrixOf(v[:16], 2, 8), win, MaxPool) },
		"Exp x shifted":                        func() { Exp(c[:5], c[1:]) },
		"PowAbs x shifted":                     func() { PowAbs(c[1:], c[:5], 2) },
		"PowerSumsBothWeighted rows in w":      func() { PowerSumsBothWeighted(w, 2, c, r, w.Data[:4], a.vec(cols)) },
		"PowerSumsBothWeighted cols in w":      func() { PowerSumsBothWeighted(w, 2, c, r, a.vec(rows), w.Data[:6]) },
		"PowerSumsBothWeighted cols with rows": func() { PowerSumsBothWeighted(w, 2, a.vec(cols), r, c[:4], c) },
		"PowerSumsBothWeighted v with rows":    func() { PowerSumsBothWeighted(w, 2, c, a.vec(rows), c[2:], a.vec(cols)) },
		"PowerSumsBothWeighted u with rows":    func() { PowerSumsBothWeighted(w, 2, c, r, r, a.vec(cols)) },
		"WindowMean a with s":                  func() { WindowMean(c, w, a.vec(cols), c, 0) },
		"WindowMean a with sum":                func() { WindowMean(c, w, z.Row(1), z.Row(1), 0) },
		"WindowMean s with values":             func() { WindowMean(w.Row(1), w, a.vec(cols), c, 0) },
		"WindowMean values with sum":           func() { WindowMean(c, w, w.Row(2), z.Row(0), 0) },
		"WindowMeanBatch a with s":             func() { WindowMeanBatch(z.Row(1), w, a.vec(cols), z, 0) },
		"ReLUOr z shifted":                     func() { ReLUOr(c[:5], c[1:], 1) },
	} {
		t.Run(name, func(t *testing.T) {
			a = arena{data: make([]float64, 200)}
			for k := range a.data {
				a.data[k] = float64(k + 1)
			}
			w, z, r, c = a.mat(rows, cols), a.mat(rows, cols), a.vec(rows), a.vec(cols)
			old := append([]float64(nil), a.data...)
			e := requireRefused(t, f)
			require.Equal(t, old, a.data, "something was written")
			want := strings.Fields(name)
			require.Equal(t, want[0], e.Func)
			require.Equal(t, want[1], e.Arg)
		})
	}
	_, err := ParseActivation("cube")
	require.ErrorAs(t, err, new(*ArgError))
}

// TestSharing: memory may be shared where no element is.
func TestSharing(t *testing.T) {
	data := make([]float32, 10*25)
	for k := range data {
		data[k] = float32(k)
	}
	left := Matrix[float32]{data, 10, 10, 25}
	middle := Matrix[float32]{data[10:], 10, 10, 25}
	Rank1(left, Update[float32]{G: []float32{1}, X: data[10:20]})
	Rank1(left, Update[float32]{G: data[225+10:][:10], X: data[235:245], Mask: nil})
	product := NewMatrix[float32](10, 10)
	MatMul(Matrix[float32]{data[20:], 10, 5, 25}, left, Matrix[float32]{data[10:], 10, 5, 25})
	MatMul(product, left, middle)
	requireRefused(t, func() { MatMul(Matrix[float32]{data[19:], 10, 5, 25}, middle, NewMatrix[float32](10, 5)) })
	v := append([]float32(nil), data[:50]...)
	EMA(v, v, 0.5, Value)
	Activate(v, v, Activation{Kind: Tanh})
	Softmax(left, left)
}

func TestRegionOverlap(t *testing.T) {
	// All pairs of small regions against their sets of bytes.
	bytes := func(r region) map[uintptr]bool {
		set := map[uintptr]bool{}
		for i := range r.rows {
			for b := range r.width {
				set[r.base+i*r.stride+b] = true
			}
		}
		return set
	}
	var all []region
	for _, base := range []uintptr{100, 103, 108, 120} {
		for rows := range uintptr(4) {
			for _, width := range []uintptr{0, 1, 3, 7} {
				for _, stride := range []uintptr{7, 8, 11} {
					all = append(all, region{base, rows, width, stride})
				}
			}
		}
	}
	for _, r := range all {
		set := bytes(r)
		for _, s := range all {
			want := false
			for b := range bytes(s) {
				want = want || set[b]
			}
			require.Equal(t, want, r.overlaps(s), fmt.Sprint(r, s))
		}
	}
}

// TestEmpty: matrices without elements are valid, and sums over nothing are 0.
func TestEmpty(t *testing.T) {
	for _, w := range []Matrix[float32]{{}, NewMatrix[float32](3, 0), NewMatrix[float32](0, 3)} {
		r, c := make([]float32, w.Rows), make([]float32, w.Cols)
		for k := range r {
			r[k] = 7
		}
		for k := range c {
			c[k] = 7
		}
		Rank1(w, Update[float32]{G: r, X: c, Decay: []float32{1}, Bounded: true})
		Scale(w, r, c)
		BatchUpdate(w, NewMatrix[float32](2, w.Rows), NewMatrix[float32](2, w.Cols), nil, nil)
		GainRule(w, r, c, 0.1, GainOptions[float32]{})
		Softmax(w, w)
		EMABatch(c, Matrix[float32]{Cols: w.Cols}, 0.5, Value)
		WindowMeanBatch(c, NewMatrix[float64](2, w.Cols), make([]float64, w.Cols), Matrix[float32]{Cols: w.Cols}, 0)
		ForwardBatch(NewMatrix[float32](0, w.Rows), w, NewMatrix[float32](0, w.Cols), nil, Activation{})
		for _, v := range append(append([]float32{}, r...), c...) {
			require.Equal(t, float32(7), v)
		}
		PowerSums(w, 2, r, c)
		for _, v := range append(append([]float32{}, r...), c...) {
			require.Zero(t, v)
		}
		Rank1(w, Update[float32]{Sums: r, P: 2})
		Forward(r, w, c, []float32{2}, Activation{})
		for _, v := range r {
			require.Equal(t, float32(2), v, "the bias alone")
		}
	}
	EMA[float64](nil, nil, 0.5, Value)
	Exp[float64](nil, nil)
	MatMul(NewMatrix[float64](0, 0), NewMatrix[float64](0, 3), NewMatrix[float64](3, 0))
	dst := MatrixOf([]float64{1, 2}, 1, 2)
	MatMul(dst, NewMatrix[float64](1, 0), NewMatrix[float64](0, 2))
	require.Equal(t, []float64{0, 0}, dst.Data)
	dst = MatrixOf([]float64{1, 2}, 1, 2)
	MatMulT(dst, NewMatrix[float64](1, 0), NewMatrix[float64](2, 0))
	require.Equal(t, []float64{0, 0}, dst.Data)
	ArgMax(Matrix[float64]{}, nil)
}
