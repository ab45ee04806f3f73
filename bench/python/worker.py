"""One peer in a process of its own: reads orders, one JSON object a line, and answers each with one.

    python worker.py PEER        PEER names a module of peers/

Orders (suite.py gives them; bench/worker is the same in Go):
    {"do": "open", "workload": …, "inputs": {name: number or {"file", "dtype", "shape"}}, "outputs": [name, …],
     "offset": bytes from a cache line to the arrays' start}  → {"forms": [name, …]}
    {"do": "check", "form": …, "folder": …} → {"results": [{"file", "dtype", "shape"}, …]} of one step from the start;
                                              without a folder the step is made and not taken: {}
    {"do": "time", "form": …, "slice": s}   → {"seconds": of one step}, on average over repeats that fill the slice
    {"do": "limit", "op": …, "bytes": …, "itemsize": …, "slice": s} → {"seconds": of one pass}; peers/limits_.py
    {"do": "close"}                         → {}: memory is given back
The first line that a worker writes is {"versions": …, "blas": […]}, or {"missing": why}. What a form cannot do is
{"absent": why}, what it fails at {"failed": why}.
"""

from __future__ import annotations

import gc
import importlib
import itertools
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from peers import empty

#: A slice never repeats a step more often than this, so that nothing drifts far.
MOST = 20_000


class Session:
    """The arrays and steps of the workload that is open."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.close()

    def close(self) -> dict:
        self.inputs: dict[str, Any] = {}
        self.start: dict[str, Any] = {}
        self.steps: dict[str, Any] = {}
        self.limits: dict[tuple, Any] = {}
        gc.collect()
        return {}

    def open(self, workload: str, inputs: dict, outputs: list[str], offset: int) -> dict:
        import numpy as np

        self.close()
        self.forms = self.module.FORMS.get(workload, {})
        if not self.forms:
            return {"forms": []}
        for name, value in inputs.items():
            if isinstance(value, dict):
                array = empty(value["shape"], value["dtype"], offset)
                array[...] = np.fromfile(value["file"], value["dtype"]).reshape(value["shape"])
                value = array
            self.inputs[name] = value
        self.outputs = outputs
        self.start = {name: self.inputs[name].copy() for name in outputs if name in self.inputs}
        return {"forms": list(self.forms)}

    def _reset(self, step: Any) -> None:
        if hasattr(step, "reset"):
            step.reset()
            return
        for name, start in self.start.items():
            self.inputs[name][...] = start

    def check(self, form: str, folder: str | None = None) -> dict:
        import numpy as np

        try:
            step = self.forms[form](self.inputs)
        except NotImplementedError as reason:
            return {"absent": str(reason)}
        self.steps[form] = step
        if folder is None:
            return {}
        self._reset(step)
        returned = step()
        if hasattr(step, "results"):
            results = step.results()
        elif self.start:
            results = [self.inputs[name] for name in self.start]
        else:
            results = list(returned) if isinstance(returned, tuple) else [returned]
        answer = []
        for k, result in enumerate(results):
            array = np.ascontiguousarray(result)
            path = Path(folder) / f"{os.getpid()}-{k}.bin"
            array.tofile(path)
            answer.append({"file": str(path), "dtype": array.dtype.name, "shape": array.shape})
        return {"results": answer}

    def time(self, form: str, slice: float) -> dict:  # noqa: A002
        step = self.steps[form]
        self._reset(step)
        clock = time.perf_counter
        begin = clock()
        step()
        once = clock() - begin
        if once > slice:
            return {"seconds": once}
        begin = clock()
        step()
        reps = max(1, min(MOST, int(slice / max(clock() - begin, 1e-7))))
        repeats = itertools.repeat(None, reps)
        begin = clock()
        for _ in repeats:
            step()
        return {"seconds": (clock() - begin) / reps}

    def limit(self, op: str, bytes: int, itemsize: int, slice: float) -> dict:  # noqa: A002
        key = op, bytes, itemsize
        if key not in self.limits:
            self.limits[key] = self.module.Limit(*key)
        return {"seconds": self.limits[key].time(slice)}


def blas() -> list[str]:
    """The BLAS libraries of this process, with the kernel that each runs."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return []
    return [
        f"{p['internal_api']} {p['version']} {p.get('architecture', '')}, {p['num_threads']} threads"
        for p in threadpool_info()
        if p.get("user_api") == "blas"
    ]


def serve(load: Callable[[], Any]) -> None:
    """Loads a peer and answers orders until the input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no answer

    def say(answer: dict) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    try:
        module = load()
        say({"versions": module.versions(), "blas": blas() if getattr(module, "USES_BLAS", False) else []})
    except Exception as error:  # a library fails to load in many ways, and each is a reason to name
        say({"missing": f"{type(error).__name__}: {(str(error) or '?').splitlines()[0]}"})
        return
    session = Session(module)
    gc.disable()
    for line in sys.stdin:
        order = json.loads(line)
        try:
            say(getattr(session, order.pop("do"))(**order))
        except Exception as error:
            say({"failed": f"{type(error).__name__}: {error}"[:500]})


if __name__ == "__main__":
    serve(lambda: importlib.import_module(f"peers.{sys.argv[1]}"))
