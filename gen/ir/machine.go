package ir

import (
	"fmt"
	"math"
)

// Machine runs a kernel's text on Go slices: the third lowering, with which a text is tested against the portable
// definition before an assembler is involved. Memory is a set of buffers; every access outside one is an error.
type Machine struct {
	buffers [][]byte
	steps   int
}

const bufferShift = 40 // an address is (buffer+1)<<bufferShift + offset

// Bytes makes the memory of data addressable and returns its address; 0 for nil, as in Go.
func (m *Machine) Bytes(data []byte) uint64 {
	if data == nil {
		return 0
	}
	m.buffers = append(m.buffers, data)
	return uint64(len(m.buffers)) << bufferShift
}

func (m *Machine) mem(f *Func, addr uint64, n int64) []byte {
	buffer, at := int(addr>>bufferShift)-1, int64(addr&(1<<bufferShift-1))
	if buffer < 0 || buffer >= len(m.buffers) || at+n > int64(len(m.buffers[buffer])) {
		panic(fmt.Sprintf("%s: access to %d bytes at offset %d of buffer %d", f.Name, n, at, buffer))
	}
	return m.buffers[buffer][at : at+n]
}

func get(b []byte) (x uint64) {
	for i := len(b) - 1; i >= 0; i-- {
		x = x<<8 | uint64(b[i])
	}
	return x
}

func put(b []byte, x uint64) {
	for i := range b {
		b[i] = byte(x)
		x >>= 8
	}
}

