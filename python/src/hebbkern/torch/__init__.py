"""Neural balance (Baldi, Alexos, Domingo & Rahmansetayesh, AIJ 2025) of PyTorch models, in place on their own
memory. Needs PyTorch 2.2 or newer; `import hebbkern` alone does not import it.

The model is traced by torch.fx, and its units are followed from the layers that make them to those that read them:
features of linear layers, channels of convolutions, hidden units of `nn.RNN(nonlinearity="relu")`, columns of embeddings,
through ReLU, leaky ReLU, pooling, flattening and other changes of shape, dropout, concatenation and residual addition,
as modules or as functions. Units that are added together have one λ, and so have those of shared parameters. Where a
unit enters anything else (another activation, a batch norm that is not folded, an attention, the output) it stays as it
is, and the report says so by name.
"""

from __future__ import annotations

from typing import Any, Iterable, Literal, Mapping

import numpy as np
import numpy.typing as npt

try:
    import torch as _torch
except ImportError:
    raise ImportError("hebbkern.torch needs PyTorch: pip install torch") from None
if tuple(int(part) for part in _torch.__version__.split(".")[:2]) < (2, 2):
    raise ImportError(
        f"hebbkern.torch needs PyTorch 2.2 or newer, and this is {_torch.__version__}: pip install --upgrade torch"
    )

from .._errors import ArgumentTypeError, ArgumentValueError
from .._graph import HELD, Derivative, balance_graph
from .._parameters import count
from .._models import ModelReport
from ..balancing import solver_options
from ._arrays import blocks, carried
from ._fold import Folded
from ._layers import Trace
from ._trace import trace

__all__ = ["BalanceCallback", "ModelReport", "balance_", "deficit"]


def balance_(
    module: Any,
    p: float | Mapping[float, float] = 2.0,
    *,
    cost: Derivative | None = None,
    example_inputs: Any = None,
    optimizer: Any = None,
    include_bias: bool = False,
    method: Literal["newton", "sweeps", "stochastic", "tied"] = "newton",
    only: Iterable[str] | None = None,
    tol: float | None = None,
    max_sweeps: int | None = None,
    seed: int | None = None,
    fold_batchnorm: bool = False,
) -> ModelReport:
    """Balance a model in place: the least ``Σ|w|^p`` among all models that compute the same, by scaling its units.

    What is computed is what `forward` computes in the mode, training or evaluation, that the model is in, for inputs
    like the example. Each unit's incoming weights and bias are scaled by λ and its outgoing ones by 1/λ. Parameters stay the
    same objects over the same memory; nothing is written before the solver is done.

    Parameters
    ----------
    module : torch.nn.Module
        On the CPU, its layers float32 or float64, contiguous or channels_last. torch.fx must be able to trace it: no
        control flow that depends on values.
    p, cost
        As in `hebbkern.balance`; a cost is given arrays, not tensors.
    example_inputs : tensor, tuple or dictionary of inputs, optional
        Its shape alone is used, to see which channel a column after flattening belongs to. Default: a batch that fits
        the first layer, images square.
    optimizer : torch.optim.Optimizer, optional
        SGD, Adam, AdamW, NAdam, RAdam, Adamax, RMSprop, Adagrad, Adadelta, ASGD or Rprop. Its state is scaled along, and
        so are the parameters' `grad`: if a weight is multiplied by s, averages of its gradient are divided by s and those
        of the squared gradient by s². Then the next step of the averages is that of the model as it was, scaled.
    include_bias : bool
        Whether a unit's bias counts in its cost in.
    method, tol, max_sweeps, seed
        As in `hebbkern.balance`; "sweeps" visits the layers in the order in which the model runs, and "tied" gives each
        one λ.
    only : iterable of str, optional
        The names of the layers whose units may move, as in `report.modules`; default all.
    fold_batchnorm : bool
        Fold each batch norm that directly follows a linear layer or a convolution into it, with its running statistics,
        and put an `nn.Identity` in its place. The function of evaluation mode stays; training is changed, since there is
        no normalisation by the batch any more. A layer without a bias gets one, so make the optimizer after it.

    Returns
    -------
    ModelReport
        A `BalanceReport` with the names of the layers in `modules`.

    Raises
    ------
    TypeError, ValueError
        A bad argument, a model that cannot be traced, parameters on another device, of another type or not
        contiguous, or NaN or Inf in them; the model is unchanged then, as after Ctrl-C.

    Examples
    --------
    >>> import torch, hebbkern as hk
    >>> model = torch.nn.Sequential(torch.nn.Linear(1, 1), torch.nn.ReLU(), torch.nn.Linear(1, 1))
    >>> for parameter, value in zip(model.parameters(), (4.0, 8.0, 1.0, 0.5)):
    ...     _ = torch.nn.init.constant_(parameter, value)
    >>> report = hk.torch.balance_(model)
    >>> [parameter.item() for parameter in model.parameters()]
    [2.0, 4.0, 2.0, 0.5]
    >>> report.modules, report.excluded
    (['0', '2'], [(1, None, 'output')])
    """
    function = "torch.balance_"
    options = solver_options(function, p, method, tol, max_sweeps, seed, cost)
    walk = _walk(module, example_inputs, function, bool(fold_batchnorm))
    if walk.folds and optimizer is not None:
        raise ArgumentValueError(
            f"{function}: optimizer is given, and folding the batch norm {walk.folds[0].name} changes which parameters "
            "there are; fold first, and make the optimizer after it", "optimizer",
        )  # fmt: skip
    _hold_others(walk, only, function)
    folded = Folded(walk.folds, walk.uses)
    numbers = walk.units.numbers()
    parts = blocks(walk.uses, numbers, folded.tensors, bool(include_bias), function)
    if optimizer is not None:
        parts += carried(walk.uses, numbers, optimizer, function)
    result = balance_graph(blocks=parts, **walk.units.graph(numbers), **options)
    folded.commit(walk.root)
    for use in walk.uses:
        _torch.autograd.graph.increment_version(use.tensor)  # a backward pass over the old weights is an error now
    return walk.units.report(numbers, result, options, [fold.name for fold in walk.folds])


