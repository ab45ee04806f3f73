"""Fewer units, silent ones, new ones: the arrays around a layer when its units change. Only copies are made here."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Sequence

import numpy as np
import numpy.typing as npt

from . import _header
from ._array import checked, describe, run
from ._errors import ArgumentTypeError, ArgumentValueError
from ._parameters import is_integer, real
from ._random import check_generator, fill_uniform
from ._train import FEEDBACKS

#: weights into the units [n, n_in], their biases [n], weights out of them [n_next, n]
Arrays = tuple[Any, Any, Any]


@dataclass(frozen=True, repr=False)
class Change:
    """What has become of the units of a layer.

    Attributes
    ----------
    dead : int array
        The units that died, by their old numbers.
    index : int array [n before]
        The new number of each old unit, −1 for those that are gone.
    kept : int array [n after]
        The old number of each new unit, −1 for those that were added.
    weights, bias, out : arrays or None
        The weights into the units, their biases and the weights out of them: new arrays after compaction and growth,
        else those that were given.
    moments : list of (weights, bias, out)
        The optimizer's arrays, changed along.
    """

    dead: npt.NDArray[np.int64]
    index: npt.NDArray[np.int64]
    kept: npt.NDArray[np.int64]
    weights: npt.NDArray[Any] | None
    bias: npt.NDArray[Any] | None
    out: npt.NDArray[Any] | None
    moments: list[tuple[npt.NDArray[Any] | None, npt.NDArray[Any] | None, npt.NDArray[Any] | None]]

    def __repr__(self) -> str:
        return f"Change({len(self.index)} → {len(self.kept)} units, {len(self.dead)} dead)"


@dataclass(frozen=True)
class Around:
    """The checked arrays around n units: rows of the first, elements of the second, columns of the third belong to a unit."""

    weights: npt.NDArray[Any] | None
    bias: npt.NDArray[Any] | None
    out: npt.NDArray[Any] | None

    def take(self, kept: npt.NDArray[np.int64]) -> Around:
        """Copies that hold only those units."""
        w, b, o = self.weights, self.bias, self.out
        return Around(
            None if w is None else np.ascontiguousarray(w[kept]),
            None if b is None else b[kept],
            None if o is None else np.ascontiguousarray(o[:, kept]),
        )

    def enlarge(self, more: int) -> Around:
        """Copies with room for more units, which is 0."""
        w, b, o = self.weights, self.bias, self.out
        return Around(
            None if w is None else np.concatenate([w, np.zeros((more, w.shape[1]), w.dtype)]),
            None if b is None else np.concatenate([b, np.zeros(more, b.dtype)]),
            None if o is None else np.ascontiguousarray(np.concatenate([o, np.zeros((o.shape[0], more), o.dtype)], axis=1)),
        )

    def clear(self, units: npt.NDArray[np.int64]) -> None:
        if self.weights is not None:
            self.weights[units] = 0
        if self.bias is not None:
            self.bias[units] = 0
        if self.out is not None:
            self.out[:, units] = 0

    def tuple(self) -> tuple[npt.NDArray[Any] | None, npt.NDArray[Any] | None, npt.NDArray[Any] | None]:
        return self.weights, self.bias, self.out


def around(function: str, n: int, dtype: np.dtype[Any], arrays: Arrays, like: Around | None = None, label: str = "") -> Around:
    """Check the arrays around n units; those of an optimizer must be like the network's."""
    found: list[npt.NDArray[Any] | None] = []
    for place, (name, value) in enumerate(zip(("weights", "bias", "out"), arrays)):
        other = None if like is None else like.tuple()[place]
        if value is None:
            found.append(None)
            continue
        array = checked(value, label + name, function, ndim=1 if name == "bias" else 2, dtype=dtype, written=True)
        units = array.shape[1 if name == "out" else 0]
        if units != n or (like is not None and (other is None or other.shape != array.shape)):
            wanted = {"weights": f"({n}, n_in)", "bias": f"({n},)", "out": f"(n_next, {n})"}[name]
            wanted = f"{other.shape}, as {name} has," if other is not None else wanted
            raise ArgumentValueError(f"{function}: {label}{name} has shape {array.shape}; {wanted} is wanted", label + name)
        found.append(array)
    return Around(*found)


def around_all(function: str, n: int, dtype: np.dtype[Any], arrays: Arrays, moments: Any) -> tuple[Around, list[Around]]:
    """The arrays around n units, and the optimizer's; all distinct, since they are written."""
    main = around(function, n, dtype, arrays)
    if not isinstance(moments, (list, tuple)):
        raise ArgumentTypeError(f"{function}: moments is {moments!r}; a list of (weights, bias, out) is wanted", "moments")
    others = []
    for k, triple in enumerate(moments):
        if not isinstance(triple, (list, tuple)) or len(triple) != 3:
            raise ArgumentValueError(f"{function}: moments[{k}] is no (weights, bias, out)", "moments")
        others.append(around(function, n, dtype, (triple[0], triple[1], triple[2]), main, f"moments[{k}]."))
    every = [a for around_one in (main, *others) for a in around_one.tuple() if a is not None]
    for k, a in enumerate(every):
        if any(np.shares_memory(a, b) for b in every[:k]):
            raise ArgumentValueError(f"{function}: two of the arrays share elements; each is written on its own", "moments")
    return main, others