// Run executes f. args holds each parameter's bits: an address from Bytes, an integer, or a scalar's bits.
func (m *Machine) Run(f *Func, args map[string]uint64) {
	labels := map[int64]int{}
	for i, op := range f.Ops {
		if op.Code == Label {
			labels[op.Imm] = i
		}
	}
	vec := make([][]uint64, len(f.Vals))
	num := make([]int64, len(f.Vals))
	for pc := 0; ; pc++ {
		if m.steps++; m.steps > 1<<28 {
			panic(f.Name + ": does not end")
		}
		op := &f.Ops[pc]
		size := op.Elem.Size()
		lanes := int(f.VecSize / size)
		arg := func(i int) []uint64 { return vec[op.Args[i].ID] }
		integer := func(i int) int64 { return num[op.Args[i].ID] }
		addr := func() uint64 { return uint64(integer(0) + op.Imm) }
		all := func(x uint64) []uint64 {
			v := make([]uint64, lanes)
			for l := range v {
				v[l] = x
			}
			return v
		}
		jump := func(cond bool) {
			if cond {
				pc = labels[op.Imm]
			}
		}
		switch op.Code {
		case Nop, Comment, Label, Prefetch:
		case Param:
			num[op.Dst.ID] = int64(args[op.Text])
		case ParamUni:
			vec[op.Dst.ID] = all(args[op.Text])
		case Const:
			vec[op.Dst.ID] = all(op.Bits)
		case Load, LoadM:
			n := lanes
			if op.Code == LoadM {
				n = m.tail(f, arg(1), integer(2))
			}
			v := make([]uint64, lanes)
			for l := 0; l < n; l++ {
				v[l] = get(m.mem(f, addr()+uint64(int64(l)*size), size))
			}
			vec[op.Dst.ID] = v
		case Store, StoreM:
			n := lanes
			if op.Code == StoreM {
				n = m.tail(f, arg(2), integer(3))
			}
			for l := 0; l < n; l++ {
				put(m.mem(f, addr()+uint64(int64(l)*size), size), arg(1)[l])
			}
		case LoadS:
			v := make([]uint64, lanes)
			for l := range v {
				v[l] = get(m.mem(f, uint64(integer(0))+grouped(int64(l), op.Imm, integer(1), size), size))
			}
			vec[op.Dst.ID] = v
		case StoreS:
			for l := range lanes {
				put(m.mem(f, uint64(integer(0))+grouped(int64(l), op.Imm, integer(2), size), size), arg(1)[l])
			}
		case LoadU:
			vec[op.Dst.ID] = all(get(m.mem(f, addr(), size)))
		case LoadE:
			m.mem(f, addr(), size*int64(op.Bits)) // all of them must be there
			vec[op.Dst.ID] = all(get(m.mem(f, addr()+uint64(op.Cmp*size), size)))
		case LoadSame:
			vec[op.Dst.ID] = all(get(m.mem(f, addr(), size)))
			for l := range lanes {
				if get(m.mem(f, addr()+uint64(int64(l)*size), size)) != vec[op.Dst.ID][0] {
					panic(fmt.Sprintf("%s: LoadSame of elements that differ", f.Name))
				}
			}
		case StoreU:
			put(m.mem(f, addr(), size), arg(1)[0])
		case StoreSum:
			for i := range op.Args[1:] {
				put(m.mem(f, addr()+uint64(int64(i)*size), size), halve(op.Elem, Add, arg(1+i))[0])
			}
		case PrefetchNear:
		case LoadI64, LoadI32, LoadByte:
			n := map[Code]int64{LoadI64: 8, LoadI32: 4, LoadByte: 1}[op.Code]
			num[op.Dst.ID] = int64(get(m.mem(f, addr(), n)))
		case TailMask:
			v := all(0)
			for l := range v {
				if int64(l) < integer(0) {
					v[l] = ones(op.Elem)
				}
			}
			vec[op.Dst.ID] = v
		case Bytes:
			v := all(0)
			for l := range v {
				if uint64(integer(0))>>(8*l)&0xff != 0 {
					v[l] = ones(op.Elem)
				}
			}
			vec[op.Dst.ID] = v
		case Sum, MaxLanes:
			pair := Add
			if op.Code == MaxLanes {
				pair = Maximum
			}
			v := halve(op.Elem, pair, arg(0))
			for l := 1; l < lanes; l++ {
				v[l] = 0xdead // only lane 0 may be used
			}
			vec[op.Dst.ID] = v
		case ZipLo, ZipHi, Even, Odd:
			all, v := append(append([]uint64(nil), arg(0)...), arg(1)...), make([]uint64, lanes)
			for l := range v {
				v[l] = all[map[Code]int{ZipLo: l/2 + l%2*lanes, ZipHi: lanes/2 + l/2 + l%2*lanes, Even: 2 * l, Odd: 2*l + 1}[op.Code]]
			}
			vec[op.Dst.ID] = v
		case WidenLo, WidenHi:
			half, v := lanes/2, make([]uint64, lanes/2)
			for l := range v {
				x := arg(0)[l]
				if op.Code == WidenHi {
					x = arg(0)[l+half]
				}
				v[l] = math.Float64bits(float64(math.Float32frombits(uint32(x))))
			}
			vec[op.Dst.ID] = v
		case Narrow:
			v := make([]uint64, 0, lanes)
			for _, half := range op.Args {
				for _, x := range vec[half.ID] {
					v = append(v, uint64(math.Float32bits(float32(math.Float64frombits(x)))))
				}
			}
			vec[op.Dst.ID] = v
		case Lookup:
			v := make([]uint64, lanes)
			for l := range v {
				v[l] = get(m.mem(f, addr()+arg(1)[l]%8*uint64(size), size))
			}
			vec[op.Dst.ID] = v
		case Any:
			num[op.Dst.ID] = 0
			for _, x := range arg(0) {
				num[op.Dst.ID] |= int64(x)
			}
		case IConst:
			num[op.Dst.ID] = op.Imm
		case ICopy:
			num[op.Dst.ID] = integer(0)
		case IAddI:
			num[op.Dst.ID] = integer(0) + op.Imm
		case IAddR:
			num[op.Dst.ID] = integer(0) + integer(1)
		case ISubR:
			num[op.Dst.ID] = integer(0) - integer(1)
		case IMulR:
			num[op.Dst.ID] = integer(0) * integer(1)
		case IShlR:
			num[op.Dst.ID] = integer(0) << op.Imm
		case IShrR:
			num[op.Dst.ID] = integer(0) >> op.Imm
		case IOrR:
			num[op.Dst.ID] = integer(0) | integer(1)
		case Jump:
			jump(true)
		case JumpLT:
			jump(integer(0) < op.Cmp)
		case JumpGE:
			jump(integer(0) >= op.Cmp)
		case JumpLR:
			jump(integer(0) < integer(1))
		case JumpGR:
			jump(integer(0) >= integer(1))
		case JumpZ:
			jump(integer(0)&op.Cmp == 0)
		case Ret:
			return
		default:
			v := make([]uint64, lanes)
			var x [5]uint64
			for l := range v {
				for i := range op.Args {
					x[i] = arg(i)[l]
				}
				v[l] = lane(op.Elem, op.Code, op.Imm, x[0], x[1], x[2], x[3])
			}
			vec[op.Dst.ID] = v
		}
	}
}

