"""MNIST by SoftHebb: one layer of 2000 units that learns without labels, and a linear read-out (Moraitis, Toichkin,
Journé, Chua & Guo, Neuromorph. Comput. Eng. 2, 2022).

The rule is `hk.rules.SoftHebb`, a sample at a time in blocks, on images of norm 1, with a learning rate that falls
linearly to 0; the read-out is softmax with cross-entropy on the layer's y = softmax(u / temperature). There is no
learned bias (the paper's prior of a unit), and the rows start at training images, since of random rows of norm 1 few
come to win in a few epochs (the last line of the table). Beside it: hard competition (the same rule at a temperature
near 0), and other read-outs of the same layer. The accuracy and the epochs of the paper are quoted from memory, and
neither its abstract nor the authors' program gives them: look there before citing them.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import hebbkern as hk
import matplotlib.pyplot as plt
import numpy as np
from _common import (
    Array,
    Data,
    draw_rows,
    mnist,
    points,
    print_rows,
    ridge_read_out,
    save,
    script,
    softmax_read_out,
    standardise,
)

TEMPERATURE, RATE, BLOCK, HARD = 1 / 60, 0.1, 128, 1e-4
PAPER, PAPER_EPOCHS = "96.94%", "100"  # quoted from memory


def unit_norm(data: Data) -> Data:
    scaled = [x / np.sqrt((x**2).sum(1, keepdims=True)) for x in (data.x, data.x_test)]
    return Data(scaled[0], data.labels, scaled[1], data.labels_test)


def features(w: Array, data: Data, temperature: float | None) -> tuple[Array, Array]:
    """y = softmax(u / temperature) of the training and the test images, or u itself, standardised."""
    out = []
    for x in (data.x, data.x_test):
        u = hk.forward(w, x)
        if temperature is not None:
            u -= u.max(1, keepdims=True)
            u *= np.float32(1 / temperature)
            np.exp(u, out=u)
            u /= u.sum(1, keepdims=True)
        out.append(u)
    standardise(out[0], out[1])
    return out[0], out[1]


@dataclass
class Result:
    w: Array
    course: list[tuple[int, float]] = field(default_factory=list)  # epoch, test error
    winners: float = 0.0  # share of the units that win for some training image

    def finish(self, data: Data) -> Result:
        self.winners = len(np.unique(hk.forward(self.w, data.x).argmax(1))) / len(self.w)
        return self


def learn(
    data: Data, w: Array, epochs: int, readout: int, temperature: float = TEMPERATURE, curve: bool = False
) -> Result:
    """SoftHebb on images of norm 1; the read-out takes y at the usual temperature."""
    random, result = np.random.default_rng(1), Result(w)
    rule = hk.rules.SoftHebb(RATE, temperature=temperature)
    for epoch in range(epochs):
        rule.lr = RATE * (1 - epoch / epochs)
        rule.update(w, data.x[random.permutation(len(data.x))], block=BLOCK)
        if epoch + 1 in (points(epochs) if curve else {epochs}):
            error = softmax_read_out(*features(w, data, TEMPERATURE), data, readout)
            result.course.append((epoch + 1, error))
            print(f"  epoch {epoch + 1:3d}: test error {error:.2%}", flush=True)
    return result.finish(data)


def run(data: Data, units: int, epochs: int, readout: int, seed: int = 0) -> tuple[dict[str, Result], dict[str, float]]:
    """The layers by how they learned, and the errors of the first one by read-out."""
    random = np.random.default_rng(seed)
    start = data.x[random.choice(len(data.x), units, replace=False)].copy()
    normal = random.standard_normal((units, data.x.shape[1]), dtype=np.float32)
    normal /= np.sqrt((normal**2).sum(1, keepdims=True))
    soft = learn(data, start.copy(), epochs, readout, curve=True)
    softer = features(soft.w, data, 2 * TEMPERATURE)
    read_outs = {
        "softmax on y": soft.course[-1][1],
        "softmax on y at twice the temperature": softmax_read_out(*softer, data, readout),
        "softmax on u = Wx": softmax_read_out(*features(soft.w, data, None), data, readout),
        "least squares on y": ridge_read_out(*features(soft.w, data, TEMPERATURE), data),
        "softmax on y of the rows at the start": softmax_read_out(*features(start, data, TEMPERATURE), data, readout),
    }
    return {
        "SoftHebb": soft,
        "hard competition": learn(data, start.copy(), epochs, readout, HARD),
        "SoftHebb from random rows": learn(data, normal, epochs, readout),
    }, read_outs


def draw(results: dict[str, Result], folder: Path) -> Path:
    figure = plt.figure(figsize=(11, 4.6), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(1, 1.1))
    left.suptitle("receptive fields of the first 24 units")
    draw_rows(left.subplots(4, 6), results["SoftHebb"].w, signed=False)
    axes = right.subplots()
    for name, result in results.items():
        epochs, errors = zip(*result.course)
        axes.plot(epochs, [100 * e for e in errors], "o-", label=f"{name}, {result.winners:.0%} of the units win")
    axes.set(xlabel="epochs of the hidden layer", ylabel="test error [%]", yscale="log", ylim=(1, 100), xlim=(0, None))
    axes.set_yticks([1, 2, 5, 10, 20, 50, 100], ["1", "2", "5", "10", "20", "50", "100"])
    axes.minorticks_off()
    axes.legend(fontsize=8, loc="center")
    return save(figure, "softhebb", folder)


def main(options: argparse.Namespace) -> None:
    data = unit_norm(mnist(options.train, options.test))
    results, read_outs = run(data, options.units, options.epochs, options.readout)
    rows = [("epochs of the hidden layer", PAPER_EPOCHS, str(options.epochs))]
    rows += [
        (f"accuracy, read-out by {name}", PAPER if k == 0 else "–", f"{1 - error:.2%}")
        for k, (name, error) in enumerate(read_outs.items())
    ]
    rows += [(f"  after {epoch} epochs", "–", f"{1 - error:.2%}") for epoch, error in results["SoftHebb"].course[:-1]]
    rows += [
        (f"accuracy, {name}; {result.winners:.0%} of the units win", "–", f"{1 - result.course[-1][1]:.2%}")
        for name, result in list(results.items())[1:]
    ]
    print_rows(f"SoftHebb, {options.units} units, MNIST with {len(data.x)} images", rows)
    print(f"  {draw(results, options.out)}")


if __name__ == "__main__":
    script(main, __doc__, units=2000, epochs=8, readout=20, train=60_000, test=10_000)
