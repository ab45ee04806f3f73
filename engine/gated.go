package engine

import (
	"fmt"

	"github.com/hebbkern/hebbkern/kernels"
)

// Outstar is Δw_ij = η x_j (y_i − w_ij) (Grossberg, Biol. Cybern. 23, 1976): g = ηy, c = ηx. With x ≥ 0 a column tends to
// Σxy/Σx, the mean of the outputs weighted by the activity of its own unit.
type Outstar[T kernels.Float] struct {
	LR float64 // η ≥ 0
}

// Name implements Rule.
func (r Outstar[T]) Name() string { return "Outstar" }

// Check implements Rule.
func (r Outstar[T]) Check() error { return checkRate[T]("Outstar", "lr", r.LR) }

// Rate implements Rule.
func (r Outstar[T]) Rate() float64 { return r.LR }

// Terms implements Rule.
func (r Outstar[T]) Terms() Terms { return TermCol }

// Map implements Rule.
func (r Outstar[T]) Map(v *Vectors[T], x, y []T) {
	v.times(v.G, T(r.LR), y)
	v.times(v.C, T(r.LR), x)
}

// PreGated is Δw_ij = η x_j (y_i − θ_i), a change only where the presynaptic unit is active (Gerstner & Kistler, Biol.
// Cybern. 87, 2002: two terms of eq. 3): g = η(y − θ).
type PreGated[T kernels.Float] struct {
	LR    float64 // η ≥ 0
	Theta []T     // [out], or [1] for all
}

// Name implements Rule.
func (r PreGated[T]) Name() string { return "PreGated" }

// Check implements Rule.
func (r PreGated[T]) Check() error { return checkRate[T]("PreGated", "lr", r.LR) }

// AppendArrays implements the check of θ.
func (r PreGated[T]) AppendArrays(to []Array[T]) []Array[T] {
	return append(to, Array[T]{Name: "theta", V: r.Theta, Side: Post})
}

// Rate implements Rule.
func (r PreGated[T]) Rate() float64 { return r.LR }

// Terms implements Rule.
func (r PreGated[T]) Terms() Terms { return 0 }

// Map implements Rule.
func (r PreGated[T]) Map(v *Vectors[T], x, y []T) {
	subtract(v.G, y, r.Theta)
	v.times(v.G, T(r.LR), v.G)
}

// PostGated is Δw_ij = η y_i (x_j − θ_j), a change only where the postsynaptic unit is active (Gerstner & Kistler, Biol.
// Cybern. 87, 2002: two terms of eq. 3): g = ηy, x → x − θ.
type PostGated[T kernels.Float] struct {
	LR    float64 // η ≥ 0
	Theta []T     // [in], or [1] for all
}

// Name implements Rule.
func (r PostGated[T]) Name() string { return "PostGated" }

// Check implements Rule.
func (r PostGated[T]) Check() error { return checkRate[T]("PostGated", "lr", r.LR) }

// AppendArrays implements the check of θ.
func (r PostGated[T]) AppendArrays(to []Array[T]) []Array[T] {
	return append(to, Array[T]{Name: "theta", V: r.Theta, Side: Pre})
}

// Rate implements Rule.
func (r PostGated[T]) Rate() float64 { return r.LR }

// Terms implements Rule.
func (r PostGated[T]) Terms() Terms { return TermX }

// Pre is x − θ.
func (r PostGated[T]) Pre(dst, x []T) { subtract(dst, x, r.Theta) }

// Map implements Rule.
func (r PostGated[T]) Map(v *Vectors[T], x, y []T) {
	v.times(v.G, T(r.LR), y)
	r.Pre(v.X, x)
}

// AntiHebbian is Δw_ij = −η y_i x_j (Földiák, Biol. Cybern. 64, 1990, has its lateral form): g = −ηy. It makes y and x
// uncorrelated.
type AntiHebbian[T kernels.Float] struct {
	LR           float64 // η ≥ 0
	ZeroDiagonal bool    // W is square, and its diagonal does not learn: what is 0 there stays 0
}

// Name implements Rule.
func (r AntiHebbian[T]) Name() string { return "AntiHebbian" }

// Check implements Rule.
func (r AntiHebbian[T]) Check() error { return checkRate[T]("AntiHebbian", "lr", r.LR) }

// Rate implements Rule.
func (r AntiHebbian[T]) Rate() float64 { return r.LR }

// Terms implements Rule.
func (r AntiHebbian[T]) Terms() Terms {
	if r.ZeroDiagonal {
		return TermDiagonal
	}
	return 0
}

// Map implements Rule.
func (r AntiHebbian[T]) Map(v *Vectors[T], x, y []T) { v.times(v.G, -T(r.LR), y) }

// ABCD is Δw_ij = η (A x_j y_i + B x_j + C y_i + D) (Soltoggio, Bullinaria, Mattiussi, Dürr & Floreano, Artificial Life
// XI, 2008): g = η(Ay + B), a = η(Cy + D). B is a part of g, which says the same as a column's addition ηBx_j.
type ABCD[T kernels.Float] struct {
	LR         float64 // η ≥ 0
	A, B, C, D float64 // finite, of either sign
}

// Name implements Rule.
func (r ABCD[T]) Name() string { return "ABCD" }

// Check implements Rule.
func (r ABCD[T]) Check() error {
	for k, v := range [4]float64{r.A, r.B, r.C, r.D} {
		if err := checkReal[T]("ABCD", [4]string{"a", "b", "c", "d"}[k], v); err != nil {
			return err
		}
	}
	return checkRate[T]("ABCD", "lr", r.LR)
}

// checkReal requires a number that is finite in T.
func checkReal[T kernels.Float](fn, arg string, v float64) error {
	if T(v)-T(v) != 0 {
		return badArg(fn, arg, fmt.Sprint(v), "a finite number")
	}
	return nil
}

// Rate implements Rule.
func (r ABCD[T]) Rate() float64 { return r.LR }

// Terms implements Rule.
func (r ABCD[T]) Terms() Terms { return TermRow }

// Map implements Rule.
func (r ABCD[T]) Map(v *Vectors[T], x, y []T) {
	lr, a, b, c, d := T(r.LR), T(r.A), T(r.B), T(r.C), T(r.D)
	g, add := v.G[:len(y)], v.A[:len(y)]
	for i, s := range y {
		g[i] = T(lr * (T(a*s) + b))
		add[i] = T(lr * (T(c*s) + d))
	}
}
