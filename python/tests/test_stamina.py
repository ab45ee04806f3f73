"""Stamina against plain NumPy, for every mode; death and birth of units; annealing; the spread of outputs."""

import copy
import math
import pickle

import numpy as np
import pytest

import hebbkern as hk
from hebbkern import stamina as st

MODES = ("constant", "mean", "zero_sum", "ratio", "batch")
DTYPES = (np.float32, np.float64)
N = 9


def penalties(x, mode):
    """The penalty of each sample, from the definition (maths.md, section 7)."""
    x = np.maximum(np.asarray(x, np.float64), 0)
    n, active = x.shape[1], (x > 0).sum(1)
    silent, mu = n - active, x.mean(1)
    with np.errstate(all="ignore"):
        if mode == "constant":
            return np.ones(len(x))
        if mode == "batch":
            return np.full(len(x), x.mean() * len(x) / active.sum() if active.sum() else 0.0)
        found = {"mean": mu, "zero_sum": mu * n / silent, "ratio": mu * silent / active}[mode]
    return np.where((active > 0) & (silent > 0), found, 0)


def balanced(x, mode, strength):
    x = np.asarray(x, np.float64)
    return np.where(x > 0, x, -strength * penalties(x, mode)[:, np.newaxis])


def batch(seed, samples, dtype, n=N):
    x = np.random.default_rng(seed).standard_normal((samples, n)).astype(dtype)
    if samples > 3:
        x[1], x[2] = np.arange(n) + 1, -np.arange(n)  # no silent unit, no active one
        x[3, :2] = [0, -0.0]
    return x


def close(got, want, factor=1.0):
    size = max(1.0, np.abs(want).max(initial=0))
    np.testing.assert_allclose(got, want, rtol=0, atol=factor * 50 * np.finfo(got.dtype).eps * size)


# ---- the balanced ReLU ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_balanced_relu(mode, dtype):
    for strength in (0, 1, 0.25):
        for x in (batch(1, 6, dtype), batch(1, 6, dtype)[2:3], batch(2, 1, dtype), np.zeros((0, N), dtype)):
            before = x.copy()
            y = st.balanced_relu(x, mode, strength=strength)
            assert y.dtype == dtype and np.array_equal(x, before)
            close(y, balanced(x, mode, strength))
            assert not np.signbit(y[y == 0]).any()
            if mode == "zero_sum" and strength == 1:
                partly = (x <= 0).any(1)
                close(y[partly].sum(1, dtype=np.float64).astype(dtype), np.zeros(partly.sum()))
    x = batch(3, 1, dtype)[0]
    assert np.array_equal(st.balanced_relu(x, mode), st.balanced_relu(x[np.newaxis], mode)[0])
    out = np.empty((6, N + 3), dtype)[:, :N]
    assert st.balanced_relu(batch(1, 6, dtype), mode, out=out) is out
    assert np.array_equal(out, st.balanced_relu(batch(1, 6, dtype), mode))


def test_balanced_relu_in_pieces_and_threads():
    """A large batch has the bits of its rows."""
    x = batch(4, 3000, np.float32, 300)
    before, results = hk.get_num_threads(), []
    for threads in (1, 3):
        hk.set_num_threads(threads)
        results.append([st.balanced_relu(x, mode) for mode in MODES])
    hk.set_num_threads(before)
    for mode, a, b in zip(MODES, *results):
        assert np.array_equal(a, b)
        if mode != "batch":
            assert np.array_equal(a[1234], st.balanced_relu(x[1234], mode))


def test_balanced_relu_refusals():
    x = np.ones((2, 3))
    for arguments, name in (
        (dict(mode="sum"), "mode"), (dict(mode=1), "mode"), (dict(strength=-1), "strength"), (dict(strength=math.nan), "strength"),
        (dict(out=np.ones((3, 2))), "out"), (dict(out=np.ones(3)), "out"), (dict(out=x), "out"),
        (dict(out=np.ones((2, 3), np.float32)), "out"),
    ):  # fmt: skip
        with pytest.raises((ValueError, TypeError)) as caught:
            st.balanced_relu(x, **arguments)
        assert caught.value.argument == name
    with pytest.raises(TypeError):
        st.balanced_relu(np.ones((2, 3), int))
    assert (x == 1).all()


