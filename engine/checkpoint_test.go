package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/hebbkern/hebbkern/kernels"
)

// special are bits that a conversion on the way would change: NaN with payloads, quiet and signalling, ±0, subnormals.
func special() []Tensor {
	var f32 []float32
	for _, b := range []uint32{0x7fc12345, 0xff812345, 0x80000000, 0, 1, 0x807fffff, 0x7f800000, 0x3f800000} {
		f32 = append(f32, math.Float32frombits(b))
	}
	var f64 []float64
	for _, b := range []uint64{0x7ff8123456789abc, 0xfff0000000000001, 1 << 63, 1, 0x7fefffffffffffff} {
		f64 = append(f64, math.Float64frombits(b))
	}
	return []Tensor{
		{"bytes", []int{3}, []uint8{0, 128, 255}},
		{"f32", []int{2, 4}, f32},
		{"f64", []int{5}, f64},
		{"mask", []int{2, 2}, []bool{true, false, false, true}},
		{"int", []int{3}, []int64{math.MinInt64, -1, math.MaxInt64}},
		{"words", []int{1, 4, 1}, []uint64{math.MaxUint64, 0, 1, 1 << 63}},
		{"one", nil, []float32{-0.5}},
		{"none", []int{3, 0}, []float64{}},
	}
}

// raw is the bytes of a tensor, so that NaNs compare.
func raw(t *Tensor) []byte {
	_, size, n, _ := tensorType(t.Data)
	out := make([]byte, n*size)
	encodeElements(out, t.Data, 0)
	return out
}

func sameTensors(t *testing.T, got *Checkpoint, want []Tensor) {
	t.Helper()
	if len(got.Tensors) != len(want) {
		t.Fatalf("%d tensors, want %d", len(got.Tensors), len(want))
	}
	for i := range want {
		w, g := &want[i], got.Tensor(want[i].Name)
		if g == nil || describeTensor(g) != describeTensor(w) || !bytes.Equal(raw(g), raw(w)) {
			t.Fatalf("%s: got %+v, want %+v", w.Name, g, w)
		}
	}
}

func inFolder(t *testing.T) string { return filepath.Join(t.TempDir(), "state.hk") }

func TestCheckpointRoundTrip(t *testing.T) {
	big := make([]float32, 3*chunkBytes/4+5) // more than one chunk
	for i := range big {
		big[i] = float32(i)
	}
	c := &Checkpoint{Tensors: append(special(), Tensor{"big ‘é’ \"<&>", []int{len(big)}, big}),
		Metadata: map[string]string{"kind": "test", "text": "ü \"<&>\" \n\\ \u2028 😀", "": "an empty key"}}
	path := inFolder(t)
	for range 2 { // new, and over an old one
		must(t, c.Save(path))
		got, err := LoadCheckpoint(path)
		must(t, err)
		sameTensors(t, got, c.Tensors)
		if !reflect.DeepEqual(got.Metadata, c.Metadata) {
			t.Errorf("metadata %q, want %q", got.Metadata, c.Metadata)
		}
	}
	names, err := os.ReadDir(filepath.Dir(path))
	must(t, err)
	if len(names) != 1 {
		t.Errorf("files left behind: %v", names)
	}
	must(t, (&Checkpoint{}).Save(path))
	got, err := LoadCheckpoint(path)
	must(t, err)
	sameTensors(t, got, nil)
}

// The elements stand where the format says, each tensor aligned to its own elements.
func TestCheckpointIsSafetensors(t *testing.T) {
	path := inFolder(t)
	must(t, (&Checkpoint{Tensors: special(), Metadata: map[string]string{"a": "b"}}).Save(path))
	text, err := os.ReadFile(path)
	must(t, err)
	var n uint64
	for i := 7; i >= 0; i-- {
		n = n<<8 | uint64(text[i])
	}
	var header map[string]json.RawMessage
	must(t, json.Unmarshal(text[8:8+n], &header))
	if n%8 != 0 || len(header) != 1+len(special()) {
		t.Fatalf("a header of %d bytes with %d entries", n, len(header))
	}
	for _, w := range special() {
		var e struct {
			DType   string `json:"dtype"`
			Shape   []int  `json:"shape"`
			Offsets [2]int `json:"data_offsets"`
		}
		must(t, json.Unmarshal(header[w.Name], &e))
		dtype, size, _, _ := tensorType(w.Data)
		if e.DType != dtype || elements(e.Shape) != elements(w.Shape) || len(e.Shape) != len(w.Shape) || e.Offsets[0]%size != 0 {
			t.Errorf("%s: %+v", w.Name, e)
		}
		if got := text[8+int(n)+e.Offsets[0] : 8+int(n)+e.Offsets[1]]; !bytes.Equal(got, raw(&w)) {
			t.Errorf("%s: bytes %x", w.Name, got)
		}
	}
}

