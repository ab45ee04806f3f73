"""Workloads of the rules: 1000 samples in one call, and what they must give.

Each is timed from Python, and from Go as the kernels that it consists of (bench/cmd/worker/sequences.go). Its reference is the
equation, sample after sample.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .arrays import Array, Inputs
from .workload import Make, Shape, Workload

#: ``learn(w, x, y, k)`` changes w by sample k.
Learn = Callable[[Array, Array, Array, int], None]
#: The samples of the long sequence: as many as MNIST has.
LONG = 60_000
SMALL, LARGE = ((64, 784),), ((64, 784), (1024, 1024))


def samples(shape: Shape) -> int:
    """1000, fewer where the references would take long."""
    return 1000 if shape[0] * shape[1] < 1 << 18 else 100


def _inputs(given: bool = False, rate: float = 0.5) -> Make:
    """Samples, and with `given` what the rule has in the place of y; the learning rate of a sample is rate / |x|²."""

    def make(shape: Shape, r: np.random.Generator, dtype: type) -> Inputs:
        (rows, cols), n = shape, samples(shape)
        made: Inputs = {
            "w": (r.standard_normal(shape) / np.sqrt(cols)).astype(dtype),
            "X": r.standard_normal((n, cols)).astype(dtype),
            "lr": rate / cols,
        }
        if given:
            made["Y"] = r.uniform(0, 1, (n, rows)).astype(dtype)
        return made

    return make


def _phases(shape: Shape, r: np.random.Generator, dtype: type) -> Inputs:
    """Two of each, clamped and free: rows 2k and 2k + 1."""
    made = _inputs(given=True)(shape, r, dtype)
    x, y = made.pop("X"), made.pop("Y")
    free = r.uniform(0, 1, y.shape).astype(dtype)
    return {**made, "X": x, "Y": y, "X_free": np.ascontiguousarray(x[::-1]), "Y_free": free}


def _modulated(shape: Shape, r: np.random.Generator, dtype: type) -> Inputs:
    return {**_inputs(rate=0.02)(shape, r, dtype), "modulator": r.uniform(0.5, 1, samples(shape)).astype(dtype)}


def _active(shape: Shape, r: np.random.Generator, dtype: type) -> Inputs:
    """Inputs of 0 and 1, a tenth of them on, and weights with which a unit gets some 1. (At the paper's rates, ten times
    these, the answers are chaotic: in float32 they come to be others than in float64.)"""
    (rows, cols), n = shape, samples(shape)
    return {
        "w": (r.uniform(0, 2, (rows, cols)) / (0.1 * cols)).astype(dtype),
        "X": (r.random((n, cols)) < 0.1).astype(dtype),
        "lr": 0.002,
    }


def _directed(shape: Shape, r: np.random.Generator, dtype: type) -> Inputs:
    """Samples around 64 directions, of length 1."""
    (rows, cols), n = shape, samples(shape)
    centres = r.standard_normal((64, cols))
    near = [centres[r.integers(0, 64, m)] + r.standard_normal((m, cols)) for m in (rows, n)]
    w, x = ((v / np.linalg.norm(v, axis=1, keepdims=True)).astype(dtype) for v in near)
    return {"w": w, "X": x, "lr": 0.01}


def _spikes(shape: Shape, r: np.random.Generator, dtype: type) -> Inputs:
    rows, cols = shape
    return {
        "w": r.uniform(0.2, 0.8, shape).astype(dtype),
        "pre": (r.random((1000, cols)) < 0.05).astype(dtype),
        "post": (r.random((1000, rows)) < 0.05).astype(dtype),
    }


def _pictures(shape: Shape, r: np.random.Generator, dtype: type) -> Inputs:
    """As many samples as MNIST has, a fifth of their elements on, and learning that does not diverge."""
    rows, cols = shape
    x = r.random((LONG, cols), np.float32)
    x = np.where(x < 0.19, x / np.float32(0.19), 0).astype(dtype)
    return {"w": (r.standard_normal(shape) / np.sqrt(cols)).astype(dtype), "X": x, "lr": 1e-4}


def _products(shape: Shape, r: np.random.Generator, dtype: type) -> Inputs:
    made = _pictures(shape, r, dtype)
    y: Array = np.zeros((LONG, shape[0]), dtype)
    return {"w": made["w"], "X": made["X"], "Y": y, "G": (1e-5 * r.standard_normal(y.shape, np.float32)).astype(dtype)}


# ---- the rules' equations ----------------------------------------------------------------------------------------------


def _hebb(a: Inputs) -> Learn:
    def learn(w: Array, x: Array, y: Array, k: int) -> None:
        w += np.outer(a["lr"] * y, x)

    return learn


def _decay(a: Inputs) -> Learn:
    def learn(w: Array, x: Array, y: Array, k: int) -> None:
        w += np.outer(a["lr"] * y, x) - a["decay"] * w

    return learn


def _oja(a: Inputs) -> Learn:
    def learn(w: Array, x: Array, y: Array, k: int) -> None:
        w += a["lr"] * (np.outer(y, x) - (y * y)[:, None] * w)

    return learn


def _instar(a: Inputs) -> Learn:
    def learn(w: Array, x: Array, y: Array, k: int) -> None:
        w += a["lr"] * y[:, None] * (x - w)

    return learn


def _outstar(a: Inputs) -> Learn:
    def learn(w: Array, x: Array, y: Array, k: int) -> None:
        w += a["lr"] * x * (y[:, None] - w)

    return learn


def _pre_gated(a: Inputs) -> Learn:
    def learn(w: Array, x: Array, y: Array, k: int) -> None:
        w += np.outer(a["lr"] * (y - a["theta"]), x)

    return learn


def _post_gated(a: Inputs) -> Learn:
    def learn(w: Array, x: Array, y: Array, k: int) -> None:
        w += np.outer(a["lr"] * y, x - a["theta"])

    return learn


def _anti_hebbian(a: Inputs) -> Learn:
    def learn(w: Array, x: Array, y: Array, k: int) -> None:
        w -= np.outer(a["lr"] * y, x)

    return learn


def _abcd(a: Inputs) -> Learn:
    def learn(w: Array, x: Array, y: Array, k: int) -> None:
        w += a["lr"] * (a["a"] * np.outer(y, x) + a["b"] * x + a["c"] * y[:, None] + a["d"])

    return learn


def _covariance(a: Inputs) -> Learn:
    mean: dict[str, Any] = {"x": 0.0, "y": 0.0}

    def learn(w: Array, x: Array, y: Array, k: int) -> None:
        w += np.outer(a["lr"] * (y - mean["y"]), x - mean["x"])
        for name, now in (("x", x), ("y", y)):
            mean[name] = a["alpha"] * now + (1 - a["alpha"]) * mean[name]

    return learn


def _bcm(form: str) -> Callable[[Inputs], Learn]:
    def make(a: Inputs) -> Learn:
        mean: Any = np.ones(len(a["w"]))  # of y², and with "1982" of y; either way θ starts at 1

        def learn(w: Array, x: Array, y: Array, k: int) -> None:
            theta = np.abs(mean) ** 2 * mean if form == "1982" else mean
            by = theta if form == "law" else 1
            w += np.outer(a["lr"] * y * (y - theta) / by, x)
            mean[:] = a["alpha"] * (y if form == "1982" else y * y) + (1 - a["alpha"]) * mean

        return learn

    return make


def _differential(a: Inputs) -> Learn:
    before: list[Array] = []

    def learn(w: Array, x: Array, y: Array, k: int) -> None:
        if before:
            w += np.outer(a["lr"] * (y - before[1]), x - before[0])
        before[:] = x, y

    return learn


def _sanger(a: Inputs) -> Learn:
    def learn(w: Array, x: Array, y: Array, k: int) -> None:
        w += a["lr"] * y[:, None] * (x - np.cumsum(y[:, None] * w, 0))

    return learn


def _krotov_hopfield(a: Inputs) -> Learn:
    def learn(w: Array, x: Array, y: Array, k: int) -> None:
        ranking, g = np.argsort(-y, kind="stable"), np.zeros(len(w))
        g[ranking[0]], g[ranking[1]] = 1, -a["delta"]
        s = np.outer(g, x) - (g * y)[:, None] * w
        w += a["lr"] * s / np.abs(s).max()

    return learn


def _voja(a: Inputs) -> Learn:
    def learn(w: Array, x: Array, y: Array, k: int) -> None:
        w += a["lr"] * y[:, None] * (a["scale"] * x - w)

    return learn


def _pes(a: Inputs) -> Learn:
    def learn(w: Array, x: Array, y: Array, k: int) -> None:
        w -= a["lr"] / len(x) * np.outer(y, x)

    return learn


def _contrastive(a: Inputs) -> Learn:
    def learn(w: Array, x: Array, y: Array, k: int) -> None:
        w += a["lr"] * (np.outer(y, x) - np.outer(a["Y_free"][k], a["X_free"][k]))

    return learn


def _three_factor(a: Inputs) -> Learn:
    trace = np.zeros(a["w"].shape)

    def learn(w: Array, x: Array, y: Array, k: int) -> None:
        trace[:] = np.exp(-1 / a["tau"]) * trace + np.outer(y, x)
        w += a["lr"] * a["modulator"][k] * trace

    return learn


def _foldiak(a: Inputs) -> Learn:
    out = len(a["w"])
    lateral, threshold = np.zeros((out, out)), np.full(out, a["threshold"])

    def learn(w: Array, x: Array, y: Array, k: int) -> None:
        drive, state = y - threshold, np.zeros(out)
        for _ in range(50):
            state += 0.2 * (1 / (1 + np.exp(-10 * (drive + lateral @ state))) - state)
        y = (state > 0.5).astype(float)
        w += a["lr"] * y[:, None] * (x - w)
        lateral[:] = np.minimum(lateral - a["lateral_lr"] * (np.outer(y, y) - a["p"] ** 2), 0)
        np.fill_diagonal(lateral, 0)
        threshold[:] += a["threshold_lr"] * (y - a["p"])

    return learn


def _reference(rule: Callable[[Inputs], Learn]) -> Callable[[Inputs], list[Array]]:
    def reference(a: Inputs) -> list[Array]:
        w, learn = a["w"].copy(), rule(a)
        for k, x in enumerate(a["X"]):
            learn(w, x, a["Y"][k] if "Y" in a else w @ x, k)
        return [w]

    return reference


def _triplets(a: Inputs) -> list[Array]:
    w, (rows, cols) = a["w"].copy(), a["w"].shape
    r1, r2, o1, o2 = np.zeros(cols), np.zeros(cols), np.zeros(rows), np.zeros(rows)
    for pre, post in zip(a["pre"], a["post"], strict=True):
        for trace, tau in ((r1, "tau_plus"), (r2, "tau_x"), (o1, "tau_minus"), (o2, "tau_y")):
            trace *= np.exp(-1 / a[tau])
        before = a["a2_plus"] + a["a3_plus"] * o2
        on = pre > 0
        w[:, on] = np.clip(w[:, on] - np.outer(o1, (a["a2_minus"] + a["a3_minus"] * r2)[on]), 0, 1)
        r1 += pre
        on = post > 0
        w[on] = np.clip(w[on] + np.outer(before[on], r1), 0, 1)
        r2 += pre
        o1 += post
        o2 += post
    return [w]


def _long_sanger(a: Inputs) -> list[Array]:
    """By coefficients of w and of some samples, W = M (w; X): the equation in M, with K = (w; X)(w; X)ᵀ."""
    w, size = a["w"].copy(), 64
    out = len(w)
    lower = np.tril(np.ones((out, out)))
    for i in range(0, len(a["X"]), size):
        basis = np.concatenate([w, a["X"][i : i + size]])
        k, m = basis @ basis.T, np.eye(out, len(basis))
        for b in range(out, len(basis)):
            y = m @ k[b]
            m -= a["lr"] * y[:, None] * (lower @ (y[:, None] * m))
            m[:, b] += a["lr"] * y
        w = m @ basis
    return [w]


def _two_products(a: Inputs) -> list[Array]:
    return [a["w"] + a["G"].T @ a["X"], a["X"] @ a["w"].T]


# ---- workloads ---------------------------------------------------------------------------------------------------------


def _rule(
    name: str,
    learn: Callable[[Inputs], Learn],
    make: Make | None = None,
    shapes: tuple[Shape, ...] = SMALL,
    tolerance: float = 2e-3,
    **extra: float,
) -> Workload:
    return Workload(
        f"rule {name}",
        f"rule {name}",
        shapes,
        make or _inputs(),
        ("w",),
        _reference(learn),
        samples=samples,
        double=False,
        threads=(1,),
        quick=False,
        tolerance=tolerance,
        extra=extra,
    )


def _whole(name: str, make: Make, outputs: tuple[str, ...], reference: Any, n: int, **extra: float) -> Workload:
    return Workload(
        name,
        name,
        SMALL,
        make,
        outputs,
        reference,
        samples=lambda s: n,
        double=False,
        threads=(1,),
        quick=False,
        extra=extra,
    )


_GIVEN = _inputs(given=True)
_SLOW = _inputs(rate=0.05)  # where Δw grows with y² or y³
LONG_SANGER, LONG_PRODUCTS = "Sanger, 60,000 samples", "the two products of 60,000 samples"

#: Every rule over a sequence but `Oja`, `WTA`, `SoftHebb` and `STDP`, which are workloads of their own.
RULES = (
    _rule("Hebb", _hebb),
    _rule("Decay", _decay, decay=1e-3),
    _rule("Instar", _instar),
    _rule("Outstar", _outstar),
    _rule("PreGated", _pre_gated, theta=0.5),
    _rule("PostGated", _post_gated, theta=0.5),
    _rule("AntiHebbian", _anti_hebbian),
    _rule("ABCD", _abcd, a=1.0, b=-0.1, c=0.1, d=0.01),
    _rule("Covariance", _covariance, alpha=0.01),
    _rule("BCM", _bcm("intrator"), _SLOW, shapes=LARGE, alpha=0.01),
    _rule("BCM, law", _bcm("law"), _SLOW, alpha=0.01),
    _rule("BCM, 1982", _bcm("1982"), _SLOW, alpha=0.01),
    _rule("DifferentialHebbian", _differential),
    _rule("Sanger", _sanger, shapes=LARGE),
    _rule("KrotovHopfield", _krotov_hopfield, _directed, delta=0.4),
    _rule("Voja", _voja, _GIVEN, scale=1.5),
    _rule("PES", _pes, _GIVEN, lr=0.5),  # divided by the units
    _rule("ContrastiveHebbian", _contrastive, _phases),
    _rule("ThreeFactor", _three_factor, _modulated, tau=20.0),
    _rule("Foldiak", _foldiak, _active, p=0.125, lateral_lr=0.01, threshold_lr=0.002, threshold=1.0),
    _rule("Custom", _oja, _GIVEN),
    _whole(
        "rule TripletSTDP", _spikes, ("w",), _triplets, 1000,
        tau_plus=16.8, tau_x=101.0, tau_minus=33.7, tau_y=125.0,
        a2_plus=1e-3, a3_plus=6.2e-3, a2_minus=7e-3, a3_minus=2.3e-4,
    ),
)  # fmt: skip
WORKLOADS = (
    *RULES,
    _whole(LONG_SANGER, _pictures, ("w",), _long_sanger, LONG),
    _whole(LONG_PRODUCTS, _products, ("w", "Y"), _two_products, LONG),
)
