"""Balancing of any network, as units that may be scaled and blocks of weights between them. `balance` and
`hebbkern.torch` describe their networks in this way."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any, Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from . import _header
from ._array import describe, run
from ._csr import CSR
from ._errors import ArgumentTypeError, ArgumentValueError, HebbkernError
from ._lib import native

METHODS = ("newton", "sweeps", "stochastic", "tied")
REASONS = ("converged", "max_sweeps", "rounding")
FREE, HELD, DEAD, OFF_CYCLE, SHARED = range(5)
Integers = npt.NDArray[np.int64]
#: g′ of a cost ``Σ g(|w|)``: given an array of |w| > 0, an array of the same shape.
Derivative = Callable[[npt.NDArray[np.float64]], Any]
#: An exponent, a mixture of them, or the derivative of another cost.
Cost = float | Mapping[float, float] | Derivative


@dataclass
class Block:
    """Weights from the units of the columns to those of the rows, scaled by (λ_post·λ_pre^−c)^power.

    Attributes
    ----------
    w : array [rows, cols] or [cols], or CSR [rows, cols]
        Written in place: writable, float32 or float64, its last axis contiguous. A convolution is its kernel as
        [out, in/groups · kh · kw], with one block for each group.
    name : str
        What errors call it.
    rows, cols : int64 arrays or None
        The unit of each row and column, −1 for none: an input, an output, a constant. None: −1 for all.
    transposed : bool
        The weights go from the units of the rows to those of the columns. A bias is such a vector, its `cols` the units.
    alpha : float
        Weight in the cost; 0: scaled along, at no cost.
    alphas : array like w, optional
        Weight of each element in the cost besides; a mask is 0 and 1. Sparse: [stored].
    power : float
        1 for weights and biases, −1 for gradients and their averages, −2 for averages of their squares.
    """

    w: npt.NDArray[Any] | CSR
    name: str
    rows: Integers | None = None
    cols: Integers | None = None
    transposed: bool = False
    alpha: float = 1.0
    alphas: npt.NDArray[Any] | None = None
    power: float = 1.0


@dataclass
class GraphReport:
    """What `balance_graph` did: see hk_balance_graph in hebbkern.h. Arrays are by unit."""

    reason: str
    sweeps: int
    residual: float
    cost_before: float
    cost_after: float
    deficit_before: float
    deficit_after: float
    scales: npt.NDArray[np.float64]
    deficit: npt.NDArray[np.float64]  # A − cB before, 0 for held units
    status: npt.NDArray[np.uint8]  # FREE, HELD, DEAD, OFF_CYCLE, SHARED


def balance_graph(
    units: int,
    blocks: Sequence[Block],
    *,
    p: Cost,
    degree: npt.NDArray[np.float64] | None = None,
    held: npt.NDArray[np.uint8] | None = None,
    group: Integers | None = None,
    method: str = "newton",
    order: Integers | None = None,
    seed: int = 0,
    tol: float = 0.0,
    max_sweeps: int = 0,
    measure: bool = False,
    function: str = "balance",
) -> GraphReport:
    """Balance a network in place; with `measure`, take its deficits and change nothing.

    The arguments have been checked but for what is between them: lengths, overlap, values of the weights.

    Parameters
    ----------
    units : int
    blocks : list of Block
        At least one. Two over one and the same array are shared weights, whose units get one scale.
    p : float, mapping of exponents to weights, or callable
        The cost ``Σ|w|^p``, ``Σ_k weight_k Σ|w|^p_k``, or ``Σ g(|w|)`` by its g′, with method "sweeps".
    degree : float64 array [units], optional
        c of ``f(λx) = λ^c f(x)``, > 0; default 1.
    held : uint8 array [units], optional
        1 for units that stay as they are.
    group : int64 array [units], optional
        Sweeps visit groups 0, 1, ... in this order or in `order`; "tied" gives a group one scale.

    Raises
    ------
    TypeError, ValueError
        A bad argument, also NaN or Inf in a block; all arrays are unchanged then, as after Ctrl-C.
    """
    parts = p if isinstance(p, Mapping) else {1.0 if callable(p) else float(p): 1.0}
    exponents, weights = np.array(list(parts), np.float64), np.array(list(parts.values()), np.float64)
    cost: tuple[Any, ...] = (weights.ctypes.data, exponents.ctypes.data, None, None)
    if callable(p):
        cost = (None, None, ctypes.cast(native.locked.hk_python_derivative, ctypes.c_void_p), _in_place(p, function))
    described = (_header.BalanceBlock * len(blocks))()
    for made, block in zip(described, blocks):
        if isinstance(block.w, CSR):
            made.w = describe(block.w.data)
            made.indices, made.indptr, made.width = describe(block.w.indices), describe(block.w.indptr), block.w.shape[1]
        else:
            made.w = describe(block.w)
        if block.alphas is not None:
            made.alphas = describe(block.alphas)
        made.rows, made.cols = _address(block.rows), _address(block.cols)
        made.transposed, made.alpha, made.power = int(block.transposed), block.alpha, block.power
    state = np.zeros(native.library.hk_balance_state(units, len(blocks), len(parts)))
    scales, deficit, status = np.ones(units), np.zeros(units), np.zeros(units, np.uint8)
    result = _header.BalanceResult()
    args = _header.BalanceGraphArgs(
        units, len(blocks), described, _address(degree), _address(held), _address(group), len(parts),
        *cost, METHODS.index(method), 0 if order is None else len(order),
        _address(order), seed, tol, max_sweeps, int(measure), state.ctypes.data, scales.ctypes.data,
        deficit.ctypes.data, status.ctypes.data, ctypes.pointer(result),
    )  # fmt: skip
    try:
        run("balance_graph", args, function, locked=callable(p))
    except HebbkernError as error:
        raise _named(error, blocks) from None
    return GraphReport(
        reason=REASONS[result.reason],
        sweeps=result.sweeps,
        residual=result.residual,
        cost_before=result.cost_before,
        cost_after=result.cost_after,
        deficit_before=result.deficit_before,
        deficit_after=result.deficit_after,
        scales=scales,
        deficit=deficit,
        status=status,
    )


def _in_place(derivative: Derivative, function: str) -> Callable[[memoryview, memoryview], None]:
    """g′ as the library calls it: over its memory, which is good for the time of the call. `derivative` gets a copy."""

    def call(w: memoryview, slope: memoryview) -> None:
        with w, slope:
            values = derivative(np.frombuffer(w).copy())
            array, n = np.asarray(values), len(w) // 8
            if array.dtype.kind not in "fiu":
                raise ArgumentTypeError(
                    f"{function}: cost gave {array.dtype if isinstance(values, np.ndarray) else type(values).__qualname__}; "
                    "an array of floats is wanted", "cost",
                )  # fmt: skip
            if array.shape != (n,):
                raise ArgumentValueError(
                    f"{function}: cost gave shape {array.shape} for |w| of shape ({n},); the same shape is wanted", "cost"
                )
            np.frombuffer(slope)[:] = array

    return call


def _address(array: npt.NDArray[Any] | None) -> int | None:
    return None if array is None else array.ctypes.data


def _named(error: HebbkernError, blocks: Sequence[Block]) -> HebbkernError:
    """The error with the blocks' own names in place of weights[q]."""
    message, argument = str(error), getattr(error, "argument", None)
    for q in range(len(blocks) - 1, -1, -1):
        for word, name in ((f"weights[{q}]", "\0{}\0"), (f"alphas[{q}]", "alpha of \0{}\0"), (f"block {q}", "\0{}\0")):
            message = message.replace(word, name.format(q))
            if argument == word:
                argument = name.format(q)
    for q, block in enumerate(blocks):
        message = message.replace(f"\0{q}\0", block.name)
        argument = argument and argument.replace(f"\0{q}\0", block.name)
    return type(error)(message, argument) if argument is not None else type(error)(message)
