"""Neural balance of any network of populations and projections between them: skip connections, recurrence, convolutions,
shared and sparse weights (Baldi, Alexos, Domingo & Rahmansetayesh, AIJ 2025)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from ._array import checked
from ._csr import CSR, checked_csr, is_csr
from ._errors import ArgumentTypeError, ArgumentValueError
from ._graph import Block, Derivative, Integers
from ._graph import balance_graph as _balance_graph
from ._layers import degree_of, stored
from ._models import ModelReport, Units, kernel_blocks, weights_block
from ._parameters import count, real
from .balancing import solver_options
from .kernels import Activation


@dataclass(frozen=True)
class Population:
    """Units that project and are projected to.

    Attributes
    ----------
    units : int
        Of a convolution: its channels.
    activation : str, tuple or list
        One for all units or a list of one for each, as in `hebbkern.forward`. Those that are not homogeneous (sigmoid,
        tanh, ...) are left as they are, since nothing could take a scale back.
    bias : array [units], optional
        Written in place.
    held : bool
        Leave the units as they are: those of an output, or whatever is read from outside.
    """

    units: int
    activation: Activation | Sequence[Any] = "relu"
    bias: Any = None
    held: bool = False


@dataclass(frozen=True)
class Projection:
    """Weights between two populations, or from the inputs, or to the outputs of the network.

    Attributes
    ----------
    w : array [post, pre] or CSR or scipy.sparse.csr_array, or array [post, pre/groups, *kernel], or None
        Written in place. More than two axes are the kernel of a convolution. One array in two projections is shared
        weights. None: the units of `pre` are added to those of `post` as they are (a residual), which gives both one λ.
    pre, post : str or None
        Names of populations; None: the inputs, the outputs. The same name twice is a recurrent projection, whose
        self-weights scaling leaves as they are.
    alpha : float or array like w
        Weight in the cost, ≥ 0; a mask is 0 and 1.
    groups : int
        Of a convolution.
    positions : int
        How many columns of w follow each other for a unit of `pre`: the positions of a channel where a convolution is
        flattened, 1 otherwise.
    """

    w: Any
    pre: str | None = None
    post: str | None = None
    alpha: Any = 1.0
    groups: int = 1
    positions: int = 1


def balance_graph(
    populations: Mapping[str, Population],
    projections: Sequence[Projection],
    *,
    p: float | Mapping[float, float] = 2.0,
    cost: Derivative | None = None,
    method: Literal["newton", "sweeps", "stochastic", "tied"] = "newton",
    include_bias: bool = False,
    tol: float | None = None,
    max_sweeps: int | None = None,
    seed: int | None = None,
) -> ModelReport:
    """Balance any network in place: the unique least ``Σ|w|^p`` among all networks that compute the same.

    Parameters
    ----------
    populations : mapping of names to `Population`
        In the order in which sweeps visit them. With method "tied" each has one λ.
    projections : list of `Projection`
        At least one; all of float32 or all of float64.
    p, cost, method, tol, max_sweeps, seed
        As in `balance`.
    include_bias : bool
        Whether a unit's bias counts in its cost in.

    Returns
    -------
    ModelReport
        A `BalanceReport`, its layers the populations: `modules` are their names.

    Raises
    ------
    TypeError, ValueError
        A bad argument, also a name that is not in `populations`, shapes that do not fit, NaN or Inf in the weights; all
        arrays are unchanged then, as after Ctrl-C.

    Examples
    --------
    A hidden population that is recurrent, and a second one that a skip connection passes by:

    >>> import numpy as np, hebbkern as hk
    >>> r = np.random.default_rng(0)
    >>> populations = {"a": hk.Population(8, bias=r.standard_normal(8)), "b": hk.Population(5)}
    >>> projections = [
    ...     hk.Projection(r.standard_normal((8, 3)), post="a"),
    ...     hk.Projection(r.standard_normal((8, 8)), pre="a", post="a"),
    ...     hk.Projection(r.standard_normal((5, 8)), pre="a", post="b"),
    ...     hk.Projection(r.standard_normal((2, 5)), pre="b"),
    ...     hk.Projection(r.standard_normal((2, 8)), pre="a"),
    ... ]
    >>> report = hk.balance_graph(populations, projections)
    >>> report.converged, report.cost_after < report.cost_before, list(report.by_module)
    (True, True, ['a', 'b'])
    """
    options = solver_options("balance_graph", p, method, tol, max_sweeps, seed, cost)
    network = _Network(populations, projections, bool(include_bias), "balance_graph", written=True)
    result = _balance_graph(blocks=network.blocks, **network.graph(), **options)
    return network.units.report(network.numbers, result, options, [])


def deficit_graph(
    populations: Mapping[str, Population],
    projections: Sequence[Projection],
    *,
    p: float | Mapping[float, float] = 2.0,
    cost: Derivative | None = None,
    include_bias: bool = False,
) -> dict[str, npt.NDArray[np.float64]]:
    """Balance deficits ``A − cB`` of the units of each population, 0 where they are left as they are.

    Parameters
    ----------
    populations, projections, p, cost, include_bias
        As in `balance_graph`; nothing is written.

    Returns
    -------
    dict of names to float64 arrays [units]

    Raises
    ------
    TypeError, ValueError
        As of `balance_graph`.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> w = np.array([[3.0]])
    >>> hk.deficit_graph({"a": hk.Population(1)}, [hk.Projection(w, post="a"), hk.Projection(np.ones((1, 1)), pre="a")])
    {'a': array([8.])}
    """
    options = solver_options("deficit_graph", p, "newton", None, None, None, cost)
    network = _Network(populations, projections, bool(include_bias), "deficit_graph", written=False)
    result = _balance_graph(blocks=network.blocks, measure=True, **network.graph(), **options)
    return dict(zip(network.units.names, network.units.split(network.numbers, result.deficit)))


class _Network:
    """Populations and projections as units and blocks."""

    def __init__(self, populations: Any, projections: Any, include_bias: bool, function: str, *, written: bool) -> None:
        self.function, self.written = function, written
        if not isinstance(populations, Mapping):
            raise ArgumentTypeError(
                f"{function}: populations is a {type(populations).__qualname__}; a mapping of names is wanted", "populations"
            )
        if not isinstance(projections, (list, tuple)):
            raise ArgumentTypeError(
                f"{function}: projections is a {type(projections).__qualname__}; a list is wanted", "projections"
            )
        if not projections:
            raise ArgumentValueError(f"{function}: projections is empty; at least one is wanted", "projections")
        self.units = Units()
        self.at: dict[str, Integers] = {}
        degrees = [self._add(name, population) for name, population in populations.items()]
        by_unit = np.concatenate([*degrees, np.zeros(0)])
        self._join(projections, by_unit)
        self.numbers = self.units.numbers()
        self.degree = np.ones(int(self.numbers.max(initial=-1)) + 1)
        self.degree[self.numbers[:-1]] = by_unit
        self.dtype: np.dtype[Any] | None = None
        self.blocks: list[Block] = []
        for q, projection in enumerate(projections):
            self.blocks += self._blocks(projection, f"projections[{q}]")
        for name, population in populations.items():
            if population.bias is not None:
                self.blocks.append(self._bias(name, population, include_bias))

    def graph(self) -> dict[str, Any]:
        """What the solver is to know of the units."""
        return {"degree": self.degree, **self.units.graph(self.numbers)}

    def _add(self, name: Any, population: Any) -> npt.NDArray[np.float64]:
        """Make the units of a population; return their degrees."""
        where = f"populations[{name!r}]"
        if not isinstance(name, str) or not isinstance(population, Population):
            raise ArgumentTypeError(f"{self.function}: {where} is {population!r}; a Population is wanted", "populations")
        n = count(self.function, f"{where}.units", population.units)
        kinds = population.activation if isinstance(population.activation, list) else [population.activation]
        if len(kinds) not in (1, n) or isinstance(population.activation, list) and len(kinds) != n:
            raise ArgumentValueError(
                f"{self.function}: activation of {where} is a list of {len(kinds)}; one for each of the {n} units is wanted",
                "activation",
            )
        degrees = [degree_of(kind, self.function) for kind in kinds] * (n if len(kinds) == 1 else 1)
        units = self.at[name] = self.units.add(name, n)
        self.units.hold(units[[d is None for d in degrees]].tolist(), "activation")
        if population.held:
            self.units.hold(units.tolist(), "held")
        return np.array([1.0 if d is None else d for d in degrees])

    def _join(self, projections: Sequence[Any], degree: npt.NDArray[np.float64]) -> None:
        """Look up the names, and give the units that are added to others one scale with them, if both are of degree 1:
        what is added scales by λ^c, and what it is added to by λ."""
        for q, projection in enumerate(projections):
            if not isinstance(projection, Projection):
                raise ArgumentTypeError(
                    f"{self.function}: projections[{q}] is a {type(projection).__qualname__}; a Projection is wanted", "projections"
                )
            for end in ("pre", "post"):
                name = getattr(projection, end)
                if name is not None and name not in self.at:
                    raise ArgumentValueError(
                        f"{self.function}: {end} of projections[{q}] is {name!r}; None or one of {list(self.at)} is wanted", end
                    )
            if projection.w is not None:
                continue
            pre, post = (None if name is None else self.at[name] for name in (projection.pre, projection.post))
            if pre is None or post is None:
                self.units.hold([*(() if pre is None else pre), *(() if post is None else post)], "added")
                continue
            if len(pre) != len(post):
                raise ArgumentValueError(
                    f"{self.function}: projections[{q}] adds {len(pre)} units to {len(post)}; the same number is wanted", "w"
                )
            one = (degree[pre] == 1) & (degree[post] == 1)
            self.units.join(pre[one], post[one], "added")
            self.units.hold([*pre[~one], *post[~one]], "added")

    def _blocks(self, projection: Projection, name: str) -> list[Block]:
        w = projection.w
        if w is None:
            return []
        groups = count(self.function, f"groups of {name}", projection.groups)
        positions = count(self.function, f"positions of {name}", projection.positions)
        if not isinstance(w, np.ndarray) and is_csr(w):
            w = checked_csr(w, f"w of {name}", self.function, dtype=self.dtype, written=self.written)
            shape: tuple[int, ...] = w.shape
        else:
            w = checked(w, f"w of {name}", self.function, ndim=max(2, np.ndim(w)), dtype=self.dtype, written=self.written)
            shape = w.shape
        self.dtype = stored(w).dtype
        if groups > 1 and len(shape) == 2:
            raise ArgumentValueError(f"{self.function}: groups of {name} is {groups}; 1 is wanted but for a convolution", "groups")
        if len(shape) > 2 and not w.flags.c_contiguous:
            raise ArgumentValueError(f"{self.function}: w of {name} is not contiguous; pass np.ascontiguousarray(w)", "w")
        rows, cols = self._side(projection.post), self._side(projection.pre)
        wanted = [len(rows) if rows is not None else shape[0], len(cols) * positions // groups if cols is not None else shape[1]]
        if list(shape[:2]) != wanted or shape[0] % groups or cols is not None and len(cols) * positions % groups:
            raise ArgumentValueError(
                f"{self.function}: w of {name} has shape {shape}; {tuple(wanted + list(shape[2:]))} is wanted of "
                f"{projection.pre!r} to {projection.post!r}" + (f" in {groups} groups" if groups > 1 else ""), "w",
            )  # fmt: skip
        alpha, alphas = self._alpha(projection.alpha, w, name)
        if cols is not None:
            cols = np.repeat(cols, positions)
        where = f"w of {name}"
        if len(shape) > 2:
            return kernel_blocks(w, where, rows, cols, groups, alphas=alphas, alpha=alpha)
        return [weights_block(w, where, rows, cols, alphas=alphas, alpha=alpha)]

    def _side(self, name: str | None) -> Integers | None:
        return None if name is None else self.numbers[self.at[name]]

    def _alpha(self, alpha: Any, w: npt.NDArray[Any] | CSR, name: str) -> tuple[float, npt.NDArray[Any] | None]:
        if np.ndim(alpha) == 0:
            return real(self.function, f"alpha of {name}", alpha), None
        if isinstance(w, CSR):
            raise ArgumentTypeError(f"{self.function}: alpha of {name} is an array; a number is wanted for sparse weights", "alpha")
        alphas = checked(alpha, f"alpha of {name}", self.function, ndim=w.ndim, dtype=w.dtype)
        if alphas.shape != w.shape:
            raise ArgumentValueError(f"{self.function}: alpha of {name} has shape {alphas.shape}; {w.shape} is wanted", "alpha")
        return 1.0, np.ascontiguousarray(alphas)

    def _bias(self, name: str, population: Population, counted: bool) -> Block:
        where = f"bias of populations[{name!r}]"
        bias = checked(population.bias, where, self.function, ndim=1, dtype=self.dtype, written=self.written)
        if bias.shape != (population.units,):
            raise ArgumentValueError(f"{self.function}: {where} has shape {bias.shape}; ({population.units},) is wanted", "bias")
        return weights_block(bias, where, None, self.numbers[self.at[name]], transposed=True, alpha=float(counted))
