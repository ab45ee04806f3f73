"""The look of the pictures."""

from __future__ import annotations

from typing import Any

BLUE, RED, GREEN, GREY, ORANGE = "#3366aa", "#cc4455", "#22884a", "#666666", "#dd8822"


def figure(width: float, height: float) -> Any:
    """A matplotlib figure that belongs to no window."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")
