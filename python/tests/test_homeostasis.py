"""Thresholds and intrinsic plasticity against their equations, and what they bring the units to."""

import math

import numpy as np
import pytest

import hebbkern as hk

DTYPES = (np.float32, np.float64)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("reduction", ("mean", "sequential"))
def test_threshold(dtype, reduction):
    Y = np.random.default_rng(1).random((9, 5)).astype(dtype)
    for target in (0.25, np.linspace(0, 1, 5)):
        threshold = hk.homeostasis.Threshold(5, target, rate=0.5, dtype=dtype)
        assert threshold.update(Y, reduction=reduction) is threshold.theta
        change = 0.5 * (Y.astype(float) - target)
        np.testing.assert_allclose(threshold.theta, change.mean(0) if reduction == "mean" else change.sum(0), rtol=1e-5, atol=1e-6)
        before = threshold.theta.copy()
        threshold.update(Y[:0], reduction=reduction)
        assert np.array_equal(before, threshold.theta)


@pytest.mark.parametrize("dtype", DTYPES)
def test_intrinsic_plasticity(dtype):
    Z = np.random.default_rng(2).standard_normal((9, 5)).astype(dtype)
    for reduction in ("mean", "sequential"):
        units = hk.homeostasis.IntrinsicPlasticity(5, 0.25, rate=0.125, dtype=dtype)
        gain, bias = np.ones(5), np.zeros(5)
        steps = []
        for z in Z.astype(float):
            y = 1 / (1 + np.exp(-(gain * z + bias)))
            down = 0.125 * (1 - (2 + 4) * y + y**2 * 4)
            steps.append((y, 0.125 / gain + z * down, down))
            if reduction == "sequential":
                gain, bias = gain + steps[-1][1], bias + down
        if reduction == "mean":
            gain, bias = (v + np.mean([s[k] for s in steps], axis=0) for v, k in ((gain, 1), (bias, 2)))
        y = units.update(Z, reduction=reduction)
        for got, want in ((y, [s[0] for s in steps]), (units.gain, gain), (units.bias, bias)):
            np.testing.assert_allclose(got, want, rtol=1e-4 if dtype is np.float32 else 1e-12)
    one, many = (hk.homeostasis.IntrinsicPlasticity(5, 0.25, dtype=dtype) for _ in range(2))
    Y = many.update(Z, reduction="sequential")
    assert all(np.array_equal(one.update(z), y) for z, y in zip(Z, Y))
    assert np.array_equal(one.gain, many.gain) and np.array_equal(one.bias, many.bias)


def test_numbers():
    assert hk.homeostasis.IntrinsicPlasticity(2, 0.5).update([0, 0]).tolist() == [0.5, 0.5]
    assert hk.homeostasis.Threshold(2, 0.5, 1.0).update([1, 0]).tolist() == [0.5, -0.5]


def test_refusals():
    value, kind = hk.ArgumentValueError, hk.ArgumentTypeError
    make, units = hk.homeostasis.Threshold, hk.homeostasis.IntrinsicPlasticity
    for error, name, call in (
        (kind, "n", lambda: make(2.5, 0.1)),
        (value, "n", lambda: make(0, 0.1)),
        (value, "target", lambda: make(2, [1, 2, 3])),
        (value, "target", lambda: make(2, math.nan)),
        (value, "rate", lambda: make(2, 0.1, -1)),
        (kind, "dtype", lambda: make(2, 0.1, dtype=int)),
        (value, "y", lambda: make(2, 0.1).update([1, 2, 3])),
        (kind, "y", lambda: make(2, 0.1).update(np.zeros(2))),
        (value, "reduction", lambda: make(2, 0.1).update([1, 2], reduction="sum")),
        (value, "target", lambda: units(2, 1)),
        (value, "target", lambda: units(2, 0)),
        (value, "rate", lambda: units(2, 0.5, math.inf)),
        (value, "z", lambda: units(2, 0.5, dtype=float).update([1.0, 2.0, 3.0])),
        (kind, "z", lambda: units(2, 0.5).update(np.zeros(2))),
    ):
        with pytest.raises(error) as caught:
            call()
        assert caught.value.argument == name
    threshold = make(1, 0.0, 1.0)
    with pytest.raises(hk.DivergenceError) as caught:
        threshold.update(np.array([[1], [math.inf]], np.float32), reduction="sequential")
    assert caught.value.sample == 1 and threshold.theta[0] == 1
