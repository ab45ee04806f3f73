"""Balancing of PyTorch models: the function stays, the units are balanced, and what cannot be scaled is named."""

import copy
import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations, prune

import hebbkern as hk


class Residual(nn.Module):
    """A small residual network, as of images: a stem, two blocks of which one changes the channels, a classifier."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.a1, self.a2 = nn.Conv2d(8, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        self.b1, self.b2 = nn.Conv2d(8, 12, 3, stride=2, padding=1), nn.Conv2d(12, 12, 3, padding=1)
        self.down = nn.Conv2d(8, 12, 1, stride=2)
        self.fc = nn.Linear(12, 5)

    def forward(self, x):
        x = F.relu(self.stem(x))
        x = F.relu(x + self.a2(F.relu(self.a1(x))))
        x = torch.relu(self.b2(self.b1(x).relu()) + self.down(x))
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1))


class Functional(nn.Module):
    """The same forms as functions and methods."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3)
        self.weight, self.bias = nn.Parameter(torch.randn(7, 6 * 9)), nn.Parameter(torch.randn(7))
        self.last = nn.Linear(14, 2)

    def forward(self, x):
        x = F.max_pool2d(F.leaky_relu(self.conv(x), 0.1), 2)
        x = x.view(x.size(0), -1)
        x = F.dropout(F.linear(x, self.weight, self.bias).relu(), 0.5, self.training)
        x = torch.cat([x, -2 * x], dim=1) / 3
        return self.last(x.reshape(x.shape[0], -1))


class Recurrent(nn.Module):
    def __init__(self, **options):
        super().__init__()
        self.rnn = nn.RNN(4, 6, nonlinearity="relu", **options)
        self.fc = nn.Linear(6 * (1 + self.rnn.bidirectional), 3)
        self.state = nn.Linear(6, 2)
        with torch.no_grad():
            for parameter in self.rnn.parameters():
                parameter.mul_(0.8)

    def forward(self, x):
        out, state = self.rnn(x)
        return self.fc(out[:, -1]), self.state(state[0])


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Linear(5, 6), nn.Linear(6, 6), nn.Linear(6, 2)
        self.b.weight = nn.Parameter(self.b.weight.abs())  # so that the units live
        self.other = nn.Linear(5, 6)
        self.other.weight = self.a.weight  # with a bias of its own

    def forward(self, x):
        h = torch.relu(self.a(x))
        for _ in range(3):
            h = torch.relu(self.b(h))
        return self.c(h) + self.c(torch.relu(self.other(x)))


class Autoencoder(nn.Module):
    """W₂ = W₁ᵀ, which forces λ = 1 on the units of W₁."""

    def __init__(self):
        super().__init__()
        self.encoder, self.inner, self.back = nn.Linear(6, 4), nn.Linear(4, 5), nn.Linear(5, 4)

    def forward(self, x):
        h = torch.relu(self.encoder(x))
        return F.linear(torch.relu(self.back(torch.relu(self.inner(h)))), self.encoder.weight.t())


def mlp():
    return nn.Sequential(nn.Linear(6, 9), nn.ReLU(), nn.Dropout(0.3), nn.Linear(9, 7), nn.LeakyReLU(0.2), nn.Linear(7, 3))


def cnn(norm=False):
    def layer(a, b, **options):
        return [nn.Conv2d(a, b, 3, padding=1, bias=not norm, **options), *([nn.BatchNorm2d(b)] if norm else [])]

    return nn.Sequential(
        *layer(3, 8), nn.ReLU(), nn.MaxPool2d(2), *layer(8, 12, groups=4), nn.ReLU(inplace=True), *layer(12, 12, groups=12),
        nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(12 * 4, 10), *([nn.BatchNorm1d(10)] if norm else []), nn.ReLU(),
        nn.Linear(10, 4),
    )  # fmt: skip


def conv1d():
    return nn.Sequential(
        nn.Conv1d(2, 5, 3), nn.ReLU(), nn.Conv1d(5, 4, 3, padding=2, padding_mode="circular"), nn.Identity(),
        nn.Flatten(), nn.Linear(4 * 10, 3),
    )  # fmt: skip


def channels_last():
    return cnn().to(memory_format=torch.channels_last)


def embedding():
    return nn.Sequential(nn.Embedding(9, 5), nn.Linear(5, 6), nn.ReLU(), nn.Linear(6, 2))


