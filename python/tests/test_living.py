"""Network.fit(stamina=...): who dies when, what goes along, and runs that were stopped."""

import io
import signal
import sys

import matplotlib
import numpy as np
import pytest

import hebbkern as hk
from hebbkern import _fit, _header
from hebbkern._array import run
from hebbkern._random import fill_uniform

FIT = dict(batch=16, lr=0.01, progress=False)
DYING = dict(by="share", share=0.1, mode="mean")


def task(samples=200, dtype=np.float32):
    random = np.random.default_rng(3)
    X = random.standard_normal((samples, 5)).astype(dtype)
    return X, (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)


def make(**options):
    return hk.Network([5, 24, 16, 3], **{"loss": "softmax", "seed": 4, "optimizer": "adam", **options})


def everything(net):
    arrays, options = net._state()
    return {name: (a.dtype, a.shape, a.tobytes()) for name, a in arrays.items()}, options


def permutation(n, seed, epoch):
    index = np.arange(n)
    run("permutation", _header.PermutationArgs(index.ctypes.data, n, seed, epoch), "test")
    return index


@pytest.mark.parametrize("feedback, how", [("bp", "compact"), ("fa", "compact"), ("dfa", "rebirth"), ("fa", "mask")])
def test_a_step_is_that_of_the_parts(feedback, how):
    """The same by hand: train, observe, let die; layer after layer."""
    X, Y = task()
    net, twin = make(feedback=feedback), make(feedback=feedback)
    stamina = [hk.stamina.Stamina(n, seed=4 + 1 + l, strength=0.5, **DYING) for l, n in enumerate((24, 16))]
    gain = {"lr": 1e-4, "alpha": 0.1}
    history = net.fit(X, Y, 3, stamina={"how": how, "strength": 0.5, "samples": 50, **DYING}, gain_rule=gain, **FIT)
    alive = []
    for _ in range(3):
        twin.fit(X, Y, 1, gain_rule=gain, **FIT)
        x = X[permutation(200, 4, twin.epoch - 1)[-50:]]
        for l, s in enumerate(stamina):
            x = hk.forward(twin.weights[l], x, twin.biases[l], activation="relu")
            s.update(x)
        for l, s in enumerate(stamina):
            dead = s.apply(twin, l, how).dead
            if how == "mask":
                twin.feedback_weights[l][:, dead] = 0
        alive.append([int(s.alive.sum()) for s in stamina])
    twin.stamina = stamina
    assert history.alive == alive and len(history.alive[0]) == 2
    assert everything(net) == everything(twin)
    if how == "compact":
        assert net.sizes == [5, *alive[-1], 3] and alive[-1][0] < alive[0][0] < 24
    if how == "mask":
        assert net.sizes == [5, 24, 16, 3] and alive[-1][0] < 21


@pytest.mark.parametrize("feedback", ["bp", "fa", "dfa", "sign"])
@pytest.mark.parametrize("gate", ["derivative", "differential"])
@pytest.mark.parametrize("activation", ["relu", "tanh", ("bilu", 0.5, 2.0)])
def test_masked_units_stay_silent(feedback, gate, activation):
    X, Y = task()
    net = make(feedback=feedback, gate=gate, activation=activation, weight_decay=1e-3)
    net.fit(X, Y, 3, stamina={"how": "mask", "alpha": 0.5, **DYING}, gain_rule={"lr": 1e-3}, **FIT)
    for l, s in enumerate(net.stamina):
        assert 1 < (~s.alive).sum() < len(s.alive) - 5
        assert not any(a.any() for a in (net.weights[l][~s.alive], net.biases[l][~s.alive], net.weights[l + 1][:, ~s.alive]))


RESUMED = [
    ({}, {}), (dict(steps=5), {}), (dict(how="rebirth", alpha=0.3), dict(feedback="dfa")), (dict(how="mask", every=2), dict(feedback="fa")),
    (dict(grow=3, maximum=30, layers=[0]), dict(dtype=np.float64, dropout=0.2)),
    (dict(grow=3, maximum=30), dict(feedback="fa", gate="differential")), (dict(grow=2, maximum=30, how="mask"), dict(feedback="dfa")),
    (dict(inputs={"share": 0.3, "minimum": 2}), {}), (dict(inputs={"share": 0.3, "how": "mask", "minimum": 2}, grow=2, maximum=30), {}),
    (dict(inputs={"share": 0.3, "alpha": 0.5, "minimum": 2}, layers=[], steps=5), dict(feedback="fa_ex", excitatory=0.5)),
]  # fmt: skip


