"""balance_graph of populations and projections, of any shape."""

import numpy as np
import pytest

import hebbkern as hk
from hebbkern import Population, Projection


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def relu(x):
    return np.maximum(x, 0)


def relative(a, b):
    return np.abs(a - b).max() / np.abs(b).max()


def test_layers_are_balanced_as_balance_does(rng):
    w = [rng.standard_normal(s) for s in ((7, 4), (5, 7), (3, 5))]
    b = [rng.standard_normal(n) for n in (7, 5)]
    same, bias = [m.copy() for m in w], [v.copy() for v in b]
    wanted = hk.balance(w, [*b, None], p=1.5, include_bias=True, activation=["relu", ("bipu", 2.0, 0.5)])
    populations = {"a": Population(7, bias=bias[0]), "b": Population(5, ("bipu", 2.0, 0.5), bias[1])}
    projections = [Projection(same[0], None, "a"), Projection(same[1], "a", "b"), Projection(same[2], "b")]
    deficits = hk.deficit_graph(populations, projections, p=1.5, include_bias=True)
    report = hk.balance_graph(populations, projections, p=1.5, include_bias=True)
    for x, y in zip([*same, *bias, *report.scales], [*w, *b, *wanted.scales]):
        np.testing.assert_array_equal(x, y)
    assert report.cost_after == wanted.cost_after and report.modules == ["a", "b"]
    assert sum((d**2).sum() for d in deficits.values()) == pytest.approx(report.deficit_before)


@pytest.mark.parametrize(("dtype", "bound"), [(np.float32, 2e-6), (np.float64, 1e-13)])
@pytest.mark.parametrize("method", ["newton", "sweeps", "stochastic"])
def test_recurrence_and_skips(rng, dtype, bound, method):
    """x → a ⟲, a → b → y, a → y, b → a: the function of five steps stays, and every unit is in balance."""
    def draw(*shape):
        return rng.standard_normal(shape).astype(dtype)

    ax, aa, ab, ba, yb, ya, bias = draw(6, 3), 0.5 * draw(6, 6), 0.3 * draw(6, 4), draw(4, 6), draw(2, 4), draw(2, 6), draw(6)

    def run(x):
        a, b = np.zeros(6), np.zeros(4)
        for _ in range(5):
            a, b = relu(ax.astype(float) @ x + aa.astype(float) @ a + ab.astype(float) @ b + bias), relu(ba.astype(float) @ a)
        return yb.astype(float) @ b + ya.astype(float) @ a

    xs = rng.standard_normal((8, 3))
    before, self_weights = np.array([run(x) for x in xs]), np.diag(aa).copy()
    populations = {"a": Population(6, "relu", bias), "b": Population(4)}
    projections = [
        Projection(ax, post="a"), Projection(aa, "a", "a"), Projection(ab, "b", "a"), Projection(ba, "a", "b"),
        Projection(yb, "b"), Projection(ya, "a"),
    ]  # fmt: skip
    report = hk.balance_graph(populations, projections, method=method)
    assert report.converged
    assert relative(np.array([run(x) for x in xs]), before) <= bound
    np.testing.assert_allclose(np.diag(aa), self_weights, rtol=1e-6 if dtype == np.float32 else 1e-15)
    off = aa.astype(float) * (1 - np.eye(6))
    into = (ax.astype(float) ** 2).sum(1) + (off**2).sum(1) + (ab.astype(float) ** 2).sum(1)
    out = (off**2).sum(0) + (ba.astype(float) ** 2).sum(0) + (ya.astype(float) ** 2).sum(0)
    np.testing.assert_allclose(into, out, rtol=1e-5 if dtype == np.float32 else 1e-8)


def convolve(x, w, groups):
    """x [in, n] with w [out, in/groups, k], valid."""
    out, into, k = w.shape
    windows = np.lib.stride_tricks.sliding_window_view(x, k, axis=1)  # [in, positions, k]
    per = out // groups
    return np.concatenate([
        np.einsum("cpk,ock->op", windows[g * into : (g + 1) * into], w[g * per : (g + 1) * per]) for g in range(groups)
    ])  # fmt: skip


