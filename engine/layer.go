package engine

import (
	"errors"
	"fmt"

	"github.com/hebbkern/hebbkern/kernels"
)

// Gain is an average gain over the units of a Layer: Exponential, *Windowed, or a type of the caller's.
type Gain[T kernels.Float] interface {
	// Update observes a batch of inputs z [B, units]. An empty batch is checked and changes nothing.
	Update(z kernels.Matrix[T], act kernels.Activation, r Reduction, s *Scratch[T]) error
}

// Layer is weights with the rule that they learn by, an activation, and average gains. Python's hk.Layer is the same,
// and of one seed has the same bits.
type Layer[T kernels.Float] struct {
	W          kernels.Matrix[T] // [out, in]
	Rule       Rule[T]
	Activation kernels.Activation // of Forward; the rule does not see it
	Gain       Gain[T]            // nil: none
	Compose    *Composition[T]    // of Learn, where its options have none; nil: none
	Seed       uint64             // of the initial weights
	Scratch    *Scratch[T]        // nil: allocated in each call
}

// NewLayer makes a layer that owns its memory. The weights come from NewRNG(seed, 0), row after row, uniform in
// ±√(6/(in+out)) (Glorot & Bengio 2010). Errors: *ArgError.
func NewLayer[T kernels.Float](in, out int, rule Rule[T], act kernels.Activation, seed uint64) (*Layer[T], error) {
	n, err := NewLayered[T]([]int{in, out}, kernels.Activation{}, seed)
	if err != nil {
		return nil, err
	}
	l := &Layer[T]{W: n.Projections[0].W, Rule: rule, Activation: act, Seed: seed}
	if err := l.check("NewLayer"); err != nil {
		return nil, err
	}
	return l, nil
}

func (l *Layer[T]) check(fn string) error {
	if l.Rule == nil {
		return badArg(fn, "rule", "nil", "a rule")
	}
	if err := l.Rule.Check(); err != nil {
		return err
	}
	if err := checkActivation(fn, "activation", l.Activation); err != nil {
		return err
	}
	if l.Compose != nil {
		if err := l.Compose.check(fn, l.W); err != nil {
			return err
		}
	}
	return checkMatrix(fn, "w", l.W, -1, -1)
}

// Learn is Update with the layer's rule and composition. Then the gains, if there are any, observe the inputs W·x of the samples that W
// holds with the weights that learning left: each in turn, or the mean if the reduction is Sum or Mean. Errors: as of
// Update, and of the gains for other units than the layer's.
func (l *Layer[T]) Learn(x, y kernels.Matrix[T], o UpdateOptions[T]) (yOut kernels.Matrix[T], k int, err error) {
	if err := l.check("Learn"); err != nil {
		return y, 0, err
	}
	if o.Scratch == nil {
		o.Scratch = l.Scratch
	}
	if o.Compose == nil {
		o.Compose = l.Compose
	}
	if l.Gain != nil { // refused before anything is learned
		if err := l.Gain.Update(kernels.Matrix[T]{Cols: l.W.Rows}, l.Activation, Sequential, o.Scratch); err != nil {
			return y, 0, err
		}
	}
	yOut, k, err = Update(l.Rule, l.W, x, y, o)
	if l.Gain == nil || k == 0 {
		return yOut, k, err
	}
	how := Sequential
	if o.Reduction != Sequential {
		how = Mean
	}
	z := kernels.NewMatrix[T](k, l.W.Rows)
	kernels.ForwardBatch(z, l.W, subRows(x, o.From, k), nil, identity)
	return yOut, k, errors.Join(err, l.Gain.Update(z, l.Activation, how, o.Scratch))
}

// Forward writes f(W·x) of each row of x [B, in] to y [B, out]. Errors: *ArgError.
func (l *Layer[T]) Forward(y, x kernels.Matrix[T]) (err error) {
	defer guard(&err)
	const fn = "Layer.Forward"
	if err := l.check(fn); err != nil {
		return err
	}
	if err := checkMatrix(fn, "x", x, -1, l.W.Cols); err != nil {
		return err
	}
	if err := checkMatrix(fn, "y", y, x.Rows, l.W.Rows); err != nil {
		return err
	}
	kernels.ForwardBatch(y, l.W, x, nil, l.Activation)
	return nil
}

// Stack is layers one above the other, each learning from what those below make of the input.
type Stack[T kernels.Float] []*Layer[T]

func (s Stack[T]) check(fn string) error {
	if len(s) == 0 {
		return badArg(fn, "layers", "none", "at least one layer")
	}
	for k, l := range s {
		if l == nil {
			return badArg(fn, fmt.Sprintf("layers[%d]", k), "nil", "a layer")
		}
		if err := l.check(fn); err != nil {
			return err
		}
		if k > 0 && l.W.Cols != s[k-1].W.Rows {
			return badArg(fn, fmt.Sprintf("layers[%d]", k), fmt.Sprintf("of %d inputs", l.W.Cols),
				fmt.Sprintf("%d, the units of layers[%d]", s[k-1].W.Rows, k-1))
		}
	}
	return nil
}

// Learn lets each layer learn from the batch x [B, in] and hand its Forward of it to the next; with only ≥ 0 that layer
// alone learns, on the Forward of those below. It returns the y of the last that has learned. A layer's error ends it:
// those below hold the whole batch, and k samples are in that layer.
func (s Stack[T]) Learn(x kernels.Matrix[T], only int, o UpdateOptions[T]) (y kernels.Matrix[T], k int, err error) {
	const fn = "Stack.Learn"
	if err := s.check(fn); err != nil {
		return y, 0, err
	}
	if only >= len(s) {
		return y, 0, badArg(fn, "only", fmt.Sprint(only), fmt.Sprintf("below the %d layers, or negative for all", len(s)))
	}
	if o.From != 0 || o.To != 0 {
		return y, 0, badArg(fn, "from", fmt.Sprintf("%d … %d", o.From, o.To), "the whole batch")
	}
	last := len(s) - 1
	if only >= 0 {
		last = only
	}
	for i, l := range s[:last+1] {
		if only < 0 || i == last {
			if y, k, err = l.Learn(x, kernels.Matrix[T]{}, o); err != nil {
				return y, k, err
			}
		}
		if i < last {
			h := kernels.NewMatrix[T](x.Rows, l.W.Rows)
			if err := l.Forward(h, x); err != nil {
				return y, k, err
			}
			x = h
		}
	}
	return y, k, nil
}

// Forward writes the output of the highest layer for each row of x [B, in] to y [B, out]. Errors: *ArgError.
func (s Stack[T]) Forward(y, x kernels.Matrix[T]) error {
	if err := s.check("Stack.Forward"); err != nil {
		return err
	}
	for _, l := range s[:len(s)-1] {
		h := kernels.NewMatrix[T](x.Rows, l.W.Rows)
		if err := l.Forward(h, x); err != nil {
			return err
		}
		x = h
	}
	return s[len(s)-1].Forward(y, x)
}
