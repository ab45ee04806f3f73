"""What the library gets for one call on a Network: the descriptors of its live memory and its options."""

from __future__ import annotations

import ctypes
import functools
from typing import TYPE_CHECKING, Any, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from . import _header
from ._array import checked, describe, describe_all
from ._errors import ArgumentTypeError, ArgumentValueError
from ._lib import cpu_info
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
# Multiply-adds of a block of samples above which it may take longer than 50 ms, by the kind of the library.
_LONG = {"portable": 1 << 22}
_LONG_ELSE = 1 << 30
_BLOCK = 1 << 28  # the library's own bound of a block, or 32 samples
# Up to this many samples the gradient of "sgd" goes straight into the weights, whatever the network.
STRAIGHT = 32


def optimizer_of(value: str | Mapping[str, Any], function: str) -> dict[str, Any]:
    """The optimizer's name and numbers."""
    given = {"name": value} if isinstance(value, str) else value
    if not isinstance(given, Mapping) or "name" not in given:
        raise ArgumentTypeError(
            f"{function}: optimizer is {value!r}; a name, or a mapping with a name, is wanted", "optimizer"
        )
    choice(function, "optimizer", given["name"], tuple(OPTIMIZERS))
    defaults = OPTIMIZERS[given["name"]]
    for key in given:
        if key != "name" and key not in defaults:
            known = ", ".join(defaults) or "none"
            raise ArgumentValueError(
                f"{function}: optimizer has the unknown option {key!r}; known for {given['name']!r}: {known}",
                "optimizer",
            )
    numbers: dict[str, Any] = {"name": given["name"]}
    for key, default in defaults.items():
        number = real(function, f"optimizer[{key!r}]", given.get(key, default), most=np.inf if key == "eps" else 1)
        if number == 1 and key in ("beta1", "beta2"):
            name = f"optimizer[{key!r}]"
            raise ArgumentValueError(f"{function}: {name} is 1; a number below 1 is wanted", name)
        numbers[key] = number
    return numbers


def dropout_of(value: float | Sequence[float], sizes: Sequence[int], function: str) -> list[float]:
    """The rates of the input and the hidden layers."""
    several = isinstance(value, (list, tuple))
    rates = list(value) if isinstance(value, (list, tuple)) else [0.0, *[value] * (len(sizes) - 2)]
    numbers = [real(function, "dropout", rate) for rate in [*rates, *([] if several else [value])]]
    if len(rates) != len(sizes) - 1 or max(numbers) >= 1:
        raise ArgumentValueError(
            f"{function}: dropout is {value!r}; a rate below 1 for the hidden layers, or a list of {len(sizes) - 1}, one "
            "for the input and each hidden layer, is wanted",
            "dropout",
        )
    return numbers[: len(sizes) - 1]


def targets_of(
    Y: Any, samples: int, units: int, loss: str, dtype: np.dtype[Any], function: str
) -> npt.NDArray[Any]:
    """Y as an array [samples, units]: labels become rows with a 1 among zeros."""
    labels = np.asarray(Y) if isinstance(Y, (list, tuple, np.ndarray)) else Y
    if isinstance(labels, np.ndarray) and labels.ndim == 1:
        if labels.dtype.kind in "iu" and (units > 1 or loss == "softmax"):
            if labels.shape != (samples,):
                raise ArgumentValueError(
                    f"{function}: Y has shape {labels.shape}; ({samples},) is wanted, a label for each sample", "Y"
                )
            if labels.size and not (0 <= labels.min() and labels.max() < units):
                raise ArgumentValueError(
                    f"{function}: Y has labels from {labels.min()} to {labels.max()}; 0 to {units - 1} is wanted",
                    "Y",
                )
            target = np.zeros((samples, units), dtype)
            target[np.arange(samples), labels] = 1
            return target
        if units == 1:
            labels = labels.astype(dtype) if labels.dtype.kind in "iub" else labels
            labels = np.ascontiguousarray(labels).reshape(-1, 1)
        Y = labels
    target = checked(Y, "Y", function, ndim=2, dtype=dtype)
    if target.shape != (samples, units):
        wanted = f"({samples}, {units})" + (f", or ({samples},) of integer labels" if units > 1 else "")
        raise ArgumentValueError(f"{function}: Y has shape {target.shape}; {wanted} is wanted", "Y")
    if loss == "sigmoid" and samples and not (0 <= target.min() and target.max() <= 1):
        raise ArgumentValueError(f"{function}: Y has values outside of 0 to 1, which the loss 'sigmoid' wants", "Y")
    if loss == "softmax" and samples:
        low, off = target.min(), np.abs(target.sum(1, dtype=np.float64) - 1).max()
        if not (low >= 0 and off <= 1e-3):
            raise ArgumentValueError(
                f"{function}: Y has a row that is no distribution; values >= 0 with the sum 1 are wanted, or labels",
                "Y",
            )
    return target


@functools.cache
def _limit() -> int:
    return _LONG.get(cpu_info()["isa"], _LONG_ELSE)


class Call:
    """One call on the live memory of a network, which must not be replaced meanwhile."""

    def __init__(self, net: Network, function: str, written: bool = True) -> None:
        self.net, self.function = net, function
        self.flat = net._flat(function, written)
        self.stats = _header.Stats()
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
            _header.Feedback(
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
            _header.Optimizer(
                2 if numbers["name"] == "adam" else 1,
                int(numbers["name"] == "nesterov"),
                *(numbers.get(key, 0.0) for key in ("momentum", "beta1", "beta2", "eps")),
                **lists,
            )
        )

    def train(
        self, x: Any, target: Any, index: npt.NDArray[np.int64], batch: int, lr: float, *, summed: bool = False,
        gain: Any = None, given: bool = False,
    ) -> _header.TrainArgs:  # fmt: skip
        """The arguments of hk_train; `keep` takes over what it writes beside arrays."""
        net = self.net
        self._kept.append((x, target, index))
        args = _header.TrainArgs(
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

    def long(self, batch: int) -> bool:
        """Whether a call may be longer than 50 ms, so that it must be stopped from elsewhere."""
        net = self.net
        weights = sum(w.size for w in net.weights)
        block = weights * batch
        if net.gains is None and net.gate == "derivative":
            block = min(block, max(_BLOCK, 32 * weights))
        return block > _limit()

    def keep(self) -> None:
        """Take over the counts that the library wrote."""
        self.net.steps, self.net.started = self._steps.value, bool(self._started.value)
