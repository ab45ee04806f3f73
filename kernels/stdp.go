package kernels

import (
	"encoding/binary"
	"math/bits"
	"unsafe"

	"github.com/hebbkern/hebbkern/kernels/internal/portable"
)

// Spikes is a view of the spikes of units, a step a row: unit k spikes in step t
// if Data[t*Stride+k]. Stride is at least Cols.
type Spikes struct {
	Data               []bool
	Rows, Cols, Stride int
}

// Coincidence says which spikes of the same step the traces hold when a weight
// learns from them.
type Coincidence int

const (
	// PreFirst: what post learns from holds this step's presynaptic spikes, what
	// pre learns from does not hold its postsynaptic ones. Of a simultaneous
	// pair only the potentiation counts.
	PreFirst Coincidence = iota
	// BothSides: the traces hold the spikes of this step on both sides.
	BothSides
	// NeitherSide: they do on neither.
	NeitherSide
)

// SpikeTrace is one trace for each unit. Each step it decays, V ← round(Decay·V);
// a spike adds Step, or with SpikeUpdate.Replace sets it to Step.
type SpikeTrace[T Float] struct {
	V           []T
	Decay, Step T
}

// SpikeUpdate is the arguments of STDP beside the weights.
type SpikeUpdate[T Float] struct {
	Pre, Post   Spikes        // [steps, in] and [steps, out]
	R, O        SpikeTrace[T] // presynaptic r [in], postsynaptic o [out]
	R2, O2      SpikeTrace[T] // the second pair of a triplet rule, likewise; without V: absent
	C, S        [2]T          // with the second pair, the factors of a spike: c_j = C₀ + C₁·r2_j, s_i = S₀ + S₁·o2_i
	Coincidence Coincidence
	Replace     bool    // a spike sets its trace instead of adding to it
	Low, High   T       // bounds of a weight, finite
	Mu          float64 // exponent μ ≥ 0 of the weight dependence; 0: none
}

// STDP runs a sequence of time steps of spike-timing dependent plasticity on W
// [out, in] (Song, Miller & Abbott 2000; with the second pair of traces Pfister &
// Gerstner 2006). In each step
//
//	traces decay
//	for each presynaptic spike j, all i:    w_ij ← clip(fma(o_i, c_j, w_ij), Low, High)
//	for each postsynaptic spike i, all j:   w_ij ← clip(fma(s_i, r_j, w_ij), Low, High)
//
// with c_j = s_i = 1, or for triplets c_j = fma(C₁, r2_j, C₀), s_i = fma(S₁, o2_i, S₀)
// from the r2, o2 before this step's spikes. Whether r and o hold this step's
// spikes is said by Coincidence. With Mu > 0 the changes depend on the weight at
// its event v = clip(w_ij, Low, High), which for BothSides is in both cases the
// weight before the step:
//
//	pre:    w_ij ← clip(w_ij + round(round(o_i·f)·c_j)),   f = PowAbs(v − Low, Mu)
//	post:   w_ij ← clip(w_ij + round(round(s_i·f)·r_j)),   f = PowAbs(High − v, Mu)
//
// A weight without an event keeps its bits, so one that lies outside of the bounds
// stays there until its first. The work is that of the events. The
// traces are left as they are after the last step: a sequence equals single steps
// bit for bit. No argument shares an element with W or with a trace.
func STDP[T Float](w Matrix[T], u SpikeUpdate[T]) {
	checkSTDP(w, &u)
	if u.Pre.Rows == 0 || w.Rows == 0 && w.Cols == 0 {
		return
	}
	f := takeFrame[T]()
	j := &f.stdp
	j.prepare(f, w, u)
	for t := 0; t < u.Pre.Rows; t += j.most {
		work := j.load(t, min(t+j.most, u.Pre.Rows))
		threads := threadsFor(work / stdpShare)
		if w.Rows > 0 && w.Cols > 0 {
			j.ownFor(threads)
			run(j, j.blocks, threads)
		}
	}
	j.release()
	f.give()
}

