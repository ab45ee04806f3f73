"""A list of weights and biases as the graph that balancing works on."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _graph
from ._array import checked
from ._csr import CSR, checked_csr, is_csr
from ._errors import ArgumentTypeError, ArgumentValueError
from ._graph import Block
from ._parameters import real
from .kernels import activation_code

_HOMOGENEOUS = ("identity", "relu", "leaky_relu", "bilu")

Arrays = list[npt.NDArray[Any]]
Weights = list[npt.NDArray[Any] | CSR]
Optional = list[npt.NDArray[Any] | None]


def check_layers(
    weights: Any, biases: Any, function: str, *, written: bool, prefix: str = ""
) -> tuple[Weights, Optional | None]:
    """Check a list of weights, of which any may be sparse, and biases."""
    weights = as_list(weights, f"{prefix}weights", function)
    if not weights:
        raise ArgumentValueError(f"{function}: {prefix}weights is an empty list; at least one matrix is wanted", "weights")
    w: Weights = []
    dtype: np.dtype[Any] | None = None
    for l, value in enumerate(weights):
        name = f"{prefix}weights[{l}]"
        if not isinstance(value, np.ndarray) and is_csr(value):
            w.append(checked_csr(value, name, function, dtype=dtype, written=written))
        else:
            w.append(checked(value, name, function, ndim=2, dtype=dtype, written=written))
        dtype = stored(w[0]).dtype
    if biases is None:
        return w, None
    biases = as_list(biases, f"{prefix}biases", function)
    if len(biases) != len(w):
        raise ArgumentValueError(
            f"{function}: {prefix}biases is a list of {len(biases)}; one for each of the {len(w)} weights is wanted",
            "biases",
        )
    return w, [
        None if value is None else checked(value, f"{prefix}biases[{l}]", function, ndim=1, dtype=dtype, written=written)
        for l, value in enumerate(biases)
    ]


def stored(w: npt.NDArray[Any] | CSR) -> npt.NDArray[Any]:
    """The array that holds the weights."""
    return w.data if isinstance(w, CSR) else w


def as_list(value: Any, name: str, function: str) -> list[Any]:
    if not isinstance(value, (list, tuple)):
        raise ArgumentTypeError(f"{function}: {name} is a {type(value).__qualname__}; a list of arrays is wanted", name)
    return list(value)


def degree_of(activation: Any, function: str) -> float | None:
    """c of a homogeneous activation, None for another."""
    _, _, shape = activation_code(activation, function)
    name = activation[0] if isinstance(activation, tuple) else activation
    return shape if name == "bipu" else 1.0 if name in _HOMOGENEOUS else None


def _same_structure(value: Any, w: CSR, name: str, function: str) -> None:
    """Refuse sparse values that stand at other places than the weights."""
    if (
        tuple(value.shape) != w.shape
        or not np.array_equal(value.indices, w.indices)
        or not np.array_equal(value.indptr, w.indptr)
    ):
        raise ArgumentValueError(f"{function}: {name} has entries at other places; those of the weights are wanted", name)


class Layers:
    """Layers as a graph: hidden unit u, counted over the hidden layers, is unit u; layer h is group h."""

    def __init__(self, weights: Any, biases: Any, activation: Any, function: str, written: bool = True) -> None:
        self.function = function
        self.weights, self.biases = check_layers(weights, biases, function, written=written)
        w = self.weights
        for l in range(1, len(w)):
            if w[l].shape[1] != w[l - 1].shape[0]:
                raise ArgumentValueError(
                    f"{function}: weights[{l}] has shape {w[l].shape}; (any, {w[l - 1].shape[0]}) is wanted, the rows of "
                    f"weights[{l - 1}]", f"weights[{l}]",
                )  # fmt: skip
        for l, b in enumerate(self.biases or ()):
            if b is not None and b.shape != (w[l].shape[0],):
                raise ArgumentValueError(
                    f"{function}: biases[{l}] has shape {b.shape}; ({w[l].shape[0]},) is wanted", f"biases[{l}]"
                )
        self.hidden = [m.shape[0] for m in w[:-1]]
        self.units = sum(self.hidden)
        units = np.arange(self.units)
        cuts = [0, *itertools.accumulate(self.hidden)]
        self.at = [units[a:b] for a, b in zip(cuts, cuts[1:])]
        self.group = np.empty(self.units, np.int64)
        self.degree = np.ones(self.units)
        self.other = np.zeros(self.units, np.bool_)  # units with another activation
        for h, (at, kinds) in enumerate(zip(self.at, self._kinds(activation))):
            self.group[at] = h
            degrees = [degree_of(a, self.function) for a in kinds]
            if any(d != 1.0 for d in degrees):
                self.other[at] = [d is None for d in degrees]
                self.degree[at] = [1.0 if d is None else d for d in degrees]
        self.held = self.other.astype(np.uint8)
        ends = [None, *self.at, None]
        self.blocks = [
            Block(m, f"weights[{l}]", rows=ends[l + 1], cols=ends[l]) for l, m in enumerate(w)
        ] + [
            Block(b, f"biases[{l}]", cols=ends[l + 1], transposed=True, alpha=0.0)
            for l, b in enumerate(self.biases or ())
            if b is not None
        ]

    def _kinds(self, activation: Any) -> list[list[Any]]:
        """The activations of each hidden layer: one for all units, or one for each."""
        if not isinstance(activation, list):
            degree_of(activation, self.function)
            return [[activation]] * len(self.hidden)
        if len(activation) != len(self.hidden):
            raise ArgumentValueError(
                f"{self.function}: activation is a list of {len(activation)}; one for each of the {len(self.hidden)} hidden "
                "layers is wanted", "activation",
            )  # fmt: skip
        kinds = [one if isinstance(one, list) else [one] for one in activation]
        for h, (one, units) in enumerate(zip(activation, self.hidden)):
            if isinstance(one, list) and len(one) != units:
                raise ArgumentValueError(
                    f"{self.function}: activation[{h}] is a list of {len(one)}; one for each of the {units} units is wanted",
                    "activation",
                )
        return kinds

    def weigh(self, alpha: Any, include_bias: bool) -> None:
        """Weights of the cost."""
        if alpha is not None:
            values = as_list(alpha, "alpha", self.function)
            if len(values) != len(self.weights):
                raise ArgumentValueError(
                    f"{self.function}: alpha is a list of {len(values)}; one for each of the {len(self.weights)} weights is "
                    "wanted", "alpha",
                )  # fmt: skip
            for l, (value, block) in enumerate(zip(values, self.blocks)):
                name, of = f"alpha[{l}]", stored(block.w)
                if is_csr(value) and isinstance(block.w, CSR):
                    _same_structure(value, block.w, name, self.function)
                    value = value.data
                elif np.ndim(value) == 0:
                    block.alpha = real(self.function, name, value)
                    continue
                block.alphas = checked(value, name, self.function, ndim=of.ndim, dtype=of.dtype)
                if block.alphas.shape != of.shape:
                    raise ArgumentValueError(
                        f"{self.function}: {name} has shape {block.alphas.shape}; {of.shape} is wanted", name
                    )
        if include_bias:
            for block in self.blocks[len(self.weights) :]:
                block.alpha = 1.0

    def hold(self, only: Any) -> None:
        """Units that are not to move."""
        if only is None:
            return
        values = as_list(only, "only", self.function)
        if len(values) != len(self.hidden):
            raise ArgumentValueError(
                f"{self.function}: only is a list of {len(values)}; one for each of the {len(self.hidden)} hidden layers is "
                "wanted", "only",
            )  # fmt: skip
        for h, value in enumerate(values):
            moves = np.asarray(value)
            if moves.dtype != np.bool_ or moves.shape not in ((), (self.hidden[h],)):
                raise ArgumentValueError(
                    f"{self.function}: only[{h}] is {value!r}; True, False or {self.hidden[h]} of them are wanted", "only"
                )
            self.held[self.at[h]] |= ~moves

    def carry(self, name: str, value: Any, power: float) -> None:
        """Arrays of an optimizer that are scaled along."""
        if value is None:
            return
        if not isinstance(value, tuple) or len(value) != 2:
            raise ArgumentTypeError(
                f"{self.function}: {name} is {value!r}; a pair of lists like (weights, biases) is wanted", name
            )
        w, b = check_layers(*value, self.function, written=True, prefix=f"{name} ")
        models = {block.name: block for block in self.blocks}
        for kind, arrays in (("weights", w), ("biases", b or ())):
            if arrays and len(arrays) != len(self.weights):
                raise ArgumentValueError(
                    f"{self.function}: {name} has {len(arrays)} {kind}; {len(self.weights)} are wanted", name
                )
            for l, array in enumerate(arrays):
                if array is None:
                    continue
                model = models.get(f"{kind}[{l}]")
                if (
                    model is None
                    or array.shape != model.w.shape
                    or stored(array).dtype != stored(model.w).dtype
                    or isinstance(array, CSR) != isinstance(model.w, CSR)
                ):
                    raise ArgumentValueError(
                        f"{self.function}: {name} {kind}[{l}] is not like {kind}[{l}], in shape {array.shape} and as "
                        f"{stored(array).dtype}", name,
                    )  # fmt: skip
                if isinstance(array, CSR) and isinstance(model.w, CSR):
                    _same_structure(array, model.w, f"{name} {kind}[{l}]", self.function)
                self.blocks.append(
                    Block(array, f"{name} {kind}[{l}]", model.rows, model.cols, model.transposed, 0.0, power=power)
                )

    def split(self, units: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
        """An array over the hidden units as a list of one array a layer."""
        return [units[at] for at in self.at]

    def exclusions(
        self, status: npt.NDArray[np.uint8]
    ) -> tuple[list[tuple[int, int]], list[tuple[int, int | None, str]]]:
        """Dead units, and what else was left alone."""
        dead: list[tuple[int, int]] = []
        excluded: list[tuple[int, int | None, str]] = []
        for h, at in enumerate(self.at):
            dead += [(h, int(u)) for u in np.flatnonzero(status[at] == _graph.DEAD)]
            reasons = np.full(len(at), "", dtype=object)
            reasons[status[at] == _graph.HELD] = "held"
            reasons[self.other[at]] = "activation"
            reasons[status[at] == _graph.SHARED] = "shared"
            reasons[status[at] == _graph.OFF_CYCLE] = "off cycle"
            if len(at) and reasons[0] and np.all(reasons == reasons[0]):
                excluded.append((h, None, reasons[0]))
            else:
                excluded += [(h, int(u), reasons[u]) for u in np.flatnonzero(reasons != "")]
        return dead, excluded
