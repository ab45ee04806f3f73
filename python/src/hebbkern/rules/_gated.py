"""Rules without state whose terms are gated, signed or scaled."""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .._errors import ArgumentTypeError, ArgumentValueError
from .._parameters import finite
from ._base import Normalize, Parameters, Reduction, Rule, units

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .._compose import Composition
    from ..schedules import Schedule


class Outstar(Rule):
    """The outstar, ``Δw_ij = η x_j (y_i − w_ij)`` (Grossberg, Biol. Cybern. 23, 1976).

    The mirror of `Instar`: with x ≥ 0 a column tends to Σxy/Σx, the mean of the outputs weighted by the activity of its
    own unit. It decays columns, so it does not run in blocks.

    Other libraries: MATLAB's learnos is this rule, ``dw = lr*(a-w)*p'``, and cites Grossberg 1982.

    Parameters
    ----------
    lr : float
        η ≥ 0.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> w = np.zeros((2, 2))
    >>> y = hk.rules.Outstar(lr=0.5).update(w, [1.0, 0.5], y=[2.0, 4.0])
    >>> w
    array([[1. , 0.5],
           [2. , 1. ]])
    """

    _code = 7


class PreGated(Rule):
    """Presynaptically gated Hebbian learning, ``Δw_ij = η x_j (y_i − θ_i)`` (Gerstner & Kistler, Biol. Cybern. 87, 2002:
    two terms of their eq. 3).

    Only synapses of active inputs change: they grow where the output is above its threshold and shrink below it. θ is
    fixed; `BCM` and `Covariance` have thresholds that move.

    Other libraries: ngc-learn (gerstnerHebbianSynapse.py) has it as ``c2_corr`` = 1, ``c1_pre`` = −θ, with one θ for all
    units, and averages a batch. "Gated" elsewhere also means `Outstar`, whose threshold is the weight.

    Parameters
    ----------
    lr : float
        η ≥ 0.
    theta : float or array [out]
        θ.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> w = np.zeros((2, 2))
    >>> y = hk.rules.PreGated(lr=0.5, theta=1.0).update(w, [1.0, 0.0], y=[3.0, 0.0])
    >>> w
    array([[ 1. ,  0. ],
           [-0.5,  0. ]])
    """

    _code = 8
    _gate = "theta"

    def __init__(self, lr: float | Schedule, theta: Any, **composition: Unpack[Composition]) -> None:
        super().__init__(lr, **composition)
        self.theta = units("PreGated", "theta", theta)


class PostGated(Rule):
    """Postsynaptically gated Hebbian learning, ``Δw_ij = η y_i (x_j − θ_j)`` (Gerstner & Kistler, Biol. Cybern. 87,
    2002: two terms of their eq. 3).

    Only synapses onto active outputs change: they grow where the input is above its threshold and shrink below it.

    Other libraries: ngc-learn (gerstnerHebbianSynapse.py) has it as ``c2_corr`` = 1, ``c1_post`` = −θ, with one θ for all
    units, and averages a batch. "Gated" elsewhere also means `Instar`, whose threshold is the weight.

    Parameters
    ----------
    lr : float
        η ≥ 0.
    theta : float or array [in]
        θ.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> w = np.zeros((2, 2))
    >>> y = hk.rules.PostGated(lr=0.5, theta=[1.0, 0.0]).update(w, [3.0, 1.0], y=[1.0, 0.0])
    >>> w
    array([[1. , 0.5],
           [0. , 0. ]])
    """

    _code = 9
    _gate = "theta"

    def __init__(self, lr: float | Schedule, theta: Any, **composition: Unpack[Composition]) -> None:
        super().__init__(lr, **composition)
        self.theta = units("PostGated", "theta", theta)


class AntiHebbian(Rule):
    """Anti-Hebbian learning, ``Δw_ij = −η y_i x_j`` (as feedback between units: Földiák, Biol. Cybern. 64, 1990).

    It makes outputs and inputs uncorrelated. As lateral inhibition its w is square and its diagonal 0; `Foldiak` has the
    whole network with such weights.

    Other libraries: here the sign is the rule's and η ≥ 0. ngc-learn has it as ``c2_corr`` < 0 (gerstnerHebbianSynapse.py,
    mean of a batch) or as HebbianSynapse with sign_value = 1, its default, for its optimiser subtracts (sgd.py; sum).

    Parameters
    ----------
    lr : float
        η ≥ 0.
    zero_diagonal : bool
        w is square, and its diagonal does not learn: what is 0 there stays 0. Not with `block`.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> w = np.zeros((2, 2))
    >>> y = hk.rules.AntiHebbian(lr=0.5, zero_diagonal=True).update(w, [1.0, 2.0], y=[1.0, 2.0])
    >>> w
    array([[ 0., -1.],
           [-1.,  0.]])
    """

    _code = 13
    zero_diagonal: bool

    def __init__(self, lr: float | Schedule, zero_diagonal: bool = False, **composition: Unpack[Composition]) -> None:
        super().__init__(lr, **composition)
        self.zero_diagonal = zero_diagonal
        self._parameters("AntiHebbian")

    def _parameters(self, function: str) -> Parameters:
        if not isinstance(self.zero_diagonal, (bool, np.bool_)):
            raise ArgumentTypeError(
                f"{function}: zero_diagonal is {self.zero_diagonal!r}; True or False is wanted", "zero_diagonal"
            )
        return Parameters(zero_diagonal=int(self.zero_diagonal))


