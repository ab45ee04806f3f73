"""Spike-timing dependent plasticity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from .. import _compose
from .._array import FLOATS, as_array
from .._csr import is_csr
from .._errors import (
    ArgumentTypeError,
    ArgumentValueError,
    DivergenceError,
    Interrupted,
)
from .._parameters import finite, real
from ._base import Learner, run

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .._compose import Composition
    from ..schedules import Schedule

_COINCIDENCES = ("pre_first", "both", "none")
_TRACES = ("add", "replace")

Coincidence = Literal["pre_first", "both", "none"]
Trace = Literal["add", "replace"]


class _SpikingRule(Learner):
    """What the rules have in common: the bounds, the step, the traces."""

    _function: ClassVar[str]
    _pre_traces: ClassVar[tuple[str, ...]]  # the attributes, in the order of the library's arguments
    _post_traces: ClassVar[tuple[str, ...]]
    _parameters: ClassVar[tuple[str, ...]]

    def __init__(
        self,
        dt: float,
        w_min: float,
        w_max: float,
        coincidence: Coincidence,
        trace: Trace,
        mu: float,
        lr: float | Schedule,
        **composition: Unpack[Composition],
    ) -> None:
        label = type(self).__name__
        self.dt = real(label, "dt", dt, above=0)
        self.w_min = finite(label, "w_min", w_min)
        self.w_max = finite(label, "w_max", w_max)
        if self.w_min > self.w_max:
            raise ArgumentValueError(f"{label}: w_min is {w_min}; at most w_max, which is {w_max}, is wanted", "w_min")
        self.coincidence = coincidence
        self.trace = trace
        self._codes()
        self.mu = real(label, "mu", mu)
        super().__init__(lr, **composition)
        self.reset()

    def __repr__(self) -> str:
        hidden = (*self._pre_traces, *self._post_traces, *(() if callable(self.lr) else ("step",)))
        values = {k: repr(v) for k, v in vars(self).items() if k not in hidden and not k.startswith("_")}
        return f"{type(self).__name__}({', '.join(f'{k}={v}' for k, v in {**values, **self._described()}.items())})"

    def reset(self) -> None:
        """Forget the traces: the next `update` starts from zeros, in the shape and type of its w."""
        for name in self._pre_traces + self._post_traces:
            setattr(self, name, None)

    def _codes(self) -> tuple[int, int]:
        found = []
        for name, wanted in (("coincidence", _COINCIDENCES), ("trace", _TRACES)):
            value = getattr(self, name)
            if value not in wanted:
                kind = ArgumentValueError if isinstance(value, str) else ArgumentTypeError
                raise kind(f"{type(self).__name__}: {name} is {value!r}; one of {', '.join(wanted)} is wanted", name)
            found.append(wanted.index(value))
        return found[0], found[1]

    def update(self, w: Any, pre: Any, post: Any) -> None:
        """Learn from one time step, or from a sequence of them in one call.

        A sequence has the bits of single steps. The work is that of the spikes: only rows and columns with one are
        touched.

        Parameters
        ----------
        w : array [out, in]
            Weights, written in place. Dense ones: `mask` says which there are.
        pre : array [in] or [steps, in]
            Presynaptic spikes: bool, or 0 and 1 as uint8 or in the type of w. bool and uint8 are used as they are.
        post : array [out] or [steps, out]
            Postsynaptic spikes, likewise.

        Raises
        ------
        TypeError, ValueError
            A bad argument, a spike that is neither 0 nor 1, traces that do not fit w; all arrays are unchanged then.
        DivergenceError
            The weights, or their norm, left the finite numbers at the step named, which only what the rule is joined with
            can bring about; w and the traces are those after `done` steps.
        Interrupted
            Ctrl-C (a KeyboardInterrupt) between two time steps; w and the traces are those after `done` steps.

        Notes
        -----
        A weight outside of w_min and w_max stays there until its first spike. A weight that is NaN stays NaN; others stay
        finite.

        A time step is the update that the rule is joined with (`Composition`): Δ is what its spikes make of a weight, w_min and
        w_max included. A mask takes no time by step; bounds and signs take a pass over w, the weight normalisation two,
        soft bounds, drift and rates four.
        """
        label = f"{type(self).__name__}.update"
        if not isinstance(w, np.ndarray) and is_csr(w):
            raise ArgumentValueError(f"{label}: w is sparse; spikes learn in a dense w, of which mask says what is there", "w")
        w = as_array(w, "w", label, written=True)
        pre, post = _spikes(pre, "pre", label, w), _spikes(post, "post", label, w)
        traces = self._traces(w, label)
        composed, more = self._compose(label, w.shape, w.dtype)
        rates, count, steps = None, self.step, 0
        if callable(self.lr):
            steps = len(pre) if pre.ndim == 2 else 1
            rate, rates = self._rates(self.lr, label, w, count, steps)
        else:
            rate = self.lr
        if w.dtype in FLOATS and (rates is not None or rate != 1):
            if pre.ndim == post.ndim == 1:  # rates are of steps
                pre, post = pre[np.newaxis], post[np.newaxis]
            rates = np.full(len(pre), rate, w.dtype) if rates is None else rates
        numbers = [getattr(self, name) for name in self._parameters]
        args = [w, pre, post, *traces.values(), *composed, rates, None, None]
        args += [*numbers, self.dt, self.w_min, self.w_max, self.mu, *self._codes(), *more]

        def names() -> tuple[str, ...]:
            own = (*self._parameters, "dt", "w_min", "w_max", "mu", "coincidence", "trace")
            return ("w", "pre", "post", *traces, *_compose.NAMES, *own, *_compose.SCALAR_NAMES)

        library = ("w", "pre", "post", *(name.lower() for name in traces))
        try:
            run(self, self._function, args, names, library, traces, label, True, "steps")
        except (DivergenceError, Interrupted) as error:
            self.step = count + min(error.done or 0, steps)
            raise
        self.step = count + steps

    def _traces(self, w: npt.NDArray[Any], label: str) -> dict[str, Any]:
        """The traces by name; new ones where there are none yet."""
        found = {}
        for names, axis in ((self._pre_traces, -1), (self._post_traces, 0)):
            for name in names:
                trace = getattr(self, name)
                if w.ndim != 2 or w.dtype not in FLOATS:
                    trace = np.zeros(0)  # the library refuses w before it looks at them
                elif trace is None:
                    trace = np.zeros(w.shape[axis], w.dtype)
                elif isinstance(trace, np.ndarray) and (trace.dtype != w.dtype or trace.shape != (w.shape[axis],)):
                    kind = ArgumentTypeError if trace.dtype != w.dtype else ArgumentValueError
                    raise kind(
                        f"{label}: {name} has shape {trace.shape} and is {trace.dtype}; ({w.shape[axis]},) and {w.dtype} "
                        "are wanted for this w; reset() forgets the traces",
                        name,
                    )
                found[name] = trace
        return found


def _spikes(value: Any, name: str, label: str, w: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Spikes as an array that the library takes: uint8 is seen as bool, numbers in lists become w's type."""
    array = as_array(value, name, label)
    if array.dtype == np.uint8:
        return array.view(np.bool_)
    if isinstance(value, (list, tuple)) and w.dtype in FLOATS:
        return array.astype(w.dtype)
    return array


