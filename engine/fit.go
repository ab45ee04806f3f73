package engine

import (
	"fmt"

	"github.com/hebbkern/hebbkern/kernels"
)

// FitOptions are the options of Fit.
type FitOptions[T kernels.Float] struct {
	Trainer[T]
	Epochs int    // the run ends before this epoch; counted from 0
	From   int    // first epoch of this call: a run of epochs 0 … 9 equals one of 0 … 4 and one of 5 … 9
	Seed   uint64 // of the order of samples, EpochPermutation(Seed, epoch)
	// Position is the number of samples of epoch From that have been learned already, in whole minibatches: of a run that
	// Python was stopped in. Its history is that of the others.
	Position int

	// Balance, if not nil, are the options of balancing (State is not used); BalanceBefore balances before
	// epoch 0, BalanceEvery n > 0 after every n-th epoch. The optimizer's moments are scaled along.
	Balance       *BalanceOptions
	BalanceBefore bool
	BalanceEvery  int

	// Schedule, if not nil, gives LR for each epoch.
	Schedule Schedule

	// ValidX [N, InputUnits] and ValidTarget [N, OutputUnits], if there are rows, are samples on which the loss is taken
	// after each epoch. Patience n > 0 ends the run when it has not fallen below its least in n epochs, and restores the
	// parameters of the least; Best, which it then needs, carries that over calls.
	ValidX, ValidTarget kernels.Matrix[T]
	Patience            int
	Best                *Best[T]

	// Alignment measures, after each epoch, the angle between what Feedback teaches and the gradient, on the first rows
	// of x, up to MaxGradientBlock.
	Alignment bool

	// Living, if not nil, is stamina: units that are not used die. x, and ValidX, keep the columns that they had when
	// inputs go: see Living.Inputs.
	Living *Living[T]

	// Callbacks are called in their order; they may change the network. An error ends the run and is returned; the network is
	// then that of the last whole epoch.
	Callbacks []Callback

	// Progress, if not nil, is called after every epoch; false ends the run there.
	Progress func(EpochStats) bool
}

// Callback is work between the updates of a Fit.
type Callback struct {
	Every int // after every n-th update of an epoch; 0: after each epoch
	Do    func(epoch int) error
}

// Best is the state of early stopping: the parameters (a Snapshot) with the least validation loss so far. The zero
// value is that before the first epoch.
type Best[T kernels.Float] struct {
	Loss       float64
	Epoch      int
	Parameters []T // nil: none yet
}

// EpochStats is one line of the history.
type EpochStats struct {
	Epoch    int
	Loss     float64 // mean J of a sample, each at the weights before its minibatch's update
	Accuracy float64 // fraction of samples whose output arg-max was the target's, likewise
	// Deficit is Σ_i (A_i − B_i)² over the hidden units as the epoch's training leaves them, before balancing,
	// with the P and IncludeBias of Balance, else p = 2 without biases.
	Deficit  float64
	Balanced *BalanceReport // of the balancing after this epoch, or nil
	// ValidLoss and ValidAccuracy are those of the validation samples after the epoch's training, 0 without them.
	ValidLoss, ValidAccuracy float64
	Alignment                []float64 // of FitOptions.Alignment, as of the method Alignment
	// Alive is, with Living, how many units of each population are alive after the epoch's training; else nil.
	Alive []int
}

// Fit trains a network for epochs From … Epochs−1 on x [N, InputUnits] and target [N, OutputUnits], each epoch in
// its own random order, and returns the history. It is reproducible bit for bit: a function of the arrays, the
// options and the seed, also when it is resumed at an epoch with the state that the last one left.
//
// Errors: *ArgError as of Trainer.Steps and Balance, *NonFiniteError for weights that are not finite at the start,
// both before anything is written; *DivergenceError naming epoch and layer, *ExtinctionError naming epoch and population
// if all its units would die: then the network and all that training changes beside it are restored to the end of the
// last good epoch, the start of the run if there was none, and the history holds the good epochs.
func Fit[T kernels.Float](n *Network[T], x, target kernels.Matrix[T], o FitOptions[T]) (history []EpochStats, err error) {
	defer guard(&err)
	const fn = "Fit"
	f := fit[T]{n: n, o: &o, given: x, index: make([]int, x.Rows)}
	if err := n.check(fn); err != nil {
		return nil, err
	}
	if err := o.Living.check(fn, n); err != nil {
		return nil, err
	}
	if err := f.look(); err != nil {
		return nil, err
	}
	if err := o.checkFit(fn, n, f.x, f.validX, target); err != nil {
		return nil, err
	}
	if o.Scratch == nil {
		o.Scratch = new(Scratch[T])
	}
	if err := n.checkFinite(fn, make([]T, n.maxUnits())); err != nil {
		return nil, err
	}
	if o.Balance != nil && o.BalanceBefore && o.From == 0 && o.Position == 0 {
		if _, err := f.balance(); err != nil {
			return nil, err
		}
	}
	if err := f.save(); err != nil {
		return nil, err
	}
	for epoch := o.From; epoch < o.Epochs; epoch++ {
		e, err := f.epoch(target, epoch)
		if err != nil {
			return history, f.rollBack(err, epoch)
		}
		if err := f.save(); err != nil {
			return history, err
		}
		history = append(history, e)
		if o.Progress != nil && !o.Progress(e) || f.stop(e) {
			break
		}
	}
	return history, nil
}

