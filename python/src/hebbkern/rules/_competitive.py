"""Rules of competition between rows."""

from __future__ import annotations

from typing import Any, Literal, TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .._errors import ArgumentTypeError
from .._parameters import choice, count, real
from ._base import Normalize, Parameters, Reduction, Rule

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .._compose import Composition
    from ..schedules import Schedule

_SCORES = ("dot", "euclid")


class Instar(Rule):
    """The instar, competitive learning with a y of the caller's, ``Δw_ij = η y_i (x_j − w_ij)`` (Grossberg, Biol.
    Cybern. 23, 1976).

    With y ≥ 0 a row tends to Σyx/Σy, the mean of the inputs weighted by its activity. With the winner's y alone it is `WTA`.

    Other libraries: MATLAB's learnis is this rule; Lagani's HebbianLearning (hebb.py, REC_QNT) takes the mean of a batch, or
    the mean weighted by |y| (RED_W_AVG).

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
    """Winner-take-all, competitive learning (Grossberg, Biol. Cybern. 23, 1976; Rumelhart & Zipser, Cogn. Sci. 9, 1985):
    the instar with y = 1 for the k rows of the highest score and 0 for the others.

    The winners move towards x, ``Δw_ij = η (x_j − w_ij)``; the other rows are not touched. Of equal scores the lowest
    index wins. ``update`` computes y and takes none.

    Other libraries: Lagani's HebbianLearning (functional.py, kwta; hebb.py) averages a batch and lets all rows win that
    equal the k-th, k or more; it may compare by cosines, whose winner is the nearest of normalised rows. ngc-learn
    (vectorQuantizeSynapse.py) normalises x, and without a decay of its own its winner grows by x instead of moving to it.

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

    def __init__(
        self, lr: float | Schedule, k: int = 1, score: Literal["dot", "euclid"] = "dot", **composition: Unpack[Composition]
    ) -> None:
        super().__init__(lr, **composition)
        self.k, self.score = k, score
        self._parameters(type(self).__name__)

    def _parameters(self, function: str) -> Parameters:
        return Parameters(k=count(function, "k", self.k, most=2**31), score=choice(function, "score", self.score, _SCORES))


class SoftHebb(Rule):
    """SoftHebb, ``Δw_ij = η y_i (x_j − u_i w_ij)`` with u = Wx and ``y = softmax(u / temperature)`` (Moraitis,
    Toichkin, Journé, Chua & Guo, Neuromorph. Comput. Eng. 2, 044017, 2022; with `anti`: Journé, Garcia Rodriguez, Guo &
    Moraitis, ICLR 2023).

    ``update`` computes y and takes none.

    Other libraries: the authors' SoftHebb (hebblinear.py) sums a batch and divides by the largest |Δw|, which here is
    ``reduction="sum", normalize="max"``; its t_invert, 12 by default, is 1/temperature; u may have a bias that learns, and
    the rate of a row may follow its distance from norm 1: η·| |w_i| − 1 |^power.

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

    def __init__(
        self, lr: float | Schedule, temperature: float = 1.0, anti: bool = False, **composition: Unpack[Composition]
    ) -> None:
        super().__init__(lr, **composition)
        self.temperature, self.anti = temperature, anti
        self._parameters(type(self).__name__)

    def _parameters(self, function: str) -> Parameters:
        if not isinstance(self.anti, (bool, np.bool_)):
            raise ArgumentTypeError(f"{function}: anti is {self.anti!r}; True or False is wanted", "anti")
        return Parameters(temperature=real(function, "temperature", self.temperature, above=0), anti=int(self.anti))


class KrotovHopfield(Rule):
    """The competitive rule of Krotov & Hopfield (PNAS 116, 2019), in the form of their program: S is the right side of
    the paper's eq. 3, g that of its eqs. 9 and 10.

    For a batch X::

        I = X (sign(W)·|W|^(q−1))ᵀ
        g = 1 for the unit of the highest I of a sample, −Δ for the k-th of the ranking, 0 for the others
        S = Gᵀ X − (Σ_b g∘I)∘W
        W ← W + η S / max(max|S|, 1e-30)

    Of equal I the lower index ranks first. Σ_j |w_ij|^q of units that win tends to 1. ``update`` computes y, which is g,
    and takes none.

    The scaling by the largest |S| is a part of the rule; `normalize` adds nothing. It makes η the largest change of a
    weight, and the sum and the mean of a batch the same but for the floor. The default is the batch ("sum");
    "sequential" takes batches of one sample.

    Other libraries: the authors' notebook (Biological_Learning) and pytorch-hebbian (krotov.py) scale likewise, ties apart,
    which they leave to the sorting. SoftHebb (hebblinear.py, HebbHardKrotovLinear) has Δ = 0.05 by default and adds 1e-30
    to the largest |S| in place of a floor.

    Parameters
    ----------
    lr : float
        η ≥ 0. The authors let it fall to 0 over the epochs.
    q : float
        Above 1 (the paper's p, which has 2 and more; the rule works below, and at 1 the power 0 of a weight of 0 has no
        value).
    k : int
        The rank that unlearns, from 2 to the rows of w.
    delta : float
        Δ ≥ 0.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> w = np.array([[1.0, 0.0], [0.0, 0.5]])
    >>> hk.rules.KrotovHopfield(lr=0.2, delta=0.5).update(w, [[1.0, 1.0]])
    array([[ 1. , -0.5]])
    >>> w
    array([[ 1.   ,  0.2  ],
           [-0.1  ,  0.425]])
    """

    _code = 15
    q: float
    k: int
    delta: float

    def __init__(
        self, lr: float | Schedule, q: float = 2.0, k: int = 2, delta: float = 0.4, **composition: Unpack[Composition]
    ) -> None:
        super().__init__(lr, **composition)
        self.q, self.k, self.delta = q, k, delta
        self._parameters(type(self).__name__)

    def update(
        self,
        w: Any,
        x: Any,
        y: Any = None,
        *,
        reduction: Reduction = "sum",
        block: int | None = None,
        normalize: Normalize = None,
    ) -> npt.NDArray[Any]:
        return super().update(w, x, y, reduction=reduction, block=block, normalize=normalize)

    update.__doc__ = Rule.update.__doc__

    def _parameters(self, function: str) -> Parameters:
        return Parameters(
            q=real(function, "q", self.q, above=1),
            k=count(function, "k", self.k, most=2**31),
            delta=real(function, "delta", self.delta),
        )
