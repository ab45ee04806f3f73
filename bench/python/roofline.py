"""The roofline: arithmetic a second against arithmetic a byte, under what the memory and the FMA units allow."""

from __future__ import annotations

from pathlib import Path

from figures import Figures, itemsize, size_name
from hebbkern.bench.workloads import WORKLOADS
from workers import OURS

PANELS = ((64, 784), (1024, 1024), (4096, 4096))
#: Left out: the arithmetic of a general power is the implementation's own, and the others are sparse.
LEFT_OUT = ("power sums p=1.3", "power sums p=2.7", "online winner-take-all", "STDP, 5 % spikes", "rank-1, small")


def plot(figures: Figures, path: Path) -> bool:
    """Writes the picture; False when no cell of its panels was measured."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    workloads = [w for w in WORKLOADS if w.name not in LEFT_OUT and any(s in PANELS and w.flops(s) for s in w.shapes)]
    shapes = [s for s in PANELS if any(figures.cell(w.name, s) for w in workloads)]
    if not shapes:
        return False
    colour = {w.name: plt.get_cmap("tab20")(k % 20) for k, w in enumerate(workloads)}
    fig, axes = plt.subplots(
        1, len(shapes), figsize=(5.2 * len(shapes), 5.6), sharey=True, squeeze=False, layout="constrained"
    )
    low, high = 0.1, 1000.0
    for ax, shape in zip(axes[0], shapes, strict=True):
        measured = [(w, c) for w in workloads if (c := figures.cell(w.name, shape))]
        best: dict[str, float] = {}
        for _, cell in measured:
            for run in cell["limits"]:
                for op, seconds in run.items():
                    best[op] = min(best.get(op, seconds), seconds)
        peak = 2e-9 / best["fma"] if "fma" in best else None
        size = float(shape[0] * shape[1] * 4)
        for op, passes, style, above in (("read", 1, "-", -10), ("read+write", 2, "--", 5)):
            if op in best:
                rate = passes * size / best[op] * 1e-9
                top = high if peak is None else peak / rate
                ax.plot([low, top], [rate * low, rate * top], "k" + style, lw=1, label=f"{op}")
                ax.annotate(
                    f"{rate:.0f} GB/s", (low, rate * low), (4, 3), textcoords="offset points", fontsize=8, rotation=0
                )
        if peak is not None:
            ax.axhline(peak, color="k", lw=1)
            ax.annotate(
                f"{peak:.0f} GFLOP/s", (high, peak), (-4, 3), textcoords="offset points", fontsize=8, ha="right"
            )
        shifts: dict[float, int] = {}
        for workload, cell in measured:
            flops = workload.flops(shape)
            intensity = flops / workload.traffic(shape, itemsize(cell))
            k = shifts[intensity] = shifts.get(intensity, -1) + 1
            at = intensity * 1.13**k  # side by side where they would lie on one another
            ours = figures.fastest(cell, OURS)
            found = [p for run in range(figures.runs(cell)) if (p := figures.best_peer(cell, run))]
            theirs = min(found)[0] if found else None
            if ours and theirs:
                ax.plot([at, at], [flops / ours * 1e-9, flops / theirs * 1e-9], color=colour[workload.name], lw=1)
            if theirs:
                ax.plot(at, flops / theirs * 1e-9, "o", mfc="white", color=colour[workload.name], ms=6)
            if ours:
                ax.plot(at, flops / ours * 1e-9, "o", color=colour[workload.name], ms=6)
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_xlim(low, high)
        ax.set_title(size_name(shape), fontsize=10)
        ax.set_xlabel("FLOP a byte that must move")
    axes[0][0].set_ylabel("GFLOP/s")
    handles = [plt.Line2D([], [], marker="o", ls="", color=colour[w.name], label=w.name) for w in workloads]
    handles += [
        plt.Line2D([], [], marker="o", ls="", color="grey", label="hebbkern, from Python"),
        plt.Line2D([], [], marker="o", ls="", color="grey", mfc="white", label="the best peer"),
        plt.Line2D([], [], ls="-", color="k", label="limit: read, FMA"),
        plt.Line2D([], [], ls="--", color="k", label="limit: read and write"),
    ]
    fig.legend(handles=handles, loc="outside lower center", ncols=5, fontsize=8)
    fig.suptitle(f"float32, one thread, {figures.results['machine']['cpu']}", fontsize=11)
    fig.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(fig)
    return True
