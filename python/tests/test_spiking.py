"""STDP against a plain NumPy loop over the synapses with an event, and the window that its papers show."""

import threading
import time

import numpy as np
import pytest

import hebbkern as hk

DTYPES = (np.float32, np.float64)
MODES = ("pre_first", "both", "none")


def plain(w, pre, post, decays, steps, low, high, mu, mode, trace, second=None, gains=None):
    """In float64: traces r, o (and r2, o2), one synapse after the other. Returns w and the traces."""
    w = w.astype(np.float64)
    traces = [np.zeros(w.shape[1]), np.zeros(w.shape[0])]
    slow = [np.zeros(w.shape[1]), np.zeros(w.shape[0])]
    power = lambda x: x**mu if mu else np.ones_like(x)  # noqa: E731
    clip = lambda x: min(max(x, low), high)  # noqa: E731
    for spikes in zip(pre, post):
        traces = [d * v for d, v in zip(decays, traces)]
        slow = [d * v for d, v in zip(second or (0, 0), slow)]
        before = [v.copy() for v in traces]
        for side in (0, 1):
            for k in np.flatnonzero(spikes[side]):
                traces[side][k] = steps[side] + (traces[side][k] if trace == "add" else 0)
        r = before[0] if mode == "none" else traces[0]
        o = traces[1] if mode == "both" else before[1]
        for i in range(w.shape[0]):
            for j in range(w.shape[1]):
                old = w[i, j]
                c = -(gains[2] + gains[3] * slow[0][j]) if gains else 1
                s = gains[0] + gains[1] * slow[1][i] if gains else 1
                if spikes[0][j]:
                    w[i, j] = clip(w[i, j] + o[i] * c * power(clip(w[i, j]) - low))
                if spikes[1][i]:
                    read = old if mode == "both" else w[i, j]
                    w[i, j] = clip(w[i, j] + s * r[j] * power(high - clip(read)))
        for side in (0, 1):
            for k in np.flatnonzero(spikes[side]):
                slow[side][k] = 1 + (slow[side][k] if trace == "add" else 0)
    return w, traces, slow


def spikes(random, steps, units, rate=0.15):
    return random.random((steps, units)) < rate


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("trace", ["add", "replace"])
@pytest.mark.parametrize("mu", [0, 0.6, 1])
@pytest.mark.parametrize("triplet", [False, True])
def test_equations(dtype, mode, trace, mu, triplet):
    random = np.random.default_rng(3)
    holder = random.random((9, 20)).astype(dtype)
    guard = holder.copy()
    w = holder[:, 2:15]
    pre, post = spikes(random, 40, 13), spikes(random, 40, 9)
    low, high = 0.125, 0.875  # some weights begin outside
    options = dict(dt=0.5, w_min=low, w_max=high, coincidence=mode, trace=trace, mu=mu)
    if triplet:
        gains = (0.02, 0.03, 0.015, 0.01)
        rule = hk.rules.TripletSTDP(8, 21, 6, 15, *gains, **options)
        decays, second = np.exp([-0.5 / 8, -0.5 / 6]), tuple(np.exp([-0.5 / 21, -0.5 / 15]))
        want, traces, slow = plain(w, pre, post, decays, (1, 1), low, high, mu, mode, trace, second, gains)
    else:
        rule = hk.rules.STDP(8, 6, 0.05, -0.06, **options)
        want, traces, slow = plain(w, pre, post, np.exp([-0.5 / 8, -0.5 / 6]), (0.05, -0.06), low, high, mu, mode, trace)
    assert rule.update(w, pre, post) is None
    tolerance = 300 * np.finfo(dtype).eps
    np.testing.assert_allclose(w, want, rtol=tolerance, atol=tolerance)
    found = (rule.r1, rule.o1, rule.r2, rule.o2) if triplet else (rule.A_pre, rule.A_post)
    for got, trace_wanted in zip(found, traces + slow):
        assert got.dtype == dtype
        np.testing.assert_allclose(got, trace_wanted, rtol=tolerance, atol=tolerance)
    guard[:, 2:15] = w
    assert np.array_equal(holder, guard), "between the rows"


