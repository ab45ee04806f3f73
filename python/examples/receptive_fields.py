"""Sanger's rule finds the principal components of handwritten digits in order, Oja's the first one.

    Δw_ij = η y_i (x_j − Σ_{k≤i} y_k w_kj)    Sanger, Neural Networks 2 (1989); a single row is Oja's rule,
    Δw_j  = η y (x_j − y w_j)                 Oja, J. Math. Biology 15 (1982)

The picture shows the rows at the start, those that Sanger's rule has learned, the exact components below them, and how
the angles between the two fall, over the passes through the digits. Each pass is online at first, and ends with updates
by the mean of all digits, in which the noise of single samples is gone. Look for the order: later rows wait for
earlier ones.
"""

from __future__ import annotations

import numpy as np
from _gallery import fields, figure, finish, options
from numpy.typing import NDArray

import hebbkern as hk
from hebbkern.datasets import load_digits

UNITS, ONLINE = 6, 5  # passes that are online


def angles(w: NDArray[np.float32], exact: NDArray[np.float64]) -> NDArray[np.float64]:
    """Between each row and the component of its rank, in radians; the sign of a component means nothing."""
    rows = w.astype(np.float64)
    rows /= np.sqrt((rows**2).sum(1, keepdims=True))
    along = (rows * exact).sum(1, keepdims=True)
    return np.arctan2(np.sqrt(((rows - along * exact) ** 2).sum(1)), np.abs(along[:, 0]))


def main(arguments: list[str] | None = None) -> dict[str, float]:
    chosen = options(__doc__, arguments, epochs=40)
    random = np.random.default_rng(chosen.seed)
    digits, _ = load_digits()
    x = digits - digits.mean(0)
    exact = np.linalg.svd(x.astype(np.float64), full_matrices=False)[2][:UNITS]

    w = (0.1 * random.standard_normal((UNITS, x.shape[1]))).astype(np.float32)
    oja, start, course = w[:1].copy(), w.copy(), [angles(w, exact)]
    for epoch in range(chosen.epochs):
        if epoch < ONLINE:
            order = random.permutation(len(x))
            for rule, rows in ((hk.rules.Sanger, w), (hk.rules.Oja, oja)):
                rule(lr=0.02 / (1 + epoch)).update(rows, x[order], block=256)
        else:
            for _ in range(20):
                hk.rules.Sanger(lr=0.8).update(w, x, reduction="mean")
                hk.rules.Oja(lr=0.8).update(oja, x, reduction="mean")
        course.append(angles(w, exact))

    picture = figure(7.5, 8)
    above, below = picture.subfigures(2, 1, height_ratios=(4.2, 3))
    signs = np.sign((w * exact).sum(1, keepdims=True))
    titles = ("at the start", "rows of Sanger's rule", "exact principal components, with the same signs")
    for part, rows, title in zip(above.subfigures(3, 1), (start, w, exact * signs), titles):
        fields(part, rows, title, UNITS)
    axes = below.subplots()
    for k, values in enumerate(np.array(course).T):
        axes.plot(values, color=f"C{k}", label=f"{k + 1}")
    axes.axvline(ONLINE, color="0.7", linewidth=0.8)
    axes.text(ONLINE, 1e-6, "online ← → mean", ha="center", fontsize=8, color="0.4")
    axes.set(yscale="log", xlabel="pass", ylabel="angle to its component [rad]", xlim=(0, chosen.epochs))
    axes.legend(title="row", ncols=2, loc="upper right")
    found = {
        "sanger angle": float(course[-1].max()),
        "oja angle": float(angles(oja, exact[:1])[0]),
        "oja norm": float(np.sqrt((oja.astype(np.float64) ** 2).sum())),
    }
    say = (
        f"Sanger: the largest of {UNITS} angles to the exact components is {found['sanger angle']:.1e} rad",
        f"Oja: {found['oja angle']:.1e} rad to the first component, norm {found['oja norm']:.6f}",
    )
    return finish(picture, __file__, chosen.out, found, say)


if __name__ == "__main__":
    main()
