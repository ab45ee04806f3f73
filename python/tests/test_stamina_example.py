"""The example on stamina, at a small size."""

import importlib.util
import sys
from pathlib import Path

PATH = Path(__file__).parents[1] / "examples" / "stamina_penalty.py"


def test_the_picture(tmp_path, capsys, monkeypatch):
    spec = importlib.util.spec_from_file_location("stamina_penalty", PATH)
    example = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, example)  # dataclasses look there
    spec.loader.exec_module(example)
    small, annealed, large = example.main(["--epochs", "3", "--steps", "3", "--samples", "400", "--out", str(tmp_path)])
    assert (tmp_path / "stamina_penalty.png").stat().st_size > 10_000
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert small[1].alive[-1] > 90 > 60 > large[1].alive[-1] and annealed[1].extinct is None