def numbers(function: str, name: str, units: Any, n: int) -> npt.NDArray[np.int64]:
    """A list of different units, in ascending order."""
    array = np.atleast_1d(np.asarray(units))
    if array.size == 0:
        return np.zeros(0, np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise ArgumentTypeError(f"{function}: {name} is {units!r}; a list of units is wanted", name)
    if array.min() < 0 or array.max() >= n or len(np.unique(array)) != len(array):
        raise ArgumentValueError(f"{function}: {name} is {units!r}; different units from 0 to {n - 1} are wanted", name)
    return np.sort(array).astype(np.int64)


def fresh(function: str, main: Around, units: npt.NDArray[np.int64], rng: Any, scale: float | None) -> None:
    """Draw the incoming weights of units anew, uniform in ±scale, by default √(6/n_in) (He et al. 2015)."""
    w = main.weights
    if w is None or not len(units):
        return
    half = math.sqrt(6 / max(w.shape[1], 1)) if scale is None else real(function, "scale", scale)
    drawn = np.empty((len(units), w.shape[1]), w.dtype)
    fill_uniform(function, drawn, check_generator(function, rng), -half, half)
    w[units] = drawn


def replace(function: str, net: Any, layer: Any, moments: Sequence[Any]) -> tuple[int, Arrays, list[Arrays], list[Any]]:
    """The arrays around hidden layer `layer` of a `Network` (−1: its inputs), those of its twins, and all lists of arrays."""
    layers = len(net.weights)
    if not is_integer(layer) or not -1 <= layer < layers - 1:
        raise ArgumentValueError(
            f"{function}: layer is {layer!r}; 0 to {layers - 2}, a hidden layer, or -1, the inputs, is wanted", "layer"
        )
    own = getattr(net, "moments", {})
    kinds = dict.fromkeys(name.rsplit("_", 1)[0] for name in own)
    pairs = [(net.weights, net.biases), *((own[f"{kind}_weights"], own[f"{kind}_biases"]) for kind in kinds), *moments]
    for k, pair in enumerate(pairs):
        if not (isinstance(pair, (list, tuple)) and len(pair) == 2 and all(isinstance(x, list) and len(x) == layers for x in pair)):
            raise ArgumentValueError(
                f"{function}: moments[{k - 1 - len(kinds)}] is no pair of lists of {layers} arrays, as weights and biases are", "moments"
            )
    triples = [(None if layer < 0 else w[layer], None if layer < 0 else b[layer], w[layer + 1]) for w, b in pairs]
    return int(net.sizes[layer + 1]), triples[0], triples[1:], pairs


def follow(net: Any, layer: int, change: Change, reborn: bool) -> None:
    """What else of a `Network` is as large as a layer: sizes, gains, previous activities, fixed feedback weights."""
    net.sizes[layer + 1] = len(change.kept)

    def units(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        moved = np.where(change.kept >= 0, values[change.kept], values.dtype.type(0))
        if reborn:
            moved[change.dead] = 0
        return moved

    if getattr(net, "gains", None) is not None:
        net.gains[layer + 1] = units(net.gains[layer + 1])
    if layer >= 0 and getattr(net, "previous", None):
        net.previous[layer] = units(net.previous[layer])
    shrunk = len(change.kept) != len(change.index)
    if layer < 0 and shrunk and getattr(net, "inputs", None) is not None:
        net.inputs = np.where(net.inputs >= 0, change.index[net.inputs], -1)
    if (more := int(np.count_nonzero(change.kept < 0))) and net.feedback_weights:
        if net.feedback == "fa" and layer > 0:
            _more_feedback(net, layer - 1, more, 0)
        _more_feedback(net, layer, more, 1)
    elif shrunk and layer >= 0 and net.feedback_weights:
        net.feedback_weights[layer] = np.ascontiguousarray(net.feedback_weights[layer][:, change.kept])
        if net.feedback == "fa" and layer > 0:  # whose rows are the units of the layer behind
            net.feedback_weights[layer - 1] = np.ascontiguousarray(net.feedback_weights[layer - 1][change.kept])
    if shrunk and getattr(net, "best", None) is not None:
        net.best = None  # a copy of what had other shapes


def _more_feedback(net: Any, l: int, more: int, axis: int) -> None:
    """New rows or columns of fixed feedback weights, drawn by the generator that drew the others."""
    old = net.feedback_weights[l]
    rows, cols = old.shape
    new = np.zeros((rows + more * (axis == 0), cols + more * (axis == 1)), old.dtype)
    new[:rows, :cols] = old
    rng = check_generator("Stamina.apply", net.feedback_rng)
    run("draw_feedback", _header.DrawFeedbackArgs(
        describe(new[:, cols:] if axis else new[rows:]), rng.ctypes.data, FEEDBACKS.index(net.feedback), net.beta or 0.0,
        net.excitatory, *new.shape,
    ), "Stamina.apply")  # fmt: skip
    net.feedback_weights[l] = new
