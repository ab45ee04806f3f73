"""Every rule with everything that it can be composed with, in every way of working on samples: each cell of the matrix is an
equation in float64, or is refused with a reason."""

import math

import numpy as np
import pytest
from test_compose import PARTS, composed

import hebbkern as hk

R = hk.rules
OUT, IN, SAMPLES, LR = 6, 17, 5, 0.1
RANDOM = np.random.default_rng(3)
THETA, GATE = RANDOM.random(OUT), RANDOM.random(IN)
MODULATOR = np.array([0.5, 0.0, -1.0, 2.0, 1.0])
MODES = ("single", "sequential", "sum", "mean", "block", "sparse", "sparse sum")


def wide(rule, n):
    """The learning rate of update n."""
    return rule.lr(n) if callable(rule.lr) else rule.lr


# The equations: (what lr and the rates of rows multiply, what is per update) of one sample. s is a dict of state.


def sanger(w, x, y, s):
    residual = x - np.cumsum(y[:, None] * w, axis=0)
    return y[:, None] * residual, 0


def winners(w, x, k):
    return np.argsort(-(w @ x), kind="stable")[:k]


def indicator(w, x):
    y = np.zeros(len(w))
    y[winners(w, x, 2)] = 1
    return y


def softmax(w, x):
    u = w @ x
    e = np.exp(2 * (u - u.max()))
    return e / e.sum()


def ranked(w, x):
    first, last = np.argsort(-(np.sign(w) * np.abs(w) ** 0.5 @ x), kind="stable")[[0, 1]]
    y = np.zeros(len(w))
    y[first], y[last] = 1, -0.4
    return y


def krotov(w, x, y, s):
    return y[:, None] * (x - (np.sign(w) * np.abs(w) ** 0.5 @ x)[:, None] * w), 0


def bcm(w, x, y, s):
    return np.outer(y * (y - s["theta"]), x), -0.02 * w


def covariance(w, x, y, s):
    return np.outer(y - s["y"], x - s["x"]), 0


def differential(w, x, y, s):
    return np.outer(y - s["y"], x - s["x"]) if "y" in s else np.zeros_like(w), 0


def pairs(w, x, y, s):
    return np.outer(y, x) - np.outer(np.sin(y), np.cos(x)), 0


def eligibility(w, x, y, s):
    s["e"] = s.get("e", 0) * math.exp(-0.5 / 4) + np.outer(y, x)
    s["r"] = s.get("r", 0) * math.exp(-0.5 / 2) + np.outer(y, x)
    return 0.5 * MODULATOR[s["step"]] * (s["e"] - s["r"]), 0


def fade(s, *taus):
    """The traces of spikes decay."""
    for name, tau in zip(("r", "o", "r2", "o2"), taus):
        s[name] = s.get(name, np.zeros(OUT if "o" in name else IN)) * math.exp(-1 / tau)


def events(w, x, y, r, o, c, s):
    """What the spikes of a step make of w, presynaptic ones first, between -2 and 2."""
    after = np.where(x > 0, np.clip(w + np.outer(o, c), -2, 2), w)
    return np.where(y[:, None] > 0, np.clip(after + np.outer(s, r), -2, 2), after) - w


def pair_stdp(w, x, y, s):
    fade(s, 4.0, 6.0)
    before = s["o"].copy()
    s["r"], s["o"] = s["r"] + 0.5 * x, s["o"] - 0.25 * y
    return events(w, x, y, s["r"], before, np.ones(IN), np.ones(OUT)), 0


def triplet_stdp(w, x, y, s):
    fade(s, 4.0, 6.0, 9.0, 11.0)
    change = events(w, x, y, s["r"] + x, s["o"], -0.25 - 0.125 * s["r2"], 0.5 + 0.75 * s["o2"])
    for name in ("r", "o", "r2", "o2"):
        s[name] = s[name] + (y if "o" in name else x)
    return change, 0


def averages(alpha):
    def advance(s, x, y):
        s["x"], s["y"] = (1 - alpha) * s["x"] + alpha * x, (1 - alpha) * s["y"] + alpha * y

    return advance


def slide(s, x, y):
    s["theta"] = 0.5 * s["theta"] + 0.5 * y**2


def remember(s, x, y):
    s["x"], s["y"] = x, y


class Case:
    """A rule with its equation, answer and state."""

    def __init__(self, make, change, answer=lambda w, x: w @ x, start=dict, advance=lambda s, x, y: None, given=None, modes=MODES, blocks=True):  # fmt: skip
        self.make, self.change, self.answer, self.start, self.advance = make, change, answer, start, advance
        self.given, self.modes, self.blocks = given, modes, blocks


