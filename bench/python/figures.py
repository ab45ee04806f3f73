"""What a suite's file says: seconds, limits and the best peer of each run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from hebbkern.bench.workloads import BY_NAME, Workload
from workers import GO_PEERS, OURS, OURS_GO

Record = dict[str, Any]
Accept = Callable[[str, str], bool]


def in_order(peer: str, form: str) -> bool:
    """The forms that take one sample after the other."""
    return not form.startswith("blocked")


def is_blocked(peer: str, form: str) -> bool:
    return form.startswith("blocked")


def anything(peer: str, form: str) -> bool:
    return True


@dataclass(frozen=True)
class Of:
    """The forms of some peers."""

    peers: tuple[str, ...]

    def __call__(self, peer: str, form: str) -> bool:
        return peer in self.peers


def of(*peers: str) -> Of:
    return Of(peers)


class Figures:
    """The cells of a suite's file."""

    def __init__(self, results: dict[str, Any]) -> None:
        self.results = results
        self.cells: dict[tuple, Record] = {
            (c["workload"], tuple(c["shape"]), c["dtype"], c["threads"]): c for c in results["cells"].values()
        }

    def cell(self, workload: str, shape: tuple[int, ...], dtype: str = "float32", threads: int = 1) -> Record | None:
        return self.cells.get((workload, shape, dtype, threads))

    def threads(self) -> list[int]:
        return sorted({key[3] for key in self.cells})

    @staticmethod
    def workload(cell: Record) -> Workload:
        return BY_NAME[cell["workload"]]

    @staticmethod
    def runs(cell: Record) -> int:
        return len(cell["limits"])

    @staticmethod
    def _timed(cell: Record, run: int) -> Iterator[tuple[float, str, str]]:
        for peer, forms in cell["peers"].items():
            for form, entry in forms.items():
                if run < len(entry["seconds"]) and entry["seconds"][run] is not None:
                    yield entry["seconds"][run], peer, form

    def ours(self, cell: Record, run: int, peer: str = OURS, accept: Accept = anything) -> float | None:
        """Seconds of hebbkern's best form in a run; None when it was not timed."""
        return min((s for s, p, f in self._timed(cell, run) if p == peer and accept(p, f)), default=None)

    def best_peer(self, cell: Record, run: int, accept: Accept = anything) -> tuple[float, str, str] | None:
        """Seconds, name and form of the fastest of the others in a run: those that Python has, unless named."""
        apart = (OURS, OURS_GO, *(GO_PEERS if not isinstance(accept, Of) else ()))
        return min((t for t in self._timed(cell, run) if t[1] not in apart and accept(t[1], t[2])), default=None)

    def bound(self, cell: Record, run: int) -> float | None:
        """Seconds that the limits of the machine leave, measured in the same run; None where nothing bounds it."""
        workload, shape, limits = self.workload(cell), tuple(cell["shape"]), cell["limits"][run]
        bounds = [limits[workload.memory]] if workload.memory in limits else []
        for op, count in (("fma", workload.fmas), ("sqrt", workload.roots)):
            if count and op in limits:
                bounds.append(count(shape) * limits[op])
        return max(bounds, default=None)

    def fastest(self, cell: Record, peer: str, accept: Accept = anything) -> float | None:
        """Seconds of a peer's best form over all runs."""
        found = [
            e for run in range(self.runs(cell)) for e in self._timed(cell, run) if e[1] == peer and accept(e[1], e[2])
        ]
        return min((e[0] for e in found), default=None)


def itemsize(cell: Record) -> int:
    return 8 if cell["dtype"] == "float64" else 4


def size_name(shape: tuple[int, ...] | list[int]) -> str:
    """1024², 64×784, 4 M, 16×3×32×96×5."""
    if len(shape) == 1:
        n = shape[0]
        return f"{n >> 20} M" if n >= 1 << 20 else str(n)
    return f"{shape[0]}²" if len(shape) == 2 and shape[0] == shape[1] else "×".join(map(str, shape))


def elements(cell: Record) -> int:
    return math.prod(cell["shape"])
