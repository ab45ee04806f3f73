"""What the rules are known to do, by their papers."""

import numpy as np
import pytest

import hebbkern as hk

R = hk.rules


def bars(random, samples, side=4, p=0.25):
    """Images in which each horizontal and vertical line is on with probability p, and the lines."""
    lines = random.random((samples, 2 * side)) < p
    images = lines[:, :side, None] | lines[:, None, side:]
    return images.reshape(samples, -1).astype(np.float32), lines


def test_foldiak_decorrelates_and_finds_the_lines():
    random = np.random.default_rng(1)
    units = 8
    w = random.random((units, 16)).astype(np.float32)
    w /= np.linalg.norm(w, axis=1, keepdims=True)
    rule = R.Foldiak(lr=0.0, threshold_lr=0.1, p=0.25, threshold0=1.0)
    rule.update(w, bars(random, 200)[0])
    rule.lr, rule.threshold_lr = 0.02, 0.02
    rule.update(w, bars(random, 6000)[0])
    images, lines = bars(random, 4000)
    y = rule.update(w, images)
    np.testing.assert_allclose(y.mean(0), 0.25, atol=0.06)  # each unit with probability p
    correlation = np.corrcoef(y.T) - np.eye(units)
    assert np.abs(correlation).max() < 0.15, correlation.round(2)
    assert np.abs(np.corrcoef(images.T) - np.eye(16)).max() > 0.3  # its inputs are correlated
    # each line has its unit
    match = np.corrcoef(np.hstack([y, lines]).T)[:units, units:]
    assert sorted(match.argmax(0)) == list(range(units)) and (match.max(0) > 0.8).all(), match.round(2)
    assert (rule.lateral <= 0).all() and (np.diag(rule.lateral) == 0).all()
    np.testing.assert_allclose(rule.lateral, rule.lateral.T, atol=1e-3)


@pytest.mark.parametrize("form", ["intrator", "law", "1982"])
def test_bcm_becomes_selective(form):
    """Of patterns that are shown at random, each unit comes to answer to one: Bienenstock, Cooper & Munro's selectivity,
    1 − mean response / largest response, tends to 1 − 1/patterns."""
    random = np.random.default_rng(2)
    patterns = np.eye(4) + 0.1
    w = 0.2 + 0.1 * random.random((6, 4))
    rule = R.BCM(0.01, 0.05, form=form)
    rule.update(w, patterns[random.integers(0, 4, 30_000)])
    answers = np.maximum(w @ patterns.T, 0)
    selectivity = 1 - answers.mean(1) / answers.max(1)
    assert (selectivity > 0.7).all(), answers.round(2)


def test_covariance_in_expectation():
    random = np.random.default_rng(3)
    alpha, n = 0.2, 200_000
    common = random.standard_normal(n)
    x = np.stack([common + random.standard_normal(n), random.standard_normal(n)], 1) + 3
    y = common[:, None] + 2
    w, rule = np.zeros((1, 2)), R.Covariance(1 / n, alpha)
    rule.update(w, x[:100], y[:100])  # the averages find the means
    w[:] = 0
    rule.update(w, x, y)
    np.testing.assert_allclose(w, [[1 + alpha / (2 - alpha), 0]], atol=0.02)


def test_differential_is_zero_on_constant_activity_and_finds_what_comes_before():
    for pre in (False, True):
        w = np.ones((2, 3))
        R.DifferentialHebbian(0.5, pre).update(w, np.full((20, 3), 2.0), np.full((20, 2), 3.0))
        assert (w == 1).all()
    t = np.arange(60)
    pulse = lambda at: np.exp(-((t - at) ** 2) / 20)  # noqa: E731
    w = np.zeros((1, 2))
    R.DifferentialHebbian(1.0).update(w, np.stack([pulse(27), pulse(33)], 1), pulse(30)[:, None])
    assert w[0, 0] > 0.5 and w[0, 1] < -0.5  # before and after the output
    w = np.zeros((1, 2))
    R.DifferentialHebbian(1.0, pre=True).update(w, np.stack([pulse(30), -pulse(30)], 1), pulse(30)[:, None])
    assert w[0, 0] > 0.1 and w[0, 1] < -0.1  # rising together, and against each other


def test_outstar_and_voja_find_means():
    random = np.random.default_rng(4)
    X, Y = random.random((300, 3)), random.random((300, 2))
    w, e = np.zeros((2, 3)), np.zeros((2, 3))
    for epoch in range(300):
        R.Outstar(0.5 / (10 + epoch)).update(w, X, Y)
        R.Voja(0.5 / (10 + epoch), scale=2.0).update(e, X, Y, block=50)
    np.testing.assert_allclose(w, Y.T @ X / X.sum(0), atol=0.01)  # Σxy/Σx by column
    np.testing.assert_allclose(e, 2 * Y.T @ X / Y.sum(0)[:, None], atol=0.02)  # sΣyx/Σy by row


def test_krotov_hopfield_norm():
    random = np.random.default_rng(5)
    for q in (2, 3):
        w = random.standard_normal((4, 10)) * 0.3
        for step in range(1500):
            R.KrotovHopfield(0.05 / (1 + step / 100), q, delta=0).update(w, random.standard_normal((20, 10)))
        np.testing.assert_allclose((np.abs(w) ** q).sum(1), 1, atol=0.05)


def test_pes_error_shrinks():
    random = np.random.default_rng(6)
    d, a, wanted = np.zeros((3, 20)), random.random(20), random.standard_normal(3)
    factor = 1 - 0.5 * (a @ a) / 20
    for _ in range(8):
        error = d @ a - wanted
        R.PES(0.5).update(d, a, error)
        np.testing.assert_allclose(d @ a - wanted, factor * error, atol=1e-13)
    assert 0 < factor < 1


def test_contrastive_learns_a_linear_map():
    random = np.random.default_rng(7)
    true, w, X = random.standard_normal((2, 4)), np.zeros((2, 4)), random.standard_normal((200, 4))
    for _ in range(40):
        R.ContrastiveHebbian(0.1).update(w, X, X @ true.T, X, X @ w.T, reduction="mean")
    np.testing.assert_allclose(w, true, atol=0.05)
