"""A run: layers, then the network above them, saved as it goes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Callable

import numpy as np

from .. import _lib, checkpoints, rules
from .._array import run as call
from .._errors import HebbkernError
from .._state import plain, unplain
from ..layers import Layer, Stack
from ..network import Network
from . import _data, _report
from ._config import Config, LayerConfig, TrainError

Row = dict[str, Any]


class _Run:
    """What the checkpoint holds: the layers with the epochs that each has learned, the network, the curves."""

    def __init__(self, config: Config, data: _data.Data, say: Callable[[str], None]) -> None:
        self.config, self.data, self.say = config, data, say
        self.identity = {"data": data.fingerprint(), "given": _without_epochs(config.given)}
        self.rows: list[Row] = []
        self.learned = [0] * len(config.layers)
        width, self.layers = data.x.shape[1], []
        for k, about in enumerate(config.layers):
            try:
                rule = getattr(rules, about.rule)(**about.parameters)
                layer = Layer(width, about.units, rule, about.activation, seed=about.seed, dtype=data.x.dtype)
            except (HebbkernError, TypeError) as error:
                raise TrainError(f"{config.path}: layers[{k}]: {error}") from None
            self.layers.append(layer)
            width = about.units
        self.network: Network | None = None
        if config.network is not None:
            assert data.y is not None
            outputs = len(data.classes) or data.y.shape[1]
            try:
                self.network = Network([width, *config.hidden, outputs], dtype=data.x.dtype, **config.network)
            except (HebbkernError, TypeError) as error:
                raise TrainError(f"{config.path}: network: {error}") from None

    # ---- the checkpoint -----------------------------------------------------------------------------------------------

    @property
    def path(self) -> Path:
        return self.config.folder / "run.hk"

    def save(self) -> None:
        arrays: dict[str, Any] = {}
        parts: dict[str, Any] = {}
        for k, layer in enumerate(self.layers):
            found, parts[f"layer.{k}"] = layer._state("train")
            arrays.update({f"layer.{k}/{name}": array for name, array in found.items()})
        if self.network is not None:
            found, parts["network"] = self.network._state()
            arrays.update({f"network/{name}": array for name, array in found.items()})
        options = {"identity": self.identity, "learned": self.learned, "rows": self.rows, "parts": parts}
        checkpoints.write(self.path, "run", arrays, options, "train")

    def resume(self) -> bool:
        """Go on from the checkpoint, if there is one."""
        try:
            arrays, options = checkpoints.read(self.path, "run", "train")
        except FileNotFoundError:
            return False
        if (difference := _difference(options["identity"], plain(self.identity, "given", "train"))) is not None:
            raise TrainError(
                f"{self.path} is of another run: {difference}. Start anew with --fresh, or name another run.folder"
            )
        split: dict[str, dict[str, Any]] = {}
        for name, array in arrays.items():
            part, _, key = name.partition("/")
            split.setdefault(part, {})[key] = array
        for k in range(len(self.layers)):
            self.layers[k] = Layer._from(split[f"layer.{k}"], options["parts"][f"layer.{k}"], None)
        if self.network is not None:
            self.network = Network._from(split["network"], options["parts"]["network"], "train")
        self.learned, self.rows = options["learned"], unplain(options["rows"])
        return True

    # ---- learning -----------------------------------------------------------------------------------------------------

    def learn(self) -> None:
        every = self.config.run["save_every"]
        x, x_test = self.data.x, self.data.x_test
        for k, (layer, about) in enumerate(zip(self.layers, self.config.layers)):
            while self.learned[k] < about.epochs:
                self.rows.append(self._layer_epoch(k, layer, about, x))
                self.learned[k] += 1
                self._note(self.learned[k] == about.epochs or self.learned[k] % every == 0)
            x = layer.forward(x)
            x_test = None if x_test is None else layer.forward(x_test)
        while self.network is not None and self.network.epoch < self.config.epochs:
            history = self.network.fit(x, self.data.y, epochs=1, **self.config.fit, progress=False)
            row = {"part": "network", "epoch": self.network.epoch}
            row.update({name: getattr(history, name)[-1] for name in ("loss", "accuracy", "deficit")})
            if x_test is not None:
                row.update(self._test(self.network, x_test))
            self.rows.append(row)
            self._note(self.network.epoch == self.config.epochs or self.network.epoch % every == 0)

    def _layer_epoch(self, k: int, layer: Layer, about: LayerConfig, x: Any) -> Row:
        before = layer.w.copy()
        order = np.empty(len(x), np.int64)
        call("permutation", _lib.PermutationArgs(order.ctypes.data, len(x), about.seed, self.learned[k]), "train")
        size = about.batch or len(x)
        for at in range(0, len(x), size):
            layer.learn(x[order[at : at + size]], **about.options)
        change = np.linalg.norm(layer.w - before) / max(float(np.linalg.norm(layer.w)), 1e-30)
        return {"part": f"layer {k}", "epoch": self.learned[k] + 1, "change": float(change)}

    def _test(self, network: Network, x: Any) -> Row:
        out, y = network.forward(x), self.data.y_test
        assert y is not None
        if self.data.classes:
            return {"test_accuracy": float((out.argmax(1) == y).mean())}
        return {"test_loss": float(np.square(out - y).sum(1, dtype=np.float64).mean() / 2)}

    def _note(self, save: bool) -> None:
        """Save, if it is due, what is then said: Ctrl-C after a line loses nothing of it."""
        if save:
            self.save()
        about = dict(self.rows[-1])
        words = [about.pop("part"), f"epoch {about.pop('epoch')}"]
        self.say(", ".join([*words, *(f"{name} {value:.4g}" for name, value in about.items())]))


def run(config: Config, *, fresh: bool = False, say: Callable[[str], None] = print) -> list[Path]:
    """Run a configuration to its end, from its checkpoint if there is one.

    Parameters
    ----------
    config : Config
    fresh : bool
        Start anew, whatever checkpoint there is.
    say : function
        Gets a line for each epoch.

    Returns
    -------
    list of Path
        The files that were written.

    Raises
    ------
    TrainError
        Something in the configuration, its data or its checkpoint is wrong.
    DivergenceError
        Learning left the finite numbers; the checkpoint is that of the last epoch that was saved.
    KeyboardInterrupt
        Ctrl-C; likewise.
    """
    made = _Run(config, _data.load(config), say)
    try:
        os.makedirs(config.folder, exist_ok=True)
        if not fresh and made.resume():
            say(f"goes on from {made.path}")
        else:
            made.save()
        made.learn()
        written = [made.path]
        if made.layers:
            written.append(config.folder / "layers.hk")
            Stack(made.layers).save(written[-1])
        if made.network is not None:
            written.append(config.folder / "network.hk")
            made.network.save(written[-1])
        return written + _report.write(config, made.data, made.rows)
    except OSError as error:
        raise TrainError(f"{error.filename or config.folder}: {error.strerror or error}") from None
    except HebbkernError as error:
        if isinstance(error, (TypeError, ValueError)):  # an argument from the file, or a checkpoint
            raise TrainError(f"{config.path}: {error}") from None
        raise


def _without_epochs(given: dict[str, Any]) -> dict[str, Any]:
    """What makes a run what it is: all but how long it goes on and where it writes to."""
    return {
        name: {key: value for key, value in table.items() if (name, key) != ("fit", "epochs")} if name == "fit" else table
        for name, table in given.items()
        if name != "run"
    }


def _difference(was: Any, now: Any, name: str = "") -> str | None:
    """The first place where two values differ, in words."""
    if isinstance(was, dict) and isinstance(now, dict):
        for key in sorted(was.keys() | now.keys()):
            if (found := _difference(was.get(key), now.get(key), f"{name}.{key}".lstrip("."))) is not None:
                return found
        return None
    if isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        for k, pair in enumerate(zip(was, now)):
            if (found := _difference(*pair, f"{name}[{k}]")) is not None:
                return found
        return None
    if was == now and type(was) is type(now):
        return None
    if name == "data":
        return "it has learned from other samples"
    return f"its {name.removeprefix('given.')} is {was!r}, and here it is {now!r}"
