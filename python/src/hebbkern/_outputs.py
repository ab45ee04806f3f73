"""The balanced ReLU, and how equally the units of a layer take part."""

from __future__ import annotations

import ctypes
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from . import _header
from ._array import as_array, checked, describe, run, settle
from ._errors import ArgumentValueError
from ._lib import native
from ._parameters import choice, real
from ._units import around_all
from .kernels import scale as scale_kernel

MODES = ("constant", "mean", "zero_sum", "ratio", "batch")
Mode = Literal["constant", "mean", "zero_sum", "ratio", "batch"]

_RELU = ("x", "out", "mode", "strength")


def balanced_relu(x: Any, mode: Mode = "zero_sum", *, strength: float = 1.0, out: Any = None) -> npt.NDArray[Any]:
    """Balanced ReLU: ``y = x`` where x > 0, else ``−κ · penalty``.

    With x the activities after ReLU of the n units of a layer for one sample, n₊ of them above 0, n₀ not, and μ their
    mean, the penalty is

    - "constant": 1
    - "mean": μ
    - "zero_sum": μ n/n₀, so that (with κ = 1) the outputs of a sample sum to zero
    - "ratio": μ n₀/n₊
    - "batch": mean(x) B/n₊ with x the whole batch of B samples and n₊ its entries above 0

    A sample without a silent unit is left as it is; one without an active unit has the penalty 0 ("constant" excepted;
    "batch": only if nothing in the batch is active).

    Parameters
    ----------
    x : array [n] or [samples, n]
        Float32 or float64; inputs of the ReLU, or activities after it.
    mode : str
    strength : float
        κ ≥ 0.
    out : array like x, optional
        Written, and returned as a NumPy array; by default a new one.

    Returns
    -------
    array like x

    Raises
    ------
    TypeError, ValueError
        A bad argument; `out` is unchanged then.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> hk.stamina.balanced_relu(np.array([3.0, -1.0, 1.0, 0.0]))
    array([ 3., -2.,  1., -2.])
    >>> hk.stamina.balanced_relu(np.array([3.0, -1.0, 1.0, 0.0]), mode="mean", strength=0.5)
    array([ 3. , -0.5,  1. , -0.5])
    """
    x = as_array(x, "x", "balanced_relu")
    code = choice("balanced_relu", "mode", mode, MODES)
    kappa = real("balanced_relu", "strength", strength)
    y = np.empty(x.shape, x.dtype) if out is None else as_array(out, "out", "balanced_relu", written=True)
    fault = native.balanced_relu(x, y, code, kappa)
    if fault is not None:
        settle("balanced_relu", fault, _RELU, ("out",), [x, y, code, kappa])
    return y


def entropy(mean: Any) -> float:
    """Entropy of the mean outputs of a layer, ``−Σ p_i ln p_i`` with ``p_i = m_i/Σ m``: how equally its units take part.

    It is ln n at most, where all means are equal, and 0 if no unit, or one only, gives anything.

    Parameters
    ----------
    mean : array [n]
        Mean outputs of the units, not negative (as after a ReLU).

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> round(hk.stamina.entropy(np.array([1.0, 1.0, 1.0, 0.0])), 6)  # ln 3
    1.098612
    """
    m = checked(mean, "mean", "entropy", ndim=1)
    found = ctypes.c_double()
    run("spread", _header.SpreadArgs(describe(m), _header.Array(), 0.0, ctypes.pointer(found)), "entropy")
    return found.value


def equalize(mean: Any, weights: Any, bias: Any = None, out: Any = None, *, tail: float = 2.0) -> npt.NDArray[Any]:
    """Pull the mean outputs of ReLU units together without a change of what the network computes.

    Units far in the right tail, whose mean is more than `tail` times that of the units that give anything, are scaled
    down to that edge: incoming weights and bias × λ, outgoing weights ÷ λ. Units in the left tail are left alone: they
    die when their stamina is used up.

    Parameters
    ----------
    mean : array [n]
        Mean outputs of the units, not negative.
    weights : array [n, n_in]
        Written in place, as the next two.
    bias : array [n], optional
        Leave it out only if the units have none.
    out : array [n_next, n]
        Weights out of the units.
    tail : float
        At least 1.

    Returns
    -------
    array [n]
        λ of each unit.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> w, out = np.ones((3, 1)), np.ones((1, 3))
    >>> hk.stamina.equalize(np.array([1.0, 1.0, 10.0]), w, out=out, tail=2)
    array([1. , 1. , 0.8])
    >>> w.ravel() * out.ravel()
    array([1., 1., 1.])
    """
    function = "equalize"
    m = checked(mean, "mean", function, ndim=1)
    if out is None:
        raise ArgumentValueError(f"{function}: out is None; the weights out of the units are wanted, or the function changes", "out")
    main, _ = around_all(function, len(m), m.dtype, (weights, bias, out), ())
    if main.weights is None:
        raise ArgumentValueError(f"{function}: weights is None; the weights into the units are wanted", "weights")
    if any(np.shares_memory(m, a) for a in main.tuple() if a is not None):
        raise ArgumentValueError(f"{function}: mean shares elements with an array that is written; pass mean.copy()", "mean")
    factor, found = np.empty_like(m), ctypes.c_double()
    bound = real(function, "tail", tail)
    run("spread", _header.SpreadArgs(describe(m), describe(factor), bound, ctypes.pointer(found)), function)
    scale_kernel(main.weights, factor)
    if main.bias is not None:
        scale_kernel(main.bias[np.newaxis], None, factor)
    scale_kernel(main.out, None, np.reciprocal(factor))
    return factor
