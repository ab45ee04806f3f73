"""The workloads in hebbkern, in the forms of `in_numpy`: a function of the inputs that returns the step to time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from .. import batch_update, conv2d, ema, forward, gain_rule, power_sums, rank1, rules, scale
from .arrays import Array, Form, Inputs, Step, empty
from .sequences import LONG_PRODUCTS, LONG_SANGER


def _rank1(a: Inputs) -> Step:
    return partial(rank1, a["w"], a["g"], a["x"])


def _scale(a: Inputs) -> Step:
    return partial(scale, a["w"], a["rows"], a["cols"])


def _gain_rule(a: Inputs) -> Step:
    return partial(gain_rule, a["w"], a["post"], a["pre"], a["lr"])


def _oja_given(a: Inputs) -> Step:
    return partial(rules.Oja(lr=a["lr"]).update, a["w"], a["x"], a["y"])


def _power_sums(a: Inputs) -> Step:
    return partial(power_sums, a["w"], a["p"], axis=None)


def _forward(a: Inputs) -> Step:
    y = empty((len(a["X"]), len(a["w"])), a["w"].dtype)
    return partial(forward, a["w"], a["X"], out=y)


def _batch(a: Inputs) -> Step:
    return partial(batch_update, a["w"], a["G"], a["X"], decay=a["decay"])


def _ema(a: Inputs) -> Step:
    return partial(ema, a["s"], a["a"], a["alpha"])


def _online(rule: type[rules.Rule], block: int | None, **parameters: str) -> Form:
    """A rule over the samples; `parameters` names the inputs that the rule takes beside lr."""

    def make(a: Inputs) -> Step:
        learn = rule(lr=a["lr"], **{key: a[value] for key, value in parameters.items()}).update
        return partial(learn, a["w"], a["X"], block=block)

    return make


def _stdp(a: Inputs) -> Step:
    def step() -> None:
        # traces start at zero in each call
        rule = rules.STDP(
            tau_plus=a["tau"],
            tau_minus=a["tau"],
            a_plus=a["a_plus"],
            a_minus=a["a_minus"],
            dt=1.0,
            w_min=0.0,
            w_max=1.0,
            coincidence="pre_first",
            trace="add",
        )
        rule.update(a["w"], a["pre"], a["post"])

    return step


def _sequence(make: Callable[[Inputs], Any], given: bool = False) -> dict[str, Form]:
    """One call on all samples, by a rule whose state is new in each."""

    def form(a: Inputs) -> Step:
        y = a["Y"] if given else None
        return lambda: make(a).update(a["w"], a["X"], y)

    return {"samples": form}


def _krotov_hopfield(a: Inputs) -> Step:
    rule = rules.KrotovHopfield(a["lr"], delta=a["delta"])
    return partial(rule.update, a["w"], a["X"], reduction="sequential")


def _contrastive(a: Inputs) -> Step:
    return partial(rules.ContrastiveHebbian(a["lr"]).update, a["w"], a["X"], a["Y"], a["X_free"], a["Y_free"])


def _three_factor(a: Inputs) -> Step:
    return lambda: rules.ThreeFactor(a["lr"], a["tau"]).update(a["w"], a["X"], modulator=a["modulator"])


def _foldiak(a: Inputs) -> rules.Foldiak:
    return rules.Foldiak(a["lr"], a["lateral_lr"], a["threshold_lr"], a["p"], threshold0=a["threshold"])


def _custom(a: Inputs) -> rules.Custom:
    """Oja's rule as a mapping."""
    lr = a["w"].dtype.type(a["lr"])

    def oja(x: Array, y: Array, state: Any) -> dict[str, Array]:
        g = lr * y
        return {"g": g, "decay": g * y}

    return rules.Custom(oja, vectorized=True)


_TRIPLETS = ("tau_plus", "tau_x", "tau_minus", "tau_y", "a2_plus", "a3_plus", "a2_minus", "a3_minus")


