"""The rules with gates and state against their equations in NumPy; state that is kept, saved and refused."""

import copy

import numpy as np
import pytest

import hebbkern as hk

R = hk.rules
DTYPES = (np.float32, np.float64)
OUT, IN, SAMPLES = 6, 9, 40

# name: a new rule, the state at the start, Δw of one sample from the state before, the step of the state by a batch.
average = lambda s, mean, alpha: alpha * mean + (1 - alpha) * s  # noqa: E731
difference = lambda now, before: np.where(np.isnan(before), 0, now - before)  # noqa: E731


def bcm_step(s, X, Y):
    return {"theta": average(s["theta"], (Y**2).mean(0), 0.25)}


CASES = {
    "outstar": (lambda: R.Outstar(0.02), {}, lambda s, w, x, y: 0.02 * x * (y[:, None] - w), None),
    "pre-gated": (lambda: R.PreGated(0.02, np.linspace(-1, 1, OUT)), {}, lambda s, w, x, y: 0.02 * np.outer(y - np.linspace(-1, 1, OUT), x), None),
    "post-gated": (lambda: R.PostGated(0.02, np.linspace(-1, 1, IN)), {}, lambda s, w, x, y: 0.02 * np.outer(y, x - np.linspace(-1, 1, IN)), None),
    "anti-Hebbian": (lambda: R.AntiHebbian(0.02), {}, lambda s, w, x, y: -0.02 * np.outer(y, x), None),
    "ABCD": (lambda: R.ABCD(0.02, 1, -0.5, 2, 0.25), {}, lambda s, w, x, y: 0.02 * (np.outer(y, x) - 0.5 * x + 2 * y[:, None] + 0.25), None),
    "Voja": (lambda: R.Voja(0.02, np.arange(OUT)), {}, lambda s, w, x, y: 0.02 * y[:, None] * (np.arange(OUT)[:, None] * x - w), None),
    "covariance": (
        lambda: R.Covariance(0.02, 0.25),
        {"x_mean": np.zeros(IN), "y_mean": np.zeros(OUT)},
        lambda s, w, x, y: 0.02 * np.outer(y - s["y_mean"], x - s["x_mean"]),
        lambda s, X, Y: {"x_mean": average(s["x_mean"], X.mean(0), 0.25), "y_mean": average(s["y_mean"], Y.mean(0), 0.25)},
    ),
    "BCM": (
        lambda: R.BCM(0.02, 0.25, 0.5),
        {"theta": np.full(OUT, 0.5)},
        lambda s, w, x, y: 0.02 * np.outer(y * (y - s["theta"]), x),
        bcm_step,
    ),
    "BCM, Law": (
        lambda: R.BCM(0.02, 0.25, decay=0.01, form="law"),
        {"theta": np.ones(OUT)},
        lambda s, w, x, y: 0.02 * np.outer(y * (y - s["theta"]) / s["theta"], x) - 0.01 * w,
        bcm_step,
    ),
    "BCM, 1982": (
        lambda: R.BCM(0.02, 0.25, 0.5, form="1982", power=1.5, c0=0.75),
        {"y_mean": np.full(OUT, (0.5 * 0.75**1.5) ** (1 / 2.5))},
        lambda s, w, x, y: 0.02 * np.outer(y * (y - np.abs(s["y_mean"] / 0.75) ** 1.5 * s["y_mean"]), x),
        lambda s, X, Y: {"y_mean": average(s["y_mean"], Y.mean(0), 0.25)},
    ),
    "differential, Kosko": (
        lambda: R.DifferentialHebbian(0.02, pre=True),
        {"x_before": np.full(IN, np.nan), "y_before": np.full(OUT, np.nan)},
        lambda s, w, x, y: 0.02 * np.outer(difference(y, s["y_before"]), difference(x, s["x_before"])),
        lambda s, X, Y: {"x_before": X[-1], "y_before": Y[-1]},
    ),
    "differential, Porr": (
        lambda: R.DifferentialHebbian(0.02),
        {"y_before": np.full(OUT, np.nan)},
        lambda s, w, x, y: 0.02 * np.outer(difference(y, s["y_before"]), x),
        lambda s, X, Y: {"y_before": Y[-1]},
    ),
}
NO_BLOCK = ("outstar",)
IN_TIME = ("differential, Kosko", "differential, Porr")
STATEFUL = [name for name, case in CASES.items() if case[1]]


def data(dtype, seed=5):
    random = np.random.default_rng(seed)
    w = random.standard_normal((OUT, IN)) * 0.3
    return w.astype(dtype), random.standard_normal((SAMPLES, IN)).astype(dtype), random.standard_normal((SAMPLES, OUT)).astype(dtype)


