"""Contrastive Hebbian learning: the difference of two settled states is a gradient, and learns XOR.

    Δw_ij = η (y_i⁺ x_j⁺ − y_i⁻ x_j⁻)    Movellan 1991
    with weak feedback γ, and 1/γ times the rate for the hidden layer, this is backpropagation: Xie & Seung 2003

A layer of tanh units sees the input and, through γ times the transpose of its outgoing weights, the output:
h = tanh(Ux + γVᵀo). In the free phase o = Vh settles with h; in the clamped one o is the target. The picture shows what
the network computes after learning, the error, and the angle between the hidden update and the negative gradient, which
`hk.Network` computes, by γ.
"""

from __future__ import annotations

import numpy as np
from _gallery import figure, finish, options
from numpy.typing import NDArray

import hebbkern as hk

HIDDEN, GAMMA, LR = 8, 0.05, 0.1
X = np.array([[-1.0, -1, 1], [-1, 1, 1], [1, -1, 1], [1, 1, 1]])  # the last input is for the biases
TARGET = np.array([[-1.0], [1], [1], [-1]])


Array = NDArray[np.float64]


def settle(u: Array, v: Array, x: Array, gamma: float, clamp: Array | None = None) -> tuple[Array, Array]:
    """Hidden and output activity for each input, free or with clamped outputs."""
    drive, o = hk.forward(u, x), np.zeros((len(x), len(v))) if clamp is None else clamp
    for _ in range(1 if clamp is not None else 100):
        h = np.tanh(drive + gamma * (o @ v))
        o = hk.forward(v, h) if clamp is None else clamp
    return h, o


def phases(u: Array, v: Array, gamma: float, lr: float) -> float:
    """One update of both layers by the mean of the four patterns; the error of the free phase."""
    h_free, o_free = settle(u, v, X, gamma)
    h, o = settle(u, v, X, gamma, TARGET)
    hk.rules.ContrastiveHebbian(lr=lr / gamma).update(u, X, h, X, h_free, reduction="mean")
    hk.rules.ContrastiveHebbian(lr=lr).update(v, h, o, h_free, o_free, reduction="mean")
    return float(((o_free - TARGET) ** 2).mean())


def angle(u: Array, v: Array, gamma: float) -> float:
    """Between the hidden update and the negative gradient, in degrees."""
    net = hk.Network([3, HIDDEN, 1], activation="tanh", dtype=np.float64)
    net.weights[0][:], net.weights[1][:] = u, v
    for bias in net.biases:
        bias[:] = 0
    wanted, moved = -net.gradients(X, TARGET)[0][0], u.copy()
    phases(moved, v.copy(), gamma, 1e-3)
    moved -= u
    cosine = (wanted * moved).sum() / np.sqrt((wanted**2).sum() * (moved**2).sum())
    return float(np.rad2deg(np.arccos(min(cosine, 1.0))))


def main(arguments: list[str] | None = None) -> dict[str, float]:
    chosen = options(__doc__, arguments, epochs=250)
    random = np.random.default_rng(chosen.seed)
    u, v = random.normal(0, 0.7, (HIDDEN, 3)), random.normal(0, 0.5, (1, HIDDEN))
    gammas = np.geomspace(0.001, 1, 13)
    angles = [angle(u, v, g) for g in gammas]
    errors = [phases(u, v, GAMMA, LR) for _ in range(chosen.epochs)]

    picture = figure(12, 3.8)
    left, middle, right = picture.subplots(1, 3)
    at = np.linspace(-1.5, 1.5, 61)
    plane = np.stack([*np.meshgrid(at, at), np.ones((61, 61))], -1).reshape(-1, 3)
    values = settle(u, v, plane, GAMMA)[1].reshape(61, 61)
    shown = left.imshow(values, extent=(-1.5, 1.5, -1.5, 1.5), origin="lower", cmap="RdBu_r", vmin=-1.5, vmax=1.5)
    for x, target in zip(X, TARGET):
        colour = "C3" if target[0] > 0 else "C0"
        left.plot(*x[:2], "o", markersize=12, color=colour, markeredgecolor="white", markeredgewidth=2)
    left.set(xlabel="x₁", ylabel="x₂", title="output over the inputs; dots: the targets")
    picture.colorbar(shown, ax=left)
    middle.plot(errors)
    middle.set(xlabel="epoch", ylabel="mean squared error", yscale="log", title=f"XOR, γ = {GAMMA:g}")
    right.plot(gammas, angles, "o-", markersize=4)
    right.set(xscale="log", yscale="log", xlabel="feedback γ", ylabel="angle [°]", title="hidden update to gradient")
    found = {"first error": errors[0], "error": errors[-1], "angle weak": angles[0], "angle strong": angles[-1]}
    say = (
        f"XOR: mean squared error {errors[0]:.2f} at the start, {errors[-1]:.1e} after {chosen.epochs} epochs",
        f"hidden update: {angles[0]:.2f}° from the gradient with γ = {gammas[0]:g}, {angles[-1]:.0f}° with γ = 1",
    )
    return finish(picture, __file__, chosen.out, found, say)


if __name__ == "__main__":
    main()
