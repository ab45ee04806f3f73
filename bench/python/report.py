"""Writes the measurements as bench/RESULTS.md, results.json and results.png."""

from __future__ import annotations

import json
import statistics
from pathlib import Path

# A kernel faster than its limit by more than this shows that the limit is weak.
WEAK = 1.03


def write(results: dict, folder: Path) -> str:
    """Writes the three files and returns the text of the first."""
    text = "\n".join(page(results)) + "\n"
    (folder / "RESULTS.md").write_text(text, encoding="utf-8")
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    if results["go"]:
        plot(results["go"], folder / "results.png")
    return text


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    return ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head), *("| " + " | ".join(row) + " |" for row in rows), ""]


def page(results: dict) -> list[str]:
    go, python = results["go"], results["python"]
    versions = python["versions"]
    lines = ["# Measurements", "", "Written by `make bench`; not edited by hand. All numbers are of one run on one machine.", ""]
    if go:
        m = go["machine"]
        lines += [
            f"- Machine: {m['cpu']}, {m['cores']} cores, {m['kernel']}",
            f"- hebbkern {m['library']} on {m['isa']}, commit {results['commit']}; {m['go']}; limits by {m['compiler']}",
        ]
    lines += [
        f"- Python {versions['python']}, NumPy {versions['numpy']} ({', '.join(versions['numpy_blas']) or 'no BLAS found'}; "
        f"SIMD {' '.join(versions['numpy_simd']) or 'unknown'})",
        f"- {versions['date']}, load average at the end {results['load']:.1f}",
        f"- Commands: {'`' + go['command'] + '`, ' if go else ''}`{python['command']}`",
        "",
    ]
    if go:
        lines += go_part(go)
    return lines + python_part(python)


def go_part(go: dict) -> list[str]:
    lines = ["## Limits", "", "The best of several unrollings in C intrinsics (bench/limits), AVX2 on x86-64. Bandwidth counts each byte read and each byte written.", ""]
    peak: dict = {}
    for r in go["registers"]:
        key = (r["name"], r["type"])
        peak[key] = max(peak.get(key, 0.0), r["gvectors_s"] * r["lanes"])
    lines += table(
        ["one thread", "G elements/s"],
        [[f"{name}, {typ}", f"{v:.2f}" + (f" ({2 * v:.0f} GFLOP/s)" if name == "fma" else "")] for (name, typ), v in peak.items()],
    )
    best: dict = {}
    ratios: dict = {}
    for r in go["rows"]:
        key = (bool(r.get("is_limit")), r["name"], r["type"], r["threads"], r["size"])
        if key not in best or r["seconds"] < best[key]["seconds"]:
            best[key] = r
        ratios.setdefault(key, []).append(r.get("ratio", 0.0))
    sizes = sorted({k[4] for k in best})
    rows = []
    for limit, name, typ, threads in dict.fromkeys(k[:4] for k in best if k[0]):
        rows.append([name, typ, str(threads), *(f"{best[limit, name, typ, threads, s]['gb_s']:.1f}" for s in sizes)])
    lines += table(["limit, GB/s", "type", "threads", *(f"{s}²" for s in sizes)], rows)

    lines += [
        "## Kernels, from Go",
        "",
        "Time, and its ratio to the limit at the same footprint in the same run (1.00: as fast as the machine allows; the median of the runs): "
        "read+write for kernels in place, read for sums and products, the square-root unit where that is slower. `†`: beats its limit by more than 3 %.",
        "",
    ]
    for threads in dict.fromkeys(k[3] for k in best):
        rows = []
        for _, name, typ, _ in dict.fromkeys(k[:4] for k in best if not k[0] and k[3] == threads):
            cells = []
            for s in sizes:
                key = (False, name, typ, threads, s)
                ratio = statistics.median(ratios[key])
                cells.append(f"{duration(best[key]['seconds'])}, {ratio:.2f}" + ("†" if ratio > WEAK else ""))
            rows.append([name, typ, *cells])
        lines += [f"{threads} thread{'s' if threads > 1 else ''}:", ""]
        lines += table(["kernel", "type", *(f"{s}²" for s in sizes)], rows)

    general = [r for r in best.values() if r["name"].startswith("power sums p=2.7 rows") and r["threads"] == 1]
    if general:
        lines += ["Arithmetic-bound: time of one vector of elements, in fused multiply-adds at peak rate.", ""]
        lines += table(["kernel", "type", "size", "slots a vector"], [[r["name"], r["type"], f"{r['size']}²", f"{r['slots']:.1f}"] for r in general])
    if go["targets"]:
        lines += ["Targets, float32 on one thread; met when held in three runs of five:", ""]
        lines += table(
            ["kernel", "size", "wanted", "held", "", "ratio of each run"],
            [
                [t["name"], f"{t['size']}²", t["wanted"], f"{t['held']}/{len(t['ratios'])}", "met" if t["met"] else "**not met**", " ".join(f"{r:.2f}" for r in t["ratios"])]
                for t in go["targets"]
            ],
        )
        lines += ["![Ratio to the limit](results.png)", ""]
    return lines