IMAGE, SIGNAL = (4, 3, 8, 8), (4, 2, 10)
MODELS = {
    "mlp": (mlp, (8, 6)),
    "cnn": (cnn, IMAGE),
    "channels_last": (channels_last, IMAGE),
    "conv1d": (conv1d, SIGNAL),
    "residual": (Residual, IMAGE),
    "functional": (Functional, IMAGE),
    "tied": (Tied, (8, 5)),
    "rnn": (lambda: Recurrent(batch_first=True), (8, 5, 4)),
    "rnn deep": (lambda: Recurrent(num_layers=2, dropout=0.1), (8, 5, 4)),
    "rnn both": (lambda: Recurrent(num_layers=2, bidirectional=True, batch_first=True, bias=False), (8, 5, 4)),
    "embedding": (embedding, None),
}
CASES = pytest.mark.parametrize("name", MODELS)
DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
TOLERANCE = {torch.float32: 2e-6, torch.float64: 1e-13}


def make(name, dtype=torch.float64, seed=0):
    torch.manual_seed(seed)
    build, shape = MODELS[name]
    model = build().to(dtype).eval()
    x = torch.randint(0, 9, (8, 3)) if shape is None else torch.randn(shape, dtype=dtype)
    with torch.no_grad():  # off balance
        for parameter in model.parameters():
            parameter.mul_(torch.exp(torch.randn(len(parameter), *(1,) * (parameter.dim() - 1), dtype=dtype)))
    if name.startswith("rnn"):
        with torch.no_grad():
            for key, parameter in model.rnn.named_parameters():
                if "hh" in key and parameter.dim() == 2:
                    parameter.mul_(0.9 / torch.linalg.norm(parameter, 2))
    return model, x


def outputs(model, x):
    with torch.no_grad():
        y = model(x)
    return torch.cat([v.reshape(-1) for v in (y if isinstance(y, tuple) else (y,))])


def distance(a, b):
    return float((a - b).abs().max() / b.abs().max())


@CASES
@DTYPES
@pytest.mark.parametrize("p", [2.0, 1.3])
def test_the_function_stays_and_the_units_are_balanced(name, dtype, p):
    model, x = make(name, dtype)
    before, ids = outputs(model, x), [(id(t), t.data_ptr()) for t in model.parameters()]
    old = hk.torch.deficit(model, p, example_inputs=x)
    report = hk.torch.balance_(model, p, example_inputs=x)
    assert distance(outputs(model, x), before) <= TOLERANCE[dtype]
    assert [(id(t), t.data_ptr()) for t in model.parameters()] == ids
    assert all(t.requires_grad for t in model.parameters())
    assert report.converged and report.residual <= {torch.float32: 1e-6, torch.float64: 1e-9}[dtype]
    assert report.cost_after < report.cost_before and not report.dead
    after = hk.torch.deficit(model, p, example_inputs=x)
    assert old.keys() == after.keys() and len(old) >= 1
    largest = max(np.abs(d).max() for d in old.values())
    assert largest > 0.1
    for d in after.values():
        assert np.abs(d).max() <= {torch.float32: 2e-6, torch.float64: 1e-8}[dtype] * report.cost_before
    again = hk.torch.balance_(model, p, example_inputs=x)
    assert again.cost_after == pytest.approx(report.cost_after, rel=1e-5)
    # what is not listed has moved
    left = {l for l, unit, _ in report.excluded if unit is None}
    for l, scales in enumerate(report.scales):
        assert np.all(scales == 1) if l in left else np.any(scales != 1)


@pytest.mark.parametrize("name", [n for n in MODELS if n != "functional"])
def test_without_an_example(name):
    model, x = make(name)
    if name in ("cnn", "channels_last"):
        twin = copy.deepcopy(model)
        hk.torch.balance_(twin, example_inputs=x)
        with pytest.raises(ValueError, match="example_inputs is None"):
            hk.torch.balance_(nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(2 * 7 * 5, 2)))
        return
    if name == "conv1d":
        return
    before = outputs(model, x)
    assert hk.torch.balance_(model).converged
    assert distance(outputs(model, x), before) <= 1e-13


