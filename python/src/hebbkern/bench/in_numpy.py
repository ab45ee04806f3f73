"""The workloads in NumPy at its best: in place, into arrays made beforehand, by rows that fit in a cache, and blocked.

A form takes the inputs and returns the step that is timed. `FORMS` lists them by workload; where there are several, the
fastest counts. Element-wise steps come whole and by chunks of rows, since a temporary that leaves the cache costs more
than the work.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from . import training
from .arrays import CHUNK, Array, Form, Inputs, Step, by_chunks, empty, empty_like, temporary


def rank1(a: Inputs) -> Step:
    w, g, x, t = a["w"], a["g"][:, None], a["x"], temporary(a, a["w"])

    def step() -> None:
        np.multiply(g, x, out=t)
        np.add(w, t, out=w)

    return step


def scale(a: Inputs) -> Step:
    w, rows, cols = a["w"], a["rows"][:, None], a["cols"]

    def step() -> None:
        np.multiply(w, rows, out=w)
        np.multiply(w, cols, out=w)

    return step


def gain_rule(a: Inputs) -> Step:
    w, post, pre, t = a["w"], a["post"][:, None], a["pre"], temporary(a, a["w"])
    lr = w.dtype.type(a["lr"])

    def step() -> None:
        np.subtract(1 + lr * pre * pre, lr * post * post, out=t)
        np.multiply(w, t, out=w)

    return step


def oja_given(a: Inputs) -> Step:
    w, x, y, t = a["w"], a["x"], a["y"][:, None], temporary(a, a["w"])
    lr = w.dtype.type(a["lr"])

    def step() -> None:
        rate = lr * y
        np.multiply(w, 1 - rate * y, out=w)
        np.multiply(rate, x, out=t)
        np.add(w, t, out=w)

    return step


def _powers(w: Array, p: float, t: Array, u: Array) -> None:
    """``t ← |w|^p``"""
    if p == 2:
        np.multiply(w, w, out=t)
        return
    np.abs(w, out=t)
    if p == 0.5:
        np.sqrt(t, out=t)
    elif p == 1.5:
        np.sqrt(t, out=u)
        np.multiply(t, u, out=t)
    elif p != 1:
        np.power(t, t.dtype.type(p), out=t)


def power_sums(a: Inputs) -> Step:
    w, p, t, u = a["w"], a["p"], empty_like(a["w"]), empty_like(a["w"])

    def step() -> tuple[Array, Array]:
        _powers(w, p, t, u)
        return t.sum(1), t.sum(0)

    return step


def power_sums_products(a: Inputs) -> Step:
    """By chunks, the sums as products with ones."""
    w, p = a["w"], a["p"]
    rows = max(1, CHUNK // w[:1].nbytes)
    t, u = empty_like(w[:rows]), empty_like(w[:rows])
    one_row, one_col = np.ones(w.shape[1], w.dtype), np.ones(rows, w.dtype)
    sums, part = empty((w.shape[0],), w.dtype), empty((w.shape[1],), w.dtype)

    def step() -> tuple[Array, Array]:
        cols = np.zeros(w.shape[1], w.dtype)
        for i in range(0, len(w), rows):
            v = w[i : i + rows]
            n = len(v)
            _powers(v, p, t[:n], u[:n])
            np.dot(t[:n], one_row, out=sums[i : i + n])
            np.dot(one_col[:n], t[:n], out=part)
            np.add(cols, part, out=cols)
        return sums, cols

    return step


def forward(a: Inputs) -> Step:
    w, x = a["w"], a["X"]
    y = empty((len(x), len(w)), w.dtype)
    return lambda: np.matmul(x, w.T, out=y)


def batch(a: Inputs) -> Step:
    w, x, g = a["w"], a["X"], a["G"]
    keep, t = w.dtype.type(1 - a["decay"]), empty_like(w)

    def step() -> None:
        np.matmul(g.T, x, out=t)
        np.multiply(w, keep, out=w)
        np.add(w, t, out=w)

    return step


def batch_chunks(a: Inputs) -> Step:
    w, g, x = a["w"], a["G"], a["X"]
    keep, rows = w.dtype.type(1 - a["decay"]), max(64, CHUNK // w[:1].nbytes)
    t = empty_like(w[:rows])

    def step() -> None:
        for i in range(0, len(w), rows):
            v = w[i : i + rows]
            np.matmul(g[:, i : i + rows].T, x, out=t[: len(v)])
            np.multiply(v, keep, out=v)
            np.add(v, t[: len(v)], out=v)

    return step


def ema(a: Inputs) -> Step:
    s, new, t = a["s"], a["a"], temporary(a, a["s"])
    alpha, keep = s.dtype.type(a["alpha"]), s.dtype.type(1 - a["alpha"])

    def step() -> None:
        np.multiply(s, keep, out=s)
        np.multiply(new, alpha, out=t)
        np.add(s, t, out=s)

    return step


def ema_chunks(a: Inputs) -> Step:
    s, new = a["s"], a["a"]
    n = CHUNK // 4 // s.itemsize
    shared = {**a, "temporary": empty_like(s[:n])}
    steps = [ema({**shared, "s": s[i : i + n], "a": new[i : i + n]}) for i in range(0, len(s), n)]

    def step() -> None:
        for part in steps:
            part()

    return step


def add(a: Inputs) -> Step:
    """The measure of a small call."""
    return partial(np.add, a["s"], a["a"], out=empty_like(a["s"]))


# ---- online rules -------------------------------------------------------------------------------------------------------

Terms = Callable[[Array], tuple[Array, Array]]


def oja_terms(a: Inputs) -> Terms:
    """g and d of ``w_i ← w_i (1 − d_i) + g_i x`` from y."""
    lr = a["w"].dtype.type(a["lr"])

    def terms(y: Array) -> tuple[Array, Array]:
        g = lr * y
        return g, g * y

    return terms


def softhebb_terms(a: Inputs) -> Terms:
    lr, t = a["w"].dtype.type(a["lr"]), a["w"].dtype.type(1 / a["temperature"])

    def terms(u: Array) -> tuple[Array, Array]:
        e = np.exp((u - u.max()) * t)
        g = e * (lr / e.sum())
        return g, g * u

    return terms


def sequential(rule: Callable[[Inputs], Terms]) -> Form:
    """Sample after sample: one read of w for y, and the passes of the update."""

    def make(a: Inputs) -> Step:
        w, x, t = a["w"], a["X"], temporary(a, a["w"])
        terms, y = rule(a), empty((len(a["w"]),), a["w"].dtype)

        def step() -> None:
            for sample in x:
                g, d = terms(np.dot(w, sample, out=y))
                np.multiply(w, (1 - d)[:, None], out=w)
                np.multiply(g[:, None], sample, out=t)
                np.add(w, t, out=w)

        return step

    return make


def blocked(rule: Callable[[Inputs], Terms], size: int) -> Form:
    """The blocked form: two matrix products for `size` samples, the rule run on their products with w.

    ``w = diag(s) v`` with s kept apart, so that a block only adds to v.
    """

    def make(a: Inputs) -> Step:
        v, x = a["w"], a["X"]
        kind = v.dtype
        y, k = empty((size, len(v)), kind), empty((size, size), kind)
        c, s, t, added = empty((size, len(v)), kind), empty((len(v),), kind), empty((len(v),), kind), empty_like(v)
        terms = rule(a)

        def step() -> None:
            s.fill(1)
            for i in range(0, len(x), size):
                part = x[i : i + size]
                n = len(part)
                np.matmul(part, v.T, out=y[:n])
                np.matmul(part, part.T, out=k[:n, :n])
                for b in range(n):
                    u = y[b]
                    if b:
                        np.dot(k[b, :b], c[:b], out=t)
                        np.add(u, t, out=u)
                    np.multiply(u, s, out=u)
                    g, d = terms(u)
                    np.multiply(s, 1 - d, out=s)
                    np.divide(g, s, out=c[b])
                np.matmul(c[:n].T, part, out=added)
                np.add(v, added, out=v)
            np.multiply(v, s[:, None], out=v)

        return step

    return make


def wta(a: Inputs) -> Step:
    w, x = a["w"], a["X"]
    lr, y, t = w.dtype.type(a["lr"]), empty((len(w),), w.dtype), empty((w.shape[1],), w.dtype)

    def step() -> None:
        for sample in x:
            row = w[np.dot(w, sample, out=y).argmax()]
            np.subtract(sample, row, out=t)
            np.multiply(t, lr, out=t)
            np.add(row, t, out=row)

    return step


def wta_blocked(size: int) -> Form:
    """One matrix product for `size` samples; a winner changes its own column of it alone."""

    def make(a: Inputs) -> Step:
        w, x = a["w"], a["X"]
        lr, keep = w.dtype.type(a["lr"]), w.dtype.type(1 - a["lr"])
        y, k = empty((size, len(w)), w.dtype), empty((size, size), w.dtype)
        t = empty((w.shape[1],), w.dtype)

        def step() -> None:
            for i in range(0, len(x), size):
                part = x[i : i + size]
                n = len(part)
                np.matmul(part, w.T, out=y[:n])
                np.matmul(part, part.T, out=k[:n, :n])
                np.multiply(k, lr, out=k)
                for b in range(n):
                    winner = y[b].argmax()
                    column = y[b + 1 : n, winner]
                    np.multiply(column, keep, out=column)
                    np.add(column, k[b, b + 1 : n], out=column)
                    row = w[winner]
                    np.subtract(part[b], row, out=t)
                    np.multiply(t, lr, out=t)
                    np.add(row, t, out=row)

        return step

    return make


def stdp(a: Inputs) -> Step:
    """Pair traces in Brian2's order of events, only the rows and columns that spiked."""
    w, keep = a["w"], a["w"].dtype.type(np.exp(-1 / a["tau"]))
    a_plus, a_minus = w.dtype.type(a["a_plus"]), w.dtype.type(a["a_minus"])
    spikes = [(np.flatnonzero(p), np.flatnonzero(q)) for p, q in zip(a["pre"], a["post"], strict=True)]

    def step() -> None:
        x, y = np.zeros(w.shape[1], w.dtype), np.zeros(w.shape[0], w.dtype)
        for pre, post in spikes:
            np.multiply(x, keep, out=x)
            np.multiply(y, keep, out=y)
            w[:, pre] = np.clip(w[:, pre] + y[:, None], 0, 1)
            x[pre] += a_plus
            w[post] = np.clip(w[post] + x, 0, 1)
            y[post] += a_minus

    return step


