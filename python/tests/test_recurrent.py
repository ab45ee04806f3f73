"""Synaptic balancing against its theory and an independent minimiser; recurrent networks against plain NumPy."""

import signal
import threading

import hebbkern as hk
import matplotlib
import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.sparse.csgraph import connected_components

DTYPES = (np.float32, np.float64)


def network(n=8, dtype=np.float64, seed=0, share=0.6, size=1.0, spread=0.5):
    """Strongly connected, with weights of different sizes: j, w_in, bias, w_out."""
    random = np.random.default_rng(seed)
    j = size * random.standard_normal((n, n)) * np.exp(spread * random.standard_normal((n, n)))
    ring = np.roll(np.eye(n, dtype=bool), 1, 1)
    j *= ring | np.eye(n, dtype=bool) | (random.random((n, n)) < share)
    parts = j, random.standard_normal((n, 3)), random.standard_normal(n), random.standard_normal((2, n))
    return [a.astype(dtype) for a in parts]


def cost_matrix(j, alpha, p):
    c = np.broadcast_to(1.0 if alpha is None else alpha, j.shape) * np.abs(j.astype(np.float64)) ** p
    return c * ~np.eye(len(j), dtype=bool)


def alphas(n, kind, dtype=np.float64):
    random = np.random.default_rng(5)
    return {
        "none": None,
        "scalar": 2.5,
        "vector": random.uniform(0.2, 1, n).astype(dtype),
        "matrix": random.uniform(0.2, 1, (n, n)).astype(dtype),
    }[kind]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("p", [0.5, 1, 1.5, 2, 3])
@pytest.mark.parametrize("kind", ["none", "scalar", "vector", "matrix"])
def test_balanced_and_conserved(dtype, p, kind):
    parts = network(dtype=dtype)
    old = [a.copy() for a in parts]
    j, w_in, bias, w_out = parts
    alpha = alphas(8, kind, dtype)
    report = hk.synaptic_balance(j, p=p, alpha=alpha, w_in=w_in, bias=bias, w_out=w_out)
    eps = np.finfo(dtype).eps
    assert report.converged and report.residual <= 1e-9 and report.components == 1 and not report.held
    assert abs(report.h.sum()) < 1e-12
    h = report.h
    for new, was, factor in zip(
        parts, old, (np.exp(h - h[:, None]), np.exp(-h[:, None]), np.exp(-h), np.exp(h)), strict=True
    ):
        np.testing.assert_allclose(new, was * factor, rtol=4 * eps)
    c, before = cost_matrix(j, alpha, p), cost_matrix(old[0], alpha, p)
    g = c.sum(1) - c.sum(0)
    assert np.all(np.abs(g) <= (1e-9 + 20 * p * eps) * (c.sum(1) + c.sum(0)))
    assert abs(g.sum()) <= 1e-12 * c.sum()
    np.testing.assert_allclose(report.cost_before, before.sum(), rtol=1e-12)
    np.testing.assert_allclose(report.cost_after, c.sum(), rtol=20 * p * eps)
    np.testing.assert_allclose(report.gradient_before, np.linalg.norm(before.sum(1) - before.sum(0)), rtol=1e-10)
    # what is conserved
    np.testing.assert_array_equal(np.diag(j), np.diag(old[0]))
    np.testing.assert_allclose(j * j.T, old[0] * old[0].T, rtol=8 * eps)
    order = np.roll(np.arange(8), -1)
    np.testing.assert_allclose(np.prod(j[np.arange(8), order]), np.prod(old[0][np.arange(8), order]), rtol=40 * eps)
    was, now = (np.sort_complex(np.linalg.eigvals(a.astype(np.float64))) for a in (old[0], j))
    if dtype == np.float64:
        np.testing.assert_allclose(now, was, atol=1e-9 * np.abs(was).max())
    traces = [[np.trace(np.linalg.matrix_power(a.astype(np.float64), k)) for k in range(1, 9)] for a in (old[0], j)]
    np.testing.assert_allclose(traces[1], traces[0], rtol=1e4 * eps, atol=1e4 * eps * np.abs(traces[0]).max())