@pytest.mark.parametrize("make", [hk.rules.STDP, hk.rules.TripletSTDP])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_sequence_is_its_steps(make, dtype):
    random = np.random.default_rng(4)
    start = random.random((30, 50)).astype(dtype)
    pre, post = spikes(random, 200, 50), spikes(random, 200, 30)
    whole, steps, parts, numbers, bytes_ = (start.copy() for _ in range(5))
    rules = [make() for _ in range(5)]
    rules[0].update(whole, pre, post)
    for x, y in zip(pre, post):
        rules[1].update(steps, x, y)
    for k in range(0, 200, 7):
        rules[2].update(parts, pre[k : k + 7], post[k : k + 7])
    rules[3].update(numbers, pre.astype(dtype), post)
    rules[4].update(bytes_, pre.astype(np.uint8), post.astype(np.uint8))
    names = make._pre_traces + make._post_traces
    for w, rule in zip((steps, parts, numbers, bytes_), rules[1:]):
        assert np.array_equal(w, whole)
        assert all(np.array_equal(getattr(rule, name), getattr(rules[0], name)) for name in names)


def test_threads_and_cuts_do_not_matter():
    random = np.random.default_rng(5)
    start = random.random((500, 900)).astype(np.float32)
    pre, post = spikes(random, 120, 900, 0.05), spikes(random, 120, 500, 0.05)
    before, results = hk.get_num_threads(), []
    for threads in (1, 2, 4):
        hk.set_num_threads(threads)
        w = start.copy()
        hk.rules.STDP().update(w, pre, post)
        results.append(w.tobytes())
    hk.set_num_threads(before)
    assert len(set(results)) == 1


@pytest.mark.parametrize("mode, at_zero", [("pre_first", 0.3), ("both", 0.1), ("none", 0.0)])
def test_window(mode, at_zero):
    """dt > 0 potentiates with a₊ exp(−Δt/τ₊), dt < 0 depresses with a₋ exp(Δt/τ₋)."""
    for lag in range(-8, 9):
        rule = hk.rules.STDP(5, 9, 0.3, -0.2, dt=0.5, w_min=-1, w_max=1, coincidence=mode)
        pre, post = np.zeros((20, 1), bool), np.zeros((20, 1), bool)
        pre[10], post[10 + lag] = True, True
        w = np.zeros((1, 1))
        rule.update(w, pre, post)
        want = at_zero if lag == 0 else 0.3 * np.exp(-lag * 0.5 / 5) if lag > 0 else -0.2 * np.exp(lag * 0.5 / 9)
        assert w[0, 0] == pytest.approx(want, abs=1e-12)


def test_weights_outside_of_the_bounds_wait_for_a_spike():
    w = np.array([[7.0, -7.0], [7.0, np.nan]])
    rule = hk.rules.STDP()
    rule.update(w, [0, 0], [0, 0])
    rule.update(w, [1, 0], [0, 0])
    assert np.array_equal(w, [[1, -7], [1, np.nan]], equal_nan=True)
    rule.update(w, [0, 0], [1, 1])
    assert w[0, 1] == 0 and np.isnan(w[1, 1])


def test_additive_weights_reach_the_bounds_and_multiplicative_ones_keep_one_hump():
    """Song, Miller & Abbott (2000); van Rossum, Bi & Turrigiano (2000): Poisson inputs of a threshold unit."""
    random = np.random.default_rng(0)
    edge, middle = {}, {}
    for mu in (0, 1):
        rule = hk.rules.STDP(a_plus=0.02, a_minus=-0.021, mu=mu)
        w = random.random((1, 200))
        for _ in range(6000):
            pre = random.random(200) < 0.02
            rule.update(w, pre, np.array([w[0] @ pre > 2.5]))
        edge[mu] = ((w < 0.1) | (w > 0.9)).mean()
        middle[mu] = ((w > 0.25) & (w < 0.75)).mean()
    assert edge[0] > 0.25 and middle[0] < 0.5
    assert edge[1] == 0 and middle[1] > 0.95


