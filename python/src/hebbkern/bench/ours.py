"""The workloads in hebbkern, in the forms of `in_numpy`: a function of the inputs that returns the step to time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from .. import batch_update, ema, forward, gain_rule, power_sums, rank1, rules, scale
from .in_numpy import empty

Inputs = dict[str, Any]
Step = Callable[[], object]
Form = Callable[[Inputs], Step]


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
}