// Check panics as STDP would with these arguments, of which nothing has been written then: for who goes step by step.
func (u SpikeUpdate[T]) Check(w Matrix[T]) { checkSTDP(w, &u) }

func checkSTDP[T Float](w Matrix[T], u *SpikeUpdate[T]) {
	const fn = "STDP"
	w.check(fn, "w")
	u.Pre.check(fn, "Pre", u.Pre.Rows, w.Cols)
	u.Post.check(fn, "Post", u.Pre.Rows, w.Rows)
	checkLen(fn, "R", u.R.V, w.Cols)
	checkLen(fn, "O", u.O.V, w.Rows)
	if triplet := u.R2.V != nil || u.O2.V != nil; triplet {
		checkLen(fn, "R2", u.R2.V, w.Cols)
		checkLen(fn, "O2", u.O2.V, w.Rows)
	}
	type argument struct {
		name string
		at   region
	}
	all := [...]argument{
		{"w", w.region()},
		{"R", vectorRegion(u.R.V)}, {"O", vectorRegion(u.O.V)}, {"R2", vectorRegion(u.R2.V)}, {"O2", vectorRegion(u.O2.V)},
		{"Pre", u.Pre.region()}, {"Post", u.Post.region()},
	}
	const written = 5
	for i, a := range all[:written] {
		for _, b := range all[i+1:] {
			checkApart(fn, a.name, a.at, b.name, b.at)
		}
	}
	u.R.check(fn, "R")
	u.O.check(fn, "O")
	u.R2.check(fn, "R2")
	u.O2.check(fn, "O2")
	for i := range u.C {
		if !finite(u.C[i]) {
			refuse(fn, "C", ftoa(u.C[i]), "finite numbers")
		}
		if !finite(u.S[i]) {
			refuse(fn, "S", ftoa(u.S[i]), "finite numbers")
		}
	}
	switch {
	case u.Coincidence < PreFirst || u.Coincidence > NeitherSide:
		refuse(fn, "Coincidence", itoa(int(u.Coincidence)), "PreFirst, BothSides or NeitherSide")
	case !finite(u.Low):
		refuse(fn, "Low", ftoa(u.Low), "a finite number")
	case !finite(u.High):
		refuse(fn, "High", ftoa(u.High), "a finite number")
	case u.Low > u.High:
		refuse(fn, "Low", ftoa(u.Low), "at most High, which is "+ftoa(u.High))
	}
	checkNonNegative(fn, "Mu", u.Mu)
}

func (t SpikeTrace[T]) check(fn, arg string) {
	if !(t.Decay >= 0 && t.Decay <= 1) {
		refuse(fn, arg, "Decay "+ftoa(t.Decay), "0 to 1")
	}
	if !finite(t.Step) {
		refuse(fn, arg, "Step "+ftoa(t.Step), "a finite number")
	}
}

func (s Spikes) check(fn, arg string, rows, cols int) {
	checkShape(fn, arg, len(s.Data), s.Rows, s.Cols, s.Stride)
	if s.Rows != rows || s.Cols != cols {
		refuse(fn, arg, "shape "+shape(s.Rows, s.Cols), "shape "+shape(rows, cols))
	}
}

func (s Spikes) region() region { return stridedRegion(s.Data, s.Rows, s.Cols, s.Stride) }

const (
	// stdpSteps is how many steps are worked on at once at most: the rows of a
	// block stay in the first cache for all of them.
	stdpSteps = 128
	// stdpScratch bounds the traces kept for them, in elements.
	stdpScratch = 1 << 18
	// stdpRows is the rows of a block at least, for the sake of long vectors
	// down a column.
	stdpRows = 16
	// stdpBytes is the part of the first cache that a block may take.
	stdpBytes = 28 << 10
	// stdpShare is how many times the usual work makes a thread worth waking:
	// between two chunks the workers wait while the caller lists events.
	stdpShare = 4
	// denseShare: from one spike in so many columns on, whole rows cost less
	// (measured on 64 × 100: equal at 45 columns).
	denseShare = 2
)

