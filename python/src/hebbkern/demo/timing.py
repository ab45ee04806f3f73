"""The demo's steps timed, hebbkern and NumPy in turn."""

from __future__ import annotations

import gc
import importlib.util
import time
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from .. import balance, deficit, forward, gain_rule, get_num_threads, rules, set_num_threads
from ..stamina import Stamina
from . import balancing, features, feedback, living, numpy_reference
from ._progress import Progress
from ._settings import SEED, Data, Settings

Arrays = list[NDArray[np.float32]]

#: The share of the progress bar, in epochs of a classifier.
WEIGHT = 10.0


@dataclass
class Side:
    """One way of a step: `prepare` sets the arrays to their start, untimed; `work` is timed; `state` is the outcome."""

    prepare: Callable[[], object]
    work: Callable[[], object]
    state: Callable[[], list[NDArray[Any]]]
    best: float = float("inf")

    def time(self, repeat: int) -> float:
        total = 0.0
        for _ in range(repeat):
            self.prepare()
            begin = time.perf_counter()
            self.work()
            total += time.perf_counter() - begin
        return total / repeat


@dataclass
class Step:
    """A row of the table; seconds are of one step, `steps` of which one run of `work` makes."""

    name: str
    detail: str
    steps: int
    ours: Side
    theirs: Side
    apart: float = 0.0
    """largest difference of the two outcomes, relative to the largest number in them"""

    @property
    def seconds(self) -> tuple[float, float]:
        return self.ours.best / self.steps, self.theirs.best / self.steps

    @property
    def ratio(self) -> float:
        """NumPy's time over ours."""
        return self.theirs.best / self.ours.best


def measure(settings: Settings, data: Data, progress: Progress) -> list[Step]:
    """Time all steps: `rounds` rounds, in each every way of every step, hebbkern and NumPy in turn; minima.

    Each way is timed with one thread and with as many as it takes by default, and the better counts: threads of a BLAS
    that wait for one another on a busy machine can cost a hundred times what they save. Without threadpoolctl, which
    sets NumPy's BLAS, both are timed with their default alone.
    """
    progress.part("timing beside NumPy")
    steps = _components(settings, data) + _classifier(settings, data) + _gains(settings, data) + _others(settings, data)
    repeats = []
    one_thread = _one_thread()
    for step in steps:
        for side in (step.ours, step.theirs):
            side.time(1)
        step.apart = _apart(step.ours.state(), step.theirs.state())
        with one_thread():
            slowest = max(step.ours.time(1), step.theirs.time(1))
        repeats.append(max(1, min(200, int(5e-3 / max(slowest, 1e-7)))))
    gc.collect()
    enabled = gc.isenabled()
    gc.disable()
    try:
        for k in range(settings.rounds):
            for step, repeat in zip(steps, repeats):
                for side in (step.ours, step.theirs) if k % 2 else (step.theirs, step.ours):
                    side.best = min(side.best, side.time(repeat))
                    with one_thread():
                        side.best = min(side.best, side.time(repeat))
            progress.advance(WEIGHT / settings.rounds)
    finally:
        if enabled:
            gc.enable()
    return steps


def blas_can_be_set() -> bool:
    """Whether both are timed with one thread too."""
    return importlib.util.find_spec("threadpoolctl") is not None


def _one_thread() -> Callable[[], AbstractContextManager[object]]:
    """Makes contexts in which both sides have one thread; where the BLAS cannot be set, both keep what they have."""
    if not blas_can_be_set():
        return nullcontext
    from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped,unused-ignore]

    blas = ThreadpoolController().select(user_api="blas")

    @contextmanager
    def one() -> Iterator[None]:
        threads = get_num_threads()
        set_num_threads(1)
        try:
            with blas.limit(limits=1):
                yield
        finally:
            set_num_threads(threads)

    return one


def _apart(ours: list[NDArray[Any]], theirs: list[NDArray[Any]]) -> float:
    worst = 0.0
    for a, b in zip(ours, theirs):
        top = float(np.abs(b).max())
        worst = max(worst, float(np.abs(a - b).max()) / top if top else float(np.abs(a).max()))
    return worst


