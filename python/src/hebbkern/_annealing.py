"""Simulated annealing of the strength of a penalty."""

from __future__ import annotations

import ctypes
import math
from typing import Any, Callable

import numpy as np

from . import _header
from ._array import run
from ._errors import ArgumentTypeError, ArgumentValueError
from ._parameters import count, real
from ._random import check_generator, generator

_VALUES = (
    "strength", "objective", "proposed", "best", "best_objective", "temperature", "cooling", "step", "low", "high"
)  # fmt: skip


class Annealing:
    """Look for the strength κ of a penalty by simulated annealing (Kirkpatrick, Gelatt & Vecchi 1983).

    A penalty that is too small kills no unit, one that is too large kills all. The objective is the caller's, smaller is
    better: an error after training with κ, the distance to a wanted number of units, or both. Each step

    - takes ``E(κ′)`` of the proposal κ′ and moves there if it is at most ``E(κ)``, or else with the probability
      ``exp(−(E(κ′) − E(κ))/T)``,
    - cools, ``T ← cooling · T``,
    - proposes ``κ′ = κ exp(step · u)``, u uniform in [−1, 1), within [low, high].

    The first proposal is κ itself. (The walk is hebbkern's own; the source of stamina names annealing and leaves it open.)

    Parameters
    ----------
    strength : float
        κ to begin with.
    temperature : float
        T ≥ 0 to begin with, in the unit of the objective; at 0 only improvements are accepted.
    cooling : float or callable
        Above 0, at most 1; or the temperature as a function of the number of steps made.
    step : float
        Half width of a proposal in ln κ.
    low, high : float
        Bounds of κ, 0 < low ≤ strength ≤ high.
    seed : int

    Attributes
    ----------
    proposed, strength, objective, best, best_objective, temperature : float
        κ′; κ with its objective; the best so far with its own.
    rng : uint64 array [4]
        With these numbers all of the state: a pickled copy goes on in the same way.
    history : list of (κ′, objective, accepted)

    Examples
    --------
    >>> import hebbkern as hk
    >>> annealing = hk.stamina.Annealing(0.1, temperature=0.5, step=1.0, seed=1)
    >>> best = annealing.search(lambda strength: (strength - 3) ** 2, 60)
    >>> abs(best - 3) < 0.3
    True
    """

    def __init__(
        self,
        strength: float = 1.0,
        *,
        temperature: float = 1.0,
        cooling: float | Callable[[int], float] = 0.9,
        step: float = 0.5,
        low: float = 1e-6,
        high: float = 1e6,
        seed: int = 0,
    ) -> None:
        self.low = real("Annealing", "low", low, above=0)
        self.high = real("Annealing", "high", high, above=0)
        self.strength = real("Annealing", "strength", strength, above=0)
        if not self.low <= self.strength <= self.high:
            raise ArgumentValueError(
                f"Annealing: strength is {strength}; a number from low = {low:g} to high = {high:g} is wanted", "strength"
            )
        self.temperature = real("Annealing", "temperature", temperature)
        self.schedule = cooling if callable(cooling) else None
        self.cooling = 1.0 if callable(cooling) else real("Annealing", "cooling", cooling, above=0, most=1)
        self.step = real("Annealing", "step", step, above=0)
        self.proposed = self.best = self.strength
        self.objective = self.best_objective = math.inf
        self.rng = generator("Annealing", seed)
        self.history: list[tuple[float, float, bool]] = []

    def __repr__(self) -> str:
        return (
            f"Annealing({self.strength:g}, temperature={self.temperature:g}, steps={len(self.history)}, "
            f"best={self.best:g}, best_objective={self.best_objective:g})"
        )

    def report(self, objective: float) -> bool:
        """Take the objective of `proposed`, move there or not, and make the next proposal.

        Parameters
        ----------
        objective : float
            A number, or infinity for a strength that failed.

        Returns
        -------
        bool
            Whether the proposal was accepted.

        Raises
        ------
        TypeError, ValueError
            An objective that is no number, or a state that is none; nothing has changed then.
        """
        function = "Annealing.report"
        if isinstance(objective, bool) or not isinstance(objective, (int, float, np.floating, np.integer)):
            raise ArgumentTypeError(f"{function}: objective is {objective!r}; a number is wanted", "objective")
        rng = check_generator(function, self.rng)
        temperature: Any = self.temperature
        if self.schedule is not None:
            temperature = real(function, "temperature", self.schedule(len(self.history)))
        state = _header.AnnealingState(*(getattr(self, name) for name in _VALUES), (ctypes.c_uint64 * 4)(*rng.tolist()))
        state.temperature = temperature
        accepted = ctypes.c_int64()
        run("anneal", _header.AnnealArgs(ctypes.pointer(state), float(objective), ctypes.pointer(accepted)), function)
        self.history.append((self.proposed, float(objective), bool(accepted.value)))
        for name in _VALUES:
            setattr(self, name, getattr(state, name))
        rng[:] = state.rng
        return bool(accepted.value)

    def search(self, objective: Callable[[float], float], steps: int) -> float:
        """Report the objective of `steps` proposals and return the best strength of all so far."""
        for _ in range(count("Annealing.search", "steps", steps)):
            self.report(objective(self.proposed))
        return self.best