// halves are the masks of PairRows: all lanes of a pair's first row, or of its
// second.
var halves = [2]int{maskOf(0x00ff00ff00ff00ff), maskOf(0xff00ff00ff00ff00)}

func maskOf(bytes uint64) int { return int(bytes) }

// stdpJob does a chunk of steps: load goes through the spikes and the traces
// and lists the events, cell applies them to one block of rows. Down a column the
// elements lie a row apart, and moving them is most of the work.
type stdpJob[T Float] struct {
	w            Matrix[T]
	u            SpikeUpdate[T]
	most         int  // steps of a chunk
	steps        int  // of this one
	shift        uint // log₂ of the rows of a block
	blocks, call int  // blocks of rows; columns of one call of a primitive
	kind         exponent
	exponent     []T

	r, o      []T    // [steps, in] and [steps, out]: the traces that events of a step learn from
	pre       []int  // columns of the presynaptic events, step after step
	c         []T    // their factors
	preCount  []int  // by step
	dense     []bool // by step: so many that they stand in m and full
	m, full   []T    // [steps, in]: 1 where there is an event, its factor
	post      []int  // rows, counted from the block's first, of the postsynaptic events, by block and step
	s         []T    // their factors
	postCount []int  // by block and step
	postTotal []int  // by block
	half      []int  // in pairs: which row of its pair
	own       [][]T  // of each thread: three rows with a weight dependence, a block in pairs

	// paired: the rows of a block are laid together by twos for this chunk, and
	// r holds every element twice.
	paired bool
	events int // presynaptic, of the chunk before
}

func (j *stdpJob[T]) prepare(f *frame[T], w Matrix[T], u SpikeUpdate[T]) {
	j.w, j.u = w, u
	in, out := w.Cols, w.Rows
	j.most = min(u.Pre.Rows, max(stdpSteps/8, min(stdpSteps, stdpScratch/max(1, in+out))))
	j.shift = uint(bits.Len(uint(max(stdpRows, min(stdpBytes/(max(1, in)*sizeOf[T]()), maxCellRows)))) - 1)
	j.blocks = (out + 1<<j.shift - 1) >> j.shift
	grow(&j.r, 2*j.most*in)
	grow(&j.o, j.most*out+1) // the second row of a pair may be none
	grow(&j.pre, j.most*in)
	grow(&j.c, j.most*in)
	grow(&j.preCount, j.most)
	grow(&j.dense, j.most)
	grow(&j.post, j.blocks*j.most<<j.shift)
	grow(&j.s, j.blocks*j.most<<j.shift)
	grow(&j.half, j.blocks*j.most<<j.shift)
	grow(&j.postCount, j.blocks*j.most)
	grow(&j.postTotal, j.blocks)
	j.call = max(1, cellElements>>j.shift)
	j.kind = exponentOf(u.Mu)
	if u.Mu > 0 {
		j.exponent = f.prepare(j.kind, u.Mu)
	}
}

// ownFor readies the scratch of that many threads.
func (j *stdpJob[T]) ownFor(threads int) {
	for len(j.own) < threads {
		j.own = append(j.own, nil)
	}
	for k := range threads {
		switch {
		case j.u.Mu > 0:
			grow(&j.own[k], 3*j.w.Cols)
		case j.paired:
			grow(&j.own[k], (1<<j.shift+2)*j.w.Cols)
		}
	}
}

// release lets go of the caller's memory and keeps the scratch.
func (j *stdpJob[T]) release() {
	j.w, j.u, j.exponent = Matrix[T]{}, SpikeUpdate[T]{}, nil
}

