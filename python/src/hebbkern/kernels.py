"""The kernels: functions on arrays, in place.

`w` is ``[out, in]``, row i the weights into postsynaptic unit i: float32 or float64, any row stride, the last axis
contiguous. Arrays that are written must be writable and are never copied; those that are only read have w's element
type and a contiguous last axis. Numbers and lists of numbers are converted. torch CPU tensors and other DLPack arrays
are used in place. A vector over rows is ``[out]`` or one number, a vector over columns ``[in]`` or one number.

Every function raises before it writes anything: `ArgumentTypeError` (a TypeError) for a wrong type or element type,
`ArgumentValueError` (a ValueError) for wrong shapes, strides, read-only arrays, arrays that share an element with one
that is written, and parameters out of their range. Results have the same bits on every machine and for any number of
threads.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any, Literal, Union, overload

import numpy as np
import numpy.typing as npt

from ._array import as_array, output, settle
from ._errors import ArgumentTypeError, ArgumentValueError, HebbkernError
from ._lib import native
from ._parameters import finite, real

#: An array that is written: NumPy, torch on the CPU, anything with a writable buffer or DLPack.
Writable = Any
#: One number or an array.
Value = Any

#: The name of an activation, or a tuple of it and its parameters; see `forward`.
Activation = Union[str, tuple[str, float], tuple[str, float, float]]

ACTIVATIONS = ("identity", "relu", "leaky_relu", "sigmoid", "tanh", "softplus", "elu", "gelu", "bilu", "bipu")
LEAKY_SLOPE = 0.01

_UPDATE = ("w", "g", "x", "decay", "col_decay", "row_add", "col_add", "low", "high", "mask")
_FORWARD = ("w", "x", "b", "out", "activation", "slope", "shape")
_SUMS = ("w", "rows", "cols", "weights", "p", "root")
_SCALE = ("w", "rows", "cols")
_EMA = ("s", "a", "alpha", "of")
_GAIN = ("w", "post_gain", "pre_gain", "bias", "lr", "form", "limit")


def rank1(
    w: Writable,
    g: Value,
    x: Value,
    *,
    decay: Value | None = None,
    col_decay: Value | None = None,
    row_add: Value | None = None,
    col_add: Value | None = None,
    low: float | None = None,
    high: float | None = None,
    mask: Value | None = None,
) -> None:
    """Rank-1 update with optional decay, additions, bounds and mask, in one pass over w.

    ``w_ij ← clip(w_ij (1 − decay_i − col_decay_j) + g_i x_j + row_add_i + col_add_j, low, high)``

    This is the pattern that all non-spiking Hebbian rules for one sample share. A term that is not given is left out, it
    is not an addition of zero.

    Parameters
    ----------
    w : array [out, in]
        Weights, written.
    g : array [out] or float
        Postsynaptic factor. `g` and `x` may both be None: no product.
    x : array [in] or float
        Presynaptic factor.
    decay, row_add : array [out] or float, optional
    col_decay, col_add : array [in] or float, optional
    low, high : float, optional
        Bounds, applied last: ``minimum(maximum(w, low), high)``, where NaN stays NaN.
    mask : bool array [out, in], optional
        Where False, w keeps its value (but for the bounds).

    Raises
    ------
    TypeError, ValueError
        See the module; w is unchanged then.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> w = np.zeros((2, 3))
    >>> hk.rank1(w, [1, 2], [1, 10, 100])
    >>> w
    array([[  1.,  10., 100.],
           [  2.,  20., 200.]])
    >>> hk.rank1(w, None, None, decay=0.5, high=50)
    >>> w
    array([[ 0.5,  5. , 50. ],
           [ 1. , 10. , 50. ]])
    """
    fault = native.rank1(w, g, x, decay, col_decay, row_add, col_add, low, high, mask)
    if fault is not None:
        args = [w, g, x, decay, col_decay, row_add, col_add, low, high, mask]
        settle("rank1", fault, _UPDATE, ("w",), args)


def batch_update(
    w: Writable,
    g: Value,
    x: Value,
    *,
    decay: Value | None = None,
    col_decay: Value | None = None,
    row_add: Value | None = None,
    col_add: Value | None = None,
    low: float | None = None,
    high: float | None = None,
    mask: Value | None = None,
) -> None:
    """Update by a batch of samples, with the terms of `rank1`, in the one pass that writes w.

    ``w ← clip(w (1 − decay_i − col_decay_j) + gᵀx + row_add_i + col_add_j, low, high)``

    A term that is not given is left out.

    Parameters
    ----------
    w : array [out, in]
        Weights, written.
    g : array [samples, out]
    x : array [samples, in]
    decay, row_add : array [out] or float, optional
    col_decay, col_add : array [in] or float, optional
    low, high : float, optional
        Bounds, applied last: ``minimum(maximum(w, low), high)``, where NaN stays NaN.
    mask : bool array [out, in], optional
        Where False, w keeps its value (but for the bounds).

    Raises
    ------
    TypeError, ValueError
        See the module; w is unchanged then.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> w = np.ones((2, 2))
    >>> hk.batch_update(w, [[1, 0], [0, 1]], [[1, 2], [3, 4]], decay=1, high=3)
    >>> w
    array([[1., 2.],
           [3., 3.]])
    """
    fault = native.batch_update(w, g, x, decay, col_decay, row_add, col_add, low, high, mask)
    if fault is not None:
        args = [w, g, x, decay, col_decay, row_add, col_add, low, high, mask]
        settle("batch_update", fault, _UPDATE, ("w",), args)


def forward(
    w: Value,
    x: Value,
    b: Value | None = None,
    *,
    activation: Activation = "identity",
    out: Writable | None = None,
) -> npt.NDArray[Any]:
    """Forward pass ``y_i = f(Σ_j w_ij x_j + b_i)``, for one input or for each row of a batch.

    A row of a batch has the bits of a single call.

    Parameters
    ----------
    w : array [out, in]
    x : array [in] or [samples, in]
    b : array [out] or float, optional
    activation : str or tuple
        "identity", "relu", "leaky_relu" (slope 0.01; ``("leaky_relu", slope)`` for another), "sigmoid", "tanh",
        "softplus", "elu", "gelu" (the erf form), ``("bilu", a, b)``: a z for z < 0, b z else, or ``("bipu", c, d)``:
        z^c for z > 0, d |z|^c else, c > 0.
    out : array [out] or [samples, out], optional
        Written, and returned as a NumPy array; by default a new one.

    Returns
    -------
    array [out] or [samples, out]

    Raises
    ------
    TypeError, ValueError
        See the module; `out` is unchanged then.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> w = np.array([[1.0, 2.0], [3.0, -4.0]])
    >>> hk.forward(w, [1, 1], activation="relu")
    array([3., 0.])
    >>> hk.forward(w, [[1, 1], [1, 0]], 0.5)
    array([[ 3.5, -0.5],
           [ 1.5,  3.5]])
    """
    w = as_array(w, "w", "forward")
    code, slope, shape = activation_code(activation, "forward")
    if out is None:
        try:
            samples = np.shape(x)[:-1]
        except ValueError:  # a ragged list: the library's refusal says so
            samples = ()
        y = output(w, 0, samples if len(samples) == 1 else ())
    else:
        y = as_array(out, "out", "forward", written=True)
    fault = native.forward(w, x, b, y, code, slope, shape)
    if fault is not None:
        settle("forward", fault, _FORWARD, ("out",), [w, x, b, y, code, slope, shape])
    return y


def activation_code(activation: Activation, function: str) -> tuple[int, float, float]:
    """The library's number of an activation, its slope and its shape (hebbkern.h)."""
    name, *parameters = activation if isinstance(activation, tuple) and activation else (activation,)
    if not isinstance(name, str):
        raise ArgumentTypeError(f"{function}: activation is {activation!r}; a name is wanted", "activation")
    if name not in ACTIVATIONS:
        raise ArgumentValueError(
            f"{function}: activation is {name!r}; one of {', '.join(ACTIVATIONS)} is wanted", "activation"
        )
    wanted = _PARAMETERS.get(name, ())
    if name == "leaky_relu" and not parameters:
        parameters = [LEAKY_SLOPE]
    if len(parameters) != len(wanted):
        form = f"({', '.join([repr(name), *wanted])})" if wanted else repr(name)
        raise ArgumentValueError(f"{function}: activation is {activation!r}; {form} is wanted", "activation")
    values = {}
    for label, value in zip(wanted, parameters):
        try:
            check = real if label == "slope" else partial(real, above=0) if label == "c" else finite
            values[label] = check(function, label, value)
        except HebbkernError as error:
            kind = ArgumentTypeError if isinstance(error, TypeError) else ArgumentValueError
            raise kind(
                str(error).replace(f": {label}", f": activation is {name}, whose {label}", 1), "activation"
            ) from None
    first, second = (*values.values(), 0.0, 0.0)[:2]
    return (ACTIVATIONS.index(name), second, first) if name == "bipu" else (ACTIVATIONS.index(name), first, second)