def test_state():
    rule = hk.rules.STDP()
    assert rule.A_pre is None and rule.A_post is None
    assert repr(rule).startswith("STDP(tau_plus=20.0, tau_minus=20.0, a_plus=0.005, a_minus=-0.00525, dt=1.0")
    w = np.full((2, 3), 0.5)
    rule.update(w, [1, 0, 1], [0, 1])
    held = rule.A_pre
    rule.update(w, [0, 0, 0], [0, 0])
    assert rule.A_pre is held and held[0] == pytest.approx(0.005 * np.exp(-1 / 20))
    for other, kind in ((np.ones((2, 4)), ValueError), (np.ones((3, 3)), ValueError), (np.ones((2, 3), np.float32), TypeError)):
        before = other.copy()
        with pytest.raises(kind, match="reset"):
            rule.update(other, np.zeros(other.shape[1], bool), np.zeros(len(other), bool))
        assert np.array_equal(other, before) and rule.A_pre is held
    rule.reset()
    rule.update(np.ones((2, 4), np.float32), np.zeros(4, bool), np.ones(2, bool))
    assert rule.A_pre.shape == (4,) and rule.A_pre.dtype == np.float32 and rule.A_post[0] == np.float32(-0.00525)


def test_empty():
    rule = hk.rules.STDP()
    w = np.ones((2, 3))
    rule.update(w, np.zeros((0, 3), bool), np.zeros((0, 2), bool))
    assert (w == 1).all() and (rule.A_pre == 0).all()
    rule = hk.rules.STDP()
    rule.update(np.ones((0, 3)), np.ones((2, 3), bool), np.ones((2, 0), bool))
    assert rule.A_pre[0] > 0.005


@pytest.mark.parametrize(
    "spoil, kind, name",
    [
        (dict(w=np.ones((2, 3), int)), TypeError, "w"),
        (dict(w=[[1.0] * 3] * 2), TypeError, "w"),
        (dict(w=np.ones(3)), ValueError, "w"),
        (dict(w=np.ones((3, 2)).T), ValueError, "w"),
        (dict(w=np.broadcast_to(np.ones(3), (2, 3))), ValueError, "w"),
        (dict(pre=np.zeros((4, 2), bool)), ValueError, "pre"),
        (dict(pre=np.zeros(3, bool)), ValueError, "post"),
        (dict(post=np.zeros((3, 2), bool)), ValueError, "post"),
        (dict(pre=np.zeros((4, 3), int)), TypeError, "pre"),
        (dict(post=np.zeros((4, 2), np.float32)), TypeError, "post"),
        (dict(pre=np.zeros((3, 4), bool).T), ValueError, "pre"),
        (dict(pre=np.full((4, 3), 0.5)), ValueError, "pre"),
        (dict(pre=np.full((4, 3), np.nan)), ValueError, "pre"),
        (dict(post=np.full((4, 2), 2, np.uint8)), ValueError, "post"),
        (dict(post=np.array([[0, 1]] * 3 + [[0, 255]], np.uint8)), ValueError, "post"),
        (dict(pre=None), TypeError, "pre"),
        (dict(post="spikes"), TypeError, "post"),
        (dict(pre=1.0), (TypeError, ValueError), "pre"),
    ],
)
@pytest.mark.parametrize("make", [hk.rules.STDP, hk.rules.TripletSTDP])
def test_refusals(make, spoil, kind, name):
    rule = make()
    arguments = {"w": np.full((2, 3), 0.5), "pre": np.ones((4, 3), bool), "post": np.ones((4, 2), bool), **spoil}
    before = {k: v.tobytes() for k, v in arguments.items() if isinstance(v, np.ndarray)}
    with pytest.raises(kind) as caught:
        rule.update(*arguments.values())
    assert isinstance(caught.value, hk.HebbkernError) and caught.value.argument == name, caught.value
    assert make.__name__ in str(caught.value)
    for k, v in arguments.items():
        if isinstance(v, np.ndarray):
            assert v.tobytes() == before[k]
    assert all(getattr(rule, trace) is None for trace in make._pre_traces + make._post_traces)


