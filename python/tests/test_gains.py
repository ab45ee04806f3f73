"""Average gains against plain loops in float64, for every activation."""

import copy
import math

import numpy as np
import pytest

import hebbkern as hk

DTYPES = (np.float32, np.float64)
UNITS = 7


def sigmoid(z):
    return 1 / (1 + math.exp(-z))


def normal(z):
    return (1 + math.erf(z / math.sqrt(2))) / 2


def bilu(a, b):
    return lambda z: a * z if z < 0 else b * z, lambda z: a if z < 0 else b


def bipu(c, d):
    def derivative(z):
        if z == 0:
            return 0.0 if c > 1 else 1.0
        return c * z ** (c - 1) if z > 0 else -d * c * (-z) ** (c - 1)

    return lambda z: z**c if z > 0 else d * (-z) ** c, derivative


# f and f′, at 0 the derivative from above
ACTIVATIONS = {
    "identity": bilu(1, 1),
    "relu": bilu(0, 1),
    "leaky_relu": bilu(0.01, 1),
    ("leaky_relu", 0.3): bilu(0.3, 1),
    ("bilu", -0.5, 2.0): bilu(-0.5, 2),
    ("bipu", 2, -0.5): bipu(2, -0.5),
    ("bipu", 1, 0.5): bipu(1, 0.5),
    ("bipu", 1.7, 3.0): bipu(1.7, 3),
    "sigmoid": (sigmoid, lambda z: sigmoid(z) * sigmoid(-z)),
    "tanh": (math.tanh, lambda z: 1 - math.tanh(z) ** 2),
    "softplus": (lambda z: math.log1p(math.exp(z)), sigmoid),
    "elu": (lambda z: math.expm1(z) if z < 0 else z, lambda z: math.exp(min(z, 0))),
    "gelu": (lambda z: z * normal(z), lambda z: normal(z) + z * math.exp(-z * z / 2) / math.sqrt(2 * math.pi)),
}


def batches(dtype):
    random = np.random.default_rng(8)
    for samples in (4, 0, 1, 6, 3, 9):
        z = random.standard_normal((samples, UNITS)).astype(dtype)
        z[:1, :3] = [0, -0.0, 1]
        yield z


def values(activation, of, z, reduction):
    """The values that a batch adds to an average."""
    function = ACTIVATIONS[activation][of == "derivative"]
    rows = [[function(float(v)) for v in row] for row in z]
    if reduction == "sequential" or not rows:
        return rows
    return [[sum(column) / len(rows) for column in zip(*rows)]]


def close(got, want):
    np.testing.assert_allclose(got, want, rtol=40 * np.finfo(got.dtype).eps, atol=40 * np.finfo(got.dtype).eps)


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_exponential(activation, dtype):
    for of in ("activation", "derivative"):
        for reduction in ("mean", "sequential"):
            gain = hk.gains.Exponential(UNITS, alpha=0.25, of=of, activation=activation, dtype=dtype)
            want = [0.0] * UNITS
            for z in batches(dtype):
                for value in values(activation, of, z, reduction):
                    want = [0.25 * a + 0.75 * s for a, s in zip(value, want)]
                assert gain.update(z, reduction=reduction) is gain.sigma
                close(gain.sigma, want)


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_windowed(activation, dtype):
    for of in ("activation", "derivative"):
        for reduction in ("mean", "sequential"):
            for window in (1, 5):
                gain = hk.gains.Windowed(UNITS, window=window, of=of, activation=activation, dtype=dtype)
                seen = []
                for z in batches(dtype):
                    seen += values(activation, of, z, reduction)
                    assert gain.update(z, reduction=reduction) is gain.sigma
                    last = seen[-window:]
                    close(gain.sigma, [sum(column) / len(last) for column in zip(*last)])
                    assert gain.seen == len(seen)


def test_windowed_does_not_drift():
    """A value of 1e30 leaves nothing behind, where a running sum would keep its rounding error for ever."""
    gain = hk.gains.Windowed(1, window=3, activation="identity", dtype=np.float64)
    for z in (1e30, 0.25, 0.5, 0.75):
        gain.update([z])
    assert gain.sigma[0] == 0.5


