//go:build cgo && linux

package main

/*
#cgo CFLAGS: -std=c11 -O3 -fno-strict-aliasing -Wall -Wextra -D_GNU_SOURCE
#cgo LDFLAGS: -ldl -lm
#include "internal.h"
*/
import "C"

import (
	"encoding/json"
	"errors"
	"fmt"
	"unsafe"

	"github.com/hebbkern/hebbkern/engine"
	"github.com/hebbkern/hebbkern/kernels"
)

// sourceHash is the hash of the sources that the library is built from; the
// build sets it with -ldflags -X main.sourceHash=... and the Python package
// compares it with the sources beside it.
var sourceHash string

func main() {}

// fault turns a panic into a status. Arguments were checked before, in C, so
// whatever arrives here is a defect: of the library, or of the checks. A
// kernel's own refusal comes before it writes anything.
func fault(err *C.hk_error, status *C.int32_t) {
	r := recover()
	if r == nil {
		return
	}
	if refused, ok := r.(*kernels.ArgError); ok {
		*status = C.HK_E_VALUE
		message(err, *status, refused.Error())
		return
	}
	*status = C.HK_E_INTERNAL
	message(err, *status, fmt.Sprintf("internal error: %v", r))
}

func message(err *C.hk_error, status C.int32_t, text string) {
	C.hki_message(err, C.int(status), (*C.char)(unsafe.Pointer(unsafe.StringData(text))), C.size_t(len(text)))
}

// hebbkernCall runs the units [begin, *end) of a kernel on checked arguments.
// If learning diverges, or a kernel that watches the clock goes back to its
// caller, *end becomes the unit that it came to.
//
//export hebbkernCall
func hebbkernCall(kernel C.int32_t, args unsafe.Pointer, begin C.int64_t, end *C.int64_t, err *C.hk_error) (status C.int32_t) {
	defer fault(err, &status)
	beforeCall()
	var done int
	var failed error
	if (*C.hk_array)(args).dtype == C.HK_FLOAT32 {
		done, failed = call[float32](int(kernel), args, int(begin), int(*end))
	} else {
		done, failed = call[float64](int(kernel), args, int(begin), int(*end))
	}
	if failed != nil {
		*end = C.int64_t(done)
		return report(err, kernelNames[kernel], failed)
	}
	if kernel == C.HKI_STDP || kernel == C.HKI_TRIPLET_STDP {
		*end = C.int64_t(done)
	}
	return C.HK_OK
}

// hebbkernNetwork runs a function on networks from *at on for about 25 ms, and
// moves *at.
//
//export hebbkernNetwork
func hebbkernNetwork(function C.int32_t, args unsafe.Pointer, dtype C.int32_t, at *C.int64_t, err *C.hk_error) (status C.int32_t) {
	defer fault(err, &status)
	beforeCall()
	var more bool
	var failed error
	if dtype == C.HK_FLOAT32 {
		more, failed = onNetwork[float32](int(function), args, at)
	} else {
		more, failed = onNetwork[float64](int(function), args, at)
	}
	switch {
	case failed != nil:
		return report(err, networkNames[function], failed)
	case more:
		return C.HK_MORE
	}
	return C.HK_OK
}

var (
	kernelNames = map[C.int32_t]string{C.HKI_RANK1: "rank1", C.HKI_BATCH_UPDATE: "batch_update", C.HKI_FORWARD: "forward",
		C.HKI_POWER_SUMS: "power_sums", C.HKI_SCALE: "scale", C.HKI_EMA: "ema", C.HKI_GAIN_RULE: "gain_rule",
		C.HKI_LEARN: "learn", C.HKI_AVERAGE_GAIN: "average_gain", C.HKI_WINDOWED_GAIN: "windowed_gain",
		C.HKI_STDP: "stdp", C.HKI_TRIPLET_STDP: "triplet_stdp", C.HKI_CONTRASTIVE: "contrastive", C.HKI_THREE_FACTOR: "three_factor",
		C.HKI_FOLDIAK: "foldiak", C.HKI_PATCHES: "patches", C.HKI_CONV_FORWARD: "conv_forward", C.HKI_POOL: "pool",
		C.HKI_THRESHOLD: "threshold", C.HKI_INTRINSIC_PLASTICITY: "intrinsic_plasticity", C.HKI_BALANCED_RELU: "balanced_relu", C.HKI_STAMINA: "stamina", C.HKI_GIVEN: "given"}
	networkNames = map[C.int32_t]string{C.HKI_INIT: "init", C.HKI_PREDICT: "predict", C.HKI_GRADIENTS: "gradients",
		C.HKI_TRAIN: "train", C.HKI_PERMUTATION: "permutation", C.HKI_BALANCE_GRAPH: "balance_graph", C.HKI_DEFICIT: "deficit",
		C.HKI_EVALUATE: "evaluate", C.HKI_DEATHS: "deaths", C.HKI_SPREAD: "spread", C.HKI_SEED: "seed", C.HKI_UNIFORM: "uniform", C.HKI_ANNEAL: "anneal",
		C.HKI_SYNAPTIC_BALANCE: "synaptic_balance", C.HKI_RNN: "rnn", C.HKI_NORMAL: "normal", C.HKI_DRAW_FEEDBACK: "draw_feedback"}
)

