"""Feedback, optimizers, dropout, early stopping, drawn batches, callbacks and resuming, each against NumPy."""

import copy

import numpy as np
import pytest

import hebbkern as hk

FEEDBACKS = ["bp", "fa", "dfa", "sign", "fa_ex"]


def task(samples=200, dtype=np.float64, seed=0):
    random = np.random.default_rng(seed)
    X = random.standard_normal((samples, 5)).astype(dtype)
    return X, ((X[:, 0] > 0).astype(int) + (X[:, 1] > 0))


def state(net):
    lists = [net.weights, net.biases, net.feedback_weights, net.previous, *net.moments.values()]
    return b"".join(a.tobytes() for arrays in lists for a in arrays) + bytes((net.steps, net.epoch))


def step64(net, X, T, lr, before=None):
    """Weights and biases after one step by the mean gradient, from the equations."""
    w, b = [a.copy() for a in net.weights], [a.copy() for a in net.biases]
    a, z = [X], []
    for l, (wl, bl) in enumerate(zip(w, b)):
        z.append(a[-1] @ wl.T + bl)
        a.append(np.tanh(z[-1]) if l < len(w) - 1 else z[-1])
    d = error = (a[-1] - T) / len(X)
    for l in reversed(range(len(w))):
        net_w = net.weights[l]
        w[l] -= lr * d.T @ a[l]
        b[l] -= lr * d.sum(0)
        if l == 0:
            break
        if net.feedback in ("dfa", "fa_ex"):
            signal = error @ net.feedback_weights[l - 1]
        else:
            through = {"bp": net_w, "sign": np.sign(net_w)}.get(net.feedback)
            signal = d @ (net.feedback_weights[l - 1] if through is None else through)
        if net.gate == "derivative":
            gate = 1 - np.tanh(z[l - 1]) ** 2
        else:
            gate = np.diff(a[l], axis=0, prepend=(a[l][:1] if before is None else before[l - 1][np.newaxis]))
        d = signal * gate
    return w, b


@pytest.mark.parametrize("gate", ["derivative", "differential"])
@pytest.mark.parametrize("feedback", FEEDBACKS)
def test_one_step_of_each_feedback(feedback, gate):
    share = {"excitatory": 0.7} if feedback == "fa_ex" else {}
    net = hk.Network([5, 7, 6, 3], activation="tanh", feedback=feedback, gate=gate, seed=4, dtype=np.float64, **share)
    shapes = {"fa": [(6, 7), (3, 6)], "dfa": [(3, 7), (3, 6)], "fa_ex": [(3, 7), (3, 6)]}.get(feedback, [])
    assert [b.shape for b in net.feedback_weights] == shapes
    X, Y = task(9)
    T = np.eye(3)[Y]
    before = None
    for _ in range(2):
        want_w, want_b = step64(net, X, T, 0.1, before)
        before = None if gate == "derivative" else [a.copy() for a in hidden(net, X)]
        net.step(X, T, 0.1)
        for got, want in zip((*net.weights, *net.biases), (*want_w, *want_b)):
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14)
    if gate == "differential":
        assert net.started
        for previous, last in zip(net.previous, before):
            np.testing.assert_allclose(previous, last, rtol=1e-14)


def hidden(net, X):
    """The activities of the hidden layers at the last sample."""
    a = X
    for w, b in zip(net.weights[:-1], net.biases[:-1]):
        a = np.tanh(a @ w.T + b)
        yield a[-1]


def test_feedback_weights():
    net = hk.Network([5, 40, 30, 20], feedback="fa_ex", excitatory=0.8, seed=3)
    for b in net.feedback_weights:
        assert set(np.unique(b)) == {np.float32(-0.1), np.float32(0.1)} and abs((b > 0).mean() - 0.8) < 0.1
    net = hk.Network([5, 40, 1], feedback="fa", beta=0.25)
    assert 0.2 < np.abs(net.feedback_weights[0]).max() <= 0.25
    other = hk.Network([5, 40, 1], feedback="fa", beta=0.25, seed=1)
    assert not np.array_equal(net.feedback_weights[0], other.feedback_weights[0])
    assert np.array_equal(net.weights[0], hk.Network([5, 40, 1]).weights[0])


