"""Convolutional layers: windows, pools, and rules that learn from windows. NumPy's sliding windows are the oracle."""

import runpy
import signal
import threading
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest

import hebbkern as hk
import oracle

DTYPES = [np.float32, np.float64]
# channels, height, width, rows, columns, stride, padding, dilation
GEOMETRIES = [
    (1, 5, 6, 2, 3, 1, 0, 1),
    (3, 9, 8, 3, 3, 2, 1, 1),
    (2, 7, 11, 2, 3, (3, 1), (0, 2), (1, 2)),
    (1, 4, 4, 4, 4, 1, 0, 1),
    (2, 3, 3, 2, 2, 1, (4, 3), 1),
    (4, 6, 6, 1, 1, (1, 2), 0, 1),
    (1, 28, 28, 5, 5, 1, 2, 1),
]


def pair(value):
    return (value, value) if np.isscalar(value) else value


def windows_of(images, rows, columns, stride=1, padding=0, dilation=1, beyond=0.0):
    """[n, rows of windows, columns of windows, channels, rows, columns]"""
    (sy, sx), (py, px), (dy, dx) = pair(stride), pair(padding), pair(dilation)
    padded = np.pad(images, ((0, 0), (0, 0), (py, py), (px, px)), constant_values=beyond)
    reach = ((rows - 1) * dy + 1, (columns - 1) * dx + 1)
    all_of_them = np.lib.stride_tricks.sliding_window_view(padded, reach, axis=(2, 3))
    return all_of_them[:, :, ::sy, ::sx, ::dy, ::dx].transpose(0, 2, 3, 1, 4, 5)


def unfolded(images, rows, columns, *how):
    found = windows_of(images, rows, columns, *how)
    return np.ascontiguousarray(found).reshape(-1, images.shape[1] * rows * columns)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
def test_conv2d(geometry, dtype):
    channels, height, width, rows, columns, stride, padding, dilation = geometry
    random = np.random.default_rng(1)
    images = random.standard_normal((3, channels, height, width)).astype(dtype)
    w = random.standard_normal((7, channels, rows, columns)).astype(dtype)
    b = random.standard_normal(7).astype(dtype)
    how = dict(stride=stride, padding=padding, dilation=dilation)
    got = hk.conv2d(images, w, b, **how)
    found = windows_of(images.astype(np.float64), rows, columns, stride, padding, dilation)
    want = np.einsum("nrcdij,kdij->nkrc", found, w.astype(np.float64)) + b.astype(np.float64)[:, None, None]
    size = np.einsum("nrcdij,kdij->nkrc", abs(found), abs(w.astype(np.float64))) + abs(b)[:, None, None]
    assert got.dtype == dtype and got.shape == want.shape
    oracle.assert_close(got, want, size, channels * rows * columns, "conv2d")

    # the bits of forward on each window, with an activation, in place, for images that are apart, and for one image
    x = unfolded(images, rows, columns, stride, padding, dilation)
    y = hk.forward(w.reshape(7, -1), x, b, activation="tanh")
    out = np.full((6, *got.shape[1:]), 9, dtype)
    assert hk.conv2d(images, w, b, activation="tanh", out=out[::2], **how).base is out
    bits = y.reshape(3, *got.shape[2:], 7).transpose(0, 3, 1, 2)
    assert np.array_equal(out[::2], bits) and (out[1::2] == 9).all()
    apart = np.zeros((6, *images.shape[1:]), dtype)
    apart[::2] = images
    assert np.array_equal(hk.conv2d(apart[::2], w, b, activation="tanh", **how), bits)
    assert np.array_equal(hk.conv2d(images[1], w, b, activation="tanh", **how), bits[1])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", ["max", "avg"])
