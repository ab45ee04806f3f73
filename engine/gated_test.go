package engine

import "github.com/hebbkern/hebbkern/kernels"

// gatedCases are the rules without state whose y is Wx or given. Thresholds are one for all here, for any size.
func gatedCases[T kernels.Float](lr float64) []ruleCase[T] {
	eta := float64(T(lr))
	theta := T(0.3)
	th := float64(theta)
	one := []T{theta}
	a, b, c, d := float64(T(2)), float64(T(-0.7)), float64(T(0.5)), float64(T(-0.1))
	return []ruleCase[T]{
		{name: "Outstar", rule: Outstar[T]{LR: lr}, delta: func(w [][]float64, x, y []float64, i, j int) float64 {
			return eta * x[j] * (y[i] - w[i][j])
		}},
		{name: "PreGated", rule: PreGated[T]{LR: lr, Theta: one}, delta: func(w [][]float64, x, y []float64, i, j int) float64 {
			return eta * x[j] * (y[i] - th)
		}},
		{name: "PostGated", rule: PostGated[T]{LR: lr, Theta: one}, delta: func(w [][]float64, x, y []float64, i, j int) float64 {
			return eta * y[i] * (x[j] - th)
		}},
		{name: "AntiHebbian", rule: AntiHebbian[T]{LR: lr}, delta: func(w [][]float64, x, y []float64, i, j int) float64 {
			return -eta * y[i] * x[j]
		}},
		{name: "ABCD", rule: ABCD[T]{LR: lr, A: 2, B: -0.7, C: 0.5, D: -0.1}, delta: func(w [][]float64, x, y []float64, i, j int) float64 {
			return eta * (a*x[j]*y[i] + b*x[j] + c*y[i] + d)
		}},
		{name: "Voja", rule: Voja[T]{LR: lr, Scale: one}, delta: func(w [][]float64, x, y []float64, i, j int) float64 {
			return eta * y[i] * (th*x[j] - w[i][j])
		}},
	}
}
