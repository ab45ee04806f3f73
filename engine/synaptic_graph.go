package engine

import "github.com/hebbkern/hebbkern/kernels"

// strongComponents numbers the strongly connected components of the graph with an edge between i and j where
// m_ij > 0, and returns their sizes (Tarjan 1972, with the recursion on a stack of its own: a path may visit every
// unit). Two units have one number if and only if a directed cycle passes through both.
func strongComponents(m kernels.Matrix[float64]) (component []int, size []int) {
	n := m.Rows
	component = make([]int, n)
	index, low, next := make([]int, n), make([]int, n), make([]int, n) // index counts from 1; 0: not visited
	for i := range component {
		component[i] = -1
	}
	var path, open []int
	visited := 0
	visit := func(i int) {
		visited++
		index[i], low[i] = visited, visited
		path, open = append(path, i), append(open, i)
	}
	for root := range n {
		if index[root] != 0 {
			continue
		}
		visit(root)
		for len(path) > 0 {
			i := path[len(path)-1]
			row := m.Row(i)
			j := next[i]
			for j < n && !(row[j] > 0 && component[j] < 0) {
				j++
			}
			next[i] = j + 1
			switch {
			case j < n && index[j] == 0:
				visit(j)
			case j < n:
				low[i] = min(low[i], index[j])
			default:
				path = path[:len(path)-1]
				if len(path) > 0 {
					up := path[len(path)-1]
					low[up] = min(low[up], low[i])
				}
				if low[i] < index[i] {
					continue
				}
				size = append(size, 0)
				for c := len(size) - 1; component[i] < 0; {
					j := open[len(open)-1]
					open = open[:len(open)-1]
					component[j] = c
					size[c]++
				}
			}
		}
	}
	return component, size
}
