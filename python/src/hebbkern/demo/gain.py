"""Training with the gain rule.

After each minibatch the average gains ``σ ← α f(I) + (1 − α) σ`` see it, then every weight follows
``w_ij ← w_ij exp(η (σ_j² − σ_i²))`` ("exp": σ = 0 for input and output units, the network computes the same) or
``w_ij ← w_ij + η (σ_j² − σ_i²) w_ij`` ("linear", here with |w| ≤ limit, since it has no balanced fixed point).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import gain_rule
from ..network import Network
from . import balancing
from ._pictures import BLUE, GREY, RED, figure
from ._progress import Progress
from ._settings import Data, Settings


@dataclass
class GainRun:
    """One training with the gain rule; lists have an entry an epoch."""

    form: str
    label: str
    network: Network
    accuracy: list[float] = field(default_factory=list)
    gains: list[list[NDArray[np.float32]]] = field(default_factory=list)
    """σ of each hidden layer"""
    largest: list[float] = field(default_factory=list)
    """max |w|"""
    deficit: list[float] = field(default_factory=list)
    """p = 2"""
    change: float | None = None
    """largest relative change of the outputs by one step of the rule with the last gains (exp only)"""


def weight(settings: Settings) -> float:
    """The share of the progress bar, in epochs of a classifier."""
    return 2.0 * settings.epochs


def train_all(settings: Settings, data: Data, progress: Progress) -> list[GainRun]:
    """Both forms, from the start that the trainings of `balancing` had."""
    return [
        train("exp", "exponential form", settings, data, progress),
        train("linear", f"linear form, |w| ≤ {settings.gain_limit:g}", settings, data, progress),
    ]


def train(form: str, label: str, settings: Settings, data: Data, progress: Progress) -> GainRun:
    """One training."""
    progress.part("gain rule, " + form)
    run = GainRun(form, label, balancing.network(settings, data))
    net = run.network
    rule = {
        "form": form, "lr": settings.gain_lr, "alpha": settings.gain_alpha, "of": "activation",
        "limit": settings.gain_limit if form == "linear" else None,
    }  # fmt: skip
    for _ in range(settings.epochs):
        net.fit(data.x, data.y, epochs=1, batch=settings.batch, lr=settings.lr, gain_rule=rule, progress=False)
        run.accuracy.append(float((net.predict(data.x_test) == data.y_test).mean()))
        run.gains.append([sigma.copy() for sigma in (net.gains or ())[1:-1]])
        run.largest.append(max(float(np.abs(w).max()) for w in net.weights))
        run.deficit.append(balancing.total_deficit(net, 2.0))
        progress.advance(1)
    line = f"  gain rule, {label}: accuracy {run.accuracy[-1]:.2%}, median gains "
    line += ", ".join(f"{np.median(sigma):.3f}" for sigma in run.gains[-1])
    line += f", max|w| {run.largest[-1]:.3g}, deficit (p = 2) {run.deficit[-1]:.4g}"
    if form == "exp":
        run.change = function_change(net, data, settings.gain_lr)
        line += f"; one step changes the outputs by {run.change:.1e}, relatively"
    progress.say(line)
    return run


def function_change(net: Network, data: Data, lr: float) -> float:
    """What one step of the exponential form does to the outputs; the network keeps its weights."""
    twin = Network(net.sizes, loss=net.loss, dtype=net.dtype)
    for mine, theirs in zip((*twin.weights, *twin.biases), (*net.weights, *net.biases)):
        mine[...] = theirs
    before = twin.forward(data.x_test)
    gains = [np.zeros(twin.sizes[0], twin.dtype), *(net.gains or ())[1:-1], np.zeros(twin.sizes[-1], twin.dtype)]
    for w, b, pre, post in zip(twin.weights, twin.biases, gains, gains[1:]):
        gain_rule(w, post, pre, lr, bias=b, form="exp")
    return balancing.relative_change(before, twin.forward(data.x_test))


def draw(runs: list[GainRun], plain: balancing.Run, settings: Settings) -> Any:
    """Gains of the hidden units by epoch; accuracy, largest weight and deficit."""
    plot = figure(12, 7.2)
    layers = len(settings.hidden)
    top, bottom = plot.subfigures(2, 1)
    axes = top.subplots(1, 2 * layers, sharey=True)
    for k, (run, color) in enumerate(zip(runs, (BLUE, RED))):
        epochs = np.arange(1, len(run.accuracy) + 1)
        for layer in range(layers):
            axis = axes[k * layers + layer]
            sigma = np.array([gains[layer] for gains in run.gains])
            axis.plot(epochs, sigma, color=color, alpha=0.25, linewidth=0.7)
            axis.plot(epochs, np.median(sigma, axis=1), color="black", linewidth=2, label="median")
            axis.set_title(f"{run.label}\ngains σ, hidden layer {layer + 1}", fontsize=9)
            axis.set_xlabel("epoch")
    axes[0].legend(fontsize=8)
    axes[0].set_ylabel("σ of each unit")
    accuracy, largest, deficits = bottom.subplots(1, 3)
    accuracy.plot(np.arange(1, len(plain.accuracy)), plain.accuracy[1:], ".-", color=GREY, label="no rule")
    deficits.plot(np.arange(1, len(plain.accuracy)), plain.deficits[2.0][1:], ".-", color=GREY, label="no rule")
    for run, color in zip(runs, (BLUE, RED)):
        epochs = np.arange(1, len(run.accuracy) + 1)
        accuracy.plot(epochs, run.accuracy, ".-", color=color, label=run.label)
        largest.plot(epochs, run.largest, ".-", color=color, label=run.label)
        deficits.plot(epochs, run.deficit, ".-", color=color, label=run.label)
    accuracy.set(title="accuracy on the test set", xlabel="epoch")
    largest.set(title="largest |w|", xlabel="epoch")
    deficits.set(title="total deficit Σ(A − B)², p = 2", xlabel="epoch", yscale="log")
    accuracy.legend(fontsize=8, loc="lower right")
    for axis in (*axes, accuracy, largest, deficits):
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.grid(color=GREY, alpha=0.2)
    return plot