def test_pool2d(kind, dtype):
    random = np.random.default_rng(2)
    images = random.standard_normal((4, 3, 9, 11)).astype(dtype)
    images[0, 0, 2, 2], images[1, 1, 8, 10], images[2, 2, 0, 0] = np.nan, np.inf, -np.inf
    for size, stride, padding in [(2, None, 0), (3, 2, 1), ((2, 5), (1, 3), (1, 4)), (1, 1, 0), ((9, 11), None, 0), (2, 4, 1)]:
        how = (*pair(size), size if stride is None else stride, padding)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if kind == "max":
                want = windows_of(images.astype(np.float64), *how, beyond=-np.inf).max((4, 5))
            else:
                here = windows_of(np.ones_like(images, np.float64), *how).sum((4, 5))
                want = windows_of(images.astype(np.float64), *how).sum((4, 5)) / here
        want = want.transpose(0, 3, 1, 2)
        got = hk.pool2d(images, size, stride, kind, padding=padding)
        assert got.dtype == dtype and got.shape == want.shape
        if kind == "max":
            assert np.array_equal(got, want.astype(dtype), equal_nan=True)
        else:
            np.testing.assert_allclose(got, want, rtol=0, atol=100 * np.finfo(dtype).eps)
        assert np.isnan(got[0, 0]).any() == (stride != 4) and not np.isnan(got[0, 1]).any()  # between windows 4 apart
        out = np.empty_like(got[2])
        assert hk.pool2d(images[2], size, stride, kind, padding=padding, out=out) is out
        assert np.array_equal(out, got[2])


RULES = [
    hk.rules.Hebb(1e-4),
    hk.rules.Decay(1e-3, 1e-3),
    hk.rules.Oja(1e-3),
    hk.rules.Sanger(1e-3),
    hk.rules.Instar(1e-3),
    hk.rules.WTA(1e-2, k=2),
    hk.rules.SoftHebb(1e-2, temperature=0.5, anti=True),
]


def layer_and_images(rule, dtype=np.float32, n=6):
    images = np.random.default_rng(3).standard_normal((n, 2, 13, 12)).astype(dtype)
    return hk.ConvLayer(2, 5, (3, 2), rule=rule, stride=(1, 2), padding=1, seed=4, dtype=dtype), images


def few_at_once(monkeypatch):
    monkeypatch.setattr("hebbkern.convolution._PART", 1)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rule", RULES, ids=str)
def test_layer_learns_as_if_all_were_unfolded(rule, dtype, monkeypatch):
    few_at_once(monkeypatch)
    _, images = layer_and_images(rule, dtype)
    x = unfolded(images, 3, 2, (1, 2), 1)  # 13 x 7 windows of each image
    for options in [{}, {"block": 16}, {"block": 300}, {"normalize": "max"}]:
        layer, _ = layer_and_images(rule, dtype)
        w = layer.weights.reshape(5, -1).copy()
        rule.update(w, x, **options)
        assert layer.learn(images, **options) == len(x) == 6 * 91
        assert np.array_equal(layer.weights.reshape(5, -1), w)
    for reduction in ("sum", "mean"):
        layer, _ = layer_and_images(rule, dtype)
        w = layer.weights.reshape(5, -1).copy()
        for part in (x[: 4 * 91], x[4 * 91 :]):
            rule.update(w, part, reduction=reduction)
        layer.learn(images, reduction=reduction, batch=4)
        assert np.array_equal(layer.weights.reshape(5, -1), w)


def test_a_rule_without_blocks_learns():
    rule = hk.rules.Foldiak(1e-2)
    layer, images = layer_and_images(rule, n=2)
    same = hk.rules.Foldiak(1e-2)
    w = layer.weights.reshape(5, -1).copy()
    same.update(w, unfolded(images, 3, 2, (1, 2), 1))
    assert layer.learn(images) == 182 and np.array_equal(layer.weights.reshape(5, -1), w)


def test_draws_go_on_where_they_stopped():
    rule = hk.rules.SoftHebb(1e-2, temperature=0.3)
    whole, images = layer_and_images(rule)
    assert whole.learn(images, draw=20) == 120 and whole.drawn == 6
    parts, _ = layer_and_images(rule)
    for piece in (images[:1], images[1:4], images[4], images[5:]):
        parts.learn(piece, draw=20)
    assert parts.drawn == 6 and np.array_equal(parts.weights, whole.weights)
    resumed, _ = layer_and_images(rule)
    resumed.learn(images[:3], draw=20)
    fresh, _ = layer_and_images(rule)
    fresh.weights[:], fresh.drawn = resumed.weights, resumed.drawn
    fresh.learn(images[3:], draw=20)
    assert np.array_equal(fresh.weights, whole.weights)
    other, _ = layer_and_images(rule)
    other.seed = 5
    other.learn(images, draw=20)
    assert not np.array_equal(other.weights, whole.weights)
    ordered, _ = layer_and_images(rule)
    ordered.learn(images)
    assert ordered.drawn == 0


