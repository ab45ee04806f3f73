"""Rules of the user's own: against the built-in rule with the same mapping, and what a mapping may not do."""

import numpy as np
import pytest

import hebbkern as hk

R = hk.rules
OUT, IN, SAMPLES = 5, 8, 30


def data(dtype=np.float64, seed=5):
    random = np.random.default_rng(seed)
    w, X, Y = (random.standard_normal(shape).astype(dtype) for shape in ((OUT, IN), (SAMPLES, IN), (SAMPLES, OUT)))
    return w * dtype(0.3), X * dtype(0.3), Y


# For each built-in rule the mapping that it is, written so that it takes one sample and samples in rows.
MAPS = {
    "Hebb": (R.Hebb(0.1), lambda x, y, s: {"g": 0.1 * y}),
    "Decay": (R.Decay(0.1, 0.02), lambda x, y, s: {"g": 0.1 * y, "decay": 0.02}),
    "Oja": (R.Oja(0.1), lambda x, y, s: {"g": 0.1 * y, "decay": 0.1 * y * y}),
    "Outstar": (R.Outstar(0.1), lambda x, y, s: {"g": 0.1 * y, "col_decay": 0.1 * x}),
    "PostGated": (R.PostGated(0.1, 0.25), lambda x, y, s: {"g": 0.1 * y, "x": x - 0.25}),
    "ABCD": (
        R.ABCD(0.1, 1, -0.5, 2, 0.25),
        lambda x, y, s: {"g": 0.1 * y, "col_add": -0.05 * x, "row_add": 0.1 * (2 * y + 0.25)},
    ),
    "only decay": (R.Decay(0.0, 0.02), lambda x, y, s: {"decay": 0.02}),
}


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("vectorized", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("given", [False, True])
def test_equals_the_rule(name, vectorized, dtype, given):
    builtin, mapping = MAPS[name]
    start, X, Y = data(dtype)
    tolerance = 200 * np.finfo(dtype).eps
    for reduction in ("sequential", "sum", "mean"):
        for normalize in (None,) if name == "only decay" else (None, "max"):
            want, found = start.copy(), start.copy()
            custom = R.Custom(mapping, lr=0.1, vectorized=vectorized)
            y = Y if given else None
            expected = builtin.update(want, X, y, reduction=reduction, normalize=normalize)
            answers = custom.update(found, X, y, reduction=reduction, normalize=normalize)
            np.testing.assert_allclose(found, want, rtol=tolerance, atol=tolerance)
            np.testing.assert_allclose(answers, expected, rtol=tolerance, atol=tolerance)
    one, many = start.copy(), start.copy()
    custom = R.Custom(mapping, vectorized=vectorized)
    answers = custom.update(many, X, Y if given else None)
    for b, x in enumerate(X):
        assert np.array_equal(custom.update(one, x, Y[b] if given else None), answers[b])
    assert np.array_equal(one, many)


@pytest.mark.parametrize("name", sorted(set(MAPS) - {"Outstar"}))
def test_blocks(name):
    _, mapping = MAPS[name]
    start, X, Y = data()
    want = start.copy()
    R.Custom(mapping, vectorized=True).update(want, X, Y)
    for block in (1, 7, SAMPLES, 100):
        found = start.copy()
        R.Custom(mapping, vectorized=True).update(found, X, Y, block=block)
        np.testing.assert_allclose(found, want, rtol=1e-13, atol=1e-13)


def test_a_vectorised_mapping_is_called_once():
    start, X, Y = data()
    calls = []

    def mapping(x, y, state):
        calls.append(x.shape)
        return {"g": 0.1 * y}

    rule = R.Custom(mapping, vectorized=True)
    rule.update(start, X, Y)
    rule.update(start, X, reduction="mean")
    rule.update(start, X, Y, block=10)
    assert calls == [X.shape] * 2 + [(10, IN)] * 3
    calls.clear()
    rule.update(start, X)
    assert calls == [(1, IN)] * SAMPLES


def test_state():
    """BCM with a threshold in the state, which the mapping steps after it has read it."""
    start, X, _ = data()

    def bcm(x, y, state):
        theta = state.setdefault("theta", np.ones(OUT))
        g = 0.1 * y * (y - theta)
        state["theta"] = 0.25 * y**2 + 0.75 * theta
        return {"g": g}

    want, found = start.copy(), start.copy()
    builtin, custom = R.BCM(0.1, 0.25), R.Custom(bcm)
    builtin.update(want, X)
    custom.update(found, X)
    np.testing.assert_allclose(found, want, rtol=1e-12)
    np.testing.assert_allclose(custom.state["theta"], builtin.theta, rtol=1e-12)
    own = {"theta": np.zeros(OUT)}
    assert R.Custom(bcm, state=own).state is own


def test_empty_batches_and_rows_apart():
    w = np.full((2, 5), np.nan)
    w[:, 1:4] = 1
    rule = R.Custom(lambda x, y, s: {"g": y}, vectorized=True)
    assert rule.update(w[:, 1:4], np.zeros((0, 3))).shape == (0, 2)
    rule.update(w[:, 1:4], np.ones((3, 3)), np.ones((3, 2)), block=2)
    assert (w[:, 1:4] == 4).all() and np.isnan(w[:, [0, 4]]).all()


@pytest.mark.parametrize(
    "mapping, kind",
    [
        (lambda x, y, s: None, TypeError),
        (lambda x, y, s: {"h": y}, ValueError),
        (lambda x, y, s: {"g": x}, ValueError),
        (lambda x, y, s: {"g": y, "x": y}, ValueError),
        (lambda x, y, s: {"g": y, "decay": "a"}, ValueError),
        (lambda x, y, s: {"x": x}, ValueError),
    ],
)
@pytest.mark.parametrize("vectorized", [False, True])
def test_mappings_that_are_refused(mapping, kind, vectorized):
    w, X, Y = data()
    before = w.copy()
    with pytest.raises(kind) as caught:
        R.Custom(mapping, vectorized=vectorized).update(w, X, Y)
    assert caught.value.argument == "map" and "map" in str(caught.value)
    assert np.array_equal(w, before)


def test_arguments_that_are_refused():
    w, X, Y = data()
    before, rule = w.copy(), R.Custom(lambda x, y, s: {"g": y}, vectorized=True)
    outstar = R.Custom(lambda x, y, s: {"col_decay": 0.1 * x}, vectorized=True)
    for call, argument in (
        (lambda: rule.update(w, X.astype(np.float32)), "x"), (lambda: rule.update(w.astype(int), X), "w"), (lambda: rule.update(w, X[:, 1:]), "x"),
        (lambda: rule.update(w, X, Y[1:]), "y"), (lambda: rule.update(w, X[0], Y), "y"), (lambda: rule.update(w[0], X), "w"),
        (lambda: rule.update(w, w, Y[:OUT]), "x"), (lambda: rule.update(w, X, block=3), "block"), (lambda: rule.update(w, X, Y, block=0), "block"),
        (lambda: rule.update(w, X, Y, block=3, reduction="sum"), "block"), (lambda: rule.update(w, X, Y, block=3, normalize="max"), "block"),
        (lambda: R.Custom(rule.map).update(w, X, Y, block=3), "block"), (lambda: outstar.update(w, X, Y, block=3), "block"),
        (lambda: rule.update(w, X, reduction="all"), "reduction"), (lambda: rule.update(w, X, normalize="min"), "normalize"),
    ):  # fmt: skip
        with pytest.raises((ValueError, TypeError)) as caught:
            call()
        assert isinstance(caught.value, hk.HebbkernError) and caught.value.argument == argument
        assert np.array_equal(w, before)
    w.flags.writeable = False
    with pytest.raises(ValueError, match="w "):
        rule.update(w, X)


def test_divergence():
    w, X, Y = data()
    good = w.copy()
    rule = R.Custom(lambda x, y, s: {"g": 0.1 * y})
    rule.update(good, X[:12])
    X[12, 3] = np.nan
    with pytest.raises(hk.DivergenceError, match="sample 12") as caught:
        rule.update(w, X)
    assert caught.value.sample == caught.value.done == 12 and np.array_equal(w, good)
    with pytest.raises(hk.DivergenceError, match="x not finite at sample 12"):
        rule.update(w, X, reduction="sum")
    assert np.array_equal(w, good)
    Y[7, 1] = np.inf
    with pytest.raises(hk.DivergenceError, match="g not finite at sample 7"):
        R.Custom(rule.map, vectorized=True).update(w, X[:10], Y[:10])
    assert np.array_equal(w, good)
    with np.errstate(over="ignore", invalid="ignore"), pytest.raises(hk.DivergenceError, match="the weights not finite"):
        R.Custom(lambda x, y, s: {"g": 1e300 * y, "x": 1e300 * x}).update(w, X[:10])
