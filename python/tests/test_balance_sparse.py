"""Balancing sparse weights."""

import numpy as np
import pytest
from scipy.sparse import csr_array, csr_matrix

import hebbkern as hk


def make(dtype=np.float64, sizes=(6, 15, 12, 4), seed=0, density=0.4):
    """Dense weights that are mostly zero, and the same sparse."""
    random = np.random.default_rng(seed)
    dense = [
        (random.normal(size=(n, m)) * (random.random((n, m)) < density)).astype(dtype) for m, n in zip(sizes, sizes[1:])
    ]
    return dense, [hk.CSR.from_dense(w) for w in dense], [random.normal(size=n).astype(dtype) for n in sizes[1:]]


def same(dense, sparse, tol):
    return all(np.abs(d - s.to_dense()).max() <= tol * np.abs(d).max() for d, s in zip(dense, sparse))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("options", [
    {}, {"p": 1.3}, {"p": {1: 0.5, 2: 1.0}}, {"method": "sweeps", "order": "odd-even"}, {"method": "stochastic", "p": 0.5},
    {"method": "tied"}, {"cost": np.tanh}, {"include_bias": True}, {"only": [True, False]},
], ids=str)  # fmt: skip
def test_as_the_dense_matrix_with_zeros(dtype, options):
    dense, sparse, biases = make(dtype)
    copies = [b.copy() for b in biases]
    tol = 1e-6 if dtype == np.float32 else 1e-14
    deficits = [hk.deficit(w, biases, p=1.3) for w in (dense, sparse)]
    assert all(np.allclose(a, b, rtol=1e-5 if dtype == np.float32 else 1e-13) for a, b in zip(*deficits))
    a = hk.balance(dense, biases, tol=tol, **options)
    b = hk.balance(sparse, copies, tol=tol, **options)
    bound = 5e-6 if dtype == np.float32 else 1e-13
    assert same(dense, sparse, bound) and all(np.allclose(x, y, rtol=10 * bound) for x, y in zip(biases, copies))
    assert a.dead == b.dead and a.excluded == b.excluded and np.isclose(a.deficit_before, b.deficit_before, rtol=10 * bound)


def test_function_and_threads():
    results = []
    before = hk.get_num_threads()
    try:
        for threads in (1, 3):
            hk.set_num_threads(threads)
            dense, sparse, biases = make(sizes=(300, 400, 350, 10), density=0.1)
            x = np.random.default_rng(1).normal(size=(5, 300))
            for layers, b in ((dense, [b.copy() for b in biases]), (sparse, biases)):
                y = [forward(layers, b, x)]
                hk.balance(layers, b)
                y.append(forward(layers, b, x))
                assert np.abs(y[1] - y[0]).max() <= 1e-13 * np.abs(y[0]).max()
            results.append(b"".join(w.data.tobytes() for w in sparse))
    finally:
        hk.set_num_threads(before)
    assert results[0] == results[1]


def forward(weights, biases, x):
    weights = [w.to_dense() if isinstance(w, hk.CSR) else w for w in weights]
    for w, b in zip(weights[:-1], biases):
        x = np.maximum(x @ w.T + b, 0)
    return x @ weights[-1].T + biases[-1]


def test_scipy_mixed_layers_weights_of_the_cost_and_averages():
    for kind in (csr_array, csr_matrix):
        dense, sparse, _ = make()
        mixed = [kind(dense[0]), dense[1].copy(), kind(dense[2])]
        mixed[0].indices, mixed[0].indptr = mixed[0].indices.astype(np.int64), mixed[0].indptr.astype(np.int64)
        alpha = [np.abs(dense[0]), 2.0, np.abs(dense[2])]
        average = [np.ones_like(w) for w in dense]
        hk.balance(dense, alpha=alpha, momentum=(average, None), tol=1e-14)
        entries = [hk.CSR.from_dense(a) for a in (alpha[0], alpha[2])]
        ones = [mixed[0]._with_data(np.ones(mixed[0].nnz)), np.ones_like(mixed[1]), sparse[2]._replace(data=np.ones(mixed[2].nnz))]
        hk.balance(mixed, alpha=[entries[0].data, 2.0, entries[1]], momentum=(ones, None), tol=1e-14)
        for w, m, one, whole in zip(dense, mixed, ones, average):
            m = m if isinstance(m, np.ndarray) else m.toarray()
            one = one if isinstance(one, np.ndarray) else one.to_dense() if isinstance(one, hk.CSR) else one.toarray()
            assert np.abs(w - m).max() <= 1e-13 * np.abs(w).max()
            assert np.allclose(one[w != 0], whole[w != 0], rtol=1e-12)