// damaged requires that a file of these bytes is refused by its fault, and that the arrays to be read into are as before.
func damaged(t *testing.T, what string, text []byte) *CheckpointError {
	t.Helper()
	into := special()
	for i := range into {
		_, _, n, _ := tensorType(into[i].Data)
		dtype, _, _, _ := tensorType(into[i].Data)
		into[i].Data = tensorData(dtype, n)
	}
	f, err := openCheckpoint("file", bytes.NewReader(text), int64(len(text)))
	if err == nil {
		err = f.Read(into)
	}
	var bad *CheckpointError
	if !errors.As(err, &bad) || bad.Path != "file" || bad.Place == "" || bad.Found == "" {
		t.Fatalf("%s: error %v, want *CheckpointError", what, err)
	}
	for i := range into {
		if b := raw(&into[i]); !bytes.Equal(b, make([]byte, len(b))) {
			t.Fatalf("%s: %s was written", what, into[i].Name)
		}
	}
	return bad
}

func written(t *testing.T) []byte {
	t.Helper()
	path := inFolder(t)
	must(t, (&Checkpoint{Tensors: special(), Metadata: map[string]string{"kind": "test"}}).Save(path))
	text, err := os.ReadFile(path)
	must(t, err)
	return text
}

func TestCheckpointCutShort(t *testing.T) {
	text := written(t)
	places := map[string]bool{}
	for n := range text {
		places[damaged(t, "cut", text[:n]).Place] = true
	}
	for _, place := range []string{"length", "header", `tensor "f64"`, `tensor "words"`, `tensor "mask"`} {
		if !places[place] {
			t.Errorf("no cut is said to be in %s: %v", place, places)
		}
	}
	if e := damaged(t, "longer", append(bytes.Clone(text), 0)); e.Place != "end" {
		t.Error(e)
	}
}

func TestCheckpointAltered(t *testing.T) {
	text := written(t)
	step := 1
	if thin {
		step = 7 // odd: all bits of a byte are met
	}
	places := map[string]bool{}
	for bit := 0; bit < 8*len(text); bit += step {
		text[bit/8] ^= 1 << (bit % 8)
		places[damaged(t, "flipped", text).Place] = true
		text[bit/8] ^= 1 << (bit % 8)
	}
	for _, place := range []string{"length", "header", `tensor "f32"`, `tensor "bytes"`} {
		if !places[place] {
			t.Errorf("no change is said to be in %s: %v", place, places)
		}
	}
	later := bytes.Replace(text, []byte(`version":"1"`), []byte(`version":"2"`), 1)
	if e := damaged(t, "later", later); e.Place != "version" || !strings.Contains(e.Error(), "is 2, and this hebbkern reads 1") {
		t.Error(e)
	}
	for _, other := range []string{`{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}`, "[]", "", `{"__metadata__":{"hebbkern.version":"1"`} {
		damaged(t, other, append([]byte{byte(len(other)), 0, 0, 0, 0, 0, 0, 0}, other...))
	}
}

func TestCheckpointRefuses(t *testing.T) {
	path := inFolder(t)
	one := []float32{1}
	for what, c := range map[string]*Checkpoint{
		`tensor ""`:             {Tensors: []Tensor{{"", []int{1}, one}}},
		`tensor "a"`:            {Tensors: []Tensor{{"a", []int{1}, one}, {"a", []int{1}, one}}},
		`tensor "__metadata__"`: {Tensors: []Tensor{{"__metadata__", []int{1}, one}}},
		`tensor "\xff"`:         {Tensors: []Tensor{{"\xff", []int{1}, one}}},
		`tensor "\x00"`:         {Tensors: []Tensor{{"\x00", []int{1}, one}}},
		`tensor "ints"`:         {Tensors: []Tensor{{"ints", []int{1}, []int{1}}}},
		`tensor "long"`:         {Tensors: []Tensor{{"long", []int{2}, one}}},
		`tensor "negative"`:     {Tensors: []Tensor{{"negative", []int{-1, -1}, one}}},
		`tensor "huge"`:         {Tensors: []Tensor{{"huge", []int{1 << 30, 1 << 30, 1 << 30, 0}, []float32{}}}},
		"metadata":              {Metadata: map[string]string{"hebbkern.version": "7"}},
	} {
		refused(t, what, c.Save(path), what)
	}
	refused(t, "utf-8", (&Checkpoint{Metadata: map[string]string{"a": "\xff"}}).Save(path), "metadata")
	refused(t, "path", (&Checkpoint{}).Save(filepath.Dir(path)+string(filepath.Separator)), "path")
	if names, err := os.ReadDir(filepath.Dir(path)); err != nil || len(names) > 0 {
		t.Errorf("a refusal left %v, %v", names, err)
	}

	c := &Checkpoint{Tensors: []Tensor{{"a", []int{1, 2}, []float32{1, 2}}}}
	must(t, c.Save(path))
	f, err := OpenCheckpoint(path)
	must(t, err)
	defer f.Close()
	for what, into := range map[string][]Tensor{
		`tensor "a"`: {{"a", []int{1, 2}, make([]float64, 2)}},
		`tensor "b"`: {{"b", []int{1, 2}, make([]float32, 2)}},
	} {
		refused(t, what, f.Read(into), what)
	}
	refused(t, "shape", f.Read([]Tensor{{"a", []int{2, 1}, make([]float32, 2)}}), `tensor "a"`)
	refused(t, "missing", f.Read(nil), `tensor "a"`)
}