def test_drawn_windows_are_windows_of_their_image():
    """Plain Hebbian learning with y = 1 adds up the windows: each image's, none twice."""

    class Adding:
        seen = []

        def update(self, w, x, **options):
            assert options == {"reduction": "sequential"}
            self.seen.append(x.copy())

    layer, images = layer_and_images(Adding())
    layer.learn(images, draw=30)
    x = unfolded(images, 3, 2, (1, 2), 1).reshape(6, 91, -1)
    seen = np.concatenate(Adding.seen).reshape(6, 30, -1)
    orders = set()
    for image, drawn in zip(x, seen):
        at = [int(np.flatnonzero((image == row).all(1))[0]) for row in drawn]
        assert len(set(at)) == 30
        orders.add(tuple(at))
    assert len(orders) == 6


def test_layer_in_forward():
    layer, images = layer_and_images(hk.rules.Oja(0.1))
    layer.activation = ("leaky_relu", 0.5)
    layer.bias = np.arange(5, dtype=np.float32)
    want = hk.conv2d(images, layer.weights, layer.bias, stride=(1, 2), padding=1, activation=("leaky_relu", 0.5))
    assert np.array_equal(layer.forward(images), want)
    out = np.empty_like(want[0])
    assert layer.forward(images[0], out=out) is out and np.array_equal(out, want[0])
    assert "ConvLayer(2, 5, (3, 2), rule=Oja(lr=0.1), stride=(1, 2)" in repr(layer)
    same, _ = layer_and_images(hk.rules.Oja(0.1))
    other = hk.ConvLayer(2, 5, (3, 2), rule=hk.rules.Oja(0.1), seed=5)
    assert np.array_equal(same.weights, layer.weights) and not np.array_equal(other.weights, layer.weights)


def test_memory_stays_bounded():
    """All windows would be 200 x 3136 x 25 numbers, 63 MB."""
    images = np.random.default_rng(5).standard_normal((200, 1, 60, 60)).astype(np.float32)
    layer = hk.ConvLayer(1, 4, 5, rule=hk.rules.WTA(1e-3))
    for options in ({}, {"block": 64}, {"reduction": "mean", "batch": 2}, {"draw": 100}):
        tracemalloc.start()
        layer.learn(images, **options)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert most < 2e6, options


@pytest.mark.parametrize("options", [{}, {"block": 16}], ids=str)
def test_divergence_names_the_window(options, monkeypatch):
    few_at_once(monkeypatch)
    layer, images = layer_and_images(hk.rules.Oja(1e-3))
    other, _ = layer_and_images(hk.rules.Oja(1e-3))
    images[3, 1, 5, 6] = np.nan  # first seen by the window at row 4, column 3
    at = 3 * 91 + 4 * 7 + 3
    with pytest.raises(hk.DivergenceError, match="window 31 of image 3") as caught:
        layer.learn(images, **options)
    assert caught.value.sample == caught.value.done == at
    w = other.weights.reshape(5, -1)
    other.rule.update(w, unfolded(images, 3, 2, (1, 2), 1)[:at])
    np.testing.assert_allclose(layer.weights, other.weights, rtol=1e-5, atol=1e-6)


def test_ctrl_c_stops_between_windows():
    images = np.random.default_rng(6).standard_normal((4000, 1, 28, 28)).astype(np.float32)
    rule = hk.rules.SoftHebb(1e-4)
    layer, same = (hk.ConvLayer(1, 32, 5, rule=rule, seed=2) for _ in range(2))
    timer = threading.Timer(0.3, lambda: signal.raise_signal(signal.SIGINT))
    timer.start()
    with pytest.raises(hk.Interrupted, match="windows") as caught:
        while True:
            layer.learn(images)
            layer.weights[:] = same.weights
    timer.join()
    done = caught.value.done
    assert 0 <= done < 4000 * 576
    whole, rest = divmod(done, 576)
    same.learn(images[:whole])
    w = same.weights.reshape(32, -1)
    rule.update(w, unfolded(images[whole : whole + 1], 5, 5)[:rest])
    assert np.array_equal(layer.weights, same.weights)


