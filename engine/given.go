package engine

import "github.com/hebbkern/hebbkern/kernels"

// Given is learning from vectors of the pattern that have been made beforehand, those of a sample in a row: what a mapping
// elsewhere, as one in Python, has made of samples. A rule in Go is a Rule. g_i x_j is always there; the others are absent
// without data.
type Given[T kernels.Float] struct {
	LR   float64           // η ≥ 0, for MaxNorm only
	G, X kernels.Matrix[T] // [B, out], [B, in]
	D, C kernels.Matrix[T] // [B, out], [B, in]: decays
	A, B kernels.Matrix[T] // [B, out], [B, in]: additions
}

// Update learns on W [out, in]; k and errors are as those of package function Update, where G is called y. Rates of rows
// multiply the whole Δ, decays included. Of o, Compute is not read.
func (r Given[T]) Update(w kernels.Matrix[T], o UpdateOptions[T]) (k int, err error) {
	rule, err := r.rule(w.Rows, w.Cols)
	if err != nil {
		return 0, err
	}
	o.Compute = false
	_, k, err = Update[T](rule, w, r.X, rule.G, o)
	return k, err
}

// UpdateCSR is Update on sparse weights, as package function UpdateCSR.
func (r Given[T]) UpdateCSR(w kernels.CSR[T], o UpdateOptions[T]) (k int, err error) {
	rule, err := r.rule(w.Rows, w.Cols)
	if err != nil {
		return 0, err
	}
	o.Compute = false
	_, k, err = UpdateCSR[T](rule, w, r.X, rule.G, o)
	return k, err
}

func (r *Given[T]) rule(out, in int) (*given[T], error) {
	const fn = "Given"
	if r.G.Data == nil { // given all the same
		r.G.Data = []T{}
	}
	rule := &given[T]{Given: *r, terms: TermGiven}
	for _, v := range []struct {
		arg  string
		m    kernels.Matrix[T]
		n    int
		term Terms
	}{{"decay", r.D, out, TermDecay}, {"col_decay", r.C, in, TermCol}, {"row_add", r.A, out, TermRow}, {"col_add", r.B, in, TermColAdd}} {
		if v.m.Data == nil {
			continue
		}
		if err := checkMatrix(fn, v.arg, v.m, r.X.Rows, v.n); err != nil {
			return nil, err
		}
		rule.terms |= v.term
	}
	return rule, nil
}

// given is the Rule.
type given[T kernels.Float] struct {
	Given[T]
	terms  Terms
	sample int
}

func (r *given[T]) Name() string      { return "Given" }
func (r *given[T]) Check() error      { return checkRate[T]("Given", "lr", r.LR) }
func (r *given[T]) Rate() float64     { return r.LR }
func (r *given[T]) Terms() Terms      { return r.terms }
func (r *given[T]) Number(sample int) { r.sample = sample }

func (r *given[T]) Map(v *Vectors[T], x, y []T) {
	copy(v.G, y)
	for _, part := range [...]struct {
		to   []T
		from *kernels.Matrix[T]
		term Terms
	}{{v.D, &r.D, TermDecay}, {v.C, &r.C, TermCol}, {v.A, &r.A, TermRow}, {v.B, &r.B, TermColAdd}} {
		if r.terms&part.term != 0 {
			copy(part.to, part.from.Row(r.sample))
		}
	}
}