def _triplets(a: Inputs) -> Step:
    return lambda: rules.TripletSTDP(*(a[name] for name in _TRIPLETS)).update(a["w"], a["pre"], a["post"])


def _long_sanger(block: int) -> Form:
    return lambda a: partial(rules.Sanger(a["lr"]).update, a["w"], a["X"], block=block)


def _two_products(a: Inputs) -> Step:
    def step() -> None:
        forward(a["w"], a["X"], out=a["Y"])
        batch_update(a["w"], a["G"], a["X"])

    return step


def _conv2d(a: Inputs) -> Step:
    images, w = a["images"], a["w"]
    out = empty((len(images), len(w), *images.shape[2:]), w.dtype)
    return partial(conv2d, images, w, padding=a["size"] // 2, out=out)


def _forms(rule: type[rules.Rule], **parameters: str) -> dict[str, Form]:
    blocks = {f"blocked {n}": _online(rule, n, **parameters) for n in (32, 64, 128)}
    return {"samples": _online(rule, None, **parameters), **blocks}


FORMS: dict[str, dict[str, Form]] = {
    "rank1": {"one pass": _rank1},
    "scale": {"one pass": _scale},
    "gain_rule": {"one pass": _gain_rule},
    "oja_given": {"one pass": _oja_given},
    "power_sums": {"one pass": _power_sums},
    "forward": {"one call": _forward},
    "batch": {"one call": _batch},
    "ema": {"one pass": _ema},
    "oja": _forms(rules.Oja),
    "wta": _forms(rules.WTA),
    "softhebb": _forms(rules.SoftHebb, temperature="temperature"),
    "stdp": {"one call": _stdp},
    "conv2d": {"one call": _conv2d},
    "rule Hebb": _sequence(lambda a: rules.Hebb(a["lr"])),
    "rule Decay": _sequence(lambda a: rules.Decay(a["lr"], a["decay"])),
    "rule Instar": _sequence(lambda a: rules.Instar(a["lr"])),
    "rule Outstar": _sequence(lambda a: rules.Outstar(a["lr"])),
    "rule PreGated": _sequence(lambda a: rules.PreGated(a["lr"], a["theta"])),
    "rule PostGated": _sequence(lambda a: rules.PostGated(a["lr"], a["theta"])),
    "rule AntiHebbian": _sequence(lambda a: rules.AntiHebbian(a["lr"])),
    "rule ABCD": _sequence(lambda a: rules.ABCD(a["lr"], *(a[name] for name in "abcd"))),
    "rule Covariance": _sequence(lambda a: rules.Covariance(a["lr"], a["alpha"])),
    "rule BCM": _sequence(lambda a: rules.BCM(a["lr"], a["alpha"])),
    "rule BCM, law": _sequence(lambda a: rules.BCM(a["lr"], a["alpha"], form="law")),
    "rule BCM, 1982": _sequence(lambda a: rules.BCM(a["lr"], a["alpha"], form="1982")),
    "rule DifferentialHebbian": _sequence(lambda a: rules.DifferentialHebbian(a["lr"], pre=True)),
    "rule Sanger": _sequence(lambda a: rules.Sanger(a["lr"])),
    "rule KrotovHopfield": {"samples": _krotov_hopfield},
    "rule Voja": _sequence(lambda a: rules.Voja(a["lr"], a["scale"]), given=True),
    "rule PES": _sequence(lambda a: rules.PES(a["lr"]), given=True),
    "rule ContrastiveHebbian": {"samples": _contrastive},
    "rule ThreeFactor": {"samples": _three_factor},
    "rule Foldiak": _sequence(_foldiak),
    "rule Custom": _sequence(_custom, given=True),
    "rule TripletSTDP": {"samples": _triplets},
    LONG_SANGER: {f"blocked {n}": _long_sanger(n) for n in (256, 512, 1024)},
    LONG_PRODUCTS: {"two calls": _two_products},
}
