"""The gain rule iterated: it drives the balance deficit of ReLU networks up, where balancing brings it to 0.

    w_ij ← w_ij + η (σ_j² − σ_i²) w_ij          linear, as the note on the rule has it
    w_ij ← w_ij exp(η (σ_j² − σ_i²))            exponential, σ = 0 for inputs and outputs: keeps the function

Networks 6-8-8-4 with ReLU hidden layers see batches of normal inputs; after each batch the gains are averaged, of the
activation or of its derivative, and the rule is applied to all layers. There is no learning besides.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import hebbkern as hk
import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
from _common import print_rows, save, script

SIZES = (6, 8, 8, 4)
ETA, ALPHA, BATCH = 0.05, 0.1, 16
LIMIT = 10.0
Array = npt.NDArray[np.float32]


def network(seed: int) -> list[Array]:
    random = np.random.default_rng(seed)
    return [(np.sqrt(2 / i) * random.standard_normal((o, i))).astype(np.float32) for i, o in zip(SIZES, SIZES[1:])]


def output(weights: list[Array], x: Array) -> Array:
    for layer, w in enumerate(weights):
        x = hk.forward(w, x, activation="identity" if layer == len(weights) - 1 else "relu")
    return x


def total_deficit(weights: list[Array]) -> float:
    """Σ (A − B)² over the hidden units for p = 2; infinite once a weight has left float32."""
    if not all(np.isfinite(w).all() for w in weights):
        return float("inf")
    return sum(float(np.square(d).sum()) for d in hk.deficit(weights))


@dataclass
class Course:
    """One network under the rule."""

    deficits: list[float]  # before the first step and every `every` steps, to the first that is not finite
    change: float  # max|Δy| / max|y| over a batch, NaN once the weights have left float32

    @property
    def growth(self) -> float:
        return self.deficits[-1] / self.deficits[0]


def course(seed: int, of: str, form: str, limit: float | None, steps: int, every: int) -> Course:
    weights, random = network(seed), np.random.default_rng((seed, 1))
    probe = random.standard_normal((64, SIZES[0])).astype(np.float32)
    before = output(weights, probe)
    names = ["identity", *["relu"] * (len(SIZES) - 2), "identity"]
    gains = [hk.gains.Exponential(n, ALPHA, of, activation=f, dtype=np.float32) for n, f in zip(SIZES, names)]
    inside = [form == "linear" or 0 < k < len(SIZES) - 1 for k in range(len(SIZES))]
    deficits = [total_deficit(weights)]
    for step in range(1, steps + 1):
        a = random.standard_normal((BATCH, SIZES[0])).astype(np.float32)
        gains[0].update(a)
        for layer, w in enumerate(weights):
            z = hk.forward(w, a)
            gains[layer + 1].update(z)
            a = np.maximum(z, 0)
        sigma = [g.sigma if here else np.zeros_like(g.sigma) for g, here in zip(gains, inside)]
        for layer, w in enumerate(weights):
            hk.gain_rule(w, sigma[layer + 1], sigma[layer], ETA, form=form, limit=limit)
        if step % every == 0:
            deficits.append(total_deficit(weights))
            if not np.isfinite(deficits[-1]):
                break
    finite = all(np.isfinite(w).all() for w in weights)
    change = np.abs(output(weights, probe) - before).max() / np.abs(before).max() if finite else np.nan
    return Course(deficits, float(change))


VARIANTS = {
    "linear, activation gains": ("activation", "linear", None),
    "linear, derivative gains": ("derivative", "linear", None),
    f"linear, derivative gains, |w| ≤ {LIMIT:g}": ("derivative", "linear", LIMIT),
    "exponential, activation gains": ("activation", "exp", None),
    "exponential, derivative gains": ("derivative", "exp", None),
}


def run(nets: int, steps: int, every: int = 10) -> tuple[dict[str, list[Course]], list[float]]:
    """The courses of each variant, and the ratio of the deficit after balancing to that before, of each network."""
    courses = {name: [course(s, *v, steps, every) for s in range(nets)] for name, v in VARIANTS.items()}
    balanced = []
    for seed in range(nets):
        report = hk.balance(network(seed))
        balanced.append(report.deficit_after / report.deficit_before)
    return courses, balanced


def draw(courses: dict[str, list[Course]], folder: Path, every: int = 10) -> Path:
    """The variants that stay finite on the left, those that do not on the right, with a cross at their end."""
    figure, panels = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
    over = {name: any(not np.isfinite(c.growth) for c in runs) for name, runs in courses.items()}
    for k, (name, runs) in enumerate(courses.items()):
        axes = panels[int(over[name])]
        for n, one in enumerate(runs):
            d = np.array([v for v in one.deficits if np.isfinite(v)]) / one.deficits[0]
            axes.plot(every * np.arange(len(d)), d, color=f"C{k}", alpha=0.7, linewidth=0.9, label=None if n else name)
            if len(d) < len(one.deficits):
                axes.plot(every * (len(d) - 1), d[-1], "x", color=f"C{k}")
    for axes, title in zip(panels, ("finite", "overflow of float32 at ×")):
        axes.axhline(1, color="0.7", linewidth=0.8)
        axes.set(yscale="log", xlabel="step", ylabel="deficit Σ(A − B)², over its start", title=title)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize=8, loc="lower right")
    figure.suptitle(f"the gain rule on {'-'.join(map(str, SIZES))} ReLU networks, η = {ETA:g}")
    return save(figure, "gain_rule_instability", folder)


def main(options: argparse.Namespace) -> None:
    courses, balanced = run(options.nets, options.steps)

    def growth(name: str) -> str:
        values = [c.growth for c in courses[name]]
        over = sum(not np.isfinite(v) for v in values)
        middle = np.median(values)
        text = "overflow" if not np.isfinite(middle) else f"× {middle:.1e} (median)"
        return f"{text}, {over} of {len(values)} left float32" if over else text

    expected = {"linear, activation gains": "three orders of magnitude", "linear, derivative gains": "overflow"}
    rows = [(f"deficit, {name}", expected.get(name, "–"), growth(name)) for name in courses]
    kept = max(c.change for c in courses["exponential, activation gains"])
    moved = np.median([c.change for c in courses["linear, activation gains"]])
    rows += [
        ("max|Δy|/max|y|, exponential, activation gains", "0", f"{kept:.1e} (largest)"),
        ("max|Δy|/max|y|, linear, activation gains", "–", f"{moved:.1f} (median)"),
        ("deficit after balancing over that before", "0", f"{max(balanced):.1e} (largest)"),
    ]
    print_rows(
        f"The gain rule, {options.steps} steps, {options.nets} networks {'-'.join(map(str, SIZES))}", rows, "the note"
    )
    print(f"  {draw(courses, options.out)}")


if __name__ == "__main__":
    script(main, __doc__, nets=10, steps=3000)
