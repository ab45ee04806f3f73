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

_NUMBERS = {
    "mode": "zero_sum", "strength": 1.0, "alpha": None, "by": "threshold", "threshold": 0.0, "share": 0.1, "warmup": 0,
    "minimum": 0,
}  # fmt: skip
#: The options and their defaults. The first are those of `Stamina`.
LIVING: dict[str, Any] = {
    **_NUMBERS, "how": "compact", "layers": None, "every": 1, "steps": None, "samples": 1024, "grow": 0, "maximum": None,
}  # fmt: skip


class Extinct(ArgumentValueError):
    """All units of a layer would die."""


class Living:
    """The stamina of one call of Network.fit. The constructor checks; the network changes in `begin` and `step`."""

    def __init__(self, net: Network, options: dict[str, Any], function: str) -> None:
        self.net, self.function = net, function
        hidden = len(net.sizes) - 2
        if not hidden:
            raise ArgumentValueError(f"{function}: stamina is of hidden layers, and net has none", "stamina")
        layers = range(hidden) if options["layers"] is None else options["layers"]
        layers = list(layers) if isinstance(layers, (list, tuple, range)) else [layers]
        if not layers or len(set(layers)) != len(layers) or not all(is_integer(l) and 0 <= l < hidden for l in layers):
            raise ArgumentValueError(
                f"{function}: stamina['layers'] is {options['layers']!r}; different hidden layers from 0 to {hidden - 1} are "
                "wanted", "stamina",
            )  # fmt: skip
        self.layers = sorted(layers)
        choice(function, "stamina['how']", options["how"], ("compact", "mask", "rebirth"))
        self.how = options["how"]
        self.every, self.samples = (count(function, f"stamina[{key!r}]", options[key]) for key in ("every", "samples"))
        self.steps = None if options["steps"] is None else count(function, "stamina['steps']", options["steps"])
        self.grow, self.maximum = options["grow"], options["maximum"]
        if self.grow != 0:
            self._growth()
        if self.how == "mask":
            self._silent()
        self.objects = self._objects(options)

    def _growth(self) -> None:
        count(self.function, "stamina['grow']", self.grow)
        if self.maximum is None:
            raise ArgumentValueError(
                f"{self.function}: stamina has grow and no maximum; the units that a layer may grow to are wanted", "stamina"
            )
        count(self.function, "stamina['maximum']", self.maximum)
        if self.net.feedback_weights:
            raise ArgumentValueError(
                f"{self.function}: stamina has grow, and new units would have no feedback weights; feedback 'bp' or 'sign' "
                "is wanted", "stamina",
            )  # fmt: skip

    def _silent(self) -> None:
        """Whether the activity of a masked unit is 0, so that the weights out of it stay as they are in training."""
        for layer in self.layers:
            f = self._activation(layer)
            if forward(np.ones((1, 1)), [0.0], activation=f)[0] != 0:
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
        for l, old in enumerate(found):
            n = net.sizes[l + 1]
            if old is not None:
                if not isinstance(old, Stamina):
                    raise ArgumentTypeError(f"{self.function}: net.stamina[{l}] is {old!r}; a Stamina is wanted", "stamina")
                old._check(self.function)
                if len(old.value) != n or old.value.dtype != net.dtype:
                    raise ArgumentValueError(
                        f"{self.function}: net.stamina[{l}] has {len(old.value)} units in {old.value.dtype}; {n} in "
                        f"{net.dtype} are wanted, or None for net.stamina, which begins anew", "stamina",
                    )  # fmt: skip
            if l in self.layers:
                numbers = {key: options[key] for key in _NUMBERS}
                new = Stamina(n, seed=(net.seed + l + 1) % 2**64, dtype=net.dtype, **numbers)
                if old is not None:
                    for key in ("value", "alive", "prior", "updates", "rng"):
                        setattr(new, key, getattr(old, key))
                found[l] = new
        return found

    def _activation(self, layer: int) -> Any:
        f = self.net.activation
        return f[layer] if isinstance(f, list) else f

    # ---- in training ------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        self.net.stamina = self.objects
        self.made = self.net.steps  # at the last step; what was due before is done

    def alive(self) -> list[int]:
        """Units of each hidden layer that are alive."""
        net = self.net
        assert net.stamina is not None
        return [n if s is None else int(s.alive.sum()) for n, s in zip(net.sizes[1:-1], net.stamina)]

    def due(self, made: int, updates: int) -> bool:
        """Whether a step is due after so many updates of an epoch that has `updates`, and has not been made."""
        if self.net.steps == self.made:
            return False
        if self.steps is not None:
            return made > 0 and made % self.steps == 0
        return made == updates and (self.net.epoch + 1) % self.every == 0

    def step(self, x: npt.NDArray[Any]) -> None:
        """Observe the activities at the samples x; then who has no stamina left dies."""
        with _whole():
            self.made = self.net.steps
            self._observe(x)
            dead = {layer: self._dying(layer) for layer in self.layers}  # all of them, before anything dies
            for layer, units in dead.items():
                self._change(layer, units)

    def _stamina(self, layer: int) -> Stamina:
        assert self.net.stamina is not None
        found = self.net.stamina[layer]
        if found is None:
            raise ArgumentValueError(f"{self.function}: net.stamina[{layer}] has been taken away", "stamina")
        return found

    def _observe(self, x: npt.NDArray[Any]) -> None:
        net = self.net
        for layer in range(self.layers[-1] + 1):
            x = forward(net.weights[layer], x, net.biases[layer], activation=self._activation(layer))
            if layer in self.layers:
                self._stamina(layer).update(x)

    def _dying(self, layer: int) -> npt.NDArray[np.int64]:
        try:
            return self._stamina(layer).dying()
        except ArgumentValueError as error:
            raise Extinct(f"{error}; hidden layer {layer}", "stamina") from None

    def _change(self, layer: int, dead: npt.NDArray[np.int64]) -> None:
        net, stamina = self.net, self._stamina(layer)
        more = self.grow and min(self.grow, self.maximum - net.sizes[layer + 1] + (self.how == "compact") * len(dead))
        if len(dead):
            stamina.apply(net, layer, self.how, dead=dead)
            if self.how == "mask" and net.feedback_weights:
                net.feedback_weights[layer][:, dead] = 0  # by which they would learn
        if more > 0:
            stamina.apply(net, layer, "grow", more=more)
        if len(dead) or more > 0:
            net.best = None  # of other units


@contextmanager
def _whole() -> Iterator[None]:
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
