"""Homeostasis: units that come to an activity of their own, with any rule.

The objects see what the units do and move what makes it; their state is in public arrays. Between forward pass and rule:

>>> import numpy as np, hebbkern as hk
>>> random = np.random.default_rng(0)
>>> w = random.random((8, 20))
>>> rule, threshold = hk.rules.Instar(lr=0.01), hk.homeostasis.Threshold(8, target=0.1, rate=0.05, dtype=np.float64)
>>> fired = []
>>> for x in random.random((2000, 20)):
...     y = (hk.forward(w, x) > threshold.theta).astype(float)
...     y = rule.update(w, x, y)
...     theta = threshold.update(y)
...     fired.append(y)
>>> np.round(np.mean(fired[1000:], axis=0), 1)
array([0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1])
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ._array import FLOATS, as_array, converted, settle
from ._errors import ArgumentTypeError, ArgumentValueError
from ._lib import native
from ._parameters import choice, count, real

_REDUCTIONS = ("sequential", "mean")

Reduction = Literal["sequential", "mean"]


def _zeros(label: str, n: int, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    units = count(label, "n", n)
    if np.dtype(dtype) not in FLOATS:
        raise ArgumentTypeError(f"{label}: dtype is {dtype!r}; float32 or float64 is wanted", "dtype")
    return np.zeros(units, dtype)


class Threshold:
    """A homeostatic threshold, ``θ ← θ + rate · (y − target)``, of units whose input is u − θ (as in Földiák 1990).

    Parameters
    ----------
    n : int
        Units.
    target : float or array [n]
        What the mean of y comes to.
    rate : float
        ≥ 0.
    dtype : float32 or float64

    Attributes
    ----------
    theta : array [n]
        The thresholds, from 0 on.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> threshold = hk.homeostasis.Threshold(2, target=0.5, rate=0.5, dtype=np.float64)
    >>> threshold.update([1, 0])
    array([ 0.25, -0.25])
    """

    theta: npt.NDArray[Any]

    def __init__(self, n: int, target: Any, rate: float = 0.01, *, dtype: npt.DTypeLike = np.float32) -> None:
        self.theta = _zeros("Threshold", n, dtype)
        self.rate = real("Threshold", "rate", rate)
        wanted = np.array(target, self.theta.dtype)
        if wanted.shape not in ((), self.theta.shape) or not np.isfinite(wanted).all():
            raise ArgumentValueError(
                f"Threshold: target is {target!r}; a finite number, or {n} of them, is wanted", "target"
            )
        self.target = float(wanted) if wanted.ndim == 0 else wanted

    def __repr__(self) -> str:
        return f"Threshold({len(self.theta)}, target={self.target}, rate={self.rate})"

    def update(self, y: Any, *, reduction: Reduction = "mean") -> npt.NDArray[Any]:
        """Observe the activity of the units and return `theta`, the array itself.

        Parameters
        ----------
        y : array [n] or [samples, n]
        reduction : "mean" or "sequential"
            Of a batch: one step with the mean of y, or one step for each sample. An empty batch changes nothing.

        Raises
        ------
        TypeError, ValueError
            A bad argument; theta is unchanged then.
        DivergenceError
            y is not finite at the sample named; those before it have taken effect with "sequential".
        """
        how = choice("Threshold.update", "reduction", reduction, _REDUCTIONS)
        args = [self.theta, y, self.target, self.rate, 2 * how]
        fault = native.threshold(*args)
        if fault is not None:
            settle("threshold", fault, ("theta", "y", "target", "rate", "reduction"), ("theta",), args, "Threshold.update")
        return self.theta


class IntrinsicPlasticity:
    """Gain and bias of units ``y = sigmoid(gain·z + bias)`` whose y comes to an exponential distribution (Triesch 2005).

    ``Δbias = rate · (1 − (2 + 1/target) y + y²/target)``, ``Δgain = rate/gain + z·Δbias``.

    Parameters
    ----------
    n : int
        Units.
    target : float
        The mean of y, above 0 and below 1.
    rate : float
        ≥ 0.
    dtype : float32 or float64

    Attributes
    ----------
    gain, bias : array [n]
        From 1 and 0 on.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> units = hk.homeostasis.IntrinsicPlasticity(1, target=0.2, rate=0.01, dtype=np.float64)
    >>> z = np.random.default_rng(0).standard_normal((20000, 1))
    >>> y = units.update(z, reduction="sequential")
    >>> round(float(y[10000:].mean()), 1)
    0.2
    """

    gain: npt.NDArray[Any]
    bias: npt.NDArray[Any]

    def __init__(self, n: int, target: float, rate: float = 0.01, *, dtype: npt.DTypeLike = np.float32) -> None:
        self.bias = _zeros("IntrinsicPlasticity", n, dtype)
        self.gain = np.ones_like(self.bias)
        self.rate = real("IntrinsicPlasticity", "rate", rate)
        self.target = real("IntrinsicPlasticity", "target", target, above=0)
        if self.target >= 1:
            raise ArgumentValueError(f"IntrinsicPlasticity: target is {target}; a number below 1 is wanted", "target")

    def __repr__(self) -> str:
        return f"IntrinsicPlasticity({len(self.gain)}, target={self.target}, rate={self.rate})"

    def update(self, z: Any, *, reduction: Reduction = "mean") -> npt.NDArray[Any]:
        """The activity y of the units, and one step of `gain` and `bias` a batch, or a sample.

        Parameters
        ----------
        z : array [n] or [samples, n]
            Inputs of the units.
        reduction : "mean" or "sequential"
            "mean": all y from the gain and bias before the batch, and one step with the mean of the samples'.
            "sequential": sample after sample.

        Returns
        -------
        array [n] or [samples, n]
            y.

        Raises
        ------
        TypeError, ValueError
            A bad argument; gain and bias are unchanged then.
        DivergenceError
            z, or a new gain or bias, is not finite at the sample named.
        """
        label = "IntrinsicPlasticity.update"
        how = choice(label, "reduction", reduction, _REDUCTIONS)
        numbers = isinstance(z, (list, tuple))
        z = converted(z, "z", label, False, self.gain.dtype) if numbers else as_array(z, "z", label)
        y = np.empty(z.shape, self.gain.dtype)
        args = [self.gain, self.bias, z, y, self.target, self.rate, 2 * how]
        fault = native.intrinsic_plasticity(*args)
        if fault is not None:
            names = ("gain", "bias", "z", "y", "target", "rate", "reduction")
            settle("intrinsic_plasticity", fault, names, ("gain", "bias", "y"), args, label)
        return y
