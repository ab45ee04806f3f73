"""Bounds, masks, signs, drift, rates by row, weight normalisation and schedules with the rules, against NumPy."""

import copy
import math

import numpy as np
import pytest
from test_rules import COMPETITIVE, RULES, answer, change, ids

import hebbkern as hk

OUT, IN, SAMPLES = 6, 17, 5
RANDOM = np.random.default_rng(1)
MASK = RANDOM.random((OUT, IN)) < 0.6
DALE = RANDOM.integers(-1, 2, IN)
SIGNS = RANDOM.integers(-1, 2, (OUT, IN))
ROWS = np.linspace(0, 1.5, OUT)
HIGH = RANDOM.random((OUT, IN)) * 0.5 + 0.1
PARTS = {
    "bound": {"bound": (-0.25, 0.5)},
    "low": {"bound": (0, None)},
    "bound by column": {"bound": (None, HIGH[0])},
    "bound by weight": {"bound": (-0.5, HIGH)},
    "soft": {"bound": (-1, 1.5), "soft": True},
    "bistable": {"bistable": (0.25, 0.5)},
    "mask": {"mask": MASK},
    "Dale": {"sign": DALE},
    "signs": {"sign": SIGNS, "bound": (-0.5, math.inf)},
    "rates": {"row_lr": ROWS},
    "rate": {"row_lr": 0.5},
    "norm": {"normalize_weights": 2},
    "norm 1.5": {"normalize_weights": hk.WeightNorm(1.5, 2.0)},
    "largest": {"normalize_weights": math.inf},
    "subtractive": {"normalize_weights": hk.WeightNorm(target=-0.5, how="subtractive")},
    "all": {
        "bound": (-0.75, 0.5),
        "soft": True,
        "bistable": (0.25, 0.5),
        "mask": MASK,
        "sign": SIGNS,
        "row_lr": ROWS,
        "normalize_weights": hk.WeightNorm(1, 3),
    },
}


def composed(rule, w, delta):
    """w ← clip(sign(w + mask∘(s(w)·Δ + bistable))), then the normalisation, in float64."""
    low, high = rule.bound or (None, None)
    if rule.soft:
        delta = delta * (w - low) * (high - w)
    if rule.bistable:
        gamma, theta = rule.bistable
        delta = delta + gamma * w * (1 - w) * (w - theta)
    present = np.ones(w.shape, bool) if rule.mask is None else rule.mask
    w = np.where(present, w + delta, w)
    if rule.sign is not None:
        w = np.where((rule.sign > 0) & (w < 0) | (rule.sign < 0) & (w > 0), 0, w)
    w = np.clip(w, -np.inf if low is None else low, np.inf if high is None else high)
    norm = rule.normalize_weights
    if norm is None:
        return w
    there = np.where(present, w, 0)
    if norm.how == "subtractive":
        return np.where(present, w + (norm.target - there.sum(1, keepdims=True)) / present.sum(1, keepdims=True), w)
    return np.where(present, w * norm.target / np.linalg.norm(there, norm.p, axis=1, keepdims=True), w)


def rated(rule, w, delta):
    """Δ with η by row; Decay's λ is per update and not multiplied by η."""
    if rule.row_lr is None:
        return delta
    fixed = rule.decay * w if isinstance(rule, hk.rules.Decay) else 0
    return np.reshape(rule.row_lr, (-1, 1)) * (delta + fixed) - fixed


def with_parts(rule, parts):
    rule = copy.deepcopy(rule)
    for name, value in parts.items():
        setattr(rule, name, value)
    return rule


