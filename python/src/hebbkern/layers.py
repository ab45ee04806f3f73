"""Layers that learn by a Hebbian rule, alone or stacked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _header, _state, checkpoints, gains, rules
from ._array import FLOATS, checked, run
from ._errors import ArgumentTypeError, ArgumentValueError, CheckpointError, DivergenceError, Interrupted
from ._parameters import count, is_integer
from .balancing import Flat
from .kernels import activation_code, forward


class Layer:
    """Weights with the rule that they learn by, an activation, and average gains.

    Parameters
    ----------
    n_in, n_out : int
        Units, presynaptic and postsynaptic.
    rule : object
        Of `hebbkern.rules`, or any with ``update(w, x, y=None, ...)``. It keeps its own state.
    activation : str or tuple
        f of `forward`; see `hebbkern.forward`. The rule does not see it: it computes its own y from w, which is ``w x`` for
        most. Give `learn` another y where f belongs into the learning.
    gain : object, optional
        Of `hebbkern.gains`, over n_out units of the layer's activation and type.
    seed : int
        Of the initial weights, 0 ... 2^64 − 1: uniform in ±√(6/(n_in + n_out)) (Glorot & Bengio 2010), a function of seed
        and sizes alone. Another start is ``layer.w[...] = ...``.
    dtype : float32 or float64

    Attributes
    ----------
    w : array [n_out, n_in]
        The weights, the live memory.
    rule, activation, gain, seed
        As given.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> random = np.random.default_rng(0)
    >>> X = random.standard_normal((2000, 3)) * [3.0, 1.0, 0.3]
    >>> layer = hk.Layer(3, 2, rule=hk.rules.Sanger(lr=0.003), dtype=np.float64)
    >>> for _ in range(20):
    ...     y = layer.learn(X)
    >>> np.abs(np.round(layer.w, 1)) + 0
    array([[1., 0., 0.],
           [0., 1., 0.]])
    >>> layer.forward(X).shape
    (2000, 2)
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        rule: Any,
        activation: Any = "identity",
        gain: Any = None,
        *,
        seed: int = 0,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        shape = (count("Layer", "n_out", n_out), count("Layer", "n_in", n_in))
        if not is_integer(seed):
            raise ArgumentTypeError(f"Layer: seed is {seed!r}; an integer is wanted", "seed")
        if not 0 <= seed < 2**64:
            raise ArgumentValueError(f"Layer: seed is {seed}; 0 to 2**64 - 1 is wanted", "seed")
        if np.dtype(dtype) not in FLOATS:
            raise ArgumentTypeError(f"Layer: dtype is {dtype!r}; float32 or float64 is wanted", "dtype")
        self.w = np.zeros(shape, dtype)
        self.rule, self.activation, self.gain, self.seed = rule, activation, gain, int(seed)
        self._check("Layer")
        run("init", _header.InitArgs(Flat([self.w], None, "identity", "Layer").struct, self.seed), "Layer")

    def __repr__(self) -> str:
        gain = "" if self.gain is None else f", gain={self.gain!r}"
        return (
            f"Layer({self.n_in}, {self.n_out}, rule={self.rule!r}, activation={self.activation!r}{gain}, "
            f"seed={self.seed}, dtype=np.{self.w.dtype})"
        )

    @property
    def n_in(self) -> int:
        return self.w.shape[1]

    @property
    def n_out(self) -> int:
        return self.w.shape[0]

    def _check(self, function: str) -> None:
        """The attributes, which are the user's to change."""
        self.w = checked(self.w, "w", function, ndim=2, written=True)
        activation_code(self.activation, function)
        if isinstance(self.rule, type) or not callable(getattr(self.rule, "update", None)):
            raise ArgumentTypeError(
                f"{function}: rule is {self.rule!r}; an object of hebbkern.rules is wanted", "rule"
            )
        if self.gain is None:
            return
        sigma = getattr(self.gain, "sigma", None)
        if not isinstance(sigma, np.ndarray) or not callable(getattr(self.gain, "update", None)):
            raise ArgumentTypeError(
                f"{function}: gain is {self.gain!r}; an object of hebbkern.gains or None is wanted", "gain"
            )
        if sigma.shape != (self.n_out,) or sigma.dtype != self.w.dtype or self.gain.activation != self.activation:
            raise ArgumentValueError(
                f"{function}: gain is {self.gain!r} in {sigma.dtype}; {self.n_out} units with the activation "
                f"{self.activation!r} in {self.w.dtype} are wanted",
                "gain",
            )

    def learn(self, X: Any, y: Any = None, **options: Any) -> Any:
        """Learn from one sample or a batch: ``rule.update(w, X, y, **options)``.

        Then the gains, if there are any, observe the inputs ``w x`` of the same samples with the weights that learning
        left: each in turn, or their mean if the rule takes their "sum" or "mean".

        Parameters
        ----------
        X : array [n_in] or [samples, n_in]
        y : array [n_out] or [samples, n_out], optional
            None: what the rule makes of w and X. ``layer.forward(X)`` with "sum" or "mean" lets the rule see the
            activation.
        **options
            Of the rule's `update`: ``reduction``, ``block``, ``normalize``, ...

        Returns
        -------
        array
            y, as the rule returns it.

        Raises
        ------
        TypeError, ValueError
            A bad argument; nothing has changed then.
        DivergenceError, Interrupted
            As of the rule; weights and gains hold `done` samples.
        """
        self._check("Layer.learn")
        given = (X,) if y is None else (X, y)
        try:
            result = self.rule.update(self.w, *given, **options)
        except (Interrupted, DivergenceError) as error:
            if error.done:
                self._observe(X[: error.done], options)
            raise
        self._observe(X, options)
        return result

    def _observe(self, X: Any, options: dict[str, Any]) -> None:
        if self.gain is not None:
            how = options.get("reduction", "sequential")
            self.gain.update(forward(self.w, X), reduction="mean" if how in ("sum", "mean") else "sequential")

    def forward(self, X: Any, *, out: Any = None) -> npt.NDArray[Any]:
        """``f(w x)`` for one sample or each row of a batch; see `hebbkern.forward`."""
        return forward(self.w, X, activation=self.activation, out=out)

    # ---- files ------------------------------------------------------------------------------------------------------

    def _state(self, function: str) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
        self._check(function)
        arrays: dict[str, npt.NDArray[Any]] = {"w": self.w}
        activation = _state.plain(self.activation, "activation", function, {})
        options: dict[str, Any] = {"activation": activation, "seed": self.seed, "rule": None, "gain": None}
        for name in ("rule", "gain"):
            if (part := getattr(self, name)) is not None:
                found, options[name] = _state.taken_apart(part, name, function)
                arrays.update({f"{name}.{key}": array for key, array in found.items()})
        return arrays, options

    @classmethod
    def _from(cls, arrays: dict[str, npt.NDArray[Any]], options: Any, rule: Any) -> Layer:
        """A layer of `_state`. KeyError, TypeError or ValueError if it is none."""
        parts: dict[str, dict[str, npt.NDArray[Any]]] = {"": {}, "rule": {}, "gain": {}}
        for name, array in arrays.items():
            part, _, key = name.partition(".") if "." in name else ("", "", name)
            parts[part][key] = array
        w = parts[""].pop("w")
        if parts[""] or w.ndim != 2:
            raise ValueError("its arrays are not those of a layer")
        made = _state.put_together(options["rule"], parts["rule"], rules, rule, "rule")
        gain = options["gain"] and _state.put_together(options["gain"], parts["gain"], gains, None, "gain")
        activation = _state.unplain(options["activation"], {})
        layer = cls(w.shape[1], w.shape[0], made, activation, gain, seed=options["seed"], dtype=w.dtype)
        layer.w = w
        return layer

    def save(self, path: checkpoints.Path) -> None:
        """Write the layer with the state of its rule and gains to a file, atomically; Go reads it too.

        Raises
        ------
        TypeError
            The rule holds something that is neither array, number, string, function, nor a sequence or mapping of such.
        OSError
            The disk is full, the folder is missing, ...: the file is as it was.
        """
        checkpoints.write(path, "layer", *self._state("Layer.save"), "Layer.save")

    @classmethod
    def load(cls, path: checkpoints.Path, *, rule: Any = None) -> Layer:
        """A layer from a file of `save`; learning goes on with the bits of one that was never saved.

        Parameters
        ----------
        path : str or path
        rule : object, optional
            An object of the class that was saved, which takes the state in the file: for rules that are not in
            `hebbkern.rules`, or that hold functions.

        Raises
        ------
        CheckpointError
            The file is cut short, altered, of a later version, or holds no layer.
        OSError
            It is missing or cannot be read.

        Examples
        --------
        >>> import os, tempfile, hebbkern as hk
        >>> layer = hk.Layer(4, 2, rule=hk.rules.WTA(lr=0.1, k=1, score="euclid"), seed=3)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     layer.save(os.path.join(folder, "layer.hk"))
        ...     hk.Layer.load(os.path.join(folder, "layer.hk"))
        Layer(4, 2, rule=WTA(lr=0.1, k=1, score='euclid'), activation='identity', seed=3, dtype=np.float32)
        """
        arrays, options = checkpoints.read(path, "layer", "Layer.load")
        try:
            return cls._from(arrays, options, rule)
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"Layer.load: {path!r} holds no layer that can be used: {error}", "path") from None