def reference(name, w, X, Y, reduction, normalize):
    """w, y and the state after the batch."""
    _, state, change, step = CASES[name]
    w, X = w.astype(np.float64), X.astype(np.float64)
    state, answers, deltas = dict(state), [], []

    def scaled(delta):
        return 0.02 * delta / max(np.abs(delta).max(), 1e-30) if normalize else delta

    for b, x in enumerate(X):
        y = w @ x if Y is None else Y[b].astype(np.float64)
        answers.append(y)
        deltas.append(change(state, w, x, y))
        if reduction == "sequential":
            w = w + scaled(deltas[-1])
            state = step(state, x[None], y[None]) if step else state
    if reduction != "sequential":
        w = w + scaled(np.sum(deltas, 0) if reduction == "sum" else np.mean(deltas, 0))
        state = step(state, X, np.array(answers)) if step else state
    return w, np.array(answers), state


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("given", [False, True])
def test_equations(name, dtype, given):
    w, X, Y = data(dtype)
    if not given:
        X *= dtype(0.3)  # what grows stays small
    tolerance = 1000 * np.finfo(dtype).eps
    for reduction in ("sequential",) if name in IN_TIME else ("sequential", "sum", "mean"):
        for normalize in (None, "max"):
            rule, holder = CASES[name][0](), np.full((OUT, IN + 5), np.nan, dtype)
            found = holder[:, 2 : 2 + IN]
            found[:] = w
            y = rule.update(found, X, Y if given else None, reduction=reduction, normalize=normalize)
            want, answers, state = reference(name, w, X, Y if given else None, reduction, normalize)
            np.testing.assert_allclose(found, want, rtol=tolerance, atol=tolerance)
            np.testing.assert_allclose(y, answers, rtol=tolerance, atol=tolerance)
            for key, value in state.items():
                np.testing.assert_allclose(getattr(rule, key), value, rtol=tolerance, atol=tolerance)
            assert np.isnan(holder[:, :2]).all() and np.isnan(holder[:, 2 + IN :]).all()


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_batch_is_its_samples_and_blocks_are_the_same(name, dtype):
    w, X, Y = data(dtype)
    make = CASES[name][0]
    for y in (None, Y):
        rule, whole = make(), w.copy()
        answers = rule.update(whole, X * dtype(0.3), y)
        single, one = make(), w.copy()
        for b, x in enumerate(X * dtype(0.3)):
            assert np.array_equal(single.update(one, x, None if y is None else y[b]), answers[b])
        assert np.array_equal(one, whole)
        for key in CASES[name][1]:
            assert np.array_equal(getattr(rule, key), getattr(single, key), equal_nan=True)
        if name in NO_BLOCK:
            with pytest.raises(ValueError, match="block"):
                make().update(w.copy(), X, y, block=8)
            continue
        for block in (1, 16, 33, 100):
            rule, found = make(), w.copy()
            rule.update(found, X * dtype(0.3), y, block=block)
            np.testing.assert_allclose(found, whole, rtol=500 * np.finfo(dtype).eps, atol=500 * np.finfo(dtype).eps)


@pytest.mark.parametrize("name", STATEFUL)
def test_state_is_saved_and_taken_up_again(name):
    w, X, Y = data(np.float32)
    rule, whole = CASES[name][0](), w.copy()
    rule.update(whole, X, Y)
    first, part = CASES[name][0](), w.copy()
    first.update(part, X[:17], Y[:17])
    saved = {key: getattr(first, key).copy() for key in CASES[name][1]}
    second = CASES[name][0]()
    for key, value in saved.items():
        setattr(second, key, value)
    second.update(part, X[17:], Y[17:])
    assert np.array_equal(part, whole)
    for key, value in saved.items():
        assert getattr(second, key) is value, "the arrays are used in place"
        assert np.array_equal(value, getattr(rule, key))
        assert f"{key}=" not in repr(rule)
    rule.reset()
    assert all(getattr(rule, key) is None for key in saved)


def test_large_sequences_are_cut_and_have_the_same_bits():
    random = np.random.default_rng(7)
    X = random.standard_normal((3000, 600)).astype(np.float32) * np.float32(0.01)
    start = random.standard_normal((50, 600)).astype(np.float32)
    for how in ({}, {"block": 50}):
        many, parts, rule, other = start.copy(), start.copy(), R.Covariance(0.01), R.Covariance(0.01)
        rule.update(many, X, **how)
        for k in range(0, 3000, 100):
            other.update(parts, X[k : k + 100], **how)
        assert np.array_equal(parts, many)
        assert np.array_equal(rule.x_mean, other.x_mean) and np.array_equal(rule.y_mean, other.y_mean)