_PARAMETERS = {"leaky_relu": ("slope",), "bilu": ("a", "b"), "bipu": ("c", "d")}


@overload
def power_sums(
    w: Value, p: float = ..., *, axis: Literal[0, 1] = ..., weights: Value | None = ...
) -> npt.NDArray[Any]: ...
@overload
def power_sums(
    w: Value, p: float = ..., *, axis: None, weights: Value | None = ...
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]: ...


def power_sums(w: Value, p: float = 2.0, *, axis: int | None = 1, weights: Value | None = None) -> Any:
    """Power sums of weights, ``Σ |w|^p``: the cost that balancing works on (Baldi, Alexos, Domingo & Rahmansetayesh, AIJ 2025).

    Parameters
    ----------
    w : array [out, in]
    p : float
        Any real number > 0. ½, 1, 3/2, 2, 3 and 4 have direct forms, which are faster.
    axis : 1, 0 or None
        1: per row, ``Σ_j |w_ij|^p v_j``; 0: per column, ``Σ_i |w_ij|^p v_i``; None: both, in one pass over w.
    weights : array [in] (axis 1) or [out] (axis 0), optional
        The v above; not with ``axis=None``.

    Returns
    -------
    array [out], array [in], or the pair (rows, cols)

    Raises
    ------
    TypeError, ValueError
        See the module.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> w = np.array([[3.0, -4.0], [0.0, 1.0]])
    >>> hk.power_sums(w)
    array([25.,  1.])
    >>> hk.power_sums(w, p=1, axis=None)
    (array([7., 1.]), array([3., 5.]))
    >>> hk.power_sums(w, p=1, weights=[1, 10])
    array([43., 10.])
    """
    if isinstance(p, float) and p == math.inf:
        raise ArgumentValueError("power_sums: p is inf; a finite number > 0 is wanted (norms takes p = inf)", "p")
    return _sums("power_sums", w, p, axis, weights, 0)


