"""The rules against their equations in NumPy, and the behaviour that their papers promise."""

import numpy as np
import pytest

import hebbkern as hk

# Those that learn from Wx or a y that is given, and those that compute a y of their own.
RULES = [hk.rules.Hebb(0.1), hk.rules.Decay(0.1, 0.02), hk.rules.Oja(0.1), hk.rules.Sanger(0.1), hk.rules.Instar(0.1)]
COMPETITIVE = [
    *(hk.rules.WTA(0.1, k, score) for k in (1, 3) for score in ("dot", "euclid")),
    *(hk.rules.SoftHebb(0.1, temperature, anti) for temperature in (1.0, 0.3) for anti in (False, True)),
]
DTYPES = (np.float32, np.float64)
ids = lambda rule: type(rule).__name__  # noqa: E731


def answer(rule, w, x):
    """y of one sample; the nearest row by its distance, the softmax by its definition."""
    u = w @ x
    if isinstance(rule, hk.rules.WTA):
        score = u if rule.score == "dot" else -np.square(x - w).sum(1)
        y = np.zeros(len(w))
        y[np.argsort(-score, kind="stable")[: rule.k]] = 1
        return y
    if isinstance(rule, hk.rules.SoftHebb):
        y = np.exp(u / rule.temperature)
        y /= y.sum()
        return np.where(np.arange(len(w)) == np.argmax(u), y, -y) if rule.anti else y
    return u


def change(rule, w, x, y):
    """Δw of one sample, from the equations."""
    if isinstance(rule, (hk.rules.WTA, hk.rules.Instar)):
        return rule.lr * y[:, None] * (x - w)
    if isinstance(rule, hk.rules.SoftHebb):
        return rule.lr * y[:, None] * (x - (w @ x)[:, None] * w)
    if isinstance(rule, hk.rules.Sanger):
        before = np.tril(np.ones((len(y), len(y))))  # Σ_{k ≤ i}
        return rule.lr * y[:, None] * (x - before @ (y[:, None] * w))
    hebb = rule.lr * np.outer(y, x)
    if isinstance(rule, hk.rules.Decay):
        return hebb - rule.decay * w
    return hebb - rule.lr * y[:, None] ** 2 * w if isinstance(rule, hk.rules.Oja) else hebb


