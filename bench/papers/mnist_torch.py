"""MNIST by backpropagation, 784-512-10 ReLU units, softmax, minibatches of 64, beside PyTorch: the same weights at the
start and the same order of the samples, so the two learn alike but for rounding.

    make data
    make bench-peers TORCH=pypi, or TORCH_PYTHON=… for an interpreter that has PyTorch
    .venv/bin/python bench/papers/mnist_torch.py [--epochs 10] [--seeds 5] [--rates 2] [--rounds 5] [--threads 1]

Prints the test accuracy of both by seed, at the better of two rates; the loss of the first epoch of both; and the time of
an epoch with SGD and with Adam, and of 2,000 samples one by one (SGD), ours over PyTorch's. Times are the least of some
rounds in which the two take turns, PyTorch in a process of its own; of its optimizers' two forms, the usual one and
`fused`, the faster one counts. Without seeds or rounds that part is left out, so it can be run in pieces: what has been
learned and timed is kept in out/papers/mnist_torch.json.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import hebbkern as hk
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from _common import ROOT, Data, Kept, Row, images, print_rows, save, script

SIZES = [784, 512, 10]
BATCH, SINGLE = 64, 2000
RATES = (0.1, 0.3)
TIMED = {  # what: optimizer, rate, batch, samples
    "an epoch, SGD, batch 64": ("sgd", 0.1, BATCH, None),
    "an epoch, Adam, batch 64": ("adam", 1e-3, BATCH, None),
    f"{SINGLE} samples, SGD, batch 1": ("sgd", 0.01, 1, SINGLE),
}
TARGETS = {"an epoch, SGD, batch 64": 0.75, f"{SINGLE} samples, SGD, batch 1": 0.25}


class Twin:
    """The process of _torch_twin.py."""

    def __init__(self, data: Data, folder: Path) -> None:
        found = [os.environ.get("TORCH_PYTHON", ""), str(ROOT / ".venv-peers" / "bin" / "python")]
        interpreter = next((p for p in found if p and Path(p).exists()), None)
        if interpreter is None:
            raise FileNotFoundError("PyTorch is missing: make bench-peers TORCH=pypi, or TORCH_PYTHON=…")
        self.folder = folder
        twin = Path(__file__).with_name("_torch_twin.py")
        env = {k: v for k, v in os.environ.items() if k not in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
        self.process = subprocess.Popen(
            [interpreter, str(twin)], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for name, array in (("x", data.x), ("y", data.labels), ("x_test", data.x_test), ("y_test", data.labels_test)):
            np.save(folder / f"{name}.npy", array)
        self.version = self.ask("data", folder=str(folder))["version"]

    def ask(self, do: str, **order: Any) -> dict[str, Any]:
        assert self.process.stdin and self.process.stdout
        try:
            self.process.stdin.write(json.dumps({"do": do, **order}) + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise RuntimeError(f"the PyTorch process has ended, status {self.process.wait()}")
        return dict(json.loads(answer))

    def net(self, net: hk.Network, lr: float, fused: bool = False, threads: int = 1) -> None:
        """A net with the weights of ours."""
        for l, (w, b) in enumerate(zip(net.weights, net.biases)):
            np.save(self.folder / f"w{l}.npy", w)
            np.save(self.folder / f"b{l}.npy", b)
        layers, optimizer = len(net.weights), net.optimizer["name"]
        self.ask(
            "net", folder=str(self.folder), layers=layers, optimizer=optimizer, lr=lr, fused=fused, threads=threads
        )

    def train(self, order: np.ndarray, batch: int) -> dict[str, Any]:
        np.save(self.folder / "order.npy", order)
        return self.ask("train", order=str(self.folder / "order.npy"), batch=batch)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


# ---- learning ---------------------------------------------------------------------------------------------------------


def learn(twin: Twin, data: Data, rate: float, epochs: int, seed: int) -> dict[str, Any]:
    """Test accuracies by epoch of ours and of PyTorch, the mean loss of the first epoch, the largest difference of a
    weight after it over the largest weight."""
    net = hk.Network(SIZES, loss="softmax", seed=seed)
    twin.net(net, rate, threads=hk.get_num_threads())
    random = np.random.default_rng(seed)
    ours, theirs, loss, apart = [], [], [0.0, 0.0], 0.0
    for epoch in range(epochs):
        order = random.permutation(len(data.x))
        history = net.fit(
            data.x[order], data.labels[order], batch=BATCH, lr=rate, shuffle=False, progress=False
        )
        answer = twin.train(order, BATCH)
        ours.append(net.evaluate(data.x_test, data.labels_test)[1])
        theirs.append(twin.ask("test")["accuracy"])
        if epoch == 0:
            loss = [history.loss[0], answer["loss"]]
            twin.ask("weights", folder=str(twin.folder))
            apart = max(
                float(np.abs(w - np.load(twin.folder / f"w{l}.npy")).max() / np.abs(w).max())
                for l, w in enumerate(net.weights)
            )
    return {"ours": ours, "theirs": theirs, "loss": loss, "apart": apart}


def learning(twin: Twin, data: Data, options: argparse.Namespace, kept: Kept) -> dict[float, list[dict[str, Any]]]:
    return {
        rate: [
            kept(
                f"learn, rate {rate:g}, {options.epochs} epochs, seed {seed}",
                lambda: learn(twin, data, rate, options.epochs, seed),
            )
            for seed in range(options.seeds)
        ]
        for rate in RATES[: options.rates]
    }


def learned_rows(found: dict[float, list[dict[str, Any]]]) -> tuple[list[Row], dict[str, float]]:
    """The table, and the best rate of each side."""
    best = {
        side: max(found, key=lambda rate: float(np.mean([run[side][-1] for run in found[rate]])))
        for side in ("ours", "theirs")
    }
    last = {side: np.array([100 * run[side][-1] for run in found[best[side]]]) for side in best}
    rows: list[Row] = [
        (f"test accuracy, seed {seed}", f"{b:.2f} %", f"{a:.2f} %")
        for seed, (a, b) in enumerate(zip(last["ours"], last["theirs"]))
    ]
    rows.append(("the rate, better of " + ", ".join(f"{r:g}" for r in found), f"{best['theirs']:g}", f"{best['ours']:g}"))
    rows.append(("mean (wanted: 97.5 %)", f"{last['theirs'].mean():.2f} %", f"{last['ours'].mean():.2f} %"))
    rows.append(("difference of the means (wanted: within 0.3)", "", f"{last['ours'].mean() - last['theirs'].mean():+.2f}"))
    first = found[best["ours"]][0]
    rows.append(("mean loss of the first epoch, seed 0", f"{first['loss'][1]:.7f}", f"{first['loss'][0]:.7f}"))
    rows.append(("largest difference of a weight after it, over the largest", "", f"{first['apart']:.1e}"))
    return rows, best


# ---- time -------------------------------------------------------------------------------------------------------------


def time_once(twin: Twin, data: Data, what: str, threads: int) -> list[float]:
    """Seconds of ours, of PyTorch, of PyTorch with the fused optimizer."""
    optimizer, rate, batch, samples = TIMED[what]
    x, labels = data.x[:samples], data.labels[:samples]
    net = hk.Network(SIZES, loss="softmax", optimizer=optimizer, seed=0)
    order = np.random.default_rng(0).permutation(len(x))
    theirs = []
    for fused in (False, True):
        twin.net(net, rate, fused, threads)
        theirs.append(twin.train(order, batch)["seconds"])
        time.sleep(0.1)  # its threads go to sleep
    hk.set_num_threads(threads)
    began = time.perf_counter()
    net.fit(x, labels, batch=batch, lr=rate, progress=False)
    return [time.perf_counter() - began, *theirs]


def timing(twin: Twin, data: Data, threads: int, rounds: int, kept: Kept) -> tuple[list[Row], dict[str, float]]:
    """The table, and the ratios."""
    found: dict[str, list[list[float]]] = {what: [] for what in TIMED}
    for k in range(rounds):
        for what in TIMED:
            key = f"{what}, {threads} threads, round {k}"
            found[what].append(kept(key, lambda: time_once(twin, data, what, threads)))
    rows: list[Row] = []
    ratios = {}
    for what, of in found.items():
        ours, usual, fused = np.min(of, 0)
        ratios[what] = ours / min(usual, fused)
        rows.append(
            (
                f"{what}, {threads} thread{'s' * (threads > 1)}",
                f"{usual:.3f} s, fused {fused:.3f} s",
                f"{ours:.3f} s: {ratios[what]:.2f}" + (f", wanted {TARGETS[what]:g}" if what in TARGETS else ", no target"),
            )
        )
    return rows, ratios


def draw(
    found: dict[float, list[dict[str, Any]]], best: dict[str, float], ratios: dict[int, dict[str, float]], folder: Path
) -> Path:
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    for side, style, colour in (("theirs", "o--", "C1"), ("ours", ".-", "C0")):
        for k, run in enumerate(found[best[side]] if best else []):
            name = None if k else {"ours": "hebbkern", "theirs": "PyTorch"}[side]
            left.plot(range(1, len(run[side]) + 1), [100 * a for a in run[side]], style, color=colour, label=name, alpha=0.7)
    left.set(xlabel="epoch", ylabel="test accuracy [%]", title="MNIST 784-512-10, each seed")
    if best:
        left.legend()
    for k, (threads, of) in enumerate(ratios.items()):
        places = np.arange(len(of)) + 0.4 * k
        right.bar(places, list(of.values()), 0.35, label=f"{threads} thread{'s' * (threads > 1)}")
    for k, what in enumerate(TIMED):
        if what in TARGETS:
            right.plot([k - 0.2, k + 0.6], [TARGETS[what]] * 2, color="k", label=None if k else "wanted")
    right.axhline(1, color="0.7", linewidth=1)
    right.set_xticks(np.arange(len(TIMED)) + 0.2, [w.replace(", ", ",\n", 1) for w in TIMED])
    right.set(title="time, hebbkern over PyTorch")
    right.legend()
    return save(figure, "mnist_torch", folder)


def main(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            data = images("MNIST")
            twin = Twin(data, Path(folder))
        except (FileNotFoundError, RuntimeError) as error:
            print(f"NOT RUN: {error}")
            return
        try:
            compare(twin, data, options)
        finally:
            twin.stop()


def compare(twin: Twin, data: Data, options: argparse.Namespace) -> None:
    kept = Kept("mnist_torch", options.out)
    best: dict[str, float] = {}
    found: dict[float, list[dict[str, Any]]] = {}
    if options.seeds:
        found = learning(twin, data, options, kept)
        rows, best = learned_rows(found)
        title = f"MNIST 784-512-10, batch {BATCH}, {options.epochs} epochs, {options.seeds} seeds"
        print_rows(title, rows, f"PyTorch {twin.version}")
    before = hk.get_num_threads()
    ratios: dict[int, dict[str, float]] = {}
    for threads in (options.threads,) if options.threads else (1, 2):
        if options.rounds:
            rows, ratios[threads] = timing(twin, data, threads, options.rounds, kept)
            print_rows(f"least of {options.rounds} rounds", rows, f"PyTorch {twin.version}")
    hk.set_num_threads(before)
    print(f"  {draw(found, best, ratios, options.out)}")
    kept.say()


if __name__ == "__main__":
    script(main, __doc__, epochs=10, seeds=5, rates=2, rounds=5, threads=0)
