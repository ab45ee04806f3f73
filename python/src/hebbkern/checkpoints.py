"""Checkpoints: files of named arrays and options.

They are of the safetensors format, so the package of that name reads them too, with checksums in the metadata: a file
that was cut short or in which a bit has changed is refused. A file is written beside the old one, synced and renamed
over it, so a process that dies in the midst of it leaves the old file whole (and beside it a ``.NAME.RANDOM.tmp``, which
may be deleted). Go reads and writes the same files (package engine).
"""

from __future__ import annotations

import ctypes
import json
import os
from typing import Any, Mapping

import numpy as np
import numpy.typing as npt

from . import _header
from ._array import raise_error
from ._errors import ArgumentTypeError, ArgumentValueError, CheckpointError
from ._lib import native
from ._state import DTYPES, key, plain, unplain

Path = str | bytes | os.PathLike[str] | os.PathLike[bytes]

_CODES = dict(
    zip(DTYPES, (_header.FLOAT32, _header.FLOAT64, _header.BOOL, _header.UINT8, _header.INT64, _header.UINT64))
)
_DTYPES = {code: dtype for dtype, code in _CODES.items()}


def save(path: Path, arrays: Mapping[str, npt.NDArray[Any]], metadata: Mapping[str, Any] | None = None) -> None:
    """Write named arrays and metadata to a file, atomically.

    Parameters
    ----------
    path : str or path
        The file; one that is there is replaced. Its folder must exist.
    arrays : mapping of str to array
        Of float32, float64, int64, uint64, uint8 or bool, of any shape.
    metadata : mapping, optional
        Names with values that JSON can say: numbers, strings, booleans, None, lists and mappings of such.

    Raises
    ------
    TypeError, ValueError
        Something that cannot be saved; nothing was written.
    OSError
        The disk is full, the folder is missing or not writable, ...: the file is as it was.

    Examples
    --------
    >>> import os, tempfile, numpy as np, hebbkern as hk
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "state.hk")
    ...     hk.save(path, {"w": np.ones((2, 3))}, {"epoch": 5})
    ...     arrays, metadata = hk.load(path)
    >>> arrays["w"].shape, metadata
    ((2, 3), {'epoch': 5})
    """
    write(path, "arrays", arrays, {} if metadata is None else metadata, "save")


def load(path: Path) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
    """Read a file of `save`.

    Returns
    -------
    arrays : dict of str to array
        In memory of their own.
    metadata : dict

    Raises
    ------
    CheckpointError
        The file is cut short, altered, of a later version, or none of `save`.
    OSError
        It is missing or cannot be read.

    Examples
    --------
    >>> import hebbkern as hk
    >>> hk.load("/no/such/file.hk")
    Traceback (most recent call last):
        ...
    FileNotFoundError: [Errno 2] No such file or directory: '/no/such/file.hk'
    """
    arrays, options = read(path, "arrays", "load")
    return arrays, unplain(options)


def write(path: Path, kind: str, arrays: Mapping[str, Any], options: Mapping[str, Any], function: str) -> None:
    """A file of a kind ("arrays", "network", ...), whose options are one JSON object in the metadata: what
    `_state.plain` makes of them, which leaves what it has made already."""
    if not isinstance(arrays, Mapping):
        raise ArgumentTypeError(f"{function}: arrays is {arrays!r}; a mapping of names to arrays is wanted", "arrays")
    if not isinstance(options, Mapping):
        raise ArgumentTypeError(f"{function}: metadata is {options!r}; a mapping is wanted", "metadata")
    kept = {key(name, "arrays", function): _savable(array, name, function) for name, array in arrays.items()}
    metadata = {"kind": kind, "options": json.dumps(plain(options, "metadata", function), allow_nan=False)}
    tensors = _tensors(kept)
    text = json.dumps(metadata).encode()
    _call("save", _header.SaveArgs(_encoded(path, function), tensors, len(kept), text), path, function)


def read(path: Path, kind: str, function: str) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
    """The arrays and options of a file of a kind, these as JSON has them."""
    while True:
        found = _inspect(path, function)
        arrays = {t["name"]: np.empty(t["shape"], _DTYPES[t["dtype"]]) for t in found["tensors"]}
        args = _header.LoadArgs(_encoded(path, function), found["checksum"].encode(), _tensors(arrays), len(arrays))
        if _call("load", args, path, function):
            break
    metadata = found["metadata"]
    if metadata.get("kind") != kind:
        raise CheckpointError(
            f"{function}: {os.fsdecode(path)} is of the kind {metadata.get('kind')!r}; {kind!r} is wanted", "path"
        )
    return arrays, json.loads(metadata["options"])


def _inspect(path: Path, function: str) -> dict[str, Any]:
    size, needed = 1 << 16, ctypes.c_int64()
    while True:
        buffer = ctypes.create_string_buffer(size)
        args = _header.InspectArgs(_encoded(path, function), ctypes.addressof(buffer), size, ctypes.pointer(needed))
        _call("inspect", args, path, function)
        if needed.value <= size:
            found: dict[str, Any] = json.loads(buffer.value)
            return found
        size = needed.value


def _call(name: str, args: ctypes.Structure, path: Path, function: str) -> bool:
    """False if the file was replaced since it was inspected, as a run does that saves every epoch."""
    at, error = ctypes.c_int64(0), _header.Error()
    status = getattr(native.library, f"hk_{name}")(ctypes.byref(args), ctypes.byref(at), ctypes.byref(error))
    if status == _header.E_SYSTEM:
        raise OSError(error.sample, os.strerror(error.sample), os.fsdecode(path))
    if status == _header.E_FILE:
        if error.reason == _header.R_REPLACED:
            return False
        raise CheckpointError(function + error.message.decode(errors="replace").removeprefix(name), "path")
    if status != _header.OK:
        raise_error(error, name, function)
    return True


def _encoded(path: Path, function: str) -> bytes:
    try:
        name = os.fsencode(path)
    except TypeError:
        raise ArgumentTypeError(f"{function}: path is {path!r}; the path of a file is wanted", "path") from None
    if b"\0" in name or not name:
        raise ArgumentValueError(f"{function}: path is {path!r}; the path of a file is wanted", "path")
    return name


def _savable(array: Any, name: str, function: str) -> npt.NDArray[Any]:
    if not isinstance(array, np.ndarray):
        raise ArgumentTypeError(f"{function}: {name} is a {type(array).__name__}; a NumPy array is wanted", name)
    if array.dtype not in _CODES:
        raise ArgumentTypeError(
            f"{function}: {name} is {array.dtype}; one of {', '.join(map(str, _CODES))} is wanted", name
        )
    return np.asarray(array, order="C")


def _tensors(arrays: Mapping[str, npt.NDArray[Any]]) -> Any:
    """The C array of descriptors, which keeps the names and shapes alive, but not the elements."""
    described = []
    for name, array in arrays.items():
        shape = (ctypes.c_int64 * array.ndim)(*array.shape)
        described.append(
            _header.Tensor(name.encode(errors="surrogatepass"), array.ctypes.data, shape, array.ndim, _CODES[array.dtype])
        )
    return (_header.Tensor * len(described))(*described)