class STDP(_SpikingRule):
    """Spike-timing dependent plasticity by pairs of spikes (Song, Miller & Abbott, Nature Neurosci. 3, 2000).

    In each time step, in this order::

        A_pre ← A_pre exp(−dt/τ₊),   A_post ← A_post exp(−dt/τ₋)
        pre spikes:    w_ij ← clip(w_ij + A_post_i (w_ij − w_min)^μ),   then A_pre_j += a₊
        post spikes:   w_ij ← clip(w_ij + A_pre_j (w_max − w_ij)^μ),    then A_post_i += a₋

    so a pair Δt = t_post − t_pre apart adds ``a₊ exp(−Δt/τ₊)`` for Δt > 0 and ``a₋ exp(Δt/τ₋)`` for Δt < 0 (with μ = 0).
    Bounds act after each spike, and only on its synapses.

    Other libraries: Brian2 (examples/synapses/STDP.py) has this order and sign; ANNarchy (Synapses.py) and NEST
    (stdp_synapse.h) take the depression as a positive number and scale both by w_max, NEST with μ = 1 by default. BindsNET
    (learning.py, PostPre) has nu = (depression, potentiation), sets traces to 1 by default, sums a batch and sees spikes
    of one step on both sides; its WeightDependentPostPre has μ = 1. ngc-learn (traceSTDPSynapse.py) sums, too, and clips
    once a step.

    Parameters
    ----------
    tau_plus, tau_minus : float
        τ₊, τ₋ > 0, in the unit of dt.
    a_plus, a_minus : float
        a₊ and a₋. a₋ carries its sign: for depression it is negative. With mu > 0, a₊ ≥ 0 ≥ a₋.
    dt : float
        Length of a time step.
    w_min, w_max : float
        Bounds of the weights, finite.
    coincidence : "pre_first", "both" or "none"
        Spikes of the same step. "pre_first" is the order above, that of Brian2: of a simultaneous pair only the
        potentiation counts. "both" lets the traces include this step's spikes on both sides, as BindsNET does; the
        weight dependences then read the weight before the step. "none" lets them do so on neither.
    trace : "add" or "replace"
        A spike adds a± to its trace, or sets it to a± (nearest neighbours).
    mu : float
        Exponent of the weight dependence; 0 is the additive rule, 1 the multiplicative one.
    lr : float or schedule
        A factor ≥ 0 of what a time step changes. A schedule counts time steps.
    **composition
        As for the other rules (`Composition`), at each time step. Of bounds, w_min and w_max act at each spike.

    Attributes
    ----------
    A_pre, A_post : array [in], array [out]
        The traces, in the type of w: None before the first `update`. They persist over calls; `reset` forgets them.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> rule = hk.rules.STDP(a_plus=0.25, a_minus=-0.5)
    >>> w = np.full((1, 2), 0.5)
    >>> rule.update(w, [[1, 0], [0, 0], [0, 1]], [[0], [1], [0]])
    >>> w - 0.5  # the first unit spikes before the postsynaptic one, the second after it
    array([[ 0.23780736, -0.47561471]])
    >>> rule.A_pre, rule.A_post
    (array([0.22620935, 0.25      ]), array([-0.47561471]))
    """

    _function = "stdp"
    _pre_traces, _post_traces = ("A_pre",), ("A_post",)
    _parameters = ("tau_plus", "tau_minus", "a_plus", "a_minus")

    A_pre: npt.NDArray[Any] | None
    A_post: npt.NDArray[Any] | None

    def __init__(
        self,
        tau_plus: float = 20.0,
        tau_minus: float = 20.0,
        a_plus: float = 0.005,
        a_minus: float = -0.00525,
        dt: float = 1.0,
        w_min: float = 0.0,
        w_max: float = 1.0,
        coincidence: Coincidence = "pre_first",
        trace: Trace = "add",
        *,
        mu: float = 0.0,
        lr: float | Schedule = 1.0,
        **composition: Unpack[Composition],
    ) -> None:
        self.tau_plus = real("STDP", "tau_plus", tau_plus, above=0)
        self.tau_minus = real("STDP", "tau_minus", tau_minus, above=0)
        self.a_plus = finite("STDP", "a_plus", a_plus)
        self.a_minus = finite("STDP", "a_minus", a_minus)
        super().__init__(dt, w_min, w_max, coincidence, trace, mu, lr, **composition)
        if self.mu > 0 and not self.a_plus >= 0 >= self.a_minus:
            name, sign = ("a_plus", ">=") if self.a_plus < 0 else ("a_minus", "<=")
            raise ArgumentValueError(
                f"STDP: {name} is {getattr(self, name)}; a number {sign} 0 is wanted, since mu > 0", name
            )