def test_convolution_groups_flattening_and_residual(rng):
    """x [2, 9] → conv 4 → relu → grouped conv 4 + the channels as they are (cropped) → relu → flatten → dense."""
    c1, c2 = rng.standard_normal((4, 2, 3)), rng.standard_normal((4, 2, 1))
    d, b1 = rng.standard_normal((3, 4 * 7)), rng.standard_normal(4)

    def run(x):
        first = relu(convolve(x, c1, 1) + b1[:, None])
        return d @ relu(convolve(first, c2, 2) + first).reshape(-1)

    xs = rng.standard_normal((6, 2, 9))
    before = np.array([run(x) for x in xs])
    populations = {"first": Population(4, bias=b1), "second": Population(4)}
    projections = [
        Projection(c1, None, "first"), Projection(c2, "first", "second", groups=2), Projection(None, "first", "second"),
        Projection(d, "second", positions=7),
    ]  # fmt: skip
    report = hk.balance_graph(populations, projections, p=1)
    assert report.converged and report.cost_after < report.cost_before
    np.testing.assert_array_equal(*report.scales)
    assert relative(np.array([run(x) for x in xs]), before) <= 1e-13


def test_shared_sparse_masked_and_tied(rng):
    shared = rng.standard_normal((5, 5))
    populations = {"a": Population(5), "b": Population(5)}
    w0, w2 = rng.standard_normal((5, 3)), rng.standard_normal((2, 5))
    xs = rng.standard_normal((4, 3))

    def run():
        return relu(relu(xs @ w0.T) @ shared.T) @ w2.T

    before = run()
    report = hk.balance_graph(
        populations, [Projection(w0, None, "a"), Projection(shared, "a", "b"), Projection(w2, "b")], method="tied"
    )
    assert all(np.ptp(s) == 0 for s in report.scales) and relative(run(), before) <= 1e-13
    # the mask leaves elements out of the cost and not out of the scaling
    mask = (rng.random((5, 5)) < 0.5).astype(float)
    dense = [w0.copy(), shared * mask, w2.copy()]
    sparse = hk.CSR.from_dense(shared * mask)
    masked = shared.copy()
    a = hk.balance_graph(populations, [Projection(dense[0], None, "a"), Projection(dense[1], "a", "b"), Projection(dense[2], "b")])
    b = hk.balance_graph(populations, [Projection(w0.copy(), None, "a"), Projection(sparse, "a", "b"), Projection(w2.copy(), "b")])
    c = hk.balance_graph(
        populations,
        [Projection(w0.copy(), None, "a"), Projection(masked, "a", "b", alpha=mask), Projection(w2.copy(), "b")],
    )
    for other in (b, c):
        for x, y in zip(a.scales, other.scales):
            np.testing.assert_allclose(x, y, rtol=1e-9)
    np.testing.assert_allclose(sparse.to_dense(), dense[1], rtol=1e-9)
    np.testing.assert_allclose(masked * mask, dense[1], rtol=1e-9)
    # one array at two places: the units on both of its sides have one scale
    twice = rng.standard_normal((5, 5))
    report = hk.balance_graph(
        {"a": Population(5), "b": Population(5), "c": Population(5)},
        [Projection(w0, None, "a"), Projection(twice, "a", "b"), Projection(twice, "b", "c"), Projection(w2, "c")],
    )
    assert {reason for _, _, reason in report.excluded} <= {"shared"}


def test_what_is_left_as_it_was(rng):
    w0, w1, w2 = (rng.standard_normal(s) for s in ((3, 2), (3, 3), (2, 3)))
    populations = {"a": Population(3, ["relu", "tanh", "relu"]), "b": Population(3, held=True)}
    report = hk.balance_graph(populations, [Projection(w0, None, "a"), Projection(w1, "a", "b"), Projection(w2, "b")])
    assert report.excluded == [(0, 1, "activation"), (1, None, "held")]
    assert report.scales[0][1] == 1 and (report.scales[0][[0, 2]] != 1).all() and (report.scales[1] == 1).all()
    # what is added to the output, or to inputs, cannot be scaled; nor what a unit of another degree is added to
    for added in (Projection(None, "a"), Projection(None, None, "a")):
        report = hk.balance_graph({"a": Population(3)}, [Projection(w0, None, "a"), Projection(w2, "a"), added])
        assert report.excluded == [(0, None, "added")]
    report = hk.balance_graph(
        {"a": Population(3, ("bipu", 2.0, 0.5)), "b": Population(3)},
        [Projection(w0, None, "a"), Projection(w1, "a", "b"), Projection(None, "a", "b"), Projection(w2, "b")],
    )
    assert report.excluded == [(0, None, "added"), (1, None, "added")]


