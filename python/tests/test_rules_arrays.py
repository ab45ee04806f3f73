"""The rules whose arrays or batches are their own, against their equations in NumPy."""

import numpy as np
import pytest

import hebbkern as hk

R = hk.rules
DTYPES = (np.float32, np.float64)
OUT, IN, SAMPLES = 6, 9, 40


def data(dtype, seed=5):
    random = np.random.default_rng(seed)
    w = random.standard_normal((OUT, IN)) * 0.3
    return w.astype(dtype), random.standard_normal((SAMPLES, IN)).astype(dtype), random.standard_normal((SAMPLES, OUT)).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("q", [2, 3, 2.5])
@pytest.mark.parametrize("reduction", ["sum", "mean", "sequential"])
def test_krotov_hopfield(dtype, q, reduction):
    w, X, _ = data(dtype)
    want, answers = w.astype(np.float64), []
    for part in X[:, None].astype(np.float64) if reduction == "sequential" else [X.astype(np.float64)]:
        current = part @ (np.sign(want) * np.abs(want) ** (q - 1)).T
        g = np.zeros_like(current)
        for row, order in zip(g, np.argsort(-current, kind="stable")):
            row[order[0]], row[order[2]] = 1, -0.4
        change = g.T @ part - (g * current).sum(0)[:, None] * want
        want = want + 0.05 * change / np.abs(change).max()
        answers.extend(g)
    rule = R.KrotovHopfield(0.05, q, k=3)
    y = rule.update(w, X, **({} if reduction == "sum" else {"reduction": reduction}))
    tolerance = 2000 * np.finfo(dtype).eps
    np.testing.assert_allclose(w, want, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(y, answers, rtol=1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
def test_contrastive(dtype):
    w, X, Y = data(dtype)
    _, X0, Y0 = data(dtype, 6)
    delta = np.einsum("bi,bj->ij", Y, X, dtype=np.float64) - np.einsum("bi,bj->ij", Y0, X0, dtype=np.float64)
    tolerance = 500 * np.finfo(dtype).eps
    for how, factor in ((dict(), 1), (dict(block=7), 1), (dict(reduction="sum"), 1), (dict(reduction="mean"), 1 / SAMPLES)):
        found = w.copy()
        R.ContrastiveHebbian(0.02).update(found, X, Y, X0, Y0, **how)
        np.testing.assert_allclose(found, w + 0.02 * factor * delta, rtol=tolerance, atol=tolerance)
    one, whole = w.copy(), w.copy()
    R.ContrastiveHebbian(0.02).update(whole, X, Y, X0, Y0)
    for b in range(SAMPLES):
        R.ContrastiveHebbian(0.02).update(one, X[b], Y[b], X0[b], Y0[b])
    assert np.array_equal(one, whole)
    R.ContrastiveHebbian(0.5).update(whole, X, Y, X, Y)
    np.testing.assert_allclose(whole, one, rtol=tolerance, atol=tolerance)
    X[9, 1] = np.nan
    with pytest.raises(hk.DivergenceError, match="sample 9") as caught:
        R.ContrastiveHebbian(0.02).update(whole, X, Y, X0, Y0)
    assert caught.value.sample == 9


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("drive", ["impulse", "tau"])
@pytest.mark.parametrize("rise", [None, 2.0])
@pytest.mark.parametrize("given", [False, True])
def test_three_factor(dtype, drive, rise, given):
    w, X, Y = data(dtype)
    X *= dtype(0.3)
    M = np.where(np.arange(SAMPLES) % 3 == 0, np.linspace(-1, 1, SAMPLES), 0)
    want, e, r = w.astype(np.float64), np.zeros_like(w, np.float64), np.zeros_like(w, np.float64)
    for x, y, m in zip(X.astype(np.float64), Y.astype(np.float64), M):
        hit = np.outer(y if given else want @ x, x) / (8 if drive == "tau" else 1)
        e = e * np.exp(-0.5 / 8) + hit
        r = r * np.exp(-0.5 / rise) + hit if rise else r
        want = want + 0.1 * 0.5 * m * (e - r)
    make = lambda: R.ThreeFactor(0.1, 8.0, 0.5, drive, tau_rise=rise)  # noqa: E731
    rule, whole = make(), w.copy()
    rule.update(whole, X, Y if given else None, modulator=M.astype(dtype))
    tolerance = 500 * np.finfo(dtype).eps
    np.testing.assert_allclose(whole, want, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(rule.e, e, rtol=tolerance, atol=tolerance)
    single, one = make(), w.copy()
    for b in range(SAMPLES):
        single.update(one, X[b], Y[b] if given else None, modulator=float(M.astype(dtype)[b]))
    assert np.array_equal(one, whole) and np.array_equal(single.e, rule.e)
    if rise:
        np.testing.assert_allclose(rule.e_rise, r, rtol=tolerance, atol=tolerance)
    constant, all_ones = w.copy(), w.copy()
    make().update(constant, X, Y, modulator=1)
    make().update(all_ones, X, Y, modulator=[1] * SAMPLES)
    assert np.array_equal(constant, all_ones)
