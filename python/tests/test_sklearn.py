"""Balancing of scikit-learn's perceptrons, and units that are found out step by step."""

import copy
import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor

import hebbkern as hk
from hebbkern._models import Units

RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((60, 5))
Y = RANDOM.integers(0, 3, 60)


def fitted(kind=MLPClassifier, x=X, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return kind(hidden_layer_sizes=(8, 6), max_iter=4, random_state=0, **options).fit(x, Y)


def outputs(model, x=X):
    return model.predict_proba(x) if hasattr(model, "predict_proba") else model.predict(x)


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize("activation", ["relu", "identity"])
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("p", [1, 2.5])
def test_predictions_stay(kind, activation, solver, p):
    model = fitted(kind, activation=activation, solver=solver)
    before, old = outputs(model), [w.copy() for w in model.coefs_]
    report = hk.sklearn.balance_(model, p)
    np.testing.assert_allclose(outputs(model), before, rtol=1e-10, atol=1e-13)
    assert report.converged and report.modules == ["coefs_[0]", "coefs_[1]", "coefs_[2]"]
    assert report.excluded == [(2, None, "output")]
    for l in range(2):
        a, b = (np.abs(w) ** p for w in model.coefs_[l : l + 2])
        live = [u for u in range(len(report.scales[l])) if (l, u) not in report.dead]
        np.testing.assert_allclose(a.sum(0)[live], b.sum(1)[live], rtol=1e-8)
        assert not np.array_equal(model.coefs_[l], old[l])
    assert all(np.abs(d[np.abs(d) > 1e-8]).size <= len(report.dead) for d in hk.sklearn.deficit(model, p))


def test_the_weights_are_those_of_balance():
    model = fitted(x=X.astype(np.float32))
    assert model.coefs_[0].dtype == np.float32
    weights = [np.ascontiguousarray(w.T) for w in model.coefs_]
    biases = [b.copy() for b in model.intercepts_]
    model.coefs_[1] = np.asfortranarray(model.coefs_[1])  # any order
    model.coefs_[2] = np.repeat(model.coefs_[2], 2, axis=1)[:, ::2]
    kept = model.coefs_[2]
    mine = hk.sklearn.balance_(model, p=2, include_bias=True)
    theirs = hk.balance(weights, biases, p=2, include_bias=True)
    for w, ours in zip(weights, model.coefs_):
        np.testing.assert_allclose(ours.T, w, rtol=1e-5)
    for b, ours in zip(biases, model.intercepts_):
        np.testing.assert_allclose(ours, b, rtol=1e-5)
    assert model.coefs_[2] is kept
    np.testing.assert_allclose(mine.cost_after, theirs.cost_after, rtol=1e-6)
    np.testing.assert_allclose(hk.sklearn.deficit(model, 2)[0], hk.deficit(weights, p=2)[0], atol=1e-4)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_averages_of_the_solver(solver):
    model = fitted(solver=solver)
    old, scaled = copy.deepcopy(model), model
    hk.sklearn.balance_(scaled, p=1)
    factors = [a / b for a, b in zip(scaled.coefs_ + scaled.intercepts_, old.coefs_ + old.intercepts_)]
    for key, power in {"sgd": {"velocities": -1}, "adam": {"ms": -1, "vs": -2}}[solver].items():
        theirs, ours = getattr(old._optimizer, key), getattr(scaled._optimizer, key)
        for a, b, s in zip(theirs, ours, factors):
            assert np.any(a != 0)
            np.testing.assert_allclose(b, a * s**power, rtol=1e-9)
    scaled.partial_fit(X, Y)


def test_refusals():
    with pytest.raises(TypeError, match="estimator is a int"):
        hk.sklearn.balance_(3)
    with pytest.raises(ValueError, match="has not been fitted"):
        hk.sklearn.balance_(MLPClassifier())
    with pytest.raises(ValueError, match="activation 'tanh'"):
        hk.sklearn.balance_(fitted(activation="tanh"))
    model = fitted()
    for change, words in (
        (lambda m: m.coefs_[1].__setitem__((2, 3), np.nan), r"coefs_\[1\] is NaN at row 2, column 3"),
        (lambda m: m.coefs_[1].setflags(write=False), r"coefs_\[1\] is written but read-only|read-only"),
        (lambda m: m.intercepts_.__setitem__(0, m.intercepts_[0].astype(np.float32)), r"intercepts_\[0\] is float32"),
    ):
        broken = copy.deepcopy(model)
        change(broken)
        before = [w.copy() for w in broken.coefs_]
        with pytest.raises((ValueError, TypeError), match=words):
            hk.sklearn.balance_(broken)
        assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(before, broken.coefs_))
    with pytest.raises(ValueError, match="p is -1"):
        hk.sklearn.balance_(model, -1)


def test_units_that_are_joined_and_held():
    units = Units()
    a, b, c, d = (units.add(name, n) for name, n in (("a", 3), ("b", 3), ("c", 2), ("d", 1)))
    units.join(a, b[::-1], "")
    units.hold([b[0]], "first")
    units.hold([a[2], -1], "second")  # the same unit
    units.join(c, [-1, b[1]], "added")
    numbers = units.numbers()
    assert numbers.tolist() == [0, 1, 2, 2, 1, 0, 3, 1, 4, -1]
    graph = units.graph(numbers)
    assert graph["units"] == 5 and graph["held"].tolist() == [0, 0, 1, 1, 0]
    assert graph["group"].tolist() == [0, 0, 0, 1, 2]
    assert [v.tolist() for v in units.split(numbers, np.arange(5) * 10)] == [[0, 10, 20], [20, 10, 0], [30, 10], [40]]
    result = type("Result", (), {"status": np.array([0, 2, 1, 1, 4]), "scales": np.ones(5)})()
    for name in ("reason", "sweeps", "residual", "cost_before", "cost_after", "deficit_before", "deficit_after"):
        setattr(result, name, 0)
    report = units.report(numbers, result, {"p": 2.0, "method": "newton"}, [])
    assert report.dead == [(0, 1), (1, 1), (2, 1)]
    assert report.excluded == [(0, 2, "first"), (1, 0, "first"), (2, 0, "added"), (3, None, "shared")]
    assert list(report.by_module) == ["a", "b", "c", "d"]
    assert "1 layers and 3 units left as they were" in repr(report)


def test_long_chains_join():
    """Where each unit is added to the next, all have one scale, and one of them held holds them all."""
    units = Units()
    layers = [units.add(str(k), 1) for k in range(3000)]
    for one, next in zip(layers[1:], layers):
        units.join(one, next, "")
    units.hold(layers[1500], "here")
    numbers = units.numbers()
    assert set(numbers[:-1].tolist()) == {0} and units.graph(numbers)["held"].tolist() == [1]


def test_torch_says_when_it_is_missing():
    with pytest.raises(AttributeError, match="no attribute 'torches'"):
        hk.torches
    try:
        import torch  # noqa: F401
    except ImportError:
        with pytest.raises(ImportError, match="needs PyTorch: pip install torch"):
            hk.torch


def test_a_cost_by_its_derivative():
    """2w is the cost of p = 2."""
    models = [fitted(), fitted()]
    reports = [hk.sklearn.balance_(model, **options) for model, options in zip(models, ({}, {"cost": lambda w: 2 * w}))]
    assert all(report.converged for report in reports) and "cost=<lambda>" in repr(reports[1])
    for a, b in zip(models[0].coefs_, models[1].coefs_):
        np.testing.assert_allclose(a, b, rtol=1e-7)
    for d in hk.sklearn.deficit(models[1], cost=lambda w: 2 * w):
        assert abs(d).max() < 1e-7
