"""How much the demo does, by data set."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .. import datasets
from ._writer import DemoError

Array = NDArray[np.float32]
Labels = NDArray[np.int64]

SEED = 1


@dataclass(frozen=True)
class Settings:
    """Sizes and rates; `epochs` are of the classifiers."""

    title: str
    side: int
    components: int = 16
    hebbian_epochs: int = 100
    hidden: tuple[int, ...] = (64, 32)
    epochs: int = 16
    batch: int = 32
    lr: float = 0.1
    gain_lr: float = 1e-3
    gain_alpha: float = 0.05
    gain_limit: float = 1.0
    feedback_hidden: int = 128
    feedback_epochs: int = 20
    feedback_lr: float = 0.05
    task_runs: int = 10
    task_epochs: int = 500
    task_every: int = 20
    living_hidden: int = 100
    living_epochs: int = 20
    strengths: tuple[float, float, float] = (0.001, 1.0, 30.0)
    features: int = 64
    feature_epochs: int = 200
    read_epochs: int = 20
    rounds: int = 9


@dataclass(frozen=True)
class Data:
    """Images as rows, 0 to 1, and their digits."""

    x: Array
    y: Labels
    x_test: Array
    y_test: Labels


DIGITS = Settings("8×8 digits", 8)
MNIST = Settings(
    "MNIST", 28, hebbian_epochs=10, hidden=(128, 64), epochs=5, feedback_epochs=5, feedback_lr=0.02, living_epochs=6,
    strengths=(0.001, 0.5, 100.0), features=100, feature_epochs=8, read_epochs=5,
)  # fmt: skip


def load(name: str, folder: str | os.PathLike[str] | None, quick: bool) -> tuple[Settings, Data]:
    """Settings and data of a set. The 8×8 digits are split at random, four fifths for training."""
    if name == "digits":
        settings = DIGITS
        x, y = datasets.load_digits()
        order = np.random.default_rng(SEED).permutation(len(x))
        x, y, cut = x[order], y[order], len(x) * 4 // 5
        data = Data(x[:cut], y[:cut], x[cut:], y[cut:])
    else:
        settings = MNIST
        try:
            data = Data(*datasets.load_mnist(folder))
        except (OSError, ValueError) as error:
            raise DemoError(str(error)) from None
    if quick:
        settings = replace(
            settings, hebbian_epochs=4, hidden=(16, 12), epochs=3, feedback_hidden=24, feedback_epochs=3, task_runs=3,
            task_epochs=300, living_hidden=40, living_epochs=6, features=20, feature_epochs=30, read_epochs=5, rounds=3,
        )  # fmt: skip
        data = Data(data.x[:500], data.y[:500], data.x_test[:200], data.y_test[:200])
    return settings, data