def test_a_layer_by_hand():
    """A and B of a channel, counted one weight at a time."""
    model, x = make("cnn")
    report = hk.torch.balance_(model, p=1.5)
    weights = {k: v.detach().abs().numpy() ** 1.5 for k, v in model.named_parameters()}
    first, grouped, depth, fc = (weights[f"{i}.weight"] for i in (0, 3, 5, 9))
    for c in range(8):
        group, inside = divmod(c, 2)
        np.testing.assert_allclose(first[c].sum(), grouped[3 * group : 3 * group + 3, inside].sum(), rtol=1e-8)
    for c in range(12):
        np.testing.assert_allclose(grouped[c].sum(), depth[c].sum(), rtol=1e-8)
        np.testing.assert_allclose(depth[c].sum(), fc[:, 4 * c : 4 * c + 4].sum(), rtol=1e-8)
    assert report.modules == ["0", "3", "5", "9", "11"]
    assert report.excluded == [(4, None, "output")]
    assert list(report.by_module) == report.modules and "ModelReport(p=1.5, converged" in repr(report)


def test_against_the_arrays():
    """The same weights as of hk.balance, bit for bit."""
    model, _ = make("mlp", torch.float32)
    layers = [model[0], model[3], model[5]]
    weights = [l.weight.detach().numpy().copy() for l in layers]
    biases = [l.bias.detach().numpy().copy() for l in layers]
    mine = hk.torch.balance_(model, 3, include_bias=True, method="sweeps", max_sweeps=4)
    theirs = hk.balance(weights, biases, p=3, include_bias=True, method="sweeps", max_sweeps=4)
    for layer, w, b in zip(layers, weights, biases):
        assert np.array_equal(layer.weight.detach().numpy(), w) and np.array_equal(layer.bias.detach().numpy(), b)
    assert (mine.reason, mine.sweeps, mine.cost_after) == (theirs.reason, theirs.sweeps, theirs.cost_after)
    for a, b in zip(mine.scales, theirs.scales):
        assert np.array_equal(a, b)


def test_recurrent_units_leave_out_their_self_weights():
    model, x = make("rnn")
    eigenvalues = np.linalg.eigvals(model.rnn.weight_hh_l0.detach().numpy())
    diagonal = model.rnn.weight_hh_l0.detach().diagonal().clone()
    hk.torch.balance_(model)
    w = model.rnn.weight_hh_l0.detach().numpy()
    torch.testing.assert_close(model.rnn.weight_hh_l0.detach().diagonal(), diagonal, rtol=1e-14, atol=0)
    np.testing.assert_allclose(np.sort_complex(np.linalg.eigvals(w)), np.sort_complex(eigenvalues), atol=1e-12)
    squares = np.square(w - np.diag(np.diag(w)))
    a = np.square(model.rnn.weight_ih_l0.detach().numpy()).sum(1) + squares.sum(1)
    b = squares.sum(0) + sum(np.square(m.weight.detach().numpy()).sum(0) for m in (model.fc, model.state))
    np.testing.assert_allclose(a, b, rtol=1e-8)


def test_residual_channels_share_a_scale():
    model, x = make("residual")
    scales = hk.torch.balance_(model).by_module
    assert np.array_equal(scales["stem"], scales["a2"]) and np.array_equal(scales["b2"], scales["down"])
    assert not np.array_equal(scales["a1"], scales["a2"])


def test_tied_weights():
    model, x = make("tied")
    scales = hk.torch.balance_(model).by_module
    assert "other" not in scales  # its units are those of a
    model, x = Autoencoder().double(), torch.randn(9, 6, dtype=torch.float64)
    before, kept = outputs(model, x), model.encoder.weight.detach().clone()
    report = hk.torch.balance_(model)
    assert report.excluded == [(0, None, "encoder.weight is used elsewhere"), (2, None, "enters linear (node linear)")]
    assert torch.equal(model.encoder.weight, kept) and np.any(report.by_module["inner"] != 1)
    assert distance(outputs(model, x), before) <= 1e-13
    # an embedding whose weights also decode
    tied = nn.Sequential(nn.Embedding(9, 5), nn.Linear(5, 9, bias=False)).double()
    tied[1].weight = tied[0].weight
    report = hk.torch.balance_(tied)
    assert report.excluded == [(0, None, "shared"), (1, None, "output")]