@pytest.mark.parametrize("p", [0.5, 1, 1.5, 2, 3])
def test_agrees_with_scipy(p):
    j, *_ = network(seed=2)
    alpha = alphas(8, "vector")
    c = cost_matrix(j, alpha, p)

    def problem(h):
        scaled = c * np.exp(p * (h - h[:, None]))
        value, g = scaled.sum(), scaled.sum(1) - scaled.sum(0)
        hessian = p * p * (np.diag(scaled.sum(1) + scaled.sum(0)) - scaled - scaled.T)
        # Σh = 0 is added as a penalty, which is 0 at the minimum
        return value + h.sum() ** 2, -p * g + 2 * h.sum(), hessian + 2

    found = minimize(
        lambda h: problem(h)[0], np.zeros(8), jac=lambda h: problem(h)[1], hess=lambda h: problem(h)[2],
        method="trust-exact", options={"gtol": 1e-12 * c.sum()},
    )  # fmt: skip
    old = j.copy()
    report = hk.synaptic_balance(j, p=p, alpha=alpha, tol=1e-13)
    np.testing.assert_allclose(report.h, found.x, atol=1e-8)
    np.testing.assert_allclose(j, old * np.exp(found.x - found.x[:, None]), rtol=1e-8)
    # ∂C/∂h = −p·g, by differences
    h, e = np.linspace(-0.3, 0.3, 8), 1e-6
    slope = [(problem(h + e * d)[0] - problem(h - e * d)[0]) / (2 * e) for d in np.eye(8)]
    np.testing.assert_allclose(slope, problem(h)[1], rtol=1e-6, atol=1e-6 * c.sum())


def test_methods_reach_the_same_matrix():
    first = None
    for method in ("convex", "flow", "euler"):
        j, *_ = network(6, spread=0.2, share=0.9)
        top = cost_matrix(j, None, 2).sum(0).max() + cost_matrix(j, None, 2).sum(1).max()
        report = hk.synaptic_balance(j, method=method, tol=1e-12, dt=0.2 / top if method == "euler" else None)
        assert report.converged and (report.time > 0) == (method != "convex")
        first = j if first is None else first
        np.testing.assert_allclose(j, first, rtol=1e-10)


def test_the_cost_falls_as_the_flow_says():
    old = network(seed=3)[0]
    p, tau, dt = 1.3, 3.0, 1e-6
    c = cost_matrix(old, None, p)
    g = c.sum(1) - c.sum(0)
    report = hk.synaptic_balance(old.copy(), p=p, method="euler", dt=dt, tau=tau, max_steps=1)
    assert report.reason == "max_steps" and not report.converged
    np.testing.assert_allclose(report.h, dt / tau * g, rtol=1e-9, atol=1e-12 * dt * np.abs(g).max())
    np.testing.assert_allclose((report.cost_after - report.cost_before) / dt, -p / tau * (g @ g), rtol=1e-3)


def test_units_on_no_cycle_are_held():
    j = np.zeros((5, 5))
    j[0, 1], j[1, 0], j[2, 0], j[0, 3], j[4, 4] = 8, 2, 3, 5, 1
    report = hk.synaptic_balance(j)
    assert report.held == [2, 3, 4] and report.off_cycle == 2 and report.components == 1
    np.testing.assert_allclose(abs(report.h[0] - report.h[1]), np.log(2), rtol=1e-9)
    np.testing.assert_allclose([j[0, 1], j[1, 0]], [4, 4], rtol=1e-9)
    np.testing.assert_allclose([j[2, 0], j[0, 3]], [3 * np.exp(report.h[0]), 5 * np.exp(-report.h[0])], rtol=1e-14)
    nothing = hk.synaptic_balance(np.triu(np.ones((3, 3))))
    assert nothing.held == [0, 1, 2] and nothing.cost_after == 0 and nothing.steps == 0
    assert hk.synaptic_balance(np.zeros((0, 0))).held == []