def refused(call, kind, name, *arrays):
    before = [a.tobytes() for a in arrays]
    with pytest.raises(kind) as caught:
        call()
    assert isinstance(caught.value, hk.HebbkernError) and caught.value.argument == name, caught.value
    assert [a.tobytes() for a in arrays] == before


def test_conv2d_refusals():
    images, w = np.ones((2, 3, 6, 5)), np.ones((4, 3, 3, 2))
    b, out = np.ones(4), np.ones((2, 4, 4, 4))
    good = dict(images=images, w=w, b=b, out=out)
    hk.conv2d(**good)
    readonly = out.copy()
    readonly.flags.writeable = False
    memory = np.ones(1000)
    for change, kind, name in [
        ({"images": np.ones((6, 5))}, ValueError, "images"),
        ({"images": np.ones((2, 2, 6, 5))}, ValueError, "w"),
        ({"images": images.astype(np.float32)}, TypeError, "images"),
        ({"images": images.astype(int)}, TypeError, "images"),
        ({"images": np.ones((2, 3, 5, 6)).swapaxes(2, 3)}, ValueError, "images"),
        ({"images": np.ones((2, 3, 6, 10))[..., ::2]}, ValueError, "images"),
        ({"images": np.ones((2, 3, 2, 5))}, ValueError, "images"),
        ({"images": np.ones((2, 0, 6, 5)), "w": np.ones((4, 0, 3, 2))}, ValueError, "images"),
        ({"images": None}, TypeError, "images"),
        ({"w": np.ones((4, 18))}, ValueError, "w"),
        ({"w": np.ones((4, 3, 2, 3)).swapaxes(2, 3)}, ValueError, "w"),
        ({"w": w.astype(int)}, TypeError, "w"),
        ({"b": np.ones(3)}, ValueError, "b"),
        ({"b": np.float64(np.nan)}, ValueError, "b"),
        ({"b": "abc"}, TypeError, "b"),
        ({"out": np.ones((2, 4, 4, 3))}, ValueError, "out"),
        ({"out": np.ones((2, 4, 4, 4), np.float32)}, TypeError, "out"),
        ({"out": np.ones((2, 4, 4, 8))[..., ::2]}, ValueError, "out"),
        ({"out": readonly}, ValueError, "out"),
        ({"out": [[1.0]]}, TypeError, "out"),
        ({"out": memory[:128].reshape(out.shape), "images": memory[100:280].reshape(images.shape)}, ValueError, "out"),
        ({"out": memory[:128].reshape(out.shape), "w": memory[127:199].reshape(w.shape)}, ValueError, "out"),
        ({"out": memory[:128].reshape(out.shape), "b": memory[3:7]}, ValueError, "out"),
        ({"stride": 0}, ValueError, "stride"),
        ({"stride": 1.0}, TypeError, "stride"),
        ({"stride": (1, 2, 3)}, TypeError, "stride"),
        ({"padding": -1}, ValueError, "padding"),
        ({"padding": (1, -1)}, ValueError, "padding"),
        ({"padding": 2**40}, ValueError, "padding"),
        ({"dilation": True}, TypeError, "dilation"),
        ({"dilation": 5}, ValueError, "images"),
        ({"activation": "cube"}, ValueError, "activation"),
    ]:
        refused(lambda: hk.conv2d(**{**good, **change}), kind, name, images, w, b, out, memory)
    assert hk.conv2d(np.ones((0, 3, 6, 5)), w).shape == (0, 4, 4, 4)
    assert hk.conv2d(images, np.ones((0, 3, 3, 2))).shape == (2, 0, 4, 4)
    assert hk.conv2d(images.tolist(), w.astype(np.float32)).dtype == np.float32


