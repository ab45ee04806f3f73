"""The README's programs run as they stand there, and it keeps to its size."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"


def blocks(language):
    found = re.findall(rf"^```{language}\n(.*?)^```$", README.read_text(encoding="utf-8"), re.M | re.S)
    assert found, f"README.md has no {language} block"
    return found


@pytest.mark.parametrize("block", blocks("python"))
def test_python(block, tmp_path):
    (tmp_path / "example.py").write_text(block, encoding="utf-8")
    command = [sys.executable, "-W", "error", "example.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    rows = [[float(v) for v in re.findall(r"-?\d+\.\d*", line)] for line in lines[:4]]
    assert all(abs(v - (i == j)) < 0.1 for i, row in enumerate(rows) for j, v in enumerate(row)) and len(rows[3]) == 4
    assert lines[4].startswith("History(5 epochs")
    assert "converged" in lines[5] and "not converged" not in lines[5]
    assert lines[6:] == ["True", "1.0"]


@pytest.mark.parametrize("block", blocks("go"))
def test_go(block, tmp_path):
    assert shutil.which("go"), "the Go example needs the Go toolchain"
    (tmp_path / "main.go").write_text(block, encoding="utf-8")
    (tmp_path / "go.mod").write_text(
        "module example.org/readme\n\ngo 1.26\n\nrequire github.com/hebbkern/hebbkern v0.0.0\n\n"
        f'replace github.com/hebbkern/hebbkern => "{ROOT}"\n',
        encoding="utf-8",
    )
    if (ROOT / "go.sum").exists():
        shutil.copy(ROOT / "go.sum", tmp_path / "go.sum")
    form = subprocess.run(["gofmt", "-l", "main.go"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert form.stdout == "", "the block is not in gofmt's form"
    command = ["go", "run", "-mod=mod", "."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert re.fullmatch(r"\[0\.\d{3} 0\.\d{3}\]", first)
    assert second == "true true"


def test_size_and_files():
    text = README.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 200
    for name in re.findall(r"^\| `([^`]+)` \|", text, re.M):
        assert (ROOT / name).is_dir(), name
