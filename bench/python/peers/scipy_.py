"""SciPy's BLAS: ger, gemv and gemm on w's transpose, which Fortran sees as the array itself, so nothing is copied."""

import numpy as np
import scipy
from scipy.linalg import blas

from . import empty


def _routines(a, *names):
    prefix = "s" if a["w"].dtype == np.float32 else "d"
    found = [getattr(blas, prefix + name) for name in names]
    return found if len(found) > 1 else found[0]


def rank1(a):
    ger, w, g, x = _routines(a, "ger"), a["w"].T, a["g"], a["x"]
    return lambda: ger(1.0, x, g, a=w, overwrite_a=1)


def oja_given(a):
    ger, w, x, y = _routines(a, "ger"), a["w"], a["x"], a["y"]
    lr = w.dtype.type(a["lr"])

    def step():
        rate = lr * y
        np.multiply(w, (1 - rate * y)[:, None], out=w)
        ger(1.0, x, rate, a=w.T, overwrite_a=1)

    return step


def forward(a):
    gemm, w, x = _routines(a, "gemm"), a["w"].T, a["X"].T
    y = empty((a["X"].shape[0], len(a["w"])), a["w"].dtype).T  # [out, B] in Fortran's order: Y's transpose
    return lambda: gemm(1.0, w, x, trans_a=1, c=y, overwrite_c=1).T


def batch(a):
    gemm, w, x, g = _routines(a, "gemm"), a["w"].T, a["X"].T, a["G"].T
    keep = 1 - a["decay"]
    return lambda: gemm(1.0, x, g, trans_b=1, beta=keep, c=w, overwrite_c=1)


def oja(a):
    ger, gemv = _routines(a, "ger", "gemv")
    w, x, y = a["w"], a["X"], empty((len(a["w"]),), a["w"].dtype)
    lr = w.dtype.type(a["lr"])

    def step():
        for sample in x:
            gemv(1.0, w.T, sample, trans=1, y=y, overwrite_y=1)
            rate = lr * y
            np.multiply(w, (1 - rate * y)[:, None], out=w)
            ger(1.0, sample, rate, a=w.T, overwrite_a=1)

    return step


def _terms(a):
    """g and d of a rule from y."""
    lr = a["w"].dtype.type(a["lr"])
    if "temperature" not in a:
        return lambda y: (lr * y, lr * y * y)
    t = a["w"].dtype.type(1 / a["temperature"])

    def softhebb(u):
        e = np.exp((u - u.max()) * t)
        g = e * (lr / e.sum())
        return g, g * u

    return softhebb


def blocked(size):
    """The blocked form whose second product adds to w in place: w = diag(s) v, s kept apart till the end."""

    def make(a):
        gemm, gemv = _routines(a, "gemm", "gemv")
        v, x, kind = a["w"], a["X"], a["w"].dtype
        y, k, c, s = (empty(shape, kind) for shape in ((size, len(v)), (size, size), (size, len(v)), (len(v),)))
        terms = _terms(a)

        def step():
            s.fill(1)
            for i in range(0, len(x), size):
                part = x[i : i + size]
                n = len(part)
                gemm(1.0, v.T, part.T, trans_a=1, c=y[:n].T, overwrite_c=1)
                gram = np.dot(part, part.T, out=k) if n == size else np.dot(part, part.T)
                for b in range(n):
                    u = y[b]
                    if b:
                        gemv(1.0, c[:b].T, gram[b, :b], beta=1.0, y=u, overwrite_y=1)
                    np.multiply(u, s, out=u)
                    g, d = terms(u)
                    np.multiply(s, 1 - d, out=s)
                    np.divide(g, s, out=c[b])
                gemm(1.0, part.T, c[:n].T, trans_b=1, beta=1.0, c=v.T, overwrite_c=1)
            np.multiply(v, s[:, None], out=v)

        return step

    return make


USES_BLAS = True
FORMS = {
    "rank1": {"ger": rank1},
    "oja_given": {"scale, ger": oja_given},
    "forward": {"gemm": forward},
    "batch": {"gemm with beta": batch},
    "oja": {"gemv, ger": oja, "blocked 64": blocked(64), "blocked 128": blocked(128)},
    "softhebb": {"blocked 64": blocked(64), "blocked 128": blocked(128)},
}


def versions() -> dict:
    return {"scipy": scipy.__version__, "numpy": np.__version__}
