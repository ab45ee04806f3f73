package engine

import (
	"fmt"
	"math"
	"testing"

	"github.com/hebbkern/hebbkern/kernels"
)

// Forward and Predict against plain loops; rows do not depend on the batch, bit for bit.
func TestForward(t *testing.T) { both(t, testForward[float32], testForward[float64]) }

func testForward[T kernels.Float](t *testing.T) {
	for _, c := range activations {
		for _, n := range []*Network[T]{layered[T](t, source(121), c.act, 8, 7, 5, 4), skipping[T](t, source(122), c.act)} {
			x := randomMatrix[T](source(123), 300, 8, 3, 1) // more than one block of Predict
			var act Activity[T]
			must(t, n.Forward(x, &act, nil))
			y := randomMatrix[T](source(124), 300, 4, 2, 1)
			must(t, n.Predict(y, x, nil))
			one := kernels.NewMatrix[T](1, 4)
			for _, b := range []int{0, 7, 299} {
				z, a := forward64(n, wide(x)[b])
				for k := range n.Populations {
					near(t, fmt.Sprint("z ", k), subRows(act.Z[k], b, 1), [][]float64{z[k]}, closeness[T]())
					near(t, fmt.Sprint("a ", k), subRows(act.A[k], b, 1), [][]float64{a[k]}, closeness[T]())
				}
				equalBits(t, "Predict", y.Row(b), act.A[len(act.A)-1].Row(b))
				must(t, n.Predict(one, subRows(x, b, 1), nil))
				equalBits(t, "one row", y.Row(b), one.Data)
			}
			if v := y.Data[4]; v == v {
				t.Error("a gap between rows was written")
			}
		}
	}
}

// A network over the caller's arrays shares them and costs three allocations.
func TestLayeredOverViews(t *testing.T) {
	w := []kernels.Matrix[float32]{kernels.NewMatrix[float32](6, 5), kernels.NewMatrix[float32](3, 6)}
	b := [][]float32{make([]float32, 6), nil}
	var n *Network[float32]
	allocs := testing.AllocsPerRun(100, func() {
		var err error
		if n, err = LayeredOver(w, b, relu(), kernels.Activation{}); err != nil {
			t.Fatal(err)
		}
	})
	if allocs > 3 {
		t.Errorf("%v allocations", allocs)
	}
	w[1].Data[4], b[0][2] = 7, 8
	if n.Projections[1].W.Data[4] != 7 || n.Populations[1].Bias[2] != 8 {
		t.Error("the network has copies")
	}
	if n.InputUnits() != 5 || n.OutputUnits() != 3 || n.HiddenUnits() != 6 || n.Parameters() != 30+18+6 {
		t.Errorf("units %d, %d, %d, parameters %d", n.InputUnits(), n.OutputUnits(), n.HiddenUnits(), n.Parameters())
	}
}

func TestSnapshotRestores(t *testing.T) {
	n := skipping[float64](t, source(125), relu())
	before := snapshot(t, n)
	x, target := randomMatrix[float64](source(126), 4, 8, 0, 1), classes[float64](127, 4, 4)
	tr := Trainer[float64]{LR: 0.1, Batch: 4}
	must(t, tr.Steps(n, x, target, []int{0, 1, 2, 3}, nil))
	if snapshot(t, n)[0] == before[0] {
		t.Fatal("training changed nothing")
	}
	must(t, n.Restore(before))
	equalBits(t, "restored", before, snapshot(t, n))
	refused(t, "Restore", n.Restore(before[1:]), "src")
	_, err := n.Snapshot(before[1:])
	refused(t, "Snapshot", err, "dst")
}

func TestNetworkRefuses(t *testing.T) {
	type m = kernels.Matrix[float64]
	mat := kernels.NewMatrix[float64]
	shared := mat(4, 4)
	for _, c := range []struct {
		arg string
		w   []m
		b   [][]float64
		act kernels.Activation
	}{
		{"weights", nil, nil, relu()},
		{"weights[1]", []m{mat(4, 3), mat(2, 5)}, nil, relu()},
		{"biases", []m{mat(4, 3), mat(2, 4)}, [][]float64{nil}, relu()},
		{"biases[1]", []m{mat(4, 3), mat(2, 4)}, [][]float64{nil, make([]float64, 3)}, relu()},
		{"weights[1]", []m{shared, shared}, nil, relu()},
		{"bias of population 1", []m{shared, mat(4, 4)}, [][]float64{shared.Data[:4], nil}, relu()},
		{"weights[0]", []m{{Data: make([]float64, 3), Rows: 2, Cols: 2, Stride: 2}}, nil, relu()},
		{"population 1", []m{mat(4, 3), mat(2, 4)}, nil, kernels.Activation{Kind: -1}},
		{"population 1", []m{mat(0, 3), mat(2, 0)}, nil, relu()},
	} {
		_, err := LayeredOver(c.w, c.b, c.act, kernels.Activation{})
		refused(t, c.arg, err, c.arg)
	}
	for _, sizes := range [][]int{nil, {3}, {3, 0}, {-1, 2}, {math.MaxInt / 4, 5}} {
		if _, err := NewLayered[float32](sizes, relu(), 1); err == nil {
			t.Errorf("sizes %v were taken", sizes)
		}
	}
	_, err := NewLayered[float32]([]int{2, 3}, kernels.Activation{Kind: 50}, 1)
	refused(t, "activation", err, "hidden")
	var none *Network[float32]
	refused(t, "nil", none.Check(), "network")
	n := layered[float64](t, source(1), relu(), 3, 4, 2)
	x := mat(5, 3)
	refused(t, "x", n.Predict(mat(5, 2), mat(5, 4), nil), "x")
	refused(t, "y", n.Predict(mat(4, 2), x, nil), "y")
	refused(t, "y over x", n.Predict(kernels.MatrixOf(x.Data[:10], 5, 2), x, nil), "y")
	refused(t, "y over w", n.Predict(kernels.MatrixOf(n.Projections[0].W.Data[:10], 5, 2), x, nil), "y")
	refused(t, "Forward", n.Forward(mat(5, 4), new(Activity[float64]), nil), "x")
	n.Populations[0].Bias = make([]float64, 3)
	refused(t, "bias on the input", n.Check(), "population 0")
}
