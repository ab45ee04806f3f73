"""One and the same balanced state from any order: the autoencoder of the theory of neural balance.

Baldi, Alexos, Domingo & Rahmansetayesh (AIJ 2025) balance a ReLU autoencoder 784-200-100-50-100-200-784 by stochastic
balancing, unit after unit in a random order, and find the same weights in each of 1,000 runs: log Λ of a unit, the sum
of the logarithms of its scales, does not depend on the order, since the cost is strictly convex in it. Here every run
has its own seed and starts from the same weights, in float64, for p = 2 and, a tenth of the runs, p = 1; the reference
is `method="newton"`.
"""

from __future__ import annotations

import argparse

import matplotlib

matplotlib.use("Agg")

import hebbkern as hk
import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
from _common import print_rows, save, script

SIZES = (784, 200, 100, 50, 100, 200, 784)
Arrays = list[npt.NDArray[np.float64]]


def network(sizes: tuple[int, ...] = SIZES) -> Arrays:
    random = np.random.default_rng(0)
    return [random.standard_normal((o, i)) * np.sqrt(2 / i) for i, o in zip(sizes, sizes[1:])]


def balanced(start: Arrays, p: float, seed: int | None) -> tuple[Arrays, npt.NDArray[np.float64], int]:
    """Weights, log Λ of all hidden units, and the steps."""
    weights = [w.copy() for w in start]
    if seed is None:
        report = hk.balance(weights, p=p)
    else:
        report = hk.balance(weights, p=p, method="stochastic", seed=seed)
    assert report.converged, report
    return weights, np.log(np.concatenate(report.scales)), report.sweeps


def spread(start: Arrays, p: float, runs: int) -> tuple[float, npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The largest relative difference of a weight from the reference, and mean and standard deviation of log Λ by unit."""
    reference, _, _ = balanced(start, p, None)
    largest = max(float(np.abs(w).max()) for w in reference)
    difference, logs = 0.0, []
    for seed in range(runs):
        weights, log, _ = balanced(start, p, seed)
        difference = max(difference, *(float(np.abs(a - b).max()) / largest for a, b in zip(weights, reference)))
        logs.append(log)
    return difference, np.mean(logs, 0), np.std(logs, 0)


def main(args: argparse.Namespace) -> None:
    start = network()
    figure, axes = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
    rows = []
    for axis, p, runs in zip(axes, (2.0, 1.0), (args.runs, max(args.runs // 10, 2))):
        difference, mean, deviation = spread(start, p, runs)
        rows.append((f"p = {p:g}: weights of {runs} runs", "the same W*", f"max|ΔW|/max|W| {difference:.1e}"))
        rows.append(
            (f"p = {p:g}: log Λ over the runs", "no spread",
             f"{mean.min():.2f} … {mean.max():.2f}, standard deviation ≤ {deviation.max():.1e}")
        )  # fmt: skip
        at = 0
        for layer, n in enumerate(SIZES[1:-1]):
            axis.errorbar(np.arange(at, at + n), mean[at : at + n], yerr=deviation[at : at + n], fmt=".", ms=2, label=f"layer {layer + 1}")
            at += n
        axis.set(title=f"p = {p:g}, {runs} runs", xlabel="hidden unit", ylabel="log Λ: mean and deviation")
        axis.legend(fontsize=7, markerscale=3)
    print_rows(f"Stochastic balancing of {'-'.join(map(str, SIZES))}", rows)
    save(figure, "stochastic_balancing", args.out)


if __name__ == "__main__":
    script(main, __doc__, runs=1000)
