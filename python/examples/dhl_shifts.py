"""Differential Hebbian learning of two pulses: what is learned depends on which comes first.

    Δw = η ẏ x    Porr & Wörgötter, Neural Computation 15 (2003)
    Δw = η ẏ ẋ    Kosko, AIP Conf. Proc. 151 (1986)

An input and an output are Gaussian pulses, the output shifted by s. With R(s) the overlap of the pulses, the weights
come to −R′(s) and −R″(s): the first is antisymmetric, as the window of spike timing, positive if the input comes first;
the second is symmetric. The picture has both beside these curves (differences between steps add half a step to s in
the first). On constant activity neither learns.
"""

from __future__ import annotations

import numpy as np
from _gallery import figure, finish, options

import hebbkern as hk

WIDTH = 10.0  # σ of the pulses, in steps


def learned(pre: bool, shifts: np.ndarray, steps: int) -> np.ndarray:
    """The weight for each shift: one output a shift, all with the same input."""
    time = np.arange(steps) - steps / 2
    x = np.exp(-(time**2) / (2 * WIDTH**2))
    y = np.exp(-((time[:, None] - shifts) ** 2) / (2 * WIDTH**2))
    w = np.zeros((len(shifts), 1))
    hk.rules.DifferentialHebbian(lr=1.0, pre=pre).update(w, x[:, None], y)
    return w[:, 0]


def main(arguments: list[str] | None = None) -> dict[str, float]:
    chosen = options(__doc__, arguments, steps=400)
    shifts = np.arange(-60, 61)
    found, rows = {}, []
    for pre, half in ((False, 0.5), (True, 0.0)):
        s = shifts + half
        overlap = WIDTH * np.sqrt(np.pi) * np.exp(-(s**2) / (4 * WIDTH**2))
        wanted = overlap * ((0.5 - s**2 / (4 * WIDTH**2)) / WIDTH**2 if pre else s / (2 * WIDTH**2))
        w = learned(pre, shifts, chosen.steps)
        found["ẏẋ" if pre else "ẏx"] = float(np.abs(w - wanted).max() / np.abs(wanted).max())
        rows.append((w, wanted))
    constant = np.zeros((1, 1))
    for pre in (False, True):
        hk.rules.DifferentialHebbian(lr=1.0, pre=pre).update(constant, np.full((50, 1), 0.7), np.full((50, 1), 0.3))
    found["constant"] = float(np.abs(constant).max())

    picture = figure(12, 3.8)
    pulses, *panels = picture.subplots(1, 3)
    time = np.arange(-60, 81)
    pulses.plot(time, np.exp(-(time**2) / (2 * WIDTH**2)), color="C0", label="input x")
    pulses.plot(time, np.exp(-((time - 15) ** 2) / (2 * WIDTH**2)), color="C1", label="output y, s = 15")
    slope = -(time - 15) / WIDTH * np.exp(-((time - 15) ** 2) / (2 * WIDTH**2))
    pulses.plot(time, slope, ":", color="C1", label="σ ẏ")
    pulses.set(xlabel="step", title="two pulses", ylim=(-0.7, 1.6))
    titles = ("Δw = η ẏ x: order in time", "Δw = η ẏ ẋ: coincidence")
    for axes, (w, wanted), title, name in zip(panels, rows, titles, ("−R′(s)", "−R″(s)")):
        axes.plot(shifts, w, ".", color="C0", label="learned")
        axes.plot(shifts, wanted, color="C1", linewidth=1, label=name)
        axes.set(xlabel="shift s of the output [steps]", ylabel="weight", title=title)
    for axes in (pulses, *panels):
        axes.axhline(0, color="0.8", linewidth=0.8, zorder=0)
        axes.legend(fontsize=8, loc="upper left")
    say = (
        f"largest deviation from −R′(s): {found['ẏx']:.1e}, from −R″(s): {found['ẏẋ']:.1e}, of the largest value",
        f"learned on constant activity: {found['constant']:g}",
    )
    return finish(picture, __file__, chosen.out, found, say)


if __name__ == "__main__":
    main()
