"""hebbkern: Hebbian learning and neural balance on the CPU, with the same bits everywhere.

Arrays are the user's own: float32 or float64, weights ``w[out, in]``, samples ``x[samples, in]``, changed in place.

>>> import numpy as np, hebbkern as hk
>>> w, x = np.array([[0.6, 0.8]]), np.array([1.0, 0.0])
>>> y = hk.rules.Oja(lr=0.1).update(w, x)
>>> w
array([[0.6384, 0.7712]])

Where to look, by ``help(hk.NAME)``:

===================================================== ==================================================================
`rules`, `schedules`                                  learning rules, on weights of your own; rates that change
`Layer`, `Stack`, `ConvLayer`                         layers that own weights and learn by a rule; `conv2d`, `pool2d`
`Network`, `Mixed`                                    networks that are taught, alone or above a `Stack`
`balance`, `deficit`                                  neural balance of layers; `hk.torch.balance_` and
                                                      `hk.sklearn.balance_` for models of PyTorch and scikit-learn
`balance_graph`, `deficit_graph`                      … of any network of a `Population` and a `Projection` and another
`synaptic_balance`, `RNN`                             balance of recurrent weights, and networks that run
`gains`, `gain_rule`                                  average gains of units, and the rule that learns from them
`stamina`, `homeostasis`                              units that live by their use; thresholds, gain and bias that adapt
`rank1`, `batch_update`, `forward`, `power_sums`,     the kernels that all of it is made of
`norms`, `scale`, `ema`
`save`, `load`                                        files of named arrays; layers and networks have their own
`cpu_info`, `set_num_threads`, `get_num_threads`      which instructions run, on how many threads
`hebbkern.datasets`, `hebbkern.train`                 images of digits; training from a file, as ``python -m hebbkern``
===================================================== ==================================================================

A bad argument raises `ArgumentTypeError` or `ArgumentValueError` (a TypeError, a ValueError) before anything is written;
numbers that leave the finite ones raise `DivergenceError`, and Ctrl-C `Interrupted`, both with what has been done.
"""

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
from .mixed import Mixed
from .network import History, Network
from .projections import Population, Projection, balance_graph, deficit_graph
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
    "Mixed",
    "Network",
    "Population",
    "Projection",
    "RNN",
    "RNNRun",
    "Robustness",
    "Stack",
    "StaleLibraryWarning",
    "SynapticReport",
    "WeightNorm",
    "__version__",
    "balance",
    "balance_graph",
    "batch_update",
    "conv2d",
    "cpu_info",
    "deficit",
    "deficit_graph",
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
