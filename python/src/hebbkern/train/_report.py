"""What a run leaves to be read: curves.csv, curves.png and report.md."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path
from typing import Any

from .. import __version__, cpu_info
from .._progress import pyplot
from ._config import Config
from ._data import Data

_COLUMNS = ("part", "epoch", "change", "loss", "accuracy", "deficit", "test_loss", "test_accuracy")


def write(config: Config, data: Data, rows: list[dict[str, Any]]) -> list[Path]:
    """Write the files and return their paths."""
    folder = config.folder
    columns = [name for name in _COLUMNS if any(name in row for row in rows)] or ["part", "epoch"]
    text = io.StringIO()
    table = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    _put(folder / "curves.csv", text.getvalue().encode())
    written = [folder / "curves.csv"]
    try:
        picture = _curves(rows)
    except ImportError as error:
        note = f"No picture of the curves: {error}."
    else:
        _put(folder / "curves.png", picture)
        written.append(folder / "curves.png")
        note = "![curves](curves.png)"
    _put(folder / "report.md", _text(config, data, rows, columns, note).encode())
    return [*written, folder / "report.md"]


def _put(path: Path, content: bytes) -> None:
    """A file that is whole or not there."""
    beside = path.with_name(f".{path.name}.tmp")
    beside.write_bytes(content)
    os.replace(beside, path)


def _curves(rows: list[dict[str, Any]]) -> bytes:
    """A plot of each column by epoch, a line for each part."""
    plt = pyplot()
    plt.switch_backend("agg")
    panels = (("change",), ("loss", "test_loss"), ("accuracy", "test_accuracy"), ("deficit",))
    present = [[name for name in names if any(name in row for row in rows)] for names in panels]
    shown = [names for names in present if names]
    count = max(len(shown), 1)
    figure, axes = plt.subplots(1, count, figsize=(4 * count, 3.2), layout="constrained", squeeze=False)
    for axis, names in zip(axes[0], shown):
        for part in dict.fromkeys(row["part"] for row in rows):
            for name in names:
                points = [(row["epoch"], row[name]) for row in rows if row["part"] == part and name in row]
                if points:
                    axis.plot(*zip(*points), ".-", label=f"{part}: {name}")
        axis.set(xlabel="epoch", title=names[0])
        axis.xaxis.get_major_locator().set_params(integer=True)
        if names[0] in ("change", "deficit") and any(row.get(names[0], 0) > 0 for row in rows):
            axis.set_yscale("log")
        axis.legend(fontsize="small")
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=120)
    plt.close(figure)
    return content.getvalue()


def _text(config: Config, data: Data, rows: list[dict[str, Any]], columns: list[str], note: str) -> str:
    about = [f"# Run of {config.path.name}", "", f"hebbkern {__version__} ({cpu_info()['isa']}), {data.x.dtype}.", ""]
    held = f", {len(data.x_test)} to test" if data.x_test is not None else ""
    about.append(f"- samples: {len(data.x)} of {data.x.shape[1]} features{held}")
    if data.classes:
        shown = ", ".join(data.classes[:20]) + (", ..." if len(data.classes) > 20 else "")
        about.append(f"- classes: {len(data.classes)} ({shown})")
    last = {row["part"]: row for row in rows}
    for part, row in last.items():
        numbers = ", ".join(f"{name} {row[name]:.4g}" for name in columns[2:] if name in row)
        about.append(f"- {part}: {row['epoch']} epochs; {numbers}")
    about += ["", note, "", "## Curves", "", f"| {' | '.join(columns)} |", "|" + " --- |" * len(columns)]
    for row in rows:
        cells = [row.get(name, "") for name in columns]
        about.append("| " + " | ".join(f"{c:.5g}" if isinstance(c, float) else str(c) for c in cells) + " |")
    about += ["", "## Configuration", "", "```toml", config.path.read_text(encoding="utf-8").rstrip(), "```", ""]
    return "\n".join(about)
