"""Learning rates that change by epoch, for `Network.fit`: ``lr`` may be any function of the epoch, counted from 0.

These are made of the four operations alone, so that a rate has the same bits on every machine and in Go, where they are
StepSchedule, InverseSchedule and RampSchedule.
"""

from __future__ import annotations

from dataclasses import dataclass


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
