"""Ocular dominance with BCM: units stay binocular with both eyes open, and turn to the open eye when one is closed.

    Δw_ij = η y_i (y_i − θ_i) x_j / θ_i,  θ_i = moving average of y_i²    Law & Cooper, PNAS 91 (1994)

Each unit has inputs from two eyes. With both open they see the same pattern, each with noise of its own; a closed eye
has the noise only. Normal rearing is followed by deprivation of the left eye. The picture has histograms of the
ocular dominance (R − L)/(R + L) of the best responses, in seven groups as Hubel & Wiesel's, and the course of the two
responses. It is the noise that weakens the synapses of the closed eye (Blais, Shouval & Cooper, PNAS 96, 1999).
"""

from __future__ import annotations

import numpy as np
from _gallery import figure, finish, options

import hebbkern as hk

UNITS, INPUTS, PATTERNS, NOISE = 40, 20, 5, 0.3


def dominance(w: np.ndarray, patterns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The largest responses of each unit through the left and the right eye, at least 0."""
    left, right = ((w[:, eye] @ patterns.T).max(1).clip(0) for eye in (slice(0, INPUTS), slice(INPUTS, None)))
    return left, right


def main(arguments: list[str] | None = None) -> dict[str, float]:
    chosen = options(__doc__, arguments, steps=20_000)
    random = np.random.default_rng(chosen.seed)
    at = np.arange(INPUTS) / INPUTS - np.arange(PATTERNS)[:, None] / PATTERNS
    patterns = np.exp(4 * (np.cos(2 * np.pi * at) - 1))
    patterns -= patterns.mean()  # activity about its spontaneous level
    w = random.normal(0, 0.05, (UNITS, 2 * INPUTS))
    rule, parts, course = hk.rules.BCM(lr=0.002, alpha=0.02, form="law"), 60, []
    index = []
    for left_open in (1.0, 0.0):
        for order in np.array_split(random.integers(0, PATTERNS, chosen.steps), parts):
            eyes = np.hstack([left_open * patterns[order], patterns[order]])
            rule.update(w, eyes + NOISE * random.uniform(-1, 1, eyes.shape))
            course.append([r.mean() for r in dominance(w, patterns)])
        left, right = dominance(w, patterns)
        index.append((right - left) / (right + left))

    picture = figure(12, 3.8)
    normal, deprived, responses = picture.subplots(1, 3)
    bins = np.linspace(-1, 1, 8)  # seven groups
    for axes, values, title in zip((normal, deprived), index, ("both eyes open", "then the left eye closed")):
        axes.hist(values, bins, color="C0", edgecolor="white")
        axes.set(xlabel="ocular dominance (R − L)/(R + L)", xlim=(-1, 1), ylim=(0, UNITS + 2), title=title)
        axes.set_xticks([-1, 0, 1], ["left", "both", "right"])
    normal.set_ylabel("units")
    time = np.arange(1, 2 * parts + 1) * chosen.steps / parts
    for values, name, colour in zip(np.array(course).T, ("left eye", "right eye"), ("C3", "C0")):
        responses.plot(time, values, color=colour, label=name)
    responses.axvline(chosen.steps, color="0.6", linestyle="--", linewidth=0.8)
    responses.text(chosen.steps, 0, " left eye closed", color="0.4", va="bottom")
    responses.set(xlabel="step", ylabel="best response, mean of the units", ylim=(0, None), title="through each eye")
    responses.legend()
    found = {"normal": float(np.abs(index[0]).mean()), "deprived": float(index[1].mean())}
    say = (
        f"mean |ocular dominance| with both eyes open: {found['normal']:.2f}",
        f"mean ocular dominance after the left eye was closed: {found['deprived']:.2f} (1 is the right eye alone)",
    )
    return finish(picture, __file__, chosen.out, found, say)


if __name__ == "__main__":
    main()