@pytest.mark.parametrize("stamina, options", RESUMED, ids=str)
def test_a_run_that_was_saved_goes_on_with_the_same_bits(tmp_path, stamina, options):
    X, Y = task(dtype=options.get("dtype", np.float32))
    fit = dict(stamina={**DYING, **stamina}, validation=(X[:20], Y[:20]), patience=50, balance={"every": 2}, **FIT)
    straight, net = make(**options), make(**options)
    history, alive = straight.fit(X, Y, 4, **fit), []
    for _ in range(4):
        alive += net.fit(X, Y, 1, **fit).alive
        net.save(tmp_path / "net.hk")
        net = hk.Network.load(tmp_path / "net.hk")
    assert everything(net) == everything(straight) and alive == history.alive
    assert alive[-1] != alive[0] or "rebirth" in stamina.values() or history.inputs[-1] < 4


@pytest.mark.parametrize("how", ["compact", "mask"])
@pytest.mark.parametrize("by", ["share", "threshold"])
def test_inputs_die(how, by):
    """Inputs that say nothing lose their stamina; X keeps its columns, and a network of what is left is the same."""
    X, Y = task()
    X[:, 4] = -1  # never active
    net = make()
    stamina = {"mode": "mean", "layers": [], "inputs": {"by": by, "share": 0.2, "how": how, "minimum": 4}}
    history = net.fit(X, Y, 2, stamina=stamina, validation=(X[:20], Y[:20]), gain_rule={"lr": 1e-4}, **FIT)
    own = hk.stamina.Stamina(5, mode="mean")
    own.update(X[permutation(200, 4, 0)])
    assert own.value.argmin() == 4 and (own.value > 0).sum() == 4
    assert history.inputs == [4, 4] and history.alive == [[24, 16]] * 2 and net.stamina == [None, None]
    other = X.copy()
    other[:, 4] = 7
    assert net.forward(other).tobytes() == net.forward(X).tobytes()
    assert net.evaluate(X, Y) == net.evaluate(other, Y) and net.gradients(X, Y)[0][0].shape == net.weights[0].shape
    if how == "mask":
        assert net.inputs is None and net.sizes[0] == 5 and not net.weights[0][:, 4].any() and not net.gradients(other, Y)[0][0][:, 4].any()
        return
    assert net.inputs.tolist() == [0, 1, 2, 3, -1] and net.sizes == [4, 24, 16, 3] and net.gains[0].shape == (4,)
    assert net.moments["second_weights"][0].shape == (24, 4)
    with pytest.raises(hk.ArgumentValueError, match=r"\(samples, 5\) is wanted"):
        net.forward(X[:, :4])
    left = net.forward(X)
    net.inputs = None
    assert net.forward(np.ascontiguousarray(X[:, :4])).tobytes() == left.tobytes()
    net.inputs = np.array([0, 2, 1, 3, -1])
    with pytest.raises(hk.ArgumentValueError, match="no map"):
        net.forward(X)


def test_newborn_units_do_not_hear_masked_ones():
    X, Y = task()
    net = make(optimizer="sgd")
    net.fit(X, Y, 3, stamina={"how": "mask", "grow": 4, "maximum": 30, "inputs": {"share": 0.3, "minimum": 3}, **DYING}, **FIT)
    below = [net.input_stamina, *net.stamina]
    for l, w in enumerate(net.weights):
        assert not below[l].alive.all() and not w[:, ~below[l].alive].any()


@pytest.mark.parametrize("feedback", ["fa", "dfa", "fa_ex"])
def test_growth_draws_feedback_by_the_generator_of_the_start(feedback):
    """A matrix that is drawn at once in float64, uniform in [0, 1), says what comes."""
    net = make(feedback=feedback, dtype=np.float64, **({"excitatory": 0.5} if feedback == "fa_ex" else {}))
    old, coming = [b.copy() for b in net.feedback_weights], net.feedback_rng.copy()
    hk.stamina.Stamina(16, dtype=np.float64).apply(net, 1, "grow", more=3)

    def drawn(rows, cols, shape):
        u = np.empty((rows, cols))
        fill_uniform("test", u, coming, 0, 1)
        half = np.sqrt(6 / sum(shape))
        return np.where(u < 0.5, 0.1, -0.1) if feedback == "fa_ex" else 2 * half * u - half

    first, second = net.feedback_weights
    if feedback == "fa":
        assert np.array_equal(first[:16], old[0]) and np.allclose(first[16:], drawn(3, 24, (19, 24)), rtol=0, atol=1e-15)
    else:
        assert np.array_equal(first, old[0])
    assert np.array_equal(second[:, :16], old[1]) and np.allclose(second[:, 16:], drawn(3, 3, (3, 19)), rtol=0, atol=1e-15)
    assert np.array_equal(coming, net.feedback_rng)
    X, Y = task(50, np.float64)
    net.fit(X, Y, 1, **FIT)
    net.feedback_rng = np.zeros(4, np.uint64)
    before = everything(net)
    with pytest.raises(hk.ArgumentValueError, match="rng"):
        hk.stamina.Stamina(19, dtype=np.float64).apply(net, 1, "grow")
    assert everything(net) == before