def test_softmax_refuses_feedback_that_is_equal_over_outputs():
    X, Y = task(20)
    net = hk.Network([5, 6, 3], loss="softmax", feedback="fa_ex", excitatory=0.5, dtype=np.float64)
    net.step(X, Y, 0.1)
    net.feedback_weights[0][...] = 0.1
    before = state(net)
    for call in (
        lambda: net.step(X, Y, 0.1),
        lambda: net.fit(X, Y, progress=False),
        lambda: net.gradients(X, Y, exact=False),
    ):
        with pytest.raises(ValueError, match="squared error, sigmoid outputs, or signs drawn per entry"):
            call()
    assert state(net) == before
    for loss in ("mse", "sigmoid"):  # the alternatives teach the hidden layer
        net = hk.Network([5, 6, 3], loss=loss, feedback="fa_ex", dtype=np.float64)
        first = net.weights[0].copy()
        net.step(X, Y, 0.1)
        assert np.abs(net.weights[0] - first).max() > 1e-6


def test_alignment():
    X, Y = task(100)
    net = hk.Network([5, 20, 3], feedback="fa", dtype=np.float64)
    angles = net.alignment(X, Y)
    taught, exact = (net.gradients(X, Y, exact=e)[0][0].ravel() for e in (False, True))
    cosine = taught @ exact / np.linalg.norm(taught) / np.linalg.norm(exact)
    np.testing.assert_allclose(angles, [np.degrees(np.arccos(cosine)), 0], atol=2e-6)
    net.feedback_weights[0][...] = net.weights[1]
    np.testing.assert_allclose(net.alignment(X, Y), 0, atol=2e-6)
    net.feedback_weights[0][...] = -net.weights[1]
    np.testing.assert_allclose(net.alignment(X, Y)[0], 180, atol=2e-6)
    history = hk.Network([5, 20, 3], feedback="fa", dtype=np.float64).fit(
        X, Y, epochs=40, lr=0.1, alignment=True, validation=(X, Y), progress=False
    )
    assert len(history.alignment) == 40 and history.alignment[-1][0] < history.alignment[0][0], "feedback aligns"
    import matplotlib

    matplotlib.use("Agg")
    figure = history.plot()
    assert len(figure.axes) == 4


def test_error_given_by_the_caller():
    X, Y = task(30)
    T = np.eye(3)[Y]
    a, b = (hk.Network([5, 6, 3], feedback="fa", dtype=np.float64) for _ in range(2))
    E = a.forward(X) - T
    assert a.step(X, T, 0.1) == b.step(X, error=E, lr=0.1)
    assert state(a) == state(b)
    for arguments in (dict(Y=T, error=E), dict(), dict(error=E[:, :2]), dict(error=E.astype(np.float32))):
        with pytest.raises((ValueError, TypeError)):
            a.step(X, lr=0.1, **arguments)
    assert state(a) == state(b)


def test_sigmoid_entropy():
    X, Y = task(30)
    T = np.eye(3)[Y]
    net = hk.Network([5, 6, 3], loss="sigmoid", dtype=np.float64)
    z = net.forward(X)
    want = (np.logaddexp(0, z) - T * z).sum() / 30
    np.testing.assert_allclose(net.evaluate(X, Y), (want, (z.argmax(1) == Y).mean()), rtol=1e-13)
    dw, db = net.gradients(X, Y)
    d = (1 / (1 + np.exp(-z)) - T) / 30
    np.testing.assert_allclose(db[1], d.sum(0), rtol=1e-12)
    assert np.array_equal(net.predict(X), z > 0)
    with pytest.raises(ValueError, match="sigmoid"):
        net.step(X, 2 * T, 0.1)