def test_random_graphs():
    """Sparse weights over many decades, gains of 0 among them: the components are SciPy's, and each is balanced."""
    random = np.random.default_rng(9)
    held = 0
    for case in range(200):
        n = int(random.integers(1, 15))
        j = random.standard_normal((n, n)) * np.exp(random.choice([0.1, 1, 4]) * random.standard_normal((n, n)))
        j *= random.random((n, n)) < random.choice([0.1, 0.2, 0.5])
        alpha = random.random(n) * (random.random(n) < 0.9)
        p = float(random.choice([0.5, 1, 1.3, 2, 4]))
        c = cost_matrix(j, alpha, p)
        _, label = connected_components(c > 0, connection="strong")
        inside = label == label[:, None]
        report = hk.synaptic_balance(j, p=p, alpha=alpha)
        sizes = np.bincount(label)
        assert report.converged, (case, report)
        assert report.held == list(np.flatnonzero(sizes[label] == 1)) and report.components == (sizes > 1).sum()
        assert report.off_cycle == ((c > 0) & ~inside).sum()
        c = cost_matrix(j, alpha, p) * inside
        assert np.all(np.abs(c.sum(1) - c.sum(0)) <= 1e-8 * (c.sum(1) + c.sum(0))), (case, report)
        np.testing.assert_allclose(np.bincount(label, report.h), 0, atol=1e-12)
        np.testing.assert_allclose(report.cost_after, c.sum(), rtol=1e-9)
        held += len(report.held)
    assert held > 200


def test_cuts_and_threads_leave_no_trace():
    """Work of many pieces, cut by the clock, has the same bits each time and with any number of threads."""
    old, w_in, bias, w_out = network(300, seed=1, size=0.05)
    u = np.random.default_rng(2).standard_normal((2000, 3))
    found, threads = [], hk.get_num_threads()
    try:
        for n in (1, 2, 3):
            hk.set_num_threads(n)
            j = old.copy()
            report = hk.synaptic_balance(j, method="flow", p=1.3, rtol=1e-9)
            found.append((j, report.h, hk.RNN(j, w_in, bias, w_out, rate=0.1).run(u).states))
    finally:
        hk.set_num_threads(threads)
    for other in found[1:]:
        for a, b in zip(found[0], other):
            np.testing.assert_array_equal(a, b)
    net = hk.RNN(found[0][0], w_in, bias, w_out, rate=0.1)
    first = net.run(u[:700]).states
    np.testing.assert_array_equal(np.concatenate([first, net.run(u[700:], x0=first[-1]).states]), found[0][2])


def test_refusals():
    parts = network()
    old = [a.copy() for a in parts]
    names = ("j", "w_in", "bias", "w_out")

    def refused(argument, error=ValueError, **change):
        given = {**dict(zip(names, parts)), **change}
        with pytest.raises(error) as caught:
            hk.synaptic_balance(given.pop("j"), **given)
        assert caught.value.argument == argument, caught.value
        assert "synaptic_balance: " in str(caught.value)
        for a, b in zip(parts, old):
            np.testing.assert_array_equal(a, b)

    for name, value in (("p", 0), ("p", np.nan), ("tol", -1), ("tau", 0), ("rtol", np.inf), ("dt", 1.0), ("max_steps", 0),
                        ("method", "newton"), ("alpha", -1.0), ("alpha", np.full(8, np.nan)), ("alpha", np.ones(7)),
                        ("alpha", np.ones((8, 7))), ("j", np.ones((8, 7))), ("w_in", np.ones((7, 3))), ("bias", np.ones(7)),
                        ("w_out", np.ones((2, 7))), ("j", np.ones(8))):  # fmt: skip
        refused(name, **{name: value})
    for name, value in (("p", "2"), ("method", 3), ("max_steps", 1.5), ("j", [[1.0]]), ("w_in", np.ones((8, 3), np.float32)),
                        ("alpha", "x"), ("alpha", np.ones(8, np.float32))):  # fmt: skip
        refused(name, TypeError, **{name: value})
    refused("dt", method="euler")
    refused("dt", method="euler", dt=10.0)  # unstable
    refused("bias", bias=parts[0][1])
    refused("alpha", alpha=parts[0])
    frozen = parts[0].copy()
    frozen.flags.writeable = False
    refused("j", j=frozen)
    for name, at in (("j", (1, 2)), ("w_in", (3, 1)), ("bias", (4,)), ("w_out", (1, 5))):
        for value in (np.nan, np.inf):
            spoilt = dict(zip(names, (a.copy() for a in parts)))
            spoilt[name][at] = value
            was = {k: v.copy() for k, v in spoilt.items()}
            with pytest.raises(ValueError, match=f"{name} is .* at .*{at[0]}"):
                hk.synaptic_balance(spoilt["j"], w_in=spoilt["w_in"], bias=spoilt["bias"], w_out=spoilt["w_out"])
            for k in names:
                np.testing.assert_array_equal(spoilt[k], was[k])


