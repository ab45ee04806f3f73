"""Networks of layers, trained by gradient descent with backpropagation or other feedback, with balancing and the gain
rule."""

from __future__ import annotations

import ctypes
from typing import Any, Callable, Literal, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from . import _header
from ._array import FLOATS, checked, describe, describe_all, run
from ._errors import ArgumentTypeError, ArgumentValueError
from ._fit import Fit
from ._history import Best, History
from ._network_file import NetworkFile
from ._parameters import choice, is_integer, real
from ._train import FEEDBACKS, GATES, LOSSES, MOMENTS, Call, dropout_of, optimizer_of, targets_of
from .balancing import Flat
from .kernels import Activation, activation_code
from .stamina import Stamina

__all__ = ["Best", "History", "Network"]


class Network(NetworkFile):
    """A network of layers: populations of the given sizes, by default with a linear output.

    Weights start uniform after He et al. (2015) into ReLU-like units and after Glorot & Bengio (2010) elsewhere, biases
    at 0, as a function of the seed alone.

    Parameters
    ----------
    sizes : list of int
        Units of input, hidden layers and output: at least two numbers.
    activation : str, tuple or list of them
        Of the hidden layers; see `forward`. A list has one for each layer, the output's last.
    feedback : "bp", "fa", "dfa", "sign" or "fa_ex"
        By what the output error reaches the hidden layers: their own weights (backpropagation); fixed random weights,
        layer by layer (feedback alignment: Lillicrap et al. 2016) or directly from the output (Nøkland 2016); the signs
        of the current weights (Liao, Leibo & Poggio 2016); directly through weights of +β and −β (Konishi, Igarashi &
        Miura, Front. Neurosci. 2023).
    excitatory : float
        For "fa_ex": the probability of +β, drawn for each weight. The loss "softmax" needs one between 0 and 1.
    beta : float or None
        For "fa_ex" β (None: 0.1); for "fa" and "dfa" the half width of the uniform distribution (None:
        ``√(6/(rows + columns))``).
    gate : "derivative" or "differential"
        What the signal to a hidden unit is multiplied by: f′, or the change of the unit's activity since the sample
        before (0 at the first), which asks for the samples in their order: ``shuffle=False`` in `fit`.
    loss : "mse", "softmax" or "sigmoid"
        Squared error ``Σ_k (y_k − t_k)²/2``, or the cross-entropy of the softmax of the output, or of the sigmoids of its
        units.
    optimizer : str or mapping
        "sgd", "momentum", "nesterov" or "adam", or a mapping with it under ``name`` and ``momentum`` (0.9), or ``beta1``
        (0.9), ``beta2`` (0.999) and ``eps`` (1e-8): see Notes.
    weight_decay : float or (float, float)
        λ, or (λ, p): decoupled decay by the gradient of ``(λ/p) Σ|w|^p``, any p > 0 (2), biases left out. Before each
        update the weights shrink by ``lr·λ·|w|^(p−1)``, and not beyond 0; it is not part of loss and gradient.
    dropout : float or list of float
        Probability that a hidden unit is silent for a sample in training (the others are scaled by ``1/(1 − rate)``); a
        list has one for the input and each hidden layer.
    seed : int
        Of all randomness: weights, feedback weights, the order of samples in `fit`, dropout. 0 ... 2^64 − 1.
    dtype : float32 or float64

    Attributes
    ----------
    weights, biases : lists of arrays
        The live memory: [n_l, n_{l−1}] and [n_l] for each layer. Change them in place, or put others in their place.
    feedback_weights : list of arrays
        One for each hidden layer l: [n_{l+1}, n_l] for "fa", [out, n_l] for "dfa" and "fa_ex"; else empty. Row k weighs
        the error of unit k. Live memory too.
    feedback_rng : uint64 array [4] or None
        The generator that drew them, as it was left: what a layer that grows needs is drawn by it.
    moments : dict of str to list of arrays
        Of the optimizer: "first_weights" and "first_biases" (momentum, Adam), "second_weights" and "second_biases"
        (Adam), shaped as weights and biases. Live memory too.
    previous : list of arrays
        For the gate "differential", the activities of each hidden layer at the last sample; `started` says that there
        was one: set it to False where a new sequence begins.
    gains : list of arrays or None
        Average gains of the populations, from the first `fit` with a gain rule on.
    stamina : list of Stamina or None
        Of the hidden layers (None for one without), from the first `fit` with stamina on: the state that goes on from call
        to call, and into the file of `save`. Give one a ``prior``, or set the list to None to begin anew.
    input_stamina : Stamina or None
        Of the inputs, likewise. Inputs that it has masked are 0, whatever X has there.
    inputs : int array [columns of X] or None
        The index map of the inputs, from the first compaction of them in `fit` on: for each column of X the number of the
        input that reads it, −1 if that is gone. X keeps its columns, here and in `forward` and all else; set it to None
        to give ``X[:, inputs >= 0]`` instead.
    epoch, position, steps : int
        Epochs trained so far; samples of the next one that have been trained already, after Ctrl-C; updates so far.
        Two calls of `fit` with 5 epochs equal one with 10, bit for bit.
    best : Best or None
        Of early stopping in `fit`, kept over calls; set it to None to begin anew.

    Notes
    -----
    With the gradient g: "sgd" is ``w −= lr·g``; "momentum" ``v ← momentum·v + g; w −= lr·v``; "nesterov" ``w −= lr·(g +
    momentum·v)``; "adam" is Kingma & Ba 2015. The output layer learns by its own error with every feedback, and biases
    learn as weights from a unit that is 1.

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
    moments: dict[str, list[npt.NDArray[Any]]]
    previous: list[npt.NDArray[Any]]
    gains: list[npt.NDArray[Any]] | None
    best: Best | None
    stamina: list[Stamina | None] | None
    input_stamina: Stamina | None
    inputs: npt.NDArray[np.int64] | None
    feedback_rng: npt.NDArray[np.uint64] | None

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        activation: Activation | list[Any] = "relu",
        feedback: Literal["bp", "fa", "dfa", "sign", "fa_ex"] = "bp",
        excitatory: float = 1.0,
        beta: float | None = None,
        gate: Literal["derivative", "differential"] = "derivative",
        loss: Literal["mse", "softmax", "sigmoid"] = "mse",
        optimizer: str | Mapping[str, Any] = "sgd",
        weight_decay: float | tuple[float, float] = 0.0,
        dropout: float | Sequence[float] = 0.0,
        seed: int = 0,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        if not isinstance(sizes, (list, tuple)) or not all(is_integer(n) for n in sizes):
            raise ArgumentTypeError(f"Network: sizes is {sizes!r}; a list of integers is wanted", "sizes")
        if len(sizes) < 2 or min(sizes) < 1:
            raise ArgumentValueError(f"Network: sizes is {list(sizes)}; at least two numbers >= 1 are wanted", "sizes")
        if not is_integer(seed):
            raise ArgumentTypeError(f"Network: seed is {seed!r}; an integer is wanted", "seed")
        if not 0 <= seed < 2**64:
            raise ArgumentValueError(f"Network: seed is {seed}; 0 to 2**64 - 1 is wanted", "seed")
        if np.dtype(dtype) not in FLOATS:
            raise ArgumentTypeError(f"Network: dtype is {dtype!r}; float32 or float64 is wanted", "dtype")
        choice("Network", "feedback", feedback, FEEDBACKS)
        choice("Network", "gate", gate, GATES)
        choice("Network", "loss", loss, LOSSES)
        self.sizes = [int(n) for n in sizes]
        self.activation = activation
        self._activations("Network")
        self.feedback = feedback
        self.excitatory = real("Network", "excitatory", excitatory, most=1)
        if feedback != "fa_ex" and excitatory != 1.0:
            raise ArgumentValueError(
                f"Network: excitatory is {excitatory!r}; it goes with feedback 'fa_ex' only", "excitatory"
            )
        if feedback == "fa_ex" and loss == "softmax" and self.excitatory in (0, 1) and len(sizes) > 2:
            raise ArgumentValueError(
                f"Network: excitatory is {excitatory!r} with the loss 'softmax', whose errors add up to 0: feedback "
                "weights that are equal for all outputs would give every hidden unit an update of exactly 0; the loss "
                "'mse' or 'sigmoid', or signs drawn per entry (excitatory between 0 and 1) are wanted",
                "excitatory",
            )
        if beta is not None and feedback not in ("fa", "dfa", "fa_ex"):
            raise ArgumentValueError(
                f"Network: beta is {beta!r}; it goes with feedback 'fa', 'dfa' or 'fa_ex' only", "beta"
            )
        self.beta = None if beta is None else real("Network", "beta", beta, above=0)
        self.gate = gate
        self.loss = loss
        self.optimizer = optimizer_of(optimizer, "Network")
        decay = weight_decay if isinstance(weight_decay, tuple) and len(weight_decay) == 2 else (weight_decay, 2.0)
        self.weight_decay = (
            real("Network", "weight_decay", decay[0]),
            real("Network", "weight_decay", decay[1], above=0),
        )
        self.dropout = dropout_of(dropout, self.sizes, "Network")
        self.seed = int(seed)
        self.dtype = np.dtype(dtype)
        self.epoch = self.position = self.steps = 0
        shapes = self._shapes()
        self.weights = [np.zeros(s, self.dtype) for s in shapes["weights"]]
        self.biases = [np.zeros(s, self.dtype) for s in shapes["biases"]]
        self.feedback_weights = [np.zeros(s, self.dtype) for s in shapes["feedback_weights"]]
        self.previous = [np.zeros(s, self.dtype) for s in shapes["previous"]]
        self.started = False
        self.moments = {
            name: [np.zeros_like(a) for a in getattr(self, name.split("_")[1])]
            for name in MOMENTS[self.optimizer["name"]]
        }
        self.gains = None
        self.best = None
        self.stamina = self.input_stamina = self.inputs = None
        self.feedback_rng = np.zeros(4, np.uint64) if self.feedback_weights else None
        call = Call(self, "Network")
        run("init", _header.InitArgs(
            call.flat.struct, self.seed, call.feedback(written=True), self.beta or 0.0, self.excitatory,
            None if self.feedback_rng is None else self.feedback_rng.ctypes.data,
        ), "Network")  # fmt: skip

    def __repr__(self) -> str:
        options = [f"activation={self.activation!r}", f"feedback={self.feedback!r}"]
        if self.feedback == "fa_ex":
            options.append(f"excitatory={self.excitatory!r}")
        options.append(f"loss={self.loss!r}")
        if self.optimizer["name"] != "sgd":
            options.append(f"optimizer={self.optimizer['name']!r}")
        return f"Network({self.sizes}, {', '.join(options)}, seed={self.seed}, dtype=np.{self.dtype})"

    def _activations(self, function: str) -> list[tuple[int, float, float]]:
        """The activation of each layer, the output's last."""
        if not isinstance(self.activation, list):
            return [activation_code(self.activation, function)] * (len(self.sizes) - 2) + [(0, 0.0, 0.0)]
        if len(self.activation) != len(self.sizes) - 1:
            raise ArgumentValueError(
                f"{function}: activation is a list of {len(self.activation)}; one for each of the {len(self.sizes) - 1} "
                "layers is wanted",
                "activation",
            )
        return [activation_code(a, function) for a in self.activation]

    def _shapes(self) -> dict[str, list[tuple[int, ...]]]:
        sizes = self.sizes
        hidden = range(1, len(sizes) - 1)
        ways: list[tuple[int, ...]] = []
        if self.feedback in ("fa", "dfa", "fa_ex"):
            ways = [(sizes[l + 1] if self.feedback == "fa" else sizes[-1], sizes[l]) for l in hidden]
        return {
            "weights": list(zip(sizes[1:], sizes)),
            "biases": [(n,) for n in sizes[1:]],
            "feedback_weights": ways,
            "previous": [(sizes[l],) for l in hidden] if self.gate == "differential" else [],
        }

    # ---- what the library gets ------------------------------------------------------------------------------------

    def _flat(self, function: str, written: bool = True) -> Flat:
        """The description of the live memory, which the user may have changed."""
        shapes = self._shapes()
        for name in ("weights", "biases"):
            self._arrays(name, getattr(self, name), shapes[name], function, written)
        flat = Flat(self.weights, self.biases, "identity", function)
        codes = self._activations(function)
        flat.struct.hidden, flat.struct.slope, flat.struct.shape = codes[0] if len(codes) > 1 else (0, 0.0, 0.0)
        flat.struct.activations = (_header.Activation * len(codes))(*(_header.Activation(*code) for code in codes))
        return flat

    def _arrays(
        self, name: str, arrays: Any, shapes: Sequence[tuple[int, ...]], function: str, written: bool = True
    ) -> Any:
        """The descriptors of a list of arrays that the user may have changed."""
        argument = name.split("[")[0]
        if not isinstance(arrays, list) or len(arrays) != len(shapes):
            raise ArgumentValueError(f"{function}: {name} is no list of {len(shapes)} arrays any more", argument)
        for l, (array, shape) in enumerate(zip(arrays, shapes)):
            array = checked(array, f"{name}[{l}]", function, ndim=len(shape), dtype=self.dtype, written=written)
            if array.shape != shape:
                raise ArgumentValueError(
                    f"{function}: {name}[{l}] has shape {array.shape}; {shape} is wanted", argument
                )
            arrays[l] = array
        return describe_all(arrays)

    def _inputs(self, X: Any, function: str) -> npt.NDArray[Any]:
        """X as the inputs read it."""
        return self._read(self._given(X, function), function)

    def _columns(self, function: str) -> int:
        """The columns of X."""
        inputs, n = self.inputs, self.sizes[0]
        if inputs is None:
            return n
        if not isinstance(inputs, np.ndarray) or inputs.ndim != 1 or inputs.dtype != np.int64 or inputs.min(initial=0) < -1:
            raise ArgumentValueError(f"{function}: net.inputs is {inputs!r}; an int64 array or None is wanted", "inputs")
        if not np.array_equal(inputs[inputs >= 0], np.arange(n)):
            raise ArgumentValueError(f"{function}: net.inputs is no map to the {n} inputs in their order", "inputs")
        return len(inputs)

    def _given(self, X: Any, function: str) -> npt.NDArray[Any]:
        x = checked(X, "X", function, ndim=2, dtype=self.dtype)
        columns = self._columns(function)
        if x.shape[1] != columns:
            raise ArgumentValueError(f"{function}: X has shape {x.shape}; (samples, {columns}) is wanted", "X")
        return x

    def _read(self, x: npt.NDArray[Any], function: str) -> npt.NDArray[Any]:
        """The columns of inputs that are left, at 0 for those that are masked."""
        if self.inputs is not None:
            x = np.ascontiguousarray(x[:, self.inputs >= 0])
        if self.input_stamina is not None and not self.input_stamina.alive.all():
            alive = self.input_stamina.alive
            if alive.shape != (self.sizes[0],):
                raise ArgumentValueError(
                    f"{function}: net.input_stamina has {len(alive)} inputs; {self.sizes[0]} are wanted, or None", "input_stamina"
                )
            x = np.where(alive, x, x.dtype.type(0))
        return x

    def _targets(self, Y: Any, samples: int, function: str) -> npt.NDArray[Any]:
        return targets_of(Y, samples, self.sizes[-1], self.loss, self.dtype, function)

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
        run("predict", _header.PredictArgs(flat.struct, describe(x), describe(out)), "Network.forward")
        return out[0] if single else out

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """What the output says: for the loss "softmax" classes [samples] (the lowest of several largest outputs), for
        "sigmoid" truth values [samples, out] (output > 0), else the output itself."""
        out = self.forward(X)
        if self.loss == "sigmoid":
            return out > 0
        return out.argmax(-1) if self.loss == "softmax" else out

    def evaluate(self, X: Any, Y: Any) -> tuple[float, float]:
        """Mean loss of a sample, and the fraction of samples whose output is largest where the target is.

        Parameters
        ----------
        X : array [samples, in]
        Y : array [samples, out], or integer labels [samples]
        """
        function = "Network.evaluate"
        x = self._inputs(X, function)
        target = self._targets(Y, len(x), function)
        stats = _header.Stats()
        flat = self._flat(function, written=False)
        loss = LOSSES.index(self.loss)
        args = _header.EvaluateArgs(flat.struct, describe(x), describe(target), loss, ctypes.pointer(stats))
        run("evaluate", args, function)
        return (stats.loss / len(x), stats.correct / len(x)) if len(x) else (float("nan"), float("nan"))

    def gradients(
        self, X: Any, Y: Any, *, exact: bool = True
    ) -> tuple[list[npt.NDArray[Any]], list[npt.NDArray[Any]]]:
        """The gradients (dW, db) of the mean loss over a batch, without dropout and decay.

        Parameters
        ----------
        X : array [samples, in]
        Y : array [samples, out], or integer labels [samples]
        exact : bool
            The gradients themselves; False: what the network's feedback and gate take for them.

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
        call = Call(self, function, written=False)
        dw, db = call.gradient()
        mean = ctypes.c_double()
        args = _header.GradientsArgs(
            call.flat.struct,
            describe(x),
            describe(target),
            describe_all(dw),
            describe_all(db),
            LOSSES.index(self.loss),
            ctypes.pointer(mean),
            None if exact else call.feedback(),
        )
        run("gradients", args, function)
        return dw, db

    def alignment(self, X: Any, Y: Any) -> npt.NDArray[np.float64]:
        """Angles in degrees, for each layer, between the update of its weights by the network's feedback and the one along
        the gradient, for a batch: below 90 the loss falls, 0 is backpropagation; NaN where either is 0."""
        taught, exact = (self.gradients(X, Y, exact=e)[0] for e in (False, True))
        angles = []
        for a, b in zip(taught, exact):
            a, b = a.astype(np.float64), b.astype(np.float64)
            norm = np.sqrt(np.vdot(a, a)) * np.sqrt(np.vdot(b, b))
            angles.append(np.degrees(np.arccos(np.clip(np.vdot(a, b) / norm, -1, 1))) if norm > 0 else np.nan)
        return np.array(angles)

    def step(
        self, X: Any, Y: Any = None, lr: float = 0.1, *, error: Any = None, reduction: Literal["mean", "sum"] = "mean"
    ) -> float:
        """One update by the gradient of a batch; returns the mean loss before it.

        Parameters
        ----------
        X : array [samples, in]
        Y : array [samples, out], or integer labels [samples]
        lr : float
        error : array [samples, out]
            In place of Y, the error ``dJ/dy`` of each output, against which the output moves: a modulator, a reward with
            the opposite sign. The loss is then ``Σ_k e_k²/2``.
        reduction : "mean" or "sum"
            Of the gradient over the samples.

        Examples
        --------
        >>> import numpy as np, hebbkern as hk
        >>> net = hk.Network([1, 1], dtype=np.float64)
        >>> net.weights[0][...] = 2
        >>> net.step(np.array([[3.0]]), error=np.array([[-0.5]]), lr=0.1)
        0.125
        >>> net.weights[0]  # w − lr·e·x
        array([[2.15]])
        """
        function = "Network.step"
        x = self._inputs(X, function)
        if not len(x):
            raise ArgumentValueError(f"{function}: X has no sample; at least one is wanted", "X")
        if (Y is None) == (error is None):
            raise ArgumentValueError(f"{function}: Y and error: one of them is wanted, and not both", "Y")
        if error is None:
            target = self._targets(Y, len(x), function)
        else:
            target = checked(error, "error", function, ndim=2, dtype=self.dtype)
            if target.shape != (len(x), self.sizes[-1]):
                raise ArgumentValueError(
                    f"{function}: error has shape {target.shape}; ({len(x)}, {self.sizes[-1]}) is wanted", "error"
                )
        call = Call(self, function)
        args = call.train(
            x, target, np.arange(len(x)), len(x), real(function, "lr", lr),
            summed=choice(function, "reduction", reduction, ("mean", "sum")) == 1, given=error is not None,
        )  # fmt: skip
        try:
            run("train", args, function)
        finally:
            call.keep()
        return float(call.stats.loss / call.stats.samples)

    def fit(
        self,
        X: Any,
        Y: Any = None,
        epochs: int = 1,
        batch: int = 32,
        lr: float | Callable[[int], float] = 0.1,
        *,
        batches: int | None = None,
        shuffle: bool = True,
        reduction: Literal["mean", "sum"] = "mean",
        validation: tuple[Any, Any] | None = None,
        patience: int | None = None,
        alignment: bool = False,
        callbacks: Sequence[Any] = (),
        balance: bool | Mapping[str, Any] | None = None,
        gain_rule: Mapping[str, Any] | None = None,
        stamina: bool | Mapping[str, Any] | None = None,
        progress: bool = True,
    ) -> History:
        """Train by minibatches, each epoch in its own random order.

        Parameters
        ----------
        X : array [samples, in], or a function
            A function is called without arguments for each minibatch and returns its (X, Y).
        Y : array [samples, out], or integer labels [samples]
        epochs, batch : int
        lr : float or function of the epoch
            ≥ 0, times the gradient of the minibatch: see `schedules`.
        batches : int
            Minibatches of an epoch, if X is a function.
        shuffle : bool
            False: the samples in the order of X.
        reduction : "mean" or "sum"
            Of the gradient over the samples of a minibatch.
        validation : (X, Y)
            Samples on which loss and accuracy are taken after each epoch.
        patience : int
            Stop when the validation loss has not fallen below its least in so many epochs, and go back to the parameters
            of the least (`best`).
        alignment : bool
            Take the angles of `alignment` after each epoch, on the first 256 samples.
        callbacks : list of functions or (int, function)
            Called with the network after each epoch, or after every so many updates of an epoch; they may change it.
        balance : mapping, True or None
            Balance the network: ``p`` (2.0), ``every`` n epochs (1; 0: never), ``before`` the first epoch (False), and
            ``method``, ``include_bias``, ``order``, ``tol`` and ``max_sweeps`` of `balance`. True is the defaults. The
            optimizer's moments are scaled along.
        gain_rule : mapping or None
            After each minibatch, the gain rule: ``lr`` (1e-3), ``alpha`` (0.01) and ``of`` ("activation" or
            "derivative") of the average gains, ``reduction`` ("mean" or "sequential"), ``form`` ("linear" or "exp") and
            ``limit`` (None) of `gain_rule`, whose notes apply.
        stamina : mapping, True or None
            Units that are not used die: ``mode``, ``strength``, ``alpha``, ``by``, ``threshold``, ``share``, ``warmup`` and
            ``minimum`` of `hebbkern.stamina.Stamina`, for the hidden ``layers`` (a list; all), after ``every`` n epochs (1),
            or after every so many updates of an epoch, ``steps``. A step observes the activities at the last ``samples``
            (1024) of the epoch so far, or of those drawn last, without dropout; ``how`` ("compact", "mask" or "rebirth") the
            units die is told in `Stamina.apply`. ``grow`` (0) units are born in each step, up to ``maximum`` in a layer.
            Compaction and growth change `sizes`, and all that belongs to the units goes along; a change of units makes
            `best` None, so that patience begins anew. With ``inputs``, True or a mapping of the options from ``mode`` to
            ``minimum`` and ``how`` ("compact" or "mask") that differ from those of the units, inputs die, too: see the
            attribute `inputs`. True is the defaults.
        progress : bool
            Show a progress bar (with tqdm installed).

        Returns
        -------
        History

        Raises
        ------
        TypeError, ValueError
            A bad argument; the network is unchanged then. Or all units of a layer would die: the message says what to
            change, and the network is that of the last good epoch.
        DivergenceError
            The numbers left the finite ones in the epoch and layer named; the network is that of the last good epoch.
        Interrupted
            Ctrl-C (a KeyboardInterrupt), within less than a second also where a minibatch takes longer; the network holds
            `done` samples of this call, in whole minibatches. The next
            call of `fit` goes on in the midst of the epoch, and then has the bits of a run that was not interrupted.
        """
        return Fit(
            self, X, Y, epochs=epochs, batch=batch, lr=lr, batches=batches, shuffle=shuffle, reduction=reduction,
            validation=validation, patience=patience, alignment=alignment, callbacks=callbacks, balance=balance,
            gain_rule=gain_rule, stamina=stamina, progress=progress,
        ).run()  # fmt: skip
