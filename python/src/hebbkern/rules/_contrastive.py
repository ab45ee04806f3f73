"""Contrastive Hebbian learning."""

from __future__ import annotations

from typing import Any

from .._array import as_array
from .._parameters import choice, count, real
from ._base import (
    MAX_BLOCK,
    REDUCTIONS,
    Normalize,
    Reduction,
    check_normalize,
    read,
    run,
    samples,
)

_NAMES = ("w", "x", "y", "x_free", "y_free", "lr", "reduction", "normalize", "block")


class ContrastiveHebbian:
    """Contrastive Hebbian learning, ``Δw_ij = η (y_i⁺ x_j⁺ − y_i⁻ x_j⁻)`` (Movellan, in Connectionist Models, 1991).

    The activities of the clamped phase (x, y), with the targets at the outputs, minus those of the free phase (x_free,
    y_free), both after the network has settled. All are given, for the phases belong to the network and not to one
    matrix.

    Other libraries: PsyNeuLink (learningfunctions.py, ContrastiveHebbian) states this equation for a square matrix whose
    diagonal stays 0; its function itself forms the products of one vector alone.

    Parameters
    ----------
    lr : float
        η ≥ 0.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> w = np.zeros((1, 2))
    >>> hk.rules.ContrastiveHebbian(lr=0.5).update(w, [1.0, 2.0], [1.0], [1.0, 2.0], [0.5])
    >>> w
    array([[0.25, 0.5 ]])
    """

    lr: float

    def __init__(self, lr: float) -> None:
        self.lr = real("ContrastiveHebbian", "lr", lr)

    def __repr__(self) -> str:
        return f"ContrastiveHebbian(lr={self.lr!r})"

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
        w : array [out, in]
            Weights, written in place.
        x, x_free : array [in] or [samples, in]
            Presynaptic activity, clamped and free; the same array may be given for both.
        y, y_free : array [out] or [samples, out]
            Postsynaptic activity, likewise.
        reduction : "sequential", "sum" or "mean"
            As for the other rules; samples are pairs, so "mean" divides by their number. Each pair is one update of w.
        block : int, optional
            Pairs of a sequence that are one update of w, 1 to 4096: the same but for rounding, and faster.
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
        w = as_array(w, "w", label, written=True)
        x, y = samples(label, w, x, read(y, "y", label, w))
        x_free, y_free = read(x_free, "x_free", label, w), read(y_free, "y_free", label, w)
        args = [w, x, y, x_free, y_free, self.lr, how, scaled, size]
        run(self, "contrastive", args, lambda: _NAMES, _NAMES[:5], {}, label, how == 0)
