"""The limits of the machine as one more peer: the C loops of bench/limits at the workload's footprint.

The library is built by suite.py. Of a limit every form is timed in each round, and the fastest counts. With two threads
each has half the memory; the slower one counts, or one thread alone where that is faster.
"""

import ctypes
import os
import threading

import numpy as np

from . import THREADS

OPS = ("read", "read+write", "read+read+write", "fma", "sqrt")
GRAIN = 4096
#: Forms slower than the best by more than this are timed once.
NEAR = 1.2
REGISTER_OPERATIONS = 240_000  # a multiple of every unroll factor

library = ctypes.CDLL(os.environ["BENCH_LIMITS"])
library.limit_run.restype = ctypes.c_double
library.limit_run.argtypes = [ctypes.c_int] * 3 + [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t]
if not library.limit_supported():
    raise ImportError("this processor has no AVX2 with FMA: the limit loops cannot run")
LANES = {4: library.limit_vector_bytes() // 4, 8: library.limit_vector_bytes() // 8}


def _variants(op):
    probe = np.zeros(2 * GRAIN, np.uint8)
    n = 0
    while library.limit_run(op, n, 0, probe.ctypes.data, GRAIN // 4, 1) >= 0:
        n += 1
    return n


VARIANTS = [_variants(op) for op in range(len(OPS))]


def _parallel(run, threads):
    """The seconds of the slowest of some threads that start together."""
    if threads == 1:
        return run(0)
    took = [0.0] * threads
    together = threading.Barrier(threads)

    def one(t):
        together.wait()
        took[t] = run(t)

    started = [threading.Thread(target=one, args=(t,)) for t in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    return max(took)


class Limit:
    """One limit at one footprint; `time` gives seconds of one pass (of one element, for fma and sqrt)."""

    def __init__(self, op, size, itemsize):
        self.op, self.size, self.itemsize = OPS.index(op), size, itemsize
        self.memory = None
        self.best = {}  # seconds by threads and variant
        if op not in ("fma", "sqrt"):
            whole = -(-size // (GRAIN * THREADS)) * GRAIN * THREADS
            # Written, or every page of it would be the one page of zeros; ordinary numbers in either type.
            self.memory = np.full(whole + GRAIN, 0x3F, np.uint8)
            self.start = self.memory.ctypes.data + -self.memory.ctypes.data % GRAIN
            self.whole = whole

    def _pass(self, variant, threads, reps):
        wide = int(self.itemsize == 8)
        if self.memory is None:
            n = REGISTER_OPERATIONS * reps
            took = _parallel(lambda t: library.limit_run(self.op, variant, wide, None, n, 1), threads)
            return took / (n * LANES[self.itemsize] * threads)
        part = self.whole // threads
        took = _parallel(
            lambda t: library.limit_run(self.op, variant, wide, self.start + t * part, part // self.itemsize, reps),
            threads,
        )
        return took / reps * (self.size / self.whole)

    def time(self, slice_):
        """All forms the first time, and then those that are near the best."""
        floor = min(self.best.values(), default=0.0)
        for threads in sorted({1, THREADS}):
            for variant in range(VARIANTS[self.op]):
                known = self.best.get((threads, variant), 0.0)
                if known > NEAR * floor:
                    continue
                once = self._pass(variant, threads, 1)
                if self.memory is None:
                    reps = int(slice_ / (once * REGISTER_OPERATIONS * LANES[self.itemsize]))
                else:
                    reps = int(slice_ / max(once, 1e-9))
                took = min(once, self._pass(variant, threads, max(1, reps)))
                self.best[threads, variant] = min(known or took, took)
        return min(self.best.values())


FORMS: dict = {}


def versions() -> dict:
    return {"vector bytes": library.limit_vector_bytes()}
