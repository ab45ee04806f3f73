"""The targets of issue 4, judged run by run: one is met when it holds in three runs of five."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from figures import Accept, Figures, Record, anything, in_order, is_blocked, of, size_name
from hebbkern.bench.workloads import MATRICES, ONLINE, WORKLOADS
from workers import OURS, OURS_GO

LARGE = 1 << 20
#: What timing noise may feign where "never slower" is asked.
NOISE = 1.03
#: The issue's run took this for np.add of 8 elements; bounds on small calls are relative to it.
ADD = 0.46e-6
UPDATES = ("rank-1", "scale", "gain rule", "Oja, y given")


@dataclass
class Target:
    """One figure a run, and the bound that it should keep."""

    what: str
    size: str
    wanted: str
    low: float = -math.inf
    high: float = math.inf
    figures: list[float] = field(default_factory=list)
    note: str = ""

    @property
    def held(self) -> int:
        return sum(self.low <= f <= self.high for f in self.figures)

    @property
    def met(self) -> bool:
        return bool(self.figures) and 5 * self.held >= 3 * len(self.figures)

    @property
    def verdict(self) -> str:
        if not self.figures:
            return self.note or "not measured"
        return "met" if self.met else "**not met**"


def targets(figures: Figures) -> list[Target]:
    """All of the issue's table that the suite measures, in its order; what was not measured says so."""
    return [
        t
        for make in (_updates, _power_sums, _online, _products, _averages, _stdp, _threads, _calls)
        for t in make(figures)
    ]


def _to_limit(
    f: Figures,
    name: str,
    shape: tuple[int, ...],
    low: float,
    peer: str = OURS,
    accept: Accept = anything,
    said: str = "limit",
) -> Target:
    """limit ÷ hebbkern, in time."""
    target = Target(
        f"{name}{', from Go' if peer == OURS_GO else ''}", size_name(shape), f"≥ {low:.2f} of the {said}", low
    )
    return _fill(f, target, f.cell(name, shape), lambda c, r: (f.bound(c, r), f.ours(c, r, peer, accept)))


def _to_peer(f: Figures, name: str, shape: tuple[int, ...], low: float, ours: Accept = anything, theirs: Accept = anything,
             said: str = "the best peer", peer: str = OURS) -> Target:  # fmt: skip
    """peer ÷ hebbkern, in time."""
    target = Target(f"{name}{', from Go' if peer == OURS_GO else ''}", size_name(shape), f"≥ {low:g} × {said}", low)

    def times(cell: Record, run: int) -> tuple[float | None, float | None]:
        best = f.best_peer(cell, run, theirs)
        if best is not None:
            target.note = f"{best[1]}, {best[2]}"
        return best[0] if best else None, f.ours(cell, run, peer, ours)

    return _fill(f, target, f.cell(name, shape), times)


def _fill(f: Figures, target: Target, cell: Record | None, times) -> Target:
    if cell is None:
        return target
    for run in range(f.runs(cell)):
        above, below = times(cell, run)
        if above is not None and below is not None:
            target.figures.append(above / below)
        elif below is None:
            target.note = "not in this version"
        else:
            target.note = "no limit measured" if "of the" in target.wanted else "no such peer here"
    return target


def _updates(f: Figures) -> Iterable[Target]:
    for name in UPDATES:
        for shape in MATRICES:
            yield _to_limit(f, name, shape, 0.93, OURS_GO)
        for shape in MATRICES:
            if math.prod(shape) >= LARGE:
                yield _to_peer(f, name, shape, 1.0)


def _power_sums(f: Figures) -> Iterable[Target]:
    shapes = ((1024, 1024), (2000, 784))
    for p in ("2", "1"):
        for shape in shapes:
            yield _to_limit(f, f"power sums p={p}", shape, 0.9, OURS_GO)
    for p in ("1.5", "0.5"):
        for shape in shapes:
            yield _to_limit(f, f"power sums p={p}", shape, 0.9, OURS_GO, said="square-root unit")
            yield _to_peer(f, f"power sums p={p}", shape, 1.0)
    wide = bool(f.results["machine"].get("avx512"))
    for p in ("1.3", "2.7"):
        for shape in shapes:
            low = 2.5 if wide else 10
            said = f"NumPy ({'with' if wide else 'without'} AVX-512)"
            yield _to_peer(f, f"power sums p={p}", shape, low, theirs=of("NumPy"), said=said)


