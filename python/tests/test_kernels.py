"""The kernels against NumPy, over shapes, strides and element types."""

import math

import hypothesis.strategies as st
import numpy as np
import oracle
import pytest
from hypothesis import given, settings

import hebbkern as hk

DTYPES = (np.float32, np.float64)
dtypes = st.sampled_from(DTYPES)
lengths = st.one_of(st.integers(0, 9), st.integers(10, 70), st.sampled_from([127, 128, 129, 257]))
settings.register_profile("kernels", deadline=None, max_examples=60)
settings.load_profile("kernels")


class Arrays:
    """Random arrays with gaps between the rows, odd starts, and guards around them that must survive."""

    def __init__(self, seed, dtype):
        self.random = np.random.default_rng(seed)
        self.dtype = dtype
        self.guarded = []

    def matrix(self, rows, cols):
        before, gap = self.random.integers(0, 4, 2)
        base = np.full((rows + 2, cols + int(before) + int(gap)), 1234.5, self.dtype)
        view = base[1 : rows + 1, int(before) : int(before) + cols]
        view[...] = self.random.standard_normal((rows, cols))
        self.guarded.append((base, view, base.copy()))
        return view

    def vector(self, n):
        return self.matrix(1, n)[0]

    def maybe(self, make, *sizes):
        kind = self.random.integers(0, 3)
        return None if kind == 0 else float(np.float32(self.random.standard_normal())) if kind == 1 else make(*sizes)

    def check_guards(self):
        for base, view, old in self.guarded:
            changed = view.copy()
            view[...] = 0
            inside = old.copy()
            inside.__setitem__(tuple(self._place(base, view)), 0)
            assert np.array_equal(base, inside), "an element outside of the array was written"
            view[...] = changed

    @staticmethod
    def _place(base, view):
        offset = (view.__array_interface__["data"][0] - base.__array_interface__["data"][0]) // base.itemsize
        row, col = divmod(offset, base.shape[1]) if base.shape[1] else (1, 0)
        return slice(row, row + view.shape[0]), slice(col, col + view.shape[1])


def terms(arrays, out, n):
    """Some terms of an update beside its product."""
    return {
        "decay": arrays.maybe(arrays.vector, out),
        "col_decay": arrays.maybe(arrays.vector, n),
        "row_add": arrays.maybe(arrays.vector, out),
        "col_add": arrays.maybe(arrays.vector, n),
        "low": [None, -0.5][arrays.random.integers(0, 2)],
        "high": [None, 0.75][arrays.random.integers(0, 2)],
        "mask": [None, arrays.random.random((out, n + 3))[:, 1 : n + 1] < 0.5][arrays.random.integers(0, 2)],
    }


@given(seed=st.integers(0, 2**32), out=lengths, n=lengths, dtype=dtypes)
def test_rank1(seed, out, n, dtype):
    arrays = Arrays(seed, dtype)
    w = arrays.matrix(out, n)
    g, x = arrays.maybe(arrays.vector, out), arrays.maybe(arrays.vector, n)
    if g is None or x is None:
        g = x = None
    named = terms(arrays, out, n)
    want, size = oracle.rank1(w, g, x, **named)
    assert hk.rank1(w, g, x, **named) is None
    oracle.assert_close(w, want, size, 8, "rank1")
    arrays.check_guards()


@pytest.mark.parametrize("dtype", DTYPES)
def test_rank1_bounds_and_specials(dtype):
    w = np.array([[-0.0, np.nan, np.inf, -np.inf, 5]], dtype)
    hk.rank1(w, None, None, low=0, high=4)
    assert not np.signbit(w[0, 0])  # maximum(-0, +0) is +0
    assert np.isnan(w[0, 1])
    assert w[0, 2:].tolist() == [4, 0, 4]
    w = np.array([[3.0, -0.0]], dtype)
    hk.rank1(w, None, None)  # no term at all: no change
    assert w[0, 0] == 3 and np.signbit(w[0, 1])


