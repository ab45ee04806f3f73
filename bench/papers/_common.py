"""What the scripts of this folder share. Each script repeats one result of a paper: it prints what the paper has beside
what was obtained, and draws a picture into out/papers."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any, Callable, Sequence

ROOT = Path(__file__).resolve().parents[2]

Row = tuple[str, str, str]  # what, what the source has, what was obtained


def print_rows(title: str, rows: Sequence[Row], source: str = "paper") -> None:
    """A table of three columns."""
    head: Row = ("", source, "obtained")
    widths = [max(len(row[k]) for row in (head, *rows)) for k in range(3)]
    print(title)
    for row in (head, *rows):
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def save(figure: Any, name: str, folder: Path) -> Path:
    """The picture, as PNG."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.png"
    figure.savefig(path, dpi=120)
    return path


def script(main: Callable[[argparse.Namespace], Any], description: str | None, **sizes: int) -> None:
    """Run a script with an option for each size."""
    parser = argparse.ArgumentParser(description=description)
    for name, default in sizes.items():
        parser.add_argument(f"--{name}", type=int, default=default, help=f"default {default}")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "papers", help="folder of the picture")
    began = time.perf_counter()
    main(parser.parse_args())
    print(f"  ({time.perf_counter() - began:.1f} s)")