def test_windowed_resumes_with_the_same_bits():
    gain = hk.gains.Windowed(UNITS, window=4, activation="gelu")
    for z in batches(np.float32):
        other = hk.gains.Windowed(UNITS, window=4, activation="gelu")
        for name in ("sigma", "values", "sum"):
            getattr(other, name)[...] = getattr(gain, name)
        other.seen = gain.seen
        twin = copy.deepcopy(gain)
        for g in (gain, other, twin):
            g.update(z, reduction="sequential")
        for name in ("sigma", "values", "sum"):
            assert getattr(gain, name).tobytes() == getattr(other, name).tobytes() == getattr(twin, name).tobytes()


def test_one_sample():
    for gain in (hk.gains.Exponential(2, alpha=1), hk.gains.Windowed(2, window=2)):
        assert gain.update([-1, 2]).tolist() == [0, 2]
        assert repr(gain).startswith(type(gain).__name__)


def test_same_bits_for_any_number_of_threads():
    random = np.random.default_rng(3)
    z = random.standard_normal((5, 30_000)).astype(np.float32)
    before, results = hk.get_num_threads(), []
    for threads in (1, 2, 4):
        hk.set_num_threads(threads)
        gain = hk.gains.Windowed(30_000, window=3, activation="tanh")
        gain.update(z, reduction="sequential")
        gain.update(z)
        results.append(gain.sigma.tobytes())
    hk.set_num_threads(before)
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize("kind", [hk.gains.Exponential, hk.gains.Windowed])
def test_refusals(kind):
    for arguments, name in (
        (dict(n=0), "n"), (dict(n=2.5), "n"), (dict(of="f"), "of"), (dict(activation="f"), "activation"), (dict(dtype=int), "dtype"),
        (dict(activation="bipu"), "activation"), (dict(activation=("bilu", 1)), "activation"),
    ):  # fmt: skip
        with pytest.raises((ValueError, TypeError)) as caught:
            kind(**{"n": 3, **arguments})
        assert caught.value.argument == name
    with pytest.raises(ValueError, match="no bound at 0"):
        kind(3, of="derivative", activation=("bipu", 0.5, 1.0))
    kind(3, activation=("bipu", 0.5, 1.0)).update([1, 2, 3])
    gain = kind(3)
    gain.update([1, 2, 3])
    before = {name: copy.copy(value) for name, value in vars(gain).items()}
    for z in ([1, 2], np.ones(3), np.ones((2, 3), int), gain.sigma, "abc", None):
        with pytest.raises((ValueError, TypeError)):
            gain.update(z)
    with pytest.raises(ValueError, match="reduction"):
        gain.update([1, 2, 3], reduction="sum")
    for name, value in vars(gain).items():
        assert np.array_equal(value, before[name]), name


def test_refusals_of_their_own():
    for value in (0, 1.5, np.nan, "a"):
        with pytest.raises((ValueError, TypeError)) as caught:
            hk.gains.Exponential(3, alpha=value)
        assert caught.value.argument == "alpha"
    for value in (0, 2.0, 2**24 + 1, True):
        with pytest.raises((ValueError, TypeError)) as caught:
            hk.gains.Windowed(3, window=value)
        assert caught.value.argument == "window"
    gain = hk.gains.Windowed(3, window=2)
    gain.values = gain.values.astype(np.float32)
    with pytest.raises(TypeError, match="values is float32; float64"):
        gain.update([1, 2, 3])
    gain = hk.gains.Windowed(3, window=2)
    gain.sum = gain.values[0]
    with pytest.raises(ValueError, match="shares elements"):
        gain.update([1, 2, 3])
    assert gain.seen == 0


def test_windowed_gains_are_saved_with_their_layer(tmp_path):
    activation = ("bipu", 1.5, -0.5)
    layer = hk.Layer(3, 4, rule=hk.rules.Oja(lr=0.01), activation=activation, gain=hk.gains.Windowed(4, window=3, activation=activation))
    X = np.random.default_rng(0).standard_normal((10, 3)).astype(np.float32)
    layer.learn(X)
    layer.save(tmp_path / "layer.safetensors")
    other = hk.Layer.load(tmp_path / "layer.safetensors")
    for one in (layer, other):
        one.learn(X)
    for name in ("sigma", "values", "sum", "seen"):
        assert np.array_equal(getattr(layer.gain, name), getattr(other.gain, name))
    assert other.activation == activation
