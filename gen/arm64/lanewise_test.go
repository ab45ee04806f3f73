package arm64

import (
	"fmt"
	"strings"

	"github.com/hebbkern/hebbkern/gen/ir"
)

// The parameters of every test function: four slices, bytes, a float64 slice, a scalar and a count.
var params = []ir.FuncParam{
	{Name: "dst", Kind: ir.Slice}, {Name: "a", Kind: ir.Slice}, {Name: "b", Kind: ir.Slice}, {Name: "g", Kind: ir.Slice},
	{Name: "m", Kind: ir.Bools}, {Name: "w", Kind: ir.Wide}, {Name: "s", Kind: ir.Scalar}, {Name: "n", Kind: ir.Integer},
}

// program is a test function and how to run it.
type program struct {
	f      *ir.Func
	exact  bool    // results are compared bit for bit, NaN or not
	small  bool    // the bytes are below 6
	counts []int64 // values of n, tried in turn
	short  int64   // the slice a has that many elements more than n; 0: it is long
}

// lanewise is an operation on lanes.
type lanewise struct {
	name  string
	arity int
	exact bool
	apply func(b *ir.Builder, v []ir.Val) ir.Val
}

func one(name string, exact bool, f func(*ir.Builder, ir.Val) ir.Val) lanewise {
	return lanewise{name, 1, exact, func(b *ir.Builder, v []ir.Val) ir.Val { return f(b, v[0]) }}
}

func two(name string, exact bool, f func(*ir.Builder, ir.Val, ir.Val) ir.Val) lanewise {
	return lanewise{name, 2, exact, func(b *ir.Builder, v []ir.Val) ir.Val { return f(b, v[0], v[1]) }}
}

func three(name string, exact bool, f func(b *ir.Builder, x, y, z ir.Val) ir.Val) lanewise {
	return lanewise{name, 3, exact, func(b *ir.Builder, v []ir.Val) ir.Val { return f(b, v[0], v[1], v[2]) }}
}

// lanewiseOps lists all of them, and some with repeated arguments.
func lanewiseOps() []lanewise {
	ops := []lanewise{
		two("Add", false, (*ir.Builder).Add), two("Sub", false, (*ir.Builder).Sub), two("Mul", false, (*ir.Builder).Mul),
		two("Div", false, (*ir.Builder).Div), one("Sqrt", false, (*ir.Builder).Sqrt),
		three("FMA", false, (*ir.Builder).FMA), three("FNMA", false, (*ir.Builder).FNMA),
		two("Min", true, (*ir.Builder).Min), two("Max", true, (*ir.Builder).Max),
		two("Maximum", false, (*ir.Builder).Maximum),
		three("Clip", false, func(b *ir.Builder, x, y, z ir.Val) ir.Val {
			op := ir.Op{Code: ir.Clip, Args: []ir.Val{x, y, z, y}}
			v := b.FMA(x, y, z) // for a value of the right class
			last := &b.F.Ops[len(b.F.Ops)-1]
			op.Dst, op.Elem = last.Dst, last.Elem
			*last = op
			return v
		}),
		two("And", true, (*ir.Builder).And), two("AndNot", true, (*ir.Builder).AndNot),
		two("Or", true, (*ir.Builder).Or), two("Xor", true, (*ir.Builder).Xor),
		two("IAdd", true, (*ir.Builder).IAdd), two("ISub", true, (*ir.Builder).ISub),
		two("CmpLT", true, (*ir.Builder).CmpLT), two("CmpLE", true, (*ir.Builder).CmpLE),
		two("CmpEQ", true, (*ir.Builder).CmpEQ), two("CmpUN", true, (*ir.Builder).CmpUN),
		two("ICmpEQ", true, (*ir.Builder).ICmpEQ), two("ICmpGT", true, (*ir.Builder).ICmpGT),
		three("Select", true, (*ir.Builder).Select),
		one("Keep", true, (*ir.Builder).Keep), one("IFloat", true, (*ir.Builder).IFloat),
		one("CmpUNSelf", true, func(b *ir.Builder, x ir.Val) ir.Val { return b.CmpUN(x, x) }),
		one("FMASelf", false, func(b *ir.Builder, x ir.Val) ir.Val { return b.FMA(x, x, x) }),
		two("FMATwice", false, func(b *ir.Builder, x, y ir.Val) ir.Val { return b.FMA(y, x, y) }),
		one("MinSelf", true, func(b *ir.Builder, x ir.Val) ir.Val { return b.Min(x, x) }),
		two("SelectMask", true, func(b *ir.Builder, x, y ir.Val) ir.Val { return b.Select(x, x, y) }),
	}
	for _, n := range []int64{0, 1, 23, 31} {
		ops = append(ops, one(fmt.Sprint("IShl", n), true, func(b *ir.Builder, x ir.Val) ir.Val { return b.IShl(x, n) }),
			one(fmt.Sprint("IShr", n), true, func(b *ir.Builder, x ir.Val) ir.Val { return b.IShr(x, n) }))
	}
	return ops
}

// lanewisePrograms has every operation with every kind of argument (vector, uniform, constant), with the result in a
// register of its own or in an argument's, and with the arguments needed afterwards or not.
func lanewisePrograms(e ir.Elem) []program {
	var out []program
	for _, op := range lanewiseOps() {
		if op.name == "IFloat" && e == ir.F64 {
			continue
		}
		kinds := 1
		for range op.arity {
			kinds *= 3
		}
		for kind := range kinds {
			for alias := -1; alias < op.arity; alias++ {
				for _, live := range []bool{false, true} {
					name := op.name + "_"
					k := kind
					for range op.arity {
						name += string("VUC"[k%3])
						k /= 3
					}
					if alias >= 0 && name[len(op.name)+1+alias] != 'V' {
						// Only a whole vector takes a vector; a uniform one takes a uniform one.
						if name[len(op.name)+1+alias] == 'C' || strings.Contains(name[len(op.name):], "V") {
							continue
						}
					}
					if alias >= 0 {
						name += fmt.Sprint("_in", alias)
					}
					if live {
						name += "_live"
					}
					kinds := name[len(op.name)+1:]
					f := ir.Build(name+e.String(), e, 32, params, func(b *ir.Builder) {
						dst := b.Param("dst")
						var v []ir.Val
						for i := range op.arity {
							p := func() ir.Val { return b.Param(string("abg"[i])) }
							switch kinds[i] {
							case 'V':
								v = append(v, b.Load(p(), 0))
							case 'U':
								v = append(v, b.LoadU(p(), 0))
							case 'C':
								v = append(v, b.Const([]float64{1.5, -0.25, 0}[i]))
							}
						}
						r := op.apply(b, v)
						if alias >= 0 {
							b.Set(v[alias], r)
							r = v[alias]
						}
						b.Store(dst, 0, r)
						if live {
							for i := range v {
								b.Store(dst, 32*int64(i+1), v[i])
							}
						}
					})
					out = append(out, program{f: f, exact: op.exact})
				}
			}
		}
	}
	return out
}
