"""Checkpoints: bit for bit, atomic, refused when damaged, and the same file for Go, Python and safetensors."""

import json
import os
import resource
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import safetensors
from safetensors.numpy import load_file

import hebbkern as hk


def special():
    """Bits that a conversion would change: NaN with payloads, ±0, subnormals; every type; strides; no element."""
    f32 = np.array([0x7FC12345, 0xFF812345, 0x80000000, 0, 1, 0x807FFFFF], np.uint32).view(np.float32)
    f64 = np.array([0x7FF8123456789ABC, 0xFFF0000000000001, 1 << 63, 1], np.uint64).view(np.float64)
    return {
        "f32": f32.reshape(3, 2), "f64": f64, "four axes": f32[:4].reshape(1, 2, 2, 1), "one": np.array(-0.0),
        "int": np.array([-(2**63), 2**63 - 1]), "words": np.array([2**64 - 1, 0], np.uint64),
        "bytes": np.arange(256, dtype=np.uint8), "mask": np.array([[True, False, True]]),
        "strided": np.arange(12.0).reshape(3, 4)[::2, 1::2], "none": np.zeros((3, 0), np.float32),
        "name ‘é’ \"": np.zeros(1),
    }  # fmt: skip


def same(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


METADATA = {
    "epoch": 3, "lr": 0.1, "seed": 2**64 - 1, "text": "ü \"\\\n\u2028😀", "none": None, "yes": True,
    "list": [1, [2.5, "x"]], "map": {"a": {}}, "bounds": [float("-inf"), float("inf")],
}  # fmt: skip


def test_round_trip(tmp_path):
    path = tmp_path / "state.hk"
    for name in (path, str(path), os.fsencode(path)):
        hk.save(name, special(), METADATA)
        arrays, metadata = hk.load(name)
        assert metadata == METADATA and arrays.keys() == special().keys()
        assert all(same(a, arrays[n]) for n, a in special().items())
        assert all(a.flags.writeable and a.flags.owndata for a in arrays.values())
    assert os.listdir(tmp_path) == ["state.hk"]
    hk.save(path, {}, None)
    assert hk.load(path) == ({}, {})
    hk.save(path, {str(i): np.zeros(0) for i in range(2000)})  # more than the first buffer for the description
    assert len(hk.load(path)[0]) == 2000
    hk.save(path, {}, {"x": np.float64("nan"), "n": np.int64(3), "b": np.True_, "t": (1, 2)})
    found = hk.load(path)[1]
    assert np.isnan(found.pop("x")) and found == {"n": 3, "b": True, "t": [1, 2]}


def test_safetensors_reads_it(tmp_path):
    path = tmp_path / "state.hk"
    hk.save(path, special(), METADATA)
    arrays = load_file(path)
    assert arrays.keys() == special().keys() and all(same(a, arrays[n]) for n, a in special().items())
    with safetensors.safe_open(path, "numpy") as file:
        metadata = file.metadata()
    assert metadata["kind"] == "arrays" and json.loads(metadata["options"])["epoch"] == 3
    safetensors.numpy.save_file({"a": np.zeros(2)}, path)
    with pytest.raises(hk.CheckpointError, match="other safetensors files have no checksum"):
        hk.load(path)


def test_damage_is_refused_and_named(tmp_path):
    path = tmp_path / "state.hk"
    hk.save(path, {"a": np.arange(40.0), "b": np.arange(5, dtype=np.uint8)}, METADATA)
    good = path.read_bytes()
    for text, words in (
        (good[:5], "length is cut short"),
        (good[:100], "header is cut short"),
        (good[:-20], "'a' is cut short"),
        (good[:-1], "'b' is cut short"),
        (good + b"x", "followed by 1 bytes"),
        (good[:50] + bytes([good[50] ^ 1]) + good[51:], "header|version"),
        (good[:-3] + bytes([good[-3] ^ 0x80]) + good[-2:], "'b' does not agree with its checksum"),
        (good.replace(b'version":"1"', b'version":"2"'), "version is 2, and this hebbkern reads 1"),
        (b"", "length is cut short"),
        (b"PK\3\4" * 20, "length says"),
    ):
        path.write_bytes(text)
        with pytest.raises(hk.CheckpointError) as caught:
            hk.load(path)
        message = str(caught.value).replace('"', "'")
        assert any(w in message for w in words.split("|")) and str(path) in message, message
        assert caught.value.argument == "path"
    random = np.random.default_rng(1)
    for bit in random.choice(8 * len(good), 300, replace=False):
        text = bytearray(good)
        text[bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(text)
        with pytest.raises(hk.CheckpointError):
            hk.load(path)
        with pytest.raises(hk.CheckpointError):
            hk.Network.load(path)


@pytest.mark.parametrize(
    "arrays, metadata, kind, words",
    [
        ({"a": np.zeros(2, np.int32)}, {}, TypeError, "a is int32"),
        ({"a": np.zeros(2, ">f8")}, {}, TypeError, "a is >f8"),
        ({"a": [1.0]}, {}, TypeError, "a is a list"),
        ({3: np.zeros(2)}, {}, TypeError, "the key 3"),
        ({"": np.zeros(2)}, {}, ValueError, "name"),
        ({"__metadata__": np.zeros(2)}, {}, ValueError, "name"),
        ({"a\0b": np.zeros(2)}, {}, ValueError, "without zeros"),
        ({"\ud800": np.zeros(2)}, {}, ValueError, "UTF-8"),
        ([np.zeros(2)], {}, TypeError, "arrays"),
        ({}, [], TypeError, "metadata"),
        ({}, {"f": print}, TypeError, "metadata.f is a builtin_function"),
        ({}, {"m": {"l": [object()]}}, TypeError, "metadata.m.l.0"),
        ({"mask": np.array([0, 2], np.uint8).view(bool)}, {}, ValueError, "mask is 2 at an element"),
    ],
)
def test_what_cannot_be_saved(tmp_path, arrays, metadata, kind, words):
    path = tmp_path / "state.hk"
    hk.save(path, {"a": np.ones(3)})
    before = path.read_bytes()
    with pytest.raises(kind) as caught:
        hk.save(path, arrays, metadata)
    assert words.replace("'", "") in str(caught.value).replace("'", "") and isinstance(caught.value, hk.HebbkernError)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["state.hk"]


def test_paths_that_the_system_refuses(tmp_path):
    path = tmp_path / "state.hk"
    with pytest.raises(FileNotFoundError):
        hk.load(path)
    hk.save(path, {"a": np.ones(3)})
    for bad, kind in (
        (tmp_path / "none" / "state.hk", FileNotFoundError), (path / "state.hk", NotADirectoryError),
        (tmp_path / ("x" * 300), OSError),
    ):  # fmt: skip
        with pytest.raises(kind):
            hk.save(bad, {})
        with pytest.raises(kind):
            hk.load(bad)
    (tmp_path / "folder").mkdir()
    for call in (lambda: hk.save(tmp_path / "folder", {}), lambda: hk.load(tmp_path / "folder")):
        with pytest.raises(OSError):
            call()
    for bad, kind in ((3.5, TypeError), (None, TypeError), ("", ValueError), ("a\0b", ValueError)):
        with pytest.raises(kind):
            hk.save(bad, {})
        with pytest.raises(kind):
            hk.load(bad)
    assert sorted(os.listdir(tmp_path)) == ["folder", "state.hk"]


def test_a_disk_that_is_full(tmp_path):
    """A limit on the size of files stands for it: the write is cut short in the same way."""
    path = tmp_path / "state.hk"
    hk.save(path, {"a": np.ones(3)})
    before = path.read_bytes()
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(OSError) as caught:
            hk.save(path, {"a": np.ones(100_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY if hard < 0 else hard, hard))
    assert caught.value.filename == str(path)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["state.hk"]


def save_for_ever(path, acknowledge):
    """In a child: the n-th file holds n everywhere, and its number is told when it has been saved."""
    n = 0
    while True:
        n += 1
        hk.save(path, {"a": np.full(50_000, n, np.float32), "b": np.full(7, n)}, {"n": n})
        os.write(acknowledge, n.to_bytes(8, "little"))


# Python 3.12 and later: the library's threads are idle, and the child loads a copy of its own
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_kill_while_saving(tmp_path):
    """kill -9 at 200 random moments: the file is always the last one that was acknowledged, or the one after it."""
    random = np.random.default_rng(7)
    path = tmp_path / "state.hk"
    left = 0
    for _ in range(200):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                save_for_ever(path, writer)
            finally:
                os._exit(1)
        os.close(writer)
        told = os.read(reader, 8)  # the first one is there
        time.sleep(random.random() * 0.01)
        os.kill(child, signal.SIGKILL)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        while more := os.read(reader, 1 << 16):
            told = more[-8:]
        os.close(reader)
        last = int.from_bytes(told, "little")
        arrays, metadata = hk.load(path)
        assert metadata["n"] in (last, last + 1)
        assert all((a == metadata["n"]).all() for a in arrays.values())
        left += len(os.listdir(tmp_path)) > 1
        for rest in tmp_path.glob(".state.hk.*.tmp"):
            rest.unlink()
        path.unlink()
    assert left > 20, "some died in the midst of writing"


def test_loading_while_another_saves(tmp_path):
    """Readers see whole files, whenever they are replaced."""
    path = tmp_path / "state.hk"
    hk.save(path, {"a": np.zeros(1000)}, {"n": 0})
    stop = threading.Event()

    def writer():
        n = 0
        while not stop.is_set():
            n += 1
            hk.save(path, {"a": np.full(1000 + n % 3, n, np.float64)}, {"n": n})

    thread = threading.Thread(target=writer)
    thread.start()
    try:
        for _ in range(200):
            arrays, metadata = hk.load(path)
            assert (arrays["a"] == metadata["n"]).all() and len(arrays["a"]) == 1000 + metadata["n"] % 3
    finally:
        stop.set()
        thread.join()


# ---- networks -------------------------------------------------------------------------------------------------------


def task(dtype=np.float32):
    random = np.random.default_rng(0)
    X = random.standard_normal((60, 5)).astype(dtype)
    return X, (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)


def everything(net):
    arrays, options = net._state() if isinstance(net, hk.Network) else net._state("test")
    return {name: (a.dtype, a.shape, a.tobytes()) for name, a in arrays.items()}, options


FIT = {"batch": 8, "lr": 0.05, "balance": {"p": 1.5, "every": 2, "before": True}, "progress": False,
       "gain_rule": {"lr": 1e-3, "alpha": 0.1, "limit": 4.0}}  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("activation", ["relu", ("leaky_relu", 0.125)])
def test_a_network_resumes(tmp_path, dtype, activation):
    X, Y = task(dtype)
    make = lambda: hk.Network([5, 7, 4, 3], activation=activation, loss="softmax", seed=2**64 - 3, dtype=dtype)
    straight, net = make(), make()
    straight.fit(X, Y, 5, **FIT)
    for _ in range(5):
        net.fit(X, Y, 1, **FIT)
        net.save(tmp_path / "net.hk")
        net = hk.Network.load(tmp_path / "net.hk")
    assert everything(net) == everything(straight) and net.epoch == 5 and repr(net) == repr(straight)


@pytest.mark.parametrize(
    "options",
    [
        {"optimizer": "adam", "dropout": 0.3, "weight_decay": (1e-3, 1.5), "loss": "softmax"},
        {"optimizer": {"name": "nesterov", "momentum": 0.8}, "feedback": "fa"},
        {"feedback": "fa_ex", "excitatory": 0.8, "loss": "sigmoid"}, {"feedback": "dfa", "gate": "differential"},
        {"activation": ["relu", ("leaky_relu", 0.1), "sigmoid"], "dropout": [0, 0.1, 0.2]},
    ],
    ids=str,
)  # fmt: skip
def test_all_that_training_keeps_resumes(tmp_path, options):
    X, Y = task()
    fit = {"batch": 8, "lr": 0.05, "progress": False, "validation": (X[:10], Y[:10]), "patience": 50,
           "shuffle": options.get("gate") is None}  # fmt: skip
    straight, net = (hk.Network([5, 7, 4, 3], seed=3, **options) for _ in range(2))
    straight.fit(X, Y, 3, **fit)
    for _ in range(3):
        net.fit(X, Y, 1, **fit)
        net.save(tmp_path / "net.hk")
        net = hk.Network.load(tmp_path / "net.hk")
    assert everything(net) == everything(straight) and net.best.epoch == straight.best.epoch


def test_a_network_that_was_stopped_within_an_epoch_resumes(tmp_path):
    X, Y = task()
    straight, net = (hk.Network([5, 7, 3], seed=3, optimizer="adam") for _ in range(2))
    straight.fit(X, Y, 3, batch=8, lr=0.01, progress=False)
    left = iter(range(10, -1, -1))

    def stop(_):
        if next(left) == 0:
            raise KeyboardInterrupt

    with pytest.raises(hk.Interrupted):
        net.fit(X, Y, 3, batch=8, lr=0.01, progress=False, callbacks=[(1, stop)])
    net.save(tmp_path / "net.hk")
    net = hk.Network.load(tmp_path / "net.hk")
    assert net.position > 0
    net.fit(X, Y, 3 - net.epoch, batch=8, lr=0.01, progress=False)
    assert everything(net) == everything(straight)


def test_files_that_hold_no_network(tmp_path):
    path = tmp_path / "net.hk"
    net = hk.Network([3, 4, 2])
    arrays, options = net._state()

    def refused(words, arrays=arrays, options=options, kind="network"):
        hk.checkpoints.write(path, kind, arrays, options, "test")
        with pytest.raises(hk.CheckpointError, match=words):
            hk.Network.load(path)

    refused("kind 'arrays'", kind="arrays")
    refused("'hue' is not known", options={**options, "hue": 3})
    refused("no layers", options={"seed": 3})
    refused("loss", options={**options, "loss": "hinge"})
    refused("sizes", options={**options, "sizes": "three"})
    refused("weights\\[0\\] has shape", arrays={**arrays, "weights.0": np.zeros((4, 5), np.float32)})
    refused("weights\\[1\\] is float64", arrays={**arrays, "weights.1": np.zeros((2, 4))})
    refused("'weights.7' is not known", arrays={**arrays, "weights.7": np.zeros((2, 4))})
    refused("'other' is not known", arrays={**arrays, "other": np.zeros(3)})
    refused("gains do not fit", arrays={**arrays, "gains.0": np.zeros(3, np.float32)})
    net.save(path)
    with pytest.raises(hk.CheckpointError, match="'network'"):
        hk.load(path)
    net.weights.pop()
    before = path.read_bytes()
    with pytest.raises(ValueError, match="Network.save: weights"):
        net.save(path)
    assert path.read_bytes() == before
