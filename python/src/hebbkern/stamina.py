"""Stamina: units that live as long as they are used ("use it or lose it"). It has no paper: what it does is said here."""

from __future__ import annotations

from typing import Any, Literal, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from . import _header
from ._annealing import Annealing
from ._array import FLOATS, checked, describe, run, settle
from ._errors import ArgumentTypeError, ArgumentValueError
from ._lib import native
from ._outputs import MODES, Mode, balanced_relu, entropy, equalize
from ._parameters import choice, count, finite, is_integer, real
from ._random import check_generator, generator
from ._units import Around, Change, around_all, follow, fresh, numbers, replace

__all__ = ["Annealing", "Change", "Stamina", "balanced_relu", "entropy", "equalize"]

_STAMINA = ("value", "x", "prior", "mode", "strength", "alpha")


class Stamina:
    """The stamina of the units of a layer, or of its inputs: who has none left dies.

    Each `update` adds the sum over a batch of the balanced ReLU of the units, or moves an average by it. The penalty is
    part of this bookkeeping. A forward pass has it only if it is itself a `balanced_relu`; give then what went into that,
    not what came out, since a penalty must not count twice.

    Parameters
    ----------
    n : int
        Units.
    mode, strength
        The penalty; see `balanced_relu`.
    alpha : float, optional
        Above 0, at most 1: stamina is a moving average of the batch sums, ``value ← α s + (1 − α) value``. By default it
        is their sum.
    prior : array [n], optional
        How often each unit should fire, a number between 0 and 1: the penalty of unit i is times ``f_i/(1 − f_i)``, so
        that a rare one is not starved by its silence. ½ changes nothing.
    by : "threshold" or "share"
        Who dies: those at or below `threshold`, or the lowest ``⌊share · living⌋``.
    threshold, share : float
    warmup : int
        Updates before the first death.
    minimum : int
        Units that live on whatever their stamina, the strongest of them (of equals the lowest number). 0: none is
        stated, and a layer that would die altogether is an error that says what to change.
    seed : int
        Of the weights of new units.
    dtype : float32 or float64
        Of the stamina and of what is observed.

    Attributes
    ----------
    value : array [n]
        The stamina; 0 to begin with.
    alive : bool array [n]
        False for units that were masked.
    updates : int
    rng : uint64 array [4]
        The generator of new weights. These are all of the state: an object that is given copies of them goes on with
        the same bits.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> stamina = hk.stamina.Stamina(3, mode="mean", dtype=np.float64)
    >>> stamina.update([[3, 0, 1], [3, 0, 2]])
    array([ 6., -3.,  3.])
    >>> w, out = np.ones((3, 2)), np.array([[1.0, 2.0, 3.0]])
    >>> change = stamina.compact(w, out=out)
    >>> change.index, change.out
    (array([ 0, -1,  1]), array([[1., 3.]]))
    """

    value: npt.NDArray[Any]
    alive: npt.NDArray[np.bool_]
    prior: npt.NDArray[Any] | None

    def __init__(
        self,
        n: int,
        *,
        mode: Mode = "zero_sum",
        strength: float = 1.0,
        alpha: float | None = None,
        prior: Any = None,
        by: Literal["threshold", "share"] = "threshold",
        threshold: float = 0.0,
        share: float = 0.1,
        warmup: int = 0,
        minimum: int = 0,
        seed: int = 0,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        n = count("Stamina", "n", n)
        choice("Stamina", "mode", mode, MODES)
        choice("Stamina", "by", by, ("threshold", "share"))
        if np.dtype(dtype) not in FLOATS:
            raise ArgumentTypeError(f"Stamina: dtype is {dtype!r}; float32 or float64 is wanted", "dtype")
        self.mode: Mode = mode
        self.by: Literal["threshold", "share"] = by
        self.strength = real("Stamina", "strength", strength)
        self.alpha = None if alpha is None else real("Stamina", "alpha", alpha, above=0, most=1)
        self.threshold = finite("Stamina", "threshold", threshold)
        self.share = real("Stamina", "share", share, most=1)
        for name, value in (("warmup", warmup), ("minimum", minimum)):
            if not is_integer(value):
                raise ArgumentTypeError(f"Stamina: {name} is {value!r}; an integer is wanted", name)
            if value < 0:
                raise ArgumentValueError(f"Stamina: {name} is {value}; 0 or more is wanted", name)
        if self.share == 1:
            raise ArgumentValueError("Stamina: share is 1; a number below 1 is wanted, or all units die", "share")
        self.warmup, self.minimum = int(warmup), int(minimum)
        self.rng = generator("Stamina", seed)
        self.value = np.zeros(n, dtype)
        self.alive = np.ones(n, np.bool_)
        self.updates = 0
        self.prior = None
        if prior is not None:
            self.prior = np.array(np.broadcast_to(np.asarray(prior, np.float64), (n,)), dtype)
            if not ((self.prior > 0) & (self.prior < 1)).all():
                raise ArgumentValueError(f"Stamina: prior is {prior!r}; numbers between 0 and 1 are wanted", "prior")

    def __repr__(self) -> str:
        return (
            f"Stamina({len(self.value)}, mode={self.mode!r}, strength={self.strength:g}, updates={self.updates}, "
            f"alive={int(np.count_nonzero(self.alive))})"
        )

    @classmethod
    def _of(cls, attributes: Mapping[str, Any]) -> Stamina:
        """One with these attributes, from a file."""
        state = {key: value for key, value in attributes.items() if key in ("value", "alive", "prior", "updates", "rng")}
        value, updates = state.get("value"), state.get("updates")
        if len(state) != 5 or not isinstance(value, np.ndarray) or not isinstance(updates, int) or updates < 0:
            raise ValueError("a Stamina without its state")
        options = {key: attributes[key] for key in attributes.keys() - state.keys()}
        made = cls(len(value), dtype=value.dtype, **options)
        vars(made).update(state)
        made._check("Stamina")
        check_generator("Stamina", made.rng)
        return made

    # ---- bookkeeping ----------------------------------------------------------------------------------------------

    def update(self, x: Any) -> npt.NDArray[Any]:
        """Observe a batch and return `value`, the array itself. Masked units take no part, as if they were gone.

        Parameters
        ----------
        x : array [n] or [samples, n]
            Inputs of the ReLU of the units, or their activities after it. An empty batch changes nothing.

        Raises
        ------
        TypeError, ValueError
            A bad argument; the state is unchanged then.
        DivergenceError
            The stamina would not be finite any more, likewise.
        """
        self._check("Stamina.update")
        some = not self.alive.all()
        value, prior = self.value, self.prior
        if some:
            whole = checked(x, "x", "Stamina.update", ndim=np.ndim(x) if np.ndim(x) in (1, 2) else 2, dtype=self.value.dtype)
            if whole.shape[-1] != len(self.value):
                raise ArgumentValueError(
                    f"Stamina.update: x has shape {whole.shape}; (samples, {len(self.value)}) is wanted", "x"
                )
            x = np.ascontiguousarray(whole[..., self.alive])
            value = self.value[self.alive]
            prior = None if self.prior is None else self.prior[self.alive]
        args = [value, x, prior, MODES.index(self.mode), self.strength, self.alpha or 0.0]
        fault = native.stamina(*args)
        if fault is not None:
            settle("stamina", fault, _STAMINA, ("value",), args, "Stamina.update")
        if some:
            self.value[self.alive] = value
        self.updates += np.ndim(x) == 1 or np.shape(x)[0] > 0
        return self.value

    def dying(self) -> npt.NDArray[np.int64]:
        """The units that die now, in ascending order. Nothing is changed.

        Raises
        ------
        ValueError
            No unit would be left and no minimum is stated: the message says what to change.
        """
        function = "Stamina.dying"
        self._check(function)
        dead = np.zeros(len(self.value), np.uint8)
        alive = np.ascontiguousarray(self.alive)
        run("deaths", _header.DeathsArgs(
            describe(self.value), alive.ctypes.data, dead.ctypes.data, int(self.by == "share"), self.threshold, self.share,
            self.minimum, self.updates, self.warmup, self.strength,
        ), function)  # fmt: skip
        return np.flatnonzero(dead)

    def _check(self, function: str) -> None:
        """The state, which the user may have changed."""
        value = self.value
        if not isinstance(value, np.ndarray) or value.ndim != 1 or value.dtype not in FLOATS or not value.flags.c_contiguous:
            raise ArgumentValueError(f"{function}: value is no contiguous array of float32 or float64 any more", "value")
        n = len(value)
        if not isinstance(self.alive, np.ndarray) or self.alive.shape != (n,) or self.alive.dtype != np.bool_:
            raise ArgumentValueError(f"{function}: alive is no bool array of {n} units any more", "alive")
        if self.prior is not None and (self.prior.shape != (n,) or self.prior.dtype != value.dtype):
            raise ArgumentValueError(f"{function}: prior is no {value.dtype} array of {n} units any more", "prior")

    # ---- death and birth ------------------------------------------------------------------------------------------

    def compact(
        self, weights: Any = None, bias: Any = None, out: Any = None, *, moments: Sequence[Any] = (), dead: Any = None
    ) -> Change:
        """Remove units: the arrays around them shrink, and this object with them.

        Every surviving unit computes what it did, bit for bit; units that were masked go too.

        Parameters
        ----------
        weights : array [n, n_in], optional
            Weights into the units; for the stamina of inputs none, and `out` is the layer's own matrix.
        bias : array [n], optional
        out : array [n_next, n], optional
            Weights out of the units.
        moments : list of (weights, bias, out)
            An optimizer's arrays of the same shapes, None for those that it has not.
        dead : list of int, optional
            Default: `dying`.

        Returns
        -------
        Change
            With the new arrays and the index map. The old arrays are as they were.

        Raises
        ------
        TypeError, ValueError
            A bad argument, or no unit would be left; nothing has changed then.
        """
        function = "Stamina.compact"
        main, others, dead = self._prepare(function, (weights, bias, out), moments, dead)
        gone = ~self.alive
        gone[dead] = True
        kept = np.flatnonzero(~gone)
        if not len(kept):
            raise ArgumentValueError(f"{function}: dead has all {len(gone)} units; one must be left", "dead")
        index = np.full(len(gone), -1, np.int64)
        index[kept] = np.arange(len(kept))
        shrunk = [a.take(kept) for a in (main, *others)]
        self.value, self.alive = self.value[kept], self.alive[kept]
        self.prior = None if self.prior is None else self.prior[kept]
        return Change(dead, index, kept, *shrunk[0].tuple(), [a.tuple() for a in shrunk[1:]])

    def mask(
        self, weights: Any = None, bias: Any = None, out: Any = None, *, moments: Sequence[Any] = (), dead: Any = None
    ) -> Change:
        """Silence units where they stand: their weights, biases and moments become 0, in place, and `alive` False.

        A learning rule may move them again: give it ``mask=stamina.weight_mask(n_in)``. Parameters, result and errors
        are those of `compact`; the arrays of the result are those given.
        """
        main, others, dead = self._prepare("Stamina.mask", (weights, bias, out), moments, dead)
        living = self.alive.copy()
        living[dead] = False
        if not living.any():
            raise ArgumentValueError(f"Stamina.mask: dead has all {len(living)} units; one must be left", "dead")
        for a in (main, *others):
            a.clear(dead)
        self.alive[dead] = False
        index = np.where(self.alive, np.arange(len(self.alive)), -1)
        return Change(dead, index, np.arange(len(index)), *main.tuple(), [a.tuple() for a in others])

    def rebirth(
        self, weights: Any = None, bias: Any = None, out: Any = None, *, moments: Sequence[Any] = (), dead: Any = None,
        scale: float | None = None,
    ) -> Change:  # fmt: skip
        """Let units be born again, in place: fresh weights into them, stamina 0.

        What goes out of them, their biases and moments become 0, so that the layer behind hears them only when it has
        learned to. Masked units can be named in `dead` too, and live then.

        Parameters
        ----------
        weights, bias, out, moments, dead
            As in `compact`.
        scale : float, optional
            The fresh weights are uniform in ±scale; default ``√(6/n_in)`` (He et al. 2015).
        """
        main, others, dead = self._prepare("Stamina.rebirth", (weights, bias, out), moments, dead)
        half = None if scale is None else real("Stamina.rebirth", "scale", scale)
        for a in (main, *others):
            a.clear(dead)
        fresh("Stamina.rebirth", main, dead, self.rng, half)
        self.value[dead] = 0
        self.alive[dead] = True
        n = len(self.value)
        return Change(dead, np.arange(n), np.arange(n), *main.tuple(), [a.tuple() for a in others])

    def grow(
        self, more: int, weights: Any = None, bias: Any = None, out: Any = None, *, moments: Sequence[Any] = (),
        scale: float | None = None, prior: float = 0.5,
    ) -> Change:  # fmt: skip
        """Add units behind the others, born as by `rebirth`, in new arrays.

        Parameters
        ----------
        more : int
        weights, bias, out, moments, scale
            As in `rebirth`.
        prior : float
            Of the new units, if the others have one.
        """
        function = "Stamina.grow"
        more = count(function, "more", more)
        main, others, _ = self._prepare(function, (weights, bias, out), moments, ())
        half = None if scale is None else real(function, "scale", scale)
        if not 0 < real(function, "prior", prior) < 1:
            raise ArgumentValueError(f"{function}: prior is {prior}; a number between 0 and 1 is wanted", "prior")
        n = len(self.value)
        larger = [a.enlarge(more) for a in (main, *others)]
        fresh(function, larger[0], np.arange(n, n + more), self.rng, half)
        self.value = np.concatenate([self.value, np.zeros(more, self.value.dtype)])
        self.alive = np.concatenate([self.alive, np.ones(more, np.bool_)])
        if self.prior is not None:
            self.prior = np.concatenate([self.prior, np.full(more, prior, self.prior.dtype)])
        kept = np.concatenate([np.arange(n), np.full(more, -1)])
        return Change(np.zeros(0, np.int64), np.arange(n), kept, *larger[0].tuple(), [a.tuple() for a in larger[1:]])

    def weight_mask(self, n_in: int) -> npt.NDArray[np.bool_]:
        """A mask [n, n_in] of the weights into living units."""
        return np.repeat(self.alive[:, np.newaxis], count("Stamina.weight_mask", "n_in", n_in), axis=1)

    def _prepare(
        self, function: str, arrays: tuple[Any, Any, Any], moments: Any, dead: Any
    ) -> tuple[Around, list[Around], npt.NDArray[np.int64]]:
        self._check(function)
        main, others = around_all(function, len(self.value), self.value.dtype, arrays, moments)
        return main, others, self.dying() if dead is None else numbers(function, "dead", dead, len(self.value))

    def apply(
        self, net: Any, layer: int, how: Literal["compact", "mask", "rebirth", "grow"] = "compact", *, more: int = 1,
        moments: Sequence[Any] = (), dead: Any = None, scale: float | None = None,
    ) -> Change:  # fmt: skip
        """The same for a hidden layer of a `Network`, whose arrays are put in place: weights, biases, average gains, its
        own moments and fixed feedback weights, of which growth draws more by `Network.feedback_rng`.

        Parameters
        ----------
        net : Network
        layer : int
            Hidden layer, counted from 0; −1: the inputs (of which none can be born).
        how : "compact", "mask", "rebirth" or "grow"
        more : int
            Units to grow.
        moments : list of (weights, biases)
            Of an optimizer that is not the network's own: lists of arrays like ``net.weights`` and ``net.biases``.
        dead, scale
            As in `compact` and `rebirth`.

        Returns
        -------
        Change
            Of the layer.
        """
        function = "Stamina.apply"
        choice(function, "how", how, ("compact", "mask", "rebirth", "grow"))
        n, main, twins, pairs = replace(function, net, layer, moments)
        if n != len(self.value):
            raise ArgumentValueError(f"{function}: layer {layer} has {n} units; {len(self.value)} are wanted, as stamina has", "layer")
        if layer < 0 and how in ("rebirth", "grow"):
            raise ArgumentValueError(f"{function}: how is {how!r}; inputs can only be removed or masked", "how")
        if how == "grow" and net.feedback_weights:
            check_generator(function, net.feedback_rng)
        if how == "grow":
            change = self.grow(more, *main, moments=twins, scale=scale)
        elif how == "rebirth":
            change = self.rebirth(*main, moments=twins, dead=dead, scale=scale)
        else:
            change = (self.compact if how == "compact" else self.mask)(*main, moments=twins, dead=dead)
        for (w, b), (weights, bias, out) in zip(pairs, [(change.weights, change.bias, change.out), *change.moments]):
            if layer >= 0:
                w[layer], b[layer] = weights, bias
            w[layer + 1] = out
        follow(net, layer, change, how == "rebirth")
        return change
