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

A sequence may run in blocks (``block=``): equal in real arithmetic to one sample at a time, at the speed of matrix
products. Within a block of B samples, W = A W₀ + C X, where A acts on rows; so the y of each sample follows from
V = W₀ Xᵀ and K = X Xᵀ, and W is read and written once a block. Blocks of 16 to 32 are good for few rows, of 64 to 256
for large W; for `Sanger` of 256 to 1024.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from ._array import FLOATS, as_array, output, settle
from ._errors import ArgumentTypeError, ArgumentValueError, DivergenceError, Interrupted
from ._lib import native
from ._parameters import choice, count, real
from ._spiking import STDP as STDP
from ._spiking import TripletSTDP as TripletSTDP

_NAMES = (
    *("w", "x", "y", "rule", "lr", "decay", "reduction", "normalize", "compute"),
    *("block", "k", "score", "temperature", "anti"),
)
_REDUCTIONS = ("sequential", "sum", "mean")
_SCORES = ("dot", "euclid")
_MAX_BLOCK = 4096

Reduction = Literal["sequential", "sum", "mean"]


class _Parameters(NamedTuple):
    """What rules have beside lr."""

    decay: float = 0.0
    k: int = 0
    score: int = 0
    temperature: float = 0.0
    anti: int = 0


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
        block: int | None = None,
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
            Postsynaptic activity. None: computed inside, ``y = w x`` or what the rule makes of it. `WTA` and `SoftHebb`
            take none.
        reduction : "sequential", "sum" or "mean"
            See the module.
        block : int, optional
            Samples that are worked on together, 1 to 4096: see the module. The result is that of one sample at a time
            but for rounding (`WTA`: bit for bit), and for a given block the same bits everywhere. It needs memory
            for ``3 block (out + block)`` numbers or so; `Sanger` for two copies of w and ``2 out²``, `WTA` for a copy of
            the rows that win. It does not go with "sum", "mean" or `normalize`. None: one sample at a time.
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
            Ctrl-C (a KeyboardInterrupt) between two samples, or two blocks; `done` samples are in w. "sum" and "mean"
            are one update and come to their end first.
        """
        label = f"{type(self).__name__}.update"
        size = 0 if block is None else count(label, "block", block, most=_MAX_BLOCK)
        how = choice(label, "reduction", reduction, _REDUCTIONS)
        if normalize not in (None, "max"):
            kind = ArgumentValueError if isinstance(normalize, str) else ArgumentTypeError
            raise kind(f"{label}: normalize is {normalize!r}; 'max' or None is wanted", "normalize")
        parameters = self._parameters(label)
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
            parameters.decay,
            how,
            int(normalize == "max"),
            compute,
            size,
            parameters.k,
            parameters.score,
            parameters.temperature,
            parameters.anti,
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

    def _parameters(self, function: str) -> _Parameters:
        return _Parameters()


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

    def _parameters(self, function: str) -> _Parameters:
        return _Parameters(decay=self.decay)


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


class Instar(Rule):
    """The instar, competitive learning with a y of the caller's, ``Δw_ij = η y_i (x_j − w_ij)`` (Grossberg 1976).

    With y ≥ 0 a row tends to Σyx/Σy, the mean of the inputs weighted by its activity.

    Parameters
    ----------
    lr : float
        η ≥ 0.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> w = np.zeros((2, 2))
    >>> y = hk.rules.Instar(lr=0.5).update(w, [2.0, 4.0], y=[1.0, 0.5])
    >>> w
    array([[1. , 2. ],
           [0.5, 1. ]])
    """

    _code = 4


class WTA(Rule):
    """Winner-take-all: the instar with y = 1 for the k rows of the highest score and 0 for the others.

    The winners move towards x, ``Δw_ij = η (x_j − w_ij)``; the other rows are not touched. Of equal scores the lowest
    index wins. ``update`` computes y and takes none.

    Parameters
    ----------
    lr : float
        η ≥ 0.
    k : int
        Winners, from 1 to the rows of w.
    score : "dot" or "euclid"
        ``w_i·x``, or ``w_i·x − |w_i|²/2``, whose winner is the row nearest to x. The dot product's winner is that
        only if rows and inputs are normalised. With "euclid" and k = 1 this is online k-means.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> w = np.array([[3.0, 0.0], [1.0, 1.0]])
    >>> hk.rules.WTA(lr=0.5, score="euclid").update(w, [1.0, 2.0])
    array([0., 1.])
    >>> w
    array([[3. , 0. ],
           [1. , 1.5]])
    >>> hk.rules.WTA(lr=0.5).update(w, [1.0, 0.0])
    array([1., 0.])
    """

    _code = 5
    k: int
    score: str

    def __init__(self, lr: float, k: int = 1, score: Literal["dot", "euclid"] = "dot") -> None:
        super().__init__(lr)
        self.k, self.score = k, score
        self._parameters(type(self).__name__)

    def _parameters(self, function: str) -> _Parameters:
        return _Parameters(k=count(function, "k", self.k, most=2**31), score=choice(function, "score", self.score, _SCORES))


class SoftHebb(Rule):
    """SoftHebb, ``Δw_ij = η y_i (x_j − u_i w_ij)`` with u = Wx and ``y = softmax(u / temperature)`` (Moraitis,
    Toichkin, Journé, Chua & Guo 2022).

    ``update`` computes y and takes none.

    Parameters
    ----------
    lr : float
        η ≥ 0.
    temperature : float
        Above 0; the smaller, the nearer to winner-take-all.
    anti : bool
        Anti-Hebbian for all but the winner, the lowest index of the highest u: their y are negated. It is this y
        that ``update`` returns.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> w = np.array([[1.0, 0.0], [0.0, 1.0]])
    >>> y = hk.rules.SoftHebb(lr=0.5, temperature=0.5, anti=True).update(w, [1.0, 0.5])
    >>> np.round(y, 3), np.round(w, 3)
    (array([ 0.731, -0.269]), array([[ 1.   ,  0.183],
           [-0.134,  1.   ]]))
    """

    _code = 6
    temperature: float
    anti: bool

    def __init__(self, lr: float, temperature: float = 1.0, anti: bool = False) -> None:
        super().__init__(lr)
        self.temperature, self.anti = temperature, anti
        self._parameters(type(self).__name__)

    def _parameters(self, function: str) -> _Parameters:
        if not isinstance(self.anti, (bool, np.bool_)):
            raise ArgumentTypeError(f"{function}: anti is {self.anti!r}; True or False is wanted", "anti")
        return _Parameters(temperature=real(function, "temperature", self.temperature, above=0), anti=int(self.anti))