@overload
def norms(w: Value, p: float = ..., *, axis: Literal[0, 1] = ...) -> npt.NDArray[Any]: ...
@overload
def norms(w: Value, p: float = ..., *, axis: None) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]: ...


def norms(w: Value, p: float = 2.0, *, axis: int | None = 1) -> Any:
    """Norms of rows or columns, ``(Σ |w|^p)^(1/p)``, or ``max |w|`` for p = inf.

    Parameters
    ----------
    w : array [out, in]
    p : float
        Any real number > 0, or ``float("inf")``. Below 1 it is not a norm, but is computed all the same.
    axis : 1, 0 or None
        1: of the rows; 0: of the columns; None: both, in one pass over w.

    Returns
    -------
    array [out], array [in], or the pair (rows, cols)

    Raises
    ------
    TypeError, ValueError
        See the module.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> w = np.array([[3.0, -4.0], [0.0, 1.0]])
    >>> hk.norms(w)
    array([5., 1.])
    >>> hk.norms(w, p=float("inf"), axis=0)
    array([3., 4.])
    """
    return _sums("norms", w, p, axis, None, 1)


def _sums(function: str, w: Value, p: float, axis: int | None, weights: Value | None, root: int) -> Any:
    if axis not in (0, 1, None) or isinstance(axis, bool):
        raise ArgumentValueError(
            f"{function}: axis is {axis!r}; 1 (rows), 0 (columns) or None (both) is wanted", "axis"
        )
    if axis is None and weights is not None:
        raise ArgumentValueError(f"{function}: weights goes with axis 0 or 1, not with both in one pass", "weights")
    w = as_array(w, "w", function)
    rows = None if axis == 0 else output(w, 0)
    cols = None if axis == 1 else output(w, 1)
    fault = native.power_sums(w, rows, cols, weights, p, root)
    if fault is not None:
        settle("power_sums", fault, _SUMS, (), [w, rows, cols, weights, p, root])
    return rows if axis == 1 else cols if axis == 0 else (rows, cols)