// balance balances the network and scales the optimizer's moments along: averages of gradients are divided by the scale
// of their weight, averages of squared gradients by its square.
func (f *fit[T]) balance() (*BalanceReport, error) {
	r, err := Balance(f.n, *f.o.Balance)
	if o := f.o.Optimizer; err == nil && o != nil && o.Kind != SGD {
		f.n.carry(o.First, r, 1)
		if o.Kind == AdamOptimizer {
			f.n.carry(o.Second, r, 2)
		}
	}
	return r, err
}

// carry scales what is averaged beside the weights, to the power given of the gradient.
func (n *Network[T]) carry(moments *Network[T], r *BalanceReport, power int) {
	var rows, cols [][]T // by population: factors of what goes into its units and of what comes out
	hidden := 0
	for k := range n.Populations {
		if !n.Populations[k].hidden() {
			rows, cols = append(rows, nil), append(cols, nil)
			continue
		}
		in, out := make([]T, n.Populations[k].Units), make([]T, n.Populations[k].Units)
		for i, lambda := range r.Lambda[hidden] {
			by := lambda
			if power == 2 {
				by *= lambda
			}
			in[i], out[i] = T(1/by), T(by)
		}
		rows, cols = append(rows, in), append(cols, out)
		hidden++
	}
	for q := range moments.Projections {
		e := &moments.Projections[q]
		kernels.Scale(e.W, rows[e.To], cols[e.From])
	}
	for k := range moments.Populations {
		if b := moments.Populations[k].Bias; b != nil {
			kernels.Scale(rowVector(b), nil, rows[k])
		}
	}
}

// stop reports whether patience is at its end, and then goes back to the best parameters.
func (f *fit[T]) stop(e EpochStats) bool {
	b := f.o.Best
	if f.o.Patience == 0 {
		return false
	}
	if b.Parameters == nil || e.ValidLoss < b.Loss {
		b.Parameters = append(b.Parameters[:0], f.good...)
		b.Loss, b.Epoch = e.ValidLoss, e.Epoch
		return false
	}
	if e.Epoch-b.Epoch < f.o.Patience {
		return false
	}
	return f.n.Restore(b.Parameters) == nil
}

func (o *FitOptions[T]) checkFit(fn string, n *Network[T], x, validX, target kernels.Matrix[T]) error {
	if o.Schedule != nil && o.From < o.Epochs {
		o.LR = o.Schedule(o.From)
	}
	out, err := o.check(n, x, target, nil)
	if err != nil {
		return err
	}
	if o.Patience < 0 || o.Patience > 0 && (o.Best == nil || o.ValidX.Rows == 0) {
		return badArg(fn, "patience", fmt.Sprint(o.Patience), "a number ≥ 0, and with it Best and validation samples")
	}
	if o.Patience > 0 && o.Best.Parameters != nil {
		if err := checkLen(fn, "best", o.Best.Parameters, n.Parameters()); err != nil {
			return err
		}
	}
	if o.ValidX.Rows > 0 {
		if err := checkMatrix(fn, "validation x", validX, -1, n.InputUnits()); err != nil {
			return err
		}
		if err := checkMatrix(fn, "validation target", o.ValidTarget, o.ValidX.Rows, n.Populations[out].Units); err != nil {
			return err
		}
	}
	for i, c := range o.Callbacks {
		if c.Every < 0 || c.Do == nil {
			return badArg(fn, fmt.Sprintf("callbacks[%d]", i), fmt.Sprintf("every %d", c.Every), "a function, every n ≥ 0 updates")
		}
	}
	if o.From < 0 || o.Epochs < o.From {
		return badArg(fn, "epochs", fmt.Sprintf("%d … %d", o.From, o.Epochs), "0 ≤ From ≤ Epochs")
	}
	if x.Rows == 0 {
		return badArg(fn, "x", "[0, …]", "at least one sample")
	}
	if o.Position < 0 || o.Position > x.Rows || o.Position%o.Batch != 0 && o.Position < x.Rows {
		return badArg(fn, "position", fmt.Sprint(o.Position), fmt.Sprintf("whole minibatches of the %d samples", x.Rows))
	}
	if o.BalanceEvery < 0 {
		return badArg(fn, "balance_every", fmt.Sprint(o.BalanceEvery), "a number ≥ 0")
	}
	if o.Balance == nil {
		if o.BalanceBefore || o.BalanceEvery > 0 {
			return badArg(fn, "balance", "nil", "the options of the balancing asked for")
		}
		return nil
	}
	balance := *o.Balance
	balance.State = nil // each balancing is a run of its own
	o.Balance = &balance
	return n.checkBalance(balance)
}

