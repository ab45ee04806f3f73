"""The progress bar of long work: tqdm's where it is installed, else none."""

from __future__ import annotations

from typing import Any


class Bar:
    """A bar over `total` samples. `show` False, or no tqdm: nothing is shown."""

    def __init__(self, total: int, label: str, show: bool) -> None:
        self._bar: Any = None
        if show:
            try:
                from tqdm import tqdm  # type: ignore[import-untyped,unused-ignore]
            except ImportError:
                return
            self._bar = tqdm(total=total, desc=label, unit="sample", unit_scale=True)

    def to(self, done: int) -> None:
        if self._bar is not None:
            self._bar.update(done - self._bar.n)

    def note(self, **values: float | str) -> None:
        if self._bar is not None:
            self._bar.set_postfix({k: v if isinstance(v, str) else f"{v:.4g}" for k, v in values.items()}, refresh=False)

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.close()


def pyplot() -> Any:
    """matplotlib.pyplot, or an ImportError with the command that brings it."""
    try:
        from matplotlib import pyplot as plt
    except ImportError:
        raise ImportError("plots need matplotlib: pip install matplotlib") from None
    return plt
