"""hk.Mixed: the layers learn first, then the network on what they make of the samples; stopped, saved and refused."""

import numpy as np
import pytest

import hebbkern as hk
from hebbkern import _header, mixed
from hebbkern._array import run
from hebbkern.datasets import load_digits


def make(feedback="fa", dtype=np.float32):
    stack = hk.Stack(
        [
            hk.Layer(64, 20, rule=hk.rules.Sanger(lr=0.01), activation=("leaky_relu", 0.5), seed=1, dtype=dtype),
            hk.Layer(20, 16, rule=hk.rules.SoftHebb(lr=0.02), gain=hk.gains.Exponential(16, alpha=0.1, activation="identity", dtype=dtype), seed=2, dtype=dtype),
        ]
    )
    return hk.Mixed(stack, hk.Network([16, 24, 10], loss="softmax", feedback=feedback, seed=3, dtype=dtype))


def digits(dtype=np.float32):
    X, Y = load_digits()
    return X[:300].astype(dtype), Y[:300]


LAYERS = [{"epochs": 2, "block": 8}, {"epochs": 2, "batch": 50, "reduction": "mean"}]
FIT = dict(batch=16, lr=0.1, progress=False)


def everything(both):
    arrays, parts = mixed.pack(both.stack, both.network, "test")
    return {name: (a.dtype, a.shape, a.tobytes()) for name, a in arrays.items()}, parts, both.learned, both.position


def test_fit_is_that_of_its_parts():
    X, Y = digits(np.float64)
    both, twin = make(dtype=np.float64), make(dtype=np.float64)
    options = dict(stamina={"mode": "mean", "by": "share"}, balance=True, **FIT)
    history = both.fit(X, Y, 3, layers=LAYERS, validation=(X[:50], Y[:50]), **options)
    first, second = twin.stack
    for epoch in range(2):
        first.learn(X[order(300, 1, epoch)], block=8)
    for epoch in range(2):
        x = first.forward(X)[order(300, 2, epoch)]
        for at in range(0, 300, 50):
            second.learn(x[at : at + 50], reduction="mean")
    features = twin.stack.forward(X)
    assert twin.network.fit(features, Y, 3, validation=(features[:50], Y[:50]), **options).valid_loss == history.valid_loss
    assert everything(both)[:2] == everything(twin)[:2] and both.learned == [2, 2]
    assert np.array_equal(both.forward(X), twin.network.forward(features)) and both.forward(X[0]).shape == (10,)
    assert np.array_equal(both.predict(X), both.forward(X).argmax(1))
    assert both.evaluate(X[:50], Y[:50]) == (history.valid_loss[-1], history.valid_accuracy[-1])
    assert len(history.alive) == len(history.balanced) == 3


def order(n, seed, epoch):
    index = np.arange(n)
    run("permutation", _header.PermutationArgs(index.ctypes.data, n, seed, epoch), "test")
    return index


@pytest.mark.parametrize("feedback", ["bp", "fa"])
def test_goes_on_from_a_file(tmp_path, feedback):
    X, Y = digits()
    straight, both = make(feedback), make(feedback)
    straight.fit(X, Y, 3, layers=LAYERS, **FIT)
    for layers, epochs in (([{"epochs": 1, "block": 8}, {"epochs": 0}], 0), (LAYERS, 1), (LAYERS, 2)):
        both.fit(X, Y, epochs, layers=layers, **FIT)
        both.save(tmp_path / "both.hk")
        both = hk.Mixed.load(tmp_path / "both.hk")
    assert everything(both) == everything(straight) and repr(both) == repr(straight)


@pytest.mark.parametrize("layer, call", [(0, 2), (1, 4), (1, 9)])
def test_goes_on_after_ctrl_c(monkeypatch, tmp_path, layer, call):
    X, Y = digits()
    layers = [{"epochs": 2, "batch": 70}, {"epochs": 2, "batch": 50, "reduction": "mean"}]
    straight, both = make(), make()
    straight.fit(X, Y, 2, layers=layers, **FIT)
    learn, left = hk.Layer.learn, iter(range(call, 0, -1))

    def stopped(self, x, **options):
        if self is both.stack[layer] and next(left, 0) == 1:
            done = 30 if layer == 0 else 0
            if done:
                learn(self, x[:done], **options)
            raise hk.Interrupted("stopped", done)
        return learn(self, x, **options)

    monkeypatch.setattr(hk.Layer, "learn", stopped)
    with pytest.raises(hk.Interrupted):
        both.fit(X, Y, 2, layers=layers, **FIT)
    assert (both.learned, both.position) == {2: ([0, 0], 100), 4: ([2, 0], 150), 9: ([2, 1], 100)}[call]
    both.save(tmp_path / "both.hk")
    both = hk.Mixed.load(tmp_path / "both.hk")
    both.fit(X, Y, 2, layers=layers, **FIT)
    assert everything(both) == everything(straight)


@pytest.mark.parametrize(
    "change, name",
    [
        (dict(X=np.ones((300, 63), np.float32)), None), (dict(X=np.ones(64, np.float32)), "X"), (dict(X=lambda: None), "X"),
        (dict(Y=np.zeros(3, int)), "Y"), (dict(lr=-1), "lr"), (dict(epochs=-1), "epochs"), (dict(layers=3), "layers"),
        (dict(layers=[{}]), "layers"), (dict(layers={"epochs": -1}), "layers"), (dict(layers={"batch": 0}), "layers['batch']"),
        (dict(layers=[{}, {"blok": 8}]), "layers"), (dict(stamina={"q": 1}), "stamina"), (dict(validation=(1, 2, 3)), "validation"),
    ],
)  # fmt: skip
def test_refusals(change, name):
    X, Y = digits()
    both = make()
    before = everything(both)
    with pytest.raises((TypeError, ValueError)) as caught:
        both.fit(**{"X": X, "Y": Y, "layers": LAYERS, "stamina": True, "balance": {"before": True}, **FIT, **change})
    assert isinstance(caught.value, hk.HebbkernError) and name in (None, caught.value.argument), caught.value
    assert everything(both) == before


def test_parts_that_do_not_fit(tmp_path):
    both = make()
    for stack, network, words in (
        (both.network, both.network, "a Stack is wanted"), (both.stack, both.stack, "a Network is wanted"),
        (both.stack, hk.Network([15, 10]), "16 in float32"), (both.stack, hk.Network([16, 10], dtype=np.float64), "16 in float32"),
    ):  # fmt: skip
        with pytest.raises(hk.HebbkernError, match=words):
            hk.Mixed(stack, network)
    arrays, parts = mixed.pack(both.stack, None, "test")
    for options in ({"parts": parts, "learned": [0, 0], "position": 0}, {"learned": [0, 0]}):
        hk.checkpoints.write(tmp_path / "x.hk", "mixed", arrays, options, "test")
        with pytest.raises(hk.CheckpointError):
            hk.Mixed.load(tmp_path / "x.hk")
