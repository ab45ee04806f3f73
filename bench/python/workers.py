"""Starting the peers' processes and asking them; which peers there are."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
HERE = Path(__file__).resolve().parent
#: `make bench-peers` makes it.
PEERS_PYTHON = ROOT / ".venv-peers" / "bin" / "python"
#: What a machine may have set for OpenBLAS to run other kernels than the processor's own; unset for the workers.
OPENBLAS_SETTINGS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
#: An answer that takes longer is none.
PATIENCE = 300.0


@dataclass(frozen=True)
class Peer:
    """How a peer is started: by a module of peers/ and an interpreter, or by a program."""

    name: str
    module: str = ""
    interpreter: tuple[str, ...] = ()
    program: tuple[str, ...] = ()
    mend: str = "make bench-peers"

    def command(self) -> list[str]:
        if self.program:
            return list(self.program)
        found = next((p for p in self.interpreter if p and Path(p).exists()), sys.executable)
        return [found, str(HERE / "worker.py"), self.module]


_OWN = (sys.executable,)
_PEERS = (str(PEERS_PYTHON),)
OURS, OURS_GO, LIMITS = "hebbkern", "hebbkern, Go", "limits"
#: What a Go program could take; compared with hebbkern from Go.
GO_PEERS = ("Gonum", "vek")
PEERS = (
    Peer(LIMITS, "limits_", _OWN, mend="install gcc"),
    Peer(OURS, "hebbkern_", _OWN, mend="make build/python.stamp"),
    Peer(OURS_GO, program=(str(BUILD / "worker"),), mend="install Go"),
    Peer("NumPy", "numpy_", _OWN),
    Peer("SciPy BLAS", "scipy_", _PEERS),
    Peer(
        "PyTorch",
        "torch_",
        (os.environ.get("TORCH_PYTHON", ""), *_PEERS),
        mend="make bench-peers TORCH=pypi, or TORCH_PYTHON=",
    ),
    Peer("JAX", "jax_", _PEERS),
    Peer("Numba", "numba_", _PEERS),
    Peer("SimSIMD", "simsimd_", _PEERS),
    Peer("NumKong", "numkong_", _PEERS),
    Peer("Gonum", program=(str(BUILD / "peers-go"), "gonum")),
    Peer("vek", program=(str(BUILD / "peers-go"), "vek")),
)


def environment(threads: int) -> dict[str, str]:
    """The environment of a worker."""
    env = {k: v for k, v in os.environ.items() if k not in OPENBLAS_SETTINGS}
    for name in ("OMP", "OPENBLAS", "MKL", "NUMBA", "HEBBKERN"):
        env[f"{name}_NUM_THREADS"] = str(threads)
    env["BENCH_THREADS"] = str(threads)
    env["BENCH_LIMITS"] = str(BUILD / "liblimits.so")
    env["NUMBA_CACHE_DIR"] = str(BUILD / "numba")
    return env


def build() -> None:
    """The limits' library and the Go programs. What cannot be built is missing, and its worker says so; nothing is
    downloaded here."""
    BUILD.mkdir(exist_ok=True)
    limits = ROOT / "bench" / "limits" / "limits.c"
    offline = {**os.environ, "GOPROXY": "off", "GOFLAGS": "-mod=readonly"}
    for made, command, folder in (
        (
            "liblimits.so",
            ["gcc", "-O2", "-std=gnu11", "-shared", "-fPIC", "-o", str(BUILD / "liblimits.so"), str(limits), "-lm"],
            ROOT,
        ),
        ("worker", ["go", "build", "-o", str(BUILD / "worker"), "./bench/cmd/worker"], ROOT),
        ("peers-go", ["go", "build", "-o", str(BUILD / "peers-go"), "."], ROOT / "bench" / "peers-go"),
    ):
        (BUILD / made).unlink(missing_ok=True)  # an old one would be measured in the place of one that fails to build
        try:
            done = subprocess.run(command, cwd=folder, env=offline, capture_output=True, text=True)
        except OSError as error:
            print(f"{made}: {error}", file=sys.stderr)
            continue
        if done.returncode:
            print(f"{made} cannot be built: {done.stderr.strip()[:300]}", file=sys.stderr)


class WorkerError(Exception):
    """A worker died or did not answer."""


class Worker:
    """A running peer. `missing` says why there is none."""

    def __init__(self, peer: Peer, threads: int) -> None:
        self.peer, self.threads = peer, threads
        self.missing: str | None = None
        self.versions: dict = {}
        self.blas: list[str] = []
        self._start()

    def _start(self) -> None:
        self.process = None
        try:
            self.process = subprocess.Popen(
                self.peer.command(), env=environment(self.threads), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )  # fmt: skip
        except OSError as error:
            self.missing = f"{error.strerror}: {self.peer.command()[0]}"

    def greet(self) -> None:
        """Takes the first line; workers are started together and load at the same time."""
        if self.missing is None:
            try:
                hello = self._answer()
            except WorkerError as error:
                hello = {"missing": str(error)}
            self.missing = hello.get("missing")
            if self.missing is not None:
                self.stop()
            self.versions, self.blas = hello.get("versions", {}), hello.get("blas", [])

    def ask(self, do: str, **order: object) -> dict:
        """One order and its answer; a worker that has died is started again, once, by the next order."""
        if self.process is None and self.missing is None:
            self._start()
            self.greet()
        if self.missing is not None:
            return {"failed": self.missing}
        try:
            assert self.process is not None and self.process.stdin is not None
            self.process.stdin.write((json.dumps({"do": do, **order}) + "\n").encode())
            self.process.stdin.flush()
            return self._answer()
        except (OSError, WorkerError) as error:
            self.stop()
            return {"failed": str(error)}

    def _answer(self) -> dict:
        assert self.process is not None and self.process.stdout is not None
        if not select.select([self.process.stdout], [], [], PATIENCE)[0]:
            raise WorkerError(f"no answer for {PATIENCE:.0f} s")
        line = self.process.stdout.readline()
        if not line:
            raise WorkerError(f"the process ended with status {self.process.wait()}")
        answer: dict = json.loads(line)
        return answer

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            with contextlib.suppress(OSError):  # an order that it did not read
                self.process.communicate()
            self.process = None
