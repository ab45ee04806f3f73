//go:build cgo

package main

import (
	"math"
	"time"
)

// A call is the cost of a kernel on a few elements over that of its assembly called with the same arguments.
type call struct {
	Run    int     `json:"run"`
	Name   string  `json:"name"`
	Size   string  `json:"size"`
	Kernel float64 `json:"kernel_ns"`
	Bare   float64 `json:"bare_ns"`
	Over   float64 `json:"over_ns"`
}

// compareCalls times both in turn; the minimum over the rounds counts.
func compareCalls(run int, name, size string, set settings, kernel, bare func()) call {
	const reps = 10_000
	best := [2]float64{math.Inf(1), math.Inf(1)}
	for range max(10, set.rounds) {
		for k, f := range [2]func(){kernel, bare} {
			begin := time.Now()
			for range reps {
				f()
			}
			best[k] = min(best[k], float64(time.Since(begin).Nanoseconds())/reps)
		}
	}
	return call{Run: run, Name: name, Size: size, Kernel: best[0], Bare: best[1], Over: best[0] - best[1]}
}
