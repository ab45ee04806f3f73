"""Balancing for a cost that is given by its derivative."""

import signal
import threading

import matplotlib
import numpy as np
import pytest
from hebbkern._graph import Block, balance_graph

import hebbkern as hk


def make(dtype=np.float64, sizes=(5, 7, 6, 3), seed=0):
    random = np.random.default_rng(seed)
    weights = [random.normal(size=(n, m)).astype(dtype) for m, n in zip(sizes, sizes[1:])]
    return weights, [random.normal(size=n).astype(dtype) for n in sizes[1:]]


def run(weights, biases, x):
    for w, b in zip(weights[:-1], biases):
        x = np.maximum(x @ w.T + b, 0)
    return x @ weights[-1].T + biases[-1]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_power_is_that_power(dtype):
    """p w^(p−1) is the cost of p, with weights of the elements, biases, averages and units that stay."""
    results = []
    for options in ({"p": 1.5}, {"cost": lambda w: 1.5 * np.sqrt(w)}):
        weights, biases = make(dtype)
        before = run(weights, biases, np.ones((4, 5)))
        alpha = [0.5, np.arange(42, dtype=dtype).reshape(6, 7) % 3, 1.0]
        momentum = ([np.ones_like(w) for w in weights], None)
        report = hk.balance(
            weights, biases, alpha=alpha, include_bias=True, only=[True, [True] * 5 + [False]], momentum=momentum,
            tol=1e-6 if dtype == np.float32 else 1e-13, **options,
        )  # fmt: skip
        assert report.converged
        assert np.allclose(run(weights, biases, np.ones((4, 5))), before, rtol=1e-5 if dtype == np.float32 else 1e-12)
        results.append(np.concatenate([a.ravel() for a in (*weights, *biases, *momentum[0], *report.scales)]))
    assert np.allclose(*results, rtol=3e-6 if dtype == np.float32 else 1e-11)
    assert report.method == "sweeps" and np.isnan(report.cost_after) and "cost=<lambda>" in repr(report)


@pytest.mark.parametrize("slope", [np.tanh, lambda w: w + 1 / (1 + w), np.expm1], ids=["log cosh", "mixed", "exp"])
def test_the_equation_of_the_theory(slope):
    weights, _ = make()
    deficit = hk.deficit(weights, cost=slope)
    term = [abs(w) * slope(abs(w)) for w in weights]
    for l, d in enumerate(deficit):
        assert np.allclose(d, term[l].sum(1) - term[l + 1].sum(0), rtol=1e-12, atol=1e-12)
    start = [w.copy() for w in weights]
    report = hk.balance(weights, cost=slope, tol=1e-12)
    ends = [np.ones(5), *report.scales, np.ones(3)]
    for w, old, post, pre in zip(weights, start, ends[1:], ends):
        assert np.allclose(w, post[:, None] * old / pre, rtol=1e-14)
    term = [abs(w) * slope(abs(w)) for w in weights]
    for l in range(2):
        assert np.allclose(term[l].sum(1), term[l + 1].sum(0), rtol=1e-11)
    again = [w.copy() for w in start]
    hk.balance(again, cost=slope, tol=1e-12, order=[1, 0])
    assert all(np.allclose(a, b, rtol=1e-10) for a, b in zip(again, weights))


def test_convolutions_recurrence_and_shared_weights():
    """Any graph: a unit with several columns, units that feed each other, one array at two places."""
    random = np.random.default_rng(1)
    kernel, recurrent, shared = (random.normal(size=s) for s in ((3, 4), (3, 3), (4, 6)))
    all_units = np.arange(3)

    def blocks():
        w = shared.copy()
        return [Block(kernel.copy(), "kernel", rows=all_units), Block(recurrent.copy(), "j", all_units, all_units),
                Block(w, "once", cols=np.repeat(all_units, 2)), Block(w, "twice", cols=np.repeat(all_units, 2))]  # fmt: skip

    a, b = blocks(), blocks()
    balance_graph(3, a, p={1.0: 1.0, 3.0: 0.25}, tol=1e-13)
    balance_graph(3, b, p=lambda w: 1 + 0.75 * w**2, method="sweeps", tol=1e-13)
    for one, other in zip(a, b):
        assert np.allclose(one.w, other.w, rtol=1e-11)


