"""python -m hebbkern train: what a configuration file says is done, resumed bit for bit, and refused by name."""

import csv
import gzip
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import hebbkern as hk
from hebbkern import train
from hebbkern.__main__ import main
from hebbkern.datasets import load_digits, read_idx

CONFIG = """
[data]
train = "digits.npz"
x = "images"
y = "labels"
hold_out = 0.25
seed = 3

[[layers]]
units = 20
rule = "Sanger"
lr = 0.01
activation = ["leaky_relu", 0.5]
epochs = 2
block = 8

[[layers]]
units = 16
rule = "SoftHebb"
lr = 0.02
temperature = 0.5
batch = 50
reduction = "mean"
epochs = 1

[network]
hidden = [12]
loss = "softmax"
seed = 4

[fit]
epochs = 3
batch = 16
lr = 0.2
balance = {p = 1.0, every = 2, before = true}
"""


@pytest.fixture
def folder(tmp_path):
    X, y = load_digits()
    np.savez(tmp_path / "digits.npz", images=X[:300].reshape(300, 8, 8), labels=y[:300])
    (tmp_path / "config.toml").write_text(CONFIG)
    return tmp_path


@pytest.fixture
def no_picture(monkeypatch):
    """Drawing takes longer than all else."""

    def missing():
        raise ImportError("plots need matplotlib: pip install matplotlib")

    monkeypatch.setattr("hebbkern.train._report.pyplot", missing)


def go(folder, text=None, **options):
    if text is not None:
        (folder / "config.toml").write_text(text)
    lines = []
    written = train.run(train.read_config(folder / "config.toml"), say=lines.append, **options)
    return lines, written


def contents(folder):
    """All that a run has made, but the picture, whose file has the version of its writer."""
    return {p.name: p.read_bytes() for p in (folder / "run").iterdir() if p.suffix in (".hk", ".csv", ".md")}


def by_hand():
    """What CONFIG says, from the parts."""
    X, y = load_digits()
    order = np.random.default_rng(3).permutation(300)
    x, labels, x_test, test = X[order[:225]], y[order[:225]], X[order[225:]], y[order[225:]]
    a = hk.Layer(64, 20, hk.rules.Sanger(lr=0.01), ("leaky_relu", 0.5), seed=1)
    b = hk.Layer(20, 16, hk.rules.SoftHebb(lr=0.02, temperature=0.5), seed=2)
    net = hk.Network([16, 12, 10], loss="softmax", seed=4)

    def shuffled(seed, epoch):
        index = np.empty(225, np.int64)
        hk.network.run("permutation", hk._header.PermutationArgs(index.ctypes.data, 225, seed, epoch), "test")
        return index

    for epoch in range(2):
        a.learn(x[shuffled(1, epoch)], block=8)
    x, x_test = a.forward(x), a.forward(x_test)
    index = shuffled(2, 0)
    for at in range(0, 225, 50):
        b.learn(x[index[at : at + 50]], reduction="mean")
    x, x_test = b.forward(x), b.forward(x_test)
    history = net.fit(x, labels, 3, 16, 0.2, balance={"p": 1.0, "every": 2, "before": True}, progress=False)
    return a, b, net, history, float((net.predict(x_test) == test).mean())


def test_a_run_is_its_parts(folder):
    lines, written = go(folder)
    assert [p.name for p in written] == ["run.hk", "layers.hk", "network.hk", "curves.csv", "curves.png", "report.md"]
    assert len(lines) == 6 and lines[0].startswith("layer 0, epoch 1, change ")
    a, b, net, history, accuracy = by_hand()
    stack, network = hk.Stack.load(written[1]), hk.Network.load(written[2])
    for made, want in ((stack[0], a), (stack[1], b)):
        assert made.w.tobytes() == want.w.tobytes() and repr(made) == repr(want)
    assert all(m.tobytes() == w.tobytes() for m, w in zip(network.weights + network.biases, net.weights + net.biases))
    with open(written[3], newline="") as f:
        rows = list(csv.DictReader(f))
    assert [row["part"] for row in rows] == ["layer 0", "layer 0", "layer 1", "network", "network", "network"]
    for name in ("loss", "accuracy", "deficit"):
        assert [float(row[name]) for row in rows[3:]] == getattr(history, name)
    assert float(rows[-1]["test_accuracy"]) == accuracy
    report = written[5].read_text()
    assert "225 of 64 features, 75 to test" in report and 'rule = "SoftHebb"' in report and "classes: 10" in report
    assert written[4].read_bytes()[:4] == b"\x89PNG"


