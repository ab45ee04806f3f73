"""Learning by constant feedback (FA_Ex: Konishi, Igarashi & Miura 2023) beside backpropagation and feedback alignment.

The hidden layer learns by ``ΔW_ij = −η (Σ_k B_ik e_k) f′(I_i) x_j``. Backpropagation takes B from the weights above,
feedback alignment (FA) has fixed random numbers, FA_Ex one constant β, of which a share may be −β. The error is squared:
the errors of a softmax add up to 0, and β for all would teach the hidden layer nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..network import Network
from . import fa_ex_task
from ._pictures import BLUE, GREEN, GREY, ORANGE, RED, figure
from ._progress import Progress
from ._settings import SEED, Data, Settings

#: By what the hidden layer is taught on the paper's task; on the images FA draws its weights as `Network` does by default.
TASK: dict[str, dict[str, Any]] = {
    "BP": fa_ex_task.BP,
    "FA": fa_ex_task.FA,
    "FA_Ex-100%": fa_ex_task.fa_ex(1.0),
    "FA_Ex-80%": fa_ex_task.fa_ex(0.8),
    "fixed hidden layer": {"feedback": "fa", "fixed": True},
}
LABELS = tuple(TASK)
COLORS = dict(zip(LABELS, (GREY, GREEN, RED, BLUE, ORANGE)))
#: Samples of an angle.
ALIGNED = 256


@dataclass
class FeedbackRun:
    """One training on the images; lists have an entry an epoch."""

    label: str
    network: Network
    accuracy: list[float] = field(default_factory=list)
    """on the test set"""
    angles: list[float] = field(default_factory=list)
    """degrees between what the hidden layer is taught and its gradient; NaN for one that is fixed"""


@dataclass
class Feedback:
    """What was found on the images and on the task."""

    runs: list[FeedbackRun]
    epochs: NDArray[np.int64]
    """of the task, at which it was measured"""
    errors: NDArray[np.float64]
    """[runs, curves, points]: mean e² on fresh samples"""
    angles: NDArray[np.float64]
    """the same of the angles; NaN where it is taught nothing"""


def network(label: str, settings: Settings, data: Data) -> Network:
    """The classifier at its start: the weights are the same for each feedback."""
    options = {key: value for key, value in TASK[label].items() if key not in ("beta", "fixed")}
    net = Network([data.x.shape[1], settings.feedback_hidden, 10], loss="mse", seed=SEED, **options)
    if "fixed" in TASK[label]:
        net.feedback_weights[0][...] = 0
    return net


def weight(settings: Settings, data: Data) -> float:
    """The share of the progress bar, in epochs of a classifier."""
    return len(LABELS) * settings.feedback_epochs + settings.task_runs * _task_weight(settings, data)


def _task_weight(settings: Settings, data: Data) -> float:
    """Of one run of the task: its updates are of a small network, an update of the classifier is worth some ten."""
    return 0.1 * len(LABELS) * settings.task_epochs * settings.batch / len(data.x)


def learn(settings: Settings, data: Data, progress: Progress) -> Feedback:
    """Train on the images, then learn the task several times."""
    runs = [_train(label, settings, data, progress) for label in LABELS]
    progress.part("FA_Ex task")
    found = []
    for run in range(settings.task_runs):
        found.append(fa_ex_task.one_run(TASK, SEED, run, settings.task_epochs, settings.task_every))
        progress.advance(_task_weight(settings, data))
    errors, angles = (np.array(part) for part in zip(*found))
    ends = ", ".join(f"{label} {error:.3f}" for label, error in zip(LABELS, errors[:, :, -1].mean(0)))
    progress.say(f"  FA_Ex task, mean e² of {settings.task_runs} runs after {settings.task_epochs} epochs: {ends}")
    return Feedback(runs, np.arange(errors.shape[2]) * settings.task_every, errors, angles)


def _train(label: str, settings: Settings, data: Data, progress: Progress) -> FeedbackRun:
    progress.part("feedback, " + label)
    run = FeedbackRun(label, network(label, settings, data))
    for _ in range(settings.feedback_epochs):
        run.network.fit(data.x, data.y, epochs=1, batch=settings.batch, lr=settings.feedback_lr, progress=False)
        run.accuracy.append(run.network.evaluate(data.x_test, data.y_test)[1])
        run.angles.append(float(run.network.alignment(data.x_test[:ALIGNED], data.y_test[:ALIGNED])[0]))
        progress.advance(1)
    angle = "" if np.isnan(run.angles[-1]) else f", hidden layer at {run.angles[-1]:.0f}° to its gradient"
    progress.say(f"  {label}: accuracy {run.accuracy[-1]:.2%}{angle}")
    return run


def draw(result: Feedback, settings: Settings) -> Any:
    """Accuracy and angle on the images, error and angle on the task."""
    plot = figure(12, 7.6)
    (accuracy, angle), (error, task_angle) = plot.subplots(2, 2)
    for run in result.runs:
        epochs = np.arange(1, len(run.accuracy) + 1)
        accuracy.plot(epochs, run.accuracy, ".-", color=COLORS[run.label], label=run.label)
        angle.plot(epochs, run.angles, ".-", color=COLORS[run.label])
    taught = np.ma.masked_invalid(result.angles).mean(0).filled(np.nan)
    for k, label in enumerate(LABELS):
        error.plot(result.epochs, result.errors[:, k].T, color=COLORS[label], alpha=0.2, linewidth=0.7)
        error.plot(result.epochs, result.errors[:, k].mean(0), color=COLORS[label], linewidth=2, label=label)
        task_angle.plot(result.epochs, taught[k], color=COLORS[label], linewidth=2)
    title = f"{settings.title}, {'-'.join(map(str, result.runs[0].network.sizes))}, squared error"
    accuracy.set(title=f"{title}:\naccuracy on the test set", xlabel="epoch", ylim=(None, 1.005))
    angle.set(title="angle between what the hidden layer\nis taught and the gradient", xlabel="epoch", ylabel="degrees")
    error.set(
        title=f"FA_Ex task, 102-20-1: mean e², {len(result.errors)} runs (thin) and their mean",
        xlabel="epoch (an update on 8 fresh samples)", ylim=(-0.03, 1.25),
    )  # fmt: skip
    task_angle.set(title="FA_Ex task: the same angle, mean", xlabel="epoch", ylabel="degrees")
    accuracy.legend(fontsize=8, loc="best")
    error.legend(fontsize=8, loc="lower left")
    for axis in (angle, task_angle):
        axis.set(ylim=(-4, 112), yticks=(0, 30, 60, 90))
        axis.axhline(90, color="black", linewidth=0.8, linestyle=":")
    for axis in (accuracy, angle, error, task_angle):
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.grid(color=GREY, alpha=0.2)
    return plot
