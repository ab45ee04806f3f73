"""What a layer makes of images: convolution and pooling. They are found in `hebbkern` and `hebbkern.convolution`."""

from __future__ import annotations

from typing import Any, Literal

import numpy.typing as npt

from ._array import as_array, settle
from ._errors import ArgumentValueError
from ._lib import native
from ._parameters import choice
from ._windows import NAMES, Pair, Windows, flat, images_of, output, rows_of
from .kernels import Activation, activation_code

_CONV = ("w", "images", "b", "out", *NAMES, "activation", "slope", "shape")
_POOL = ("images", "out", *NAMES, "kind")
_KINDS = ("max", "avg")


def conv2d(
    images: Any,
    w: Any,
    b: Any = None,
    *,
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
    activation: Activation = "identity",
    out: Any = None,
) -> npt.NDArray[Any]:
    """Convolutional layer, ``out_k(r, c) = f(Σ_l w_kl x_l + b_k)`` with x the window at (r, c).

    As in other libraries the kernels are not mirrored, so in signal processing it is a correlation. Beyond the edge of
    an image there are zeros. Each number has the bits that `forward` gives for its window.

    Parameters
    ----------
    images : array [n, channels, height, width] or [channels, height, width]
    w : array [kernels, channels, rows, columns]
    b : array [kernels] or float, optional
    stride, padding, dilation : int or (int, int)
        From a window to the next, zeros on every side, and from an element of a window to the next; for rows and
        columns.
    activation : str or tuple
        See `forward`.
    out : array [n, kernels, …, …] or [kernels, …, …], optional
        Written, and returned as a NumPy array; by default a new one.

    Returns
    -------
    array [n, kernels, rows of windows, columns of windows], without n for one image

    Raises
    ------
    TypeError, ValueError
        See `hebbkern.kernels`; `out` is unchanged then.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> image = np.arange(9.0).reshape(1, 3, 3)
    >>> hk.conv2d(image, [[[[1, 0], [0, -1]]]])
    array([[[-4., -4.],
            [-4., -4.]]])
    >>> hk.conv2d(image, np.ones((1, 1, 3, 3)), stride=2, padding=1)
    array([[[ 8., 12.],
            [20., 24.]]])
    """
    w = as_array(w, "w", "conv2d")
    images = images_of(images, "conv2d", w.dtype)
    if w.ndim != 4:
        raise ArgumentValueError(
            f"conv2d: w has shape {w.shape}; (kernels, channels, rows, columns) is wanted", "w"
        )
    if w.shape[1] != images.shape[-3]:
        raise ArgumentValueError(
            f"conv2d: w has shape {w.shape}; kernels for the {images.shape[-3]} channels of images are wanted", "w"
        )
    code = activation_code(activation, "conv2d")
    windows = Windows("conv2d", images.shape[-3:], w.shape[2:], stride, padding, dilation)
    shape = (*images.shape[:-3], w.shape[0], *windows.positions)
    y = output("conv2d", out, shape, w)
    args = [flat(w, "w", "conv2d"), rows_of(images), b, rows_of(y, "conv2d"), *windows.numbers, *code]
    fault = native.conv_forward(*args)
    if fault is not None:
        settle("conv_forward", fault, _CONV, ("out",), args, "conv2d")
    return y


def pool2d(
    images: Any,
    size: Pair,
    stride: Pair | None = None,
    kind: Literal["max", "avg"] = "max",
    *,
    padding: Pair = 0,
    out: Any = None,
) -> npt.NDArray[Any]:
    """One number of each window of each channel: its maximum or its mean.

    What is beyond the edge of an image is left out, also of the mean, which is over the elements inside (PyTorch
    divides by all, unless told ``count_include_pad=False``). NaN gives NaN. A mean sums each column of the window from
    top to bottom, then these sums from left to right.

    Parameters
    ----------
    images : array [n, channels, height, width] or [channels, height, width]
    size : int or (int, int)
        Rows and columns of a window.
    stride : int or (int, int), optional
        None: `size`, so that windows lie side by side.
    kind : "max" or "avg"
    padding : int or (int, int)
        Less than `size`.
    out : array, optional
        Written, and returned as a NumPy array; by default a new one.

    Returns
    -------
    array [n, channels, rows of windows, columns of windows], without n for one image

    Raises
    ------
    TypeError, ValueError
        See `hebbkern.kernels`; `out` is unchanged then.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> image = np.arange(16.0).reshape(1, 4, 4)
    >>> hk.pool2d(image, 2)
    array([[[ 5.,  7.],
            [13., 15.]]])
    >>> hk.pool2d(image, 3, 2, "avg", padding=1)
    array([[[ 2.5,  4. ],
            [ 8.5, 10. ]]])
    """
    images = images_of(images, "pool2d", None)
    which = choice("pool2d", "kind", kind, _KINDS)
    windows = Windows("pool2d", images.shape[-3:], size, size if stride is None else stride, padding, 1)
    for i, (pad, side) in enumerate(zip(windows.numbers[7:9], windows.numbers[3:5])):
        if pad >= side:
            raise ArgumentValueError(
                f"pool2d: padding is {pad} on axis {i}; less than the size {side} is wanted", "padding"
            )
    y = output("pool2d", out, (*images.shape[:-2], *windows.positions), images)
    args = [rows_of(images), rows_of(y, "pool2d"), *windows.numbers, which]
    fault = native.pool(*args)
    if fault is not None:
        settle("pool", fault, _POOL, ("out",), args, "pool2d")
    return y
