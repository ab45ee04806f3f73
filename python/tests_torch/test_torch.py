"""torch CPU tensors are used in place; `make test-torch` runs this where torch is installed."""

import doctest
import re
from pathlib import Path

import numpy as np
import pytest
import torch

import hebbkern as hk


def test_kernels_in_place():
    w = torch.zeros(3, 4)
    hk.rank1(w, torch.ones(3), torch.arange(4.0))
    assert torch.equal(w, torch.arange(4.0).repeat(3, 1))
    view = w[:, 1:3]
    hk.scale(view, 2.0)
    assert w[0].tolist() == [0, 2, 4, 3]
    assert hk.forward(w, torch.ones(4)).tolist() == [9, 9, 9]
    assert hk.forward(w, torch.ones(2, 4)).shape == (2, 3)
    assert hk.power_sums(w, 1).tolist() == [9, 9, 9]
    out = torch.zeros(3)
    hk.forward(w, torch.ones(4), out=out)
    assert out.tolist() == [9, 9, 9]
    hk.rank1(w, None, None, decay=1.0, mask=torch.tensor([[True, False, False, False]] * 3))
    assert w[:, 0].tolist() == [0, 0, 0]


def test_parameters_are_changed_in_place():
    layer = torch.nn.Linear(4, 3)
    memory = layer.weight.data_ptr()
    hk.scale(layer.weight, 0.0)
    assert not layer.weight.detach().any() and layer.weight.data_ptr() == memory and layer.weight.requires_grad


def test_rules_and_balance():
    w = torch.full((1, 2), 0.5, dtype=torch.float64)
    y = hk.rules.Oja(0.1).update(w, torch.tensor([1.0, 0.0], dtype=torch.float64))
    assert y.tolist() == [0.5] and w[0, 0] != 0.5
    model = torch.nn.Sequential(torch.nn.Linear(5, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2)).double()
    x = torch.randn(10, 5, dtype=torch.float64)
    before = model(x)
    hk.balance([model[0].weight, model[2].weight], [model[0].bias, model[2].bias], p=1)
    torch.testing.assert_close(model(x), before)
    (deficit,) = hk.deficit([model[0].weight, model[2].weight], p=1)
    assert np.abs(deficit).max() < 1e-6


def test_refusals():
    w = torch.ones(3, 4)
    for bad in (torch.ones(3, dtype=torch.float64), torch.ones(2), torch.ones(3, dtype=torch.int64)):
        with pytest.raises((ValueError, TypeError)):
            hk.rank1(w, bad, 1.0)
    with pytest.raises(ValueError, match="contiguous"):
        hk.scale(w.T, 2.0)
    with pytest.raises(ValueError, match="shares elements"):
        hk.rank1(w, 1.0, w[1])
    with pytest.raises(TypeError, match="device"):
        hk.scale(torch.ones(3, 4, device="meta"), 2.0)
    assert torch.equal(w, torch.ones(3, 4))


def test_gradients_are_those_of_autograd():
    """One step of backpropagation with each loss, activation and optimizer beside PyTorch's, to 1e-6."""
    generator = np.random.default_rng(0)
    X = generator.standard_normal((12, 5))
    labels = generator.integers(0, 3, 12)
    T = np.eye(3)[labels]
    losses = {
        "mse": lambda z: ((z - torch.from_numpy(T)) ** 2).sum() / 2 / len(X),
        "softmax": lambda z: torch.nn.functional.cross_entropy(z, torch.from_numpy(labels)),
        "sigmoid": lambda z: torch.nn.functional.binary_cross_entropy_with_logits(
            z, torch.from_numpy(T), reduction="sum"
        )
        / len(X),
    }
    optimizers = {
        "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
        "momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
        "nesterov": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
        "adam": lambda p: torch.optim.Adam(p, lr=0.1),
    }
    for name, loss in losses.items():
        for activation, function in (("tanh", torch.tanh), ("gelu", torch.nn.functional.gelu), ("relu", torch.relu)):
            for optimizer, make in optimizers.items():
                options = dict(activation=activation, loss=name, optimizer=optimizer, seed=2)
                net = hk.Network([5, 7, 3], dtype=np.float64, **options)
                tensors = [torch.tensor(a, requires_grad=True) for a in (*net.weights, *net.biases)]
                theirs = make(tensors)
                for _ in range(2):
                    w0, w1, b0, b1 = tensors
                    theirs.zero_grad()
                    value = loss(function(torch.from_numpy(X) @ w0.T + b0) @ w1.T + b1)
                    value.backward()
                    dw, db = net.gradients(X, T)
                    for got, tensor in zip((*dw, *db), tensors):
                        np.testing.assert_allclose(got, tensor.grad.numpy(), rtol=1e-6, atol=1e-9)
                    np.testing.assert_allclose(net.step(X, T, 0.1), value.item(), rtol=1e-6)
                    theirs.step()
                for got, tensor in zip((*net.weights, *net.biases), tensors):
                    np.testing.assert_allclose(got, tensor.detach().numpy(), rtol=1e-6, atol=1e-8)


def test_examples():
    result = doctest.testmod(hk.torch)
    assert result.attempted > 10 and result.failed == 0


def test_readme(capsys):
    """The README's example, and what it says of the result."""
    readme = Path(__file__).resolve().parents[2] / "README.md"
    (example,) = re.findall(r"^```py\n(.*?)^```$", readme.read_text(encoding="utf-8"), re.M | re.S)
    exec(compile(example, str(readme), "exec"), {})
    assert capsys.readouterr().out.strip() == example.rsplit("# ", 1)[1].strip()
