"""The C library: finding it, loading it, and what fork asks for; _header has what its functions take.

`native` holds the library's functions as attributes. Kernels are built-in functions made by the library itself
(``hk_python_function``), the others go through ctypes. All other modules call through ``native.name`` and so get, in a
forked child, the functions of the child's own copy.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import sys
import sysconfig
import tempfile
import threading
import warnings
from pathlib import Path
from typing import Any, Callable

from . import _sources
from ._errors import (
    ArgumentTypeError,
    ArgumentValueError,
    InternalError,
    StaleLibraryWarning,
)
from ._header import ABI_VERSION, E_VALUE, KERNELS, OK, STRUCTS, SYMBOLS, Error

VERSION = "0.1.0"
LIBRARY = Path(__file__).with_name("libhebbkern.so")


def _root() -> Path | None:
    """The repository, if the package runs from inside it."""
    parents = Path(__file__).resolve().parents
    return parents[3] if len(parents) > 3 and _sources.is_root(parents[3]) else None


def _mend() -> str:
    """The one command that puts a fitting library in place."""
    root = _root()
    if root is None:
        return f"{sys.executable} -m pip install --force-reinstall hebbkern"
    return f"{sys.executable} {root / 'python' / 'tools' / 'build_library.py'}"


def _refuse_platform() -> None:
    if not sys.platform.startswith("linux"):
        raise ImportError(
            f"hebbkern's Python package runs on Linux only for now, and this is {sys.platform}. "
            "The Go packages kernels and engine run here: go get github.com/hebbkern/hebbkern"
        )
    try:
        glibc = os.confstr("CS_GNU_LIBC_VERSION")
    except (ValueError, OSError):
        glibc = None
    if not glibc:
        raise ImportError(
            "hebbkern's library needs glibc 2.17 or later; this Python runs on another C library (musl?). "
            "Use a glibc image: docker run -it python:3-slim"
        )
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        raise ImportError(
            "hebbkern is not tested with free-threaded Python yet. Use the default build: "
            f"python{sys.version_info[0]}.{sys.version_info[1]} -m pip install hebbkern"
        )


def _symbols(library: Any, names: list[str]) -> None:
    for name in names:
        function = getattr(library, name)
        function.restype, function.argtypes = SYMBOLS[name]


class _Loaded:
    """One loaded copy. `free` lets other Python threads run during a call, `held` does not."""

    def __init__(self, path: str) -> None:
        self.held = ctypes.PyDLL(path)
        self.free = ctypes.CDLL(path, handle=self.held._handle)
        self.free.hk_abi_version.restype = ctypes.c_int32
        found = self.free.hk_abi_version()
        if found != ABI_VERSION:
            raise ImportError(
                f"hebbkern {VERSION} wants version {ABI_VERSION} of the library's interface, and {LIBRARY} has "
                f"version {found}. Mend it with: {_mend()}"
            )
        _symbols(self.free, list(SYMBOLS))
        _symbols(self.held, ["hk_python_function", "hk_balance_graph"])
        for name, struct in STRUCTS.items():
            if self.free.hk_sizeof(name.encode()) != ctypes.sizeof(struct):
                raise ImportError(f"the size of {name} differs between hebbkern and {LIBRARY}. Mend it with: {_mend()}")

    def info(self) -> dict[str, Any]:
        # The numbers in it may grow between the two calls, by a few digits at most.
        size = self.free.hk_info(None, 0) + 16
        buffer = ctypes.create_string_buffer(size)
        if self.free.hk_info(buffer, size) < 0:
            raise InternalError("hk_info failed")
        found: dict[str, Any] = json.loads(buffer.value)
        return found

    def set_threads(self, n: int) -> None:
        error = Error()
        status = self.free.hk_set_threads(n, ctypes.byref(error))
        if status == E_VALUE:
            raise ArgumentValueError(error.message.decode(), "n")
        if status != OK:
            raise InternalError(error.message.decode())


class _Native:
    """The functions of the copy of the library that belongs to this process."""

    rank1: Callable[..., Any]
    batch_update: Callable[..., Any]
    forward: Callable[..., Any]
    power_sums: Callable[..., Any]
    scale: Callable[..., Any]
    ema: Callable[..., Any]
    gain_rule: Callable[..., Any]
    learn: Callable[..., Any]
    average_gain: Callable[..., Any]
    windowed_gain: Callable[..., Any]
    stdp: Callable[..., Any]
    triplet_stdp: Callable[..., Any]
    threshold: Callable[..., Any]
    intrinsic_plasticity: Callable[..., Any]
    balanced_relu: Callable[..., Any]
    stamina: Callable[..., Any]
    given: Callable[..., Any]
    contrastive: Callable[..., Any]
    three_factor: Callable[..., Any]
    foldiak: Callable[..., Any]
    patches: Callable[..., Any]
    conv_forward: Callable[..., Any]
    pool: Callable[..., Any]

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads: int | None = None  # as last set from Python, or by os.environ
        self._names = {str(LIBRARY)}  # by which a copy was opened, in this process or an ancestor
        self._loaded: _Loaded | None = None
        self._identity: tuple[int, int, int] | None = None

    # ---- first load ----------------------------------------------------------------------------------------------

    def load(self) -> None:
        _refuse_platform()
        try:
            self._identity = _identity()
            loaded = _Loaded(str(LIBRARY))
        except FileNotFoundError:
            raise ImportError(f"hebbkern's library is missing: {LIBRARY}. Mend it with: {_mend()}") from None
        except (OSError, AttributeError) as error:
            raise ImportError(f"hebbkern's library cannot be loaded: {error}. Mend it with: {_mend()}") from error
        self._threads = _threads_of_environment()
        self._bind(loaded)  # the warm-up: it starts the Go runtime and calls into it
        info = loaded.info()
        if info["version"] != VERSION:
            raise ImportError(
                f"this is hebbkern {VERSION}, and its library is {info['version']}. Mend it with: {_mend()}"
            )
        root = _root()
        if root is not None and info["sources"] != _sources.source_hash(root):
            warnings.warn(
                f"hebbkern's library is stale: it was not built from the sources in {root}. Mend it with: {_mend()}",
                StaleLibraryWarning,
                stacklevel=2,
            )
        os.register_at_fork(after_in_child=self._after_fork)

    def _bind(self, loaded: _Loaded) -> None:
        functions = {name: loaded.held.hk_python_function(name.encode()) for name in KERNELS}
        if self._threads is not None:
            loaded.set_threads(self._threads)
        self._loaded = loaded
        self.__dict__.update(functions)

    # ---- fork ----------------------------------------------------------------------------------------------------

    def _after_fork(self) -> None:
        """In a child: the Go runtime's threads are gone, so the copy must not be called again."""
        self._lock = threading.Lock()  # another thread may have held the old one
        self._loaded = None
        for name in KERNELS:
            setattr(self, name, self._on_first_call(name))

    def _on_first_call(self, name: str) -> Callable[..., Any]:
        def first_call(*args: Any) -> Any:
            self._own_copy()
            return getattr(self, name)(*args)

        return first_call

    def _own_copy(self) -> _Loaded:
        """The copy of this process; in a forked child, loaded by the first who asks."""
        if self._loaded is not None:
            return self._loaded
        with self._lock:
            if self._loaded is None:
                if _identity() != self._identity:
                    raise InternalError(f"{LIBRARY} has changed since hebbkern was imported: start Python anew")
                self._bind(self._private_copy())
            assert self._loaded is not None
            return self._loaded

    def _private_copy(self) -> _Loaded:
        """Load the library from a file of its own.

        The loader takes a path, or an inode, that it has seen before for the copy that is loaded already. A forked
        child has its ancestors' list of loaded paths, so the name must be new in the whole line:
        ``/proc/<pid>/fd/N`` is, where ``/proc/self/fd/N`` is the same in each generation.
        """
        try:
            descriptor = os.memfd_create("hebbkern", os.MFD_CLOEXEC)
        except OSError:
            return self._temporary_copy()
        spare = [descriptor]
        try:
            with open(LIBRARY, "rb") as source, open(descriptor, "wb", closefd=False) as target:
                shutil.copyfileobj(source, target, 1 << 20)
            while (name := f"/proc/{os.getpid()}/fd/{spare[-1]}") in self._names:
                spare.append(os.dup(descriptor))
            if not os.path.exists(name):  # no /proc here
                return self._temporary_copy()
            try:
                loaded = _Loaded(name)
            except OSError:  # a system that does not let anonymous files be executed
                return self._temporary_copy()
            self._names.add(name)
            return loaded
        finally:
            for number in spare:
                os.close(number)

    def _temporary_copy(self) -> _Loaded:
        while True:
            descriptor, name = tempfile.mkstemp(prefix=f"hebbkern-{os.getpid()}-", suffix=".so")
            if name not in self._names:
                break
            os.close(descriptor)
            os.unlink(name)
        try:
            with open(LIBRARY, "rb") as source, open(descriptor, "wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)
            loaded = _Loaded(name)
            self._names.add(name)
            return loaded
        finally:
            os.unlink(name)

    # ---- what is not a kernel --------------------------------------------------------------------------------------

    @property
    def library(self) -> Any:
        """The ctypes library of this process; calls through it let other Python threads run."""
        return self._own_copy().free

    @property
    def locked(self) -> Any:
        """The same, for calls that hold Python's lock: they may call Python, and give its exceptions on."""
        return self._own_copy().held

    def info(self) -> dict[str, Any]:
        return self._own_copy().info()

    def get_threads(self) -> int:
        return int(self._own_copy().free.hk_get_threads())

    def set_threads(self, n: int) -> None:
        self._own_copy().set_threads(n)
        self._threads = n


def _threads_of_environment() -> int | None:
    """What os.environ says now, by the library's own rule. The library sees the environment that the process was
    started with, so it would miss what a program sets before it imports hebbkern."""
    for name in ("HEBBKERN_NUM_THREADS", "OMP_NUM_THREADS"):
        first = os.environ.get(name, "").split(",")[0].strip()
        if first.isdigit() and int(first) > 0:
            return min(int(first), 1024)
    return None


def _identity() -> tuple[int, int, int]:
    status = os.stat(LIBRARY)
    return status.st_ino, status.st_size, status.st_mtime_ns


def cpu_info() -> dict[str, Any]:
    """What the kernels run on.

    Returns
    -------
    dict
        ``isa``: "avx2", "neon" or "portable" (the environment variable ``HEBBKERN_ISA`` can only go down, and must be
        set before Python starts);
        ``features``: list of the processor's features that matter; ``threads``: see `set_num_threads`;
        ``version``: of the library.

    Examples
    --------
    >>> import hebbkern as hk
    >>> sorted(hk.cpu_info())
    ['features', 'isa', 'threads', 'version']
    """
    info = native.info()
    return {key: info[key] for key in ("isa", "features", "threads", "version")}


def set_num_threads(n: int) -> None:
    """Set the number of threads that large work is spread over, 1 to 1024. It never changes a result.

    The default is ``HEBBKERN_NUM_THREADS``, else ``OMP_NUM_THREADS``, else the number of cores. A forked child starts
    with the number of its parent.

    Raises
    ------
    TypeError, ValueError
        `n` is not an integer, or not from 1 to 1024.

    Examples
    --------
    >>> import hebbkern as hk
    >>> before = hk.get_num_threads()
    >>> hk.set_num_threads(1)
    >>> hk.get_num_threads()
    1
    >>> hk.set_num_threads(before)
    """
    if isinstance(n, bool) or not hasattr(n, "__index__"):
        raise ArgumentTypeError(f"set_num_threads: n is {n!r}; an integer is wanted", "n")
    value = n.__index__()
    if not 1 <= value <= 1024:
        raise ArgumentValueError(f"set_num_threads: n is {value}; 1 to 1024 is wanted", "n")
    native.set_threads(value)


def get_num_threads() -> int:
    """The number of threads that large work is spread over.

    Examples
    --------
    >>> import hebbkern as hk
    >>> hk.get_num_threads() >= 1
    True
    """
    return native.get_threads()


native = _Native()
native.load()