@pytest.mark.parametrize("rule, given", [(r, g) for r in RULES for g in (False, True)] + [(r, False) for r in COMPETITIVE], ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_equations(rule, given, dtype):
    random = np.random.default_rng(5)
    holder = random.standard_normal((7, 30)).astype(dtype) * dtype(0.3)
    guard = holder.copy()
    w = holder[:, 3:20]
    X = random.standard_normal((9, 17)).astype(dtype)
    Y = random.standard_normal((9, 7)).astype(dtype) if given else None
    tolerance = 200 * np.finfo(dtype).eps
    want, outputs = w.astype(np.float64), []
    for b, x in enumerate(X.astype(np.float64)):
        y = answer(rule, want, x) if Y is None else Y[b].astype(np.float64)
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
            ys = [answer(rule, old, x) for x in X.astype(np.float64)] if Y is None else Y.astype(np.float64)
            delta = sum(change(rule, old, x, y) for x, y in zip(X.astype(np.float64), ys))
            delta = delta / len(X) if reduction == "mean" else delta
            if normalize:
                delta = rule.lr * delta / max(np.abs(delta).max(), 1e-30)
            rule.update(v, X, Y, reduction=reduction, normalize=normalize)
            np.testing.assert_allclose(v, old + delta, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("rule", RULES + COMPETITIVE, ids=ids)
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


@pytest.mark.parametrize("rule", RULES + COMPETITIVE, ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("block", [1, 7, 32, 100, np.int64(4096)])
def test_blocks(rule, dtype, block):
    random = np.random.default_rng(9)
    start = random.standard_normal((6, 40)).astype(dtype) * dtype(0.1)
    X = random.standard_normal((150, 40)).astype(dtype) * dtype(0.1)
    one, blocks = start.copy(), np.full((6, 50), np.nan, dtype)
    blocks[:, 5:45] = start
    y = rule.update(one, X)
    found = rule.update(blocks[:, 5:45], X, block=block)
    if isinstance(rule, hk.rules.WTA):
        assert np.array_equal(one, blocks[:, 5:45]) and np.array_equal(y, found)
    # rounding of 150 updates and dots of 40; η|x|² is 0.04, so that errors do not grow
    tolerance = 4 * (150 + 40) * np.finfo(dtype).eps
    np.testing.assert_allclose(blocks[:, 5:45], one, rtol=tolerance, atol=tolerance * np.abs(one).max())
    np.testing.assert_allclose(found, y, rtol=tolerance, atol=tolerance * np.abs(y).max())
    assert np.isnan(blocks[:, :5]).all() and np.isnan(blocks[:, 45:]).all()
    single, same = start.copy(), start.copy()
    rule.update(single, X[0], block=block)
    rule.update(same, X[:1], block=block)
    assert np.array_equal(single, same)


@pytest.mark.parametrize("rule", RULES, ids=ids)
def test_blocks_with_y_given(rule):
    random = np.random.default_rng(10)
    one, X, Y = random.standard_normal((6, 9)), random.standard_normal((70, 9)), random.random((70, 6))
    blocks = one.copy()
    rule.update(one, X, Y)
    assert rule.update(blocks, X, Y, block=16) is Y
    np.testing.assert_allclose(blocks, one, rtol=1e-12, atol=1e-12 * np.abs(one).max())


def test_large_batches_are_cut_between_blocks():
    random = np.random.default_rng(7)
    X = random.standard_normal((3000, 600)).astype(np.float32) * np.float32(0.01)
    start = random.standard_normal((50, 600)).astype(np.float32)
    for rule in (hk.rules.Oja(0.01), hk.rules.SoftHebb(0.01)):
        many, parts = start.copy(), start.copy()
        rule.update(many, X, block=48)
        for k in range(0, 3000, 48 * 5):
            rule.update(parts, X[k : k + 48 * 5], block=48)
        assert np.array_equal(parts, many)


def test_blocks_forget_without_harm():
    # the product of the decays of a block underflows, and so do the weights of one sample at a time
    X, Y = np.random.default_rng(3).standard_normal((400, 5)).astype(np.float32), np.ones((400, 3), np.float32)
    one, blocks = np.ones((3, 5), np.float32), np.ones((3, 5), np.float32)
    for rule in (hk.rules.Instar(0.9), hk.rules.Instar(1.0), hk.rules.Decay(0.1, 0.999)):
        rule.update(one, X, Y)
        rule.update(blocks, X, Y, block=400)
        np.testing.assert_allclose(blocks, one, rtol=1e-4, atol=1e-5)


def test_the_nearest_row_wins_by_euclid_only():
    random = np.random.default_rng(11)
    w, X = random.standard_normal((6, 3)) * [[1], [1], [2], [2], [3], [3]], random.standard_normal((300, 3))
    nearest = np.square(X[:, None] - w).sum(2).argmin(1)
    assert np.array_equal(hk.rules.WTA(0, score="euclid").update(w, X).argmax(1), nearest)
    assert (hk.rules.WTA(0).update(w, X).argmax(1) != nearest).mean() > 0.2


def test_ties_go_to_the_lowest_index():
    w = np.ones((4, 2))
    assert hk.rules.WTA(0.0).update(w, [1, 1]).tolist() == [1, 0, 0, 0]
    assert hk.rules.WTA(0.0, k=3, score="euclid").update(w, [1, 1]).tolist() == [1, 1, 1, 0]
    assert hk.rules.SoftHebb(0.0, anti=True).update(w, [1, 1]).tolist() == [0.25, -0.25, -0.25, -0.25]


def test_competition_finds_clusters():
    random = np.random.default_rng(12)
    X = (np.eye(3, 4)[np.arange(180) % 3] * 5 + 0.3 * random.standard_normal((180, 4)))[random.permutation(180)]
    means = np.array([X[X.argmax(1) == k].mean(0) for k in range(3)])
    w = np.array([[1.0, 0, 0, 0], [0, 9, 0, 0], [0, 0, 2, 0]])
    for epoch in range(400):
        hk.rules.WTA(0.05 / (1 + epoch), score="euclid").update(w, X, block=20)
    np.testing.assert_allclose(w, means, atol=0.01)


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
        (dict(block=0), ValueError, "block"),
        (dict(block=-3), ValueError, "block"),
        (dict(block=4097), ValueError, "block"),
        (dict(block=8.0), TypeError, "block"),
        (dict(block=True), TypeError, "block"),
        (dict(block="8"), TypeError, "block"),
        (dict(block=2, reduction="mean"), ValueError, "block"),
        (dict(block=2, reduction="sum"), ValueError, "block"),
        (dict(block=2, normalize="max"), ValueError, "block"),
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
        hk.rules.Instar,
        hk.rules.WTA,
        hk.rules.SoftHebb,
        lambda t: hk.rules.SoftHebb(0.1, t),
        lambda lr: hk.rules.Decay(lr, 0.1),
        lambda d: hk.rules.Decay(0.1, d),
    ):
        with pytest.raises((ValueError, TypeError)) as caught:
            make(bad)
        assert caught.value.argument in ("lr", "decay", "temperature")
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


@pytest.mark.parametrize("block", [None, 2])
def test_competitive_refusals(block):
    w, x = np.ones((3, 5)), np.ones((2, 5))
    for rule in COMPETITIVE:
        with pytest.raises(ValueError, match="y is given") as caught:
            rule.update(w, x, np.ones((2, 3)), block=block)
        assert caught.value.argument == "y"
    for k, kind in ((0, ValueError), (-1, ValueError), (4, ValueError), (1.0, TypeError), ("1", TypeError), (True, TypeError)):
        with pytest.raises(kind) as caught:
            hk.rules.WTA(0.1, k).update(w, x, block=block)
        assert caught.value.argument == "k"
    for score, kind in (("cosine", ValueError), (1, TypeError), (None, TypeError)):
        with pytest.raises(kind) as caught:
            hk.rules.WTA(0.1, score=score)
        assert caught.value.argument == "score"
    with pytest.raises(TypeError) as caught:
        hk.rules.SoftHebb(0.1, anti=1)
    assert caught.value.argument == "anti"
    for temperature in (0, 1e-320):
        rule = hk.rules.SoftHebb(0.1)
        rule.temperature = temperature  # changed afterwards
        with pytest.raises(ValueError) as caught:
            rule.update(w, x, block=block)
        assert caught.value.argument == "temperature"
    with pytest.raises(ValueError, match="temperature"):
        hk.rules.SoftHebb(0.1, 1e-39).update(np.ones((3, 5), np.float32), np.ones((2, 5), np.float32))
    assert (w == 1).all()


@pytest.mark.parametrize("rule", RULES + COMPETITIVE, ids=str)
def test_divergence_in_a_block(rule):
    random = np.random.default_rng(4)
    good, X = random.standard_normal((3, 5)), random.standard_normal((50, 5)) * 0.1
    w = good.copy()
    rule.update(good, X[:21])
    X[21, 2] = np.nan
    with pytest.raises(hk.DivergenceError, match="sample 21") as caught:
        rule.update(w, X, block=16)
    assert caught.value.sample == 21 and caught.value.done == 21
    np.testing.assert_allclose(w, good, rtol=1e-12, atol=1e-13)


def test_repr():
    assert repr(hk.rules.WTA(0.1, 2)) == "WTA(lr=0.1, k=2, score='dot')"
    assert repr(hk.rules.SoftHebb(0.1)) == "SoftHebb(lr=0.1, temperature=1.0, anti=False)"
    assert repr(hk.rules.Decay(0.1, 0.2)) == "Decay(lr=0.1, decay=0.2)"
