package portable

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/hebbkern/hebbkern/gen/ir"
	"github.com/hebbkern/hebbkern/gen/texts"
)

// elementaryText is a text of gen/texts beside its definition.
type elementaryText[T Float] struct {
	name string
	text texts.Function
	want func(T) T
}

// by1 makes a function of one element from a kernel over slices.
func by1[T Float](f func(y, x []T, n int)) func(T) T {
	return func(x T) T {
		y := []T{x}
		f(y, y, 1)
		return y[0]
	}
}

func elementaryTexts[T Float](slope T) []elementaryText[T] {
	bilu := func(f func(y, x []T, lower, upper T, n int)) func(T) T {
		return by1(func(y, x []T, n int) { f(y, x, slope, 1.5, n) })
	}
	ofSlope := func(f func(lower, upper ir.Val) texts.Function) texts.Function {
		return func(b *ir.Builder, x ir.Val) ir.Val { return f(b.ParamUni("slope"), b.Const(1.5))(b, x) }
	}
	return []elementaryText[T]{
		{"Exp", texts.Exp, Exp[T]},
		{"Exp2", texts.Exp2, Exp2[T]},
		{"Log", texts.Log, Log[T]},
		{"Log2", texts.Log2, Log2[T]},
		{"Expm1", texts.Expm1, Expm1[T]},
		{"Erf", texts.Erf, Erf[T]},
		{"Tanh", texts.Tanh, Tanh[T]},
		{"Sigmoid", texts.Sigmoid, Sigmoid[T]},
		{"Softplus", texts.Softplus, Softplus[T]},
		{"ELU", texts.ELU, by1(ActELU[T])},
		{"GELU", texts.GELU, GELU[T]},
		{"ReLU", texts.ReLU, by1(ActReLU[T])},
		{"BiLU", ofSlope(texts.BiLU), bilu(ActBiLU[T])},
		{"DerSigmoid", texts.DerSigmoid, SigmoidDerivative[T]},
		{"DerTanh", texts.DerTanh, TanhDerivative[T]},
		{"DerSoftplus", texts.DerSoftplus, by1(DerSoftplus[T])},
		{"DerELU", texts.DerELU, ELUDerivative[T]},
		{"DerGELU", texts.DerGELU, GELUDerivative[T]},
		{"DerReLU", texts.DerReLU, by1(DerReLU[T])},
		{"DerBiLU", ofSlope(texts.DerBiLU), bilu(DerBiLU[T])},
		{"PowHalf", texts.PowHalf, PowHalf[T]},
		{"Pow1", texts.Pow1, Pow1[T]},
		{"PowThreeHalves", texts.PowThreeHalves, PowThreeHalves[T]},
		{"Pow2", texts.Pow2, Pow2[T]},
		{"Pow3", texts.Pow3, Pow3[T]},
		{"Pow4", texts.Pow4, Pow4[T]},
	}
}

var textSizes = []int64{16, 32, 64} // bytes of a vector

func elemOf[T Float]() ir.Elem {
	if is32[T]() {
		return ir.F32
	}
	return ir.F64
}

var textParams = []ir.FuncParam{{Name: "y"}, {Name: "x"}, {Name: "e"}, {Name: "slope", Kind: ir.Scalar}, {Name: "n", Kind: ir.Integer}}

// applyLoop is the kernel y = f(x) of n elements, without the declarations that may stand before the loop.
func applyLoop(b *ir.Builder, f texts.Function) {
	y, x, n := b.Param("y"), b.Param("x"), b.ICopy(b.Param("n"))
	b.While(n, b.Lanes(), func() {
		b.Store(y, 0, f(b, b.Load(x, 0)))
		b.AddTo(x, b.VecSize())
		b.AddTo(y, b.VecSize())
	})
	b.If(n, 1, func() {
		t := b.Tail(n)
		b.StoreM(y, 0, f(b, b.LoadM(x, 0, t)), t)
	})
}

// applyUniform is y = f(x) of one element in the class Uniform.
func applyUniform(b *ir.Builder, f texts.Function) {
	b.StoreU(b.Param("y"), 0, f(b, b.LoadU(b.Param("x"), 0)))
}

func bytesOf[T Float](v []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(&v[0])), len(v)*int(unsafe.Sizeof(v[0])))
}