@pytest.mark.parametrize("parts", PARTS.values(), ids=PARTS)
@pytest.mark.parametrize("rule", RULES + COMPETITIVE[::2], ids=ids)
def test_order(rule, parts):
    rule = with_parts(rule, parts)
    for dtype in (np.float32, np.float64):
        random = np.random.default_rng(5)
        start = random.standard_normal((OUT, IN)).astype(dtype) * dtype(0.3)
        X = random.standard_normal((SAMPLES, IN)).astype(dtype)
        tolerance = 400 * np.finfo(dtype).eps
        for reduction in ("sequential", "sum", "mean"):
            w, want = start.copy(), start.astype(np.float64)
            rule.update(w, X, reduction=reduction)
            deltas = []
            for x in X.astype(np.float64):
                delta = rated(rule, want, change(rule, want, x, answer(rule, want, x)))
                if reduction == "sequential":
                    want = composed(rule, want, delta)
                deltas.append(delta)
            if reduction != "sequential":
                want = composed(rule, want, sum(deltas) / (SAMPLES if reduction == "mean" else 1))
            np.testing.assert_allclose(w, want, rtol=tolerance, atol=tolerance)
            if rule.mask is not None and rule.bound is None:
                assert np.array_equal(w[~MASK], start[~MASK])
            if rule.sign is not None:
                assert (rule.sign * w >= 0).all()
            if reduction == "sequential":
                single = start.copy()
                for x in X:
                    rule.update(single, x)
                assert np.array_equal(single, w)


def test_keywords_and_attributes():
    rule = hk.rules.WTA(0.1, 2, bound=(0, 1), mask=MASK, sign=DALE, row_lr=ROWS, bistable=(0.1, 0.5), normalize_weights=1)
    assert rule.bound == (0, 1) and rule.mask is MASK and rule.bistable == (0.1, 0.5)
    assert rule.normalize_weights == hk.WeightNorm(1, 1.0, "multiplicative")
    assert np.array_equal(rule.sign, DALE) and np.array_equal(rule.row_lr, ROWS)
    for array in (rule.sign, rule.row_lr):
        with pytest.raises(ValueError):
            array[0] = 0
    assert repr(hk.rules.Oja(0.1, bound=(0, 1))) == "Oja(lr=0.1, bound=(0.0, 1.0))"
    assert f"mask=<bool [{OUT}, {IN}]>" in repr(rule)
    with pytest.raises(TypeError, match="bounds"):
        hk.rules.Oja(0.1, bounds=(0, 1))
    # A part may be taken away again, and weights of another shape or type be next.
    rule = hk.rules.Hebb(1.0, sign=DALE)
    for dtype in (np.float32, np.float64):
        for out in (1, 3):
            w = np.zeros((out, IN), dtype)
            rule.update(w, np.ones(IN, dtype), np.ones(out, dtype))
            assert np.array_equal(w, np.broadcast_to(DALE >= 0, w.shape))
    rule.sign = None
    rule.update(w, np.ones(IN), np.full(3, -2.0))
    assert w.min() == -2


def test_clipping_zeros_and_nan():
    w = np.array([[-0.0, 0.0, -1.0, 2.0]])
    hk.rules.Hebb(0.0, bound=(0.0, 1.0)).update(w, np.zeros(4), np.zeros(1))
    assert w.tolist() == [[0, 0, 0, 1]] and not np.signbit(w).any()
    w[0, 1] = math.nan
    with pytest.raises(hk.DivergenceError):
        hk.rules.Hebb(0.0, bound=(0.0, 1.0)).update(w, np.ones(4))


def refused(kind, name, make, **update):
    w, X = np.full((OUT, IN), 0.5), np.ones((SAMPLES, IN))
    with pytest.raises(kind) as caught:
        make().update(w, X, **update)
    assert caught.value.argument == name, caught.value
    assert name in str(caught.value)
    assert (w == 0.5).all()


