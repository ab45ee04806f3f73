"""What a workload is: its inputs, what it must give, and what a machine needs for it at least."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .arrays import Array, Inputs

Shape = tuple[int, ...]
#: Of inputs: by shape, generator and element type.
Make = Callable[[Shape, np.random.Generator, type], Inputs]
Reference = Callable[[Inputs], Sequence[Array]]

SEED = 1


@dataclass(frozen=True)
class Workload:
    """One thing that is timed, in several forms by several libraries.

    Attributes
    ----------
    name, form : str
        What tables say, and the key of the functions that do it (power sums of each p are done by one function).
    shapes : tuple of shapes
        ``(out, in)``, ``(n,)`` for vectors, or (images, channels, side, kernels, size) for convolutions.
    make : function of (shape, generator, dtype)
        Makes the inputs: arrays and numbers by name.
    outputs : tuple of str
        The arrays that change in place if the inputs have them, else the results that a step returns.
    reference : function of inputs in float64
        What the outputs must be.
    memory : str or None
        The memory limit that bounds it: "read", "read+write", "read+read+write". None: arithmetic does.
    fmas, roots : function of shape
        Fused multiply-adds and square roots of one call that no form can do without; None: not bounded by them.
    flops : function of shape
        Arithmetic of one call, for the roofline: that of the definition, a fused multiply-add counting two.
    samples : function of shape
        Samples (time steps) of one call of an online rule.
    double : bool
        Measured in float64 too.
    threads : tuple of int
        The numbers of threads that it is measured with.
    quick : bool
        A part of the quick suites.
    tolerance : float
        The largest `error` that is right.
    extra : mapping
        Inputs beside those that `make` makes.
    """

    name: str
    form: str
    shapes: tuple[Shape, ...]
    make: Make
    outputs: tuple[str, ...]
    reference: Reference
    memory: str | None = None
    fmas: Callable[[Shape], float] | None = None
    roots: Callable[[Shape], float] | None = None
    flops: Callable[[Shape], float] = lambda shape: 0.0
    samples: Callable[[Shape], int] = lambda shape: 1
    double: bool = True
    threads: tuple[int, ...] = (1, 2)
    quick: bool = True
    tolerance: float = 2e-3
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def online(self) -> bool:
        """A rule over samples, each of which sees the weights that the one before left."""
        return self.form in ("oja", "wta", "softhebb")

    def inputs(self, shape: Shape, dtype: type = np.float32) -> Inputs:
        """The inputs of one size, the same each time."""
        made = self.make(shape, np.random.default_rng(SEED), dtype)
        return {**made, **self.extra}

    def expected(self, inputs: Inputs) -> list[Array]:
        """The outputs, computed in float64."""
        exact = {k: v.astype(np.float64) if isinstance(v, np.ndarray) else v for k, v in inputs.items()}
        return list(self.reference(exact))

    def error(self, inputs: Inputs, results: Sequence[Array], expected: Sequence[Array]) -> float:
        """The largest error relative to the largest change, over the outputs; `inputs` as before the step."""
        if len(results) != len(expected):
            raise ValueError(f"{self.name}: {len(results)} results; {len(expected)} are wanted")
        worst = 0.0
        for name, result, wanted in zip(self.outputs, results, expected, strict=True):
            if np.shape(result) != wanted.shape:
                raise ValueError(f"{self.name}: {name} is {np.shape(result)}; {wanted.shape} is wanted")
            apart = _apart(np.asarray(result), wanted)
            change = _apart(inputs[name], wanted) if name in inputs else float(np.abs(wanted).max())
            worst = max(worst, apart / change) if np.isfinite(apart) else np.inf
        return worst

    def footprint(self, shape: Shape, itemsize: int) -> int:
        """Bytes of the arrays that bound it: w, or a vector and what it learns from."""
        return int(np.prod(shape)) * itemsize * (2 if self.form in ("ema", "sgd") else 1)

    def traffic(self, shape: Shape, itemsize: int) -> float:
        """Bytes that one call must move at least: w read, and written where it changes."""
        passes = {"read": 1.0, "read+write": 2.0, "read+read+write": 1.5, None: 2.0 if "w" in self.outputs else 1.0}
        return self.footprint(shape, itemsize) * passes[self.memory]


def _apart(a: Array, b: Array) -> float:
    """The largest difference, by pieces that stay in a cache; NaN if there is one."""
    a, b = a.reshape(-1), b.reshape(-1)
    piece = 1 << 15
    return float(np.max([np.abs(a[i : i + piece] - b[i : i + piece]).max() for i in range(0, len(a), piece)]))
