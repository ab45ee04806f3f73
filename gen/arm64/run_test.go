package arm64

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hebbkern/hebbkern/gen/ir"
)

// driver runs the functions on the calls that it reads: a function's number, the six slices with their lengths, the
// scalar, the count. It answers with the slices. Every slice ends where a page begins that must not be touched.
const driver = `package main

import (
	"bufio"
	"encoding/binary"
	"io"
	"os"
	"runtime"
	"syscall"
	"unsafe"
)

const room = 1 << 16

func guarded() []byte {
	mem, err := syscall.Mmap(-1, 0, 2*room, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err == nil {
		err = syscall.Mprotect(mem[room:], syscall.PROT_NONE)
	}
	if err != nil {
		panic(err)
	}
	return mem[:room+1]
}

func SetFPMode()
func Pause()

func main() {
	runtime.LockOSThread()
	SetFPMode()
	Pause()
	in, out := bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
	defer out.Flush()
	var memory [6][]byte
	for i := range memory {
		memory[i] = guarded()
	}
	for {
		var head [9]uint64
		if err := binary.Read(in, binary.LittleEndian, &head); err == io.EOF {
			return
		} else if err != nil {
			panic(err)
		}
		var p [6]unsafe.Pointer
		var data [6][]byte
		for i := range p {
			at := room - int(head[1+i])
			data[i], p[i] = memory[i][at:room], unsafe.Pointer(&memory[i][at])
			if _, err := io.ReadFull(in, data[i]); err != nil {
				panic(err)
			}
		}
		s32 := uint32(head[7])
		if head[0]&1 == 0 {
			functionsF32[head[0]/2]((*float32)(p[0]), (*float32)(p[1]), (*float32)(p[2]), (*float32)(p[3]), (*bool)(p[4]),
				(*float64)(p[5]), *(*float32)(unsafe.Pointer(&s32)), int(head[8]))
		} else {
			functionsF64[head[0]/2]((*float64)(p[0]), (*float64)(p[1]), (*float64)(p[2]), (*float64)(p[3]), (*bool)(p[4]),
				(*float64)(p[5]), *(*float64)(unsafe.Pointer(&head[7])), int(head[8]))
		}
		for _, d := range data {
			out.Write(d)
		}
	}
}
`

// call is one run of a program.
type call struct {
	p      program
	number uint64
	slices [6][]byte
	scalar uint64
	n      int64
}

func programs() map[ir.Elem][]program {
	out := map[ir.Elem][]program{}
	for _, e := range []ir.Elem{ir.F32, ir.F64} {
		out[e] = append(lanewisePrograms(e), otherPrograms(e)...)
	}
	return out
}

func symbol(f *ir.Func) string { return f.Name }

func funcs(all []program) []*ir.Func {
	var out []*ir.Func
	for _, p := range all {
		out = append(out, p.f)
	}
	return out
}

func TestEveryCodeIsRun(t *testing.T) {
	seen := map[ir.Code]bool{}
	for _, all := range programs() {
		for _, p := range all {
			for _, op := range p.f.Ops {
				seen[op.Code] = true
			}
		}
	}
	for c := ir.Comment; c <= ir.Ret; c++ {
		require.True(t, seen[c], "%v", c)
	}
}

