"""A hidden layer whose units die when they are not used, and are born again.

After each epoch every hidden unit gains stamina by its activity over the training set and loses some by the balanced ReLU
wherever it was silent: κ times what makes the outputs of a sample add up to 0. Who has none left is removed, and the
arrays shrink, or is born again with fresh weights in and none out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._errors import ArgumentValueError
from ..network import Network
from ._pictures import BLUE, GREEN, GREY, ORANGE, RED, figure
from ._progress import Progress
from ._settings import SEED, Data, Settings

#: Biases to begin with, so that no unit is silent on every image from the start.
BIAS = 1.0
#: Of the moving average of the batch sums, and epochs before the first death.
ALPHA, WARMUP = 0.5, 2


@dataclass
class LivingRun:
    """One training. Lists have an entry for the start (0) and one for each epoch."""

    label: str
    strength: float | None
    """κ; None: no stamina"""
    reborn: bool
    network: Network
    alive: list[int] = field(default_factory=list)
    died: list[int] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    """on the test set"""
    extinct: str | None = None
    """what the library said, if no unit would have been left: training stopped there"""

    @property
    def left(self) -> int:
        """Units at the end; 0 if all would have died."""
        return 0 if self.extinct else self.alive[-1]


def weight(settings: Settings) -> float:
    """The share of the progress bar, in epochs of a classifier."""
    return 5.0 * settings.living_epochs


def train_all(settings: Settings, data: Data, progress: Progress) -> list[LivingRun]:
    """Without stamina, with a penalty that is too small, one between (units removed, or born again), and one too large."""
    small, middle, large = settings.strengths
    return [
        train("no stamina", None, False, settings, data, progress),
        train(f"κ = {small:g}, too small", small, False, settings, data, progress),
        train(f"κ = {middle:g}, removed", middle, False, settings, data, progress),
        train(f"κ = {middle:g}, reborn", middle, True, settings, data, progress),
        train(f"κ = {large:g}, too large", large, False, settings, data, progress),
    ]


def train(
    label: str, strength: float | None, reborn: bool, settings: Settings, data: Data, progress: Progress
) -> LivingRun:
    """One training, from the start that all have."""
    progress.part("stamina, " + label.split(",")[0])
    net = Network([data.x.shape[1], settings.living_hidden, 10], loss="softmax", seed=SEED)
    net.biases[0][...] = BIAS
    run = LivingRun(label, strength, reborn, net, [net.sizes[1]], [0], [_accuracy(net, data)])
    options: dict[str, Any] = {"batch": settings.batch, "lr": settings.lr, "progress": False}
    if strength is not None:
        how = "rebirth" if reborn else "compact"
        options["stamina"] = {"strength": strength, "alpha": ALPHA, "warmup": WARMUP, "samples": len(data.x), "how": how}
    for _ in range(settings.living_epochs):
        try:
            history = net.fit(data.x, data.y, 1, **options)
        except ArgumentValueError as error:  # nobody would be left
            run.extinct = str(error)
            break
        finally:
            progress.advance(1)
        run.died.append(history.died[-1][0] if history.died else 0)
        run.alive.append(net.sizes[1])
        run.accuracy.append(_accuracy(net, data))
    line = f"  stamina, {label}: {run.left} of {run.alive[0]} units, accuracy {run.accuracy[-1]:.2%}"
    if reborn:
        line += f"; {sum(run.died)} were born again"
    if run.extinct:
        line += f" before; stopped after epoch {len(run.alive)}, when all would have died"
    progress.say(line)
    return run


def _accuracy(net: Network, data: Data) -> float:
    return float((net.predict(data.x_test) == data.y_test).mean())


def draw(runs: list[LivingRun]) -> Any:
    """Units alive, deaths, and accuracy by epoch."""
    plot = figure(12, 4.4)
    alive, died, accuracy = plot.subplots(1, 3)
    for run, color in zip(runs, (GREY, GREEN, BLUE, ORANGE, RED)):
        style = {"color": color, "label": run.label, "linewidth": 3.5 if run.strength is None else 1.5}
        alive.plot(run.alive, ".-", **style)
        accuracy.plot(np.arange(1, len(run.accuracy)), run.accuracy[1:], ".-", **style)
        if run.strength is not None:
            died.plot(np.arange(1, len(run.died)), run.died[1:], ".-", **style)
        if run.extinct:
            alive.plot(len(run.alive), 0, "x", markersize=11, markeredgewidth=3, color=color)
    alive.set(title="hidden units alive", xlabel="epoch", ylim=(-3, 1.06 * runs[0].alive[0]))
    died.set(title="units that died (reborn: and came back)", xlabel="epoch")
    accuracy.set(title="accuracy on the test set", xlabel="epoch", ylim=(None, 1.01))
    alive.legend(fontsize=8, loc="best")
    for axis in (alive, died, accuracy):
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.grid(color=GREY, alpha=0.2)
    return plot
