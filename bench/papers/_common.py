"""What the scripts of this folder share: where pictures go, and how a comparison is printed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "out" / "papers"


def save(figure: Any, name: str) -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    figure.savefig(OUT / name, dpi=120)
    print(f"picture: {OUT / name}")


def check(what: str, got: float, reference: float, low: float, high: float) -> bool:
    """Print a figure beside the published one and the range in which that is expected."""
    good = low <= reference <= high
    print(f"{what:38} {got:9.4g}   reference {reference:9.4g}   range {low:9.4g} … {high:9.4g}   {'ok' if good else 'OUTSIDE'}")
    return good
