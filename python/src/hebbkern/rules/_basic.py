"""The rules of Hebb, Oja and Sanger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._parameters import real
from ._base import Parameters, Rule

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .._compose import Composition
    from ..schedules import Schedule


class Hebb(Rule):
    """Plain Hebbian learning, ``Δw_ij = η y_i x_j`` (Hebb, The Organization of Behavior, 1949).

    The weights grow without bound.

    Other libraries: ngc-learn (hebbianSynapse.py) sums a batch and multiplies by 1 − |w|, and its optimiser subtracts, so
    sign_value = −1 makes it Hebbian; BindsNET (learning.py) sums spikes times traces, with a rate for either side;
    pytorch-hebbian (hebb.py) averages; ANNarchy (Synapses.py) multiplies by dt and keeps w ≥ 0.

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
    """Hebbian learning with decay, ``Δw_ij = η y_i x_j − λ w_ij`` (Gerstner & Kistler, Biol. Cybern. 87, 2002: two terms of
    their eq. 3).

    λ is per update and not multiplied by η; the sum of a batch of B decays by Bλ. The weights stay bounded if y is, or
    for y = Wx if λ > η λ_max(E[xxᵀ]).

    Other libraries: ngc-learn (hebbianSynapse.py, prior "l2") multiplies λ by η and decays once a batch; BindsNET
    (learning.py, weight_decay) multiplies w by 1 − λ after the update, once a batch and for any of its rules.

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

    def __init__(self, lr: float | Schedule, decay: float, **composition: Unpack[Composition]) -> None:
        super().__init__(lr, **composition)
        self.decay = real(type(self).__name__, "decay", decay)

    def _parameters(self, function: str) -> Parameters:
        return Parameters(decay=self.decay)


class Oja(Rule):
    """Oja's rule, ``Δw_ij = η y_i (x_j − y_i w_ij)`` (Oja, J. Math. Biol. 15, 1982).

    A row converges to ± the first principal component of x with norm 1: to any precision with the "mean" of fixed data
    or η → 0, only near it online with a constant η. The y in the decay is that before the update.

    Other libraries: Nengo (builder/learning_rules.py) multiplies by dt, takes activities through a low-pass filter and has
    a factor β before the decay, which moves the norm to 1/√β, as α does in ANNarchy (Synapses.py), where w ≥ 0, too;
    pytorch-hebbian (oja.py) averages a batch, ngc-learn (ojaTensorSynapse.py) sums it.

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
    """Sanger's rule, the generalised Hebbian algorithm, ``Δw_ij = η y_i (x_j − Σ_{k≤i} y_k w_kj)`` (Sanger, Neural
    Networks 2, 1989).

    The rows converge to the leading principal components in order, under the conditions of `Oja`. The residual of row i takes
    out row i itself (k ≤ i; with k < i alone the norms would grow), by the rows before the update. Code that sums over all
    k has Oja's subspace rule instead, whose rows span the components but are not these.

    Other libraries: Lagani's HebbianLearning (hebb.py, REC_LIN_CMB) has the same residual, k ≤ i, averages it over samples
    and windows, and divides the update by the square root of the number of inputs.

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