class Stack:
    """Layers one above the other, each learning from what those below make of the input.

    Parameters
    ----------
    layers : sequence of Layer
        n_in of each is n_out of the one below, and all have one type.

    Examples
    --------
    Greedy learning, a layer after the other:

    >>> import numpy as np, hebbkern as hk
    >>> X = np.random.default_rng(0).standard_normal((500, 8)).astype(np.float32)
    >>> stack = hk.Stack([
    ...     hk.Layer(8, 6, rule=hk.rules.Oja(lr=0.01), activation="relu", seed=1),
    ...     hk.Layer(6, 3, rule=hk.rules.SoftHebb(lr=0.01), seed=2),
    ... ])
    >>> for k in range(len(stack)):
    ...     for epoch in range(5):
    ...         y = stack.learn(X, only=k, block=32)
    >>> stack.forward(X).shape
    (500, 3)
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = list(layers)
        self._check("Stack")

    def _check(self, function: str) -> None:
        if not self.layers:
            raise ArgumentValueError(f"{function}: layers is an empty list; at least one layer is wanted", "layers")
        for k, layer in enumerate(self.layers):
            if not isinstance(layer, Layer):
                raise ArgumentTypeError(f"{function}: layers[{k}] is {layer!r}; a Layer is wanted", "layers")
            below = self.layers[k - 1] if k else layer
            if (k and layer.n_in != below.n_out) or layer.w.dtype != below.w.dtype:
                raise ArgumentValueError(
                    f"{function}: layers[{k}] has {layer.n_in} inputs in {layer.w.dtype}; {below.n_out} in "
                    f"{below.w.dtype} are wanted, as layers[{k - 1}] gives",
                    "layers",
                )

    def __repr__(self) -> str:
        return f"Stack([{', '.join(map(repr, self.layers))}])"

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, k: int) -> Layer:
        return self.layers[k]

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)

    def learn(self, X: Any, *, only: int | None = None, **options: Any) -> Any:
        """Learn from one sample or a batch, from the lowest layer up: each layer learns, then hands its ``forward`` of the
        samples to the next.

        Parameters
        ----------
        X : array [in] or [samples, in]
        only : int, optional
            The one layer that learns, on the ``forward`` of those below. None: all of them.
        **options
            Of each rule's `update`.

        Returns
        -------
        array
            y of the last layer that has learned, as its rule returns it.

        Raises
        ------
        TypeError, ValueError
            A bad argument.
        DivergenceError, Interrupted
            As of the rule; the layers below hold the whole batch.
        """
        function = "Stack.learn"
        self._check(function)
        if only is not None:
            if not is_integer(only):
                raise ArgumentTypeError(f"{function}: only is {only!r}; the index of a layer is wanted", "only")
            if not 0 <= only < len(self):
                raise ArgumentValueError(f"{function}: only is {only}; 0 to {len(self) - 1} is wanted", "only")
        last = len(self) - 1 if only is None else int(only)
        for k, layer in enumerate(self.layers[: last + 1]):
            if only is None or k == last:
                y = layer.learn(X, **options)
            if k < last:
                X = layer.forward(X)
        return y

    def forward(self, X: Any) -> npt.NDArray[Any]:
        """The output of the highest layer for one sample or each row of a batch."""
        self._check("Stack.forward")
        y: npt.NDArray[Any] = self.layers[0].forward(X)
        for layer in self.layers[1:]:
            y = layer.forward(y)
        return y

    def save(self, path: checkpoints.Path) -> None:
        """Write all layers to one file; see `Layer.save`."""
        self._check("Stack.save")
        arrays, options = {}, []
        for k, layer in enumerate(self.layers):
            found, about = layer._state("Stack.save")
            arrays.update({f"{k}.{name}": array for name, array in found.items()})
            options.append(about)
        checkpoints.write(path, "stack", arrays, {"layers": options}, "Stack.save")

    @classmethod
    def load(cls, path: checkpoints.Path, *, rules: Sequence[Any] | None = None) -> Stack:
        """A stack from a file of `save`; see `Layer.load`. `rules` has for each layer a rule or None."""
        arrays, options = checkpoints.read(path, "stack", "Stack.load")
        try:
            about = options["layers"]
            parts: list[dict[str, npt.NDArray[Any]]] = [{} for _ in about]
            for name, array in arrays.items():
                k, _, key = name.partition(".")
                parts[int(k)][key] = array
            given = [None] * len(about) if rules is None else list(rules)
            if len(given) != len(about):
                raise ValueError(f"{len(given)} rules are given for {len(about)} layers")
            return cls([Layer._from(*each) for each in zip(parts, about, given)])
        except (IndexError, KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"Stack.load: {path!r} holds no stack that can be used: {error}", "path") from None
