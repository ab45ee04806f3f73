"""Rules with state by unit: moving averages, and the activity of the step before."""

from __future__ import annotations

import math
from typing import Any, Literal, TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .._errors import ArgumentTypeError
from .._parameters import choice, real
from ..kernels import power_sums
from ._base import Parameters, Rule, Stateful

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .._compose import Composition
    from ..schedules import Schedule

_FORMS = ("intrator", "law", "1982")


def _power(x: float, p: float) -> float:
    """x^p by the library, the same everywhere."""
    return float(power_sums(np.array([[x]]), p)[0])


class Covariance(Stateful, Rule):
    """The covariance rule, ``Δw_ij = η (y_i − ⟨y_i⟩)(x_j − ⟨x_j⟩)`` (Sejnowski, J. Math. Biol. 4, 1977).

    The averages are those before the sample, moved by α after it, ``⟨x⟩ ← α x + (1 − α) ⟨x⟩``, and start at 0. For samples
    that do not depend on each other the expectation of Δw is η·covariance·(1 + α/(2 − α)): the average before the sample
    has a variance of its own.

    Other libraries: feedbax (hebb_covariance_rule) takes the same kind of averages over time, for recurrent weights whose
    diagonal does not learn, and the mean over samples and steps; in ngc-learn (gerstnerHebbianSynapse.py) the averages
    are fixed coefficients, and a batch is averaged.

    Parameters
    ----------
    lr : float
        η ≥ 0.
    alpha : float
        α, from 0 to 1.
    n : (out, in), optional
        Makes the averages at once, for weights of this shape, in `dtype`. None: at the first `update`.

    Attributes
    ----------
    x_mean, y_mean : array [in], array [out]
        The averages, in the type of w: None before the first `update`. `reset` forgets them.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> rule, w = hk.rules.Covariance(lr=1.0, alpha=0.5), np.zeros((1, 1))
    >>> y = rule.update(w, [[1.0], [2.0]], y=[[1.0], [3.0]])
    >>> w, rule.x_mean, rule.y_mean  # 1·1 + (2 − 0.5)(3 − 0.5)
    (array([[4.75]]), array([1.25]), array([1.75]))
    """

    _code = 10
    _pre, _post = "x_mean", "y_mean"
    _state = ("x_mean", "y_mean")
    alpha: float
    x_mean: npt.NDArray[Any] | None
    y_mean: npt.NDArray[Any] | None

    def __init__(
        self,
        lr: float | Schedule,
        alpha: float = 0.01,
        *,
        n: tuple[int, int] | None = None,
        dtype: npt.DTypeLike = np.float32,
        **composition: Unpack[Composition],
    ) -> None:
        super().__init__(lr, **composition)
        self.alpha = alpha
        self._parameters("Covariance")
        self._begin(n, dtype)

    def _shape(self, name: str, out: int, n_in: int) -> tuple[int, ...]:
        return (n_in,) if name == "x_mean" else (out,)

    def _parameters(self, function: str) -> Parameters:
        return Parameters(alpha=real(function, "alpha", self.alpha, most=1))


