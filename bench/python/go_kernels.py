"""The part of RESULTS.md that bench/cmd/bench measures: each kernel beside its limit, from Go, in one process."""

from __future__ import annotations

import statistics

from targets import Target

# A kernel faster than its limit by more than this shows that the limit is weak.
WEAK = 1.03


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    return [
        "| " + " | ".join(head) + " |",
        "|" + " --- |" * len(head),
        *("| " + " | ".join(row) + " |" for row in rows),
        "",
    ]


def duration(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.2f} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def go_part(go: dict) -> list[str]:
    lines = [
        "## Limits, from Go",
        "",
        "The best of several unrollings in C intrinsics (bench/limits), AVX2 on x86-64. Bandwidth counts each byte read and each byte written.",
        "",
    ]
    peak: dict = {}
    for r in go["registers"]:
        key = (r["name"], r["type"])
        peak[key] = max(peak.get(key, 0.0), r["gvectors_s"] * r["lanes"])
    lines += table(
        ["one thread", "G elements/s"],
        [
            [f"{name}, {typ}", f"{v:.2f}" + (f" ({2 * v:.0f} GFLOP/s)" if name == "fma" else "")]
            for (name, typ), v in peak.items()
        ],
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
        lines += table(
            ["kernel", "type", "size", "slots a vector"],
            [[r["name"], r["type"], f"{r['size']}²", f"{r['slots']:.1f}"] for r in general],
        )
    if go["targets"]:
        lines += ["Targets of the first kernels, float32 on one thread; met when held in three fifths of the runs:", ""]
        lines += table(
            ["kernel", "size", "wanted", "held", "", "ratio of each run"],
            [
                [
                    t["name"],
                    f"{t['size']}²",
                    t["wanted"],
                    f"{t['held']}/{len(t['ratios'])}",
                    "met" if t["met"] else "**not met**",
                    " ".join(f"{r:.2f}" for r in t["ratios"]),
                ]
                for t in go["targets"]
            ],
        )
    return lines


def call_targets(calls: list[dict]) -> list[Target]:
    """What a call from Go costs over the bare assembly: nanoseconds of each run, on few elements."""
    found: dict[str, Target] = {}
    for c in calls:
        name = f"{c['name']}, a call from Go"
        target = found.setdefault(name, Target(name, c["size"], "≤ 50 ns over the bare assembly call", high=50.0))
        target.figures.append(c["over_ns"])
        target.note = "ns"
    return list(found.values())
