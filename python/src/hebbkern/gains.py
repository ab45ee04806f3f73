"""Average gains of units: of their activation, or of its derivative.

The average derivative ⟨f′(I)⟩ of the presynaptic unit is the weight of a synapse in the robustness cost of Stock, Harvey,
Ocko & Ganguli (PLoS Comput Biol 2022); see `hebbkern.synaptic_balance`. Average gains are also what `hebbkern.gain_rule`
takes.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ._array import FLOATS, settle
from ._errors import ArgumentTypeError, ArgumentValueError
from ._lib import native
from ._parameters import count, is_integer, real
from .kernels import Activation, activation_code

_EXPONENTIAL = ("sigma", "z", "alpha", "of", "activation", "slope", "shape", "reduction")
_WINDOWED = ("sigma", "z", "values", "sum", "seen", "of", "activation", "slope", "shape", "reduction")


class _Gain:
    """What both averages share: the units, what is averaged, and the activation."""

    sigma: npt.NDArray[Any]

    def __init__(self, n: int, of: str, activation: Activation, dtype: npt.DTypeLike) -> None:
        label = type(self).__name__
        if not is_integer(n):
            raise ArgumentTypeError(f"{label}: n is {n!r}; a number of units is wanted", "n")
        if n < 1:
            raise ArgumentValueError(f"{label}: n is {n}; at least 1 is wanted", "n")
        if of not in ("activation", "derivative"):
            raise ArgumentValueError(f"{label}: of is {of!r}; 'activation' or 'derivative' is wanted", "of")
        if np.dtype(dtype) not in FLOATS:
            raise ArgumentTypeError(f"{label}: dtype is {dtype!r}; float32 or float64 is wanted", "dtype")
        code = activation_code(activation, label)
        if of == "derivative" and activation[0] == "bipu" and code[2] < 1:
            raise ArgumentValueError(
                f"{label}: activation is {activation!r}, whose derivative has no bound at 0; c >= 1 is wanted", "activation"
            )
        self._codes = (int(of == "derivative"), *code)
        self.of = of
        self.activation = activation
        self.sigma = np.zeros(int(n), dtype)

    def _reduction(self, reduction: str) -> int:
        if reduction not in ("sequential", "mean"):
            raise ArgumentValueError(
                f"{type(self).__name__}.update: reduction is {reduction!r}; 'mean' or 'sequential' is wanted",
                "reduction",
            )
        return 0 if reduction == "sequential" else 2


class Exponential(_Gain):
    """Exponential average gain, ``σ ← α a + (1 − α) σ`` from σ = 0, without a correction of the bias.

    a is the activation f(I) of a unit or its derivative f′(I). The derivative at 0 is that from above: 1 for ReLU,
    leaky ReLU and ELU (PyTorch takes 0), b for ``("bilu", a, b)``, 0 for ``("bipu", c, d)`` with c > 1; with c < 1 it has
    no bound there and is refused.

    Parameters
    ----------
    n : int
        Units.
    alpha : float
        α, above 0 and at most 1.
    of : "activation" or "derivative"
    activation : str or tuple
        f, by its name; see `forward`.
    dtype : float32 or float64

    Attributes
    ----------
    sigma : array [n]
        The gains, all of the state.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> gain = hk.gains.Exponential(3, alpha=0.5, of="activation", activation="relu", dtype=np.float64)
    >>> gain.update([[-1, 2, 4], [1, 2, 0]])
    array([0.25, 1.  , 1.  ])
    """

    def __init__(
        self,
        n: int,
        alpha: float = 0.01,
        of: Literal["activation", "derivative"] = "activation",
        *,
        activation: Activation = "relu",
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        super().__init__(n, of, activation, dtype)
        self.alpha = real("Exponential", "alpha", alpha, above=0, most=1)

    def __repr__(self) -> str:
        return f"Exponential({len(self.sigma)}, alpha={self.alpha}, of={self.of!r}, activation={self.activation!r})"

    def update(self, z: Any, *, reduction: Literal["mean", "sequential"] = "mean") -> npt.NDArray[Any]:
        """Observe the inputs I of the units and return `sigma`, the array itself.

        Parameters
        ----------
        z : array [n] or [samples, n]
            Inputs of the units, before the activation.
        reduction : "mean" or "sequential"
            Of a batch: one step with the mean of a, or one step for each sample. An empty batch changes nothing.

        Raises
        ------
        TypeError, ValueError
            A bad argument; sigma is unchanged then.
        """
        args = [self.sigma, z, self.alpha, *self._codes, self._reduction(reduction)]
        fault = native.average_gain(*args)
        if fault is not None:
            settle("average_gain", fault, _EXPONENTIAL, ("sigma",), args, "Exponential.update")
        return self.sigma


class Windowed(_Gain):
    """Windowed average gain: the mean of the last `window` values, and of all while there are fewer.

    A value is the activation f(I) of a unit or its derivative f′(I), as in `Exponential`. A step costs the same whatever
    the window. The window is kept as a sum of two stacks in float64, in which nothing is ever subtracted, so that no
    error of a value stays when it has left.

    Parameters
    ----------
    n : int
        Units.
    window : int
        1 to 2²⁴ values.
    of : "activation" or "derivative"
    activation : str or tuple
        f, by its name; see `forward`.
    dtype : float32 or float64
        Of the gains and the inputs.

    Attributes
    ----------
    sigma : array [n]
        The gains.
    values, sum : float64 arrays [window, n] and [n]
        What the window holds: with k = seen mod window, rows before k are values of this round, whose sum is `sum`, and
        the others sums of values of the last one, each from its row to the end.
    seen : int
        Values so far. With the arrays it is all of the state: an object that is given copies of them goes on with the
        same bits.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> gain = hk.gains.Windowed(2, window=3, activation="identity", dtype=np.float64)
    >>> for z in ([9, 1], [3, 2], [3, 3]):
    ...     gain.update(z)
    array([9., 1.])
    array([6. , 1.5])
    array([5., 2.])
    >>> gain.update([[3, 4], [3, 5]], reduction="sequential")  # 3, 3, 3 and 3, 4, 5 are left
    array([3., 4.])
    """

    def __init__(
        self,
        n: int,
        window: int = 100,
        of: Literal["activation", "derivative"] = "activation",
        *,
        activation: Activation = "relu",
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        super().__init__(n, of, activation, dtype)
        self.window = count("Windowed", "window", window, most=1 << 24)
        self.values = np.zeros((self.window, int(n)))
        self.sum = np.zeros(int(n))
        self.seen = 0

    def __repr__(self) -> str:
        return f"Windowed({len(self.sigma)}, window={self.window}, of={self.of!r}, activation={self.activation!r})"

    def update(self, z: Any, *, reduction: Literal["mean", "sequential"] = "mean") -> npt.NDArray[Any]:
        """Observe the inputs I of the units and return `sigma`, the array itself.

        Parameters
        ----------
        z : array [n] or [samples, n]
            Inputs of the units, before the activation.
        reduction : "mean" or "sequential"
            Of a batch: its mean is one value, or each sample is. An empty batch changes nothing.

        Raises
        ------
        TypeError, ValueError
            A bad argument; the state is unchanged then.
        """
        args = [self.sigma, z, self.values, self.sum, self.seen, *self._codes, self._reduction(reduction)]
        fault = native.windowed_gain(*args)
        if fault is not None:
            settle("windowed_gain", fault, _WINDOWED, ("sigma", "values", "sum"), args, "Windowed.update")
        shape = np.shape(z)
        samples = shape[0] if len(shape) == 2 else 1
        self.seen += samples if reduction == "sequential" else min(samples, 1)
        return self.sigma