# ---- bookkeeping ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_bookkeeping(mode, dtype):
    prior = np.linspace(0.1, 0.8, N)
    for alpha in (None, 0.25):
        for f in (None, prior):
            s = st.Stamina(N, mode=mode, strength=0.75, alpha=alpha, prior=f, dtype=dtype)
            want = np.zeros(N)
            for k in range(6):
                x = batch(k, k, dtype)
                y = balanced(x, mode, 0.75) if k else np.zeros((0, N))
                if f is not None:
                    y = np.where(y < 0, y * (f / (1 - f)), y)
                if k:
                    want = want + y.sum(0) if alpha is None else alpha * y.sum(0) + (1 - alpha) * want
                twin = pickle.loads(pickle.dumps(s))
                assert s.update(x) is s.value
                close(s.value, want, 4)
                twin.update(x)
                assert s.value.tobytes() == twin.value.tobytes() and s.updates == twin.updates
            assert s.updates == 5, "an empty batch is no update"


def test_a_prior_of_one_half_changes_nothing():
    a, b = st.Stamina(N, dtype=np.float64), st.Stamina(N, prior=0.5, dtype=np.float64)
    for s in (a, b):
        s.update(batch(1, 7, np.float64))
    close(a.value, b.value)


def test_a_unit_that_fires_as_its_prior_says_breaks_even():
    s = st.Stamina(2, mode="constant", prior=[0.25, 0.5], dtype=np.float64)
    s.update([[1, 1], [0, 1], [0, 0], [0, 0]])
    assert s.value.tolist() == [0, 0]


def test_a_penalty_counts_once():
    """Activities after a ReLU and the inputs of it are the same; a balanced ReLU's output as well, since what is below
    0 is silent whatever it is."""
    x = batch(1, 8, np.float64)
    values = []
    for seen in (x, np.maximum(x, 0), st.balanced_relu(x, "mean", strength=3)):
        s = st.Stamina(N, mode="mean", dtype=np.float64)
        s.update(seen)
        values.append(s.value)
    assert np.array_equal(values[0], values[1]) and np.array_equal(values[0], values[2])


def test_masked_units_take_no_part():
    x = batch(5, 6, np.float32)
    s = st.Stamina(N)
    s.update(x)
    twin = copy.deepcopy(s)
    s.mask(dead=[0, 4])
    twin.compact(dead=[0, 4])
    before = s.value[[0, 4]].copy()
    s.update(x)
    twin.update(np.ascontiguousarray(x[:, s.alive]))
    assert np.array_equal(s.value[s.alive], twin.value) and np.array_equal(s.value[[0, 4]], before)
    s.update(x[0])
    assert s.updates == 3


def test_divergence():
    s = st.Stamina(3, dtype=np.float64)
    s.update([1, 2, 3])
    before = s.value.copy()
    with pytest.raises(hk.DivergenceError, match="stamina"):
        s.update([1, math.nan, 0])
    assert np.array_equal(s.value, before) and s.updates == 1


# ---- death and birth -----------------------------------------------------------------------------------------------


def world(dtype=np.float32, n=6, n_in=5, n_next=4):
    random = np.random.default_rng(7)
    shapes = ((n, n_in), (n,), (n_next, n))
    return [random.standard_normal(shape).astype(dtype) for shape in shapes]


def test_who_dies():
    s = st.Stamina(6, dtype=np.float64)
    s.value[:] = [2, 0, -1, 3, 0, 1]
    assert s.dying().tolist() == [1, 2, 4]
    s.threshold, s.minimum = 2.5, 3
    assert s.dying().tolist() == [1, 2, 4]  # 0, 3 and 5 are the strongest
    s.minimum = 4
    assert s.dying().tolist() == [2, 4]  # of equals the lowest number lives
    s.by, s.share = "share", 0.5
    assert s.dying().tolist() == [2, 4]
    s.minimum = 0
    assert s.dying().tolist() == [1, 2, 4]
    s.warmup = 1
    assert s.dying().tolist() == []


