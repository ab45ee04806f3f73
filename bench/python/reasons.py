"""Why targets are missed: bench/reasons.toml, whose entries the report prints beside the lines that they explain.

    [[missed]]
    target = "rank-1, from Go"     # what the table says
    wanted = "limit"               # optional: a part of what is wanted
    sizes = ["1024²", "4096²"]     # optional: all that are missed
    reason = "measured, with the figure"
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from targets import Target

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILE = Path(__file__).resolve().parents[1] / "reasons.toml"


@dataclass(frozen=True)
class Reason:
    target: str
    reason: str
    wanted: str = ""
    sizes: tuple[str, ...] = ()

    def explains(self, target: Target) -> bool:
        return (
            target.what == self.target and self.wanted in target.wanted and (not self.sizes or target.size in self.sizes)
        )


def load(path: Path = FILE) -> list[Reason]:
    """The entries of a file.

    Raises
    ------
    ValueError
        An entry has a key that is none, or lacks one.
    """
    found = []
    for k, entry in enumerate(tomllib.loads(path.read_text(encoding="utf-8")).get("missed", [])):
        try:
            reason = Reason(**{**entry, "sizes": tuple(entry.get("sizes", ()))})
        except TypeError as error:
            raise ValueError(f"{path}, entry {k + 1}: {error}") from None
        if not reason.reason.strip():
            raise ValueError(f"{path}, entry {k + 1}: the reason is empty")
        found.append(reason)
    return found


def beside(target: Target, reasons: Iterable[Reason]) -> str:
    """What is known of a target that was measured and missed; else nothing."""
    if not target.figures or target.met:
        return ""
    return "; ".join(r.reason for r in reasons if r.explains(target))


def stale(targets: Iterable[Target], reasons: Iterable[Reason]) -> list[str]:
    """Entries that explain a target that is met, or none at all."""
    wrong = []
    measured = [t for t in targets if t.figures]
    for reason in reasons:
        explained = [t for t in measured if reason.explains(t)]
        met = [t.size for t in explained if t.met and (t.size in reason.sizes or all(u.met for u in explained))]
        if not explained:
            wrong.append(f"{reason.target} {' '.join(reason.sizes)}: no such target was measured".replace("  ", " "))
        elif met:
            wrong.append(f"{reason.target} {' '.join(met)}: met")
    return wrong