class Late(Exception):
    pass


def after(calls, what):
    """g′ = w, until the call that it ends with."""
    left = [calls]

    def slope(w):
        left[0] -= 1
        return what(w) if left[0] == 0 else w

    return slope


def fail(w):
    raise Late(len(w))


@pytest.mark.parametrize("cost, kind, words", [
    (after(6, fail), Late, r"^\d+$"),
    (after(1, fail), Late, r"^\d+$"),
    (after(5, lambda w: np.full_like(w, np.nan)), ValueError, "cost is NaN at .w. = .*a finite number"),
    (after(5, lambda w: -w), ValueError, "cost is -.* a finite number ≥ 0"),
    (after(5, lambda w: w[1:]), ValueError, r"cost gave shape \(\d+,\).* the same shape"),
    (after(1, lambda w: 1.0), ValueError, r"cost gave shape \(\)"),
    (after(3, lambda w: None), TypeError, "cost gave NoneType"),
    (after(3, lambda w: w * 1j), TypeError, "cost gave complex128"),
    (lambda w: 1 / w, ValueError, "increases from 0 to infinity"),
    (lambda w: 1 / np.cosh(3 * w) ** 2, ValueError, "increases from 0 to infinity"),
    (lambda w: np.inf * w, ValueError, "cost is .Inf at"),
    (2.0, TypeError, "cost is 2.0; a function"),
])  # fmt: skip
def test_refusals_leave_everything_as_it_was(cost, kind, words):
    weights, biases = make()
    kept = [a.copy() for a in (*weights, *biases)]
    with pytest.raises(kind, match=words):
        hk.balance(weights, biases, cost=cost)
    for a, b in zip(kept, (*weights, *biases)):
        assert a.tobytes() == b.tobytes()


def test_options_that_do_not_fit():
    weights, _ = make()
    for options, name in (({"p": 1.0}, "cost"), ({"method": "stochastic"}, "method"), ({"method": "tied"}, "method")):
        with pytest.raises(ValueError, match=f"balance: {name} is "):
            hk.balance(weights, cost=np.tanh, **options)


def test_ctrl_c_in_the_callable():
    weights, biases = make()
    kept = [a.copy() for a in (*weights, *biases)]

    def interrupt(w):
        signal.raise_signal(signal.SIGINT)
        return w

    with pytest.raises(KeyboardInterrupt):
        hk.balance(weights, biases, cost=after(4, interrupt))
    assert all(a.tobytes() == b.tobytes() for a, b in zip(kept, (*weights, *biases)))


def test_the_callable_may_use_the_library_and_other_threads():
    """It runs in the caller's thread, without its lock when it lets it go, and what it is given is its own."""
    seen, given = [], []

    def slope(w):
        given.append((w, w.copy()))
        seen.append(threading.get_ident())
        worker = threading.Thread(target=lambda: hk.power_sums(np.ones((3, 3)), 2.0))
        worker.start()
        worker.join()
        inner, _ = make()
        hk.balance(inner, cost=np.tanh)
        return np.tanh(w)

    weights, _ = make()
    plain, _ = make()
    hk.balance(weights, cost=slope, max_sweeps=2)
    hk.balance(plain, cost=np.tanh, max_sweeps=2)
    assert all(a.tobytes() == b.tobytes() for a, b in zip(weights, plain))
    assert set(seen) == {threading.get_ident()}
    assert all(np.array_equal(a, b) for a, b in given)


def test_report_plots():
    matplotlib.use("Agg")
    weights, _ = make()
    assert len(hk.balance(weights, cost=np.tanh).plot().axes) == 2