def test_a_layer_does_not_die_altogether():
    s = st.Stamina(3, strength=40, dtype=np.float64)
    s.update(-np.ones((2, 3)))
    w, before = np.ones((3, 2)), copy.deepcopy(vars(s))
    for call in (s.dying, lambda: s.compact(w), lambda: s.mask(w), lambda: s.rebirth(w)):
        with pytest.raises(ValueError, match="all 3 units are at or below .* lower the strength of the penalty, which is 40"):
            call()
    assert (w == 1).all() and all(np.array_equal(v, before[k]) for k, v in vars(s).items())
    for call in (s.compact, s.mask):
        with pytest.raises(ValueError, match="one must be left"):
            call(w, dead=[0, 1, 2])
    s.minimum = 2
    assert s.compact(w).kept.tolist() == [0, 1]


@pytest.mark.parametrize("dtype", DTYPES)
def test_compaction(dtype):
    w, b, out = world(dtype)
    moments = [tuple(2 * a for a in (w, b, out)), (3 * w, None, None)]
    s = st.Stamina(6, prior=0.3, dtype=dtype)
    s.value[:] = [1, -1, 2, 0, 3, 4]
    x = np.random.default_rng(1).standard_normal((8, 5)).astype(dtype)
    y = hk.forward(w, x, b, activation="relu")
    originals = [a.copy() for a in (w, b, out)]
    change = s.compact(w, b, out, moments=moments)
    assert change.dead.tolist() == [1, 3] and change.kept.tolist() == [0, 2, 4, 5]
    assert change.index.tolist() == [0, -1, 1, -1, 2, 3]
    for a, old in zip((w, b, out), originals):
        assert np.array_equal(a, old)
    assert np.array_equal(hk.forward(change.weights, x, change.bias, activation="relu"), y[:, change.kept])
    assert np.array_equal(change.out, out[:, change.kept]) and change.out.flags.c_contiguous
    assert change.weights.flags.owndata and change.weights.base is None, "the arrays really shrink"
    for k, (mw, mb, mo) in enumerate(change.moments):
        assert np.array_equal(mw, (2 + k) * change.weights)
        if k == 0:
            assert np.array_equal(mb, 2 * change.bias) and np.array_equal(mo, 2 * change.out)
        else:
            assert mb is None and mo is None
    assert s.value.tolist() == [1, 2, 3, 4] and len(s.alive) == len(s.prior) == 4


def test_mask():
    w, b, out = world()
    moment = [a.copy() for a in (w, b, out)]
    s = st.Stamina(6)
    s.value[:] = [1, -1, 2, 0, 3, 4]
    twin, originals = copy.deepcopy(s), [a.copy() for a in (w, b, out)]
    change = s.mask(w, b, out, moments=[moment])
    small = twin.compact(*originals)
    assert change.weights is w and change.index.tolist() == [0, -1, 2, -1, 4, 5]
    for array in (w[[1, 3]], b[[1, 3]], out[:, [1, 3]], moment[0][[1, 3]], moment[1][[1, 3]], moment[2][:, [1, 3]]):
        assert not array.any()
    x = np.random.default_rng(1).standard_normal((8, 5)).astype(np.float32)
    hidden = hk.forward(w, x, b, activation="relu")
    assert np.array_equal(hidden[:, small.kept], hk.forward(small.weights, x, small.bias, activation="relu"))
    close(hk.forward(out, hidden), hk.forward(small.out, np.ascontiguousarray(hidden[:, small.kept])))
    hk.rank1(w, 1, 1, mask=s.weight_mask(5))
    assert not w[[1, 3]].any() and (w[0] == originals[0][0] + 1).all()
    assert s.dying().tolist() == [], "the dead do not die again"
    after = s.compact(w, b, out)
    assert after.kept.tolist() == [0, 2, 4, 5] and after.dead.tolist() == []


