"""The demo: at a small size it writes what it should, its numbers hold, and what is missing is said."""

import os
import re
import signal
import struct
import subprocess
import sys
import time

import numpy as np
import pytest

import hebbkern as hk
from hebbkern.__main__ import main
from hebbkern.demo import balancing, fa_ex_task, features, feedback, hebbian, living, numpy_reference, timing
from hebbkern.demo._progress import Progress
from hebbkern.demo._settings import load
from hebbkern.demo._writer import PICTURES

COMMAND = [sys.executable, "-m", "hebbkern", "demo"]


def run(*arguments, **options):
    return subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=120, **options)


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "deep" / "out"
    return folder, run("--quick", "--out", folder)


def test_writes_pictures_and_report(quick):
    folder, done = quick
    assert done.returncode == 0, done.stderr
    assert sorted(p.name for p in folder.iterdir()) == sorted([*PICTURES, "report.html"])
    for name in PICTURES:
        content = (folder / name).read_bytes()
        assert content[:8] == b"\x89PNG\r\n\x1a\n" and content[-8:-4] == b"IEND"
        width, height = struct.unpack(">2I", content[16:24])
        assert width > 800 and height > 300


def test_report_stands_alone(quick):
    folder, _ = quick
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.count('src="data:image/png;base64,') == len(PICTURES)
    assert not re.search(r'(src|href)="(?!data:)', page)
    page = re.sub(r"base64,[^\"]*", "", page)  # in whose letters any word may be found by chance
    words = ("Oja", "Sanger", "Krotov", "Baldi", "Konishi", "Use it or lose it", "principal angles", "NumPy/hebbkern")
    for word in (*words, hk.cpu_info()["isa"], "nan"):
        assert (word in page) == (word != "nan"), word


def test_says_what_it_found(quick):
    _, done = quick
    changes = re.findall(r"relative change of the outputs (\S+) \(float64: (\S+)\)", done.stdout)
    assert len(changes) == 2
    for single, double in changes:
        assert 0 < float(single) < 1e-5 and 0 < float(double) < 1e-13
    steps = ("Oja, one sample", "Sanger, one sample", "SGD", "balance, p = 1", "balance, p = 2", "gain rule, exp")
    steps += ("FA_Ex, one minibatch", "Krotov–Hopfield, batch", "stamina, training set")
    for step in steps:
        assert re.search(rf"^{step}.*(µs|ms|s)\s+[\d.]+ (µs|ms|s)\s+[\d.]+", done.stdout, re.M), step


@pytest.fixture(scope="module")
def small():
    return load("digits", None, quick=True)


def test_steps_in_numpy_are_the_same_steps(small):
    threads = hk.get_num_threads()
    with Progress(20) as progress:
        steps = timing.measure(*small, progress)
    assert hk.get_num_threads() == threads
    assert timing.blas_can_be_set(), "threadpoolctl belongs to requirements-dev.txt"
    for step in steps:
        assert step.apart < 1e-5, step.name
        assert 0 < step.ours.best < 10 and 0 < step.theirs.best < 10 and step.ratio > 0


def test_numpy_gradient_step_is_that_of_finite_differences():
    random = np.random.default_rng(0)
    weights = [random.standard_normal(s) for s in ((5, 4), (3, 5))]
    biases = [random.standard_normal(n) for n in (5, 3)]
    x, target = random.standard_normal((6, 4)), np.eye(3)[random.integers(0, 3, 6)]
    net = numpy_reference.Classifier([w.copy() for w in weights], [b.copy() for b in biases], 6)

    def loss():
        z = numpy_reference.Classifier(weights, biases, 6).forward(x)
        return float((np.log(np.exp(z).sum(1)) - (z * target).sum(1)).mean())

    net.step(x, target, 1.0)
    for arrays, moved in ((weights, net.weights), (biases, net.biases)):
        for array, after in zip(arrays, moved):
            for at in np.ndindex(array.shape):
                gradient, kept = array[at] - after[at], array[at]
                array[at] = kept + 1e-5
                up = loss()
                array[at] = kept - 1e-5
                down = loss()
                array[at] = kept
                assert abs((up - down) / 2e-5 - gradient) < 1e-7


