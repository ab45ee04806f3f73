"""Convolutional layers: kernels over the windows of images, pools, and rules that learn the kernels.

Images are ``[n, channels, height, width]``, or one image ``[channels, height, width]``; the last three axes are
contiguous. A kernel is a unit that looks at every window, so any rule of `hebbkern.rules` learns from windows as it
does from samples. Windows are unfolded few at a time, never those of all images.

Only whole windows count: along the height ``(height + 2 padding − ((size − 1) dilation + 1)) // stride + 1``. What is
left beyond the last one is not looked at.
"""

from __future__ import annotations

import re
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from . import _state, checkpoints, rules
from ._array import FLOATS, settle
from ._errors import ArgumentTypeError, ArgumentValueError, CheckpointError, DivergenceError, Interrupted
from ._images import conv2d as conv2d
from ._images import pool2d as pool2d
from ._lib import native
from ._parameters import choice, count, is_integer
from ._windows import MOST, NAMES, Pair, Windows, flat, images_of, pair, rows_of
from .kernels import Activation, activation_code
from .network import Network

_PATCHES = ("images", "out", *NAMES, "first", "draw", "seed", "drawn")
_PART = 1 << 17  # elements of windows and of y that a sequence unfolds at once, or so
_LEAST = 64  # windows that it takes at least


class _Rule(Protocol):
    """What `ConvLayer` asks of a rule."""

    def update(self, w: Any, x: Any, **options: Any) -> Any: ...


