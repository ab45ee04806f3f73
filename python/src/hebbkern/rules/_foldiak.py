"""The network of Földiák."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .. import _compose
from .._compose import Composed
from .._errors import ArgumentTypeError, ArgumentValueError
from .._parameters import choice, count, finite, real
from ._base import REDUCTIONS, Learner, Reduction, Stateful, samples, weights

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .._compose import Composition
    from ..schedules import Schedule

_PARTS = "lateral_composition"
_NAMES = (
    ("w", "x", "y", "lateral", "threshold", *(_PARTS,) * 4),
    (
        *("lr", "lateral_lr", "threshold_lr", "p", "reduction", "compute", "slope", "steps", "step"),
        *(_PARTS,) * len(_compose.SCALAR_NAMES),
    ),
)


class Foldiak(Stateful, Learner):
    """Sparse codes by local anti-Hebbian learning (Földiák, Biol. Cybern. 64, 1990): the whole network of the paper.

    w are the Hebbian feedforward weights; lateral anti-Hebbian weights v and thresholds t are state of the rule. The
    answer y is the state, rounded to 0 or 1, into which::

        ẏ*_i = f(Σ_j w_ij x_j + Σ_k v_ik y*_k − t_i) − y*_i,    f(u) = 1 / (1 + exp(−λ u))

    settles from 0, here by `steps` steps of length `step`. Then::

        Δw_ij = η y_i (x_j − w_ij)
        Δv_ik = −α (y_i y_k − p²)  for i ≠ k,    v_ik ← min(v_ik, 0)
        Δt_i  = γ (y_i − p)

    So each unit comes to be active with probability p, and no two of them together more often than by chance.

    Other libraries: htmresearch (energy_based_models/foldiak.py) has the same updates and signs; its answer is a fixed
    point found from a random start and not the one reached from 0, t starts at p, and there are no batches.

    w is composed as that of the other rules (`Composition`), with the Δw above; the thresholds are the homeostasis. v has a
    composition of its own, in which v ≤ 0 is one more upper bound; ``row_lr`` multiplies α there, and a mask is one of
    inhibitory synapses.

    Parameters
    ----------
    lr, lateral_lr, threshold_lr : float
        η (the paper's β), α and γ ≥ 0. The paper first lets thresholds and lateral weights settle with lr = 0. lr may be a
        schedule.
    p : float
        How often a unit is to be active, between 0 and 1.
    slope : float
        λ > 0.
    steps, step : int, float
        Of settling: 1 or more, and above 0 and at most 1.
    threshold0 : float
        t of a new state. Lateral weights start at 0.
    lateral_composition : dict, optional
        The keywords of a `Composition` for v, [out, out]. It has no "sign", which is −1, no "bistable", whose upper state is 1,
        no lower bound above 0, and no subtractive normalisation, which takes weights past 0.
    n : (out, in), optional
        Makes the state at once, for weights of this shape, in `dtype`. None: at the first `update`.

    Attributes
    ----------
    lateral : array [out, out]
        v, in the type of w, its diagonal 0: None before the first `update`.
    threshold : array [out]
        t, likewise. `reset` forgets both.
    updates : int
        The number of the next update, where lr is a schedule.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> rule = hk.rules.Foldiak(lr=0.0, lateral_lr=0.5, threshold_lr=0.0, p=0.25)
    >>> w = np.ones((2, 1))
    >>> y = rule.update(w, [[1.0], [1.0]])
    >>> y.tolist(), float(rule.lateral[0, 1])  # two units that are active together come to inhibit each other
    ([[1.0, 1.0], [1.0, 1.0]], -0.9375)
    """

    _state = ("lateral", "threshold")
    _count = "updates"
    updates: int
    lateral: npt.NDArray[Any] | None
    threshold: npt.NDArray[Any] | None
    step: float  # type: ignore[assignment]

    def __init__(
        self,
        lr: float | Schedule = 0.02,
        lateral_lr: float = 0.1,
        threshold_lr: float = 0.02,
        p: float = 0.125,
        *,
        slope: float = 10.0,
        steps: int = 50,
        step: float = 0.2,
        threshold0: float = 0.0,
        lateral_composition: Composition | None = None,
        n: tuple[int, int] | None = None,
        dtype: npt.DTypeLike = np.float32,
        **composition: Unpack[Composition],
    ) -> None:
        label = "Foldiak"
        super().__init__(lr, **composition)
        self.lateral_lr = real(label, "lateral_lr", lateral_lr)
        self.threshold_lr = real(label, "threshold_lr", threshold_lr)
        self.p = real(label, "p", p, above=0, most=1)
        self.slope = real(label, "slope", slope, above=0)
        self.steps = count(label, "steps", steps, most=2**20)
        self.step = real(label, "step", step, above=0, most=1)
        self.threshold0 = finite(label, "threshold0", threshold0)
        self.lateral_composition = lateral_composition
        self._begin(n, dtype)

    @property
    def lateral_composition(self) -> Composition | None:
        return self._given

    @lateral_composition.setter
    def lateral_composition(self, value: Composition | None) -> None:
        if value is not None and not isinstance(value, dict):
            raise ArgumentTypeError(f"Foldiak: {_PARTS} is {value!r}; a dict of parts, or None, is wanted", _PARTS)
        parts = Lateral(**(value or {}))
        for name, why in (("sign", "that of lateral weights is -1"), ("bistable", "lateral weights do not come to its upper state 1")):
            if getattr(parts, name) is not None:
                raise ArgumentValueError(f"Foldiak: {_PARTS} has {name!r}, which has no meaning: {why}", _PARTS)
        if (norm := parts.normalize_weights) is not None and norm.how == "subtractive":
            raise ArgumentValueError(f"Foldiak: {_PARTS} has a subtractive norm; it takes lateral weights above 0, which they are not to be", _PARTS)
        if parts.bound is not None and parts.bound[0] is not None and np.greater(parts.bound[0], 0).any():
            raise ArgumentValueError(f"Foldiak: {_PARTS} has a lower bound above 0, which lateral weights do not pass", _PARTS)
        self._given, self._lateral = value, parts

    def _described(self) -> dict[str, str]:
        lateral = ", ".join(f"{name!r}: {value}" for name, value in self._lateral._described().items())
        return {**super()._described(), **({_PARTS: f"{{{lateral}}}"} if lateral else {})}

    def _shape(self, name: str, out: int, n_in: int) -> tuple[int, ...]:
        return (out, out) if name == "lateral" else (out,)

    def _begin(self, n: tuple[int, int] | None, dtype: npt.DTypeLike) -> None:
        super()._begin(n, dtype)
        if self.threshold is not None:
            self.threshold.fill(self.threshold0)

    def update(self, w: Any, x: Any, y: Any = None, *, reduction: Reduction = "sequential") -> npt.NDArray[Any]:
        """Learn from one sample or a batch.

        Parameters
        ----------
        w : array [out, in], or sparse
            Feedforward weights, written in place; sparse ones as for the other rules.
        x : array [in] or [samples, in]
            Inputs; the paper's are 0 and 1.
        y : array [out] or [samples, out], optional
            Outputs. None: the network's answers.
        reduction : "sequential", "sum" or "mean"
            As for the other rules: "sum" and "mean" are one update, all answers from the state before the batch; v is
            clipped once, and t takes the mean of its samples in either.

        Returns
        -------
        array [out] or [samples, out]
            y, as given or computed: 0 and 1.

        Raises
        ------
        TypeError, ValueError
            A bad argument; w and the state are unchanged then.
        DivergenceError
            x, y or the weights left the finite numbers at the sample named; `done` samples are in w and the state.
        Interrupted
            Ctrl-C between two samples; `done` samples are in w and the state.
        """
        label = "Foldiak.update"
        how = choice(label, "reduction", reduction, REDUCTIONS)
        w, sparse = weights(w, x, label)
        x, out = samples(label, w, x, y, sparse)
        sizes = None if sparse is None else sparse.shape
        state = {name: self._array(name, w, label, sizes) for name in self._state}
        if self.threshold is None:
            state["threshold"].fill(self.threshold0)
        parts, scalars = self._lateral._compose(label, state["lateral"].shape, w.dtype)
        arrays = (w, x, out, *state.values(), *parts)
        after = (self.lateral_lr, self.threshold_lr, self.p, how, int(y is None), self.slope, self.steps, self.step, *scalars)
        self._learn("foldiak", label, arrays, (), after, sparse, lambda: _NAMES, _NAMES[0][:5], state, how == 0)
        return out


class Lateral(Composed):
    """What lateral weights are composed with."""
