"""The peers: one file each, the workloads in its best forms.

A module holds `FORMS`: workload → {name of the form: function of the inputs that returns the step to time}. A step works
in place on the inputs' array, or returns its results; a `Held` step has its state elsewhere (JAX's arrays cannot be
written) and says how to set it back and how to read it. `versions()` names what runs, and USES_BLAS has the kernel of its
BLAS named. A module is imported by its worker
alone (worker.py), in a process of its own, so it may set what its library reads at import.

hebbkern's own forms and NumPy's are in the package, hebbkern.bench, since `python -m hebbkern bench` runs them too.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

#: Threads of this worker.
THREADS = int(os.environ.get("BENCH_THREADS", "1"))


@dataclass
class Held:
    """A step whose state is not in the inputs' arrays."""

    step: Callable[[], object]
    reset: Callable[[], object]
    results: Callable[[], list[Any]]

    def __call__(self) -> object:
        return self.step()


def empty(shape: Any, dtype: Any, offset: int = 0) -> Any:
    """A NumPy array that starts at a cache line, or `offset` bytes after one. NumPy's own large arrays start 16 bytes
    after one, where every second vector of a loop crosses a line. (hebbkern.bench has the same; here it is not
    installed.)"""
    import numpy as np

    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.empty(size + 128, np.uint8)
    start = -memory.ctypes.data % 64 + offset
    return memory[start : start + size].view(dtype).reshape(shape)
