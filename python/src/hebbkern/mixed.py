"""Hebbian layers below, a network that is taught above them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _header, checkpoints
from ._array import run
from ._errors import ArgumentTypeError, ArgumentValueError, CheckpointError, Interrupted
from ._history import History
from ._parameters import count, is_integer
from ._progress import Bar
from .layers import Layer, Stack
from .network import Network

Arrays = dict[str, npt.NDArray[Any]]


class Mixed:
    """A `Stack` and the `Network` that learns from what it makes of the input.

    Parameters
    ----------
    stack : Stack
    network : Network
        Its inputs are the outputs of the highest layer, in the same type; with any feedback.

    Attributes
    ----------
    stack, network
        As given.
    learned : list of int
        Epochs that each layer has learned.
    position : int
        Samples of the epoch after these that have been learned already, after Ctrl-C, of the lowest layer that is not yet
        through.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> from hebbkern.datasets import load_digits
    >>> X, Y = load_digits()
    >>> stack = hk.Stack([hk.Layer(64, 100, rule=hk.rules.SoftHebb(lr=0.02), activation="relu", seed=1)])
    >>> both = hk.Mixed(stack, hk.Network([100, 32, 10], loss="softmax", feedback="dfa", seed=2))
    >>> history = both.fit(
    ...     X[:1500], Y[:1500], 20, batch=16, lr=0.05, layers={"epochs": 5, "batch": 50, "reduction": "mean"}, progress=False
    ... )
    >>> both.learned, bool((both.predict(X[1500:]) == Y[1500:]).mean() > 0.8)
    ([5], True)
    """

    def __init__(self, stack: Stack, network: Network) -> None:
        self.stack, self.network = stack, network
        self._check("Mixed")
        self.learned = [0] * len(stack)
        self.position = 0

    def _check(self, function: str) -> None:
        if not isinstance(self.stack, Stack):
            raise ArgumentTypeError(f"{function}: stack is {self.stack!r}; a Stack is wanted", "stack")
        if not isinstance(self.network, Network):
            raise ArgumentTypeError(f"{function}: network is {self.network!r}; a Network is wanted", "network")
        self.stack._check(function)
        top = self.stack[len(self.stack) - 1]
        columns = self.network._columns(function)
        if columns != top.n_out or self.network.dtype != top.w.dtype:
            raise ArgumentValueError(
                f"{function}: network has {columns} inputs in {self.network.dtype}; {top.n_out} in "
                f"{top.w.dtype} are wanted, as stack gives",
                "network",
            )

    def __repr__(self) -> str:
        return f"Mixed({self.stack!r}, {self.network!r})"

    def forward(self, X: Any) -> npt.NDArray[Any]:
        """The network's output for one sample or each row of a batch."""
        return self.network.forward(self.stack.forward(X))

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """What the output says; see `Network.predict`."""
        return self.network.predict(self.stack.forward(X))

    def evaluate(self, X: Any, Y: Any) -> tuple[float, float]:
        """Mean loss and accuracy; see `Network.evaluate`."""
        return self.network.evaluate(self.stack.forward(X), Y)

    def fit(
        self,
        X: Any,
        Y: Any,
        epochs: int = 1,
        batch: int = 32,
        lr: Any = 0.1,
        *,
        layers: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
        validation: tuple[Any, Any] | None = None,
        progress: bool = True,
        **options: Any,
    ) -> History:
        """First the layers learn, one after the other from the lowest; then the network is trained on their outputs.

        Parameters
        ----------
        X : array [samples, in]
        Y : array [samples, out], or integer labels [samples]
        epochs, batch, lr, validation, progress, **options
            Of `Network.fit`, for the network: ``balance``, ``gain_rule``, ``stamina``, ``callbacks``, ...
        layers : mapping or list of them, one for each layer
            ``epochs`` (1) that a layer learns in all, over all calls of `fit`; ``batch``, the samples of a call of
            `Layer.learn` (None: all); and the options of its rule's `update`. The samples of each epoch are in an order
            that follows from the layer's seed.

        Returns
        -------
        History
            Of the network.

        Raises
        ------
        TypeError, ValueError
            A bad argument; nothing has changed then.
        DivergenceError
            Of a layer's rule, or of `Network.fit`.
        Interrupted
            Ctrl-C: the next call with the same arguments goes on where this one stopped.
        """
        function = "Mixed.fit"
        self._check(function)
        plans = self._plans(layers, function)
        if callable(X) and not hasattr(X, "__array__"):
            raise ArgumentTypeError(f"{function}: X is {X!r}; an array is wanted", "X")
        if np.ndim(X) != 2:
            raise ArgumentValueError(f"{function}: X has {np.ndim(X)} dimensions; (samples, in) is wanted", "X")
        fit = {**options, "batch": batch, "lr": lr}
        none = min(int(epochs), 0) if is_integer(epochs) else epochs
        self._train(X, Y, validation, {**fit, "epochs": none, "progress": False})  # refuses what is wrong
        x = X
        for k, (layer, (wanted, size, about)) in enumerate(zip(self.stack, plans)):
            with Bar(max(wanted - self.learned[k], 0) * len(x), f"layer {k}", progress) as bar:
                first = self.learned[k]
                while self.learned[k] < wanted:

                    def tell(at: int) -> None:
                        self.position = at
                        bar.to((self.learned[k] - first) * len(x) + at)

                    learn_epoch(layer, x, self.learned[k], about, batch=size, start=min(self.position, len(x)), tell=tell)
                    self.learned[k], self.position = self.learned[k] + 1, 0
            x = layer.forward(x)
        return self._train(X, Y, validation, {**fit, "epochs": epochs, "progress": progress})

    def _train(self, X: Any, Y: Any, validation: Any, options: dict[str, Any]) -> History:
        if isinstance(validation, (tuple, list)) and len(validation) == 2:
            validation = self.stack.forward(validation[0]), validation[1]
        return self.network.fit(self.stack.forward(X), Y, validation=validation, **options)

    def _plans(self, layers: Any, function: str) -> list[tuple[int, int | None, dict[str, Any]]]:
        """Epochs, batch and options of the rule for each layer."""
        n = len(self.stack)
        given = [layers or {}] * n if layers is None or isinstance(layers, Mapping) else layers
        if not isinstance(given, (list, tuple)) or not all(isinstance(each, Mapping) for each in given):
            raise ArgumentTypeError(f"{function}: layers is {layers!r}; a mapping of options, or a list of them, is wanted", "layers")
        if len(given) != n or len(self.learned) != n:
            raise ArgumentValueError(f"{function}: layers has {len(given)} mappings; {n} are wanted, one for each layer", "layers")
        plans = []
        for layer, each in zip(self.stack, given):
            about = dict(each)
            wanted, size = about.pop("epochs", 1), about.pop("batch", None)
            if not is_integer(wanted) or wanted < 0:
                raise ArgumentValueError(f"{function}: layers has epochs {wanted!r}; an integer >= 0 is wanted", "layers")
            try:
                inspect.signature(layer.rule.update).bind(layer.w, None, **about)
            except TypeError as error:
                raise ArgumentTypeError(f"{function}: layers: {type(layer.rule).__name__}.update: {error}", "layers") from None
            plans.append((int(wanted), None if size is None else count(function, "layers['batch']", size), about))
        return plans

    # ---- files ------------------------------------------------------------------------------------------------------

    def save(self, path: checkpoints.Path) -> None:
        """Write layers and network, with all that `fit` needs to go on, to one file, atomically; see `Layer.save` and
        `Network.save`."""
        self._check("Mixed.save")
        arrays, parts = pack(self.stack, self.network, "Mixed.save")
        options = {"parts": parts, "learned": self.learned, "position": self.position}
        checkpoints.write(path, "mixed", arrays, options, "Mixed.save")

    @classmethod
    def load(cls, path: checkpoints.Path, *, rules: Sequence[Any] | None = None) -> Mixed:
        """One from a file of `save`; see `Layer.load`. `rules` has for each layer a rule or None."""
        arrays, options = checkpoints.read(path, "mixed", "Mixed.load")
        try:
            layers, network = unpack(arrays, options["parts"], rules, "Mixed.load")
            learned, position = options["learned"], options["position"]
            if network is None or len(learned) != len(layers) or not all(map(is_integer, [*learned, position])):
                raise ValueError("a part is missing")
            made = cls(Stack(layers), network)
            made.learned, made.position = list(learned), position
            return made
        except (IndexError, KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"Mixed.load: {path!r} holds nothing that can be used: {error}", "path") from None


