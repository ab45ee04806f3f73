"""The demo's steps in NumPy: the same algorithms, vectorised, in place, into arrays made beforehand."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]


class Components:
    """Oja's and Sanger's rules online over the rows of x."""

    def __init__(self, w: Array) -> None:
        self.w = w
        self._y = np.empty(len(w), w.dtype)
        self._rate, self._keep = np.empty((len(w), 1), w.dtype), np.empty((len(w), 1), w.dtype)
        self._products = np.empty((len(w), len(w)), w.dtype)
        self._lower = np.tril(np.ones((len(w), len(w)), w.dtype))
        self._a, self._b = np.empty_like(w), np.empty_like(w)

    def oja(self, x: Array, lr: float) -> None:
        """``w ← w (1 − η y_i²) + η y_i x_j``"""
        w, y, rate, keep = self.w, self._y, self._rate, self._keep
        column = y[:, np.newaxis]
        for sample in x:
            np.dot(w, sample, out=y)
            np.multiply(column, lr, out=rate)
            np.multiply(rate, column, out=keep)
            np.subtract(1, keep, out=keep)
            np.multiply(w, keep, out=w)
            np.multiply(rate, sample, out=self._a)
            np.add(w, self._a, out=w)

    def sanger(self, x: Array, lr: float) -> None:
        """``w ← w + η (y xᵀ − lower(y yᵀ) w)``"""
        w, y, rate = self.w, self._y, self._rate
        column, lower = y[:, np.newaxis], self._lower * w.dtype.type(lr)
        for sample in x:
            np.dot(w, sample, out=y)
            np.multiply(column, lr, out=rate)
            np.multiply(column, y, out=self._products)
            np.multiply(self._products, lower, out=self._products)
            np.matmul(self._products, w, out=self._a)
            np.multiply(rate, sample, out=self._b)
            np.add(w, self._b, out=w)
            np.subtract(w, self._a, out=w)


class Classifier:
    """A ReLU network with a softmax and minibatch gradient descent."""

    def __init__(self, weights: list[Array], biases: list[Array], batch: int) -> None:
        self.weights, self.biases = weights, biases
        dtype = weights[0].dtype
        self._x = np.empty((batch, weights[0].shape[1]), dtype)
        self._a = [np.empty((batch, len(w)), dtype) for w in weights]
        self._d = [np.empty((batch, len(w)), dtype) for w in weights]
        self._dw = [np.empty_like(w) for w in weights]
        self._db = [np.empty_like(b) for b in biases]
        self._outputs: list[Array] = []

    def forward(self, x: Array) -> Array:
        """The output for a batch."""
        last = len(self.weights) - 1
        if not self._outputs or len(self._outputs[0]) != len(x):
            self._outputs = [np.empty((len(x), len(w)), w.dtype) for w in self.weights]
        for layer, (w, b, out) in enumerate(zip(self.weights, self.biases, self._outputs)):
            np.matmul(x, w.T, out=out)
            np.add(out, b, out=out)
            if layer < last:
                np.maximum(out, 0, out=out)
            x = out
        return x

    def epoch(self, x: Array, target: Array, order: NDArray[np.int64], batch: int, lr: float) -> None:
        """Minibatches in an order; a last one that is not full is left out (the timing has none)."""
        for start in range(0, len(order) - batch + 1, batch):
            index = order[start : start + batch]
            np.take(x, index, axis=0, out=self._x, mode="clip")  # mode="clip": without a copy of `out`
            self.step(self._x, target[index], lr)

    def step(self, x: Array, target: Array, lr: float) -> None:
        """One update by the mean gradient of a full minibatch."""
        rate = lr / len(x)
        weights, a, d = self.weights, self._a, self._d
        last = len(weights) - 1
        inputs = [x, *a]
        for layer, (w, b) in enumerate(zip(weights, self.biases)):
            np.matmul(inputs[layer], w.T, out=a[layer])
            np.add(a[layer], b, out=a[layer])
            if layer < last:
                np.maximum(a[layer], 0, out=a[layer])
        self._error(a[last], target, d[last])
        for layer in range(last, -1, -1):
            if layer:
                np.matmul(d[layer], self._way(layer), out=d[layer - 1])
                np.multiply(d[layer - 1], a[layer - 1] > 0, out=d[layer - 1])
            # d[layer - 1] was formed before the rate goes in.
            np.multiply(d[layer], rate, out=d[layer])
            np.matmul(d[layer].T, inputs[layer], out=self._dw[layer])
            np.sum(d[layer], axis=0, out=self._db[layer])
        for w, b, dw, db in zip(weights, self.biases, self._dw, self._db):
            np.subtract(w, dw, out=w)
            np.subtract(b, db, out=b)

    def _error(self, out: Array, target: Array, delta: Array) -> None:
        """Of the softmax."""
        np.subtract(out, out.max(1, keepdims=True), out=delta)
        np.exp(delta, out=delta)
        np.divide(delta, delta.sum(1, keepdims=True), out=delta)
        np.subtract(delta, target, out=delta)

    def _way(self, layer: int) -> Array:
        """The weights by which the signal of a layer comes to the one below."""
        return self.weights[layer]


class Fed(Classifier):
    """The same with a squared error and fixed feedback weights [n_{l+1}, n_l], layer by layer."""

    def __init__(self, weights: list[Array], biases: list[Array], feedback: list[Array], batch: int) -> None:
        super().__init__(weights, biases, batch)
        self.feedback = feedback

    def _error(self, out: Array, target: Array, delta: Array) -> None:
        np.subtract(out, target, out=delta)

    def _way(self, layer: int) -> Array:
        return self.feedback[layer - 1]


class Competition:
    """The rule of Krotov & Hopfield on batches, q = 2 and the second unit unlearns, as in their program."""

    def __init__(self, w: Array, batch: int) -> None:
        self.w = w
        self._i, self._g = np.empty((len(w), batch), w.dtype), np.empty((len(w), batch), w.dtype)
        self._s, self._t = np.empty_like(w), np.empty_like(w)
        self._columns = np.arange(batch)

    def batch(self, x: Array, lr: float, delta: float) -> None:
        """``W ← W + η S / max|S|`` with ``S = G X − (Σ_b g∘I)∘W``"""
        np.matmul(self.w, x.T, out=self._i)
        second, first = np.argpartition(self._i, (-2, -1), axis=0)[-2:]
        self._g.fill(0)
        self._g[first, self._columns] = 1
        self._g[second, self._columns] = -delta
        np.matmul(self._g, x, out=self._s)
        np.multiply(self._g, self._i, out=self._i)
        np.multiply(self.w, self._i.sum(1, keepdims=True), out=self._t)
        np.subtract(self._s, self._t, out=self._s)
        np.abs(self._s, out=self._t)
        np.multiply(self._s, lr / self._t.max(), out=self._s)
        np.add(self.w, self._s, out=self.w)


class Stamina:
    """The moving average of the batch sums of the balanced ReLU whose outputs add up to 0, times κ in the negative."""

    def __init__(self, value: Array, samples: int) -> None:
        self.value = value
        self._silent = np.empty((samples, len(value)), value.dtype)

    def update(self, x: Array, strength: float, alpha: float) -> None:
        """x: activities after ReLU [samples, units]"""
        np.equal(x, 0, out=self._silent)
        count = self._silent.sum(1)
        penalty = np.zeros_like(count)
        np.divide(x.sum(1), count, out=penalty, where=count > 0)
        gained = x.sum(0) - x.dtype.type(strength) * (penalty @ self._silent)
        self.value *= 1 - alpha
        self.value += alpha * gained


def balance(weights: list[Array], biases: list[Array], p: float, tol: float = 1e-6) -> int:
    """Sweeps over the layers on the logarithms of the scales, one write at the end; returns the sweeps.

    The sums are formed in float64 from the powers ``|w|^p``, which are computed once.
    """
    powers = [np.abs(w).astype(np.float64) for w in weights]
    for power in powers:
        if p == 2:
            np.multiply(power, power, out=power)
        elif p != 1:
            np.power(power, p, out=power)
    hidden = range(1, len(weights))
    log = [np.zeros(weights[0].shape[1]), *(np.zeros(len(w)) for w in weights)]
    sweeps = 0
    while True:
        moved = False
        for k in hidden:
            cost_in = powers[k - 1] @ np.exp2(-p * log[k - 1])
            cost_out = np.exp2(p * log[k + 1]) @ powers[k]
            ratio = np.log2(cost_out / cost_in)
            ratio -= 2 * p * log[k]
            small = np.exp2(-np.abs(ratio))
            if ((1 - small) / (1 + small)).max() > tol:
                log[k] += ratio / (2 * p)
                moved = True
        if not moved:
            break
        sweeps += 1
    for k in hidden:
        scale = np.exp2(log[k])
        weights[k - 1] *= scale.astype(weights[k - 1].dtype)[:, np.newaxis]
        biases[k - 1] *= scale.astype(biases[k - 1].dtype)
        weights[k] *= (1 / scale).astype(weights[k].dtype)
    return sweeps


def deficit(weights: list[Array], p: float) -> list[NDArray[np.float64]]:
    """``A − B`` of the hidden units."""
    powers = [np.square(w) if p == 2 else np.abs(w) if p == 1 else np.abs(w) ** p for w in weights]
    return [a.sum(1, dtype=np.float64) - b.sum(0, dtype=np.float64) for a, b in zip(powers, powers[1:])]


class Gain:
    """The gain rule on one projection."""

    def __init__(self, w: Array, b: Array) -> None:
        self.w, self.b = w, b
        self._t = np.empty_like(w)

    def exp(self, post: Array, pre: Array, lr: float) -> None:
        rows, cols = np.exp(-lr * post * post), np.exp(lr * pre * pre)
        np.multiply(self.w, rows[:, np.newaxis], out=self.w)
        np.multiply(self.w, cols, out=self.w)
        np.multiply(self.b, rows, out=self.b)

    def linear(self, post: Array, pre: Array, lr: float, limit: float) -> None:
        np.subtract(pre * pre, (post * post)[:, np.newaxis], out=self._t)
        np.multiply(self._t, lr, out=self._t)
        np.multiply(self._t, self.w, out=self._t)
        np.add(self.w, self._t, out=self.w)
        np.clip(self.w, -limit, limit, out=self.w)