@pytest.mark.parametrize("decay", [0.0, (0.1, 2), (0.1, 1), (0.05, 0.5)])
@pytest.mark.parametrize("name", ["sgd", "momentum", "nesterov", "adam"])
def test_optimizers(name, decay):
    X, Y = task(60)
    T = np.eye(3)[Y]
    net = hk.Network([5, 7, 3], optimizer=name, weight_decay=decay, dtype=np.float64, seed=2)
    rate, p = decay if decay else (0.0, 2)
    w = [a.copy() for a in (*net.weights, *net.biases)]
    m, v = [np.zeros_like(a) for a in w], [np.zeros_like(a) for a in w]
    lr = 0.05
    for t in range(1, 4):
        dw, db = net.gradients(X, T)
        for i, g in enumerate((*dw, *db)):
            if i < 2:
                w[i] = np.sign(w[i]) * np.maximum(np.abs(w[i]) - lr * rate * np.abs(w[i]) ** (p - 1), 0)
            if name == "sgd":
                w[i] = w[i] - lr * g
            elif name == "adam":
                m[i], v[i] = 0.9 * m[i] + 0.1 * g, 0.999 * v[i] + 0.001 * g * g
                w[i] = w[i] - lr * m[i] / (1 - 0.9**t) / (np.sqrt(v[i] / (1 - 0.999**t)) + 1e-8)
            else:
                m[i] = 0.9 * m[i] + g
                w[i] = w[i] - lr * (m[i] if name == "momentum" else g + 0.9 * m[i])
        net.step(X, T, lr)
        for got, want in zip((*net.weights, *net.biases), w):
            np.testing.assert_allclose(got, want, rtol=1e-8, atol=1e-9)
    assert net.steps == 3
    if name != "sgd":
        np.testing.assert_allclose(net.moments["first_weights"][0], m[0], rtol=1e-10)


def test_an_activation_for_each_layer():
    X, Y = task(40)
    net = hk.Network([5, 6, 4, 3], activation=["tanh", ("leaky_relu", 0.2), "sigmoid"], dtype=np.float64)
    a = hk.forward(net.weights[0], X, net.biases[0], activation="tanh")
    a = hk.forward(net.weights[1], a, net.biases[1], activation=("leaky_relu", 0.2))
    assert np.array_equal(net.forward(X), hk.forward(net.weights[2], a, net.biases[2], activation="sigmoid"))
    assert net.fit(X, Y, epochs=30, lr=0.5, progress=False).loss[-1] < 0.3
    report = net.fit(X, Y, balance=True, progress=False).balanced[0]
    assert (report.scales[0] == 1).all() and (report.scales[1] != 1).any(), "tanh units stay as they are"
    with pytest.raises(ValueError, match="softmax"):
        hk.Network([5, 3], activation=["tanh"], loss="softmax", dtype=np.float64).step(X, Y, 0.1)


ALL = dict(feedback="dfa", optimizer="adam", weight_decay=(1e-3, 1), dropout=0.2, loss="softmax", seed=5)


def run(parts, **options):
    X, Y = task(100, np.float32)
    net = hk.Network([5, 16, 12, 3], **{**ALL, **options})
    history = [
        net.fit(X, Y, epochs=n, batch=16, lr=hk.schedules.Ramp(0.01, 6), validation=(X, Y), patience=50, progress=False)
        for n in parts
    ]
    return net, [loss for h in history for loss in h.loss]


@pytest.mark.parametrize("options", [{}, {"gate": "differential", "dropout": 0.0}, {"optimizer": "nesterov"}])
def test_resumed_runs_have_the_same_bits(options):
    whole, losses = run([6], **options)
    assert losses[-1] < losses[0]
    threads = hk.get_num_threads()
    hk.set_num_threads(threads + 1)
    try:
        cut, again = run([2, 4], **options)
    finally:
        hk.set_num_threads(threads)
    assert state(cut) == state(whole) and losses == again and cut.best.loss == whole.best.loss
    twin, (X, Y) = copy.deepcopy(whole), task(100, np.float32)
    assert twin.fit(X, Y, progress=False).loss == whole.fit(X, Y, progress=False).loss


