"""torch CPU tensors are used in place; `make test-torch` runs this where torch is installed."""

import doctest

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


def test_examples():
    result = doctest.testmod(hk.torch)
    assert result.attempted > 10 and result.failed == 0
