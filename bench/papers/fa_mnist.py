"""Feedback alignment and FA_Ex on MNIST, 784-512-10 ReLU units with a squared error, beside backpropagation.

    make data
    .venv/bin/python bench/papers/fa_mnist.py [--epochs 10] [--seeds 1]

Prints the test accuracy of each after the last epoch, at the best of three rates, and the angle between what it teaches
the hidden layer and the gradient; draws both by epoch. The last line is backpropagation with the softmax. HEBBKERN_DATA
names another folder than data/.
"""

from __future__ import annotations

import argparse
import os

import numpy as np
from _common import ROOT, Row, print_rows, save, script

import hebbkern as hk
from hebbkern.datasets import load_mnist

RATES = (0.01, 0.03, 0.1)
CURVES = {
    "BP": dict(feedback="bp"),
    "FA": dict(feedback="fa"),
    "sign": dict(feedback="sign"),
    "FA_Ex-100%": dict(feedback="fa_ex", excitatory=1.0),
    "FA_Ex-80%": dict(feedback="fa_ex", excitatory=0.8),
    "FA_Ex-50%": dict(feedback="fa_ex", excitatory=0.5),
    "fixed hidden layer": dict(feedback="fa"),
    "BP, softmax": dict(feedback="bp", loss="softmax"),
}


def train(options: dict, data: tuple, epochs: int, lr: float, seed: int) -> tuple[list[float], list[float]]:
    """Test accuracy and the hidden layer's angle after each epoch."""
    x, y, x_test, y_test = data
    net = hk.Network([784, 512, 10], seed=seed, **{k: v for k, v in options.items() if k != "fixed"})
    if options.get("fixed"):
        net.feedback_weights[0][...] = 0
    accuracy, angles = [], []
    try:
        for _ in range(epochs):
            net.fit(x, y, batch=64, lr=lr, progress=False)
            accuracy.append(net.evaluate(x_test, y_test)[1])
            angles.append(net.alignment(x_test[:256], y_test[:256])[0])
    except hk.DivergenceError:  # a squared error bounds the rate by the hidden layer's largest principal component
        pass
    missing = epochs - len(accuracy)
    return accuracy + [0.0] * missing, angles + [np.nan] * missing


def main(options: argparse.Namespace) -> None:
    try:
        data = load_mnist(os.environ.get("HEBBKERN_DATA") or ROOT / "data")
    except FileNotFoundError as error:
        print(f"NOT RUN: {error}")
        return

    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    epochs = range(1, options.epochs + 1)
    rows: list[Row] = []
    for name, of in CURVES.items():
        of = {**of, "fixed": name.startswith("fixed")}
        found = {
            lr: np.array([train(of, data, options.epochs, lr, seed) for seed in range(options.seeds)]).mean(0)
            for lr in RATES
        }
        lr = max(found, key=lambda rate: found[rate][0, -1])
        accuracy, angles = found[lr]
        diverged = ", ".join(f"{rate:g}" for rate in RATES if not found[rate][0, -1])
        rows.append(
            (
                name,
                f"{100 * accuracy[-1]:.2f} %",
                f"lr {lr:g}, hidden layer at {angles[-1]:.1f}°{f'; diverges at lr {diverged}' if diverged else ''}",
            )
        )
        left.plot(epochs, 100 * accuracy, ".-", label=name)
        right.plot(epochs, angles, ".-", label=name)
    left.set(title="MNIST, test accuracy [%]", xlabel="epoch", ylim=(85, 100))
    right.set(title="angle between update and gradient, hidden layer [°]", xlabel="epoch")
    right.axhline(90, color="0.7", linewidth=1)
    right.legend(loc="center right", fontsize="small")
    print_rows(f"MNIST 784-512-10 after {options.epochs} epochs", rows, "test accuracy")
    print(f"  {save(figure, 'fa_mnist', options.out)}")


if __name__ == "__main__":
    script(main, __doc__, epochs=10, seeds=1)