def scale(w: Writable, rows: Value | None = None, cols: Value | None = None) -> None:
    """Scale rows and columns, ``w_ij ← (rows_i w_ij) cols_j``, each product rounded.

    Parameters
    ----------
    w : array [out, in]
        Weights, written.
    rows : array [out] or float, optional
    cols : array [in] or float, optional

    Raises
    ------
    TypeError, ValueError
        See the module; w is unchanged then.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> w = np.ones((2, 2))
    >>> hk.scale(w, [1, 2], [1, 10])
    >>> w
    array([[ 1., 10.],
           [ 2., 20.]])
    """
    fault = native.scale(w, rows, cols)
    if fault is not None:
        settle("scale", fault, _SCALE, ("w",), [w, rows, cols])


def ema(s: Writable, a: Value, alpha: float, *, of: Literal["value", "square"] = "value") -> None:
    """Exponential moving average, ``s ← α a + (1 − α) s``.

    Parameters
    ----------
    s : array [n]
        The average, written. It starts at zero by convention, without a correction of the bias.
    a : array [n] or [samples, n]
        New values; of a batch, the mean over its samples is one step.
    alpha : float
        0 to 1.
    of : "value" or "square"
        Average a or a².

    Raises
    ------
    TypeError, ValueError
        See the module; s is unchanged then.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> s = np.zeros(2)
    >>> hk.ema(s, [1, 3], 0.5)
    >>> s
    array([0.5, 1.5])
    >>> hk.ema(s, [[2, 2], [4, 2]], 1.0, of="square")
    >>> s
    array([10.,  4.])
    """
    code = _choice(of, ("value", "square"), "of", "ema")
    fault = native.ema(s, a, alpha, code)
    if fault is not None:
        settle("ema", fault, _EMA, ("s",), [s, a, alpha, code])


def gain_rule(
    w: Writable,
    post_gain: Value,
    pre_gain: Value,
    lr: float,
    *,
    bias: Writable | None = None,
    form: Literal["linear", "exp"] = "linear",
    limit: float | None = None,
) -> None:
    """Gain rule: weights grow by the presynaptic and shrink by the postsynaptic average gain.

    ``w_ij ← w_ij + η (σ_j² − σ_i²) w_ij`` ("linear"), or ``w_ij ← w_ij exp(η (σ_j² − σ_i²))`` ("exp"); a bias is a
    weight from a unit with σ = 0.

    Parameters
    ----------
    w : array [out, in]
        Weights, written.
    post_gain : array [out] or float
        σ_i, average gains of the postsynaptic units.
    pre_gain : array [in] or float
        σ_j, average gains of the presynaptic units.
    lr : float
        η ≥ 0.
    bias : array [out], optional
        Biases, written.
    form : "linear" or "exp"
    limit : float, optional
        > 0: the new weights are clipped to [−limit, limit]. Biases are not.

    Raises
    ------
    TypeError, ValueError
        See the module; w and bias are unchanged then.

    Notes
    -----
    The linear form is the rule of an unpublished note, exactly as written there. It has no balanced fixed point: iterated with a
    constant η it raises the balance deficit by orders of magnitude, and with derivative gains it overflows. Give a
    `limit`; to balance a network use `balance`, or `synaptic_balance` for recurrent weights. The exponential form with
    σ = 0 for input and output units preserves the function of a network whose hidden units are homogeneous of degree 1
    (without a limit).

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> w = np.ones((2, 2))
    >>> hk.gain_rule(w, [0, 1], [1, 2], 0.5)
    >>> w
    array([[1.5, 3. ],
           [1. , 2.5]])
    """
    code = _choice(form, ("linear", "exp"), "form", "gain_rule")
    if limit is None:
        bound: Any = 0.0
    elif isinstance(limit, (int, float)) and limit == 0:
        raise ArgumentValueError("gain_rule: limit is 0; a number > 0 is wanted, or None for no limit", "limit")
    else:
        bound = limit
    fault = native.gain_rule(w, post_gain, pre_gain, bias, lr, code, bound)
    if fault is not None:
        settle("gain_rule", fault, _GAIN, ("w", "bias"), [w, post_gain, pre_gain, bias, lr, code, bound])


def _choice(value: Any, choices: tuple[str, ...], name: str, function: str) -> int:
    if value not in choices:
        kind = ArgumentValueError if isinstance(value, str) else ArgumentTypeError
        raise kind(f"{function}: {name} is {value!r}; {' or '.join(map(repr, choices))} is wanted", name)
    return choices.index(value)