ERROR = RANDOM.standard_normal((SAMPLES, OUT))
BINARY = (RANDOM.random((SAMPLES, OUT)) < 0.4).astype(float)
SPIKES = ("STDP", "TripletSTDP")
IN_TIME = tuple(m for m in MODES if "sum" not in m and m != "mean")
CASES = {
    "Hebb": Case(R.Hebb, lambda w, x, y, s: (np.outer(y, x), 0)),
    "Decay": Case(lambda lr, **c: R.Decay(lr, 0.02, **c), lambda w, x, y, s: (np.outer(y, x), -0.02 * w)),
    "Oja": Case(R.Oja, lambda w, x, y, s: (y[:, None] * (x - y[:, None] * w), 0)),
    "Sanger": Case(R.Sanger, sanger),
    "Instar": Case(R.Instar, lambda w, x, y, s: (y[:, None] * (x - w), 0)),
    "WTA": Case(lambda lr, **c: R.WTA(lr, 2, **c), lambda w, x, y, s: (y[:, None] * (x - w), 0), indicator),
    "SoftHebb": Case(lambda lr, **c: R.SoftHebb(lr, 0.5, **c), lambda w, x, y, s: (y[:, None] * (x - (w @ x)[:, None] * w), 0), softmax),
    "Outstar": Case(R.Outstar, lambda w, x, y, s: (x * (y[:, None] - w), 0), blocks=False),
    "PreGated": Case(lambda lr, **c: R.PreGated(lr, THETA, **c), lambda w, x, y, s: (np.outer(y - THETA, x), 0)),
    "PostGated": Case(lambda lr, **c: R.PostGated(lr, GATE, **c), lambda w, x, y, s: (np.outer(y, x - GATE), 0)),
    "AntiHebbian": Case(R.AntiHebbian, lambda w, x, y, s: (-np.outer(y, x), 0)),
    "ABCD": Case(lambda lr, **c: R.ABCD(lr, 1, 0.5, 0.25, -0.5, **c), lambda w, x, y, s: (np.outer(y, x) + 0.5 * x + (0.25 * y - 0.5)[:, None], 0)),
    "Voja": Case(lambda lr, **c: R.Voja(lr, THETA, **c), lambda w, x, y, s: (y[:, None] * (THETA[:, None] * x - w), 0)),
    "PES": Case(R.PES, lambda w, x, y, s: (-np.outer(y, x) / IN, 0), given=ERROR),
    "Covariance": Case(lambda lr, **c: R.Covariance(lr, 0.5, **c), covariance, start=lambda: {"x": np.zeros(IN), "y": np.zeros(OUT)}, advance=averages(0.5)),  # fmt: skip
    "BCM": Case(lambda lr, **c: R.BCM(lr, 0.5, decay=0.02, **c), bcm, start=lambda: {"theta": np.ones(OUT)}, advance=slide),
    "DifferentialHebbian": Case(lambda lr, **c: R.DifferentialHebbian(lr, pre=True, **c), differential, advance=remember, modes=IN_TIME),
    "KrotovHopfield": Case(lambda lr, **c: R.KrotovHopfield(lr, q=1.5, **c), krotov, ranked, blocks=False),
    "ContrastiveHebbian": Case(R.ContrastiveHebbian, pairs, given=ERROR),
    "ThreeFactor": Case(lambda lr, **c: R.ThreeFactor(lr, 4.0, dt=0.5, tau_rise=2.0, **c), eligibility, modes=("single", "sequential", "sparse")),
    "Foldiak": Case(lambda lr, **c: R.Foldiak(lr, **c), lambda w, x, y, s: (y[:, None] * (x - w), 0), given=BINARY, modes=tuple(m for m in MODES if m != "block")),  # fmt: skip
    "STDP": Case(lambda lr, **c: R.STDP(4.0, 6.0, 0.5, -0.25, w_min=-2, w_max=2, lr=lr, **c), pair_stdp, given=BINARY, modes=("single", "sequential", "sparse")),
    "TripletSTDP": Case(
        lambda lr, **c: R.TripletSTDP(4.0, 9.0, 6.0, 11.0, 0.5, 0.75, 0.25, 0.125, w_min=-2, w_max=2, lr=lr, **c),
        triplet_stdp, given=BINARY, modes=("single", "sequential", "sparse")),
    "Custom": Case(
        lambda lr, **c: R.Custom(lambda x, y, s: {"g": LR * y, "decay": LR * y * y}, vectorized=True, lr=lr, **c),
        lambda w, x, y, s: (y[:, None] * (x - y[:, None] * w), 0), given=ERROR),
}  # fmt: skip
EVERY = {"nothing": {}, "schedule": {"lr": hk.schedules.Exponential(LR, 0.5)}, **PARTS}


