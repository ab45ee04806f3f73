"""PES learns a function from its error, Voja moves encoders to where the inputs are.

    Δd_kj = −(η/n) e_k a_j            PES, decoders d: MacNeil & Eliasmith, PLoS ONE 6 (2011)
    Δe_ij = η y_i (s x_j − e_ij)      Voja, encoders e: Voelker, Crawford & Eliasmith (2014)

Left: a population of rectified units with preferred directions ±1 and random thresholds represents x; PES learns
online, from the error alone, decoders that compute sin πx. In the middle its error; the dotted line is what the best
decoders have (least squares). Right: encoders on the circle, before and after inputs from three directions, with Voja.
Only units that are active move, so those that answer to none of the inputs stay.
"""

from __future__ import annotations

import numpy as np
from _gallery import figure, finish, options

import hebbkern as hk

UNITS, ENCODERS, SPREAD, THRESHOLD = 100, 60, 0.1, 0.75
CLUSTERS = np.deg2rad([20.0, 140.0, 260.0])


def main(arguments: list[str] | None = None) -> dict[str, float]:
    chosen = options(__doc__, arguments, samples=20_000)
    random = np.random.default_rng(chosen.seed)
    sign, threshold = random.choice([-1.0, 1.0], UNITS), random.uniform(-1, 1, UNITS)

    def population(x: np.ndarray) -> np.ndarray:
        return np.maximum(sign * x[:, None] - threshold, 0)

    grid = np.linspace(-1, 1, 201)
    a, wanted = population(grid), np.sin(np.pi * grid)
    best = a @ np.linalg.lstsq(a, wanted, rcond=None)[0] - wanted
    d, rule, errors = np.zeros((1, UNITS)), hk.rules.PES(lr=2.0), []
    x = random.uniform(-1, 1, chosen.samples)
    for value, activity in zip(x, population(x)):
        error = d @ activity - np.sin(np.pi * value)
        errors.append(error[0])
        rule.update(d, activity, error)
    learned = a @ d[0]

    angle = random.uniform(0, 2 * np.pi, ENCODERS)
    e = np.column_stack([np.cos(angle), np.sin(angle)])
    before = e.copy()
    directions = random.choice(CLUSTERS, 3000) + SPREAD * random.standard_normal(3000)
    inputs = np.column_stack([np.cos(directions), np.sin(directions)])
    voja = hk.rules.Voja(lr=0.02)
    for sample in inputs:
        voja.update(e, sample, np.maximum(e @ sample - THRESHOLD, 0))

    def away(encoders: np.ndarray) -> np.ndarray:
        """The angle between each encoder and the nearest of the three directions."""
        at = np.arctan2(encoders[:, 1], encoders[:, 0])
        return np.abs((at[:, None] - CLUSTERS + np.pi) % (2 * np.pi) - np.pi).min(1)

    picture = figure(12, 3.9)
    left, middle, right = picture.subplots(1, 3)
    left.plot(grid, a[:, ::5] / a.max() - 2.2, color="0.7", linewidth=0.8)
    left.plot(grid, wanted, color="C1", linewidth=3, alpha=0.5, label="sin πx")
    left.plot(grid, learned, color="C0", label="decoded, after PES")
    left.set(xlabel="x", ylim=(-2.3, 1.9), title="a function by PES; below, some of the units", yticks=(-1, 0, 1))
    left.legend(fontsize=8, loc="upper left", ncols=2)
    window = chosen.samples // 100
    course = np.sqrt((np.array(errors[: 100 * window]).reshape(100, window) ** 2).mean(1))
    middle.plot((np.arange(100) + 1) * window, course)
    middle.axhline(np.sqrt((best**2).mean()), color="0.4", linestyle=":", label="least squares")
    middle.set(xlabel="sample", ylabel="error, root mean square", yscale="log", title="error of PES")
    middle.legend(fontsize=8)
    right.plot(*inputs[:300].T, ".", color="C1", alpha=0.2, label="inputs")
    for k, (start, end) in enumerate(zip(before, e)):
        right.plot(*np.array([start, end]).T, color="0.8", linewidth=0.8, zorder=0)
        right.plot(*start, "o", color="0.6", markersize=4, label=None if k else "encoders before")
        right.plot(*end, "o", color="C0", markersize=4, label=None if k else "and after Voja")
    right.set(aspect="equal", xlim=(-1.2, 1.2), ylim=(-1.2, 1.2), title="encoders by Voja")
    right.legend(fontsize=8, loc="center")
    found = {
        "error": float(np.sqrt(((learned - wanted) ** 2).mean())),
        "first error": float(np.sqrt((wanted**2).mean())),
        "least squares": float(np.sqrt((best**2).mean())),
        "voja before": float(np.rad2deg(np.median(away(before)))),
        "voja after": float(np.rad2deg(np.median(away(e)))),
    }
    say = (
        f"PES: error {found['first error']:.3f} at the start, {found['error']:.4f} after; "
        f"least squares {found['least squares']:.4f}",
        f"Voja: encoders are {found['voja before']:.0f}° (median) from the nearest inputs before, "
        f"{found['voja after']:.1f}° after",
    )
    return finish(picture, __file__, chosen.out, found, say)


if __name__ == "__main__":
    main()
