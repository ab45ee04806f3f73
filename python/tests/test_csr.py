"""Rules on sparse weights: those of a dense w under its mask."""

import types

import numpy as np
import pytest
from test_compose import with_parts
from test_rules import COMPETITIVE, RULES, ids

import hebbkern as hk

OUT, IN, SAMPLES = 6, 17, 5
MASK = np.random.default_rng(1).random((OUT, IN)) < 0.5
MASK[2] = False  # a row without an entry
PARTS = {
    "nothing": {},
    "soft": {"bound": (-1, 1.5), "soft": True, "bistable": (0.25, 0.5), "row_lr": np.linspace(0, 1.5, OUT)},
    "Dale": {"sign": np.arange(IN) % 3 - 1, "normalize_weights": hk.WeightNorm(1.5, 2)},
    "subtractive": {"bound": (None, np.full(IN, 0.25)), "normalize_weights": hk.WeightNorm(target=0.5, how="subtractive")},
}


def made(dtype=np.float64, index=np.int32):
    dense = np.where(MASK, np.random.default_rng(2).standard_normal((OUT, IN)) * 0.3, 0).astype(dtype)
    w = hk.CSR.from_dense(dense, MASK)
    return w._replace(indices=w.indices.astype(index), indptr=w.indptr.astype(index)), dense


