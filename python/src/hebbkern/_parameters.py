"""Checks of parameters that are numbers. Booleans are none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ._errors import ArgumentTypeError, ArgumentValueError


def is_integer(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def count(function: str, name: str, value: Any, *, most: int | None = None) -> int:
    """An integer >= 1, and at most `most`."""
    if not is_integer(value):
        raise ArgumentTypeError(f"{function}: {name} is {value!r}; an integer is wanted", name)
    if value < 1 or (most is not None and value > most):
        wanted = "1 or more" if most is None else f"1 to {most}"
        raise ArgumentValueError(f"{function}: {name} is {value}; {wanted} is wanted", name)
    return int(value)


def choice(function: str, name: str, value: Any, choices: Sequence[str]) -> int:
    """Which of the choices it is."""
    if not isinstance(value, str) or value not in choices:
        kind = ArgumentValueError if isinstance(value, str) else ArgumentTypeError
        raise kind(f"{function}: {name} is {value!r}; one of {', '.join(choices)} is wanted", name)
    return choices.index(value)


def real(function: str, name: str, value: Any, *, above: float | None = None, most: float = math.inf) -> float:
    """A finite number >= 0, or > `above`, and at most `most`."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.floating, np.integer)):
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
