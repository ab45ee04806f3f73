"""Layers: what their parts do by hand, saved and loaded bit for bit, stacked, refusals."""

import inspect

import numpy as np
import pytest

import hebbkern as hk

# What the rules need beside lr.
NEEDED = {"decay": 0.01, "k": 2, "alpha": 0.1, "theta": 0.25, **dict.fromkeys("abcd", 0.5)}


def all_rules():
    """One object of each class of rules that learns from x and y, but for those that are made of a function."""
    found = []
    for kind in vars(hk.rules).values():
        if isinstance(kind, type) and issubclass(kind, hk.rules.Rule) and kind is not hk.rules.Rule:
            parameters = inspect.signature(kind).parameters.values()
            names = [p.name for p in parameters if p.default is p.empty and p.kind is not p.VAR_KEYWORD and p.name != "lr"]
            if "map" not in names:
                given = {name: NEEDED[name] for name in names}
                found.append(pytest.param(lambda kind=kind, given=given: kind(lr=0.01, **given), id=kind.__name__))
    return found


def inputs(make, dtype=np.float32):
    """x, and y where the rule wants one."""
    X = data(dtype)
    try:
        make().update(np.zeros((4, 5), dtype), X)
    except ValueError:
        return X, np.tanh(X[:, :4])
    return (X,)


def data(dtype=np.float32, samples=30, n=5):
    return np.random.default_rng(5).standard_normal((samples, n)).astype(dtype)


def bits(layer):
    """Everything that a layer is."""
    arrays, options = layer._state("test")
    return {name: (a.dtype, a.shape, a.tobytes()) for name, a in arrays.items()}, options


def gain(dtype=np.float32, n=4, activation="tanh"):
    return hk.gains.Exponential(n, alpha=0.1, of="derivative", activation=activation, dtype=dtype)


@pytest.mark.parametrize("make", all_rules())
@pytest.mark.parametrize("options", [{}, {"reduction": "mean"}, {"reduction": "sum", "normalize": "max"}, {"block": 8}], ids=str)
def test_a_layer_is_its_parts(make, options):
    given = inputs(make)
    X = given[0]
    layer = hk.Layer(5, 4, rule=make(), activation="tanh", gain=gain(), seed=3)
    w, rule, average, before = layer.w.copy(), make(), gain(), bits(layer)
    try:
        want = rule.update(w, *given, **options)
    except ValueError:  # a rule in time has no mean, one of the signs of weights no blocks
        with pytest.raises(ValueError):
            layer.learn(*given, **options)
        assert bits(layer) == before and options
        return
    y = layer.learn(*given, **options)
    average.update(hk.forward(w, X), reduction="mean" if "reduction" in options else "sequential")
    assert y.tobytes() == want.tobytes() and layer.w.tobytes() == w.tobytes()
    assert layer.gain.sigma.tobytes() == average.sigma.tobytes() and average.sigma.any()
    assert layer.forward(X).tobytes() == hk.forward(w, X, activation="tanh").tobytes()
    assert layer.forward(X[3]).tobytes() == hk.forward(w, X[3], activation="tanh").tobytes()
    layer.learn(*(a[0] for a in given))
    rule.update(w, *(a[0] for a in given))
    assert layer.w.tobytes() == w.tobytes()


def test_y_of_the_callers():
    X, layer = data(), hk.Layer(5, 4, rule=hk.rules.Hebb(lr=0.1), activation="relu")
    w = layer.w.copy()
    layer.learn(X, layer.forward(X), reduction="mean")
    hk.rules.Hebb(lr=0.1).update(w, X, hk.forward(w, X, activation="relu"), reduction="mean")
    assert layer.w.tobytes() == w.tobytes()


def test_initial_weights():
    layer, other = (hk.Layer(50, 40, rule=hk.rules.Oja(lr=1), seed=2**64 - 1, dtype=d) for d in (np.float32, np.float64))
    assert np.array_equal(layer.w, other.w.astype(np.float32)) and layer.w.shape == (40, 50)
    bound = np.sqrt(6 / 90)
    assert 0.95 * bound < np.abs(other.w).max() <= bound and abs(other.w.mean()) < 0.01
    assert np.array_equal(other.w, hk.Network([50, 40], seed=2**64 - 1, dtype=np.float64).weights[0])
    assert not np.array_equal(layer.w, hk.Layer(50, 40, rule=hk.rules.Oja(lr=1), seed=1).w)


