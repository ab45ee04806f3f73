package engine

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// A checkpoint is a safetensors file (the format of the package of that name: eight bytes with the length of a JSON
// header, the header, the elements of all tensors without gaps, little-endian). In the header's metadata, which are
// strings, stand beside the caller's
//
//	hebbkern.version   of this layout, checkpointVersion
//	hebbkern.checksum  SHA-256 of the length and the header, as if the digits of this checksum were zeros
//	hebbkern.sums      SHA-256 of each tensor's bytes, in the order of the file
//
// so that a file in which any bit has changed is refused, with the part that has. Tensors are sorted by the size of
// their elements, largest first, so that each is aligned in a file that is mapped.
const checkpointVersion = 1

// reserved is the prefix of the metadata that belong to this package.
const reserved = "hebbkern."

// Tensor is a named array of a checkpoint, in row-major order.
type Tensor struct {
	Name  string
	Shape []int // none: one element
	Data  any   // []float32, []float64, []int64, []uint64, []uint8 or []bool, as long as Shape says
}

// Checkpoint is what a checkpoint file holds.
type Checkpoint struct {
	Tensors  []Tensor
	Metadata map[string]string // keys do not begin with "hebbkern."
}

// CheckpointError says why a file is no checkpoint to go on from. What it was to be read into is unchanged.
type CheckpointError struct {
	Path  string
	Place string // the part of the file: "header", `tensor "weights.0"`, "metadata kind", …
	Found string // what is wrong with it
}

func (e *CheckpointError) Error() string { return fmt.Sprintf("%s: %s %s", e.Path, e.Place, e.Found) }

// tensorType says how safetensors calls an element type, its size, and how many there are.
func tensorType(data any) (dtype string, size, n int, ok bool) {
	switch v := data.(type) {
	case []float32:
		return "F32", 4, len(v), true
	case []float64:
		return "F64", 8, len(v), true
	case []int64:
		return "I64", 8, len(v), true
	case []uint64:
		return "U64", 8, len(v), true
	case []uint8:
		return "U8", 1, len(v), true
	case []bool:
		return "BOOL", 1, len(v), true
	}
	return "", 0, 0, false
}

// tensorData makes n elements of a type by its name in safetensors; a type that is not known gives nil.
func tensorData(dtype string, n int) any {
	switch dtype {
	case "F32":
		return make([]float32, n)
	case "F64":
		return make([]float64, n)
	case "I64":
		return make([]int64, n)
	case "U64":
		return make([]uint64, n)
	case "U8":
		return make([]uint8, n)
	case "BOOL":
		return make([]bool, n)
	}
	return nil
}

// elements is the product of a shape, -1 if it is negative or so large that offsets could overflow.
func elements(shape []int) int {
	const most = math.MaxInt / 64
	n := 1
	for _, d := range shape {
		if d < 0 || d > 0 && n > most/d {
			return -1
		}
		n *= d
	}
	return n
}

func describeTensor(t *Tensor) string {
	dtype, _, _, ok := tensorType(t.Data)
	if !ok {
		dtype = fmt.Sprintf("%T", t.Data)
	}
	return fmt.Sprintf("%s %v", dtype, t.Shape)
}

// check refuses what a file cannot hold: *ArgError.
func (c *Checkpoint) check(fn string) error {
	seen := map[string]bool{}
	for i := range c.Tensors {
		t := &c.Tensors[i]
		arg := fmt.Sprintf("tensor %q", t.Name)
		if t.Name == "" || t.Name == "__metadata__" || !utf8.ValidString(t.Name) || strings.Contains(t.Name, "\x00") || seen[t.Name] {
			return badArg(fn, arg, fmt.Sprintf("the name of tensor %d", i),
				`a name of its own in UTF-8 without zeros, not empty and not "__metadata__",`)
		}
		seen[t.Name] = true
		_, _, n, ok := tensorType(t.Data)
		if !ok {
			return badArg(fn, arg, fmt.Sprintf("a %T", t.Data), "a slice of float32, float64, int64, uint64, uint8 or bool")
		}
		if want := elements(t.Shape); n != want {
			return badArg(fn, arg, fmt.Sprintf("%d elements of shape %v", n, t.Shape), "as many elements as the shape has")
		}
	}
	for key, value := range c.Metadata {
		if strings.HasPrefix(key, reserved) {
			return badArg(fn, "metadata", fmt.Sprintf("of the key %q", key), fmt.Sprintf("keys that do not begin with %q,", reserved))
		}
		if !utf8.ValidString(key) || !utf8.ValidString(value) {
			return badArg(fn, "metadata", fmt.Sprintf("not UTF-8 at the key %q", key), "UTF-8")
		}
	}
	return nil
}

// ordered are the tensors as they stand in the file.
func (c *Checkpoint) ordered() []*Tensor {
	in := make([]*Tensor, len(c.Tensors))
	for i := range c.Tensors {
		in[i] = &c.Tensors[i]
	}
	slices.SortStableFunc(in, func(a, b *Tensor) int {
		_, x, _, _ := tensorType(a.Data)
		_, y, _, _ := tensorType(b.Data)
		return y - x
	})
	return in
}

// Tensor finds a tensor by its name, nil if there is none.
func (c *Checkpoint) Tensor(name string) *Tensor {
	for i := range c.Tensors {
		if c.Tensors[i].Name == name {
			return &c.Tensors[i]
		}
	}
	return nil
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
