"""What the scripts of this folder share. Each script repeats one result of a paper: it prints what the paper has beside
what was obtained, and draws a picture into out/papers."""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Sequence

import hebbkern as hk
import numpy as np
import numpy.typing as npt
from hebbkern.datasets import load_mnist

ROOT = Path(__file__).resolve().parents[2]

Row = tuple[str, str, str]  # what, what the source has, what was obtained
Array = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


@dataclass
class Data:
    """Images to learn from and images to test with."""

    x: Array
    labels: Labels
    x_test: Array
    labels_test: Labels


def images(name: str) -> Data:
    """"MNIST" or "Fashion-MNIST", from the folder HEBBKERN_DATA or the repository's data/, the latter from fashion/ in it."""
    folder = Path(os.environ.get("HEBBKERN_DATA") or ROOT / "data")
    x, labels, x_test, labels_test = load_mnist(folder / "fashion" if name == "Fashion-MNIST" else folder)
    return Data(x, labels, x_test, labels_test)


def mnist(train: int, test: int) -> Data:
    """The first images of MNIST."""
    data = images("MNIST")
    return Data(data.x[:train], data.labels[:train], data.x_test[:test], data.labels_test[:test])


class Kept:
    """The results of finished runs, in a JSON file: a script that was stopped goes on where it was. The names say all that
    a run depends on but the library; delete the file to run anew."""

    def __init__(self, name: str, folder: Path) -> None:
        self.path = folder / f"{name}.json"
        self.found: dict[str, Any] = json.loads(self.path.read_text()) if self.path.exists() else {}
        self.taken = 0

    def __call__(self, name: str, run: Callable[[], Any]) -> Any:
        if name in self.found:
            self.taken += 1
        else:
            self.found[name] = run()
            self.path.parent.mkdir(parents=True, exist_ok=True)
            part = self.path.with_suffix(".part")
            part.write_text(json.dumps(self.found))
            part.replace(self.path)
        return self.found[name]

    def say(self) -> None:
        if self.taken:
            print(f"  {self.taken} results are of an earlier run: {self.path}")


def standardise(train: Array, test: Array) -> None:
    """Features of mean 0 whose squares add up to some 1 a sample, in place; both by the training set. A feature that is
    nearly constant stays small."""
    mean, spread = train.mean(0), train.std(0)
    scale = 1 / ((spread + max(0.01 * float(spread.mean()), 1e-12)) * np.sqrt(train.shape[1]))
    for features in (train, test):
        features -= mean
        features *= scale


def softmax_read_out(train: Array, test: Array, data: Data, epochs: int, lr: float = 200.0) -> float:
    """The test error of a softmax layer on standardised features, the cross-entropy descended in minibatches of 100."""
    net = hk.Network([train.shape[1], 10], loss="softmax", seed=0)
    for epoch in range(epochs):
        net.fit(train, data.labels, epochs=1, batch=100, lr=lr * (1 - epoch / epochs), progress=False)
    return float((net.predict(test) != data.labels_test).mean())


def ridge_read_out(train: Array, test: Array, data: Data, ridge: float = 1e-4) -> float:
    """The test error of least squares on the same features; `ridge` in parts of the mean square of a sample."""
    gram = (train.T @ train) / len(train)
    gram += ridge * np.trace(gram) / len(gram) * np.eye(len(gram), dtype=gram.dtype)
    wanted = np.eye(10, dtype=train.dtype)[data.labels]
    weights = np.linalg.solve(gram, train.T @ (wanted - wanted.mean(0)) / len(train))
    scores = test @ weights + wanted.mean(0)
    return float((scores.argmax(1) != data.labels_test).mean())


def points(epochs: int) -> set[int]:
    """Where a curve by epoch is measured: after 1, 4, 16, … epochs and at the end."""
    return {4**k for k in range(epochs.bit_length()) if 4**k <= epochs} | {epochs}


def draw_rows(axes: npt.NDArray[Any], rows: Array, signed: bool) -> None:
    """Rows of weights as images, in axes without frames."""
    side = int(np.sqrt(rows.shape[1]))
    for axis, row in zip(axes.ravel(), rows):
        most = float(np.abs(row).max())
        low, colours = (-most, "RdBu_r") if signed else (0, "gray")
        axis.imshow(row.reshape(side, side), cmap=colours, vmin=low, vmax=most)
        axis.set_axis_off()


def print_rows(title: str, rows: Sequence[Row], source: str = "paper") -> None:
    """A table of three columns."""
    head: Row = ("", source, "obtained")
    widths = [max(len(row[k]) for row in (head, *rows)) for k in range(3)]
    print(title)
    for row in (head, *rows):
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def save(figure: Any, name: str, folder: Path) -> Path:
    """The picture, as PNG."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.png"
    figure.savefig(path, dpi=120)
    return path


def script(main: Callable[[argparse.Namespace], Any], description: str | None, **sizes: int) -> None:
    """Run a script with an option for each size."""
    parser = argparse.ArgumentParser(description=description)
    for name, default in sizes.items():
        parser.add_argument(f"--{name}", type=int, default=default, help=f"default {default}")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "papers", help="folder of the picture")
    began = time.perf_counter()
    main(parser.parse_args())
    print(f"  ({time.perf_counter() - began:.1f} s)")