def test_batch_norm_is_held_or_folded():
    torch.manual_seed(0)
    model = cnn(norm=True).double()
    x = torch.randn(IMAGE, dtype=torch.float64)
    for _ in range(3):
        model(x + torch.randn_like(x))
    for norm in (m for m in model if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d))):
        nn.init.normal_(norm.weight, 1.0, 0.3)
        nn.init.normal_(norm.bias)
    model.eval()
    before, state = outputs(model, x), copy.deepcopy(model.state_dict())
    report = hk.torch.balance_(model, example_inputs=x)
    assert [reason for _, unit, reason in report.excluded if unit is None][0] == "before the batch norm 1"
    assert len(report.excluded) == 5 and report.folded == []
    assert all(torch.equal(v, state[k]) for k, v in model.state_dict().items())
    model.train()
    report = hk.torch.balance_(model, example_inputs=x, fold_batchnorm=True)
    assert report.folded == ["1", "5", "8", "13"] and report.converged
    assert not any(isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d)) for m in model.modules())
    assert isinstance(model[0].bias, nn.Parameter) and "0.bias" in dict(model.named_parameters())
    assert distance(outputs(model, x), before) <= 1e-13
    assert model.training and len(report.excluded) == 1


def test_folding_is_all_or_nothing():
    model = nn.Sequential(nn.Conv2d(1, 2, 1, bias=False), nn.BatchNorm2d(2), nn.ReLU(), nn.Conv2d(2, 1, 1)).eval()
    with torch.no_grad():
        model[3].weight[0, 1] = float("nan")
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(ValueError, match="3.weight"):
        hk.torch.balance_(model, fold_batchnorm=True)
    assert isinstance(model[1], nn.BatchNorm2d) and model[0].bias is None
    assert all(torch.equal(v, before[k]) or k == "3.weight" for k, v in model.state_dict().items())


OPTIMIZERS = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "Adam": lambda p: torch.optim.Adam(p, amsgrad=True, eps=1e-300),
    "AdamW": lambda p: torch.optim.AdamW(p, weight_decay=0, eps=1e-300),
    "NAdam": lambda p: torch.optim.NAdam(p, eps=1e-300),
    "RAdam": lambda p: torch.optim.RAdam(p, eps=1e-300),
    "Adamax": lambda p: torch.optim.Adamax(p, eps=1e-300),
    "RMSprop": lambda p: torch.optim.RMSprop(p, momentum=0.9, centered=True, eps=1e-300),
    "Adagrad": lambda p: torch.optim.Adagrad(p, eps=1e-300),
    "Adadelta": lambda p: torch.optim.Adadelta(p, eps=1e-300),
    "ASGD": lambda p: torch.optim.ASGD(p, t0=0),
    "Rprop": lambda p: torch.optim.Rprop(p),
}
# Averages of gradients scale by 1/s with a weight that scales by s, averages of squares by 1/s²; RMSprop's momentum is of
# g/√E[g²], Adadelta's second average of squared steps, ASGD's of weights.
POWERS = {
    "momentum_buffer": -1, "exp_avg": -1, "exp_inf": -1, "grad_avg": -1, "prev": -1, "exp_avg_sq": -2,
    "max_exp_avg_sq": -2, "square_avg": -2, "sum": -2, "acc_delta": 2, "ax": 1, "step_size": 1,
}  # fmt: skip


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_the_next_step_of_the_optimizer_is_the_same_one_scaled(kind):
    """Two copies, one balanced between steps: its averages stay those of the other, scaled. Gradients are given, since
    the models part after the first step."""
    torch.manual_seed(1)
    one, x = make("mlp")
    one.train(False)
    two = copy.deepcopy(one)
    first, second = (OPTIMIZERS[kind](m.parameters()) for m in (one, two))

    def step(model, optimizer, factors=None):
        optimizer.zero_grad()
        for parameter, factor, seed in zip(model.parameters(), factors or [1.0] * 6, range(6)):
            generator = torch.Generator().manual_seed(seed + 100)
            parameter.grad = torch.randn(parameter.shape, generator=generator, dtype=torch.float64) / factor
        optimizer.step()

    for model, optimizer in ((one, first), (two, second)):
        for _ in range(3):
            step(model, optimizer)
    old = [p.detach().clone() for p in two.parameters()]
    report = hk.torch.balance_(two, optimizer=second)
    factors = [p.detach() / o for p, o in zip(two.parameters(), old)]
    assert report.converged
    for p, q, s in zip(one.parameters(), two.parameters(), factors):
        torch.testing.assert_close(q.grad * s, p.grad, rtol=1e-12, atol=0)
    if kind != "ASGD":  # whose average takes in the weights after the step, and these are not the other's, scaled
        step(one, first)
        step(two, second, factors)
    seen = 0
    for p, q, s in zip(one.parameters(), two.parameters(), factors):
        for key, value in first.state[p].items():
            if isinstance(value, torch.Tensor) and value.shape == p.shape:
                power = 0 if (kind, key) == ("RMSprop", "momentum_buffer") else POWERS[key]
                torch.testing.assert_close(second.state[q][key], value * s**power, rtol=1e-10, atol=1e-14)
                seen += 1
    assert seen >= 6


