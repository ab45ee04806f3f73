"""hebbkern: Hebbian learning and neural balance on the CPU, with the same bits everywhere."""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import Any as _Any

from . import _threadpoolctl, gains, rules
from ._errors import (
    ArgumentTypeError,
    ArgumentValueError,
    DivergenceError,
    HebbkernError,
    InternalError,
    Interrupted,
    StaleLibraryWarning,
)
from ._lib import VERSION as __version__
from ._lib import cpu_info, get_num_threads, set_num_threads
from .balancing import BalanceReport, balance, deficit
from .kernels import (
    batch_update,
    ema,
    forward,
    gain_rule,
    norms,
    power_sums,
    rank1,
    scale,
)
from .network import History, Network
from .recurrent import RNN, RNNRun, Robustness
from .synaptic import SynapticReport, synaptic_balance

__all__ = [
    "ArgumentTypeError",
    "ArgumentValueError",
    "BalanceReport",
    "DivergenceError",
    "HebbkernError",
    "History",
    "InternalError",
    "Interrupted",
    "Network",
    "RNN",
    "RNNRun",
    "Robustness",
    "StaleLibraryWarning",
    "SynapticReport",
    "__version__",
    "balance",
    "batch_update",
    "cpu_info",
    "deficit",
    "ema",
    "forward",
    "gain_rule",
    "gains",
    "get_num_threads",
    "norms",
    "power_sums",
    "rank1",
    "rules",
    "scale",
    "set_num_threads",
    "synaptic_balance",
]

_threadpoolctl.register()


def __getattr__(name: str) -> _Any:
    """`torch` and `sklearn`, imported when they are first used."""
    if name in ("torch", "sklearn"):
        return _import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