@pytest.mark.parametrize("make", all_rules())
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_layer_resumes(tmp_path, make, dtype):
    given = inputs(make, dtype)
    straight, layer = (hk.Layer(5, 4, make(), ("leaky_relu", 0.25), gain(dtype, activation=("leaky_relu", 0.25)), seed=4,
                                dtype=dtype) for _ in range(2))  # fmt: skip
    for k in range(0, 30, 6):
        straight.learn(*(a[k : k + 6] for a in given))
        layer.learn(*(a[k : k + 6] for a in given))
        layer.save(tmp_path / "layer.hk")
        layer = hk.Layer.load(tmp_path / "layer.hk")
        assert bits(layer) == bits(straight) and repr(layer) == repr(straight)
    assert layer.w.any() and np.isfinite(layer.w).all()


class Trace(hk.rules.Hebb):
    """A rule of a user's, with a function, a property, and all kinds of state."""

    def __init__(self, lr, shape=lambda v: v):
        super().__init__(lr)
        self.shape, self.trace, self.steps = shape, None, 0
        self.limits = (0.0, float("inf"), np.array([1, -1], np.int8), None)
        self.memory = {"list": [np.arange(3), (1, 2)], "float": np.float32(0.5)}
        self._mask = None

    @property
    def mask(self):
        return self._mask

    @mask.setter
    def mask(self, value):
        self._mask = value

    @property
    def size(self):
        return 3

    def update(self, w, x, y=None, **options):
        self.trace = x.copy() if self.trace is None else 0.5 * (self.trace + self.shape(x))
        self.steps += 1
        return super().update(w, self.trace, y, **options)


def test_a_rule_of_a_users(tmp_path):
    X, path = data(), tmp_path / "layer.hk"
    straight, layer = (hk.Layer(5, 4, Trace(0.01, np.tanh)) for _ in range(2))
    straight.learn(X[:4])
    straight.learn(X[:4])
    layer.learn(X[:4])
    layer.rule.mask, layer.rule.memory["more"] = np.array([[True, False]]), {"a": [np.zeros((2, 1), np.float16)]}
    layer.save(path)
    with pytest.raises(hk.CheckpointError, match="of the class 'Trace', which hebbkern.rules has not: give it as rule="):
        hk.Layer.load(path)
    with pytest.raises(hk.CheckpointError, match="rule is a Oja, and the file has the state of a Trace"):
        hk.Layer.load(path, rule=hk.rules.Oja(lr=0.1))
    layer = hk.Layer.load(path, rule=Trace(0.5, np.tanh))
    assert layer.rule.lr == 0.01 and layer.rule.steps == 1 and layer.rule.mask.tolist() == [[True, False]]
    assert layer.rule.limits[:2] == (0.0, float("inf")) and layer.rule.limits[3] is None
    assert layer.rule.limits[2].dtype == np.int8 and layer.rule.limits[2].tolist() == [1, -1]
    memory = layer.rule.memory
    assert memory["list"][0].tolist() == [0, 1, 2] and memory["list"][1] == (1, 2) and memory["float"] == 0.5
    assert memory["more"]["a"][0].dtype == np.float16 and memory["more"]["a"][0].shape == (2, 1)
    layer.learn(X[:4])
    assert layer.w.tobytes() == straight.w.tobytes() and layer.rule.trace.tobytes() == straight.rule.trace.tobytes()
    layer.rule.memory = {"x": object()}
    before = path.read_bytes()
    with pytest.raises(TypeError, match="rule: memory.x is a object"):
        layer.save(path)
    assert path.read_bytes() == before


def test_spiking_rules_fit_too(tmp_path):
    pre, post = np.eye(3, dtype=bool), np.ones((3, 2), bool)
    straight, layer = (hk.Layer(3, 2, hk.rules.TripletSTDP(), seed=1) for _ in range(2))
    for _ in range(2):
        straight.learn(pre, post)
        layer.learn(pre, post)
        layer.save(tmp_path / "layer.hk")
        layer = hk.Layer.load(tmp_path / "layer.hk")
    assert bits(layer) == bits(straight) and layer.rule.r1.any()
    layer.rule.reset()
    layer.save(tmp_path / "layer.hk")
    assert hk.Layer.load(tmp_path / "layer.hk").rule.r1 is None


