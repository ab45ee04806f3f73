package engine

import "github.com/hebbkern/hebbkern/kernels"

// Voja moves the encoders of active units towards the input (Voelker, Crawford & Eliasmith 2014; the rule of Nengo):
// Δe_ij = η y_i (s_i x_j − e_ij), W being the encoders [units, dimensions]: g = ηys, d = ηy. Nengo multiplies its rate by dt.
type Voja[T kernels.Float] struct {
	LR    float64 // η ≥ 0
	Scale []T     // s [out], or [1] for all
}

// Name implements Rule.
func (r Voja[T]) Name() string { return "Voja" }

// Check implements Rule.
func (r Voja[T]) Check() error { return checkRate[T]("Voja", "lr", r.LR) }

// Rate implements Rule.
func (r Voja[T]) Rate() float64 { return r.LR }

// Terms implements Rule.
func (r Voja[T]) Terms() Terms { return TermDecay }

// AppendArrays implements the check of s.
func (r Voja[T]) AppendArrays(to []Array[T]) []Array[T] {
	return append(to, Array[T]{Name: "scale", V: r.Scale, Side: Post})
}

// Map implements Rule.
func (r Voja[T]) Map(v *Vectors[T], x, y []T) {
	v.times(v.D, T(r.LR), y)
	if len(r.Scale) == 1 {
		v.times(v.G, r.Scale[0], v.D)
		return
	}
	v.multiply(v.G, v.D, r.Scale)
}

// Online implements the sweep over a sequence, with s = 1 that of the instar.
func (r Voja[T]) Online() (kernels.Online[T], bool) {
	return kernels.Online[T]{Rate: T(r.LR), Form: kernels.DecayGain}, len(r.Scale) == 1 && r.Scale[0] == 1
}

// PES learns decoders from an error that is given (MacNeil & Eliasmith, PLoS ONE 6, 2011; the rule of Nengo):
// Δd_kj = −(η/n) e_k a_j, W being the decoders [dimensions, n], x the activities a of the n units, and y the error
// e = actual − wanted, which is never computed: g = −(η/n)e. Nengo multiplies its rate by dt.
type PES[T kernels.Float] struct {
	LR float64 // η ≥ 0
}

// Name implements Rule.
func (r PES[T]) Name() string { return "PES" }

// Check implements Rule.
func (r PES[T]) Check() error { return checkRate[T]("PES", "lr", r.LR) }

// Rate implements Rule.
func (r PES[T]) Rate() float64 { return r.LR }

// Terms implements Rule.
func (r PES[T]) Terms() Terms { return TermGiven }

// Map implements Rule.
func (r PES[T]) Map(v *Vectors[T], x, y []T) { v.times(v.G, -T(r.LR/float64(len(x))), y) }
