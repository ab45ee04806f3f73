"""Times balancing beside the forms that NumPy users write, and writes bench/BALANCE.md.

    python balancing.py [--rounds 15] [--vgg] [--out bench/BALANCE.md]

All are timed in turn, round by round, on one thread; the minimum counts. Each starts from the same weights, uniform
after He, and ends when a sweep would scale no unit by more than 1e-6.
"""

from __future__ import annotations

import os

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import hebbkern as hk
import numpy as np
from hebbkern._graph import Block, balance_graph

Weights = list[np.ndarray]
NET = (784, 1024, 1024, 1024, 10)
#: The layers of VGG-16 as matrices [out, in · kernel]; 138 million weights with the three dense layers.
VGG_KERNELS = [(64, 3), (64, 64), (128, 64), (128, 128), (256, 128), (256, 256), (256, 256), (512, 256), (512, 512),
               (512, 512), (512, 512), (512, 512), (512, 512)]  # fmt: skip
VGG_DENSE = [(4096, 25088), (4096, 4096), (1000, 4096)]
LEAST = 1e-6


def uniform(shapes: Sequence[tuple[int, int]], seed: int = 0) -> Weights:
    random = np.random.default_rng(seed)
    return [(random.random(shape, np.float32) * 2 - 1) * np.float32(np.sqrt(6 / shape[1])) for shape in shapes]


def power(w: np.ndarray, p: float) -> np.ndarray:
    return np.abs(w) if p == 1 else w * w if p == 2 else np.abs(w) ** np.float32(p)


def in_numpy(weights: Weights, p: float) -> int:
    """The best of the vectorised forms: |w|^p once, sweeps that move only the scales, one write at the end."""
    powers = [power(w, p) for w in weights]
    scales = [np.ones(w.shape[0], np.float32) for w in weights[:-1]]
    ends: list[Any] = [None, *scales, None]
    for sweep in range(1, 1000):
        most = 0.0
        for l in range(len(scales)):
            before, here, after = ends[l], ends[l + 1], ends[l + 2]
            a = powers[l].sum(1) if before is None else powers[l] @ before ** np.float32(-p)
            b = powers[l + 1].sum(0) if after is None else after ** np.float32(p) @ powers[l + 1]
            ratio = b / (a * here ** np.float32(2 * p))
            here *= ratio ** np.float32(1 / (2 * p))
            most = max(most, float(np.abs(np.log(ratio)).max()) / (2 * p))
        if most < LEAST:
            break
    for l, w in enumerate(weights):
        if ends[l + 1] is not None:
            w *= ends[l + 1][:, None]
        if ends[l] is not None:
            w /= ends[l]
    return sweep


def one_sweep_by_neuron(weights: Weights, p: float) -> None:
    """As the published code has it: neuron after neuron."""
    for first, second in zip(weights, weights[1:]):
        for i in range(len(first)):
            a, b = np.sum(np.abs(first[i]) ** p), np.sum(np.abs(second[:, i]) ** p)
            scale = (b / a) ** (1 / (2 * p))
            first[i] *= scale
            second[:, i] /= scale


def still_to_do(weights: Weights, p: float) -> float:
    """max |log λ| over the units, in float64, of the next sweep."""
    costs = [np.abs(w.astype(np.float64)) ** p for w in weights]
    return max(float(np.abs(np.log(b.sum(0) / a.sum(1))).max()) / (2 * p) for a, b in zip(costs, costs[1:]))


def reset_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def memory_in_use(what: str) -> int:
    """VmRSS, or VmHWM since reset_peak, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(what + ":"))


def read(weights: Weights) -> None:
    """One pass over the weights, by our own sums."""
    for w in weights:
        hk.power_sums(w, 1.0)


def timed(work: Callable[[Weights], Any], start: Weights, memory: Weights) -> float:
    for to, value in zip(memory, start):
        to[...] = value
    began = time.perf_counter()
    work(memory)
    return time.perf_counter() - began


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)] + [""]


def layered(rounds: int) -> list[str]:
    start = uniform(list(zip(NET[1:], NET)))
    memory = [w.copy() for w in start]
    rows = []
    for p in (1.0, 2.0, 1.3):
        sweeps, steps = 0, 0

        def ours(w: Weights) -> None:
            nonlocal steps
            steps = hk.balance(w, p=p).sweeps

        def theirs(w: Weights) -> None:
            nonlocal sweeps
            sweeps = in_numpy(w, p)

        least: dict[str, float] = {}
        for _ in range(rounds):
            for name, work in (("ours", ours), ("theirs", theirs), ("read", read)):
                least[name] = min(least.get(name, np.inf), timed(work, start, memory))
        neuron = timed(lambda w: one_sweep_by_neuron(w, p), start, memory) * sweeps
        hk.balance(stored := [w.copy() for w in start], p=p)
        rows.append(
            [f"{p:g}", f"{least['ours'] * 1e3:.2f} ms", f"{steps}", f"{least['ours'] / least['read']:.1f}",
             f"{least['theirs'] * 1e3:.2f} ms ({sweeps} sweeps)", f"{least['ours'] / least['theirs']:.2f}",
             f"{neuron / least['ours']:.0f}", f"{still_to_do(stored, p):.0e}"]
        )  # fmt: skip
    return [
        f"## {'-'.join(map(str, NET))}, ReLU, float32, one thread",
        "",
        *table(["p", "hebbkern, from Python", "steps", "in reads of the weights", "NumPy, scales only", "hebbkern ÷ NumPy",
                "a loop over neurons ÷ hebbkern", "max \\|log λ\\| of the stored weights"], rows),
    ]  # fmt: skip


def vgg() -> list[str]:
    start = uniform([(n, 9 * m) for n, m in VGG_KERNELS] + VGG_DENSE)
    size = sum(w.nbytes for w in start)
    rows = []
    for p in (2.0, 1.0, 1.3):
        memory = [w.copy() for w in start]
        blocks = []
        units = [w.shape[0] for w in memory]
        at = np.cumsum([0, *units[:-1]])
        for l, w in enumerate(memory):
            post = None if l == len(memory) - 1 else at[l] + np.arange(units[l])
            pre = None if l == 0 else np.repeat(at[l - 1] + np.arange(units[l - 1]), w.shape[1] // units[l - 1])
            blocks.append(Block(w, f"weights[{l}]", rows=post, cols=pre))
        reset_peak()
        before = memory_in_use("VmRSS")
        began = time.process_time()
        report = balance_graph(sum(units[:-1]), blocks, p=p)
        took = time.process_time() - began
        more = memory_in_use("VmHWM") - before
        began = time.process_time()
        read(memory)
        once = time.process_time() - began
        rows.append([f"{p:g}", f"{took:.2f} s", str(report.sweeps), f"{took / once:.1f}", f"{100 * more / size:.1f} %",
                     f"{report.residual:.0e}"])  # fmt: skip
    return [
        f"## VGG-16, {sum(w.size for w in start) / 1e6:.0f} million random weights, float32, one thread",
        "",
        *table(["p", "time of one core", "steps", "in reads of the weights", "more memory at the peak", "max \\|A − B\\|/(A + B)"], rows),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--vgg", action="store_true", help="VGG-16 too, which takes 3 GB")
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parents[1] / "BALANCE.md")
    args = parser.parse_args()
    hk.set_num_threads(1)
    lines = ["# Balancing", "", "Written by `make bench-balance`; not edited by hand. One run on one machine; the minimum of the rounds.", ""]
    lines += layered(args.rounds)
    if args.vgg:
        lines += vgg()
    text = "\n".join(lines).rstrip() + "\n"
    args.out.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
