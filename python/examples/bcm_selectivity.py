"""BCM: a threshold that slides with the activity makes units selective, and which pattern they choose is chance.

    Δw_ij = η y_i (y_i − θ_i) x_j,  θ_i = moving average of y_i²
    Intrator & Cooper, Neural Networks 5 (1992), after Bienenstock, Cooper & Munro, J. Neurosci. 2 (1982)

Bars of 12 orientations, as bumps on a ring of 36 inputs that overlap, are shown in random order. The picture has the
tuning curves before and after, turned so that the preferred orientation is in the middle; the course of the selectivity
1 − (mean response)/(largest response) of 1982; and the responses of one unit with its threshold.
"""

from __future__ import annotations

import numpy as np
from _gallery import figure, finish, options

import hebbkern as hk

UNITS, INPUTS, PATTERNS = 12, 36, 12


def bars() -> np.ndarray:
    """Bumps on a ring [PATTERNS, INPUTS]."""
    at = np.arange(INPUTS) / INPUTS - np.arange(PATTERNS)[:, None] / PATTERNS
    return np.exp(3.0 * (np.cos(2 * np.pi * at) - 1))


def selectivity(responses: np.ndarray) -> np.ndarray:
    """Of each unit, from its responses [units, patterns]."""
    return 1 - responses.mean(1) / responses.max(1)


def main(arguments: list[str] | None = None) -> dict[str, float]:
    chosen = options(__doc__, arguments, steps=60_000)
    random = np.random.default_rng(chosen.seed)
    patterns = bars()
    w = random.uniform(0.05, 0.15, (UNITS, INPUTS))
    before, course, responses, thresholds = w @ patterns.T, [], [], []
    rule = hk.rules.BCM(lr=0.0005, alpha=0.01)
    parts = 120
    for order in np.array_split(random.integers(0, PATTERNS, chosen.steps), parts):
        course.append(selectivity(w @ patterns.T))
        responses.append(w[0] @ patterns.T)
        rule.update(w, patterns[order])
        thresholds.append(rule.theta[0])
    after = w @ patterns.T

    picture = figure(12, 3.8)
    tuning, growth, one = picture.subplots(1, 3)
    angle = np.arange(-PATTERNS // 2, PATTERNS // 2) * 180 / PATTERNS
    for values, colour, name in ((before, "0.6", "at the start"), (after, "C0", "after learning")):
        for k, row in enumerate(values):
            turned = np.roll(row, PATTERNS // 2 - row.argmax())
            tuning.plot(angle, turned, color=colour, alpha=0.7, label=None if k else name)
    tuning.set(xlabel="orientation from the preferred one [°]", ylabel="response y", title=f"tuning of {UNITS} units")
    tuning.legend()
    time = np.linspace(0, chosen.steps, parts, endpoint=False)
    growth.plot(time, course, color="C0", alpha=0.7)
    growth.set(xlabel="step", ylabel="selectivity", ylim=(0, 1), title="selectivity 1 − mean/largest")
    one.plot(time, responses, color="C0", alpha=0.6)
    one.plot(time, thresholds, color="C3", linewidth=2, label="threshold θ")
    one.set(xlabel="step", title="one unit: responses to the patterns")
    one.legend()
    preferred = len(set(after.argmax(1)))
    found = {
        "before": float(selectivity(before).mean()),
        "after": float(selectivity(after).min()),
        "most possible": 1 - 1 / PATTERNS,
        "preferred": float(preferred),
    }
    say = (
        f"selectivity: {found['before']:.2f} at the start, at least {found['after']:.2f} after (1 − 1/{PATTERNS} = "
        f"{found['most possible']:.2f} is one pattern alone)",
        f"{UNITS} units prefer {preferred} of {PATTERNS} orientations",
    )
    return finish(picture, __file__, chosen.out, found, say)


if __name__ == "__main__":
    main()
