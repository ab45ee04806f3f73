"""The hash of the sources that the library is built from.

The build puts it into the library; import compares it with the sources, where they lie beside the package. The build
tool loads this file by its path, so it imports nothing of the package.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

_FOLDERS = ("asm", "capi", "engine", "kernels")
_SUFFIXES = (".go", ".s", ".c", ".h")
_MODULE = "module github.com/hebbkern/hebbkern\n"


def is_root(folder: Path) -> bool:
    """Whether the folder holds the Go sources of hebbkern."""
    try:
        return (folder / "go.mod").read_text(encoding="utf-8").startswith(_MODULE) and (folder / "capi").is_dir()
    except (OSError, UnicodeDecodeError):
        return False


def source_files(root: Path) -> list[Path]:
    """The files of a build, relative to the root, sorted by their path: no tests, no test data."""
    files = [Path(name) for name in ("go.mod", "go.sum") if (root / name).is_file()]
    for folder in _FOLDERS:
        for path in (root / folder).rglob("*"):
            relative = path.relative_to(root)
            if path.suffix not in _SUFFIXES or path.name.endswith("_test.go") or not path.is_file():
                continue
            if not {"testdata", "ctest"} & set(relative.parts):
                files.append(relative)
    return sorted(files, key=lambda path: path.as_posix())


def source_hash(root: Path) -> str:
    """SHA-256 over the paths, lengths and bytes of the sources."""
    digest = hashlib.sha256()
    for path in source_files(root):
        data = (root / path).read_bytes()
        digest.update(f"{path.as_posix()}\0{len(data)}\0".encode())
        digest.update(data)
    return digest.hexdigest()