def python_part(python: dict) -> list[str]:
    lines = ["## hebbkern and NumPy, from Python", "", "NumPy into arrays made beforehand. Time of hebbkern, and NumPy's time as a multiple of it.", ""]
    rows = python["rows"]
    sizes = sorted({r["size"] for r in rows})
    found = {(r["threads"], r["name"], r["type"], r["size"]): r for r in rows}
    for threads in dict.fromkeys(k[0] for k in found):
        body = []
        for _, name, typ in dict.fromkeys(k[:3] for k in found if k[0] == threads):
            cells = []
            for s in sizes:
                r = found[threads, name, typ, s]
                cells.append(f"{duration(r['hebbkern'])}, ×{r['numpy'] / r['hebbkern']:.1f}")
            body.append([name, typ, *cells])
        lines += [f"{threads} thread{'s' if threads > 1 else ''}:", ""]
        lines += table(["step", "type", *(f"{s}²" for s in sizes)], body)
    lines += ["One call on small float32 arrays:", ""]
    lines += table(["call", "hebbkern", "NumPy"], [[c["name"], duration(c["hebbkern"]), duration(c["numpy"])] for c in python["calls"]])
    return lines


def duration(seconds: float) -> str:
    if seconds < 1e-3:
        return f"{seconds * 1e6:.2f} µs"
    return f"{seconds * 1e3:.2f} ms"


def plot(go: dict, path: Path) -> None:
    """Bars of the ratio to the limit, float32 on one thread, one colour a size."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    ratios: dict = {}
    for r in go["rows"]:
        if not r.get("is_limit") and r["threads"] == 1 and r["type"] == "float32":
            ratios.setdefault(r["name"], {}).setdefault(r["size"], []).append(r["ratio"])
    if not ratios:
        return
    sizes = sorted({s for by_size in ratios.values() for s in by_size})
    fig, ax = plt.subplots(figsize=(9, 0.32 * len(ratios) * max(1, len(sizes) / 2) + 1.2), layout="constrained")
    height = 0.8 / len(sizes)
    for k, size in enumerate(sizes):
        at = [i + (k - (len(sizes) - 1) / 2) * height for i in range(len(ratios))]
        ax.barh(at, [statistics.median(by_size.get(size, [0.0])) for by_size in ratios.values()], height, label=f"{size}²")
    ax.axvline(1, color="black", linewidth=1)
    ax.axvline(0.9, color="grey", linewidth=1, linestyle=":")
    ax.set_yticks(range(len(ratios)), list(ratios))
    ax.invert_yaxis()
    ax.set_xlabel("ratio to the machine's limit at the same footprint (1: the limit, dotted: 0.9)")
    ax.set_title(f"float32, one thread, {go['machine']['isa']}, {go['machine']['cpu']}", fontsize=10)
    ax.legend()
    fig.savefig(path, dpi=110, metadata={"Software": None})