// The system's refusals: what was there stays, and nothing is left beside it.
func TestCheckpointFolder(t *testing.T) {
	c := &Checkpoint{Tensors: special()}
	path := inFolder(t)
	must(t, c.Save(path))
	before, err := os.ReadFile(path)
	must(t, err)
	if _, err := LoadCheckpoint(path + "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	for _, into := range []string{filepath.Join(path, "in a file"), filepath.Join(filepath.Dir(path), "none", "state.hk")} {
		if err := c.Save(into); err == nil {
			t.Errorf("%s was written", into)
		}
	}
	folder := filepath.Join(filepath.Dir(path), "folder")
	must(t, os.MkdirAll(filepath.Join(folder, "full"), 0o777))
	if err := c.Save(folder); err == nil {
		t.Error("a folder was replaced")
	}
	after, err := os.ReadFile(path)
	must(t, err)
	names, err := os.ReadDir(filepath.Dir(path))
	must(t, err)
	if !bytes.Equal(before, after) || len(names) != 2 {
		t.Errorf("an error changed the file or left one: %v", names)
	}
}

func FuzzCheckpoint(f *testing.F) {
	path := filepath.Join(f.TempDir(), "state.hk")
	if err := (&Checkpoint{Tensors: special()}).Save(path); err != nil {
		f.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := openCheckpoint("file", bytes.NewReader(text), int64(len(text)))
		var bad *CheckpointError
		if err != nil && !errors.As(err, &bad) {
			t.Fatalf("%v", err)
		}
		// What a checksum would have refused: the parser alone.
		if g := (&CheckpointFile{path: "file"}); err != nil && len(text) > 8 {
			if err := g.parseHeader(text[8:], int64(len(text))); err != nil && !errors.As(err, &bad) {
				t.Fatalf("%v", err)
			}
		} else if err == nil && len(c.Tensors) != len(c.sums) {
			t.Fatal("sums")
		}
	})
}

func TestNetworkState(t *testing.T) { both(t, testNetworkState[float32], testNetworkState[float64]) }

func testNetworkState[T kernels.Float](t *testing.T) {
	leaky := kernels.Activation{Kind: kernels.LeakyReLU, Slope: 0.125}
	each := layered[T](t, source(208), leaky, 5, 4, 3, 2)
	each.Populations[2].Activation, each.Populations[3].Activation = relu(), kernels.Activation{Kind: kernels.Sigmoid}
	single := layered[T](t, source(209), leaky, 5, 2)
	last := layered[T](t, source(210), leaky, 5, 2)
	last.Populations[1].Activation = leaky
	for _, n := range []*Network[T]{layered[T](t, source(201), leaky, 5, 4, 3, 2), skipping[T](t, source(202), leaky), each, single, last,
		layered[T](t, source(201), kernels.Activation{Kind: kernels.BiLU, Slope: -0.5, Shape: 1.5}, 5, 4, 2),
		layered[T](t, source(201), kernels.Activation{Kind: kernels.BiPU, Slope: -0.5, Shape: 1.5}, 5, 4, 2)} {
		gains := make([][]T, len(n.Populations))
		for k := range gains {
			gains[k] = randomVector[T](source(203), n.Populations[k].Units, 1)
		}
		s := NetworkState[T]{Network: n, Loss: SoftmaxCrossEntropy, Seed: math.MaxUint64, Epoch: 7, Updates: 70, Gains: gains,
			Options: map[string]json.RawMessage{"remark": json.RawMessage("0.5")},
			Tensors: []Tensor{{"velocity.0", []int{2}, []T{1, 2}}}}
		path := inFolder(t)
		must(t, s.Save(path))
		got, err := LoadNetwork[T](path)
		must(t, err)
		equalBits(t, "parameters", snapshot(t, got.Network), snapshot(t, n))
		for k := range gains {
			equalBits(t, "gains", got.Gains[k], gains[k])
			a, b := n.Populations[k], got.Network.Populations[k]
			if a.Bias, b.Bias = nil, nil; !reflect.DeepEqual(a, b) {
				t.Errorf("population %d: %+v, want %+v", k, b, a)
			}
		}
		if got.Loss != s.Loss || got.Seed != s.Seed || got.Epoch != s.Epoch || got.Updates != s.Updates || !reflect.DeepEqual(got.Options, s.Options) ||
			!reflect.DeepEqual(got.Tensors, s.Tensors) {
			t.Errorf("got %+v", got)
		}
	}
}

