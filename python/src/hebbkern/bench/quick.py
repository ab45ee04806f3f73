"""The quick benchmark: hebbkern beside NumPy, in one process, from an installed package."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import arrays, in_numpy, ours
from .arrays import Array, Inputs
from .workloads import WORKLOADS, Shape, Workload

#: The sizes that are measured; of online rules the first alone.
SHAPES = ((64, 784), (1024, 1024), (8,), (65536,), (64, 64), (400, 100), (16, 3, 32, 96, 5))
#: A step that takes longer than this is timed once.
LONG = 0.25
#: A slice never repeats a step more often than this, so that nothing drifts far.
MOST = 20_000

Forms = Mapping[str, Callable[[Inputs], Callable[[], object]]]


class BenchError(Exception):
    """A result is wrong, so that its time means nothing; the message says whose."""


@dataclass
class Row:
    """One workload: seconds of a step, None where there is no form of it."""

    workload: Workload
    shape: Shape
    hebbkern: float | None = None
    numpy: float | None = None

    @property
    def ratio(self) -> float | None:
        """NumPy's time over hebbkern's."""
        return self.numpy / self.hebbkern if self.hebbkern and self.numpy else None


@dataclass
class Side:
    """One library's forms of a workload, on arrays of its own."""

    name: str
    inputs: Inputs
    start: dict[str, Array]
    steps: dict[str, Callable[[], object]] = field(default_factory=dict)
    best: dict[str, float] = field(default_factory=dict)

    def reset(self) -> None:
        for name, array in self.start.items():
            self.inputs[name][...] = array

    def time(self, form: str, slice_: float) -> None:
        step, clock = self.steps[form], time.perf_counter
        if self.best.get(form, 0.0) > LONG:
            return
        self.reset()
        begin = clock()
        step()
        once = clock() - begin
        if once < slice_:
            begin = clock()
            step()
            repeats = range(max(1, min(MOST, int(slice_ / max(clock() - begin, 1e-7)))))
            begin = clock()
            for _ in repeats:
                step()
            once = (clock() - begin) / len(repeats)
        self.best[form] = min(self.best.get(form, float("inf")), once)


def measure(
    only: str = "", shapes: tuple[Shape, ...] = SHAPES, rounds: int = 5, slice_: float = 0.002
) -> Iterator[Row]:
    """Time every workload whose name contains `only`, hebbkern and NumPy in turn; the minimum of the rounds counts.

    Raises
    ------
    BenchError
        A step of either is wrong; every form is checked against NumPy in float64 first.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        for workload in WORKLOADS:
            if not workload.quick or only not in workload.name:
                continue
            fitting = [s for s in shapes if s in workload.shapes] or [s for s in shapes if shapes is not SHAPES]
            fitting = [s for s in fitting if len(s) == len(workload.shapes[0])]
            for shape in fitting[:1] if workload.online else fitting:
                yield _row(workload, shape, rounds, slice_)
                gc.collect()
    finally:
        if enabled:
            gc.enable()


def _row(workload: Workload, shape: Shape, rounds: int, slice_: float) -> Row:
    inputs = workload.inputs(shape)
    expected = workload.expected(inputs)
    sides = [
        _side("hebbkern", ours.FORMS, workload, inputs, expected),
        _side("NumPy", in_numpy.FORMS, workload, inputs, expected),
    ]
    for _ in range(rounds):
        for side in sides:
            for form in side.steps:
                side.time(form, slice_)
    hebbkern, numpy = (min(side.best.values(), default=None) for side in sides)
    return Row(workload, shape, hebbkern, numpy)


def _side(name: str, forms: Mapping[str, Forms], workload: Workload, inputs: Inputs, expected: list[Array]) -> Side:
    own = {k: _aligned(v) if isinstance(v, np.ndarray) else v for k, v in inputs.items()}
    side = Side(name, own, {k: inputs[k] for k in workload.outputs if k in inputs})
    for form, make in forms.get(workload.form, {}).items():
        step = make(own)
        side.reset()
        returned = step()
        results: Any = [own[k] for k in side.start] or (returned if isinstance(returned, tuple) else (returned,))
        error = workload.error(inputs, results, expected)
        if not error <= workload.tolerance:
            raise BenchError(
                f"{workload.name}: {name}, {form}, has the error {error:.1e}; {workload.tolerance:.0e} is allowed"
            )
        side.steps[form] = step
    return side


def _aligned(array: NDArray[Any]) -> NDArray[Any]:
    copy = arrays.empty_like(array)
    copy[...] = array
    return copy


def lines(rows: Iterator[Row]) -> Iterator[str]:
    """The table, a line at a time as the measurements come."""
    yield f"{'':24}{'size':>10}{'hebbkern':>20}{'NumPy':>20}{'NumPy/hebbkern':>16}"
    for row in rows:
        size = "×".join(map(str, row.shape))
        ratio = f"{row.ratio:.2f}" if row.ratio else "–"
        yield f"{row.workload.name:24}{size:>10}{_shown(row, row.hebbkern):>20}{_shown(row, row.numpy):>20}{ratio:>16}"


def _shown(row: Row, seconds: float | None) -> str:
    if seconds is None:
        return "–"
    samples = row.workload.samples(row.shape)
    if samples > 1:
        return f"{samples / seconds:,.0f} samples/s"
    return f"{seconds * 1e6:,.2f} µs" if seconds < 1e-3 else f"{seconds * 1e3:,.2f} ms"
