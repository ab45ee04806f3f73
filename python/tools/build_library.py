"""Builds the library from the Go sources: python tools/build_library.py [output]

Without an output it goes beside the package's source, for use with PYTHONPATH=python/src or an editable install.
The hatch hook calls `build`. CC and GOFLAGS are respected, so that another compiler may be used.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

PYTHON = Path(__file__).resolve().parents[1]
PACKAGE = PYTHON / "src" / "hebbkern"


def sources_module() -> ModuleType:
    """hebbkern/_sources.py, without importing the package, which would want the library."""
    spec = importlib.util.spec_from_file_location("hebbkern_sources", PACKAGE / "_sources.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def find_root() -> Path:
    """The folder with the Go sources: inside an unpacked source archive first, else the repository."""
    is_root = sources_module().is_root
    for root in (PYTHON / "go", PYTHON.parent):
        if is_root(root):
            return root
    raise SystemExit(f"the Go sources are neither in {PYTHON / 'go'} nor in {PYTHON.parent}")


def build(output: Path) -> None:
    """Build the library into `output`."""
    if shutil.which("go") is None:
        raise SystemExit("hebbkern is built with Go 1.26 or later, and there is no go command: see https://go.dev/dl")
    root = find_root()
    output = output.absolute()
    digest = sources_module().source_hash(root)
    command = ["go", "build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false"]
    command += ["-ldflags", f"-s -w -X main.sourceHash={digest}", "-o", str(output), "./capi"]
    # The library is for the machine's own system, whatever is being cross-compiled around it.
    environment = {**os.environ, "CGO_ENABLED": "1"}
    result = subprocess.run(command, cwd=root, env=environment, stdin=subprocess.DEVNULL, check=False)
    output.with_suffix(".h").unlink(missing_ok=True)  # the generated header; ours is capi/hebbkern.h
    if result.returncode:
        raise SystemExit("go build failed; hebbkern needs Go 1.26 or later and a C compiler (gcc or clang)")


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else PACKAGE / "libhebbkern.so"
    build(target)
    print(target)
