"""Földiák's network finds the bars that images are made of, and decorrelates its outputs.

    Δw_ij = η y_i (x_j − w_ij),  Δv_ik = −α (y_i y_k − p²), v ≤ 0,  Δt_i = γ (y_i − p)
    Földiák, Biological Cybernetics 64 (1990)

Images of 8×8 pixels are made of 16 bars, horizontal and vertical, each there with probability 1/8; where two cross, the
pixel is not brighter. 16 units learn with anti-Hebbian lateral weights and thresholds, first those alone, as in the
paper. The picture shows images, the rows at the start and after, and the correlations of the outputs, first of the rows
at the start with fixed thresholds alone. One bar a row, and each bar in some row, is a factorial code.
"""

from __future__ import annotations

import numpy as np
from _gallery import fields, figure, finish, options

import hebbkern as hk

SIDE, P = 8, 0.125
BARS = 2 * SIDE


def images(random: np.random.Generator, n: int) -> np.ndarray:
    there = random.random((n, BARS)) < P
    return (there[:, :SIDE, None] | there[:, None, SIDE:]).reshape(n, -1).astype(np.float64)


def correlations(y: np.ndarray) -> np.ndarray:
    """Of the outputs, 0 with one that is constant, and on the diagonal."""
    y = y - y.mean(0)
    spread = np.sqrt((y**2).mean(0))
    scale = np.where(spread > 0, 1 / np.maximum(spread, 1e-12), 0)
    c = (y.T @ y) / len(y) * np.outer(scale, scale)
    np.fill_diagonal(c, 0)
    return c


def main(arguments: list[str] | None = None) -> dict[str, float]:
    chosen = options(__doc__, arguments, images=8000)
    random = np.random.default_rng(chosen.seed)
    w = random.random((BARS, SIDE * SIDE))
    w /= np.sqrt((w**2).sum(1, keepdims=True))
    start = w.copy()
    rule = hk.rules.Foldiak(lr=0.0, lateral_lr=0.1, threshold_lr=0.1, p=P)
    rule.update(w, images(random, 500))  # thresholds and lateral weights settle
    rule.threshold_lr = 0.02
    for part in range(10):
        rule.lr = 0.05 / (1 + part / 3)
        rule.lateral_lr = 0.1 / (1 + part / 3)
        rule.update(w, images(random, chosen.images // 10))
    bars = np.array([np.ones((SIDE, SIDE)) * (np.arange(SIDE) == k)[:, None] for k in range(SIDE)])
    bars = np.concatenate([bars, bars.transpose(0, 2, 1)]).reshape(BARS, -1)
    centred = w - w.mean(1, keepdims=True)
    match = centred @ (bars - bars.mean(1, keepdims=True)).T
    match /= np.sqrt((centred**2).sum(1))[:, None] * np.sqrt(bars.var(1) * SIDE**2)
    known = {int(row.argmax()) for row in match if row.max() > 0.8}

    frozen = {"lr": 0.0, "lateral_lr": 0.0, "threshold_lr": 0.0, "p": P}
    test = images(random, 2000)
    still = hk.rules.Foldiak(**frozen)
    still.lateral, still.threshold = rule.lateral.copy(), rule.threshold.copy()
    y = still.update(w.copy(), test)
    drive = test @ start.T  # of the rows at the start, thresholds so that each is active with probability p
    plain = (drive > np.quantile(drive, 1 - P, axis=0)).astype(np.float64)
    before, after = correlations(plain), correlations(y)

    picture = figure(11, 7)
    above, below = picture.subfigures(2, 1, height_ratios=(3, 3))
    pictures, first, last = above.subfigures(1, 3, wspace=0.06)
    fields(pictures, test[:16], "images", 4, signed=False)
    fields(first, start, "rows at the start", 4, signed=False)
    fields(last, w, "rows that were learned", 4, signed=False)
    titles = ("rows at the start, no lateral weights", "after learning")
    for axes, c, title in zip(below.subplots(1, 2), (before, after), titles):
        shown = axes.imshow(c, cmap="RdBu_r", vmin=-1, vmax=1)
        axes.set(xlabel="unit", ylabel="unit", title=f"correlations of the outputs:\n{title}")
    below.colorbar(shown, ax=below.axes)
    found = {
        "bars": float(len(known)),
        "before": float(np.abs(before).sum() / (BARS * (BARS - 1))),
        "after": float(np.abs(after).sum() / (BARS * (BARS - 1))),
        "active": float(y.mean()),
    }
    say = (
        f"{len(known)} of {BARS} bars have a row of their own; outputs are active in {found['active']:.3f} (p = {P})",
        f"mean |correlation| of two outputs: {found['before']:.3f} at the start, {found['after']:.3f} after",
    )
    return finish(picture, __file__, chosen.out, found, say)


if __name__ == "__main__":
    main()
