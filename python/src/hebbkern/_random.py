"""The library's random generator over the caller's state (xoshiro256**, four words)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from . import _header
from ._array import describe, run
from ._errors import ArgumentTypeError, ArgumentValueError
from ._parameters import is_integer


def generator(function: str, seed: Any, stream: int = 0) -> npt.NDArray[np.uint64]:
    """The state [4] of a generator, as a function of seed and stream."""
    if not is_integer(seed):
        raise ArgumentTypeError(f"{function}: seed is {seed!r}; an integer is wanted", "seed")
    if not 0 <= seed < 2**64:
        raise ArgumentValueError(f"{function}: seed is {seed}; 0 to 2**64 - 1 is wanted", "seed")
    rng = np.zeros(4, np.uint64)
    run("seed", _header.SeedArgs(rng.ctypes.data, int(seed), stream), function)
    return rng


def check_generator(function: str, rng: Any) -> npt.NDArray[np.uint64]:
    """The state, which the user may have put in its place."""
    if not (isinstance(rng, np.ndarray) and rng.dtype == np.uint64 and rng.shape == (4,) and rng.flags.c_contiguous):
        raise ArgumentValueError(f"{function}: rng is {rng!r}; a contiguous uint64 array of 4 words is wanted", "rng")
    if not rng.flags.writeable or not rng.any():
        raise ArgumentValueError(f"{function}: rng is read-only or all 0; a writable state is wanted", "rng")
    return rng


def fill_uniform(function: str, out: npt.NDArray[Any], rng: npt.NDArray[np.uint64], low: float, high: float) -> None:
    """Fill an array, row after row, with numbers uniform in [low, high)."""
    run("uniform", _header.UniformArgs(describe(out), rng.ctypes.data, low, high), function)
