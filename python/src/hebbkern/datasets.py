"""The data sets of the demo, the 8x8 digits that the package carries and the MNIST files when they are at hand, and IDX
files.

Only NumPy is needed; nothing here touches the network.
"""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["load_digits", "load_mnist", "read_idx"]

# IDX, the format of the MNIST files: two zero bytes, the element type, the number of axes, then the length of each axis
# as a big-endian 32-bit integer, then the elements, last axis fastest.
_IDX_UBYTE = 0x08
_IDX = {_IDX_UBYTE: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}

_MNIST_FILES = (
    ("train-images-idx3-ubyte", 60000, (28, 28)),
    ("train-labels-idx1-ubyte", 60000, ()),
    ("t10k-images-idx3-ubyte", 10000, (28, 28)),
    ("t10k-labels-idx1-ubyte", 10000, ()),
)

_HOW = "run `make data` in the hebbkern repository to fetch the MNIST files, or pass the folder that holds them"


def load_digits() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The 8x8 handwritten digits that come with the package.

    The source is the test set of UCI "Optical Recognition of Handwritten Digits" (Alpaydin and Kaynak, 1998; CC BY 4.0)
    in scikit-learn's copy; ``data/NOTICE`` in the package says so.

    Returns
    -------
    X : float32 array [1797, 64]
        One image a row, pixels row by row, scaled from 0..16 to 0..1 (exact: sixteenths).
    y : int64 array [1797]
        The digit, 0 to 9.

    Examples
    --------
    >>> from hebbkern.datasets import load_digits
    >>> X, y = load_digits()
    >>> X.shape, X.dtype.name, float(X.max())
    ((1797, 64), 'float32', 1.0)
    """
    path = resources.files(__package__) / "data" / "digits.npz"
    with path.open("rb") as f, np.load(f, allow_pickle=False) as archive:
        images, labels = archive["images"], archive["labels"]
    return images.astype(np.float32) / np.float32(16), labels.astype(np.int64)


def load_mnist(
    folder: str | os.PathLike[str] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]:
    """The 28x28 MNIST digits from the four IDX files in a folder; or Fashion-MNIST, whose files are named and shaped
    alike, from ``data/fashion``.

    Parameters
    ----------
    folder : path, optional
        Holds ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``, ``t10k-images-idx3-ubyte`` and
        ``t10k-labels-idx1-ubyte``, each also accepted with ``.gz`` at its end. Default: the environment variable
        ``HEBBKERN_DATA``, else ``data`` in the current folder, where ``make data`` puts them.

    Returns
    -------
    Xtrain : float32 array [60000, 784]
        One image a row, scaled from 0..255 to 0..1.
    ytrain : int64 array [60000]
    Xtest : float32 array [10000, 784]
    ytest : int64 array [10000]

    Raises
    ------
    FileNotFoundError
        A file is missing; the message names it and the command that fetches it.
    ValueError
        A file is not IDX of unsigned bytes, has other sizes than MNIST, is cut short or too long, or has a label
        above 9; the message names the file and what is wrong.
    """
    where = Path(folder if folder is not None else os.environ.get("HEBBKERN_DATA") or "data")
    train_images, train_labels, test_images, test_labels = (
        _read_idx(_find(where, name), (count, *shape)) for name, count, shape in _MNIST_FILES
    )
    for (name, _, _), labels in zip(_MNIST_FILES[1::2], (train_labels, test_labels)):
        if labels.max() > 9:
            worst = int(labels.argmax())
            raise ValueError(f"{where / name}: item {worst} has label {int(labels[worst])}, wanted 0 to 9; {_HOW}")
    return (_scaled(train_images), train_labels.astype(np.int64), _scaled(test_images), test_labels.astype(np.int64))


def _scaled(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    return images.reshape(len(images), -1).astype(np.float32) / np.float32(255)


def _find(folder: Path, name: str) -> Path:
    """The file or its .gz form."""
    for path in (folder / name, folder / (name + ".gz")):
        if path.is_file():
            return path
    raise FileNotFoundError(f"{folder / name} (or {name}.gz) does not exist: {_HOW}")


def _read_idx(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """The array of an IDX file of unsigned bytes, which must have the given shape."""
    try:
        return _idx(path, shape)
    except ValueError as e:
        raise ValueError(f"{e}; {_HOW}") from e


def read_idx(path: str | os.PathLike[str]) -> NDArray[Any]:
    """The array of an IDX file, the format of the MNIST files, of any element type and number of axes.

    Parameters
    ----------
    path : path
        With ``.gz`` at its end, the file is decompressed.

    Raises
    ------
    OSError
        The file is missing or cannot be read.
    ValueError
        It is no IDX file, is cut short or too long; the message names it and what is wrong.
    """
    return _idx(Path(path))


def _idx(path: Path, shape: tuple[int, ...] | None = None) -> NDArray[Any]:
    """An IDX file; with a shape, one of unsigned bytes that has it."""
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (gzip.BadGzipFile, EOFError, zlib.error) as e:
        raise ValueError(f"{path}: not a whole gzip file ({e})") from e
    magic = content[:4].ljust(4, b"\0")
    if shape is None and (magic[:2] != b"\0\0" or magic[2] not in _IDX):
        raise ValueError(f"{path}: not an IDX file: magic number 0x{magic.hex()}")
    header = 4 + 4 * (magic[3] if shape is None else len(shape))
    if len(content) < header:
        raise ValueError(f"{path}: cut short, {len(content)} bytes where the header alone has {header}")
    if shape is not None and magic != (wanted := bytes((0, 0, _IDX_UBYTE, len(shape)))):
        raise ValueError(
            f"{path}: not an IDX file of {len(shape)}-dimensional unsigned bytes: "
            f"magic number 0x{magic.hex()}, wanted 0x{wanted.hex()}"
        )
    sizes, dtype = struct.unpack(f">{magic[3]}I", content[4:header]), np.dtype(_IDX[magic[2]])
    if shape is not None and sizes != shape:
        raise ValueError(f"{path}: sizes {sizes}, wanted {shape}")
    expected = math.prod(sizes) * dtype.itemsize
    if len(content) - header != expected:
        state = "cut short" if len(content) - header < expected else "too long"
        raise ValueError(f"{path}: {state}, {len(content) - header} bytes of elements, wanted {expected}")
    return np.frombuffer(content, dtype, offset=header).reshape(sizes).astype(dtype.newbyteorder("="), copy=False)
