"""The walk through a traced model, with the units of each value beside it."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import fx, nn

from .._errors import ArgumentTypeError
from .._graph import Integers
from .._models import Units
from . import _operations as ops


@dataclass
class Use:
    """A parameter between units; in groups, the rows and columns are those of all."""

    tensor: Any
    name: str
    rows: Integers | None
    cols: Integers | None
    groups: int = 1
    bias: bool = False
    transposed: bool = False


@dataclass
class Fold:
    """A batch norm and the layer that it can be folded into."""

    layer: Any
    norm: Any
    name: str


class Refused(Exception):
    """The example does not pass through the model."""


class Walk:
    """The walk through a traced graph. Beside each value, which is on the device "meta", there is a tensor of the same
    shape with the number of the unit of each element."""

    def __init__(self, root: Any, graph: Any, function: str, fold: bool) -> None:
        self.root, self.graph, self.function, self.fold = root, graph, function, fold
        self.units = Units()
        self.uses: list[Use] = []
        self.folds: list[Fold] = []
        self.frozen: list[Any] = []  # parameters that something else reads too
        self._led: dict[Any, Integers] = {}
        self._values: dict[Any, Any] = {}
        self._ids: dict[Any, Any] = {}
        self._parameters: dict[Any, Any] = {}
        self._names: dict[str, str] = {}
        self._calls: dict[Any, int] = {}
        self._readers: list[tuple[Any, Any]] = []  # parameter, module or node
        for node in graph.nodes:
            if node.op == "call_module":
                module = root.get_submodule(node.target)
                self._calls[module] = self._calls.get(module, 0) + 1
                self._readers += [(p, module) for p in module.parameters()]
            elif node.op == "get_attr" and isinstance(p := attribute(root, node.target), torch.Tensor):
                self._readers.append((p, node))

    # ---- the walk ----------------------------------------------------------------------------------------------------

    def run(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        left, given = list(args), dict(kwargs)
        with torch.no_grad():
            for node in self.graph.nodes:
                if node.op == "placeholder":
                    self._values[node] = self._input(node, left, given)
                    self._ids[node] = ops.none_like(self._values[node])
                elif node.op == "get_attr":
                    self._parameters[node] = tensor = attribute(self.root, node.target)
                    self._values[node] = tensor.to("meta") if isinstance(tensor, torch.Tensor) else tensor
                    self._ids[node] = ops.none_like(self._values[node])
                elif node.op == "output":
                    self._hold_all(node, "output")
                else:
                    self._step(node)
        if left or given:
            raise Refused(f"{len(left) + len(given)} inputs are left over")
        for use in self.uses:
            if any(overlap(use.tensor, tensor) for tensor in self.frozen):
                for side in (use.rows, use.cols):
                    if side is not None:
                        self.units.hold(side.tolist(), f"{use.name} is used elsewhere")

    def _input(self, node: Any, left: list[Any], given: dict[str, Any]) -> Any:
        if node.target in given:
            value = given.pop(node.target)
        elif left:
            value = left.pop(0)
        elif node.args:
            value = node.args[0]
        else:
            raise Refused(f"the input {node.target} is missing")
        return fx.node.map_aggregate(value, lambda v: v.to("meta") if isinstance(v, torch.Tensor) else v)

    def _step(self, node: Any) -> None:
        args = fx.node.map_arg(node.args, self._values.__getitem__)
        kwargs = fx.node.map_arg(node.kwargs, self._values.__getitem__)
        module = self.root.get_submodule(node.target) if node.op == "call_module" else None
        try:
            with torch.device("meta"):
                value = self._evaluate(node, module, args, kwargs)
        except (RuntimeError, TypeError, ValueError, IndexError, AttributeError, NotImplementedError) as error:
            raise Refused(f"{self._name(node)} says: {error}") from error
        self._values[node] = value
        for tensor in ops.tensors_in(value):
            if tensor.numel() == 0:
                raise Refused(f"{self._name(node)} gives an empty tensor")
        ids = self._rule(node, module, value, args, kwargs) if ops.tensors_in(value) else ops.none_like(value)
        if ids is None and ops.tensors_in(value):
            self._hold_all(node, f"enters {self._name(node)}")
            ids = ops.none_like(value)
        self._ids[node] = ids

    def _evaluate(self, node: Any, module: Any, args: Any, kwargs: Any) -> Any:
        if node.op == "call_function":
            return node.target(*args, **kwargs)
        if node.op == "call_method":
            return getattr(args[0], node.target)(*args[1:], **kwargs)
        if isinstance(module, (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm)):
            return args[0]
        own = {name: t.to("meta") for name, t in [*module.named_parameters(), *module.named_buffers()]}
        if own and hooked(module):  # such a hook may set a weight anew at every call
            if type(module) in ops.LINEAR_MODULES + ops.CONV_MODULES:
                bias = None if module.bias is None else module.bias.to("meta")
                weight = module.weight.to("meta")
                if type(module) in ops.LINEAR_MODULES:
                    return nn.functional.linear(args[0], weight, bias)
                return module._conv_forward(args[0], weight, bias)
            raise ArgumentTypeError(
                f"{self.function}: module {self._name(node)} has forward hooks, through which it cannot be traced; remove "
                "them", "module",
            )  # fmt: skip
        if not own:
            return module.forward(*args, **kwargs)
        return torch.func.functional_call(module, own, args, kwargs)

    def _name(self, node: Any) -> str:
        if node.op == "call_module":
            kind = type(self.root.get_submodule(node.target)).__name__
            return f"{node.target} ({kind})"
        target = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", str(node.target))
        return f"{target} (node {node.name})"

    # ---- rules: the units of the result, or None where the operation is not known to be homogeneous -----------------

    def _rule(self, node: Any, module: Any, value: Any, args: Any, kwargs: Any) -> Any:
        if "out" in node.kwargs:
            return None
        if module is not None:
            return None if hooked(module) else self._module_rule(node, module, value)
        target, function = node.target, node.op == "call_function"

        def among(functions: Any, methods: Any = ()) -> bool:
            return target in (functions if function else methods)

        if function and target in ops.LINEAR_FUNCTIONS or function and target in ops.CONV_FUNCTIONS:
            return self._functional_layer(node, value)
        if any(n in self._parameters for n in node.all_input_nodes):
            self._freeze(node)
        if among(ops.SHAPE_FUNCTIONS, ops.SHAPE_METHODS):
            return self._shape(node, value)
        if among(ops.JOIN_FUNCTIONS, ops.JOIN_METHODS):
            return self._join(node, value)
        if among(ops.MUL_FUNCTIONS, ops.MUL_METHODS):
            return self._product(node, value)
        if not node.args or not isinstance(node.args[0], fx.Node) or not isinstance(value, torch.Tensor):
            return None
        first = self._ids[node.args[0]]
        if any(t is not None and bool((ops.thin(t) >= 0).any()) for t in self._others(node)):
            return None
        if among(ops.DIV_FUNCTIONS, ops.DIV_METHODS) and not kwargs:
            return self._expanded(first, value)
        if among(ops.SAME_FUNCTIONS, ops.SAME_METHODS):
            return self._expanded(first, value) if value.is_floating_point() else None
        if function and target in ops.POOL_FUNCTIONS:
            return self._mixed(first, value, list(range(-ops.POOL_FUNCTIONS[target], 0)))
        if among(ops.REDUCE_FUNCTIONS, ops.REDUCE_METHODS):
            return self._reduced(first, value, args[1:], kwargs)
        return None

    def _others(self, node: Any) -> list[Any]:
        others = [self._ids[n] for n in node.all_input_nodes if n is not node.args[0]]
        return [units for units in others if isinstance(units, torch.Tensor)]

    def _shape(self, node: Any, value: Any) -> Any:
        picks = node.target is operator.getitem and node.all_input_nodes
        if picks and any(self._tensor(n) for n in picks if n is not node.args[0]):
            return None
        args = fx.node.map_arg(node.args, self._place)
        kwargs = fx.node.map_arg(node.kwargs, self._place)
        if node.op == "call_function":
            return node.target(*args, **kwargs)
        method = "reshape" if node.target == "view" else node.target
        if method == "reshape" and any(isinstance(a, torch.dtype) for a in args[1:]):
            return None
        return getattr(args[0], method)(*args[1:], **kwargs)

    def _tensor(self, node: Any) -> bool:
        return isinstance(self._values[node], torch.Tensor)

    def _place(self, node: Any) -> Any:
        """Units for a tensor, the value of anything else."""
        return self._ids[node] if self._ids[node] is not None else self._values[node]

    @staticmethod
    def _expanded(units: Any, value: Any) -> Any:
        return units.expand(value.shape)

    def _mixed(self, units: Any, value: Any, axes: list[int]) -> Any:
        first = ops.along(units, axes) if units.dim() >= len(axes) else None
        return None if first is None else self._expanded(first, value)

    def _reduced(self, units: Any, value: Any, args: Any, kwargs: Any) -> Any:
        names = ("dim", "keepdim")
        options = {**dict(zip(names, args)), **kwargs}
        if options.keys() - set(names):
            return None
        dim = options.get("dim")
        if dim is None:
            dim = list(range(units.dim()))
        axes = sorted(a % units.dim() for a in ([dim] if isinstance(dim, int) else dim))
        first = ops.along(units, axes)
        if first is None:
            return None
        for axis in [] if options.get("keepdim") else axes[::-1]:
            first = first.squeeze(axis)
        return self._expanded(first, value)

    def _join(self, node: Any, value: Any) -> Any:
        pair = [*node.args, *(node.kwargs[k] for k in ("other",) if k in node.kwargs)][:2]
        ids = [self._ids[n] if isinstance(n, fx.Node) and self._ids[n] is not None else n for n in pair]
        known = [i for i in ids if isinstance(i, torch.Tensor)]
        if len(known) == 1 and len(ids) == 2:  # a number: 0, as of the built-in sum, changes nothing
            zero = any(isinstance(i, (int, float)) and i == 0 for i in ids)
            return self._expanded(known[0], value) if zero else None
        if len(known) != 2:
            return None
        a, b = torch.broadcast_tensors(*known)
        for axis in range(a.dim()):
            if a.stride(axis) == b.stride(axis) == 0 and a.shape[axis] > 1:
                a, b = a.narrow(axis, 0, 1), b.narrow(axis, 0, 1)
        pairs = torch.stack([a.reshape(-1), b.reshape(-1)]).numpy()
        pairs = np.unique(pairs, axis=1) if pairs.shape[1] > 1 else pairs
        pairs = pairs[:, (pairs[0] != pairs[1])]
        self.units.join(pairs[0].tolist(), pairs[1].tolist(), f"added to what is not scaled, in {self._name(node)}")
        return torch.maximum(a, b).expand(value.shape)

    def _product(self, node: Any, value: Any) -> Any:
        ids = [self._ids[n] for n in node.args if isinstance(n, fx.Node) and self._ids[n] is not None]
        if not ids or len(node.args) != 2 or node.kwargs:
            return None
        moving = [i for i in ids if bool((ops.thin(i) >= 0).any())]
        if len(moving) > 1:
            return None
        if moving and moving[0] is not ids[0] and node.target in ops.IN_PLACE_MUL:
            return None  # what was there before and is read again would be scaled
        return self._expanded(moving[0], value) if moving else ops.none_like(value)

    # ---- layers: see _layers.Trace ------------------------------------------------------------------------------------

    def _module_rule(self, node: Any, module: Any, value: Any) -> Any:
        raise NotImplementedError

    def _functional_layer(self, node: Any, value: Any) -> Any:
        raise NotImplementedError

    # ---- what must stay ----------------------------------------------------------------------------------------------

    def _hold_all(self, node: Any, why: str) -> None:
        for source in node.all_input_nodes:
            for units in ops.tensors_in(self._ids[source]):
                self._hold_ids(units, why)
        self._freeze(node)
        if node.op == "call_module":
            self.frozen += self.root.get_submodule(node.target).parameters()

    def _freeze(self, node: Any) -> None:
        self.frozen += [p for n in node.all_input_nodes if isinstance(p := self._parameters.get(n), torch.Tensor)]

    def _hold_ids(self, units: Any, why: str) -> None:
        self.units.hold(sorted(set(ops.thin(units).reshape(-1).tolist())), why)


def attribute(root: Any, target: str) -> Any:
    for name in target.split("."):
        root = getattr(root, name)
    return root


def hooked(module: Any) -> bool:
    """Whether calling the module does something else than the forward of its class."""
    return bool(module._forward_hooks or module._forward_pre_hooks or "forward" in vars(module))


def overlap(a: Any, b: Any) -> bool:
    if a is b:
        return True
    if a.device != b.device or a.layout != torch.strided or b.layout != torch.strided:
        return False
    (a0, a1), (b0, b1) = ((t.data_ptr(), t.data_ptr() + _span(t)) for t in (a, b))
    return bool(a0 < b1 and b0 < a1)


def _span(tensor: Any) -> int:
    """Bytes from the first element to the end of the last."""
    if tensor.numel() == 0:
        return 0
    last = sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride()))
    return int((last + 1) * tensor.element_size())