@pytest.mark.parametrize("change", [{"value": None}, {"updates": -1}, {"mode": "x"}, {"hue": 3}, {"alive": 3}])
def test_a_file_with_another_stamina(tmp_path, change):
    X, Y = task(50)
    net = make()
    net.fit(X, Y, stamina=DYING, **FIT)
    arrays, options = net._state()
    options["stamina"]["list"][1]["options"].update(change)
    hk.checkpoints.write(tmp_path / "net.hk", "network", arrays, options, "test")
    with pytest.raises(hk.CheckpointError):
        hk.Network.load(tmp_path / "net.hk")


@pytest.mark.parametrize("after", [1, 2, 3])
def test_goes_on_after_ctrl_c(monkeypatch, tmp_path, after):
    """Also where Ctrl-C comes between the last update of a part and the step that is due then."""
    X, Y = task()
    fit = dict(stamina={"steps": 5, **DYING}, **FIT)
    straight, net, left = make(), make(), iter(range(after, 0, -1))
    straight.fit(X, Y, 2, **fit)
    train = _fit.Fit._train

    def stopped(self, *about):
        train(self, *about)
        if next(left, 0) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(_fit.Fit, "_train", stopped)
    with pytest.raises(hk.Interrupted):
        net.fit(X, Y, 2, **fit)
    net.save(tmp_path / "net.hk")
    net = hk.Network.load(tmp_path / "net.hk")
    net.fit(X, Y, 2 - net.epoch, **fit)
    assert everything(net) == everything(straight)


