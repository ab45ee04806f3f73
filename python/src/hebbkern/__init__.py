"""hebbkern: Hebbian learning and neural balance on the CPU, with the same bits everywhere."""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import Any as _Any

from . import _threadpoolctl, gains, homeostasis, rules, schedules, stamina
from ._compose import WeightNorm
from ._csr import CSR
from ._errors import (
    ArgumentTypeError,
    ArgumentValueError,
    CheckpointError,
    DivergenceError,
    HebbkernError,
    InternalError,
    Interrupted,
    StaleLibraryWarning,
)
from ._lib import VERSION as __version__
from ._lib import cpu_info, get_num_threads, set_num_threads
from .balancing import BalanceReport, balance, deficit
from .checkpoints import load, save
from .convolution import ConvLayer, conv2d, pool2d
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
from .layers import Layer, Stack
from .network import History, Network
from .recurrent import RNN, RNNRun, Robustness
from .synaptic import SynapticReport, synaptic_balance

__all__ = [
    "CSR",
    "ArgumentTypeError",
    "ArgumentValueError",
    "BalanceReport",
    "CheckpointError",
    "ConvLayer",
    "DivergenceError",
    "HebbkernError",
    "History",
    "InternalError",
    "Interrupted",
    "Layer",
    "Network",
    "RNN",
    "RNNRun",
    "Robustness",
    "Stack",
    "StaleLibraryWarning",
    "SynapticReport",
    "WeightNorm",
    "__version__",
    "balance",
    "batch_update",
    "conv2d",
    "cpu_info",
    "deficit",
    "ema",
    "forward",
    "gain_rule",
    "gains",
    "homeostasis",
    "get_num_threads",
    "load",
    "norms",
    "pool2d",
    "power_sums",
    "rank1",
    "rules",
    "save",
    "scale",
    "schedules",
    "set_num_threads",
    "stamina",
    "synaptic_balance",
]

_threadpoolctl.register()


def __getattr__(name: str) -> _Any:
    """`torch` and `sklearn`, imported when they are first used."""
    if name in ("torch", "sklearn"):
        return _import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
