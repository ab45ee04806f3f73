"""Models the inner loops of the NEON kernels with llvm-mca: throughput on a Neoverse N1 and V1, no measurement.

    python neon_model.py [--out bench/neon.json]

It builds the kernels' test binary for arm64, disassembles the kernels below, and gives the longest inner loop of each,
which is the most unrolled one and so the one that long vectors take, to llvm-mca with all loads in the first cache.
Versions of LLVM before 19 have no model of the V1 and an older one of the N1; Apple's cores have none.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from go_kernels import table

CORES = ("neoverse-n1", "neoverse-v1")
OLDEST = 19
ITERATIONS = 200
WANTED = 0.8
KERNELS = {
    "rank-1 update": "Rank1G",
    "rank-1 update with decay": "Rank1DG",
    "scale, rows and columns": "ScaleRC",
    "gain rule, linear": "GainLinear",
    "matrix-vector product (dots)": "MatVec",
    "power sums by row, p = 1": "RowSum1",
    "power sums by row, p = 2": "RowSum2",
    "power sums by column, p = 2": "ColSum2",
    "power sums, both, p = 2": "BothSum2",
    "microkernel of XWᵀ": "DotTile",
    "microkernel of GᵀX": "MulTile",
    "forward + update, Oja": "OnlineGY",
    "moving average": "EMA",
}
BRANCH = re.compile(r"b\.\w+|b|cbn?z")


class Instruction(NamedTuple):
    address: int
    name: str
    operands: str


def tool(name: str) -> str:
    """The newest llvm tool of that name; at least version 19."""
    for candidate in (*(f"{name}-{version}" for version in range(30, OLDEST - 1, -1)), name):
        path = shutil.which(candidate)
        if path:
            found = re.search(r"LLVM version (\d+)", subprocess.run([path, "--version"], capture_output=True, text=True).stdout)
            if found and int(found[1]) >= OLDEST:
                return path
    raise SystemExit(f"{name} {OLDEST} or newer is missing: apt-get install llvm-{OLDEST}")


def parse(listing: str) -> list[Instruction]:
    """The instructions of an objdump listing, branches with their target's address."""
    found = []
    for line in listing.splitlines():
        match = re.match(r"\s*([0-9a-f]+):\s+(\S+)\s*([^<]*)", line)
        if match:
            found.append(Instruction(int(match[1], 16), match[2], match[3].strip()))
    return found


def inner_loops(code: list[Instruction]) -> list[list[Instruction]]:
    """The loops that contain no other: from the target of a branch backwards to the branch."""
    at = {instruction.address: i for i, instruction in enumerate(code)}
    spans = set()
    for end, instruction in enumerate(code):
        target = instruction.operands.split(",")[-1].strip()
        if BRANCH.fullmatch(instruction.name) and target.startswith("0x"):
            start = at.get(int(target, 16))
            if start is not None and start <= end:
                spans.add((start, end))
    inner = [s for s in spans if not any(o != s and s[0] <= o[0] and o[1] <= s[1] for o in spans)]
    return [code[start : end + 1] for start, end in sorted(inner)]


def vector_operations(loop: list[Instruction]) -> int:
    return sum(1 for i in loop if re.match(r"v\d+\.", i.operands))


def text(loop: list[Instruction]) -> str:
    """Assembly of the loop; where a branch goes does not matter to the model."""
    lines = []
    for i in loop:
        operands = i.operands
        if BRANCH.fullmatch(i.name):
            operands = ", ".join([*operands.split(",")[:-1], "0"])
        lines.append(f"{i.name} {operands}")
    return "\n".join(lines) + "\n"


def model(mca: str, core: str, loop: list[Instruction]) -> dict[str, float | str]:
    command = [mca, "-mtriple=aarch64-linux-gnu", f"-mcpu={core}", f"-iterations={ITERATIONS}", "-json"]
    run = subprocess.run(command, input=text(loop), capture_output=True, text=True, check=True)
    report = json.loads(run.stdout)
    region = report["CodeRegions"][0]
    cycles = region["SummaryView"]["TotalCycles"] / region["SummaryView"]["Iterations"]
    ports = report["TargetInfo"]["Resources"]
    # The entry after the last instruction is the sum of an iteration.
    usage = {
        ports[entry["ResourceIndex"]]: entry["ResourceUsage"]
        for entry in region["ResourcePressureView"]["ResourcePressureInfo"]
        if entry["InstructionIndex"] == len(loop)
    }
    busiest = max(usage, key=lambda port: usage[port])
    return {"core": core, "cycles": cycles, "port": busiest.partition(".")[0], "busy": usage[busiest] / cycles}


def build(binary: Path) -> None:
    environment = {**os.environ, "GOARCH": "arm64", "GOOS": "linux", "CGO_ENABLED": "0"}
    root = Path(__file__).resolve().parents[2]
    subprocess.run(["go", "test", "-c", "-o", str(binary), "./kernels"], cwd=root, env=environment, check=True)


def measure() -> dict:
    mca, objdump = tool("llvm-mca"), tool("llvm-objdump")
    version = re.search(r"LLVM version (\S+)", subprocess.run([mca, "--version"], capture_output=True, text=True).stdout)
    assert version is not None, "tool() has read it"
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        binary = Path(folder) / "kernels.test"
        build(binary)
        for what, kernel in KERNELS.items():
            for element in ("F32", "F64"):
                symbol = f"github.com/hebbkern/hebbkern/asm.{kernel}{element}NEON.abi0"
                listing = subprocess.run(
                    [objdump, "-d", "--no-show-raw-insn", f"--disassemble-symbols={symbol}", str(binary)],
                    capture_output=True, text=True, check=True,
                ).stdout  # fmt: skip
                loops = inner_loops(parse(listing))
                if not loops:
                    raise SystemExit(f"{symbol} has no loop, or is not in the binary")
                loop = max(loops, key=vector_operations)
                for core in CORES:
                    rows.append(
                        {"what": what, "kernel": kernel + element, "instructions": len(loop), "vector": vector_operations(loop)}
                        | model(mca, core, loop)
                    )
    return {"llvm": version[1], "rows": rows}


def section(results: dict) -> list[str]:
    """The part of RESULTS.md."""
    by_loop: dict[tuple, dict[str, dict]] = {}
    for row in results["rows"]:
        by_loop.setdefault((row["what"], row["kernel"], row["instructions"], row["vector"]), {})[row["core"]] = row
    return [
        "## NEON, modelled and not measured",
        "",
        f"`make neon-model`: llvm-mca {results['llvm']}, the longest inner loop of each kernel, all loads in the first cache. "
        "Cycles an iteration, and the share of them in which the busiest port works: 1 is the port limit.",
        "",
        *table(
            ["kernel", "", "instructions", "of them vector", *(f"{core}: cycles · port · busy" for core in CORES)],
            [
                [what, kernel, str(n), str(vector)]
                + [f"{c['cycles']:.1f} · {c['port']} · {c['busy']:.2f}" for c in (cores[name] for name in CORES)]
                for (what, kernel, n, vector), cores in by_loop.items()
            ],
        ),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default=str(Path(__file__).resolve().parents[1] / "neon.json"))
    args = parser.parse_args()
    results = measure()
    Path(args.out).write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print("\n".join(section(results)))
    below = [f"{r['kernel']} on {r['core']}: {r['busy']:.2f}" for r in results["rows"] if r["busy"] < WANTED]
    print(f"below {WANTED}: {'; '.join(below) or 'none'}")


if __name__ == "__main__":
    main()