def test_state_made_at_once():
    for make, names in (
        (lambda **n: R.Covariance(0.1, **n), {"x_mean": (3,), "y_mean": (2,)}),
        (lambda **n: R.BCM(0.1, theta0=0.5, **n), {"theta": (2,)}),
        (lambda **n: R.BCM(0.1, form="1982", **n), {"y_mean": (2,)}),
        (lambda **n: R.DifferentialHebbian(0.1, True, **n), {"x_before": (3,), "y_before": (2,)}),
        (lambda **n: R.ThreeFactor(0.1, 5.0, **n), {"e": (2, 3)}),
        (lambda **n: R.ThreeFactor(0.1, 5.0, tau_rise=2.0, **n), {"e": (2, 3), "e_rise": (2, 3)}),
        (lambda **n: R.Foldiak(threshold0=0.5, **n), {"lateral": (2, 2), "threshold": (2,)}),
    ):
        rule, fresh = make(n=(2, 3), dtype=np.float64), make()
        for name, shape in names.items():
            assert getattr(rule, name).shape == shape and getattr(rule, name).dtype == np.float64
            assert getattr(fresh, name) is None
        for other in {"x_mean", "y_mean", "theta", "x_before", "e_rise"} - set(names):
            assert getattr(rule, other, None) is None
        for bad, kind in (((2,), TypeError), (2, TypeError), ((0, 3), ValueError), ((2.0, 3), TypeError)):
            with pytest.raises(kind) as caught:
                make(n=bad)
            assert caught.value.argument == "n"
        with pytest.raises(TypeError, match="dtype"):
            make(n=(2, 3), dtype=int)
    assert (R.BCM(0.1, theta0=0.5, n=(2, 3)).theta == 0.5).all() and (R.Foldiak(threshold0=0.5, n=(2, 3)).threshold == 0.5).all()
    assert np.isnan(R.DifferentialHebbian(0.1, n=(2, 3)).y_before).all()


def test_state_that_does_not_fit():
    w, x = np.ones((2, 3), np.float32), np.ones(3, np.float32)
    for bad, kind in ((np.ones(3, np.float32), ValueError), (np.ones(2), TypeError), ([1.0, 1.0], TypeError), (np.full(2, np.nan, np.float32), ValueError)):
        rule = R.BCM(0.1)
        rule.theta = bad
        with pytest.raises(kind, match="theta") as caught:
            rule.update(w, x)
        assert caught.value.argument == "theta" and (w == 1).all()
    memory = np.ones(9, np.float32)
    for name, array in (("y_mean", memory[6:8]), ("x_mean", memory[:3])):
        rule = R.Covariance(0.1, n=(2, 3))
        setattr(rule, name, array)
        with pytest.raises(ValueError, match=f"{name} shares elements") as caught:
            rule.update(memory[:6].reshape(2, 3) if name == "x_mean" else w, x if name == "x_mean" else memory[5:8])
        assert caught.value.argument == name and (memory == 1).all()
    rule = R.BCM(0.1, n=(2, 3))
    rule.theta.flags.writeable = False
    with pytest.raises(ValueError, match="theta is written but read-only"):
        rule.update(w, x)
    rule = R.BCM(0.1, form="law", n=(2, 3))
    rule.theta[1] = 0
    with pytest.raises(ValueError, match="theta is 0"):
        rule.update(w, x)
    assert (w == 1).all()


