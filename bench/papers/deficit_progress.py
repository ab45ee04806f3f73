"""The balance deficit as a measure of learning progress (Baldi, Alexos, Domingo & Rahmansetayesh, AIJ 2025): gradient
descent on the loss alone does not end in balance, gradient descent on the loss with an L_p cost of the weights does, so
that what is left of the deficit tells what is left to learn.

200 of the 8×8 digits of the package, 64-32-10 ReLU units, softmax, all images in each step, float64: without a cost, with
(λ/2)Σw², and with λΣ|w|. The deficit is Σ(A − B)² with the p of the cost (p = 2 without one). The rate is constant for
half of the steps and falls to 0 in the other half: at a constant one the descent does not settle, for a weight that L1
wants at 0 stays a step of the gradient away from it, and images on the kink of a unit switch it on and off. The last run
has L2 and minibatches of 20 at a constant rate: their noise keeps moving the units out of balance, and the deficit stops
falling where the loss does.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable

import hebbkern as hk
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from _common import Row, print_rows, save, script
from hebbkern.datasets import load_digits

SIZES = [64, 32, 10]
IMAGES, RATE, BATCH = 200, 0.5, 20
TILED, POINTS = 25, 60  # copies of the images in an epoch: fewer epochs, of more steps


@dataclass
class Kind:
    """A cost (λ/p)Σ|w|^p, and minibatches or all images."""

    strength: float  # λ
    p: float
    batch: int | None = None


KINDS = {
    "no cost": Kind(0.0, 2.0),
    "L2": Kind(1e-2, 2.0),
    "L1": Kind(3e-3, 1.0),
    f"L2, minibatches of {BATCH}": Kind(1e-2, 2.0, BATCH),
}


@dataclass
class Course:
    """Of one run, at some of the steps."""

    steps: list[int] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)  # the cross-entropy, and the cost of the weights
    deficit: list[float] = field(default_factory=list)
    share: list[float] = field(default_factory=list)  # √(Σ(A − B)² / Σ(A + B)²)


def measure(net: hk.Network, kind: Kind, x: Any, y: Any, course: Course, steps: int) -> None:
    rows = [hk.power_sums(w, kind.p, axis=1) for w in net.weights]
    columns = [hk.power_sums(w, kind.p, axis=0) for w in net.weights]
    # A unit's cost in and out, of the hidden layers one after the other.
    into, out = np.concatenate(rows[:-1]), np.concatenate(columns[1:])
    course.steps.append(steps)
    course.loss.append(net.evaluate(x, y)[0] + kind.strength / kind.p * float(sum(r.sum() for r in rows)))
    course.deficit.append(float(((into - out) ** 2).sum()))
    course.share.append(float(np.sqrt(((into - out) ** 2).sum() / ((into + out) ** 2).sum())))


def run(kind: Kind, steps: int, seed: int) -> Course:
    x, y = load_digits()
    x, y = x[:IMAGES].astype(np.float64), y[:IMAGES]
    net = hk.Network(SIZES, loss="softmax", weight_decay=(kind.strength, kind.p), seed=seed, dtype=np.float64)
    course = Course()
    batch = kind.batch or len(x)
    many, labels = np.tile(x, (TILED, 1)), np.tile(y, TILED)
    updates = len(many) // batch
    epochs = max(steps // updates, 1)
    rate: Callable[[int], float] = lambda epoch: RATE * (1.0 if kind.batch else min(1.0, 2 * (1 - epoch / epochs)))
    measure(net, kind, x, y, course, 0)
    for end in np.unique(np.geomspace(1, epochs, POINTS).astype(int)):
        net.fit(
            many, labels, epochs=int(end) - net.epoch, batch=batch, lr=rate, shuffle=kind.batch is not None, progress=False
        )
        measure(net, kind, x, y, course, int(end) * updates)
    return course


def together(course: Course) -> float:
    """Rank correlation of the deficit with what is left of the loss, over the points before the last."""
    left = np.array(course.loss[:-1]) - course.loss[-1]
    ranks = [np.argsort(np.argsort(of)) for of in (course.deficit[:-1], left)]
    return float(np.corrcoef(*ranks)[0, 1])


def draw(courses: dict[str, Course], folder: Path) -> Path:
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12, 3.8), layout="constrained")
    for name, course in courses.items():
        style = "--" if "minibatches" in name else "-"
        left.plot(course.steps[1:], course.loss[1:], style, label=name)
        middle.plot(course.steps[1:], np.array(course.deficit[1:]) / course.deficit[0], style, label=name)
        if "minibatches" not in name:
            rest = np.array(course.loss[:-1]) - course.loss[-1]
            right.plot(rest, np.array(course.deficit[:-1]) / course.deficit[0])
    left.set(title="loss, the weights' cost included", xlabel="step", xscale="log", yscale="log")
    middle.set(title="deficit Σ(A − B)², over that at the start", xlabel="step", xscale="log", yscale="log")
    right.set(title="the same, by what is left of the loss", xlabel="loss − that at the end", xscale="log", yscale="log")
    right.invert_xaxis()
    left.legend(fontsize=8)
    return save(figure, "deficit_progress", folder)


def main(options: argparse.Namespace) -> None:
    courses = {name: run(kind, options.steps, options.seed) for name, kind in KINDS.items()}
    rows: list[Row] = []
    for name, course in courses.items():
        wanted = "not to 0" if name == "no cost" else "towards 0"
        relative = " → ".join(f"{course.share[k]:.2g}" for k in (0, -1))
        rows += [
            (f"{name}: deficit at the end, over that at the start", wanted, f"{course.deficit[-1] / course.deficit[0]:.2g}"),
            ("  √(Σ(A − B)² / Σ(A + B)²)", "–", relative),
            ("  loss", "–", f"{course.loss[0]:.3g} → {course.loss[-1]:.3g}"),
            ("  rank correlation of the deficit with what is left of the loss", "–", f"{together(course):.2f}"),
        ]
    title = f"deficit and progress, {IMAGES} of the 8×8 digits, {'-'.join(map(str, SIZES))}, {options.steps} steps"
    print_rows(title, rows)
    print(f"  {draw(courses, options.out)}")


if __name__ == "__main__":
    script(main, __doc__, steps=40_000, seed=0)
