"""The bar of the whole demo, and what it says."""

from __future__ import annotations

import sys
from typing import Any


class Progress:
    """One bar over parts of stated weight (tqdm's where it is installed), and lines printed above it."""

    def __init__(self, total: float) -> None:
        self._bar: Any = None
        try:
            from tqdm import tqdm  # type: ignore[import-untyped,unused-ignore]
        except ImportError:
            return
        self._bar = tqdm(total=total, bar_format="{desc:<24} {percentage:3.0f}% |{bar}| {elapsed}, {remaining} left")

    def part(self, name: str) -> None:
        if self._bar is not None:
            self._bar.set_description_str(name)
        else:
            print(f"-- {name}", flush=True)

    def advance(self, weight: float) -> None:
        if self._bar is not None:
            self._bar.update(min(weight, self._bar.total - self._bar.n))

    def say(self, line: str) -> None:
        if self._bar is not None:
            self._bar.write(line, file=sys.stdout)
            sys.stdout.flush()
        else:
            print(line, flush=True)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.close()
