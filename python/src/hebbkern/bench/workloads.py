"""The workloads: their inputs, what they must give, and what a machine needs for them at least.

A workload's result is checked before it is timed, against NumPy in float64: the largest error of the change that it made
(of the result, where nothing is changed in place), relative to the largest change. Doing nothing has the error 1.

Inputs are such that a step may be repeated in place for as long as a timing lasts: weights neither leave the finite
numbers nor become subnormal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import in_numpy, sequences, training
from .arrays import Array, Inputs
from .workload import Shape as Shape
from .workload import Workload as Workload

#: Samples of `forward` and `batch`.
BATCH = 64
#: Steps of STDP, and the chance of a spike in each.
STEPS, SPIKES = 1000, 0.05
MATRICES = ((256, 256), (64, 784), (1024, 1024), (2000, 784), (4096, 4096))
ONLINE = ((64, 784), (1024, 1024), (2000, 784), (4096, 4096))


# ---- inputs -----------------------------------------------------------------------------------------------------------


def _rank1(shape: Shape, r: np.random.Generator, dtype: type) -> Inputs:
    rows, cols = shape
    return {
        "w": r.uniform(-1, 1, shape).astype(dtype),
        "g": (1e-3 * r.standard_normal(rows)).astype(dtype),
        "x": r.standard_normal(cols).astype(dtype),
    }


def _scale(shape: Shape, r: np.random.Generator, dtype: type) -> Inputs:
    # Signs: nothing grows or fades, and doing nothing is wrong.
    rows, cols = shape
    return {
        "w": r.uniform(0.5, 1, shape).astype(dtype),
        "rows": np.where(np.arange(rows) % 3, 1, -1).astype(dtype),
        "cols": np.where(np.arange(cols) % 5, 1, -1).astype(dtype),
    }


def _gain_rule(shape: Shape, r: np.random.Generator, dtype: type) -> Inputs:
    rows, cols = shape
    return {
        "w": r.uniform(-1, 1, shape).astype(dtype),
        "post": r.uniform(0, 1, rows).astype(dtype),
        "pre": r.uniform(0, 1, cols).astype(dtype),
        "lr": 1e-3,
    }


def _oja_given(shape: Shape, r: np.random.Generator, dtype: type) -> Inputs:
    rows, cols = shape
    return {
        "w": r.uniform(-1, 1, shape).astype(dtype),
        "x": r.standard_normal(cols).astype(dtype),
        "y": r.uniform(0.5, 1.5, rows).astype(dtype),
        "lr": 1e-3,
    }


def _weights(shape: Shape, r: np.random.Generator, dtype: type) -> Inputs:
    return {"w": r.uniform(-1, 1, shape).astype(dtype)}


def _forward(shape: Shape, r: np.random.Generator, dtype: type) -> Inputs:
    rows, cols = shape
    return {
        "w": (r.standard_normal(shape) / np.sqrt(cols)).astype(dtype),
        "X": r.standard_normal((BATCH, cols)).astype(dtype),
    }


def _batch(shape: Shape, r: np.random.Generator, dtype: type) -> Inputs:
    made = _forward(shape, r, dtype)
    return {**made, "G": (1e-3 * r.standard_normal((BATCH, shape[0]))).astype(dtype), "decay": 1e-3}


def _ema(shape: Shape, r: np.random.Generator, dtype: type) -> Inputs:
    return {"s": r.standard_normal(shape).astype(dtype), "a": r.standard_normal(shape).astype(dtype), "alpha": 0.01}


def samples(shape: Shape) -> int:
    """Samples of an online workload: 1000, fewer where one has 64 MB to pass."""
    return 128 if shape[0] * shape[1] > 1 << 23 else 1000


def _oja(shape: Shape, r: np.random.Generator, dtype: type) -> Inputs:
    rows, cols = shape
    return {
        "w": (r.standard_normal(shape) / np.sqrt(cols)).astype(dtype),
        "X": r.standard_normal((samples(shape), cols)).astype(dtype),
        "lr": 0.5 / cols,
    }


def _clusters(shape: Shape, r: np.random.Generator, dtype: type) -> Inputs:
    """Samples and weights around the same 64 directions, of length 1, so that the winners change."""
    rows, cols = shape
    centres = r.standard_normal((64, cols), np.float32)

    def near(n: int) -> Array:
        x = centres[r.integers(0, 64, n)] + r.standard_normal((n, cols), np.float32)
        array: Array = (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(dtype)
        return array

    return {"w": near(rows), "X": near(samples(shape)), "lr": 0.05, "temperature": 0.1}


def _stdp(shape: Shape, r: np.random.Generator, dtype: type) -> Inputs:
    rows, cols = shape
    return {
        "w": r.uniform(0.2, 0.8, shape).astype(dtype),
        "pre": (r.random((STEPS, cols)) < SPIKES).astype(dtype),
        "post": (r.random((STEPS, rows)) < SPIKES).astype(dtype),
        "tau": 20.0,
        "a_plus": 0.01,
        "a_minus": -0.012,
    }


# ---- what the outputs must be, in float64 ------------------------------------------------------------------------------


def _power_sums_reference(a: Inputs) -> list[Array]:
    t = np.abs(a["w"]) ** a["p"]
    return [t.sum(1), t.sum(0)]


def _online(rule: str) -> Callable[[Inputs], list[Array]]:
    """The blocked form in float64: it agrees with sample after sample to rounding (its test), in a tenth of the time."""

    def reference(a: Inputs) -> list[Array]:
        a = {**a, "w": a["w"].copy()}
        in_numpy.FORMS[rule]["blocked 128"](a)()
        return [a["w"]]

    return reference


def _stdp_reference(a: Inputs) -> list[Array]:
    a = {**a, "w": a["w"].copy()}
    in_numpy.stdp(a)()
    return [a["w"]]


def _size(shape: Shape) -> float:
    return float(np.prod(shape))


def _update(name: str, form: str, make: Any, reference: Any, flops: float) -> Workload:
    return Workload(
        name, form, MATRICES, make, ("w",), reference, memory="read+write", flops=lambda s: flops * _size(s)
    )


def _power_sums(p: float, flops: float) -> Workload:
    return Workload(
        f"power sums p={p:g}",
        "power_sums",
        MATRICES,
        _weights,
        ("rows", "cols"),
        _power_sums_reference,
        memory="read" if p in (0.5, 1, 1.5, 2) else None,
        roots=_size if p in (0.5, 1.5) else None,
        flops=lambda s: flops * _size(s),
        double=p == 2,
        extra={"p": p},
    )


def _learning(name: str, form: str, make: Any, products: int, tolerance: float = 2e-3) -> Workload:
    return Workload(
        name,
        form,
        ONLINE,
        make,
        ("w",),
        _online(form),
        fmas=lambda s: products * _size(s) * samples(s),
        flops=lambda s: 2 * products * _size(s) * samples(s),
        samples=samples,
        double=False,
        tolerance=tolerance,
    )


WORKLOADS = (
    _update("rank-1", "rank1", _rank1, lambda a: [a["w"] + np.outer(a["g"], a["x"])], 2),
    _update("scale", "scale", _scale, lambda a: [a["w"] * a["rows"][:, None] * a["cols"]], 2),
    _update(
        "gain rule",
        "gain_rule",
        _gain_rule,
        lambda a: [a["w"] * (1 + a["lr"] * (a["pre"] ** 2 - a["post"][:, None] ** 2))],
        3,
    ),
    _update(
        "Oja, y given",
        "oja_given",
        _oja_given,
        lambda a: [a["w"] * (1 - a["lr"] * a["y"][:, None] ** 2) + a["lr"] * np.outer(a["y"], a["x"])],
        3,
    ),
    _power_sums(2, 4),
    _power_sums(1, 3),
    _power_sums(1.5, 5),
    _power_sums(0.5, 4),
    _power_sums(1.3, 40),
    _power_sums(2.7, 40),
    Workload(
        "forward, 64 samples",
        "forward",
        MATRICES,
        _forward,
        ("Y",),
        lambda a: [a["X"] @ a["w"].T],
        fmas=lambda s: BATCH * _size(s),
        flops=lambda s: 2 * BATCH * _size(s),
    ),
    Workload(
        "batch of 64, decay",
        "batch",
        MATRICES,
        _batch,
        ("w",),
        lambda a: [a["w"] * (1 - a["decay"]) + a["G"].T @ a["X"]],
        fmas=lambda s: BATCH * _size(s),
        flops=lambda s: 2 * BATCH * _size(s),
    ),
    Workload(
        "EMA",
        "ema",
        ((8,), (1024,), (65536,), (1 << 22,)),
        _ema,
        ("s",),
        lambda a: [a["s"] + a["alpha"] * (a["a"] - a["s"])],
        memory="read+read+write",
        flops=lambda s: 3 * _size(s),
        double=False,
    ),
    Workload(
        "np.add(a, b, out=c)",
        "np.add",
        ((8,),),
        _ema,
        ("sum",),
        lambda a: [a["s"] + a["a"]],
        flops=_size,
        double=False,
    ),
    Workload(
        "rank-1, small",
        "rank1",
        ((64, 64),),
        _rank1,
        ("w",),
        lambda a: [a["w"] + np.outer(a["g"], a["x"])],
        memory="read+write",
        flops=lambda s: 2 * _size(s),
        double=False,
    ),
    _learning("online Oja", "oja", _oja, 2),
    _learning("online winner-take-all", "wta", _clusters, 1),
    # exp makes an absolute error of t·u a relative one of y: 2.2e-3 in order at 4096², in float64 1.5e-12
    _learning("online SoftHebb", "softhebb", _clusters, 2, tolerance=4e-3),
    Workload(
        "STDP, 5 % spikes",
        "stdp",
        ((400, 100),),
        _stdp,
        ("w",),
        _stdp_reference,
        samples=lambda s: STEPS,
        flops=lambda s: 2 * 2 * SPIKES * _size(s) * STEPS,
        double=False,
        tolerance=1e-2,
    ),
    *training.WORKLOADS,
    *sequences.WORKLOADS,
)
BY_NAME = {w.name: w for w in WORKLOADS}