// load runs the traces through the steps [from, to) and lists their events. It
// returns the work of these, in elements of a bandwidth-bound kernel.
func (j *stdpJob[T]) load(from, to int) (work int) {
	u, in, out := &j.u, j.w.Cols, j.w.Rows
	j.steps = to - from
	// Laying rows together halves the moves of a column's elements, and costs as
	// much as one event in each column; not where so many have one that whole
	// rows are worked on. The chunk before tells.
	j.paired = u.Mu == 0 && useVectors && j.steps >= stdpSteps/2 && in<<j.shift <= cellElements &&
		(from == 0 || j.events >= in && j.events*denseShare < j.steps*in)
	events := 0
	clear(j.postCount[:j.blocks*j.most])
	clear(j.postTotal[:j.blocks])
	for t := range j.steps {
		decay(u.R)
		decay(u.O)
		decay(u.R2)
		decay(u.O2)
		pre := j.preEvents(t, events, u.Pre.row(from+t))
		events += len(pre)
		if u.Coincidence == NeitherSide {
			j.keepR(t)
		}
		for _, k := range pre {
			u.spike(u.R, k)
			if u.R2.V != nil {
				u.spike(u.R2, k)
			}
		}
		if u.Coincidence != NeitherSide {
			j.keepR(t)
		}
		if u.Coincidence != BothSides {
			copy(j.o[t*out:], u.O.V)
		}
		spiked := j.postEvents(t, u.Post.row(from+t))
		if u.Coincidence == BothSides {
			copy(j.o[t*out:], u.O.V)
		}
		work += 2*len(pre)*out + spiked*in
	}
	j.events = events
	if u.Mu > 0 {
		work *= j.kind.cost()
	}
	return work
}

// keepR keeps the trace that postsynaptic events of step t learn from.
func (j *stdpJob[T]) keepR(t int) {
	in, v := j.w.Cols, j.u.R.V
	if !j.paired {
		copy(j.r[t*in:], v)
		return
	}
	kPair(j.r[2*t*in:], v, 1, in, 0) // a pair of the row with itself
}

func decay[T Float](t SpikeTrace[T]) {
	for k := 0; k < len(t.V); k += cellElements {
		n := min(cellElements, len(t.V)-k)
		d := [1]T{t.Decay}
		kScaleR(t.V[k:], d[:], 1, n, n)
	}
}

// spike adds a spike of unit k to a trace.
func (u *SpikeUpdate[T]) spike(t SpikeTrace[T], k int) {
	if u.Replace {
		t.V[k] = t.Step
	} else {
		t.V[k] += t.Step
	}
}

// row is the bytes of step t.
func (s Spikes) row(t int) []byte {
	row := s.Data[t*s.Stride:][:s.Cols]
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(row))), len(row))
}

// packed is the spikes of the units k to k + 63 as bits: branches on them depend
// on the number of spikes and not on the place of each.
func packed(row []byte, k int) uint64 {
	var tail [64]byte
	p := &tail
	if k+64 <= len(row) {
		p = (*[64]byte)(row[k:])
	} else {
		copy(tail[:], row[k:])
	}
	return lowBits(p[:8]) | lowBits(p[8:16])<<8 | lowBits(p[16:24])<<16 | lowBits(p[24:32])<<24 |
		lowBits(p[32:40])<<32 | lowBits(p[40:48])<<40 | lowBits(p[48:56])<<48 | lowBits(p[56:64])<<56
}

// lowBits is the lowest bits of eight bytes, the first byte's lowest: the
// product moves bit 8k to bit 56 + k, and no two of its terms meet.
func lowBits(b []byte) uint64 {
	return binary.LittleEndian.Uint64(b) & 0x0101010101010101 * 0x0102040810204080 >> 56
}

