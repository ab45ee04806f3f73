"""What the library gets for one call on a Network: the descriptors of its live memory and its options."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from . import _lib
from ._array import describe, describe_all
from ._errors import ArgumentTypeError, ArgumentValueError
from ._parameters import choice, real

if TYPE_CHECKING:
    from .network import Network

# In the order of the library's codes.
LOSSES = ("mse", "softmax", "sigmoid")
GIVEN_ERROR = 3
FEEDBACKS = ("bp", "fa", "dfa", "sign", "fa_ex")
GATES = ("derivative", "differential")
OPTIMIZERS: dict[str, dict[str, float]] = {
    "sgd": {},
    "momentum": {"momentum": 0.9},
    "nesterov": {"momentum": 0.9},
    "adam": {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8},
}
# The lists of moments that an optimizer has.
MOMENTS = {
    "sgd": (),
    "momentum": ("first_weights", "first_biases"),
    "nesterov": ("first_weights", "first_biases"),
    "adam": ("first_weights", "first_biases", "second_weights", "second_biases"),
}
# Up to this many samples the gradient of "sgd" goes straight into the weights, whatever the network.
STRAIGHT = 32


def optimizer_of(value: str | Mapping[str, Any], function: str) -> dict[str, Any]:
    """The optimizer's name and numbers."""
    given = {"name": value} if isinstance(value, str) else value
    if not isinstance(given, Mapping) or "name" not in given:
        raise ArgumentTypeError(f"{function}: optimizer is {value!r}; a name, or a mapping with a name, is wanted", "optimizer")
    choice(function, "optimizer", given["name"], tuple(OPTIMIZERS))
    defaults = OPTIMIZERS[given["name"]]
    for key in given:
        if key != "name" and key not in defaults:
            known = ", ".join(defaults) or "none"
            raise ArgumentValueError(
                f"{function}: optimizer has the unknown option {key!r}; known for {given['name']!r}: {known}", "optimizer"
            )
    numbers: dict[str, Any] = {"name": given["name"]}
    for key, default in defaults.items():
        number = real(function, f"optimizer[{key!r}]", given.get(key, default), most=np.inf if key == "eps" else 1)
        if number == 1 and key != "momentum" and key != "eps":
            raise ArgumentValueError(f"{function}: optimizer[{key!r}] is 1; a number below 1 is wanted", f"optimizer[{key!r}]")
        numbers[key] = number
    return numbers


def dropout_of(value: float | Sequence[float], sizes: Sequence[int], function: str) -> list[float]:
    """The rates of the input and the hidden layers."""
    several = isinstance(value, (list, tuple))
    rates = list(value) if isinstance(value, (list, tuple)) else [0.0, *[value] * (len(sizes) - 2)]
    checked = [real(function, "dropout", rate) for rate in [*rates, *([] if several else [value])]]
    if len(rates) != len(sizes) - 1 or max(checked) >= 1:
        raise ArgumentValueError(
            f"{function}: dropout is {value!r}; a rate below 1 for the hidden layers, or a list of {len(sizes) - 1}, one for "
            "the input and each hidden layer, is wanted",
            "dropout",
        )
    return checked[: len(sizes) - 1]


class Call:
    """One call on the live memory of a network, which must not be replaced meanwhile."""

    def __init__(self, net: Network, function: str, written: bool = True) -> None:
        self.net, self.function = net, function
        self.flat = net._flat(function, written)
        self.stats = _lib.Stats()
        self._started = ctypes.c_int64(net.started)
        self._steps = ctypes.c_int64(net.steps)
        self._kept: list[Any] = []  # arrays whose addresses the library has

    def feedback(self, written: bool = False) -> Any:
        """Pointer to the hk_feedback, None for plain backpropagation."""
        net = self.net
        if net.feedback == "bp" and net.gate == "derivative":
            return None
        shapes = net._shapes()
        b = net._arrays("feedback_weights", net.feedback_weights, shapes["feedback_weights"], self.function, written)
        previous = net._arrays("previous", net.previous, shapes["previous"], self.function)
        return ctypes.pointer(
            _lib.Feedback(
                FEEDBACKS.index(net.feedback), b, GATES.index(net.gate), previous, ctypes.pointer(self._started)
            )
        )

    def gradient(self) -> tuple[list[npt.NDArray[Any]], list[npt.NDArray[Any]]]:
        """Memory for a gradient, of any value."""
        found = [np.empty(w.shape, w.dtype) for w in self.net.weights], [np.empty_like(b) for b in self.net.biases]
        self._kept.append(found)
        return found

    def _optimizer(self) -> Any:
        net = self.net
        if net.optimizer["name"] == "sgd":
            return None
        numbers, shapes = net.optimizer, net._shapes()
        lists = {}
        for name in MOMENTS[numbers["name"]]:
            lists[name] = net._arrays(
                f"moments[{name!r}]", net.moments.get(name), shapes[name.split("_")[1]], self.function
            )
        return ctypes.pointer(
            _lib.Optimizer(
                2 if numbers["name"] == "adam" else 1,
                int(numbers["name"] == "nesterov"),
                *(numbers.get(key, 0.0) for key in ("momentum", "beta1", "beta2", "eps")),
                **lists,
            )
        )

    def train(
        self, x: Any, target: Any, index: npt.NDArray[np.int64], batch: int, lr: float, *, summed: bool = False,
        gain: Any = None, given: bool = False,
    ) -> _lib.TrainArgs:  # fmt: skip
        """The arguments of hk_train; `keep` takes over what it writes beside arrays."""
        net = self.net
        self._kept.append((x, target, index))
        args = _lib.TrainArgs(
            self.flat.struct, describe(x), describe(target), index.ctypes.data, len(index), batch,
            GIVEN_ERROR if given else LOSSES.index(net.loss), lr, None if gain is None else ctypes.pointer(gain),
            ctypes.pointer(self.stats), int(summed), self.feedback(), self._optimizer(), *net.weight_decay,
        )  # fmt: skip
        if any(net.dropout):
            args.dropout = (ctypes.c_double * len(net.dropout))(*net.dropout)
        args.seed = net.seed
        args.updates = ctypes.pointer(self._steps)
        if batch > STRAIGHT or net.optimizer["name"] != "sgd":
            dw, db = self.gradient()
            args.dweights, args.dbiases = describe_all(dw), describe_all(db)
        return args

    def keep(self) -> None:
        """Take over the counts that the library wrote."""
        self.net.steps, self.net.started = self._steps.value, bool(self._started.value)