def test_refusals():
    oja = hk.rules.Oja(lr=0.1)
    for kind, name, make in (
        (TypeError, "rule", lambda: hk.Layer(3, 2, "oja")), (TypeError, "rule", lambda: hk.Layer(3, 2, hk.rules.Oja)),
        (ValueError, "n_in", lambda: hk.Layer(0, 2, oja)), (TypeError, "n_out", lambda: hk.Layer(3, 2.5, oja)),
        (ValueError, "activation", lambda: hk.Layer(3, 2, oja, "sine")), (TypeError, "gain", lambda: hk.Layer(3, 2, oja, gain=3)),
        (ValueError, "gain", lambda: hk.Layer(3, 2, oja, "tanh", gain(n=3))),
        (ValueError, "gain", lambda: hk.Layer(3, 4, oja, "tanh", gain(np.float64))),
        (ValueError, "gain", lambda: hk.Layer(3, 4, oja, "relu", gain())),
        (ValueError, "seed", lambda: hk.Layer(3, 2, oja, seed=-1)), (TypeError, "seed", lambda: hk.Layer(3, 2, oja, seed="x")),
        (TypeError, "dtype", lambda: hk.Layer(3, 2, oja, dtype=np.int32)),
        (ValueError, "layers", lambda: hk.Stack([])), (TypeError, "layers", lambda: hk.Stack([oja])),
        (ValueError, "layers", lambda: hk.Stack([hk.Layer(3, 2, oja), hk.Layer(3, 2, oja)])),
        (ValueError, "layers", lambda: hk.Stack([hk.Layer(3, 2, oja), hk.Layer(2, 2, oja, dtype=np.float64)])),
        (ValueError, "only", lambda: hk.Stack([hk.Layer(3, 2, oja)]).learn(data(n=3), only=1)),
        (TypeError, "only", lambda: hk.Stack([hk.Layer(3, 2, oja)]).learn(data(n=3), only="x")),
    ):  # fmt: skip
        with pytest.raises(kind) as caught:
            make()
        assert caught.value.argument == name, caught.value
    layer = hk.Layer(5, 4, oja, "tanh", gain())
    before = bits(layer)
    X = data()
    for call in (
        lambda: layer.learn(X[:, :4]), lambda: layer.learn(X.astype(np.float64)), lambda: layer.learn(X, reduction="all"),
        lambda: layer.learn(X, block=-1), lambda: layer.learn(X, speed=3), lambda: layer.forward(X[:, :4]),
        lambda: layer.learn(X, X),
    ):  # fmt: skip
        with pytest.raises((TypeError, ValueError)):
            call()
    assert bits(layer) == before
    layer.w.flags.writeable = False
    with pytest.raises(ValueError, match="w is written but read-only"):
        layer.learn(X)


def test_divergence_leaves_weights_and_gains_of_the_same_samples():
    X = data()
    X[7] = np.inf
    layer, want = (hk.Layer(5, 4, hk.rules.Oja(lr=0.01), "tanh", gain()) for _ in range(2))
    with pytest.raises(hk.DivergenceError) as caught:
        layer.learn(X)
    assert caught.value.done == 7
    want.learn(X[:7])
    assert bits(layer) == bits(want)


def stack(dtype=np.float32):
    return hk.Stack([
        hk.Layer(5, 6, hk.rules.Sanger(lr=0.01), "relu", hk.gains.Exponential(6, dtype=dtype), seed=1, dtype=dtype),
        hk.Layer(6, 4, hk.rules.WTA(lr=0.1, k=2, score="euclid"), seed=2, dtype=dtype),
        hk.Layer(4, 2, hk.rules.SoftHebb(lr=0.1), seed=3, dtype=dtype),
    ])  # fmt: skip


