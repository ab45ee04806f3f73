"""Units of a network that is found out step by step: which must have one scale, and which must stay as they are and
why. `hebbkern.torch` and `hebbkern.sklearn` describe their models with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Iterable

import numpy as np
import numpy.typing as npt

from . import _graph
from ._graph import Block, GraphReport, Integers
from .balancing import BalanceReport


@dataclass(frozen=True, repr=False)
class ModelReport(BalanceReport):
    """The outcome of balancing a model: a `BalanceReport` whose layers have names.

    Layer l of `scales`, `dead` and `excluded` is `modules[l]`. The reasons in `excluded` also say by name what
    keeps a unit from being scaled.

    Attributes
    ----------
    modules : list of str
        The names of the layers with units, in the order in which the model runs.
    folded : list of str
        Batch norms that were folded.
    """

    modules: list[str] = field(default_factory=list)
    folded: list[str] = field(default_factory=list)

    @property
    def by_module(self) -> dict[str, npt.NDArray[np.float64]]:
        """λ of the units of each module."""
        return dict(zip(self.modules, self.scales))

    def __repr__(self) -> str:
        whole = sum(unit is None for _, unit, _ in self.excluded)
        units = sum(unit is not None for _, unit, _ in self.excluded)
        left = [f"{n} {what}" for n, what in ((whole, "layers"), (units, "units")) if n]
        kept = f"; {' and '.join(left)} left as they were)" if left else ")"
        return super().__repr__().replace("BalanceReport", "ModelReport", 1)[:-1] + kept

    def plot(self) -> Any:
        """As of `BalanceReport`, the layers by name."""
        figure = super().plot()
        figure.axes[0].set_xticklabels(self.modules, rotation=90, fontsize="small")
        figure.axes[0].set_xlabel("")
        return figure


class Units:
    """Units by number, in layers; −1 is what is never scaled."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.layers: list[Integers] = []
        self._parent: list[int] = []
        self._why: list[str] = []

    def add(self, name: str, count: int) -> Integers:
        """A layer of new units."""
        first = len(self._parent)
        self._parent += range(first, first + count)
        self._why += [""] * count
        units = np.arange(first, first + count)
        self.names.append(name)
        self.layers.append(units)
        return units

    def hold(self, units: Iterable[int], why: str) -> None:
        """Units that must keep λ = 1. The first reason stays."""
        for unit in units:
            if unit >= 0:
                root = self._find(unit)
                self._why[root] = self._why[root] or why

    def join(self, a: Iterable[int], b: Iterable[int], why: str) -> None:
        """Pairs of units that must have one λ; a unit that is paired with −1 is held."""
        for i, j in zip(a, b):
            if i < 0 or j < 0:
                self.hold((i, j), why)
                continue
            i, j = sorted((self._find(i), self._find(j)))
            self._parent[j] = i
            self._why[i] = self._why[i] or self._why[j]

    def _find(self, unit: int) -> int:
        parent = self._parent
        while parent[unit] != unit:
            parent[unit] = parent[parent[unit]]
            unit = parent[unit]
        return unit

    def numbers(self) -> Integers:
        """By unit: the number of its scale, 0, 1, ... in the order of the layers. One entry more, so that [−1] is −1."""
        roots = np.array([self._find(i) for i in range(len(self._parent))], np.int64)
        _, number = np.unique(roots, return_inverse=True)
        return np.append(number.reshape(-1), -1).astype(np.int64)

    def graph(self, numbers: Integers) -> dict[str, Any]:
        """What `balance_graph` is to know of the units."""
        count = int(numbers.max(initial=-1)) + 1
        held, group = np.zeros(count, np.uint8), np.zeros(count, np.int64)
        at = 0
        for units in self.layers[::-1]:  # a shared scale belongs to the first layer that has it
            group[numbers[units]] = at
            at += 1
        held[numbers[[i for i in range(len(self._parent)) if self._why[self._find(i)]]]] = 1
        _, group = np.unique(-group, return_inverse=True)  # from the first layer on, none left out
        return {"units": count, "held": held, "group": group.reshape(-1).astype(np.int64)}

    def split(self, numbers: Integers, values: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
        """Values by scale as a list by layer."""
        return [values[numbers[units]] for units in self.layers]

    def report(self, numbers: Integers, result: GraphReport, options: dict[str, Any], folded: list[str]) -> ModelReport:
        """The report, by layer."""
        dead: list[tuple[int, int]] = []
        excluded: list[tuple[int, int | None, str]] = []
        for l, (units, status) in enumerate(zip(self.layers, self.split(numbers, result.status))):
            dead += [(l, int(i)) for i in np.flatnonzero(status == _graph.DEAD)]
            reasons = ["" if s in (_graph.FREE, _graph.DEAD) else self._reason(u, s) for u, s in zip(units, status)]
            if reasons and reasons[0] and len(set(reasons)) == 1:
                excluded.append((l, None, reasons[0]))
            else:
                excluded += [(l, i, reason) for i, reason in enumerate(reasons) if reason]
        return ModelReport(
            p=options["p"],
            method=options["method"],
            reason=result.reason,
            sweeps=result.sweeps,
            residual=result.residual,
            cost_before=result.cost_before,
            cost_after=result.cost_after,
            deficit_before=result.deficit_before,
            deficit_after=result.deficit_after,
            scales=self.split(numbers, result.scales),
            dead=dead,
            excluded=excluded,
            modules=list(self.names),
            folded=folded,
        )

    def _reason(self, unit: int, status: int) -> str:
        return self._why[self._find(unit)] or {_graph.SHARED: "shared", _graph.OFF_CYCLE: "off cycle"}[status]


def weights_block(
    w: npt.NDArray[Any],
    name: str,
    rows: Integers | None,
    cols: Integers | None,
    **options: Any,
) -> Block:
    """A block, without the sides that no unit is on."""
    return Block(w, name, rows=_any(rows), cols=_any(cols), **options)


def kernel_blocks(
    w: npt.NDArray[Any],
    name: str,
    rows: Integers | None,
    cols: Integers | None,
    groups: int = 1,
    *,
    alphas: npt.NDArray[Any] | None = None,
    spread: Callable[[Integers, int], Integers] = np.repeat,
    **options: Any,
) -> list[Block]:
    """A contiguous kernel [out, in/groups, ...] as blocks, one for each group that reads units of its own. `cols` are the
    units of all channels, each of which has a column a place: `np.repeat`, or, the channel last, `np.tile`."""
    flat, out = w.reshape(len(w), -1), len(w) // groups
    weights = None if alphas is None else alphas.reshape(flat.shape)
    assert np.shares_memory(flat, w) or not w.size
    parts = [] if cols is None else list(cols.reshape(groups, -1))
    if cols is None or all(np.array_equal(part, parts[0]) for part in parts):
        parts, out = parts[:1], len(w)
    made = []
    for g, part in enumerate(parts or [None]):
        of = slice(g * out, (g + 1) * out)
        made.append(
            weights_block(
                flat[of], name, None if rows is None else rows[of],
                None if part is None else spread(part, flat.shape[1] // max(len(part), 1)),
                alphas=None if weights is None else weights[of], **options,
            )
        )  # fmt: skip
    return made


def _any(units: Integers | None) -> Integers | None:
    return None if units is None or not np.any(units >= 0) else np.ascontiguousarray(units)
