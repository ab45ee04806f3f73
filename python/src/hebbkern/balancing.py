"""Neural balance: scaling units so that their incoming and outgoing weights cost the same, without a change of what
the network computes (Baldi, Alexos, Domingo & Rahmansetayesh, AIJ 2025)."""

from __future__ import annotations

import ctypes
import itertools
from dataclasses import dataclass
from typing import Any, Literal, Mapping, Sequence, cast

import numpy as np
import numpy.typing as npt

from . import _graph, _header
from ._array import describe_all, run
from ._csr import CSR
from ._errors import ArgumentTypeError, ArgumentValueError
from ._graph import Cost, Derivative
from ._graph import balance_graph as _balance_graph
from ._layers import Layers, check_layers
from ._parameters import choice, is_integer, real
from ._progress import pyplot
from .kernels import Activation, activation_code


class Flat:
    """The flat description of a network over arrays, and what keeps these alive."""

    def __init__(
        self,
        weights: Sequence[npt.NDArray[Any]],
        biases: Sequence[npt.NDArray[Any] | None] | None,
        activation: Activation,
        function: str,
    ) -> None:
        self.arrays = [*weights, *(biases or ())]
        self.sizes = [weights[0].shape[1], *(w.shape[0] for w in weights)]
        code, slope, shape = activation_code(activation, function)
        self._weights = describe_all(weights)
        self._biases = None if biases is None else describe_all(biases)
        self.struct = _header.Network(len(weights), self._weights, self._biases, code, 0, slope, shape)

    @property
    def hidden(self) -> list[int]:
        return self.sizes[1:-1]

    def split(self, units: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
        """An array over the hidden units as a list of one array a layer."""
        cuts = [0, *itertools.accumulate(self.hidden)]
        return [units[a:b] for a, b in zip(cuts, cuts[1:])]


@dataclass(frozen=True, repr=False)
class BalanceReport:
    """The outcome of balancing. Costs and deficits are those of the scaled sums.

    Attributes
    ----------
    p : float, dict or callable
        The exponent, the mixture, or the `cost`.
    method : str
        "sweeps" for a `cost`.
    reason : str
        Of the stop: "converged" (every live unit is balanced to `tol`), "max_sweeps" or "rounding" (of the sums, which
        keeps the residual above `tol`). In any case what was reached was written.
    sweeps : int
        Sweeps, or steps of "newton".
    residual : float
        ``max |A − cB|/(A + cB)`` over the live units, after.
    cost_before, cost_after : float
        ``Σ|w|^p`` over all weights (and biases, if counted); NaN for a `cost`, of which the derivative alone is known.
    deficit_before, deficit_after : float
        ``Σ (A − cB)²`` over the hidden units that were not held or excluded.
    scales : list of arrays
        λ of the units, for each hidden layer: incoming weights and bias × λ, outgoing ÷ λ^c.
    dead : list of (layer, unit)
        Hidden units with A = 0 or B = 0, left as they were; layer counts the hidden layers from 0.
    excluded : list of (layer, unit or None, reason)
        What else was left as it was: "activation" (not homogeneous), "held" (not in `only`), "shared" (shared weights
        force λ = 1) or "off cycle" (no minimum exists). Unit None: the whole layer.
    """

    p: float | dict[float, float] | Derivative
    method: str
    reason: str
    sweeps: int
    residual: float
    cost_before: float
    cost_after: float
    deficit_before: float
    deficit_after: float
    scales: list[npt.NDArray[np.float64]]
    dead: list[tuple[int, int]]
    excluded: list[tuple[int, int | None, str]]

    @property
    def converged(self) -> bool:
        """Whether every live unit is balanced to `tol`."""
        return self.reason == "converged"

    def __repr__(self) -> str:
        outcome = "converged" if self.converged else f"not converged ({self.reason})"
        steps = "steps" if self.method in ("newton", "tied") else "sweeps"
        dead = f", {len(self.dead)} dead units" if self.dead else ""
        cost = "" if callable(self.p) else f"cost {self.cost_before:.6g} → {self.cost_after:.6g}, "
        return (
            f"BalanceReport({self._cost_name()}, {outcome} in {self.sweeps} {steps}, {cost}"
            f"deficit {self.deficit_before:.3g} → {self.deficit_after:.3g}{dead})"
        )

    def _cost_name(self) -> str:
        return f"cost={getattr(self.p, '__name__', 'given')}" if callable(self.p) else f"p={self.p}"

    def plot(self) -> Any:
        """Draw the scales of each hidden layer, and cost and deficit before and after; return the matplotlib figure."""
        plt = pyplot()
        panels = 2 if callable(self.p) else 3
        figure, (left, *middle, right) = plt.subplots(1, panels, figsize=(10, 3.2), layout="constrained")
        dead = set(self.dead)
        for layer, scales in enumerate(self.scales):
            live = [float(s) for unit, s in enumerate(scales) if (layer, unit) not in dead]
            left.plot(np.full(len(live), layer), live, "_", markersize=14)
        left.set(yscale="log", title="scale λ of each unit", xlabel="hidden layer", xticks=range(len(self.scales)))
        for panel in middle:  # none if the cost is not known
            panel.bar(["before", "after"], [self.cost_before, self.cost_after], color=["0.7", "C0"])
            panel.set(title=f"cost Σ|w|^p, p = {self.p}")
        tiny = np.finfo(np.float64).tiny
        right.bar(
            ["before", "after"], [max(self.deficit_before, tiny), max(self.deficit_after, tiny)], color=["0.7", "C0"]
        )
        right.set(yscale="log", title="deficit Σ(A − cB)²")
        return figure


def balance(
    weights: Sequence[Any],
    biases: Sequence[Any] | None = None,
    *,
    p: float | Mapping[float, float] = 2.0,
    cost: Derivative | None = None,
    activation: Activation | Sequence[Any] = "relu",
    method: Literal["newton", "sweeps", "stochastic", "tied"] = "newton",
    order: Sequence[int] | Literal["odd-even"] | None = None,
    include_bias: bool = False,
    alpha: Sequence[Any] | None = None,
    only: Sequence[Any] | None = None,
    momentum: tuple[Sequence[Any], Sequence[Any] | None] | None = None,
    squares: tuple[Sequence[Any], Sequence[Any] | None] | None = None,
    tol: float | None = None,
    max_sweeps: int | None = None,
    seed: int | None = None,
) -> BalanceReport:
    """Balance a network of layers in place: the unique least ``Σ|w|^p`` among all networks that compute the same (Baldi,
    Alexos, Domingo & Rahmansetayesh, AIJ 2025).

    Each hidden unit's incoming weights and bias are scaled by λ > 0 and its outgoing ones by ``λ^−c`` (c = 1 but for
    BiPU), so that its cost in ``A = Σ_in |w|^p`` equals c times its cost out ``B = Σ_out |w|^p``. The solver works on
    the logarithms of λ and writes the weights once, at the end; Ctrl-C before that leaves them as they were.

    Parameters
    ----------
    weights : list of arrays [n_l, n_{l−1}]
        Written in place. torch CPU tensors are accepted, and so are sparse matrices: a `scipy.sparse.csr_array` in
        canonical form or a `CSR`, whose stored entries are the weights. The same array at two places is shared weights.
    biases : list of arrays [n_l] or None, optional
        Written in place; scaled along, which keeps the function.
    p : float, or mapping of exponents to weights
        Any real number > 0; ``{1: a, 2: b}`` is the cost ``a Σ|w| + b Σ|w|²``, whose A and B are ``Σ w g′(w)``.
    cost : callable, optional
        Instead of `p`, the derivative of any other cost ``Σ g(|w|)``: given a float64 array of |w| > 0 it returns g′ in
        its shape. ``w g′(w)`` must increase with w, from 0 to infinity; then A and B are ``Σ w g′(w)`` over the weights
        in and out. Where it is seen to fall it is refused; an exception of the callable is passed on. The method is
        "sweeps", which calls it for each weight some five times a sweep; a `p` is far faster.
    activation : str, tuple or list
        Of the hidden layers, or a list with one for each, of which any may be a list with one for each unit:
        "identity", "relu", "leaky_relu", ("leaky_relu", slope), ("bilu", a, b) and ("bipu", c, d), which are
        homogeneous of degree c (1 but for the last). Layers and units with another activation are left as they are and
        listed in the report.
    method : "newton", "sweeps", "stochastic" or "tied"
        All reach the same weights, but for the last: "newton" solves for all λ together, in a few passes over the
        weights; "sweeps" goes layer after layer, and "stochastic" from unit to random unit, each to its optimum
        given the others; "tied" has one λ for each layer.
    order : list of int or "odd-even", optional
        The order of the hidden layers in a sweep. The result does not depend on it.
    include_bias : bool
        Whether a unit's bias counts in its A.
    alpha : list, optional
        Weights in the cost, ``Σ α_w|w|^p``: for each matrix a number ≥ 0 or an array of its shape and type; of a sparse
        one, for its entries, or sparse with the same ones. 0 is a weight that does not count, so a mask of connections is
        0 and 1.
    only : list, optional
        For each hidden layer which units may move: True, False, or a bool array or list [units].
    momentum, squares : (list, list or None), optional
        Arrays like (weights, biases) that an optimizer keeps, written in place: averages of gradients, which are
        divided by the scale of their weight, and averages of squared gradients, which are divided by its square.
    tol : float, optional
        On ``max |A − cB|/(A + cB)``; default 1e-9 in float64, 1e-6 in float32.
    max_sweeps : int, optional
        Of sweeps, or steps of "newton": default 10000. A sweep of "stochastic" is as many draws as there are units.
    seed : int, optional
        For "stochastic"; default 0.

    Returns
    -------
    BalanceReport

    Raises
    ------
    TypeError, ValueError
        A bad argument, also NaN or Inf in the weights; all arrays are unchanged then.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> weights = [np.array([[4.0]]), np.array([[1.0]])]
    >>> report = hk.balance(weights)
    >>> weights
    [array([[2.]]), array([[2.]])]
    >>> f"{report.cost_before:g} → {report.cost_after:g}"
    '17 → 8'

    A cost that is no power, ``g = log cosh``:

    >>> weights = [np.array([[4.0, -0.5]]), np.array([[0.25]])]
    >>> report = hk.balance(weights, cost=np.tanh)
    >>> a, b = (float((abs(w) * np.tanh(abs(w))).sum()) for w in weights)
    >>> report.converged, abs(a - b) < 1e-8 * a
    (True, True)
    """
    options = solver_options("balance", p, method, tol, max_sweeps, seed, cost)
    layers = Layers(weights, biases, activation, "balance")
    layers.weigh(alpha, include_bias)
    layers.hold(only)
    for name, value, power in (("momentum", momentum, -1.0), ("squares", squares, -2.0)):
        layers.carry(name, value, power)
    result = _balance_graph(
        layers.units, layers.blocks, degree=layers.degree, held=layers.held, group=layers.group,
        order=_order(order, len(layers.hidden)), **options,
    )  # fmt: skip
    dead, excluded = layers.exclusions(result.status)
    return BalanceReport(
        p=options["p"],
        method=options["method"],
        reason=result.reason,
        sweeps=result.sweeps,
        residual=result.residual,
        cost_before=result.cost_before,
        cost_after=result.cost_after,
        deficit_before=result.deficit_before,
        deficit_after=result.deficit_after,
        scales=layers.split(result.scales),
        dead=dead,
        excluded=excluded,
    )


def solver_options(
    function: str, p: Any, method: Any, tol: Any, max_sweeps: Any, seed: Any, cost: Any = None
) -> dict[str, Any]:
    """The options of the solver, checked, as `balance_graph` takes them."""
    of = _cost(function, p, cost)
    choice(function, "method", method, _graph.METHODS)
    if cost is not None:
        if method not in ("newton", "sweeps"):
            raise ArgumentValueError(f"{function}: method is {method!r}; 'sweeps' is wanted with a cost", "method")
        method = "sweeps"  # "newton" is the default, and not for any cost
    if seed is not None:
        if method != "stochastic":
            raise ArgumentValueError(
                f"{function}: seed is given, and {method!r} has no randomness; None is wanted", "seed"
            )
        if not is_integer(seed):
            raise ArgumentTypeError(f"{function}: seed is {seed!r}; an integer is wanted", "seed")
        if not 0 <= seed < 2**64:
            raise ArgumentValueError(f"{function}: seed is {seed}; 0 to 2**64 - 1 is wanted", "seed")
    bound = 0.0 if tol is None else real(function, "tol", tol, above=0)
    if max_sweeps is not None and not (is_integer(max_sweeps) and 0 < max_sweeps < 2**62):
        raise ArgumentValueError(f"{function}: max_sweeps is {max_sweeps!r}; an integer >= 1 is wanted", "max_sweeps")
    return {
        "p": of,
        "method": method,
        "tol": bound,
        "max_sweeps": 0 if max_sweeps is None else int(max_sweeps),
        "seed": 0 if seed is None else int(seed),
        "function": function,
    }


def _cost(function: str, p: Any, cost: Any = None) -> Cost:
    if cost is not None:
        if not callable(cost):
            raise ArgumentTypeError(f"{function}: cost is {cost!r}; a function of |w| is wanted, g′", "cost")
        if isinstance(p, Mapping) or p != 2.0:
            raise ArgumentValueError(f"{function}: cost is given beside p = {p!r}; one of the two is wanted", "cost")
        return cast(Derivative, cost)
    if not isinstance(p, Mapping):
        return real(function, "p", p, above=0)
    if not p:
        raise ArgumentValueError(f"{function}: p is an empty mapping; at least one exponent is wanted", "p")
    return {real(function, "p", k, above=0): real(function, "p", v, above=0) for k, v in p.items()}


def _order(order: Any, layers: int) -> npt.NDArray[np.int64] | None:
    if order is None:
        return None
    if isinstance(order, str) and order == "odd-even":
        return np.array([*range(0, layers, 2), *range(1, layers, 2)], np.int64)
    try:
        sequence = np.array(order, dtype=np.int64, ndmin=1)
    except (TypeError, ValueError, OverflowError):
        raise ArgumentTypeError(f"balance: order is {order!r}; a list of integers is wanted", "order") from None
    if sorted(sequence.tolist()) != list(range(layers)) or any(a != b for a, b in zip(order, sequence)):
        raise ArgumentValueError(f"balance: order is {order!r}; a permutation of 0 ... {layers - 1} is wanted", "order")
    return sequence


def deficit(
    weights: Sequence[Any],
    biases: Sequence[Any] | None = None,
    *,
    p: float | Mapping[float, float] = 2.0,
    cost: Derivative | None = None,
    activation: Activation | Sequence[Any] = "relu",
    include_bias: bool = False,
) -> list[npt.NDArray[np.float64]]:
    """Balance deficits ``A − cB`` of the hidden units, cost in minus c times cost out, signed and not normalised (Baldi,
    Alexos, Domingo & Rahmansetayesh, AIJ 2025).

    The deficit of a network is the sum of their squares; under L_p regularisation it is a measure of training progress.

    Parameters
    ----------
    weights : list of arrays [n_l, n_{l−1}]
        Any may be sparse, as in `balance`.
    biases : list of arrays [n_l] or None, optional
        Read with `include_bias` only.
    p, cost
        As in `balance`.
    activation : str, tuple or list
        Of the hidden layers, as in `balance`; where it is not homogeneous c is 1.
    include_bias : bool
        Whether a unit's bias counts in its A.

    Returns
    -------
    list of float64 arrays
        One for each hidden layer.

    Raises
    ------
    TypeError, ValueError
        A bad argument, also NaN or Inf in the weights.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> hk.deficit([np.array([[3.0], [1.0]]), np.array([[1.0, 2.0]])])
    [array([ 8., -3.])]
    """
    of = _cost("deficit", p, cost)
    if isinstance(of, float) and isinstance(activation, (str, tuple)):
        w, b = check_layers(weights, biases, "deficit", written=False)
        dense = [m for m in w if not isinstance(m, CSR)]
        if len(dense) == len(w):
            flat = Flat(dense, b, activation, "deficit")
            return flat.split(unit_deficits(flat, of, include_bias)[0])
    layers = Layers(weights, biases, activation, "deficit", written=False)
    layers.weigh(None, include_bias)
    result = _balance_graph(
        layers.units, layers.blocks, p=of, degree=layers.degree, group=layers.group,
        method="sweeps" if callable(of) else "newton", measure=True, function="deficit",
    )
    return layers.split(result.deficit)


def unit_deficits(flat: Flat, p: float, include_bias: bool) -> tuple[npt.NDArray[np.float64], float]:
    """Deficits of all hidden units, and the sum of their squares."""
    values, total = np.zeros(sum(flat.hidden)), ctypes.c_double()
    args = _header.DeficitArgs(flat.struct, p, int(bool(include_bias)), values.ctypes.data, ctypes.pointer(total))
    run("deficit", args, "deficit")
    return values, total.value
