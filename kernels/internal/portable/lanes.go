package portable

const (
	maxLanes    = 32 // lanes of a float32 row sum: four YMM or eight NEON registers
	maxDotLanes = 8  // lanes of a float32 dot: one YMM or two NEON registers
)

// lanes is L, the number of lanes of a row sum.
func lanes[T Float]() int {
	if is32[T]() {
		return maxLanes
	}
	return maxLanes / 2
}

// DotLanes is V, the number of lanes of a matrix-vector product.
func DotLanes[T Float]() int {
	if is32[T]() {
		return maxDotLanes
	}
	return maxDotLanes / 2
}

// halve adds the lanes pairwise, lane l += lane l+h for h = n/2, n/4, … 1, each
// sum rounded to T, and returns lane 0. len(lane) is a power of two.
func halve[T Float](lane []T) T {
	for h := len(lane) / 2; h > 0; h /= 2 {
		lo, hi := lane[:h], lane[h:2*h]
		for l := range lo {
			lo[l] += hi[l]
		}
	}
	return lane[0]
}
