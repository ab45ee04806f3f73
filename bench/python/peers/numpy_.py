"""NumPy. Its forms are in the package."""

import numpy as np
from hebbkern.bench.in_numpy import FORMS  # noqa: F401

USES_BLAS = True


def versions() -> dict:
    simd = np.show_config(mode="dicts").get("SIMD Extensions", {})
    return {"numpy": np.__version__, "simd": simd.get("found", [])}
