"""The state of objects, taken apart for a file and put together again.

What an object has is its public attributes, and the properties that can be set. Arrays go into the file as such, under
the attribute's name; the rest is JSON. Where an array is inside of something, {"array": its name} stands in its place,
and a value of a class of this package is {"class": ..., "options": {...}}. A JSON list is a tuple, which is what most
attributes are, and {"list": [...]} a list.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import math
from typing import Any, Mapping

import numpy as np
import numpy.typing as npt

from ._errors import ArgumentTypeError, ArgumentValueError

Arrays = dict[str, npt.NDArray[Any]]

#: The element types of arrays in files.
DTYPES = tuple(map(np.dtype, (np.float32, np.float64, np.bool_, np.uint8, np.int64, np.uint64)))

_PACKAGE = __name__.partition(".")[0]


def key(name: Any, what: str, function: str) -> str:
    """A name in a file."""
    if not isinstance(name, str):
        raise ArgumentTypeError(f"{function}: {what} has the key {name!r}; strings are wanted", what)
    if "\0" in name:
        raise ArgumentValueError(f"{function}: {what} has the key {name!r}; names without zeros are wanted", what)
    return name


def plain(value: Any, name: str, function: str, arrays: Arrays | None = None) -> Any:
    """A value as JSON says it. Numbers that are not finite become {"float": "inf"}. With `arrays`, to which its arrays are
    added, also arrays, classes, and lists apart from tuples."""
    if isinstance(value, (np.bool_, np.integer, np.floating)):
        value = value.item()
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": repr(value)}
    if arrays is not None and isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
        saved: dict[str, Any] = {"array": name}
        if value.dtype not in DTYPES:
            saved["dtype"] = str(value.dtype)
            value = value.astype({"f": np.float64, "i": np.int64, "u": np.uint64}[value.dtype.kind])
        arrays[name] = value
        return saved
    if arrays is not None and (fields := _fields(value)) is not None:
        options = {k: plain(v, f"{name}.{k}", function, arrays) for k, v in fields.items()}
        return {"class": f"{type(value).__module__}.{type(value).__qualname__}", "options": options}
    if isinstance(value, list) and arrays is not None:
        return {"list": plain(tuple(value), name, function, arrays)}
    if isinstance(value, (list, tuple)):
        return [plain(item, f"{name}.{i}", function, arrays) for i, item in enumerate(value)]
    if isinstance(value, Mapping):
        return {key(k, name, function): plain(item, f"{name}.{k}", function, arrays) for k, item in value.items()}
    raise ArgumentTypeError(
        f"{function}: {name} is a {type(value).__name__}; numbers, strings, None, lists and mappings can be saved", name
    )


def _fields(value: Any) -> dict[str, Any] | None:
    """Of a dataclass or named tuple of this package."""
    if type(value).__module__.partition(".")[0] != _PACKAGE or isinstance(value, type):
        return None
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return dict(value._asdict()) if isinstance(value, tuple) and hasattr(value, "_asdict") else None


def unplain(value: Any, arrays: Arrays | None = None) -> Any:
    """The way back; with `arrays`, whose arrays it takes, also of arrays, tuples and classes. ValueError for what `plain`
    has not made."""
    if isinstance(value, list):
        items = [unplain(item, arrays) for item in value]
        return items if arrays is None else tuple(items)
    if not isinstance(value, dict):
        return value
    if value.keys() == {"float"} and value["float"] in ("inf", "-inf", "nan"):
        return float(value["float"])
    if arrays is not None and value.keys() in ({"array"}, {"array", "dtype"}):
        if value["array"] not in arrays:
            raise ValueError(f"the array {value['array']!r} is missing")
        array = arrays.pop(value["array"])
        return array.astype(value["dtype"]) if "dtype" in value else array
    if arrays is not None and value.keys() == {"list"}:
        return list(unplain(value["list"], arrays))
    if arrays is not None and value.keys() == {"class", "options"}:
        return _made(value["class"], {k: unplain(v, arrays) for k, v in value["options"].items()})
    return {k: unplain(item, arrays) for k, item in value.items()}


def _made(name: str, fields: dict[str, Any]) -> Any:
    module, _, kind = name.rpartition(".")
    found = None
    if module.startswith(f"{_PACKAGE}."):
        try:
            found = getattr(importlib.import_module(module), kind, None)
        except ModuleNotFoundError:
            pass
    if not (isinstance(found, type) and (dataclasses.is_dataclass(found) or hasattr(found, "_asdict"))):
        raise ValueError(f"the class {name!r} is not known")
    return found(**fields)


def attributes(thing: Any) -> dict[str, Any]:
    """What an object has."""
    found = {name: value for name, value in vars(thing).items() if not name.startswith("_")}
    for kind in reversed(type(thing).__mro__):
        for name, value in vars(kind).items():
            if isinstance(value, property) and value.fset is not None and not name.startswith("_"):
                found[name] = getattr(thing, name)
    return found


def taken_apart(thing: Any, name: str, function: str) -> tuple[Arrays, dict[str, Any]]:
    """The arrays of an object by the names of its attributes, and {"class": ..., "options": ...}. Functions are left out:
    whoever loads the file gives them."""
    arrays: Arrays = {}
    options = {}
    for attribute, value in attributes(thing).items():
        if callable(value) and _fields(value) is None:
            continue
        inside: Arrays = {}
        found = plain(value, attribute, f"{function}: {name}", inside)
        arrays.update(inside)
        if found != {"array": attribute}:  # the name alone says it
            options[attribute] = found
    return arrays, {"class": type(thing).__name__, "options": options}


def put_together(saved: Any, arrays: Arrays, home: Any, given: Any, name: str) -> Any:
    """The object that was taken apart, of a class of the module `home`; or what the caller has given, with its state.
    ValueError or TypeError if it cannot be made."""
    kind, arrays = saved["class"], dict(arrays)
    values = {attribute: unplain(value, arrays) for attribute, value in saved["options"].items()}
    values.update(arrays)
    if given is None:
        found = getattr(home, kind, None) if isinstance(kind, str) and not kind.startswith("_") else None
        if not (isinstance(found, type) and hasattr(found, "update")):
            raise ValueError(f"{name} is of the class {kind!r}, which {home.__name__} has not: give it as {name}=")
        parameters = inspect.signature(found).parameters
        needed = dict(values)
        if "sigma" in arrays:  # an average over units
            needed.update(n=len(arrays["sigma"]), dtype=arrays["sigma"].dtype)
        missing = [p.name for p in parameters.values() if p.default is p.empty and p.name not in needed
                   and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]  # fmt: skip
        if missing:
            raise ValueError(f"{missing[0]} of the {kind} was not saved, as functions are not: give it as {name}=")
        given = found(**{attribute: value for attribute, value in needed.items() if attribute in parameters})
    elif type(given).__name__ != kind:
        raise ValueError(f"{name} is a {type(given).__name__}, and the file has the state of a {kind}")
    unknown = values.keys() - attributes(given).keys()
    if unknown:
        raise ValueError(f"{name} has {sorted(unknown)[0]!r}, which {kind} does not know")
    for attribute, value in values.items():
        setattr(given, attribute, value)
    return given
