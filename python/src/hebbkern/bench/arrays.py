"""Arrays of benchmarks, and steps by chunks of rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Inputs = dict[str, Any]
Step = Callable[[], object]
Form = Callable[[Inputs], Step]


def empty(shape: tuple[int, ...], dtype: Any) -> Array:
    """An array that starts at a cache line; NumPy's own large arrays start 16 bytes after one, where every second vector
    of a loop crosses a line."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.empty(size + 64, np.uint8)
    start = -memory.ctypes.data % 64
    array: Array = memory[start : start + size].view(dtype).reshape(shape)
    return array


def empty_like(array: Array) -> Array:
    return empty(array.shape, array.dtype)


#: Bytes of a chunk: it and its temporary stay in a second-level cache.
CHUNK = 128 << 10


def temporary(a: Inputs, like: Array) -> Array:
    """An array to compute into; chunks share one."""
    shared: Array | None = a.get("temporary")
    return empty_like(like) if shared is None else shared[: len(like)]


def by_chunks(form: Form, *vectors: str, array: str = "w") -> Form:
    """The form applied to chunk after chunk of the array's rows; `vectors` go along with them."""

    def make(a: Inputs) -> Step:
        w = a[array]
        rows = max(1, CHUNK // w[:1].nbytes)
        shared = {**a, "temporary": empty_like(w[:rows])}
        cuts = [slice(i, i + rows) for i in range(0, len(w), rows)]
        steps = [form({**shared, **{name: a[name][cut] for name in (array, *vectors)}}) for cut in cuts]

        def step() -> None:
            for part in steps:
                part()

        return step

    return make
