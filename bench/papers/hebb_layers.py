"""Units that live and die on MNIST: 784-1024-1024-10 ReLU units with the stamina of the balanced ReLU, beside the same
network without.

    make data
    .venv/bin/python bench/papers/hebb_layers.py [--epochs 5]

After each epoch, from the second on, hidden units whose stamina is at or below 0 die: they are removed, and the arrays
shrink; or they are born again with fresh weights. The stamina is a moving average of what the balanced ReLU ("ratio",
strength 1) makes of the activities. Prints the test accuracy and the units alive by epoch; draws both.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, field
from pathlib import Path

import hebbkern as hk
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from _common import Data, Row, mnist, print_rows, save, script

STAMINA = {"mode": "ratio", "strength": 1.0, "alpha": 0.5, "warmup": 2}
CURVES = {"without stamina": None, "pruning": {"how": "compact", **STAMINA}, "death and rebirth": {"how": "rebirth", **STAMINA}}
HIDDEN = 1024


@dataclass
class Course:
    """Of one network, after each epoch."""

    accuracy: list[float] = field(default_factory=list)
    alive: list[list[int]] = field(default_factory=list)
    born: list[list[int]] = field(default_factory=list)  # those of them that were just born, with no stamina yet
    seconds: list[float] = field(default_factory=list)


def train(stamina: dict | None, data: Data, epochs: int) -> Course:
    net = hk.Network([data.x.shape[1], HIDDEN, HIDDEN, 10], loss="softmax", seed=1)
    course = Course()
    for _ in range(epochs):
        began = time.perf_counter()
        net.fit(data.x, data.labels, batch=64, lr=0.05, stamina=stamina, progress=False)
        course.seconds.append(time.perf_counter() - began)
        course.accuracy.append(net.evaluate(data.x_test, data.labels_test)[1])
        course.alive.append(net.sizes[1:-1])
        course.born.append([0 if s is None else int((s.value == 0).sum()) for s in net.stamina or (None, None)])
    return course


def run(data: Data, epochs: int) -> dict[str, Course]:
    return {name: train(stamina, data, epochs) for name, stamina in CURVES.items()}


def draw(courses: dict[str, Course], folder: Path) -> Path:
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    for (name, course), colour in zip(courses.items(), ("0.4", "C0", "C1")):
        epochs = range(1, len(course.accuracy) + 1)
        left.plot(epochs, [100 * a for a in course.accuracy], "o-", color=colour, label=name)
        # Those that were born at the epoch's end have not learned yet.
        old = [[n - b for n, b in zip(*each)] for each in zip(course.alive, course.born)]
        for layer, style in enumerate(("o-", "o--")):
            right.plot(epochs, [n[layer] for n in old], style, color=colour, label=f"{name}, layer {layer + 1}")
    left.set(xlabel="epoch", ylabel="test accuracy [%]")
    left.legend()
    right.set(xlabel="epoch", ylabel="hidden units alive, but for those just born", ylim=(0, None))
    right.legend(fontsize=8)
    for axes in (left, right):
        axes.xaxis.get_major_locator().set_params(integer=True)
    return save(figure, "hebb_layers", folder)


def main(options: argparse.Namespace) -> None:
    data = mnist(options.train, options.test)
    courses = run(data, options.epochs)
    rows: list[Row] = []
    for name, course in courses.items():
        for epoch, (accuracy, alive, born) in enumerate(zip(course.accuracy, course.alive, course.born), 1):
            units = " + ".join(map(str, alive)) + (f", of which {' + '.join(map(str, born))} new" if any(born) else "")
            rows.append((f"{name}, epoch {epoch}: units, accuracy", "–", f"{units}; {accuracy:.2%}"))
    print_rows(f"MNIST with {len(data.x)} images, {data.x.shape[1]}-{HIDDEN}-{HIDDEN}-10", rows)
    last = ", ".join(f"{name} {course.seconds[-1]:.1f} s" for name, course in courses.items())
    print(f"  the last epoch: {last}")
    print(f"  {draw(courses, options.out)}")


if __name__ == "__main__":
    script(main, __doc__, epochs=5, train=60_000, test=10_000)