class ABCD(Rule):
    """The general rule of first order, ``Δw_ij = η (A x_j y_i + B x_j + C y_i + D)`` (Soltoggio, Bullinaria, Mattiussi,
    Dürr & Floreano, Artificial Life XI, 2008).

    Found in work that evolves plasticity rules, with coefficients of the caller's. B and D change weights of silent
    outputs too, C and D those of silent inputs.

    Other libraries: Bain (SoltoggioModulatorySynapseCollection.java) multiplies by the modulatory activity of the
    postsynaptic unit, after that paper, and clips the weights; ngc-learn (gerstnerHebbianSynapse.py) has a term c₀w in
    place of D, and averages a batch.

    Parameters
    ----------
    lr : float
        η ≥ 0.
    a, b, c, d : float
        A, B, C, D, of either sign.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> w = np.zeros((1, 2))
    >>> y = hk.rules.ABCD(lr=1, a=1, b=-0.5, c=0.25, d=0.125).update(w, [1.0, 0.0], y=[2.0])
    >>> w
    array([[2.125, 0.625]])
    """

    _code = 14
    a: float
    b: float
    c: float
    d: float

    def __init__(
        self, lr: float | Schedule, a: float = 1.0, b: float = 0.0, c: float = 0.0, d: float = 0.0, **composition: Unpack[Composition]
    ) -> None:
        super().__init__(lr, **composition)
        self.a, self.b, self.c, self.d = a, b, c, d
        self._parameters("ABCD")

    def _parameters(self, function: str) -> Parameters:
        a, b, c, d = (finite(function, name, getattr(self, name)) for name in "abcd")
        return Parameters(a=a, b=b, c=c, d=d)


class Voja(Rule):
    """Encoders that move towards the inputs of active units, ``Δe_ij = η y_i (s_i x_j − e_ij)`` (Voelker, Crawford &
    Eliasmith, Learning large-scale heteroassociative memories in spiking neurons, 2014; Nengo's Voja).

    w holds the encoders e [units, dimensions], x the decoded input, y the activities. With s = 1 it is `Instar`.

    Other libraries: Nengo (builder/learning_rules.py, SimVoja) multiplies its rate by dt and by a learning signal, 1 if
    none is connected, and takes y through a low-pass filter (post_tau); here η is per sample and y as given.

    Parameters
    ----------
    lr : float
        η ≥ 0.
    scale : float or array [out]
        s, what scaled encoders have beside unit length: gain / radius in Nengo.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> e = np.array([[1.0, 0.0], [0.0, 1.0]])
    >>> y = hk.rules.Voja(lr=0.5, scale=2.0).update(e, [0.0, 1.0], y=[1.0, 0.0])
    >>> e
    array([[0.5, 1. ],
           [0. , 1. ]])
    """

    _code = 16
    _gate = "scale"

    def __init__(self, lr: float | Schedule, scale: Any = 1.0, **composition: Unpack[Composition]) -> None:
        super().__init__(lr, **composition)
        self.scale = units("Voja", "scale", scale)


class PES(Rule):
    """Decoders that learn from an error, ``Δd_kj = −(η/n) e_k a_j`` (MacNeil & Eliasmith, PLoS ONE 6, e22885, 2011;
    Nengo's PES).

    w holds the decoders d [dimensions, n], x the activities a of the n units. In the place of y stands the error
    e = actual − wanted, which is always given. Mind its sign: with the opposite one errors grow. For one and the same a an
    update multiplies the error by 1 − η|a|²/n.

    Other libraries: Nengo (builder/learning_rules.py) has the same sign and the same n, multiplies its rate by dt, and
    takes a through a low-pass filter (pre_tau); with full weights it applies the encoders to the error.

    Parameters
    ----------
    lr : float
        η ≥ 0.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> d, a, wanted = np.zeros((1, 2)), np.array([1.0, 1.0]), np.array([4.0])
    >>> for _ in range(3):
    ...     error = hk.rules.PES(lr=0.5).update(d, a, d @ a - wanted)
    ...     print(error)
    [-4.]
    [-2.]
    [-1.]
    """

    _code = 17

    def update(
        self,
        w: Any,
        x: Any,
        y: Any = None,
        *,
        reduction: Reduction = "sequential",
        block: int | None = None,
        normalize: Normalize = None,
    ) -> npt.NDArray[Any]:
        if y is None:
            raise ArgumentValueError("PES.update: y is None; the error is wanted, which the rule does not compute", "y")
        return super().update(w, x, y, reduction=reduction, block=block, normalize=normalize)

    update.__doc__ = Rule.update.__doc__