@pytest.mark.parametrize("options", [{}, {"gate": "differential", "dropout": 0.0}])
def test_goes_on_after_ctrl_c(options):
    X, Y = task(100, np.float32)
    arguments = dict(epochs=3, batch=16, lr=0.01, progress=False)
    whole = hk.Network([5, 16, 12, 3], **{**ALL, **options})
    whole.fit(X, Y, **arguments)
    net = hk.Network([5, 16, 12, 3], **{**ALL, **options})
    calls = []

    def stop(network):
        calls.append(network.position)
        if len(calls) == 6:  # two calls an epoch of 7 updates
            raise KeyboardInterrupt

    with pytest.raises(hk.Interrupted) as caught:
        net.fit(X, Y, callbacks=[(3, stop)], **arguments)
    assert caught.value.done == 2 * 100 + 96 and (net.epoch, net.position) == (2, 96), calls
    net.fit(X, Y, **{**arguments, "epochs": 1})
    assert state(net) == state(whole) and net.position == 0


def test_a_minibatch_of_many_samples_goes_in_blocks():
    X, Y = task(700)
    a, b = (hk.Network([5, 6, 3], optimizer=name, dtype=np.float64) for name in ("sgd", "sgd"))
    dw, db = a.gradients(X, Y)
    a.step(X, Y, 0.1)
    for got, old, g in zip((*a.weights, *a.biases), (*b.weights, *b.biases), (*dw, *db)):
        np.testing.assert_allclose(got, old - 0.1 * g, rtol=1e-12, atol=1e-15)


def test_dropout_makes_robust():
    X, Y = task(100, np.float32)
    a, b = (hk.Network([5, 32, 3], loss="softmax", dropout=rate) for rate in (0.0, 0.5))
    for net in (a, b):
        net.fit(X, Y, epochs=100, lr=0.1, progress=False)
    assert not np.array_equal(a.weights[0], b.weights[0])
    assert np.array_equal(b.forward(X), b.forward(X)) and b.evaluate(X, Y)[1] > 0.9
    # Without half of its units the one trained so loses less.
    harm = []
    for net in (a, b):
        net.weights[1][:, ::2] = 0
        net.weights[1][:, 1::2] *= 2
        harm.append(net.evaluate(X, Y)[0])
    assert harm[1] < harm[0]


def test_early_stopping():
    X, Y = task(60)
    V = X[::-1].copy(), Y
    net = hk.Network([5, 16, 3], loss="softmax", dtype=np.float64)
    history = net.fit(X, Y, epochs=200, lr=0.3, validation=V, patience=4, progress=False)
    best = int(np.argmin(history.valid_loss))
    assert len(history) == best + 5 == net.epoch and net.best.epoch == best
    assert net.evaluate(*V) == (history.valid_loss[best], history.valid_accuracy[best])


def test_drawn_batches():
    X, Y = task(120)
    parts = iter([(X[i : i + 8], Y[i : i + 8]) for i in range(0, 120, 8)] * 2)
    drawn, given = (hk.Network([5, 6, 3], loss="softmax", dtype=np.float64) for _ in range(2))
    h = drawn.fit(lambda: next(parts), epochs=2, batches=15, lr=0.1, reduction="sum", progress=False)
    g = given.fit(X, Y, epochs=2, batch=8, lr=0.1, reduction="sum", shuffle=False, progress=False)
    assert state(drawn) == state(given) and drawn.steps == 30
    np.testing.assert_allclose(h.loss, g.loss, rtol=1e-14)
    mean = hk.Network([5, 6, 3], loss="softmax", dtype=np.float64)
    mean.fit(X, Y, epochs=2, batch=8, lr=0.8, shuffle=False, progress=False)
    np.testing.assert_allclose(mean.weights[0], given.weights[0], rtol=1e-9)
    for wrong in (lambda: None, lambda: (X[:0], Y[:0]), lambda: (X, Y[:3])):
        with pytest.raises((ValueError, TypeError)):
            drawn.fit(wrong, batches=2, progress=False)
    assert state(drawn) == state(given)


