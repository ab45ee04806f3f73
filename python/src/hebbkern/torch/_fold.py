"""Batch norms folded into the layers before them, with the statistics of evaluation."""

from __future__ import annotations

from typing import Any, Sequence

import torch
from torch import nn

from ._walk import Fold, Use


class Folded:
    """Folded weights beside the model, until `commit` writes them."""

    def __init__(self, folds: Sequence[Fold], uses: list[Use]) -> None:
        self.folds = folds
        self.tensors: dict[int, Any] = {}  # by the id of the parameter
        self._new_bias: dict[int, Any] = {}  # by the id of the layer
        for fold in folds:
            layer, norm = fold.layer, fold.norm
            # y = (x − mean)·γ/√(var + ε) + β
            factor = torch.rsqrt(norm.running_var.double() + norm.eps)
            if norm.weight is not None:
                factor = factor * norm.weight.detach().double()
            shift = -norm.running_mean.double()
            if layer.bias is not None:
                shift = shift + layer.bias.detach().double()
            shift = shift * factor
            if norm.bias is not None:
                shift = shift + norm.bias.detach().double()
            weight = layer.weight.detach()
            shape = (-1, *(1,) * (weight.dim() - 1))
            self.tensors[id(layer.weight)] = (weight * factor.reshape(shape)).to(weight.dtype)
            bias = shift.to(weight.dtype)
            if layer.bias is None:
                bias = nn.Parameter(bias, requires_grad=layer.weight.requires_grad)
                self._new_bias[id(layer)] = bias
                rows = next(use for use in uses if use.tensor is layer.weight).rows
                name = next(use for use in uses if use.tensor is layer.weight).name.removesuffix("weight") + "bias"
                uses.append(Use(bias, name, None, rows, bias=True))
            else:
                self.tensors[id(layer.bias)] = bias

    def commit(self, root: Any) -> None:
        """Write the folded weights and put an identity in the place of each batch norm; all or nothing."""
        undo: list[Any] = []
        try:
            with torch.no_grad():
                for fold in self.folds:
                    for name in ("weight", "bias"):
                        parameter = getattr(fold.layer, name)
                        if parameter is None:
                            fold.layer.bias = self._new_bias[id(fold.layer)]
                            undo.append(lambda layer=fold.layer: setattr(layer, "bias", None))
                            continue
                        old = parameter.detach().clone()
                        undo.append(lambda p=parameter, old=old: p.detach().copy_(old))
                        parameter.copy_(self.tensors[id(parameter)])
                    path, _, name = fold.name.rpartition(".")
                    parent = root.get_submodule(path)
                    undo.append(lambda parent=parent, name=name, norm=fold.norm: setattr(parent, name, norm))
                    setattr(parent, name, nn.Identity().train(fold.norm.training))
        except BaseException:
            for step in reversed(undo):
                step()
            raise
