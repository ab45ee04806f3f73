"""Neural balance: scaling units so that their incoming and outgoing weights cost the same, without a change of what
the network computes (Baldi, Alexos, Domingo & Rahmansetayesh, AIJ 2025; maths.md, section 4)."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any, Literal, Sequence

import numpy as np
import numpy.typing as npt

from . import _lib
from ._array import checked, describe_all, run
from ._errors import ArgumentTypeError, ArgumentValueError
from ._parameters import is_integer, real
from ._progress import pyplot
from .kernels import Activation, activation_code

METHODS = ("sweeps",)
_LATER = ("newton", "stochastic", "tied")


class Flat:
    """The flat description of a network over arrays, and what keeps these alive."""

    def __init__(
        self,
        weights: Sequence[npt.NDArray[Any]],
        biases: Sequence[npt.NDArray[Any] | None] | None,
        activation: Activation,
        function: str,
    ) -> None:
        self.arrays = [*weights, *(biases or ())]
        self.sizes = [weights[0].shape[1], *(w.shape[0] for w in weights)]
        code, slope, shape = activation_code(activation, function)
        self._weights = describe_all(weights)
        self._biases = None if biases is None else describe_all(biases)
        self.struct = _lib.Network(len(weights), self._weights, self._biases, code, 0, slope, shape)

    @property
    def hidden(self) -> list[int]:
        return self.sizes[1:-1]

    def split(self, units: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
        """An array over the hidden units as a list of one array a layer."""
        return np.split(units, np.cumsum(self.hidden)[:-1]) if self.hidden else []


def flatten(weights: Any, biases: Any, activation: Activation, function: str, *, written: bool) -> Flat:
    """Check a list of weights and biases and describe it."""
    weights = _list(weights, "weights", function)
    if not weights:
        raise ArgumentValueError(f"{function}: weights is an empty list; at least one matrix is wanted", "weights")
    w = [checked(weights[0], "weights[0]", function, ndim=2, written=written)]
    dtype = w[0].dtype
    for l, value in enumerate(weights[1:], 1):
        w.append(checked(value, f"weights[{l}]", function, ndim=2, dtype=dtype, written=written))
    b: list[npt.NDArray[Any] | None] | None = None
    if biases is not None:
        biases = _list(biases, "biases", function)
        if len(biases) != len(w):
            raise ArgumentValueError(
                f"{function}: biases is a list of {len(biases)}; one for each of the {len(w)} weights is wanted",
                "biases",
            )
        b = [
            None if value is None else checked(value, f"biases[{l}]", function, ndim=1, dtype=dtype, written=written)
            for l, value in enumerate(biases)
        ]
    return Flat(w, b, activation, function)


def _list(value: Any, name: str, function: str) -> list[Any]:
    if not isinstance(value, (list, tuple)):
        raise ArgumentTypeError(f"{function}: {name} is a {type(value).__qualname__}; a list of arrays is wanted", name)
    return list(value)


@dataclass(frozen=True, repr=False)
class BalanceReport:
    """The outcome of balancing. Costs and deficits are those of the scaled sums, in float64.

    Attributes
    ----------
    p : float
    method : str
    converged : bool
        Whether every live unit is balanced to `tol`; if not, what `max_sweeps` reached was written.
    sweeps : int
        Sweeps that changed a scale.
    residual : float
        ``max |A − B|/(A + B)`` over the live units, after.
    cost_before, cost_after : float
        ``Σ|w|^p`` over all weights (and biases, if counted).
    deficit_before, deficit_after : float
        ``Σ (A − B)²`` over the hidden units.
    scales : list of arrays
        λ of the units, for each hidden layer: incoming weights and bias × λ, outgoing ÷ λ.
    dead : list of (layer, unit)
        Hidden units with A = 0 or B = 0, left as they were; layer counts the hidden layers from 0.
    """

    p: float
    method: str
    converged: bool
    sweeps: int
    residual: float
    cost_before: float
    cost_after: float
    deficit_before: float
    deficit_after: float
    scales: list[npt.NDArray[np.float64]]
    dead: list[tuple[int, int]]

    def __repr__(self) -> str:
        outcome = "converged" if self.converged else "not converged"
        dead = f", {len(self.dead)} dead units" if self.dead else ""
        return (
            f"BalanceReport(p={self.p:g}, {outcome} in {self.sweeps} sweeps, cost {self.cost_before:.6g} → "
            f"{self.cost_after:.6g}, deficit {self.deficit_before:.3g} → {self.deficit_after:.3g}{dead})"
        )

    def plot(self) -> Any:
        """Draw the scales of each hidden layer, and cost and deficit before and after; return the matplotlib figure."""
        plt = pyplot()
        figure, (left, middle, right) = plt.subplots(1, 3, figsize=(10, 3.2), layout="constrained")
        dead = set(self.dead)
        for layer, scales in enumerate(self.scales):
            live = [float(s) for unit, s in enumerate(scales) if (layer, unit) not in dead]
            left.plot(np.full(len(live), layer), live, "_", markersize=14)
        left.set(yscale="log", title="scale λ of each unit", xlabel="hidden layer", xticks=range(len(self.scales)))
        middle.bar(["before", "after"], [self.cost_before, self.cost_after], color=["0.7", "C0"])
        middle.set(title=f"cost Σ|w|^p, p = {self.p:g}")
        tiny = np.finfo(np.float64).tiny
        right.bar(
            ["before", "after"], [max(self.deficit_before, tiny), max(self.deficit_after, tiny)], color=["0.7", "C0"]
        )
        right.set(yscale="log", title="deficit Σ(A − B)²")
        return figure


def balance(
    weights: Sequence[Any],
    biases: Sequence[Any] | None = None,
    *,
    p: float = 2.0,
    activation: Activation = "relu",
    method: Literal["sweeps"] = "sweeps",
    order: Sequence[int] | None = None,
    include_bias: bool = False,
    tol: float | None = None,
    max_sweeps: int | None = None,
    seed: int | None = None,
) -> BalanceReport:
    """Balance a network of layers in place: the unique least ``Σ|w|^p`` among all networks that compute the same.

    Each hidden unit's incoming weights and bias are scaled by λ > 0 and its outgoing ones by 1/λ, so that its cost in
    ``A = Σ_in |w|^p`` equals its cost out ``B = Σ_out |w|^p``. The solver works on the logarithms of λ and writes the
    weights once, at the end; Ctrl-C before that leaves them as they were.

    Parameters
    ----------
    weights : list of arrays [n_l, n_{l−1}]
        Written in place. torch CPU tensors are accepted.
    biases : list of arrays [n_l] or None, optional
        Written in place; scaled along, which keeps the function.
    p : float
        Any real number > 0.
    activation : str or tuple
        Of the hidden layers: "identity", "relu", "leaky_relu" or "bilu", which are homogeneous of degree 1.
    method : "sweeps"
        Layer after layer, each unit to its optimum given the others. (Others are not available in this version.)
    order : list of int, optional
        The order of the hidden layers in a sweep. The result does not depend on it.
    include_bias : bool
        Whether a unit's bias counts in its A.
    tol : float, optional
        On ``max |A − B|/(A + B)``; default 1e-9 in float64, 1e-6 in float32.
    max_sweeps : int, optional
        Default 10000.
    seed : None
        For methods with randomness.

    Returns
    -------
    BalanceReport

    Raises
    ------
    TypeError, ValueError
        A bad argument, also NaN or Inf in the weights; all arrays are unchanged then.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> weights = [np.array([[4.0]]), np.array([[1.0]])]
    >>> report = hk.balance(weights)
    >>> weights
    [array([[2.]]), array([[2.]])]
    >>> report.cost_before, report.cost_after
    (17.0, 8.0)
    """
    p = real("balance", "p", p, above=0)
    if method not in METHODS:
        later = f"; {method!r} is not available in this version" if method in _LATER else ""
        raise ArgumentValueError(f"balance: method is {method!r}; 'sweeps' is wanted{later}", "method")
    if seed is not None:
        raise ArgumentValueError("balance: seed is given, and 'sweeps' has no randomness; None is wanted", "seed")
    bound = 0.0 if tol is None else real("balance", "tol", tol, above=0)
    if max_sweeps is not None and not (is_integer(max_sweeps) and 0 < max_sweeps < 2**62):
        raise ArgumentValueError(f"balance: max_sweeps is {max_sweeps!r}; an integer >= 1 is wanted", "max_sweeps")
    flat = flatten(weights, biases, activation, "balance", written=True)
    layers = len(flat.hidden)
    sequence = None
    if order is not None:
        try:
            sequence = np.array(order, dtype=np.int64, ndmin=1)
        except (TypeError, ValueError, OverflowError):
            raise ArgumentTypeError(f"balance: order is {order!r}; a list of integers is wanted", "order") from None
        if sorted(sequence.tolist()) != list(range(layers)) or any(a != b for a, b in zip(order, sequence)):
            raise ArgumentValueError(
                f"balance: order is {order!r}; a permutation of 0 ... {layers - 1} is wanted", "order"
            )
    units = sum(flat.hidden)
    log_scale, scales, dead = np.zeros(units), np.ones(units), np.zeros(units, np.uint8)
    result = _lib.BalanceResult()
    args = _lib.BalanceArgs(
        flat.struct,
        p,
        int(bool(include_bias)),
        None if sequence is None else sequence.ctypes.data,
        bound,
        0 if max_sweeps is None else int(max_sweeps),
        log_scale.ctypes.data,
        scales.ctypes.data,
        dead.ctypes.data,
        ctypes.pointer(result),
    )
    run("balance", args, "balance")
    return BalanceReport(
        p=p,
        method=method,
        converged=bool(result.converged),
        sweeps=result.sweeps,
        residual=result.residual,
        cost_before=result.cost_before,
        cost_after=result.cost_after,
        deficit_before=result.deficit_before,
        deficit_after=result.deficit_after,
        scales=flat.split(scales),
        dead=[(layer, int(unit)) for layer, flags in enumerate(flat.split(dead)) for unit in np.flatnonzero(flags)],
    )


def deficit(
    weights: Sequence[Any],
    biases: Sequence[Any] | None = None,
    *,
    p: float = 2.0,
    activation: Activation = "relu",
    include_bias: bool = False,
) -> list[npt.NDArray[np.float64]]:
    """Balance deficits ``A − B`` of the hidden units, cost in minus cost out, signed and not normalised.

    The deficit of a network is the sum of their squares; under L_p regularisation it is a measure of training progress.

    Parameters
    ----------
    weights : list of arrays [n_l, n_{l−1}]
    biases : list of arrays [n_l] or None, optional
        Read with `include_bias` only.
    p : float
        Any real number > 0.
    activation : str or tuple
        Of the hidden layers; any. (The degree c of ``A − cB`` is 1 for all that this version has.)
    include_bias : bool
        Whether a unit's bias counts in its A.

    Returns
    -------
    list of float64 arrays
        One for each hidden layer.

    Raises
    ------
    TypeError, ValueError
        A bad argument, also NaN or Inf in the weights.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> hk.deficit([np.array([[3.0], [1.0]]), np.array([[1.0, 2.0]])])
    [array([ 8., -3.])]
    """
    p = real("deficit", "p", p, above=0)
    flat = flatten(weights, biases, activation, "deficit", written=False)
    return flat.split(unit_deficits(flat, p, include_bias)[0])


def unit_deficits(flat: Flat, p: float, include_bias: bool) -> tuple[npt.NDArray[np.float64], float]:
    """Deficits of all hidden units, and the sum of their squares."""
    values, total = np.zeros(sum(flat.hidden)), ctypes.c_double()
    args = _lib.DeficitArgs(flat.struct, p, int(bool(include_bias)), values.ctypes.data, ctypes.pointer(total))
    run("deficit", args, "deficit")
    return values, total.value
