"""A penalty that is too small kills no unit, one that is too large kills all, and annealing finds one between.

A network of 64-100-10 ReLU units learns the 8×8 digits. After each epoch its hidden units gain stamina by their activity and
lose it by the penalty of the balanced ReLU, once, in the bookkeeping; those that have none left die, and the arrays shrink.
Three strengths κ of the penalty are compared: a small one, a large one, and the one that simulated annealing finds
for an objective of the caller, here the error on held-out digits plus a price for each unit that is left.

    python python/examples/stamina_penalty.py [--epochs 12] [--steps 40] [--out out]

draws out/stamina_penalty.png and prints what it shows.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import hebbkern as hk
from hebbkern.datasets import load_digits

HIDDEN = 100
PRICE = 0.0005  # of a unit, in errors: twenty units are worth one percent
BIAS = 1.0  # to begin with, so that no unit is silent on every digit from the start
SMALL, LARGE = 0.001, 1000.0


@dataclass
class Run:
    """One training with one strength: units and held-out error after each epoch; extinct: the message, if all would die."""

    strength: float
    alive: list[int] = field(default_factory=list)
    error: list[float] = field(default_factory=list)
    extinct: str | None = None

    def objective(self) -> float:
        if self.extinct or not self.error:
            return math.inf
        return self.error[-1] + PRICE * self.alive[-1]


def split(samples: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Digits to learn from and digits held out, one in four."""
    X, labels = load_digits()
    order = np.random.default_rng(0).permutation(len(X))[:samples]
    X, labels = X[order], labels[order]
    cut = 3 * len(X) // 4
    return X[:cut], labels[:cut], X[cut:], labels[cut:]


def train(strength: float, epochs: int, data: tuple[np.ndarray, ...]) -> Run:
    """Train from the same start; units die after each epoch, from the second on."""
    X, labels, held_out, truth = data
    net = hk.Network([X.shape[1], HIDDEN, 10], loss="softmax", seed=4)
    net.biases[0][...] = BIAS
    stamina = hk.stamina.Stamina(HIDDEN, mode="ratio", strength=strength, alpha=0.5, warmup=2)
    run = Run(strength)
    for _ in range(epochs):
        net.fit(X, labels, epochs=1, batch=16, lr=0.05, progress=False)
        hidden = hk.forward(net.weights[0], X, net.biases[0], activation="relu")
        stamina.update(hidden)
        try:
            stamina.apply(net, 0, "compact")
        except ValueError as error:
            run.extinct = str(error)
            run.alive.append(0)
            break
        run.alive.append(net.sizes[1])
        run.error.append(float((net.predict(held_out) != truth).mean()))
    return run


def anneal(epochs: int, steps: int, data: tuple[np.ndarray, ...]) -> hk.stamina.Annealing:
    """Anneal from the large penalty on; a step uphill of one percent is likely at first and not at the end."""
    annealing = hk.stamina.Annealing(
        LARGE, temperature=0.02, cooling=0.93, step=1.5, low=SMALL / 2, high=2 * LARGE, seed=2
    )
    annealing.search(lambda strength: train(strength, epochs, data).objective(), steps)
    return annealing


def draw(runs: list[tuple[str, Run]], annealing: hk.stamina.Annealing, path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.ticker import NullFormatter

    figure, (units, errors, search) = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
    for (label, run), colour in zip(runs, ("C0", "C1", "C3")):
        name = f"{label}, κ = {run.strength:.4g}"
        epochs = range(1, len(run.alive) + 1)
        units.plot(epochs, run.alive, ".-", color=colour, label=name)
        errors.plot(range(1, len(run.error) + 1), [100 * e for e in run.error], ".-", color=colour, label=name)
        if run.extinct:
            units.plot(len(run.alive), 0, "x", markersize=12, markeredgewidth=3, color=colour)
            units.text(len(run.alive) - 0.5, -6, "all would die: stopped", ha="right", color=colour)
    units.set(title="hidden units alive", xlabel="epoch", ylim=(-10, HIDDEN + 8))
    errors.set(title="error on held-out digits [%]", xlabel="epoch", ylim=(1, 100), yscale="log")
    errors.legend()
    strengths = np.array([h[0] for h in annealing.history])
    objectives = np.array([h[1] for h in annealing.history])
    finite = np.isfinite(objectives)
    top = objectives[finite].max() * 1.5 if finite.any() else 1.0
    shades = np.arange(len(strengths))
    search.scatter(strengths[finite], objectives[finite], c=shades[finite], cmap="viridis", label="left some")
    search.scatter(strengths[~finite], np.full((~finite).sum(), top), marker="x", color="C3", label="killed all")
    search.axvline(annealing.best, color="C1", label=f"best κ = {annealing.best:.3g}")
    search.set(xscale="log", yscale="log", title="annealing: error + price of the units", xlabel="κ (dark first, light last)")
    search.xaxis.set_minor_formatter(NullFormatter())
    search.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main(arguments: list[str] | None = None) -> list[tuple[str, Run]]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--steps", type=int, default=40, help="of annealing")
    parser.add_argument("--samples", type=int, default=1797, help="digits, of which a quarter is held out")
    parser.add_argument("--out", type=Path, default=Path("out"))
    options = parser.parse_args(arguments)
    data = split(options.samples)
    annealing = anneal(options.epochs, options.steps, data)
    runs = [
        ("too small", train(SMALL, options.epochs, data)),
        ("annealed", train(annealing.best, options.epochs, data)),
        ("too large", train(LARGE, options.epochs, data)),
    ]
    for label, run in runs:
        state = run.extinct or f"{run.alive[-1]} of {HIDDEN} units alive, error {100 * run.error[-1]:.1f} %"
        print(f"{label:>10}, κ = {run.strength:.4g}: {state}")
    draw(runs, annealing, options.out / "stamina_penalty.png")
    return runs


if __name__ == "__main__":
    main()
