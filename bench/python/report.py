"""Writes bench/RESULTS.md, suite.json and roofline.png from a suite's file and that of bench/cmd/bench.

    python report.py build/suite.json [--go build/bench.json] [--out bench] [--quick]

--quick prints the ratios instead and writes nothing.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Sequence
from pathlib import Path

import neon_model
import roofline
from figures import Figures, Record, anything, elements, in_order, size_name
from go_kernels import call_targets, duration, go_part, table
from hebbkern.bench.sequences import LONG_PRODUCTS, LONG_SANGER, RULES
from hebbkern.bench.workloads import BY_NAME, WORKLOADS
from reasons import Reason, beside, load, stale
from targets import Target, rule_targets, targets
from workers import GO_PEERS, LIMITS, OURS, OURS_GO


def median(values: list[float]) -> float | None:
    return statistics.median(values) if values else None


def shown(value: float | None, sign: str = "") -> str:
    return "–" if value is None else f"{sign}{value:.2f}"


def page(results: dict, go: dict | None, neon: dict | None, why: Sequence[Reason] = ()) -> list[str]:
    f, machine = Figures(results), results["machine"]
    lines = [
        "# Measurements",
        "",
        "Written by `make bench`; not edited by hand. All numbers are of one machine.",
        "",
        f"- Machine: {machine['cpu']} ({machine['family']}), {machine['cores']} cores, {'with' if machine['avx512'] else 'without'} AVX-512, {machine['kernel']}",
        f"- Commit {machine['commit']}; {machine['go']}; {machine['compiler']}; Python {machine['python']}",
        *([f"- Unset for the peers: {' '.join(machine['unset'])}"] if machine.get("unset") else []),
        f"- {machine['date']}, load average at the end {results['load']:.1f}"
        + (f"; the suite took {results['seconds'] / 60:.0f} minutes" if "seconds" in results else ""),
        *(
            f"- Command: `{command}`"
            for command in [*([go["command"]] if go else []), *dict.fromkeys(results["commands"])]
        ),
        "",
        *peers(results),
        *how(),
        "## Targets",
        "",
        "float32. Each figure is of one run; met when held in three fifths of the runs. Ratios are of times: limit ÷ hebbkern, peer ÷ hebbkern. "
        "Where a target is missed, the reason is named if it has been measured (bench/reasons.toml).",
        "",
    ]
    lines += target_table([*targets(f), *call_targets(results.get("calls", []))], why)
    lines += [
        "## Rules: a sequence in one call",
        "",
        "Every rule of `hebbkern.rules` that learns from a sequence, from Python, in order, y computed inside where the rule can, on one thread. "
        "Its kernels are those that the rule consists of, called from Go on the same data, one after the other (bench/cmd/worker/sequences.go): one "
        "`ForwardUpdate`, or with y given `Rank1Sequence`, for the sequence where that does the rule, else `Forward` and the update for each sample. "
        "Both are checked against the rule's equation in float64. A figure is the time of the rule over that of its kernels, in one run.",
        "",
    ]
    lines += rule_table(f, why)
    for threads in f.threads():
        lines += [f"## Ratios, {threads} thread{'s' if threads > 1 else ''}", ""]
        lines += ratios(f, threads)
    lines += ["![Roofline](roofline.png)", ""]
    for threads in f.threads():
        lines += [f"## Every peer, {threads} thread{'s' if threads > 1 else ''}", ""]
        lines += [
            "Time of the peer's best form as a multiple of hebbkern's from Python (Gonum, vek: of hebbkern's from Go), float32, over all runs; where Python has no such function, of hebbkern's from Go.",
            "",
        ]
        lines += every_peer(f, threads)
    lines += notes(f)
    if go:
        lines += go_part(go)
    if neon:
        lines += neon_model.section(neon)
    return lines


def all_targets(results: dict) -> list[Target]:
    """Those of a suite's file."""
    f = Figures(results)
    return [*targets(f), *call_targets(results.get("calls", [])), *rule_targets(f)]


def target_table(found: list[Target], why: Sequence[Reason]) -> list[str]:
    return table(
        ["workload", "size", "wanted", "held", "", "figure of each run", "beside", "reason"],
        [
            [
                t.what,
                t.size,
                t.wanted,
                f"{t.held}/{len(t.figures)}" if t.applies else "–",
                t.verdict,
                " ".join(f"{x:.2f}" for x in t.figures),
                t.note if t.figures else "",
                beside(t, why),
            ]
            for t in found
        ],
    )


