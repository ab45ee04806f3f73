"""Stamina in Network.fit: what its hidden units have left is stepped as training goes, and who has none dies."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Mapping

import numpy as np
import numpy.typing as npt

from ._errors import ArgumentTypeError, ArgumentValueError
from ._parameters import choice, count, is_integer
from .kernels import forward
from .stamina import Stamina

if TYPE_CHECKING:
    from .network import Network

_NUMBERS: dict[str, Any] = {
    "mode": "zero_sum", "strength": 1.0, "alpha": None, "by": "threshold", "threshold": 0.0, "share": 0.1, "warmup": 0,
    "minimum": 0,
}  # fmt: skip
#: The options and their defaults. The first are those of `Stamina`.
LIVING: dict[str, Any] = {
    **_NUMBERS, "how": "compact", "layers": None, "inputs": None, "every": 1, "steps": None, "samples": 1024, "grow": 0,
    "maximum": None,
}  # fmt: skip


class Extinct(ArgumentValueError):
    """All units of a layer would die."""


class Living:
    """The stamina of one call of Network.fit. The constructor checks; the network changes in `begin` and `step`."""

    def __init__(self, net: Network, options: dict[str, Any], function: str) -> None:
        self.net, self.function = net, function
        hidden = len(net.sizes) - 2
        inputs = self._of_inputs(options)
        if not hidden and inputs is None:
            raise ArgumentValueError(f"{function}: stamina is of hidden layers, and net has none", "stamina")
        layers = range(hidden) if options["layers"] is None else options["layers"]
        layers = list(layers) if isinstance(layers, (list, tuple, range)) else [layers]
        if not (layers or inputs) or len(set(layers)) != len(layers) or not all(is_integer(l) and 0 <= l < hidden for l in layers):
            raise ArgumentValueError(
                f"{function}: stamina['layers'] is {options['layers']!r}; different hidden layers from 0 to {hidden - 1} are "
                "wanted", "stamina",
            )  # fmt: skip
        choice(function, "stamina['how']", options["how"], ("compact", "mask", "rebirth"))
        #: How the units of each layer die, from the lowest up; −1 is the inputs.
        self.how = {**({} if inputs is None else {-1: inputs["how"]}), **dict.fromkeys(sorted(layers), options["how"])}
        self.every, self.samples = (count(function, f"stamina[{key!r}]", options[key]) for key in ("every", "samples"))
        self.steps = None if options["steps"] is None else count(function, "stamina['steps']", options["steps"])
        self.grow, self.maximum = options["grow"], options["maximum"]
        if self.grow != 0:
            self._growth()
        self._silent()
        self.objects = self._objects(options)
        self.input_object = net.input_stamina if inputs is None else self._object(-1, net.input_stamina, inputs)

    def _of_inputs(self, options: Mapping[str, Any]) -> dict[str, Any] | None:
        """The options of the inputs over those of the units; None: they do not die."""
        given = options["inputs"]
        if given is None or given is False:
            return None
        known = {key: options[key] for key in _NUMBERS}
        known["how"] = "compact" if options["how"] == "rebirth" else options["how"]
        if given is True:
            given = {}
        if not isinstance(given, Mapping):
            raise ArgumentTypeError(f"{self.function}: stamina['inputs'] is {given!r}; a mapping of options is wanted", "stamina")
        for key in given:
            if key not in known:
                raise ArgumentValueError(
                    f"{self.function}: stamina['inputs'] has the unknown option {key!r}; known are {', '.join(known)}", "stamina"
                )
        choice(self.function, "stamina['inputs']['how']", given.get("how", "compact"), ("compact", "mask"))
        return {**known, **given}

    def _growth(self) -> None:
        count(self.function, "stamina['grow']", self.grow)
        if self.maximum is None:
            raise ArgumentValueError(
                f"{self.function}: stamina has grow and no maximum; the units that a layer may grow to are wanted", "stamina"
            )
        count(self.function, "stamina['maximum']", self.maximum)

    def _silent(self) -> None:
        """Whether the activity of a masked unit is 0, so that the weights out of it stay as they are in training."""
        for layer, how in self.how.items():
            f = "identity" if layer < 0 else self._activation(layer)
            if how == "mask" and forward(np.ones((1, 1)), [0.0], activation=f)[0] != 0:
                raise ArgumentValueError(
                    f"{self.function}: stamina['how'] is 'mask', and the units of layer {layer} have the activation {f!r}, "
                    "which is not 0 at 0: training would move those that are masked; 'compact' is wanted", "stamina",
                )  # fmt: skip

    def _objects(self, options: Mapping[str, Any]) -> list[Stamina | None]:
        """The stamina of each hidden layer: the network's own, with the numbers of this call."""
        net, hidden = self.net, len(self.net.sizes) - 2
        if net.stamina is not None and not (isinstance(net.stamina, list) and len(net.stamina) == hidden):
            raise ArgumentValueError(
                f"{self.function}: net.stamina is no list of {hidden}, one for each hidden layer, any more", "stamina"
            )
        found: list[Stamina | None] = list(net.stamina or [None] * hidden)
        return [self._object(l, old, options if l in self.how else None) for l, old in enumerate(found)]

    def _object(self, l: int, old: Stamina | None, options: Mapping[str, Any] | None) -> Stamina | None:
        """The stamina of one layer: what there was, with the numbers of this call if it has any."""
        net, n = self.net, self.net.sizes[l + 1]
        name = "net.input_stamina" if l < 0 else f"net.stamina[{l}]"
        if old is not None:
            if not isinstance(old, Stamina):
                raise ArgumentTypeError(f"{self.function}: {name} is {old!r}; a Stamina is wanted", "stamina")
            old._check(self.function)
            if len(old.value) != n or old.value.dtype != net.dtype:
                raise ArgumentValueError(
                    f"{self.function}: {name} has {len(old.value)} units in {old.value.dtype}; {n} in {net.dtype} are wanted, "
                    f"or None for {name.split('[')[0]}, which begins anew", "stamina",
                )  # fmt: skip
        if options is None:
            return old
        numbers = {key: options[key] for key in _NUMBERS}
        new = Stamina(n, seed=(net.seed + l + 1) % 2**64, dtype=net.dtype, **numbers)
        if old is not None:
            for key in ("value", "alive", "prior", "updates", "rng"):
                setattr(new, key, getattr(old, key))
        return new

    def _activation(self, layer: int) -> Any:
        f = self.net.activation
        return f[layer] if isinstance(f, list) else f

    # ---- in training ------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        if self.objects:
            self.net.stamina = self.objects
        self.net.input_stamina = self.input_object
        self.made = self.net.steps  # at the last step; what was due before is done
        self.died = [0] * (len(self.net.sizes) - 2)  # in this epoch

    def alive(self) -> list[int]:
        """Units of each hidden layer that are alive."""
        net = self.net
        return [n if s is None else int(s.alive.sum()) for n, s in zip(net.sizes[1:-1], net.stamina or ())]

    def deaths(self) -> list[int]:
        """Units of each hidden layer that have died since this was asked last."""
        found, self.died = self.died, [0] * len(self.died)
        return found

    def inputs(self) -> int:
        """Inputs that are alive."""
        own = self.net.input_stamina
        return self.net.sizes[0] if own is None else int(own.alive.sum())

    def due(self, made: int, updates: int) -> bool:
        """Whether a step is due after so many updates of an epoch that has `updates`, and has not been made."""
        if self.net.steps == self.made:
            return False
        if self.steps is not None:
            return made > 0 and made % self.steps == 0
        return made == updates and (self.net.epoch + 1) % self.every == 0

    def step(self, x: npt.NDArray[Any]) -> bool:
        """Observe the activities at the samples x; then who has no stamina left dies. Whether an input did."""
        with whole():
            self.made = self.net.steps
            self._observe(x)
            dead = {layer: self._dying(layer) for layer in self.how}  # all of them, before anything dies
            for layer, units in dead.items():
                self._change(layer, units)
        return len(dead.get(-1, ())) > 0

    def _stamina(self, layer: int) -> Stamina:
        net = self.net
        found = net.input_stamina if layer < 0 else (net.stamina or [None] * len(net.weights))[layer]
        if found is None:
            raise ArgumentValueError(f"{self.function}: the stamina of layer {layer} has been taken away", "stamina")
        return found

    def _observe(self, x: npt.NDArray[Any]) -> None:
        net = self.net
        for layer in range(-1, max(self.how) + 1):
            if layer >= 0:
                x = forward(net.weights[layer], x, net.biases[layer], activation=self._activation(layer))
            if layer in self.how:
                self._stamina(layer).update(x)

    def _dying(self, layer: int) -> npt.NDArray[np.int64]:
        try:
            return self._stamina(layer).dying()
        except ArgumentValueError as error:
            place = "the inputs" if layer < 0 else f"hidden layer {layer}"
            raise Extinct(f"{error}; {place}", "stamina") from None

    def _change(self, layer: int, dead: npt.NDArray[np.int64]) -> None:
        net, stamina, how = self.net, self._stamina(layer), self.how[layer]
        more = 0
        if self.grow and layer >= 0:
            more = min(self.grow, self.maximum - net.sizes[layer + 1] + (how == "compact") * len(dead))
        if layer >= 0:
            self.died[layer] += len(dead)
        if len(dead):
            if layer < 0 and how == "compact" and net.inputs is None:
                net.inputs = np.arange(net.sizes[0])
            stamina.apply(net, layer, how, dead=dead)
            if how == "mask" and net.feedback_weights and layer >= 0:
                net.feedback_weights[layer][:, dead] = 0  # by which they would learn
            if how == "rebirth":
                self._deafen(layer, dead)
        if more > 0:
            stamina.apply(net, layer, "grow", more=more)
            self._deafen(layer, np.arange(net.sizes[layer + 1] - more, net.sizes[layer + 1]))
        if len(dead) or more > 0:
            net.best = None  # of other units

    def _deafen(self, layer: int, born: npt.NDArray[np.int64]) -> None:
        """Clear the fresh weights of newborn units from those that are masked."""
        net = self.net
        below = net.input_stamina if layer == 0 else (net.stamina or ())[layer - 1]
        if below is not None and not below.alive.all():
            net.weights[layer][np.ix_(born, ~below.alive)] = 0


@contextmanager
def whole() -> Iterator[None]:
    """Put Ctrl-C off to the end of what changes several arrays that belong together."""
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield
        return
    held: list[tuple[Any, ...]] = []
    signal.signal(signal.SIGINT, lambda *about: held.append(about))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
    if held:
        handler(*held[0])