def test_components_come_near_the_exact_ones():
    settings, data = load("digits", None, quick=False)
    with Progress(50) as progress:
        found = hebbian.learn(settings, data, progress)
    assert found.angles[-1].max() < 1 < 3 < found.constant[-1].max() < 15
    assert found.rows[:10].max() < 2
    assert found.oja_angles[-1].max() < 2
    np.testing.assert_allclose(np.linalg.norm(found.oja, axis=1), 1, atol=0.01)


def test_principal_angles():
    exact = np.eye(5)[:2]
    tilt = np.radians(1e-5)
    rows = np.array([[2, 0, 0, 0, 0], [3, np.cos(tilt), np.sin(tilt), 0, 0]])
    np.testing.assert_allclose(hebbian.principal_angles(rows, exact), [0, 1e-5], rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(hebbian.principal_angles(np.eye(5)[[0, 4]], exact), [0, 90], atol=1e-6)


def test_balanced_and_plain_training(small):
    settings, data = small
    with Progress(50) as progress:
        plain, one, two = balancing.train_all(settings, data, progress)
    assert len(plain.accuracy) == settings.epochs + 1
    assert plain.deficits[1.0][0] == one.deficits[1.0][0] and plain.deficits[2.0][0] == two.deficits[2.0][0]
    for run_ in (one, two):
        assert max(run_.balanced) < 1e-6 * run_.deficits[run_.p][0]
        assert run_.deficits[run_.p][-1] < 0.1 * plain.deficits[run_.p][-1]
    # fit balances in the same way
    net = balancing.network(settings, data)
    options = {"p": 2.0, "before": True}
    net.fit(data.x, data.y, settings.epochs, settings.batch, settings.lr, balance=options, progress=False)
    assert all((a == b).all() for a, b in zip(net.weights, two.network.weights))


def test_features_by_competition():
    settings, data = load("digits", None, quick=False)
    with Progress(50) as progress:
        found = features.learn(settings, data, progress)
    again = hk.rules.KrotovHopfield(lr=0).update(found.w.copy(), data.x)
    wins = (again == 1).sum(0)
    assert wins.sum() == len(data.x) == found.wins.sum() and (np.diff(found.wins) <= 0).all()
    # Σ w² of units that win tends to 1, and prototypes of digits have ink where the digits have.
    assert abs(np.median(np.linalg.norm(found.w[found.wins > 20], axis=1)) - 1) < 0.1
    best = found.w[0]
    won = data.x[again[:, 0] == 1].mean(0)
    assert np.corrcoef(best, won)[0, 1] > 0.8
    assert found.accuracy["Krotov–Hopfield"][-1] > found.accuracy["random weights"][-1] + 0.1


def test_feedback_on_images_and_task(small):
    settings, data = small
    with Progress(50) as progress:
        found = feedback.learn(settings, data, progress)
    first = [feedback.network(label, settings, data) for label in feedback.LABELS]
    for net in first[1:]:
        assert all((a == b).all() for a, b in zip(net.weights, first[0].weights))
    runs = dict(zip(feedback.LABELS, found.runs))
    assert max(runs["BP"].angles) < 0.1 and all(len(run.angles) == len(run.accuracy) == 3 for run in found.runs)
    fixed = runs["fixed hidden layer"].network
    assert (fixed.weights[0] == first[0].weights[0]).all() and (fixed.weights[1] != first[0].weights[1]).any()
    assert len(set(runs["FA_Ex-80%"].network.feedback_weights[0].ravel())) == 2
    assert found.errors.shape == found.angles.shape == (3, 5, len(found.epochs)) and found.epochs[-1] == 300
    # The reference of bench/papers/fa_ex.py: after 250 epochs 1.00, .68, .84, .82, 1.00; the first 100 teach next to nothing.
    ends = found.errors[:, :, -1].mean(0)
    assert ends[0] > 0.9 and (ends[1:4] < 0.85).all() and abs(ends[4] - 1) < 0.05
    assert abs(found.errors[:, :, 0] - 1).max() < 0.05
    assert np.nanmax(found.angles[:, 0]) < 0.1 and (found.angles[:, 1:4, -1] < 60).all()
    assert np.isnan(found.angles[:, 4]).all()


def test_fa_ex_task_samples():
    x, y = fa_ex_task.samples(np.random.default_rng(0), 500)
    assert x.shape == (500, 102) and (y == np.sign(x[:, :1] * x[:, 1:2])).all()
    assert abs(np.abs(x) - 1).max() < 0.06 and abs(x.mean(0)).max() < 0.2


def test_units_live_and_die(small):
    settings, data = small
    with Progress(50) as progress:
        plain, few, removed, reborn, large = living.train_all(settings, data, progress)
    for run_ in (plain, few, removed, reborn, large):
        assert run_.alive[0] == settings.living_hidden and len(run_.alive) == len(run_.died) == len(run_.accuracy)
        if run_ is not reborn:
            assert (-np.diff(run_.alive) == run_.died[1:]).all()
        assert run_.alive[-1] == run_.network.sizes[1] == len(run_.network.weights[0])
    assert sum(plain.died) == 0 and sum(few.died) < 5 < sum(removed.died) and removed.alive[-1] > large.alive[-1]
    assert set(reborn.alive) == {settings.living_hidden} and sum(reborn.died) > 5
    assert removed.died[:2] == [0, 0], "warmup"
    assert large.left == (0 if large.extinct else large.alive[-1])
    assert large.extinct is None or "lower the strength" in large.extinct


@pytest.mark.parametrize("arguments", [["--data", "cifar"], ["--epochs", "3"], ["extra"]])
def test_wrong_arguments(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["demo", *arguments])
    assert stop.value.code == 2
    assert arguments[-1] in capsys.readouterr().err


def test_no_command(capsys):
    with pytest.raises(SystemExit) as stop:
        main([])
    assert stop.value.code == 2 and "command" in capsys.readouterr().err


def test_missing_mnist(tmp_path, capsys):
    assert main(["demo", "--data", "mnist", "--folder", str(tmp_path / "no"), "--out", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().err
    assert "train-images-idx3-ubyte" in said and "make data" in said and "Traceback" not in said
    assert not (tmp_path / "out").exists()


def test_folder_that_cannot_be_written(tmp_path, capsys):
    (tmp_path / "file").write_text("mine")
    assert main(["demo", "--quick", "--out", str(tmp_path / "file")]) == 1
    assert "cannot write" in capsys.readouterr().err
    assert (tmp_path / "file").read_text() == "mine"


def test_without_matplotlib(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["demo", "--quick", "--out", str(tmp_path / "out")]) == 1
    assert "-m pip install matplotlib" in capsys.readouterr().err


def test_ctrl_c_keeps_what_was_written(tmp_path):
    command = [*COMMAND, "--out", str(tmp_path)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ})
    try:
        deadline = time.monotonic() + 60
        while not (tmp_path / "angles.png").exists() and time.monotonic() < deadline and child.poll() is None:
            time.sleep(0.05)
        begin = time.monotonic()
        child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=30)
        taken = time.monotonic() - begin
    finally:
        child.kill()
        child.wait()
    assert child.returncode == 130, said
    assert taken < 5, "a second on a machine that does nothing else"
    assert "stopped by Ctrl-C; written so far: " in said and "angles.png" in said and "Traceback" not in said
    assert sorted(p.name for p in tmp_path.iterdir())[:2] == ["angles.png", "components.png"]
    assert not (tmp_path / "report.html").exists()
