"""The windows that kernels and pools look through at images: geometry and arrays on their way into the library."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ._array import FLOATS, as_array
from ._errors import ArgumentTypeError, ArgumentValueError
from ._parameters import is_integer

#: One number for rows and columns, or a pair of them.
Pair = int | tuple[int, int]

MOST = 2**29 - 1  # of a number that describes windows

#: The members of hk_windows, as errors call them.
NAMES = ("channels", "height", "width", *(n for n in ("size", "stride", "padding", "dilation") for _ in range(2)))


class Windows:
    """The geometry as the library takes it."""

    def __init__(
        self, function: str, image: tuple[int, ...], size: Any, stride: Pair, padding: Pair, dilation: Pair
    ) -> None:
        sides = pair(function, "size", size, 1)
        steps = pair(function, "stride", stride, 1)
        pads = pair(function, "padding", padding, 0)
        gaps = pair(function, "dilation", dilation, 1)
        self.numbers = (*image, *sides, *steps, *pads, *gaps)
        if min(image) < 1 or max(image) > MOST:
            raise ArgumentValueError(f"{function}: images of {image} have no element", "images")
        reach = [(side - 1) * gap + 1 for side, gap in zip(sides, gaps)]
        room = [n + 2 * pad for n, pad in zip(image[1:], pads)]
        for i in range(2):
            if reach[i] > room[i]:
                raise ArgumentValueError(
                    f"{function}: a window reaches over {reach[i]} {('rows', 'columns')[i]}; at most the {room[i]} of the "
                    "padded image are wanted",
                    "images",
                )
        self.positions = tuple((n - r) // step + 1 for n, r, step in zip(room, reach, steps))


def pair(function: str, name: str, value: Any, least: int) -> tuple[int, int]:
    """A number for rows and columns, or one for each."""
    both = (value, value) if is_integer(value) else value
    if not isinstance(both, (tuple, list)) or len(both) != 2 or not all(is_integer(v) for v in both):
        raise ArgumentTypeError(f"{function}: {name} is {value!r}; an integer or two are wanted", name)
    if not all(least <= v <= MOST for v in both):
        raise ArgumentValueError(f"{function}: {name} is {value!r}; {least} to {MOST} is wanted", name)
    return int(both[0]), int(both[1])


def images_of(value: Any, function: str, dtype: np.dtype[Any] | None) -> npt.NDArray[Any]:
    """Images with three or four axes, the last three contiguous; numbers in lists become `dtype`."""
    array = as_array(value, "images", function)
    if isinstance(value, (list, tuple)) and dtype in FLOATS:
        array = array.astype(dtype)
    if array.ndim not in (3, 4):
        raise ArgumentValueError(
            f"{function}: images has shape {array.shape}; (n, channels, height, width) or (channels, height, width) is wanted",
            "images",
        )
    return contiguous(array, "images", function, "pass np.ascontiguousarray(images)")


def contiguous(array: npt.NDArray[Any], name: str, function: str, mend: str) -> npt.NDArray[Any]:
    inner = array if array.ndim == 3 else array[0] if len(array) else None
    if inner is not None and not inner.flags.c_contiguous:
        raise ArgumentValueError(f"{function}: {name} has images or kernels that are not contiguous; {mend}", name)
    return array


def flat(array: npt.NDArray[Any], name: str, function: str) -> npt.NDArray[Any]:
    """The same memory with its last three axes as one."""
    contiguous(array, name, function, f"pass np.ascontiguousarray({name})")
    return array.reshape(len(array), int(np.prod(array.shape[1:])))


def rows_of(array: npt.NDArray[Any], function: str | None = None) -> npt.NDArray[Any]:
    """Images as rows, one image as one; `function` writes them."""
    if function is not None:
        contiguous(array, "out", function, "it is not copied: out = np.ascontiguousarray(out) makes one that fits")
    many = array if array.ndim == 4 else array[np.newaxis]
    return many.reshape(len(many), int(np.prod(many.shape[1:])))


def output(function: str, out: Any, shape: tuple[int, ...], like: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if out is None:
        return np.empty(shape, like.dtype if like.dtype in FLOATS else FLOATS[1])
    y = as_array(out, "out", function, written=True)
    if y.shape != shape:
        raise ArgumentValueError(f"{function}: out has shape {y.shape}; {shape} is wanted", "out")
    return y
