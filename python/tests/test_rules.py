"""The rules against their equations in NumPy, and the behaviour that their papers promise."""

import numpy as np
import pytest

import hebbkern as hk

RULES = [hk.rules.Hebb(0.1), hk.rules.Decay(0.1, 0.02), hk.rules.Oja(0.1), hk.rules.Sanger(0.1)]
DTYPES = (np.float32, np.float64)
ids = lambda rule: type(rule).__name__  # noqa: E731


def change(rule, w, x, y):
    """Δw of one sample, from the table of maths.md."""
    if isinstance(rule, hk.rules.Sanger):
        before = np.tril(np.ones((len(y), len(y))))  # Σ_{k ≤ i}
        return rule.lr * y[:, None] * (x - before @ (y[:, None] * w))
    hebb = rule.lr * np.outer(y, x)
    if isinstance(rule, hk.rules.Decay):
        return hebb - rule.decay * w
    return hebb - rule.lr * y[:, None] ** 2 * w if isinstance(rule, hk.rules.Oja) else hebb


@pytest.mark.parametrize("rule", RULES, ids=ids)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("given", [False, True])
def test_equations(rule, dtype, given):
    random = np.random.default_rng(5)
    holder = random.standard_normal((7, 30)).astype(dtype) * dtype(0.3)
    guard = holder.copy()
    w = holder[:, 3:20]
    X = random.standard_normal((9, 17)).astype(dtype)
    Y = random.standard_normal((9, 7)).astype(dtype) if given else None
    tolerance = 200 * np.finfo(dtype).eps
    want, outputs = w.astype(np.float64), []
    for b, x in enumerate(X.astype(np.float64)):
        y = want @ x if Y is None else Y[b].astype(np.float64)
        outputs.append(y)
        want = want + change(rule, want, x, y)
    y = rule.update(w, X, Y)
    np.testing.assert_allclose(w, want, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(y, outputs, rtol=tolerance, atol=tolerance)
    guard[:, 3:20] = w
    assert np.array_equal(holder, guard), "between the rows"
    for reduction in ("sum", "mean"):
        for normalize in (None, "max"):
            v = w.copy()
            old = v.astype(np.float64)
            ys = X.astype(np.float64) @ old.T if Y is None else Y.astype(np.float64)
            delta = sum(change(rule, old, x, y) for x, y in zip(X.astype(np.float64), ys))
            delta = delta / len(X) if reduction == "mean" else delta
            if normalize:
                delta = rule.lr * delta / max(np.abs(delta).max(), 1e-30)
            rule.update(v, X, Y, reduction=reduction, normalize=normalize)
            np.testing.assert_allclose(v, old + delta, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("rule", RULES, ids=ids)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_batch_is_its_samples(rule, dtype):
    random = np.random.default_rng(6)
    start = random.standard_normal((6, 40)).astype(dtype) * dtype(0.1)
    X = random.standard_normal((300, 40)).astype(dtype) * dtype(0.2)
    one, many, pairs = start.copy(), start.copy(), start.copy()
    Y = rule.update(many, X)
    for x, y in zip(X, Y):
        assert np.array_equal(rule.update(one, x), y)
    for k in range(0, 300, 2):
        rule.update(pairs, X[k : k + 2])
    assert np.array_equal(one, many) and np.array_equal(pairs, many)


def test_large_batches_are_cut_and_have_the_same_bits():
    random = np.random.default_rng(7)
    X = random.standard_normal((3000, 600)).astype(np.float32) * np.float32(0.01)
    start = random.standard_normal((50, 600)).astype(np.float32)
    many, one = start.copy(), start.copy()
    rule = hk.rules.Oja(0.01)
    rule.update(many, X)
    for k in range(0, 3000, 100):
        rule.update(one, X[k : k + 100])
    assert np.array_equal(one, many)


def test_empty_batches():
    w = np.ones((2, 3))
    for reduction in ("sequential", "sum", "mean"):
        assert hk.rules.Oja(0.1).update(w, np.zeros((0, 3)), reduction=reduction).shape == (0, 2)
    assert (w == 1).all()


def principal_axes(X, k):
    return np.linalg.svd(X, full_matrices=False)[2][:k]


def test_oja_finds_the_first_component():
    random = np.random.default_rng(1)
    X = random.standard_normal((4000, 5)) * [3, 2, 1, 0.5, 0.1] @ np.linalg.qr(random.standard_normal((5, 5)))[0]
    w = random.standard_normal((1, 5)) * 0.1
    for _ in range(500):
        hk.rules.Oja(0.02).update(w, X, reduction="mean")
    assert abs(np.linalg.norm(w) - 1) < 1e-6
    assert np.arccos(min(1, abs(w[0] @ principal_axes(X, 1)[0]))) < 1e-3


def test_sanger_finds_the_components_in_order():
    random = np.random.default_rng(2)
    X = random.standard_normal((4000, 6)) * [4, 3, 2, 1, 0.5, 0.1] @ np.linalg.qr(random.standard_normal((6, 6)))[0]
    w = random.standard_normal((3, 6)) * 0.1
    for _ in range(4000):
        hk.rules.Sanger(0.02).update(w, X, reduction="mean")
    angles = np.arccos(np.minimum(1, np.abs((w * principal_axes(X, 3)).sum(1))))
    assert (angles < 1e-3).all() and np.allclose(np.linalg.norm(w, axis=1), 1, atol=1e-6)


def test_hebb_grows_and_decay_bounds():
    random = np.random.default_rng(3)
    X = random.standard_normal((2000, 4))
    free, held = np.full((1, 4), 0.1), np.full((1, 4), 0.1)
    sizes = []
    for x in X:
        hk.rules.Hebb(0.01).update(free, x)
        hk.rules.Decay(0.01, 0.05).update(held, x, np.sign(x[:1]))
        sizes.append(np.square(free).sum())
    assert sizes[-1] > 1e6 * sizes[0] and np.square(held).sum() < 4


@pytest.mark.parametrize("rule", RULES, ids=ids)
def test_divergence_names_the_sample(rule):
    random = np.random.default_rng(4)
    start = random.standard_normal((3, 5))
    X = random.standard_normal((8, 5)) * 0.1
    good = start.copy()
    rule.update(good, X[:4])
    X[4, 2] = np.nan
    w = start.copy()
    with pytest.raises(hk.DivergenceError, match="sample 4") as caught:
        rule.update(w, X)
    assert caught.value.sample == 4 and caught.value.done == 4
    assert np.array_equal(w, good), "the state after 4 whole samples"
    w = start.copy()
    with pytest.raises(hk.DivergenceError, match="sample 4"):
        rule.update(w, X, reduction="mean")
    assert np.array_equal(w, start)


def test_divergence_of_the_weights():
    w = np.full((1, 2), 1e200)
    with pytest.raises(hk.DivergenceError) as caught:
        hk.rules.Hebb(1e200).update(w, np.full((5, 2), 1e100))
    assert caught.value.sample is not None
    with pytest.raises(hk.DivergenceError):
        hk.rules.Hebb(1.0).update(np.ones((1, 2)), [np.inf, 1.0])


@pytest.mark.parametrize(
    "spoil, kind, name",
    [
        (dict(w=np.ones((3, 5), np.int64)), TypeError, "w"),
        (dict(w=[[1.0] * 5] * 3), TypeError, "w"),
        (dict(w=np.ones((3, 5))[:, ::-1]), ValueError, "w"),
        (dict(w=np.ones(5)), ValueError, "w"),
        (dict(w=np.broadcast_to(np.ones(5), (3, 5))), ValueError, "w"),
        (dict(x=np.ones((2, 4))), ValueError, "x"),
        (dict(x=np.ones((2, 5), np.float32)), TypeError, "x"),
        (dict(x=np.ones((5, 2)).T), ValueError, "x"),
        (dict(x=None), TypeError, "x"),
        (dict(x="abc"), TypeError, "x"),
        (dict(x=1.0), (ValueError, TypeError), "x"),
        (dict(y=np.ones((2, 2))), ValueError, "y"),
        (dict(y=np.ones(3)), ValueError, "y"),
        (dict(y=np.ones((2, 3), np.float32)), TypeError, "y"),
        (dict(reduction="median"), ValueError, "reduction"),
        (dict(reduction=1), TypeError, "reduction"),
        (dict(normalize="l2"), ValueError, "normalize"),
        (dict(block=8), ValueError, "block"),
    ],
)
@pytest.mark.parametrize("rule", RULES, ids=ids)
def test_refusals(rule, spoil, kind, name):
    arguments = {"w": np.ones((3, 5)), "x": np.full((2, 5), 0.5), "y": np.ones((2, 3)), **spoil}
    before = {k: v.tobytes() for k, v in arguments.items() if isinstance(v, np.ndarray)}
    with pytest.raises(kind) as caught:
        rule.update(arguments.pop("w"), arguments.pop("x"), arguments.pop("y"), **arguments)
    assert isinstance(caught.value, hk.HebbkernError) and caught.value.argument == name
    assert type(rule).__name__ in str(caught.value)
    for k, v in {**arguments, **spoil}.items():
        if isinstance(v, np.ndarray):
            assert v.tobytes() == before[k]


def test_overlaps():
    rule = hk.rules.Oja(0.1)
    memory = np.ones((6, 10))
    with pytest.raises(ValueError, match="shares elements"):
        rule.update(memory[:3, :5], memory[0, :5])
    with pytest.raises(ValueError, match="shares elements"):
        rule.update(memory[:3, :3], np.ones(3), memory[0, 2:5])
    assert (memory == 1).all()
    x = np.ones((2, 3))
    rule.update(memory[:3, :3], x, x)  # y that is only read may be x
    rule.update(memory[:3, :3], memory[3:, :3], memory[:3, 3:6])


@pytest.mark.parametrize("bad", [-1, np.nan, np.inf, "a", None, True])
def test_parameters(bad):
    for make in (
        hk.rules.Hebb,
        hk.rules.Oja,
        hk.rules.Sanger,
        lambda lr: hk.rules.Decay(lr, 0.1),
        lambda d: hk.rules.Decay(0.1, d),
    ):
        with pytest.raises((ValueError, TypeError)) as caught:
            make(bad)
        assert caught.value.argument in ("lr", "decay")
    rule = hk.rules.Oja(0.1)
    rule.lr = bad  # changed afterwards
    w = np.ones((2, 2))
    if bad is not True:
        with pytest.raises((ValueError, TypeError)):
            rule.update(w, [1.0, 2.0])
        assert (w == 1).all()


def test_lr_that_is_not_finite_in_float32():
    w = np.ones((2, 2), np.float32)
    with pytest.raises(ValueError, match="lr"):
        hk.rules.Oja(1e39).update(w, [1.0, 2.0])
    assert (w == 1).all()


def test_repr():
    assert repr(hk.rules.Decay(0.1, 0.2)) == "Decay(lr=0.1, decay=0.2)"


# ---- gains ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("of", ["activation", "derivative"])
@pytest.mark.parametrize("reduction", ["mean", "sequential"])
def test_exponential_gain(dtype, of, reduction):
    random = np.random.default_rng(8)
    gain = hk.gains.Exponential(40, alpha=0.25, of=of, activation="relu", dtype=dtype)
    want = np.zeros(40)
    for _ in range(5):
        z = random.standard_normal((6, 40)).astype(dtype)
        z[0, :3] = [0, -0.0, 1]
        a = np.maximum(z, 0) if of == "activation" else (z >= 0).astype(np.float64)
        for step in [a.mean(0)] if reduction == "mean" else a:
            want = 0.25 * step + 0.75 * want
        assert gain.update(z, reduction=reduction) is gain.sigma
    np.testing.assert_allclose(gain.sigma, want, rtol=50 * np.finfo(dtype).eps)
    before = gain.sigma.copy()
    gain.update(np.zeros((0, 40), dtype))
    assert np.array_equal(gain.sigma, before)


def test_gain_refusals():
    for arguments, name in (
        (dict(n=0), "n"), (dict(n=2.5), "n"), (dict(alpha=0), "alpha"), (dict(alpha=1.5), "alpha"), (dict(alpha=np.nan), "alpha"),
        (dict(alpha="a"), "alpha"), (dict(of="f"), "of"), (dict(activation="f"), "activation"), (dict(dtype=int), "dtype"),
    ):  # fmt: skip
        with pytest.raises((ValueError, TypeError)) as caught:
            hk.gains.Exponential(**{"n": 3, **arguments})
        assert caught.value.argument == name
    gain = hk.gains.Exponential(3)
    gain.update([1, 2, 3])
    before = gain.sigma.copy()
    for z in ([1, 2], np.ones(3), np.ones((2, 3), int), gain.sigma, "abc", None):
        with pytest.raises((ValueError, TypeError)):
            gain.update(z)
    with pytest.raises(ValueError, match="reduction"):
        gain.update([1, 2, 3], reduction="sum")
    assert np.array_equal(gain.sigma, before)
