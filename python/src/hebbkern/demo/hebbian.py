"""Principal components by Hebbian learning, beside the exact ones.

Oja (1982): ``Δw_ij = η y_i (x_j − y_i w_ij)``: every row, on its own, tends to ± the first principal component.
Sanger (1989): ``Δw_ij = η y_i (x_j − Σ_{k≤i} y_k w_kj)``: the rows tend to the leading components in order.
Both online, a sample at a time, y = Wx computed inside. With a constant η they only come near: so η falls.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import rules
from ._pictures import BLUE, GREEN, GREY, RED, figure
from ._progress import Progress
from ._settings import SEED, Array, Data, Settings

Wide = NDArray[np.float64]

#: η falls geometrically by this factor over the run, from 0.5/Σλ (half the inverse of the data's total variance).
FALL = 200.0
#: The constant rate, for comparison, as a fraction of the first.
CONSTANT = 0.2
#: η is held for a part of an epoch: its number of parts.
PARTS = 8
#: Epochs of Oja's rule, whose target is far simpler.
OJA_SHARE = 0.25


@dataclass
class Components:
    """What was learned; angles are in degrees, by epoch."""

    exact: Wide
    """[components, pixels], orthonormal rows"""
    variance: Wide
    """λ of all components, falling"""
    rate: float
    """η at the start"""
    sanger: Array
    oja: Array
    angles: list[Wide] = field(default_factory=list)
    """principal angles between the span of Sanger's rows and the exact subspace, falling rate"""
    constant: list[Wide] = field(default_factory=list)
    """the same for the constant rate"""
    oja_angles: list[Wide] = field(default_factory=list)
    """angle of each of Oja's rows to the first component"""

    @property
    def rows(self) -> Wide:
        """Angle of each of Sanger's rows to its component, degrees."""
        return np.array([angle_to(row, exact) for row, exact in zip(self.sanger, self.exact)])


def exact_components(x: Array, count: int) -> tuple[Wide, Wide]:
    """The leading principal components of centred data as rows, and all variances λ, falling."""
    wide = x.astype(np.float64)
    variance, vectors = np.linalg.eigh(wide.T @ wide / len(x))
    return vectors[:, ::-1][:, :count].T.copy(), variance[::-1].copy()


def principal_angles(w: NDArray[np.floating], exact: Wide) -> Wide:
    """Principal angles in degrees, rising, between the rows' span and an orthonormal basis.

    By the sines, singular values of ``Q − PᵀPQ``, since the cosines lose small angles to rounding (Björck & Golub 1973).
    """
    q = np.linalg.qr(w.astype(np.float64).T)[0]
    sines = np.linalg.svd(q - exact.T @ (exact @ q), compute_uv=False)
    return np.sort(np.degrees(np.arcsin(np.clip(sines, 0, 1))))


def angle_to(row: NDArray[np.floating], exact: NDArray[np.floating]) -> float:
    """The angle between two lines, degrees."""
    return float(principal_angles(row[np.newaxis], exact[np.newaxis].astype(np.float64))[0])


def weight(settings: Settings) -> float:
    """The share of the progress bar, in epochs of a classifier."""
    return settings.hebbian_epochs * (2 + OJA_SHARE) * 0.12


