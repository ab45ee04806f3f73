//go:build cgo && linux

package main

/*
#include "internal.h"
*/
import "C"

import (
	"encoding/json"
	"errors"
	"fmt"
	"syscall"
	"unsafe"

	"github.com/hebbkern/hebbkern/engine"
)

var errReplaced = errors.New("the file is not the one that was inspected: it has been replaced since")

// hebbkernCheckpoint runs a function on checkpoints.
//
//export hebbkernCheckpoint
func hebbkernCheckpoint(function C.int32_t, args unsafe.Pointer, err *C.hk_error) (status C.int32_t) {
	defer fault(err, &status)
	beforeCall()
	var name string
	var failed error
	switch function {
	case C.HKI_SAVE:
		name, failed = "save", save((*C.hk_save_args)(args))
	case C.HKI_INSPECT:
		name, failed = "inspect", inspect((*C.hk_inspect_args)(args))
	case C.HKI_LOAD:
		name, failed = "load", load((*C.hk_load_args)(args))
	default:
		panic("unknown function")
	}
	if failed == nil {
		return C.HK_OK
	}
	var bad *engine.CheckpointError
	var number syscall.Errno
	switch {
	case errors.As(failed, &bad) || failed == errReplaced:
		message(err, C.HK_E_FILE, name+": "+failed.Error())
		if failed == errReplaced && err != nil {
			err.reason = C.HK_R_REPLACED
		}
		return C.HK_E_FILE
	case errors.As(failed, &number):
		message(err, C.HK_E_SYSTEM, name+": "+failed.Error())
		if err != nil {
			err.sample = C.int64_t(number)
		}
		return C.HK_E_SYSTEM
	}
	return report(err, name, failed)
}

func save(a *C.hk_save_args) error {
	c := engine.Checkpoint{Metadata: map[string]string{}}
	var err error
	if c.Tensors, err = tensors(a.tensors, a.count, true); err != nil {
		return err
	}
	if a.metadata != nil {
		if err := json.Unmarshal([]byte(C.GoString(a.metadata)), &c.Metadata); err != nil {
			return &engine.ArgError{Func: "save", Arg: "metadata", Got: "wrong: " + err.Error(), Want: "a JSON object of strings"}
		}
	}
	return c.Save(C.GoString(a.path))
}

func inspect(a *C.hk_inspect_args) error {
	f, err := engine.OpenCheckpoint(C.GoString(a.path))
	if err != nil {
		return err
	}
	defer f.Close()
	type entry struct {
		Name  string `json:"name"`
		DType int    `json:"dtype"`
		Shape []int  `json:"shape"`
	}
	found := struct {
		Checksum string            `json:"checksum"`
		Metadata map[string]string `json:"metadata"`
		Tensors  []entry           `json:"tensors"`
	}{f.Checksum, f.Metadata, []entry{}}
	for _, t := range f.Tensors {
		found.Tensors = append(found.Tensors, entry{t.Name, dtypeOf(t.Data), append([]int{}, t.Shape...)})
	}
	text, err := json.Marshal(found)
	if err != nil {
		return err
	}
	copyText(a.buffer, a.size, text)
	*a.needed = C.int64_t(len(text) + 1)
	return nil
}

func load(a *C.hk_load_args) error {
	into, err := tensors(a.tensors, a.count, false)
	if err != nil {
		return err
	}
	f, err := engine.OpenCheckpoint(C.GoString(a.path))
	if err != nil {
		return err
	}
	defer f.Close()
	if a.checksum != nil && C.GoString(a.checksum) != f.Checksum {
		return errReplaced
	}
	return f.Read(into)
}

// tensors are views of checked arrays, which are read or written.
func tensors(p *C.hk_tensor, count C.int64_t, read bool) ([]engine.Tensor, error) {
	all := make([]engine.Tensor, count)
	for i := range all {
		a := &unsafe.Slice(p, int(count))[i]
		t := &all[i]
		t.Name = C.GoString(a.name)
		n := 1
		for _, d := range integers((*C.int64_t)(a.shape), a.ndim) {
			t.Shape = append(t.Shape, d)
			n *= d
		}
		switch a.dtype {
		case C.HK_FLOAT32:
			t.Data = view[float32](a.data, n)
		case C.HK_FLOAT64:
			t.Data = view[float64](a.data, n)
		case C.HK_INT64:
			t.Data = view[int64](a.data, n)
		case C.HK_UINT64:
			t.Data = view[uint64](a.data, n)
		case C.HK_UINT8:
			t.Data = view[uint8](a.data, n)
		case C.HK_BOOL:
			for _, b := range view[uint8](a.data, n) { // another value is no Go bool
				if read && b > 1 {
					return nil, &engine.ArgError{Func: "save", Arg: t.Name, Got: fmt.Sprint(b, " at an element"), Want: "0 or 1"}
				}
			}
			t.Data = view[bool](a.data, n)
		}
	}
	return all, nil
}

func view[T any](data unsafe.Pointer, n int) []T {
	if n == 0 {
		return []T{}
	}
	return unsafe.Slice((*T)(data), n)
}

func dtypeOf(data any) int {
	switch data.(type) {
	case []float32:
		return C.HK_FLOAT32
	case []float64:
		return C.HK_FLOAT64
	case []int64:
		return C.HK_INT64
	case []uint64:
		return C.HK_UINT64
	case []uint8:
		return C.HK_UINT8
	}
	return C.HK_BOOL
}
