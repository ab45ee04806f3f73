"""Samples from NPY, NPZ, IDX and CSV files."""

from __future__ import annotations

import csv
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..datasets import read_idx
from ._config import Config, TrainError

Array = npt.NDArray[Any]


@dataclass
class Data:
    """What a run learns from, and what it is tested on, if anything."""

    x: Array  # [samples, in]
    y: Array | None  # labels [samples], or numbers [samples, out]; None: there is no network
    x_test: Array | None
    y_test: Array | None
    classes: list[str]  # the names of the labels; none for numbers

    def fingerprint(self) -> int:
        """Of all samples, so that a run does not go on with others."""
        found = 0
        for array in (self.x, self.y, self.x_test, self.y_test):
            if array is not None:
                found = zlib.crc32(np.ascontiguousarray(array).tobytes(), found)
        return found


def load(config: Config) -> Data:
    """The samples of a configuration. TrainError names the file."""
    options = config.data
    wanted = config.network is not None
    x, y = _samples(config, options["train"], wanted)
    x_test, y_test = _samples(config, options["test"], wanted) if options["test"] is not None else (None, None)
    if x_test is not None and x_test.shape[1] != x.shape[1]:
        raise TrainError(f"data.test has {x_test.shape[1]} features; {x.shape[1]} are wanted, as data.train has")
    names: list[str] = []
    if y is not None:
        y, y_test, names = _targets(y, y_test, config)
    if options["hold_out"]:
        order = np.random.default_rng(options["seed"]).permutation(len(x))
        cut = len(x) - max(1, round(options["hold_out"] * len(x)))
        if cut < 1:
            raise TrainError(f"data.hold_out leaves none of the {len(x)} samples")
        first, rest = order[:cut], order[cut:]
        x, x_test = x[first], x[rest]
        if y is not None:
            y, y_test = y[first], y[rest]
    dtype = np.dtype(options["dtype"])
    x = x / options["scale"]
    x_test = None if x_test is None else x_test / options["scale"]
    if options["standardize"]:
        mean, deviation = x.mean(0), x.std(0)
        deviation[deviation == 0] = 1  # a constant feature becomes 0
        x = (x - mean) / deviation
        x_test = None if x_test is None else (x_test - mean) / deviation

    def final(array: Array | None) -> Array | None:
        if array is None:
            return None
        if not np.isfinite(array).all():
            raise TrainError("data has numbers that are not finite")
        return np.ascontiguousarray(array, array.dtype if array.dtype.kind == "i" else dtype)

    found = final(x)
    assert found is not None
    return Data(found, final(y), final(x_test), final(y_test), names)


def _targets(y: Array, y_test: Array | None, config: Config) -> tuple[Array, Array | None, list[str]]:
    """Labels as 0, 1, ... with their names, or numbers as a column each."""
    words = y.dtype.kind == "U"
    if words and not config.data["classes"]:
        raise TrainError(f"data.y has words, such as {y.flat[0]!r}; numbers are wanted without data.classes")
    if config.data["classes"] and y.ndim == 1 and (words or y.dtype.kind in "iu" or (y == np.round(y)).all()):
        together = y if y_test is None else np.concatenate([y, y_test.astype(y.dtype)])
        values, codes = np.unique(together, return_inverse=True)
        codes = codes.reshape(-1).astype(np.int64)
        names = [str(v) if words else f"{v:g}" for v in values]
        return codes[: len(y)], None if y_test is None else codes[len(y) :], names
    columns = [None if a is None else a.reshape(len(a), -1).astype(np.float64) for a in (y, y_test)]
    assert columns[0] is not None
    return columns[0], columns[1], []


def _samples(config: Config, source: Any, wanted: bool) -> tuple[Array, Array | None]:
    """x as rows of numbers, and y if there is one."""
    names = [source] if isinstance(source, str) else source
    paths = [config.file(name) for name in names]
    y: Array | None = None
    if len(paths) == 2:
        x, y = _table(paths[0]), _table(paths[1], single=True)
    elif paths[0].suffix == ".npz":
        x, y = _npz(paths[0], config, wanted)
    elif paths[0].suffix == ".csv":
        x, y = _columns(paths[0], config.data["y"], wanted)
    else:
        x = _table(paths[0])
    if wanted and y is None:
        raise TrainError(f"{paths[0]}: has no y; a pair of files is wanted: [x, y]")
    if x.ndim == 0 or len(x) == 0 or x.size == 0 or x.dtype.kind not in "buif":
        raise TrainError(f"{paths[0]}: x has shape {x.shape} and is {x.dtype}; rows of numbers are wanted")
    if y is not None and (y.ndim == 0 or len(y) != len(x) or y.dtype.kind not in "buifU"):
        raise TrainError(f"{paths[-1]}: y has shape {y.shape} and is {y.dtype}; one for each of {len(x)} samples is wanted")
    return x.reshape(len(x), -1).astype(np.float64), y if wanted else None