def learn(settings: Settings, data: Data, progress: Progress) -> Components:
    """Run Sanger's rule with a falling and with a constant rate, and Oja's rule."""
    x = data.x - data.x.mean(0)
    exact, variance = exact_components(x, settings.components)
    random = np.random.default_rng(SEED)
    start = (0.1 * random.standard_normal((settings.components, x.shape[1]))).astype(np.float32)
    result = Components(exact, variance, 0.5 / float(variance.sum()), start.copy(), start.copy())
    constant = start.copy()
    epochs = settings.hebbian_epochs
    progress.say(
        f"Sanger, {settings.components} components, {epochs} epochs, η from {result.rate:.3g} falling "
        f"geometrically to {result.rate / FALL:.3g}; beside it η = {CONSTANT * result.rate:.3g}, constant"
    )
    for label, w, angles, fall, count in (
        ("Sanger", result.sanger, result.angles, FALL, epochs),
        ("Sanger, constant rate", constant, result.constant, 1.0, epochs),
        ("Oja", result.oja, result.oja_angles, FALL, max(1, round(OJA_SHARE * epochs))),
    ):
        progress.part(label)
        kind = rules.Oja if label == "Oja" else rules.Sanger
        first = result.rate * (1.0 if fall > 1 else CONSTANT)
        for epoch in range(count):
            shuffled = x[random.permutation(len(x))]
            for part, samples in enumerate(np.array_split(shuffled, PARTS)):
                rate = first * fall ** -((epoch + part / PARTS) / count)
                kind(lr=rate).update(w, samples)
            if label == "Oja":
                angles.append(np.array([angle_to(row, exact[0]) for row in w]))
            else:
                angles.append(principal_angles(w, exact))
            if (epoch + 1) % max(1, count // 5) == 0 or epoch + 1 == count:
                what = "rows to the first component" if label == "Oja" else "principal angles"
                a = np.sort(angles[-1])
                progress.say(
                    f"  {label}, epoch {epoch + 1:3d}: {what} {a[0]:.2f}° to {a[-1]:.2f}°, median {np.median(a):.2f}°"
                )
            progress.advance(0.12)
    return result


def draw_components(result: Components, settings: Settings) -> Any:
    """Exact components, Sanger's rows and Oja's rows as images; signs, which are free, are made to agree."""
    count, side = len(result.exact), settings.side
    plot = figure(11, 9.6)
    rows = result.rows
    oja = [angle_to(row, result.exact[0]) for row in result.oja]
    groups: tuple[tuple[NDArray[Any], list[str], Wide], ...] = (
        (result.exact, [f"{i + 1}: λ = {v:.3g}" for i, v in enumerate(result.variance[:count])], result.exact),
        (result.sanger, [f"{i + 1}: {a:.1f}°" for i, a in enumerate(rows)], result.exact),
        (result.oja, [f"{i + 1}: {a:.1f}°" for i, a in enumerate(oja)], np.tile(result.exact[0], (count, 1))),
    )
    titles = (
        "exact principal components and their variance λ",
        "learned by Sanger's rule: angle of each row to the component above",
        "learned by Oja's rule: angle of each row to the first component",
    )
    parts = plot.subfigures(3, 1)
    for part, title, (images, labels, against) in zip(parts, titles, groups):
        part.suptitle(title, fontsize=11)
        axes = part.subplots(2, (count + 1) // 2)
        for axis in axes.flat:
            axis.set_axis_off()
        for axis, image, label, reference in zip(axes.flat, images, labels, against):
            image = image * (1 if image @ reference >= 0 else -1) / np.linalg.norm(image)
            top = np.abs(image).max()
            axis.imshow(image.reshape(side, side), cmap="RdBu_r", vmin=-top, vmax=top)
            axis.set_title(label, fontsize=8, pad=2)
    return plot


def draw_angles(result: Components) -> Any:
    """Principal angles by epoch."""
    plot = figure(11, 4.2)
    left, right = plot.subplots(1, 2)
    falling, constant = np.array(result.angles), np.array(result.constant)
    epochs = np.arange(1, len(falling) + 1)
    left.plot(epochs, falling, color=BLUE, alpha=0.25, linewidth=0.8)
    left.plot(epochs, falling.max(1), color=BLUE, linewidth=2, label="η falling: the largest angle (thin: all)")
    left.plot(epochs, constant.max(1), color=RED, linewidth=2, label="η constant: the largest angle")
    left.set(yscale="log", xlabel="epoch", ylabel="degrees", title="Sanger: principal angles to the exact subspace")
    left.legend(fontsize=8)
    oja = np.array(result.oja_angles)
    right.plot(np.arange(1, len(oja) + 1), oja, color=GREEN, alpha=0.5, linewidth=0.8)
    right.set(yscale="log", xlabel="epoch", ylabel="degrees")
    right.set_title(f"Oja: angle of each of {oja.shape[1]} rows to the first component")
    for axis in (left, right):
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.grid(color=GREY, alpha=0.2)
    return plot