@pytest.mark.parametrize("dtype", DTYPES)
def test_rebirth(dtype):
    results = []
    for _ in range(2):
        w, b, out = world(dtype)
        moment = [a.copy() for a in (w, b, out)]
        s = st.Stamina(6, seed=5, dtype=dtype)
        s.value[:] = [1, -1, 2, 0, 3, 4]
        old, rng = w.copy(), s.rng.copy()
        change = s.rebirth(w, b, out, moments=[moment])
        assert change.dead.tolist() == [1, 3] and change.index.tolist() == list(range(6))
        assert not (w[[1, 3]] == old[[1, 3]]).any() and (np.abs(w[[1, 3]]) <= math.sqrt(6 / 5)).all()
        assert np.array_equal(w[[0, 2, 4, 5]], old[[0, 2, 4, 5]])
        assert not b[[1, 3]].any() and not out[:, [1, 3]].any() and not moment[0][[1, 3]].any()
        assert s.value.tolist() == [1, 0, 2, 0, 3, 4] and s.alive.all() and (s.rng != rng).any()
        results.append(w)
    assert np.array_equal(*results), "the seed decides"
    s.rebirth(w, b, out, dead=[0], scale=0.01)
    assert (np.abs(w[0]) <= 0.01).all() and w[0].any()
    s.mask(w, b, out, dead=[2])
    s.rebirth(w, b, out, dead=[2])
    assert s.alive.all() and w[2].any()


def test_a_saved_state_goes_on_with_the_same_bits():
    s = st.Stamina(6, warmup=2, seed=9, minimum=1)
    w, b, out = world()
    twin, arrays = None, None
    for step in range(6):
        if step == 3:  # only arrays and numbers
            twin = st.Stamina(len(s.value), warmup=2, minimum=1)
            twin.value, twin.alive, twin.rng, twin.updates = s.value.copy(), s.alive.copy(), s.rng.copy(), s.updates
            arrays = [a.copy() for a in (w, b, out)]
        x = np.random.default_rng(step).standard_normal((4, len(s.value))).astype(np.float32)
        s.update(x)
        s.rebirth(w, b, out)
        if twin is not None:
            twin.update(x)
            twin.rebirth(*arrays)
            for a, c in zip((w, b, out, s.value, s.rng), (*arrays, twin.value, twin.rng)):
                assert a.tobytes() == c.tobytes()


def test_growth():
    w, b, out = world()
    s = st.Stamina(6, prior=0.25)
    s.value[:] = 1
    change = s.grow(3, w, b, out, moments=[(2 * w, None, 2 * out)], prior=0.75)
    assert change.weights.shape == (9, 5) and change.bias.shape == (9,) and change.out.shape == (4, 9)
    assert np.array_equal(change.weights[:6], w) and change.weights[6:].any(1).all() and not change.out[:, 6:].any()
    assert change.kept.tolist() == [0, 1, 2, 3, 4, 5, -1, -1, -1] and not change.moments[0][0][6:].any()
    assert s.value.tolist() == [1] * 6 + [0] * 3 and s.prior[6:].tolist() == [0.75] * 3
    x = np.random.default_rng(1).standard_normal((8, 5)).astype(np.float32)
    hidden = hk.forward(change.weights, x, change.bias, activation="relu")
    close(hk.forward(change.out, hidden), hk.forward(out, hk.forward(w, x, b, activation="relu")).astype(np.float64))


def test_inputs_die_too():
    w = np.arange(12.0).reshape(3, 4)
    s = st.Stamina(4, mode="mean", dtype=np.float64)
    s.update([[0, 4, 0, 1], [0, 4, 0, 1]])
    change = s.compact(out=w)
    assert s.value.tolist() == [8, 2] and np.array_equal(change.out, w[:, [1, 3]]) and change.weights is None