def test_interrupt_leaves_the_arrays():
    n = 600
    j = np.random.default_rng(0).standard_normal((n, n)) * np.exp(2 * np.random.default_rng(1).standard_normal((n, n)))
    old = j.copy()
    timer = threading.Timer(0.1, signal.raise_signal, [signal.SIGINT])
    with pytest.raises(KeyboardInterrupt):
        timer.start()
        hk.synaptic_balance(j, method="flow", tol=1e-15)  # takes minutes
    np.testing.assert_array_equal(j, old)


def test_report_plots():
    matplotlib.use("Agg")
    j = network()[0]
    j[:, 3] = 0
    report = hk.synaptic_balance(j)
    assert report.held == [3] and "1 units held" in repr(report)
    figure = report.plot()
    assert len(figure.axes) == 3
    matplotlib.pyplot.close(figure)


def plain_run(parts, u, noise, x, rate, f):
    j, w_in, bias, w_out = (a.astype(np.float64) for a in parts)
    states, outputs, slopes = [], [], []
    for t in range(len(u)):
        if rate is None:
            z = x @ j.T + bias + u[t] @ w_in.T + noise[t]
            x = f(z)
            y = x
        else:
            z = x = (1 - rate) * x + rate * (f(x) @ j.T + bias + u[t] @ w_in.T + noise[t])
            y = f(x)
        states.append(x)
        outputs.append(y @ w_out.T)
        slopes.append(z)
    return np.array(states), np.array(outputs), np.array(slopes)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rate", [None, 0.3, 1.0])
@pytest.mark.parametrize("batch", [(), (3,)])
def test_rnn(dtype, rate, batch):
    parts = network(dtype=dtype, size=0.2)
    random = np.random.default_rng(4)
    u = random.standard_normal((12, *batch, 3)).astype(dtype)
    noise = 0.1 * random.standard_normal((12, *batch, 8)).astype(dtype)
    x0 = random.standard_normal((*batch, 8)).astype(dtype)
    net = hk.RNN(*parts, activation="tanh", rate=rate)
    got = net.run(u, x0=x0, noise=noise)
    states, outputs, at = plain_run(parts, u, noise, x0, rate, np.tanh)
    tol = 200 * np.finfo(dtype).eps
    np.testing.assert_allclose(got.states, states, rtol=tol, atol=tol)
    np.testing.assert_allclose(got.outputs, outputs, rtol=tol, atol=10 * tol)
    slope = (1 - np.tanh(at) ** 2).reshape(-1, 8)
    np.testing.assert_allclose(got.gains, slope.mean(0), rtol=tol, atol=tol)
    np.testing.assert_allclose(got.square_gains, (slope**2).mean(0), rtol=tol, atol=tol)
    quiet = net.run(u, x0=x0)
    assert quiet.states.dtype == dtype
    np.testing.assert_array_equal(net.gains(u, x0=x0), quiet.gains.astype(dtype))
    np.testing.assert_array_equal(net.gains(u, x0=x0, square=True), quiet.square_gains.astype(dtype))


