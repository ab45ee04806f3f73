"""The FA_Ex task of Konishi, Igarashi & Miura (Front. Neurosci. 2023): 102-20-1 units learn the product of two signs
among 100 distractors, by backpropagation, feedback alignment, constant feedback of one sign or of mixed ones, and with a
fixed hidden layer. Set-up and reference figures are those of the project's mathematics page, section 6.

    .venv/bin/python bench/papers/fa_ex.py [--runs 100] [--threads 2] [--seed 1]

Prints each figure beside the reference, with the range in which that is expected (means at 250 and 500 epochs: three
standard errors; medians at 1000: the order statistics three standard deviations from the middle), and fails if one is
outside; draws the curves.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from _common import Row, print_rows, save, script

import hebbkern as hk

EPOCHS, BATCH, LR, EVERY, TEST = 1000, 8, 0.005, 25, 200
CURVES = {
    "BP": dict(feedback="bp"),
    "FA": dict(feedback="fa", beta=0.25),
    "FA_Ex-100%": dict(feedback="fa_ex", excitatory=1.0),
    "FA_Ex-80%": dict(feedback="fa_ex", excitatory=0.8),
    "FA_Ex-0%": dict(feedback="fa_ex", excitatory=0.0),
    "fixed hidden layer": dict(feedback="fa"),
}
# Of 1,100 runs: means at 250 and 500 epochs, medians at 1000; None where there is none (FA: a mean of 0.0009).
REFERENCE = {
    "BP": (1.00, 0.950, 0.0016),
    "FA": (0.677, 0.050, None),
    "FA_Ex-100%": (0.838, 0.080, 0.0002),
    "FA_Ex-80%": (0.823, 0.075, 0.0006),
    "FA_Ex-0%": (0.834, 0.078, 0.0002),
    "fixed hidden layer": (1.00, 1.00, 1.00),
}
REFERENCE_RUNS = 1100


def draw(random: np.random.Generator, samples: int) -> tuple[np.ndarray, np.ndarray]:
    sign = random.integers(0, 2, (samples, 102), dtype=np.int8) * np.float32(2) - 1
    x = random.standard_normal((samples, 102), np.float32) * np.float32(0.01) + sign
    return x, np.sign(x[:, :1]) * np.sign(x[:, 1:2])


def one_run(seed: int, run: int) -> np.ndarray:
    """Mean e² by curve and point of time, the first before training."""
    random = np.random.default_rng([seed, run])
    x, y = draw(random, EPOCHS * BATCH)
    test = draw(random, TEST)
    first = [random.uniform(-0.01, 0.01, shape).astype(np.float32) for shape in ((20, 102), (1, 20))]
    errors = np.empty((len(CURVES), EPOCHS // EVERY + 1))
    for curve, (name, options) in enumerate(CURVES.items()):
        net = hk.Network([102, 20, 1], seed=int(random.integers(2**63)), **options)
        for w, start in zip(net.weights, first):
            w[...] = start
        if name.startswith("fixed"):
            net.feedback_weights[0][...] = 0
        errors[curve, 0] = 2 * net.evaluate(*test)[0]  # the loss is e²/2
        for k in range(EPOCHS // EVERY):
            # An epoch of the paper is one update on 8 fresh samples; here EVERY of them in a call.
            part = slice(k * EVERY * BATCH, (k + 1) * EVERY * BATCH)
            net.fit(x[part], y[part], batch=BATCH, lr=LR, reduction="sum", shuffle=False, progress=False)
            errors[curve, k + 1] = 2 * net.evaluate(*test)[0]
    return errors


def main(options: argparse.Namespace) -> None:
    hk.set_num_threads(1)
    with ThreadPoolExecutor(options.threads) as pool:
        errors = np.array(list(pool.map(lambda run: one_run(options.seed, run), range(options.runs))))

    rows: list[Row] = []
    outside = []

    def compare(what: str, got: float, reference: float, low: float, high: float) -> None:
        good = low <= reference <= high
        if not good:
            outside.append(what)
        rows.append((what, f"{reference:.4g}", f"{got:.4g}   {low:.4g} … {high:.4g}{'' if good else '   OUTSIDE'}"))

    for curve, name in enumerate(CURVES):
        for epoch, reference in zip((250, 500), REFERENCE[name]):
            values = errors[:, curve, epoch // EVERY]
            margin = 3 * values.std(ddof=1) * np.sqrt(1 / len(values) + 1 / REFERENCE_RUNS)
            margin += 0.5 * 10.0 ** -(2 if reference == 1 else 3)  # of the reference's last digit
            mean = values.mean()
            compare(f"{name}, mean at {epoch}", mean, reference, mean - margin, mean + margin)
        values = np.sort(errors[:, curve, -1])
        if (reference := REFERENCE[name][2]) is not None:
            ranks = len(values) / 2 + np.array([-1, 1]) * 1.5 * np.sqrt(len(values))
            digit = 0.5 * 10.0 ** -(2 if reference == 1 else 4)
            low, high = values[np.clip(ranks, 0, len(values) - 1).astype(int)] + np.array([-digit, digit])
            compare(f"{name}, median at {EPOCHS}", float(np.median(values)), reference, low, high)
    print_rows(f"mean e² of {options.runs} runs, 102-20-1", rows, "reference")

    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    epochs = np.arange(0, EPOCHS + 1, EVERY)
    for curve, name in enumerate(CURVES):
        for axis, middle in zip(axes, (errors[:, curve].mean(0), np.median(errors[:, curve], 0))):
            axis.plot(epochs, middle, label=name)
        for at, reference in zip((250, 500), REFERENCE[name]):
            axes[0].plot(at, reference, "k+", markersize=9)
        if REFERENCE[name][2] is not None:
            axes[1].plot(EPOCHS, REFERENCE[name][2], "k+", markersize=9)
    axes[0].set(title=f"mean of {options.runs} runs; +: reference", ylabel="e² on fresh samples")
    axes[0].set(xlabel="epoch (one update on 8 samples)")
    axes[1].set(title="median", xlabel="epoch", yscale="log")
    axes[0].legend(loc="center right")
    print(f"  {save(figure, 'fa_ex', options.out)}")
    if outside:
        sys.exit(f"outside of the range: {', '.join(outside)}")


if __name__ == "__main__":
    script(main, __doc__, runs=100, threads=2, seed=1)
