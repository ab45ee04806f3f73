"""Parameters, gradients and the state of optimizers as blocks over their own memory."""

from __future__ import annotations

from typing import Any, Sequence

import numpy as np
import numpy.typing as npt
import torch

from .._errors import ArgumentTypeError, ArgumentValueError
from .._graph import Block, Integers
from .._models import kernel_blocks, weights_block
from ._walk import Use

# What the state of an optimizer scales by when a weight scales by s, as a power of s: averages of gradients, of their
# squares, and what is measured in steps of the weight. Names of tensors that stay as they are have 0.
_ADAM = {"exp_avg": -1.0, "exp_avg_sq": -2.0, "max_exp_avg_sq": -2.0}
POWERS: dict[Any, dict[str, float]] = {
    torch.optim.SGD: {"momentum_buffer": -1.0},
    torch.optim.Adam: _ADAM,
    torch.optim.AdamW: _ADAM,
    torch.optim.NAdam: _ADAM,
    torch.optim.RAdam: _ADAM,
    torch.optim.Adamax: {"exp_avg": -1.0, "exp_inf": -1.0},
    torch.optim.RMSprop: {"square_avg": -2.0, "grad_avg": -1.0, "momentum_buffer": 0.0},  # momentum of grad/√square_avg
    torch.optim.Adagrad: {"sum": -2.0},
    torch.optim.Adadelta: {"square_avg": -2.0, "acc_delta": 2.0},
    torch.optim.ASGD: {"ax": 1.0},
    torch.optim.Rprop: {"prev": -1.0, "step_size": 1.0},
}


def blocks(
    uses: Sequence[Use], numbers: Integers, replaced: dict[int, Any], include_bias: bool, function: str
) -> list[Block]:
    """The blocks of the parameters; `replaced` are folded ones, by the id of the parameter."""
    made: list[Block] = []
    dtypes: dict[Any, str] = {}
    for use in uses:
        tensor = replaced.get(id(use.tensor), use.tensor)
        alpha = float(include_bias) if use.bias else 1.0
        made += _blocks_of(use, tensor, use.name, numbers, function, alpha, 1.0)
        dtypes.setdefault(tensor.dtype, use.name)
    if len(dtypes) > 1:
        (a, first), (b, second) = list(dtypes.items())[:2]
        raise ArgumentTypeError(
            f"{function}: {second} is {b} and {first} is {a}; one type for all of the module's layers is wanted", second
        )
    return made


def carried(uses: Sequence[Use], numbers: Integers, optimizer: Any, function: str) -> list[Block]:
    """The blocks of gradients and of the optimizer's state."""
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise ArgumentTypeError(
            f"{function}: optimizer is a {type(optimizer).__qualname__}; a torch.optim.Optimizer is wanted", "optimizer"
        )
    powers = POWERS.get(type(optimizer))
    if powers is None and any(optimizer.state.values()):
        raise ArgumentValueError(
            f"{function}: optimizer is a {type(optimizer).__qualname__}, and how its state scales with the weights is not "
            "known; balance before its first step, or without it", "optimizer",
        )  # fmt: skip
    made: list[Block] = []
    for use in uses:
        entries: list[tuple[str, Any, float]] = []
        if use.tensor.grad is not None:
            entries.append((f"the gradient of {use.name}", use.tensor.grad, -1.0))
        for key, value in optimizer.state.get(use.tensor, {}).items():
            if not isinstance(value, torch.Tensor) or value.shape != use.tensor.shape or value.dim() == 0:
                continue
            if powers is None or key not in powers:
                raise ArgumentValueError(
                    f"{function}: optimizer has a state {key!r} of {use.name}, and how it scales is not known; balance "
                    "before the first step, or without it", "optimizer",
                )  # fmt: skip
            if powers[key]:
                entries.append((f"{key} of {use.name}", value, powers[key]))
        for name, tensor, power in entries:
            if tensor.dtype != use.tensor.dtype:
                raise ArgumentTypeError(
                    f"{function}: {name} is {tensor.dtype}; {use.tensor.dtype} is wanted, as of its weights", "optimizer"
                )
            made += _blocks_of(use, tensor, name, numbers, function, 0.0, power)
    return made


def _blocks_of(
    use: Use, tensor: Any, name: str, numbers: Integers, function: str, alpha: float, power: float
) -> list[Block]:
    array, order = _memory(tensor, name, function)
    rows = None if use.rows is None else numbers[use.rows]
    cols = None if use.cols is None else numbers[use.cols]
    options: dict[str, Any] = {"alpha": alpha, "power": power}
    if use.bias:
        return [weights_block(array, name, None, cols, transposed=True, **options)]
    if use.transposed:
        return [weights_block(array.reshape(len(array), -1), name, rows, cols, transposed=True, **options)]
    spread = np.tile if order == "last" else np.repeat
    return kernel_blocks(array, name, rows, cols, use.groups, spread=spread, **options)


def _memory(tensor: Any, name: str, function: str) -> tuple[npt.NDArray[Any], str]:
    """A tensor's memory as an array [out, ...] that is contiguous, and whether the channels are "first" or "last" in it."""
    if tensor.device.type != "cpu":
        raise ArgumentTypeError(
            f"{function}: {name} is on the device {tensor.device}; bring the module to the CPU first: module.cpu()", name
        )
    if tensor.dtype not in (torch.float32, torch.float64):
        raise ArgumentTypeError(
            f"{function}: {name} is {tensor.dtype}; float32 or float64 is wanted; convert the module: module.float()", name
        )
    order = "first"
    if tensor.layout == torch.strided and not tensor.is_contiguous() and tensor.dim() > 2:
        tensor, order = tensor.movedim(1, -1), "last"  # torch.channels_last
    if tensor.layout != torch.strided or not tensor.is_contiguous():
        raise ArgumentValueError(
            f"{function}: {name} is not contiguous; make it so: parameter.data = parameter.data.contiguous()", name
        )
    try:
        array: npt.NDArray[Any] = tensor.detach().numpy()
    except (RuntimeError, TypeError) as error:
        raise ArgumentTypeError(f"{function}: {name} cannot be used in place: {error}", name) from error
    return array, order