def test_callbacks():
    X, Y = task(50)
    seen = []
    net = hk.Network([5, 6, 3], dtype=np.float64)
    other = np.ones((6, 5))

    def change(n):
        n.weights[0] = other  # another array in its place

    calls = [lambda n: seen.append(("epoch", n.epoch)), (2, lambda n: seen.append((n.position, n.steps))), (3, change)]
    net.fit(X, Y, epochs=2, batch=10, callbacks=calls, progress=False)
    assert seen == [(20, 2), (40, 4), ("epoch", 1), (20, 7), (40, 9), ("epoch", 2)]
    assert net.weights[0] is other and (other != 1).any()


def test_divergence_restores_everything():
    X, Y = task(100, np.float32)
    net = hk.Network([5, 8, 3], optimizer="momentum", gate="differential")
    net.fit(X, Y, epochs=2, lr=0.01, progress=False)
    before = state(net)
    with pytest.raises(hk.DivergenceError, match="epoch 2") as caught:
        net.fit(X, Y, epochs=3, lr=1e30, progress=False)
    assert caught.value.epoch == 2 and caught.value.layer is not None and state(net) == before


def test_moments_are_live():
    X, Y = task(20)
    net = hk.Network([5, 4, 3], optimizer="momentum", dtype=np.float64)
    net.step(X, Y, 0.1)
    velocity = [a.copy() for a in net.moments["first_weights"]]
    net.moments["first_weights"][0][...] = 0
    first = net.weights[0].copy()
    dw, _ = net.gradients(X, Y)
    net.step(X, Y, 0.1)
    np.testing.assert_allclose(net.weights[0], first - 0.1 * dw[0], rtol=1e-12)
    assert velocity[0].any()
    net.moments["first_weights"][1] = velocity[1].astype(np.float32)
    with pytest.raises(TypeError, match="float32"):
        net.step(X, Y, 0.1)
    net.moments = {}
    with pytest.raises(ValueError, match="no list"):
        net.step(X, Y, 0.1)


def test_balancing_carries_the_moments_along():
    """Averages of gradients are divided by the scale of their weight, averages of squares by its square."""
    X, Y = task(40)
    net = hk.Network([5, 8, 3], optimizer="adam", dtype=np.float64)
    net.fit(X, Y, epochs=3, lr=0.01, progress=False)
    before = {name: [a.copy() for a in arrays] for name, arrays in net.moments.items()}
    weights = [w.copy() for w in net.weights]
    report = net.fit(X, Y, batch=40, lr=0.0, balance={"p": 1}, progress=False).balanced[0]
    assert report.converged and (report.scales[0] != 1).any()
    scale = net.weights[0] / weights[0]
    g = hk.Network([5, 8, 3], dtype=np.float64)
    for l in range(2):
        g.weights[l][...] = weights[l]
        g.biases[l][...] = net.biases[l] / (report.scales[0] if l == 0 else 1)
    dw, _ = g.gradients(X, Y)
    first = 0.9 * before["first_weights"][0] + 0.1 * dw[0]
    np.testing.assert_allclose(net.moments["first_weights"][0] * scale, first, rtol=1e-9)
    second = 0.999 * before["second_weights"][0] + 0.001 * dw[0] ** 2
    np.testing.assert_allclose(net.moments["second_weights"][0] * scale**2, second, rtol=1e-9)


@pytest.mark.parametrize("options", [{}, {"gate": "differential", "dropout": 0.0, "activation": ["tanh", "relu", "identity"]}])
def test_a_file_has_all_of_it(options, tmp_path):
    X, Y = task(100, np.float32)
    arguments = dict(batch=16, lr=0.01, validation=(X, Y), patience=50, progress=False)
    whole, _ = run([2], **options)
    whole.position = 32  # as after Ctrl-C
    whole.save(tmp_path / "net.hk")
    net = hk.Network.load(tmp_path / "net.hk")
    assert repr(net) == repr(whole) and state(net) == state(whole) and net.best.loss == whole.best.loss
    for n in (whole, net):
        n.fit(X, Y, epochs=2, **arguments)
    assert state(net) == state(whole) and net.best.loss == whole.best.loss