def test_a_stack_is_its_layers(tmp_path):
    X, made, want = data(), stack(), stack()
    y = made.learn(X)
    x = X
    for layer in want:
        last = layer.learn(x)
        x = layer.forward(x)
    assert y.tobytes() == last.tobytes() and made.forward(X).tobytes() == x.tobytes()
    assert made.forward(X[2]).tobytes() == x[2].tobytes()
    made.save(tmp_path / "stack.hk")
    made = hk.Stack.load(tmp_path / "stack.hk")
    y = made.learn(X, only=1, block=4)
    want[1].learn(want[0].forward(X), block=4)
    assert [bits(a) for a in made] == [bits(b) for b in want] and repr(made) == repr(want) and len(made) == 3


def test_files_that_hold_no_layer(tmp_path):
    path = tmp_path / "layer.hk"
    arrays, options = stack()[0]._state("test")

    def refused(words, arrays=arrays, options=options, kind="layer", load=hk.Layer.load):
        hk.checkpoints.write(path, kind, arrays, options, "test")
        with pytest.raises(hk.CheckpointError, match=words):
            load(path)

    refused("kind 'network'", kind="network")
    refused("'w'", arrays={"other": np.zeros(2)})
    refused("not those of a layer", arrays={**arrays, "b": np.zeros(2)})
    refused("'theta', which Sanger does not know", arrays={**arrays, "rule.theta": np.zeros(2)})
    refused("'update', which Sanger", options={**options, "rule": {"class": "Sanger", "options": {"lr": 1, "update": 3}}})
    refused("'Rules'", options={**options, "rule": {"class": "Rules", "options": {}}})
    refused("'np'", options={**options, "rule": {"class": "np", "options": {}}})
    refused("lr is -1", options={**options, "rule": {"class": "Sanger", "options": {"lr": -1}}})
    refused("lr of the Sanger was not saved", options={**options, "rule": {"class": "Sanger", "options": {}}})
    for name in ("os.system", "hebbkern.rules.Oja", "hebbkern.none.X", "hebbkern.network.run", "X"):
        strange = {"class": "Sanger", "options": {"lr": {"class": name, "options": {}}}}
        refused(f"the class '{name}' is not known", options={**options, "rule": strange})
    refused("'x' is missing", options={**options, "rule": {"class": "Sanger", "options": {"lr": {"array": "x"}}}})
    refused("gain", arrays={**arrays, "gain.sigma": np.zeros(3, np.float32)})
    refused("layers", kind="stack", load=hk.Stack.load)
    refused("no stack", options={"layers": []}, kind="stack", load=hk.Stack.load)
    stack().save(path)
    with pytest.raises(hk.CheckpointError, match="2 rules are given for 3 layers"):
        hk.Stack.load(path, rules=[None, None])
    with pytest.raises(hk.CheckpointError, match="kind 'stack'"):
        hk.Layer.load(path)


@pytest.mark.parametrize("make", [lambda: hk.rules.SoftHebb(lr=0.05), lambda: hk.rules.BCM(lr=0.001, alpha=0.1)])
def test_a_convolutional_layer_resumes(tmp_path, make):
    images = np.random.default_rng(8).standard_normal((6, 2, 7, 6))
    path = tmp_path / "conv.hk"

    def state(layer):
        return layer.weights.tobytes(), layer.bias.tobytes(), repr(layer), layer.drawn, layer.forward(images).tobytes()

    straight, layer = (hk.ConvLayer(2, 4, (3, 2), rule=make(), stride=(2, 1), padding=1, activation=("leaky_relu", 0.25),
                                    seed=5, dtype=np.float64) for _ in range(2))  # fmt: skip
    for a in (straight, layer):
        a.bias = np.arange(4.0)
    for k in range(3):
        for a in (straight, layer):
            a.learn(images[2 * k : 2 * k + 2], draw=5)
        layer.save(path)
        layer = hk.ConvLayer.load(path)
        assert state(layer) == state(straight) and layer.drawn == 2 * k + 2
    with pytest.raises(hk.CheckpointError, match="kind 'conv_layer'"):
        hk.Layer.load(path)
    arrays, options = hk.checkpoints.read(path, "conv_layer", "test")
    for change in (lambda: options.pop("seed"), lambda: options.update(seed=1, hue=2), lambda: arrays.clear()):
        change()
        hk.checkpoints.write(path, "conv_layer", arrays, options, "test")
        with pytest.raises(hk.CheckpointError, match="holds no layer"):
            hk.ConvLayer.load(path)
