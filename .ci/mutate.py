"""Breaks the kernels on purpose and requires the tests to notice.

Each mutation changes one place in a copy of the repository: a sign in the text of a kernel, a store or an accumulation
left out, a tail one element short, a gate that asks for less. The kernels are generated anew from the changed text, must
still build, and then `go test ./kernels/...` (for the gate: on an emulated processor) must fail. A mutation that
survives, or that no longer finds its place, makes this script fail. The unchanged copy must pass first.

    python3 .ci/mutate.py [--only WORD] [--from N] [--list]
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COPY = ROOT / "build" / "mutate"

TESTS = ["go", "test", "-count=1", "-timeout", "10m", "./kernels/..."]
# Tried first: mostly these notice, in half the time.
FIRST = ["go", "test", "-count=1", "-timeout", "10m", "-failfast", "./kernels"]

# In the texts of the kernels, the calls of the vector interface (gen/ir) that a mutation rewrites.
# Name, pattern, replacement; the first and the last place in each file are tried.
TEXT_MUTATIONS = [
    ("sign flipped", r"\bb\.FMA\(", "b.FNMA("),
    ("sign flipped", r"\bb\.Add\(", "b.Sub("),
    ("lane dropped", r"(?m)^(\s*)b\.Store\(([^\n]*)\)$", r"\1_ = []any{\2}"),
    ("lane dropped", r"(?m)^(\s*)b\.Set\(([^\n]*)\)$", r"\1_ = []any{\2}"),
    ("lane dropped", r"(?m)^(\s*)a\.store\(([^\n]*)\)$", r"\1_ = []any{\2}"),
    ("lane dropped", r"(?m)^(\s*)a\.b\.Store\(([^\n]*)\)$", r"\1_ = []any{\2}"),
    ("tail lane dropped", r"(?m)^(\s*)(?:a\.)?b\.StoreM\(([^\n]*)\)$", r"\1_ = []any{\2}"),
]

# Elsewhere: name, file, old text, new text, the command that must fail.
OTHER_MUTATIONS = [
    (
        "gate without FMA3",
        "kernels/isa_amd64.go",
        "cpuid.CPU.Supports(cpuid.AVX2, cpuid.FMA3)",
        "cpuid.CPU.Supports(cpuid.AVX2)",
        ["make", "test-x86-models", "X86_MODELS=max,-fma"],
    ),
    (
        "gate without AVX2",
        "kernels/isa_amd64.go",
        "cpuid.CPU.Supports(cpuid.AVX2, cpuid.FMA3)",
        "cpuid.CPU.Supports(cpuid.FMA3)",
        ["make", "test-x86-models", "X86_MODELS=max,-avx2"],
    ),
    (
        "tail one short",
        "gen/ir/builder.go",
        "func (b *Builder) Tail(n Val) Tail {",
        "func (b *Builder) Tail(n Val) Tail {\n\tn = b.ICopy(n)\n\tb.AddTo(n, -1)",
        TESTS,
    ),
]


@dataclass
class Mutation:
    name: str
    path: str
    line: int
    content: str  # of the whole file, changed
    tests: list[str]


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "HEBBKERN_TEST_THIN": "1"}
    return subprocess.run(command, cwd=COPY, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def copy() -> None:
    """The files that git knows or would add, nothing built."""
    shutil.rmtree(COPY, ignore_errors=True)
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, stdout=subprocess.PIPE, check=True)
    for name in filter(None, names.stdout.decode().split("\0")):
        source = ROOT / name
        if source.is_file():
            (COPY / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, COPY / name)


def mutations() -> list[Mutation]:
    found = []
    for path in sorted((COPY / "gen" / "texts").glob("*.go")):
        if path.name.endswith("_test.go"):
            continue
        text, places = path.read_text(encoding="utf-8"), {}
        for name, pattern, replacement in TEXT_MUTATIONS:
            matches = list(re.finditer(pattern, text))
            for m in {m.start(): m for m in matches[:1] + matches[-1:]}.values():
                changed = text[: m.start()] + m.expand(replacement) + text[m.end() :]
                places[name, m.start()] = changed
        if re.search(r"\bb\.(Store|Set|FMA|Add)\(", text) and not places:
            sys.exit(f"mutate: no mutation finds a place in {path.name}")
        relative = str(path.relative_to(COPY))
        found += [Mutation(name, relative, text.count("\n", 0, at) + 1, changed, TESTS) for (name, at), changed in places.items()]
    if not found:
        sys.exit("mutate: gen/texts has no kernel to break")
    for name, relative, old, new, tests in OTHER_MUTATIONS:
        text = (COPY / relative).read_text(encoding="utf-8")
        if text.count(old) != 1:
            sys.exit(f"mutate: '{name}' no longer finds its place in {relative}")
        at = text.index(old)
        found.append(Mutation(name, relative, text.count("\n", 0, at) + 1, text.replace(old, new), tests))
    return found


def attempt(m: Mutation) -> tuple[str, str]:
    """The verdict on one mutation, and the first line that says why."""
    path = COPY / m.path
    before = path.read_text(encoding="utf-8")
    path.write_text(m.content, encoding="utf-8")
    try:
        if m.path.startswith("gen/"):
            for command in (["go", "generate", "./..."], ["go", "build", "./asm/...", "./kernels/..."]):
                made = run(command)
                if made.returncode:
                    return "DOES NOT BUILD", made.stdout.strip().splitlines()[-1]
        tested = run(FIRST) if m.tests == TESTS else None
        if tested is None or tested.returncode == 0:
            tested = run(m.tests)
        if tested.returncode == 0:
            return "SURVIVED", ""
        lines = [line.strip() for line in tested.stdout.splitlines() if re.search(r"--- FAIL|panic:|SIGILL|signal|^expected ", line)]
        return ("red", lines[0]) if lines else ("DOES NOT BUILD", tested.stdout.strip().splitlines()[-1])
    finally:
        path.write_text(before, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="run mutations whose name or file contains this")
    parser.add_argument("--from", dest="first", type=int, default=1, metavar="N", help="begin with the N-th of them")
    parser.add_argument("--list", action="store_true", help="list the mutations and stop")
    args = parser.parse_args()
    copy()
    chosen = [m for m in mutations() if args.only in f"{m.name} {m.path}"][args.first - 1 :]
    if args.list:
        for m in chosen:
            print(f"{m.path}:{m.line}: {m.name}")
        return
    print("the unchanged copy", flush=True)
    for command in (["go", "generate", "./..."], TESTS):
        clean = run(command)
        if clean.returncode:
            sys.exit(f"mutate: {' '.join(command)} fails without a mutation:\n{clean.stdout}")
    bad = 0
    for m in chosen:
        begin = time.time()
        verdict, why = attempt(m)
        bad += verdict != "red"
        print(f"{verdict:14s} {m.name}, {m.path}:{m.line} ({time.time() - begin:.0f} s) {why[:100]}", flush=True)
    run(["go", "generate", "./..."])
    print(f"{len(chosen)} mutations, {len(chosen) - bad} red, {bad} not")
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