// runText runs a text of textParams in the interpreter.
func runText[T Float](f *ir.Func, x, e []T, slope T) []T {
	var m ir.Machine
	y := make([]T, len(x))
	args := map[string]uint64{"y": m.Bytes(bytesOf(y)), "x": m.Bytes(bytesOf(x)), "n": uint64(len(x))}
	args["slope"] = math.Float64bits(float64(slope))
	if is32[T]() {
		args["slope"] = uint64(math.Float32bits(float32(slope)))
	}
	if e != nil {
		args["e"] = m.Bytes(bytesOf(e))
	}
	ir.Analyse(f) // panics when a value may be read before it is written
	m.Run(f, args)
	return y
}

// textInputs are special values, the neighbourhood of every threshold, all exponents with both signs, subnormals, and
// ranges in which the functions bend.
func textInputs[T Float]() []T {
	r := rand.New(rand.NewPCG(11, 12))
	mant, exps := 52, uint64(2048)
	bits := func(b uint64) T { return T(math.Float64frombits(b)) }
	if is32[T]() {
		mant, exps = 23, 256
		bits = func(b uint64) T { return T(math.Float32frombits(uint32(b))) }
	}
	sign := exps << mant
	v := []T{T(math.NaN()), bits(0), bits(sign)}
	for _, at := range []float64{
		0x1p-60, 0x1p-24, 0x1p-53, 0.5, math.Sqrt2 / 2, 0.75, 1, math.Sqrt2, 2, 0.75 * math.Sqrt2, 3, 4, 6, 10, 14.5, 20, 39, 40,
		50, 87.5, 88.8, 89.5, 100, 104, 105, 127.5, 128, 129, 149.5, 150, 152, 709.8, 710, 745.2, 746, 1024, 1025, 1074.5, 1077,
		0.5 * math.Ln2, 0.7517915246935645,
	} {
		for _, x := range []T{T(at), -T(at)} {
			for range 4 {
				v = append(v, x, T(float64(x)*(1+r.NormFloat64()*1e-6)))
				if is32[T]() {
					x = T(math.Nextafter32(float32(x), 0))
				} else {
					x = T(math.Nextafter(float64(x), 0))
				}
			}
		}
	}
	per := int(8192 / exps)
	for e := range exps {
		for range per {
			f := e<<mant | r.Uint64()&(1<<mant-1)
			v = append(v, bits(f), bits(f|sign))
		}
		for _, f := range []uint64{e << mant, e<<mant | 1, e<<mant | (1<<mant - 1)} {
			v = append(v, bits(f), bits(f|sign))
		}
	}
	for i := range 1000 { // subnormals of every size
		f := r.Uint64() & (1<<mant - 1) >> (i % mant)
		v = append(v, bits(f), bits(f|sign))
	}
	for _, half := range []float64{1, 10, 40, 160, 800, 1100} {
		for range 1500 {
			v = append(v, T((2*r.Float64()-1)*half))
		}
	}
	for range 1500 {
		v = append(v, T(math.Exp(r.NormFloat64())), T(1+r.NormFloat64()*1e-4))
	}
	r.Shuffle(len(v), func(i, k int) { v[i], v[k] = v[k], v[i] })
	if len(v)%2 == 0 { // so that every size leaves a tail
		v = append(v, 1)
	}
	return v
}

func requireText[T Float](t *testing.T, x, want, got []T) {
	t.Helper()
	for k := range x {
		if bits(want[k]) != bits(got[k]) {
			t.Fatalf("at %v (%x): %v (%x), want %v (%x)", x[k], float64(x[k]), got[k], float64(got[k]), want[k], float64(want[k]))
		}
	}
}

func notThinned(t *testing.T) {
	t.Helper()
	if os.Getenv("HEBBKERN_TEST_THIN") != "" {
		t.Skip("the interpreter is the same on every processor, and slow: its tests are in the runs that are not thinned")
	}
}

// TestTexts runs the text of every elementary function in the interpreter: the same bits as the definition, whatever
// the vector size.
func TestTexts(t *testing.T) {
	notThinned(t)
	t.Run("float32", testTexts[float32])
	t.Run("float64", testTexts[float64])
}

