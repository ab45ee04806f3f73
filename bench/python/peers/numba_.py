"""Numba: fused loops, fastmath, rows in parallel. Products through np.dot, which calls SciPy's BLAS."""

import functools
import math
import os

from . import THREADS, empty

os.environ.setdefault("NUMBA_NUM_THREADS", str(THREADS))

import numba  # noqa: E402
import numpy as np  # noqa: E402
import scipy.linalg.cython_blas  # noqa: E402, F401  np.dot in Numba is this BLAS
from numba import njit, prange  # noqa: E402

# With one thread a parallel function would only add the cost of starting it. In Numba an integer constant beside a float32
# makes a float64: ones and zeros are made of the array's type.
loops = njit(fastmath=True, parallel=THREADS > 1, cache=True)
serial = njit(fastmath=True, cache=True)
#: Samples of a block.
BLOCKS = (32, 64, 128)


def _call(function, *names):
    def make(a):
        kind = (a["w"] if "w" in a else a["s"]).dtype.type
        arguments = [a[n] if isinstance(a[n], np.ndarray) else kind(a[n]) for n in names]
        return lambda: function(*arguments)

    return make


@loops
def rank1(w, g, x):
    for i in prange(w.shape[0]):
        gi = g[i]
        for j in range(w.shape[1]):
            w[i, j] += gi * x[j]


@loops
def scale(w, rows, cols):
    for i in prange(w.shape[0]):
        r = rows[i]
        for j in range(w.shape[1]):
            w[i, j] *= r * cols[j]


@loops
def gain_rule(w, post, pre, lr):
    one = w.dtype.type(1)
    for i in prange(w.shape[0]):
        q = one - lr * post[i] * post[i]
        for j in range(w.shape[1]):
            w[i, j] *= q + lr * (pre[j] * pre[j])


@loops
def gain_rule_table(w, post, pre, lr):
    factor, one = lr * pre * pre, w.dtype.type(1)
    for i in prange(w.shape[0]):
        q = one - lr * post[i] * post[i]
        for j in range(w.shape[1]):
            w[i, j] *= q + factor[j]


@loops
def oja_given(w, x, y, lr):
    one = w.dtype.type(1)
    for i in prange(w.shape[0]):
        g = lr * y[i]
        keep = one - g * y[i]
        for j in range(w.shape[1]):
            w[i, j] = w[i, j] * keep + g * x[j]


def _power(p):
    if p == 2:
        return serial(lambda v: v * v)
    if p == 1:
        return serial(lambda v: abs(v))
    if p == 0.5:
        return serial(lambda v: np.sqrt(abs(v)))
    if p == 1.5:
        return serial(lambda v: abs(v) * np.sqrt(abs(v)))
    p = np.float32(p)
    return serial(lambda v: abs(v) ** p)