FORMS: dict[str, dict[str, Form]] = {
    "rank1": {"whole": rank1, "chunks": by_chunks(rank1, "g")},
    "scale": {"whole": scale, "chunks": by_chunks(scale, "rows")},
    "gain_rule": {"whole": gain_rule, "chunks": by_chunks(gain_rule, "post")},
    "oja_given": {"whole": oja_given, "chunks": by_chunks(oja_given, "y")},
    "power_sums": {"whole": power_sums, "chunks, products with ones": power_sums_products},
    "forward": {"matmul": forward},
    "batch": {"matmul": batch, "chunks": batch_chunks},
    "np.add": {"one call": add},
    "ema": {"whole": ema, "chunks": ema_chunks},
    "oja": {
        "samples": sequential(oja_terms),
        "chunks of rows": by_chunks(sequential(oja_terms)),
        "blocked 64": blocked(oja_terms, 64),
        "blocked 128": blocked(oja_terms, 128),
    },
    "wta": {"samples": wta, "blocked 64": wta_blocked(64), "blocked 128": wta_blocked(128)},
    "softhebb": {
        "samples": sequential(softhebb_terms),
        "blocked 64": blocked(softhebb_terms, 64),
        "blocked 128": blocked(softhebb_terms, 128),
    },
    "stdp": {"events": stdp},
    **training.NUMPY,
}
