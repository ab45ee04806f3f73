"""Builds a wheel for glibc 2.17 and later: python tools/build_wheel.py [folder]

Go's C parts are compiled by zig (pip install ziglang), which links against any glibc; auditwheel (pip install
auditwheel) then checks the wheel's tag against its symbols. Needs the packages build, ziglang and auditwheel.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path

PYTHON = Path(__file__).resolve().parents[1]
GLIBC = "2.17"


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "dist").absolute()
    machine = platform.machine()
    tag = f"manylinux_{GLIBC.replace('.', '_')}_{machine}"
    with tempfile.TemporaryDirectory() as made:
        # Go takes the first word of CC for the compiler and does not know quotes around a path.
        compiler = Path(made) / "zigcc"
        compiler.write_text(
            f'#!/bin/sh\nexec "{sys.executable}" -m ziglang cc -target {machine}-linux-gnu.{GLIBC} "$@"\n'
        )
        compiler.chmod(0o755)
        environment = {**os.environ, "CC": str(compiler), "HEBBKERN_PLATFORM": tag}
        build = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(folder), str(PYTHON)]
        subprocess.run(build, env=environment, check=True)
    (wheel,) = folder.glob(f"hebbkern-*-{tag}.whl")
    shown = subprocess.run(
        [sys.executable, "-m", "auditwheel", "show", str(wheel)], check=True, capture_output=True, text=True
    ).stdout
    allowed = re.search(r'platform tag:\s+"manylinux_2_(\d+)_', shown.replace("\n", " "))
    if allowed is None or int(allowed[1]) > int(GLIBC.split(".")[1]):
        raise SystemExit(f"{wheel.name} needs more than glibc {GLIBC}:\n{shown}")
    print(wheel)


if __name__ == "__main__":
    main()