def learn_epoch(
    layer: Layer, x: Any, epoch: int, options: Mapping[str, Any], *, batch: int | None = None, start: int = 0,
    tell: Callable[[int], None] = lambda at: None,
) -> None:  # fmt: skip
    """Let a layer learn the samples after the first `start` of its order for this epoch, `batch` (all) a call. `tell` gets
    the samples learned so far, also before Interrupted."""
    order = np.empty(len(x), np.int64)
    run("permutation", _header.PermutationArgs(order.ctypes.data, len(x), layer.seed, epoch), "Layer.learn")
    size = batch or max(len(x), 1)
    while start < len(x):
        end = min(start - start % size + size, len(x))
        try:
            layer.learn(x[order[start:end]], **options)
        except Interrupted as error:
            tell(start + error.done)
            raise
        start = end
        tell(start)


def pack(layers: Sequence[Layer] | Stack, network: Network | None, function: str) -> tuple[Arrays, dict[str, Any]]:
    """The arrays of layers and network under the names of their parts, and the options of each part."""
    arrays: Arrays = {}
    parts: dict[str, Any] = {}
    for k, layer in enumerate(layers):
        found, parts[f"layer.{k}"] = layer._state(function)
        arrays.update({f"layer.{k}/{name}": array for name, array in found.items()})
    if network is not None:
        found, parts["network"] = network._state()
        arrays.update({f"network/{name}": array for name, array in found.items()})
    return arrays, parts


def unpack(
    arrays: Arrays, parts: dict[str, Any], rules: Sequence[Any] | None, function: str
) -> tuple[list[Layer], Network | None]:
    """The way back; KeyError, TypeError or ValueError if there is none."""
    split: dict[str, Arrays] = {name: {} for name in parts}
    for name, array in arrays.items():
        part, _, key = name.partition("/")
        split[part][key] = array
    n = sum(name.startswith("layer.") for name in parts)
    given = [None] * n if rules is None else list(rules)
    if len(given) != n:
        raise ValueError(f"{len(given)} rules are given for {n} layers")
    layers = [Layer._from(split[f"layer.{k}"], parts[f"layer.{k}"], rule) for k, rule in enumerate(given)]
    network = Network._from(split["network"], parts["network"], function) if "network" in parts else None
    return layers, network
