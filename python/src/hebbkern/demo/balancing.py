"""A ReLU classifier trained without and with balancing (Baldi et al., AIJ 2025).

Balancing scales each hidden unit's incoming weights and bias by λ > 0 and its outgoing weights by 1/λ until its cost in
``A = Σ_in |w|^p`` equals its cost out ``B = Σ_out |w|^p``. A ReLU unit passes λ through, so the network computes the
same; that is checked at every balancing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import balance, deficit
from ..network import Network
from ._pictures import BLUE, GREEN, GREY, RED, figure
from ._progress import Progress
from ._settings import SEED, Data, Settings

EXPONENTS = (1.0, 2.0)


@dataclass
class Run:
    """One training. Lists have an entry for the start (0) and one for each epoch."""

    label: str
    p: float | None
    """Exponent of the balancing, None: none."""
    network: Network
    accuracy: list[float] = field(default_factory=list)
    """on the test set"""
    deficits: dict[float, list[float]] = field(default_factory=lambda: {p: [] for p in EXPONENTS})
    """Σ(A − B)² as training left it, before balancing, by p"""
    balanced: list[float] = field(default_factory=list)
    """the same after balancing, for the run's own p"""
    change: float = 0.0
    """largest relative change of the outputs over the test set, by any of the balancings, float32"""
    wide_change: float = 0.0
    """the same of the first balancing, made on a float64 copy"""
    loss: list[float] = field(default_factory=list)
    """mean training loss, an entry an epoch"""


def network(settings: Settings, data: Data) -> Network:
    """The classifier at its start, the same for every run."""
    return Network([data.x.shape[1], *settings.hidden, 10], activation="relu", loss="softmax", seed=SEED)


def total_deficit(net: Network, p: float) -> float:
    """The network's deficit ``Σ (A − B)²`` over the hidden units."""
    return float(sum((layer**2).sum() for layer in deficit(net.weights, net.biases, p=p)))


def relative_change(before: NDArray[np.floating], after: NDArray[np.floating]) -> float:
    """The largest over the samples of ``max|after − before| / max|before|``."""
    change = np.abs(after - before).max(1) / np.abs(before).max(1)
    return float(change.max())


def weight(settings: Settings) -> float:
    """The share of the progress bar, in epochs of a classifier."""
    return 3.0 * settings.epochs


def train_all(settings: Settings, data: Data, progress: Progress) -> list[Run]:
    """Train without balancing, and with p = 1 and p = 2 before the first epoch and after each."""
    return [
        train(label, p, settings, data, progress)
        for label, p in (("no balancing", None), ("balanced, p = 1", 1.0), ("balanced, p = 2", 2.0))
    ]


def train(label: str, p: float | None, settings: Settings, data: Data, progress: Progress) -> Run:
    """One training of the classifier."""
    progress.part(label)
    run = Run(label, p, network(settings, data))
    net = run.network
    if p is not None:
        run.wide_change = _wide_change(net, data, p)
    for epoch in range(settings.epochs + 1):
        if epoch:
            history = net.fit(data.x, data.y, epochs=1, batch=settings.batch, lr=settings.lr, progress=False)
            run.loss.append(history.loss[0])
            progress.advance(1)
        for exponent, values in run.deficits.items():
            values.append(total_deficit(net, exponent))
        before = net.forward(data.x_test)
        if p is not None:
            balance(net.weights, net.biases, p=p)
            run.balanced.append(total_deficit(net, p))
            run.change = max(run.change, relative_change(before, net.forward(data.x_test)))
        run.accuracy.append(float((net.predict(data.x_test) == data.y_test).mean()))
    own = p or 2.0
    line = f"  {label}: accuracy {run.accuracy[-1]:.2%}, loss {run.loss[-1]:.4f}, deficit (p = {own:g}) "
    line += f"{run.deficits[own][0]:.4g} at the start, {run.deficits[own][-1]:.4g} after the last epoch's training"
    if p is not None:
        line += f", {run.balanced[-1]:.2g} after balancing; largest relative change of the outputs {run.change:.1e} "
        line += f"(float64: {run.wide_change:.1e})"
    progress.say(line)
    return run


def _wide_change(net: Network, data: Data, p: float) -> float:
    """The relative change of the outputs by balancing a float64 copy: what remains is rounding."""
    wide = Network(net.sizes, loss=net.loss, dtype=np.float64)
    for mine, theirs in zip((*wide.weights, *wide.biases), (*net.weights, *net.biases)):
        mine[...] = theirs
    x = data.x_test.astype(np.float64)
    before = wide.forward(x)
    balance(wide.weights, wide.biases, p=p)
    return relative_change(before, wide.forward(x))


def draw(runs: list[Run]) -> Any:
    """Accuracy and deficits by epoch."""
    plot = figure(12, 4.2)
    left, *others = plot.subplots(1, 3)
    colors = (GREY, BLUE, RED)
    for run, color in zip(runs, colors):
        left.plot(run.accuracy, ".-", color=color, label=run.label)
    low = min(min(run.accuracy[1:]) for run in runs)
    left.set(title="accuracy on the test set", xlabel="epoch", ylim=(max(0.0, low - 0.05), 1.005))
    left.legend(fontsize=8, loc="lower right")
    for axis, p in zip(others, EXPONENTS):
        for run, color in zip(runs, colors):
            if run.p in (None, p):
                after = ": as training left it" if run.p else ""
                axis.plot(run.deficits[p], ".-", color=color, label=run.label + after)
                if run.p:
                    tiny = np.finfo(np.float64).tiny
                    balanced = np.maximum(run.balanced, tiny)
                    axis.plot(balanced, ".--", color=GREEN, label=run.label + ": after balancing")
        axis.set(yscale="log", title=f"total deficit Σ(A − B)², p = {p:g}", xlabel="epoch")
        axis.legend(fontsize=8, loc="center", bbox_to_anchor=(0.5, 0.3))
    for axis in (left, *others):
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.grid(color=GREY, alpha=0.2)
    return plot
