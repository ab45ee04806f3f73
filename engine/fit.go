package engine

import (
	"errors"
	"fmt"

	"github.com/hebbkern/hebbkern/kernels"
)

// FitOptions are the options of Fit.
type FitOptions[T kernels.Float] struct {
	Trainer[T]
	Epochs int    // the run ends before this epoch; counted from 0
	From   int    // first epoch of this call: a run of epochs 0 … 9 equals one of 0 … 4 and one of 5 … 9
	Seed   uint64 // of the order of samples, EpochPermutation(Seed, epoch)

	// Balance, if not nil, are the options of balancing (LogScale is not used); BalanceBefore balances before
	// epoch 0, BalanceEvery n > 0 after every n-th epoch.
	Balance       *BalanceOptions
	BalanceBefore bool
	BalanceEvery  int

	// Progress, if not nil, is called after every epoch; false ends the run there.
	Progress func(EpochStats) bool
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
}

// Fit trains a network for epochs From … Epochs−1 on x [N, InputUnits] and target [N, OutputUnits], each epoch in
// its own random order, and returns the history. It is reproducible bit for bit: a function of the arrays, the
// options and the seed, also when it is resumed at an epoch with the weights (and gains) that the last one left.
//
// Errors: *ArgError as of Trainer.Steps and Balance, *NonFiniteError for weights that are not finite at the start,
// both before anything is written; *DivergenceError naming epoch and layer: then the network (and the gains of gain
// training) are restored to the end of the last good epoch, the start of the run if there was none, and the
// history holds the good epochs.
func Fit[T kernels.Float](n *Network[T], x, target kernels.Matrix[T], o FitOptions[T]) (history []EpochStats, err error) {
	defer guard(&err)
	const fn = "Fit"
	if err := o.checkFit(fn, n, x, target); err != nil {
		return nil, err
	}
	if o.Scratch == nil {
		o.Scratch = new(Scratch[T])
	}
	f := fit[T]{n: n, o: &o, index: make([]int, x.Rows)}
	if err := n.checkFinite(fn, make([]T, n.maxUnits())); err != nil {
		return nil, err
	}
	if o.Balance != nil && o.BalanceBefore && o.From == 0 {
		if _, err := Balance(n, *o.Balance); err != nil {
			return nil, err
		}
	}
	if err := f.save(); err != nil {
		return nil, err
	}
	for epoch := o.From; epoch < o.Epochs; epoch++ {
		e, err := f.epoch(x, target, epoch)
		if err != nil {
			return history, f.rollBack(err, epoch)
		}
		if err := f.save(); err != nil {
			return history, err
		}
		history = append(history, e)
		if o.Progress != nil && !o.Progress(e) {
			break
		}
	}
	return history, nil
}

func (o *FitOptions[T]) checkFit(fn string, n *Network[T], x, target kernels.Matrix[T]) error {
	if _, err := o.check(fn, n, x, target, nil); err != nil {
		return err
	}
	if o.From < 0 || o.Epochs < o.From {
		return badArg(fn, "epochs", fmt.Sprintf("%d … %d", o.From, o.Epochs), "0 ≤ From ≤ Epochs")
	}
	if x.Rows == 0 {
		return badArg(fn, "x", "[0, …]", "at least one sample")
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
	n      *Network[T]
	o      *FitOptions[T]
	index  []int
	good   []T // parameters after the last good epoch
	sigmas []T // gains, likewise
}

func (f *fit[T]) epoch(x, target kernels.Matrix[T], epoch int) (EpochStats, error) {
	e := EpochStats{Epoch: epoch}
	EpochPermutation(f.index, f.o.Seed, epoch)
	var stats Stats
	if err := f.o.Steps(f.n, x, target, f.index, &stats); err != nil {
		return e, err
	}
	e.Loss, e.Accuracy = stats.Loss(), stats.Accuracy()
	measure := BalanceOptions{P: 2}
	if f.o.Balance != nil {
		measure = *f.o.Balance
	}
	var err error
	if _, e.Deficit, err = Deficit(f.n, measure, nil); err != nil {
		return e, err
	}
	if f.o.BalanceEvery > 0 && (epoch+1)%f.o.BalanceEvery == 0 {
		e.Balanced, err = Balance(f.n, *f.o.Balance)
	}
	return e, err
}

// save keeps a copy of the parameters and gains.
func (f *fit[T]) save() (err error) {
	if f.good, err = f.n.Snapshot(f.good); err != nil || f.o.Gain == nil {
		return err
	}
	f.sigmas = f.sigmas[:0]
	for _, s := range f.o.Gain.Sigma {
		f.sigmas = append(f.sigmas, s...)
	}
	return nil
}

// rollBack restores the last good copy and turns the error into one that names the epoch. The last update of an
// epoch shows only afterwards, as weights that are not finite.
func (f *fit[T]) rollBack(err error, epoch int) error {
	if e := f.n.Restore(f.good); e != nil {
		return e
	}
	if f.o.Gain != nil {
		rest := f.sigmas
		for _, s := range f.o.Gain.Sigma {
			copy(s, rest)
			rest = rest[len(s):]
		}
	}
	var div *DivergenceError
	var bad *NonFiniteError
	switch {
	case errors.As(err, &div):
		div.Func, div.Epoch = "Fit", epoch
	case errors.As(err, &bad):
		return &DivergenceError{Func: "Fit", What: "the " + bad.Array, Sample: -1, Epoch: epoch, Layer: bad.Layer}
	}
	return err
}
