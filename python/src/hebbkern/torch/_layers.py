"""What the layers of PyTorch do to units: each has units of its own, and weights from those that enter it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import fx, nn

from .._graph import Integers
from . import _operations as ops
from ._walk import Fold, Use, Walk, hooked, overlap


class Trace(Walk):
    """The walk with the rules of the layers."""

    def _module_rule(self, node: Any, module: Any, value: Any) -> Any:
        kind, name = type(module), node.target
        first = self._ids[node.args[0]] if node.args and isinstance(node.args[0], fx.Node) else None
        if not isinstance(first, torch.Tensor):
            return None
        if kind in ops.LINEAR_MODULES:
            return self._linear(first, value, name, module.weight, module.bias)
        if kind in ops.CONV_MODULES:
            return self._conv(first, value, name, module.weight, module.bias, module.groups)
        if kind is nn.RNN and module.nonlinearity == "relu":
            return self._rnn(node, first, value, module)
        if kind is nn.Embedding and module.max_norm is None:
            return self._embedding(value, name, module)
        if kind in ops.NORM_MODULES:
            return self._norm(node, first, value, module)
        if kind in ops.SAME_MODULES:
            self.frozen += module.parameters()
            return first if len(node.all_input_nodes) == 1 else None
        if kind in ops.SHAPE_MODULES:
            return module(first)
        if kind in ops.POOL_MODULES and isinstance(value, torch.Tensor):
            return self._mixed(first, value, list(range(-ops.POOL_MODULES[kind], 0)))
        return None

    # ---- layers ------------------------------------------------------------------------------------------------------

    def _new_units(self, tensor: Any, name: str, axis: int = 0) -> Integers:
        """The units that an axis of a weight leads to: the same ones wherever it is used so."""
        key = (tensor.data_ptr() or id(tensor), tuple(tensor.shape), tensor.stride(), axis)
        if key not in self._led:
            self._led[key] = self.units.add(name, tensor.shape[axis])
        return self._led[key]

    def _use(self, *args: Any, **kwargs: Any) -> None:
        new = Use(*args, **kwargs)
        for old in self.uses:
            if old.tensor is new.tensor and all(
                np.array_equal(a, b) if a is not None and b is not None else a is b
                for a, b in ((old.rows, new.rows), (old.cols, new.cols))
            ):
                return
        self.uses.append(new)

    def _columns(self, units: Any, axis: int, name: str) -> Integers:
        """The unit of each entry of an axis; where an entry is of several units these are held."""
        axes = [a for a in range(units.dim()) if a != axis % units.dim()]
        first = ops.along(units, axes)
        if first is None:
            self._hold_ids(units, f"several of them in one column of {name}")
            return np.full(units.shape[axis], -1, np.int64)
        return np.array(first.reshape(-1).tolist(), np.int64)

    def _linear(self, units: Any, value: Any, name: str, weight: Any, bias: Any) -> Any:
        cols = self._columns(units, -1, name)
        rows = self._new_units(weight, name)
        self._use(weight, f"{name}.weight", rows, cols)
        if bias is not None:
            self._use(bias, f"{name}.bias", None, rows, bias=True)
        return torch.as_tensor(rows, device="cpu").expand(value.shape)

    def _conv(self, units: Any, value: Any, name: str, weight: Any, bias: Any, groups: int) -> Any:
        space = weight.dim() - 2
        cols = self._columns(units, units.dim() - space - 1, name)
        rows = self._new_units(weight, name)
        self._use(weight, f"{name}.weight", rows, cols, groups=groups)
        if bias is not None:
            self._use(bias, f"{name}.bias", None, rows, bias=True)
        return torch.as_tensor(rows, device="cpu").reshape(-1, *(1,) * space).expand(value.shape)

    def _functional_layer(self, node: Any, value: Any) -> Any:
        convolution = node.target in ops.CONV_FUNCTIONS
        names = ("input", "weight", "bias", *(("stride", "padding", "dilation", "groups") if convolution else ()))
        given = {**dict(zip(names, node.args)), **node.kwargs}
        x, weight, bias = given["input"], given["weight"], given.get("bias")
        plain = isinstance(x, fx.Node) and weight in self._parameters and (bias is None or bias in self._parameters)
        if not plain or x in self._parameters or not isinstance(self._parameters[weight], nn.Parameter):
            return None  # a buffer is not ours to change
        name = str(weight.target).removesuffix(".weight")
        layer = (self._ids[x], value, name, self._parameters[weight], bias and self._parameters[bias])
        return self._conv(*layer, given.get("groups", 1)) if convolution else self._linear(*layer)

    def _embedding(self, value: Any, name: str, module: Any) -> Any:
        cols = self._new_units(module.weight, name, axis=1)
        self._use(module.weight, f"{name}.weight", None, cols, transposed=True)
        return torch.as_tensor(cols, device="cpu").expand(value.shape)

    def _rnn(self, node: Any, units: Any, value: Any, module: Any) -> Any:
        entering, hidden = self._columns(units, -1, node.target), []
        for layer in range(module.num_layers):
            outputs = []
            for suffix in ("", "_reverse")[: 1 + module.bidirectional]:
                end = f"l{layer}{suffix}"
                name = f"{node.target}.{end}"
                w, recurrent = getattr(module, f"weight_ih_{end}"), getattr(module, f"weight_hh_{end}")
                rows = self._new_units(w, name)
                self._use(w, f"{node.target}.weight_ih_{end}", rows, entering)
                self._use(recurrent, f"{node.target}.weight_hh_{end}", rows, rows)
                for kind in ("ih", "hh") if module.bias else ():
                    bias = getattr(module, f"bias_{kind}_{end}")
                    self._use(bias, f"{node.target}.bias_{kind}_{end}", None, rows, bias=True)
                outputs.append(rows)
            hidden += outputs
            entering = np.concatenate(outputs)
        if len(node.all_input_nodes) > 1:
            for rows in hidden:
                self.units.hold(rows.tolist(), f"{node.target} is given an initial state")
            self._hold_all(node, f"enters {self._name(node)} as a state")
        last = torch.as_tensor(entering, device="cpu").expand(value[0].shape)
        state = torch.as_tensor(np.stack(hidden), device="cpu")
        if value[1].dim() == 3:
            state = state[:, None]
        return last, state.expand(value[1].shape)

    def _norm(self, node: Any, units: Any, value: Any, module: Any) -> Any:
        before = node.args[0]
        layer: Any = self.root.get_submodule(before.target) if before.op == "call_module" else None
        if (
            self.fold
            and type(layer) in ops.LINEAR_MODULES + ops.CONV_MODULES
            and not hooked(layer)
            and self._calls[layer] == self._calls[module] == 1
            and not self._shared(layer)
            and len(before.users) == 1
            and module.running_mean is not None
            and value.dim() == layer.weight.dim()  # [batch, channels, ...]
        ):
            self.folds.append(Fold(layer, module, node.target))
            return units
        self._hold_all(node, f"before the batch norm {node.target}")
        return ops.none_like(value)

    def _shared(self, layer: Any) -> bool:
        """Whether something else reads a parameter of the layer."""
        others = [q for q, reader in self._readers if reader is not layer]
        return any(overlap(p, q) for p in layer.parameters() for q in others)
