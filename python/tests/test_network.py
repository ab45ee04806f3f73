"""Training: gradients by finite differences, reproducible runs, balancing and the gain rule in training, faults."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

import hebbkern as hk


def task(samples=400, dtype=np.float32, seed=0):
    random = np.random.default_rng(seed)
    X = random.standard_normal((samples, 5)).astype(dtype)
    return X, ((X[:, 0] > 0).astype(int) + (X[:, 1] > 0))


def state(net):
    return b"".join(a.tobytes() for a in (*net.weights, *net.biases))


@pytest.mark.parametrize(
    "activation", ["relu", ("leaky_relu", 0.2), "tanh", "sigmoid", "softplus", "elu", "gelu", "identity", ("bilu", -0.5, 1.25),
                   ("bipu", 1.5, 0.25)]
)
@pytest.mark.parametrize("loss", ["mse", "softmax"])
def test_gradients(activation, loss):
    net = hk.Network([5, 6, 4, 3], activation=activation, loss=loss, dtype=np.float64, seed=3)
    X, Y = task(7, np.float64)
    T = np.eye(3)[Y]

    def mean_loss():
        out = net.forward(X)
        if loss == "mse":
            return np.square(out - T).sum() / 2 / len(X)
        top = out.max(1, keepdims=True)
        return -((out - top - np.log(np.exp(out - top).sum(1, keepdims=True))) * T).sum() / len(X)

    dw, db = net.gradients(X, Y)
    assert all(np.array_equal(a, b) for a, b in zip(dw, net.gradients(X, T)[0]))
    random = np.random.default_rng(4)
    for arrays, gradients in ((net.weights, dw), (net.biases, db)):
        for array, gradient in zip(arrays, gradients):
            for _ in range(4):
                at = tuple(random.integers(n) for n in array.shape)
                old, h = array[at], 1e-6
                array[at] = old + h
                up = mean_loss()
                array[at] = old - h
                down = mean_loss()
                array[at] = old
                np.testing.assert_allclose(gradient[at], (up - down) / 2 / h, rtol=1e-5, atol=1e-8)


def test_step_is_the_gradient():
    X, Y = task(20, np.float64)
    net = hk.Network([5, 8, 3], loss="softmax", dtype=np.float64)
    dw, db = net.gradients(X, Y)
    want = [w - 0.1 * d for w, d in zip(net.weights, dw)] + [b - 0.1 * d for b, d in zip(net.biases, db)]
    first = net.step(X, Y, 0.1)
    for got, value in zip((*net.weights, *net.biases), want):
        np.testing.assert_allclose(got, value, rtol=1e-12, atol=1e-14)
    assert net.step(X, Y, 0.1) < first


def test_forward_is_the_layers():
    net = hk.Network([5, 6, 3], activation="tanh", dtype=np.float64)
    X, _ = task(600, np.float64)
    hidden = hk.forward(net.weights[0], X, net.biases[0], activation="tanh")
    want = hk.forward(net.weights[1], hidden, net.biases[1])
    assert np.array_equal(net.forward(X), want) and np.array_equal(net.forward(X[3]), want[3])
    assert net.forward(X[:0]).shape == (0, 3)
    assert np.array_equal(net.predict(X), want)


def test_initial_weights():
    net, other = (hk.Network([50, 40, 10], seed=2**64 - 1, dtype=d) for d in (np.float32, np.float64))
    for a, b in zip(net.weights, other.weights):
        assert np.array_equal(a, b.astype(np.float32))
    assert np.abs(net.weights[0]).max() <= np.sqrt(6 / 50) and np.abs(net.weights[0]).max() > 0.99 * np.sqrt(6 / 50)
    assert np.abs(net.weights[1]).max() <= np.sqrt(6 / 50) and not any(b.any() for b in net.biases)
    assert state(hk.Network([5, 4], seed=1)) != state(hk.Network([5, 4], seed=2))


def fitted(**options):
    X, Y = task()
    net = hk.Network([5, 16, 12, 3], loss="softmax", seed=5)
    history = net.fit(X, Y, **{"epochs": 12, "batch": 16, "lr": 0.2, "progress": False, **options})
    return net, history, X, Y


def test_fit_learns_and_repeats():
    net, history, X, Y = fitted()
    assert (net.predict(X) == Y).mean() > 0.95 and history.accuracy[-1] > 0.9 and len(history) == 12
    assert history.loss[-1] < 0.3 * history.loss[0]
    assert state(fitted()[0]) == state(net)
    before = hk.get_num_threads()
    hk.set_num_threads(before + 1)
    assert state(fitted()[0]) == state(net)
    hk.set_num_threads(before)
    half, _, X, Y = fitted(epochs=7)
    half.fit(X, Y, epochs=5, batch=16, lr=0.2, progress=False)
    assert state(half) == state(net) and half.epoch == 12
    assert fitted(epochs=0)[0].epoch == 0


def test_fit_with_balancing():
    net, history, X, Y = fitted(balance={"p": 1, "before": True, "every": 3})
    assert [r is not None for r in history.balanced] == [False, False, True] * 4
    report = history.balanced[-1]
    assert report.p == 1 and report.converged and report.deficit_after < 1e-6 * report.deficit_before
    np.testing.assert_allclose(history.deficit[-1], report.deficit_before, rtol=1e-6)
    assert max(np.abs(d).max() for d in hk.deficit(net.weights, net.biases, p=1)) < 1e-3
    assert (net.predict(X) == Y).mean() > 0.95
    half, _, X, Y = fitted(epochs=5, balance={"p": 1, "before": True, "every": 3})
    half.fit(X, Y, epochs=7, batch=16, lr=0.2, balance={"p": 1, "before": True, "every": 3}, progress=False)
    assert state(half) == state(net)
    assert fitted(balance=True)[1].balanced[0].p == 2


def test_fit_with_the_gain_rule():
    net, history, X, Y = fitted(gain_rule={"lr": 1e-3, "alpha": 0.05, "form": "exp", "of": "derivative"})
    assert [g.shape for g in net.gains] == [(5,), (16,), (12,), (3,)]
    assert all((g >= 0).all() and g.max() <= 1 for g in net.gains)
    assert state(net) != state(fitted()[0])
    # nothing but the gain rule: the function of a ReLU network stays
    net = hk.Network([5, 16, 3], dtype=np.float64, seed=1)
    X64 = X.astype(np.float64)
    T = np.eye(3)[Y]
    before = net.forward(X64)
    net.fit(X64, T, epochs=3, lr=0, gain_rule={"lr": 0.01, "form": "exp"}, progress=False)
    np.testing.assert_allclose(net.forward(X64), before, rtol=1e-9, atol=1e-12)


def test_divergence_keeps_the_last_good_epoch():
    X, Y = task()
    net = hk.Network([5, 16, 3], seed=5)
    T = np.eye(3, dtype=np.float32)[Y]
    net.fit(X, T, epochs=2, lr=0.01, progress=False)
    good = state(net)
    with pytest.raises(hk.DivergenceError, match="epoch 2") as caught:
        net.fit(X, T, epochs=5, lr=1e30, progress=False)
    assert caught.value.epoch == 2 and caught.value.layer is not None and net.epoch == 2
    assert state(net) == good
    bad = X.copy()
    bad[7, 2] = np.inf
    with pytest.raises(hk.DivergenceError, match="x not finite") as caught:
        net.fit(bad, T, epochs=1, lr=0.01, progress=False)
    assert caught.value.sample == 7 and state(net) == good
    with pytest.raises(hk.DivergenceError):
        net.fit(X, T, epochs=20, lr=0.01, gain_rule={"lr": 1e6, "alpha": 1.0}, progress=False)
    assert state(net) != good or net.epoch == 2


def test_targets():
    X, _ = task(10)
    net = hk.Network([5, 1])
    y = X[:, 0].copy()
    assert net.step(X, y, 0.1) == hk.Network([5, 1]).step(X, y.reshape(-1, 1), 0.1)
    soft = hk.Network([5, 3], loss="softmax")
    soft.step(X, np.full((10, 3), 1 / 3, np.float32), 0.1)
    soft.step(X, [0, 1, 2, 0, 1, 2, 0, 1, 2, 0], 0.1)


@pytest.mark.parametrize(
    "change, name",
    [
        (dict(X=np.ones((400, 4), np.float32)), "X"), (dict(X=np.ones((400, 5))), "X"), (dict(X=np.ones((5, 400), np.float32).T), "X"),
        (dict(X=np.ones(5, np.float32)), "X"), (dict(X=np.ones((0, 5), np.float32)), "X"), (dict(X="a"), "X"), (dict(X=None), "X"),
        (dict(Y=np.zeros(399, int)), "Y"), (dict(Y=np.full(400, 3)), "Y"), (dict(Y=np.full(400, -1)), "Y"),
        (dict(Y=np.zeros((400, 2), np.float32)), "Y"), (dict(Y=np.zeros((400, 3))), "Y"), (dict(Y=None), "Y"),
        (dict(Y=np.full((400, 3), 0.5, np.float32)), "Y"), (dict(Y=np.full((400, 3), np.nan, np.float32)), "Y"),
        (dict(epochs=-1), "epochs"), (dict(epochs=1.5), "epochs"), (dict(batch=0), "batch"), (dict(batch="8"), "batch"),
        (dict(lr=-0.1), "lr"), (dict(lr=np.nan), "lr"), (dict(lr=np.inf), "lr"), (dict(lr="a"), "lr"), (dict(lr=1e39), "lr"),
        (dict(batches=3), "batches"), (dict(reduction="max"), "reduction"), (dict(validation=3), "validation"), (dict(patience=2), "patience"),
        (dict(validation=(np.ones((2, 4), np.float32), [0, 1])), "X"), (dict(callbacks=[3]), "callbacks"), (dict(callbacks=[(0, print)]), "callbacks"),
        (dict(lr=lambda epoch: -1.0), "lr"), (dict(X=lambda: None), "Y"), (dict(X=lambda: None, Y=None), "batches"),
        (dict(X=lambda: None, Y=None, batches=1), "X"),
        (dict(stamina={}), "stamina"), (dict(balance={"q": 1}), "balance"), (dict(balance={"p": -1}), "p"),
        (dict(balance={"every": -1}), "balance"), (dict(balance=3), "balance"), (dict(gain_rule={"lr": -1}), "gain_rule['lr']"),
        (dict(gain_rule={"alpha": 0}), "gain_rule['alpha']"), (dict(gain_rule={"of": "x"}), "gain_rule"),
        (dict(gain_rule={"form": "x"}), "gain_rule"), (dict(gain_rule={"reduction": "sum"}), "gain_rule"),
        (dict(gain_rule={"limit": -1}), "gain_rule['limit']"), (dict(gain_rule="exp"), "gain_rule"),
        (dict(balance={"before": True, "tol": -1}), "tol"),
    ],
)  # fmt: skip
def test_fit_refusals(change, name):
    X, Y = task()
    net = hk.Network([5, 8, 3], loss="softmax")
    before = state(net), X.tobytes()
    arguments = {"X": X, "Y": Y, "epochs": 2, "progress": False, **change}
    with pytest.raises((ValueError, TypeError)) as caught:
        net.fit(**arguments)
    assert isinstance(caught.value, hk.HebbkernError), caught.value
    assert caught.value.argument == name, str(caught.value)
    assert (state(net), X.tobytes()) == before and net.epoch == 0


@pytest.mark.parametrize(
    "arguments, name",
    [
        (dict(sizes=[5]), "sizes"), (dict(sizes=[5, 0]), "sizes"), (dict(sizes=5), "sizes"), (dict(sizes=[5, 2.5]), "sizes"),
        (dict(activation="x"), "activation"), (dict(activation=["relu", "relu"]), "activation"), (dict(feedback="x"), "feedback"),
        (dict(feedback=1), "feedback"), (dict(beta=0.1), "beta"), (dict(feedback="fa", beta=-1), "beta"), (dict(gate="x"), "gate"),
        (dict(feedback="fa_ex", excitatory=1.5), "excitatory"), (dict(sizes=[5, 4, 3], feedback="fa_ex", loss="softmax"), "excitatory"),
        (dict(optimizer="x"), "optimizer"), (dict(optimizer=3), "optimizer"), (dict(optimizer={"name": "sgd", "momentum": 1}), "optimizer"),
        (dict(optimizer={"name": "adam", "beta1": 1}), "optimizer['beta1']"), (dict(weight_decay=-1), "weight_decay"),
        (dict(weight_decay=(1, 0)), "weight_decay"), (dict(dropout=1), "dropout"), (dict(dropout=[0, 0, 0]), "dropout"),
        (dict(sizes=[5, 4, 3], dropout=-0.5), "dropout"),
        (dict(loss="x"), "loss"), (dict(seed=-1), "seed"), (dict(seed=2**64), "seed"), (dict(seed=1.5), "seed"),
        (dict(dtype=int), "dtype"), (dict(excitatory=0.5), "excitatory"),
    ],
)  # fmt: skip
def test_constructor_refusals(arguments, name):
    with pytest.raises((ValueError, TypeError)) as caught:
        hk.Network(**{"sizes": [5, 3], **arguments})
    assert caught.value.argument == name


def test_live_memory():
    net = hk.Network([5, 8, 3])
    X, Y = task(50)
    net.weights[0][...] = 0
    net.biases[0][...] = 0
    assert np.array_equal(net.forward(X), np.tile(net.biases[1], (50, 1)))
    net.weights[0] = np.ones((8, 5), np.float32)  # another array in its place
    first = net.weights[0]
    net.step(X, Y, 0.1)
    assert net.weights[0] is first and (first != 1).any()
    net.weights[0] = np.ones((8, 5))
    with pytest.raises(TypeError, match=r"weights\[0\] is float64"):
        net.step(X, Y, 0.1)
    net.weights[0] = np.ones((8, 4), np.float32)
    with pytest.raises(ValueError, match=r"weights\[0\] has shape"):
        net.forward(X)
    net.weights[0] = net.weights[1]
    with pytest.raises(ValueError):
        net.forward(X)


def test_weights_that_are_not_finite():
    X, Y = task()
    net = hk.Network([5, 8, 3], loss="softmax")
    net.weights[1][1, 4] = np.nan
    before = state(net)
    with pytest.raises(ValueError, match=r"weights\[1\].*row 1, column 4"):
        net.fit(X, Y, epochs=1, progress=False)
    assert state(net) == before


def test_progress_bar(capfd):
    fitted(epochs=2, progress=True)
    assert "800/800" in capfd.readouterr().err.replace(",", "")
    fitted(epochs=2, progress=False)
    assert capfd.readouterr().err == ""


def test_history_plots():
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure = fitted(epochs=2)[1].plot()
    assert len(figure.axes) == 3
    plt.close(figure)


# ---- Ctrl-C --------------------------------------------------------------------------------------------------------


def interrupted(script, after=0.6):
    """Runs a script, sends it Ctrl-C some time after it says "go", and returns its output and the time it took."""
    command = [sys.executable, "-c", textwrap.dedent(script)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "go\n", process.stderr.read()
        time.sleep(after)
        start = time.monotonic()
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, out + err
    return out, time.monotonic() - start


@pytest.mark.parametrize("block", [None, 48])
def test_interrupt_of_a_rule(block):
    # A signal that comes in the last piece of a call, or between two calls, is a plain KeyboardInterrupt, since the call
    # has come to its end: so the call takes seconds, and the signal comes in its first one.
    out, took = interrupted(
        """
        import time
        import numpy as np, hebbkern as hk
        random = np.random.default_rng(0)
        X = random.standard_normal((100000, 300)).astype(np.float32) * np.float32(0.05)
        start = random.standard_normal((1500, 300)).astype(np.float32)
        w, rule = start.copy(), hk.rules.Oja(0.01)
        print("go", flush=True)
        try:
            rule.update(w, X, block=BLOCK)
        except hk.Interrupted as stop:
            print(time.monotonic(), stop.done, flush=True)
            assert 0 < stop.done < len(X) and str(stop.done) in str(stop)
            assert not BLOCK or stop.done % BLOCK == 0
            again = start.copy()
            rule.update(again, X[: stop.done], block=BLOCK)
            assert np.array_equal(w, again), "not the state after k whole samples"
    """.replace("BLOCK", str(block)),
        after=0.25,
    )
    assert float(out.split()[0]) - (time.monotonic() - took) < 1.0


@pytest.mark.parametrize("rule, arguments", [("BCM(1e-4)", "X"), ("ThreeFactor(1e-4, 20.0)", "X, modulator=1")])
def test_interrupt_of_rules_with_state(rule, arguments):
    interrupted(
        """
        import numpy as np, hebbkern as hk
        random = np.random.default_rng(0)
        X = random.standard_normal((50000, 300)).astype(np.float32) * np.float32(0.05)
        start = random.standard_normal((1500, 300)).astype(np.float32) * np.float32(0.05)
        w, rule, other = start.copy(), hk.rules.RULE, hk.rules.RULE
        print("go", flush=True)
        try:
            rule.update(w, ARGUMENTS)
        except hk.Interrupted as stop:
            assert 0 < stop.done < len(X)
            again, X = start.copy(), X[: stop.done]
            other.update(again, ARGUMENTS)
            assert np.array_equal(w, again), "not the state after k whole samples"
            for name in rule._state:
                assert np.array_equal(getattr(rule, name), getattr(other, name)), name
        else:
            raise AssertionError
    """.replace("RULE", rule).replace("ARGUMENTS", arguments),
        after=0.25,
    )


def test_interrupt_of_fit():
    interrupted("""
        import numpy as np, hebbkern as hk
        random = np.random.default_rng(0)
        X = random.standard_normal((20000, 100)).astype(np.float32)
        Y = (X[:, 0] > 0).astype(int)
        net = hk.Network([100, 100, 2], loss="softmax", seed=1)
        print("go", flush=True)
        try:
            net.fit(X, Y, epochs=10000, batch=20, lr=0.01, progress=False)
        except hk.Interrupted as stop:
            assert stop.done // 20000 in (net.epoch, net.epoch + 1), (stop.done, net.epoch)
            other = hk.Network([100, 100, 2], loss="softmax", seed=1)
            if stop.done % 20000 == 0:
                other.fit(X, Y, epochs=stop.done // 20000, batch=20, lr=0.01, progress=False)
                assert np.array_equal(net.weights[0], other.weights[0])
            assert stop.done % 20 == 0 and all(np.isfinite(w).all() for w in net.weights)
        else:
            raise AssertionError
    """)


def test_interrupt_of_balancing_leaves_the_weights():
    interrupted("""
        import numpy as np, hebbkern as hk
        random = np.random.default_rng(0)
        weights = [random.standard_normal((300, 300)) * 10.0 ** (l % 7) for l in range(60)]
        before = [w.copy() for w in weights]
        print("go", flush=True)
        try:
            hk.balance(weights, p=0.3, tol=1e-300, method="sweeps")
        except KeyboardInterrupt:
            assert all(np.array_equal(a, b) for a, b in zip(weights, before))
        else:
            raise AssertionError
    """)