@functools.cache
def _sums(p):
    """Row and column sums in one pass; each part of the rows has columns of its own, added at the end."""
    power = _power(p)

    @njit(fastmath=True, parallel=THREADS > 1)
    def run(w, rows, part, cols):
        n, zero = part.shape[0], w.dtype.type(0)
        for q in prange(n):
            mine = part[q]
            mine[:] = 0
            for i in range(q * w.shape[0] // n, (q + 1) * w.shape[0] // n):
                total = zero
                for j in range(w.shape[1]):
                    t = power(w[i, j])
                    total += t
                    mine[j] += t
                rows[i] = total
        cols[:] = 0
        for q in range(n):
            for j in range(cols.shape[0]):
                cols[j] += part[q, j]

    return run


def power_sums(a):
    w, run = a["w"], _sums(a["p"])
    rows, cols = empty(w.shape[:1], w.dtype), empty(w.shape[1:], w.dtype)
    part = empty((4 * THREADS if THREADS > 1 else 1, w.shape[1]), w.dtype)

    def step():
        run(w, rows, part, cols)
        return rows, cols

    return step


@njit(cache=True)
def product(x, w, y):
    np.dot(x, w.T, y)


def forward(a):
    x, w = a["X"], a["w"]
    y = empty((len(x), len(w)), w.dtype)

    def step():
        product(x, w, y)
        return y

    return step


@loops
def batch_loop(w, g, x, keep):
    """Fused: a row at a time, w read and written once."""
    for i in prange(w.shape[0]):
        row = w[i]
        for j in range(w.shape[1]):
            row[j] *= keep
        for b in range(x.shape[0]):
            f = g[b, i]
            for j in range(w.shape[1]):
                row[j] += f * x[b, j]


def batch(a):
    w, g, x, keep = a["w"], a["G"], a["X"], a["w"].dtype.type(1 - a["decay"])
    return lambda: batch_loop(w, g, x, keep)


@loops
def ema(s, a, alpha):
    for i in prange(s.shape[0]):
        s[i] += alpha * (a[i] - s[i])


@loops
def oja(w, xs, lr):
    """Rows outer, samples inner: a row stays in the first-level cache, and rows do not interact."""
    zero, one = w.dtype.type(0), w.dtype.type(1)
    for i in prange(w.shape[0]):
        row = w[i]
        for b in range(xs.shape[0]):
            x = xs[b]
            y = zero
            for j in range(row.shape[0]):
                y += row[j] * x[j]
            g = lr * y
            keep = one - g * y
            for j in range(row.shape[0]):
                row[j] = row[j] * keep + g * x[j]


@loops
def oja_swept(w, xs, lr):
    """As `oja`, the update of a sample and the dot product of the next in one sweep over the row."""
    zero, one = w.dtype.type(0), w.dtype.type(1)
    for i in prange(w.shape[0]):
        row = w[i]
        y = zero
        for j in range(row.shape[0]):
            y += row[j] * xs[0, j]
        for b in range(xs.shape[0]):
            x, after = xs[b], xs[min(b + 1, xs.shape[0] - 1)]
            g = lr * y
            keep = one - g * y
            y = zero
            for j in range(row.shape[0]):
                v = row[j] * keep + g * x[j]
                row[j] = v
                y += v * after[j]


@serial
def oja_terms(y, lr, unused, g, d):
    for i in range(y.shape[0]):
        g[i] = lr * y[i]
        d[i] = g[i] * y[i]


@serial
def softhebb_terms(u, lr, temperature, g, d):
    top, total = u.max(), u.dtype.type(0)
    for i in range(u.shape[0]):
        g[i] = math.exp((u[i] - top) / temperature)
        total += g[i]
    for i in range(u.shape[0]):
        g[i] *= lr / total
        d[i] = g[i] * u[i]


def _samples(terms):
    @njit(fastmath=True, parallel=THREADS > 1)
    def run(w, xs, lr, temperature):
        u, g, d = np.empty(w.shape[0], w.dtype), np.empty(w.shape[0], w.dtype), np.empty(w.shape[0], w.dtype)
        zero, one = w.dtype.type(0), w.dtype.type(1)
        for b in range(xs.shape[0]):
            x = xs[b]
            for i in prange(w.shape[0]):
                y = zero
                for j in range(x.shape[0]):
                    y += w[i, j] * x[j]
                u[i] = y
            terms(u, lr, temperature, g, d)
            for i in prange(w.shape[0]):
                keep, f = one - d[i], g[i]
                for j in range(x.shape[0]):
                    w[i, j] = w[i, j] * keep + f * x[j]

    return run


def _blocked(terms):
    """Two products for a block, by BLAS, and the rule on their result in compiled loops."""

    @njit(fastmath=True)
    def run(w, xs, lr, temperature, size):
        out = w.shape[0]
        s, g, d = np.ones(out, w.dtype), np.empty(out, w.dtype), np.empty(out, w.dtype)
        one = w.dtype.type(1)
        for i in range(0, xs.shape[0], size):
            x = xs[i : i + size]
            y, k = np.dot(x, w.T), np.dot(x, x.T)
            c = np.zeros_like(y)
            for b in range(x.shape[0]):
                u = y[b]
                for q in range(b):
                    f = k[b, q]
                    for r in range(out):
                        u[r] += f * c[q, r]
                u *= s
                terms(u, lr, temperature, g, d)
                for r in range(out):
                    s[r] *= one - d[r]
                    c[b, r] = g[r] / s[r]
            w += np.dot(c.T, x)
        for r in range(out):
            w[r] *= s[r]

    return run


softhebb_samples, softhebb_blocked, oja_blocked = (
    _samples(softhebb_terms),
    _blocked(softhebb_terms),
    _blocked(oja_terms),
)


def _rule(function, *block):
    def make(a):
        kind = a["w"].dtype.type
        w, x, lr, t = a["w"], a["X"], kind(a["lr"]), kind(a.get("temperature", 1))
        return lambda: function(w, x, lr, t, *block)

    return make


@loops
def wta(w, xs, lr):
    u, zero = np.empty(w.shape[0], w.dtype), w.dtype.type(0)
    for b in range(xs.shape[0]):
        x = xs[b]
        for i in prange(w.shape[0]):
            y = zero
            for j in range(x.shape[0]):
                y += w[i, j] * x[j]
            u[i] = y
        row = w[u.argmax()]
        for j in range(x.shape[0]):
            row[j] += lr * (x[j] - row[j])


@njit(fastmath=True, cache=True)
def wta_block(w, xs, lr, size):
    for i in range(0, xs.shape[0], size):
        x = xs[i : i + size]
        y, k = np.dot(x, w.T), np.dot(x, x.T)
        for b in range(x.shape[0]):
            winner = y[b].argmax()
            for q in range(b + 1, x.shape[0]):
                y[q, winner] += lr * (k[b, q] - y[q, winner])
            row = w[winner]
            for j in range(row.shape[0]):
                row[j] += lr * (x[b, j] - row[j])


def wta_blocked(size):
    def make(a):
        w, x, lr = a["w"], a["X"], a["w"].dtype.type(a["lr"])
        return lambda: wta_block(w, x, lr, size)

    return make


@serial
def stdp_events(w, pre, post, keep, a_plus, a_minus):
    """Only what spiked: of a column the rows one after the other, so that memory is passed in order."""
    rows, cols = w.shape
    x, y = np.zeros(cols, w.dtype), np.zeros(rows, w.dtype)
    at, zero, one = np.empty(cols, np.int64), w.dtype.type(0), w.dtype.type(1)
    for t in range(pre.shape[0]):
        n = 0
        for j in range(cols):
            x[j] *= keep
            if pre[t, j] != 0:
                at[n] = j
                n += 1
        for i in range(rows):
            y[i] *= keep
            change = y[i]
            for q in range(n):
                j = at[q]
                w[i, j] = min(max(w[i, j] + change, zero), one)
        for q in range(n):
            x[at[q]] += a_plus
        for i in range(rows):
            if post[t, i] != 0:
                for j in range(cols):
                    w[i, j] = min(max(w[i, j] + x[j], zero), one)
                y[i] += a_minus


def stdp(a):
    kind = a["w"].dtype.type
    w, pre, post = a["w"], a["pre"], a["post"]
    keep, a_plus, a_minus = kind(math.exp(-1 / a["tau"])), kind(a["a_plus"]), kind(a["a_minus"])
    return lambda: stdp_events(w, pre, post, keep, a_plus, a_minus)


@loops
def sgd(w, g, lr):
    for i in prange(w.shape[0]):
        w[i] -= lr * g[i]


@loops
def momentum(w, m, g, lr, mu):
    for i in prange(w.shape[0]):
        m[i] = mu * m[i] + g[i]
        w[i] -= lr * m[i]


@loops
def adam(w, m, v, g, beta1, beta2, rate, root, eps):
    one = w.dtype.type(1)
    for i in prange(w.shape[0]):
        m[i] = beta1 * m[i] + (one - beta1) * g[i]
        v[i] = beta2 * v[i] + (one - beta2) * g[i] * g[i]
        w[i] -= rate * m[i] / (root * np.sqrt(v[i]) + eps)


USES_BLAS = True
FORMS = {
    "rank1": {"loop": _call(rank1, "w", "g", "x")},
    "scale": {"loop": _call(scale, "w", "rows", "cols")},
    "gain_rule": {
        "loop": _call(gain_rule, "w", "post", "pre", "lr"),
        "loop, squares before": _call(gain_rule_table, "w", "post", "pre", "lr"),
    },
    "oja_given": {"loop": _call(oja_given, "w", "x", "y", "lr")},
    "power_sums": {"loop": power_sums},
    "forward": {"dot": forward},
    "batch": {"loop": batch},
    "ema": {"loop": _call(ema, "s", "a", "alpha")},
    "oja": {
        "rows outer": _call(oja, "w", "X", "lr"),
        "rows outer, one sweep": _call(oja_swept, "w", "X", "lr"),
        **{f"blocked {n}": _rule(oja_blocked, n) for n in BLOCKS},
    },
    "softhebb": {"loop": _rule(softhebb_samples), **{f"blocked {n}": _rule(softhebb_blocked, n) for n in BLOCKS}},
    "wta": {"loop": _call(wta, "w", "X", "lr"), **{f"blocked {n}": wta_blocked(n) for n in BLOCKS}},
    "stdp": {"events": stdp},
    "sgd": {"loop": _call(sgd, "w", "g", "lr")},
    "momentum": {"loop": _call(momentum, "w", "m", "g", "lr", "mu")},
    "adam": {"loop": _call(adam, "w", "m", "v", "g", "beta1", "beta2", "rate", "root", "eps")},
}


def versions() -> dict:
    return {"numba": numba.__version__, "numpy": np.__version__}
