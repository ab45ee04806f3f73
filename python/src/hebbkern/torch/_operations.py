"""What the operations of PyTorch do to units.

The theory needs f(λx) = λf(x), unit by unit, on the way from a unit's weights to those that read it. The tables say of
which operations this is known; every other one counts as not homogeneous, and what enters it is held.
"""

from __future__ import annotations

import operator
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

# Element by element, or zero at random: the units of the first argument are those of the result.
SAME_MODULES = (
    nn.ReLU, nn.LeakyReLU, nn.PReLU, nn.RReLU, nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d,
)  # fmt: skip
SAME_FUNCTIONS = {
    F.relu, F.relu_, torch.relu, torch.relu_, F.leaky_relu, F.leaky_relu_, F.prelu, torch.prelu, F.rrelu, F.dropout,
    F.dropout1d, F.dropout2d, F.dropout3d, torch.neg, operator.neg, operator.pos, torch.abs, torch.clone,
}  # fmt: skip
SAME_METHODS = {
    "relu", "relu_", "neg", "abs", "contiguous", "clone", "detach", "float", "double", "to", "cpu", "requires_grad_",
}  # fmt: skip

# Where the elements lie: the same operation on the numbers of the units says which unit each element has.
SHAPE_MODULES = (nn.Flatten, nn.Unflatten)
SHAPE_FUNCTIONS = {
    torch.flatten, torch.reshape, torch.squeeze, torch.unsqueeze, torch.transpose, torch.permute, torch.cat,
    torch.concat, torch.stack, torch.chunk, torch.split, torch.unbind, torch.select, torch.narrow, torch.movedim,
    operator.getitem,
}  # fmt: skip
SHAPE_METHODS = {
    "flatten", "view", "reshape", "squeeze", "unsqueeze", "transpose", "permute", "chunk", "split", "unbind", "select",
    "narrow", "expand", "movedim", "t",
}  # fmt: skip

# Sums, means or maxima over the last axes, as many as the number says.
POOL_MODULES = {
    nn.MaxPool1d: 1, nn.MaxPool2d: 2, nn.MaxPool3d: 3, nn.AvgPool1d: 1, nn.AvgPool2d: 2, nn.AvgPool3d: 3,
    nn.AdaptiveAvgPool1d: 1, nn.AdaptiveAvgPool2d: 2, nn.AdaptiveAvgPool3d: 3, nn.AdaptiveMaxPool1d: 1,
    nn.AdaptiveMaxPool2d: 2, nn.AdaptiveMaxPool3d: 3, nn.ZeroPad1d: 1, nn.ZeroPad2d: 2, nn.ZeroPad3d: 3,
}  # fmt: skip
POOL_FUNCTIONS = {
    F.max_pool1d: 1, F.max_pool2d: 2, F.max_pool3d: 3, torch.max_pool1d: 1, torch.max_pool2d: 2, torch.max_pool3d: 3,
    F.avg_pool1d: 1, F.avg_pool2d: 2, F.avg_pool3d: 3, torch.avg_pool1d: 1, F.adaptive_avg_pool1d: 1,
    F.adaptive_avg_pool2d: 2, F.adaptive_avg_pool3d: 3, torch.adaptive_avg_pool1d: 1, F.adaptive_max_pool1d: 1,
    F.adaptive_max_pool2d: 2, F.adaptive_max_pool3d: 3,
}  # fmt: skip

# Sums or means over the axes of the argument dim, all without.
REDUCE_FUNCTIONS = {torch.mean, torch.sum}
REDUCE_METHODS = {"mean", "sum"}

# Homogeneous in both arguments together: an element of the one and an element of the other get one λ.
JOIN_FUNCTIONS = {
    operator.add, operator.iadd, operator.sub, operator.isub, torch.add, torch.sub, torch.maximum, torch.minimum,
}  # fmt: skip
JOIN_METHODS = {"add", "add_", "sub", "sub_", "maximum", "minimum"}

# Homogeneous in one argument while the other is no unit; of a quotient, in the dividend.
MUL_FUNCTIONS = {operator.mul, operator.imul, torch.mul}
MUL_METHODS = {"mul", "mul_"}
IN_PLACE_MUL = {operator.imul, "mul_"}
DIV_FUNCTIONS = {operator.truediv, operator.itruediv, torch.div}
DIV_METHODS = {"div", "div_"}

LINEAR_MODULES = (nn.Linear,)
CONV_MODULES = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
LINEAR_FUNCTIONS = {F.linear}
CONV_FUNCTIONS = {F.conv1d: 1, F.conv2d: 2, F.conv3d: 3, torch.conv1d: 1, torch.conv2d: 2, torch.conv3d: 3}
NORM_MODULES = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def none_like(value: Any) -> Any:
    """Units of a value that has none: −1 for each element, without the memory."""
    if isinstance(value, torch.Tensor):
        return torch.full((1,) * value.dim(), -1, dtype=torch.int64, device="cpu").expand(value.shape)
    if isinstance(value, (tuple, list)):
        return tuple(none_like(v) for v in value)
    return None


def tensors_in(value: Any) -> list[Any]:
    """The tensors of nested tuples, lists, dictionaries and slices."""
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, slice):
        value = [value.start, value.stop, value.step]
    return [t for v in value for t in tensors_in(v)] if isinstance(value, (tuple, list)) else []


def thin(units: Any) -> Any:
    """Without the repetitions that are only an expanded axis."""
    for axis, (size, stride) in enumerate(zip(units.shape, units.stride())):
        if stride == 0 and size > 1:
            units = units.narrow(axis, 0, 1)
    return units


def along(units: Any, axes: list[int]) -> Any | None:
    """The units with the other axes kept as size 1, if they are the same all along `axes`, else None."""
    first = units
    for axis in axes:
        first = first.narrow(axis, 0, 1)
    return first if bool((thin(units) == first).all()) else None
