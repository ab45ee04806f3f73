"""Synaptic balancing of recurrent networks (Stock, Harvey, Ocko & Ganguli, PLoS Comput Biol 2022)."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from . import _header
from ._array import checked, describe, run
from ._errors import ArgumentValueError
from ._parameters import choice, count, real
from ._progress import pyplot
from .recurrent import Arrays, axes

METHODS = ("convex", "flow", "euler")
_REASONS = ("converged", "max_steps", "rounding")


@dataclass(frozen=True, repr=False)
class SynapticReport:
    """The outcome of synaptic balancing. Costs are those of the scaled sums, in float64, over the weights that lie on
    cycles, self-weights left out.

    Attributes
    ----------
    p : float
    method : str
    h : float64 array [n]
        ``J_ij ← J_ij·exp(h_j − h_i)``; Σh = 0 over each strongly connected component.
    reason : "converged", "max_steps" or "rounding"
        Balanced to `tol`; or `max_steps` were not enough, or rounding hides what is left, and what was reached was
        written.
    cost_before, cost_after : float
        ``C = Σ α_ij |J_ij|^p``.
    gradient_before, gradient_after : float
        ``|g|``, where g is each unit's cost in minus its cost out; ``∂C/∂h = −p·g``.
    residual : float
        ``max |A − B|/(A + B)``, A a unit's cost in and B its cost out, after.
    steps : int
        Steps that moved h.
    evaluations : int
        Times that the costs were summed, each two passes over n² numbers.
    time : float
        "flow" and "euler": the t reached, in units of `tau`'s.
    components : int
        Strongly connected components of two or more units.
    held : list of int
        Units on no cycle, with h = 0.
    off_cycle : int
        Weights between units that lie on no cycle, which are not in the cost.
    """

    p: float
    method: str
    h: npt.NDArray[np.float64]
    reason: str
    cost_before: float
    cost_after: float
    gradient_before: float
    gradient_after: float
    residual: float
    steps: int
    evaluations: int
    time: float
    components: int
    held: list[int]
    off_cycle: int

    @property
    def converged(self) -> bool:
        """Whether every unit that is not held is balanced to `tol`."""
        return self.reason == "converged"

    def __repr__(self) -> str:
        held = f", {len(self.held)} units held" if self.held else ""
        return (
            f"SynapticReport(p={self.p:g}, {self.method}: {self.reason} after {self.steps} steps, cost "
            f"{self.cost_before:.6g} → {self.cost_after:.6g}, |g| {self.gradient_before:.3g} → "
            f"{self.gradient_after:.3g}{held})"
        )

    def plot(self) -> Any:
        """Draw h of each unit, and cost and |g| before and after; return the matplotlib figure."""
        plt = pyplot()
        figure, (left, middle, right) = plt.subplots(1, 3, figsize=(10, 3.2), layout="constrained")
        units = np.arange(len(self.h))
        live = np.isin(units, self.held, invert=True)
        left.plot(units[live], self.h[live], ".", color="C0")
        left.plot(units[~live], self.h[~live], "x", color="0.6", label="held")
        left.axhline(0, color="0.8", linewidth=0.8, zorder=0)
        left.set(title="h: in × exp(−h), out × exp(h)", xlabel="unit")
        if self.held:
            left.legend()
        middle.bar(["before", "after"], [self.cost_before, self.cost_after], color=["0.7", "C0"])
        middle.set(title=f"cost Σα|J|^p, p = {self.p:g}")
        tiny = np.finfo(np.float64).tiny
        right.bar(
            ["before", "after"], [max(self.gradient_before, tiny), max(self.gradient_after, tiny)], color=["0.7", "C0"]
        )
        right.set(yscale="log", title="|g|, cost in − cost out")
        return figure


def synaptic_balance(
    j: Any,
    *,
    p: float = 2.0,
    alpha: Any = None,
    w_in: Any = None,
    bias: Any = None,
    w_out: Any = None,
    method: Literal["convex", "flow", "euler"] = "convex",
    tol: float = 1e-9,
    max_steps: int | None = None,
    tau: float = 1.0,
    dt: float | None = None,
    rtol: float = 1e-6,
) -> SynapticReport:
    """Balance the weights of a recurrent network in place, so that each unit's cost in equals its cost out.

    With ``c_ij = α_ij |J_ij|^p`` and ``g_i = Σ_j (c_ij − c_ji)`` it finds the state that the flow ``τ dh/dt = g`` of
    Stock, Harvey, Ocko & Ganguli (PLoS Comput Biol 2022) runs into: the least ``C = Σ c_ij`` among all
    ``J = exp(−diag h) J₀ exp(diag h)``. Input weights and biases are scaled by ``exp(−h_i)``, output weights by
    ``exp(h_j)``, which keeps what the network computes if its units are homogeneous (identity, ReLU, leaky ReLU).
    Eigenvalues, ``J_ii``, ``J_ij·J_ji`` and products along cycles stay. The solver works on h and writes the arrays
    once, at the end; Ctrl-C before that leaves them as they were.

    A cost has a minimum only if every weight is on a directed cycle, so each strongly connected component is balanced
    for itself; weights between components are not in the cost, and units on no cycle are held and reported.

    Parameters
    ----------
    j : array [n, n]
        ``J_ij`` from unit j to unit i, written in place. Self-weights are left as they are.
    p : float
        Any real number > 0.
    alpha : array [n, n] or [n], or float, optional
        Weights of the cost, finite and ≥ 0; [n] is over the presynaptic units, as the gains are that `RNN.gains`
        measures, with p = 2 the cost of robustness. Default 1.
    w_in, bias, w_out : arrays [n, inputs], [n], [outputs, n], optional
        Moved along, in place. They are not in the cost.
    method : "convex", "flow" or "euler"
        Damped Newton steps on the convex problem in h; the flow by Dormand & Prince's pair with step control, or by
        Euler steps of `dt`. All end in the same state; the flow is stiff, and many times slower.
    tol : float
        On ``max |A − B|/(A + B)``, A a unit's cost in and B its cost out, before the one write.
    max_steps : int, optional
        Default 100000.
    tau, dt, rtol : float
        Of the flow: its time constant, the step of "euler", and the largest error of an h_i in a step of "flow".

    Returns
    -------
    SynapticReport

    Raises
    ------
    TypeError, ValueError
        A bad argument, also NaN or Inf in an array and an Euler step that is unstable; all arrays are unchanged then.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> j = np.array([[0.5, 8.0], [2.0, 0.0]])
    >>> report = hk.synaptic_balance(j)
    >>> j.round(9)
    array([[0.5, 4. ],
           [4. , 0. ]])
    >>> report.cost_before, round(report.cost_after, 9)
    (68.0, 32.0)
    """
    function = "synaptic_balance"
    p = real(function, "p", p, above=0)
    code = choice(function, "method", method, METHODS)
    tol = real(function, "tol", tol, above=0)
    tau = real(function, "tau", tau, above=0)
    rtol = real(function, "rtol", rtol, above=0)
    if (dt is None) == (method == "euler"):
        raise ArgumentValueError(f"{function}: dt is {dt!r}; it is wanted with method 'euler', and with no other", "dt")
    step = 0.0 if dt is None else real(function, "dt", dt, above=0)
    most = 0 if max_steps is None else count(function, "max_steps", max_steps, most=2**52)
    arrays = Arrays(function, j, w_in, bias, w_out, written=True)
    n, dtype = arrays.j.shape[0], arrays.j.dtype
    weights, described = None, _header.Array()
    if isinstance(alpha, (int, float, np.floating, np.integer)):
        with np.errstate(over="ignore"):  # infinite in float32, which the library refuses
            weights = np.array([real(function, "alpha", alpha)], dtype)
        described = describe(weights)
        described.ndim = 0
    elif alpha is not None:
        weights = checked(alpha, "alpha", function, ndim=1 if axes(alpha) < 2 else 2, dtype=dtype)
        described = describe(weights)
    state = np.empty(32 + 18 * n + n * n)  # HK_SYNAPTIC_STATE
    h, held = np.zeros(n), np.zeros(n, np.uint8)
    result = _header.SynapticResult()
    args = _header.SynapticBalanceArgs(
        arrays.struct, described, p, code, tol, most, tau, step, rtol,
        state.ctypes.data, h.ctypes.data, held.ctypes.data, ctypes.pointer(result),
    )  # fmt: skip
    run("synaptic_balance", args, function)
    return SynapticReport(
        p=p,
        method=method,
        h=h,
        reason=_REASONS[result.reason],
        cost_before=result.cost_before,
        cost_after=result.cost_after,
        gradient_before=result.gradient_before,
        gradient_after=result.gradient_after,
        residual=result.residual,
        steps=result.steps,
        evaluations=result.evaluations,
        time=result.time,
        components=result.components,
        held=[int(i) for i in np.flatnonzero(held)],
        off_cycle=result.off_cycle,
    )
