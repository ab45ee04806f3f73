"""PyTorch's side of bench/papers/mnist_torch.py learns what a Network learns."""

from pathlib import Path

import numpy as np
import pytest

import hebbkern as hk
from hebbkern.datasets import load_digits


@pytest.mark.parametrize("optimizer, lr", [("sgd", 0.1), ("adam", 1e-3)])
def test_twin(monkeypatch, tmp_path, optimizer, lr):
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2] / "bench" / "papers"))
    from _torch_twin import Twin

    x, y = load_digits()
    for name, array in (("x", x), ("y", y), ("x_test", x[:300]), ("y_test", y[:300])):
        np.save(tmp_path / f"{name}.npy", array)
    net = hk.Network([64, 32, 10], loss="softmax", optimizer=optimizer, seed=3)
    for l, (w, b) in enumerate(zip(net.weights, net.biases)):
        np.save(tmp_path / f"w{l}.npy", w)
        np.save(tmp_path / f"b{l}.npy", b)
    order = np.random.default_rng(0).permutation(len(x))
    np.save(tmp_path / "order.npy", order)
    twin = Twin()
    twin.data(str(tmp_path))
    twin.net(str(tmp_path), 2, optimizer, lr, False, 1)
    loss = net.fit(x[order], y[order], batch=64, lr=lr, shuffle=False, progress=False).loss[0]
    assert abs(twin.train(str(tmp_path / "order.npy"), 64)["loss"] / loss - 1) < 1e-6
    twin.weights(str(tmp_path))
    for l, (w, b) in enumerate(zip(net.weights, net.biases)):
        for mine, name in ((w, f"w{l}"), (b, f"b{l}")):
            assert np.abs(mine - np.load(tmp_path / f"{name}.npy")).max() < 2e-5
    assert abs(twin.test()["accuracy"] - net.evaluate(x[:300], y[:300])[1]) < 0.01