def _table(path: Path, single: bool = False) -> Array:
    """The array of a file by its ending: .npy, .csv, else IDX. One column is a vector if it is to be one."""
    try:
        if path.suffix == ".npy":
            array: Array = np.load(path, allow_pickle=False)
        elif path.suffix == ".csv":
            rows, _ = _rows(path)
            numbers = _numbers(rows)
            array = np.array(rows) if numbers is None else numbers
        else:
            array = read_idx(path)
    except OSError as error:
        raise TrainError(f"{path}: {error.strerror or error}") from None
    except (EOFError, ValueError, csv.Error) as error:
        raise TrainError(f"{path}: {str(error).removeprefix(f'{path}: ')}") from None
    if single and array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    return array


def _npz(path: Path, config: Config, wanted: bool) -> tuple[Array, Array | None]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            found = []
            for key in ("x", "y") if wanted else ("x",):
                name = config.data[key] if config.data[key] is not None else key
                if name not in archive:
                    raise TrainError(f"{path}: has no array {name!r} for data.{key}; it has {', '.join(archive)}")
                found.append(archive[name])
    except OSError as error:
        raise TrainError(f"{path}: {error.strerror or error}") from None
    except (EOFError, ValueError, zipfile.BadZipFile) as error:
        raise TrainError(f"{path}: is no NPZ file: {error}") from None
    return found[0], found[1] if wanted else None


def _rows(path: Path) -> tuple[list[list[str]], list[str]]:
    """The rows of a CSV file and its header, if it has one: a first row with a word where the second has a number."""
    with path.open(newline="", encoding="utf-8") as f:
        rows = [[cell.strip() for cell in row] for row in csv.reader(f) if row]
    if not rows:
        raise ValueError("has no rows")
    for number, row in enumerate(rows, 1):
        if len(row) != len(rows[0]):
            raise ValueError(f"row {number} has {len(row)} columns; {len(rows[0])} are wanted, as the first has")
    if len(rows) > 1 and any(not _is_number(a) and _is_number(b) for a, b in zip(rows[0], rows[1])):
        return rows[1:], rows[0]
    return rows, []


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _numbers(rows: list[list[str]]) -> Array | None:
    try:
        return np.array(rows, np.float64)
    except ValueError:
        return None


def _columns(path: Path, y: Any, wanted: bool) -> tuple[Array, Array | None]:
    """x and y of a CSV file with both in it; without a y that is wanted or named, all columns are x."""
    try:
        rows, header = _rows(path)
    except OSError as error:
        raise TrainError(f"{path}: {error.strerror or error}") from None
    except (ValueError, csv.Error) as error:
        raise TrainError(f"{path}: {error}") from None
    width = len(rows[0])
    if y is None:
        k = width - 1 if wanted else None
    elif isinstance(y, str):
        if y not in header:
            raise TrainError(f"{path}: has no column {y!r} for data.y; it has {', '.join(header) or 'no header'}")
        k = header.index(y)
    elif isinstance(y, int) and -width <= y < width:
        k = y % width
    else:
        raise TrainError(f"data.y is {y!r}; the name or number of one of the {width} columns of {path} is wanted")
    features = [[cell for j, cell in enumerate(row) if j != k] for row in rows]
    x = _numbers(features)
    if x is None:
        bad = next((i, c) for i, row in enumerate(features) for c in row if not _is_number(c))
        raise TrainError(f"{path}: {bad[1]!r} in row {bad[0] + 1 + bool(header)} is no number")
    if k is None:
        return x, None
    cells = [[row[k]] for row in rows]
    numbers = _numbers(cells)
    return x, np.array([c for [c] in cells]) if numbers is None else numbers[:, 0]
