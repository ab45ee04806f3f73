package engine

import "slices"

// findOffCycle holds the units for which no minimum exists. With all units that stay merged into one node, the root,
// a minimum exists if and only if every nonzero weight lies on a directed cycle. So a
// unit must be reached from the root and reach it. A part that has no tie to the root must be strongly connected:
// then its scales are determined up to a common factor. What is left is held. In a directed acyclic graph without
// dead units nothing is, which is seen without a look at the weights.
func (b *balancer[T]) findOffCycle() {
	if b.acyclic() {
		return
	}
	forward, backward := make([]bool, b.g.Units), make([]bool, b.g.Units)
	b.reach(forward, true, true)
	b.reach(backward, false, true)
	var apart []int
	for i, free := range b.free {
		switch {
		case !free || forward[i] && backward[i]:
		case forward[i] || backward[i]:
			defer b.hold(i, UnitOffCycle)
		default:
			apart = append(apart, i)
		}
	}
	seen := make([]bool, b.g.Units)
	for _, seed := range apart {
		if seen[seed] {
			continue
		}
		clear(forward)
		clear(backward)
		forward[seed], backward[seed] = true, true
		b.reach(forward, true, false)
		b.reach(backward, false, false)
		// The weakly connected part: closed under both directions.
		part := make([]bool, b.g.Units)
		part[seed] = true
		for b.reach(part, true, false) || b.reach(part, false, false) {
		}
		strong := true
		for _, i := range apart {
			if part[i] {
				strong = strong && forward[i] && backward[i] && b.g.degree(i) == 1
			}
		}
		for i := range part {
			strong = strong && (!part[i] || b.free[i])
		}
		for _, i := range apart {
			if part[i] {
				seen[i] = true
				if !strong {
					defer b.hold(i, UnitOffCycle)
				}
			}
		}
		if strong {
			b.ground = append(b.ground, seed)
			b.apart = append(b.apart, part)
		}
	}
}

// centre sets the common factor of each part without a tie to the root: its log-scales sum to zero.
func (b *balancer[T]) centre() {
	for _, part := range b.apart {
		sum, count := 0.0, 0
		for i, in := range part {
			if in {
				sum += b.ell[i]
				count++
			}
		}
		for i, in := range part {
			if in {
				b.ell[i] -= sum / float64(count)
			}
		}
	}
}

// acyclic reports whether the blocks, taken as full, have no cycle of free units.
func (b *balancer[T]) acyclic() bool {
	// Nodes are units and terms; a unit leads to the terms that it sends through, a term to the units that receive.
	degree := make([]int, len(b.terms))                      // sending units not yet done
	into := make([]int, b.g.Units)                           // terms not yet done
	first, sends := make([]int32, b.g.Units+1), []int32(nil) // unit u sends through sends[first[u]:first[u+1]]
	side := func(k int, post bool) *balanceSide {
		t := &b.terms[k]
		if t.side[0].post == post {
			return &t.side[0]
		}
		return &t.side[1]
	}
	for k := range b.terms {
		for _, u := range side(k, false).unit {
			if b.free[u] {
				degree[k]++
				first[u+1]++
			}
		}
		for _, u := range side(k, true).unit {
			into[u]++
		}
	}
	for u := range into {
		first[u+1] += first[u]
	}
	sends = make([]int32, first[len(into)])
	at := slices.Clone(first)
	for k := range b.terms {
		for _, u := range side(k, false).unit {
			if b.free[u] {
				sends[at[u]] = int32(k)
				at[u]++
			}
		}
	}
	ready := make([]int, 0, b.g.Units)
	left := 0
	finish := func(k int) {
		for _, u := range side(k, true).unit {
			if into[u]--; into[u] == 0 && b.free[u] {
				ready = append(ready, u)
			}
		}
	}
	for i, free := range b.free {
		if free {
			left++
			if into[i] == 0 {
				ready = append(ready, i)
			}
		}
	}
	for k, d := range degree {
		if d == 0 {
			finish(k)
		}
	}
	for len(ready) > 0 {
		u := ready[len(ready)-1]
		ready = ready[:len(ready)-1]
		left--
		for _, k := range sends[first[u]:first[u+1]] {
			if degree[k]--; degree[k] == 0 {
				finish(int(k))
			}
		}
	}
	return left == 0
}

// reach extends marked units along the nonzero weights, forward or backward, until nothing changes, and reports
// whether it marked any. fromRoot: what is not free counts as marked.
func (b *balancer[T]) reach(marked []bool, forward, fromRoot bool) (any bool) {
	is := func(u int) bool {
		if u < 0 || !b.free[u] {
			return fromRoot
		}
		return marked[u]
	}
	for again := true; again; {
		again = false
		for k := range b.terms {
			t := &b.terms[k]
			if t.block.sparse() {
				again = b.reachSparse(t, marked, forward, is) || again
				continue
			}
			w := t.block.W
			nonzero := func(i, j int) bool {
				return w.Data[i*w.Stride+j] != 0 && (t.block.Alphas.Data == nil || t.block.Alphas.Data[i*t.block.Alphas.Stride+j] != 0)
			}
			rowsGain := t.block.Transposed != forward
			if rowsGain {
				for i := range w.Rows {
					u := b.unitOf(t.block.Rows, i)
					if u < 0 || !b.free[u] || marked[u] {
						continue
					}
					for j := range w.Cols {
						if nonzero(i, j) && is(b.unitOf(t.block.Cols, j)) {
							marked[u], again = true, true
							break
						}
					}
				}
				continue
			}
			var open []int // columns whose unit is not marked
			for j := range w.Cols {
				if u := b.unitOf(t.block.Cols, j); u >= 0 && b.free[u] && !marked[u] {
					open = append(open, j)
				}
			}
			for i := 0; i < w.Rows && len(open) > 0; i++ {
				if !is(b.unitOf(t.block.Rows, i)) {
					continue
				}
				n := 0
				for _, j := range open {
					if nonzero(i, j) {
						marked[b.unitOf(t.block.Cols, j)], again = true, true
					} else {
						open[n] = j
						n++
					}
				}
				open = open[:n]
			}
		}
		any = any || again
	}
	return any
}