// report turns an error of the engine into a status.
func report(err *C.hk_error, function string, failed error) C.int32_t {
	var argument *engine.ArgError
	var bad *engine.NonFiniteError
	var diverged *engine.DivergenceError
	var extinct *engine.ExtinctionError
	status, text := C.int32_t(C.HK_E_VALUE), function+": "+failed.Error()
	switch {
	case errors.As(failed, &argument):
		text = fmt.Sprintf("%s: %s is %s; %s is wanted", function, argument.Arg, argument.Got, argument.Want)
	case errors.As(failed, &bad) && bad.Layer < 0 && bad.Col < 0:
		text = fmt.Sprintf("%s: %s is %v at element %d; finite numbers are wanted", function, bad.Array, bad.Value, bad.Row)
	case errors.As(failed, &bad) && bad.Layer < 0:
		text = fmt.Sprintf("%s: %s is %v at row %d, column %d; finite numbers are wanted", function, bad.Array, bad.Value, bad.Row, bad.Col)
	case errors.As(failed, &bad):
		text = fmt.Sprintf("%s: %s[%d] is %v at row %d, column %d; finite numbers are wanted", function, bad.Array, bad.Layer,
			bad.Value, bad.Row, bad.Col)
	case errors.As(failed, &extinct):
		text = function + ": " + extinct.Reason()
	case errors.As(failed, &diverged):
		status = C.HK_E_DIVERGED
	}
	message(err, status, text)
	if diverged != nil && err != nil {
		err.sample, err.layer = C.int64_t(diverged.Sample), C.int64_t(diverged.Layer)
	}
	return status
}

//export hebbkernPortable
func hebbkernPortable() (portable C.int32_t) {
	var status C.int32_t
	defer fault(nil, &status)
	if kernels.ISA() == "portable" {
		return 1
	}
	return 0
}

// hebbkernInfo writes the library's description as JSON, cut at size, with a
// terminating zero, and returns the number of bytes that it needs.
//
//export hebbkernInfo
func hebbkernInfo(buffer *C.char, size C.int64_t) (needed C.int64_t) {
	var status C.int32_t
	defer func() {
		if status != C.HK_OK {
			needed = C.int64_t(status)
		}
	}()
	defer fault(nil, &status)
	text, err := json.Marshal(struct {
		Version  string   `json:"version"`
		ISA      string   `json:"isa"`
		Features []string `json:"features"`
		Threads  int      `json:"threads"`
		Sources  string   `json:"sources"`
	}{kernels.Version(), kernels.ISA(), kernels.Features(), kernels.Threads(), sourceHash})
	if err != nil {
		panic(err)
	}
	copyText(buffer, size, text)
	return C.int64_t(len(text) + 1)
}

// copyText writes a text with a terminating zero, cut at size.
func copyText(buffer *C.char, size C.int64_t, text []byte) {
	if size > 0 {
		room := unsafe.Slice((*byte)(unsafe.Pointer(buffer)), int(size))
		n := copy(room[:len(room)-1], text)
		room[n] = 0
	}
}

//export hebbkernSetThreads
func hebbkernSetThreads(n C.int64_t, err *C.hk_error) (status C.int32_t) {
	defer fault(err, &status)
	if n < 1 || n > maxThreads {
		message(err, C.HK_E_VALUE, fmt.Sprintf("set_threads: threads is %d; 1 to %d is wanted", int64(n), maxThreads))
		return C.HK_E_VALUE
	}
	kernels.SetThreads(int(n))
	return C.HK_OK
}

// maxThreads is the bound of kernels.SetThreads.
const maxThreads = 1024

//export hebbkernThreads
func hebbkernThreads() (n C.int64_t) {
	var status C.int32_t
	defer fault(nil, &status)
	return C.int64_t(kernels.Threads())
}
