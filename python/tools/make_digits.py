"""Writes src/hebbkern/data/digits.npz from scikit-learn's copy of the UCI handwritten digits.

Run by ``make digits``. The output is the same in every byte for one zlib:
names, order, dates and compression level in the archive are fixed.
"""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path

import numpy as np


def archive(arrays: dict[str, np.ndarray]) -> bytes:
    """The .npz file of the arrays, free of dates."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as z:
        for name, array in arrays.items():
            npy = io.BytesIO()
            np.lib.format.write_array(npy, array, version=(1, 0), allow_pickle=False)
            info = zipfile.ZipInfo(name + ".npy", date_time=(1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            info.create_system = 3
            z.writestr(info, npy.getvalue(), compresslevel=9)
    return out.getvalue()


def main() -> None:
    from sklearn.datasets import load_digits

    digits = load_digits()
    images, labels = digits.data, digits.target
    if images.shape != (1797, 64) or images.min() != 0 or images.max() != 16 or (images % 1).any():
        sys.exit("make_digits: scikit-learn's digits are not 1,797 images of 64 whole numbers in 0..16")
    content = archive({"images": images.astype(np.uint8), "labels": labels.astype(np.uint8)})
    path = Path(__file__).resolve().parents[1] / "src" / "hebbkern" / "data" / "digits.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    print(f"{path.name}: {len(content)} bytes")


if __name__ == "__main__":
    main()