@given(seed=st.integers(0, 2**32), out=lengths, n=lengths, samples=st.integers(0, 12), dtype=dtypes)
def test_batch_update(seed, out, n, samples, dtype):
    arrays = Arrays(seed, dtype)
    w, g, x = arrays.matrix(out, n), arrays.matrix(samples, out), arrays.matrix(samples, n)
    named = terms(arrays, out, n)
    want, size = oracle.rank1(w, None, None, product=oracle.wide(g).T @ oracle.wide(x), **named)
    size = size + np.abs(oracle.wide(g)).T @ np.abs(oracle.wide(x))
    hk.batch_update(w, g, x, **named)
    oracle.assert_close(w, want, size, samples + 8, "batch_update")
    arrays.check_guards()


@given(seed=st.integers(0, 2**32), out=lengths, n=lengths, samples=st.integers(0, 9), dtype=dtypes)
def test_forward(seed, out, n, samples, dtype):
    arrays = Arrays(seed, dtype)
    w, x, b = arrays.matrix(out, n), arrays.matrix(samples, n), arrays.maybe(arrays.vector, out)
    y = hk.forward(w, x, b)
    assert y.shape == (samples, out) and y.dtype == dtype
    want = oracle.wide(x) @ oracle.wide(w).T + (0 if b is None else oracle.wide(b))
    size = np.abs(oracle.wide(x)) @ np.abs(oracle.wide(w)).T + (0 if b is None else np.abs(oracle.wide(b)))
    oracle.assert_close(y, want, size, n, "forward")
    for row, sample in zip(y, x):  # a batch has the bits of single calls
        single = hk.forward(w, sample, b)
        assert single.shape == (out,) and np.array_equal(single, row)
    held = arrays.matrix(samples, out)
    assert hk.forward(w, x, b, out=held) is held and np.array_equal(held, y)
    arrays.check_guards()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", oracle.ACTIVATIONS, ids=str)
def test_forward_activations(name, dtype):
    z = np.concatenate([np.linspace(-8, 8, 161), [0.0, -0.0, 30, -30]]).astype(dtype)
    y = hk.forward(z.reshape(-1, 1), [1.0], activation=name)
    want = oracle.ACTIVATIONS[name](z.astype(np.float64))
    # NumPy's own formulas lose digits by cancellation where the result is small: hence the absolute part
    assert np.all(np.abs(y - want) <= 4 * np.finfo(dtype).eps * np.abs(want) + 4e-16 * (1 + np.abs(z))), name


def test_forward_slope():
    assert hk.forward(np.array([[-2.0], [4.0]]), [1], activation=("leaky_relu", 0.25)).tolist() == [-0.5, 4]


@given(
    seed=st.integers(0, 2**32), out=lengths, n=lengths, dtype=dtypes,
    p=st.one_of(st.sampled_from([0.5, 1, 1.5, 2, 3, 4]), st.floats(0.2, 8)),
)  # fmt: skip
def test_power_sums(seed, out, n, dtype, p):
    arrays = Arrays(seed, dtype)
    w, v, u = arrays.matrix(out, n), arrays.vector(n), arrays.vector(out)
    power = np.abs(oracle.wide(w)) ** p
    rows, cols = hk.power_sums(w, p, axis=None)
    oracle.assert_close(rows, power.sum(1), power.sum(1), n + 4, "rows")
    oracle.assert_close(cols, power.sum(0), power.sum(0), out + 4, "cols")
    assert np.array_equal(rows, hk.power_sums(w, p)) and np.array_equal(cols, hk.power_sums(w, p, axis=0))
    weighted = hk.power_sums(w, p, weights=v)
    oracle.assert_close(weighted, power @ oracle.wide(v), power @ np.abs(oracle.wide(v)), n + 4, "weighted rows")
    weighted = hk.power_sums(w, p, axis=0, weights=u)
    oracle.assert_close(weighted, oracle.wide(u) @ power, np.abs(oracle.wide(u)) @ power, out + 4, "weighted cols")
    for axis, sums in ((1, power.sum(1)), (0, power.sum(0))):
        norm = hk.norms(w, p, axis=axis)
        want = sums ** (1 / p)
        oracle.assert_close(norm, want, want, (max(out, n) + 8) / min(p, 1) + 8, "norms")
    arrays.check_guards()


@pytest.mark.parametrize("dtype", DTYPES)
def test_max_norm(dtype):
    w = np.array([[1, -3, 2], [0, np.nan, 1], [-np.inf, 1, 0]], dtype)
    assert np.array_equal(hk.norms(w, math.inf), [3, np.nan, np.inf], equal_nan=True)
    rows, cols = hk.norms(w, p=math.inf, axis=None)
    assert np.array_equal(cols, [np.inf, np.nan, 2], equal_nan=True) and rows.dtype == dtype


