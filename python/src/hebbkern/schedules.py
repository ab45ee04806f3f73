"""Learning rates that change from update to update.

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
    """``lr · factor^⌊step / every⌋``.

    Parameters
    ----------
    lr, factor : float
        ≥ 0.
    every : int
        ≥ 1.

    Examples
    --------
    >>> import hebbkern as hk
    >>> rate = hk.schedules.Step(1.0, every=10, factor=0.5)
    >>> rate(9), rate(10), rate(20)
    (1.0, 0.5, 0.25)
    """

    lr: float
    every: int
    factor: float = 0.1

    def __post_init__(self) -> None:
        _check(self, lr=self.lr, factor=self.factor)
        count(type(self).__name__, "every", self.every)

    def __call__(self, step: int) -> float:
        return self.lr * self.factor ** (step // self.every)


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
