"""The benchmark suite: hebbkern, the machine's limits and every peer, in one run (`make bench`, `make bench-quick`).

Each peer is a process of its own (workers.py), so that neither thread pools nor a crash of one reach another. A cell is a
workload at one shape, element type and thread count. There every form of every peer first makes one step, which is
checked against NumPy in float64; one that is wrong is named and not timed. Then they are timed in rounds, one after the
other, the limits among them, and the minimum over the rounds of a run counts. Long steps of forms that cannot be the best
of their kind are timed once, in the first run: the others are within three times of the fastest.

    python suite.py --out build/suite.json [--quick] [--runs 5] [--threads 1 2] [--only TEXT] [--add]

--add joins the runs of this call to those in the file, so that a long measurement can be made in pieces.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from figures import is_blocked
from hebbkern.bench import quick
from hebbkern.bench.workloads import WORKLOADS, Workload
from tqdm import tqdm
from workers import GO_PEERS, LIMITS, OPENBLAS_SETTINGS, OURS, OURS_GO, PEERS, ROOT, Worker, build

#: Forms slower than the fastest of their kind by more than this are not timed again if a step of theirs is long.
HOPELESS = 3.0
#: Seconds of a long step.
LONG = 0.02
#: A form whose timings of a run have taken longer than this is not timed again in it.
ENOUGH = 0.25
#: With several threads: a pause when another process takes its turn, in which idle pools stop spinning.
SETTLE = 0.02
#: The shapes of `--quick`.
QUICK_SHAPES = set(quick.SHAPES)


@dataclass(frozen=True)
class Cell:
    workload: Workload
    shape: tuple[int, ...]
    dtype: str
    threads: int

    @property
    def key(self) -> str:
        return f"{self.workload.name}|{'x'.join(map(str, self.shape))}|{self.dtype}|{self.threads}"


def cells(threads: Sequence[int], some: bool, only: str) -> Iterator[Cell]:
    """All, or some for the quick suite; float64 where a step is cheap, at one size."""
    for workload in WORKLOADS:
        if some and not workload.quick:
            continue
        for shape in workload.shapes:
            unwanted = shape not in QUICK_SHAPES or workload.extra.get("p") in (0.5, 1.3)
            if some and (unwanted or (workload.online and shape != (64, 784))):
                continue
            for dtype in ("float32", "float64"):
                if dtype == "float64" and (some or not workload.double or shape != (1024, 1024)):
                    continue
                for n in sorted({*threads} & {*workload.threads}):
                    cell = Cell(workload, shape, dtype, n)
                    if only in cell.key:
                        yield cell


class Suite:
    """Measures cells and keeps what it found in `found`: cell → peer → form → {error, note, seconds of each run}."""

    def __init__(
        self,
        workers: dict[int, list[Worker]],
        rounds: int,
        slice_: float,
        found: dict[str, Any] | None = None,
        offset: int = 0,
    ) -> None:
        self.workers, self.rounds, self.slice, self.offset = workers, rounds, slice_, offset
        self.found: dict[str, Any] = found if found is not None else {}
        self._expected: dict[tuple, list[np.ndarray]] = {}
        self._right: set[tuple[str, str, str]] = set()  # checked by this suite: cell, peer, form

    def measure(self, cell: Cell) -> None:
        record = self.found.setdefault(
            cell.key,
            {
                "workload": cell.workload.name,
                "shape": cell.shape,
                "dtype": cell.dtype,
                "threads": cell.threads,
                "limits": [],
                "peers": {},
            },
        )
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        with tempfile.TemporaryDirectory(prefix="hebbkern-bench-", dir=memory) as folder:
            inputs = cell.workload.inputs(cell.shape, np.dtype(cell.dtype).type)
            described = _write(inputs, folder)
            turns: list[tuple[Worker, str]] = []
            for worker in self.workers[cell.threads]:
                if worker.peer.name != LIMITS and worker.missing is None:
                    turns += [(worker, form) for form in self._open(worker, cell, inputs, described, folder, record)]
            limits = next((w for w in self.workers[cell.threads] if w.peer.name == LIMITS and w.missing is None), None)
            self._rounds(cell, turns, limits, record)
        for worker in self.workers[cell.threads]:
            if worker.missing is None:
                worker.ask("close")

    def _open(self, worker: Worker, cell: Cell, inputs: dict, described: dict, folder: str, record: dict) -> list[str]:
        """The forms of a worker that are right, each after one step that was checked."""
        forms = record["peers"].setdefault(worker.peer.name, {})
        order = {
            "workload": cell.workload.form,
            "inputs": described,
            "outputs": cell.workload.outputs,
            "offset": self.offset,
        }
        answer = worker.ask("open", **order)
        if "failed" in answer:
            forms["open"] = {"note": f"failed: {answer['failed']}", "seconds": []}
            return []
        right = []
        for form in answer["forms"]:
            entry = forms.setdefault(form, {"seconds": []})
            if self._hopeless(record, worker.peer.name, form):
                continue
            key = cell.key, worker.peer.name, form
            if key in self._right and worker.process is not None:
                worker.ask("check", form=form)
                right.append(form)
                continue
            entry.pop("note", None)
            answer = worker.ask("check", form=form, folder=folder)
            for state in ("absent", "failed"):
                if state in answer:
                    entry["note"] = f"{state}: {answer[state]}"
            if worker.process is None:  # it died of this form: a new one takes up what was right
                worker.ask("open", **order)
                for other in right:
                    worker.ask("check", form=other)
            if "results" not in answer:
                continue
            try:
                entry["error"] = cell.workload.error(
                    inputs, [_read(r) for r in answer["results"]], self._wanted(cell, inputs)
                )
            except ValueError as error:
                entry["note"] = f"wrong: {error}"
                continue
            if entry["error"] <= cell.workload.tolerance:
                right.append(form)
                self._right.add(key)
            else:
                entry["note"] = (
                    f"wrong: error {entry['error']:.1e}, where {cell.workload.tolerance:.0e} is allowed and doing nothing gives 1"
                )
        if not forms:
            del record["peers"][worker.peer.name]
        return right

    @staticmethod
    def _hopeless(record: dict, peer: str, form: str) -> bool:
        """Was it measured before, its step long, and does something else of its kind beat it by far?"""
        mine = fastest(record["peers"][peer][form])
        if peer in (OURS, OURS_GO) or not LONG < mine < np.inf:
            return False
        alike = [
            fastest(entry)
            for other, forms in record["peers"].items()
            for name, entry in forms.items()
            if other not in (OURS, OURS_GO) and kind(other, name) == kind(peer, form)
        ]
        return mine > HOPELESS * min(alike)

    def _wanted(self, cell: Cell, inputs: dict) -> list[np.ndarray]:
        key = cell.workload.name, cell.shape, cell.dtype
        if key not in self._expected:
            self._expected.clear()  # one cell's at a time: they may be large
            self._expected[key] = cell.workload.expected(inputs)
        return self._expected[key]

    def _rounds(self, cell: Cell, turns: list[tuple[Worker, str]], limits: Worker | None, record: dict) -> None:
        ops = [
            op
            for op, used in (
                (cell.workload.memory, cell.workload.memory),
                ("fma", cell.workload.fmas),
                ("sqrt", cell.workload.roots),
            )
            if used
        ]
        itemsize = np.dtype(cell.dtype).itemsize
        footprint = cell.workload.footprint(cell.shape, itemsize)
        best: dict[tuple[str, str], float] = {}
        took: dict[tuple[str, str], float] = {}
        floor: dict[str, float] = {}
        last: Worker | None = None
        for k in range(self.rounds + cell.threads - 1):  # two threads meet more of what else the machine does
            for op in ops if limits else ():
                answer = limits.ask("limit", op=op, bytes=footprint, itemsize=itemsize, slice=self.slice / 2)
                if "seconds" in answer:
                    floor[op] = min(floor.get(op, np.inf), answer["seconds"])
            for worker, form in turns:
                key = worker.peer.name, form
                if k and (key not in best or took[key] > ENOUGH or self._slow(best, key)):
                    continue
                if cell.threads > 1 and worker is not last:
                    time.sleep(SETTLE)
                last = worker
                begin = time.perf_counter()
                answer = worker.ask("time", form=form, slice=self.slice)
                took[key] = took.get(key, 0.0) + time.perf_counter() - begin
                if "seconds" in answer:
                    best[key] = min(best.get(key, np.inf), answer["seconds"])
                else:
                    record["peers"][key[0]][form]["note"] = f"failed: {answer['failed']}"
        # One number a run for each form, None where it was not timed: the runs stay in line.
        for peer, forms in record["peers"].items():
            for form, entry in forms.items():
                entry["seconds"] += [None] * (len(record["limits"]) - len(entry["seconds"])) + [best.get((peer, form))]
        record["limits"].append(floor)

    @staticmethod
    def _slow(best: dict[tuple[str, str], float], key: tuple[str, str]) -> bool:
        """As `_hopeless`, by what this run has measured."""
        if key[0] in (OURS, OURS_GO) or best[key] < LONG:
            return False
        return best[key] > HOPELESS * min(s for k, s in best.items() if k[0] not in (OURS, OURS_GO) and kind(*k) == kind(*key))


def kind(peer: str, form: str) -> tuple[bool, bool]:
    """Forms of one kind are compared: targets ask for the best in order, and for the best that Go has."""
    return peer in GO_PEERS, is_blocked(peer, form)


def fastest(entry: dict) -> float:
    """The best of a form's runs; infinite when it was never timed."""
    return min((s for s in entry["seconds"] if s is not None), default=np.inf)


