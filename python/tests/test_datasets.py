"""Data sets: the packaged digits are scikit-learn's, value for value; IDX files are read, and bad ones refused."""

import gzip
import hashlib
import struct
from importlib import resources

import numpy as np
import pytest

from hebbkern import datasets

TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = (name for name, _, _ in datasets._MNIST_FILES)


def digest(array):
    return hashlib.sha256(array.astype(np.uint8).tobytes()).hexdigest()


def test_digits_are_the_published_ones():
    X, y = datasets.load_digits()
    assert X.shape == (1797, 64) and X.dtype == np.float32 and X.flags.c_contiguous and X.flags.writeable
    assert y.shape == (1797,) and y.dtype == np.int64
    assert X.min() == 0 and X.max() == 1
    pixels = X * 16
    assert (pixels == np.rint(pixels)).all()
    # Counts of the classes and sums as scikit-learn publishes them; the digests are of the bytes of its arrays.
    assert np.bincount(y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert digest(pixels) == "8f26b2bd9d135c256808f68f14fdabddde6d9c7f869ae419704b051f0f14b3b3"
    assert digest(y) == "8ba4f891220f5e4c9c819638d1602d74b83618f167043c6da52a2a247841ddf0"


def test_digits_first_image():
    X, y = datasets.load_digits()
    assert y[:10].tolist() == list(range(10))
    assert (X[0, :16] * 16).tolist() == [0, 0, 5, 13, 9, 1, 0, 0, 0, 0, 13, 15, 10, 15, 5, 0]


def test_digits_calls_do_not_share_memory():
    a, b = datasets.load_digits(), datasets.load_digits()
    a[0][:] = 7
    assert b[0].max() == 1


def test_notice_names_source_and_licence():
    notice = (resources.files("hebbkern") / "data" / "NOTICE").read_text(encoding="utf-8")
    assert "CC BY 4.0" in notice and "UCI" in notice and "Alpaydin" in notice


def idx(array):
    return struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


@pytest.fixture(scope="module")
def files():
    rng = np.random.default_rng(1)
    return {
        name: rng.integers(0, 256 if shape else 10, (count, *shape), dtype=np.uint8)
        for name, count, shape in datasets._MNIST_FILES
    }


@pytest.fixture
def folder(tmp_path, files):
    for name, array in files.items():
        (tmp_path / name).write_bytes(idx(array))
    return tmp_path


def check(loaded, files):
    Xtrain, ytrain, Xtest, ytest = loaded
    sets = ((Xtrain, ytrain, TRAIN_IMAGES, TRAIN_LABELS), (Xtest, ytest, TEST_IMAGES, TEST_LABELS))
    for X, y, images, labels in sets:
        assert X.dtype == np.float32 and y.dtype == np.int64
        np.testing.assert_array_equal(X, files[images].reshape(len(X), 784).astype(np.float32) / np.float32(255))
        np.testing.assert_array_equal(y, files[labels])


def test_mnist_from_a_folder(folder, files):
    check(datasets.load_mnist(folder), files)
    check(datasets.load_mnist(str(folder)), files)


def test_mnist_from_gzip(folder, files):
    for name in (TEST_IMAGES, TRAIN_LABELS):
        (folder / (name + ".gz")).write_bytes(gzip.compress((folder / name).read_bytes(), 1))
        (folder / name).unlink()
    check(datasets.load_mnist(folder), files)


def test_mnist_default_folder(folder, files, monkeypatch):
    monkeypatch.setenv("HEBBKERN_DATA", str(folder))
    check(datasets.load_mnist(), files)
    monkeypatch.delenv("HEBBKERN_DATA")
    (folder / "data").mkdir()
    for name in files:
        (folder / name).rename(folder / "data" / name)
    monkeypatch.chdir(folder)
    check(datasets.load_mnist(), files)


@pytest.mark.parametrize("missing", [TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS])
def test_mnist_missing_file_is_named(folder, missing):
    (folder / missing).unlink()
    with pytest.raises(FileNotFoundError, match=f"{missing}.*make data"):
        datasets.load_mnist(folder)


def with_byte(content, at, value):
    return content[:at] + bytes([value]) + content[at + 1 :]


@pytest.mark.parametrize(
    "name, change, words",
    [
        (TRAIN_IMAGES, lambda c: c[:-1], "cut short"),
        (TRAIN_IMAGES, lambda c: c[:16], "cut short, 0 bytes of elements"),
        (TRAIN_IMAGES, lambda c: c[:15], "header"),
        (TEST_LABELS, lambda c: b"", "header"),
        (TEST_LABELS, lambda c: c + b"\0", "too long"),
        (TEST_IMAGES, lambda c: with_byte(c, 2, 9), "0x00000903, wanted 0x00000803"),
        (TEST_IMAGES, lambda c: with_byte(c, 0, 1), "0x01000803, wanted"),
        (TRAIN_LABELS, lambda c: with_byte(c, 3, 3), "0x00000803, wanted 0x00000801"),
        (TEST_IMAGES, lambda c: with_byte(c, 11, 27), "27.*wanted.*28"),
        (TRAIN_LABELS, lambda c: with_byte(c, 8 + 1234, 10), "item 1234 has label 10"),
    ],
)
def test_mnist_bad_file_is_named(folder, name, change, words):
    path = folder / name
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(ValueError, match=words) as error:
        datasets.load_mnist(folder)
    assert name in str(error.value) and "make data" in str(error.value)


@pytest.mark.parametrize(
    "change", [lambda c: c[:-9], lambda c: b"not gzip", lambda c: with_byte(c, len(c) - 5, c[-5] ^ 1)]
)
def test_mnist_bad_gzip_is_named(folder, change):
    path = folder / TEST_LABELS
    packed = gzip.compress(path.read_bytes())
    path.unlink()
    (folder / (TEST_LABELS + ".gz")).write_bytes(change(packed))
    with pytest.raises(ValueError, match="not a whole gzip file") as error:
        datasets.load_mnist(folder)
    assert TEST_LABELS + ".gz" in str(error.value)