@pytest.mark.parametrize(
    "kind, name, value",
    [
        (TypeError, "bound", 1),
        (TypeError, "bound", ("a", 1)),
        (TypeError, "bound", (0, 1, 2)),
        (ValueError, "bound", (1, 0)),
        (ValueError, "bound", (math.nan, 1)),
        (ValueError, "bound", (np.zeros(IN + 1), 1)),
        (ValueError, "bound", (np.ones(IN), np.zeros(IN))),
        (TypeError, "soft", 1),
        (TypeError, "bistable", 0.1),
        (ValueError, "bistable", (-1, 0.5)),
        (ValueError, "bistable", (1, math.inf)),
        (TypeError, "mask", np.ones((OUT, IN))),
        (ValueError, "mask", np.ones((OUT, IN + 1), bool)),
        (ValueError, "mask", np.ones(IN, bool)),
        (ValueError, "sign", [2] * IN),
        (ValueError, "sign", [0.5] * IN),
        (ValueError, "sign", [1] * (IN - 1)),
        (ValueError, "row_lr", -1),
        (ValueError, "row_lr", [1] * (OUT + 1)),
        (ValueError, "row_lr", [math.nan] * OUT),
        (ValueError, "normalize_weights", 0),
        (ValueError, "normalize_weights", hk.WeightNorm(2, -1)),
        (ValueError, "normalize_weights", hk.WeightNorm(2, 1, "divisive")),
        (ValueError, "lr", lambda step: -1.0),
        (TypeError, "lr", lambda step: None),
    ],
)
def test_refusals(kind, name, value):
    kind = {TypeError: hk.ArgumentTypeError, ValueError: hk.ArgumentValueError}[kind]
    refused(kind, name, lambda: hk.rules.Oja(**{"lr": 0.1, name: value}))


def test_what_does_not_go_together():
    error = hk.ArgumentValueError
    refused(error, "bound", lambda: hk.rules.Oja(0.1, soft=True))
    refused(error, "bound", lambda: hk.rules.Oja(0.1, soft=True, bound=(0, np.ones(IN))))
    refused(error, "bound", lambda: hk.rules.Oja(0.1, soft=True, bound=(0.5, 0.5)))
    refused(error, "sign", lambda: hk.rules.Oja(0.1, sign=[-1] * IN, bound=(0.25, 1)))
    refused(error, "sign", lambda: hk.rules.Oja(0.1, sign=DALE, normalize_weights=hk.WeightNorm(how="subtractive")))
    for parts in PARTS.values():
        if set(parts) != {"row_lr"}:
            refused(error, "block", lambda: hk.rules.Oja(0.1, **parts), block=2)  # noqa: B023
    refused(error, "block", lambda: hk.rules.Oja(hk.schedules.Exponential(0.1, 0.5)), block=2)


