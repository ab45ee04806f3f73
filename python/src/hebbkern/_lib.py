"""The C library: finding it, loading it, its functions with their types, and what fork asks for.

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

ABI_VERSION = 3
VERSION = "0.1.0"
LIBRARY = Path(__file__).with_name("libhebbkern.so")

KERNELS = ("rank1", "batch_update", "forward", "power_sums", "scale", "ema", "gain_rule", "learn", "average_gain",
           "windowed_gain", "stdp", "triplet_stdp", "contrastive", "three_factor", "foldiak", "patches", "conv_forward", "pool",
           "threshold", "intrinsic_plasticity", "balanced_relu", "stamina")  # fmt: skip
NETWORK = ("init", "predict", "gradients", "train", "permutation", "balance_graph", "deficit", "evaluate", "deaths", "spread",
           "seed", "uniform", "anneal", "synaptic_balance", "rnn", "normal")  # fmt: skip
CHECKPOINT = ("save", "inspect", "load")

# Status and reason codes of hebbkern.h.
OK, MORE, E_TYPE, E_VALUE, E_INTERNAL, E_DIVERGED, E_FILE, E_SYSTEM = 0, 1, -1, -2, -3, -4, -5, -6
(R_NONE, R_MISSING, R_DTYPE, R_SHAPE, R_LAYOUT, R_READONLY, R_OVERLAP, R_VALUE, R_UNWANTED, R_OBJECT,
 R_REPLACED) = range(11)  # fmt: skip
ABSENT, FLOAT32, FLOAT64, BOOL = range(4)
UINT8, INT64, UINT64 = 4, 5, 6  # of tensors in checkpoints
MAX_AXES = 32
READONLY = 1
MESSAGE_SIZE = 384


class Array(ctypes.Structure):
    """hk_array."""

    _fields_ = [
        ("data", ctypes.c_void_p),
        ("rows", ctypes.c_int64),
        ("cols", ctypes.c_int64),
        ("stride", ctypes.c_int64),
        ("dtype", ctypes.c_uint16),
        ("ndim", ctypes.c_uint16),
        ("flags", ctypes.c_uint32),
    ]


class Error(ctypes.Structure):
    """hk_error."""

    _fields_ = [
        ("status", ctypes.c_int32),
        ("reason", ctypes.c_int32),
        ("argument", ctypes.c_int32),
        ("other", ctypes.c_int32),
        ("sample", ctypes.c_int64),
        ("layer", ctypes.c_int64),
        ("message", ctypes.c_char * MESSAGE_SIZE),
    ]


_I64, _F64, _POINTER = ctypes.c_int64, ctypes.c_double, ctypes.c_void_p


class Activation(ctypes.Structure):
    """hk_activation."""

    _fields_ = [("kind", _I64), ("slope", _F64), ("shape", _F64)]


class Network(ctypes.Structure):
    """hk_network."""

    _fields_ = [
        ("layers", _I64),
        ("weights", ctypes.POINTER(Array)),
        ("biases", ctypes.POINTER(Array)),
        ("hidden", _I64),
        ("output", _I64),
        ("slope", _F64),
        ("shape", _F64),
        ("activations", ctypes.POINTER(Activation)),
    ]


class Feedback(ctypes.Structure):
    """hk_feedback."""

    _fields_ = [
        ("kind", _I64),
        ("b", ctypes.POINTER(Array)),
        ("gate", _I64),
        ("previous", ctypes.POINTER(Array)),
        ("started", ctypes.POINTER(_I64)),
    ]


class Optimizer(ctypes.Structure):
    """hk_optimizer."""

    _fields_ = [
        ("kind", _I64),
        ("nesterov", _I64),
        ("momentum", _F64),
        ("beta1", _F64),
        ("beta2", _F64),
        ("eps", _F64),
        ("first_weights", ctypes.POINTER(Array)),
        ("first_biases", ctypes.POINTER(Array)),
        ("second_weights", ctypes.POINTER(Array)),
        ("second_biases", ctypes.POINTER(Array)),
    ]


class Stats(ctypes.Structure):
    """hk_stats."""

    _fields_ = [("loss", _F64), ("samples", _I64), ("correct", _I64)]


class GainTraining(ctypes.Structure):
    """hk_gain_training."""

    _fields_ = [
        ("sigma", ctypes.POINTER(Array)),
        ("lr", _F64),
        ("alpha", _F64),
        ("limit", _F64),
        ("gain_of", _I64),
        ("form", _I64),
        ("reduction", _I64),
    ]


class BalanceResult(ctypes.Structure):
    """hk_balance_report."""

    _fields_ = [
        ("cost_before", _F64),
        ("cost_after", _F64),
        ("deficit_before", _F64),
        ("deficit_after", _F64),
        ("residual", _F64),
        ("sweeps", _I64),
        ("reason", _I64),
    ]


class InitArgs(ctypes.Structure):
    """hk_init_args."""

    _fields_ = [
        ("network", Network),
        ("seed", ctypes.c_uint64),
        ("feedback", ctypes.POINTER(Feedback)),
        ("beta", _F64),
        ("excitatory", _F64),
    ]


class PredictArgs(ctypes.Structure):
    """hk_predict_args."""

    _fields_ = [("network", Network), ("x", Array), ("out", Array)]


class GradientsArgs(ctypes.Structure):
    """hk_gradients_args."""

    _fields_ = [
        ("network", Network),
        ("x", Array),
        ("target", Array),
        ("dweights", ctypes.POINTER(Array)),
        ("dbiases", ctypes.POINTER(Array)),
        ("loss", _I64),
        ("mean_loss", ctypes.POINTER(_F64)),
        ("feedback", ctypes.POINTER(Feedback)),
    ]


class EvaluateArgs(ctypes.Structure):
    """hk_evaluate_args."""

    _fields_ = [
        ("network", Network),
        ("x", Array),
        ("target", Array),
        ("loss", _I64),
        ("stats", ctypes.POINTER(Stats)),
    ]


class TrainArgs(ctypes.Structure):
    """hk_train_args."""

    _fields_ = [
        ("network", Network),
        ("x", Array),
        ("target", Array),
        ("index", _POINTER),
        ("count", _I64),
        ("batch", _I64),
        ("loss", _I64),
        ("lr", _F64),
        ("gain", ctypes.POINTER(GainTraining)),
        ("stats", ctypes.POINTER(Stats)),
        ("sum", _I64),
        ("feedback", ctypes.POINTER(Feedback)),
        ("optimizer", ctypes.POINTER(Optimizer)),
        ("decay", _F64),
        ("decay_p", _F64),
        ("dropout", ctypes.POINTER(_F64)),
        ("seed", ctypes.c_uint64),
        ("updates", ctypes.POINTER(_I64)),
        ("dweights", ctypes.POINTER(Array)),
        ("dbiases", ctypes.POINTER(Array)),
    ]


class PermutationArgs(ctypes.Structure):
    """hk_permutation_args."""

    _fields_ = [("index", _POINTER), ("count", _I64), ("seed", ctypes.c_uint64), ("epoch", _I64)]


class BalanceBlock(ctypes.Structure):
    """hk_balance_block."""

    _fields_ = [
        ("w", Array),
        ("alphas", Array),
        ("rows", _POINTER),
        ("cols", _POINTER),
        ("transposed", _I64),
        ("alpha", _F64),
        ("power", _F64),
    ]


class BalanceGraphArgs(ctypes.Structure):
    """hk_balance_graph_args."""

    _fields_ = [
        ("units", _I64),
        ("blocks", _I64),
        ("block", ctypes.POINTER(BalanceBlock)),
        ("degree", _POINTER),
        ("held", _POINTER),
        ("group", _POINTER),
        ("parts", _I64),
        ("weight", _POINTER),
        ("p", _POINTER),
        ("method", _I64),
        ("groups", _I64),
        ("order", _POINTER),
        ("seed", ctypes.c_uint64),
        ("tol", _F64),
        ("max_sweeps", _I64),
        ("measure", _I64),
        ("state", _POINTER),
        ("lambda", _POINTER),
        ("deficit", _POINTER),
        ("status", _POINTER),
        ("report", ctypes.POINTER(BalanceResult)),
    ]


class DeficitArgs(ctypes.Structure):
    """hk_deficit_args."""

    _fields_ = [
        ("network", Network),
        ("p", _F64),
        ("include_bias", _I64),
        ("deficit", _POINTER),
        ("total", ctypes.POINTER(_F64)),
    ]


class DeathsArgs(ctypes.Structure):
    """hk_deaths_args."""

    _fields_ = [
        ("value", Array),
        ("alive", _POINTER),
        ("dead", _POINTER),
        ("by_share", _I64),
        ("threshold", _F64),
        ("share", _F64),
        ("minimum", _I64),
        ("updates", _I64),
        ("warmup", _I64),
        ("strength", _F64),
    ]


class SpreadArgs(ctypes.Structure):
    """hk_spread_args."""

    _fields_ = [("mean", Array), ("scale", Array), ("tail", _F64), ("entropy", ctypes.POINTER(_F64))]


class SeedArgs(ctypes.Structure):
    """hk_seed_args."""

    _fields_ = [("rng", _POINTER), ("seed", ctypes.c_uint64), ("stream", ctypes.c_uint64)]


class UniformArgs(ctypes.Structure):
    """hk_uniform_args."""

    _fields_ = [("out", Array), ("rng", _POINTER), ("low", _F64), ("high", _F64)]


class AnnealingState(ctypes.Structure):
    """hk_annealing."""

    _fields_ = [
        ("strength", _F64),
        ("objective", _F64),
        ("proposed", _F64),
        ("best", _F64),
        ("best_objective", _F64),
        ("temperature", _F64),
        ("cooling", _F64),
        ("step", _F64),
        ("low", _F64),
        ("high", _F64),
        ("rng", ctypes.c_uint64 * 4),
    ]


class AnnealArgs(ctypes.Structure):
    """hk_anneal_args."""

    _fields_ = [("state", ctypes.POINTER(AnnealingState)), ("objective", _F64), ("accepted", ctypes.POINTER(_I64))]


class Recurrent(ctypes.Structure):
    """hk_recurrent."""

    _fields_ = [("j", Array), ("w_in", Array), ("bias", Array), ("w_out", Array)]


class SynapticResult(ctypes.Structure):
    """hk_synaptic_report."""

    _fields_ = [
        ("cost_before", _F64),
        ("cost_after", _F64),
        ("gradient_before", _F64),
        ("gradient_after", _F64),
        ("residual", _F64),
        ("time", _F64),
        ("steps", _I64),
        ("evaluations", _I64),
        ("reason", _I64),
        ("components", _I64),
        ("off_cycle", _I64),
    ]


class SynapticBalanceArgs(ctypes.Structure):
    """hk_synaptic_balance_args."""

    _fields_ = [
        ("network", Recurrent),
        ("alpha", Array),
        ("p", _F64),
        ("method", _I64),
        ("tol", _F64),
        ("max_steps", _I64),
        ("tau", _F64),
        ("dt", _F64),
        ("rtol", _F64),
        ("state", _POINTER),
        ("h", _POINTER),
        ("held", _POINTER),
        ("report", ctypes.POINTER(SynapticResult)),
    ]


class RNNArgs(ctypes.Structure):
    """hk_rnn_args."""

    _fields_ = [
        ("network", Recurrent),
        ("activation", _I64),
        ("slope", _F64),
        ("shape", _F64),
        ("rate", _F64),
        ("steps", _I64),
        ("x", Array),
        ("u", Array),
        ("noise", Array),
        ("states", Array),
        ("out", Array),
        ("slopes", _POINTER),
    ]


class NormalArgs(ctypes.Structure):
    """hk_normal_args."""

    _fields_ = [
        ("out", Array),
        ("std", _F64),
        ("seed", ctypes.c_uint64),
        ("stream", ctypes.c_uint64),
        ("generator", _POINTER),
    ]


class Tensor(ctypes.Structure):
    """hk_tensor."""

    _fields_ = [
        ("name", ctypes.c_char_p),
        ("data", _POINTER),
        ("shape", ctypes.POINTER(_I64)),
        ("ndim", _I64),
        ("dtype", _I64),
    ]


class SaveArgs(ctypes.Structure):
    """hk_save_args."""

    _fields_ = [
        ("path", ctypes.c_char_p),
        ("tensors", ctypes.POINTER(Tensor)),
        ("count", _I64),
        ("metadata", ctypes.c_char_p),
    ]


class InspectArgs(ctypes.Structure):
    """hk_inspect_args."""

    _fields_ = [("path", ctypes.c_char_p), ("buffer", _POINTER), ("size", _I64), ("needed", ctypes.POINTER(_I64))]


class LoadArgs(ctypes.Structure):
    """hk_load_args."""

    _fields_ = [
        ("path", ctypes.c_char_p),
        ("checksum", ctypes.c_char_p),
        ("tensors", ctypes.POINTER(Tensor)),
        ("count", _I64),
    ]


_AT = ctypes.POINTER(ctypes.c_int64)
_ERROR = ctypes.POINTER(Error)

# Every symbol of hebbkern.h: result, arguments.
SYMBOLS: dict[str, tuple[Any, list[Any]]] = {
    "hk_abi_version": (ctypes.c_int32, []),
    "hk_sizeof": (ctypes.c_size_t, [ctypes.c_char_p]),
    "hk_info": (ctypes.c_int64, [ctypes.c_char_p, ctypes.c_size_t]),
    "hk_set_threads": (ctypes.c_int, [ctypes.c_int64, _ERROR]),
    "hk_get_threads": (ctypes.c_int64, []),
    "hk_balance_state": (ctypes.c_int64, [ctypes.c_int64] * 3),
    "hk_python_function": (ctypes.py_object, [ctypes.c_char_p]),
    **{f"hk_{name}": (ctypes.c_int, [ctypes.c_void_p, _AT, _ERROR]) for name in KERNELS + NETWORK + CHECKPOINT},
}

# The structs whose sizes must agree. The kernels' args structs are used by C programs only.
STRUCTS: dict[str, Any] = {
    "hk_array": Array,
    "hk_error": Error,
    "hk_activation": Activation,
    "hk_network": Network,
    "hk_feedback": Feedback,
    "hk_optimizer": Optimizer,
    "hk_evaluate_args": EvaluateArgs,
    "hk_stats": Stats,
    "hk_gain_training": GainTraining,
    "hk_balance_report": BalanceResult,
    "hk_init_args": InitArgs,
    "hk_predict_args": PredictArgs,
    "hk_gradients_args": GradientsArgs,
    "hk_train_args": TrainArgs,
    "hk_permutation_args": PermutationArgs,
    "hk_balance_block": BalanceBlock,
    "hk_balance_graph_args": BalanceGraphArgs,
    "hk_deficit_args": DeficitArgs,
    "hk_deaths_args": DeathsArgs,
    "hk_spread_args": SpreadArgs,
    "hk_seed_args": SeedArgs,
    "hk_uniform_args": UniformArgs,
    "hk_annealing": AnnealingState,
    "hk_anneal_args": AnnealArgs,
    "hk_recurrent": Recurrent,
    "hk_synaptic_report": SynapticResult,
    "hk_synaptic_balance_args": SynapticBalanceArgs,
    "hk_rnn_args": RNNArgs,
    "hk_normal_args": NormalArgs,
    "hk_tensor": Tensor,
    "hk_save_args": SaveArgs,
    "hk_inspect_args": InspectArgs,
    "hk_load_args": LoadArgs,
}


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
        _symbols(self.held, ["hk_python_function"])
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