def deficit(
    module: Any,
    p: float | Mapping[float, float] = 2.0,
    *,
    cost: Derivative | None = None,
    example_inputs: Any = None,
    include_bias: bool = False,
) -> dict[str, npt.NDArray[np.float64]]:
    """Balance deficits ``A − B`` of a model's units, cost in minus cost out, signed and not normalised.

    Parameters
    ----------
    module, p, cost, example_inputs, include_bias
        As in `balance_`.

    Returns
    -------
    dict of float64 arrays
        By the name of the layer, in the order in which the model runs. A layer of which no unit can be scaled is left
        out; where one unit cannot, its entry is 0.

    Raises
    ------
    TypeError, ValueError
        As of `balance_`.

    Examples
    --------
    >>> import torch, hebbkern as hk
    >>> model = torch.nn.Sequential(torch.nn.Linear(1, 1), torch.nn.ReLU(), torch.nn.Linear(1, 1))
    >>> for parameter, value in zip(model.parameters(), (3.0, 0.0, 1.0, 0.0)):
    ...     _ = torch.nn.init.constant_(parameter, value)
    >>> hk.torch.deficit(model)
    {'0': array([8.])}
    """
    function = "torch.deficit"
    options = solver_options(function, p, "newton", None, None, None, cost)
    walk = _walk(module, example_inputs, function, False)
    numbers = walk.units.numbers()
    parts = blocks(walk.uses, numbers, {}, bool(include_bias), function)
    result = balance_graph(blocks=parts, **walk.units.graph(numbers), measure=True, **options)
    status = walk.units.split(numbers, result.status)
    values = walk.units.split(numbers, result.deficit)
    return {name: v for name, v, s in zip(walk.units.names, values, status) if np.any(s != HELD)}


class BalanceCallback:
    """Balances a model every so many steps of its training.

    Parameters
    ----------
    module : torch.nn.Module, optional
        May instead be given at each call.
    every : int
        Steps from one balancing to the next.
    p, optimizer, **options
        As in `balance_`.

    Attributes
    ----------
    count : int
        Steps so far.
    reports : list of (int, ModelReport)
        The step and the report of each balancing.

    Examples
    --------
    >>> import torch, hebbkern as hk
    >>> model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1))
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    >>> balance = hk.torch.BalanceCallback(model, every=5, p=2, optimizer=optimizer)
    >>> for x in torch.randn(10, 8, 3):
    ...     loss = model(x).square().mean()
    ...     optimizer.zero_grad()
    ...     loss.backward()
    ...     _ = optimizer.step()
    ...     _ = balance.step()
    >>> [step for step, report in balance.reports]
    [5, 10]
    """

    def __init__(
        self,
        module: Any = None,
        *,
        every: int = 1,
        p: float | Mapping[float, float] = 2.0,
        optimizer: Any = None,
        **options: Any,
    ) -> None:
        self.module, self.every, self.p, self.optimizer, self.options = module, every, p, optimizer, options
        count("torch.BalanceCallback", "every", every)
        unknown = options.keys() - (balance_.__kwdefaults__ or {}).keys()
        if unknown:
            raise ArgumentTypeError(
                f"torch.BalanceCallback: {min(unknown)} is no option of balance_", min(unknown)
            )
        self.count = 0
        self.reports: list[tuple[int, ModelReport]] = []

    def step(self) -> ModelReport | None:
        """Count a step; every `every` of them balance the model and return the report."""
        return self()

    def __call__(self, module: Any = None, step: int | None = None) -> ModelReport | None:
        """As `step`, of a module that may be given; with `step`, the caller counts, from 1."""
        self.count = self.count + 1 if step is None else count("torch.BalanceCallback", "step", step)
        module = self.module if module is None else module
        if module is None:
            raise ArgumentTypeError(
                "torch.BalanceCallback: module is None, here and at the start; a module is wanted", "module"
            )
        if self.count % self.every:
            return None
        report = balance_(module, self.p, optimizer=self.optimizer, **self.options)
        self.reports.append((self.count, report))
        return report


def _walk(module: Any, example: Any, function: str, fold: bool) -> Trace:
    if not isinstance(module, _torch.nn.Module):
        raise ArgumentTypeError(
            f"{function}: module is a {type(module).__qualname__}; a torch.nn.Module is wanted", "module"
        )
    walk = trace(module, example, function, fold)
    if not walk.uses:
        raise ArgumentValueError(
            f"{function}: module {type(module).__qualname__} runs no linear layer, convolution or ReLU network that "
            "could be balanced", "module",
        )  # fmt: skip
    return walk


def _hold_others(walk: Trace, only: Any, function: str) -> None:
    if only is None:
        return
    names = {only} if isinstance(only, str) else set(only)
    unknown = names - set(walk.units.names)
    if unknown:
        raise ArgumentValueError(
            f"{function}: only has {sorted(map(str, unknown))[0]!r}; names out of {walk.units.names} are wanted", "only"
        )
    for name, units in zip(walk.units.names, walk.units.layers):
        if name not in names:
            walk.units.hold(units.tolist(), "held")
