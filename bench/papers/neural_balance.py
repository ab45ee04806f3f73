"""Balancing in training a fully connected net, with the baseline that comparisons lack: the rate tuned for each.

    make data
    .venv/bin/python bench/papers/neural_balance.py [--epochs 10] [--seeds 3]

784-256-128-10 ReLU units, softmax, batches of 64, on all MNIST images and on 1 % of them (600; five epochs for one
of the full set): plain, with L2 and L1 decay, balanced at the start (p = 2), and balanced after every epoch (p = 2 and
p = 1). Balancing at the start multiplies the relative step of the first layer, since its many weights are made small:
what looks like a gain at one rate may be a matter of the rate. So every variant runs at each of five rates, and the
table has its test accuracy at the common rate and at its own best one. The picture has the balance deficit by epoch: the
decays here leave it almost where it was in so few epochs, and after balancing at the start training brings it back slowly.

The set-up is this script's own; the published tables were not at hand, so that no figure of theirs stands beside.
"""

from __future__ import annotations

import argparse
import os
from typing import Any

import numpy as np
from _common import ROOT, Row, print_rows, save, script

import hebbkern as hk
from hebbkern.datasets import load_mnist

SIZES = [784, 256, 128, 10]
RATES = (0.003, 0.01, 0.03, 0.1, 0.3)
COMMON = 0.01
FEW, MORE_EPOCHS = 600, 5
VARIANTS: dict[str, tuple[dict[str, Any], dict[str, Any] | None]] = {
    "plain": ({}, None),
    "L2": (dict(weight_decay=(1e-4, 2.0)), None),
    "L1": (dict(weight_decay=(1e-5, 1.0)), None),
    "balanced at the start": ({}, dict(p=2, before=True, every=0)),
    "balanced every epoch, p = 2": ({}, dict(p=2, before=True)),
    "balanced every epoch, p = 1": ({}, dict(p=1, before=True)),
}


def train(variant: str, data: tuple[Any, ...], epochs: int, rate: float, seed: int) -> tuple[float, list[float]]:
    """Test accuracy after the last epoch, 0 if the run diverged, and the deficit that each epoch's training left."""
    options, balance = VARIANTS[variant]
    x, y, x_test, y_test = data
    net = hk.Network(SIZES, loss="softmax", seed=seed, **options)
    try:
        history = net.fit(x, y, epochs=epochs, batch=64, lr=rate, balance=balance, progress=False)
    except hk.DivergenceError:
        return 0.0, []
    return float(net.evaluate(x_test, y_test)[1]), history.deficit


def main(options: argparse.Namespace) -> None:
    try:
        x, y, x_test, y_test = load_mnist(os.environ.get("HEBBKERN_DATA") or ROOT / "data")
    except FileNotFoundError as error:
        print(f"NOT RUN: {error}")
        return

    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    few = np.random.default_rng(0).permutation(len(x))[:FEW]
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    for axis, (what, images, labels, epochs) in zip(
        axes, (("all images", x, y, options.epochs), (f"{FEW} images", x[few], y[few], MORE_EPOCHS * options.epochs))
    ):
        rows: list[Row] = []
        for variant in VARIANTS:
            runs = {
                rate: [train(variant, (images, labels, x_test, y_test), epochs, rate, seed) for seed in range(options.seeds)]
                for rate in RATES
            }
            mean = {rate: 100 * float(np.mean([a for a, _ in of])) for rate, of in runs.items()}
            best = max(mean, key=lambda rate: mean[rate])
            deviation = 100 * float(np.std([a for a, _ in runs[best]]))
            rows.append((variant, f"{mean[COMMON]:.2f} %", f"{mean[best]:.2f} ± {deviation:.2f} % at {best:g}"))
            deficits = [d for _, d in runs[COMMON] if d]
            if deficits:
                axis.plot(range(1, epochs + 1), np.mean(deficits, 0), label=variant)
        print_rows(f"MNIST, {what}, {epochs} epochs, {options.seeds} seeds: test accuracy", rows, f"at rate {COMMON:g}")
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.set(title=f"{what}, rate {COMMON:g}", xlabel="epoch", ylabel="deficit Σ(A − B)² after training", yscale="log")
    axes[0].legend(fontsize=7)
    save(figure, "neural_balance", options.out)


if __name__ == "__main__":
    script(main, __doc__, epochs=10, seeds=3)