def test_overlaps_and_bad_traces():
    memory = np.zeros((5, 8))
    for pre, trace in ((memory[:1, :4], None), (np.ones((1, 4), bool), memory[1, :4])):
        rule = hk.rules.STDP()
        rule.A_pre = trace
        with pytest.raises(ValueError, match="shares elements"):
            rule.update(memory[:2, :4], pre, np.ones((1, 2), bool))
    assert (memory == 0).all()
    rule = hk.rules.STDP()
    rule.A_post = np.array([np.inf, 0])
    w = np.ones((2, 4))
    with pytest.raises(ValueError, match="A_post is not finite") as caught:
        rule.update(w, np.ones(4, bool), np.ones(2, bool))
    assert caught.value.argument == "A_post" and (w == 1).all()


@pytest.mark.parametrize(
    "make, names",
    [
        (hk.rules.STDP, ("tau_plus", "tau_minus", "a_plus", "a_minus", "dt", "w_min", "w_max", "mu")),
        (hk.rules.TripletSTDP, ("tau_plus", "tau_x", "tau_minus", "tau_y", "a2_plus", "a3_plus", "a2_minus", "a3_minus", "dt",
                                "w_min", "w_max", "mu")),
    ],
)  # fmt: skip
@pytest.mark.parametrize("bad", [np.nan, np.inf, "a", None, True])
def test_parameters(make, names, bad):
    for name in names:
        with pytest.raises((ValueError, TypeError)) as caught:
            make(**{name: bad})
        assert caught.value.argument == name
        rule = make()
        setattr(rule, name, bad)  # changed afterwards
        w = np.full((2, 2), 0.5)
        if bad is not True:
            with pytest.raises((ValueError, TypeError)) as caught:
                rule.update(w, [1, 1], [1, 1])
            assert caught.value.argument == name and (w == 0.5).all()


@pytest.mark.parametrize(
    "options, name",
    [
        (dict(tau_plus=0), "tau_plus"),
        (dict(tau_minus=-1), "tau_minus"),
        (dict(dt=0), "dt"),
        (dict(w_min=2), "w_min"),
        (dict(mu=-1), "mu"),
        (dict(mu=1, a_minus=0.1), "a_minus"),
        (dict(mu=1, a_plus=-0.1), "a_plus"),
        (dict(coincidence="first"), "coincidence"),
        (dict(coincidence=1), "coincidence"),
        (dict(trace="max"), "trace"),
        (dict(trace=None), "trace"),
    ],
)
def test_parameters_out_of_range(options, name):
    with pytest.raises((ValueError, TypeError)) as caught:
        hk.rules.STDP(**options)
    assert caught.value.argument == name


def test_a_trace_must_decay_in_the_type_of_w():
    w = np.ones((1, 1), np.float32)
    with pytest.raises(ValueError, match="tau_plus") as caught:
        hk.rules.STDP(tau_plus=1e9).update(w, [1], [1])
    assert caught.value.argument == "tau_plus" and w[0, 0] == 1
    hk.rules.STDP(tau_plus=1e9).update(np.ones((1, 1)), [1], [1])


def test_ctrl_c_leaves_whole_steps():
    import signal

    random = np.random.default_rng(6)
    start = random.random((400, 1000)).astype(np.float32)
    pre, post = spikes(random, 4000, 1000, 0.5), spikes(random, 4000, 400, 0.5)
    w, rule = start.copy(), hk.rules.STDP()
    timer = threading.Timer(0.1, lambda: signal.raise_signal(signal.SIGINT))
    timer.start()
    try:
        begin = time.perf_counter()
        with pytest.raises(hk.Interrupted) as caught:
            while time.perf_counter() < begin + 20:
                rule.reset()
                w = start.copy()
                rule.update(w, pre, post)
    finally:
        timer.join()
    done = caught.value.done
    assert 0 < done <= 4000
    again, other = start.copy(), hk.rules.STDP()
    other.update(again, pre[:done], post[:done])
    assert np.array_equal(w, again) and np.array_equal(rule.A_pre, other.A_pre) and np.array_equal(rule.A_post, other.A_post)