def rule_table(f: Figures, why: Sequence[Reason]) -> list[str]:
    rows = []
    for t in rule_targets(f):
        workload = BY_NAME[t.what]
        (shape,) = (s for s in workload.shapes if size_name(s) == t.size)
        cell = f.cell(t.what, shape)
        kernels = f.cell(LONG_PRODUCTS if t.what == LONG_SANGER else t.what, shape)
        times = [f.fastest(cell, OURS, anything if t.what == LONG_SANGER else in_order) if cell else None,
                 f.fastest(kernels, OURS_GO) if kernels else None]  # fmt: skip
        rates = [f"{workload.samples(shape) / s:,.0f}" if s else "–" for s in times]
        rows.append([t.what.removeprefix("rule ").removeprefix("online "), t.size, *rates, shown(median(t.figures)), t.wanted, f"{t.held}/{len(t.figures)}", t.verdict,
                     " ".join(f"{x:.2f}" for x in t.figures), beside(t, why)])  # fmt: skip
    head = ["rule", "size", "samples/s", "kernels, samples/s", "ratio", "wanted", "held", "", "of each run", "reason"]
    return table(head, rows)


def how() -> list[str]:
    return [
        "Each peer is a process of its own and is called at its best: in place, into arrays made beforehand, fused loops, scans with donated "
        "buffers, blocked where that is faster. Each form is checked against NumPy in float64 before it is timed. The arrays of a workload start "
        "at a cache line, in large ones on huge pages where NumPy gets them. In a run the forms are timed in rounds, one after the other, the limits among them; the minimum counts, and what cannot be the best of its kind is timed once where its step is long. Limits are the "
        "best of several unrollings in C intrinsics (bench/limits) at the footprint of the workload.",
        "",
    ]


def peers(results: dict) -> list[str]:
    lines = []
    for name, peer in results["peers"].items():
        if peer["missing"]:
            lines.append(f"- {name}: **missing** ({peer['missing']}); {peer['mend']}")
            continue
        versions = ", ".join(
            f"{k} {' '.join(map(str, v)) if isinstance(v, list) else v}" for k, v in peer["versions"].items()
        )
        lines.append(f"- {name}: {versions}" + (f"; {'; '.join(peer['blas'])}" if peer["blas"] else ""))
    return [*lines, ""]


def rows_of(f: Figures, threads: int) -> list[tuple[str, Record]]:
    """Cells in the order of the workloads; online ones once for each of their two forms."""
    found = []
    for workload in WORKLOADS:
        if workload in RULES:  # they have a table of their own
            continue
        for dtype in ("float32", "float64"):
            for shape in workload.shapes:
                cell = f.cell(workload.name, shape, dtype, threads)
                if cell is not None:
                    found.append((workload.name, cell))
    return found


def ratios(f: Figures, threads: int) -> list[str]:
    rows = []
    for name, cell in rows_of(f, threads):
        online = f.workload(cell).online
        for accept, label in ((in_order, ", in order"), (None, ", any form")) if online else ((None, ""),):
            rows.append(ratio_row(f, cell, name + label, accept))
    head = [
        "workload",
        "size",
        "type",
        "hebbkern",
        "of the limit",
        "of the limit, from Go",
        "best peer ÷ hebbkern",
        "best peer",
    ]
    return ["Medians of the runs.", "", *table(head, rows)]


def ratio_row(f: Figures, cell: Record, label: str, accept) -> list[str]:
    keep = {"accept": accept} if accept else {}
    limit, limit_go, peer, who = [], [], [], ""
    any_form = f.workload(cell).online and not accept  # from Go there are those in order
    for run in range(f.runs(cell)):
        ours, from_go = f.ours(cell, run, **keep), None if any_form else f.ours(cell, run, OURS_GO, **keep)
        bound, best = f.bound(cell, run), f.best_peer(cell, run, **keep)
        if bound and elements(cell) >= 1024:
            limit += [bound / ours] if ours else []
            limit_go += [bound / from_go] if from_go else []
        if best:
            who = f"{best[1]}, {best[2]}"
            peer += [best[0] / (ours or from_go)] if ours or from_go else []
    seconds, where = f.fastest(cell, OURS, **keep), ""
    if seconds is None and not any_form:
        seconds, where = f.fastest(cell, OURS_GO, **keep), ", from Go"
    time = duration(seconds) + (where if seconds else "")
    samples = f.workload(cell).samples(tuple(cell["shape"]))
    if seconds and samples > 1:
        time = f"{samples / seconds:,.0f} samples/s"
    if not seconds and who:
        best = min(b[0] for run in range(f.runs(cell)) if (b := f.best_peer(cell, run, **keep)))
        who += f" ({samples / best:,.0f} samples/s)" if samples > 1 else f" ({duration(best)})"
    return [
        label,
        size_name(cell["shape"]),
        cell["dtype"],
        time,
        shown(median(limit)),
        shown(median(limit_go)),
        shown(median(peer), "×"),
        who,
    ]


