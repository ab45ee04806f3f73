"""Hebbian learning rules (maths.md, section 1).

A rule holds its parameters; the weights are the caller's array and change in place:

>>> import numpy as np, hebbkern as hk
>>> rule = hk.rules.Oja(lr=0.1)
>>> w = np.array([[0.6, 0.8]])
>>> y = rule.update(w, [1.0, 0.0])
>>> y, w
(array([0.6]), array([[0.6384, 0.7712]]))

Every ``update`` takes one sample or a batch, and three reductions:

``"sequential"``
    Sample after sample, each seeing the weights that the one before left: a batch has the bits of single calls.
``"sum"``, ``"mean"``
    All y from the weights before the batch, then one update by the sum or the mean of the samples' Δw. It acts on the
    whole Δw, so ``"sum"`` of a rule with decay decays by B times λ. SoftHebb, ngc-learn and BindsNET sum by default,
    Lagani and pytorch-hebbian average: mind it when learning rates are compared.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ._array import FLOATS, as_array, output, settle
from ._errors import ArgumentTypeError, ArgumentValueError, DivergenceError, Interrupted
from ._lib import native
from ._parameters import real
from ._spiking import STDP, TripletSTDP

_NAMES = ("w", "x", "y", "rule", "lr", "decay", "reduction", "normalize", "compute")
_REDUCTIONS = ("sequential", "sum", "mean")

Reduction = Literal["sequential", "sum", "mean"]


class Rule:
    """What the rules have in common; use one of its kinds."""

    _code: int
    lr: float

    def __init__(self, lr: float) -> None:
        self.lr = real(type(self).__name__, "lr", lr)

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({values})"

    def update(
        self,
        w: Any,
        x: Any,
        y: Any = None,
        *,
        reduction: Reduction = "sequential",
        block: None = None,
        normalize: Literal["max"] | None = None,
    ) -> npt.NDArray[Any]:
        """Learn from one sample or a batch.

        Parameters
        ----------
        w : array [out, in]
            Weights, written in place.
        x : array [in] or [samples, in]
            Presynaptic activity.
        y : array [out] or [samples, out], optional
            Postsynaptic activity. None: ``y = w x``, computed inside.
        reduction : "sequential", "sum" or "mean"
            See the module.
        block : None
            One sample at a time. The blocked form is not available in this version.
        normalize : "max", optional
            After the reduction, Δw is scaled to a largest change of η: ``η Δw / max(max|Δw|, 1e-30)``.

        Returns
        -------
        array [out] or [samples, out]
            y, as given or computed.

        Raises
        ------
        TypeError, ValueError
            A bad argument; w is unchanged then.
        DivergenceError
            y or the weights left the finite numbers at the sample named; `done` samples are in w.
        Interrupted
            Ctrl-C (a KeyboardInterrupt) between two samples; `done` samples are in w. "sum" and "mean" are one update
            and come to their end first.
        """
        label = f"{type(self).__name__}.update"
        if block is not None:
            raise ArgumentValueError(
                f"{label}: block is {block!r}; only None, one sample at a time, is available in this version", "block"
            )
        if reduction not in _REDUCTIONS:
            kind = ArgumentValueError if isinstance(reduction, str) else ArgumentTypeError
            raise kind(f"{label}: reduction is {reduction!r}; one of {', '.join(_REDUCTIONS)} is wanted", "reduction")
        if normalize not in (None, "max"):
            kind = ArgumentValueError if isinstance(normalize, str) else ArgumentTypeError
            raise kind(f"{label}: normalize is {normalize!r}; 'max' or None is wanted", "normalize")
        w = as_array(w, "w", label, written=True)
        compute = int(y is None)
        if not isinstance(x, np.ndarray):
            x = _read(x, "x", label, w)
        out: npt.NDArray[Any]
        if y is None:
            out = output(w, 0, x.shape[:1] if x.ndim == 2 else ())
        else:
            out = y if isinstance(y, np.ndarray) else _read(y, "y", label, w)
        args = [
            w,
            x,
            out,
            self._code,
            self.lr,
            self._decay(),
            _REDUCTIONS.index(reduction),
            int(normalize == "max"),
            compute,
        ]
        if x.ndim == 1:
            fault = native.learn(*args)
            if fault is not None:
                settle("learn", fault, _NAMES, ("w",), args, label)
            return out
        counter = np.zeros(1, np.int64)
        try:
            fault = native.learn(*args, counter)
        except KeyboardInterrupt:
            done = int(counter[0]) if reduction == "sequential" else len(x)
            raise Interrupted(f"{label}: stopped after {done} of {len(x)} samples, which w holds", done) from None
        if fault is not None:
            try:
                settle("learn", fault, _NAMES, ("w",), args, label)
            except DivergenceError as error:
                error.done = int(counter[0])
                raise
        return out

    def _decay(self) -> float:
        return 0.0


def _read(value: Any, name: str, label: str, w: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """An input that is no NumPy array as one; numbers in lists become w's type."""
    array = as_array(value, name, label)
    if not hasattr(value, "__dlpack__") and isinstance(value, (list, tuple)) and w.dtype in FLOATS:
        array = array.astype(w.dtype)
    return array


