"""Neural balance (Baldi, Alexos, Domingo & Rahmansetayesh, AIJ 2025) of scikit-learn's MLPClassifier and
MLPRegressor, in place. scikit-learn itself is not imported: the estimator brings what is needed."""

from __future__ import annotations

from typing import Any, Literal, Mapping

import numpy as np
import numpy.typing as npt

from ._array import FLOATS
from ._errors import ArgumentTypeError, ArgumentValueError
from ._graph import Block, Derivative, balance_graph
from ._models import ModelReport, Units, weights_block
from .balancing import solver_options

__all__ = ["balance_", "deficit"]

# Averages of gradients scale by 1/s where a weight scales by s, averages of their squares by 1/s².
_POWERS = {"velocities": -1.0, "ms": -1.0, "vs": -2.0}


def balance_(
    estimator: Any,
    p: float | Mapping[float, float] = 2.0,
    *,
    cost: Derivative | None = None,
    include_bias: bool = False,
    method: Literal["newton", "sweeps", "stochastic", "tied"] = "newton",
    tol: float | None = None,
    max_sweeps: int | None = None,
    seed: int | None = None,
) -> ModelReport:
    """Balance a fitted MLPClassifier or MLPRegressor in place: the least ``Σ|w|^p`` with the same predictions.

    `coefs_` and `intercepts_` are scaled, and so are the averages of the solver, so that `partial_fit` goes on from them.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        Fitted; with activation "relu" or "identity".
    p, cost, include_bias, method, tol, max_sweeps, seed
        As in `hebbkern.balance`.

    Returns
    -------
    ModelReport
        A `BalanceReport`; its `modules` are "coefs_[0]", ...

    Raises
    ------
    TypeError, ValueError
        A bad argument, an estimator that is not fitted or has another activation, or NaN or Inf in its weights; the
        estimator is unchanged then.

    Examples
    --------
    >>> import warnings, hebbkern as hk
    >>> from hebbkern.datasets import load_digits
    >>> from sklearn.neural_network import MLPClassifier
    >>> X, labels = load_digits()
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")  # that it has not converged in 5 epochs
    ...     model = MLPClassifier((20, 10), max_iter=5, random_state=0).fit(X, labels)
    >>> before = model.predict(X)
    >>> report = hk.sklearn.balance_(model)
    >>> report.converged, bool((model.predict(X) == before).all())
    (True, True)
    """
    function = "sklearn.balance_"
    options = solver_options(function, p, method, tol, max_sweeps, seed, cost)
    model = _Model(estimator, bool(include_bias), function)
    model.carry(getattr(estimator, "_optimizer", None))
    result = balance_graph(blocks=model.blocks, **model.units.graph(model.numbers), **options)
    for original, copy in model.copies:
        original[...] = copy
    return model.units.report(model.numbers, result, options, [])


def deficit(
    estimator: Any,
    p: float | Mapping[float, float] = 2.0,
    *,
    cost: Derivative | None = None,
    include_bias: bool = False,
) -> list[npt.NDArray[np.float64]]:
    """Balance deficits ``A − B`` of the hidden units of a fitted MLPClassifier or MLPRegressor, layer by layer.

    Parameters
    ----------
    estimator, p, cost, include_bias
        As in `balance_`.

    Returns
    -------
    list of float64 arrays

    Raises
    ------
    TypeError, ValueError
        As of `balance_`.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> from sklearn.neural_network import MLPRegressor
    >>> model = MLPRegressor(hidden_layer_sizes=(1,), solver="lbfgs", random_state=0).fit([[0.0], [1.0]], [0.0, 1.0])
    >>> model.coefs_ = [np.array([[3.0]]), np.array([[1.0]])]
    >>> hk.sklearn.deficit(model)
    [array([8.])]
    """
    function = "sklearn.deficit"
    options = solver_options(function, p, "newton", None, None, None, cost)
    model = _Model(estimator, bool(include_bias), function)
    result = balance_graph(blocks=model.blocks, **model.units.graph(model.numbers), measure=True, **options)
    return model.units.split(model.numbers, result.deficit)[:-1]


class _Model:
    """An estimator as units and blocks. `copies` are pairs of an array that could not be used in place and its copy."""

    def __init__(self, estimator: Any, include_bias: bool, function: str) -> None:
        self.function = function
        coefs, intercepts = (getattr(estimator, name, None) for name in ("coefs_", "intercepts_"))
        if not hasattr(estimator, "activation") or not hasattr(estimator, "hidden_layer_sizes"):
            raise ArgumentTypeError(
                f"{function}: estimator is a {type(estimator).__qualname__}; an MLPClassifier or MLPRegressor is wanted",
                "estimator",
            )
        if not coefs or intercepts is None:
            raise ArgumentValueError(f"{function}: estimator has not been fitted; call fit first", "estimator")
        if estimator.activation not in ("relu", "identity"):
            raise ArgumentValueError(
                f"{function}: estimator has activation {estimator.activation!r}, whose units cannot be scaled; 'relu' or "
                "'identity' is wanted", "estimator",
            )  # fmt: skip
        self.units = Units()
        self.copies: list[tuple[npt.NDArray[Any], npt.NDArray[Any]]] = []
        self._layers = [self.units.add(f"coefs_[{l}]", w.shape[1]) for l, w in enumerate(coefs)]
        self.units.hold(self._layers[-1].tolist(), "output")
        self.numbers = self.units.numbers()
        dtype = coefs[0].dtype
        for name, arrays in (("coefs_", coefs), ("intercepts_", intercepts)):
            for l, array in enumerate(arrays):
                if array.dtype not in FLOATS or array.dtype != dtype:
                    raise ArgumentTypeError(
                        f"{function}: {name}[{l}] is {array.dtype}; float32 or float64 is wanted, the same for all", name
                    )
        self.blocks = self._made(coefs, intercepts, "coefs_[{}]", "intercepts_[{}]", (1.0, float(include_bias)), 1.0)

    def _made(
        self, weights: Any, biases: Any, weight_name: str, bias_name: str, alphas: tuple[float, float], power: float
    ) -> list[Block]:
        made = []
        for l, w in enumerate(weights):  # [in, out]
            rows = self.numbers[self._layers[l - 1]] if l else None
            cols = self.numbers[self._layers[l]]
            name, options = weight_name.format(l), {"alpha": alphas[0], "power": power}
            if w.flags.f_contiguous and w.flags.writeable:
                made.append(weights_block(w.T, name, cols, rows, **options))
            else:
                made.append(weights_block(self._usable(w), name, rows, cols, transposed=True, **options))
        for l, b in enumerate(biases):
            made.append(
                weights_block(
                    self._usable(b), bias_name.format(l), None, self.numbers[self._layers[l]], transposed=True,
                    alpha=alphas[1], power=power,
                )
            )  # fmt: skip
        return made

    def _usable(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if array.flags.c_contiguous and array.flags.aligned:
            return array
        copy = np.ascontiguousarray(array)
        self.copies.append((array, copy))
        return copy

    def carry(self, optimizer: Any) -> None:
        """The averages of the solver, by parameter: weights, then biases."""
        for key, power in _POWERS.items():
            arrays = getattr(optimizer, key, None)
            if arrays is None:
                continue
            count = len(self._layers)
            if len(arrays) != 2 * count:
                raise ArgumentValueError(
                    f"{self.function}: estimator has {len(arrays)} {key} of its solver; {2 * count} are wanted", "estimator"
                )
            names = (f"{key}[{{}}] of the weights", f"{key}[{{}}] of the biases")
            self.blocks += self._made(arrays[:count], arrays[count:], *names, (0.0, 0.0), power)