def test_array_refusals():
    w, b, out = world()
    s = st.Stamina(6)
    s.value[:] = [1, -1, 2, 0, 3, 4]
    frozen = w.copy()
    frozen.flags.writeable = False
    state = copy.deepcopy(vars(s))
    arrays = [a.copy() for a in (w, b, out)]
    for arguments, name in (
        (dict(weights=w[:5]), "weights"), (dict(weights=w.astype(np.float64)), "weights"), (dict(weights=frozen), "weights"),
        (dict(bias=b[:5].copy()), "bias"), (dict(out=out.T), "out"), (dict(out=np.ascontiguousarray(out.T)), "out"),
        (dict(moments=[(w, b)]), "moments"), (dict(moments=[(w, None, None)]), "moments"), (dict(moments=3), "moments"),
        (dict(moments=[(w[:, :3].copy(), None, None)]), "moments[0].weights"),
        (dict(dead=[6]), "dead"), (dict(dead=[1, 1]), "dead"), (dict(dead=[0.5]), "dead"), (dict(dead=[-1]), "dead"),
    ):  # fmt: skip
        for how in (s.compact, s.mask, s.rebirth):
            with pytest.raises((ValueError, TypeError)) as caught:
                how(**{"weights": w, "bias": b, "out": out, **arguments})
            assert caught.value.argument == name, arguments
    with pytest.raises(ValueError):
        s.rebirth(w, b, out, scale=-1)
    with pytest.raises(ValueError):
        s.grow(0, w)
    with pytest.raises(ValueError):
        s.grow(1, w, prior=1)
    for a, old in zip((w, b, out), arrays):
        assert np.array_equal(a, old)
    assert all(np.array_equal(v, state[k]) for k, v in vars(s).items())


def test_refusals():
    for arguments, name in (
        (dict(n=0), "n"), (dict(n=1.5), "n"), (dict(mode="sum"), "mode"), (dict(strength=-1), "strength"), (dict(alpha=0), "alpha"),
        (dict(alpha=2), "alpha"), (dict(prior=1), "prior"), (dict(prior=[0.5] * 3 + [0]), "prior"), (dict(by="age"), "by"),
        (dict(threshold=math.nan), "threshold"), (dict(share=1), "share"), (dict(share=-0.1), "share"), (dict(warmup=-1), "warmup"),
        (dict(warmup=1.0), "warmup"), (dict(minimum=-1), "minimum"), (dict(seed=-1), "seed"), (dict(seed=0.5), "seed"),
        (dict(dtype=int), "dtype"),
    ):  # fmt: skip
        with pytest.raises((ValueError, TypeError)) as caught:
            st.Stamina(**{"n": 4, **arguments})
        assert caught.value.argument == name
    s = st.Stamina(4)
    for x in (np.ones(3, np.float32), np.ones(4), "abc", None, np.ones((2, 2, 4), np.float32), s.value):
        with pytest.raises((ValueError, TypeError)):
            s.update(x)
    assert s.updates == 0 and not s.value.any()
    for name, value in (("value", np.zeros(4, int)), ("alive", np.ones(3, bool)), ("prior", np.ones(3, np.float32)), ("rng", np.zeros(4))):
        broken = st.Stamina(4)
        setattr(broken, name, value)
        with pytest.raises(ValueError, match=name):
            broken.rebirth(np.ones((4, 2), np.float32), dead=[1])


# ---- networks ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["compact", "mask", "rebirth"])
def test_hidden_layer(how):
    net = hk.Network([5, 6, 4, 3], seed=1, dtype=np.float64)
    for b in net.biases:
        b[...] = np.random.default_rng(2).standard_normal(b.shape)
    net.gains = [np.arange(n) + 1.0 for n in net.sizes]
    moments = ([w.copy() for w in net.weights], [b.copy() for b in net.biases])
    X = np.random.default_rng(3).standard_normal((20, 5))
    without = copy.deepcopy(net)
    without.weights[0][[1, 4]] = 0
    without.biases[0][[1, 4]] = 0
    without.weights[1][:, [1, 4]] = 0
    s = st.Stamina(6, dtype=np.float64)
    s.value[:] = [1, 0, 1, 1, -1, 1]
    change = s.apply(net, 0, how, moments=[moments])
    assert change.dead.tolist() == [1, 4]
    close(net.forward(X), without.forward(X))
    assert net.sizes == ([5, 4, 4, 3] if how == "compact" else [5, 6, 4, 3])
    assert [w.shape for w in net.weights] == [w.shape for w in moments[0]] == list(zip(net.sizes[1:], net.sizes))
    if how == "compact":
        assert np.array_equal(moments[0][0], net.weights[0]) and np.array_equal(moments[0][1], net.weights[1])
        assert np.array_equal(moments[1][0], net.biases[0]) and net.gains[1].tolist() == [1, 3, 4, 6]
    if how == "rebirth":
        assert net.gains[1].tolist() == [1, 0, 3, 4, 0, 6] and not moments[0][0][[1, 4]].any()
    net.fit(X, X[:, :3], epochs=1, progress=False)