class Hebb(Rule):
    """Plain Hebbian learning, ``Δw_ij = η y_i x_j`` (Hebb 1949). The weights grow without bound.

    Parameters
    ----------
    lr : float
        η ≥ 0.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> w = np.zeros((2, 3))
    >>> hk.rules.Hebb(lr=0.5).update(w, [1, 2, 3], y=[1, 2])
    array([1., 2.])
    >>> w
    array([[0.5, 1. , 1.5],
           [1. , 2. , 3. ]])
    """

    _code = 0


class Decay(Rule):
    """Hebbian learning with decay, ``Δw_ij = η y_i x_j − λ w_ij``.

    λ is per update and not multiplied by η. The weights stay bounded if y is, or for y = Wx if λ > η λ_max(E[xxᵀ]).

    Parameters
    ----------
    lr : float
        η ≥ 0.
    decay : float
        λ ≥ 0.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> w = np.ones((1, 2))
    >>> y = hk.rules.Decay(lr=1, decay=0.5).update(w, [1, 2], y=[1])
    >>> w
    array([[1.5, 2.5]])
    """

    _code = 1
    decay: float

    def __init__(self, lr: float, decay: float) -> None:
        super().__init__(lr)
        self.decay = real(type(self).__name__, "decay", decay)

    def _decay(self) -> float:
        return self.decay


class Oja(Rule):
    """Oja's rule, ``Δw_ij = η y_i (x_j − y_i w_ij)`` (Oja 1982).

    A row converges to ± the first principal component of x with norm 1: to any precision with the "mean" of fixed data
    or η → 0, only near it online with a constant η.

    Parameters
    ----------
    lr : float
        η ≥ 0.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> random = np.random.default_rng(0)
    >>> x = random.standard_normal((2000, 3)) * [3, 1, 0.5]
    >>> w = np.full((1, 3), 0.5)
    >>> rule = hk.rules.Oja(lr=0.01)
    >>> for _ in range(200):
    ...     y = rule.update(w, x, reduction="mean")
    >>> bool(abs(abs(w[0, 0]) - 1) < 1e-2), round(float(np.linalg.norm(w)), 6)
    (True, 1.0)
    """

    _code = 2


class Sanger(Rule):
    """Sanger's rule, the generalised Hebbian algorithm, ``Δw_ij = η y_i (x_j − Σ_{k≤i} y_k w_kj)`` (Sanger 1989).

    The rows converge to the leading principal components in order, under the conditions of `Oja`.

    Parameters
    ----------
    lr : float
        η ≥ 0.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> w = np.array([[1.0, 0.0], [0.0, 1.0]])
    >>> hk.rules.Sanger(lr=0.5).update(w, [2.0, 1.0])
    array([2., 1.])
    >>> w
    array([[1., 1.],
           [0., 1.]])
    """

    _code = 3