@pytest.mark.parametrize("parts", PARTS.values(), ids=PARTS)
@pytest.mark.parametrize("rule", RULES + COMPETITIVE, ids=ids)
@pytest.mark.parametrize("dtype, index", [(np.float32, np.int32), (np.float64, np.int64)])
def test_masked_weights(rule, parts, dtype, index):
    rule = with_parts(rule, parts)
    X = np.random.default_rng(3).standard_normal((SAMPLES, IN)).astype(dtype)
    masked = with_parts(rule, {"mask": MASK})
    masked.lr = rule.lr = hk.schedules.Exponential(0.1, 0.5)
    for reduction in ("sequential", "sum", "mean"):
        w, dense = made(dtype, index)
        y = rule.update(w, X, reduction=reduction)
        want = masked.update(dense, X, reduction=reduction)
        tolerance = 400 * np.finfo(dtype).eps
        np.testing.assert_allclose(w.to_dense(), np.where(MASK, dense, 0), rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(y, want, rtol=tolerance, atol=tolerance)
        if reduction == "sequential":
            single, _ = made(dtype, index)
            rule.step = 0
            assert all(np.array_equal(rule.update(single, x), v) for x, v in zip(X, y))
            assert np.array_equal(single.data, w.data)
        rule.step = masked.step = 0


def test_any_object_with_the_parts():
    """As scipy.sparse.csr_array has them."""
    w, dense = made()
    theirs = types.SimpleNamespace(data=w.data.copy(), indices=w.indices, indptr=w.indptr, shape=w.shape)
    x = np.ones(IN)
    assert np.array_equal(hk.rules.Oja(0.1).update(theirs, x), hk.rules.Oja(0.1).update(w, x))
    assert np.array_equal(theirs.data, w.data) and not np.array_equal(w.to_dense(), dense)


def test_a_diagonal_that_is_held():
    square = MASK[:, :OUT] | (np.arange(OUT) % 2 == 0) * np.eye(OUT, dtype=bool)
    dense = np.where(square, np.random.default_rng(4).standard_normal((OUT, OUT)), 0)
    w = hk.CSR.from_dense(dense, square)
    rule = hk.rules.AntiHebbian(0.1, zero_diagonal=True, normalize_weights=2)
    for reduction in ("sequential", "mean"):
        rule.update(w, np.eye(OUT), reduction=reduction, normalize="max" if reduction == "mean" else None)
        found = w.to_dense()
        assert np.array_equal(found.diagonal(), dense.diagonal()) and not np.array_equal(found, dense)


def test_traces_and_answers_of_sparse_weights():
    """ThreeFactor and Foldiak with answers of their own, as on the masked w."""
    X = np.random.default_rng(5).random((SAMPLES, IN))
    for make, options in (
        (lambda **c: hk.rules.ThreeFactor(0.1, 2.0, tau_rise=1.0, row_lr=np.linspace(0, 1, OUT), **c), {"modulator": 0.5}),
        (lambda **c: hk.rules.Foldiak(0.1, p=0.3, **c), {}),
        (lambda **c: hk.rules.Foldiak(0.1, p=0.3, bound=(0, 0.5), **c), {"reduction": "mean"}),
    ):
        w, dense = made()
        rule, masked = make(), make(mask=MASK)
        y, want = rule.update(w, X, **options), masked.update(dense, X, **options)
        np.testing.assert_allclose(y, want, rtol=1e-12)
        np.testing.assert_allclose(w.to_dense(), dense, rtol=1e-12, atol=1e-15)
        if isinstance(rule, hk.rules.ThreeFactor):
            np.testing.assert_allclose(hk.CSR(rule.e, w.indices, w.indptr, w.shape).to_dense(), masked.e, rtol=1e-12, atol=1e-15)


def test_refusals():
    x, value, kind = np.ones(IN), hk.ArgumentValueError, hk.ArgumentTypeError
    oja = hk.rules.Oja(0.1)
    w, _ = made()

    def bad(**parts):
        return w._replace(**parts)

    def wrong_trace():
        rule = hk.rules.ThreeFactor(0.1, 2.0)
        rule.e = np.zeros((OUT, IN))
        return rule

    indices, indptr = w.indices.copy(), w.indptr.copy()
    indices[1], indptr[1] = indices[0], -1
    for error, name, call in (
        (value, "w", lambda: oja.update(bad(shape=(OUT + 1, IN)), x)),
        (value, "x", lambda: oja.update(w, np.ones(IN + 1))),
        (value, "x", lambda: oja.update(bad(shape=(OUT, IN + 1)), x)),
        (value, "indices", lambda: oja.update(bad(indices=indices), x)),
        (value, "indices", lambda: oja.update(bad(indices=w.indices[1:]), x)),
        (kind, "indices", lambda: oja.update(bad(indices=w.indices.astype(float)), x)),
        (value, "indptr", lambda: oja.update(bad(indptr=indptr), x)),
        (kind, "indptr", lambda: oja.update(bad(indptr=w.indptr.astype(np.int64)), x)),
        (kind, "w", lambda: oja.update(bad(data=w.data.astype(int)), x)),
        (kind, "x", lambda: oja.update(w, x.astype(np.float32))),
        (value, "y", lambda: oja.update(w, x, np.ones(OUT + 1))),
        (value, "block", lambda: oja.update(w, x, block=4)),
        (value, "mask", lambda: hk.rules.Oja(0.1, mask=MASK).update(w, x)),
        (value, "block", lambda: hk.rules.ContrastiveHebbian(0.1).update(w, [x], np.ones((1, OUT)), [x], np.ones((1, OUT)), block=1)),
        (value, "mask", lambda: hk.rules.ThreeFactor(0.1, 2.0, mask=MASK).update(w, x, modulator=1)),
        (value, "y", lambda: hk.rules.Custom(lambda x, y, s: {"g": y}).update(w, x)),
        (value, "e", lambda: wrong_trace().update(w, x, modulator=1)),
        (value, "row_lr", lambda: hk.rules.Oja(0.1, row_lr=np.ones(OUT + 1)).update(w, x)),
    ):
        before = w.data.copy()
        with pytest.raises(error) as caught:
            call()
        assert caught.value.argument == name, caught.value
        assert np.array_equal(before, w.data)
    with pytest.raises(kind):
        hk.CSR.from_dense(np.ones(3))
    with pytest.raises(value):
        hk.CSR.from_dense(np.ones((2, 3)), np.ones((3, 2), bool))
