"""What the scripts of the gallery share: their options, and how pictures are made and saved.

    for script in python/examples/[a-z]*.py; do python "$script"; done

draws all of them. matplotlib is needed (`pip install './python[plot]'`).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray


def options(doc: str | None, arguments: list[str] | None, **sizes: int) -> argparse.Namespace:
    """The command line: a number for each size, a seed, and the folder of the picture."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in {**sizes, "seed": 0}.items():
        parser.add_argument(f"--{name}", type=int, default=default, help=f"default {default}")
    parser.add_argument("--out", type=Path, default=Path("out/examples"), help="folder of the picture")
    return parser.parse_args(arguments)


def figure(width: float, height: float) -> Figure:
    return Figure(figsize=(width, height), layout="constrained")


def fields(part: Any, rows: NDArray[Any], title: str, columns: int, signed: bool = True) -> None:
    """Rows of weights as square images, into a figure or subfigure; if signed, red is positive and blue negative."""
    side = round(np.sqrt(rows.shape[1]))
    part.suptitle(title)
    axes = part.subplots(-(-len(rows) // columns), columns, squeeze=False).ravel()
    for axis in axes:
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set(color="0.6", linewidth=0.5, visible=True)
    for axis in axes[len(rows) :]:
        axis.set_axis_off()
    for axis, row in zip(axes, rows):
        most = max(float(np.abs(row).max()), 1e-12)
        low, colours = (-most, "RdBu_r") if signed else (0, "gray")
        axis.imshow(row.reshape(side, side), cmap=colours, vmin=low, vmax=most)


def finish(picture: Figure, doc_file: str, out: Path, found: dict[str, float], say: Sequence[str]) -> dict[str, float]:
    """Print what was found, save the picture under the script's name, and return the numbers."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{Path(doc_file).stem}.png"
    picture.savefig(path, dpi=110)
    for line in (*say, f"drawn: {path}"):
        print(line)
    return found
