package engine

// findComponents numbers the strongly connected components of the graph with an edge between i and j where c_ij > 0, and
// leaves their sizes in k[5] (Tarjan 1972, with the recursion on a stack of its own: a path may visit every unit). Two
// units have one number if and only if a directed cycle passes through both. It reads some of the costs in a call, from
// where the one before has stopped, and reports whether it is done.
func (s *synapticState) findComponents(begin bool) (done bool) {
	n := s.cost.Rows
	// index counts from 1; 0: not visited. next is the neighbour to look at.
	index, low, next, path, open, size := s.k[0], s.k[1], s.k[2], s.k[3], s.k[4], s.k[5]
	if begin {
		for i := range s.component {
			s.component[i] = -1
			index[i], next[i], size[i] = 0, 0, 0
		}
		s.head[atVisited], s.head[atPath], s.head[atOpen], s.head[atRoot], s.head[atComponents] = 0, 0, 0, 0, 0
	}
	visit := func(i int) {
		s.head[atVisited]++
		index[i], low[i] = s.head[atVisited], s.head[atVisited]
		path[int(s.head[atPath])], open[int(s.head[atOpen])] = float64(i), float64(i)
		s.head[atPath]++
		s.head[atOpen]++
	}
	for budget := s.piece; budget > 0; budget-- {
		if s.head[atPath] == 0 {
			root := int(s.head[atRoot])
			for root < n && index[root] != 0 {
				root++
			}
			s.head[atRoot] = float64(root)
			if root == n {
				s.head[atComponents] = 0 // separate counts those of two units or more
				return true
			}
			visit(root)
		}
		i := int(path[int(s.head[atPath])-1])
		row := s.cost.Row(i)
		j := int(next[i])
		from := j
		for j < n && !(row[j] > 0 && s.component[j] < 0) {
			j++
		}
		next[i] = float64(j + 1)
		budget -= j - from
		switch {
		case j < n && index[j] == 0:
			visit(j)
		case j < n:
			low[i] = min(low[i], index[j])
		default:
			s.head[atPath]--
			if s.head[atPath] > 0 {
				up := int(path[int(s.head[atPath])-1])
				low[up] = min(low[up], low[i])
			}
			if low[i] < index[i] {
				continue
			}
			c := s.head[atComponents]
			s.head[atComponents]++
			for s.component[i] < 0 {
				s.head[atOpen]--
				j := int(open[int(s.head[atOpen])])
				s.component[j] = c
				size[int(c)]++
			}
		}
	}
	return false
}