def test_gradients_of_the_scaled_model():
    """What is multiplied by s has its true gradient divided by s."""
    model, x = make("residual")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    model(x).square().mean().backward()
    hk.torch.balance_(model, optimizer=optimizer)
    scaled = [p.grad.clone() for p in model.parameters()]
    optimizer.zero_grad()
    model(x).square().mean().backward()
    for p, g in zip(model.parameters(), scaled):
        torch.testing.assert_close(p.grad, g, rtol=1e-9, atol=1e-12)


def test_optimizers_that_are_not_known():
    model, x = make("mlp")
    optimizer = torch.optim.LBFGS(model.parameters())

    def closure():
        optimizer.zero_grad()
        loss = model(x).square().mean()
        loss.backward()
        return loss

    hk.torch.balance_(model, optimizer=optimizer)  # no state yet
    optimizer.step(closure)
    with pytest.raises(ValueError, match="LBFGS"):
        hk.torch.balance_(model, optimizer=optimizer)
    with pytest.raises(TypeError, match="optimizer is a str"):
        hk.torch.balance_(model, optimizer="SGD")
    norm = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2), nn.ReLU(), nn.Conv2d(2, 1, 1))
    with pytest.raises(ValueError, match="folding the batch norm 1"):
        hk.torch.balance_(norm, fold_batchnorm=True, optimizer=torch.optim.SGD(norm.parameters(), lr=0.1))


class Between(nn.Module):
    """Units that pass `act` on the way."""

    def __init__(self, act, wide=False):
        super().__init__()
        self.a, self.b, self.c, self.act = nn.Linear(4, 6), nn.Linear(6, 6), nn.Linear(6, 3), act

    def forward(self, x):
        return self.c(torch.relu(self.b(self.act(self.a(x)))))


class Gate(nn.Module):
    def forward(self, x):
        return x * torch.sigmoid(x)


class Square(nn.Module):
    def forward(self, x):
        return x * x


class Shift(nn.Module):
    def __init__(self):
        super().__init__()
        self.by = nn.Parameter(torch.randn(6))

    def forward(self, x):
        return x + self.by


class Swap(nn.Module):
    def forward(self, x):
        return x.flip(-1)


class Fixed(nn.Module):
    def forward(self, x):
        return x + 1