def _reset(arrays: Arrays, start: Arrays) -> Callable[[], None]:
    def reset() -> None:
        for array, first in zip(arrays, start):
            array[...] = first

    return reset


def _copies(arrays: Arrays) -> Arrays:
    return [array.copy() for array in arrays]


def _components(settings: Settings, data: Data) -> list[Step]:
    x = (data.x[:200] - data.x.mean(0)).astype(np.float32)
    random = np.random.default_rng(SEED)
    start = (0.1 * random.standard_normal((settings.components, x.shape[1]))).astype(np.float32)
    lr = 0.1 / float((x**2).sum(1).mean())
    steps = []
    for name in ("Oja", "Sanger"):
        mine, theirs = start.copy(), start.copy()
        reference = numpy_reference.Components(theirs)
        rule = getattr(rules, name)(lr=lr)
        other = getattr(reference, name.lower())
        steps.append(
            Step(
                f"{name}, one sample",
                f"{start.shape[0]}×{start.shape[1]}",
                len(x),
                Side(_reset([mine], [start]), lambda rule=rule, w=mine: rule.update(w, x), lambda w=mine: [w]),  # type: ignore[misc]
                Side(_reset([theirs], [start]), lambda other=other: other(x, lr), lambda w=theirs: [w]),  # type: ignore[misc]
            )
        )
    return steps


def _classifier(settings: Settings, data: Data) -> list[Step]:
    net = balancing.network(settings, data)
    mine = [*net.weights, *net.biases]
    for bias in net.biases:
        bias += 0.01
    start, theirs = _copies(mine), _copies(mine)
    layers = len(net.weights)
    reference = numpy_reference.Classifier(theirs[:layers], theirs[layers:], settings.batch)
    samples = len(data.x) // settings.batch * settings.batch
    samples = min(samples, 16 * settings.batch)
    x, y = data.x[:samples], data.y[:samples]
    target = np.zeros((samples, 10), np.float32)
    target[np.arange(samples), y] = 1
    random = np.random.default_rng(SEED)
    shape = "-".join(map(str, net.sizes))
    reset_mine, reset_theirs = _reset(mine, start), _reset(theirs, start)

    def fit() -> None:
        net.epoch = 0
        net.fit(x, target, epochs=1, batch=settings.batch, lr=settings.lr, progress=False)

    def numpy_fit() -> None:
        reference.epoch(x, target, random.permutation(samples), settings.batch, settings.lr)

    # fit has its own random order, so the outcomes that are compared are those of one minibatch.
    net.step(x[: settings.batch], target[: settings.batch], settings.lr)
    reference.step(x[: settings.batch], target[: settings.batch], settings.lr)
    first_ours, first_theirs = _copies(mine), _copies(theirs)
    outputs: list[Any] = [None, None]

    def forward() -> None:
        outputs[0] = net.forward(data.x_test)

    def numpy_forward() -> None:
        outputs[1] = reference.forward(data.x_test)

    deficits: list[Any] = [None, None]

    def our_deficit() -> None:
        deficits[0] = deficit(net.weights, p=2)

    def numpy_deficit() -> None:
        deficits[1] = numpy_reference.deficit(theirs[:layers], 2.0)

    steps = [
        Step("SGD, one minibatch", f"{shape}, batch {settings.batch}", samples // settings.batch,
             Side(reset_mine, fit, lambda: first_ours), Side(reset_theirs, numpy_fit, lambda: first_theirs)),
        Step("forward, test set", f"{shape}, {len(data.x_test)} images", 1,
             Side(reset_mine, forward, lambda: [outputs[0]]), Side(reset_theirs, numpy_forward, lambda: [outputs[1]])),
        Step("deficit, p = 2", shape, 1,
             Side(reset_mine, our_deficit, lambda: deficits[0]), Side(reset_theirs, numpy_deficit, lambda: deficits[1])),
    ]  # fmt: skip
    for p in balancing.EXPONENTS:
        steps.append(
            Step(
                f"balance, p = {p:g}", shape, 1,
                Side(reset_mine, lambda p=p: balance(net.weights, net.biases, p=p), lambda: mine),  # type: ignore[misc]
                Side(reset_theirs, lambda p=p: numpy_reference.balance(theirs[:layers], theirs[layers:], p),  # type: ignore[misc]
                     lambda: theirs),
            )
        )  # fmt: skip
    return steps


