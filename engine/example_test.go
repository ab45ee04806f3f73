package engine_test

import (
	"fmt"

	"github.com/hebbkern/hebbkern/engine"
	"github.com/hebbkern/hebbkern/kernels"
)

// forgetful is a rule of one's own, Δw_ij = y_i x_j/2 − y_i w_ij/4: it says which vectors of the pattern it has, and
// fills them for a sample. Update does the rest, for sequences, blocks and batches.
type forgetful struct{}

func (forgetful) Name() string        { return "forgetful" }
func (forgetful) Check() error        { return nil }
func (forgetful) Rate() float64       { return 0.5 }
func (forgetful) Terms() engine.Terms { return engine.TermDecay }
func (forgetful) Map(v *engine.Vectors[float64], x, y []float64) {
	for i, a := range y {
		v.G[i], v.D[i] = a/2, a/4
	}
}

func ExampleRule() {
	w := kernels.MatrixOf([]float64{1, 0, 0, 1}, 2, 2)
	x := kernels.MatrixOf([]float64{1, 2, 2, 0}, 2, 2)
	y, _, err := engine.Update[float64](forgetful{}, w, x, kernels.Matrix[float64]{}, engine.UpdateOptions[float64]{})
	fmt.Println(y.Data, w.Data, err)
	// Output: [1 2 2.5 2] [2.96875 0.375 2.5 1.25] <nil>
}
