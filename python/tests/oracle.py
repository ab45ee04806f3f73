"""What the tests share: the kernels' equations in NumPy, in float64, and bounds for the distance to them.

The kernels' own arithmetic is pinned bit for bit by the Go tests. These bounds are for another order of the same
operations: n roundings of relative size u each, on terms whose absolute values add up to `size`.
"""

from __future__ import annotations

import numpy as np


def wide(value):
    """float64 of a value, None as it is."""
    return None if value is None else np.asarray(value, np.float64)


def column(value):
    return None if value is None else wide(value).reshape(-1, 1) if np.ndim(value) else wide(value)


def assert_close(got, want, size, terms, what=""):
    unit = np.finfo(got.dtype).eps / 2
    bound = (terms + 4) * unit * size + np.finfo(got.dtype).smallest_subnormal * (terms + 4)
    wrong = ~(np.abs(got.astype(np.float64) - want) <= bound)
    assert not wrong.any(), f"{what}: {got[wrong]} instead of {want[wrong]}"


def rank1(w, g, x, decay=None, col_decay=None, row_add=None, col_add=None, low=None, high=None, mask=None, product=None):
    """The new weights, and the sum of the absolute values of their terms."""
    w = wide(w)
    factor = 1 - (0 if decay is None else column(decay)) - (0 if col_decay is None else wide(col_decay))
    new, size = w * factor, np.abs(w) * (1 + (0 if decay is None else np.abs(column(decay))))
    size = size + np.abs(w) * (0 if col_decay is None else np.abs(wide(col_decay)))
    for term in (
        product if g is None else column(g) * wide(x),
        column(row_add),
        wide(col_add),
    ):
        if term is not None:
            new, size = new + term, size + np.abs(term)
    if mask is not None:
        new = np.where(mask, new, w)
    if low is not None:
        new = np.maximum(new, low)
    if high is not None:
        new = np.minimum(new, high)
    return new, size


ACTIVATIONS = {
    "identity": lambda z: z,
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z: np.where(z < 0, 0.01 * z, z),
    ("bilu", -0.5, 1.25): lambda z: np.where(z < 0, -0.5 * z, 1.25 * z),
    ("bipu", 1.5, -2.0): lambda z: np.where(z > 0, 1, -2) * np.abs(z) ** 1.5,
    ("bipu", 0.3, 1.0): lambda z: np.abs(z) ** 0.3,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "softplus": lambda z: np.logaddexp(0, z),
    "elu": lambda z: np.where(z < 0, np.expm1(z), z),
    "gelu": lambda z: z * 0.5 * (1 + _erf(z / np.sqrt(2))),
}


def _erf(z):
    from math import erf

    return np.vectorize(erf, otypes=[np.float64])(z)