def refusal(name, case, parts, mode):
    """The argument by which a cell is refused, None for one that works."""
    if mode == "sparse" and name in SPIKES:
        return "w"
    if mode == "block" and (not case.blocks or set(parts) - {"row_lr"}):
        return "lr" if name == "Custom" and "lr" in parts else "block"
    if name == "Custom" and "lr" in parts:
        return "lr"  # the rates are those of the mapping
    if "sparse" in mode and "mask" in parts:
        return "mask"
    return None


def run(name, rule, w, X, Y, mode):
    """The rule on the samples; X and Y are a batch."""
    options = {"reduction": next((r for r in ("sum", "mean") if r in mode), "sequential"), "block": 2 if mode == "block" else None}
    if mode == "single":
        X, Y = X[0], None if Y is None else Y[0]
    if name in SPIKES:
        return rule.update(w, X, Y)
    if name == "ThreeFactor":
        return rule.update(w, X, Y, modulator=MODULATOR[0] if mode == "single" else MODULATOR)
    if name == "ContrastiveHebbian":
        return rule.update(w, X, Y, np.cos(X), np.sin(Y), **options)
    if name == "Foldiak":
        options.pop("block")
    return rule.update(w, X, Y, **options)


def derived(name, case, rule, w, X, Y, mode):
    """The weights by the equations."""
    state, rates = case.start(), 1 if rule.row_lr is None else np.reshape(rule.row_lr, (-1, 1))

    def largest(delta):
        stored = rule.mask if "sparse" in mode else True
        return delta / np.abs(np.where(stored, delta, 0)).max() if name == "KrotovHopfield" else delta

    def one(b, n):
        state["step"] = b
        y = case.answer(w, X[b]) if Y is None else Y[b]
        scaled, fixed = case.change(w, X[b], y, state)
        case_rate = LR if name == "Custom" else wide(rule, n)
        return rates * scaled, fixed, case_rate, y

    if "sum" not in mode and mode != "mean":
        for b in range(1 if mode == "single" else SAMPLES):
            scaled, fixed, rate, y = one(b, b)
            w = composed(rule, w, rate * largest(scaled) + fixed)
            case.advance(state, X[b], y)
        return w
    cells = [one(b, 0) for b in range(SAMPLES)]
    part = 1 / SAMPLES if mode == "mean" else 1
    return composed(rule, w, cells[0][2] * largest(part * sum(c[0] for c in cells)) + part * sum(c[1] for c in cells))


@pytest.mark.parametrize("part", EVERY)
@pytest.mark.parametrize("name", CASES)
def test_cell(name, part):
    case, parts = CASES[name], EVERY[part]
    random = np.random.default_rng(5)
    start, X = random.standard_normal((OUT, IN)) * 0.3, random.standard_normal((SAMPLES, IN)) * 0.5
    if name in SPIKES:
        X = (X > 0.2).astype(float)
    mask = parts.get("mask", random.random((OUT, IN)) < 0.6)
    for mode in case.modes:
        rule = case.make(**{"lr": LR, **parts})
        dense = np.where(mask, start, 0) if "sparse" in mode else start.copy()
        w = hk.CSR.from_dense(dense, mask) if "sparse" in mode else dense.copy()
        Y = case.given
        if name == "Custom" and mode == "single":
            Y = None  # computed
        if (argument := refusal(name, case, parts, mode)) is not None:
            with pytest.raises(hk.ArgumentValueError, match=r"\w+: .{20}") as caught:
                run(name, rule, w, X, Y, mode)
            assert caught.value.argument == argument, mode
            found = w.to_dense() if "sparse" in mode else w
            assert np.array_equal(found, dense), mode
            continue
        run(name, rule, w, X, Y, mode)
        found = w
        if "sparse" in mode:
            found = w.to_dense()
            rule.mask = mask
        want = derived(name, case, rule, dense, X, Y, mode)
        if "sparse" in mode:
            want = np.where(mask, want, 0)
        np.testing.assert_allclose(found, want, rtol=1e-9, atol=1e-12, err_msg=mode)