func testTexts[T Float](t *testing.T) {
	const slope = 0.01
	x := textInputs[T]()
	require.GreaterOrEqual(t, len(x), 20000)
	for _, f := range elementaryTexts[T](slope) {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			want := make([]T, len(x))
			for k, v := range x {
				want[k] = f.want(v)
			}
			for _, size := range textSizes {
				k := ir.Build(f.name, elemOf[T](), size, textParams, func(b *ir.Builder) { applyLoop(b, f.text) })
				requireText(t, x, want, runText(k, x, nil, slope))
			}
			one := ir.Build(f.name, elemOf[T](), 32, textParams, func(b *ir.Builder) { applyUniform(b, f.text) })
			for k := range 200 {
				requireText(t, x[k:k+1], want[k:k+1], runText(one, x[k:k+1], nil, slope))
			}
		})
	}
}

// TestPowTexts does the same for |x|^p with exponents of every route.
func TestPowTexts(t *testing.T) {
	notThinned(t)
	t.Run("float32", testPowTexts[float32])
	t.Run("float64", testPowTexts[float64])
}

func testPowTexts[T Float](t *testing.T) {
	x := textInputs[T]()
	kernels := map[int64]*ir.Func{}
	for _, size := range textSizes {
		kernels[size] = ir.Build("pow", elemOf[T](), size, textParams, func(b *ir.Builder) {
			texts.PowRoutes(b, b.Param("e"), func(p *texts.Pow) { applyLoop(b, p.Value) })
		})
	}
	one := ir.Build("pow", elemOf[T](), 32, textParams, func(b *ir.Builder) {
		texts.PowRoutes(b, b.Param("e"), func(p *texts.Pow) { applyUniform(b, p.Value) })
	})
	for _, p := range []float64{1e-300, 1e-9, 0.1, 0.3, 0.7, 0.84, 0.85, 1, 1.19, 1.2, 1.5, 2, 2.7, 4, 5.5, 5.6, 7.3, 16, 1000, 1e9} {
		t.Run(fmt.Sprint(p), func(t *testing.T) {
			t.Parallel()
			e := make([]T, PowLen)
			PowPrepare(p, e)
			want := make([]T, len(x))
			for k, v := range x {
				want[k] = PowAbs(v, e)
			}
			for _, size := range textSizes {
				requireText(t, x, want, runText(kernels[size], x, e, 0))
			}
			for k := range 100 {
				requireText(t, x[k:k+1], want[k:k+1], runText(one, x[k:k+1], e, 0))
			}
		})
	}
}

// TestPowRoute pins what texts.PowRoutes reads: the highest byte of the route.
func TestPowRoute(t *testing.T) {
	for p, want := range map[float64]uint32{0.5: 0, 1.1: 0, 1.2: 0x3f, 3: 0x3f, 3.1: 0x40, 7: 0x40} {
		e := make([]float32, PowLen)
		PowPrepare(p, e)
		require.Equal(t, want, math.Float32bits(e[powRoute])>>24, "p = %v", p)
	}
}

// coefficientsOf reads a Go file of constants and arrays: the literals of each name.
func coefficientsOf(t *testing.T, file string) map[string]string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	require.NoError(t, err)
	require.True(t, ast.IsGenerated(parsed), "%s: no header of a generated file", file)
	found := map[string]string{}
	for _, decl := range parsed.Decls {
		for _, spec := range decl.(*ast.GenDecl).Specs {
			value := spec.(*ast.ValueSpec)
			require.Len(t, value.Values, len(value.Names), "%s: %v", file, value.Names)
			for i, name := range value.Names {
				var literals []string
				ast.Inspect(value.Values[i], func(n ast.Node) bool {
					switch n := n.(type) {
					case *ast.BasicLit:
						literals = append(literals, n.Value)
					case *ast.UnaryExpr:
						literals = append(literals, n.Op.String())
					}
					return true
				})
				found[name.Name] = strings.Join(literals, " ")
			}
		}
	}
	return found
}

// TestCoefficientsAreOne: gen cannot import this package, so fit.py writes the coefficients twice.
func TestCoefficientsAreOne(t *testing.T) {
	want := coefficientsOf(t, "coefficients.go")
	require.Contains(t, want, "tailQF64")
	require.Contains(t, want["tailQF64"], "- 0x1.373e3a893c28ap-1 ")
	require.Equal(t, want, coefficientsOf(t, "../../../gen/texts/coefficients.go"))
}
