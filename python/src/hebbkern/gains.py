"""Average gains of units (maths.md, section 2)."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ._array import FLOATS, settle
from ._errors import ArgumentTypeError, ArgumentValueError
from ._lib import native
from ._parameters import is_integer, real
from .kernels import activation_code

_NAMES = ("sigma", "z", "alpha", "of", "activation", "slope", "reduction")


class Exponential:
    """Exponential average gain, ``σ ← α a + (1 − α) σ`` from σ = 0, without a correction of the bias.

    a is the activation f(I) of a unit or its derivative f′(I). The derivative of ReLU, leaky ReLU and ELU at 0 is 1
    (PyTorch takes 0).

    Parameters
    ----------
    n : int
        Units.
    alpha : float
        α, above 0 and at most 1.
    of : "activation" or "derivative"
    activation : str or (str, float)
        f, by its name; see `forward`.
    dtype : float32 or float64

    Attributes
    ----------
    sigma : array [n]
        The gains.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> gain = hk.gains.Exponential(3, alpha=0.5, of="activation", activation="relu", dtype=np.float64)
    >>> gain.update([[-1, 2, 4], [1, 2, 0]])
    array([0.25, 1.  , 1.  ])
    """

    sigma: npt.NDArray[Any]

    def __init__(
        self,
        n: int,
        alpha: float = 0.01,
        of: Literal["activation", "derivative"] = "activation",
        *,
        activation: str | tuple[str, float] = "relu",
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        if not is_integer(n):
            raise ArgumentTypeError(f"Exponential: n is {n!r}; a number of units is wanted", "n")
        if n < 1:
            raise ArgumentValueError(f"Exponential: n is {n}; at least 1 is wanted", "n")
        self.alpha = real("Exponential", "alpha", alpha, above=0, most=1)
        if of not in ("activation", "derivative"):
            raise ArgumentValueError(f"Exponential: of is {of!r}; 'activation' or 'derivative' is wanted", "of")
        if np.dtype(dtype) not in FLOATS:
            raise ArgumentTypeError(f"Exponential: dtype is {dtype!r}; float32 or float64 is wanted", "dtype")
        self._code, self._slope = activation_code(activation, "Exponential")
        self.of = of
        self.activation = activation
        self.sigma = np.zeros(int(n), dtype)

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
        if reduction not in ("sequential", "mean"):
            raise ArgumentValueError(
                f"Exponential.update: reduction is {reduction!r}; 'mean' or 'sequential' is wanted", "reduction"
            )
        args = [
            self.sigma, z, self.alpha, int(self.of == "derivative"), self._code, self._slope, 0 if reduction == "sequential" else 2,
        ]  # fmt: skip
        fault = native.average_gain(*args)
        if fault is not None:
            settle("average_gain", fault, _NAMES, ("sigma",), args, "Exponential.update")
        return self.sigma
