"""Contrastive Hebbian learning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._parameters import choice, count
from ._base import (
    MAX_BLOCK,
    REDUCTIONS,
    Learner,
    Normalize,
    Reduction,
    check_normalize,
    read,
    samples,
    weights,
)

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .._compose import Composition
    from ..schedules import Schedule

_NAMES = ("w", "x", "y", "x_free", "y_free"), ("lr", "reduction", "normalize", "block")


class ContrastiveHebbian(Learner):
    """Contrastive Hebbian learning, ``Δw_ij = η (y_i⁺ x_j⁺ − y_i⁻ x_j⁻)`` (Movellan, in Connectionist Models, 1991).

    The activities of the clamped phase (x, y), with the targets at the outputs, minus those of the free phase (x_free,
    y_free), both after the network has settled. All are given, for the phases belong to the network and not to one
    matrix.

    Other libraries: PsyNeuLink (learningfunctions.py, ContrastiveHebbian) states this equation for a square matrix whose
    diagonal stays 0; its function itself forms the products of one vector alone.

    It is composed as the other rules are (`Composition`), where the difference of a pair is one Δ: so soft bounds and masks
    act on it, and not on its two halves.

    Parameters
    ----------
    lr : float or schedule
        η ≥ 0. A schedule counts pairs.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> w = np.zeros((1, 2))
    >>> hk.rules.ContrastiveHebbian(lr=0.5).update(w, [1.0, 2.0], [1.0], [1.0, 2.0], [0.5])
    >>> w
    array([[0.25, 0.5 ]])
    """

    def __init__(self, lr: float | Schedule, **composition: Unpack[Composition]) -> None:
        super().__init__(lr, **composition)

    def update(
        self,
        w: Any,
        x: Any,
        y: Any,
        x_free: Any,
        y_free: Any,
        *,
        reduction: Reduction = "sequential",
        block: int | None = None,
        normalize: Normalize = None,
    ) -> None:
        """Learn from one pair of phases or a batch of them.

        Parameters
        ----------
        w : array [out, in], or sparse
            Weights, written in place; sparse ones as for the other rules.
        x, x_free : array [in] or [samples, in]
            Presynaptic activity, clamped and free; the same array may be given for both.
        y, y_free : array [out] or [samples, out]
            Postsynaptic activity, likewise.
        reduction : "sequential", "sum" or "mean"
            As for the other rules; samples are pairs, so "mean" divides by their number. Each pair is one update of w.
        block : int, optional
            Pairs of a sequence that are one update of w, 1 to 4096: the same but for rounding, and faster. It goes neither
            with what acts at every update (bounds, masks, signs, drift, weight normalisation, a schedule) nor with sparse
            weights.
        normalize : "max", optional
            As for the other rules.

        Raises
        ------
        TypeError, ValueError
            A bad argument; w is unchanged then.
        DivergenceError
            An activity or the weights left the finite numbers at the pair named; `done` pairs are in w.
        Interrupted
            Ctrl-C between two updates; `done` pairs are in w.
        """
        label = "ContrastiveHebbian.update"
        how = choice(label, "reduction", reduction, REDUCTIONS)
        scaled = check_normalize(label, normalize)
        size = 0 if block is None else count(label, "block", block, most=MAX_BLOCK)
        w, sparse = weights(w, x, label)
        x, y = samples(label, w, x, read(y, "y", label, w))
        x_free, y_free = read(x_free, "x_free", label, w), read(y_free, "y_free", label, w)
        self._learn("contrastive", label, (w, x, y, x_free, y_free), (), (how, scaled, size), sparse, lambda: _NAMES, _NAMES[0], {}, how == 0)
