"""Competition makes rows into templates of digits: winner-take-all into means of clusters, SoftHebb into unit vectors.

    Δw_ij = η (x_j − w_ij) for the row nearest to x             WTA with score "euclid": online k-means
    Δw_ij = η y_i (x_j − u_i w_ij), y = softmax(u/T), u = Wx    SoftHebb, Moraitis et al. 2022

Both start from digits drawn at random. The picture shows the rows of each, and below how many of each digit they win.
With the rate falling to 0, a row of WTA is near the mean of the digits that it wins; a row of SoftHebb comes to norm 1,
the sooner the more it wins.
"""

from __future__ import annotations

import numpy as np
from _gallery import fields, figure, finish, options

import hebbkern as hk
from hebbkern.datasets import load_digits

UNITS, TEMPERATURE = 20, 0.02


def main(arguments: list[str] | None = None) -> dict[str, float]:
    chosen = options(__doc__, arguments, epochs=30)
    random = np.random.default_rng(chosen.seed)
    x, labels = load_digits()
    unit = x / np.sqrt((x**2).sum(1, keepdims=True))
    first = random.choice(len(x), UNITS, replace=False)
    wta, soft = x[first].copy(), 0.8 * unit[first]
    for epoch in range(chosen.epochs):
        order = random.permutation(len(x))
        rate = 1 - epoch / chosen.epochs
        hk.rules.WTA(lr=0.05 * rate**2, score="euclid").update(wta, x[order], block=64)
        hk.rules.SoftHebb(lr=0.1 * rate, temperature=TEMPERATURE).update(soft, unit[order], block=64)

    nearest = (x @ wta.T - (wta**2).sum(1) / 2).argmax(1)
    winner = (unit @ soft.T).argmax(1)
    means = np.array([x[nearest == k].mean(0) if (nearest == k).any() else wta[k] for k in range(UNITS)])
    away = np.sqrt(((wta - means) ** 2).sum(1) / (means**2).sum(1))
    norms = np.sqrt((soft.astype(np.float64) ** 2).sum(1))

    def purity(winners: np.ndarray) -> float:
        """Share of the digits that are of the commonest class of their row."""
        return sum(np.bincount(labels[winners == k], minlength=10).max() for k in range(UNITS)) / len(x)

    picture = figure(9, 8)
    above, below = picture.subfigures(2, 1, height_ratios=(3, 2))
    left, right = above.subfigures(1, 2, wspace=0.05)
    fields(left, wta, "rows of winner-take-all", 5, signed=False)
    fields(right, soft, "rows of SoftHebb", 5, signed=False)
    tables = [[np.bincount(labels[w == k], minlength=10) for k in range(UNITS)] for w in (nearest, winner)]
    for axes, table, name in zip(below.subplots(1, 2), np.array(tables), ("winner-take-all", "SoftHebb")):
        shown = axes.imshow(table.T, cmap="viridis", aspect="auto", origin="lower", vmin=0, vmax=np.max(tables))
        axes.set(xlabel="row", ylabel="digit", yticks=range(10), xticks=range(0, UNITS, 5), title=f"digits won, {name}")
    below.colorbar(shown, ax=below.axes, label="how many")
    found = {
        "wta distance": float(np.median(away)),
        "softhebb norm": float(np.median(np.abs(norms - 1))),
        "wta purity": purity(nearest),
        "softhebb purity": purity(winner),
    }
    say = (
        f"WTA: rows are {found['wta distance']:.1%} (median) from the mean of the digits that they win; "
        f"{found['wta purity']:.1%} of the digits are of the commonest class of their row",
        f"SoftHebb: norms are {found['softhebb norm']:.1e} (median) from 1; "
        f"{found['softhebb purity']:.1%} of the digits likewise",
    )
    return finish(picture, __file__, chosen.out, found, say)


if __name__ == "__main__":
    main()