// fit is one call of Fit.
type fit[T kernels.Float] struct {
	n         *Network[T]
	o         *FitOptions[T]
	given     kernels.Matrix[T] // the samples
	x, validX kernels.Matrix[T] // and those of the validation, as the inputs read them
	index     []int
	scratch   Scratch[T] // of Living, beside that of the activities
	fitState[T]
}

func (f *fit[T]) epoch(target kernels.Matrix[T], epoch int) (EpochStats, error) {
	e := EpochStats{Epoch: epoch}
	EpochPermutation(f.index, f.o.Seed, epoch)
	if f.o.Schedule != nil {
		f.o.LR = f.o.Schedule(epoch)
	}
	stats, err := f.steps(target, epoch)
	if err != nil {
		return e, err
	}
	e.Loss, e.Accuracy = stats.Loss(), stats.Accuracy()
	if f.o.ValidX.Rows > 0 {
		valid, err := Evaluate(f.n, f.o.Loss, f.validX, f.o.ValidTarget, f.o.Scratch)
		if err != nil {
			return e, err
		}
		e.ValidLoss, e.ValidAccuracy = valid.Loss(), valid.Accuracy()
	}
	if f.o.Alignment {
		rows := min(f.x.Rows, MaxGradientBlock)
		if e.Alignment, err = f.o.Trainer.Alignment(f.n, subRows(f.x, 0, rows), subRows(target, 0, rows)); err != nil {
			return e, err
		}
	}
	measure := BalanceOptions{P: 2}
	if f.o.Balance != nil {
		measure = *f.o.Balance
	}
	if _, e.Deficit, err = Deficit(f.n, measure, nil); err != nil {
		return e, err
	}
	for k := 0; f.o.Living != nil && k < len(f.n.Populations); k++ {
		e.Alive = append(e.Alive, f.o.Living.count(f.n, k))
	}
	if f.o.BalanceEvery > 0 && (epoch+1)%f.o.BalanceEvery == 0 {
		if e.Balanced, err = f.balance(); err != nil {
			return e, err
		}
	}
	return e, f.callBack(0, epoch)
}

// steps is the updates of an epoch, with the steps of stamina and the callbacks between them.
func (f *fit[T]) steps(target kernels.Matrix[T], epoch int) (stats Stats, err error) {
	every := 0 // updates between two looks at them
	if f.o.Living != nil {
		every = f.o.Living.Steps
	}
	for _, c := range f.o.Callbacks {
		for a, b := every, c.Every; ; a, b = b, a%b {
			if b == 0 {
				every = a
				break
			}
		}
	}
	step := len(f.index)
	if every > 0 {
		step = every * f.o.Batch
	}
	at := 0
	if epoch == f.o.From {
		at = f.o.Position
	}
	for at < len(f.index) { // a part ends where something is due, counted from the start of the epoch
		part := f.index[at:min(at-at%step+step, len(f.index))]
		if err := f.o.Steps(f.n, f.x, target, part, &stats); err != nil {
			return stats, err
		}
		at += len(part)
		made := (at + f.o.Batch - 1) / f.o.Batch
		if err := f.live(made, at, epoch); err != nil {
			return stats, err
		}
		if every > 0 {
			if err := f.callBack(made, epoch); err != nil {
				return stats, err
			}
		}
	}
	return stats, nil
}

// callBack calls those that are due after `made` updates of the epoch; 0 is its end.
func (f *fit[T]) callBack(made, epoch int) error {
	for _, c := range f.o.Callbacks {
		if c.Every == 0 && made == 0 || c.Every > 0 && made > 0 && made%c.Every == 0 {
			if err := c.Do(epoch); err != nil {
				return err
			}
		}
	}
	return nil
}
