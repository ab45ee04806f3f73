package engine

import (
	"math"

	"github.com/hebbkern/hebbkern/kernels"
)

// blockRows is the number of rows of |W|^p worked on at a time when it is not kept. It is the block of the
// numeric contract for sums down a column, so the bits do not depend on whether |W|^p is kept.
const blockRows = 256

// costs are the cost in and cost out of the hidden units of a network as functions of log-scales ℓ, without
// touching the weights (mathematics page, section 4):
//
//	A_i = Λ_i^p Σ_j |w_ij|^p Λ_j^−p (+ Λ_i^p |b_i|^p)      B_i = Λ_i^−p Σ_k |w_ki|^p Λ_k^p      Λ = 2^ℓ
//
// |W|^p is formed once, in float64, for each projection relative to a power of two 2^e near its largest weight,
// and 2^{pe} is carried as a logarithm; the weights Λ^p of the sums likewise relative to their largest. So
// neither large weights nor a large p overflow, and layers of very different scale meet no underflow. Within one
// projection a term below 2^−1074 of the largest |w|^p counts as zero.
type costs[T kernels.Float] struct {
	n      *Network[T]
	p      float64
	bias   bool
	offset []int     // by population: index of its first unit in ell, or -1 if not hidden
	ell    []float64 // log2 Λ of the hidden units

	exp      []float64                 // by projection: e
	biasExp  []float64                 // by population: e of the biases
	biasPow  [][]float64               // by population: |b·2^−e|^p, nil without a counted bias
	kept     []kernels.Matrix[float64] // by projection: |W·2^−e|^p, or no data if not kept
	block    []float64                 // scratch for blockRows rows
	acc, tmp []float64                 // scratch, a unit each
	v        []float64
	one      [1]float64
}

// newCosts checks that weights and counted biases are finite and forms |W|^p, kept as long as it fits into
// limit bytes. It writes nothing of the network.
func newCosts[T kernels.Float](fn string, n *Network[T], p float64, bias bool, limit int64) (*costs[T], error) {
	m := n.maxUnits()
	rowMax := make([]T, m)
	if err := n.checkFinite(fn, rowMax); err != nil {
		return nil, err
	}
	c := &costs[T]{n: n, p: p, bias: bias, offset: make([]int, len(n.Populations)), exp: make([]float64, len(n.Projections)),
		biasExp: make([]float64, len(n.Populations)), biasPow: make([][]float64, len(n.Populations)),
		kept: make([]kernels.Matrix[float64], len(n.Projections)),
		acc:  make([]float64, m), tmp: make([]float64, m), v: make([]float64, m)}
	hidden := 0
	for k := range n.Populations {
		pop := &n.Populations[k]
		c.offset[k] = -1
		if pop.hidden() {
			c.offset[k] = hidden
			hidden += pop.Units
		}
		if bias && pop.Bias != nil {
			c.biasPow[k] = make([]float64, pop.Units)
			c.biasExp[k] = exponent(pop.Bias)
			c.power(c.biasPow[k], pop.Bias, c.biasExp[k])
		}
	}
	c.ell = make([]float64, hidden)
	widest := 0
	for q := range n.Projections {
		w := n.Projections[q].W
		kernels.PowerSums(w, math.Inf(1), rowMax[:w.Rows], nil)
		c.exp[q] = exponent(rowMax[:w.Rows])
		if size := int64(w.Rows) * int64(w.Cols) * 8; size <= limit {
			limit -= size
			s := kernels.NewMatrix[float64](w.Rows, w.Cols)
			for i := range w.Rows {
				c.power(s.Row(i), w.Row(i), c.exp[q])
			}
			c.kept[q] = s
			continue
		}
		widest = max(widest, min(w.Rows, blockRows)*w.Cols)
	}
	c.block = make([]float64, widest)
	return c, nil
}

// exponent is the e for which the largest |v| is in [2^(e−1), 2^e), 0 if all are zero.
func exponent[T kernels.Float](v []T) float64 {
	m := 0.0
	for _, x := range v {
		m = max(m, math.Abs(float64(x)))
	}
	_, e := math.Frexp(m)
	return float64(e)
}

// power writes |w·2^−e|^p. The scaling is exact but for terms far below 2^−1000 of the largest.
func (c *costs[T]) power(dst []float64, w []T, e float64) {
	// In two factors, since 2^−e itself may leave the range.
	h := int(e) / 2
	f, g := math.Ldexp(1, -h), math.Ldexp(1, h-int(e))
	for j, x := range w {
		dst[j] = float64(float64(float64(x)*f) * g)
	}
	kernels.PowAbs(dst, dst, c.p)
}

