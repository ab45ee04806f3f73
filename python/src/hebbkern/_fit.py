"""The loop of Network.fit: epochs, what is due between them, and the way out of an interruption or a divergence."""

from __future__ import annotations

import copy
import ctypes
import math
import threading
from typing import TYPE_CHECKING, Any, Callable, Mapping

import numpy as np

from . import _header
from ._array import describe_all, raise_error, run
from ._errors import (
    ArgumentTypeError,
    ArgumentValueError,
    DivergenceError,
    Interrupted,
)
from ._history import Best, History
from ._lib import native
from ._living import LIVING, Extinct, Living, whole
from ._parameters import choice, count, is_integer, real
from ._progress import Bar
from ._train import Call
from .balancing import BalanceReport, unit_deficits
from .balancing import balance as balance_arrays

if TYPE_CHECKING:
    from .network import Network

FUNCTION = "Network.fit"
ALIGNED = 256  # samples that the angles are taken on
_BALANCE = {
    "p": 2.0,
    "every": 1,
    "before": False,
    "method": "newton",
    "include_bias": False,
    "order": None,
    "tol": None,
    "max_sweeps": None,
}
_GAIN = {"lr": 1e-3, "alpha": 0.01, "of": "activation", "form": "linear", "limit": None, "reduction": "mean"}


