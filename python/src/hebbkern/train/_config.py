"""The configuration file: read, and checked to the last key."""

from __future__ import annotations

import importlib
import inspect
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import rules
from ..network import Network


class TrainError(Exception):
    """What is wrong, and how to mend it."""


_DATA: dict[str, Any] = {
    "train": None, "test": None, "hold_out": 0.0, "x": None, "y": None, "classes": True, "scale": 1.0,
    "standardize": False, "dtype": "float32", "seed": 0,
}  # fmt: skip
_RUN: dict[str, Any] = {"folder": "run", "save_every": 1}
_LAYER = ("units", "rule", "activation", "epochs", "batch", "seed")


def _parameters(of: Any, without: tuple[str, ...]) -> list[str]:
    kinds = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    found = inspect.signature(of).parameters.values()
    return [p.name for p in found if p.name not in ("self", *without) and p.kind not in kinds]


@dataclass
class LayerConfig:
    """One of the Hebbian layers."""

    units: int
    rule: str
    parameters: dict[str, Any]  # of the rule
    options: dict[str, Any]  # of its update
    activation: Any = "identity"
    epochs: int = 1
    batch: int | None = None
    seed: int = 1


@dataclass
class Config:
    """A file that was read: its tables over their defaults. `text` is what it was read from."""

    path: Path
    given: dict[str, Any]
    data: dict[str, Any]
    run: dict[str, Any]
    layers: list[LayerConfig] = field(default_factory=list)
    hidden: list[int] = field(default_factory=list)
    network: dict[str, Any] | None = None
    fit: dict[str, Any] = field(default_factory=dict)
    epochs: int = 1

    def file(self, name: str) -> Path:
        """A path of the file's, which is relative to its folder."""
        return self.path.parent / name

    @property
    def folder(self) -> Path:
        return self.file(self.run["folder"])


def read_config(path: str | Path) -> Config:
    """Read a file. TrainError names the key that is unknown, missing or wrong."""
    path = Path(path)
    try:
        with path.open("rb") as f:
            given = _toml().load(f)
    except OSError as error:
        raise TrainError(f"{path}: {error.strerror}") from None
    except ValueError as error:  # not TOML, or not UTF-8
        raise TrainError(f"{path}: is no TOML file: {error}") from None
    try:
        return _checked(path, given)
    except _Wrong as error:
        raise TrainError(f"{path}: {error}") from None


def _toml() -> Any:
    try:
        return importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    except ModuleNotFoundError:
        raise TrainError("configuration files need Python 3.11 or later, or the package tomli: pip install tomli") from None


class _Wrong(Exception):
    """About a key."""


def _known(table: Any, name: str, keys: Any) -> dict[str, Any]:
    if not isinstance(table, dict):
        raise _Wrong(f"{name} is {table!r}; a table is wanted")
    for key in table:
        if key not in keys:
            raise _Wrong(f"{name} has the unknown key {key!r}; known are {', '.join(keys)}")
    return table


def _integer(table: dict[str, Any], key: str, name: str, least: int, default: Any = None) -> Any:
    value = table.get(key, default)
    if key not in table and default is None:
        raise _Wrong(f"{name} has no {key}")
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise _Wrong(f"{name}.{key} is {value!r}; an integer >= {least} is wanted")
    return value