def test_pool2d_refusals():
    images, out = np.ones((2, 3, 6, 5)), np.ones((2, 3, 3, 2))
    hk.pool2d(images, 2, out=out)
    for arguments, named, kind, name in [
        ((np.ones(5), 2), {}, ValueError, "images"),
        ((images.astype(int), 2), {}, TypeError, "images"),
        ((images[..., ::2], 2), {}, ValueError, "images"),
        ((images, 7), {}, ValueError, "images"),
        ((images, 0), {}, ValueError, "size"),
        ((images, "2"), {}, TypeError, "size"),
        ((images, 2, 0), {}, ValueError, "stride"),
        ((images, 2, None, "mean"), {}, ValueError, "kind"),
        ((images, 2), {"padding": 2}, ValueError, "padding"),
        ((images, (3, 2)), {"padding": (0, 2)}, ValueError, "padding"),
        ((images, 2), {"out": np.ones((2, 3, 3, 3))}, ValueError, "out"),
        ((images, 2), {"out": np.ones((2, 3, 3, 2), np.float32)}, TypeError, "out"),
        ((images, 2), {"out": images.reshape(-1)[:36].reshape(out.shape)}, ValueError, "out"),
    ]:
        refused(lambda: hk.pool2d(*arguments, **named), kind, name, images, out)


def test_layer_refusals():
    rule = hk.rules.Oja(0.1)
    for change, kind, name in [
        ({"in_channels": 0}, ValueError, "in_channels"),
        ({"out_channels": 2.0}, TypeError, "out_channels"),
        ({"kernel": (0, 1)}, ValueError, "kernel"),
        ({"rule": "oja"}, TypeError, "rule"),
        ({"stride": 0}, ValueError, "stride"),
        ({"padding": "same"}, TypeError, "padding"),
        ({"dilation": 0}, ValueError, "dilation"),
        ({"activation": "f"}, ValueError, "activation"),
        ({"seed": -1}, ValueError, "seed"),
        ({"seed": 2**63}, ValueError, "seed"),
        ({"seed": 0.5}, TypeError, "seed"),
        ({"dtype": int}, TypeError, "dtype"),
    ]:
        refused(lambda: hk.ConvLayer(**{"in_channels": 2, "out_channels": 3, "kernel": 2, "rule": rule, **change}), kind, name)
    layer, images = layer_and_images(rule)
    weights = layer.weights
    for change, kind, name in [
        ({"images": images[0, 0]}, ValueError, "images"),
        ({"images": images[:, :1]}, ValueError, "images"),
        ({"images": images[:, :, :, ::2]}, ValueError, "images"),
        ({"images": images.astype(np.float64)}, TypeError, "images"),
        ({"images": np.ones((1, 2, 0, 4), np.float32)}, ValueError, "images"),
        ({"images": weights[:1, :, :3, :2]}, ValueError, "images"),
        ({"reduction": "max"}, ValueError, "reduction"),
        ({"reduction": "sum", "block": 4}, ValueError, "block"),
        ({"block": 0}, ValueError, "block"),
        ({"block": 5000}, ValueError, "block"),
        ({"draw": 92}, ValueError, "draw"),
        ({"draw": 0}, ValueError, "draw"),
        ({"batch": 0}, ValueError, "batch"),
        ({"normalize": "min"}, ValueError, "normalize"),
    ]:
        refused(lambda: layer.learn(**{"images": images, **change}), kind, name, weights, images)
    rule.lr = -1
    refused(lambda: layer.learn(images), ValueError, "lr", weights)
    refused(lambda: layer.learn(images[:0]), ValueError, "lr", weights)
    rule.lr = 0.1
    assert layer.learn(images[:0]) == 0 and layer.drawn == 0
    layer.weights = weights.astype(np.float16)
    refused(lambda: layer.learn(images), TypeError, "weights")
    layer.weights = weights[:, :, ::-1]
    refused(lambda: layer.learn(images), ValueError, "weights", weights)


def test_example(tmp_path, capsys):
    """Few images and one epoch; the picture was looked at."""
    example = Path(__file__).parents[1] / "examples" / "conv_softhebb.py"
    found = runpy.run_path(str(example))["main"](["--images", "450", "--epochs", "1", "--out", str(tmp_path)])
    assert found["learned kernels"] > 0.75 and found["pixels"] > 0.75
    printed = capsys.readouterr().out
    assert "epoch 1: 7500 windows" in printed and f"learned kernels  {found['learned kernels']:6.1%}" in printed
    assert (tmp_path / "conv_softhebb.png").read_bytes().startswith(b"\x89PNG")
