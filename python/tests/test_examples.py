"""The scripts of the gallery at a small size: the numbers that they print have the published meaning, and they draw."""

import importlib
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "examples"


@pytest.fixture
def example(monkeypatch, tmp_path, capsys):
    """Runs a script of the gallery as its user would, and returns the numbers it found and what it said."""
    monkeypatch.syspath_prepend(str(FOLDER))

    def run(name, **sizes):
        module = importlib.import_module(name)
        options = [text for key, value in sizes.items() for text in (f"--{key}", str(value))]
        found = module.main([*options, "--out", str(tmp_path)])
        picture = (tmp_path / f"{name}.png").read_bytes()
        assert picture.startswith(b"\x89PNG") and len(picture) > 10_000
        return found, capsys.readouterr().out

    return run


def test_every_script_is_run_here_or_elsewhere():
    here = Path(__file__).read_text(encoding="utf-8")
    files = [p for p in Path(__file__).parent.glob("test_*.py") if p.name != "test_examples.py"]
    others = "".join(p.read_text(encoding="utf-8") for p in files)
    scripts = [p.stem for p in FOLDER.glob("[a-z]*.py")]
    assert len(scripts) > 9
    assert [name for name in scripts if f'example("{name}"' not in here and f"{name}.py" not in others] == []


def test_receptive_fields(example):
    found, said = example("receptive_fields", epochs=24)
    assert found["sanger angle"] < 1e-3 and found["oja angle"] < 1e-3 and abs(found["oja norm"] - 1) < 1e-5
    assert f"{found['sanger angle']:.1e} rad" in said


def test_competitive_features(example):
    found, _ = example("competitive_features", epochs=12)
    assert found["wta distance"] < 0.03 and found["softhebb norm"] < 0.01
    assert min(found["wta purity"], found["softhebb purity"]) > 0.75


def test_bcm_selectivity(example):
    found, said = example("bcm_selectivity", steps=20_000)
    assert found["before"] < 0.2 and 0.7 < found["after"] <= found["most possible"] + 0.1
    assert found["preferred"] > 2 and "orientations" in said


def test_ocular_dominance(example):
    found, _ = example("ocular_dominance", steps=8000)
    assert found["normal"] < 0.1 and found["deprived"] > 0.4


def test_stdp_window(example):
    found, said = example("stdp_window")
    assert abs(found["tau plus"] - 1) < 0.01 and abs(found["tau minus"] - 1) < 0.01
    assert abs(found["triplet +10 at 1 Hz"]) < 0.02 and found["triplet -10 at 1 Hz"] < -0.2
    assert min(found["triplet +10 at 50 Hz"], found["triplet -10 at 50 Hz"]) > 0.5
    assert "16.800 ms" in said


def test_dhl_shifts(example):
    found, _ = example("dhl_shifts", steps=300)
    assert found["ẏx"] < 0.005 and found["ẏẋ"] < 0.005 and found["constant"] == 0


def test_foldiak_bars(example):
    found, said = example("foldiak_bars", images=5000)
    assert found["bars"] >= 14 and found["after"] < 0.05 < 0.5 < found["before"] and abs(found["active"] - 0.125) < 0.02
    assert f"{found['bars']:.0f} of 16 bars" in said


def test_delayed_reward(example):
    found, _ = example("delayed_reward", trials=300, learners=6)
    assert abs(found["tau"] - 1) < 0.01
    assert found["reward 1"] < 0.45 and found["reward 10"] > 0.75


def test_pes_voja(example):
    found, _ = example("pes_voja", samples=6000)
    assert found["least squares"] <= found["error"] < 0.05 * found["first error"]
    assert found["voja after"] < 2 < 10 < found["voja before"]


def test_contrastive_hebbian(example):
    found, _ = example("contrastive_hebbian", epochs=150)
    assert found["error"] < 0.01 < 0.5 < found["first error"]
    assert found["angle weak"] < 0.2 and found["angle weak"] < 0.05 * found["angle strong"]