def test_a_run_that_is_stopped_goes_on(folder, no_picture):
    go(folder)
    want = contents(folder)
    for stop in range(6):  # after each line that is said
        for path in (folder / "run").iterdir():
            path.unlink()

        def say(line, left=iter(range(stop, -1, -1))):
            if next(left) == 0:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            train.run(train.read_config(folder / "config.toml"), say=say)
        assert [p.name for p in (folder / "run").iterdir()] == ["run.hk"]
        lines, _ = go(folder)
        assert lines[0].startswith("goes on from") and contents(folder) == want
    lines, _ = go(folder)  # nothing is left to do
    assert len(lines) == 1 and contents(folder) == want


def test_longer_and_fresh(folder, no_picture):
    go(folder, CONFIG.replace("epochs = 3", "epochs = 5"))
    want = contents(folder)
    go(folder, CONFIG, fresh=True)
    assert contents(folder) != want
    lines, _ = go(folder, CONFIG.replace("epochs = 3", "epochs = 5"))
    assert len(lines) == 3 and contents(folder) == want


def test_another_run_is_not_gone_on_with(folder, no_picture):
    go(folder)
    before = contents(folder)
    for text, words in (
        (CONFIG.replace("lr = 0.2", "lr = 0.1"), "fit.lr is 0.2, and here it is 0.1"),
        (CONFIG.replace("epochs = 2", "epochs = 4"), "layers[0].epochs is 2, and here it is 4"),
        (CONFIG.replace("temperature = 0.5\n", ""), "layers[1].temperature is 0.5, and here it is None"),
        (CONFIG.replace("hidden = [12]", "hidden = [12, 3]"), "network.hidden is [12], and here it is [12, 3]"),
    ):
        with pytest.raises(train.TrainError, match="is of another run") as caught:
            go(folder, text)
        assert words in str(caught.value) and "--fresh" in str(caught.value)
    np.savez(folder / "digits.npz", images=np.ones((300, 64)), labels=load_digits()[1][:300])
    with pytest.raises(train.TrainError, match="other samples"):
        go(folder, CONFIG)
    (folder / "run" / "run.hk").write_bytes(b"nothing")
    with pytest.raises(train.TrainError, match="length is cut short"):
        go(folder)
    assert {**contents(folder), "run.hk": before["run.hk"]} == before


def test_command_line(folder, no_picture, capsys):
    assert main(["train", str(folder / "config.toml")]) == 0
    shown = capsys.readouterr()
    assert "network, epoch 3, loss" in shown.out and "report.md" in shown.out and not shown.err
    assert main(["train", str(folder / "config.toml"), "--fresh"]) == 0
    assert main(["train", str(folder / "none.toml")]) == 1
    assert "none.toml: No such file" in capsys.readouterr().err
    (folder / "config.toml").write_text(CONFIG.replace("lr = 0.2", "lr = 1e30"))
    assert main(["train", str(folder / "config.toml"), "--fresh"]) == 1
    assert "not finite in layer" in capsys.readouterr().err