class TripletSTDP(_SpikingRule):
    """Spike-timing dependent plasticity by triplets of spikes (Pfister & Gerstner, J. Neurosci. 26, 2006).

    Four traces decay with τ₊, τ_x (r1, r2, presynaptic) and τ₋, τ_y (o1, o2, postsynaptic), and a spike adds 1 to both of
    its unit. In each time step, in this order::

        pre spikes:    w_ij ← clip(w_ij − o1_i (A2⁻ + A3⁻ r2_j) (w_ij − w_min)^μ)
        post spikes:   w_ij ← clip(w_ij + r1_j (A2⁺ + A3⁺ o2_i) (w_max − w_ij)^μ)

    with the r2 and o2 before this step's spikes. The defaults are those of NEST, in milliseconds; τ₋ and τ_y, which there
    belong to the neuron, are those of NESTML's model of the rule.

    Other libraries: NEST (stdp_triplet_synapse.h) has the same amplitudes and traces, all-to-all pairing only, bounds 0 and
    Wmax, and applies the potentiation of postsynaptic spikes at the next presynaptic one. NESTML's model is the
    nearest-neighbour form, with A2⁺ = 7.5e-10 and A3⁺ = 9.3e-3.

    Parameters
    ----------
    tau_plus, tau_x, tau_minus, tau_y : float
        Time constants > 0, in the unit of dt.
    a2_plus, a3_plus, a2_minus, a3_minus : float
        Amplitudes ≥ 0 of pairs and triplets.
    dt, w_min, w_max, coincidence, trace, mu, lr, **composition
        As for `STDP`; "replace" sets the traces to 1.

    Attributes
    ----------
    r1, r2, o1, o2 : array [in], array [in], array [out], array [out]
        The traces, in the type of w: None before the first `update`. They persist over calls; `reset` forgets them.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> rule = hk.rules.TripletSTDP(a2_plus=0.0, a3_plus=0.5)
    >>> w = np.zeros((1, 1))
    >>> rule.update(w, [[1], [0], [1], [0]], [[0], [1], [0], [1]])
    >>> np.round(w, 3)  # a postsynaptic spike counts if another one has come before it
    array([[0.875]])
    """

    _function = "triplet_stdp"
    _pre_traces, _post_traces = ("r1", "r2"), ("o1", "o2")
    _parameters = ("tau_plus", "tau_x", "tau_minus", "tau_y", "a2_plus", "a3_plus", "a2_minus", "a3_minus")

    r1: npt.NDArray[Any] | None
    r2: npt.NDArray[Any] | None
    o1: npt.NDArray[Any] | None
    o2: npt.NDArray[Any] | None

    def __init__(
        self,
        tau_plus: float = 16.8,
        tau_x: float = 101.0,
        tau_minus: float = 33.7,
        tau_y: float = 125.0,
        a2_plus: float = 5e-10,
        a3_plus: float = 6.2e-3,
        a2_minus: float = 7e-3,
        a3_minus: float = 2.3e-4,
        dt: float = 1.0,
        w_min: float = 0.0,
        w_max: float = 1.0,
        coincidence: Coincidence = "pre_first",
        trace: Trace = "add",
        *,
        mu: float = 0.0,
        lr: float | Schedule = 1.0,
        **composition: Unpack[Composition],
    ) -> None:
        self.tau_plus = real("TripletSTDP", "tau_plus", tau_plus, above=0)
        self.tau_x = real("TripletSTDP", "tau_x", tau_x, above=0)
        self.tau_minus = real("TripletSTDP", "tau_minus", tau_minus, above=0)
        self.tau_y = real("TripletSTDP", "tau_y", tau_y, above=0)
        self.a2_plus = real("TripletSTDP", "a2_plus", a2_plus)
        self.a3_plus = real("TripletSTDP", "a3_plus", a3_plus)
        self.a2_minus = real("TripletSTDP", "a2_minus", a2_minus)
        self.a3_minus = real("TripletSTDP", "a3_minus", a3_minus)
        super().__init__(dt, w_min, w_max, coincidence, trace, mu, lr, **composition)
