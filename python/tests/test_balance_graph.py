"""Balancing of graphs against an independent optimum, and of every architecture against its function."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

import hebbkern as hk
from hebbkern._graph import DEAD, FREE, HELD, OFF_CYCLE, SHARED, Block, balance_graph

EXPONENTS = (0.5, 1, 1.5, 2, 3)


# ---- an independent optimum ------------------------------------------------------------------------------------------


def terms(blocks):
    """Every weight as (value, receiver, sender, alpha)."""
    for b in blocks:
        w = np.atleast_2d(b.w)
        rows = np.full(w.shape[0], -1) if b.rows is None else b.rows
        cols = np.full(w.shape[1], -1) if b.cols is None else b.cols
        alphas = np.ones_like(w) if b.alphas is None else np.atleast_2d(b.alphas)
        for i, j in zip(*np.nonzero(w)):
            to, come = (cols[j], rows[i]) if b.transposed else (rows[i], cols[j])
            if b.alpha * alphas[i, j] > 0 and to != come:
                yield abs(w[i, j]), to, come, b.alpha * alphas[i, j]


def optimum(units, blocks, p, degree=None, free=None):
    """log λ at the least cost, by scipy on plain sums over all weights."""
    parts = p if isinstance(p, dict) else {p: 1.0}
    degree = np.ones(units) if degree is None else degree
    free = np.ones(units, bool) if free is None else free
    size, to, come, alpha = (np.array(x) for x in zip(*terms(blocks)))
    rows = np.zeros((len(size), units + 1))
    rows[np.arange(len(size)), to] += 1
    rows[np.arange(len(size)), come] -= np.append(degree, 0)[come]
    rows = rows[:, :-1][:, free]  # the exponents of λ in each weight

    def cost(x):
        return sum(c * alpha * size**q * np.exp(q * (rows @ x)) for q, c in parts.items()).sum()

    def gradient(x):
        return sum((c * q * alpha * size**q * np.exp(q * (rows @ x))) @ rows for q, c in parts.items())

    def hessian(x):
        weight = sum(c * q * q * alpha * size**q * np.exp(q * (rows @ x)) for q, c in parts.items())
        return rows.T @ (weight[:, None] * rows)

    x = minimize(cost, np.zeros(free.sum()), jac=gradient, hess=hessian, method="trust-exact", options={"gtol": 1e-12}).x
    for _ in range(5):  # to the last digits
        x = x - np.linalg.lstsq(hessian(x), gradient(x), rcond=None)[0]
    full = np.zeros(units)
    full[free] = x
    return full, cost, gradient


def feed_forward(random, sizes, skips=True, spread=1.0):
    """A directed acyclic graph of layers, each also joined to some earlier ones."""
    first = np.cumsum([0, *sizes[1:-1]])
    at = [None, *(np.arange(a, b) for a, b in zip(first, first[1:])), None]
    blocks = []
    for l in range(1, len(sizes)):
        for k in range(l):
            if k == l - 1 or (skips and random.random() < 0.4):
                w = random.standard_normal((sizes[l], sizes[k])) * np.exp(spread * random.standard_normal())
                blocks.append(Block(w, f"w{l}{k}", rows=at[l], cols=at[k]))
    return int(first[-1]), blocks, np.repeat(np.arange(len(sizes) - 2), sizes[1:-1])


def copies(blocks):
    return [Block(b.w.copy(), b.name, b.rows, b.cols, b.transposed, b.alpha, b.alphas, b.power) for b in blocks]


def all_weights(blocks):
    return np.concatenate([b.w.ravel() for b in blocks])


def scaled(blocks, lam, degree=None):
    """The weights of a graph with the scales λ, as a new list."""
    degree = np.ones(len(lam)) if degree is None else degree
    lam, send = np.append(lam, 1), np.append(lam**-degree, 1)
    out = copies(blocks)
    for b in out:
        rows = np.full(b.w.shape[0] if b.w.ndim == 2 else 1, -1) if b.rows is None else b.rows
        cols = np.full(b.w.shape[-1], -1) if b.cols is None else b.cols
        r, c = (send[rows], lam[cols]) if b.transposed else (lam[rows], send[cols])
        b.w *= ((r[:, None] * c) ** b.power).reshape(b.w.shape)
    return out


@pytest.mark.parametrize("p", [*EXPONENTS, 1.3, {1: 0.3, 2: 1.0}, {0.7: 1.0, 3: 2.0}])
@pytest.mark.parametrize("method", ["newton", "sweeps", "stochastic"])
def test_same_optimum_from_any_start(p, method):
    random = np.random.default_rng(7)
    units, blocks, group = feed_forward(random, [3, 5, 4, 6, 2])
    x, *_ = optimum(units, blocks, p)
    want = all_weights(scaled(blocks, np.exp(x)))
    for start in range(2):
        here = scaled(blocks, np.exp(start * random.standard_normal(units)))
        order = np.array([2, 0, 1]) if start and method == "sweeps" else None
        report = balance_graph(units, here, p=p, method=method, group=group, order=order, tol=1e-13, seed=start)
        assert report.reason in ("converged", "rounding") and report.residual < 1e-11
        np.testing.assert_allclose(all_weights(here), want, rtol=1e-8)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    p=st.sampled_from([*EXPONENTS, 2.7, {1: 0.5, 2: 0.5}]),
    sizes=st.lists(st.integers(1, 6), min_size=3, max_size=6),
    spread=st.floats(0, 3),
    density=st.floats(0.3, 1),
    recurrent=st.booleans(),
    degrees=st.booleans(),
)
def test_random_graphs(seed, p, sizes, spread, density, recurrent, degrees):
    random = np.random.default_rng(seed)
    units, blocks, group = feed_forward(random, sizes, spread=spread)
    if recurrent:  # weights among all units, self-weights too
        every = np.arange(units)
        blocks.append(Block(random.standard_normal((units, units)), "j", rows=every, cols=every))
    blocks.append(Block(random.standard_normal(units), "b", cols=np.arange(units), transposed=True, alpha=float(seed % 2)))
    degree = np.where(random.random(units) < 0.3, random.choice([0.5, 2.0], units), 1.0) if degrees and not recurrent else None
    for b in blocks:
        b.w *= random.random(b.w.shape) < density
        if random.random() < 0.3:
            b.alphas = random.random(b.w.shape) * (random.random(b.w.shape) < 0.9)
    before = copies(blocks)
    report = balance_graph(units, blocks, p=p, degree=degree, group=group, tol=1e-12)
    free = report.status == FREE
    assert set(report.status) <= {FREE, DEAD, OFF_CYCLE}
    assert np.all(report.scales[~free] == 1)
    np.testing.assert_allclose(all_weights(blocks), all_weights(scaled(before, report.scales, degree)), rtol=1e-13)
    if not free.any():
        return
    assert report.residual < 1e-9, report
    x, cost, gradient = optimum(units, before, p, degree, free)
    log = np.log(report.scales)
    # the cost is that of the independent optimum, and so are the weights; a part of the graph that is tied to nothing
    # has a factor to choose, which no weight that costs shows
    assert cost(log[free]) <= cost(x[free]) * (1 + 1e-9)
    ours, theirs = ([t[0] for t in terms(scaled(before, lam, degree))] for lam in (report.scales, np.exp(x)))
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    # the gradient of the cost is p (A − cB), by central differences
    if not isinstance(p, dict):
        step, zero = 1e-6, np.zeros(free.sum())
        for k, i in enumerate(np.flatnonzero(free)):
            e = np.eye(free.sum())[k] * step
            slope = (cost(e) - cost(-e)) / (2 * step)
            assert abs(slope - p * report.deficit[i]) <= 1e-6 * cost(zero) * max(p, 1) ** 3
    # and balanced weights are left alone
    again = copies(blocks)
    second = balance_graph(units, again, p=p, degree=degree, group=group, tol=1e-8)
    assert second.sweeps == 0 and all_weights(again).tobytes() == all_weights(blocks).tobytes()


# ---- every architecture keeps its function -----------------------------------------------------------------------------


def relative(a, b):
    return np.abs(a - b).max() / np.abs(b).max()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_mixed_activations_unit_by_unit(dtype):
    random = np.random.default_rng(3)
    sizes = [5, 7, 6, 4]
    weights = [random.standard_normal((o, i)).astype(dtype) for i, o in zip(sizes, sizes[1:])]
    biases = [random.standard_normal(o).astype(dtype) for o in sizes[1:]]
    kinds = [
        ["relu", "identity", "tanh", ("leaky_relu", 0.1), ("bilu", 0.5, 2.0), ("bipu", 2.0, 0.5), "sigmoid"],
        [("bipu", 0.5, 0.0), "relu", "relu", "gelu", ("bipu", 3.0, 1.0), "identity"],
    ]

    def apply(kind, z):
        name, *values = kind if isinstance(kind, tuple) else (kind,)
        if name == "bipu":
            return np.where(z > 0, np.abs(z) ** values[0], values[1] * np.abs(z) ** values[0])
        return {
            "relu": lambda: np.maximum(z, 0), "identity": lambda: z, "tanh": lambda: np.tanh(z),
            "leaky_relu": lambda: np.where(z < 0, values[0] * z, z), "sigmoid": lambda: 1 / (1 + np.exp(-z)),
            "bilu": lambda: np.where(z < 0, values[0] * z, values[1] * z), "gelu": lambda: z * 0.5 * (1 + np.tanh(z)),
        }[name]()  # fmt: skip

    def function(x):
        for l, (w, b) in enumerate(zip(weights, biases)):
            x = x @ w.T.astype(np.float64) + b
            if l < 2:
                x = np.stack([apply(k, x[:, u]) for u, k in enumerate(kinds[l])], 1)
        return x

    X = random.standard_normal((40, 5))
    want = function(X)
    deficits = hk.deficit(weights, biases, p=1.5, activation=kinds)
    report = hk.balance(weights, biases, p=1.5, activation=kinds)
    assert report.converged
    assert report.excluded == [(0, 2, "activation"), (0, 6, "activation"), (1, 3, "activation")]
    assert relative(function(X), want) < (2e-6 if dtype == np.float32 else 1e-13)
    degree = [k[1] if isinstance(k, tuple) and k[0] == "bipu" else 1.0 for layer in kinds for k in layer]
    power = [np.abs(w.astype(np.float64)) ** 1.5 for w in weights]
    a, b = np.concatenate([power[0].sum(1), power[1].sum(1)]), np.concatenate([power[1].sum(0), power[2].sum(0)])
    other = np.array([2, 6, 10])
    balanced = np.delete(a - degree * b, other) / np.delete(a + degree * b, other)
    assert np.abs(balanced).max() < (3e-6 if dtype == np.float32 else 1e-9)
    assert len(deficits) == 2 and deficits[0][5] != 0


def test_recurrent_invariants():
    """ReLU units in a loop, with input and output: self-weights, cycle products and eigenvalues stay."""
    random = np.random.default_rng(5)
    n = 8
    j, w_in, w_out, b = (random.standard_normal(s) for s in ((n, n), (n, 3), (2, n), (n,)))
    every = np.arange(n)

    def run(x):
        h = np.zeros(n)
        out = []
        for step in x:
            h = np.maximum(0.3 * j @ h + w_in @ step + b, 0)
            out.append(w_out @ h)
        return np.array(out)

    X = random.standard_normal((12, 3))
    want, eigen, diagonal, pairs = run(X), np.sort_complex(np.linalg.eigvals(j)), np.diag(j).copy(), j * j.T
    blocks = [
        Block(j, "j", rows=every, cols=every), Block(w_in, "in", rows=every), Block(w_out, "out", cols=every),
        Block(b, "b", cols=every, transposed=True, alpha=0.0),
    ]  # fmt: skip
    before = copies(blocks)
    report = balance_graph(n, blocks, p=2.0)
    assert report.reason == "converged" and np.all(report.status == FREE)
    assert relative(run(X), want) < 1e-13
    np.testing.assert_allclose(np.sort_complex(np.linalg.eigvals(j)), eigen, rtol=1e-9)
    np.testing.assert_allclose(np.diag(j), diagonal, rtol=1e-15)
    np.testing.assert_allclose(j * j.T, pairs, rtol=1e-12)
    x, *_ = optimum(n, before, 2.0)
    np.testing.assert_allclose(report.scales, np.exp(x), rtol=1e-8)
    for method in ("sweeps", "stochastic"):  # units of one group that interact are visited one by one
        again = copies(before)
        balance_graph(n, again, p=2.0, method=method, group=np.zeros(n, np.int64), tol=1e-12)
        np.testing.assert_allclose(again[0].w, j, rtol=1e-8)


def test_recurrent_alone_and_off_cycles():
    random = np.random.default_rng(6)
    n = 6
    every = np.arange(n)
    j = random.standard_normal((n, n))
    start = j.copy()
    report = balance_graph(n, [Block(j, "j", rows=every, cols=every)], p=1.0, tol=1e-12)
    assert report.reason == "converged" and np.all(report.status == FREE)
    off = np.abs(j) - np.diag(np.abs(np.diag(j)))
    np.testing.assert_allclose(off.sum(1), off.sum(0), rtol=1e-10)
    np.testing.assert_allclose(np.log(report.scales).sum(), 0, atol=1e-10)  # the common factor is 1
    np.testing.assert_allclose(j, start * report.scales[:, None] / report.scales, rtol=1e-12)
    # 0, 1, 2 in a loop that leads to 3, 4, 5 in a loop: the weights between them are on no cycle
    j = start.copy()
    j[:3, 3:] = 0
    kept = j.copy()
    report = balance_graph(n, [Block(j, "j", rows=every, cols=every)], p=1.0)
    assert np.all(report.status == OFF_CYCLE) and np.array_equal(j, kept) and report.sweeps == 0
    # with an input into the first and an output of the second all is on a cycle through what stays
    ends = [Block(random.standard_normal((n, 2)), "in", rows=every), Block(random.standard_normal((1, n)), "out", cols=every)]
    ends[0].w[3:] = 0
    ends[1].w[:, :3] = 0
    report = balance_graph(n, [Block(j, "j", rows=every, cols=every), *ends], p=1.0)
    assert np.all(report.status == FREE) and report.reason == "converged"
    # without a way out: the units that the input reaches and that do not reach an output are held
    report = balance_graph(n, [Block(j, "j", rows=every, cols=every), ends[0]], p=1.0)
    assert np.all(report.status == OFF_CYCLE)


def convolve(x, w, groups=1):
    """[batch, in, h, w] by [out, in/groups, k, k], same size."""
    k = w.shape[-1]
    padded = np.pad(x, ((0, 0), (0, 0), (k // 2, k // 2), (k // 2, k // 2)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (k, k), axis=(2, 3))
    parts = zip(np.split(windows, groups, 1), np.split(w, groups, 0))
    return np.concatenate([np.einsum("bihwkl,oikl->bohw", a, b) for a, b in parts], 1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_convolutions(dtype):
    """Convolution, depthwise convolution with a residual, pooling, flatten, Linear."""
    random = np.random.default_rng(8)
    first, depth, mix, dense = (
        random.standard_normal(s).astype(dtype) for s in ((6, 2, 3, 3), (6, 1, 3, 3), (6, 6, 1, 1), (3, 6 * 4 * 4))
    )
    bias = random.standard_normal(6).astype(dtype)

    def function(x):
        x = np.maximum(convolve(x, first.astype(np.float64)) + bias[:, None, None], 0)
        y = np.maximum(convolve(x, depth.astype(np.float64), 6), 0)
        x = np.maximum(x + convolve(y, mix.astype(np.float64)), 0)  # the sum of two: their channels share a scale
        x = x.reshape(*x.shape[:2], 4, 2, 4, 2).max((3, 5))
        return x.reshape(len(x), -1) @ dense.T.astype(np.float64)

    X = random.standard_normal((4, 2, 8, 8))
    want = function(X)
    stream, inner = np.arange(6), np.arange(6, 12)
    blocks = [
        Block(first.reshape(6, -1), "first", rows=stream),
        Block(bias, "bias", cols=stream, transposed=True, alpha=0.0),
        *(
            Block(depth.reshape(6, -1)[g : g + 1], f"depth {g}", rows=inner[g : g + 1], cols=np.full(9, g))
            for g in range(6)
        ),
        Block(mix.reshape(6, 6), "mix", rows=stream, cols=inner),
        Block(dense, "dense", cols=np.repeat(stream, 16)),
    ]
    before = [Block(b.w.astype(np.float64), b.name, b.rows, b.cols, b.transposed, b.alpha) for b in blocks]
    report = balance_graph(12, blocks, p=2.0)
    assert report.reason == "converged" and np.all(report.status == FREE)
    assert relative(function(X), want) < (2e-6 if dtype == np.float32 else 1e-13)
    x, *_ = optimum(12, before, 2.0)
    np.testing.assert_allclose(report.scales, np.exp(x), rtol=1e-6 if dtype == np.float32 else 1e-8)


def test_shared_weights():
    random = np.random.default_rng(9)
    # two copies of one network side by side, and their sum: units of the copies share their scales, weights cost once
    w, v = random.standard_normal((5, 3)), random.standard_normal((2, 5))
    a, b = np.arange(5), np.arange(5, 10)
    one = [Block(w.copy(), "w", rows=a), Block(v.copy(), "v", cols=a)]
    single = balance_graph(5, one, p=2.0, tol=1e-12)
    twice = balance_graph(
        10, [Block(w, "w", rows=a), Block(w, "w again", rows=b), Block(v, "v", cols=a), Block(v, "v again", cols=b)],
        p=2.0, tol=1e-12,
    )  # fmt: skip
    np.testing.assert_allclose(twice.scales, np.tile(single.scales, 2), rtol=1e-10)
    np.testing.assert_allclose(w, one[0].w, rtol=1e-10)
    assert twice.cost_after == pytest.approx(single.cost_after, rel=1e-12)
    # W₂ = W₁ᵀ: λ must be 1
    w = random.standard_normal((5, 3))
    kept = w.copy()
    report = balance_graph(5, [Block(w, "w", rows=a), Block(w, "w transposed", rows=a, transposed=True)], p=2.0)
    assert np.all(report.status == SHARED) and np.array_equal(w, kept)
    # the same matrix at two places of a chain
    square, head = random.standard_normal((4, 4)), random.standard_normal((2, 4))
    ws = [square, square, head]
    report = hk.balance(ws, p=2.0)
    assert report.excluded == [(0, None, "shared"), (1, None, "shared")] and report.sweeps == 0


# ---- methods, costs, selections --------------------------------------------------------------------------------------------


def layers(random, sizes, dtype=np.float64):
    return [random.standard_normal((o, i)).astype(dtype) for i, o in zip(sizes, sizes[1:])], [
        random.standard_normal(o).astype(dtype) for o in sizes[1:]
    ]


@pytest.mark.parametrize("p", [1, 2, 0.7])
def test_tied_has_the_closed_form(p):
    weights, biases = layers(np.random.default_rng(1), [5, 7, 6, 8, 3])
    old = [w.copy() for w in weights], [b.copy() for b in biases]
    report = hk.balance(weights, biases, p=p, method="tied", tol=1e-13)
    s = np.array([(np.abs(w) ** p).sum() for w in old[0]])
    m = (np.prod(s) ** (1 / len(s)) / s) ** (1 / p)
    for l in range(4):
        np.testing.assert_allclose(weights[l], old[0][l] * m[l], rtol=1e-11)
        np.testing.assert_allclose(biases[l], old[1][l] * np.prod(m[: l + 1]), rtol=1e-11)
    assert report.converged and all(len(set(scales)) == 1 for scales in report.scales)


def test_odd_even_and_stochastic():
    weights, biases = layers(np.random.default_rng(2), [5, 7, 6, 8, 3])
    want = [w.copy() for w in weights]
    hk.balance(want, p=1.3, tol=1e-12)
    for options in (dict(method="sweeps", order="odd-even"), dict(method="stochastic", seed=5), dict(method="sweeps")):
        w, again = [w.copy() for w in weights], [w.copy() for w in weights]
        report = hk.balance(w, p=1.3, tol=1e-12, **options)
        assert report.converged and report.method == options["method"]
        for a, b in zip(w, want):
            np.testing.assert_allclose(a, b, rtol=1e-9)
        hk.balance(again, p=1.3, tol=1e-12, **options)
        assert all(np.array_equal(a, b) for a, b in zip(w, again))
    a, b = ([w.copy() for w in weights] for _ in range(2))
    hk.balance(a, method="stochastic", seed=1, max_sweeps=1)
    hk.balance(b, method="stochastic", seed=2, max_sweeps=1)
    assert not np.array_equal(a[0], b[0])


def test_weights_of_the_cost():
    random = np.random.default_rng(3)
    weights, _ = layers(random, [5, 7, 6, 3])
    alpha = [0.5, random.random((6, 7)), 2]
    before = [w.copy() for w in weights]
    report = hk.balance(weights, alpha=alpha, p=1.5, tol=1e-12)
    cost = [np.broadcast_to(a, w.shape) * np.abs(w) ** 1.5 for a, w in zip(alpha, weights)]
    for l in range(2):
        np.testing.assert_allclose(cost[l].sum(1), cost[l + 1].sum(0), rtol=1e-10)
    np.testing.assert_allclose(report.cost_after, sum(c.sum() for c in cost), rtol=1e-10)
    # a mask is alpha of 0 and 1: the same as weights of 0
    mask = random.random((6, 7)) < 0.5
    sparse = [before[0].copy(), before[1] * mask, before[2].copy()]
    dense = [w.copy() for w in before]
    hk.balance(sparse, tol=1e-12)
    hk.balance(dense, alpha=[1, mask.astype(np.float64), 1], tol=1e-12)
    np.testing.assert_allclose(dense[1] * mask, sparse[1], rtol=1e-9)


def test_mixture_of_costs():
    weights, biases = layers(np.random.default_rng(4), [5, 7, 6, 3])
    report = hk.balance(weights, biases, p={1: 0.3, 2: 1.0}, tol=1e-12)
    slope = [0.3 * np.abs(w) + 2 * w * w for w in weights]  # w g′(w)
    for l in range(2):
        np.testing.assert_allclose(slope[l].sum(1), slope[l + 1].sum(0), rtol=1e-10)
    np.testing.assert_allclose(report.cost_after, sum((0.3 * np.abs(w) + w * w).sum() for w in weights), rtol=1e-10)
    assert report.p == {1.0: 0.3, 2.0: 1.0} and max(np.abs(d).max() for d in hk.deficit(weights, p=report.p)) < 1e-9


def test_only_some_units_move():
    weights, biases = layers(np.random.default_rng(5), [5, 7, 6, 3])
    old = [w.copy() for w in weights]
    some = np.array([True, False] * 3)
    report = hk.balance(weights, biases, only=[False, some], tol=1e-12)
    assert np.array_equal(weights[0], old[0]) and np.array_equal(weights[1][~some], old[1][~some])
    assert report.excluded == [(0, None, "held"), (1, 1, "held"), (1, 3, "held"), (1, 5, "held")]
    deficit = (weights[1] ** 2).sum(1) - (weights[2] ** 2).sum(0)
    assert np.abs(deficit[some]).max() < 1e-9 < np.abs(deficit[~some]).min()
    # layer after layer, again and again, ends at the balanced state
    for _ in range(60):
        for l in range(2):
            hk.balance(weights, biases, only=[l == 0, l == 1], tol=1e-12)
    want = [w.copy() for w in old]
    hk.balance(want, tol=1e-12)
    np.testing.assert_allclose(weights[1], want[1], rtol=1e-8)


def test_buffers_of_an_optimizer():
    random = np.random.default_rng(6)
    weights, biases = layers(random, [5, 7, 6, 3], np.float32)
    m, s = (layers(random, [5, 7, 6, 3], np.float32) for _ in range(2))
    old_w, old_b = [w.copy() for w in weights], [b.copy() for b in biases]
    old_m, old_s = ([[a.copy() for a in part] for part in pair] for pair in (m, s))
    report = hk.balance(weights, biases, momentum=m, squares=s)
    scale = [np.ones(5), *report.scales, np.ones(3)]
    for l in range(3):
        factor = scale[l + 1][:, None] / scale[l]
        np.testing.assert_allclose(weights[l], old_w[l] * factor, rtol=1e-5)
        np.testing.assert_allclose(m[0][l], old_m[0][l] / factor, rtol=1e-5)
        np.testing.assert_allclose(s[0][l], old_s[0][l] / factor**2, rtol=1e-5)
        np.testing.assert_allclose(biases[l], old_b[l] * scale[l + 1], rtol=1e-5)
        np.testing.assert_allclose(m[1][l], old_m[1][l] / scale[l + 1], rtol=1e-5)
        np.testing.assert_allclose(s[1][l], old_s[1][l] / scale[l + 1] ** 2, rtol=1e-5)


def test_a_step_at_a_time_ends_where_one_call_does():
    weights, biases = layers(np.random.default_rng(7), [5, 7, 6, 8, 3])
    want = [w.copy() for w in weights]
    hk.balance(want, tol=1e-12)
    for _ in range(60):
        report = hk.balance(weights, biases, tol=1e-12, max_sweeps=1)
        if report.converged:
            break
    assert report.converged
    np.testing.assert_allclose(weights[2], want[2], rtol=1e-9)


def test_held_units_and_nearly_dead_ones():
    random = np.random.default_rng(8)
    weights, _ = layers(random, [5, 7, 6, 3])
    weights[0][2] *= 1e-150
    weights[1][:, 3] *= 1e-120
    weights[1][4] *= 1e100
    report = hk.balance(weights, p=2.0)
    assert report.converged and report.dead == [] and report.scales[0][2] > 1e50
    dead = [np.zeros((4, 3)), np.ones((2, 4))]
    report = hk.balance(dead)
    assert report.converged and len(report.dead) == 4 and report.sweeps == 0
    held = balance_graph(2, [Block(np.ones((2, 3)), "w", rows=np.arange(2))], p=2.0, held=np.ones(2, np.uint8))
    assert list(held.status) == [HELD, HELD] and held.sweeps == 0
