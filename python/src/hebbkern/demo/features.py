"""Features by competition (Krotov & Hopfield, PNAS 2019), and what a linear read-out makes of them.

Of a sample, the unit of the highest input learns it and the second unlearns it, without labels. The features are
``max(Wx, 0)^n``; the read-out is one layer with a softmax, which is trained on them as on the pixels and on the features
of the random weights at the start.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import forward, rules
from ..network import Network
from ._pictures import GREEN, GREY, RED, figure
from ._progress import Progress
from ._settings import SEED, Array, Data, Settings

#: n of the features.
POWER = 4
#: Samples of an update of the rule; its η at the start, from where it falls to 0; Δ.
BATCH, RATE, DELTA = 100, 0.05, 0.4
#: η of the read-out (Adam) at the start, from where it falls to 0.
READ_RATE = 0.01
SHOWN = 60


@dataclass
class Features:
    """What was learned; units with the most wins first."""

    w: Array
    """[units, pixels]"""
    wins: Any
    """of each unit, in the last epoch, the samples of which it was the winner"""
    accuracy: dict[str, list[float]]
    """of the read-outs on the test set, by epoch"""


def weight(settings: Settings) -> float:
    """The share of the progress bar, in epochs of a classifier."""
    return 0.5 * settings.feature_epochs + 3 * settings.read_epochs


def features(w: Array, x: Array) -> Array:
    """``max(Wx, 0)^n``"""
    out = forward(w, x, activation="relu")
    return out**POWER


def learn(settings: Settings, data: Data, progress: Progress) -> Features:
    """Learn the features and the three read-outs."""
    progress.part("Krotov–Hopfield")
    random = np.random.default_rng(SEED)
    start = random.standard_normal((settings.features, data.x.shape[1])).astype(np.float32)
    w = start.copy()
    wins = np.zeros(len(w), np.int64)
    for epoch in range(settings.feature_epochs):
        rule = rules.KrotovHopfield(lr=RATE * (1 - epoch / settings.feature_epochs), delta=DELTA)
        wins[...] = 0
        order = random.permutation(len(data.x))
        for at in range(0, len(order), BATCH):
            wins += (rule.update(w, data.x[order[at : at + BATCH]]) == 1).sum(0)
        progress.advance(0.5)
    order = np.argsort(-wins, kind="stable")
    w, wins = w[order], wins[order]
    accuracy = {
        "pixels": _read(data.x, data.x_test, settings, data, progress),
        "random weights": _read(features(start, data.x), features(start, data.x_test), settings, data, progress),
        "Krotov–Hopfield": _read(features(w, data.x), features(w, data.x_test), settings, data, progress),
    }
    ends = ", ".join(f"{name} {values[-1]:.2%}" for name, values in accuracy.items())
    progress.say(f"  Krotov–Hopfield: {np.count_nonzero(wins)} of {len(w)} units win; linear read-out of {ends}")
    return Features(w, wins, accuracy)


def _read(x: Array, x_test: Array, settings: Settings, data: Data, progress: Progress) -> list[float]:
    """Test accuracy by epoch of a layer of ten units on features of unit standard deviation."""
    scale = np.float32(1 / x.std())
    x, x_test = x * scale, x_test * scale
    net = Network([x.shape[1], 10], loss="softmax", optimizer="adam", seed=SEED)
    accuracy = []
    for epoch in range(settings.read_epochs):
        net.fit(x, data.y, epochs=1, batch=settings.batch, lr=READ_RATE * (1 - epoch / settings.read_epochs), progress=False)
        accuracy.append(float((net.predict(x_test) == data.y_test).mean()))
        progress.advance(1)
    return accuracy


def draw(result: Features, settings: Settings) -> Any:
    """The weights of units as images, and the read-outs by epoch."""
    plot = figure(12, 5.6)
    images, curves = plot.subfigures(1, 2, width_ratios=(1.55, 1))
    shown = min(SHOWN, len(result.w))
    images.suptitle(f"weights of {shown} of {len(result.w)} units, those that win most first", fontsize=11)
    axes = images.subplots(-(-shown // 10), 10)
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, row in zip(axes.flat, result.w[:shown]):
        top = np.abs(row).max()
        axis.imshow(row.reshape(settings.side, settings.side), cmap="RdBu_r", vmin=-top, vmax=top)
    axis = curves.subplots()
    for (name, values), color in zip(result.accuracy.items(), (GREY, GREEN, RED)):
        axis.plot(np.arange(1, len(values) + 1), values, ".-", color=color, label=name)
    axis.set(title="linear read-out: accuracy on the test set", xlabel="epoch")
    axis.legend(fontsize=8, loc="lower right")
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.grid(color=GREY, alpha=0.2)
    return plot
