"""Recurrent networks that run, to measure gains and robustness to noise (after Stock, Harvey, Ocko & Ganguli, PLoS
Comput Biol 2022)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from . import _header
from ._array import checked, describe, run
from ._errors import ArgumentValueError
from ._parameters import choice, count, is_integer, real
from .kernels import Activation, activation_code

_NOISE = ("activity", "weights")


def _optional(
    value: Any, name: str, function: str, *, ndim: int, dtype: np.dtype[Any], written: bool = False
) -> npt.NDArray[Any] | None:
    return None if value is None else checked(value, name, function, ndim=ndim, dtype=dtype, written=written)


class Arrays:
    """The checked arrays of a recurrent network and their description."""

    def __init__(self, function: str, j: Any, w_in: Any, bias: Any, w_out: Any, *, written: bool) -> None:
        self.j = checked(j, "j", function, ndim=2, written=written)
        dtype = self.j.dtype
        self.w_in = _optional(w_in, "w_in", function, ndim=2, dtype=dtype, written=written)
        self.bias = _optional(bias, "bias", function, ndim=1, dtype=dtype, written=written)
        self.w_out = _optional(w_out, "w_out", function, ndim=2, dtype=dtype, written=written)

    @property
    def struct(self) -> _header.Recurrent:
        return _header.Recurrent(*(_described(a) for a in (self.j, self.w_in, self.bias, self.w_out)))


def _described(array: npt.NDArray[Any] | None) -> _header.Array:
    """The hk_array of a checked array; None is an absent one."""
    return _header.Array() if array is None else describe(array)


def axes(value: Any) -> int:
    """Axes of an array or of nested lists; of a ragged one as many as there are, which the checks then refuse."""
    try:
        return np.ndim(value)
    except ValueError:
        return 2


@dataclass(frozen=True)
class RNNRun:
    """What a network did in a run.

    Attributes
    ----------
    states : array [T, n] or [T, B, n]
        x after each step.
    outputs : array [T, outputs] or [T, B, outputs], or None
        y after each step.
    gains, square_gains : float64 arrays [n]
        Means of φ′ and of φ′² of each unit over the run.
    """

    states: npt.NDArray[Any]
    outputs: npt.NDArray[Any] | None
    gains: npt.NDArray[np.float64]
    square_gains: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Robustness:
    """Mean squared deviations that noise brings about, over trials, steps and units.

    Attributes
    ----------
    states : float
    outputs : float or None
    """

    states: float
    outputs: float | None


class RNN:
    """A recurrent network that runs.

    With a `rate`, the network of Stock et al. 2022, ``τ dx/dt = −x + J φ(x) + W_in u + b + ξ`` in Euler steps of
    ``rate = dt/τ``, and outputs ``y = W_out φ(x)``. Without, ``x ← φ(J x + W_in u + b + ξ)`` and ``y = W_out x``. u are
    the inputs and ξ a noise.

    Parameters
    ----------
    j : array [n, n]
        Weights ``J_ij`` from unit j to unit i. This and the next are kept, not copied, so that balancing them changes
        the network.
    w_in, bias, w_out : arrays [n, inputs], [n], [outputs, n], optional
    activation : str or tuple
        φ, as of `forward`.
    rate : float or None
        In (0, 1].

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> net = hk.RNN(np.array([[0.0, 0.5], [0.5, 0.0]]), bias=np.array([1.0, 1.0]), rate=0.5)
    >>> net.run(steps=80).states[-1].round(6)
    array([2., 2.])
    >>> net.gains(steps=40)
    array([1., 1.])
    """

    def __init__(
        self,
        j: Any,
        w_in: Any = None,
        bias: Any = None,
        w_out: Any = None,
        *,
        activation: Activation = "relu",
        rate: float | None = 0.1,
    ) -> None:
        self._arrays = Arrays("RNN", j, w_in, bias, w_out, written=False)
        self._activation = activation_code(activation, "RNN")
        self.rate = None if rate is None else real("RNN", "rate", rate, above=0, most=1)

    @property
    def n(self) -> int:
        """Units."""
        return int(self._arrays.j.shape[0])

    def run(self, u: Any = None, *, x0: Any = None, steps: int | None = None, noise: Any = None) -> RNNRun:
        """Run the network, or B of them side by side.

        Parameters
        ----------
        u : array [T, inputs] or [T, B, inputs], optional
            Inputs of each step. Default none.
        x0 : array [n] or [B, n], optional
            States to begin with. Default 0.
        steps : int, optional
            T, where neither `u` nor `noise` says it.
        noise : array [T, n] or [T, B, n], optional
            ξ of each step.

        Returns
        -------
        RNNRun

        Raises
        ------
        TypeError, ValueError
            A bad argument.
        DivergenceError
            The states left the finite numbers; `sample` is the step.
        """
        return self._run(self._arrays.j, u, x0, steps, noise, "RNN.run")

    def _run(self, j: npt.NDArray[Any], u: Any, x0: Any, steps: int | None, noise: Any, function: str) -> RNNRun:
        arrays, n, dtype = self._arrays, self.n, self._arrays.j.dtype
        given = {name: self._in_time(name, value, dtype, function) for name, value in (("u", u), ("noise", noise))}
        shapes = {name: a.shape[:-1] for name, a in given.items() if a is not None}
        start = None
        if x0 is not None:
            start = checked(x0, "x0", function, ndim=1 if axes(x0) < 2 else 2, dtype=dtype)
        lengths = {name: shape[0] for name, shape in shapes.items()}
        if steps is not None:
            if not is_integer(steps) or not 0 <= steps < 2**31:
                raise ArgumentValueError(
                    f"{function}: steps is {steps!r}; an integer of 0 to 2**31 - 1 is wanted", "steps"
                )
            lengths["steps"] = int(steps)
        if not lengths:
            raise ArgumentValueError(
                f"{function}: steps is None; a number is wanted, as there is neither u nor noise", "steps"
            )
        batches = {name: shape[1:] for name, shape in shapes.items()}
        if start is not None:
            batches["x0"] = start.shape[:-1]
        for what, found in (("steps", lengths), ("networks", batches)):
            if len(set(found.values())) > 1:
                name, value = list(found.items())[-1]
                raise ArgumentValueError(
                    f"{function}: {name} is of {value} {what}; as many as of {next(iter(found))} are wanted, "
                    f"{next(iter(found.values()))}",
                    name,
                )
        total = next(iter(lengths.values()))
        batch: tuple[int, ...] = next(iter(batches.values()), ())
        side = batch[0] if batch else 1
        x = np.zeros((side, n), dtype)
        if start is not None:
            if start.shape[-1] != n:
                raise ArgumentValueError(f"{function}: x0 has shape {start.shape}; {n} units are wanted", "x0")
            x[:] = start
        flat = {name: None if a is None else a.reshape(total * side, a.shape[-1]) for name, a in given.items()}
        states = np.empty((total * side, n), dtype)
        outputs = None if arrays.w_out is None else np.empty((total * side, arrays.w_out.shape[0]), dtype)
        slopes = np.zeros(2 * n)
        network = arrays.struct
        network.j = describe(j)
        args = _header.RNNArgs(
            network, *self._activation, self.rate or 0.0, total, describe(x), _described(flat["u"]),
            _described(flat["noise"]), describe(states), _described(outputs), slopes.ctypes.data,
        )  # fmt: skip
        run("rnn", args, function)
        mean = slopes / max(total * side, 1)
        return RNNRun(
            states.reshape(total, *batch, n),
            None if outputs is None else outputs.reshape(total, *batch, outputs.shape[1]),
            mean[:n],
            mean[n:],
        )

    def _in_time(self, name: str, value: Any, dtype: np.dtype[Any], function: str) -> npt.NDArray[Any] | None:
        """An array [T, width] or [T, B, width] that is read, contiguous."""
        if value is None:
            return None
        array = checked(value, name, function, ndim=3 if axes(value) == 3 else 2, dtype=dtype)
        width = self.n if name == "noise" else 0 if self._arrays.w_in is None else self._arrays.w_in.shape[1]
        if array.shape[-1] != width:
            raise ArgumentValueError(
                f"{function}: {name} has shape {array.shape}; {width} is wanted for its last axis", name
            )
        return np.ascontiguousarray(array)

    def gains(
        self, u: Any = None, *, x0: Any = None, steps: int | None = None, square: bool = False
    ) -> npt.NDArray[Any]:
        """The mean of φ′, or with `square` of φ′², of each unit over a run: [n] in the type of J, as `alpha` of
        `synaptic_balance` takes it. Arguments as of `run`."""
        found = self._run(self._arrays.j, u, x0, steps, None, "RNN.gains")
        return (found.square_gains if square else found.gains).astype(self._arrays.j.dtype)

    def robustness(
        self,
        u: Any = None,
        *,
        std: float,
        of: Literal["activity", "weights"] = "activity",
        trials: int = 20,
        seed: int = 0,
        x0: Any = None,
        steps: int | None = None,
    ) -> Robustness:
        """How far noise moves states and outputs from the run without it.

        Parameters
        ----------
        u, x0, steps
            As of `run`.
        std : float
            Standard deviation of the normal noise.
        of : "activity" or "weights"
            Noise ξ in each unit and step; or added to each weight of J that is not 0, once a trial.
        trials : int
            Runs with noise.
        seed : int
            The noise is a function of it and of the shapes.

        Returns
        -------
        Robustness

        Examples
        --------
        >>> import numpy as np, hebbkern as hk
        >>> net = hk.RNN(np.zeros((2, 2)), w_out=np.array([[3.0, 4.0]]), activation="identity", rate=None)
        >>> found = net.robustness(steps=500, std=0.1)
        >>> bool(abs(found.states - 0.01) < 0.001), bool(abs(found.outputs - 0.25) < 0.025)
        (True, True)
        """
        function = "RNN.robustness"
        std = real(function, "std", std)
        kind = choice(function, "of", of, _NOISE)
        trials = count(function, "trials", trials)
        if not is_integer(seed) or not 0 <= seed < 2**64:
            raise ArgumentValueError(f"{function}: seed is {seed!r}; an integer of 0 to 2**64 - 1 is wanted", "seed")
        j = self._arrays.j
        clean = self._run(j, u, x0, steps, None, function)
        squares = np.zeros(2)
        for trial in range(trials):
            weights, noise = j, None
            if kind == 0:
                noise = normal(clean.states.shape, j.dtype, std, int(seed), trial)
            else:
                weights = j + normal(j.shape, j.dtype, std, int(seed), trial) * (j != 0)
            noisy = self._run(weights, u, x0, steps, noise, function)
            for k, (a, b) in enumerate(((noisy.states, clean.states), (noisy.outputs, clean.outputs))):
                if a is not None and b is not None and a.size:
                    squares[k] += float(np.mean(np.square(a.astype(np.float64) - b)))
        squares /= trials
        return Robustness(float(squares[0]), None if clean.outputs is None else float(squares[1]))


def normal(shape: tuple[int, ...], dtype: np.dtype[Any], std: float, seed: int, stream: int) -> npt.NDArray[Any]:
    """Normal numbers of mean 0 as a function of seed and stream, from the library's generator."""
    out = np.empty(shape, dtype)
    generator = np.zeros(4, np.uint64)
    args = _header.NormalArgs(describe(out.reshape(-1)), std, seed, stream, generator.ctypes.data)
    run("normal", args, "normal")
    return out
