// Package engine holds what learns: networks of populations joined by projections, Hebbian rules, average
// gains, stamina, the gain rule, neural balance, synaptic balancing of recurrent networks, gradient training, and
// checkpoints, for float32 and float64.
//
// What may be in it: rules (small values that fill the vectors of one update pattern), solvers, training
// loops, and the description of a network. What may not: a loop over the elements of a weight matrix that
// belongs to package kernels, assembly, cgo, or state hidden from the caller.
//
// # Ownership
//
// Weights, biases, gains and every other state are slices of the caller: a Network holds views, building one
// costs three allocations, and a function that learns writes through the views. Only NewLayered allocates
// weights. Where a function needs memory of its own it takes it from a Scratch, which may be kept between
// calls so that the steady state allocates nothing; what a Scratch holds never affects a result.
//
// # Shapes
//
// W is [out, in], row i the weights into postsynaptic unit i, with any row stride ≥ in. A batch is [B, n], a
// sample a row. The symbols are x presynaptic, y postsynaptic
// activity, η learning rate, σ average gain, p the exponent of the cost Σ|w|^p.
//
// # Errors
//
// Every function that takes arrays returns an error and never panics on bad input:
//   - *ArgError (the type of package kernels): an argument refused before anything was written;
//   - *NonFiniteError: NaN or Inf in weights or biases handed to a solver, with its place; nothing was written;
//   - *DivergenceError: learning left the finite numbers; it names the sample, or the epoch and the layer;
//   - *CheckpointError: a file that is cut short, altered, or not of what is to be loaded, and the place in it.
//
// # Numbers
//
// A result is a function of the arguments alone: the same bits on every machine, at any thread count, however
// a run is cut into chunks and on resume. So no function of package math is used but the exactly rounded ones,
// and no product here can be fused with a sum by the compiler.
package engine