@given(seed=st.integers(0, 2**32), out=lengths, n=lengths, dtype=dtypes)
def test_scale(seed, out, n, dtype):
    arrays = Arrays(seed, dtype)
    w, rows, cols = arrays.matrix(out, n), arrays.maybe(arrays.vector, out), arrays.maybe(arrays.vector, n)
    want = w.copy()
    if rows is not None:
        want = np.asarray(rows, dtype).reshape(-1, 1) * want if np.ndim(rows) else dtype(rows) * want
    if cols is not None:
        want = want * np.asarray(cols, dtype)
    hk.scale(w, rows, cols)
    assert np.array_equal(w, want)  # the products are rounded one by one, as NumPy's
    arrays.check_guards()


@given(seed=st.integers(0, 2**32), n=lengths, samples=st.integers(1, 9), dtype=dtypes, alpha=st.floats(0, 1))
def test_ema(seed, n, samples, dtype, alpha):
    arrays = Arrays(seed, dtype)
    for of, f in (("value", lambda a: a), ("square", np.square)):
        for a in (arrays.vector(n), arrays.matrix(samples, n)):
            s = arrays.vector(n)
            mean = np.atleast_2d(f(oracle.wide(a))).mean(0)
            want = alpha * mean + (1 - alpha) * oracle.wide(s)
            size = np.atleast_2d(np.abs(f(oracle.wide(a)))).mean(0) + np.abs(oracle.wide(s))
            hk.ema(s, a, alpha, of=of)
            oracle.assert_close(s, want, size, samples + 4, "ema")
    arrays.check_guards()


@given(seed=st.integers(0, 2**32), out=lengths, n=lengths, dtype=dtypes)
def test_gain_rule(seed, out, n, dtype):
    arrays = Arrays(seed, dtype)
    for form in ("linear", "exp"):
        for limit in (None, 0.5):
            w, post, pre, b = arrays.matrix(out, n), arrays.vector(out), arrays.vector(n), arrays.vector(out)
            lr = 0.125
            rate = lr * (oracle.wide(pre) ** 2 - oracle.column(post) ** 2)
            decay = -lr * oracle.wide(post) ** 2
            bias_size = np.abs(oracle.wide(b)) * (3 - decay)
            if form == "linear":
                want, want_bias = oracle.wide(w) * (1 + rate), oracle.wide(b) * (1 + decay)
            else:
                want, want_bias = oracle.wide(w) * np.exp(rate), oracle.wide(b) * np.exp(decay)
            # the exponents are rounded before exp: relative error |exponent| u
            exponents = lr * (oracle.wide(pre) ** 2 + oracle.column(post) ** 2)
            size = np.abs(oracle.wide(w)) * (1 + exponents) * np.maximum(1, np.exp(rate))
            if limit:
                want = np.clip(want, -limit, limit)
            hk.gain_rule(w, post, pre, lr, bias=b, form=form, limit=limit)
            oracle.assert_close(w, want, size, 8, f"gain_rule {form}")
            oracle.assert_close(b, want_bias, bias_size, 8, "bias")
    arrays.check_guards()


@pytest.mark.parametrize("dtype", DTYPES)
def test_same_bits_for_any_number_of_threads(dtype):
    random = np.random.default_rng(7)
    start = random.standard_normal((700, 900)).astype(dtype)
    g, x, X = (random.standard_normal(n).astype(dtype) for n in (700, 900, (9, 900)))
    results = []
    before = hk.get_num_threads()
    for threads in (1, 2, 3, 4):
        hk.set_num_threads(threads)
        w = start.copy()
        hk.rank1(w, g, x, decay=0.01, low=-2, high=2)
        hk.batch_update(w, np.tile(g, (9, 1)), X)
        hk.scale(w, g, x)
        hk.gain_rule(w, g, x, 1e-3, form="exp")
        parts = [
            w,
            hk.forward(w, X, activation="tanh"),
            *hk.power_sums(w, 2.7, axis=None),
            *hk.norms(w, 1.5, axis=None),
        ]
        results.append(b"".join(part.tobytes() for part in parts))
    hk.set_num_threads(before)
    assert all(result == results[0] for result in results)
