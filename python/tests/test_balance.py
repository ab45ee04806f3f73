"""Balancing against its theory: the function and the invariants stay, the balanced state is one and the same."""

import math

import numpy as np
import pytest

import hebbkern as hk

DTYPES = (np.float32, np.float64)


def make(sizes, dtype=np.float64, seed=0):
    random = np.random.default_rng(seed)
    weights = [random.standard_normal((o, i)).astype(dtype) for i, o in zip(sizes, sizes[1:])]
    return weights, [random.standard_normal(o).astype(dtype) for o in sizes[1:]]


def function(weights, biases, X, slope=0.0):
    a = X
    for l, (w, b) in enumerate(zip(weights, biases)):
        a = a @ w.astype(np.float64).T + b
        a = a if l == len(weights) - 1 else np.where(a < 0, slope * a, a)
    return a


def costs(weights, biases, p, include_bias, layer):
    power = [np.abs(w.astype(np.float64)) ** p for w in weights]
    a = power[layer].sum(1) + (np.abs(biases[layer].astype(np.float64)) ** p if include_bias else 0)
    return a, power[layer + 1].sum(0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("p", [0.5, 1, 1.5, 2, 2.7, 4])
@pytest.mark.parametrize("include_bias", [False, True])
def test_balanced_and_the_same_function(dtype, p, include_bias):
    weights, biases = make([6, 8, 9, 7, 4], dtype)
    ids = [id(a) for a in (*weights, *biases)]
    old = [w.astype(np.float64) for w in weights], [b.copy() for b in biases]
    X = np.random.default_rng(1).standard_normal((50, 6))
    want = function(*old, X)
    before = hk.deficit(weights, biases, p=p, include_bias=include_bias)
    report = hk.balance(weights, biases, p=p, include_bias=include_bias)
    assert [id(a) for a in (*weights, *biases)] == ids
    assert (
        report.converged
        and not report.dead
        and report.p == p
        and report.residual <= (1e-9 if dtype == np.float64 else 1e-6)
    )
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(function(weights, biases, X), want, rtol=1e3 * eps, atol=1e3 * eps * np.abs(want).max())
    for layer in range(3):
        a, b = costs(weights, biases, p, include_bias, layer)
        assert np.all(np.abs(a - b) <= (1e-8 + 100 * eps) * (a + b))
        # the report's scales are what was applied
        np.testing.assert_allclose(biases[layer], old[1][layer] * report.scales[layer], rtol=4 * eps)
        a, b = costs(*old, p, include_bias, layer)
        np.testing.assert_allclose(before[layer], a - b, rtol=1e-9, atol=1e-9 * (a + b).max())
    np.testing.assert_allclose(report.deficit_before, sum(np.square(d).sum() for d in before), rtol=1e-9)
    total = sum((np.abs(w) ** p).sum() for w in old[0]) + include_bias * sum(
        (np.abs(b.astype(float)) ** p).sum() for b in old[1]
    )
    np.testing.assert_allclose(report.cost_before, total, rtol=1e-9)
    assert report.cost_after < report.cost_before and report.deficit_after < 1e-6 * report.deficit_before
    # invariants: |W_L| ... |W_1| entrywise
    path = lambda ws: np.linalg.multi_dot([np.abs(w.astype(np.float64)) for w in reversed(ws)])  # noqa: E731
    np.testing.assert_allclose(path(weights), path(old[0]), rtol=1e3 * eps)


def test_one_step_has_the_closed_form():
    w, v = np.array([[3.0, 4.0]]), np.array([[1.0]])
    report = hk.balance([w, v], p=2)
    scale = (1 / 25) ** 0.25  # (B/A)^{1/2p}
    np.testing.assert_allclose(report.scales[0], [scale], rtol=1e-12)
    np.testing.assert_allclose(w, [[3 * scale, 4 * scale]], rtol=1e-12)
    np.testing.assert_allclose(report.cost_before - report.cost_after, (5 - 1) ** 2, rtol=1e-9)  # (√A − √B)²


def test_any_order_and_start_give_the_same_weights():
    weights, biases = make([5, 7, 8, 6, 3])
    results = []
    random = np.random.default_rng(2)
    for order in (None, [0, 1, 2], [2, 1, 0], [1, 0, 2]):
        w, b = [a.copy() for a in weights], [a.copy() for a in biases]
        if order:  # another start on the orbit
            for l in range(3):
                scale = np.exp(random.standard_normal(len(b[l])))
                w[l] *= scale[:, None]
                b[l] *= scale
                w[l + 1] /= scale
        hk.balance(w, b, p=1.3, order=order, tol=1e-13)
        results.append(np.concatenate([a.ravel() for a in (*w, *b)]))
    for result in results[1:]:
        np.testing.assert_allclose(result, results[0], rtol=1e-9)


def test_balanced_weights_are_left_alone():
    weights, biases = make([5, 7, 3])
    hk.balance(weights, biases)
    before = [a.copy() for a in (*weights, *biases)]
    report = hk.balance(weights, biases)
    assert report.sweeps == 0 and all(np.array_equal(a, b) for a, b in zip((*weights, *biases), before))


def test_leaky_relu_and_identity():
    for activation, slope in (("leaky_relu", 0.01), (("leaky_relu", 0.3), 0.3), ("identity", 1.0)):
        weights, biases = make([4, 6, 5, 2])
        X = np.random.default_rng(1).standard_normal((20, 4))
        want = function(weights, biases, X, slope)
        hk.balance(weights, biases, activation=activation)
        np.testing.assert_allclose(function(weights, biases, X, slope), want, rtol=1e-10, atol=1e-12)


def test_dead_units_are_listed():
    weights, biases = make([4, 5, 6, 3])
    weights[0][1] = 0  # A = 0
    weights[1][:, 3] = 0  # B = 0
    weights[2][:, 4] = 0
    report = hk.balance(weights, biases)
    assert report.dead == [(0, 1), (0, 3), (1, 4)] and report.converged
    assert report.scales[0][1] == 1 and report.scales[1][4] == 1
    assert all(np.isfinite(w).all() for w in weights)


def test_no_hidden_layer():
    w = np.ones((2, 3))
    report = hk.balance([w])
    assert report.scales == [] and report.cost_before == report.cost_after == pytest.approx(6) and (w == 1).all()
    assert hk.deficit([w]) == []


def test_max_sweeps():
    weights, _ = make([5, 7, 8, 9, 6, 3])
    report = hk.balance(weights, max_sweeps=1)
    assert not report.converged and report.sweeps == 1 and "not converged" in repr(report)


def test_deep_networks_are_cut_into_calls_with_the_same_result():
    """Long balancing is many calls of the library; the sweeps are those of one."""
    sizes = [60] * 40
    weights, biases = make(sizes, seed=3)
    for l, w in enumerate(weights):
        w *= 10.0 ** (l % 5 - 2)
    copy = [w.copy() for w in weights]
    report = hk.balance(weights, biases, p=0.7, tol=1e-12)
    assert report.converged and report.deficit_before > 0
    np.testing.assert_allclose(report.cost_before, sum((np.abs(w) ** 0.7).sum() for w in copy), rtol=1e-9)
    for layer in range(38):
        a, b = costs(weights, biases, 0.7, False, layer)
        np.testing.assert_allclose(a, b, rtol=1e-10)


def test_deficit_takes_any_activation_and_changes_nothing():
    weights, biases = make([4, 5, 3])
    before = [a.copy() for a in (*weights, *biases)]
    (got,) = hk.deficit(weights, biases, p=3, activation="tanh")
    a, b = costs(weights, biases, 3, False, 0)
    np.testing.assert_allclose(got, a - b, rtol=1e-12)
    for array in weights:
        array.flags.writeable = False
    hk.deficit(weights, p=1)
    assert all(np.array_equal(a, b) for a, b in zip((*weights, *biases), before))


def test_report_plots():
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    weights, biases = make([4, 5, 6, 3])
    figure = hk.balance(weights, biases, p=1).plot()
    assert len(figure.axes) == 3
    plt.close(figure)


def put(arrays, index, value):
    arrays[index] = value


@pytest.mark.parametrize(
    "change, kind, words",
    [
        (lambda w, b: put(w, 1, w[1][:, :-1].copy()), ValueError, ["weights[1]"]),
        (lambda w, b: put(w, 1, w[1].astype(np.float32)), TypeError, ["weights[1]", "float32", "float64"]),
        (lambda w, b: put(w, 0, w[0].astype(int)), TypeError, ["weights[0]"]),
        (lambda w, b: put(w, 0, w[0][:, ::-1]), ValueError, ["weights[0]", "contiguous"]),
        (lambda w, b: put(w, 0, np.asfortranarray(w[0])), ValueError, ["weights[0]", "contiguous"]),
        (lambda w, b: put(w, 0, w[0].tolist()), TypeError, ["weights[0]", "list"]),
        (lambda w, b: put(w, 0, w[0].ravel()), ValueError, ["weights[0]", "2 axes"]),
        (lambda w, b: w[1].setflags(write=False), ValueError, ["weights[1]", "read-only"]),
        (lambda w, b: b[0].setflags(write=False), ValueError, ["biases[0]", "read-only"]),
        (lambda w, b: put(b, 0, b[0][:-1].copy()), ValueError, ["biases[0]"]),
        (lambda w, b: put(b, 0, b[0].astype(np.float32)), TypeError, ["biases[0]"]),
        (lambda w, b: put(b, 1, w[0].reshape(-1)[:7]), ValueError, []),
        (lambda w, b: put(w, 1, w[0].reshape(-1)[:35].reshape(7, 5)), ValueError, []),
        (lambda w, b: b.pop(), ValueError, ["biases"]),
        (lambda w, b: w.clear(), ValueError, ["weights"]),
        (lambda w, b: put(w[1], (2, 3), math.nan), ValueError, ["weights[1]", "row 2, column 3", "NaN"]),
        (lambda w, b: put(w[0], (0, 1), math.inf), ValueError, ["weights[0]", "row 0, column 1", "Inf"]),
        (lambda w, b: put(b[1], 2, -math.inf), ValueError, ["biases[1]", "2", "Inf"]),
    ],
)
def test_bad_arrays(change, kind, words):
    weights, biases = make([8, 5, 7, 3])
    change(weights, biases)
    arrays = [a for a in (*weights, *biases) if isinstance(a, np.ndarray)]
    before = [a.tobytes() for a in arrays]
    with pytest.raises(kind) as caught:
        hk.balance(weights, biases)
    assert isinstance(caught.value, hk.HebbkernError)
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert [a.tobytes() for a in arrays] == before


@pytest.mark.parametrize(
    "options, name",
    [
        (dict(p=0), "p"), (dict(p=-1), "p"), (dict(p=math.nan), "p"), (dict(p=math.inf), "p"), (dict(p="2"), "p"),
        (dict(p={}), "p"), (dict(p={2: -1}), "p"),
        (dict(activation="x"), "activation"), (dict(activation=["relu"]), "activation"), (dict(activation=("bipu", 0, 1)), "activation"),
        (dict(activation=[["relu"], "relu"]), "activation"), (dict(method="x"), "method"), (dict(method=1), "method"),
        (dict(order=[0, 0]), "order"), (dict(order=[0]), "order"), (dict(order=[0, 2]), "order"), (dict(order="ab"), "order"),
        (dict(order=[0.5, 1]), "order"), (dict(tol=0), "tol"), (dict(tol=-1), "tol"), (dict(tol=math.nan), "tol"),
        (dict(max_sweeps=0), "max_sweeps"), (dict(max_sweeps=1.5), "max_sweeps"), (dict(seed=3), "seed"),
        (dict(method="stochastic", seed=-1), "seed"), (dict(method="stochastic", seed="a"), "seed"),
        (dict(alpha=[1]), "alpha"), (dict(alpha=[1, -1, 1]), "alpha[1]"), (dict(alpha=[1, np.ones((2, 2)), 1]), "alpha[1]"),
        (dict(alpha=[1, -np.ones((6, 5)), 1]), "alpha of weights[1]"), (dict(only=[True]), "only"), (dict(only=[True, [False]]), "only"),
        (dict(momentum=3), "momentum"), (dict(momentum=([np.ones((5, 4))], None)), "momentum"),
    ],
)  # fmt: skip
def test_bad_options(options, name):
    weights, biases = make([4, 5, 6, 3])
    before = [a.tobytes() for a in (*weights, *biases)]
    with pytest.raises((ValueError, TypeError)) as caught:
        hk.balance(weights, biases, **options)
    assert isinstance(caught.value, hk.HebbkernError) and caught.value.argument == name, str(caught.value)
    assert [a.tobytes() for a in (*weights, *biases)] == before
    for bad in (np.ones((2, 2)), None, 3):
        with pytest.raises(TypeError, match="list"):
            hk.balance(bad)