def test_refusals():
    w, X = np.ones((2, 3)), np.ones((4, 3))
    for make, argument in (
        (lambda: R.PreGated(0.1, np.nan), "theta"), (lambda: R.PreGated(0.1, "a"), "theta"), (lambda: R.PostGated(0.1, [0, np.inf]), "theta"),
        (lambda: R.PostGated(0.1, [True, False]), "theta"), (lambda: R.Voja(0.1, None), "scale"), (lambda: R.AntiHebbian(0.1, 1), "zero_diagonal"),
        (lambda: R.ABCD(0.1, b=np.inf), "b"), (lambda: R.ABCD(0.1, d="d"), "d"), (lambda: R.Covariance(0.1, 1.5), "alpha"),
        (lambda: R.Covariance(0.1, -0.5), "alpha"), (lambda: R.BCM(0.1, theta0=0), "theta0"), (lambda: R.BCM(0.1, decay=-1), "decay"),
        (lambda: R.BCM(0.1, form="1983"), "form"), (lambda: R.BCM(0.1, form=1982), "form"), (lambda: R.BCM(0.1, form="1982", power=0), "power"),
        (lambda: R.BCM(0.1, form="1982", c0=-1), "c0"), (lambda: R.DifferentialHebbian(0.1, 1), "pre"), (lambda: R.KrotovHopfield(0.1, 1), "q"),
        (lambda: R.KrotovHopfield(0.1, k=0), "k"), (lambda: R.KrotovHopfield(0.1, delta=-1), "delta"), (lambda: R.ThreeFactor(0.1, 0), "tau_e"),
        (lambda: R.ThreeFactor(0.1, 1, dt=0), "dt"), (lambda: R.ThreeFactor(0.1, 1, drive="dt"), "drive"),
        (lambda: R.ThreeFactor(0.1, 1, tau_rise=2), "tau_rise"), (lambda: R.Foldiak(p=0), "p"), (lambda: R.Foldiak(slope=0), "slope"),
        (lambda: R.Foldiak(steps=0), "steps"), (lambda: R.Foldiak(step=2), "step"), (lambda: R.ContrastiveHebbian(-1), "lr"),
        (lambda: R.Custom(3), "map"), (lambda: R.Custom(print, vectorized=1), "vectorized"), (lambda: R.KrotovHopfield(0.1, k=3).update(w, X), "k"),
        (lambda: R.KrotovHopfield(0.1).update(w, X, np.ones((4, 2))), "y"), (lambda: R.PES(0.1).update(w, X), "y"),
        (lambda: R.PreGated(0.1, [1, 2, 3]).update(w, X), "theta"), (lambda: R.PostGated(0.1, [1, 2]).update(w, X), "theta"),
        (lambda: R.Voja(0.1, [1, 2, 3]).update(w, X), "scale"), (lambda: R.AntiHebbian(0.1, True).update(w, X), "w"),
        (lambda: R.AntiHebbian(0.1, True).update(np.ones((3, 3)), X, block=2), "block"),
        (lambda: R.KrotovHopfield(0.1).update(w, X, reduction="sequential", block=2), "block"),
        (lambda: R.DifferentialHebbian(0.1).update(w, X, reduction="sum"), "reduction"),
        (lambda: R.DifferentialHebbian(0.1).update(w, X, reduction="mean"), "reduction"),
        (lambda: R.ContrastiveHebbian(0.1).update(w, X, np.ones((4, 2)), X, np.ones((3, 2))), "y_free"),
        (lambda: R.ContrastiveHebbian(0.1).update(w, X, np.ones((4, 2)), X[0], np.ones((4, 2))), "x_free"),
        (lambda: R.ContrastiveHebbian(0.1).update(w, X, np.ones((4, 2)), X, np.ones((4, 2)), block=2, reduction="sum"), "block"),
        (lambda: R.ThreeFactor(0.1, 5).update(w, X, modulator=[1, 2]), "modulator"),
        (lambda: R.ThreeFactor(0.1, 5).update(w, X[0], modulator=[1, 2]), "modulator"),
        (lambda: R.ThreeFactor(0.1, 5).update(w, X, modulator=None), "modulator"),
        (lambda: R.ThreeFactor(0.1, 5).update(w, X, modulator=np.nan), "modulator"),
        (lambda: R.Foldiak().update(w, X, reduction="max"), "reduction"), (lambda: R.Foldiak().update(w, np.ones((4, 4))), "x"),
    ):  # fmt: skip
        with pytest.raises((ValueError, TypeError)) as caught:
            make()
        assert isinstance(caught.value, hk.HebbkernError) and caught.value.argument == argument
        assert (w == 1).all() and (X == 1).all()


def test_zero_diagonal():
    random = np.random.default_rng(3)
    w, X = np.zeros((5, 5)), random.standard_normal((30, 5))
    want = w.copy()
    for x in X:
        want -= 0.05 * np.outer(want @ x + x, x) * (1 - np.eye(5))
    rule = R.AntiHebbian(0.05, zero_diagonal=True)
    for x in X:
        rule.update(w, x, y=w @ x + x)
    np.testing.assert_allclose(w, want, atol=1e-14)
    assert (np.diag(w) == 0).all()


@pytest.mark.parametrize("name", STATEFUL)
def test_divergence_names_the_sample(name):
    w, X, Y = data(np.float64)
    good, w0 = CASES[name][0](), w.copy()
    good.update(w0, X[:23], Y[:23])
    Y[23, 2] = np.inf
    for block in (None, 16):
        rule, found = CASES[name][0](), w.copy()
        with pytest.raises(hk.DivergenceError, match="sample 23") as caught:
            rule.update(found, X, Y, block=block)
        assert caught.value.sample == caught.value.done == 23
        np.testing.assert_allclose(found, w0, rtol=1e-12, atol=1e-12)
        for key in CASES[name][1]:
            np.testing.assert_allclose(getattr(rule, key), getattr(good, key), rtol=1e-12)


def test_copies_are_apart():
    rule = R.Covariance(0.1, n=(2, 3))
    other = copy.deepcopy(rule)
    other.x_mean += 1
    assert (rule.x_mean == 0).all()