def _checked(path: Path, given: dict[str, Any]) -> Config:
    _known(given, "the file", ("data", "layers", "network", "fit", "run"))
    data = {**_DATA, **_known(given.get("data", {}), "data", _DATA)}
    run = {**_RUN, **_known(given.get("run", {}), "run", _RUN)}
    if data["train"] is None:
        raise _Wrong("data has no train: the file or the pair of files with the samples")
    for key in ("train", "test"):
        value = data[key]
        pair = isinstance(value, list) and len(value) == 2 and all(isinstance(v, str) for v in value)
        if not (isinstance(value, str) or pair or value is None):
            raise _Wrong(f"data.{key} is {value!r}; a path or a pair of paths is wanted")
    hold_out, scale = data["hold_out"], data["scale"]
    if isinstance(hold_out, bool) or not isinstance(hold_out, (int, float)) or not 0 <= hold_out < 1:
        raise _Wrong(f"data.hold_out is {hold_out!r}; 0 or a share below 1 is wanted")
    if hold_out and data["test"] is not None:
        raise _Wrong("data has test and hold_out; one of them is wanted")
    if isinstance(scale, bool) or not isinstance(scale, (int, float)) or not 0 < scale < float("inf"):
        raise _Wrong(f"data.scale is {scale!r}; a number > 0 is wanted")
    if data["dtype"] not in ("float32", "float64"):
        raise _Wrong(f"data.dtype is {data['dtype']!r}; 'float32' or 'float64' is wanted")
    for key in ("classes", "standardize"):
        if not isinstance(data[key], bool):
            raise _Wrong(f"data.{key} is {data[key]!r}; true or false is wanted")
    _integer(data, "seed", "data", 0)
    _integer(run, "save_every", "run", 1)
    if not isinstance(run["folder"], str) or not run["folder"]:
        raise _Wrong(f"run.folder is {run['folder']!r}; the path of a folder is wanted")

    config = Config(path, given, data, run)
    layers = given.get("layers", [])
    if not isinstance(layers, list):
        raise _Wrong("layers is a table; a list of tables is wanted: [[layers]]")
    config.layers = [_layer(table, k) for k, table in enumerate(layers)]
    if "network" in given:
        _network(config, given)
    elif "fit" in given:
        raise _Wrong("there is fit, and no network to be trained")
    elif not layers:
        raise _Wrong("there is neither a network nor a layer to be trained")
    return config


def _network(config: Config, given: dict[str, Any]) -> None:
    options = dict(_known(given["network"], "network", ("hidden", *_parameters(Network, ("sizes", "dtype")))))
    hidden = options.pop("hidden", [])
    if not isinstance(hidden, list) or not all(isinstance(n, int) and not isinstance(n, bool) and n > 0 for n in hidden):
        raise _Wrong(f"network.hidden is {hidden!r}; a list of integers >= 1 is wanted")
    config.hidden, config.network = hidden, {key: _tuple(value) for key, value in options.items()}
    fit = dict(_known(given.get("fit", {}), "fit", _parameters(Network.fit, ("X", "Y", "progress"))))
    config.epochs = _integer(fit, "epochs", "fit", 0, 1)
    fit.pop("epochs", None)
    config.fit = fit


def _layer(table: Any, k: int) -> LayerConfig:
    name = f"layers[{k}]"
    if not isinstance(table, dict):
        raise _Wrong(f"{name} is {table!r}; a table is wanted")
    kind = getattr(rules, str(table.get("rule")), None)
    if kind is None or not _is_rule(kind):
        known = ", ".join(sorted(kind.__name__ for kind in vars(rules).values() if _is_rule(kind)))
        raise _Wrong(f"{name}.rule is {table.get('rule')!r}; one of {known} is wanted")
    parameters = _parameters(kind, ())
    options = _parameters(kind.update, ("w", "x", "y"))
    _known(table, name, (*_LAYER, *parameters, *options))
    return LayerConfig(
        units=_integer(table, "units", name, 1),
        rule=kind.__name__,
        parameters={key: _tuple(table[key]) for key in parameters if key in table},
        options={key: table[key] for key in options if key in table},
        activation=_tuple(table.get("activation", "identity")),
        epochs=_integer(table, "epochs", name, 0, 1),
        batch=_integer(table, "batch", name, 1) if "batch" in table else None,
        seed=_integer(table, "seed", name, 0, k + 1),
    )


def _is_rule(kind: Any) -> bool:
    """A class of rules that learn from x and what they make of it."""
    return isinstance(kind, type) and issubclass(kind, rules.Rule) and kind is not rules.Rule


def _tuple(value: Any) -> Any:
    """TOML has lists where Python's parameters are tuples: ["leaky_relu", 0.1]."""
    return tuple(value) if isinstance(value, list) else value