class Fit:
    """One call of Network.fit; the constructor checks, `run` trains."""

    def __init__(
        self, net: Network, X: Any, Y: Any, *, epochs: int, batch: int, lr: Any, batches: Any, shuffle: bool,
        reduction: str, validation: Any, patience: Any, alignment: bool, callbacks: Any, balance: Any, gain_rule: Any,
        stamina: Any, progress: bool,
    ) -> None:  # fmt: skip
        self.net = net
        for name, value in (("epochs", epochs), ("batch", batch)):
            if not is_integer(value):
                raise ArgumentTypeError(f"{FUNCTION}: {name} is {value!r}; an integer is wanted", name)
        if epochs < 0 or batch < 1:
            name, value = ("epochs", epochs) if epochs < 0 else ("batch", batch)
            raise ArgumentValueError(
                f"{FUNCTION}: {name} is {value}; at least {0 if epochs < 0 else 1} is wanted", name
            )
        self.epochs, self.batch = int(epochs), int(batch)
        self.rate = lr if callable(lr) else lambda epoch, fixed=real(FUNCTION, "lr", lr): fixed
        self.summed = choice(FUNCTION, "reduction", reduction, ("mean", "sum")) == 1
        self.shuffle, self.progress, self.aligned = bool(shuffle), progress, bool(alignment)
        self._samples(X, Y, batches)
        self.valid: tuple[Any, Any] | None = None
        if validation is not None:
            if not isinstance(validation, (tuple, list)) or len(validation) != 2:
                raise ArgumentTypeError(f"{FUNCTION}: validation is no pair (X, Y)", "validation")
            x = net._given(validation[0], FUNCTION)
            self.valid = x, net._targets(validation[1], len(x), FUNCTION)
        self.patience = None if patience is None else count(FUNCTION, "patience", patience)
        if self.patience and (self.valid is None or not len(self.valid[0])):
            raise ArgumentValueError(f"{FUNCTION}: patience needs validation samples", "patience")
        self.callbacks = _callbacks(callbacks)
        self.balancing = _options(balance, _BALANCE, "balance")
        self.measure = (2.0, False)
        if self.balancing:
            self.measure = (
                real(FUNCTION, "p", self.balancing["p"], above=0),
                bool(self.balancing["include_bias"]),
            )
            if not (is_integer(self.balancing["every"]) and self.balancing["every"] >= 0):
                raise ArgumentValueError(
                    f"{FUNCTION}: balance['every'] is {self.balancing['every']!r}; an integer >= 0 is wanted", "balance"
                )
        chosen = _options(stamina, LIVING, "stamina")
        self.living = None if chosen is None else Living(net, chosen, FUNCTION)
        flat = net._flat(FUNCTION)
        self.gain = self._gain_training(gain_rule)
        unit_deficits(flat, *self.measure)  # refuses weights that are not finite
        self.history = History()
        self.done = 0  # samples of this call that the network holds

    def _samples(self, X: Any, Y: Any, batches: Any) -> None:
        """Where the samples come from."""
        self.draw = X if callable(X) and not hasattr(X, "__array__") else None
        if self.draw is not None:
            if Y is not None:
                raise ArgumentValueError(f"{FUNCTION}: Y is given, and X is a function, which returns (X, Y)", "Y")
            if batches is None:
                raise ArgumentValueError(f"{FUNCTION}: batches of an epoch is wanted with a function for X", "batches")
            self.length = count(FUNCTION, "batches", batches)
            return
        if batches is not None:
            raise ArgumentValueError(f"{FUNCTION}: batches goes with a function for X only", "batches")
        self._look(X)
        if not len(self.x):
            raise ArgumentValueError(f"{FUNCTION}: X has no sample; at least one is wanted", "X")
        self.target = self.net._targets(Y, len(self.x), FUNCTION)
        self.length = len(self.x)

    def _look(self, X: Any) -> None:
        """Samples, as they are given and as the inputs read them."""
        self.given = self.net._given(X, FUNCTION)
        self.x = self.net._read(self.given, FUNCTION)

    # ---- the loop -------------------------------------------------------------------------------------------------

    def run(self) -> History:
        net = self.net
        if self.living and self.epochs:
            self.living.begin()
        if self.balancing and self.balancing["before"] and self.epochs and net.epoch == 0 and net.position == 0:
            self._balance()
        try:
            with Bar(self.epochs * self.length, "fit", self.progress) as self.bar:
                for k in range(self.epochs):
                    self.before = k * self.length
                    good = _State(net)
                    try:
                        self._epoch_to_a_step()
                    except DivergenceError as error:
                        epoch = net.epoch
                        good.restore()
                        raise DivergenceError(
                            f"{error} in epoch {epoch}; the network is that of the epoch before",
                            sample=error.sample, epoch=epoch, layer=error.layer,
                        ) from None  # fmt: skip
                    except Extinct as error:
                        epoch = net.epoch
                        good.restore()
                        raise ArgumentValueError(
                            f"{error}, epoch {epoch}; the network is that of the epoch before", "stamina"
                        ) from None
                    self._note()
                    if self._stop():
                        break
        except KeyboardInterrupt:
            raise Interrupted(
                f"{FUNCTION}: stopped in epoch {net.epoch} after {self.done} samples, which the network holds",
                self.done,
            ) from None
        return self.history

    def _epoch_to_a_step(self) -> None:
        try:
            self._epoch()
        except KeyboardInterrupt:
            self._live()  # which was due when the last samples had been learned
            raise

    def _note(self) -> None:
        history = self.history
        last: dict[str, Any] = {name: getattr(history, name)[-1] for name in ("loss", "accuracy", "deficit")}
        if self.living:
            last["alive"] = "+".join(map(str, history.alive[-1]))
        self.bar.note(**last)

    def _epoch(self) -> None:
        net, history = self.net, self.history
        lr = real(FUNCTION, "lr", self.rate(net.epoch))
        stats = _header.Stats()
        if net.position > self.length:  # of other samples
            net.position = 0
        if self.draw is None:
            index = np.arange(self.length)
            self.index = index
            if self.shuffle:
                run("permutation", _header.PermutationArgs(index.ctypes.data, len(index), net.seed, net.epoch), FUNCTION)
            steps = [every for every, _ in self.callbacks] + [(self.living and self.living.steps) or 0]
            step = math.gcd(*steps) * self.batch or self.length
            while net.position < self.length:
                # A part ends where a callback is due, counted from the start of the epoch.
                end = min(net.position - net.position % step + step, self.length)
                self._train(self.x, self.target, index[net.position : end], lr, stats)
                self._live()
                self._call_back(-(-net.position // self.batch))
        else:
            while net.position < self.length:
                drawn = self.draw()
                if not isinstance(drawn, (tuple, list)) or len(drawn) != 2:
                    raise ArgumentTypeError(f"{FUNCTION}: X has returned no pair (X, Y)", "X")
                self._look(drawn[0])
                if not len(self.x):
                    raise ArgumentValueError(f"{FUNCTION}: X has drawn no sample; at least one is wanted", "X")
                self.target = net._targets(drawn[1], len(self.x), FUNCTION)
                self._train(self.x, self.target, np.arange(len(self.x)), lr, stats)
                self._live()
                self._call_back(net.position)
        samples = stats.samples or math.nan  # none are left of an epoch that was interrupted at its very end
        history.loss.append(stats.loss / samples)
        history.accuracy.append(stats.correct / samples)
        history.lr.append(lr)
        if self.valid:
            loss, accuracy = net.evaluate(*self.valid)
            history.valid_loss.append(loss)
            history.valid_accuracy.append(accuracy)
        if self.aligned:
            history.alignment.append(net.alignment(self.given[:ALIGNED], self.target[:ALIGNED]))
        try:
            history.deficit.append(unit_deficits(net._flat(FUNCTION), *self.measure)[1])
        except ArgumentValueError as error:  # NaN or Inf, from the epoch's last update
            raise DivergenceError(str(error).replace("deficit", FUNCTION, 1)) from None
        if self.living:
            history.alive.append(self.living.alive())
            history.died.append(self.living.deaths())
            if -1 in self.living.how:
                history.inputs.append(self.living.inputs())
        due = self.balancing and self.balancing["every"] and (net.epoch + 1) % self.balancing["every"] == 0
        history.balanced.append(self._balance() if due else None)
        net.epoch, net.position = net.epoch + 1, 0
        self._call_back(0)

    def _train(self, x: Any, target: Any, index: Any, lr: float, stats: _header.Stats) -> None:
        """Train on rows of x and move the network's position by them, in whole minibatches; drawn samples are one."""
        net = self.net
        batch = self.batch if self.draw is None else len(index)
        call = Call(net, FUNCTION)
        call.stats = stats
        if self.gain is not None:
            self.gain.sigma = describe_all(net.gains or [])  # a callback may have put others in their place
        args = call.train(x, target, index, batch, lr, summed=self.summed, gain=self.gain)
        start, at, error = net.position, ctypes.c_int64(0), _header.Error()
        train = native.library.hk_train
        learn: Callable[[], int] = lambda: train(ctypes.byref(args), ctypes.byref(at), ctypes.byref(error))
        if threading.current_thread() is threading.main_thread() and call.long(batch):
            learn = _stoppable(learn, args, call)
        try:
            while (status := learn()) == _header.MORE:
                if self.draw is None:
                    self.bar.to(self.before + start + at.value)
        finally:
            learned = len(index) if at.value == len(index) else at.value - at.value % batch
            net.position = start + (learned if self.draw is None else learned // batch)
            self.done += learned
            call.keep()
        if status != _header.OK:
            raise_error(error, "train", FUNCTION)
        self.bar.to(self.before + net.position)

    def _live(self) -> None:
        """The step of stamina, if one is due: on the last samples of the epoch so far, or on those drawn last."""
        at, living = self.net.position, self.living
        if not (living and at):
            return
        made, updates = (at, self.length) if self.draw else (-(-at // self.batch), -(-self.length // self.batch))
        if living.due(made, updates):
            samples = living.samples
            if living.step(self.x[:samples] if self.draw else self.x[self.index[max(0, at - samples) : at]]):
                self._look(self.given)

    def _call_back(self, made: int) -> None:
        """Call what is due after so many updates of the epoch, 0 after its end."""
        for every, do in self.callbacks:
            if made % every == 0 and made if every else not made:
                do(self.net)

    def _stop(self) -> bool:
        """Whether patience is at its end; then the network is that of the best epoch."""
        net = self.net
        if not self.patience:
            return False
        epoch, loss = net.epoch - 1, self.history.valid_loss[-1]
        if net.best is None or loss < net.best.loss:
            net.best = Best(loss, epoch, [w.copy() for w in net.weights], [b.copy() for b in net.biases])
            return False
        if epoch - net.best.epoch < self.patience:
            return False
        for arrays, kept in ((net.weights, net.best.weights), (net.biases, net.best.biases)):
            for array, good in zip(arrays, kept):
                array[...] = good
        return True

    # ---- balancing and the gain rule ------------------------------------------------------------------------------

    def _balance(self) -> BalanceReport:
        net, options = self.net, self.balancing
        assert options
        named = {key: options[key] for key in ("p", "method", "include_bias", "order", "tol", "max_sweeps")}
        hidden = net.activation[:-1] if isinstance(net.activation, list) else net.activation
        first, second = (
            (net.moments[f"{name}_weights"], net.moments[f"{name}_biases"]) if f"{name}_weights" in net.moments else None
            for name in ("first", "second")
        )
        return balance_arrays(net.weights, net.biases, activation=hidden, momentum=first, squares=second, **named)

    def _gain_training(self, options: Mapping[str, Any] | None) -> Any:
        chosen = _options(options, _GAIN, "gain_rule")
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
                    f"{FUNCTION}: gain_rule[{key!r}] is {chosen[key]!r}; {wanted} is wanted", "gain_rule"
                )
            codes[key] = choices.index(chosen[key])
        limit = 0.0 if chosen["limit"] is None else real(FUNCTION, "gain_rule['limit']", chosen["limit"], above=0)
        alpha = real(FUNCTION, "gain_rule['alpha']", chosen["alpha"], above=0, most=1)
        lr = real(FUNCTION, "gain_rule['lr']", chosen["lr"])
        if self.net.gains is None:
            self.net.gains = [np.zeros(n, self.net.dtype) for n in self.net.sizes]
        sigma = describe_all(self.net.gains)
        return _header.GainTraining(sigma, lr, alpha, limit, codes["of"], codes["form"], codes["reduction"])

def _stoppable(step: Callable[[], int], args: _header.TrainArgs, *kept: Any) -> Callable[[], int]:
    """A step that is made by another thread, so that Ctrl-C is heard meanwhile: it ends the step, within less than a
    second, and is raised when that has ended. `kept` are what it needs till then."""
    stop = ctypes.c_int32(0)
    args.stop = ctypes.pointer(stop)

    def made() -> int:
        found: list[int] = []
        ended = threading.Event()  # Thread.join takes a thread for ended when it was interrupted (Python 3.10 to 3.12)

        def work() -> None:
            try:
                found.append(step())
            finally:
                ended.set()

        threading.Thread(target=work, name="hebbkern").start()
        try:
            ended.wait()
        except BaseException:
            with whole():
                stop.value = 1
                ended.wait()
            raise
        assert kept
        return found[0]

    return made


class _State:
    """A copy of all that training changes."""

    def __init__(self, net: Network) -> None:
        lists = [net.weights, net.biases, net.feedback_weights, net.previous, net.gains or [], *net.moments.values()]
        self.net = net
        self.arrays = [(among, l, array, array.copy()) for among in lists for l, array in enumerate(among)]
        self.plain = {name: getattr(net, name) for name in ("epoch", "position", "steps", "started", "best", "inputs")}
        self.plain["sizes"] = list(net.sizes)
        self.copies = copy.deepcopy({name: getattr(net, name) for name in ("stamina", "input_stamina", "feedback_rng")})

    def restore(self) -> None:
        """A callback may have put other arrays in their place."""
        for among, l, array, kept in self.arrays:
            array[...] = kept
            among[l] = array
        self.net.__dict__.update({**self.plain, **self.copies})


def _callbacks(value: Any) -> list[tuple[int, Any]]:
    """Pairs of a number of updates, 0 for the end of an epoch, and a function."""
    if not isinstance(value, (list, tuple)):
        raise ArgumentTypeError(f"{FUNCTION}: callbacks is {value!r}; a list is wanted", "callbacks")
    found = []
    for item in value:
        every, do = item if isinstance(item, tuple) and len(item) == 2 else (0, item)
        if not callable(do) or not is_integer(every) or (every < 1 and isinstance(item, tuple)):
            raise ArgumentTypeError(
                f"{FUNCTION}: callbacks has {item!r}; a function, or a pair of an integer >= 1 and one, is wanted",
                "callbacks",
            )
        found.append((int(every), do))
    return found


def _options(value: Any, defaults: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    """The options of a mapping over their defaults; None for none."""
    if value is None or value is False:
        return None
    if value is True:
        value = {}
    if not isinstance(value, Mapping):
        raise ArgumentTypeError(f"{FUNCTION}: {name} is {value!r}; a mapping of options is wanted", name)
    for key in value:
        if key not in defaults:
            raise ArgumentValueError(
                f"{FUNCTION}: {name} has the unknown option {key!r}; known are {', '.join(defaults)}", name
            )
    return {**defaults, **value}