class BCM(Stateful, Rule):
    """The rule of Bienenstock, Cooper & Munro (J. Neurosci. 2, 1982), whose threshold slides with the activity, so that
    units become selective.

    ========== ============================================== ==================================== ====================
    form       Δw_ij                                          θ_i                                  source
    ========== ============================================== ==================================== ====================
    "intrator" ``η y_i (y_i − θ_i) x_j − ε w_ij``             moving average of y_i²               Intrator & Cooper 1992
    "law"      ``η y_i (y_i − θ_i) x_j / θ_i − ε w_ij``       the same                             Law & Cooper 1994
    "1982"     ``η y_i (y_i − θ_i) x_j − ε w_ij``             ``|ȳ_i/c0|^power ȳ_i``               Bienenstock, Cooper &
                                                                                                   Munro 1982
    ========== ============================================== ==================================== ====================

    θ is that before the sample, and takes the sample afterwards with the factor α. The paper of 1982 fixes only the sign of
    its φ(y, θ), negative for 0 < y < θ and positive above; y (y − θ) is one that has it, and its average ȳ is of y, not of
    y². The threshold must move faster than the weights, or both oscillate: α well above η |x|² y². The other two are in
    Neural Networks 5, 1992, and PNAS 91, 1994.

    Other libraries: Nengo (builder/learning_rules.py) has the first Δw with θ the average of y, not of y², and multiplies
    by dt; ANNarchy (Synapses.py, IBCM) is "intrator" with dt and w ≥ 0; ngc-learn (BCMSynapse.py) is "law" with θ0 = −1 by
    default, sums a batch, gives θ its mean, and multiplies ε by η.

    Parameters
    ----------
    lr : float
        η ≥ 0.
    alpha : float
        α, from 0 to 1.
    theta0 : float
        θ of a new state, above 0 (with "1982", ȳ starts where θ is theta0).
    decay : float
        ε ≥ 0, per update and not multiplied by η.
    form : "intrator", "law" or "1982"
        See above.
    power, c0 : float
        Of "1982", above 0.
    n : (out, in), optional
        Makes the state at once, for weights of this shape, in `dtype`. None: at the first `update`.

    Attributes
    ----------
    theta : array [out]
        θ of "intrator" and "law", in the type of w: None before the first `update`. `reset` forgets it.
    y_mean : array [out]
        ȳ of "1982", likewise.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> w = np.array([[0.75, 0.5]])
    >>> rule = hk.rules.BCM(lr=0.001, alpha=0.01)
    >>> X = np.tile(np.eye(2), (20_000, 1))  # the two inputs in turn
    >>> y = rule.update(w, X)
    >>> np.round(w, 1), np.round(rule.theta, 1)  # one of them has won; θ is the mean of y²
    (array([[2., 0.]]), array([2.]))
    """

    _code = 11
    _state = ("theta", "y_mean")
    alpha: float
    theta0: float
    decay: float
    form: str
    power: float
    c0: float
    theta: npt.NDArray[Any] | None
    y_mean: npt.NDArray[Any] | None

    def __init__(
        self,
        lr: float | Schedule,
        alpha: float = 0.01,
        theta0: float = 1.0,
        decay: float = 0.0,
        *,
        form: Literal["intrator", "law", "1982"] = "intrator",
        power: float = 2.0,
        c0: float = 1.0,
        n: tuple[int, int] | None = None,
        dtype: npt.DTypeLike = np.float32,
        **composition: Unpack[Composition],
    ) -> None:
        super().__init__(lr, **composition)
        self.alpha, self.theta0, self.decay, self.form, self.power, self.c0 = alpha, theta0, decay, form, power, c0
        self._parameters("BCM")
        self._begin(n, dtype)

    @property
    def _post(self) -> str:  # type: ignore[override]
        return "y_mean" if self.form == "1982" else "theta"

    @property
    def _start(self) -> float:  # type: ignore[override]
        if self.form != "1982":
            return self.theta0
        return _power(self.theta0 * _power(self.c0, self.power), 1 / (1 + self.power))

    def _begin(self, n: tuple[int, int] | None, dtype: npt.DTypeLike) -> None:
        super()._begin(n, dtype)
        setattr(self, "theta" if self.form == "1982" else "y_mean", None)

    def _shape(self, name: str, out: int, n_in: int) -> tuple[int, ...]:
        return (out,)

    def _parameters(self, function: str) -> Parameters:
        real(function, "theta0", self.theta0, above=0)
        return Parameters(
            form=choice(function, "form", self.form, _FORMS),
            alpha=real(function, "alpha", self.alpha, most=1),
            decay=real(function, "decay", self.decay),
            power=real(function, "power", self.power, above=0),
            c0=real(function, "c0", self.c0, above=0),
        )


class DifferentialHebbian(Stateful, Rule):
    """Differential Hebbian learning, from changes in time.

    ``Δw_ij = η ẏ_i ẋ_j`` with `pre` (Kosko 1986), ``Δw_ij = η ẏ_i x_j`` without (Porr & Wörgötter, Neural Comput. 15,
    2003). ẏ and ẋ are first differences between steps, not divided by dt. The first step after a reset gives 0. Rows of a
    batch are steps in time, so "sum" and "mean" are refused. On constant activity nothing is learned; with `pre` False
    the weight of an input that comes before the output grows.

    Other libraries: feedbax (hebb_differential_rule) has the same differences on both sides and takes the mean over
    samples and steps; draculab (synapses.py, diff_hebb_subsnorm_synapse) has a fast minus a slow low-pass filter in their
    place, subtracts the mean over the inputs, and multiplies by the length of its step.

    Parameters
    ----------
    lr : float
        η ≥ 0.
    pre : bool
        x is differentiated, too.
    n : (out, in), optional
        Makes the state at once, for weights of this shape, in `dtype`. None: at the first `update`.

    Attributes
    ----------
    x_before, y_before : array [in], array [out]
        The activity of the step before, in the type of w: NaN where there was none, None before the first `update`.
        x_before is used with `pre` only. `reset` forgets them.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> rule, w = hk.rules.DifferentialHebbian(lr=1.0), np.zeros((1, 2))
    >>> y = rule.update(w, [[1, 0], [1, 1], [0, 1]], y=[[0], [1], [1]])
    >>> w, rule.y_before  # the output rose once, with both inputs on
    (array([[1., 1.]]), array([1.]))
    """

    _code = 12
    _start = math.nan
    _state = ("x_before", "y_before")
    _post = "y_before"
    pre: bool
    x_before: npt.NDArray[Any] | None
    y_before: npt.NDArray[Any] | None

    def __init__(
        self,
        lr: float | Schedule,
        pre: bool = False,
        *,
        n: tuple[int, int] | None = None,
        dtype: npt.DTypeLike = np.float32,
        **composition: Unpack[Composition],
    ) -> None:
        super().__init__(lr, **composition)
        self.pre = pre
        self._parameters("DifferentialHebbian")
        self._begin(n, dtype)

    @property
    def _pre(self) -> str | None:  # type: ignore[override]
        return "x_before" if self.pre else None

    def _begin(self, n: tuple[int, int] | None, dtype: npt.DTypeLike) -> None:
        super()._begin(n, dtype)
        if not self.pre:
            self.x_before = None

    def _shape(self, name: str, out: int, n_in: int) -> tuple[int, ...]:
        return (n_in,) if name == "x_before" else (out,)

    def _parameters(self, function: str) -> Parameters:
        if not isinstance(self.pre, (bool, np.bool_)):
            raise ArgumentTypeError(f"{function}: pre is {self.pre!r}; True or False is wanted", "pre")
        return Parameters(differentiate=int(self.pre))
