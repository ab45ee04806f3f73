"""The FA_Ex task of Konishi, Igarashi & Miura (Front. Neurosci. 2023): 102-20-1 units learn the product of two signs
among 100 distractors, by backpropagation, feedback alignment, constant feedback of one sign or of mixed ones, and with a
fixed hidden layer. Set-up and reference figures are those of an independent implementation, 1,100 runs.

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
from hebbkern.demo import fa_ex_task

EPOCHS, EVERY = 1000, 25
CURVES = {
    "BP": fa_ex_task.BP,
    "FA": fa_ex_task.FA,
    "FA_Ex-100%": fa_ex_task.fa_ex(1.0),
    "FA_Ex-80%": fa_ex_task.fa_ex(0.8),
    "FA_Ex-0%": fa_ex_task.fa_ex(0.0),
    "fixed hidden layer": {"feedback": "fa", "fixed": True},
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


def main(options: argparse.Namespace) -> None:
    hk.set_num_threads(1)
    with ThreadPoolExecutor(options.threads) as pool:
        errors = np.array(
            list(pool.map(lambda run: fa_ex_task.one_run(CURVES, options.seed, run, EPOCHS, EVERY)[0], range(options.runs)))
        )

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
