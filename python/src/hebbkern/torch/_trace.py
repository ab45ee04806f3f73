"""A model's forward pass as units and the parameters between them."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx, nn

from .._errors import ArgumentTypeError, ArgumentValueError
from . import _operations as ops
from ._layers import Trace
from ._walk import Refused

# Side lengths of the images that are tried when there is no example.
SIDES = (32, 28, 224, 64, 96, 128, 256, 299, 384, 512, 16, 8)


def trace(module: Any, example: Any, function: str, fold: bool) -> Trace:
    """Trace a module and follow its units. Errors name what is in the way."""
    leaf = type(module).__module__.startswith("torch.nn") and not isinstance(module, nn.Sequential)
    root = nn.Sequential(module) if leaf else module
    try:
        graph = fx.Tracer().trace(root)
    except Exception as error:  # whatever the model's own code raises at a stand-in for a tensor
        raise ArgumentTypeError(
            f"{function}: module {type(module).__qualname__} cannot be traced by torch.fx, so which weights its units "
            f"have is not known: {error}", "module",
        ) from error  # fmt: skip
    reasons = []
    for args, kwargs in _examples(root, graph, example, function):
        walk = Trace(root, graph, function, fold)
        try:
            walk.run(args, kwargs)
        except Refused as error:
            reasons.append(str(error))
            continue
        return walk
    if example is not None:
        raise ArgumentValueError(
            f"{function}: example_inputs does not pass through the module: {reasons[0]}", "example_inputs"
        )
    found = f" (with one that was tried, {reasons[0]})" if reasons else ""
    raise ArgumentValueError(
        f"{function}: example_inputs is None, and what inputs the module takes cannot be told from its first layer{found}"
        "; pass a tensor of the inputs' shape, or a tuple of them", "example_inputs",
    )  # fmt: skip


def _examples(root: Any, graph: Any, example: Any, function: str) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
    """The inputs to try."""
    if isinstance(example, dict):
        return [((), example)]
    if isinstance(example, (tuple, list)):
        return [(tuple(example), {})]
    if isinstance(example, torch.Tensor):
        return [((example,), {})]
    if example is not None:
        raise ArgumentTypeError(
            f"{function}: example_inputs is a {type(example).__qualname__}; a tensor, or a tuple or dictionary of the "
            "module's inputs is wanted", "example_inputs",
        )  # fmt: skip

    def empty(weight: Any, *shape: int) -> Any:
        return torch.empty(shape, dtype=weight.dtype, device="meta")

    for node in graph.nodes:
        layer: Any = root.get_submodule(node.target) if node.op == "call_module" else None
        if type(layer) in ops.LINEAR_MODULES:
            return [((empty(layer.weight, 2, layer.in_features),), {})]
        if type(layer) in ops.CONV_MODULES:
            shapes = ((2, layer.in_channels, *(side,) * len(layer.kernel_size)) for side in SIDES)
            return [((empty(layer.weight, *shape),), {}) for shape in shapes]
        if type(layer) is nn.RNN:
            return [((empty(layer.weight_ih_l0, 2, 2, layer.input_size),), {})]
        if type(layer) is nn.Embedding:
            return [((torch.zeros(2, 2, dtype=torch.int64, device="meta"),), {})]
    return []
