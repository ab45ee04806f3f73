package worker

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"unsafe"
)

// A session checks and times a step in place and one that returns, sets the array back before each, and answers a
// panic.
func TestSession(t *testing.T) {
	folder := t.TempDir()
	forms := Forms[float32]{
		"update": {
			"add": func(in *Inputs[float32]) (func(), []Result[float32]) {
				w, g := in.Arrays["w"], float32(in.Numbers["g"])
				return func() {
					for i := range w {
						w[i] += g
					}
				}, nil
			},
			"panics": func(in *Inputs[float32]) (func(), []Result[float32]) { return func() { panic("no") }, nil },
		},
		"both": {"swap": func(in *Inputs[float32]) (func(), []Result[float32]) {
			w, v := in.Arrays["w"], in.Arrays["v"]
			return func() {
				for i := range w {
					w[i], v[i] = v[i]+1, w[i]
				}
			}, nil
		}},
		"sums": {"loop": func(in *Inputs[float32]) (func(), []Result[float32]) {
			sums := make([]float32, in.Rows("w"))
			return func() {
				for i := range sums {
					sums[i] = 0
					for _, v := range in.Arrays["w"][i*in.Cols("w") : (i+1)*in.Cols("w")] {
						sums[i] += v
					}
				}
			}, []Result[float32]{{sums, []int{len(sums)}}}
		}},
	}
	file := filepath.Join(folder, "w")
	if err := os.WriteFile(file, bytes([]float32{1, 2, 3, 4, 5, 6}), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &session[float32]{all: forms, dtype: "float32"}
	ask := func(text string) map[string]any {
		t.Helper()
		var o order
		if err := json.Unmarshal([]byte(text), &o); err != nil {
			t.Fatal(err)
		}
		o.Folder = folder
		for name, raw := range o.Inputs {
			if name == "w" || name == "v" {
				a := array{file, "float32", []int{2, 3}}
				raw, _ = json.Marshal(a)
				o.Inputs[name] = raw
				if !s.knows(&order{Inputs: map[string]json.RawMessage{"w": raw}}) {
					t.Error("the type of w is not known")
				}
			}
		}
		return answer(s, &o)
	}
	result := func(a map[string]any) []float32 {
		t.Helper()
		written, ok := a["results"].([]array)
		if !ok || len(written) != 1 {
			t.Fatalf("no result: %v", a)
		}
		data, _, err := read[float32](written[0].File)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	if a := ask(`{"do":"open","workload":"none","inputs":{"w":null},"outputs":["w"]}`); len(a["forms"].([]string)) != 0 {
		t.Errorf("forms of an unknown workload: %v", a)
	}
	ask(`{"do":"open","workload":"update","inputs":{"w":null,"g":0.5},"outputs":["w"]}`)
	for range 2 {
		if r := result(ask(`{"do":"check","form":"add"}`)); r[0] != 1.5 || r[5] != 6.5 {
			t.Errorf("one step from the start gives %v", r)
		}
		if a := ask(`{"do":"time","form":"add","slice":1e-4}`); !(a["seconds"].(float64) > 0) {
			t.Errorf("time: %v", a)
		}
	}
	if a := ask(`{"do":"check","form":"panics"}`); a["failed"] != "no" {
		t.Errorf("a panic is answered by %v", a)
	}
	ask(`{"do":"open","workload":"both","inputs":{"w":null,"v":null},"outputs":["v","w"]}`)
	if written := ask(`{"do":"check","form":"swap"}`)["results"].([]array); len(written) != 2 {
		t.Errorf("two arrays that change give %v", written)
	} else {
		for k, first := range []float32{1, 2} { // in the order asked for
			if data, _, err := read[float32](written[k].File); err != nil || data[0] != first {
				t.Errorf("output %d is %v, %v", k, data, err)
			}
		}
	}
	ask(`{"do":"open","workload":"sums","inputs":{"w":null},"outputs":["rows"]}`)
	if r := result(ask(`{"do":"check","form":"loop"}`)); r[0] != 6 || r[1] != 15 {
		t.Errorf("sums are %v", r)
	}
	if a := ask(`{"do":"close"}`); len(a) != 0 || s.inputs != nil {
		t.Errorf("close: %v", a)
	}
	if a := ask(`{"do":"dance"}`); a["failed"] == nil {
		t.Errorf("an unknown order is answered by %v", a)
	}
}

// Large arrays come from the system and go back to it; either kind starts at a page and can be written to its end.
func TestPages(t *testing.T) {
	for _, n := range []int{0, 1, 5000, huge - 1, huge, huge + 12345} {
		memory, free, err := pages(n)
		if err != nil || len(memory) != n {
			t.Fatalf("%d bytes: %d, %v", n, len(memory), err)
		}
		if n > 0 {
			if at := uintptr(unsafe.Pointer(&memory[0])); at%4096 != 0 {
				t.Errorf("%d bytes start at %#x", n, at)
			}
			memory[0], memory[n-1] = 1, 2
		}
		free()
	}
}