// A run that is stopped after any epoch, saved and loaded, has the bits of one that is not.
func TestFitResumesFromCheckpoint(t *testing.T) {
	both(t, testFitResumes[float32], testFitResumes[float64])
}

func testFitResumes[T kernels.Float](t *testing.T) {
	x, target := randomMatrix[T](source(205), 40, 5, 0, 1), classes[T](206, 40, 3)
	options := func(gains [][]T) FitOptions[T] {
		return FitOptions[T]{Trainer: Trainer[T]{LR: 0.1, Batch: 8, Gain: &GainTraining[T]{LR: 1e-3, Alpha: 0.1, Sigma: gains, Limit: 4}},
			Seed: 9, Balance: &BalanceOptions{P: 2}, BalanceEvery: 2}
	}
	sigma := func() [][]T { return [][]T{make([]T, 5), make([]T, 6), make([]T, 3)} }
	straight, err := NewLayered[T]([]int{5, 6, 3}, relu(), 3)
	must(t, err)
	o := options(sigma())
	o.Epochs = 5
	_, err = Fit(straight, x, target, o)
	must(t, err)

	n, err := NewLayered[T]([]int{5, 6, 3}, relu(), 3)
	must(t, err)
	s := &NetworkState[T]{Network: n, Seed: 9, Gains: sigma()}
	path := inFolder(t)
	for epoch := range 5 {
		o := options(s.Gains)
		o.From, o.Epochs = s.Epoch, epoch+1
		_, err := Fit(s.Network, x, target, o)
		must(t, err)
		s.Epoch = epoch + 1
		must(t, s.Save(path))
		s, err = LoadNetwork[T](path)
		must(t, err)
	}
	equalBits(t, "resumed", snapshot(t, s.Network), snapshot(t, straight))
	for k := range s.Gains {
		equalBits(t, "gains", s.Gains[k], o.Gain.Sigma[k])
	}
}

func TestNetworkStateRefuses(t *testing.T) {
	n := layered[float32](t, source(207), relu(), 3, 4, 2)
	path := inFolder(t)
	good := NetworkState[float32]{Network: n}
	for arg, s := range map[string]NetworkState[float32]{
		"loss":               {Network: n, Loss: 99},
		"epoch":              {Network: n, Epoch: -1},
		"gains":              {Network: n, Gains: make([][]float32, 2)},
		"gains[0]":           {Network: n, Gains: make([][]float32, 3)},
		"network":            {},
		`tensor "weights.0"`: {Network: n, Tensors: []Tensor{{"weights.0", []int{0}, []float32{}}}},
		"options":            {Network: n, Options: map[string]json.RawMessage{"a": json.RawMessage("{")}},
	} {
		refused(t, arg, s.Save(path), arg)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("a refusal left a file: %v", err)
	}
	for words, change := range map[string]func(c *Checkpoint){
		"but \"other\"":           func(c *Checkpoint) { c.Metadata["kind"] = "other" },
		"wrong options":           func(c *Checkpoint) { c.Metadata["options"] = "[]" },
		"is float64":              func(c *Checkpoint) { c.Metadata["options"] = `{"dtype":"float64"}` },
		"the loss \"hinge\"":      func(c *Checkpoint) { c.Metadata["options"] = `{"dtype":"float32","loss":"hinge"}` },
		"got sine, want one of":   func(c *Checkpoint) { c.Metadata["options"] = `{"activation":"sine"}` },
		"no tensor \"biases.1\"":  func(c *Checkpoint) { c.Tensors = c.Tensors[:len(c.Tensors)-1] },
		"F32 [2 4] is wanted":     func(c *Checkpoint) { c.Tensors[1].Shape = []int{4, 2} },
		"at least one population": func(c *Checkpoint) { c.Metadata["options"] = `{"dtype":"float32","loss":"mse"}` },
	} {
		c, err := good.Checkpoint()
		must(t, err)
		change(c)
		must(t, c.Save(path))
		_, err = LoadNetwork[float32](path)
		var bad *CheckpointError
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v", words, err)
		}
	}
	must(t, good.Save(path))
	if _, err := LoadNetwork[float64](path); err == nil || !strings.Contains(err.Error(), "float64 is wanted") {
		t.Error(err)
	}
}
