"""SoftHebb learns the kernels of a convolutional layer from handwritten digits, without labels.

    python python/examples/conv_softhebb.py

prints how well a linear read-out of the layer's pooled answers tells the digits, beside the same read-out of kernels
that have learned nothing and of the pixels, and draws the kernels before and after into out/conv_softhebb.png. On digits
as small as these, random kernels are nearly as good, and vary more with the seed.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import hebbkern as hk
from hebbkern.datasets import load_digits

KERNELS, SIZE, LR, TEMPERATURE = 16, 4, 0.01, 0.03


def accuracy(features: NDArray[Any], labels: NDArray[np.int64], train: int) -> float:
    """Of a ridge regression of the standardised features on the digits, learned from the first `train` images."""
    x = features.reshape(len(features), -1).astype(np.float64)
    x = (x - x[:train].mean(0)) / (x[:train].std(0) + 1e-6)
    x = np.column_stack([x, np.ones(len(x))])
    a = x[:train]
    w = np.linalg.solve(a.T @ a + 100 * np.eye(x.shape[1]), a.T @ np.eye(10)[labels[:train]])
    return float(((x[train:] @ w).argmax(1) == labels[train:]).mean())


def unit_norm(layer: hk.ConvLayer) -> None:
    """Kernels of norm 1, which SoftHebb keeps."""
    layer.weights /= np.sqrt((layer.weights**2).sum((1, 2, 3), keepdims=True))


def answers(layer: hk.ConvLayer, images: NDArray[Any]) -> NDArray[Any]:
    return hk.pool2d(layer.forward(images), 2)


def draw(path: Path, before: NDArray[Any], layer: hk.ConvLayer, images: NDArray[Any]) -> None:
    """Two rows of kernels, then images with the kernel that answers most at each place."""
    from matplotlib.figure import Figure

    shown, columns = 6, len(before) // 2
    figure = Figure(figsize=(9, 7.5), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=(4, 2.2))
    for part, kernels, title in zip(
        top.subfigures(2, 1), (before, layer.weights), ("kernels at the start", "kernels that SoftHebb has learned")
    ):
        part.suptitle(title)
        most = np.abs(kernels).max()
        for axis, kernel in zip(part.subplots(2, columns).flat, kernels):
            axis.imshow(kernel[0], cmap="RdBu_r", vmin=-most, vmax=most)
            axis.set_axis_off()
    bottom.suptitle("digits, and the kernel that answers most at each place")
    winners = layer.forward(images[:shown]).argmax(1)
    axes = bottom.subplots(2, shown)
    for k in range(shown):
        axes[0, k].imshow(images[k, 0], cmap="gray")
        axes[1, k].imshow(winners[k], cmap="tab20", vmin=0, vmax=len(before) - 1)
        axes[0, k].set_axis_off()
        axes[1, k].set_axis_off()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def main(arguments: list[str] | None = None) -> dict[str, float]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=1797, help="how many digits, the last third to test")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("out"), help="the folder for the picture")
    options = parser.parse_args(arguments)

    pixels, labels = load_digits()
    chosen = np.random.default_rng(options.seed).permutation(len(pixels))[: options.images]
    pixels, labels = pixels[chosen], labels[chosen]
    train = 2 * len(pixels) // 3
    images = ((pixels - pixels[:train].mean(0)) / pixels[:train].std()).reshape(-1, 1, 8, 8)

    rule = hk.rules.SoftHebb(LR, temperature=TEMPERATURE)
    layer = hk.ConvLayer(1, KERNELS, SIZE, rule=rule, activation="relu", seed=options.seed)
    unit_norm(layer)
    before = layer.weights.copy()
    found = {"pixels": accuracy(images, labels, train), "random kernels": accuracy(answers(layer, images), labels, train)}
    for epoch in range(options.epochs):
        rule.lr = LR / (1 + epoch)
        windows = layer.learn(images[:train])
        norms = np.sqrt((layer.weights**2).sum((1, 2, 3)))
        print(f"epoch {epoch + 1}: {windows} windows, norms of the kernels {norms.min():.3f} to {norms.max():.3f}")
    found["learned kernels"] = accuracy(answers(layer, images), labels, train)
    for name, share in found.items():
        print(f"{name:16s} {share:6.1%} of {len(images) - train} digits")
    draw(options.out / "conv_softhebb.png", before, layer, images[train:])
    print(f"drawn: {options.out / 'conv_softhebb.png'}")
    return found


if __name__ == "__main__":
    main()
