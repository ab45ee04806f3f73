"""Feedback alignment and FA_Ex on MNIST, 784-512-10 ReLU units with a squared error, beside backpropagation.

    make data
    .venv/bin/python bench/papers/fa_mnist.py [--epochs 10] [--rates 0.01 0.03 0.1] [--seeds 1]

Prints the test accuracy of each after the last epoch, at the better of the rates, and the angle between what it teaches
the hidden layer and the gradient; draws both by epoch into out/papers/fa_mnist.png. The last line is backpropagation with
the softmax. HEBBKERN_DATA names another folder than data/.
"""

from __future__ import annotations

import argparse
import os
import time

import numpy as np
from _common import ROOT, save

import hebbkern as hk
from hebbkern.datasets import load_mnist

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
        print(f"   lr {lr} diverges in epoch {len(accuracy)}")
    missing = epochs - len(accuracy)
    return accuracy + [0.0] * missing, angles + [np.nan] * missing


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--rates", type=float, nargs="+", default=[0.01, 0.03, 0.1])
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    data = load_mnist(os.environ.get("HEBBKERN_DATA") or ROOT / "data")

    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    epochs = range(1, options.epochs + 1)
    for name, of in CURVES.items():
        start = time.perf_counter()
        found = {
            lr: np.array(
                [
                    train({**of, "fixed": name.startswith("fixed")}, data, options.epochs, lr, seed)
                    for seed in range(options.seeds)
                ]
            ).mean(0)
            for lr in options.rates
        }
        lr = max(found, key=lambda rate: found[rate][0, -1])
        accuracy, angles = found[lr]
        each = (time.perf_counter() - start) / options.epochs / options.seeds / len(options.rates)
        print(
            f"{name:20} accuracy {100 * accuracy[-1]:6.2f} %, lr {lr:g}, angle of the hidden layer {angles[-1]:5.1f}°, "
            f"{each:.2f} s an epoch"
        )
        left.plot(epochs, 100 * accuracy, ".-", label=f"{name}, lr {lr:g}")
        right.plot(epochs, angles, ".-", label=name)
    left.set(title="MNIST, test accuracy [%]", xlabel="epoch", ylim=(85, 100))
    right.set(title="angle between update and gradient, hidden layer [°]", xlabel="epoch")
    right.axhline(90, color="0.7", linewidth=1)
    left.legend(fontsize="small")
    save(figure, "fa_mnist.png")


if __name__ == "__main__":
    main()