func TestResultsAreTheMachines(t *testing.T) {
	run := []string{}
	if runtime.GOARCH != "arm64" {
		qemu, err := exec.LookPath("qemu-aarch64-static")
		if err != nil {
			t.Skip("needs qemu-aarch64-static")
		}
		run = append(run, qemu)
	}
	dir := t.TempDir()
	write := func(name, content string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	all := programs()
	write("go.mod", "module crosscheck\n\ngo 1.26\n")
	write("main.go", driver)
	mode, err := Mode()
	require.NoError(t, err)
	write("mode_arm64.s", string(mode))
	stubs := "package main\n\n"
	for e, list := range all {
		text, err := Print("test"+e.String(), funcs(list), symbol)
		require.NoError(t, err)
		write("functions"+e.String()+"_arm64.s", string(text))
		stubs += fmt.Sprintf("var functions%v = []func%s{\n", e, list[0].f.Signature())
		for _, p := range list {
			stubs += "\t" + p.f.Name + ",\n"
		}
		stubs += "}\n\n"
		for _, p := range list {
			stubs += fmt.Sprintf("func %s%s\n", p.f.Name, p.f.Signature())
		}
	}
	write("stubs.go", stubs)
	tool := func(args ...string) {
		cmd := exec.Command("go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOARCH=arm64", "GOOS=linux", "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "go %v\n%s", args, out)
	}
	tool("vet", ".")
	tool("build", "-o", "crosscheck", ".")

	calls := makeCalls(all)
	var in bytes.Buffer
	for _, c := range calls {
		head := []uint64{c.number}
		for _, s := range c.slices {
			head = append(head, uint64(len(s)))
		}
		require.NoError(t, binary.Write(&in, binary.LittleEndian, append(head, c.scalar, uint64(c.n))))
		for _, s := range c.slices {
			in.Write(s)
		}
	}
	run = append(run, filepath.Join(dir, "crosscheck"))
	cmd := exec.Command(run[0], run[1:]...)
	var stderr strings.Builder
	cmd.Stdin, cmd.Stderr = &in, &stderr
	got, err := cmd.Output()
	require.NoError(t, err, "%s", stderr.String())

	for _, c := range calls {
		c.interpret()
		for i, want := range c.slices {
			e := c.p.f.Elem
			if i == 5 {
				e = ir.F64
			}
			if at, ok := equal(want, got[:len(want)], e, c.p.exact); !ok {
				t.Fatalf("%s with n = %d: slice %d differs at byte %d:\nmachine %x\nNEON    %x",
					c.p.f.Name, c.n, i, at, want, got[:len(want)])
			}
			got = got[len(want):]
		}
	}
	require.Empty(t, got)
	t.Log(len(all[ir.F32])+len(all[ir.F64]), "functions,", len(calls), "calls")
}

// interpret runs the call on ir.Machine.
func (c *call) interpret() {
	var m ir.Machine
	args := map[string]uint64{"s": c.scalar, "n": uint64(c.n)}
	for i, s := range c.slices {
		args[params[i].Name] = m.Bytes(s)
	}
	m.Run(c.p.f, args)
}

// equal compares elements, and unless it is to be exact takes any NaN for any other.
func equal(want, got []byte, e ir.Elem, exact bool) (at int, ok bool) {
	size := int(e.Size())
	for i := 0; i+size <= len(want); i += size {
		a, b := want[i:i+size], got[i:i+size]
		if !bytes.Equal(a, b) && (exact || !isNaN(a) || !isNaN(b)) {
			return i, false
		}
	}
	return 0, true
}

func isNaN(b []byte) bool {
	if len(b) == 4 {
		x := math.Float32frombits(binary.LittleEndian.Uint32(b))
		return x != x
	}
	x := math.Float64frombits(binary.LittleEndian.Uint64(b))
	return x != x
}

func makeCalls(all map[ir.Elem][]program) []*call {
	rng := rand.New(rand.NewPCG(1, 2))
	var out []*call
	for _, e := range []ir.Elem{ir.F32, ir.F64} {
		for k, p := range all[e] {
			counts := p.counts
			for len(counts) < 6 {
				counts = append(counts, counts...)
				if counts == nil {
					counts = []int64{0}
				}
			}
			for _, n := range counts {
				c := &call{p: p, number: uint64(2*k) + uint64(e), n: n, scalar: element(rng, e)}
				if c.p.f.Name == "Bounds"+e.String() {
					c.scalar = element(rng, e) &^ (3 << (8*e.Size() - 3)) // below 2 in magnitude, hence no NaN
				}
				length := int64(2048)
				if strings.Contains(p.f.Name, "_") { // lanewise: short
					length = 128
				}
				c.slices = [6][]byte{slice(rng, e, length/e.Size()), slice(rng, e, length/e.Size()), slice(rng, e, 4),
					slice(rng, e, 4), make([]byte, 24), slice(rng, ir.F64, 24)}
				if strings.Contains(p.f.Name, "_") {
					c.slices[2], c.slices[3] = slice(rng, e, 32/e.Size()), slice(rng, e, 32/e.Size())
				}
				c.slices[2] = append(c.slices[2], slice(rng, e, 8)...)
				if p.short > 0 {
					c.slices[1] = slice(rng, e, n+p.short-1)
				}
				for i := range c.slices[4] {
					if p.small {
						c.slices[4][i] = byte(rng.IntN(6))
					} else if rng.IntN(2) == 0 {
						c.slices[4][i] = byte(rng.IntN(256))
					}
				}
				out = append(out, c)
			}
		}
	}
	return out
}

// slice is n elements, plain numbers or special values or a mixture.
func slice(rng *rand.Rand, e ir.Elem, n int64) []byte {
	var out []byte
	mode := rng.IntN(3)
	for range n {
		var x uint64
		if mode == 0 || mode == 1 && rng.IntN(4) > 0 {
			if v := rng.NormFloat64() * 4; e == ir.F32 {
				x = uint64(math.Float32bits(float32(v)))
			} else {
				x = math.Float64bits(v)
			}
		} else {
			x = element(rng, e)
		}
		out = binary.LittleEndian.AppendUint64(out, x)
		if e == ir.F32 {
			out = out[:len(out)-4]
		}
	}
	return out
}

// element is a special value or any bits.
func element(rng *rand.Rand, e ir.Elem) uint64 {
	special := []float64{0, math.Copysign(0, -1), 1, -1, math.Inf(1), math.Inf(-1), math.NaN(), 2, 0.5}
	i := rng.IntN(len(special) + 6)
	if e == ir.F32 {
		bits := []uint64{1, 1<<31 | 1, math.MaxUint32, 0x7f7fffff, 0x00800000}
		switch {
		case i < len(special):
			return uint64(math.Float32bits(float32(special[i])))
		case i-len(special) < len(bits):
			return bits[i-len(special)]
		}
		return uint64(rng.Uint32())
	}
	bits := []uint64{1, 1<<63 | 1, math.MaxUint64, 0x7fefffffffffffff, 0x0010000000000000}
	switch {
	case i < len(special):
		return math.Float64bits(special[i])
	case i-len(special) < len(bits):
		return bits[i-len(special)]
	}
	return rng.Uint64()
}