@pytest.mark.parametrize("rule", RULES + COMPETITIVE, ids=ids)
def test_rates_by_row_go_with_blocks(rule):
    rule = with_parts(rule, {"row_lr": ROWS})
    X = np.random.default_rng(2).standard_normal((50, IN)) * 0.5
    w = np.random.default_rng(3).standard_normal((OUT, IN)) * 0.2
    blocked = w.copy()
    rule.update(w, X)
    rule.update(blocked, X, block=16)
    np.testing.assert_allclose(blocked, w, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("rule", RULES + COMPETITIVE, ids=ids)
@pytest.mark.parametrize("dtype", (np.float32, np.float64))
def test_schedules(rule, dtype):
    """A sequence is its single calls, each with its rate, in parts too; sum and mean are one update."""
    random = np.random.default_rng(4)
    X = random.standard_normal((9, IN)).astype(dtype) * dtype(0.5)
    start = random.standard_normal((OUT, IN)).astype(dtype) * dtype(0.2)
    for normalize in (None, "max"):
        for schedule in (hk.schedules.Cosine(0.1, 7, 0.01), hk.schedules.Step(0.1, 4, 0.5)):
            many, one = copy.deepcopy(rule), copy.deepcopy(rule)
            many.lr = schedule
            whole, single = start.copy(), start.copy()
            many.update(whole, X[:5], normalize=normalize)
            assert many.step == 5
            many.update(whole, X[5:], normalize=normalize)
            for k, x in enumerate(X):
                one.lr = float(dtype(schedule(k)))
                one.update(single, x, normalize=normalize)
            assert np.array_equal(whole, single) and many.step == 9 and one.step == 0
    many.step, one.lr = 4, float(dtype(schedule(4)))
    many.update(whole, X, reduction="mean")
    one.update(single, X, reduction="mean")
    assert np.array_equal(whole, single) and many.step == 5
    many.update(whole, X[:0])
    many.update(whole, X[:0], reduction="sum")
    assert many.step == 5


def test_schedule_counts_what_is_done():
    rule = hk.rules.Hebb(hk.schedules.Constant(1.0))
    X = np.ones((4, 2))
    X[2] = math.inf
    with pytest.raises(hk.DivergenceError) as caught:
        rule.update(np.ones((1, 2)), X)
    assert caught.value.done == rule.step == 2
    assert hk.schedules.Constant(0.5)(7) == 0.5
    for bad in (lambda: hk.schedules.Step(0.1, 0), lambda: hk.schedules.Cosine(-1, 5), lambda: hk.schedules.Exponential(1, math.nan)):
        with pytest.raises(hk.ArgumentValueError):
            bad()


# The rules whose equations test_rules_state.py and others derive: here Δ is theirs, and the order is NumPy's.
OTHERS = [
    lambda: hk.rules.Outstar(0.1),
    lambda: hk.rules.PreGated(0.1, 0.2),
    lambda: hk.rules.PostGated(0.1, 0.2),
    lambda: hk.rules.AntiHebbian(0.1),
    lambda: hk.rules.ABCD(0.1, 1, 0.5, 0.25, -0.5),
    lambda: hk.rules.Voja(0.1, 2.0),
    lambda: hk.rules.Covariance(0.1, 0.5),
    lambda: hk.rules.BCM(0.1, 0.5, decay=0.02),
    lambda: hk.rules.BCM(0.1, 0.5, form="law"),
    lambda: hk.rules.DifferentialHebbian(0.1, pre=True),
    lambda: hk.rules.KrotovHopfield(0.1, q=3),
]


@pytest.mark.parametrize("parts", PARTS.values(), ids=PARTS)
@pytest.mark.parametrize("make", OTHERS, ids=lambda make: type(make()).__name__)
def test_order_of_the_other_rules(make, parts):
    plain, rule = make(), with_parts(make(), parts)
    random = np.random.default_rng(6)
    w = random.standard_normal((OUT, IN)) * 0.3
    X = random.standard_normal((SAMPLES, IN))
    reductions = ("sum",) if isinstance(rule, hk.rules.KrotovHopfield) else ("sequential", "mean")
    if isinstance(rule, hk.rules.DifferentialHebbian):
        reductions = ("sequential",)
    for reduction in reductions:
        for x in X if reduction == "sequential" else [X, X[::-1].copy()]:
            if isinstance(rule, hk.rules.KrotovHopfield) and rule.row_lr is not None:
                return  # a rate scales what the rule then divides by its largest
            after = w.copy()
            plain.update(after, x, reduction=reduction)
            fixed = plain.decay * w if isinstance(plain, hk.rules.BCM) else 0  # ε is per update
            delta = after - w
            if rule.row_lr is not None:
                delta = np.reshape(rule.row_lr, (-1, 1)) * (delta + fixed) - fixed
            want = composed(rule, w, delta)
            rule.update(w, x, reduction=reduction)
            np.testing.assert_allclose(w, want, rtol=1e-9, atol=1e-11)
            if rule.mask is not None and rule.bound is None:
                assert np.array_equal(w[~MASK], want[~MASK])


def test_state_and_schedule_in_a_sequence():
    """A sequence of a rule with state, bounds and a schedule has the bits of single calls."""
    X = np.random.default_rng(8).standard_normal((9, IN))
    rules = [hk.rules.BCM(hk.schedules.Exponential(0.1, 0.8), 0.3, bound=(-0.2, 0.3), mask=MASK) for _ in range(2)]
    many = np.random.default_rng(9).standard_normal((OUT, IN)) * 0.2
    one = many.copy()
    rules[0].update(many, X)
    for x in X:
        rules[1].update(one, x)
    assert np.array_equal(many, one) and np.array_equal(rules[0].theta, rules[1].theta) and rules[0].step == rules[1].step == 9


def test_a_diagonal_that_is_held():
    w = np.random.default_rng(9).standard_normal((OUT, OUT)) * 0.2
    before = w.diagonal().copy()
    rule = hk.rules.AntiHebbian(0.1, zero_diagonal=True, bound=(-0.1, 0.1), normalize_weights=2)
    rule.update(w, np.ones(OUT))
    assert np.array_equal(w.diagonal(), before)


def test_a_mapping_has_rates_of_its_own():
    rule = hk.rules.Custom(lambda x, y, state: {"g": y}, lr=hk.schedules.Step(0.5, every=1, factor=0.5))
    refused(hk.ArgumentValueError, "lr", lambda: rule)
    w, X = np.zeros((1, 2)), np.array([[1.0, 2.0], [4.0, 2.0]])
    rule.update(w, X, np.ones((2, 1)), normalize="max")
    assert w.tolist() == [[0.25 + 0.25, 0.5 + 0.125]] and rule.step == 2


def test_spikes():
    """A sequence is its steps, which a schedule counts; a step whose weights overflow is named."""
    random = np.random.default_rng(2)
    pre, post = random.random((9, IN)) < 0.4, random.random((9, OUT)) < 0.4
    make = lambda: hk.rules.STDP(lr=hk.schedules.Step(1.0, every=3, factor=0.5), sign=DALE, mask=MASK, w_min=-1)  # noqa: E731
    whole, steps, rules = np.zeros((OUT, IN), np.float32), np.zeros((OUT, IN), np.float32), (make(), make())
    rules[0].update(whole, pre, post)
    for x, y in zip(pre, post):
        rules[1].update(steps, x, y)
    assert np.array_equal(whole, steps) and rules[0].step == rules[1].step == 9 and whole.any()
    assert "lr=Step" in repr(rules[0]) and "sign=<int8" in repr(rules[0])
    rule = hk.rules.STDP(a_plus=1e200, w_max=1e308, normalize_weights=2)
    w = np.ones((1, 1))
    with pytest.raises(hk.DivergenceError, match="norm of the weights not finite at sample 1") as caught:
        rule.update(w, [[1], [0], [1]], [[0], [1], [0]])
    assert caught.value.done == 2


def test_traces_under_a_mask():
    """Traces of synapses that are not there decay and receive nothing; a step without a modulator is an update, too."""
    for tau in (4.0, 1.0):  # exp(-1/tau) below a half goes another way
        rule = hk.rules.ThreeFactor(0.1, tau, mask=MASK, bistable=(0.25, 0.5))
        rule.e = np.ones((OUT, IN))
        w = np.full((OUT, IN), 0.25)
        rule.update(w, np.ones(IN), np.ones(OUT), modulator=0.0)
        np.testing.assert_allclose(rule.e, np.exp(-1 / tau) + MASK, rtol=1e-12)
        np.testing.assert_allclose(w, np.where(MASK, 0.25 + 0.25 * 0.25 * 0.75 * -0.25, 0.25), rtol=1e-12)


LATERAL = RANDOM.random((OUT, OUT)) < 0.6
INHIBITION = {
    "bound": {"bound": (-0.05, None)},
    "upper": {"bound": (None, -0.02)},
    "by weight": {"bound": (-RANDOM.random((OUT, OUT)) - 0.5, RANDOM.random((OUT, OUT)) - 0.5)},
    "soft": {"bound": (-1, 0.5), "soft": True},
    "mask": {"mask": LATERAL},
    "rates": {"row_lr": ROWS},
    "norm": {"normalize_weights": hk.WeightNorm(1, 0.5)},
    "all": {"bound": (-0.5, 0.25), "soft": True, "mask": LATERAL, "row_lr": ROWS, "normalize_weights": 2},
}


@pytest.mark.parametrize("parts", INHIBITION.values(), ids=INHIBITION)
def test_lateral_weights(parts):
    """v ← min(clip(v + mask∘(s(v)·Δ)), 0) off the diagonal, then the norm, in float64."""
    random = np.random.default_rng(7)
    X, Y = random.random((SAMPLES, IN)), (random.random((SAMPLES, OUT)) < 0.5).astype(float)
    plain = hk.rules.Oja(0, **parts)  # holds the parts
    for reduction in ("sequential", "sum", "mean"):
        rule = hk.rules.Foldiak(0.1, 0.2, p=0.25, n=(OUT, IN), dtype=np.float64, lateral_composition=parts, row_lr=0.5)
        v = -random.random((OUT, OUT)) * (1 - np.eye(OUT)) * 0.2
        rule.lateral = v.copy()
        w = random.random((OUT, IN))
        start = w.copy()
        rule.update(w, X, Y, reduction=reduction)
        rates = np.reshape(1 if plain.row_lr is None else plain.row_lr, (-1, 1))
        deltas = [-0.2 * rates * (np.outer(y, y) - 0.25**2) for y in Y]
        if reduction != "sequential":
            deltas = [sum(deltas) / (SAMPLES if reduction == "mean" else 1)]
        norm = plain.normalize_weights
        for delta in deltas:
            plain.normalize_weights = None
            v = np.minimum(composed(plain, v, delta), 0) * (1 - np.eye(OUT))
            plain.normalize_weights = norm
            there = np.where(LATERAL if plain.mask is not None else True, v, 0)
            if norm is not None:
                length = np.linalg.norm(there, norm.p, axis=1, keepdims=True)
                v = np.where(there != 0, v * norm.target / np.where(length == 0, 1, length), v)
        np.testing.assert_allclose(rule.lateral, v, rtol=1e-9, atol=1e-12)
        if reduction == "mean":  # the feedforward weights at half their rate, by Földiák's instar
            np.testing.assert_allclose(w, start + 0.05 * np.mean([y[:, None] * (x - start) for x, y in zip(X, Y)], 0), rtol=1e-9)


def test_lateral_weights_refuse():
    error = hk.ArgumentValueError
    for parts in ({"bound": (0.1, 1)}, {"bound": ([-1] * 5 + [0.5], None)}, {"sign": [-1] * OUT}, {"bistable": (0.1, 0.5)}, {"normalize_weights": hk.WeightNorm(how="subtractive")}):
        with pytest.raises(error, match="lateral weights") as caught:
            hk.rules.Foldiak(lateral_composition=parts)
        assert caught.value.argument == "lateral_composition"
    with pytest.raises(hk.ArgumentTypeError, match="lateral_composition"):
        hk.rules.Foldiak(lateral_composition=1)
    refused(error, "mask", lambda: hk.rules.Foldiak(lateral_composition={"mask": MASK}))
    assert "lateral_composition={'bound': (-1.0, None)}" in repr(hk.rules.Foldiak(lateral_composition={"bound": (-1, None)}))


def test_a_layer_is_saved_with_them(tmp_path):
    rule = hk.rules.BCM(hk.schedules.Cosine(0.1, 9), 0.3, bound=(-0.2, np.full(IN, 0.5)), mask=MASK, sign=DALE, row_lr=ROWS,
                        normalize_weights=hk.WeightNorm(1, 2), bistable=(0.1, 0.5))  # fmt: skip
    layer = hk.Layer(IN, OUT, rule=rule, seed=1)
    X = np.random.default_rng(8).standard_normal((9, IN)).astype(np.float32)
    layer.learn(X[:4])
    layer.save(tmp_path / "layer")
    again = hk.Layer.load(tmp_path / "layer")
    assert repr(again.rule) == repr(rule) and again.rule.step == 4
    layer.learn(X[4:])
    again.learn(X[4:])
    assert np.array_equal(layer.w, again.w) and np.array_equal(layer.rule.theta, again.rule.theta)