// preEvents lists the columns that spike in a step, from place at on, and keeps
// what their events need.
func (j *stdpJob[T]) preEvents(t, at int, row []byte) []int {
	in, n := j.w.Cols, 0
	events := j.pre[at:][:in]
	for k := 0; k < in; k += 64 {
		for b := packed(row, k); b != 0; b &= b - 1 {
			events[n] = k + bits.TrailingZeros64(b)
			n++
		}
	}
	events = events[:n]
	c := j.c[at:][:n]
	for k, col := range events {
		c[k] = factor(j.u.C, j.u.R2.V, col)
	}
	j.preCount[t] = n
	j.dense[t] = j.u.Mu == 0 && !j.paired && n*denseShare >= in
	if j.dense[t] {
		m, full := grow(&j.m, j.most*in)[t*in:][:in], grow(&j.full, j.most*in)[t*in:][:in]
		clear(m)
		clear(full)
		for k, col := range events {
			m[col], full[col] = 1, c[k]
		}
	}
	return events
}

// factor is c_j or s_i.
func factor[T Float](coefficient [2]T, second []T, k int) T {
	if second == nil {
		return 1
	}
	return portable.FMA(coefficient[1], second[k], coefficient[0])
}

// postEvents lists the rows that spike in a step, block by block, lets their
// traces spike, and returns their number.
func (j *stdpJob[T]) postEvents(t int, row []byte) (n int) {
	u, out, within := &j.u, j.w.Rows, 1<<j.shift-1
	for k := 0; k < out; k += 64 {
		for left := packed(row, k); left != 0; {
			b := (k + bits.TrailingZeros64(left)) >> j.shift
			part := left & (1<<uint((b+1)<<j.shift-k) - 1) // those of block b; all for a shift of 64 and more
			left &^= part
			first := j.room(b) + j.postTotal[b]
			at := first
			for ; part != 0; part &= part - 1 {
				i := k + bits.TrailingZeros64(part)
				if j.paired {
					j.post[at], j.half[at] = i&within/2, halves[i&1]
				} else {
					j.post[at] = i & within
				}
				j.s[at] = factor(u.S, u.O2.V, i)
				u.spike(u.O, i)
				if u.O2.V != nil {
					u.spike(u.O2, i)
				}
				at++
			}
			j.postTotal[b] += at - first
			j.postCount[b*j.most+t] += at - first
			n += at - first
		}
	}
	return n
}

// room is where the postsynaptic events of a block begin.
func (j *stdpJob[T]) room(b int) int { return b * j.most << j.shift }

func (j *stdpJob[T]) cell(b, who int) {
	if j.paired {
		j.pairs(b, j.own[who])
		return
	}
	in, out := j.w.Cols, j.w.Rows
	i0 := b << j.shift
	rows := min(1<<j.shift, out-i0)
	w, o, r := j.w.from(i0, 0), j.o[i0:], j.r
	pre, c := j.pre, j.c
	post, s := j.post[j.room(b):], j.s[j.room(b):]
	lo, hi, stride := j.u.Low, j.u.High, j.w.Stride
	for t, spiked := range j.postCount[b*j.most:][:j.steps] {
		n := j.preCount[t]
		switch {
		case j.u.Mu > 0:
			j.dependent(j.own[who], w, rows, pre[:n], post[:spiked], o[t*out:], r[t*in:], c, s)
		case j.dense[t]:
			for k := 0; k < in; k += j.call {
				kSpikeMask(w[k:], o[t*out:], j.full[t*in+k:], j.m[t*in+k:], lo, hi, rows, min(j.call, in-k), stride)
			}
		default:
			for k := 0; k < n; k += j.call {
				kSpikeCols(w, o[t*out:], c[k:], pre[k:], lo, hi, rows, stride, min(j.call, n-k))
			}
		}
		if spiked > 0 && j.u.Mu == 0 {
			for k := 0; k < in; k += j.call {
				kSpikeRows(w[k:], s, r[t*in+k:], post, lo, hi, min(j.call, in-k), stride, spiked)
			}
		}
		pre, c, post, s = pre[n:], c[n:], post[spiked:], s[spiked:]
	}
}