// weighted sums |W|^p of projection q: axis 1, out [rows], weights [cols] or nil; axis 0 the other way.
func (c *costs[T]) weighted(q int, weights, out []float64, axis int) {
	w := c.n.Projections[q].W
	if s := c.kept[q]; s.Data != nil {
		sums(s, weights, out, axis)
		return
	}
	var part []float64
	if axis == 0 {
		part = make([]float64, w.Cols)
		clear(out)
	}
	for from := 0; from < w.Rows; from += blockRows {
		rows := min(blockRows, w.Rows-from)
		s := kernels.MatrixOf(c.block[:rows*w.Cols], rows, w.Cols)
		for i := range rows {
			c.power(s.Row(i), w.Row(from+i), c.exp[q])
		}
		if axis == 1 {
			sums(s, weights, out[from:from+rows], 1)
			continue
		}
		var u []float64
		if weights != nil {
			u = weights[from : from+rows]
		}
		sums(s, u, part, 0)
		for j, v := range part {
			out[j] += v
		}
	}
}

func sums(s kernels.Matrix[float64], weights, out []float64, axis int) {
	switch {
	case weights != nil:
		kernels.PowerSumsWeighted(s, 1, weights, out, axis)
	case axis == 1:
		kernels.PowerSums(s, 1, out, nil)
	default:
		kernels.PowerSums(s, 1, nil, out)
	}
}

// scales returns Λ_k^(sign·p) of the units of a population relative to the largest, and log2 of the largest;
// nil and 0 for a population that is not scaled.
func (c *costs[T]) scales(k int, sign float64) ([]float64, float64) {
	if c.offset[k] < 0 {
		return nil, 0
	}
	v := c.v[:c.n.Populations[k].Units]
	top := math.Inf(-1)
	for i, l := range c.ell[c.offset[k]:][:len(v)] {
		v[i] = float64(sign * float64(c.p*l))
		top = max(top, v[i])
	}
	for i := range v {
		v[i] -= top
	}
	kernels.Exp2(v, v)
	return v, top
}

// costIn writes log2 of A_i/Λ_i^p, -Inf where A_i = 0, and costOut log2 of B_i/Λ_i^−p.
func (c *costs[T]) costIn(k int, out []float64) {
	e, some := 0.0, false
	for q := range c.n.Projections {
		if pr := &c.n.Projections[q]; pr.To == k {
			v, top := c.scales(pr.From, -1)
			c.weighted(q, v, c.tmp[:len(out)], 1)
			e, some = c.merge(len(out), e, some, float64(c.p*c.exp[q])+top), true
		}
	}
	if b := c.biasPow[k]; b != nil {
		copy(c.tmp, b)
		e, some = c.merge(len(out), e, some, float64(c.p*c.biasExp[k])), true
	}
	c.log(out, e, some)
}

func (c *costs[T]) costOut(k int, out []float64) {
	e, some := 0.0, false
	for q := range c.n.Projections {
		if pr := &c.n.Projections[q]; pr.From == k {
			v, top := c.scales(pr.To, 1)
			c.weighted(q, v, c.tmp[:len(out)], 0)
			e, some = c.merge(len(out), e, some, float64(c.p*c.exp[q])+top), true
		}
	}
	c.log(out, e, some)
}

// merge adds tmp·2^et to acc·2^e and returns the new e, the larger of the two.
func (c *costs[T]) merge(n int, e float64, some bool, et float64) float64 {
	if !some {
		copy(c.acc[:n], c.tmp)
		return et
	}
	c.one[0] = -math.Abs(e - et)
	kernels.Exp2(c.one[:], c.one[:])
	a, t := 1.0, c.one[0]
	if et > e {
		a, t = t, a
	}
	for i := range n {
		c.acc[i] = float64(a*c.acc[i]) + float64(t*c.tmp[i])
	}
	return max(e, et)
}

func (c *costs[T]) log(out []float64, e float64, some bool) {
	if !some {
		for i := range out {
			out[i] = math.Inf(-1)
		}
		return
	}
	kernels.Log2(out, c.acc[:len(out)])
	for i := range out {
		out[i] += e
	}
}

// inOut writes A and B of hidden population k. Values beyond float64 are +Inf, resp. 0.
func (c *costs[T]) inOut(k int, a, b []float64) {
	c.costIn(k, a)
	c.costOut(k, b)
	for i, l := range c.ell[c.offset[k]:][:len(a)] {
		s := float64(c.p * l)
		a[i] += s
		b[i] -= s
	}
	kernels.Exp2(a, a)
	kernels.Exp2(b, b)
}

// total is the cost Σ|w|^p over all projections and counted biases, and the deficit Σ(A − B)² over the hidden
// units, at the current scales.
func (c *costs[T]) total() (cost, deficit float64) {
	m := len(c.acc)
	a, b := make([]float64, m), make([]float64, m)
	for k := range c.n.Populations {
		u := c.n.Populations[k].Units
		if c.offset[k] < 0 {
			c.costIn(k, a[:u])
			kernels.Exp2(a[:u], a[:u])
		} else {
			c.inOut(k, a[:u], b[:u])
			for i := range u {
				d := a[i] - b[i]
				deficit += float64(d * d)
			}
		}
		for _, v := range a[:u] {
			cost += v
		}
	}
	return cost, deficit
}
