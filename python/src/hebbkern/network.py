"""Networks of layers, trained by gradient descent with backpropagation, with balancing and the gain rule."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, field
from typing import Any, Literal, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from . import _lib
from ._array import FLOATS, checked, describe, describe_all, raise_error, run
from ._errors import ArgumentTypeError, ArgumentValueError, DivergenceError, Interrupted
from ._network_file import NetworkFile
from ._parameters import is_integer, real
from ._progress import Bar, pyplot
from .balancing import BalanceReport, Flat, unit_deficits
from .balancing import balance as balance_arrays
from .kernels import Activation, activation_code

_LOSSES = ("mse", "softmax")
_FEEDBACK_LATER = ("fa", "dfa", "sign", "fa_ex")
_BALANCE = {
    "p": 2.0,
    "every": 1,
    "before": False,
    "include_bias": False,
    "order": None,
    "tol": None,
    "max_sweeps": None,
}
_GAIN = {"lr": 1e-3, "alpha": 0.01, "of": "activation", "form": "linear", "limit": None, "reduction": "mean"}


@dataclass(repr=False)
class History:
    """What `Network.fit` has seen, a value for each epoch of the call.

    Attributes
    ----------
    loss : list of float
        Mean loss of a sample, each at the weights before its minibatch's update.
    accuracy : list of float
        Fraction of samples whose output is largest where the target is, likewise.
    deficit : list of float
        Balance deficit ``Σ (A − B)²`` that the epoch's training left, before balancing.
    balanced : list of BalanceReport or None
        Of the balancing after the epoch.
    """

    loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    deficit: list[float] = field(default_factory=list)
    balanced: list[BalanceReport | None] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.loss)

    def __repr__(self) -> str:
        last = f", loss {self.loss[-1]:.4g}, accuracy {self.accuracy[-1]:.4g}" if self.loss else ""
        return f"History({len(self)} epochs{last})"

    def plot(self) -> Any:
        """Draw loss, accuracy and deficit by epoch; return the matplotlib figure."""
        plt = pyplot()
        figure, axes = plt.subplots(1, 3, figsize=(10, 3), layout="constrained")
        epochs = range(1, len(self) + 1)
        for axis, name in zip(axes, ("loss", "accuracy", "deficit")):
            axis.plot(epochs, getattr(self, name), ".-")
            axis.set(title=name, xlabel="epoch")
        if any(value > 0 for value in self.deficit):
            axes[2].set_yscale("log")
        return figure


class Network(NetworkFile):
    """A network of layers: populations of the given sizes, the hidden ones with one activation, a linear output.

    Weights start uniform after He et al. (2015) into ReLU-like units and after Glorot & Bengio (2010) elsewhere, biases
    at 0, as a function of the seed alone.

    Parameters
    ----------
    sizes : list of int
        Units of input, hidden layers and output: at least two numbers.
    activation : str or tuple
        Of the hidden layers; see `forward`.
    feedback : "bp"
        Backpropagation. (Others are not available in this version.)
    excitatory : float
        For feedback "fa_ex".
    loss : "mse" or "softmax"
        Squared error ``Σ_k (y_k − t_k)²/2``, or the cross-entropy of the softmax of the output.
    seed : int
        Of the weights and of the order of samples in `fit`, 0 ... 2^64 − 1.
    dtype : float32 or float64

    Attributes
    ----------
    weights, biases : lists of arrays
        The live memory: [n_l, n_{l−1}] and [n_l] for each layer. Change them in place, or put others in their place.
    feedback_weights : list
        Empty for "bp".
    gains : list of arrays or None
        Average gains of the populations, from the first `fit` with a gain rule on.
    epoch : int
        Epochs trained so far: two calls of `fit` with 5 epochs equal one with 10, bit for bit.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> random = np.random.default_rng(0)
    >>> X = random.standard_normal((500, 2)).astype(np.float32)
    >>> Y = (X[:, 0] * X[:, 1] > 0).astype(int)
    >>> net = hk.Network([2, 32, 2], loss="softmax", seed=1)
    >>> history = net.fit(X, Y, epochs=60, batch=10, lr=0.2, progress=False)
    >>> bool((net.predict(X) == Y).mean() > 0.95)
    True
    """

    weights: list[npt.NDArray[Any]]
    biases: list[npt.NDArray[Any]]
    feedback_weights: list[npt.NDArray[Any]]
    gains: list[npt.NDArray[Any]] | None

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        activation: Activation = "relu",
        feedback: Literal["bp"] = "bp",
        excitatory: float = 1.0,
        loss: Literal["mse", "softmax"] = "mse",
        seed: int = 0,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        if not isinstance(sizes, (list, tuple)) or not all(is_integer(n) for n in sizes):
            raise ArgumentTypeError(f"Network: sizes is {sizes!r}; a list of integers is wanted", "sizes")
        if len(sizes) < 2 or min(sizes) < 1:
            raise ArgumentValueError(f"Network: sizes is {list(sizes)}; at least two numbers >= 1 are wanted", "sizes")
        if feedback != "bp":
            later = f"; {feedback!r} is not available in this version" if feedback in _FEEDBACK_LATER else ""
            raise ArgumentValueError(f"Network: feedback is {feedback!r}; 'bp' is wanted{later}", "feedback")
        if excitatory != 1.0:
            raise ArgumentValueError(
                f"Network: excitatory is {excitatory!r}; it goes with feedback 'fa_ex' only", "excitatory"
            )
        if loss not in _LOSSES:
            raise ArgumentValueError(f"Network: loss is {loss!r}; 'mse' or 'softmax' is wanted", "loss")
        if not is_integer(seed):
            raise ArgumentTypeError(f"Network: seed is {seed!r}; an integer is wanted", "seed")
        if not 0 <= seed < 2**64:
            raise ArgumentValueError(f"Network: seed is {seed}; 0 to 2**64 - 1 is wanted", "seed")
        if np.dtype(dtype) not in FLOATS:
            raise ArgumentTypeError(f"Network: dtype is {dtype!r}; float32 or float64 is wanted", "dtype")
        activation_code(activation, "Network")
        self.sizes = [int(n) for n in sizes]
        self.activation = activation
        self.feedback = feedback
        self.loss = loss
        self.seed = int(seed)
        self.dtype = np.dtype(dtype)
        self.epoch = 0
        pairs = list(zip(self.sizes[1:], self.sizes))
        self.weights = [np.zeros(pair, self.dtype) for pair in pairs]
        self.biases = [np.zeros(out, self.dtype) for out, _ in pairs]
        self.feedback_weights = []
        self.gains = None
        run("init", _lib.InitArgs(self._flat("Network").struct, self.seed), "Network")

    def __repr__(self) -> str:
        return (
            f"Network({self.sizes}, activation={self.activation!r}, feedback={self.feedback!r}, loss={self.loss!r}, "
            f"seed={self.seed}, dtype=np.{self.dtype})"
        )

    # ---- what the library gets ------------------------------------------------------------------------------------

    def _flat(self, function: str, written: bool = True) -> Flat:
        """The description of the live memory, which the user may have changed."""
        for name in ("weights", "biases"):
            arrays = getattr(self, name)
            if not isinstance(arrays, list) or len(arrays) != len(self.sizes) - 1:
                raise ArgumentValueError(
                    f"{function}: {name} is no list of {len(self.sizes) - 1} arrays any more", name
                )
            for l, array in enumerate(arrays):
                shape = (self.sizes[l + 1], self.sizes[l]) if name == "weights" else (self.sizes[l + 1],)
                array = checked(array, f"{name}[{l}]", function, ndim=len(shape), dtype=self.dtype, written=written)
                if array.shape != shape:
                    raise ArgumentValueError(
                        f"{function}: {name}[{l}] has shape {array.shape}; {shape} is wanted", name
                    )
                arrays[l] = array
        return Flat(self.weights, self.biases, self.activation, function)

    def _inputs(self, X: Any, function: str) -> npt.NDArray[Any]:
        x = checked(X, "X", function, ndim=2, dtype=self.dtype)
        if x.shape[1] != self.sizes[0]:
            raise ArgumentValueError(f"{function}: X has shape {x.shape}; (samples, {self.sizes[0]}) is wanted", "X")
        return x

    def _targets(self, Y: Any, samples: int, function: str) -> npt.NDArray[Any]:
        units = self.sizes[-1]
        labels = np.asarray(Y) if isinstance(Y, (list, tuple, np.ndarray)) else Y
        if isinstance(labels, np.ndarray) and labels.ndim == 1:
            if labels.dtype.kind in "iu" and (units > 1 or self.loss == "softmax"):
                if labels.shape != (samples,):
                    raise ArgumentValueError(
                        f"{function}: Y has shape {labels.shape}; ({samples},) is wanted, a label for each sample", "Y"
                    )
                if labels.size and not (0 <= labels.min() and labels.max() < units):
                    raise ArgumentValueError(
                        f"{function}: Y has labels from {labels.min()} to {labels.max()}; 0 to {units - 1} is wanted",
                        "Y",
                    )
                target = np.zeros((samples, units), self.dtype)
                target[np.arange(samples), labels] = 1
                return target
            if units == 1:
                labels = labels.astype(self.dtype) if labels.dtype.kind in "iub" else labels
                labels = np.ascontiguousarray(labels).reshape(-1, 1)
            Y = labels
        target = checked(Y, "Y", function, ndim=2, dtype=self.dtype)
        if target.shape != (samples, units):
            wanted = f"({samples}, {units})" + (f", or ({samples},) of integer labels" if units > 1 else "")
            raise ArgumentValueError(f"{function}: Y has shape {target.shape}; {wanted} is wanted", "Y")
        if self.loss == "softmax" and samples:
            low, off = target.min(), np.abs(target.sum(1, dtype=np.float64) - 1).max()
            if not (low >= 0 and off <= 1e-3):
                raise ArgumentValueError(
                    f"{function}: Y has a row that is no distribution; values >= 0 with the sum 1 are wanted, or labels",
                    "Y",
                )
        return target

    # ---- use ------------------------------------------------------------------------------------------------------

    def forward(self, X: Any) -> npt.NDArray[Any]:
        """The output for a batch [samples, in] or one sample [in]; a row of a batch has the bits of a single call.

        Returns
        -------
        array [samples, out] or [out]
        """
        single = np.ndim(X) == 1
        if single:
            X = checked(X, "X", "Network.forward", ndim=1, dtype=self.dtype)[np.newaxis]
        x = self._inputs(X, "Network.forward")
        flat = self._flat("Network.forward", written=False)
        out = np.empty((len(x), self.sizes[-1]), self.dtype)
        run("predict", _lib.PredictArgs(flat.struct, describe(x), describe(out)), "Network.forward")
        return out[0] if single else out

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Classes [samples] for the loss "softmax" (the lowest of several largest outputs), else the output itself."""
        out = self.forward(X)
        return out.argmax(-1) if self.loss == "softmax" else out

    def gradients(self, X: Any, Y: Any) -> tuple[list[npt.NDArray[Any]], list[npt.NDArray[Any]]]:
        """The exact gradients (dW, db) of the mean loss over a batch.

        Parameters
        ----------
        X : array [samples, in]
        Y : array [samples, out], or integer labels [samples]

        Examples
        --------
        >>> import numpy as np, hebbkern as hk
        >>> net = hk.Network([1, 1], dtype=np.float64)
        >>> net.weights[0][...] = 2
        >>> net.gradients(np.array([[3.0]]), np.array([[5.0]]))  # J = (3 w + b - 5)²/2
        ([array([[3.]])], [array([1.])])
        """
        function = "Network.gradients"
        x = self._inputs(X, function)
        target = self._targets(Y, len(x), function)
        flat = self._flat(function, written=False)
        dw, db = [np.zeros_like(w, order="C") for w in self.weights], [np.zeros_like(b) for b in self.biases]
        dweights, dbiases, mean = describe_all(dw), describe_all(db), ctypes.c_double()
        args = _lib.GradientsArgs(
            flat.struct,
            describe(x),
            describe(target),
            dweights,
            dbiases,
            _LOSSES.index(self.loss),
            ctypes.pointer(mean),
        )
        run("gradients", args, function)
        return dw, db

    def step(self, X: Any, Y: Any, lr: float) -> float:
        """One update by the mean gradient of a batch; returns the mean loss before it."""
        function = "Network.step"
        x = self._inputs(X, function)
        if not len(x):
            raise ArgumentValueError(f"{function}: X has no sample; at least one is wanted", "X")
        target = self._targets(Y, len(x), function)
        index, stats = np.arange(len(x)), _lib.Stats()
        args = self._train_args(self._flat(function), x, target, index, len(x), real(function, "lr", lr), None, stats)
        run("train", args, function)
        return float(stats.loss / stats.samples)

    def _train_args(
        self, flat: Flat, x: Any, target: Any, index: Any, batch: int, lr: float, gain: Any, stats: Any
    ) -> _lib.TrainArgs:
        return _lib.TrainArgs(
            flat.struct,
            describe(x),
            describe(target),
            index.ctypes.data,
            len(index),
            batch,
            _LOSSES.index(self.loss),
            lr,
            None if gain is None else ctypes.pointer(gain),
            ctypes.pointer(stats),
        )

    def fit(
        self,
        X: Any,
        Y: Any,
        epochs: int = 1,
        batch: int = 32,
        lr: float = 0.1,
        *,
        balance: bool | Mapping[str, Any] | None = None,
        gain_rule: Mapping[str, Any] | None = None,
        stamina: None = None,
        progress: bool = True,
    ) -> History:
        """Train by minibatch gradient descent, each epoch in its own random order.

        Parameters
        ----------
        X : array [samples, in]
        Y : array [samples, out], or integer labels [samples]
        epochs, batch : int
        lr : float
            ≥ 0, times the mean gradient of the minibatch.
        balance : mapping, True or None
            Balance the network: ``p`` (2.0), ``every`` n epochs (1; 0: never), ``before`` the first epoch (False), and
            ``include_bias``, ``order``, ``tol``, ``max_sweeps`` of `balance`. True is ``{}``.
        gain_rule : mapping, optional
            A step of the gain rule after each minibatch: ``lr`` (1e-3), ``alpha`` (0.01) and ``of`` ("activation" or
            "derivative") of the average gains, ``reduction`` ("mean" or "sequential"), ``form`` ("linear" or "exp") and
            ``limit`` (None) of `gain_rule`, whose notes apply.
        stamina : None
            Not available in this version.
        progress : bool
            Show a progress bar (with tqdm installed).

        Returns
        -------
        History

        Raises
        ------
        TypeError, ValueError
            A bad argument; the network is unchanged then.
        DivergenceError
            The numbers left the finite ones in the epoch and layer named; the network is that of the last good epoch.
        Interrupted
            Ctrl-C (a KeyboardInterrupt); the network holds `done` samples of this call, in whole minibatches.
        """
        function = "Network.fit"
        if stamina is not None:
            raise ArgumentValueError(
                f"{function}: stamina is {stamina!r}; it is not available in this version, None is wanted", "stamina"
            )
        for name, value in (("epochs", epochs), ("batch", batch)):
            if not is_integer(value):
                raise ArgumentTypeError(f"{function}: {name} is {value!r}; an integer is wanted", name)
        if epochs < 0 or batch < 1:
            name, value = ("epochs", epochs) if epochs < 0 else ("batch", batch)
            raise ArgumentValueError(
                f"{function}: {name} is {value}; at least {0 if epochs < 0 else 1} is wanted", name
            )
        lr = real(function, "lr", lr)
        x = self._inputs(X, function)
        if not len(x):
            raise ArgumentValueError(f"{function}: X has no sample; at least one is wanted", "X")
        target = self._targets(Y, len(x), function)
        balancing = _options(balance, _BALANCE, "balance", function)
        flat = self._flat(function)
        gain = self._gain_training(gain_rule, function)
        measure = (
            (real(function, "p", balancing["p"], above=0), bool(balancing["include_bias"]))
            if balancing
            else (2.0, False)
        )
        if balancing and not (is_integer(balancing["every"]) and balancing["every"] >= 0):
            raise ArgumentValueError(
                f"{function}: balance['every'] is {balancing['every']!r}; an integer >= 0 is wanted", "balance"
            )
        unit_deficits(flat, *measure)  # refuses weights that are not finite
        if balancing and balancing["before"] and self.epoch == 0:
            self._balance(balancing)
        history = History()
        at = ctypes.c_int64(0)  # samples of this call's epoch k that the network holds
        k = 0
        try:
            with Bar(epochs * len(x), "fit", progress) as bar:
                for k in range(epochs):
                    at.value = 0
                    good = [a.copy() for a in (*self.weights, *self.biases, *(self.gains or ()))]
                    try:
                        self._epoch(flat, x, target, int(batch), lr, gain, bar, k, at, history)
                        history.deficit.append(self._deficit_after(flat, measure))
                    except DivergenceError as error:
                        for array, copy in zip((*self.weights, *self.biases, *(self.gains or ())), good):
                            array[...] = copy
                        raise DivergenceError(
                            f"{error} in epoch {self.epoch}; the network is that of the epoch before",
                            sample=error.sample, epoch=self.epoch, layer=error.layer,
                        ) from None  # fmt: skip
                    due = balancing and balancing["every"] and (self.epoch + 1) % balancing["every"] == 0
                    history.balanced.append(self._balance(balancing) if due and balancing else None)
                    self.epoch += 1
                    bar.note(loss=history.loss[-1], accuracy=history.accuracy[-1])
        except KeyboardInterrupt:
            done = k * len(x) + at.value
            raise Interrupted(
                f"{function}: stopped in epoch {self.epoch} after {done} samples, which the network holds", done
            ) from None
        return history

    def _epoch(
        self, flat: Flat, x: Any, target: Any, batch: int, lr: float, gain: Any, bar: Bar, k: int,
        at: ctypes.c_int64, history: History,
    ) -> None:  # fmt: skip
        index = np.empty(len(x), np.int64)
        run("permutation", _lib.PermutationArgs(index.ctypes.data, len(x), self.seed, self.epoch), "Network.fit")
        stats, error = _lib.Stats(), _lib.Error()
        args = self._train_args(flat, x, target, index, batch, lr, gain, stats)
        function = _lib.native.library.hk_train
        while (status := function(ctypes.byref(args), ctypes.byref(at), ctypes.byref(error))) == _lib.MORE:
            bar.to(k * len(x) + at.value)
        if status != _lib.OK:
            raise_error(error, "train", "Network.fit")
        bar.to((k + 1) * len(x))
        history.loss.append(stats.loss / stats.samples)
        history.accuracy.append(stats.correct / stats.samples)

    def _deficit_after(self, flat: Flat, measure: tuple[float, bool]) -> float:
        try:
            return unit_deficits(flat, *measure)[1]
        except ArgumentValueError as error:  # NaN or Inf, from the epoch's last update
            raise DivergenceError(str(error).replace("deficit", "Network.fit", 1)) from None

    def _balance(self, options: Mapping[str, Any]) -> BalanceReport:
        named = {key: options[key] for key in ("p", "include_bias", "order", "tol", "max_sweeps")}
        return balance_arrays(self.weights, self.biases, activation=self.activation, **named)

    def _gain_training(self, options: Mapping[str, Any] | None, function: str) -> Any:
        chosen = _options(options, _GAIN, "gain_rule", function)
        if chosen is None:
            return None
        codes = {}
        for key, choices in (
            ("of", ("activation", "derivative")),
            ("form", ("linear", "exp")),
            ("reduction", ("sequential", "sum", "mean")),
        ):
            if chosen[key] not in choices or chosen[key] == "sum":
                wanted = " or ".join(repr(c) for c in choices if c != "sum")
                raise ArgumentValueError(
                    f"{function}: gain_rule[{key!r}] is {chosen[key]!r}; {wanted} is wanted", "gain_rule"
                )
            codes[key] = choices.index(chosen[key])
        limit = 0.0 if chosen["limit"] is None else real(function, "gain_rule['limit']", chosen["limit"], above=0)
        alpha = real(function, "gain_rule['alpha']", chosen["alpha"], above=0, most=1)
        lr = real(function, "gain_rule['lr']", chosen["lr"])
        if self.gains is None:
            self.gains = [np.zeros(n, self.dtype) for n in self.sizes]
        self._sigma = describe_all(self.gains)
        return _lib.GainTraining(self._sigma, lr, alpha, limit, codes["of"], codes["form"], codes["reduction"])


def _options(value: Any, defaults: Mapping[str, Any], name: str, function: str) -> dict[str, Any] | None:
    """The options of a mapping over their defaults; None for none."""
    if value is None or value is False:
        return None
    if value is True:
        value = {}
    if not isinstance(value, Mapping):
        raise ArgumentTypeError(f"{function}: {name} is {value!r}; a mapping of options is wanted", name)
    for key in value:
        if key not in defaults:
            raise ArgumentValueError(
                f"{function}: {name} has the unknown option {key!r}; known are {', '.join(defaults)}", name
            )
    return {**defaults, **value}
