"""Arrays of other kinds: used in place, or refused, never copied in silence."""

import array
import ctypes

import numpy as np
import pytest

import hebbkern as hk


class Provider:
    """An array library that offers DLPack and nothing else."""

    def __init__(self, values, versioned=True, device=None):
        self.values, self.versioned, self.device = values, versioned, device

    def __dlpack_device__(self):
        return self.device or self.values.__dlpack_device__()

    def __dlpack__(self, **options):
        if not self.versioned:
            if "max_version" in options:
                raise TypeError("an old provider")
            options = {}
        return self.values.__dlpack__(**options)


@pytest.mark.parametrize("versioned", [True, False])
def test_dlpack_in_place(versioned):
    values = np.zeros((3, 4), np.float32)
    w = Provider(values, versioned)
    hk.rank1(w, Provider(np.ones(3, np.float32), versioned), Provider(np.arange(4, dtype=np.float32), versioned))
    assert (values == np.arange(4)).all()
    hk.scale(w, 2)
    assert (values == 2 * np.arange(4)).all()
    assert hk.forward(w, Provider(np.ones(4, np.float32), versioned)).tolist() == [12, 12, 12]
    assert hk.power_sums(w, 1).tolist() == [12, 12, 12]
    out = np.zeros(3, np.float32)
    y = hk.forward(values, np.ones(4, np.float32), out=Provider(out, versioned))
    assert out.tolist() == [12, 12, 12] and np.shares_memory(y, out)
    mask = np.zeros((3, 4), bool)
    mask[1] = True
    if np.lib.NumpyVersion(np.__version__) >= "1.25.0":  # before, DLPack had no bool
        hk.rank1(w, None, None, decay=1, mask=Provider(mask, versioned))
        assert values[1].tolist() == [0] * 4 and values[0].tolist() == [0, 2, 4, 6]


def test_dlpack_refusals():
    values = np.ones((3, 4))
    with pytest.raises(TypeError, match="another device") as caught:
        hk.scale(Provider(values, device=(2, 0)), 2)
    assert caught.value.argument == "w"
    with pytest.raises(TypeError, match="float32"):
        hk.rank1(Provider(values), 1, Provider(np.ones(4, np.float32)))
    with pytest.raises(ValueError, match="contiguous"):
        hk.rank1(Provider(values.T), 1, 1)
    with pytest.raises(ValueError, match="shares elements"):
        hk.rank1(Provider(values), 1, Provider(values[1]))
    values.flags.writeable = False
    if np.lib.NumpyVersion(np.__version__) >= "2.1.0":  # before, NumPy did not hand out read-only arrays at all
        with pytest.raises(ValueError, match="read-only"):
            hk.scale(Provider(values), 2)
        assert hk.power_sums(Provider(values), 1).tolist() == [4, 4, 4]
    assert (values == 1).all()


def test_a_provider_that_is_not_numpy():
    import tvm_ffi

    values = np.zeros((2, 3), np.float32)
    w = tvm_ffi.from_dlpack(values)
    hk.rank1(w, 1, tvm_ffi.from_dlpack(np.array([1, 2, 3], np.float32)))
    assert values.tolist() == [[1, 2, 3]] * 2
    assert hk.forward(w, tvm_ffi.from_dlpack(np.ones(3, np.float32))).tolist() == [6, 6]


def test_buffers_in_place(tmp_path):
    row = array.array("d", [1, 2, 3])
    hk.ema(row, [1, 1, 1], 1.0)
    assert row.tolist() == [1, 1, 1]
    block = (ctypes.c_float * 3 * 2)()
    hk.rank1(block, 1, array.array("f", [1, 2, 3]))
    assert [list(line) for line in block] == [[1, 2, 3]] * 2
    view = memoryview(bytearray(48)).cast("d", (2, 3))
    hk.rank1(view, [1, 2], 1)
    assert view.tolist() == [[1, 1, 1], [2, 2, 2]]
    assert hk.power_sums(view, 1).tolist() == [3, 6]
    mapped = np.memmap(tmp_path / "weights", np.float32, "w+", shape=(2, 3))
    hk.rank1(mapped, 1, 1)
    assert (np.array(mapped) == 1).all()
    masked = np.ma.zeros((2, 2))
    hk.rank1(masked, 1, 1)
    assert (masked == 1).all()
    with pytest.raises(ValueError, match="read-only"):
        hk.ema(memoryview(bytes(24)).cast("d"), [1, 1, 1], 0.5)
    with pytest.raises(TypeError, match="float32"):
        hk.ema(bytearray(24), [1, 1, 1], 0.5)


def test_numbers_are_converted():
    w = np.zeros((2, 3), np.float32)
    for g in (
        1,
        1.0,
        True,
        np.float32(1),
        np.float64(1),
        np.int8(1),
        np.array(1.0),
        np.array(1, np.int32),
        [1, 1],
        (1.0, 1),
    ):
        before = w.copy()
        hk.rank1(w, g, [1, 2, 3])
        assert np.array_equal(w - before, [[1, 2, 3]] * 2), repr(g)
    hk.rank1(w, None, None, decay=1, mask=[[True, False, True]] * 2)
    assert w.tolist() == [[0, 20, 0]] * 2
    assert hk.power_sums([[1, -2], [3, 4]], 1).tolist() == [3, 7]
    assert hk.forward([[1, 2]], [3, 4]).tolist() == [11]


def test_views_are_let_go():
    row = array.array("d", [1, 2, 3])
    hk.ema(row, [1, 1, 1], 0.5)
    with pytest.raises(ValueError):
        hk.ema(row, [1, 1], 0.5)
    row.append(4)  # refused by Python while a buffer is held
    assert len(row) == 4


def test_references_are_let_go():
    import sys

    w, g, x = np.zeros((3, 3)), np.ones(3), np.ones(4)

    def counts():
        return [sys.getrefcount(value) for value in (w, g, x, None)][:3]

    before = counts()
    for _ in range(100):
        hk.rank1(w, g, g)
        with pytest.raises(ValueError):
            hk.rank1(w, g, x)
    assert counts() == before


def test_interrupts_of_a_number_are_not_swallowed():
    class Number(float):
        def __float__(self):
            raise KeyboardInterrupt

    class Stubborn:
        def __dlpack__(self, **options):
            raise KeyboardInterrupt

    w = np.zeros((2, 2))
    with pytest.raises(KeyboardInterrupt):
        hk.rank1(w, Stubborn(), 1)
    assert not w.any()