def every_peer(f: Figures, threads: int) -> list[str]:
    names = [n for n, p in f.results["peers"].items() if n not in (LIMITS, OURS, OURS_GO) and not p["missing"]]
    rows = []
    for name, cell in rows_of(f, threads):
        if cell["dtype"] != "float32":
            continue
        row = [name, size_name(cell["shape"]), duration(f.fastest(cell, OURS)), duration(f.fastest(cell, OURS_GO))]
        for peer in names:
            ours, time = f.fastest(cell, OURS), f.fastest(cell, peer)
            if peer in GO_PEERS or ours is None:
                ours = f.fastest(cell, OURS_GO)
            row.append("–" if time is None else f"×{time / ours:.2f}" if ours else duration(time))
        rows.append(row)
    return table(["workload", "size", "hebbkern", "from Go", *names], rows)


def notes(f: Figures) -> list[str]:
    """What was wrong, failed or absent: named, not dropped."""
    found: dict[str, list[str]] = {}
    for cell in f.cells.values():
        for peer, forms in cell["peers"].items():
            for form, entry in forms.items():
                if entry.get("note"):
                    where = f"{cell['workload']} {size_name(cell['shape'])} {cell['dtype']} ×{cell['threads']}"
                    found.setdefault(f"{peer}, {form}: {entry['note']}", []).append(where)
    if not found:
        return []
    return [
        "## Not timed",
        "",
        *(f"- {what} ({'; '.join(where[:3])}{'; …' if len(where) > 3 else ''})" for what, where in found.items()),
        "",
    ]


def weak_limits(f: Figures) -> list[str]:
    """Cells whose limit something beats by more than 3 % in most runs: then the limit is weak, and no ratio counts."""
    weak = []
    for cell in f.cells.values():
        if elements(cell) < 1024:
            continue
        beaten = 0
        for run in range(f.runs(cell)):
            bound = f.bound(cell, run)
            fastest = min((s for peer in (OURS, OURS_GO) if (s := f.ours(cell, run, peer))), default=None)
            beaten += bool(bound and fastest and bound > 1.03 * fastest)
        if 2 * beaten > f.runs(cell):
            weak.append(f"{cell['workload']} {size_name(cell['shape'])} {cell['dtype']} ×{cell['threads']}")
    return weak


def balancing(path: Path) -> str:
    """What `make bench-balance` has written, a level lower."""
    if not path.exists():
        return ""
    return "\n" + "".join(f"#{line}" if line.startswith("#") else line for line in path.read_text("utf-8").splitlines(True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suite")
    parser.add_argument("--go")
    parser.add_argument("--out", default=str(Path(__file__).resolve().parents[1]))
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    results = json.loads(Path(args.suite).read_text())
    f = Figures(results)
    if args.quick:
        for threads in f.threads():
            print("\n".join(ratios(f, threads)[2:]))
        print("\n".join([*peers(results), *notes(f)]))
    else:
        go = json.loads(Path(args.go).read_text()) if args.go else None
        out = Path(args.out)
        model = Path(__file__).resolve().parents[1] / "neon.json"
        neon = json.loads(model.read_text()) if model.exists() else None
        if go:
            results["calls"] = go.get("calls", [])
        why, judged = load(), all_targets(results)
        text = "\n".join(page(results, go, neon, why)).rstrip() + "\n"
        if not roofline.plot(f, out / "roofline.png"):
            text = text.replace("![Roofline](roofline.png)\n\n", "")
        text += balancing(Path(__file__).resolve().parents[1] / "BALANCE.md")
        (out / "RESULTS.md").write_text(text, encoding="utf-8")
        (out / "suite.json").write_text(json.dumps(results, separators=(",", ":")) + "\n", encoding="utf-8")
        print(f"{out}/RESULTS.md: {sum(t.met for t in judged)} of {sum(t.applies for t in judged)} targets met")
        for entry in stale(judged, why):
            print(f"bench/reasons.toml is out of date: {entry}")
    weak = weak_limits(f)
    if weak:
        raise SystemExit("hebbkern beats its limit by more than 3 %, so the limit is weak: " + "; ".join(weak))


if __name__ == "__main__":
    main()
