// Package worker is the Go side of the benchmark suite's workers: a process that reads orders, one JSON object a line,
// and answers each with one. bench/python/worker.py describes the orders and is the same in Python. Both modules that
// have workers, this one and bench/peers-go, serve their forms through it.
package worker

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"
	"unsafe"
)

// Float is the element types of the suite.
type Float interface{ ~float32 | ~float64 }

// Inputs are a workload's arrays, row by row, with their shapes, and its numbers.
type Inputs[T Float] struct {
	Arrays  map[string][]T
	Shapes  map[string][]int
	Numbers map[string]float64
}

// Rows is the number of a matrix's rows.
func (in *Inputs[T]) Rows(name string) int { return in.Shapes[name][0] }

// Cols is the length of a matrix's rows.
func (in *Inputs[T]) Cols(name string) int { return in.Shapes[name][1] }

// A Result is an array that a step returns.
type Result[T Float] struct {
	Data  []T
	Shape []int
}

// A Form makes the step to time from the inputs. Of a step that works in place, results is nil; else it holds what
// the step has written after each call.
type Form[T Float] func(in *Inputs[T]) (step func(), results []Result[T])

// Forms are workload → name → form.
type Forms[T Float] map[string]map[string]Form[T]

// most is how often a slice repeats a step at the most, so that nothing drifts far.
const most = 20000

type order struct {
	Do       string                     `json:"do"`
	Workload string                     `json:"workload"`
	Inputs   map[string]json.RawMessage `json:"inputs"`
	Outputs  []string                   `json:"outputs"`
	Form     string                     `json:"form"`
	Folder   string                     `json:"folder"`
	Slice    float64                    `json:"slice"`
}

type array struct {
	File  string `json:"file"`
	DType string `json:"dtype"`
	Shape []int  `json:"shape"`
}

// Serve answers orders until its input ends.
func Serve(versions map[string]string, single Forms[float32], double Forms[float64]) error {
	debug.SetGCPercent(400)
	answers := json.NewEncoder(os.Stdout)
	if err := answers.Encode(map[string]any{"versions": versions, "blas": []string{}}); err != nil {
		return err
	}
	one, two := &session[float32]{all: single, dtype: "float32"}, &session[float64]{all: double, dtype: "float64"}
	var open server = one
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var o order
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			return err
		}
		if o.Do == "open" {
			open = one
			if two.knows(&o) {
				open = two
			}
		}
		if err := answers.Encode(answer(open, &o)); err != nil {
			return err
		}
	}
	return lines.Err()
}

type server interface {
	knows(o *order) bool
	do(o *order) (map[string]any, error)
}

// answer turns an error or a panic of a form into an answer.
func answer(s server, o *order) (a map[string]any) {
	defer func() {
		if r := recover(); r != nil {
			a = map[string]any{"failed": fmt.Sprint(r)}
		}
	}()
	a, err := s.do(o)
	if err != nil {
		return map[string]any{"failed": err.Error()}
	}
	return a
}

type session[T Float] struct {
	all    Forms[T]
	dtype  string
	forms  map[string]Form[T]
	inputs *Inputs[T]
	names  []string // of the outputs that are inputs
	start  map[string][]T
	steps  map[string]func()
	frees  []func()
}

// knows says whether the order's arrays are of this session's type.
func (s *session[T]) knows(o *order) bool {
	for _, raw := range o.Inputs {
		var a array
		if json.Unmarshal(raw, &a) == nil && a.File != "" {
			return a.DType == s.dtype
		}
	}
	return false
}

func (s *session[T]) do(o *order) (map[string]any, error) {
	switch o.Do {
	case "open":
		return s.open(o)
	case "check":
		return s.check(o)
	case "time":
		return s.time(o)
	case "close":
		s.close()
		return map[string]any{}, nil
	}
	return nil, fmt.Errorf("no such order: %q", o.Do)
}

func (s *session[T]) close() {
	frees := s.frees
	*s = session[T]{all: s.all, dtype: s.dtype}
	for _, free := range frees {
		free()
	}
	debug.FreeOSMemory()
}

func (s *session[T]) open(o *order) (map[string]any, error) {
	s.close()
	names := []string{}
	s.forms = s.all[o.Workload]
	for name := range s.forms {
		names = append(names, name)
	}
	if len(names) == 0 {
		return map[string]any{"forms": names}, nil
	}
	s.inputs = &Inputs[T]{Arrays: map[string][]T{}, Shapes: map[string][]int{}, Numbers: map[string]float64{}}
	s.start, s.steps = map[string][]T{}, map[string]func(){}
	for name, raw := range o.Inputs {
		var number float64
		if json.Unmarshal(raw, &number) == nil {
			s.inputs.Numbers[name] = number
			continue
		}
		var a array
		if err := json.Unmarshal(raw, &a); err != nil {
			return nil, err
		}
		data, free, err := read[T](a.File)
		if err != nil {
			return nil, err
		}
		s.frees = append(s.frees, free)
		s.inputs.Arrays[name], s.inputs.Shapes[name] = data, a.Shape
	}
	for _, name := range o.Outputs {
		if data, in := s.inputs.Arrays[name]; in {
			s.names, s.start[name] = append(s.names, name), append([]T(nil), data...)
		}
	}
	return map[string]any{"forms": names}, nil
}

func (s *session[T]) reset() {
	for name, start := range s.start {
		copy(s.inputs.Arrays[name], start)
	}
}

func (s *session[T]) check(o *order) (map[string]any, error) {
	step, results := s.forms[o.Form](s.inputs)
	s.steps[o.Form] = step
	if o.Folder == "" {
		return map[string]any{}, nil
	}
	s.reset()
	step()
	for _, name := range s.names {
		results = append(results, Result[T]{s.inputs.Arrays[name], s.inputs.Shapes[name]})
	}
	written := []array{}
	for k, r := range results {
		path := filepath.Join(o.Folder, fmt.Sprintf("%d-%d.bin", os.Getpid(), k))
		if err := os.WriteFile(path, bytes(r.Data), 0o600); err != nil {
			return nil, err
		}
		written = append(written, array{path, s.dtype, r.Shape})
	}
	return map[string]any{"results": written}, nil
}

func (s *session[T]) time(o *order) (map[string]any, error) {
	step := s.steps[o.Form]
	s.reset()
	begin := time.Now()
	step()
	once := time.Since(begin).Seconds()
	if once > o.Slice {
		return map[string]any{"seconds": once}, nil
	}
	begin = time.Now()
	step()
	reps := int(max(1, min(most, math.Floor(o.Slice/max(time.Since(begin).Seconds(), 1e-8)))))
	begin = time.Now()
	for range reps {
		step()
	}
	return map[string]any{"seconds": time.Since(begin).Seconds() / float64(reps)}, nil
}

// read brings an array into memory of its own; free gives that back.
func read[T Float](path string) (data []T, free func(), err error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	var one T
	size := int(unsafe.Sizeof(one))
	memory, free, err := pages(len(raw))
	if err != nil {
		return nil, nil, err
	}
	copy(memory, raw)
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(memory))), len(raw)/size), free, nil
}

// bytes is the memory of s, in the machine's order, which is NumPy's too.
func bytes[T Float](s []T) []byte {
	var one T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(one)))
}
