"""The task of Konishi, Igarashi & Miura (Front. Neurosci. 2023), set up after the paper's figure.

102 inputs, each ±1 with equal odds plus 0.01·N(0, 1); the target is the product of the signs of the first two, the other
100 distract. 102-20-1 units, ReLU and a linear output; an epoch is one update by the gradient summed over 8 fresh samples.
"""

from __future__ import annotations

from typing import Any, Mapping

import numpy as np
from numpy.typing import NDArray

from ..network import Network

SIZES, BATCH, LR, TEST = (102, 20, 1), 8, 0.005, 200

BP = {"feedback": "bp"}
FA = {"feedback": "fa", "beta": 0.25}


def fa_ex(excitatory: float) -> dict[str, Any]:
    """Options of a network whose feedback weights are positive with this probability; β is 0.1."""
    return {"feedback": "fa_ex", "excitatory": excitatory}


def samples(random: np.random.Generator, count: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Fresh inputs [count, 102] and targets [count, 1]."""
    sign = random.integers(0, 2, (count, SIZES[0]), dtype=np.int8) * np.float32(2) - 1
    x = random.standard_normal((count, SIZES[0]), np.float32) * np.float32(0.01) + sign
    return x, np.sign(x[:, :1]) * np.sign(x[:, 1:2])


def one_run(
    curves: Mapping[str, Mapping[str, Any]], seed: int, run: int, epochs: int, every: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Learn the task once with each feedback, from the same weights, on the same samples.

    Parameters
    ----------
    curves : mapping of names to options of `Network`
        A true option ``fixed`` makes the feedback weights 0: the hidden layer stays as it is.
    seed, run : int
        Of data and weights.
    epochs, every : int
        `every` divides `epochs`.

    Returns
    -------
    errors, angles : arrays [curves, epochs/every + 1]
        Mean e² on 200 fresh samples, and degrees between what the hidden layer is taught and the gradient there (NaN
        where it is taught nothing); at the start and after every `every` epochs.
    """
    random = np.random.default_rng([seed, run])
    x, y = samples(random, epochs * BATCH)
    test = samples(random, TEST)
    first = [random.uniform(-0.01, 0.01, s).astype(np.float32) for s in zip(SIZES[1:], SIZES)]
    errors = np.empty((len(curves), epochs // every + 1))
    angles = np.empty_like(errors)
    for curve, options in enumerate(curves.values()):
        options = dict(options)
        fixed = options.pop("fixed", False)
        net = Network(list(SIZES), seed=int(random.integers(2**63)), **options)
        for w, start in zip(net.weights, first):
            w[...] = start
        if fixed:
            net.feedback_weights[0][...] = 0
        for point in range(errors.shape[1]):
            if point:
                part = slice((point - 1) * every * BATCH, point * every * BATCH)
                net.fit(x[part], y[part], batch=BATCH, lr=LR, reduction="sum", shuffle=False, progress=False)
            errors[curve, point] = 2 * net.evaluate(*test)[0]  # the loss is e²/2
            angles[curve, point] = net.alignment(*test)[0]
    return errors, angles