class ConvLayer:
    """A convolutional layer whose kernels learn by a rule.

    Parameters
    ----------
    in_channels, out_channels : int
        Channels of the images, and kernels.
    kernel : int or (int, int)
        Rows and columns of a window.
    rule : a rule of `hebbkern.rules`
        Or anything with its ``update(w, x, …)``. It is given the kernels as ``[out_channels, in_channels · rows ·
        columns]`` and windows as samples.
    stride, padding, dilation : int or (int, int)
        See `conv2d`.
    activation : str or tuple
        Of `forward`; see there.
    seed : int
        Of the initial kernels, which are those of a `Network` of one layer, and of `learn`'s ``draw``.
    dtype : float32 or float64

    Attributes
    ----------
    weights : array [out_channels, in_channels, rows, columns]
        The live memory; it may be changed, or replaced by another array of that shape.
    bias : array [out_channels] or None
        Added by `forward`; no rule changes it.
    seed, drawn : int
        `drawn` counts the images of which ``learn(draw=…)`` has drawn windows. With the weights and the rule's own
        arrays they are the whole state.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> from hebbkern.datasets import load_digits
    >>> images = load_digits()[0][:100].reshape(-1, 1, 8, 8)
    >>> layer = hk.ConvLayer(1, 16, 3, rule=hk.rules.SoftHebb(lr=0.05, temperature=0.2), activation="relu")
    >>> layer.learn(images - images.mean())
    3600
    >>> layer.weights.shape, layer.forward(images).shape
    ((16, 1, 3, 3), (100, 16, 6, 6))
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: Pair,
        *,
        rule: _Rule,
        stride: Pair = 1,
        padding: Pair = 0,
        dilation: Pair = 1,
        activation: Activation = "identity",
        seed: int = 0,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        name = "ConvLayer"
        channels = count(name, "in_channels", in_channels, most=MOST)
        kernels = count(name, "out_channels", out_channels, most=MOST)
        rows, columns = pair(name, "kernel", kernel, 1)
        self.stride = pair(name, "stride", stride, 1)
        self.padding = pair(name, "padding", padding, 0)
        self.dilation = pair(name, "dilation", dilation, 1)
        activation_code(activation, name)
        if not callable(getattr(rule, "update", None)):
            raise ArgumentTypeError(f"{name}: rule is {rule!r}; a rule of hebbkern.rules is wanted", "rule")
        if not is_integer(seed) or not 0 <= seed < 2**63:
            kind = ArgumentValueError if is_integer(seed) else ArgumentTypeError
            raise kind(f"{name}: seed is {seed!r}; an integer from 0 to 2**63 - 1 is wanted", "seed")
        self.rule = rule
        self.activation = activation
        first = Network([channels * rows * columns, kernels], seed=seed, dtype=dtype).weights[0]
        self.weights: npt.NDArray[Any] = first.reshape(kernels, channels, rows, columns)
        self.bias: npt.NDArray[Any] | None = None
        self.seed = int(seed)
        self.drawn = 0

    def __repr__(self) -> str:
        kernels, channels, rows, columns = self.weights.shape
        return (
            f"ConvLayer({channels}, {kernels}, {(rows, columns)}, rule={self.rule!r}, stride={self.stride}, "
            f"padding={self.padding}, dilation={self.dilation}, activation={self.activation!r}, seed={self.seed}, "
            f"dtype=np.{self.weights.dtype})"
        )

    def forward(self, images: Any, out: Any = None) -> npt.NDArray[Any]:
        """`conv2d` of images with the layer's kernels, bias and activation.

        Parameters
        ----------
        images : array [n, in_channels, height, width] or [in_channels, height, width]
        out : array, optional

        Returns
        -------
        array [n, out_channels, …, …] or [out_channels, …, …]
        """
        return conv2d(
            images,
            self.weights,
            self.bias,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            activation=self.activation,
            out=out,
        )

    def learn(
        self,
        images: Any,
        *,
        reduction: Literal["sequential", "sum", "mean"] = "sequential",
        block: int | None = None,
        draw: int | None = None,
        batch: int = 1,
        **options: Any,
    ) -> int:
        """Learn from the windows of images, image after image.

        ``"sequential"``, in blocks or not, has the bits of one ``rule.update(w, windows)`` with all windows unfolded,
        though few are at a time.

        Parameters
        ----------
        images : array [n, in_channels, height, width] or [in_channels, height, width]
        reduction : "sequential", "sum" or "mean"
            "sum" and "mean" make one update of every `batch` images, by the sum or the mean over all their windows
            (the last update of the images that are left).
        block : int, optional
            Of "sequential", windows that are worked on together; see `rules.Rule.update`.
        draw : int, optional
            Windows drawn of each image, none twice, in random order. None: all, row after row. Image i of a call has
            those that `seed` and ``drawn + i`` give, so calls one after the other go on where they stopped.
        batch : int
            Images of an update by "sum" or "mean". The windows of so many are unfolded together.
        **options
            Given to the rule's ``update``.

        Returns
        -------
        int
            The number of windows that were learned from.

        Raises
        ------
        TypeError, ValueError
            A bad argument; the weights are unchanged then.
        DivergenceError
            As from ``update``, with `sample` and `done` counted over the windows of all images.
        Interrupted
            Ctrl-C between two windows, two blocks, or two updates; `done` windows are in the weights.
        """
        label = "ConvLayer.learn"
        choice(label, "reduction", reduction, ("sequential", "sum", "mean"))
        together = count(label, "batch", batch)
        step = 1 if block is None else count(label, "block", block, most=4096)
        w = flat(self._kernels(label), "weights", label)
        images = images_of(images, label, w.dtype)
        kernels, channels, rows, columns = self.weights.shape
        if images.shape[-3] != channels:
            raise ArgumentValueError(
                f"{label}: images has shape {images.shape}; {channels} channels are wanted", "images"
            )
        if images.dtype != w.dtype:
            raise ArgumentTypeError(
                f"{label}: images is {images.dtype}; {w.dtype} is wanted, as weights is; pass "
                f"images.astype(np.{w.dtype})",
                "images",
            )
        windows = Windows(label, images.shape[-3:], (rows, columns), self.stride, self.padding, self.dilation)
        positions = windows.positions[0] * windows.positions[1]
        each = positions if draw is None else count(label, "draw", draw, most=positions)
        many = rows_of(images)
        if np.may_share_memory(w, many) and np.shares_memory(w, many):
            raise ArgumentValueError(f"{label}: images shares elements with weights; pass images.copy()", "images")
        total = len(many) * each
        if reduction == "sequential":
            most = max(_LEAST, _PART // (w.shape[1] + kernels)) // step * step or step
            if block is not None:  # some rules know no blocks
                options["block"] = block
        else:
            most = together * each
            if block is not None:
                raise ArgumentValueError(f"{label}: block is {block}; it does not go with {reduction!r}", "block")
        x = np.empty((min(most, total), w.shape[1]), w.dtype)
        done = 0
        stopped: BaseException
        try:
            while True:
                part = x[: total - done]
                args = [many, part, *windows.numbers, done, 0 if draw is None else each, self.seed, self.drawn]
                fault = native.patches(*args)
                if fault is not None:
                    settle("patches", fault, _PATCHES, (), args, label)
                self.rule.update(w, part, reduction=reduction, **options)
                done += len(part)
                if done == total:
                    return total
        except DivergenceError as error:
            sample = None if error.sample is None else done + error.sample
            done += error.done or 0
            text = str(error)
            if sample is not None:
                text = re.sub(r"sample \d+", f"window {sample % each} of image {sample // each}", text)
            stopped = DivergenceError(text, sample=sample, done=done)
        except KeyboardInterrupt as interrupt:
            done += interrupt.done if isinstance(interrupt, Interrupted) else 0
            text = f"{label}: stopped after {done} of {total} windows, which the weights hold"
            stopped = Interrupted(text, done)
        finally:
            if draw is not None:
                self.drawn += done // each
        raise stopped from None

    def save(self, path: checkpoints.Path) -> None:
        """Write the layer with the state of its rule to a file, atomically; see `hebbkern.Layer.save`."""
        label = "ConvLayer.save"
        self._kernels(label)
        values = {name: value for name, value in _state.attributes(self).items() if name != "rule"}
        arrays: dict[str, npt.NDArray[Any]] = {}
        options = {name: _state.plain(value, name, label, arrays) for name, value in values.items()}
        found, options["rule"] = _state.taken_apart(self.rule, "rule", label)
        arrays.update({f"rule.{name}": array for name, array in found.items()})
        checkpoints.write(path, "conv_layer", arrays, options, label)

    @classmethod
    def load(cls, path: checkpoints.Path, *, rule: Any = None) -> ConvLayer:
        """A layer from a file of `save`; learning goes on with the bits of one that was never saved. `rule` and errors as in
        `hebbkern.Layer.load`."""
        arrays, options = checkpoints.read(path, "conv_layer", "ConvLayer.load")
        try:
            state = {name[5:]: arrays.pop(name) for name in list(arrays) if name.startswith("rule.")}
            made = _state.put_together(options.pop("rule"), state, rules, rule, "rule")
            values = {name: _state.unplain(value, arrays) for name, value in options.items()}
            kernels, channels, *kernel = values["weights"].shape
            numbers = {name: values[name] for name in ("stride", "padding", "dilation", "activation", "seed")}
            layer = cls(channels, kernels, tuple(kernel), rule=made, **numbers, dtype=values["weights"].dtype)
            if arrays or values.keys() - _state.attributes(layer).keys():
                raise ValueError("there is more in the file than a layer has")
            for name, value in values.items():
                setattr(layer, name, value)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"ConvLayer.load: {path!r} holds no layer that can be used: {error}", "path") from None
        return layer

    def _kernels(self, label: str) -> npt.NDArray[Any]:
        """The live memory, which the user may have replaced."""
        w = self.weights
        if not isinstance(w, np.ndarray) or w.ndim != 4 or w.dtype not in FLOATS or not w.flags.writeable:
            raise ArgumentTypeError(
                f"{label}: weights is no writable float32 or float64 array of 4 axes any more", "weights"
            )
        return w