@pytest.mark.parametrize("feedback", ["fa", "dfa"])
def test_all_state_of_a_network_shrinks_along(feedback):
    """Moments, previous activities and feedback weights, one array a hidden layer: [next or out, n]."""
    net = hk.Network([5, 6, 4, 3], seed=1)
    net.feedback = feedback
    net.moments = {f"{k}_{of}": [2 * a for a in getattr(net, of)] for k in ("first", "second") for of in ("weights", "biases")}
    net.previous = [np.arange(6.0), np.arange(4.0)]
    net.feedback_weights = [np.arange(24.0).reshape(4, 6) if feedback == "fa" else np.arange(18.0).reshape(3, 6), np.arange(12.0).reshape(3, 4)]
    old = [b.copy() for b in net.feedback_weights]
    st.Stamina(6).apply(net, 0, dead=[0, 5])
    st.Stamina(4).apply(net, 1, dead=[2])
    assert net.sizes == [5, 4, 3, 3]
    for name, arrays in net.moments.items():
        for a, own in zip(arrays, net.weights if name.endswith("weights") else net.biases):
            assert np.array_equal(a, 2 * own), name
    assert net.previous[0].tolist() == [1, 2, 3, 4] and net.previous[1].tolist() == [0, 1, 3]
    first = old[0][:, 1:5]
    assert np.array_equal(net.feedback_weights[0], first[[0, 1, 3]] if feedback == "fa" else first)
    assert np.array_equal(net.feedback_weights[1], old[1][:, [0, 1, 3]])


def test_growth_of_a_network_and_its_inputs():
    net = hk.Network([5, 6, 4, 3], seed=1, dtype=np.float64)
    X = np.random.default_rng(3).standard_normal((20, 5))
    y = net.forward(X)
    s = st.Stamina(4, dtype=np.float64)
    change = s.apply(net, 1, "grow", more=2)
    assert net.sizes == [5, 6, 6, 3] and len(change.kept) == 6 and len(s.value) == 6
    close(net.forward(X), y)
    inputs = st.Stamina(5, dtype=np.float64)
    inputs.apply(net, -1, dead=[2])
    assert net.sizes[0] == 4 and net.weights[0].shape == (6, 4)
    net.step(np.ascontiguousarray(X[:, [0, 1, 3, 4]]), y, 0.01)
    for call, name in (
        (lambda: inputs.apply(net, -1, "grow"), "how"), (lambda: s.apply(net, 2), "layer"), (lambda: s.apply(net, 0.5), "layer"),
        (lambda: st.Stamina(2).apply(net, 0), "layer"), (lambda: s.apply(net, 1, "kill"), "how"),
        (lambda: s.apply(net, 1, moments=[([], [])]), "moments"),
    ):  # fmt: skip
        with pytest.raises((ValueError, TypeError)) as caught:
            call()
        assert caught.value.argument == name
    assert net.sizes == [4, 6, 6, 3]


# ---- annealing and the spread of outputs ---------------------------------------------------------------------------