def _write(inputs: dict, folder: str) -> dict:
    """The inputs as orders describe them, arrays in files."""
    described: dict[str, Any] = {}
    for name, value in inputs.items():
        if isinstance(value, np.ndarray):
            path = Path(folder) / name
            value.tofile(path)
            value = {"file": str(path), "dtype": value.dtype.name, "shape": value.shape}
        described[name] = value
    return described


def _read(result: dict) -> np.ndarray:
    array = np.fromfile(result["file"], result["dtype"]).reshape(result["shape"])
    Path(result["file"]).unlink()
    return array


def start(threads: int) -> list[Worker]:
    """All workers for a number of threads, loaded at the same time."""
    workers = [Worker(peer, threads) for peer in PEERS]
    for worker in workers:
        worker.greet()
        if worker.missing is not None:
            print(f"missing: {worker.peer.name}: {worker.missing} ({worker.peer.mend})", file=sys.stderr)
    return workers


def machine() -> dict:
    def first(*command: str) -> str:
        try:
            return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()[0]
        except (OSError, subprocess.CalledProcessError, IndexError):
            return f"{command[0]} unknown"

    info = {}
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        info.setdefault(name.strip(), value.strip())
    return {
        "cpu": info.get("model name", platform.machine()),
        "family": f"family {info.get('cpu family', '?')}, model {info.get('model', '?')}",
        "avx512": "avx512f" in info.get("flags", "").split(),
        "cores": len(os.sched_getaffinity(0)),
        "unset": [f"{name}={os.environ[name]}" for name in OPENBLAS_SETTINGS if name in os.environ],
        "kernel": f"{platform.system()} {platform.release()}",
        "go": first("go", "version"),
        "compiler": first("gcc", "--version"),
        "python": platform.python_version(),
        "commit": first("git", "describe", "--always", "--dirty"),
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default=str(ROOT / "build" / "suite.json"))
    parser.add_argument("--quick", action="store_true", help="one thread, one run, few sizes: under a minute")
    parser.add_argument("--runs", type=int)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--slice", type=float, help="seconds of one timing, at least one step")
    parser.add_argument("--threads", type=int, nargs="+")
    parser.add_argument("--only", default="", help="only cells whose key (workload|shape|dtype|threads) contains this")
    parser.add_argument(
        "--offset",
        type=int,
        default=0,
        help="bytes from a cache line to the start of the Python arrays (NumPy's own: 16)",
    )
    parser.add_argument("--add", action="store_true")
    args = parser.parse_args()
    runs, rounds = args.runs or (1 if args.quick else 5), args.rounds or (3 if args.quick else 5)
    slice_, threads = args.slice or (0.001 if args.quick else 0.004), args.threads or ([1] if args.quick else [1, 2])

    todo = list(cells(threads, args.quick, args.only))
    if not todo:
        sys.exit(f"suite: no cell's key contains {args.only!r}")
    out = Path(args.out)
    results = json.loads(out.read_text()) if args.add and out.exists() else {"cells": {}, "commands": []}
    results["machine"] = machine()
    results["commands"].append(" ".join(["bench/python/suite.py", *sys.argv[1:]]))
    build()
    workers = {n: start(n) for n in threads}
    results["peers"] = {
        w.peer.name: {"missing": w.missing, "mend": w.peer.mend, "versions": w.versions, "blas": w.blas}
        for n in reversed(threads) for w in workers[n]
    }  # fmt: skip
    suite = Suite(workers, rounds, slice_, results["cells"], args.offset)
    started = time.monotonic()
    bar = tqdm(total=runs * len(todo), unit="cell", dynamic_ncols=True, smoothing=0)
    try:
        for run in range(runs):
            for cell in todo:
                bar.set_description(f"run {run + 1}/{runs}, {cell.key}")
                suite.measure(cell)
                save(results, out)
                bar.update()
    finally:
        bar.close()
        for several in workers.values():
            for worker in several:
                worker.stop()
    results["seconds"] = results.get("seconds", 0.0) + time.monotonic() - started
    save(results, out)


def save(results: dict, path: Path) -> None:
    """Writes the file whole or not at all; after each cell, so that what was measured is there whatever ends the run."""
    results["load"] = os.getloadavg()[0]
    path.parent.mkdir(exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(results, indent=1, default=str) + "\n")
    part.replace(path)


if __name__ == "__main__":
    main()