def test_ctrl_c(folder):
    (folder / "config.toml").write_text(CONFIG.replace("epochs = 3", "epochs = 1000000"))
    command = [sys.executable, "-m", "hebbkern", "train", "config.toml"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        while not run.stdout.readline().startswith("network, epoch 3"):
            assert run.poll() is None, run.stderr.read()
        run.send_signal(signal.SIGINT)
        begin = time.monotonic()
        while run.stdout.readline():
            pass
        shown = run.stderr.read()
        assert run.wait(60) == 130 and time.monotonic() - begin < 30
    assert "stopped by Ctrl-C; the same command goes on" in shown and "Traceback" not in shown
    assert hk.checkpoints.read(folder / "run" / "run.hk", "run", "test")[1]["rows"][-1]["epoch"] >= 3


@pytest.mark.parametrize(
    "change, words",
    [
        (("[fit]", "[fitting]"), "the file has the unknown key 'fitting'; known are data, layers, network, fit, run"),
        (("seed = 3", "sead = 3"), "data has the unknown key 'sead'"),
        (("temperature", "temprature"), "layers[1] has the unknown key 'temprature'"),
        (("hidden", "hiden"), "network has the unknown key 'hiden'"),
        (("batch = 16", "bach = 16"), "fit has the unknown key 'bach'"),
        (("every = 2", "evry = 2"), "unknown option 'evry'"),
        (('train = "digits.npz"', ""), "data has no train"),
        (('train = "digits.npz"', "train = 3"), "data.train is 3"),
        (("hold_out = 0.25", "hold_out = 1.5"), "data.hold_out is 1.5"),
        (("hold_out = 0.25", 'hold_out = 0.1\ntest = "x.npz"'), "test and hold_out"),
        (("hold_out = 0.25", "scale = 0"), "data.scale is 0"),
        (("hold_out = 0.25", 'dtype = "int8"'), "data.dtype is 'int8'"),
        (("hold_out = 0.25", "classes = 1"), "data.classes is 1"),
        (("seed = 3", "seed = -1"), "data.seed is -1"),
        (('y = "labels"', 'y = "label"'), "has no array 'label' for data.y; it has images, labels"),
        (('"Sanger"', '"Sangr"'), "layers[0].rule is 'Sangr'; one of ABCD, AntiHebbian, BCM"),
        (('"Sanger"', '"STDP"'), "layers[0].rule is 'STDP'"),
        (("units = 20\n", ""), "layers[0] has no units"),
        (("units = 20", "units = 0"), "layers[0].units is 0"),
        (("lr = 0.01\n", ""), "layers[0]: "),
        (("lr = 0.01\n", "lr = -1\n"), "layers[0]: Sanger: lr is -1"),
        (("[12]", "[12.5]"), "network.hidden is [12.5]"),
        (('loss = "softmax"', 'loss = "hinge"'), "network: Network: loss is 'hinge'"),
        (("epochs = 3", "epochs = -3"), "fit.epochs is -3"),
        (("lr = 0.2", "lr = -0.2"), "Network.fit: lr is -0.2"),
        (("[fit]", "[run]\nsave_every = 0\n[fit]"), "run.save_every is 0"),
        (("[fit]", "[run]\nfolder = 3\n[fit]"), "run.folder is 3"),
        (("[network]", "[network"), "is no TOML file"),
    ],
)  # fmt: skip
def test_refusals(folder, change, words):
    with pytest.raises(train.TrainError) as caught:
        go(folder, CONFIG.replace(*change, 1))
    assert words in str(caught.value), caught.value


def test_tables_that_do_not_go_together(folder):
    data = '[data]\ntrain = "digits.npz"\nx = "images"\ny = "labels"\n'
    for text, words in (
        (data, "neither a network nor a layer"), (data + "[fit]\n", "no network"),
        (data + '[layers]\nunits = 3\nrule = "Oja"\nlr = 1\n', "[[layers]]"), ("layers = [3]\n" + data, "layers[0] is 3"),
        ("data = 3\n", "data is 3"),
    ):  # fmt: skip
        with pytest.raises(train.TrainError) as caught:
            go(folder, text)
        assert words in str(caught.value), caught.value


def test_files_of_all_kinds(folder, no_picture):
    """The same samples from each kind of file give the same run."""
    with np.load(folder / "digits.npz") as archive:
        x, y = archive["images"].astype(np.float32) * 16, archive["labels"]
    np.save(folder / "x.npy", x.astype(np.uint8))
    np.save(folder / "y.npy", y)
    for name, array in (("x", x), ("y", y)):
        head = bytes((0, 0, 8, array.ndim)) + b"".join(n.to_bytes(4, "big") for n in array.shape)
        (folder / f"{name}-idx.gz").write_bytes(gzip.compress(head + array.astype(np.uint8).tobytes()))
    flat = x.reshape(300, -1).astype(int)
    words = np.array(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])
    with open(folder / "all.csv", "w", newline="") as f:
        table = csv.writer(f)
        table.writerow([*(f"p{i}" for i in range(64)), "digit"])
        table.writerows([*row, f" {label}"] for row, label in zip(flat, y))
    with open(folder / "bare.csv", "w", newline="") as f:
        csv.writer(f).writerows([words[label], *row] for row, label in zip(flat, y))
    np.savetxt(folder / "x.csv", flat, delimiter=",")
    np.savetxt(folder / "y.csv", y)
    rest = '\nscale = 16\n[network]\nloss = "softmax"\n[run]\nfolder = '
    results = {}
    for k, source in enumerate((
        '["x.npy", "y.npy"]', '["x-idx.gz", "y-idx.gz"]', '"all.csv"', '"all.csv"\ny = "digit"', '"all.csv"\ny = -1',
        '["x.csv", "y.csv"]', '["x.npy", "y.csv"]', '"bare.csv"\ny = 0', '"digits.npz"\nx = "images"\ny = "labels"',
    )):  # fmt: skip
        scaled = rest.replace("scale = 16", "") if "npz" in source else rest
        go(folder, f'[data]\ntrain = {source}{scaled}"run{k}"')
        results[source] = (folder / f"run{k}" / "network.hk").read_bytes()
    bare = results.pop('"bare.csv"\ny = 0')  # its classes are in the order of the alphabet
    assert len(set(results.values())) == 1 and bare not in results.values()
    assert read_idx(folder / "x-idx.gz").shape == (300, 8, 8)