// grouped is the offset of lane l where groups of lanes lie stride bytes apart.
func grouped(l, group, stride, size int64) uint64 { return uint64(l/group*stride + l%group*size) }

// halve folds the upper half of a copy of the lanes onto the lower until one is left.
func halve(e Elem, pair Code, lanes []uint64) []uint64 {
	v := append([]uint64(nil), lanes...)
	for n := len(v) / 2; n > 0; n /= 2 {
		for l := 0; l < n; l++ {
			v[l] = lane(e, pair, 0, v[l], v[l+n], 0, 0)
		}
	}
	return v
}

// tail checks that a tail's mask and count agree.
func (m *Machine) tail(f *Func, mask []uint64, n int64) int {
	for l, x := range mask {
		if (x != 0) != (int64(l) < n) {
			panic(fmt.Sprintf("%s: the mask of a tail is not its count %d", f.Name, n))
		}
	}
	return int(n)
}

func ones(e Elem) uint64 {
	if e == F32 {
		return math.MaxUint32
	}
	return math.MaxUint64
}

// lane computes one lane of an operation on bit patterns.
func lane(e Elem, code Code, imm int64, a, b, c, d uint64) uint64 {
	truth := func(t bool) uint64 {
		if t {
			return ones(e)
		}
		return 0
	}
	signed := func(x uint64) int64 {
		if e == F32 {
			return int64(int32(x))
		}
		return int64(x)
	}
	switch code {
	case Copy:
		return a
	case And:
		return a & b
	case AndNot:
		return ^a & b & ones(e)
	case Or:
		return a | b
	case Xor:
		return a ^ b
	case IAdd:
		return (a + b) & ones(e)
	case ISub:
		return (a - b) & ones(e)
	case IShl:
		return a << imm & ones(e)
	case IShr:
		return a >> imm
	case IFloat:
		return uint64(math.Float32bits(float32(int32(a))))
	case ICmpEQ:
		return truth(a == b)
	case ICmpGT:
		return truth(signed(a) > signed(b))
	case Select:
		return a&b | ^a&c&ones(e)
	}
	if e == F32 {
		x, y, z := math.Float32frombits(uint32(a)), math.Float32frombits(uint32(b)), math.Float32frombits(uint32(c))
		if t, ok := compare(code, float64(x), float64(y)); ok {
			return truth(t)
		}
		return uint64(math.Float32bits(arith(code, x, y, z, fma32, func(v float32) float32 {
			return float32(math.Sqrt(float64(v))) // exact: float64 has more than twice the digits
		})))
	}
	x, y, z := math.Float64frombits(a), math.Float64frombits(b), math.Float64frombits(c)
	if t, ok := compare(code, x, y); ok {
		return truth(t)
	}
	return math.Float64bits(arith(code, x, y, z, math.FMA, math.Sqrt))
}

func compare(code Code, x, y float64) (result, isComparison bool) {
	switch code {
	case CmpLT:
		return x < y, true
	case CmpLE:
		return x <= y, true
	case CmpEQ:
		return x == y, true
	case CmpUN:
		return x != x || y != y, true
	}
	return false, false
}

func arith[T float32 | float64](code Code, x, y, z T, fma func(a, b, c T) T, sqrt func(T) T) T {
	switch code {
	case Add:
		return x + y
	case Sub:
		return x - y
	case Mul:
		return x * y
	case Div:
		return x / y
	case Sqrt:
		return sqrt(x)
	case FMA:
		return fma(x, y, z)
	case FNMA:
		return fma(-x, y, z)
	case Min:
		if x < y {
			return x
		}
		return y
	case Max:
		if x > y {
			return x
		}
		return y
	case Maximum:
		return max(x, y)
	case Clip:
		return min(max(x, y), z)
	}
	panic(fmt.Sprintf("no lane-wise meaning: %v", code))
}

// fma32 rounds once: the product is exact in float64, the sum is rounded to odd there and then to float32.
func fma32(a, b, c float32) float32 {
	p, z := float64(a)*float64(b), float64(c)
	s := p + z
	back := s - p
	if err := (p - (s - back)) + (z - back); err != 0 && !math.IsNaN(err) && !math.IsInf(s, 0) {
		if bits := math.Float64bits(s); bits&1 == 0 {
			if (err > 0) == (s > 0) {
				bits++
			} else {
				bits--
			}
			s = math.Float64frombits(bits)
		}
	}
	return float32(s)
}
