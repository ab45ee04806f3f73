"""Learning rates that change from update to update of a rule, or from epoch to epoch of `Network.fit`.

`Step`, `Inverse` and `Ramp` are made of the four operations alone, so that a rate has the same bits on every machine and in
Go, where they are StepSchedule, InverseSchedule and RampSchedule.

A rule takes a schedule in the place of its ``lr``: anything that gives the rate of update number ``step``, counted from
0. The rule counts in its attribute ``step``: a sequence is one update a sample, "sum" and "mean" are one a batch. Set it
to start anew, or to go on where a saved run has ended.

>>> import numpy as np, hebbkern as hk
>>> rule = hk.rules.Hebb(lr=hk.schedules.Step(1.0, every=2, factor=0.5))
>>> w = np.zeros((1, 1))
>>> y = rule.update(w, np.ones((3, 1)), y=np.ones((3, 1)))
>>> w, rule.step
(array([[2.5]]), 3)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ._parameters import count, real

Schedule = Callable[[int], float]


def _check(schedule: object, **values: float) -> None:
    for name, value in values.items():
        real(type(schedule).__name__, name, value)


@dataclass(frozen=True)
class Constant:
    """The same rate for every update.

    Parameters
    ----------
    lr : float
        ≥ 0.

    Examples
    --------
    >>> import hebbkern as hk
    >>> hk.schedules.Constant(0.5)(1000)
    0.5
    """

    lr: float

    def __post_init__(self) -> None:
        _check(self, lr=self.lr)

    def __call__(self, step: int) -> float:
        return self.lr


@dataclass(frozen=True)
class Step:
    """`lr`, times `factor` after every `every` epochs.

    Examples
    --------
    >>> import hebbkern as hk
    >>> rate = hk.schedules.Step(0.5, every=3, factor=0.5)
    >>> [rate(epoch) for epoch in (0, 2, 3, 8)]
    [0.5, 0.5, 0.25, 0.125]
    """

    lr: float
    every: int
    factor: float = 0.5

    def __post_init__(self) -> None:
        _check(self, lr=self.lr, factor=self.factor)
        count(type(self).__name__, "every", self.every)

    def __call__(self, epoch: int) -> float:
        rate = float(self.lr)
        for _ in range(epoch // max(self.every, 1)):
            rate *= self.factor
        return rate


@dataclass(frozen=True)
class Inverse:
    """``lr/(1 + epoch·decay)``.

    Examples
    --------
    >>> import hebbkern as hk
    >>> rate = hk.schedules.Inverse(0.5, decay=1.0)
    >>> [rate(epoch) for epoch in (0, 1, 3)]
    [0.5, 0.25, 0.125]
    """

    lr: float
    decay: float

    def __call__(self, epoch: int) -> float:
        return self.lr / (1 + epoch * self.decay)


@dataclass(frozen=True)
class Ramp:
    """Up to `lr` in equal steps over `warmup` epochs, then down to `low`, which epoch ``epochs − 1`` and later ones have.

    The way down is a line, or with `smooth` 1 − t²(3 − 2t), which is half a cosine to within 0.011.

    Examples
    --------
    >>> import hebbkern as hk
    >>> rate = hk.schedules.Ramp(0.5, epochs=15, warmup=4, low=0.25)
    >>> [rate(epoch) for epoch in (0, 3, 4, 9, 14)]
    [0.125, 0.5, 0.5, 0.375, 0.25]
    """

    lr: float
    epochs: int
    warmup: int = 0
    low: float = 0.0
    smooth: bool = False

    def __call__(self, epoch: int) -> float:
        if epoch < self.warmup:
            return self.lr * (epoch + 1) / self.warmup
        t = 1.0
        if epoch < self.epochs - 1:
            t = (epoch - self.warmup) / (self.epochs - 1 - self.warmup)
        if self.smooth:
            t = t * t * (3 - 2 * t)
        return self.lr + (self.low - self.lr) * t


@dataclass(frozen=True)
class Exponential:
    """``lr · factor^step``.

    Parameters
    ----------
    lr, factor : float
        ≥ 0.

    Examples
    --------
    >>> import hebbkern as hk
    >>> hk.schedules.Exponential(1.0, factor=0.5)(3)
    0.125
    """

    lr: float
    factor: float

    def __post_init__(self) -> None:
        _check(self, lr=self.lr, factor=self.factor)

    def __call__(self, step: int) -> float:
        return self.lr * self.factor**step


@dataclass(frozen=True)
class Cosine:
    """From lr to final along half a wave, ``final + (lr − final)(1 + cos(π step/steps))/2``; final from then on.

    Parameters
    ----------
    lr, final : float
        ≥ 0.
    steps : int
        ≥ 1.

    Examples
    --------
    >>> import hebbkern as hk
    >>> rate = hk.schedules.Cosine(1.0, steps=10)
    >>> rate(0), round(rate(5), 12), rate(10), rate(11)
    (1.0, 0.5, 0.0, 0.0)
    """

    lr: float
    steps: int
    final: float = 0.0

    def __post_init__(self) -> None:
        _check(self, lr=self.lr, final=self.final)
        count(type(self).__name__, "steps", self.steps)

    def __call__(self, step: int) -> float:
        if step >= self.steps:
            return self.final
        return self.final + (self.lr - self.final) * (1 + math.cos(math.pi * step / self.steps)) / 2
