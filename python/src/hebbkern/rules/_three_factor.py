"""Three-factor learning with eligibility traces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from .._array import FLOATS
from .._errors import ArgumentValueError
from .._parameters import choice, finite, real
from ._base import Learner, Stateful, read, samples, weights

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .._compose import Composition
    from ..schedules import Schedule

_NAMES = ("w", "x", "y", "modulator", "e", "e_rise"), ("lr", "tau_e", "tau_rise", "dt", "drive", "compute")
_ARRAYS = ("w", "x", "y", "modulator", "e", "r")
_DRIVES = ("impulse", "tau")


class ThreeFactor(Stateful, Learner):
    """Learning by eligibility traces and a modulator (Gerstner, Lehmann, Liakoni, Corneil & Brea, Front. Neural Circuits
    12, 53, 2018).

    In each time step, in this order::

        e_ij ← e_ij exp(−dt/τ_e) + y_i x_j
        w_ij ← w_ij + η dt M e_ij

    M, the modulator, is given by step: a reward, a surprise, an error. The functions f and g of the activities that the
    paper has are yours: give f(x) and g(y). A coincidence enters its trace as it is, whatever dt; ``drive="tau"`` divides it
    by τ_e. A step with M = 0 leaves the weights as they are.

    With `tau_rise` a trace has two time constants: a second one takes the same drive, and the weights learn from their
    difference, which after a coincidence at t = 0 rises and falls as exp(−t/τ_e) − exp(−t/τ_rise).

    Rows of a batch are steps in time: there is neither a sum nor a mean of them, nor blocks.

    Other libraries: BindsNET (learning.py, MSTDPET) and ngc-learn (MSTDPETSynapse.py) divide by τ_e, have the term of STDP
    for y_i x_j, and let a coincidence enter one step late, so that M of its own step does not see it; ngc-learn does not
    multiply the update by dt. BindsNET's MSTDP has no trace.

    It is composed as the other rules are (`Composition`), the Δ of a step being ``η dt M (e − e_rise)``: bounds and signs
    act on the weights after it, soft bounds on it, and neither on the traces. `row_lr` multiplies η. A mask is one of
    synapses: where it is False a trace receives nothing and only decays, and the weight keeps its value. With any of them
    every step is an update, also with M = 0: drift, bounds and weight normalisation act in it, by step and not times dt.

    Parameters
    ----------
    lr : float or schedule
        η ≥ 0. A schedule counts time steps.
    tau_e : float
        τ_e > 0, in the unit of dt.
    dt : float
        Length of a time step.
    drive : "impulse" or "tau"
        See above.
    tau_rise : float, optional
        Above 0 and below tau_e. None: one time constant.
    n : (out, in), optional
        Makes the traces at once, for weights of this shape, in `dtype`. None: at the first `update`.

    Attributes
    ----------
    e, e_rise : array [out, in], with sparse weights [stored]
        The traces, in the type of w: None before the first `update`, e_rise with `tau_rise` only. `reset` forgets them.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> rule, w = hk.rules.ThreeFactor(lr=1.0, tau_e=2.0), np.zeros((1, 2))
    >>> X, Y = np.array([[1.0, 0], [0, 0], [0, 0]]), np.array([[1.0], [0], [0]])
    >>> y = rule.update(w, X, Y, modulator=[0, 0, 1])  # the reward comes two steps late
    >>> np.round(w, 3), np.round(rule.e, 3)
    (array([[0.368, 0.   ]]), array([[0.368, 0.   ]]))
    """

    _state = ("e", "e_rise")
    e: npt.NDArray[Any] | None
    e_rise: npt.NDArray[Any] | None

    def __init__(
        self,
        lr: float | Schedule,
        tau_e: float,
        dt: float = 1.0,
        drive: Literal["impulse", "tau"] = "impulse",
        *,
        tau_rise: float | None = None,
        n: tuple[int, int] | None = None,
        dtype: npt.DTypeLike = np.float32,
        **composition: Unpack[Composition],
    ) -> None:
        label = "ThreeFactor"
        super().__init__(lr, **composition)
        self.tau_e = real(label, "tau_e", tau_e, above=0)
        self.dt = real(label, "dt", dt, above=0)
        choice(label, "drive", drive, _DRIVES)
        self.drive = drive
        self.tau_rise = None if tau_rise is None else real(label, "tau_rise", tau_rise, above=0)
        if self.tau_rise is not None and not self.tau_rise < self.tau_e:
            raise ArgumentValueError(f"{label}: tau_rise is {tau_rise}; a number below tau_e = {tau_e} is wanted", "tau_rise")
        self._begin(n, dtype)
        if self.tau_rise is None:
            self.e_rise = None

    def _shape(self, name: str, out: int, n_in: int) -> tuple[int, ...]:
        return (out, n_in)

    def update(self, w: Any, x: Any, y: Any = None, *, modulator: Any) -> npt.NDArray[Any]:
        """Learn from one time step, or from a sequence of them.

        A sequence has the bits of single steps.

        Parameters
        ----------
        w : array [out, in], or sparse
            Weights, written in place; sparse ones as for the other rules.
        x : array [in] or [steps, in]
            Presynaptic factor.
        y : array [out] or [steps, out], optional
            Postsynaptic factor. None: ``y = w x``, from the weights that the step before left.
        modulator : float or array [steps]
            M of each step, or of all.

        Returns
        -------
        array [out] or [steps, out]
            y, as given or computed.

        Raises
        ------
        TypeError, ValueError
            A bad argument; w and the traces are unchanged then.
        DivergenceError
            x, y, the modulator, a trace or the weights left the finite numbers at the step named; w and the traces hold
            `done` steps.
        Interrupted
            Ctrl-C between two steps; w and the traces hold `done` of them.
        """
        label = "ThreeFactor.update"
        w, sparse = weights(w, x, label)
        x, out = samples(label, w, x, y, sparse)
        if isinstance(modulator, (int, float, np.number)) and not isinstance(modulator, bool):
            modulator = finite(label, "modulator", modulator)
        else:
            modulator = read(modulator, "modulator", label, w)
            if modulator.ndim == 0 and modulator.dtype in FLOATS:
                modulator = finite(label, "modulator", float(modulator))
        sizes, stored = (None, None) if sparse is None else (sparse.shape, w.shape)
        state = {"e": self._array("e", w, label, sizes, stored)}
        if self.tau_rise is not None:
            state["e_rise"] = self._array("e_rise", w, label, sizes, stored)
        drive = choice(label, "drive", self.drive, _DRIVES)
        after = (self.tau_e, self.tau_rise or 0.0, self.dt, drive, int(y is None))
        arrays = (w, x, out, modulator, state["e"], state.get("e_rise"))
        self._learn("three_factor", label, arrays, (), after, sparse, lambda: _NAMES, _ARRAYS, state, True, "steps")
        return out
