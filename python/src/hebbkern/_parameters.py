"""Checks of parameters that are numbers. Booleans are none."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ._errors import ArgumentTypeError, ArgumentValueError


def is_integer(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.floating, np.integer)) and not isinstance(value, bool)


def real(function: str, name: str, value: Any, *, above: float | None = None, most: float = math.inf) -> float:
    """A finite number >= 0, or > `above`, and at most `most`."""
    if not _is_number(value):
        raise ArgumentTypeError(f"{function}: {name} is {value!r}; a number is wanted", name)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not (math.isfinite(number) and (number >= 0 if above is None else number > above) and number <= most):
        wanted = f"a finite number {'>= 0' if above is None else f'> {above:g}'}"
        wanted += f" and <= {most:g}" if most < math.inf else ""
        raise ArgumentValueError(f"{function}: {name} is {value}; {wanted} is wanted", name)
    return number


def finite(function: str, name: str, value: Any) -> float:
    """A finite number of either sign."""
    return math.copysign(real(function, name, abs(value) if _is_number(value) else value), value)
