// The Go peers of the benchmark suite, in a module of their own: nobody who uses hebbkern needs them.
module github.com/hebbkern/hebbkern/bench/peers-go

go 1.26.0

require (
	github.com/hebbkern/hebbkern v0.0.0
	github.com/viterin/vek v0.4.3
	gonum.org/v1/gonum v0.17.0
)

require (
	github.com/chewxy/math32 v1.10.1 // indirect
	github.com/viterin/partial v1.1.0 // indirect
	golang.org/x/exp v0.0.0-20230817173708-d852ddb80c63 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace github.com/hebbkern/hebbkern => ../..