class Buffer(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("w", torch.eye(6))

    def forward(self, x):
        return F.linear(x, self.w)


def patched():
    module = nn.ReLU()
    module.forward = torch.tanh
    return module


@pytest.mark.parametrize(
    "act, words",
    [
        (nn.Tanh(), r"act \(Tanh\)"), (nn.GELU(), r"act \(GELU\)"), (nn.LayerNorm(6), r"act \(LayerNorm\)"),
        (nn.BatchNorm1d(6), "batch norm act"), (Gate(), "sigmoid"), (Square(), "mul"), (Shift(), "added to what is not scaled"),
        (Swap(), "flip"), (Fixed(), "add"), (nn.Softmax(-1), r"act \(Softmax\)"), (nn.ReLU6(), r"act \(ReLU6\)"),
        (Buffer(), "linear"), (patched(), r"act \(ReLU\)"),
    ],
)  # fmt: skip
def test_units_before_what_is_not_homogeneous_are_held_and_named(act, words):
    torch.manual_seed(0)
    model = Between(act).double().eval()
    x = torch.randn(16, 4, dtype=torch.float64)
    before = outputs(model, x)
    kept = [t.detach().clone() for t in model.a.parameters()]
    report = hk.torch.balance_(model, p=1)
    assert distance(outputs(model, x), before) <= 1e-13
    (reason,) = [r for l, unit, r in report.excluded if report.modules[l] == "a"]
    assert re.search(words, reason)
    assert all(torch.equal(a, b) for a, b in zip(kept, model.a.parameters()))
    assert np.any(report.by_module["b"] != 1)
    assert "a" not in hk.torch.deficit(model) and "b" in hk.torch.deficit(model)


def test_hooks_parametrizations_and_pruning_are_left_alone():
    for change in (
        lambda m: m.b.register_forward_hook(lambda module, x, y: y + 1),
        lambda m: parametrizations.weight_norm(m.b),
        lambda m: prune.l1_unstructured(m.b, "weight", 0.3),
    ):
        torch.manual_seed(0)
        model = Between(nn.ReLU()).double().eval()
        change(model)
        x = torch.randn(16, 4, dtype=torch.float64)
        before, state = outputs(model, x), copy.deepcopy(model.b.state_dict())
        report = hk.torch.balance_(model)
        assert distance(outputs(model, x), before) <= 1e-13
        assert all(torch.equal(v, state[k]) for k, v in model.b.state_dict().items())
        assert any(report.modules[l] == "a" and "enters b" in reason for l, _, reason in report.excluded)


def test_initial_states_are_held():
    class Given(Recurrent):
        def forward(self, x, h):
            return self.fc(self.rnn(x, h)[0])

    model = Given(batch_first=True).double()
    x, h = torch.randn(3, 5, 4, dtype=torch.float64), torch.rand(1, 3, 6, dtype=torch.float64)
    report = hk.torch.balance_(model, example_inputs=(x, h))
    assert report.excluded[0] == (0, None, "rnn is given an initial state")


def test_gates_and_skips():
    """Squeeze and excitation: the gate is not scaled, what it multiplies is. Sums from 0, and means over places."""

    class Squeeze(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.down, self.up = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 4, 1), nn.Conv2d(4, 8, 1)
            self.last = nn.Linear(8, 2)

        def forward(self, x):
            x = torch.relu(self.conv(x))
            gate = torch.sigmoid(self.up(torch.relu(self.down(x.mean((2, 3), keepdim=True)))))
            return self.last(sum([x * gate, x]).mean(dim=[-2, -1]))

    torch.manual_seed(0)
    model, x = Squeeze().double(), torch.randn(IMAGE, dtype=torch.float64)
    before = outputs(model, x)
    report = hk.torch.balance_(model)
    assert distance(outputs(model, x), before) <= 1e-13
    assert sorted(report.modules[l] for l, _, _ in report.excluded) == ["last", "up"]


def test_what_is_multiplied_in_place_and_read_again():
    class Gated(Between):
        def forward(self, x):
            gate = torch.sigmoid(self.b(torch.relu(self.a(x.flip(-1)))))
            gate.mul_(self.act(self.a(x)))
            return self.c(gate)

    torch.manual_seed(0)
    model, x = Gated(nn.ReLU()).double(), torch.randn(16, 4, dtype=torch.float64)
    before = outputs(model, x)
    report = hk.torch.balance_(model)
    assert distance(outputs(model, x), before) <= 1e-13
    assert (0, None, "enters mul_ (node mul_)") in report.excluded


def test_only_and_methods():
    for method in ("sweeps", "stochastic", "newton"):
        model, x = make("cnn")
        report = hk.torch.balance_(model, method=method, seed=1 if method == "stochastic" else None, only=["3", "9"])
        assert report.converged and report.excluded == [(0, None, "held"), (2, None, "held"), (4, None, "output")]
    model, x = make("mlp")
    before = outputs(model, x)
    report = hk.torch.balance_(model, method="tied")
    assert report.converged and all(len(set(s.tolist())) == 1 for s in report.scales)
    assert distance(outputs(model, x), before) <= 1e-13
    model, x = make("mlp")
    assert hk.torch.balance_(model, method="sweeps", max_sweeps=1).reason == "max_sweeps"
    assert hk.torch.balance_(model, {1: 0.5, 2: 1.0}).p == {1.0: 0.5, 2.0: 1.0}


def test_callback():
    model, x = make("mlp", torch.float32)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    balance = hk.torch.BalanceCallback(every=3, p=1, optimizer=optimizer)
    for _ in range(7):
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()
        balance(model)
    assert balance.count == 7 and [step for step, _ in balance.reports] == [3, 6]
    assert balance(model, 11) is None and balance(model, 12).converged and balance.count == 12
    with pytest.raises(TypeError, match="module is None"):
        balance.step()
    with pytest.raises(ValueError, match="every is 0"):
        hk.torch.BalanceCallback(model, every=0)
    with pytest.raises(TypeError, match="example_input is no option"):
        hk.torch.BalanceCallback(model, example_input=x)


def test_a_stale_tape_is_refused():
    model, x = make("mlp")
    loss = model(x).square().mean()
    hk.torch.balance_(model)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


class Branch(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(3, 3)

    def forward(self, x):
        return self.a(x) if x.sum() > 0 else x


def nan(model):
    model[3].weight.data[2, 4] = float("nan")


def columns(model):
    model[3].weight.data = torch.randn(9, 7).t()


REFUSALS = {
    "nan": (nan, {}, ValueError, "3.weight is NaN at row 2, column 4"),
    "columns": (columns, {}, ValueError, "3.weight is not contiguous"),
    "half": (lambda m: m.half(), {}, TypeError, "0.weight is torch.float16"),
    "mixed": (lambda m: m[3].double(), {"example_inputs": torch.randn(2, 6)}, (TypeError, ValueError), "example_inputs|float64"),
    "device": (lambda m: m.to("meta"), {}, TypeError, "0.weight is on the device meta"),
    "p": (None, {"p": 0}, ValueError, "p is 0"),
    "method": (None, {"method": "best"}, ValueError, "method"),
    "tol": (None, {"tol": -1.0}, ValueError, "tol"),
    "only": (None, {"only": ["7"]}, ValueError, "only has '7'"),
    "example": (None, {"example_inputs": torch.randn(2, 5)}, ValueError, r"0 \(Linear\) says"),
    "empty": (None, {"example_inputs": torch.randn(0, 6)}, ValueError, "empty"),
    "two": (None, {"example_inputs": (torch.randn(2, 6), torch.randn(2))}, ValueError, "left over"),
    "kind": (None, {"example_inputs": "x"}, TypeError, "example_inputs is a str"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refusals_change_nothing(case):
    change, options, kind, words = REFUSALS[case]
    model, _ = make("mlp", torch.float32)
    if change:
        change(model)
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(kind, match=words) as caught:
        hk.torch.balance_(model, **options)
    assert isinstance(caught.value, hk.HebbkernError) and str(caught.value).startswith("torch.balance_: ")
    for key, value in model.state_dict().items():
        assert value.is_meta or torch.equal(torch.nan_to_num(value.float()), torch.nan_to_num(before[key].float()))


def test_refused_models():
    with pytest.raises(TypeError, match="module Branch cannot be traced"):
        hk.torch.balance_(Branch())
    with pytest.raises(TypeError, match="module is a function"):
        hk.torch.balance_(mlp)
    with pytest.raises(ValueError, match="no linear layer"):
        hk.torch.balance_(nn.Sequential(nn.ReLU()), example_inputs=torch.randn(2, 2))


def test_single_layers_and_dead_units():
    layer = nn.Linear(3, 2)
    before = layer.weight.detach().clone()
    assert hk.torch.balance_(layer).excluded == [(0, None, "output")] and torch.equal(layer.weight, before)
    model, _ = make("mlp")
    with torch.no_grad():
        model[0].weight[4] = 0
        model[5].weight[:, 2] = 0
    report = hk.torch.balance_(model)
    assert report.dead == [(0, 4), (1, 2)] and report.converged


def test_no_step_of_the_tracing_touches_the_model():
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 2, 3))
    state, mode = copy.deepcopy(model.state_dict()), torch.random.get_rng_state()
    hk.torch.deficit(model)
    assert all(torch.equal(v, state[k]) for k, v in model.state_dict().items())
    assert torch.equal(torch.random.get_rng_state(), mode) and model.training


def test_a_cost_by_its_derivative():
    """2w is the cost of p = 2, here through convolutions and residual addition; an error leaves the model as it was."""
    torch.manual_seed(0)
    models = [Residual().double()]
    models.append(copy.deepcopy(models[0]))
    kept = [p.detach().clone() for p in models[1].parameters()]
    with pytest.raises(ZeroDivisionError):
        hk.torch.balance_(models[1], cost=lambda w: 1 / 0, example_inputs=torch.zeros(1, 3, 8, 8).double())
    assert all(torch.equal(a, b) for a, b in zip(kept, models[1].parameters()))
    for model, options in zip(models, ({}, {"cost": lambda w: 2 * w})):
        assert hk.torch.balance_(model, tol=1e-12, example_inputs=torch.zeros(1, 3, 8, 8).double(), **options).converged
    for a, b in zip(models[0].parameters(), models[1].parameters()):
        assert torch.allclose(a, b, rtol=1e-9, atol=1e-12)
