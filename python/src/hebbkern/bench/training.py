"""Workloads of training: a convolution, windows of images, and steps of optimizers; with NumPy's forms of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .arrays import CHUNK, Array, Form, Inputs, Step, empty, empty_like
from .workload import Make, Reference, Shape, Workload

#: Images, channels, height and width, kernels, their height and width: the first two layers of SoftHebb (Journé et al.
#: 2023) on images of 32 × 32. The zeros around an image are such that the answer has its size.
CONVOLUTIONS = ((16, 3, 32, 96, 5), (4, 96, 16, 384, 3))
VECTORS = ((65536,), (1 << 22,))
#: The number of the step that Adam makes.
ADAM_STEP = 10


def _images(shape: Shape, r: np.random.Generator, dtype: type) -> Inputs:
    n, channels, side, _, size = shape
    return {"images": r.standard_normal((n, channels, side, side)).astype(dtype), "size": size}


def _convolution(shape: Shape, r: np.random.Generator, dtype: type) -> Inputs:
    _, channels, _, kernels, size = shape
    w = r.standard_normal((kernels, channels, size, size)) / np.sqrt(channels * size * size)
    return {**_images(shape, r, dtype), "w": w.astype(dtype)}


def _fmas(shape: Shape) -> float:
    """Those of a convolution; zeros beyond the edge need none."""
    n, channels, side, kernels, size = shape
    pad = size // 2
    return n * kernels * channels * (side * size - pad * (pad + 1)) ** 2


def windows(a: Inputs, n: int) -> tuple[Array, Array, Array]:
    """A padded copy of n images, the part of it that an image fills, and a view of its windows [n, channels, rows,
    columns, size, size]."""
    _, channels, rows, columns = a["images"].shape
    size = a["size"]
    pad = size // 2
    padded = empty((n, channels, rows + 2 * pad, columns + 2 * pad), a["images"].dtype)
    padded.fill(0)
    inside = padded[:, :, pad : pad + rows, pad : pad + columns]
    return padded, inside, np.lib.stride_tricks.sliding_window_view(padded, (size, size), (2, 3))


def _convolved(together: bool) -> Form:
    """Unfolded, then one product an image; all images at once, or one after the other in memory that stays in a cache."""

    def make(a: Inputs) -> Step:
        images, w = a["images"], a["w"].reshape(len(a["w"]), -1)
        n, channels, rows, columns = images.shape
        some = n if together else 1
        _, inside, view = windows(a, some)
        unfolded = empty((some, channels, a["size"], a["size"], rows, columns), images.dtype)
        out = empty((n, len(w), rows, columns), images.dtype)
        flat, answers = unfolded.reshape(some, w.shape[1], -1), out.reshape(n, len(w), -1)

        def step() -> Array:
            for i in range(0, n, some):
                inside[...] = images[i : i + some]
                np.copyto(unfolded, view.transpose(0, 1, 4, 5, 2, 3))
                np.matmul(w, flat, out=answers[i : i + some])
            return out

        return step

    return make


def _unfolded(a: Inputs) -> Step:
    images, size = a["images"], a["size"]
    n, channels, rows, columns = images.shape
    _, inside, view = windows(a, 1)
    out = empty((n * rows * columns, channels * size * size), images.dtype)
    parts = out.reshape(n, rows, columns, channels, size, size)

    def step() -> Array:
        for i in range(n):
            inside[0] = images[i]
            np.copyto(parts[i], view[0].transpose(1, 2, 0, 3, 4))
        return out

    return step


def _vectors(*moments: str) -> Make:
    def make(shape: Shape, r: np.random.Generator, dtype: type) -> Inputs:
        made: Inputs = {"w": r.uniform(-1, 1, shape).astype(dtype), "g": r.standard_normal(shape).astype(dtype)}
        if "m" in moments:
            made["m"] = r.standard_normal(shape).astype(dtype)
        if "v" in moments:
            made["v"] = r.uniform(0.1, 1, shape).astype(dtype)
        return made

    return make


_ADAM = {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "step": ADAM_STEP}
_ADAM["rate"] = _ADAM["lr"] / (1 - _ADAM["beta1"] ** ADAM_STEP)
_ADAM["root"] = (1 - _ADAM["beta2"] ** ADAM_STEP) ** -0.5


def _momentum_reference(a: Inputs) -> list[Array]:
    m = a["mu"] * a["m"] + a["g"]
    return [a["w"] - a["lr"] * m, m]


def _adam_reference(a: Inputs) -> list[Array]:
    m = a["beta1"] * a["m"] + (1 - a["beta1"]) * a["g"]
    v = a["beta2"] * a["v"] + (1 - a["beta2"]) * a["g"] ** 2
    return [a["w"] - a["rate"] * m / (a["root"] * np.sqrt(v) + a["eps"]), m, v]


def _sgd(w: Array, t: Array, a: Inputs) -> None:
    np.multiply(a["g"], w.dtype.type(-a["lr"]), out=t)
    np.add(w, t, out=w)


def _momentum(w: Array, t: Array, a: Inputs) -> None:
    m = a["m"]
    np.multiply(m, w.dtype.type(a["mu"]), out=m)
    np.add(m, a["g"], out=m)
    np.multiply(m, w.dtype.type(-a["lr"]), out=t)
    np.add(w, t, out=w)


def _adam(w: Array, t: Array, a: Inputs) -> None:
    m, v, g, kind = a["m"], a["v"], a["g"], w.dtype.type
    np.multiply(m, kind(a["beta1"]), out=m)
    np.multiply(g, kind(1 - a["beta1"]), out=t)
    np.add(m, t, out=m)
    np.multiply(v, kind(a["beta2"]), out=v)
    np.multiply(g, g, out=t)
    np.multiply(t, kind(1 - a["beta2"]), out=t)
    np.add(v, t, out=v)
    np.sqrt(v, out=t)
    np.multiply(t, kind(a["root"]), out=t)
    np.add(t, kind(a["eps"]), out=t)
    np.divide(m, t, out=t)
    np.multiply(t, kind(-a["rate"]), out=t)
    np.add(w, t, out=w)


def _whole(update: Callable[[Array, Array, Inputs], None]) -> dict[str, Form]:
    """A step on whole vectors, and by pieces that stay in a second-level cache."""

    def make(piece: int | None) -> Form:
        def form(a: Inputs) -> Step:
            w = a["w"]
            n = piece // w.itemsize if piece else len(w)
            t = empty_like(w[:n])
            parts = [
                (w[i : i + n], t[: len(w[i : i + n])], {k: v[i : i + n] if isinstance(v, np.ndarray) else v for k, v in a.items()})
                for i in range(0, len(w), n)
            ]

            def step() -> None:
                for part in parts:
                    update(*part)

            return step

        return form

    return {"whole": make(None), "pieces": make(CHUNK)}


NUMPY: dict[str, dict[str, Form]] = {
    "conv2d": {"unfolded": _convolved(True), "unfolded, an image at a time": _convolved(False)},
    "patches": {"an image at a time": _unfolded},
    "sgd": _whole(_sgd),
    "momentum": _whole(_momentum),
    "adam": _whole(_adam),
}


def _convolution_reference(a: Inputs) -> list[Array]:
    _, inside, view = windows(a, len(a["images"]))
    inside[...] = a["images"]
    return [np.moveaxis(np.tensordot(view, a["w"], ((1, 4, 5), (1, 2, 3))), 3, 1)]


def _patches_reference(a: Inputs) -> list[Array]:
    _, inside, view = windows(a, len(a["images"]))
    inside[...] = a["images"]
    n, channels, rows, columns, size, _ = view.shape
    return [view.transpose(0, 2, 3, 1, 4, 5).reshape(n * rows * columns, channels * size * size)]


def _optimizer(name: str, make: Make, outputs: tuple[str, ...], reference: Reference, flops: int, **extra: float) -> Workload:
    return Workload(
        f"{name} step",
        name.lower(),
        VECTORS,
        make,
        outputs,
        reference,
        memory="read+read+write" if name == "SGD" else None,
        flops=lambda s: float(flops * np.prod(s)),
        double=False,
        quick=False,
        extra=extra,
    )


WORKLOADS = (
    Workload(
        "convolution",
        "conv2d",
        CONVOLUTIONS,
        _convolution,
        ("out",),
        _convolution_reference,
        fmas=_fmas,
        flops=lambda s: 2 * _fmas(s),
        double=False,
    ),
    Workload(
        "windows of images", "patches", CONVOLUTIONS, _images, ("out",), _patches_reference, double=False, quick=False
    ),
    _optimizer("SGD", _vectors(), ("w",), lambda a: [a["w"] - a["lr"] * a["g"]], 2, lr=1e-4),
    _optimizer("Momentum", _vectors("m"), ("w", "m"), _momentum_reference, 4, lr=1e-4, mu=0.9),
    _optimizer("Adam", _vectors("m", "v"), ("w", "m", "v"), _adam_reference, 14, **_ADAM),
)
