"""Measures hebbkern beside NumPy from Python, joins the Go measurements, and writes bench/RESULTS.md.

`make bench` runs it after bench/cmd/bench, whose JSON file it takes with --go. Each round times every item once, one
after the other, hebbkern and NumPy in turn; the minimum over the rounds counts. NumPy is called at its best: into
arrays made beforehand, no temporaries.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import threadpoolctl
from report import write

import hebbkern as hk

HERE = Path(__file__).resolve().parent


class Item:
    """One thing that is timed: hebbkern's way and NumPy's."""

    def __init__(self, name: str, ours: Callable[[], object], theirs: Callable[[], object]) -> None:
        self.name = name
        self.calls = (ours, theirs)
        self.best = [float("inf"), float("inf")]
        self.repeat = [1, 1]

    def time(self, which: int) -> float:
        call, n = self.calls[which], self.repeat[which]
        begin = time.perf_counter()
        for _ in range(n):
            call()
        return (time.perf_counter() - begin) / n


def items(size: int, dtype: type) -> list[Item]:
    """The same steps in hebbkern and NumPy on a matrix of size x size; the weights stay near where they started."""
    rng = np.random.default_rng(1)
    w = rng.uniform(-1, 1, (size, size)).astype(dtype)
    t = np.empty_like(w)
    g, x = np.full(size, 1e-6, dtype), (np.arange(size) % 3 - 1).astype(dtype)
    keep, one = np.full(size, 1 - 1e-6, dtype), np.ones(size, dtype)
    gain = np.full(size, 0.5, dtype)
    y = np.empty(size, dtype)
    s, a = w.reshape(-1)[: w.size // 2], w.reshape(-1)[w.size // 2 :]
    lr = dtype(1e-3)
    column, gain_column = g[:, None], gain[:, None]

    def rank1() -> None:
        np.multiply(column, x, out=t)
        np.add(w, t, out=w)

    def rank1_decay() -> None:
        np.multiply(w, keep[:, None], out=w)
        rank1()

    def scale() -> None:
        np.multiply(w, one[:, None], out=w)
        np.multiply(w, one, out=w)

    def gain_rule() -> None:
        np.subtract(gain * gain, gain_column * gain_column, out=t)
        np.multiply(t, lr, out=t)
        np.multiply(t, w, out=t)
        np.add(w, t, out=w)

    half = np.empty_like(s)
    alpha = dtype(1e-6)

    def ema() -> None:
        np.multiply(s, dtype(1) - alpha, out=s)
        np.multiply(a, alpha, out=half)
        np.add(s, half, out=s)

    def power_sums(p: float, axis: int) -> Callable[[], object]:
        if p == 1:
            return lambda: np.abs(w, out=t).sum(axis)
        if p == 2:
            return lambda: np.einsum("ij,ij->i" if axis == 1 else "ij,ij->j", w, w)
        return lambda: np.power(np.abs(w, out=t), dtype(p), out=t).sum(axis)

    found = [
        Item("rank1", lambda: hk.rank1(w, g, x), rank1),
        Item("rank1 decay", lambda: hk.rank1(w, g, x, decay=g), rank1_decay),
        Item("scale", lambda: hk.scale(w, one, one), scale),
        Item("gain_rule linear", lambda: hk.gain_rule(w, gain, gain, 1e-3), gain_rule),
        Item("ema", lambda: hk.ema(s, a, 1e-6), ema),
        Item("forward", lambda: hk.forward(w, x, out=y), lambda: np.dot(w, x, out=y)),
    ]
    for p in (1.0, 2.0, 1.5, 0.5, 2.7):
        for axis in (1, 0):
            name = f"power_sums p={p:g} {'rows' if axis else 'cols'}"
            found.append(Item(name, lambda p=p, axis=axis: hk.power_sums(w, p, axis=axis), power_sums(p, axis)))
    return found


def measure(found: list[Item], rounds: int, slice_: float) -> None:
    for item in found:
        for which in (0, 1):
            item.time(which)
            item.repeat[which] = max(1, int(slice_ / max(item.time(which), 1e-9)))
    for _ in range(rounds):
        for item in found:
            for which in (0, 1):
                item.best[which] = min(item.best[which], item.time(which))


def call_cost(rounds: int) -> list[dict]:
    """Microseconds of a call on small arrays, where the work is a fraction of the call."""
    w, g, x = np.zeros((64, 64), np.float32), np.full(64, 1e-6, np.float32), np.ones(64, np.float32)
    b = np.zeros(64, np.float32)
    y, t = np.empty(64, np.float32), np.empty_like(w)

    def rank1() -> None:
        np.multiply(g[:, None], x, out=t)
        np.add(w, t, out=w)

    found = [
        Item("rank1 64x64", lambda: hk.rank1(w, g, x), rank1),
        Item("forward 64x64", lambda: hk.forward(w, x, out=y), lambda: np.dot(w, x, out=y)),
        Item("ema 64", lambda: hk.ema(b, x, 0.1), lambda: np.multiply(b, np.float32(0.9), out=b)),
    ]
    measure(found, rounds, 0.01)
    return [{"name": i.name, "hebbkern": i.best[0], "numpy": i.best[1]} for i in found]


def versions() -> dict:
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "numpy_blas": [f"{p['internal_api']} {p['version']} {p.get('architecture', '')}".strip()
                       for p in threadpoolctl.threadpool_info() if p.get("user_api") == "blas"],
        "numpy_simd": np.show_config(mode="dicts").get("SIMD Extensions", {}).get("found", []),
        "hebbkern": hk.cpu_info(),
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
    }


def commit() -> str:
    """The commit that was measured, when git knows it."""
    try:
        found = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=HERE, capture_output=True, text=True, check=True)
        return found.stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--go", help="JSON file of bench/cmd/bench")
    parser.add_argument("--out", default=str(HERE.parent), help="folder for RESULTS.md, results.json, results.png")
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 1024, 4096])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()

    rows = []
    for threads in args.threads:
        hk.set_num_threads(threads)
        with threadpoolctl.threadpool_limits(threads, user_api="blas"):
            for size in args.sizes:
                for dtype in (np.float32, np.float64):
                    print(f"Python, {size}x{size} {dtype.__name__}, threads {threads}", file=sys.stderr)
                    found = items(size, dtype)
                    measure(found, args.rounds, 0.002)
                    rows += [
                        {"name": i.name, "size": size, "type": dtype.__name__, "threads": threads, "hebbkern": i.best[0], "numpy": i.best[1]}
                        for i in found
                    ]
    hk.set_num_threads(1)
    results = {
        "python": {"versions": versions(), "rows": rows, "calls": call_cost(args.rounds), "command": " ".join(["bench/python/run.py", *sys.argv[1:]])},
        "commit": commit(),
        "go": json.loads(Path(args.go).read_text()) if args.go else None,
        "load": os.getloadavg()[0],
    }
    print(write(results, Path(args.out)))


if __name__ == "__main__":
    main()