def _gains(settings: Settings, data: Data) -> list[Step]:
    rows, cols = settings.hidden[0], data.x.shape[1]
    random = np.random.default_rng(SEED)
    w, b = random.uniform(-1, 1, (rows, cols)).astype(np.float32), np.ones(rows, np.float32)
    post, pre = (random.uniform(0, 1, (n,)).astype(np.float32) for n in (rows, cols))
    lr, limit = settings.gain_lr, settings.gain_limit
    mine, theirs = _copies([w, b]), _copies([w, b])
    reference = numpy_reference.Gain(theirs[0], theirs[1])
    reset_mine, reset_theirs = _reset(mine, [w, b]), _reset(theirs, [w, b])
    return [
        Step("gain rule, exp", f"{rows}×{cols}", 1,
             Side(reset_mine, lambda: gain_rule(mine[0], post, pre, lr, bias=mine[1], form="exp"), lambda: mine),
             Side(reset_theirs, lambda: reference.exp(post, pre, lr), lambda: theirs)),
        Step("gain rule, linear, limit", f"{rows}×{cols}", 1,
             Side(reset_mine, lambda: gain_rule(mine[0], post, pre, lr, limit=limit), lambda: mine),
             Side(reset_theirs, lambda: reference.linear(post, pre, lr, limit), lambda: theirs)),
    ]  # fmt: skip


def _others(settings: Settings, data: Data) -> list[Step]:
    """A minibatch of FA_Ex, a batch of the competitive rule, stamina over the training set."""
    net = feedback.network("FA_Ex-80%", settings, data)
    mine = [*net.weights, *net.biases]
    start, theirs = _copies(mine), _copies(mine)
    fed = numpy_reference.Fed(theirs[:2], theirs[2:], _copies(net.feedback_weights), settings.batch)
    count = min(len(data.x) // settings.batch, 16)
    x, y = data.x[: count * settings.batch], data.y[: count * settings.batch]
    target = np.eye(10, dtype=np.float32)[y]

    def fit() -> None:
        net.epoch = 0
        net.fit(x, target, batch=settings.batch, lr=settings.feedback_lr, shuffle=False, progress=False)

    def numpy_fit() -> None:
        fed.epoch(x, target, np.arange(len(x)), settings.batch, settings.feedback_lr)

    images = data.x[: features.BATCH]
    random = np.random.default_rng(SEED)
    first = random.standard_normal((settings.features, data.x.shape[1])).astype(np.float32)
    w, other = first.copy(), first.copy()
    rule = rules.KrotovHopfield(lr=features.RATE, delta=features.DELTA)
    competition = numpy_reference.Competition(other, len(images))
    rows = (random.standard_normal((settings.living_hidden, data.x.shape[1])) / 8).astype(np.float32)
    activity = forward(rows, data.x, activation="relu")
    strength = settings.strengths[1]
    ours = Stamina(settings.living_hidden, strength=strength, alpha=living.ALPHA)
    reference = numpy_reference.Stamina(np.zeros_like(ours.value), len(activity))
    zero = np.zeros_like(ours.value)
    return [
        Step("FA_Ex, one minibatch", f"{'-'.join(map(str, net.sizes))}, batch {settings.batch}", count,
             Side(_reset(mine, start), fit, lambda: mine), Side(_reset(theirs, start), numpy_fit, lambda: theirs)),
        Step("Krotov–Hopfield, batch", f"{len(w)}×{w.shape[1]}, batch {len(images)}", 1,
             Side(_reset([w], [first]), lambda: rule.update(w, images), lambda: [w]),
             Side(_reset([other], [first]), lambda: competition.batch(images, features.RATE, features.DELTA), lambda: [other])),
        Step("stamina, training set", f"{len(zero)} units, {len(activity)} samples", 1,
             Side(_reset([ours.value], [zero]), lambda: ours.update(activity), lambda: [ours.value]),
             Side(_reset([reference.value], [zero]), lambda: reference.update(activity, strength, living.ALPHA),
                  lambda: [reference.value])),
    ]  # fmt: skip