def test_balancing_keeps_the_function_and_follows_the_gains():
    parts = network(seed=6, size=0.25)
    u = np.random.default_rng(7).standard_normal((200, 3))
    net = hk.RNN(*parts, rate=0.1)
    before, alpha = net.run(u), net.gains(u)
    assert np.ptp(alpha) > 0.1
    report = hk.synaptic_balance(
        parts[0], alpha=alpha, w_in=parts[1], bias=parts[2], w_out=parts[3]
    )  # the arrays that net keeps
    after = net.run(u)
    assert report.cost_after < 0.95 * report.cost_before
    np.testing.assert_allclose(after.outputs, before.outputs, rtol=1e-11, atol=1e-12 * np.abs(before.outputs).max())
    np.testing.assert_array_equal(after.gains, before.gains)


def test_robustness():
    """The covariance of a linear network's states is known: Σ ← A Σ Aᵀ + (rate·std)² 1, A = 1 − rate + rate·J."""
    n, rate, std, steps, trials = 5, 0.3, 0.05, 60, 300
    random = np.random.default_rng(8)
    j, w_out = 0.3 * random.standard_normal((n, n)), random.standard_normal((2, n))
    net = hk.RNN(j, None, None, w_out, activation="identity", rate=rate)
    found = net.robustness(steps=steps, std=std, trials=trials)
    step, covariance, states, outputs = (1 - rate) * np.eye(n) + rate * j, np.zeros((n, n)), 0.0, 0.0
    for _ in range(steps):
        covariance = step @ covariance @ step.T + (rate * std) ** 2 * np.eye(n)
        states += np.trace(covariance) / n / steps
        outputs += np.trace(w_out @ covariance @ w_out.T) / 2 / steps
    # some 5,000 samples that hang together over 1/rate steps: 5 %
    np.testing.assert_allclose([found.states, found.outputs], [states, outputs], rtol=0.1)
    assert net.robustness(steps=steps, std=std, trials=3) == net.robustness(steps=steps, std=std, trials=3)
    assert net.robustness(steps=9, std=std, trials=3) != net.robustness(steps=9, std=std, trials=3, seed=1)
    # weights: to first order std²·‖φ(x)‖² in one step from x0
    x0, j0 = np.array([1.0, 2.0, 0.0, 0.0, 3.0]), np.ones((n, n))
    j0[2, 0] = 0
    once = hk.RNN(j0, activation="identity", rate=1.0)
    found = once.robustness(x0=x0, steps=1, std=std, of="weights", trials=3000)
    np.testing.assert_allclose(found.states, std**2 * (14 * n - 1) / n, rtol=0.1)
    assert found.outputs is None


def test_rnn_refusals():
    parts = network()
    net = hk.RNN(*parts)
    u = np.ones((4, 3))
    cases = [
        (lambda: hk.RNN(parts[0], parts[0][:3]).run(steps=1), "w_in"),
        (lambda: hk.RNN(*parts, rate=0), "rate"),
        (lambda: hk.RNN(*parts, rate=1.5), "rate"),
        (lambda: hk.RNN(*parts, activation="x"), "activation"),
        (lambda: net.run(), "steps"),
        (lambda: net.run(u, steps=5), "steps"),
        (lambda: net.run(np.ones((4, 2))), "u"),
        (lambda: net.run(u, noise=np.ones((5, 8))), "noise"),
        (lambda: net.run(u, noise=np.ones((4, 2, 8))), "noise"),
        (lambda: net.run(u, x0=np.ones(7)), "x0"),
        (lambda: net.run(u, x0=np.ones((2, 8))), "x0"),
        (lambda: net.robustness(u, std=-1), "std"),
        (lambda: net.robustness(u, std=1, of="x"), "of"),
        (lambda: net.robustness(u, std=1, trials=0), "trials"),
        (lambda: net.robustness(u, std=1, seed=-1), "seed"),
    ]
    for call, argument in cases:
        with pytest.raises(ValueError) as caught:
            call()
        assert caught.value.argument == argument, caught.value
    with pytest.raises(TypeError, match="float32"):
        net.run(u.astype(np.float32))
    with pytest.raises(hk.DivergenceError) as caught:
        hk.RNN(np.full((1, 1), 1e200), bias=np.ones(1), rate=None).run(steps=9)
    assert caught.value.sample == 2