def test_ctrl_c_in_a_step_waits_for_its_end(monkeypatch):
    X, Y = task()
    net, straight = make(), make()
    straight.fit(X, Y, 1, stamina=DYING, **FIT)
    dying = hk.stamina.Stamina.dying
    monkeypatch.setattr(hk.stamina.Stamina, "dying", lambda s: (signal.raise_signal(signal.SIGINT), dying(s))[1])
    with pytest.raises(hk.Interrupted):
        net.fit(X, Y, 1, stamina=DYING, **FIT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert net.sizes == straight.sizes and net.position == 200
    net.fit(X, Y, 1, **FIT)
    assert everything(net) == everything(straight)


@pytest.mark.parametrize("stamina", [{}, {"steps": 5}])
def test_a_layer_does_not_die_altogether(stamina):
    X, Y = task()
    net = make()
    net.fit(X, Y, 2, stamina=DYING, **FIT)
    net.fit(X, Y, 1, stamina={**DYING, "strength": 0, "threshold": -1, "by": "threshold"}, **FIT)
    before = everything(net)
    # Layer 1 dies in the second epoch of this call only: the first is kept, the second is not.
    kill = {"mode": "constant", "strength": 1e6, "warmup": net.stamina[1].updates + (4 if stamina else 2), "layers": [1], **stamina}
    with pytest.raises(hk.ArgumentValueError, match="lower the strength.*hidden layer 1, epoch 4; the network is that of the epoch before") as caught:
        net.fit(X, Y, 3, stamina=kill, **FIT)
    assert caught.value.argument == "stamina" and net.epoch == 4 and net.position == 0
    assert net.sizes == [5, *(len(s.value) for s in net.stamina), 3] and everything(net) != before
    net.fit(X, Y, 1, stamina={**kill, "minimum": 2}, **FIT)
    assert net.sizes[2] == 2 and np.isfinite(net.forward(X)).all()


@pytest.mark.parametrize("how", ["compact", "rebirth", "mask"])
def test_a_divergence_gives_back_the_units_of_its_epoch(how):
    X, Y = task()
    net = make(feedback="fa")
    fit = dict(stamina={"steps": 5, "how": how, "inputs": how != "rebirth", **DYING, "share": 0.2}, gain_rule={"lr": 1e-4}, **FIT)
    if how == "compact":
        fit["stamina"].update(grow=1, maximum=30)
    fit.update(validation=(X[:20], Y[:20]), patience=9)
    net.fit(X, Y, 1, **fit)
    before, sizes = everything(net), list(net.sizes)

    def diverge(net):
        assert (net.sizes != sizes) == (how == "compact")
        net.weights[0][...] = np.nan

    with pytest.raises(hk.DivergenceError):
        net.fit(X, Y, 1, callbacks=[(11, diverge)], **fit)
    assert everything(net) == before


def test_growth_ends_at_the_maximum():
    X, Y = task()
    net = make()
    stamina = {"by": "threshold", "threshold": -1e30, "grow": 5, "maximum": 27, "mode": "mean"}
    assert net.fit(X, Y, 3, stamina=stamina, **FIT).alive == [[27, 21], [27, 26], [27, 27]]
    assert net.moments["second_weights"][1].shape == (27, 27)


def test_patience_begins_anew_with_other_units():
    X, Y = task()
    net = make()
    fit = dict(validation=(X[:20], Y[:20]), patience=2, **{**FIT, "lr": 0.0})
    assert len(net.fit(X, Y, 6, stamina=DYING, **fit)) == 6
    assert [w.shape for w in net.best.weights] == [w.shape for w in net.weights]
    assert len(net.fit(X, Y, 6, **fit)) == 2


def test_drawn_samples():
    X, Y = task()
    at = iter(range(10**6))

    def draw():
        k = 20 * next(at) % 200
        return X[k : k + 20], Y[k : k + 20]

    history = make().fit(draw, epochs=3, batches=4, lr=0.01, stamina={**DYING, "steps": 2}, progress=False)
    assert [n for n, _ in history.alive] == [20, 17, 15]  # tenths of 24, 22, 20, 18, 17, 16


def test_what_is_shown(monkeypatch):
    X, Y = task()
    monkeypatch.setattr(sys, "stderr", said := io.StringIO())
    history = make().fit(X, Y, 2, stamina=DYING, **{**FIT, "progress": True})
    assert "accuracy=" in said.getvalue() and "deficit=" in said.getvalue()
    assert f"alive={history.alive[-1][0]}+{history.alive[-1][1]}" in said.getvalue()
    matplotlib.use("agg")
    axes = history.plot().axes
    assert len(axes) == 4 and [list(line.get_ydata()) for line in axes[-1].lines] == [list(n) for n in zip(*history.alive)]
    assert make().fit(X, Y, 1, **FIT).alive == []


@pytest.mark.parametrize(
    "stamina, options, name",
    [
        ({"q": 1}, {}, "stamina"), (3, {}, "stamina"), ({"mode": "x"}, {}, "mode"), ({"share": 1}, {}, "share"), ({"warmup": -1}, {}, "warmup"),
        ({"how": "grow"}, {}, "stamina['how']"), ({"layers": [2]}, {}, "stamina"), ({"layers": []}, {}, "stamina"),
        ({"layers": [0, 0]}, {}, "stamina"), ({"every": 0}, {}, "stamina['every']"), ({"steps": 0}, {}, "stamina['steps']"),
        ({"samples": 0}, {}, "stamina['samples']"), ({"grow": 1}, {}, "stamina"), ({"grow": -1, "maximum": 3}, {}, "stamina['grow']"),
        ({"how": "mask"}, {"activation": "sigmoid"}, "stamina"), ({"inputs": 3}, {}, "stamina"), ({"inputs": {"hue": 3}}, {}, "stamina"),
        ({"inputs": {"how": "rebirth"}}, {}, "stamina['inputs']['how']"), ({"inputs": {"share": 1}}, {}, "share"),
        ({"layers": []}, {}, "stamina"), ({"inputs": False, "layers": []}, {}, "stamina"),
    ],
)  # fmt: skip
def test_refusals(stamina, options, name):
    X, Y = task()
    net = make(**options)
    before = everything(net)
    with pytest.raises((ValueError, TypeError)) as caught:
        net.fit(X, Y, 2, stamina=stamina, **FIT)
    assert isinstance(caught.value, hk.HebbkernError) and caught.value.argument == name, caught.value
    assert everything(net) == before
    with pytest.raises(hk.ArgumentValueError, match="hidden layers"):
        hk.Network([5, 3], loss="softmax").fit(X, Y, stamina=True, **FIT)


def test_a_list_that_does_not_fit():
    X, Y = task()
    for found, words in (([None], "no list of 2"), ([hk.stamina.Stamina(5), None], "24 in float32"), ([3, None], "a Stamina is wanted")):
        net = make()
        net.stamina = found
        with pytest.raises(hk.HebbkernError, match=words):
            net.fit(X, Y, stamina=True, **FIT)