def test_numbers_as_targets(folder, no_picture):
    random = np.random.default_rng(0)
    x = random.standard_normal((80, 3))
    np.savez(folder / "f.npz", x=x, y=x @ [[1.0], [2.0], [3.0]] + 1)
    np.savez(folder / "g.npz", x=x[:20], y=(x @ [[1.0], [2.0], [3.0]] + 1)[:20])
    text = '[data]\ntrain = "f.npz"\ntest = "g.npz"\ndtype = "float64"\nstandardize = true\n[network]\n[run]\nsave_every = 100\n[fit]\nepochs = 200\nlr = 0.1\n'
    lines, written = go(folder, text)
    assert float(lines[-1].split("test_loss ")[1]) < 1e-12
    assert hk.Network.load(written[1]).sizes == [3, 1]
    np.savez(folder / "f.npz", x=x, y=np.arange(80) % 4)
    lines, written = go(folder, text.replace('test = "g.npz"', "classes = false").replace("lr = 0.1", "lr = 0.01"), fresh=True)
    assert hk.Network.load(written[1]).sizes == [3, 1]


def test_bad_data_is_named(folder):
    rest = '\n[network]\nloss = "softmax"\n'
    (folder / "empty.csv").write_text("")
    (folder / "ragged.csv").write_text("1,2\n3\n")
    (folder / "words.csv").write_text("a,b\n1,2\n3,4\nx,5\n")
    (folder / "text.txt").write_text("some text")
    (folder / "bad.npz").write_text("some text")
    (folder / "bad.npy").write_bytes(b"")
    np.save(folder / "x.npy", np.ones((5, 2)))
    np.save(folder / "y.npy", np.arange(4))
    np.save(folder / "nan.npy", np.full((5, 2), np.nan))
    for source, words in (
        ('"none.csv"', "none.csv: No such file"), ('"empty.csv"', "empty.csv: has no rows"),
        ('"ragged.csv"', "ragged.csv: row 2 has 1 columns"), ('"words.csv"', "words.csv: 'x' in row 4 is no number"),
        ('"words.csv"\ny = "c"', "words.csv: has no column 'c' for data.y; it has a, b"), ('"words.csv"\ny = 7', "data.y is 7"),
        ('"text.txt"', "text.txt: not an IDX file"), ('"bad.npz"', "bad.npz: is no NPZ file"),
        ('["bad.npy", "y.npy"]', "bad.npy: "), ('"x.npy"', "x.npy: has no y; a pair"),
        ('["x.npy", "y.npy"]', "y.npy: y has shape (4,)"), ('["nan.npy", "x.npy"]', "not finite"),
        ('["x.npy", "x.npy"]\ntest = "digits.npz"', "digits.npz: has no array 'x' for data.x"),
    ):  # fmt: skip
        with pytest.raises(train.TrainError) as caught:
            go(folder, f"[data]\ntrain = {source}{rest}")
        assert words in str(caught.value), caught.value
    assert not (folder / "run").exists()


def test_layers_alone_without_matplotlib(folder, no_picture):
    text = CONFIG[: CONFIG.index("[network]")].replace('y = "labels"', "")
    _, written = go(folder, text)
    assert [p.name for p in written] == ["run.hk", "layers.hk", "curves.csv", "report.md"]
    assert "No picture of the curves" in written[-1].read_text() and "pip install matplotlib" in written[-1].read_text()
    assert sorted(os.listdir(folder / "run")) == sorted(p.name for p in written)


def test_python_without_a_toml_reader(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "tomllib", None)
    monkeypatch.setitem(sys.modules, "tomli", None)
    with pytest.raises(train.TrainError, match="pip install tomli"):
        train.read_config(folder / "config.toml")