def test_one_array_at_two_places_is_shared():
    w = hk.CSR.from_dense(np.array([[1.0, 0.0, 2.0], [0.0, 3.0, 0.0], [0.5, 0.0, 1.0]]))
    first = np.random.default_rng(0).normal(size=(3, 2))
    report = hk.balance([first, w, w, np.ones((1, 3))])
    assert (0, None, "shared") in report.excluded or report.converged
    assert np.allclose(report.scales[1], report.scales[2])


@pytest.mark.parametrize("spoil, kind, words", [
    (lambda w: w._replace(indices=w.indices[::-1].copy()), ValueError, r"indices of weights\[1\] is \d+ after .* ascending columns"),
    (lambda w: w._replace(indices=w.indices + 2**20), ValueError, "ascending columns below 15"),
    (lambda w: w._replace(indices=w.indices.astype(np.int64) + 2**32, indptr=w.indptr.astype(np.int64)), ValueError, "ascending columns"),
    (lambda w: w._replace(indices=w.indices.astype(float)), TypeError, r"indices of weights\[1\] is float64"),
    (lambda w: w._replace(indices=w.indices.astype(np.int64)), TypeError, r"indptr of weights\[1\] is .*int64"),
    (lambda w: w._replace(indptr=w.indptr[:-1]), ValueError, "indptr of shape"),
    (lambda w: w._replace(indptr=w.indptr + 1), ValueError, "is not from 0 to its"),
    (lambda w: w._replace(indptr=np.r_[w.indptr[:1], w.indptr[-1:], w.indptr[2:]].astype(np.int32)), ValueError, "falls after 1"),
    (lambda w: w._replace(data=w.data.astype(np.float32)), TypeError, r"weights\[1\] is float32"),
    (lambda w: w._replace(data=w.data[1:]), ValueError, r"weights\[1\] has shape"),
    (lambda w: w._replace(shape=(12, 16)), ValueError, r"weights\[1\] has shape \(12, 16\); \(any, 15\)"),
    (lambda w: w._replace(data=np.where(np.arange(len(w.data)) == 7, np.nan, w.data)), ValueError, r"weights\[1\] is NaN at row"),
])  # fmt: skip
def test_refusals(spoil, kind, words):
    _, sparse, biases = make()
    weights = [sparse[0], spoil(sparse[1]), sparse[2]]
    kept = [w.data.tobytes() for w in weights]
    with pytest.raises(kind, match=words):
        hk.balance(weights, biases)
    with pytest.raises(kind):
        hk.deficit(weights, biases)
    assert [w.data.tobytes() for w in weights] == kept


def test_refusals_beside():
    _, sparse, _ = make()
    read_only = sparse[1]._replace(data=sparse[1].data.copy())
    read_only.data.flags.writeable = False
    moved = sparse[1]._replace(indices=(sparse[1].indices + 1) % 15)
    for weights, options, words in (
        ([sparse[0], read_only, sparse[2]], {}, r"weights\[1\] is written but read-only"),
        (sparse, {"alpha": [1, np.ones((12, 15)), 1]}, r"alpha\[1\] has shape"),
        (sparse, {"alpha": [1, moved, 1]}, r"alpha\[1\] has entries at other places"),
        (sparse, {"momentum": ([sparse[0], moved, sparse[2]], None)}, "has entries at other places"),
        (sparse, {"momentum": ([w.to_dense() for w in sparse], None)}, "is not like"),
        ([sparse[0], sparse[1], sparse[2]._replace(data=sparse[1].data[: len(sparse[2].data)])], {}, "overlapping"),
    ):
        with pytest.raises(ValueError, match=words):
            hk.balance(weights, **options)
