"""What hebbkern.h declares: its version, constants, structs and functions, in ctypes' terms."""

from __future__ import annotations

import ctypes
from typing import Any

ABI_VERSION = 5

KERNELS = ("rank1", "batch_update", "forward", "power_sums", "scale", "ema", "gain_rule", "learn", "average_gain",
           "windowed_gain", "stdp", "triplet_stdp", "contrastive", "three_factor", "foldiak", "patches", "conv_forward", "pool",
           "threshold", "intrinsic_plasticity", "balanced_relu", "stamina", "given")  # fmt: skip
NETWORK = ("init", "predict", "gradients", "train", "permutation", "balance_graph", "deficit", "evaluate", "deaths", "spread",
           "seed", "uniform", "anneal", "synaptic_balance", "rnn", "normal",
           "draw_feedback")  # fmt: skip
CHECKPOINT = ("save", "inspect", "load")

# Status and reason codes of hebbkern.h.
OK, MORE, E_TYPE, E_VALUE, E_INTERNAL, E_DIVERGED, E_FILE, E_SYSTEM = 0, 1, -1, -2, -3, -4, -5, -6
(R_NONE, R_MISSING, R_DTYPE, R_SHAPE, R_LAYOUT, R_READONLY, R_OVERLAP, R_VALUE, R_UNWANTED, R_OBJECT,
 R_REPLACED) = range(11)  # fmt: skip
ABSENT, FLOAT32, FLOAT64, BOOL = range(4)
UINT8, INT64, UINT64 = 4, 5, 6  # of tensors in checkpoints
INT32 = 7
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
        ("rng", _POINTER),
    ]


class DrawFeedbackArgs(ctypes.Structure):
    """hk_draw_feedback_args."""

    _fields_ = [
        ("out", Array),
        ("rng", _POINTER),
        ("kind", _I64),
        ("beta", _F64),
        ("excitatory", _F64),
        ("rows", _I64),
        ("cols", _I64),
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
        ("stop", ctypes.POINTER(ctypes.c_int32)),
    ]


class PermutationArgs(ctypes.Structure):
    """hk_permutation_args."""

    _fields_ = [("index", _POINTER), ("count", _I64), ("seed", ctypes.c_uint64), ("epoch", _I64)]


class BalanceBlock(ctypes.Structure):
    """hk_balance_block."""

    _fields_ = [
        ("w", Array),
        ("alphas", Array),
        ("indices", Array),
        ("indptr", Array),
        ("width", _I64),
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
        ("derivative", _POINTER),
        ("context", ctypes.py_object),
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
    "hk_python_derivative": (ctypes.c_int, [_POINTER, ctypes.POINTER(_F64), ctypes.POINTER(_F64), _I64]),
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
    "hk_draw_feedback_args": DrawFeedbackArgs,
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
