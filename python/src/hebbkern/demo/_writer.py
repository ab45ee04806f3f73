"""Files of the demo: each appears whole or not at all."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path
from typing import Any

REPORT = "report.html"
PICTURES = (
    "components.png", "angles.png", "balancing.png", "gains.png", "feedback.png", "stamina.png", "features.png",
)  # fmt: skip


class DemoError(Exception):
    """Something that the demo needs is missing; the message says what, and how to mend it."""


class Writer:
    """Writes into one folder, through a temporary file that is renamed.

    Attributes
    ----------
    written : list of Path
        What this run has written.
    pictures : dict of str to bytes
        The PNG files by their names, for the report.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self.written: list[Path] = []
        self.pictures: dict[str, bytes] = {}

    def prepare(self) -> None:
        """Make the folder and remove the files of an earlier run, so that what is there belongs together."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for name in (*PICTURES, REPORT):
                (self.folder / name).unlink(missing_ok=True)
            probe = self.folder / ".hebbkern-probe"
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise self._failed(self.folder, error) from None

    def picture(self, name: str, figure: Any) -> None:
        """Write a matplotlib figure as PNG."""
        content = BytesIO()
        figure.savefig(content, format="png", dpi=110)
        self.pictures[name] = content.getvalue()
        self.file(name, self.pictures[name])

    def file(self, name: str, content: bytes) -> None:
        path = self.folder / name
        part = self.folder / (name + ".part")
        try:
            part.write_bytes(content)
            part.replace(path)
        except OSError as error:
            raise self._failed(path, error) from None
        finally:
            part.unlink(missing_ok=True)
        self.written.append(path)

    @staticmethod
    def _failed(path: Path, error: OSError) -> DemoError:
        return DemoError(f"cannot write {path}: {error.strerror or error}; choose another folder with --out")