def _online(f: Figures) -> Iterable[Target]:
    for shape in ONLINE:
        low = 1.2 if shape == (1024, 1024) else 1.4
        yield _to_peer(f, "online Oja", shape, low, in_order, in_order, "the best peer in order")
    for shape in ONLINE:
        yield _to_limit(f, "online Oja", shape, 0.65, OURS, is_blocked, "two products' limit (blocked)")
        yield _to_peer(f, "online Oja", shape, 1.3, is_blocked, said="the best peer (blocked)")
    for name in ("online winner-take-all", "online SoftHebb"):
        for shape in ONLINE:
            yield _to_peer(f, name, shape, 1.5, said="the best peer of either form")


def _products(f: Figures) -> Iterable[Target]:
    for shape in MATRICES:
        yield _to_limit(
            f, "forward, 64 samples", shape, 0.80 if shape == (4096, 4096) else 0.85, OURS_GO, said="FMA peak"
        )
        yield _to_peer(f, "forward, 64 samples", shape, 1.0)
    for shape in MATRICES:
        if shape != (64, 784):
            yield _to_limit(f, "batch of 64, decay", shape, 0.80, OURS_GO, said="FMA peak")
            yield _to_peer(f, "batch of 64, decay", shape, 1.05)


def _averages(f: Figures) -> Iterable[Target]:
    for n in (1024, 65536, 1 << 22):
        yield _to_peer(f, "EMA", (n,), 1.0, theirs=of("vek"), said="vek", peer=OURS_GO)
    for n in (65536, 1 << 22):
        yield _to_peer(f, "EMA", (n,), 1.0, theirs=of("Numba", "SimSIMD", "NumKong"), said="Numba, SimSIMD, NumKong")


def _stdp(f: Figures) -> Iterable[Target]:
    yield _to_peer(f, "STDP, 5 % spikes", (400, 100), 1.5, theirs=of("Numba"), said="Numba")


def _threads(f: Figures) -> Iterable[Target]:
    """Gains from the second thread, and no workload slower with it."""
    for name, shapes, accept in (
        *((n, MATRICES, anything) for n in ("forward, 64 samples", "batch of 64, decay", *UPDATES)),
        *((n, ONLINE, is_blocked) for n in ("online Oja", "online SoftHebb")),
    ):
        for shape in shapes:
            if math.prod(shape) >= LARGE:
                yield _gain(f, name, shape, accept)
    slower = Target("every workload", "all", f"two threads never slower than one (≤ {NOISE:.2f})", high=NOISE)
    worst: dict[int, tuple[float, str]] = {}
    for workload in WORKLOADS:
        for shape in workload.shapes:
            one, two = f.cell(workload.name, shape), f.cell(workload.name, shape, threads=2)
            for run in range(min(f.runs(one), f.runs(two)) if one and two else 0):
                for peer in (OURS, OURS_GO):
                    a, b = f.ours(one, run, peer), f.ours(two, run, peer)
                    if a and b:
                        worst[run] = max(worst.get(run, (0.0, "")), (b / a, f"{workload.name} {size_name(shape)}"))
    slower.figures = [w[0] for w in worst.values()]
    slower.note = "; ".join(dict.fromkeys(w[1] for w in worst.values()))
    yield slower


def _gain(f: Figures, name: str, shape: tuple[int, ...], accept: Accept) -> Target:
    one, two = f.cell(name, shape), f.cell(name, shape, threads=2)
    target = Target(f"{name}, two threads", size_name(shape), "≥ 0.93 of what the limit gains", 0.93)
    for run in range(min(f.runs(one), f.runs(two)) if one and two else 0):
        a, b, la, lb = (
            f.ours(one, run, OURS, accept),
            f.ours(two, run, OURS, accept),
            f.bound(one, run),
            f.bound(two, run),
        )
        if a and b and la and lb:
            target.figures.append((a / b) / (la / lb))
        else:
            target.note = "not in this version" if not (a and b) else "no limit measured"
    return target


def _calls(f: Figures) -> Iterable[Target]:
    add = f.cell("np.add(a, b, out=c)", (8,))
    for name, shape, high in (("EMA", (8,), 1.5e-6), ("rank-1, small", (64, 64), 1.8e-6)):
        target = Target(
            f"{name}, a call from Python",
            size_name(shape),
            f"≤ {high * 1e6:.1f} µs where np.add takes {ADD * 1e6:.2f} µs",
            high=high * 1e6,
        )
        cell = f.cell(name, shape)
        for run in range(min(f.runs(cell), f.runs(add)) if cell and add else 0):
            ours, theirs = f.ours(cell, run), f.best_peer(add, run)
            if ours and theirs:
                target.figures.append(ours * 1e6 * ADD / theirs[0])
        yield target