// pairs is cell with the block's rows laid together by twos, in memory of the
// thread's own.
func (j *stdpJob[T]) pairs(b int, own []T) {
	in, out := j.w.Cols, j.w.Rows
	i0 := b << j.shift
	rows := min(1<<j.shift, out-i0)
	w, o, r := j.w.from(i0, 0), j.o[i0:], j.r
	pre, c, room := j.pre, j.c, j.room(b)
	post, half, s := j.post[room:], j.half[room:], j.s[room:]
	lo, hi, stride := j.u.Low, j.u.High, j.w.Stride
	p, spare := own[2*in:], own[:2*in]
	kPair(p, w, rows/2, in, stride)
	if rows%2 != 0 { // the last row gets a companion
		copy(spare, w[(rows-1)*stride:][:in])
		clear(spare[in:])
		kPair(p[(rows-1)*in:], spare, 1, in, in)
	}
	for t, spiked := range j.postCount[b*j.most:][:j.steps] {
		n := j.preCount[t]
		for k := 0; k < n; k += j.call {
			kPairCols(p, o[t*out:], c[k:], pre[k:], lo, hi, (rows+1)/2, in, min(j.call, n-k))
		}
		if spiked > 0 {
			kPairRows(p, s, r[2*t*in:], post, half, lo, hi, in, spiked)
		}
		pre, c, post, half, s = pre[n:], c[n:], post[spiked:], half[spiked:], s[spiked:]
	}
	kUnpair(w, p, rows/2, in, stride)
	if rows%2 != 0 {
		kUnpair(spare, p[(rows-1)*in:], 1, in, in)
		copy(w[(rows-1)*stride:][:in], spare)
	}
}

// dependent is one step of a block with a weight dependence, row by row.
func (j *stdpJob[T]) dependent(own []T, w []T, rows int, cols, at []int, o, r, c, s []T) {
	in, both := j.w.Cols, j.u.Coincidence == BothSides
	free, used, part := own[:in], own[in:][:in], own[2*in:][:in]
	for i := range rows {
		spiked := len(at) > 0 && at[0] == i
		if len(cols) == 0 && !spiked {
			continue
		}
		row := w[i*j.w.Stride:][:in]
		if spiked && both {
			j.headroom(free, row, false)
		}
		if n := len(cols); n > 0 {
			for k, col := range cols {
				part[k] = row[col]
			}
			j.headroom(used[:n], part[:n], true)
			j.change(part[:n], used[:n], o[i], c)
			for k, col := range cols {
				row[col] = part[k]
			}
		}
		if spiked {
			if !both {
				j.headroom(free, row, false)
			}
			j.change(row, free, s[0], r)
			at, s = at[1:], s[1:]
		}
	}
}

// headroom is PowAbs of the distance of weights from their lower bound, or from
// their upper one.
func (j *stdpJob[T]) headroom(y, w []T, below bool) {
	lo, hi := j.u.Low, j.u.High
	for k, v := range w {
		v = min(max(v, lo), hi)
		if below {
			y[k] = v - lo
		} else {
			y[k] = hi - v
		}
	}
	for k := 0; k < len(y); k += blockCols {
		n := min(blockCols, len(y)-k)
		powAbs(j.kind, y[k:k+n], y[k:k+n], j.exponent)
	}
}

// change is w_k ← clip(w_k + round(round(a·f_k)·c_k)); f is overwritten.
func (j *stdpJob[T]) change(w, f []T, a T, c []T) {
	scalar, first := [2]T{a, 1}, [1]int{}
	for k := 0; k < len(w); k += blockCols {
		n := min(blockCols, len(w)-k)
		kScaleRC(f[k:], scalar[:], c[k:], 1, n, n, 0)
		kSpikeRows(w[k:], scalar[1:], f[k:], first[:], j.u.Low, j.u.High, n, n, 1)
	}
}
