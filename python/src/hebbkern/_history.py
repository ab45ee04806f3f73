"""What training leaves behind: the history of a fit, and the best parameters of early stopping."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ._progress import pyplot
from .balancing import BalanceReport


@dataclass
class Best:
    """The parameters with the least validation loss so far, which `Network.fit` goes back to when its patience ends.

    Attributes
    ----------
    loss : float
    epoch : int
    weights, biases : lists of arrays
        Copies.
    """

    loss: float
    epoch: int
    weights: list[npt.NDArray[Any]]
    biases: list[npt.NDArray[Any]]


@dataclass(repr=False)
class History:
    """What `Network.fit` has seen, a value for each epoch of the call.

    Attributes
    ----------
    loss : list of float
        Mean loss of a sample, each at the weights before its minibatch's update.
    accuracy : list of float
        Fraction of samples whose output is largest where the target is, likewise.
    deficit : list of float
        Balance deficit ``Σ (A − B)²`` that the epoch's training left, before balancing.
    balanced : list of BalanceReport or None
        Of the balancing after the epoch.
    lr : list of float
        The learning rate of the epoch.
    valid_loss, valid_accuracy : lists of float
        On the validation samples after the epoch's training; empty without them.
    alignment : list of arrays [layers]
        Angles of `Network.alignment` in degrees after the epoch; empty unless asked for.
    alive : list of list of int
        With stamina, the units of each hidden layer that are alive after the epoch; else empty.
    died : list of list of int
        With stamina, the units of each hidden layer that died in the epoch, those that were born again with them; else empty.
    inputs : list of int
        With stamina of the inputs, those that are alive; else empty.
    """

    loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    deficit: list[float] = field(default_factory=list)
    balanced: list[BalanceReport | None] = field(default_factory=list)
    lr: list[float] = field(default_factory=list)
    valid_loss: list[float] = field(default_factory=list)
    valid_accuracy: list[float] = field(default_factory=list)
    alignment: list[npt.NDArray[np.float64]] = field(default_factory=list)
    alive: list[list[int]] = field(default_factory=list)
    died: list[list[int]] = field(default_factory=list)
    inputs: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.loss)

    def __repr__(self) -> str:
        last = f", loss {self.loss[-1]:.4g}, accuracy {self.accuracy[-1]:.4g}" if self.loss else ""
        return f"History({len(self)} epochs{last})"

    def plot(self) -> Any:
        """Draw loss, accuracy and deficit by epoch, and the angles and units alive if there are any;
        return the matplotlib figure."""
        plt = pyplot()
        panels = 3 + bool(self.alignment) + bool(self.alive)
        figure, axes = plt.subplots(1, panels, figsize=(10 * panels / 3, 3), layout="constrained")
        epochs = range(1, len(self) + 1)
        for axis, name in zip(axes, ("loss", "accuracy", "deficit")):
            axis.plot(epochs, getattr(self, name), ".-", label="training")
            axis.set(title=name, xlabel="epoch")
        if self.valid_loss:
            axes[0].plot(epochs, self.valid_loss, ".--", label="validation")
            axes[1].plot(epochs, self.valid_accuracy, ".--", label="validation")
            axes[0].legend()
        if any(value > 0 for value in self.deficit):
            axes[2].set_yscale("log")
        if self.alignment:
            for layer, angles in enumerate(np.array(self.alignment).T):
                axes[3].plot(epochs, angles, ".-", label=f"layer {layer}")
            axes[3].axhline(90, color="0.7", linewidth=1)
            axes[3].set(title="angle to the gradient [°]", xlabel="epoch")
            axes[3].legend()
        if self.alive:
            for layer, units in enumerate(zip(*self.alive)):
                axes[-1].plot(epochs, units, ".-", label=f"hidden layer {layer}")
            if self.inputs:
                axes[-1].plot(epochs, self.inputs, ".--", label="inputs")
            axes[-1].set(title="units alive", xlabel="epoch", ylim=(0, None))
            axes[-1].legend()
        return figure