def good():
    w0, w1, b = np.ones((3, 2)), np.ones((2, 3)), np.ones(3)
    return {"a": Population(3, bias=b)}, [Projection(w0, None, "a"), Projection(w1, "a")]


@pytest.mark.parametrize(("change", "error", "named"), [
    (lambda n, q: ([], q), TypeError, "populations"),
    (lambda n, q: ({"a": 3}, q), TypeError, "populations"),
    (lambda n, q: ({"a": Population(0)}, q), ValueError, "units"),
    (lambda n, q: ({"a": Population(3.0)}, q), TypeError, "units"),
    (lambda n, q: ({"a": Population(4)}, q), ValueError, "w of projections"),
    (lambda n, q: ({"a": Population(3, ["relu"] * 2)}, q), ValueError, "activation"),
    (lambda n, q: ({"a": Population(3, "swish")}, q), ValueError, "activation"),
    (lambda n, q: ({"a": Population(3, bias=np.ones(4))}, q), ValueError, "bias"),
    (lambda n, q: ({"a": Population(3, bias=np.ones(3, np.float32))}, q), TypeError, "bias"),
    (lambda n, q: (n, {}), TypeError, "projections"),
    (lambda n, q: (n, []), ValueError, "projections"),
    (lambda n, q: (n, [*q, "w"]), TypeError, "projections"),
    (lambda n, q: (n, [*q, Projection(np.ones((3, 3)), "a", "c")]), ValueError, "post of projections"),
    (lambda n, q: (n, [*q, Projection(np.ones((3, 3)), "c", "a")]), ValueError, "pre of projections"),
    (lambda n, q: (n, [*q, Projection(np.ones((3, 3), np.float32), "a", "a")]), TypeError, "w of projections"),
    (lambda n, q: (n, [*q, Projection(np.ones((3, 4)), "a", "a")]), ValueError, "w of projections"),
    (lambda n, q: (n, [*q, Projection(np.full((3, 3), np.nan), "a", "a")]), ValueError, "w of projections"),
    (lambda n, q: (n, [*q, Projection(np.ones((3, 3)), "a", "a", groups=3)]), ValueError, "groups"),
    (lambda n, q: (n, [*q, Projection(np.ones((3, 3, 2)), "a", "a", groups=2)]), ValueError, "w of projections"),
    (lambda n, q: (n, [*q, Projection(np.ones((3, 3)), "a", "a", positions=0)]), ValueError, "positions"),
    (lambda n, q: (n, [*q, Projection(np.ones((3, 3)), "a", "a", alpha=np.ones((3, 2)))]), ValueError, "alpha"),
    (lambda n, q: (n, [*q, Projection(np.ones((3, 3)), "a", "a", alpha=-1.0)]), ValueError, "alpha"),
    (lambda n, q: (n, [*q, Projection(hk.CSR.from_dense(np.eye(3)), "a", "a", alpha=np.eye(3))]), TypeError, "alpha"),
    (lambda n, q: ({**n, "b": Population(2)}, [*q, Projection(None, "a", "b")]), ValueError, "adds 3 units to 2"),
])  # fmt: skip
def test_refusals_change_nothing(change, error, named):
    populations, projections = good()
    w = [q.w for q in projections] + [populations["a"].bias]
    kept = [a.copy() for a in w]
    w[0][0, 0], kept[0][0, 0] = 3.0, 3.0
    changed = change(populations, projections)
    for call in (hk.balance_graph, hk.deficit_graph):
        with pytest.raises(error, match=named):
            call(*changed)
    for a, b in zip(w, kept):
        np.testing.assert_array_equal(a, b)


def test_repeatable_bits_on_threads(rng):
    w = [rng.standard_normal(s).astype(np.float32) for s in ((300, 40), (300, 300), (10, 300))]
    found = []
    threads = hk.get_num_threads()
    try:
        for n in (1, 2, 3):
            hk.set_num_threads(n)
            v = [m.copy() for m in w]
            hk.balance_graph({"a": Population(300)}, [Projection(v[0], None, "a"), Projection(v[1], "a", "a"), Projection(v[2], "a")])
            found.append(b"".join(m.tobytes() for m in v))
    finally:
        hk.set_num_threads(threads)
    assert len(set(found)) == 1