def test_annealing_finds_a_valley_and_resumes():
    def objective(strength):
        d = math.log(strength / 3)
        return d * d + 0.3 * math.cos(6 * d)

    best = min(objective(math.exp(k / 1000)) for k in range(-3000, 3000))
    annealing = st.Annealing(0.05, temperature=2.0, cooling=0.97, step=0.8, low=0.01, high=100, seed=4)
    assert annealing.proposed == 0.05
    annealing.search(objective, 100)
    twin = pickle.loads(pickle.dumps(annealing))
    for a in (annealing, twin):
        assert a.search(objective, 100) == a.best and objective(a.best) == a.best_objective
    assert annealing.history == twin.history and np.array_equal(annealing.rng, twin.rng)
    assert annealing.best_objective < best + 0.05
    assert any(b[1] > a[1] and b[2] for a, b in zip(annealing.history, annealing.history[1:])), "uphill now and then"
    assert all(0.01 <= h[0] <= 100 for h in annealing.history)
    assert math.isclose(annealing.temperature, 2 * 0.97**200)


def test_annealing_by_a_schedule():
    temperatures = []
    annealing = st.Annealing(1.0, cooling=lambda k: temperatures.append(k) or 0.0, seed=1)
    energies = iter([5.0, 6.0, 4.0, 7.0, math.inf])
    assert [annealing.report(e) for e in energies] == [True, False, True, False, False]
    assert temperatures == [0, 1, 2, 3, 4] and annealing.best_objective == 4


def test_annealing_refusals():
    for arguments, name in (
        (dict(strength=0), "strength"), (dict(strength=1e9), "strength"), (dict(temperature=-1), "temperature"), (dict(cooling=0), "cooling"),
        (dict(cooling=1.5), "cooling"), (dict(step=0), "step"), (dict(low=0), "low"), (dict(seed=-1), "seed"),
    ):  # fmt: skip
        with pytest.raises(ValueError) as caught:
            st.Annealing(**{"strength": 1.0, **arguments})
        assert caught.value.argument == name
    annealing = st.Annealing(1.0)
    for objective in (math.nan, -math.inf, "a", None):
        with pytest.raises((ValueError, TypeError)) as caught:
            annealing.report(objective)
        assert caught.value.argument == "objective"
    assert annealing.history == [] and annealing.proposed == 1


@pytest.mark.parametrize("dtype", DTYPES)
def test_entropy_and_equal_outputs(dtype):
    m = np.array([0.5, 0, 2, 7, 0.5], dtype)
    p = m[m > 0] / m.sum(dtype=np.float64)
    assert math.isclose(st.entropy(m), -(p * np.log(p)).sum(), rel_tol=1e-6)
    assert st.entropy(np.zeros(3, dtype)) == 0 and math.isclose(st.entropy(np.ones(7, dtype)), math.log(7))

    w, b, out = world(dtype, n=5)
    w[3] *= 20
    x = np.random.default_rng(1).standard_normal((50, 5)).astype(dtype)
    hidden = hk.forward(w, x, b, activation="relu")
    y, mean = hk.forward(out, hidden), hidden.mean(0)
    bound = 1.2 * mean[mean > 0].mean()
    factor = st.equalize(mean, w, b, out, tail=1.2)
    np.testing.assert_allclose(factor, np.where(mean > bound, bound / np.where(mean > 0, mean, 1), 1), rtol=1e-5)
    after = hk.forward(w, x, b, activation="relu")
    assert factor[3] < 0.5 and st.entropy(after.mean(0)) > st.entropy(mean)
    close(hk.forward(out, after), y.astype(np.float64))
    for arguments, name in (
        (dict(tail=0.5), "tail"), (dict(mean=-mean), "mean"), (dict(out=None), "out"), (dict(weights=w[:4]), "weights"),
        (dict(mean=mean.astype(int)), "mean"), (dict(weights=None), "weights"), (dict(mean=b), "mean"),
    ):  # fmt: skip
        before = [a.copy() for a in (w, b, out)]
        with pytest.raises((ValueError, TypeError)) as caught:
            st.equalize(**{"mean": mean, "weights": w, "bias": b, "out": out, "tail": 2.0, **arguments})
        assert caught.value.argument == name, arguments
        assert all(np.array_equal(a, c) for a, c in zip((w, b, out), before))
